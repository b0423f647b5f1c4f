/* A loop and its mailbox: any thread appends messages under one lock; the loop takes the whole list under the lock and
 * runs it outside. Whoever finds the mailbox empty wakes the loop: other threads through an eventfd, the loop's own
 * thread by a timer of zero length, which costs no system call and still comes on a later turn. */
#include "loop/loop.h"
#include "base/thread.h"
#include <errno.h>
#include <event2/event.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct gv_loop {
    struct event_base *base;
    struct event *called; /* by another thread */
    struct event *later;  /* by this thread */
    int fd;               /* eventfd behind `called` */
    unsigned index;
    pthread_t thread;
    atomic_bool stop;
    pthread_mutex_t lock; /* guards the mailbox */
    struct gv_message *first, **last;
};

static _Thread_local const struct gv_loop *current;

static struct gv_message *take_mail(struct gv_loop *l)
{
    pthread_mutex_lock(&l->lock);
    struct gv_message *first = l->first;
    l->first = NULL;
    l->last = &l->first;
    pthread_mutex_unlock(&l->lock);
    return first;
}

static bool run_mail(struct gv_loop *l)
{
    struct gv_message *m = take_mail(l);
    bool any = m;
    for (struct gv_message *next; m; m = next) {
        next = m->next; /* fn may free or post m */
        m->fn(m);
    }
    return any;
}

static void on_called(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct gv_loop *l = arg;
    uint64_t calls;
    if (read(fd, &calls, sizeof calls) < 0 && errno != EAGAIN)
        gv_die("eventfd: %s", strerror(errno));
    if (atomic_load(&l->stop))
        event_base_loopbreak(l->base);
    run_mail(l);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    run_mail(arg);
}

static struct event_base *new_base(void)
{
    struct event_config *c = event_config_new();
    if (!c)
        return NULL;
    event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(c, EVENT_BASE_FLAG_NO_CACHE_TIME); /* a timer set after long work must not come early */
    struct event_base *base = event_base_new_with_config(c);
    event_config_free(c);
    return base;
}

struct gv_loop *gv_loop_new(unsigned index, struct gv_err *err)
{
    struct gv_loop *l = calloc(1, sizeof *l);
    if (!l)
        gv_die("out of memory");
    l->index = index;
    l->last = &l->first;
    pthread_mutex_init(&l->lock, NULL);
    l->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    l->base = l->fd < 0 ? NULL : new_base();
    l->called = l->base ? event_new(l->base, l->fd, EV_READ | EV_PERSIST, on_called, l) : NULL;
    l->later = l->base ? evtimer_new(l->base, on_later, l) : NULL;
    if (l->called && l->later && event_add(l->called, NULL) == 0)
        return l;
    gv_fail(err, GV_INTERNAL, "cannot make an event loop: %s", strerror(errno));
    gv_loop_free(l);
    return NULL;
}

void gv_loop_free(struct gv_loop *l)
{
    if (!l)
        return;
    const struct gv_loop *outer = current;
    current = l;
    while (run_mail(l))
        ;
    current = outer;
    if (l->called)
        event_free(l->called);
    if (l->later)
        event_free(l->later);
    if (l->base)
        event_base_free(l->base);
    if (l->fd >= 0)
        close(l->fd);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void gv_loop_run(struct gv_loop *l)
{
    current = l;
    event_base_dispatch(l->base);
    current = NULL;
    atomic_store(&l->stop, false); /* a loop may run again */
}

static void call(struct gv_loop *l)
{
    uint64_t one = 1;
    while (write(l->fd, &one, sizeof one) < 0 && errno == EINTR)
        ; /* EAGAIN: the counter is full, so the loop is called already */
}

void gv_loop_stop(struct gv_loop *l)
{
    atomic_store(&l->stop, true);
    call(l);
}

static void *thread_main(void *arg)
{
    gv_loop_run(arg);
    return NULL;
}

bool gv_loop_start(struct gv_loop *l, struct gv_err *err)
{
    return gv_thread_start(&l->thread, "loop", l->index, thread_main, l, err);
}

void gv_loop_join(struct gv_loop *l)
{
    pthread_join(l->thread, NULL);
}

unsigned gv_loop_index(const struct gv_loop *l)
{
    return l->index;
}

struct event_base *gv_loop_base(struct gv_loop *l)
{
    return l->base;
}

int64_t gv_loop_now_ns(struct gv_loop *l)
{
    (void)l;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool gv_loop_is_current(const struct gv_loop *l)
{
    return current == l;
}

void gv_loop_post(struct gv_loop *l, struct gv_message *m)
{
    m->next = NULL;
    pthread_mutex_lock(&l->lock);
    bool was_empty = !l->first;
    *l->last = m;
    l->last = &m->next;
    pthread_mutex_unlock(&l->lock);
    if (!was_empty)
        return;
    if (current == l)
        event_add(l->later, &(struct timeval){0, 0});
    else
        call(l);
}
