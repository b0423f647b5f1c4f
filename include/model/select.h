/* What is selected from a source of raw samples, and what it is for: the request of an evaluator to a store, and of one
 * server to another by remote read. */
#pragma once
#include "model/matcher.h"

/* Times are ms, both ends inclusive. */
struct gv_select {
    const struct gv_matcher *matchers;
    size_t n_matchers;
    int64_t min_time, max_time;
    int64_t step, range;             /* hints: 0 where not known */
    struct gv_slice func;            /* hint: the function or aggregation above, or empty */
    const struct gv_slice *grouping; /* hint */
    size_t n_grouping;
    bool by; /* hint: grouping is `by` */
};
