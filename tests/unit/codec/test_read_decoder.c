/* Answers of remote read, both types: what protobuf-c writes is understood, however it is cut; what is broken is
 * refused with the place and the cause. */
#include "../../support/read_answers.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct gv_select one_query[] = {{.max_time = INT64_MAX}};
static const struct gv_select two_queries[] = {{.max_time = INT64_MAX}, {.max_time = INT64_MAX}};
static const struct gv_read_decoder_options streamed = {
    .type = GV_READ_STREAMED, .queries = two_queries, .n_queries = 2};
static const struct gv_read_decoder_options samples = {.type = GV_READ_SAMPLES, .queries = one_query, .n_queries = 1};

/* ---- Messages: lists that end with a NULL name ---- */

#define LABEL(n, v)                                                                                                    \
    &(Prometheus__Label)                                                                                               \
    {                                                                                                                  \
        PROTOBUF_C_MESSAGE_INIT(&prometheus__label__descriptor), (char *)(uintptr_t)(n), (char *)(uintptr_t)(v)        \
    }

static void chunk_init(Prometheus__Chunk *c, int64_t min, int64_t max, Prometheus__Chunk__Encoding type,
                       struct gv_slice data)
{
    prometheus__chunk__init(c);
    c->min_time_ms = min;
    c->max_time_ms = max;
    c->type = type;
    c->data = (ProtobufCBinaryData){data.n, (uint8_t *)(uintptr_t)data.p};
}

/* A frame of one series with one chunk. */
static void add_series_frame(struct gv_buf *out, int64_t query, Prometheus__Label **labels, size_t n_labels,
                             int64_t time, int type, struct gv_slice data)
{
    Prometheus__Chunk chunk, *chunks[] = {&chunk};
    chunk_init(&chunk, time, time + 9, (Prometheus__Chunk__Encoding)type, data);
    Prometheus__ChunkedSeries series = PROMETHEUS__CHUNKED_SERIES__INIT, *all[] = {&series};
    series.labels = labels, series.n_labels = n_labels;
    series.chunks = chunks, series.n_chunks = 1;
    Prometheus__ChunkedReadResponse r = PROMETHEUS__CHUNKED_READ_RESPONSE__INIT;
    r.chunked_series = all, r.n_chunked_series = 1;
    r.query_index = query;
    add_chunked(out, &r);
}
#define FRAME(out, query, time, data, ...)                                                                             \
    add_series_frame(out, query, (Prometheus__Label *[]){__VA_ARGS__},                                                 \
                     sizeof((Prometheus__Label *[]){__VA_ARGS__}) / sizeof(Prometheus__Label *), time, 1, GV_S(data))

static struct gv_buf stream(void)
{
    struct gv_buf out = GV_BUF_INIT;
    FRAME(&out, 0, 0, "\0\1a", LABEL("__name__", "up"), LABEL("job", "a"));
    FRAME(&out, 0, 10, "\0\2b", LABEL("__name__", "up"), LABEL("job", "a"));
    FRAME(&out, 0, 20, "\0\3c", LABEL("__name__", "up"), LABEL("job", "a"));
    FRAME(&out, 0, 0, "\0\4d", LABEL("__name__", "up"), LABEL("job", "b"));
    add_frame(&out, "", 0);
    FRAME(&out, 1, -5, "\1\0e", LABEL("__name__", "up"), LABEL("job", "b"));
    return out;
}
static const char stream_meaning[] =
    "query 0\n"
    "up{job=\"a\"} 1[0,9]\"\\x00\\x01a\" 1[10,19]\"\\x00\\x02b\" 1[20,29]\"\\x00\\x03c\"\n"
    "up{job=\"b\"} 1[0,9]\"\\x00\\x04d\"\n"
    "query 1\n"
    "up{job=\"b\"} 1[-5,4]\"\\x01\\x00e\"\n";

static void check(struct gv_slice body, size_t piece, const struct gv_read_decoder_options *o, const char *meaning)
{
    struct gv_buf out = GV_BUF_INIT;
    struct gv_err err = {0};
    if (!decode_answer(body, piece, o, NULL, &out, &err))
        fail_msg("%s", err.msg);
    assert_string_equal(gv_buf_cstr(&out), meaning);
    gv_buf_fini(&out);
}

