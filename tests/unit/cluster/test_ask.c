/* Asks against real sockets: one answer each, failover, hedging, the breaker, cancel, and whose fault an error is. */
#include "cluster/ask.h"
#include "../fake_backend.h"
#include <setjmp.h>
#include <cmocka.h>

static struct gv_loop *loop;
static struct gv_cluster_client *client;
static struct gv_cluster_registry *registry;
static struct gv_budget budget;
static int owed;

/* --- one cluster c1 over some fakes --- */

static struct gv_cluster_config config;
static struct gv_clusters *set;
static const struct gv_cluster *cluster;
static const char *endpoints[4];
static char urls[4][64];

static void configure(struct fake *fakes, size_t n)
{
    struct gv_err err = {0};
    for (size_t i = 0; i < n; i++) {
        snprintf(urls[i], sizeof urls[i], "http://127.0.0.1:%d/prom/", fakes[i].port);
        endpoints[i] = urls[i];
    }
    config.name = "c1";
    config.endpoints = endpoints;
    config.n_endpoints = n;
    set = gv_clusters_new(registry, "cluster", &config, 1, &err);
    assert_non_null(set);
    cluster = gv_clusters_find(set, GV_S("c1"));
    assert_non_null(cluster);
    gv_cluster_client_set_clusters(client, set);
}

