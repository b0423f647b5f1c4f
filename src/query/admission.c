#include "query/admission.h"

static void on_admitted(struct gv_gate_ticket *ticket)
{
    struct admission *ad = container_of(ticket, struct admission, ticket);
    ad->in = true;
    gv_timer_cancel(&ad->timer);
    gv_task_release(ad->task);
}

/* Where a place is already on its way, on_admitted releases. */
static void stop_waiting(struct admission *ad)
{
    if (gv_gate_forget(ad->gate, &ad->ticket))
        gv_task_release(ad->task);
}

static void on_timeout(struct gv_timer *timer)
{
    struct admission *ad = container_of(timer, struct admission, timer);
    unsigned places, running, waiting;
    gv_gate_counts(ad->gate, &places, &running, &waiting);
    gv_fail(&ad->task->err, GV_TIMEOUT, "query timed out in the queue: %s is %u, %u are running and %u waiting",
            ad->limit, places, running, waiting);
    stop_waiting(ad);
}

void admission_init(struct admission *ad, struct gv_gate *g, const char *many, const char *limit, struct gv_task *t,
                    struct gv_loop *l)
{
    *ad = (struct admission){
        .gate = g, .many = many, .limit = limit, .task = t, .loop = l, .ticket.admitted = on_admitted};
    gv_timer_init(&ad->timer, l, on_timeout);
}

enum gv_step admission_enter(struct admission *ad, int64_t left_ms)
{
    unsigned places, running, waiting;
    switch (gv_gate_enter(ad->gate, &ad->ticket, ad->loop)) {
    case GV_GATE_IN:
        ad->in = true;
        return GV_NEXT;
    case GV_GATE_WAIT:
        gv_task_hold(ad->task);
        gv_timer_set(&ad->timer, left_ms);
        return GV_WAIT;
    case GV_GATE_FULL:
        break;
    }
    gv_gate_counts(ad->gate, &places, &running, &waiting);
    gv_fail(&ad->task->err, GV_UNAVAILABLE, "%s: %s is %u and %u wait already; try again later", ad->many, ad->limit,
            places, waiting);
    return GV_FAIL;
}

void admission_cancel(struct admission *ad)
{
    if (ad->gate && !ad->in)
        stop_waiting(ad);
}

void admission_leave(struct admission *ad)
{
    if (ad->in)
        gv_gate_leave(ad->gate);
    ad->in = false;
}

void admission_fini(struct admission *ad)
{
    gv_timer_fini(&ad->timer);
}
