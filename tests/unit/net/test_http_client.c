/* The HTTP client against real sockets: what arrives, what is sent, and for every fault one end with a typed error that
 * names the address. */
#include "net/http_client.h"
#include "base/buf.h"
#include "base/metric.h"
#include "../fake_backend.h"
#include <setjmp.h>
#include <zlib.h>
#include <cmocka.h>

/* --- a loop, a client, and calls that note what happens to them --- */

static struct gv_loop *loop;
static struct gv_http_client *client;
static int owed; /* ends still to come; the last one stops the loop */

struct call {
    struct gv_http_call *call;
    int headers, ends, status;
    char content_type[64];
    struct gv_buf body;
    struct gv_http_outcome outcome;
    bool refuse_header, refuse_data, cancel_at_header, cancel_at_data;
    const char *field_name; /* of the header, asked for when it came */
    char field[64];
};

static bool on_header(void *arg, int status, struct gv_slice content_type, struct gv_err *err)
{
    struct call *c = arg;
    assert_int_equal(c->ends, 0);
    c->headers++;
    c->status = status;
    snprintf(c->content_type, sizeof c->content_type, "%.*s", GV_ARG(content_type));
    if (c->field_name) {
        struct gv_slice field = gv_http_call_field(c->call, c->field_name);
        snprintf(c->field, sizeof c->field, field.p ? "%.*s" : "none", GV_ARG(field));
    }
    if (c->cancel_at_header)
        gv_http_call_cancel(c->call);
    return !c->refuse_header || gv_fail(err, GV_BAD_DATA, "not this type");
}

static bool on_data(void *arg, const char *data, size_t n, struct gv_err *err)
{
    struct call *c = arg;
    assert_int_equal(c->headers, 1);
    assert_int_equal(c->ends, 0);
    gv_buf_add(&c->body, data, n);
    if (c->cancel_at_data)
        gv_http_call_cancel(c->call);
    return !c->refuse_data || gv_fail(err, GV_BAD_DATA, "not this data");
}

static void on_end(void *arg, const struct gv_http_outcome *outcome)
{
    struct call *c = arg;
    c->ends++;
    c->outcome = *outcome;
    if (--owed == 0)
        gv_loop_stop(loop);
}

static const struct gv_http_call_ops ops = {on_header, on_data, on_end};

static char url_text[64][128];
static const char *url_of(const struct fake *f, const char *path)
{
    static unsigned at;
    char *text = url_text[at++ % 64];
    snprintf(text, sizeof url_text[0], "http://127.0.0.1:%d%s", f->port, path);
    return text;
}

static struct gv_http_call_spec get(const char *url)
{
    return (struct gv_http_call_spec){.url = url, .method = "GET", .timeout_ms = 20000};
}

static void start(struct call *c, const struct gv_http_call_spec *spec)
{
    owed++;
    c->call = gv_http_call_start(client, spec, &ops, c);
    assert_int_equal(c->ends, 0);
}

static void finish(struct call *c)
{
    assert_int_equal(c->ends, 1);
    gv_buf_fini(&c->body);
}

static struct call fetch(const struct gv_http_call_spec *spec)
{
    struct call c = {0};
    start(&c, spec);
    gv_loop_run(loop);
    assert_int_equal(c.ends, 1);
    return c;
}

