/* Replies: Prometheus's envelope, CORS fields, whole and streamed bodies. */
#include "api/request.h"
#include "base/regex.h"

const char type_json[] = "application/json";
const char type_text[] = "text/plain; charset=utf-8";

enum { MAX_FIELDS = 12 };
enum { SEND_WHOLE = 64 << 10 }; /* bytes; larger bodies are streamed, so that gzip works in turns */

struct fields {
    struct gv_http_field at[MAX_FIELDS];
    size_t n;
};

static void add_field(struct fields *f, const char *name, const char *value)
{
    f->at[f->n++] = (struct gv_http_field){gv_slice_of(name), gv_slice_of(value)};
}

/* As Prometheus answers (util/httputil/cors.go): "*" where every origin may ask, else the origin that asked. */
static void add_cors(struct fields *f, struct request *r)
{
    struct gv_slice origin = gv_http_request_field(&r->x->request, "Origin");
    if (!origin.n)
        return;
    add_field(f, "Vary", "Origin"); /* a cache must not give one site's reply to another */
    bool all = gv_slice_is(gv_slice_of(r->l->api->options.cors_origin), ".*");
    if (!all && !gv_regex_match(r->l->api->cors, origin))
        return;
    add_field(f, "Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin");
    add_field(f, "Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    add_field(f, "Access-Control-Expose-Headers", "Date, X-Query-Id");
    f->at[f->n++] = (struct gv_http_field){GV_S("Access-Control-Allow-Origin"), all ? GV_S("*") : origin};
}

/* RFC 9110 section 15.5.6. */
static void add_allowed(struct fields *f, struct request *r)
{
    bool get = r->methods & M_GET, post = r->methods & M_POST, put = r->methods & M_PUT;
    add_field(f, "Allow",
              gv_arena_printf(r->x->arena, "OPTIONS%s%s%s", get ? ", GET, HEAD" : "", post ? ", POST" : "",
                              put ? ", PUT" : ""));
}

static struct fields fields_of(struct request *r, const char *content_type)
{
    struct fields f = {.n = 0};
    if (content_type)
        add_field(&f, "Content-Type", content_type);
    if (r->methods && !r->route)
        add_allowed(&f, r);
    if (r->query)
        add_field(&f, "X-Query-Id", gv_query_id(r->query));
    for (size_t i = 0; i < r->n_extra; i++)
        f.at[f.n++] = r->extra[i];
    add_cors(&f, r);
    return f;
}

void reply_text(struct request *r, int status, const char *content_type, struct gv_slice text)
{
    struct fields f = fields_of(r, content_type);
    r->status = status;
    gv_http_reply(r->x, status, f.at, f.n, text);
}

void reply_redirect(struct request *r, const char *location)
{
    struct fields f = fields_of(r, NULL);
    add_field(&f, "Location", location);
    r->status = 302;
    gv_http_reply(r->x, 302, f.at, f.n, (struct gv_slice){NULL, 0});
}

static void stream(struct request *r, int status, const struct fields *f, gv_http_produce_fn *produce, void *arg)
{
    r->status = status;
    gv_http_reply_stream(r->x, status, f->at, f->n, produce, arg);
}

void reply_stream(struct request *r, int status, const char *content_type, gv_http_produce_fn *produce, void *arg)
{
    struct fields f = fields_of(r, content_type);
    stream(r, status, &f, produce, arg);
}

void reply_encoded(struct request *r, const char *content_type, const char *encoding, gv_http_produce_fn *produce,
                   void *arg)
{
    struct fields f = fields_of(r, content_type);
    add_field(&f, "Content-Encoding", encoding);
    stream(r, 200, &f, produce, arg);
}

static enum gv_produce send_body(void *arg, struct gv_buf *out, size_t want)
{
    struct request *r = arg;
    size_t left = r->body.n - r->sent, n = left < want ? left : want;
    gv_buf_add(out, r->body.p + r->sent, n);
    r->sent += n;
    return r->sent < r->body.n ? GV_PRODUCE_MORE : GV_PRODUCE_DONE;
}

static void add_texts(struct gv_buf *b, const char *key, const struct gv_slice *texts, size_t n)
{
    if (!n)
        return;
    gv_buf_printf(b, ",\"%s\":[", key);
    for (size_t i = 0; i < n; i++) {
        if (i)
            gv_buf_addc(b, ',');
        gv_buf_add_json(b, texts[i]);
    }
    gv_buf_addc(b, ']');
}

void reply_data(struct request *r, const struct gv_annotations *notes)
{
    static const char open[] = "{\"status\":\"success\",\"data\":";
    size_t n = r->body.n;
    gv_buf_reserve(&r->body, sizeof open);
    memmove(r->body.p + sizeof open - 1, r->body.p, n);
    memcpy(r->body.p, open, sizeof open - 1);
    r->body.n = n + sizeof open - 1;
    if (notes) {
        add_texts(&r->body, "warnings", notes->warnings, notes->n_warnings);
        add_texts(&r->body, "infos", notes->infos, notes->n_infos);
    }
    gv_buf_addc(&r->body, '}');
    if (r->body.n > SEND_WHOLE)
        reply_stream(r, 200, type_json, send_body, r);
    else
        reply_text(r, 200, type_json, gv_buf_slice(&r->body));
}

void reply_error(struct request *r, const struct gv_err *err)
{
    gv_buf_clear(&r->body);
    gv_buf_printf(&r->body, "{\"status\":\"error\",\"errorType\":\"%s\",\"error\":", gv_err_type(err->code));
    gv_buf_add_json(&r->body, gv_slice_of(err->msg));
    gv_buf_addc(&r->body, '}');
    reply_text(r, gv_err_status(err->code), type_json, gv_buf_slice(&r->body));
}

void reply_error_text(struct request *r, const struct gv_err *err)
{
    gv_buf_clear(&r->body);
    gv_buf_printf(&r->body, "%s\n", err->msg);
    reply_text(r, gv_err_status(err->code), type_text, gv_buf_slice(&r->body));
}

void reply_fail(struct request *r, enum gv_err_code code, const char *fmt, ...)
{
    struct gv_err err = {0};
    va_list args;
    va_start(args, fmt);
    gv_vfail(&err, code, fmt, args);
    va_end(args);
    reply_error(r, &err);
}
