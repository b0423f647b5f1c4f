/* The parser: text in, typed tree out.
 *
 *   gv_promql_parse ─► expr ─► operand ─► primary: literal, selector, call, aggregation, parentheses, sign
 *                        ▲        └─► suffixes: [range], offset, @, anchored, smoothed
 *                        └── operators by precedence, with their modifiers (parser_binary.c)
 *
 * then types.c over the finished tree. The first error ends the work. */
#include "promql/parser.h"
#include "promql/functions.h"
#include "promql/scan.h"
#include <stdarg.h>
#include <stdio.h>

/* ---- Tokens and errors ---- */

void gv_parser_init(struct gv_parser *p, struct gv_arena *a, struct gv_slice text, unsigned features)
{
    *p = (struct gv_parser){.arena = a, .features = features, .place = {"", ""}};
    gv_lexer_init(&p->lexer, a, text);
}

bool gv_parser_finish(struct gv_parser *p, struct gv_err *err)
{
    if (gv_parser_failed(p) && err && err->code == GV_OK)
        *err = p->err;
    return !gv_parser_failed(p);
}

enum gv_token_kind gv_parser_peek(struct gv_parser *p)
{
    if (!p->peeked) {
        p->token = gv_lexer_next(&p->lexer);
        p->peeked = true;
        if (p->token.kind == GV_TOK_ERROR)
            gv_parser_fail(p, p->token.start, "%.*s", GV_ARG(p->token.text));
    }
    return p->token.kind;
}

struct gv_token gv_parser_take(struct gv_parser *p)
{
    gv_parser_peek(p);
    p->peeked = p->token.kind == GV_TOK_ERROR || p->token.kind == GV_TOK_EOF; /* these two stay */
    p->last_end = p->token.end;
    return p->token;
}

bool gv_parser_expect(struct gv_parser *p, enum gv_token_kind kind, struct gv_token *taken)
{
    if (gv_parser_peek(p) != kind)
        return gv_parser_unexpected(p);
    *taken = gv_parser_take(p);
    return true;
}

bool gv_parser_fail(struct gv_parser *p, uint32_t start, const char *fmt, ...)
{
    if (gv_parser_failed(p))
        return false;
    va_list args;
    va_start(args, fmt);
    gv_vfail(&p->err, GV_BAD_DATA, fmt, args);
    va_end(args);
    if (!p->lexer.text.n)
        return gv_err_prefix(&p->err, "unknown position: parse error: ");
    unsigned line, col;
    gv_promql_line_col(p->lexer.text, start, &line, &col);
    return gv_err_prefix(&p->err, "%u:%u: parse error: ", line, col);
}

bool gv_parser_unexpected_in(struct gv_parser *p, const char *where, const char *expected)
{
    struct gv_buf said = GV_BUF_INIT;
    gv_parser_peek(p);
    gv_token_describe(&said, &p->token);
    gv_parser_fail(p, p->token.start, "unexpected %s%s%s%s%s", gv_buf_cstr(&said), *where ? " in " : "", where,
                   *expected ? ", expected " : "", expected);
    gv_buf_fini(&said);
    return false;
}

bool gv_parser_unexpected(struct gv_parser *p)
{
    return gv_parser_unexpected_in(p, p->place.where, p->place.expected);
}

const char *gv_parser_quote(struct gv_parser *p, struct gv_slice text)
{
    struct gv_buf quoted = GV_BUF_INIT;
    gv_buf_add_quoted(&quoted, text);
    const char *said = gv_arena_dup(p->arena, gv_buf_slice(&quoted)).p;
    gv_buf_fini(&quoted);
    return said;
}

void gv_promql_line_col(struct gv_slice text, uint32_t offset, unsigned *line, unsigned *col)
{
    *line = *col = 1;
    for (size_t i = 0; i < offset && i < text.n; i++) {
        bool newline = text.p[i] == '\n';
        *line += newline;
        *col = newline ? 1 : *col + 1;
    }
}

