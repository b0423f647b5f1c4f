/* Parts of the functions that scripts reach only by chance: selection, classic buckets, dates, natural order. */
#include "promql/classic.h"
#include "promql/impl.h"
#include "promql/quantile.h"
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void selection_agrees_with_sorting(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 3000; round++) {
        double values[64], sorted[64];
        size_t n = 1 + (size_t)round % 64, kinds = 1 + (size_t)round % 9; /* many equal ones */
        for (size_t i = 0; i < n; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            sorted[i] = values[i] = (double)((seed >> 33) % (kinds * kinds));
        }
        qsort(sorted, n, sizeof *sorted, compare);
        double phi = (double)(round % 101) / 100, rank = phi * (double)(n - 1), low = floor(rank);
        size_t lower = (size_t)low, upper = lower + 1 < n ? lower + 1 : n - 1;
        double expected = sorted[lower] * (1 - (rank - low)) + sorted[upper] * (rank - low);
        double got = gv_quantile(phi, values, n);
        if (got != expected)
            fail_msg("%g of %zu: %g, not %g", phi, n, got, expected);
    }
}

static void nan_is_the_smallest(void **state)
{
    (void)state;
    assert_true(isnan(gv_quantile(0, (double[]){3, NAN, 1}, 3)));
    assert_true(isnan(gv_quantile(0.25, (double[]){3, NAN, 1}, 3)));
    assert_true(gv_quantile(0.5, (double[]){3, NAN, 1}, 3) == 1);
    assert_true(gv_quantile(1, (double[]){3, NAN, 1}, 3) == 3);
    assert_true(isnan(gv_quantile(0.5, NULL, 0)));
    assert_true(isnan(gv_quantile(NAN, (double[]){1}, 1)));
    assert_true(gv_quantile(-0.1, (double[]){1}, 1) == -INFINITY && gv_quantile(1.1, (double[]){1}, 1) == INFINITY);
}

#define CLASSIC(n, bounds, counts) (&(struct gv_classic){bounds, counts, n})
#define LIST(...)                  ((double[]){__VA_ARGS__})

static void classic_quantiles(void **state)
{
    (void)state;
    struct gv_monotonicity m;
    assert_true(gv_classic_quantile(0.5, CLASSIC(3, LIST(1, 2, INFINITY), LIST(2, 4, 4)), &m) == 1);
    assert_true(gv_classic_quantile(1, CLASSIC(3, LIST(1, 2, INFINITY), LIST(2, 4, 5)), &m) == 2);
    assert_true(gv_classic_quantile(0.1, CLASSIC(2, LIST(-1, INFINITY), LIST(4, 5)), &m) == -1);
    assert_true(isnan(gv_classic_quantile(0.5, CLASSIC(2, LIST(1, 2), LIST(1, 2)), &m)));        /* no +Inf */
    assert_true(isnan(gv_classic_quantile(0.5, CLASSIC(1, LIST(INFINITY), LIST(1)), &m)));       /* one bucket */
    assert_true(isnan(gv_classic_quantile(0.5, CLASSIC(2, LIST(1, INFINITY), LIST(0, 0)), &m))); /* no observations */
    assert_true(gv_classic_quantile(0.5, CLASSIC(3, LIST(2, 2, INFINITY), LIST(1, 1, 4)), &m) == 2); /* joined */
    assert_true(gv_classic_quantile(-1, CLASSIC(0, NULL, NULL), &m) == -INFINITY);
}

static void falling_counts_are_mended(void **state)
{
    (void)state;
    struct gv_monotonicity m;
    double counts[] = {100, 50, 60, 200};
    gv_classic_quantile(0.5, CLASSIC(4, LIST(1, 2, 3, INFINITY), counts), &m);
    assert_true(m.forced && m.min_bound == 2 && m.max_bound == 3 && m.max_diff == 50);
    assert_true(counts[1] == 100 && counts[2] == 100);
    double noise[] = {100, 100 * (1 - 1e-14), 200};
    gv_classic_quantile(0.5, CLASSIC(3, LIST(1, 2, INFINITY), noise), &m);
    assert_false(m.forced); /* rounding is no fault of the data */
    assert_true(noise[1] == 100);
}

static double call(const char *name, double v)
{
    return gv_function_named(gv_slice_of(name))->impl->each(v);
}

static void dates_agree_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t t = -62135596800 - 1000 * 86400LL; t < 4102444800 + 86400LL * 366 * 400; t += 86400 * 13 + 12345) {
        time_t at = (time_t)t;
        struct tm tm;
        gmtime_r(&at, &tm);
        double v = (double)t;
        assert_true(call("year", v) == tm.tm_year + 1900);
        assert_true(call("month", v) == tm.tm_mon + 1);
        assert_true(call("day_of_month", v) == tm.tm_mday);
        assert_true(call("day_of_year", v) == tm.tm_yday + 1);
        assert_true(call("day_of_week", v) == tm.tm_wday);
        assert_true(call("hour", v) == tm.tm_hour && call("minute", v) == tm.tm_min);
    }
    assert_true(call("days_in_month", 951782400) == 29);      /* 2000-02-29 */
    assert_true(call("days_in_month", -2203891201) == 28);    /* 1900-02-28: no leap year */
    assert_true(call("hour", NAN) == call("hour", INFINITY)); /* no crash; Go's least integer */
}

static void every_function_is_written_in_one_way(void **state)
{
    (void)state;
    size_t n;
    const struct gv_function *f = gv_functions(&n);
    for (size_t i = 0; i < n; i++) {
        const struct gv_function_impl *impl = f[i].impl;
        int ways = (impl->each != NULL) + (impl->map != NULL) + (impl->window != NULL) + (impl->series != NULL);
        if (ways > 1 || (!ways && !impl->call))
            fail_msg("%s() is written in %d ways", f[i].name, ways);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selection_agrees_with_sorting),
        cmocka_unit_test(nan_is_the_smallest),
        cmocka_unit_test(classic_quantiles),
        cmocka_unit_test(falling_counts_are_mended),
        cmocka_unit_test(dates_agree_with_the_c_library),
        cmocka_unit_test(every_function_is_written_in_one_way),
    };
    return cmocka_run_group_tests_name("promql.fn_parts", tests, NULL, NULL);
}
