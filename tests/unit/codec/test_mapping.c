/* Injected labels: the renaming is a two-way mapping, whatever the backend's labels are called. */
#include "codec/mapping.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct gv_label two[] = {{GV_S("cluster"), GV_S("c1")}, {GV_S("region"), GV_S("eu")}};
static const struct gv_mapping both = {two, 2};

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

static void check(const struct gv_mapping *m, const char *backend, const char *global)
{
    struct gv_slice g = gv_mapping_to_global(m, &arena, gv_slice_of(backend));
    assert_int_equal(g.n, strlen(global));
    assert_memory_equal(g.p, global, g.n);
    struct gv_slice b = gv_mapping_to_backend(m, gv_slice_of(global));
    assert_int_equal(b.n, strlen(backend));
    assert_memory_equal(b.p, backend, b.n);
}

static void names_of_injected_labels_get_a_prefix(void **state)
{
    (void)state;
    check(&both, "cluster", "exported_cluster");
    check(&both, "exported_cluster", "exported_exported_cluster");
    check(&both, "exported_exported_region", "exported_exported_exported_region");
}

static void other_names_stay(void **state)
{
    (void)state;
    check(&both, "job", "job");
    check(&both, "exported_job", "exported_job");
    check(&both, "my_cluster", "my_cluster");
    check(&both, "exported_", "exported_");
    check(&both, "exported_my_cluster", "exported_my_cluster");
    check(&(struct gv_mapping){NULL, 0}, "cluster", "cluster");
}

static void backends_do_not_have_injected_labels(void **state)
{
    (void)state;
    assert_null(gv_mapping_to_backend(&both, GV_S("cluster")).p);
    assert_null(gv_mapping_to_backend(&both, GV_S("region")).p);
}

static void injected_names_of_one_family_leave_room(void **state)
{
    (void)state;
    static const struct gv_label family[] = {{GV_S("cluster"), GV_S("a")}, {GV_S("exported_cluster"), GV_S("b")}};
    const struct gv_mapping m = {family, 2};
    check(&m, "cluster", "exported_exported_cluster");
    check(&m, "exported_cluster", "exported_exported_exported_cluster");
    const struct gv_mapping upper = {family + 1, 1};
    check(&upper, "cluster", "cluster");
    check(&upper, "exported_cluster", "exported_exported_cluster");
}

static void label_sets_are_renamed_and_injected(void **state)
{
    (void)state;
    static const struct gv_label labels[] = {{GV_S("__name__"), GV_S("up")},
                                             {GV_S("cluster"), GV_S("x")},
                                             {GV_S("exported_cluster"), GV_S("y")},
                                             {GV_S("zone"), GV_S("1")}};
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, &arena, NULL);
    const struct gv_labels *l = gv_mapping_apply(&both, &b, &arena, gv_labels_make(&arena, labels, 4));
    struct gv_buf text = GV_BUF_INIT;
    gv_labels_print(&text, l);
    assert_string_equal(gv_buf_cstr(&text),
                        "up{cluster=\"c1\", exported_cluster=\"x\", exported_exported_cluster=\"y\", "
                        "region=\"eu\", zone=\"1\"}");
    gv_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_injected_labels_get_a_prefix),
        cmocka_unit_test(other_names_stay),
        cmocka_unit_test(backends_do_not_have_injected_labels),
        cmocka_unit_test(injected_names_of_one_family_leave_room),
        cmocka_unit_test(label_sets_are_renamed_and_injected),
    };
    return cmocka_run_group_tests_name("codec.mapping", tests, set_up, tear_down);
}
