/* Texts in quotes: Go's strconv.Quote and JSON. Runs of plain bytes are copied whole. */
#include "base/buf.h"
#include "base/utf8.h"

static const char hex[] = "0123456789abcdef";

/* The letter after the backslash of a one-letter escape, or 0. */
static char go_letter(unsigned char c)
{
    static const char letters[] = {['\a'] = 'a', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r',
                                   ['\t'] = 't', ['\v'] = 'v', ['"'] = '"',  ['\\'] = '\\'};
    return c < sizeof letters ? letters[c] : '\0';
}

static char json_letter(unsigned char c)
{
    return c == '\a' || c == '\v' ? '\0' : go_letter(c);
}

static void add_hex(struct gv_buf *b, char kind, uint32_t value, unsigned digits)
{
    char text[10] = {'\\', kind};
    for (unsigned i = 0; i < digits; i++)
        text[2 + i] = hex[value >> 4 * (digits - 1 - i) & 0xf];
    gv_buf_add(b, text, 2 + digits);
}

static void add_letter(struct gv_buf *b, char letter)
{
    gv_buf_add(b, (char[2]){'\\', letter}, 2);
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static const char *add_plain(struct gv_buf *b, const char *p, const char *end)
{
    const char *start = p;
    while (p < end && is_plain((unsigned char)*p))
        p++;
    gv_buf_add(b, start, (size_t)(p - start));
    return p;
}

static const char *add_go_escape(struct gv_buf *b, const char *p, const char *end)
{
    uint32_t point;
    size_t length = gv_utf8_decode(p, (size_t)(end - p), &point);
    if (length == 1 && go_letter((unsigned char)*p))
        add_letter(b, go_letter((unsigned char)*p));
    else if (length <= 1)
        add_hex(b, 'x', (unsigned char)*p, 2);
    else if (gv_utf8_is_printable(point))
        gv_buf_add(b, p, length);
    else if (point < 0x10000)
        add_hex(b, 'u', point, 4);
    else
        add_hex(b, 'U', point, 8);
    return p + (length ? length : 1);
}

static const char *add_json_escape(struct gv_buf *b, const char *p, const char *end)
{
    uint32_t point;
    size_t length = gv_utf8_decode(p, (size_t)(end - p), &point);
    if (!length)
        gv_buf_adds(b, "\\ufffd");
    else if (length > 1 || point == 0x7f)
        gv_buf_add(b, p, length);
    else if (json_letter((unsigned char)point))
        add_letter(b, json_letter((unsigned char)point));
    else
        add_hex(b, 'u', point, 4);
    return p + (length ? length : 1);
}

typedef const char *escape_fn(struct gv_buf *b, const char *p, const char *end);

static void add_in_quotes(struct gv_buf *b, struct gv_slice s, escape_fn *add_escape)
{
    gv_buf_reserve(b, s.n + 2);
    gv_buf_addc(b, '"');
    const char *at = s.n ? s.p : "";
    for (const char *p = at, *end = at + s.n; (p = add_plain(b, p, end)) < end;)
        p = add_escape(b, p, end);
    gv_buf_addc(b, '"');
}

void gv_buf_add_quoted(struct gv_buf *b, struct gv_slice s)
{
    add_in_quotes(b, s, add_go_escape);
}

void gv_buf_add_json(struct gv_buf *b, struct gv_slice s)
{
    add_in_quotes(b, s, add_json_escape);
}
