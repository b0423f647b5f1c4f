/* *_over_time: what the samples of a window come to.
 *
 *   long windows that overlap ──► sliding folds (sliding.h): sums, means, variance, extremes
 *   short ones                ──► sample by sample, in Prometheus's order of operations
 *
 * Source: Prometheus, promql/functions.go. Selection instead of sorting: quantile_over_time, mad_over_time. */
#include "model/histogram_sum.h"
#include "model/kahan.h"
#include "promql/notes.h"
#include "promql/quantile.h"
#include "promql/sliding.h"

enum { SHORT_WINDOW = 128 }; /* samples; up to here the fold costs more than it saves */

static bool is_long(const struct gv_range_call *c)
{
    uint32_t longest = 0;
    uint64_t total = 0;
    for (uint32_t i = 0; i < c->grid.n; i++) {
        uint32_t n = c->windows[i].f_hi - c->windows[i].f_lo;
        longest = n > longest ? n : longest;
        total += n;
    }
    return longest > SHORT_WINDOW && total > 4 * (uint64_t)c->floats.n;
}

/* A window of floats alone; histograms beside them are ignored, and told. */
static bool only_floats(struct gv_range_call *c, const struct gv_window *w)
{
    if (w->f_hi == w->f_lo)
        return false;
    if (w->h_hi > w->h_lo)
        gv_note_ignored_histograms(c, gv_range_pos(c));
    return true;
}

/* Runs of(), or the fold, over the windows that have floats. */
typedef double of_window_fn(const struct gv_range_call *c, uint32_t lo, uint32_t hi);
typedef double of_fold_fn(const struct gv_range_call *c, struct gv_fold f, uint32_t lo, uint32_t hi);

struct reduction {
    of_window_fn *window;
    struct gv_folding folding;
    of_fold_fn *result;
};

GV_INLINED void reduce_window(struct gv_range_call *c, const struct reduction *r, struct gv_sliding *s, uint32_t step)
{
    uint32_t lo = c->windows[step].f_lo, hi = c->windows[step].f_hi;
    double v = s ? r->result(c, gv_sliding_at(s, r->folding, lo, hi), lo, hi) : r->window(c, lo, hi);
    gv_row_set_float(c->row, step, v);
}

static struct gv_sliding *sliding_for(struct gv_range_call *c, struct gv_sliding *room)
{
    size_t size = c->floats.n * sizeof(struct gv_fold);
    if (!is_long(c) || !gv_arena_has_room(c->env->scratch, size, c->env->err))
        return NULL;
    *room = gv_sliding_new(c->env->scratch, c->floats.values, c->floats.times, c->floats.n);
    return room;
}

GV_INLINED void reduce_floats(struct gv_range_call *c, const struct reduction *r)
{
    struct gv_sliding room, *s = sliding_for(c, &room);
    for (uint32_t i = 0; i < c->grid.n; i++)
        if (only_floats(c, &c->windows[i]))
            reduce_window(c, r, s, i);
}

/* ---- Sums and means ---- */

static struct gv_fold sum_of(double v, int64_t t)
{
    (void)t;
    return (struct gv_fold){{v, 0}};
}

static struct gv_fold join_sums(struct gv_fold l, struct gv_fold r)
{
    gv_kahan_add(r.x[0], &l.x[0], &l.x[1]);
    l.x[1] += r.x[1];
    return l;
}

static double total(double sum, double comp)
{
    return isinf(sum) ? sum : sum + comp;
}

static double sum_window(const struct gv_range_call *c, uint32_t lo, uint32_t hi)
{
    double sum = 0, comp = 0;
    for (uint32_t i = lo; i < hi; i++)
        gv_kahan_add(c->floats.values[i], &sum, &comp);
    return total(sum, comp);
}

/* A sum that is not finite may be so only in the fold's order. */
static double sum_result(const struct gv_range_call *c, struct gv_fold f, uint32_t lo, uint32_t hi)
{
    return isfinite(f.x[0]) ? f.x[0] + f.x[1] : sum_window(c, lo, hi);
}

