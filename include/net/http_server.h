/* HTTP/1.1 server with a strict parser (RFC 9112): anything outside the grammar is 400 and close.
 * Everything here belongs to the loop thread of the connection. One listener per loop (SO_REUSEPORT).
 *
 * Life of an exchange: header parsed -> on_header decides about the body (and may reply at once: authentication, 413)
 * -> body collected -> on_request -> the handler replies now or later, whole or by a producer -> on_end, when the last
 * byte left or the connection died. The exchange and its arena stay valid from on_header to on_end.
 * A client that closes its side counts as gone (as in Go's server): what is not answered by then is canceled. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "loop/loop.h"

struct gv_http_limits {
    size_t header_bytes;       /* request line and fields; 431 beyond; default 32 KiB */
    unsigned header_fields;    /* 431 beyond; default 100 */
    int64_t header_timeout_ms; /* absolute, from accept or the first byte to the end of the header; default 10 s */
    int64_t body_timeout_ms;   /* from the end of the header to the end of the body; default 60 s */
    int64_t idle_timeout_ms;   /* between requests; default 5 min */
    int64_t write_timeout_ms;  /* for the client to take each 64 KiB of a reply; default 60 s */
    size_t output_watermark;   /* production stops above it; default 256 KiB */
    unsigned max_connections;  /* of the whole process; 0: none; beyond: 503 and close */
};
extern const struct gv_http_limits gv_http_default_limits;

enum gv_http_method {
    GV_HTTP_GET,
    GV_HTTP_HEAD,
    GV_HTTP_POST,
    GV_HTTP_PUT,
    GV_HTTP_DELETE,
    GV_HTTP_OPTIONS,
    GV_HTTP_OTHER
};

struct gv_http_field {
    struct gv_slice name, value; /* value without surrounding white space */
};

struct gv_http_request {
    enum gv_http_method method;
    struct gv_slice method_text;
    struct gv_slice target; /* as sent */
    struct gv_slice path;   /* raw, before `?`; still percent-encoded; absolute-form is reduced to its path */
    struct gv_slice query;  /* raw, after `?` */
    const struct gv_http_field *fields;
    size_t n_fields;
    struct gv_slice body;
    char peer[64]; /* address:port */
};
/* First field of that name, case-insensitive; {NULL, 0} when absent. */
struct gv_slice gv_http_request_field(const struct gv_http_request *r, const char *name);

struct gv_http_exchange {
    struct gv_http_request request;
    struct gv_loop *loop;
    struct gv_arena *arena; /* of this exchange: for parameters, small replies */
    void *handler;          /* the handler's own */
};

struct gv_http_handlers {
    /* The largest body to accept, in bytes; the server answers 413 beyond. May reply at once (403, 404, 405...): then
     * on_request does not come, and the body is dropped. NULL: no body is accepted. */
    size_t (*on_header)(void *ctx, struct gv_http_exchange *x);
    void (*on_request)(void *ctx, struct gv_http_exchange *x);
    /* The client went away, or the server aborts, while the handler owes the reply, or the end of a stream: stop the
     * work. The producer is not called any more. on_end follows once the handler calls gv_http_abandon, or replies. */
    void (*on_cancel)(void *ctx, struct gv_http_exchange *x);
    /* Exactly once for every exchange that on_header or on_request has seen, never inside gv_http_reply.
     * complete: the handler's whole reply was handed to the kernel. */
    void (*on_end)(void *ctx, struct gv_http_exchange *x, bool complete);
    void *ctx;
};

/* One reply per exchange. Fields are sent as given (control characters become spaces), besides Date, Content-Length or
 * Transfer-Encoding, Connection, Content-Encoding and Vary, which are the server's: gzip where the client accepts it,
 * the body is worth it, and there is no Content-Encoding given. All arguments are borrowed for the call only. */
void gv_http_reply(struct gv_http_exchange *x, int status, const struct gv_http_field *fields, size_t n,
                   struct gv_slice body);

/* A reply of unknown length, chunked (HTTP/1.0: until close). The producer is called outside this call, whenever there
 * is room below the watermark: it appends up to about `want` bytes, and at least one before it is done. It is never
 * called for HEAD, nor after on_cancel: free what it needs in on_end. GV_PRODUCE_BROKEN resets the connection, so that
 * the client sees a cut body and not a short one. */
enum gv_produce { GV_PRODUCE_MORE, GV_PRODUCE_DONE, GV_PRODUCE_BROKEN };
typedef enum gv_produce gv_http_produce_fn(void *arg, struct gv_buf *out, size_t want);
void gv_http_reply_stream(struct gv_http_exchange *x, int status, const struct gv_http_field *fields, size_t n,
                          gv_http_produce_fn *produce, void *arg);
/* After on_cancel: the handler has let go of everything; on_end may come. Otherwise: closes without a reply. */
void gv_http_abandon(struct gv_http_exchange *x);

struct gv_http_server;
/* One server per loop; all of them bind the same addresses: "host:port", "[::1]:port", ":port" (IPv6 and IPv4). listen
 * fails with the address and the cause; another process on the same port is "Address already in use". For port 0 the
 * bound port is given by gv_http_server_port: the other loops then listen on that. Call them before the loop runs. */
GV_MUST_CHECK struct gv_http_server *gv_http_server_new(struct gv_loop *l, const struct gv_http_limits *limits,
                                                        const struct gv_http_handlers *handlers, struct gv_err *err);
/* Whether it is written like an address to listen on. */
GV_MUST_CHECK bool gv_http_address_check(const char *address, struct gv_err *err);
GV_MUST_CHECK bool gv_http_server_listen(struct gv_http_server *s, const char *address, struct gv_err *err);
int gv_http_server_port(const struct gv_http_server *s, size_t listener);
/* Stops accepting, closes idle connections, lets running exchanges finish (each then closes). drained runs once, on a
 * later turn, when none is left; it may free the server. gv_http_server_abort cancels what still runs. */
void gv_http_server_drain(struct gv_http_server *s, void (*drained)(void *arg), void *arg);
void gv_http_server_abort(struct gv_http_server *s);
void gv_http_server_free(struct gv_http_server *s); /* when no connection is left: after drained */

const char *gv_http_status_text(int status);

struct gv_metric_family;
extern struct gv_metric_family *const gv_http_server_metrics[]; /* base/metric.h; NULL behind the last */
