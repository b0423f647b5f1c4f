/* Native histograms: arithmetic over differing layouts, compensation, counter resets, what is read from them.
 * Expected values: Prometheus's test scripts, and its specification of native histograms. */
#include "model/histogram_stats.h"
#include "model/histogram_sum.h"
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct gv_arena arena;

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

#define COUNTS(...) (const double[]){__VA_ARGS__}, sizeof((double[]){__VA_ARGS__}) / sizeof(double)

static struct gv_buckets side(int32_t offset, const double *counts, size_t n)
{
    struct gv_span *span = gv_arena_new(&arena, struct gv_span);
    *span = (struct gv_span){offset, (uint32_t)n};
    double *copy = gv_arena_array(&arena, double, n);
    for (size_t i = 0; i < n; i++)
        copy[i] = counts[i];
    return (struct gv_buckets){span, copy, n > 0, (uint32_t)n};
}

/* Positive buckets from offset on; count is theirs. */
static struct gv_histogram *hist(int32_t schema, int32_t offset, const double *counts, size_t n)
{
    struct gv_histogram *h = gv_arena_new(&arena, struct gv_histogram);
    h->schema = schema;
    h->positive = side(offset, counts, n);
    for (size_t i = 0; i < n; i++)
        h->count += counts[i];
    h->sum = h->count;
    return h;
}

static struct gv_histogram *custom(const double *bounds, size_t n_bounds, const double *counts, size_t n)
{
    struct gv_histogram *h = hist(GV_HISTOGRAM_CUSTOM_SCHEMA, 0, counts, n);
    h->bounds = side(0, bounds, n_bounds).counts;
    h->n_bounds = (uint32_t)n_bounds;
    return h;
}

static double count_at(const struct gv_buckets *b, int32_t index)
{
    struct gv_side_iter it = gv_side_first(b);
    int32_t i;
    for (double count; gv_side_next(&it, &i, &count);)
        if (i == index)
            return count;
    return NAN;
}

static void assert_close(double a, double b)
{
    if (isnan(a) && isnan(b))
        return;
    if (a != b && !(fabs(a - b) <= 1e-9 * (fabs(a) + fabs(b))))
        fail_msg("%.17g is not %.17g", a, b);
}

/* ---- Arithmetic ---- */

static void addition_merges_buckets_in_order(void **state)
{
    (void)state;
    const struct gv_histogram *x = hist(0, 0, COUNTS(1, 2)), *y = hist(0, -3, COUNTS(5, 0, 0, 7, 0, 0, 9));
    const struct gv_histogram *sum = gv_histogram_add(&arena, x, y, NULL);
    assert_close(sum->count, 24);
    assert_int_equal(sum->positive.n_counts, 7); /* empty ones stay until compacted */
    assert_close(count_at(&sum->positive, -3), 5);
    assert_close(count_at(&sum->positive, 0), 8);
    assert_close(count_at(&sum->positive, 1), 2);
    assert_close(count_at(&sum->positive, 3), 9);
    const struct gv_histogram *compact = gv_histogram_compact(&arena, sum);
    assert_int_equal(compact->positive.n_counts, 4);
    assert_int_equal(compact->positive.n_spans, 3);
    assert_ptr_equal(gv_histogram_compact(&arena, compact), compact);
}

static void addition_is_the_same_both_ways(void **state)
{
    (void)state;
    for (int offset = -4; offset <= 4; offset++) {
        const struct gv_histogram *x = hist(0, 0, COUNTS(1, 2, 3)), *y = hist(0, offset, COUNTS(10, 20, 30));
        assert_true(gv_histogram_eq(gv_histogram_add(&arena, x, y, NULL), gv_histogram_add(&arena, y, x, NULL)));
    }
}

static void the_coarser_schema_wins(void **state)
{
    (void)state;
    const struct gv_histogram *coarse = hist(-1, 1, COUNTS(1)), *fine = hist(0, 1, COUNTS(2, 2));
    const struct gv_histogram *sum = gv_histogram_add(&arena, coarse, fine, NULL);
    assert_int_equal(sum->schema, -1);
    assert_close(count_at(&sum->positive, 1), 5);
    assert_true(gv_histogram_eq(sum, gv_histogram_add(&arena, fine, coarse, NULL)));
    const struct gv_histogram *reduced = gv_histogram_reduce(&arena, hist(2, -3, COUNTS(1, 2, 3, 4, 5, 6, 7, 8)), 1);
    assert_close(count_at(&reduced->positive, -1), 3); /* -3 and -2 */
    assert_close(count_at(&reduced->positive, 2), 15); /* 3 and 4 */
}

