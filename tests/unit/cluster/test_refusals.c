/* Refused constructs are kept for a while, for the version that refused them, and no more than have room. */
#include "cluster/record.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const int64_t minute = INT64_C(60000000000);
static struct gv_cluster_registry *registry;
static struct gv_clusters *set;
static struct gv_arena arena;

static int setup(void **state)
{
    (void)state;
    static const char *const endpoints[] = {"http://127.0.0.1:9"};
    static struct gv_cluster_config config;
    struct gv_err err = {0};
    config = gv_cluster_config_default;
    config.name = "c1";
    config.endpoints = (const char **)(uintptr_t)endpoints;
    config.n_endpoints = 1;
    gv_arena_init(&arena, NULL);
    registry = gv_cluster_registry_new();
    set = gv_clusters_new(registry, "cluster", &config, 1, &err);
    return set ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    gv_clusters_put(set);
    gv_cluster_registry_free(registry);
    gv_arena_fini(&arena);
    return 0;
}

static size_t known(int64_t now_ns)
{
    size_t n;
    (void)gv_cluster_refusals(&set->at[0], now_ns, &arena, &n);
    return n;
}

static void they_end_after_ten_minutes(void **state)
{
    (void)state;
    size_t n;
    assert_int_equal(known(0), 0);
    gv_cluster_refused(&set->at[0], 7, minute);
    gv_cluster_refused(&set->at[0], 8, 5 * minute);
    gv_cluster_refused(&set->at[0], 8, 6 * minute); /* again: it is one, and ends later */
    assert_int_equal(known(7 * minute), 2);
    const uint64_t *left = gv_cluster_refusals(&set->at[0], 12 * minute, &arena, &n);
    assert_int_equal(n, 1);
    assert_true(left[0] == 8);
    assert_int_equal(known(16 * minute), 0);
}

static void another_version_is_asked_anew(void **state)
{
    (void)state;
    gv_cluster_refused(&set->at[0], 7, minute);
    atomic_store(&set->at[0].record->replicas[0].version, (uint64_t)GV_KIND_PROMETHEUS << 48 | (uint64_t)3 << 32);
    assert_int_equal(known(2 * minute), 0);
    gv_cluster_refused(&set->at[0], 7, 2 * minute);
    assert_int_equal(known(3 * minute), 1);
}

static void the_oldest_makes_room(void **state)
{
    (void)state;
    size_t n, room = GV_COUNT(set->at[0].record->refusals);
    for (size_t i = 1; i <= room + 3; i++)
        gv_cluster_refused(&set->at[0], i, minute + (int64_t)i);
    const uint64_t *kept = gv_cluster_refusals(&set->at[0], 2 * minute, &arena, &n);
    assert_int_equal(n, room);
    for (size_t i = 0; i < n; i++)
        assert_true(kept[i] > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(they_end_after_ten_minutes, setup, teardown),
        cmocka_unit_test_setup_teardown(another_version_is_asked_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(the_oldest_makes_room, setup, teardown),
    };
    return cmocka_run_group_tests_name("cluster.refusals", tests, NULL, NULL);
}
