/* Strings and the shape of numbers, after Go's rules where Prometheus leaves them to Go. */
#include "promql/scan.h"
#include "base/buf.h"
#include "base/utf8.h"

static uint32_t rune_at(struct gv_slice text, size_t at, size_t *length)
{
    uint32_t rune = 0xfffd;
    size_t n = at < text.n ? gv_utf8_decode(text.p + at, text.n - at, &rune) : 0;
    if (n == 0)
        rune = 0xfffd;
    *length = n ? n : at < text.n;
    return rune;
}

const char *gv_scan_quote_rune(struct gv_arena *a, struct gv_slice text, size_t at)
{
    char bytes[4];
    size_t length;
    uint32_t rune = rune_at(text, at, &length);
    if (rune == '\'' || rune == '"')
        return rune == '"' ? "'\"'" : "'\\''";
    struct gv_buf out = GV_BUF_INIT;
    gv_buf_add_quoted(&out, (struct gv_slice){bytes, gv_utf8_encode(bytes, rune)});
    char *said = gv_arena_printf(a, "'%.*s'", (int)out.n - 2, out.p + 1);
    gv_buf_fini(&out);
    return said;
}

/* Go's %#U: U+0071 'q'. */
static const char *name_rune(struct gv_arena *a, const char *before, struct gv_slice text, size_t at, const char *after)
{
    size_t length;
    uint32_t rune = rune_at(text, at, &length);
    const char *quoted = gv_utf8_is_printable(rune) ? gv_scan_quote_rune(a, text, at) : "";
    if (rune == '\'')
        quoted = "'''"; /* %#U does not escape */
    if (rune == '\\')
        quoted = "'\\'";
    return gv_arena_printf(a, "%sU+%04X%s%s%s", before, rune, *quoted ? " " : "", quoted, after);
}

static uint32_t digit_value(int c)
{
    if (gv_scan_is_digit(c))
        return (uint32_t)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (uint32_t)(c - 'a' + 10);
    if (c >= 'A' && c <= 'F')
        return (uint32_t)(c - 'A' + 10);
    return 16;
}

struct escape {
    unsigned digits, base;
    uint32_t max;
};

/* What follows a backslash: digits of a base, or nothing (digits = 0) for the one-letter ones. */
static struct escape escape_of(int c)
{
    switch (c) {
    case 'x':
        return (struct escape){2, 16, 255};
    case 'u':
        return (struct escape){4, 16, 0x10ffff};
    case 'U':
        return (struct escape){8, 16, 0x10ffff};
    default:
        return c >= '0' && c <= '7' ? (struct escape){3, 8, 255} : (struct escape){0, 0, 0};
    }
}

/* Moves *at from behind the backslash over the digits. */
static uint32_t read_digits(struct gv_slice text, size_t *at, struct escape e, bool *good)
{
    uint32_t value = 0;
    *good = true;
    for (unsigned i = 0; i < e.digits; i++) {
        uint32_t digit = digit_value(gv_scan_peek(text, *at));
        if (digit >= e.base) {
            *good = false;
            return 0;
        }
        value = value * e.base + digit;
        ++*at;
    }
    return value;
}

static const char *scan_escape(struct gv_arena *a, struct gv_slice text, size_t *at, int quote)
{
    int c = gv_scan_peek(text, *at);
    if (c < 0)
        return "escape sequence not terminated";
    struct escape e = escape_of(c);
    if (e.digits == 0) {
        if (c != quote && (c == 0 || !strchr("abfnrtv\\", c)))
            return name_rune(a, "unknown escape sequence ", text, *at, "");
        ++*at;
        return NULL;
    }
    bool good;
    *at += e.base == 16; /* an octal one starts with its first digit */
    uint32_t value = read_digits(text, at, e, &good);
    if (!good)
        return *at >= text.n ? "escape sequence not terminated"
                             : name_rune(a, "illegal character ", text, *at, " in escape sequence");
    if (value > e.max || (value >= 0xd800 && value < 0xe000))
        return "escape sequence is an invalid Unicode code point";
    return NULL;
}

const char *gv_scan_string(struct gv_arena *a, struct gv_slice text, size_t *at)
{
    int quote = gv_scan_peek(text, (*at)++);
    for (int c; (c = gv_scan_peek(text, *at)) != quote;) {
        if (c < 0 || (c == '\n' && quote != '`'))
            return quote == '`' ? "unterminated raw string" : "unterminated quoted string";
        size_t length;
        if (rune_at(text, *at, &length) == 0xfffd)
            return "invalid UTF-8 rune";
        *at += length;
        const char *wrong = c == '\\' && quote != '`' ? scan_escape(a, text, at, quote) : NULL;
        if (wrong)
            return wrong;
    }
    ++*at;
    return NULL;
}

static char letter_value(char c)
{
    static const char values[] = {
        ['a'] = '\a', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t', ['v'] = '\v'};
    unsigned char u = (unsigned char)c;
    return u < sizeof values && values[u] ? values[u] : c;
}

static size_t unquote_escape(char *out, struct gv_slice text, size_t *at)
{
    char c = text.p[*at];
    struct escape e = escape_of(c);
    if (e.digits == 0) {
        ++*at;
        *out = letter_value(c);
        return 1;
    }
    bool good;
    *at += e.base == 16;
    uint32_t value = read_digits(text, at, e, &good);
    if (c == 'u' || c == 'U')
        return gv_utf8_encode(out, value);
    *out = (char)value;
    return 1;
}

struct gv_slice gv_scan_unquote(struct gv_arena *a, struct gv_slice quoted)
{
    struct gv_slice body = {quoted.p + 1, quoted.n - 2};
    if (quoted.p[0] == '`' || !memchr(body.p, '\\', body.n))
        return body;
    char *out = gv_arena_alloc(a, body.n); /* no escape is shorter than what it stands for */
    size_t n = 0;
    for (size_t at = 0; at < body.n;) {
        if (body.p[at++] == '\\')
            n += unquote_escape(out + n, body, &at);
        else
            out[n++] = body.p[at - 1];
    }
    return (struct gv_slice){out, n};
}
