/* Plans run over answers: clusters that fail, aggregations that can not be combined, what backends say. */
#include "../../support/planned.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { STEP = 15000, POINTS = 60, ANY_ROUNDS = 0 };

static const struct gv_label labels[3][2] = {{{{"cluster", 7}, {"c1", 2}}, {{"region", 6}, {"eu", 2}}},
                                             {{{"cluster", 7}, {"c2", 2}}},
                                             {{{"cluster", 7}, {"c3", 2}}}};

struct bench {
    struct gv_arena arena;
    struct world w;
    struct gv_err err;
    struct gv_result result;
};

static void open_bench(struct bench *b)
{
    *b = (struct bench){0};
    gv_arena_init(&b->arena, NULL);
    b->w = (struct world){.arena = &b->arena, .n = 3};
    b->w.sources = gv_arena_array(&b->arena, struct gv_plan_source, 3);
    for (size_t i = 0; i < 3; i++)
        b->w.sources[i] =
            (struct gv_plan_source){.name = labels[i][0].value, .mapping = {labels[i], i ? 1 : 2}, .raw = true};
    b->w.eval = (struct gv_eval_options){
        .start = 600000, .end = 600000, .lookback = 300000, .default_step = 60000, .features = 0};
    world_open(&b->w);
}

static int set_up(void **state)
{
    static struct bench b;
    open_bench(&b);
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    gv_arena_fini(&((struct bench *)*state)->arena);
    return 0;
}

/* A series that is v at all times. */
static void put(struct bench *b, size_t source, const char *metric, double v)
{
    int64_t *times = gv_arena_array(&b->arena, int64_t, POINTS);
    double *values = gv_arena_array(&b->arena, double, POINTS);
    for (unsigned i = 0; i < POINTS; i++) {
        times[i] = STEP * (int64_t)i;
        values[i] = v;
    }
    size_t used;
    const struct gv_labels *l = gv_promql_parse_metric(&b->arena, gv_slice_of(metric), &used, &b->err);
    assert_non_null(l);
    struct gv_column c = {.kind = GV_COLUMN_RAW, .raw = {.times = times, .values = values, .n = POINTS}};
    world_add(&b->w, source, l, &c);
}

static void put_histogram(struct bench *b, size_t source, const char *metric, double count)
{
    static const struct gv_span span = {0, 1};
    int64_t *times = gv_arena_array(&b->arena, int64_t, POINTS);
    double *values = gv_arena_array(&b->arena, double, POINTS), *counts = gv_arena_array(&b->arena, double, 1);
    const struct gv_histogram **list = gv_arena_array(&b->arena, const struct gv_histogram *, POINTS);
    struct gv_histogram *h = gv_arena_new(&b->arena, struct gv_histogram);
    counts[0] = count;
    *h = (struct gv_histogram){.count = count, .sum = count, .positive = {&span, counts, 1, 1}};
    for (unsigned i = 0; i < POINTS; i++) {
        times[i] = STEP * (int64_t)i;
        list[i] = h;
    }
    size_t used;
    const struct gv_labels *l = gv_promql_parse_metric(&b->arena, gv_slice_of(metric), &used, &b->err);
    assert_non_null(l);
    struct gv_column c = {.kind = GV_COLUMN_RAW,
                          .raw = {.times = times, .values = values, .histograms = list, .n = POINTS}};
    world_add(&b->w, source, l, &c);
}

static void seal(struct bench *b)
{
    world_seal(&b->w);
    world_tune(&b->w);
}

static const char *result_text(struct bench *b)
{
    struct gv_buf text = GV_BUF_INIT;
    print_result(&text, &b->result);
    const char *kept = gv_arena_dup(&b->arena, gv_buf_slice(&text)).p;
    gv_buf_fini(&text);
    return kept;
}

static void ask(struct bench *b, const char *query)
{
    b->err = (struct gv_err){0};
    b->w.eval.text = gv_slice_of(query);
    world_tune(&b->w);
    if (!world_planned(&b->w, &b->result, &b->err))
        fail_msg("%s: %s", query, b->err.msg);
}

