/* Samples of selections over several sources are those of one source with all series. */
#include "../../support/planned.h"
#include "codec/chunks.h"
#include "exec/raw_feed.h"
#include "plan/selections.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { STEP = 15000, POINTS = 300, SOURCES = 3 };
enum { LAST = STEP * (POINTS - 1) };

static const struct gv_label clusters[SOURCES] = {
    {{"cluster", 7}, {"c1", 2}}, {{"cluster", 7}, {"c2", 2}}, {{"cluster", 7}, {"c3", 2}}};

struct bench {
    struct gv_arena arena;
    struct world w;
    struct gv_plan *plan;
    struct gv_plan_answer *answers;
    struct gv_err err;
};

static int set_up(void **state)
{
    static struct bench b;
    b = (struct bench){0};
    gv_arena_init(&b.arena, NULL);
    b.w = (struct world){.arena = &b.arena, .n = SOURCES};
    b.w.sources = gv_arena_array(&b.arena, struct gv_plan_source, SOURCES);
    for (size_t i = 0; i < SOURCES; i++)
        b.w.sources[i] = (struct gv_plan_source){.name = clusters[i].value, .mapping = {&clusters[i], 1}, .raw = true};
    b.w.eval = (struct gv_eval_options){.start = LAST, .end = LAST, .lookback = 300000, .default_step = 60000};
    world_open(&b.w);
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    gv_arena_fini(&((struct bench *)*state)->arena);
    return 0;
}

/* n samples from time 0 on; encoded as chunks where the instance is even. */
static void put(struct bench *b, size_t source, const char *name, int instance, uint32_t n, double last)
{
    int64_t *times = gv_arena_array(&b->arena, int64_t, n);
    double *values = gv_arena_array(&b->arena, double, n);
    for (uint32_t i = 0; i < n; i++) {
        times[i] = STEP * (int64_t)i;
        values[i] = i + 1 < n ? i * instance : last;
    }
    const struct gv_label all[] = {{GV_LABEL_NAME, gv_slice_of(name)},
                                   {GV_S("instance"), gv_slice_of(gv_arena_printf(&b->arena, "%d", instance))}};
    const struct gv_labels *there = gv_labels_make(&b->arena, all, 2);
    struct gv_raw_column raw = {.times = times, .values = values, .n = n};
    struct gv_column c = {.kind = GV_COLUMN_RAW, .raw = raw};
    if (instance % 2 == 0) {
        struct gv_arena scratch;
        gv_arena_init(&scratch, NULL);
        c.kind = GV_COLUMN_CHUNKS;
        assert_true(gv_chunks_of_raw(&b->arena, &scratch, &raw, &c.chunks, &b->err));
        gv_arena_fini(&scratch);
    }
    world_add(&b->w, source, there, &c);
}

