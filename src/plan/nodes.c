/* The folded tree as plan nodes, from below: for each source what can be in a node, and so where it can be sent. */
#include "plan/planner.h"
#include "plan/selector.h"

bool plan_is_call(const struct gv_expr *e, const char *name)
{
    return e->kind == GV_EXPR_CALL && strcmp(e->call.function->name, name) == 0;
}

const struct gv_selector *plan_selector_of(const struct gv_expr *e)
{
    if (e->kind == GV_EXPR_MATRIX)
        e = e->matrix.selector;
    return e->kind == GV_EXPR_SELECTOR ? &e->selector : NULL;
}

bool plan_lists(const struct gv_slice *names, size_t n, struct gv_slice name)
{
    for (size_t i = 0; i < n; i++)
        if (gv_slice_eq(names[i], name))
            return true;
    return false;
}

uint64_t plan_bits(const struct plan_source *s, const struct gv_slice *names, size_t n)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < s->n_labels; i++)
        if (plan_lists(names, n, s->labels[i].name))
            bits |= UINT64_C(1) << i;
    return bits;
}

struct plan_node *plan_vector_argument(const struct plan_node *n)
{
    for (size_t i = 0; i < n->n; i++) {
        enum gv_value_type t = n->child[i]->expr->type;
        if (t == GV_TYPE_VECTOR || t == GV_TYPE_MATRIX)
            return n->child[i];
    }
    return NULL;
}

bool plan_source_can_match(const struct planner *p, const struct plan_node *n, size_t source)
{
    const struct plan_source *s = &p->sources[source];
    for (size_t i = s->first_cluster; i < s->first_cluster + s->n_clusters; i++)
        if (gv_bit(n->clusters, i))
            return true;
    return false;
}

/* ---- Selectors ---- */

/* A matcher on the cluster label that a source carries is decided for each cluster that it is known to hold. */
static bool cluster_can_match(const struct planner *p, const struct gv_selector *sel, struct gv_slice cluster)
{
    for (size_t i = 0; i < sel->n_matchers; i++)
        if (gv_slice_eq(sel->matchers[i].name, p->options->label) && !gv_matcher_matches(&sel->matchers[i], cluster))
            return false;
    return true;
}

static bool match_carried(const struct planner *p, struct plan_node *n, const struct gv_selector *sel,
                          const struct plan_source *s)
{
    bool any = false;
    for (size_t i = 0; i < s->n_clusters; i++) {
        bool known = s->is->clusters != NULL;
        if (known && (i >= s->is->n_clusters || !cluster_can_match(p, sel, s->is->clusters[i])))
            continue;
        gv_bit_set(n->clusters, s->first_cluster + i);
        any = true;
    }
    return any;
}

static bool match_injected(struct plan_node *n, const struct gv_selector *sel, const struct plan_source *s,
                           struct gv_matcher *left)
{
    size_t n_left;
    if (!gv_selector_for_source(&s->is->mapping, sel->matchers, sel->n_matchers, left, &n_left))
        return false;
    gv_bit_set(n->clusters, s->first_cluster);
    return true;
}

static void add_matches(struct planner *p, struct plan_node *n, const struct gv_selector *sel, bool decides)
{
    struct gv_matcher *left = gv_arena_array(p->arena, struct gv_matcher, sel->n_matchers);
    for (size_t i = 0; i < p->n_sources; i++) {
        const struct plan_source *s = &p->sources[i];
        bool can = s->carries ? match_carried(p, n, sel, s) : match_injected(n, sel, s, left);
        if (decides)
            n->at[i].empty = !can;
    }
}

const struct gv_selector *plan_info_selector(struct planner *p, const struct gv_expr *call)
{
    const struct gv_selector *given = call->call.n_args > 1 ? &gv_expr_unparen(call->call.args[1])->selector : NULL;
    size_t n = given ? given->n_matchers : 0;
    struct gv_selector *s = gv_arena_new(p->arena, struct gv_selector);
    s->matchers = gv_arena_array(p->arena, struct gv_matcher, n + 1);
    bool named = false;
    for (; s->n_matchers < n; s->n_matchers++) {
        s->matchers[s->n_matchers] = given->matchers[s->n_matchers];
        named |= gv_slice_eq(given->matchers[s->n_matchers].name, GV_LABEL_NAME);
    }
    if (!named && !gv_matcher_make(&s->matchers[s->n_matchers++], p->arena, GV_MATCH_EQ, GV_LABEL_NAME,
                                   GV_S("target_info"), p->err))
        gv_die("a literal matcher was refused");
    return s;
}

/* ---- What is left where a source has nothing in an operand ---- */

