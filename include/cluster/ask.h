/* Asking a cluster: one ask, one answer. Loop thread only; one client per loop.
 *
 * An ask is one or more requests that belong together (all that a query wants of a cluster). All of them go to one
 * replica; where it fails, or is late (hedge), all of them are repeated at the next one, and the first replica whose
 * answers are all whole wins. So a query never mixes replicas, and a cluster either answers it or is missing from it.
 *
 *   ask -> queue (about 50 starts a turn, a limit per replica) -> attempt 1: replica A, one sink per part
 *            failed, or late ---------------------------------> attempt 2: replica B, sinks of its own
 *            first whole attempt, or no replica left ----------> on_answer, once, on a later turn, when no transfer
 * runs
 *
 * Bodies of 2xx replies stream into the sinks. Replies of any other status are read here: the error envelope of
 * Prometheus is understood and classified (gv_backend_verdict). */
#pragma once
#include "cluster/cluster.h"
#include "loop/worker.h"

struct gv_cluster_client;
GV_MUST_CHECK struct gv_cluster_client *gv_cluster_client_new(struct gv_loop *l, struct gv_err *err);
/* One of so many loops that ask the same servers: its part of the connections to each. Before the first ask. */
void gv_cluster_client_share(struct gv_cluster_client *cl, unsigned loops);
void gv_cluster_client_set_clusters(struct gv_cluster_client *cl, const struct gv_clusters *cs); /* sizes the pool */
size_t gv_cluster_client_running(const struct gv_cluster_client *cl);                            /* asks */
void gv_cluster_client_free(struct gv_cluster_client *cl);                                       /* when none runs */

/* Where the body of one part goes. One sink per attempt, all memory in the attempt's arena: a losing hedge is freed
 * whole, without a call (register what lives elsewhere with gv_arena_defer). */
struct gv_sink_ops {
    void *(*begin)(void *arg, const struct gv_cluster *c, unsigned replica, struct gv_arena *a);
    /* 2xx only; NULL: gv_sink_wants_json. false: the reply is not what was asked for. */
    bool (*header)(void *sink, int status, struct gv_slice content_type, struct gv_err *err);
    bool (*feed)(void *sink, const char *data, size_t n, struct gv_err *err);
    /* The body is whole. false: it ends too early or says an error (fail it as gv_sink_backend_error would). */
    bool (*finish)(void *sink, struct gv_err *err);
};
/* Fails with GV_BAD_DATA unless the content type is application/json. */
bool gv_sink_wants_json(void *sink, int status, struct gv_slice content_type, struct gv_err *err);

struct gv_ask_part {
    const char *method;             /* "GET" or "POST" */
    const char *path;               /* "/api/v1/query": goes behind the endpoint's own path */
    struct gv_slice query;          /* encoded parameters, behind `?`; may be empty */
    struct gv_slice body;           /* POST only */
    const char *content_type;       /* of the body; NULL: application/x-www-form-urlencoded */
    const struct gv_slice *headers; /* "Name: value", for this part alone */
    size_t n_headers;
    bool
        never_compressed; /* gzip is not asked for: where it is cut short libcurl does not say so, nor would the sink */
    const struct gv_sink_ops *sink;
    void *sink_arg;
};

struct gv_ask_spec {
    const struct gv_cluster *cluster; /* its set must outlive the answer */
    const struct gv_ask_part *parts;  /* borrowed until the answer, as all that they point to */
    size_t n_parts;
    const struct gv_slice *headers; /* "Name: value" of forwarded request headers; for all parts */
    size_t n_headers;
    int64_t deadline_ms;      /* on the loop's monotonic clock; the cluster's own `timeout` may end the ask earlier */
    struct gv_budget *budget; /* of the query; the attempts' arenas are charged to it */
    int replica;              /* try this one first; -1: the best. Hedging and failover apply all the same */
    bool only_that_replica;   /* no failover, no hedge (`replicas: merge` asks each) */
};

