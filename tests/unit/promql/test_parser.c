/* The parser: the shape of trees, and errors in Prometheus's words at Prometheus's positions. */
#include "promql/functions.h"
#include "promql/parse.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct gv_arena arena;
static struct gv_err err;

static int start(void **state)
{
    (void)state;
    gv_arena_init(&arena, NULL);
    err = (struct gv_err){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    gv_arena_fini(&arena);
    return 0;
}

static struct gv_expr *parse_with(const char *text, unsigned features)
{
    err = (struct gv_err){0};
    struct gv_expr *e = gv_promql_parse(&arena, gv_slice_of(text), features, &err);
    assert_int_equal(e == NULL, err.code != GV_OK);
    return e;
}

static struct gv_expr *parse(const char *text)
{
    struct gv_expr *e = parse_with(text, ~0u);
    if (!e)
        fail_msg("%s: %s", text, err.msg);
    return e;
}

static void refuses(const char *text, const char *message)
{
    if (parse_with(text, ~0u))
        fail_msg("%s was taken", text);
    assert_string_equal(err.msg, message);
    assert_int_equal(err.code, GV_BAD_DATA);
}

static void operators_bind_as_in_prometheus(void **state)
{
    (void)state;
    struct gv_expr *e = parse("a + b * c ^ d ^ e or f and g");
    assert_int_equal(e->binary.op, GV_OP_OR);
    assert_int_equal(e->binary.rhs->binary.op, GV_OP_AND);
    struct gv_expr *sum = e->binary.lhs;
    assert_int_equal(sum->binary.op, GV_OP_ADD);
    struct gv_expr *power = sum->binary.rhs->binary.rhs;
    assert_int_equal(power->binary.op, GV_OP_POW);
    assert_int_equal(power->binary.rhs->binary.op, GV_OP_POW); /* from the right */
    e = parse("-1 ^ 2");
    assert_int_equal(e->kind, GV_EXPR_UNARY);
    assert_int_equal(e->unary.expr->binary.op, GV_OP_POW);
    e = parse("foo offset -2 ^ 2");
    assert_int_equal(e->binary.op, GV_OP_POW);
    assert_int_equal(e->binary.lhs->selector.shift.offset_ms, -2000);
}

static void literals_have_their_values(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } rows[] = {{"010", 8},    {"08", 8},     {"0x1F", 31},   {"1_000", 1000}, {".5", 0.5},
                {"5.", 5},     {"1e3", 1000}, {"5m", 300},    {"1h30m", 5400}, {"1ms", 0.001},
                {"-5m", -300}, {"+3", 3},     {"0X_ff", 255}, {"1.5e-1", 0.15}};
    for (size_t i = 0; i < GV_COUNT(rows); i++)
        assert_true(parse(rows[i].text)->number.value == rows[i].value);
    assert_true(parse("iNf")->number.value > 1e308);
    assert_true(parse("NaN")->number.value != parse("nan")->number.value);
    struct gv_slice s = parse("\"a\\n\\x41\\u00e9\\101\"")->string.value;
    assert_true(gv_slice_is(s, "a\nA\xc3\xa9"
                               "A"));
    assert_true(gv_slice_is(parse("`a\\n`")->string.value, "a\\n"));
}

static void selectors_keep_their_matchers_in_order(void **state)
{
    (void)state;
    struct gv_selector *s = &parse("foo{b=\"1\", a=~\"2|3\",}")->selector;
    assert_int_equal(s->n_matchers, 3);
    assert_true(gv_slice_is(s->matchers[0].name, "b"));
    assert_int_equal(s->matchers[1].type, GV_MATCH_RE);
    assert_true(gv_slice_is(s->matchers[2].value, "foo"));
    s = &parse("{\"my.metric\", \"l l\"=\"x\"}")->selector;
    assert_int_equal(s->name.n, 0);
    assert_true(gv_slice_is(s->matchers[0].name, "__name__"));
    assert_true(gv_slice_is(s->matchers[1].name, "l l"));
    assert_true(
        gv_slice_is(parse("sum")->selector.name, "sum")); /* words of the language are names where they can be */
    assert_true(gv_slice_is(parse("offset offset 5m")->selector.name, "offset"));
}

