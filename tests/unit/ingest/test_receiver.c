/* Write requests against a store that keeps the newest sample of each series: what is taken, what is refused and in
 * which words, and that no bad item loses a good one. Both versions of the protocol. */
#include "../../support/write_build.h"
#include "ingest/receiver.h"
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* ---- A store ---- */

enum { MOST_SERIES = 100 };

struct test_series {
    char labels[400];
    int64_t last, exemplar; /* times of the newest */
    double value;
    bool gone;
};
struct test_store {
    struct test_series series[MOST_SERIES];
    size_t n, asked; /* series made; questions for a number */
    struct gv_buf metadata;
    bool refuses, fails_later;
};
static struct test_store store;

static bool store_series(void *ctx, const struct gv_labels *labels, uint64_t *id, struct gv_err *err)
{
    (void)err;
    struct test_store *s = ctx;
    struct gv_buf text = GV_BUF_INIT;
    gv_labels_print(&text, labels);
    s->asked++;
    for (*id = 1; *id <= s->n; ++*id)
        if (!s->series[*id - 1].gone && strcmp(s->series[*id - 1].labels, gv_buf_cstr(&text)) == 0)
            break;
    if (*id > s->n) {
        assert_in_range(++s->n, 1, MOST_SERIES);
        s->series[*id - 1] = (struct test_series){.last = INT64_MIN};
        snprintf(s->series[*id - 1].labels, sizeof s->series[0].labels, "%s", gv_buf_cstr(&text));
    }
    gv_buf_fini(&text);
    return true;
}

static uint8_t judge(struct test_series *s, const struct gv_store_sample *x)
{
    enum { FUTURE = 1000000 };
    if (s->gone)
        return GV_APPEND_GONE;
    if (x->time > FUTURE)
        return GV_APPEND_OUT_OF_BOUNDS;
    if (x->time == s->last)
        return memcmp(&x->value, &s->value, sizeof x->value) == 0 ? GV_APPEND_SAME : GV_APPEND_DUPLICATE;
    if (x->time < s->last)
        return GV_APPEND_OUT_OF_ORDER;
    s->last = x->time;
    s->value = x->value;
    return GV_APPEND_STORED;
}

static uint8_t judge_exemplar(struct test_series *s, const struct gv_store_exemplar *x)
{
    if (s->gone || x->time > s->exemplar) {
        s->exemplar = x->time;
        return s->gone ? GV_APPEND_GONE : GV_APPEND_STORED;
    }
    return x->time < s->exemplar ? GV_APPEND_OUT_OF_ORDER : GV_APPEND_DUPLICATE;
}

static bool store_append(void *ctx, const struct gv_store_batch *b, struct gv_log_ticket *ticket, struct gv_err *err)
{
    struct test_store *s = ctx;
    if (s->refuses)
        return gv_fail(err, GV_UNAVAILABLE, "the log takes nothing");
    for (size_t i = 0; i < b->n; i++)
        b->verdicts[i] = judge(&s->series[b->samples[i].series - 1], &b->samples[i]);
    for (size_t i = 0; i < b->n_exemplars; i++)
        b->exemplar_verdicts[i] = judge_exemplar(&s->series[b->exemplars[i].series - 1], &b->exemplars[i]);
    for (size_t i = 0; i < b->n_metadata; i++) {
        const struct gv_store_metadata *m = &b->metadata[i];
        gv_buf_printf(&s->metadata, "%.*s/%.*s %.*s %.*s %.*s\n", GV_ARG(m->cluster), GV_ARG(m->metric),
                      GV_ARG(m->type), GV_ARG(m->help), GV_ARG(m->unit));
    }
    struct gv_err later = {0};
    if (s->fails_later)
        gv_fail(&later, GV_UNAVAILABLE, "no space left on device");
    ticket->done(ticket, &later);
    return true;
}

static const struct test_series *series_named(const char *labels)
{
    for (size_t i = 0; i < store.n; i++)
        if (strcmp(store.series[i].labels, labels) == 0 && !store.series[i].gone)
            return &store.series[i];
    return NULL;
}

/* ---- A receiver ---- */

static struct gv_receiver *receiver;
static struct gv_cluster_registry *registry;
static struct gv_clusters *clusters;
static struct gv_ingest_settings settings;
static struct gv_arena arena;

