/* For tests of the planner: plans as text.
 *
 *   c1 injects cluster="c1" region="eu", c2 injects cluster="c2"; further sources are added by the test. */
#pragma once
#include "plan/explain.h"
#include "promql/parse.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const struct gv_label eu_labels[] = {{{"cluster", 7}, {"c1", 2}}, {{"region", 6}, {"eu", 2}}};
static const struct gv_label c2_labels[] = {{{"cluster", 7}, {"c2", 2}}};

struct bench {
    struct gv_arena arena;
    struct gv_plan_source sources[4];
    struct gv_plan_options options;
    struct gv_plan *plan;
    struct gv_err err;
};

enum { ALL_FEATURES = ~(unsigned)GV_FEATURE_DELAYED_NAME_REMOVAL };

static inline void bench_open(struct bench *b)
{
    *b = (struct bench){0};
    gv_arena_init(&b->arena, NULL);
    b->sources[0] = (struct gv_plan_source){.name = GV_S("c1"), .mapping = {eu_labels, 2}, .raw = true};
    b->sources[1] = (struct gv_plan_source){.name = GV_S("c2"), .mapping = {c2_labels, 1}, .raw = true};
    b->options = (struct gv_plan_options){.start = 100000,
                                          .end = 100000,
                                          .lookback = 300000,
                                          .default_step = 60000,
                                          .features = ALL_FEATURES,
                                          .label = GV_S("cluster"),
                                          .sources = b->sources,
                                          .n_sources = 2};
}

static inline void bench_close(struct bench *b)
{
    gv_arena_fini(&b->arena);
}

static inline void over_range(struct bench *b, int64_t start, int64_t end, int64_t step)
{
    b->options.start = start;
    b->options.end = end;
    b->options.step = step;
}

static inline bool make_plan(struct bench *b, const char *query)
{
    b->err = (struct gv_err){0};
    struct gv_expr *e = gv_promql_parse(&b->arena, gv_slice_of(query), ALL_FEATURES, &b->err);
    b->plan = e ? gv_plan_make(&b->arena, e, &b->options, &b->err) : NULL;
    return b->plan;
}

/* Without "every cluster answers ..." and times. */
static inline const char *plan_text(struct bench *b)
{
    struct gv_buf text = GV_BUF_INIT;
    gv_plan_explain_text(&text, b->plan);
    const char *kept = gv_arena_dup(&b->arena, gv_buf_slice(&text)).p;
    gv_buf_fini(&text);
    return kept;
}

/* "c1: text\nc2: text\n": what is sent, in order of the asks. */
static inline const char *sent(struct bench *b)
{
    struct gv_buf text = GV_BUF_INIT;
    for (size_t i = 0; i < b->plan->n_asks; i++)
        gv_buf_printf(&text, "%.*s: %.*s\n", GV_ARG(b->sources[b->plan->asks[i].source].name),
                      GV_ARG(b->plan->asks[i].text));
    const char *kept = gv_arena_dup(&b->arena, gv_buf_slice(&text)).p;
    gv_buf_fini(&text);
    return kept;
}

static inline void assert_planned(struct bench *b, const char *query)
{
    if (!make_plan(b, query))
        fail_msg("%s: %s", query, b->err.msg);
}

/* The query is sent whole, so. */
#define assert_united(b, query, texts)                                                                                 \
    do {                                                                                                               \
        assert_planned((b), (query));                                                                                  \
        if (!(b)->plan->unite)                                                                                         \
            fail_msg("%s is not sent whole: %s", (query), plan_text(b));                                               \
        assert_string_equal(sent(b), (texts));                                                                         \
    } while (0)
/* Something is evaluated here; these are sent. */
#define assert_asked(b, query, texts)                                                                                  \
    do {                                                                                                               \
        assert_planned((b), (query));                                                                                  \
        if ((b)->plan->unite)                                                                                          \
            fail_msg("%s is sent whole", (query));                                                                     \
        assert_string_equal(sent(b), (texts));                                                                         \
    } while (0)
#define assert_plan(b, query, text)                                                                                    \
    do {                                                                                                               \
        assert_planned((b), (query));                                                                                  \
        assert_string_equal(plan_text(b), (text));                                                                     \
    } while (0)

/* A test on a bench of its own. */
static inline int set_up(void **state)
{
    static struct bench b;
    bench_open(&b);
    *state = &b;
    return 0;
}

static inline int tear_down(void **state)
{
    bench_close(*state);
    return 0;
}

#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
