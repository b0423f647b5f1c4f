/* A reader behind the committer: every record, once, in order, as soon as it is written, whatever fails meanwhile. */
#include "../../support/faulty_io.h"
#include "../../support/log_records.h"
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct gv_log *start_log(const struct gv_log_options *o)
{
    struct gv_err err = {.code = GV_OK};
    struct gv_log *l = gv_log_open(o, &err);
    if (!l || !gv_log_start(l, &err))
        fail_msg("%s", err.msg);
    return l;
}

/* The next record's own number; UINT64_MAX: there is none yet. */
static uint64_t next_id(struct gv_log_reader *r, struct gv_log_place *at)
{
    struct gv_slice record;
    struct gv_err err = {.code = GV_OK};
    uint64_t id;
    if (!gv_log_reader_next(r, &record, at, &err))
        fail_msg("%s", err.msg);
    if (!record.p)
        return UINT64_MAX;
    memcpy(&id, record.p, sizeof id);
    return id;
}

static void assert_none(struct gv_log_reader *r)
{
    struct gv_log_place at;
    assert_true(next_id(r, &at) == UINT64_MAX);
}

static void assert_next(struct gv_log_reader *r, uint64_t from, uint64_t to)
{
    struct gv_log_place at;
    for (uint64_t i = from; i < to; i++) {
        assert_int_equal(next_id(r, &at), i);
        assert_int_equal(at.number, i);
    }
    assert_none(r);
}

static void commit_all(struct gv_log *l, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++)
        assert_true(commit_record(l, i, 100));
}

static void what_is_acknowledged_can_be_read(void **state)
{
    (void)state;
    char path[64];
    struct gv_err err = {.code = GV_OK};
    uint64_t segment;
    struct gv_log_options o = {.path = make_folder(path), .name = "test", .segment_size = 1000};
    struct gv_log *l = start_log(&o);
    struct gv_log_reader *r = gv_log_reader_new(l);
    assert_none(r);
    for (uint64_t i = 0; i < 40; i++) {
        commit_all(l, i, i + 1);
        assert_next(r, i, i + 1);
    }
    commit_all(l, 40, 80);
    assert_next(r, 40, 80);
    assert_true(gv_log_cut(l, &segment, &err));
    assert_none(r);
    assert_int_equal(gv_log_reader_segment(r), segment);
    assert_true(gv_log_drop(l, gv_log_reader_segment(r), &err));
    commit_all(l, 80, 90);
    assert_next(r, 80, 90);
    gv_log_reader_free(r);
    assert_true(gv_log_close(l, &err));

    l = start_log(&o); /* again from the first segment that is left */
    r = gv_log_reader_new(l);
    assert_next(r, 80, 90);
    commit_all(l, 90, 95);
    assert_next(r, 90, 95);
    assert_int_equal(gv_log_reader_lost(r), 0);
    gv_log_reader_free(r);
    assert_true(gv_log_close(l, &err));
    remove_tree(path);
}

enum { MANY = 3000 };

static void *write_many(void *log)
{
    for (uint64_t i = 0; i < MANY; i++)
        if (!append_record(log, i, 30 + i % 500, NULL, NULL))
            abort();
    return NULL;
}

static void a_reader_keeps_up_with_a_writer(void **state)
{
    (void)state;
    char path[64];
    pthread_t writer;
    struct gv_err err = {.code = GV_OK};
    struct gv_log_place at;
    struct gv_log *l = start_log(&(struct gv_log_options){
        .path = make_folder(path), .name = "test", .segment_size = 20000, .sync_interval_ms = 3});
    struct gv_log_reader *r = gv_log_reader_new(l);
    assert_int_equal(pthread_create(&writer, NULL, write_many, l), 0);
    for (uint64_t i = 0; i < MANY;) {
        uint64_t id = next_id(r, &at);
        if (id == UINT64_MAX) {
            sched_yield();
            continue;
        }
        assert_int_equal(id, i);
        assert_int_equal(at.number, i++);
    }
    pthread_join(writer, NULL);
    gv_log_reader_free(r);
    assert_true(gv_log_close(l, &err));
    remove_tree(path);
}

static bool is_failing(struct gv_log *l)
{
    struct gv_log_status s;
    gv_log_status(l, &s);
    return s.failing;
}

/* A write that fails half-way leaves a torn frame; a sync that fails leaves records that come again. */
static void faults_neither_repeat_nor_skip_records(void **state)
{
    (void)state;
    for (unsigned call = 0; call < 8; call++)
        for (int always = 0; always < 2; always++) {
            char path[64];
            struct faulty_io f;
            struct gv_err err = {.code = GV_OK};
            faulty_io_init(&f);
            struct gv_log *l = start_log(&(struct gv_log_options){.path = make_folder(path),
                                                                  .name = "test",
                                                                  .segment_size = 500,
                                                                  .io = &f.io,
                                                                  .sync = always ? GV_LOG_ALWAYS : GV_LOG_INTERVAL});
            struct gv_log_reader *r = gv_log_reader_new(l);
            commit_all(l, 0, 3);
            assert_next(r, 0, 3);
            pthread_mutex_lock(&f.lock);
            f.fail_from = f.calls + 1 + call;
            f.fail_to = f.fail_from + 1;
            f.short_writes = true;
            pthread_mutex_unlock(&f.lock);
            for (uint64_t i = 3; i < 9; i++)
                assert_true(append_record(l, i, 100, NULL, &err));
            commit_record(l, 9, 100);
            pthread_mutex_lock(&f.lock);
            f.fail_to = 0;
            pthread_mutex_unlock(&f.lock);
            while (is_failing(l)) /* until the next try */
                sched_yield();
            commit_all(l, 10, 11);
            uint64_t next = 3;
            struct gv_log_place at;
            while (next < 11) {
                struct gv_slice record;
                if (!gv_log_reader_next(r, &record, &at, &err)) {
                    err.code = GV_OK; /* the fault was the reader's: it tries again */
                    continue;
                }
                assert_non_null(record.p);
                assert_int_equal(at.number, next++);
            }
            assert_none(r);
            assert_int_equal(gv_log_reader_lost(r), 0);
            gv_log_reader_free(r);
            assert_true(gv_log_close(l, &err));
            faulty_io_fini(&f);
            remove_tree(path);
        }
}

static void ignore_line(void *arg, enum gv_log_level level, struct gv_slice line)
{
    (void)arg, (void)level, (void)line;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_acknowledged_can_be_read),
        cmocka_unit_test(a_reader_keeps_up_with_a_writer),
        cmocka_unit_test(faults_neither_repeat_nor_skip_records),
    };
    gv_log_set_sink(ignore_line, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
