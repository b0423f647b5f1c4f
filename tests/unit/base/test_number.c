/* Numbers as text and back: layouts, limits, what is refused, and exact rounding against the C library. */
#include "base/number.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void three_layouts(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *json, *f, *g;
    } rows[] = {
        {0, "0", "0", "0"},
        {-0.0, "-0", "-0", "-0"},
        {1, "1", "1", "1"},
        {-1, "-1", "-1", "-1"},
        {0.1, "0.1", "0.1", "0.1"},
        {0.25, "0.25", "0.25", "0.25"},
        {-12.005, "-12.005", "-12.005", "-12.005"},
        {1234.5678, "1234.5678", "1234.5678", "1234.5678"},
        {0x1p53, "9007199254740992", "9007199254740992", "9.007199254740992e+15"},
        {0x1p53 - 1, "9007199254740991", "9007199254740991", "9.007199254740991e+15"},
        {100000, "100000", "100000", "100000"},
        {1e6, "1000000", "1000000", "1e+06"},
        {123456789, "123456789", "123456789", "1.23456789e+08"},
        {1e20, "100000000000000000000", "100000000000000000000", "1e+20"},
        {1e21, "1e+21", "1000000000000000000000", "1e+21"},
        {1.5e300, "1.5e+300", NULL, "1.5e+300"},
        {1e-4, "0.0001", "0.0001", "0.0001"},
        {1e-5, "0.00001", "0.00001", "1e-05"},
        {1e-6, "0.000001", "0.000001", "1e-06"},
        {9.5e-7, "9.5e-07", "0.00000095", "9.5e-07"},
        {1e-7, "1e-07", "0.0000001", "1e-07"},
        {5e-324, "5e-324", NULL, "5e-324"},
        {0.1 + 0.2, "0.30000000000000004", "0.30000000000000004", "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333", "0.3333333333333333", "0.3333333333333333"},
        {INFINITY, "+Inf", "+Inf", "+Inf"},
        {-INFINITY, "-Inf", "-Inf", "-Inf"},
        {NAN, "NaN", "NaN", "NaN"},
        {-NAN, "NaN", "NaN", "NaN"},
    };
    for (size_t i = 0; i < GV_COUNT(rows); i++) {
        char text[GV_DOUBLE_F_MAX];
        assert_int_equal(gv_double_format(text, rows[i].v), strlen(rows[i].json));
        assert_string_equal(text, rows[i].json);
        gv_double_format_g(text, rows[i].v);
        assert_string_equal(text, rows[i].g);
        size_t n = gv_double_format_f(text, rows[i].v);
        assert_int_equal(n, strlen(text));
        if (rows[i].f)
            assert_string_equal(text, rows[i].f);
    }
}

static void longest_texts_fit(void **state)
{
    (void)state;
    static const double extremes[] = {-1.7976931348623157e308, -2.2250738585072014e-308, -5e-324,
                                      -1.2345678901234567e-300};
    for (size_t i = 0; i < GV_COUNT(extremes); i++) {
        char f[GV_DOUBLE_F_MAX], json[GV_DOUBLE_MAX];
        double again;
        assert_true(gv_double_format_f(f, extremes[i]) < GV_DOUBLE_F_MAX);
        assert_null(strchr(f, 'e'));
        assert_true(gv_double_parse(gv_slice_of(f), &again) && again == extremes[i]);
        assert_true(gv_double_format(json, extremes[i]) < GV_DOUBLE_MAX);
        assert_true(gv_double_parse(gv_slice_of(json), &again) && again == extremes[i]);
    }
}

static void check_parses(const char *text, double wanted)
{
    double v;
    if (!gv_double_parse(gv_slice_of(text), &v))
        fail_msg("%s was refused", text);
    if (isnan(wanted) ? !isnan(v) : v != wanted || signbit(v) != signbit(wanted))
        fail_msg("%s is %a, not %a", text, v, wanted);
}

static void parses_what_go_parses(void **state)
{
    (void)state;
    check_parses("0", 0);
    check_parses("-0", -0.0);
    check_parses("+5", 5);
    check_parses("1.", 1);
    check_parses(".5", 0.5);
    check_parses("-.5e1", -5);
    check_parses("00012.50", 12.5);
    check_parses("1E5", 1e5);
    check_parses("1e+05", 1e5);
    check_parses("1e-999", 0);
    check_parses("0e99999999999999999999", 0);
    check_parses("9007199254740993", 9007199254740992); /* half way: to even */
    check_parses("9007199254740993.0000000000000000000001", 9007199254740994);
    check_parses("1.7976931348623157e308", 1.7976931348623157e308);
    check_parses("4.9406564584124654e-324", 5e-324);
    check_parses("2.4703282292062327e-324", 0); /* just below half of the smallest */
    check_parses("2.4703282292062328e-324", 5e-324);
    check_parses("0x1p4", 16);
    check_parses("-0X1.8P+3", -12);
    check_parses("0x.8p1", 1);
    check_parses("0x1p-1074", 5e-324);
    check_parses("0x1p-1075", 0);
    check_parses("0x1.8p-1075", 5e-324);
    check_parses("0x3p-1075", 1e-323); /* one and a half: to even */
    check_parses("0x0p99999999999", 0);
    check_parses("0x1.00000000000008p0", 1);
    check_parses("0x1.000000000000080000000000000001p0", 0x1.0000000000001p0);
    check_parses("inf", INFINITY);
    check_parses("+Inf", INFINITY);
    check_parses("-INFINITY", -INFINITY);
    check_parses("NaN", NAN);
    check_parses("nan", NAN);
    check_parses("1_000", 1000);
    check_parses("1_0.0_1e1_0", 10.01e10);
    check_parses("0x_1_0p0", 16);
}

