/* A block gives back what was put into it: series, samples bit for bit, by any matchers, without what was deleted. */
#include "block_support.h"

static struct given series[512];

static struct block *small_block(size_t *n)
{
    *n = small_series(series);
    return make_block(series, *n, SMALL_CHUNK, SMALL_MIN, SMALL_MAX);
}

static void check_all(struct block *b, const struct given *expected, size_t n)
{
    struct store_reader *r = block_reader(b);
    struct given *got;
    size_t n_got;
    struct gv_err err = {0};
    if (!read_all(&r, 1, NULL, 0, INT64_MIN, INT64_MAX, &got, &n_got, &err))
        fail_msg("%s", err.msg);
    assert_true(same_series(got, n_got, expected, n));
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    size_t n;
    struct block *b = small_block(&n);
    const struct block_meta *m = block_meta(b);
    check_all(b, series, n);
    assert_int_equal(m->series, n);
    assert_int_equal(m->samples, 9 + 3 + 5 + 5 + 2);
    assert_int_equal(m->chunks, 3 + 1 + 2 + 2 + 1);
    assert_int_equal(m->min_time, SMALL_MIN);
    assert_int_equal(m->max_time, SMALL_MAX);
    assert_int_equal(m->level, 1);
    assert_int_equal(m->n_sources, 1);
    assert_string_equal(m->sources[0], m->ulid);
    assert_string_equal(strrchr(block_folder(b), '/') + 1, m->ulid);
    assert_true(block_bytes(b) > 1000);
    block_put(b);
}

static void nothing_makes_no_block(void **state)
{
    (void)state;
    struct block_writer_options o = {.io = &gv_io_system, .parent = folder, .max_time = 1000, .level = 1};
    struct gv_err err = {0};
    struct given none = {labels_of("a"), {.n = 0}};
    assert_null(write_block(&o, &none, 1, 10, &err));
    assert_int_equal(err.code, GV_OK);
    run_command("[ -z \"$(ls '%s')\" ]", folder);
}

static void many_values_and_several_segments(void **state)
{
    (void)state;
    size_t n = GV_COUNT(series);
    for (size_t i = 0; i < n; i++) {
        const char *text = gv_arena_printf(&arena, "m%zu{value=\"%zu\",even=\"%s\",job=\"j%zu\"}", i % 7, i,
                                           i % 2 ? "" : "yes", i % 40);
        series[i] = (struct given){labels_of(text), floats((int64_t)i, 60000, 30 + (uint32_t)i % 100)};
    }
    struct block_writer_options o = {
        .io = &gv_io_system, .parent = folder, .max_time = 130 * 60000, .level = 1, .now = 1, .segment_size = 10000};
    struct gv_err err = {0};
    const char *path = write_block(&o, series, n, 50, &err);
    assert_non_null(path);
    run_command("[ $(ls '%s/chunks' | wc -l) -gt 5 ]", path);
    struct block *b = open_block(path);
    check_all(b, series, n);
    struct gv_slice *names, *values;
    size_t n_names, n_values;
    struct store_reader *r = block_reader(b);
    assert_true(r->ops->label_names(r, &arena, &names, &n_names, &err));
    assert_int_equal(n_names, 4);
    assert_true(gv_slice_is(names[0], "__name__") && gv_slice_is(names[1], "even") && gv_slice_is(names[3], "value"));
    assert_true(r->ops->label_values(r, &arena, GV_S("value"), &values, &n_values, &err));
    assert_int_equal(n_values, n);
    for (size_t i = 1; i < n_values; i++)
        assert_true(gv_slice_cmp(values[i - 1], values[i]) < 0);
    assert_true(r->ops->label_values(r, &arena, GV_S("nothing"), &values, &n_values, &err));
    assert_int_equal(n_values, 0);
    block_put(b);
}

static size_t count_expected(const struct gv_selector *s, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += gv_matchers_match(s->matchers, s->n_matchers, series[i].labels);
    return count;
}

static void check_selector(struct block *b, const char *text, size_t n)
{
    const struct gv_selector *s = selector_of(text);
    struct store_reader *r = block_reader(b);
    struct gv_err err = {0};
    uint64_t *found;
    size_t n_found;
    assert_true(r->ops->select(r, &arena, s->matchers, s->n_matchers, INT64_MIN, INT64_MAX, &found, &n_found, &err));
    const struct gv_labels *before = NULL;
    for (size_t i = 0; i < n_found; i++) {
        const struct gv_labels *l;
        assert_true(r->ops->labels(r, &arena, found[i], &l, &err));
        if (!gv_matchers_match(s->matchers, s->n_matchers, l))
            fail_msg("%s: a series that does not match", text);
        assert_true(!before || gv_labels_cmp(before, l) < 0);
        before = l;
    }
    if (n_found != count_expected(s, n))
        fail_msg("%s: %zu series, expected %zu", text, n_found, count_expected(s, n));
}

