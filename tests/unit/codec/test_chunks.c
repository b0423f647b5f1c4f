/* A column of chunks becomes raw samples: in range, by time, overlaps merged, damage refused. */
#include "codec/chunks.h"
#include "codec/chunk_histogram.h"
#include "codec/chunk_xor.h"
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

static struct gv_chunk chunk_of(struct gv_slice bytes, int64_t min, int64_t max, enum gv_chunk_encoding encoding)
{
    struct gv_slice copy = gv_arena_dup(&arena, bytes);
    return (struct gv_chunk){min, max, (const uint8_t *)copy.p, (uint32_t)copy.n, (uint8_t)encoding};
}

/* Samples at from, from+step, ..., each of value `value`. */
static struct gv_chunk floats(int64_t from, int64_t step, int n, double value)
{
    struct gv_xor_encoder e;
    gv_xor_encoder_init(&e);
    for (int i = 0; i < n; i++)
        assert_true(gv_xor_encoder_append(&e, from + i * step, value));
    struct gv_chunk c = chunk_of(gv_buf_slice(&e.bytes), from, from + (n - 1) * step, GV_CHUNK_XOR);
    gv_xor_encoder_fini(&e);
    return c;
}

static struct gv_chunk histograms(int64_t from, int64_t step, int n)
{
    struct gv_histogram_encoder *e = gv_histogram_encoder_new(GV_CHUNK_HISTOGRAM, GV_CHUNK_RESET_UNKNOWN);
    for (int i = 0; i < n; i++) {
        struct gv_histogram h = {.count = i, .zero_count = i, .sum = i};
        assert_int_equal(gv_histogram_encoder_append(e, from + i * step, &h), GV_CHUNK_APPENDED);
    }
    struct gv_chunk c = chunk_of(gv_histogram_encoder_bytes(e), from, from + (n - 1) * step, GV_CHUNK_HISTOGRAM);
    gv_histogram_encoder_free(e);
    return c;
}

static void chunks_come_one_behind_the_other(void **state)
{
    (void)state;
    struct gv_chunk c[] = {floats(0, 10, 5, 1), floats(50, 10, 5, 2), floats(100, 10, 5, 3)};
    struct gv_chunks_column column = {c, 3};
    struct gv_raw_column raw;
    struct gv_err err = {0};
    assert_true(gv_chunks_to_raw(&arena, &column, INT64_MIN, INT64_MAX, &raw, &err));
    assert_int_equal(raw.n, 15);
    assert_null(raw.histograms);
    for (uint32_t i = 0; i < 15; i++)
        assert_true(raw.times[i] == i * 10 && raw.values[i] == 1 + i / 5);
}

static void ranges_are_inclusive(void **state)
{
    (void)state;
    struct gv_chunk c[] = {floats(0, 10, 5, 1), floats(50, 10, 5, 2)};
    struct gv_chunks_column column = {c, 2};
    struct gv_err err = {0};
    static const struct {
        int64_t min, max;
        uint32_t n;
        int64_t first;
    } cases[] = {{0, 90, 10, 0}, {1, 89, 8, 10}, {40, 50, 2, 40}, {41, 49, 0, 0},
                 {-9, -1, 0, 0}, {91, 99, 0, 0}, {90, 90, 1, 90}, {60, 20, 0, 0}};
    for (size_t i = 0; i < GV_COUNT(cases); i++) {
        struct gv_raw_column raw;
        assert_true(gv_chunks_to_raw(&arena, &column, cases[i].min, cases[i].max, &raw, &err));
        assert_int_equal(raw.n, cases[i].n);
        if (raw.n)
            assert_int_equal(raw.times[0], cases[i].first);
    }
}

static void overlaps_are_merged(void **state)
{
    (void)state;
    struct gv_chunk c[] = {floats(0, 10, 10, 1), floats(5, 15, 8, 2), floats(20, 10, 3, 3)};
    struct gv_chunks_column column = {c, 3};
    struct gv_raw_column raw;
    struct gv_err err = {0};
    assert_true(gv_chunks_to_raw(&arena, &column, INT64_MIN, INT64_MAX, &raw, &err));
    static const int64_t times[] = {0, 5, 10, 20, 30, 35, 40, 50, 60, 65, 70, 80, 90, 95, 110};
    assert_int_equal(raw.n, GV_COUNT(times));
    for (uint32_t i = 0; i < raw.n; i++) {
        assert_int_equal(raw.times[i], times[i]);
        assert_true(raw.values[i] == (times[i] % 10 || times[i] > 90 ? 2 : 1));
    }
}

