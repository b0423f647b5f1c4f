/* Annotations: each text once, of its positions the first; in the order in which they came, or sorted. */
#include "model/annotations.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void a_text_comes_once(void **state)
{
    (void)state;
    struct gv_arena arena;
    gv_arena_init(&arena, NULL);
    struct gv_annotations a;
    gv_annotations_init(&a, &arena);
    for (int i = 0; i < 300; i++) {
        gv_warn(&a, "warning %d", i % 100);
        gv_info(&a, "warning %d", i % 3); /* infos are a set of their own */
    }
    assert_int_equal(a.n_warnings, 100);
    assert_int_equal(a.n_infos, 3);
    assert_true(gv_slice_is(a.warnings[0], "warning 0"));
    assert_true(gv_slice_is(a.warnings[99], "warning 99"));
    gv_arena_fini(&arena);
}

static void a_text_comes_once_whatever_its_position(void **state)
{
    (void)state;
    struct gv_arena arena;
    gv_arena_init(&arena, NULL);
    struct gv_annotations a;
    gv_annotations_init(&a, &arena);
    gv_info(&a, "PromQL info: odd %s", "(2:3)");
    gv_info(&a, "PromQL info: odd %s", "(1:10)");
    gv_info(&a, "PromQL info: odd %s", "(1:7)");
    gv_info(&a, "PromQL info: odd %s", "(2:17)");
    gv_info(&a, "PromQL info: odd %s", "(x)");
    gv_info(&a, "elsewhere (1:7)");
    gv_info(&a, "elsewhere (1:8)");
    assert_int_equal(a.n_infos, 4);
    assert_true(gv_slice_is(a.infos[0], "PromQL info: odd (1:7)"));
    gv_arena_fini(&arena);
}

static void sorting_forgets_who_came_first(void **state)
{
    (void)state;
    struct gv_arena arena;
    gv_arena_init(&arena, NULL);
    struct gv_annotations a;
    gv_annotations_init(&a, &arena);
    gv_annotations_sort(&a);
    gv_warn(&a, "b");
    gv_warn(&a, "a");
    gv_info(&a, "d");
    gv_info(&a, "c");
    gv_annotations_sort(&a);
    assert_true(gv_slice_is(a.warnings[0], "a") && gv_slice_is(a.warnings[1], "b"));
    assert_true(gv_slice_is(a.infos[0], "c") && gv_slice_is(a.infos[1], "d"));
    gv_arena_fini(&arena);
}

static void merging_copies_what_is_new(void **state)
{
    (void)state;
    struct gv_arena first, second;
    gv_arena_init(&first, NULL);
    gv_arena_init(&second, NULL);
    struct gv_annotations into, from;
    gv_annotations_init(&into, &first);
    gv_annotations_init(&from, &second);
    gv_warn(&into, "a");
    gv_warn(&from, "b");
    gv_warn(&from, "a");
    gv_info(&from, "c");
    gv_annotations_merge(&into, &from);
    gv_arena_fini(&second);
    assert_int_equal(into.n_warnings, 2);
    assert_true(gv_slice_is(into.warnings[1], "b"));
    assert_int_equal(into.n_infos, 1);
    assert_true(gv_slice_is(into.infos[0], "c"));
    gv_arena_fini(&first);
}

static void endless_texts_are_cut(void **state)
{
    (void)state;
    struct gv_arena arena;
    gv_arena_init(&arena, NULL);
    struct gv_annotations a;
    gv_annotations_init(&a, &arena);
    gv_warn(&a, "%05000d", 1);
    assert_true(a.warnings[0].n < 4096);
    assert_true(gv_slice_has_suffix(a.warnings[0], GV_S("...")));
    gv_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_comes_once),
        cmocka_unit_test(a_text_comes_once_whatever_its_position),
        cmocka_unit_test(sorting_forgets_who_came_first),
        cmocka_unit_test(merging_copies_what_is_new),
        cmocka_unit_test(endless_texts_are_cut),
    };
    return cmocka_run_group_tests_name("model.annotations", tests, NULL, NULL);
}
