/* Inside of asking. Loop thread only.
 *
 *   gv_ask        what is wanted; tries replicas until one answers whole (ask.c)
 *     attempt     all parts at one replica, with one arena (attempt.c)
 *       transfer  one part: one HTTP call, its sink, or the text of an error reply (transfer.c)
 *         lane    transfers to one replica run side by side up to a limit, the others wait (client.c) */
#pragma once
#include "cluster/record.h"
#include "net/http_client.h"

struct attempt;

enum transfer_state { TRANSFER_WAITING, TRANSFER_RUNNING, TRANSFER_ENDED };
struct transfer {
    struct attempt *attempt;
    const struct gv_ask_part *part;
    struct lane *lane;
    struct transfer *next; /* in its lane, while it waits */
    enum transfer_state state;
    const char *url;
    const char *content_type;
    void *sink;
    struct gv_http_call *call; /* while it runs */
    int status;
    struct gv_buf error_body; /* of a reply that is not 2xx */
};

struct attempt {
    struct gv_ask *ask;
    struct attempt *next; /* of the ask's attempts that run */
    struct gv_replica *replica;
    struct gv_arena *arena;
    bool probe; /* admitted by an open breaker */
    bool dead;  /* failed or canceled; its transfers are on their way out */
    bool trips; /* the failure counts for the breaker */
    enum gv_ask_outcome outcome;
    struct gv_err err;
    int64_t started_ns;
    int64_t body_bytes, wire_bytes;
    int status;
    size_t failed_part; /* the first that did */
    size_t open;        /* transfers that have not ended */
    size_t n;
    struct transfer transfers[];
};

struct gv_ask {
    struct gv_cluster_client *client;
    struct gv_ask_spec spec;
    gv_ask_fn *on_answer;
    void *arg;
    int64_t started_ns, deadline_ns;
    uint64_t tried; /* a bit per replica */
    unsigned n_attempts;
    struct attempt *running;
    struct attempt *winner; /* whole; waits for the others to end */
    bool settled;           /* won, failed or canceled: nothing new is started */
    bool canceled, hedge_is_next, posted;
    struct gv_timer timer; /* the hedge; then the deadline of transfers that wait in a lane */
    struct gv_message deliver;
    struct gv_buf failures; /* what the attempts said, one after the other */
    struct gv_ask_answer answer;
};

/* client.c */
struct lane {
    unsigned running, limit;
    struct transfer *first, **end;
};
struct gv_loop *client_loop(const struct gv_cluster_client *cl);
struct gv_http_client *client_http(const struct gv_cluster_client *cl);
void client_count(struct gv_cluster_client *cl, int asks);
void lane_enter(struct gv_cluster_client *cl, struct transfer *t); /* starts it, or lets it wait */
void lane_leave(struct gv_cluster_client *cl, struct transfer *t); /* it ended, or is taken out of the queue */

/* transfer.c */
void transfer_prepare(struct transfer *t);
void transfer_start(struct transfer *t, struct gv_http_client *http);
void transfer_cancel(struct transfer *t);

/* attempt.c */
struct attempt *attempt_start(struct gv_ask *ask, struct gv_replica *replica, bool probe);
/* One transfer has ended; err is NULL where its sink took all. */
void attempt_part_ended(struct attempt *at, enum gv_ask_outcome outcome, bool trips, const struct gv_err *err);
void attempt_fail(struct attempt *at, enum gv_ask_outcome outcome, bool trips, const struct gv_err *err);
void attempt_cancel(struct attempt *at);
void attempt_free(struct attempt *at);

bool ask_has_its_time(const struct gv_ask *a);                   /* all that the cluster's timeout gives */
void ask_name_limit(const struct gv_ask *a, struct gv_err *err); /* which is exceeded: behind what err says */
/* ask.c: no transfer of the attempt runs any more. */
void ask_attempt_over(struct attempt *at);
void ask_waits_in_lane(struct gv_ask *ask);
