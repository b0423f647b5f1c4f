/* The head and its log: what comes back after a restart, from the log alone and from a checkpoint; what the log
 * refuses; what is no record. */
#include "../../support/log_records.h"
#include "head_support.h"

static const int64_t start = INT64_C(1700006400000);

struct rig {
    char path[64];
    struct gv_manual_clock clock;
    struct gv_log *log;
    struct head *head;
};

static void replay(struct gv_log *l, struct head *h)
{
    struct gv_err err = {.code = GV_OK};
    struct gv_log_replayed done = {0};
    if (!gv_log_replay(l, 0, head_replay_record, h, &done, &err))
        fail_msg("%s", err.msg);
}

static struct gv_log *open_log(const char *path, size_t max_queued)
{
    struct gv_err err = {.code = GV_OK};
    struct gv_log *l =
        gv_log_open(&(struct gv_log_options){.path = path, .max_queued = max_queued, .name = "test"}, &err);
    if (!l)
        fail_msg("%s", err.msg);
    return l;
}

static void open_head(struct rig *rig, size_t max_queued)
{
    struct gv_err err = {.code = GV_OK};
    rig->log = open_log(rig->path, max_queued);
    rig->head = head_new(&(struct head_options){.log = rig->log, .clock = &rig->clock.clock, .max_exemplars = 10});
    replay(rig->log, rig->head);
    assert_true(head_replay_done(rig->head, &err));
    assert_true(gv_log_start(rig->log, &err));
}

static void make_rig(struct rig *rig, size_t max_queued)
{
    *rig = (struct rig){0};
    make_folder(rig->path);
    gv_manual_clock_init(&rig->clock, start);
    open_head(rig, max_queued);
}

static void close_log(struct gv_log *l)
{
    struct gv_err err = {.code = GV_OK};
    if (!gv_log_close(l, &err))
        fail_msg("%s", err.msg);
}

static void close_head(struct rig *rig)
{
    close_log(rig->log);
    head_free(rig->head);
}

static void end_rig(struct rig *rig)
{
    char command[192];
    close_head(rig);
    snprintf(command, sizeof command, "rm -rf %s %s.checkpoint", rig->path, rig->path);
    assert_int_equal(system(command), 0);
}

/* A head of the checkpoint alone. */
static struct head *from_checkpoint(struct rig *rig)
{
    char folder[96];
    struct gv_err err = {.code = GV_OK};
    snprintf(folder, sizeof folder, "%s.checkpoint", rig->path);
    if (!head_checkpoint(rig->head, NULL, folder, &err))
        fail_msg("%s", err.msg);
    struct head *h = head_new(&(struct head_options){.clock = &rig->clock.clock, .max_exemplars = 10});
    struct gv_log *l = open_log(folder, 0);
    replay(l, h);
    assert_true(head_replay_done(h, &err));
    close_log(l);
    return h;
}

/* ---- What comes back ---- */

static void append_all(struct head *h)
{
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    uint64_t id = series_of(h, "__name__=up,job=a");
    uint8_t verdicts[2], exemplar_verdict;
    gv_arena_init(&a, NULL);
    struct gv_store_sample samples[] = {{.series = id, .time = start - 5, .value = -0.0},
                                        {.series = id, .time = start, .value = 1.5}};
    struct gv_store_exemplar exemplar = {id, start, 0.25, labels_of(&a, "trace_id=x")};
    struct gv_store_metadata metadata = {GV_S("c1"), GV_S("up"), GV_S("gauge"), GV_S("whether it is up"), GV_S("")};
    struct gv_store_batch b = {samples, 2, verdicts, &exemplar, 1, &exemplar_verdict, &metadata, 1};
    struct awaited ticket;
    awaited_init(&ticket);
    assert_true(head_append(h, &b, &ticket.ticket, &err));
    assert_true(awaited_wait(&ticket));
    assert_int_equal(verdicts[0] | verdicts[1] | exemplar_verdict, GV_APPEND_STORED);
    gv_arena_fini(&a);
}

