/* Compaction: one block with the samples of several, each once, without the deleted ones; chunks that need not change
 * are the same bytes. What to compact, and what to drop. */
#include "block_support.h"

static char made[512];

/* NULL where nothing is left. */
static struct block *compact(struct block **blocks, size_t n, int64_t min_time, int64_t max_time)
{
    struct store_reader *readers[8];
    const struct block_meta *parents[8];
    char ulid[BLOCK_ULID_MAX];
    struct gv_err err = {0};
    for (size_t i = 0; i < n; i++) {
        readers[i] = block_reader(blocks[i]);
        parents[i] = block_meta(blocks[i]);
    }
    struct block_writer_options o = {.io = &gv_io_system,
                                     .parent = folder,
                                     .min_time = min_time,
                                     .max_time = max_time,
                                     .level = 2,
                                     .parents = parents,
                                     .n_parents = n,
                                     .now = 2};
    if (!block_compact(readers, n, &o, ulid, &err))
        fail_msg("%s", err.msg);
    if (!*ulid)
        return NULL;
    snprintf(made, sizeof made, "%s/%s", folder, ulid);
    return open_block(made);
}

static void put_all(struct block **blocks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        block_put(blocks[i]);
}

/* What they say of resets is what their buckets say. */
static void check_resets(const struct given *series, size_t n)
{
    for (size_t s = 0; s < n; s++) {
        const struct gv_raw_column *raw = &series[s].raw;
        for (uint32_t i = 1; raw->histograms && i < raw->n; i++) {
            const struct gv_histogram *h = raw->histograms[i], *before = raw->histograms[i - 1];
            if (h && before)
                assert_int_equal(gv_histogram_is_reset(&arena, h, before),
                                 gv_histogram_is_reset(&arena, gv_histogram_without_reset(&arena, h), before));
        }
    }
}

/* b: NULL where there is nothing. */
static void check_same(struct block **blocks, size_t n, struct block *b, int64_t min_time, int64_t max_time)
{
    struct store_reader *readers[8], *r = b ? block_reader(b) : NULL;
    struct given *expected, *got;
    size_t n_expected, n_got;
    struct gv_err err = {0};
    for (size_t i = 0; i < n; i++)
        readers[i] = block_reader(blocks[i]);
    assert_true(read_all(readers, n, NULL, 0, min_time, max_time, &expected, &n_expected, &err));
    assert_true(read_all(&r, b != NULL, NULL, 0, INT64_MIN, INT64_MAX, &got, &n_got, &err));
    assert_true(same_series(got, n_got, expected, n_expected));
    check_resets(got, n_got);
    check_resets(expected, n_expected);
}

static struct store_series chunks_in(struct block *b, const char *metric)
{
    const struct gv_selector *s = selector_of(metric);
    struct store_reader *r = block_reader(b);
    struct store_series out = {0};
    struct gv_err err = {0};
    uint64_t *found;
    size_t n;
    assert_true(r->ops->select(r, &arena, s->matchers, s->n_matchers, INT64_MIN, INT64_MAX, &found, &n, &err));
    assert_int_equal(n, 1);
    assert_true(r->ops->series(r, &arena, found[0], INT64_MIN, INT64_MAX, &out, &err));
    return out;
}

static void neighbours_are_copied(void **state)
{
    (void)state;
    struct given first[] = {{labels_of("a"), floats(0, 1000, 120)},
                            {labels_of("b"), histograms(0, 1000, 100, true)},
                            {labels_of("early"), floats(0, 1000, 3)}};
    struct given second[] = {{labels_of("a"), floats(120000, 1000, 120)},
                             {labels_of("b"), histograms(120000, 1000, 20, false)},
                             {labels_of("late"), floats(130000, 1000, 3)}};
    struct block *blocks[] = {make_block(first, 3, 120, 0, 120000), make_block(second, 3, 120, 120000, 240000)};
    struct block *b = compact(blocks, 2, 0, 240000);
    check_same(blocks, 2, b, INT64_MIN, INT64_MAX);
    struct store_series before = chunks_in(blocks[1], "a"), after = chunks_in(b, "a");
    assert_int_equal(after.n_chunks, 2);
    assert_int_equal(after.chunks[1].size, before.chunks[0].size);
    assert_memory_equal(after.chunks[1].data, before.chunks[0].data, before.chunks[0].size);
    assert_int_equal(chunks_in(b, "b").n_chunks, 2);
    const struct block_meta *m = block_meta(b);
    assert_int_equal(m->level, 2);
    assert_int_equal(m->samples, 240 + 100 + 20 + 6);
    assert_int_equal(m->n_sources, 2);
    assert_true(strcmp(m->sources[0], m->sources[1]) < 0);
    put_all(blocks, 2);
    block_put(b);
}

