#include "loop/loop.h"
#include <event2/event.h>

void gv_timer_init(struct gv_timer *t, struct gv_loop *l, void (*fn)(struct gv_timer *t))
{
    *t = (struct gv_timer){.fn = fn, .loop = l};
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct gv_timer *t = arg;
    t->fn(t);
}

void gv_timer_set(struct gv_timer *t, int64_t ms)
{
    if (!t->ev && !(t->ev = evtimer_new(gv_loop_base(t->loop), on_time, t)))
        gv_die("out of memory: a timer");
    if (ms < 0)
        ms = 0;
    event_add(t->ev, &(struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000});
}

void gv_timer_cancel(struct gv_timer *t)
{
    if (t->ev)
        event_del(t->ev);
}

void gv_timer_fini(struct gv_timer *t)
{
    if (t->ev)
        event_free(t->ev);
    t->ev = NULL;
}