static void assert_all(struct head *h)
{
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    const struct gv_labels *labels;
    struct gv_store_exemplars *exemplars;
    struct gv_store_metadata *metadata;
    uint64_t *series;
    size_t n;
    gv_arena_init(&a, NULL);
    struct store_reader *r = head_reader_get(h, INT64_MIN);
    select_series(r, &a, NULL, 0, INT64_MIN, INT64_MAX, &series, &n);
    assert_int_equal(n, 1);
    struct gv_raw_column raw = read_samples(r, &a, series[0], &labels);
    assert_int_equal(raw.n, 2);
    assert_true(same_bits(raw.values[0], -0.0) && same_bits(raw.values[1], 1.5));
    assert_true(raw.times[0] == start - 5 && raw.times[1] == start);
    assert_true(gv_slice_is(gv_labels_get(labels, GV_S("job")), "a"));
    head_reader_put(r);
    assert_true(head_exemplars(h, &a, NULL, 0, INT64_MIN, INT64_MAX, &exemplars, &n, &err));
    assert_int_equal(n, 1);
    assert_true(exemplars[0].n == 1 && exemplars[0].exemplars[0].value == 0.25);
    assert_true(gv_slice_is(gv_labels_get(exemplars[0].exemplars[0].labels, GV_S("trace_id")), "x"));
    assert_true(head_metadata(h, &a, GV_S("up"), &metadata, &n, &err));
    assert_int_equal(n, 1);
    assert_true(gv_slice_is(metadata[0].help, "whether it is up") && gv_slice_is(metadata[0].cluster, "c1"));
    gv_arena_fini(&a);
}

static void all_of_a_batch_comes_back(void **state)
{
    (void)state;
    struct rig rig;
    make_rig(&rig, 0);
    append_all(rig.head);
    assert_all(rig.head);
    close_head(&rig);
    open_head(&rig, 0);
    assert_all(rig.head);
    struct head *h = from_checkpoint(&rig);
    assert_all(h);
    head_free(h);
    end_rig(&rig);
}

static void series_without_samples_keep_their_numbers_once_a_later_one_is_logged(void **state)
{
    (void)state;
    struct rig rig;
    make_rig(&rig, 0);
    uint64_t first = series_of(rig.head, "__name__=a"), second = series_of(rig.head, "__name__=b");
    assert_int_equal(append_float(rig.head, second, start, 1), GV_APPEND_STORED);
    close_head(&rig);
    open_head(&rig, 0);
    assert_int_equal(series_of(rig.head, "__name__=a"), first);
    assert_int_equal(series_of(rig.head, "__name__=b"), second);
    end_rig(&rig);
}

static void numbers_of_dropped_series_are_not_used_again(void **state)
{
    (void)state;
    struct rig rig;
    make_rig(&rig, 0);
    uint64_t id = series_of(rig.head, "__name__=a");
    append_float(rig.head, id, start, 1);
    head_truncate(rig.head, start + 1);
    head_collect(rig.head);
    struct head *h = from_checkpoint(&rig);
    assert_true(series_of(h, "__name__=b") > id);
    head_free(h);
    end_rig(&rig);
}