static void floats_and_histograms_mix(void **state)
{
    (void)state;
    struct gv_chunk c[] = {floats(0, 10, 2, 7), histograms(20, 10, 3), floats(50, 10, 1, 8)};
    struct gv_chunks_column column = {c, 3};
    struct gv_raw_column raw;
    struct gv_err err = {0};
    assert_true(gv_chunks_to_raw(&arena, &column, 10, INT64_MAX, &raw, &err));
    assert_int_equal(raw.n, 5);
    assert_null(raw.histograms[0]);
    assert_true(raw.values[0] == 7 && raw.values[4] == 8);
    assert_true(raw.histograms[1]->count == 0 && raw.histograms[3]->count == 2);
    assert_null(raw.histograms[4]);
}

static struct gv_chunk counts(const int64_t *times, const double *counts, int n)
{
    struct gv_histogram_encoder *e = gv_histogram_encoder_new(GV_CHUNK_HISTOGRAM, GV_CHUNK_RESET_UNKNOWN);
    for (int i = 0; i < n; i++) {
        struct gv_histogram h = {.count = counts[i], .zero_count = counts[i], .sum = counts[i]};
        assert_int_equal(gv_histogram_encoder_append(e, times[i], &h), GV_CHUNK_APPENDED);
    }
    struct gv_chunk c = chunk_of(gv_histogram_encoder_bytes(e), times[0], times[n - 1], GV_CHUNK_HISTOGRAM);
    gv_histogram_encoder_free(e);
    return c;
}

/* 100, 150 (late), 120, 130: within its chunk 120 is no reset, behind the late one it is. */
static void what_is_known_of_resets_holds_within_a_chunk(void **state)
{
    (void)state;
    struct gv_chunk c[] = {counts((int64_t[]){0, 20, 30}, (double[]){100, 120, 130}, 3),
                           counts((int64_t[]){10, 30}, (double[]){150, 160}, 2)};
    struct gv_chunks_column column = {c, 2};
    struct gv_raw_column raw;
    struct gv_err err = {0};
    assert_true(gv_chunks_to_raw(&arena, &column, INT64_MIN, INT64_MAX, &raw, &err));
    assert_int_equal(raw.n, 4);
    assert_int_equal(raw.histograms[1]->reset_hint, GV_RESET_UNKNOWN);
    assert_int_equal(raw.histograms[2]->reset_hint, GV_RESET_UNKNOWN);
    assert_int_equal(raw.histograms[3]->reset_hint, GV_RESET_NO);
    assert_true(gv_histogram_is_reset(&arena, raw.histograms[2], raw.histograms[1]));
    assert_false(gv_histogram_is_reset(&arena, raw.histograms[3], raw.histograms[2]));
}

static void damage_is_refused(void **state)
{
    (void)state;
    struct gv_chunk good = floats(0, 10, 100, 1), unknown = good, cut = good, empty = good;
    static const uint8_t liar[] = {0xff, 0xff, 0};
    unknown.encoding = 9;
    cut.size = 12;
    empty.size = 0;
    struct gv_chunk lying = {0, 1000, liar, sizeof liar, GV_CHUNK_XOR};
    const struct gv_chunk bad[] = {unknown, cut, empty, lying};
    for (size_t i = 0; i < GV_COUNT(bad); i++) {
        struct gv_chunk c[] = {good, bad[i]};
        struct gv_chunks_column column = {c, 2};
        struct gv_raw_column raw;
        struct gv_err err = {0};
        assert_false(gv_chunks_to_raw(&arena, &column, 0, 1000, &raw, &err));
        assert_int_equal(err.code, GV_INTERNAL);
    }
}

static void the_budget_holds(void **state)
{
    (void)state;
    struct gv_budget budget;
    gv_budget_init(&budget, "max_query_memory", 5000, GV_EXECUTION, NULL);
    struct gv_arena a;
    gv_arena_init(&a, &budget);
    struct gv_chunk c = floats(0, 10, 1000, 1);
    struct gv_chunks_column column = {&c, 1};
    struct gv_raw_column raw;
    struct gv_err err = {0};
    assert_false(gv_chunks_to_raw(&a, &column, 0, 1000, &raw, &err));
    assert_int_equal(err.code, GV_EXECUTION);
    gv_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_come_one_behind_the_other),
        cmocka_unit_test(ranges_are_inclusive),
        cmocka_unit_test(overlaps_are_merged),
        cmocka_unit_test(floats_and_histograms_mix),
        cmocka_unit_test(what_is_known_of_resets_holds_within_a_chunk),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(the_budget_holds),
    };
    return cmocka_run_group_tests_name("codec.chunks", tests, set_up, tear_down);
}
