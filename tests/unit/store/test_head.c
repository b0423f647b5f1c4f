/* The head: verdicts, chunks, matchers, order, and what a reader keeps. */
#include "head_support.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE };
static const int64_t start = INT64_C(1700006400000); /* a multiple of 2 h */

static struct gv_manual_clock clock_;

static struct head *make_head(int64_t window)
{
    gv_manual_clock_init(&clock_, start);
    struct head_options o = {.out_of_order_window = window, .clock = &clock_.clock, .max_exemplars = 4};
    struct gv_err err = {.code = GV_OK};
    struct head *h = head_new(&o);
    assert_true(head_replay_done(h, &err));
    return h;
}

/* The samples of the one series that there is, as "0=1 15000=2", times against start. */
static void assert_samples(struct head *h, const char *expected)
{
    struct gv_arena a;
    struct gv_buf text = GV_BUF_INIT;
    uint64_t *series;
    size_t n;
    const struct gv_labels *labels;
    gv_arena_init(&a, NULL);
    struct store_reader *r = head_reader_get(h, INT64_MIN);
    select_series(r, &a, NULL, 0, INT64_MIN, INT64_MAX, &series, &n);
    assert_true(n <= 1);
    struct gv_raw_column raw = {0};
    if (n)
        raw = read_samples(r, &a, series[0], &labels);
    for (uint32_t i = 0; i < raw.n; i++)
        gv_buf_printf(&text, "%s%lld=%g", i ? " " : "", (long long)(raw.times[i] - start),
                      raw.histograms[i] ? raw.histograms[i]->count : raw.values[i]);
    assert_string_equal(gv_buf_cstr(&text), expected);
    head_reader_put(r);
    gv_buf_fini(&text);
    gv_arena_fini(&a);
}

/* ---- Verdicts ---- */

static void samples_in_order_are_stored(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    uint64_t id = series_of(h, "__name__=up,job=a");
    assert_int_equal(append_float(h, id, start, 1), GV_APPEND_STORED);
    assert_int_equal(append_float(h, id, start + 15000, 2), GV_APPEND_STORED);
    assert_samples(h, "0=1 15000=2");
    assert_int_equal(head_min_time(h), start);
    assert_int_equal(head_max_time(h), start + 15000);
    head_free(h);
}

static void sending_again_does_no_harm(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    uint64_t id = series_of(h, "__name__=up");
    for (int i = 0; i < 300; i++)
        assert_int_equal(append_float(h, id, start + i * 1000, i), GV_APPEND_STORED);
    for (int i = 0; i < 300; i++)
        assert_int_equal(append_float(h, id, start + i * 1000, i), GV_APPEND_SAME);
    assert_int_equal(append_float(h, id, start + 299 * 1000, 7), GV_APPEND_DUPLICATE);
    assert_int_equal(append_float(h, id, start + 3 * 1000, 7), GV_APPEND_DUPLICATE);
    head_free(h);
}

static void values_are_compared_by_their_bits(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    uint64_t id = series_of(h, "__name__=up");
    assert_int_equal(append_float(h, id, start, NAN), GV_APPEND_STORED);
    assert_int_equal(append_float(h, id, start, NAN), GV_APPEND_SAME);
    assert_int_equal(append_float(h, id, start, -NAN), GV_APPEND_DUPLICATE);
    assert_int_equal(append_float(h, id, start + 1, 0.0), GV_APPEND_STORED);
    assert_int_equal(append_float(h, id, start + 1, -0.0), GV_APPEND_DUPLICATE);
    head_free(h);
}

static void old_samples_need_a_window(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    uint64_t id = series_of(h, "__name__=up");
    assert_int_equal(append_float(h, id, start, 1), GV_APPEND_STORED);
    assert_int_equal(append_float(h, id, start - 1000, 1), GV_APPEND_OUT_OF_ORDER);
    head_set_out_of_order_window(h, 30 * MINUTE);
    assert_int_equal(append_float(h, id, start - 1000, 7), GV_APPEND_STORED);
    assert_int_equal(append_float(h, id, start - 1000, 7), GV_APPEND_SAME);
    assert_int_equal(append_float(h, id, start - 1000, 8), GV_APPEND_DUPLICATE);
    assert_int_equal(append_float(h, id, start - 31 * MINUTE, 1), GV_APPEND_TOO_OLD);
    assert_samples(h, "-1000=7 0=1");
    head_free(h);
}

