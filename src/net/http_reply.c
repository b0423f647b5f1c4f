/* Replies: the head as one text, then the body: whole, or from a producer in chunks, through the compressor where the
 * client accepts that. A producer runs only while less than the watermark waits for the client. */
#include "net/http_connection.h"
#include <assert.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

enum {
    PIECE = 64 << 10,             /* of a stream, a turn; 0.4 ms in the compressor */
    WORTH_COMPRESSING = 1 << 10,  /* bytes */
    COMPRESS_AT_ONCE = 128 << 10, /* bytes; larger bodies are compressed piece by piece */
};

static struct gv_http_connection *connection_of(struct gv_http_exchange *x)
{
    return container_of(x, struct gv_http_connection, exchange);
}

/* ---- the head ---- */

static struct gv_slice date_now(struct gv_http_server *s)
{
    time_t now = time(NULL);
    struct tm t;
    if (now != s->date_second)
        strftime(s->date, sizeof s->date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &t));
    s->date_second = now;
    return gv_slice_of(s->date);
}

/* A control character in a value would let it forge fields of its own. */
static void add_field(struct gv_buf *b, struct gv_slice name, struct gv_slice value)
{
    gv_buf_add_slice(b, name);
    gv_buf_add(b, ": ", 2);
    size_t at = b->n;
    gv_buf_add_slice(b, value);
    for (; at < b->n; at++)
        if ((unsigned char)b->p[at] < ' ' || b->p[at] == 0x7f)
            b->p[at] = ' ';
    gv_buf_add(b, "\r\n", 2);
}

static bool status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static void begin_head(struct gv_http_connection *c, int status, const struct gv_http_field *fields, size_t n)
{
    struct gv_buf *b = &c->server->text;
    gv_buf_clear(b);
    gv_buf_printf(b, "HTTP/1.1 %d %s\r\n", status, gv_http_status_text(status));
    add_field(b, GV_S("Date"), date_now(c->server));
    for (size_t i = 0; i < n; i++)
        add_field(b, fields[i].name, fields[i].value);
}

static void end_head(struct gv_http_connection *c)
{
    struct gv_buf *b = &c->server->text;
    if (c->sending.close)
        gv_buf_adds(b, "Connection: close\r\n");
    else if (c->head.minor == 0)
        gv_buf_adds(b, "Connection: keep-alive\r\n");
    gv_buf_add(b, "\r\n", 2);
}

/* Can the next request follow? A body that was not read must be small, and surely on its way. */
static bool must_close(const struct gv_http_connection *c)
{
    bool unread = c->phase == GV_HTTP_PHASE_BODY ||
                  (c->phase == GV_HTTP_PHASE_HEAD &&
                   (c->framing.chunked || c->framing.expect_continue || c->framing.length > GV_HTTP_SKIP_MAX));
    return unread || !c->framing.keep_alive || c->server->draining;
}

/* ---- compression ---- */

static struct gv_slice field_of(const struct gv_http_field *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (gv_http_name_is(fields[i].name, name))
            return fields[i].value;
    return (struct gv_slice){NULL, 0};
}

/* Images are compressed already, and so are streams of encoded chunks, which nobody expects in gzip. */
static bool is_compressible(const struct gv_http_field *fields, size_t n)
{
    struct gv_slice type = field_of(fields, n, "Content-Type");
    return !field_of(fields, n, "Content-Encoding").p && !gv_slice_has_prefix(type, GV_S("image/")) &&
           !gv_slice_has_prefix(type, GV_S("application/x-streamed-protobuf"));
}

/* Says in the head what is done, and that it depends on the client. */
static bool choose_gzip(struct gv_http_connection *c, const struct gv_http_field *fields, size_t n)
{
    if (!is_compressible(fields, n))
        return false;
    bool gzip = gv_http_accepts_gzip(&c->exchange.request);
    gv_buf_adds(&c->server->text, "Vary: Accept-Encoding\r\n");
    if (gzip)
        gv_buf_adds(&c->server->text, "Content-Encoding: gzip\r\n");
    return gzip;
}

