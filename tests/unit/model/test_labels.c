/* Label sets: the blob, its hash, order, subsets, printing and the builder. */
#include "model/labels.h"
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

/* labels("a", "1", "b", "2", NULL), in any order */
static const struct gv_labels *labels(const char *name, ...)
{
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, &arena, NULL);
    va_list args;
    va_start(args, name);
    for (; name; name = va_arg(args, const char *))
        gv_labels_set(&b, gv_slice_of(name), gv_slice_of(va_arg(args, const char *)));
    va_end(args);
    return gv_labels_build(&b, &arena);
}

static const char *text_of(const struct gv_labels *l)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_labels_print(&b, l);
    const char *text = gv_arena_dup(&arena, gv_buf_slice(&b)).p;
    gv_buf_fini(&b);
    return text;
}

static void blob_is_length_prefixed_and_sorted(void **state)
{
    (void)state;
    const struct gv_labels *l = labels("b", "22", "a", "1", NULL);
    assert_int_equal(l->count, 2);
    assert_true(gv_slice_is(gv_labels_bytes(l), "\1a\0011\1b\00222"));
    assert_int_equal(l->hash, gv_hash(l->blob, l->size));
    assert_true(gv_slice_is(gv_labels_get(l, GV_S("b")), "22"));
    assert_null(gv_labels_get(l, GV_S("c")).p);
}

static void empty_set_is_the_empty_set(void **state)
{
    (void)state;
    const struct gv_labels *l = labels("a", "", NULL);
    assert_int_equal(l->count, 0);
    assert_true(gv_labels_eq(l, &gv_labels_empty));
    assert_string_equal(text_of(l), "{}");
}

static void long_values_keep_their_bytes(void **state)
{
    (void)state;
    static const size_t sizes[] = {253, 254, 255, 256, 65535, 65536, 300000};
    for (size_t i = 0; i < GV_COUNT(sizes); i++) {
        char *value = gv_arena_alloc(&arena, sizes[i]);
        memset(value, 'v', sizes[i]);
        struct gv_slice v = {value, sizes[i]};
        struct gv_label two[] = {{GV_S("a"), v}, {GV_S("b"), GV_S("end")}};
        const struct gv_labels *l = gv_labels_make(&arena, two, 2);
        assert_int_equal(l->size, 2 + (sizes[i] < 255 ? 1 : 4) + sizes[i] + 2 + 4);
        assert_true(gv_slice_eq(gv_labels_get(l, GV_S("a")), v));
        assert_true(gv_slice_is(gv_labels_get(l, GV_S("b")), "end"));
        assert_true(gv_labels_eq(l, gv_labels_of_bytes(&arena, gv_labels_bytes(l))));
    }
}

static void values_beyond_the_format_are_cut(void **state)
{
    (void)state;
    size_t n = GV_LABEL_MAX_BYTES + 10;
    char *value = gv_arena_zalloc(&arena, n);
    const struct gv_labels *l = gv_labels_make(&arena, &(struct gv_label){GV_S("a"), {value, n}}, 1);
    assert_int_equal(gv_labels_get(l, GV_S("a")).n, GV_LABEL_MAX_BYTES);
}

static void copies_are_equal_and_apart(void **state)
{
    (void)state;
    const struct gv_labels *l = labels("a", "1", "b", "2", NULL), *copy = gv_labels_dup(&arena, l);
    assert_ptr_not_equal(l, copy);
    assert_true(gv_labels_eq(l, copy));
    assert_int_equal(copy->count, 2);
    assert_false(gv_labels_eq(l, labels("a", "1", "b", "3", NULL)));
}

static void order_is_by_label(void **state)
{
    (void)state;
    const struct gv_labels *sorted[] = {
        labels(NULL),
        labels("a", "1", NULL),
        labels("a", "1", "b", "1", NULL),
        labels("a", "1", "b", "10", NULL),
        labels("a", "1", "b", "2", NULL),
        labels("a", "1", "ba", "1", NULL),
        labels("a", "2", NULL),
        labels("aa", "0", NULL),
        labels("b", "\xff", NULL),
    };
    for (size_t i = 0; i < GV_COUNT(sorted); i++)
        for (size_t j = 0; j < GV_COUNT(sorted); j++) {
            int c = gv_labels_cmp(sorted[i], sorted[j]);
            assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
        }
}

static void check_project(const struct gv_labels *l, bool keep, const char *names, const struct gv_labels *wanted)
{
    struct gv_slice list[8];
    size_t n = 0;
    for (const char *p = names; *p; p += strlen(p) + 1)
        list[n++] = gv_slice_of(p);
    struct gv_buf b = GV_BUF_INIT;
    gv_labels_project(&b, l, list, n, keep);
    assert_true(gv_labels_eq(gv_labels_of_bytes(&arena, gv_buf_slice(&b)), wanted));
    gv_buf_fini(&b);
}

