/* The lexer: text in, tokens out. The brackets that are open, kept as a chain, say which place the next byte stands in;
 * the place says which words and marks can stand there. Numbers, strings and words tell themselves by their first byte;
 * all else is a row of the table of marks. */
#include "promql/lexer.h"
#include "base/utf8.h"
#include "promql/scan.h"
#include <strings.h>

static const struct {
    const char *text;
    enum gv_token_class class;
} tokens[GV_TOKEN_KINDS] = {
#define GV_TOKEN_ROW(name, text, class) [GV_TOK_##name] = {text, GV_CLASS_##class},
    GV_TOKENS(GV_TOKEN_ROW)
#undef GV_TOKEN_ROW
};

enum gv_token_class gv_token_class(enum gv_token_kind kind)
{
    return tokens[kind].class;
}

const char *gv_token_kind_text(enum gv_token_kind kind)
{
    return tokens[kind].text;
}

/* Texts of more than ten characters are cut; Go's "%.10q...". */
static void describe_text(struct gv_buf *out, struct gv_slice text)
{
    size_t n = 0;
    for (int points = 0; text.n > 10 && points < 10 && n < text.n; points++) {
        uint32_t point;
        size_t length = gv_utf8_decode(text.p + n, text.n - n, &point);
        n += length ? length : 1;
    }
    gv_buf_add_quoted(out, text.n > 10 ? (struct gv_slice){text.p, n} : text);
    if (text.n > 10)
        gv_buf_adds(out, "...");
}

void gv_token_describe(struct gv_buf *out, const struct gv_token *t)
{
    switch (tokens[t->kind].class) {
    case GV_CLASS_KEYWORD:
        gv_buf_printf(out, "<%.*s>", GV_ARG(t->text));
        return;
    case GV_CLASS_OPERATOR:
        gv_buf_printf(out, "<op:%.*s>", GV_ARG(t->text));
        return;
    case GV_CLASS_AGGREGATOR:
        gv_buf_printf(out, "<aggr:%.*s>", GV_ARG(t->text));
        return;
    case GV_CLASS_MARK:
    case GV_CLASS_PREPROCESSOR:
        describe_text(out, t->text);
        return;
    case GV_CLASS_VARIABLE:
        break;
    }
    gv_buf_adds(out, tokens[t->kind].text);
    if (t->kind == GV_TOK_EOF)
        return;
    gv_buf_addc(out, ' ');
    if (t->kind == GV_TOK_IDENTIFIER || t->kind == GV_TOK_METRIC_IDENTIFIER)
        gv_buf_add_quoted(out, t->text);
    else
        describe_text(out, t->text);
}

/* An open bracket. Brackets stay in the arena when they are closed: a query has few. */
struct gv_open {
    enum gv_token_kind kind;
    struct gv_open *outer; /* the one around it, or NULL */
    struct gv_open *range; /* the `[` that it stands in or is, or NULL */
    bool got_number, got_colon;
};

enum place {
    PLAIN = 1,
    NAMES = 2,   /* in braces: names are no keywords */
    DURATION = 4 /* in brackets before the first number: no comments, only words and marks of durations */
};

void gv_lexer_init(struct gv_lexer *l, struct gv_arena *a, struct gv_slice text)
{
    *l = (struct gv_lexer){.text = text, .arena = a};
}

static struct gv_open *range_of(const struct gv_lexer *l)
{
    return l->open ? l->open->range : NULL;
}

static enum place place_of(const struct gv_lexer *l)
{
    if (l->open && l->open->kind == GV_TOK_LEFT_BRACE)
        return NAMES;
    return range_of(l) && !range_of(l)->got_number ? DURATION : PLAIN;
}

static int peek(const struct gv_lexer *l)
{
    return gv_scan_peek(l->text, l->at);
}

static struct gv_token make(struct gv_lexer *l, enum gv_token_kind kind)
{
    struct gv_token t = {kind, (uint32_t)l->start, (uint32_t)l->at, {l->text.p + l->start, l->at - l->start}};
    l->start = l->at;
    l->last = kind;
    return t;
}