/* ---- Nodes ---- */

/* Only the parser needs the height: trees stay low because none is ever made higher. */
struct node {
    unsigned height;
    struct gv_expr expr;
};

struct gv_expr *gv_parser_node(struct gv_parser *p, enum gv_expr_kind kind, uint32_t start, uint32_t end)
{
    struct node *n = gv_arena_new(p->arena, struct node);
    n->height = 1;
    n->expr.kind = kind;
    n->expr.pos = (struct gv_pos_range){start, end};
    return &n->expr;
}

static bool too_deep(struct gv_parser *p, uint32_t start)
{
    return gv_parser_fail(p, start, "the expression is nested more than %d levels deep", GV_QUERY_MAX_DEPTH);
}

bool gv_parser_adopt(struct gv_parser *p, struct gv_expr *parent, struct gv_expr *child)
{
    struct node *above = container_of(parent, struct node, expr);
    const struct node *below = container_of(child, struct node, expr);
    if (above->height <= below->height)
        above->height = below->height + 1;
    return above->height <= GV_QUERY_MAX_DEPTH || too_deep(p, child->pos.start);
}

bool gv_parser_enter(struct gv_parser *p)
{
    return ++p->depth <= GV_QUERY_MAX_DEPTH || too_deep(p, p->last_end);
}

/* ---- Operators ---- */

static const struct {
    enum gv_token_kind token;
    enum gv_op op;
} operators[] = {
    {GV_TOK_LOR, GV_OP_OR},
    {GV_TOK_LAND, GV_OP_AND},
    {GV_TOK_LUNLESS, GV_OP_UNLESS},
    {GV_TOK_EQLC, GV_OP_EQ},
    {GV_TOK_NEQ, GV_OP_NE},
    {GV_TOK_LSS, GV_OP_LT},
    {GV_TOK_GTR, GV_OP_GT},
    {GV_TOK_LTE, GV_OP_LE},
    {GV_TOK_GTE, GV_OP_GE},
    {GV_TOK_TRIM_UPPER, GV_OP_TRIM_UPPER},
    {GV_TOK_TRIM_LOWER, GV_OP_TRIM_LOWER},
    {GV_TOK_ADD, GV_OP_ADD},
    {GV_TOK_SUB, GV_OP_SUB},
    {GV_TOK_MUL, GV_OP_MUL},
    {GV_TOK_DIV, GV_OP_DIV},
    {GV_TOK_MOD, GV_OP_MOD},
    {GV_TOK_ATAN2, GV_OP_ATAN2},
    {GV_TOK_POW, GV_OP_POW},
};

enum gv_op gv_parser_operator(enum gv_token_kind kind)
{
    for (size_t i = 0; i < GV_COUNT(operators); i++) {
        if (operators[i].token == kind)
            return operators[i].op;
    }
    return GV_OP_NONE;
}

static struct gv_expr *finish_binary(struct gv_parser *p, struct gv_expr *lhs, enum gv_op op)
{
    gv_parser_take(p);
    struct gv_expr *e = gv_parser_node(p, GV_EXPR_BINARY, lhs->pos.start, lhs->pos.end);
    e->binary.op = op;
    e->binary.lhs = lhs;
    if (!gv_parser_modifiers(p, e))
        return NULL;
    e->binary.rhs = gv_parser_expr(p, gv_parser_right_floor(op));
    if (!e->binary.rhs || !gv_parser_adopt(p, e, lhs) || !gv_parser_adopt(p, e, e->binary.rhs))
        return NULL;
    e->pos.end = e->binary.rhs->pos.end;
    bool fills = e->binary.matching.has_fill_left || e->binary.matching.has_fill_right;
    if (fills && !(p->features & GV_FEATURE_BINOP_FILL_MODIFIERS)) {
        gv_parser_fail(p, e->pos.start, "binop fill modifiers are experimental and not enabled");
        return NULL;
    }
    return e;
}

