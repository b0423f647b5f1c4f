/* What a backend did not understand once is not sent to it again, and nothing else is kept from it. */
#include "plan/refused.h"
#include "plan_support.h"

#define BOTH(text) "c1: " text "\nc2: " text "\n"

/* c2 refuses the text with this message; from now on it is known. */
static void refuse(struct bench *b, const char *text, const char *message)
{
    static uint64_t constructs[8];
    const struct gv_expr *e = gv_promql_parse(&b->arena, gv_slice_of(text), ALL_FEATURES, &b->err);
    assert_non_null(e);
    if (!b->sources[1].n_refused)
        b->sources[1].refused = constructs;
    constructs[b->sources[1].n_refused++] = gv_plan_construct(e, message);
}

static void a_function_that_is_named_is_not_sent_in_any_text(void **state)
{
    static const char *const messages[] = {
        "cluster \"c2\": 127.0.0.1:9090 answered 400: invalid parameter \"query\": 1:5: parse error: unknown function "
        "with name \"deriv\"",
        "parse error: deriv() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
        "unsupported function \"deriv\"",
        "function \"deriv\" is not enabled",
    };
    for (size_t i = 0; i < GV_COUNT(messages); i++) {
        struct bench *b = *state;
        b->sources[1].n_refused = 0;
        refuse(b, "sum by (a) (deriv(x[5m]))", messages[i]);
        b->sources[0].raw = b->sources[1].raw = false;
        assert_asked(b, "max by (cluster) (abs(deriv(y[1h])))", "c1: max by () (abs(deriv(y[1h])))\nc2: y[1h]\n");
        assert_united(b, "sum by (cluster) (rate(x[5m]))", BOTH("sum by () (rate(x[5m]))"));
    }
}

static void without_a_name_it_is_the_shape(void **state)
{
    struct bench *b = *state;
    refuse(b, "sum by (a) (x) * on (a) group_left () max by (a) (y)", "parse error: unexpected <group_left>");
    assert_asked(b, "sum by (b, cluster) (v{c=\"d\"}) * on (b, cluster) group_left () max by (b, cluster) (w)",
                 "c1: sum by (b) (v{c=\"d\"}) * on (b) group_left () max by (b) (w)\n"
                 "c2: sum by (b) (v{c=\"d\"})\nc2: max by (b) (w)\n");
    assert_united(b, "sum by (b, cluster) (v) + on (b, cluster) group_left () max by (b, cluster) (w)",
                  BOTH("sum by (b) (v) + on (b) group_left () max by (b) (w)"));
    assert_united(b, "sum by (cluster) (v)", BOTH("sum by () (v)"));
}

static void words_of_a_message_that_name_no_function_count_for_nothing(void **state)
{
    struct bench *b = *state;
    refuse(b, "sum(rate(x[5m] offset -5m))", "cannot parse \"sum(rate(x[5m] offset -5m))\": unexpected \"rate\"");
    assert_united(b, "sum by (cluster) (rate(x[5m]))", BOTH("sum by () (rate(x[5m]))"));
    assert_asked(b, "sum by (cluster) (rate(x[5m] offset -5m))",
                 "c1: sum by () (rate(x[5m] offset -5m))\nc2: rate(x[5m] offset -5m)\n");
}

static void a_selector_alone_is_sent_again(void **state)
{
    struct bench *b = *state;
    const char *const selectors[] = {"x", "{a=\"b\"} offset 5m", "x[5m]", "(x)"};
    for (size_t i = 0; i < GV_COUNT(selectors); i++) {
        const struct gv_expr *e = gv_promql_parse(&b->arena, gv_slice_of(selectors[i]), ALL_FEATURES, &b->err);
        assert_true(gv_plan_construct(e, "parse error") == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_function_that_is_named_is_not_sent_in_any_text),
        test(without_a_name_it_is_the_shape),
        test(words_of_a_message_that_name_no_function_count_for_nothing),
        test(a_selector_alone_is_sent_again),
    };
    return cmocka_run_group_tests_name("plan.refused", tests, NULL, NULL);
}
