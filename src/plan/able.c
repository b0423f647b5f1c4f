/* What a source may be sent: features that it may lack, and what means something else in its version or dialect. */
#include "plan/planner.h"

bool plan_is_before(const struct gv_plan_source *s, unsigned major, unsigned minor)
{
    return (s->major || s->minor) && (s->major < major || (s->major == major && s->minor < minor));
}

static bool has(const struct gv_plan_source *s, unsigned feature)
{
    return !s->features_known || s->features & feature;
}

static bool differs(const struct planner *p, const struct gv_plan_source *s, unsigned feature)
{
    return s->features_known && (s->features ^ p->options->features) & feature;
}

static bool same_lookback(const struct planner *p, const struct gv_plan_source *s)
{
    return !s->lookback || s->lookback == p->options->lookback || s->honours_lookback;
}

/* Functions whose result start timestamps change. */
static bool uses_starts(const struct gv_expr *e)
{
    static const char *const names[] = {"rate", "increase", "irate", "resets", "start_timestamp"};
    for (size_t i = 0; i < GV_COUNT(names); i++)
        if (plan_is_call(e, names[i]))
            return true;
    return false;
}

static bool is_plain_aggregation(const struct plan_node *n)
{
    if (n->expr->kind != GV_EXPR_AGGREGATE || n->child[n->n - 1]->expr->kind != GV_EXPR_SELECTOR)
        return false;
    switch (n->expr->aggregate.op->kind) {
    case GV_AGG_SUM:
    case GV_AGG_AVG:
    case GV_AGG_MIN:
    case GV_AGG_MAX:
    case GV_AGG_COUNT:
    case GV_AGG_GROUP:
        return true;
    default:
        return false;
    }
}

static bool speaks(const struct planner *p, const struct gv_plan_source *s, const struct plan_node *n)
{
    if (p->options->samples || s->replicas > 1)
        return false;
    bool is_selector = n->expr->kind == GV_EXPR_SELECTOR;
    bool is_unit = n->expr->kind == GV_EXPR_CALL && n->expr->call.function->flags & GV_FN_SAMPLE_TIME &&
                   n->child[0]->expr->kind == GV_EXPR_SELECTOR;
    bool is_matrix = n->expr->kind == GV_EXPR_MATRIX; /* alone: the root of an instant query */
    if (s->push == GV_PUSH_SELECTORS)
        return !s->raw && (is_selector || is_unit || is_matrix);
    return !s->metricsql || is_selector || is_unit || is_matrix || is_plain_aggregation(n);
}

static bool able_selector(const struct planner *p, const struct gv_plan_source *s, const struct gv_selector *sel)
{
    return same_lookback(p, s) && (sel->extended == GV_RANGE_PLAIN || has(s, GV_FEATURE_EXTENDED_RANGE_SELECTORS));
}

static bool able_matrix(const struct gv_plan_source *s, const struct gv_expr *e)
{
    enum gv_range_kind extended = e->matrix.selector->selector.extended;
    int64_t least = plan_is_before(s, 3, 0) ? 2 : 1; /* ms: one is taken off */
    return e->matrix.range_ms >= least && (extended == GV_RANGE_PLAIN || has(s, GV_FEATURE_EXTENDED_RANGE_SELECTORS));
}

/* Seen in 2.42: timestamp(x @ t offset d) knows nothing of the offset. */
static bool forgets_offset(const struct gv_plan_source *s, const struct gv_expr *e)
{
    const struct gv_selector *sel = plan_selector_of(gv_expr_unparen(e->call.args[0]));
    return plan_is_before(s, 3, 0) && e->call.function->flags & GV_FN_SAMPLE_TIME && sel &&
           sel->shift.at != GV_AT_NONE && sel->shift.offset_ms;
}

static bool able_call(const struct planner *p, const struct gv_plan_source *s, const struct gv_expr *e)
{
    if (e->call.n_args && forgets_offset(s, e))
        return false;
    if (e->call.function->flags & GV_FN_EXPERIMENTAL && !has(s, GV_FEATURE_EXPERIMENTAL_FUNCTIONS))
        return false;
    return !(uses_starts(e) && differs(p, s, GV_FEATURE_USE_START_TIMESTAMPS));
}

/* Seen in 2.42: in a range query count_values takes its own label for one of a list that has room in memory, which a
 * list of three names has first. */
static bool miscounts_values(const struct gv_plan_source *s, const struct plan_node *n)
{
    const struct gv_expr *e = n->expr;
    size_t names = e->aggregate.n_grouping + (s->mapping.n == 0); /* the cluster label may be added */
    return plan_is_before(s, 3, 0) && e->aggregate.op->kind == GV_AGG_COUNT_VALUES && n->grid.n > 1 &&
           !e->aggregate.without && names >= 3;
}

static bool able_aggregate(const struct gv_plan_source *s, const struct plan_node *n)
{
    bool known = !n->expr->aggregate.op->experimental || has(s, GV_FEATURE_EXPERIMENTAL_FUNCTIONS);
    return known && !miscounts_values(s, n);
}

static bool able_binary(const struct gv_plan_source *s, const struct gv_expr *e)
{
    const struct gv_matching *m = &e->binary.matching;
    if (e->binary.op == GV_OP_ATAN2 && e->type == GV_TYPE_VECTOR && plan_is_before(s, 3, 0)) /* keeps names there */
        return false;
    return !(m->has_fill_left || m->has_fill_right) || has(s, GV_FEATURE_BINOP_FILL_MODIFIERS);
}

static bool able_itself(const struct planner *p, const struct gv_plan_source *s, const struct plan_node *n)
{
    const struct gv_expr *e = n->expr;
    switch (e->kind) {
    case GV_EXPR_SELECTOR:
        return able_selector(p, s, &e->selector);
    case GV_EXPR_MATRIX:
        return able_matrix(s, e);
    case GV_EXPR_SUBQUERY:
        return !plan_is_before(s, 3, 0) && e->subquery.range_ms > 0;
    case GV_EXPR_CALL:
        return able_call(p, s, e);
    case GV_EXPR_AGGREGATE:
        return able_aggregate(s, n);
    case GV_EXPR_BINARY:
        return able_binary(s, e);
    default:
        return true;
    }
}

bool plan_is_able(const struct planner *p, const struct plan_node *n, size_t source)
{
    const struct gv_plan_source *s = p->sources[source].is;
    if (n->at[source].empty) /* nothing is left to be sent */
        return true;
    if (n->reads_dropped && differs(p, s, GV_FEATURE_DELAYED_NAME_REMOVAL))
        return false;
    for (size_t i = 0; i < n->n; i++)
        if (!n->child[i]->at[source].able)
            return false;
    return (n->constant || speaks(p, s, n)) && able_itself(p, s, n) && !plan_is_refused(s, n->expr);
}
