/* The streaming decoder: what it takes, what it refuses and why, and that the cutting of the text never matters. */
#include "../../support/result_oracle.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct gv_label injected[] = {{GV_S("cluster"), GV_S("c1")}};
static const struct gv_mapping mapping = {injected, 1};
static const struct gv_result_decoder_options span = {.kind = GV_COLUMN_SPAN, .mapping = &mapping};

#define VECTOR(series) "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" series "]}}"
#define MATRIX(series) "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[" series "]}}"

static const char vector[] =
    VECTOR("{\"metric\":{\"__name__\":\"up\",\"job\":\"a\",\"cluster\":\"own\"},\"value\":[1435781451.781,\"1\"]},"
           "{\"metric\":{\"__name__\":\"up\",\"job\":\"b\"},\"value\":[1435781451.781,\"-0.5\"]}");
static const char matrix[] =
    MATRIX("{\"metric\":{\"__name__\":\"up\",\"q\":\"\\\"\\u00e9\\ud83d\\ude00\"},\"values\":[[1435781430.781,\"1\"],"
           "[1435781445.781,\"2.5\"],[1435781460.781,\"NaN\"],[1435781475,\"+Inf\"],[1435781490,\"1e-07\"],"
           "[1435781505,\"3\"],[1435781520,\"4\"],[1435781535,\"5\"],[1435781550,\"-6.25\"],[1435781565,\"7\"],"
           "[1435781580,\"8\"],[1435781595,\"9\"]]},"
           "{\"metric\":{},\"histograms\":[[1435781430.781,{\"count\":\"4\",\"sum\":\"5\",\"buckets\":"
           "[[0,\"1\",\"2\",\"4\"],[3,\"-1\",\"1\",\"2\"]]}]],\"values\":[]}");

static void check_meaning(const char *text, const char *meaning)
{
    struct gv_buf out = GV_BUF_INIT;
    struct gv_err err = {0};
    if (!stream_decode(text, strlen(text), &span, NULL, 0, &out, &err))
        fail_msg("%s: %s", text, err.msg);
    assert_string_equal(gv_buf_cstr(&out), meaning);
    gv_buf_fini(&out);
}

static void series_of_a_vector_are_mapped_and_injected(void **state)
{
    (void)state;
    check_meaning(vector, "vector\n"
                          "{__name__=\"up\", cluster=\"c1\", exported_cluster=\"own\", job=\"a\"} "
                          "floats 2 [1435781451.781,\"1\"] \n"
                          "{__name__=\"up\", cluster=\"c1\", job=\"b\"} floats 2 [1435781451.781,\"-0.5\"] \n");
}

static void series_of_a_matrix_keep_their_text(void **state)
{
    (void)state;
    check_meaning(matrix, "matrix\n"
                          "{__name__=\"up\", cluster=\"c1\", q=\"\\\"é😀\"} floats 12 [[1435781430.781,\"1\"],"
                          "[1435781445.781,\"2.5\"],[1435781460.781,\"NaN\"],[1435781475,\"+Inf\"],"
                          "[1435781490,\"1e-07\"],[1435781505,\"3\"],[1435781520,\"4\"],[1435781535,\"5\"],"
                          "[1435781550,\"-6.25\"],[1435781565,\"7\"],[1435781580,\"8\"],[1435781595,\"9\"]] \n"
                          "{cluster=\"c1\"} histograms 1 [[1435781430.781,{\"buckets\":[[0,\"1\",\"2\",\"4\"],"
                          "[3,\"-1\",\"1\",\"2\"]],\"count\":\"4\",\"sum\":\"5\"}]] \n");
}

static void members_come_in_any_order(void **state)
{
    (void)state;
    check_meaning("\n{ \"infos\" : [\"i\"], \"data\":{\"stats\":{\"a\":[{}]}, \"result\":[{\"value\":[1,\"2\"],"
                  "\"x\":[1,[\"[\"]],\"metric\":{\"b\":\"2\",\"a\":\"1\",\"e\":\"\"}}],\"resultType\":\"vector\","
                  "\"analysis\":{}},\"status\":\"success\",\"warnings\":[\"w\",\"w\"],\"isPartial\":false}\r\n\t ",
                  "vector\n{a=\"1\", b=\"2\", cluster=\"c1\"} floats 2 [1,\"2\"] \nwarning w\ninfo i\n");
}

