/* Histogram chunks: what goes in comes out bit for bit, the encoder knows when a chunk must end, and damage is never
 * taken for data. */
#include "codec/chunk_histogram.h"
#include "codec/chunk_xor.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { MOST = 400 };
static struct gv_arena arena;
static int64_t times[MOST];
static const struct gv_histogram *decoded[MOST];

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

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static struct gv_buckets make_buckets(const struct gv_span *spans, uint32_t n_spans, const double *counts)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_spans; i++)
        n += spans[i].length;
    double *copy = gv_arena_array(&arena, double, n);
    if (n)
        memcpy(copy, counts, n * sizeof *copy);
    return (struct gv_buckets){spans, copy, n_spans, n};
}

static const struct gv_span positive[] = {{-2, 3}, {4, 2}}, negative[] = {{1, 2}};

/* A histogram that grows with `step`. */
static struct gv_histogram growing(int step, double scale)
{
    double p[5], n[2], total = 3.0 * step * scale;
    for (int i = 0; i < 5; i++)
        total += p[i] = (step * (i + 1) + i * i) * scale;
    for (int i = 0; i < 2; i++)
        total += n[i] = (step / 2 + i) * scale;
    return (struct gv_histogram){.schema = 3,
                                 .zero_threshold = 0x1p-128,
                                 .zero_count = 3.0 * step * scale,
                                 .count = total,
                                 .sum = step * 12.75,
                                 .positive = make_buckets(positive, 2, p),
                                 .negative = make_buckets(negative, 1, n)};
}

static bool decode(enum gv_chunk_encoding encoding, struct gv_slice bytes, struct gv_err *err)
{
    uint8_t *exact = malloc(bytes.n ? bytes.n : 1);
    memcpy(exact, bytes.p, bytes.n);
    bool ok = gv_histogram_chunk_decode(&arena, encoding, exact, bytes.n, times, decoded, err);
    free(exact);
    return ok;
}

static void check_round_trip(enum gv_chunk_encoding encoding, const struct gv_histogram *h, size_t n)
{
    struct gv_histogram_encoder *e = gv_histogram_encoder_new(encoding, GV_CHUNK_RESET_UNKNOWN);
    struct gv_err err = {0};
    for (size_t i = 0; i < n; i++)
        assert_int_equal(gv_histogram_encoder_append(e, 1435781430781 + (int64_t)i * 15001, &h[i]), GV_CHUNK_APPENDED);
    struct gv_slice bytes = gv_histogram_encoder_bytes(e);
    assert_int_equal(gv_chunk_samples((const uint8_t *)bytes.p, bytes.n), n);
    if (!decode(encoding, bytes, &err))
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(times[i], 1435781430781 + (int64_t)i * 15001);
        assert_true(gv_histogram_eq(decoded[i], &h[i]));
    }
    gv_histogram_encoder_free(e);
}

static void integers_come_back(void **state)
{
    (void)state;
    struct gv_histogram h[120];
    for (int i = 0; i < 120; i++)
        h[i] = growing(i * i, 1);
    for (size_t n = 0; n <= 120; n++)
        check_round_trip(GV_CHUNK_HISTOGRAM, h, n);
}

static void floats_come_back(void **state)
{
    (void)state;
    struct gv_histogram h[120];
    for (int i = 0; i < 120; i++)
        h[i] = growing(i, 0.37);
    for (size_t n = 0; n <= 120; n++)
        check_round_trip(GV_CHUNK_FLOAT_HISTOGRAM, h, n);
}

/* Written by Prometheus 2.42: sent to it by remote write, read back by remote read. Where the bits end with a byte it
 * adds an empty one. */
