/* Blocks while files fail: at every call of writing, deleting, compacting, linking, removing and opening, in every way.
 * Afterwards, and after the machine's death, a block is there whole or not at all; what was said to be done is done;
 * the same again where files work succeeds; and nothing stays open or mapped. */
#include "block_support.h"

static struct given series[SMALL_SERIES], kept[SMALL_SERIES]; /* kept: without what is deleted */
static size_t n_series, n_kept;
static struct faulty_io faulty, sound; /* sound fails never, and has no disk to wait for */
static char at[512];                   /* the block that there is from the beginning; "" where none */

struct operation {
    const char *name;
    void (*prepare)(void);
    bool (*run)(const struct gv_io *io, struct gv_err *err);
    void (*check)(bool done);
};

/* ---- What is there ---- */

static bool is_block(const struct given *expected, size_t n, const char *path)
{
    struct block *b = open_block(path);
    struct store_reader *r = block_reader(b);
    struct given *got;
    size_t n_got;
    struct gv_err err = {0};
    if (!read_all(&r, 1, NULL, 0, INT64_MIN, INT64_MAX, &got, &n_got, &err))
        fail_msg("%s", err.msg);
    bool same = same_series(got, n_got, expected, n);
    block_put(b);
    return same;
}

/* Folders with the name of a block: how many; each is whole. */
static int count_blocks(void)
{
    DIR *d = opendir(folder);
    int n = 0;
    for (const struct dirent *e; (e = readdir(d));)
        if (strlen(e->d_name) == BLOCK_ULID_MAX - 1) {
            assert_true(is_block(series, n_series, gv_arena_printf(&arena, "%s/%s", folder, e->d_name)));
            n++;
        }
    closedir(d);
    return n;
}