static int setup(void **state)
{
    (void)state;
    struct gv_err err = {0};
    assert_non_null(loop = gv_loop_new(0, &err));
    assert_non_null(client = gv_http_client_new(loop, 100, &err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(gv_http_client_running(client), 0);
    gv_http_client_free(client);
    gv_loop_free(loop);
    return 0;
}

static void expect_failure(const struct call *c, enum gv_http_failure failure, const char *text)
{
    if (c->outcome.failure != failure || !strstr(c->outcome.err.msg, text))
        fail_msg("%s: \"%s\", expected %s: \"%s\"", gv_http_failure_text(c->outcome.failure), c->outcome.err.msg,
                 gv_http_failure_text(failure), text);
    assert_int_not_equal(c->outcome.err.code, GV_OK);
}

/* A running fetch against a fake with that reply, expected to fail so. $ in text stands for the fake's address. */
static void expect_fault(fake_reply_fn *reply, void *arg, int64_t timeout_ms, enum gv_http_failure failure,
                         const char *text)
{
    struct fake f;
    fake_start(&f, reply, arg);
    struct gv_http_call_spec spec = get(url_of(&f, "/"));
    spec.timeout_ms = timeout_ms;
    struct call c = fetch(&spec);
    char expected[256];
    const char *dollar = strchr(text, '$');
    if (dollar)
        snprintf(expected, sizeof expected, "%.*s127.0.0.1:%d%s", (int)(dollar - text), text, f.port, dollar + 1);
    expect_failure(&c, failure, dollar ? expected : text);
    finish(&c);
    fake_stop(&f);
}

/* --- what arrives --- */

static bool reply_hello(struct fake_connection *c, const char *request)
{
    (void)request;
    return fake_body(c, 200, "", "{\"hello\":1}");
}

static void a_body_arrives(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_hello, NULL);
    struct gv_http_call_spec spec = get(url_of(&f, "/"));
    struct call c = fetch(&spec);
    assert_int_equal(c.outcome.failure, GV_HTTP_OK);
    assert_int_equal(c.status, 200);
    assert_int_equal(c.outcome.status, 200);
    assert_string_equal(c.content_type, "application/json");
    assert_true(gv_slice_is(gv_buf_slice(&c.body), "{\"hello\":1}"));
    assert_int_equal(c.outcome.body_bytes, 11);
    assert_true(c.outcome.wire_bytes > 11);
    finish(&c);
    fake_stop(&f);
}

static struct gv_metric_family connections_family = GV_GAUGE("test_connections", "Of the test.");

static void open_connections_are_counted(void **state)
{
    (void)state;
    struct fake f;
    struct gv_err err = {0};
    struct gv_metric *open = gv_metric_self(&connections_family);
    fake_start(&f, reply_hello, NULL);
    struct gv_http_call_spec spec = get(url_of(&f, "/"));
    spec.connections = open;
    for (int round = 0; round < 3; round++) { /* the pool serves the later ones */
        struct call calls[4] = {0};
        for (int i = 0; i < 4; i++)
            start(&calls[i], &spec);
        gv_loop_run(loop);
        for (int i = 0; i < 4; i++)
            finish(&calls[i]);
        assert_int_equal((int)gv_metric_value(open), 4);
    }
    gv_http_client_free(client);
    assert_int_equal((int)gv_metric_value(open), 0);
    assert_non_null(client = gv_http_client_new(loop, 100, &err));
    fake_stop(&f);
}

static bool reply_with_trailers(struct fake_connection *c, const char *request)
{
    (void)request;
    return fake_puts(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "b\r\n{\"hello\":1}\r\n0\r\nX-Checksum: 17\r\nX-Time: 3\r\n\r\n");
}

static void trailers_and_hints_are_passed_over(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_with_trailers, NULL);
    struct gv_http_call_spec spec = get(url_of(&f, "/"));
    struct call c = fetch(&spec);
    if (c.outcome.failure)
        fail_msg("%s", c.outcome.err.msg);
    assert_int_equal(c.status, 200);
    assert_true(gv_slice_is(gv_buf_slice(&c.body), "{\"hello\":1}"));
    finish(&c);
    fake_stop(&f);
}

static bool reply_empty(struct fake_connection *c, const char *request)
{
    (void)request;
    return fake_puts(c, "HTTP/1.1 204 No Content\r\n\r\n");
}

static void an_empty_body_still_has_a_header(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_empty, NULL);
    struct gv_http_call_spec spec = get(url_of(&f, "/"));
    struct call c = fetch(&spec);
    assert_int_equal(c.outcome.failure, GV_HTTP_OK);
    assert_int_equal(c.headers, 1);
    assert_int_equal(c.status, 204);
    finish(&c);
    fake_stop(&f);
}

static bool reply_later(struct fake_connection *c, const char *request)
{
    (void)request;
    return fake_body(c, 503, "Retry-After: 7\r\nX-Nothing:\r\n", "later");
}

