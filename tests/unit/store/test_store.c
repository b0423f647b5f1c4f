/* The store as a whole against a model in memory: random appends whose time goes on, maintenance, deletions, reopening,
 * and readers that hold a view over all of that. Ranges are small, so that heads are cut and blocks compacted often. */
#include "codec/chunks.h"
#include "store/store.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

enum { SERIES = 30, STEPS = 600, STEP = 1000, RANGE = 60000, START = 1000000000, LATE = 30000 };
enum { SLOTS = STEPS * 8 }; /* a slot is STEP / 8 ms: where samples may lie */

static uint32_t seed;
static uint32_t below(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

struct model { /* value of series s at slot t, where has; nothing is sent again for what was deleted */
    bool has[SERIES][SLOTS], deleted[SERIES][SLOTS];
    double values[SERIES][SLOTS];
};

struct world {
    char folder[64];
    struct gv_manual_clock clock;
    struct gv_store *store;
    struct gv_arena arena;
    struct model *model;
    const struct gv_labels *labels[SERIES];
    size_t slot;          /* now */
    uint64_t compactions; /* before the last opening */
};

static int64_t time_of(size_t slot)
{
    return START + (int64_t)slot * STEP / 8;
}

/* ---- The world ---- */

static void must(bool ok, const struct gv_err *err)
{
    if (!ok)
        fail_msg("%s", err->msg);
}

static void open_store(struct world *w)
{
    struct gv_err err = {0};
    struct gv_store_options o = {.path = w->folder,
                                 .sync = GV_LOG_INTERVAL,
                                 .out_of_order_window = LATE,
                                 .block_range = RANGE,
                                 .clock = &w->clock.clock};
    w->store = gv_store_open(&o, &err);
    must(w->store != NULL, &err);
}

static void close_store(struct world *w)
{
    struct gv_err err = {0};
    struct gv_store_status status;
    gv_store_status(w->store, &status);
    w->compactions += status.compactions;
    must(gv_store_close(w->store, &err), &err);
    w->store = NULL;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->folder, sizeof w->folder, "/tmp/globalview-store-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    gv_arena_init(&w->arena, NULL);
    gv_manual_clock_init(&w->clock, START);
    w->model = calloc(1, sizeof *w->model);
    for (int i = 0; i < SERIES; i++) {
        const struct gv_label l[] = {{GV_LABEL_NAME, GV_S("m")},
                                     {GV_S("cluster"), i < SERIES / 2 ? GV_S("c1") : GV_S("c2")},
                                     {GV_S("instance"), gv_slice_of(gv_arena_printf(&w->arena, "%03d", i))}};
        w->labels[i] = gv_labels_make(&w->arena, l, 3);
    }
    open_store(w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char command[128];
    struct gv_err err = {0};
    assert_true(gv_store_close(w->store, &err));
    snprintf(command, sizeof command, "rm -rf %s", w->folder);
    assert_int_equal(system(command), 0);
    gv_arena_fini(&w->arena);
    free(w->model);
    free(w);
    return 0;
}

/* ---- Steps ---- */

/* Appends one sample and puts it into the model where the store says that it has it. */
static void append(struct world *w, size_t s, size_t slot, double value)
{
    struct gv_store_sample sample = {.time = time_of(slot), .value = value};
    struct gv_err err = {0};
    uint8_t verdict = GV_APPEND_GONE;
    struct gv_store_batch b = {.samples = &sample, .n = 1, .verdicts = &verdict};
    while (verdict == GV_APPEND_GONE) {
        must(gv_store_series(w->store, w->labels[s], &sample.series, &err), &err);
        must(gv_store_append(w->store, &b, NULL, &err), &err);
    }
    if (verdict == GV_APPEND_SAME)
        assert_true(w->model->has[s][slot] && w->model->values[s][slot] == value);
    if (verdict == GV_APPEND_DUPLICATE)
        assert_true(w->model->has[s][slot]);
    if (verdict == GV_APPEND_STORED && !w->model->has[s][slot]) {
        w->model->has[s][slot] = true;
        w->model->values[s][slot] = value;
    }
}

static void scrape(struct world *w)
{
    for (size_t s = 0; s < SERIES; s++) {
        if (below(10) == 0 || (s % 5 == 0 && w->slot / 1000 % 2)) /* some end for a while */
            continue;
        append(w, s, w->slot, (double)below(1000));
        size_t late = w->slot - below(RANGE / STEP * 8);
        if (below(8) == 0 && late < w->slot && !w->model->has[s][late] && !w->model->deleted[s][late])
            append(w, s, late, (double)below(1000));
    }
}

static void delete_some(struct world *w)
{
    struct gv_matcher m;
    struct gv_err err = {0};
    size_t s = below(SERIES), from = below((uint32_t)w->slot + 1), to = from + below(400);
    struct gv_slice instance = gv_labels_get(w->labels[s], GV_S("instance"));
    must(gv_matcher_make(&m, &w->arena, GV_MATCH_EQ, GV_S("instance"), instance, &err), &err);
    struct gv_store_matchers set = {&m, 1};
    must(gv_store_delete(w->store, &set, 1, time_of(from), time_of(to), &err), &err);
    for (size_t t = from; t <= to && t < SLOTS; t++) {
        w->model->has[s][t] = false;
        w->model->deleted[s][t] = t <= w->slot; /* what is to come is not deleted */
    }
}

static void maintain(struct world *w)
{
    struct gv_err err = {0};
    for (bool did = true; did;)
        must(gv_store_maintain(w->store, &did, &err), &err);
}

/* ---- What a view must show ---- */

static void check_series(const struct world *w, const struct model *m, size_t s, const struct gv_select *what,
                         const struct gv_raw_column *raw)
{
    uint32_t n = 0;
    for (size_t t = 0; t < SLOTS; t++) {
        if (!m->has[s][t] || time_of(t) < what->min_time || time_of(t) > what->max_time)
            continue;
        if (n == raw->n || raw->times[n] != time_of(t))
            fail_msg("seed %u: series %zu lacks slot %zu (now %zu)", seed, s, t, w->slot);
        assert_true(raw->values[n] == m->values[s][t]);
        n++;
    }
    if (n != raw->n)
        fail_msg("seed %u: series %zu has %u samples, not %u: one at slot %lld (now %zu)", seed, s, raw->n, n,
                 (long long)(raw->times[n] - START) * 8 / STEP, w->slot);
}

static bool has_any(const struct model *m, size_t s, const struct gv_select *what)
{
    for (size_t t = 0; t < SLOTS; t++)
        if (m->has[s][t] && time_of(t) >= what->min_time && time_of(t) <= what->max_time)
            return true;
    return false;
}

static void check_view(const struct world *w, struct gv_store_view *v, const struct model *m, int64_t min, int64_t max)
{
    struct gv_select what = {.min_time = min, .max_time = max};
    struct gv_source *source = gv_store_view_source(v);
    struct gv_arena a, scratch;
    struct gv_cursor *cursor;
    struct gv_series got;
    struct gv_err err = {0};
    size_t n, s = 0;
    gv_arena_init(&a, NULL);
    gv_arena_init(&scratch, NULL);
    must(source->ops->select(source, &a, &what, &cursor, 1, &n, &err), &err);
    int more;
    while ((more = cursor->ops->next(cursor, &scratch, &got, &err)) == 1) {
        struct gv_raw_column raw = got.column.raw;
        if (got.column.kind == GV_COLUMN_CHUNKS)
            must(gv_chunks_to_raw(&scratch, &got.column.chunks, min, max, &raw, &err), &err);
        if (raw.n) {
            while (s < SERIES && !has_any(m, s, &what))
                s++;
            assert_true(s < SERIES && gv_labels_eq(got.labels, w->labels[s]));
            check_series(w, m, s++, &what, &raw);
        }
        gv_arena_fini(&scratch);
    }
    must(more == 0, &err);
    cursor->ops->close(cursor);
    while (s < SERIES && !has_any(m, s, &what))
        s++;
    assert_int_equal(s, SERIES);
    gv_arena_fini(&scratch);
    gv_arena_fini(&a);
}

static void check_now(struct world *w)
{
    struct gv_store_view *v = gv_store_view_get(w->store);
    int64_t from = time_of(below((uint32_t)w->slot + 1));
    check_view(w, v, w->model, INT64_MIN, INT64_MAX);
    check_view(w, v, w->model, from, from + below(RANGE * 3));
    gv_store_view_put(v);
}

static void step(struct world *w)
{
    gv_manual_clock_advance(&w->clock, (int64_t)STEP * 1000000);
    w->slot += 8;
    scrape(w);
    if (below(20) == 0)
        maintain(w);
    if (below(60) == 0)
        delete_some(w);
    if (below(60) == 0) {
        close_store(w);
        open_store(w);
    }
}

static void test_against_a_model(void **state)
{
    struct world *w = *state;
    struct gv_store_status status;
    struct gv_err err = {0};
    const char *given = getenv("GV_SEED");
    seed = given ? (uint32_t)atoi(given) : 7;
    for (size_t i = 0; i + 2 < STEPS; i++) {
        step(w);
        if (below(10) == 0)
            check_now(w);
    }
    maintain(w);
    check_now(w);
    must(gv_store_clean_tombstones(w->store, &err), &err);
    check_now(w);
    gv_store_status(w->store, &status);
    assert_true(status.blocks > 0);
    assert_true(w->compactions + status.compactions > 0);
    assert_int_equal(status.damaged_blocks, 0);
}

/* A view shows the same for as long as it is held, whatever is cut, compacted and dropped meanwhile. */
static void test_views_hold_still(void **state)
{
    struct world *w = *state;
    struct model *then = malloc(sizeof *then);
    seed = 11;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 100; i++)
            step(w);
        struct gv_store_view *v = gv_store_view_get(w->store);
        int64_t until = time_of(w->slot) - LATE - 1; /* what comes late may be seen */
        *then = *w->model;
        for (size_t i = 0; i < 90; i++) {
            gv_manual_clock_advance(&w->clock, (int64_t)STEP * 1000000);
            w->slot += 8;
            for (size_t s = 0; s < SERIES; s++)
                append(w, s, w->slot, 1);
            if (i % 10 == 0)
                maintain(w);
        }
        check_view(w, v, then, INT64_MIN, until);
        gv_store_view_put(v);
        check_now(w);
    }
    free(then);
}