static void an_idle_series_may_not_write_into_a_block_that_is_being_cut(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    uint64_t idle = series_of(h, "__name__=up,job=idle"), busy = series_of(h, "__name__=up,job=busy");
    assert_int_equal(append_float(h, idle, start - 2 * HOUR, 1), GV_APPEND_STORED);
    assert_int_equal(append_float(h, busy, start, 1), GV_APPEND_STORED);
    assert_int_equal(append_float(h, idle, start - HOUR - 1, 1), GV_APPEND_TOO_OLD);
    assert_int_equal(append_float(h, idle, start - HOUR, 1), GV_APPEND_STORED);
    head_free(h);
}

static void the_future_ends_in_ten_minutes(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    uint64_t id = series_of(h, "__name__=up");
    assert_int_equal(append_float(h, id, start + 10 * MINUTE + 1, 1), GV_APPEND_OUT_OF_BOUNDS);
    assert_int_equal(append_float(h, id, start + 10 * MINUTE, 1), GV_APPEND_STORED);
    head_free(h);
}

static void a_number_without_a_series_is_gone(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    assert_int_equal(append_float(h, 12345, start, 1), GV_APPEND_GONE);
    head_free(h);
}

static void a_series_has_one_number(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    uint64_t id = series_of(h, "__name__=up,job=a");
    assert_int_equal(series_of(h, "__name__=up,job=a"), id);
    assert_int_not_equal(series_of(h, "__name__=up,job=b"), id);
    assert_int_not_equal(series_of(h, "__name__=up"), id);
    assert_int_not_equal(id, 0);
    head_free(h);
}

/* ---- Chunks ---- */

static void chunks_end_after_120_samples_and_where_blocks_do(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    struct gv_arena a;
    struct store_series s;
    struct gv_err err = {.code = GV_OK};
    uint64_t id = series_of(h, "__name__=up"), *series;
    size_t n;
    int64_t first = start - 100 * 1000;
    for (int i = 0; i < 400; i++)
        assert_int_equal(append_float(h, id, first + i * 1000, i), GV_APPEND_STORED);
    gv_arena_init(&a, NULL);
    struct store_reader *r = head_reader_get(h, INT64_MIN);
    select_series(r, &a, NULL, 0, INT64_MIN, INT64_MAX, &series, &n);
    assert_true(r->ops->series(r, &a, series[0], INT64_MIN, INT64_MAX, &s, &err));
    static const uint32_t samples[] = {100, 120, 120, 60};
    assert_int_equal(s.n_chunks, GV_COUNT(samples));
    for (size_t i = 0; i < s.n_chunks; i++)
        assert_int_equal(gv_chunk_samples(s.chunks[i].data, s.chunks[i].size), samples[i]);
    assert_int_equal(s.chunks[1].min_time, start);
    assert_true(r->ops->series(r, &a, series[0], start, start + 119 * 1000, &s, &err));
    assert_int_equal(s.n_chunks, 1);
    head_reader_put(r);
    gv_arena_fini(&a);
    head_free(h);
}

/* ---- Histograms ---- */

static const struct gv_span span = {0, 2};
static const double counts[] = {1, 2, 3, 4};
static struct gv_histogram histogram(double count)
{
    return (struct gv_histogram){.schema = 0,
                                 .count = 3 * count,
                                 .sum = 5 * count,
                                 .positive = {&span, counts + (size_t)(count > 1), 1, 2},
                                 .zero_threshold = 0.001};
}

static void histograms_and_floats_take_turns(void **state)
{
    (void)state;
    struct head *h = make_head(HOUR);
    uint64_t id = series_of(h, "__name__=rpc");
    struct gv_histogram small = histogram(1), large = histogram(2), half = histogram(1);
    half.count = 3.5;
    assert_int_equal(append_histogram(h, id, start, &small), GV_APPEND_STORED);
    assert_int_equal(append_histogram(h, id, start, &small), GV_APPEND_SAME);
    assert_int_equal(append_histogram(h, id, start, &large), GV_APPEND_DUPLICATE);
    assert_int_equal(append_float(h, id, start, 1), GV_APPEND_DUPLICATE);
    assert_int_equal(append_histogram(h, id, start + 1, &large), GV_APPEND_STORED);
    assert_int_equal(append_float(h, id, start + 2, 8), GV_APPEND_STORED);
    assert_int_equal(append_histogram(h, id, start + 3, &half), GV_APPEND_STORED);
    assert_int_equal(append_histogram(h, id, start + 4, &small), GV_APPEND_STORED);
    assert_int_equal(append_histogram(h, id, start - 1, &large), GV_APPEND_STORED); /* out of order */
    assert_int_equal(append_histogram(h, id, start - 1, &large), GV_APPEND_SAME);
    assert_samples(h, "-1=6 0=3 1=6 2=8 3=3.5 4=3");
    head_free(h);
}

