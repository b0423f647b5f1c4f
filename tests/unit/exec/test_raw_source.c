/* A source over raw series of several clusters and replicas: it gives what a source over plain samples gives. */
#include "exec/raw_source.h"
#include "codec/chunk_xor.h"
#include "promql/eval.h"
#include "promql/memory_source.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { PER_CHUNK = 120 };

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

/* ---- Series ---- */

static const struct gv_labels *labels(const char *name, const char *cluster, int instance)
{
    const struct gv_label all[] = {{GV_LABEL_NAME, gv_slice_of(name)},
                                   {GV_S("cluster"), gv_slice_of(cluster)},
                                   {GV_S("instance"), gv_slice_of(gv_arena_printf(&arena, "%d", instance))}};
    return gv_labels_make(&arena, all, 3);
}

/* n samples, every 15 s from start on, that no other series has. */
static struct gv_raw_column samples(int64_t start, uint32_t n, double first)
{
    int64_t *times = gv_arena_array(&arena, int64_t, n);
    double *values = gv_arena_array(&arena, double, n);
    for (uint32_t i = 0; i < n; i++) {
        times[i] = start + 15000 * (int64_t)i;
        values[i] = first + i * 1.5;
    }
    return (struct gv_raw_column){.times = times, .values = values, .n = n};
}

static struct gv_chunk encode(const struct gv_raw_column *c, uint32_t from, uint32_t to)
{
    struct gv_xor_encoder e;
    gv_xor_encoder_init(&e);
    for (uint32_t i = from; i < to; i++)
        assert_true(gv_xor_encoder_append(&e, c->times[i], c->values[i]));
    struct gv_slice data = gv_arena_dup(&arena, gv_buf_slice(&e.bytes));
    gv_xor_encoder_fini(&e);
    return (struct gv_chunk){c->times[from], c->times[to - 1], (const uint8_t *)data.p, (uint32_t)data.n, GV_CHUNK_XOR};
}

static struct gv_series raw(const struct gv_labels *l, struct gv_raw_column c)
{
    return (struct gv_series){l, {.kind = GV_COLUMN_RAW, .raw = c}};
}

static struct gv_series chunks(const struct gv_labels *l, struct gv_raw_column c)
{
    struct gv_chunk *all = gv_arena_array(&arena, struct gv_chunk, c.n / PER_CHUNK + 1);
    uint32_t n = 0;
    for (uint32_t from = 0; from < c.n; from += PER_CHUNK)
        all[n++] = encode(&c, from, from + PER_CHUNK < c.n ? from + PER_CHUNK : c.n);
    return (struct gv_series){l, {.kind = GV_COLUMN_CHUNKS, .chunks = {all, n}}};
}

static struct gv_raw_source make(const struct gv_raw_part *parts, size_t n)
{
    struct gv_raw_source r;
    struct gv_err err = {0};
    if (!gv_raw_source_init(&r, &arena, parts, n, &err))
        fail_msg("%s", err.msg);
    return r;
}

/* All series that are selected, partition by partition, as text. */
static void select_text(struct gv_raw_source *r, const struct gv_select *what, size_t max, struct gv_buf *out)
{
    struct gv_cursor *cursors[16];
    size_t n;
    struct gv_err err = {0};
    assert_true(r->source.ops->select(&r->source, &arena, what, cursors, max, &n, &err));
    assert_in_range(n, 1, max);
    for (size_t i = 0; i < n; i++) {
        struct gv_series s;
        for (int more; (more = cursors[i]->ops->next(cursors[i], &arena, &s, &err));) {
            assert_int_equal(more, 1);
            assert_int_equal(s.column.kind, GV_COLUMN_RAW);
            gv_labels_print(out, s.labels);
            for (uint32_t k = 0; k < s.column.raw.n; k++)
                gv_buf_printf(out, " %lld=%g", (long long)s.column.raw.times[k], s.column.raw.values[k]);
            gv_buf_addc(out, '\n');
        }
        cursors[i]->ops->close(cursors[i]);
    }
}

