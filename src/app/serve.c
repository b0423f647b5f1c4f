/* serve: flags -> configuration -> loops, clients, servers -> run until told to end -> take it all down.
 *
 * Everything is made on the main thread before any loop runs, so that every failure of start-up (a bad file, a port in
 * use) is one message and exit status 1. */
#include "app/command.h"
#include "app/ingest.h"
#include "app/process.h"
#include "app/program.h"
#include "base/clock.h"
#include "base/log.h"
#include "promql/parse.h"
#include <curl/curl.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    HEALTH_INTERVAL_MS = 15000,
    WAITING_PER_PLACE = 16, /* queries that may wait for each that may run */
    SETTLE_MS = 5,
    MAX_FORM_BYTES = 2 << 20
};

/* --- what start and reload share --- */

struct gv_snapshot *program_load(struct program *p, struct gv_err *err)
{
    struct gv_snapshot *s = gv_snapshot_load(p->flags, p->features, p->clusters, err);
    if (s && p->keeper)
        s->settings.local = keeper_local(p->keeper);
    return s;
}

void program_apply(struct program *p, struct gv_snapshot *s)
{
    const struct gv_global_config *g = s->config->global;
    pthread_mutex_lock(&p->lock);
    struct gv_settings *old = p->current;
    p->current = gv_settings_get(&s->settings);
    pthread_mutex_unlock(&p->lock);
    if (old && gv_snapshot_of(old)->config->global->max_total_query_memory != g->max_total_query_memory)
        gv_log(GV_LOG_WARN, "max_total_query_memory changes at the next start only");
    gv_settings_put(old);
    if (p->receiver)
        ingest_apply(p->receiver, s->config);
    if (p->keeper)
        keeper_apply(p->keeper, s->config);
    else if (s->config->storage)
        gv_log(GV_LOG_WARN, "storage is switched on at the next start only");
    if (old)
        forwarder_apply(p->forwarder, s->config);
    gv_gate_set_places(p->gate, (unsigned)g->max_concurrent_queries);
    gv_cluster_client_set_clusters(p->probes, s->clusters);
    gv_health_set_clusters(p->health, s->clusters);
}

/* --- flags --- */

/* "" or "/prefix": what --web.route-prefix says, else the path of --web.external-url. */
static bool route_prefix(const struct gv_flags *f, struct gv_arena *a, const char **prefix, struct gv_err *err)
{
    const char *url = f->external_url.p, *path = f->route_prefix.p;
    if (url) {
        if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
            return gv_fail(err, GV_BAD_DATA, "--web.external-url: must start with http:// or https://");
        path = path ? path : strchr(strstr(url, "://") + 3, '/');
    }
    path = path ? path : "";
    while (*path == '/')
        path++;
    size_t n = strlen(path);
    while (n && path[n - 1] == '/')
        n--;
    *prefix = n ? gv_arena_printf(a, "/%.*s", (int)n, path) : "";
    return true;
}

/* --- making it --- */

static bool make_api(struct program *p, struct gv_arena *a, struct gv_err *err)
{
    const struct gv_flags *f = p->flags;
    struct gv_api_options options = {.cors_origin = f->cors_origin.p,
                                     .enable_lifecycle = f->enable_lifecycle,
                                     .enable_admin_api = f->enable_admin_api,
                                     .max_form_bytes = MAX_FORM_BYTES,
                                     .max_read_bytes = (size_t)f->read_request_limit,
                                     .max_read_samples = f->read_sample_limit};
    struct gv_api_ops ops = program_ops(p);
    return route_prefix(f, a, &options.route_prefix, err) && (p->api = gv_api_new(&options, &ops, err));
}