static void test_old_blocks_go(void **state)
{
    struct world *w = *state;
    struct gv_store_status before, after;
    seed = 3;
    for (size_t i = 0; i < 500; i++) {
        gv_manual_clock_advance(&w->clock, (int64_t)STEP * 1000000);
        w->slot += 8;
        append(w, 0, w->slot, 1);
    }
    maintain(w);
    gv_store_status(w->store, &before);
    gv_store_set_retention(w->store, RANGE * 2, 0);
    maintain(w);
    gv_store_status(w->store, &after);
    assert_true(before.blocks > 0);
    assert_true(after.min_time > before.min_time);
    assert_true(after.deleted_blocks > 0);
    assert_true(after.min_time >= time_of(w->slot) - RANGE * 6);
}

/* Blocks, the log, and what stands for the log's older part. */
static void test_too_many_bytes_go(void **state)
{
    struct world *w = *state;
    struct gv_store_status s;
    char command[128];
    unsigned long long checkpoint = 0;
    seed = 3;
    for (size_t i = 0; i < 300; i++) {
        gv_manual_clock_advance(&w->clock, (int64_t)STEP * 1000000);
        w->slot += 8;
        append(w, below(SERIES), w->slot, 1);
    }
    maintain(w);
    gv_store_status(w->store, &s);
    assert_true(s.blocks > 1);
    snprintf(command, sizeof command, "cat %s/checkpoint.*/* | wc -c", w->folder);
    FILE *f = popen(command, "r");
    assert_int_equal(fscanf(f, "%llu", &checkpoint), 1);
    pclose(f);
    assert_true(checkpoint > 0);
    for (int less = 0; less < 2; less++) {
        gv_store_set_retention(w->store, 0, (int64_t)(s.block_bytes + s.log.bytes + checkpoint) - less);
        maintain(w);
        gv_store_status(w->store, &s);
        assert_int_equal(s.deleted_blocks, less);
    }
}

