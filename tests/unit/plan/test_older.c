/* What is sent to backends whose PromQL differs: older ones, other dialects, other settings. */
#include "plan_support.h"

#define BOTH(text) "c1: " text "\nc2: " text "\n"

/* Ranges were closed on the left before 3.0: without the first millisecond they are the same. */
static void ranges_before_3_0_are_a_millisecond_shorter(void **state)
{
    struct bench *b = *state;
    b->sources[1].major = 2;
    b->sources[1].minor = 42;
    assert_united(b, "sum_over_time(x[5m])", "c1: sum_over_time(x[5m])\nc2: sum_over_time(x[4m59s999ms])\n");
    assert_united(b, "changes(x[1m])", "c1: changes(x[1m])\nc2: changes(x[59s999ms])\n");
    assert_united(b, "x[1m]", "c1: x[1m]\nc2: x[59s999ms]\n");
    assert_united(b, "rate(x[5m]) + increase(x[5m]) - delta(x[5m])",
                  BOTH("rate(x[5m]) + increase(x[5m]) - delta(x[5m])"));
}

static void subqueries_are_never_sent_to_them(void **state)
{
    struct bench *b = *state;
    b->sources[1].major = 2;
    b->sources[1].minor = 42;
    assert_asked(b, "max_over_time(rate(x[5m])[30m:1m])", "c1: max_over_time(rate(x[5m])[30m:1m])\nc2: rate(x[5m])\n");
    assert_int_equal(b->plan->asks[1].kind, GV_PLAN_RANGE);
    assert_int_equal(b->plan->asks[1].step, 60000);
    assert_asked(b, "max_over_time(sum(x)[30d:1m])",
                 "c1: sum(x)[30d:1m]\nc2: sum(x)\nc2: sum(x)\nc2: sum(x)\nc2: sum(x)\n");
    assert_int_equal(b->plan->asks[1].grid.n, 11000); /* as many points as a range query gives */
    assert_int_equal(b->plan->asks[2].start, b->plan->asks[1].end + 60000);
    assert_int_equal(
        b->plan->asks[1].grid.n + b->plan->asks[2].grid.n + b->plan->asks[3].grid.n + b->plan->asks[4].grid.n, 43200);
}

static void faults_that_they_have_are_kept_off(void **state)
{
    struct bench *b = *state;
    b->sources[1].major = 2;
    b->sources[1].minor = 42;
    assert_asked(b, "x atan2 2", "c1: x atan2 2\nc2: x\n"); /* the name would stay */
    assert_united(b, "x * (1 atan2 2)", BOTH("x * (1 atan2 2)"));
    assert_asked(b, "timestamp(x @ 50 offset 5s)", "c1: timestamp(x @ 50.000 offset 5s)\nc2: x[5m]\n");
    assert_united(b, "timestamp(x offset 5s) - timestamp(x @ 50)",
                  BOTH("timestamp(x offset 5s) - timestamp(x @ 50.000)"));
    assert_asked(b, "count_values by (a, b, c) (\"v\", x)",
                 "c1: count_values by (a, b, c) (\"globalview_value\", x)\n"
                 "c2: count_values by (a, b, c) (\"globalview_value\", x)\n");
    over_range(b, 0, 600000, 60000); /* where values of later steps would be merged */
    assert_asked(b, "count_values by (a, b, c) (\"v\", x)",
                 "c1: count_values by (a, b, c) (\"globalview_value\", x)\nc2: x\n");
    assert_asked(b, "count_values by (a, b, cluster) (\"v\", x)", "c1: count_values by (a, b) (\"v\", x)\nc2: x\n");
    assert_asked(b, "count_values by (a, b) (\"v\", x)", BOTH("count_values by (a, b) (\"globalview_value\", x)"));
    assert_united(b, "count_values without (a, b, c) (\"v\", x)", BOTH("count_values without (a, b, c) (\"v\", x)"));
}

static void features_that_a_backend_lacks_are_not_sent(void **state)
{
    struct bench *b = *state;
    b->sources[1].features_known = true;
    b->sources[1].features = GV_FEATURE_DURATION_EXPR | GV_FEATURE_USE_START_TIMESTAMPS;
    assert_asked(b, "mad_over_time(x[5m])", "c1: mad_over_time(x[5m])\nc2: x[5m]\n");
    assert_asked(b, "limitk by (cluster) (1, x) + 0", "c1: limitk by () (1, x) + 0\nc2: x\n");
    assert_asked(b, "rate(x[5m] anchored)", "c1: rate(x[5m] anchored)\nc2: x[10m]\n");
    assert_asked(b, "x + fill (0) y", "c1: x + fill (0) y\nc2: x\nc2: y\n");
    assert_united(b, "rate(x[step() + 5m])", BOTH("rate(x[5m])")); /* folded: nothing new is left in it */
    b->sources[1].features = 0;
    assert_asked(b, "sum by (cluster) (rate(x[5m]))", "c1: sum by () (rate(x[5m]))\nc2: x[5m]\n");
    assert_united(b, "sum by (cluster) (sum_over_time(x[5m]))", BOTH("sum by () (sum_over_time(x[5m]))"));
}

