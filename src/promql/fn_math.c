/* Functions of one number: arithmetic, logarithms, trigonometry, rounding, clamping; and clamp's two scalars.
 * Histograms are left out of the result. Source: Prometheus, promql/functions.go; Go's math package for special
 * values, which are those of C. */
#include "promql/impl.h"
#include <math.h>

static double radians(double v)
{
    return v * M_PI / 180;
}

static double degrees(double v)
{
    return v * 180 / M_PI;
}

static double sign(double v)
{
    return v < 0 ? -1 : v > 0 ? 1 : v;
}

/* ---- With scalars ---- */

/* Go's math.Min and math.Max: NaN where either is, unless the other is beyond all numbers; -0 is below 0. C's fmin and
 * fmax are not so. */
static double min_of(double a, double b)
{
    if (isnan(a) || isnan(b))
        return a == -INFINITY || b == -INFINITY ? -INFINITY : NAN;
    return a == b ? (signbit(a) ? a : b) : a < b ? a : b;
}

static double max_of(double a, double b)
{
    if (isnan(a) || isnan(b))
        return a == INFINITY || b == INFINITY ? INFINITY : NAN;
    return a == b ? (signbit(a) ? b : a) : a > b ? a : b;
}

static double argument(const struct gv_call *c, size_t i, uint32_t step)
{
    return gv_scalar_at(&c->args[i].scalar, step);
}

/* The float of a step; a histogram is cleared away. */
static bool float_at(struct gv_row *r, uint32_t step, double *v)
{
    struct gv_point p;
    if (!gv_row_get(r, step, &p))
        return false;
    if (p.h)
        gv_row_clear(r, step);
    *v = p.f;
    return !p.h;
}

/* Ties go up. The inverse, because a multiplication by 10 is exact where one by 0.1 is not. */
static void round_to(struct gv_call *c, struct gv_row *r)
{
    double v;
    for (uint32_t i = 0; i < c->grid.n; i++)
        if (float_at(r, i, &v)) {
            double inverse = 1 / (c->n_args > 1 ? argument(c, 1, i) : 1);
            gv_row_set_float(r, i, floor(v * inverse + 0.5) / inverse);
        }
}

static void clamp_between(struct gv_row *r, uint32_t step, double min, double max)
{
    double v;
    if (!float_at(r, step, &v))
        return;
    if (max < min)
        gv_row_clear(r, step);
    else
        gv_row_set_float(r, step, max_of(min, min_of(max, v)));
}

static void clamp(struct gv_call *c, struct gv_row *r)
{
    for (uint32_t i = 0; i < c->grid.n; i++)
        clamp_between(r, i, argument(c, 1, i), argument(c, 2, i));
}

static void clamp_max(struct gv_call *c, struct gv_row *r)
{
    for (uint32_t i = 0; i < c->grid.n; i++)
        clamp_between(r, i, -INFINITY, argument(c, 1, i));
}

static void clamp_min(struct gv_call *c, struct gv_row *r)
{
    for (uint32_t i = 0; i < c->grid.n; i++)
        clamp_between(r, i, argument(c, 1, i), INFINITY);
}

/* ---- Of two scalars ---- */

static bool combine(struct gv_call *c, struct gv_value *out, double (*of)(double, double))
{
    bool constant = !c->args[0].scalar.stride && !c->args[1].scalar.stride;
    uint32_t n = constant && c->grid.n ? 1 : c->grid.n;
    double *values = gv_arena_try(c->env->out, n * sizeof *values, c->env->err);
    if (!values)
        return false;
    for (uint32_t i = 0; i < n; i++)
        values[i] = of(argument(c, 0, i), argument(c, 1, i));
    out->scalar = (struct gv_scalar){values, !constant};
    return true;
}

static bool call_min_of(struct gv_call *c, struct gv_value *out)
{
    return combine(c, out, min_of);
}

static bool call_max_of(struct gv_call *c, struct gv_value *out)
{
    return combine(c, out, max_of);
}

const struct gv_function_impl gv_fn_abs = {.each = fabs};
const struct gv_function_impl gv_fn_acos = {.each = acos};
const struct gv_function_impl gv_fn_acosh = {.each = acosh};
const struct gv_function_impl gv_fn_asin = {.each = asin};
const struct gv_function_impl gv_fn_asinh = {.each = asinh};
const struct gv_function_impl gv_fn_atan = {.each = atan};
const struct gv_function_impl gv_fn_atanh = {.each = atanh};
const struct gv_function_impl gv_fn_ceil = {.each = ceil};
const struct gv_function_impl gv_fn_clamp = {.map = clamp};
const struct gv_function_impl gv_fn_clamp_max = {.map = clamp_max};
const struct gv_function_impl gv_fn_clamp_min = {.map = clamp_min};
const struct gv_function_impl gv_fn_cos = {.each = cos};
const struct gv_function_impl gv_fn_cosh = {.each = cosh};
const struct gv_function_impl gv_fn_deg = {.each = degrees};
const struct gv_function_impl gv_fn_exp = {.each = exp};
const struct gv_function_impl gv_fn_floor = {.each = floor};
const struct gv_function_impl gv_fn_ln = {.each = log};
const struct gv_function_impl gv_fn_log10 = {.each = log10};
const struct gv_function_impl gv_fn_log2 = {.each = log2};
const struct gv_function_impl gv_fn_max_of = {.call = call_max_of};
const struct gv_function_impl gv_fn_min_of = {.call = call_min_of};
const struct gv_function_impl gv_fn_rad = {.each = radians};
const struct gv_function_impl gv_fn_round = {.map = round_to};
const struct gv_function_impl gv_fn_sgn = {.each = sign};
const struct gv_function_impl gv_fn_sin = {.each = sin};
const struct gv_function_impl gv_fn_sinh = {.each = sinh};
const struct gv_function_impl gv_fn_sqrt = {.each = sqrt};
const struct gv_function_impl gv_fn_tan = {.each = tan};
const struct gv_function_impl gv_fn_tanh = {.each = tanh};