static const uint8_t integers_by_prometheus[] = {
    0x00, 0x0c, 0x00, 0x74, 0x9c, 0xa7, 0x69, 0x52, 0x32, 0x8f, 0xf0, 0x00, 0x0d, 0x10, 0x36, 0x6e, 0x5c, 0x06,
    0x7c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x8c, 0xf0, 0xb8, 0x74, 0x7e, 0x0e, 0xa6, 0x72, 0x53,
    0xc2, 0x84, 0x02, 0x9c, 0x63, 0x18, 0xc4, 0x49, 0x00, 0x10, 0x02, 0x25, 0x9a, 0x4a, 0xf5, 0x41, 0x72, 0x48,
    0x55, 0x04, 0x4b, 0x20, 0xcc, 0x17, 0x24, 0x8e, 0x60, 0x44, 0xb3, 0x68, 0xf5, 0xc1, 0x72, 0x4d, 0x84, 0x7e,
    0x82, 0x25, 0x92, 0x98, 0x2e, 0x49, 0x1a, 0x82, 0x25, 0x9a, 0x8b, 0xf9, 0xa0, 0xb8};
static const uint8_t floats_by_prometheus[] = {
    0x00, 0x04, 0x00, 0xff, 0x3f, 0x50, 0x62, 0x4d, 0xd2, 0xf1, 0xa9, 0xfc, 0x9c, 0xa7, 0x69, 0x52, 0x32, 0x8f, 0xf0,
    0x00, 0x0d, 0x10, 0x36, 0x6e, 0x5c, 0x02, 0x01, 0x37, 0x85, 0x1e, 0xb8, 0x51, 0xeb, 0x80, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x01, 0xfe, 0xbd, 0x70, 0xa3, 0xd7, 0x0a, 0x3d, 0x71, 0xff, 0xbd, 0x70, 0xa3, 0xd7, 0x0a, 0x3d, 0x72, 0x00, 0x55,
    0x1e, 0xb8, 0x51, 0xeb, 0x85, 0x22, 0x00, 0xbd, 0x70, 0xa3, 0xd7, 0x0a, 0x3d, 0x70, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x01, 0xfe, 0xbd, 0x70, 0xa3, 0xd7, 0x0a, 0x3d, 0x77, 0xc1, 0xd4, 0xce, 0xbd, 0x69, 0xa3, 0xc8, 0xf2,
    0x3c, 0x8f, 0x23, 0x8b, 0xdf, 0xfc, 0x70, 0xa3, 0xd7, 0x0a, 0x3d, 0x70, 0xe1, 0x42, 0x01, 0x4f, 0x17, 0xbf, 0xeb,
    0xd7, 0x0a, 0x3d, 0x70, 0xa3, 0xd7, 0xd5, 0xa4, 0xcd, 0x93, 0x64, 0xd9, 0x36, 0x4d, 0xe1, 0xfb, 0xff, 0x98, 0xb2,
    0x2c, 0x8b, 0x22, 0xc8, 0xbd, 0x7a, 0xe6, 0x7a, 0x9e, 0xa7, 0xa9, 0xea, 0x67, 0x66, 0x71, 0x74, 0xdd, 0x37, 0x4d,
    0xd3, 0x74, 0x4b, 0xa6, 0xe9, 0xba, 0x6e, 0x9b, 0xa6, 0xc2, 0x5f, 0xff, 0x80, 0x08, 0x20, 0x0c, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x46, 0x2d, 0x8b, 0x62, 0xd8, 0xb6, 0x2d, 0x00, 0x09, 0x21, 0xc8, 0x72, 0x1c, 0x87, 0x23, 0x28,
    0x56, 0x15, 0x85, 0x61, 0x58, 0x53, 0x56, 0xde, 0x14, 0x85, 0x21, 0x48, 0x52, 0x14, 0xe2, 0xf7, 0xfd, 0x7a, 0xe1,
    0x47, 0xae, 0x14, 0x7a, 0xfa, 0x82, 0xda, 0x77, 0xf3, 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xb3, 0x3b, 0x61, 0x58,
    0x56, 0x15, 0x85, 0x67, 0xa4, 0xaf, 0x56, 0x00, 0x59, 0xb2, 0x6c, 0x9b, 0x26, 0xc9, 0xb6, 0x1f, 0xbf, 0xfc, 0x90,
    0xe4, 0x39, 0x0e, 0x43, 0x91, 0xd7, 0xaf, 0xa9, 0x3a, 0x4e, 0x93, 0xa4, 0xe9, 0xe3, 0x1e, 0x47, 0x91, 0xe4, 0x79,
    0x1e, 0xc2, 0xe6, 0xe9, 0xba, 0x6e, 0x9b, 0xa6, 0x00};

