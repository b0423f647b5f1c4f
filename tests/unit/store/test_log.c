/* The log: what was appended comes back, in order, whatever ends the process, and what is torn or damaged is named. */
#include "../../support/faulty_io.h"
#include "../../support/log_records.h"
#include "base/crc32c.h"
#include "store/log_format.h"
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <cmocka.h>

static struct gv_log *start_log(const struct gv_log_options *o)
{
    struct gv_err err = {.code = GV_OK};
    struct gv_log *l = gv_log_open(o, &err);
    if (!l || !gv_log_start(l, &err))
        fail_msg("%s", err.msg);
    return l;
}

static void close_log(struct gv_log *l)
{
    struct gv_err err = {.code = GV_OK};
    if (!gv_log_close(l, &err))
        fail_msg("%s", err.msg);
}

static void read_back(const char *path, struct told *t)
{
    struct gv_err err = {.code = GV_OK};
    if (!read_log(path, t, &err))
        fail_msg("%s", err.msg);
}

/* Records 0 to n - 1, in order, once each. */
static void assert_all(const struct told *t, size_t n)
{
    assert_int_equal(t->n, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(t->ids[i], i);
}

static void write_records(const char *path, uint64_t from, uint64_t to, size_t size)
{
    struct gv_log *l = start_log(&(struct gv_log_options){.path = path, .name = "test"});
    for (uint64_t i = from; i < to; i++)
        assert_true(commit_record(l, i, size));
    close_log(l);
}

static void segment_file(struct gv_buf *out, const char *path, unsigned segment)
{
    gv_buf_clear(out);
    gv_buf_printf(out, "%s/%08u", path, segment);
    gv_buf_cstr(out);
}

static void load(const char *path, struct gv_buf *out)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    gv_buf_clear(out);
    for (size_t got; (got = fread(gv_buf_reserve(out, 4096), 1, 4096, f));)
        out->n += got;
    fclose(f);
}

static void save(const char *path, const char *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void records_come_back_after_a_restart(void **state)
{
    (void)state;
    char path[64];
    struct told t;
    make_folder(path);
    write_records(path, 0, 3, 100);
    write_records(path, 3, 4, 3 << 20); /* longer than a block and than what is read at once */
    write_records(path, 4, 6, 8);
    read_back(path, &t);
    assert_all(&t, 6);
    for (size_t i = 0; i < t.n; i++)
        assert_int_equal(t.places[i].number, i);
    assert_int_equal(t.places[0].offset, LOG_HEAD_SIZE);
    assert_int_equal(t.places[1].offset, LOG_HEAD_SIZE + LOG_FRAME_SIZE + 100);
    assert_int_equal(t.places[3].segment, 2);
    assert_int_equal(t.replayed.segments, 3);
    assert_int_equal(t.replayed.damaged, 0);
    assert_int_equal(t.replayed.lost, 0);
    assert_string_equal(t.replayed.what, "");
    told_fini(&t);
    remove_tree(path);
}

static void an_empty_record_is_a_record(void **state)
{
    (void)state;
    char path[64];
    struct gv_err err = {.code = GV_OK};
    struct gv_log_replayed out;
    make_folder(path);
    struct gv_log *l = start_log(&(struct gv_log_options){.path = path, .name = "test"});
    assert_true(gv_log_append(l, NULL, 0, NULL, &err));
    close_log(l);
    l = gv_log_open(&(struct gv_log_options){.path = path, .name = "test"}, &err);
    assert_true(gv_log_replay(l, 0, NULL, NULL, &out, &err));
    assert_int_equal(out.records, 1);
    assert_int_equal(out.damaged, 0);
    close_log(l);
    remove_tree(path);
}

/* ---- Many threads ---- */

enum { THREADS = 4, EACH = 500 };

struct writer {
    struct gv_log *log;
    uint64_t first;
    pthread_t thread;
};

static void *write_many(void *arg)
{
    struct writer *w = arg;
    for (uint64_t i = 0; i < EACH; i++)
        if (i % 7 ? !append_record(w->log, w->first + i, 40, NULL, NULL) : !commit_record(w->log, w->first + i, 40))
            abort();
    return NULL;
}

static void threads_append_side_by_side(void **state)
{
    char path[64];
    struct writer writers[THREADS];
    uint64_t next[THREADS] = {0};
    struct told t;
    make_folder(path);
    struct gv_log *l = start_log(&(struct gv_log_options){.path = path,
                                                          .name = "test",
                                                          .sync = *(enum gv_log_sync *)*state,
                                                          .sync_interval_ms = 1,
                                                          .segment_size = 4096});
    for (size_t i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.log = l, .first = i * EACH};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(writers[i].thread, NULL);
    close_log(l);
    read_back(path, &t);
    assert_int_equal(t.n, THREADS * EACH);
    for (size_t i = 0; i < t.n; i++) /* each thread's in its order */
        assert_int_equal(t.ids[i] % EACH, next[t.ids[i] / EACH]++);
    assert_true(t.replayed.segments > 10);
    told_fini(&t);
    remove_tree(path);
}

/* ---- Segments ---- */

static void a_cut_divides_and_a_drop_removes(void **state)
{
    (void)state;
    char path[64];
    struct gv_err err = {.code = GV_OK};
    struct gv_log_status s;
    struct told t;
    uint64_t segment;
    make_folder(path);
    struct gv_log *l = start_log(&(struct gv_log_options){.path = path, .name = "test"});
    for (uint64_t i = 0; i < 10; i++)
        assert_true(append_record(l, i, 50, NULL, &err));
    assert_true(gv_log_cut(l, &segment, &err));
    assert_int_equal(segment, 2);
    gv_log_status(l, &s);
    assert_int_equal(s.first, 1);
    assert_int_equal(s.current, 2);
    assert_int_equal(s.queued, 0);
    assert_int_equal(s.records, 10);
    assert_int_equal(s.bytes, 2 * LOG_HEAD_SIZE + 10 * (LOG_FRAME_SIZE + 50));
    assert_true(commit_record(l, 10, 50));
    assert_true(gv_log_drop(l, segment, &err));
    assert_true(gv_log_drop(l, segment + 100, &err)); /* never the one in use */
    gv_log_status(l, &s);
    assert_int_equal(s.first, 2);
    close_log(l);
    read_back(path, &t);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.ids[0], 10);
    assert_int_equal(t.places[0].number, 10);
    told_fini(&t);

    write_records(path, 11, 12, 50); /* the numbers go on */
    read_back(path, &t);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.places[1].number, 11);
    told_fini(&t);
    remove_tree(path);
}