/* The mean of the first n samples goes on from their sum, which the next one would overflow. */
static double mean_onwards(const double *values, uint32_t from, uint32_t n, double sum, double comp)
{
    double mean = sum / from;
    comp /= from;
    for (uint32_t i = from; i < n; i++) {
        double count = i + 1, q = (count - 1) / count;
        mean *= q;
        comp *= q;
        gv_kahan_add(values[i] / count, &mean, &comp);
    }
    return mean + comp;
}

static double mean_window(const struct gv_range_call *c, uint32_t lo, uint32_t hi)
{
    const double *values = c->floats.values + lo;
    uint32_t n = hi - lo;
    double sum = values[0], comp = 0;
    for (uint32_t i = 1; i < n; i++) {
        double next = sum, next_comp = comp;
        gv_kahan_add(values[i], &next, &next_comp);
        if (isinf(next))
            return mean_onwards(values, i, n, sum, comp);
        sum = next;
        comp = next_comp;
    }
    return sum / n + comp / n;
}

static double mean_result(const struct gv_range_call *c, struct gv_fold f, uint32_t lo, uint32_t hi)
{
    uint32_t n = hi - lo;
    return isfinite(f.x[0]) ? f.x[0] / n + f.x[1] / n : mean_window(c, lo, hi);
}

static const struct reduction sum_reduction = {sum_window, {sum_of, join_sums}, sum_result};
static const struct reduction mean_reduction = {mean_window, {sum_of, join_sums}, mean_result};

/* ---- Sums and means of histograms ---- */

struct seen {
    bool reset, no_reset;
};

static void see(struct seen *s, const struct gv_histogram *h)
{
    s->reset |= h->reset_hint == GV_RESET_YES;
    s->no_reset |= h->reset_hint == GV_RESET_NO;
}

static void note_histograms(struct gv_range_call *c, const struct seen *s, const struct gv_histogram_notes *notes)
{
    if (s->reset && s->no_reset)
        gv_note_collision(c->env, gv_range_pos(c), GV_HISTOGRAM_AGGREGATION);
    if (notes->bounds_reconciled)
        gv_note_reconciled(c->env, gv_range_pos(c), GV_HISTOGRAM_AGGREGATION);
}

static const struct gv_histogram *sum_histograms(struct gv_range_call *c, const struct gv_window *w, struct seen *seen,
                                                 struct gv_histogram_notes *notes)
{
    const struct gv_histogram *const *h = c->histograms.values;
    struct gv_histogram_sum s;
    gv_histogram_sum_init(&s, c->env->scratch, h[w->h_lo]);
    see(seen, h[w->h_lo]);
    for (uint32_t i = w->h_lo + 1; i < w->h_hi; i++) {
        see(seen, h[i]);
        if (!gv_histogram_sum_add(&s, h[i]))
            return NULL;
    }
    *notes = s.notes;
    return gv_histogram_sum_result(&s, c->env->out);
}

static const struct gv_histogram *mean_histograms(struct gv_range_call *c, const struct gv_window *w, struct seen *seen,
                                                  struct gv_histogram_notes *notes)
{
    const struct gv_histogram *const *h = c->histograms.values;
    struct gv_histogram_mean m;
    gv_histogram_mean_init(&m, c->env->scratch, h[w->h_lo]);
    see(seen, h[w->h_lo]);
    for (uint32_t i = w->h_lo + 1; i < w->h_hi; i++) {
        see(seen, h[i]);
        if (!gv_histogram_mean_add(&m, h[i]))
            return NULL;
    }
    *notes = m.sum.notes;
    return gv_histogram_mean_result(&m, c->env->out);
}

typedef const struct gv_histogram *of_histograms_fn(struct gv_range_call *c, const struct gv_window *w,
                                                    struct seen *seen, struct gv_histogram_notes *notes);