/* The planned answer is that of one source with all series, and took that many rounds. */
static void assert_agrees(struct bench *b, const char *query, unsigned rounds)
{
    struct gv_result whole;
    struct gv_buf why = GV_BUF_INIT;
    ask(b, query);
    assert_true(world_whole(&b->w, &whole, &b->err));
    if (!results_agree(&whole, &b->result, false, &why) || !notes_agree(&whole.notes, &b->result.notes, &why))
        fail_msg("%s: %s", query, gv_buf_cstr(&why));
    if (rounds != ANY_ROUNDS)
        assert_int_equal(b->w.rounds, rounds);
    gv_buf_fini(&why);
}

static void partial_aggregates_are_combined(void **state)
{
    struct bench *b = *state;
    put(b, 0, "x{i=\"1\"}", 1);
    put(b, 0, "x{i=\"2\"}", 2);
    put(b, 0, "x{i=\"3\"}", 6);
    put(b, 1, "x{i=\"1\"}", 11);
    put(b, 2, "x{i=\"1\"}", NAN);
    seal(b);
    ask(b, "avg(x{cluster!=\"c3\"})");
    assert_string_equal(result_text(b), "\n      {} 5@600000"); /* weighted: not the average of 3 and 11 */
    ask(b, "stdvar(x{cluster!=\"c3\"})");
    assert_string_equal(result_text(b), "\n      {} 15.5@600000");
    assert_agrees(b, "stddev by (region) (x{cluster!=\"c3\"})", 1);
    assert_agrees(b, "stddev(x)", 1); /* NaN */
    assert_agrees(b, "max(x)", 1);
    assert_agrees(b, "min by (i) (x)", 1);
    assert_agrees(b, "count without (cluster, region) (x)", 1);
    assert_agrees(b, "count_values(\"region\", x)", 1);
    assert_agrees(b, "count_values without (cluster) (\"cluster\", x)", 1);
    assert_agrees(b, "topk(2, x)", 1);
    assert_agrees(b, "group(x) + sum(x)", 1);
    assert_agrees(b, "absent(x{i=\"4\"})", 1);
    assert_agrees(b, "absent(x{i=\"3\"})", 1);
}

/* A sum that overflows or cancels out depends on the order of its terms. */
static void sums_that_lose_their_digits_need_the_argument(void **state)
{
    struct bench *b = *state;
    put(b, 0, "x{i=\"1\"}", 1e17);
    put(b, 0, "x{i=\"2\"}", 1);
    put(b, 1, "x{i=\"1\"}", -1e17);
    put(b, 0, "y", 1.5e308);
    put(b, 1, "y", 1.5e308);
    put(b, 2, "y", -1.5e308);
    put(b, 0, "z{i=\"1\"}", 1e9);
    put(b, 1, "z{i=\"1\"}", 1e9 + 0x1p-20);
    put(b, 2, "w", INFINITY);
    put(b, 0, "w", 1);
    seal(b);
    assert_agrees(b, "sum(x)", 2);
    assert_agrees(b, "sum(x) + count(x)", 2);
    assert_agrees(b, "sum(y)", 2);
    assert_agrees(b, "avg(y)", 1);
    assert_agrees(b, "stddev(z)", 2);
    assert_agrees(b, "sum(w)", 1);
    assert_agrees(b, "sum(x) / sum(y)", 2);
}

static void histograms_come_as_samples(void **state)
{
    struct bench *b = *state;
    put_histogram(b, 0, "h", 3);
    put_histogram(b, 1, "h", 5);
    put(b, 0, "x", 1);
    put(b, 2, "h{i=\"float\"}", 7);
    seal(b);
    assert_agrees(b, "sum(h{cluster!=\"c3\"})", 2);
    assert_agrees(b, "histogram_count(sum(h{cluster!=\"c3\"}))", 2);
    assert_agrees(b, "avg(h{cluster!=\"c3\"})", 2);
    assert_agrees(b, "sum(h)", 2); /* floats and histograms: no result, and a warning */
    assert_agrees(b, "stddev(h)", 2);
    assert_agrees(b, "count(h)", 1);
    assert_agrees(b, "max(h)", 1);
    assert_agrees(b, "histogram_count(h)", 1); /* each cluster reads its own */
    assert_agrees(b, "h", 1);
}

