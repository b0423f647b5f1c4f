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
/* Exponential and custom buckets cannot be combined; any two of one kind can. */
static inline bool gv_histogram_compatible(const struct gv_histogram *a, const struct gv_histogram *b)
{
    return gv_histogram_is_custom(a) == gv_histogram_is_custom(b);
}

/* What an addition or subtraction had to settle; flags are set, never cleared, for the caller's annotations. */
struct gv_histogram_notes {
    bool reset_collision;   /* a "reset" met a "not reset": the hint is unknown now */
    bool bounds_reconciled; /* custom bounds differed: buckets were merged to the bounds in common */
};

/* Results live in a; they may share buckets with their arguments, so these must live as long. */
const struct gv_histogram *gv_histogram_dup(struct gv_arena *a, const struct gv_histogram *h); /* shares nothing */
const struct gv_histogram *gv_histogram_with_hint(struct gv_arena *a, const struct gv_histogram *h,
                                                  enum gv_reset_hint hint);
/* As it stands behind another sample than the one its hint speaks of: unknown, where it is no gauge. */
const struct gv_histogram *gv_histogram_without_reset(struct gv_arena *a, const struct gv_histogram *h);
const struct gv_histogram *gv_histogram_compact(struct gv_arena *a,
                                                const struct gv_histogram *h); /* no empty buckets */
/* schema <= h->schema, both exponential. */
const struct gv_histogram *gv_histogram_reduce(struct gv_arena *a, const struct gv_histogram *h, int32_t schema);
/* A negative factor makes a gauge. Dividing by zero leaves no buckets. */
const struct gv_histogram *gv_histogram_multiply(struct gv_arena *a, const struct gv_histogram *h, double factor);
const struct gv_histogram *gv_histogram_divide(struct gv_arena *a, const struct gv_histogram *h, double divisor);
/* The coarser schema and the wider zero bucket win, custom bounds become those in common. Not compacted. The hint is
 * that of the sum (a difference too: where it is a result, the caller makes it a gauge). notes may be NULL.
 * The two must be compatible. */
const struct gv_histogram *gv_histogram_add(struct gv_arena *a, const struct gv_histogram *x,
                                            const struct gv_histogram *y, struct gv_histogram_notes *notes);
const struct gv_histogram *gv_histogram_sub(struct gv_arena *a, const struct gv_histogram *x,
                                            const struct gv_histogram *y, struct gv_histogram_notes *notes);

/* The same schema, buckets (empty ones too) and numbers, bit for bit; the reset hint does not count. */
bool gv_histogram_eq(const struct gv_histogram *a, const struct gv_histogram *b);
/* Whether a counter was reset between the two: what h's hint says, else any count or bucket that went down, a finer
 * schema, a narrower zero bucket. scratch is rewound. */
bool gv_histogram_is_reset(struct gv_arena *scratch, const struct gv_histogram *h, const struct gv_histogram *previous);
bool gv_histogram_bounds_eq(const struct gv_histogram *a, const struct gv_histogram *b);

/* The upper bound of bucket index of an exponential schema; the lower one is that of index - 1. */
double gv_histogram_bound(int32_t index, int32_t schema);

/* `h </ cutoff` (keep_below) and `h >/ cutoff`: the observations on one side, a bucket that holds the cutoff being
 * split by interpolation; count and sum are estimated anew where a bucket changed. */
const struct gv_histogram *gv_histogram_trim(struct gv_arena *a, const struct gv_histogram *h, double cutoff,
                                             bool keep_below);

/* {count:4, sum:5, [-1,1]:2, (1,2]:2}: populated buckets only (count_values, labels of messages). */
void gv_histogram_print(struct gv_buf *out, const struct gv_histogram *h);
/* {{schema:0 count:4 sum:5 buckets:[2 2]}}: as test scripts write it. */
void gv_histogram_print_literal(struct gv_buf *out, const struct gv_histogram *h);
/* {"count":"4","sum":"5","buckets":[[0,"1","2","2"]]}: as query results write it. A bucket's first number: 0 open on
 * the left, 1 open on the right, 2 open on both sides, 3 closed on both (Prometheus HTTP API, "Native histograms"). */
void gv_histogram_print_json(struct gv_buf *out, const struct gv_histogram *h);
