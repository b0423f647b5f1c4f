/* A tree without anything that depends on when and how it is asked: what is left has the same value wherever it is
 * evaluated, at each step. Pure. */
#pragma once
#include "model/column.h"
#include "promql/ast.h"

struct gv_query_times {
    int64_t start, end;   /* ms, both inclusive */
    int64_t step;         /* ms; 0: an instant query at start */
    int64_t default_step; /* ms, of subqueries without one; 0: a minute */
};

/* A copy in which duration expressions, `@ start()`, `@ end()`, the default step of subqueries and the functions
 * start(), end(), step() and range() have become numbers. Positions stay those of the query. Fails with GV_BAD_DATA in
 * Prometheus's words where a duration expression gives no duration. */
GV_MUST_CHECK struct gv_expr *gv_promql_fold(struct gv_arena *a, const struct gv_expr *e,
                                             const struct gv_query_times *t, struct gv_err *err);

/* A duration in ms: written where e is NULL, else what the expression e amounts to. */
GV_MUST_CHECK bool gv_duration_resolve(const struct gv_expr *e, int64_t written, bool may_be_negative,
                                       const struct gv_query_times *t, int64_t *ms, struct gv_err *err);

enum { GV_STEPS_MAX = INT32_MAX };     /* of a grid */
#define GV_TIME_MAX (INT64_C(1) << 60) /* ms: times of a query beyond are refused, offsets are cut */

/* The times at which a subquery evaluates what is inside it, when it is itself evaluated from first to last (its own
 * `@` and offset applied): absolute multiples of its step, after first - range, up to last. Fails with GV_EXECUTION
 * where they are too many. */
GV_MUST_CHECK bool gv_subquery_times(int64_t first, int64_t last, int64_t range, int64_t step, struct gv_grid *g,
                                     struct gv_err *err);
