/* Answers of remote read that we write: protobuf-c can read them, our own decoder finds in them what went in, and they
 * keep to their sizes. */
#include "codec/read_encoder.h"
#include "../../support/read_answers.h"
#include "codec/chunks.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct gv_arena arena;

static int set_up(void **state)
{
    (void)state;
    gv_arena_init(&arena, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gv_arena_fini(&arena);
    return 0;
}

/* ---- A feed of arrays, one for each query ---- */

struct list {
    const struct gv_series *series;
    size_t n;
};

struct list_feed {
    struct gv_read_feed feed;
    const struct list *lists;
    size_t query, at, fail_at; /* fails at the so manyth series, from 1 */
};

static bool open_list(struct gv_read_feed *f, size_t query, struct gv_err *err)
{
    struct list_feed *l = container_of(f, struct list_feed, feed);
    l->query = query;
    l->at = 0;
    return l->lists[query].n < 1000 || gv_fail(err, GV_UNAVAILABLE, "no such list");
}

static int next_of_list(struct gv_read_feed *f, struct gv_arena *scratch, struct gv_series *series, struct gv_err *err)
{
    struct list_feed *l = container_of(f, struct list_feed, feed);
    gv_arena_alloc(scratch, 100);
    if (l->at == l->lists[l->query].n)
        return 0;
    *series = l->lists[l->query].series[l->at++];
    if (l->at != l->fail_at)
        return 1;
    gv_fail(err, GV_UNAVAILABLE, "cluster \"c1\": gone");
    return -1;
}

/* ---- Series ---- */

static const struct gv_labels *labels(const char *name, const char *job)
{
    const struct gv_label all[] = {{GV_LABEL_NAME, gv_slice_of(name)}, {GV_S("job"), gv_slice_of(job)}};
    return gv_labels_make(&arena, all, 2);
}

static const struct gv_histogram *histogram(double count, int32_t offset, enum gv_reset_hint hint)
{
    struct gv_histogram *h = gv_arena_new(&arena, struct gv_histogram);
    struct gv_span *span = gv_arena_new(&arena, struct gv_span);
    double *counts = gv_arena_array(&arena, double, 2);
    *span = (struct gv_span){offset, 2};
    counts[0] = count / 4, counts[1] = count / 2;
    h->schema = 3;
    h->count = count, h->sum = count * 1.5, h->zero_count = count / 4, h->zero_threshold = 0.001;
    h->positive = (struct gv_buckets){span, counts, 1, 2};
    h->reset_hint = hint;
    return h;
}

static double stale(void)
{
    double d;
    memcpy(&d, &(uint64_t){GV_STALE_BITS}, sizeof d);
    return d;
}

/* Floats, and from the first third on, where wanted, histograms with all that makes chunks end. */
static struct gv_raw_column samples(uint32_t n, bool histograms)
{
    int64_t *times = gv_arena_array(&arena, int64_t, n);
    double *values = gv_arena_array(&arena, double, n);
    const struct gv_histogram **h = gv_arena_array(&arena, const struct gv_histogram *, n);
    for (uint32_t i = 0; i < n; i++) {
        times[i] = (int64_t)i * 15000 - 60000;
        values[i] = i % 50 == 49 ? stale() : (i * 37 % 101) - 50.25;
        if (!histograms || i < n / 3)
            continue;
        enum gv_reset_hint hint = i > n / 6 * 5 ? GV_RESET_GAUGE : GV_RESET_UNKNOWN;
        bool is_float = i > n / 6 * 3 && i < n / 6 * 4;
        h[i] = histogram((i % 400) * 8 + (is_float ? 0.5 : 0), i > n / 2 ? 3 : 2, hint);
        values[i] = 0;
    }
    return (struct gv_raw_column){.times = times, .values = values, .histograms = histograms ? h : NULL, .n = n};
}

static struct gv_series raw(const struct gv_labels *l, struct gv_raw_column c)
{
    return (struct gv_series){l, {.kind = GV_COLUMN_RAW, .raw = c}};
}

/* ---- There and back ---- */

static const struct gv_select everything = {.min_time = INT64_MIN, .max_time = INT64_MAX};

static bool encode(const struct list *lists, struct gv_read_request *r, struct gv_read_encoder_options o, size_t want,
                   size_t fail_at, struct gv_buf *out, struct gv_err *err)
{
    struct gv_arena a;
    struct list_feed feed = {{open_list, next_of_list}, lists, 0, 0, fail_at};
    gv_arena_init(&a, NULL);
    o.request = r;
    o.feed = &feed.feed;
    struct gv_read_encoder *e = gv_read_encoder_new(&a, &o);
    int more = gv_read_encoder_begin(e, err) ? 1 : -1;
    size_t before = 0;
    while (more == 1) {
        before = out->n;
        more = gv_read_encoder_next(e, out, want, err);
        assert_true(more != 1 || out->n > before);
    }
    gv_arena_fini(&a);
    return more == 0;
}

/* All chunks of a series decoded; hints are those of decoded chunks, so they are left out of the comparison. */
static void print_samples(struct gv_buf *out, const struct gv_series *s)
{
    struct gv_raw_column c = s->column.raw;
    struct gv_err err = {0};
    if (s->column.kind == GV_COLUMN_CHUNKS &&
        !gv_chunks_to_raw(&arena, &s->column.chunks, INT64_MIN, INT64_MAX, &c, &err))
        fail_msg("%s", err.msg);
    gv_labels_print(out, s->labels);
    for (uint32_t i = 0; i < c.n; i++) {
        gv_buf_printf(out, " %lld:", (long long)c.times[i]);
        if (c.histograms && c.histograms[i])
            gv_histogram_print_literal(out, gv_histogram_with_hint(&arena, c.histograms[i], GV_RESET_UNKNOWN));
        else
            print_bits(out, c.values[i]);
    }
    gv_buf_addc(out, '\n');
}

static void decode(const struct gv_buf *body, const struct gv_read_request *r, struct gv_buf *out)
{
    const struct gv_read_decoder_options o = {.type = r->type, .queries = r->queries, .n_queries = r->n};
    struct gv_read_decoder *d = gv_read_decoder_new(&arena, &o);
    struct gv_read_result *results;
    struct gv_err err = {0};
    if (!gv_read_decoder_feed(d, body->p, body->n, &err) || !gv_read_decoder_finish(d, &results, &err))
        fail_msg("%s", err.msg);
    for (size_t q = 0; q < r->n; q++) {
        gv_buf_printf(out, "query %zu\n", q);
        for (size_t i = 0; i < results[q].n; i++)
            print_samples(out, &results[q].series[i]);
    }
}

static struct list lists[2];
static struct gv_select queries[2];

static void make_lists(void)
{
    struct gv_series *s = gv_arena_array(&arena, struct gv_series, 4);
    s[0] = raw(labels("a", "1"), samples(1000, false));
    s[1] = raw(labels("b", "1"), samples(900, true));
    s[2] = raw(labels("c", "é"), samples(1, false));
    s[3] = raw(labels("d", "1"), samples(30000, false));
    lists[0] = (struct list){s, 4};
    lists[1] = (struct list){s + 1, 2};
    queries[0] = queries[1] = everything;
}

static void print_lists(struct gv_buf *out)
{
    for (size_t q = 0; q < 2; q++) {
        gv_buf_printf(out, "query %zu\n", q);
        for (size_t i = 0; i < lists[q].n; i++)
            print_samples(out, &lists[q].series[i]);
    }
}

static void check_there_and_back(enum gv_read_type type, size_t frame_size, size_t want)
{
    struct gv_read_request r = {queries, 2, type};
    struct gv_buf body = GV_BUF_INIT, expected = GV_BUF_INIT, got = GV_BUF_INIT;
    struct gv_err err = {0};
    make_lists();
    print_lists(&expected);
    if (!encode(lists, &r, (struct gv_read_encoder_options){.frame_size = frame_size}, want, 0, &body, &err))
        fail_msg("%s", err.msg);
    decode(&body, &r, &got);
    assert_true(expected.n > 100000);
    assert_string_equal(gv_buf_cstr(&got), gv_buf_cstr(&expected));
    gv_buf_fini(&body);
    gv_buf_fini(&expected);
    gv_buf_fini(&got);
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    for (size_t want = 1; want < 10 << 20; want *= 100) {
        check_there_and_back(GV_READ_STREAMED, 0, want);
        check_there_and_back(GV_READ_STREAMED, 1, want);
        check_there_and_back(GV_READ_STREAMED, 3000, want);
        check_there_and_back(GV_READ_SAMPLES, 0, want);
    }
}

static void no_series_is_an_answer_too(void **state)
{
    (void)state;
    for (int type = GV_READ_SAMPLES; type <= GV_READ_STREAMED; type++) {
        struct gv_read_request r = {(struct gv_select[]){everything, everything}, 2, (enum gv_read_type)type};
        const struct list none[2] = {{NULL, 0}, {NULL, 0}};
        struct gv_buf body = GV_BUF_INIT, got = GV_BUF_INIT;
        struct gv_err err = {0};
        assert_true(encode(none, &r, (struct gv_read_encoder_options){0}, 100, 0, &body, &err));
        decode(&body, &r, &got);
        assert_string_equal(gv_buf_cstr(&got), "query 0\nquery 1\n");
        r.n = 0;
        gv_buf_clear(&body);
        assert_true(encode(none, &r, (struct gv_read_encoder_options){0}, 100, 0, &body, &err));
        gv_buf_fini(&body);
        gv_buf_fini(&got);
    }
}

/* ---- What others see ---- */

static Prometheus__ChunkedReadResponse *take_frame(struct gv_slice *rest)
{
    size_t n = 0, shift = 0;
    for (uint8_t byte = 0x80; byte & 0x80; shift += 7, rest->p++, rest->n--) {
        byte = (uint8_t)*rest->p;
        n |= (size_t)(byte & 0x7f) << shift;
    }
    Prometheus__ChunkedReadResponse *r =
        prometheus__chunked_read_response__unpack(NULL, n, (const uint8_t *)rest->p + 4);
    assert_non_null(r);
    rest->p += n + 4, rest->n -= n + 4;
    return r;
}

static void a_frame_holds_one_series_and_about_so_many_bytes(void **state)
{
    (void)state;
    enum { SIZE = 5000, CHUNK_AT_MOST = 1300, LABELS = 40 };
    struct gv_read_request r = {queries, 2, GV_READ_STREAMED};
    struct gv_buf body = GV_BUF_INIT;
    struct gv_err err = {0};
    make_lists();
    assert_true(encode(lists, &r, (struct gv_read_encoder_options){.frame_size = SIZE}, 1, 0, &body, &err));
    struct gv_slice rest = gv_buf_slice(&body);
    size_t n_frames = 0, n_chunks = 0;
    int64_t last_time = 0, last_query = 0;
    while (rest.n) {
        size_t before = rest.n;
        Prometheus__ChunkedReadResponse *f = take_frame(&rest);
        assert_in_range(before - rest.n, 1, SIZE + CHUNK_AT_MOST + LABELS);
        assert_int_equal(f->n_chunked_series, 1);
        assert_in_range(f->query_index, last_query, 1);
        last_query = f->query_index;
        const Prometheus__ChunkedSeries *s = f->chunked_series[0];
        assert_int_equal(s->n_labels, 2);
        assert_string_equal(s->labels[0]->name, "__name__");
        for (size_t i = 0; i < s->n_chunks; i++) {
            const Prometheus__Chunk *c = s->chunks[i];
            assert_true(i == 0 || c->min_time_ms > last_time);
            assert_in_range(c->data.data[0] << 8 | c->data.data[1], 1, 120);
            assert_in_range(c->type, 1, 3);
            last_time = c->max_time_ms;
        }
        n_chunks += s->n_chunks;
        n_frames++;
        prometheus__chunked_read_response__free_unpacked(f, NULL);
    }
    assert_in_range(n_frames, 30, 80);
    assert_in_range(n_chunks, 9 + 250 + 2 * 8, 9 + 251 + 2 * 16);
    gv_buf_fini(&body);
}

static void samples_are_a_message_that_others_read(void **state)
{
    (void)state;
    struct gv_read_request r = {queries, 2, GV_READ_SAMPLES};
    struct gv_buf body = GV_BUF_INIT;
    struct gv_err err = {0};
    struct gv_slice text;
    make_lists();
    assert_true(encode(lists, &r, (struct gv_read_encoder_options){0}, 1000, 0, &body, &err));
    assert_true(gv_snappy_decode_dup(&arena, gv_buf_slice(&body), 10 << 20, &text, &err));
    Prometheus__ReadResponse *got = prometheus__read_response__unpack(NULL, text.n, (const uint8_t *)text.p);
    assert_non_null(got);
    assert_int_equal(got->n_results, 2);
    assert_int_equal(got->results[0]->n_timeseries, 4);
    assert_int_equal(got->results[0]->timeseries[3]->n_samples, 30000);
    const Prometheus__TimeSeries *b = got->results[1]->timeseries[0];
    assert_int_equal(b->n_samples, 300);
    assert_int_equal(b->n_histograms, 600);
    const Prometheus__Histogram *h = b->histograms[599];
    assert_int_equal(h->timestamp, 899 * 15000 - 60000);
    assert_int_equal(h->count_case, PROMETHEUS__HISTOGRAM__COUNT_COUNT_FLOAT);
    assert_true(h->count_float == 792 && h->sum == 1188 && h->zero_count_float == 198);
    assert_int_equal(h->reset_hint, PROMETHEUS__HISTOGRAM__RESET_HINT__GAUGE);
    assert_int_equal(h->positive_spans[0]->offset, 3);
    assert_true(h->n_positive_counts == 2 && h->positive_counts[1] == 396);
    prometheus__read_response__free_unpacked(got, NULL);
    gv_buf_fini(&body);
}

/* ---- Chunks and times ---- */

static void chunks_are_handed_on_as_they_are(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0, 1, 2, 3, 4, 5};
    const struct gv_chunk chunks[] = {
        {0, 9, bytes, 6, 1}, {10, 19, bytes, 5, 2}, {20, 29, bytes, 4, 3}, {30, 39, bytes, 3, 1}};
    const struct gv_series s = {labels("a", "b"), {.kind = GV_COLUMN_CHUNKS, .chunks = {chunks, 4}}};
    const struct list list = {&s, 1};
    struct gv_select q = {.min_time = 15, .max_time = 30};
    struct gv_read_request r = {&q, 1, GV_READ_STREAMED};
    struct gv_buf body = GV_BUF_INIT, got = GV_BUF_INIT;
    struct gv_err err = {0};
    assert_true(encode(&list, &r, (struct gv_read_encoder_options){0}, 1, 0, &body, &err));
    const struct gv_read_decoder_options o = {.type = r.type, .queries = &q, .n_queries = 1};
    assert_true(decode_answer(gv_buf_slice(&body), 0, &o, NULL, &got, &err));
    assert_string_equal(gv_buf_cstr(&got), "query 0\na{job=\"b\"} 2[10,19]\"\\x00\\x01\\x02\\x03\\x04\" "
                                           "3[20,29]\"\\x00\\x01\\x02\\x03\" 1[30,39]\"\\x00\\x01\\x02\"\n");
    gv_buf_fini(&body);
    gv_buf_fini(&got);
}