static void check(const struct gv_raw_part *parts, size_t n, struct gv_select what, const char *expected)
{
    struct gv_raw_source r = make(parts, n);
    for (size_t max = 1; max <= 4; max++) {
        struct gv_buf out = GV_BUF_INIT;
        select_text(&r, &what, max, &out);
        assert_string_equal(gv_buf_cstr(&out), expected);
        gv_buf_fini(&out);
    }
}

static const struct gv_select all = {.min_time = INT64_MIN, .max_time = INT64_MAX};

/* ---- Tests ---- */

static void series_of_all_parts_come_in_label_order(void **state)
{
    (void)state;
    const struct gv_series c1[] = {raw(labels("b", "c1", 2), samples(0, 1, 1)),
                                   raw(labels("a", "c1", 1), samples(0, 1, 2))};
    const struct gv_series c2[] = {raw(labels("a", "c2", 1), samples(0, 1, 3)),
                                   raw(labels("b", "c2", 1), samples(0, 1, 4))};
    const struct gv_series c3[] = {raw(labels("a", "c0", 7), samples(0, 1, 5))};
    const struct gv_raw_part parts[] = {
        {GV_S("c1"), 0, c1, 2}, {GV_S("c2"), 0, c2, 2}, {GV_S("c3"), 0, c3, 1}, {GV_S("c4"), 0, NULL, 0}};
    check(parts, 4, all,
          "a{cluster=\"c0\", instance=\"7\"} 0=5\n"
          "a{cluster=\"c1\", instance=\"1\"} 0=2\n"
          "a{cluster=\"c2\", instance=\"1\"} 0=3\n"
          "b{cluster=\"c1\", instance=\"2\"} 0=1\n"
          "b{cluster=\"c2\", instance=\"1\"} 0=4\n");
    check(parts, 0, all, "");
}

static void matchers_and_times_choose(void **state)
{
    (void)state;
    const struct gv_series c1[] = {chunks(labels("a", "c1", 1), samples(0, 300, 0)),
                                   raw(labels("b", "c1", 1), samples(0, 300, 0))};
    const struct gv_raw_part part = {GV_S("c1"), 0, c1, 2};
    struct gv_matcher m;
    struct gv_err err = {0};
    assert_true(gv_matcher_make(&m, &arena, GV_MATCH_EQ, GV_LABEL_NAME, GV_S("a"), &err));
    struct gv_select what = {.matchers = &m, .n_matchers = 1, .min_time = 15000 * 119, .max_time = 15000 * 121 - 1};
    check(&part, 1, what, "a{cluster=\"c1\", instance=\"1\"} 1785000=178.5 1800000=180\n");
    what.n_matchers = 0;
    what.min_time = what.max_time = 15000 * 7;
    check(&part, 1, what,
          "a{cluster=\"c1\", instance=\"1\"} 105000=10.5\nb{cluster=\"c1\", instance=\"1\"} 105000=10.5\n");
}

static void what_two_requests_brought_is_there_once(void **state)
{
    (void)state;
    struct gv_raw_column c = samples(0, 5, 0);
    struct gv_chunk early = encode(&c, 0, 3), late = encode(&c, 1, 5);
    const struct gv_labels *l = labels("a", "c1", 1);
    const struct gv_series one = {l, {.kind = GV_COLUMN_CHUNKS, .chunks = {&late, 1}}};
    const struct gv_series two = {l, {.kind = GV_COLUMN_CHUNKS, .chunks = {&early, 1}}};
    const struct gv_raw_part parts[] = {{GV_S("c1"), 0, &one, 1}, {GV_S("c1"), 0, &two, 1}};
    check(parts, 2, all, "a{cluster=\"c1\", instance=\"1\"} 0=0 15000=1.5 30000=3 45000=4.5 60000=6\n");
}

