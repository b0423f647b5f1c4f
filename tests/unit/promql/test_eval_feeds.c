/* Leaves whose values come from elsewhere: step vectors as they are, raw series in place of a selector. */
#include "eval_support.h"

static void load(struct bed *b)
{
    bed_init(b);
    bed_add(b, "x{i=\"1\"}", 100, 15000, counting, 1);
    bed_add(b, "x{i=\"2\"}", 100, 15000, counting, 2);
    gv_memory_source_seal(&b->source);
}

static enum gv_walk find_feed(struct gv_expr *e, void *arg)
{
    struct gv_expr **place = arg;
    for (size_t i = 0; gv_expr_child(e, i); i++) {
        struct gv_expr *c = *gv_expr_child(e, i);
        bool is_y = c->kind == GV_EXPR_SELECTOR && gv_slice_is(c->selector.name, "y");
        bool over_y = c->kind == GV_EXPR_MATRIX && gv_slice_is(c->matrix.selector->selector.name, "y");
        bool of_y = c->kind == GV_EXPR_SUBQUERY && c->subquery.expr->kind == GV_EXPR_SELECTOR &&
                    gv_slice_is(c->subquery.expr->selector.name, "z");
        if (is_y || over_y || of_y) {
            place[0] = place[0] ? place[0] : (struct gv_expr *)gv_expr_child(e, i);
            return GV_WALK_STOP;
        }
    }
    return GV_WALK_ON;
}

/* Runs the query with its selector y (or subquery of z) replaced by feed 0. */
static bool run_fed(struct bed *b, const char *query, bool raw, const struct gv_feed *feed)
{
    b->err = (struct gv_err){0};
    b->options.text = gv_slice_of(query);
    b->options.feeds = feed;
    b->options.n_feeds = 1;
    struct gv_expr *e = gv_promql_parse(&b->arena, b->options.text, 0, &b->err);
    assert_non_null(e);
    struct gv_expr *found = NULL;
    gv_expr_walk(e, find_feed, &found);
    assert_non_null(found);
    struct gv_expr **place = (struct gv_expr **)(void *)found;
    struct gv_expr *leaf = gv_arena_new(&b->arena, struct gv_expr);
    *leaf = (struct gv_expr){.kind = GV_EXPR_FEED, .type = (*place)->type, .pos = (*place)->pos};
    leaf->feed.raw = raw;
    leaf->feed.origin = *place;
    *place = leaf;
    return gv_promql_eval(&b->arena, e, &b->options, &b->result, &b->stats, &b->err);
}

/* Two series on a grid of 10 steps of 30 s: i, and 10 * i at every other step. */
static struct gv_feed steps_feed(struct bed *b)
{
    enum { N = 10 };
    struct gv_series *series = gv_arena_array(&b->arena, struct gv_series, 2);
    for (unsigned s = 0; s < 2; s++) {
        struct gv_steps_column c = {.values = gv_arena_array(&b->arena, double, N),
                                    .present = gv_arena_array(&b->arena, uint64_t, gv_bits_words(N))};
        for (uint32_t i = 0; i < N; i += s + 1) {
            c.values[i] = s ? 10 * i : i;
            gv_bit_set(c.present, i);
        }
        series[s].labels = bed_labels(b, s ? "y{i=\"2\"}" : "y{i=\"1\"}");
        series[s].column = (struct gv_column){.kind = GV_COLUMN_STEPS, .steps = c};
    }
    return (struct gv_feed){.grid = {0, 30000, N}, .series = series, .n = 2};
}

static struct gv_feed raw_feed(struct bed *b)
{
    enum { N = 20 };
    struct gv_series *series = gv_arena_array(&b->arena, struct gv_series, 1);
    int64_t *times = gv_arena_array(&b->arena, int64_t, N);
    double *values = gv_arena_array(&b->arena, double, N);
    for (unsigned i = 0; i < N; i++) {
        times[i] = i * 15000;
        values[i] = i;
    }
    uint64_t stale = GV_STALE_BITS;
    memcpy(&values[10], &stale, sizeof stale);
    series->labels = bed_labels(b, "y{i=\"1\"}");
    series->column = (struct gv_column){.kind = GV_COLUMN_RAW, .raw = {.times = times, .values = values, .n = N}};
    return (struct gv_feed){.series = series, .n = 1};
}