static void empty_results_are_results(void **state)
{
    (void)state;
    check_meaning(VECTOR(""), "vector\n");
    check_meaning("{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":null}}", "matrix\n");
    check_meaning(MATRIX("{\"metric\":{},\"values\":[ ]}"), "matrix\n{cluster=\"c1\"} \n");
}

static void scalars_and_strings(void **state)
{
    (void)state;
    check_meaning("{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1.5,\"-Inf\"]}}",
                  "scalar 1500 -Inf\n");
    check_meaning("{\"status\":\"success\",\"data\":{\"result\":[1e3,\"a\\tb\"],\"resultType\":\"string\"}}",
                  "string 1000000 \"a\\tb\"\n");
}

static void error_envelopes_are_handed_on(void **state)
{
    (void)state;
    check_meaning("{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"1:4: parse error\"}",
                  "error \"bad_data\"\"1:4: parse error\"");
    check_meaning("{\"status\":\"error\",\"data\":null}", "error \"\"\"\"");
}

static void a_partial_answer_is_no_silent_one(void **state)
{
    (void)state;
    check_meaning("{\"status\":\"success\",\"isPartial\":true,\"data\":{\"resultType\":\"vector\",\"result\":[]}}",
                  "vector\nwarning the answer is partial, says the backend (isPartial)\n");
}

/* Every cut into two, and pieces of one to seven bytes, mean the same; or fail with the same words. */
static void check_cuts(const char *text, const struct gv_result_decoder_options *o)
{
    size_t n = strlen(text);
    struct gv_buf whole = GV_BUF_INIT, cut = GV_BUF_INIT;
    struct gv_err why = {0};
    bool ok = stream_decode(text, n, o, NULL, 0, &whole, &why);
    for (size_t i = 1; i < n + 7; i++) {
        struct gv_err err = {0};
        size_t two[] = {i, n}, many[] = {i - n + 1};
        gv_buf_clear(&cut);
        bool same = stream_decode(text, n, o, i < n ? two : many, i < n ? 2 : 1, &cut, &err);
        assert_int_equal(same, ok);
        assert_string_equal(gv_buf_cstr(&cut), gv_buf_cstr(&whole));
        assert_string_equal(err.msg, why.msg);
    }
    gv_buf_fini(&whole);
    gv_buf_fini(&cut);
}

static void cuts_do_not_matter(void **state)
{
    (void)state;
    check_cuts(vector, &span);
    check_cuts(matrix, &span);
}