static void replicas_are_merged(void **state)
{
    (void)state;
    const struct gv_labels *l = labels("a", "c1", 1);
    struct gv_series a[] = {raw(l, samples(0, 3, 0)), raw(l, samples(150000, 3, 15))};
    struct gv_series b = chunks(l, samples(7000, 12, .7));
    const struct gv_raw_part parts[] = {{GV_S("c1"), 0, &a[0], 1}, {GV_S("c1"), 1, &b, 1}, {GV_S("c1"), 0, &a[1], 1}};
    check(parts, 3, all,
          "a{cluster=\"c1\", instance=\"1\"} 7000=0.7 22000=2.2 37000=3.7 52000=5.2 67000=6.7 82000=8.2 97000=9.7 "
          "112000=11.2 127000=12.7 142000=14.2 157000=15.7 172000=17.2\n");
    b.column = raw(l, samples(7000, 4, .7)).column;
    check(parts, 3, all,
          "a{cluster=\"c1\", instance=\"1\"} 0=0 15000=1.5 30000=3 52000=5.2 150000=15 165000=16.5 180000=18\n");
}

static void one_series_of_two_clusters_is_an_error(void **state)
{
    (void)state;
    const struct gv_series s = raw(labels("a", "c1", 1), samples(0, 1, 0));
    const struct gv_raw_part parts[] = {{GV_S("c1"), 0, &s, 1}, {GV_S("c2"), 0, &s, 1}};
    struct gv_raw_source r;
    struct gv_err err = {0};
    assert_false(gv_raw_source_init(&r, &arena, parts, 2, &err));
    assert_int_equal(err.code, GV_EXECUTION);
    assert_string_equal(err.msg,
                        "clusters \"c1\" and \"c2\" both answered with the series a{cluster=\"c1\", instance=\"1\"}");
}

static void a_damaged_chunk_names_its_cluster(void **state)
{
    (void)state;
    struct gv_series s = chunks(labels("a", "c1", 1), samples(0, 3, 0));
    ((struct gv_chunk *)(uintptr_t)s.column.chunks.chunks)->size -= 4;
    const struct gv_raw_part part = {GV_S("c1"), 0, &s, 1};
    struct gv_raw_source r = make(&part, 1);
    struct gv_cursor *cursor;
    size_t n;
    struct gv_err err = {0};
    struct gv_series got;
    assert_true(r.source.ops->select(&r.source, &arena, &all, &cursor, 1, &n, &err));
    assert_int_equal(cursor->ops->next(cursor, &arena, &got, &err), -1);
    assert_int_equal(err.code, GV_INTERNAL);
    static const char start[] = "cluster \"c1\": series a{cluster=\"c1\", instance=\"1\"}: ";
    assert_memory_equal(err.msg, start, sizeof start - 1);
}

static void partitions_share_the_weight(void **state)
{
    (void)state;
    struct gv_series s[9];
    for (int i = 0; i < 9; i++)
        s[i] = raw(labels("a", "c1", i), samples(0, i == 0 ? 900 : 100, 0));
    const struct gv_raw_part part = {GV_S("c1"), 0, s, 9};
    struct gv_raw_source r = make(&part, 1);
    struct gv_cursor *cursors[3];
    size_t n, lengths[3] = {0};
    struct gv_err err = {0};
    assert_true(r.source.ops->select(&r.source, &arena, &all, cursors, 3, &n, &err));
    assert_int_equal(n, 3);
    struct gv_series got;
    for (size_t i = 0; i < n; i++)
        while (cursors[i]->ops->next(cursors[i], &arena, &got, &err) == 1)
            lengths[i]++;
    assert_int_equal(lengths[0], 1);
    assert_int_equal(lengths[0] + lengths[1] + lengths[2], 9);
    assert_in_range(lengths[1], 2, 6);
}

/* ---- Under the evaluator ---- */

static void evaluate(struct gv_source *source, const char *query, struct gv_buf *out)
{
    struct gv_err err = {0};
    struct gv_result result;
    struct gv_eval_stats stats = {0};
    struct gv_expr *e = gv_promql_parse(&arena, gv_slice_of(query), 0, &err);
    if (!e)
        fail_msg("%s", err.msg);
    const struct gv_eval_options o = {.text = gv_slice_of(query),
                                      .start = 600000,
                                      .end = 4000000,
                                      .step = 60000,
                                      .lookback = 300000,
                                      .source = source};
    if (!gv_promql_eval(&arena, e, &o, &result, &stats, &err))
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < result.n; i++) {
        gv_labels_print(out, result.series[i].labels);
        for (uint32_t k = 0; k < result.grid.n; k++)
            if (gv_bit(result.series[i].column.steps.present, k))
                gv_buf_printf(out, " %.17g", result.series[i].column.steps.values[k]);
        gv_buf_addc(out, '\n');
    }
}