static void names_that_are_removed_at_another_time(void **state)
{
    struct bench *b = *state;
    b->sources[1].features_known = true;
    b->sources[1].features = ALL_FEATURES | GV_FEATURE_DELAYED_NAME_REMOVAL;
    assert_united(b, "sum by (cluster) (rate(x[5m]))", BOTH("sum by () (rate(x[5m]))"));
    assert_asked(b, "sum by (cluster, __name__) (rate(x[5m]))",
                 "c1: sum by (__name__) (rate(x[5m]))\nc2: rate(x[5m])\n");
    b->options.features = ALL_FEATURES | GV_FEATURE_DELAYED_NAME_REMOVAL;
    b->sources[1].features_known = false;
    assert_united(b, "sum by (cluster, __name__) (rate(x[5m]))", BOTH("sum by (__name__) (rate(x[5m]))"));
    /* what is answered has lost its name already, what is evaluated here would still see it */
    assert_asked(b, "sort(rate(x[5m]))", BOTH("x[5m]"));
    assert_asked(b, "sum by (__name__) (rate(x[5m]))", BOTH("x[5m]"));
    assert_asked(b, "sum(rate(x[5m]))", BOTH("sum(rate(x[5m]))"));
}

static void another_lookback_makes_samples_of_instant_selectors(void **state)
{
    struct bench *b = *state;
    b->sources[1].lookback = 60000;
    assert_asked(b, "x + 1", "c1: x + 1\nc2: x[5m]\n");
    assert_int_equal(b->plan->asks[1].kind, GV_PLAN_SAMPLES);
    assert_united(b, "rate(x[5m])", BOTH("rate(x[5m])"));
    assert_asked(b, "timestamp(x)", "c1: timestamp(x)\nc2: x[5m]\n");
    b->sources[1].honours_lookback = true;
    assert_united(b, "x + 1", BOTH("x + 1"));
}

/* Whatever else they can; and a little more than is needed, to tell holes at the ends. */
static void replicas_that_are_merged_are_asked_for_samples_alone(void **state)
{
    struct bench *b = *state;
    b->sources[1].replicas = 2;
    static const char *const queries[] = {"x",         "x + 1",   "timestamp(x)", "topk(1, x)",
                                          "absent(x)", "sort(x)", "info(x)"};
    for (size_t raw = 0; raw < 2; raw++)
        for (size_t i = 0; i < GV_COUNT(queries); i++) {
            b->sources[1].raw = raw;
            assert_planned(b, queries[i]);
            assert_false(b->plan->unite);
            for (size_t k = 0; k < b->plan->n_asks; k++)
                if (b->plan->asks[k].source == 1)
                    assert_int_equal(b->plan->asks[k].kind, GV_PLAN_SAMPLES);
        }
    assert_asked(b, "x{cluster=\"c2\"}[1m] offset 10m", "c2: x[11m]\n");
    assert_int_equal(b->plan->asks[0].start, 100000 - 660000 + 1 - 300000);
    assert_int_equal(b->plan->asks[0].end, 100000 - 600000 + 300000);
    assert_united(b, "x{cluster=\"c1\"}", "c1: x\n");
    b->options.lookback = 600000;
    assert_asked(b, "rate(x{cluster=\"c2\"}[1m])", "c2: x[21m]\n");
    b->options.lookback = 1000;
    assert_asked(b, "rate(x{cluster=\"c2\"}[1m])", "c2: x[11m]\n");
}

static void metricsql_is_sent_what_means_the_same(void **state)
{
    struct bench *b = *state;
    b->sources[1].metricsql = true;
    assert_united(b, "x", BOTH("x"));
    assert_united(b, "sum by (cluster, job) (x)", BOTH("sum by (job) (x)"));
    assert_asked(b, "sum(x)", BOTH("sum(x)"));
    assert_asked(b, "rate(x[5m])", "c1: rate(x[5m])\nc2: x[5m]\n");
    assert_asked(b, "sum by (cluster) (x) / 2", "c1: sum by () (x) / 2\nc2: sum by () (x)\n");
    assert_asked(b, "sum by (cluster) (abs(x))", "c1: sum by () (abs(x))\nc2: x\n");
}

static void without_push_down_only_selectors_are_sent(void **state)
{
    struct bench *b = *state;
    b->sources[1].push = GV_PUSH_SELECTORS;
    b->sources[1].raw = false;
    over_range(b, 0, 600000, 60000);
    assert_asked(b, "sum by (cluster) (x)", "c1: sum by () (x)\nc2: x\n");
    assert_int_equal(b->plan->asks[1].kind, GV_PLAN_RANGE); /* no ended series linger in it */
    assert_asked(b, "rate(x[5m])", "c1: rate(x[5m])\nc2: x[15m]\n");
    assert_asked(b, "timestamp(x) + 0", "c1: timestamp(x) + 0\nc2: timestamp(x)\n");
    assert_united(b, "x", BOTH("x"));
    b->sources[1].raw = true; /* remote read: samples as stored */
    assert_asked(b, "x", "c1: x\nc2: x[15m]\n");
    assert_int_equal(b->plan->asks[1].kind, GV_PLAN_SAMPLES);
    b->options.samples = true; /* native histograms came: nobody is sent anything else */
    assert_asked(b, "sum(rate(x[5m]))", BOTH("x[15m]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(ranges_before_3_0_are_a_millisecond_shorter),
        test(subqueries_are_never_sent_to_them),
        test(faults_that_they_have_are_kept_off),
        test(features_that_a_backend_lacks_are_not_sent),
        test(names_that_are_removed_at_another_time),
        test(another_lookback_makes_samples_of_instant_selectors),
        test(metricsql_is_sent_what_means_the_same),
        test(without_push_down_only_selectors_are_sent),
        test(replicas_that_are_merged_are_asked_for_samples_alone),
    };
    return cmocka_run_group_tests_name("plan.older", tests, NULL, NULL);
}
