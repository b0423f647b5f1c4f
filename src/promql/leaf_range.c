/* Range functions: the samples of one series (from a range selector or a subquery) and a window for each step ──►
 * the function ──► one row. */
#include "promql/engine.h"
#include "promql/fold.h"

/* ---- Windows ---- */

static void slide(const struct gv_pipe *p, const struct gv_series_samples *in, struct gv_window *windows)
{
    const struct gv_node *arg = p->range_node;
    int64_t lookback = p->ev->options->lookback;
    int64_t before = arg->extended != GV_RANGE_PLAIN ? lookback : 0;
    int64_t after = arg->extended == GV_RANGE_SMOOTHED ? lookback : 0;
    struct gv_passed f_lo = {in->floats.times, in->floats.n, 0, 0}, f_hi = f_lo;
    struct gv_passed h_lo = {in->histograms.times, in->histograms.n, 0, 0}, h_hi = h_lo;
    struct gv_window w = {0};
    for (uint32_t i = 0; i < p->grid.n; i++) {
        if (i == 0 || !arg->fixed) {
            w.end = gv_node_time(arg, gv_grid_time(&p->grid, i));
            w.start = w.end - arg->range;
            w.f_hi = gv_pass_to(&f_hi, w.end + after);
            w.f_lo = gv_pass_to(&f_lo, w.start - before);
            w.h_hi = gv_pass_to(&h_hi, w.end + after);
            w.h_lo = gv_pass_to(&h_lo, w.start - before);
        }
        windows[i] = w;
    }
}

/* ---- Counting ---- */

static int64_t histogram_samples_in(const struct gv_histogram_samples *h, uint32_t lo, uint32_t hi)
{
    int64_t samples = 0;
    for (uint32_t i = lo; i < hi; i++)
        samples += gv_histogram_weight(h->values[i]);
    return samples;
}

static bool count_windows(struct gv_stream *s, const struct gv_series_samples *in)
{
    const struct gv_pipe *p = s->pipe;
    int64_t total = 0, largest = 0;
    for (uint32_t i = 0; i < p->grid.n; i++) {
        const struct gv_window *w = &s->windows[i];
        int64_t n = w->f_hi - w->f_lo;
        if (w->h_hi > w->h_lo)
            n += histogram_samples_in(&in->histograms, w->h_lo, w->h_hi);
        total += n;
        largest = n > largest ? n : largest;
        if (p->counts == GV_COUNT_STEPS && s->worker->samples.per_step)
            s->worker->samples.per_step[i] += n;
    }
    if (p->counts != GV_COUNT_NOTHING)
        s->worker->samples.total += total;
    return gv_hold_briefly(s->worker, largest);
}

/* ---- Calling the function ---- */

static bool call_windows(struct gv_stream *s, struct gv_range_call *c)
{
    gv_window_fn *window = s->pipe->node->impl->window;
    struct gv_arena_mark start = gv_arena_mark(&s->scratch);
    for (uint32_t i = 0; i < c->grid.n; i++) {
        const struct gv_window *w = &c->windows[i];
        if (gv_window_empty(w))
            continue;
        struct gv_point point = {0, NULL};
        if (window(c, i, w, &point))
            gv_row_set(&s->env, c->row, c->grid.n, i, point);
        gv_arena_rewind(&s->scratch, start);
        if (!gv_poll(s->worker, w->f_hi - w->f_lo + w->h_hi - w->h_lo))
            return false;
    }
    return true;
}

static bool call_function(struct gv_stream *s, const struct gv_series_samples *in, const struct gv_labels *labels,
                          struct gv_row *row)
{
    struct gv_pipe *p = s->pipe;
    struct gv_range_call c = {.env = &s->env,
                              .expr = p->node->expr,
                              .range_arg = p->range_node->expr,
                              .grid = p->grid,
                              .args = p->args,
                              .n_args = p->node->n,
                              .range = p->range_node->range,
                              .extended = p->range_node->extended,
                              .labels = labels,
                              .floats = in->floats,
                              .histograms = in->histograms,
                              .windows = s->windows,
                              .row = row};
    if (!p->node->impl->series)
        return call_windows(s, &c) && s->env.err->code == GV_OK;
    p->node->impl->series(&c);
    return s->env.err->code == GV_OK && gv_poll(s->worker, in->floats.n + in->histograms.n);
}

static bool fill_row(struct gv_stream *s, const struct gv_series_samples *in, const struct gv_labels *labels,
                     struct gv_row *row)
{
    if (!gv_poll(s->worker, in->floats.n + in->histograms.n))
        return false;
    s->worker->samples.samples_read += in->floats.n + in->histograms.n;
    slide(s->pipe, in, s->windows);
    return count_windows(s, in) && call_function(s, in, labels, row) &&
           gv_hold(s->worker, gv_row_samples(row, s->pipe->grid.n));
}

