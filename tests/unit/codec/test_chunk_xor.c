/* XOR chunks: what goes in comes out bit for bit, the bytes are Prometheus's, and damage is never taken for data. */
#include "codec/chunk_xor.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { MOST = 2000 };
static int64_t times[MOST], decoded_times[MOST];
static double values[MOST], decoded_values[MOST];

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static double from_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Decodes from a block of exactly this size, so that ASan sees a byte too many. */
static bool decode(const void *p, size_t n, struct gv_err *err)
{
    uint8_t *exact = malloc(n ? n : 1);
    memcpy(exact, p, n);
    bool ok = gv_xor_decode(exact, n, decoded_times, decoded_values, err);
    free(exact);
    return ok;
}

static void encode(struct gv_xor_encoder *e, size_t n)
{
    gv_xor_encoder_init(e);
    for (size_t i = 0; i < n; i++)
        assert_true(gv_xor_encoder_append(e, times[i], values[i]));
}

static void check_round_trip(size_t n)
{
    struct gv_xor_encoder e;
    struct gv_err err = {0};
    encode(&e, n);
    assert_int_equal(gv_chunk_samples((const uint8_t *)e.bytes.p, e.bytes.n), n);
    if (!decode(e.bytes.p, e.bytes.n, &err))
        fail_msg("%s", err.msg);
    assert_memory_equal(decoded_times, times, n * sizeof *times);
    assert_memory_equal(decoded_values, values, n * sizeof *values);
    gv_xor_encoder_fini(&e);
}

static void regular_series_come_back(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 300; n++) {
        for (size_t i = 0; i < n; i++) {
            times[i] = 1435781430781 + (int64_t)i * 15000;
            values[i] = (double)i * 3;
        }
        check_round_trip(n);
    }
}

static void steady_series_cost_two_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOST; i++) {
        times[i] = 1435781430781 + (int64_t)i * 15000;
        values[i] = 42;
    }
    struct gv_xor_encoder e;
    encode(&e, MOST);
    assert_in_range(e.bytes.n, MOST / 4, MOST / 4 + 25);
    gv_xor_encoder_fini(&e);
}

/* Written by promtool 2.42 from OpenMetrics text. Where the bits end with a byte it adds an empty one. */
static const uint8_t by_promtool[] = {0x00, 0x06, 0xfa, 0xf7, 0xef, 0xb3, 0xc9, 0x53, 0x3f, 0xf0, 0x00, 0x00, 0x00,
                                      0x00, 0x00, 0x00, 0x98, 0x75, 0x30, 0x97, 0xff, 0xe0, 0x02, 0x76, 0x83, 0x80,
                                      0xc9, 0xc5, 0xf7, 0xff, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x37, 0xe5, 0xd8,
                                      0x00, 0xc0, 0xa8, 0x62, 0x4d, 0xd2, 0xf1, 0xa9, 0xfd, 0x00};
static const uint8_t more_by_promtool[] = {0x00, 0x03, 0x80, 0xfe, 0x85, 0xbc, 0xc9, 0x53, 0x7e, 0x37, 0xe4,
                                           0x3c, 0x88, 0x00, 0x75, 0x9c, 0x98, 0x75, 0xc3, 0xef, 0xe3, 0x7e,
                                           0x43, 0xc8, 0x80, 0x07, 0x59, 0xfc, 0x00, 0x00, 0x00, 0x00, 0x00,
                                           0x22, 0xca, 0x42, 0xff, 0xe0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};

static void check_golden(const uint8_t *bytes, size_t size, size_t n)
{
    struct gv_err err = {0};
    assert_int_equal(gv_chunk_samples(bytes, size), n);
    assert_true(decode(bytes, size, &err));
    assert_memory_equal(decoded_times, times, n * sizeof *times);
    assert_memory_equal(decoded_values, values, n * sizeof *values);
    struct gv_xor_encoder e;
    encode(&e, n);
    assert_in_range(e.bytes.n, size - 1, size);
    assert_memory_equal(e.bytes.p, bytes, e.bytes.n);
    assert_true(e.bytes.n == size || (e.state.used == 0 && bytes[size - 1] == 0));
    gv_xor_encoder_fini(&e);
}

static void bytes_are_those_of_prometheus(void **state)
{
    (void)state;
    static const int64_t off[] = {0, 15000, 30000, 45009, 60219, 75219};
    const double v[] = {1, 1, 2, 2.5, from_bits(UINT64_C(0x7ff8000000000001)), -0.001};
    for (size_t i = 0; i < GV_COUNT(off); i++) {
        times[i] = 1435781430781 + off[i];
        values[i] = v[i];
    }
    check_golden(by_promtool, sizeof by_promtool, GV_COUNT(off));
    times[0] = 1435790000000;
    times[1] = 1435790015000;
    times[2] = 1435790600000;
    values[0] = 1e300;
    values[1] = 0;
    values[2] = INFINITY;
    check_golden(more_by_promtool, sizeof more_by_promtool, 3);
}

static void every_change_of_time_comes_back(void **state)
{
    (void)state;
    static const int64_t edges[] = {1 << 13, 1 << 16, 1 << 19};
    for (size_t k = 0; k < GV_COUNT(edges); k++)
        for (int64_t off = -2; off <= 2; off++)
            for (int sign = -1; sign <= 1; sign += 2) {
                int64_t change = sign * (edges[k] + off);
                times[0] = -5;
                times[1] = times[0] + 10000000;
                times[2] = times[1] + 10000000 + change;
                times[3] = times[2] + 10000000;
                values[0] = values[1] = values[2] = values[3] = 0.1;
                check_round_trip(4);
            }
}

