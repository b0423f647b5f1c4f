/* What stands behind an operand and moves it in time: `[range]`, `[range:step]`, `offset`, `@`, `anchored`, `smoothed`.
 * The last four change the selector or subquery before them. */
#include "promql/parser.h"
#include <math.h>

/* Milliseconds of a duration in seconds; sub-millisecond parts fall away, as they do in Prometheus's evaluation. */
static int64_t to_ms(double seconds)
{
    double ns = round(seconds * 1e9);
    if (ns >= 0x1p63)
        return INT64_MAX / 1000000;
    return ns < -0x1p63 ? INT64_MIN / 1000000 : (int64_t)ns / 1000000;
}

/* ---- [range] and [range:step] ---- */

struct bracket {
    int64_t ms;
    struct gv_expr *expr; /* instead of ms */
};

/* A range below a millisecond is none: it would select nothing, and no text could say it again. */
static bool take_duration(struct gv_parser *p, struct bracket *b, bool may_vanish)
{
    struct gv_expr *e = gv_parser_duration(p);
    *b = (struct bracket){0, e};
    if (!e)
        return false;
    if (e->kind == GV_EXPR_DURATION)
        return !gv_parser_failed(p);
    gv_parser_peek(p); /* a bad token behind it is told first */
    *b = (struct bracket){to_ms(e->number.value), NULL};
    if (e->number.value <= 0 || (b->ms == 0 && !may_vanish))
        return gv_parser_fail(p, e->pos.start, "duration must be greater than 0");
    return true;
}

static bool check_ranged(struct gv_parser *p, const struct gv_expr *inner, uint32_t bracket)
{
    if (inner->kind != GV_EXPR_SELECTOR)
        return gv_parser_fail(p, bracket, "ranges only allowed for vector selectors");
    if (inner->selector.shift.offset_ms != 0)
        return gv_parser_fail(p, bracket, "no offset modifiers allowed before range");
    if (inner->selector.shift.at == GV_AT_TIME)
        return gv_parser_fail(p, bracket, "no @ modifiers allowed before range");
    return true;
}

static struct gv_expr *finish_matrix(struct gv_parser *p, struct gv_expr *inner, uint32_t bracket,
                                     const struct bracket *range)
{
    gv_parser_take(p);
    if (!check_ranged(p, inner, bracket))
        return NULL;
    struct gv_expr *e = gv_parser_node(p, GV_EXPR_MATRIX, inner->pos.start, p->last_end);
    e->matrix.selector = inner;
    e->matrix.range_ms = range->ms;
    e->matrix.range_expr = range->expr;
    return gv_parser_adopt(p, e, inner) ? e : NULL;
}

static struct gv_expr *finish_subquery(struct gv_parser *p, struct gv_expr *inner, const struct bracket *range)
{
    struct bracket step = {0};
    gv_parser_take(p);
    p->place = (struct gv_parse_place){"subquery selector", "number, duration, step(), range(), or \"]\""};
    if (gv_parser_peek(p) != GV_TOK_RIGHT_BRACKET) {
        if (!take_duration(p, &step, true))
            return NULL;
        p->place.expected = "\"]\"";
    }
    struct gv_token close;
    if (!gv_parser_expect(p, GV_TOK_RIGHT_BRACKET, &close))
        return NULL;
    struct gv_expr *e = gv_parser_node(p, GV_EXPR_SUBQUERY, inner->pos.start, close.end);
    e->subquery.expr = inner;
    e->subquery.range_ms = range->ms;
    e->subquery.range_expr = range->expr;
    e->subquery.step_ms = step.ms;
    e->subquery.step_expr = step.expr;
    return gv_parser_adopt(p, e, inner) ? e : NULL;
}

struct gv_expr *gv_parser_brackets(struct gv_parser *p, struct gv_expr *inner)
{
    struct gv_parse_place around = p->place;
    struct gv_token open = gv_parser_take(p);
    struct bracket range;
    struct gv_expr *e = NULL;
    p->place = (struct gv_parse_place){"subquery or range selector", "number, duration, step(), or range()"};
    if (!take_duration(p, &range, false))
        return NULL;
    if (gv_parser_peek(p) == GV_TOK_RIGHT_BRACKET)
        e = finish_matrix(p, inner, open.start, &range);
    else if (gv_parser_peek(p) == GV_TOK_COLON)
        e = finish_subquery(p, inner, &range);
    else
        gv_parser_unexpected_in(p, "subquery or range", "\":\" or \"]\"");
    p->place = around;
    return e;
}

/* ---- offset and @ ---- */