/* The first loop may be given port 0: the others then bind the port that it got. */
static bool listen_on(struct program *p, unsigned i, size_t k, struct gv_err *err)
{
    const char *address = p->flags->listen.items[k].p, *colon = strrchr(address, ':');
    char bound[300];
    if (i > 0 && colon && strcmp(colon, ":0") == 0) {
        snprintf(bound, sizeof bound, "%.*s:%d", (int)(colon - address), address,
                 gv_http_server_port(p->slots[0].server, k));
        address = bound;
    }
    if (!gv_http_server_listen(p->slots[i].server, address, err))
        return gv_err_prefix(err, "--web.listen-address: ");
    return true;
}

static bool make_slot(struct program *p, unsigned i, struct gv_snapshot *snapshot, struct gv_err *err)
{
    struct slot *s = &p->slots[i];
    s->program = p;
    if (!(s->loop = gv_loop_new(i, err)) || !(s->clusters = gv_cluster_client_new(s->loop, err)))
        return false;
    s->settings = gv_settings_get(&snapshot->settings);
    gv_cluster_client_share(s->clusters, p->n_slots);
    gv_cluster_client_set_clusters(s->clusters, snapshot->clusters);
    struct gv_query_env env = {s->loop, p->workers, s->clusters, p->gate, p->reads, &p->memory, p->receiver};
    s->api = gv_api_loop_new(p->api, &env);
    struct gv_http_handlers handlers = gv_api_handlers(s->api);
    struct gv_http_limits limits = gv_http_default_limits;
    limits.max_connections = (unsigned)p->flags->max_connections;
    if (!(s->server = gv_http_server_new(s->loop, &limits, &handlers, err)))
        return false;
    for (size_t k = 0; k < p->flags->listen.n; k++)
        if (!listen_on(p, i, k, err))
            return false;
    return true;
}

static void make_shared(struct program *p, const struct gv_snapshot *s)
{
    const struct gv_global_config *g = s->config->global;
    int64_t total = g->max_total_query_memory ? g->max_total_query_memory : gv_process_memory() / 10 * 6;
    gv_budget_init(&p->memory, "max_total_query_memory", total, GV_UNAVAILABLE, NULL);
    unsigned places = (unsigned)g->max_concurrent_queries;
    p->gate = gv_gate_new(places, places * WAITING_PER_PLACE);
    unsigned reads = (unsigned)p->flags->read_concurrent_limit;
    p->reads = gv_gate_new(reads, reads * WAITING_PER_PLACE);
}

static bool open_store(struct program *p, struct gv_snapshot *s, struct gv_ingest_sink *sink, struct gv_err *err)
{
    if (!s->config->storage)
        return true;
    if (!(p->keeper = keeper_new(s->config, err)))
        return false;
    s->settings.local = keeper_local(p->keeper);
    *sink = ingest_sink_of(s->settings.local->store);
    return true;
}

/* What is pushed goes to the store, to the endpoints of remote_write, or through these to the store. */
static bool open_ingest(struct program *p, struct gv_snapshot *s, struct gv_err *err)
{
    struct gv_ingest_sink sink = {.ctx = NULL};
    if (!open_store(p, s, &sink, err) || !forwarder_new(s, sink, &p->forwarder, err))
        return false;
    if (p->forwarder)
        sink = forwarder_sink(p->forwarder);
    if (sink.append)
        p->receiver = ingest_receiver_new(s->config, sink);
    return true;
}

static bool make(struct program *p, struct gv_arena *a, struct gv_snapshot *snapshot, struct gv_err *err)
{
    const struct gv_flags *f = p->flags;
    unsigned cores = gv_process_cores();
    p->n_slots = f->loops ? (unsigned)f->loops : cores;
    p->n_workers = f->workers ? (unsigned)f->workers : cores;
    p->slots = gv_arena_array(a, struct slot, p->n_slots);
    make_shared(p, snapshot);
    if (!open_ingest(p, snapshot, err))
        return false;
    if (!make_api(p, a, err) || !(p->workers = gv_workers_new(p->n_workers, err)))
        return false;
    for (unsigned i = 0; i < p->n_slots; i++)
        if (!make_slot(p, i, snapshot, err))
            return false;
    if (!(p->control = gv_loop_new(p->n_slots, err)) || !(p->probes = gv_cluster_client_new(p->control, err)) ||
        !(p->health = gv_health_new(p->probes, HEALTH_INTERVAL_MS, err)))
        return false;
    if (p->forwarder && !forwarder_start(p->forwarder, p->workers, p->n_slots + 1, err))
        return false;
    program_metrics_init(p);
    program_apply(p, snapshot);
    return true;
}

