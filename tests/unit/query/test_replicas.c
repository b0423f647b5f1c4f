/* Clusters whose replicas are merged, over real sockets: one ask to each, what their failures mean, how they are told
 * apart. */
#include "query/fanout.h"
#include "../fake_backend.h"
#include "../../support/read_answers.h"
#include <setjmp.h>
#include <cmocka.h>

enum { REPLICAS = 3 };

static struct gv_loop *loop;
static struct gv_query_env env;
static struct gv_cluster_registry *registry;
static struct gv_budget memory;
static struct gv_cluster_config config;
static struct gv_clusters *set;
static struct gv_settings settings;
static struct fake fakes[REPLICAS];
static const char *endpoints[REPLICAS];
static char urls[REPLICAS][64];

static void keep(struct gv_settings *s)
{
    (void)s;
}

static void configure(unsigned n)
{
    struct gv_err err = {0};
    for (unsigned i = 0; i < n; i++) {
        snprintf(urls[i], sizeof urls[i], "http://127.0.0.1:%d", fakes[i].port);
        endpoints[i] = urls[i];
    }
    config.endpoints = endpoints;
    config.n_endpoints = n;
    assert_non_null(set = gv_clusters_new(registry, "cluster", &config, 1, &err));
    settings.clusters = set;
    gv_cluster_client_set_clusters(env.clusters, set);
}

static int setup(void **state)
{
    (void)state;
    struct gv_err err = {0};
    config = gv_cluster_config_default;
    config.name = "c1";
    config.replicas = GV_REPLICAS_MERGE;
    config.hedge_after_ms = 1; /* without meaning here: a second ask to a replica would be counted */
    gv_budget_init(&memory, "max_total_query_memory", 0, GV_UNAVAILABLE, NULL);
    assert_non_null(registry = gv_cluster_registry_new());
    assert_non_null(loop = gv_loop_new(0, &err));
    env = (struct gv_query_env){.loop = loop,
                                .workers = gv_workers_new(1, &err),
                                .clusters = gv_cluster_client_new(loop, &err),
                                .gate = gv_gate_new(2, 2),
                                .memory = &memory};
    settings = (struct gv_settings){.references = 1,
                                    .free = keep,
                                    .limits = {.timeout_ms = 20000,
                                               .lookback_ms = 300000,
                                               .default_step_ms = 60000,
                                               .max_samples = 1000,
                                               .partial_response = true}};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    gv_clusters_put(set);
    gv_cluster_client_free(env.clusters);
    gv_workers_free(env.workers);
    gv_loop_free(loop);
    gv_gate_free(env.gate);
    gv_cluster_registry_free(registry);
    assert_int_equal(memory.used, 0);
    assert_int_equal(settings.references, 1);
    return 0;
}

/* --- what replicas say --- */

static bool down;            /* the second replica fails */
static _Atomic int unwanted; /* requests of another form */

/* Samples at i * 15 s, the value is i; the replica has those that its letters say. */
static bool reply_samples(struct fake_connection *c, const char *request, const char *has)
{
    char body[4096];
    size_t n = (size_t)snprintf(body, sizeof body,
                                "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":"
                                "{\"__name__\":\"x\"},\"values\":[");
    const char *comma = "";
    for (int i = 0; has[i]; i++)
        if (has[i] == 'x') {
            n += (size_t)snprintf(body + n, sizeof body - n, "%s[%d,\"%d\"]", comma, i * 15, i);
            comma = ",";
        }
    snprintf(body + n, sizeof body - n, "]}]}}");
    (void)request;
    return fake_body(c, 200, "", body);
}

static bool reply_first(struct fake_connection *c, const char *request)
{
    return reply_samples(c, request, "xxxxxxxxxxx____x_xxxx");
}

static bool reply_second(struct fake_connection *c, const char *request)
{
    return down ? fake_body(c, 500, "", "out of order") : reply_samples(c, request, "x_xx_xxx__xxxxxxxx__x");
}

static bool reply_failing(struct fake_connection *c, const char *request)
{
    (void)request;
    return fake_body(c, 500, "", "broken");
}

static bool reply_hang(struct fake_connection *c, const char *request)
{
    (void)request;
    return fake_hang(c);
}

/* --- asking --- */

static int answers;
static struct gv_query *query;

static void on_done(void *arg, struct gv_query *q)
{
    (void)arg;
    answers++;
    query = q;
    gv_loop_stop(loop);
}