static void fields_of_the_header_can_be_read(void **state)
{
    (void)state;
    static const char *const fields[][2] = {{"retry-after", "7"}, {"X-Nothing", ""}, {"X-Other", "none"}};
    struct fake f;
    fake_start(&f, reply_later, NULL);
    for (size_t i = 0; i < GV_COUNT(fields); i++) {
        struct gv_http_call_spec spec = get(url_of(&f, "/"));
        struct call c = {.field_name = fields[i][0]};
        start(&c, &spec);
        gv_loop_run(loop);
        assert_int_equal(c.status, 503);
        assert_string_equal(c.field, fields[i][1]);
        finish(&c);
    }
    fake_stop(&f);
}

static bool reply_echo(struct fake_connection *c, const char *request)
{
    return fake_body(c, 200, "", request);
}

static void a_form_is_posted_with_its_headers(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_echo, NULL);
    const struct gv_slice headers[] = {GV_S("X-Scope-OrgID: a"), GV_S("traceparent: 00-1")};
    struct gv_http_call_spec spec = get(url_of(&f, "/api/v1/query?x=%20"));
    spec.method = "POST";
    spec.body = GV_S("query=up");
    spec.headers = headers;
    spec.n_headers = 2;
    struct call c = fetch(&spec);
    const char *text = gv_buf_cstr(&c.body);
    assert_non_null(strstr(text, "POST /api/v1/query?x=%20 HTTP/1.1\r\n"));
    assert_non_null(strstr(text, "\r\nX-Scope-OrgID: a\r\n"));
    assert_non_null(strstr(text, "\r\ntraceparent: 00-1\r\n"));
    assert_non_null(strstr(text, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
    assert_non_null(strstr(text, "\r\n\r\nquery=up"));
    assert_null(strstr(text, "Accept-Encoding"));
    finish(&c);

    spec = get(url_of(&f, "/next")); /* nothing of the call before sticks to the handle */
    c = fetch(&spec);
    text = gv_buf_cstr(&c.body);
    assert_non_null(strstr(text, "GET /next HTTP/1.1\r\n"));
    assert_null(strstr(text, "X-Scope-OrgID"));
    assert_null(strstr(text, "Content-Type"));
    finish(&c);
    fake_stop(&f);
}

static void names_resolved_ahead_are_used(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_echo, NULL);
    char url[100], resolved[100], expected[100];
    snprintf(url, sizeof url, "http://backend.invalid:%d/", f.port);
    snprintf(resolved, sizeof resolved, "backend.invalid:%d:127.0.0.1", f.port);
    struct gv_http_call_spec spec = get(url);
    spec.resolved = resolved;
    struct call c = fetch(&spec);
    assert_int_equal(c.outcome.failure, GV_HTTP_OK);
    snprintf(expected, sizeof expected, "\r\nHost: backend.invalid:%d\r\n", f.port);
    assert_non_null(strstr(gv_buf_cstr(&c.body), expected));
    finish(&c);
    fake_stop(&f);
    c = fetch(&spec);
    snprintf(expected, sizeof expected, "connect to backend.invalid:%d (127.0.0.1): connection refused", f.port);
    expect_failure(&c, GV_HTTP_CONNECT, expected);
    finish(&c);
}

/* --- pool and queue --- */

static void fan_outs_share_a_pool(void **state)
{
    (void)state;
    enum { WIDTH = 20, ROUNDS = 10 };
    struct fake f;
    fake_start(&f, reply_hello, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        struct call calls[WIDTH] = {0};
        struct gv_http_call_spec spec = get(url_of(&f, "/"));
        for (int i = 0; i < WIDTH; i++)
            start(&calls[i], &spec);
        gv_loop_run(loop);
        for (int i = 0; i < WIDTH; i++) {
            assert_int_equal(calls[i].outcome.failure, GV_HTTP_OK);
            finish(&calls[i]);
        }
    }
    assert_int_equal(f.requests, WIDTH * ROUNDS);
    assert_true(f.accepted <= WIDTH);
    fake_stop(&f);
}

