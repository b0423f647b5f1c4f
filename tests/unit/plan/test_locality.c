/* What is sent whole, and what is not: a row for each rule. */
#include "plan_support.h"

#define BOTH(text) "c1: " text "\nc2: " text "\n"

static void selectors_and_what_is_done_to_each_series(void **state)
{
    struct bench *b = *state;
    assert_united(b, "x", BOTH("x"));
    assert_united(b, "x[5m]", BOTH("x[5m]"));
    assert_united(b, "x[5m:1m]", BOTH("x[5m:1m]"));
    assert_united(b, "rate(x[5m])", BOTH("rate(x[5m])"));
    assert_united(b, "histogram_quantile(0.9, sum by (cluster, le) (rate(x[5m])))",
                  BOTH("histogram_quantile(0.9, sum by (le) (rate(x[5m])))"));
    assert_united(b, "round(abs(-x), 2) > 3", BOTH("round(abs(-x), 2) > 3"));
    assert_united(b, "clamp_max(x, time())", BOTH("clamp_max(x, time())"));
    assert_united(b, "timestamp((x))", BOTH("timestamp(x)"));
    assert_united(b, "max_over_time(rate(x[5m])[1h:1m])", BOTH("max_over_time(rate(x[5m])[1h:1m])"));
    assert_united(b, "2 ^ x", BOTH("2 ^ x"));
}

static void functions_that_read_or_write_labels(void **state)
{
    struct bench *b = *state;
    assert_united(b, "label_replace(x, \"a\", \"$1\", \"b\", \"(.*)\")",
                  BOTH("label_replace(x, \"a\", \"$1\", \"b\", \"(.*)\")"));
    assert_asked(b, "label_replace(x, \"a\", \"$1\", \"cluster\", \"(.*)\")", BOTH("x"));
    assert_asked(b, "label_replace(x, \"region\", \"$1\", \"b\", \"(.*)\")", BOTH("x"));
    assert_asked(b, "label_replace(x, \"exported_cluster\", \"$1\", \"b\", \"(.*)\")", BOTH("x"));
    assert_asked(b, "label_join(x, \"a\", \"-\", \"b\", \"exported_region\")", BOTH("x"));
    assert_united(b, "label_join(x, \"a\", \"cluster\", \"b\")", BOTH("label_join(x, \"a\", \"cluster\", \"b\")"));
    /* region is injected in c1 alone, which is not asked */
    assert_united(b, "label_replace(x{cluster=\"c2\"}, \"region\", \"$1\", \"b\", \"(.*)\")",
                  "c2: label_replace(x, \"region\", \"$1\", \"b\", \"(.*)\")\n");
    assert_asked(b, "histogram_quantiles(x, \"cluster\", 0.5)", BOTH("x"));
}

static void functions_that_must_see_all_series(void **state)
{
    struct bench *b = *state;
    assert_asked(b, "scalar(x)", BOTH("x"));
    assert_asked(b, "absent(x)", BOTH("group(x)"));
    assert_asked(b, "absent_over_time(x[5m])", BOTH("group(last_over_time(x[5m]))"));
    assert_asked(b, "sort(x)", BOTH("x"));
    assert_asked(b, "sort_by_label(x, \"a\")", BOTH("x"));
    assert_asked(b, "limit_ratio by (cluster) (0.5, x)", BOTH("x"));
    assert_asked(b, "info(x)",
                 "c1: {__name__=\"target_info\"}[5m]\nc2: {__name__=\"target_info\"}[5m]\nc1: x\nc2: x\n");
}

static void scalars_from_series(void **state)
{
    struct bench *b = *state;
    assert_asked(b, "x > scalar(y)", "c1: x\nc2: x\nc1: y\nc2: y\n");
    assert_asked(b, "quantile_over_time(scalar(y), x[5m])", "c1: y\nc2: y\nc1: x[5m]\nc2: x[5m]\n");
    assert_int_equal(b->plan->asks[2].kind, GV_PLAN_SAMPLES);
    assert_asked(b, "topk by (cluster) (scalar(y), x)", "c1: y\nc2: y\nc1: x\nc2: x\n");
}