static int setup(void **state)
{
    (void)state;
    struct gv_err err = {0};
    config = gv_cluster_config_default;
    config.hedge_after_ms = GV_HEDGE_OFF;
    gv_budget_init(&budget, "max_query_memory", 0, GV_EXECUTION, NULL);
    assert_non_null(registry = gv_cluster_registry_new());
    assert_non_null(loop = gv_loop_new(0, &err));
    assert_non_null(client = gv_cluster_client_new(loop, &err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(gv_cluster_client_running(client), 0);
    gv_clusters_put(set);
    set = NULL;
    gv_cluster_client_free(client);
    gv_loop_free(loop);
    gv_cluster_registry_free(registry);
    assert_int_equal(budget.used, 0);
    return 0;
}

/* --- a sink that keeps the text --- */

struct sink {
    struct gv_arena *arena;
    char *text;
    size_t n;
    bool finished;
};

static void *sink_begin(void *arg, const struct gv_cluster *c, unsigned replica, struct gv_arena *a)
{
    (void)arg, (void)replica;
    assert_ptr_equal(c, cluster);
    struct sink *s = gv_arena_new(a, struct sink);
    s->arena = a;
    return s;
}

static bool sink_feed(void *sink, const char *data, size_t n, struct gv_err *err)
{
    struct sink *s = sink;
    char *more = gv_arena_try(s->arena, s->n + n + 1, err);
    if (!more)
        return false;
    if (s->n)
        memcpy(more, s->text, s->n);
    memcpy(more + s->n, data, n);
    s->text = more;
    s->text[s->n += n] = '\0';
    return true;
}

static bool sink_finish(void *sink, struct gv_err *err)
{
    struct sink *s = sink;
    s->finished = true;
    return (s->n && s->text[s->n - 1] == '}') || gv_fail(err, GV_BAD_DATA, "the text ends too early");
}

static const struct gv_sink_ops sink_ops = {sink_begin, NULL, sink_feed, sink_finish};

/* --- asks --- */

struct asked {
    struct gv_ask *ask;
    int answers;
    struct gv_ask_answer answer;
    char text[4096]; /* of the first part */
    bool no_stop;
};

static const struct gv_ask_part query_part = {
    .method = "POST", .path = "/api/v1/query", .body = GV_S("query=up"), .sink = &sink_ops};

static void on_answer(void *arg, const struct gv_ask_answer *answer)
{
    struct asked *a = arg;
    a->answers++;
    a->answer = *answer;
    assert_ptr_equal(answer->cluster, cluster);
    assert_int_equal(answer->outcome == GV_ASK_OK, answer->arena != NULL);
    assert_int_equal(answer->outcome == GV_ASK_OK, answer->sinks != NULL);
    assert_int_equal(answer->outcome == GV_ASK_OK, answer->err.code == GV_OK);
    if (answer->sinks) {
        struct sink *s = answer->sinks[0];
        assert_true(s->finished);
        snprintf(a->text, sizeof a->text, "%s", s->text);
    }
    gv_ask_arena_free(answer->arena);
    if (--owed == 0)
        gv_loop_stop(loop);
}

static struct gv_ask_spec spec_of(const struct gv_ask_part *parts, size_t n)
{
    return (struct gv_ask_spec){.cluster = cluster,
                                .parts = parts,
                                .n_parts = n,
                                .deadline_ms = gv_loop_now_ns(loop) / 1000000 + 20000,
                                .budget = &budget,
                                .replica = -1};
}

static void start(struct asked *a, const struct gv_ask_spec *spec)
{
    memset(a, 0, sizeof *a);
    owed++;
    a->ask = gv_cluster_ask(client, spec, on_answer, a);
    assert_int_equal(a->answers, 0);
}

static struct asked ask_with(const struct gv_ask_spec *spec)
{
    struct asked a;
    start(&a, spec);
    gv_loop_run(loop);
    assert_int_equal(a.answers, 1);
    assert_int_equal(gv_cluster_client_running(client), 0);
    return a;
}

static struct asked ask(void)
{
    struct gv_ask_spec spec = spec_of(&query_part, 1);
    return ask_with(&spec);
}

static void expect(const struct asked *a, enum gv_ask_outcome outcome, const char *text)
{
    if (a->answer.outcome != outcome || !strstr(a->answer.err.msg, text))
        fail_msg("%s: \"%s\", expected %s: \"%s\"", gv_ask_outcome_text(a->answer.outcome), a->answer.err.msg,
                 gv_ask_outcome_text(outcome), text);
    if (outcome != GV_ASK_OK)
        assert_int_equal(strncmp(a->answer.err.msg, "cluster \"c1\": ", 14), 0);
}

static char expected_text[256];
static const char *with_port(const char *format, const struct fake *f)
{
    snprintf(expected_text, sizeof expected_text, format, f->port);
    return expected_text;
}

/* --- fakes --- */

static bool reply_ok(struct fake_connection *c, const char *request)
{
    (void)request;
    return fake_body(c, 200, "", "{\"status\":\"success\"}");
}

static bool reply_echo(struct fake_connection *c, const char *request)
{
    char body[4096];
    snprintf(body, sizeof body, "{%s}", request);
    return fake_body(c, 200, "", body);
}

static bool reply_never(struct fake_connection *c, const char *request)
{
    (void)request;
    return fake_hang(c);
}

static bool reply_close(struct fake_connection *c, const char *request)
{
    (void)c;
    (void)request;
    return false;
}

struct canned {
    int status;
    const char *body;
};
static bool reply_canned(struct fake_connection *c, const char *request)
{
    (void)request;
    const struct canned *r = c->fake->arg;
    return fake_body(c, r->status, "", r->body);
}

static struct gv_cluster_status status_of(struct gv_arena *a)
{
    gv_arena_init(a, NULL);
    return gv_cluster_status(cluster, a);
}

static enum gv_breaker_state breaker_of(size_t replica)
{
    struct gv_arena a;
    enum gv_breaker_state s = status_of(&a).replicas[replica].breaker;
    gv_arena_fini(&a);
    return s;
}

/* --- one replica --- */

static void an_ask_sends_its_parts_and_brings_their_answers(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_echo, NULL);
    const struct gv_cluster_param params[] = {{"tenant", "a b"}};
    config.params = params;
    config.n_params = 1;
    configure(&f, 1);
    const struct gv_ask_part parts[] = {
        query_part, {.method = "GET", .path = "/api/v1/labels", .query = GV_S("match[]=up"), .sink = &sink_ops}};
    struct gv_ask_spec spec = spec_of(parts, 2);
    struct asked a;
    start(&a, &spec);
    gv_loop_run(loop);
    expect(&a, GV_ASK_OK, "");
    assert_int_equal(a.answer.attempts, 1);
    assert_int_equal(a.answer.status, 200);
    assert_true(a.answer.body_bytes > 0);
    assert_non_null(strstr(a.text, "POST /prom/api/v1/query?tenant=a+b HTTP/1.1"));
    assert_non_null(strstr(a.text, "query=up"));
    assert_int_equal(f.requests, 2);
    fake_stop(&f);
}

static void failures_name_cluster_and_address(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_ok, NULL);
    configure(&f, 1);
    fake_stop(&f);
    struct asked a = ask();
    expect(&a, GV_ASK_CONNECT, with_port("cluster \"c1\": connect to 127.0.0.1:%d: connection refused", &f));
    assert_int_equal(a.answer.err.code, GV_UNAVAILABLE);
}

