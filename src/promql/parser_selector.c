/* Selectors: [name] [{matcher, matcher, ...}], with the name outside the braces, inside in quotes, or absent.
 * Also the two entries for a selector alone (match[]) and for the labels of one series (test scripts). */
#include "promql/parser.h"
#include "promql/scan.h"

static bool fail_list(struct gv_parser *p, const char *expected)
{
    return gv_parser_unexpected_in(p, "label matching", expected);
}

static bool take_match_type(struct gv_parser *p, enum gv_match_type *type)
{
    switch (gv_parser_peek(p)) {
    case GV_TOK_EQL:
        *type = GV_MATCH_EQ;
        break;
    case GV_TOK_NEQ:
        *type = GV_MATCH_NE;
        break;
    case GV_TOK_EQL_REGEX:
        *type = GV_MATCH_RE;
        break;
    case GV_TOK_NEQ_REGEX:
        *type = GV_MATCH_NRE;
        break;
    default:
        return false;
    }
    gv_parser_take(p);
    return true;
}

static bool make_matcher(struct gv_parser *p, struct gv_matcher *m, enum gv_match_type type, struct gv_slice name,
                         struct gv_slice value, uint32_t start)
{
    struct gv_err why = {0};
    return gv_matcher_make(m, p->arena, type, name, value, &why) || gv_parser_fail(p, start, "%s", why.msg);
}

/* name op "value"; or, of a name in quotes, the metric's name alone. */
static bool take_matcher(struct gv_parser *p, struct gv_matcher *m)
{
    enum gv_token_kind kind = gv_parser_peek(p);
    if (kind != GV_TOK_IDENTIFIER && kind != GV_TOK_STRING)
        return fail_list(p, "identifier or \"}\"");
    struct gv_token t = gv_parser_take(p);
    struct gv_slice name = kind == GV_TOK_STRING ? gv_scan_unquote(p->arena, t.text) : t.text;
    enum gv_match_type type;
    if (!take_match_type(p, &type)) {
        if (kind == GV_TOK_STRING)
            return make_matcher(p, m, GV_MATCH_EQ, GV_LABEL_NAME, name, t.start);
        return fail_list(p, "label matching operator");
    }
    if (gv_parser_peek(p) != GV_TOK_STRING)
        return fail_list(p, "string");
    struct gv_slice value = gv_scan_unquote(p->arena, gv_parser_take(p).text);
    return make_matcher(p, m, type, name, value, t.start);
}

static bool take_matchers(struct gv_parser *p, struct gv_selector *s, size_t *cap)
{
    gv_parser_take(p);
    while (gv_parser_peek(p) != GV_TOK_RIGHT_BRACE) {
        struct gv_matcher m;
        if (!take_matcher(p, &m))
            return false;
        gv_push(p->arena, s->matchers, s->n_matchers, *cap) = m;
        if (gv_parser_peek(p) == GV_TOK_COMMA)
            gv_parser_take(p);
        else if (gv_parser_peek(p) != GV_TOK_RIGHT_BRACE)
            return fail_list(p, "\",\" or \"}\"");
    }
    gv_parser_take(p);
    return true;
}

struct gv_expr *gv_parser_selector(struct gv_parser *p, const struct gv_token *name)
{
    uint32_t start = name ? name->start : p->token.start;
    struct gv_expr *e = gv_parser_node(p, GV_EXPR_SELECTOR, start, name ? name->end : start);
    size_t cap = 0;
    if (gv_parser_peek(p) == GV_TOK_LEFT_BRACE) {
        if (!take_matchers(p, &e->selector, &cap))
            return NULL;
        e->pos.end = p->last_end;
    }
    if (!name)
        return e;
    struct gv_matcher m;
    e->selector.name = gv_arena_dup(p->arena, name->text);
    if (!make_matcher(p, &m, GV_MATCH_EQ, GV_LABEL_NAME, e->selector.name, name->start))
        return NULL;
    gv_push(p->arena, e->selector.matchers, e->selector.n_matchers, cap) = m;
    return e;
}

/* ---- A selector alone ---- */

static struct gv_expr *parse_lone_selector(struct gv_parser *p)
{
    enum gv_token_kind kind = gv_parser_peek(p);
    bool braces = kind == GV_TOK_LEFT_BRACE;
    if (!braces && !gv_parser_is_metric_word(kind)) {
        gv_parser_unexpected(p);
        return NULL;
    }
    struct gv_token name;
    if (!braces)
        name = gv_parser_take(p);
    struct gv_expr *e = gv_parser_selector(p, braces ? NULL : &name);
    if (!e || gv_parser_peek(p) == GV_TOK_EOF)
        return e;
    gv_parser_unexpected(p);
    return NULL;
}

