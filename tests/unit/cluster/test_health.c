/* The health job against real sockets, and what it reads from status pages. */
#include "cluster/health.h"
#include "cluster/learn.h"
#include "cluster/record.h"
#include "../fake_backend.h"
#include <setjmp.h>
#include <cmocka.h>

/* --- pages --- */

static void versions_tell_programs_apart(void **state)
{
    (void)state;
    static const struct {
        const char *body, *text;
        enum gv_cluster_kind kind;
        unsigned major, minor, patch;
    } cases[] = {
        {"{\"status\":\"success\",\"data\":{\"version\":\"2.42.0+ds\",\"revision\":\"r\",\"goVersion\":\"go1.19.8\"}}",
         "2.42.0+ds", GV_KIND_PROMETHEUS, 2, 42, 0},
        {"{\"status\":\"success\",\"data\":{\"version\":\"3.5.1\",\"revision\":\"r\",\"goVersion\":\"go\"}}", "3.5.1",
         GV_KIND_PROMETHEUS, 3, 5, 1},
        {"{\"status\":\"success\",\"data\":{}}", "", GV_KIND_VICTORIAMETRICS, 0, 0, 0},
        {"{\"status\":\"success\",\"data\":{\"version\":\"2.24.0\"}}", "2.24.0", GV_KIND_VICTORIAMETRICS, 0, 0, 0},
        {"{\"status\":\"success\",\"data\":{\"version\":\"0.32.0\",\"revision\":\"r\",\"goVersion\":\"go\"}}", "0.32.0",
         GV_KIND_OTHER, 0, 32, 0},
        {"{\"status\":\"success\",\"data\":{\"application\":\"Grafana "
         "Mimir\",\"version\":\"2.9.0\",\"revision\":\"r\"}}",
         "2.9.0", GV_KIND_OTHER, 2, 9, 0},
    };
    for (size_t i = 0; i < GV_COUNT(cases); i++) {
        struct gv_cluster_version v;
        struct gv_buf text = GV_BUF_INIT;
        assert_true(gv_learn_buildinfo(gv_slice_of(cases[i].body), &v, &text, NULL));
        assert_int_equal(v.kind, cases[i].kind);
        assert_int_equal(v.major, cases[i].major);
        assert_int_equal(v.minor, cases[i].minor);
        assert_int_equal(v.patch, cases[i].patch);
        assert_string_equal(gv_buf_cstr(&text), cases[i].text);
        gv_buf_fini(&text);
    }
    struct gv_cluster_version v;
    struct gv_buf text = GV_BUF_INIT;
    struct gv_err err = {0};
    assert_false(gv_learn_buildinfo(GV_S("<html>"), &v, &text, &err));
    assert_false(gv_learn_buildinfo(GV_S(""), &v, &text, NULL));
    assert_false(gv_learn_buildinfo(GV_S("{\"data\":[]}"), &v, &text, NULL));
    gv_buf_fini(&text);
}

#define CONFIG_YAML                                                                                                    \
    "global:\\n  scrape_interval: 17s\\n  evaluation_interval: 1m\\n  external_labels:\\n    rack: 'b: c'\\n    "      \
    "dc: a\\nscrape_configs:\\n- job_name: global\\n  scrape_interval: 1s\\n  static_configs:\\n  - targets: [a, "     \
    "b]\\n"                                                                                                            \
    "    labels: {external_labels: x}\\n  global:\\n    scrape_interval: 2s\\n"

static void status_pages_tell_abilities(void **state)
{
    (void)state;
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_cluster_abilities what = {0};
    gv_learn_flags(GV_S("{\"data\":{\"query.lookback-delta\":\"3m\",\"enable-feature\":\"x,y\"}}"), &what, &a);
    gv_learn_runtimeinfo(GV_S("{\"data\":{\"storageRetention\":\"15d\"}}"), &what, &a);
    gv_learn_config(GV_S("{\"data\":{\"yaml\":\"" CONFIG_YAML "\"}}"), &what, &a);
    assert_int_equal(what.known, GV_KNOWN_LOOKBACK | GV_KNOWN_FEATURES | GV_KNOWN_EXTERNAL_LABELS |
                                     GV_KNOWN_SCRAPE_INTERVAL | GV_KNOWN_RETENTION);
    assert_int_equal(what.lookback_ms, 180000);
    assert_int_equal(what.scrape_interval_ms, 17000);
    assert_true(gv_slice_is(what.features, "x,y"));
    assert_true(gv_slice_is(what.retention, "15d"));
    assert_int_equal(what.n_external_labels, 2);
    assert_true(gv_slice_is(what.external_labels[0].name, "dc"));
    assert_true(gv_slice_is(what.external_labels[0].value, "a"));
    assert_true(gv_slice_is(what.external_labels[1].name, "rack"));
    assert_true(gv_slice_is(what.external_labels[1].value, "b: c"));

    struct gv_cluster_abilities nothing = {0};
    const struct gv_slice odd[] = {GV_S(""), GV_S("404"), GV_S("{\"data\":{\"yaml\":\"\"}}"),
                                   GV_S("{\"data\":{\"yaml\":\"a: [b\"}}"), GV_S("{\"data\":3}")};
    for (size_t i = 0; i < GV_COUNT(odd); i++) {
        gv_learn_flags(odd[i], &nothing, &a);
        gv_learn_runtimeinfo(odd[i], &nothing, &a);
        gv_learn_config(odd[i], &nothing, &a);
        assert_int_equal(nothing.known, 0);
    }
    gv_arena_fini(&a);
}

