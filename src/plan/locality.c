/* Which nodes are local: their value over all clusters is the union of their values per cluster, each with the injected
 * labels that survive in it. One rule per kind of node; docs/global-view.md tells them for users. */
#include "plan/planner.h"

#define HERE_BELOW "a part of it is evaluated here"

/* ---- Survivors ---- */

static uint64_t match_key(const struct plan_source *s, const struct gv_matching *m, uint64_t survivors)
{
    uint64_t listed = plan_bits(s, m->labels, m->n_labels);
    return m->on ? survivors & listed : survivors & ~listed;
}

static uint64_t binary_survivors(const struct plan_source *s, const struct plan_node *n, size_t source)
{
    const struct gv_matching *m = &n->expr->binary.matching;
    const struct plan_at *l = &n->child[0]->at[source], *r = &n->child[1]->at[source];
    if (n->child[0]->expr->type == GV_TYPE_SCALAR)
        return r->survivors;
    if (n->child[1]->expr->type == GV_TYPE_SCALAR)
        return l->survivors;
    uint64_t include = plan_bits(s, m->include, m->n_include);
    switch (m->card) {
    case GV_ONE_TO_ONE: /* one side may be filled in */
        return match_key(s, m, l->empty ? r->survivors : l->survivors);
    case GV_MANY_TO_ONE:
        return (l->survivors & ~include) | (r->survivors & include);
    case GV_ONE_TO_MANY:
        return (r->survivors & ~include) | (l->survivors & include);
    default:
        return l->empty ? r->survivors : l->survivors;
    }
}

/* The label that a node writes itself; an injected one is overwritten. */
static struct gv_slice written_label(const struct gv_expr *e)
{
    const struct gv_expr *name = NULL;
    if (e->kind == GV_EXPR_AGGREGATE && e->aggregate.op->kind == GV_AGG_COUNT_VALUES)
        name = gv_expr_unparen(e->aggregate.param);
    if (e->kind == GV_EXPR_CALL && e->call.function->flags & GV_FN_WRITES_LABELS)
        name = gv_expr_unparen(e->call.args[1]);
    return name ? name->string.value : (struct gv_slice){NULL, 0};
}

static uint64_t aggregate_survivors(const struct plan_source *s, const struct gv_expr *e, uint64_t survivors)
{
    uint64_t listed = plan_bits(s, e->aggregate.grouping, e->aggregate.n_grouping);
    if (e->aggregate.op->keeps_labels)
        return survivors;
    return e->aggregate.without ? survivors & ~listed : survivors & listed;
}

uint64_t plan_survivors(const struct planner *p, const struct plan_node *n, size_t source)
{
    const struct plan_source *s = &p->sources[source];
    const struct plan_node *arg = plan_vector_argument(n);
    struct gv_slice written = written_label(n->expr);
    uint64_t survivors = arg ? arg->at[source].survivors & ~plan_bits(s, &written, 1) : 0;
    switch (n->expr->kind) {
    case GV_EXPR_SELECTOR:
    case GV_EXPR_MATRIX:
        return s->all;
    case GV_EXPR_BINARY:
        return binary_survivors(s, n, source);
    case GV_EXPR_AGGREGATE:
        return aggregate_survivors(s, n->expr, survivors);
    default:
        return n->expr->type == GV_TYPE_SCALAR || plan_says_absence(n->expr) ? 0 : survivors;
    }
}

/* ---- Functions ---- */

/* A label that a source's own series have under the same name. */
static bool is_neutral(const struct planner *p, const struct plan_source *s, struct gv_slice label)
{
    const struct gv_mapping *m = &s->is->mapping;
    if (gv_slice_eq(label, p->options->label))
        return false;
    return gv_slice_eq(gv_mapping_to_backend(m, label), label) &&
           gv_slice_eq(gv_mapping_to_global(m, p->arena, label), label);
}

static bool is_neutral_everywhere(const struct planner *p, const struct plan_node *n, struct gv_slice label)
{
    for (size_t i = 0; i < p->n_sources; i++)
        if (!n->at[i].empty && !is_neutral(p, &p->sources[i], label))
            return false;
    return true;
}