static void overlapping_samples_are_there_once(void **state)
{
    (void)state;
    struct given first[] = {{labels_of("a"), floats(0, 1000, 300)}, {labels_of("h"), histograms(0, 1000, 50, true)}};
    struct given second[] = {{labels_of("a"), floats(500, 1000, 250)}, {labels_of("h"), histograms(0, 1000, 50, true)}};
    struct given third[] = {{labels_of("a"), floats(100000, 1000, 100)}, {labels_of("x"), floats(0, 1000, 5)}};
    struct block *blocks[] = {make_block(first, 2, 120, 0, 300000), make_block(second, 2, 100, 0, 300000),
                              make_block(third, 2, 50, 0, 300000)};
    struct block *b = compact(blocks, 3, 0, 300000);
    check_same(blocks, 3, b, INT64_MIN, INT64_MAX);
    assert_int_equal(block_meta(b)->samples, 300 + 250 + 50 + 5);
    struct store_series s = chunks_in(b, "a");
    for (size_t i = 1; i < s.n_chunks; i++)
        assert_true(s.chunks[i].min_time > s.chunks[i - 1].max_time);
    assert_int_equal(chunks_in(b, "h").n_chunks, 1);
    put_all(blocks, 3);
    block_put(b);
}

static void small_chunks_are_joined(void **state)
{
    (void)state;
    struct given one[] = {{labels_of("a"), floats(0, 1000, 250)}, {labels_of("h"), histograms(0, 1000, 30, true)}};
    struct block *blocks[] = {make_block(one, 2, 10, 0, 300000)};
    struct block *b = compact(blocks, 1, 0, 300000);
    check_same(blocks, 1, b, INT64_MIN, INT64_MAX);
    assert_int_equal(chunks_in(b, "a").n_chunks, 3);
    assert_int_equal(chunks_in(b, "h").n_chunks, 3); /* as they are */
    put_all(blocks, 1);
    block_put(b);
}

static void deleted_samples_are_left_out(void **state)
{
    (void)state;
    struct given one[] = {{labels_of("a"), floats(0, 1000, 250)},
                          {labels_of("gone"), floats(0, 1000, 250)},
                          {labels_of("h"), histograms(0, 1000, 200, true)}};
    struct given two[] = {{labels_of("a"), floats(500, 1000, 250)}};
    struct block *blocks[] = {make_block(one, 3, 120, 0, 300000), make_block(two, 1, 120, 0, 300000)};
    const struct gv_selector *a = selector_of("a"), *gone = selector_of("gone"), *h = selector_of("h");
    struct gv_err err = {0};
    assert_true(block_delete(blocks[0], a->matchers, a->n_matchers, 10000, 20000, &err));
    assert_true(block_delete(blocks[0], gone->matchers, gone->n_matchers, INT64_MIN, INT64_MAX, &err));
    assert_true(block_delete(blocks[0], h->matchers, h->n_matchers, 130000, INT64_MAX, &err));
    struct block *b = compact(blocks, 2, 0, 300000);
    check_same(blocks, 2, b, INT64_MIN, INT64_MAX);
    assert_int_equal(block_meta(b)->series, 2);
    assert_int_equal(block_meta(b)->samples, 250 - 11 + 250 + 130);
    assert_int_equal(block_meta(b)->tombstones, 0);
    put_all(blocks, 2);
    block_put(b);
}

