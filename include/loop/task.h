/* A request written as a list of steps. Loop thread only; a worker owns the task while it runs its work.
 *
 * Rules: every hold is released exactly once, also on cancel; resumption happens on a later turn of the loop; the
 * runner holds the task while a step runs, so a step may hold and release as it likes before it returns; workers touch
 * only their task and come back through the mailbox. The last step runs when no hold is left, whatever failed before:
 * nothing that still owes an answer can find the task gone. While work is on a worker, nobody else touches t->err. */
#pragma once
#include "loop/worker.h"

struct gv_task;
enum gv_step { GV_NEXT, GV_WAIT, GV_FAIL }; /* go on | park until all holds are released | skip to the last step */
typedef enum gv_step gv_step_fn(struct gv_task *t);
typedef bool gv_work_fn(struct gv_task *t); /* on a worker; false with t->err set: skip to the last step */

struct gv_task {             /* embed it in the request */
    gv_step_fn *const *next; /* ends with NULL; the last step always runs, exactly once: it replies, may free t */
    unsigned pending;        /* holds */
    struct gv_loop *loop;
    struct gv_workers *workers;
    gv_work_fn *work;
    bool work_failed, resuming;
    struct gv_work job;
    struct gv_message resume;
    struct gv_err err; /* first failure wins; set by any step */
};

/* Runs the first steps at once: where they all say GV_NEXT, t may be gone when this returns. */
void gv_task_start(struct gv_task *t, struct gv_loop *l, struct gv_workers *w, gv_step_fn *const *steps);
void gv_task_hold(struct gv_task *t);
void gv_task_release(struct gv_task *t); /* the last one resumes t on a later turn */
/* return gv_task_offload(t, work); -- parks t, runs work on a worker, then goes on with the next step. */
enum gv_step gv_task_offload(struct gv_task *t, gv_work_fn *work);
