/* The head against a simple one: appends, truncations, freezes, deletions, checkpoints and restarts in an order that a
 * seed decides. After each round everything that a reader sees is compared, and after a restart what the log and the
 * checkpoint gave back. */
#include "../../support/log_records.h"
#include "head_support.h"
#include <ftw.h>

enum { SERIES = 24, MOST = 4096, ROUNDS = 120, RANGE = 60 * 1000, SEEDS = 24, BATCH = 40, KINDS = 6 };
static const int64_t start = INT64_C(1700006400000);

static uint64_t seed_;
static uint32_t random_below(uint32_t n)
{
    seed_ ^= seed_ << 13;
    seed_ ^= seed_ >> 7;
    seed_ ^= seed_ << 17;
    return (uint32_t)(seed_ >> 32) % n;
}

/* ---- Values: floats, or one of a few histograms ---- */

static const struct gv_span spans[] = {{0, 2}, {3, 1}};
static const double buckets[KINDS][3] = {{1, 2, 0}, {2, 2, 1}, {3, 4, 1}, {1.5, 2, 1}, {5, 5, 5}, {0, 0, 0}};
static struct gv_histogram histograms[KINDS];

static void make_histograms(void)
{
    for (int i = 0; i < KINDS; i++) {
        double count = buckets[i][0] + buckets[i][1] + buckets[i][2];
        histograms[i] = (struct gv_histogram){.schema = i == 4 ? 1 : 0,
                                              .zero_threshold = 0.001,
                                              .count = count,
                                              .sum = 2 * count,
                                              .positive = {spans, buckets[i], i ? 2 : 1, i ? 3 : 2}};
    }
    histograms[3].reset_hint = GV_RESET_GAUGE;
}

struct sample {
    int64_t time;
    double value;
    int histogram;    /* 0: none; else its index and 1 */
    uint32_t late;    /* epoch; 0: in order */
    bool is_deleted;  /* is not seen */
    bool is_doubtful; /* came late into times that had been deleted before: may be seen or not */
};

struct model_series {
    const struct gv_labels *labels;
    uint64_t id; /* 0: not there */
    struct sample *samples;
    size_t n;
    struct store_interval deleted[256];
    size_t n_deleted;
};

struct model {
    struct gv_arena arena;
    struct model_series series[SERIES];
    uint64_t highest_id;
    int64_t truncated, max, window;
    uint32_t epoch, late_done;
};

struct rig {
    char path[64];
    char checkpoint[96]; /* "": none */
    uint64_t first_segment;
    unsigned n_checkpoints;
    struct gv_manual_clock clock;
    struct gv_log *log;
    struct head *head;
    struct model model;
};

/* ---- The simple one ---- */

static bool is_held(const struct model *m, const struct sample *s)
{
    return s->late ? s->late > m->late_done : s->time >= m->truncated;
}

static int64_t last_in_order(const struct model *m, const struct model_series *s)
{
    int64_t last = INT64_MIN;
    for (size_t i = 0; i < s->n; i++)
        if (!s->samples[i].late && is_held(m, &s->samples[i]) && s->samples[i].time > last)
            last = s->samples[i].time;
    return last;
}

static bool is_equal(const struct sample *a, const struct sample *b)
{
    return a->histogram == b->histogram && (a->histogram || same_bits(a->value, b->value));
}

static bool is_deleted(const struct model_series *s, int64_t time)
{
    for (size_t i = 0; i < s->n_deleted; i++)
        if (s->deleted[i].min_time <= time && time <= s->deleted[i].max_time)
            return true;
    return false;
}

static uint8_t model_append(struct model *m, struct model_series *s, struct sample added, int64_t max, int64_t now)
{
    int64_t last = last_in_order(m, s), oldest = max == INT64_MIN ? INT64_MIN : max - RANGE / 2;
    oldest = oldest > m->truncated ? oldest : m->truncated;
    if (added.time > now + 600000)
        return GV_APPEND_OUT_OF_BOUNDS;
    bool in_order = added.time > last && added.time >= oldest;
    for (size_t i = 0; !in_order && i < s->n; i++)
        if (s->samples[i].time == added.time && is_held(m, &s->samples[i]))
            return is_equal(&s->samples[i], &added) ? GV_APPEND_SAME : GV_APPEND_DUPLICATE;
    if (!in_order && !m->window)
        return added.time <= last ? GV_APPEND_OUT_OF_ORDER : GV_APPEND_TOO_OLD;
    if (!in_order && max != INT64_MIN && added.time < max - m->window)
        return GV_APPEND_TOO_OLD;
    added.late = in_order ? 0 : m->epoch;
    added.is_doubtful = !in_order && is_deleted(s, added.time);
    assert_true(s->n < MOST);
    s->samples[s->n++] = added;
    if (in_order && added.time > m->max)
        m->max = added.time;
    return GV_APPEND_STORED;
}