static void check_golden(enum gv_chunk_encoding encoding, struct gv_slice bytes, uint32_t n, double scale)
{
    struct gv_err err = {0};
    assert_int_equal(gv_chunk_samples((const uint8_t *)bytes.p, bytes.n), n);
    assert_true(decode(encoding, bytes, &err));
    struct gv_histogram_encoder *e = gv_histogram_encoder_new(encoding, GV_CHUNK_RESET_UNKNOWN);
    for (uint32_t i = 0; i < n; i++) {
        const struct gv_histogram *h = decoded[i];
        assert_int_equal(times[i], times[0] + i * 15001);
        assert_true(h->schema == 3 && h->sum == i * 12.75 && h->zero_count == 3 * i * scale);
        for (uint32_t k = 0; k < 5; k++)
            assert_true(h->positive.counts[k] == (i * (k + 1) + k * k) * scale);
        for (uint32_t k = 0; k < 2; k++)
            assert_true(h->negative.counts[k] == (i / 2 + k) * scale);
        assert_int_equal(gv_histogram_encoder_append(e, times[i], h), GV_CHUNK_APPENDED);
    }
    struct gv_slice ours = gv_histogram_encoder_bytes(e);
    assert_in_range(ours.n, bytes.n - 1, bytes.n);
    assert_memory_equal(ours.p, bytes.p, ours.n);
    gv_histogram_encoder_free(e);
}

static void bytes_are_those_of_prometheus(void **state)
{
    (void)state;
    check_golden(GV_CHUNK_HISTOGRAM,
                 (struct gv_slice){(const char *)integers_by_prometheus, sizeof integers_by_prometheus}, 12, 1);
    assert_int_equal(times[0], INT64_C(1795410480000));
    check_golden(GV_CHUNK_FLOAT_HISTOGRAM,
                 (struct gv_slice){(const char *)floats_by_prometheus, sizeof floats_by_prometheus}, 4, 0.37);
}

static void zero_buckets_and_schemas_come_back(void **state)
{
    (void)state;
    static const double thresholds[] = {
        0, 0x1p-128, 0x1p-243, 0x1p-244, 0x1p10, 0x1p11, 1e-3, 0.75, 2.938735877055719e-39};
    for (size_t i = 0; i < GV_COUNT(thresholds); i++)
        for (int32_t schema = GV_HISTOGRAM_SCHEMA_MIN; schema <= GV_HISTOGRAM_SCHEMA_MAX; schema++) {
            struct gv_histogram h = growing(7, 1);
            h.zero_threshold = thresholds[i];
            h.schema = schema;
            check_round_trip(GV_CHUNK_HISTOGRAM, &h, 1);
            check_round_trip(GV_CHUNK_FLOAT_HISTOGRAM, &h, 1);
        }
}

static void custom_bounds_come_back(void **state)
{
    (void)state;
    static const double bounds[] = {-1.5, 0, 0.001, 0.1, 1.0 / 3, 2.5, 33554.43, 33554.431, 1e300};
    static const struct gv_span spans[] = {{0, 10}};
    static const double counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    struct gv_histogram h = {.schema = GV_HISTOGRAM_CUSTOM_SCHEMA,
                             .count = 55,
                             .sum = 1e5,
                             .positive = make_buckets(spans, 1, counts),
                             .bounds = bounds,
                             .n_bounds = GV_COUNT(bounds)};
    check_round_trip(GV_CHUNK_HISTOGRAM, &h, 1);
    check_round_trip(GV_CHUNK_FLOAT_HISTOGRAM, &h, 1);
}

