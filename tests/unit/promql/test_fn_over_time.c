/* *_over_time over windows long enough to be folded as they slide: the same values as sample by sample. */
#include "promql/eval.h"
#include "promql/memory_source.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { N = 6000, WINDOW = 1000, STEP = 7 }; /* samples a second apart, seconds */

static struct gv_arena arena;
static int64_t times[N];
static double values[N];

static int start(void **state)
{
    (void)state;
    gv_arena_init(&arena, NULL);
    return 0;
}
static int end(void **state)
{
    (void)state;
    gv_arena_fini(&arena);
    return 0;
}

static uint64_t seed = 1;
static double random_value(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 40) / 1000 - 5000;
}

static void make_values(double (*of)(int i))
{
    for (int i = 0; i < N; i++) {
        times[i] = (int64_t)i * 1000;
        values[i] = of(i);
    }
}

static int64_t *starts; /* or NULL */

static void add_series(struct gv_memory_source *source, const char *metric)
{
    struct gv_label name = {GV_LABEL_NAME, gv_slice_of(metric)};
    struct gv_column column = {.kind = GV_COLUMN_RAW,
                               .raw = {.times = times, .values = values, .starts = starts, .n = N}};
    gv_memory_source_add(source, gv_labels_make(&arena, &name, 1), &column);
}

/* Over two series, m and n, which differ in nothing but the name. */
static struct gv_result evaluate(const char *query)
{
    struct gv_memory_source source;
    gv_memory_source_init(&source, &arena);
    add_series(&source, "m");
    add_series(&source, "n");
    gv_memory_source_seal(&source);
    struct gv_err err = {0};
    struct gv_slice text = gv_slice_of(query);
    struct gv_eval_options o = {.text = text,
                                .start = 0,
                                .end = (N + 100) * 1000,
                                .step = STEP * 1000,
                                .lookback = 300000,
                                .default_step = 60000,
                                .features = GV_FEATURE_EXPERIMENTAL_FUNCTIONS,
                                .source = &source.source};
    struct gv_expr *e = gv_promql_parse(&arena, text, o.features, &err);
    struct gv_result result;
    struct gv_eval_stats stats = {0};
    if (!e || !gv_promql_eval(&arena, e, &o, &result, &stats, &err))
        fail_msg("%s", err.msg);
    return result;
}

static const struct gv_steps_column *run(const char *query, struct gv_grid *grid)
{
    struct gv_result result = evaluate(query);
    assert_int_equal(result.n, 1);
    *grid = result.grid;
    return &result.series[0].column.steps;
}

/* Prometheus's own words, sample by sample. */
typedef double of_window(const double *v, int n);

static double sum(const double *v, int n)
{
    long double s = 0;
    for (int i = 0; i < n; i++)
        s += v[i];
    return (double)s;
}
static double mean(const double *v, int n)
{
    long double s = 0;
    for (int i = 0; i < n; i++)
        s += (long double)v[i] / n;
    return (double)s;
}
static double variance(const double *v, int n)
{
    long double s = 0, m = mean(v, n);
    for (int i = 0; i < n; i++)
        s += (v[i] - m) * (v[i] - m);
    return (double)(s / n);
}
static double max(const double *v, int n)
{
    double m = v[0];
    for (int i = 1; i < n; i++)
        if (v[i] > m || isnan(m))
            m = v[i];
    return m;
}
static double min(const double *v, int n)
{
    double m = v[0];
    for (int i = 1; i < n; i++)
        if (v[i] < m || isnan(m))
            m = v[i];
    return m;
}
static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double third_quartile(const double *v, int n)
{
    double sorted[WINDOW];
    memcpy(sorted, v, (size_t)n * sizeof *v);
    qsort(sorted, (size_t)n, sizeof *sorted, compare);
    double rank = 0.75 * (n - 1), low = sorted[(int)rank], high = sorted[(int)rank + 1 < n ? (int)rank + 1 : n - 1];
    return low * (1 - (rank - floor(rank))) + high * (rank - floor(rank));
}

static void check(const char *query, of_window *of, double tolerance)
{
    struct gv_grid grid;
    const struct gv_steps_column *c = run(query, &grid);
    for (uint32_t i = 0; i < grid.n; i++) {
        int64_t t = gv_grid_time(&grid, i) / 1000;
        int hi = t < N ? (int)t + 1 : N, lo = t - WINDOW + 1 > 0 ? (int)(t - WINDOW + 1) : 0;
        double expected = of(values + lo, hi - lo), got = c->values[i];
        assert_true(gv_bit(c->present, i));
        bool same = got == expected || (isnan(got) && isnan(expected));
        if (!same && !(fabs(got - expected) <= tolerance * (fabs(got) + fabs(expected))))
            fail_msg("%s at %d s: %.17g, not %.17g", query, (int)t, got, expected);
    }
}

static double any(int i)
{
    (void)i;
    return random_value();
}
static double far_apart(int i)
{
    return i % 3 == 0 ? 1e100 : i % 3 == 1 ? 1 : -1e100;
}
static double some_nan(int i)
{
    return i % 1500 < 20 || i > 4500 ? NAN : random_value();
}
static double some_infinite(int i)
{
    return i == 2000 ? INFINITY : i == 3500 ? -INFINITY : random_value();
}
static double huge(int i)
{
    return i % 2 ? 1.5e308 : 1e308;
}
static double constant(int i)
{
    (void)i;
    return 0.1;
}