static struct gv_query *start(const char *text)
{
    struct gv_query_request request = {
        .text = gv_slice_of(text), .start = 300000, .end = 300000, .stats = GV_STATS_ALL};
    answers = 0;
    return gv_query_start(&env, gv_settings_get(&settings), &request, on_done, NULL);
}

static const struct gv_query_outcome *run(const char *text)
{
    start(text);
    gv_loop_run(loop);
    assert_int_equal(answers, 1);
    return gv_query_outcome(query);
}

static void end_query(void)
{
    gv_query_free(query);
}

static double only_value(const struct gv_query_outcome *o)
{
    if (o->err.code != GV_OK)
        fail_msg("%s", o->err.msg);
    assert_int_equal(o->result->n, 1);
    return o->result->series[0].column.steps.values[0];
}

static const char *with_port(const char *format, int port)
{
    static char text[256];
    snprintf(text, sizeof text, format, port);
    return text;
}

static void each_is_asked_once_and_what_they_say_is_merged(void **state)
{
    (void)state;
    fake_start(&fakes[0], reply_first, NULL);
    fake_start(&fakes[1], reply_second, NULL);
    configure(2);
    const struct gv_query_outcome *o = run("count_over_time(x[4m])");
    assert_true(only_value(o) == 16); /* (60 s, 300 s] */
    assert_int_equal(o->result->notes.n_warnings, 0);
    assert_int_equal(fakes[0].requests, 1);
    assert_int_equal(fakes[1].requests, 1);
    assert_int_equal(o->n_parts, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(o->parts[i].replica, i);
        assert_false(o->parts[i].failed);
        assert_int_equal(o->parts[i].series, 1);
    }
    assert_int_equal(o->parts[0].samples, 16);
    assert_int_equal(o->parts[1].samples, 15);
    assert_int_equal(o->samples, 16); /* what one Prometheus would have loaded */
    end_query();
    o = run("sum(x) + 0 * count(x)"); /* two selections, equal: one part */
    assert_true(only_value(o) == 20);
    assert_int_equal(fakes[0].requests, 2);
    end_query();
    fake_stop(&fakes[0]);
    fake_stop(&fakes[1]);
}

static void one_that_fails_is_a_warning(void **state)
{
    (void)state;
    fake_start(&fakes[0], reply_first, NULL);
    fake_start(&fakes[1], reply_second, NULL);
    configure(2);
    down = true;
    settings.limits.partial_response = false; /* the cluster answered: nothing is partial */
    config.required = true;
    const struct gv_query_outcome *o = run("count_over_time(x[4m])");
    assert_true(only_value(o) == 11);
    assert_int_equal(o->result->notes.n_warnings, 1);
    char expected[256];
    snprintf(expected, sizeof expected,
             "cluster \"c1\": 127.0.0.1:%d answered 500: \"out of order\" (merged without the replica %s: there may be "
             "gaps)",
             fakes[1].port, urls[1]);
    assert_string_equal(o->result->notes.warnings[0].p, expected);
    assert_false(o->parts[0].failed);
    assert_true(o->parts[1].failed);
    down = false;
    end_query();
    fake_stop(&fakes[0]);
    fake_stop(&fakes[1]);
}

static void all_that_fail_are_a_cluster_that_fails(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REPLICAS; i++)
        fake_start(&fakes[i], reply_failing, NULL);
    configure(REPLICAS);
    for (int asked = 0; asked < 5; asked++) { /* from the fourth on their breakers are open */
        const struct gv_query_outcome *o = run("x");
        assert_int_equal(o->err.code, GV_UNAVAILABLE);
        for (unsigned i = 0; i < REPLICAS; i++)
            assert_non_null(strstr(o->err.msg, with_port("127.0.0.1:%d answered 500", fakes[i].port)));
        assert_int_equal(o->err.msg[0] == 'c' && strstr(o->err.msg, "circuit open") != NULL, asked > 2);
        end_query();
    }
    for (unsigned i = 0; i < REPLICAS; i++) {
        assert_int_equal(fakes[i].requests, 3);
        fake_stop(&fakes[i]);
    }
}

