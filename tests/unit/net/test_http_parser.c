/* The grammar of requests, without sockets: what comes out of good ones, the exact limits, the weights of
 * Accept-Encoding. (Bad requests: tests/system/smuggling; every way of cutting them: tests/fuzz.) */
#include "net/http_gzip.h"
#include "net/http_parser.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

struct parsed {
    struct gv_arena arena;
    struct gv_http_head head;
    struct gv_http_request request;
    struct gv_http_framing framing;
    struct gv_http_fault fault; /* status 0: none */
    bool open;                  /* more is needed */
};

static struct parsed *parse(struct gv_slice text)
{
    static struct parsed p;
    gv_arena_fini(&p.arena);
    p = (struct parsed){0};
    gv_arena_init(&p.arena, NULL);
    gv_http_head_init(&p.head, &p.arena, &gv_http_default_limits);
    enum gv_http_verdict v = gv_http_head_feed(&p.head, text.p, text.n);
    p.open = v == GV_HTTP_MORE;
    p.fault = p.head.fault;
    if (v != GV_HTTP_DONE)
        return &p;
    gv_http_head_request(&p.head, text.p, &p.request);
    if (gv_http_framing_read(&p.head, &p.request, text.p, &p.framing, &p.fault))
        assert_int_equal(p.fault.status, 0);
    return &p;
}

static struct parsed *parse_good(const char *text)
{
    struct parsed *p = parse(gv_slice_of(text));
    if (p->fault.status || p->open)
        fail_msg("refused: %d %s", p->fault.status, p->fault.reason);
    return p;
}

static void a_request_comes_apart(void **state)
{
    (void)state;
    struct parsed *p =
        parse_good("GET /api/v1/query?query=up%20{a=\"b\"}&x HTTP/1.1\r\nHost: h:1\r\nACCEPT: \t a b \t\r\n"
                   "Accept: second\r\nEmpty:\r\n\r\nbehind");
    struct gv_http_request *r = &p->request;
    assert_int_equal(r->method, GV_HTTP_GET);
    assert_true(gv_slice_is(r->method_text, "GET"));
    assert_true(gv_slice_is(r->target, "/api/v1/query?query=up%20{a=\"b\"}&x"));
    assert_true(gv_slice_is(r->path, "/api/v1/query"));
    assert_true(gv_slice_is(r->query, "query=up%20{a=\"b\"}&x"));
    assert_int_equal(r->n_fields, 4);
    assert_true(gv_slice_is(gv_http_request_field(r, "accept"), "a b"));
    assert_non_null(gv_http_request_field(r, "Empty").p);
    assert_int_equal(gv_http_request_field(r, "Empty").n, 0);
    assert_null(gv_http_request_field(r, "Absent").p);
    assert_true(p->framing.keep_alive);
    assert_false(p->framing.chunked);
}

static void targets_come_in_three_forms(void **state)
{
    (void)state;
    static const struct {
        const char *line, *path, *query;
    } rows[] = {
        {"GET / HTTP/1.1", "/", ""},
        {"GET /? HTTP/1.1", "/", ""},
        {"GET //a/../b?c?d HTTP/1.1", "//a/../b", "c?d"}, /* left to the router */
        {"GET /a%2fb%00 HTTP/1.1", "/a%2fb%00", ""},
        {"GET /q?city=M\xc3\xbcnchen HTTP/1.1", "/q", "city=M\xc3\xbcnchen"},
        {"GET http://h/a?b HTTP/1.1", "/a", "b"},
        {"GET HTTPS://H HTTP/1.1", "/", ""},
        {"GET http://h?b HTTP/1.1", "/", "b"},
        {"OPTIONS * HTTP/1.1", "*", ""},
        {"BREW /pot HTTP/1.1", "/pot", ""},
    };
    for (size_t i = 0; i < GV_COUNT(rows); i++) {
        char text[256];
        snprintf(text, sizeof text, "%s\r\nHost: h\r\n\r\n", rows[i].line);
        struct parsed *p = parse_good(text);
        assert_true(gv_slice_is(p->request.path, rows[i].path));
        assert_true(gv_slice_is(p->request.query, rows[i].query));
    }
}

