/* A series' chunks, of any encoding, to its samples. Synchronous; any thread. */
#pragma once
#include "model/column.h"

/* The samples from min_time to max_time (ms, inclusive) by time, in a. Where chunks overlap, their samples are merged;
 * of those with the same time the one of the earlier chunk stays; what histograms say of resets holds between those of
 * one chunk alone, and is dropped where another comes between. Stale markers are kept; a histogram's has nothing but
 * its sum. GV_INTERNAL: a chunk is damaged or of an unknown encoding; or the budget is spent. */
GV_MUST_CHECK bool gv_chunks_to_raw(struct gv_arena *a, const struct gv_chunks_column *chunks, int64_t min_time,
                                    int64_t max_time, struct gv_raw_column *out, struct gv_err *err);

/* The other way, cut as Prometheus does. scratch is rewound. Errors: the budget's. */
GV_MUST_CHECK bool gv_chunks_of_raw(struct gv_arena *a, struct gv_arena *scratch, const struct gv_raw_column *raw,
                                    struct gv_chunks_column *out, struct gv_err *err);
