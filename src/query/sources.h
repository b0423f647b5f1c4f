/* The clusters in scope as the planner sees them: what each is called, injects, and can be trusted with. */
#pragma once
#include "plan/plan.h"
#include "query/query.h"

/* One source per cluster of cs that is in scope and can be asked; clusters[i] is the cluster of source i. All in a. */
struct gv_plan_source *sources_of(const struct gv_clusters *cs, const struct gv_read_scope *scope, struct gv_arena *a,
                                  const struct gv_cluster ***clusters, size_t *n);
