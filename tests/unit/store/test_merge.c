/* Several readers as one source, against the same samples put together by hand: random series over random readers, with
 * overlaps, deletions, time ranges and partitions. What readers give lives in the scratch arena, so that whoever keeps
 * it too long is caught by the sanitizers. */
#include "codec/chunk_xor.h"
#include "codec/chunks.h"
#include "store/reader.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { SERIES = 40, READERS = 4, TIMES = 100, ROUNDS = 200, PER_CHUNK = 7 };

static uint32_t seed;
static uint32_t below(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

/* ---- A reader over samples in an array: has[series][time] ---- */

struct fake {
    struct store_reader reader;
    bool has[SERIES][TIMES], deleted[SERIES][TIMES];
};

static struct gv_arena arena;
static const struct gv_labels *labels_of[SERIES]; /* in label order */

static double value_of(size_t series, size_t time)
{
    return (double)(series * 1000 + time);
}

static bool any_sample(const struct fake *f, size_t s, int64_t min, int64_t max)
{
    for (size_t t = 0; t < TIMES; t++)
        if (f->has[s][t] && (int64_t)t >= min && (int64_t)t <= max)
            return true;
    return false;
}

static bool fake_select(struct store_reader *r, struct gv_arena *a, const struct gv_matcher *matchers, size_t n,
                        int64_t min, int64_t max, uint64_t **series, size_t *n_series, struct gv_err *err)
{
    const struct fake *f = container_of(r, struct fake, reader);
    (void)err;
    *series = gv_arena_array(a, uint64_t, SERIES);
    *n_series = 0;
    for (size_t s = 0; s < SERIES; s++)
        if (gv_matchers_match(matchers, n, labels_of[s]) && any_sample(f, s, min, max))
            (*series)[(*n_series)++] = s;
    return true;
}

static bool fake_labels(struct store_reader *r, struct gv_arena *scratch, uint64_t series,
                        const struct gv_labels **labels, struct gv_err *err)
{
    (void)r, (void)err;
    *labels = gv_labels_dup(scratch, labels_of[series]);
    return true;
}

static void add_chunk(struct gv_arena *scratch, struct store_series *out, size_t series, const int64_t *times, size_t n)
{
    struct gv_xor_encoder e;
    gv_xor_encoder_init(&e);
    for (size_t i = 0; i < n; i++)
        assert_true(gv_xor_encoder_append(&e, times[i], value_of(series, (size_t)times[i])));
    struct gv_slice data = gv_arena_dup(scratch, gv_buf_slice(&e.bytes));
    gv_xor_encoder_fini(&e);
    out->chunks[out->n_chunks++] =
        (struct gv_chunk){times[0], times[n - 1], (const uint8_t *)data.p, (uint32_t)data.n, GV_CHUNK_XOR};
}

static bool fake_series(struct store_reader *r, struct gv_arena *scratch, uint64_t series, int64_t min, int64_t max,
                        struct store_series *out, struct gv_err *err)
{
    const struct fake *f = container_of(r, struct fake, reader);
    struct store_interval *deleted = gv_arena_array(scratch, struct store_interval, TIMES);
    int64_t times[PER_CHUNK];
    size_t n = 0;
    out->chunks = gv_arena_array(scratch, struct gv_chunk, TIMES);
    out->deleted = deleted;
    for (int64_t t = 0; t < TIMES; t++) {
        if (f->deleted[series][t])
            deleted[out->n_deleted++] = (struct store_interval){t, t};
        if (f->has[series][t])
            times[n++] = t;
        if (n && (n == PER_CHUNK || t == TIMES - 1)) {
            if (times[0] <= max && times[n - 1] >= min)
                add_chunk(scratch, out, series, times, n);
            n = 0;
        }
    }
    return fake_labels(r, scratch, series, &out->labels, err);
}

static const struct store_reader_ops fake_ops = {.select = fake_select, .labels = fake_labels, .series = fake_series};

static void fill(struct fake *f)
{
    *f = (struct fake){.reader = {&fake_ops, 0, TIMES - 1}};
    for (size_t s = 0; s < SERIES; s++) {
        bool absent = below(3) == 0, deletes = below(4) == 0;
        for (size_t t = 0; t < TIMES && !absent; t++) {
            f->has[s][t] = below(3) > 0;
            f->deleted[s][t] = deletes && below(5) == 0;
        }
    }
}

/* ---- What must come out ---- */

static bool is_there(const struct fake *fakes, size_t n, size_t s, size_t t)
{
    for (size_t i = 0; i < n; i++)
        if (fakes[i].has[s][t] && !fakes[i].deleted[s][t])
            return true;
    return false;
}

static size_t expected_times(const struct fake *fakes, size_t n, size_t s, const struct gv_select *what, int64_t *times)
{
    size_t count = 0;
    for (size_t t = 0; t < TIMES; t++)
        if ((int64_t)t >= what->min_time && (int64_t)t <= what->max_time && is_there(fakes, n, s, t))
            times[count++] = (int64_t)t;
    return count;
}

static size_t next_expected(const struct fake *fakes, size_t n, const struct gv_select *what, size_t *s, int64_t *times)
{
    for (; *s < SERIES; ++*s) {
        size_t count = expected_times(fakes, n, *s, what, times);
        if (count && gv_matchers_match(what->matchers, what->n_matchers, labels_of[*s]))
            return count;
    }
    return 0;
}

static void read_column(struct gv_arena *scratch, const struct gv_series *got, const struct gv_select *what,
                        struct gv_raw_column *raw)
{
    struct gv_err err = {0};
    if (got->column.kind == GV_COLUMN_RAW)
        *raw = got->column.raw;
    else
        assert_true(gv_chunks_to_raw(scratch, &got->column.chunks, what->min_time, what->max_time, raw, &err));
}

/* A series of chunks may have none of their samples within the times. */
static void check_cursor(struct gv_cursor *c, const struct fake *fakes, size_t n, const struct gv_select *what,
                         size_t *s)
{
    struct gv_arena scratch;
    struct gv_series got;
    struct gv_err err = {0};
    int64_t times[TIMES];
    int more;
    gv_arena_init(&scratch, NULL);
    while ((more = c->ops->next(c, &scratch, &got, &err)) == 1) {
        struct gv_raw_column raw;
        read_column(&scratch, &got, what, &raw);
        if (raw.n) {
            size_t count = next_expected(fakes, n, what, s, times);
            assert_true(count > 0);
            assert_true(gv_labels_eq(got.labels, labels_of[*s]));
            assert_int_equal(raw.n, count);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(raw.times[i], times[i]);
                assert_true(raw.values[i] == value_of(*s, (size_t)times[i]));
            }
            ++*s;
        }
        gv_arena_fini(&scratch);
    }
    assert_int_equal(more, 0);
    c->ops->close(c);
    gv_arena_fini(&scratch);
}

