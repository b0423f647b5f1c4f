/* What a backend's status pages say about it. Pure: texts in, facts out. */
#pragma once
#include "cluster/cluster.h"

/* /api/v1/status/buildinfo. kind: a VictoriaMetrics gives no revision, other Prometheus-like programs have version 0.x.
 * version_text is appended what the page calls the version. GV_BAD_DATA where it is no such page. */
GV_MUST_CHECK bool gv_learn_buildinfo(struct gv_slice body, struct gv_cluster_version *v, struct gv_buf *version_text,
                                      struct gv_err *err);
/* The other pages add to what is known, with memory of a, and do nothing where they cannot be read. */
void gv_learn_flags(struct gv_slice body, struct gv_cluster_abilities *what, struct gv_arena *a);
void gv_learn_runtimeinfo(struct gv_slice body, struct gv_cluster_abilities *what, struct gv_arena *a);
void gv_learn_config(struct gv_slice body, struct gv_cluster_abilities *what, struct gv_arena *a);
/* /api/v1/label/NAME/values: whether it can be read, and has not this one. */
bool gv_learn_is_no_value(struct gv_slice body, struct gv_slice value);
