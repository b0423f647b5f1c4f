/* The head: series in memory with their newest samples, in chunks as blocks will have them. Appends by any thread,
 * striped by series; readers copy what they need under a stripe's lock, a series at a time.
 *
 * The head writes its own records to the log: a series before its first sample, then one record a batch. Replaying
 * tolerates what is there already, so a checkpoint may hold more than it must. */
#pragma once
#include "store/reader.h"

struct head;
struct head_options {
    struct gv_log *log; /* NULL: none (tests) */
    /* ms. In-order samples older than half of it before the newest of all are too old (or out of order, within the
     * window): so nothing enters a block's times while that block is cut. Checked and inserted under one lock. */
    int64_t block_range;
    int64_t out_of_order_window; /* ms */
    int64_t max_exemplars;
    const struct gv_clock *clock;
    bool replay_helper; /* a second thread, while the log is replayed */
};
struct head *head_new(const struct head_options *o);
void head_free(struct head *h);
void head_set_out_of_order_window(struct head *h, int64_t ms);

/* As the functions of store.h that they serve. */
GV_MUST_CHECK bool head_series(struct head *h, const struct gv_labels *labels, uint64_t *id, struct gv_err *err);
GV_MUST_CHECK bool head_append(struct head *h, const struct gv_store_batch *b, struct gv_log_ticket *ticket,
                               struct gv_err *err);
/* One record of the log (a gv_log_record_fn with the head as arg). GV_INTERNAL: it is none of ours. */
bool head_replay_record(void *head, struct gv_slice record, struct gv_log_place at, struct gv_err *err);
/* After the last record. Errors: those of records that no call has told. */
GV_MUST_CHECK bool head_replay_done(struct head *h, struct gv_err *err);

/* A reader of what the head has from min_time on. While it is held no chunk and no series it can see is freed, and
 * head_truncate takes effect for later readers only. */
struct store_reader *head_reader_get(struct head *h, int64_t min_time);
void head_reader_put(struct store_reader *r);

/* In-order samples below min_time are in blocks now: later readers do not see them, and in-order appends below it are
 * too old. Logged, so that replay does the same. Chunks wholly below it, series left with nothing and symbols without
 * series are freed once no older reader is left. Out-of-order samples stay: */
void head_truncate(struct head *h, int64_t min_time);
/* Frees what truncation left, as far as readers let it go: to be called now and then, not on a loop. */
void head_collect(struct head *h);
int64_t head_min_time(const struct head *h); /* INT64_MAX: empty */
int64_t head_max_time(const struct head *h); /* INT64_MIN: empty */
/* Cutting out-of-order samples into blocks of their own: freeze ends their chunks and gives a reader of them alone
 * (NULL: there are none); what comes from then on is not in it. Other readers see both. done: the frozen ones are in
 * blocks, and later readers do not see them; not written: they are as before. Replay may bring them back, and bits that
 * are twice there do no harm. One freeze at a time. */
struct store_reader *head_out_of_order_freeze(struct head *h); /* its min_time and max_time are those of the samples */
void head_out_of_order_done(struct head *h, bool written);     /* after head_reader_put of it */

/* Writes everything that the head holds (series, chunks, exemplars, metadata, deletions, the next number) as records
 * into a folder of segments, synced, which replay reads before the log's segments from `first_segment` on. */
GV_MUST_CHECK bool head_checkpoint(struct head *h, const struct gv_io *io, const char *folder, struct gv_err *err);

GV_MUST_CHECK bool head_delete(struct head *h, const struct gv_matcher *matchers, size_t n, int64_t min_time,
                               int64_t max_time, struct gv_err *err);
GV_MUST_CHECK bool head_exemplars(struct head *h, struct gv_arena *a, const struct gv_store_matchers *sets,
                                  size_t n_sets, int64_t min_time, int64_t max_time, struct gv_store_exemplars **out,
                                  size_t *n, struct gv_err *err);
GV_MUST_CHECK bool head_metadata(struct head *h, struct gv_arena *a, struct gv_slice metric,
                                 struct gv_store_metadata **out, size_t *n, struct gv_err *err);
GV_MUST_CHECK bool head_cardinality(struct head *h, struct gv_arena *a, size_t limit, struct gv_store_cardinality *out,
                                    struct gv_err *err);
void head_status(struct head *h, struct gv_store_status *out); /* its own fields */
