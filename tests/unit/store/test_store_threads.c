/* Everything at once: while samples come, in time and late, one thread keeps the store in order (cuts, compacts, drops
 * what is old), one deletes, cleans up and takes snapshots, and readers look. A view shows what was written before it
 * was taken, each sample once, and goes on doing so; what is deleted is of other series. */
#include "../../support/faulty_io.h" /* remove_tree */
#include "codec/chunks.h"
#include "store/store.h"
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { STEP = 1000, RANGE = 20 * STEP, STEPS = 1500, SERIES = 12, KEPT = 6, LATE = 9, READERS = 2 };
enum { KEPT_STEPS = 400 }; /* older ones may be dropped by age */

static char folder[64];
static struct gv_store *store;
static struct gv_arena arena;
static const struct gv_labels *labels[SERIES]; /* the first KEPT lose nothing */
static int64_t start;
static _Atomic int written; /* steps; late ones: LATE steps fewer */
static _Atomic int rounds;  /* of the others, in all */
static _Atomic bool done, failed;

static bool fail_on(bool ok, const char *what, const struct gv_err *err)
{
    if (!ok && !atomic_exchange(&failed, true))
        fprintf(stderr, "%s: %s\n", what, err->msg);
    return ok;
}

static int64_t time_of(int step)
{
    return start + (int64_t)step * STEP;
}

/* Until the others have had their turn. */
static void wait_for_rounds(int n)
{
    for (int from = rounds; rounds - from < n && !done && !failed;)
        sched_yield();
}

/* Every third step comes late. */
static bool is_late(int step)
{
    return step % 3 == 1;
}

/* ---- Writing ---- */

static bool append(size_t s, int step)
{
    struct gv_store_sample sample = {.time = time_of(step), .value = step};
    struct gv_err err = {0};
    uint8_t verdict = GV_APPEND_GONE;
    struct gv_store_batch b = {.samples = &sample, .n = 1, .verdicts = &verdict};
    while (verdict == GV_APPEND_GONE)
        if (!gv_store_series(store, labels[s], &sample.series, &err) || !gv_store_append(store, &b, NULL, &err))
            return fail_on(false, "append", &err);
    if (verdict != GV_APPEND_STORED)
        gv_fail(&err, GV_INTERNAL, "step %d: verdict %u", step, verdict);
    return fail_on(verdict == GV_APPEND_STORED, "append", &err);
}

static void write_all(void)
{
    for (int step = 0; step < STEPS && !failed; step++) {
        for (size_t s = 0; s < SERIES; s++) {
            if (!is_late(step))
                append(s, step);
            if (step >= LATE && is_late(step - LATE))
                append(s, step - LATE);
        }
        written = step;
        if (step % 4 == 0)
            wait_for_rounds(READERS + 2);
    }
}

/* ---- Reading ---- */

static bool check_samples(const struct gv_raw_column *raw, int from, int to, int late_to, struct gv_err *err)
{
    uint32_t i = 0;
    for (uint32_t k = 1; k < raw->n; k++)
        if (raw->times[k] <= raw->times[k - 1])
            return gv_fail(err, GV_INTERNAL, "a sample twice, or out of order");
    for (int step = from; step <= to; step++) {
        while (i < raw->n && raw->times[i] < time_of(step))
            i++;
        bool there = i < raw->n && raw->times[i] == time_of(step) && raw->values[i] == step;
        if (!there && (!is_late(step) || step <= late_to))
            return gv_fail(err, GV_INTERNAL, "step %d of %d to %d (late: %d) is not there", step, from, to, late_to);
    }
    return true;
}

static bool check_view(struct gv_store_view *v, int to, struct gv_err *err)
{
    struct gv_matcher m;
    struct gv_arena a, scratch;
    struct gv_cursor *c;
    struct gv_series got;
    size_t n, series = 0;
    gv_arena_init(&a, NULL);
    gv_arena_init(&scratch, NULL);
    bool ok = gv_matcher_make(&m, &a, GV_MATCH_EQ, GV_S("kept"), GV_S("yes"), err);
    int from = to > KEPT_STEPS ? to - KEPT_STEPS : 0;
    struct gv_select what = {.matchers = &m, .n_matchers = 1, .min_time = time_of(from), .max_time = time_of(to)};
    struct gv_source *source = gv_store_view_source(v);
    ok = ok && source->ops->select(source, &a, &what, &c, 1, &n, err);
    for (int more = 1; ok && (more = c->ops->next(c, &scratch, &got, err)) > 0; series++) {
        struct gv_raw_column raw = got.column.raw;
        ok = (got.column.kind == GV_COLUMN_RAW ||
              gv_chunks_to_raw(&scratch, &got.column.chunks, what.min_time, what.max_time, &raw, err)) &&
             check_samples(&raw, from, to, to - LATE, err);
        gv_arena_fini(&scratch);
    }
    ok = ok && err->code == GV_OK && (series == KEPT || gv_fail(err, GV_INTERNAL, "%zu series", series));
    if (err->code == GV_OK)
        c->ops->close(c);
    gv_arena_fini(&scratch);
    gv_arena_fini(&a);
    return ok;
}