/* ---- Words ---- */

/* A word that can stand at the start of an expression, where no parenthesis follows it: a metric's name. */
bool gv_parser_is_metric_word(enum gv_token_kind kind)
{
    switch (kind) {
    case GV_TOK_IDENTIFIER:
    case GV_TOK_METRIC_IDENTIFIER:
    case GV_TOK_LAND:
    case GV_TOK_LOR:
    case GV_TOK_LUNLESS:
    case GV_TOK_BY:
    case GV_TOK_WITHOUT:
    case GV_TOK_OFFSET:
    case GV_TOK_FILL:
    case GV_TOK_FILL_LEFT:
    case GV_TOK_FILL_RIGHT:
    case GV_TOK_ANCHORED:
    case GV_TOK_SMOOTHED:
        return true;
    default:
        return gv_token_class(kind) == GV_CLASS_AGGREGATOR || gv_token_class(kind) == GV_CLASS_PREPROCESSOR;
    }
}

bool gv_parser_starts_expr(enum gv_token_kind kind)
{
    switch (kind) {
    case GV_TOK_LEFT_PAREN:
    case GV_TOK_LEFT_BRACE:
    case GV_TOK_NUMBER:
    case GV_TOK_DURATION:
    case GV_TOK_STRING:
    case GV_TOK_ADD:
    case GV_TOK_SUB:
        return true;
    default:
        return gv_parser_is_metric_word(kind);
    }
}

/* ---- Operands ---- */

static struct gv_expr *parse_string(struct gv_parser *p)
{
    struct gv_token t = gv_parser_take(p);
    struct gv_expr *e = gv_parser_node(p, GV_EXPR_STRING, t.start, t.end);
    e->string.value = gv_arena_dup(p->arena, gv_scan_unquote(p->arena, t.text));
    return e;
}

static struct gv_expr *parse_paren(struct gv_parser *p)
{
    struct gv_token open = gv_parser_take(p), close;
    struct gv_expr *inner = gv_parser_expr(p, 0);
    if (!inner || !gv_parser_expect(p, GV_TOK_RIGHT_PAREN, &close))
        return NULL;
    struct gv_expr *e = gv_parser_node(p, GV_EXPR_PAREN, open.start, close.end);
    e->paren.expr = inner;
    return gv_parser_adopt(p, e, inner) ? e : NULL;
}

/* A sign binds weaker than ^ and stronger than *; that of a number becomes part of it. */
static struct gv_expr *parse_sign(struct gv_parser *p)
{
    struct gv_token sign = gv_parser_take(p);
    struct gv_expr *operand = gv_parser_expr(p, GV_PREC_POW);
    if (!operand)
        return NULL;
    if (operand->kind == GV_EXPR_NUMBER) {
        if (sign.kind == GV_TOK_SUB)
            operand->number.value = -operand->number.value;
        operand->pos.start = sign.start;
        return operand;
    }
    struct gv_expr *e = gv_parser_node(p, GV_EXPR_UNARY, sign.start, operand->pos.end);
    e->unary.op = sign.kind == GV_TOK_SUB ? GV_OP_SUB : GV_OP_ADD;
    e->unary.expr = operand;
    return gv_parser_adopt(p, e, operand) ? e : NULL;
}

struct arguments {
    struct gv_expr **items;
    size_t n, cap;
};

static bool parse_arguments(struct gv_parser *p, struct arguments *args)
{
    struct gv_token t;
    *args = (struct arguments){0};
    if (!gv_parser_expect(p, GV_TOK_LEFT_PAREN, &t))
        return false;
    if (gv_parser_peek(p) == GV_TOK_RIGHT_PAREN) {
        gv_parser_take(p);
        return true;
    }
    for (;;) {
        struct gv_expr *arg = gv_parser_expr(p, 0);
        if (!arg)
            return false;
        gv_push(p->arena, args->items, args->n, args->cap) = arg;
        if (gv_parser_peek(p) != GV_TOK_COMMA)
            return gv_parser_expect(p, GV_TOK_RIGHT_PAREN, &t);
        struct gv_token comma = gv_parser_take(p);
        if (!gv_parser_starts_expr(gv_parser_peek(p)))
            return gv_parser_fail(p, comma.start, "trailing commas not allowed in function call args");
    }
}

