/* Requests of remote write, both versions: what protobuf-c reads we read, and labels of one series are the same bytes
 * in both, wherever they stand. */
#include "../../support/write_build.h"
#include "../../support/write_requests.h"
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

static struct gv_slice many(enum gv_write_version version)
{
    static const struct gv_span spans[] = {{0, 2}};
    static const double counts[] = {2, 3};
    static const struct gv_histogram h = {.schema = 1, .count = 5, .positive = {spans, counts, 1, 2}};
    struct write_build w = write_build_new(version);
    struct gv_buf rest = GV_BUF_INIT, message = GV_BUF_INIT;
    build_series(&w, "__name__=up,job=a", "1@1700000000000");
    build_series(&w, "__name__=up,job=b", "1@1 2@2 3@3");
    build_series(&w, "", "1@1");
    build_histogram(&w, &rest, 7, &h);
    build_exemplar(&w, &rest, "trace_id=x", 3, 9);
    build_series_with(&w, "__name__=h", "4@5", &rest);
    build_message(&w, &message);
    struct gv_slice kept = gv_arena_dup(&arena, gv_buf_slice(&message));
    gv_buf_fini(&message);
    gv_buf_fini(&rest);
    write_build_free(&w);
    return kept;
}

static void what_protobuf_reads_is_read(void **state)
{
    (void)state;
    BOTH(v)
    {
        struct gv_buf ours = GV_BUF_INIT, theirs = GV_BUF_INIT;
        struct gv_err err = {0};
        assert_true(print_decoded(&ours, &arena, v, many(v), &err));
        assert_true(v == GV_WRITE_1 ? print_oracle_1(&theirs, many(v)) : print_oracle_2(&theirs, many(v)));
        assert_string_equal(gv_buf_cstr(&ours), gv_buf_cstr(&theirs));
        gv_buf_fini(&ours);
        gv_buf_fini(&theirs);
    }
}

static void labels_are_the_same_bytes_in_both_versions(void **state)
{
    (void)state;
    struct gv_slice seen[2][4];
    BOTH(v)
    {
        struct gv_write_decoder d;
        struct gv_write_series s;
        struct gv_err err = {0};
        assert_true(gv_write_decoder_init(&d, v, many(v), &arena, 1000, &err));
        for (int i = 0; i < 4; i++) {
            assert_true(gv_write_next(&d, &s, &err));
            seen[v][i] = gv_arena_dup(&arena, s.labels);
        }
        assert_false(gv_write_next(&d, &s, &err));
        assert_int_equal(err.code, GV_OK);
        gv_write_decoder_fini(&d);
    }
    for (int i = 0; i < 4; i++)
        assert_true(gv_slice_eq(seen[0][i], seen[1][i]));
}

static void labels_that_do_not_stand_together_are_put_together(void **state)
{
    (void)state;
    struct write_build w = write_build_new(GV_WRITE_1);
    struct gv_buf rest = GV_BUF_INIT, message = GV_BUF_INIT;
    build_labels(&w, &rest, "job=a");
    build_series_with(&w, "__name__=up", "1@1", &rest);
    build_series(&w, "__name__=up,job=a", "1@1");
    build_message(&w, &message);
    struct gv_write_decoder d;
    struct gv_write_series s;
    struct gv_err err = {0};
    assert_true(gv_write_decoder_init(&d, GV_WRITE_1, gv_buf_slice(&message), &arena, 1000, &err));
    assert_true(gv_write_next(&d, &s, &err));
    struct gv_slice scattered = gv_arena_dup(&arena, s.labels);
    assert_int_equal(s.n_samples, 1);
    assert_true(gv_write_next(&d, &s, &err));
    assert_true(gv_slice_eq(scattered, s.labels));
    gv_write_decoder_fini(&d);
    gv_buf_fini(&rest);
    gv_buf_fini(&message);
    write_build_free(&w);
}

