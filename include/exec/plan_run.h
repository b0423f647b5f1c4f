/* Running a plan over answers that are here. Synchronous; the thread that owns the arena, and the executor's. */
#pragma once
#include "plan/plan.h"
#include "promql/eval.h"

/* The answer to one ask, as the ask wants it: labels mapped (its `hidden` ones left out), columns of its kind. */
struct gv_plan_answer {
    const struct gv_result *result; /* NULL: its source failed, and is left out of everything */
    /* Samples: what further replicas answered. They are merged, series by series, as they are read. */
    const struct gv_result *const *others;
    size_t n_others;
};

struct gv_plan_run_options {
    const struct gv_eval_options *eval;   /* text, lookback, limits, features, executor; times are those of the query */
    const struct gv_plan_answer *answers; /* one per ask of the plan */
};

/* What came will not do: plan again with gv_plan_options.samples where that is set, and with these among .whole (sums
 * that overflow or cancel out), and run that. Answers to asks with equal keys may be used again. */
struct gv_plan_retry {
    bool wanted;
    bool samples;
    struct gv_pos_range *whole;
    size_t n, cap;
};

/* Fails like gv_promql_eval and gv_unite. true with retry->wanted: there is no result, plan again. */
GV_MUST_CHECK bool gv_plan_run(struct gv_arena *a, const struct gv_plan *p, const struct gv_plan_run_options *o,
                               struct gv_result *out, struct gv_eval_stats *stats, struct gv_plan_retry *retry,
                               struct gv_err *err);

/* Answers an ask from a source in this process: one that holds what the backend would, without injected labels. The
 * text that would be sent is what is evaluated. eval: limits, features and lookback of the backend. */
GV_MUST_CHECK bool gv_plan_answer_here(struct gv_arena *a, const struct gv_plan *p, const struct gv_plan_ask *ask,
                                       struct gv_source *source, const struct gv_eval_options *eval,
                                       struct gv_result *out, struct gv_err *err);