static void what_waits_is_bounded(void **state)
{
    (void)state;
    char path[64];
    struct gv_err err = {.code = GV_OK};
    make_folder(path);
    struct gv_log *l = start_log(&(struct gv_log_options){.path = path, .name = "wal", .max_queued = 1000});
    assert_false(append_record(l, 0, 993, NULL, &err));
    assert_int_equal(err.code, GV_UNAVAILABLE);
    assert_string_equal(err.msg, "wal: 0 bytes wait for the disk already, and at most 1000 may; the disk is too slow "
                                 "for what comes in");
    for (uint64_t i = 0; i < 20; i++)
        while (!commit_record(l, i, 400)) /* what is not synced grows to half of the bound, and then is, at once */
            sched_yield();
    close_log(l);
    remove_tree(path);
}

/* ---- Torn and damaged ---- */

static const size_t sizes[] = {8, 9, 40, 300, 17};

/* The records that end at or before byte n. */
static size_t records_within(size_t n)
{
    size_t end = LOG_HEAD_SIZE, i = 0;
    while (i < GV_COUNT(sizes) && (end += LOG_FRAME_SIZE + sizes[i]) <= n)
        i++;
    return i;
}

static void write_sizes(const char *path)
{
    struct gv_log *l = start_log(&(struct gv_log_options){.path = path, .name = "test"});
    for (size_t i = 0; i < GV_COUNT(sizes); i++)
        assert_true(commit_record(l, i, sizes[i]));
    close_log(l);
}

static bool is_boundary(size_t n)
{
    size_t end = LOG_HEAD_SIZE;
    for (size_t i = 0; n > end && i < GV_COUNT(sizes); i++)
        end += LOG_FRAME_SIZE + sizes[i];
    return n == 0 || n == end;
}

static void a_torn_tail_loses_what_was_torn_only(void **state)
{
    (void)state;
    char path[64];
    struct gv_buf file = GV_BUF_INIT, bytes = GV_BUF_INIT;
    struct told t;
    make_folder(path);
    write_sizes(path);
    segment_file(&file, path, 1);
    load(file.p, &bytes);
    for (size_t n = 0; n <= bytes.n; n++) {
        save(file.p, bytes.p, n);
        size_t whole = records_within(n);
        read_back(path, &t);
        assert_all(&t, whole);
        assert_int_equal(t.replayed.damaged, is_boundary(n) ? 0 : 1);
        told_fini(&t);
        write_records(path, whole, whole + 2, 20); /* the log goes on in a fresh segment, and then nothing is amiss */
        read_back(path, &t);
        assert_all(&t, whole + 2);
        assert_int_equal(t.replayed.lost, 0);
        assert_int_equal(t.replayed.damaged, n > 0 && n < LOG_HEAD_SIZE ? 1 : 0);
        told_fini(&t);
        segment_file(&file, path, 2);
        assert_int_equal(unlink(file.p), 0);
        segment_file(&file, path, 1);
    }
    gv_buf_fini(&file);
    gv_buf_fini(&bytes);
    remove_tree(path);
}

