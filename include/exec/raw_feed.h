/* A feed of samples (plan/selections.h) as a source: what its sources answered, united. Synchronous; any thread that
 * owns the arena. */
#pragma once
#include "exec/plan_run.h"
#include "exec/raw_source.h"

/* answers: one per ask of the plan; they must live as long as the source. A source that failed is left out. Series that
 * the second ask of a part does not have are left out: they ended. Errors: of gv_raw_source_init; GV_EXECUTION for an
 * answer of another type than was asked for, with the source's name. */
GV_MUST_CHECK bool gv_raw_feed(struct gv_arena *a, const struct gv_plan *p, const struct gv_plan_feed *f,
                               const struct gv_plan_answer *answers, struct gv_raw_source *out, struct gv_err *err);
