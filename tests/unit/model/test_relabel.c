/* Relabelling: every action as Prometheus documents it, read through the option rows as the configuration is. */
#include "model/relabel.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { MOST_RULES = 8 };
static struct gv_arena arena;
static struct gv_relabel_rule rules[MOST_RULES];
static size_t n_rules;

static int set_up(void **state)
{
    (void)state;
    gv_arena_init(&arena, NULL);
    n_rules = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gv_arena_fini(&arena);
    return 0;
}

/* "key=value" texts up to a NULL: a rule with these keys, not compiled. */
static struct gv_relabel_rule *configure(const char *first, va_list args)
{
    struct gv_relabel_rule *r = &rules[n_rules++];
    gv_options_init(&gv_relabel_table, &arena, r);
    for (const char *text = first; text; text = va_arg(args, const char *)) {
        const char *equals = strchr(text, '=');
        struct gv_slice key = {text, (size_t)(equals - text)};
        struct gv_err err = {0};
        if (!gv_option_set(gv_options_find(&gv_relabel_table, key), &arena, r, gv_slice_of(equals + 1), &err))
            fail_msg("%s: %s", text, err.msg);
    }
    return r;
}

static void rule(const char *first, ...)
{
    va_list args;
    va_start(args, first);
    struct gv_err err = {0};
    if (!gv_relabel_compile(configure(first, args), &arena, &err))
        fail_msg("%s", err.msg);
    va_end(args);
}

static void check_refused(const char *why, const char *first, ...)
{
    va_list args;
    va_start(args, first);
    struct gv_err err = {0};
    n_rules = 0;
    assert_false(gv_relabel_compile(configure(first, args), &arena, &err));
    assert_int_equal(err.code, GV_BAD_DATA);
    assert_string_equal(err.msg, why);
    va_end(args);
}

/* Relabels {a="foo", b="bar", c="baz"}; wanted NULL: dropped. The rules are then gone. */
static void check_labels(const char *wanted)
{
    static const struct gv_label before[] = {{{"a", 1}, {"foo", 3}}, {{"b", 1}, {"bar", 3}}, {{"c", 1}, {"baz", 3}}};
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, &arena, gv_labels_make(&arena, before, 3));
    bool kept = gv_relabel(rules, n_rules, &b, &arena);
    n_rules = 0;
    assert_int_equal(kept, wanted != NULL);
    if (!kept)
        return;
    struct gv_buf text = GV_BUF_INIT;
    gv_labels_print(&text, gv_labels_build(&b, &arena));
    assert_string_equal(gv_buf_cstr(&text), wanted);
    gv_buf_fini(&text);
}

#define SAME "{a=\"foo\", b=\"bar\", c=\"baz\"}"

static void replaces(void **state)
{
    (void)state;
    rule("source_labels=a", "regex=f(.*)", "target_label=d", "replacement=ch${1}-ch${1}", NULL);
    check_labels("{a=\"foo\", b=\"bar\", c=\"baz\", d=\"choo-choo\"}");
    rule("source_labels=a", "source_labels=b", "target_label=d", NULL);
    check_labels("{a=\"foo\", b=\"bar\", c=\"baz\", d=\"foo;bar\"}");
    rule("source_labels=a", "source_labels=b", "source_labels=nope", "separator=", "target_label=a", NULL);
    check_labels("{a=\"foobar\", b=\"bar\", c=\"baz\"}");
    rule("source_labels=a", "regex=x(.*)", "target_label=d", "replacement=never", NULL);
    check_labels(SAME);
    rule("source_labels=a", "regex=foo", "target_label=b", "replacement=", NULL);
    check_labels("{a=\"foo\", c=\"baz\"}");
    rule("source_labels=nope", "target_label=b", NULL);
    check_labels("{a=\"foo\", c=\"baz\"}");
    rule("target_label=d", "replacement=fixed", NULL);
    check_labels("{a=\"foo\", b=\"bar\", c=\"baz\", d=\"fixed\"}");
    rule("source_labels=a", "regex=(?P<first>.)(.*)", "target_label=${first}_x", "replacement=$2", NULL);
    check_labels("{a=\"foo\", b=\"bar\", c=\"baz\", f_x=\"oo\"}");
    rule("source_labels=a", "regex=(x)?foo", "target_label=$1", "replacement=v", NULL);
    check_labels(SAME); /* an empty target is no label */
}

static void rules_build_on_each_other(void **state)
{
    (void)state;
    rule("source_labels=a", "target_label=d", "replacement=1$1", NULL);
    rule("source_labels=d", "target_label=e", "replacement=2$1", NULL);
    rule("regex=d", "action=labeldrop", NULL);
    check_labels("{a=\"foo\", b=\"bar\", c=\"baz\", e=\"21foo\"}");
}