static void a_counter_that_was_reset_begins_a_chunk_that_says_so(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    struct gv_arena a;
    struct store_series s;
    struct gv_err err = {.code = GV_OK};
    uint64_t id = series_of(h, "__name__=rpc"), *series;
    size_t n;
    struct gv_histogram small = histogram(1), large = histogram(2);
    assert_int_equal(append_histogram(h, id, start, &large), GV_APPEND_STORED);
    assert_int_equal(append_histogram(h, id, start + 1, &small), GV_APPEND_STORED);
    gv_arena_init(&a, NULL);
    struct store_reader *r = head_reader_get(h, INT64_MIN);
    select_series(r, &a, NULL, 0, INT64_MIN, INT64_MAX, &series, &n);
    assert_true(r->ops->series(r, &a, series[0], INT64_MIN, INT64_MAX, &s, &err));
    assert_int_equal(s.n_chunks, 2);
    assert_int_equal(s.chunks[1].data[2], 0x80); /* the reset header (Prometheus: "Histogram chunk data") */
    head_reader_put(r);
    gv_arena_fini(&a);
    head_free(h);
}

static void a_stale_marker_ends_histograms_too(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    uint64_t id = series_of(h, "__name__=rpc"), *series;
    struct gv_histogram small = histogram(1);
    struct gv_arena a;
    const struct gv_labels *labels;
    size_t n;
    double stale;
    memcpy(&stale, &(uint64_t){GV_STALE_BITS}, sizeof stale);
    assert_int_equal(append_histogram(h, id, start, &small), GV_APPEND_STORED);
    assert_int_equal(append_float(h, id, start + 1, stale), GV_APPEND_STORED);
    assert_int_equal(append_float(h, id, start + 1, stale), GV_APPEND_SAME);
    gv_arena_init(&a, NULL);
    struct store_reader *r = head_reader_get(h, INT64_MIN);
    select_series(r, &a, NULL, 0, INT64_MIN, INT64_MAX, &series, &n);
    struct gv_raw_column raw = read_samples(r, &a, series[0], &labels);
    assert_int_equal(raw.n, 2);
    assert_true(raw.histograms[1] && gv_is_stale(raw.histograms[1]->sum));
    head_reader_put(r);
    gv_arena_fini(&a);
    head_free(h);
}

/* ---- Selecting ---- */

static void add_samples(struct head *h, const char *const *sets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(append_float(h, series_of(h, sets[i]), start + (int64_t)i * 1000, (double)i),
                         GV_APPEND_STORED);
}

struct matcher {
    const char *name;
    enum gv_match_type type;
    const char *value;
};

/* The label sets found, a line each. */
static void assert_found(struct head *h, const struct matcher *matchers, size_t n, int64_t min_time, int64_t max_time,
                         const char *expected)
{
    struct gv_arena a;
    struct gv_matcher m[4];
    struct gv_buf text = GV_BUF_INIT;
    struct gv_err err = {.code = GV_OK};
    uint64_t *series;
    size_t n_series;
    gv_arena_init(&a, NULL);
    for (size_t i = 0; i < n; i++)
        assert_true(gv_matcher_make(&m[i], &a, matchers[i].type, gv_slice_of(matchers[i].name),
                                    gv_slice_of(matchers[i].value), &err));
    struct store_reader *r = head_reader_get(h, INT64_MIN);
    select_series(r, &a, m, n, min_time, max_time, &series, &n_series);
    for (size_t i = 0; i < n_series; i++) {
        const struct gv_labels *labels;
        assert_true(r->ops->labels(r, &a, series[i], &labels, &err));
        gv_labels_print(&text, labels);
        gv_buf_addc(&text, '\n');
    }
    assert_string_equal(gv_buf_cstr(&text), expected);
    head_reader_put(r);
    gv_buf_fini(&text);
    gv_arena_fini(&a);
}
#define FOUND(expected, ...)                                                                                           \
    assert_found(h, (const struct matcher[]){__VA_ARGS__}, GV_COUNT(((const struct matcher[]){__VA_ARGS__})),          \
                 INT64_MIN, INT64_MAX, expected)

