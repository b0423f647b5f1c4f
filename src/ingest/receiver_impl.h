/* Shared by the files of the receiver. */
#pragma once
#include "ingest/last_writes.h"
#include "ingest/receiver.h"
#include "ingest/refusal.h"
#include "ingest/scratch.h"
#include "ingest/series_cache.h"

struct gv_receiver {
    struct gv_ingest_sink sink;
    struct gv_budget budget; /* max_inflight_bytes */
    const struct gv_clock *clock;
    struct series_cache *cache;
    struct last_writes *last_writes;
    unsigned char secret[32]; /* of this process: seed of all hash keys */
    struct scratch_pool pool;
};

_Static_assert((int)LAST_WRITES_BITS == (int)CLUSTER_BITS, "a cluster's number stands in the cache");

enum { MOST_ROUNDS = 3 };                   /* of asking anew for series that are gone */
#define SERIES_REFUSED (SERIES_DROPPED - 1) /* never in the cache */

struct incoming_ticket {
    struct gv_log_ticket ticket;
    struct gv_incoming *in;
};

struct gv_incoming {
    struct gv_receiver *receiver;
    struct gv_incoming_request request;
    struct gv_hash_key key; /* of the scope: configuration and path */
    struct gv_write_decoder decoder;
    struct scratch *scratch;
    struct refusals refusals;
    int64_t now;           /* monotonic, ms */
    struct gv_err failure; /* of the request as a whole */
    uint64_t samples, histograms, exemplars;
    struct written_clusters clusters; /* with a sample that was taken */
    /* Tickets of the log: told on its thread. */
    _Atomic unsigned pending; /* answers owed, one of them this request's own */
    struct incoming_ticket tickets[MOST_ROUNDS];
    pthread_mutex_t lock; /* guards log_failure */
    struct gv_err log_failure;
    gv_incoming_done_fn *done;
    void *done_arg;
};

/* identity.c: from label fields to the series that they are here. */
enum { LONGEST_REASON = 512 };
enum identity { IDENTITY_OK, IDENTITY_DROPPED, IDENTITY_REFUSED, IDENTITY_BROKEN };
struct identified {
    const struct gv_labels *labels; /* in the arena */
    struct gv_slice cluster;
    enum refusal why;      /* IDENTITY_REFUSED */
    struct gv_buf message; /* and in words; the caller's */
};
/* IDENTITY_BROKEN: err says what is wrong with the message. */
enum identity identify(const struct gv_ingest_settings *settings, struct gv_slice path_cluster, struct gv_slice fields,
                       struct gv_arena *a, struct identified *out, struct gv_err *err);
/* Whether series of the cluster may be pushed; else text, of n bytes, says why not and what to do. */
bool identity_is_pushed(const struct gv_ingest_settings *settings, struct gv_slice cluster, char *text, size_t n);
void identity_print(struct gv_buf *out, struct gv_slice fields); /* labels as they came, for messages */

/* incoming_parse.c: the body, decompressed, into the scratch. */
bool incoming_parse(struct gv_incoming *in, struct gv_err *err);
/* incoming_series.c: every series' number; what has none is refused, its items with it. */
bool incoming_find_series(struct gv_incoming *in, struct gv_err *err);
/* Once more, for a series whose number is of no use any more. */
bool incoming_find_again(struct gv_incoming *in, size_t series, struct gv_err *err);
/* incoming_append.c: into the store. */
bool incoming_append(struct gv_incoming *in, struct gv_err *err);
/* Refuses items of a series; what: "sample", with its time, or NULL: the series itself. */
void incoming_refuse(struct gv_incoming *in, enum refusal why, uint64_t items, size_t series, const char *reason,
                     const char *what, int64_t time);
void incoming_ticket_done(struct gv_log_ticket *t, const struct gv_err *err);