/* The first argument that names a label, and the step to the next one. */
static bool names_label(const struct gv_expr *call, size_t arg)
{
    if (plan_is_call(call, "label_replace"))
        return arg == 1 || arg == 3;
    if (plan_is_call(call, "label_join"))
        return arg == 1 || arg >= 3;
    return arg == 1; /* histogram_quantiles */
}

static const char *why_labels(const struct planner *p, const struct plan_node *n)
{
    const struct gv_expr *e = n->expr;
    for (size_t i = 1; i < e->call.n_args; i++) {
        const struct gv_expr *arg = gv_expr_unparen(e->call.args[i]);
        if (arg->kind == GV_EXPR_STRING && names_label(e, i) && !is_neutral_everywhere(p, n, arg->string.value))
            return "it reads or writes a label that is injected";
    }
    return NULL;
}

static bool reads_le(const struct gv_expr *e)
{
    return plan_is_call(e, "histogram_quantile") || plan_is_call(e, "histogram_quantiles") ||
           plan_is_call(e, "histogram_fraction");
}

static const char *why_call(const struct planner *p, const struct plan_node *n)
{
    unsigned flags = n->expr->call.function->flags;
    if (flags & GV_FN_ORDERS)
        return "the order is applied to the whole result";
    if (n->alone)
        return NULL;
    if (plan_is_call(n->expr, "scalar"))
        return n->single ? NULL : "its argument may have a series in each of several clusters";
    if (flags & GV_FN_NEEDS_ALL)
        return "it must see the series of all clusters with all their labels";
    if (reads_le(n->expr) && !is_neutral_everywhere(p, n, GV_S("le")))
        return "the label le is injected";
    return flags & GV_FN_WRITES_LABELS ? why_labels(p, n) : NULL;
}

/* ---- Aggregations ---- */

static bool groups_by_cluster(const struct planner *p, const struct gv_expr *e)
{
    return plan_lists(e->aggregate.grouping, e->aggregate.n_grouping, p->options->label) != e->aggregate.without;
}

static const struct gv_expr *value_label(const struct plan_node *n)
{
    const struct gv_expr *e = n->expr;
    return e->aggregate.op->kind == GV_AGG_COUNT_VALUES ? gv_expr_unparen(e->aggregate.param) : NULL;
}

static const char *why_aggregate(const struct planner *p, const struct plan_node *n)
{
    if (n->alone)
        return NULL;
    if (n->expr->aggregate.op->kind == GV_AGG_LIMIT_RATIO)
        return "which series it picks depends on injected labels";
    if (!n->single && !groups_by_cluster(p, n->expr))
        return "its groups span clusters";
    const struct gv_expr *label = value_label(n);
    if (label && !is_neutral_everywhere(p, n, label->string.value))
        return "it writes a label that is injected";
    return NULL;
}

static bool is_reserved(struct gv_slice label)
{
    return gv_slice_eq(label, GV_LABEL_NAME) || gv_slice_eq(label, GV_LABEL_TYPE) || gv_slice_eq(label, GV_LABEL_UNIT);
}

enum gv_plan_combine plan_split_of(const struct plan_node *n)
{
    static const enum gv_plan_combine splits[] = {
        [GV_AGG_SUM] = GV_COMBINE_SUM,
        [GV_AGG_MIN] = GV_COMBINE_MIN,
        [GV_AGG_MAX] = GV_COMBINE_MAX,
        [GV_AGG_GROUP] = GV_COMBINE_GROUP,
        [GV_AGG_COUNT] = GV_COMBINE_COUNT,
        [GV_AGG_AVG] = GV_COMBINE_AVG,
        [GV_AGG_STDDEV] = GV_COMBINE_STDDEV,
        [GV_AGG_STDVAR] = GV_COMBINE_STDVAR,
        [GV_AGG_COUNT_VALUES] = GV_COMBINE_COUNT_VALUES,
    };
    const struct gv_expr *e = n->expr, *label = value_label(n);
    if ((size_t)e->aggregate.op->kind >= GV_COUNT(splits))
        return GV_COMBINE_UNITE;
    if (label && (is_reserved(label->string.value) ||
                  plan_lists(e->aggregate.grouping, e->aggregate.n_grouping, label->string.value) ||
                  !label->string.value.n || !gv_utf8_valid(label->string.value)))
        return GV_COMBINE_UNITE;
    return splits[e->aggregate.op->kind];
}