static void matchers_choose(void **state)
{
    (void)state;
    static const char *const sets[] = {"__name__=up,job=b",        "__name__=up,job=a",   "__name__=up",
                                       "__name__=up,job=a,zone=x", "__name__=down,job=a", "__name__=up,job=ab"};
    struct head *h = make_head(0);
    add_samples(h, sets, GV_COUNT(sets));
    FOUND("up{job=\"a\"}\nup{job=\"a\", zone=\"x\"}\n", {"__name__", GV_MATCH_EQ, "up"}, {"job", GV_MATCH_EQ, "a"});
    FOUND("up\nup{job=\"ab\"}\nup{job=\"b\"}\n", {"__name__", GV_MATCH_EQ, "up"}, {"job", GV_MATCH_NE, "a"});
    FOUND("up{job=\"a\"}\nup{job=\"a\", zone=\"x\"}\nup{job=\"b\"}\n", {"__name__", GV_MATCH_EQ, "up"},
          {"job", GV_MATCH_RE, "a|b|c"});
    FOUND("down{job=\"a\"}\nup{job=\"a\"}\nup{job=\"a\", zone=\"x\"}\nup{job=\"ab\"}\n", {"job", GV_MATCH_RE, "a.*"});
    FOUND("up{job=\"ab\"}\n", {"job", GV_MATCH_RE, "[ab]{2}"});
    FOUND("up\n", {"job", GV_MATCH_EQ, ""});
    FOUND("up\nup{job=\"b\"}\n", {"job", GV_MATCH_NRE, "a.*"});
    FOUND("up{job=\"a\", zone=\"x\"}\n", {"zone", GV_MATCH_RE, ".+"});
    FOUND("up{job=\"a\", zone=\"x\"}\n", {"zone", GV_MATCH_NE, ""}, {"none", GV_MATCH_EQ, ""});
    FOUND("", {"none", GV_MATCH_EQ, "x"});
    FOUND("", {"job", GV_MATCH_EQ, "none"});
    FOUND("up\nup{job=\"b\"}\n", {"job", GV_MATCH_RE, "|b"});
    head_free(h);
}

static void series_without_samples_in_the_times_are_left_out(void **state)
{
    (void)state;
    static const char *const sets[] = {"__name__=a", "__name__=b", "__name__=c"};
    struct head *h = make_head(0);
    add_samples(h, sets, GV_COUNT(sets));
    series_of(h, "__name__=without");
    assert_found(h, NULL, 0, INT64_MIN, INT64_MAX, "a\nb\nc\n");
    assert_found(h, NULL, 0, start + 500, start + 1500, "b\n");
    assert_found(h, NULL, 0, start + 2001, INT64_MAX, "");
    head_free(h);
}

static int by_labels(const void *a, const void *b)
{
    return gv_labels_cmp(*(const struct gv_labels *const *)a, *(const struct gv_labels *const *)b);
}

static void the_order_is_that_of_labels(void **state)
{
    enum { SERIES = 5000 };
    (void)state;
    struct head *h = make_head(0);
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    const struct gv_labels **made;
    uint64_t *series;
    size_t n;
    gv_arena_init(&a, NULL);
    made = gv_arena_array(&a, const struct gv_labels *, SERIES);
    for (size_t i = 0; i < SERIES; i++) {
        char text[128];
        size_t x = i * 7919 % SERIES;
        snprintf(text, sizeof text, "A=%zu,__name__=%zu%s%zu", x % 7, x % 3, x % 5 ? ",b=" : ",c=", x);
        made[i] = labels_of(&a, text);
        append_float(h, series_of(h, text), start, 1);
    }
    qsort(made, SERIES, sizeof *made, by_labels);
    struct store_reader *r = head_reader_get(h, INT64_MIN);
    select_series(r, &a, NULL, 0, INT64_MIN, INT64_MAX, &series, &n);
    assert_int_equal(n, SERIES);
    for (size_t i = 0; i < SERIES; i++) {
        const struct gv_labels *labels;
        assert_true(r->ops->labels(r, &a, series[i], &labels, &err));
        assert_true(gv_labels_eq(labels, made[i]));
    }
    head_reader_put(r);
    gv_arena_fini(&a);
    head_free(h);
}

static void assert_slices(const struct gv_slice *s, size_t n, const char *expected)
{
    struct gv_buf text = GV_BUF_INIT;
    for (size_t i = 0; i < n; i++)
        gv_buf_printf(&text, "%s%.*s", i ? " " : "", GV_ARG(s[i]));
    assert_string_equal(gv_buf_cstr(&text), expected);
    gv_buf_fini(&text);
}

