/* Requests of remote read: what we write is what protobuf-c reads, and what others write is taken, or refused with the
 * cause. */
#include "codec/remote_read.h"
#include "codec/snappy_block.h"
#include "remote.pb-c.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct gv_arena arena;
static const size_t limit = 1 << 20;

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

static struct gv_matcher matcher(enum gv_match_type type, const char *name, const char *value)
{
    struct gv_matcher m;
    struct gv_err err = {0};
    assert_true(gv_matcher_make(&m, &arena, type, gv_slice_of(name), gv_slice_of(value), &err));
    return m;
}

static const struct gv_slice grouping[] = {GV_S("job"), GV_S("zone")};

static struct gv_slice encoded(const struct gv_select *queries, size_t n, bool streamed)
{
    struct gv_buf out = GV_BUF_INIT;
    gv_read_request_encode(&out, queries, n, streamed);
    struct gv_slice block = gv_arena_dup(&arena, gv_buf_slice(&out));
    gv_buf_fini(&out);
    return block;
}

static struct gv_select full_query(void)
{
    struct gv_matcher *m = gv_arena_array(&arena, struct gv_matcher, 4);
    m[0] = matcher(GV_MATCH_EQ, "__name__", "up");
    m[1] = matcher(GV_MATCH_NE, "job", "");
    m[2] = matcher(GV_MATCH_RE, "zone", "a|b.*");
    m[3] = matcher(GV_MATCH_NRE, "é", "x+");
    return (struct gv_select){.matchers = m,
                              .n_matchers = 4,
                              .min_time = -5000,
                              .max_time = 1700000000000,
                              .step = 15000,
                              .range = 300000,
                              .func = GV_S("rate"),
                              .grouping = grouping,
                              .n_grouping = 2,
                              .by = true};
}

static void what_we_write_is_what_protobuf_reads(void **state)
{
    (void)state;
    struct gv_select queries[] = {full_query(), {.max_time = 7}};
    struct gv_slice text;
    struct gv_err err = {0};
    assert_true(gv_snappy_decode_dup(&arena, encoded(queries, 2, true), limit, &text, &err));
    Prometheus__ReadRequest *r = prometheus__read_request__unpack(NULL, text.n, (const uint8_t *)text.p);
    assert_non_null(r);
    assert_int_equal(r->n_queries, 2);
    assert_int_equal(r->n_accepted_response_types, 2);
    assert_int_equal(r->accepted_response_types[0], PROMETHEUS__READ_REQUEST__RESPONSE_TYPE__STREAMED_XOR_CHUNKS);
    assert_int_equal(r->accepted_response_types[1], PROMETHEUS__READ_REQUEST__RESPONSE_TYPE__SAMPLES);
    Prometheus__Query *q = r->queries[0];
    assert_int_equal(q->start_timestamp_ms, -5000);
    assert_int_equal(q->end_timestamp_ms, 1700000000000);
    assert_int_equal(q->n_matchers, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(q->matchers[i]->type, i);
        assert_string_equal(q->matchers[i]->name, queries[0].matchers[i].name.p);
        assert_string_equal(q->matchers[i]->value, queries[0].matchers[i].value.p);
    }
    assert_int_equal(q->hints->step_ms, 15000);
    assert_int_equal(q->hints->range_ms, 300000);
    assert_int_equal(q->hints->start_ms, -5000);
    assert_int_equal(q->hints->end_ms, 1700000000000);
    assert_string_equal(q->hints->func, "rate");
    assert_int_equal(q->hints->n_grouping, 2);
    assert_string_equal(q->hints->grouping[1], "zone");
    assert_true(q->hints->by);
    assert_int_equal(r->queries[1]->end_timestamp_ms, 7);
    prometheus__read_request__free_unpacked(r, NULL);
}

static void what_we_write_we_read(void **state)
{
    (void)state;
    struct gv_select queries[] = {full_query(), {.max_time = 7}};
    struct gv_read_request r;
    struct gv_err err = {0};
    assert_true(gv_read_request_decode(&arena, encoded(queries, 2, true), limit, &r, &err));
    assert_int_equal(r.type, GV_READ_STREAMED);
    assert_int_equal(r.n, 2);
    const struct gv_select *q = &r.queries[0];
    assert_int_equal(q->min_time, -5000);
    assert_int_equal(q->max_time, 1700000000000);
    assert_int_equal(q->step, 15000);
    assert_int_equal(q->range, 300000);
    assert_true(gv_slice_is(q->func, "rate") && q->by && q->n_grouping == 2);
    assert_true(gv_slice_is(q->grouping[0], "job"));
    assert_int_equal(q->n_matchers, 4);
    assert_true(gv_matcher_matches(&q->matchers[2], GV_S("bcd")));
    assert_false(gv_matcher_matches(&q->matchers[2], GV_S("ab")));
    assert_int_equal(r.queries[1].n_matchers, 0);
    assert_true(gv_read_request_decode(&arena, encoded(queries, 2, false), limit, &r, &err));
    assert_int_equal(r.type, GV_READ_SAMPLES);
}