static void check_fails(struct gv_slice body, const struct gv_read_decoder_options *o, enum gv_err_code code,
                        const char *why)
{
    struct gv_buf out = GV_BUF_INIT;
    struct gv_err err = {0};
    assert_false(decode_answer(body, 0, o, NULL, &out, &err));
    assert_int_equal(err.code, code);
    assert_string_equal(err.msg, why);
    gv_buf_fini(&out);
}

/* ---- STREAMED ---- */

static void frames_become_series(void **state)
{
    (void)state;
    struct gv_buf body = stream();
    check(gv_buf_slice(&body), 0, &streamed, stream_meaning);
    check((struct gv_slice){NULL, 0}, 0, &streamed, "query 0\nquery 1\n");
    gv_buf_fini(&body);
}

static void pieces_of_any_size_mean_the_same(void **state)
{
    (void)state;
    struct gv_buf body = stream();
    for (size_t piece = 1; piece < body.n; piece++)
        check(gv_buf_slice(&body), piece, &streamed, stream_meaning);
    gv_buf_fini(&body);
}

static void a_cut_stream_is_an_error(void **state)
{
    (void)state;
    struct gv_buf body = stream();
    size_t whole = 0;
    for (size_t n = 0; n < body.n; n++) {
        struct gv_buf out = GV_BUF_INIT;
        struct gv_err err = {0};
        whole += decode_answer((struct gv_slice){body.p, n}, 0, &streamed, NULL, &out, &err);
        gv_buf_fini(&out);
    }
    assert_int_equal(whole, 6); /* the places between frames: HTTP sees to those */
    check_fails((struct gv_slice){body.p, 80}, &streamed, GV_BAD_DATA, "remote read: frame 1 at byte 44 is cut short");
    gv_buf_fini(&body);
}

static void every_flipped_bit_is_seen(void **state)
{
    (void)state;
    struct gv_buf body = stream();
    for (size_t bit = 0; bit < body.n * 8; bit++) {
        struct gv_buf out = GV_BUF_INIT;
        struct gv_err err = {0};
        body.p[bit / 8] = (char)(body.p[bit / 8] ^ 1 << bit % 8);
        assert_false(decode_answer(gv_buf_slice(&body), 0, &streamed, NULL, &out, &err));
        body.p[bit / 8] = (char)(body.p[bit / 8] ^ 1 << bit % 8);
        gv_buf_fini(&out);
    }
    gv_buf_fini(&body);
}

static void an_error_text_in_the_stream_is_quoted(void **state)
{
    (void)state;
    struct gv_buf body = stream();
    size_t n = body.n;
    gv_buf_adds(&body, "expanding series: context deadline exceeded\n");
    char why[300];
    snprintf(why, sizeof why,
             "remote read: frame 6 at byte %zu is cut short; it holds the text "
             "\"expanding series: context deadline exceeded\\n\"",
             n);
    check_fails(gv_buf_slice(&body), &streamed, GV_BAD_DATA, why);
    body.n = 0;
    gv_buf_adds(&body, "\nabcdefghijklmnop");
    check_fails(gv_buf_slice(&body), &streamed, GV_BAD_DATA,
                "remote read: frame 0 at byte 0 has another checksum than its bytes; it holds the text "
                "\"\\nabcdefghijklmn\"");
    gv_buf_fini(&body);
}