static void names_and_values_ascend(void **state)
{
    (void)state;
    static const char *const sets[] = {"__name__=up,job=b", "__name__=up,job=a", "__name__=down,zone=z"};
    struct head *h = make_head(0);
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    struct gv_slice *texts;
    size_t n;
    add_samples(h, sets, GV_COUNT(sets));
    gv_arena_init(&a, NULL);
    struct store_reader *r = head_reader_get(h, INT64_MIN);
    assert_true(r->ops->label_names(r, &a, &texts, &n, &err));
    assert_slices(texts, n, "__name__ job zone");
    assert_true(r->ops->label_values(r, &a, GV_S("job"), &texts, &n, &err));
    assert_slices(texts, n, "a b");
    assert_true(r->ops->label_values(r, &a, GV_S("none"), &texts, &n, &err));
    assert_int_equal(n, 0);
    head_reader_put(r);
    gv_arena_fini(&a);
    head_free(h);
}

/* ---- Truncating ---- */

static struct gv_store_status status_of(struct head *h)
{
    struct gv_store_status s = {0};
    head_status(h, &s);
    return s;
}

static void truncation_spares_who_reads(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    uint64_t old = series_of(h, "__name__=old"), kept = series_of(h, "__name__=kept");
    append_float(h, old, start - 3 * HOUR, 1);
    append_float(h, kept, start - 3 * HOUR, 1);
    append_float(h, kept, start - HOUR, 2);
    struct store_reader *before = head_reader_get(h, INT64_MIN);
    struct gv_arena a;
    const struct gv_labels *labels;
    uint64_t *series;
    size_t n;
    gv_arena_init(&a, NULL);
    head_truncate(h, start - 2 * HOUR);
    head_collect(h);
    assert_found(h, NULL, 0, INT64_MIN, INT64_MAX, "kept\n");
    assert_samples(h, "-3600000=2");
    select_series(before, &a, NULL, 0, INT64_MIN, INT64_MAX, &series, &n);
    assert_int_equal(n, 2);
    assert_int_equal(read_samples(before, &a, series[0], &labels).n, 2);
    assert_int_equal(read_samples(before, &a, series[1], &labels).n, 1);
    head_reader_put(before);
    assert_int_equal(status_of(h).series, 2);
    head_collect(h);
    assert_int_equal(status_of(h).series, 1);
    assert_int_equal(status_of(h).chunks, 1);
    assert_int_equal(status_of(h).symbols, 2);
    assert_int_equal(append_float(h, old, start, 1), GV_APPEND_GONE);
    assert_true(series_of(h, "__name__=old") > kept);
    assert_int_equal(head_min_time(h), start - HOUR);
    assert_int_equal(append_float(h, kept, start - 3 * HOUR, 3), GV_APPEND_OUT_OF_ORDER);
    gv_arena_fini(&a);
    head_free(h);
}

static void a_reader_between_keeps_what_it_found(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    append_float(h, series_of(h, "__name__=old"), start - 3 * HOUR, 1);
    append_float(h, series_of(h, "__name__=new"), start, 1);
    struct store_reader *r = head_reader_get(h, INT64_MIN);
    struct gv_arena a;
    const struct gv_labels *labels;
    struct gv_err err = {.code = GV_OK};
    uint64_t *series;
    size_t n;
    gv_arena_init(&a, NULL);
    select_series(r, &a, NULL, 0, INT64_MIN, INT64_MAX, &series, &n);
    head_truncate(h, start - 2 * HOUR);
    for (int i = 0; i < 3; i++) {
        struct store_reader *other = head_reader_get(h, INT64_MIN);
        head_collect(h);
        head_reader_put(other);
    }
    assert_true(r->ops->labels(r, &a, series[1], &labels, &err));
    assert_string_equal(gv_labels_get(labels, GV_LABEL_NAME).p ? "found" : "", "found");
    assert_int_equal(status_of(h).symbols, 3);
    head_reader_put(r);
    head_collect(h);
    assert_int_equal(status_of(h).symbols, 2);
    gv_arena_fini(&a);
    head_free(h);
}

static void frozen_samples_go_when_they_are_written(void **state)
{
    (void)state;
    struct head *h = make_head(HOUR);
    uint64_t id = series_of(h, "__name__=up"), *series;
    struct gv_arena a;
    const struct gv_labels *labels;
    size_t n;
    gv_arena_init(&a, NULL);
    assert_null(head_out_of_order_freeze(h));
    append_float(h, id, start, 1);
    append_float(h, id, start - 2000, 2);
    append_float(h, id, start - 1000, 3);
    struct store_reader *r = head_out_of_order_freeze(h);
    assert_non_null(r);
    assert_int_equal(r->min_time, start - 2000);
    assert_int_equal(r->max_time, start - 1000);
    append_float(h, id, start - 500, 4); /* too late for this block */
    select_series(r, &a, NULL, 0, INT64_MIN, INT64_MAX, &series, &n);
    assert_int_equal(n, 1);
    struct gv_raw_column raw = read_samples(r, &a, series[0], &labels);
    assert_int_equal(raw.n, 2);
    head_reader_put(r);
    assert_samples(h, "-2000=2 -1000=3 -500=4 0=1");
    head_out_of_order_done(h, true);
    head_collect(h);
    assert_samples(h, "-500=4 0=1");
    gv_arena_fini(&a);
    head_free(h);
}

