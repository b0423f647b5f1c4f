/* The command line: spellings, defaults, lists, what beats the file, and errors. */
#include "app/flags.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct gv_arena arena;
static struct gv_flags flags;
static struct gv_err err;
static const char *args[16];
static size_t n_args;

static int tear_down(void **state)
{
    (void)state;
    gv_arena_fini(&arena);
    return 0;
}

static bool parse_all(int argc, char *const *argv)
{
    gv_arena_fini(&arena);
    gv_arena_init(&arena, NULL);
    err = (struct gv_err){0};
    return gv_flags_parse(&flags, &arena, argc, argv, args, &n_args, &err);
}

#define ARGS(...)                                                                                                      \
    (int)(sizeof((const char *[]){"", ##__VA_ARGS__}) / sizeof(char *)) - 1,                                           \
        (char *const *)(uintptr_t)((const char *[]){"", ##__VA_ARGS__} + 1)
#define parse(...) parse_all(ARGS(__VA_ARGS__))

static void check_refused(bool parsed, const char *message)
{
    assert_false(parsed);
    assert_string_equal(err.msg, message);
}

static void defaults(void **state)
{
    (void)state;
    assert_true(parse());
    assert_string_equal(flags.config_file.p, "globalview.yml");
    assert_int_equal(flags.listen.n, 1);
    assert_string_equal(flags.listen.items[0].p, "0.0.0.0:9490");
    assert_int_equal(flags.log_slower_than, 10000);
    assert_false(flags.enable_lifecycle);
    assert_int_equal(flags.n_overrides, 0);
    assert_int_equal(n_args, 0);
}

static void every_spelling(void **state)
{
    (void)state;
    assert_true(parse("--config.file=a.yml", "--log.level", "debug", "--web.enable-lifecycle", "x", "--loops=3"));
    assert_string_equal(flags.config_file.p, "a.yml");
    assert_int_equal(flags.log_level, 0);
    assert_true(flags.enable_lifecycle);
    assert_int_equal(flags.loops, 3);
    assert_int_equal(n_args, 1);
    assert_string_equal(args[0], "x");
    assert_true(parse("--web.enable-lifecycle", "--no-web.enable-lifecycle"));
    assert_false(flags.enable_lifecycle);
    assert_true(parse("--web.enable-lifecycle=true", "-h"));
    assert_true(flags.enable_lifecycle && flags.help);
    assert_true(parse("--config.file=", "--", "--version"));
    assert_int_equal(flags.config_file.n, 0);
    assert_string_equal(args[0], "--version");
    assert_false(flags.version);
}

static void lists_take_the_place_of_the_default(void **state)
{
    (void)state;
    assert_true(parse("--web.listen-address=:1", "--web.listen-address", "[::1]:2",
                      "--enable-feature=promql-duration-expr,type-and-unit-labels",
                      "--enable-feature=use-start-timestamps"));
    assert_int_equal(flags.listen.n, 2);
    assert_string_equal(flags.listen.items[0].p, ":1");
    assert_string_equal(flags.listen.items[1].p, "[::1]:2");
    assert_int_equal(flags.features.n, 3);
    assert_string_equal(flags.features.items[1].p, "type-and-unit-labels");
}

static void flags_of_the_file_are_kept_as_overrides(void **state)
{
    (void)state;
    assert_true(parse("--query.timeout=7s", "--query.max-samples", "5"));
    assert_int_equal(flags.n_overrides, 2);
    assert_string_equal(flags.overrides[0].row->key, "query_timeout");
    assert_string_equal(flags.overrides[0].text.p, "7s");
    assert_string_equal(flags.overrides[1].row->key, "max_samples");
}

static void errors_name_the_flag(void **state)
{
    (void)state;
    check_refused(parse("--log.levle=info"), "--log.levle: unknown flag (did you mean --log.level?)");
    check_refused(parse("--qurey.timeout=1s"), "--qurey.timeout: unknown flag (did you mean --query.timeout?)");
    check_refused(parse("--zzzz"), "--zzzz: unknown flag");
    check_refused(parse("--a\nb"), "--a\\nb: unknown flag");
    check_refused(parse("--no-loops"), "--no-loops: unknown flag (did you mean --loops?)");
    check_refused(parse("-config.file=x"),
                  "-config.file=x: flags begin with two dashes (did you mean --config.file=x?)");
    check_refused(parse("--loops"), "--loops: needs a value");
    check_refused(parse("--loops=-1"), "--loops: -1 is below the least allowed, 0");
    check_refused(parse("--web.enable-lifecycle=maybe"), "--web.enable-lifecycle: \"maybe\" is neither true nor false");
    check_refused(parse("--web.config.file=x"),
                  "--web.config.file: this build has no TLS and no authentication of its own server yet");
}

static void names_are_unique(void **state)
{
    (void)state;
    const struct gv_option *a, *b;
    for (size_t i = 0; (a = gv_flags_at(i)); i++)
        for (size_t k = 0; k < i && (b = gv_flags_at(k)); k++)
            assert_string_not_equal(a->flag, b->flag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_spelling),
        cmocka_unit_test(lists_take_the_place_of_the_default),
        cmocka_unit_test(flags_of_the_file_are_kept_as_overrides),
        cmocka_unit_test(errors_name_the_flag),
        cmocka_unit_test(names_are_unique),
    };
    return cmocka_run_group_tests_name("app.flags", tests, NULL, tear_down);
}
