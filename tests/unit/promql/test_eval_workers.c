/* The same query on one thread and on several: the same result, bit for bit. */
#include "eval_support.h"

/* Values of very different size and both signs, so that any other order of a sum shows. */
static double rough(uint32_t i, double seed)
{
    uint64_t x = gv_hash(&(double[]){seed, i}, 16);
    if (x % 97 == 0)
        return gv_is_stale(0) ? 0 : __builtin_nan("");
    double v = (double)(int64_t)x / 0x1p40;
    return x % 5 == 0 ? v * 1e12 : x % 7 == 0 ? v * 1e-12 : v;
}

static void load(struct bed *b)
{
    bed_init(b);
    for (unsigned i = 0; i < 203; i++)
        bed_add(b, gv_arena_printf(&b->arena, "m{i=\"%u\", l=\"%u\"}", i, i % 7), 200 + i, 15000, rough, i);
    for (unsigned i = 0; i < 7; i++)
        bed_add(b, gv_arena_printf(&b->arena, "one{l=\"%u\"}", i), 241, 15000, rough, 1000 + i);
    gv_memory_source_seal(&b->source);
    bed_over(b, 0, 3600000, 15000);
}

static const char *const queries[] = {
    "m",
    "sum(m)",
    "sum by (l) (m)",
    "avg by (l) (-m / 3)",
    "stddev without (i) (m)",
    "min by (l) (m) + max by (l) (m)",
    "count(m > 0)",
    "group by (l) (m)",
    "topk(3, m)",
    "bottomk by (l) (2, m)",
    "quantile by (l) (0.3, m)",
    "limitk(5, m)",
    "limit_ratio(0.4, m)",
    "count_values by (l) (\"v\", m > bool 0)",
    "m / on (l) group_left one",
    "one * on (l) group_right m > 0",
    "m and on (l) (one > 0)",
    "m unless on (l) (one > 0)",
    "one or on (i) m",
    "-{__name__=~\"m|one\"}",
    "sum(m @ 600)",
    "sum by (l) (m offset 5m) - sum by (l) (m)",
};

static void expect_same(struct bed *b, struct threads *threads, const char *query)
{
    threads->executor.workers = 1;
    if (!bed_run(b, query))
        fail_msg("%s: %s", query, b->err.msg);
    const char *alone = bed_text(b);
    struct gv_eval_stats stats = b->stats;
    assert_true(b->result.n > 0);
    for (unsigned workers = 2; workers <= 5; workers++) {
        threads->executor.workers = workers;
        if (!bed_run(b, query))
            fail_msg("%s with %u workers: %s", query, workers, b->err.msg);
        if (strcmp(alone, bed_text(b)) != 0)
            fail_msg("%s differs with %u workers", query, workers);
        assert_int_equal(stats.total_samples, b->stats.total_samples);
        assert_int_equal(stats.peak_samples, b->stats.peak_samples);
    }
}

static void several_workers_give_the_same_bits(void **state)
{
    (void)state;
    struct bed b;
    load(&b);
    struct threads threads = {.executor.run = threads_run};
    b.options.executor = &threads.executor;
    b.options.features = GV_FEATURE_EXPERIMENTAL_FUNCTIONS;
    for (size_t i = 0; i < GV_COUNT(queries); i++)
        expect_same(&b, &threads, queries[i]);
    bed_at(&b, 600000);
    expect_same(&b, &threads, "m[5m]");
    expect_same(&b, &threads, "(m > 0)[5m:1m]");
    bed_fini(&b);
}

static void errors_are_the_same_too(void **state)
{
    (void)state;
    struct bed b;
    load(&b);
    bed_add(&b, "other{i=\"1\", l=\"1\"}", 10, 15000, rough, 3);
    gv_memory_source_seal(&b.source);
    struct threads threads = {.executor = {.run = threads_run, .workers = 4}};
    b.options.executor = &threads.executor;
    assert_fails(&b, "sum(-{__name__=~\"m|other\"})", GV_EXECUTION,
                 "vector cannot contain metrics with the same labelset");
    b.options.max_samples = 1000;
    assert_fails(&b, "sum(m)", GV_EXECUTION,
                 "query processing would load too many samples into memory in query execution");
    bed_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_workers_give_the_same_bits),
        cmocka_unit_test(errors_are_the_same_too),
    };
    return cmocka_run_group_tests_name("promql.eval_workers", tests, NULL, NULL);
}