static void time_modifiers_land_on_their_node(void **state)
{
    (void)state;
    struct gv_expr *e = parse("rate(foo[5m] offset 1m @ start())");
    struct gv_expr *matrix = e->call.args[0];
    assert_int_equal(matrix->matrix.range_ms, 300000);
    assert_int_equal(matrix->matrix.selector->selector.shift.offset_ms, 60000);
    assert_int_equal(matrix->matrix.selector->selector.shift.at, GV_AT_START);
    e = parse("(foo)[10m:] @ 1.5 offset -(1m + step())");
    assert_int_equal(e->subquery.range_ms, 600000);
    assert_int_equal(e->subquery.step_ms, 0);
    assert_int_equal(e->subquery.shift.at_ms, 1500);
    struct gv_expr *offset = e->subquery.shift.offset_expr;
    assert_int_equal(offset->duration.op, GV_OP_SUB);
    assert_null(offset->duration.lhs);
    assert_int_equal(offset->duration.rhs->duration.rhs->duration.op, GV_OP_STEP);
    assert_int_equal(parse("foo[5m] anchored")->matrix.selector->selector.extended, GV_RANGE_ANCHORED);
}

static void types_are_set(void **state)
{
    (void)state;
    assert_int_equal(parse("1 + 1")->type, GV_TYPE_SCALAR);
    assert_int_equal(parse("1 + foo")->type, GV_TYPE_VECTOR);
    assert_int_equal(parse("foo[1m]")->type, GV_TYPE_MATRIX);
    assert_int_equal(parse("(\"x\")")->type, GV_TYPE_STRING);
    assert_int_equal(parse("-scalar(foo)")->type, GV_TYPE_SCALAR);
}

static void matching_is_kept(void **state)
{
    (void)state;
    struct gv_matching *m = &parse("a * on (x, \"y z\") group_left (i) fill_right (3) b")->binary.matching;
    assert_int_equal(m->card, GV_MANY_TO_ONE);
    assert_true(m->on);
    assert_true(gv_slice_is(m->labels[1], "y z"));
    assert_true(gv_slice_is(m->include[0], "i"));
    assert_true(m->has_fill_right && !m->has_fill_left);
    assert_true(m->fill_right == 3);
    assert_int_equal(parse("a and b")->binary.matching.card, GV_MANY_TO_MANY);
    assert_true(parse("a == bool b")->binary.returns_bool);
}

