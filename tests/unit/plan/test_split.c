/* Aggregations across clusters, pruning, and the times that are asked for. */
#include "plan_support.h"

#define BOTH(text) "c1: " text "\nc2: " text "\n"

static void assert_combined(struct bench *b, const char *query, enum gv_plan_combine how, const char *texts)
{
    assert_asked(b, query, texts);
    assert_int_equal(b->plan->root.n_feeds, 1);
    assert_int_equal(b->plan->root.feeds[0].combine, how);
}

static void partial_aggregates_keep_the_cluster(void **state)
{
    struct bench *b = *state;
    assert_combined(b, "sum(x)", GV_COMBINE_SUM, BOTH("sum(x)"));
    assert_combined(b, "min by (job) (x)", GV_COMBINE_MIN, BOTH("min by (job) (x)"));
    assert_combined(b, "max without (cluster, i) (x)", GV_COMBINE_MAX, BOTH("max without (i) (x)"));
    assert_combined(b, "group(x)", GV_COMBINE_GROUP, BOTH("group(x)"));
    assert_combined(b, "count(x)", GV_COMBINE_COUNT, BOTH("count(x)"));
    assert_combined(b, "avg(x)", GV_COMBINE_AVG, BOTH("avg(x)") BOTH("count(x)"));
    assert_combined(b, "stddev(x)", GV_COMBINE_STDDEV, BOTH("stdvar(x)") BOTH("count(x)") BOTH("avg(x)"));
    assert_combined(b, "topk(3, x)", GV_COMBINE_UNITE, BOTH("topk(3, x)"));
    assert_combined(b, "sum(max by (cluster, job) (x))", GV_COMBINE_SUM, BOTH("sum(max by (job) (x))"));
    assert_combined(b, "sum by (region) (x)", GV_COMBINE_SUM, "c1: sum by () (x)\nc2: sum by (region) (x)\n");
    assert_int_equal(b->plan->asks[0].hidden, 0); /* region, and the cluster that keeps partials apart */
}

/* Its label may be an injected one, so the value travels under a name of our own. */
static void count_values_sends_a_label_of_its_own(void **state)
{
    struct bench *b = *state;
    assert_combined(b, "count_values(\"region\", x)", GV_COMBINE_COUNT_VALUES,
                    BOTH("count_values(\"globalview_value\", x)"));
    assert_combined(b, "count_values without (cluster) (\"v\", x)", GV_COMBINE_COUNT_VALUES,
                    BOTH("count_values without (v) (\"globalview_value\", x)"));
    assert_combined(b, "count_values without (cluster) (\"globalview_value\", x)", GV_COMBINE_COUNT_VALUES,
                    BOTH("count_values without () (\"globalview_value\", x)")); /* asked by another global view */
    assert_combined(b, "count_values by (v) (\"v\", x)", GV_COMBINE_UNITE, BOTH("x"));
    assert_combined(b, "count_values(\"\", x)", GV_COMBINE_UNITE, BOTH("x"));
}

static void others_need_the_argument(void **state)
{
    struct bench *b = *state;
    assert_combined(b, "quantile(0.9, x)", GV_COMBINE_UNITE, BOTH("x"));
    assert_combined(b, "limitk(3, x)", GV_COMBINE_UNITE, BOTH("x"));
    assert_combined(b, "limit_ratio(0.5, x)", GV_COMBINE_UNITE, BOTH("x"));
    b->options.whole = &(struct gv_pos_range){4, 10}; /* an earlier round could not combine it */
    b->options.n_whole = 1;
    assert_combined(b, "abs(sum(x))", GV_COMBINE_UNITE, BOTH("x"));
}

static void the_order_of_topk_is_made_here(void **state)
{
    struct bench *b = *state;
    assert_asked(b, "topk by (cluster) (2, x)", BOTH("topk by () (2, x)"));
    over_range(b, 0, 60000, 30000);
    assert_united(b, "topk by (cluster) (2, x)", BOTH("topk by () (2, x)"));
    over_range(b, 0, 0, 0);
    assert_united(b, "topk(2, x{cluster=\"c1\"})", "c1: topk(2, x)\n");
    assert_true(b->plan->keeps_order);
}