static int set_up(void **state)
{
    (void)state;
    static const char *const endpoints[] = {"http://127.0.0.1:9"};
    static const struct gv_label labels[] = {{GV_S("region"), GV_S("north")}};
    static struct gv_cluster_config configs[2];
    struct gv_err err = {0};
    configs[0] = configs[1] = gv_cluster_config_default;
    configs[0].name = "asked", configs[0].endpoints = endpoints, configs[0].n_endpoints = 1;
    configs[1].name = "pushes", configs[1].labels = labels, configs[1].n_labels = 1;
    store = (struct test_store){.n = 0};
    gv_arena_init(&arena, NULL);
    registry = gv_cluster_registry_new();
    clusters = gv_clusters_new(registry, "cluster", configs, 2, &err);
    assert_non_null(clusters);
    settings = (struct gv_ingest_settings){.generation = 1,
                                           .cluster_label = GV_S("cluster"),
                                           .clusters = clusters,
                                           .max_body_size = 1 << 20,
                                           .max_decoded_size = 1 << 20,
                                           .max_labels_size = 4096,
                                           .max_labels = 100};
    struct gv_receiver_options o = {
        .sink = {&store, store_series, store_append}, .max_inflight_bytes = 64 << 20, .max_cached_series = 100000};
    receiver = gv_receiver_new(&o);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(atomic_load(&gv_receiver_budget(receiver)->used), 0);
    gv_receiver_free(receiver);
    gv_clusters_put(clusters);
    gv_cluster_registry_free(registry);
    gv_arena_fini(&arena);
    gv_buf_fini(&store.metadata);
    return 0;
}

struct outcome {
    enum gv_err_code code;
    const char *text;
    uint64_t samples, histograms, exemplars;
};

static void on_done(void *arg, struct gv_incoming *in)
{
    (void)in;
    ++*(int *)arg;
}

static struct outcome send_body(enum gv_write_version version, const char *cluster, struct gv_slice body)
{
    struct gv_incoming_request q = {
        .settings = &settings, .version = version, .cluster = gv_slice_of(cluster), .body = body};
    struct gv_incoming *in = gv_incoming_new(receiver, &q);
    int told = 0;
    gv_incoming_run(in, on_done, &told);
    assert_int_equal(told, 1);
    struct gv_incoming_outcome o = gv_incoming_outcome(in);
    struct outcome kept = {o.code, gv_arena_dup(&arena, o.text).p, o.samples, o.histograms, o.exemplars};
    gv_incoming_free(in);
    return kept;
}

static struct outcome send_built(struct write_build *w, const char *cluster)
{
    struct gv_buf body = GV_BUF_INIT;
    build_body(w, &body);
    struct outcome o = send_body(w->version, cluster, gv_buf_slice(&body));
    gv_buf_fini(&body);
    write_build_free(w);
    return o;
}

static struct outcome send_one(enum gv_write_version version, const char *cluster, const char *labels,
                               const char *samples)
{
    struct write_build w = write_build_new(version);
    build_series(&w, labels, samples);
    return send_built(&w, cluster);
}

static struct outcome send_metadata(const char *cluster, const char *help)
{
    struct write_build w = write_build_new(GV_WRITE_1);
    struct gv_buf m = GV_BUF_INIT;
    pb_put_uint(&m, 1, 2);
    pb_put_text(&m, 2, GV_S("up"));
    pb_put_text(&m, 4, gv_slice_of(help));
    pb_put_bytes(&w.series, 3, gv_buf_slice(&m));
    gv_buf_fini(&m);
    return send_built(&w, cluster);
}

#define BOTH(v) for (enum gv_write_version v = GV_WRITE_1; v <= GV_WRITE_2; v++)
#define assert_says(outcome, part)                                                                                     \
    do {                                                                                                               \
        if (!strstr((outcome).text, (part)))                                                                           \
            fail_msg("\"%s\" is not in:\n%s", (part), (outcome).text);                                                 \
    } while (0)

static void assert_taken(struct outcome o, uint64_t samples)
{
    if (o.code != GV_OK)
        fail_msg("refused: %s", o.text);
    assert_int_equal(o.samples, samples);
}

/* ---- Who a series is ---- */

static void the_cluster_is_that_of_the_path_then_the_label_then_the_default(void **state)
{
    (void)state;
    BOTH(v)
    {
        assert_taken(send_one(v, "", "__name__=a,cluster=own", v ? "2@20" : "1@10"), 1);
        assert_taken(send_one(v, "path", "__name__=a,cluster=own,exported_cluster=x", v ? "2@20" : "1@10"), 1);
        struct outcome o = send_one(v, "", "__name__=a", "1@10");
        assert_int_equal(o.code, GV_BAD_DATA);
        assert_says(o, "{__name__=\"a\"}: no cluster");
        assert_says(o, "external_labels");
        assert_says(o, "/cluster/<name>/api/v1/write");
        assert_says(o, "ingest.default_cluster");
        settings.default_cluster = GV_S("fallback");
        settings.generation++;
        assert_taken(send_one(v, "", "__name__=a", v ? "2@20" : "1@10"), 1);
        settings.default_cluster = (struct gv_slice){NULL, 0};
        settings.generation++;
    }
    assert_int_equal(store.n, 3);
    assert_non_null(series_named("a{cluster=\"own\"}"));
    assert_non_null(series_named("a{cluster=\"path\", exported_cluster=\"own\", exported_exported_cluster=\"x\"}"));
    assert_non_null(series_named("a{cluster=\"fallback\"}"));
}

