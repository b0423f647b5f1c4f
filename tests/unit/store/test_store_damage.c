/* A store with a block that lost a byte: the other blocks are compacted and read as ever; the damaged one stays, and
 * serves what it can. */
#include "block_support.h"
#include "store/store.h"

enum { RANGE = 100000, BLOCKS = 7, DAMAGED = 1 };

static struct gv_manual_clock manual_clock;

/* Two series in each block of RANGE; the chunk of one of them in one block is damaged. */
static void make_blocks(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        struct given two[] = {{labels_of("a{cluster=\"c\"}"), floats((int64_t)i * RANGE, 1000, 100)},
                              {labels_of("b{cluster=\"c\"}"), floats((int64_t)i * RANGE, 1000, 100)}};
        struct block *b = make_block(two, 2, 120, (int64_t)i * RANGE, (int64_t)(i + 1) * RANGE);
        if (i == DAMAGED) {
            FILE *f = fopen(gv_arena_printf(&arena, "%s/chunks/000001", block_folder(b)), "r+e");
            assert_non_null(f);
            fseek(f, 20, SEEK_SET);
            fputc('?', f);
            fclose(f);
        }
        block_put(b);
    }
}

static size_t count_samples(struct gv_store *s, const char *selector, int64_t max_time, struct gv_err *err)
{
    struct gv_store_view *v = gv_store_view_get(s);
    struct gv_source *source = gv_store_view_source(v);
    const struct gv_selector *sel = selector_of(selector);
    struct gv_select what = {
        .matchers = sel->matchers, .n_matchers = sel->n_matchers, .min_time = 0, .max_time = max_time};
    struct gv_cursor *cursor;
    struct gv_series series;
    size_t n, samples = 0;
    assert_true(source->ops->select(source, &arena, &what, &cursor, 1, &n, err));
    while (cursor->ops->next(cursor, &arena, &series, err) > 0) {
        struct gv_raw_column raw;
        assert_int_equal(series.column.kind, GV_COLUMN_CHUNKS);
        assert_true(gv_chunks_to_raw(&arena, &series.column.chunks, 0, max_time, &raw, err));
        samples += raw.n;
    }
    cursor->ops->close(cursor);
    gv_store_view_put(v);
    return samples;
}

static uint64_t blocks_of(struct gv_store *s)
{
    struct gv_store_status status;
    gv_store_status(s, &status);
    return status.blocks;
}

static void a_damaged_block_holds_up_nothing(void **state)
{
    (void)state;
    struct gv_err err = {0};
    bool did = true;
    make_blocks();
    gv_manual_clock_init(&manual_clock, (int64_t)BLOCKS * RANGE);
    struct gv_store *s = gv_store_open(
        &(struct gv_store_options){.path = folder, .block_range = RANGE, .clock = &manual_clock.clock}, &err);
    assert_non_null(s);
    assert_int_equal(blocks_of(s), BLOCKS);
    assert_false(gv_store_maintain(s, &did, &err)); /* the first three */
    assert_int_equal(err.code, GV_INTERNAL);
    assert_non_null(strstr(err.msg, "chunks/000001: damaged at byte"));
    err = (struct gv_err){0};
    for (did = true; did;)
        assert_true(gv_store_maintain(s, &did, &err));
    assert_in_range(blocks_of(s), 2, BLOCKS - 2); /* others were made one */
    assert_int_equal(count_samples(s, "b", INT64_MAX, &err), BLOCKS * 100);
    assert_int_equal(count_samples(s, "a", DAMAGED * RANGE - 1, &err), 100);
    assert_int_equal(err.code, GV_OK);
    count_samples(s, "a", INT64_MAX, &err);
    assert_int_equal(err.code, GV_INTERNAL);
    err = (struct gv_err){0};
    assert_true(gv_store_close(s, &err));
}

static uint64_t bytes_of(struct gv_store *s)
{
    struct gv_store_status status;
    gv_store_status(s, &status);
    return status.block_bytes;
}

/* What was deleted behind it is cleaned away all the same; the failure is told. */
static void a_damaged_block_keeps_no_other_from_being_cleaned(void **state)
{
    (void)state;
    struct gv_err err = {0};
    const struct gv_selector *b = selector_of("b");
    struct gv_store_matchers set = {b->matchers, b->n_matchers};
    make_blocks();
    gv_manual_clock_init(&manual_clock, (int64_t)BLOCKS * RANGE);
    struct gv_store *s = gv_store_open(
        &(struct gv_store_options){.path = folder, .block_range = RANGE, .clock = &manual_clock.clock}, &err);
    assert_non_null(s);
    assert_true(gv_store_delete(s, &set, 1, INT64_MIN, INT64_MAX, &err));
    uint64_t before = bytes_of(s), block = before / BLOCKS;
    assert_false(gv_store_clean_tombstones(s, &err));
    assert_non_null(strstr(err.msg, "chunks/000001: damaged at byte"));
    assert_true(bytes_of(s) < before - (BLOCKS - 2) * block / 4);
    err = (struct gv_err){0};
    assert_int_equal(count_samples(s, "b", INT64_MAX, &err), 0);
    assert_true(gv_store_close(s, &err));
}

/* Also one that was restored, and is no better than the one set aside before. */
static void each_damaged_block_is_set_aside(void **state)
{
    (void)state;
    gv_manual_clock_init(&manual_clock, 0);
    for (int i = 0; i < 3; i++) {
        struct gv_err err = {0};
        struct gv_store_status status;
        run_command("cd '%s' && mkdir 01HF0000000000000000000000 && touch 01HF0000000000000000000000/meta.json",
                    folder);
        struct gv_store *s =
            gv_store_open(&(struct gv_store_options){.path = folder, .clock = &manual_clock.clock}, &err);
        if (!s)
            fail_msg("%s", err.msg);
        gv_store_status(s, &status);
        assert_int_equal(status.damaged_blocks, 1);
        assert_true(gv_store_close(s, &err));
    }
    run_command("[ $(ls -d '%s'/*.damaged* | wc -l) = 3 ]", folder);
}

static void quiet(void *arg, enum gv_log_level level, struct gv_slice line)
{
    (void)arg, (void)level, (void)line;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_damaged_block_holds_up_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_damaged_block_is_set_aside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_block_keeps_no_other_from_being_cleaned, set_up, tear_down),
    };
    gv_log_set_sink(quiet, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
