/* What a raw JSON token means: a string's escapes and encoding, a number's grammar (RFC 8259, sections 6 and 7). */
#include "base/utf8.h"
#include "codec/json_reader.h"

static bool fail_at(const struct json_reader *r, const char *at, struct gv_slice raw, const char *what,
                    struct gv_err *err)
{
    return gv_fail(err, GV_BAD_DATA, "%s in a string at byte %llu", what,
                   (unsigned long long)r->token_offset + 1 + (unsigned long long)(at - raw.p));
}

static bool check_utf8(const struct json_reader *r, struct gv_slice raw, struct gv_err *err)
{
    if (gv_utf8_valid(raw))
        return true;
    const char *p = raw.p;
    uint32_t point;
    for (size_t n; (n = gv_utf8_decode(p, (size_t)(raw.p + raw.n - p), &point)); p += n)
        ;
    return fail_at(r, p, raw, "invalid UTF-8", err);
}

static char letter_meant(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c == '"' || c == '\\' || c == '/' ? c : '\0';
    }
}

static bool hex_digit(char c, uint32_t *value)
{
    if (c >= '0' && c <= '9')
        *value = (uint32_t)(c - '0');
    else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        *value = (uint32_t)((c | 0x20) - 'a' + 10);
    else
        return false;
    return true;
}

/* \uXXXX at p. */
static bool read_unit(const char *p, const char *end, uint32_t *unit)
{
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return false;
    *unit = 0;
    for (int i = 2; i < 6; i++) {
        uint32_t digit;
        if (!hex_digit(p[i], &digit))
            return false;
        *unit = *unit << 4 | digit;
    }
    return true;
}

/* A code point written as one or two \uXXXX; its length in the source, or 0. */
static size_t read_point(const char *p, const char *end, uint32_t *point)
{
    uint32_t low;
    if (!read_unit(p, end, point) || (*point >= 0xdc00 && *point < 0xe000))
        return 0;
    if (*point < 0xd800 || *point >= 0xe000)
        return 6;
    if (!read_unit(p + 6, end, &low) || low < 0xdc00 || low >= 0xe000)
        return 0;
    *point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
    return 12;
}

/* The escape at p, decoded to *to; its length in the source, or 0. */
static size_t decode_escape(const char *p, const char *end, char **to)
{
    char letter = end - p >= 2 ? letter_meant(p[1]) : '\0';
    if (letter) {
        *(*to)++ = letter;
        return 2;
    }
    uint32_t point;
    size_t n = read_point(p, end, &point);
    if (n)
        *to += gv_utf8_encode(*to, point);
    return n;
}

bool json_decode_string(struct json_reader *r, struct gv_slice raw, struct gv_err *err)
{
    if (!check_utf8(r, raw, err))
        return false;
    if (!r->has_escapes)
        return true;
    r->decoded.n = 0;
    char *start = json_text_reserve(r->arena, &r->decoded, raw.n), *to = start; /* decoding never makes it longer */
    for (const char *p = raw.p, *end = raw.p + raw.n; p < end;) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((escape ? escape : end) - p);
        memcpy(to, p, plain);
        to += plain;
        p += plain;
        if (!escape)
            break;
        size_t n = decode_escape(p, end, &to);
        if (!n)
            return fail_at(r, p, raw, "invalid escape", err);
        p += n;
    }
    r->text = (struct gv_slice){start, (size_t)(to - start)};
    return true;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

bool json_is_number(struct gv_slice text)
{
    const char *p = text.p, *end = text.p + text.n;
    if (p < end && *p == '-')
        p++;
    const char *digits = p;
    p = skip_digits(p, end);
    if (p == digits || (*digits == '0' && p > digits + 1))
        return false;
    if (p < end && *p == '.') {
        digits = ++p;
        p = skip_digits(p, end);
        if (p == digits)
            return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        digits = p;
        p = skip_digits(p, end);
        if (p == digits)
            return false;
    }
    return p == end;
}