static void a_schema_may_be_reduced_by_more_bits_than_an_index_has(void **state)
{
    (void)state;
    const struct gv_histogram *fine = hist(52, 0, COUNTS(1, 2, 4)), *reduced = gv_histogram_reduce(&arena, fine, 8);
    assert_int_equal(reduced->schema, 8);
    assert_close(count_at(&reduced->positive, 0), 1); /* at most 1 */
    assert_close(count_at(&reduced->positive, 1), 6);
}

static void the_wider_zero_bucket_swallows(void **state)
{
    (void)state;
    struct gv_histogram *narrow = hist(0, -2, COUNTS(1, 2, 4)), *wide = hist(0, 3, COUNTS(8));
    narrow->zero_count = 16;
    narrow->count += 16;
    wide->zero_threshold = 0.3; /* inside (0.25, 0.5], which is populated: moves to 0.5 */
    wide->zero_count = 32;
    wide->count += 32;
    const struct gv_histogram *sum = gv_histogram_add(&arena, narrow, wide, NULL);
    assert_close(sum->zero_threshold, 0.5);
    assert_close(sum->zero_count, 16 + 1 + 2 + 32);
    assert_close(count_at(&sum->positive, 0), 4);
    assert_true(gv_histogram_eq(sum, gv_histogram_add(&arena, wide, narrow, NULL)));
}

static void subtraction_goes_below_zero(void **state)
{
    (void)state;
    const struct gv_histogram *x = hist(0, 0, COUNTS(1)), *y = hist(0, 1, COUNTS(3));
    const struct gv_histogram *d = gv_histogram_sub(&arena, x, y, NULL);
    assert_close(d->count, -2);
    assert_close(count_at(&d->positive, 1), -3);
}

static void custom_bounds_are_reduced_to_those_in_common(void **state)
{
    (void)state;
    struct gv_histogram_notes notes = {0};
    const struct gv_histogram *fine = custom(COUNTS(1, 2, 3, 4, 5, 6, 7, 8), COUNTS(1, 2, 3, 4, 5, 6, 7, 8, 9));
    const struct gv_histogram *coarse = custom(COUNTS(3, 5, 7), COUNTS(100, 200, 300, 400));
    const struct gv_histogram *d = gv_histogram_sub(&arena, coarse, fine, &notes);
    assert_true(notes.bounds_reconciled);
    assert_int_equal(d->n_bounds, 3);
    const double expected[] = {94, 191, 287, 383};
    for (int i = 0; i < 4; i++)
        assert_close(count_at(&d->positive, i), expected[i]);
    notes = (struct gv_histogram_notes){0};
    const struct gv_histogram *none =
        gv_histogram_add(&arena, custom(COUNTS(1), COUNTS(2, 3)), custom(COUNTS(5), COUNTS(4)), &notes);
    assert_int_equal(none->n_bounds, 0);
    assert_close(count_at(&none->positive, 0), 9);
}

static void hints_of_sums(void **state)
{
    (void)state;
    const enum gv_reset_hint U = GV_RESET_UNKNOWN, Y = GV_RESET_YES, N = GV_RESET_NO, G = GV_RESET_GAUGE;
    const struct {
        enum gv_reset_hint x, y, sum;
        bool collision;
    } cases[] = {{U, U, U, false}, {N, N, N, false}, {Y, Y, Y, false}, {U, N, U, false}, {N, U, U, false},
                 {Y, U, U, false}, {G, N, G, false}, {Y, G, G, false}, {Y, N, U, true},  {N, Y, U, true}};
    for (size_t i = 0; i < GV_COUNT(cases); i++) {
        struct gv_histogram *x = hist(0, 0, COUNTS(1)), *y = hist(0, 0, COUNTS(1));
        x->reset_hint = cases[i].x;
        y->reset_hint = cases[i].y;
        struct gv_histogram_notes notes = {0};
        assert_int_equal(gv_histogram_add(&arena, x, y, &notes)->reset_hint, cases[i].sum);
        assert_int_equal(notes.reset_collision, cases[i].collision);
    }
}