static void keeps_and_drops(void **state)
{
    (void)state;
    rule("source_labels=a", "regex=.*o.*", "action=drop", NULL);
    check_labels(NULL);
    rule("source_labels=a", "regex=no", "action=drop", NULL);
    check_labels(SAME);
    rule("source_labels=a", "source_labels=b", "regex=foo;ba.", "action=keep", NULL);
    check_labels(SAME);
    rule("source_labels=a", "regex=fo", "action=keep", NULL);
    check_labels(NULL);
    rule("source_labels=nope", "regex=", "action=keep", NULL);
    check_labels(SAME);
    rule("source_labels=a", "target_label=a", "action=keepequal", NULL);
    check_labels(SAME);
    rule("source_labels=a", "target_label=b", "action=keepequal", NULL);
    check_labels(NULL);
    rule("source_labels=a", "target_label=b", "action=dropequal", NULL);
    check_labels(SAME);
    rule("source_labels=a", "target_label=a", "action=dropequal", NULL);
    check_labels(NULL);
}

/* Numbers from md5: the last 8 bytes, big-endian, modulo 1000. */
static void hashes(void **state)
{
    (void)state;
    rule("source_labels=b", "target_label=d", "modulus=1000", "action=hashmod", NULL);
    check_labels("{a=\"foo\", b=\"bar\", c=\"baz\", d=\"922\"}");
    rule("source_labels=a", "source_labels=b", "target_label=d", "modulus=1000", "action=hashmod", NULL);
    check_labels("{a=\"foo\", b=\"bar\", c=\"baz\", d=\"750\"}");
    rule("target_label=d", "modulus=1000", "action=hashmod", NULL);
    check_labels("{a=\"foo\", b=\"bar\", c=\"baz\", d=\"958\"}");
}

static void works_on_names(void **state)
{
    (void)state;
    rule("regex=(a|b)", "replacement=x_$1", "action=labelmap", NULL);
    check_labels("{a=\"foo\", b=\"bar\", c=\"baz\", x_a=\"foo\", x_b=\"bar\"}");
    rule("regex=(.)", "replacement=c", "action=labelmap", NULL); /* the last one wins; all read the labels of before */
    check_labels("{a=\"foo\", b=\"bar\", c=\"baz\"}");
    rule("regex=a|c", "action=labeldrop", NULL);
    check_labels("{b=\"bar\"}");
    rule("regex=a|c", "action=labelkeep", NULL);
    check_labels("{a=\"foo\", c=\"baz\"}");
    rule("regex=.*", "action=labeldrop", NULL);
    check_labels("{}");
}

static void changes_case(void **state)
{
    (void)state;
    rule("target_label=a", "replacement=AbC \xc3\x89\xce\xa9", NULL);
    rule("source_labels=a", "target_label=b", "action=lowercase", NULL);
    rule("source_labels=a", "target_label=c", "action=uppercase", NULL);
    check_labels("{a=\"AbC \xc3\x89\xce\xa9\", b=\"abc \xc3\xa9\xcf\x89\", c=\"ABC \xc3\x89\xce\xa9\"}");
}

static void refuses_what_prometheus_refuses(void **state)
{
    (void)state;
    check_refused("relabel configuration for replace action requires 'target_label' value", "source_labels=a", NULL);
    check_refused("relabel configuration for hashmod requires non-zero modulus", "target_label=d", "action=hashmod",
                  NULL);
    check_refused("\"\\xff\" is invalid 'target_label' for replace action", "target_label=\xff", NULL);
    check_refused("\"\" is invalid 'replacement' for labelmap action", "replacement=", "action=labelmap", NULL);
    check_refused("'replacement' can not be set for lowercase action", "target_label=d", "replacement=x",
                  "action=lowercase", NULL);
    check_refused("keepequal action requires only 'source_labels' and `target_label`, and no other fields",
                  "target_label=d", "regex=x", "action=keepequal", NULL);
    check_refused("labeldrop action requires only 'regex', and no other fields", "source_labels=a", "action=labeldrop",
                  NULL);
    check_refused("error parsing regexp: missing ): (", "target_label=d", "regex=(", NULL);
}

static void empty_sets_pass(void **state)
{
    (void)state;
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, &arena, NULL);
    rule("source_labels=a", "target_label=b", "action=uppercase", NULL);
    rule("regex=(.*)", "replacement=$1", "action=labelmap", NULL);
    assert_true(gv_relabel(rules, n_rules, &b, &arena)); /* a set without labels */
    assert_int_equal(gv_labels_build(&b, &arena)->count, 0);
    assert_true(gv_relabel(NULL, 0, &b, &arena));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replaces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rules_build_on_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_and_drops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hashes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(works_on_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(changes_case, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_prometheus_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(empty_sets_pass, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("model.relabel", tests, NULL, NULL);
}