/* 1: *in and *labels filled; 0: at the end; -1: failed. */
static int next_samples(struct gv_stream *s, struct gv_series_samples *in, struct gv_row *row)
{
    if (s->inner) {
        gv_stream_rewind(s);
        int more = gv_stream_next(s->inner, &s->inner_row);
        if (more != 1)
            return more;
        row->labels = s->labels = s->inner_row.labels;
        row->drop_name = s->inner_row.drop_name;
        return gv_read_row(s, &s->inner_row, &s->pipe->inner->grid, in) ? 1 : -1;
    }
    struct gv_series series;
    int more = gv_stream_pull(s, &series);
    if (more != 1)
        return more;
    row->labels = s->labels = series.labels;
    row->drop_name = false;
    return gv_read_column(s, &series.column, s->pipe->min_time, s->pipe->max_time, false, in) ? 1 : -1;
}

static int next_range(struct gv_stream *s, struct gv_row *row)
{
    struct gv_series_samples in;
    int more;
    while ((more = next_samples(s, &in, row)) == 1) {
        if (!in.floats.n && !in.histograms.n)
            continue;
        if (!fill_row(s, &in, row->labels, row))
            return -1;
        if (gv_row_is_empty(row, s->pipe->grid.n))
            continue;
        if (s->pipe->node->expr->call.function->flags & GV_FN_KEEPS_NAME)
            return 1;
        gv_row_drop_name(&s->env, row);
        return 1;
    }
    return more;
}

/* ---- Making the leaf ---- */

static void time_range(struct gv_pipe *p, const struct gv_node *arg)
{
    int64_t lookback = p->ev->options->lookback;
    int64_t before = arg->extended != GV_RANGE_PLAIN ? lookback : 0;
    int64_t after = arg->extended == GV_RANGE_SMOOTHED ? lookback : 0;
    p->min_time = gv_node_time(arg, p->grid.start) - arg->range - before + 1;
    p->max_time = gv_node_time(arg, gv_grid_time(&p->grid, p->grid.n - 1)) + after;
}

/* The steps of a subquery: multiples of its own step, the first one after the earliest window's start. */
static bool subquery_grid(struct gv_pipe *p, const struct gv_node *sub, struct gv_grid *g)
{
    int64_t last = gv_node_time(sub, gv_grid_time(&p->grid, p->grid.n - 1));
    return gv_subquery_times(gv_node_time(sub, p->grid.start), last, sub->range, sub->step, g, &p->ev->main.err);
}

static bool open_subquery(struct gv_pipe *p, const struct gv_node *sub, struct gv_arena *a)
{
    enum gv_counts counts = p->ev->counts;
    struct gv_grid grid;
    if (!subquery_grid(p, sub, &grid))
        return false;
    p->ev->counts = GV_COUNT_NOTHING;
    p->inner = gv_pipe_new(p->ev, sub->child[0], grid, a);
    p->ev->counts = counts;
    if (!p->inner)
        return false;
    p->inner->salt = (uint64_t)(uintptr_t)p->inner;
    p->drops_name |= p->inner->drops_name;
    p->n_parts = p->inner->n_parts;
    return true;
}

static bool evaluate_arguments(struct gv_pipe *p, struct gv_arena *a)
{
    p->args = gv_arena_array(a, struct gv_value, p->node->n);
    for (size_t i = 0; i < p->node->n; i++) {
        const struct gv_node *arg = p->node->child[i];
        p->args[i].type = arg->type;
        if (gv_node_is_range(arg))
            p->range_node = arg;
        else if (!gv_eval_node(p->ev, arg, p->grid, a, &p->args[i]))
            return false;
    }
    return true;
}

bool gv_leaf_range(struct gv_pipe *p, struct gv_arena *a)
{
    p->next = next_range;
    p->drops_name = !(p->node->expr->call.function->flags & GV_FN_KEEPS_NAME);
    if (!evaluate_arguments(p, a))
        return false;
    const struct gv_node *arg = p->range_node;
    if (arg->kind == GV_EXPR_SUBQUERY)
        return open_subquery(p, arg, a);
    time_range(p, arg);
    return gv_leaf_select(p, a, p->min_time, p->max_time);
}

struct gv_pipe *gv_leaf_raw(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *a)
{
    struct gv_pipe *p = gv_arena_new(a, struct gv_pipe);
    *p = (struct gv_pipe){.ev = ev, .grid = grid, .counts = ev->counts, .node = n, .range_node = n};
    time_range(p, n);
    bool ok = n->kind == GV_EXPR_SUBQUERY ? open_subquery(p, n, a) : gv_leaf_select(p, a, p->min_time, p->max_time);
    return ok ? p : NULL;
}