static const struct {
    const char *text, *says;
} refused[] = {
    {"", "the reply is empty"},
    {" \n", "the reply is cut short after 2 bytes, where an object was expected"},
    {"<html>", "expected an object, got '<' at byte 0"},
    {"[]", "expected an object, got an array at byte 0"},
    {"{}", "the reply has no status"},
    {"{\"status\":\"success\"}", "the reply has no data"},
    {"{\"status\":\"success\",\"data\":{\"result\":[]}}", "the reply has no resultType"},
    {"{\"status\":\"success\",\"data\":{\"resultType\":\"vector\"}}", "the reply has no result"},
    {"{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[]}}",
     "the result of type scalar is empty"},
    {"{\"status\":\"fine\"}", "expected \"success\" or \"error\" as status at byte 10"},
    {"{\"status\":1}", "expected a string as \"status\" of the reply, got a number at byte 10"},
    {"{\"status\":\"success\",\"status\":\"error\"}", "\"status\" comes twice in the reply, again at byte 20"},
    {"{\"data\":{\"resultType\":\"table\"}}", "expected scalar, string, vector or matrix as resultType at byte 22"},
    {VECTOR("") "x", "expected the end, got 'x' at byte 63"},
    {VECTOR("") "{}", "expected the end, got '{' at byte 63"},
    {VECTOR("1"), "resultType is \"vector\", but the result holds a single point, seen at byte 60"},
    {VECTOR("{\"metric\":{}}"), "a series has no values, up to byte 72"},
    {VECTOR("{\"value\":[1,\"1\"]}"), "a series has no metric, up to byte 76"},
    {VECTOR("{\"metric\":{},\"values\":[[1,\"1\"]]}"),
     "resultType is \"vector\", but the result holds series with values, seen at byte 82"},
    {VECTOR("{\"metric\":{},\"value\":[1]}"), "expected a time and a value, got ']' at byte 83"},
    {VECTOR("{\"metric\":{},\"value\":[1,2]}"), "expected a string as value of a point, got a number at byte 84"},
    {VECTOR("{\"metric\":{},\"value\":[\"1\",\"2\"]}"),
     "expected a number as time of a point, got a string at byte 82"},
    {VECTOR("{\"metric\":{},\"value\":[1,\"2\",\"3\"]}"), "expected ']' after time and value, got a string at byte 88"},
    {VECTOR("{\"metric\":{},\"value\":[1,\"x\"]}"), "expected a number in quotes, got other text at byte 84"},
    {VECTOR("{\"metric\":{},\"value\":[1,\"\"]}"), "expected a number in quotes, got other text at byte 84"},
    {VECTOR("{\"metric\":{},\"value\":[1e99,\"2\"]}"), "a time out of range at byte 82"},
    {VECTOR("{\"metric\":{},\"value\":[01,\"2\"]}"), "expected a value, got 01 at byte 82"},
    {VECTOR("{\"metric\":{\"a\":1}}"), "expected a string as label value, got a number at byte 75"},
    {VECTOR("{\"metric\":{\"\":\"1\"}}"), "a label without a name at byte 71"},
    {VECTOR("{\"metric\":{\"a\":\"1\",\"a\":\"2\"}}"), "a label comes twice in a series, up to byte 86"},
    {VECTOR("{\"metric\":{\"a\":\"\xff\"}}"), "invalid UTF-8 in a string at byte 76"},
    {VECTOR("{\"metric\":{\"a\":\"x\xc3\"}}"), "invalid UTF-8 in a string at byte 77"},
    {VECTOR("{\"metric\":{\"a\":\"\\ud800x\"}}"), "invalid escape in a string at byte 76"},
    {VECTOR("{\"metric\":{\"a\":\"ok\\q\"}}"), "invalid escape in a string at byte 78"},
    {VECTOR("{\"metric\":{\"a\":\"\n\"}}"), "expected the end of a string, got byte 0x0a at byte 76"},
    {VECTOR("{\"metric\":{},\"value\":[1,\"2\"]},{\"metric\":{},\"values\":[]}"),
     "the result mixes elements of vector, matrix and scalar at byte 112"},
    {VECTOR("{\"metric\":{},\"value\":[1,\"2\"],\"histogram\":[1,{\"count\":\"1\",\"sum\":\"1\"}]}"),
     "a series has both value and histogram, up to byte 128"},
    {VECTOR("{\"metric\":{},\"histogram\":[1,{\"count\":\"1\"}]}"), "a histogram without count or sum, up to byte 100"},
    {VECTOR("{\"metric\":{},\"histogram\":[1,{\"count\":\"1\",\"sum\":\"1\",\"buckets\":[[4,\"1\",\"2\",\"3\"]]}]}"),
     "expected [0 to 3, \"lower\", \"upper\", \"count\"] as bucket, got a number at byte 123"},
    {MATRIX("{\"metric\":{},\"values\":[[1,\"2\"],[1,\"2\"],,]}"), "expected a value, got ',' at byte 99"},
    {MATRIX("{\"metric\":{},\"values\":[[1,\"2\"] [1,\"2\"]]}"), "expected ',' or ']', got '[' at byte 91"},
    {MATRIX("{\"metric\":{},\"values\":[[1,\"2\"],]}"), "expected a value, got ']' at byte 91"},
    {MATRIX("{\"metric\":{},\"values\":[1,\"2\"]}"), "expected an array as point, got a number at byte 83"},
    {MATRIX("{\"metric\":{},}"), "expected a name in quotes, got '}' at byte 73"},
    {MATRIX("{\"metric\":{}]"), "expected ',' or '}', got ']' at byte 72"},
    {"{\"status\" \"success\"}", "expected ':', got '\"' at byte 10"},
    {"{\"warnings\":[1]}", "expected a string as warning, got a number at byte 13"},
    {"{\"a\":nul}", "expected a value, got nul at byte 5"},
};