static void big_numbers_come_back(void **state)
{
    (void)state;
    static const struct gv_span spans[] = {{1000000, 1}, {1000000, 1}};
    static const double edges[] = {3,      4,        5,        31,       32,     33,        255,
                                   256,    257,      2047,     2048,     2049,   131071,    131072,
                                   131073, 16777215, 16777216, 16777217, 0x1p52, 0x1p53 - 1};
    struct gv_histogram h[GV_COUNT(edges)];
    for (size_t i = 0; i < GV_COUNT(edges); i++) {
        double counts[] = {edges[i], edges[GV_COUNT(edges) - 1 - i]};
        h[i] = (struct gv_histogram){.count = edges[i],
                                     .zero_count = edges[i],
                                     .sum = -edges[i],
                                     .reset_hint = GV_RESET_GAUGE,
                                     .positive = make_buckets(spans, 2, counts)};
    }
    check_round_trip(GV_CHUNK_HISTOGRAM, h, GV_COUNT(edges));
    check_round_trip(GV_CHUNK_FLOAT_HISTOGRAM, h, GV_COUNT(edges));
}

static void random_histograms_come_back(void **state)
{
    (void)state;
    uint64_t seed = 4242;
    for (int round = 0; round < 300; round++) {
        size_t n_spans = next_random(&seed) % 6, n = 1 + next_random(&seed) % 40;
        struct gv_span *spans = gv_arena_array(&arena, struct gv_span, n_spans);
        for (size_t i = 0; i < n_spans; i++)
            spans[i] = (struct gv_span){(int32_t)(next_random(&seed) % 2000) - (i ? 0 : 1000),
                                        (uint32_t)(next_random(&seed) % 9)};
        struct gv_histogram h[40];
        for (size_t i = 0; i < n; i++) {
            double counts[6 * 9];
            for (size_t k = 0; k < GV_COUNT(counts); k++)
                counts[k] = (double)(next_random(&seed) >> (12 + next_random(&seed) % 52));
            h[i] = (struct gv_histogram){.schema = round % 13 - 4,
                                         .reset_hint = GV_RESET_GAUGE,
                                         .count = counts[0],
                                         .zero_count = counts[1],
                                         .sum = (double)(int64_t)next_random(&seed) / 3,
                                         .positive = make_buckets(spans, (uint32_t)n_spans, counts),
                                         .negative = make_buckets(spans, (uint32_t)n_spans / 2, counts + 3)};
        }
        check_round_trip(GV_CHUNK_HISTOGRAM, h, n);
        check_round_trip(GV_CHUNK_FLOAT_HISTOGRAM, h, n);
    }
}

static void hints_follow_the_header(void **state)
{
    (void)state;
    static const enum gv_chunk_reset resets[] = {GV_CHUNK_RESET_UNKNOWN, GV_CHUNK_RESET_NO, GV_CHUNK_RESET_YES};
    for (size_t i = 0; i < GV_COUNT(resets); i++) {
        struct gv_histogram_encoder *e = gv_histogram_encoder_new(GV_CHUNK_HISTOGRAM, resets[i]);
        struct gv_err err = {0};
        for (int k = 0; k < 3; k++) {
            struct gv_histogram h = growing(k, 1);
            assert_int_equal(gv_histogram_encoder_append(e, k, &h), GV_CHUNK_APPENDED);
        }
        struct gv_slice bytes = gv_histogram_encoder_bytes(e);
        assert_int_equal((uint8_t)bytes.p[2], i == 0 ? 0 : i == 1 ? 0x40 : 0x80);
        assert_true(decode(GV_CHUNK_HISTOGRAM, bytes, &err));
        assert_int_equal(decoded[0]->reset_hint, GV_RESET_UNKNOWN);
        assert_int_equal(decoded[1]->reset_hint, GV_RESET_NO);
        assert_int_equal(decoded[2]->reset_hint, GV_RESET_NO);
        gv_histogram_encoder_free(e);
    }
}