static void a_deadline_ends_an_ask(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_never, NULL);
    configure(&f, 1);
    struct gv_ask_spec spec = spec_of(&query_part, 1);
    spec.deadline_ms = gv_loop_now_ns(loop) / 1000000 + 60;
    struct asked a = ask_with(&spec);
    expect(&a, GV_ASK_DEADLINE, with_port("127.0.0.1:%d: deadline exceeded", &f));
    assert_int_equal(a.answer.err.code, GV_TIMEOUT);
    for (int i = 0; i < 5; i++) {
        spec.deadline_ms = gv_loop_now_ns(loop) / 1000000 + 10;
        a = ask_with(&spec);
    }
    assert_int_equal(breaker_of(0), GV_BREAKER_CLOSED); /* impatient queries say nothing about the cluster */
    gv_clusters_put(set);
    config.timeout_ms = 30; /* a cluster that does not keep its own timeout does */
    configure(&f, 1);
    for (int i = 0; i < 3; i++)
        ask();
    assert_int_equal(breaker_of(0), GV_BREAKER_OPEN);
    fake_stop(&f);
}

/* Whose fault it is, and what the user reads. */
static void error_replies_are_judged(void **state)
{
    (void)state;
    static const struct {
        struct canned reply;
        enum gv_ask_outcome outcome;
        const char *text;
    } cases[] = {
        {{422, "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"found duplicate series for the match "
               "group\"}"},
         GV_ASK_QUERY,
         "cluster \"c1\": found duplicate series for the match group"},
        {{422,
          "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"found duplicate series for the match group "
          "{job=\\\"\\\\\\\"} timed out\\\"}: [{__name__=\\\"memory_used\\\"}, {error=\\\"parse error\\\"}]\"}"},
         GV_ASK_QUERY,
         "[{__name__=\"memory_used\"}, {error=\"parse error\"}]"},
        {{422,
          "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"query processing would load too many samples "
          "into memory in query execution\"}"},
         GV_ASK_STATUS,
         "answered 422: query processing would load too many samples"},
        {{400, "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"1:3: parse error: unexpected <op:->\"}"},
         GV_ASK_UNSUPPORTED,
         "parse error"},
        {{422, "{\"status\":\"error\",\"errorType\":\"422\",\"error\":\"unknown func \\\"mad_over_time\\\"\"}"},
         GV_ASK_UNSUPPORTED,
         "unknown func"},
        {{400,
          "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"end timestamp must not be before start\"}"},
         GV_ASK_STATUS,
         "answered 400: end timestamp"},
        {{503,
          "{\"status\":\"error\",\"errorType\":\"timeout\",\"error\":\"query timed out in expression evaluation\"}"},
         GV_ASK_STATUS,
         "answered 503: query timed out"},
        {{500, "boom\nmore"}, GV_ASK_STATUS, "answered 500: \"boom\""},
        {{502, "<html>bad gateway</html>"}, GV_ASK_STATUS, "answered 502"},
        {{401, ""}, GV_ASK_STATUS, "answered 401"},
        {{429, "too many requests"}, GV_ASK_STATUS, "answered 429: \"too many requests\""},
        {{404, "404 page not found\n"}, GV_ASK_STATUS, "answered 404: \"404 page not found\""},
        {{200, "{\"cut"}, GV_ASK_BAD_BODY, "bad response from 127.0.0.1:"},
        {{200, "{\"cut"}, GV_ASK_BAD_BODY, "the text ends too early"},
    };
    for (size_t i = 0; i < GV_COUNT(cases); i++) {
        struct fake f;
        struct canned reply = cases[i].reply;
        fake_start(&f, reply_canned, &reply);
        configure(&f, 1);
        struct asked a = ask();
        expect(&a, cases[i].outcome, cases[i].text);
        assert_int_equal(a.answer.status, cases[i].reply.status);
        gv_clusters_put(set);
        set = NULL;
        fake_stop(&f);
    }
}