static void scaling(void **state)
{
    (void)state;
    struct gv_histogram *h = hist(0, 0, COUNTS(3, 6));
    h->reset_hint = GV_RESET_NO;
    assert_close(count_at(&gv_histogram_divide(&arena, h, 3)->positive, 1), 2);
    assert_int_equal(gv_histogram_multiply(&arena, h, 2)->reset_hint, GV_RESET_NO);
    assert_int_equal(gv_histogram_multiply(&arena, h, -1)->reset_hint, GV_RESET_GAUGE);
    const struct gv_histogram *inf = gv_histogram_divide(&arena, h, 0);
    assert_true(isinf(inf->count));
    assert_int_equal(inf->positive.n_counts, 0);
}

static void sums_are_compensated(void **state)
{
    (void)state;
    const double sums[] = {5.3, 1e100, 1, -1e100, 2, 1e50, -1e50};
    struct gv_histogram_sum s;
    struct gv_histogram_mean m;
    for (size_t i = 0; i < GV_COUNT(sums); i++) {
        struct gv_histogram *h = hist(0, 0, COUNTS(sums[i]));
        h->sum = sums[i];
        if (i == 0) {
            gv_histogram_sum_init(&s, &arena, h);
            gv_histogram_mean_init(&m, &arena, h);
            continue;
        }
        assert_true(gv_histogram_sum_add(&s, h));
        assert_true(gv_histogram_mean_add(&m, h));
    }
    assert_close(gv_histogram_sum_result(&s, &arena)->sum, 8.3);
    assert_close(count_at(&gv_histogram_sum_result(&s, &arena)->positive, 0), 8.3);
    assert_close(gv_histogram_mean_result(&m, &arena)->sum, 8.3 / 7);
    assert_false(gv_histogram_sum_add(&s, custom(COUNTS(1), COUNTS(1))));
}

static void a_mean_survives_what_a_sum_does_not(void **state)
{
    (void)state;
    struct gv_histogram_mean m;
    gv_histogram_mean_init(&m, &arena, hist(0, 0, COUNTS(DBL_MAX)));
    assert_true(gv_histogram_mean_add(&m, hist(0, 0, COUNTS(1e308))));
    for (int i = 0; i < 6; i++)
        assert_true(gv_histogram_mean_add(&m, hist(0, 0, COUNTS(1e-6))));
    assert_true(m.incremental);
    assert_close(gv_histogram_mean_result(&m, &arena)->count, 3.497116418577895e+307);
}

static void working_memory_does_not_grow_with_the_number_of_summands(void **state)
{
    (void)state;
    struct gv_budget budget;
    gv_budget_init(&budget, "test", 0, GV_EXECUTION, NULL);
    struct gv_arena a;
    gv_arena_init(&a, &budget);
    const struct gv_histogram *h = hist(0, 0, COUNTS(1, 2, 3));
    struct gv_histogram_sum s;
    struct gv_histogram_mean m;
    gv_histogram_sum_init(&s, &a, h);
    gv_histogram_mean_init(&m, &a, h);
    int64_t used = 0;
    for (int i = 0; i < 10000; i++) {
        assert_true(gv_histogram_sum_add(&s, h));
        assert_true(gv_histogram_mean_add(&m, h));
        if (i == 0)
            used = budget.used;
    }
    assert_int_equal(budget.used, used);
    assert_close(gv_histogram_sum_result(&s, &a)->count, 60006);
    gv_arena_fini(&a);
}

/* ---- Equality and resets ---- */

static void equality_looks_at_layout_not_at_spans(void **state)
{
    (void)state;
    struct gv_histogram *x = hist(0, 1, COUNTS(1, 2)), *y = hist(0, 1, COUNTS(1, 2));
    static const struct gv_span cut[] = {{0, 0}, {1, 1}, {0, 1}};
    y->positive.spans = cut;
    y->positive.n_spans = 3;
    assert_true(gv_histogram_eq(x, y));
    static const struct gv_span moved[] = {{0, 1}, {1, 1}};
    y->positive.spans = moved;
    y->positive.n_spans = 2;
    assert_false(gv_histogram_eq(x, y));
    x->sum = NAN;
    assert_true(gv_histogram_eq(x, gv_histogram_dup(&arena, x)));
}

static bool is_reset(const struct gv_histogram *h, const struct gv_histogram *previous)
{
    return gv_histogram_is_reset(&arena, h, previous);
}

