/* Arena: alignment, exact budgets, marks, cleanups, and the map that lives in it. */
#include "base/arena.h"
#include "base/map.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void allocations_are_aligned_and_apart(void **state)
{
    (void)state;
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    char *last = NULL;
    for (size_t n = 0; n < 9000; n += 97) {
        char *p = gv_arena_alloc(&a, n);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, 0x5a, n);
        assert_ptr_not_equal(p, last);
        last = p;
    }
    gv_arena_fini(&a);
}

static void budget_is_exact_and_given_back(void **state)
{
    (void)state;
    struct gv_budget process, query;
    gv_budget_init(&process, "max_total_query_memory", 1 << 20, GV_UNAVAILABLE, NULL);
    gv_budget_init(&query, "max_query_memory", 100000, GV_EXECUTION, &process);
    struct gv_arena a;
    gv_arena_init(&a, &query);
    struct gv_err err = {0};
    assert_non_null(gv_arena_try(&a, 60000, &err));
    assert_int_equal(query.used, process.used);
    assert_null(gv_arena_try(&a, 60000, &err));
    assert_int_equal(err.code, GV_EXECUTION);
    assert_non_null(strstr(err.msg, "max_query_memory"));
    assert_int_equal(query.used, process.used); /* the refusal charged nothing */
    gv_arena_alloc(&a, 60000);                  /* small requests overdraw */
    assert_true(query.used > query.limit);
    gv_arena_fini(&a);
    assert_int_equal(query.used, 0);
    assert_int_equal(process.used, 0);
}

static void process_budget_names_itself(void **state)
{
    (void)state;
    struct gv_budget process, query;
    gv_budget_init(&process, "max_total_query_memory", 1000, GV_UNAVAILABLE, NULL);
    gv_budget_init(&query, "max_query_memory", 0, GV_EXECUTION, &process);
    struct gv_err err = {0};
    assert_false(gv_budget_take(&query, 1001, &err));
    assert_int_equal(err.code, GV_UNAVAILABLE);
    assert_int_equal(query.used, 0);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

static void rewind_frees_what_came_after_the_mark(void **state)
{
    (void)state;
    struct gv_budget b;
    gv_budget_init(&b, "x", 0, GV_EXECUTION, NULL);
    struct gv_arena a;
    gv_arena_init(&a, &b);
    int ran = 0;
    char *kept = gv_arena_alloc(&a, 100);
    memset(kept, 7, 100);
    int64_t before = b.used;
    for (int round = 0; round < 50; round++) {
        struct gv_arena_mark m = gv_arena_mark(&a);
        gv_arena_defer(&a, count, &ran);
        for (int i = 0; i < 40; i++)
            memset(gv_arena_alloc(&a, (size_t)i * 300), 1, (size_t)i * 300);
        gv_arena_rewind(&a, m);
        assert_int_equal(b.used, before);
    }
    assert_int_equal(ran, 50);
    assert_int_equal(kept[99], 7);
    gv_arena_fini(&a);
    assert_int_equal(b.used, 0);
}

static void rewind_of_an_empty_mark(void **state)
{
    (void)state;
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_arena_mark m = gv_arena_mark(&a);
    memset(gv_arena_alloc(&a, 100000), 1, 100000);
    memset(gv_arena_alloc(&a, 10), 1, 10);
    gv_arena_rewind(&a, m);
    memset(gv_arena_alloc(&a, 10), 1, 10);
    gv_arena_fini(&a);
}

static void joined_arena_lives_on_in_the_other(void **state)
{
    (void)state;
    struct gv_budget b;
    gv_budget_init(&b, "max_query_memory", 0, GV_EXECUTION, NULL);
    struct gv_arena a, part;
    gv_arena_init(&a, &b);
    gv_arena_init(&part, &b);
    static int ran;
    gv_arena_defer(&part, count, &ran);
    char *kept = gv_arena_alloc(&part, 300000);
    memset(kept, 7, 300000);
    char *small = memset(gv_arena_alloc(&a, 100), 1, 100);
    struct gv_arena_mark before = gv_arena_mark(&a);
    int64_t used_before = b.used;
    gv_arena_join(&a, &part);
    assert_int_equal(b.used, used_before);
    gv_arena_fini(&part);
    assert_int_equal(kept[299999], 7);
    memset(gv_arena_alloc(&a, 100), 2, 100);
    assert_int_equal(small[99], 1);
    gv_arena_rewind(&a, before);
    assert_int_equal(ran, 1);
    assert_true(b.used < 300000);
    gv_arena_fini(&a);
    assert_int_equal(b.used, 0);
}

static void map_holds_what_was_put(void **state)
{
    (void)state;
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_map m;
    gv_map_init(&m, &a);
    assert_null(gv_map_find(&m, GV_S("nothing")));
    static int values[1000];
    for (int i = 0; i < 1000; i++)
        gv_map_put(&m, gv_slice_of(gv_arena_printf(&a, "key%d", i)), &values[i]);
    assert_int_equal(m.n, 1000);
    for (int i = 0; i < 1000; i++)
        assert_ptr_equal(gv_map_find(&m, gv_slice_of(gv_arena_printf(&a, "key%d", i))), &values[i]);
    assert_null(gv_map_find(&m, GV_S("key1000")));
    size_t n = 0;
    for (struct gv_map_entry *e = NULL; (e = gv_map_next(&m, e));)
        n++;
    assert_int_equal(n, 1000);
    gv_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_apart),
        cmocka_unit_test(budget_is_exact_and_given_back),
        cmocka_unit_test(process_budget_names_itself),
        cmocka_unit_test(rewind_frees_what_came_after_the_mark),
        cmocka_unit_test(rewind_of_an_empty_mark),
        cmocka_unit_test(joined_arena_lives_on_in_the_other),
        cmocka_unit_test(map_holds_what_was_put),
    };
    return cmocka_run_group_tests_name("base.arena", tests, NULL, NULL);
}