static void a_limit_of_one_is_the_end(void **state)
{
    (void)state;
    fake_start(&fakes[0], reply_first, NULL);
    fake_start(&fakes[1], reply_second, NULL);
    configure(2);
    settings.limits.max_samples = 15; /* one has more, one fewer */
    const struct gv_query_outcome *o = run("x");
    assert_int_equal(o->err.code, GV_EXECUTION);
    if (!strstr(o->err.msg, "would load too many samples"))
        fail_msg("%s", o->err.msg);
    end_query();
    fake_stop(&fakes[0]);
    fake_stop(&fakes[1]);
}

static struct gv_timer watch;
static struct gv_query *hanging;

static void cancel_when_all_hang(struct gv_timer *t)
{
    if (fakes[0].requests && fakes[1].requests)
        gv_query_cancel(hanging);
    else
        gv_timer_set(t, 1);
}

static void a_cancel_ends_all_asks(void **state)
{
    (void)state;
    fake_start(&fakes[0], reply_hang, NULL);
    fake_start(&fakes[1], reply_hang, NULL);
    configure(2);
    hanging = start("x");
    gv_timer_init(&watch, loop, cancel_when_all_hang);
    gv_timer_set(&watch, 1);
    gv_loop_run(loop);
    gv_timer_fini(&watch);
    assert_int_equal(answers, 1);
    assert_int_equal(gv_query_outcome(query)->err.code, GV_CANCELED);
    assert_int_equal(gv_cluster_client_running(env.clusters), 0);
    end_query();
    fake_stop(&fakes[0]);
    fake_stop(&fakes[1]);
    assert_int_equal(fakes[0].closed, 1);
    assert_int_equal(fakes[1].closed, 1);
}

/* --- external labels --- */

/* One series with the labels that the replica adds; another one that has such a label as its own. */
static bool reply_read(struct fake_connection *c, char replica, int64_t from)
{
    char name[] = "__name__", x[] = "x", key[] = "replica", value[] = {replica, 0}, zone[] = "zone", own[] = "a";
    Prometheus__Label l[4] = {PROMETHEUS__LABEL__INIT, PROMETHEUS__LABEL__INIT, PROMETHEUS__LABEL__INIT,
                              PROMETHEUS__LABEL__INIT};
    l[0].name = name, l[0].value = x;
    l[1].name = key, l[1].value = value;
    l[2].name = zone, l[2].value = own;
    Prometheus__Label *labels[] = {&l[0], &l[1], &l[2]};
    Prometheus__Sample s[8], *samples[8];
    for (int i = 0; i < 8; i++) {
        prometheus__sample__init(&s[i]);
        s[i].timestamp = from + i * 15000;
        s[i].value = (double)(from / 15000 + i);
        samples[i] = &s[i];
    }
    Prometheus__TimeSeries series = PROMETHEUS__TIME_SERIES__INIT, *all[] = {&series};
    series.labels = labels, series.n_labels = 3;
    series.samples = samples, series.n_samples = 8;
    Prometheus__QueryResult result = PROMETHEUS__QUERY_RESULT__INIT, *results[] = {&result};
    result.timeseries = all, result.n_timeseries = 1;
    Prometheus__ReadResponse response = PROMETHEUS__READ_RESPONSE__INIT;
    response.results = results, response.n_results = 1;
    struct gv_buf body = GV_BUF_INIT;
    add_response(&body, &response);
    char head[256];
    snprintf(head, sizeof head,
             "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\nContent-Length: "
             "%zu\r\n\r\n",
             body.n);
    bool ok = fake_puts(c, head) && fake_write(c, body.p, body.n);
    gv_buf_fini(&body);
    return ok;
}

static bool reply_read_a(struct fake_connection *c, const char *request)
{
    unwanted += !strstr(request, "POST /api/v1/read");
    return reply_read(c, 'a', 60000);
}

static bool reply_read_b(struct fake_connection *c, const char *request)
{
    unwanted += !strstr(request, "POST /api/v1/read");
    return reply_read(c, 'b', 180000);
}

static void learn(unsigned replica, const char *value)
{
    struct gv_label labels[] = {{GV_S("replica"), gv_slice_of(value)}, {GV_S("zone"), GV_S("b")}};
    gv_replica_set_abilities(&set->at[0], replica,
                             &(struct gv_cluster_abilities){.known = GV_KNOWN_EXTERNAL_LABELS | GV_KNOWN_REMOTE_READ,
                                                            .remote_read = true,
                                                            .external_labels = labels,
                                                            .n_external_labels = 2});
}