static void reduce_histograms(struct gv_range_call *c, uint32_t step, of_histograms_fn *of)
{
    struct seen seen = {0};
    struct gv_histogram_notes notes = {0};
    struct gv_arena_mark start = gv_arena_mark(c->env->scratch);
    const struct gv_histogram *h = of(c, &c->windows[step], &seen, &notes);
    if (h) {
        note_histograms(c, &seen, &notes);
        gv_row_set_histogram(c->env, c->row, c->grid.n, step, h);
    } else {
        gv_note_mixed_schemas(c);
    }
    gv_arena_rewind(c->env->scratch, start);
}

GV_INLINED void reduce_either(struct gv_range_call *c, const struct reduction *r, of_histograms_fn *of)
{
    struct gv_sliding room, *s = sliding_for(c, &room);
    for (uint32_t i = 0; i < c->grid.n; i++) {
        const struct gv_window *w = &c->windows[i];
        bool floats = w->f_hi > w->f_lo, histograms = w->h_hi > w->h_lo;
        if (floats && histograms)
            gv_note_mixed_samples(c);
        else if (floats)
            reduce_window(c, r, s, i);
        else if (histograms)
            reduce_histograms(c, i, of);
    }
}

static void sum_over_time(struct gv_range_call *c)
{
    reduce_either(c, &sum_reduction, sum_histograms);
}

static void avg_over_time(struct gv_range_call *c)
{
    reduce_either(c, &mean_reduction, mean_histograms);
}

/* ---- Variance ---- */

/* Count, mean, sum of squared distances from it. */
static struct gv_fold moments_of(double v, int64_t t)
{
    (void)t;
    return (struct gv_fold){{1, v, isfinite(v) ? 0 : NAN}};
}

/* Chan, Golub, LeVeque: "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979). */
static struct gv_fold join_moments(struct gv_fold l, struct gv_fold r)
{
    double n = l.x[0] + r.x[0], delta = r.x[1] - l.x[1];
    return (struct gv_fold){
        {n, l.x[1] + delta * (r.x[0] / n), l.x[2] + r.x[2] + delta * delta * (l.x[0] * r.x[0] / n)}};
}

static double variance_result(const struct gv_range_call *c, struct gv_fold f, uint32_t lo, uint32_t hi)
{
    (void)c, (void)lo, (void)hi;
    return f.x[2] / f.x[0];
}

/* Welford, compensated. */
static double variance_window(const struct gv_range_call *c, uint32_t lo, uint32_t hi)
{
    double n = 0, mean = 0, mean_comp = 0, squares = 0, squares_comp = 0;
    for (uint32_t i = lo; i < hi; i++) {
        double v = c->floats.values[i], delta = v - (mean + mean_comp);
        n++;
        gv_kahan_add(delta / n, &mean, &mean_comp);
        gv_kahan_add(delta * (v - (mean + mean_comp)), &squares, &squares_comp);
    }
    return (squares + squares_comp) / n;
}

static double deviation_result(const struct gv_range_call *c, struct gv_fold f, uint32_t lo, uint32_t hi)
{
    return sqrt(variance_result(c, f, lo, hi));
}

static double deviation_window(const struct gv_range_call *c, uint32_t lo, uint32_t hi)
{
    return sqrt(variance_window(c, lo, hi));
}

static void stdvar_over_time(struct gv_range_call *c)
{
    reduce_floats(c, &(const struct reduction){variance_window, {moments_of, join_moments}, variance_result});
}

static void stddev_over_time(struct gv_range_call *c)
{
    reduce_floats(c, &(const struct reduction){deviation_window, {moments_of, join_moments}, deviation_result});
}

/* ---- Extremes: NaN counts only where there is nothing else; of equals the first, but the last where the time is
 * asked for ---- */

static struct gv_fold extreme_of(double v, int64_t t)
{
    return (struct gv_fold){{v, (double)t}};
}

static struct gv_fold join_max(struct gv_fold l, struct gv_fold r)
{
    return r.x[0] > l.x[0] || isnan(l.x[0]) ? r : l;
}

