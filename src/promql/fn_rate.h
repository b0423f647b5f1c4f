/* What the rate family shares. */
#pragma once
#include "model/histogram_sum.h"
#include "promql/notes.h"

double gv_range_seconds(int64_t ms); /* as Go's Duration.Seconds rounds */
bool gv_start_is_reset(int64_t previous_start, int64_t previous_time, int64_t start, int64_t time);

/* x + y, x - y in scratch, raising what Prometheus raises; NULL where exponential meets custom buckets. */
const struct gv_histogram *gv_range_add(struct gv_range_call *c, const struct gv_histogram *x,
                                        const struct gv_histogram *y);
const struct gv_histogram *gv_range_sub(struct gv_range_call *c, const struct gv_histogram *x,
                                        const struct gv_histogram *y);

/* rate, increase and delta over an anchored or smoothed selector, one window. */
bool gv_rate_extended(struct gv_range_call *c, const struct gv_window *w, bool is_counter, bool per_second,
                      struct gv_point *out);