static bool reply_html(struct fake_connection *c, const char *request)
{
    (void)request;
    return fake_puts(c, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n<html");
}

static void another_content_type_is_no_answer(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_html, NULL);
    configure(&f, 1);
    struct asked a = ask();
    expect(&a, GV_ASK_BAD_BODY, "content type \"text/html\" where application/json was expected");
    fake_stop(&f);
}

static void a_spent_budget_is_the_querys_failure(void **state)
{
    (void)state;
    struct fake f;
    static char large[300000];
    memset(large, ' ', sizeof large - 2);
    large[sizeof large - 2] = '}';
    struct canned reply = {200, large};
    fake_start(&f, reply_canned, &reply);
    configure(&f, 1);
    budget.limit = 100000;
    struct asked a = ask();
    expect(&a, GV_ASK_LIMIT, "max_query_memory");
    assert_int_equal(a.answer.err.code, GV_EXECUTION);
    fake_stop(&f);
}

static void a_large_body_stops_at_the_clusters_limit(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_ok, NULL);
    config.max_response_size = 10;
    configure(&f, 1);
    struct asked a = ask();
    expect(&a, GV_ASK_OVERSIZE, "max_response_size");
    fake_stop(&f);
}

/* --- cancel --- */

static void cancel_is_answered_once_on_a_later_turn(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_never, NULL);
    configure(&f, 1);
    struct gv_ask_spec spec = spec_of(&query_part, 1);
    struct asked a;
    start(&a, &spec);
    gv_cluster_ask_cancel(a.ask);
    gv_cluster_ask_cancel(a.ask);
    assert_int_equal(a.answers, 0);
    gv_loop_run(loop);
    assert_int_equal(a.answers, 1);
    expect(&a, GV_ASK_CANCELED, "canceled");
    assert_int_equal(a.answer.err.code, GV_CANCELED);
    fake_stop(&f);
}

struct canceler {
    struct gv_timer timer;
    struct fake *fake;
    struct asked *asked;
};

static void cancel_when_it_arrived(struct gv_timer *t)
{
    struct canceler *c = container_of(t, struct canceler, timer);
    if (c->fake->requests == 0)
        gv_timer_set(t, 1);
    else
        gv_cluster_ask_cancel(c->asked->ask);
}

static void cancel_of_a_running_ask_closes_its_connection(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_never, NULL);
    configure(&f, 1);
    struct gv_ask_spec spec = spec_of(&query_part, 1);
    struct asked a;
    struct canceler c = {.fake = &f, .asked = &a};
    gv_timer_init(&c.timer, loop, cancel_when_it_arrived);
    gv_timer_set(&c.timer, 1);
    start(&a, &spec);
    gv_loop_run(loop);
    expect(&a, GV_ASK_CANCELED, "canceled");
    assert_int_equal(breaker_of(0), GV_BREAKER_CLOSED);
    gv_timer_fini(&c.timer);
    fake_stop(&f);
    assert_int_equal(f.closed, 1);
}

/* --- the queue --- */

static void more_asks_than_a_lane_takes_are_all_answered(void **state)
{
    (void)state;
    enum { N = 400 };
    struct fake f;
    fake_start(&f, reply_ok, NULL);
    configure(&f, 1);
    struct gv_ask_spec spec = spec_of(&query_part, 1);
    struct asked *a = calloc(N, sizeof *a);
    for (int i = 0; i < N; i++)
        start(&a[i], &spec);
    for (int i = 0; i < N; i += 5)
        gv_cluster_ask_cancel(a[i].ask);
    gv_loop_run(loop);
    for (int i = 0; i < N; i++) {
        assert_int_equal(a[i].answers, 1);
        expect(&a[i], i % 5 ? GV_ASK_OK : GV_ASK_CANCELED, "");
    }
    assert_true(f.accepted <= 64);
    free(a);
    fake_stop(&f);
}

static void loops_share_the_connections_to_a_server(void **state)
{
    (void)state;
    enum { N = 100 };
    struct fake f;
    fake_start(&f, reply_ok, NULL);
    configure(&f, 1);
    gv_cluster_client_share(client, 16);
    struct gv_ask_spec spec = spec_of(&query_part, 1);
    struct asked *a = calloc(N, sizeof *a);
    for (int i = 0; i < N; i++)
        start(&a[i], &spec);
    gv_loop_run(loop);
    for (int i = 0; i < N; i++)
        expect(&a[i], GV_ASK_OK, "");
    assert_true(f.accepted <= 128 / 16);
    free(a);
    fake_stop(&f);
}

