/* The store on files that fail: at every call in turn, alone and for a while, with every kind of fault; then the
 * machine dies. Whatever was acknowledged is there when it starts again, nothing else is but what was sent, and while
 * files fail reads go on. */
#include "../../support/faulty_io.h"
#include "codec/chunks.h"
#include "store/store.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { SERIES = 5, STEPS = 60, STEP = 10000, RANGE = 60000, START = 1000000000 };

struct ticket {
    struct gv_log_ticket ticket;
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool done, ok;
};

struct world {
    char folder[64];
    struct faulty_io files;
    struct gv_manual_clock clock;
    struct gv_arena arena;
    struct gv_store *store;
    const struct gv_labels *labels[SERIES];
    bool sent[SERIES][STEPS], acknowledged[SERIES][STEPS];
};

static double value_of(size_t s, size_t t)
{
    return (double)(s * 1000 + t);
}

static int64_t time_of(size_t t)
{
    return START + (int64_t)t * STEP;
}

/* ---- The world ---- */

static bool open_store(struct world *w, struct gv_err *err)
{
    struct gv_store_options o = {
        .path = w->folder, .sync = GV_LOG_ALWAYS, .block_range = RANGE, .io = &w->files.io, .clock = &w->clock.clock};
    w->store = gv_store_open(&o, err);
    return w->store != NULL;
}

static void begin(struct world *w)
{
    remove_tree(w->folder);
    faulty_io_reset(&w->files);
    memset(w->sent, 0, sizeof w->sent);
    memset(w->acknowledged, 0, sizeof w->acknowledged);
    gv_manual_clock_init(&w->clock, START);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* nothing here needs a real disk */
    snprintf(w->folder, sizeof w->folder, "%s/globalview-faults-%d", parent, (int)getpid());
    gv_arena_init(&w->arena, NULL);
    faulty_io_init(&w->files);
    w->files.keep = parent;
    for (int i = 0; i < SERIES; i++) {
        const struct gv_label l[] = {{GV_LABEL_NAME, GV_S("m")},
                                     {GV_S("i"), gv_slice_of(gv_arena_printf(&w->arena, "%d", i))}};
        w->labels[i] = gv_labels_make(&w->arena, l, 2);
    }
    gv_log_set_level(GV_LOG_ERROR + 1);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    remove_tree(w->folder);
    faulty_io_fini(&w->files);
    gv_arena_fini(&w->arena);
    free(w);
    return 0;
}

/* ---- Writing ---- */

static void on_done(struct gv_log_ticket *t, const struct gv_err *err)
{
    struct ticket *k = (struct ticket *)(void *)((char *)t - offsetof(struct ticket, ticket));
    pthread_mutex_lock(&k->lock);
    k->done = true;
    k->ok = err->code == GV_OK;
    pthread_cond_signal(&k->told);
    pthread_mutex_unlock(&k->lock);
}

/* Whether the log promised them. */
static bool append(struct world *w, const struct gv_store_sample *samples, uint8_t *verdicts)
{
    struct ticket k = {.ticket.done = on_done, .lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER};
    struct gv_store_batch b = {.samples = samples, .n = SERIES, .verdicts = verdicts};
    struct gv_err err = {0};
    if (!gv_store_append(w->store, &b, &k.ticket, &err))
        return false;
    pthread_mutex_lock(&k.lock);
    while (!k.done)
        pthread_cond_wait(&k.told, &k.lock);
    pthread_mutex_unlock(&k.lock);
    return k.ok;
}

static void write_step(struct world *w, size_t t)
{
    struct gv_store_sample samples[SERIES];
    uint8_t verdicts[SERIES];
    struct gv_err err = {0};
    for (size_t s = 0; s < SERIES; s++) {
        samples[s] = (struct gv_store_sample){.time = time_of(t), .value = value_of(s, t)};
        if (!gv_store_series(w->store, w->labels[s], &samples[s].series, &err))
            return;
        w->sent[s][t] = true;
    }
    if (!append(w, samples, verdicts))
        return;
    for (size_t s = 0; s < SERIES; s++)
        w->acknowledged[s][t] = verdicts[s] == GV_APPEND_STORED || verdicts[s] == GV_APPEND_SAME;
}

