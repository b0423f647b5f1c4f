/* The lexer: tokens by state, their positions, the names errors give them; numbers and strings as Go reads them. */
#include "promql/lexer.h"
#include "promql/scan.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct gv_arena arena;

static int start(void **state)
{
    (void)state;
    gv_arena_init(&arena, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    gv_arena_fini(&arena);
    return 0;
}

/* Kinds of all tokens up to the end or the error. */
static void lexes(const char *text, const enum gv_token_kind *kinds, size_t n)
{
    struct gv_lexer l;
    gv_lexer_init(&l, &arena, gv_slice_of(text));
    for (size_t i = 0; i < n; i++) {
        struct gv_token t = gv_lexer_next(&l);
        if (t.kind != kinds[i])
            fail_msg("%s: token %zu is %s, not %s", text, i, gv_token_kind_text(t.kind), gv_token_kind_text(kinds[i]));
    }
}
#define LEXES(text, ...)                                                                                               \
    lexes(text, (enum gv_token_kind[]){__VA_ARGS__}, GV_COUNT(((enum gv_token_kind[]){__VA_ARGS__})))

static struct gv_token last_of(const char *text)
{
    struct gv_lexer l;
    gv_lexer_init(&l, &arena, gv_slice_of(text));
    struct gv_token t;
    do
        t = gv_lexer_next(&l);
    while (t.kind != GV_TOK_EOF && t.kind != GV_TOK_ERROR);
    return t;
}

static void fails(const char *text, const char *message, unsigned position)
{
    struct gv_token t = last_of(text);
    assert_int_equal(t.kind, GV_TOK_ERROR);
    assert_string_equal(gv_arena_dup(&arena, t.text).p, message);
    assert_int_equal(t.start, position);
}

static void words_are_keywords_in_any_case_but_not_in_braces(void **state)
{
    (void)state;
    LEXES("sum SUM By foo foo:bar :x inf", GV_TOK_SUM, GV_TOK_SUM, GV_TOK_BY, GV_TOK_IDENTIFIER,
          GV_TOK_METRIC_IDENTIFIER, GV_TOK_METRIC_IDENTIFIER, GV_TOK_NUMBER, GV_TOK_EOF);
    LEXES("{by=\"x\",nan!~'y'} by", GV_TOK_LEFT_BRACE, GV_TOK_IDENTIFIER, GV_TOK_EQL, GV_TOK_STRING, GV_TOK_COMMA,
          GV_TOK_IDENTIFIER, GV_TOK_NEQ_REGEX, GV_TOK_STRING, GV_TOK_RIGHT_BRACE, GV_TOK_BY, GV_TOK_EOF);
    LEXES("fill fill (", GV_TOK_IDENTIFIER, GV_TOK_FILL, GV_TOK_LEFT_PAREN);
}

static void operators_take_the_longest_form(void **state)
{
    (void)state;
    LEXES("< <= </ > >= >/ = == != ^ atan2 @", GV_TOK_LSS, GV_TOK_LTE, GV_TOK_TRIM_UPPER, GV_TOK_GTR, GV_TOK_GTE,
          GV_TOK_TRIM_LOWER, GV_TOK_EQL, GV_TOK_EQLC, GV_TOK_NEQ, GV_TOK_POW, GV_TOK_ATAN2, GV_TOK_AT, GV_TOK_EOF);
}

static void brackets_hold_durations(void **state)
{
    (void)state;
    LEXES("[5m]", GV_TOK_LEFT_BRACKET, GV_TOK_DURATION, GV_TOK_RIGHT_BRACKET, GV_TOK_EOF);
    LEXES("[ 5m * 2 : step() ]", GV_TOK_LEFT_BRACKET, GV_TOK_DURATION, GV_TOK_MUL, GV_TOK_NUMBER, GV_TOK_COLON,
          GV_TOK_STEP, GV_TOK_LEFT_PAREN, GV_TOK_RIGHT_PAREN, GV_TOK_RIGHT_BRACKET, GV_TOK_EOF);
    LEXES("[step():5m]", GV_TOK_LEFT_BRACKET, GV_TOK_STEP, GV_TOK_LEFT_PAREN, GV_TOK_RIGHT_PAREN, GV_TOK_COLON,
          GV_TOK_DURATION, GV_TOK_RIGHT_BRACKET, GV_TOK_EOF);
    LEXES("(x[(5m # one\n)]) # two", GV_TOK_LEFT_PAREN, GV_TOK_IDENTIFIER, GV_TOK_LEFT_BRACKET, GV_TOK_LEFT_PAREN,
          GV_TOK_DURATION, GV_TOK_RIGHT_PAREN, GV_TOK_RIGHT_BRACKET, GV_TOK_RIGHT_PAREN, GV_TOK_EOF);
    fails("[ # c\n5m]", "unexpected character in duration expression: '#'", 2);
    fails("[5m sum]", "unexpected character: 's', expected ':'", 4);
    fails("[:5m]", "unexpected colon before duration in duration expression", 2);
    fails("[foo]", "unexpected character in duration expression: 'f'", 1);
    fails("[5m foo]", "unexpected character: 'f', expected ':'", 4);
    fails("[5m:1m:1m]", "unexpected colon ':'", 6);
    fails("[5m[", "unexpected left bracket '['", 3);
    fails("x]", "unexpected right bracket ']'", 1);
}

static void what_is_open_at_the_end_is_told(void **state)
{
    (void)state;
    fails("((1)", "unclosed left parenthesis", 4);
    fails("[5m ", "unclosed left bracket", 4);
    fails("{a", "unexpected end of input inside braces", 2);
    fails("1)", "unexpected right parenthesis ')'", 2);
    fails("{{", "unexpected left brace '{'", 1);
    fails("(x[5m", "unclosed left parenthesis", 5);
    fails("x[5m)", "unexpected right parenthesis ')'", 5);
    fails("(1]", "unexpected right bracket ']'", 2);
    fails("{}}", "unexpected character: '}'", 2);
}

static void strange_characters_are_quoted(void **state)
{
    (void)state;
    fails("1 $", "unexpected character: '$'", 2);
    fails("\xc3\xa9", "unexpected character: '\xc3\xa9'", 0);
    fails("\xff", "unexpected character: '\xef\xbf\xbd'", 0);
    fails("\x01", "unexpected character: '\\x01'", 0);
    fails("a =~ b", "unexpected character after '=': '~'", 2);
    fails("a !~ b", "unexpected character after '!': '~'", 2);
    fails("{a!}", "unexpected character after '!' inside braces: '}'", 2);
    fails("{a+}", "unexpected character inside braces: '+'", 2);
}

static void comments_reach_to_the_end_of_the_line(void **state)
{
    (void)state;
    LEXES("1 # + 2\n+ 3 # {", GV_TOK_NUMBER, GV_TOK_ADD, GV_TOK_NUMBER, GV_TOK_EOF);
    LEXES("{ # a=\n a='#'}", GV_TOK_LEFT_BRACE, GV_TOK_IDENTIFIER, GV_TOK_EQL, GV_TOK_STRING, GV_TOK_RIGHT_BRACE);
}

static void bad_strings_say_why(void **state)
{
    (void)state;
    fails("\"abc", "unterminated quoted string", 0);
    fails("'a\nb'", "unterminated quoted string", 0);
    fails("`abc", "unterminated raw string", 0);
    fails("\"\\q\"", "unknown escape sequence U+0071 'q'", 0);
    fails("\"\\'\"", "unknown escape sequence U+0027 '''", 0);
    fails("\"\\xg0\"", "illegal character U+0067 'g' in escape sequence", 0);
    fails("\"\\u12", "escape sequence not terminated", 0);
    fails("\"\\ud800\"", "escape sequence is an invalid Unicode code point", 0);
    fails("\"\\777\"", "escape sequence is an invalid Unicode code point", 0);
    fails("\"\xff\"", "invalid UTF-8 rune", 0);
}

static void strings_are_unquoted_as_in_go(void **state)
{
    (void)state;
    assert_true(
        gv_slice_is(gv_scan_unquote(&arena, GV_S("\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"'\"")), "\a\b\f\n\r\t\v\\\"'"));
    assert_true(
        gv_slice_is(gv_scan_unquote(&arena, GV_S("'\\'\\x41\\101\\u00e9\\U0001F600'")), "'AA\xc3\xa9\xf0\x9f\x98\x80"));
    assert_true(gv_slice_is(gv_scan_unquote(&arena, GV_S("\"\\xff\"")), "\xff")); /* bytes, not code points */
    assert_true(gv_slice_is(gv_scan_unquote(&arena, GV_S("`\\n\"`")), "\\n\""));
}

static void numbers_and_durations_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum gv_scan_number found;
        size_t end;
    } rows[] = {{"1 ", GV_SCAN_NUMBER, 1},      {"1.5e-3+", GV_SCAN_NUMBER, 6}, {"0x1F)", GV_SCAN_NUMBER, 4},
                {"1_000", GV_SCAN_NUMBER, 5},   {"5m", GV_SCAN_DURATION, 2},    {"1h30m]", GV_SCAN_DURATION, 5},
                {"250ms", GV_SCAN_DURATION, 5}, {"1y2w", GV_SCAN_DURATION, 4},  {"5x", GV_SCAN_BAD, 1},
                {"1..2", GV_SCAN_BAD, 3},       {"1e", GV_SCAN_BAD, 2},         {"1__0", GV_SCAN_BAD, 3},
                {"0x1.8", GV_SCAN_BAD, 4},      {"5mx", GV_SCAN_BAD, 3},        {"1e5e5", GV_SCAN_BAD, 4},
                {"0x1e", GV_SCAN_NUMBER, 4},    {"0x1e+1", GV_SCAN_NUMBER, 4},  {"0x_e_f", GV_SCAN_NUMBER, 6},
                {"1_0.5_0", GV_SCAN_NUMBER, 7}, {"5.", GV_SCAN_NUMBER, 2},      {"1_", GV_SCAN_BAD, 2},
                {"1._5", GV_SCAN_BAD, 3},       {"5m5", GV_SCAN_BAD, 3},        {"5msm", GV_SCAN_BAD, 4},
                {"5m:", GV_SCAN_DURATION, 2},   {"0b1", GV_SCAN_BAD, 1},        {"1e+", GV_SCAN_BAD, 3}};
    for (size_t i = 0; i < GV_COUNT(rows); i++) {
        size_t at = 0;
        enum gv_scan_number found = gv_scan_number(gv_slice_of(rows[i].text), &at);
        if (found != rows[i].found || at != rows[i].end)
            fail_msg("%s: %d, %zu", rows[i].text, (int)found, at);
    }
}

static void numbers_have_gos_values(void **state)
{
    (void)state;
    double v;
    assert_null(gv_scan_value(&arena, GV_S("0777"), &v));
    assert_true(v == 511);
    assert_null(gv_scan_value(&arena, GV_S("0778"), &v));
    assert_true(v == 778);
    assert_null(gv_scan_value(&arena, GV_S("0x1e"), &v));
    assert_true(v == 30);
    assert_null(gv_scan_value(&arena, GV_S("01777777777777777777777"), &v)); /* no int64, and then no octal either */
    assert_true(v == 1777777777777777777777.0);
    assert_null(gv_scan_value(&arena, GV_S("9223372036854775808"), &v));
    assert_true(v == 9223372036854775808.0);
    assert_null(gv_scan_value(&arena, GV_S("InF"), &v));
    assert_true(isinf(v));
    assert_string_equal(gv_scan_value(&arena, GV_S("1e999"), &v),
                        "error parsing number: strconv.ParseFloat: parsing \"1e999\": value out of range");
    assert_string_equal(gv_scan_value(&arena, GV_S("0x"), &v),
                        "error parsing number: strconv.ParseFloat: parsing \"0x\": invalid syntax");
    assert_non_null(gv_scan_value(&arena, GV_S("0xFFFFFFFFFFFFFFFF"), &v));
}

static void tokens_are_described_as_in_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } rows[] = {{"foo", "identifier \"foo\""},
                {"a_rather_long_name", "identifier \"a_rather_long_name\""},
                {"a:b", "metric identifier \"a:b\""},
                {"(", "\"(\""},
                {"+", "<op:+>"},
                {"AND", "<op:AND>"},
                {"topk", "<aggr:topk>"},
                {"without", "<without>"},
                {"start", "\"start\""},
                {"1234567890", "number \"1234567890\""},
                {"12345678901", "number \"1234567890\"..."},
                {"5m", "duration \"5m\""},
                {"\"x\"", "string \"\\\"x\\\"\""},
                {"", "end of input"}};
    for (size_t i = 0; i < GV_COUNT(rows); i++) {
        struct gv_lexer l;
        struct gv_buf said = GV_BUF_INIT;
        gv_lexer_init(&l, &arena, gv_slice_of(rows[i].text));
        struct gv_token t = gv_lexer_next(&l);
        gv_token_describe(&said, &t);
        assert_string_equal(gv_buf_cstr(&said), rows[i].said);
        gv_buf_fini(&said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_are_keywords_in_any_case_but_not_in_braces, start, end),
        cmocka_unit_test_setup_teardown(operators_take_the_longest_form, start, end),
        cmocka_unit_test_setup_teardown(brackets_hold_durations, start, end),
        cmocka_unit_test_setup_teardown(what_is_open_at_the_end_is_told, start, end),
        cmocka_unit_test_setup_teardown(strange_characters_are_quoted, start, end),
        cmocka_unit_test_setup_teardown(comments_reach_to_the_end_of_the_line, start, end),
        cmocka_unit_test_setup_teardown(bad_strings_say_why, start, end),
        cmocka_unit_test_setup_teardown(strings_are_unquoted_as_in_go, start, end),
        cmocka_unit_test_setup_teardown(numbers_and_durations_are_told_apart, start, end),
        cmocka_unit_test_setup_teardown(numbers_have_gos_values, start, end),
        cmocka_unit_test_setup_teardown(tokens_are_described_as_in_errors, start, end),
    };
    return cmocka_run_group_tests_name("promql.lexer", tests, NULL, NULL);
}