static void gauges_may_fall(void **state)
{
    (void)state;
    struct gv_histogram_encoder *e = gv_histogram_encoder_new(GV_CHUNK_FLOAT_HISTOGRAM, GV_CHUNK_RESET_UNKNOWN);
    struct gv_histogram high = growing(9, 1), low = growing(1, 1), counter = growing(20, 1);
    struct gv_err err = {0};
    high.reset_hint = low.reset_hint = GV_RESET_GAUGE;
    assert_int_equal(gv_histogram_encoder_append(e, 1, &high), GV_CHUNK_APPENDED);
    assert_int_equal(gv_histogram_encoder_append(e, 2, &low), GV_CHUNK_APPENDED);
    assert_int_equal(gv_histogram_encoder_append(e, 3, &counter), GV_CHUNK_DIFFERS);
    assert_true(decode(GV_CHUNK_FLOAT_HISTOGRAM, gv_histogram_encoder_bytes(e), &err));
    assert_int_equal(decoded[0]->reset_hint, GV_RESET_GAUGE);
    assert_int_equal(decoded[1]->reset_hint, GV_RESET_GAUGE);
    gv_histogram_encoder_free(e);
}

static void check_refused(struct gv_histogram first, struct gv_histogram second, enum gv_chunk_append verdict)
{
    for (enum gv_chunk_encoding c = GV_CHUNK_HISTOGRAM; c <= GV_CHUNK_FLOAT_HISTOGRAM; c++) {
        struct gv_histogram_encoder *e = gv_histogram_encoder_new(c, GV_CHUNK_RESET_UNKNOWN);
        struct gv_err err = {0};
        assert_int_equal(gv_histogram_encoder_append(e, 1, &first), GV_CHUNK_APPENDED);
        assert_int_equal(gv_histogram_encoder_append(e, 2, &second), verdict);
        assert_true(decode(c, gv_histogram_encoder_bytes(e), &err)); /* nothing of it was written */
        assert_int_equal(gv_chunk_samples((const uint8_t *)gv_histogram_encoder_bytes(e).p, 2), 1);
        assert_true(gv_histogram_eq(decoded[0], &first));
        gv_histogram_encoder_free(e);
    }
}

static void a_reset_ends_a_chunk(void **state)
{
    (void)state;
    struct gv_histogram h = growing(5, 1), less = growing(4, 1), hinted = growing(6, 1), zero = growing(6, 1);
    hinted.reset_hint = GV_RESET_YES;
    zero.zero_count = 1;
    check_refused(h, less, GV_CHUNK_WAS_RESET);
    check_refused(h, hinted, GV_CHUNK_WAS_RESET);
    check_refused(h, zero, GV_CHUNK_WAS_RESET);
    struct gv_histogram bucket = growing(6, 1);
    double counts[] = {100, 100, 100, 2, 100};
    bucket.positive = make_buckets(positive, 2, counts);
    check_refused(h, bucket, GV_CHUNK_WAS_RESET);
}

static void another_layout_ends_a_chunk(void **state)
{
    (void)state;
    static const struct gv_span wider[] = {{-2, 3}, {3, 3}};
    static const double counts[] = {100, 100, 100, 1, 100, 100};
    struct gv_histogram h = growing(5, 1), other = growing(6, 1);
    other.schema = 2;
    check_refused(h, other, GV_CHUNK_DIFFERS);
    other = growing(6, 1);
    other.zero_threshold = 0.1;
    check_refused(h, other, GV_CHUNK_DIFFERS);
    other = growing(6, 1);
    other.positive = make_buckets(wider, 2, counts);
    check_refused(h, other, GV_CHUNK_DIFFERS);
}

static void buckets_that_are_missing_are_empty(void **state)
{
    (void)state;
    static const struct gv_span narrow[] = {{-1, 2}};
    static const double first[] = {0, 2, 3, 0, 0}, second[] = {7, 8}, both[] = {0, 7, 8, 0, 0};
    struct gv_histogram h = growing(5, 1), fewer = growing(6, 1), expected = growing(6, 1);
    h.positive = make_buckets(positive, 2, first);
    fewer.positive = make_buckets(narrow, 1, second);
    expected.positive = make_buckets(positive, 2, both);
    struct gv_histogram_encoder *e = gv_histogram_encoder_new(GV_CHUNK_HISTOGRAM, GV_CHUNK_RESET_UNKNOWN);
    struct gv_err err = {0};
    assert_int_equal(gv_histogram_encoder_append(e, 1, &h), GV_CHUNK_APPENDED);
    assert_int_equal(gv_histogram_encoder_append(e, 2, &fewer), GV_CHUNK_APPENDED);
    assert_true(decode(GV_CHUNK_HISTOGRAM, gv_histogram_encoder_bytes(e), &err));
    assert_true(gv_histogram_eq(decoded[1], &expected));
    gv_histogram_encoder_free(e);
}

