/* The end: drain -> (limit: abort) -> all servers empty -> health job stopped -> control loop stops.
 *
 * Every request under way may finish within DRAIN_MS; what still runs then is cancelled. A second signal cancels at
 * once. What does not end even then (a write to a disk that hangs) is left: the process ends with an error. */
#include "app/command.h"
#include "app/process.h"
#include "app/program.h"
#include "base/log.h"
#include <unistd.h>

enum { DRAIN_MS = 30000, ABORT_MS = 5000 };

static void on_health_stopped(void *arg)
{
    struct program *p = arg;
    gv_loop_stop(p->control);
}

static void stop_control(struct program *p)
{
    gv_timer_fini(&p->drain_limit);
    gv_health_stop(p->health, on_health_stopped, p);
    p->health = NULL;
}

static void on_drained(struct gv_message *m)
{
    struct slot *s = container_of(m, struct slot, drained);
    struct program *p = s->program;
    if (--p->drains_pending == 0)
        stop_control(p);
}

static void on_server_empty(void *arg)
{
    struct slot *s = arg;
    s->drained.fn = on_drained;
    gv_loop_post(s->program->control, &s->drained);
}

static void on_drain(struct gv_message *m)
{
    struct slot *s = container_of(m, struct slot, drain);
    gv_http_server_drain(s->server, on_server_empty, s);
}

static void on_abort(struct gv_message *m)
{
    struct slot *s = container_of(m, struct slot, abort);
    gv_http_server_abort(s->server);
}

static void on_stuck(struct gv_timer *t)
{
    (void)t;
    gv_log(GV_LOG_ERROR,
           "requests do not end, not even when cancelled: ending without them; is the disk of storage.path "
           "stuck? What was not acknowledged may be lost");
    _exit(GV_EXIT_FAILED); /* their threads cannot be joined */
}

static void abort_requests(struct program *p)
{
    gv_log(GV_LOG_WARN, "cancelling the requests that still run", GV_F("loops", p->drains_pending));
    for (unsigned i = 0; i < p->n_slots; i++) {
        p->slots[i].abort.fn = on_abort;
        gv_loop_post(p->slots[i].loop, &p->slots[i].abort);
    }
    keeper_stop(p->keeper);
    p->drain_limit.fn = on_stuck;
    gv_timer_set(&p->drain_limit, ABORT_MS);
}

static void on_limit(struct gv_timer *t)
{
    abort_requests(container_of(t, struct program, drain_limit));
}

void program_end(struct program *p)
{
    if (p->ending) {
        if (p->drains_pending && p->drain_limit.fn == on_limit)
            abort_requests(p);
        return;
    }
    p->ending = true;
    pthread_mutex_lock(&p->lock);
    p->ready = false;
    pthread_mutex_unlock(&p->lock);
    gv_process_notify("STOPPING=1");
    gv_log(GV_LOG_INFO, "shutting down: finishing what runs", GV_F("at_most_seconds", DRAIN_MS / 1000));
    program_refuse_reloads(p);
    gv_timer_init(&p->drain_limit, p->control, on_limit);
    gv_timer_set(&p->drain_limit, DRAIN_MS);
    p->drains_pending = p->n_slots;
    for (unsigned i = 0; i < p->n_slots; i++) {
        p->slots[i].drain.fn = on_drain;
        gv_loop_post(p->slots[i].loop, &p->slots[i].drain);
    }
}
