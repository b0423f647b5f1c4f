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

/* Go's math.Min and math.Max: NaN where either is (C's fmin and fmax are not so). */
static double min_of(double a, double b)
{
    if (isnan(a) || isnan(b))
        return NAN;
    return a == b ? (signbit(a) ? a : b) : a < b ? a : b;
}

static double max_of(double a, double b)
{
    if (isnan(a) || isnan(b))
        return NAN;
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

const struct gv_function_impl gv_fn_math[] = {
    {.name = "abs", .each = fabs},
    {.name = "acos", .each = acos},
    {.name = "acosh", .each = acosh},
    {.name = "asin", .each = asin},
    {.name = "asinh", .each = asinh},
    {.name = "atan", .each = atan},
    {.name = "atanh", .each = atanh},
    {.name = "ceil", .each = ceil},
    {.name = "clamp", .map = clamp},
    {.name = "clamp_max", .map = clamp_max},
    {.name = "clamp_min", .map = clamp_min},
    {.name = "cos", .each = cos},
    {.name = "cosh", .each = cosh},
    {.name = "deg", .each = degrees},
    {.name = "exp", .each = exp},
    {.name = "floor", .each = floor},
    {.name = "ln", .each = log},
    {.name = "log10", .each = log10},
    {.name = "log2", .each = log2},
    {.name = "max_of", .call = call_max_of},
    {.name = "min_of", .call = call_min_of},
    {.name = "rad", .each = radians},
    {.name = "round", .map = round_to},
    {.name = "sgn", .each = sign},
    {.name = "sin", .each = sin},
    {.name = "sinh", .each = sinh},
    {.name = "sqrt", .each = sqrt},
    {.name = "tan", .each = tan},
    {.name = "tanh", .each = tanh},
    {.name = NULL},
};
