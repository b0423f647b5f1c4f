/* Shared by the files of forwarding: forward.c (open to close, the sink), forward_series.c, forward_encode.c,
 * forward_queue.c (records, reading), forward_request.c (what a request is made of), forward_send.c (shards on the
 * loop), forward_judge.c, forward_metrics.c, forward_metadata.c. */
#pragma once
#include "base/map.h"
#include "base/metric.h"
#include "codec/write_encoder.h"
#include "ingest/forward.h"
#include "net/http_client.h"
#include <stdatomic.h>

/* ---- Series ---- */

struct endpoint_labels {
    uint32_t at, n; /* label fields in the series' bytes; n 0: dropped by the endpoint's rules */
    uint32_t hash;  /* of the labels: chooses the shard */
};
struct forward_series {
    uint64_t id;
    struct forward_series *next;          /* of its bucket */
    struct forward_series *next_by_label; /* where there is no store */
    uint64_t label_hash;
    _Atomic uint32_t used; /* the round of sweeping in which it was last appended to */
    uint32_t n_bytes;
    struct gv_slice name; /* of the metric, in bytes */
    char *bytes;          /* behind the endpoints' labels; the series' own label fields come first */
    uint32_t n_own;
    struct endpoint_labels endpoints[];
};

struct series_table {
    pthread_rwlock_t lock;
    struct forward_series **by_id, **by_label;
    size_t n, mask;
    uint64_t next_id; /* where there is no store */
    size_t sweep_at;  /* next bucket */
    uint32_t round;
};

void series_table_init(struct series_table *t);
void series_table_fini(struct series_table *t);
/* Under the lock, for reading. */
struct forward_series *series_table_find(const struct series_table *t, uint64_t id);
/* id 0: gives one. */
void series_table_add(struct series_table *t, const struct gv_forward_endpoint *endpoints, size_t n_endpoints,
                      const struct gv_labels *labels, uint64_t *id);
/* Forgets, a part at a time, what was not used for two rounds. */
void series_table_sweep(struct series_table *t);

/* ---- Metadata of metrics, by name ---- */

struct metadata_table {
    pthread_mutex_t lock;
    struct gv_arena arena;
    struct gv_map map; /* -> struct gv_write_metadata */
    size_t n;
    bool full; /* and said so */
};
enum { MOST_METADATA = 100000 };
void metadata_table_init(struct metadata_table *t);
void metadata_table_fini(struct metadata_table *t);
void metadata_table_put(struct metadata_table *t, const struct gv_store_metadata *m, size_t n);
/* NULL: unknown. What it gives lives as long as the table. */
const struct gv_write_metadata *metadata_table_get(struct metadata_table *t, struct gv_slice metric);

/* ---- Records of the queue (docs/store-format.md) ---- */

struct queue_frame {
    uint8_t version; /* enum gv_write_version */
    uint16_t shard, shards;
    uint32_t samples; /* histograms and exemplars, too */
    int64_t newest;   /* ms: time of the newest sample */
    int64_t queued;   /* ms: when it came */
};
struct queue_record {
    enum { QUEUE_FRAME = 1, QUEUE_DELIVERED = 2 } kind;
    struct queue_frame frame;
    struct gv_slice block;     /* of a frame */
    uint16_t shard;            /* of what was delivered: all of this shard up to... */
    uint64_t delivered_number; /* ...this record of the log */
};
enum { QUEUE_FRAME_HEAD = 32, QUEUE_DELIVERED_SIZE = 12 };
void queue_put_frame(char out[QUEUE_FRAME_HEAD], const struct queue_frame *f);
void queue_put_delivered(char out[QUEUE_DELIVERED_SIZE], uint16_t shard, uint64_t number);
GV_MUST_CHECK bool queue_read_record(struct gv_slice record, struct queue_record *out, struct gv_err *err);

/* ---- An endpoint ---- */

enum drop_reason { DROP_REJECTED, DROP_QUEUE_FULL, DROP_TOO_OLD, DROP_DAMAGED, DROP_NO_SAMPLE, DROP_REASONS };

/* A frame in memory, waiting or under way. */
struct frame {
    struct frame *next;
    struct gv_log_place place;
    struct queue_frame head;
    int64_t due_ms;  /* by the loop's clock: until then it may wait for others to share its request */
    bool maybe_sent; /* the endpoint may have it already: sent before a restart, or without an answer */
    bool alone;      /* a request that it shared was refused: its next one holds nothing else */
    struct gv_buf block;
};
struct frames { /* first come, first served */
    struct frame *first, **last;
    size_t n;
};