static struct gv_token take(struct gv_lexer *l, size_t n, enum gv_token_kind kind)
{
    l->at += n;
    return make(l, kind);
}

static struct gv_token fail(struct gv_lexer *l, const char *message)
{
    return (struct gv_token){GV_TOK_ERROR, (uint32_t)l->start, (uint32_t)l->text.n, gv_slice_of(message)};
}

/* message with the character at offset at, as Go quotes runes. */
static struct gv_token fail_at(struct gv_lexer *l, const char *message, size_t at)
{
    return fail(l, gv_arena_printf(l->arena, "%s%s", message, gv_scan_quote_rune(l->arena, l->text, at)));
}

static void skip_line(struct gv_lexer *l)
{
    while (peek(l) >= 0 && peek(l) != '\n' && peek(l) != '\r')
        l->at++;
}

static void skip_blanks(struct gv_lexer *l, bool and_comments)
{
    for (;;) {
        if (gv_scan_is_blank(peek(l)))
            l->at++;
        else if (peek(l) == '#' && and_comments)
            skip_line(l);
        else
            break;
    }
    l->start = l->at;
}

static struct gv_token lex_string(struct gv_lexer *l)
{
    const char *message = gv_scan_string(l->arena, l->text, &l->at);
    return message ? fail(l, message) : make(l, GV_TOK_STRING);
}

static struct gv_token lex_number(struct gv_lexer *l)
{
    switch (gv_scan_number(l->text, &l->at)) {
    case GV_SCAN_NUMBER:
        return make(l, GV_TOK_NUMBER);
    case GV_SCAN_DURATION:
        return make(l, GV_TOK_DURATION);
    default:
        break;
    }
    struct gv_buf said = GV_BUF_INIT;
    gv_buf_adds(&said, "bad number or duration syntax: ");
    gv_buf_add_quoted(&said, (struct gv_slice){l->text.p + l->start, l->at - l->start});
    struct gv_slice message = gv_arena_dup(l->arena, gv_buf_slice(&said));
    gv_buf_fini(&said);
    return fail(l, message.p);
}

static bool is_word(struct gv_slice word, const char *text)
{
    return strlen(text) == word.n && strncasecmp(text, word.p, word.n) == 0;
}

static enum gv_token_kind kind_of_word(struct gv_slice word)
{
    for (int kind = GV_TOK_ADD; kind < GV_TOKEN_KINDS; kind++) {
        if (gv_scan_is_alpha(tokens[kind].text[0]) && is_word(word, tokens[kind].text))
            return (enum gv_token_kind)kind;
    }
    if (is_word(word, "inf") || is_word(word, "nan"))
        return GV_TOK_NUMBER;
    return memchr(word.p, ':', word.n) ? GV_TOK_METRIC_IDENTIFIER : GV_TOK_IDENTIFIER;
}

/* fill and its kin are modifiers only before a parenthesis, so that metrics of those names stay usable. */
static bool before_paren(const struct gv_lexer *l)
{
    size_t at = l->at;
    while (gv_scan_is_blank(gv_scan_peek(l->text, at)))
        at++;
    return gv_scan_peek(l->text, at) == '(';
}

static struct gv_token lex_word(struct gv_lexer *l)
{
    while (gv_scan_is_alphanumeric(peek(l)) || peek(l) == ':')
        l->at++;
    enum gv_token_kind kind = kind_of_word((struct gv_slice){l->text.p + l->start, l->at - l->start});
    bool is_fill = kind == GV_TOK_FILL || kind == GV_TOK_FILL_LEFT || kind == GV_TOK_FILL_RIGHT;
    return make(l, is_fill && !before_paren(l) ? GV_TOK_IDENTIFIER : kind);
}

/* ---- Errors about bytes that a place has no use for ---- */

static struct gv_token fail_byte(struct gv_lexer *l, enum place place)
{
    static const char *const messages[] = {
        [PLAIN] = "unexpected character: ",
        [NAMES] = "unexpected character inside braces: ",
        [DURATION] = "unexpected character in duration expression: ",
    };
    return fail_at(l, messages[place], l->start);
}