static void a_page_of_values_tells_whether_one_is_there(void **state)
{
    (void)state;
    const struct gv_slice page = GV_S("{\"status\":\"success\",\"data\":[\"a\",\"bc\"]}");
    assert_true(gv_learn_is_no_value(page, GV_S("b")));
    assert_false(gv_learn_is_no_value(page, GV_S("bc")));
    assert_true(gv_learn_is_no_value(GV_S("{\"status\":\"success\",\"data\":[]}"), GV_S("a")));
    const struct gv_slice odd[] = {GV_S(""), GV_S("404"), GV_S("{\"data\":3}"), GV_S("{\"data\":null}")};
    for (size_t i = 0; i < GV_COUNT(odd); i++)
        assert_false(gv_learn_is_no_value(odd[i], GV_S("a")));
}

/* --- the job --- */

static struct gv_loop *loop;
static struct gv_cluster_client *client;
static struct gv_cluster_registry *registry;
static struct gv_health *health;

static int setup_probing_each(int64_t ms)
{
    struct gv_err err = {0};
    assert_non_null(registry = gv_cluster_registry_new());
    assert_non_null(loop = gv_loop_new(0, &err));
    assert_non_null(client = gv_cluster_client_new(loop, &err));
    assert_non_null(health = gv_health_new(client, ms, &err));
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return setup_probing_each(10);
}

static int setup_probing_rarely(void **state)
{
    (void)state;
    return setup_probing_each(24 * 3600 * 1000);
}

static void on_stopped(void *arg)
{
    (void)arg;
    gv_loop_stop(loop);
}

static int teardown(void **state)
{
    (void)state;
    gv_health_stop(health, on_stopped, NULL);
    gv_loop_run(loop);
    gv_cluster_client_free(client);
    gv_loop_free(loop);
    gv_cluster_registry_free(registry);
    return 0;
}

static struct gv_clusters *one_cluster_by(const char *proxy, const char *host, int port,
                                          struct gv_cluster_config *config)
{
    static char url[64];
    static const char *endpoints[] = {url};
    struct gv_err err = {0};
    snprintf(url, sizeof url, "http://%s:%d", host, port);
    *config = gv_cluster_config_default;
    config->http.proxy_url = proxy;
    config->name = "c1";
    config->endpoints = endpoints;
    config->n_endpoints = 1;
    struct gv_clusters *cs = gv_clusters_new(registry, "cluster", config, 1, &err);
    assert_non_null(cs);
    return cs;
}

static struct gv_clusters *one_cluster(const char *host, int port, struct gv_cluster_config *config)
{
    return one_cluster_by(NULL, host, port, config);
}

/* Runs the loop until done says so; ctest's timeout is the deadline. */
struct wait {
    struct gv_timer timer;
    bool (*done)(const struct gv_cluster *c);
    const struct gv_cluster *cluster;
};

static void look(struct gv_timer *t)
{
    struct wait *w = container_of(t, struct wait, timer);
    if (w->done(w->cluster))
        gv_loop_stop(loop);
    else
        gv_timer_set(t, 1);
}

static void run_until(bool (*done)(const struct gv_cluster *c), const struct gv_cluster *c)
{
    struct wait w = {.done = done, .cluster = c};
    gv_timer_init(&w.timer, loop, look);
    gv_timer_set(&w.timer, 0);
    gv_loop_run(loop);
    gv_timer_fini(&w.timer);
}