static void a_flipped_bit_is_seen_wherever_it_is(void **state)
{
    (void)state;
    char path[64];
    struct gv_buf file = GV_BUF_INIT, bytes = GV_BUF_INIT;
    struct told t;
    make_folder(path);
    write_sizes(path);
    segment_file(&file, path, 1);
    load(file.p, &bytes);
    for (size_t bit = 0; bit < 8 * bytes.n; bit++) {
        bytes.p[bit / 8] ^= (char)(1 << bit % 8);
        save(file.p, bytes.p, bytes.n);
        bytes.p[bit / 8] ^= (char)(1 << bit % 8);
        read_back(path, &t);
        assert_all(&t, bit / 8 < LOG_HEAD_SIZE ? 0 : records_within(bit / 8));
        assert_int_equal(t.replayed.damaged, 1);
        assert_string_not_equal(t.replayed.what, "");
        told_fini(&t);
    }
    gv_buf_fini(&file);
    gv_buf_fini(&bytes);
    remove_tree(path);
}

static void damage_in_the_middle_is_named_and_the_rest_read(void **state)
{
    (void)state;
    char path[64];
    struct gv_buf file = GV_BUF_INIT, bytes = GV_BUF_INIT, said = GV_BUF_INIT;
    struct told t;
    make_folder(path);
    for (uint64_t i = 0; i < 9; i += 3)
        write_records(path, i, i + 3, 20);
    segment_file(&file, path, 2);
    load(file.p, &bytes);
    size_t second = LOG_HEAD_SIZE + LOG_FRAME_SIZE + 20;
    bytes.p[second + LOG_FRAME_SIZE + 9] ^= 4;
    save(file.p, bytes.p, bytes.n);
    read_back(path, &t);
    static const uint64_t left[] = {0, 1, 2, 3, 6, 7, 8};
    assert_int_equal(t.n, GV_COUNT(left));
    assert_memory_equal(t.ids, left, sizeof left);
    assert_int_equal(t.replayed.damaged, 1);
    assert_int_equal(t.replayed.lost, 2);
    assert_int_equal(t.replayed.cut.segment, 2);
    assert_int_equal(t.replayed.cut.offset, second);
    assert_int_equal(t.replayed.cut.number, 4);
    gv_buf_printf(&said, "%s at byte %zu: a record's checksum is wrong", file.p, second);
    assert_string_equal(t.replayed.what, gv_buf_cstr(&said));
    told_fini(&t);
    gv_buf_fini(&file);
    gv_buf_fini(&bytes);
    gv_buf_fini(&said);
    remove_tree(path);
}

static void a_segment_that_is_gone_is_named(void **state)
{
    (void)state;
    char path[64];
    struct gv_buf file = GV_BUF_INIT, said = GV_BUF_INIT;
    struct told t;
    make_folder(path);
    for (uint64_t i = 0; i < 9; i += 3)
        write_records(path, i, i + 3, 20);
    segment_file(&file, path, 2);
    assert_int_equal(unlink(file.p), 0);
    read_back(path, &t);
    assert_int_equal(t.n, 6);
    assert_int_equal(t.replayed.lost, 3);
    assert_int_equal(t.replayed.damaged, 1);
    segment_file(&file, path, 3);
    gv_buf_printf(&said, "%s at byte %d: the records before it are missing", file.p, LOG_HEAD_SIZE);
    assert_string_equal(t.replayed.what, gv_buf_cstr(&said));
    told_fini(&t);
    gv_buf_fini(&file);
    gv_buf_fini(&said);
    remove_tree(path);
}

static void zeros_are_no_records(void **state)
{
    (void)state;
    char path[64];
    struct gv_buf file = GV_BUF_INIT, bytes = GV_BUF_INIT;
    struct told t;
    make_folder(path);
    write_sizes(path);
    segment_file(&file, path, 1);
    load(file.p, &bytes);
    memset(gv_buf_reserve(&bytes, 4096), 0, 4096);
    save(file.p, bytes.p, bytes.n + 4096);
    read_back(path, &t);
    assert_all(&t, GV_COUNT(sizes));
    assert_int_equal(t.replayed.damaged, 1);
    told_fini(&t);
    gv_buf_fini(&file);
    gv_buf_fini(&bytes);
    remove_tree(path);
}