static struct gv_histogram stale_marker(void)
{
    struct gv_histogram h = growing(3, 1);
    uint64_t bits = GV_STALE_BITS;
    memcpy(&h.sum, &bits, sizeof bits);
    return h;
}

static void only_stale_markers_follow_a_stale_marker(void **state)
{
    (void)state;
    for (enum gv_chunk_encoding c = GV_CHUNK_HISTOGRAM; c <= GV_CHUNK_FLOAT_HISTOGRAM; c++)
        for (int first = 0; first < 3; first++) {
            struct gv_histogram_encoder *e = gv_histogram_encoder_new(c, GV_CHUNK_RESET_UNKNOWN);
            struct gv_histogram marker = stale_marker();
            struct gv_err err = {0};
            for (int i = 0; i < 5; i++) {
                struct gv_histogram h = i < first ? growing(i, 1) : marker;
                assert_int_equal(gv_histogram_encoder_append(e, i, &h), GV_CHUNK_APPENDED);
            }
            struct gv_histogram after = growing(50, 1);
            assert_int_equal(gv_histogram_encoder_append(e, 6, &after), GV_CHUNK_DIFFERS);
            assert_true(decode(c, gv_histogram_encoder_bytes(e), &err));
            for (int i = 0; i < 5; i++) {
                assert_int_equal(times[i], i);
                assert_int_equal(gv_is_stale(decoded[i]->sum), i >= first);
                assert_int_equal(decoded[i]->positive.n_counts, i < first ? 5 : 0);
                assert_true(i < first || decoded[i]->count == 0);
            }
            gv_histogram_encoder_free(e);
        }
}

static void integer_chunks_take_whole_numbers_only(void **state)
{
    (void)state;
    struct gv_histogram whole = growing(5, 1), half = growing(5, 0.5), large = growing(5, 1);
    large.count = 0x1p53;
    assert_true(gv_histogram_is_integral(&whole));
    assert_false(gv_histogram_is_integral(&half));
    assert_false(gv_histogram_is_integral(&large));
    struct gv_histogram_encoder *e = gv_histogram_encoder_new(GV_CHUNK_HISTOGRAM, GV_CHUNK_RESET_UNKNOWN);
    assert_int_equal(gv_histogram_encoder_append(e, 1, &half), GV_CHUNK_DIFFERS);
    assert_int_equal(gv_histogram_encoder_append(e, 1, &whole), GV_CHUNK_APPENDED);
    assert_int_equal(gv_histogram_encoder_append(e, 2, &large), GV_CHUNK_DIFFERS);
    gv_histogram_encoder_free(e);
}

static void an_encoder_resumes(void **state)
{
    (void)state;
    for (enum gv_chunk_encoding c = GV_CHUNK_HISTOGRAM; c <= GV_CHUNK_FLOAT_HISTOGRAM; c++)
        for (int n = 0; n < 20; n++) {
            struct gv_histogram_encoder *whole = gv_histogram_encoder_new(c, GV_CHUNK_RESET_YES);
            struct gv_histogram_encoder *half = gv_histogram_encoder_new(c, GV_CHUNK_RESET_YES);
            struct gv_err err = {0};
            for (int i = 0; i < 20; i++) {
                struct gv_histogram h = growing(i, 1);
                assert_int_equal(gv_histogram_encoder_append(whole, i, &h), GV_CHUNK_APPENDED);
                if (i < n)
                    assert_int_equal(gv_histogram_encoder_append(half, i, &h), GV_CHUNK_APPENDED);
            }
            struct gv_slice bytes = gv_histogram_encoder_bytes(half);
            struct gv_histogram_encoder *resumed =
                gv_histogram_encoder_resume(c, (const uint8_t *)bytes.p, bytes.n, &err);
            assert_non_null(resumed);
            for (int i = n; i < 20; i++) {
                struct gv_histogram h = growing(i, 1);
                assert_int_equal(gv_histogram_encoder_append(resumed, i, &h), GV_CHUNK_APPENDED);
            }
            assert_true(gv_slice_eq(gv_histogram_encoder_bytes(resumed), gv_histogram_encoder_bytes(whole)));
            gv_histogram_encoder_free(whole);
            gv_histogram_encoder_free(half);
            gv_histogram_encoder_free(resumed);
        }
}