static struct gv_fold join_min(struct gv_fold l, struct gv_fold r)
{
    return r.x[0] < l.x[0] || isnan(l.x[0]) ? r : l;
}

static struct gv_fold join_last_max(struct gv_fold l, struct gv_fold r)
{
    return r.x[0] >= l.x[0] || isnan(l.x[0]) ? r : l;
}

static struct gv_fold join_last_min(struct gv_fold l, struct gv_fold r)
{
    return r.x[0] <= l.x[0] || isnan(l.x[0]) ? r : l;
}

GV_INLINED struct gv_fold fold_window(const struct gv_range_call *c, struct gv_folding g, uint32_t lo, uint32_t hi)
{
    struct gv_fold f = g.of(c->floats.values[lo], c->floats.times[lo]);
    for (uint32_t i = lo + 1; i < hi; i++)
        f = g.join(f, g.of(c->floats.values[i], c->floats.times[i]));
    return f;
}

GV_INLINED void extremes(struct gv_range_call *c, gv_fold_join_fn *join, bool time)
{
    struct gv_folding g = {extreme_of, join};
    struct gv_sliding room, *s = sliding_for(c, &room);
    for (uint32_t i = 0; i < c->grid.n; i++) {
        const struct gv_window *w = &c->windows[i];
        if (!only_floats(c, w))
            continue;
        struct gv_fold f = s ? gv_sliding_at(s, g, w->f_lo, w->f_hi) : fold_window(c, g, w->f_lo, w->f_hi);
        gv_row_set_float(c->row, i, time ? f.x[1] / 1000 : f.x[0]);
    }
}

static void max_over_time(struct gv_range_call *c)
{
    extremes(c, join_max, false);
}

static void min_over_time(struct gv_range_call *c)
{
    extremes(c, join_min, false);
}

static void ts_of_max_over_time(struct gv_range_call *c)
{
    extremes(c, join_last_max, true);
}

static void ts_of_min_over_time(struct gv_range_call *c)
{
    extremes(c, join_last_min, true);
}

/* ---- First, last, count ---- */

static void point_at(const struct gv_range_call *c, bool histogram, uint32_t i, struct gv_point *out)
{
    if (histogram)
        out->h = gv_histogram_dup(c->env->out, c->histograms.values[i]);
    else
        out->f = c->floats.values[i];
}

/* Whether the earliest (latest) sample is a histogram. */
static bool histogram_is_first(const struct gv_range_call *c, const struct gv_window *w)
{
    return w->h_hi > w->h_lo && (w->f_hi == w->f_lo || c->histograms.times[w->h_lo] <= c->floats.times[w->f_lo]);
}

static bool histogram_is_last(const struct gv_range_call *c, const struct gv_window *w)
{
    return w->h_hi > w->h_lo &&
           (w->f_hi == w->f_lo || c->histograms.times[w->h_hi - 1] >= c->floats.times[w->f_hi - 1]);
}

static bool first_over_time(struct gv_range_call *c, uint32_t step, const struct gv_window *w, struct gv_point *out)
{
    (void)step;
    bool histogram = histogram_is_first(c, w);
    point_at(c, histogram, histogram ? w->h_lo : w->f_lo, out);
    return true;
}

static bool last_over_time(struct gv_range_call *c, uint32_t step, const struct gv_window *w, struct gv_point *out)
{
    (void)step;
    bool histogram = histogram_is_last(c, w);
    point_at(c, histogram, (histogram ? w->h_hi : w->f_hi) - 1, out);
    return true;
}

static bool ts_of_first_over_time(struct gv_range_call *c, uint32_t step, const struct gv_window *w,
                                  struct gv_point *out)
{
    (void)step;
    int64_t t = histogram_is_first(c, w) ? c->histograms.times[w->h_lo] : c->floats.times[w->f_lo];
    out->f = (double)t / 1000;
    return true;
}

