/* Selectors for one source: matchers on injected labels are decided, exported_ names lose one prefix. */
#include "plan/selector.h"
#include "promql/parse.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const struct gv_label injected[] = {{{"cluster", 7}, {"c1", 2}}, {{"region", 6}, {"eu", 2}}};
static const struct gv_mapping mapping = {injected, 2};

static void expect(const char *selector, const char *sent)
{
    struct gv_arena a;
    struct gv_err err = {0};
    struct gv_buf out = GV_BUF_INIT;
    gv_arena_init(&a, NULL);
    struct gv_selector *s = gv_promql_parse_selector(&a, gv_slice_of(selector), &err);
    if (!s)
        fail_msg("%s: %s", selector, err.msg);
    bool any = gv_selector_print_for_source(&mapping, &a, s, &out);
    if (sent)
        assert_string_equal(gv_buf_cstr(&out), sent);
    else
        assert_int_equal(out.n, 0);
    assert_int_equal(any, sent != NULL);
    gv_buf_fini(&out);
    gv_arena_fini(&a);
}

static void injected_labels_are_decided_here(void **state)
{
    (void)state;
    expect("up{cluster=\"c1\",job=\"a\"}", "{job=\"a\",__name__=\"up\"}");
    expect("up{cluster=\"c2\"}", NULL);
    expect("up{cluster!=\"c1\"}", NULL);
    expect("up{cluster=~\"c[12]\",region!~\"us|ap\"}", "{__name__=\"up\"}");
    expect("up{region=\"\"}", NULL);
}

static void a_selector_left_without_matchers_means_everything(void **state)
{
    (void)state;
    expect("{cluster=\"c1\"}", "{__name__!=\"\"}");
}

static void exported_names_lose_one_prefix(void **state)
{
    (void)state;
    expect("up{exported_cluster=\"x\"}", "{cluster=\"x\",__name__=\"up\"}");
    expect("up{exported_exported_region=\"x\"}", "{exported_region=\"x\",__name__=\"up\"}");
    expect("up{exported_job=\"x\"}", "{exported_job=\"x\",__name__=\"up\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(injected_labels_are_decided_here),
        cmocka_unit_test(a_selector_left_without_matchers_means_everything),
        cmocka_unit_test(exported_names_lose_one_prefix),
    };
    return cmocka_run_group_tests_name("plan.selector", tests, NULL, NULL);
}