static void resets_of_exponential_buckets(void **state)
{
    (void)state;
    const struct gv_histogram *base = hist(0, 0, COUNTS(1, 2, 3));
    assert_false(is_reset(base, base));
    assert_false(is_reset(hist(0, 0, COUNTS(1, 2, 3, 1)), base));
    assert_true(is_reset(hist(0, 0, COUNTS(1, 2, 2, 9)), base));                   /* one went down */
    assert_true(is_reset(hist(0, 1, COUNTS(9, 9)), base));                         /* one is gone */
    assert_false(is_reset(hist(0, 1, COUNTS(9, 9)), hist(0, 0, COUNTS(0, 2, 3)))); /* but it was empty */
    assert_false(is_reset(hist(-1, 0, COUNTS(1, 5)), base));                       /* coarser */
    assert_true(is_reset(hist(-1, 0, COUNTS(2, 4)), base));
    assert_true(is_reset(hist(1, 0, COUNTS(9, 9, 9, 9, 9)), base)); /* finer */
}

static void resets_follow_the_zero_bucket_and_the_hint(void **state)
{
    (void)state;
    struct gv_histogram *before = hist(0, -1, COUNTS(3, 2)), *after = hist(0, 0, COUNTS(4));
    after->zero_threshold = 0.5; /* (0.25, 0.5] is in the zero bucket now */
    after->zero_count = 3;
    after->count = 100;
    assert_false(is_reset(after, before));
    after->zero_count = 2;
    assert_true(is_reset(after, before));
    after->zero_count = 9;
    after->zero_threshold = 0.4; /* splits a populated bucket */
    assert_true(is_reset(after, before));
    before->count = 200;
    assert_true(is_reset(before, after)); /* narrower */
    after->reset_hint = GV_RESET_NO;
    assert_false(is_reset(after, before));
    struct gv_histogram *told = hist(0, 0, COUNTS(9));
    told->reset_hint = GV_RESET_YES;
    assert_true(is_reset(told, hist(0, 0, COUNTS(1))));
}

static void resets_of_custom_buckets(void **state)
{
    (void)state;
    const struct gv_histogram *before = custom(COUNTS(2, 4, 6), COUNTS(1, 2, 5, 7));
    assert_true(is_reset(custom(COUNTS(2, 3, 4, 6), COUNTS(1, 0, 1, 5, 8)), before));
    assert_false(is_reset(custom(COUNTS(2, 3, 4, 6), COUNTS(1, 1, 1, 5, 7)), before));
    assert_true(is_reset(custom(COUNTS(2, 4, 6), COUNTS(1, 2, 4, 9)), before));
    assert_false(is_reset(custom(COUNTS(5, 10), COUNTS(1)), custom(COUNTS(5), COUNTS(1))));
    assert_true(is_reset(custom(COUNTS(5), COUNTS(9)), hist(0, 0, COUNTS(1))));
    assert_true(is_reset(hist(0, 0, COUNTS(9)), custom(COUNTS(5), COUNTS(1))));
}

/* ---- Reading ---- */

static struct gv_histogram *both_sides(void)
{
    struct gv_histogram *h = hist(0, 0, COUNTS(2, 3, 0, 1, 4));
    h->negative = side(0, COUNTS(2, 3, 0, 1, 4));
    h->zero_threshold = 0.001;
    h->zero_count = 4;
    h->count = 24;
    h->sum = 100;
    return h;
}

static void buckets_go_from_the_smallest_value_to_the_largest(void **state)
{
    (void)state;
    const struct gv_histogram *h = both_sides();
    struct gv_bucket_iter up = gv_buckets_up(h), down = gv_buckets_down(h);
    struct gv_bucket walked[16], b;
    int n = 0;
    while (gv_buckets_next(&up, &walked[n]))
        n++;
    assert_int_equal(n, 11);
    assert_close(walked[0].lower, -16);
    assert_true(walked[0].lower_inclusive && !walked[0].upper_inclusive);
    assert_close(walked[5].lower, -0.001);
    assert_true(walked[5].lower_inclusive && walked[5].upper_inclusive);
    assert_close(walked[10].upper, 16);
    for (int i = 1; i < n; i++)
        assert_true(walked[i].lower >= walked[i - 1].upper);
    while (gv_buckets_next(&down, &b))
        assert_memory_equal(&b, &walked[--n], offsetof(struct gv_bucket, lower_inclusive));
    assert_int_equal(n, 0);
}

