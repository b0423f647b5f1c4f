/* The type check: sets the type of every node from below, and refuses in Prometheus's words what the grammar lets
 * through. Children come before their parent, so that the first error found is the one Prometheus reports. */
#include "base/map.h"
#include "promql/functions.h"
#include "promql/parser.h"
#include "promql/scan.h"

const char *gv_value_type_text(enum gv_value_type t)
{
    switch (t) {
    case GV_TYPE_SCALAR:
        return "scalar";
    case GV_TYPE_STRING:
        return "string";
    case GV_TYPE_VECTOR:
        return "instant vector";
    case GV_TYPE_MATRIX:
        return "range vector";
    default:
        return "none";
    }
}

const char *gv_value_type_short(enum gv_value_type t)
{
    return t == GV_TYPE_MATRIX ? "matrix" : t == GV_TYPE_VECTOR ? "vector" : gv_value_type_text(t);
}

static bool check(struct gv_parser *p, struct gv_expr *e);

static bool expect(struct gv_parser *p, struct gv_expr *e, enum gv_value_type wanted, const char *context)
{
    if (!check(p, e))
        return false;
    if (e->type == wanted)
        return true;
    return gv_parser_fail(p, e->pos.start, "expected type %s in %s, got %s", gv_value_type_text(wanted), context,
                          gv_value_type_text(e->type));
}

/* ---- Selectors ---- */

static bool check_named_once(struct gv_parser *p, struct gv_expr *e)
{
    const struct gv_selector *s = &e->selector;
    for (size_t i = 0; i + 1 < s->n_matchers; i++) {
        if (gv_slice_eq(s->matchers[i].name, GV_LABEL_NAME))
            return gv_parser_fail(p, e->pos.start, "metric name must not be set twice: %s or %s",
                                  gv_parser_quote(p, s->name), gv_parser_quote(p, s->matchers[i].value));
    }
    return true;
}

static bool check_selector(struct gv_parser *p, struct gv_expr *e, bool may_match_all)
{
    e->type = GV_TYPE_VECTOR;
    if (e->selector.name.n)
        return check_named_once(p, e);
    return may_match_all || !gv_parser_matches_all(&e->selector) ||
           gv_parser_fail(p, e->pos.start, "vector selector must contain at least one non-empty matcher");
}

/* ---- Calls ---- */

static bool check_count(struct gv_parser *p, const struct gv_expr *e)
{
    const struct gv_function *f = e->call.function;
    size_t least = f->variadic ? f->n_args - 1 : f->n_args;
    if (!f->variadic && e->call.n_args != least)
        return gv_parser_fail(p, e->pos.start, "expected %zu argument(s) in call to \"%s\", got %zu", least, f->name,
                              e->call.n_args);
    if (e->call.n_args < least)
        return gv_parser_fail(p, e->pos.start, "expected at least %zu argument(s) in call to \"%s\", got %zu", least,
                              f->name, e->call.n_args);
    if (f->variadic > 0 && e->call.n_args > least + (size_t)f->variadic)
        return gv_parser_fail(p, e->pos.start, "expected at most %zu argument(s) in call to \"%s\", got %zu",
                              least + (size_t)f->variadic, f->name, e->call.n_args);
    return true;
}

/* The type of a node that is not checked yet. */
static enum gv_value_type type_of(const struct gv_expr *e)
{
    switch (e->kind) {
    case GV_EXPR_PAREN:
        return type_of(e->paren.expr);
    case GV_EXPR_UNARY:
        return type_of(e->unary.expr);
    case GV_EXPR_BINARY:
        return type_of(e->binary.lhs) == GV_TYPE_SCALAR && type_of(e->binary.rhs) == GV_TYPE_SCALAR ? GV_TYPE_SCALAR
                                                                                                    : GV_TYPE_VECTOR;
    case GV_EXPR_NUMBER:
        return GV_TYPE_SCALAR;
    case GV_EXPR_STRING:
        return GV_TYPE_STRING;
    case GV_EXPR_MATRIX:
    case GV_EXPR_SUBQUERY:
        return GV_TYPE_MATRIX;
    case GV_EXPR_CALL:
        return e->call.function->returns;
    default:
        return GV_TYPE_VECTOR;
    }
}

