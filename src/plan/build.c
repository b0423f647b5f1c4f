/* The tree that is evaluated here, with feeds in place of what is sent: the largest local nodes, split aggregations,
 * and below what neither can be, samples. */
#include "plan/build.h"
#include "promql/info_time.h"

static struct gv_expr *place(struct build *b, struct plan_node *n);

/* ---- Feeds ---- */

static struct gv_expr *add_feed(struct build *b, const struct plan_node *n, struct gv_plan_feed feed,
                                const struct gv_expr *origin, enum gv_value_type type)
{
    struct gv_expr *leaf = gv_arena_new(b->p->arena, struct gv_expr);
    *leaf = (struct gv_expr){.kind = GV_EXPR_FEED, .type = type, .pos = n->expr->pos};
    leaf->feed.slot = (uint32_t)b->n_feeds;
    leaf->feed.raw = feed.raw;
    leaf->feed.invariant = n->invariant && !feed.raw;
    leaf->feed.origin = (struct gv_expr *)(uintptr_t)origin;
    feed.origin = n->expr;
    feed.grid = n->grid;
    gv_push(b->p->arena, b->feeds, b->n_feeds, b->cap_feeds) = feed;
    return leaf;
}

static struct gv_expr *place_local(struct build *b, struct plan_node *n)
{
    struct gv_plan_feed feed = {.combine = GV_COMBINE_UNITE, .n_inputs = 1, .inputs = {build_local(b, n)}};
    return add_feed(b, n, feed, n->expr, GV_TYPE_VECTOR);
}

static struct gv_expr *place_samples(struct build *b, struct plan_node *n)
{
    struct gv_plan_feed feed = {
        .combine = GV_COMBINE_UNITE, .raw = true, .n_inputs = 1, .inputs = {build_samples(b, n)}};
    return add_feed(b, n, feed, n->expr, n->expr->type);
}

/* ---- Split aggregations ---- */

static struct gv_slice *copy_names(struct planner *p, const struct gv_slice *names, size_t n, size_t room)
{
    struct gv_slice *copy = gv_arena_array(p->arena, struct gv_slice, n + room);
    if (n)
        memcpy(copy, names, n * sizeof *names);
    return copy;
}

static void keep_cluster(struct planner *p, struct split *s)
{
    struct gv_slice label = p->options->label;
    s->grouping = copy_names(p, s->grouping, s->n_grouping, 1);
    if (!s->without && !plan_lists(s->grouping, s->n_grouping, label))
        s->grouping[s->n_grouping++] = label;
    size_t kept = 0;
    for (size_t i = 0; s->without && i < s->n_grouping; i++)
        if (!gv_slice_eq(s->grouping[i], label))
            s->grouping[kept++] = s->grouping[i];
    if (s->without)
        s->n_grouping = kept;
}

static struct split split_of(struct planner *p, const struct gv_expr *e, const char *op)
{
    struct split s = {.op = op,
                      .without = e->aggregate.without,
                      .grouping = e->aggregate.grouping,
                      .n_grouping = e->aggregate.n_grouping};
    keep_cluster(p, &s);
    return s;
}

/* The value goes into a label of our own, for its label may be one that is renamed or injected; the one of that name
 * is overwritten. */
static struct split split_values(struct planner *p, const struct gv_expr *e)
{
    struct split s = split_of(p, e, "count_values");
    struct gv_slice label = gv_expr_unparen(e->aggregate.param)->string.value;
    s.param = gv_expr_dup(p->arena, gv_expr_unparen(e->aggregate.param));
    s.param->string.value = GV_PLAN_VALUE_LABEL;
    if (s.without && !gv_slice_eq(label, GV_PLAN_VALUE_LABEL)) {
        s.grouping = copy_names(p, s.grouping, s.n_grouping, 1);
        s.grouping[s.n_grouping++] = label;
    }
    return s;
}

static struct gv_expr *place_combined(struct build *b, struct plan_node *n, enum gv_plan_combine combine)
{
    static const char *const averages[] = {"avg", "count"}, *const variances[] = {"stdvar", "count", "avg"};
    const struct gv_expr *e = n->expr;
    struct gv_plan_feed feed = {.combine = combine, .n_inputs = 1};
    const char *const *ops = &e->aggregate.op->name;
    if (combine == GV_COMBINE_AVG)
        ops = averages, feed.n_inputs = GV_COUNT(averages);
    if (combine == GV_COMBINE_STDDEV || combine == GV_COMBINE_STDVAR)
        ops = variances, feed.n_inputs = GV_COUNT(variances);
    for (size_t i = 0; i < feed.n_inputs; i++) {
        struct split s = combine == GV_COMBINE_COUNT_VALUES ? split_values(b->p, e) : split_of(b->p, e, ops[i]);
        feed.inputs[i] = build_split(b, n, &s);
    }
    return add_feed(b, n, feed, n->expr, GV_TYPE_VECTOR);
}

