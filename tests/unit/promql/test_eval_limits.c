/* Limits of a query: samples, memory, time, cancelling; and what is counted on the way. */
#include "eval_support.h"

static void load(struct bed *b, unsigned series)
{
    bed_init(b);
    for (unsigned i = 0; i < series; i++)
        bed_add(b, gv_arena_printf(&b->arena, "m{i=\"%u\", l=\"%u\"}", i, i % 3), 241, 15000, counting, i);
    gv_memory_source_seal(&b->source);
    bed_over(b, 0, 3600000, 60000);
}

#define TOO_MANY "query processing would load too many samples into memory in query execution"

static void samples_count_as_whole_vectors(void **state)
{
    (void)state;
    struct bed b;
    load(&b, 10);
    b.options.max_samples = 610; /* 10 series, 61 steps */
    assert_true(bed_run(&b, "m"));
    assert_int_equal(b.stats.total_samples, 610);
    assert_int_equal(b.stats.peak_samples, 610);
    b.options.max_samples = 609;
    assert_fails(&b, "m", GV_EXECUTION, TOO_MANY);
    assert_fails(&b, "sum(m)", GV_EXECUTION, TOO_MANY); /* though they are never held here */
    assert_fails(&b, "sum(m) or sum by (l) (m)", GV_EXECUTION, TOO_MANY);
    b.options.max_samples = 620;
    assert_true(bed_run(&b, "sum(m)"));
    assert_int_equal(b.stats.total_samples, 610);
    bed_fini(&b);
}

static void samples_repeated_at_every_step_count_once_each(void **state)
{
    (void)state;
    struct bed b;
    load(&b, 10);
    b.options.max_samples = 610;
    assert_true(bed_run(&b, "m @ 600"));
    assert_int_equal(b.stats.peak_samples, 610);
    assert_int_equal(b.stats.total_samples, 610);
    b.stats.per_step = true;
    assert_true(bed_run(&b, "time() + scalar(m{i=\"1\"} @ 600)"));
    assert_int_equal(b.stats.total_samples, 61);
    assert_int_equal(b.stats.samples_per_step[0], 1);
    assert_int_equal(b.stats.samples_per_step[60], 1);
    b.options.max_samples = 609;
    assert_fails(&b, "m @ 600", GV_EXECUTION, TOO_MANY);
    bed_fini(&b);
}

static void a_limit_below_one_aggregation_spares_two_in_turn(void **state)
{
    (void)state;
    struct bed b;
    load(&b, 10);
    b.options.max_samples = 1000; /* each sum loads 610 and leaves 61 */
    assert_true(bed_run(&b, "sum(m) + sum(m)"));
    assert_int_equal(b.stats.total_samples, 1220);
    bed_fini(&b);
}

static void samples_are_counted_at_their_step(void **state)
{
    (void)state;
    struct bed b;
    load(&b, 4);
    bed_over(&b, 3600000 - 60000, 3600000 + 360000, 60000);
    b.stats.per_step = true;
    assert_true(bed_run(&b, "m"));
    int64_t expected[] = {4, 4, 4, 4, 4, 4, 0, 0};
    for (size_t i = 0; i < GV_COUNT(expected); i++)
        assert_int_equal(b.stats.samples_per_step[i], expected[i]);
    assert_true(bed_run(&b, "m @ 60")); /* loaded once, counted at each step */
    for (size_t i = 0; i < GV_COUNT(expected); i++)
        assert_int_equal(b.stats.samples_per_step[i], 4);
    assert_int_equal(b.stats.total_samples, 4 * 8);
    bed_fini(&b);
}

static void memory_stays_within_its_budget(void **state)
{
    (void)state;
    struct bed b;
    load(&b, 500);
    struct gv_budget budget;
    gv_budget_init(&budget, "max_query_memory", 100 << 10, GV_EXECUTION, NULL);
    struct gv_arena result;
    gv_arena_init(&result, &budget);
    b.options.budget = &budget;
    struct gv_expr *e = gv_promql_parse(&b.arena, GV_S("m"), 0, &b.err);
    assert_false(gv_promql_eval(&result, e, &b.options, &b.result, &b.stats, &b.err));
    assert_int_equal(b.err.code, GV_EXECUTION);
    assert_non_null(strstr(b.err.msg, "max_query_memory"));
    assert_true(budget.peak <= (100 << 10) + (1 << 20));
    gv_arena_fini(&result);
    assert_int_equal(budget.used, 0);

    budget.limit = 4 << 20; /* enough, as nothing is held twice */
    b.err = (struct gv_err){0};
    assert_true(gv_promql_eval(&result, e, &b.options, &b.result, &b.stats, &b.err));
    assert_int_equal(b.result.n, 500);
    gv_arena_fini(&result);
    assert_int_equal(budget.used, 0);
    bed_fini(&b);
}