static void every_fault_is_named_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < GV_COUNT(refused); i++) {
        struct gv_buf out = GV_BUF_INIT;
        struct gv_err err = {0};
        assert_false(stream_decode(refused[i].text, strlen(refused[i].text), &span, NULL, 0, &out, &err));
        assert_int_equal(err.code, GV_BAD_DATA);
        assert_string_equal(err.msg, refused[i].says);
        gv_buf_fini(&out);
        check_cuts(refused[i].text, &span);
    }
}

static void nesting_has_a_cap(void **state)
{
    (void)state;
    struct gv_buf text = GV_BUF_INIT, out = GV_BUF_INIT;
    gv_buf_adds(&text, "{\"x\":");
    for (int i = 0; i < 100000; i++)
        gv_buf_addc(&text, '[');
    struct gv_err err = {0};
    assert_false(stream_decode(text.p, text.n, &span, NULL, 0, &out, &err));
    assert_string_equal(err.msg, "nested deeper than 64 at byte 68");
    gv_buf_fini(&text);
    gv_buf_fini(&out);
}

static void strings_have_a_cap(void **state)
{
    (void)state;
    struct gv_buf text = GV_BUF_INIT, out = GV_BUF_INIT;
    gv_buf_adds(&text, "{\"x\":\"");
    for (int i = 0; i < (1 << 20) + 1; i++)
        gv_buf_addc(&text, 'x');
    gv_buf_adds(&text, "\"}");
    for (size_t piece = 1000; piece < 10000000; piece *= 100) {
        struct gv_err err = {0};
        assert_false(stream_decode(text.p, text.n, &span, &piece, 1, &out, &err));
        assert_string_equal(err.msg, "a string of more than 1048576 bytes at byte 5");
    }
    gv_buf_fini(&text);
    gv_buf_fini(&out);
}