static struct gv_plan *plan_and_answer(struct bench *b, const char *query, struct gv_plan_answer **answers)
{
    b->w.eval.text = gv_slice_of(query);
    world_tune(&b->w);
    struct gv_plan_options o = world_options(&b->w);
    struct gv_expr *e = gv_promql_parse(&b->arena, b->w.eval.text, 0, &b->err);
    struct gv_plan *p = gv_plan_make(&b->arena, e, &o, &b->err);
    assert_non_null(p);
    *answers = gv_arena_array(&b->arena, struct gv_plan_answer, p->n_asks);
    assert_true(world_answer(&b->w, p, *answers, &b->err));
    return p;
}

static void run(struct bench *b, const struct gv_plan *p, const struct gv_plan_answer *answers)
{
    struct gv_plan_run_options o = {&b->w.eval, answers};
    struct gv_plan_retry retry;
    if (!gv_plan_run(&b->arena, p, &o, &b->result, NULL, &retry, &b->err))
        fail_msg("%s", b->err.msg);
    assert_false(retry.wanted);
}

/* Else a ratio would mix sets of clusters. */
static void a_cluster_that_fails_one_ask_is_left_out_of_all(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < 3; i++) {
        put(b, i, "errors", (double)i + 1);
        put(b, i, "total", 10);
    }
    seal(b);
    struct gv_plan_answer *answers;
    const struct gv_plan *p = plan_and_answer(b, "sum(errors) / sum(total)", &answers);
    run(b, p, answers);
    assert_string_equal(result_text(b), "\n      {} 0.2@600000");
    for (size_t i = 0; i < p->n_asks; i++)
        if (p->asks[i].source == 2 && gv_slice_is(p->asks[i].text, "sum(total)"))
            answers[i].result = NULL;
    run(b, p, answers);
    assert_string_equal(result_text(b), "\n      {} 0.15@600000");
    p = plan_and_answer(b, "total", &answers);
    answers[0].result = NULL;
    run(b, p, answers);
    assert_string_equal(result_text(b),
                        "\n      total{cluster=\"c2\"} 10@600000\n      total{cluster=\"c3\"} 10@600000");
    for (size_t i = 0; i < p->n_asks; i++)
        answers[i].result = NULL;
    run(b, p, answers);
    assert_int_equal(b->result.type, GV_RESULT_VECTOR);
    assert_int_equal(b->result.n, 0);
}

/* `absent` is true where nothing is known: of a cluster that fails nothing is. */
static void what_one_cluster_alone_would_say_holds_only_if_it_says_it(void **state)
{
    struct bench *b = *state;
    put(b, 0, "x", 1);
    seal(b);
    struct gv_plan_answer *answers;
    const struct gv_plan *p = plan_and_answer(b, "absent(x{cluster=\"c1\"})", &answers);
    run(b, p, answers);
    assert_int_equal(b->result.n, 0);
    answers[0].result = NULL;
    run(b, p, answers);
    assert_string_equal(result_text(b), "\n      {cluster=\"c1\"} 1@600000");
}

/* Whoever reads samples looks whether anybody still waits for them. */
static void samples_are_read_while_somebody_waits(void **state)
{
    struct bench *b = *state;
    _Atomic bool canceled = false;
    struct gv_plan_answer *answers;
    put(b, 0, "x", 1);
    b->w.sources[0].push = GV_PUSH_SELECTORS;
    seal(b);
    const struct gv_plan *p =
        plan_and_answer(b, "quantile_over_time(scalar(x{cluster=\"c1\"}), x{cluster=\"c1\"}[5m])", &answers);
    for (int why = 0; why < 3; why++) {
        static const enum gv_err_code codes[] = {GV_OK, GV_CANCELED, GV_TIMEOUT};
        struct gv_eval_options *o = &b->w.evals[0];
        size_t n = 0;
        canceled = why == 1;
        o->cancel = &canceled;
        o->deadline_ns = why == 2 ? 1 : 0;
        for (size_t i = 0; i < p->n_asks; i++) {
            struct gv_err err = {0};
            if (p->asks[i].kind != GV_PLAN_SAMPLES)
                continue;
            assert_int_equal(world_answer_one(&b->w, p, &p->asks[i], &b->w.held[0], &err) != NULL, !why);
            assert_int_equal(err.code, codes[why]);
            n++;
        }
        assert_true(n > 0);
    }
}

