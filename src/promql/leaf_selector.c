/* Instant selectors: a cursor's series ──► the last sample before each step, within the lookback.
 * Also timestamp() and start_timestamp() of a bare selector; `smoothed` is in leaf_smoothed.c. */
#include "promql/engine.h"

/* The last histogram handed on: consecutive steps mostly see the same one. */
struct kept {
    const struct gv_histogram *from, *copy;
};

static const struct gv_histogram *keep(struct gv_stream *s, struct kept *k, const struct gv_histogram *h)
{
    if (s->env.out == &s->brief)
        return h;
    if (k->from != h)
        *k = (struct kept){h, gv_histogram_dup(s->env.out, h)};
    return k->copy;
}

/* ---- The last sample ---- */

static double float_value(const struct gv_pipe *p, const struct gv_float_samples *f, uint32_t i)
{
    if (p->sample_times)
        return (double)f->times[i] / 1000;
    if (p->start_times)
        return f->starts ? (double)f->starts[i] / 1000 : 0;
    return f->values[i];
}

static void last_floats(const struct gv_pipe *p, const struct gv_float_samples *f, int64_t lookback, struct gv_row *row)
{
    struct gv_passed passed = {f->times, f->n, 0, 0};
    for (uint32_t i = 0; i < p->grid.n; i++) {
        int64_t t = gv_node_time(p->node, gv_grid_time(&p->grid, i));
        uint32_t at = gv_pass_to(&passed, t);
        if (at && f->times[at - 1] > t - lookback && !gv_is_stale(f->values[at - 1]))
            gv_row_set_float(row, i, float_value(p, f, at - 1));
    }
}

static void set_histogram(struct gv_stream *s, struct kept *k, const struct gv_histogram_samples *h, uint32_t at,
                          uint32_t step, struct gv_row *row)
{
    struct gv_pipe *p = s->pipe;
    if (gv_is_stale_histogram(h->values[at]))
        return;
    if (p->sample_times && !p->keeps_histograms)
        gv_row_set_float(row, step, (double)h->times[at] / 1000);
    else if (p->start_times)
        gv_row_set_float(row, step, h->starts ? (double)h->starts[at] / 1000 : 0);
    else
        gv_row_set_histogram(&s->env, row, p->grid.n, step, keep(s, k, h->values[at]));
}

static void last_of_both(struct gv_stream *s, const struct gv_series_samples *in, int64_t lookback, struct gv_row *row)
{
    const struct gv_pipe *p = s->pipe;
    const struct gv_float_samples *f = &in->floats;
    const struct gv_histogram_samples *h = &in->histograms;
    struct kept k = {NULL, NULL};
    struct gv_passed floats = {f->times, f->n, 0, 0}, histograms = {h->times, h->n, 0, 0};
    for (uint32_t i = 0; i < p->grid.n; i++) {
        int64_t t = gv_node_time(p->node, gv_grid_time(&p->grid, i));
        uint32_t fi = gv_pass_to(&floats, t), hi = gv_pass_to(&histograms, t);
        bool is_histogram = hi && (!fi || h->times[hi - 1] >= f->times[fi - 1]);
        if (is_histogram && h->times[hi - 1] > t - lookback)
            set_histogram(s, &k, h, hi - 1, i, row);
        else if (!is_histogram && fi && f->times[fi - 1] > t - lookback && !gv_is_stale(f->values[fi - 1]))
            gv_row_set_float(row, i, float_value(p, f, fi - 1));
    }
}

/* ---- The leaf ---- */

static void time_range(const struct gv_pipe *p, int64_t lookback, int64_t *min, int64_t *max)
{
    bool smoothed = p->node->extended == GV_RANGE_SMOOTHED;
    *min = gv_node_time(p->node, p->grid.start) - lookback + 1;
    *max = gv_node_time(p->node, gv_grid_time(&p->grid, p->grid.n - 1)) + (smoothed ? lookback : 0);
}

static bool fill_row(struct gv_stream *s, const struct gv_series_samples *in, struct gv_row *row)
{
    struct gv_pipe *p = s->pipe;
    int64_t lookback = p->ev->options->lookback;
    if (p->node->extended == GV_RANGE_SMOOTHED)
        gv_smooth(s, in, row);
    else if (in->histograms.n)
        last_of_both(s, in, lookback, row);
    else
        last_floats(p, &in->floats, lookback, row);
    return gv_count_row(s, row);
}