static void check_select(const struct fake *fakes, size_t n, struct gv_source *source, const struct gv_select *what,
                         size_t partitions)
{
    struct gv_cursor *cursors[8];
    struct gv_err err = {0};
    struct gv_arena a;
    size_t n_cursors, s = 0;
    int64_t times[TIMES];
    gv_arena_init(&a, NULL);
    assert_true(source->ops->select(source, &a, what, cursors, partitions, &n_cursors, &err));
    assert_true(n_cursors >= 1 && n_cursors <= partitions);
    for (size_t i = 0; i < n_cursors; i++)
        check_cursor(cursors[i], fakes, n, what, &s);
    assert_int_equal(next_expected(fakes, n, what, &s, times), 0);
    gv_arena_fini(&a);
}

static void test_union_of_random_readers(void **state)
{
    (void)state;
    static struct fake fakes[READERS];
    struct store_reader *readers[READERS];
    struct gv_matcher job;
    struct gv_err err = {0};
    assert_true(gv_matcher_make(&job, &arena, GV_MATCH_RE, GV_S("job"), GV_S("[0-4]"), &err));
    for (seed = 1; seed <= ROUNDS; seed++) {
        uint32_t start = seed;
        size_t n = below(READERS + 1);
        for (size_t i = 0; i < n; i++) {
            fill(&fakes[i]);
            readers[i] = &fakes[i].reader;
        }
        struct gv_select what = {.matchers = &job, .n_matchers = below(2), .min_time = below(TIMES)};
        what.max_time = what.min_time + below(TIMES);
        check_select(fakes, n, store_merged_source(&arena, readers, n), &what, 1 + below(8));
        seed = start;
    }
}

static int set_up(void **state)
{
    (void)state;
    gv_arena_init(&arena, NULL);
    for (int i = 0; i < SERIES; i++) {
        const struct gv_label l[] = {{GV_LABEL_NAME, GV_S("m")},
                                     {GV_S("instance"), gv_slice_of(gv_arena_printf(&arena, "%03d", i))},
                                     {GV_S("job"), gv_slice_of(gv_arena_printf(&arena, "%d", i % 7))}};
        labels_of[i] = gv_labels_make(&arena, l, 3);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gv_arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_union_of_random_readers)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
