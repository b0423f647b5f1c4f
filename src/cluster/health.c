/* The health job. Each replica of the configuration has a probe: a timer that starts a task.
 *
 *   timer -> may the breaker be probed? -> prepare (threads of the job: resolve the name, re-read password files)
 *         -> GET status/buildinfo -> version, latency, breaker
 *         -> now and then: GET status/{flags,config,runtimeinfo} -> parse (thread)
 *            -> GET label/NAME/values of each external label -> parse (thread) -> abilities
 *         -> timer again
 *
 * Each second the job looks which breakers asks have opened: there the next probe is the one that may close it.
 * After a reload the probes of the old configuration end when they come back (retired). */
#include "cluster/health.h"
#include "base/log.h"
#include "cluster/ask_private.h"
#include "cluster/learn.h"
#include "cluster/resolve.h"
#include "loop/task.h"
#include "net/http_page.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    RESOLVERS = 4,
    AFTER_FAILURE_MS = 1000,
    LOOK_MS = 1000,
    PROBE_MS = 5000,
    LARGEST_PAGE = 8 << 20,
    LEARN_AGAIN_MS = 10 * 60 * 1000,
    FIRST_WITHIN_MS = 500
};
enum { BUILDINFO, FLAGS, CONFIG, RUNTIMEINFO, PAGES };
static const char *const paths[PAGES] = {"/api/v1/status/buildinfo", "/api/v1/status/flags", "/api/v1/status/config",
                                         "/api/v1/status/runtimeinfo"};

struct page {
    struct gv_http_page http;
    struct probe *probe;
    char *url; /* heap */
};

struct probe {
    struct gv_task task;
    struct gv_health *health;
    struct probe *next;
    struct gv_clusters *set; /* a reference */
    const struct gv_cluster *cluster;
    struct gv_replica *replica;
    struct gv_timer timer;
    int64_t due_ns;                 /* while it is not busy */
    bool busy, retired, of_breaker; /* of_breaker: the breaker is open, and this is what may close it */
    int64_t learned_ns;             /* when the other pages were read; 0: not yet */
    char *resolved;                 /* heap; for the calls under way */
    struct gv_cluster_version version;
    struct gv_cluster_abilities learned; /* in arena, while it is busy */
    struct gv_arena arena;
    struct page pages[PAGES];
    struct page *values; /* heap; of each external label, while it is busy */
    size_t n_values;
};

struct gv_health {
    struct gv_cluster_client *client;
    struct gv_workers *workers;
    int64_t interval_ms;
    struct probe *probes;
    struct gv_timer look;
    _Atomic bool stopping;
    void (*stopped)(void *arg);
    void *arg;
    struct gv_message last;
    uint64_t random;
};

static int64_t now_of(const struct probe *p)
{
    return gv_loop_now_ns(client_loop(p->health->client));
}

/* --- when --- */

static int64_t random_below(struct gv_health *h, int64_t n)
{
    h->random = h->random * 6364136223846793005u + 1442695040888963407u;
    return n > 0 ? (int64_t)((h->random >> 33) % (uint64_t)n) : 0;
}

/* Within 10 % of the interval, so that probes never fall into step. After a failure soon again: either it was nothing,
 * or the breaker has to open. */
static int64_t next_wait(struct probe *p)
{
    int64_t interval = p->health->interval_ms, wait = gv_breaker_wait_ms(&p->replica->breaker, now_of(p));
    if (wait == 0 && atomic_load(&p->replica->breaker.failures))
        wait = AFTER_FAILURE_MS;
    if (wait > 0 && wait < interval)
        return wait + random_below(p->health, wait / 10 + 10);
    return interval - interval / 10 + random_below(p->health, interval / 5 + 1);
}

static void probe_after(struct probe *p, int64_t ms)
{
    p->due_ns = now_of(p) + ms * 1000000;
    gv_timer_set(&p->timer, ms);
}

static void look(struct probe *p)
{
    if (p->busy || gv_breaker_state(&p->replica->breaker, now_of(p)) == GV_BREAKER_CLOSED)
        return;
    int64_t wait = next_wait(p);
    if (now_of(p) + wait * 1000000 < p->due_ns)
        probe_after(p, wait);
}

static void on_look(struct gv_timer *timer)
{
    struct gv_health *h = container_of(timer, struct gv_health, look);
    for (struct probe *p = h->probes; p; p = p->next)
        look(p);
    gv_timer_set(&h->look, LOOK_MS);
}

/* --- pages --- */

