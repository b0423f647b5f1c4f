/* Which series match: from postings, then by their symbols. Private to head*.c. */
#pragma once
#include "store/head_impl.h"

/* Those that match all matchers and have a chunk that overlaps the times, as the reader sees them; in a, in no order.
 * The reader keeps them from going away. */
GV_MUST_CHECK bool head_select(struct head_reader *r, struct gv_arena *a, const struct gv_matcher *matchers, size_t n,
                               int64_t min_time, int64_t max_time, struct head_series ***series, size_t *n_series,
                               struct gv_err *err);

/* The symbols of a name's values (POSTINGS_VALUES: of all names), in a, in no order. Texts of those that a reader from
 * before finds may be read without a lock. */
GV_MUST_CHECK bool head_copy_values(struct head *h, struct gv_arena *a, uint32_t name, uint64_t **values, size_t *n,
                                    struct gv_err *err);
