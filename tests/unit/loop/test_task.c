/* Tasks and workers: the order of steps, parking, failing with answers still owed, offloading, shared jobs; and a
 * stress of tasks that are offloaded, asked and canceled on several loops at once. */
#include "loop/task.h"
#include "promql/eval.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct request {
    struct gv_task task;
    char log[64];
    struct gv_message answer;
    int asks;
};

static struct request *request_of(struct gv_task *t)
{
    return container_of(t, struct request, task);
}

static void note(struct gv_task *t, const char *what)
{
    strcat(request_of(t)->log, what);
}

static enum gv_step first(struct gv_task *t)
{
    note(t, "1");
    return GV_NEXT;
}
static enum gv_step second(struct gv_task *t)
{
    note(t, "2");
    return GV_NEXT;
}
static enum gv_step last(struct gv_task *t)
{
    note(t, "L");
    gv_loop_stop(t->loop);
    return GV_NEXT;
}

static void on_answer(struct gv_message *m)
{
    struct request *r = container_of(m, struct request, answer);
    note(&r->task, "a");
    gv_task_release(&r->task);
    note(&r->task, "."); /* nothing may run inside the release */
}
static enum gv_step ask(struct gv_task *t)
{
    struct request *r = request_of(t);
    note(t, "?");
    r->answer.fn = on_answer;
    gv_task_hold(t);
    gv_loop_post(t->loop, &r->answer);
    return GV_WAIT;
}
static enum gv_step ask_and_go_on(struct gv_task *t)
{
    ask(t);
    return GV_NEXT;
}
static enum gv_step ask_and_fail(struct gv_task *t)
{
    ask(t);
    return GV_FAIL;
}
static enum gv_step answered_at_once(struct gv_task *t)
{
    note(t, "!");
    gv_task_hold(t);
    gv_task_release(t);
    return GV_WAIT;
}

static bool work(struct gv_task *t)
{
    assert_false(gv_loop_is_current(t->loop));
    note(t, "w");
    return true;
}
static bool failing_work(struct gv_task *t)
{
    note(t, "f");
    return gv_fail(&t->err, GV_EXECUTION, "no");
}
static enum gv_step offload(struct gv_task *t)
{
    return gv_task_offload(t, work);
}
static enum gv_step offload_failing(struct gv_task *t)
{
    return gv_task_offload(t, failing_work);
}

struct start {
    struct gv_message message;
    struct request *request;
    struct gv_loop *loop;
    struct gv_workers *workers;
    gv_step_fn *const *steps;
};

static void on_start(struct gv_message *m)
{
    struct start *s = container_of(m, struct start, message);
    gv_task_start(&s->request->task, s->loop, s->workers, s->steps);
}

static void assert_steps_log(gv_step_fn *const *steps, const char *log, enum gv_err_code code)
{
    struct gv_err err = {0};
    struct gv_loop *l = gv_loop_new(0, &err);
    struct gv_workers *w = gv_workers_new(2, &err);
    assert_non_null(l);
    assert_non_null(w);
    struct request r = {0};
    struct start s = {.message.fn = on_start, .request = &r, .loop = l, .workers = w, .steps = steps};
    gv_loop_post(l, &s.message);
    gv_loop_run(l);
    assert_string_equal(r.log, log);
    assert_int_equal(r.task.err.code, code);
    gv_workers_free(w);
    gv_loop_free(l);
}

#define STEPS(...) ((gv_step_fn *const[]){__VA_ARGS__, NULL})

static void steps_run_in_order(void **state)
{
    (void)state;
    assert_steps_log(STEPS(last), "L", GV_OK);
    assert_steps_log(STEPS(first, second, last), "12L", GV_OK);
    assert_steps_log(STEPS(first, ask, second, last), "1?a.2L", GV_OK);
    assert_steps_log(STEPS(answered_at_once, second, last), "!2L", GV_OK);
}

static void the_last_step_waits_for_answers(void **state)
{
    (void)state;
    assert_steps_log(STEPS(ask_and_go_on, second, last), "?2a.L", GV_OK);
    assert_steps_log(STEPS(ask_and_fail, second, last), "?a.L", GV_OK);
}

static void work_goes_on_with_the_next_step_or_the_last(void **state)
{
    (void)state;
    assert_steps_log(STEPS(first, offload, second, last), "1w2L", GV_OK);
    assert_steps_log(STEPS(first, offload_failing, second, last), "1fL", GV_EXECUTION);
}

