/* Requests as we send them: protobuf-c and our own decoder read what went in, in both versions; several
 * requests become one that holds the same. */
#include "../../support/write_requests.h"
#include "codec/snappy_block.h"
#include "codec/write_encoder.h"
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

#define BOTH(v) for (enum gv_write_version v = GV_WRITE_1; v <= GV_WRITE_2; v++)

/* "__name__=up,job=a", sorted, as label fields. */
static struct gv_slice fields(const char *text)
{
    struct gv_buf out = GV_BUF_INIT;
    struct gv_label labels[20];
    size_t n = 0;
    for (const char *at = text; *at;) {
        size_t whole = strcspn(at, ","), name = strcspn(at, "=");
        labels[n++] = (struct gv_label){{at, name}, {at + name + 1, whole - name - 1}};
        at += whole + (at[whole] == ',');
    }
    gv_write_put_labels(&out, gv_labels_make(&arena, labels, n));
    struct gv_slice kept = gv_arena_dup(&arena, gv_buf_slice(&out));
    gv_buf_fini(&out);
    return kept;
}

static const struct gv_span spans[] = {{0, 2}};
static const double counts[] = {2, 3};
static const struct gv_histogram histogram = {
    .schema = 1, .count = 5, .sum = 7, .positive = {spans, counts, 1, 2}, .reset_hint = GV_RESET_GAUGE};

static void put_all(struct gv_write_encoder *e)
{
    uint64_t stale = 0x7ff0000000000002;
    double stale_value;
    memcpy(&stale_value, &stale, sizeof stale);
    struct gv_write_value values[] = {
        {.time = 1000, .value = 1.5}, {.time = 1700000000000, .value = stale_value}, {.time = -5, .value = -0.0}};
    struct gv_write_value histograms[] = {{.time = 1700000000001, .histogram = &histogram, .start = 99}};
    struct gv_write_exemplar exemplars[] = {{.labels = fields("trace_id=abc"), .time = 7, .value = 0.25},
                                            {.labels = fields(""), .time = 0, .value = 1}};
    struct gv_write_metadata m = {.type = GV_S("counter"), .help = GV_S("Requests."), .unit = GV_S("seconds")};
    gv_write_put(e, &(struct gv_write_row){fields("__name__=up,cluster=c1,job=up"), values, 3, NULL, 0, NULL});
    gv_write_put(e, &(struct gv_write_row){fields("__name__=h,job=c1"), histograms, 1, exemplars, 2, &m});
    gv_write_put(e, &(struct gv_write_row){fields("a=\xc3\xa9"), values, 1, NULL, 0, NULL});
}

static struct gv_slice message_of(struct gv_write_encoder *e)
{
    struct gv_buf block = GV_BUF_INIT;
    struct gv_slice message;
    struct gv_err err = {.code = GV_OK};
    gv_write_encoder_end(e, &block);
    if (!gv_snappy_decode_dup(&arena, gv_buf_slice(&block), 1 << 24, &message, &err))
        fail_msg("%s", err.msg);
    gv_buf_fini(&block);
    return message;
}

static const char expected[] =
    "3{\"__name__\"=\"up\",\"cluster\"=\"c1\",\"job\"=\"up\",} 1000=3ff8000000000000 1700000000000=7ff0000000000002 "
    "-5=8000000000000000\n"
    "2{\"__name__\"=\"h\",\"job\"=\"c1\",} h1700000000001 7=3fd00000000000001{\"trace_id\"=\"abc\",} "
    "0=3ff00000000000000{}\n"
    "1{\"a\"=\"\xc3\xa9\",} 1000=3ff8000000000000\n";