static void labels_of_a_series_have_a_cap(void **state)
{
    (void)state;
    struct gv_buf text = GV_BUF_INIT, out = GV_BUF_INIT;
    gv_buf_adds(&text, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{");
    for (int i = 0; i < 11; i++)
        gv_buf_printf(&text, "%s\"l%d\":\"%0100000d\"", i ? "," : "", i, i);
    gv_buf_adds(&text, "},\"value\":[1,\"2\"]}]}}");
    for (size_t piece = 1000; piece < 10000000; piece *= 100) {
        struct gv_err err = {0};
        assert_false(stream_decode(text.p, text.n, &span, &piece, 1, &out, &err));
        assert_string_equal(err.msg, "the labels of a series have more than 1048576 bytes at byte 70");
    }
    gv_buf_fini(&text);
    gv_buf_fini(&out);
}

static void a_cut_reply_is_never_whole(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof matrix - 1; n++) {
        struct gv_buf out = GV_BUF_INIT;
        struct gv_err err = {0};
        assert_false(stream_decode(matrix, n, &span, NULL, 0, &out, &err));
        assert_non_null(strstr(err.msg, n ? "cut short" : "empty"));
        gv_buf_fini(&out);
    }
}

static void a_dead_decoder_stays_dead(void **state)
{
    (void)state;
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_result_decoder *d = gv_result_decoder_new(&a, &span);
    struct gv_err err = {0}, again = {0}, end = {0};
    struct gv_result result;
    struct gv_backend_error backend;
    assert_false(gv_result_decoder_feed(d, "]", 1, &err));
    assert_false(gv_result_decoder_feed(d, vector, sizeof vector - 1, &again));
    assert_false(gv_result_decoder_finish(d, &result, &backend, &end));
    assert_int_not_equal(end.code, GV_OK);
    gv_arena_fini(&a);
}

static void samples_have_a_limit(void **state)
{
    (void)state;
    struct gv_result_decoder_options o = span;
    struct gv_buf out = GV_BUF_INIT;
    struct gv_err err = {0};
    o.max_samples = 13;
    assert_true(stream_decode(matrix, sizeof matrix - 1, &o, NULL, 0, &out, &err));
    o.max_samples = 12;
    assert_false(stream_decode(matrix, sizeof matrix - 1, &o, NULL, 0, &out, &err));
    assert_int_equal(err.code, GV_EXECUTION);
    assert_string_equal(err.msg, "query processing would load too many samples into memory in query execution");
    check_cuts(matrix, &o);
    gv_buf_fini(&out);
}

static void a_spent_budget_names_its_limit(void **state)
{
    (void)state;
    struct gv_budget budget;
    gv_budget_init(&budget, "max_query_memory", 200000, GV_EXECUTION, NULL);
    struct gv_arena a;
    gv_arena_init(&a, &budget);
    struct gv_result_decoder *d = gv_result_decoder_new(&a, &span);
    static const char head[] = "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
                               "{\"metric\":{\"a\":\"1\"},\"values\":[";
    struct gv_err err = {0};
    assert_true(gv_result_decoder_feed(d, head, sizeof head - 1, &err));
    bool ok = true;
    int rounds = 0;
    for (; ok && rounds < 100000; rounds++)
        ok = gv_result_decoder_feed(d, "[1435781430.781,\"1\"],", 21, &err);
    assert_false(ok);
    assert_in_range(rounds, 2000, 10000);
    assert_int_equal(err.code, GV_EXECUTION);
    assert_non_null(strstr(err.msg, "max_query_memory"));
    gv_arena_fini(&a);
    assert_int_equal(budget.used, 0);
}

static void labels_are_held_to_the_budget_too(void **state)
{
    (void)state;
    struct gv_budget budget;
    gv_budget_init(&budget, "max_query_memory", 1 << 20, GV_EXECUTION, NULL);
    struct gv_arena a;
    gv_arena_init(&a, &budget);
    struct gv_result_decoder *d = gv_result_decoder_new(&a, &span);
    static const char head[] = "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[";
    struct gv_err err = {0};
    bool ok = gv_result_decoder_feed(d, head, sizeof head - 1, &err);
    for (int i = 0; ok && i < 100000; i++) {
        char text[1200];
        int n = snprintf(text, sizeof text, "{\"metric\":{\"a\":\"%01000d\"},\"values\":[]},", i);
        ok = gv_result_decoder_feed(d, text, (size_t)n, &err);
    }
    assert_false(ok);
    assert_non_null(strstr(err.msg, "max_query_memory"));
    assert_in_range(budget.peak, 1 << 20, 2 << 20);
    gv_arena_fini(&a);
}

/* ---- columns on a grid ---- */

static const struct gv_result_decoder_options steps = {
    .kind = GV_COLUMN_STEPS, .mapping = &mapping, .grid = {.start = 1000, .step = 500, .n = 70}};

static bool decode_as(struct gv_arena *a, const struct gv_result_decoder_options *o, const char *text, size_t piece,
                      struct gv_result *result, struct gv_err *err)
{
    struct gv_backend_error backend;
    struct gv_result_decoder *d = gv_result_decoder_new(a, o);
    size_t n = strlen(text);
    for (size_t at = 0; at < n; at += piece)
        if (!gv_result_decoder_feed(d, text + at, piece < n - at ? piece : n - at, err))
            return false;
    return gv_result_decoder_finish(d, result, &backend, err);
}

static bool decode_steps(struct gv_arena *a, const char *text, size_t piece, struct gv_result *result,
                         struct gv_err *err)
{
    return decode_as(a, &steps, text, piece, result, err);
}

static void points_land_on_the_grid(void **state)
{
    (void)state;
    static const char text[] =
        MATRIX("{\"metric\":{},\"values\":[[1,\"1.25\"],[1.5,\"NaN\"],[2.000,\"-Inf\"],[3,\"1e3\"],"
               "[35.5,\"9007199254740993\"]]},{\"metric\":{\"a\":\"b\"},\"values\":[]}");
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct gv_arena a;
        gv_arena_init(&a, NULL);
        struct gv_result r;
        struct gv_err err = {0};
        assert_true(decode_steps(&a, text, piece, &r, &err));
        assert_int_equal(r.n, 2);
        const struct gv_steps_column *c = &r.series[0].column.steps;
        assert_int_equal(c->present[0], 1 | 2 | 4 | 16);
        assert_int_equal(c->present[1], 1 << 5);
        assert_true(c->values[0] == 1.25 && isnan(c->values[1]) && c->values[2] == -INFINITY && c->values[4] == 1000);
        assert_true(c->values[69] == 9007199254740992.0);
        assert_int_equal(r.series[1].column.steps.present[0], 0);
        gv_arena_fini(&a);
    }
}