static void asks_that_wait_in_a_lane_keep_their_deadline(void **state)
{
    (void)state;
    enum { N = 70 };
    struct fake f;
    fake_start(&f, reply_never, NULL);
    configure(&f, 1);
    struct asked *a = calloc(N, sizeof *a);
    struct gv_ask_spec spec = spec_of(&query_part, 1);
    spec.deadline_ms = gv_loop_now_ns(loop) / 1000000 + 100;
    for (int i = 0; i < N; i++)
        start(&a[i], &spec);
    gv_loop_run(loop);
    int waited = 0;
    for (int i = 0; i < N; i++) {
        expect(&a[i], GV_ASK_DEADLINE, "deadline exceeded");
        waited += strstr(a[i].answer.err.msg, "waiting for a free connection") != NULL;
    }
    assert_true(waited <= N - 64);
    free(a);
    fake_stop(&f);
}

/* --- replicas --- */

static void a_failed_replica_is_passed_over(void **state)
{
    (void)state;
    fake_reply_fn *const broken[] = {reply_close, reply_canned};
    for (size_t i = 0; i < GV_COUNT(broken); i++) {
        struct fake f[2];
        struct canned unavailable = {503, "starting"};
        fake_start(&f[0], broken[i], &unavailable);
        fake_start(&f[1], reply_ok, NULL);
        configure(f, 2);
        struct asked a = ask();
        expect(&a, GV_ASK_OK, "");
        assert_int_equal(a.answer.replica, 1);
        assert_int_equal(a.answer.attempts, 2);
        a = ask(); /* from now on the good one is asked first */
        assert_int_equal(a.answer.replica, 1);
        assert_int_equal(a.answer.attempts, 1);
        gv_clusters_put(set);
        set = NULL;
        fake_stop(&f[0]);
        fake_stop(&f[1]);
    }
}

static void all_parts_move_to_the_next_replica(void **state)
{
    (void)state;
    struct fake f[2];
    struct canned bad = {500, "boom"};
    fake_start(&f[0], reply_canned, &bad);
    fake_start(&f[1], reply_ok, NULL);
    configure(f, 2);
    const struct gv_ask_part parts[] = {query_part, query_part, query_part};
    struct gv_ask_spec spec = spec_of(parts, 3);
    struct asked a = ask_with(&spec);
    expect(&a, GV_ASK_OK, "");
    assert_int_equal(f[1].requests, 3);
    fake_stop(&f[0]);
    fake_stop(&f[1]);
}

static void when_all_replicas_fail_each_is_named(void **state)
{
    (void)state;
    struct fake f[2];
    struct canned bad = {500, "boom"};
    fake_start(&f[0], reply_canned, &bad);
    fake_start(&f[1], reply_ok, NULL);
    configure(f, 2);
    fake_stop(&f[1]);
    struct asked a = ask();
    expect(&a, GV_ASK_CONNECT, with_port("127.0.0.1:%d answered 500: \"boom\"; connect to ", &f[0]));
    expect(&a, GV_ASK_CONNECT, with_port("connect to 127.0.0.1:%d: connection refused", &f[1]));
    fake_stop(&f[0]);
}

static void an_error_of_the_query_is_not_repeated(void **state)
{
    (void)state;
    struct fake f[2];
    struct canned bad = {422, "{\"errorType\":\"execution\",\"error\":\"many-to-many matching not allowed\"}"};
    fake_start(&f[0], reply_canned, &bad);
    fake_start(&f[1], reply_ok, NULL);
    configure(f, 2);
    struct asked a = ask();
    expect(&a, GV_ASK_QUERY, "many-to-many");
    assert_int_equal(a.answer.err.code, GV_EXECUTION);
    assert_int_equal(f[1].requests, 0);
    fake_stop(&f[0]);
    fake_stop(&f[1]);
}