static void many_calls_at_once_each_end_once(void **state)
{
    (void)state;
    enum { N = 300 };
    struct fake f;
    fake_start(&f, reply_hello, NULL);
    static struct call calls[N];
    memset(calls, 0, sizeof calls);
    struct gv_http_call_spec spec = get(url_of(&f, "/"));
    for (int i = 0; i < N; i++)
        start(&calls[i], &spec);
    for (int i = 0; i < N; i += 7)
        gv_http_call_cancel(calls[i].call);
    gv_loop_run(loop);
    for (int i = 0; i < N; i++) {
        assert_int_equal(calls[i].outcome.failure, i % 7 ? GV_HTTP_OK : GV_HTTP_CANCELED);
        finish(&calls[i]);
    }
    fake_stop(&f);
}

/* A backend closes an idle connection; the next call must not notice. */
static bool reply_and_close(struct fake_connection *c, const char *request)
{
    (void)request;
    fake_body(c, 200, "", "{}");
    return false;
}

static void a_stale_connection_is_replaced(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_and_close, NULL);
    for (int i = 0; i < 20; i++) {
        struct gv_http_call_spec spec = get(url_of(&f, "/"));
        spec.method = "POST";
        spec.body = GV_S("a=b");
        struct call c = fetch(&spec);
        if (c.outcome.failure)
            fail_msg("call %d: %s", i, c.outcome.err.msg);
        finish(&c);
    }
    fake_stop(&f);
}

/* --- cancel --- */

static bool reply_half_and_hang(struct fake_connection *c, const char *request)
{
    (void)request;
    fake_puts(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
    return fake_hang(c);
}

static void cancel_from_a_callback(bool at_header)
{
    struct fake f;
    fake_start(&f, reply_half_and_hang, NULL);
    struct gv_http_call_spec spec = get(url_of(&f, "/"));
    struct call c = {.cancel_at_header = at_header, .cancel_at_data = !at_header};
    start(&c, &spec);
    gv_loop_run(loop);
    assert_int_equal(c.outcome.failure, GV_HTTP_CANCELED);
    assert_int_equal(c.outcome.err.code, GV_CANCELED);
    finish(&c);
    fake_stop(&f);
    assert_int_equal(f.closed, 1); /* the connection went with the call */
}

static void cancel_at_any_time_ends_once(void **state)
{
    (void)state;
    cancel_from_a_callback(true);
    cancel_from_a_callback(false);
    struct fake f;
    fake_start(&f, reply_half_and_hang, NULL);
    struct gv_http_call_spec spec = get(url_of(&f, "/"));
    struct call c = {0};
    start(&c, &spec);
    gv_http_call_cancel(c.call);
    gv_http_call_cancel(c.call);
    assert_int_equal(c.ends, 0);
    gv_loop_run(loop);
    assert_int_equal(c.outcome.failure, GV_HTTP_CANCELED);
    assert_int_equal(c.headers, 0);
    finish(&c);
    fake_stop(&f);
}

/* --- faults --- */

static void nobody_listens(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_hello, NULL);
    fake_stop(&f);
    struct gv_http_call_spec spec = get(url_of(&f, "/"));
    struct call c = fetch(&spec);
    char expected[100];
    snprintf(expected, sizeof expected, "connect to 127.0.0.1:%d: connection refused", f.port);
    assert_string_equal(c.outcome.err.msg, expected);
    assert_int_equal(c.outcome.failure, GV_HTTP_CONNECT);
    assert_int_equal(c.outcome.err.code, GV_UNAVAILABLE);
    finish(&c);
}

/* A full backlog is what a blackholed host looks like from here: SYNs are dropped. */
/* A listener whose queue is full: connections to it are never answered. */
struct deaf {
    int listener, fill[8];
    char url[64];
};

static void deaf_start(struct deaf *d)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    d->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(d->listener, (void *)&a, sizeof a), 0);
    assert_int_equal(listen(d->listener, 0), 0);
    assert_int_equal(getsockname(d->listener, (void *)&a, &n), 0);
    for (size_t i = 0; i < GV_COUNT(d->fill); i++) {
        d->fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(d->fill[i], (void *)&a, sizeof a);
    }
    snprintf(d->url, sizeof d->url, "http://127.0.0.1:%d/", ntohs(a.sin_port));
}