/* ---- What others write ---- */

static bool decode(const void *message, size_t n, struct gv_read_request *r, struct gv_err *err)
{
    struct gv_buf block = GV_BUF_INIT;
    gv_snappy_encode(&block, (struct gv_slice){message, n});
    bool ok = gv_read_request_decode(&arena, gv_buf_slice(&block), limit, r, err);
    gv_buf_fini(&block);
    return ok;
}

static void check_refused(const char *message, size_t n, const char *why)
{
    struct gv_read_request r;
    struct gv_err err = {0};
    assert_false(decode(message, n, &r, &err));
    assert_int_equal(err.code, GV_BAD_DATA);
    assert_string_equal(err.msg, why);
}
#define REFUSED(message, why) check_refused(message, sizeof(message) - 1, why)

static enum gv_read_type type_for(const char *message, size_t n)
{
    struct gv_read_request r;
    struct gv_err err = {0};
    if (!decode(message, n, &r, &err))
        fail_msg("%s", err.msg);
    return r.type;
}
#define TYPE_FOR(message) type_for(message, sizeof(message) - 1)

static void the_first_type_that_exists_wins(void **state)
{
    (void)state;
    assert_int_equal(TYPE_FOR(""), GV_READ_SAMPLES);
    assert_int_equal(TYPE_FOR("\x12\x00"), GV_READ_SAMPLES);
    assert_int_equal(TYPE_FOR("\x12\x02\x01\x00"), GV_READ_STREAMED);
    assert_int_equal(TYPE_FOR("\x12\x02\x00\x01"), GV_READ_SAMPLES);
    assert_int_equal(TYPE_FOR("\x12\x02\x07\x01"), GV_READ_STREAMED);
    assert_int_equal(TYPE_FOR("\x10\x01\x10\x00"), GV_READ_STREAMED); /* not packed, as old writers do */
    REFUSED("\x12\x01\x07", "none of the requested response types is known; SAMPLES and STREAMED_XOR_CHUNKS are");
}

static void unknown_fields_are_passed_over(void **state)
{
    (void)state;
    assert_int_equal(TYPE_FOR("\x1a\x03"
                              "abc\x21"
                              "12345678\x2d"
                              "1234\x30\xff\x01\x12\x01\x01"),
                     GV_READ_STREAMED);
}