/* Blocks are made for minutes; what ends the program does not wait for that, and loses nothing. */
static void test_making_blocks_is_given_up(void **state)
{
    struct world *w = *state;
    struct gv_store_status s;
    struct gv_err err = {0};
    bool did;
    seed = 3;
    for (size_t i = 0; i < 300; i++) {
        gv_manual_clock_advance(&w->clock, (int64_t)STEP * 1000000);
        w->slot += 8;
        append(w, below(SERIES), w->slot, 1);
    }
    gv_store_stop(w->store);
    assert_false(gv_store_maintain(w->store, &did, &err));
    assert_int_equal(err.code, GV_CANCELED);
    gv_store_status(w->store, &s);
    assert_int_equal(s.blocks, 0);
    char command[128];
    snprintf(command, sizeof command, "[ $(ls %s | wc -l) = 2 ]", w->folder); /* lock, log */
    assert_int_equal(system(command), 0);
    check_now(w);
    close_store(w);
    open_store(w);
    maintain(w);
    check_now(w);
    gv_store_status(w->store, &s);
    assert_true(s.blocks > 0);
}

static void test_labels(void **state)
{
    struct world *w = *state;
    struct gv_err err = {0};
    struct gv_slice *texts;
    const struct gv_labels **sets;
    struct gv_matcher m;
    size_t n;
    for (size_t s = 0; s < SERIES; s++)
        append(w, s, 1, 1);
    struct gv_store_view *v = gv_store_view_get(w->store);
    must(gv_matcher_make(&m, &w->arena, GV_MATCH_EQ, GV_S("cluster"), GV_S("c1"), &err), &err);
    struct gv_store_matchers set = {&m, 1};
    must(gv_store_label_names(v, &w->arena, NULL, 0, INT64_MIN, INT64_MAX, &texts, &n, &err), &err);
    assert_int_equal(n, 3);
    assert_true(gv_slice_is(texts[0], "__name__") && gv_slice_is(texts[2], "instance"));
    must(gv_store_label_values(v, &w->arena, GV_S("cluster"), &set, 1, INT64_MIN, INT64_MAX, &texts, &n, &err), &err);
    assert_true(n == 1 && gv_slice_is(texts[0], "c1"));
    must(gv_store_label_values(v, &w->arena, GV_S("instance"), NULL, 0, INT64_MIN, INT64_MAX, &texts, &n, &err), &err);
    assert_int_equal(n, SERIES);
    must(gv_store_label_sets(v, &w->arena, &set, 1, INT64_MIN, INT64_MAX, &sets, &n, &err), &err);
    assert_int_equal(n, SERIES / 2);
    assert_true(gv_labels_eq(sets[0], w->labels[0]));
    must(gv_store_known_values(w->store, &w->arena, GV_S("cluster"), &texts, &n, &err), &err);
    assert_true(n == 2 && gv_slice_is(texts[1], "c2"));
    gv_store_view_put(v);
}