static void what_cannot_match_is_left_out(void **state)
{
    struct bench *b = *state;
    assert_united(b, "x{cluster=\"c2\"}", "c2: x\n");
    assert_united(b, "x{region=\"eu\"}", "c1: x\nc2: x{region=\"eu\"}\n"); /* c2's own label may be called so */
    assert_united(b, "x unless x{cluster=\"c2\"}", "c1: x\nc2: x unless x\n");
    assert_united(b, "timestamp(x unless x{cluster=\"c2\"})", "c1: timestamp(+x)\nc2: timestamp(x unless x)\n");
    assert_united(b, "timestamp((x{cluster=\"c2\"} or y))", "c1: timestamp(+y)\nc2: timestamp(x or y)\n");
    assert_united(b, "abs(x) unless changes(x{cluster=\"c2\"}[1m])", "c1: abs(x)\nc2: abs(x) unless changes(x[1m])\n");
    assert_united(b, "x or y{cluster=\"c2\"}", "c1: x\nc2: x or y\n");
    assert_united(b, "x{cluster=\"c1\"} or y{cluster=\"c2\"}", "c1: x\nc2: y\n");
    assert_united(b, "x and y{cluster=\"c2\"}", "c2: x and y\n");
    assert_united(b, "x * y{cluster=\"c2\"}", "c2: x * y\n");
    assert_united(b, "abs(x{cluster=\"c1\"} - x{cluster=\"c1\"}) or (y)", "c1: abs(x - x) or y\nc2: y\n");
    assert_united(b, "x + fill_right (0) y{cluster=\"c1\"}",
                  "c1: x + fill_right (0) y\nc2: x + fill_right (0) {__name__=\"a\",__name__!=\"a\"}\n");
}

static void nobody_is_asked_where_nothing_can_match(void **state)
{
    struct bench *b = *state;
    assert_asked(b, "sum(x{cluster=\"nope\"})", "");
    assert_asked(b, "x and y{cluster=\"nope\"}", "");
    assert_asked(b, "x{cluster=\"c1\",cluster=\"c2\"}", "");
    assert_asked(b, "absent(x{cluster=\"nope\"})", "");
    assert_asked(b, "count(x{cluster=\"nope\"}) or vector(0)", "");
    assert_asked(b, "scalar(x{cluster=\"nope\"})", "");
    assert_asked(b, "absent_over_time(x{cluster=\"nope\"}[5m])", "");
    assert_asked(b, "sum(x) or sum(y{cluster=\"nope\"})", BOTH("sum(x)"));
}

static void equal_asks_are_made_once(void **state)
{
    struct bench *b = *state;
    assert_asked(b, "sum(x) + sum(x)", BOTH("sum(x)"));
    assert_asked(b, "avg(x) / count(x)", BOTH("avg(x)") BOTH("count(x)"));
    over_range(b, 0, 600000, 60000);
    assert_asked(b, "sum(x) - sum(x @ 60)", BOTH("sum(x)") BOTH("sum(x @ 60.000)"));
}

/* ---- Times ---- */

static void assert_ask(const struct bench *b, size_t i, enum gv_plan_ask_kind kind, int64_t start, int64_t end,
                       int64_t step)
{
    const struct gv_plan_ask *ask = &b->plan->asks[i];
    assert_int_equal(ask->kind, kind);
    assert_int_equal(ask->start, start);
    assert_int_equal(ask->end, end);
    assert_int_equal(ask->step, step);
}

static void the_query_s_own_times(void **state)
{
    struct bench *b = *state;
    assert_asked(b, "sum(x)", BOTH("sum(x)"));
    assert_ask(b, 0, GV_PLAN_INSTANT, 100000, 100000, 0);
    over_range(b, 60000, 610000, 60000);
    assert_asked(b, "sum(x offset 1m)", BOTH("sum(x offset 1m)"));
    assert_ask(b, 0, GV_PLAN_RANGE, 60000, 610000, 60000);
    assert_int_equal(b->plan->asks[0].grid.n, 10);
    assert_asked(b, "1 - sum(x @ end())", BOTH("sum(x @ 610.000)")); /* the same at every step: once */
    assert_ask(b, 0, GV_PLAN_INSTANT, 60000, 60000, 0);
}