static void subsets_are_kept_or_left_out(void **state)
{
    (void)state;
    const struct gv_labels *l = labels("__name__", "x", "a", "1", "b", "2", "c", "3", NULL);
    check_project(l, true, "a\0c\0", labels("a", "1", "c", "3", NULL));
    check_project(l, true, "", &gv_labels_empty);
    check_project(l, true, "__name__\0zz\0", labels("__name__", "x", NULL));
    check_project(l, true, "0\0aa\0b\0bb\0", labels("b", "2", NULL));
    check_project(l, false, "", labels("a", "1", "b", "2", "c", "3", NULL));
    check_project(l, false, "b\0nope\0", labels("a", "1", "c", "3", NULL));
    check_project(l, false, "__name__\0a\0b\0c\0", &gv_labels_empty);
}

static void check_prints(const struct gv_labels *l, const char *short_form, const char *set_form)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_labels_print_set(&b, l);
    assert_string_equal(text_of(l), short_form);
    assert_string_equal(gv_buf_cstr(&b), set_form);
    gv_buf_fini(&b);
}

static void prints_as_prometheus_does(void **state)
{
    (void)state;
    check_prints(&gv_labels_empty, "{}", "{}");
    check_prints(labels("__name__", "up", NULL), "up", "{__name__=\"up\"}");
    check_prints(labels("__name__", "up", "a", "1", "b", "x\"y", NULL), "up{a=\"1\", b=\"x\\\"y\"}",
                 "{__name__=\"up\", a=\"1\", b=\"x\\\"y\"}");
    check_prints(labels("a", "1", NULL), "{a=\"1\"}", "{a=\"1\"}");
    check_prints(labels("__name__", "a.b", NULL), "{\"a.b\"}", "{__name__=\"a.b\"}");
    check_prints(labels("__name__", "a.b", "l l", "1", NULL), "{\"a.b\", \"l l\"=\"1\"}",
                 "{__name__=\"a.b\", \"l l\"=\"1\"}");
    check_prints(labels("A", "1", "__name__", "up", "b", "2", NULL), "up{A=\"1\", b=\"2\"}",
                 "{A=\"1\", __name__=\"up\", b=\"2\"}");
}

static void builder_sets_replaces_and_deletes(void **state)
{
    (void)state;
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, &arena, labels("b", "2", "d", "4", NULL));
    gv_labels_set(&b, GV_S("c"), GV_S("3"));
    gv_labels_set(&b, GV_S("a"), GV_S("1"));
    gv_labels_set(&b, GV_S("e"), GV_S("5"));
    gv_labels_set(&b, GV_S("b"), GV_S("two"));
    gv_labels_del(&b, GV_S("d"));
    gv_labels_del(&b, GV_S("nope"));
    gv_labels_set(&b, GV_S("e"), GV_S(""));
    assert_true(gv_slice_is(gv_labels_builder_get(&b, GV_S("b")), "two"));
    assert_null(gv_labels_builder_get(&b, GV_S("d")).p);
    assert_string_equal(text_of(gv_labels_build(&b, &arena)), "{a=\"1\", b=\"two\", c=\"3\"}");
    gv_labels_builder_reset(&b, NULL);
    assert_true(gv_labels_eq(gv_labels_build(&b, &arena), &gv_labels_empty));
}

static void builder_holds_many_labels_in_any_order(void **state)
{
    (void)state;
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, &arena, NULL);
    for (unsigned i = 0; i < 500; i++) {
        struct gv_slice name = gv_slice_of(gv_arena_printf(&arena, "l%03u", i * 211 % 500));
        gv_labels_set(&b, name, name);
    }
    const struct gv_labels *l = gv_labels_build(&b, &arena);
    assert_int_equal(l->count, 500);
    struct gv_labels_iter it = gv_labels_iter(l);
    struct gv_label label;
    for (unsigned i = 0; i < 500; i++) {
        assert_true(gv_labels_next(&it, &label));
        assert_true(gv_slice_is(label.name, gv_arena_printf(&arena, "l%03u", i)));
        assert_true(gv_slice_eq(label.name, label.value));
    }
    assert_false(gv_labels_next(&it, &label));
}

static void legacy_names_are_told_apart(void **state)
{
    (void)state;
    assert_true(gv_label_name_is_legacy(GV_S("_a9")));
    assert_false(gv_label_name_is_legacy(GV_S("9a")));
    assert_false(gv_label_name_is_legacy(GV_S("a:b")));
    assert_false(gv_label_name_is_legacy(GV_S("")));
    assert_false(gv_label_name_is_legacy(GV_S("\xc3\xa9")));
    assert_true(gv_metric_name_is_legacy(GV_S(":a:b9")));
    assert_false(gv_metric_name_is_legacy(GV_S("a.b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blob_is_length_prefixed_and_sorted), cmocka_unit_test(empty_set_is_the_empty_set),
        cmocka_unit_test(long_values_keep_their_bytes),       cmocka_unit_test(values_beyond_the_format_are_cut),
        cmocka_unit_test(copies_are_equal_and_apart),         cmocka_unit_test(order_is_by_label),
        cmocka_unit_test(subsets_are_kept_or_left_out),       cmocka_unit_test(prints_as_prometheus_does),
        cmocka_unit_test(builder_sets_replaces_and_deletes),  cmocka_unit_test(builder_holds_many_labels_in_any_order),
        cmocka_unit_test(legacy_names_are_told_apart),
    };
    return cmocka_run_group_tests_name("model.labels", tests, set_up, tear_down);
}
