/* Windows of 64 bytes: what is taken is plain and whole, and both widths of registers say the same. */
#include "codec/points_scan.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* text is filled up to a window with blanks; length 0: not taken. */
static void check(const char *text, size_t length, uint32_t points)
{
    char window[POINTS_WINDOW + 1];
    uint32_t n = 0, narrow_n = 0;
    snprintf(window, sizeof window, "%-64s", text);
#ifndef __SSE2__
    length = 0; /* everything goes the slow way */
#endif
    assert_int_equal(points_in_window(window, &n), length);
    assert_int_equal(points_in_window_narrowly(window, &narrow_n), length);
    if (length)
        assert_true(n == points && narrow_n == points);
}

static void whole_points_with_their_commas_are_taken(void **state)
{
    (void)state;
    check("[1,\"2\"],[", 8, 1);
    check("[1,\"2\"],[3,\"4\"],[oops", 16, 2);
    check("[1435781430.781,\"0.25\"],[1435781445.781,\"-3\"],[1435781460.781", 46, 2);
    check("[0,\"0\"],[0.5,\"-0.5\"],[10,\"100\"],[", 32, 3);
    check("[123456789012345,\"123456789012345678901234567890.1234567890\"],[", 62, 1);
}

static void all_else_is_left(void **state)
{
    (void)state;
    static const char *const left[] = {"",
                                       "[1,\"2\"]",
                                       "[1,\"2\"],",
                                       "[1,\"2\"]]",
                                       "[1,\"2\"], [",
                                       "[1,\"2\"] ,[",
                                       " [1,\"2\"],[",
                                       "[ 1,\"2\"],[",
                                       "[1, \"2\"],[",
                                       "[1,\"2\" ],[",
                                       "[1,\"NaN\"],[",
                                       "[1,\"+1\"],[",
                                       "[1,\"1e5\"],[",
                                       "[1e5,\"1\"],[",
                                       "[-1,\"1\"],[",
                                       "[01,\"1\"],[",
                                       "[1,\"01\"],[",
                                       "[1.,\"1\"],[",
                                       "[.1,\"1\"],[",
                                       "[1,\"1.\"],[",
                                       "[1,\".1\"],[",
                                       "[1.2.3,\"1\"],[",
                                       "[1,\"1.2.3\"],[",
                                       "[1,\"\"],[",
                                       "[1,\"-\"],[",
                                       "[1,\"--1\"],[",
                                       "[1,\"1-\"],[",
                                       "[,\"1\"],[",
                                       "[1\"1\"],[",
                                       "[1,1],[",
                                       "[\"1\",\"1\"],[",
                                       "[1,\"1],[",
                                       "[1,1\"],[",
                                       "[1,\"1\",],[",
                                       "[1,,\"1\"],[",
                                       "[[1,\"1\"],[",
                                       "[1,\"1\"]],[",
                                       "[1,\"1\"\"],[",
                                       "[1,\"1\"],,[",
                                       "[1,\"1\",\"1\"],[",
                                       "[1],[",
                                       "[],[",
                                       "],[",
                                       "1,\"1\"],[",
                                       "[1,\"1\"],[2,\"x\"],[",
                                       "[1,\"\\u0031\"],[",
                                       "[1234567890123456,\"1\"],[",
                                       "[1,\"\xff\"],["};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        check(left[i], 0, 0);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* The grammar once more, byte by byte: where the point at p ends, or NULL. */
static const char *number_end(const char *p, int most)
{
    const char *start = p;
    p += strspn(p, "0123456789");
    if (p == start || (*start == '0' && p > start + 1))
        return NULL;
    if (*p == '.') {
        size_t decimals = strspn(p + 1, "0123456789");
        p = decimals ? p + 1 + decimals : NULL;
    }
    return p && p - start <= most ? p : NULL;
}

static const char *point_end(const char *p)
{
    if (*p != '[' || !(p = number_end(p + 1, 15)) || *p != ',' || p[1] != '"')
        return NULL;
    p += p[2] == '-' ? 3 : 2;
    return (p = number_end(p, POINTS_WINDOW)) && !strncmp(p, "\"],", 3) ? p + 3 : NULL;
}

static void random_windows_are_read_as_byte_by_byte(void **state)
{
    (void)state;
    static const char *const parts[] = {"[", "]", ",",     "\"", "],[", ",\"", "\"],[",
                                        "0", "1", "12345", ".",  "-",   "7.5", "x"};
    static const char *const points[] = {"[1,\"2\"],", "[12.5,\"-0.25\"],", "[1435781430,\"100000\"],"};
    uint64_t seed = 17;
    int taken = 0;
    for (int round = 0; round < 300000; round++) {
        char text[200] = "";
        while (strlen(text) < POINTS_WINDOW)
            strcat(text, next_random(&seed) % 12 ? points[next_random(&seed) % 3]
                                                 : parts[next_random(&seed) % (sizeof parts / sizeof *parts)]);
        text[POINTS_WINDOW] = '\0';
        uint32_t n = 0, narrow_n = 0;
        size_t length = points_in_window(text, &n);
        assert_int_equal(points_in_window_narrowly(text, &narrow_n), length);
        uint32_t expected = 0;
        for (const char *p = text; p < text + length; expected++) {
            p = point_end(p);
            assert_non_null(p);
        }
        assert_true(!length || (n == expected && narrow_n == expected && text[length] == '['));
        taken += length > 0;
    }
#ifdef __SSE2__
    assert_true(taken > 30000);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_points_with_their_commas_are_taken),
        cmocka_unit_test(all_else_is_left),
        cmocka_unit_test(random_windows_are_read_as_byte_by_byte),
    };
    return cmocka_run_group_tests_name("codec.points_scan", tests, NULL, NULL);
}
