/* Numbers, durations, and duration expressions: `5m * 2`, `min_of(step(), 1h)`, `-(1m + 2m)`. */
#include "base/duration.h"
#include "promql/parser.h"
#include "promql/scan.h"

static struct gv_expr *fail(struct gv_parser *p, uint32_t start, const char *message)
{
    gv_parser_fail(p, start, "%s", message);
    return NULL;
}

static bool is_sign(enum gv_token_kind kind)
{
    return kind == GV_TOK_ADD || kind == GV_TOK_SUB;
}

struct gv_expr *gv_parser_number(struct gv_parser *p)
{
    struct gv_token t = gv_parser_take(p);
    struct gv_expr *e = gv_parser_node(p, GV_EXPR_NUMBER, t.start, t.end);
    e->number.is_duration = t.kind == GV_TOK_DURATION;
    if (t.kind == GV_TOK_NUMBER) {
        const char *wrong = gv_scan_value(p->arena, t.text, &e->number.value);
        return wrong ? fail(p, t.start, wrong) : e;
    }
    struct gv_err why = {0};
    int64_t ms;
    if (!gv_duration_parse(t.text, &ms, &why))
        return fail(p, t.start, why.msg);
    e->number.value = (double)ms / 1000;
    return e;
}

bool gv_parser_signed_number(struct gv_parser *p, double *value)
{
    enum gv_token_kind sign = gv_parser_peek(p);
    if (is_sign(sign))
        gv_parser_take(p);
    if (gv_parser_peek(p) != GV_TOK_NUMBER && gv_parser_peek(p) != GV_TOK_DURATION)
        return gv_parser_unexpected(p);
    const struct gv_expr *number = gv_parser_number(p);
    if (number)
        *value = sign == GV_TOK_SUB ? -number->number.value : number->number.value;
    return number;
}

/* A duration must fit 63 bits of nanoseconds. */
static bool is_in_range(double seconds)
{
    return seconds <= 9223372036.854775807 && seconds >= -9223372036.854775807;
}

static struct gv_expr *check_range(struct gv_parser *p, struct gv_expr *e, uint32_t start)
{
    return e && !is_in_range(e->number.value) ? fail(p, start, "duration out of range") : e;
}

static struct gv_expr *parse(struct gv_parser *p, unsigned floor);

static struct gv_expr *node(struct gv_parser *p, enum gv_op op, uint32_t start)
{
    struct gv_expr *e = gv_parser_node(p, GV_EXPR_DURATION, start, p->last_end);
    e->type = GV_TYPE_SCALAR;
    e->duration.op = op;
    return e;
}

static struct gv_expr *join(struct gv_parser *p, enum gv_op op, uint32_t start, struct gv_expr *lhs,
                            struct gv_expr *rhs)
{
    struct gv_expr *e = node(p, op, start);
    e->duration.lhs = lhs;
    e->duration.rhs = rhs;
    return (!lhs || gv_parser_adopt(p, e, lhs)) && gv_parser_adopt(p, e, rhs) ? e : NULL;
}

/* step() and range(). */
static struct gv_expr *parse_step(struct gv_parser *p)
{
    struct gv_token word = gv_parser_take(p), t;
    if (!gv_parser_expect(p, GV_TOK_LEFT_PAREN, &t) || !gv_parser_expect(p, GV_TOK_RIGHT_PAREN, &t))
        return NULL;
    return node(p, word.kind == GV_TOK_STEP ? GV_OP_STEP : GV_OP_RANGE, word.start);
}

/* min_of(a, b) and max_of(a, b). */
static struct gv_expr *parse_min_max(struct gv_parser *p)
{
    struct gv_token word = gv_parser_take(p), t;
    struct gv_expr *lhs, *rhs;
    if (!gv_parser_expect(p, GV_TOK_LEFT_PAREN, &t) || !(lhs = parse(p, 0)) || !gv_parser_expect(p, GV_TOK_COMMA, &t) ||
        !(rhs = parse(p, 0)) || !gv_parser_expect(p, GV_TOK_RIGHT_PAREN, &t))
        return NULL;
    return join(p, word.kind == GV_TOK_MIN_OF ? GV_OP_MIN : GV_OP_MAX, word.start, lhs, rhs);
}

static struct gv_expr *parse_paren(struct gv_parser *p)
{
    struct gv_token t = gv_parser_take(p);
    struct gv_expr *e = parse(p, 0);
    if (!e || !gv_parser_expect(p, GV_TOK_RIGHT_PAREN, &t))
        return NULL;
    if (e->kind == GV_EXPR_DURATION)
        e->duration.wrapped = true;
    return e;
}

