/* A source in this process answers as a backend would: its own series, the sent text, its labels mapped afterwards. */
#include "exec/plan_run.h"
#include "base/clock.h"

struct answer {
    struct gv_arena *arena;
    const struct gv_plan_ask *ask;
    const struct gv_mapping *mapping;
    const struct gv_eval_options *eval;
    struct gv_result *out;
    struct gv_err *err;
};

static void map_labels(struct answer *an)
{
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, an->arena, NULL);
    if (!an->mapping->n)
        return;
    for (size_t i = 0; i < an->out->n; i++)
        an->out->series[i].labels =
            gv_mapping_apply_some(an->mapping, an->ask->hidden, &b, an->arena, an->out->series[i].labels);
}

/* ---- Points of a subquery: they lie on its grid ---- */

static bool to_steps(struct answer *an, struct gv_series *s)
{
    const struct gv_grid *g = &an->ask->grid;
    struct gv_raw_column raw = s->column.raw;
    struct gv_steps_column steps = {.values = gv_arena_try(an->arena, g->n * sizeof(double), an->err),
                                    .present = gv_arena_array(an->arena, uint64_t, gv_bits_words(g->n))};
    if (!steps.values)
        return false;
    if (raw.histograms)
        steps.histograms = gv_arena_array(an->arena, const struct gv_histogram *, g->n);
    for (uint32_t i = 0; i < raw.n; i++) {
        int64_t into = raw.times[i] - g->start, at = g->step > 0 ? into / g->step : 0;
        if (into < 0 || at >= g->n || at * g->step != into)
            return gv_fail(an->err, GV_INTERNAL, "a point at %lld ms is not on the grid of \"%.*s\"",
                           (long long)raw.times[i], GV_ARG(an->ask->text));
        gv_bit_set(steps.present, (size_t)at);
        steps.values[at] = raw.values[i];
        if (raw.histograms)
            steps.histograms[at] = raw.histograms[i];
    }
    s->column = (struct gv_column){.kind = GV_COLUMN_STEPS, .steps = steps};
    return true;
}

static bool evaluate(struct answer *an, struct gv_source *source)
{
    const struct gv_plan_ask *ask = an->ask;
    struct gv_eval_options o = *an->eval;
    struct gv_expr *e = gv_promql_parse(an->arena, ask->text, o.features, an->err);
    if (!e)
        return false;
    o.text = ask->text;
    o.start = ask->start;
    o.end = ask->end;
    o.step = ask->step;
    o.source = source;
    o.feeds = NULL;
    o.n_feeds = 0;
    if (!gv_promql_eval(an->arena, e, &o, an->out, NULL, an->err))
        return false;
    for (size_t i = 0; ask->column == GV_COLUMN_STEPS && ask->type == GV_TYPE_MATRIX && i < an->out->n; i++)
        if (!to_steps(an, &an->out->series[i]))
            return false;
    if (ask->column == GV_COLUMN_STEPS)
        an->out->grid = ask->grid;
    return true;
}

/* ---- Samples ---- */

static bool keep_chunks(struct gv_arena *a, const struct gv_chunks_column *c, struct gv_column *kept,
                        struct gv_err *err)
{
    struct gv_chunk *chunks = gv_arena_array(a, struct gv_chunk, c->n);
    for (uint32_t i = 0; i < c->n; i++) {
        uint8_t *data = gv_arena_try(a, c->chunks[i].size, err);
        if (!data)
            return false;
        chunks[i] = c->chunks[i];
        chunks[i].data = memcpy(data, c->chunks[i].data, c->chunks[i].size);
    }
    *kept = (struct gv_column){.kind = GV_COLUMN_CHUNKS, .chunks = {chunks, c->n}};
    return true;
}

