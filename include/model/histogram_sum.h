/* Sums and means of many native histograms with compensated addition (Prometheus: FloatHistogram.KahanAdd). One owner.
 */
#pragma once
#include "model/histogram.h"

/* One side of a histogram taken apart: its explicit buckets by index, each with what additions lost. */
struct gv_ladder {
    int32_t *index;
    double *count, *comp;
    uint32_t n, cap;
};

struct gv_histogram_parts {
    int32_t schema;
    double zero_threshold, zero_count, zero_comp;
    struct gv_ladder side[2]; /* positive, negative */
};

struct gv_histogram_sum {
    struct gv_arena *arena; /* for the working arrays, which grow with the layout, not with the number of histograms */
    enum gv_reset_hint hint;
    double count, sum, count_comp, sum_comp;
    struct gv_histogram_parts parts;
    struct gv_histogram_parts summand; /* the histogram being added */
    const double *bounds;
    uint32_t n_bounds;
    struct gv_histogram_notes notes;
};

/* h and what is added may go away afterwards. */
void gv_histogram_sum_init(struct gv_histogram_sum *s, struct gv_arena *a, const struct gv_histogram *h);
/* False where exponential meets custom buckets; s is as before then. */
GV_MUST_CHECK bool gv_histogram_sum_add(struct gv_histogram_sum *s, const struct gv_histogram *h);
GV_MUST_CHECK bool gv_histogram_sum_sub(struct gv_histogram_sum *s, const struct gv_histogram *h);
/* The sum with its compensation, in a; not compacted. s may go on. plain: without, as `+` and rate() have it. */
const struct gv_histogram *gv_histogram_sum_result(const struct gv_histogram_sum *s, struct gv_arena *a);
const struct gv_histogram *gv_histogram_sum_plain(const struct gv_histogram_sum *s, struct gv_arena *a);

/* The mean: of the sum while that holds, incrementally from the addition on that would overflow. */
struct gv_histogram_mean {
    struct gv_histogram_sum sum; /* or, incrementally, the mean so far */
    double n;
    double bound; /* no part of the sum is larger: while this is far from DBL_MAX, nothing can overflow */
    bool incremental;
};
void gv_histogram_mean_init(struct gv_histogram_mean *m, struct gv_arena *a, const struct gv_histogram *h);
GV_MUST_CHECK bool gv_histogram_mean_add(struct gv_histogram_mean *m, const struct gv_histogram *h);
const struct gv_histogram *gv_histogram_mean_result(const struct gv_histogram_mean *m, struct gv_arena *a);
