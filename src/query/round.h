/* A round: what a read asks of the clusters in scope, and what the answers mean for it. Loop thread only.
 *
 *   round -> entry per cluster -> one ask; where the samples of its replicas are merged, one to each replica
 *
 * Every cluster asked ends up in exactly one of three places: it answered (ok), it failed and is named in a warning, or
 * its failure fails the read. Of replicas that are merged one answer is enough; those that fail are named in warnings.
 */
#pragma once
#include "query/query.h"

struct local_view;
/* Answers one part from the store, on a worker: *sink is what the part's sink would have become, in the view's arena.
 */
typedef bool round_answer_here_fn(const struct gv_ask_part *part, const struct local_view *v, void **sink,
                                  struct gv_err *err);

struct round_ask {
    struct round_entry *entry;
    struct gv_ask *ask;              /* while it runs */
    const struct gv_ask_part *parts; /* entry->n_parts */
    enum gv_ask_outcome outcome;
    struct gv_err err;
    unsigned replica;
    size_t part; /* of a failure: the first that failed */
    double seconds;
    int64_t bytes;
    void **sinks; /* GV_ASK_OK: one per part */
    struct gv_arena *arena;
};

struct round_entry {
    const struct gv_cluster *cluster;
    struct round *round;
    size_t n_parts; /* 0: it is left out */
    bool again;     /* it will be asked something else instead: as if it had not been asked */
    size_t n_asks;  /* 1, or one per replica, in their order */
    struct round_ask *asks;
};

/* Of clusters listed none but the store is without endpoints. */
static inline bool entry_is_local(const struct round_entry *e)
{
    return !e->cluster->config->n_endpoints;
}

struct round {
    struct gv_task *task; /* held once for every ask under way */
    const struct gv_settings *settings;
    struct gv_budget *budget; /* of the whole read */
    struct round_entry *entries;
    size_t n;
    _Atomic bool canceled;             /* the client went away; set on the loop, read by whoever works on the answers */
    _Atomic bool given_up;             /* the answers still under way need not come: the store's work reads it */
    round_answer_here_fn *answer_here; /* set before round_send */
    bool others_answered; /* in an earlier round of the same read: that all fail in this one does not end it */
    size_t failed_before; /* clusters, in earlier rounds */
    const bool *enough;   /* or NULL. Set while answers come: what is still under way is not waited for */
};

/* How long the read may take: the shorter of the parameter and the configuration, from now. */
int64_t round_deadline_ms(const struct gv_query_env *env, const struct gv_settings *s,
                          const struct gv_read_scope *scope);

/* Whether a read of this scope asks the cluster. */
bool cluster_in_scope(const struct gv_cluster *c, const struct gv_read_scope *scope);
bool local_in_scope(const struct gv_settings *s, const struct gv_read_scope *scope); /* it asks the store */
/* Lists the clusters in scope that can be asked, and last the store; nothing is sent yet. one_each: also of those whose
 * replicas are merged one replica answers. */
void round_init(struct round *r, struct gv_task *task, const struct gv_settings *s, const struct gv_read_scope *scope,
                bool one_each, struct gv_budget *budget, struct gv_arena *a);
/* Sends what the entries' parts say; entries without any are left out. The task is released once for each answer. */
void round_send(struct round *r, const struct gv_query_env *env, const struct gv_read_scope *scope,
                int64_t deadline_ms);
void round_cancel(struct round *r);
/* What became of an entry that was asked: GV_ASK_OK where an ask was, but an outcome that fails the query comes first.
 */
enum gv_ask_outcome round_outcome(const struct round_entry *e);
/* After the answers: false where the read failed; failed clusters that may be missing are added to notes, and replicas
 * that are missing from a merge. */
GV_MUST_CHECK bool round_verdict(const struct round *r, enum gv_partial partial, struct gv_annotations *notes,
                                 struct gv_err *err);
void round_fini(struct round *r); /* frees the answers; any thread */
/* Runs what frees a read's memory: on a worker where that is much, here where it is little; then job->done. */
void read_release(const struct gv_budget *budget, const struct gv_query_env *env, struct gv_work *job);