static void folds_give_what_samples_give(void **state)
{
    (void)state;
    make_values(any);
    check("sum_over_time(m[1000s])", sum, 1e-15);
    check("avg_over_time(m[1000s])", mean, 1e-15);
    check("stdvar_over_time(m[1000s])", variance, 1e-12);
    check("max_over_time(m[1000s])", max, 0);
    check("min_over_time(m[1000s])", min, 0);
    check("quantile_over_time(0.75, m[1000s])", third_quartile, 1e-15);
}

static void compensation_survives_the_fold(void **state)
{
    (void)state;
    make_values(far_apart);
    struct gv_grid grid;
    const struct gv_steps_column *c = run("sum_over_time(m[999s])", &grid);
    for (uint32_t i = 200; i < 800; i++)
        assert_true(c->values[i] == 333);
}

static void nan_and_infinity_leave_with_their_samples(void **state)
{
    (void)state;
    make_values(some_nan);
    check("sum_over_time(m[1000s])", sum, 1e-15);
    check("avg_over_time(m[1000s])", mean, 1e-14);
    check("max_over_time(m[1000s])", max, 0);
    check("min_over_time(m[1000s])", min, 0);
    check("stdvar_over_time(m[1000s])", variance, 1e-12);
    make_values(some_infinite);
    check("sum_over_time(m[1000s])", sum, 1e-15);
    check("avg_over_time(m[1000s])", mean, 1e-14);
    check("max_over_time(m[1000s])", max, 0);
}

static void means_do_not_overflow(void **state)
{
    (void)state;
    make_values(huge);
    check("avg_over_time(m[1000s])", mean, 1e-12);
}

static void constants_have_no_variance(void **state)
{
    (void)state;
    make_values(constant);
    struct gv_grid grid;
    const struct gv_steps_column *c = run("stddev_over_time(m[1000s])", &grid);
    for (uint32_t i = 0; i < grid.n; i++)
        assert_true(c->values[i] == 0);
    c = run("avg_over_time(m[1000s])", &grid);
    for (uint32_t i = 0; i < grid.n; i++)
        assert_true(c->values[i] == 0.1);
}

static double saw(int i)
{
    return i % 50;
}

static void times_of_extremes_are_of_the_last_one(void **state)
{
    (void)state;
    make_values(saw);
    struct gv_grid grid;
    const struct gv_steps_column *c = run("ts_of_max_over_time(m[1000s])", &grid);
    for (uint32_t i = 10; i < N / STEP; i++) {
        int64_t t = gv_grid_time(&grid, i) / 1000;
        assert_true(c->values[i] == (double)((t + 1) / 50 * 50 - 1));
    }
    c = run("ts_of_min_over_time(m[1000s])", &grid);
    for (uint32_t i = 10; i < N / STEP; i++)
        assert_true(c->values[i] == (double)(gv_grid_time(&grid, i) / 1000 / 50 * 50));
}

static void resets_count_within_each_window(void **state)
{
    (void)state;
    make_values(saw);
    struct gv_grid grid;
    const struct gv_steps_column *c = run("resets(m[1000s])", &grid);
    for (uint32_t i = WINDOW / STEP + 1; i < N / STEP; i++) {
        int64_t t = gv_grid_time(&grid, i) / 1000, first = t - WINDOW + 1;
        assert_true(c->values[i] == (double)(t / 50 - first / 50));
    }
    c = run("increase(m[1000s])", &grid);
    for (uint32_t i = WINDOW / STEP + 1; i < N / STEP; i++) {
        int64_t t = gv_grid_time(&grid, i) / 1000, first = t - WINDOW + 1;
        double at_first = (double)(first % 50), growth = (double)((t / 50 - first / 50) * 49 + t % 50) - at_first;
        double before = fmin(1, 999 * at_first / growth); /* seconds: no further than to zero */
        assert_true(fabs(c->values[i] - growth * (999 + before) / 999) < 1e-6);
    }
}

/* Without promql-delayed-name-removal and use-start-timestamps, as by default. */
static void series_of_two_names_may_be_absent_together(void **state)
{
    (void)state;
    make_values(constant);
    struct gv_result r = evaluate("absent_over_time({__name__=~\"m|n\"}[50s])");
    assert_int_equal(r.n, 1);
    for (uint32_t i = 0; i < r.grid.n; i++)
        assert_int_equal(gv_bit(r.series[0].column.steps.present, i), gv_grid_time(&r.grid, i) >= (N - 1 + 50) * 1000);
}

static void starts_are_not_used_unasked(void **state)
{
    (void)state;
    make_values(constant);
    int64_t each[N];
    for (int i = 0; i < N; i++)
        each[i] = times[i] - 500; /* begun anew for each sample */
    starts = each;
    struct gv_grid grid;
    const struct gv_steps_column *c = run("resets(m[100s])", &grid);
    starts = NULL;
    for (uint32_t i = 0; i < grid.n; i++)
        assert_true(c->values[i] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds_give_what_samples_give),
        cmocka_unit_test(compensation_survives_the_fold),
        cmocka_unit_test(nan_and_infinity_leave_with_their_samples),
        cmocka_unit_test(means_do_not_overflow),
        cmocka_unit_test(constants_have_no_variance),
        cmocka_unit_test(times_of_extremes_are_of_the_last_one),
        cmocka_unit_test(resets_count_within_each_window),
        cmocka_unit_test(series_of_two_names_may_be_absent_together),
        cmocka_unit_test(starts_are_not_used_unasked),
    };
    return cmocka_run_group_tests_name("promql.fn_over_time", tests, start, end);
}
