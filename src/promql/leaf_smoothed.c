/* Instant selectors with `smoothed`: at each step the sample there, or what lies on the line between its neighbours
 * within the lookback; behind the last sample that one. Source: Prometheus, promql/engine.go (smoothSeries). */
#include "promql/engine.h"
#include "promql/notes.h"

static double between(const struct gv_float_samples *f, uint32_t next, int64_t t)
{
    double before = f->values[next - 1], after = f->values[next];
    return before + (after - before) * (double)(t - f->times[next - 1]) / (double)(f->times[next] - f->times[next - 1]);
}

static void smooth_floats(const struct gv_pipe *p, const struct gv_float_samples *f, int64_t lookback,
                          struct gv_row *row)
{
    uint32_t at = 0; /* the first one at or after t */
    for (uint32_t i = 0; i < p->grid.n; i++) {
        int64_t t = gv_node_time(p->node, gv_grid_time(&p->grid, i));
        while (at < f->n && f->times[at] < t)
            at++;
        bool before = at && f->times[at - 1] > t - lookback;
        bool after = at < f->n && f->times[at] <= t + lookback;
        if (after && f->times[at] == t)
            gv_row_set_float(row, i, f->values[at]);
        else if (before)
            gv_row_set_float(row, i, after ? between(f, at, t) : f->values[at - 1]);
    }
}

struct neighbour {
    int64_t time;
    struct gv_point p;
};

/* The float at f or the histogram at h of the two lists, the later or the earlier one; an index past an end is none. */
static bool choose_neighbour(const struct gv_series_samples *in, uint32_t f, uint32_t h, bool later,
                             struct neighbour *n)
{
    bool has_float = f < in->floats.n, has_histogram = h < in->histograms.n;
    if (!has_float && !has_histogram)
        return false;
    bool histogram = !has_float;
    if (has_float && has_histogram)
        histogram = (in->histograms.times[h] > in->floats.times[f]) == later;
    if (histogram)
        *n = (struct neighbour){in->histograms.times[h], {0, in->histograms.values[h]}};
    else
        *n = (struct neighbour){in->floats.times[f], {in->floats.values[f], NULL}};
    return true;
}

static bool histogram_between(struct gv_stream *s, const struct neighbour *x, const struct neighbour *y,
                              double fraction, struct gv_point *out)
{
    struct gv_env *env = &s->env;
    struct gv_pos_range pos = s->pipe->node->expr->pos;
    if (!gv_histogram_compatible(x->p.h, y->p.h)) {
        gv_note_schemas(env, pos, s->labels);
        return false;
    }
    struct gv_histogram_notes down = {0}, up = {0};
    const struct gv_histogram *change = gv_histogram_sub(env->scratch, y->p.h, x->p.h, &down);
    change = gv_histogram_multiply(env->scratch, change, fraction);
    out->h = gv_histogram_add(env->out, change, x->p.h, &up);
    if (down.bounds_reconciled)
        gv_note_reconciled(env, pos, GV_HISTOGRAM_SUBTRACTION);
    if (up.bounds_reconciled)
        gv_note_reconciled(env, pos, GV_HISTOGRAM_ADDITION);
    return true;
}

static bool point_between(struct gv_stream *s, const struct neighbour *x, const struct neighbour *y, int64_t t,
                          struct gv_point *out)
{
    double fraction = (double)(t - x->time) / (double)(y->time - x->time);
    if (x->p.h)
        return histogram_between(s, x, y, fraction, out);
    out->f = x->p.f + (y->p.f - x->p.f) * (double)(t - x->time) / (double)(y->time - x->time);
    return true;
}

/* As smooth_floats(), with histograms among the samples: between a float and a histogram the earlier one holds on. */
static void smooth_both(struct gv_stream *s, const struct gv_series_samples *in, int64_t lookback, struct gv_row *row)
{
    const struct gv_pipe *p = s->pipe;
    uint32_t f = 0, h = 0;
    for (uint32_t i = 0; i < p->grid.n; i++) {
        int64_t t = gv_node_time(p->node, gv_grid_time(&p->grid, i));
        while (f < in->floats.n && in->floats.times[f] < t)
            f++;
        while (h < in->histograms.n && in->histograms.times[h] < t)
            h++;
        struct neighbour x, y;
        bool before = choose_neighbour(in, f - 1, h - 1, true, &x) && x.time > t - lookback;
        bool after = choose_neighbour(in, f, h, false, &y) && y.time <= t + lookback;
        bool exact = after && y.time == t;
        if (!exact && !before)
            continue;
        struct gv_point out = exact ? y.p : x.p;
        if (!exact && after && !x.p.h == !y.p.h) {
            if (!point_between(s, &x, &y, t, &out))
                continue;
        } else if (out.h) {
            out.h = gv_histogram_dup(s->env.out, out.h);
        }
        gv_row_set(&s->env, row, p->grid.n, i, out);
    }
}

void gv_smooth(struct gv_stream *s, const struct gv_series_samples *in, struct gv_row *row)
{
    int64_t lookback = s->pipe->ev->options->lookback;
    if (in->histograms.n)
        smooth_both(s, in, lookback, row);
    else
        smooth_floats(s->pipe, &in->floats, lookback, row);
}
