/* info(x @ 120) wants the info series as they were at 120: the series of x are of that time. Only a time that all of x
 * agrees on can be taken over (Prometheus, pull requests 19266 and 19387). */
#include "promql/info_time.h"

struct reference {
    bool any, mixed; /* a selector was seen; they disagree, or something that varies came from none */
    struct gv_time_shift shift;
};

/* `@ 180 offset 1m` is the same time as `@ 120`. */
static struct gv_time_shift effective(const struct gv_time_shift *s)
{
    struct gv_time_shift e = *s;
    if (e.at == GV_AT_TIME) {
        e.at_ms -= e.offset_ms;
        e.offset_ms = 0;
    }
    return e;
}

static void meet(struct reference *r, const struct gv_time_shift *shift)
{
    struct gv_time_shift e = effective(shift);
    bool same = !r->any || (r->shift.at == e.at && r->shift.at_ms == e.at_ms && r->shift.offset_ms == e.offset_ms);
    r->mixed |= !same || e.offset_expr;
    r->any = true;
    r->shift = e;
}

/* Scalar operands and arguments say nothing of the time of the series. */
static void look(struct reference *r, const struct gv_expr *e);

static void look_if_series(struct reference *r, const struct gv_expr *e)
{
    if (e->type == GV_TYPE_VECTOR || e->type == GV_TYPE_MATRIX)
        look(r, e);
}

static void look_at_call(struct reference *r, const struct gv_expr *e)
{
    bool series = false;
    for (size_t i = 0; i < e->call.n_args; i++) {
        enum gv_value_type type = e->call.args[i]->type;
        series |= type == GV_TYPE_VECTOR || type == GV_TYPE_MATRIX;
        look_if_series(r, e->call.args[i]);
    }
    r->mixed |= !series; /* vector(1) */
}

static void look(struct reference *r, const struct gv_expr *e)
{
    switch (e->kind) {
    case GV_EXPR_SELECTOR:
        meet(r, &e->selector.shift);
        break;
    case GV_EXPR_MATRIX:
        meet(r, &e->matrix.selector->selector.shift);
        break;
    case GV_EXPR_SUBQUERY:
        if (e->subquery.shift.at != GV_AT_NONE)
            meet(r, &e->subquery.shift);
        else
            look(r, e->subquery.expr);
        break;
    case GV_EXPR_CALL:
        look_at_call(r, e);
        break;
    case GV_EXPR_AGGREGATE:
        look(r, e->aggregate.expr);
        break;
    case GV_EXPR_BINARY:
        look_if_series(r, e->binary.lhs);
        look_if_series(r, e->binary.rhs);
        break;
    case GV_EXPR_UNARY:
        look(r, e->unary.expr);
        break;
    case GV_EXPR_PAREN:
        look(r, e->paren.expr);
        break;
    case GV_EXPR_FEED:
        look(r, e->feed.origin);
        break;
    default:
        r->mixed = true;
    }
}

struct gv_time_shift gv_info_shift(const struct gv_expr *v)
{
    struct reference r = {0};
    look(&r, v);
    return r.any && !r.mixed ? r.shift : (struct gv_time_shift){0};
}
