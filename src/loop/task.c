/* The runner of steps. It goes from step to step while they say GV_NEXT, parks the task while answers are owed, and
 * runs the last step only when none is. */
#include "loop/task.h"
#include <assert.h>

static bool at_last(const struct gv_task *t)
{
    return !t->next[1];
}

static void skip_to_last(struct gv_task *t)
{
    while (t->next[0] && !at_last(t))
        t->next++;
}

static void resume_later(struct gv_task *t)
{
    if (t->resuming)
        return;
    t->resuming = true;
    gv_loop_post(t->loop, &t->resume);
}

static enum gv_step run_step(struct gv_task *t)
{
    t->pending++; /* so that releases within the step do not resume it */
    enum gv_step verdict = (*t->next++)(t);
    t->pending--;
    if (verdict == GV_FAIL)
        skip_to_last(t);
    return verdict;
}

static void run(struct gv_task *t)
{
    while (!at_last(t)) {
        if (run_step(t) == GV_WAIT) {
            if (!t->pending)
                resume_later(t);
            return;
        }
    }
    if (!t->pending)
        (*t->next)(t); /* t may be gone */
}

static void on_resume(struct gv_message *m)
{
    struct gv_task *t = container_of(m, struct gv_task, resume);
    t->resuming = false;
    if (!t->pending)
        run(t);
}

void gv_task_start(struct gv_task *t, struct gv_loop *l, struct gv_workers *w, gv_step_fn *const *steps)
{
    assert(steps[0]);
    *t = (struct gv_task){.next = steps, .loop = l, .workers = w, .resume.fn = on_resume};
    run(t);
}

void gv_task_hold(struct gv_task *t)
{
    t->pending++;
}

void gv_task_release(struct gv_task *t)
{
    assert(t->pending);
    if (--t->pending == 0)
        resume_later(t);
}

static void run_work(struct gv_work *job)
{
    struct gv_task *t = container_of(job, struct gv_task, job);
    t->work_failed = !t->work(t);
}

/* A message starts a turn of its own, so the task goes on without another. */
static void on_work_done(struct gv_message *m)
{
    struct gv_task *t = container_of(m, struct gv_task, job.done);
    if (t->work_failed)
        skip_to_last(t);
    if (--t->pending == 0)
        run(t);
}

enum gv_step gv_task_offload(struct gv_task *t, gv_work_fn *work)
{
    gv_task_hold(t);
    t->work = work;
    t->job = (struct gv_work){.done.fn = on_work_done, .fn = run_work};
    gv_workers_submit(t->workers, t->loop, &t->job);
    return GV_WAIT;
}
