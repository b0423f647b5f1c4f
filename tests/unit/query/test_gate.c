/* Admission: places, order of waiting, giving up, and many threads at once. */
#include "query/gate.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static unsigned admitted[16], n_admitted;
struct asker {
    struct gv_gate_ticket ticket;
    unsigned id;
};

static void on_admitted(struct gv_gate_ticket *t)
{
    admitted[n_admitted++] = container_of(t, struct asker, ticket)->id;
}

static void places_go_to_who_waits_longest(void **state)
{
    (void)state;
    struct gv_err err = {0};
    struct gv_loop *l = gv_loop_new(0, &err);
    struct gv_gate *g = gv_gate_new(2, 3);
    struct asker a[6] = {0};
    for (unsigned i = 0; i < 6; i++)
        a[i] = (struct asker){.ticket.admitted = on_admitted, .id = i};
    assert_int_equal(gv_gate_enter(g, &a[0].ticket, l), GV_GATE_IN);
    assert_int_equal(gv_gate_enter(g, &a[1].ticket, l), GV_GATE_IN);
    for (unsigned i = 2; i < 5; i++)
        assert_int_equal(gv_gate_enter(g, &a[i].ticket, l), GV_GATE_WAIT);
    assert_int_equal(gv_gate_enter(g, &a[5].ticket, l), GV_GATE_FULL);
    assert_true(gv_gate_forget(g, &a[3].ticket));
    assert_false(gv_gate_forget(g, &a[3].ticket)); /* it does not wait any more */
    gv_gate_leave(g);
    gv_gate_leave(g);
    assert_int_equal(n_admitted, 0); /* never from inside leave */
    unsigned places, running, waiting;
    gv_gate_counts(g, &places, &running, &waiting);
    assert_int_equal(running, 2);
    assert_int_equal(waiting, 0);
    gv_loop_free(l); /* runs the mailbox */
    assert_int_equal(n_admitted, 2);
    assert_int_equal(admitted[0], 2);
    assert_int_equal(admitted[1], 4);
    gv_gate_free(g);
}

static void more_places_admit_at_once(void **state)
{
    (void)state;
    struct gv_err err = {0};
    struct gv_loop *l = gv_loop_new(0, &err);
    struct gv_gate *g = gv_gate_new(0, 8);
    struct asker a = {.ticket.admitted = on_admitted, .id = 7};
    n_admitted = 0;
    assert_int_equal(gv_gate_enter(g, &a.ticket, l), GV_GATE_WAIT);
    gv_gate_set_places(g, 1);
    gv_loop_free(l);
    assert_int_equal(n_admitted, 1);
    gv_gate_free(g);
}

static void *enter_and_leave(void *arg)
{
    struct gv_gate *g = arg;
    for (int i = 0; i < 20000; i++) {
        struct gv_gate_ticket t = {0};
        switch (gv_gate_enter(g, &t, NULL)) {
        case GV_GATE_IN:
            gv_gate_leave(g);
            break;
        case GV_GATE_WAIT:
            assert_true(false); /* there is a place for every thread */
            break;
        case GV_GATE_FULL:
            break;
        }
    }
    return NULL;
}

static void counts_hold_under_many_threads(void **state)
{
    (void)state;
    struct gv_gate *g = gv_gate_new(4, 0);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, enter_and_leave, g);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    unsigned places, running, waiting;
    gv_gate_counts(g, &places, &running, &waiting);
    assert_int_equal(running, 0);
    gv_gate_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_go_to_who_waits_longest),
        cmocka_unit_test(more_places_admit_at_once),
        cmocka_unit_test(counts_hold_under_many_threads),
    };
    return cmocka_run_group_tests_name("query.gate", tests, NULL, NULL);
}