static struct gv_gzip *take_gzip(struct gv_http_server *s)
{
    struct gv_gzip *g = s->spare_gzip ? s->spare_gzip : gv_gzip_new();
    s->spare_gzip = NULL;
    return g;
}

static void give_gzip(struct gv_http_server *s, struct gv_gzip *g)
{
    if (!g)
        return;
    gv_gzip_free(s->spare_gzip);
    gv_gzip_reset(g);
    s->spare_gzip = g;
}

static struct gv_slice compress_at_once(struct gv_http_server *s, struct gv_slice body)
{
    struct gv_gzip *g = take_gzip(s);
    gv_buf_clear(&s->packed);
    gv_gzip_write(g, body, true, &s->packed);
    give_gzip(s, g);
    return gv_buf_slice(&s->packed);
}

/* ---- whole replies ---- */

static void send_parts(struct gv_http_connection *c, const struct gv_slice *parts, size_t n)
{
    size_t sent = 0;
    if (!gv_http_output_send(&c->out, c->fd, parts, n, &sent))
        gv_http_connection_break(c, GV_HTTP_CLOSED_CLIENT);
    c->sending.moved += sent;
}

static void send_whole(struct gv_http_connection *c, int status, struct gv_slice body)
{
    if (status_has_body(status))
        gv_buf_printf(&c->server->text, "Content-Length: %zu\r\n", body.n);
    end_head(c);
    struct gv_slice parts[] = {gv_buf_slice(&c->server->text), body};
    send_parts(c, parts, c->sending.head_only ? 1 : 2);
    gv_http_connection_replying(c);
}

static void begin_stream(struct gv_http_connection *c, gv_http_produce_fn *produce, void *arg)
{
    c->sending.chunked = c->head.minor >= 1;
    if (c->sending.chunked)
        gv_buf_adds(&c->server->text, "Transfer-Encoding: chunked\r\n");
    else
        c->sending.close = true; /* the end of the connection is the end of the body */
    end_head(c);
    gv_http_output_add(&c->out, gv_buf_slice(&c->server->text)); /* leaves with the first piece */
    if (!c->sending.head_only) {
        c->sending.produce = produce;
        c->sending.arg = arg;
    }
    gv_http_connection_replying(c);
}

static enum gv_produce produce_whole(void *arg, struct gv_buf *out, size_t want)
{
    struct gv_http_sending *s = arg;
    size_t left = s->whole.n - s->whole_used, n = left < want ? left : want;
    gv_buf_add(out, s->whole.p + s->whole_used, n);
    s->whole_used += n;
    return n < left ? GV_PRODUCE_MORE : GV_PRODUCE_DONE;
}

/* The handler is done with it: from here on it is the server's own stream. */
static void stream_whole(struct gv_http_connection *c, struct gv_slice body)
{
    c->sending.gzip = take_gzip(c->server);
    gv_buf_add_slice(&c->sending.whole, body);
    begin_stream(c, produce_whole, &c->sending);
    c->owing = false;
}

/* false: too late, there is nobody to reply to. */
static bool begin_reply(struct gv_http_connection *c, int status, const struct gv_http_field *fields, size_t n)
{
    if (c->phase == GV_HTTP_PHASE_DEAD || c->broken) {
        gv_http_abandon(&c->exchange);
        return false;
    }
    assert(!c->sending.begun);
    c->sending.close = must_close(c);
    c->sending.head_only = c->exchange.request.method == GV_HTTP_HEAD || !status_has_body(status);
    begin_head(c, status, fields, n);
    return true;
}

void gv_http_reply(struct gv_http_exchange *x, int status, const struct gv_http_field *fields, size_t n,
                   struct gv_slice body)
{
    struct gv_http_connection *c = connection_of(x);
    if (!begin_reply(c, status, fields, n))
        return;
    bool gzip = status_has_body(status) && body.n >= WORTH_COMPRESSING && choose_gzip(c, fields, n);
    if (gzip && body.n > COMPRESS_AT_ONCE)
        stream_whole(c, body);
    else
        send_whole(c, status, gzip ? compress_at_once(c->server, body) : body);
}