static struct gv_expr *parse_call(struct gv_parser *p, const struct gv_token *name)
{
    struct arguments args;
    if (!parse_arguments(p, &args))
        return NULL;
    struct gv_expr *e = gv_parser_node(p, GV_EXPR_CALL, name->start, p->last_end);
    e->call.function = gv_function_named(name->text);
    e->call.args = args.items;
    e->call.n_args = args.n;
    if (!e->call.function) {
        gv_parser_fail(p, name->start, "unknown function with name %s", gv_parser_quote(p, name->text));
        return NULL;
    }
    if (e->call.function->flags & GV_FN_EXPERIMENTAL && !(p->features & GV_FEATURE_EXPERIMENTAL_FUNCTIONS)) {
        gv_parser_fail(p, name->start, "function %s is not enabled", gv_parser_quote(p, name->text));
        return NULL;
    }
    for (size_t i = 0; i < args.n; i++) {
        if (!gv_parser_adopt(p, e, args.items[i]))
            return NULL;
    }
    return e;
}

/* ---- Aggregations ---- */

static bool parse_grouping(struct gv_parser *p, struct gv_expr *e)
{
    enum gv_token_kind kind = gv_parser_peek(p);
    if (kind != GV_TOK_BY && kind != GV_TOK_WITHOUT)
        return true;
    gv_parser_take(p);
    e->aggregate.without = kind == GV_TOK_WITHOUT;
    e->aggregate.grouping_written = true;
    return gv_parser_grouping(p, &e->aggregate.grouping, &e->aggregate.n_grouping);
}

static bool place_arguments(struct gv_parser *p, struct gv_expr *e, const struct arguments *args)
{
    const struct gv_aggregation *op = e->aggregate.op;
    size_t wanted = op->param == GV_TYPE_NONE ? 1 : 2;
    if (args->n == 0)
        return gv_parser_fail(p, e->pos.start, "no arguments for aggregate expression provided");
    if (op->experimental && !(p->features & GV_FEATURE_EXPERIMENTAL_FUNCTIONS))
        return gv_parser_fail(p, e->pos.start,
                              "%s() is experimental and must be enabled with "
                              "--enable-feature=promql-experimental-functions",
                              op->name);
    if (args->n != wanted)
        return gv_parser_fail(p, e->pos.start,
                              "wrong number of arguments for aggregate expression provided, expected %zu, got %zu",
                              wanted, args->n);
    if (wanted == 2)
        e->aggregate.param = args->items[0];
    e->aggregate.expr = args->items[wanted - 1];
    return gv_parser_adopt(p, e, args->items[0]) && gv_parser_adopt(p, e, e->aggregate.expr);
}

/* Errors inside an aggregation say "in aggregation", unless something nearer says better. */
static struct gv_expr *parse_aggregate(struct gv_parser *p, const struct gv_token *name)
{
    struct gv_parse_place around = p->place;
    p->place = (struct gv_parse_place){"aggregation", ""};
    struct gv_expr *e = gv_parser_node(p, GV_EXPR_AGGREGATE, name->start, name->end);
    e->aggregate.op = gv_aggregation_named(name->text);
    struct arguments args;
    if (!parse_grouping(p, e) || !parse_arguments(p, &args))
        return NULL;
    p->place = around;
    if (!e->aggregate.grouping_written && !parse_grouping(p, e))
        return NULL;
    e->pos.end = p->last_end;
    return place_arguments(p, e, &args) ? e : NULL;
}

