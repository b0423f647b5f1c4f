/* Classic histograms: cumulative counts of `le` buckets. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct gv_classic {
    double *bounds, *counts; /* by bound, ascending; both are changed by the functions below */
    size_t n;
};

/* What had to be mended because counts fell from one bucket to the next. */
struct gv_monotonicity {
    bool forced; /* by more than rounding */
    double min_bound, max_bound, max_diff;
};

/* Linear within the bucket. NaN without observations, without a bucket for +Inf, or with fewer than two buckets; the
 * second-highest bound where the quantile lies in the highest bucket (Prometheus: promql/quantile.go, BucketQuantile).
 */
double gv_classic_quantile(double phi, struct gv_classic *h, struct gv_monotonicity *m);
/* Of all observations those between lower and upper (BucketFraction). */
double gv_classic_fraction(double lower, double upper, struct gv_classic *h);
