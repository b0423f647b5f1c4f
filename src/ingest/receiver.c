/* The process's receiver, and the frame of one request: parse, find the series, append, wait for the log, tell. */
#include "ingest/ingest_metrics.h"
#include "ingest/receiver_impl.h"
#include <stdlib.h>

struct gv_receiver *gv_receiver_new(const struct gv_receiver_options *o)
{
    struct gv_receiver *r = calloc(1, sizeof *r);
    if (!r)
        gv_die("out of memory: the receiver");
    r->sink = o->sink;
    r->clock = o->clock ? o->clock : &gv_clock_real;
    gv_budget_init(&r->budget, "max_inflight_bytes", (int64_t)o->max_inflight_bytes, GV_UNAVAILABLE, NULL);
    r->cache = series_cache_new(o->max_cached_series);
    r->last_writes = last_writes_new();
    scratch_pool_init(&r->pool);
    gv_random(r->secret, sizeof r->secret);
    return r;
}

void gv_receiver_free(struct gv_receiver *r)
{
    if (!r)
        return;
    series_cache_free(r->cache);
    last_writes_free(r->last_writes);
    scratch_pool_fini(&r->pool);
    free(r);
}

struct gv_budget *gv_receiver_budget(struct gv_receiver *r)
{
    return &r->budget;
}

void gv_receiver_set_max_cached_series(struct gv_receiver *r, size_t n)
{
    series_cache_set_max(r->cache, n);
}

int64_t gv_receiver_last_write(struct gv_receiver *r, struct gv_slice cluster)
{
    return last_writes_of(r->last_writes, cluster);
}

/* ---- One request ---- */

/* The same label bytes under another path or another configuration are another series. */
static void make_key(struct gv_incoming *in)
{
    struct gv_buf seed = GV_BUF_INIT;
    gv_buf_add(&seed, in->receiver->secret, sizeof in->receiver->secret);
    gv_buf_add(&seed, &in->request.settings->generation, sizeof in->request.settings->generation);
    gv_buf_add_slice(&seed, in->request.cluster);
    gv_hash_key_make(&in->key, gv_buf_slice(&seed));
    gv_buf_fini(&seed);
}

struct gv_incoming *gv_incoming_new(struct gv_receiver *r, const struct gv_incoming_request *request)
{
    struct gv_incoming *in = calloc(1, sizeof *in);
    if (!in)
        gv_die("out of memory: a write request");
    in->receiver = r;
    in->request = *request;
    pthread_mutex_init(&in->lock, NULL);
    make_key(in);
    return in;
}

enum gv_write_version gv_incoming_version(const struct gv_incoming *in)
{
    return in->request.version;
}

void gv_incoming_free(struct gv_incoming *in)
{
    if (!in)
        return;
    gv_buf_fini(&in->refusals.text);
    pthread_mutex_destroy(&in->lock);
    free(in);
}

static bool has_failed(const struct gv_incoming *in)
{
    return in->failure.code != GV_OK || in->log_failure.code != GV_OK;
}

/* An answer came; the last one ends the request. in may be gone behind this. */
static void answered(struct gv_incoming *in)
{
    if (atomic_fetch_sub_explicit(&in->pending, 1, memory_order_acq_rel) != 1)
        return;
    refusals_finish(&in->refusals);
    if (!has_failed(in)) {
        ingest_count_written(in->samples, in->histograms, in->exemplars);
        last_writes_note_all(in->receiver->last_writes, &in->clusters, gv_clock_wall(in->receiver->clock));
    }
    in->done(in->done_arg, in);
}

void incoming_ticket_done(struct gv_log_ticket *t, const struct gv_err *err)
{
    struct gv_incoming *in = container_of(t, struct incoming_ticket, ticket)->in;
    if (err->code != GV_OK) {
        pthread_mutex_lock(&in->lock);
        gv_fail(&in->log_failure, err->code, "%s", err->msg);
        pthread_mutex_unlock(&in->lock);
    }
    answered(in);
}

/* Metadata that was not taken is to be sent to the store again. */
static void forget_metadata(struct gv_incoming *in)
{
    const struct scratch *s = in->scratch;
    for (size_t i = 0; i < s->n_series; i++)
        if (s->metadata[i])
            series_cache_forget(in->receiver->cache, s->keys[i]);
}

static bool take(struct gv_incoming *in, struct gv_err *err)
{
    if (!(in->scratch = scratch_get(&in->receiver->pool, &in->receiver->budget, in->request.body.n, err)))
        return false;
    bool ok = incoming_parse(in, err) && incoming_find_series(in, err) && incoming_append(in, err);
    if (!ok)
        forget_metadata(in);
    gv_write_decoder_fini(&in->decoder);
    scratch_put(&in->receiver->pool, in->scratch);
    in->scratch = NULL;
    return ok;
}

void gv_incoming_run(struct gv_incoming *in, gv_incoming_done_fn *done, void *arg)
{
    in->done = done;
    in->done_arg = arg;
    in->now = gv_clock_monotonic(in->receiver->clock) / 1000000;
    atomic_store(&in->pending, 1);
    if (!take(in, &in->failure) && in->failure.code == GV_OK)
        gv_fail(&in->failure, GV_INTERNAL, "a write request failed without a cause");
    answered(in);
}

struct gv_incoming_outcome gv_incoming_outcome(const struct gv_incoming *in)
{
    const struct gv_err *failure = in->failure.code != GV_OK ? &in->failure : &in->log_failure;
    if (failure->code != GV_OK)
        return (struct gv_incoming_outcome){failure->code, gv_slice_of(failure->msg), 0, 0, 0};
    bool refused = refusals_errors(&in->refusals) > 0;
    return (struct gv_incoming_outcome){refused ? GV_BAD_DATA : GV_OK, gv_buf_slice(&in->refusals.text), in->samples,
                                        in->histograms, in->exemplars};
}