/* Where the modifiers of e are kept; fails where it can have none. */
static struct gv_time_shift *shift_of(struct gv_parser *p, struct gv_expr *e, const char *modifier)
{
    if (e->kind == GV_EXPR_SELECTOR)
        return &e->selector.shift;
    if (e->kind == GV_EXPR_MATRIX)
        return &e->matrix.selector->selector.shift;
    if (e->kind == GV_EXPR_SUBQUERY)
        return &e->subquery.shift;
    gv_parser_fail(p, e->pos.start,
                   "%s modifier must be preceded by an instant vector selector or range vector selector or a subquery",
                   modifier);
    return NULL;
}

bool gv_parser_offset(struct gv_parser *p, struct gv_expr *e)
{
    struct gv_parse_place around = p->place;
    gv_parser_take(p);
    p->place = (struct gv_parse_place){"offset", "number, duration, step(), or range()"};
    struct gv_expr *offset = gv_parser_offset_duration(p);
    p->place = around;
    if (!offset)
        return false;
    struct gv_time_shift *shift = shift_of(p, e, "offset");
    if (!shift)
        return false;
    if (shift->offset_ms != 0 || shift->offset_expr)
        return gv_parser_fail(p, e->pos.start, "offset may not be set multiple times");
    e->pos.end = p->last_end;
    if (offset->kind == GV_EXPR_DURATION)
        shift->offset_expr = offset;
    else
        shift->offset_ms = to_ms(offset->number.value);
    return true;
}

static bool set_at(struct gv_parser *p, struct gv_expr *e, enum gv_at_kind at, int64_t ms)
{
    struct gv_time_shift *shift = shift_of(p, e, "@");
    if (!shift)
        return false;
    if (shift->at != GV_AT_NONE)
        return gv_parser_fail(p, e->pos.start, "@ <timestamp> may not be set multiple times");
    shift->at = at;
    shift->at_ms = ms;
    e->pos.end = p->last_end;
    return true;
}

static const char *float_text(struct gv_parser *p, double v)
{
    if (isnan(v))
        return "NaN";
    if (isinf(v))
        return v > 0 ? "+Inf" : "-Inf";
    return gv_arena_printf(p->arena, "%f", v);
}

static bool take_at_time(struct gv_parser *p, struct gv_expr *e)
{
    double seconds;
    if (!gv_parser_signed_number(p, &seconds))
        return false;
    double ms = round(seconds * 1000);
    if (!(ms > -0x1p63 && ms < 0x1p63))
        return gv_parser_fail(p, e->pos.start, "timestamp out of bounds for @ modifier: %s", float_text(p, seconds));
    return set_at(p, e, GV_AT_TIME, (int64_t)ms);
}

static bool take_at_end(struct gv_parser *p, struct gv_expr *e)
{
    struct gv_token word = gv_parser_take(p), t;
    return gv_parser_expect(p, GV_TOK_LEFT_PAREN, &t) && gv_parser_expect(p, GV_TOK_RIGHT_PAREN, &t) &&
           set_at(p, e, word.kind == GV_TOK_START ? GV_AT_START : GV_AT_END, 0);
}

bool gv_parser_at(struct gv_parser *p, struct gv_expr *e)
{
    struct gv_parse_place around = p->place;
    gv_parser_take(p);
    p->place = (struct gv_parse_place){"@", "timestamp"};
    enum gv_token_kind kind = gv_parser_peek(p);
    bool good = kind == GV_TOK_START || kind == GV_TOK_END ? take_at_end(p, e) : take_at_time(p, e);
    p->place = around;
    return good;
}

/* ---- anchored and smoothed ---- */

bool gv_parser_extended(struct gv_parser *p, struct gv_expr *e)
{
    struct gv_token word = gv_parser_take(p);
    enum gv_range_kind kind = word.kind == GV_TOK_ANCHORED ? GV_RANGE_ANCHORED : GV_RANGE_SMOOTHED;
    const char *name = gv_token_kind_text(word.kind);
    if (!(p->features & GV_FEATURE_EXTENDED_RANGE_SELECTORS))
        return gv_parser_fail(p, e->pos.start, "%s modifier is experimental and not enabled", name);
    if (e->kind == GV_EXPR_SUBQUERY)
        return gv_parser_fail(p, e->pos.start, "%s modifier is not supported for subqueries", name);
    if (e->kind != GV_EXPR_SELECTOR && e->kind != GV_EXPR_MATRIX)
        return gv_parser_fail(p, e->pos.start, "%s modifier not implemented", name);
    struct gv_selector *s = e->kind == GV_EXPR_MATRIX ? &e->matrix.selector->selector : &e->selector;
    if (s->extended != GV_RANGE_PLAIN && s->extended != kind)
        return gv_parser_fail(p, e->pos.start, "anchored and smoothed modifiers cannot be used together");
    s->extended = kind;
    return true;
}