static bool reply_status(struct fake_connection *c, const char *request)
{
    if (strstr(request, "/api/v1/status/buildinfo"))
        return fake_body(
            c, 200, "",
            "{\"status\":\"success\",\"data\":{\"version\":\"2.45.3\",\"revision\":\"r\",\"goVersion\":\"g\"}}");
    if (strstr(request, "/api/v1/status/flags"))
        return fake_body(c, 200, "", "{\"status\":\"success\",\"data\":{\"query.lookback-delta\":\"3m\"}}");
    return fake_body(c, 404, "", "");
}

static bool knows_the_lookback(const struct gv_cluster *c)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_cluster_abilities what = gv_cluster_abilities(c, &a);
    gv_arena_fini(&a);
    return (what.known & GV_KNOWN_LOOKBACK) && what.lookback_ms == 180000;
}

static void a_probe_learns_version_and_abilities(void **state)
{
    (void)state;
    struct fake f;
    struct gv_cluster_config config;
    fake_start(&f, reply_status, NULL);
    struct gv_clusters *cs = one_cluster("localhost", f.port, &config);
    const struct gv_cluster *c = &cs->at[0];
    assert_int_equal(gv_cluster_version(c).kind, GV_KIND_UNKNOWN);
    assert_false(gv_cluster_is_before(c, 3, 0));
    gv_health_set_clusters(health, cs);
    run_until(knows_the_lookback, c);
    assert_int_equal(gv_cluster_version(c).kind, GV_KIND_PROMETHEUS);
    assert_true(gv_cluster_is_before(c, 3, 0));
    assert_true(gv_cluster_is_before(c, 2, 51));
    assert_false(gv_cluster_is_before(c, 2, 45));
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_cluster_status s = gv_cluster_status(c, &a);
    assert_true(s.healthy);
    assert_true(s.replicas[0].probed);
    assert_true(gv_slice_is(s.version_text, "2.45.3"));
    assert_int_equal(s.replicas[0].asks, 0);
    const char *resolved = gv_record_dup_text(c->record, &c->record->replicas[0].resolved, &a);
    assert_non_null(resolved); /* localhost is a name */
    assert_non_null(strstr(resolved, "127.0.0.1"));
    gv_arena_fini(&a);
    gv_clusters_put(cs);
    fake_stop(&f);
}

/* --- replicas that differ --- */

static bool reply_of(struct fake_connection *c, const char *request, const char *version, const char *replica)
{
    char body[512];
    snprintf(body, sizeof body, "{\"status\":\"success\",\"data\":{\"version\":\"%s\",\"revision\":\"r\"}}", version);
    if (strstr(request, "/api/v1/status/config"))
        snprintf(body, sizeof body,
                 "{\"status\":\"success\",\"data\":{\"yaml\":\"global:\\n  external_labels:\\n    replica: %s\"}}",
                 replica);
    else if (!strstr(request, "/api/v1/status/buildinfo"))
        return fake_body(c, 404, "", "");
    return fake_body(c, 200, "", body);
}

static bool reply_new(struct fake_connection *c, const char *request)
{
    return reply_of(c, request, "3.5.0", "a");
}

static bool reply_old(struct fake_connection *c, const char *request)
{
    return reply_of(c, request, "2.45.3", "b");
}

static struct gv_slice external_label(const struct gv_cluster *c, unsigned replica, struct gv_arena *a)
{
    struct gv_cluster_abilities what = gv_replica_abilities(c, replica, a);
    return what.n_external_labels == 1 ? what.external_labels[0].value : GV_S("");
}

static bool both_are_known(const struct gv_cluster *c)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    bool known = gv_slice_is(external_label(c, 0, &a), "a") && gv_slice_is(external_label(c, 1, &a), "b");
    gv_arena_fini(&a);
    return known;
}

/* A cluster that is being upgraded is the older one of both; external labels are what tells replicas apart. */
static void each_replica_is_known_for_itself(void **state)
{
    (void)state;
    struct fake f[2];
    char urls[2][64];
    const char *endpoints[] = {urls[0], urls[1]};
    struct gv_cluster_config config = gv_cluster_config_default;
    struct gv_err err = {0};
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    fake_start(&f[0], reply_new, NULL);
    fake_start(&f[1], reply_old, NULL);
    for (int i = 0; i < 2; i++)
        snprintf(urls[i], sizeof urls[i], "http://127.0.0.1:%d", f[i].port);
    config.name = "c1";
    config.endpoints = endpoints;
    config.n_endpoints = 2;
    struct gv_clusters *cs = gv_clusters_new(registry, "cluster", &config, 1, &err);
    assert_non_null(cs);
    gv_health_set_clusters(health, cs);
    run_until(both_are_known, &cs->at[0]);
    assert_true(gv_cluster_is_before(&cs->at[0], 3, 0));
    struct gv_cluster_status s = gv_cluster_status(&cs->at[0], &a);
    assert_true(gv_slice_is(s.version_text, "2.45.3"));
    assert_true(gv_slice_is(s.replicas[0].version_text, "3.5.0"));
    assert_true(gv_slice_is(s.replicas[1].version_text, "2.45.3"));
    gv_arena_fini(&a);
    gv_clusters_put(cs);
    fake_stop(&f[0]);
    fake_stop(&f[1]);
}