static void labels_of_a_configured_cluster_are_added(void **state)
{
    (void)state;
    assert_taken(send_one(GV_WRITE_1, "pushes", "__name__=a,region=south", "1@10"), 1);
    assert_taken(send_one(GV_WRITE_1, "", "__name__=b,cluster=pushes", "1@10"), 1);
    assert_non_null(series_named("a{cluster=\"pushes\", exported_region=\"south\", region=\"north\"}"));
    assert_non_null(series_named("b{cluster=\"pushes\", region=\"north\"}"));
}

static void a_cluster_with_endpoints_is_not_pushed(void **state)
{
    (void)state;
    BOTH(v)
    {
        struct outcome o = send_one(v, "", "__name__=a,cluster=asked", "1@10");
        assert_int_equal(o.code, GV_BAD_DATA);
        assert_says(o, "cluster \"asked\" is asked at its endpoints");
        assert_int_equal(send_one(v, "asked", "__name__=a", "1@10").code, GV_BAD_DATA);
    }
    struct outcome o = send_metadata("asked", "alive");
    assert_int_equal(o.code, GV_BAD_DATA);
    assert_says(o, "metadata: cluster \"asked\" is asked at its endpoints");
    assert_int_equal(store.metadata.n, 0);
    assert_int_equal(store.n, 0);
}

static void rules_relabel_and_drop(void **state)
{
    (void)state;
    struct gv_relabel_rule rules[2];
    struct gv_err err = {0};
    for (int i = 0; i < 2; i++)
        gv_options_init(&gv_relabel_table, &arena, &rules[i]);
    rules[0].action = GV_RELABEL_DROP, rules[0].regex = GV_S("noise.*");
    rules[0].source_labels = (struct gv_option_list){&GV_LABEL_NAME, 1, 1};
    rules[1].action = GV_RELABEL_LABELDROP, rules[1].regex = GV_S("pod");
    for (int i = 0; i < 2; i++)
        assert_true(gv_relabel_compile(&rules[i], &arena, &err));
    settings.rules = rules, settings.n_rules = 2;
    for (int i = 0; i < 3; i++) {
        struct write_build w = write_build_new(GV_WRITE_1);
        build_series(&w, "__name__=noise_total,cluster=c", "1@10");
        build_series(&w, "__name__=up,cluster=c,pod=p", "1@10");
        assert_taken(send_built(&w, ""), 1);
    }
    assert_int_equal(store.n, 1);
    assert_int_equal(store.asked, 1);
    assert_non_null(series_named("up{cluster=\"c\"}"));
    settings.n_rules = 0;
}

/* ---- Bad items ---- */

static void put_integers(struct gv_buf *out, uint32_t field, int64_t time, uint64_t count, double sum)
{
    struct gv_buf h = GV_BUF_INIT, span = GV_BUF_INIT;
    pb_put_uint(&h, 1, count);
    pb_put_double(&h, 3, sum);
    pb_put_sint(&h, 4, 1);
    pb_put_uint(&h, 6, 1);
    pb_put_uint(&span, 2, 2);
    pb_put_bytes(&h, 11, gv_buf_slice(&span));
    pb_put_bytes(&h, 12, (struct gv_slice){"\x04\x02", 2}); /* 2, 3 */
    pb_put_int(&h, 15, time);
    pb_put_bytes(out, field, gv_buf_slice(&h));
    gv_buf_fini(&h);
    gv_buf_fini(&span);
}

static void a_bad_sample_loses_no_good_one(void **state)
{
    (void)state;
    BOTH(v)
    {
        assert_taken(send_one(v, v ? "two" : "one", "__name__=a", "1@50 2@60"), 2);
        struct write_build w = write_build_new(v);
        build_series(&w, "__name__=a", "9@55 9@60 2@60 3@70");
        build_series(&w, "__name__=b", "1@10");
        build_series(&w, "__name__=c", "1@2000000");
        build_series(&w, "__name__=d", "1@10");
        struct outcome o = send_built(&w, v ? "two" : "one");
        assert_int_equal(o.code, GV_BAD_DATA);
        assert_says(o, "{__name__=\"a\"}: out of order sample");
        assert_says(o, "sample at 0.055\n");
        assert_says(o, "{__name__=\"a\"}: duplicate sample for timestamp");
        assert_says(o, "{__name__=\"c\"}: out of bounds: more than 10 minutes in the future: sample at 2000.000\n");
        assert_int_equal(o.samples, 4); /* one of them was there */
    }
}