/* A plus sign says nothing; a minus becomes part of a number, and a node above all else. */
static struct gv_expr *apply_sign(struct gv_parser *p, const struct gv_token *sign, struct gv_expr *e)
{
    if (!e)
        return NULL;
    if (e->kind == GV_EXPR_NUMBER) {
        if (sign->kind == GV_TOK_SUB)
            e->number.value = -e->number.value;
        e->pos.start = sign->start;
        return check_range(p, e, sign->start);
    }
    return sign->kind == GV_TOK_SUB ? join(p, GV_OP_SUB, sign->start, NULL, e) : e;
}

static struct gv_expr *parse_sign(struct gv_parser *p)
{
    struct gv_token sign = gv_parser_take(p);
    return apply_sign(p, &sign, parse(p, GV_PREC_POW));
}

/* One operand without a sign. */
static struct gv_expr *parse_unsigned(struct gv_parser *p)
{
    switch (gv_parser_peek(p)) {
    case GV_TOK_NUMBER:
    case GV_TOK_DURATION: {
        struct gv_expr *e = gv_parser_number(p);
        return e ? check_range(p, e, e->pos.start) : NULL;
    }
    case GV_TOK_STEP:
    case GV_TOK_RANGE:
        return parse_step(p);
    case GV_TOK_MIN_OF:
    case GV_TOK_MAX_OF:
        return parse_min_max(p);
    case GV_TOK_LEFT_PAREN:
        return parse_paren(p);
    default:
        gv_parser_unexpected(p);
        return NULL;
    }
}

static enum gv_op arithmetic(enum gv_token_kind kind, unsigned floor)
{
    enum gv_op op = gv_parser_operator(kind);
    return op >= GV_OP_ADD && op <= GV_OP_POW && gv_op_precedence(op) >= floor ? op : GV_OP_NONE;
}

static bool divides_by_zero(enum gv_op op, const struct gv_expr *rhs)
{
    return (op == GV_OP_DIV || op == GV_OP_MOD) && rhs->kind == GV_EXPR_NUMBER && rhs->number.value == 0;
}

/* e is the operand read already; goes on over operators from precedence floor on. */
static struct gv_expr *climb(struct gv_parser *p, struct gv_expr *e, unsigned floor)
{
    enum gv_op op;
    while (e && (op = arithmetic(gv_parser_peek(p), floor))) {
        struct gv_token t = gv_parser_take(p);
        struct gv_expr *rhs = parse(p, gv_parser_right_floor(op));
        if (!rhs)
            return NULL;
        if (divides_by_zero(op, rhs))
            return fail(p, t.start, op == GV_OP_DIV ? "division by zero" : "modulo by zero");
        e = join(p, op, e->pos.start, e, rhs);
    }
    return gv_parser_failed(p) ? NULL : e;
}

static struct gv_expr *parse(struct gv_parser *p, unsigned floor)
{
    if (!gv_parser_enter(p))
        return NULL;
    struct gv_expr *e = climb(p, is_sign(gv_parser_peek(p)) ? parse_sign(p) : parse_unsigned(p), floor);
    gv_parser_leave(p);
    return e;
}

struct gv_expr *gv_parser_duration(struct gv_parser *p)
{
    return parse(p, 0);
}

static struct gv_expr *parse_signed_offset(struct gv_parser *p)
{
    struct gv_token sign = gv_parser_take(p);
    enum gv_token_kind next = gv_parser_peek(p);
    if (is_sign(next))
        return climb(p, apply_sign(p, &sign, parse(p, GV_PREC_POW)), 0);
    bool number = next == GV_TOK_NUMBER || next == GV_TOK_DURATION;
    return apply_sign(p, &sign, number ? gv_parser_number(p) : parse_unsigned(p));
}

struct gv_expr *gv_parser_offset_duration(struct gv_parser *p)
{
    enum gv_token_kind kind = gv_parser_peek(p);
    struct gv_expr *e = kind == GV_TOK_LEFT_PAREN ? parse(p, 0)
                        : is_sign(kind)           ? parse_signed_offset(p)
                                                  : parse_unsigned(p);
    if (e && e->kind == GV_EXPR_DURATION && e->duration.lhs && e->duration.op < GV_OP_STEP)
        e->duration.wrapped = true; /* so that it prints as one operand */
    return e;
}