static void a_freeze_that_failed_changes_nothing(void **state)
{
    (void)state;
    struct head *h = make_head(HOUR);
    uint64_t id = series_of(h, "__name__=up");
    append_float(h, id, start, 1);
    append_float(h, id, start - 2000, 2);
    head_reader_put(head_out_of_order_freeze(h));
    head_out_of_order_done(h, false);
    append_float(h, id, start - 1000, 3);
    head_collect(h);
    assert_samples(h, "-2000=2 -1000=3 0=1");
    struct store_reader *r = head_out_of_order_freeze(h);
    assert_int_equal(r->min_time, start - 2000);
    head_reader_put(r);
    head_free(h);
}

/* ---- Deletions ---- */

static void deletions_take_samples_but_not_those_to_come(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    struct gv_arena a;
    struct gv_matcher m;
    struct gv_err err = {.code = GV_OK};
    uint64_t id = series_of(h, "__name__=up");
    gv_arena_init(&a, NULL);
    assert_true(gv_matcher_make(&m, &a, GV_MATCH_EQ, GV_LABEL_NAME, GV_S("up"), &err));
    for (int i = 0; i < 6; i++)
        append_float(h, id, start + i, i);
    assert_true(head_delete(h, &m, 1, start + 1, start + 1, &err));
    assert_true(head_delete(h, &m, 1, start + 3, start + 3, &err));
    assert_samples(h, "0=0 2=2 4=4 5=5");
    assert_true(head_delete(h, &m, 1, start + 2, INT64_MAX, &err));
    assert_samples(h, "0=0");
    append_float(h, id, start + 6, 6);
    assert_samples(h, "0=0 6=6");
    gv_arena_fini(&a);
    head_free(h);
}

/* ---- Exemplars, metadata, cardinality ---- */

static uint8_t append_exemplar(struct head *h, uint64_t series, int64_t time, double value, const char *labels)
{
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    uint8_t verdict = 0xff;
    gv_arena_init(&a, NULL);
    struct gv_store_exemplar e = {series, time, value, labels_of(&a, labels)};
    struct gv_store_batch b = {.exemplars = &e, .n_exemplars = 1, .exemplar_verdicts = &verdict};
    assert_true(head_append(h, &b, NULL, &err));
    gv_arena_fini(&a);
    return verdict;
}

static void assert_exemplars(struct head *h, int64_t min_time, int64_t max_time, const char *expected)
{
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    struct gv_store_exemplars *found;
    struct gv_buf text = GV_BUF_INIT;
    size_t n;
    gv_arena_init(&a, NULL);
    if (!head_exemplars(h, &a, NULL, 0, min_time, max_time, &found, &n, &err))
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < n; i++) {
        gv_labels_print(&text, found[i].series);
        for (size_t j = 0; j < found[i].n; j++) {
            const struct gv_store_exemplar *e = &found[i].exemplars[j];
            gv_buf_printf(&text, " %lld=%g", (long long)(e->time - start), e->value);
            gv_labels_print(&text, e->labels);
        }
        gv_buf_addc(&text, '\n');
    }
    assert_string_equal(gv_buf_cstr(&text), expected);
    gv_buf_fini(&text);
    gv_arena_fini(&a);
}