/* Its records may be anything: to read them as damage would be to lose them. */
static void a_later_version_is_refused(void **state)
{
    (void)state;
    char path[64];
    struct gv_buf file = GV_BUF_INIT, bytes = GV_BUF_INIT;
    struct gv_err err = {.code = GV_OK};
    struct gv_log_replayed out;
    make_folder(path);
    write_sizes(path);
    segment_file(&file, path, 1);
    load(file.p, &bytes);
    bytes.p[8] = 2;
    uint32_t crc = gv_crc32c(0, bytes.p, 20);
    memcpy(bytes.p + 20, &crc, 4);
    save(file.p, bytes.p, bytes.n);
    struct gv_log *l = gv_log_open(&(struct gv_log_options){.path = path, .name = "wal"}, &err);
    assert_false(gv_log_replay(l, 0, NULL, NULL, &out, &err));
    assert_int_equal(err.code, GV_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "has version 2 of the log's format; this program knows version 1"));
    close_log(l);
    gv_buf_fini(&file);
    gv_buf_fini(&bytes);
    remove_tree(path);
}

static void a_folder_that_cannot_be_is_an_error(void **state)
{
    (void)state;
    struct gv_err err = {.code = GV_OK};
    assert_null(gv_log_open(&(struct gv_log_options){.path = "/proc/no/wal", .name = "wal"}, &err));
    assert_int_equal(err.code, GV_UNAVAILABLE);
    assert_string_equal(err.msg, "wal: make folder /proc/no/wal: No such file or directory");
}

/* ---- Killed ---- */

/* A child that writes without end and says on the pipe which record is acknowledged. */
static void write_until_killed(const char *path, enum gv_log_sync sync, uint64_t first, int out)
{
    struct gv_log *l = start_log(&(struct gv_log_options){
        .path = path, .name = "test", .sync = sync, .sync_interval_ms = 2, .segment_size = 10000});
    for (uint64_t i = first;; i++)
        if (!append_record(l, 2 * i, 100, NULL, NULL) || !commit_record(l, 2 * i + 1, 100) ||
            write(out, &i, sizeof i) != sizeof i)
            _exit(1);
}

static void killed_processes_lose_nothing_acknowledged(void **state)
{
    char path[64];
    struct told t;
    enum gv_log_sync sync = *(enum gv_log_sync *)*state;
    uint64_t acknowledged = 0, first = 0;
    make_folder(path);
    for (unsigned round = 0; round < 8; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            write_until_killed(path, sync, first, ends[1]);
        close(ends[1]);
        for (unsigned n = 0; n < 20 + 13 * round; n++)
            assert_int_equal(read(ends[0], &acknowledged, sizeof acknowledged), sizeof acknowledged);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged)
            ;
        close(ends[0]);
        read_back(path, &t);
        assert_true(t.n >= 2 * acknowledged + 2);
        assert_all(&t, t.n);
        first = (t.n + 1) / 2;
        if (t.n % 2) /* the pair's second one never came */
            write_records(path, t.n, t.n + 1, 100);
        told_fini(&t);
    }
    remove_tree(path);
}

int main(void)
{
    static enum gv_log_sync interval = GV_LOG_INTERVAL, always = GV_LOG_ALWAYS;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_after_a_restart),
        cmocka_unit_test(an_empty_record_is_a_record),
        cmocka_unit_test_prestate(threads_append_side_by_side, &interval),
        cmocka_unit_test_prestate(threads_append_side_by_side, &always),
        cmocka_unit_test(a_cut_divides_and_a_drop_removes),
        cmocka_unit_test(what_waits_is_bounded),
        cmocka_unit_test(a_torn_tail_loses_what_was_torn_only),
        cmocka_unit_test(a_flipped_bit_is_seen_wherever_it_is),
        cmocka_unit_test(damage_in_the_middle_is_named_and_the_rest_read),
        cmocka_unit_test(a_segment_that_is_gone_is_named),
        cmocka_unit_test(zeros_are_no_records),
        cmocka_unit_test(a_later_version_is_refused),
        cmocka_unit_test(a_folder_that_cannot_be_is_an_error),
        cmocka_unit_test_prestate(killed_processes_lose_nothing_acknowledged, &interval),
        cmocka_unit_test_prestate(killed_processes_lose_nothing_acknowledged, &always),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