/* ---- Reading ---- */

static size_t index_of(const struct world *w, const struct gv_labels *l)
{
    for (size_t s = 0; s < SERIES; s++)
        if (gv_labels_eq(l, w->labels[s]))
            return s;
    fail_msg("a series that nobody sent");
    return 0;
}

static void check_column(const struct world *w, size_t s, const struct gv_raw_column *raw, size_t steps)
{
    bool seen[STEPS] = {0};
    for (uint32_t i = 0; i < raw->n; i++) {
        size_t t = (size_t)((raw->times[i] - START) / STEP);
        assert_true(t < STEPS && w->sent[s][t] && raw->values[i] == value_of(s, t));
        seen[t] = true;
    }
    for (size_t t = 0; t < steps; t++)
        if (w->acknowledged[s][t] && !seen[t])
            fail_msg("fault at call %llu to %llu: series %zu lost step %zu, which was acknowledged",
                     (unsigned long long)w->files.fail_from, (unsigned long long)w->files.fail_to, s, t);
}

/* Everything acknowledged up to now is there, and nothing that was not sent. */
static void check(struct world *w, size_t steps)
{
    struct gv_store_view *v = gv_store_view_get(w->store);
    struct gv_source *source = gv_store_view_source(v);
    struct gv_select all = {.min_time = INT64_MIN, .max_time = INT64_MAX};
    struct gv_raw_column none = {0};
    struct gv_arena a;
    struct gv_cursor *c;
    struct gv_series got;
    struct gv_err err = {0};
    bool there[SERIES] = {0};
    size_t n;
    gv_arena_init(&a, NULL);
    assert_true(source->ops->select(source, &a, &all, &c, 1, &n, &err));
    while (c->ops->next(c, &a, &got, &err) == 1) {
        struct gv_raw_column raw = got.column.raw;
        size_t s = index_of(w, got.labels);
        if (got.column.kind == GV_COLUMN_CHUNKS)
            assert_true(gv_chunks_to_raw(&a, &got.column.chunks, INT64_MIN, INT64_MAX, &raw, &err));
        check_column(w, s, &raw, steps);
        there[s] = true;
    }
    assert_int_equal(err.code, GV_OK);
    for (size_t s = 0; s < SERIES; s++)
        if (!there[s])
            check_column(w, s, &none, steps);
    c->ops->close(c);
    gv_arena_fini(&a);
    gv_store_view_put(v);
}

/* ---- A life ---- */

static void live(struct world *w)
{
    struct gv_err err = {0};
    if (!open_store(w, &err))
        return; /* with a message */
    for (size_t t = 0; t < STEPS; t++) {
        bool did;
        gv_manual_clock_advance(&w->clock, (int64_t)STEP * 1000000);
        write_step(w, t);
        struct gv_err ignored = {0};
        if (t % 4 == 0 && !gv_store_maintain(w->store, &did, &ignored))
            assert_true(*ignored.msg);
        if (t % 20 == 10)
            check(w, t + 1);
    }
    struct gv_err ignored = {0};
    if (!gv_store_close(w->store, &ignored))
        assert_true(*ignored.msg);
}

static void live_and_die(struct world *w, uint64_t from, uint64_t to, int error, bool short_writes)
{
    struct gv_err err = {0};
    begin(w);
    w->files.fail_from = from;
    w->files.fail_to = to;
    w->files.error = error;
    w->files.short_writes = short_writes;
    live(w);
    w->files.fail_from = w->files.fail_to = 0;
    faulty_io_crash(&w->files);
    if (!open_store(w, &err))
        fail_msg("after a fault at call %llu: %s", (unsigned long long)from, err.msg);
    check(w, STEPS);
    assert_true(gv_store_close(w->store, &err));
}

static uint64_t calls_of_a_life(struct world *w)
{
    live_and_die(w, 0, 0, 0, false);
    begin(w);
    live(w);
    return w->files.calls;
}