struct endpoint;
struct shard {
    struct endpoint *endpoint;
    uint16_t index;
    bool sure; /* what was sent before a restart is behind us */
    struct frames frames;
    int64_t samples;           /* of them */
    bool sending;              /* a request of the first ones is under way, waits for its retry, or for a worker */
    struct gv_http_call *call; /* NULL: none */
    struct gv_timer timer;     /* of the retry; not sending: until the first one is due */
    int64_t backoff_ms;
    struct gv_buf reply;
    int64_t written; /* samples, histograms and exemplars, as the reply says; -1: it does not */
    int64_t retry_after_ms;
    int status;
    struct gv_slice headers[2];

    /* the request */
    size_t in_request;             /* frames */
    enum gv_write_version version; /* that it is sent as */
    struct gv_buf joined;          /* its body, where that is not the block of its only frame; */
    struct gv_work join;           /* made on a worker, */
    bool joining;
    struct gv_err join_err;
    struct gv_slice *pieces;          /* of these blocks */
    enum gv_write_version of_version; /* theirs */
    size_t cap_pieces;
};

struct endpoint {
    const struct gv_forward_endpoint *config;
    struct gv_forward *forward;
    struct gv_log *log;
    int lock_fd;
    struct gv_http_profile *profile;
    _Atomic unsigned shards;  /* that new frames are spread over */
    _Atomic unsigned version; /* enum gv_write_version: that the endpoint is known, or believed, to take */
    uint64_t *delivered;      /* of the log as it was opened: by shard, the record up to which all is delivered */
    size_t n_delivered;
    uint64_t resumed; /* records below this number were there at start */

    /* counted by any thread */
    _Atomic int64_t pending_samples, pending_bytes, newest_queued, newest_sent, oldest_pending;
    _Atomic uint64_t sent_samples, retried, dropped[DROP_REASONS], queue_bytes;
    _Atomic bool failing; /* the last request; see endpoint_is_failing */
    struct gv_metric *metrics[24];
    size_t n_metrics;

    /* the loop's */
    struct gv_log_limit says_failing, says_better, says_refused, says_full, says_metadata, says_too_old, says_damaged,
        says_kept;
    struct gv_message more; /* new frames are written */
    _Atomic bool more_posted;
    struct frames waiting; /* read, of another count of shards than what is under way */
    struct shard **shard;  /* made when a frame is for it */
    unsigned n_shards;
    unsigned current_shards; /* that the frames under way were spread over; 0: none yet */
    unsigned busy;           /* frames in shards */
    int64_t held_samples;    /* of frames in memory */
    _Atomic int64_t held_bytes;
    struct gv_timer tick;
    unsigned ticks, behind, idle;
    uint64_t ticked_requests, ticked_samples, sent_requests; /* for the samples of a request on average */
    struct gv_metadata_call *metadata;
    struct gv_timer metadata_timer;
    bool flushing; /* nothing waits for its deadline any more */
    bool stopping, filling, fill_again;
    bool caught_up; /* the last filling found no more */

    /* the worker's while filling, else the loop's */
    struct gv_work fill;
    bool at_end;
    struct gv_log_reader *reader;
    struct frames filled;
    int64_t room, room_bytes;          /* samples and bytes that may be read ahead */
    uint64_t keep_from;                /* segment of the oldest frame in memory */
    uint64_t gone_below, dropped_full; /* segments removed because the queue was full; samples dropped with them */
    int64_t refresh_at;                /* ms, monotonic: read password files again */
    uint64_t lost;                     /* records known to be missing in the queue */
};

struct forward_scratch;
struct gv_forward {
    struct gv_forward_options o;
    struct series_table series;
    struct metadata_table metadata;
    struct endpoint *endpoints;
    struct gv_loop *loop;
    struct gv_workers *workers;
    struct gv_http_client *http;
    pthread_mutex_t pool_lock;
    struct forward_scratch *pool;
    struct gv_message begin, stop;
    struct gv_timer settle;
    int64_t flush_until; /* ns, the loop's clock */
    bool started, stopping;
};