/* A ! or = that makes no operator of this place with the byte behind it. */
static struct gv_token fail_half(struct gv_lexer *l, enum place place)
{
    const char *message = gv_arena_printf(l->arena, "unexpected character after '%c'%s: ", peek(l),
                                          place == NAMES ? " inside braces" : "");
    return fail_at(l, message, l->at + 1);
}

/* ---- Brackets ---- */

static const struct gv_open *find_open(const struct gv_lexer *l, enum gv_token_kind kind)
{
    const struct gv_open *o = l->open;
    while (o && o->kind != kind)
        o = o->outer;
    return o;
}

static struct gv_token push(struct gv_lexer *l, enum gv_token_kind kind)
{
    struct gv_open *o = gv_arena_new(l->arena, struct gv_open);
    o->kind = kind;
    o->outer = l->open;
    o->range = kind == GV_TOK_LEFT_BRACKET ? o : range_of(l);
    l->open = o;
    return take(l, 1, kind);
}

/* Closes the innermost one of its kind. What stands open inside that is the parser's to refuse: it expects another
 * token then. */
static bool pop(struct gv_lexer *l, enum gv_token_kind kind)
{
    const struct gv_open *o = find_open(l, kind);
    if (o)
        l->open = o->outer;
    return o != NULL;
}

static struct gv_token lex_bracket(struct gv_lexer *l, enum gv_token_kind kind)
{
    switch (kind) {
    case GV_TOK_LEFT_BRACE:
        return place_of(l) == NAMES ? fail(l, "unexpected left brace '{'") : push(l, kind);
    case GV_TOK_LEFT_BRACKET:
        return range_of(l) ? fail(l, "unexpected left bracket '['") : push(l, kind);
    case GV_TOK_RIGHT_BRACE:
        pop(l, GV_TOK_LEFT_BRACE);
        return take(l, 1, kind);
    case GV_TOK_RIGHT_BRACKET:
        return pop(l, GV_TOK_LEFT_BRACKET) ? take(l, 1, kind) : fail(l, "unexpected right bracket ']'");
    case GV_TOK_RIGHT_PAREN: {
        struct gv_token t = take(l, 1, kind);
        return pop(l, GV_TOK_LEFT_PAREN) ? t : fail(l, "unexpected right parenthesis ')'");
    }
    default:
        return push(l, kind);
    }
}

/* Between a range and a step, once. */
static struct gv_token lex_colon(struct gv_lexer *l)
{
    bool is_first = l->last == GV_TOK_LEFT_BRACKET;
    if (range_of(l)->got_colon)
        return fail(l, "unexpected colon ':'");
    range_of(l)->got_colon = true;
    struct gv_token t = take(l, 1, GV_TOK_COLON);
    return is_first ? fail(l, "unexpected colon before duration in duration expression") : t;
}

/* ---- Marks ---- */

/* Where each mark can stand; their texts are those of the tokens. A longer one stands before its prefix. */
static const struct {
    enum gv_token_kind kind;
    unsigned places;
} marks[] = {
    {GV_TOK_LEFT_PAREN, PLAIN | DURATION},
    {GV_TOK_RIGHT_PAREN, PLAIN | DURATION},
    {GV_TOK_LEFT_BRACE, PLAIN | NAMES},
    {GV_TOK_RIGHT_BRACE, NAMES},
    {GV_TOK_LEFT_BRACKET, PLAIN},
    {GV_TOK_RIGHT_BRACKET, PLAIN | DURATION},
    {GV_TOK_COMMA, PLAIN | NAMES | DURATION},
    {GV_TOK_COLON, PLAIN | DURATION}, /* outside of brackets it starts a word */
    {GV_TOK_ADD, PLAIN | DURATION},
    {GV_TOK_SUB, PLAIN | DURATION},
    {GV_TOK_MUL, PLAIN | DURATION},
    {GV_TOK_DIV, PLAIN | DURATION},
    {GV_TOK_MOD, PLAIN | DURATION},
    {GV_TOK_POW, PLAIN | DURATION},
    {GV_TOK_AT, PLAIN},
    {GV_TOK_EQL_REGEX, PLAIN | NAMES}, /* refused in PLAIN, where it would be read as = and ~ */
    {GV_TOK_NEQ_REGEX, NAMES},
    {GV_TOK_EQLC, PLAIN},
    {GV_TOK_EQL, PLAIN | NAMES},
    {GV_TOK_NEQ, PLAIN | NAMES},
    {GV_TOK_LTE, PLAIN},
    {GV_TOK_TRIM_UPPER, PLAIN},
    {GV_TOK_LSS, PLAIN},
    {GV_TOK_GTE, PLAIN},
    {GV_TOK_TRIM_LOWER, PLAIN},
    {GV_TOK_GTR, PLAIN},
};