static void matchers_select_what_matches(void **state)
{
    (void)state;
    static const char *const names[] = {"__name__", "value", "even", "job", "absent"};
    static const char *const matchers[] = {
        "=\"\"",        "!=\"\"",     "=\"j7\"",          "!=\"j7\"",      "=\"yes\"",      "!=\"yes\"",
        "=\"m3\"",      "!=\"m3\"",   "=\"nobody\"",      "!=\"none\"",    "=~\"j1|j2|x\"", "!~\"j1|j2\"",
        "=~\"j1|\"",    "!~\"j1|\"",  "=~\"j1.*\"",       "!~\"j1.*\"",    "=~\".*1\"",     "!~\".*1\"",
        "=~\".*0.*\"",  "=~\".*\"",   "!~\".*\"",         "=~\".+\"",      "!~\".+\"",      "=~\"[0-9]+\"",
        "!~\"[0-9]+\"", "=~\"1..?\"", "!~\"(j|m)[1-3]\"", "=~\"yes|5|m1\""};
    size_t n = GV_COUNT(series);
    for (size_t i = 0; i < n; i++) {
        const char *text = gv_arena_printf(&arena, "m%zu{value=\"%zu\",even=\"%s\",job=\"j%zu\"}", i % 7, i,
                                           i % 2 ? "" : "yes", i % 40);
        series[i] = (struct given){labels_of(text), floats(0, 1000, 1)};
    }
    struct block *b = make_block(series, n, 1, 0, 1000);
    check_selector(b, "{job=~\".+\"}", n);
    for (size_t i = 0; i < GV_COUNT(names); i++)
        for (size_t k = 0; k < GV_COUNT(matchers); k++) {
            check_selector(b, gv_arena_printf(&arena, "{%s%s,job=~\".+\"}", names[i], matchers[k]), n);
            check_selector(b, gv_arena_printf(&arena, "m2{%s%s}", names[i], matchers[k]), n);
            check_selector(b, gv_arena_printf(&arena, "m2{job=\"j2\",%s%s}", names[i], matchers[k]), n);
            for (size_t l = 0; l < GV_COUNT(matchers); l += 3)
                check_selector(
                    b, gv_arena_printf(&arena, "{%s%s,value%s,__name__!=\"\"}", names[i], matchers[k], matchers[l]), n);
        }
    struct store_reader *r = block_reader(b);
    struct gv_err err = {0};
    uint64_t *found;
    size_t n_found;
    assert_true(r->ops->select(r, &arena, NULL, 0, INT64_MIN, INT64_MAX, &found, &n_found, &err));
    assert_int_equal(n_found, n);
    assert_true(r->ops->select(r, &arena, NULL, 0, 1000, INT64_MAX, &found, &n_found, &err));
    assert_int_equal(n_found, 0);
    block_put(b);
}

static void only_chunks_within_the_times(void **state)
{
    (void)state;
    series[0] = (struct given){labels_of("a"), floats(0, 1000, 40)};
    struct block *b = make_block(series, 1, 10, 0, 40000);
    struct store_reader *r = block_reader(b);
    struct gv_err err = {0};
    uint64_t *found;
    size_t n_found;
    struct store_series s;
    assert_true(r->ops->select(r, &arena, NULL, 0, 0, 1, &found, &n_found, &err));
    assert_true(r->ops->series(r, &arena, found[0], 9500, 20000, &s, &err));
    assert_int_equal(s.n_chunks, 2);
    assert_int_equal(s.chunks[0].min_time, 10000);
    assert_int_equal(s.chunks[1].max_time, 29000);
    assert_true(r->ops->series(r, &arena, found[0], 9001, 9999, &s, &err));
    assert_int_equal(s.n_chunks, 0);
    assert_non_null(s.labels);
    block_put(b);
}

/* ---- Deletions ---- */