static void errors_are_prometheuss(void **state)
{
    (void)state;
    refuses("", "unknown position: parse error: no expression found in input");
    refuses("foo bar", "1:5: parse error: unexpected identifier \"bar\"");
    refuses("sum(foo bar)", "1:9: parse error: unexpected identifier \"bar\" in aggregation");
    refuses("foo\n+\n)", "3:2: parse error: unexpected right parenthesis ')'");
    refuses("((1)", "1:5: parse error: unclosed left parenthesis");
    refuses("5x", "1:1: parse error: bad number or duration syntax: \"5\"");
    refuses("foo{a=\"b\" c=\"d\"}",
            "1:11: parse error: unexpected identifier \"c\" in label matching, expected \",\" or \"}\"");
    refuses("sum()", "1:1: parse error: no arguments for aggregate expression provided");
    refuses("nope(foo)", "1:1: parse error: unknown function with name \"nope\"");
    refuses("rate(foo)",
            "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector");
    refuses("clamp(foo)", "1:1: parse error: expected 3 argument(s) in call to \"clamp\", got 1");
    refuses("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier");
    refuses("1 and foo", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression");
    refuses("{a=\"\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher");
    refuses("\"x\" + 1", "1:1: parse error: binary expression must contain only scalar and instant vector types");
    refuses("a + on(x) group_left(x) b", "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once");
    refuses("a + group_left() b", "1:5: parse error: unexpected <group_left>");
    refuses("a and on(x) group_right() b", "1:1: parse error: no grouping allowed for \"and\" operation");
    refuses("a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators");
    refuses("1 + on(x) a", "1:1: parse error: vector matching only allowed between instant vectors");
    refuses("sum by (a b) (x)",
            "1:11: parse error: unexpected identifier \"b\" in grouping opts, expected \",\" or \")\"");
    refuses("sum by a (x)", "1:8: parse error: unexpected identifier \"a\" in grouping opts, expected \"(\"");
    refuses("topk(x)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1");
    refuses("topk(x, y)", "1:6: parse error: expected type scalar in aggregation parameter, got instant vector");
    refuses("abs(a,)", "1:6: parse error: trailing commas not allowed in function call args");
    refuses("foo{a=b}", "1:7: parse error: unexpected identifier \"b\" in label matching, expected string");
    refuses("foo{a}", "1:6: parse error: unexpected \"}\" in label matching, expected label matching operator");
    refuses("foo{__name__=\"x\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"x\"");
    refuses("(a)[5m]", "1:4: parse error: ranges only allowed for vector selectors");
    refuses("a offset 5m [5m]", "1:13: parse error: no offset modifiers allowed before range");
    refuses("a offset 1m offset 2m", "1:1: parse error: offset may not be set multiple times");
    refuses("a @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times");
    refuses("a @ inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf");
    refuses("a @ x", "1:5: parse error: unexpected identifier \"x\" in @, expected timestamp");
    refuses("1 offset 5m",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector "
            "selector or a subquery");
    refuses("a[5m:1m", "1:8: parse error: unclosed left bracket");
    refuses("a[5m][5m:]", "1:1: parse error: subquery is only allowed on instant vector, got matrix instead");
    refuses("-\"x\"", "1:1: parse error: unary expression only allowed on expressions of type scalar or instant "
                      "vector, got \"string\"");
    refuses("round(a, 1, 2)", "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3");
    refuses("label_join(a)", "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 1");
    refuses("foo[0]", "1:5: parse error: duration must be greater than 0");
}

static void features_gate(void **state)
{
    (void)state;
    assert_null(parse_with("limitk(1, foo)", 0));
    assert_string_equal(err.msg, "1:1: parse error: limitk() is experimental and must be enabled with "
                                 "--enable-feature=promql-experimental-functions");
    assert_null(parse_with("mad_over_time(foo[1m])", 0));
    assert_string_equal(err.msg, "1:1: parse error: function \"mad_over_time\" is not enabled");
    assert_null(parse_with("foo[1m] smoothed", 0));
    assert_null(parse_with("a + fill (1) b", 0));
    assert_non_null(parse_with("foo[5m * 2]", 0)); /* on by default */
}

static char *repeat(const char *unit, size_t n, const char *last)
{
    size_t length = strlen(unit);
    char *text = gv_arena_alloc(&arena, n * length + strlen(last) + 1);
    for (size_t i = 0; i < n; i++)
        memcpy(text + i * length, unit, length);
    strcpy(text + n * length, last);
    return text;
}

static void depth_and_length_are_bounded(void **state)
{
    (void)state;
    static const char *const units[] = {"(", "-", "1+", "a or ", "a^", "sum(", "abs(", "2^-", "a[1m:][1m:]*"};
    for (size_t i = 0; i < GV_COUNT(units); i++) {
        assert_null(parse_with(repeat(units[i], 100000, "a"), ~0u));
        assert_non_null(strstr(err.msg, strlen(units[i]) > 5 ? "bytes long" : "nested more than"));
    }
    assert_null(parse_with(repeat("a[(", 100000, "1)]"), ~0u));
    assert_null(parse_with(repeat(" ", 1 << 20, "a"), ~0u));
    assert_non_null(strstr(err.msg, "bytes long"));
    parse(repeat("1+", 900, "1"));
}

static void selector_alone(void **state)
{
    (void)state;
    struct gv_selector *s = gv_promql_parse_selector(&arena, GV_S("up{job=\"x\"}"), &err);
    assert_non_null(s);
    assert_int_equal(s->n_matchers, 2);
    assert_null(gv_promql_parse_selector(&arena, GV_S("{x=~\".*\"}"), &err));
    assert_int_equal(gv_promql_parse_any_selector(&arena, GV_S("{x=~\".*\"}"), &err)->n_matchers, 2);
    assert_int_equal(gv_promql_parse_any_selector(&arena, GV_S("{x=\"y\"}"), &err)->n_matchers, 1);
    assert_int_equal(gv_promql_parse_any_selector(&arena, GV_S("{}"), &err)->n_matchers, 1);
    assert_string_equal(err.msg, "match[] must contain at least one non-empty matcher");
    err = (struct gv_err){0};
    assert_null(gv_promql_parse_selector(&arena, GV_S("up offset 5m"), &err));
    assert_string_equal(err.msg, "1:4: parse error: unexpected <offset>");
}

static void metric_alone(void **state)
{
    (void)state;
    size_t used;
    const struct gv_labels *l = gv_promql_parse_metric(&arena, GV_S("a:b{x=\"1\",\"y z\"='2'} 1 2"), &used, &err);
    assert_non_null(l);
    assert_int_equal(used, 20);
    assert_true(gv_slice_is(gv_labels_get(l, GV_LABEL_NAME), "a:b"));
    assert_true(gv_slice_is(gv_labels_get(l, GV_S("y z")), "2"));
    l = gv_promql_parse_metric(&arena, GV_S("{\"m.n\"}"), &used, &err);
    assert_true(gv_slice_is(gv_labels_get(l, GV_LABEL_NAME), "m.n"));
    l = gv_promql_parse_metric(&arena, GV_S("up {{sum:1}}"), &used, &err);
    assert_int_equal(l->count, 1);
    assert_int_equal(used, 2);
    assert_null(gv_promql_parse_metric(&arena, GV_S("up{a}"), &used, &err));
    assert_string_equal(err.msg, "1:5: parse error: unexpected \"}\" in label set, expected \"=\"");
}

static void tables_are_sorted_and_whole(void **state)
{
    (void)state;
    size_t n, stable = 0;
    const struct gv_function *f = gv_functions(&n);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(gv_function_named(gv_slice_of(f[i].name)), &f[i]);
        stable += !(f[i].flags & GV_FN_EXPERIMENTAL);
    }
    assert_int_equal(stable, 73);
    assert_non_null(gv_aggregation_named(GV_S("SUM")));
    assert_null(gv_aggregation_named(GV_S("su")));
}