static void exemplars_come_by_series_and_time(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    uint64_t b = series_of(h, "__name__=b"), c = series_of(h, "__name__=c");
    append_float(h, b, start, 1);
    append_float(h, c, start, 1);
    assert_int_equal(append_exemplar(h, c, start + 1, 1, "id=x"), GV_APPEND_STORED);
    assert_int_equal(append_exemplar(h, c, start + 1, 1, "id=x"), GV_APPEND_SAME);
    assert_int_equal(append_exemplar(h, c, start + 1, 1, "id=y"), GV_APPEND_DUPLICATE);
    assert_int_equal(append_exemplar(h, c, start, 1, "id=y"), GV_APPEND_OUT_OF_ORDER);
    assert_int_equal(append_exemplar(h, b, start + 2, 2, "id=z"), GV_APPEND_STORED);
    assert_int_equal(append_exemplar(h, c, start + 3, 3, ""), GV_APPEND_STORED);
    assert_int_equal(append_exemplar(h, 999, start, 3, "id=x"), GV_APPEND_GONE);
    assert_exemplars(h, INT64_MIN, INT64_MAX, "b 2=2{id=\"z\"}\nc 1=1{id=\"x\"} 3=3{}\n");
    assert_exemplars(h, start + 2, start + 2, "b 2=2{id=\"z\"}\n");
    for (int i = 0; i < 4; i++) /* the ring has four places */
        assert_int_equal(append_exemplar(h, b, start + 10 + i, i, "id=w"), GV_APPEND_STORED);
    assert_exemplars(h, INT64_MIN, start + 10, "b 10=0{id=\"w\"}\n");
    assert_int_equal(append_exemplar(h, c, start, 1, "id=y"), GV_APPEND_STORED); /* nothing is known of it any more */
    assert_int_equal(status_of(h).exemplars, 4);
    head_free(h);
}

static void put_metadata(struct head *h, const char *cluster, const char *metric, const char *help)
{
    struct gv_err err = {.code = GV_OK};
    struct gv_store_metadata m = {gv_slice_of(cluster), gv_slice_of(metric), GV_S("counter"), gv_slice_of(help),
                                  GV_S("seconds")};
    struct gv_store_batch b = {.metadata = &m, .n_metadata = 1};
    assert_true(head_append(h, &b, NULL, &err));
}

static void the_latest_metadata_of_a_cluster_wins(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    struct gv_store_metadata *found;
    size_t n;
    gv_arena_init(&a, NULL);
    put_metadata(h, "c2", "up", "second");
    put_metadata(h, "c1", "up", "first");
    put_metadata(h, "c1", "up", "newer");
    put_metadata(h, "c1", "down", "other");
    assert_true(head_metadata(h, &a, GV_S("up"), &found, &n, &err));
    assert_int_equal(n, 2);
    assert_true(gv_slice_is(found[0].cluster, "c1") && gv_slice_is(found[0].help, "newer"));
    assert_true(gv_slice_is(found[1].cluster, "c2") && gv_slice_is(found[1].unit, "seconds"));
    assert_true(head_metadata(h, &a, GV_S(""), &found, &n, &err));
    assert_int_equal(n, 3);
    gv_arena_fini(&a);
    head_free(h);
}

static void assert_stats(const struct gv_store_stat *s, size_t n, const char *expected)
{
    struct gv_buf text = GV_BUF_INIT;
    for (size_t i = 0; i < n; i++)
        gv_buf_printf(&text, "%s%.*s:%llu", i ? " " : "", GV_ARG(s[i].name), (unsigned long long)s[i].value);
    assert_string_equal(gv_buf_cstr(&text), expected);
    gv_buf_fini(&text);
}

static void cardinality_tells_the_largest(void **state)
{
    (void)state;
    static const char *const sets[] = {"__name__=up,job=a", "__name__=up,job=bb", "__name__=up,job=ccc",
                                       "__name__=down,job=a"};
    struct head *h = make_head(0);
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    struct gv_store_cardinality c;
    add_samples(h, sets, GV_COUNT(sets));
    gv_arena_init(&a, NULL);
    assert_true(head_cardinality(h, &a, 2, &c, &err));
    assert_stats(c.series_by_metric, c.n_metrics, "up:3 down:1");
    assert_stats(c.values_by_label, c.n_values, "job:3 __name__:2");
    assert_stats(c.bytes_by_label, c.n_bytes, "__name__:6 job:6");
    assert_stats(c.series_by_pair, c.n_pairs, "__name__=up:3 job=a:2");
    assert_int_equal(c.label_pairs, 5);
    gv_arena_fini(&a);
    head_free(h);
}

static void a_pair_may_hold_any_byte(void **state)
{
    (void)state;
    struct head *h = make_head(0);
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    struct gv_store_cardinality c;
    uint64_t id;
    gv_arena_init(&a, NULL);
    const struct gv_label label = {GV_S("a"), GV_S("x\0y")};
    assert_true(head_series(h, gv_labels_make(&a, &label, 1), &id, &err));
    assert_true(head_cardinality(h, &a, 1000000, &c, &err));
    assert_int_equal(c.n_pairs, 1);
    assert_true(gv_slice_eq(c.series_by_pair[0].name, GV_S("a=x\0y")));
    gv_arena_fini(&a);
    head_free(h);
}

