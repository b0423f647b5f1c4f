/* /federate: the latest samples of selections over all clusters, as text or as protobuf.
 *
 *   match[] ──► selections of the last lookback ──► one query for their raw series ──► their last samples ──► writer
 *
 * The formats have no place for a warning: a cluster that failed makes the answer 503, unless the request says
 * partial_response=true. Without match[] nobody is asked and the answer is empty, as Prometheus gives it. */
#include "api/accept.h"
#include "api/handlers.h"
#include "api/samples.h"
#include "base/clock.h"
#include "codec/chunks.h"
#include "model/raw.h"
#include "promql/parse.h"

struct federate_state {
    struct selectors match;
    struct accepted accepted;
    struct gv_select *selections;
    struct gv_query_raw raw;
    struct gv_exposition samples;
    struct gv_exposition_writer *writer;
};

/* --- the latest sample of each series --- */

static bool samples_of(const struct gv_series *s, const struct gv_select *what, struct gv_arena *scratch,
                       struct gv_raw_column *out, struct gv_err *err)
{
    if (s->column.kind == GV_COLUMN_CHUNKS)
        return gv_chunks_to_raw(scratch, &s->column.chunks, what->min_time, what->max_time, out, err);
    *out = s->column.raw;
    return true;
}

static bool add_latest(struct federate_state *f, const struct gv_series *s, const struct gv_select *what,
                       struct gv_arena *scratch, struct gv_err *err)
{
    struct gv_raw_column c;
    if (!samples_of(s, what, scratch, &c, err))
        return false;
    uint32_t n = gv_raw_after(&c, what->max_time);
    if (!n || c.times[n - 1] < what->min_time || !gv_labels_get(s->labels, GV_LABEL_NAME).n)
        return true;
    const struct gv_histogram *h = c.histograms ? c.histograms[n - 1] : NULL;
    if (gv_is_stale(h ? h->sum : c.values[n - 1]))
        return true;
    struct gv_exposition_sample latest = {
        .labels = s->labels,
        .value = c.values[n - 1],
        .histogram = h ? gv_histogram_dup(f->samples.arena, h) : NULL,
        .time = c.times[n - 1],
    };
    return gv_exposition_add(&f->samples, &latest, err);
}

static bool add_series(struct federate_state *f, struct gv_query *q, const struct gv_raw_source *source,
                       const struct gv_select *what, struct gv_err *err)
{
    struct gv_arena scratch;
    gv_arena_init(&scratch, gv_query_arena(q)->budget);
    struct gv_arena_mark empty = gv_arena_mark(&scratch);
    bool ok = true;
    for (size_t i = 0; ok && i < source->n; i++) {
        struct gv_series s;
        ok = gv_query_goes_on(q, err) && gv_raw_source_at(source, i, &scratch, &s, err) &&
             add_latest(f, &s, what, &scratch, err);
        gv_arena_rewind(&scratch, empty);
    }
    gv_arena_fini(&scratch);
    return ok;
}

static bool digest(void *arg, struct gv_query *q, struct gv_err *err)
{
    struct federate_state *f = ((struct request *)arg)->state;
    const struct gv_raw_source *sources = gv_query_outcome(q)->raw;
    gv_exposition_init(&f->samples, gv_query_arena(q));
    for (size_t i = 0; i < f->match.n; i++)
        if (!add_series(f, q, &sources[i], &f->selections[i], err))
            return false;
    f->writer = gv_exposition_writer_new(gv_query_arena(q), &f->samples, f->accepted.format, f->accepted.escaping, err);
    return f->writer != NULL;
}

/* --- the way of a request --- */

static enum gv_produce produce(void *arg, struct gv_buf *out, size_t want)
{
    struct federate_state *f = arg;
    return gv_exposition_writer_next(f->writer, out, want) ? GV_PRODUCE_MORE : GV_PRODUCE_DONE;
}

static const char *content_type(const struct federate_state *f)
{
    return gv_exposition_content_types[f->accepted.format];
}

static void done(void *arg, struct gv_query *q)
{
    struct request *r = arg;
    if (!samples_failed(r, q))
        reply_stream(r, 200, content_type(r->state), produce, r->state);
}

static void select_recent(struct federate_state *f, struct request *r)
{
    int64_t now = gv_clock_wall(&gv_clock_real);
    f->selections = gv_arena_array(r->x->arena, struct gv_select, f->match.n);
    for (size_t i = 0; i < f->match.n; i++)
        f->selections[i] = (struct gv_select){.matchers = f->match.at[i]->matchers,
                                              .n_matchers = f->match.at[i]->n_matchers,
                                              .min_time = now - r->settings->limits.lookback_ms,
                                              .max_time = now};
    f->raw = (struct gv_query_raw){.selections = f->selections,
                                   .n = f->match.n,
                                   .wanted = GV_PLAN_LATEST,
                                   .floats_only = f->accepted.format == GV_EXPOSITION_TEXT,
                                   .digest = digest,
                                   .arg = r};
}

void serve_federate(struct request *r)
{
    struct federate_state *f = r->state = gv_arena_new(r->x->arena, struct federate_state);
    struct gv_err err = {0};
    f->accepted = accept_exposition(gv_http_request_field(&r->x->request, "Accept"));
    /* what may match everything is taken, as Prometheus does here */
    if (!request_scope(r, &err) || !selectors_read_by(gv_promql_parse_any_selector, &f->match, r, "match[]", &err)) {
        reply_error_text(r, &err);
        return;
    }
    if (!f->match.n) {
        reply_text(r, 200, content_type(f), (struct gv_slice){NULL, 0});
        return;
    }
    select_recent(f, r);
    samples_start(r, &f->raw, done);
}
