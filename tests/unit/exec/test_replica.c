/* Replicas with holes against the truth without holes: nothing that a replica has is missing, nothing is there twice,
 * and no counter seems reset that was not. */
#include "exec/replica.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct gv_arena arena;

static int set_up(void **state)
{
    (void)state;
    gv_arena_init(&arena, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gv_arena_fini(&arena);
    return 0;
}

static double stale(void)
{
    double d;
    memcpy(&d, &(uint64_t){GV_STALE_BITS}, sizeof d);
    return d;
}

struct growing {
    int64_t *times;
    double *values;
    uint32_t n;
};

static struct growing growing(size_t cap)
{
    return (struct growing){gv_arena_array(&arena, int64_t, cap), gv_arena_array(&arena, double, cap), 0};
}

static void add(struct growing *g, int64_t t, double v)
{
    g->times[g->n] = t;
    g->values[g->n++] = v;
}

static struct gv_raw_column column(const struct growing *g)
{
    return (struct gv_raw_column){.times = g->times, .values = g->values, .n = g->n};
}

/* "100=1 115=2 130=stale" */
static struct gv_raw_column parse(const char *text)
{
    struct growing g = growing(strlen(text) + 1);
    for (char *end; *text; text = end + (*end == ' ')) {
        int64_t t = strtoll(text, &end, 10);
        bool is_stale = strncmp(end, "=stale", 6) == 0;
        double v = is_stale ? stale() : strtod(end + 1, &end);
        end += is_stale ? 6 : 0;
        add(&g, t, v);
    }
    return column(&g);
}

static struct gv_raw_column merge(const struct gv_raw_column *replicas, size_t n)
{
    struct gv_raw_column out;
    struct gv_err err = {0};
    assert_true(gv_replica_merge(&arena, replicas, n, &out, &err));
    return out;
}

static void check_column(const struct gv_raw_column *c, const char *expected)
{
    struct gv_buf text = GV_BUF_INIT;
    for (uint32_t i = 0; i < c->n; i++) {
        gv_buf_printf(&text, "%s%lld=", i ? " " : "", (long long)c->times[i]);
        if (gv_is_stale(c->values[i]))
            gv_buf_adds(&text, "stale");
        else
            gv_buf_printf(&text, "%g", c->values[i]);
    }
    assert_string_equal(gv_buf_cstr(&text), expected);
    gv_buf_fini(&text);
}

static void check(const char *a, const char *b, const char *expected)
{
    struct gv_raw_column replicas[] = {parse(a), parse(b)};
    struct gv_raw_column out = merge(replicas, 2);
    check_column(&out, expected);
}

/* ---- By hand ---- */

static void the_one_with_more_samples_is_the_base(void **state)
{
    (void)state;
    check("100=1 200=2 300=3", "150=7 250=8", "100=1 200=2 300=3");
    check("150=7 250=8", "100=1 200=2 300=3", "100=1 200=2 300=3");
    check("100=1 200=2 300=3", "150=7 250=8 350=9", "100=1 200=2 300=3");
    check("", "100=1 200=2", "100=1 200=2");
    check("", "", "");
    struct gv_raw_column one = parse("1=2");
    struct gv_raw_column out = merge(&one, 1);
    check_column(&out, "1=2");
}

/* Queries at different times must not take turns. */
static void nearly_as_many_samples_leave_the_first_the_base(void **state)
{
    (void)state;
    struct growing a = growing(64), b = growing(64);
    for (int i = 0; i < 30; i++) {
        add(&a, i * 100, i);
        add(&b, i * 100 + 50, i);
    }
    add(&b, 3050, 30);
    struct gv_raw_column replicas[] = {column(&a), column(&b)}, out = merge(replicas, 2);
    assert_int_equal(out.n, 32);
    assert_int_equal(out.times[7], 700);
    add(&b, 3150, 31);
    add(&b, 3250, 32);
    replicas[1] = column(&b);
    out = merge(replicas, 2);
    assert_int_equal(out.n, 33);
    assert_int_equal(out.times[7], 750);
}

static void holes_are_filled_at_half_an_interval(void **state)
{
    (void)state;
    check("0=0 100=1 200=2 600=6 700=7", "40=.4 140=1.4 240=2.4 340=3.4 440=4.4 540=5.4",
          "40=0.4 140=1.4 240=2.4 340=3.4 440=4.4 540=5.4 600=6 700=7");
    check("0=0 100=1 200=2 600=6 700=7 800=8 900=9", "240=2.4 340=3.4 440=4.4 540=5.4",
          "0=0 100=1 200=2 340=3.4 440=4.4 540=5.4 600=6 700=7 800=8 900=9");
    check("0=0 100=1 200=2 350=3 450=4", "275=9", "0=0 100=1 200=2 350=3 450=4");           /* 1.5 is no hole */
    check("0=0 100=1 200=2 352=3 452=4", "230=2.1", "0=0 100=1 200=2 230=2.1 352=3 452=4"); /* better than none */
}

static void what_is_before_and_after_the_base_is_there(void **state)
{
    (void)state;
    check("500=5 600=6 700=7 800=8", "260=2.6 360=3.6 460=4.6 860=8.6 960=9.6",
          "260=2.6 360=3.6 460=4.6 600=6 700=7 800=8 860=8.6 960=9.6");
    check("500=5 600=6 700=7 800=8", "260=2.6 360=3.6 840=8.4 940=9.4",
          "260=2.6 360=3.6 500=5 600=6 700=7 800=8 940=9.4");
    check("500=5 600=6 700=7 800=8", "400=4 900=9", "400=4 500=5 600=6 700=7 800=8 900=9");
}

/* Replicas are out of phase: what one has within an interval of the base's end is no sample that the base missed. */
static void the_ends_of_the_base_are_its_own(void **state)
{
    (void)state;
    check("500=5 600=6 700=7 800=8", "440=4.4 860=8.6", "500=5 600=6 700=7 800=8");
    check("500=5 600=6 700=7 800=8", "410=4.1 890=8.9", "500=5 600=6 700=7 800=8");
    check("500=5 600=6 700=7 800=8", "460=4.6 560=5.6 660=6.6 760=7.6 860=8.6",
          "460=4.6 560=5.6 660=6.6 760=7.6 860=8.6");
}

static void a_third_replica_fills_what_the_second_leaves(void **state)
{
    (void)state;
    struct gv_raw_column replicas[] = {parse("0=0 100=1 200=2 800=8 900=9 1000=10 1100=11"), parse("340=3.4 440=4.4"),
                                       parse("370=3.7 570=5.7 670=6.7")};
    struct gv_raw_column out = merge(replicas, 3);
    check_column(&out, "0=0 100=1 200=2 340=3.4 370=3.7 440=4.4 570=5.7 670=6.7 800=8 900=9 1000=10 1100=11");
}

static void no_reset_is_seen_that_was_none(void **state)
{
    (void)state;
    /* The second replica's clock is behind by 60: its values are lower than those of its times. */
    check("0=100 100=200 200=300 600=700 700=800 800=900 900=1000", "160=200 260=290 360=400 460=500 560=600 660=700",
          "0=100 100=200 200=300 360=400 460=500 600=700 700=800 800=900 900=1000");
    /* Ahead by 60. */
    check("0=100 100=200 200=300 600=700 700=800 800=900 900=1000", "240=400 340=500 440=600 540=701 640=800",
          "0=100 100=200 200=300 340=500 440=600 600=700 700=800 800=900 900=1000");
}

static void a_reset_that_a_replica_saw_is_kept(void **state)
{
    (void)state;
    check("0=100 100=200 200=300 600=350 700=450 800=550 900=600", "150=250 260=5 360=100 460=200 560=300 660=400",
          "0=100 100=200 200=300 260=5 360=100 460=200 600=350 700=450 800=550 900=600");
    check("0=100 100=200 200=300 600=50 700=150 800=250 900=350", "250=350 350=450 450=550 540=600 640=90",
          "0=100 100=200 200=300 250=350 350=450 450=550 540=600 600=50 700=150 800=250 900=350");
}

static void a_series_ends_where_it_ends_for_all(void **state)
{
    (void)state;
    check("0=0 100=1 200=stale", "30=0 130=1 230=stale", "0=0 100=1 200=stale");
    check("0=0 100=1 200=2 300=stale", "60=0 160=1 260=2 360=3 460=stale", "60=0 160=1 260=2 360=3 460=stale");
    /* A marker of the one replica is nothing where the other goes on. */
    check("0=0 100=1 200=2 300=stale 900=9 1000=10", "60=0 260=2 360=3 460=4 560=5 660=6 760=7",
          "60=0 200=2 260=2 360=3 460=4 560=5 660=6 760=7 900=9 1000=10");
    /* Gone from both, and back. */
    check("0=0 100=1 200=2 300=stale 900=9 1000=10 1100=11", "60=0 160=1 260=stale 960=9 1060=10",
          "0=0 100=1 200=2 260=stale 900=9 1000=10 1100=11");
    /* What the base says between two of its own, close to each other, stays. */
    check("0=0 100=1 101=stale 200=2 300=3 310=stale", "60=0 160=1", "0=0 100=1 101=stale 200=2 300=3 310=stale");
}

static void only_markers_stay_markers(void **state)
{
    (void)state;
    check("100=stale", "90=stale", "100=stale");
}

/* ---- Histograms ---- */

static struct gv_raw_column histograms(const char *counts_by_time, enum gv_reset_hint hint)
{
    struct gv_raw_column c = parse(counts_by_time);
    const struct gv_histogram **h = gv_arena_array(&arena, const struct gv_histogram *, c.n);
    static const struct gv_span span = {0, 1};
    for (uint32_t i = 0; i < c.n; i++) {
        struct gv_histogram *one = gv_arena_new(&arena, struct gv_histogram);
        one->reset_hint = hint;
        one->count = one->sum = c.values[i];
        one->positive = (struct gv_buckets){&span, &c.values[i], 1, 1};
        h[i] = one;
    }
    c.histograms = h;
    return c;
}

static void check_hints(const struct gv_raw_column *c, const char *expected)
{
    static const char letters[] = {
        [GV_RESET_UNKNOWN] = 'u', [GV_RESET_YES] = 'r', [GV_RESET_NO] = 'n', [GV_RESET_GAUGE] = 'g'};
    assert_int_equal(c->n, strlen(expected));
    for (uint32_t i = 0; i < c->n; i++)
        assert_int_equal(letters[c->histograms[i]->reset_hint], expected[i]);
}

static void reset_hints_hold_only_behind_the_sample_that_they_speak_of(void **state)
{
    (void)state;
    struct gv_raw_column replicas[] = {histograms("0=1 100=2 200=3 600=7 700=8 800=9 900=stale", GV_RESET_NO),
                                       histograms("50=1 350=4 450=5", GV_RESET_NO)};
    struct gv_raw_column out = merge(replicas, 2);
    check_hints(&out, "nnnununnn");
    replicas[0] = histograms("0=1 100=2 200=3 600=7 700=8 800=9", GV_RESET_GAUGE);
    replicas[1] = histograms("350=4 450=5", GV_RESET_GAUGE);
    out = merge(replicas, 2);
    check_hints(&out, "gggggggg");
}

static void histograms_that_would_seem_reset_are_left_out(void **state)
{
    (void)state;
    struct gv_raw_column replicas[] = {histograms("0=1 100=2 200=3 600=7 700=8 800=9", GV_RESET_NO),
                                       histograms("160=2 260=2.9 360=4 460=5 560=7.1 660=8", GV_RESET_NO)};
    struct gv_raw_column out = merge(replicas, 2);
    check_hints(&out, "nnnununn");
    assert_int_equal(out.times[3], 360);
}

/* ---- At random ---- */

enum { INTERVAL = 15000, STEPS = 200, REPLICAS = 3 };

static unsigned seed;

static unsigned below(unsigned n) /* a small generator of its own: the same numbers everywhere */
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

struct process { /* a counter that grows, and sometimes restarts at nothing, per ms */
    double *values;
    uint32_t resets;
};

static struct process process(bool restarts)
{
    size_t n = (size_t)INTERVAL * (STEPS + 2);
    struct process p = {gv_arena_array(&arena, double, n), 0};
    int64_t quiet = 0; /* restarts are apart, so that each is between two samples of its own */
    for (size_t t = 1; t < n; t++) {
        bool restart = restarts && ++quiet > 20 * INTERVAL && below(30 * INTERVAL) == 0;
        p.values[t] = restart ? 0 : p.values[t - 1] + 1;
        p.resets += restart && t > INTERVAL && t < (size_t)INTERVAL * (STEPS - 1);
        quiet = restart ? 0 : quiet;
    }
    return p;
}

/* What one replica saw: its own phase, some jitter, a clock that is off by `skew`; holes where `is_down` says so. */
static struct gv_raw_column scrape(const struct process *p, const bool *is_down, int64_t phase, int64_t skew)
{
    struct growing g = growing(STEPS);
    for (int64_t i = 0; i < STEPS; i++) {
        int64_t t = i * INTERVAL + phase + below(200);
        if (!is_down[i])
            add(&g, t + skew, p->values[t]);
    }
    return column(&g);
}

/* Down for stretches, never all at once: at every step, and one before and after it, some replica is up. */
static void draw_holes(bool down[REPLICAS][STEPS])
{
    memset(down, 0, REPLICAS * sizeof *down);
    for (int tries = 0; tries < 60; tries++) {
        unsigned r = below(REPLICAS), from = below(STEPS), n = 1 + below(12);
        bool free = true;
        for (unsigned i = from > 2 ? from - 2 : 0; i < from + n + 2 && i < STEPS; i++)
            for (unsigned other = 0; other < REPLICAS; other++)
                free &= other == r || !down[other][i];
        for (unsigned i = from; free && i < from + n && i < STEPS; i++)
            down[r][i] = true;
    }
}

static uint32_t resets(const struct gv_raw_column *c)
{
    uint32_t n = 0;
    for (uint32_t i = 1; i < c->n; i++)
        n += c->values[i] < c->values[i - 1];
    return n;
}

static double increase(const struct gv_raw_column *c)
{
    double sum = 0;
    for (uint32_t i = 1; i < c->n; i++)
        sum += c->values[i] < c->values[i - 1] ? c->values[i] : c->values[i] - c->values[i - 1];
    return sum;
}

static void check_against_truth(const struct gv_raw_column *c, const struct process *p,
                                const struct gv_raw_column *truth)
{
    for (uint32_t i = 1; i < c->n; i++) {
        assert_true(c->times[i] > c->times[i - 1]);
        /* At a switch there may be a little more or less than an interval. */
        assert_in_range(c->times[i] - c->times[i - 1], INTERVAL / 4 - 200, 2 * INTERVAL + 400);
    }
    assert_in_range(c->n, STEPS - 10, STEPS + 10);
    assert_int_equal(resets(c), p->resets);
    double error = increase(c) / increase(truth) - 1;
    assert_true(error < 0.01 && error > -0.01);
}

static void holes_at_random_against_the_truth(void **state)
{
    (void)state;
    static const bool never[STEPS];
    for (seed = 1; seed < 400000000; seed += 19999999) {
        unsigned kept = seed;
        struct gv_arena_mark mark = gv_arena_mark(&arena);
        struct process p = process(true);
        bool down[REPLICAS][STEPS];
        draw_holes(down);
        struct gv_raw_column truth = scrape(&p, never, 0, 0), replicas[REPLICAS];
        for (int r = 0; r < REPLICAS; r++)
            replicas[r] = scrape(&p, down[r], below(INTERVAL), 0);
        struct gv_raw_column out = merge(replicas, REPLICAS);
        check_against_truth(&out, &p, &truth);
        gv_arena_rewind(&arena, mark);
        seed = kept;
    }
}

/* Clocks that are off by up to most of an interval against each other. */
static void holes_at_random_with_clocks_that_are_off(void **state)
{
    (void)state;
    for (seed = 1; seed < 400000000; seed += 19999999) {
        unsigned kept = seed;
        struct gv_arena_mark mark = gv_arena_mark(&arena);
        struct process p = process(false);
        bool down[REPLICAS][STEPS];
        draw_holes(down);
        struct gv_raw_column replicas[REPLICAS];
        for (int r = 0; r < REPLICAS; r++)
            replicas[r] = scrape(&p, down[r], below(INTERVAL), below(INTERVAL * 9 / 10));
        struct gv_raw_column out = merge(replicas, REPLICAS);
        assert_int_equal(resets(&out), 0);
        gv_arena_rewind(&arena, mark);
        seed = kept;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_with_more_samples_is_the_base),
        cmocka_unit_test(nearly_as_many_samples_leave_the_first_the_base),
        cmocka_unit_test(holes_are_filled_at_half_an_interval),
        cmocka_unit_test(what_is_before_and_after_the_base_is_there),
        cmocka_unit_test(the_ends_of_the_base_are_its_own),
        cmocka_unit_test(a_third_replica_fills_what_the_second_leaves),
        cmocka_unit_test(no_reset_is_seen_that_was_none),
        cmocka_unit_test(a_reset_that_a_replica_saw_is_kept),
        cmocka_unit_test(a_series_ends_where_it_ends_for_all),
        cmocka_unit_test(only_markers_stay_markers),
        cmocka_unit_test(reset_hints_hold_only_behind_the_sample_that_they_speak_of),
        cmocka_unit_test(histograms_that_would_seem_reset_are_left_out),
        cmocka_unit_test(holes_at_random_against_the_truth),
        cmocka_unit_test(holes_at_random_with_clocks_that_are_off),
    };
    return cmocka_run_group_tests_name("exec.replica", tests, set_up, tear_down);
}
