/* Native histograms: always the float form, immutable, in an arena (Prometheus: model/histogram/float_histogram.go,
 * "Native Histograms" specification). Integer and delta forms exist only in codecs. Any thread may read. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

enum { GV_HISTOGRAM_CUSTOM_SCHEMA = -53, GV_HISTOGRAM_SCHEMA_MIN = -4, GV_HISTOGRAM_SCHEMA_MAX = 8 };

enum gv_reset_hint { GV_RESET_UNKNOWN, GV_RESET_YES, GV_RESET_NO, GV_RESET_GAUGE };

struct gv_span {
    int32_t offset;  /* gap to the span before, in buckets; for the first one the index of its first bucket */
    uint32_t length; /* consecutive buckets */
};

struct gv_buckets {
    const struct gv_span *spans;
    const double *counts; /* absolute, one per bucket of the spans */
    uint32_t n_spans, n_counts;
};

struct gv_histogram {
    int32_t schema; /* -4..8: base 2^(2^-schema); -53: custom bounds */
    enum gv_reset_hint reset_hint;
    double zero_threshold, zero_count, count, sum;
    struct gv_buckets positive, negative; /* custom schema: positive only */
    const double *bounds;                 /* custom upper bounds, increasing, +Inf implied; schema -53 only */
    uint32_t n_bounds;
};

static inline bool gv_histogram_is_custom(const struct gv_histogram *h)
{
    return h->schema == GV_HISTOGRAM_CUSTOM_SCHEMA;
}