/* Where several fail, a test run begins at each n-th; GV_EVERY=1: at every one. */
static uint64_t stride(uint64_t n)
{
    return getenv("GV_EVERY") ? 1 : n;
}

static void each_call_fails_once(void **state)
{
    struct world *w = *state;
    uint64_t calls = calls_of_a_life(w);
    assert_true(calls > 200);
    for (uint64_t at = 1; at <= calls; at++)
        live_and_die(w, at, at + 1, at % 2 ? EIO : ENOSPC, at % 3 == 0);
}

static void files_fail_for_a_while(void **state)
{
    struct world *w = *state;
    uint64_t calls = calls_of_a_life(w);
    for (uint64_t at = 1; at <= calls; at += stride(19))
        live_and_die(w, at, at + 40, ENOSPC, at % 2);
}

static void files_fail_for_good(void **state)
{
    struct world *w = *state;
    uint64_t calls = calls_of_a_life(w);
    for (uint64_t at = 1; at <= calls; at += stride(19))
        live_and_die(w, at, UINT64_MAX, ENOSPC, at % 2);
}

/* ---- A block that is written and cannot be read back ---- */

static int refuse_index(const struct gv_io *io, const char *path, int flags, mode_t mode)
{
    size_t n = strlen(path);
    if ((flags & O_ACCMODE) != O_RDONLY || n < 6 || strcmp(path + n - 6, "/index") != 0)
        return gv_io_system.open(io, path, flags, mode);
    errno = EMFILE;
    return -1;
}

static int refuse_checkpoints(const struct gv_io *io, const char *from, const char *to)
{
    if (!strstr(to, "/checkpoint."))
        return gv_io_system.rename(io, from, to);
    errno = ENOSPC;
    return -1;
}

/* As a folder that this process may pass through and not read. */
static int refuse_parent(const struct gv_io *io, const char *path, int flags, mode_t mode)
{
    const struct faulty_io *f = faulty_of(io);
    if (strcmp(path, f->keep) != 0)
        return gv_io_system.open(io, path, flags, mode);
    errno = EACCES;
    return -1;
}

static size_t count_blocks(const char *folder)
{
    struct dirent **all;
    size_t found = 0;
    int n = scandir(folder, &all, NULL, NULL);
    assert_true(n >= 0);
    for (int i = 0; i < n; i++) {
        found += strlen(all[i]->d_name) == 26;
        free(all[i]);
    }
    free(all);
    return found;
}

/* Without faults so far, all steps written, nothing of it in blocks. */
static void begin_filled(struct world *w)
{
    struct gv_err err = {0};
    begin(w);
    w->files.io = gv_io_system;
    assert_true(open_store(w, &err));
    for (size_t t = 0; t < STEPS; t++) {
        gv_manual_clock_advance(&w->clock, (int64_t)STEP * 1000000);
        write_step(w, t);
    }
}

/* Else each attempt would leave one more of the same, which nothing counts or drops before the next start. */
static void blocks_that_cannot_be_opened_do_not_stay(void **state)
{
    struct world *w = *state;
    struct gv_store_status status;
    struct gv_err err = {0};
    bool did = true;
    begin_filled(w);
    w->files.io.open = refuse_index;
    for (int i = 0; i < 3; i++) {
        struct gv_err why = {0};
        assert_false(gv_store_maintain(w->store, &did, &why));
        assert_non_null(strstr(why.msg, "Too many open files"));
    }
    assert_int_equal(count_blocks(w->folder), 0);
    w->files.io = gv_io_system;
    for (did = true; did;)
        assert_true(gv_store_maintain(w->store, &did, &err));
    gv_store_status(w->store, &status);
    assert_true(status.blocks > 0);
    assert_int_equal(count_blocks(w->folder), status.blocks);
    check(w, STEPS);
    assert_true(gv_store_close(w->store, &err));
}

/* ---- A disk on which large blocks find no room ---- */

static int n_tries;