static void what_an_expression_was_asked_is_within_the_budget(void **state)
{
    enum { VALUES = 50000, LIMIT = 1 << 20 };
    (void)state;
    struct head *h = make_head(0);
    struct gv_arena a, own;
    struct gv_budget budget;
    struct gv_matcher m[2];
    struct gv_err err = {.code = GV_OK};
    uint64_t *series;
    size_t n;
    gv_arena_init(&own, NULL);
    for (int i = 0; i < VALUES; i++) {
        char text[64];
        snprintf(text, sizeof text, "__name__=m,v=value%d", i);
        append_float(h, series_of(h, text), start, 1);
    }
    assert_true(gv_matcher_make(&m[0], &own, GV_MATCH_EQ, GV_LABEL_NAME, GV_S("m"), &err));
    assert_true(gv_matcher_make(&m[1], &own, GV_MATCH_RE, GV_S("v"), GV_S("v[a-z]+[0-8]*z"), &err));
    gv_budget_init(&budget, "max_query_memory", LIMIT, GV_EXECUTION, NULL);
    gv_arena_init(&a, &budget);
    struct store_reader *r = head_reader_get(h, INT64_MIN);
    assert_false(r->ops->select(r, &a, m, 2, INT64_MIN, INT64_MAX, &series, &n, &err));
    assert_non_null(strstr(err.msg, "max_query_memory"));
    assert_true(budget.peak <= LIMIT + 64 * 1024);
    head_reader_put(r);
    gv_arena_fini(&a);
    gv_arena_fini(&own);
    head_free(h);
}

static void ordering_is_within_the_budget(void **state)
{
    enum { SERIES = 30000, LARGE = 64 << 20, SMALL = 2 << 20 };
    (void)state;
    struct head *h = make_head(0);
    struct gv_err err = {.code = GV_OK};
    for (int i = 0; i < SERIES; i++) {
        char text[64];
        snprintf(text, sizeof text, "__name__=m,v=%d", i);
        append_float(h, series_of(h, text), start, 1);
    }
    struct store_reader *r = head_reader_get(h, INT64_MIN);
    for (int64_t limit = LARGE; limit >= SMALL; limit /= LARGE / SMALL) {
        struct gv_budget budget;
        struct gv_arena a;
        uint64_t *series;
        size_t n;
        gv_budget_init(&budget, "max_query_memory", limit, GV_EXECUTION, NULL);
        gv_arena_init(&a, &budget);
        bool ok = r->ops->select(r, &a, NULL, 0, INT64_MIN, INT64_MAX, &series, &n, &err);
        assert_int_equal(ok, limit == LARGE);
        gv_arena_fini(&a);
        assert_int_equal(budget.used, 0);
    }
    assert_non_null(strstr(err.msg, "max_query_memory"));
    head_reader_put(r);
    head_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_in_order_are_stored),
        cmocka_unit_test(sending_again_does_no_harm),
        cmocka_unit_test(values_are_compared_by_their_bits),
        cmocka_unit_test(old_samples_need_a_window),
        cmocka_unit_test(an_idle_series_may_not_write_into_a_block_that_is_being_cut),
        cmocka_unit_test(the_future_ends_in_ten_minutes),
        cmocka_unit_test(a_number_without_a_series_is_gone),
        cmocka_unit_test(a_series_has_one_number),
        cmocka_unit_test(chunks_end_after_120_samples_and_where_blocks_do),
        cmocka_unit_test(histograms_and_floats_take_turns),
        cmocka_unit_test(a_counter_that_was_reset_begins_a_chunk_that_says_so),
        cmocka_unit_test(a_stale_marker_ends_histograms_too),
        cmocka_unit_test(matchers_choose),
        cmocka_unit_test(series_without_samples_in_the_times_are_left_out),
        cmocka_unit_test(the_order_is_that_of_labels),
        cmocka_unit_test(names_and_values_ascend),
        cmocka_unit_test(truncation_spares_who_reads),
        cmocka_unit_test(a_reader_between_keeps_what_it_found),
        cmocka_unit_test(frozen_samples_go_when_they_are_written),
        cmocka_unit_test(a_freeze_that_failed_changes_nothing),
        cmocka_unit_test(deletions_take_samples_but_not_those_to_come),
        cmocka_unit_test(exemplars_come_by_series_and_time),
        cmocka_unit_test(the_latest_metadata_of_a_cluster_wins),
        cmocka_unit_test(cardinality_tells_the_largest),
        cmocka_unit_test(a_pair_may_hold_any_byte),
        cmocka_unit_test(what_an_expression_was_asked_is_within_the_budget),
        cmocka_unit_test(ordering_is_within_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