static void what_goes_in_is_read(void **state)
{
    (void)state;
    struct gv_write_encoder e = {.table = NULL};
    for (int round = 0; round < 3; round++) /* one encoder, many requests */
        BOTH(v)
        {
            struct gv_buf ours = GV_BUF_INIT, theirs = GV_BUF_INIT;
            struct gv_err err = {.code = GV_OK};
            gv_write_encoder_begin(&e, v);
            put_all(&e);
            struct gv_slice message = message_of(&e);
            if (!print_decoded(&ours, &arena, v, message, &err))
                fail_msg("%s", err.msg);
            assert_true(v == GV_WRITE_1 ? print_oracle_1(&theirs, message) : print_oracle_2(&theirs, message));
            assert_string_equal(gv_buf_cstr(&ours), expected);
            assert_string_equal(gv_buf_cstr(&theirs), expected);
            gv_buf_fini(&ours);
            gv_buf_fini(&theirs);
        }
    gv_write_encoder_fini(&e);
}

static void a_symbol_stands_once(void **state)
{
    (void)state;
    struct gv_write_encoder e = {.table = NULL};
    gv_write_encoder_begin(&e, GV_WRITE_2);
    put_all(&e);
    struct gv_slice m = message_of(&e);
    request_2 *w = io__prometheus__write__v2__request__unpack(NULL, m.n, (const uint8_t *)m.p);
    assert_non_null(w);
    for (size_t i = 0; i < w->n_symbols; i++)
        for (size_t k = i + 1; k < w->n_symbols; k++)
            assert_string_not_equal(w->symbols[i], w->symbols[k]);
    const Io__Prometheus__Write__V2__TimeSeries *s = w->timeseries[1];
    assert_int_equal(s->created_timestamp, 99);
    assert_int_equal(s->metadata->type, 1);
    assert_string_equal(w->symbols[s->metadata->help_ref], "Requests.");
    assert_string_equal(w->symbols[s->metadata->unit_ref], "seconds");
    assert_float_equal(s->histograms[0]->positive_counts[1], 3, 0);
    assert_int_equal(s->histograms[0]->reset_hint, GV_RESET_GAUGE);
    io__prometheus__write__v2__request__free_unpacked(w, NULL);
    gv_write_encoder_fini(&e);
}

static void many_symbols_keep_their_numbers(void **state)
{
    (void)state;
    enum { SERIES = 3000 };
    struct gv_write_encoder e = {.table = NULL};
    struct gv_err err = {.code = GV_OK};
    struct gv_buf text = GV_BUF_INIT, want = GV_BUF_INIT;
    for (int round = 0; round < 2; round++) {
        gv_write_encoder_begin(&e, GV_WRITE_2);
        gv_buf_clear(&text);
        gv_buf_clear(&want);
        for (int i = 0; i < SERIES; i++) {
            struct gv_write_value v = {.time = i + 1, .value = 0};
            const char *labels = gv_arena_printf(&arena, "__name__=m%d,pod=p%d", i % 7, i);
            gv_write_put(&e, &(struct gv_write_row){fields(labels), &v, 1, NULL, 0, NULL});
            gv_buf_printf(&want, "2{\"__name__\"=\"m%d\",\"pod\"=\"p%d\",} %d=0000000000000000\n", i % 7, i, i + 1);
        }
        if (!print_decoded(&text, &arena, GV_WRITE_2, message_of(&e), &err))
            fail_msg("%s", err.msg);
        assert_string_equal(gv_buf_cstr(&text), gv_buf_cstr(&want));
    }
    gv_buf_fini(&text);
    gv_buf_fini(&want);
    gv_write_encoder_fini(&e);
}

static void metadata_of_its_own(void **state)
{
    (void)state;
    struct gv_write_encoder e = {.table = NULL};
    struct gv_buf ours = GV_BUF_INIT, theirs = GV_BUF_INIT;
    struct gv_err err = {.code = GV_OK};
    gv_write_encoder_begin(&e, GV_WRITE_1);
    gv_write_put_metadata(&e, &(struct gv_write_metadata){GV_S("up"), GV_S("gauge"), GV_S("Is it up?"), GV_S("")});
    gv_write_put_metadata(&e, &(struct gv_write_metadata){GV_S("x"), GV_S("nonsense"), GV_S(""), GV_S("bytes")});
    struct gv_slice message = message_of(&e);
    assert_true(print_decoded(&ours, &arena, GV_WRITE_1, message, &err));
    assert_true(print_oracle_1(&theirs, message));
    assert_string_equal(gv_buf_cstr(&ours), "\"up\"\"gauge\"\"Is it up?\"\"\"\"x\"\"unknown\"\"\"\"bytes\"");
    assert_string_equal(gv_buf_cstr(&ours), gv_buf_cstr(&theirs));
    gv_buf_fini(&ours);
    gv_buf_fini(&theirs);
    gv_write_encoder_fini(&e);
}

