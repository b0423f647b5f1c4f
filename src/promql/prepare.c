/* Tree to nodes: parentheses fall away, `@`, offsets, ranges and duration expressions become milliseconds, functions
 * find their implementation, and what does not depend on the step is marked. The tree itself is left alone. */
#include "promql/engine.h"
#include "promql/fold.h"

/* What stands above a node: hints for the source. */
struct above {
    struct gv_slice func;
    const struct gv_expr *aggregation; /* right above */
    bool wants_stats;                  /* a function with GV_IMPL_WANTS_STATS, anywhere above: Prometheus reads no
                                          buckets below it, and tells resets itself as it reads */
    bool wants_buckets;                /* one with GV_IMPL_WANTS_BUCKETS, a trim or a subquery, anywhere above */
};

struct prepare {
    struct gv_arena *arena;
    const struct gv_eval_options *options;
    struct gv_err *err;
};

static struct gv_node *prepare(struct prepare *p, const struct gv_expr *e, struct above above);

/* ---- Times ---- */

static bool duration_ms(struct prepare *p, const struct gv_expr *e, int64_t written, bool may_be_negative, int64_t *ms)
{
    const struct gv_eval_options *o = p->options;
    struct gv_query_times times = {o->start, o->end, o->step, o->default_step};
    return gv_duration_resolve(e, written, may_be_negative, &times, ms, p->err);
}

/* Far beyond any sample, and far enough from the ends of an int64_t for a few sums. */
static int64_t clamp(int64_t ms)
{
    return ms > GV_TIME_MAX ? GV_TIME_MAX : ms < -GV_TIME_MAX ? -GV_TIME_MAX : ms;
}

static bool resolve_shift(struct prepare *p, const struct gv_time_shift *shift, struct gv_node *n)
{
    n->fixed = shift->at != GV_AT_NONE;
    n->at = shift->at == GV_AT_START ? p->options->start : shift->at == GV_AT_END ? p->options->end : shift->at_ms;
    n->at = clamp(n->at);
    bool ok = duration_ms(p, shift->offset_expr, shift->offset_ms, true, &n->offset);
    n->offset = clamp(n->offset);
    return ok;
}

/* ---- Leaves ---- */

static bool fill_selector(struct prepare *p, struct gv_node *n, const struct gv_expr *selector,
                          const struct above *above)
{
    n->selector = &selector->selector;
    n->extended = selector->selector.extended;
    n->stats_only = above->wants_stats && !above->wants_buckets;
    if (!resolve_shift(p, &selector->selector.shift, n))
        return false;
    n->invariant = n->fixed;
    return true;
}

static bool fill_matrix(struct prepare *p, struct gv_node *n, const struct gv_expr *e, const struct above *above)
{
    return fill_selector(p, n, e->matrix.selector, above) &&
           duration_ms(p, e->matrix.range_expr, e->matrix.range_ms, false, &n->range);
}

static bool fill_subquery_times(struct prepare *p, struct gv_node *n, const struct gv_expr *e)
{
    n->invariant = e->subquery.shift.at != GV_AT_NONE;
    if (!resolve_shift(p, &e->subquery.shift, n) ||
        !duration_ms(p, e->subquery.range_expr, e->subquery.range_ms, false, &n->range) ||
        !duration_ms(p, e->subquery.step_expr, e->subquery.step_ms, false, &n->step))
        return false;
    if (!n->step)
        n->step = p->options->default_step > 0 ? p->options->default_step : 60000;
    return true;
}

/* A raw feed becomes the selector that it stands for, with its series given. */
static bool fill_feed(struct prepare *p, struct gv_node *n, const struct gv_expr *e, const struct above *above)
{
    if (e->feed.slot >= p->options->n_feeds)
        return gv_fail(p->err, GV_INTERNAL, "the plan asks for feed %u of %zu", e->feed.slot, p->options->n_feeds);
    n->feed = &p->options->feeds[e->feed.slot];
    n->invariant = !e->feed.raw && e->feed.invariant;
    if (!e->feed.raw)
        return true;
    const struct gv_expr *origin = gv_expr_unparen(e->feed.origin);
    switch (origin->kind) {
    case GV_EXPR_SELECTOR:
        n->kind = GV_EXPR_SELECTOR;
        return fill_selector(p, n, origin, above);
    case GV_EXPR_MATRIX:
        n->kind = GV_EXPR_MATRIX;
        return fill_matrix(p, n, origin, above);
    case GV_EXPR_SUBQUERY:
        n->kind = GV_EXPR_MATRIX;
        return fill_subquery_times(p, n, origin);
    default:
        return gv_fail(p->err, GV_INTERNAL, "a feed of raw series stands for no selector");
    }
}