/* Its value counts beside a vector that nobody has anything of: not to be evaluated, or with what it is. */
static void a_scalar_beside_what_is_empty(void **state)
{
    struct bench *b = *state;
    put(b, 0, "y", 2);
    put(b, 1, "x", 1);
    seal(b);
    assert_agrees(b, "topk(scalar(y), x{cluster=\"nope\"})", 1);
    assert_agrees(b, "scalar(topk(scalar(y), x{cluster=\"nope\"}))", 1);
    assert_agrees(b, "absent_over_time(topk(scalar(y), x{cluster=\"nope\"})[1m:15s])", 1);
    assert_agrees(b, "count_over_time(bottomk(scalar(y), x{cluster=\"nope\"})[1m:15s]) or x", 1);
    assert_agrees(b, "vector(scalar(bottomk(scalar(y), x{cluster=\"nope\"})))", 1);
}

/* What touches no series has labels of the query, which are not renamed with those of a cluster. */
static void labels_of_constants_are_not_renamed(void **state)
{
    struct bench *b = *state;
    put(b, 0, "x{i=\"1\"}", 6);
    put(b, 1, "x{i=\"1\"}", 8);
    seal(b);
    assert_agrees(b,
                  "x{cluster=\"c1\"} / ignoring (cluster, region, i, exported_cluster) group_left () "
                  "label_replace(vector(2), \"exported_cluster\", \"own\", \"\", \"\")",
                  1);
    assert_agrees(b, "x{cluster=\"c1\"} * on (cluster) group_left () count_values(\"cluster\", vector(1))", 1);
    assert_agrees(
        b, "x{cluster=\"c1\"} * on (cluster) group_left () label_replace(vector(3), \"cluster\", \"c1\", \"\", \"\")",
        1);
    assert_agrees(b, "x{cluster=\"c1\"} * on (i) group_left () label_replace(vector(3), \"i\", \"1\", \"\", \"\")", 1);
}

static void annotations_speak_of_the_query(void **state)
{
    struct bench *b = *state;
    put(b, 0, "x", 1);
    put(b, 1, "x", 1);
    put(b, 1, "y", 1);
    seal(b);
    ask(b, "sum by (cluster) (0 * x{cluster=~\"c.*\"})\n  + rate(y[5m]) or rate(x[5m])");
    assert_int_equal(b->result.notes.n_infos, 2);
    assert_string_equal(b->result.notes.infos[0].p,
                        "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "
                        "\"y\" (2:10)");
    assert_string_equal(b->result.notes.infos[1].p,
                        "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "
                        "\"x\" (2:25)");
}

static void put_metric(struct bench *b, size_t source, char metric)
{
    put(b, source, gv_arena_printf(&b->arena, "%c{i=\"%c\"}", metric, metric), 1);
}

/* As many as Prometheus shows, and what backends left out themselves. */
static void annotations_are_shown_by_the_ten(void **state)
{
    struct bench *b = *state;
    for (char metric = 'a'; metric <= 'l'; metric++)
        put_metric(b, 0, metric);
    put_metric(b, 1, 'a');
    seal(b);
    struct gv_plan_answer *answers;
    const struct gv_plan *p = plan_and_answer(b, "rate({__name__=~\".\"}[5m]) == 7", &answers);
    struct gv_result said = *answers[1].result; /* of c2 */
    gv_info(&said.notes, "3 more info annotations omitted");
    gv_warn(&said.notes, "something else");
    answers[1].result = &said;
    run(b, p, answers);
    assert_int_equal(b->result.notes.n_infos, 11);
    assert_string_equal(b->result.notes.infos[10].p, "5 more info annotations omitted");
    assert_int_equal(b->result.notes.n_warnings, 1);
}

