/* HTTP client: curl multi on a loop. Loop thread only; one client per loop, handles never cross threads.
 * Connections stay pooled between fan-outs (CURLMOPT_MAXCONNECTS is set from the number of backends). */
#pragma once
#include "base/arena.h"
#include "loop/worker.h"
#include "net/http_settings.h"

struct gv_http_client;
GV_MUST_CHECK struct gv_http_client *gv_http_client_new(struct gv_loop *l, size_t max_connections, struct gv_err *err);
void gv_http_client_set_pool(struct gv_http_client *c, size_t max_connections); /* after a reload */
void gv_http_client_free(struct gv_http_client *c);                             /* when no call runs */
size_t gv_http_client_running(const struct gv_http_client *c);

struct gv_metric; /* base/metric.h */
struct gv_http_call_spec {
    const char *url;                /* http or https, with path and query */
    const char *method;             /* "GET" or "POST" */
    struct gv_slice body;           /* borrowed until on_end, like all below */
    const char *content_type;       /* of the body; may be NULL */
    const struct gv_slice *headers; /* "Name: value" lines besides */
    size_t n_headers;
    struct gv_http_profile *profile; /* authentication, TLS, proxy...; NULL: none of it */
    const char *resolved;            /* "host:port:addr[,addr]" as CURLOPT_RESOLVE takes it, or NULL */
    struct gv_metric *connections;   /* gauge: the connections opened for such calls, pooled ones too; NULL: none */
    int64_t timeout_ms;              /* of the whole call, from gv_http_call_start on */
    int64_t connect_timeout_ms;      /* of name resolution, connection and TLS together; 0: 10 s */
    int64_t max_body;                /* bytes after decompression; 0: none */
    bool compression;                /* ask for gzip */
    bool any_address;                /* of the host's addresses any one, not the first that answers */
};

/* What went wrong, for metrics and for the choice of the next replica. */
#define GV_HTTP_FAILURES(X)                                                                                            \
    X(GV_HTTP_OK, "none")                                                                                              \
    X(GV_HTTP_RESOLVE, "resolve")                                                                                      \
    X(GV_HTTP_CONNECT, "connect")                                                                                      \
    X(GV_HTTP_TLS, "tls")                                                                                              \
    X(GV_HTTP_DEADLINE, "timeout")                                                                                     \
    X(GV_HTTP_BROKEN, "broken") /* reset, cut short, bad framing */                                                    \
    X(GV_HTTP_OVERSIZE, "too_large")                                                                                   \
    X(GV_HTTP_REFUSED, "refused") /* on_header or on_data said no */                                                   \
    X(GV_HTTP_CANCELED, "canceled")
#define GV_HTTP_FAILURE_ENUM(name, text) name,
enum gv_http_failure { GV_HTTP_FAILURES(GV_HTTP_FAILURE_ENUM) };
#undef GV_HTTP_FAILURE_ENUM
const char *gv_http_failure_text(enum gv_http_failure f);

struct gv_http_outcome {
    enum gv_http_failure failure;
    bool connected;     /* the failure came after the connection stood */
    unsigned sent;      /* how often: again by a redirect, and where a pooled connection closed without an answer */
    int status;         /* HTTP status, 0 where none came */
    struct gv_err err;  /* what failed, against which address: "connect to 10.0.0.2:9090: connection refused" */
    double seconds;     /* of the whole call */
    int64_t body_bytes; /* after decompression */
    int64_t wire_bytes;
};

/* Calls start on a later turn, at most 50 of them a turn. Of these functions only gv_http_call_cancel
 * and gv_http_call_field may be called from on_header or on_data. */
struct gv_http_call;
struct gv_http_call_ops {
    /* The status and content type are known, no body byte was handed on yet. false: end the call (GV_HTTP_REFUSED). */
    bool (*on_header)(void *arg, int status, struct gv_slice content_type, struct gv_err *err);
    bool (*on_data)(void *arg, const char *data, size_t n, struct gv_err *err); /* false: end the call */
    void (*on_end)(void *arg, const struct gv_http_outcome *outcome); /* exactly once, on a later turn than start */
};
struct gv_http_call *gv_http_call_start(struct gv_http_client *c, const struct gv_http_call_spec *spec,
                                        const struct gv_http_call_ops *ops, void *arg);
/* In on_header: the first header field of that name (any case), or {NULL, 0}; valid until on_header returns. */
struct gv_slice gv_http_call_field(const struct gv_http_call *call, const char *name);
void gv_http_call_cancel(struct gv_http_call *call); /* no on_data after this; on_end comes on a later turn */
