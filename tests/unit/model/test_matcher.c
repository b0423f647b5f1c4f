/* Matchers: the plan chosen for each kind of pattern, and that every plan says what the engine would say. */
#include "model/matcher.h"
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

static struct gv_matcher make(enum gv_match_type type, const char *name, const char *value)
{
    struct gv_matcher m;
    struct gv_err err = {0};
    assert_true(gv_matcher_make(&m, &arena, type, gv_slice_of(name), gv_slice_of(value), &err));
    return m;
}

static const struct {
    const char *pattern;
    enum gv_match_plan plan;
} patterns[] = {
    {"", GV_PLAN_LITERAL},        {"()", GV_PLAN_LITERAL},       {"abc", GV_PLAN_LITERAL},
    {"(abc)", GV_PLAN_LITERAL},   {"^abc$", GV_PLAN_LITERAL},    {"a\\.b", GV_PLAN_LITERAL},
    {"a\\-b", GV_PLAN_LITERAL},   {"a|a", GV_PLAN_LITERAL},      {"\xc3\xa9", GV_PLAN_LITERAL},
    {"a|b|c", GV_PLAN_SET},       {"(a|b)", GV_PLAN_SET},        {"(?:a|b|abc)", GV_PLAN_SET},
    {"a|", GV_PLAN_SET},          {"|", GV_PLAN_LITERAL},        {"^a|b$", GV_PLAN_SET},
    {"a\\|b|c", GV_PLAN_SET},     {"abc.*", GV_PLAN_PREFIX},     {"^abc.*$", GV_PLAN_PREFIX},
    {".*abc", GV_PLAN_SUFFIX},    {".*abc.*", GV_PLAN_CONTAINS}, {"(.*abc.*)", GV_PLAN_CONTAINS},
    {".*", GV_PLAN_ANY},          {"(.*)", GV_PLAN_ANY},         {".*.*", GV_PLAN_ANY},
    {"^.*$", GV_PLAN_ANY},        {".+", GV_PLAN_NONEMPTY},      {"(.+)", GV_PLAN_NONEMPTY},
    {"(?i)abc", GV_PLAN_REGEX},   {"(?i:abc)", GV_PLAN_REGEX},   {"abc?", GV_PLAN_REGEX},
    {"abc.*?", GV_PLAN_REGEX},    {"a.c", GV_PLAN_REGEX},        {"abc.+", GV_PLAN_REGEX},
    {"(a)|(b)", GV_PLAN_REGEX},   {"(a|b)c", GV_PLAN_REGEX},     {"a|b.*", GV_PLAN_REGEX},
    {".*|abc", GV_PLAN_REGEX},    {"a{2}", GV_PLAN_REGEX},       {"[ab]", GV_PLAN_REGEX},
    {"\\d+", GV_PLAN_REGEX},      {"a$b", GV_PLAN_REGEX},        {"(a\\))", GV_PLAN_LITERAL},
    {"\\Qa.b\\E", GV_PLAN_REGEX}, {"((a|b))", GV_PLAN_REGEX},
};

static void simple_patterns_need_no_engine(void **state)
{
    (void)state;
    for (size_t i = 0; i < GV_COUNT(patterns); i++) {
        struct gv_matcher m = make(GV_MATCH_RE, "n", patterns[i].pattern);
        if (m.plan != patterns[i].plan)
            fail_msg("%s has plan %d, not %d", patterns[i].pattern, m.plan, patterns[i].plan);
        assert_true(gv_slice_is(m.value, patterns[i].pattern));
    }
}

static void every_plan_agrees_with_the_engine(void **state)
{
    (void)state;
    static const struct gv_slice texts[] = {
        {NULL, 0},
        {"a", 1},
        {"b", 1},
        {"c", 1},
        {"abc", 3},
        {"ab", 2},
        {"xabc", 4},
        {"abcx", 4},
        {"xabcx", 5},
        {"a.b", 3},
        {"axb", 3},
        {"a-b", 3},
        {"a|b", 3},
        {"\n", 1},
        {"abc\n", 4},
        {"\nabc", 4},
        {"ABC", 3},
        {"\xc3\xa9", 2},
        {"\xff", 1},
        {"abc\xff", 4},
        {"\0", 1},
        {"abc\0z", 5},
        {"\xff"
         "abc",
         4},
        {"a)", 2},
        {"aa", 2},
        {"12", 2},
    };
    for (size_t i = 0; i < GV_COUNT(patterns); i++) {
        struct gv_matcher yes = make(GV_MATCH_RE, "n", patterns[i].pattern);
        struct gv_matcher no = make(GV_MATCH_NRE, "n", patterns[i].pattern);
        struct gv_regex *re = gv_regex_new(gv_slice_of(patterns[i].pattern), false, NULL);
        for (size_t j = 0; j < GV_COUNT(texts); j++) {
            bool wanted = gv_regex_match(re, texts[j]);
            if (gv_matcher_matches(&yes, texts[j]) != wanted || gv_matcher_matches(&no, texts[j]) == wanted)
                fail_msg("%s against text %zu: the engine says %d", patterns[i].pattern, j, wanted);
        }
        gv_regex_free(re);
    }
}

