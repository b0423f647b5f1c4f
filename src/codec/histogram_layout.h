/* What all histograms of a chunk have in common, written once at its head (Prometheus: tsdb/docs/format/chunks.md,
 * "Histogram chunk data"). Immutable once made. */
#pragma once
#include "codec/varbit.h"
#include "model/histogram.h"

struct layout_side {
    struct gv_span *spans;
    int32_t *indexes; /* of the buckets, increasing */
    uint32_t n_spans, n_buckets;
};

struct layout {
    int32_t schema;
    double zero_threshold;
    struct layout_side positive, negative;
    double *bounds; /* custom schema */
    uint32_t n_bounds;
};

static inline size_t layout_buckets(const struct layout *l)
{
    return (size_t)l->positive.n_buckets + l->negative.n_buckets;
}

/* Copies the layout of h. */
void layout_of(struct layout *l, struct gv_arena *a, const struct gv_histogram *h);
/* The absolute counts of h at the layout's buckets, first the positive ones; buckets that h has not are 0. False where
 * h does not fit in: another schema, zero bucket or bounds, or a bucket that the layout has not. */
bool layout_align(const struct layout *l, const struct gv_histogram *h, double *counts);

void layout_put(struct bit_writer *w, const struct layout *l);
/* False where what is read is none, or, with err, where the budget is spent. */
GV_MUST_CHECK bool layout_take(struct layout *l, struct gv_arena *a, struct bit_reader *r, struct gv_err *err);
GV_MUST_CHECK void *layout_try_array(struct gv_arena *a, size_t n, size_t size, struct gv_err *err); /* zeroed */
