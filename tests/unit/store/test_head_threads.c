/* The head under several threads at once: appends, selects, truncation, freezes, deletions, a checkpoint, the log. What
 * ThreadSanitizer sees is the point; besides, no reader may see a series torn, and nothing that was stored is missing.
 */
#include "../../support/log_records.h"
#include "head_support.h"
#include <stdatomic.h>

enum { WRITERS = 3, READERS = 2, SERIES = 600, SCRAPES = 120, RANGE = 20000 };
static const int64_t start = INT64_C(1700006400000);

struct rig {
    struct head *head;
    struct gv_log *log;
    char path[64];
    struct gv_manual_clock clock;
    atomic_int writing;
    atomic_ulong read_samples;
};
struct writer {
    struct rig *rig;
    size_t number;
    pthread_t thread;
};

static void make_name(char text[64], size_t writer, size_t i, size_t scrape)
{
    /* a third of the series are replaced now and then */
    snprintf(text, 64, "__name__=m%zu,i=%zu,round=%zu,writer=%zu", i % 5, i, i % 3 ? 0 : 1 + scrape / 10, writer);
}

/* One scrape of a writer's series, asking anew for those that are gone. */
static void scrape(struct writer *w, size_t n, uint64_t *ids)
{
    static _Thread_local struct gv_store_sample samples[SERIES];
    static _Thread_local uint8_t verdicts[SERIES];
    struct gv_err err = {.code = GV_OK};
    for (size_t i = 0; i < SERIES; i++) {
        char text[64];
        if (!ids[i] || n % 10 == 0) {
            make_name(text, w->number, i, n);
            ids[i] = series_of(w->rig->head, text);
        }
        int64_t time = start + (int64_t)n * 1000 - (i % 50 == 0 && n ? 1500 : 0);
        samples[i] = (struct gv_store_sample){.series = ids[i], .time = time, .value = (double)time};
    }
    struct gv_store_batch b = {.samples = samples, .n = SERIES, .verdicts = verdicts};
    struct awaited ticket;
    awaited_init(&ticket);
    assert_true(head_append(w->rig->head, &b, &ticket.ticket, &err));
    assert_true(awaited_wait(&ticket));
    for (size_t i = 0; i < SERIES; i++) {
        if (verdicts[i] == GV_APPEND_GONE)
            ids[i] = 0;
        else
            assert_true(verdicts[i] == GV_APPEND_STORED || verdicts[i] == GV_APPEND_SAME);
    }
}

static void *write_all(void *arg)
{
    struct writer *w = arg;
    uint64_t ids[SERIES] = {0};
    for (size_t n = 0; n < SCRAPES; n++)
        scrape(w, n, ids);
    w->rig->writing--;
    return NULL;
}

static void *read_all(void *arg)
{
    struct rig *rig = arg;
    while (rig->writing) {
        struct gv_arena a, scratch;
        struct gv_matcher m;
        struct gv_err err = {.code = GV_OK};
        uint64_t *series;
        size_t n;
        gv_arena_init(&a, NULL);
        gv_arena_init(&scratch, NULL);
        assert_true(gv_matcher_make(&m, &a, GV_MATCH_RE, GV_LABEL_NAME, GV_S("m[0-3]"), &err));
        struct store_reader *r = head_reader_get(rig->head, INT64_MIN);
        select_series(r, &a, &m, 1, INT64_MIN, INT64_MAX, &series, &n);
        for (size_t i = 0; i < n; i++) {
            const struct gv_labels *labels;
            struct gv_raw_column raw = read_samples(r, &scratch, series[i], &labels);
            assert_int_equal(labels->count, 4);
            for (uint32_t j = 0; j < raw.n; j++)
                assert_true(raw.values[j] == (double)raw.times[j]);
            rig->read_samples += raw.n;
        }
        head_reader_put(r);
        gv_arena_fini(&a);
        gv_arena_fini(&scratch);
    }
    return NULL;
}

static void write_checkpoint(struct rig *rig, size_t number)
{
    char folder[96];
    struct gv_err err = {.code = GV_OK};
    snprintf(folder, sizeof folder, "%s/checkpoint.%zu", rig->path, number);
    if (!head_checkpoint(rig->head, NULL, folder, &err))
        fail_msg("%s", err.msg);
}

static void look_around(struct rig *rig)
{
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    struct gv_store_status status = {0};
    struct gv_store_cardinality c;
    struct gv_slice *values;
    size_t n;
    gv_arena_init(&a, NULL);
    head_status(rig->head, &status);
    assert_true(head_cardinality(rig->head, &a, 10, &c, &err));
    struct store_reader *r = head_reader_get(rig->head, INT64_MIN);
    assert_true(r->ops->label_values(r, &a, GV_S("i"), &values, &n, &err));
    head_reader_put(r);
    gv_arena_fini(&a);
}

static void freeze(struct head *h)
{
    struct store_reader *r = head_out_of_order_freeze(h);
    if (!r)
        return;
    head_reader_put(r);
    head_out_of_order_done(h, true);
}

