/* A node as one source is sent it: labels under the names that they have there, injected ones gone, operands that can
 * have nothing there simplified away. Positions stay, for annotations. */
#include "plan/planner.h"
#include "plan/selector.h"

static struct gv_expr *new_expr(struct planner *p, enum gv_expr_kind kind, enum gv_value_type type,
                                const struct gv_expr *at)
{
    struct gv_expr *e = gv_arena_new(p->arena, struct gv_expr);
    e->kind = kind;
    e->type = type;
    e->pos = at->pos;
    return e;
}

static struct gv_expr *copy_of(struct planner *p, const struct gv_expr *e)
{
    struct gv_expr *copy = gv_arena_new(p->arena, struct gv_expr);
    *copy = *e;
    return copy;
}

struct gv_expr *plan_aggregate(struct planner *p, const char *op, bool without, const struct gv_slice *grouping,
                               size_t n_grouping, struct gv_expr *arg, struct gv_expr *param, const struct gv_expr *at)
{
    struct gv_expr *e = new_expr(p, GV_EXPR_AGGREGATE, GV_TYPE_VECTOR, at);
    e->aggregate.op = gv_aggregation_named(gv_slice_of(op));
    e->aggregate.expr = arg;
    e->aggregate.param = param;
    e->aggregate.without = without;
    e->aggregate.grouping = gv_arena_array(p->arena, struct gv_slice, n_grouping);
    if (n_grouping)
        memcpy(e->aggregate.grouping, grouping, n_grouping * sizeof *grouping);
    e->aggregate.n_grouping = n_grouping;
    e->aggregate.grouping_written = at->kind == GV_EXPR_AGGREGATE && at->aggregate.grouping_written;
    return e;
}

struct gv_expr *plan_call(struct planner *p, const char *function, struct gv_expr *arg, const struct gv_expr *at)
{
    struct gv_expr *e = new_expr(p, GV_EXPR_CALL, GV_TYPE_VECTOR, at);
    e->call.function = gv_function_named(gv_slice_of(function));
    e->call.args = gv_arena_new(p->arena, struct gv_expr *);
    e->call.args[0] = arg;
    e->call.n_args = 1;
    return e;
}

struct gv_slice *plan_names_there(struct planner *p, size_t source, const struct gv_slice *names, size_t n,
                                  size_t *n_there)
{
    struct gv_slice *there = gv_arena_array(p->arena, struct gv_slice, n);
    *n_there = 0;
    for (size_t i = 0; i < n; i++) {
        struct gv_slice name = gv_mapping_to_backend(&p->sources[source].is->mapping, names[i]);
        if (name.p)
            there[(*n_there)++] = name;
    }
    return there;
}

/* ---- Selectors ---- */

static void add_matcher(struct planner *p, struct gv_selector *s, enum gv_match_type type, const char *value)
{
    if (!gv_matcher_make(&s->matchers[s->n_matchers++], p->arena, type, GV_LABEL_NAME, gv_slice_of(value), p->err))
        gv_die("a literal matcher was refused");
}

struct gv_expr *plan_selector_there(struct planner *p, const struct gv_expr *e, size_t source)
{
    struct gv_expr *copy = copy_of(p, e);
    struct gv_selector *s = &copy->selector;
    s->matchers = gv_arena_array(p->arena, struct gv_matcher, s->n_matchers + 1);
    gv_selector_for_source(&p->sources[source].is->mapping, e->selector.matchers, e->selector.n_matchers, s->matchers,
                           &s->n_matchers);
    if (gv_selector_needs_name(s->matchers, s->n_matchers))
        add_matcher(p, s, GV_MATCH_NE, "");
    return copy;
}

/* What PromQL has no word for. */
static struct gv_expr *empty_vector(struct planner *p, const struct gv_expr *at)
{
    struct gv_expr *e = new_expr(p, GV_EXPR_SELECTOR, GV_TYPE_VECTOR, at);
    e->selector.matchers = gv_arena_array(p->arena, struct gv_matcher, 2);
    add_matcher(p, &e->selector, GV_MATCH_EQ, "a");
    add_matcher(p, &e->selector, GV_MATCH_NE, "a");
    return e;
}

static struct gv_expr *rewrite_matrix(struct planner *p, const struct gv_expr *e, size_t source)
{
    struct gv_expr *copy = copy_of(p, e);
    copy->matrix.selector = plan_selector_there(p, e->matrix.selector, source);
    return copy;
}

/* ---- Inner nodes ---- */

/* Ranges were closed on the left before 3.0: without their first millisecond they are what they are now. Where the
 * length of the range is part of the result it stays. */
static bool is_shortened(const struct planner *p, const struct plan_node *n, size_t source)
{
    const struct gv_expr *e = n->expr;
    return plan_is_before(p->sources[source].is, 3, 0) && !plan_is_call(e, "rate") && !plan_is_call(e, "increase") &&
           !plan_is_call(e, "delta");
}

