/* Admission: how many queries may run in the process, and who waits for a place, first come first served.
 * Any thread. A place that is given back goes straight to the one who waits longest, on its own loop. */
#pragma once
#include "loop/loop.h"
#include <stdatomic.h>

struct gv_gate;
struct gv_gate *gv_gate_new(unsigned places, unsigned max_waiting);
void gv_gate_free(struct gv_gate *g);
void gv_gate_set_places(struct gv_gate *g, unsigned places); /* after a reload */

/* Embedded in who asks. admitted runs on the loop given; never from inside gv_gate_enter. */
struct gv_gate_ticket {
    struct gv_message message;
    struct gv_gate_ticket *prev, *next;
    struct gv_loop *loop;
    void (*admitted)(struct gv_gate_ticket *t);
    enum { GV_TICKET_OUT, GV_TICKET_WAITING, GV_TICKET_IN } state; /* under the gate's lock */
};
enum gv_gate_answer { GV_GATE_IN, GV_GATE_WAIT, GV_GATE_FULL };
/* GV_GATE_IN: go on at once. GV_GATE_WAIT: t->admitted will be called. GV_GATE_FULL: too many wait already. */
enum gv_gate_answer gv_gate_enter(struct gv_gate *g, struct gv_gate_ticket *t, struct gv_loop *l);
/* Gives up a wait: true where the ticket was still waiting; false where the place is already on its way (admitted will
 * still be called, and the place must be given back then). */
bool gv_gate_forget(struct gv_gate *g, struct gv_gate_ticket *t);
void gv_gate_leave(struct gv_gate *g); /* gives back one place */

void gv_gate_counts(struct gv_gate *g, unsigned *places, unsigned *running, unsigned *waiting);
