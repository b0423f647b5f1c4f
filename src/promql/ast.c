/* The syntax tree: texts of operators, children in order, walking, copying. Recursion here is as deep as the tree is
 * high, which the parser bounds. */
#include "promql/ast.h"

static const char *const op_texts[] = {
    [GV_OP_NONE] = "",         [GV_OP_ADD] = "+",         [GV_OP_SUB] = "-",         [GV_OP_MUL] = "*",
    [GV_OP_DIV] = "/",         [GV_OP_MOD] = "%",         [GV_OP_POW] = "^",         [GV_OP_ATAN2] = "atan2",
    [GV_OP_EQ] = "==",         [GV_OP_NE] = "!=",         [GV_OP_LT] = "<",          [GV_OP_GT] = ">",
    [GV_OP_LE] = "<=",         [GV_OP_GE] = ">=",         [GV_OP_AND] = "and",       [GV_OP_OR] = "or",
    [GV_OP_UNLESS] = "unless", [GV_OP_TRIM_UPPER] = "</", [GV_OP_TRIM_LOWER] = ">/", [GV_OP_STEP] = "step",
    [GV_OP_RANGE] = "range",   [GV_OP_MIN] = "min_of",    [GV_OP_MAX] = "max_of",
};

const char *gv_op_text(enum gv_op op)
{
    return op_texts[op];
}

bool gv_op_is_comparison(enum gv_op op)
{
    return op >= GV_OP_EQ && op <= GV_OP_GE;
}

bool gv_op_is_set(enum gv_op op)
{
    return op == GV_OP_AND || op == GV_OP_OR || op == GV_OP_UNLESS;
}

enum gv_precedence gv_op_precedence(enum gv_op op)
{
    switch (op) {
    case GV_OP_OR:
        return GV_PREC_OR;
    case GV_OP_AND:
    case GV_OP_UNLESS:
        return GV_PREC_AND;
    case GV_OP_ADD:
    case GV_OP_SUB:
        return GV_PREC_ADD;
    case GV_OP_MUL:
    case GV_OP_DIV:
    case GV_OP_MOD:
    case GV_OP_ATAN2:
        return GV_PREC_MUL;
    case GV_OP_POW:
        return GV_PREC_POW;
    case GV_OP_TRIM_UPPER:
    case GV_OP_TRIM_LOWER:
        return GV_PREC_COMPARE;
    default:
        return gv_op_is_comparison(op) ? GV_PREC_COMPARE : GV_PREC_NONE;
    }
}

struct gv_expr **gv_expr_child(struct gv_expr *e, size_t i)
{
    switch (e->kind) {
    case GV_EXPR_MATRIX:
        return i == 0 ? &e->matrix.selector : NULL;
    case GV_EXPR_SUBQUERY:
        return i == 0 ? &e->subquery.expr : NULL;
    case GV_EXPR_CALL:
        return i < e->call.n_args ? &e->call.args[i] : NULL;
    case GV_EXPR_AGGREGATE:
        if (e->aggregate.param && i == 0)
            return &e->aggregate.param;
        return i == (e->aggregate.param ? 1 : 0) ? &e->aggregate.expr : NULL;
    case GV_EXPR_BINARY:
        return i == 0 ? &e->binary.lhs : i == 1 ? &e->binary.rhs : NULL;
    case GV_EXPR_UNARY:
        return i == 0 ? &e->unary.expr : NULL;
    case GV_EXPR_PAREN:
        return i == 0 ? &e->paren.expr : NULL;
    default:
        return NULL;
    }
}

bool gv_expr_walk(struct gv_expr *e, gv_expr_visit_fn *visit, void *arg)
{
    enum gv_walk verdict = visit(e, arg);
    if (verdict == GV_WALK_STOP)
        return false;
    struct gv_expr **child;
    for (size_t i = 0; verdict == GV_WALK_ON && (child = gv_expr_child(e, i)); i++) {
        if (!gv_expr_walk(*child, visit, arg))
            return false;
    }
    return true;
}

struct gv_expr *gv_expr_dup(struct gv_arena *a, const struct gv_expr *e)
{
    struct gv_expr *copy = gv_arena_alloc(a, sizeof *copy);
    *copy = *e;
    if (e->kind == GV_EXPR_CALL && e->call.n_args) {
        copy->call.args = gv_arena_array(a, struct gv_expr *, e->call.n_args);
        memcpy(copy->call.args, e->call.args, e->call.n_args * sizeof *e->call.args);
    }
    struct gv_expr **child;
    for (size_t i = 0; (child = gv_expr_child(copy, i)); i++)
        *child = gv_expr_dup(a, *child);
    return copy;
}

const struct gv_expr *gv_expr_unparen(const struct gv_expr *e)
{
    while (e->kind == GV_EXPR_PAREN)
        e = e->paren.expr;
    return e;
}