static void series_without_good_labels_are_left_out(void **state)
{
    (void)state;
    BOTH(v)
    {
        struct write_build w = write_build_new(v);
        build_series(&w, "job=a", "1@10");
        build_series(&w, "__name__=a,job=a,job=b", "1@10");
        build_series(&w, "__name__=a,job=\xff", "1@10");
        build_series(&w, "job=b,__name__=good,é=x", v ? "2@20" : "1@10"); /* not sorted */
        struct outcome o = send_built(&w, "c");
        assert_int_equal(o.samples, 1);
        assert_int_equal(o.code, v == GV_WRITE_1 ? GV_OK : GV_BAD_DATA); /* in 1.0 as silently as Prometheus does it */
        if (v == GV_WRITE_2) {
            assert_says(o, "{job=\"a\"}: no metric name (__name__)\n");
            assert_says(o, "{__name__=\"a\", job=\"a\", job=\"b\"}: the label job is there twice\n");
            assert_says(o, "a label is not UTF-8\n");
        }
    }
    assert_int_equal(store.n, 1);
    assert_non_null(series_named("good{cluster=\"c\", job=\"b\", \"é\"=\"x\"}"));
}

static void too_many_and_too_large_labels_are_said(void **state)
{
    (void)state;
    struct gv_buf large = GV_BUF_INIT;
    gv_buf_adds(&large, "__name__=a,x=");
    for (int i = 0; i < 5000; i++)
        gv_buf_addc(&large, 'y');
    settings.max_labels = 3;
    BOTH(v)
    {
        struct outcome o = send_one(v, "c", "__name__=a,b=1,c=1,d=1", "1@10");
        assert_int_equal(o.code, GV_BAD_DATA);
        assert_says(o, "4 labels, max_labels is 3");
        o = send_one(v, "c", gv_buf_cstr(&large), "1@10");
        assert_int_equal(o.code, GV_BAD_DATA);
        assert_says(o, "labels larger than max_labels_size");
    }
    struct write_build w = write_build_new(GV_WRITE_1);
    struct gv_buf rest = GV_BUF_INIT;
    build_labels(&w, &rest, gv_buf_cstr(&large)); /* behind the samples */
    build_series_with(&w, "b=1", "1@10", &rest);
    struct outcome o = send_built(&w, "c");
    assert_int_equal(o.code, GV_BAD_DATA);
    assert_says(o, "labels larger than max_labels_size");
    gv_buf_fini(&rest);
    gv_buf_fini(&large);
    assert_int_equal(store.n, 0);
}

static void long_labels_leave_room_for_what_is_wrong(void **state)
{
    (void)state;
    struct gv_buf labels = GV_BUF_INIT, huge = GV_BUF_INIT;
    gv_buf_adds(&labels, "__name__=a");
    for (int i = 0; i < 25; i++)
        gv_buf_printf(&labels, ",label_%02d=%060d", i, 0);
    gv_buf_printf(&huge, "\xff=%0300d,__name__=a", 0);
    for (int i = 0; i < 250; i++)
        gv_buf_addc(&huge, '\xff');
    BOTH(v)
    {
        struct outcome o = send_one(v, "", gv_buf_cstr(&labels), "1@10");
        assert_says(o, "{__name__=\"a\", label_00=");
        assert_says(o, ", ...}: no cluster: the series has no label cluster; set it in the sender's external_labels");
        assert_says(o, "or set ingest.default_cluster\n");
    }
    assert_says(send_one(GV_WRITE_2, "c", gv_buf_cstr(&huge), "1@10"), ", ...}: a label is not UTF-8\n");
    gv_buf_fini(&labels);
    gv_buf_fini(&huge);
}

static void only_the_first_refusals_are_put_in_words(void **state)
{
    (void)state;
    struct write_build w = write_build_new(GV_WRITE_1);
    for (int i = 0; i < 50; i++)
        build_series(&w, "__name__=a", "1@10");
    struct outcome o = send_built(&w, "");
    assert_int_equal(o.code, GV_BAD_DATA);
    assert_says(o, "... 50 refused in all: no_cluster 50\n");
    size_t lines = 0;
    for (const char *at = o.text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 11);
}

static void each_item_is_counted_once(void **state)
{
    (void)state;
    BOTH(v)
    {
        struct write_build w = write_build_new(v);
        struct gv_buf rest = GV_BUF_INIT;
        put_integers(&rest, v == GV_WRITE_1 ? 4 : 3, 40, 99, 4);
        build_exemplar(&w, &rest, "trace_id=abc", 1, 10);
        for (int i = 0; i < 12; i++)
            build_series_with(&w, "__name__=h", "1@10 2@20", &rest);
        for (int i = 0; i < 5; i++)
            build_series(&w, "job=a", "1@10");
        gv_buf_fini(&rest);
        struct outcome o = send_built(&w, "");
        assert_int_equal(o.code, GV_BAD_DATA);
        assert_says(o, v == GV_WRITE_1
                           ? "... 48 refused in all: invalid_histogram 12, no_cluster 36\n"
                           : "... 53 refused in all: invalid_histogram 12, no_metric_name 5, no_cluster 36\n");
    }
}