static bool is_vector(const struct plan_node *n)
{
    return n->expr->type == GV_TYPE_VECTOR || n->expr->type == GV_TYPE_MATRIX;
}

static bool is_empty(const struct plan_node *n, bool l, bool r)
{
    const struct gv_matching *m = &n->expr->binary.matching;
    if (!is_vector(n->child[0]))
        return is_vector(n) && r;
    if (!is_vector(n->child[1]))
        return l;
    if (n->expr->binary.op == GV_OP_OR || m->has_fill_left || m->has_fill_right)
        return l && r;
    return l || (r && n->expr->binary.op != GV_OP_UNLESS);
}

bool plan_says_absence(const struct gv_expr *e)
{
    return plan_is_call(e, "absent") || plan_is_call(e, "absent_over_time");
}

static void find_empty(struct planner *p, struct plan_node *n)
{
    const struct gv_expr *e = n->expr;
    if (plan_says_absence(e))
        return;
    const struct plan_node *arg = plan_vector_argument(n);
    if (e->kind == GV_EXPR_BINARY)
        n->void_safe = is_empty(n, n->child[0]->void_safe, n->child[1]->void_safe);
    else
        n->void_safe = !n->constant && is_vector(n) && arg && arg->void_safe;
    for (size_t i = 0; i < p->n_sources; i++) {
        struct plan_at *at = &n->at[i];
        if (e->kind == GV_EXPR_BINARY)
            at->empty = is_empty(n, n->child[0]->at[i].empty, n->child[1]->at[i].empty);
        else
            at->empty = is_vector(n) && arg && arg->at[i].empty;
    }
}

/* ---- Names ---- */

static bool writes_name(const struct gv_expr *e)
{
    const struct gv_expr *label = NULL;
    if (plan_is_call(e, "label_replace") || plan_is_call(e, "label_join"))
        label = gv_expr_unparen(e->call.args[1]);
    if (e->kind == GV_EXPR_AGGREGATE && e->aggregate.op->kind == GV_AGG_COUNT_VALUES)
        label = gv_expr_unparen(e->aggregate.param);
    return label && gv_slice_eq(label->string.value, GV_LABEL_NAME);
}

static bool keeps_name_label(const struct gv_expr *e)
{
    return e->aggregate.op->keeps_labels ||
           (!e->aggregate.without && plan_lists(e->aggregate.grouping, e->aggregate.n_grouping, GV_LABEL_NAME));
}

static bool mentions_name(const struct gv_expr *e)
{
    if (e->kind == GV_EXPR_AGGREGATE)
        return plan_lists(e->aggregate.grouping, e->aggregate.n_grouping, GV_LABEL_NAME);
    if (e->kind == GV_EXPR_BINARY)
        return plan_lists(e->binary.matching.labels, e->binary.matching.n_labels, GV_LABEL_NAME) ||
               plan_lists(e->binary.matching.include, e->binary.matching.n_include, GV_LABEL_NAME);
    for (size_t i = 0; e->kind == GV_EXPR_CALL && i < e->call.n_args; i++) {
        const struct gv_expr *arg = gv_expr_unparen(e->call.args[i]);
        if (arg->kind == GV_EXPR_STRING && gv_slice_eq(arg->string.value, GV_LABEL_NAME))
            return true;
    }
    return false;
}

/* Whether this node itself takes the names of its operands away. */
static bool drops_name(const struct gv_expr *e)
{
    switch (e->kind) {
    case GV_EXPR_CALL:
        return !(e->call.function->flags & GV_FN_KEEPS_NAME);
    case GV_EXPR_UNARY:
        return e->unary.op == GV_OP_SUB;
    case GV_EXPR_BINARY:
        return !gv_op_is_set(e->binary.op) && (!gv_op_is_comparison(e->binary.op) || e->binary.returns_bool);
    default:
        return false;
    }
}

static void find_names(struct plan_node *n)
{
    const struct gv_expr *e = n->expr;
    n->named = plan_selector_of(e) != NULL;
    for (size_t i = 0; i < n->n; i++) {
        n->named |= n->child[i]->named;
        n->unnames |= n->child[i]->unnames;
        n->reads_dropped |= n->child[i]->reads_dropped;
    }
    n->reads_dropped |= n->unnames && mentions_name(e);
    if (e->kind == GV_EXPR_AGGREGATE && !keeps_name_label(e))
        n->named = n->unnames = false;
    else if (n->named && drops_name(e))
        n->unnames = true;
    n->named |= writes_name(e);
}

/* ---- Nodes ---- */