/* The second argument of info() is no selection but a list of matchers in braces. */
static bool check_info(struct gv_parser *p, const struct gv_expr *e)
{
    const struct gv_expr *arg = e->call.args[1];
    if (type_of(arg) != GV_TYPE_VECTOR)
        return gv_parser_fail(p, e->pos.start, "expected type instant vector in call to function \"info\", got %s",
                              gv_value_type_text(type_of(arg)));
    if (arg->kind != GV_EXPR_SELECTOR)
        return gv_parser_fail(p, arg->pos.start, "expected label selectors only");
    return !arg->selector.name.n ||
           gv_parser_fail(p, arg->pos.start, "expected label selectors only, got vector selector instead");
}

static bool check_call(struct gv_parser *p, struct gv_expr *e)
{
    const struct gv_function *f = e->call.function;
    bool is_info = strcmp(f->name, "info") == 0;
    e->type = f->returns;
    if (!check_count(p, e) || (is_info && e->call.n_args > 1 && !check_info(p, e)))
        return false;
    for (size_t i = 0; i < e->call.n_args; i++) {
        struct gv_expr *arg = e->call.args[i];
        enum gv_value_type wanted = f->args[i < f->n_args ? i : f->n_args - 1];
        if (is_info && i == 1 ? !check_selector(p, arg, true) : !check(p, arg))
            return false;
        if (arg->type != wanted)
            return gv_parser_fail(p, arg->pos.start, "expected type %s in call to function \"%s\", got %s",
                                  gv_value_type_text(wanted), f->name, gv_value_type_text(arg->type));
    }
    return true;
}

static bool check_aggregate(struct gv_parser *p, struct gv_expr *e)
{
    e->type = GV_TYPE_VECTOR;
    return expect(p, e->aggregate.expr, GV_TYPE_VECTOR, "aggregation expression") &&
           (!e->aggregate.param || expect(p, e->aggregate.param, e->aggregate.op->param, "aggregation parameter"));
}

/* ---- Operators ---- */

static uint32_t operator_start(const struct gv_parser *p, const struct gv_expr *e)
{
    uint32_t at = e->binary.lhs->pos.end;
    while (gv_scan_is_blank(gv_scan_peek(p->lexer.text, at)))
        at++;
    return at;
}

static bool is_operand(enum gv_value_type t)
{
    return t == GV_TYPE_SCALAR || t == GV_TYPE_VECTOR;
}

/* Lists may be as long as a query: no comparison of each with each. */
static bool check_labels_apart(struct gv_parser *p, const struct gv_expr *e)
{
    const struct gv_matching *m = &e->binary.matching;
    if (!m->on || !m->n_include)
        return true;
    struct gv_map included;
    gv_map_init(&included, p->arena);
    for (size_t i = 0; i < m->n_include; i++)
        gv_map_put(&included, m->include[i], &m->include[i]);
    for (size_t i = 0; i < m->n_labels; i++) {
        if (gv_map_find(&included, m->labels[i]))
            return gv_parser_fail(p, operator_start(p, e), "label %s must not occur in ON and GROUP clause at once",
                                  gv_parser_quote(p, m->labels[i]));
    }
    return true;
}

static bool check_operator(struct gv_parser *p, const struct gv_expr *e)
{
    enum gv_op op = e->binary.op;
    const struct gv_expr *lhs = e->binary.lhs, *rhs = e->binary.rhs;
    bool scalars = lhs->type == GV_TYPE_SCALAR && rhs->type == GV_TYPE_SCALAR;
    if (e->binary.returns_bool && !gv_op_is_comparison(op))
        return gv_parser_fail(p, operator_start(p, e), "bool modifier can only be used on comparison operators");
    if (gv_op_is_comparison(op) && !e->binary.returns_bool && scalars)
        return gv_parser_fail(p, operator_start(p, e), "comparisons between scalars must use BOOL modifier");
    if (!check_labels_apart(p, e))
        return false;
    if (!is_operand(lhs->type) || !is_operand(rhs->type))
        return gv_parser_fail(p, is_operand(lhs->type) ? rhs->pos.start : lhs->pos.start,
                              "binary expression must contain only scalar and instant vector types");
    return true;
}

