/* The one door to what is under test: an expression over a storage gives a result. */
#pragma once
#include "promql/eval.h"
#include "storage.h"

struct engine {
    struct gv_executor *executor; /* or NULL */
    unsigned clusters;            /* > 0: queries are compared, planned over so many clusters and in one (clusters.h) */
};

/* With the features of the engine under test. */
GV_MUST_CHECK struct gv_expr *engine_parse(struct gv_arena *a, struct gv_slice text, struct gv_err *err);
/* Runs a tree of text, once: the evaluator may change it. step 0: an instant query at start. The result lives in a; it
 * is the evaluator's own, errors too. */
GV_MUST_CHECK bool engine_run(struct engine *en, struct gv_arena *a, struct storage *s, struct gv_slice text,
                              struct gv_expr *e, int64_t start, int64_t end, int64_t step, struct gv_result *out,
                              struct gv_err *err);

/* An executor of that many threads; NULL for 0. */
struct gv_executor *engine_workers(unsigned n);
void engine_workers_free(struct gv_executor *x);