static void extreme_times_come_back(void **state)
{
    (void)state;
    static const int64_t extreme[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    memcpy(times, extreme, sizeof extreme);
    for (size_t i = 0; i < GV_COUNT(extreme); i++)
        values[i] = (double)i;
    check_round_trip(GV_COUNT(extreme));
}

static void special_values_come_back(void **state)
{
    (void)state;
    const double special[] = {NAN,
                              from_bits(UINT64_C(0x7ff0000000000002)), /* stale */
                              0.0,
                              -0.0,
                              INFINITY,
                              -INFINITY,
                              5e-324,
                              1.7976931348623157e308,
                              1,
                              1,
                              -1,
                              from_bits(UINT64_MAX),
                              from_bits(1),
                              from_bits(UINT64_C(1) << 63),
                              from_bits(UINT64_MAX)};
    for (size_t i = 0; i < GV_COUNT(special); i++) {
        times[i] = (int64_t)i * 1000;
        values[i] = special[i];
    }
    check_round_trip(GV_COUNT(special));
}

static void random_walks_come_back(void **state)
{
    (void)state;
    uint64_t seed = 12345;
    for (int round = 0; round < 500; round++) {
        size_t n = next_random(&seed) % MOST;
        int64_t t = (int64_t)(next_random(&seed) % 2000000000000);
        double v = 0;
        for (size_t i = 0; i < n; i++) {
            uint64_t r = next_random(&seed);
            t += r % 16 ? 15000 + (r % 3 ? 0 : (int64_t)(r >> 8) % 1000 - 500) : (int64_t)(r >> (8 + round % 50));
            v = r & 64 ? v : r & 128 ? v + (double)(r >> 60) : r & 256 ? from_bits(next_random(&seed)) : v / 3 + 0.1;
            times[i] = t;
            values[i] = v;
        }
        check_round_trip(n);
    }
}

static void an_encoder_resumes(void **state)
{
    (void)state;
    uint64_t seed = 99;
    for (size_t n = 0; n < 150; n++) {
        struct gv_xor_encoder first, second;
        struct gv_err err = {0};
        for (size_t i = 0; i < 150; i++) {
            times[i] = (int64_t)i * 15000 + (int64_t)(next_random(&seed) % 100);
            values[i] = (double)(next_random(&seed) % 7);
        }
        encode(&first, n);
        assert_true(gv_xor_encoder_resume(&second, (const uint8_t *)first.bytes.p, first.bytes.n, &err));
        for (size_t i = n; i < 150; i++)
            assert_true(gv_xor_encoder_append(&second, times[i], values[i]));
        assert_true(decode(second.bytes.p, second.bytes.n, &err));
        assert_memory_equal(decoded_times, times, 150 * sizeof *times);
        assert_memory_equal(decoded_values, values, 150 * sizeof *values);
        gv_xor_encoder_fini(&first);
        gv_xor_encoder_fini(&second);
    }
}

static void a_full_chunk_takes_no_more(void **state)
{
    (void)state;
    struct gv_xor_encoder e;
    gv_xor_encoder_init(&e);
    for (int64_t i = 0; i < GV_CHUNK_MAX_SAMPLES; i++)
        assert_true(gv_xor_encoder_append(&e, i, 1));
    assert_false(gv_xor_encoder_append(&e, GV_CHUNK_MAX_SAMPLES, 1));
    gv_xor_encoder_fini(&e);
}

static void every_cut_is_noticed(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (size_t i = 0; i < 120; i++) {
        times[i] = (int64_t)i * 15000 + (int64_t)(next_random(&seed) % 10);
        values[i] = from_bits(next_random(&seed));
    }
    struct gv_xor_encoder e;
    encode(&e, 120);
    for (size_t n = 0; n < e.bytes.n; n++) {
        struct gv_err err = {0};
        struct gv_xor_encoder other;
        assert_false(decode(e.bytes.p, n, &err));
        assert_int_equal(err.code, GV_INTERNAL);
        assert_false(gv_xor_encoder_resume(&other, (const uint8_t *)e.bytes.p, n, &err));
    }
    gv_xor_encoder_fini(&e);
}

static void damage_is_survived(void **state)
{
    (void)state;
    uint64_t seed = 3;
    static char bytes[300];
    for (int round = 0; round < 20000; round++) {
        size_t n = next_random(&seed) % sizeof bytes;
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)next_random(&seed);
        if (n > 1)
            bytes[0] = bytes[1] &= 3; /* no more samples than there is room for */
        struct gv_err err = {0};
        bool ok = decode(bytes, n, &err);
        assert_int_equal(ok, err.code == GV_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regular_series_come_back),
        cmocka_unit_test(steady_series_cost_two_bits),
        cmocka_unit_test(bytes_are_those_of_prometheus),
        cmocka_unit_test(every_change_of_time_comes_back),
        cmocka_unit_test(extreme_times_come_back),
        cmocka_unit_test(special_values_come_back),
        cmocka_unit_test(random_walks_come_back),
        cmocka_unit_test(an_encoder_resumes),
        cmocka_unit_test(a_full_chunk_takes_no_more),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(damage_is_survived),
    };
    return cmocka_run_group_tests_name("codec.chunk_xor", tests, NULL, NULL);
}