/* The best of each cluster; the best of those are found here. */
static struct gv_expr *place_top(struct build *b, struct plan_node *n)
{
    struct plan_node *arg = n->child[1];
    struct split s = split_of(b->p, n->expr, n->expr->aggregate.op->name);
    s.param = gv_expr_dup(b->p->arena, n->child[0]->expr);
    struct gv_plan_feed feed = {.combine = GV_COMBINE_UNITE, .n_inputs = 1, .inputs = {build_split(b, n, &s)}};
    struct gv_expr *copy = gv_arena_new(b->p->arena, struct gv_expr);
    *copy = *n->expr;
    copy->aggregate.param = gv_expr_dup(b->p->arena, n->child[0]->expr);
    copy->aggregate.expr = add_feed(b, arg, feed, arg->expr, GV_TYPE_VECTOR);
    return copy;
}

static bool is_top(const struct gv_expr *e)
{
    return e->kind == GV_EXPR_AGGREGATE &&
           (e->aggregate.op->kind == GV_AGG_TOPK || e->aggregate.op->kind == GV_AGG_BOTTOMK);
}

static bool stays_whole(const struct planner *p, const struct gv_expr *e)
{
    for (size_t i = 0; i < p->options->n_whole; i++)
        if (p->options->whole[i].start == e->pos.start && p->options->whole[i].end == e->pos.end)
            return true;
    return false;
}

/* Under delayed name removal a name that is to go is still there for what stands above; in an answer it is gone. */
static bool shows_names(const struct build *b, const struct plan_node *n)
{
    return n->unnames && b->p->options->features & GV_FEATURE_DELAYED_NAME_REMOVAL;
}

static bool is_sent(const struct build *b, const struct plan_node *n)
{
    return !n->constant && !n->why && n->void_safe && build_count_able(b, n);
}

static bool is_split(const struct build *b, const struct plan_node *n)
{
    const struct plan_node *arg = plan_vector_argument(n);
    if (n->expr->kind != GV_EXPR_AGGREGATE || arg->constant || arg->why || !arg->void_safe || !build_count_able(b, n))
        return false;
    if (n->n > 1 && !n->child[0]->constant)
        return false;
    return (is_top(n->expr) || plan_split_of(n) != GV_COMBINE_UNITE) && !shows_names(b, n) &&
           !stays_whole(b->p, n->expr);
}

/* ---- absent, info ---- */

static struct gv_expr *place_absent(struct build *b, struct plan_node *n, struct plan_node *arg,
                                    const struct gv_expr *origin)
{
    struct gv_plan_feed feed = {.combine = GV_COMBINE_ANY, .n_inputs = 1, .inputs = {build_presence(b, arg)}};
    return plan_call(b->p, "absent", add_feed(b, arg, feed, origin, GV_TYPE_VECTOR), n->expr);
}

/* last_over_time(m), which has a value where m has a sample. */
static struct plan_node *last_of(struct planner *p, const struct plan_node *n)
{
    struct gv_expr *m = gv_expr_dup(p->arena, n->child[0]->expr);
    return plan_node_new(p, plan_call(p, "last_over_time", m, n->expr), n->grid);
}

static bool is_plain_matrix(const struct gv_expr *e)
{
    const struct gv_selector *s = plan_selector_of(e);
    return !s || s->extended == GV_RANGE_PLAIN;
}

/* NULL: it is placed like any other node. */
static struct gv_expr *place_absence(struct build *b, struct plan_node *n)
{
    if (plan_is_call(n->expr, "absent") && is_sent(b, n->child[0]))
        return place_absent(b, n, n->child[0], n->child[0]->expr);
    if (!plan_is_call(n->expr, "absent_over_time") || !is_plain_matrix(n->child[0]->expr))
        return NULL;
    struct plan_node *last = last_of(b->p, n);
    return is_sent(b, last) ? place_absent(b, n, last, n->child[0]->expr) : NULL;
}

static void select_info(struct build *b, const struct plan_node *n)
{
    struct planner *p = b->p;
    const struct gv_selector *s = plan_info_selector(p, n->expr);
    struct gv_expr *e = gv_arena_new(p->arena, struct gv_expr);
    *e = (struct gv_expr){.kind = GV_EXPR_SELECTOR, .type = GV_TYPE_VECTOR, .pos = n->expr->pos, .selector = *s};
    e->selector.shift = gv_info_shift(n->expr->call.args[0]);
    struct gv_plan_input in = build_samples(b, plan_node_new(p, e, n->grid));
    for (size_t i = 0; i < in.n; i++)
        gv_push(p->arena, b->selected, b->n_selected, b->cap_selected) = in.parts[i];
}

/* ---- Any node ---- */

static bool is_told_below(const struct plan_node *n)
{
    for (size_t i = 0; i < n->n; i++)
        if (n->child[i]->why)
            return true;
    return false;
}