static struct gv_selector *parse_selector(struct gv_arena *a, struct gv_slice text, struct gv_err *err)
{
    struct gv_parser p;
    gv_parser_init(&p, a, text, 0);
    struct gv_expr *e = gv_parser_check_length(&p) ? parse_lone_selector(&p) : NULL;
    return gv_parser_finish(&p, err) && e ? &e->selector : NULL;
}

bool gv_parser_matches_all(const struct gv_selector *s)
{
    for (size_t i = 0; i < s->n_matchers; i++)
        if (!gv_matcher_matches(&s->matchers[i], GV_S("")))
            return false;
    return true;
}

struct gv_selector *gv_promql_parse_selector(struct gv_arena *a, struct gv_slice text, struct gv_err *err)
{
    struct gv_selector *s = parse_selector(a, text, err);
    if (!s || !gv_parser_matches_all(s))
        return s;
    gv_fail(err, GV_BAD_DATA, "match[] must contain at least one non-empty matcher");
    return NULL;
}

struct gv_selector *gv_promql_parse_any_selector(struct gv_arena *a, struct gv_slice text, struct gv_err *err)
{
    struct gv_selector *s = parse_selector(a, text, err);
    if (!s || !gv_parser_matches_all(s))
        return s;
    struct gv_matcher *more = gv_arena_array(a, struct gv_matcher, s->n_matchers + 1);
    if (s->n_matchers)
        memcpy(more, s->matchers, s->n_matchers * sizeof *more);
    if (!gv_matcher_make(&more[s->n_matchers], a, GV_MATCH_RE, GV_LABEL_NAME, GV_S(".+"), err))
        return NULL;
    s->matchers = more;
    s->n_matchers++;
    return s;
}

/* ---- The labels of one series ---- */

static bool take_label_of_set(struct gv_parser *p, struct gv_labels_builder *b)
{
    enum gv_token_kind kind = gv_parser_peek(p);
    if (kind != GV_TOK_IDENTIFIER && kind != GV_TOK_STRING)
        return gv_parser_unexpected_in(p, "label set", "identifier or \"}\"");
    struct gv_token t = gv_parser_take(p);
    struct gv_slice name = kind == GV_TOK_STRING ? gv_scan_unquote(p->arena, t.text) : t.text;
    if (gv_parser_peek(p) != GV_TOK_EQL) {
        if (kind == GV_TOK_IDENTIFIER)
            return gv_parser_unexpected_in(p, "label set", "\"=\"");
        gv_labels_set(b, GV_LABEL_NAME, name);
        return true;
    }
    gv_parser_take(p);
    if (gv_parser_peek(p) != GV_TOK_STRING)
        return gv_parser_unexpected_in(p, "label set", "string");
    gv_labels_set(b, name, gv_scan_unquote(p->arena, gv_parser_take(p).text));
    return true;
}

static bool take_label_set(struct gv_parser *p, struct gv_labels_builder *b)
{
    gv_parser_take(p);
    while (gv_parser_peek(p) != GV_TOK_RIGHT_BRACE) {
        if (!take_label_of_set(p, b))
            return false;
        if (gv_parser_peek(p) == GV_TOK_COMMA)
            gv_parser_take(p);
        else if (gv_parser_peek(p) != GV_TOK_RIGHT_BRACE)
            return gv_parser_unexpected_in(p, "label set", "\",\" or \"}\"");
    }
    gv_parser_take(p);
    return true;
}

/* Reads no further than the metric: a `{` directly behind the name belongs to it, all else does not. */
static bool take_metric(struct gv_parser *p, struct gv_labels_builder *b)
{
    enum gv_token_kind kind = gv_parser_peek(p);
    bool named = gv_parser_is_metric_word(kind);
    if (!named && kind != GV_TOK_LEFT_BRACE)
        return gv_parser_unexpected(p);
    struct gv_slice name = {0};
    if (named)
        name = gv_parser_take(p).text;
    bool braces = !named || gv_scan_peek(p->lexer.text, p->lexer.at) == '{';
    if (braces && gv_parser_peek(p) == GV_TOK_LEFT_BRACE && !take_label_set(p, b))
        return false;
    if (named)
        gv_labels_set(b, GV_LABEL_NAME, name);
    return !gv_parser_failed(p);
}

const struct gv_labels *gv_promql_parse_metric(struct gv_arena *a, struct gv_slice text, size_t *used,
                                               struct gv_err *err)
{
    struct gv_parser p;
    struct gv_labels_builder b;
    gv_parser_init(&p, a, text, 0);
    gv_labels_builder_init(&b, a, NULL);
    bool good = take_metric(&p, &b);
    *used = p.last_end;
    return gv_parser_finish(&p, err) && good ? gv_labels_build(&b, a) : NULL;
}
