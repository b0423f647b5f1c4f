/* Union: order after injection, duplicates that are errors, scalars that must agree. */
#include "exec/unite.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct gv_arena arena;

static int setup(void **state)
{
    (void)state;
    gv_arena_init(&arena, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    gv_arena_fini(&arena);
    return 0;
}

static const struct gv_labels *labels(const char *a, const char *cluster)
{
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, &arena, NULL);
    gv_labels_set(&b, GV_S("a"), gv_slice_of(a));
    gv_labels_set(&b, GV_S("cluster"), gv_slice_of(cluster));
    return gv_labels_build(&b, &arena);
}

static struct gv_series point(const char *a, const char *cluster, const char *text)
{
    struct gv_text *t = gv_arena_new(&arena, struct gv_text);
    *t = (struct gv_text){text, strlen(text), NULL};
    return (struct gv_series){labels(a, cluster), {.kind = GV_COLUMN_SPAN, .span = {.floats = t, .n_floats = 1}}};
}

static struct gv_result *vector(struct gv_series *series, size_t n)
{
    struct gv_result *r = gv_arena_new(&arena, struct gv_result);
    *r = (struct gv_result){.type = GV_RESULT_VECTOR, .series = series, .n = n};
    gv_annotations_init(&r->notes, &arena);
    return r;
}

static void expect_order(enum gv_order order, const char *wanted)
{
    /* the backends' own order is not the global one: `a` stands before `cluster`, an absent `a` behind */
    struct gv_series one[] = {point("", "c1", "[1,\"5\"]"), point("x", "c1", "[1,\"NaN\"]"),
                              point("z", "c1", "[1,\"-1e3\"]")};
    struct gv_series two[] = {point("y", "c2", "[1,\"7\"]"), point("x", "c2", "[1,\"0.5\"]")};
    struct gv_part parts[] = {{vector(one, 3), GV_S("c1")}, {vector(two, 2), GV_S("c2")}};
    struct gv_result out;
    struct gv_err err = {0};
    struct gv_buf text = GV_BUF_INIT;
    assert_true(gv_unite(&arena, parts, 2, order, &out, &err));
    assert_int_equal(out.type, GV_RESULT_VECTOR);
    for (size_t i = 0; i < out.n; i++)
        gv_buf_printf(&text, "%.*s%.*s ", GV_ARG(gv_labels_get(out.series[i].labels, GV_S("a"))),
                      GV_ARG(gv_labels_get(out.series[i].labels, GV_S("cluster"))));
    assert_string_equal(gv_buf_cstr(&text), wanted);
    gv_buf_fini(&text);
}

static void series_are_ordered_anew(void **state)
{
    (void)state;
    expect_order(GV_ORDER_LABELS, "xc1 xc2 yc2 zc1 c1 ");
    expect_order(GV_ORDER_KEPT, "c1 xc1 zc1 yc2 xc2 ");
}

static void a_series_twice_is_an_error_that_names_who_sent_it(void **state)
{
    (void)state;
    struct gv_series one[] = {point("x", "c", "[1,\"1\"]"), point("x", "c", "[1,\"1\"]")};
    struct gv_part same[] = {{vector(one, 2), GV_S("c1")}};
    struct gv_part both[] = {{vector(one, 1), GV_S("c1")}, {vector(one, 1), GV_S("c2")}};
    for (int order = GV_ORDER_LABELS; order <= GV_ORDER_KEPT; order++) {
        struct gv_result out;
        struct gv_err err = {0}, err2 = {0};
        assert_false(gv_unite(&arena, same, 1, order, &out, &err));
        assert_int_equal(err.code, GV_EXECUTION);
        assert_string_equal(err.msg, "cluster \"c1\": answered with the series {a=\"x\", cluster=\"c\"} twice");
        assert_false(gv_unite(&arena, both, 2, order, &out, &err2));
        assert_string_equal(err2.msg,
                            "clusters \"c1\" and \"c2\" both answered with the series {a=\"x\", cluster=\"c\"}");
    }
}

static struct gv_result *scalar(double v)
{
    struct gv_result *r = gv_arena_new(&arena, struct gv_result);
    r->type = GV_RESULT_SCALAR;
    r->scalar = v;
    gv_annotations_init(&r->notes, &arena);
    return r;
}

static void scalars_collapse_or_fail(void **state)
{
    (void)state;
    struct gv_part parts[] = {{scalar(2), GV_S("c1")}, {scalar(2), GV_S("c2")}, {scalar(3), GV_S("c3")}};
    struct gv_part nans[] = {{scalar(NAN), GV_S("c1")}, {scalar(NAN), GV_S("c2")}};
    struct gv_result out;
    struct gv_err err = {0};
    assert_true(gv_unite(&arena, parts, 2, GV_ORDER_LABELS, &out, &err));
    assert_true(out.scalar == 2);
    assert_true(gv_unite(&arena, nans, 2, GV_ORDER_LABELS, &out, &err));
    assert_false(gv_unite(&arena, parts, 3, GV_ORDER_LABELS, &out, &err));
    assert_int_equal(err.code, GV_EXECUTION);
    assert_string_equal(err.msg, "clusters \"c1\" and \"c3\" answered with different scalars");
}

static void different_types_fail(void **state)
{
    (void)state;
    struct gv_part parts[] = {{scalar(2), GV_S("c1")}, {vector(NULL, 0), GV_S("c2")}};
    struct gv_result out;
    struct gv_err err = {0};
    assert_false(gv_unite(&arena, parts, 2, GV_ORDER_LABELS, &out, &err));
    assert_int_equal(err.code, GV_EXECUTION);
}

static void nobody_gives_nothing(void **state)
{
    (void)state;
    struct gv_result out;
    struct gv_err err = {0};
    struct gv_part empty[] = {{vector(NULL, 0), GV_S("c1")}};
    assert_true(gv_unite(&arena, NULL, 0, GV_ORDER_LABELS, &out, &err));
    assert_int_equal(out.type, GV_RESULT_NONE);
    assert_true(gv_unite(&arena, empty, 1, GV_ORDER_LABELS, &out, &err));
    assert_int_equal(out.n, 0);
}

static void notes_of_all_parts_are_kept_once(void **state)
{
    (void)state;
    struct gv_part parts[] = {{scalar(1), GV_S("c1")}, {scalar(1), GV_S("c2")}};
    struct gv_result *second = (struct gv_result *)(uintptr_t)parts[1].result;
    struct gv_result *first = (struct gv_result *)(uintptr_t)parts[0].result;
    gv_warn(&first->notes, "same");
    gv_warn(&second->notes, "same");
    gv_info(&second->notes, "other");
    struct gv_result out;
    struct gv_err err = {0};
    assert_true(gv_unite(&arena, parts, 2, GV_ORDER_LABELS, &out, &err));
    assert_int_equal(out.notes.n_warnings, 1);
    assert_int_equal(out.notes.n_infos, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(series_are_ordered_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_series_twice_is_an_error_that_names_who_sent_it, setup, teardown),
        cmocka_unit_test_setup_teardown(scalars_collapse_or_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(different_types_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_gives_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(notes_of_all_parts_are_kept_once, setup, teardown),
    };
    return cmocka_run_group_tests_name("exec.unite", tests, NULL, NULL);
}