static void references_out_of_range_are_the_series_own_fault(void **state)
{
    (void)state;
    struct write_build w = write_build_new(GV_WRITE_2);
    build_series(&w, "__name__=good", "1@10");
    struct gv_buf bad = GV_BUF_INIT;
    pb_put_bytes(&bad, 1, (struct gv_slice){"\x01\x63", 2});
    build_samples(&bad, "1@10");
    pb_put_bytes(&w.series, 5, gv_buf_slice(&bad));
    gv_buf_clear(&bad);
    build_labels(&w, &bad, "__name__=empty");
    pb_put_bytes(&w.series, 5, gv_buf_slice(&bad));
    gv_buf_fini(&bad);
    struct outcome o = send_built(&w, "c");
    assert_int_equal(o.code, GV_BAD_DATA);
    assert_int_equal(o.samples, 1);
    assert_says(o, "series 1 of the request: a label refers to a symbol that is not there\n");
    assert_says(o, "{__name__=\"empty\"}: neither a sample nor a histogram\n");
    assert_int_equal(store.n, 1);
}

static void nothing_is_taken_of_an_empty_series(void **state)
{
    (void)state;
    assert_taken(send_one(GV_WRITE_2, "c", "__name__=known", "1@10"), 1);
    struct write_build w = write_build_new(GV_WRITE_2);
    struct gv_buf rest = GV_BUF_INIT, bad = GV_BUF_INIT;
    build_exemplar(&w, &rest, "trace_id=abc", 1, 10);
    build_series_with(&w, "__name__=known", "", &rest);
    build_series_with(&w, "__name__=new", "", &rest);
    pb_put_bytes(&bad, 1, (struct gv_slice){"\x01\x63", 2});
    pb_put_bytes(&w.series, 5, gv_buf_slice(&bad));
    gv_buf_fini(&rest);
    gv_buf_fini(&bad);
    struct outcome o = send_built(&w, "c");
    assert_int_equal(o.code, GV_BAD_DATA);
    assert_int_equal(o.exemplars, 0);
    assert_string_equal(o.text, "{__name__=\"known\"}: neither a sample nor a histogram\n"
                                "{__name__=\"new\"}: neither a sample nor a histogram\n"
                                "series 2 of the request: neither a sample nor a histogram\n");
    assert_int_equal(store.n, 1);
}

/* ---- Histograms, exemplars, metadata ---- */

static struct gv_histogram a_histogram(int32_t schema)
{
    static const struct gv_span spans[] = {{0, 2}};
    static const double counts[] = {2, 3};
    return (struct gv_histogram){.schema = schema,
                                 .zero_count = 1,
                                 .count = 6,
                                 .sum = 4,
                                 .zero_threshold = .001,
                                 .positive = {spans, counts, 1, 2}};
}

static void histograms_are_checked_one_by_one(void **state)
{
    (void)state;
    BOTH(v)
    {
        struct gv_histogram good = a_histogram(1), fine = a_histogram(20), negative = a_histogram(1);
        uint32_t field = v == GV_WRITE_1 ? 4 : 3;
        negative.zero_count = -1;
        struct write_build w = write_build_new(v);
        struct gv_buf rest = GV_BUF_INIT;
        build_histogram(&w, &rest, 10, &good);
        build_histogram(&w, &rest, 20, &fine); /* reduced to 8 */
        build_histogram(&w, &rest, 30, &negative);
        put_integers(&rest, field, 40, 6, 4);
        put_integers(&rest, field, 50, 7, 4);
        put_integers(&rest, field, 60, 7, __builtin_nan("")); /* observations that are NaN are in no bucket */
        put_integers(&rest, field, 70, 5, __builtin_nan(""));
        build_series_with(&w, "__name__=h", "", &rest);
        build_series(&w, "__name__=a", "1@10");
        gv_buf_fini(&rest);
        struct outcome o = send_built(&w, v ? "two" : "one");
        assert_int_equal(o.code, GV_BAD_DATA);
        assert_int_equal(o.histograms, 4);
        assert_int_equal(o.samples, 1);
        assert_says(o, "{__name__=\"h\"}: Histogram: a negative count: histogram at 0.030\n");
        assert_says(o, "Histogram: a count of 7, but 6 observations in its buckets: histogram at 0.050\n");
        assert_says(o, "histogram at 0.070\n");
    }
}

