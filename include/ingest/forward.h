/* Forwarding: what was ingested goes on to other remote-write endpoints, through a durable queue for each.
 *
 *   receiver ──► gv_forward_append ──► the store, where there is one
 *                       │ per endpoint: relabelled, encoded, a frame per shard
 *                       ▼
 *                  queue on disk (store/log.h) ──► the request's ticket
 *                       │ read behind the committer, on a worker
 *                       ▼
 *                  shards on a loop: one request under way in each ──► endpoint ──► "delivered" into the queue
 *
 * A frame of the queue is one encoded request; small ones are sent as one, which is taken apart again where the
 * endpoint refuses it. Frames of a shard go in order, and so do the samples of a series. What is in the queue when the
 * process ends is sent afterwards.
 */
#pragma once
#include "codec/write_decoder.h"
#include "ingest/receiver.h"
#include "loop/worker.h"
#include "model/relabel.h"
#include "net/http_settings.h"

struct gv_forward_endpoint { /* one entry of remote_write; borrowed for as long as the forwarder lives */
    const char *name;        /* unique: in metrics and logs */
    const char *url;
    struct gv_http_settings http;
    int64_t timeout_ms; /* of one request */
    enum gv_write_version version;
    bool send_exemplars, send_histograms;
    bool round_robin_dns;                /* connections go to the host's addresses by turns */
    const struct gv_relabel_rule *rules; /* compiled */
    size_t n_rules;
    const char *queue_path;  /* folder of the queue, made where absent */
    int64_t max_queue_bytes; /* on disk; the oldest samples are dropped beyond it */
    unsigned min_shards, max_shards;
    int64_t max_samples_per_send, capacity; /* capacity: samples read ahead, per shard */
    int64_t batch_send_deadline_ms;         /* for how long a frame may wait for others to share its request */
    int64_t min_backoff_ms, max_backoff_ms;
    bool retry_on_429;
    int64_t sample_age_limit_ms; /* 0: none */
    bool send_metadata;
    int64_t metadata_interval_ms, max_metadata_per_send;
};
extern const struct gv_forward_endpoint gv_forward_endpoint_default; /* Prometheus's defaults; no name, no URL */

struct gv_forward;
struct gv_forward_options {
    const struct gv_forward_endpoint *endpoints;
    size_t n;
    struct gv_ingest_sink next; /* the store; its functions NULL: there is none */
    enum gv_log_sync sync;
    const struct gv_io *io;       /* NULL: the system's */
    const struct gv_clock *clock; /* NULL: the real one */
    int64_t tick_ms;              /* of looking after shards and files; 0: 5,000 */
    int64_t flush_ms;             /* that gv_forward_stop gives to what waits in memory; 0: 5,000 */
    int64_t max_held_bytes;       /* of an endpoint's frames in memory, whatever capacity says; 0: 256 MiB */
};

/* Opens the queues and reads what is in them. Blocks. Errors name the endpoint. */
GV_MUST_CHECK struct gv_forward *gv_forward_open(const struct gv_forward_options *o, struct gv_err *err);
/* Sends, on a loop thread of its own (numbered loop_index), until gv_forward_stop, which sends what waits in memory,
 * for flush_ms at most and not to an endpoint that does not answer well, and blocks until no request is under way. */
GV_MUST_CHECK bool gv_forward_start(struct gv_forward *f, struct gv_workers *w, unsigned loop_index,
                                    struct gv_err *err);
void gv_forward_stop(struct gv_forward *f);
/* After the last append and gv_forward_stop. False where not everything is safely on disk. */
bool gv_forward_close(struct gv_forward *f, struct gv_err *err);

/* As gv_store_series and gv_store_append, which they call where there is a store: the receiver's sink. A ticket ends
 * well when the batch is in the store's log and in every endpoint's queue. Any thread; encodes, so on a worker. */
struct gv_ingest_sink gv_forward_sink(struct gv_forward *f);

struct gv_forward_status {
    const char *name;
    uint64_t queue_bytes;                   /* on disk */
    int64_t pending_samples, pending_bytes; /* not delivered yet */
    int64_t held_bytes;                     /* of them: in memory */
    uint64_t sent_samples, retried_requests, dropped_samples;
    unsigned shards;
    bool failing; /* samples wait because the last request failed */
};
void gv_forward_status(struct gv_forward *f, size_t endpoint, struct gv_forward_status *out);
