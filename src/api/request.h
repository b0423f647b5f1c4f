/* One request on its way through the API: route -> parameters -> a read of the clusters -> reply. Loop thread only. */
#pragma once
#include "api/ops.h"
#include "api/params.h"
#include "base/map.h"
#include "query/fanout.h"

struct request;
struct document;
typedef void handler_fn(struct request *r);

enum access { /* who may use a route */
              ACCESS_OPEN,
              ACCESS_READ,
              ACCESS_WRITE,     /* `ingest` in the configuration */
              ACCESS_LIFECYCLE, /* --web.enable-lifecycle */
              ACCESS_ADMIN      /* --web.enable-admin-api */
};
enum { M_GET = 1 << 0, M_POST = 1 << 1, M_PUT = 1 << 2 }; /* GET stands for HEAD too */

struct route {
    const char *path; /* `{name}` is one segment, given to the handler decoded */
    unsigned methods; /* M_... */
    enum access access;
    bool scoped; /* also under /cluster/<name>/ */
    handler_fn *handle;
    const struct document *document; /* of document_serve */
};
const struct route *routes_table(size_t *n);

struct route_metrics; /* requests, latency, in flight; per route */

struct request {
    struct gv_http_exchange *x;
    struct gv_api_loop *l;
    const struct route *route;
    unsigned methods;         /* M_..., that its path takes; 0: there is no such path */
    struct gv_slice argument; /* the segment of `{name}` */
    struct gv_slice cluster;  /* /cluster/<name>/; empty: all */
    struct gv_url_params params;
    struct gv_settings *settings; /* with a reference, until a read takes it over */
    struct gv_read_scope scope;
    /* The read under way, if any; freed when the exchange ends. */
    struct gv_query *query;
    struct gv_fanout *fanout;
    bool canceled;
    bool busy; /* work elsewhere is under way: the handler abandons the exchange itself */
    int64_t start_ns;
    int status;         /* replied */
    struct gv_buf body; /* what is being sent, where it is whole */
    size_t sent;
    struct gv_http_field extra[4]; /* of the reply, beside what every reply has */
    size_t n_extra;
    size_t reserved; /* bytes of the receiver's budget, for the body */
    void *state;     /* the handler's, in the exchange's arena */
};

struct gv_api {
    struct gv_api_options options;
    struct gv_api_ops ops;
    struct gv_regex *cors;
    struct gv_slice prefix; /* route prefix */
};

struct gv_api_loop {
    struct gv_api *api;
    struct gv_query_env env;
};

/* The scope of a read: cluster, partial_response, timeout, forwarded headers. Fails on bad parameters. */
bool request_scope(struct request *r, struct gv_err *err);
struct gv_settings *request_take_settings(struct request *r); /* hands the reference over */

/* --- replies; one per request --- */
void reply_error(struct request *r, const struct gv_err *err);
void reply_fail(struct request *r, enum gv_err_code code, const char *fmt, ...) GV_PRINTF(3, 4);
void reply_text(struct request *r, int status, const char *content_type, struct gv_slice text);
void reply_redirect(struct request *r, const char *location); /* 302 */
/* r->body holds the JSON of "data": wraps it into the envelope and sends it. notes may be NULL. */
void reply_data(struct request *r, const struct gv_annotations *notes);
/* A reply that is no JSON: `status` and a line of text, as Prometheus's plain handlers answer. */
void reply_error_text(struct request *r, const struct gv_err *err);
void reply_stream(struct request *r, int status, const char *content_type, gv_http_produce_fn *produce, void *arg);
/* 200 with a body that is already in that Content-Encoding. */
void reply_encoded(struct request *r, const char *content_type, const char *encoding, gv_http_produce_fn *produce,
                   void *arg);
extern const char type_json[];
extern const char type_text[];