static void *read_on(void *arg)
{
    (void)arg;
    while (!done && !failed) {
        struct gv_err err = {0};
        int to = written;
        struct gv_store_view *v = gv_store_view_get(store);
        bool ok = to < LATE || (check_view(v, to, &err) && (wait_for_rounds(3), check_view(v, to, &err)));
        gv_store_view_put(v);
        rounds++;
        fail_on(ok, "read", &err);
    }
    return NULL;
}

/* ---- Keeping and administering ---- */

static void *keep(void *arg)
{
    (void)arg;
    while (!done && !failed) {
        struct gv_err err = {0};
        bool did;
        fail_on(gv_store_maintain(store, &did, &err), "maintain", &err);
        rounds++;
    }
    return NULL;
}

static void *administer(void *arg)
{
    struct gv_matcher m;
    struct gv_store_matchers set = {&m, 1};
    struct gv_err err = {0};
    char name[64];
    (void)arg;
    if (!fail_on(gv_matcher_make(&m, &arena, GV_MATCH_EQ, GV_S("kept"), GV_S("no"), &err), "matcher", &err))
        return NULL;
    for (int i = 0; !done && !failed; i++) {
        int to = written;
        fail_on(gv_store_delete(store, &set, 1, time_of(to - 100), time_of(to - i % 50), &err), "delete", &err);
        if (i % 3 == 0)
            fail_on(gv_store_clean_tombstones(store, &err), "clean", &err);
        if (i % 7 == 0)
            fail_on(gv_store_snapshot(store, i % 2, name, &err), "snapshot", &err);
        rounds++;
    }
    return NULL;
}

/* ---- All of it ---- */

static void open_store(void)
{
    struct gv_err err = {0};
    struct gv_store_options o = {.path = folder,
                                 .sync = GV_LOG_INTERVAL,
                                 .retention_time = (KEPT_STEPS + 200) * STEP,
                                 .out_of_order_window = 3 * LATE * STEP,
                                 .block_range = RANGE};
    store = gv_store_open(&o, &err);
    if (!store)
        fail_msg("%s", err.msg);
}

static void check_reopened(void)
{
    struct gv_err err = {0};
    open_store();
    struct gv_store_view *v = gv_store_view_get(store);
    if (!check_view(v, written, &err))
        fail_msg("reopened: %s", err.msg);
    gv_store_view_put(v);
    assert_true(gv_store_close(store, &err));
}

static void all_at_once(void **state)
{
    pthread_t threads[READERS + 2];
    struct gv_store_status s;
    struct gv_err err = {0};
    (void)state;
    for (int i = 0; i < READERS + 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        i < READERS    ? read_on
                                        : i == READERS ? keep
                                                       : administer,
                                        NULL),
                         0);
    write_all();
    done = true;
    for (int i = 0; i < READERS + 2; i++)
        pthread_join(threads[i], NULL);
    assert_false(failed);
    gv_store_status(store, &s);
    assert_true(s.blocks > 0 && s.compactions > 0 && s.deleted_blocks > 0);
    assert_int_equal(s.damaged_blocks, 0);
    assert_true(gv_store_close(store, &err));
    check_reopened();
}

static int set_up(void **state)
{
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)state;
    snprintf(folder, sizeof folder, "%s/globalview-store-threads-%d", parent, (int)getpid());
    gv_arena_init(&arena, NULL);
    start = gv_clock_wall(&gv_clock_real) / RANGE * RANGE - (int64_t)STEPS * STEP;
    for (int i = 0; i < SERIES; i++) {
        const struct gv_label l[] = {{GV_LABEL_NAME, GV_S("m")},
                                     {GV_S("i"), gv_slice_of(gv_arena_printf(&arena, "%d", i))},
                                     {GV_S("kept"), i < KEPT ? GV_S("yes") : GV_S("no")}};
        labels[i] = gv_labels_make(&arena, l, 3);
    }
    open_store();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_tree(folder);
    gv_arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_at_once)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