static struct gv_expr *nan_for(struct planner *p, const struct gv_expr *at)
{
    struct gv_expr *e = new_expr(p, GV_EXPR_NUMBER, GV_TYPE_SCALAR, at);
    e->number.value = __builtin_nan("");
    return e;
}

/* timestamp() of a selector gives the times of its samples, of anything else those of the steps: what was simplified to
 * a selector must not look like one. */
static struct gv_expr *no_selector(struct planner *p, struct gv_expr *e)
{
    struct gv_expr *plus = new_expr(p, GV_EXPR_UNARY, GV_TYPE_VECTOR, e);
    plus->unary.op = GV_OP_ADD;
    plus->unary.expr = e;
    return plus;
}

static bool became_selector(const struct plan_node *call, const struct plan_node *arg, const struct gv_expr *there)
{
    return call->expr->call.function->flags & GV_FN_SAMPLE_TIME && there->kind == GV_EXPR_SELECTOR &&
           arg->expr->kind != GV_EXPR_SELECTOR;
}

static struct gv_expr *rewrite_call(struct planner *p, const struct plan_node *n, size_t source)
{
    if (plan_is_call(n->expr, "scalar") && n->child[0]->at[source].empty)
        return nan_for(p, n->expr);
    struct gv_expr *copy = copy_of(p, n->expr);
    copy->call.args = gv_arena_array(p->arena, struct gv_expr *, copy->call.n_args);
    for (size_t i = 0; i < copy->call.n_args; i++) {
        struct gv_expr *arg = n->expr->call.args[i];
        copy->call.args[i] = i < n->n ? plan_rewrite(p, n->child[i], source) : gv_expr_dup(p->arena, arg);
        if (i < n->n && became_selector(n, n->child[i], copy->call.args[i]))
            copy->call.args[i] = no_selector(p, copy->call.args[i]);
        if (copy->call.args[i]->kind == GV_EXPR_MATRIX && is_shortened(p, n, source))
            copy->call.args[i]->matrix.range_ms--;
    }
    return copy;
}

static struct gv_expr *rewrite_aggregate(struct planner *p, const struct plan_node *n, size_t source)
{
    struct gv_expr *copy = copy_of(p, n->expr);
    copy->aggregate.grouping =
        plan_names_there(p, source, copy->aggregate.grouping, copy->aggregate.n_grouping, &copy->aggregate.n_grouping);
    copy->aggregate.expr = plan_rewrite(p, n->child[n->n - 1], source);
    if (copy->aggregate.param)
        copy->aggregate.param = plan_rewrite(p, n->child[0], source);
    return copy;
}

static bool is_vector(const struct plan_node *n)
{
    return n->expr->type == GV_TYPE_VECTOR;
}

/* One side is empty, the result is not: `or` and `unless` give the other side, filling needs something to fill. */
static bool is_other_side(const struct gv_expr *e)
{
    return e->binary.op == GV_OP_OR || e->binary.op == GV_OP_UNLESS;
}

static struct gv_expr *side(struct planner *p, const struct plan_node *n, size_t source)
{
    return is_vector(n) && n->at[source].empty ? empty_vector(p, n->expr) : plan_rewrite(p, n, source);
}

static struct gv_expr *rewrite_binary(struct planner *p, const struct plan_node *n, size_t source)
{
    const struct plan_node *l = n->child[0], *r = n->child[1];
    if (is_vector(l) && is_vector(r) && is_other_side(n->expr)) {
        if (l->at[source].empty)
            return plan_rewrite(p, r, source);
        if (r->at[source].empty)
            return plan_rewrite(p, l, source);
    }
    struct gv_expr *copy = copy_of(p, n->expr);
    struct gv_matching *m = &copy->binary.matching;
    m->labels = plan_names_there(p, source, m->labels, m->n_labels, &m->n_labels);
    m->include = plan_names_there(p, source, m->include, m->n_include, &m->n_include);
    copy->binary.lhs = side(p, l, source);
    copy->binary.rhs = side(p, r, source);
    return copy;
}

/* At the root of an instant query a matrix is what it was before 3.0, too. */
struct gv_expr *plan_rewrite(struct planner *p, const struct plan_node *n, size_t source)
{
    struct gv_expr *copy;
    switch (n->expr->kind) {
    case GV_EXPR_SELECTOR:
        return plan_selector_there(p, n->expr, source);
    case GV_EXPR_MATRIX:
        return rewrite_matrix(p, n->expr, source);
    case GV_EXPR_SUBQUERY:
        copy = copy_of(p, n->expr);
        copy->subquery.expr = plan_rewrite(p, n->child[0], source);
        return copy;
    case GV_EXPR_CALL:
        return rewrite_call(p, n, source);
    case GV_EXPR_AGGREGATE:
        return rewrite_aggregate(p, n, source);
    case GV_EXPR_BINARY:
        return rewrite_binary(p, n, source);
    case GV_EXPR_UNARY:
        copy = copy_of(p, n->expr);
        copy->unary.expr = plan_rewrite(p, n->child[0], source);
        return copy;
    default:
        return gv_expr_dup(p->arena, n->expr);
    }
}