static void *keep_house(void *arg)
{
    struct rig *rig = arg;
    struct gv_arena a;
    struct gv_matcher m;
    struct gv_err err = {.code = GV_OK};
    gv_arena_init(&a, NULL);
    assert_true(gv_matcher_make(&m, &a, GV_MATCH_EQ, GV_S("i"), GV_S("7"), &err));
    for (size_t n = 0; rig->writing; n++) {
        int64_t max = head_max_time(rig->head);
        if (max > start)
            head_truncate(rig->head, (max - RANGE / 2) / 1000 * 1000);
        head_collect(rig->head);
        freeze(rig->head);
        assert_true(head_delete(rig->head, &m, 1, start, max, &err));
        look_around(rig);
        if (n % 50 == 0)
            write_checkpoint(rig, n);
    }
    gv_arena_fini(&a);
    return NULL;
}

static void open_rig(struct rig *rig)
{
    struct gv_err err = {.code = GV_OK};
    *rig = (struct rig){.writing = WRITERS};
    make_folder(rig->path);
    gv_manual_clock_init(&rig->clock, start + SCRAPES * 1000);
    rig->log = gv_log_open(&(struct gv_log_options){.path = rig->path, .name = "test"}, &err);
    assert_true(rig->log && gv_log_start(rig->log, &err));
    struct head_options o = {
        .log = rig->log, .block_range = RANGE, .out_of_order_window = 3600000, .clock = &rig->clock.clock};
    rig->head = head_new(&o);
    assert_true(head_replay_done(rig->head, &err));
}

static void everything_at_once(void **state)
{
    (void)state;
    static struct rig rig;
    struct writer writers[WRITERS];
    pthread_t readers[READERS], keeper;
    struct gv_err err = {.code = GV_OK};
    open_rig(&rig);
    for (size_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.rig = &rig, .number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_all, &writers[i]), 0);
    }
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all, &rig), 0);
    assert_int_equal(pthread_create(&keeper, NULL, keep_house, &rig), 0);
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
    for (size_t i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    pthread_join(keeper, NULL);
    /* all that is left are series with samples behind the truncation */
    head_truncate(rig.head, INT64_MAX);
    freeze(rig.head);
    head_collect(rig.head);
    struct gv_store_status status = {0};
    head_status(rig.head, &status);
    assert_int_equal(status.series, 0);
    assert_int_equal(status.symbols, 0);
    assert_int_equal(status.chunks, 0);
    assert_true(gv_log_close(rig.log, &err));
    head_free(rig.head);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", rig.path);
    assert_int_equal(system(command), 0);
}

/* ---- A label that comes while a selection runs ---- */

struct selecting {
    struct head *head;
    struct gv_matcher matchers[2];
    atomic_bool has_begun;
    size_t wrong;
};

static void *select_while(void *arg)
{
    struct selecting *s = arg;
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    uint64_t *series;
    size_t n;
    gv_arena_init(&a, NULL);
    struct store_reader *r = head_reader_get(s->head, INT64_MIN);
    s->has_begun = true;
    select_series(r, &a, s->matchers, 2, INT64_MIN, INT64_MAX, &series, &n);
    for (size_t i = 0; i < n; i++) {
        const struct gv_labels *labels;
        assert_true(r->ops->labels(r, &a, series[i], &labels, &err));
        s->wrong += !gv_matchers_match(s->matchers, 2, labels);
    }
    head_reader_put(r);
    gv_arena_fini(&a);
    return NULL;
}

/* The expression takes its time, without a lock; then comes a series with a label that nobody had before, which the
 * other matcher does not want. */
static void a_new_label_does_not_slip_through(void **state)
{
    enum { METRICS = 20000, ROUNDS = 20 };
    (void)state;
    struct gv_manual_clock clock;
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    gv_manual_clock_init(&clock, start);
    gv_arena_init(&a, NULL);
    struct head *h = head_new(&(struct head_options){.clock = &clock.clock});
    assert_true(head_replay_done(h, &err));
    for (int i = 0; i < METRICS; i++) {
        char text[64];
        snprintf(text, sizeof text, "__name__=metric_%d", i);
        append_float(h, series_of(h, text), start, 1);
    }
    for (int i = 0; i < ROUNDS; i++) {
        char name[32], text[64];
        pthread_t thread;
        snprintf(name, sizeof name, "new%d", i);
        snprintf(text, sizeof text, "__name__=metric_%d,%s=yes", i, name);
        struct selecting s = {.head = h};
        assert_true(
            gv_matcher_make(&s.matchers[0], &a, GV_MATCH_RE, GV_S("__name__"), GV_S("m[a-z]+_([0-9]+)+"), &err));
        assert_true(gv_matcher_make(&s.matchers[1], &a, GV_MATCH_NE, gv_slice_of(name), GV_S("yes"), &err));
        assert_int_equal(pthread_create(&thread, NULL, select_while, &s), 0);
        while (!s.has_begun)
            ;
        for (volatile int spin = 0; spin < i * 20000; spin++)
            ;
        append_float(h, series_of(h, text), start + 1, 1);
        pthread_join(thread, NULL);
        assert_int_equal(s.wrong, 0);
    }
    gv_arena_fini(&a);
    head_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(everything_at_once),
                                       cmocka_unit_test(a_new_label_does_not_slip_through)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
