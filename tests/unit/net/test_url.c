/* Query strings, segments and escaping, against what Go's net/url does. */
#include "net/url.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* The parameters as "key=value|key=value|". */
static void assert_query(const char *raw, const char *parsed)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_url_params params = {0};
    struct gv_err err = {0};
    struct gv_buf text = GV_BUF_INIT;
    if (gv_url_parse_query(&a, gv_slice_of(raw), &params, &err))
        for (size_t i = 0; i < params.n; i++)
            gv_buf_printf(&text, "%.*s=%.*s|", GV_ARG(params.items[i].key), GV_ARG(params.items[i].value));
    else
        gv_buf_printf(&text, "%d: %s", gv_err_status(err.code), err.msg);
    assert_string_equal(gv_buf_cstr(&text), parsed);
    gv_buf_fini(&text);
    gv_arena_fini(&a);
}

static void queries_are_read_as_go_does(void **state)
{
    (void)state;
    assert_query("", "");
    assert_query("a=b", "a=b|");
    assert_query("a=b&a=c&b=", "a=b|a=c|b=|");
    assert_query("a", "a=|");
    assert_query("=b", "=b|");
    assert_query("&&a=1&&", "a=1|");
    assert_query("a=b=c", "a=b=c|");
    assert_query("q=a+b%2Bc%20d", "q=a b+c d|");
    assert_query("match[]=up%7Bjob%3D%22x%22%7D&match%5B%5D=%E4%BD%A0", "match[]=up{job=\"x\"}|match[]=你|");
    assert_query("a=%26%3D%3B", "a=&=;|");
}

static void bad_queries_are_refused(void **state)
{
    (void)state;
    assert_query("a=%zz", "400: invalid URL escape \"%zz\"");
    assert_query("a=1&%4", "400: invalid URL escape \"%4\"");
    assert_query("a=1%", "400: invalid URL escape \"%\"");
    assert_query("a=%\n12345", "400: invalid URL escape \"%\\n1\"");
    assert_query("a=1;b=2", "400: invalid semicolon separator in query");
}

static void too_many_parameters_are_refused(void **state)
{
    (void)state;
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_buf raw = GV_BUF_INIT;
    struct gv_url_params params = {0};
    struct gv_err err = {0};
    for (int i = 0; i < GV_URL_MAX_PARAMS; i++)
        gv_buf_adds(&raw, "a&");
    assert_true(gv_url_parse_query(&a, gv_buf_slice(&raw), &params, &err));
    assert_int_equal(params.n, GV_URL_MAX_PARAMS);
    assert_false(gv_url_parse_query(&a, GV_S("a"), &params, &err));
    assert_int_equal(err.code, GV_BAD_DATA);
    gv_buf_fini(&raw);
    gv_arena_fini(&a);
}

static void absent_and_empty_differ(void **state)
{
    (void)state;
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_url_params params = {0};
    struct gv_err err = {0};
    assert_true(gv_url_parse_query(&a, GV_S("x=1"), &params, &err));
    assert_true(gv_url_parse_query(&a, GV_S("empty&x=2"), &params, &err));
    assert_non_null(gv_url_params_get(&params, "empty").p);
    assert_int_equal(gv_url_params_get(&params, "empty").n, 0);
    assert_null(gv_url_params_get(&params, "absent").p);
    assert_true(gv_slice_is(gv_url_params_get(&params, "x"), "1")); /* the first text wins */
    gv_arena_fini(&a);
}

static void a_nul_is_an_ordinary_byte(void **state)
{
    (void)state;
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_slice out;
    struct gv_err err = {0};
    assert_true(gv_url_decode_segment(&a, GV_S("a%00b"), &out, &err));
    assert_true(gv_slice_eq(out, GV_S("a\0b")));
    struct gv_buf escaped = GV_BUF_INIT;
    gv_url_add_query_escaped(&escaped, out);
    assert_string_equal(gv_buf_cstr(&escaped), "a%00b");
    gv_buf_fini(&escaped);
    gv_arena_fini(&a);
}

static void segments_keep_their_plus(void **state)
{
    (void)state;
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_slice out;
    struct gv_err err = {0};
    assert_true(gv_url_decode_segment(&a, GV_S("a+b%2Fc%2f"), &out, &err));
    assert_true(gv_slice_is(out, "a+b/c/"));
    assert_true(gv_url_decode_segment(&a, GV_S(""), &out, &err));
    assert_int_equal(out.n, 0);
    assert_false(gv_url_decode_segment(&a, GV_S("a%2"), &out, &err));
    gv_arena_fini(&a);
}

static void escaping_is_that_of_go(void **state)
{
    (void)state;
    struct gv_buf b = GV_BUF_INIT;
    gv_url_add_query_escaped(&b, GV_S("aZ9-_.~ +&=/;{}\"你"));
    assert_string_equal(gv_buf_cstr(&b), "aZ9-_.~+%2B%26%3D%2F%3B%7B%7D%22%E4%BD%A0");
    gv_buf_clear(&b);
    gv_url_add_segment_escaped(&b, GV_S("a b/c?d$&+=:@;,"));
    assert_string_equal(gv_buf_cstr(&b), "a%20b%2Fc%3Fd$&+=:@%3B%2C");
    gv_buf_clear(&b);
    gv_url_add_param(&b, "match[]", GV_S("up"));
    gv_url_add_param(&b, "time", GV_S("1.5"));
    assert_string_equal(gv_buf_cstr(&b), "match%5B%5D=up&time=1.5");
    gv_buf_fini(&b);
}

static void all_bytes_survive_a_round_trip(void **state)
{
    (void)state;
    char all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_buf b = GV_BUF_INIT;
    gv_url_add_param(&b, "k", (struct gv_slice){all, 256});
    struct gv_url_params params = {0};
    struct gv_err err = {0};
    assert_true(gv_url_parse_query(&a, gv_buf_slice(&b), &params, &err));
    assert_int_equal(params.n, 1);
    assert_true(gv_slice_eq(params.items[0].value, (struct gv_slice){all, 256}));
    gv_buf_fini(&b);
    gv_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_read_as_go_does),     cmocka_unit_test(bad_queries_are_refused),
        cmocka_unit_test(too_many_parameters_are_refused), cmocka_unit_test(absent_and_empty_differ),
        cmocka_unit_test(a_nul_is_an_ordinary_byte),       cmocka_unit_test(segments_keep_their_plus),
        cmocka_unit_test(escaping_is_that_of_go),          cmocka_unit_test(all_bytes_survive_a_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