static void an_empty_request_is_one(void **state)
{
    (void)state;
    struct gv_write_encoder e = {.table = NULL};
    BOTH(v)
    {
        struct gv_buf text = GV_BUF_INIT;
        struct gv_err err = {.code = GV_OK};
        gv_write_encoder_begin(&e, v);
        assert_true(print_decoded(&text, &arena, v, message_of(&e), &err));
        assert_int_equal(text.n, 0);
    }
    gv_write_encoder_fini(&e);
}

static void encode_all(struct gv_write_encoder *e, enum gv_write_version v, size_t times, struct gv_buf *out)
{
    gv_write_encoder_begin(e, v);
    for (size_t i = 0; i < times; i++)
        put_all(e);
    gv_write_encoder_end(e, out);
}

static struct gv_slice decoded(const struct gv_buf *block)
{
    struct gv_slice message;
    struct gv_err err = {.code = GV_OK};
    if (!gv_snappy_decode_dup(&arena, gv_buf_slice(block), 1 << 24, &message, &err))
        fail_msg("%s", err.msg);
    return message;
}

/* Of 2.0, as if all had been put into one request of the version from the beginning. */
static void requests_become_one(void **state)
{
    (void)state;
    struct gv_write_encoder e = {.table = NULL};
    BOTH(to)
    for (size_t n = 1; n <= 3; n++) {
        struct gv_buf block = GV_BUF_INIT, joined = GV_BUF_INIT, direct = GV_BUF_INIT;
        struct gv_err err = {.code = GV_OK};
        encode_all(&e, GV_WRITE_2, 1, &block);
        struct gv_slice blocks[] = {gv_buf_slice(&block), gv_buf_slice(&block), gv_buf_slice(&block)};
        assert_true(gv_write_join(blocks, n, to, 1 << 24, &joined, &err));
        encode_all(&e, to, n, &direct);
        assert_true(gv_slice_eq(decoded(&joined), decoded(&direct)));
        blocks[n - 1] = GV_S("\x05no");
        assert_false(gv_write_join(blocks, n, to, 1 << 24, &joined, &err));
        assert_int_equal(err.code, GV_BAD_DATA);
        gv_buf_fini(&block);
        gv_buf_fini(&joined);
        gv_buf_fini(&direct);
    }
    gv_write_encoder_fini(&e);
}

static void requests_of_1_join_as_they_are(void **state)
{
    (void)state;
    struct gv_write_encoder e = {.table = NULL};
    struct gv_buf one = GV_BUF_INIT, joined = GV_BUF_INIT, text = GV_BUF_INIT, twice = GV_BUF_INIT;
    struct gv_err err = {.code = GV_OK};
    encode_all(&e, GV_WRITE_1, 1, &one);
    struct gv_slice blocks[] = {gv_buf_slice(&one), gv_buf_slice(&one)};
    size_t all = 2 * decoded(&one).n;
    assert_true(gv_snappy_join(&joined, blocks, 2, all, &err));
    assert_true(print_oracle_1(&text, decoded(&joined)));
    gv_buf_printf(&twice, "%s%s", expected, expected);
    assert_string_equal(gv_buf_cstr(&text), gv_buf_cstr(&twice));
    assert_false(gv_snappy_join(&joined, blocks, 2, all - 1, &err));
    assert_int_equal(err.code, GV_TOO_LARGE);
    gv_buf_fini(&one);
    gv_buf_fini(&joined);
    gv_buf_fini(&text);
    gv_buf_fini(&twice);
    gv_write_encoder_fini(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_goes_in_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_symbol_stands_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_symbols_keep_their_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(metadata_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_request_is_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_become_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_of_1_join_as_they_are, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
