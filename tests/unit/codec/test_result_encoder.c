/* The reply's envelope, byte for byte as Prometheus writes it, whatever the size of the pieces asked for. */
#include "codec/result_encoder.h"
#include "codec/result_decoder.h"
#include <math.h>
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

static void check(const struct gv_result *r, const struct gv_result_encoder_tail *tail, const char *expected)
{
    for (size_t want = 1; want < 2000; want += want < 40 ? 1 : 391) {
        struct gv_result_encoder *e = gv_result_encoder_new(&arena, r, tail);
        struct gv_buf out = GV_BUF_INIT;
        for (size_t before = 0; gv_result_encoder_next(e, &out, want); before = out.n)
            assert_true(out.n > before);
        assert_string_equal(gv_buf_cstr(&out), expected);
        gv_buf_fini(&out);
    }
}

static const struct gv_labels *labels_of(const char *name, const char *value)
{
    struct gv_label label = {gv_slice_of(name), gv_slice_of(value)};
    return gv_labels_make(&arena, &label, 1);
}

static void scalars_and_strings(void **state)
{
    (void)state;
    struct gv_result r = {.type = GV_RESULT_SCALAR, .time = 1435781451781, .scalar = INFINITY};
    check(&r, NULL,
          "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1435781451.781,\"+Inf\"]}}");
    r = (struct gv_result){.type = GV_RESULT_STRING, .time = -1500, .string = GV_S("a\n\"b\"")};
    check(&r, NULL,
          "{\"status\":\"success\",\"data\":{\"resultType\":\"string\",\"result\":[-1.500,\"a\\n\\\"b\\\"\"]}}");
}

static void times_have_three_decimals_or_none(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{0, "0"},       {1, "0.001"},
                 {70, "0.070"},  {1000, "1"},
                 {-1, "-0.001"}, {1435781430000, "1435781430"},
                 {-1000, "-1"},  {INT64_MIN, "-9223372036854775.808"}};
    for (size_t i = 0; i < GV_COUNT(cases); i++) {
        struct gv_result r = {.type = GV_RESULT_SCALAR, .time = cases[i].ms};
        struct gv_buf expected = GV_BUF_INIT;
        gv_buf_printf(&expected, "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[%s,\"0\"]}}",
                      cases[i].text);
        check(&r, NULL, gv_buf_cstr(&expected));
        gv_buf_fini(&expected);
    }
}

static void the_tail_keeps_its_order(void **state)
{
    (void)state;
    struct gv_slice warnings[] = {GV_S("w1"), GV_S("w\t2")}, infos[] = {GV_S("i")};
    struct gv_result_encoder_tail tail = {
        .stats_json = GV_S("{\"a\":1}"), .warnings = warnings, .n_warnings = 2, .infos = infos, .n_infos = 1};
    struct gv_result r = {.type = GV_RESULT_VECTOR};
    check(&r, &tail,
          "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[],\"stats\":{\"a\":1}},"
          "\"warnings\":[\"w1\",\"w\\t2\"],\"infos\":[\"i\"]}");
}

static const struct gv_histogram *one_histogram(void)
{
    static const struct gv_span spans[] = {{0, 1}};
    static const double counts[] = {3};
    static const struct gv_histogram h = {.schema = 0,
                                          .count = 3,
                                          .sum = 2.5,
                                          .positive = {.spans = spans, .counts = counts, .n_spans = 1, .n_counts = 1}};
    return &h;
}

#define HISTOGRAM "{\"count\":\"3\",\"sum\":\"2.5\",\"buckets\":[[0,\"0.5\",\"1\",\"3\"]]}"

static void steps_of_a_matrix(void **state)
{
    (void)state;
    double values[130] = {[0] = 1, [1] = NAN, [64] = 2.5, [128] = 0, [129] = 1e21};
    const struct gv_histogram *histograms[130] = {[128] = one_histogram()};
    uint64_t present[3] = {3, 1, 3}, none[3] = {0};
    struct gv_series series[] = {
        {labels_of("a", "1"), {.kind = GV_COLUMN_STEPS, .steps = {values, present, histograms}}},
        {labels_of("a", "2"), {.kind = GV_COLUMN_STEPS, .steps = {values, none, NULL}}},
        {&gv_labels_empty, {.kind = GV_COLUMN_STEPS, .steps = {values, present, NULL}}}};
    struct gv_result r = {.type = GV_RESULT_MATRIX, .grid = {1000, 500, 130}, .series = series, .n = 3};
    check(&r, NULL,
          "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
          "{\"metric\":{\"a\":\"1\"},\"values\":[[1,\"1\"],[1.500,\"NaN\"],[33,\"2.5\"],[65.500,\"1e+21\"]],"
          "\"histograms\":[[65," HISTOGRAM "]]},"
          "{\"metric\":{},\"values\":[[1,\"1\"],[1.500,\"NaN\"],[33,\"2.5\"],[65,\"0\"],[65.500,\"1e+21\"]]}]}}");
}

