/* Runs one query: admission, parse, plan, fan-out, union. Loop thread only; one answer per query.
 *
 * A query asks for the value of a PromQL text, or for the raw series of selections (struct gv_query_raw): the one entry
 * for whatever hands samples on, whether they come from clusters by remote read, from several replicas, or from here.
 *
 * The place in the gate and all memory are held until gv_query_free, which the caller calls when the last byte of the
 * reply has left. */
#pragma once
#include "cluster/ask.h"
#include "loop/task.h"
#include "exec/raw_source.h"
#include "plan/selections.h"
#include "query/gate.h"
#include "query/settings.h"

/* What a query runs with; one per loop, made by the program at start. */
struct gv_query_env {
    struct gv_loop *loop;
    struct gv_workers *workers;
    struct gv_cluster_client *clusters;
    struct gv_gate *gate;         /* process-wide, as the next: places for queries */
    struct gv_gate *reads;        /* places for remote reads that are served */
    struct gv_budget *memory;     /* process-wide: max_total_query_memory */
    struct gv_receiver *receiver; /* process-wide, of writes; NULL: there is nowhere to write to */
};

enum gv_partial { GV_PARTIAL_DEFAULT, GV_PARTIAL_YES, GV_PARTIAL_NO }; /* parameter partial_response */
enum gv_stats { GV_STATS_NONE, GV_STATS_BASIC, GV_STATS_ALL };         /* parameter stats */

/* What every read has in common. Slices are borrowed until the query is freed. */
struct gv_read_scope {
    struct gv_slice cluster; /* /cluster/<name>/: this one alone; empty: all */
    enum gv_partial partial;
    int64_t timeout_ms;             /* parameter timeout; 0: none */
    const struct gv_slice *headers; /* "Name: value", forwarded */
    size_t n_headers;
};

struct gv_query;

/* Raw series instead of a text's value. Borrowed until the query is freed. */
struct gv_query_raw {
    const struct gv_select *selections;
    size_t n;
    enum gv_plan_wanted wanted;
    bool is_read;     /* needs a place among the remote reads, too */
    bool floats_only; /* histograms are of no use: a source that cannot give them is none the worse for it. They may
                         come nevertheless */
    /* Fills in the selections, before all else, where they are still to be read: on a worker. NULL: they are there. */
    bool (*read)(void *arg, struct gv_query *q, struct gv_err *err);
    /* Makes the reply of the outcome's raw sources; pure, on whatever thread. Not called where the query failed. Long
     * ones ask gv_query_goes_on now and then. */
    bool (*digest)(void *arg, struct gv_query *q, struct gv_err *err);
    void *arg;
};

struct gv_query_request {
    struct gv_read_scope scope;
    struct gv_slice text;
    const struct gv_query_raw *raw; /* NULL: the value of text */
    bool range;
    int64_t start, end, step; /* ms; instant: start == end, step 0 */
    int64_t lookback_ms;      /* 0: the configuration's */
    uint64_t limit;           /* series; 0: all */
    enum gv_stats stats;
};

/* How one cluster took part, for stats=all; one per replica where their samples are merged. */
struct gv_query_part {
    struct gv_slice cluster;
    unsigned replica;
    double seconds;
    int64_t bytes, series, samples;
    bool failed;
};

struct gv_query_outcome {
    struct gv_err err; /* GV_OK: result is valid */
    const struct gv_result *result;
    struct gv_raw_source *raw; /* one per selection, where those were asked for; result is then NULL */
    const struct gv_query_part *parts;
    size_t n_parts;
    int64_t samples, peak_samples;
    double queue_seconds, total_seconds;
};

typedef void gv_query_done_fn(void *arg, struct gv_query *q);
/* Takes over the reference of settings. done runs once, on a later turn. */
struct gv_query *gv_query_start(const struct gv_query_env *env, struct gv_settings *settings,
                                const struct gv_query_request *request, gv_query_done_fn *done, void *arg);
void gv_query_cancel(struct gv_query *q);                                  /* done follows, with GV_CANCELED */
const struct gv_query_outcome *gv_query_outcome(const struct gv_query *q); /* after done */
struct gv_arena *gv_query_arena(struct gv_query *q);
/* For whoever works on the outcome, on any thread: false with GV_CANCELED or GV_TIMEOUT. */
GV_MUST_CHECK bool gv_query_goes_on(const struct gv_query *q, struct gv_err *err);
_Atomic bool *gv_query_canceled(struct gv_query *q); /* the same, to be polled */
const char *gv_query_id(const struct gv_query *q);   /* 16 hex digits; X-Query-Id */
void gv_query_free(struct gv_query *q);              /* after done */