static struct gv_grid grid_below(struct planner *p, const struct gv_expr *sub, struct gv_grid outer)
{
    const struct gv_time_shift *s = &sub->subquery.shift;
    if (!outer.n)
        return outer;
    int64_t first = outer.start, last = gv_grid_time(&outer, outer.n - 1);
    if (s->at == GV_AT_TIME)
        first = last = s->at_ms;
    struct gv_grid g;
    p->failed |= !gv_subquery_times(first - s->offset_ms, last - s->offset_ms, sub->subquery.range_ms,
                                    sub->subquery.step_ms, &g, p->err);
    return p->failed ? (struct gv_grid){0} : g;
}

/* As the evaluator has it (promql/prepare.c): then only the first step is evaluated. */
static bool is_invariant(const struct gv_expr *e)
{
    const struct gv_selector *s = plan_selector_of(e);
    if (s)
        return s->shift.at != GV_AT_NONE;
    if (e->kind == GV_EXPR_SUBQUERY)
        return e->subquery.shift.at != GV_AT_NONE;
    if (e->kind == GV_EXPR_CALL && e->call.function->flags & GV_FN_AT_UNSAFE)
        return false;
    struct gv_expr **child;
    for (size_t i = 0; (child = gv_expr_child((struct gv_expr *)(uintptr_t)e, i)); i++)
        if (!is_invariant(*child))
            return false;
    return true;
}

static size_t operands(const struct gv_expr *e)
{
    size_t n = 0;
    if (e->kind == GV_EXPR_MATRIX)
        return 0;
    if (plan_is_call(e, "info")) /* the second argument is a list of matchers */
        return 1;
    while (gv_expr_child((struct gv_expr *)(uintptr_t)e, n))
        n++;
    return n;
}

static void add_children(struct planner *p, struct plan_node *n)
{
    const struct gv_expr *e = n->expr;
    struct gv_grid grid = e->kind == GV_EXPR_SUBQUERY ? grid_below(p, e, n->grid) : n->grid;
    n->n = operands(e);
    n->child = gv_arena_array(p->arena, struct plan_node *, n->n);
    n->constant = !plan_selector_of(e) && !plan_is_call(e, "info");
    for (size_t i = 0; i < n->n; i++) {
        n->child[i] = plan_node_new(p, *gv_expr_child((struct gv_expr *)(uintptr_t)e, i), grid);
        n->constant &= n->child[i]->constant;
        for (size_t w = 0; w < gv_bits_words(p->n_clusters); w++)
            n->clusters[w] |= n->child[i]->clusters[w];
    }
}

static void count_clusters(const struct planner *p, struct plan_node *n)
{
    size_t clusters = 0, sources = 0, last = 0;
    for (size_t w = 0; w < gv_bits_words(p->n_clusters); w++)
        clusters += (size_t)__builtin_popcountll(n->clusters[w]);
    for (size_t i = 0; i < p->n_sources; i++)
        if (plan_source_can_match(p, n, i)) {
            sources++;
            last = i;
        }
    n->single = clusters <= 1;
    n->alone = sources == 1 && p->sources[last].carries;
}

/* What simplifying takes away, here and below, as a hash. */
static uint64_t shape_of(const struct plan_node *n, size_t source)
{
    uint64_t shape = n->at[source].empty;
    for (size_t i = 0; i < n->n; i++) {
        uint64_t both[2] = {shape, n->child[i]->at[source].shape};
        shape = gv_hash(both, sizeof both);
    }
    return shape;
}

struct plan_node *plan_node_new(struct planner *p, const struct gv_expr *e, struct gv_grid grid)
{
    struct plan_node *n = gv_arena_new(p->arena, struct plan_node);
    n->expr = e = gv_expr_unparen(e);
    n->invariant = is_invariant(e);
    n->grid = n->invariant && grid.n > 1 ? (struct gv_grid){grid.start, 0, 1} : grid;
    n->at = gv_arena_array(p->arena, struct plan_at, p->n_sources);
    n->clusters = gv_arena_array(p->arena, uint64_t, gv_bits_words(p->n_clusters));
    add_children(p, n);
    const struct gv_selector *sel = plan_selector_of(e);
    if (sel)
        add_matches(p, n, sel, true);
    else
        find_empty(p, n);
    if (plan_is_call(e, "info"))
        add_matches(p, n, plan_info_selector(p, e), false);
    n->void_safe |= sel != NULL;
    count_clusters(p, n);
    find_names(n);
    n->why = n->constant ? plan_why_not_constant(p, n) : plan_why_not_local(p, n);
    for (size_t i = 0; i < p->n_sources; i++) {
        n->at[i].able = plan_is_able(p, n, i);
        n->at[i].shape = shape_of(n, i);
    }
    return n;
}
