/* The log's insides, shared by its files: log.c (open, append, cut, drop), log_commit.c (the committer),
 * log_replay.c. */
#pragma once
#include "store/log_format.h"
#include <pthread.h>

/* A place in the endless stream of frames: how much lies before it, since the log was opened. */
struct log_mark {
    uint64_t bytes, records;
};

/* A piece of the stream in memory. Appenders write behind `n`, under the lock; the committer reads before the mark that
 * it took under the lock. A frame lies in one block. */
struct log_block {
    struct log_block *next;
    uint64_t start; /* the stream's bytes before it */
    size_t n, cap;
    char p[];
};

enum { LOG_LAZY_NS = 20 * 1000 * 1000 };
int64_t log_now_ns(void); /* CLOCK_MONOTONIC, as the committer waits by */

struct gv_log {
    struct gv_log_options o; /* its texts are owned */
    struct gv_buf path, name;
    int folder; /* descriptor, for syncs of the folder */
    bool replayed, started;
    uint64_t base_record; /* number of the stream's first record */
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t wake;             /* the committer */
    pthread_cond_t cut;              /* who waits for a cut */
    bool idle;                       /* the committer waits for `wake` */
    int64_t lazy_until;              /* until when records that nobody waits for may wait; 0: there are none */
    struct log_block *first, *last;  /* from the one with `synced` in it to the one with `end` */
    struct log_block *spare;         /* for reuse */
    size_t n_spare;                  /* bytes of it */
    struct log_mark end;             /* what was appended */
    struct log_mark written, synced; /* set by the committer alone */
    struct gv_log_ticket *tickets, **last_ticket;
    uint64_t cuts_wanted, cuts_done;
    uint64_t cut_segment; /* what the last cut gave: a segment, or */
    struct gv_err cut_err;
    struct log_segment *segments; /* in the folder, ascending; the last one is in use once started */
    size_t n_segments, cap_segments;
    uint64_t syncs, failures;
    bool closing, failing;
    char why[256];

    /* The committer's own. */
    uint64_t next_segment; /* its number */
    int fd;                /* of the segment in use; -1: none */
    uint64_t size;         /* of it */
    int64_t sync_at;       /* ns: when what is written is due; GV_LOG_INTERVAL */
    int64_t retry_at;      /* ns: when a fresh segment is tried; failing */
    int64_t backoff;       /* ns until the next try */
    struct iovec *iov;
};

void *log_commit(void *log); /* the committer's main */
/* Makes the next segment, for records from number `first` on, and uses it. */
GV_MUST_CHECK bool log_begin_segment(struct gv_log *l, uint64_t first, struct gv_err *err);
void log_release_synced(struct gv_log *l);         /* blocks that no fault can ask for again; under the lock */
uint64_t log_last_segment(const struct gv_log *l); /* 0: none; under the lock */
