/* Annotations that are raised in more than one place, in Prometheus's words (util/annotations). */
#pragma once
#include "promql/impl.h"

/* Where Prometheus says the range argument stands: a subquery has no position there, so it counts as the beginning. */
struct gv_pos_range gv_range_pos(const struct gv_range_call *c);
const char *gv_range_metric(const struct gv_range_call *c); /* its metric name, quoted, in scratch */

void gv_note_mixed_samples(const struct gv_range_call *c); /* floats and histograms in one range */
void gv_note_ignored_histograms(const struct gv_range_call *c, struct gv_pos_range pos); /* where only floats count */
void gv_note_not_counter(const struct gv_range_call *c);   /* a gauge histogram under rate and its like */
void gv_note_not_gauge(const struct gv_range_call *c);     /* a counter histogram under delta and idelta */
void gv_note_mixed_schemas(const struct gv_range_call *c); /* exponential and custom buckets */
/* The same of any series with these labels. */
void gv_note_schemas(struct gv_env *env, struct gv_pos_range pos, const struct gv_labels *labels);

enum gv_histogram_op { GV_HISTOGRAM_ADDITION, GV_HISTOGRAM_SUBTRACTION, GV_HISTOGRAM_AGGREGATION };
/* "conflicting counter resets", "mismatched custom buckets" for what notes say. */
void gv_note_collision(struct gv_env *env, struct gv_pos_range pos, enum gv_histogram_op op);
void gv_note_reconciled(struct gv_env *env, struct gv_pos_range pos, enum gv_histogram_op op);
void gv_note_quantile(struct gv_env *env, struct gv_pos_range pos, double phi); /* where phi is not within 0..1 */

/* The first histogram within [lo, hi) whose kind of buckets differs from that of lo; hi where there is none. */
uint32_t gv_other_schema(const struct gv_histogram_samples *h, uint32_t lo, uint32_t hi);
