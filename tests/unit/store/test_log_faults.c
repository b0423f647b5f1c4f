/* The log while files fail: at every call that it makes, in every way. Whatever happens, a record whose ticket ended
 * well is there afterwards, once, in order, and the log writes again when files work again. */
#include "../../support/faulty_io.h"
#include "../../support/log_records.h"
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { RECORDS = 14, CUT_AFTER = 5, SEGMENT_SIZE = 500, MOST_CALLS = 60 };

/* What the owner of a log does, and what came of it. */
struct run {
    struct faulty_io files;
    char path[64];
    enum gv_log_sync sync;
    bool acknowledged[RECORDS];
    bool all_safe;  /* closed well: everything appended is on disk */
    size_t dropped; /* records before this one are dropped */
    bool appended[RECORDS];
};

static void use_log(struct run *r, struct gv_log *l)
{
    struct awaited waits[RECORDS];
    uint64_t segment;
    for (size_t i = 0; i < RECORDS; i++) {
        awaited_init(&waits[i]);
        r->appended[i] = append_record(l, i, 60, &waits[i].ticket, NULL);
        r->acknowledged[i] = r->appended[i] && (i % 3 == 0 || awaited_wait(&waits[i]));
        if (i == CUT_AFTER && gv_log_cut(l, &segment, NULL) && gv_log_drop(l, segment, NULL))
            r->dropped = i + 1;
    }
    r->all_safe = gv_log_close(l, NULL); /* every ticket is told by now */
    for (size_t i = 0; i < RECORDS; i += 3)
        r->acknowledged[i] = waits[i].done && waits[i].err.code == GV_OK;
}

static void run_log(struct run *r)
{
    struct gv_log_options o = {
        .path = r->path, .name = "test", .sync = r->sync, .io = &r->files.io, .segment_size = SEGMENT_SIZE};
    struct gv_log *l = gv_log_open(&o, NULL);
    if (!l)
        return;
    if (gv_log_start(l, NULL))
        use_log(r, l);
    else
        gv_log_close(l, NULL);
}

/* Each record at most once, in order, none that was promised missing. Records that were not promised may be there. */
static void check(struct run *r, bool promised[RECORDS])
{
    struct told t;
    struct gv_err err = {.code = GV_OK};
    size_t at = 0;
    if (access(r->path, F_OK) < 0) /* the machine died before the folder was on disk */
        assert_int_equal(mkdir(r->path, 0700), 0);
    if (!read_log(r->path, &t, &err))
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < RECORDS; i++) {
        bool there = at < t.n && t.ids[at] == i;
        at += there;
        if (!there && i >= r->dropped && promised[i])
            fail_msg("record %zu was acknowledged and is gone (call %llu)", i, (unsigned long long)r->files.fail_from);
    }
    if (at != t.n)
        fail_msg("record %llu comes twice or out of order", (unsigned long long)t.ids[at]);
    assert_int_equal(t.replayed.lost, 0);
    told_fini(&t);
}

/* The log is opened again where files work, and goes on. */
static void check_that_it_goes_on(struct run *r)
{
    struct told before, after;
    struct gv_err err = {.code = GV_OK};
    assert_true(read_log(r->path, &before, &err));
    struct gv_log *l = gv_log_open(&(struct gv_log_options){.path = r->path, .name = "test"}, &err);
    assert_non_null(l);
    assert_true(gv_log_start(l, &err));
    assert_true(commit_record(l, 1000, 60));
    assert_true(gv_log_close(l, &err));
    assert_true(read_log(r->path, &after, &err));
    assert_int_equal(after.n, before.n + 1);
    assert_int_equal(after.ids[before.n], 1000);
    told_fini(&before);
    told_fini(&after);
}

/* False: the log was done before the call that was to fail. */
static bool run_with_fault(enum gv_log_sync sync, uint64_t from, uint64_t n, int error, bool short_writes)
{
    struct run r = {.sync = sync};
    faulty_io_init(&r.files);
    make_folder(r.path);
    strcat(r.path, "/wal");
    r.files.fail_from = from;
    r.files.fail_to = n > UINT64_MAX - from ? UINT64_MAX : from + n;
    r.files.error = error;
    r.files.short_writes = short_writes;
    run_log(&r);
    bool failed = r.files.calls >= from;
    check(&r, r.acknowledged); /* the process is gone, the machine is not */
    if (sync == GV_LOG_ALWAYS || r.all_safe) {
        faulty_io_crash(&r.files);
        check(&r, r.all_safe ? r.appended : r.acknowledged);
    }
    check_that_it_goes_on(&r);
    faulty_io_fini(&r.files);
    *strrchr(r.path, '/') = '\0';
    remove_tree(r.path);
    return failed;
}

