/* The JSON envelope of Prometheus's API around a document: {"status":"success","data":...}. Pure; any thread. */
#pragma once
#include "base/arena.h"
#include "query/fanout.h"

/* The envelope's root, in the arena (base/json.h), and its data, which is what the shape says. NULL and err:
 * GV_BAD_DATA where the body is something else, or says an error; the budget's code where it is spent. */
GV_MUST_CHECK json_t *envelope_read(struct gv_arena *a, struct gv_slice body, const struct gv_fanout_shape *shape,
                                    json_t **data, struct gv_err *err);
