/* What the fields of a request say about its body and its connection (RFC 9112 sections 3.2, 6 and 9.3; RFC 9110
 * section 10.1.1). Anything that two programs could read in two ways is refused. */
#include "net/http_parser.h"
#include <strings.h>

/* The fields that matter here, gathered in one walk. */
struct found {
    struct gv_slice host, length, coding, expect;
    unsigned hosts, lengths, codings, expects;
    bool close, keep_alive;
};

bool gv_http_name_is(struct gv_slice name, const char *other)
{
    size_t n = strlen(other);
    return name.n == n && !strncasecmp(name.p, other, n);
}

struct gv_slice gv_http_request_field(const struct gv_http_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_fields; i++)
        if (gv_http_name_is(r->fields[i].name, name))
            return r->fields[i].value;
    return (struct gv_slice){NULL, 0};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool gv_http_list_next(struct gv_slice *list, struct gv_slice *element)
{
    while (list->n && (is_blank(*list->p) || *list->p == ','))
        list->p++, list->n--;
    const char *comma = list->n ? memchr(list->p, ',', list->n) : NULL;
    *element = (struct gv_slice){list->p, comma ? (size_t)(comma - list->p) : list->n};
    list->p += element->n;
    list->n -= element->n;
    while (element->n && is_blank(element->p[element->n - 1]))
        element->n--;
    return element->n;
}

static void read_connection(struct gv_slice value, struct found *f)
{
    for (struct gv_slice option; gv_http_list_next(&value, &option);) {
        f->close |= gv_http_name_is(option, "close");
        f->keep_alive |= gv_http_name_is(option, "keep-alive");
    }
}

static struct found find_fields(const struct gv_http_request *r)
{
    struct found f = {0};
    for (size_t i = 0; i < r->n_fields; i++) {
        struct gv_slice name = r->fields[i].name, value = r->fields[i].value;
        if (gv_http_name_is(name, "Host"))
            f.hosts++, f.host = value;
        else if (gv_http_name_is(name, "Content-Length"))
            f.lengths++, f.length = value;
        else if (gv_http_name_is(name, "Transfer-Encoding"))
            f.codings++, f.coding = value;
        else if (gv_http_name_is(name, "Expect"))
            f.expects++, f.expect = value;
        else if (gv_http_name_is(name, "Connection"))
            read_connection(value, &f);
    }
    return f;
}

static bool refuse(struct gv_http_fault *fault, int status, const char *reason)
{
    *fault = (struct gv_http_fault){status, reason};
    return false;
}

/* uri-host [":" port], by its characters (RFC 3986 section 3.2.2). */
static bool is_host(struct gv_slice host)
{
    for (size_t i = 0; i < host.n; i++) {
        char c = host.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !strchr("-._~%!$&'()*+;=:[]", c)) /* no text holds a NUL here; no comma: two hosts in one */
            return false;
    }
    return true;
}

static bool check_host(const struct found *f, int minor, struct gv_slice authority, struct gv_http_fault *fault)
{
    if (f->hosts > 1)
        return refuse(fault, 400, "more than one Host field");
    if (!f->hosts && minor >= 1)
        return refuse(fault, 400, "missing Host field");
    if (!is_host(f->host))
        return refuse(fault, 400, "malformed Host field");
    if (authority.n && (!is_host(authority) || (f->hosts && (authority.n != f->host.n ||
                                                             strncasecmp(authority.p, f->host.p, authority.n) != 0))))
        return refuse(fault, 400, "the request target contradicts the Host field");
    return true;
}

/* 1*DIGIT and nothing else: no sign, no white space, no list. */
static bool parse_length(struct gv_slice text, int64_t *length)
{
    *length = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || *length > (INT64_MAX - 9) / 10)
            return false;
        *length = *length * 10 + (text.p[i] - '0');
    }
    return text.n;
}

static bool refuse_coding(struct gv_slice list, struct gv_http_fault *fault)
{
    struct gv_slice coding, last = {NULL, 0};
    unsigned chunks = 0;
    while (gv_http_list_next(&list, &coding)) {
        last = coding;
        chunks += gv_http_name_is(coding, "chunked");
    }
    if (chunks == 1 && gv_http_name_is(last, "chunked"))
        return refuse(fault, 501, "unsupported transfer coding");
    return refuse(fault, 400, "malformed Transfer-Encoding");
}

static bool read_body(const struct found *f, int minor, struct gv_http_framing *out, struct gv_http_fault *fault)
{
    if (f->codings && f->lengths)
        return refuse(fault, 400, "both Transfer-Encoding and Content-Length");
    if (f->codings > 1)
        return refuse(fault, 400, "more than one Transfer-Encoding field");
    if (f->codings && minor < 1)
        return refuse(fault, 400, "Transfer-Encoding in HTTP/1.0");
    if (f->codings && !gv_http_name_is(f->coding, "chunked"))
        return refuse_coding(f->coding, fault);
    if (f->lengths > 1)
        return refuse(fault, 400, "more than one Content-Length field");
    if (f->lengths && !parse_length(f->length, &out->length))
        return refuse(fault, 400, "malformed Content-Length");
    out->chunked = f->codings;
    return true;
}

bool gv_http_framing_read(const struct gv_http_head *h, const struct gv_http_request *r, const char *data,
                          struct gv_http_framing *out, struct gv_http_fault *fault)
{
    struct found f = find_fields(r);
    *out = (struct gv_http_framing){.keep_alive = h->minor >= 1 ? !f.close : f.keep_alive && !f.close};
    if (!check_host(&f, h->minor, (struct gv_slice){data + h->authority.at, h->authority.n}, fault))
        return false;
    if (!read_body(&f, h->minor, out, fault))
        return false;
    if (f.expects && h->minor >= 1 && (f.expects > 1 || !gv_http_name_is(f.expect, "100-continue")))
        return refuse(fault, 417, "unknown expectation");
    out->expect_continue = f.expects && h->minor >= 1 && (out->chunked || out->length);
    return true;
}