/* Matching stands only between two vectors; elsewhere what is left of it (`on ()`) says nothing. */
static bool drop_matching(struct gv_parser *p, struct gv_expr *e)
{
    const struct gv_matching *m = &e->binary.matching;
    if (m->n_labels)
        return gv_parser_fail(p, e->pos.start, "vector matching only allowed between instant vectors");
    if (m->has_fill_left || m->has_fill_right)
        return gv_parser_fail(p, e->pos.start, "filling in missing series only allowed between instant vectors");
    if (gv_op_is_set(e->binary.op))
        return gv_parser_fail(p, e->pos.start, "set operator \"%s\" not allowed in binary scalar expression",
                              gv_op_text(e->binary.op));
    e->binary.matching = (struct gv_matching){0};
    return true;
}

static bool check_set_matching(struct gv_parser *p, struct gv_expr *e)
{
    struct gv_matching *m = &e->binary.matching;
    if (m->card != GV_ONE_TO_ONE)
        return gv_parser_fail(p, e->pos.start, "no grouping allowed for \"%s\" operation", gv_op_text(e->binary.op));
    if (m->has_fill_left || m->has_fill_right)
        return gv_parser_fail(p, e->pos.start, "filling in missing series not allowed for set operators");
    m->card = GV_MANY_TO_MANY;
    return true;
}

static bool check_binary(struct gv_parser *p, struct gv_expr *e)
{
    struct gv_expr *lhs = e->binary.lhs, *rhs = e->binary.rhs;
    if (!check(p, lhs) || !check(p, rhs) || !check_operator(p, e))
        return false;
    bool scalars = lhs->type == GV_TYPE_SCALAR && rhs->type == GV_TYPE_SCALAR;
    e->type = scalars ? GV_TYPE_SCALAR : GV_TYPE_VECTOR;
    if (lhs->type != GV_TYPE_VECTOR || rhs->type != GV_TYPE_VECTOR)
        return drop_matching(p, e);
    return !gv_op_is_set(e->binary.op) || check_set_matching(p, e);
}

static bool check_unary(struct gv_parser *p, struct gv_expr *e)
{
    if (!check(p, e->unary.expr))
        return false;
    e->type = e->unary.expr->type;
    return is_operand(e->type) ||
           gv_parser_fail(p, e->pos.start,
                          "unary expression only allowed on expressions of type scalar or instant vector, got \"%s\"",
                          gv_value_type_text(e->type));
}

static bool check_subquery(struct gv_parser *p, struct gv_expr *e)
{
    e->type = GV_TYPE_MATRIX;
    if (!check(p, e->subquery.expr))
        return false;
    enum gv_value_type type = e->subquery.expr->type;
    return type == GV_TYPE_VECTOR ||
           gv_parser_fail(p, e->pos.start, "subquery is only allowed on instant vector, got %s instead",
                          gv_value_type_short(type));
}

/* Recursion is bounded: the parser makes no tree higher than GV_QUERY_MAX_DEPTH. */
static bool check(struct gv_parser *p, struct gv_expr *e)
{
    switch (e->kind) {
    case GV_EXPR_NUMBER:
    case GV_EXPR_DURATION:
        e->type = GV_TYPE_SCALAR;
        return true;
    case GV_EXPR_STRING:
        e->type = GV_TYPE_STRING;
        return true;
    case GV_EXPR_SELECTOR:
        return check_selector(p, e, false);
    case GV_EXPR_MATRIX:
        e->type = GV_TYPE_MATRIX;
        return check_selector(p, e->matrix.selector, false);
    case GV_EXPR_SUBQUERY:
        return check_subquery(p, e);
    case GV_EXPR_CALL:
        return check_call(p, e);
    case GV_EXPR_AGGREGATE:
        return check_aggregate(p, e);
    case GV_EXPR_BINARY:
        return check_binary(p, e);
    case GV_EXPR_UNARY:
        return check_unary(p, e);
    case GV_EXPR_PAREN:
        if (!check(p, e->paren.expr))
            return false;
        e->type = e->paren.expr->type;
        return true;
    case GV_EXPR_FEED:
        break; /* never parsed */
    }
    return true;
}

bool gv_parser_check(struct gv_parser *p, struct gv_expr *e)
{
    return check(p, e);
}