#define assert_fed(b, query, raw, feed, expected)                                                                      \
    do {                                                                                                               \
        if (!run_fed((b), (query), (raw), (feed)))                                                                     \
            fail_msg("%s: %s", (query), (b)->err.msg);                                                                 \
        assert_string_equal(bed_text(b), (expected));                                                                  \
    } while (0)

static void step_vectors_are_taken_without_lookback(void **state)
{
    (void)state;
    struct bed b;
    load(&b);
    struct gv_feed feed = steps_feed(&b);
    bed_over(&b, 60000, 180000, 30000);
    assert_fed(&b, "-y", false, &feed, "{i=\"1\"} -2 -3 -4 -5 -6\n{i=\"2\"} -20 _ -40 _ -60\n");
    assert_fed(&b, "sum(y)", false, &feed, "{} 22 3 44 5 66\n");
    assert_fed(&b, "x + on (i) y", false, &feed, "{i=\"1\"} 6 9 12 15 18\n{i=\"2\"} 28 _ 56 _ 84\n");
    bed_over(&b, 60000, 180000, 45000); /* steps between those of the feed are absent */
    assert_fed(&b, "y + 0", false, &feed, "{i=\"1\"} 2 _ 5\n{i=\"2\"} 20 _ _\n");
    bed_fini(&b);
}

static void a_subquery_sees_the_steps_of_its_own_grid(void **state)
{
    (void)state;
    struct bed b;
    load(&b);
    struct gv_feed feed = steps_feed(&b);
    bed_over(&b, 120000, 180000, 60000);
    assert_fed(&b, "sum_over_time(y[1m:30s])", false, &feed, "{i=\"1\"} 7 11\n{i=\"2\"} 40 60\n");
    bed_fini(&b);
}

static void raw_series_behave_as_their_selector(void **state)
{
    (void)state;
    struct bed b;
    load(&b);
    struct gv_feed feed = raw_feed(&b);
    bed_over(&b, 120000, 180000, 15000);
    assert_fed(&b, "y * 1", true, &feed, "{i=\"1\"} 8 9 _ 11 12\n"); /* stale at 150 s */
    assert_fed(&b, "y offset 15s + 0", true, &feed, "{i=\"1\"} 7 8 9 _ 11\n");
    assert_fed(&b, "count_over_time(y[45s])", true, &feed, "{i=\"1\"} 3 3 2 2 2\n");
    assert_fed(&b, "timestamp(y)", true, &feed, "{i=\"1\"} 120 135 _ 165 180\n");
    bed_fini(&b);
}

static void raw_points_may_stand_for_a_subquery(void **state)
{
    (void)state;
    struct bed b;
    load(&b);
    struct gv_feed feed = raw_feed(&b);
    bed_at(&b, 120000);
    assert_fed(&b, "sum_over_time(z[1m:15s])", true, &feed, "{i=\"1\"} 26\n");
    bed_fini(&b);
}

static void a_feed_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct bed b;
    load(&b);
    struct gv_feed feed = raw_feed(&b);
    bed_at(&b, 120000);
    assert_true(run_fed(&b, "-y", true, &feed));
    struct gv_expr leaf = {.kind = GV_EXPR_FEED, .type = GV_TYPE_VECTOR, .feed = {.slot = 3}};
    assert_false(gv_promql_eval(&b.arena, &leaf, &b.options, &b.result, &b.stats, &b.err));
    assert_int_equal(b.err.code, GV_INTERNAL);
    bed_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(step_vectors_are_taken_without_lookback),
        cmocka_unit_test(a_subquery_sees_the_steps_of_its_own_grid),
        cmocka_unit_test(raw_series_behave_as_their_selector),
        cmocka_unit_test(raw_points_may_stand_for_a_subquery),
        cmocka_unit_test(a_feed_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests_name("promql.eval_feeds", tests, NULL, NULL);
}
