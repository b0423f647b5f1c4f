/* /federate texts of several backends become one; a line that is cut or malformed is never taken. */
#include "codec/exposition.h"
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

static const struct gv_label c1[] = {{{"cluster", 7}, {"c1", 2}}}, c2[] = {{{"cluster", 7}, {"c2", 2}}};
static const struct gv_mapping first = {c1, 1}, second = {c2, 1};

static bool parse(struct gv_exposition *x, const struct gv_mapping *m, const char *text, size_t piece,
                  struct gv_err *err)
{
    gv_exposition_init(x, &arena);
    struct gv_exposition_parser *p = gv_exposition_parser_new(x, m);
    size_t n = strlen(text);
    for (size_t at = 0; at < n; at += piece) {
        size_t size = piece < n - at ? piece : n - at;
        char *copy = test_malloc(size); /* gone after the call: nothing may be borrowed from it */
        memcpy(copy, text + at, size);
        bool ok = gv_exposition_parser_feed(p, copy, size, err);
        test_free(copy);
        if (!ok)
            return false;
    }
    return gv_exposition_parser_finish(p, err);
}

static void check_union(const struct gv_exposition *const *parts, size_t n, enum gv_exposition_escaping escaping,
                        const char *expected)
{
    for (size_t want = 1; want < 10000; want *= 10) {
        struct gv_err err = {0};
        struct gv_exposition_writer *w = gv_exposition_writer_new(&arena, parts, n, escaping, &err);
        struct gv_buf out = GV_BUF_INIT;
        while (gv_exposition_writer_next(w, &out, want))
            ;
        assert_string_equal(gv_buf_cstr(&out), expected);
        gv_buf_fini(&out);
    }
}

static void check(const char *text, enum gv_exposition_escaping escaping, const char *expected)
{
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        struct gv_exposition x;
        struct gv_err err = {0};
        if (!parse(&x, &first, text, piece, &err))
            fail_msg("%s", err.msg);
        const struct gv_exposition *parts[] = {&x};
        check_union(parts, 1, escaping, expected);
    }
}

static void samples_get_the_injected_labels(void **state)
{
    (void)state;
    check(
        "# HELP up Whether.\n# TYPE up untyped\nup{job=\"a\",instance=\"h:1\",cluster=\"own\"} 1 1435781430781\n\n"
        "go_goroutines 42\n",
        GV_ESCAPE_UNDERSCORES,
        "# TYPE go_goroutines untyped\ngo_goroutines{cluster=\"c1\",instance=\"\"} 42\n"
        "# TYPE up untyped\nup{cluster=\"c1\",exported_cluster=\"own\",instance=\"h:1\",job=\"a\"} 1 1435781430781\n");
}

static void values_stay_as_they_were_written(void **state)
{
    (void)state;
    check("x{a=\"1\"} 1.50 -7\nx{a=\"2\"} NaN 0\nx{a=\"3\"} +Inf 1\nx{a=\"4\"} 1e-07 1\n", GV_ESCAPE_UNDERSCORES,
          "# TYPE x untyped\nx{a=\"1\",cluster=\"c1\",instance=\"\"} 1.50 -7\n"
          "x{a=\"2\",cluster=\"c1\",instance=\"\"} NaN 0\nx{a=\"3\",cluster=\"c1\",instance=\"\"} +Inf 1\n"
          "x{a=\"4\",cluster=\"c1\",instance=\"\"} 1e-07 1\n");
}

static void blanks_commas_and_escapes(void **state)
{
    (void)state;
    check(" \t\n  x\t{ a = \"\\\\\\\"\\n\" , b=\"é\", } \t 1   2 \n", GV_ESCAPE_UNDERSCORES,
          "# TYPE x untyped\nx{a=\"\\\\\\\"\\n\",b=\"é\",cluster=\"c1\",instance=\"\"} 1 2\n");
}

static void names_of_any_text(void **state)
{
    (void)state;
    static const char text[] = "{\"http.requests\",\"a.b\"=\"1\"} 5 6\n{\"9é\"} 1 1\n";
    check(text, GV_ESCAPE_ALLOW_UTF8,
          "# TYPE \"9é\" untyped\n{\"9é\",cluster=\"c1\",instance=\"\"} 1 1\n"
          "# TYPE \"http.requests\" untyped\n{\"http.requests\",\"a.b\"=\"1\",cluster=\"c1\",instance=\"\"} 5 6\n");
    check(text, GV_ESCAPE_UNDERSCORES,
          "# TYPE __ untyped\n__{cluster=\"c1\",instance=\"\"} 1 1\n"
          "# TYPE http_requests untyped\nhttp_requests{a_b=\"1\",cluster=\"c1\",instance=\"\"} 5 6\n");
}

static void the_union_is_sorted_and_has_no_duplicates(void **state)
{
    (void)state;
    struct gv_exposition one, two, same, own;
    struct gv_err err = {0};
    assert_true(parse(&one, &first, "b 1 10\na{x=\"2\"} 1 10\na{x=\"1\"} 1 10\nA 0 1\n", 100, &err));
    assert_true(parse(&two, &second, "a{x=\"1\"} 2 10\n", 100, &err));
    assert_true(parse(&same, &first, "a{x=\"1\"} 7 11\nb 8 9\nA 9 1\n", 100, &err));
    gv_exposition_init(&own, &arena);
    static const struct gv_label labels[] = {{{"__name__", 8}, {"a", 1}}, {{"instance", 8}, {"i", 1}}};
    assert_true(gv_exposition_add(&own, gv_labels_make(&arena, labels, 2), 2.5e6, 12, &err));
    const struct gv_exposition *parts[] = {&one, &two, &same, &own};
    check_union(parts, 4, GV_ESCAPE_UNDERSCORES,
                "# TYPE A untyped\nA{cluster=\"c1\",instance=\"\"} 0 1\n"
                "# TYPE a untyped\na{cluster=\"c1\",x=\"1\",instance=\"\"} 7 11\n"
                "a{cluster=\"c1\",x=\"2\",instance=\"\"} 1 10\na{cluster=\"c2\",x=\"1\",instance=\"\"} 2 10\n"
                "a{instance=\"i\"} 2.5e+06 12\n"
                "# TYPE b untyped\nb{cluster=\"c1\",instance=\"\"} 1 10\n");
    check_union(NULL, 0, GV_ESCAPE_UNDERSCORES, "");
}