static void a_late_replica_is_hedged(void **state)
{
    (void)state;
    struct fake f[2];
    fake_start(&f[0], reply_never, NULL);
    fake_start(&f[1], reply_ok, NULL);
    config.hedge_after_ms = 20;
    configure(f, 2);
    struct asked a = ask();
    expect(&a, GV_ASK_OK, "");
    assert_int_equal(a.answer.replica, 1);
    assert_int_equal(a.answer.attempts, 2);
    assert_int_equal(budget.used, 0); /* the loser went whole */
    assert_int_equal(breaker_of(0), GV_BREAKER_CLOSED);
    fake_stop(&f[0]);
    fake_stop(&f[1]);
    assert_int_equal(f[0].closed, 1);
}

static void one_replica_alone_can_be_asked(void **state)
{
    (void)state;
    struct fake f[2];
    fake_start(&f[0], reply_ok, NULL);
    fake_start(&f[1], reply_close, NULL);
    configure(f, 2);
    struct gv_ask_spec spec = spec_of(&query_part, 1);
    spec.replica = 1;
    struct asked a = ask_with(&spec);
    expect(&a, GV_ASK_OK, "");
    assert_int_equal(a.answer.attempts, 2); /* it was preferred, and failed */
    spec.only_that_replica = true;
    a = ask_with(&spec);
    expect(&a, GV_ASK_BROKEN, with_port("127.0.0.1:%d", &f[1]));
    assert_int_equal(a.answer.replica, 1);
    fake_stop(&f[0]);
    fake_stop(&f[1]);
}

/* --- the breaker --- */

static void three_failures_open_the_breaker_and_a_probe_closes_it(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_ok, NULL);
    configure(&f, 1);
    fake_stop(&f);
    struct asked a;
    for (int i = 0; i < 3; i++) {
        a = ask();
        expect(&a, GV_ASK_CONNECT, "connection refused");
    }
    assert_int_equal(breaker_of(0), GV_BREAKER_OPEN);
    a = ask();
    expect(&a, GV_ASK_BREAKER, "circuit open");
    expect(&a, GV_ASK_BREAKER, with_port("connect to 127.0.0.1:%d: connection refused", &f));
    assert_int_equal(a.answer.attempts, 0);
    fake_listen(&f);
    int refused = 0;
    for (a = ask(); a.answer.outcome == GV_ASK_BREAKER && refused < 1000000; a = ask())
        refused++; /* until the interval is over */
    expect(&a, GV_ASK_OK, "");
    assert_int_equal(breaker_of(0), GV_BREAKER_CLOSED);
    fake_stop(&f);
}

static void what_was_learned_outlives_a_reload(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_ok, NULL);
    configure(&f, 1);
    fake_stop(&f);
    for (int i = 0; i < 3; i++)
        ask();
    struct gv_clusters *old = set;
    configure(&f, 1);
    gv_clusters_put(old);
    assert_int_equal(breaker_of(0), GV_BREAKER_OPEN);
    old = set;
    f.port++; /* other endpoints: another record */
    configure(&f, 1);
    gv_clusters_put(old);
    assert_int_equal(breaker_of(0), GV_BREAKER_CLOSED);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_ask_sends_its_parts_and_brings_their_answers),
        TEST(failures_name_cluster_and_address),
        TEST(a_deadline_ends_an_ask),
        TEST(error_replies_are_judged),
        TEST(another_content_type_is_no_answer),
        TEST(a_spent_budget_is_the_querys_failure),
        TEST(a_large_body_stops_at_the_clusters_limit),
        TEST(cancel_is_answered_once_on_a_later_turn),
        TEST(cancel_of_a_running_ask_closes_its_connection),
        TEST(more_asks_than_a_lane_takes_are_all_answered),
        TEST(loops_share_the_connections_to_a_server),
        TEST(asks_that_wait_in_a_lane_keep_their_deadline),
        TEST(a_failed_replica_is_passed_over),
        TEST(all_parts_move_to_the_next_replica),
        TEST(when_all_replicas_fail_each_is_named),
        TEST(an_error_of_the_query_is_not_repeated),
        TEST(a_late_replica_is_hedged),
        TEST(one_replica_alone_can_be_asked),
        TEST(three_failures_open_the_breaker_and_a_probe_closes_it),
        TEST(what_was_learned_outlives_a_reload),
    };
    return cmocka_run_group_tests_name("cluster.ask", tests, NULL, NULL);
}
