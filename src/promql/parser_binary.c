/* What may stand between an operator and its right operand, and the label lists in it and in aggregations:
 *
 *   [bool] [on|ignoring (labels) [group_left|group_right [(labels)]]] [fill|fill_left|fill_right (number)]        */
#include "base/utf8.h"
#include "promql/parser.h"
#include "promql/scan.h"

static bool is_label_word(enum gv_token_kind kind)
{
    switch (gv_token_class(kind)) {
    case GV_CLASS_AGGREGATOR:
    case GV_CLASS_PREPROCESSOR:
        return true;
    case GV_CLASS_KEYWORD:
        return kind != GV_TOK_WITHOUT; /* Prometheus's list of keywords forgets it */
    default:
        return kind == GV_TOK_IDENTIFIER || kind == GV_TOK_METRIC_IDENTIFIER || kind == GV_TOK_LAND ||
               kind == GV_TOK_LOR || kind == GV_TOK_LUNLESS || kind == GV_TOK_ATAN2;
    }
}

static bool take_label(struct gv_parser *p, struct gv_slice *label)
{
    enum gv_token_kind kind = gv_parser_peek(p);
    if (kind != GV_TOK_STRING && !is_label_word(kind))
        return gv_parser_unexpected_in(p, "grouping opts", "label");
    struct gv_token t = gv_parser_take(p);
    struct gv_slice name = kind == GV_TOK_STRING ? gv_scan_unquote(p->arena, t.text) : t.text;
    *label = gv_arena_dup(p->arena, name);
    if (name.n == 0 || !gv_utf8_valid(name))
        return gv_parser_fail(p, t.start, "invalid label name for grouping: %s", gv_parser_quote(p, name));
    return true;
}

bool gv_parser_grouping(struct gv_parser *p, struct gv_slice **labels, size_t *n)
{
    size_t cap = 0;
    *labels = NULL;
    *n = 0;
    if (gv_parser_peek(p) != GV_TOK_LEFT_PAREN)
        return gv_parser_unexpected_in(p, "grouping opts", "\"(\"");
    gv_parser_take(p);
    while (gv_parser_peek(p) != GV_TOK_RIGHT_PAREN) {
        struct gv_slice label;
        if (!take_label(p, &label))
            return false;
        gv_push(p->arena, *labels, *n, cap) = label;
        if (gv_parser_peek(p) == GV_TOK_COMMA)
            gv_parser_take(p);
        else if (gv_parser_peek(p) != GV_TOK_RIGHT_PAREN)
            return gv_parser_unexpected_in(p, "grouping opts", "\",\" or \")\"");
    }
    gv_parser_take(p);
    return true;
}

static bool take_matching(struct gv_parser *p, struct gv_matching *m)
{
    enum gv_token_kind kind = gv_parser_peek(p);
    if (kind != GV_TOK_ON && kind != GV_TOK_IGNORING)
        return true;
    gv_parser_take(p);
    m->on = kind == GV_TOK_ON;
    m->written = true;
    if (!gv_parser_grouping(p, &m->labels, &m->n_labels))
        return false;
    kind = gv_parser_peek(p);
    if (kind != GV_TOK_GROUP_LEFT && kind != GV_TOK_GROUP_RIGHT)
        return true;
    gv_parser_take(p);
    m->card = kind == GV_TOK_GROUP_LEFT ? GV_MANY_TO_ONE : GV_ONE_TO_MANY;
    kind = gv_parser_peek(p);
    if (kind != GV_TOK_LEFT_PAREN && gv_parser_starts_expr(kind))
        return true;
    return gv_parser_grouping(p, &m->include, &m->n_include);
}

static bool take_fill_value(struct gv_parser *p, double *value)
{
    struct gv_token t;
    gv_parser_take(p);
    return gv_parser_expect(p, GV_TOK_LEFT_PAREN, &t) && gv_parser_signed_number(p, value) &&
           gv_parser_expect(p, GV_TOK_RIGHT_PAREN, &t);
}

static bool take_fill_left(struct gv_parser *p, struct gv_matching *m)
{
    m->has_fill_left = gv_parser_peek(p) == GV_TOK_FILL_LEFT;
    return !m->has_fill_left || take_fill_value(p, &m->fill_left);
}

static bool take_fill_right(struct gv_parser *p, struct gv_matching *m)
{
    m->has_fill_right = gv_parser_peek(p) == GV_TOK_FILL_RIGHT;
    return !m->has_fill_right || take_fill_value(p, &m->fill_right);
}

static bool take_fill(struct gv_parser *p, struct gv_matching *m)
{
    switch (gv_parser_peek(p)) {
    case GV_TOK_FILL:
        m->has_fill_left = m->has_fill_right = true;
        if (!take_fill_value(p, &m->fill_left))
            return false;
        m->fill_right = m->fill_left;
        return true;
    case GV_TOK_FILL_LEFT:
        return take_fill_left(p, m) && take_fill_right(p, m);
    case GV_TOK_FILL_RIGHT:
        return take_fill_right(p, m) && take_fill_left(p, m);
    default:
        return true;
    }
}

bool gv_parser_modifiers(struct gv_parser *p, struct gv_expr *binary)
{
    if (gv_parser_peek(p) == GV_TOK_BOOL) {
        gv_parser_take(p);
        binary->binary.returns_bool = true;
    }
    struct gv_matching *m = &binary->binary.matching;
    return take_matching(p, m) && take_fill(p, m) && !gv_parser_failed(p);
}