static void aggregations_that_keep_the_cluster(void **state)
{
    struct bench *b = *state;
    assert_united(b, "sum by (cluster) (x)", BOTH("sum by () (x)"));
    assert_united(b, "avg without (i) (x)", BOTH("avg without (i) (x)"));
    assert_united(b, "quantile by (cluster, job) (0.9, x)", BOTH("quantile by (job) (0.9, x)"));
    assert_united(b, "count_values by (cluster) (\"v\", x)", BOTH("count_values by () (\"v\", x)"));
    assert_united(b, "limitk by (cluster) (3, x) + 0", BOTH("limitk by () (3, x) + 0"));
    assert_united(b, "sum by (cluster) (topk by (cluster) (2, x))", BOTH("sum by () (topk by () (2, x))"));
}

static void operators_between_vectors(void **state)
{
    struct bench *b = *state;
    assert_united(b, "x / y", BOTH("x / y"));
    assert_united(b, "x / ignoring (i) y", BOTH("x / ignoring (i) y"));
    assert_asked(b, "x / ignoring (cluster) y", "c1: x\nc2: x\nc1: y\nc2: y\n");
    assert_united(b, "x / on (cluster, i) y", BOTH("x / on (i) y"));
    assert_asked(b, "x / on (i) y", "c1: x\nc2: x\nc1: y\nc2: y\n");
    assert_united(b, "x and y or z unless w", BOTH("x and y or z unless w"));
    assert_united(b, "x + fill (0) y", BOTH("x + fill (0) y"));
    assert_asked(b, "x + on (cluster, i) group_left (region) fill (0) y", "c1: x\nc2: x\nc1: y\nc2: y\n");
}

/* sum by (cluster, region) (x) / sum by (cluster) (y) matches nothing in one Prometheus; sent whole it would. */
static void operators_whose_sides_have_other_injected_labels(void **state)
{
    struct bench *b = *state;
    assert_asked(b, "sum by (cluster, region) (x) / sum by (cluster) (y)",
                 "c1: sum by () (x)\nc2: sum by (region) (x)\nc1: sum by () (y)\nc2: sum by () (y)\n");
    assert_united(b, "sum by (cluster, region) (x) / on (cluster) sum by (cluster) (y)",
                  "c1: sum by () (x) / on () sum by () (y)\nc2: sum by (region) (x) / on () sum by () (y)\n");
    assert_asked(b, "sum by (cluster) (x) or y", "c1: sum by () (x)\nc2: sum by () (x)\nc1: y\nc2: y\n");
    assert_asked(b, "sum by (cluster) (x) or on (cluster) y", "c1: sum by () (x)\nc2: sum by () (x)\nc1: y\nc2: y\n");
    assert_united(b, "sum by (cluster) (x) and on (cluster) y", BOTH("sum by () (x) and on () y"));
}

static void constants_are_never_asked_for(void **state)
{
    struct bench *b = *state;
    assert_asked(b, "1 + time()", "");
    assert_asked(b, "vector(1) or hour()", "");
    assert_asked(b, "\"text\"", "");
    assert_asked(b, "x or vector(0)", BOTH("x"));
    assert_asked(b, "x * on () group_left () vector(2)", BOTH("x"));
    assert_asked(b, "absent(vector(1))", "");
}

