/* Regular expressions: whole-text matches with RE2's syntax, groups, and Go's template expansion. */
#include "base/regex.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct gv_regex *compile(const char *pattern, bool captures)
{
    struct gv_err err = {0};
    struct gv_regex *re = gv_regex_new(gv_slice_of(pattern), captures, &err);
    assert_string_equal(err.msg, "");
    assert_non_null(re);
    return re;
}

static bool match(const char *pattern, struct gv_slice text)
{
    struct gv_regex *re = compile(pattern, false);
    bool matched = gv_regex_match(re, text);
    gv_regex_free(re);
    return matched;
}

static void matches_the_whole_text(void **state)
{
    (void)state;
    assert_true(match("a|ab", GV_S("ab")));
    assert_false(match("a|ab", GV_S("abc")));
    assert_false(match("b", GV_S("ab")));
    assert_true(match("", (struct gv_slice){NULL, 0}));
    assert_true(match("a.c", GV_S("a\nc"))); /* Prometheus 3: a dot matches a newline */
    assert_true(match("(?i)AbC", GV_S("aBc")));
    assert_false(match("abc$", GV_S("abc\n")));
    assert_true(match("a\\x00b", GV_S("a\0b")));
}

static void reads_utf8(void **state)
{
    (void)state;
    assert_true(match("h.llo", GV_S("h\xc3\xa9llo")));
    assert_true(match("(?i)\xc3\x89", GV_S("\xc3\xa9")));
    assert_true(match("\\pL+", GV_S("\xe4\xb8\x96")));
    assert_true(match("a.b", GV_S("a\xff"
                                  "b"))); /* as Go, which reads a broken byte as U+FFFD */
    assert_true(match("a[^x]{2}b", GV_S("a\xe4\xb8"
                                        "b")));
    assert_false(match("a.b", GV_S("a\xe4\xb8"
                                   "b")));
}

static void refuses_what_re2_refuses(void **state)
{
    (void)state;
    static const char *const patterns[] = {"(", "a**", "[z-a]", "(?=x)", "\\1", "a{1001}", "*", "\xff", "a)|(b"};
    for (size_t i = 0; i < GV_COUNT(patterns); i++) {
        struct gv_err err = {0};
        assert_null(gv_regex_new(gv_slice_of(patterns[i]), false, &err));
        assert_int_equal(err.code, GV_BAD_DATA);
        assert_non_null(strstr(err.msg, "error parsing regexp: "));
    }
}

static void hostile_patterns_stay_linear(void **state)
{
    (void)state;
    char text[4096];
    memset(text, 'a', sizeof text);
    assert_false(match("(a*)*(a|aa)+[ab]{0,100}c", (struct gv_slice){text, sizeof text}));
}

static void groups_are_where_they_matched(void **state)
{
    (void)state;
    struct gv_regex *re = compile("(\\w+)-(?P<num>\\d+)?(x)?", true);
    struct gv_slice groups[GV_REGEX_MAX_GROUPS];
    size_t n = 0;
    assert_true(gv_regex_groups(re, GV_S("web-12"), groups, GV_COUNT(groups), &n));
    assert_int_equal(n, 4);
    assert_true(gv_slice_is(groups[0], "web-12"));
    assert_true(gv_slice_is(groups[1], "web"));
    assert_true(gv_slice_is(groups[2], "12"));
    assert_null(groups[3].p);
    assert_int_equal(gv_regex_group_named(re, GV_S("num")), 2);
    assert_int_equal(gv_regex_group_named(re, GV_S("nope")), -1);
    assert_false(gv_regex_groups(re, GV_S("web"), groups, GV_COUNT(groups), &n));
    assert_true(gv_regex_groups(re, GV_S("web-12"), groups, 2, &n));
    assert_int_equal(n, 2);
    gv_regex_free(re);
}

/* Expected values are what Go's regexp.Expand gives. */
static void expands_as_go_does(void **state)
{
    (void)state;
    static const struct {
        const char *replacement, *out;
    } rows[] = {
        {"", ""},
        {"fixed", "fixed"},
        {"$1", "web"},
        {"a$1b", "a"}, /* the group named "1b" */
        {"a${1}b", "awebb"},
        {"$1-$2", "web-12"},
        {"${num}", "12"},
        {"$num.$num", "12.12"},
        {"$numb", ""},
        {"$0", "web-12"},
        {"$01", ""}, /* a name, not a number */
        {"$9", ""},
        {"$999999999999", ""},
        {"$3|", "|"}, /* a group that took no part */
        {"$$", "$"},
        {"$$1", "$1"},
        {"$$$1", "$web"},
        {"$", "$"},
        {"a$", "a$"},
        {"$ 1", "$ 1"},
        {"${1", "${1"},
        {"${}", "${}"},
        {"${1-}", "${1-}"},
        {"${ 1}", "${ 1}"},
        {"$-$1", "$-web"},
        {"$1\xe2\x86\x92", "web\xe2\x86\x92"}, /* an arrow is no letter */
        {"$1\xc3\xa9", ""},                    /* but an e with an accent is */
    };
    struct gv_regex *re = compile("(\\w+)-(?P<num>\\d+)?(x)?", true);
    struct gv_slice groups[GV_REGEX_MAX_GROUPS];
    size_t n = 0;
    assert_true(gv_regex_groups(re, GV_S("web-12"), groups, GV_COUNT(groups), &n));
    struct gv_buf b = GV_BUF_INIT;
    for (size_t i = 0; i < GV_COUNT(rows); i++) {
        gv_buf_clear(&b);
        assert_true(gv_regex_expand(&b, re, gv_slice_of(rows[i].replacement), groups, n, SIZE_MAX));
        assert_string_equal(gv_buf_cstr(&b), rows[i].out);
    }
    gv_buf_clear(&b);
    assert_true(gv_regex_expand(&b, re, GV_S("$0$0$0"), groups, n, 18));
    gv_buf_clear(&b);
    assert_false(gv_regex_expand(&b, re, GV_S("$0$0$0$0$0"), groups, n, 17));
    assert_int_equal(b.n, 18);
    gv_buf_fini(&b);
    gv_regex_free(re);
}

static void tells_fixed_replacements(void **state)
{
    (void)state;
    assert_true(gv_regex_is_fixed(GV_S("abc")));
    assert_true(gv_regex_is_fixed((struct gv_slice){NULL, 0}));
    assert_false(gv_regex_is_fixed(GV_S("a$1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_whole_text),        cmocka_unit_test(reads_utf8),
        cmocka_unit_test(refuses_what_re2_refuses),      cmocka_unit_test(hostile_patterns_stay_linear),
        cmocka_unit_test(groups_are_where_they_matched), cmocka_unit_test(expands_as_go_does),
        cmocka_unit_test(tells_fixed_replacements),
    };
    return cmocka_run_group_tests_name("base.regex", tests, NULL, NULL);
}