static inline int64_t forward_now(const struct gv_forward *f) /* ms since the epoch */
{
    return gv_clock_wall(f->o.clock);
}

static inline void note_latest(_Atomic int64_t *latest, int64_t time)
{
    int64_t known = atomic_load(latest);
    while (known < time && !atomic_compare_exchange_weak(latest, &known, time))
        ;
}

/* forward_encode.c. A join: what a batch's ticket waits for. */
struct join;
struct join *join_new(struct gv_log_ticket *ticket);
struct gv_log_ticket *join_ticket(struct join *j); /* of the next sink; it counts */
void join_fail(struct join *j, const struct gv_err *err);
void join_drop(struct join *j); /* the caller has failed: the ticket is never told */
void join_end(struct join *j);  /* the caller's own part; the last one tells the ticket */
/* Encodes what was taken of a batch for one endpoint into its queue. series: one per sample and exemplar, under the
 * table's lock. */
void endpoint_append(struct endpoint *e, const struct gv_store_batch *b, struct forward_series *const *samples,
                     struct forward_series *const *exemplars, struct join *j);
void forward_scratch_fini(struct gv_forward *f);

/* forward_queue.c */
GV_MUST_CHECK bool endpoint_open(struct endpoint *e, struct gv_err *err);
void endpoint_fill(struct gv_work *fill);                              /* on a worker */
void endpoint_delivered(struct endpoint *e, const struct frame *last); /* it, and all of its shard before it */
struct frame *frame_new(const struct queue_record *r, struct gv_log_place at);
void frame_free(struct frame *f);
void frames_init(struct frames *l);
void frames_add(struct frames *l, struct frame *f);
struct frame *frames_take(struct frames *l);
void frames_free(struct frames *l);

/* forward_request.c. Loop. */
void frame_set_due(const struct endpoint *e, struct frame *f);
int64_t request_wait(const struct shard *s); /* for how many ms the first frame may wait; 0: send. There is one. */
void request_gather(struct shard *s);        /* settles in_request, version and pieces */
bool request_is_a_frame(const struct shard *s);
void request_join(struct shard *s, void (*done)(struct gv_message *m)); /* else: makes `joined`; done: of s->join */
void request_take_apart(struct shard *s);
void request_note_sent(struct shard *s);                         /* its frames: maybe_sent */
struct queue_frame request_sum(const struct shard *s, size_t n); /* samples and newest, of the first n frames */

/* forward_send.c */
void endpoint_init(struct endpoint *e);
void endpoint_start(struct endpoint *e);
void endpoint_flush(struct endpoint *e); /* what is in memory is sent, once, before... */
void endpoint_stop(struct endpoint *e);
bool endpoint_is_idle(const struct endpoint *e); /* nothing is under way */
void endpoint_more(struct endpoint *e);          /* any thread: frames were written */
void endpoint_free_loop_side(struct endpoint *e);

/* forward_judge.c: what a request's end means. */
enum verdict { VERDICT_DELIVERED, VERDICT_RETRY, VERDICT_REJECTED, VERDICT_TAKE_APART, VERDICT_OLDER_VERSION };
enum verdict forward_judge(const struct shard *s, const struct gv_http_outcome *o, struct gv_err *why);
int64_t forward_written(const struct gv_http_call *call);           /* in on_header: as shard.written */
int64_t forward_retry_after(struct gv_slice value, int64_t now_ms); /* ms; -1: none */

/* forward_metadata.c: 1.0 has metadata in requests of their own. Loop. */
void endpoint_start_metadata(struct endpoint *e);
void endpoint_stop_metadata(struct endpoint *e);
bool endpoint_sends_metadata(const struct endpoint *e);
void endpoint_free_metadata(struct endpoint *e);

/* forward_metrics.c */
/* What waited may have been dropped meanwhile: then nothing is to be sent again. */
static inline bool endpoint_is_failing(struct endpoint *e)
{
    return atomic_load(&e->failing) && atomic_load(&e->pending_samples) > 0;
}
void endpoint_show_metrics(struct endpoint *e);
void endpoint_hide_metrics(struct endpoint *e);
void endpoint_count_dropped(struct endpoint *e, enum drop_reason why, uint64_t samples);
void endpoint_drop_too_old(struct endpoint *e, uint64_t samples); /* counts and says it; any thread */
void endpoint_count_request(struct endpoint *e, const char *outcome);