static void custom_bounds_are_finite_and_have_no_zero_bucket(void **state)
{
    (void)state;
    static const struct gv_span spans[] = {{0, 2}};
    static const double counts[] = {2, 3}, good[] = {1, 2}, bad[][2] = {{1, INFINITY}, {-INFINITY, 1}, {NAN, 1}};
    const struct gv_histogram custom = {.schema = GV_HISTOGRAM_CUSTOM_SCHEMA,
                                        .count = 5,
                                        .sum = 4,
                                        .positive = {spans, counts, 1, 2},
                                        .bounds = good,
                                        .n_bounds = 2};
    BOTH(v)
    {
        struct write_build w = write_build_new(v);
        struct gv_buf rest = GV_BUF_INIT;
        struct gv_histogram h = custom;
        build_histogram(&w, &rest, 10, &h);
        for (size_t i = 0; i < GV_COUNT(bad); i++) {
            h.bounds = bad[i], h.n_bounds = 1 + (i < 2);
            build_histogram(&w, &rest, 20 + (int64_t)i, &h);
        }
        h = custom, h.zero_count = 1;
        build_histogram(&w, &rest, 30, &h);
        build_series_with(&w, "__name__=h", "", &rest);
        gv_buf_fini(&rest);
        struct outcome o = send_built(&w, v ? "two" : "one");
        assert_int_equal(o.histograms, 1);
        assert_says(o, "Histogram: custom bounds that are not finite: histogram at 0.020\n");
        assert_says(o, "Histogram: custom bounds that are not finite: histogram at 0.021\n");
        assert_says(o, "Histogram: custom bounds that are not finite: histogram at 0.022\n");
        assert_says(o, "Histogram: a zero bucket beside custom bounds: histogram at 0.030\n");
    }
}

static void exemplars_are_taken_and_their_faults_told_in_2_0(void **state)
{
    (void)state;
    static const char much[] =
        "trace_id=0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
        "2345678901234567890123456789012345678901234567890";
    char wide[2 * 127 + 3] = "t=";
    for (size_t i = 0; i < 127; i++)
        memcpy(wide + 2 + 2 * i, "é", 2);
    wide[sizeof wide - 1] = '\0';
    BOTH(v)
    {
        struct write_build w = write_build_new(v);
        struct gv_buf rest = GV_BUF_INIT;
        build_exemplar(&w, &rest, "trace_id=abc", 1, 10);
        build_exemplar(&w, &rest, much, 1, 10);
        build_exemplar(&w, &rest, wide, 1, 20); /* 128 characters in 255 bytes */
        build_exemplar(&w, &rest, "trace_id=def", 1, 15);
        build_exemplar(&w, &rest, "trace_id=ghi", 1, 20);
        build_series_with(&w, "__name__=a", "1@10", &rest);
        gv_buf_fini(&rest);
        struct outcome o = send_built(&w, v ? "two" : "one");
        assert_int_equal(o.exemplars, 2);
        assert_int_equal(o.code, v == GV_WRITE_1 ? GV_OK : GV_BAD_DATA);
        if (v == GV_WRITE_1)
            continue;
        assert_says(o, "more than 128 characters: exemplar at 0.010\n");
        assert_says(o, "out of order exemplar: older than the series' newest: exemplar at 0.015\n");
        assert_says(o, "another exemplar for the time of the series' newest: exemplar at 0.020\n");
    }
}

static void metadata_reach_the_store_once_and_when_they_change(void **state)
{
    (void)state;
    const char *const helps[] = {"helps", "helps", "helps more"};
    for (size_t i = 0; i < GV_COUNT(helps); i++) {
        struct write_build w = write_build_new(GV_WRITE_2);
        struct gv_buf rest = GV_BUF_INIT, m = GV_BUF_INIT;
        pb_put_uint(&m, 1, 1);
        pb_put_uint(&m, 3, build_symbol(&w, gv_slice_of(helps[i])));
        pb_put_uint(&m, 4, build_symbol(&w, GV_S("seconds")));
        pb_put_bytes(&rest, 5, gv_buf_slice(&m));
        build_series_with(&w, "__name__=a,cluster=c", i == 0 ? "1@10" : i == 1 ? "1@20" : "1@30", &rest);
        gv_buf_fini(&rest);
        gv_buf_fini(&m);
        assert_taken(send_built(&w, ""), 1);
    }
    assert_string_equal(gv_buf_cstr(&store.metadata), "c/a counter helps seconds\nc/a counter helps more seconds\n");
    gv_buf_clear(&store.metadata);
    assert_taken(send_metadata("c", "alive"), 0);
    assert_string_equal(gv_buf_cstr(&store.metadata), "c/up gauge alive \n");
}

/* ---- The cache ---- */

static void known_series_are_not_asked_for_again(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        char samples[40];
        snprintf(samples, sizeof samples, "%d@%d", i, 10 + i);
        assert_taken(send_one(GV_WRITE_1, "c", "__name__=a,job=x", samples), 1);
    }
    assert_int_equal(store.asked, 1);
    assert_taken(send_one(GV_WRITE_1, "other", "__name__=a,job=x", "1@10"), 1); /* another path, another series */
    assert_int_equal(store.n, 2);
    settings.generation++;
    assert_taken(send_one(GV_WRITE_1, "c", "__name__=a,job=x", "1@99"), 1);
    assert_int_equal(store.asked, 3);
}

