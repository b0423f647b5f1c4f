/* What a query would do, without doing it. Any thread. */
#pragma once
#include "plan/plan.h"
#include "query/query.h"

/* The plan of a request, from what is known of the clusters now; nobody is asked. Fails as the query would. */
GV_MUST_CHECK struct gv_plan *gv_query_explain(struct gv_arena *a, const struct gv_settings *s,
                                               const struct gv_query_request *r, struct gv_err *err);
/* The plan that a finished query ran by (the last one, where it was planned again). */
const struct gv_plan *gv_query_plan(const struct gv_query *q);
