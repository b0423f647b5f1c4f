/* One holder of series, the head or a block, as the store reads them. Any thread; immutable for as long as it is held,
 * but for samples that the head gains.
 *
 * A series is known by a number of the holder's own (a block's series reference, the head's series), so that selecting
 * costs neither labels nor chunks; those are fetched for one series at a time, when a cursor comes to it. */
#pragma once
#include "model/column.h"
#include "model/matcher.h"
#include "promql/source.h"
#include "store/store.h"

struct store_reader;

struct store_interval { /* ms, inclusive */
    int64_t min_time, max_time;
};

/* One series as a holder has it, within the times asked for. In the scratch arena, or borrowed from the holder. */
struct store_series {
    const struct gv_labels *labels;
    struct gv_chunk *chunks; /* by min_time; may overlap (out of order) */
    size_t n_chunks;
    const struct store_interval *deleted; /* samples that tombstones take away; by time, apart */
    size_t n_deleted;
};

struct store_reader_ops {
    /* The series that match all matchers and may have samples from min_time to max_time, in label order. */
    bool (*select)(struct store_reader *r, struct gv_arena *a, const struct gv_matcher *matchers, size_t n,
                   int64_t min_time, int64_t max_time, uint64_t **series, size_t *n_series, struct gv_err *err);
    /* NULL: select has seen to it. Whether a chunk overlaps the times that is not wholly deleted. */
    bool (*has_chunk)(struct store_reader *r, struct gv_arena *scratch, uint64_t series, int64_t min_time,
                      int64_t max_time, bool *has, struct gv_err *err);
    /* Labels alone, for ordering. */
    bool (*labels)(struct store_reader *r, struct gv_arena *scratch, uint64_t series, const struct gv_labels **labels,
                   struct gv_err *err);
    /* Labels, chunks that overlap the times, and deletions. n_chunks may be 0. */
    bool (*series)(struct store_reader *r, struct gv_arena *scratch, uint64_t series, int64_t min_time,
                   int64_t max_time, struct store_series *out, struct gv_err *err);
    /* All label names; all values of one label; ascending, in a. Without regard to matchers. */
    bool (*label_names)(struct store_reader *r, struct gv_arena *a, struct gv_slice **names, size_t *n,
                        struct gv_err *err);
    bool (*label_values)(struct store_reader *r, struct gv_arena *a, struct gv_slice name, struct gv_slice **values,
                         size_t *n, struct gv_err *err);
};
struct store_reader {
    const struct store_reader_ops *ops;
    int64_t min_time, max_time; /* ms, inclusive: outside of these it has nothing for this view */
};

/* merge.c: several readers as one source. The readers and the arena outlive it. */
struct gv_source *store_merged_source(struct gv_arena *a, struct store_reader **readers, size_t n);