/* Every index of a shared job runs exactly once, also when jobs nest and run on several threads. */
enum { CALLS = 2000 };
struct tally {
    struct gv_executor *executor;
    atomic_int runs[CALLS];
    bool nested;
};
static void count_call(void *arg, size_t i)
{
    struct tally *t = arg;
    atomic_fetch_add(&t->runs[i], 1);
}
static void count_nested(void *arg, size_t i)
{
    struct tally *t = arg;
    struct tally inner = {.executor = t->executor};
    t->executor->run(t->executor, count_call, &inner, 10);
    for (int k = 0; k < 10; k++)
        assert_int_equal(inner.runs[k], 1);
    count_call(t, i);
}
static void shared_jobs_run_every_call_once(void **state)
{
    (void)state;
    struct gv_err err = {0};
    struct gv_workers *w = gv_workers_new(3, &err);
    assert_non_null(w);
    static struct tally t;
    for (int round = 0; round < 20; round++) {
        t = (struct tally){.executor = gv_workers_executor(w)};
        t.executor->run(t.executor, round % 2 ? count_nested : count_call, &t, CALLS);
        for (int i = 0; i < CALLS; i++)
            assert_int_equal(t.runs[i], 1);
    }
    t.executor->run(t.executor, count_call, &t, 0);
    assert_int_equal(gv_workers_queued(w), 0);
    gv_workers_free(w);
}

/* The stress: on each of several loops many tasks that compute, then ask another loop, then compute again. Half of
 * them are canceled from their loop while they run; all must reach their last step once, with no hold left. */
enum { LOOPS = 3, TASKS = 300 };
struct busy {
    struct gv_task task;
    struct gv_message start, there, back;
    struct yard *yard;
    atomic_bool cancel;
    unsigned at, units, ended;
};
struct yard {
    struct gv_loop *loops[LOOPS];
    struct gv_workers *workers;
    atomic_uint ended;
    struct busy tasks[LOOPS * TASKS];
};

static struct busy *busy_of(struct gv_task *t)
{
    return container_of(t, struct busy, task);
}
static bool compute(struct gv_task *t)
{
    struct busy *b = busy_of(t);
    for (int i = 0; i < 50; i++, b->units++)
        if (atomic_load(&b->cancel))
            return gv_fail(&t->err, GV_CANCELED, "canceled after %d", i);
    return true;
}
static enum gv_step compute_step(struct gv_task *t)
{
    return gv_task_offload(t, compute);
}
static void on_back(struct gv_message *m)
{
    gv_task_release(&container_of(m, struct busy, back)->task);
}
static void on_there(struct gv_message *m)
{
    struct busy *b = container_of(m, struct busy, there);
    gv_loop_post(b->task.loop, &b->back);
}
static enum gv_step ask_neighbour(struct gv_task *t)
{
    struct busy *b = busy_of(t);
    b->there.fn = on_there;
    b->back.fn = on_back;
    gv_task_hold(t);
    gv_loop_post(b->yard->loops[(b->at + 1) % LOOPS], &b->there);
    return b->at % 3 ? GV_WAIT : GV_NEXT;
}
static enum gv_step end(struct gv_task *t)
{
    struct busy *b = busy_of(t);
    assert_true(gv_loop_is_current(t->loop));
    assert_int_equal(t->pending, 0);
    b->ended++;
    if (atomic_fetch_add(&b->yard->ended, 1) + 1 == LOOPS * TASKS)
        for (int i = 0; i < LOOPS; i++)
            gv_loop_stop(b->yard->loops[i]);
    return GV_NEXT;
}
static void on_busy_start(struct gv_message *m)
{
    static gv_step_fn *const steps[] = {compute_step, ask_neighbour, compute_step, end, NULL};
    struct busy *b = container_of(m, struct busy, start);
    struct yard *y = b->yard;
    gv_task_start(&b->task, y->loops[b->at % LOOPS], y->workers, steps);
    if (b->at >= LOOPS && b->at % 2)
        atomic_store(&y->tasks[b->at - LOOPS].cancel, true);
}

static void many_tasks_on_many_loops_all_end(void **state)
{
    (void)state;
    struct gv_err err = {0};
    struct yard *y = calloc(1, sizeof *y);
    y->workers = gv_workers_new(4, &err);
    for (unsigned i = 0; i < LOOPS; i++) {
        y->loops[i] = gv_loop_new(i, &err);
        assert_non_null(y->loops[i]);
        assert_true(gv_loop_start(y->loops[i], &err));
    }
    for (unsigned i = 0; i < LOOPS * TASKS; i++) {
        struct busy *b = &y->tasks[i];
        b->start.fn = on_busy_start;
        b->yard = y;
        b->at = i;
        gv_loop_post(y->loops[i % LOOPS], &b->start);
    }
    for (unsigned i = 0; i < LOOPS; i++)
        gv_loop_join(y->loops[i]);
    for (unsigned i = 0; i < LOOPS * TASKS; i++) {
        assert_int_equal(y->tasks[i].ended, 1);
        assert_true(y->tasks[i].units == 100 || y->tasks[i].task.err.code == GV_CANCELED);
    }
    gv_workers_free(y->workers);
    for (unsigned i = 0; i < LOOPS; i++)
        gv_loop_free(y->loops[i]);
    free(y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_run_in_order),
        cmocka_unit_test(the_last_step_waits_for_answers),
        cmocka_unit_test(work_goes_on_with_the_next_step_or_the_last),
        cmocka_unit_test(shared_jobs_run_every_call_once),
        cmocka_unit_test(many_tasks_on_many_loops_all_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