/* --- running it --- */

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    struct program *p = arg;
    if (number == SIGHUP)
        program_reload(p);
    else
        program_end(p);
}

/* One that comes before it can be heeded waits until then, and one that comes afterwards is of no use: neither may end
 * the process, as it does where nobody watches for it. Other threads take no signals. */
static void hold_hangups(bool hold)
{
    sigset_t hangup;
    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &hangup, NULL);
}

static void watch_signals(struct program *p)
{
    static const int numbers[] = {SIGHUP, SIGTERM, SIGINT};
    for (size_t i = 0; i < GV_COUNT(numbers); i++) {
        p->signals[i] = evsignal_new(gv_loop_base(p->control), numbers[i], on_signal, p);
        if (!p->signals[i] || event_add(p->signals[i], NULL) != 0)
            gv_die("cannot watch signal %d", numbers[i]);
    }
    hold_hangups(false);
}

static void unwatch_signals(struct program *p)
{
    hold_hangups(true);
    for (size_t i = 0; i < GV_COUNT(p->signals); i++)
        event_free(p->signals[i]);
}

static bool start_loops(struct program *p, unsigned *started, struct gv_err *err)
{
    for (*started = 0; *started < p->n_slots; ++*started)
        if (!gv_loop_start(p->slots[*started].loop, err))
            return false;
    return true;
}

static void announce(struct program *p)
{
    for (size_t k = 0; k < p->flags->listen.n; k++) {
        const char *address = p->flags->listen.items[k].p, *colon = strrchr(address, ':');
        char text[300];
        snprintf(text, sizeof text, "%.*s:%d", (int)(colon ? colon - address : 0), address,
                 gv_http_server_port(p->slots[0].server, k));
        gv_log(GV_LOG_INFO, "listening", GV_F("address", (const char *)text));
    }
}

static void now_ready(struct program *p)
{
    int64_t now = gv_clock_wall(&gv_clock_real);
    pthread_mutex_lock(&p->lock);
    p->ready = p->reload_successful = true;
    p->last_config_time_ms = now;
    pthread_mutex_unlock(&p->lock);
    program_metrics_reloaded(true, now);
    gv_process_notify("READY=1");
}

/* --- taking it down: each loop frees what belongs to it on its own thread, then stops --- */

static void free_slot(struct slot *s)
{
    gv_http_server_free(s->server);
    gv_api_loop_free(s->api);
    if (s->clusters)
        gv_cluster_client_free(s->clusters);
    gv_settings_put(s->settings);
    s->server = NULL;
    s->api = NULL;
    s->clusters = NULL;
    s->settings = NULL;
}

static void on_settle(struct gv_timer *t)
{
    struct slot *s = container_of(t, struct slot, settle);
    if (gv_cluster_client_running(s->clusters)) { /* cancelled transfers end on later turns */
        gv_timer_set(t, SETTLE_MS);
        return;
    }
    gv_timer_fini(t);
    free_slot(s);
    gv_loop_stop(s->loop);
}

static void on_finish(struct gv_message *m)
{
    struct slot *s = container_of(m, struct slot, finish);
    gv_timer_init(&s->settle, s->loop, on_settle);
    gv_timer_set(&s->settle, 0);
}

static void stop_loops(struct program *p, unsigned started)
{
    for (unsigned i = 0; i < started; i++) {
        p->slots[i].finish.fn = on_finish;
        gv_loop_post(p->slots[i].loop, &p->slots[i].finish);
    }
    for (unsigned i = 0; i < started; i++)
        gv_loop_join(p->slots[i].loop);
}