/* Clients read one chunk behind the other. */
static void chunks_that_overlap_are_merged(void **state)
{
    (void)state;
    struct gv_arena scratch;
    struct gv_err err = {0};
    int64_t times[] = {0, 10, 20, 30}, between[] = {10, 25};
    double values[] = {1, 2, 3, 4}, others[] = {2, 5};
    struct gv_raw_column parts[] = {{.times = times, .values = values, .n = 4},
                                    {.times = between, .values = others, .n = 2}};
    struct gv_chunk chunks[2];
    gv_arena_init(&scratch, NULL);
    for (int i = 0; i < 2; i++) {
        struct gv_chunks_column cut;
        assert_true(gv_chunks_of_raw(&arena, &scratch, &parts[i], &cut, &err));
        chunks[i] = cut.chunks[0];
    }
    const struct gv_series s = {labels("a", "b"), {.kind = GV_COLUMN_CHUNKS, .chunks = {chunks, 2}}};
    const struct list list = {&s, 1};
    struct gv_read_request r = {(struct gv_select *)(uintptr_t)&everything, 1, GV_READ_STREAMED};
    struct gv_buf body = GV_BUF_INIT;
    struct gv_read_result *results;
    assert_true(encode(&list, &r, (struct gv_read_encoder_options){0}, 1, 0, &body, &err));
    const struct gv_read_decoder_options o = {.type = r.type, .queries = r.queries, .n_queries = r.n};
    struct gv_read_decoder *d = gv_read_decoder_new(&arena, &o);
    assert_true(gv_read_decoder_feed(d, body.p, body.n, &err) && gv_read_decoder_finish(d, &results, &err));
    const struct gv_chunks_column *got = &results[0].series[0].column.chunks;
    struct gv_raw_column raw;
    assert_int_equal(got->n, 1);
    assert_true(gv_chunks_to_raw(&arena, got, INT64_MIN, INT64_MAX, &raw, &err));
    assert_int_equal(raw.n, 5);
    assert_true(raw.times[3] == 25 && raw.values[3] == 5 && raw.values[4] == 4);
    gv_buf_fini(&body);
    gv_arena_fini(&scratch);
}