static void check_steps_refuse(const char *text, enum gv_err_code code, const char *says)
{
    for (size_t piece = 1; piece < 200; piece += 99) {
        struct gv_arena a;
        gv_arena_init(&a, NULL);
        struct gv_result r;
        struct gv_err err = {0};
        assert_false(decode_steps(&a, text, piece, &r, &err));
        assert_int_equal(err.code, code);
        assert_non_null(strstr(err.msg, says));
        gv_arena_fini(&a);
    }
}

static void what_does_not_fit_the_grid_is_refused(void **state)
{
    (void)state;
    check_steps_refuse(MATRIX("{\"metric\":{},\"values\":[[1,\"1\"],[1.25,\"1\"]]}"), GV_BAD_DATA,
                       "a point at 1250 ms");
    check_steps_refuse(MATRIX("{\"metric\":{},\"values\":[[0.5,\"1\"]]}"), GV_BAD_DATA, "a point at 500 ms");
    check_steps_refuse(MATRIX("{\"metric\":{},\"values\":[[36,\"1\"]]}"), GV_BAD_DATA, "a point at 36000 ms");
    check_steps_refuse(MATRIX("{\"metric\":{},\"values\":[[1,\"1\"],[1,\"1\"]]}"), GV_BAD_DATA, "two points");
    check_steps_refuse(MATRIX("{\"metric\":{},\"values\":[[-9e15,\"1\"]]}"), GV_BAD_DATA, "not on the asked grid");
    check_steps_refuse(MATRIX("{\"metric\":{},\"histograms\":[[1,{\"count\":\"1\",\"sum\":\"1\"}]]}"), GV_EXECUTION,
                       "native histograms");
}

