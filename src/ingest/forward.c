/* The forwarder as a whole: opening and closing, and the sink that the receiver appends to. */
#include "ingest/forward_impl.h"
#include <stdlib.h>

enum { DEFAULT_HELD_BYTES = 256 << 20 };
enum { DEFAULT_TICK_MS = 5000, SETTLE_MS = 5, DEFAULT_FLUSH_MS = 5000, CONNECTIONS_BESIDE = 16 };

const struct gv_forward_endpoint gv_forward_endpoint_default = {
    .http = {.follow_redirects = true},
    .timeout_ms = 30000,
    .version = GV_WRITE_1,
    .max_queue_bytes = INT64_C(2) << 30,
    .min_shards = 1,
    .max_shards = 50,
    .max_samples_per_send = 2000,
    .batch_send_deadline_ms = 5000,
    .capacity = 10000,
    .min_backoff_ms = 30,
    .max_backoff_ms = 5000,
    .send_metadata = true,
    .metadata_interval_ms = 60000,
    .max_metadata_per_send = 2000,
};

/* ---- Opening and closing ---- */

static bool open_endpoint(struct gv_forward *f, size_t i, struct gv_err *err)
{
    struct endpoint *e = &f->endpoints[i];
    e->config = &f->o.endpoints[i];
    e->forward = f;
    atomic_init(&e->shards, e->config->min_shards);
    atomic_init(&e->version, e->config->version);
    endpoint_init(e);
    e->lock_fd = -1;
    if (!(e->profile = gv_http_profile_new(&e->config->http, err)) || !endpoint_open(e, err))
        return gv_err_prefix(err, "remote_write endpoint \"%s\": ", e->config->name);
    endpoint_show_metrics(e);
    return true;
}

static bool close_endpoint(struct endpoint *e, struct gv_err *err)
{
    endpoint_hide_metrics(e);
    gv_log_reader_free(e->reader);
    bool ok = gv_log_close(e->log, err);
    if (!ok)
        gv_err_prefix(err, "remote_write endpoint \"%s\": ", e->config->name);
    e->log = NULL;
    if (e->lock_fd >= 0)
        e->forward->o.io->close(e->forward->o.io, e->lock_fd);
    return ok;
}

static void free_forward(struct gv_forward *f)
{
    gv_loop_free(f->loop); /* messages that came last find their endpoints */
    for (size_t i = 0; i < f->o.n; i++) {
        struct endpoint *e = &f->endpoints[i];
        gv_http_profile_put(e->profile);
        free(e->delivered);
    }
    forward_scratch_fini(f);
    series_table_fini(&f->series);
    metadata_table_fini(&f->metadata);
    pthread_mutex_destroy(&f->pool_lock);
    free(f->endpoints);
    free(f);
}

struct gv_forward *gv_forward_open(const struct gv_forward_options *o, struct gv_err *err)
{
    struct gv_forward *f = calloc(1, sizeof *f);
    if (!f || !(f->endpoints = calloc(o->n + 1, sizeof *f->endpoints)))
        gv_die("out of memory");
    f->o = *o;
    f->o.clock = o->clock ? o->clock : &gv_clock_real;
    f->o.io = o->io ? o->io : &gv_io_system;
    f->o.tick_ms = o->tick_ms ? o->tick_ms : DEFAULT_TICK_MS;
    f->o.flush_ms = o->flush_ms ? o->flush_ms : DEFAULT_FLUSH_MS;
    f->o.max_held_bytes = o->max_held_bytes ? o->max_held_bytes : DEFAULT_HELD_BYTES;
    pthread_mutex_init(&f->pool_lock, NULL);
    series_table_init(&f->series);
    metadata_table_init(&f->metadata);
    for (size_t i = 0; i < o->n; i++)
        if (!open_endpoint(f, i, err)) {
            f->o.n = i + 1;
            gv_forward_close(f, NULL);
            return NULL;
        }
    return f;
}