static void samples_outside_the_times_are_left_out(void **state)
{
    (void)state;
    make_lists();
    for (int type = GV_READ_SAMPLES; type <= GV_READ_STREAMED; type++) {
        struct gv_select some[] = {{.min_time = 0, .max_time = 29999}, {.min_time = -100000, .max_time = -70000}};
        struct gv_read_request r = {some, 2, (enum gv_read_type)type};
        struct gv_buf body = GV_BUF_INIT, got = GV_BUF_INIT;
        struct gv_err err = {0};
        assert_true(encode(lists, &r, (struct gv_read_encoder_options){0}, 1, 0, &body, &err));
        decode(&body, &r, &got);
        assert_string_equal(gv_buf_cstr(&got), "query 0\n"
                                               "a{job=\"1\"} 0:-3.25 15000:33.75\n"
                                               "b{job=\"1\"} 0:-3.25 15000:33.75\n"
                                               "d{job=\"1\"} 0:-3.25 15000:33.75\n"
                                               "query 1\n");
        gv_buf_fini(&body);
        gv_buf_fini(&got);
    }
}

/* ---- Failures ---- */

static void the_sample_limit_is_told_in_prometheus_words(void **state)
{
    (void)state;
    struct gv_read_request r = {queries, 2, GV_READ_SAMPLES};
    struct gv_buf body = GV_BUF_INIT;
    struct gv_err err = {0};
    make_lists();
    assert_false(encode(lists, &r, (struct gv_read_encoder_options){.max_samples = 32801}, 1, 0, &body, &err));
    assert_int_equal(err.code, GV_BAD_DATA);
    assert_string_equal(err.msg, "exceeded sample limit (32801)");
    assert_int_equal(body.n, 0);
    err = (struct gv_err){0};
    assert_true(encode(lists, &r, (struct gv_read_encoder_options){.max_samples = 32802}, 1, 0, &body, &err));
    gv_buf_fini(&body);
}