static bool ts_of_last_over_time(struct gv_range_call *c, uint32_t step, const struct gv_window *w,
                                 struct gv_point *out)
{
    (void)step;
    int64_t t = histogram_is_last(c, w) ? c->histograms.times[w->h_hi - 1] : c->floats.times[w->f_hi - 1];
    out->f = (double)t / 1000;
    return true;
}

static bool count_over_time(struct gv_range_call *c, uint32_t step, const struct gv_window *w, struct gv_point *out)
{
    (void)c, (void)step;
    out->f = (double)(w->f_hi - w->f_lo) + (double)(w->h_hi - w->h_lo);
    return true;
}

static bool present_over_time(struct gv_range_call *c, uint32_t step, const struct gv_window *w, struct gv_point *out)
{
    (void)c, (void)step, (void)w;
    out->f = 1;
    return true;
}

/* ---- Quantiles ---- */

static double *copy_window(struct gv_range_call *c, const struct gv_window *w, uint32_t *n)
{
    *n = w->f_hi - w->f_lo;
    double *values = gv_arena_try(c->env->scratch, *n * sizeof *values, c->env->err);
    return values ? memcpy(values, c->floats.values + w->f_lo, *n * sizeof *values) : NULL;
}

static bool quantile_over_time(struct gv_range_call *c, uint32_t step, const struct gv_window *w, struct gv_point *out)
{
    if (w->f_hi == w->f_lo)
        return false;
    double phi = gv_scalar_at(&c->args[0].scalar, step);
    struct gv_pos_range pos = gv_expr_unparen(c->expr->call.args[0])->pos;
    gv_note_quantile(c->env, pos, phi);
    if (w->h_hi > w->h_lo)
        gv_note_ignored_histograms(c, pos);
    uint32_t n;
    double *values = copy_window(c, w, &n);
    out->f = values ? gv_quantile(phi, values, n) : 0;
    return values;
}

/* The median distance from the median; NaN where a sample is. */
static double median_distance(double *values, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (isnan(values[i]))
            return NAN;
    double median = gv_quantile(0.5, values, n);
    for (uint32_t i = 0; i < n; i++)
        values[i] = fabs(values[i] - median);
    return gv_quantile(0.5, values, n);
}

static bool mad_over_time(struct gv_range_call *c, uint32_t step, const struct gv_window *w, struct gv_point *out)
{
    (void)step;
    if (!only_floats(c, w))
        return false;
    uint32_t n;
    double *values = copy_window(c, w, &n);
    out->f = values ? median_distance(values, n) : 0;
    return values;
}

const struct gv_function_impl gv_fn_avg_over_time = {.series = avg_over_time};
const struct gv_function_impl gv_fn_count_over_time = {.window = count_over_time};
const struct gv_function_impl gv_fn_first_over_time = {.window = first_over_time};
const struct gv_function_impl gv_fn_last_over_time = {.window = last_over_time};
const struct gv_function_impl gv_fn_mad_over_time = {.window = mad_over_time};
const struct gv_function_impl gv_fn_max_over_time = {.series = max_over_time};
const struct gv_function_impl gv_fn_min_over_time = {.series = min_over_time};
const struct gv_function_impl gv_fn_present_over_time = {.window = present_over_time};
const struct gv_function_impl gv_fn_quantile_over_time = {.window = quantile_over_time};
const struct gv_function_impl gv_fn_stddev_over_time = {.series = stddev_over_time};
const struct gv_function_impl gv_fn_stdvar_over_time = {.series = stdvar_over_time};
const struct gv_function_impl gv_fn_sum_over_time = {.series = sum_over_time};
const struct gv_function_impl gv_fn_ts_of_first_over_time = {.window = ts_of_first_over_time};
const struct gv_function_impl gv_fn_ts_of_last_over_time = {.window = ts_of_last_over_time};
const struct gv_function_impl gv_fn_ts_of_max_over_time = {.series = ts_of_max_over_time};
const struct gv_function_impl gv_fn_ts_of_min_over_time = {.series = ts_of_min_over_time};
