/* YAML trees: positions, and everything that libyaml would let pass. */
#include "app/yaml.h"
#include "base/buf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct fixture {
    struct gv_arena arena;
    struct gv_err err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    gv_arena_init(&f->arena, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    gv_arena_fini(&f->arena);
    free(f);
    return 0;
}

static const struct gv_yaml_node *parse(struct fixture *f, const char *text)
{
    f->err = (struct gv_err){0};
    return gv_yaml_parse(&f->arena, "t.yml", gv_slice_of(text), &f->err);
}

static void assert_refused(struct fixture *f, const char *text, const char *message)
{
    assert_null(parse(f, text));
    assert_int_equal(f->err.code, GV_BAD_DATA);
    assert_string_equal(f->err.msg, message);
}

static void tree_carries_positions(void **state)
{
    const struct gv_yaml_node *root = parse(*state, "# top\na: 1\nb:\n  - x: \"~\"\n    y: [p, q]\n");
    assert_non_null(root);
    assert_int_equal(root->kind, GV_YAML_MAP);
    assert_int_equal(root->n, 2);
    assert_true(gv_slice_is(root->pairs[0].key, "a"));
    assert_int_equal(root->pairs[0].value->pos.line, 2);
    assert_int_equal(root->pairs[0].value->pos.col, 4);
    const struct gv_yaml_node *x = root->pairs[1].value->items[0];
    assert_int_equal(x->pairs[0].key_pos.line, 4);
    assert_int_equal(x->pairs[0].key_pos.col, 5);
    assert_false(gv_yaml_is_null(x->pairs[0].value)); /* quoted: a text */
    assert_int_equal(x->pairs[1].value->n, 2);
    assert_true(gv_slice_is(x->pairs[1].value->items[1]->text, "q"));
    assert_string_equal(x->pos.file, "t.yml");
}

static void nothing_is_null(void **state)
{
    static const char *const texts[] = {"", "# only a remark\n", "~", "null", "---\n...\n"};
    for (size_t i = 0; i < GV_COUNT(texts); i++) {
        const struct gv_yaml_node *root = parse(*state, texts[i]);
        assert_non_null(root);
        assert_true(gv_yaml_is_null(root));
    }
}

static void columns_count_characters(void **state)
{
    const struct gv_yaml_node *root = parse(*state, "{é: ü, z: 1}");
    assert_non_null(root);
    assert_int_equal(root->pairs[1].key_pos.col, 8);
}

static void a_key_twice_is_refused(void **state)
{
    assert_refused(*state, "a: 1\nb: 2\n\"a\": 3\n", "t.yml:3:1: key \"a\" is given twice (first at 1:1)");
    assert_non_null(parse(*state, "- a: 1\n- a: 2\n"));
}

static void a_second_document_is_refused(void **state)
{
    assert_refused(*state, "a: 1\n---\nb: 2\n", "t.yml:2:1: a second document: a file holds one");
}

static void merge_keys_and_tags_are_refused(void **state)
{
    assert_refused(*state, "a: &x {p: 1}\nb:\n  <<: *x\n",
                   "t.yml:3:3: merge keys (<<) are not supported: write the keys out");
    assert_refused(*state, "a: !!binary aGVsbG8=\n", "t.yml:1:4: tag \"tag:yaml.org,2002:binary\" is not supported");
    const struct gv_yaml_node *root = parse(*state, "a: !!str ~\n\"<<\": 1\n");
    assert_non_null(root);
    assert_false(gv_yaml_is_null(root->pairs[0].value));
}

static void keys_must_be_texts(void **state)
{
    assert_refused(*state, "? [a, b]\n: 1\n", "t.yml:1:3: a key must be a plain text");
}

static void aliases_share_what_they_name(void **state)
{
    const struct gv_yaml_node *root = parse(*state, "a: &x [1, 2]\nb: *x\n");
    assert_non_null(root);
    assert_ptr_equal(root->pairs[0].value, root->pairs[1].value);
    assert_refused(*state, "a: *nobody\n", "t.yml:1:4: alias *nobody: no anchor of that name before it");
    assert_refused(*state, "a: &x [1, *x]\n", "t.yml:1:11: alias *x stands inside the value it names");
}

static void alias_bombs_are_refused(void **state)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_adds(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
        gv_buf_printf(&b, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            gv_buf_printf(&b, "%s*a%d", j ? ", " : "", i - 1);
        gv_buf_adds(&b, "]\n");
    }
    struct fixture *f = *state;
    assert_null(parse(f, gv_buf_cstr(&b)));
    assert_non_null(strstr(f->err.msg, "more than 500000 values"));
    gv_buf_fini(&b);
}

static void depth_is_bounded(void **state)
{
    struct fixture *f = *state;
    char text[2001];
    memset(text, '[', 2000);
    text[2000] = 0;
    assert_null(parse(f, text));
    assert_non_null(strstr(f->err.msg, "nested deeper than 32 levels"));
}

static void bad_bytes_are_named(void **state)
{
    assert_refused(*state, "a: 1\nb: \xff\n", "t.yml:2:4: byte 0xff is not valid UTF-8");
    assert_null(gv_yaml_parse(&((struct fixture *)*state)->arena, "t.yml", GV_S("\xff\xfe\x61\x00"), NULL));
}

static void syntax_errors_have_a_place(void **state)
{
    struct fixture *f = *state;
    assert_null(parse(f, "a: [1, 2\nb: 3\n"));
    assert_memory_equal(f->err.msg, "t.yml:2:2: ", 11);
    assert_null(parse(f, "a: 1\n\tb: 2\n"));
    assert_memory_equal(f->err.msg, "t.yml:2:1: ", 11);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(tree_carries_positions),       T(nothing_is_null),
        T(columns_count_characters),     T(a_key_twice_is_refused),
        T(a_second_document_is_refused), T(merge_keys_and_tags_are_refused),
        T(keys_must_be_texts),           T(aliases_share_what_they_name),
        T(alias_bombs_are_refused),      T(depth_is_bounded),
        T(bad_bytes_are_named),          T(syntax_errors_have_a_place),
    };
    return cmocka_run_group_tests_name("app.yaml", tests, NULL, NULL);
}
