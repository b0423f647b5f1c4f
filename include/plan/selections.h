/* Raw series instead of a query's value: what is asked of whom for the samples of some selections. Pure; any thread. */
#pragma once
#include "model/select.h"
#include "plan/plan.h"

enum gv_plan_wanted {
    GV_PLAN_ALL_SAMPLES,
    /* The latest sample of each series, where it has not ended by then. A source without raw samples cannot show where
     * a series ended: it is also asked which series there are at that time. */
    GV_PLAN_LATEST
};

/* A plan with a root that is not evaluated: its feed i, raw, holds the series of selections[i]; a part of it has an ask
 * of kind GV_PLAN_SAMPLES, and a second one, GV_PLAN_INSTANT, where a source is also asked what there is. Sources that
 * cannot match are left out. Hints are not passed on. Of the options the sources, label and lookback count.
 * Fails with GV_EXECUTION: a cluster that two sources claim. */
GV_MUST_CHECK struct gv_plan *gv_plan_select(struct gv_arena *a, const struct gv_select *selections, size_t n,
                                             enum gv_plan_wanted wanted, const struct gv_plan_options *o,
                                             struct gv_err *err);