static void bounds_are_those_of_prometheus(void **state)
{
    (void)state;
    assert_true(gv_histogram_bound(1, 1) == 1.414213562373095);
    assert_true(gv_histogram_bound(-1, 1) == 0.7071067811865475);
    assert_true(gv_histogram_bound(0, 8) == 1 && gv_histogram_bound(256, 8) == 2 && gv_histogram_bound(3, 0) == 8);
    assert_true(gv_histogram_bound(1, -4) == 65536);
    assert_true(gv_histogram_bound(1024, 0) == DBL_MAX && isinf(gv_histogram_bound(1025, 0)));
    assert_true(gv_histogram_bound(64, -4) == DBL_MAX && isinf(gv_histogram_bound(65, -4)));
    assert_true(gv_histogram_bound(-2000, 0) == 0);
    assert_true(gv_histogram_bound(INT32_MAX, -4) > 0 && gv_histogram_bound(INT32_MIN, -4) == 0);
}

static void quantiles_and_fractions_are_inverse(void **state)
{
    (void)state;
    const struct gv_histogram *h = both_sides();
    enum gv_nan_effect effect;
    const struct {
        double phi, value;
    } cases[] = {{0, -16},       {0.01, -15.34822590920423}, {0.3, -1.2030250360821169}, {0.45, -0.0006},
                 {0.55, 0.0006}, {0.7, 1.2030250360821164},  {0.99, 15.34822590920423},  {1, 16}};
    for (size_t i = 0; i < GV_COUNT(cases); i++) {
        assert_close(gv_histogram_quantile(h, cases[i].phi, &effect), cases[i].value);
        assert_close(gv_histogram_fraction(h, -INFINITY, cases[i].value, NULL), cases[i].phi);
    }
    assert_close(gv_histogram_quantile(h, -1, &effect), -INFINITY);
    assert_true(isnan(gv_histogram_quantile(hist(0, 0, NULL, 0), 0.5, &effect)));
    const struct gv_histogram *c = custom(COUNTS(5, 10), COUNTS(1, 2, 1));
    assert_close(gv_histogram_quantile(c, 0.5, &effect), 7.5);
    assert_close(gv_histogram_quantile(c, 1, &effect), 10);
    assert_close(gv_histogram_fraction(c, 5, 10, NULL), 0.5);
}

static void observations_of_nan_are_told(void **state)
{
    (void)state;
    struct gv_histogram *h = hist(0, 0, COUNTS(12));
    h->count = 15;
    h->sum = NAN;
    enum gv_nan_effect effect;
    assert_close(gv_histogram_quantile(h, 0.4, &effect), 0.7071067811865475);
    assert_int_equal(effect, GV_NAN_SKEW);
    assert_true(isnan(gv_histogram_quantile(h, 0.81, &effect)));
    assert_int_equal(effect, GV_NAN_RESULT);
    bool skipped;
    assert_close(gv_histogram_fraction(h, -INFINITY, INFINITY, &skipped), 0.8);
    assert_true(skipped);
    h->count = 12; /* infinities of both signs: nothing is missing */
    gv_histogram_quantile(h, 0.4, &effect);
    assert_int_equal(effect, GV_NAN_NONE);
}

static void variance(void **state)
{
    (void)state;
    struct gv_histogram *h = hist(2, 0, COUNTS(1, 0, 0, 0, 1, 0, 0, 1, 1));
    h->sum = 10;
    assert_close(gv_histogram_variance(h), 1.163807968526718);
}

static void trims(void **state)
{
    (void)state;
    struct gv_histogram *h = hist(0, 0, COUNTS(2, 4, 8, 16));
    h->negative = side(0, COUNTS(1, 2));
    h->zero_threshold = 0.001;
    h->zero_count = 1;
    h->count = 34;
    h->sum = 123.75;
    const struct gv_histogram *t = gv_histogram_trim(&arena, h, 0, true);
    assert_close(t->count, 3.5);
    assert_close(t->sum, -3.53578390593273768);
    assert_close(t->zero_count, 0.5);
    t = gv_histogram_trim(&arena, h, 1.4142135623730951, false);
    assert_close(t->count, 26);
    assert_ptr_equal(gv_histogram_trim(&arena, h, INFINITY, true), h);
    const struct gv_histogram *c = custom(COUNTS(5, 10, 15, 20), COUNTS(1, 6, 4, 3, 1));
    assert_close(gv_histogram_trim(&arena, c, 13, true)->count, 9.4);
    assert_close(gv_histogram_trim(&arena, c, 13, true)->sum, 75.1);
    assert_close(gv_histogram_trim(&arena, c, 13, false)->sum, 94.9);
    assert_close(gv_histogram_trim(&arena, c, 50, true)->sum, 150);
    assert_close(h->count, 34); /* arguments are never changed */
}

/* ---- Printing ---- */