/* What became of an ask. Names are for metrics. */
#define GV_ASK_OUTCOMES(X)                                                                                             \
    X(GV_ASK_OK, "ok")                                                                                                 \
    X(GV_ASK_RESOLVE, "resolve")                                                                                       \
    X(GV_ASK_CONNECT, "connect")                                                                                       \
    X(GV_ASK_TLS, "tls")                                                                                               \
    X(GV_ASK_DEADLINE, "deadline")                                                                                     \
    X(GV_ASK_BROKEN, "broken")        /* reset, cut short, bad framing */                                              \
    X(GV_ASK_OVERSIZE, "oversize")    /* max_response_size */                                                          \
    X(GV_ASK_STATUS, "status")        /* a status or an error envelope that is the cluster's fault */                  \
    X(GV_ASK_BAD_BODY, "bad_body")    /* a sink said that the reply is not what was asked for */                       \
    X(GV_ASK_BREAKER, "breaker_open") /* not asked: its breaker is open */                                             \
    /* not the cluster's fault: the first error of these fails the query */                                            \
    X(GV_ASK_QUERY, "query")             /* the backend found an error of the query itself */                          \
    X(GV_ASK_LIMIT, "limit")             /* a limit of the query here: max_samples, max_query_memory */                \
    X(GV_ASK_UNSUPPORTED, "unsupported") /* the backend's PromQL lacks it: plan again with raw samples */              \
    X(GV_ASK_CANCELED, "canceled")
#define GV_ASK_ENUM(name, text) name,
enum gv_ask_outcome { GV_ASK_OUTCOMES(GV_ASK_ENUM) };
#undef GV_ASK_ENUM
const char *gv_ask_outcome_text(enum gv_ask_outcome o);

struct gv_ask_answer {
    const struct gv_cluster *cluster;
    enum gv_ask_outcome outcome;
    /* Set unless GV_ASK_OK; ready for `warnings` or the reply: `cluster "c2": connect to 10.0.0.2:9090: connection
     * refused`. Code: GV_UNAVAILABLE or GV_TIMEOUT for the cluster's failures, GV_EXECUTION and the like for the
     * query's (GV_ASK_QUERY: the backend's own words, after the cluster's name), GV_CANCELED. */
    struct gv_err err;
    unsigned replica;       /* that answered, or failed last */
    unsigned attempts;      /* 1 where the first replica answered; 0: none was asked (breaker, canceled in the queue) */
    size_t part;            /* that failed first, of the attempt that failed last */
    int status;             /* HTTP status of the last reply, 0: none came */
    double seconds;         /* from the ask to the answer */
    int64_t body_bytes;     /* of the winning attempt, after decompression */
    int64_t wire_bytes;     /* of all attempts */
    void **sinks;           /* GV_ASK_OK: one per part, in arena; NULL otherwise */
    struct gv_arena *arena; /* GV_ASK_OK: passes to the receiver, who ends it with gv_ask_arena_free; else NULL */
};
typedef void gv_ask_fn(void *arg, const struct gv_ask_answer *answer); /* the answer is borrowed, its arena given */
void gv_ask_arena_free(struct gv_arena *a);                            /* any thread; NULL is nothing */

struct gv_ask;
/* on_answer comes exactly once, on a later turn of the loop; then the ask is gone and nothing of it runs any more. */
struct gv_ask *gv_cluster_ask(struct gv_cluster_client *cl, const struct gv_ask_spec *spec, gv_ask_fn *on_answer,
                              void *arg);
/* No sink is called any more; the answer is GV_ASK_CANCELED. The transfers end within a turn. */
void gv_cluster_ask_cancel(struct gv_ask *ask);

/* Whose error is it that a backend reported? status 200 stands for an envelope that came with 2xx. type and message:
 * errorType and error, empty where there was no envelope (planning: errors of backends). */
enum gv_ask_outcome gv_backend_verdict(int status, struct gv_slice type, struct gv_slice message);
/* For a sink whose decoder met an error envelope in a 2xx body: fails err with GV_EXECUTION where the query is at fault
 * and GV_BAD_DATA where the cluster is. Of a sink's errors GV_BAD_DATA becomes GV_ASK_BAD_BODY, any other GV_ASK_LIMIT.
 */
bool gv_sink_backend_error(struct gv_slice type, struct gv_slice message, struct gv_err *err);