/* ---- Inner nodes ---- */

static struct gv_node **new_children(struct prepare *p, struct gv_node *n, size_t count)
{
    n->n = count;
    n->child = gv_arena_array(p->arena, struct gv_node *, count);
    return n->child;
}

static bool fill_call(struct prepare *p, struct gv_node *n, const struct gv_expr *e, struct above above)
{
    const struct gv_function *f = e->call.function;
    n->impl = f->impl;
    above.func = gv_slice_of(f->name);
    above.aggregation = NULL;
    above.wants_stats |= f->impl->flags & GV_IMPL_WANTS_STATS;
    above.wants_buckets |= f->impl->flags & GV_IMPL_WANTS_BUCKETS;
    new_children(p, n, e->call.n_args);
    n->invariant = !(f->flags & GV_FN_AT_UNSAFE);
    for (size_t i = 0; i < n->n; i++) {
        if (!(n->child[i] = prepare(p, e->call.args[i], above)))
            return false;
        n->invariant &= n->child[i]->invariant;
    }
    return true;
}

static bool fill_aggregate(struct prepare *p, struct gv_node *n, const struct gv_expr *e, struct above above)
{
    new_children(p, n, e->aggregate.param ? 2 : 1);
    above.func = gv_slice_of(e->aggregate.op->name);
    above.aggregation = e;
    if (!(n->child[0] = prepare(p, e->aggregate.expr, above)))
        return false;
    n->invariant = n->child[0]->invariant;
    if (n->n < 2)
        return true;
    if (!(n->child[1] = prepare(p, e->aggregate.param, above)))
        return false;
    n->invariant &= n->child[1]->invariant;
    return true;
}

static bool fill_binary(struct prepare *p, struct gv_node *n, const struct gv_expr *e, struct above above)
{
    new_children(p, n, 2);
    above.func = (struct gv_slice){NULL, 0};
    above.aggregation = NULL;
    above.wants_buckets |= e->binary.op == GV_OP_TRIM_UPPER || e->binary.op == GV_OP_TRIM_LOWER;
    if (!(n->child[0] = prepare(p, e->binary.lhs, above)) || !(n->child[1] = prepare(p, e->binary.rhs, above)))
        return false;
    n->invariant = n->child[0]->invariant && n->child[1]->invariant;
    return true;
}

static bool fill_only_child(struct prepare *p, struct gv_node *n, const struct gv_expr *e, struct above above)
{
    new_children(p, n, 1);
    n->child[0] = prepare(p, e, above);
    return n->child[0] != NULL;
}

static bool fill(struct prepare *p, struct gv_node *n, const struct gv_expr *e, struct above above)
{
    switch (e->kind) {
    case GV_EXPR_NUMBER:
    case GV_EXPR_STRING:
        n->invariant = true;
        return true;
    case GV_EXPR_SELECTOR:
        return fill_selector(p, n, e, &above);
    case GV_EXPR_MATRIX:
        return fill_matrix(p, n, e, &above);
    case GV_EXPR_SUBQUERY:
        above.aggregation = NULL;
        above.wants_buckets = true;
        return fill_subquery_times(p, n, e) && fill_only_child(p, n, e->subquery.expr, above);
    case GV_EXPR_CALL:
        return fill_call(p, n, e, above);
    case GV_EXPR_AGGREGATE:
        return fill_aggregate(p, n, e, above);
    case GV_EXPR_BINARY:
        return fill_binary(p, n, e, above);
    case GV_EXPR_UNARY:
        above.aggregation = NULL;
        if (!fill_only_child(p, n, e->unary.expr, above))
            return false;
        n->invariant = n->child[0]->invariant;
        return true;
    case GV_EXPR_FEED:
        return fill_feed(p, n, e, &above);
    default:
        return gv_fail(p->err, GV_INTERNAL, "a node of kind %d can not be evaluated", (int)e->kind);
    }
}

static struct gv_node *prepare(struct prepare *p, const struct gv_expr *e, struct above above)
{
    e = gv_expr_unparen(e);
    struct gv_node *n = gv_arena_new(p->arena, struct gv_node);
    n->expr = e;
    n->kind = e->kind;
    n->type = e->type;
    n->hint_func = above.func;
    n->hint_aggregation = above.aggregation;
    return fill(p, n, e, above) ? n : NULL;
}

struct gv_node *gv_prepare(struct gv_arena *a, const struct gv_expr *e, const struct gv_eval_options *o,
                           struct gv_err *err)
{
    struct prepare p = {a, o, err};
    return prepare(&p, e, (struct above){0});
}