static void a_series_that_is_gone_is_made_again(void **state)
{
    (void)state;
    assert_taken(send_one(GV_WRITE_1, "c", "__name__=a", "1@10"), 1);
    assert_taken(send_one(GV_WRITE_1, "c", "__name__=b", "1@10"), 1);
    store.series[0].gone = true;
    struct write_build w = write_build_new(GV_WRITE_1);
    build_series(&w, "__name__=b", "2@20");
    build_series(&w, "__name__=a", "2@20 3@30");
    assert_taken(send_built(&w, "c"), 3);
    assert_int_equal(store.n, 3);
    assert_true(series_named("a{cluster=\"c\"}")->last == 30);
    assert_taken(send_one(GV_WRITE_1, "c", "__name__=a", "1@40"), 1);
    assert_int_equal(store.n, 3);
}

/* ---- Whole requests ---- */

static void what_the_log_cannot_take_counts_as_nothing(void **state)
{
    (void)state;
    BOTH(v)
    {
        const char *cluster = v == GV_WRITE_1 ? "c1" : "c2";
        store.refuses = true;
        struct outcome o = send_one(v, cluster, "__name__=a", "1@10");
        assert_int_equal(o.code, GV_UNAVAILABLE);
        assert_says(o, "the log takes nothing");
        store.refuses = false;
        store.fails_later = true;
        o = send_one(v, cluster, "__name__=a", "1@10");
        assert_int_equal(o.code, GV_UNAVAILABLE);
        assert_says(o, "no space left on device");
        assert_int_equal(o.samples, 0);
        store.fails_later = false;
        assert_int_equal(gv_receiver_last_write(receiver, gv_slice_of(cluster)), 0);
        assert_taken(send_one(v, cluster, "__name__=a", "1@10"), 1);
        assert_true(gv_receiver_last_write(receiver, gv_slice_of(cluster)) > 0);
    }
}

static void a_message_that_is_none_leaves_nothing_behind(void **state)
{
    (void)state;
    BOTH(v)
    {
        struct write_build w = write_build_new(v);
        struct gv_buf message = GV_BUF_INIT, body = GV_BUF_INIT;
        build_series(&w, "__name__=a", "1@10");
        build_series(&w, "__name__=b", "1@10");
        build_message(&w, &message);
        for (size_t n = 1; n < message.n; n++) {
            gv_buf_clear(&body);
            gv_snappy_encode(&body, (struct gv_slice){message.p, message.n - n});
            struct outcome o = send_body(v, "c", gv_buf_slice(&body));
            assert_true(o.code == GV_BAD_DATA || o.code == GV_OK); /* cut between two fields it is whole */
            if (o.code == GV_BAD_DATA)
                assert_int_equal(o.samples, 0);
        }
        write_build_free(&w);
        gv_buf_fini(&message);
        gv_buf_fini(&body);
    }
    struct outcome o = send_body(GV_WRITE_1, "c", GV_S("\xff\xff\xff\xff\x0f xx")); /* declares 4 GiB */
    assert_int_equal(o.code, GV_BAD_DATA);
    assert_says(o, "max_decoded_size");
    o = send_body(GV_WRITE_1, "c", GV_S("\x05nonsense"));
    assert_int_equal(o.code, GV_BAD_DATA);
}

static void receive_within(size_t bytes)
{
    gv_receiver_free(receiver);
    struct gv_receiver_options o = {
        .sink = {&store, store_series, store_append}, .max_inflight_bytes = bytes, .max_cached_series = 1000};
    receiver = gv_receiver_new(&o);
}

/* 2.0 writes a text once and refers to it without end. */
static void texts_that_are_referred_to_are_bounded(void **state)
{
    (void)state;
    enum { LONG = 100000, SERIES = 20 };
    for (int of_labels = 0; of_labels < 2; of_labels++) {
        struct gv_buf text = GV_BUF_INIT, rest = GV_BUF_INIT, m = GV_BUF_INIT;
        gv_buf_adds(&text, "__name__=a,x=");
        for (int i = 0; i < LONG; i++)
            gv_buf_addc(&text, 'y');
        struct write_build w = write_build_new(GV_WRITE_2);
        settings.max_labels_size = LONG * 2;
        pb_put_uint(&m, 3, build_symbol(&w, gv_buf_slice(&text)));
        if (!of_labels)
            pb_put_bytes(&rest, 5, gv_buf_slice(&m));
        for (int i = 0; i < SERIES; i++)
            build_series_with(&w, of_labels ? gv_buf_cstr(&text) : "__name__=a", "1@10", &rest);
        gv_buf_fini(&text);
        gv_buf_fini(&rest);
        gv_buf_fini(&m);
        struct outcome o = send_built(&w, "c");
        assert_int_equal(o.code, GV_BAD_DATA);
        assert_says(o, "labels and metadata of all series are larger than 1048576 bytes, spelled out "
                       "(ingest.max_decoded_size)");
        assert_int_equal(store.n, 0);
    }
}