static void tell(struct build *b, const struct plan_node *n)
{
    if (b->telling && n->why && !is_told_below(n))
        gv_push(b->p->arena, b->p->reasons, b->p->n_reasons, b->p->cap_reasons) =
            (struct gv_plan_reason){n->expr, n->why};
}

/* timestamp() of a selector knows the times of its samples: where it can not be sent as one they are needed. */
static bool needs_samples(const struct plan_node *n, const struct plan_node *child)
{
    return n->expr->kind == GV_EXPR_CALL && n->expr->call.function->flags & GV_FN_SAMPLE_TIME &&
           child->expr->kind == GV_EXPR_SELECTOR;
}

static struct gv_expr *place_here(struct build *b, struct plan_node *n)
{
    struct gv_expr *copy = gv_arena_new(b->p->arena, struct gv_expr);
    *copy = *n->expr;
    if (copy->kind == GV_EXPR_CALL) {
        copy->call.args = gv_arena_array(b->p->arena, struct gv_expr *, copy->call.n_args);
        for (size_t i = 0; i < copy->call.n_args; i++)
            copy->call.args[i] = n->expr->call.args[i];
    }
    if (plan_is_call(copy, "info"))
        select_info(b, n);
    for (size_t i = 0; i < n->n; i++)
        *gv_expr_child(copy, i) = needs_samples(n, n->child[i]) ? place_samples(b, n->child[i]) : place(b, n->child[i]);
    return copy;
}

static bool has_series_scalar(const struct plan_node *n)
{
    for (size_t i = 0; i < n->n; i++)
        if ((n->child[i]->expr->type == GV_TYPE_SCALAR && !n->child[i]->constant) || has_series_scalar(n->child[i]))
            return true;
    return false;
}

/* A local node that no source has anything in is empty, whatever stands beside the selector that can not match: nobody
 * is asked for the others, and the evaluator still finds what is wrong with it, but where that depends on a scalar
 * from series. */
static struct gv_expr *place_void(struct build *b, struct plan_node *n)
{
    bool depends = has_series_scalar(n);
    if (depends && (n->expr->type != GV_TYPE_VECTOR || !n->void_safe)) /* below it there is a vector that will do */
        return place_here(b, n);
    int only = b->only;
    b->only = NO_SOURCE;
    struct gv_expr *e = depends ? place_local(b, n) : place(b, n);
    b->only = only;
    return e;
}

struct gv_expr *build_place(struct build *b, struct plan_node *n)
{
    return place(b, n);
}

static struct gv_expr *place(struct build *b, struct plan_node *n)
{
    if (n->constant)
        return gv_expr_dup(b->p->arena, n->expr);
    if (!n->why && b->only != NO_SOURCE && !build_count(b, n))
        return place_void(b, n);
    if (n->expr->type == GV_TYPE_VECTOR && is_sent(b, n) && !shows_names(b, n))
        return place_local(b, n);
    if (n->expr->kind == GV_EXPR_SELECTOR || n->expr->kind == GV_EXPR_MATRIX)
        return place_samples(b, n);
    tell(b, n);
    if (is_split(b, n))
        return is_top(n->expr) ? place_top(b, n) : place_combined(b, n, plan_split_of(n));
    struct gv_expr *absence = place_absence(b, n);
    return absence ? absence : place_here(b, n);
}

/* ---- The root ---- */

static bool is_ordered_root(const struct planner *p, const struct plan_node *n)
{
    return is_top(n->expr) && p->options->step == 0;
}

/* Every source that may have something answers for itself, in the form in which the answer goes on. */
static bool unite(struct build *b, struct plan_node *n, struct gv_plan *plan)
{
    size_t parts = build_count(b, n);
    if (!is_sent(b, n) || build_count_able(b, n) < parts || (parts > 1 && is_ordered_root(b->p, n)))
        return false;
    struct gv_plan_feed feed = {.combine = GV_COMBINE_UNITE, .n_inputs = 1, .inputs = {build_root(b, n)}};
    struct gv_expr *leaf = add_feed(b, n, feed, n->expr, n->expr->type);
    build_finish(b, leaf, n->grid, &plan->root);
    plan->unite = true;
    plan->keeps_order = parts == 1 && b->p->options->step == 0;
    return true;
}

static struct gv_expr *place_root(struct build *b, struct plan_node *n)
{
    bool local = n->expr->type == GV_TYPE_VECTOR && is_sent(b, n);
    if (local && is_ordered_root(b->p, n) && !stays_whole(b->p, n->expr) && n->child[0]->constant &&
        is_sent(b, n->child[1]))
        return place_top(b, n);
    return local && !is_top(n->expr) ? place_local(b, n) : place(b, n);
}

void plan_build(struct planner *p, struct plan_node *root, struct gv_plan *plan)
{
    struct build b = {.p = p, .only = ALL_SOURCES, .telling = true};
    if (!unite(&b, root, plan))
        build_finish(&b, place_root(&b, root), p->grid, &plan->root);
    plan->root.grid = p->grid;
}
