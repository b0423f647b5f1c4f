/* What a query is told of the store before it asks it. */
#include "query/local_ask.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void put(struct gv_store *s, struct gv_arena *a, const char *cluster, int64_t time)
{
    const struct gv_label l[] = {{GV_LABEL_NAME, GV_S("up")}, {GV_S("cluster"), gv_slice_of(cluster)}};
    struct gv_store_sample sample = {.time = time, .value = 1};
    struct gv_err err = {0};
    uint8_t verdict;
    struct gv_store_batch b = {.samples = &sample, .n = 1, .verdicts = &verdict};
    assert_true(gv_store_series(s, gv_labels_make(a, l, 2), &sample.series, &err));
    assert_true(gv_store_append(s, &b, NULL, &err));
}

/* Some of them would be worse than none: the planner would take the others for clusters that are not there. */
static void clusters_are_all_known_or_not_known(void **state)
{
    (void)state;
    char folder[] = "/tmp/globalview-local-XXXXXX", command[128];
    struct gv_err err = {0};
    struct gv_store_options o = {.path = mkdtemp(folder), .block_range = 1000};
    struct gv_store *s = gv_store_open(&o, &err);
    struct gv_budget spent;
    struct gv_arena a, poor;
    struct gv_local l;
    size_t n = 7;
    assert_non_null(s);
    gv_arena_init(&a, NULL);
    gv_local_init(&l, s);
    assert_null(gv_local_clusters(&l, &a, GV_S("cluster"), &n));
    assert_int_equal(n, 0);
    for (int64_t time = 0; time < 10000; time += 100)
        put(s, &a, time < 5000 ? "c1" : "c2", time);
    for (bool did = true; did;) /* c1 is in blocks alone then */
        assert_true(gv_store_maintain(s, &did, &err));
    assert_non_null(gv_local_clusters(&l, &a, GV_S("cluster"), &n));
    assert_int_equal(n, 2);
    for (int64_t limit = 1; limit < 32768; limit += 512) {
        gv_budget_init(&spent, "max_query_memory", limit, GV_EXECUTION, NULL);
        gv_arena_init(&poor, &spent);
        const struct gv_slice *known = gv_local_clusters(&l, &poor, GV_S("cluster"), &n);
        assert_true(known ? n == 2 : n == 0);
        gv_arena_fini(&poor);
    }
    gv_arena_fini(&a);
    assert_true(gv_store_close(s, &err));
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

/* Beside the series the text of the answer counts. */
static void documents_are_under_the_budget(void **state)
{
    enum { MANY = 5000, ENOUGH_FOR_SERIES = 12 << 20 }; /* bytes; the text has 15 million */
    char ones[501] = "";                                /* control characters take six times as many bytes in JSON */
    (void)state;
    memset(ones, 1, sizeof ones - 1);
    char folder[] = "/tmp/globalview-local-XXXXXX", command[128];
    struct gv_err err = {0};
    struct gv_store_options o = {.path = mkdtemp(folder)};
    struct gv_store *s = gv_store_open(&o, &err);
    struct gv_arena a;
    assert_non_null(s);
    gv_arena_init(&a, NULL);
    for (int i = 0; i < MANY; i++)
        put(s, &a, gv_arena_printf(&a, "%s%d", ones, i), 1);
    for (int limited = 0; limited < 2; limited++) {
        struct gv_budget budget;
        struct gv_arena own;
        struct gv_buf body = GV_BUF_INIT;
        struct gv_err why = {0};
        gv_budget_init(&budget, "max_query_memory", limited ? ENOUGH_FOR_SERIES : 0, GV_EXECUTION, NULL);
        gv_arena_init(&own, &budget);
        struct local_view v = {.store = s, .view = gv_store_view_get(s), .arena = &own};
        const struct gv_ask_part part = {.method = "GET", .path = "/api/v1/series"};
        assert_int_equal(local_document(&part, &v, &body, &why), !limited);
        assert_int_equal(why.code, limited ? GV_EXECUTION : GV_OK);
        gv_store_view_put(v.view);
        gv_arena_fini(&own);
        gv_buf_fini(&body);
    }
    gv_arena_fini(&a);
    assert_true(gv_store_close(s, &err));
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(clusters_are_all_known_or_not_known),
                                       cmocka_unit_test(documents_are_under_the_budget)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