static void memory_is_bounded(void **state)
{
    (void)state;
    enum { LIMIT = 2 << 20, OTHERS = 1800000 };
    struct gv_err err = {0};
    receive_within(LIMIT);
    struct gv_buf many = GV_BUF_INIT, body = GV_BUF_INIT;
    for (int i = 0; i < 20000; i++)
        gv_buf_adds(&many, "\x0a"), gv_buf_addc(&many, 0); /* empty series: much is made of little */
    gv_snappy_encode(&body, gv_buf_slice(&many));
    assert_true(gv_budget_take(gv_receiver_budget(receiver), OTHERS, &err));
    struct outcome out = send_body(GV_WRITE_1, "c", gv_buf_slice(&body));
    assert_int_equal(out.code, GV_UNAVAILABLE);
    assert_says(out, "max_inflight_bytes");
    gv_budget_give(gv_receiver_budget(receiver), OTHERS);
    assert_taken(send_body(GV_WRITE_1, "c", gv_buf_slice(&body)), 0);
    gv_buf_fini(&many);
    gv_buf_fini(&body);
}

/* A sender that tried it again would never get beyond it. */
static void what_alone_takes_too_much_is_too_large(void **state)
{
    (void)state;
    enum { LIMIT = 100000 };
    receive_within(LIMIT);
    struct gv_buf many = GV_BUF_INIT, body = GV_BUF_INIT;
    for (int i = 0; i < 20000; i++)
        gv_buf_adds(&many, "\x0a"), gv_buf_addc(&many, 0);
    gv_snappy_encode(&body, gv_buf_slice(&many));
    struct outcome out = send_body(GV_WRITE_1, "c", gv_buf_slice(&body)); /* its arrays */
    assert_int_equal(out.code, GV_TOO_LARGE);
    assert_says(out, "ingest.max_inflight_bytes is 100000");
    for (int i = 0; i < 100000; i++)
        gv_buf_addc(&many, 0);
    gv_buf_clear(&body);
    gv_snappy_encode(&body, gv_buf_slice(&many));
    assert_int_equal(send_body(GV_WRITE_1, "c", gv_buf_slice(&body)).code, GV_TOO_LARGE); /* its text */
    assert_taken(send_one(GV_WRITE_1, "c", "__name__=a", "1@10"), 1);
    gv_buf_fini(&many);
    gv_buf_fini(&body);
}

/* Their labels are copied, which takes more than the message itself. */
static void memory_of_exemplars_is_bounded(void **state)
{
    (void)state;
    enum { LIMIT = 8 << 20, OVERDRAFT = 1 << 20 };
    settings.max_decoded_size = 4 << 20;
    receive_within(LIMIT);
    struct write_build w = write_build_new(GV_WRITE_1);
    struct gv_buf rest = GV_BUF_INIT;
    for (int i = 0; i < 50000; i++)
        build_exemplar(&w, &rest, "a=b", 1, i);
    build_series_with(&w, "__name__=a", "1@10", &rest);
    gv_buf_fini(&rest);
    struct outcome o = send_built(&w, "c");
    assert_int_not_equal(o.code, GV_OK);
    assert_says(o, "max_inflight_bytes");
    assert_in_range(atomic_load(&gv_receiver_budget(receiver)->peak), 0, LIMIT + OVERDRAFT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(the_cluster_is_that_of_the_path_then_the_label_then_the_default),
        TEST(labels_of_a_configured_cluster_are_added),
        TEST(a_cluster_with_endpoints_is_not_pushed),
        TEST(rules_relabel_and_drop),
        TEST(a_bad_sample_loses_no_good_one),
        TEST(series_without_good_labels_are_left_out),
        TEST(too_many_and_too_large_labels_are_said),
        TEST(long_labels_leave_room_for_what_is_wrong),
        TEST(only_the_first_refusals_are_put_in_words),
        TEST(each_item_is_counted_once),
        TEST(references_out_of_range_are_the_series_own_fault),
        TEST(nothing_is_taken_of_an_empty_series),
        TEST(histograms_are_checked_one_by_one),
        TEST(custom_bounds_are_finite_and_have_no_zero_bucket),
        TEST(exemplars_are_taken_and_their_faults_told_in_2_0),
        TEST(metadata_reach_the_store_once_and_when_they_change),
        TEST(known_series_are_not_asked_for_again),
        TEST(a_series_that_is_gone_is_made_again),
        TEST(what_the_log_cannot_take_counts_as_nothing),
        TEST(a_message_that_is_none_leaves_nothing_behind),
        TEST(texts_that_are_referred_to_are_bounded),
        TEST(memory_is_bounded),
        TEST(what_alone_takes_too_much_is_too_large),
        TEST(memory_of_exemplars_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