static double stale(void)
{
    uint64_t bits = GV_STALE_BITS;
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static struct gv_select select_of(struct bench *b, const char *selector, int64_t min, int64_t max)
{
    struct gv_selector *s = gv_promql_parse_selector(&b->arena, gv_slice_of(selector), &b->err);
    assert_non_null(s);
    return (struct gv_select){.matchers = s->matchers, .n_matchers = s->n_matchers, .min_time = min, .max_time = max};
}

static void ask(struct bench *b, enum gv_plan_wanted wanted, const struct gv_select *s, size_t n)
{
    world_seal(&b->w);
    world_tune(&b->w);
    struct gv_plan_options o = world_options(&b->w);
    b->plan = gv_plan_select(&b->arena, s, n, wanted, &o, &b->err);
    assert_non_null(b->plan);
    b->answers = gv_arena_array(&b->arena, struct gv_plan_answer, b->plan->n_asks);
    assert_true(world_answer(&b->w, b->plan, b->answers, &b->err));
}

static struct gv_raw_source feed(struct bench *b, size_t i)
{
    struct gv_raw_source r;
    if (!gv_raw_feed(&b->arena, b->plan, &b->plan->root.feeds[i], b->answers, &r, &b->err))
        fail_msg("%s", b->err.msg);
    return r;
}

static void print_column(struct bench *b, const struct gv_series *s, struct gv_buf *out)
{
    struct gv_raw_column c = s->column.raw;
    if (s->column.kind == GV_COLUMN_CHUNKS)
        assert_true(gv_chunks_to_raw(&b->arena, &s->column.chunks, INT64_MIN, INT64_MAX, &c, &b->err));
    gv_labels_print(out, s->labels);
    for (uint32_t i = 0; i < c.n; i++)
        gv_buf_printf(out, " %lld=%g", (long long)c.times[i], c.values[i]);
    gv_buf_addc(out, '\n');
}

static const char *print(struct bench *b, const struct gv_raw_source *r)
{
    struct gv_buf out = GV_BUF_INIT;
    struct gv_series s;
    for (size_t i = 0; i < r->n; i++) {
        assert_true(gv_raw_source_at(r, i, &b->arena, &s, &b->err));
        print_column(b, &s, &out);
    }
    const char *kept = gv_arena_dup(&b->arena, gv_buf_slice(&out)).p;
    gv_buf_fini(&out);
    return kept ? kept : "";
}

/* What one source with all series gives to the selection. */
static const char *print_whole(struct bench *b, const struct gv_select *what)
{
    struct gv_buf out = GV_BUF_INIT;
    struct gv_cursor *cursor;
    struct gv_series s;
    size_t n;
    assert_true(b->w.all.source.ops->select(&b->w.all.source, &b->arena, what, &cursor, 1, &n, &b->err));
    while (n && cursor->ops->next(cursor, &b->arena, &s, &b->err) == 1)
        print_column(b, &s, &out);
    const char *kept = gv_arena_dup(&b->arena, gv_buf_slice(&out)).p;
    gv_buf_fini(&out);
    return kept ? kept : "";
}

static void fill(struct bench *b)
{
    for (int i = 1; i < 5; i++)
        for (size_t k = 0; k < SOURCES; k++) {
            put(b, k, "x", i, POINTS, 7);
            put(b, k, "y", i, POINTS / 2, 8);
        }
}

static void the_series_of_all_sources_in_one_order(void **state)
{
    struct bench *b = *state;
    fill(b);
    const struct gv_select s[] = {select_of(b, "x", 0, LAST),
                                  select_of(b, "{instance=~\"[12]\",cluster!=\"c2\"}", 0, LAST),
                                  select_of(b, "y{cluster=\"c3\"}", 0, LAST), select_of(b, "nothing", 0, LAST)};
    ask(b, GV_PLAN_ALL_SAMPLES, s, GV_COUNT(s));
    for (size_t i = 0; i < GV_COUNT(s); i++) {
        struct gv_raw_source r = feed(b, i);
        assert_string_equal(print(b, &r), print_whole(b, &s[i]));
    }
    assert_int_equal(feed(b, 0).n, 12);
    assert_int_equal(feed(b, 3).n, 0);
}

static void all_of_it_can_be_had_as_chunks(void **state)
{
    struct bench *b = *state;
    fill(b);
    const struct gv_select s = select_of(b, "x", 0, LAST);
    ask(b, GV_PLAN_ALL_SAMPLES, &s, 1);
    struct gv_raw_source r = feed(b, 0);
    _Atomic bool cancel = true;
    assert_false(gv_raw_source_encode(&r, &b->arena, &cancel, &b->err));
    assert_int_equal(b->err.code, GV_CANCELED);
    r = feed(b, 0);
    assert_true(gv_raw_source_encode(&r, &b->arena, NULL, &b->err));
    for (size_t i = 0; i < r.n; i++) {
        struct gv_series got;
        assert_true(gv_raw_source_at(&r, i, &b->arena, &got, &b->err));
        assert_int_equal(got.column.kind, GV_COLUMN_CHUNKS);
        assert_int_equal(got.column.chunks.n, POINTS / 120 + 1);
    }
    assert_string_equal(print(b, &r), print_whole(b, &s));
}

static void a_source_that_failed_is_left_out(void **state)
{
    struct bench *b = *state;
    fill(b);
    const struct gv_select s[] = {select_of(b, "x", 0, LAST), select_of(b, "x{cluster!=\"c2\"}", 0, LAST)};
    ask(b, GV_PLAN_ALL_SAMPLES, s, 2);
    for (size_t i = 0; i < b->plan->n_asks; i++)
        if (b->plan->asks[i].source == 1)
            b->answers[i].result = NULL;
    struct gv_raw_source r = feed(b, 0), without = feed(b, 1);
    assert_string_equal(print(b, &r), print(b, &without));
}

static void series_that_ended_are_not_the_latest(void **state)
{
    struct bench *b = *state;
    b->w.sources[1].raw = false;
    for (size_t i = 0; i < 2; i++) {
        put(b, i, "goes_on", 2, POINTS, 1);
        put(b, i, "ended", 2, POINTS, stale());
    }
    put(b, 1, "long_gone", 2, 10, 1);
    const struct gv_select s = select_of(b, "{__name__!=\"\"}", LAST - 300000, LAST);
    ask(b, GV_PLAN_LATEST, &s, 1);
    struct gv_raw_source r = feed(b, 0);
    struct gv_buf names = GV_BUF_INIT;
    for (size_t i = 0; i < r.n; i++) {
        struct gv_series got;
        assert_true(gv_raw_source_at(&r, i, &b->arena, &got, &b->err));
        gv_labels_print(&names, got.labels);
        gv_buf_addc(&names, '\n');
    }
    assert_string_equal(gv_buf_cstr(&names), "ended{cluster=\"c1\", instance=\"2\"}\n" /* its marker shows that */
                                             "goes_on{cluster=\"c1\", instance=\"2\"}\n"
                                             "goes_on{cluster=\"c2\", instance=\"2\"}\n");
    gv_buf_fini(&names);
}

#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(the_series_of_all_sources_in_one_order),
        test(all_of_it_can_be_had_as_chunks),
        test(a_source_that_failed_is_left_out),
        test(series_that_ended_are_not_the_latest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