/* What is no more held is forgotten, series with nothing left too. */
static void model_collect(struct model *m)
{
    for (size_t i = 0; i < SERIES; i++) {
        struct model_series *s = &m->series[i];
        size_t kept = 0;
        for (size_t j = 0; j < s->n; j++)
            if (is_held(m, &s->samples[j]))
                s->samples[kept++] = s->samples[j];
        s->n = kept;
        if (!kept) {
            s->id = 0;
            s->n_deleted = 0;
        }
    }
}

static void model_delete(struct model_series *s, int64_t min, int64_t max)
{
    for (size_t i = 0; i < s->n; i++)
        s->samples[i].is_deleted |= min <= s->samples[i].time && s->samples[i].time <= max;
    assert_true(s->n_deleted < GV_COUNT(s->deleted));
    s->deleted[s->n_deleted++] = (struct store_interval){min, max};
}

/* ---- Comparing ---- */

static int by_time(const void *a, const void *b)
{
    int64_t l = ((const struct sample *)a)->time, r = ((const struct sample *)b)->time;
    return (l > r) - (l < r);
}

static void compare_sample(struct rig *rig, const struct sample *expected, const struct gv_raw_column *raw, uint32_t i)
{
    assert_int_equal(raw->histograms[i] != NULL, expected->histogram != 0);
    if (expected->histogram)
        assert_true(same_histogram(&rig->model.arena, raw->histograms[i], &histograms[expected->histogram - 1]));
    else
        assert_true(same_bits(raw->values[i], expected->value));
}

static void compare_series(struct rig *rig, struct model_series *s, const struct gv_raw_column *raw)
{
    struct sample *expected = gv_arena_array(&rig->model.arena, struct sample, s->n);
    size_t n = 0;
    uint32_t at = 0;
    for (size_t i = 0; i < s->n; i++)
        if (is_held(&rig->model, &s->samples[i]) && !s->samples[i].is_deleted)
            expected[n++] = s->samples[i];
    qsort(expected, n, sizeof *expected, by_time);
    for (size_t i = 0; i < n; i++) {
        bool there = at < raw->n && raw->times[at] == expected[i].time;
        assert_true(there || expected[i].is_doubtful);
        if (there)
            compare_sample(rig, &expected[i], raw, at++);
    }
    assert_int_equal(at, raw->n);
}

static struct model_series *find_series(struct model *m, const struct gv_labels *labels)
{
    for (size_t i = 0; i < SERIES; i++)
        if (gv_labels_eq(m->series[i].labels, labels))
            return &m->series[i];
    return NULL;
}

static bool has_held(const struct model *m, const struct model_series *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (is_held(m, &s->samples[i]))
            return true;
    return false;
}

static void compare(struct rig *rig)
{
    struct gv_arena a;
    uint64_t *series;
    size_t n, expected = 0;
    struct gv_arena_mark mark = gv_arena_mark(&rig->model.arena);
    gv_arena_init(&a, NULL);
    struct store_reader *r = head_reader_get(rig->head, INT64_MIN);
    select_series(r, &a, NULL, 0, INT64_MIN, INT64_MAX, &series, &n);
    for (size_t i = 0; i < SERIES; i++)
        expected += has_held(&rig->model, &rig->model.series[i]);
    assert_int_equal(n, expected);
    const struct gv_labels *last = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct gv_labels *labels;
        struct gv_raw_column raw = read_samples(r, &a, series[i], &labels);
        if (last)
            assert_true(gv_labels_cmp(last, labels) < 0);
        last = labels;
        struct model_series *s = find_series(&rig->model, labels);
        assert_non_null(s);
        compare_series(rig, s, &raw);
    }
    head_reader_put(r);
    gv_arena_fini(&a);
    gv_arena_rewind(&rig->model.arena, mark);
}

/* ---- What is done to both ---- */

static uint64_t number_of(struct rig *rig, struct model_series *s)
{
    struct gv_err err = {.code = GV_OK};
    uint64_t id;
    if (!head_series(rig->head, s->labels, &id, &err))
        fail_msg("%s", err.msg);
    if (s->id)
        assert_int_equal(id, s->id);
    else
        assert_true(id > rig->model.highest_id); /* never used again */
    if (id > rig->model.highest_id)
        rig->model.highest_id = id;
    return s->id = id;
}

