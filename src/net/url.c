#include "net/url.h"

enum space { SPACE_IS_PLUS, SPACE_IS_ESCAPED };

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_escape(struct gv_slice s, size_t i)
{
    return s.n - i >= 3 && hex_value(s.p[i + 1]) >= 0 && hex_value(s.p[i + 2]) >= 0;
}

static bool fail_at_escape(struct gv_slice s, size_t i, struct gv_err *err)
{
    struct gv_buf quoted = GV_BUF_INIT;
    gv_buf_add_quoted(&quoted, (struct gv_slice){s.p + i, s.n - i < 3 ? s.n - i : 3});
    gv_fail(err, GV_BAD_DATA, "invalid URL escape %.*s", GV_ARG(gv_buf_slice(&quoted)));
    gv_buf_fini(&quoted);
    return false;
}

static bool needs_decoding(struct gv_slice s, enum space space)
{
    return s.n && (memchr(s.p, '%', s.n) || (space == SPACE_IS_PLUS && memchr(s.p, '+', s.n)));
}

static bool decode(struct gv_arena *a, struct gv_slice s, enum space space, struct gv_slice *out, struct gv_err *err)
{
    *out = s.p ? s : GV_S("");
    if (!needs_decoding(s, space))
        return true;
    char *decoded = gv_arena_alloc(a, s.n), *end = decoded;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '+' && space == SPACE_IS_PLUS) {
            *end++ = ' ';
        } else if (s.p[i] != '%') {
            *end++ = s.p[i];
        } else if (is_escape(s, i)) {
            *end++ = (char)(hex_value(s.p[i + 1]) << 4 | hex_value(s.p[i + 2]));
            i += 2;
        } else {
            return fail_at_escape(s, i, err);
        }
    }
    *out = (struct gv_slice){decoded, (size_t)(end - decoded)};
    return true;
}

/* Cuts s at the first c: returns what stands before it, and leaves what follows in s. */
static struct gv_slice cut(struct gv_slice *s, char c)
{
    const char *at = s->n ? memchr(s->p, c, s->n) : NULL;
    struct gv_slice before = {s->p, at ? (size_t)(at - s->p) : s->n};
    size_t used = before.n + (at != NULL);
    *s = (struct gv_slice){s->p ? s->p + used : NULL, s->n - used};
    return before;
}

static bool add_param(struct gv_arena *a, struct gv_slice text, struct gv_url_params *params, struct gv_err *err)
{
    if (memchr(text.p, ';', text.n))
        return gv_fail(err, GV_BAD_DATA, "invalid semicolon separator in query");
    if (params->n == GV_URL_MAX_PARAMS)
        return gv_fail(err, GV_BAD_DATA, "more than %d URL query parameters", GV_URL_MAX_PARAMS);
    struct gv_slice key = cut(&text, '=');
    struct gv_url_param param;
    if (!decode(a, key, SPACE_IS_PLUS, &param.key, err) || !decode(a, text, SPACE_IS_PLUS, &param.value, err))
        return false;
    gv_push(a, params->items, params->n, params->cap) = param;
    return true;
}

bool gv_url_parse_query(struct gv_arena *a, struct gv_slice raw, struct gv_url_params *params, struct gv_err *err)
{
    while (raw.n) {
        struct gv_slice text = cut(&raw, '&');
        if (text.n && !add_param(a, text, params, err))
            return false;
    }
    return true;
}

struct gv_slice gv_url_params_get(const struct gv_url_params *params, const char *key)
{
    for (size_t i = 0; i < params->n; i++)
        if (gv_slice_is(params->items[i].key, key))
            return params->items[i].value;
    return (struct gv_slice){NULL, 0};
}

bool gv_url_decode_segment(struct gv_arena *a, struct gv_slice raw, struct gv_slice *out, struct gv_err *err)
{
    return decode(a, raw, SPACE_IS_ESCAPED, out, err);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-_.~", c));
}

/* Besides the unreserved ones, the characters of `plain` stand for themselves. */
static void add_escaped(struct gv_buf *b, struct gv_slice s, const char *plain, enum space space)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        unsigned char byte = (unsigned char)c;
        if (is_unreserved(c) || (c && strchr(plain, c)))
            gv_buf_addc(b, c);
        else if (c == ' ' && space == SPACE_IS_PLUS)
            gv_buf_addc(b, '+');
        else
            gv_buf_add(b, (char[]){'%', digits[byte >> 4], digits[byte & 15]}, 3);
    }
}

void gv_url_add_query_escaped(struct gv_buf *b, struct gv_slice s)
{
    add_escaped(b, s, "", SPACE_IS_PLUS);
}

void gv_url_add_segment_escaped(struct gv_buf *b, struct gv_slice s)
{
    add_escaped(b, s, "$&+=:@", SPACE_IS_ESCAPED);
}

void gv_url_add_param(struct gv_buf *b, const char *key, struct gv_slice value)
{
    if (b->n)
        gv_buf_addc(b, '&');
    gv_url_add_query_escaped(b, gv_slice_of(key));
    gv_buf_addc(b, '=');
    gv_url_add_query_escaped(b, value);
}
