/* Loops: posting order, posts from many threads, later turns, timers, stop. */
#include "loop/loop.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct gv_loop *new_loop(void)
{
    struct gv_err err = {0};
    struct gv_loop *l = gv_loop_new(0, &err);
    assert_non_null(l);
    return l;
}

struct letter {
    struct gv_message message;
    struct gv_loop *loop;
    int number, *log;
    size_t *n;
};

static void note(struct gv_message *m)
{
    struct letter *a = container_of(m, struct letter, message);
    assert_true(gv_loop_is_current(a->loop));
    a->log[(*a->n)++] = a->number;
}

static void stop_loop(struct gv_message *m)
{
    gv_loop_stop(container_of(m, struct letter, message)->loop);
}

static void messages_run_in_posting_order(void **state)
{
    (void)state;
    struct gv_loop *l = new_loop();
    int log[4];
    size_t n = 0;
    struct letter letters[4], last = {.message.fn = stop_loop, .loop = l};
    for (int i = 0; i < 4; i++) {
        letters[i] = (struct letter){.message.fn = note, .loop = l, .number = i, .log = log, .n = &n};
        gv_loop_post(l, &letters[i].message);
    }
    gv_loop_post(l, &last.message);
    assert_false(gv_loop_is_current(l));
    gv_loop_run(l);
    assert_int_equal(n, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(log[i], i);
    gv_loop_free(l);
}

struct relay {
    struct gv_message message;
    struct gv_loop *loop;
    int left;
    bool inside;
};

static void post_again(struct gv_message *m)
{
    struct relay *r = container_of(m, struct relay, message);
    assert_false(r->inside);
    r->inside = true;
    if (--r->left)
        gv_loop_post(r->loop, m); /* must not run before this function returned */
    else
        gv_loop_stop(r->loop);
    r->inside = false;
}

static void own_posts_run_on_a_later_turn(void **state)
{
    (void)state;
    struct gv_loop *l = new_loop();
    struct relay r = {.message.fn = post_again, .loop = l, .left = 1000};
    gv_loop_post(l, &r.message);
    gv_loop_run(l);
    assert_int_equal(r.left, 0);
    gv_loop_free(l);
}

static void freeing_runs_what_is_left(void **state)
{
    (void)state;
    struct gv_loop *l = new_loop();
    int log[1];
    size_t n = 0;
    struct letter a = {.message.fn = note, .loop = l, .number = 7, .log = log, .n = &n};
    gv_loop_post(l, &a.message);
    gv_loop_free(l);
    assert_int_equal(n, 1);
}

/* Many threads post numbered messages to one loop: all arrive, and those of a thread in its order. */
enum { POSTERS = 8, POSTS = 5000 };
struct flood {
    struct gv_loop *loop;
    int next[POSTERS]; /* loop thread only */
    size_t arrived;
};
struct drop {
    struct gv_message message;
    struct flood *flood;
    int poster, number;
};

static void on_drop(struct gv_message *m)
{
    struct drop *d = container_of(m, struct drop, message);
    struct flood *f = d->flood;
    assert_int_equal(f->next[d->poster]++, d->number);
    free(d);
    if (++f->arrived == POSTERS * POSTS)
        gv_loop_stop(f->loop);
}

struct poster {
    struct flood *flood;
    int number;
};

static void *post_many(void *arg)
{
    struct poster *p = arg;
    for (int i = 0; i < POSTS; i++) {
        struct drop *d = malloc(sizeof *d);
        *d = (struct drop){.message.fn = on_drop, .flood = p->flood, .poster = p->number, .number = i};
        gv_loop_post(p->flood->loop, &d->message);
    }
    return NULL;
}

static void posts_from_many_threads_all_arrive(void **state)
{
    (void)state;
    struct flood f = {.loop = new_loop()};
    struct gv_err err = {0};
    assert_true(gv_loop_start(f.loop, &err));
    pthread_t threads[POSTERS];
    struct poster posters[POSTERS];
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){&f, i};
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    gv_loop_join(f.loop);
    assert_int_equal(f.arrived, POSTERS * POSTS);
    gv_loop_free(f.loop);
}

struct alarm {
    struct gv_timer timer;
    int64_t rang;
    int rings;
    bool last;
};

static void ring(struct gv_timer *t)
{
    struct alarm *a = container_of(t, struct alarm, timer);
    a->rings++;
    a->rang = gv_loop_now_ns(t->loop);
    if (a->last)
        gv_loop_stop(t->loop);
}

static void timers_ring_once_move_and_cancel(void **state)
{
    (void)state;
    struct gv_loop *l = new_loop();
    struct alarm first = {0}, second = {.last = true}, canceled = {0}, never_set = {0};
    gv_timer_init(&first.timer, l, ring);
    gv_timer_init(&second.timer, l, ring);
    gv_timer_init(&canceled.timer, l, ring);
    gv_timer_init(&never_set.timer, l, ring);
    gv_timer_set(&first.timer, 3600000);
    gv_timer_set(&first.timer, -5); /* moved; the past is now */
    gv_timer_set(&second.timer, 20);
    gv_timer_set(&canceled.timer, 1);
    gv_timer_cancel(&canceled.timer);
    gv_timer_cancel(&never_set.timer);
    gv_loop_run(l);
    assert_int_equal(first.rings, 1);
    assert_int_equal(second.rings, 1);
    assert_int_equal(canceled.rings, 0);
    assert_true(first.rang < second.rang);
    gv_timer_fini(&first.timer);
    gv_timer_fini(&second.timer);
    gv_timer_fini(&canceled.timer);
    gv_timer_fini(&never_set.timer);
    gv_loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_run_in_posting_order),    cmocka_unit_test(own_posts_run_on_a_later_turn),
        cmocka_unit_test(freeing_runs_what_is_left),        cmocka_unit_test(posts_from_many_threads_all_arrive),
        cmocka_unit_test(timers_ring_once_move_and_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
