/* The lexer: text in, tokens out. gv_lexer_next() looks at the state, skips blanks and comments, and hands the first
 * byte to the state's own function, which makes exactly one token. */
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

void gv_lexer_init(struct gv_lexer *l, struct gv_arena *a, struct gv_slice text)
{
    *l = (struct gv_lexer){.text = text, .arena = a};
}

static int peek(const struct gv_lexer *l)
{
    return gv_scan_peek(l->text, l->at);
}

static struct gv_token make(struct gv_lexer *l, enum gv_token_kind kind)
{
    struct gv_token t = {kind, (uint32_t)l->start, (uint32_t)l->at, {l->text.p + l->start, l->at - l->start}};
    l->start = l->at;
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

static void skip_blanks(struct gv_lexer *l)
{
    while (gv_scan_is_blank(peek(l)))
        l->at++;
    l->start = l->at;
}

static void skip_blanks_and_comments(struct gv_lexer *l)
{
    skip_blanks(l);
    while (peek(l) == '#') {
        while (peek(l) != '\n' && peek(l) != '\r' && peek(l) >= 0)
            l->at++;
        skip_blanks(l);
    }
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

static struct gv_token lex_identifier(struct gv_lexer *l)
{
    while (gv_scan_is_alphanumeric(peek(l)))
        l->at++;
    return make(l, GV_TOK_IDENTIFIER);
}

static bool starts_duration_word(int c)
{
    return c == 's' || c == 'S' || c == 'r' || c == 'R' || c == 'm' || c == 'M';
}

/* step, range, max_of, min_of; else the given error about the first character. */
static struct gv_token lex_duration_word(struct gv_lexer *l, const char *before, const char *after)
{
    size_t end = l->at;
    while (gv_scan_is_alpha(gv_scan_peek(l->text, end)))
        end++;
    struct gv_slice word = {l->text.p + l->at, end - l->at};
    for (int kind = GV_TOK_STEP; kind <= GV_TOK_MIN_OF; kind++) {
        if (starts_duration_word(peek(l)) && is_word(word, tokens[kind].text))
            return take(l, word.n, (enum gv_token_kind)kind);
    }
    const char *rune = gv_scan_quote_rune(l->arena, l->text, l->at);
    return fail(l, gv_arena_printf(l->arena, "%s%s%s", before, rune, after));
}

static struct gv_token close_paren(struct gv_lexer *l)
{
    struct gv_token t = take(l, 1, GV_TOK_RIGHT_PAREN);
    return --l->parens < 0 ? fail(l, "unexpected right parenthesis ')'") : t;
}

static struct gv_token open_paren(struct gv_lexer *l)
{
    l->parens++;
    return take(l, 1, GV_TOK_LEFT_PAREN);
}

static struct gv_token lex_mark_in_braces(struct gv_lexer *l, int c)
{
    int next = gv_scan_peek(l->text, l->at + 1);
    switch (c) {
    case ',':
        return take(l, 1, GV_TOK_COMMA);
    case '=':
        return next == '~' ? take(l, 2, GV_TOK_EQL_REGEX) : take(l, 1, GV_TOK_EQL);
    case '!':
        if (next == '~')
            return take(l, 2, GV_TOK_NEQ_REGEX);
        if (next == '=')
            return take(l, 2, GV_TOK_NEQ);
        return fail_at(l, "unexpected character after '!' inside braces: ", l->at + 1);
    case '{':
        return fail(l, "unexpected left brace '{'");
    case '}':
        l->in_braces = false;
        return take(l, 1, GV_TOK_RIGHT_BRACE);
    default:
        return fail_at(l, "unexpected character inside braces: ", l->at);
    }
}

static struct gv_token lex_in_braces(struct gv_lexer *l)
{
    skip_blanks_and_comments(l);
    int c = peek(l);
    if (c < 0)
        return fail(l, "unexpected end of input inside braces");
    if (gv_scan_is_alpha(c))
        return lex_identifier(l);
    if (gv_scan_is_quote(c))
        return lex_string(l);
    return lex_mark_in_braces(l, c);
}

static struct gv_token lex_colon_in_duration(struct gv_lexer *l)
{
    struct gv_token t = take(l, 1, GV_TOK_COLON);
    if (!l->got_number)
        return fail(l, "unexpected colon before duration in duration expression");
    if (l->got_colon)
        return fail(l, "unexpected repeated colon in duration expression");
    l->got_colon = true;
    return t;
}

static enum gv_token_kind arithmetic(int c)
{
    switch (c) {
    case '+':
        return GV_TOK_ADD;
    case '-':
        return GV_TOK_SUB;
    case '*':
        return GV_TOK_MUL;
    case '/':
        return GV_TOK_DIV;
    case '%':
        return GV_TOK_MOD;
    case '^':
        return GV_TOK_POW;
    case ',':
        return GV_TOK_COMMA;
    case '@':
        return GV_TOK_AT;
    default:
        return GV_TOK_ERROR;
    }
}

static struct gv_token close_bracket(struct gv_lexer *l)
{
    l->in_brackets = l->in_duration = false;
    return take(l, 1, GV_TOK_RIGHT_BRACKET);
}

static struct gv_token lex_in_duration(struct gv_lexer *l)
{
    static const char unexpected[] = "unexpected character in duration expression: ";
    skip_blanks(l);
    int c = peek(l);
    if (c < 0)
        return fail(l, "unexpected end of input in duration expression");
    if (gv_scan_starts_number(l->text, l->at)) {
        l->in_duration = false;
        l->got_number = true;
        return lex_number(l);
    }
    if (c != '@' && arithmetic(c) != GV_TOK_ERROR)
        return take(l, 1, arithmetic(c));
    switch (c) {
    case ']':
        l->got_colon = false;
        return close_bracket(l);
    case ':':
        return lex_colon_in_duration(l);
    case '(':
        return open_paren(l);
    case ')':
        return close_paren(l);
    default:
        return starts_duration_word(c) ? lex_duration_word(l, unexpected, "") : fail_at(l, unexpected, l->at);
    }
}

static struct gv_token lex_word_in_brackets(struct gv_lexer *l, int c)
{
    if (c != ':')
        return lex_duration_word(l, "unexpected character: ", ", expected ':'");
    if (l->got_colon)
        return fail(l, "unexpected colon ':'");
    l->got_colon = true;
    return take(l, 1, GV_TOK_COLON);
}

static struct gv_token lex_end(struct gv_lexer *l)
{
    if (l->parens != 0)
        return fail(l, "unclosed left parenthesis");
    if (l->in_brackets)
        return fail(l, "unclosed left bracket");
    return make(l, GV_TOK_EOF);
}

/* Operators of one or two characters that no table row could tell apart by the first. */
static struct gv_token lex_comparison(struct gv_lexer *l, int c)
{
    int next = gv_scan_peek(l->text, l->at + 1);
    switch (c) {
    case '=':
        if (next == '~')
            return fail(l, "unexpected character after '=': '~'");
        return next == '=' ? take(l, 2, GV_TOK_EQLC) : take(l, 1, GV_TOK_EQL);
    case '!':
        if (next != '=')
            return fail_at(l, "unexpected character after '!': ", l->at + 1);
        return take(l, 2, GV_TOK_NEQ);
    case '<':
        return next == '=' ? take(l, 2, GV_TOK_LTE)
                           : (next == '/' ? take(l, 2, GV_TOK_TRIM_UPPER) : take(l, 1, GV_TOK_LSS));
    default:
        return next == '=' ? take(l, 2, GV_TOK_GTE)
                           : (next == '/' ? take(l, 2, GV_TOK_TRIM_LOWER) : take(l, 1, GV_TOK_GTR));
    }
}

static struct gv_token open_bracket(struct gv_lexer *l)
{
    if (l->in_brackets)
        return fail(l, "unexpected left bracket '['");
    struct gv_token t = take(l, 1, GV_TOK_LEFT_BRACKET);
    l->got_colon = false;
    l->in_brackets = l->in_duration = true;
    return t;
}

static struct gv_token lex_mark(struct gv_lexer *l, int c)
{
    switch (c) {
    case '=':
    case '!':
    case '<':
    case '>':
        return lex_comparison(l, c);
    case '(':
        return open_paren(l);
    case ')':
        return close_paren(l);
    case '{':
        l->in_braces = true;
        return take(l, 1, GV_TOK_LEFT_BRACE);
    case '[':
        return open_bracket(l);
    case ']':
        return l->in_brackets ? close_bracket(l) : fail(l, "unexpected right bracket ']'");
    default:
        return fail_at(l, "unexpected character: ", l->at);
    }
}

static struct gv_token lex_outside(struct gv_lexer *l)
{
    skip_blanks_and_comments(l);
    int c = peek(l);
    if (c < 0)
        return lex_end(l);
    if (gv_scan_starts_number(l->text, l->at))
        return lex_number(l);
    if (gv_scan_is_alpha(c) || c == ':')
        return l->in_brackets ? lex_word_in_brackets(l, c) : lex_word(l);
    if (gv_scan_is_quote(c))
        return lex_string(l);
    if (arithmetic(c) != GV_TOK_ERROR)
        return take(l, 1, arithmetic(c));
    return lex_mark(l, c);
}

struct gv_token gv_lexer_next(struct gv_lexer *l)
{
    if (l->in_duration)
        return lex_in_duration(l);
    return l->in_braces ? lex_in_braces(l) : lex_outside(l);
}
