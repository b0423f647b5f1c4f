/* An event loop: one thread, one event_base, a mailbox that other threads post to, and timers.
 * gv_loop_post and gv_loop_stop may be called by any thread; everything else belongs to the loop's own thread. */
#pragma once
#include "base/err.h"
#include "base/slice.h"

struct event_base;
struct gv_loop;

GV_MUST_CHECK struct gv_loop *gv_loop_new(unsigned index, struct gv_err *err);
void gv_loop_free(struct gv_loop *l); /* after gv_loop_run returned; runs what is still in the mailbox */
void gv_loop_run(struct gv_loop *l);  /* until gv_loop_stop */
void gv_loop_stop(struct gv_loop *l);
GV_MUST_CHECK bool gv_loop_start(struct gv_loop *l, struct gv_err *err); /* gv_loop_run on a thread of its own */
void gv_loop_join(struct gv_loop *l);

unsigned gv_loop_index(const struct gv_loop *l); /* 0..loops-1 */
struct event_base *gv_loop_base(struct gv_loop *l);
int64_t gv_loop_now_ns(struct gv_loop *l);        /* CLOCK_MONOTONIC */
bool gv_loop_is_current(const struct gv_loop *l); /* called on its thread? for assertions */

/* A message embeds in its sender's object; it is in at most one mailbox at a time. fn runs on the loop's thread on a
 * later turn, in posting order, and may free the object. */
struct gv_message {
    struct gv_message *next;
    void (*fn)(struct gv_message *m);
};
void gv_loop_post(struct gv_loop *l, struct gv_message *m);

/* One-shot timer, embedded. Setting it again moves it; cancelling one that is not set is nothing. */
struct gv_timer {
    struct event *ev; /* made at the first set */
    void (*fn)(struct gv_timer *t);
    struct gv_loop *loop;
};
void gv_timer_init(struct gv_timer *t, struct gv_loop *l, void (*fn)(struct gv_timer *t));
void gv_timer_set(struct gv_timer *t, int64_t ms);
void gv_timer_cancel(struct gv_timer *t);
void gv_timer_fini(struct gv_timer *t);
