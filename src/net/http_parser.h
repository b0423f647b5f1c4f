/* The grammar of HTTP/1.1 requests (RFC 9112), strictly: whatever two programs could read in two ways is refused.
 * Pure functions over bytes, no sockets, linear time. However the bytes are cut into pieces, the outcome is the same:
 * a fault is that of the first byte, in order, at which the text cannot be a good request any more.
 *
 * What is looser than the RFC, because people type it: any visible character in a target but `#`, and UTF-8 in the
 * query. What is stricter: absolute-form must agree with Host; no white space around the chunk size; one empty line
 * may precede a request, not more. */
#pragma once
#include "net/http_server.h"

enum gv_http_verdict { GV_HTTP_MORE, GV_HTTP_DONE, GV_HTTP_BAD };

struct gv_http_fault {
    int status;         /* 400, 413, 417, 431, 501, 505 */
    const char *reason; /* a static text, for the reply and the metrics */
};

struct gv_http_span {
    uint32_t at, n; /* in the bytes of the head */
};
struct gv_http_field_span {
    struct gv_http_span name, value;
};

enum gv_http_head_stage { GV_HTTP_HEAD_START, GV_HTTP_HEAD_EMPTY_LINE, GV_HTTP_HEAD_FIELDS };

/* The request line and the fields, up to the empty line. */
struct gv_http_head {
    struct gv_arena *arena; /* for the spans of the fields */
    size_t max_bytes;       /* 431 beyond */
    unsigned max_fields;    /* 431 beyond */
    enum gv_http_head_stage stage;
    size_t pos, line; /* scanned up to here; the line under scan begins here */
    struct gv_http_span method, target, authority, path, query;
    struct gv_http_field_span *fields;
    size_t n_fields, cap_fields;
    int minor; /* of HTTP/1.x: 0 or 1 */
    struct gv_http_fault fault;
};

void gv_http_head_init(struct gv_http_head *h, struct gv_arena *a, const struct gv_http_limits *limits);
/* data: every byte of the head that is there, always from its first one. DONE: h->pos bytes are the head. */
enum gv_http_verdict gv_http_head_feed(struct gv_http_head *h, const char *data, size_t n);
/* After DONE: the request, borrowing from a stable copy of the head's bytes; the fields' array lives in the arena. */
void gv_http_head_request(const struct gv_http_head *h, const char *data, struct gv_http_request *r);

/* What the fields say about the body and the connection. */
struct gv_http_framing {
    bool chunked;
    int64_t length; /* of the body, where not chunked */
    bool keep_alive;
    bool expect_continue;
};
GV_MUST_CHECK bool gv_http_framing_read(const struct gv_http_head *h, const struct gv_http_request *r, const char *data,
                                        struct gv_http_framing *f, struct gv_http_fault *fault);

/* A body, by length or in chunks. Extensions and trailers are checked and dropped. */
struct gv_http_body {
    int state;
    int64_t left;      /* of the body or the chunk */
    int64_t total;     /* bytes of data so far */
    int64_t max;       /* 413 beyond */
    unsigned digits;   /* of the chunk size */
    size_t extensions; /* bytes, of the whole body */
    size_t trailers;   /* bytes */
    struct gv_http_fault fault;
};
void gv_http_body_init(struct gv_http_body *b, const struct gv_http_framing *f, int64_t max);
/* Takes *used bytes of data, and gives at most one piece of the body out of them. MORE with *used < n: call again with
 * the rest. DONE: what follows *used is the next request's. */
enum gv_http_verdict gv_http_body_feed(struct gv_http_body *b, const char *data, size_t n, size_t *used,
                                       struct gv_slice *piece);
/* How many of the next bytes are the body's own, so that they may be read to where they are to stay (0: unknown), and
 * that so many of them were. */
size_t gv_http_body_wants(const struct gv_http_body *b);
enum gv_http_verdict gv_http_body_took(struct gv_http_body *b, size_t n);

/* ASCII without case. */
bool gv_http_name_is(struct gv_slice name, const char *other);
/* Calls of a comma-separated list: the next element, without white space; false at the end. Empty ones are skipped. */
bool gv_http_list_next(struct gv_slice *list, struct gv_slice *element);
