/* The plan "union": what several clusters answered, made into one answer. Synchronous; any thread that owns the arena.
 *
 * Series are not copied: the result's series borrow labels and columns of the parts, which must live as long. */
#pragma once
#include "model/column.h"

struct gv_part {
    const struct gv_result *result;
    struct gv_slice source; /* the cluster's name, for messages */
};

/* The order of a united vector. A matrix is always by labels, as Prometheus sorts range results. */
enum gv_order {
    GV_ORDER_LABELS, /* by label set */
    GV_ORDER_KEPT    /* part after part, each in its own order */
};

/* Errors, all GV_EXECUTION: a series that stands twice (names who sent it), parts of different types, scalars or
 * strings that differ. No parts give an empty result of type GV_RESULT_NONE. Notes of the parts are merged. */
GV_MUST_CHECK bool gv_unite(struct gv_arena *a, const struct gv_part *parts, size_t n, enum gv_order order,
                            struct gv_result *out, struct gv_err *err);