static enum gv_walk count_selectors(struct gv_expr *e, void *arg)
{
    *(int *)arg += e->kind == GV_EXPR_SELECTOR;
    return e->kind == GV_EXPR_CALL ? GV_WALK_PRUNE : GV_WALK_ON;
}

static void walking_and_copying(void **state)
{
    (void)state;
    struct gv_expr *e = parse("topk(scalar(a), b + c) or abs(d) or (e)");
    int n = 0;
    assert_true(gv_expr_walk(e, count_selectors, &n));
    assert_int_equal(n, 3);
    struct gv_expr *copy = gv_expr_dup(&arena, e);
    assert_ptr_not_equal(copy->binary.lhs, e->binary.lhs);
    assert_int_equal(gv_expr_unparen(copy->binary.rhs)->kind, GV_EXPR_SELECTOR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(operators_bind_as_in_prometheus, start, end),
        cmocka_unit_test_setup_teardown(literals_have_their_values, start, end),
        cmocka_unit_test_setup_teardown(selectors_keep_their_matchers_in_order, start, end),
        cmocka_unit_test_setup_teardown(time_modifiers_land_on_their_node, start, end),
        cmocka_unit_test_setup_teardown(types_are_set, start, end),
        cmocka_unit_test_setup_teardown(matching_is_kept, start, end),
        cmocka_unit_test_setup_teardown(errors_are_prometheuss, start, end),
        cmocka_unit_test_setup_teardown(features_gate, start, end),
        cmocka_unit_test_setup_teardown(depth_and_length_are_bounded, start, end),
        cmocka_unit_test_setup_teardown(selector_alone, start, end),
        cmocka_unit_test_setup_teardown(metric_alone, start, end),
        cmocka_unit_test_setup_teardown(tables_are_sorted_and_whole, start, end),
        cmocka_unit_test_setup_teardown(walking_and_copying, start, end),
    };
    return cmocka_run_group_tests_name("promql.parser", tests, NULL, NULL);
}
