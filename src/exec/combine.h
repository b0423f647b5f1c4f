/* Split aggregations: partial results per cluster ──► groups. */
#pragma once
#include "plan/plan.h"

/* Step vectors of one input, of all parts, clusters in the order of the sources. */
struct partial {
    const struct gv_series *series;
    size_t n;
    uint32_t part;
    struct gv_grid grid;
};
struct partials {
    struct partial *at;
    size_t n, cap;
};

/* feed->n_inputs of them. *again: what came can not be combined (histograms, sums that overflow or cancel out, counts
 * without sums): the argument is needed. Series of STEPS columns on feed->grid, in the order of their first partial. */
GV_MUST_CHECK bool gv_combine(struct gv_arena *a, const struct gv_plan_feed *feed, const struct partials *inputs,
                              struct gv_series **out, size_t *n, bool *again, struct gv_err *err);