static size_t count_sets(struct world *w, int64_t min, int64_t max, const struct gv_labels **first)
{
    struct gv_store_view *v = gv_store_view_get(w->store);
    const struct gv_labels **sets;
    struct gv_err err = {0};
    size_t n;
    must(gv_store_label_sets(v, &w->arena, NULL, 0, min, max, &sets, &n, &err), &err);
    *first = n ? sets[0] : NULL;
    gv_store_view_put(v);
    return n;
}

/* What came late once, and is in a block now, does not make the head one that has those times. */
static void test_late_samples_are_forgotten_with_their_block(void **state)
{
    enum { SECOND = 8 }; /* slots */
    struct world *w = *state;
    struct gv_slice *texts;
    struct gv_err err = {0};
    size_t n;
    for (size_t t = 0; t < 400; t++) {
        gv_manual_clock_advance(&w->clock, (int64_t)STEP * 1000000);
        append(w, t < 380 ? 0 : 1, t * SECOND, 1);
        if (t == 60)
            append(w, 0, 50 * SECOND + 1, 1);
    }
    maintain(w);
    struct gv_store_view *v = gv_store_view_get(w->store);
    must(gv_store_label_values(v, &w->arena, GV_S("instance"), NULL, 0, time_of(30 * SECOND), time_of(55 * SECOND),
                               &texts, &n, &err),
         &err);
    assert_int_equal(n, 1);
    assert_true(gv_slice_is(texts[0], "000"));
    gv_store_view_put(v);
    check_now(w);
}

static void test_labels_end_when_nobody_waits(void **state)
{
    struct world *w = *state;
    struct gv_slice *texts;
    const struct gv_labels **sets;
    size_t n;
    append(w, 0, 1, 1);
    struct gv_store_view *v = gv_store_view_get(w->store);
    _Atomic bool cancel = false;
    int64_t now = gv_clock_monotonic(&w->clock.clock);
    for (int why = 0; why < 3; why++) {
        static const enum gv_err_code codes[] = {GV_OK, GV_CANCELED, GV_TIMEOUT};
        struct gv_err names = {0}, found = {0};
        cancel = why == 1;
        gv_store_view_watch(v, &cancel, why == 2 ? now - 1 : now + 1);
        assert_int_equal(gv_store_label_names(v, &w->arena, NULL, 0, INT64_MIN, INT64_MAX, &texts, &n, &names), !why);
        assert_int_equal(gv_store_label_sets(v, &w->arena, NULL, 0, INT64_MIN, INT64_MAX, &sets, &n, &found), !why);
        assert_int_equal(names.code, codes[why]);
        assert_int_equal(found.code, codes[why]);
    }
    gv_store_view_put(v);
}