/* A backend before 3.0 is asked for the steps of a subquery by range queries, as long as it takes them. */
static void windows_of_a_range_are_joined(void **state)
{
    struct bench *b = *state;
    put(b, 0, "x", 1);
    put(b, 1, "x", 2);
    seal(b);
    b->w.sources[1].major = 2;
    b->w.sources[1].minor = 42;
    assert_agrees(b, "count_over_time(sum(x)[10d:30s])", 1);
    assert_true(b->w.plan->n_asks > 3);
    assert_agrees(b, "sum_over_time(x[5m:1m])", 1);
}

static void a_source_that_is_never_pushed_to_gives_the_same(void **state)
{
    struct bench *b = *state;
    put(b, 0, "x{i=\"1\"}", 1);
    put(b, 1, "x{i=\"2\"}", 2);
    put(b, 1, "x{i=\"3\"}", 4);
    seal(b);
    for (unsigned raw = 0; raw < 2; raw++) {
        b->w.sources[1].push = GV_PUSH_SELECTORS;
        b->w.sources[1].raw = raw;
        assert_agrees(b, "sum(x)", 1);
        assert_agrees(b, "avg by (cluster) (rate(x[5m]) + x)", 1);
        assert_agrees(b, "timestamp(x) - time()", 1);
        assert_agrees(b, "absent_over_time(x{i=\"4\"}[5m])", 1);
        assert_agrees(b, "x", 1);
    }
}

static void a_series_in_two_answers_is_an_error(void **state)
{
    struct bench *b = *state;
    put(b, 0, "x", 1);
    put(b, 1, "x", 2);
    seal(b);
    struct gv_plan_answer *answers;
    struct gv_plan *p = plan_and_answer(b, "abs(x)", &answers);
    answers[1].result = answers[0].result;
    struct gv_plan_run_options o = {&b->w.eval, answers};
    struct gv_plan_retry retry;
    assert_false(gv_plan_run(&b->arena, p, &o, &b->result, NULL, &retry, &b->err));
    assert_string_equal(b->err.msg,
                        "clusters \"c1\" and \"c2\" both answered with the series {cluster=\"c1\", region=\"eu\"}");
}

/* ---- Replicas that are merged: those of the world have holes by turns ---- */

static void put_counter(struct bench *b, size_t source, const char *metric, uint64_t seed)
{
    struct world_holes random = {.random = seed};
    int64_t *times = gv_arena_array(&b->arena, int64_t, POINTS);
    double *values = gv_arena_array(&b->arena, double, POINTS), v = 1000;
    for (unsigned i = 0; i < POINTS; i++) {
        times[i] = STEP * (int64_t)i;
        values[i] = v = world_below(&random, 20) ? v + world_below(&random, 9) : v / 2;
    }
    uint64_t stale = GV_STALE_BITS;
    if (seed % 3 == 0)
        memcpy(&values[20 + seed % 30], &stale, sizeof stale);
    size_t used;
    const struct gv_labels *l = gv_promql_parse_metric(&b->arena, gv_slice_of(metric), &used, &b->err);
    world_add(&b->w, source, l,
              &(struct gv_column){.kind = GV_COLUMN_RAW, .raw = {.times = times, .values = values, .n = POINTS}});
}

static void fill_merged(struct bench *b, unsigned seed)
{
    b->w.sources[0].replicas = 2 + seed % 2;
    b->w.sources[1].replicas = 4;
    for (unsigned i = 0; i < 12; i++)
        put_counter(b, i % 3, gv_arena_printf(&b->arena, "x_total{i=\"%u\", seed=\"%u\"}", i, seed), seed * 31 + i);
    put_histogram(b, seed % 3, gv_arena_printf(&b->arena, "h{seed=\"%u\"}", seed), 5);
    seal(b);
}