static void the_times_cut(void **state)
{
    (void)state;
    struct given one[] = {{labels_of("a"), floats(0, 1000, 250)}, {labels_of("b"), floats(200000, 1000, 10)}};
    struct block *blocks[] = {make_block(one, 2, 120, 0, 300000)};
    struct block *b = compact(blocks, 1, 50000, 150000);
    check_same(blocks, 1, b, 50000, 149999);
    assert_int_equal(block_meta(b)->series, 1);
    block_put(b);
    assert_null(compact(blocks, 1, 250000, 300000));
    put_all(blocks, 1);
}

static void deleting_everything_leaves_no_block(void **state)
{
    (void)state;
    struct given one[] = {{labels_of("a"), floats(0, 1000, 25)}};
    struct block *blocks[] = {make_block(one, 1, 120, 0, 300000)};
    struct gv_err err = {0};
    assert_true(block_delete(blocks[0], NULL, 0, INT64_MIN, INT64_MAX, &err));
    assert_null(compact(blocks, 1, 0, 300000));
    put_all(blocks, 1);
    run_command("[ $(ls '%s' | wc -l) = 1 ]", folder);
}

/* ---- At random ---- */

static uint64_t seed = 88172645463325252;

static uint64_t pick(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % n;
}

/* Some of the samples that series i has in all: where two blocks have one, it is the same. */
static struct gv_raw_column some_samples(size_t i)
{
    enum { STEP = 1000 };
    bool native = i % 4 == 3;
    uint32_t n = 1 + (uint32_t)pick(300), from = (uint32_t)pick(100);
    struct gv_raw_column whole = native ? histograms(0, STEP, 400, i % 8 == 3) : floats(0, STEP, 400);
    const struct gv_histogram **h = (const struct gv_histogram **)(uintptr_t)whole.histograms;
    for (uint32_t k = 0; native && k < 400; k++) /* a counter that is reset now and then */
        h[k] = h[k * 7919 % 61 % 7 ? k % 61 : k % 13];
    return (struct gv_raw_column){.times = whole.times + from,
                                  .values = whole.values + from,
                                  .histograms = native ? whole.histograms + from : NULL,
                                  .n = n};
}

static struct block *some_block(void)
{
    struct given series[12];
    size_t n = 0;
    for (size_t i = 0; i < GV_COUNT(series); i++)
        if (pick(3))
            series[n++] =
                (struct given){labels_of(gv_arena_printf(&arena, "m%zu{i=\"%zu\"}", i % 3, i)), some_samples(i)};
    if (!n)
        return some_block();
    struct block *b = make_block(series, n, 1 + (uint32_t)pick(120), 0, 500000);
    for (uint64_t k = pick(4); k; k--) {
        const struct gv_selector *s = selector_of(pick(2) ? "m1" : "{i=~\"[1-5]\"}");
        int64_t from = (int64_t)pick(400000);
        struct gv_err err = {0};
        assert_true(block_delete(b, s->matchers, s->n_matchers, from, from + (int64_t)pick(100000), &err));
    }
    return b;
}

static void any_blocks_read_the_same_afterwards(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        struct block *blocks[4];
        size_t n = 1 + pick(4);
        for (size_t i = 0; i < n; i++)
            blocks[i] = some_block();
        int64_t from = pick(2) ? 0 : (int64_t)pick(300000), to = pick(2) ? 500000 : from + 1 + (int64_t)pick(200000);
        struct block *b = compact(blocks, n, from, to);
        check_same(blocks, n, b, from, to - 1);
        if (b)
            block_put(b);
        for (size_t i = 0; i < n; i++)
            block_forget(blocks[i]);
        put_all(blocks, n);
    }
}

/* ---- Plans ---- */

enum { HOUR = 3600 * 1000 };
static const int64_t ranges[] = {2 * HOUR, 6 * HOUR, 18 * HOUR};