static int count_open(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static bool is_mapped(void)
{
    char line[4096];
    bool found = false;
    FILE *f = fopen("/proc/self/maps", "re");
    while (fgets(line, sizeof line, f))
        found |= strstr(line, folder) != NULL;
    fclose(f);
    return found;
}

/* ---- Operations ---- */

static struct block_writer_options options(const struct gv_io *io)
{
    return (struct block_writer_options){
        .io = io, .parent = folder, .min_time = SMALL_MIN, .max_time = SMALL_MAX, .level = 1, .segment_size = 300};
}

static void prepare_nothing(void)
{
    *at = 0;
}

static void prepare_block(void)
{
    struct block *b = make_block(series, n_series, SMALL_CHUNK, SMALL_MIN, SMALL_MAX);
    snprintf(at, sizeof at, "%s", block_folder(b));
    block_put(b);
}

static bool run_write(const struct gv_io *io, struct gv_err *err)
{
    struct block_writer_options o = options(io);
    return write_block(&o, series, n_series, SMALL_CHUNK, err) != NULL;
}

/* One more than before. A whole one may be there, too, of which it is not sure that it outlasts the machine's death. */
static void check_count(int before, bool done)
{
    int made = count_blocks() - before;
    assert_true(done ? made == 1 || made == 2 : made == 0 || made == 1);
}

static void check_write(bool done)
{
    check_count(0, done);
}

static bool run_delete(const struct gv_io *io, struct gv_err *err)
{
    const struct gv_selector *s = selector_of("up");
    struct block *b = block_open(io, at, err);
    bool ok = b && block_delete(b, s->matchers, s->n_matchers, INT64_MIN, INT64_MAX, err);
    if (b)
        block_put(b);
    return ok;
}

static void check_delete(bool done)
{
    assert_true(is_block(kept, n_kept, at) || (!done && is_block(series, n_series, at)));
}

static bool run_compact(const struct gv_io *io, struct gv_err *err)
{
    struct block_writer_options o = options(io);
    char ulid[BLOCK_ULID_MAX];
    struct block *b = block_open(io, at, err);
    struct store_reader *r = b ? block_reader(b) : NULL;
    bool ok = b && block_compact(&r, 1, &o, ulid, err);
    if (b)
        block_put(b);
    return ok;
}

static void check_compact(bool done)
{
    check_count(1, done);
}

static const char *link_path(void)
{
    return gv_arena_printf(&arena, "%s/copy", folder);
}

static bool run_link(const struct gv_io *io, struct gv_err *err)
{
    struct block *b = block_open(io, at, err);
    bool ok = b && block_link(b, link_path(), err);
    if (b)
        block_put(b);
    return ok;
}

static void check_link(bool done)
{
    assert_int_equal(count_blocks(), 1);
    if (access(link_path(), F_OK) < 0) {
        assert_false(done);
        return;
    }
    assert_true(is_block(series, n_series, link_path()));
    if (!done)
        remove_tree(link_path()); /* for the next attempt */
}

/* Nobody is told whether the files went; they are one block's or nobody's. */
static bool run_forget(const struct gv_io *io, struct gv_err *err)
{
    struct block *b = block_open(io, at, err);
    if (!b)
        return false;
    block_forget(b);
    block_put(b);
    return true;
}

static void check_forget(bool done)
{
    (void)done;
    assert_true(count_blocks() <= 1);
}

static bool run_read(const struct gv_io *io, struct gv_err *err)
{
    struct block *b = block_open(io, at, err);
    if (!b)
        return false;
    struct store_reader *r = block_reader(b);
    struct given *got;
    size_t n_got;
    assert_true(read_all(&r, 1, NULL, 0, INT64_MIN, INT64_MAX, &got, &n_got, err));
    assert_true(same_series(got, n_got, series, n_series));
    block_put(b);
    return true;
}

static void check_read(bool done)
{
    (void)done;
    assert_int_equal(count_blocks(), 1);
}

static const struct operation operations[] = {
    {"write", prepare_nothing, run_write, check_write},     {"delete", prepare_block, run_delete, check_delete},
    {"compact", prepare_block, run_compact, check_compact}, {"link", prepare_block, run_link, check_link},
    {"forget", prepare_block, run_forget, check_forget},    {"read", prepare_block, run_read, check_read}};

/* ---- Faults ---- */

struct fault {
    uint64_t from, n;
    int error;
    bool short_writes;
};

static void check_message(const struct gv_err *err, int error)
{
    if (err->code != GV_UNAVAILABLE || !strstr(err->msg, folder) ||
        (!strstr(err->msg, strerror(error)) && !strstr(err->msg, "cannot write")))
        fail_msg("what it says: %s", err->msg);
}

/* False: it was done before the call that was to fail. */
static bool run_with_fault(const struct operation *op, const struct fault *fault, bool machine_dies)
{
    struct gv_err err = {0};
    faulty_io_reset(&sound);
    faulty_io_reset(&faulty);
    assert_int_equal(set_up(NULL), 0);
    n_series = small_series(series);
    n_kept = 0;
    for (size_t i = 0; i < n_series; i++)
        if (!gv_slice_is(gv_labels_get(series[i].labels, GV_LABEL_NAME), "up"))
            kept[n_kept++] = series[i];
    op->prepare();
    int open = count_open();
    faulty.fail_from = fault->from;
    faulty.fail_to = fault->n > UINT64_MAX - fault->from ? UINT64_MAX : fault->from + fault->n;
    faulty.error = fault->error;
    faulty.short_writes = fault->short_writes;
    bool ok = op->run(&faulty.io, &err), reached = faulty.calls >= fault->from;
    if (!ok)
        check_message(&err, fault->error);
    if (machine_dies)
        faulty_io_crash(&faulty);
    op->check(ok);
    assert_int_equal(count_open(), open);
    assert_false(is_mapped());
    if (!ok) {
        err = (struct gv_err){0};
        if (!op->run(sound_io, &err))
            fail_msg("again, without faults: %s", err.msg);
        op->check(true);
    }
    tear_down(NULL);
    return reached;
}

static void no_fault_leaves_half_a_block(void **state)
{
    const struct operation *op = *state;
    static const struct fault kinds[] = {
        {0, 1, EIO, false}, {0, 1, ENOSPC, true}, {0, 2, ENOSPC, true}, {0, UINT64_MAX, EIO, false}};
    for (size_t k = 0; k < GV_COUNT(kinds); k++)
        for (int dies = 0; dies < 2; dies++) {
            struct fault fault = kinds[k];
            fault.from = 1;
            while (run_with_fault(op, &fault, dies))
                fault.from++;
            assert_true(fault.from > 8);
        }
}

static void quiet(void *arg, enum gv_log_level level, struct gv_slice line)
{
    (void)arg, (void)level, (void)line;
}

int main(void)
{
    struct CMUnitTest tests[GV_COUNT(operations)];
    for (size_t i = 0; i < GV_COUNT(operations); i++)
        tests[i] = (struct CMUnitTest){operations[i].name, no_fault_leaves_half_a_block, NULL, NULL,
                                       (void *)(uintptr_t)&operations[i]};
    faulty_io_init(&faulty);
    faulty_io_init(&sound);
    faulty.keep = sound.keep = where();
    sound_io = &sound.io;
    gv_log_set_sink(quiet, NULL);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    faulty_io_fini(&faulty);
    faulty_io_fini(&sound);
    return failed;
}