static struct sample random_sample(struct rig *rig, struct model_series *s)
{
    int64_t now = rig->clock.wall_ns / 1000000;
    struct sample sample = {.time = now - random_below(3000), .value = random_below(8)};
    if (random_below(4) == 0)
        sample.time = now - random_below(2 * RANGE);
    if (random_below(50) == 0)
        sample.time = now + 600001;
    if (s - rig->model.series < SERIES / 3 && random_below(8))
        sample.histogram = 1 + (int)random_below(KINDS);
    return sample;
}

static void append_some(struct rig *rig)
{
    struct gv_store_sample samples[BATCH];
    struct sample model[BATCH];
    struct model_series *of[BATCH];
    uint8_t verdicts[BATCH];
    struct gv_err err = {.code = GV_OK};
    size_t n = 1 + random_below(BATCH);
    for (size_t i = 0; i < n; i++) {
        of[i] = i && random_below(2) ? of[i - 1] : &rig->model.series[random_below(SERIES)];
        model[i] = random_sample(rig, of[i]);
        samples[i] =
            (struct gv_store_sample){.series = number_of(rig, of[i]),
                                     .time = model[i].time,
                                     .value = model[i].value,
                                     .histogram = model[i].histogram ? &histograms[model[i].histogram - 1] : NULL};
    }
    struct gv_store_batch b = {.samples = samples, .n = n, .verdicts = verdicts};
    struct awaited ticket;
    awaited_init(&ticket);
    if (!head_append(rig->head, &b, &ticket.ticket, &err))
        fail_msg("%s", err.msg);
    assert_true(awaited_wait(&ticket));
    int64_t now = rig->clock.wall_ns / 1000000;
    for (uint64_t stripe = 0; stripe < 64;
         stripe++) { /* in which order they are taken, a look at the newest time each */
        int64_t max = rig->model.max;
        for (size_t i = 0; i < n; i++)
            if (samples[i].series / 256 % 64 == stripe)
                assert_int_equal(verdicts[i], model_append(&rig->model, of[i], model[i], max, now));
    }
}

static void truncate_some(struct rig *rig)
{
    int64_t now = rig->clock.wall_ns / 1000000, to = (now - RANGE) / RANGE * RANGE;
    if (rig->model.max == INT64_MIN || to > rig->model.max - RANGE / 2)
        return;
    head_truncate(rig->head, to);
    if (to <= rig->model.truncated)
        return;
    rig->model.truncated = to;
    compare(rig);
    head_collect(rig->head);
    model_collect(&rig->model);
}

static void freeze_some(struct rig *rig)
{
    bool written = random_below(3) > 0;
    uint32_t frozen = rig->model.epoch;
    struct store_reader *r = head_out_of_order_freeze(rig->head);
    rig->model.epoch++;
    if (!r)
        return;
    append_some(rig);
    head_reader_put(r);
    head_out_of_order_done(rig->head, written);
    if (!written)
        return;
    rig->model.late_done = frozen;
    compare(rig);
    head_collect(rig->head);
    model_collect(&rig->model);
}

static void delete_some(struct rig *rig)
{
    struct gv_arena a;
    struct gv_matcher m;
    struct gv_err err = {.code = GV_OK};
    char value[16];
    uint32_t which = random_below(4);
    int64_t now = rig->clock.wall_ns / 1000000, min = now - random_below(RANGE), max = min + random_below(5000);
    gv_arena_init(&a, NULL);
    snprintf(value, sizeof value, "%u", which);
    assert_true(gv_matcher_make(&m, &a, GV_MATCH_EQ, GV_S("group"), gv_slice_of(value), &err));
    if (!head_delete(rig->head, &m, 1, min, max, &err))
        fail_msg("%s", err.msg);
    for (size_t i = which; i < SERIES; i += 4)
        model_delete(&rig->model.series[i], min, max);
    gv_arena_fini(&a);
}

