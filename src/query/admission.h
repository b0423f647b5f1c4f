/* A query's place in a gate: asked for, waited for within the query's time, given back. Loop thread only. */
#pragma once
#include "loop/task.h"
#include "query/gate.h"

struct admission {
    struct gv_gate *gate; /* NULL: none is needed */
    const char *many;     /* "too many queries", in messages */
    const char *limit;    /* what says how many places there are: "max_concurrent_queries" */
    struct gv_task *task;
    struct gv_loop *loop;
    struct gv_gate_ticket ticket;
    struct gv_timer timer;
    bool in;
};

void admission_init(struct admission *ad, struct gv_gate *g, const char *many, const char *limit, struct gv_task *t,
                    struct gv_loop *l);
/* A step's verdict: GV_NEXT, in; GV_WAIT, the task goes on when it is in, or with err, or after a cancel; GV_FAIL: too
 * many wait already. */
enum gv_step admission_enter(struct admission *ad, int64_t left_ms);
void admission_cancel(struct admission *ad); /* ends a wait */
void admission_leave(struct admission *ad);  /* gives the place back, if any */
void admission_fini(struct admission *ad);
