/* deriv, predict_linear: least squares through the floats of a window. double_exponential_smoothing: Holt's linear
 * method. Source: Prometheus, promql/functions.go (linearRegression, funcDoubleExponentialSmoothing). */
#include "model/kahan.h"
#include "promql/notes.h"

struct line {
    double slope, intercept; /* per second; at the time asked for */
};

struct sum {
    double v, comp;
};

static void add(struct sum *s, double v)
{
    gv_kahan_add(v, &s->v, &s->comp);
}

static bool is_constant(const double *y, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        if (y[i] != y[0])
            return false;
    return true;
}

/* Times count from origin, near the samples, so that their squares stay exact enough. */
static struct line fit(const int64_t *times, const double *y, uint32_t n, int64_t origin)
{
    if (is_constant(y, n))
        return isinf(y[0]) ? (struct line){NAN, NAN} : (struct line){0, y[0]};
    struct sum x_sum = {0}, y_sum = {0}, xy_sum = {0}, xx_sum = {0};
    for (uint32_t i = 0; i < n; i++) {
        double x = (double)(times[i] - origin) / 1e3;
        add(&x_sum, x);
        add(&y_sum, y[i]);
        add(&xy_sum, x * y[i]);
        add(&xx_sum, x * x);
    }
    double sx = x_sum.v + x_sum.comp, sy = y_sum.v + y_sum.comp;
    double covariance = xy_sum.v + xy_sum.comp - sx * sy / n;
    double variance = xx_sum.v + xx_sum.comp - sx * sx / n;
    double slope = covariance / variance;
    return (struct line){slope, sy / n - slope * sx / n};
}

/* Two floats at least; histograms beside them are ignored, and told. */
static bool enough_floats(struct gv_range_call *c, const struct gv_window *w)
{
    if (w->f_hi > w->f_lo && w->h_hi > w->h_lo)
        gv_note_ignored_histograms(c, gv_range_pos(c));
    return w->f_hi - w->f_lo >= 2;
}

static bool deriv(struct gv_range_call *c, uint32_t step, const struct gv_window *w, struct gv_point *out)
{
    (void)step;
    if (!enough_floats(c, w))
        return false;
    const int64_t *times = c->floats.times + w->f_lo;
    out->f = fit(times, c->floats.values + w->f_lo, w->f_hi - w->f_lo, times[0]).slope;
    return true;
}

static bool predict_linear(struct gv_range_call *c, uint32_t step, const struct gv_window *w, struct gv_point *out)
{
    if (!enough_floats(c, w))
        return false;
    int64_t now = gv_grid_time(&c->grid, step);
    struct line l = fit(c->floats.times + w->f_lo, c->floats.values + w->f_lo, w->f_hi - w->f_lo, now);
    out->f = l.slope * gv_scalar_at(&c->args[1].scalar, step) + l.intercept;
    return true;
}

static bool check_factor(struct gv_range_call *c, const char *name, const char *letter, double v)
{
    return (v > 0 && v < 1) || isnan(v) ||
           gv_fail(c->env->err, GV_EXECUTION, "invalid %s factor. Expected: 0 < %s < 1, got: %f", name, letter, v);
}

static double smooth(const double *v, uint32_t n, double smoothing, double trending)
{
    double before = 0, level = v[0], trend = v[1] - v[0];
    for (uint32_t i = 1; i < n; i++) {
        if (i > 1)
            trend = trending * (level - before) + (1 - trending) * trend;
        before = level;
        level = smoothing * v[i] + (1 - smoothing) * (level + trend);
    }
    return level;
}

static bool double_exponential_smoothing(struct gv_range_call *c, uint32_t step, const struct gv_window *w,
                                         struct gv_point *out)
{
    double smoothing = gv_scalar_at(&c->args[1].scalar, step), trending = gv_scalar_at(&c->args[2].scalar, step);
    if (!check_factor(c, "smoothing", "sf", smoothing) || !check_factor(c, "trend", "tf", trending))
        return false;
    if (!enough_floats(c, w))
        return false;
    out->f = smooth(c->floats.values + w->f_lo, w->f_hi - w->f_lo, smoothing, trending);
    return true;
}

const struct gv_function_impl gv_fn_deriv = {.window = deriv};
const struct gv_function_impl gv_fn_double_exponential_smoothing = {.window = double_exponential_smoothing};
const struct gv_function_impl gv_fn_predict_linear = {.window = predict_linear};
