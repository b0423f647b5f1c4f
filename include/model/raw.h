/* Raw samples of one series being put together, and set right where they do not follow each other in time. One owner.
 */
#pragma once
#include "model/column.h"

struct gv_raw_builder {
    struct gv_arena *arena;
    int64_t *times; /* ms */
    double *values;
    const struct gv_histogram **histograms; /* NULL: floats only */
    uint32_t n, cap;
};

/* Room for cap samples, in a, by its budget. */
GV_MUST_CHECK bool gv_raw_builder_init(struct gv_raw_builder *b, struct gv_arena *a, size_t cap, bool histograms,
                                       struct gv_err *err);
static inline void gv_raw_add(struct gv_raw_builder *b, int64_t time, double value, const struct gv_histogram *h)
{
    b->times[b->n] = time;
    b->values[b->n] = value;
    if (b->histograms)
        b->histograms[b->n] = h;
    b->n++;
}
/* The column; it borrows the builder's arrays. Samples that came out of order are sorted, and of several at one time
 * the one added first stays; histograms behind others than they were added behind lose what they say of resets. */
GV_MUST_CHECK bool gv_raw_builder_done(struct gv_raw_builder *b, struct gv_raw_column *out, struct gv_err *err);

/* Index of the first sample after t; n where there is none. */
uint32_t gv_raw_after(const struct gv_raw_column *c, int64_t t);