static bool run(struct program *p, struct gv_err *err)
{
    unsigned started;
    watch_signals(p);
    bool ok = start_loops(p, &started, err);
    if (ok) {
        announce(p);
        now_ready(p);
        gv_loop_run(p->control);
    }
    stop_loops(p, started);
    unwatch_signals(p);
    return ok;
}

static void on_unused_health_stopped(void *arg)
{
    struct program *p = arg;
    gv_loop_stop(p->control);
}

/* Where start-up failed half way, anything may be missing. */
static void unmake(struct program *p)
{
    if (p->health) { /* never ran */
        gv_health_stop(p->health, on_unused_health_stopped, p);
        gv_loop_run(p->control);
    }
    for (unsigned i = 0; i < p->n_slots && p->slots; i++)
        free_slot(&p->slots[i]);
    if (p->probes)
        gv_cluster_client_free(p->probes);
    forwarder_stop(p->forwarder);
    if (p->workers)
        gv_workers_free(p->workers);
    for (unsigned i = 0; i < p->n_slots && p->slots; i++)
        gv_loop_free(p->slots[i].loop);
    gv_loop_free(p->control);
    gv_api_free(p->api);
    gv_settings_put(p->current);
    gv_gate_free(p->gate);
    gv_gate_free(p->reads);
    ingest_receiver_free(p->receiver);
    forwarder_free(p->forwarder);
    keeper_free(p->keeper);
    if (p->metrics)
        gv_registry_free(p->metrics);
}

static int serve(const struct gv_flags *f, struct gv_arena *a)
{
    struct program p = {.flags = f, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct gv_err err = {0};
    p.start_time_ms = gv_clock_wall(&gv_clock_real);
    p.clusters = gv_cluster_registry_new();
    struct gv_snapshot *snapshot = gv_flags_features(p.flags, &p.features, &err) ? program_load(&p, &err) : NULL;
    bool ok = snapshot && make(&p, a, snapshot, &err);
    if (snapshot)
        gv_settings_put(&snapshot->settings);
    if (ok)
        gv_log(GV_LOG_INFO, "globalview starts", GV_F("version", GV_VERSION), GV_F("loops", p.n_slots),
               GV_F("workers", p.n_workers), GV_F("max_total_query_memory", p.memory.limit));
    ok = ok && run(&p, &err);
    unmake(&p);
    gv_cluster_registry_free(p.clusters);
    if (ok)
        gv_log(GV_LOG_INFO, "globalview ends");
    return ok ? GV_EXIT_OK : gv_complain(GV_EXIT_FAILED, "%s", err.msg);
}

static int start(const struct gv_flags *f, struct gv_arena *a)
{
    gv_log_set_level((enum gv_log_level)f->log_level);
    gv_log_set_format((enum gv_log_format)f->log_format);
    hold_hangups(true);
    gv_process_give_memory_back();
    gv_process_raise_nofile();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int status = serve(f, a);
    curl_global_cleanup();
    libevent_global_shutdown();
    return status;
}

int gv_serve_main(int argc, char **argv)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_flags f;
    struct gv_err err = {0};
    const char **args = gv_arena_array(&a, const char *, argc + 1);
    size_t n_args;
    struct gv_buf out = GV_BUF_INIT;
    int status = GV_EXIT_OK;
    if (!gv_flags_parse(&f, &a, argc, argv, args, &n_args, &err))
        status = gv_complain(GV_EXIT_USAGE, "%s", err.msg);
    else if (f.help)
        gv_print_help(&out);
    else if (f.version)
        gv_print_version(&out);
    else if (n_args)
        status = gv_complain(GV_EXIT_USAGE, "serve takes no arguments but flags: %s", args[0]);
    else if (!f.listen.n)
        status = gv_complain(GV_EXIT_USAGE, "--web.listen-address: at least one address is needed");
    else
        status = start(&f, &a);
    if (out.n)
        status = gv_print_out(&out);
    gv_arena_fini(&a);
    return status;
}