static void every_cut_is_noticed(void **state)
{
    (void)state;
    for (enum gv_chunk_encoding c = GV_CHUNK_HISTOGRAM; c <= GV_CHUNK_FLOAT_HISTOGRAM; c++) {
        struct gv_histogram_encoder *e = gv_histogram_encoder_new(c, GV_CHUNK_RESET_UNKNOWN);
        for (int i = 0; i < 30; i++) {
            struct gv_histogram h = growing(i, 1);
            assert_int_equal(gv_histogram_encoder_append(e, i, &h), GV_CHUNK_APPENDED);
        }
        struct gv_slice bytes = gv_histogram_encoder_bytes(e);
        for (size_t n = 0; n < bytes.n; n++) {
            struct gv_err err = {0};
            assert_false(decode(c, (struct gv_slice){bytes.p, n}, &err));
            assert_int_equal(err.code, GV_INTERNAL);
        }
        gv_histogram_encoder_free(e);
    }
}

static void damage_is_survived(void **state)
{
    (void)state;
    uint64_t seed = 11;
    char good[1000];
    for (int round = 0; round < 20000; round++) {
        enum gv_chunk_encoding c = round % 2 ? GV_CHUNK_HISTOGRAM : GV_CHUNK_FLOAT_HISTOGRAM;
        struct gv_histogram_encoder *e = gv_histogram_encoder_new(c, GV_CHUNK_RESET_UNKNOWN);
        for (int i = 0; i < 6; i++) {
            struct gv_histogram h = growing(i, 1);
            assert_int_equal(gv_histogram_encoder_append(e, i, &h), GV_CHUNK_APPENDED);
        }
        struct gv_slice bytes = gv_histogram_encoder_bytes(e);
        memcpy(good, bytes.p, bytes.n);
        for (int k = 0; k < 3; k++)
            good[1 + next_random(&seed) % (bytes.n - 1)] ^= (char)(1 << next_random(&seed) % 8);
        struct gv_err err = {0};
        bool ok = decode(c, (struct gv_slice){good, bytes.n}, &err);
        assert_int_equal(ok, err.code == GV_OK);
        gv_histogram_encoder_free(e);
        gv_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_come_back),
        cmocka_unit_test(floats_come_back),
        cmocka_unit_test(bytes_are_those_of_prometheus),
        cmocka_unit_test(zero_buckets_and_schemas_come_back),
        cmocka_unit_test(custom_bounds_come_back),
        cmocka_unit_test(big_numbers_come_back),
        cmocka_unit_test(random_histograms_come_back),
        cmocka_unit_test(hints_follow_the_header),
        cmocka_unit_test(gauges_may_fall),
        cmocka_unit_test(a_reset_ends_a_chunk),
        cmocka_unit_test(another_layout_ends_a_chunk),
        cmocka_unit_test(buckets_that_are_missing_are_empty),
        cmocka_unit_test(only_stale_markers_follow_a_stale_marker),
        cmocka_unit_test(integer_chunks_take_whole_numbers_only),
        cmocka_unit_test(an_encoder_resumes),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(damage_is_survived),
    };
    return cmocka_run_group_tests_name("codec.chunk_histogram", tests, set_up, tear_down);
}