static enum gv_token_kind find_mark(const struct gv_lexer *l, enum place place)
{
    struct gv_slice rest = {l->text.p + l->at, l->text.n - l->at};
    for (size_t i = 0; i < GV_COUNT(marks); i++) {
        if (marks[i].places & place && gv_slice_has_prefix(rest, gv_slice_of(tokens[marks[i].kind].text)))
            return marks[i].kind;
    }
    return GV_TOK_ERROR;
}

static struct gv_token lex_mark(struct gv_lexer *l, enum place place)
{
    enum gv_token_kind kind = find_mark(l, place);
    if (kind >= GV_TOK_LEFT_PAREN && kind <= GV_TOK_RIGHT_BRACKET)
        return lex_bracket(l, kind);
    if (kind == GV_TOK_COLON)
        return lex_colon(l);
    if (kind == GV_TOK_EQL_REGEX && place == PLAIN)
        return fail_half(l, place);
    if (kind != GV_TOK_ERROR)
        return take(l, strlen(tokens[kind].text), kind);
    return peek(l) == '!' && place != DURATION ? fail_half(l, place) : fail_byte(l, place);
}

/* ---- Words, numbers, the end ---- */

static struct gv_slice scan_name(struct gv_lexer *l)
{
    while (gv_scan_is_alphanumeric(peek(l)))
        l->at++;
    return (struct gv_slice){l->text.p + l->start, l->at - l->start};
}

/* step, range, max_of, min_of. */
static struct gv_token lex_word_in_range(struct gv_lexer *l, enum place place)
{
    enum gv_token_kind kind = kind_of_word(scan_name(l));
    if (kind >= GV_TOK_STEP && kind <= GV_TOK_MIN_OF)
        return make(l, kind);
    if (place == DURATION)
        return fail_byte(l, place);
    const char *rune = gv_scan_quote_rune(l->arena, l->text, l->start);
    return fail(l, gv_arena_printf(l->arena, "unexpected character: %s, expected ':'", rune));
}

static struct gv_token lex_word_at(struct gv_lexer *l, enum place place)
{
    if (place != NAMES)
        return range_of(l) ? lex_word_in_range(l, place) : lex_word(l);
    scan_name(l);
    return make(l, GV_TOK_IDENTIFIER);
}

static struct gv_token lex_number_at(struct gv_lexer *l)
{
    if (range_of(l))
        range_of(l)->got_number = true;
    return lex_number(l);
}

static struct gv_token lex_end(struct gv_lexer *l, enum place place)
{
    if (place == NAMES)
        return fail(l, "unexpected end of input inside braces");
    if (place == DURATION)
        return fail(l, "unexpected end of input in duration expression");
    if (find_open(l, GV_TOK_LEFT_PAREN))
        return fail(l, "unclosed left parenthesis");
    return l->open ? fail(l, "unclosed left bracket") : make(l, GV_TOK_EOF);
}

struct gv_token gv_lexer_next(struct gv_lexer *l)
{
    enum place place = place_of(l);
    skip_blanks(l, place != DURATION);
    int c = peek(l);
    if (c < 0)
        return lex_end(l, place);
    if (gv_scan_is_alpha(c) || (c == ':' && place == PLAIN && !range_of(l)))
        return lex_word_at(l, place);
    if (gv_scan_is_quote(c) && place != DURATION)
        return lex_string(l);
    if (gv_scan_starts_number(l->text, l->at) && place != NAMES)
        return lex_number_at(l);
    return lex_mark(l, place);
}