static void of_one_record_the_later_series_has_the_labels(void **state)
{
    static const char record[] = "\1\0\0\0\x13"
                                 "\1\0\4\1a\1x" /* 1: a=x */
                                 "\1\3\1y"      /* 2: a=y */
                                 "\0\3\1z"      /* 2 again: known */
                                 "\1\3\1x";     /* 3: a=x */
    (void)state;
    struct head *h = head_new(&(struct head_options){.clock = &gv_clock_real});
    struct gv_err err = {.code = GV_OK};
    if (!head_replay_record(h, (struct gv_slice){record, sizeof record - 1}, (struct gv_log_place){0}, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(series_of(h, "a=x"), 3);
    assert_int_equal(series_of(h, "a=y"), 2);
    assert_int_equal(series_of(h, "a=z"), 4);
    head_free(h);
}

/* ---- What the log refuses ---- */

static void what_was_refused_may_be_sent_again(void **state)
{
    enum { SAMPLES = 200, MOST_QUEUED = 600 };
    (void)state;
    struct rig rig;
    struct gv_store_sample samples[SAMPLES];
    uint8_t verdicts[SAMPLES];
    struct gv_err err = {.code = GV_OK};
    struct awaited ticket;
    make_rig(&rig, MOST_QUEUED);
    uint64_t id = series_of(rig.head, "__name__=a");
    for (int i = 0; i < SAMPLES; i++)
        samples[i] = (struct gv_store_sample){.series = id, .time = start + i, .value = i + 0.5};
    struct gv_store_batch b = {.samples = samples, .n = SAMPLES, .verdicts = verdicts};
    awaited_init(&ticket);
    assert_false(head_append(rig.head, &b, &ticket.ticket, &err));
    assert_int_equal(err.code, GV_UNAVAILABLE);
    assert_false(ticket.done);
    for (int i = 0; i < SAMPLES; i += 20) {
        b = (struct gv_store_batch){.samples = samples + i, .n = 20, .verdicts = verdicts};
        for (bool taken = false; !taken;) { /* while the queue is full */
            struct gv_err full = {.code = GV_OK};
            awaited_init(&ticket);
            taken = head_append(rig.head, &b, &ticket.ticket, &full);
        }
        assert_true(awaited_wait(&ticket));
        for (int j = 0; j < 20; j++)
            assert_int_equal(verdicts[j], GV_APPEND_SAME);
    }
    close_head(&rig);
    open_head(&rig, 0);
    assert_int_equal(series_of(rig.head, "__name__=a"), id);
    for (int i = 0; i < SAMPLES; i++)
        assert_int_equal(append_float(rig.head, id, samples[i].time, samples[i].value), GV_APPEND_SAME);
    end_rig(&rig);
}

/* What is out of order, too: of samples before the time of truncation replay takes no others. */
static void what_was_refused_out_of_order_may_be_sent_again(void **state)
{
    enum { SAMPLES = 200, PART = 20, MOST_QUEUED = 600, MINUTE = 60000, WINDOW = 60 * MINUTE };
    (void)state;
    struct rig rig;
    struct gv_store_sample samples[SAMPLES];
    uint8_t verdicts[SAMPLES];
    struct gv_err err = {.code = GV_OK};
    make_rig(&rig, MOST_QUEUED);
    head_set_out_of_order_window(rig.head, WINDOW);
    uint64_t id = series_of(rig.head, "__name__=a");
    assert_int_equal(append_float(rig.head, id, start, 1), GV_APPEND_STORED);
    head_truncate(rig.head, start - 1);
    for (int i = 0; i < SAMPLES; i++)
        samples[i] = (struct gv_store_sample){.series = id, .time = start - MINUTE + i, .value = i + 0.5};
    struct gv_store_batch b = {.samples = samples, .n = SAMPLES, .verdicts = verdicts};
    assert_false(head_append(rig.head, &b, NULL, &err));
    for (int i = 0; i < SAMPLES; i += PART) {
        struct awaited ticket;
        b = (struct gv_store_batch){.samples = samples + i, .n = PART, .verdicts = verdicts};
        for (bool taken = false; !taken;) { /* while the queue is full */
            struct gv_err full = {.code = GV_OK};
            awaited_init(&ticket);
            taken = head_append(rig.head, &b, &ticket.ticket, &full);
        }
        assert_true(awaited_wait(&ticket));
        for (int j = 0; j < PART; j++)
            assert_int_equal(verdicts[j], GV_APPEND_SAME);
    }
    close_head(&rig);
    open_head(&rig, 0);
    head_set_out_of_order_window(rig.head, WINDOW);
    for (int i = 0; i < SAMPLES; i++)
        assert_int_equal(append_float(rig.head, id, samples[i].time, samples[i].value), GV_APPEND_SAME);
    end_rig(&rig);
}

/* The record has series before it that the log does not take. */
static void nothing_is_swept_before_the_log_knows(void **state)
{
    enum { YOUNG = 300, MOST_QUEUED = 600 };
    (void)state;
    struct rig rig;
    struct gv_store_status status = {0};
    make_rig(&rig, MOST_QUEUED);
    append_float(rig.head, series_of(rig.head, "__name__=old"), start, 1);
    for (int i = 0; i < YOUNG; i++) {
        char text[64];
        snprintf(text, sizeof text, "__name__=a_long_name_%d", i * i);
        series_of(rig.head, text);
    }
    head_truncate(rig.head, start + 1);
    head_collect(rig.head);
    head_status(rig.head, &status);
    assert_int_equal(status.series, YOUNG + 1);
    end_rig(&rig);
}

static void a_batch_of_nothing_is_answered_at_once(void **state)
{
    (void)state;
    struct rig rig;
    struct gv_err err = {.code = GV_OK};
    struct gv_store_sample sample = {.series = 77, .time = start};
    uint8_t verdict;
    struct gv_store_batch b = {.samples = &sample, .n = 1, .verdicts = &verdict};
    struct awaited ticket;
    make_rig(&rig, 0);
    awaited_init(&ticket);
    assert_true(head_append(rig.head, &b, &ticket.ticket, &err));
    assert_true(ticket.done && !ticket.err.code);
    assert_int_equal(verdict, GV_APPEND_GONE);
    end_rig(&rig);
}

/* ---- What is no record ---- */

static void assert_refused(const char *bytes, size_t n, const char *message)
{
    struct head *h = head_new(&(struct head_options){0});
    struct gv_err err = {.code = GV_OK};
    assert_false(head_replay_record(h, (struct gv_slice){bytes, n}, (struct gv_log_place){3, 40, 7}, &err));
    assert_int_equal(err.code, GV_INTERNAL);
    assert_string_equal(err.msg, message);
    head_free(h);
}

/* Series 300 is the helper's. It may find the fault while later records are read, or at their end. */
static void what_a_helper_cannot_read_is_named_too(void **state)
{
    static const char bad[] = "\1\0\0\0\x08\xac\2\0\4\1a\1x" /* 300: a=x */
                              "\3\0\0\0\5\xd8\4\0\1x",       /* its histogram */
        good[] = "\1\0\0\0\x08\xad\2\0\4\1a\1y";
    (void)state;
    struct head *h = head_new(&(struct head_options){.replay_helper = true});
    struct gv_err err = {.code = GV_OK};
    assert_true(head_replay_record(h, (struct gv_slice){bad, sizeof bad - 1}, (struct gv_log_place){3, 40, 7}, &err));
    bool ok = head_replay_record(h, (struct gv_slice){good, sizeof good - 1}, (struct gv_log_place){3, 60, 8}, &err);
    assert_false(ok && head_replay_done(h, &err));
    assert_int_equal(err.code, GV_INTERNAL);
    assert_non_null(strstr(err.msg, "segment 00000003, byte 40: "));
    head_free(h);
    h = head_new(&(struct head_options){.replay_helper = true}); /* the error of an earlier record is told */
    err = (struct gv_err){.code = GV_OK};
    assert_true(head_replay_record(h, (struct gv_slice){bad, sizeof bad - 1}, (struct gv_log_place){3, 40, 7}, &err));
    assert_false(head_replay_record(h, (struct gv_slice){"x", 1}, (struct gv_log_place){3, 60, 8}, &err));
    assert_non_null(strstr(err.msg, "segment 00000003, byte 40: "));
    head_free(h);
}

static void what_is_no_record_is_named_with_its_place(void **state)
{
    (void)state;
    assert_refused("\1\0\0\0\2x", 6, "segment 00000003, byte 40: a record of the head: a section that is cut");
    assert_refused("\1\0\0\0\2\1\2", 7, "segment 00000003, byte 40: a record of the head: no series");
    assert_refused("\x63\0\0\0\0", 5,
                   "segment 00000003, byte 40: a record of the head: an unknown kind of section; was it written by a "
                   "later version?");
    assert_refused("\2\0\0\0\1\x80", 6, "segment 00000003, byte 40: a record of the head: no sample");
    /* a chunk of two samples at one time */
    assert_refused("\6\0\0\0\x13\1\1\0\0\0\xd\0\2\0\0\0\0\0\0\0\0\0\0\0", 24,
                   "segment 00000003, byte 40: a record of the head: a chunk that goes back in time");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_a_batch_comes_back),
        cmocka_unit_test(series_without_samples_keep_their_numbers_once_a_later_one_is_logged),
        cmocka_unit_test(numbers_of_dropped_series_are_not_used_again),
        cmocka_unit_test(of_one_record_the_later_series_has_the_labels),
        cmocka_unit_test(what_was_refused_may_be_sent_again),
        cmocka_unit_test(what_was_refused_out_of_order_may_be_sent_again),
        cmocka_unit_test(nothing_is_swept_before_the_log_knows),
        cmocka_unit_test(a_batch_of_nothing_is_answered_at_once),
        cmocka_unit_test(what_is_no_record_is_named_with_its_place),
        cmocka_unit_test(what_a_helper_cannot_read_is_named_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
