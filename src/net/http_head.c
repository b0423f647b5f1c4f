/* The head of a request: line by line as the bytes come, each byte looked at once for being text and once as a part of
 * its line. Positions are kept as offsets, for the bytes may move between two calls. */
#include "net/http_chars.h"
#include "net/http_parser.h"
#include <strings.h>

void gv_http_head_init(struct gv_http_head *h, struct gv_arena *a, const struct gv_http_limits *limits)
{
    *h = (struct gv_http_head){.arena = a, .max_bytes = limits->header_bytes, .max_fields = limits->header_fields};
}

static enum gv_http_verdict refuse(struct gv_http_head *h, int status, const char *reason)
{
    h->fault = (struct gv_http_fault){status, reason};
    return GV_HTTP_BAD;
}

static struct gv_http_span span(size_t at, size_t end)
{
    return (struct gv_http_span){(uint32_t)at, (uint32_t)(end - at)};
}

static struct gv_slice slice_of(const char *data, struct gv_http_span s)
{
    return (struct gv_slice){data + s.at, s.n};
}

static size_t skip_token(const char *data, size_t at, size_t end)
{
    while (at < end && gv_http_tchar[(unsigned char)data[at]])
        at++;
    return at;
}

static size_t find(const char *data, size_t at, size_t end, char c)
{
    const char *found = memchr(data + at, c, end - at);
    return found ? (size_t)(found - data) : end;
}

static enum gv_http_verdict take_version(struct gv_http_head *h, const char *p, size_t n)
{
    static const char form[] = "HTTP/d.d";
    if (n != sizeof form - 1 || memcmp(p, form, 5) != 0 || p[6] != '.' || p[5] < '0' || p[5] > '9' || p[7] < '0' ||
        p[7] > '9')
        return refuse(h, 400, "malformed HTTP version");
    if (p[5] != '1' || p[7] > '1')
        return refuse(h, 505, "HTTP version not supported");
    h->minor = p[7] - '0';
    return GV_HTTP_MORE;
}

static bool is_path_char(unsigned char c)
{
    return c > ' ' && c < 0x7f && c != '#';
}

/* at: where the path begins; UTF-8 may stand in the query, which no other program's framing depends on. */
static enum gv_http_verdict take_path_and_query(struct gv_http_head *h, const char *data, size_t at, size_t end)
{
    size_t mark = find(data, at, end, '?');
    for (size_t i = at; i < end; i++)
        if (!is_path_char((unsigned char)data[i]) && !(i > mark && (unsigned char)data[i] >= 0x80))
            return refuse(h, 400, "invalid character in the request target");
    h->path = span(at, mark);
    h->query = mark < end ? span(mark + 1, end) : span(end, end);
    return GV_HTTP_MORE;
}

static size_t scheme_length(const char *p, size_t n)
{
    if (n >= 7 && !strncasecmp(p, "http://", 7))
        return 7;
    return n >= 8 && !strncasecmp(p, "https://", 8) ? 8 : 0;
}

static enum gv_http_verdict take_target(struct gv_http_head *h, const char *data, size_t at, size_t end)
{
    h->target = span(at, end);
    if (at == end)
        return refuse(h, 400, "empty request target");
    if (data[at] == '/')
        return take_path_and_query(h, data, at, end);
    if (end - at == 1 && data[at] == '*' && gv_slice_is(slice_of(data, h->method), "OPTIONS"))
        return take_path_and_query(h, data, at, end);
    size_t scheme = scheme_length(data + at, end - at);
    if (!scheme)
        return refuse(h, 400, "unsupported form of request target");
    size_t path = at + scheme;
    while (path < end && data[path] != '/' && data[path] != '?')
        path++;
    h->authority = span(at + scheme, path);
    if (!h->authority.n)
        return refuse(h, 400, "request target without a host");
    return take_path_and_query(h, data, path, end);
}

