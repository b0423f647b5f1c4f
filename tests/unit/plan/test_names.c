/* Labels under the names that each source has for them, and expressions as they are printed for it. */
#include "plan_support.h"

static void injected_labels_leave_the_text(void **state)
{
    struct bench *b = *state;
    assert_united(b, "up{cluster=~\"c1|c2\",job=\"a\"}", "c1: up{job=\"a\"}\nc2: up{job=\"a\"}\n");
    assert_united(b, "sum by (cluster, job) (x)", "c1: sum by (job) (x)\nc2: sum by (job) (x)\n");
    assert_united(b, "sum by (cluster, region) (x)", "c1: sum by () (x)\nc2: sum by (region) (x)\n");
    assert_united(b, "sum without (region) (x)", "c1: sum without () (x)\nc2: sum without (region) (x)\n");
    assert_united(b, "x / on (cluster, region) y", "c1: x / on () y\nc2: x / on (region) y\n");
    assert_united(b, "x - ignoring (region) y", "c1: x - y\nc2: x - ignoring (region) y\n");
    assert_united(b, "x * on (cluster, i) group_left (region) y",
                  "c1: x * on (i) group_left () y\nc2: x * on (i) group_left (region) y\n");
}

static void exported_names_lose_a_prefix_where_the_label_is_injected(void **state)
{
    struct bench *b = *state;
    assert_united(b, "x{exported_cluster=\"a\",exported_region=\"b\",exported_job=\"c\"}",
                  "c1: x{cluster=\"a\",region=\"b\",exported_job=\"c\"}\n"
                  "c2: x{cluster=\"a\",exported_region=\"b\",exported_job=\"c\"}\n");
    assert_united(b, "sum by (cluster, exported_cluster) (x)", "c1: sum by (cluster) (x)\nc2: sum by (cluster) (x)\n");
    assert_united(b, "sum without (exported_exported_cluster) (x)",
                  "c1: sum without (exported_cluster) (x)\nc2: sum without (exported_cluster) (x)\n");
    assert_united(b, "x and on (cluster, exported_cluster) y", "c1: x and on (cluster) y\nc2: x and on (cluster) y\n");
}

static void a_selector_keeps_a_matcher_that_rules_something_out(void **state)
{
    struct bench *b = *state;
    assert_united(b, "{cluster=\"c1\"}", "c1: {__name__!=\"\"}\n");
    assert_united(b, "{cluster=\"c1\",job=~\".*\"}", "c1: {job=~\".*\",__name__!=\"\"}\n");
}

static void whatever_depends_on_the_query_becomes_a_number(void **state)
{
    struct bench *b = *state;
    over_range(b, 60000, 600000, 30000);
    assert_united(b, "rate(x[step() * 2] @ end() offset (1m + 30s))",
                  "c1: rate(x[1m] @ 600.000 offset 1m30s)\nc2: rate(x[1m] @ 600.000 offset 1m30s)\n");
    assert_united(b, "x + 5m > start()", "c1: x + 300 > 60\nc2: x + 300 > 60\n");
    assert_united(b, "max_over_time(x[5m:])", "c1: max_over_time(x[5m:1m])\nc2: max_over_time(x[5m:1m])\n");
    assert_united(b, "x * range() + end()", "c1: x * 540 + 600\nc2: x * 540 + 600\n");
}

static void parentheses_are_put_in_where_the_tree_needs_them(void **state)
{
    struct bench *b = *state;
    assert_united(b, "(x + (1)) * 2", "c1: (x + 1) * 2\nc2: (x + 1) * 2\n");
    assert_united(b, "-(x) ^ 2", "c1: -x ^ 2\nc2: -x ^ 2\n");
    assert_united(b, "(-x) ^ 2", "c1: (-x) ^ 2\nc2: (-x) ^ 2\n");
    assert_united(b, "max_over_time((x * 2)[5m:1m])",
                  "c1: max_over_time((x * 2)[5m:1m])\nc2: max_over_time((x * 2)[5m:1m])\n");
}

static void injected_labels_are_added_where_they_survive(void **state)
{
    struct bench *b = *state;
    assert_planned(b, "sum by (cluster) (x)");
    assert_int_equal(b->plan->asks[0].hidden, 2); /* region */
    assert_planned(b, "x * on (cluster) group_left (region) y");
    assert_int_equal(b->plan->asks[0].hidden, 0);
    assert_planned(b, "x * on (cluster) y");
    assert_int_equal(b->plan->asks[0].hidden, 2);
    assert_planned(b, "sum without (i) (x)");
    assert_int_equal(b->plan->asks[0].hidden, 0);
    assert_planned(b, "count by (cluster) (x) * on (cluster) group_right () y");
    assert_int_equal(b->plan->asks[0].hidden, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(injected_labels_leave_the_text),
        test(exported_names_lose_a_prefix_where_the_label_is_injected),
        test(a_selector_keeps_a_matcher_that_rules_something_out),
        test(whatever_depends_on_the_query_becomes_a_number),
        test(parentheses_are_put_in_where_the_tree_needs_them),
        test(injected_labels_are_added_where_they_survive),
    };
    return cmocka_run_group_tests_name("plan.names", tests, NULL, NULL);
}