static bool is_prometheus(const struct gv_cluster *c)
{
    return gv_cluster_version(c).kind == GV_KIND_PROMETHEUS;
}

/* The fake plays the proxy: it alone knows where the host is. */
static void behind_a_proxy_names_are_the_proxys(void **state)
{
    (void)state;
    struct fake f;
    struct gv_cluster_config config;
    char proxy[64];
    fake_start(&f, reply_status, NULL);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", f.port);
    struct gv_clusters *cs = one_cluster_by(proxy, "prometheus.invalid", 9090, &config);
    gv_health_set_clusters(health, cs);
    run_until(is_prometheus, &cs->at[0]);
    gv_clusters_put(cs);
    fake_stop(&f);
}

static bool breaker_is_open(const struct gv_cluster *c)
{
    return atomic_load(&c->record->replicas[0].breaker.open_until) != 0;
}

static bool breaker_is_closed(const struct gv_cluster *c)
{
    return !breaker_is_open(c);
}

static void probes_open_and_close_the_breaker(void **state)
{
    (void)state;
    struct fake f;
    struct gv_cluster_config config;
    fake_start(&f, reply_status, NULL);
    fake_stop(&f);
    struct gv_clusters *cs = one_cluster("127.0.0.1", f.port, &config);
    gv_health_set_clusters(health, cs);
    run_until(breaker_is_open, &cs->at[0]);
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_cluster_status s = gv_cluster_status(&cs->at[0], &a);
    assert_false(s.healthy);
    assert_non_null(strstr(s.replicas[0].last_error.p, "connection refused"));
    assert_true(s.replicas[0].last_error_unix_ms > 0);
    gv_arena_fini(&a);
    fake_listen(&f);
    run_until(breaker_is_closed, &cs->at[0]);
    gv_clusters_put(cs);
    fake_stop(&f);
}

/* A cluster that was away for a moment is asked again when its breaker's interval is over, not when a probe is due. */
static void a_breaker_that_asks_opened_is_closed_soon(void **state)
{
    (void)state;
    struct fake f;
    struct gv_cluster_config config;
    fake_start(&f, reply_status, NULL);
    struct gv_clusters *cs = one_cluster("127.0.0.1", f.port, &config);
    gv_health_set_clusters(health, cs);
    run_until(knows_the_lookback, &cs->at[0]);
    while (breaker_is_closed(&cs->at[0]))
        gv_breaker_fail(&cs->at[0].record->replicas[0].breaker, gv_loop_now_ns(loop), false);
    run_until(breaker_is_closed, &cs->at[0]);
    gv_clusters_put(cs);
    fake_stop(&f);
}

static void a_reload_replaces_the_probes(void **state)
{
    (void)state;
    struct fake f;
    struct gv_cluster_config config, again;
    fake_start(&f, reply_status, NULL);
    struct gv_clusters *cs = one_cluster("localhost", f.port, &config);
    gv_health_set_clusters(health, cs);
    gv_clusters_put(cs); /* the job holds its own */
    struct gv_clusters *next = one_cluster("127.0.0.1", f.port, &again);
    gv_health_set_clusters(health, next);
    run_until(knows_the_lookback, &next->at[0]);
    gv_clusters_put(next);
    fake_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_tell_programs_apart),
        cmocka_unit_test(status_pages_tell_abilities),
        cmocka_unit_test(a_page_of_values_tells_whether_one_is_there),
        cmocka_unit_test_setup_teardown(a_probe_learns_version_and_abilities, setup, teardown),
        cmocka_unit_test_setup_teardown(each_replica_is_known_for_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(behind_a_proxy_names_are_the_proxys, setup, teardown),
        cmocka_unit_test_setup_teardown(probes_open_and_close_the_breaker, setup, teardown),
        cmocka_unit_test_setup_teardown(a_breaker_that_asks_opened_is_closed_soon, setup_probing_rarely, teardown),
        cmocka_unit_test_setup_teardown(a_reload_replaces_the_probes, setup, teardown),
    };
    return cmocka_run_group_tests_name("cluster.health", tests, NULL, NULL);
}