static void what_frames_may_not_be(void **state)
{
    (void)state;
    check_fails(GV_S("\x81\xe1\xeb\x17"), &streamed, GV_BAD_DATA,
                "remote read: frame 0 at byte 0 is larger than 50 MB");
    check_fails(GV_S("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), &streamed, GV_BAD_DATA,
                "remote read: frame 0 at byte 0 is larger than 50 MB");
    struct gv_buf body = GV_BUF_INIT;
    FRAME(&body, 2, 0, "\0\1a", LABEL("a", "b"));
    check_fails(gv_buf_slice(&body), &streamed, GV_BAD_DATA,
                "remote read: frame 0 at byte 0: it answers query 2, of 2 that were asked");
    body.n = 0;
    FRAME(&body, -1, 0, "\0\1a", LABEL("a", "b"));
    check_fails(gv_buf_slice(&body), &streamed, GV_BAD_DATA,
                "remote read: frame 0 at byte 0: it answers query 18446744073709551615, of 2 that were asked");
    body.n = 0;
    add_frame(&body, "\x0a\x05\x0a", 3);
    check_fails(
        gv_buf_slice(&body), &streamed, GV_BAD_DATA,
        "remote read: frame 0 at byte 0: ChunkedReadResponse: a field reaches beyond the message at byte 2 of 3");
    gv_buf_fini(&body);
}

static void what_series_may_not_be(void **state)
{
    (void)state;
    struct gv_buf body = GV_BUF_INIT;
    FRAME(&body, 0, 0, "\0\1a", LABEL("", "b"));
    check_fails(gv_buf_slice(&body), &streamed, GV_BAD_DATA,
                "remote read: frame 0 at byte 0: Label: no name at byte 3 of 3");
    body.n = 0;
    FRAME(&body, 0, 0, "\0\1a", LABEL("a", "\xff"));
    check_fails(gv_buf_slice(&body), &streamed, GV_BAD_DATA,
                "remote read: frame 0 at byte 0: Label: a label is not UTF-8 at byte 6 of 6");
    body.n = 0;
    FRAME(&body, 0, 0, "\0\1a", LABEL("a", "1"), LABEL("b", "1"), LABEL("a", "2"));
    check_fails(gv_buf_slice(&body), &streamed, GV_BAD_DATA,
                "remote read: frame 0 at byte 0: a label comes twice in a series");
    body.n = 0;
    FRAME(&body, 0, 3, "\0", LABEL("a", "b"));
    check_fails(gv_buf_slice(&body), &streamed, GV_BAD_DATA,
                "remote read: frame 0 at byte 0: a chunk of 1 bytes from 3 to 12");
    body.n = 0;
    add_series_frame(&body, 0, (Prometheus__Label *[]){LABEL("a", "b")}, 1, 0, 4, GV_S("\0\1a"));
    check_fails(gv_buf_slice(&body), &streamed, GV_UNSUPPORTED_MEDIA,
                "remote read: frame 0 at byte 0: a chunk of encoding 4, which is not known here");
    gv_buf_fini(&body);
}

static void labels_come_in_any_order_and_empty_ones_do_not_exist(void **state)
{
    (void)state;
    struct gv_buf body = GV_BUF_INIT;
    FRAME(&body, 0, 0, "\0\1a", LABEL("z", "1"), LABEL("a", "2"), LABEL("m", ""));
    FRAME(&body, 0, 10, "\0\1a", LABEL("a", "2"), LABEL("z", "1"));
    check(gv_buf_slice(&body), 0, &streamed,
          "query 0\n{a=\"2\", z=\"1\"} 1[0,9]\"\\x00\\x01a\" 1[10,19]\"\\x00\\x01a\"\nquery 1\n");
    gv_buf_fini(&body);
}

static void labels_are_stripped_matched_and_mapped(void **state)
{
    (void)state;
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_matcher m[2];
    struct gv_err err = {0};
    assert_true(gv_matcher_make(&m[0], &a, GV_MATCH_NE, GV_S("job"), GV_S("b"), &err));
    assert_true(gv_matcher_make(&m[1], &a, GV_MATCH_EQ, GV_S("dc"), GV_S(""), &err));
    const struct gv_select q = {.matchers = m, .n_matchers = 2};
    const struct gv_label external[] = {{GV_S("dc"), GV_S("x")}, {GV_S("replica"), GV_S("0")}};
    const struct gv_label inject[] = {{GV_S("cluster"), GV_S("c1")}};
    const struct gv_mapping mapping = {inject, 1};
    const struct gv_read_decoder_options o = {GV_READ_STREAMED, &q, 1, external, 2, &mapping};
    struct gv_buf body = GV_BUF_INIT;
    FRAME(&body, 0, 0, "\0\1a", LABEL("cluster", "own"), LABEL("dc", "x"), LABEL("replica", "1"));
    FRAME(&body, 0, 0, "\0\1b", LABEL("dc", "x"), LABEL("job", "b"));
    FRAME(&body, 0, 0, "\0\1c", LABEL("dc", "y"), LABEL("job", "c"));
    check(gv_buf_slice(&body), 0, &o,
          "query 0\n{cluster=\"c1\", exported_cluster=\"own\", replica=\"1\"} 1[0,9]\"\\x00\\x01a\"\n");
    gv_buf_fini(&body);
    gv_arena_fini(&a);
}

static void a_spent_budget_is_an_error(void **state)
{
    (void)state;
    struct gv_buf body = GV_BUF_INIT, out = GV_BUF_INIT;
    gv_buf_adds(&body, "\xff\xff\x7f\x01\x02\x03\x04"); /* a frame of 2 MiB */
    struct gv_budget budget;
    gv_budget_init(&budget, "max_query_memory", 1 << 20, GV_EXECUTION, NULL);
    struct gv_err err = {0};
    assert_false(decode_answer(gv_buf_slice(&body), 0, &streamed, &budget, &out, &err));
    assert_int_equal(err.code, GV_EXECUTION);
    char *zeros = calloc(1, 3 << 20);
    body.n = 0;
    gv_snappy_encode(&body, (struct gv_slice){zeros, 3 << 20});
    free(zeros);
    err = (struct gv_err){0};
    assert_false(decode_answer(gv_buf_slice(&body), 100, &samples, &budget, &out, &err));
    assert_int_equal(err.code, GV_EXECUTION);
    assert_int_equal(atomic_load(&budget.used), 0);
    gv_buf_fini(&body);
    gv_buf_fini(&out);
}

static void many_small_series_keep_to_the_budget(void **state)
{
    (void)state;
    enum { LIMIT = 2 << 20, OVERDRAFT = 1 << 20 };
    struct gv_buf body = GV_BUF_INIT, out = GV_BUF_INIT;
    for (int i = 0; i < 20000; i++) {
        char name[200], value[20];
        snprintf(name, sizeof name, "n%0150d", i);
        snprintf(value, sizeof value, "%d", i);
        FRAME(&body, 0, 0, "\0\1a", LABEL(i % 2 ? name : "a", value));
    }
    struct gv_budget budget;
    gv_budget_init(&budget, "max_query_memory", LIMIT, GV_EXECUTION, NULL);
    struct gv_err err = {0};
    assert_false(decode_answer(gv_buf_slice(&body), 0, &streamed, &budget, &out, &err));
    assert_int_equal(err.code, GV_EXECUTION);
    assert_in_range(atomic_load(&budget.peak), LIMIT / 2, LIMIT + OVERDRAFT);
    assert_int_equal(atomic_load(&budget.used), 0);
    gv_buf_fini(&body);
    gv_buf_fini(&out);
}

/* ---- SAMPLES ---- */

static double stale_marker(void)
{
    double d;
    memcpy(&d, &(uint64_t){GV_STALE_BITS}, sizeof d);
    return d;
}

static void add_samples(struct gv_buf *out, Prometheus__TimeSeries *series, size_t n)
{
    Prometheus__TimeSeries **all = calloc(n ? n : 1, sizeof *all);
    for (size_t i = 0; i < n; i++)
        all[i] = &series[i];
    Prometheus__QueryResult result = PROMETHEUS__QUERY_RESULT__INIT, *results[] = {&result};
    result.timeseries = all, result.n_timeseries = n;
    Prometheus__ReadResponse r = PROMETHEUS__READ_RESPONSE__INIT;
    r.results = results, r.n_results = 1;
    add_response(out, &r);
    free(all);
}

/* floats: pairs of time and value. */
static void check_floats(const double *pairs, size_t n, const char *meaning)
{
    Prometheus__Sample points[8], *samples_of[8];
    for (size_t i = 0; i < n; i++) {
        prometheus__sample__init(&points[i]);
        points[i].timestamp = (int64_t)pairs[2 * i];
        points[i].value = pairs[2 * i + 1];
        samples_of[i] = &points[i];
    }
    Prometheus__TimeSeries s = PROMETHEUS__TIME_SERIES__INIT;
    s.labels = (Prometheus__Label *[]){LABEL("a", "1")}, s.n_labels = 1;
    s.samples = samples_of, s.n_samples = n;
    struct gv_buf body = GV_BUF_INIT;
    add_samples(&body, &s, 1);
    for (size_t piece = 0; piece < body.n; piece++)
        check(gv_buf_slice(&body), piece, &samples, meaning);
    gv_buf_fini(&body);
}

static void samples_become_columns(void **state)
{
    (void)state;
    check_floats((const double[]){-1, 2.5, 0, 0, 1, -0.0, 2, stale_marker(), 1700000000000, 1e-300}, 5,
                 "query 0\n{a=\"1\"} -1:2.5 0:0 1:0 2:7ff0000000000002 1700000000000:1e-300\n");
    check_floats(NULL, 0, "query 0\n");
}

static void samples_out_of_order_are_sorted_and_the_first_of_a_time_stays(void **state)
{
    (void)state;
    check_floats((const double[]){5, 1, 3, 2, 5, 3, 4, 4, 3, 5}, 5, "query 0\n{a=\"1\"} 3:2 4:4 5:1\n");
}

static void minus_zero_is_kept_where_it_is_written(void **state)
{
    (void)state;
    struct gv_buf body = GV_BUF_INIT;
    static const char message[] = "\x0a\x15\x0a\x13\x0a\x06\x0a\x01"
                                  "a\x12\x01"
                                  "1\x12\x09\x09\0\0\0\0\0\0\0\x80";
    gv_snappy_encode(&body, (struct gv_slice){message, sizeof message - 1});
    check(gv_buf_slice(&body), 0, &samples, "query 0\n{a=\"1\"} 0:8000000000000000\n");
    gv_buf_fini(&body);
}

static void one_result_a_query(void **state)
{
    (void)state;
    struct gv_buf body = GV_BUF_INIT;
    Prometheus__ReadResponse r = PROMETHEUS__READ_RESPONSE__INIT;
    add_response(&body, &r);
    check_fails(gv_buf_slice(&body), &samples, GV_BAD_DATA, "remote read: 1 queries were asked and 0 answered");
    Prometheus__QueryResult result = PROMETHEUS__QUERY_RESULT__INIT, *results[] = {&result, &result};
    r.results = results, r.n_results = 2;
    body.n = 0;
    add_response(&body, &r);
    check_fails(gv_buf_slice(&body), &samples, GV_BAD_DATA, "remote read: 1 queries were asked and 2 answered");
    gv_buf_fini(&body);
}

static void a_cut_block_is_an_error(void **state)
{
    (void)state;
    Prometheus__TimeSeries s = PROMETHEUS__TIME_SERIES__INIT;
    Prometheus__Sample point = PROMETHEUS__SAMPLE__INIT;
    s.labels = (Prometheus__Label *[]){LABEL("a", "1")}, s.n_labels = 1;
    s.samples = (Prometheus__Sample *[]){&point, &point}, s.n_samples = 2;
    struct gv_buf body = GV_BUF_INIT, out = GV_BUF_INIT;
    add_samples(&body, &s, 1);
    for (size_t n = 0; n < body.n; n++) {
        struct gv_err err = {0};
        assert_false(decode_answer((struct gv_slice){body.p, n}, 0, &samples, NULL, &out, &err));
        assert_int_equal(err.code, GV_BAD_DATA);
    }
    check_fails((struct gv_slice){body.p, body.n - 1}, &samples, GV_BAD_DATA,
                "remote read: snappy: the block of 17 bytes is corrupt");
    gv_buf_fini(&body);
    gv_buf_fini(&out);
}

/* ---- Histograms ---- */

static Prometheus__BucketSpan span_of(int32_t offset, uint32_t length)
{
    Prometheus__BucketSpan s = PROMETHEUS__BUCKET_SPAN__INIT;
    s.offset = offset, s.length = length;
    return s;
}

static void add_histograms(struct gv_buf *out, Prometheus__Histogram *h, size_t n)
{
    Prometheus__Histogram *all[4];
    for (size_t i = 0; i < n; i++)
        all[i] = &h[i];
    Prometheus__Sample point = PROMETHEUS__SAMPLE__INIT;
    point.timestamp = 20, point.value = 7;
    Prometheus__TimeSeries s = PROMETHEUS__TIME_SERIES__INIT;
    s.labels = (Prometheus__Label *[]){LABEL("a", "1")}, s.n_labels = 1;
    s.samples = (Prometheus__Sample *[]){&point}, s.n_samples = 1;
    s.histograms = all, s.n_histograms = n;
    add_samples(out, &s, 1);
}

static void check_histograms(Prometheus__Histogram *h, size_t n, const char *meaning)
{
    struct gv_buf body = GV_BUF_INIT;
    add_histograms(&body, h, n);
    check(gv_buf_slice(&body), 0, &samples, meaning);
    gv_buf_fini(&body);
}

static void histograms_take_the_float_form_and_their_place_in_time(void **state)
{
    (void)state;
    Prometheus__BucketSpan p[] = {span_of(-2, 2), span_of(3, 1)}, n = span_of(1, 2);
    Prometheus__BucketSpan *positive[] = {&p[0], &p[1]}, *negative[] = {&n};
    Prometheus__Histogram h[2];
    for (int i = 0; i < 2; i++) {
        prometheus__histogram__init(&h[i]);
        h[i].schema = 1;
        h[i].sum = 18.5;
        h[i].zero_threshold = 0.25;
        h[i].positive_spans = positive, h[i].n_positive_spans = 2;
        h[i].negative_spans = negative, h[i].n_negative_spans = 1;
        h[i].timestamp = 10 + 20 * i;
    }
    h[0].count_case = PROMETHEUS__HISTOGRAM__COUNT_COUNT_INT, h[0].count_int = 19;
    h[0].zero_count_case = PROMETHEUS__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_INT, h[0].zero_count_int = 2;
    h[0].positive_deltas = (int64_t[]){3, 2, -4}, h[0].n_positive_deltas = 3;
    h[0].negative_deltas = (int64_t[]){4, 0}, h[0].n_negative_deltas = 2;
    h[0].reset_hint = PROMETHEUS__HISTOGRAM__RESET_HINT__NO;
    h[1].count_case = PROMETHEUS__HISTOGRAM__COUNT_COUNT_FLOAT, h[1].count_float = 6.5;
    h[1].zero_count_case = PROMETHEUS__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_FLOAT, h[1].zero_count_float = 0.5;
    h[1].positive_counts = (double[]){1.5, 0, 2}, h[1].n_positive_counts = 3;
    h[1].negative_counts = (double[]){1, 1.5}, h[1].n_negative_counts = 2;
    h[1].reset_hint = PROMETHEUS__HISTOGRAM__RESET_HINT__GAUGE;
    check_histograms(
        h, 2,
        "query 0\n{a=\"1\"} "
        "10:{{schema:1 count:19 sum:18.5 z_bucket:2 z_bucket_w:0.25 counter_reset_hint:not_reset offset:-2 "
        "buckets:[3 5 0 0 0 1] n_offset:1 n_buckets:[4 4]}} "
        "20:7 "
        "30:{{schema:1 count:6.5 sum:18.5 z_bucket:0.5 z_bucket_w:0.25 counter_reset_hint:gauge offset:-2 "
        "buckets:[1.5 0 0 0 0 2] n_offset:1 n_buckets:[1 1.5]}}\n");
}

static void custom_bounds_and_fine_schemas(void **state)
{
    (void)state;
    Prometheus__BucketSpan p[] = {span_of(0, 2), span_of(1, 1)}, fine = span_of(1 << 20, 2);
    Prometheus__Histogram h[2];
    prometheus__histogram__init(&h[0]);
    h[0].schema = -53;
    h[0].count_case = PROMETHEUS__HISTOGRAM__COUNT_COUNT_INT, h[0].count_int = 6;
    h[0].positive_spans = (Prometheus__BucketSpan *[]){&p[0], &p[1]}, h[0].n_positive_spans = 2;
    h[0].positive_deltas = (int64_t[]){1, 1, 1}, h[0].n_positive_deltas = 3;
    h[0].custom_values = (double[]){0.5, 1, 2.5}, h[0].n_custom_values = 3;
    h[0].timestamp = 1;
    prometheus__histogram__init(&h[1]);
    h[1].schema = 28; /* 2^20 is 1 at schema 8: the bucket up to 2^(1/256) */
    h[1].count_case = PROMETHEUS__HISTOGRAM__COUNT_COUNT_INT, h[1].count_int = 3;
    h[1].positive_spans = (Prometheus__BucketSpan *[]){&fine}, h[1].n_positive_spans = 1;
    h[1].positive_deltas = (int64_t[]){1, 1}, h[1].n_positive_deltas = 2;
    h[1].timestamp = 2;
    check_histograms(h, 2,
                     "query 0\n{a=\"1\"} 1:{{schema:-53 count:6 custom_values:[0.5 1 2.5] buckets:[1 2 0 3]}} "
                     "2:{{schema:8 count:3 offset:1 buckets:[1 2]}} 20:7\n");
}

static void of_two_samples_at_one_time_the_float_stays(void **state)
{
    (void)state;
    Prometheus__Histogram h = PROMETHEUS__HISTOGRAM__INIT;
    h.timestamp = 20;
    check_histograms(&h, 1, "query 0\n{a=\"1\"} 20:7\n");
}

static void check_bad_histogram(Prometheus__Histogram *h, const char *why)
{
    struct gv_buf body = GV_BUF_INIT, text = GV_BUF_INIT;
    add_histograms(&body, h, 1);
    gv_buf_printf(&text, "remote read: series 0 of query 0: Histogram: %s", why);
    check_fails(gv_buf_slice(&body), &samples, GV_BAD_DATA, gv_buf_cstr(&text));
    gv_buf_fini(&body);
    gv_buf_fini(&text);
}

static void what_histograms_may_not_be(void **state)
{
    (void)state;
    Prometheus__Histogram h = PROMETHEUS__HISTOGRAM__INIT;
    h.schema = 53;
    check_bad_histogram(&h, "schema 53, which is not known here");
    h.schema = -5;
    check_bad_histogram(&h, "schema -5, which is not known here");
    h.schema = 0;
    Prometheus__BucketSpan p[] = {span_of(0, UINT32_MAX), span_of(-1, 1)};
    h.positive_spans = (Prometheus__BucketSpan *[]){&p[0], &p[1]}, h.n_positive_spans = 1;
    check_bad_histogram(&h, "a span out of range");
    p[0].length = 3;
    check_bad_histogram(&h, "spans of 3 buckets, but 0 counts");
    h.positive_deltas = (int64_t[]){INT64_MAX, INT64_MAX, 1, 1}, h.n_positive_deltas = 4;
    check_bad_histogram(&h, "spans of 3 buckets, but 4 counts");
    h.n_positive_spans = 2;
    check_bad_histogram(&h, "spans overlap");
    p[1].offset = 0;
    h.schema = -53;
    check_bad_histogram(&h, "buckets beyond its custom bounds");
    h.custom_values = (double[]){1, 2, 2}, h.n_custom_values = 3;
    check_bad_histogram(&h, "custom bounds that do not increase");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_become_series),
        cmocka_unit_test(pieces_of_any_size_mean_the_same),
        cmocka_unit_test(a_cut_stream_is_an_error),
        cmocka_unit_test(every_flipped_bit_is_seen),
        cmocka_unit_test(an_error_text_in_the_stream_is_quoted),
        cmocka_unit_test(what_frames_may_not_be),
        cmocka_unit_test(what_series_may_not_be),
        cmocka_unit_test(labels_come_in_any_order_and_empty_ones_do_not_exist),
        cmocka_unit_test(labels_are_stripped_matched_and_mapped),
        cmocka_unit_test(a_spent_budget_is_an_error),
        cmocka_unit_test(many_small_series_keep_to_the_budget),
        cmocka_unit_test(samples_become_columns),
        cmocka_unit_test(samples_out_of_order_are_sorted_and_the_first_of_a_time_stays),
        cmocka_unit_test(minus_zero_is_kept_where_it_is_written),
        cmocka_unit_test(one_result_a_query),
        cmocka_unit_test(a_cut_block_is_an_error),
        cmocka_unit_test(histograms_take_the_float_form_and_their_place_in_time),
        cmocka_unit_test(custom_bounds_and_fine_schemas),
        cmocka_unit_test(of_two_samples_at_one_time_the_float_stays),
        cmocka_unit_test(what_histograms_may_not_be),
    };
    return cmocka_run_group_tests_name("codec.read_decoder", tests, NULL, NULL);
}