static void deaf_stop(struct deaf *d)
{
    for (size_t i = 0; i < GV_COUNT(d->fill); i++)
        close(d->fill[i]);
    close(d->listener);
}

static void nobody_answers_the_connection(void **state)
{
    (void)state;
    struct deaf deaf;
    deaf_start(&deaf);
    struct gv_http_call_spec spec = get(deaf.url);
    spec.timeout_ms = 100;
    struct call c = fetch(&spec);
    expect_failure(&c, GV_HTTP_DEADLINE, "connect to 127.0.0.1:");
    expect_failure(&c, GV_HTTP_DEADLINE, ": deadline exceeded");
    finish(&c);
    spec.timeout_ms = 20000;
    spec.connect_timeout_ms = 50;
    c = fetch(&spec);
    expect_failure(&c, GV_HTTP_CONNECT, ": no answer within 50 ms");
    finish(&c);
    deaf_stop(&deaf);
}

/* curl closes such sockets without a word, and others get their numbers. */
static void connections_that_failed_leave_nothing(void **state)
{
    (void)state;
    struct fake f;
    struct deaf deaf;
    struct gv_metric *open = gv_metric_self(&connections_family);
    fake_start(&f, reply_hello, NULL);
    deaf_start(&deaf);
    for (int i = 0; i < 3; i++) {
        struct gv_http_call_spec spec = get(deaf.url);
        spec.connections = open;
        spec.timeout_ms = 20;
        struct call c = fetch(&spec);
        expect_failure(&c, GV_HTTP_DEADLINE, "connect to 127.0.0.1:");
        finish(&c);
        assert_int_equal((int)gv_metric_value(open), i ? 1 : 0);
        spec = get(url_of(&f, "/"));
        spec.connections = open;
        c = fetch(&spec);
        assert_int_equal(c.outcome.failure, GV_HTTP_OK);
        finish(&c);
        assert_int_equal((int)gv_metric_value(open), 1);
    }
    deaf_stop(&deaf);
    gv_http_client_free(client);
    assert_int_equal((int)gv_metric_value(open), 0);
    struct gv_err err = {0};
    assert_non_null(client = gv_http_client_new(loop, 100, &err));
    fake_stop(&f);
}

static bool reply_text(struct fake_connection *c, const char *request)
{
    (void)request;
    fake_puts(c, c->fake->arg);
    return false;
}

static bool reply_never(struct fake_connection *c, const char *request)
{
    (void)request;
    return fake_hang(c);
}