/* As in Prometheus: a series is listed where it has a chunk in the times that is not wholly deleted. */
static void test_series_are_listed_where_they_have_samples(void **state)
{
    enum { SECOND = 8 }; /* slots */
    struct world *w = *state;
    struct gv_matcher m;
    struct gv_err err = {0};
    const struct gv_labels *first;
    for (size_t t = 0; t < 100; t++) {
        gv_manual_clock_advance(&w->clock, (int64_t)STEP * 1000000);
        append(w, t < 5 ? 0 : t < 10 ? 1 : 2, t * SECOND, 1);
    }
    for (int in_a_block = 0; in_a_block < 2; in_a_block++) {
        assert_int_equal(count_sets(w, time_of(0), time_of(4 * SECOND), &first), 1);
        assert_true(gv_labels_eq(first, w->labels[0]));
        assert_int_equal(count_sets(w, time_of(4 * SECOND), time_of(5 * SECOND), &first), 2);
        assert_int_equal(count_sets(w, time_of(11 * SECOND), time_of(12 * SECOND), &first), 1);
        assert_true(gv_labels_eq(first, w->labels[2]));
        maintain(w);
    }
    must(gv_matcher_make(&m, &w->arena, GV_MATCH_EQ, GV_S("instance"), GV_S("000"), &err), &err);
    struct gv_store_matchers set = {&m, 1};
    must(gv_store_delete(w->store, &set, 1, INT64_MIN, INT64_MAX, &err), &err);
    assert_int_equal(count_sets(w, time_of(0), time_of(4 * SECOND), &first), 0);
    assert_int_equal(count_sets(w, INT64_MIN, INT64_MAX, &first), 2);
}

/* Values are few bytes each, and many: their number is the data's. */
static void test_values_are_under_the_budget(void **state)
{
    enum { MANY = 40000, ROOM = 3 << 20 };
    struct world *w = *state;
    struct gv_budget budget;
    struct gv_arena small;
    struct gv_slice *values;
    struct gv_matcher m;
    struct gv_err err = {0};
    size_t n;
    for (int i = 0; i < MANY; i++) {
        const struct gv_label l[] = {
            {GV_LABEL_NAME, GV_S("many")},
            {GV_S("id"), gv_slice_of(gv_arena_printf(&w->arena, "a rather long value of %d", i))}};
        struct gv_store_sample sample = {.time = START, .value = 1};
        uint8_t verdict;
        struct gv_store_batch b = {.samples = &sample, .n = 1, .verdicts = &verdict};
        must(gv_store_series(w->store, gv_labels_make(&w->arena, l, 2), &sample.series, &err), &err);
        must(gv_store_append(w->store, &b, NULL, &err), &err);
    }
    must(gv_matcher_make(&m, &w->arena, GV_MATCH_EQ, GV_LABEL_NAME, GV_S("many"), &err), &err);
    struct gv_store_matchers set = {&m, 1};
    struct gv_store_view *v = gv_store_view_get(w->store);
    for (int with_set = 0; with_set < 2; with_set++) {
        err = (struct gv_err){0};
        gv_budget_init(&budget, "max_query_memory", ROOM, GV_EXECUTION, NULL);
        gv_arena_init(&small, &budget);
        assert_false(gv_store_label_values(v, &small, GV_S("id"), &set, (size_t)with_set, INT64_MIN, INT64_MAX, &values,
                                           &n, &err));
        assert_int_equal(err.code, GV_EXECUTION);
        assert_true(budget.peak < ROOM + (1 << 20));
        gv_arena_fini(&small);
    }
    gv_store_view_put(v);
}

static void test_one_process_a_folder(void **state)
{
    const struct world *w = *state;
    struct gv_err err = {0};
    struct gv_store_options o = {.path = w->folder, .clock = &w->clock.clock};
    assert_null(gv_store_open(&o, &err));
    assert_int_equal(err.code, GV_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "in use by another process, pid "));
}