bool gv_forward_close(struct gv_forward *f, struct gv_err *err)
{
    bool ok = true;
    if (!f)
        return true;
    for (size_t i = 0; i < f->o.n; i++)
        ok &= close_endpoint(&f->endpoints[i], err);
    free_forward(f);
    return ok;
}

/* ---- The loop ---- */

static bool is_idle(const struct gv_forward *f)
{
    for (size_t i = 0; i < f->o.n; i++)
        if (!endpoint_is_idle(&f->endpoints[i]))
            return false;
    return true;
}

/* flush -> (all sent, or limit: cancel) -> nothing under way -> the loop stops */
static void on_settle(struct gv_timer *t)
{
    struct gv_forward *f = container_of(t, struct gv_forward, settle);
    if (!is_idle(f) && (f->stopping || gv_loop_now_ns(f->loop) < f->flush_until)) {
        gv_timer_set(t, SETTLE_MS);
        return;
    }
    if (!f->stopping) {
        f->stopping = true;
        for (size_t i = 0; i < f->o.n; i++)
            endpoint_stop(&f->endpoints[i]);
        gv_timer_set(t, 0); /* canceled requests end on later turns */
        return;
    }
    gv_timer_fini(t);
    for (size_t i = 0; i < f->o.n; i++)
        endpoint_free_loop_side(&f->endpoints[i]);
    gv_http_client_free(f->http);
    gv_loop_stop(f->loop);
}

static void on_stop(struct gv_message *m)
{
    struct gv_forward *f = container_of(m, struct gv_forward, stop);
    for (size_t i = 0; i < f->o.n; i++)
        endpoint_flush(&f->endpoints[i]);
    f->flush_until = gv_loop_now_ns(f->loop) + 1000000 * f->o.flush_ms;
    gv_timer_init(&f->settle, f->loop, on_settle);
    gv_timer_set(&f->settle, 0);
}

static void on_begin(struct gv_message *m)
{
    struct gv_forward *f = container_of(m, struct gv_forward, begin);
    for (size_t i = 0; i < f->o.n; i++)
        endpoint_start(&f->endpoints[i]);
}

bool gv_forward_start(struct gv_forward *f, struct gv_workers *w, unsigned loop_index, struct gv_err *err)
{
    size_t connections = CONNECTIONS_BESIDE;
    for (size_t i = 0; i < f->o.n; i++)
        connections += f->o.endpoints[i].max_shards;
    f->workers = w;
    f->begin.fn = on_begin;
    if (!(f->loop = gv_loop_new(loop_index, err)))
        return false;
    f->http = gv_http_client_new(f->loop, connections, err);
    f->started = f->http && gv_loop_start(f->loop, err);
    if (f->started)
        gv_loop_post(f->loop, &f->begin);
    else if (f->http)
        gv_http_client_free(f->http);
    return f->started;
}

void gv_forward_stop(struct gv_forward *f)
{
    if (!f || !f->started)
        return;
    f->stop.fn = on_stop;
    gv_loop_post(f->loop, &f->stop);
    gv_loop_join(f->loop);
    f->started = false;
}

/* ---- The sink ---- */

static bool sink_series(void *ctx, const struct gv_labels *labels, uint64_t *id, struct gv_err *err)
{
    struct gv_forward *f = ctx;
    *id = 0;
    if (f->o.next.series && !f->o.next.series(f->o.next.ctx, labels, id, err))
        return false;
    series_table_add(&f->series, f->o.endpoints, f->o.n, labels, id);
    return true;
}

/* The series of a batch; those that were forgotten are to be asked for again. */
struct found {
    struct forward_series **samples, **exemplars;
    size_t missing;
};

static struct forward_series *find(struct gv_forward *f, struct found *x, uint64_t id)
{
    struct forward_series *s = series_table_find(&f->series, id);
    if (s)
        atomic_store_explicit(&s->used, f->series.round, memory_order_relaxed);
    else
        x->missing++;
    return s;
}

