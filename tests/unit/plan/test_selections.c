/* Samples of selections: who is asked for them, and what shows where series ended. */
#include "plan_support.h"
#include "plan/selections.h"

static struct gv_select select_of(struct bench *b, const char *selector, int64_t min, int64_t max)
{
    struct gv_selector *s = gv_promql_parse_selector(&b->arena, gv_slice_of(selector), &b->err);
    assert_non_null(s);
    return (struct gv_select){.matchers = s->matchers, .n_matchers = s->n_matchers, .min_time = min, .max_time = max};
}

static void select_all(struct bench *b, enum gv_plan_wanted wanted, const struct gv_select *s, size_t n)
{
    b->plan = gv_plan_select(&b->arena, s, n, wanted, &b->options, &b->err);
    if (!b->plan)
        fail_msg("%s", b->err.msg);
    assert_int_equal(b->plan->root.n_feeds, n);
}

/* "c1: samples [min,max] text\n": by feed. */
static const char *asked(struct bench *b)
{
    static const char *const kinds[] = {"instant", "range", "samples"};
    struct gv_buf text = GV_BUF_INIT;
    for (size_t f = 0; f < b->plan->root.n_feeds; f++) {
        const struct gv_plan_input *in = &b->plan->root.feeds[f].inputs[0];
        gv_buf_printf(&text, "%zu\n", f);
        for (size_t i = 0; i < in->n; i++)
            for (size_t k = 0; k < in->parts[i].n_asks; k++) {
                const struct gv_plan_ask *ask = &b->plan->asks[in->parts[i].asks[k]];
                assert_int_equal(ask->source, in->parts[i].source);
                gv_buf_printf(&text, "%.*s: %s [%lld,%lld] %.*s\n", GV_ARG(b->sources[ask->source].name),
                              kinds[ask->kind], (long long)ask->start, (long long)ask->end, GV_ARG(ask->text));
            }
    }
    const char *kept = gv_arena_dup(&b->arena, gv_buf_slice(&text)).p;
    gv_buf_fini(&text);
    return kept;
}

static void every_cluster_that_can_match_is_asked(void **state)
{
    struct bench *b = *state;
    const struct gv_select s[] = {
        select_of(b, "up{job=\"a\"}", 1000, 61000),
        select_of(b, "up{cluster=\"c2\",exported_cluster=\"x\"}", 0, 60000),
        select_of(b, "{region=\"eu\"}", 0, 60000),
        select_of(b, "{cluster=\"c3\"}", 0, 60000),
    };
    select_all(b, GV_PLAN_ALL_SAMPLES, s, GV_COUNT(s));
    assert_string_equal(asked(b), "0\n"
                                  "c1: samples [1000,61000] {job=\"a\",__name__=\"up\"}[1m1ms]\n"
                                  "c2: samples [1000,61000] {job=\"a\",__name__=\"up\"}[1m1ms]\n"
                                  "1\n"
                                  "c2: samples [0,60000] {cluster=\"x\",__name__=\"up\"}[1m1ms]\n"
                                  "2\n"
                                  "c1: samples [0,60000] {__name__!=\"\"}[1m1ms]\n"
                                  "c2: samples [0,60000] {region=\"eu\"}[1m1ms]\n"
                                  "3\n");
}

static void equal_selections_are_asked_once(void **state)
{
    struct bench *b = *state;
    const struct gv_select s[] = {select_of(b, "up", 0, 1), select_of(b, "up", 0, 1), select_of(b, "up", 0, 2)};
    select_all(b, GV_PLAN_ALL_SAMPLES, s, GV_COUNT(s));
    assert_int_equal(b->plan->n_asks, 4);
}

static void known_clusters_of_a_source_decide(void **state)
{
    struct bench *b = *state;
    static const struct gv_slice held[] = {{"c3", 2}, {"c4", 2}};
    b->sources[2] =
        (struct gv_plan_source){.name = GV_S("store"), .raw = true, .clusters = held, .n_clusters = GV_COUNT(held)};
    b->options.n_sources = 3;
    const struct gv_select s[] = {select_of(b, "up{cluster=~\"c[24]\"}", 0, 1),
                                  select_of(b, "up{cluster=\"c5\"}", 0, 1)};
    select_all(b, GV_PLAN_ALL_SAMPLES, s, GV_COUNT(s));
    assert_string_equal(asked(b), "0\n"
                                  "c2: samples [0,1] {__name__=\"up\"}[2ms]\n"
                                  "store: samples [0,1] {cluster=~\"c[24]\",__name__=\"up\"}[2ms]\n"
                                  "1\n");
}

static void where_samples_cannot_show_an_end_it_is_asked_for(void **state)
{
    struct bench *b = *state;
    b->sources[1].raw = false;
    const struct gv_select s = select_of(b, "up", 0, 300000);
    select_all(b, GV_PLAN_LATEST, &s, 1);
    assert_string_equal(asked(b), "0\n"
                                  "c1: samples [0,300000] {__name__=\"up\"}[5m1ms]\n"
                                  "c2: samples [0,300000] {__name__=\"up\"}[5m1ms]\n"
                                  "c2: instant [300000,300000] {__name__=\"up\"}\n");
    select_all(b, GV_PLAN_ALL_SAMPLES, &s, 1);
    assert_int_equal(b->plan->n_asks, 2);
}

static void times_without_end_have_one(void **state)
{
    struct bench *b = *state;
    const struct gv_select s[] = {select_of(b, "up", INT64_MIN, INT64_MAX), select_of(b, "up", INT64_MIN, 1000),
                                  select_of(b, "up", 2, 1), select_of(b, "up", 0, INT64_MAX)};
    b->options.now = 1700000000000;
    select_all(b, GV_PLAN_ALL_SAMPLES, s, GV_COUNT(s));
    assert_int_equal(b->plan->root.feeds[0].inputs[0].n, 2);
    assert_int_equal(b->plan->root.feeds[2].inputs[0].n, 0);
    const struct gv_plan_ask *ask = &b->plan->asks[b->plan->root.feeds[1].inputs[0].parts[0].asks[0]];
    assert_true(ask->end == 1000 && ask->start < -3000000000000);
    for (size_t i = 0; i < 4; i += 3) { /* now is in it */
        ask = &b->plan->asks[b->plan->root.feeds[i].inputs[0].parts[0].asks[0]];
        assert_true(ask->start <= 0 && ask->end > b->options.now && ask->end < 2 * b->options.now);
    }
}

static void a_cluster_in_two_sources_is_an_error(void **state)
{
    struct bench *b = *state;
    static const struct gv_slice held[] = {{"c1", 2}};
    b->sources[2] = (struct gv_plan_source){.name = GV_S("store"), .raw = true, .clusters = held, .n_clusters = 1};
    b->options.n_sources = 3;
    const struct gv_select s = select_of(b, "up", 0, 1);
    assert_null(gv_plan_select(&b->arena, &s, 1, GV_PLAN_ALL_SAMPLES, &b->options, &b->err));
    assert_int_equal(b->err.code, GV_EXECUTION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(every_cluster_that_can_match_is_asked),
        test(equal_selections_are_asked_once),
        test(known_clusters_of_a_source_decide),
        test(where_samples_cannot_show_an_end_it_is_asked_for),
        test(times_without_end_have_one),
        test(a_cluster_in_two_sources_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
