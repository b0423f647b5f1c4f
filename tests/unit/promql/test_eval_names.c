/* Metric names as they are dropped by default: at once, by the operation that drops them. (The test scripts run with
 * delayed name removal.) */
#include "eval_support.h"

static double one(uint32_t i, double seed)
{
    (void)i;
    return seed;
}

/* a and b at disjoint times, c and d at the same ones. */
static void load(struct bed *b)
{
    bed_init(b);
    bed_add(b, "a{i=\"1\"}", 1, 15000, one, 1);
    int64_t *times = gv_arena_array(&b->arena, int64_t, 1);
    double *values = gv_arena_array(&b->arena, double, 1);
    times[0] = 600000;
    values[0] = 2;
    struct gv_column c = {.kind = GV_COLUMN_RAW, .raw = {.times = times, .values = values, .n = 1}};
    gv_memory_source_add(&b->source, bed_labels(b, "b{i=\"1\"}"), &c);
    bed_add(b, "c{i=\"1\"}", 50, 15000, counting, 1);
    bed_add(b, "d{i=\"1\"}", 50, 15000, counting, 2);
    bed_add(b, "t{__type__=\"counter\",__unit__=\"s\",i=\"1\"}", 50, 15000, counting, 3);
    gv_memory_source_seal(&b->source);
    bed_over(b, 0, 600000, 300000);
}

#define SAME "vector cannot contain metrics with the same labelset"

static void series_that_never_meet_become_one(void **state)
{
    (void)state;
    struct bed b;
    load(&b);
    assert_query(&b, "-{__name__=~\"a|b\"}", "{i=\"1\"} -1 _ -2\n");
    assert_query(&b, "abs({__name__=~\"a|b\"})", "{i=\"1\"} 1 _ 2\n");
    assert_query(&b, "{__name__=~\"a|b\"} * 2", "{i=\"1\"} 2 _ 4\n");
    assert_query(&b, "last_over_time({__name__=~\"a|b\"}[1m])", "a{i=\"1\"} 1 _ _\nb{i=\"1\"} _ _ 2\n");
    assert_query(&b, "sum_over_time({__name__=~\"a|b\"}[1m])", "{i=\"1\"} 1 _ 2\n");
    assert_query(&b, "sum by (i) (-{__name__=~\"a|b\"})", "{i=\"1\"} -1 _ -2\n");
    assert_query(&b, "-a or -b", "{i=\"1\"} -1 _ -2\n");
    assert_query(&b, "last_over_time((-{__name__=~\"a|b\"})[1m:1m])", "{i=\"1\"} -1 _ -2\n");
    assert_query(&b, "sum_over_time((-{__name__=~\"a|b\"})[11m:5m])", "{i=\"1\"} -1 -1 -3\n");
    bed_fini(&b);
}

static void series_that_meet_are_an_error(void **state)
{
    (void)state;
    struct bed b;
    load(&b);
    assert_fails(&b, "-{__name__=~\"c|d\"}", GV_EXECUTION, SAME);
    assert_fails(&b, "rate({__name__=~\"c|d\"}[5m])", GV_EXECUTION, SAME);
    assert_fails(&b, "sum(rate({__name__=~\"c|d\"}[5m]))", GV_EXECUTION, SAME);
    /* also where the next operation would have parted them again */
    assert_fails(&b, "sum(({__name__=~\"c|d\"} * 2) > 1e9)", GV_EXECUTION, SAME);
    assert_fails(&b, "last_over_time((-{__name__=~\"c|d\"})[5m:1m])", GV_EXECUTION, SAME);
    assert_fails(&b, "rate((-{__name__=~\"c|d\"})[1m:1m])", GV_EXECUTION, SAME); /* one sample: no rate */
    assert_query(&b, "sum({__name__=~\"c|d\"})", "{} 0 60 120\n");
    bed_fini(&b);
}

