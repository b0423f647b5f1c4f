/* Samples as /federate gives them: text, and families that protobuf-c reads as the same. */
#include "codec/exposition.h"
#include "base/number.h"
#include "metrics.pb-c.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct gv_arena arena;
static struct gv_exposition all;

static int set_up(void **state)
{
    (void)state;
    gv_arena_init(&arena, NULL);
    gv_exposition_init(&all, &arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gv_arena_fini(&arena);
    return 0;
}

/* ---- Samples: pairs of names and values up to a NULL ---- */

static const struct gv_labels *labels(const char *name, va_list pairs)
{
    struct gv_label list[8] = {{GV_LABEL_NAME, gv_slice_of(name)}};
    size_t n = 1;
    for (const char *key; (key = va_arg(pairs, const char *));)
        list[n++] = (struct gv_label){gv_slice_of(key), gv_slice_of(va_arg(pairs, const char *))};
    return gv_labels_make(&arena, list, n);
}

static void add(double v, int64_t time, const struct gv_histogram *h, const char *name, ...)
{
    va_list pairs;
    struct gv_err err = {0};
    va_start(pairs, name);
    const struct gv_exposition_sample s = {.labels = labels(name, pairs), .value = v, .histogram = h, .time = time};
    va_end(pairs);
    assert_true(gv_exposition_add(&all, &s, &err));
}

static struct gv_exposition_writer *writer(enum gv_exposition_format f, enum gv_exposition_escaping escaping)
{
    struct gv_err err = {0};
    struct gv_exposition_writer *w = gv_exposition_writer_new(&arena, &all, f, escaping, &err);
    assert_non_null(w);
    return w;
}

/* ---- Text ---- */

static void check_text(enum gv_exposition_escaping escaping, const char *expected)
{
    for (size_t want = 0; want < 10000; want = want * 10 + 1) {
        struct gv_exposition_writer *w = writer(GV_EXPOSITION_TEXT, escaping);
        struct gv_buf out = GV_BUF_INIT;
        while (gv_exposition_writer_next(w, &out, want))
            ;
        assert_string_equal(gv_buf_cstr(&out), expected);
        gv_buf_fini(&out);
    }
}

static void values_are_written_as_go_writes_them(void **state)
{
    (void)state;
    add(1.5, -7, NULL, "x", "a", "1", NULL);
    add(NAN, 0, NULL, "x", "a", "2", NULL);
    add(INFINITY, 1, NULL, "x", "a", "3", NULL);
    add(1e-7, 1435781430781, NULL, "x", "a", "4", NULL);
    add(2.5e6, 1, NULL, "x", "a", "5", NULL);
    check_text(GV_ESCAPE_UNDERSCORES,
               "# TYPE x untyped\nx{a=\"1\",instance=\"\"} 1.5 -7\nx{a=\"2\",instance=\"\"} NaN 0\n"
               "x{a=\"3\",instance=\"\"} +Inf 1\nx{a=\"4\",instance=\"\"} 1e-07 1435781430781\n"
               "x{a=\"5\",instance=\"\"} 2.5e+06 1\n");
}

static void texts_are_escaped(void **state)
{
    (void)state;
    add(1, 2, NULL, "x", "a", "\\\"\n", "b", "é", "instance", "i", NULL);
    check_text(GV_ESCAPE_UNDERSCORES, "# TYPE x untyped\nx{a=\"\\\\\\\"\\n\",b=\"é\",instance=\"i\"} 1 2\n");
}

static void names_of_any_text(void **state)
{
    (void)state;
    add(5, 6, NULL, "http.requests", "a.b", "1", NULL);
    add(1, 1, NULL, "9é", NULL);
    check_text(GV_ESCAPE_ALLOW_UTF8, "# TYPE \"9é\" untyped\n{\"9é\",instance=\"\"} 1 1\n# TYPE \"http.requests\" "
                                     "untyped\n{\"http.requests\",\"a.b\"=\"1\",instance=\"\"} 5 6\n");
    check_text(GV_ESCAPE_UNDERSCORES, "# TYPE __ untyped\n__{instance=\"\"} 1 1\n"
                                      "# TYPE http_requests untyped\nhttp_requests{a_b=\"1\",instance=\"\"} 5 6\n");
}

static void the_latest_of_each_in_order(void **state)
{
    (void)state;
    static const struct gv_histogram h = {.count = 1};
    add(1, 10, NULL, "b", NULL);
    add(1, 10, NULL, "a", "x", "2", NULL);
    add(2, 10, NULL, "a", "x", "1", NULL);
    add(7, 11, NULL, "a", "x", "1", NULL);
    add(8, 9, NULL, "b", NULL);
    add(0, 1, NULL, "A", NULL);
    add(0, 11, &h, "A", NULL); /* the latest sample is a histogram: text has none */
    add(3, 10, NULL, "b", NULL);
    check_text(GV_ESCAPE_UNDERSCORES, "# TYPE a untyped\na{x=\"1\",instance=\"\"} 7 11\na{x=\"2\",instance=\"\"} 1 10\n"
                                      "# TYPE b untyped\nb{instance=\"\"} 1 10\n");
}

static void nothing_is_nothing(void **state)
{
    (void)state;
    check_text(GV_ESCAPE_UNDERSCORES, "");
    struct gv_buf out = GV_BUF_INIT;
    assert_false(gv_exposition_writer_next(writer(GV_EXPOSITION_PROTOBUF, GV_ESCAPE_UNDERSCORES), &out, 100));
    assert_int_equal(out.n, 0);
}

/* ---- Protobuf: read by protobuf-c, printed ---- */

static void print_side(struct gv_buf *out, Io__Prometheus__Client__BucketSpan **spans, size_t n, const double *counts,
                       size_t n_counts)
{
    for (size_t i = 0; i < n; i++) {
        assert_true(spans[i]->has_offset && spans[i]->has_length);
        gv_buf_printf(out, " %d+%u", spans[i]->offset, spans[i]->length);
    }
    for (size_t i = 0; i < n_counts; i++)
        gv_buf_printf(out, " %g", counts[i]);
}

static void print_histogram(struct gv_buf *out, const Io__Prometheus__Client__Histogram *h)
{
    assert_true(h->has_sample_sum && h->has_sample_count_float && !h->has_sample_count && !h->has_zero_count);
    gv_buf_printf(out, " count %g sum %g", h->sample_count_float, h->sample_sum);
    for (size_t i = 0; i < h->n_bucket; i++)
        gv_buf_printf(out, " %g:%g", h->bucket[i]->upper_bound, h->bucket[i]->cumulative_count_float);
    if (!h->has_schema)
        return;
    gv_buf_printf(out, " schema %d zero %g %g;", h->schema, h->zero_threshold, h->zero_count_float);
    print_side(out, h->negative_span, h->n_negative_span, h->negative_count, h->n_negative_count);
    gv_buf_addc(out, ';');
    print_side(out, h->positive_span, h->n_positive_span, h->positive_count, h->n_positive_count);
}

static void print_family(struct gv_buf *out, const Io__Prometheus__Client__MetricFamily *f)
{
    static const char *const types[] = {"counter", "gauge", "summary", "untyped", "histogram", "gauge histogram"};
    gv_buf_printf(out, "%s %s\n", f->name, types[f->type]);
    for (size_t i = 0; i < f->n_metric; i++) {
        const Io__Prometheus__Client__Metric *m = f->metric[i];
        for (size_t k = 0; k < m->n_label; k++)
            gv_buf_printf(out, " %s=%s", m->label[k]->name, m->label[k]->value);
        assert_true(m->has_timestamp_ms);
        gv_buf_printf(out, " @%lld", (long long)m->timestamp_ms);
        if (m->untyped) {
            assert_true(m->untyped->has_value);
            gv_buf_addc(out, ' ');
            gv_buf_add_double(out, m->untyped->value);
        }
        if (m->histogram)
            print_histogram(out, m->histogram);
        gv_buf_addc(out, '\n');
    }
}

/* Families, each behind its length; all of the text is used. */
static void print_families(struct gv_buf *out, struct gv_slice text)
{
    for (size_t at = 0; at < text.n;) {
        uint64_t length = 0;
        for (unsigned shift = 0;; shift += 7) {
            uint8_t byte = (uint8_t)text.p[at++];
            length |= (uint64_t)(byte & 0x7f) << shift;
            if (byte < 0x80)
                break;
        }
        assert_in_range(length, 1, text.n - at);
        Io__Prometheus__Client__MetricFamily *f =
            io__prometheus__client__metric_family__unpack(NULL, length, (const uint8_t *)text.p + at);
        assert_non_null(f);
        assert_int_equal(io__prometheus__client__metric_family__get_packed_size(f), length); /* nothing unknown */
        print_family(out, f);
        io__prometheus__client__metric_family__free_unpacked(f, NULL);
        at += length;
    }
}

static void check_families(enum gv_exposition_escaping escaping, const char *expected)
{
    for (size_t want = 0; want < 10000; want = want * 10 + 1) {
        struct gv_exposition_writer *w = writer(GV_EXPOSITION_PROTOBUF, escaping);
        struct gv_buf out = GV_BUF_INIT, text = GV_BUF_INIT;
        while (gv_exposition_writer_next(w, &out, want))
            ;
        print_families(&text, gv_buf_slice(&out));
        assert_string_equal(gv_buf_cstr(&text), expected);
        gv_buf_fini(&out);
        gv_buf_fini(&text);
    }
}

static void floats_are_untyped_families(void **state)
{
    (void)state;
    add(0, 0, NULL, "zero", NULL);
    add(-INFINITY, -5, NULL, "a", "instance", "i", "job", "j", NULL);
    add(NAN, 1435781430781, NULL, "a", "job", "k", NULL);
    check_families(GV_ESCAPE_UNDERSCORES, "a untyped\n instance=i job=j @-5 -Inf\n job=k instance= @1435781430781 NaN\n"
                                          "zero untyped\n instance= @0 0\n");
}

static void names_in_families(void **state)
{
    (void)state;
    add(1, 1, NULL, "a.b", "c.d", "é", NULL);
    check_families(GV_ESCAPE_UNDERSCORES, "a_b untyped\n c_d=é instance= @1 1\n");
    check_families(GV_ESCAPE_ALLOW_UTF8, "a.b untyped\n c.d=é instance= @1 1\n");
}

static const struct gv_span spans[] = {{-2, 1}, {3, 2}};
static const double counts[] = {1, 2.5, 0};

static void native_histograms(void **state)
{
    (void)state;
    const struct gv_histogram full = {.schema = -3,
                                      .zero_threshold = 0.5,
                                      .zero_count = 2,
                                      .count = 9,
                                      .sum = -1.5,
                                      .positive = {spans, counts, 2, 3},
                                      .negative = {spans, counts, 1, 1}};
    const struct gv_histogram gauge = {.count = 1, .reset_hint = GV_RESET_GAUGE, .positive = {spans, counts, 1, 1}};
    const struct gv_histogram empty = {.schema = 0};
    add(0, 1, &full, "h", NULL);
    add(0, 1, &gauge, "g", NULL);
    add(0, 1, &empty, "none", NULL);
    check_families(GV_ESCAPE_UNDERSCORES, "g gauge histogram\n instance= @1 count 1 sum 0 schema 0 zero 0 0;; -2+1 1\n"
                                          "h histogram\n instance= @1 count 9 sum -1.5 schema -3 zero 0.5 2; -2+1 1; "
                                          "-2+1 3+2 1 2.5 0\n"
                                          "none histogram\n instance= @1 count 0 sum 0 schema 0 zero 0 0;; 0+0\n");
}

static void a_family_is_of_one_type(void **state)
{
    (void)state;
    static const struct gv_histogram h = {.count = 1, .zero_count = 1};
    static const struct gv_histogram g = {.count = 2, .zero_count = 2, .reset_hint = GV_RESET_GAUGE};
    add(1, 1, NULL, "m", "a", "1", NULL);
    add(2, 1, NULL, "m", "a", "2", NULL);
    add(0, 1, &h, "m", "a", "3", NULL);
    add(0, 1, &g, "m", "a", "4", NULL);
    add(5, 1, NULL, "m", "a", "5", NULL);
    check_families(GV_ESCAPE_UNDERSCORES, "m untyped\n a=1 instance= @1 1\n a=2 instance= @1 2\n"
                                          "m histogram\n a=3 instance= @1 count 1 sum 0 schema 0 zero 0 1;;\n"
                                          "m gauge histogram\n a=4 instance= @1 count 2 sum 0 schema 0 zero 0 2;;\n"
                                          "m untyped\n a=5 instance= @1 5\n");
}

static void custom_bounds_become_classic_buckets(void **state)
{
    (void)state;
    static const double bounds[] = {0.1, 0.5, 1, 5};
    static const struct gv_span some[] = {{1, 1}, {1, 2}}; /* up to 0.5, up to 5, above */
    static const double held[] = {2, 3, 4};
    const struct gv_histogram h = {.schema = GV_HISTOGRAM_CUSTOM_SCHEMA,
                                   .count = 9,
                                   .sum = 20,
                                   .positive = {some, held, 2, 3},
                                   .bounds = bounds,
                                   .n_bounds = 4};
    const struct gv_histogram none = {.schema = GV_HISTOGRAM_CUSTOM_SCHEMA, .bounds = bounds, .n_bounds = 1};
    add(0, 1, &h, "h", NULL);
    add(0, 1, &none, "none", NULL);
    check_families(GV_ESCAPE_UNDERSCORES, "h histogram\n instance= @1 count 9 sum 20 0.1:0 0.5:2 1:2 5:5 inf:9\n"
                                          "none histogram\n instance= @1 count 0 sum 0 0.1:0 inf:0\n");
}

static void families_of_many_metrics(void **state)
{
    (void)state;
    for (int i = 0; i < 5000; i++)
        add(i, i, NULL, i % 3 ? "one" : "two", "i", gv_arena_printf(&arena, "%d", i), NULL);
    struct gv_exposition_writer *w = writer(GV_EXPOSITION_PROTOBUF, GV_ESCAPE_UNDERSCORES);
    struct gv_buf out = GV_BUF_INIT, text = GV_BUF_INIT;
    size_t most = 0, before = 0;
    for (bool more = true; more; before = out.n) {
        more = gv_exposition_writer_next(w, &out, 1000);
        most = out.n - before > most ? out.n - before : most;
    }
    assert_in_range(most, 1, 1100);
    print_families(&text, gv_buf_slice(&out));
    const char *p = gv_buf_cstr(&text);
    size_t lines = 0;
    for (; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 5002);
    gv_buf_fini(&out);
    gv_buf_fini(&text);
}

static void a_spent_budget_names_its_limit(void **state)
{
    (void)state;
    struct gv_budget budget;
    gv_budget_init(&budget, "max_query_memory", 500000, GV_EXECUTION, NULL);
    struct gv_arena a;
    gv_arena_init(&a, &budget);
    struct gv_exposition x;
    gv_exposition_init(&x, &a);
    struct gv_err err = {0};
    struct gv_exposition_sample s = {.labels = gv_labels_make(&arena, NULL, 0)};
    bool ok = true;
    for (int i = 0; ok && i < 100000; i++)
        ok = gv_exposition_add(&x, &s, &err);
    assert_false(ok);
    assert_non_null(strstr(err.msg, "max_query_memory"));
    gv_arena_fini(&a);
    assert_int_equal(budget.used, 0);
}

#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(values_are_written_as_go_writes_them),
        test(texts_are_escaped),
        test(names_of_any_text),
        test(the_latest_of_each_in_order),
        test(nothing_is_nothing),
        test(floats_are_untyped_families),
        test(names_in_families),
        test(native_histograms),
        test(a_family_is_of_one_type),
        test(custom_bounds_become_classic_buckets),
        test(families_of_many_metrics),
        test(a_spent_budget_names_its_limit),
    };
    return cmocka_run_group_tests_name("codec.exposition", tests, NULL, NULL);
}