static void an_aggregation_holds_its_groups_alone(void **state)
{
    (void)state;
    struct bed b;
    load(&b, 2000);
    struct gv_budget budget;
    gv_budget_init(&budget, "max_query_memory", 256 << 10, GV_EXECUTION, NULL);
    struct gv_arena result;
    gv_arena_init(&result, &budget);
    b.options.budget = &budget;
    struct gv_expr *e = gv_promql_parse(&b.arena, GV_S("sum by (l) (-m * 2)"), 0, &b.err);
    assert_true(gv_promql_eval(&result, e, &b.options, &b.result, &b.stats, &b.err));
    assert_int_equal(b.result.n, 3);
    gv_arena_fini(&result);
    bed_fini(&b);
}

static void a_passed_deadline_ends_the_query(void **state)
{
    (void)state;
    struct bed b;
    load(&b, 10);
    b.options.deadline_ns = 1;
    assert_fails(&b, "sum(m)", GV_TIMEOUT, "query timed out in expression evaluation");
    bed_fini(&b);
}

static void a_set_flag_cancels_the_query(void **state)
{
    (void)state;
    struct bed b;
    load(&b, 10);
    _Atomic bool cancel = true;
    b.options.cancel = &cancel;
    assert_fails(&b, "sum(m)", GV_CANCELED, "query was canceled in expression evaluation");
    bed_fini(&b);
}

/* A source that sets the flag with its third series, or at its end: the query must not go on for long. */
struct cancelling {
    struct gv_source source;
    struct gv_source *inner;
    struct gv_cursor cursor, *of_inner;
    _Atomic bool *cancel;
    bool at_end;
    unsigned given, closed;
};

static int next_and_cancel(struct gv_cursor *c, struct gv_arena *scratch, struct gv_series *series, struct gv_err *err)
{
    struct cancelling *s = container_of(c, struct cancelling, cursor);
    int more = s->of_inner->ops->next(s->of_inner, scratch, series, err);
    s->given++;
    if (s->at_end ? more == 0 : s->given == 3)
        *s->cancel = true;
    return more;
}

static void close_both(struct gv_cursor *c)
{
    struct cancelling *s = container_of(c, struct cancelling, cursor);
    s->closed++;
    s->of_inner->ops->close(s->of_inner);
}

static const struct gv_cursor_ops cancelling_cursor = {next_and_cancel, close_both};

static bool select_cancelling(struct gv_source *source, struct gv_arena *a, const struct gv_select *what,
                              struct gv_cursor **cursors, size_t max, size_t *n, struct gv_err *err)
{
    struct cancelling *s = container_of(source, struct cancelling, source);
    (void)max;
    if (!s->inner->ops->select(s->inner, a, what, &s->of_inner, 1, n, err))
        return false;
    cursors[0] = &s->cursor;
    return true;
}

static const struct gv_source_ops cancelling_source = {select_cancelling};

static void a_flag_set_midway_is_seen_soon(void **state)
{
    (void)state;
    struct bed b;
    load(&b, 300);
    _Atomic bool cancel = false;
    struct cancelling s = {.source.ops = &cancelling_source,
                           .inner = &b.source.source,
                           .cursor.ops = &cancelling_cursor,
                           .cancel = &cancel};
    b.options.cancel = &cancel;
    b.options.source = &s.source;
    assert_fails(&b, "sum(m)", GV_CANCELED, "query was canceled in expression evaluation");
    assert_true(s.given < 30);
    assert_int_equal(s.closed, 1);
    bed_fini(&b);
}

static void a_flag_set_when_all_is_read_is_seen_too(void **state)
{
    (void)state;
    static const char *const queries[] = {"absent(m)",
                                          "absent_over_time(m[5m])",

                                          "sort(m)",
                                          "label_replace(m, \"x\", \"$1\", \"l\", \"(.*)\")",
                                          "label_join(m, \"x\", \"-\", \"l\", \"i\")",
                                          "histogram_quantile(0.5, m)",
                                          "histogram_fraction(0, 1, m)",
                                          "histogram_quantiles(m, \"q\", 0.5, 0.9)",
                                          "info(m)",
                                          "topk(100, m)",
                                          "quantile(0.5, m)",
                                          "count_values(\"v\", m)",
                                          "sum by (i) (m)",
                                          "m or on () m",
                                          "m + on (i) m",
                                          "m @ 600"};
    struct bed b;
    load(&b, 3000);
    b.options.features = GV_FEATURE_EXPERIMENTAL_FUNCTIONS;
    for (size_t i = 0; i < GV_COUNT(queries); i++) {
        _Atomic bool cancel = false;
        struct cancelling s = {.source.ops = &cancelling_source,
                               .inner = &b.source.source,
                               .cursor.ops = &cancelling_cursor,
                               .cancel = &cancel,
                               .at_end = true};
        b.options.cancel = &cancel;
        b.options.source = &s.source;
        if (bed_run(&b, queries[i]) || b.err.code != GV_CANCELED)
            fail_msg("%s: %s", queries[i], b.err.msg);
    }
    bed_fini(&b);
}