static void faults_are_typed_and_name_the_address(void **state)
{
    (void)state;
    static char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"cut";
    static char chunk[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"cut\r\n";
    static char bad_chunk[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{\"cut\r\n";
    static char garbage[] = "220 mail.example ESMTP\r\n";
    static char nothing[] = "";
    static char half_header[] = "HTTP/1.1 200 OK\r\nContent-Le";
    expect_fault(reply_text, cut, 20000, GV_HTTP_BROKEN, "read from $: ");
    expect_fault(reply_text, chunk, 20000, GV_HTTP_BROKEN, "read from $: ");
    expect_fault(reply_text, bad_chunk, 20000, GV_HTTP_BROKEN, "read from $: ");
    expect_fault(reply_text, garbage, 20000, GV_HTTP_BROKEN, "read from $: ");
    expect_fault(reply_text, nothing, 20000, GV_HTTP_BROKEN,
                 "read from $: the connection was closed without a response");
    expect_fault(reply_text, half_header, 20000, GV_HTTP_BROKEN, "read from $: the response header is cut short");
    expect_fault(reply_never, NULL, 80, GV_HTTP_DEADLINE, "$: deadline exceeded");
    expect_fault(reply_half_and_hang, NULL, 80, GV_HTTP_DEADLINE, "$: deadline exceeded after 4 bytes of the response");
}

static const char whole_reply[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n"
                                  "{\"status\":\"success\"}";
static const char chunked_reply[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                    "a\r\n{\"status\":\r\na\r\n\"success\"}\r\n0\r\n\r\n";

struct cut { /* the thread of the call before may still look */
    const char *_Atomic text;
    _Atomic size_t at;
    atomic_bool reset;
};

static bool reply_up_to(struct fake_connection *c, const char *request)
{
    (void)request;
    struct cut *cut = c->fake->arg;
    fake_write(c, cut->text, cut->at);
    return cut->reset ? fake_reset(c) : false;
}

static void a_reply_cut_anywhere_is_never_a_success(void **state)
{
    (void)state;
    const char *const replies[] = {whole_reply, chunked_reply};
    static struct cut cut;
    struct fake f;
    fake_start(&f, reply_up_to, &cut);
    struct gv_http_call_spec spec = get(url_of(&f, "/"));
    for (size_t i = 0; i < 4; i++) {
        cut.text = replies[i / 2];
        cut.reset = i % 2;
        for (cut.at = 0; cut.at < strlen(cut.text); cut.at++) {
            struct call c = fetch(&spec);
            /* the last CRLF of a chunked body carries nothing: its last chunk says that it is whole */
            if (c.outcome.failure == GV_HTTP_OK && !(cut.text == chunked_reply && cut.at >= strlen(cut.text) - 2))
                fail_msg("cut at %zu, reset %d: a success of %zu bytes", cut.at, cut.reset, c.body.n);
            if (c.outcome.failure == GV_HTTP_OK)
                assert_int_equal(c.body.n, 20);
            finish(&c);
        }
    }
    fake_stop(&f);
}

static void a_receiver_may_refuse(void **state)
{
    (void)state;
    struct fake f;
    fake_start(&f, reply_hello, NULL);
    struct gv_http_call_spec spec = get(url_of(&f, "/"));
    struct call c = {.refuse_header = true};
    start(&c, &spec);
    gv_loop_run(loop);
    expect_failure(&c, GV_HTTP_REFUSED, "not this type");
    assert_int_equal(c.outcome.err.code, GV_BAD_DATA);
    assert_int_equal(c.body.n, 0);
    finish(&c);
    c = (struct call){.refuse_data = true};
    start(&c, &spec);
    gv_loop_run(loop);
    expect_failure(&c, GV_HTTP_REFUSED, "not this data");
    finish(&c);
    fake_stop(&f);
}

/* --- size --- */

static bool reply_endless(struct fake_connection *c, const char *request)
{
    (void)request;
    static const char zeros[1 << 16];
    fake_puts(c, "HTTP/1.1 200 OK\r\n\r\n");
    while (fake_write(c, zeros, sizeof zeros))
        ;
    return false;
}

/* 64 MiB of zeros in 64 KB of gzip. */
static bool reply_bomb(struct fake_connection *c, const char *request)
{
    static char zeros[1 << 20], packed[1 << 17];
    z_stream z = {.next_out = (void *)packed, .avail_out = sizeof packed};
    deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
    for (int i = 0; i < 64; i++) {
        z.next_in = (void *)zeros;
        z.avail_in = sizeof zeros;
        deflate(&z, i == 63 ? Z_FINISH : Z_NO_FLUSH);
    }
    size_t n = sizeof packed - z.avail_out;
    deflateEnd(&z);
    char head[128];
    bool asked = strstr(request, "Accept-Encoding: gzip\r\n");
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %zu\r\n\r\n",
             asked ? "gzip" : "none", n);
    return fake_puts(c, head) && fake_write(c, packed, n);
}

static void a_body_stops_at_its_limit(void **state)
{
    (void)state;
    fake_reply_fn *const replies[] = {reply_endless, reply_bomb};
    for (int i = 0; i < 2; i++) {
        struct fake f;
        fake_start(&f, replies[i], NULL);
        struct gv_http_call_spec spec = get(url_of(&f, "/"));
        spec.max_body = 1000000;
        spec.compression = true;
        struct call c = fetch(&spec);
        expect_failure(&c, GV_HTTP_OVERSIZE, "larger than 1000000 bytes");
        assert_true(c.body.n <= 1000000);
        assert_true(c.body.n > 500000);
        finish(&c);
        fake_stop(&f);
    }
}

/* --- redirects --- */

static bool reply_redirect(struct fake_connection *c, const char *request)
{
    char fields[200];
    int at = 0;
    if (sscanf(request, "POST /hop/%d", &at) == 1) {
        snprintf(fields, sizeof fields, "Location: /hop/%d\r\n", at + 1);
        return fake_body(c, at == 3 ? 200 : 302, at == 3 ? "" : fields, at == 3 ? request : "moved");
    }
    if (strncmp(request, "GET /loop", 9) == 0)
        return fake_body(c, 302, "Location: /loop\r\n", "");
    if (strncmp(request, "GET /out", 8) == 0)
        return fake_body(c, 302, "Location: http://127.0.0.2:1/stolen\r\n", "");
    if (strncmp(request, "GET /port", 9) == 0)
        return fake_body(c, 302, "Location: http://127.0.0.1:1/stolen\r\n", "");
    return fake_body(c, 302, "", "");
}

static void redirects_stay_on_their_host(void **state)
{
    (void)state;
    struct gv_err err = {0};
    const struct gv_http_settings settings = {.follow_redirects = true, .basic_username = "u", .basic_password = "p"};
    struct gv_http_profile *p = gv_http_profile_new(&settings, &err);
    assert_non_null(p);
    struct fake f;
    fake_start(&f, reply_redirect, NULL);
    struct gv_http_call_spec spec = get(url_of(&f, "/hop/0"));
    spec.profile = p;
    spec.method = "POST";
    spec.body = GV_S("query=up");
    struct call c = fetch(&spec);
    assert_int_equal(c.outcome.failure, GV_HTTP_OK);
    assert_int_equal(c.headers, 1);
    assert_int_equal(c.status, 200);
    assert_non_null(strstr(gv_buf_cstr(&c.body), "POST /hop/3 ")); /* the form goes along */
    assert_non_null(strstr(gv_buf_cstr(&c.body), "\r\n\r\nquery=up"));
    assert_non_null(strstr(gv_buf_cstr(&c.body), "Authorization: Basic dTpw\r\n"));
    finish(&c);
    const struct {
        const char *path, *text;
    } refused[] = {
        {"/loop", "too many times"}, {"/out", "another host"}, {"/port", "another host"}, {"/", "to nowhere"}};
    for (size_t i = 0; i < GV_COUNT(refused); i++) {
        spec = get(url_of(&f, refused[i].path));
        spec.profile = p;
        c = fetch(&spec);
        expect_failure(&c, GV_HTTP_BROKEN, refused[i].text);
        finish(&c);
    }
    spec = get(url_of(&f, "/loop")); /* without follow_redirects the reply is what it is */
    c = fetch(&spec);
    assert_int_equal(c.outcome.failure, GV_HTTP_OK);
    assert_int_equal(c.status, 302);
    finish(&c);
    fake_stop(&f);
    gv_http_profile_put(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_body_arrives, setup, teardown),
        cmocka_unit_test_setup_teardown(open_connections_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(trailers_and_hints_are_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_body_still_has_a_header, setup, teardown),
        cmocka_unit_test_setup_teardown(fields_of_the_header_can_be_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_form_is_posted_with_its_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(names_resolved_ahead_are_used, setup, teardown),
        cmocka_unit_test_setup_teardown(fan_outs_share_a_pool, setup, teardown),
        cmocka_unit_test_setup_teardown(many_calls_at_once_each_end_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stale_connection_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(cancel_at_any_time_ends_once, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_listens, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_answers_the_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(connections_that_failed_leave_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(faults_are_typed_and_name_the_address, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reply_cut_anywhere_is_never_a_success, setup, teardown),
        cmocka_unit_test_setup_teardown(a_receiver_may_refuse, setup, teardown),
        cmocka_unit_test_setup_teardown(a_body_stops_at_its_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(redirects_stay_on_their_host, setup, teardown),
    };
    return cmocka_run_group_tests_name("net.http_client", tests, NULL, NULL);
}