static void no_fault_costs_an_acknowledged_record(void **state)
{
    enum gv_log_sync sync = *(enum gv_log_sync *)*state;
    static const uint64_t lengths[] = {1, 2, 5, UINT64_MAX};
    for (size_t i = 0; i < GV_COUNT(lengths); i++)
        for (int kind = 0; kind < 3; kind++) {
            unsigned failed = 0; /* how many calls there are hangs on how the committer finds its work */
            for (uint64_t from = 1; from <= MOST_CALLS; from++)
                failed += run_with_fault(sync, from, lengths[i], kind ? ENOSPC : EIO, kind == 2);
            assert_in_range(failed, 20, MOST_CALLS - 1);
        }
}

/* ---- Failing, and getting over it ---- */

static struct gv_log *start_faulty(struct faulty_io *f, char path[64], size_t max_queued)
{
    struct gv_err err = {.code = GV_OK};
    faulty_io_init(f);
    struct gv_log *l = gv_log_open(
        &(struct gv_log_options){
            .path = make_folder(path), .name = "wal", .io = &f->io, .sync = GV_LOG_ALWAYS, .max_queued = max_queued},
        &err);
    assert_non_null(l);
    assert_true(gv_log_start(l, &err));
    return l;
}

static void set_failing(struct faulty_io *f, bool failing, int error)
{
    pthread_mutex_lock(&f->lock);
    f->fail_from = failing ? 1 : 0;
    f->fail_to = failing ? UINT64_MAX : 0;
    f->error = error;
    pthread_mutex_unlock(&f->lock);
}

static void a_full_disk_refuses_until_there_is_room(void **state)
{
    (void)state;
    char path[64];
    struct faulty_io f;
    struct gv_log_status s;
    struct gv_err err = {.code = GV_OK};
    struct awaited w;
    struct told t;
    struct gv_log *l = start_faulty(&f, path, 300);
    assert_true(commit_record(l, 0, 50));
    set_failing(&f, true, ENOSPC);
    awaited_init(&w);
    assert_true(append_record(l, 1, 50, &w.ticket, &err));
    assert_false(awaited_wait(&w));
    assert_int_equal(w.err.code, GV_UNAVAILABLE);
    assert_string_equal(strstr(w.err.msg, "00000001: "), "00000001: No space left on device");
    assert_int_equal(strncmp(w.err.msg, "wal: write /", 12), 0);
    gv_log_status(l, &s);
    assert_true(s.failing);
    assert_true(s.failures >= 1);
    assert_non_null(strstr(s.why, "No space left on device"));

    uint64_t id = 2; /* records are kept up to the bound, and refused at once beyond it */
    while (append_record(l, id, 50, NULL, &err))
        id++;
    assert_int_equal(id, 6);
    assert_int_equal(err.code, GV_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "No space left on device"));
    uint64_t segment;
    assert_false(gv_log_cut(l, &segment, &err));

    set_failing(&f, false, 0);
    while (gv_log_status(l, &s), s.failing) /* until the next try */
        sched_yield();
    assert_true(commit_record(l, id, 50));
    assert_int_equal(s.queued, 0);
    assert_string_equal(s.why, "");
    faulty_io_crash(&f);
    assert_true(read_log(path, &t, &err));
    assert_int_equal(t.n, id + 1);
    for (size_t i = 0; i < t.n; i++)
        assert_int_equal(t.ids[i], i);
    assert_int_equal(t.replayed.damaged, 0);
    told_fini(&t);
    gv_log_close(l, NULL);
    faulty_io_fini(&f);
    remove_tree(path);
}

static void a_close_says_what_is_not_on_disk(void **state)
{
    (void)state;
    char path[64];
    struct faulty_io f;
    struct gv_err err = {.code = GV_OK};
    struct gv_log *l = start_faulty(&f, path, 0);
    assert_true(commit_record(l, 0, 50));
    set_failing(&f, true, EIO);
    assert_false(commit_record(l, 1, 50));
    assert_false(gv_log_close(l, &err));
    assert_int_equal(err.code, GV_UNAVAILABLE);
    assert_int_equal(strncmp(err.msg, "wal: 1 records are not on disk: make /", 38), 0);
    assert_non_null(strstr(err.msg, ": Input/output error"));
    faulty_io_fini(&f);
    remove_tree(path);
}

static void ignore_line(void *arg, enum gv_log_level level, struct gv_slice line)
{
    (void)arg, (void)level, (void)line;
}

int main(void)
{
    static enum gv_log_sync interval = GV_LOG_INTERVAL, always = GV_LOG_ALWAYS;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(no_fault_costs_an_acknowledged_record, &interval),
        cmocka_unit_test_prestate(no_fault_costs_an_acknowledged_record, &always),
        cmocka_unit_test(a_full_disk_refuses_until_there_is_room),
        cmocka_unit_test(a_close_says_what_is_not_on_disk),
    };
    gv_log_set_sink(ignore_line, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