/* Columns of cursors last until the next series. */
static bool keep_column(struct gv_arena *a, const struct gv_column *c, struct gv_column *kept, struct gv_err *err)
{
    if (c->kind == GV_COLUMN_CHUNKS)
        return keep_chunks(a, &c->chunks, kept, err);
    struct gv_raw_column raw = c->raw;
    if (!gv_arena_has_room(a, raw.n * (sizeof(int64_t) + sizeof(double)), err))
        return false;
    int64_t *times = gv_arena_array(a, int64_t, raw.n), *starts = gv_arena_array(a, int64_t, raw.n);
    double *values = gv_arena_array(a, double, raw.n);
    const struct gv_histogram **histograms = gv_arena_array(a, const struct gv_histogram *, raw.n);
    for (uint32_t i = 0; i < raw.n; i++) {
        times[i] = raw.times[i];
        values[i] = raw.values[i];
        starts[i] = raw.starts ? raw.starts[i] : 0;
        histograms[i] = raw.histograms && raw.histograms[i] ? gv_histogram_dup(a, raw.histograms[i]) : NULL;
    }
    kept->kind = GV_COLUMN_RAW;
    kept->raw =
        (struct gv_raw_column){times, values, raw.histograms ? histograms : NULL, raw.starts ? starts : NULL, raw.n};
    return true;
}

static bool goes_on(const struct answer *an)
{
    const struct gv_eval_options *o = an->eval;
    if (o->cancel && atomic_load_explicit(o->cancel, memory_order_relaxed))
        return gv_fail(an->err, GV_CANCELED, "query was canceled");
    return !o->deadline_ns || gv_clock_monotonic(&gv_clock_real) <= o->deadline_ns ||
           gv_fail(an->err, GV_TIMEOUT, "query timed out in reading samples");
}

static bool pull_all(struct answer *an, struct gv_cursor *cursor, size_t *cap)
{
    struct gv_arena scratch;
    struct gv_series s, kept;
    int more;
    gv_arena_init(&scratch, an->arena->budget);
    gv_arena_alloc(&scratch, 1); /* a block that every rewind keeps */
    struct gv_arena_mark mark = gv_arena_mark(&scratch);
    while ((more = cursor->ops->next(cursor, &scratch, &s, an->err)) == 1) {
        kept.labels = gv_labels_dup(an->arena, s.labels);
        if (!goes_on(an) || !keep_column(an->arena, &s.column, &kept.column, an->err)) {
            more = -1;
            break;
        }
        gv_push(an->arena, an->out->series, an->out->n, *cap) = kept;
        gv_arena_rewind(&scratch, mark);
    }
    cursor->ops->close(cursor);
    gv_arena_fini(&scratch);
    return more == 0;
}

static bool read_samples(struct answer *an, struct gv_source *source)
{
    const struct gv_selector *sel = &an->ask->tree->matrix.selector->selector;
    struct gv_select what = {
        .matchers = sel->matchers, .n_matchers = sel->n_matchers, .min_time = an->ask->start, .max_time = an->ask->end};
    struct gv_cursor *cursor;
    size_t n, cap = 0;
    *an->out = (struct gv_result){.type = GV_RESULT_MATRIX};
    gv_annotations_init(&an->out->notes, an->arena);
    if (!source->ops->select(source, an->arena, &what, &cursor, 1, &n, an->err))
        return false;
    return !n || pull_all(an, cursor, &cap);
}

bool gv_plan_answer_here(struct gv_arena *a, const struct gv_plan *p, const struct gv_plan_ask *ask,
                         struct gv_source *source, const struct gv_eval_options *eval, struct gv_result *out,
                         struct gv_err *err)
{
    struct answer an = {a, ask, &p->sources[ask->source].mapping, eval, out, err};
    bool ok = ask->kind == GV_PLAN_SAMPLES ? read_samples(&an, source) : evaluate(&an, source);
    if (!ok)
        return gv_err_prefix(err, "cluster \"%.*s\": ", GV_ARG(p->sources[ask->source].name));
    map_labels(&an);
    return true;
}
