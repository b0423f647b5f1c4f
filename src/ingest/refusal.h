/* Why items are refused, counted by reason, and the first of them in words. */
#pragma once
#include "base/buf.h"

/* reason, the metric's label, and whether remote write 1.0 leaves such series out without an error, as Prometheus. */
#define REFUSALS(X)                                                                                                    \
    X(REFUSED_OUT_OF_ORDER, "out_of_order", false)                                                                     \
    X(REFUSED_TOO_OLD, "too_old", false)                                                                               \
    X(REFUSED_OUT_OF_BOUNDS, "out_of_bounds", false)                                                                   \
    X(REFUSED_DUPLICATE, "duplicate", false)                                                                           \
    X(REFUSED_HISTOGRAM, "invalid_histogram", false)                                                                   \
    X(REFUSED_EXEMPLAR, "invalid_exemplar", false)                                                                     \
    X(REFUSED_NO_NAME, "no_metric_name", true)                                                                         \
    X(REFUSED_LABELS, "invalid_labels", true)                                                                          \
    X(REFUSED_REFERENCE, "invalid_reference", false)                                                                   \
    X(REFUSED_LIMIT, "label_limit", false)                                                                             \
    X(REFUSED_NO_CLUSTER, "no_cluster", false)                                                                         \
    X(REFUSED_CLUSTER, "cluster_not_pushed", false)                                                                    \
    X(REFUSED_NOTHING, "empty_series", false)                                                                          \
    X(REFUSED_STORE, "store", false)
#define REFUSAL_ENUM(reason, text, silent) reason,
enum refusal { REFUSALS(REFUSAL_ENUM) REFUSALS_COUNT };
#undef REFUSAL_ENUM

struct refusals {
    uint64_t counts[REFUSALS_COUNT]; /* items: samples, histograms, exemplars; of a series that has none, itself */
    uint64_t errors[REFUSALS_COUNT]; /* those of them that are told */
    unsigned told, silent;           /* put in words */
    struct gv_buf text;              /* one line each */
};

/* Whether one more is still put in words, so that these need not be made: the first ones that are told, one other. */
bool refusals_want(const struct refusals *r, bool told);
void refusals_count(struct refusals *r, enum refusal why, uint64_t items, bool told);
/* Counts, and puts in words where that is wanted. */
void refusals_add(struct refusals *r, enum refusal why, uint64_t items, bool told, const char *fmt, ...)
    GV_PRINTF(5, 6);
bool refusal_is_silent(enum refusal why); /* in remote write 1.0 */
const char *refusal_text(enum refusal why);
uint64_t refusals_errors(const struct refusals *r); /* that are told */
void refusals_finish(struct refusals *r);           /* what was not put in words, by reason; counts into the metrics */