static void assert_prints(void (*print)(struct gv_buf *, const struct gv_histogram *), const struct gv_histogram *h,
                          const char *expected)
{
    struct gv_buf b = GV_BUF_INIT;
    print(&b, h);
    assert_string_equal(gv_buf_cstr(&b), expected);
    gv_buf_fini(&b);
}

static void printing(void **state)
{
    (void)state;
    struct gv_histogram *h = both_sides();
    assert_prints(gv_histogram_print, h,
                  "{count:24, sum:100, [-16,-8):4, [-8,-4):1, [-2,-1):3, [-1,-0.5):2, [-0.001,0.001]:4, (0.5,1]:2, "
                  "(1,2]:3, (4,8]:1, (8,16]:4}");
    h->reset_hint = GV_RESET_GAUGE;
    assert_prints(gv_histogram_print_literal, h,
                  "{{count:24 sum:100 z_bucket:4 z_bucket_w:0.001 counter_reset_hint:gauge buckets:[2 3 0 1 4] "
                  "n_buckets:[2 3 0 1 4]}}");
    static const struct gv_span apart[] = {{-1, 1}, {2, 1}};
    struct gv_histogram *gaps = hist(1, 0, COUNTS(1, 2));
    gaps->positive.spans = apart;
    gaps->positive.n_spans = 2;
    assert_prints(gv_histogram_print_literal, gaps, "{{schema:1 count:3 sum:3 offset:-1 buckets:[1 0 0 2]}}");
    assert_prints(gv_histogram_print_literal, custom(COUNTS(5, 10), COUNTS(1, 2e6)),
                  "{{schema:-53 count:2.000001e+06 sum:2.000001e+06 custom_values:[5 10] buckets:[1 2e+06]}}");
    assert_prints(gv_histogram_print_literal, hist(0, 0, NULL, 0), "{{}}");
}

static void printing_as_json(void **state)
{
    (void)state;
    struct gv_histogram *h = hist(0, 1, COUNTS(2, 0, 1e21));
    h->zero_threshold = 1.5; /* cuts into (1, 2] */
    h->zero_count = 1;
    h->negative = side(3, COUNTS(5));
    assert_prints(gv_histogram_print_json, h,
                  "{\"count\":\"1e+21\",\"sum\":\"1e+21\",\"buckets\":[[1,\"-8\",\"-4\",\"5\"],"
                  "[3,\"-1.5\",\"1.5\",\"1\"],[0,\"1.5\",\"2\",\"2\"],[0,\"4\",\"8\",\"1e+21\"]]}");
    assert_prints(gv_histogram_print_json, custom(COUNTS(5), COUNTS(1, 2)),
                  "{\"count\":\"3\",\"sum\":\"3\",\"buckets\":[[3,\"-Inf\",\"5\",\"1\"],[0,\"5\",\"+Inf\",\"2\"]]}");
    assert_prints(gv_histogram_print_json, hist(0, 0, COUNTS(0)), "{\"count\":\"0\",\"sum\":\"0\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addition_merges_buckets_in_order),
        cmocka_unit_test(addition_is_the_same_both_ways),
        cmocka_unit_test(the_coarser_schema_wins),
        cmocka_unit_test(a_schema_may_be_reduced_by_more_bits_than_an_index_has),
        cmocka_unit_test(the_wider_zero_bucket_swallows),
        cmocka_unit_test(subtraction_goes_below_zero),
        cmocka_unit_test(custom_bounds_are_reduced_to_those_in_common),
        cmocka_unit_test(hints_of_sums),
        cmocka_unit_test(scaling),
        cmocka_unit_test(sums_are_compensated),
        cmocka_unit_test(a_mean_survives_what_a_sum_does_not),
        cmocka_unit_test(working_memory_does_not_grow_with_the_number_of_summands),
        cmocka_unit_test(equality_looks_at_layout_not_at_spans),
        cmocka_unit_test(resets_of_exponential_buckets),
        cmocka_unit_test(resets_follow_the_zero_bucket_and_the_hint),
        cmocka_unit_test(resets_of_custom_buckets),
        cmocka_unit_test(buckets_go_from_the_smallest_value_to_the_largest),
        cmocka_unit_test(bounds_are_those_of_prometheus),
        cmocka_unit_test(quantiles_and_fractions_are_inverse),
        cmocka_unit_test(observations_of_nan_are_told),
        cmocka_unit_test(variance),
        cmocka_unit_test(trims),
        cmocka_unit_test(printing),
        cmocka_unit_test(printing_as_json),
    };
    return cmocka_run_group_tests_name("model.histogram", tests, start, end);
}