static void subqueries_at_the_root(void **state)
{
    (void)state;
    struct bed b;
    load(&b);
    bed_at(&b, 600000);
    for (int delayed = 0; delayed < 2; delayed++) {
        b.options.features = delayed ? GV_FEATURE_DELAYED_NAME_REMOVAL : 0;
        assert_query(&b, "(-{__name__=~\"a|b\"})[11m:5m]", "{i=\"1\"} -1@0 -2@600000\n");
        assert_fails(&b, "(-{__name__=~\"c|d\"})[11m:5m]", GV_EXECUTION, SAME);
    }
    bed_fini(&b);
}

static void what_drops_the_name_and_what_keeps_it(void **state)
{
    (void)state;
    struct bed b;
    load(&b);
    bed_at(&b, 300000);
    assert_query(&b, "c > 1", "c{i=\"1\"} 20\n");
    assert_query(&b, "c > bool 1", "{i=\"1\"} 1\n");
    assert_query(&b, "1 < c", "c{i=\"1\"} 20\n");
    assert_query(&b, "c < d", "c{i=\"1\"} 20\n");
    assert_query(&b, "c < on (i) d", "{i=\"1\"} 20\n");
    assert_query(&b, "c < bool d", "{i=\"1\"} 1\n");
    assert_query(&b, "c + d", "{i=\"1\"} 60\n");
    assert_query(&b, "+c", "c{i=\"1\"} 20\n");
    assert_query(&b, "c and d", "c{i=\"1\"} 20\n");
    assert_query(&b, "sum by (__name__) (-c)", "{} -20\n");
    assert_query(&b, "sum by (__name__) (c)", "c 20\n");
    assert_query(&b, "max without (i) (c)", "{} 20\n");
    assert_query(&b, "topk(1, c)", "c{i=\"1\"} 20\n");
    assert_query(&b, "t", "t{__type__=\"counter\", __unit__=\"s\", i=\"1\"} 60\n");
    assert_query(&b, "-t", "{i=\"1\"} -60\n");
    assert_query(&b, "t + c", ""); /* the type is part of what is matched */
    assert_query(&b, "max without (i) (t)", "{} 60\n");
    bed_fini(&b);
}

static void filled_sides(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    b.options.features = GV_FEATURE_BINOP_FILL_MODIFIERS;
    bed_add(&b, "l{i=\"1\"}", 1, 1000, one, 10);
    bed_add(&b, "l{i=\"2\"}", 1, 1000, one, 20);
    bed_add(&b, "r{i=\"2\"}", 1, 1000, one, 3);
    bed_add(&b, "r{i=\"3\"}", 1, 1000, one, 4);
    bed_add(&b, "many{i=\"1\",j=\"1\"}", 1, 1000, one, 100);
    bed_add(&b, "many{i=\"1\",j=\"2\"}", 1, 1000, one, 200);
    gv_memory_source_seal(&b.source);
    bed_at(&b, 1000);
    assert_query(&b, "l - r", "{i=\"2\"} 17\n");
    assert_query(&b, "l - fill_right (1) r", "{i=\"1\"} 9\n{i=\"2\"} 17\n");
    assert_query(&b, "l - fill_left (1) r", "{i=\"2\"} 17\n{i=\"3\"} -3\n");
    assert_query(&b, "l - fill (1) r", "{i=\"1\"} 9\n{i=\"2\"} 17\n{i=\"3\"} -3\n");
    assert_query(&b, "l - fill (1) nope", "{i=\"1\"} 9\n{i=\"2\"} 19\n");
    assert_query(&b, "nope - fill (1) nope", "");
    assert_query(&b, "many * on (i) group_left () fill_right (2) r",
                 "{i=\"1\", j=\"1\"} 200\n{i=\"1\", j=\"2\"} 400\n");
    assert_query(&b, "many * on (i) group_left () fill_left (2) r", "{i=\"2\"} 6\n{i=\"3\"} 8\n");
    bed_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_that_never_meet_become_one),
        cmocka_unit_test(series_that_meet_are_an_error),
        cmocka_unit_test(subqueries_at_the_root),
        cmocka_unit_test(what_drops_the_name_and_what_keeps_it),
        cmocka_unit_test(filled_sides),
    };
    return cmocka_run_group_tests_name("promql.eval_names", tests, NULL, NULL);
}