static void what_a_replica_adds_is_taken_off_its_own_samples(void **state)
{
    (void)state;
    unwanted = 0;
    fake_start(&fakes[0], reply_read_a, NULL);
    fake_start(&fakes[1], reply_read_b, NULL);
    configure(2);
    learn(0, "a");
    learn(1, "b");
    const struct gv_query_outcome *o = run("count_over_time(x[5m])");
    assert_true(only_value(o) == 16);
    struct gv_buf text = GV_BUF_INIT;
    gv_labels_print(&text, o->result->series[0].labels);
    assert_string_equal(gv_buf_cstr(&text),
                        "{cluster=\"c1\", zone=\"a\"}"); /* zone: it differs, so it is the series' */
    gv_buf_fini(&text);
    end_query();
    assert_int_equal(unwanted, 0);
    /* A failing over cluster takes the labels of the one that answers. */
    gv_clusters_put(set);
    config.replicas = GV_REPLICAS_FAILOVER;
    config.pushdown = GV_PUSHDOWN_NEVER;
    config.hedge_after_ms = GV_HEDGE_OFF;
    configure(2);
    learn(0, "z");
    learn(1, "b");
    fake_stop(&fakes[0]);
    o = run("count_over_time(x[5m])");
    assert_true(only_value(o) == 8);
    assert_false(gv_labels_get(o->result->series[0].labels, GV_S("replica")).n);
    end_query();
    fake_stop(&fakes[1]);
}

/* --- documents --- */

static struct gv_fanout *fanout;
static size_t n_documents;

static bool digest(void *arg, struct gv_fanout *f, struct gv_err *err)
{
    (void)arg, (void)err;
    const struct gv_fanout_answer *all = gv_fanout_answers(f, &n_documents);
    for (size_t i = 0; i < n_documents; i++)
        assert_true(all[i].cluster == &set->at[0] && all[i].asked);
    return true;
}

static void on_fanout(void *arg, struct gv_fanout *f)
{
    (void)arg;
    fanout = f;
    gv_loop_stop(loop);
}

static void read_document(bool each_replica)
{
    struct gv_fanout_request request = {.path = "/api/v1/labels",
                                        .data = {NULL, JSON_ARRAY, JSON_STRING},
                                        .each_replica = each_replica,
                                        .digest = digest};
    gv_fanout_start(&env, gv_settings_get(&settings), &request, on_fanout, NULL);
    gv_loop_run(loop);
}

static bool reply_labels(struct fake_connection *c, const char *request)
{
    (void)request;
    return fake_body(c, 200, "", "{\"status\":\"success\",\"data\":[\"__name__\"]}");
}

static bool reply_object(struct fake_connection *c, const char *request)
{
    (void)request;
    return fake_body(c, 200, "", "{\"status\":\"success\",\"data\":{}}");
}

static void a_document_is_of_all_or_of_one(void **state)
{
    (void)state;
    fake_start(&fakes[0], reply_labels, NULL);
    fake_start(&fakes[1], reply_object, NULL);
    config.hedge_after_ms = GV_HEDGE_OFF;
    configure(2);
    read_document(true);
    assert_int_equal(gv_fanout_err(fanout)->code, GV_OK);
    assert_int_equal(n_documents, 2);
    const struct gv_fanout_answer *all = gv_fanout_answers(fanout, &n_documents);
    assert_true(all[0].ok);
    assert_false(all[1].ok); /* its body is something else */
    assert_int_equal(gv_fanout_notes(fanout)->n_warnings, 1);
    assert_non_null(strstr(gv_fanout_notes(fanout)->warnings[0].p,
                           "data of the reply should be a list and is an object (merged without the replica "));
    gv_fanout_free(fanout);
    read_document(false);
    assert_int_equal(gv_fanout_err(fanout)->code, GV_OK);
    assert_int_equal(n_documents, 1);
    assert_int_equal(fakes[0].requests, 2);
    assert_int_equal(fakes[1].requests, 1);
    gv_fanout_free(fanout);
    fake_stop(&fakes[0]);
    fake_stop(&fakes[1]);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(each_is_asked_once_and_what_they_say_is_merged),
        test(one_that_fails_is_a_warning),
        test(all_that_fail_are_a_cluster_that_fails),
        test(a_limit_of_one_is_the_end),
        test(a_cancel_ends_all_asks),
        test(what_a_replica_adds_is_taken_off_its_own_samples),
        test(a_document_is_of_all_or_of_one),
    };
    return cmocka_run_group_tests_name("query.replicas", tests, NULL, NULL);
}