/* ---- The log ---- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void remove_folder(const char *path)
{
    nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void replay(struct gv_log *l, uint64_t first, struct head *h)
{
    struct gv_err err = {.code = GV_OK};
    struct gv_log_replayed done = {0};
    if (!gv_log_replay(l, first, head_replay_record, h, &done, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(done.damaged, 0);
}

static void close_log(struct gv_log *l)
{
    struct gv_err err = {.code = GV_OK};
    if (!gv_log_close(l, &err))
        fail_msg("%s", err.msg);
}

static void replay_checkpoint(struct rig *rig)
{
    struct gv_err err = {.code = GV_OK};
    struct gv_log_options o = {.path = rig->checkpoint, .name = "checkpoint"};
    struct gv_log *l = gv_log_open(&o, &err);
    assert_non_null(l);
    replay(l, 0, rig->head);
    close_log(l);
}

static void open_head(struct rig *rig)
{
    struct gv_err err = {.code = GV_OK};
    struct gv_log_options o = {.path = rig->path, .name = "test"};
    rig->log = gv_log_open(&o, &err);
    if (!rig->log)
        fail_msg("%s", err.msg);
    struct head_options options = {.log = rig->log,
                                   .block_range = RANGE,
                                   .out_of_order_window = rig->model.window,
                                   .clock = &rig->clock.clock,
                                   .max_exemplars = 10,
                                   .replay_helper = random_below(2)};
    rig->head = head_new(&options);
    if (*rig->checkpoint)
        replay_checkpoint(rig);
    replay(rig->log, rig->first_segment, rig->head);
    if (!head_replay_done(rig->head, &err))
        fail_msg("%s", err.msg);
    if (!gv_log_start(rig->log, &err))
        fail_msg("%s", err.msg);
}

/* Something that is logged: in front of it go the series that have no samples yet. */
static void log_something(struct rig *rig)
{
    static unsigned times;
    char help[16];
    struct gv_err err = {.code = GV_OK};
    snprintf(help, sizeof help, "%u", times++);
    struct gv_store_metadata metadata = {GV_S("c"), GV_S("m"), GV_S("gauge"), gv_slice_of(help), GV_S("")};
    struct gv_store_batch b = {.metadata = &metadata, .n_metadata = 1};
    if (!head_append(rig->head, &b, NULL, &err))
        fail_msg("%s", err.msg);
}

static void restart(struct rig *rig)
{
    struct model *m = &rig->model;
    log_something(rig);
    close_log(rig->log);
    head_free(rig->head);
    open_head(rig);
    m->max = INT64_MIN;
    for (size_t i = 0; i < SERIES; i++) {
        int64_t last = last_in_order(m, &m->series[i]);
        m->max = last > m->max ? last : m->max;
    }
    if (m->truncated > INT64_MIN || m->late_done)
        model_collect(m);
}

static void checkpoint(struct rig *rig)
{
    struct gv_err err = {.code = GV_OK};
    char folder[96];
    uint64_t segment;
    snprintf(folder, sizeof folder, "%s.checkpoint.%u", rig->path, ++rig->n_checkpoints);
    if (!gv_log_cut(rig->log, &segment, &err))
        fail_msg("%s", err.msg);
    append_some(rig); /* is in both */
    if (!head_checkpoint(rig->head, NULL, folder, &err) || !gv_log_drop(rig->log, segment, &err))
        fail_msg("%s", err.msg);
    if (*rig->checkpoint)
        remove_folder(rig->checkpoint);
    strcpy(rig->checkpoint, folder);
    rig->first_segment = segment;
}

/* ---- All of it ---- */

static void make_model(struct model *m, int64_t window)
{
    *m = (struct model){.truncated = INT64_MIN, .max = INT64_MIN, .epoch = 1, .window = window};
    gv_arena_init(&m->arena, NULL);
    gv_arena_alloc(&m->arena, 1);
    for (size_t i = 0; i < SERIES; i++) {
        char text[64];
        snprintf(text, sizeof text, "__name__=m%zu,group=%zu,i=%zu", i % 3, i % 4, i);
        m->series[i].labels = labels_of(&m->arena, text);
        m->series[i].samples = gv_arena_array(&m->arena, struct sample, MOST);
    }
}

static void do_something(struct rig *rig)
{
    uint32_t what = random_below(100);
    gv_manual_clock_advance(&rig->clock, (int64_t)random_below(4000) * 1000000);
    if (what < 70)
        append_some(rig);
    else if (what < 78)
        truncate_some(rig);
    else if (what < 83)
        freeze_some(rig);
    else if (what < 88)
        delete_some(rig);
    else if (what < 93)
        checkpoint(rig);
    else
        restart(rig);
    compare(rig);
}

static void run(uint64_t seed)
{
    struct rig *rig = calloc(1, sizeof *rig);
    seed_ = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    make_folder(rig->path);
    gv_manual_clock_init(&rig->clock, start);
    make_model(&rig->model, seed % 3 ? RANGE * 2 : 0);
    open_head(rig);
    for (int i = 0; i < ROUNDS; i++)
        do_something(rig);
    restart(rig);
    compare(rig);
    close_log(rig->log);
    head_free(rig->head);
    remove_folder(rig->path);
    if (*rig->checkpoint)
        remove_folder(rig->checkpoint);
    gv_arena_fini(&rig->model.arena);
    free(rig);
}

static void both_agree(void **state)
{
    const char *only = getenv("GV_SEED");
    (void)state;
    make_histograms();
    for (uint64_t seed = only ? strtoul(only, NULL, 10) : 1; seed <= (only ? seed : SEEDS); seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        run(seed);
        if (only)
            return;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