static void test_snapshot_opens_by_itself(void **state)
{
    struct world *w = *state;
    struct gv_err err = {0};
    char name[64], path[256];
    seed = 5;
    for (size_t i = 0; i < 200; i++)
        step(w);
    must(gv_store_snapshot(w->store, false, name, &err), &err);
    snprintf(path, sizeof path, "%s/snapshots/%s", w->folder, name);
    struct gv_store_options o = {.path = path, .block_range = RANGE, .clock = &w->clock.clock};
    struct gv_store *copy = gv_store_open(&o, &err);
    must(copy != NULL, &err);
    struct gv_store_view *v = gv_store_view_get(copy);
    check_view(w, v, w->model, INT64_MIN, INT64_MAX);
    gv_store_view_put(v);
    must(gv_store_close(copy, &err), &err);
}

/* ---- Times before all history ---- */

static uint8_t put(struct world *w, size_t s, int64_t time);

/* They neither pass for the newest nor keep the head from being cut. */
static void test_times_before_all_history(void **state)
{
    struct world *w = *state;
    struct gv_store_status status;
    assert_int_equal(put(w, 0, INT64_MIN), GV_APPEND_TOO_OLD);
    assert_int_equal(put(w, 0, INT64_MIN + 5), GV_APPEND_TOO_OLD);
    assert_int_equal(put(w, 1, INT64_MIN / 2), GV_APPEND_STORED);
    for (size_t t = 0; t < 200; t++) {
        assert_int_equal(put(w, 0, START + (int64_t)t * STEP), GV_APPEND_STORED);
        gv_manual_clock_advance(&w->clock, (int64_t)STEP * 1000000);
    }
    maintain(w);
    gv_store_status(w->store, &status);
    assert_true(status.blocks > 1);
    assert_true(status.head_min_time >= START + RANGE);
}

/* ---- A clock that jumps ---- */

static uint8_t put(struct world *w, size_t s, int64_t time)
{
    struct gv_store_sample sample = {.time = time, .value = 1};
    struct gv_err err = {0};
    uint8_t verdict = GV_APPEND_GONE;
    struct gv_store_batch b = {.samples = &sample, .n = 1, .verdicts = &verdict};
    while (verdict == GV_APPEND_GONE) {
        must(gv_store_series(w->store, w->labels[s], &sample.series, &err), &err);
        must(gv_store_append(w->store, &b, NULL, &err), &err);
    }
    return verdict;
}

/* What is stored before, in and after the hour that the clock was ahead; all of it is there, also after a restart. */
static void test_a_clock_that_jumps(void **state)
{
    enum { BEFORE = 100, MS = 1000000 };
    struct world *w = *state;
    const int64_t ahead = (int64_t)3600 * 1000;
    for (size_t t = 0; t < BEFORE; t++) {
        assert_int_equal(put(w, 0, START + (int64_t)t * STEP), GV_APPEND_STORED);
        w->model->has[0][t * 8] = true;
        w->model->values[0][t * 8] = 1;
    }
    int64_t now = START + (int64_t)BEFORE * STEP;
    assert_int_equal(put(w, 0, w->clock.wall_ns / MS + 600001), GV_APPEND_OUT_OF_BOUNDS);
    w->clock.wall_ns += ahead * MS;
    assert_int_equal(put(w, 1, START + ahead + 600000), GV_APPEND_STORED);
    assert_int_equal(put(w, 1, START + ahead + 600001), GV_APPEND_OUT_OF_BOUNDS);
    w->clock.wall_ns -= ahead * MS;
    maintain(w);
    assert_int_equal(put(w, 0, now), GV_APPEND_TOO_OLD); /* until the clock has caught up with the newest sample */
    for (int opened = 0; opened < 2; opened++) {
        struct gv_store_status status;
        struct gv_store_view *v = gv_store_view_get(w->store);
        check_view(w, v, w->model, INT64_MIN, now);
        gv_store_view_put(v);
        gv_store_status(w->store, &status);
        assert_int_equal(status.head_max_time, START + ahead + 600000);
        assert_int_equal(put(w, 1, START + ahead + 600000), GV_APPEND_OUT_OF_BOUNDS); /* the clock decides first */
        close_store(w);
        open_store(w);
    }
    w->clock.wall_ns += ahead * MS;
    assert_int_equal(put(w, 1, START + ahead + 600000), GV_APPEND_SAME); /* it was kept */
    assert_int_equal(put(w, 0, START + ahead + 600000), GV_APPEND_STORED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_too_many_bytes_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_making_blocks_is_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_labels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_late_samples_are_forgotten_with_their_block, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_labels_end_when_nobody_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_series_are_listed_where_they_have_samples, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_values_are_under_the_budget, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_process_a_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_times_before_all_history, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_clock_that_jumps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_old_blocks_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_against_a_model, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_views_hold_still, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_snapshot_opens_by_itself, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