static void methods_are_known_by_their_exact_name(void **state)
{
    (void)state;
    assert_int_equal(parse_good("DELETE / HTTP/1.1\r\nHost:\r\n\r\n")->request.method, GV_HTTP_DELETE);
    assert_int_equal(parse_good("HEAD / HTTP/1.1\r\nHost:\r\n\r\n")->request.method, GV_HTTP_HEAD);
    assert_int_equal(parse_good("get / HTTP/1.1\r\nHost:\r\n\r\n")->request.method, GV_HTTP_OTHER);
}

static void connections_persist_as_the_rfc_says(void **state)
{
    (void)state;
    static const struct {
        const char *version, *fields;
        bool keep;
    } rows[] = {
        {"1.1", "", true},
        {"1.1", "Connection: close\r\n", false},
        {"1.1", "Connection: a, ,CLOSE ,b\r\n", false},
        {"1.1", "Connection: closed\r\n", true},
        {"1.1", "Connection: keep-alive\r\nConnection: close\r\n", false},
        {"1.0", "", false},
        {"1.0", "Connection: Keep-Alive\r\n", true},
        {"1.0", "Connection: keep-alive, close\r\n", false},
    };
    for (size_t i = 0; i < GV_COUNT(rows); i++) {
        char text[256];
        snprintf(text, sizeof text, "GET / HTTP/%s\r\nHost: h\r\n%s\r\n", rows[i].version, rows[i].fields);
        assert_int_equal(parse_good(text)->framing.keep_alive, rows[i].keep);
    }
}

static void expectations_wait_for_a_body(void **state)
{
    (void)state;
    assert_true(parse_good("PUT / HTTP/1.1\r\nHost:\r\nExpect: 100-CONTINUE\r\nContent-Length: 1\r\n\r\n")
                    ->framing.expect_continue);
    assert_false(parse_good("PUT / HTTP/1.1\r\nHost:\r\nExpect: 100-continue\r\n\r\n")->framing.expect_continue);
    assert_false(parse_good("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
                     ->framing.expect_continue); /* RFC 9110 section 10.1.1: ignored */
}

/* A head of exactly n bytes. */
static struct gv_buf head_of(size_t n)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_adds(&b, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
    while (b.n < n - 4)
        gv_buf_addc(&b, 'x');
    gv_buf_adds(&b, "\r\n\r\n");
    return b;
}

static void the_head_may_be_so_large_and_no_larger(void **state)
{
    (void)state;
    size_t max = gv_http_default_limits.header_bytes;
    struct gv_buf b = head_of(max);
    assert_int_equal(parse(gv_buf_slice(&b))->fault.status, 0);
    assert_true(parse((struct gv_slice){b.p, max - 1})->open);
    gv_buf_fini(&b);
    b = head_of(max + 1);
    assert_int_equal(parse(gv_buf_slice(&b))->fault.status, 431);
    assert_int_equal(parse((struct gv_slice){b.p, max})->fault.status, 431);
    gv_buf_fini(&b);
}

static void so_many_fields_and_no_more(void **state)
{
    (void)state;
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_adds(&b, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (unsigned i = 1; i < gv_http_default_limits.header_fields; i++)
        gv_buf_printf(&b, "X-%u: y\r\n", i);
    size_t n = b.n;
    gv_buf_adds(&b, "\r\n");
    assert_int_equal(parse(gv_buf_slice(&b))->request.n_fields, 100);
    b.n = n;
    gv_buf_adds(&b, "Y: z\r\n");
    assert_int_equal(parse(gv_buf_slice(&b))->fault.status, 431);
    gv_buf_fini(&b);
}

static void faults_are_told_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        {"GET /\r\n", 400},          /* the rest would never come */
        {"\x16\x03\x01", 400},       /* TLS */
        {"GET / HTTP/1.1\r\n x", 0}, /* its line is not complete yet */
        {"GET / HTTP/2.0\r\n", 505}, {"GET / HTTP/1.1\n", 400}, {"GET / HTTP/1.1\rx", 400}, {"GET / HTTP/1.1\r", 0},
    };
    for (size_t i = 0; i < GV_COUNT(rows); i++)
        assert_int_equal(parse(gv_slice_of(rows[i].text))->fault.status, rows[i].status);
}

