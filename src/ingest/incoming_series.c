/* The number of every series of a request: from the cache, all at once; what it does not know is identified and asked
 * of the store. */
#include "ingest/ingest_metrics.h"
#include "ingest/receiver_impl.h"

void incoming_refuse(struct gv_incoming *in, enum refusal why, uint64_t items, size_t series, const char *reason,
                     const char *what, int64_t time)
{
    struct gv_write_series s;
    struct gv_buf shown = GV_BUF_INIT;
    bool one = in->request.version == GV_WRITE_1;
    bool told = !(one && (refusal_is_silent(why) || why == REFUSED_EXEMPLAR)); /* as Prometheus */
    if (!refusals_want(&in->refusals, told)) {
        refusals_count(&in->refusals, why, items, told);
        return;
    }
    if (gv_write_again(&in->decoder, in->scratch->messages[series], &s, NULL) && !s.fault)
        identity_print(&shown, s.labels);
    else
        gv_buf_printf(&shown, "series %zu of the request", series);
    if (what)
        refusals_add(&in->refusals, why, items, told, "%s: %s: %s at %lld.%03lld", gv_buf_cstr(&shown), reason, what,
                     (long long)(time / 1000), (long long)(time < 0 ? -(time % 1000) : time % 1000));
    else
        refusals_add(&in->refusals, why, items, told, "%s: %s", gv_buf_cstr(&shown), reason);
    gv_buf_fini(&shown);
}

/* Where those of series i begin; owners ascend. */
static size_t first_of(const uint32_t *owners, size_t n, size_t i)
{
    size_t low = 0;
    for (size_t high = n; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (owners[middle] < i)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t owned_by(const uint32_t *owners, size_t n, size_t i)
{
    return first_of(owners, n, i + 1) - first_of(owners, n, i);
}

/* All items of a series that have not been refused before, or the series where it has none. */
static void refuse_series(struct gv_incoming *in, enum refusal why, size_t i, const char *reason)
{
    const struct scratch *s = in->scratch;
    size_t items = owned_by(s->owners, s->n_samples, i) + owned_by(s->exemplar_owners, s->n_exemplars, i);
    s->values[i] = SERIES_REFUSED;
    incoming_refuse(in, why, items ? items : 1, i, reason, NULL, 0);
}

static bool add_metadata(struct gv_incoming *in, const struct gv_write_series *s, const struct identified *who,
                         struct gv_err *err)
{
    struct scratch *c = in->scratch;
    const struct gv_write_metadata *m = &s->metadata;
    if (!gv_utf8_valid(m->help) || !gv_utf8_valid(m->unit))
        return true;
    if (c->n_metadata == c->cap_metadata && !scratch_more_metadata(c, err))
        return false;
    struct gv_slice metric = gv_labels_get(who->labels, GV_LABEL_NAME),
                    cluster = gv_labels_get(who->labels, in->request.settings->cluster_label);
    c->entries[c->n_metadata++] = (struct gv_store_metadata){cluster, metric, m->type, m->help, m->unit};
    return true;
}

static bool ask_store(struct gv_incoming *in, size_t i, const struct gv_write_series *s, const struct identified *who,
                      struct gv_err *err)
{
    uint64_t id;
    if (!in->receiver->sink.series(in->receiver->sink.ctx, who->labels, &id, err))
        return false;
    if (!id || id >= SERIES_REFUSED)
        gv_die("the store gave a series the number %llu", (unsigned long long)id);
    in->scratch->values[i] =
        series_value(id, in->scratch->metadata[i], last_writes_number(in->receiver->last_writes, who->cluster));
    series_cache_put(in->receiver->cache, in->now, in->scratch->keys[i], in->scratch->values[i]);
    return !s->has_metadata || add_metadata(in, s, who, err);
}

static bool settle(struct gv_incoming *in, size_t i, const struct gv_write_series *s, struct identified *who,
                   struct gv_err *err)
{
    const struct gv_incoming_request *q = &in->request;
    switch (identify(q->settings, q->cluster, s->labels, &in->scratch->arena, who, err)) {
    case IDENTITY_OK:
        return ask_store(in, i, s, who, err);
    case IDENTITY_DROPPED:
        in->scratch->values[i] = SERIES_DROPPED;
        series_cache_put(in->receiver->cache, in->now, in->scratch->keys[i], SERIES_DROPPED);
        return true;
    case IDENTITY_REFUSED:
        refuse_series(in, who->why, i, gv_buf_cstr(&who->message));
        return true;
    case IDENTITY_BROKEN:
        return gv_err_prefix(err, "remote write: ");
    }
    return false;
}

/* No series comes into being without something in it. In 2.0 it has been refused, whatever its labels are. */
static bool is_empty(const struct gv_write_series *s)
{
    return !s->n_samples && !s->n_histograms && (!s->n_exemplars || s->version == GV_WRITE_2);
}

bool incoming_find_again(struct gv_incoming *in, size_t i, struct gv_err *err)
{
    struct gv_write_series s;
    struct identified who = {.message = GV_BUF_INIT};
    if (!gv_write_again(&in->decoder, in->scratch->messages[i], &s, err))
        return false;
    if (is_empty(&s)) {
        in->scratch->values[i] = SERIES_REFUSED;
        return true;
    }
    if (s.fault) {
        bool limit = s.labels.n > in->request.settings->max_labels_size || strstr(s.fault, "max_labels_size");
        refuse_series(in, limit ? REFUSED_LIMIT : REFUSED_REFERENCE, i, s.fault);
        return true;
    }
    struct gv_arena_mark mark = gv_arena_mark(&in->scratch->arena);
    bool ok = gv_arena_has_room(&in->scratch->arena, s.labels.n * 4, err) && settle(in, i, &s, &who, err);
    gv_buf_fini(&who.message);
    if (!s.has_metadata) /* they borrow from the labels */
        gv_arena_rewind(&in->scratch->arena, mark);
    return ok;
}

/* Of a series that is known, has something about it changed? */
static bool has_news(const struct scratch *s, size_t i)
{
    return s->metadata[i] && metadata_of(s->values[i]) != s->metadata[i] && series_of(s->values[i]) < SERIES_REFUSED;
}

bool incoming_find_series(struct gv_incoming *in, struct gv_err *err)
{
    struct scratch *s = in->scratch;
    size_t missed = 0;
    series_cache_find(in->receiver->cache, in->now, s->keys, s->n_series, s->values, s->order);
    for (size_t i = 0; i < s->n_series; i++) {
        if (s->values[i] && !has_news(s, i))
            continue;
        missed++;
        if (!incoming_find_again(in, i, err))
            return false;
    }
    ingest_count_series(s->n_series, missed);
    return true;
}
