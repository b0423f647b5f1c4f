/* The printers: Prometheus's String() and Prettify(), the JSON of /parse_query, and the way back. */
#include "promql/parse.h"
#include "promql/print.h"
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

static struct gv_expr *parse(const char *text)
{
    struct gv_err err = {0};
    struct gv_expr *e = gv_promql_parse(&arena, gv_slice_of(text), ~0u, &err);
    if (!e)
        fail_msg("%s: %s", text, err.msg);
    return e;
}

typedef void printer_fn(struct gv_buf *, const struct gv_expr *);

static const char *text_of(const struct gv_expr *e, printer_fn *printer)
{
    struct gv_buf out = GV_BUF_INIT;
    printer(&out, e);
    const char *text = gv_arena_dup(&arena, gv_buf_slice(&out)).p;
    gv_buf_fini(&out);
    return text;
}

static void comes_back(const struct gv_expr *e, printer_fn *printer)
{
    const char *text = text_of(e, printer);
    if (!gv_expr_equal(e, parse(text)))
        fail_msg("printed as another expression: %s", text);
}

static void prints_with(const char *text, const char *printed, printer_fn *printer)
{
    struct gv_expr *e = parse(text);
    assert_string_equal(text_of(e, printer), printed);
    comes_back(e, printer);
}

static void prints(const char *text, const char *printed)
{
    prints_with(text, printed, gv_promql_print);
}

static void one_line_is_prometheuss(void **state)
{
    (void)state;
    prints("sum   (rate(x{b='1',a!=\"2\"}[5m]) )by(l,\"m n\")", "sum by (l, \"m n\") (rate(x{a!=\"2\",b=\"1\"}[5m]))");
    prints("sum by () (x)", "sum(x)");
    prints("sum without () (x)", "sum without () (x)");
    prints("topk(3,x)", "topk(3, x)");
    prints("a+on()b", "a + on () b");
    prints("a*on(x)group_left b", "a * on (x) group_left () b");
    prints("a ==bool ignoring(x) b", "a == bool ignoring (x) b");
    prints("a + fill(1000000) b", "a + fill (1e+06) b");
    prints("a + fill_right(2) fill_left(-1) b", "a + fill_left (-1) fill_right (2) b");
    prints("x offset 90m @ 1.5", "x @ 1.500 offset 1h30m");
    prints("x[1d]smoothed @ end() offset -1w", "x[1d] smoothed @ end() offset -1w");
    prints("x[100h]", "x[4d4h]");
    prints("(x)[1h:]offset 5m", "(x)[1h:] offset 5m");
    prints("x[5m*2+(step()/3)]", "x[5m * 2 + (step() / 3)]");
    prints("x offset -min_of(step(),5m)", "x offset -min_of(step(), 5m)");
    prints("-1^2", "-1 ^ 2");
    prints("+5m + 0x10 + 1e21 + .25", "5m + 16 + 1000000000000000000000 + 0.25");
    prints("{\"a.b\"}", "{__name__=\"a.b\"}");
    prints("'a\\'\\n\\u00e9'", "\"a'\\n\xc3\xa9\"");
    prints("InF + -inF", "+Inf + -Inf");
}

static void text_that_would_mean_another_tree_gets_parentheses(void **state)
{
    (void)state;
    prints("x offset (5m) * 2", "x offset (5m * 2)");
    prints("x[(-2)^2+1m]", "x[(-2) ^ 2 + 1m]");
    prints("Inf ^ 2", "Inf ^ 2");
    struct gv_expr *e = parse("(a + b) * c ^ (-d) ^ 2 - (x or y)");
    struct gv_expr *product = e->binary.lhs;
    product->binary.lhs = product->binary.lhs->paren.expr; /* as a planner may */
    e->binary.rhs = e->binary.rhs->paren.expr;
    struct gv_expr *power = product->binary.rhs->binary.rhs;
    power->binary.lhs = power->binary.lhs->paren.expr;
    assert_string_equal(text_of(e, gv_promql_print), "(a + b) * c ^ (-d) ^ 2 - (x or y)");
}

static void sent_text_keeps_the_order_of_matchers(void **state)
{
    (void)state;
    prints_with("absent(n{job!=\"a\",job=\"b\",a=\"x\"})", "absent(n{job!=\"a\",job=\"b\",a=\"x\"})",
                gv_promql_print_sent);
    prints_with("sum by () (x)", "sum by () (x)", gv_promql_print_sent);
}

static void long_lines_are_broken(void **state)
{
    (void)state;
    prints_with("sum by (job) (rate(http_requests_total{code=~\"5..\"}[5m]))",
                "sum by (job) (rate(http_requests_total{code=~\"5..\"}[5m]))", gv_promql_pretty);
    prints_with("sum by (job, instance) (rate(http_requests_total{code=~\"5..\", handler=\"/api/v1/query\"}[5m]))"
                " / on (job) group_left () -(count(http_requests_total{code=~\"5..\",handler=\"/api/v1/query_range\"}"
                " offset 1h) + clamp(http_requests_total{code=~\"4..\", handler=\"/api/v1/labels/and/values\"}, 1, 9))",
                "  sum by (job, instance) (rate(http_requests_total{code=~\"5..\",handler=\"/api/v1/query\"}[5m]))\n"
                "/ on (job) group_left ()\n"
                "  -(\n"
                "      count(http_requests_total{code=~\"5..\",handler=\"/api/v1/query_range\"} offset 1h)\n"
                "    +\n"
                "      clamp(http_requests_total{code=~\"4..\",handler=\"/api/v1/labels/and/values\"}, 1, 9)\n"
                "  )",
                gv_promql_pretty);
}