static void sets_are_sorted_and_distinct(void **state)
{
    (void)state;
    struct gv_matcher m = make(GV_MATCH_RE, "n", "c|a|b|a|");
    assert_int_equal(m.n_literals, 4);
    static const char *const wanted[] = {"", "a", "b", "c"};
    for (size_t i = 0; i < 4; i++)
        assert_true(gv_slice_is(m.literals[i], wanted[i]));
}

static void bad_patterns_are_bad_data(void **state)
{
    (void)state;
    static const char *const bad[] = {"(", "*", "a**", "a|*", "a\\", ".**", "\xff", "(?", "(a\\)", "x{2,1}"};
    for (size_t i = 0; i < GV_COUNT(bad); i++) {
        struct gv_matcher m;
        struct gv_err err = {0};
        if (gv_matcher_make(&m, &arena, GV_MATCH_RE, GV_S("n"), gv_slice_of(bad[i]), &err))
            fail_msg("%s was accepted", bad[i]);
        assert_int_equal(err.code, GV_BAD_DATA);
    }
}

static void equality_takes_patterns_literally(void **state)
{
    (void)state;
    struct gv_matcher eq = make(GV_MATCH_EQ, "n", "a.*"), ne = make(GV_MATCH_NE, "n", "");
    assert_true(gv_matcher_matches(&eq, GV_S("a.*")));
    assert_false(gv_matcher_matches(&eq, GV_S("abc")));
    assert_true(gv_matcher_matches(&ne, GV_S("x")));
    assert_false(gv_matcher_matches(&ne, (struct gv_slice){NULL, 0})); /* absent is empty */
}

static void all_matchers_must_match(void **state)
{
    (void)state;
    struct gv_label labels[] = {{GV_S("__name__"), GV_S("up")}, {GV_S("job"), GV_S("web")}};
    const struct gv_labels *l = gv_labels_make(&arena, labels, 2);
    struct gv_matcher m[] = {make(GV_MATCH_EQ, "__name__", "up"), make(GV_MATCH_RE, "job", "w.*"),
                             make(GV_MATCH_EQ, "absent", "")};
    assert_true(gv_matchers_match(m, 3, l));
    assert_true(gv_matchers_match(m, 0, l));
    m[2] = make(GV_MATCH_NE, "absent", "");
    assert_false(gv_matchers_match(m, 3, l));
}

static void prints_as_promql(void **state)
{
    (void)state;
    struct gv_buf b = GV_BUF_INIT;
    struct gv_matcher m[] = {make(GV_MATCH_EQ, "a", "x\"y"), make(GV_MATCH_NE, "b.c", ""),
                             make(GV_MATCH_RE, "d", "\\d"), make(GV_MATCH_NRE, "e", "f|g")};
    for (size_t i = 0; i < GV_COUNT(m); i++) {
        gv_matcher_print(&b, &m[i]);
        gv_buf_addc(&b, ' ');
    }
    assert_string_equal(gv_buf_cstr(&b), "a=\"x\\\"y\" \"b.c\"!=\"\" d=~\"\\\\d\" e!~\"f|g\" ");
    gv_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_patterns_need_no_engine),
        cmocka_unit_test(every_plan_agrees_with_the_engine),
        cmocka_unit_test(sets_are_sorted_and_distinct),
        cmocka_unit_test(bad_patterns_are_bad_data),
        cmocka_unit_test(equality_takes_patterns_literally),
        cmocka_unit_test(all_matchers_must_match),
        cmocka_unit_test(prints_as_promql),
    };
    return cmocka_run_group_tests_name("model.matcher", tests, set_up, tear_down);
}