static void one_cluster_alone(void **state)
{
    struct bench *b = *state;
    assert_united(b, "sum(x{cluster=\"c1\"})", "c1: sum(x)\n");
    assert_united(b, "sum(x{cluster=\"c1\"}) / on () count(y{cluster=~\"c1|c9\"})", "c1: sum(x) / on () count(y)\n");
    assert_united(b, "quantile(0.9, x{cluster=\"c1\"})", "c1: quantile(0.9, x)\n");
    assert_united(b, "x{cluster=\"c1\"} > scalar(y{cluster=\"c1\"})", "c1: x > scalar(y)\n");
    assert_united(b, "x{cluster=\"c1\"} > scalar(y{cluster=\"nope\"})", "c1: x > NaN\n");
    assert_united(b, "x{cluster=\"c1\"} or y{cluster=\"c9\"}", "c1: x\n");
    /* the 0 carries no cluster */
    assert_asked(b, "x{cluster=\"c1\"} or vector(0)", "c1: x\n");
    assert_asked(b, "sum(x{cluster=\"c1\"}) or vector(0)", "c1: sum(x)\n");
    assert_asked(b, "absent(x{cluster=\"c1\"})", "c1: group(x)\n");
    assert_asked(b, "sum(x{cluster=\"c1\"}) + on () y", "c1: sum(x)\nc1: y\nc2: y\n");
    b->options.n_sources = 1;
    assert_united(b, "sum(x) / on () quantile(0.5, y)", "c1: sum(x) / on () quantile(0.5, y)\n");
    assert_asked(b, "absent(x)", "c1: group(x)\n");
    assert_asked(b, "label_replace(x, \"a\", \"$1\", \"cluster\", \"(.*)\")", "c1: x\n");
}

static void sources_with_many_clusters(void **state)
{
    static const struct gv_slice stored[] = {{"s1", 2}, {"s2", 2}};
    struct bench *b = *state;
    b->sources[2] = (struct gv_plan_source){.name = GV_S("store"), .clusters = stored, .n_clusters = 2, .raw = true};
    b->options.n_sources = 3;
    assert_united(b, "sum by (cluster) (x)", "c1: sum by () (x)\nc2: sum by () (x)\nstore: sum by (cluster) (x)\n");
    assert_asked(b, "sum(x)", "c1: sum(x)\nc2: sum(x)\nstore: sum by (cluster) (x)\n");
    assert_asked(b, "sum without (cluster, i) (x)",
                 "c1: sum without (i) (x)\nc2: sum without (i) (x)\nstore: sum without (i) (x)\n");
    assert_united(b, "x{exported_cluster=\"a\"}",
                  "c1: x{cluster=\"a\"}\nc2: x{cluster=\"a\"}\nstore: x{exported_cluster=\"a\"}\n");
    assert_united(b, "x{cluster=\"c1\"}", "c1: x\n");
    assert_united(b, "sum(x{cluster=~\"s.\"})", "store: sum(x{cluster=~\"s.\"})\n"); /* it alone: one Prometheus */
    assert_united(b, "x{cluster!~\"c.\"} / on () y{cluster=\"s2\"}",
                  "store: x{cluster!~\"c.\"} / on () y{cluster=\"s2\"}\n");
    assert_asked(b, "label_replace(x, \"a\", \"$1\", \"cluster\", \"(.*)\")", "c1: x\nc2: x\nstore: x\n");
    b->sources[2].clusters = NULL; /* not known: it may have anything */
    assert_united(b, "x{cluster=\"c1\"}", "c1: x\nstore: x{cluster=\"c1\"}\n");
}

static void one_cluster_in_two_sources_is_refused(void **state)
{
    static const struct gv_slice stored[] = {{"s1", 2}, {"c2", 2}};
    struct bench *b = *state;
    b->sources[2] = (struct gv_plan_source){.name = GV_S("store"), .clusters = stored, .n_clusters = 2};
    b->options.n_sources = 3;
    assert_false(make_plan(b, "x"));
    assert_int_equal(b->err.code, GV_EXECUTION);
    assert_string_equal(b->err.msg, "cluster=\"c2\" comes from two sources, \"c2\" and \"store\": rename one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(selectors_and_what_is_done_to_each_series),
        test(functions_that_read_or_write_labels),
        test(functions_that_must_see_all_series),
        test(scalars_from_series),
        test(aggregations_that_keep_the_cluster),
        test(operators_between_vectors),
        test(operators_whose_sides_have_other_injected_labels),
        test(constants_are_never_asked_for),
        test(one_cluster_alone),
        test(sources_with_many_clusters),
        test(one_cluster_in_two_sources_is_refused),
    };
    return cmocka_run_group_tests_name("plan.locality", tests, NULL, NULL);
}