static void refuses_what_go_refuses(void **state)
{
    (void)state;
    static const char *const texts[] = {"",     " 1",   "1 ",   "+",  "-",    ".",     "e5",   "1e",   "1e+",
                                        "--1",  "+-1",  "1,5",  "0x", "0x1",  "0x1p",  "0xp1", "0b1",  "infi",
                                        "+nan", "-NaN", "1_",   "_1", "1__0", "1_.5",  "1._5", "1e_5", "0_x1p0",
                                        "1f",   "12a",  "NaNs", "i",  "n",    "0x1p1_"};
    double v;
    for (size_t i = 0; i < GV_COUNT(texts); i++)
        if (gv_double_parse(gv_slice_of(texts[i]), &v))
            fail_msg("\"%s\" was accepted", texts[i]);
    assert_false(gv_double_parse((struct gv_slice){NULL, 0}, &v));
    assert_false(gv_double_parse((struct gv_slice){"1\0", 2}, &v));
}

static void out_of_range_is_refused_and_infinite(void **state)
{
    (void)state;
    double v;
    assert_false(gv_double_parse(GV_S("1e309"), &v));
    assert_true(v == INFINITY);
    assert_false(gv_double_parse(GV_S("-1e99999999999999999999"), &v));
    assert_true(v == -INFINITY);
    assert_false(gv_double_parse(GV_S("0x1p1024"), &v));
    assert_true(v == INFINITY);
    assert_false(gv_double_parse(GV_S("0x1.fffffffffffff8p1023"), &v));
    assert_true(v == INFINITY);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

/* Digits of every length at exponents around the fast paths' limits; the C library rounds correctly. */
static void rounds_as_the_c_library_does(void **state)
{
    (void)state;
    uint64_t seed = 42;
    for (int i = 0; i < 200000; i++) {
        char text[64];
        uint64_t mantissa = next_random(&seed) >> next_random(&seed) % 64;
        int exponent = (int)(next_random(&seed) % 80) - 40;
        snprintf(text, sizeof text, "%llue%d", (unsigned long long)mantissa, exponent);
        double v = 0;
        assert_true(gv_double_parse(gv_slice_of(text), &v));
        if (v != strtod(text, NULL))
            fail_msg("%s is read as %a", text, v);
    }
}

/* Decimals that lie exactly half way between two doubles, and just beside it. */
static void ties_go_to_even(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 20000; i++) {
        char text[64];
        uint64_t odd = (next_random(&seed) >> 10) | UINT64_C(1) << 53 | 1; /* 54 bits, the last one set */
        for (int off = -1; off <= 1; off++) {
            snprintf(text, sizeof text, "%llu.%de0", (unsigned long long)odd + (off < 0 ? -1 : 0), off < 0 ? 9 : off);
            double v = 0;
            assert_true(gv_double_parse(gv_slice_of(text), &v));
            if (v != strtod(text, NULL))
                fail_msg("%s is read as %a", text, v);
        }
    }
}

static void texts_give_the_same_bits_again(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = next_random(&seed);
        double v, again = 0;
        memcpy(&v, &bits, sizeof v);
        if (i % 2)
            v = (double)(int64_t)(bits % 100000000) / (i % 4 == 1 ? 1000 : 1e6);
        if (isnan(v) || isinf(v))
            continue;
        char text[GV_DOUBLE_F_MAX];
        gv_double_format(text, v);
        assert_true(gv_double_parse(gv_slice_of(text), &again));
        assert_memory_equal(&v, &again, sizeof v);
    }
}

static void check_whole(int64_t value)
{
    char text[GV_INT64_MAX], wanted[GV_INT64_MAX];
    int64_t again;
    snprintf(wanted, sizeof wanted, "%lld", (long long)value);
    assert_int_equal(gv_int64_format(text, value), strlen(wanted));
    assert_string_equal(text, wanted);
    assert_true(gv_int64_parse(gv_slice_of(text), &again));
    assert_true(again == value);
}

static void whole_numbers(void **state)
{
    (void)state;
    check_whole(0);
    check_whole(INT64_MAX);
    check_whole(INT64_MIN);
    for (int64_t power = 1; power < INT64_MAX / 10; power *= 10)
        for (int64_t v = power - 2; v <= power + 2; v++) {
            check_whole(v);
            check_whole(-v * 7);
        }
    static const char *const bad[] = {"",    "-",  "+",   "9223372036854775808", "-9223372036854775809", "1_0",
                                      "0x1", " 1", "1.0", "99999999999999999999"};
    int64_t v;
    for (size_t i = 0; i < GV_COUNT(bad); i++)
        if (gv_int64_parse(gv_slice_of(bad[i]), &v))
            fail_msg("\"%s\" was accepted", bad[i]);
    assert_true(gv_int64_parse(GV_S("+007"), &v) && v == 7);
}

static void appends_to_buffers(void **state)
{
    (void)state;
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_add_double(&b, 1.5);
    gv_buf_addc(&b, ' ');
    gv_buf_add_int(&b, -3);
    assert_string_equal(gv_buf_cstr(&b), "1.5 -3");
    gv_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_layouts),
        cmocka_unit_test(longest_texts_fit),
        cmocka_unit_test(parses_what_go_parses),
        cmocka_unit_test(refuses_what_go_refuses),
        cmocka_unit_test(out_of_range_is_refused_and_infinite),
        cmocka_unit_test(rounds_as_the_c_library_does),
        cmocka_unit_test(ties_go_to_even),
        cmocka_unit_test(texts_give_the_same_bits_again),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(appends_to_buffers),
    };
    return cmocka_run_group_tests_name("base.number", tests, NULL, NULL);
}