/* Absolute multiples of the step after start - offset - range, up to the end. */
static void subqueries_over_what_is_evaluated_here(void **state)
{
    struct bench *b = *state;
    assert_asked(b, "max_over_time(sum(x)[5m:1m])", BOTH("sum(x)[5m:1m]"));
    assert_ask(b, 0, GV_PLAN_INSTANT, 60000, 60000, 0);
    assert_int_equal(b->plan->asks[0].grid.start, -180000);
    assert_int_equal(b->plan->asks[0].grid.n, 5);
    over_range(b, 600000, 900000, 30000);
    assert_asked(b, "max_over_time(sum(x)[5m:1m] offset 90s)", BOTH("sum(x)[10m:1m]"));
    assert_ask(b, 0, GV_PLAN_INSTANT, 780000, 780000, 0);
    assert_int_equal(b->plan->asks[0].grid.start, 240000);
    assert_asked(b, "max_over_time(sum(x)[1m:1m] @ 300)", BOTH("sum(x)")); /* one time: no subquery */
    assert_ask(b, 0, GV_PLAN_INSTANT, 300000, 300000, 0);
    assert_asked(b, "max_over_time(min_over_time(sum(x)[2m:1m])[10m:5m])", BOTH("sum(x)[12m:1m]"));
    assert_ask(b, 0, GV_PLAN_INSTANT, 900000, 900000, 0);
    assert_asked(b, "max_over_time(sum(x)[30d:1m])", BOTH("sum(x)[30d5m:1m]"));
}

static void samples_cover_the_windows(void **state)
{
    struct bench *b = *state;
    over_range(b, 600000, 900000, 30000);
    assert_asked(b, "quantile_over_time(scalar(y), x[5m] offset 1m)", BOTH("y") BOTH("x[10m]"));
    assert_ask(b, 2, GV_PLAN_SAMPLES, 240001, 840000, 0);
    assert_asked(b, "quantile_over_time(scalar(y), x[5m] @ 300)", BOTH("y") BOTH("x[5m]"));
    assert_ask(b, 2, GV_PLAN_SAMPLES, 1, 300000, 0);
}

static void a_range_query_for_a_range_vector_is_refused(void **state)
{
    struct bench *b = *state;
    over_range(b, 0, 60000, 30000);
    assert_false(make_plan(b, "x[5m]"));
    assert_int_equal(b->err.code, GV_BAD_DATA);
    assert_false(make_plan(b, "rate(x[5m - 10m])"));
    assert_int_equal(b->err.code, GV_BAD_DATA);
}

static void positions_lead_back_to_the_query(void **state)
{
    struct bench *b = *state;
    uint32_t own;
    assert_united(b, "  sum by (cluster) (x{cluster=\"c1\"}  +  rate(y[5m]))", "c1: sum by () (x + rate(y[5m]))\n");
    assert_true(gv_plan_own_position(&b->plan->asks[0], 15, &own)); /* rate( */
    assert_int_equal(own, 40);
    assert_true(gv_plan_own_position(&b->plan->asks[0], 20, &own)); /* y */
    assert_int_equal(own, 45);
    assert_false(gv_plan_own_position(&b->plan->asks[0], 16, &own));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(partial_aggregates_keep_the_cluster),
        test(count_values_sends_a_label_of_its_own),
        test(others_need_the_argument),
        test(the_order_of_topk_is_made_here),
        test(what_cannot_match_is_left_out),
        test(nobody_is_asked_where_nothing_can_match),
        test(equal_asks_are_made_once),
        test(the_query_s_own_times),
        test(subqueries_over_what_is_evaluated_here),
        test(samples_cover_the_windows),
        test(a_range_query_for_a_range_vector_is_refused),
        test(positions_lead_back_to_the_query),
    };
    return cmocka_run_group_tests_name("plan.split", tests, NULL, NULL);
}
