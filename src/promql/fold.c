/* Durations and times ──► milliseconds. Prometheus evaluates duration expressions once a query, before anything else
 * (promql/durations.go). */
#include "promql/fold.h"
#include "promql/functions.h"
#include <math.h>

struct fold {
    const struct gv_query_times *times;
    struct gv_err *err;
};

/* ---- Duration expressions ---- */

static bool duration_error(const struct fold *f, const struct gv_expr *e, const char *what)
{
    return gv_fail(f->err, GV_BAD_DATA, "%u:%u: %s", e->pos.start, e->pos.end, what);
}

static bool seconds(const struct fold *f, const struct gv_expr *e, double *out);

static bool two_operands(const struct fold *f, const struct gv_expr *e, double *out)
{
    double l = 0, r = 0;
    if (e->duration.lhs && !seconds(f, e->duration.lhs, &l))
        return false;
    if (e->duration.rhs && !seconds(f, e->duration.rhs, &r))
        return false;
    switch (e->duration.op) {
    case GV_OP_NONE:
        *out = e->duration.lhs ? l : r;
        return true;
    case GV_OP_ADD:
        *out = e->duration.lhs ? l + r : r;
        return true;
    case GV_OP_SUB:
        *out = e->duration.lhs ? l - r : -r;
        return true;
    case GV_OP_MUL:
        *out = l * r;
        return true;
    case GV_OP_DIV:
        *out = l / r;
        return r != 0 || duration_error(f, e, "division by zero");
    case GV_OP_MOD:
        *out = fmod(l, r);
        return r != 0 || duration_error(f, e, "modulo by zero");
    case GV_OP_POW:
        *out = pow(l, r);
        return true;
    case GV_OP_MIN:
        *out = l < r ? l : r;
        return true;
    case GV_OP_MAX:
        *out = l > r ? l : r;
        return true;
    default:
        return duration_error(f, e, "unexpected operator in a duration expression");
    }
}

static bool seconds(const struct fold *f, const struct gv_expr *e, double *out)
{
    if (e->kind == GV_EXPR_NUMBER) {
        *out = e->number.value;
        return true;
    }
    if (e->kind != GV_EXPR_DURATION)
        return duration_error(f, e, "unexpected expression in a duration expression");
    switch (e->duration.op) {
    case GV_OP_STEP:
        *out = (double)f->times->step / 1000;
        return true;
    case GV_OP_RANGE:
        *out = (double)(f->times->end - f->times->start) / 1000;
        return true;
    default:
        return two_operands(f, e, out);
    }
}

static bool resolve(const struct fold *f, const struct gv_expr *e, int64_t written, bool may_be_negative, int64_t *ms)
{
    *ms = written;
    if (!e)
        return true;
    double s;
    if (!seconds(f, e, &s))
        return false;
    if (s <= 0 && !may_be_negative)
        return duration_error(f, e, "duration must be greater than 0");
    if (!(fabs(s) <= 9223372036.0))
        return duration_error(f, e, "duration is out of range");
    *ms = (int64_t)(s * 1000);
    return true;
}

bool gv_duration_resolve(const struct gv_expr *e, int64_t written, bool may_be_negative, const struct gv_query_times *t,
                         int64_t *ms, struct gv_err *err)
{
    return resolve(&(struct fold){t, err}, e, written, may_be_negative, ms);
}

/* ---- Nodes ---- */

/* Far beyond any sample, and far enough from the ends of an int64_t for a few sums. */
static int64_t clamp(int64_t ms)
{
    return ms > GV_TIME_MAX ? GV_TIME_MAX : ms < -GV_TIME_MAX ? -GV_TIME_MAX : ms;
}

static bool fold_shift(const struct fold *f, struct gv_time_shift *s)
{
    if (s->at == GV_AT_START || s->at == GV_AT_END) {
        s->at_ms = s->at == GV_AT_START ? f->times->start : f->times->end;
        s->at = GV_AT_TIME;
    }
    s->at_ms = clamp(s->at_ms);
    bool ok = resolve(f, s->offset_expr, s->offset_ms, true, &s->offset_ms);
    s->offset_ms = clamp(s->offset_ms);
    s->offset_expr = NULL;
    return ok;
}

static bool fold_matrix(const struct fold *f, struct gv_expr *e)
{
    bool ok = resolve(f, e->matrix.range_expr, e->matrix.range_ms, false, &e->matrix.range_ms);
    e->matrix.range_expr = NULL;
    return ok;
}

static bool fold_subquery(const struct fold *f, struct gv_expr *e)
{
    if (!fold_shift(f, &e->subquery.shift) ||
        !resolve(f, e->subquery.range_expr, e->subquery.range_ms, false, &e->subquery.range_ms) ||
        !resolve(f, e->subquery.step_expr, e->subquery.step_ms, false, &e->subquery.step_ms))
        return false;
    e->subquery.range_expr = e->subquery.step_expr = NULL;
    if (!e->subquery.step_ms)
        e->subquery.step_ms = f->times->default_step > 0 ? f->times->default_step : 60000;
    return true;
}

static void fold_call(const struct fold *f, struct gv_expr *e)
{
    const struct gv_query_times *t = f->times;
    struct gv_slice name = gv_slice_of(e->call.function->name);
    int64_t ms;
    if (gv_slice_is(name, "start"))
        ms = t->start;
    else if (gv_slice_is(name, "end"))
        ms = t->end;
    else if (gv_slice_is(name, "step"))
        ms = t->step;
    else if (gv_slice_is(name, "range"))
        ms = t->end - t->start;
    else
        return;
    e->kind = GV_EXPR_NUMBER;
    e->number.value = (double)ms / 1000;
    e->number.is_duration = false;
}

static enum gv_walk fold_node(struct gv_expr *e, void *arg)
{
    const struct fold *f = arg;
    bool ok = true;
    switch (e->kind) {
    case GV_EXPR_NUMBER:
        e->number.is_duration = false;
        break;
    case GV_EXPR_SELECTOR:
        ok = fold_shift(f, &e->selector.shift);
        break;
    case GV_EXPR_MATRIX:
        ok = fold_matrix(f, e);
        break;
    case GV_EXPR_SUBQUERY:
        ok = fold_subquery(f, e);
        break;
    case GV_EXPR_CALL:
        fold_call(f, e);
        break;
    default:
        break;
    }
    return ok ? GV_WALK_ON : GV_WALK_STOP;
}

struct gv_expr *gv_promql_fold(struct gv_arena *a, const struct gv_expr *e, const struct gv_query_times *t,
                               struct gv_err *err)
{
    struct gv_expr *copy = gv_expr_dup(a, e);
    struct fold f = {t, err};
    return gv_expr_walk(copy, fold_node, &f) ? copy : NULL;
}

bool gv_subquery_times(int64_t first, int64_t last, int64_t range, int64_t step, struct gv_grid *g, struct gv_err *err)
{
    int64_t after = first - range;
    int64_t start = step * (after / step);
    if (start <= after)
        start += step;
    int64_t steps = last < start ? 0 : (last - start) / step + 1;
    *g = (struct gv_grid){start, step, (uint32_t)steps};
    return steps <= GV_STEPS_MAX || gv_fail(err, GV_EXECUTION, "a subquery asks for %lld steps", (long long)steps);
}