static void on_page(struct gv_http_page *http)
{
    gv_task_release(&container_of(http, struct page, http)->probe->task);
}

static void get(struct probe *p, struct page *page)
{
    const struct gv_http_call_spec spec = {
        .url = page->url,
        .method = "GET",
        .profile = p->cluster->profile,
        .connections = p->replica->connections,
        .resolved = p->resolved,
        .timeout_ms = p->cluster->config->timeout_ms < PROBE_MS ? p->cluster->config->timeout_ms : PROBE_MS,
        .connect_timeout_ms = PROBE_MS,
        .max_body = LARGEST_PAGE,
    };
    gv_task_hold(&p->task);
    gv_http_page_start(&page->http, client_http(p->health->client), &spec);
}

static struct gv_slice body_of(const struct page *page)
{
    bool ok = page->http.outcome.failure == GV_HTTP_OK && page->http.outcome.status == 200;
    return ok ? gv_buf_slice(&page->http.body) : (struct gv_slice){0};
}

static struct gv_slice page_of(const struct probe *p, int which)
{
    return body_of(&p->pages[which]);
}

static void free_values(struct probe *p)
{
    for (size_t i = 0; i < p->n_values; i++) {
        gv_http_page_clear(&p->values[i].http);
        free(p->values[i].url);
    }
    free(p->values);
    p->values = NULL;
    p->n_values = 0;
}

/* --- steps --- */

static struct probe *probe_of(struct gv_task *t)
{
    return container_of(t, struct probe, task);
}

static bool resolve_and_refresh(struct gv_task *t)
{
    struct probe *p = probe_of(t);
    struct gv_err err = {0};
    if (atomic_load(&p->health->stopping))
        return gv_fail(&t->err, GV_CANCELED, "stopping");
    if (!gv_http_profile_refresh(p->cluster->profile, &err))
        gv_log(GV_LOG_WARN, "the old credentials stay in use", GV_CTX("cluster", p->cluster->name),
               GV_F("error", err.msg));
    return !p->replica->is_name || gv_replica_resolve(p->replica, &t->err);
}

static enum gv_step prepare(struct gv_task *t)
{
    struct probe *p = probe_of(t);
    if (p->replica->is_name || gv_http_profile_reads_files(p->cluster->profile))
        return gv_task_offload(t, resolve_and_refresh);
    return GV_NEXT;
}

static enum gv_step ask_buildinfo(struct gv_task *t)
{
    struct probe *p = probe_of(t);
    if (p->retired)
        return GV_FAIL;
    free(p->resolved);
    p->resolved = gv_record_copy_text(p->replica->record, &p->replica->resolved);
    get(p, &p->pages[BUILDINFO]);
    return GV_WAIT;
}

static void take_version(struct probe *p)
{
    struct gv_cluster_record *r = p->replica->record;
    struct gv_buf text = GV_BUF_INIT;
    if (gv_learn_buildinfo(page_of(p, BUILDINFO), &p->version, &text, NULL)) {
        const struct gv_cluster_version *v = &p->version;
        uint64_t packed = (uint64_t)v->kind << 48 | (uint64_t)v->major << 32 | (uint64_t)v->minor << 16 | v->patch;
        if (atomic_exchange(&p->replica->version, packed) != packed) {
            gv_record_set_text(r, &p->replica->version_text, gv_buf_cstr(&text));
            p->learned_ns = 0; /* another program answers: ask it everything again */
        }
    }
    gv_buf_fini(&text);
}

/* A reply of any kind is a sign of life, but for those of a proxy in front of nothing. */
static enum gv_step read_buildinfo(struct gv_task *t)
{
    struct probe *p = probe_of(t);
    const struct gv_http_outcome *o = &p->pages[BUILDINFO].http.outcome;
    if (o->failure != GV_HTTP_OK) {
        gv_fail(&t->err, o->err.code, "%s", o->err.msg);
        return GV_FAIL;
    }
    if (o->status >= 500) {
        gv_fail(&t->err, GV_UNAVAILABLE, "%s:%s answered %d to a health probe", p->replica->host, p->replica->port,
                o->status);
        return GV_FAIL;
    }
    take_version(p);
    return GV_NEXT;
}

static bool is_time_to_learn(const struct probe *p)
{
    return p->learned_ns == 0 || now_of(p) - p->learned_ns > (int64_t)LEARN_AGAIN_MS * 1000000;
}