/* A series of both, one of histograms, one of floats; in any order of the members. */
static void histograms_can_be_left_out(void **state)
{
    (void)state;
#define LISTED "\"histograms\":[[1.5,{\"count\":\"1\",\"sum\":\"1\",\"buckets\":[[0,\"1\",\"2\",\"1\"]]}]]"
    static const char matrix_text[] =
        MATRIX("{\"metric\":{}," LISTED ",\"values\":[[1,\"5\"]]},{\"metric\":{},\"values\":[[1,\"6\"]]," LISTED "},"
               "{" LISTED ",\"metric\":{}},{\"metric\":{},\"values\":[[1,\"7\"]]}");
    static const char vector_text[] =
        VECTOR("{\"metric\":{},\"histogram\":[1,{\"count\":\"1\",\"sum\":\"1\"}]},{\"metric\":{},\"value\":[1,\"7\"]}");
    static const enum gv_column_kind kinds[] = {GV_COLUMN_STEPS, GV_COLUMN_RAW};
    for (size_t k = 0; k < GV_COUNT(kinds); k++)
        for (size_t piece = 1; piece < sizeof matrix_text; piece++) {
            struct gv_result_decoder_options o = steps;
            o.kind = kinds[k];
            o.floats_only = true;
            struct gv_arena a;
            gv_arena_init(&a, NULL);
            struct gv_result m, v;
            struct gv_err err = {0};
            assert_true(decode_as(&a, &o, matrix_text, piece, &m, &err));
            assert_true(decode_as(&a, &o, vector_text, piece, &v, &err));
            assert_true(m.n == 4 && v.n == 2);
            const struct gv_series *all[] = {&m.series[0], &m.series[1], &m.series[2],
                                             &m.series[3], &v.series[0], &v.series[1]};
            static const double first[] = {5, 6, 0, 7, 0, 7};
            for (size_t i = 0; i < GV_COUNT(all); i++) {
                const struct gv_column *c = &all[i]->column;
                bool has = k ? c->raw.n == 1 : c->steps.present[0] == 1;
                assert_int_equal(has, first[i] > 0);
                assert_true(!has || (k ? c->raw.values[0] : c->steps.values[0]) == first[i]);
            }
            gv_arena_fini(&a);
        }
}

/* ---- against jansson ---- */

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static size_t below(uint64_t *seed, size_t n)
{
    return (size_t)(next_random(seed) % n);
}

/* How often each verdict was given: a test in which all are the same shows nothing. */
static int accepted, refusals;

static void check_against_oracle(const char *text, size_t n, size_t piece)
{
    struct gv_buf here = GV_BUF_INIT, there = GV_BUF_INIT;
    struct gv_err err = {0};
    bool ok = stream_decode(text, n, &span, &piece, 1, &here, &err);
    enum verdict v = oracle_decode(text, n, &mapping, &there);
    if (v != UNDECIDED && ok != (v == ACCEPTED))
        fail_msg("%.*s\ndecoder: %s\noracle: %d", (int)n, text, ok ? "accepted" : err.msg, v);
    if (ok && v == ACCEPTED)
        assert_string_equal(gv_buf_cstr(&here), gv_buf_cstr(&there));
    if (!ok)
        assert_int_equal(err.code, GV_BAD_DATA);
    accepted += ok;
    refusals += !ok;
    gv_buf_fini(&here);
    gv_buf_fini(&there);
}

/* Points of every shape that the fast path takes, and some that it must leave, around the edges of its windows. */
static void add_point(struct gv_buf *out, uint64_t *seed)
{
    static const char *const times[] = {"1435781430.781",
                                        "1435781430",
                                        "0",
                                        "1",
                                        "123456789012345",
                                        "1234567890123456",
                                        "-1",
                                        "1e3",
                                        "0.5",
                                        "1.5E+2",
                                        "14357814.30781",
                                        "01",
                                        "1.",
                                        ".5",
                                        "1.2.3",
                                        "-"};
    static const char *const values[] = {
        "1",       "0",    "-1",   "0.25",  "123456789", "-0.001",
        "NaN",     "+Inf", "-Inf", "1e-07", "1e+21",     "12345678901234567890.123456789",
        "00",      "-",    "",     "1.",    "1.2.3",     "1,2",
        "\\u0031", "1]",   "[1",   "1-2",   "\n",        "\xff"};
    static const char *const shapes[] = {"[%s,\"%s\"]", "[%s, \"%s\"]", " [%s,\"%s\" ]", "[%s,\"%s]",
                                         "[%s\"%s\"]",  "%s,\"%s\"]",   "[[%s,\"%s\"]",  "[%s,\"%s\",]"};
    bool plain = below(seed, 8) != 0;
    const char *time = times[below(seed, plain ? 5 : GV_COUNT(times))];
    const char *value = values[below(seed, plain ? 6 : GV_COUNT(values))];
    const char *shape = shapes[below(seed, 20) ? 0 : below(seed, GV_COUNT(shapes))];
    char text[128];
    gv_buf_add(out, text, (size_t)snprintf(text, sizeof text, shape, time, value));
}