/* The body out of text, and its fault's status. */
static int read_body(const char *text, int64_t max, struct gv_buf *out, size_t *used)
{
    struct gv_http_framing f = {.chunked = true};
    struct gv_http_body b;
    gv_http_body_init(&b, &f, max);
    enum gv_http_verdict v = GV_HTTP_MORE;
    gv_buf_clear(out);
    for (*used = 0; v == GV_HTTP_MORE && text[*used];) {
        size_t n;
        struct gv_slice piece;
        v = gv_http_body_feed(&b, text + *used, strlen(text + *used), &n, &piece);
        gv_buf_add_slice(out, piece);
        *used += n;
    }
    return v == GV_HTTP_DONE ? 200 : v == GV_HTTP_MORE ? 0 : b.fault.status;
}

static void chunks_make_a_body(void **state)
{
    (void)state;
    struct gv_buf out = GV_BUF_INIT;
    size_t used;
    assert_int_equal(read_body("3\r\nabc\r\n00a;x\r\n0123456789\r\n0\r\n\r\nGET", 100, &out, &used), 200);
    assert_string_equal(gv_buf_cstr(&out), "abc0123456789");
    assert_int_equal(used, strlen("3\r\nabc\r\n00a;x\r\n0123456789\r\n0\r\n\r\n"));
    assert_int_equal(read_body("0\r\nA: b\r\nC:\r\n\r\n", 0, &out, &used), 200);
    assert_int_equal(read_body("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 5, &out, &used), 200);
    assert_int_equal(read_body("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 4, &out, &used), 413);
    assert_string_equal(gv_buf_cstr(&out), "abc"); /* told at the size, before the data */
    assert_int_equal(read_body("3\r\nabc\r\n0\r\n", 4, &out, &used), 0);
    gv_buf_fini(&out);
}

static void gzip_is_chosen_by_weight(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        bool gzip;
    } rows[] = {
        {"gzip", true},
        {"GZIP", true},
        {"deflate, gzip", true},
        {"x-gzip", true},
        {"*", true},
        {"br;q=1.0, *;q=0.1", true},
        {"gzip;q=0.001", true},
        {"gzip; q=0.5 , identity;q=0.5", true},
        {"", false},
        {"gzip;q=0", false},
        {"gzip;q=0.000", false},
        {"*;q=0", false},
        {"gzip;q=0, *", false},
        {"identity", false},
        {"gzipped", false},
        {"identity;q=1, gzip;q=0.9", false},
        {"gzip;q=2", false},
        {"gzip;q=", false},
        {"gzip;q=1.001", false},
        {"gzip;quality=1", false},
        {"gzip;q=0.1234", false},
        {"gzip;q=.5", false},
    };
    for (size_t i = 0; i < GV_COUNT(rows); i++) {
        struct gv_http_field f = {GV_S("accept-encoding"), gv_slice_of(rows[i].accept)};
        struct gv_http_request r = {.fields = &f, .n_fields = 1};
        if (gv_http_accepts_gzip(&r) != rows[i].gzip)
            fail_msg("%s", rows[i].accept);
    }
    assert_false(gv_http_accepts_gzip(&(struct gv_http_request){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_comes_apart),
        cmocka_unit_test(targets_come_in_three_forms),
        cmocka_unit_test(methods_are_known_by_their_exact_name),
        cmocka_unit_test(connections_persist_as_the_rfc_says),
        cmocka_unit_test(expectations_wait_for_a_body),
        cmocka_unit_test(the_head_may_be_so_large_and_no_larger),
        cmocka_unit_test(so_many_fields_and_no_more),
        cmocka_unit_test(faults_are_told_at_once),
        cmocka_unit_test(chunks_make_a_body),
        cmocka_unit_test(gzip_is_chosen_by_weight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