static void find_all(struct gv_forward *f, const struct gv_store_batch *b, struct found *x)
{
    x->samples = calloc(b->n + b->n_exemplars + 1, sizeof *x->samples);
    if (!x->samples)
        gv_die("out of memory");
    x->exemplars = x->samples + b->n;
    for (size_t i = 0; i < b->n; i++)
        x->samples[i] = i && b->samples[i].series == b->samples[i - 1].series && x->samples[i - 1]
                            ? x->samples[i - 1]
                            : find(f, x, b->samples[i].series);
    for (size_t i = 0; i < b->n_exemplars; i++)
        x->exemplars[i] = find(f, x, b->exemplars[i].series);
}

static void set_all(const struct gv_store_batch *b, enum gv_append_verdict v)
{
    if (b->n)
        memset(b->verdicts, v, b->n);
    if (b->n_exemplars)
        memset(b->exemplar_verdicts, v, b->n_exemplars);
}

/* What the store says of each; without one all is taken. */
static bool append_next(struct gv_forward *f, const struct gv_store_batch *b, struct join *j, struct gv_err *err)
{
    if (!f->o.next.append) {
        set_all(b, GV_APPEND_STORED);
        return true;
    }
    if (f->o.next.append(f->o.next.ctx, b, join_ticket(j), err))
        return true;
    join_end(j); /* the store's part, which never ends by itself now */
    return false;
}

static bool append_found(struct gv_forward *f, const struct gv_store_batch *b, const struct found *x,
                         struct gv_log_ticket *ticket, struct gv_err *err)
{
    struct gv_err failure = {.code = GV_OK};
    struct join *j = join_new(ticket);
    if (!append_next(f, b, j, &failure)) {
        join_drop(j);
        return gv_fail(err, failure.code, "%s", failure.msg);
    }
    metadata_table_put(&f->metadata, b->metadata, b->n_metadata);
    for (size_t i = 0; i < f->o.n; i++)
        endpoint_append(&f->endpoints[i], b, x->samples, x->exemplars, j);
    join_end(j);
    return true;
}

/* Some series are not known any more: nothing is appended, all are asked for again. */
static bool append_later(struct gv_forward *f, const struct gv_store_batch *b, struct gv_log_ticket *ticket)
{
    struct gv_err ok = {.code = GV_OK};
    metadata_table_put(&f->metadata, b->metadata, b->n_metadata);
    set_all(b, GV_APPEND_GONE);
    if (ticket)
        ticket->done(ticket, &ok);
    return true;
}

static bool sink_append(void *ctx, const struct gv_store_batch *b, struct gv_log_ticket *ticket, struct gv_err *err)
{
    struct gv_forward *f = ctx;
    struct found x = {.missing = 0};
    pthread_rwlock_rdlock(&f->series.lock);
    find_all(f, b, &x);
    bool ok = x.missing ? append_later(f, b, ticket) : append_found(f, b, &x, ticket, err);
    pthread_rwlock_unlock(&f->series.lock);
    free(x.samples);
    return ok;
}

struct gv_ingest_sink gv_forward_sink(struct gv_forward *f)
{
    return (struct gv_ingest_sink){f, sink_series, sink_append};
}

void gv_forward_status(struct gv_forward *f, size_t endpoint, struct gv_forward_status *out)
{
    struct endpoint *e = &f->endpoints[endpoint];
    *out = (struct gv_forward_status){.name = e->config->name,
                                      .queue_bytes = atomic_load(&e->queue_bytes),
                                      .pending_samples = atomic_load(&e->pending_samples),
                                      .pending_bytes = atomic_load(&e->pending_bytes),
                                      .held_bytes = atomic_load(&e->held_bytes),
                                      .sent_samples = atomic_load(&e->sent_samples),
                                      .retried_requests = atomic_load(&e->retried),
                                      .shards = atomic_load(&e->shards),
                                      .failing = endpoint_is_failing(e)};
    for (int why = 0; why < DROP_REASONS; why++)
        out->dropped_samples += atomic_load(&e->dropped[why]);
}
