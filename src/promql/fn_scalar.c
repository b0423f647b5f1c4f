/* Scalars of the query itself (time, start, end, step, range, pi), between scalars and vectors (scalar, vector), and
 * times of samples (timestamp, start_timestamp). Source: Prometheus, promql/functions.go. */
#include "promql/impl.h"
#include <math.h>

static bool constant(struct gv_call *c, struct gv_value *out, double v)
{
    double *value = gv_arena_alloc(c->env->out, sizeof *value);
    *value = v;
    out->scalar = (struct gv_scalar){value, 0};
    return true;
}

static bool pi(struct gv_call *c, struct gv_value *out)
{
    return constant(c, out, M_PI);
}

/* The query's own times, wherever the call stands: a subquery's grid does not count. */
static bool start(struct gv_call *c, struct gv_value *out)
{
    return constant(c, out, (double)c->env->options->start / 1000);
}

static bool end(struct gv_call *c, struct gv_value *out)
{
    return constant(c, out, (double)c->env->options->end / 1000);
}

static bool step(struct gv_call *c, struct gv_value *out)
{
    return constant(c, out, (double)c->env->options->step / 1000);
}

static bool range(struct gv_call *c, struct gv_value *out)
{
    return constant(c, out, (double)(c->env->options->end - c->env->options->start) / 1000);
}

static double *new_scalar(struct gv_call *c, struct gv_value *out)
{
    double *values = gv_arena_try(c->env->out, c->grid.n * sizeof *values, c->env->err);
    out->scalar = (struct gv_scalar){values, 1};
    return values;
}

static bool time_of_step(struct gv_call *c, struct gv_value *out)
{
    double *values = new_scalar(c, out);
    for (uint32_t i = 0; values && i < c->grid.n; i++)
        values[i] = (double)gv_grid_time(&c->grid, i) / 1000;
    return values != NULL;
}

/* The one float of a step, or NaN; histograms do not count. */
static bool scalar(struct gv_call *c, struct gv_value *out)
{
    double *values = new_scalar(c, out);
    if (!values)
        return false;
    const struct gv_vector *v = &c->args[0].vector;
    struct gv_point p;
    for (uint32_t i = 0; i < c->grid.n; i++) {
        size_t found = 0, r = 0;
        values[i] = NAN;
        for (; r < v->n && found < 2; r++)
            if (gv_row_get(&v->rows[r], i, &p) && !p.h && ++found)
                values[i] = found == 1 ? p.f : NAN;
        if (!gv_call_poll(c, r))
            return false;
    }
    return true;
}

static bool vector(struct gv_call *c, struct gv_value *out)
{
    struct gv_row *row = gv_vector_add(c->env, &out->vector, c->grid.n, &gv_labels_empty);
    for (uint32_t i = 0; row && i < c->grid.n; i++)
        gv_row_set_float(row, i, gv_scalar_at(&c->args[0].scalar, i));
    return row != NULL;
}

/* Of anything but a bare selector, whose samples the evaluator knows the times of: the time of the step. */
static void timestamp(struct gv_call *c, struct gv_row *r)
{
    for (uint32_t i = 0; i < c->grid.n; i++)
        if (gv_bit(r->column.present, i))
            gv_row_set_float(r, i, (double)gv_grid_time(&c->grid, i) / 1000);
}

/* What has been computed has no start. */
static void start_timestamp(struct gv_call *c, struct gv_row *r)
{
    for (uint32_t i = 0; i < c->grid.n; i++)
        gv_row_clear(r, i);
}

const struct gv_function_impl gv_fn_end = {.call = end};
const struct gv_function_impl gv_fn_pi = {.call = pi};
const struct gv_function_impl gv_fn_range = {.call = range};
const struct gv_function_impl gv_fn_scalar = {.call = scalar};
const struct gv_function_impl gv_fn_start = {.call = start};
const struct gv_function_impl gv_fn_start_timestamp = {.map = start_timestamp, .flags = GV_IMPL_START_TIMES};
const struct gv_function_impl gv_fn_step = {.call = step};
const struct gv_function_impl gv_fn_time = {.call = time_of_step};
const struct gv_function_impl gv_fn_timestamp = {.map = timestamp};
const struct gv_function_impl gv_fn_vector = {.call = vector};