/* ---- Operators between vectors ---- */

static bool may_have_series(const struct planner *p, const struct plan_node *n)
{
    for (size_t i = 0; i < p->n_sources; i++)
        if (!n->at[i].empty)
            return true;
    return false;
}

/* Whether all that a side can be, in whatever cluster, is matched by its cluster. */
static bool is_matched_by_cluster(const struct planner *p, const struct gv_matching *m, const struct plan_node *side)
{
    for (size_t i = 0; i < p->n_sources; i++)
        if (!side->at[i].empty && !(match_key(&p->sources[i], m, side->at[i].survivors) & p->sources[i].p))
            return false;
    return true;
}

static const char *why_sides(const struct plan_source *s, const struct gv_expr *e, const struct plan_at *l,
                             const struct plan_at *r)
{
    const struct gv_matching *m = &e->binary.matching;
    if (l->empty || r->empty)
        return NULL;
    if (match_key(s, m, l->survivors) != match_key(s, m, r->survivors))
        return "its sides are matched on injected labels that one of them has lost";
    if (e->binary.op == GV_OP_OR && l->survivors != r->survivors)
        return "its sides have different injected labels";
    return NULL;
}

static const char *why_binary(const struct planner *p, const struct plan_node *n)
{
    const struct plan_node *l = n->child[0], *r = n->child[1];
    const struct gv_matching *m = &n->expr->binary.matching;
    if (l->expr->type != GV_TYPE_VECTOR || r->expr->type != GV_TYPE_VECTOR || n->alone)
        return NULL;
    bool fills = m->has_fill_left || m->has_fill_right;
    if (fills && (m->card == GV_MANY_TO_ONE || m->card == GV_ONE_TO_MANY))
        return "what is filled in has other injected labels";
    if (!fills && (!may_have_series(p, l) || !may_have_series(p, r))) /* nothing, or one side as it is */
        return NULL;
    if (!n->single && !(is_matched_by_cluster(p, m, l) && is_matched_by_cluster(p, m, r)))
        return "its sides may match across clusters";
    const char *why = NULL;
    for (size_t i = 0; i < p->n_sources && !why; i++)
        if (plan_source_can_match(p, n, i))
            why = why_sides(&p->sources[i], n->expr, &l->at[i], &r->at[i]);
    return why;
}

/* ---- Any node ---- */

static const char *why_below(const struct plan_node *n)
{
    for (size_t i = 0; i < n->n; i++) {
        const struct plan_node *c = n->child[i];
        if (c->why)
            return HERE_BELOW;
        if (c->expr->type == GV_TYPE_SCALAR && !c->constant && !n->single && !n->alone)
            return "it is given a scalar that comes from series";
    }
    return NULL;
}

static const char *why_itself(struct planner *p, const struct plan_node *n)
{
    switch (n->expr->kind) {
    case GV_EXPR_CALL:
        return why_call(p, n);
    case GV_EXPR_AGGREGATE:
        return why_aggregate(p, n);
    case GV_EXPR_BINARY:
        return why_binary(p, n);
    default:
        return NULL;
    }
}

const char *plan_why_not_constant(const struct planner *p, const struct plan_node *n)
{
    const struct gv_expr *label = n->expr->kind == GV_EXPR_AGGREGATE ? value_label(n) : NULL;
    for (size_t i = 0; i < n->n; i++)
        if (n->child[i]->why)
            return n->child[i]->why;
    if (label && !is_neutral_everywhere(p, n, label->string.value))
        return "it writes a label that is injected";
    return n->expr->kind == GV_EXPR_CALL && n->expr->call.function->flags & GV_FN_WRITES_LABELS ? why_labels(p, n)
                                                                                                : NULL;
}

const char *plan_why_not_local(struct planner *p, struct plan_node *n)
{
    for (size_t i = 0; i < p->n_sources; i++)
        n->at[i].survivors = plan_survivors(p, n, i);
    const char *why = why_below(n);
    return why ? why : why_itself(p, n);
}
