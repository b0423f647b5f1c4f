/* Plans for people, as text and as JSON. */
#include "plan_support.h"
#include <jansson.h>

static void a_query_that_every_cluster_answers(void **state)
{
    assert_plan(*state, "up{cluster=\"c1\"}",
                "every cluster answers the whole query, the answers are united\n"
                "$1: union of up{cluster=\"c1\"}\n"
                "  c1: instant up at 100.000, adding cluster=\"c1\" region=\"eu\"\n"
                "  c2: not asked, nothing there can match\n");
}

static void a_query_that_is_cut(void **state)
{
    assert_plan(*state, "sum by (job) (x) / on (job) topk(1, y)",
                "evaluated here: $1 / on (job) topk(1, $2)\n"
                "$1: sum of sum by (job) (x)\n"
                "  c1: instant sum by (job) (x) at 100.000, adding cluster=\"c1\"\n"
                "  c2: instant sum by (job) (x) at 100.000, adding cluster=\"c2\"\n"
                "$2: union of y\n"
                "  c1: instant topk(1, y) at 100.000, adding cluster=\"c1\" region=\"eu\"\n"
                "  c2: instant topk(1, y) at 100.000, adding cluster=\"c2\"\n"
                "here, not sent: sum by (job) (x): its groups span clusters\n"
                "here, not sent: topk(1, y): its groups span clusters\n");
}

static void a_source_that_is_evaluated_for(void **state)
{
    struct bench *b = *state;
    b->sources[1].push = GV_PUSH_SELECTORS;
    over_range(b, 0, 60000, 30000);
    assert_plan(b, "sum(rate(x[5m]))",
                "evaluated here: $1\n"
                "$1: sum of sum(rate(x[5m]))\n"
                "  c1: range sum(rate(x[5m])) from 0.000 to 60.000 step 30.000, adding cluster=\"c1\"\n"
                "  c2: here, sum by (cluster) (rate($2))\n"
                "    $2: union of x[5m]\n"
                "      c2: samples x[6m] from -299.999 to 60.000, adding cluster=\"c2\"\n"
                "here, not sent: sum(rate(x[5m])): its groups span clusters\n");
}

static void replicas_that_are_merged(void **state)
{
    struct bench *b = *state;
    b->sources[1].replicas = 3;
    b->sources[0].replicas = 1;
    over_range(b, 0, 60000, 30000);
    assert_plan(b, "sum(rate(x[5m]))",
                "evaluated here: $1\n"
                "$1: sum of sum(rate(x[5m]))\n"
                "  c1: range sum(rate(x[5m])) from 0.000 to 60.000 step 30.000, adding cluster=\"c1\"\n"
                "  c2: here, sum by (cluster) (rate($2))\n"
                "    $2: union of x[5m]\n"
                "      c2: samples x[16m] from -599.999 to 360.000 of 3 replicas, merged, adding cluster=\"c2\"\n"
                "here, not sent: sum(rate(x[5m])): its groups span clusters\n");
    struct gv_buf text = GV_BUF_INIT;
    gv_plan_explain_json(&text, b->plan);
    assert_non_null(strstr(gv_buf_cstr(&text), "\"labels\":{\"cluster\":\"c2\"},\"replicas\":3,\"asks\":[{"));
    assert_null(strstr(gv_buf_cstr(&text), "\"replicas\":1"));
    gv_buf_fini(&text);
}

static void json_says_the_same(void **state)
{
    struct bench *b = *state;
    struct gv_buf text = GV_BUF_INIT;
    assert_planned(b, "  sum(x) + on () sum(y{cluster=\"c2\"})");
    gv_plan_explain_json(&text, b->plan);
    json_t *j = json_loads(gv_buf_cstr(&text), 0, NULL);
    assert_non_null(j);
    const char *mode, *expression, *combine, *asked, *label, *left_out, *why;
    double at;
    int start;
    assert_int_equal(json_unpack(j, "{s:s, s:s, s:[{s:s, s:[{s:{s:s}, s:[{s:s, s:F}]}]}, {s:[s]}], s:[{s:i, s:s}]}",
                                 "mode", &mode, "expression", &expression, "feeds", "combine", &combine, "parts",
                                 "labels", "cluster", &label, "asks", "query", &asked, "start", &at, "not_asked",
                                 &left_out, "reasons", "start", &start, "why", &why),
                     0);
    assert_string_equal(mode, "combine");
    assert_string_equal(expression, "$1 + on () $2");
    assert_string_equal(combine, "sum");
    assert_string_equal(label, "c1");
    assert_string_equal(asked, "sum(x)");
    assert_true(at == 100);
    assert_string_equal(left_out, "c1");
    assert_int_equal(start, 2);
    assert_string_equal(why, "its groups span clusters");
    json_decref(j);
    gv_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_query_that_every_cluster_answers), test(a_query_that_is_cut), test(a_source_that_is_evaluated_for),
        test(replicas_that_are_merged),           test(json_says_the_same),
    };
    return cmocka_run_group_tests_name("plan.explain", tests, NULL, NULL);
}