static enum gv_step ask_pages(struct gv_task *t)
{
    struct probe *p = probe_of(t);
    if (p->retired || page_of(p, BUILDINFO).n == 0 || !is_time_to_learn(p))
        return GV_NEXT;
    p->learned_ns = now_of(p);
    for (int i = FLAGS; i < PAGES; i++)
        get(p, &p->pages[i]);
    return GV_WAIT;
}

static bool parse_pages(struct gv_task *t)
{
    struct probe *p = probe_of(t);
    gv_learn_flags(page_of(p, FLAGS), &p->learned, &p->arena);
    gv_learn_config(page_of(p, CONFIG), &p->learned, &p->arena);
    gv_learn_runtimeinfo(page_of(p, RUNTIMEINFO), &p->learned, &p->arena);
    p->learned.known |= GV_KNOWN_REMOTE_READ;
    p->learned.remote_read = p->version.kind == GV_KIND_PROMETHEUS;
    return true;
}

static enum gv_step learn(struct gv_task *t)
{
    struct probe *p = probe_of(t);
    if (!p->pages[FLAGS].http.outcome.status && !p->pages[CONFIG].http.outcome.status) {
        p->learned_ns = p->pages[FLAGS].http.outcome.failure ? 0 : p->learned_ns;
        return GV_NEXT; /* not asked this time, or to be asked again */
    }
    return gv_task_offload(t, parse_pages);
}

/* Labels that remote read adds are taken off again; where a series could have the same label of its own, it must not be
 * read so. */
static enum gv_step ask_values(struct gv_task *t)
{
    struct probe *p = probe_of(t);
    size_t n = p->learned.n_external_labels;
    if (p->retired || !p->learned.remote_read || !n)
        return GV_NEXT;
    if (!(p->values = calloc(n, sizeof *p->values)))
        gv_die("out of memory");
    p->n_values = n;
    for (size_t i = 0; i < n; i++) {
        struct page *page = &p->values[i];
        page->probe = p;
        page->http.done = on_page;
        if (asprintf(&page->url, "%s/api/v1/label/%.*s/values", p->replica->url,
                     GV_ARG(p->learned.external_labels[i].name)) < 0)
            gv_die("out of memory");
        get(p, page);
    }
    return GV_WAIT;
}

static bool weigh_values(struct gv_task *t)
{
    struct probe *p = probe_of(t);
    for (size_t i = 0; i < p->n_values && p->learned.remote_read; i++)
        p->learned.remote_read = gv_learn_is_no_value(body_of(&p->values[i]), p->learned.external_labels[i].value);
    return true;
}

static enum gv_step read_values(struct gv_task *t)
{
    return probe_of(t)->n_values ? gv_task_offload(t, weigh_values) : GV_NEXT;
}

static enum gv_step keep(struct gv_task *t)
{
    struct probe *p = probe_of(t);
    if (p->learned.known)
        gv_replica_set_abilities(p->cluster, p->replica->index, &p->learned);
    return GV_NEXT;
}

static void retire_if_idle(struct probe *p);

/* The last step. */
static enum gv_step conclude(struct gv_task *t)
{
    struct probe *p = probe_of(t);
    bool failed = t->err.code != GV_OK;
    if (!p->retired && t->err.code != GV_CANCELED)
        gv_replica_probed(p->replica, failed ? &t->err : NULL, p->pages[BUILDINFO].http.outcome.seconds, now_of(p),
                          p->of_breaker);
    for (int i = 0; i < PAGES; i++)
        gv_http_page_clear(&p->pages[i].http);
    free_values(p);
    p->learned = (struct gv_cluster_abilities){0};
    gv_arena_fini(&p->arena);
    p->busy = false;
    if (p->retired)
        retire_if_idle(p);
    else
        probe_after(p, next_wait(p));
    return GV_NEXT;
}

static gv_step_fn *const steps[] = {prepare,    ask_buildinfo, read_buildinfo, ask_pages, learn,
                                    ask_values, read_values,   keep,           conclude,  NULL};

static void on_timer(struct gv_timer *timer)
{
    struct probe *p = container_of(timer, struct probe, timer);
    enum gv_admission a = gv_breaker_admit(&p->replica->breaker, now_of(p), 0);
    if (a == GV_ADMIT_NO) {
        probe_after(p, next_wait(p));
        return;
    }
    p->of_breaker = a == GV_ADMIT_PROBE;
    p->busy = true;
    gv_task_start(&p->task, client_loop(p->health->client), p->health->workers, steps);
}

/* --- probes come and go --- */

