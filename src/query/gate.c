/* One lock around two numbers and a list; held for a few instructions, never across a callback. */
#include "query/gate.h"
#include <pthread.h>
#include <stdlib.h>

struct gv_gate {
    pthread_mutex_t lock;
    unsigned places, running, waiting, max_waiting;
    struct gv_gate_ticket *first, *last;
};

struct gv_gate *gv_gate_new(unsigned places, unsigned max_waiting)
{
    struct gv_gate *g = calloc(1, sizeof *g);
    if (!g)
        gv_die("out of memory");
    pthread_mutex_init(&g->lock, NULL);
    g->places = places;
    g->max_waiting = max_waiting;
    return g;
}

void gv_gate_free(struct gv_gate *g)
{
    if (!g)
        return;
    pthread_mutex_destroy(&g->lock);
    free(g);
}

static void append(struct gv_gate *g, struct gv_gate_ticket *t)
{
    t->prev = g->last;
    t->next = NULL;
    *(g->last ? &g->last->next : &g->first) = t;
    g->last = t;
    g->waiting++;
}

static void unlink_ticket(struct gv_gate *g, struct gv_gate_ticket *t)
{
    *(t->prev ? &t->prev->next : &g->first) = t->next;
    *(t->next ? &t->next->prev : &g->last) = t->prev;
    g->waiting--;
}

static void on_message(struct gv_message *m)
{
    struct gv_gate_ticket *t = container_of(m, struct gv_gate_ticket, message);
    t->admitted(t);
}

/* Admits who waits while there is room. Posting is safe under the lock: it only links into a mailbox. */
static void admit_waiting(struct gv_gate *g)
{
    while (g->first && g->running < g->places) {
        struct gv_gate_ticket *t = g->first;
        unlink_ticket(g, t);
        g->running++;
        t->state = GV_TICKET_IN;
        t->message.fn = on_message;
        gv_loop_post(t->loop, &t->message);
    }
}

void gv_gate_set_places(struct gv_gate *g, unsigned places)
{
    pthread_mutex_lock(&g->lock);
    g->places = places;
    admit_waiting(g);
    pthread_mutex_unlock(&g->lock);
}

enum gv_gate_answer gv_gate_enter(struct gv_gate *g, struct gv_gate_ticket *t, struct gv_loop *l)
{
    enum gv_gate_answer answer = GV_GATE_WAIT;
    t->loop = l;
    pthread_mutex_lock(&g->lock);
    if (!g->first && g->running < g->places) {
        g->running++;
        t->state = GV_TICKET_IN;
        answer = GV_GATE_IN;
    } else if (g->waiting >= g->max_waiting) {
        answer = GV_GATE_FULL;
    } else {
        t->state = GV_TICKET_WAITING;
        append(g, t);
    }
    pthread_mutex_unlock(&g->lock);
    return answer;
}

bool gv_gate_forget(struct gv_gate *g, struct gv_gate_ticket *t)
{
    pthread_mutex_lock(&g->lock);
    bool waited = t->state == GV_TICKET_WAITING;
    if (waited) {
        unlink_ticket(g, t);
        t->state = GV_TICKET_OUT;
    }
    pthread_mutex_unlock(&g->lock);
    return waited;
}

void gv_gate_leave(struct gv_gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->running--;
    admit_waiting(g);
    pthread_mutex_unlock(&g->lock);
}

void gv_gate_counts(struct gv_gate *g, unsigned *places, unsigned *running, unsigned *waiting)
{
    pthread_mutex_lock(&g->lock);
    *places = g->places;
    *running = g->running;
    *waiting = g->waiting;
    pthread_mutex_unlock(&g->lock);
}