static void holes_at_random_leave_no_trace(void **state)
{
    static const char *const queries[] = {
        "x_total",
        "sum(rate(x_total[2m]))",
        "count_over_time(x_total[1m])",
        "sum by (cluster) (increase(x_total[5m]))",
        "resets(x_total[10m])",
        "timestamp(x_total) - time()",
        "avg_over_time(sum(x_total)[4m:20s])",
        "max_over_time(x_total[3m] offset 1m)",
        "rate(x_total[1m] anchored)",
        "delta(x_total[90s] smoothed)",
        "absent(x_total{i=\"3\"})",
        "histogram_count(rate(h[3m]))",
        "sum by (i) (h) or sum(x_total)",
        "info(x_total)",
        "topk(2, x_total)",
        "x_total{cluster=\"c2\"}[2m]", /* instant alone */
    };
    (void)state;
    for (unsigned seed = 1; seed <= 40; seed++) {
        struct bench b;
        open_bench(&b);
        b.w.eval.features = ~(unsigned)GV_FEATURE_DELAYED_NAME_REMOVAL;
        fill_merged(&b, seed);
        b.w.eval.start = b.w.eval.end = 300000 + seed * 7001;
        for (size_t i = 0; i < GV_COUNT(queries); i++)
            assert_agrees(&b, queries[i], ANY_ROUNDS);
        b.w.eval.end += 200000;
        b.w.eval.step = 11000;
        for (size_t i = 0; i + 1 < GV_COUNT(queries); i++)
            assert_agrees(&b, queries[i], ANY_ROUNDS);
        gv_arena_fini(&b.arena);
    }
}

/* One of them is enough for an answer, with its holes. */
static void a_replica_that_is_missing(void **state)
{
    struct bench *b = *state;
    fill_merged(b, 3);
    struct gv_plan_answer *answers;
    const struct gv_plan *p = plan_and_answer(b, "count(x_total{cluster=\"c1\"})", &answers);
    answers[0].n_others = 0;
    run(b, p, answers);
    assert_string_equal(result_text(b), "\n      {} 4@600000");
    answers[0].result = NULL;
    run(b, p, answers);
    assert_int_equal(b->result.n, 0);
}

static void a_replica_that_answers_nonsense_names_its_cluster(void **state)
{
    struct bench *b = *state;
    fill_merged(b, 4);
    struct gv_plan_answer *answers;
    struct gv_plan *p = plan_and_answer(b, "count(x_total{cluster=\"c2\"})", &answers);
    assert_int_equal(answers[0].n_others, 3);
    ((struct gv_result *)(uintptr_t)answers[0].others[2])->type = GV_RESULT_SCALAR;
    struct gv_plan_run_options o = {&b->w.eval, answers};
    struct gv_plan_retry retry;
    assert_false(gv_plan_run(&b->arena, p, &o, &b->result, NULL, &retry, &b->err));
    assert_non_null(strstr(b->err.msg, "cluster \"c2\": answered \"x_total[15m]\" with a scalar"));
}

#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(partial_aggregates_are_combined),
        test(sums_that_lose_their_digits_need_the_argument),
        test(histograms_come_as_samples),
        test(a_cluster_that_fails_one_ask_is_left_out_of_all),
        test(what_one_cluster_alone_would_say_holds_only_if_it_says_it),
        test(samples_are_read_while_somebody_waits),
        test(a_scalar_beside_what_is_empty),
        test(labels_of_constants_are_not_renamed),
        test(annotations_speak_of_the_query),
        test(annotations_are_shown_by_the_ten),
        test(windows_of_a_range_are_joined),
        test(a_source_that_is_never_pushed_to_gives_the_same),
        test(a_series_in_two_answers_is_an_error),
        test(holes_at_random_leave_no_trace),
        test(a_replica_that_is_missing),
        test(a_replica_that_answers_nonsense_names_its_cluster),
    };
    return cmocka_run_group_tests_name("exec.plan_run", tests, NULL, NULL);
}
