/* A pool of worker threads for what would block a loop: evaluation, large frees, CA bundles, bcrypt, file reads.
 * A worker owns the work item until fn returns; then done runs on the loop that submitted it. */
#pragma once
#include "loop/loop.h"

struct gv_workers;
struct gv_executor; /* promql/eval.h */

GV_MUST_CHECK struct gv_workers *gv_workers_new(unsigned threads, struct gv_err *err);
void gv_workers_free(struct gv_workers *w); /* finishes what was submitted */

struct gv_work {
    struct gv_message done; /* done.fn runs on the loop afterwards */
    struct gv_work *next;
    struct gv_loop *loop;
    void (*fn)(struct gv_work *w); /* on a worker */
};
void gv_workers_submit(struct gv_workers *w, struct gv_loop *reply_to, struct gv_work *work);

/* Spreads fn(arg, 0..n-1) over idle workers and the calling thread (itself a worker), for one large query. */
struct gv_executor *gv_workers_executor(struct gv_workers *w);
size_t gv_workers_queued(struct gv_workers *w); /* metric */