static void queries_answer_as_from_plain_samples(void **state)
{
    (void)state;
    struct gv_memory_source plain;
    gv_memory_source_init(&plain, &arena);
    struct gv_series s[2][8];
    struct gv_raw_part parts[2] = {{GV_S("c1"), 0, s[0], 8}, {GV_S("c2"), 0, s[1], 8}};
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < 8; i++) {
            const struct gv_labels *l = labels(i < 4 ? "a" : "b", c ? "c2" : "c1", i % 4);
            struct gv_raw_column column = samples(i * 1000, 300, i * 100);
            s[c][i] = i % 2 ? chunks(l, column) : raw(l, column);
            gv_memory_source_add(&plain, l, &(struct gv_column){.kind = GV_COLUMN_RAW, .raw = column});
        }
    gv_memory_source_seal(&plain);
    struct gv_raw_source r = make(parts, 2);
    static const char *const queries[] = {"a", "sum by (cluster) (rate(b[5m]))", "a / on (cluster, instance) b",
                                          "max_over_time(a{instance=\"1\"}[10m])", "topk(3, {cluster=\"c2\"})"};
    for (size_t i = 0; i < GV_COUNT(queries); i++) {
        struct gv_buf expected = GV_BUF_INIT, got = GV_BUF_INIT;
        evaluate(&plain.source, queries[i], &expected);
        evaluate(&r.source, queries[i], &got);
        assert_true(expected.n > 100);
        assert_string_equal(gv_buf_cstr(&got), gv_buf_cstr(&expected));
        gv_buf_fini(&expected);
        gv_buf_fini(&got);
    }
}

static void the_list_of_all_series_is_for_feeds(void **state)
{
    (void)state;
    const struct gv_labels *l = labels("a", "c1", 1);
    const struct gv_series one[] = {chunks(labels("b", "c1", 1), samples(0, 3, 0)), raw(l, samples(0, 3, 0))};
    const struct gv_series two = chunks(l, samples(0, 5, 0));
    const struct gv_raw_part parts[] = {{GV_S("c1"), 0, one, 2}, {GV_S("c1"), 0, &two, 1}};
    struct gv_raw_source r = make(parts, 2);
    struct gv_series *series;
    size_t n;
    struct gv_err err = {0};
    assert_true(gv_raw_source_series(&r, &arena, &series, &n, &err));
    assert_int_equal(n, 2);
    assert_ptr_equal(series[0].labels, l);
    assert_int_equal(series[0].column.kind, GV_COLUMN_MADE);
    struct gv_raw_column made;
    for (int twice = 0; twice < 2; twice++) {
        assert_true(series[0].column.made->make(series[0].column.made, &arena, &made, &err));
        assert_int_equal(made.n, 5);
    }
    assert_int_equal(series[1].column.kind, GV_COLUMN_CHUNKS);
    assert_ptr_equal(series[1].column.chunks.chunks, one[0].column.chunks.chunks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_of_all_parts_come_in_label_order),
        cmocka_unit_test(matchers_and_times_choose),
        cmocka_unit_test(what_two_requests_brought_is_there_once),
        cmocka_unit_test(replicas_are_merged),
        cmocka_unit_test(one_series_of_two_clusters_is_an_error),
        cmocka_unit_test(a_damaged_chunk_names_its_cluster),
        cmocka_unit_test(partitions_share_the_weight),
        cmocka_unit_test(queries_answer_as_from_plain_samples),
        cmocka_unit_test(the_list_of_all_series_is_for_feeds),
    };
    return cmocka_run_group_tests_name("exec.raw_source", tests, set_up, tear_down);
}