static void points_of_all_shapes_mean_what_jansson_says(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252u;
    accepted = refusals = 0;
    for (int round = 0; round < 4000; round++) {
        struct gv_buf text = GV_BUF_INIT;
        gv_buf_adds(
            &text,
            "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{},\"values\":[");
        for (size_t i = 0, n = 1 + below(&seed, 12); i < n; i++) {
            gv_buf_adds(&text, i ? "," : "");
            add_point(&text, &seed);
        }
        gv_buf_adds(&text, "]}]}}");
        check_against_oracle(text.p, text.n, below(&seed, 3) ? text.n : 1 + below(&seed, 100));
        gv_buf_fini(&text);
    }
    assert_true(accepted > 400 && refusals > 400);
}

static void mutate(char *text, size_t *n, uint64_t *seed)
{
    static const char alphabet[] = "[]{}\",:0123456789.-+eE\\u \ntrufalsn\xff\xc3";
    for (size_t edits = 1 + below(seed, 3); edits; edits--) {
        size_t at = below(seed, *n), length = 1 + below(seed, 12);
        if (length > *n - at)
            length = *n - at;
        switch (below(seed, 5)) {
        case 0:
            text[at] = alphabet[below(seed, sizeof alphabet - 1)];
            break;
        case 1: /* drop some bytes */
            memmove(text + at, text + at + length, *n - at - length);
            *n -= length;
            break;
        case 2: /* double some */
            memmove(text + at + length, text + at, *n - at);
            *n += length;
            break;
        case 3: /* copy some from elsewhere */
            memmove(text + at, text + below(seed, *n - length + 1), length);
            break;
        default:
            text[at] ^= (char)(1 << below(seed, 8));
        }
        if (!*n)
            text[(*n)++] = '{';
    }
}

static void mutations_mean_what_jansson_says(void **state)
{
    (void)state;
    static const char *const good[] = {
        vector, matrix, "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"what\",\"warnings\":[\"a\"]}",
        "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1.5,\"2\"]},\"infos\":[\"\\u00e9\"]}"};
    uint64_t seed = 2463534242u;
    accepted = refusals = 0;
    for (int round = 0; round < 10000; round++) {
        const char *from = good[below(&seed, GV_COUNT(good))];
        char text[4096];
        size_t n = strlen(from);
        memcpy(text, from, n);
        mutate(text, &n, &seed);
        check_against_oracle(text, n, below(&seed, 2) ? n : 1 + below(&seed, 80));
    }
    assert_true(accepted > 400 && refusals > 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_of_a_vector_are_mapped_and_injected),
        cmocka_unit_test(series_of_a_matrix_keep_their_text),
        cmocka_unit_test(members_come_in_any_order),
        cmocka_unit_test(empty_results_are_results),
        cmocka_unit_test(scalars_and_strings),
        cmocka_unit_test(error_envelopes_are_handed_on),
        cmocka_unit_test(a_partial_answer_is_no_silent_one),
        cmocka_unit_test(cuts_do_not_matter),
        cmocka_unit_test(every_fault_is_named_with_its_place),
        cmocka_unit_test(nesting_has_a_cap),
        cmocka_unit_test(strings_have_a_cap),
        cmocka_unit_test(labels_of_a_series_have_a_cap),
        cmocka_unit_test(a_cut_reply_is_never_whole),
        cmocka_unit_test(a_dead_decoder_stays_dead),
        cmocka_unit_test(samples_have_a_limit),
        cmocka_unit_test(a_spent_budget_names_its_limit),
        cmocka_unit_test(labels_are_held_to_the_budget_too),
        cmocka_unit_test(points_land_on_the_grid),
        cmocka_unit_test(what_does_not_fit_the_grid_is_refused),
        cmocka_unit_test(histograms_can_be_left_out),
        cmocka_unit_test(points_of_all_shapes_mean_what_jansson_says),
        cmocka_unit_test(mutations_mean_what_jansson_says),
    };
    return cmocka_run_group_tests_name("codec.result_decoder", tests, NULL, NULL);
}