static int next_instant(struct gv_stream *s, struct gv_row *row)
{
    struct gv_pipe *p = s->pipe;
    int64_t min, max;
    time_range(p, p->ev->options->lookback, &min, &max);
    struct gv_series series;
    int more;
    while ((more = gv_stream_pull(s, &series)) == 1) {
        struct gv_series_samples in;
        bool keep_stale = p->node->extended != GV_RANGE_SMOOTHED;
        row->labels = s->labels = series.labels;
        if (!gv_read_column(s, &series.column, min, max, keep_stale, &in) || !fill_row(s, &in, row))
            return -1;
        if (gv_row_is_empty(row, p->grid.n))
            continue;
        row->drop_name = false;
        return 1;
    }
    return more;
}

bool gv_leaf_selector(struct gv_pipe *p, struct gv_arena *a)
{
    p->next = next_instant;
    int64_t min, max;
    time_range(p, p->ev->options->lookback, &min, &max);
    return gv_leaf_select(p, a, min, max);
}

/* ---- Selecting, and feeds in place of a source ---- */

struct feed_cursor {
    struct gv_cursor cursor;
    const struct gv_series *at, *end;
};

static int next_fed(struct gv_cursor *c, struct gv_arena *scratch, struct gv_series *series, struct gv_err *err)
{
    (void)scratch, (void)err;
    struct feed_cursor *f = container_of(c, struct feed_cursor, cursor);
    if (f->at == f->end)
        return 0;
    *series = *f->at++;
    return 1;
}

static void close_fed(struct gv_cursor *c)
{
    (void)c;
}

static const struct gv_cursor_ops feed_ops = {next_fed, close_fed};

static const struct gv_node *selecting(const struct gv_pipe *p)
{
    return p->range_node ? p->range_node : p->node;
}

static void open_feed(struct gv_pipe *p, struct gv_arena *a, size_t parts)
{
    const struct gv_feed *f = selecting(p)->feed;
    p->n_parts = f->n < parts ? (f->n ? f->n : 1) : parts;
    p->cursors = gv_arena_array(a, struct gv_cursor *, p->n_parts);
    for (size_t i = 0; i < p->n_parts; i++) {
        struct feed_cursor *c = gv_arena_new(a, struct feed_cursor);
        c->cursor.ops = &feed_ops;
        c->at = f->series + f->n * i / p->n_parts;
        c->end = f->series + f->n * (i + 1) / p->n_parts;
        p->cursors[i] = &c->cursor;
    }
}

static struct gv_select select_of(const struct gv_pipe *p, int64_t min, int64_t max)
{
    const struct gv_node *n = selecting(p);
    struct gv_select what = {.matchers = n->selector->matchers,
                             .n_matchers = n->selector->n_matchers,
                             .min_time = min,
                             .max_time = max,
                             .step = p->grid.step,
                             .range = n->range,
                             .func = n->hint_func};
    if (n->hint_aggregation) {
        what.grouping = n->hint_aggregation->aggregate.grouping;
        what.n_grouping = n->hint_aggregation->aggregate.n_grouping;
        what.by = !n->hint_aggregation->aggregate.without;
    }
    return what;
}

/* Those that no stream has taken. */
struct opened {
    struct gv_cursor **cursors;
    size_t n;
};

static void close_cursors(void *arg)
{
    struct opened *o = arg;
    for (size_t i = 0; i < o->n; i++)
        if (o->cursors[i])
            o->cursors[i]->ops->close(o->cursors[i]);
}

bool gv_leaf_select(struct gv_pipe *p, struct gv_arena *a, int64_t min, int64_t max)
{
    size_t parts = gv_pipe_parts(p->ev);
    if (selecting(p)->feed) {
        open_feed(p, a, parts);
        return true;
    }
    if (!p->ev->options->source) {
        p->n_parts = 0;
        return true;
    }
    struct gv_source *source = p->ev->options->source;
    struct gv_select what = select_of(p, min, max);
    p->cursors = gv_arena_array(a, struct gv_cursor *, parts);
    if (!source->ops->select(source, a, &what, p->cursors, parts, &p->n_parts, &p->ev->main.err))
        return false;
    struct opened *o = gv_arena_new(a, struct opened);
    *o = (struct opened){p->cursors, p->n_parts};
    gv_arena_defer(a, close_cursors, o);
    return true;
}

int gv_stream_pull(struct gv_stream *s, struct gv_series *series)
{
    gv_stream_rewind(s);
    int more = s->cursor ? s->cursor->ops->next(s->cursor, &s->scratch, series, s->env.err) : 0;
    if (more == 1)
        s->worker->samples.series_read++;
    return more;
}
