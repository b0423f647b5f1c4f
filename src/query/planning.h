/* From a request to what the planner needs; used by queries that run and by those that are only explained. Pure. */
#pragma once
#include "plan/plan.h"
#include "query/query.h"

/* The query's tree; errors as /api/v1/query words them. */
struct gv_expr *planning_parse(struct gv_arena *a, const struct gv_settings *s, const struct gv_query_request *r,
                               struct gv_err *err);
/* Times, limits and sources: sources[i] is the i-th cluster in scope that can be asked. All in a. */
struct gv_plan_options planning_options(struct gv_arena *a, const struct gv_settings *s,
                                        const struct gv_query_request *r);
