/* Damaged blocks: whichever byte of whichever file is another one, and wherever a file ends early, the block is refused
 * or a read fails, with the file's name, or what is read is what was written. */
#include "block_support.h"

static struct given series[SMALL_SERIES], expected[SMALL_SERIES];
static size_t n_expected;
static char *block, *bytes;
static size_t size;

static const char *const files[] = {"meta.json", "index", "tombstones", "chunks/000001"};

static const char *path_of(const char *name)
{
    return gv_arena_printf(&arena, "%s/%s", block, name);
}

static void load(const char *name)
{
    FILE *f = fopen(path_of(name), "re");
    assert_non_null(f);
    bytes = gv_arena_alloc(&arena, 1 << 16);
    size = fread(bytes, 1, 1 << 16, f);
    fclose(f);
    assert_in_range(size, 10, (1 << 16) - 1);
}

static void store(const char *name, size_t n)
{
    char *path = gv_arena_printf(&arena, "%s", path_of(name));
    unlink(path); /* what is mapped stays as it was */
    FILE *f = fopen(path, "we");
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static int make_all(void **state)
{
    int result = set_up(state);
    size_t n = small_series(series);
    struct block *b = make_block(series, n, SMALL_CHUNK, SMALL_MIN, SMALL_MAX);
    const struct gv_selector *s = selector_of("up{job=\"b\"}");
    struct gv_err err = {0};
    assert_true(block_delete(b, s->matchers, s->n_matchers, INT64_MIN, INT64_MAX, &err));
    n_expected = 0;
    for (size_t i = 0; i < n; i++)
        if (!gv_matchers_match(s->matchers, s->n_matchers, series[i].labels))
            expected[n_expected++] = series[i];
    block = gv_arena_printf(&arena, "%s", block_folder(b));
    block_put(b);
    return result;
}

static void check_message(const struct gv_err *err, const char *file, const char *what, size_t where)
{
    if (err->code != GV_INTERNAL || !strstr(err->msg, block) || !strstr(err->msg, file))
        fail_msg("%s, %s at %zu: %s", file, what, where, err->msg);
}

static bool lists_values(struct block *b)
{
    struct store_reader *r = block_reader(b);
    struct gv_slice *values;
    size_t n;
    struct gv_err err = {0};
    return r->ops->label_names(r, &arena, &values, &n, &err) && n == 4 &&
           r->ops->label_values(r, &arena, GV_S("job"), &values, &n, &err) && n == 2;
}

/* True: refused. */
static bool check_damage(const char *file, const char *what, size_t where)
{
    struct gv_err err = {0};
    struct gv_arena_mark mark = gv_arena_mark(&arena);
    struct block *b = block_open(&gv_io_system, block, &err);
    bool ok = b;
    if (b) {
        struct store_reader *r = block_reader(b);
        struct given *got;
        size_t n;
        ok = read_all(&r, 1, NULL, 0, INT64_MIN, INT64_MAX, &got, &n, &err);
        if (ok && (!same_series(got, n, expected, n_expected) || !lists_values(b)))
            fail_msg("%s, %s at %zu: something else is served", file, what, where);
        block_put(b);
    }
    if (!ok)
        check_message(&err, file, what, where);
    gv_arena_rewind(&arena, mark);
    return !ok;
}

static void every_byte_is_guarded(void **state)
{
    (void)state;
    static const unsigned char masks[] = {0x01, 0x80, 0xff, 0x10};
    for (size_t k = 0; k < GV_COUNT(files); k++) {
        size_t refused = 0;
        load(files[k]);
        for (size_t i = 0; i < size; i++)
            for (size_t m = 0; m < GV_COUNT(masks); m++) {
                struct gv_arena_mark mark = gv_arena_mark(&arena);
                bytes[i] = (char)(bytes[i] ^ masks[m]);
                store(files[k], size);
                refused += check_damage(files[k], "a flipped bit", i);
                bytes[i] = (char)(bytes[i] ^ masks[m]);
                gv_arena_rewind(&arena, mark);
            }
        store(files[k], size);
        assert_false(check_damage(files[k], "nothing", 0));
        assert_in_range(refused, size * GV_COUNT(masks) / 2, /* there is padding, too */
                        size * GV_COUNT(masks));
    }
}

static void every_cut_is_seen(void **state)
{
    (void)state;
    for (size_t k = 0; k < GV_COUNT(files); k++) {
        load(files[k]);
        for (size_t n = 0; n < size; n++) {
            struct gv_arena_mark mark = gv_arena_mark(&arena);
            store(files[k], n);
            bool refused = check_damage(files[k], "a cut", n);
            assert_true(refused || (!strcmp(files[k], "meta.json") && n + 2 >= size)); /* but for white space */
            gv_arena_rewind(&arena, mark);
        }
        store(files[k], size);
    }
}

static void a_missing_file_is_seen(void **state)
{
    (void)state;
    for (size_t k = 0; k < GV_COUNT(files); k++) {
        load(files[k]);
        unlink(path_of(files[k]));
        if (!strcmp(files[k], "tombstones"))
            continue; /* most blocks have none */
        assert_true(check_damage(files[k], "no file", 0));
        store(files[k], size);
    }
}

static void damage_is_seen_by_compaction(void **state)
{
    (void)state;
    load("chunks/000001");
    bytes[60] ^= 1;
    store("chunks/000001", size);
    struct block *b = open_block(block);
    struct store_reader *r = block_reader(b);
    struct block_writer_options o = {
        .io = &gv_io_system, .parent = folder, .min_time = SMALL_MIN, .max_time = SMALL_MAX, .level = 2};
    char ulid[BLOCK_ULID_MAX];
    struct gv_err err = {0};
    assert_false(block_compact(&r, 1, &o, ulid, &err));
    check_message(&err, "chunks/000001", "a flipped bit", 60);
    block_put(b);
    run_command("[ $(ls '%s' | wc -l) = 1 ]", folder);
}

/* The way to get rid of it: everything else stays. */
static void a_damaged_chunk_can_be_deleted(void **state)
{
    (void)state;
    const struct gv_selector *s = selector_of("latency{job=\"a\"}");
    struct gv_err err = {0};
    load("chunks/000001");
    for (size_t i = 0; i < size; i++) {
        struct gv_arena_mark mark = gv_arena_mark(&arena);
        struct given *got;
        size_t n;
        bytes[i] ^= 1;
        store("chunks/000001", size);
        struct block *b = block_open(&gv_io_system, block, &err);
        struct store_reader *r = b ? block_reader(b) : NULL;
        if (b && read_all(&r, 1, s->matchers, s->n_matchers, INT64_MIN, INT64_MAX, &got, &n, &err)) {
            block_put(b); /* another chunk's byte, or padding */
        } else if (b) {
            assert_true(block_delete(b, s->matchers, s->n_matchers, INT64_MIN, INT64_MAX, &err));
            err = (struct gv_err){0};
            assert_true(read_all(&r, 1, NULL, 0, INT64_MIN, INT64_MAX, &got, &n, &err));
            assert_int_equal(n, n_expected - 1);
            block_put(b);
            return;
        }
        err = (struct gv_err){0};
        bytes[i] ^= 1;
        gv_arena_rewind(&arena, mark);
    }
    fail_msg("no byte of the chunk was found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_byte_is_guarded, make_all, tear_down),
        cmocka_unit_test_setup_teardown(every_cut_is_seen, make_all, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_file_is_seen, make_all, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_chunk_can_be_deleted, make_all, tear_down),
        cmocka_unit_test_setup_teardown(damage_is_seen_by_compaction, make_all, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
