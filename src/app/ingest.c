#include "app/ingest.h"
#include "ingest/metrics.h"

static bool store_series(void *ctx, const struct gv_labels *labels, uint64_t *id, struct gv_err *err)
{
    return gv_store_series(ctx, labels, id, err);
}

static bool store_append(void *ctx, const struct gv_store_batch *b, struct gv_log_ticket *ticket, struct gv_err *err)
{
    return gv_store_append(ctx, b, ticket, err);
}

struct gv_ingest_sink ingest_sink_of(struct gv_store *store)
{
    return (struct gv_ingest_sink){store, store_series, store_append};
}

/* Of c, or the defaults: a reload may open what was not open at the start. */
static struct gv_ingest_config ingest_of(const struct gv_config *c)
{
    struct gv_ingest_config ingest;
    struct gv_arena a;
    if (c->ingest)
        return *c->ingest;
    gv_arena_init(&a, NULL);
    gv_options_init(&gv_config_ingest_table, &a, &ingest);
    gv_arena_fini(&a); /* numbers alone are looked at */
    return ingest;
}

struct gv_receiver *ingest_receiver_new(const struct gv_config *c, struct gv_ingest_sink sink)
{
    struct gv_ingest_config ingest = ingest_of(c);
    struct gv_receiver_options o = {.sink = sink,
                                    .max_inflight_bytes = (size_t)ingest.max_inflight_bytes,
                                    .max_cached_series = (size_t)ingest.max_cached_series};
    struct gv_receiver *r = gv_receiver_new(&o);
    gv_ingest_metrics_watch(r);
    return r;
}

void ingest_receiver_free(struct gv_receiver *r)
{
    if (!r)
        return;
    gv_ingest_metrics_watch(NULL);
    gv_receiver_free(r);
}

void ingest_apply(struct gv_receiver *r, const struct gv_config *c)
{
    struct gv_ingest_config ingest = ingest_of(c);
    atomic_store(&gv_receiver_budget(r)->limit, ingest.max_inflight_bytes);
    gv_receiver_set_max_cached_series(r, (size_t)ingest.max_cached_series);
}