static void every_series_repeats_the_times(void **state)
{
    (void)state;
    double values[2] = {1, 2};
    uint64_t first = 1, both = 3;
    struct gv_series series[] = {{labels_of("a", "1"), {.kind = GV_COLUMN_STEPS, .steps = {values, &first, NULL}}},
                                 {labels_of("a", "2"), {.kind = GV_COLUMN_STEPS, .steps = {values, &both, NULL}}},
                                 {labels_of("a", "3"), {.kind = GV_COLUMN_STEPS, .steps = {values, &both, NULL}}}};
    struct gv_result r = {.type = GV_RESULT_MATRIX, .series = series, .n = 3};
    static const struct {
        struct gv_grid grid;
        const char *first, *second;
    } cases[] = {{{-999, 1000, 2}, "-0.999", "0.001"},
                 {{10000000000123, 1, 2}, "10000000000.123", "10000000000.124"},
                 {{99999999999999, 1, 2}, "99999999999.999", "100000000000"},
                 {{-1234567890123456, 1000, 2}, "-1234567890123.456", "-1234567890122.456"}};
    for (size_t i = 0; i < GV_COUNT(cases); i++) {
        r.grid = cases[i].grid;
        struct gv_buf expected = GV_BUF_INIT;
        gv_buf_adds(&expected, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[");
        gv_buf_printf(&expected, "{\"metric\":{\"a\":\"1\"},\"values\":[[%s,\"1\"]]}", cases[i].first);
        for (int k = 2; k <= 3; k++)
            gv_buf_printf(&expected, ",{\"metric\":{\"a\":\"%d\"},\"values\":[[%s,\"1\"],[%s,\"2\"]]}", k,
                          cases[i].first, cases[i].second);
        gv_buf_adds(&expected, "]}}");
        check(&r, NULL, gv_buf_cstr(&expected));
        gv_buf_fini(&expected);
    }
}

static void steps_of_a_vector(void **state)
{
    (void)state;
    double value = -0.5;
    uint64_t present = 1, absent = 0;
    const struct gv_histogram *h = one_histogram();
    struct gv_series series[] = {{labels_of("a", "1"), {.kind = GV_COLUMN_STEPS, .steps = {&value, &absent, NULL}}},
                                 {labels_of("a", "2"), {.kind = GV_COLUMN_STEPS, .steps = {&value, &present, NULL}}},
                                 {labels_of("a", "3"), {.kind = GV_COLUMN_STEPS, .steps = {&value, &present, &h}}}};
    struct gv_result r = {.type = GV_RESULT_VECTOR, .grid = {4000, 0, 1}, .series = series, .n = 3};
    check(&r, NULL,
          "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
          "{\"metric\":{\"a\":\"2\"},\"value\":[4,\"-0.5\"]},"
          "{\"metric\":{\"a\":\"3\"},\"histogram\":[4," HISTOGRAM "]}]}}");
}

static void raw_samples(void **state)
{
    (void)state;
    const int64_t times[] = {1, 2000, 2001};
    const double values[] = {1e-7, 0, 100};
    const struct gv_histogram *const histograms[] = {NULL, one_histogram(), NULL};
    struct gv_series series[] = {
        {labels_of("q", "\"\\\x01"), {.kind = GV_COLUMN_RAW, .raw = {times, values, histograms, NULL, 3}}}};
    struct gv_result r = {.type = GV_RESULT_MATRIX, .series = series, .n = 1};
    check(&r, NULL,
          "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
          "{\"metric\":{\"q\":\"\\\"\\\\\\u0001\"},\"values\":[[0.001,\"1e-07\"],[2.001,\"100\"]],"
          "\"histograms\":[[2," HISTOGRAM "]]}]}}");
}

static void check_pass_through(const char *text)
{
    size_t n = strlen(text);
    for (size_t piece = 1; piece <= n; piece += piece < 60 ? 1 : n / 3) {
        struct gv_result_decoder *d =
            gv_result_decoder_new(&arena, &(struct gv_result_decoder_options){.kind = GV_COLUMN_SPAN});
        struct gv_result r;
        struct gv_backend_error backend;
        struct gv_err err = {0};
        for (size_t at = 0; at < n; at += piece)
            assert_true(gv_result_decoder_feed(d, text + at, piece < n - at ? piece : n - at, &err));
        assert_true(gv_result_decoder_finish(d, &r, &backend, &err));
        check(&r, NULL, text);
    }
}

static void spans_pass_through_unchanged(void **state)
{
    (void)state;
    check_pass_through("{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
                       "{\"metric\":{\"__name__\":\"up\",\"b\":\"é\"},\"value\":[1.5,\"0.1000\"]},"
                       "{\"metric\":{},\"histogram\":[1," HISTOGRAM "]}]}}");
    check_pass_through(
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
        "{\"metric\":{\"__name__\":\"up\"},\"values\":[[1,\"1\"],[2,\"2\"],[3,\"3\"],[4,\"4\"],[5,\"5\"],"
        "[6,\"6\"],[7,\"7\"],[8,\"8\"],[9,\"9\"]],\"histograms\":[[1," HISTOGRAM "]]},"
        "{\"metric\":{\"a\":\"b\"},\"values\":[[1,\"NaN\"]]}]}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_and_strings),
        cmocka_unit_test(times_have_three_decimals_or_none),
        cmocka_unit_test(the_tail_keeps_its_order),
        cmocka_unit_test(steps_of_a_matrix),
        cmocka_unit_test(every_series_repeats_the_times),
        cmocka_unit_test(steps_of_a_vector),
        cmocka_unit_test(raw_samples),
        cmocka_unit_test(spans_pass_through_unchanged),
    };
    return cmocka_run_group_tests_name("codec.result_encoder", tests, set_up, tear_down);
}