static void malformed_lines_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } refused[] = {
        {"up 1 2\nup{a=\"1\" 1 2\n", "expected ',' or '}', got '1' at line 2, column 10"},
        {"up\n", "expected a number as value, got the end of the line at line 1, column 3"},
        {"up one\n", "expected a number as value, got 'o' at line 1, column 4"},
        {"up 1 2.5\n", "expected a time in milliseconds, got '2' at line 1, column 6"},
        {"up 1 2 3\n", "expected the end of the line, got '3' at line 1, column 8"},
        {"up 1 2\r\n", "expected a time in milliseconds, got '2' at line 1, column 6"},
        {"9up 1\n", "expected a metric name, got '9' at line 1, column 1"},
        {"{a=\"1\"} 1\n", "expected a metric name, got byte 0x20 at line 1, column 8"},
        {"up{a=1} 1\n", "expected a value in quotes, got '1' at line 1, column 6"},
        {"up{a} 1\n", "expected '=', got '}' at line 1, column 5"},
        {"up{=\"1\"} 1\n", "expected a label name, got '=' at line 1, column 4"},
        {"up{,} 1\n", "expected a label name, got ',' at line 1, column 4"},
        {"up{a:b=\"1\"} 1\n", "expected a label name, got '=' at line 1, column 7"},
        {"up{a=\"\\t\"} 1\n", "expected \\, \" or n after a backslash, got 't' at line 1, column 8"},
        {"up{a=\"1} 1\n", "expected a quote, got the end of the line at line 1, column 11"},
        {"up{a=\"\xff\"} 1\n", "invalid UTF-8 at line 1"},
        {"up{a=\"1\",a=\"2\"} 1\n", "a label comes twice at line 1"},
        {"up{\"b\"} 1\n", "a second metric name at line 1"},
        {"\n\nup{__name__=\"b\"} 1\n", "a label comes twice at line 3"},
        {"up 1 2\nup{a=\"1\"} 1 2", "the exposition is cut short in line 2"},
    };
    for (size_t i = 0; i < GV_COUNT(refused); i++)
        for (size_t piece = 1; piece < 40; piece++) {
            struct gv_exposition x;
            struct gv_err err = {0};
            assert_false(parse(&x, &first, refused[i].text, piece, &err));
            assert_int_equal(err.code, GV_BAD_DATA);
            assert_string_equal(err.msg, refused[i].says);
        }
}

static void every_cut_is_noticed_unless_between_lines(void **state)
{
    (void)state;
    static const char text[] = "# TYPE up untyped\nup{a=\"b\"} 1 2\ndown 3 4\n";
    for (size_t n = 1; n < sizeof text; n++) {
        char cut[sizeof text] = {0};
        memcpy(cut, text, n);
        struct gv_exposition x;
        struct gv_err err = {0};
        assert_int_equal(parse(&x, &first, cut, 7, &err), cut[n - 1] == '\n');
    }
}

static void lines_have_a_cap(void **state)
{
    (void)state;
    struct gv_exposition x;
    gv_exposition_init(&x, &arena);
    struct gv_exposition_parser *p = gv_exposition_parser_new(&x, &first);
    struct gv_err err = {0};
    static char text[1000];
    memset(text, 'x', sizeof text);
    bool ok = true;
    int rounds = 0;
    for (; ok && rounds < 3000; rounds++)
        ok = gv_exposition_parser_feed(p, text, sizeof text, &err);
    assert_false(ok);
    assert_int_equal(rounds, 1049);
    assert_string_equal(err.msg, "line 1 is longer than 1048576 bytes");
}

static void a_spent_budget_names_its_limit(void **state)
{
    (void)state;
    struct gv_budget budget;
    gv_budget_init(&budget, "max_query_memory", 500000, GV_EXECUTION, NULL);
    struct gv_arena a;
    gv_arena_init(&a, &budget);
    struct gv_exposition x;
    gv_exposition_init(&x, &a);
    struct gv_exposition_parser *p = gv_exposition_parser_new(&x, &first);
    struct gv_err err = {0};
    bool ok = true;
    for (int i = 0; ok && i < 100000; i++)
        ok = gv_exposition_parser_feed(p, "up{a=\"1\"} 1 2\n", 14, &err);
    assert_false(ok);
    assert_non_null(strstr(err.msg, "max_query_memory"));
    gv_arena_fini(&a);
    assert_int_equal(budget.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_get_the_injected_labels),
        cmocka_unit_test(values_stay_as_they_were_written),
        cmocka_unit_test(blanks_commas_and_escapes),
        cmocka_unit_test(names_of_any_text),
        cmocka_unit_test(the_union_is_sorted_and_has_no_duplicates),
        cmocka_unit_test(malformed_lines_are_named),
        cmocka_unit_test(every_cut_is_noticed_unless_between_lines),
        cmocka_unit_test(lines_have_a_cap),
        cmocka_unit_test(a_spent_budget_names_its_limit),
    };
    return cmocka_run_group_tests_name("codec.exposition", tests, set_up, tear_down);
}
