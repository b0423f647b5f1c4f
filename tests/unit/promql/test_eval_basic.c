/* The evaluator over small data: what the test scripts do not show of the C interface. */
#include "eval_support.h"

static void load_counters(struct bed *b)
{
    bed_init(b);
    bed_add(b, "m{l=\"a\",i=\"1\"}", 100, 15000, counting, 1);
    bed_add(b, "m{l=\"a\",i=\"2\"}", 100, 15000, counting, 2);
    bed_add(b, "m{l=\"b\",i=\"3\"}", 100, 15000, counting, 3);
    gv_memory_source_seal(&b->source);
}

static void selectors_look_back(void **state)
{
    (void)state;
    struct bed b;
    load_counters(&b);
    bed_at(&b, 60000);
    assert_query(&b, "m", "m{i=\"1\", l=\"a\"} 4\nm{i=\"2\", l=\"a\"} 8\nm{i=\"3\", l=\"b\"} 12\n");
    bed_at(&b, 99 * 15000 + 299999);
    assert_query(&b, "m{i=\"1\"}", "m{i=\"1\", l=\"a\"} 99\n");
    bed_at(&b, 99 * 15000 + 300000);
    assert_query(&b, "m{i=\"1\"}", "");
    bed_at(&b, 60000);
    assert_query(&b, "m{i=\"1\"} offset 30s", "m{i=\"1\", l=\"a\"} 2\n");
    assert_query(&b, "m{i=\"1\"}[30s]", "m{i=\"1\", l=\"a\"} 3@45000 4@60000\n");
    assert_query(&b, "m{i=\"1\"}[1m:30s]", "m{i=\"1\", l=\"a\"} 2@30000 4@60000\n");
    bed_fini(&b);
}

static void sums_and_operators(void **state)
{
    (void)state;
    struct bed b;
    load_counters(&b);
    bed_over(&b, 0, 60000, 30000);
    assert_query(&b, "sum by (l) (m)", "{l=\"a\"} 0 6 12\n{l=\"b\"} 0 6 12\n");
    assert_query(&b, "avg(m)", "{} 0 4 8\n");
    assert_query(&b, "topk(1, m)", "m{i=\"1\", l=\"a\"} 0 _ _\nm{i=\"3\", l=\"b\"} _ 6 12\n");
    assert_query(&b, "quantile(0.5, m)", "{} 0 4 8\n");
    assert_query(
        &b, "count_values(\"v\", m)",
        "{v=\"0\"} 3 _ _\n{v=\"12\"} _ _ 1\n{v=\"2\"} _ 1 _\n{v=\"4\"} _ 1 1\n{v=\"6\"} _ 1 _\n{v=\"8\"} _ _ 1\n");
    assert_query(&b, "m / on (l) group_left sum by (l) (m)",
                 "{i=\"1\", l=\"a\"} NaN 0.3333333333333333 0.3333333333333333\n"
                 "{i=\"2\", l=\"a\"} NaN 0.6666666666666666 0.6666666666666666\n"
                 "{i=\"3\", l=\"b\"} NaN 1 1\n");
    assert_query(&b, "-m{i=\"1\"} * 2 > -5", "{i=\"1\", l=\"a\"} -0 -4 _\n");
    assert_query(&b, "m unless on (i) m{i=\"2\"} @ 60", "m{i=\"1\", l=\"a\"} 0 2 4\nm{i=\"3\", l=\"b\"} 0 6 12\n");
    assert_query(&b, "1 + 2", "{} 3 3 3\n");
    bed_fini(&b);
}

static void matching_errors(void **state)
{
    (void)state;
    struct bed b;
    load_counters(&b);
    bed_at(&b, 60000);
    assert_fails(&b, "sum by (l) (m) / on (l) m", GV_EXECUTION,
                 "found duplicate series for the match group {l=\"a\"} on the right hand-side of the operation: "
                 "[{__name__=\"m\", i=\"1\", l=\"a\"}, {__name__=\"m\", i=\"2\", l=\"a\"}];many-to-many matching not "
                 "allowed: matching labels must be unique on one side");
    assert_fails(&b, "m / on (l) sum by (l) (m)", GV_EXECUTION,
                 "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)");
    assert_fails(&b, "m * on (l) group_left (i) m{i=~\"2|3\"}", GV_EXECUTION,
                 "multiple matches for labels: grouping labels must ensure unique matches");
    assert_fails(&b, "-{__name__=~\"m|n\"} or -{__name__=~\"m|n\"} or topk(NaN, m)", GV_EXECUTION,
                 "Parameter value is NaN");
    assert_query(&b, "topk(0, m)", "");
    assert_fails(&b, "topk(0, m / on (l) sum by (l) (m))", GV_EXECUTION,
                 "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)");
    bed_fini(&b);
}

static void a_range_query_wants_values_at_steps(void **state)
{
    (void)state;
    struct bed b;
    load_counters(&b);
    bed_over(&b, 0, 60000, 30000);
    assert_fails(&b, "\"text\"", GV_BAD_DATA,
                 "invalid expression type \"string\" for range query, must be Scalar or instant Vector");
    assert_fails(&b, "m[5m]", GV_BAD_DATA,
                 "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector");
    bed_at(&b, 60000);
    assert_query(&b, "\"text\"", "text");
    bed_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selectors_look_back),
        cmocka_unit_test(sums_and_operators),
        cmocka_unit_test(matching_errors),
        cmocka_unit_test(a_range_query_wants_values_at_steps),
    };
    return cmocka_run_group_tests_name("promql.eval_basic", tests, NULL, NULL);
}