/* Hours of blocks as text, "0-2 2-4 4-6": the picked ones come back the same way. */
static void check_plan(const char *blocks, const char *expected, uint64_t tombstones)
{
    struct block_meta metas[16];
    const struct block_meta *all[16];
    size_t n = 0, picked[16], n_picked;
    char got[256] = "";
    for (const char *at = blocks; *at; n++) {
        int from, to, used;
        assert_int_equal(sscanf(at, "%d-%d %n", &from, &to, &used), 2);
        metas[n] = (struct block_meta){.min_time = (int64_t)from * HOUR, .max_time = (int64_t)to * HOUR, .series = 99};
        metas[n].tombstones = tombstones;
        all[n] = &metas[n];
        at += used;
    }
    compact_plan(all, n, ranges, GV_COUNT(ranges), picked, &n_picked);
    for (size_t i = 0; i < n_picked; i++)
        sprintf(got + strlen(got), "%s%d-%d", i ? " " : "", (int)(metas[picked[i]].min_time / HOUR),
                (int)(metas[picked[i]].max_time / HOUR));
    assert_string_equal(got, expected);
}

static void plans_follow_the_levels(void **state)
{
    (void)state;
    check_plan("", "", 0);
    check_plan("0-2", "", 100);
    check_plan("0-2 2-4 4-6", "", 0); /* the newest stays */
    check_plan("0-2 2-4 4-6 6-8", "0-2 2-4 4-6", 0);
    check_plan("0-2 4-6 6-8", "0-2 4-6", 0);      /* fills it, with a gap */
    check_plan("0-2 2-4 6-8", "", 0);             /* 4-6 may come yet */
    check_plan("0-2 2-4 6-8 8-10", "0-2 2-4", 0); /* not any more */
    check_plan("2-4 4-6 6-8 8-10", "2-4 4-6", 0);
    check_plan("0-6 6-12 12-18 18-20", "0-6 6-12 12-18", 0);
    check_plan("0-6 6-8 8-10 10-12 12-14", "6-8 8-10 10-12", 0);
    check_plan("0-18 18-20 20-22 22-24 24-26", "18-20 20-22 22-24", 0);
    check_plan("-6--4 -4--2 -2-0 0-2", "-6--4 -4--2 -2-0", 0);
    check_plan("0-2 0-2", "0-2 0-2", 0);
    check_plan("0-6 2-4 6-8 8-10", "0-6 2-4", 0);
    check_plan("0-2 2-6 4-6 5-8 8-10", "2-6 4-6 5-8", 0);
    check_plan("0-6 6-8 8-10", "0-6", 6);
    check_plan("0-6 6-8 8-10", "", 5);
    check_plan("0-2 2-4", "", 100); /* small ones are compacted anyway */
}

static void old_and_many_blocks_are_dropped(void **state)
{
    (void)state;
    struct block *blocks[4];
    bool drop[4];
    uint64_t bytes = 0;
    for (int64_t i = 0; i < 4; i++) {
        struct given one[] = {{labels_of("a"), floats(i * 100000, 1000, 25)}};
        blocks[i] = make_block(one, 1, 120, i * 100000, (i + 1) * 100000);
        bytes += i ? block_bytes(blocks[i]) : 0;
    }
    retention_plan(blocks, 4, 0, 0, 1000000, drop);
    assert_false(drop[0] || drop[1] || drop[2] || drop[3]);
    retention_plan(blocks, 4, 200000, 0, 0, drop);
    assert_true(drop[0] && drop[1] && !drop[2] && !drop[3]);
    retention_plan(blocks, 4, 200001, 0, 0, drop);
    assert_true(drop[0] && !drop[1] && !drop[2] && !drop[3]);
    retention_plan(blocks, 4, 0, (int64_t)bytes + 10, 10, drop);
    assert_true(drop[0] && !drop[1] && !drop[2] && !drop[3]);
    retention_plan(blocks, 4, 0, (int64_t)bytes + 10, 11, drop);
    assert_true(drop[0] && drop[1] && !drop[2] && !drop[3]);
    put_all(blocks, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(neighbours_are_copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(overlapping_samples_are_there_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(small_chunks_are_joined, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deleted_samples_are_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_times_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deleting_everything_leaves_no_block, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_blocks_read_the_same_afterwards, set_up, tear_down),
        cmocka_unit_test(plans_follow_the_levels),
        cmocka_unit_test_setup_teardown(old_and_many_blocks_are_dropped, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
