/* Raw samples put together: they come out by time, one for each time. */
#include "model/raw.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct gv_arena arena;

static int set_up(void **state)
{
    (void)state;
    gv_arena_init(&arena, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gv_arena_fini(&arena);
    return 0;
}

static struct gv_raw_column build(const int64_t *times, uint32_t n, const struct gv_histogram *last)
{
    struct gv_raw_builder b;
    struct gv_raw_column c;
    struct gv_err err = {0};
    assert_true(gv_raw_builder_init(&b, &arena, n, last != NULL, &err));
    for (uint32_t i = 0; i < n; i++)
        gv_raw_add(&b, times[i], i, i + 1 == n ? last : NULL);
    assert_true(gv_raw_builder_done(&b, &c, &err));
    return c;
}

static void samples_in_order_stay_where_they_are(void **state)
{
    (void)state;
    struct gv_raw_column c = build((const int64_t[]){-3, 0, 7}, 3, NULL);
    assert_int_equal(c.n, 3);
    assert_null(c.histograms);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(c.values[i] == i);
    assert_int_equal(build(NULL, 0, NULL).n, 0);
}

static void others_are_sorted_and_the_first_of_a_time_stays(void **state)
{
    (void)state;
    static const struct gv_histogram h = {.count = 1};
    struct gv_raw_column c = build((const int64_t[]){5, 9, 5, 2, 9, 4}, 6, &h);
    static const int64_t times[] = {2, 4, 5, 9};
    static const double values[] = {3, 5, 0, 1};
    assert_int_equal(c.n, 4);
    assert_memory_equal(c.times, times, sizeof times);
    assert_memory_equal(c.values, values, sizeof values);
    assert_ptr_equal(c.histograms[1], &h);
    assert_null(c.histograms[0]);
}

/* Sorted they are at 1, 2, 3, 4: that at 2 was added behind the one at 1, as the others were not. */
static void histograms_behind_others_forget_resets(void **state)
{
    (void)state;
    static const struct gv_histogram no = {.reset_hint = GV_RESET_NO}, gauge = {.reset_hint = GV_RESET_GAUGE};
    static const int64_t times[] = {4, 1, 2, 3};
    struct gv_raw_builder b;
    struct gv_raw_column c;
    struct gv_err err = {0};
    assert_true(gv_raw_builder_init(&b, &arena, 4, true, &err));
    for (int i = 0; i < 4; i++)
        gv_raw_add(&b, times[i], 0, i == 3 ? &gauge : &no);
    assert_true(gv_raw_builder_done(&b, &c, &err));
    assert_int_equal(c.n, 4);
    assert_int_equal(c.histograms[1]->reset_hint, GV_RESET_NO);
    assert_int_equal(c.histograms[2]->reset_hint, GV_RESET_GAUGE);
    assert_int_equal(c.histograms[3]->reset_hint, GV_RESET_UNKNOWN);
}

static void the_first_sample_after_a_time_is_found(void **state)
{
    (void)state;
    struct gv_raw_column c = build((const int64_t[]){10, 20, 30}, 3, NULL);
    assert_int_equal(gv_raw_after(&c, INT64_MIN), 0);
    assert_int_equal(gv_raw_after(&c, 9), 0);
    assert_int_equal(gv_raw_after(&c, 10), 1);
    assert_int_equal(gv_raw_after(&c, 29), 2);
    assert_int_equal(gv_raw_after(&c, INT64_MAX), 3);
}

static void the_budget_is_asked(void **state)
{
    (void)state;
    struct gv_budget budget;
    struct gv_arena small;
    struct gv_raw_builder b;
    struct gv_err err = {0};
    gv_budget_init(&budget, "max_query_memory", 1 << 16, GV_EXECUTION, NULL);
    gv_arena_init(&small, &budget);
    assert_false(gv_raw_builder_init(&b, &small, 1 << 20, false, &err));
    assert_int_equal(err.code, GV_EXECUTION);
    gv_arena_fini(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_in_order_stay_where_they_are),
        cmocka_unit_test(others_are_sorted_and_the_first_of_a_time_stays),
        cmocka_unit_test(histograms_behind_others_forget_resets),
        cmocka_unit_test(the_first_sample_after_a_time_is_found),
        cmocka_unit_test(the_budget_is_asked),
    };
    return cmocka_run_group_tests_name("model.raw", tests, set_up, tear_down);
}