static void json_is_that_of_parse_query(void **state)
{
    (void)state;
    assert_string_equal(text_of(parse("1"), gv_promql_json), "{\"type\":\"numberLiteral\",\"val\":\"1\"}");
    assert_string_equal(text_of(parse("-a"), gv_promql_json),
                        "{\"expr\":{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\",\"type\":\"=\",\"value\":"
                        "\"a\"}],\"name\":\"a\",\"offset\":0,\"offsetExpr\":null,\"smoothed\":false,\"startOrEnd\":"
                        "null,\"timestamp\":null,\"type\":\"vectorSelector\"},\"op\":\"-\",\"type\":\"unaryExpr\"}");
    assert_string_equal(
        text_of(parse("rate({a!~\"|b\"}[5m*2] @ start() offset 1m)"), gv_promql_json),
        "{\"args\":[{\"anchored\":false,\"matchers\":[{\"name\":\"a\",\"type\":\"!~\",\"value\":\"|b\"}],\"name\":\"\","
        "\"offset\":60000,\"offsetExpr\":null,\"range\":0,\"rangeExpr\":{\"lhs\":{\"duration\":true,\"type\":"
        "\"numberLiteral\",\"val\":\"300\"},\"op\":\"*\",\"rhs\":{\"duration\":false,\"type\":\"numberLiteral\","
        "\"val\":\"2\"},\"type\":\"durationExpr\",\"wrapped\":false},\"smoothed\":false,\"startOrEnd\":\"start\","
        "\"timestamp\":null,\"type\":\"matrixSelector\"}],\"func\":{\"argTypes\":[\"matrix\"],\"name\":\"rate\","
        "\"returnType\":\"vector\",\"variadic\":0},\"type\":\"call\"}");
    assert_string_equal(text_of(parse("1 + 2m"), gv_promql_json),
                        "{\"bool\":false,\"lhs\":{\"type\":\"numberLiteral\",\"val\":\"1\"},\"matching\":null,\"op\":"
                        "\"+\",\"rhs\":{\"type\":\"numberLiteral\",\"val\":\"120\"},\"type\":\"binaryExpr\"}");
}

static void equality_sees_differences(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a",
        "b",
        "a{x=\"1\"}",
        "a{x=\"2\"}",
        "a{x!=\"1\"}",
        "a offset 1m",
        "a @ 1",
        "a @ start()",
        "a @ end()",
        "a[1m]",
        "a[2m]",
        "a[1m] anchored",
        "a[1m * 2]",
        "a[2 * 1m]",
        "a[1m:]",
        "a[1m:1m]",
        "a[1m:] offset 1",
        "sum(a)",
        "sum by (x) (a)",
        "sum without (x) (a)",
        "avg(a)",
        "topk(1, a)",
        "topk(2, a)",
        "a + b",
        "b + a",
        "a - b",
        "a + on () b",
        "a + on (x) b",
        "a == b",
        "a == bool b",
        "a + on (x) group_left () b",
        "a + on (x) group_left (y) b",
        "a + fill (1) b",
        "a + fill_left (1) b",
        "abs(a)",
        "ceil(a)",
        "round(a)",
        "round(a, 1)",
        "(a)",
        "-a",
        "+a",
        "1",
        "60",
        "1m",
        "\"a\"",
        "\"b\"",
    };
    for (size_t i = 0; i < GV_COUNT(texts); i++) {
        for (size_t k = 0; k < GV_COUNT(texts); k++) {
            if (gv_expr_equal(parse(texts[i]), parse(texts[k])) != (i == k))
                fail_msg("%s, %s", texts[i], texts[k]);
        }
    }
    assert_true(gv_expr_equal(parse("a{x=\"1\",y=\"2\"}"), parse("a{y=\"2\",x=\"1\"}")));
    assert_false(gv_expr_equal(parse("a{x=\"1\",y=\"2\",y=\"2\"}"), parse("a{x=\"1\",x=\"1\",y=\"2\"}")));
}

/* 100 KB that a quadratic printer would take minutes for; the test only ends if it is none. */
static void deep_and_long_expressions_are_broken_in_one_pass(void **state)
{
    (void)state;
    struct gv_buf text = GV_BUF_INIT;
    for (int i = 0; i < 200; i++)
        gv_buf_printf(&text, "abs(metric_%0500d + ", i);
    gv_buf_adds(&text, "1");
    for (int i = 0; i < 200; i++)
        gv_buf_adds(&text, ")");
    comes_back(parse(gv_buf_cstr(&text)), gv_promql_pretty);
    gv_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_line_is_prometheuss, start, end),
        cmocka_unit_test_setup_teardown(text_that_would_mean_another_tree_gets_parentheses, start, end),
        cmocka_unit_test_setup_teardown(sent_text_keeps_the_order_of_matchers, start, end),
        cmocka_unit_test_setup_teardown(long_lines_are_broken, start, end),
        cmocka_unit_test_setup_teardown(json_is_that_of_parse_query, start, end),
        cmocka_unit_test_setup_teardown(equality_sees_differences, start, end),
        cmocka_unit_test_setup_teardown(deep_and_long_expressions_are_broken_in_one_pass, start, end),
    };
    return cmocka_run_group_tests_name("promql.printer", tests, NULL, NULL);
}
