/* A round: one ask to each cluster in scope, and what the answers mean for the read. Loop thread only.
 *
 * Every cluster asked ends up in exactly one of three places: it answered (ok), it failed and is named in a warning, or
 * its failure fails the read. */
#pragma once
#include "query/query.h"

struct round_entry {
    const struct gv_cluster *cluster;
    struct gv_ask *ask; /* while it runs */
    struct round *round;
    const struct gv_ask_part *parts; /* what is asked of it */
    size_t n_parts;                  /* 0: it is left out */
    struct gv_ask_part *filled;      /* where the next part goes, while they are listed */
    enum gv_ask_outcome outcome;
    bool again; /* it will be asked something else instead: as if it had not been asked */
    struct gv_err err;
    unsigned replica;
    double seconds;
    int64_t bytes;
    void **sinks; /* GV_ASK_OK: one per part */
    struct gv_arena *arena;
};

struct round {
    struct gv_task *task; /* held once for every ask under way */
    const struct gv_settings *settings;
    struct gv_budget *budget; /* of the whole read */
    struct round_entry *entries;
    size_t n;
    _Atomic bool canceled; /* set on the loop, read by whoever works on the answers */
    bool others_answered;  /* in an earlier round of the same read: that all fail in this one does not end it */
};

/* How long the read may take: the shorter of the parameter and the configuration, from now. */
int64_t round_deadline_ms(const struct gv_query_env *env, const struct gv_settings *s,
                          const struct gv_read_scope *scope);

/* Whether a read of this scope asks the cluster. */
bool cluster_in_scope(const struct gv_cluster *c, const struct gv_read_scope *scope);
/* Lists the clusters in scope that can be asked; nothing is sent yet. */
void round_init(struct round *r, struct gv_task *task, const struct gv_settings *s, const struct gv_read_scope *scope,
                struct gv_budget *budget, struct gv_arena *a);
/* Sends what the entries' parts say; entries without any are left out. The task is released once for each answer. */
void round_send(struct round *r, const struct gv_query_env *env, const struct gv_read_scope *scope,
                int64_t deadline_ms);
void round_cancel(struct round *r);
/* After the answers: false where the read failed; failed clusters that may be missing are added to notes. */
GV_MUST_CHECK bool round_verdict(const struct round *r, enum gv_partial partial, struct gv_annotations *notes,
                                 struct gv_err *err);
void round_fini(struct round *r); /* frees the answers; any thread */
/* Runs what frees a read's memory: on a worker where that is much, here where it is little; then job->done. */
void read_release(const struct gv_budget *budget, const struct gv_query_env *env, struct gv_work *job);
