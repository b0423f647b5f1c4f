/* The embedded time series store: what was pushed, kept in a folder, as one source with many clusters in it.
 *
 *   append ──► head (chunks in memory) ──► log (WAL) ──► the ticket's answer
 *                  │ every 2 h of data
 *                  ▼
 *              blocks (Prometheus TSDB format) ──► larger blocks ──► gone by age or size
 *
 * A reader sees the head and all blocks as one; what is cut from the head into a block is in exactly one of them for
 * every reader. Any thread, unless a line says otherwise; nothing here knows of loops. */
#pragma once
#include "model/labels.h"
#include "promql/source.h"
#include "store/log.h"

struct gv_store;

struct gv_store_options {
    const char *path;
    int64_t retention_time; /* ms; 0: for ever */
    int64_t retention_size; /* bytes of blocks, log and checkpoint; 0: any */
    enum gv_log_sync sync;
    int64_t sync_interval_ms;    /* 0: 1,000 */
    int64_t out_of_order_window; /* ms; may be set later */
    int64_t block_range;         /* ms that a block covers; 0: 2 h. Larger ones are made of 3, then 9, 27 ... of them,
                                    up to a tenth of retention_time or 31 days */
    int64_t max_exemplars;       /* kept in all; 0: 100,000 */
    bool replay_helper;          /* a second thread, while the log is read */
    const struct gv_io *io;      /* NULL: the system's */
    const struct gv_clock *clock;
};

/* Locks the folder, sets damaged blocks aside, reads the log. Blocks: at start, before the loops. GV_UNAVAILABLE: the
 * folder is another process's (which one is said), or cannot be used. */
GV_MUST_CHECK struct gv_store *gv_store_open(const struct gv_store_options *o, struct gv_err *err);
/* After the last append and the last reader. False where not everything is safely on disk. */
bool gv_store_close(struct gv_store *s, struct gv_err *err);
void gv_store_set_out_of_order_window(struct gv_store *s, int64_t ms);
void gv_store_set_retention(struct gv_store *s, int64_t time_ms, int64_t size_bytes);
void gv_store_retention(const struct gv_store *s, int64_t *time_ms, int64_t *size_bytes); /* 0: without end; any */

/* ---- Appending ---- */

/* The series with these labels: made, logged and never 0 where it was not there. Its number is never used again; when
 * the series has been dropped since (no sample for long), appending to it says GV_APPEND_GONE: ask again. */
GV_MUST_CHECK bool gv_store_series(struct gv_store *s, const struct gv_labels *labels, uint64_t *id,
                                   struct gv_err *err);

enum gv_append_verdict {
    GV_APPEND_STORED,
    GV_APPEND_SAME,         /* there already, bit for bit: as good as stored */
    GV_APPEND_GONE,         /* the series is no more; ask for its number again and append again */
    GV_APPEND_DUPLICATE,    /* same time, another value */
    GV_APPEND_OUT_OF_ORDER, /* older than the series' last one, and there is no out-of-order window */
    GV_APPEND_TOO_OLD,      /* older than the out-of-order window */
    GV_APPEND_OUT_OF_BOUNDS /* more than 10 min in the future */
};

struct gv_store_sample {
    uint64_t series;
    int64_t time;                         /* ms */
    double value;                         /* any bits: stale markers too */
    const struct gv_histogram *histogram; /* not NULL: the sample (a stale one: by its sum) */
    int64_t start;                        /* start timestamp, ms; 0: unknown */
};
struct gv_store_exemplar {
    uint64_t series;
    int64_t time;
    double value;
    const struct gv_labels *labels;
};
struct gv_store_metadata { /* of a metric family of a cluster; the latest wins */
    struct gv_slice cluster, metric, type, help, unit;
};

/* One write request's worth; the caller's arrays, of which the store keeps nothing. Samples of one series by time.
 * verdicts: one per sample (exemplars: one per exemplar), filled in. */
struct gv_store_batch {
    const struct gv_store_sample *samples;
    size_t n;
    uint8_t *verdicts; /* enum gv_append_verdict */
    const struct gv_store_exemplar *exemplars;
    size_t n_exemplars;
    uint8_t *exemplar_verdicts;
    const struct gv_store_metadata *metadata;
    size_t n_metadata;
};
/* Takes what can be taken into the head and appends it to the log as one record; ticket as in gv_log_append. Work in
 * proportion to the batch: large ones on a worker. False (GV_UNAVAILABLE): the log takes nothing now; samples may be
 * visible but are not promised, and sending them again is harmless (GV_APPEND_SAME). Where nothing is to be logged, the
 * ticket is told at once, on this thread. */
GV_MUST_CHECK bool gv_store_append(struct gv_store *s, const struct gv_store_batch *b, struct gv_log_ticket *ticket,
                                   struct gv_err *err);

/* ---- Reading ---- */

/* What a reader sees: the blocks and the head as of now. Holding one keeps files and memory from going away; hold it
 * for a query, not longer. The source gives CHUNKS or RAW columns; any number of threads may select from it. */