static void cursors_are_closed_where_the_query_fails_before_they_are_read(void **state)
{
    (void)state;
    struct bed b;
    load(&b, 3);
    _Atomic bool cancel = false;
    struct cancelling s = {.source.ops = &cancelling_source,
                           .inner = &b.source.source,
                           .cursor.ops = &cancelling_cursor,
                           .cancel = &cancel};
    b.options.source = &s.source;
    assert_fails(&b, "m * 2 > (scalar_of_nothing * topk(NaN, m))", GV_EXECUTION, "Parameter value is NaN");
    assert_int_equal(s.closed, 2);
    bed_fini(&b);
}

static void far_times_and_endless_subqueries_are_refused_or_empty(void **state)
{
    (void)state;
    struct bed b;
    load(&b, 2);
    bed_at(&b, 600000);
    assert_query(&b, "m @ 9223372036854000 offset -100y", "");
    assert_query(&b, "rate(m[290y] @ -9223372036854000 offset 290y)", "");
    assert_fails(&b, "sum_over_time(m[290y:1ms])", GV_EXECUTION, "a subquery asks for 9145440000000 steps");
    bed_at(&b, INT64_MAX);
    assert_fails(&b, "m", GV_BAD_DATA, "the time of the query is out of range");
    bed_over(&b, 0, INT64_C(1) << 50, 1);
    assert_fails(&b, "m", GV_EXECUTION, "the query asks for 1125899906842625 steps");
    bed_fini(&b);
}

/* As deep as the parser lets a query be. */
static void deep_queries_do_not_exhaust_the_stack(void **state)
{
    (void)state;
    struct bed b;
    load(&b, 2);
    static const char *const layers[][2] = {{"abs(", ")"}, {"sum by (i) (", ")"}, {"(m + ", ")"},
                                            {"-(", ")"},   {"sort(", ")"},        {"sum_over_time((", ")[1m:])"}};
    bed_at(&b, 600000);
    for (size_t i = 0; i < GV_COUNT(layers); i++) {
        struct gv_buf q = GV_BUF_INIT;
        int depth = i == 5 ? 30 : 480;
        for (int j = 0; j < depth; j++)
            gv_buf_adds(&q, layers[i][0]);
        gv_buf_adds(&q, "m");
        for (int j = 0; j < depth; j++)
            gv_buf_adds(&q, layers[i][1]);
        if (!bed_run(&b, gv_buf_cstr(&q)))
            fail_msg("%s: %s", layers[i][0], b.err.msg);
        assert_int_equal(b.result.n, 2);
        gv_buf_fini(&q);
    }
    bed_fini(&b);
}

/* Each level of label_join or label_replace makes the label longer by the same factor. */
static const char *grown(struct bed *b, const char *head, const char *tail, int levels)
{
    const char *query = "m{i=\"1\"}";
    while (levels-- > 0)
        query = gv_arena_printf(&b->arena, "%s%s%s", head, query, tail);
    return query;
}

static void labels_grow_to_a_limit(void **state)
{
    (void)state;
    struct bed b;
    load(&b, 2);
    bed_at(&b, 60000);
    assert_fails(&b, grown(&b, "label_join(", ", \"i\", \"\", \"i\", \"i\")", 40), GV_EXECUTION,
                 "label_join(): a label is longer than 16777215 bytes");
    assert_fails(&b, grown(&b, "label_replace(", ", \"i\", \"$1$1$1$1\", \"i\", \"(.*)\")", 40), GV_EXECUTION,
                 "label_replace(): a label is longer than 16777215 bytes");
    struct gv_budget budget;
    gv_budget_init(&budget, "max_query_memory", 8 << 20, GV_EXECUTION, NULL);
    b.options.budget = &budget;
    struct gv_arena query = b.arena;
    gv_arena_init(&b.arena, &budget);
    assert_false(bed_run(&b, grown(&b, "label_join(", ", \"i\", \"\", \"i\", \"i\")", 22)));
    assert_int_equal(b.err.code, GV_EXECUTION);
    assert_non_null(strstr(b.err.msg, "max_query_memory is 8388608 bytes"));
    assert_true(budget.peak <= (8 << 20) + (1 << 20));
    gv_arena_fini(&b.arena);
    b.arena = query;
    bed_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_grow_to_a_limit),
        cmocka_unit_test(samples_count_as_whole_vectors),
        cmocka_unit_test(samples_repeated_at_every_step_count_once_each),
        cmocka_unit_test(a_limit_below_one_aggregation_spares_two_in_turn),
        cmocka_unit_test(samples_are_counted_at_their_step),
        cmocka_unit_test(memory_stays_within_its_budget),
        cmocka_unit_test(an_aggregation_holds_its_groups_alone),
        cmocka_unit_test(a_passed_deadline_ends_the_query),
        cmocka_unit_test(a_set_flag_cancels_the_query),
        cmocka_unit_test(a_flag_set_midway_is_seen_soon),
        cmocka_unit_test(a_flag_set_when_all_is_read_is_seen_too),
        cmocka_unit_test(far_times_and_endless_subqueries_are_refused_or_empty),
        cmocka_unit_test(deep_queries_do_not_exhaust_the_stack),
        cmocka_unit_test(cursors_are_closed_where_the_query_fails_before_they_are_read),
    };
    return cmocka_run_group_tests_name("promql.eval_limits", tests, NULL, NULL);
}
