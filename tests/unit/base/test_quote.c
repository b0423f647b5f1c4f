/* Quoted texts: Go's strconv.Quote, JSON as Go's encoder writes it, and the UTF-8 below them. */
#include "base/buf.h"
#include "base/utf8.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct pair {
    struct gv_slice in;
    const char *out;
};

typedef void add_fn(struct gv_buf *b, struct gv_slice s);

static void check(add_fn *add, const struct pair *pairs, size_t n)
{
    struct gv_buf b = GV_BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        gv_buf_clear(&b);
        add(&b, pairs[i].in);
        assert_string_equal(gv_buf_cstr(&b), pairs[i].out);
    }
    gv_buf_fini(&b);
}

static void quotes_as_go_does(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {{NULL, 0}, "\"\""},
        {{"plain", 5}, "\"plain\""},
        {{"a\"b\\c", 5}, "\"a\\\"b\\\\c\""},
        {{"\a\b\f\n\r\t\v", 7}, "\"\\a\\b\\f\\n\\r\\t\\v\""},
        {{"\0x\x1f\x7f", 4}, "\"\\x00x\\x1f\\x7f\""},
        {{"'`", 2}, "\"'`\""},
        {{"h\xc3\xa9llo \xe4\xb8\x96", 10}, "\"h\xc3\xa9llo \xe4\xb8\x96\""},
        {{"\xff", 1}, "\"\\xff\""},
        {{"a\xc3", 2}, "\"a\\xc3\""},
        {{"\xed\xa0\x80", 3}, "\"\\xed\\xa0\\x80\""},          /* a surrogate is no UTF-8 */
        {{"\xc0\x80", 2}, "\"\\xc0\\x80\""},                   /* nor is an overlong NUL */
        {{"\xc2\xa0", 2}, "\"\\u00a0\""},                      /* a space, but not ASCII's */
        {{"\xe2\x80\xa8", 3}, "\"\\u2028\""},                  /* line separator */
        {{"\xef\xbf\xbd", 3}, "\"\xef\xbf\xbd\""},             /* the replacement character itself */
        {{"\xf0\x9f\x98\x80", 4}, "\"\xf0\x9f\x98\x80\""},     /* emoji */
        {{"\xf4\x8f\xbf\xbf", 4}, "\"\\U0010ffff\""},          /* the last code point */
        {{"\xf4\x90\x80\x80", 4}, "\"\\xf4\\x90\\x80\\x80\""}, /* one beyond it */
    };
    check(gv_buf_add_quoted, pairs, GV_COUNT(pairs));
}

static void writes_json(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {{NULL, 0}, "\"\""},
        {{"a\"b\\c/", 6}, "\"a\\\"b\\\\c/\""},
        {{"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\""},
        {{"\0\a\v\x1f\x7f", 5}, "\"\\u0000\\u0007\\u000b\\u001f\x7f\""},
        {{"\xc3\xa9\xf0\x9f\x98\x80", 6}, "\"\xc3\xa9\xf0\x9f\x98\x80\""},
        {{"a\xff\xfe"
          "b",
          4},
         "\"a\\ufffd\\ufffdb\""},
        {{"\xe4\xb8", 2}, "\"\\ufffd\\ufffd\""},
    };
    check(gv_buf_add_json, pairs, GV_COUNT(pairs));
}

static void code_points_survive_a_round_trip(void **state)
{
    (void)state;
    for (uint32_t point = 0; point <= 0x10ffff; point += point < 0x3000 ? 1 : 37) {
        char text[4];
        uint32_t again = 0;
        if (point >= 0xd800 && point < 0xe000)
            continue;
        size_t n = gv_utf8_encode(text, point);
        assert_int_equal(gv_utf8_decode(text, n, &again), n);
        assert_int_equal(again, point);
        if (n > 1)
            assert_int_equal(gv_utf8_decode(text, n - 1, &again), 0);
    }
}

static void only_whole_utf8_is_valid(void **state)
{
    (void)state;
    assert_true(gv_utf8_valid((struct gv_slice){NULL, 0}));
    assert_true(gv_utf8_valid(GV_S("a long plain text and then \xc3\xa9")));
    assert_false(gv_utf8_valid(GV_S("a long plain text and then \xc3")));
    assert_false(gv_utf8_valid(GV_S("\x80")));
    assert_false(gv_utf8_valid(GV_S("0123456\xff")));
    assert_false(gv_utf8_valid(GV_S("\xe0\x80\xaf")));
    assert_false(gv_utf8_valid(GV_S("\xf0\x80\x80\xaf")));
}

static void knows_what_is_printable(void **state)
{
    (void)state;
    static const uint32_t yes[] = {0x20, 0x7e, 0xa1, 0xe9, 0x4e16, 0x1f600},
                          no[] = {0x1f, 0x7f, 0x80, 0xa0, 0xad, 0xe000, 0x10ffff};
    for (size_t i = 0; i < GV_COUNT(yes); i++)
        assert_true(gv_utf8_is_printable(yes[i]));
    for (size_t i = 0; i < GV_COUNT(no); i++)
        assert_false(gv_utf8_is_printable(no[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_as_go_does),
        cmocka_unit_test(writes_json),
        cmocka_unit_test(code_points_survive_a_round_trip),
        cmocka_unit_test(only_whole_utf8_is_valid),
        cmocka_unit_test(knows_what_is_printable),
    };
    return cmocka_run_group_tests_name("base.quote", tests, NULL, NULL);
}