static void start_timestamps_come_from_the_sample_or_the_series(void **state)
{
    (void)state;
    struct write_build w = write_build_new(GV_WRITE_2);
    struct gv_buf rest = GV_BUF_INIT, sample = GV_BUF_INIT, message = GV_BUF_INIT;
    pb_put_double(&sample, 1, 5);
    pb_put_int(&sample, 2, 20);
    pb_put_int(&sample, 3, 15);
    pb_put_bytes(&rest, 2, gv_buf_slice(&sample));
    pb_put_int(&rest, 6, 7);
    build_series_with(&w, "__name__=a", "1@10", &rest);
    build_message(&w, &message);
    struct gv_write_decoder d;
    struct gv_write_series s;
    struct gv_write_item item;
    struct gv_err err = {0};
    assert_true(gv_write_decoder_init(&d, GV_WRITE_2, gv_buf_slice(&message), &arena, 1000, &err));
    assert_true(gv_write_next(&d, &s, &err));
    struct gv_write_items items = gv_write_items(&s);
    assert_true(gv_write_next_item(&items, &item));
    assert_int_equal(item.start, 7);
    assert_true(gv_write_next_item(&items, &item));
    assert_int_equal(item.start, 15);
    assert_int_equal(item.time, 20);
    assert_false(gv_write_next_item(&items, &item));
    gv_write_decoder_fini(&d);
    gv_buf_fini(&rest);
    gv_buf_fini(&sample);
    gv_buf_fini(&message);
    write_build_free(&w);
}

/* Two references of a byte each can name megabytes: what becomes of them is bounded. */
static void references_make_no_more_than_is_allowed(void **state)
{
    (void)state;
    struct gv_buf message = GV_BUF_INIT, series = GV_BUF_INIT, refs = GV_BUF_INIT, text = GV_BUF_INIT;
    for (int i = 0; i < 100000; i++)
        gv_buf_addc(&text, 'x'), gv_buf_addc(&refs, 1);
    pb_put_bytes(&message, 4, GV_S(""));
    pb_put_bytes(&message, 4, gv_buf_slice(&text));
    pb_put_bytes(&series, 1, gv_buf_slice(&refs));
    pb_put_bytes(&message, 5, gv_buf_slice(&series));
    struct gv_write_decoder d;
    struct gv_write_series s;
    struct gv_err err = {0};
    assert_true(gv_write_decoder_init(&d, GV_WRITE_2, gv_buf_slice(&message), &arena, 1 << 20, &err));
    assert_true(gv_write_next(&d, &s, &err));
    assert_string_equal(s.fault, "labels larger than max_labels_size");
    assert_true(d.labels.cap <= 4 << 20);
    gv_write_decoder_fini(&d);
    gv_buf_fini(&message);
    gv_buf_fini(&series);
    gv_buf_fini(&refs);
    gv_buf_fini(&text);
}

static void the_content_type_says_the_version(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        int version; /* -1: refused */
    } cases[] = {
        {"", GV_WRITE_1},
        {"application/x-protobuf", GV_WRITE_1},
        {"application/x-protobuf;proto=prometheus.WriteRequest", GV_WRITE_1},
        {"application/x-protobuf; proto=io.prometheus.write.v2.Request", GV_WRITE_2},
        {"application/x-protobuf ;charset=utf-8; proto=io.prometheus.write.v2.Request", GV_WRITE_2},
        {"application/x-protobuf;proto=io.prometheus.write.v3.Request", -1},
        {"application/json", -1},
        {"text/plain;proto=prometheus.WriteRequest", -1},
    };
    for (size_t i = 0; i < GV_COUNT(cases); i++) {
        enum gv_write_version version;
        struct gv_err err = {0};
        bool ok = gv_write_version_of(gv_slice_of(cases[i].type), &version, &err);
        assert_int_equal(ok, cases[i].version >= 0);
        if (ok)
            assert_int_equal(version, cases[i].version);
        else
            assert_int_equal(err.code, GV_UNSUPPORTED_MEDIA);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_protobuf_reads_is_read),
        cmocka_unit_test(labels_are_the_same_bytes_in_both_versions),
        cmocka_unit_test(labels_that_do_not_stand_together_are_put_together),
        cmocka_unit_test(start_timestamps_come_from_the_sample_or_the_series),
        cmocka_unit_test(references_make_no_more_than_is_allowed),
        cmocka_unit_test(the_content_type_says_the_version),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
