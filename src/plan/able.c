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

static bool able_call(const struct planner *p, const struct gv_plan_source *s, const struct gv_expr *e)
{
    if (e->call.function->flags & GV_FN_EXPERIMENTAL && !has(s, GV_FEATURE_EXPERIMENTAL_FUNCTIONS))
        return false;
    return !(uses_starts(e) && differs(p, s, GV_FEATURE_USE_START_TIMESTAMPS));
}

static bool able_itself(const struct planner *p, const struct gv_plan_source *s, const struct plan_node *n)
{
    const struct gv_expr *e = n->expr;
    const struct gv_matching *m = &e->binary.matching;
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
        return !e->aggregate.op->experimental || has(s, GV_FEATURE_EXPERIMENTAL_FUNCTIONS);
    case GV_EXPR_BINARY:
        return !(m->has_fill_left || m->has_fill_right) || has(s, GV_FEATURE_BINOP_FILL_MODIFIERS);
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
    return (n->constant || speaks(p, s, n)) && able_itself(p, s, n);
}
