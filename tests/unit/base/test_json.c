/* JSON trees in an arena: what they say, what they cost, and that nothing of them is left. */
#include "base/buf.h"
#include "base/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void trees_are_read_and_end_with_the_arena(void **state)
{
    (void)state;
    struct gv_arena a;
    struct gv_budget b;
    gv_budget_init(&b, "max_query_memory", 0, GV_EXECUTION, NULL);
    gv_arena_init(&a, &b);
    json_t *root = gv_json_parse(&a, GV_S("{\"list\":[1,2.5,\"a\\u0000b\",null],\"o\":{\"k\":true}}"), NULL);
    assert_non_null(root);
    json_t *list = json_object_get(root, "list");
    assert_int_equal(json_array_size(list), 4);
    assert_int_equal(json_string_length(json_array_get(list, 2)), 3);
    json_t *copy = json_copy(root); /* borrows the values */
    assert_int_equal(json_object_del(copy, "list"), 0);
    json_decref(copy);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(root, "list"), 0)), 1);
    assert_true(b.used > 0);
    gv_arena_fini(&a);
    assert_int_equal(b.used, 0);
}

static void what_is_no_json_is_said(void **state)
{
    (void)state;
    const char *const bad[] = {"", "{", "[1,]", "{\"a\":1}x", "\"\\x\""};
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    for (size_t i = 0; i < GV_COUNT(bad); i++) {
        struct gv_err err = {0};
        assert_null(gv_json_parse(&a, gv_slice_of(bad[i]), &err));
        assert_int_equal(err.code, GV_BAD_DATA);
        assert_memory_equal(err.msg, "no JSON: byte ", 14);
    }
    gv_arena_fini(&a);
}

/* Every element of `[[],[],...]` costs 40 times its 3 bytes: the budget ends it, and only the tree. */
static void a_tree_beyond_the_budget_fails(void **state)
{
    (void)state;
    struct gv_arena a;
    struct gv_budget b;
    struct gv_buf text = GV_BUF_INIT;
    struct gv_err err = {0};
    gv_budget_init(&b, "max_query_memory", 1 << 20, GV_EXECUTION, NULL);
    gv_arena_init(&a, &b);
    gv_buf_addc(&text, '[');
    for (int i = 0; i < 100000; i++)
        gv_buf_adds(&text, i ? ",[]" : "[]");
    gv_buf_addc(&text, ']');
    assert_null(gv_json_parse(&a, gv_buf_slice(&text), &err));
    assert_int_equal(err.code, GV_EXECUTION);
    assert_non_null(strstr(err.msg, "max_query_memory"));
    assert_true(b.peak <= 1 << 20);
    gv_arena_fini(&a);
    assert_int_equal(b.used, 0);
    gv_buf_fini(&text);
    json_t *own = json_pack("{s:i}", "after", 1); /* malloc's again */
    assert_int_equal(json_integer_value(json_object_get(own, "after")), 1);
    json_decref(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees_are_read_and_end_with_the_arena),
        cmocka_unit_test(what_is_no_json_is_said),
        cmocka_unit_test(a_tree_beyond_the_budget_fails),
    };
    return cmocka_run_group_tests_name("base.json", tests, NULL, NULL);
}