static size_t without(struct given *s, size_t n, const char *selector, int64_t min_time, int64_t max_time)
{
    const struct gv_selector *sel = selector_of(selector);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct given g = s[i];
        bool matches = gv_matchers_match(sel->matchers, sel->n_matchers, g.labels);
        int64_t *times;
        double *values;
        const struct gv_histogram **all;
        struct gv_raw_column raw = empty_raw(g.raw.n, g.raw.histograms != NULL, &times, &values, &all);
        raw.n = 0;
        for (uint32_t k = 0; k < g.raw.n; k++) {
            if (matches && g.raw.times[k] >= min_time && g.raw.times[k] <= max_time)
                continue;
            times[raw.n] = g.raw.times[k];
            values[raw.n] = g.raw.values[k];
            if (all)
                all[raw.n] = g.raw.histograms[k];
            raw.n++;
        }
        g.raw = raw;
        if (raw.n)
            s[kept++] = g;
    }
    return kept;
}

static void delete (struct block *b, const char *selector, int64_t min_time, int64_t max_time)
{
    const struct gv_selector *s = selector_of(selector);
    struct gv_err err = {0};
    if (!block_delete(b, s->matchers, s->n_matchers, min_time, max_time, &err))
        fail_msg("%s", err.msg);
}

static void deleted_samples_are_gone(void **state)
{
    (void)state;
    size_t n;
    struct block *b = small_block(&n);
    delete (b, "up{job=\"a\"}", 3000, 5000);
    n = without(series, n, "up{job=\"a\"}", 3000, 5000);
    check_all(b, series, n);
    delete (b, "{job=\"b\"}", INT64_MIN, INT64_MAX);
    n = without(series, n, "{job=\"b\"}", INT64_MIN, INT64_MAX);
    delete (b, "latency", 5000, 5000);
    n = without(series, n, "latency", 5000, 5000);
    delete (b, "up", 5001, 6000); /* behind what is gone already: one interval */
    n = without(series, n, "up", 5001, 6000);
    check_all(b, series, n);
    assert_int_equal(block_meta(b)->tombstones, 4);
    delete (b, "nothing", 0, 10000);
    delete (b, "up", 100000, 200000);
    assert_int_equal(block_meta(b)->tombstones, 4);
    char *path = gv_arena_printf(&arena, "%s", block_folder(b));
    block_put(b);
    b = open_block(path);
    assert_int_equal(block_meta(b)->tombstones, 4);
    check_all(b, series, n);
    block_put(b);
}

/* ---- Folders ---- */

static void a_forgotten_block_stays_for_its_readers(void **state)
{
    (void)state;
    size_t n;
    struct block *b = small_block(&n), *reader = block_get(b);
    char *path = gv_arena_printf(&arena, "%s", block_folder(b));
    block_forget(b);
    block_put(b);
    check_all(reader, series, n);
    assert_int_equal(access(path, F_OK), 0);
    block_put(reader);
    run_command("[ -z \"$(ls '%s')\" ]", folder);
}

static void a_link_is_the_block_as_it_was(void **state)
{
    (void)state;
    size_t n;
    struct block *b = small_block(&n);
    struct gv_err err = {0};
    const char *to = gv_arena_printf(&arena, "%s/copy", folder);
    delete (b, "latency", 0, 5000);
    n = without(series, n, "latency", 0, 5000);
    assert_true(block_link(b, to, &err));
    delete (b, "up", 0, 5000);
    block_forget(b);
    block_put(b);
    struct block *copy = open_block(to);
    check_all(copy, series, n);
    block_put(copy);
}

static void series_out_of_order_are_refused(void **state)
{
    (void)state;
    struct block_writer_options o = {.io = &gv_io_system, .parent = folder, .max_time = 100000, .level = 1};
    struct gv_err err = {0};
    struct gv_raw_column raw = floats(0, 1000, 5);
    size_t n;
    struct gv_chunk *chunks = chunks_of(&raw, 5, &n);
    struct block_writer *w = block_writer_new(&o, &err);
    assert_true(block_writer_add(w, labels_of("b"), chunks, n, &err));
    assert_false(block_writer_add(w, labels_of("a"), chunks, n, &err));
    assert_int_equal(err.code, GV_INTERNAL);
    assert_non_null(strstr(err.msg, "series out of order: a"));
    block_writer_free(w);
    run_command("[ -z \"$(ls '%s')\" ]", folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_goes_in_comes_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_makes_no_block, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_values_and_several_segments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(matchers_select_what_matches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_chunks_within_the_times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deleted_samples_are_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_forgotten_block_stays_for_its_readers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_link_is_the_block_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(series_out_of_order_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