static void add_probe(struct gv_health *h, struct gv_clusters *cs, const struct gv_cluster *c, unsigned replica,
                      int64_t first_ms)
{
    struct probe *p = calloc(1, sizeof *p);
    if (!p)
        gv_die("out of memory");
    p->health = h;
    p->set = gv_clusters_get(cs);
    p->cluster = c;
    p->replica = &c->record->replicas[replica];
    gv_arena_init(&p->arena, NULL);
    for (int i = 0; i < PAGES; i++) {
        p->pages[i].probe = p;
        p->pages[i].http.done = on_page;
        if (asprintf(&p->pages[i].url, "%s%s", p->replica->url, paths[i]) < 0)
            gv_die("out of memory");
    }
    p->next = h->probes;
    h->probes = p;
    gv_timer_init(&p->timer, client_loop(h->client), on_timer);
    probe_after(p, first_ms);
}

static void free_probe(struct probe *p)
{
    gv_timer_fini(&p->timer);
    for (int i = 0; i < PAGES; i++)
        free(p->pages[i].url);
    free(p->resolved);
    gv_clusters_put(p->set);
    free(p);
}

static void on_stopped(struct gv_message *m)
{
    struct gv_health *h = container_of(m, struct gv_health, last);
    void (*stopped)(void *) = h->stopped;
    void *arg = h->arg;
    gv_timer_fini(&h->look);
    gv_workers_free(h->workers);
    free(h);
    stopped(arg);
}

static void post_if_stopped(struct gv_health *h)
{
    if (h->probes || !h->stopping)
        return;
    h->last.fn = on_stopped;
    gv_loop_post(client_loop(h->client), &h->last);
}

static void unlink_and_free(struct probe *p)
{
    struct gv_health *h = p->health;
    struct probe **at = &h->probes;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    free_probe(p);
    post_if_stopped(h);
}

static void retire_if_idle(struct probe *p)
{
    if (!p->busy)
        unlink_and_free(p);
}

static void cancel_pages(struct page *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (at[i].http.call)
            gv_http_call_cancel(at[i].http.call);
    }
}

static void retire(struct probe *p)
{
    p->retired = true;
    gv_timer_cancel(&p->timer);
    atomic_store(&p->replica->record->watched, false);
    cancel_pages(p->pages, PAGES);
    cancel_pages(p->values, p->n_values);
    retire_if_idle(p);
}

static void retire_all(struct gv_health *h)
{
    for (struct probe *p = h->probes, *next; p; p = next) {
        next = p->next;
        retire(p);
    }
}

/* --- the face --- */

struct gv_health *gv_health_new(struct gv_cluster_client *cl, int64_t interval_ms, struct gv_err *err)
{
    struct gv_health *h = calloc(1, sizeof *h);
    if (!h)
        gv_die("out of memory");
    h->client = cl;
    h->interval_ms = interval_ms > 0 ? interval_ms : 15000;
    h->random = (uint64_t)gv_loop_now_ns(client_loop(cl));
    gv_timer_init(&h->look, client_loop(cl), on_look);
    h->workers = gv_workers_new(RESOLVERS, err);
    if (h->workers)
        return h;
    gv_timer_fini(&h->look);
    free(h);
    return NULL;
}

/* New replicas are probed at once, in a quick row; those that are known keep to the interval. */
static int64_t first_wait(struct gv_health *h, const struct gv_replica *r, size_t at, size_t n)
{
    bool known = atomic_load(&r->health) != GV_HEALTH_UNKNOWN;
    int64_t within = known ? h->interval_ms : FIRST_WITHIN_MS;
    return within * (int64_t)at / (int64_t)n;
}

void gv_health_set_clusters(struct gv_health *h, struct gv_clusters *cs)
{
    size_t n = 0, at = 0;
    retire_all(h);
    gv_timer_set(&h->look, LOOK_MS);
    for (size_t i = 0; i < cs->n; i++)
        n += cs->at[i].config->n_endpoints;
    for (size_t i = 0; i < cs->n; i++) {
        const struct gv_cluster *c = &cs->at[i];
        if (!c->record)
            continue;
        for (unsigned k = 0; k < c->record->n_replicas; k++)
            add_probe(h, cs, c, k, first_wait(h, &c->record->replicas[k], at++, n));
        atomic_store(&c->record->watched, true);
    }
}

void gv_health_stop(struct gv_health *h, void (*stopped)(void *arg), void *arg)
{
    h->stopped = stopped;
    h->arg = arg;
    retire_all(h);
    atomic_store(&h->stopping, true);
    post_if_stopped(h);
}