/* No room for the chunks of several blocks: the log and blocks from the head are written as ever. */
static int refuse_large(const struct gv_io *io, int fd)
{
    enum { LARGE = 200 }; /* bytes: a block from the head has 165 at most */
    char path[64], name[PATH_MAX] = "";
    struct stat st;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (readlink(path, name, sizeof name - 1) < 0 || !strstr(name, ".tmp-for-creation/chunks/") || fstat(fd, &st) < 0 ||
        st.st_size < LARGE)
        return gv_io_system.fsync(io, fd);
    n_tries++;
    errno = ENOSPC;
    return -1;
}

/* Else the disk is filled anew every few seconds, and whoever writes to the log meanwhile finds it full. */
static void blocks_that_find_no_room_are_tried_ever_less_often(void **state)
{
    struct world *w = *state;
    struct gv_store_status status;
    struct gv_err err = {0};
    bool did;
    begin(w);
    w->files.io = gv_io_system;
    w->files.io.fsync = refuse_large;
    n_tries = 0;
    assert_true(open_store(w, &err));
    for (size_t t = 0; t < STEPS; t++) {
        gv_manual_clock_advance(&w->clock, (int64_t)STEP * 1000000);
        write_step(w, t);
        struct gv_err ignored = {0};
        (void)!gv_store_maintain(w->store, &did, &ignored);
    }
    gv_store_status(w->store, &status);
    assert_true(status.blocks >= 5); /* the head is cut all the same */
    assert_in_range(n_tries, 2, 5);  /* after 1 min, 2 min, 4 min */
    w->files.io = gv_io_system;
    gv_manual_clock_advance(&w->clock, INT64_C(3600) * 1000000000);
    for (did = true; did;)
        assert_true(gv_store_maintain(w->store, &did, &err));
    gv_store_status(w->store, &status);
    assert_true(status.compactions > 0);
    check(w, STEPS);
    assert_true(gv_store_close(w->store, &err));
}

/* Else the log keeps what blocks have until the head is cut once more, on a disk that is full perhaps. */
static void a_checkpoint_that_failed_is_made_soon(void **state)
{
    struct world *w = *state;
    struct gv_store_status status;
    struct gv_err err = {0};
    bool did = true;
    begin_filled(w);
    gv_store_status(w->store, &status);
    uint64_t segment = status.log.current;
    w->files.io.rename = refuse_checkpoints;
    for (did = true; did;) { /* until nothing more can be cut, and the next try is not due */
        struct gv_err ignored = {0};
        (void)!gv_store_maintain(w->store, &did, &ignored);
    }
    gv_store_status(w->store, &status);
    assert_true(status.log.first <= segment);
    w->files.io = gv_io_system;
    gv_manual_clock_advance(&w->clock, INT64_C(60) * 1000000000);
    for (did = true; did;)
        assert_true(gv_store_maintain(w->store, &did, &err));
    gv_store_status(w->store, &status);
    assert_true(status.log.first > segment);
    check(w, STEPS);
    assert_true(gv_store_close(w->store, &err));
}

/* A folder that was given to the program needs no more than its own rights. One that it makes itself must last. */
static void the_folder_around_need_not_be_readable(void **state)
{
    struct world *w = *state;
    struct gv_err err = {0};
    begin(w);
    w->files.io = gv_io_system;
    w->files.io.open = refuse_parent;
    assert_false(open_store(w, &err));
    assert_non_null(strstr(err.msg, "Permission denied"));
    assert_int_not_equal(access(w->folder, F_OK), 0);
    assert_int_equal(mkdir(w->folder, 0777), 0);
    if (!open_store(w, &err))
        fail_msg("%s", err.msg);
    write_step(w, 0);
    assert_true(w->acknowledged[0][0]);
    assert_true(gv_store_close(w->store, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_call_fails_once),
                                       cmocka_unit_test(files_fail_for_a_while),
                                       cmocka_unit_test(files_fail_for_good),
                                       cmocka_unit_test(blocks_that_cannot_be_opened_do_not_stay),
                                       cmocka_unit_test(blocks_that_find_no_room_are_tried_ever_less_often),
                                       cmocka_unit_test(a_checkpoint_that_failed_is_made_soon),
                                       cmocka_unit_test(the_folder_around_need_not_be_readable)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
