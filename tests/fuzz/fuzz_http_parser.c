/* A connection's bytes through the parser of HTTP requests: however they are cut, the same requests and bodies come
 * out, and the same fault at the end. */
#include "net/http_parser.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What has come out so far, as text; and the parser in the middle of a request. */
struct stream {
    struct gv_arena arena;
    struct gv_http_limits limits;
    struct gv_http_head head;
    struct gv_http_body body;
    bool in_body, ended;
    size_t at; /* of the data */
    struct gv_buf log;
};

static void begin(struct stream *s)
{
    gv_arena_fini(&s->arena);
    gv_http_head_init(&s->head, &s->arena, &s->limits);
    s->in_body = false;
}

static void end(struct stream *s, struct gv_http_fault fault)
{
    gv_buf_printf(&s->log, "\nfault %d %s", fault.status, fault.reason);
    if (fault.status < 400 || fault.status > 505 || !fault.reason)
        abort();
    s->ended = true;
}

static void note_request(struct stream *s, const struct gv_http_request *r, const struct gv_http_framing *f)
{
    gv_buf_printf(&s->log, "\n%.*s %d [%.*s] [%.*s] [%.*s]", GV_ARG(r->method_text), r->method, GV_ARG(r->target),
                  GV_ARG(r->path), GV_ARG(r->query));
    for (size_t i = 0; i < r->n_fields; i++)
        gv_buf_printf(&s->log, "\n%.*s: %.*s", GV_ARG(r->fields[i].name), GV_ARG(r->fields[i].value));
    gv_buf_printf(&s->log, "\n%d %lld %d %d\n", f->chunked, (long long)f->length, f->keep_alive, f->expect_continue);
    if (r->n_fields > s->limits.header_fields || !r->path.n || (f->chunked && f->length))
        abort();
}

/* Returns whether there is more to do with what is there. */
static bool take_head(struct stream *s, const char *data, size_t n)
{
    enum gv_http_verdict v = gv_http_head_feed(&s->head, data + s->at, n - s->at);
    if (s->head.pos > n - s->at || s->head.pos > s->limits.header_bytes)
        abort();
    if (v == GV_HTTP_BAD)
        end(s, s->head.fault);
    if (v != GV_HTTP_DONE)
        return false;
    struct gv_http_request r = {0};
    struct gv_http_framing f;
    struct gv_http_fault fault = {0};
    gv_http_head_request(&s->head, data + s->at, &r);
    if (!gv_http_framing_read(&s->head, &r, data + s->at, &f, &fault)) {
        end(s, fault);
        return false;
    }
    note_request(s, &r, &f);
    s->at += s->head.pos;
    gv_http_body_init(&s->body, &f, 1000);
    s->in_body = f.chunked || (f.length > 0 && f.length <= 1000);
    if (!s->in_body)
        begin(s);
    return true;
}

static bool take_body(struct stream *s, const char *data, size_t n)
{
    size_t used;
    struct gv_slice piece;
    enum gv_http_verdict v = gv_http_body_feed(&s->body, data + s->at, n - s->at, &used, &piece);
    if (used > n - s->at || s->body.total > 1000)
        abort();
    gv_buf_add_slice(&s->log, piece);
    s->at += used;
    if (v == GV_HTTP_BAD)
        end(s, s->body.fault);
    if (v == GV_HTTP_DONE)
        begin(s);
    return v != GV_HTTP_BAD && (v == GV_HTTP_DONE || s->at < n);
}

static void take(struct stream *s, const char *data, size_t n)
{
    while (!s->ended && s->at < n && (s->in_body ? take_body : take_head)(s, data, n))
        ;
}

/* The log of data that comes in pieces of `step` bytes; each time in memory of its exact size. */
static struct gv_buf parse(const uint8_t *data, size_t size, size_t step)
{
    struct stream s = {.limits = gv_http_default_limits};
    s.limits.header_bytes = 600;
    s.limits.header_fields = 12;
    gv_arena_init(&s.arena, NULL);
    begin(&s);
    for (size_t n = 0; n < size && !s.ended;) {
        n = size - n < step ? size : n + step;
        char *exact = malloc(n);
        memcpy(exact, data, n);
        take(&s, exact, n);
        free(exact);
    }
    gv_buf_printf(&s.log, "\nat %zu", s.ended ? 0 : s.at);
    gv_arena_fini(&s.arena);
    return s.log;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4000)
        return 0;
    struct gv_buf whole = parse(data, size, size ? size : 1);
    const size_t steps[] = {1, 2 + size % 7, size / 2 + 1};
    for (size_t i = 0; i < GV_COUNT(steps); i++) {
        struct gv_buf cut = parse(data, size, steps[i]);
        if (!gv_slice_eq(gv_buf_slice(&whole), gv_buf_slice(&cut))) {
            fprintf(stderr, "whole:%s\npieces of %zu:%s\n", gv_buf_cstr(&whole), steps[i], gv_buf_cstr(&cut));
            abort();
        }
        gv_buf_fini(&cut);
    }
    gv_buf_fini(&whole);
    return 0;
}