static struct gv_expr *parse_word(struct gv_parser *p)
{
    struct gv_token word = gv_parser_take(p);
    enum gv_token_class class = gv_token_class(word.kind);
    enum gv_token_kind next = gv_parser_peek(p);
    if (class == GV_CLASS_AGGREGATOR && (next == GV_TOK_LEFT_PAREN || next == GV_TOK_BY || next == GV_TOK_WITHOUT))
        return parse_aggregate(p, &word);
    if (next == GV_TOK_LEFT_PAREN && (word.kind == GV_TOK_IDENTIFIER || class == GV_CLASS_PREPROCESSOR))
        return parse_call(p, &word);
    return gv_parser_selector(p, &word);
}

static struct gv_expr *parse_primary(struct gv_parser *p)
{
    switch (gv_parser_peek(p)) {
    case GV_TOK_LEFT_PAREN:
        return parse_paren(p);
    case GV_TOK_LEFT_BRACE:
        return gv_parser_selector(p, NULL);
    case GV_TOK_NUMBER:
    case GV_TOK_DURATION:
        return gv_parser_number(p);
    case GV_TOK_STRING:
        return parse_string(p);
    case GV_TOK_ADD:
    case GV_TOK_SUB:
        return parse_sign(p);
    default:
        break;
    }
    if (gv_parser_is_metric_word(gv_parser_peek(p)))
        return parse_word(p);
    gv_parser_unexpected(p);
    return NULL;
}

static struct gv_expr *parse_operand(struct gv_parser *p)
{
    struct gv_expr *e = parse_primary(p);
    while (e && !gv_parser_failed(p)) {
        switch (gv_parser_peek(p)) {
        case GV_TOK_LEFT_BRACKET:
            e = gv_parser_brackets(p, e);
            break;
        case GV_TOK_OFFSET:
            gv_parser_offset(p, e);
            break;
        case GV_TOK_AT:
            gv_parser_at(p, e);
            break;
        case GV_TOK_ANCHORED:
        case GV_TOK_SMOOTHED:
            gv_parser_extended(p, e);
            break;
        default:
            return gv_parser_failed(p) ? NULL : e;
        }
    }
    return NULL;
}

struct gv_expr *gv_parser_expr(struct gv_parser *p, unsigned floor)
{
    if (!gv_parser_enter(p))
        return NULL;
    struct gv_expr *e = parse_operand(p);
    enum gv_op op;
    while (e && (op = gv_parser_operator(gv_parser_peek(p))) && gv_op_precedence(op) >= floor)
        e = finish_binary(p, e, op);
    gv_parser_leave(p);
    return gv_parser_failed(p) ? NULL : e;
}

/* ---- Entry ---- */

bool gv_parser_check_length(struct gv_parser *p)
{
    if (p->lexer.text.n <= GV_QUERY_MAX_BYTES)
        return true;
    return gv_fail(&p->err, GV_BAD_DATA, "the query is %zu bytes long; at most %d are taken", p->lexer.text.n,
                   GV_QUERY_MAX_BYTES);
}

static struct gv_expr *parse_all(struct gv_parser *p)
{
    if (gv_parser_peek(p) == GV_TOK_EOF) {
        gv_parser_fail(p, 0, "no expression found in input");
        return NULL;
    }
    struct gv_expr *e = gv_parser_expr(p, 0);
    if (!e)
        return NULL;
    if (gv_parser_peek(p) == GV_TOK_EOF)
        return e;
    gv_parser_unexpected(p);
    return NULL;
}

struct gv_expr *gv_promql_parse(struct gv_arena *a, struct gv_slice text, unsigned features, struct gv_err *err)
{
    struct gv_parser p;
    gv_parser_init(&p, a, text, features);
    struct gv_expr *e = gv_parser_check_length(&p) ? parse_all(&p) : NULL;
    bool good = e && gv_parser_check(&p, e);
    return gv_parser_finish(&p, err) && good ? e : NULL;
}
