/* Breaker and latency: pure state, the time is a parameter. */
#include "cluster/breaker.h"
#include "cluster/latency.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const int64_t second = 1000000000;

static void three_failures_in_a_row_open_it(void **state)
{
    (void)state;
    struct gv_breaker b = {0};
    assert_false(gv_breaker_fail(&b, second, false));
    assert_false(gv_breaker_fail(&b, second, false));
    gv_breaker_succeed(&b);
    assert_false(gv_breaker_fail(&b, second, false));
    assert_false(gv_breaker_fail(&b, second, false));
    assert_int_equal(gv_breaker_admit(&b, second, 0), GV_ADMIT_YES);
    assert_true(gv_breaker_fail(&b, second, false));
    assert_int_equal(gv_breaker_admit(&b, second, 0), GV_ADMIT_NO);
    assert_int_equal(gv_breaker_state(&b, second), GV_BREAKER_OPEN);
    assert_int_equal(gv_breaker_wait_ms(&b, second), 1000);
}

static void one_probe_is_let_through_and_failures_wait_longer(void **state)
{
    (void)state;
    struct gv_breaker b = {0};
    int64_t now = second;
    for (int i = 0; i < 3; i++)
        gv_breaker_fail(&b, now, false);
    int64_t waits[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        assert_int_equal(gv_breaker_wait_ms(&b, now), waits[i]);
        now += waits[i] * 1000000;
        assert_int_equal(gv_breaker_state(&b, now), GV_BREAKER_HALF_OPEN);
        assert_int_equal(gv_breaker_admit(&b, now, 1), GV_ADMIT_NO); /* it leaves the probe to others */
        assert_int_equal(gv_breaker_admit(&b, now, 0), GV_ADMIT_PROBE);
        assert_int_equal(gv_breaker_admit(&b, now, 0), GV_ADMIT_NO); /* one at a time */
        gv_breaker_fail(&b, now, false);                             /* what was under way before says nothing */
        gv_breaker_fail(&b, now, true);
    }
    gv_breaker_succeed(&b);
    assert_int_equal(gv_breaker_admit(&b, now, 0), GV_ADMIT_YES);
    assert_int_equal(gv_breaker_state(&b, now), GV_BREAKER_CLOSED);
}

static void a_health_probe_closes_it_on_trial(void **state)
{
    (void)state;
    struct gv_breaker b = {0};
    for (int i = 0; i < 3; i++)
        gv_breaker_fail(&b, second, false);
    gv_breaker_probed(&b, 2 * second);
    assert_int_equal(gv_breaker_admit(&b, 2 * second, 0), GV_ADMIT_YES);
    assert_true(gv_breaker_fail(&b, 2 * second, false)); /* one failure is enough, and the wait grows */
    assert_int_equal(gv_breaker_wait_ms(&b, 2 * second), 2000);
    gv_breaker_probed(&b, 4 * second);
    assert_true(gv_breaker_fail(&b, 124 * second, false)); /* an ask that hung for two minutes */
    assert_int_equal(gv_breaker_wait_ms(&b, 124 * second), 4000);
}

static void quantiles_follow_what_is_recent(void **state)
{
    (void)state;
    struct gv_latency l = {0};
    for (int i = 0; i < 19; i++)
        gv_latency_note(&l, 0.010);
    assert_true(gv_latency_quantile(&l, 0.95, 20) == 0); /* too few */
    gv_latency_note(&l, 5);
    double p50 = gv_latency_quantile(&l, 0.5, 20), p99 = gv_latency_quantile(&l, 0.99, 20);
    assert_true(p50 >= 0.010 && p50 < 0.0125);
    assert_true(p99 >= 5 && p99 < 6.25);
    for (int i = 0; i < 5000; i++)
        gv_latency_note(&l, 0.100);
    p50 = gv_latency_quantile(&l, 0.01, 20);
    assert_true(p50 >= 0.1 && p50 < 0.125);
    gv_latency_note(&l, 1e9);
    gv_latency_note(&l, -1);
    gv_latency_note(&l, 0.0 / 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_failures_in_a_row_open_it),
        cmocka_unit_test(one_probe_is_let_through_and_failures_wait_longer),
        cmocka_unit_test(a_health_probe_closes_it_on_trial),
        cmocka_unit_test(quantiles_follow_what_is_recent),
    };
    return cmocka_run_group_tests_name("cluster.breaker", tests, NULL, NULL);
}
