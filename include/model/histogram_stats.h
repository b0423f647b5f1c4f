/* Reading native histograms: buckets in order, quantiles, fractions, variance (Prometheus: promql/quantile.go). Pure.
 */
#pragma once
#include "model/histogram.h"

struct gv_bucket {
    double lower, upper, count;
    bool lower_inclusive, upper_inclusive;
    int32_t index;
};

/* A walk along the explicit buckets of one side, away from zero or towards it. */
struct gv_side_iter {
    const struct gv_buckets *side;
    uint32_t span, in_span,
        at; /* the next bucket: its span, its place in the span, its count; one beyond, walking back */
    int32_t index;
};
struct gv_side_iter gv_side_first(const struct gv_buckets *side);
struct gv_side_iter gv_side_last(const struct gv_buckets *side);
bool gv_side_next(struct gv_side_iter *it, int32_t *index, double *count);
bool gv_side_prev(struct gv_side_iter *it, int32_t *index, double *count);
struct gv_bucket gv_bucket_of(const struct gv_histogram *h, bool negative, int32_t index, double count);

/* All explicit buckets, empty ones too, and the zero bucket where populated: from the smallest value up, or from the
 * largest down. A bound that lies within the zero bucket is moved to its edge. */
struct gv_bucket_iter {
    const struct gv_histogram *h;
    struct gv_side_iter side[2]; /* positive, negative */
    bool up;
    int phase;
};
struct gv_bucket_iter gv_buckets_up(const struct gv_histogram *h);
struct gv_bucket_iter gv_buckets_down(const struct gv_histogram *h);
bool gv_buckets_next(struct gv_bucket_iter *it, struct gv_bucket *b);

/* What observations of NaN (sum NaN, count above the buckets' total) do to a result; for the caller's annotations. */
enum gv_nan_effect { GV_NAN_NONE, GV_NAN_RESULT, GV_NAN_SKEW };

/* phi-quantile: exponential interpolation, linear in the zero bucket and for custom bounds. NaN where nothing was
 * observed; -Inf, +Inf for phi outside 0..1. */
double gv_histogram_quantile(const struct gv_histogram *h, double phi, enum gv_nan_effect *effect);
/* Of all observations those between lower and upper. *skipped: observations of NaN are in none (may be NULL). */
double gv_histogram_fraction(const struct gv_histogram *h, double lower, double upper, bool *skipped);
/* Estimated from the geometric (custom: arithmetic) middle of each bucket. */
double gv_histogram_variance(const struct gv_histogram *h);