static void what_is_no_request_is_refused_with_its_cause(void **state)
{
    (void)state;
    REFUSED("\x0a", "ReadRequest: a number is cut short at byte 1 of 1");
    REFUSED("\x0a\x05\x08", "ReadRequest: a field reaches beyond the message at byte 2 of 3");
    REFUSED("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            "ReadRequest: a field reaches beyond the message at byte 11 of 11");
    REFUSED("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
            "ReadRequest: a number has more than 64 bits at byte 1 of 11");
    REFUSED("\x08\x01", "ReadRequest: a field has another wire type than its own at byte 2 of 2");
    REFUSED("\x0b", "ReadRequest: a field is of no known wire type at byte 1 of 1");
    REFUSED("\x02\x00", "ReadRequest: a field has a number out of range at byte 1 of 2");
    REFUSED("\x12\x01\x80", "ReadRequest: a number is cut short at byte 3 of 3");
    REFUSED("\x0a\x01\x08", "query 0: Query: a number is cut short at byte 1 of 1");
    REFUSED("\x0a\x04\x1a\x02\x08\x04", "query 0: LabelMatcher: no known type: 4");
    REFUSED("\x0a\x05\x1a\x03\x12\x01\xff", "query 0: LabelMatcher: a text is not UTF-8 at byte 3 of 3");
    REFUSED("\x0a\x00\x0a\x07\x1a\x05\x08\x02\x1a\x01(", "query 1: error parsing regexp: missing ): (");
    REFUSED("\x0a\x04\x22\x02\x12\x05", "query 0: ReadHints: a field reaches beyond the message at byte 2 of 2");
}

static void queries_and_matchers_are_bounded(void **state)
{
    (void)state;
    char many[4010];
    for (size_t i = 0; i < sizeof many; i += 2)
        memcpy(many + i, "\x0a\x00", 2);
    struct gv_read_request r;
    struct gv_err err = {0};
    assert_true(decode(many, 2000, &r, &err));
    assert_int_equal(r.n, 1000);
    check_refused(many, 2002, "a remote read request of over 1000 queries");
    memcpy(many, "\x0a\xa2\x1f", 3); /* one query of 4,002 bytes */
    for (size_t i = 3; i < 4005; i += 2)
        memcpy(many + i, "\x1a\x00", 2);
    check_refused(many, 4005, "query 0: a remote read request of over 1000 matchers");
}

static void declared_lengths_are_checked_before_memory_is_taken(void **state)
{
    (void)state;
    struct gv_read_request r;
    struct gv_err err = {0};
    assert_false(gv_read_request_decode(&arena,
                                        GV_S("\xff\xff\xff\xff\x0f"
                                             "ab"),
                                        UINT32_MAX, &r, &err));
    assert_int_equal(err.code, GV_BAD_DATA);
    assert_string_equal(err.msg, "snappy: 4294967295 bytes are declared by a block of 7");
    err = (struct gv_err){0};
    assert_false(gv_read_request_decode(&arena,
                                        GV_S("\x80\x80\x80\x01"
                                             "ab"),
                                        limit, &r, &err));
    assert_int_equal(err.code, GV_TOO_LARGE);
    assert_string_equal(err.msg, "snappy: 2097152 bytes are declared, 1048576 are the limit");
    err = (struct gv_err){0};
    assert_false(gv_read_request_decode(&arena,
                                        GV_S("\x05\x00"
                                             "a"),
                                        limit, &r, &err));
    assert_string_equal(err.msg, "snappy: the block of 3 bytes is corrupt");
    err = (struct gv_err){0};
    assert_false(gv_read_request_decode(&arena, GV_S(""), limit, &r, &err));
    assert_string_equal(err.msg, "snappy: no block: its length is not readable");
}

static void the_longest_runs_are_no_lie(void **state)
{
    (void)state;
    size_t n = 900000;
    char *zeros = gv_arena_zalloc(&arena, n);
    struct gv_buf block = GV_BUF_INIT;
    gv_snappy_encode(&block, (struct gv_slice){zeros, n});
    struct gv_slice text;
    struct gv_err err = {0};
    assert_true(gv_snappy_decode_dup(&arena, gv_buf_slice(&block), limit, &text, &err));
    assert_int_equal(text.n, n);
    assert_memory_equal(text.p, zeros, n);
    gv_buf_fini(&block);
}

static void answers_are_told_apart_by_their_content_type(void **state)
{
    (void)state;
    enum gv_read_type type;
    struct gv_err err = {0};
    assert_true(gv_read_type_of(GV_S(GV_READ_STREAMED_CONTENT_TYPE), &type, &err) && type == GV_READ_STREAMED);
    assert_true(gv_read_type_of(GV_S("application/x-protobuf"), &type, &err) && type == GV_READ_SAMPLES);
    assert_true(gv_read_type_of(GV_S("application/x-protobuf ;a=b"), &type, &err) && type == GV_READ_SAMPLES);
    assert_false(gv_read_type_of(GV_S("text/\"html"), &type, &err));
    assert_int_equal(err.code, GV_UNSUPPORTED_MEDIA);
    assert_string_equal(err.msg, "no answer to a remote read: Content-Type \"text/\\\"html\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_we_write_is_what_protobuf_reads),
        cmocka_unit_test(what_we_write_we_read),
        cmocka_unit_test(the_first_type_that_exists_wins),
        cmocka_unit_test(unknown_fields_are_passed_over),
        cmocka_unit_test(what_is_no_request_is_refused_with_its_cause),
        cmocka_unit_test(queries_and_matchers_are_bounded),
        cmocka_unit_test(declared_lengths_are_checked_before_memory_is_taken),
        cmocka_unit_test(the_longest_runs_are_no_lie),
        cmocka_unit_test(answers_are_told_apart_by_their_content_type),
    };
    return cmocka_run_group_tests_name("codec.read_request", tests, set_up, tear_down);
}