static void a_feed_that_fails_fails_the_answer(void **state)
{
    (void)state;
    make_lists();
    for (int type = GV_READ_SAMPLES; type <= GV_READ_STREAMED; type++)
        for (size_t at = 1; at <= 3; at++) {
            struct gv_read_request r = {queries, 2, (enum gv_read_type)type};
            struct gv_buf body = GV_BUF_INIT;
            struct gv_err err = {0};
            assert_false(encode(lists, &r, (struct gv_read_encoder_options){0}, 1, at, &body, &err));
            assert_string_equal(err.msg, "cluster \"c1\": gone");
            assert_int_equal(body.n > 0, type == GV_READ_STREAMED && at > 1);
            gv_buf_fini(&body);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(no_series_is_an_answer_too),
        cmocka_unit_test(a_frame_holds_one_series_and_about_so_many_bytes),
        cmocka_unit_test(samples_are_a_message_that_others_read),
        cmocka_unit_test(chunks_are_handed_on_as_they_are),
        cmocka_unit_test(chunks_that_overlap_are_merged),
        cmocka_unit_test(samples_outside_the_times_are_left_out),
        cmocka_unit_test(the_sample_limit_is_told_in_prometheus_words),
        cmocka_unit_test(a_feed_that_fails_fails_the_answer),
    };
    return cmocka_run_group_tests_name("codec.read_encoder", tests, set_up, tear_down);
}
