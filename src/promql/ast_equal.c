/* Equality of trees: what they mean, not how or where they were written. */
#include "promql/print.h"
#include <math.h>
#include <stdlib.h>

static bool same_number(double a, double b)
{
    return (a == b && !signbit(a) == !signbit(b)) || (isnan(a) && isnan(b));
}

static bool same_list(const struct gv_slice *a, size_t n, const struct gv_slice *b, size_t m)
{
    if (n != m)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!gv_slice_eq(a[i], b[i]))
            return false;
    }
    return true;
}

static bool both_or_neither(const struct gv_expr *a, const struct gv_expr *b)
{
    return a && b ? gv_expr_equal(a, b) : !a && !b;
}

static bool same_shift(const struct gv_time_shift *a, const struct gv_time_shift *b)
{
    return a->at == b->at && a->at_ms == b->at_ms && a->offset_ms == b->offset_ms &&
           both_or_neither(a->offset_expr, b->offset_expr);
}

static bool same_matcher(const struct gv_matcher *a, const struct gv_matcher *b)
{
    return a->type == b->type && gv_slice_eq(a->name, b->name) && gv_slice_eq(a->value, b->value);
}

static int by_name(const void *a, const void *b)
{
    const struct gv_matcher *x = *(const struct gv_matcher *const *)a, *y = *(const struct gv_matcher *const *)b;
    int order = gv_slice_cmp(x->name, y->name);
    if (order == 0)
        order = gv_slice_cmp(x->value, y->value);
    return order ? order : (int)x->type - (int)y->type;
}

static const struct gv_matcher **sorted(struct gv_arena *a, const struct gv_selector *s)
{
    const struct gv_matcher **list = gv_arena_array(a, const struct gv_matcher *, s->n_matchers);
    for (size_t i = 0; i < s->n_matchers; i++)
        list[i] = &s->matchers[i];
    qsort(list, s->n_matchers, sizeof(struct gv_matcher *), by_name);
    return list;
}

static bool same_in_any_order(const struct gv_selector *a, const struct gv_selector *b)
{
    struct gv_arena arena;
    gv_arena_init(&arena, NULL);
    const struct gv_matcher **x = sorted(&arena, a), **y = sorted(&arena, b);
    size_t i = 0;
    while (i < a->n_matchers && same_matcher(x[i], y[i]))
        i++;
    gv_arena_fini(&arena);
    return i == a->n_matchers;
}

/* Matchers in any order: printing sorts them. */
static bool same_matchers(const struct gv_selector *a, const struct gv_selector *b)
{
    if (a->n_matchers != b->n_matchers)
        return false;
    size_t i = 0;
    while (i < a->n_matchers && same_matcher(&a->matchers[i], &b->matchers[i]))
        i++;
    return i == a->n_matchers || same_in_any_order(a, b);
}

static bool same_selector(const struct gv_selector *a, const struct gv_selector *b)
{
    return gv_slice_eq(a->name, b->name) && a->extended == b->extended && same_shift(&a->shift, &b->shift) &&
           same_matchers(a, b);
}

static bool same_matching(const struct gv_matching *a, const struct gv_matching *b)
{
    return a->card == b->card && a->on == b->on && a->has_fill_left == b->has_fill_left &&
           a->has_fill_right == b->has_fill_right && same_number(a->fill_left, b->fill_left) &&
           same_number(a->fill_right, b->fill_right) && same_list(a->labels, a->n_labels, b->labels, b->n_labels) &&
           same_list(a->include, a->n_include, b->include, b->n_include);
}

static bool same_call(const struct gv_expr *a, const struct gv_expr *b)
{
    if (a->call.function != b->call.function || a->call.n_args != b->call.n_args)
        return false;
    for (size_t i = 0; i < a->call.n_args; i++) {
        if (!gv_expr_equal(a->call.args[i], b->call.args[i]))
            return false;
    }
    return true;
}

static bool same_aggregate(const struct gv_expr *a, const struct gv_expr *b)
{
    return a->aggregate.op == b->aggregate.op && a->aggregate.without == b->aggregate.without &&
           same_list(a->aggregate.grouping, a->aggregate.n_grouping, b->aggregate.grouping, b->aggregate.n_grouping) &&
           both_or_neither(a->aggregate.param, b->aggregate.param) &&
           gv_expr_equal(a->aggregate.expr, b->aggregate.expr);
}

static bool same_subquery(const struct gv_expr *a, const struct gv_expr *b)
{
    return a->subquery.range_ms == b->subquery.range_ms && a->subquery.step_ms == b->subquery.step_ms &&
           both_or_neither(a->subquery.range_expr, b->subquery.range_expr) &&
           both_or_neither(a->subquery.step_expr, b->subquery.step_expr) &&
           same_shift(&a->subquery.shift, &b->subquery.shift) && gv_expr_equal(a->subquery.expr, b->subquery.expr);
}

static bool same_binary(const struct gv_expr *a, const struct gv_expr *b)
{
    return a->binary.op == b->binary.op && a->binary.returns_bool == b->binary.returns_bool &&
           same_matching(&a->binary.matching, &b->binary.matching) && gv_expr_equal(a->binary.lhs, b->binary.lhs) &&
           gv_expr_equal(a->binary.rhs, b->binary.rhs);
}

static bool same_duration(const struct gv_expr *a, const struct gv_expr *b)
{
    return a->duration.op == b->duration.op && a->duration.wrapped == b->duration.wrapped &&
           both_or_neither(a->duration.lhs, b->duration.lhs) && both_or_neither(a->duration.rhs, b->duration.rhs);
}

bool gv_expr_equal(const struct gv_expr *a, const struct gv_expr *b)
{
    if (a->kind != b->kind || a->type != b->type)
        return false;
    switch (a->kind) {
    case GV_EXPR_NUMBER:
        return a->number.is_duration == b->number.is_duration && same_number(a->number.value, b->number.value);
    case GV_EXPR_STRING:
        return gv_slice_eq(a->string.value, b->string.value);
    case GV_EXPR_SELECTOR:
        return same_selector(&a->selector, &b->selector);
    case GV_EXPR_MATRIX:
        return a->matrix.range_ms == b->matrix.range_ms &&
               both_or_neither(a->matrix.range_expr, b->matrix.range_expr) &&
               gv_expr_equal(a->matrix.selector, b->matrix.selector);
    case GV_EXPR_SUBQUERY:
        return same_subquery(a, b);
    case GV_EXPR_CALL:
        return same_call(a, b);
    case GV_EXPR_AGGREGATE:
        return same_aggregate(a, b);
    case GV_EXPR_BINARY:
        return same_binary(a, b);
    case GV_EXPR_UNARY:
        return a->unary.op == b->unary.op && gv_expr_equal(a->unary.expr, b->unary.expr);
    case GV_EXPR_PAREN:
        return gv_expr_equal(a->paren.expr, b->paren.expr);
    case GV_EXPR_DURATION:
        return same_duration(a, b);
    case GV_EXPR_FEED:
        return a->feed.slot == b->feed.slot && a->feed.raw == b->feed.raw;
    }
    return false;
}