void gv_http_reply_stream(struct gv_http_exchange *x, int status, const struct gv_http_field *fields, size_t n,
                          gv_http_produce_fn *produce, void *arg)
{
    struct gv_http_connection *c = connection_of(x);
    if (!begin_reply(c, status, fields, n))
        return;
    if (choose_gzip(c, fields, n) && !c->sending.head_only)
        c->sending.gzip = take_gzip(c->server);
    begin_stream(c, produce, arg);
}

void gv_http_refuse(struct gv_http_connection *c, struct gv_http_fault fault)
{
    const struct gv_http_field type = {GV_S("Content-Type"), GV_S("text/plain; charset=utf-8")};
    gv_http_count_refused(fault.status);
    c->refused = true;
    c->sending.close = true;
    c->sending.head_only = c->exchange.request.method == GV_HTTP_HEAD;
    begin_head(c, fault.status, &type, 1);
    char body[128];
    int n = snprintf(body, sizeof body, "%s\n", fault.reason);
    send_whole(c, fault.status, (struct gv_slice){body, (size_t)n});
}

/* ---- streams ---- */

static void send_piece(struct gv_http_connection *c, struct gv_slice piece, bool last)
{
    char size[24];
    struct gv_slice parts[GV_HTTP_MAX_PARTS];
    size_t n = 0;
    bool chunk = c->sending.chunked && piece.n;
    if (chunk)
        parts[n++] = (struct gv_slice){size, (size_t)snprintf(size, sizeof size, "%zx\r\n", piece.n)};
    parts[n++] = piece;
    if (chunk)
        parts[n++] = GV_S("\r\n");
    if (c->sending.chunked && last)
        parts[n++] = GV_S("0\r\n\r\n");
    send_parts(c, parts, n);
}

/* A cut body must not look whole, not even where the end of the connection is the end of the body. */
static void break_off(struct gv_http_connection *c)
{
    c->owing = false;
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    gv_http_connection_break(c, GV_HTTP_CLOSED_BROKEN);
}

/* One turn's share of a stream. */
static void produce(struct gv_http_connection *c, size_t want)
{
    struct gv_http_server *s = c->server;
    gv_buf_clear(&s->piece);
    enum gv_produce verdict = c->sending.produce(c->sending.arg, &s->piece, want < PIECE ? want : PIECE);
    if (verdict == GV_PRODUCE_BROKEN) {
        break_off(c);
        return;
    }
    bool last = verdict == GV_PRODUCE_DONE;
    gv_buf_clear(&s->packed);
    if (c->sending.gzip)
        gv_gzip_write(c->sending.gzip, gv_buf_slice(&s->piece), last, &s->packed);
    send_piece(c, gv_buf_slice(c->sending.gzip ? &s->packed : &s->piece), last);
    if (last) {
        c->sending.produce = NULL;
        c->owing = false;
    }
}

static size_t room(const struct gv_http_connection *c)
{
    size_t pending = gv_http_output_pending(&c->out), watermark = c->server->limits.output_watermark;
    return pending < watermark ? watermark - pending : 0;
}

enum gv_http_progress gv_http_sending_progress(struct gv_http_connection *c)
{
    if (!c->sending.produce || !room(c))
        send_parts(c, NULL, 0);
    if (c->sending.produce && room(c) && !c->broken)
        produce(c, room(c));
    if (c->broken)
        return GV_HTTP_BROKEN_OFF;
    if (c->sending.produce)
        return room(c) ? GV_HTTP_AGAIN : GV_HTTP_BLOCKED;
    return gv_http_output_pending(&c->out) ? GV_HTTP_BLOCKED : GV_HTTP_SENT;
}

void gv_http_sending_reset(struct gv_http_connection *c)
{
    give_gzip(c->server, c->sending.gzip);
    gv_buf_fini(&c->sending.whole);
    gv_http_output_fini(&c->out);
    c->sending = (struct gv_http_sending){0};
}