/* method SP target SP version: two spaces, no more. */
static enum gv_http_verdict take_request_line(struct gv_http_head *h, const char *data, size_t at, size_t end)
{
    h->stage = GV_HTTP_HEAD_FIELDS;
    size_t method_end = skip_token(data, at, end);
    if (method_end == at || method_end == end || data[method_end] != ' ')
        return refuse(h, 400, "malformed method");
    h->method = span(at, method_end);
    size_t target = method_end + 1, target_end = find(data, target, end, ' ');
    if (target_end == end)
        return refuse(h, 400, "malformed request line");
    enum gv_http_verdict v = take_version(h, data + target_end + 1, end - target_end - 1);
    return v == GV_HTTP_BAD ? v : take_target(h, data, target, target_end);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static enum gv_http_verdict take_field(struct gv_http_head *h, const char *data, size_t at, size_t end)
{
    if (is_blank(data[at]))
        return refuse(h, 400, "folded field line");
    size_t colon = skip_token(data, at, end);
    if (colon == at || colon == end || data[colon] != ':')
        return refuse(h, 400, "malformed field name");
    size_t value = colon + 1;
    while (value < end && is_blank(data[value]))
        value++;
    while (end > value && is_blank(data[end - 1]))
        end--;
    if (h->n_fields == h->max_fields)
        return refuse(h, 431, "too many header fields");
    gv_push(h->arena, h->fields, h->n_fields, h->cap_fields) =
        (struct gv_http_field_span){span(at, colon), span(value, end)};
    return GV_HTTP_MORE;
}

static enum gv_http_verdict take_line(struct gv_http_head *h, const char *data, size_t at, size_t end)
{
    if (h->stage == GV_HTTP_HEAD_FIELDS)
        return at == end ? GV_HTTP_DONE : take_field(h, data, at, end);
    if (at < end)
        return take_request_line(h, data, at, end);
    if (h->stage == GV_HTTP_HEAD_EMPTY_LINE)
        return refuse(h, 400, "empty lines before the request line");
    h->stage = GV_HTTP_HEAD_EMPTY_LINE; /* RFC 9112 section 2.2 */
    return GV_HTTP_MORE;
}

static enum gv_http_verdict refuse_char(struct gv_http_head *h, char c)
{
    return refuse(h, 400, c == '\n' ? "line feed without carriage return" : "control character in the header");
}

enum gv_http_verdict gv_http_head_feed(struct gv_http_head *h, const char *data, size_t n)
{
    bool full = n >= h->max_bytes;
    if (full)
        n = h->max_bytes;
    while (h->pos < n) {
        if (gv_http_text[(unsigned char)data[h->pos]]) {
            h->pos++;
            continue;
        }
        if (data[h->pos] != '\r')
            return refuse_char(h, data[h->pos]);
        if (h->pos + 1 == n)
            break;
        if (data[h->pos + 1] != '\n')
            return refuse(h, 400, "carriage return without line feed");
        size_t at = h->line, end = h->pos;
        h->line = h->pos += 2;
        enum gv_http_verdict v = take_line(h, data, at, end);
        if (v != GV_HTTP_MORE)
            return v;
    }
    return full ? refuse(h, 431, "header too large") : GV_HTTP_MORE;
}

static enum gv_http_method method_of(struct gv_slice text)
{
    static const struct {
        const char *text;
        enum gv_http_method method;
    } methods[] = {
        {"GET", GV_HTTP_GET}, {"HEAD", GV_HTTP_HEAD},     {"POST", GV_HTTP_POST},
        {"PUT", GV_HTTP_PUT}, {"DELETE", GV_HTTP_DELETE}, {"OPTIONS", GV_HTTP_OPTIONS},
    };
    for (size_t i = 0; i < GV_COUNT(methods); i++)
        if (gv_slice_is(text, methods[i].text))
            return methods[i].method;
    return GV_HTTP_OTHER;
}

void gv_http_head_request(const struct gv_http_head *h, const char *data, struct gv_http_request *r)
{
    struct gv_http_field *fields = gv_arena_array(h->arena, struct gv_http_field, h->n_fields);
    for (size_t i = 0; i < h->n_fields; i++)
        fields[i] = (struct gv_http_field){slice_of(data, h->fields[i].name), slice_of(data, h->fields[i].value)};
    r->fields = fields;
    r->n_fields = h->n_fields;
    r->method_text = slice_of(data, h->method);
    r->method = method_of(r->method_text);
    r->target = slice_of(data, h->target);
    r->path = h->path.n ? slice_of(data, h->path) : GV_S("/");
    r->query = slice_of(data, h->query);
}