struct gv_store_view;
struct gv_store_view *gv_store_view_get(struct gv_store *s);
void gv_store_view_put(struct gv_store_view *v);
struct gv_source *gv_store_view_source(struct gv_store_view *v);
/* For the labels below, which may be of many series: they end with GV_CANCELED when *cancel is set, with GV_TIMEOUT
 * when the monotonic clock is past deadline_ns (0: none). */
void gv_store_view_watch(struct gv_store_view *v, const _Atomic bool *cancel, int64_t deadline_ns);

/* Label names, values of one label, and label sets of what matches any of the selectors (n_sets 0: everything) within
 * the time range (ms, inclusive). As in Prometheus, names and values count where the head, or the block, has the times;
 * sets where a chunk of the series does. Ascending; in a. */
struct gv_store_matchers {
    const struct gv_matcher *matchers;
    size_t n;
};
GV_MUST_CHECK bool gv_store_label_names(struct gv_store_view *v, struct gv_arena *a,
                                        const struct gv_store_matchers *sets, size_t n_sets, int64_t min_time,
                                        int64_t max_time, struct gv_slice **names, size_t *n, struct gv_err *err);
GV_MUST_CHECK bool gv_store_label_values(struct gv_store_view *v, struct gv_arena *a, struct gv_slice name,
                                         const struct gv_store_matchers *sets, size_t n_sets, int64_t min_time,
                                         int64_t max_time, struct gv_slice **values, size_t *n, struct gv_err *err);
GV_MUST_CHECK bool gv_store_label_sets(struct gv_store_view *v, struct gv_arena *a,
                                       const struct gv_store_matchers *sets, size_t n_sets, int64_t min_time,
                                       int64_t max_time, const struct gv_labels ***labels, size_t *n,
                                       struct gv_err *err);
/* Every value that a label has, whenever; ascending, copied to a. For a label with few values that is asked for with
 * every query (the cluster label): what blocks have of the name asked for last is remembered. */
GV_MUST_CHECK bool gv_store_known_values(struct gv_store *s, struct gv_arena *a, struct gv_slice name,
                                         struct gv_slice **values, size_t *n, struct gv_err *err);
/* Exemplars by series, then time. */
struct gv_store_exemplars {
    const struct gv_labels *series;
    const struct gv_store_exemplar *exemplars;
    size_t n;
};
GV_MUST_CHECK bool gv_store_exemplars(struct gv_store *s, struct gv_arena *a, const struct gv_store_matchers *sets,
                                      size_t n_sets, int64_t min_time, int64_t max_time,
                                      struct gv_store_exemplars **out, size_t *n, struct gv_err *err);
/* metric empty: all. In a. */
GV_MUST_CHECK bool gv_store_metadata_get(struct gv_store *s, struct gv_arena *a, struct gv_slice metric,
                                         struct gv_store_metadata **out, size_t *n, struct gv_err *err);

/* ---- Keeping house: steps that others drive, each blocking for as long as files take ---- */

/* What is due now: cut the head into a block, make larger blocks, drop old ones, truncate the log. true with *did where
 * there may be more to do. Fails where files fail; the store goes on, and the next call tries again. One thread. */
GV_MUST_CHECK bool gv_store_maintain(struct gv_store *s, bool *did, struct gv_err *err);

/* Before the end: blocks under way are given up (GV_CANCELED; what they were to hold stays where it is), and none are
 * begun. Any thread. */
void gv_store_stop(struct gv_store *s);

/* Admin API (Prometheus HTTP API, "TSDB Admin APIs"). */
GV_MUST_CHECK bool gv_store_delete(struct gv_store *s, const struct gv_store_matchers *sets, size_t n_sets,
                                   int64_t min_time, int64_t max_time, struct gv_err *err);
GV_MUST_CHECK bool gv_store_clean_tombstones(struct gv_store *s, struct gv_err *err);
/* Hard links of all blocks, and the head as one more block, in path/snapshots/<name>; the name is written to name. */
GV_MUST_CHECK bool gv_store_snapshot(struct gv_store *s, bool skip_head, char name[64], struct gv_err *err);

struct gv_store_status {
    uint64_t series, symbols, chunks, exemplars, head_bytes;
    int64_t head_min_time, head_max_time; /* ms; INT64_MAX, INT64_MIN where it is empty */
    uint64_t blocks, block_bytes, damaged_blocks, out_of_order_samples;
    int64_t min_time;                    /* of everything, ms */
    uint64_t metadata, metadata_refused; /* families kept, at most 1,000,000; and how many were too many */
    uint64_t series_made, series_dropped, compactions, failed_compactions, deleted_blocks;
    double replay_seconds;
    struct gv_log_status log;
};
void gv_store_status(struct gv_store *s, struct gv_store_status *out);

/* For status/tsdb: the `limit` largest of each kind. */
struct gv_store_stat {
    struct gv_slice name;
    uint64_t value;
};
struct gv_store_cardinality {
    struct gv_store_stat *series_by_metric, *values_by_label, *bytes_by_label, *series_by_pair;
    size_t n_metrics, n_values, n_bytes, n_pairs;
    uint64_t label_pairs;
};
GV_MUST_CHECK bool gv_store_cardinality(struct gv_store *s, struct gv_arena *a, size_t limit,
                                        struct gv_store_cardinality *out, struct gv_err *err);
