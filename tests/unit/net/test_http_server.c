/* The server against real sockets: replies, streams, pipelining, deadlines, disconnects, limits, draining. */
#include "base/log.h"
#include "http_rig.h"
#include <sys/resource.h>
#include <zlib.h>

#define CLOSE "Host: h\r\nConnection: close\r\n\r\n"
#define KEEP  "Host: h\r\n\r\n"

static struct rig rig;

static int start(void **state)
{
    (void)state;
    rig_start(&rig, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    rig_stop(&rig);
    assert_true(rig.completed <= rig.ended);
    return 0;
}

static const char *body_of(const struct gv_buf *reply)
{
    const char *end = strstr(reply->p, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

static void assert_status(const struct gv_buf *reply, int status)
{
    char line[32];
    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    if (strncmp(reply->p, line, strlen(line)))
        fail_msg("expected status %d, got \"%s\"", status, reply->p);
}

static void replies_carry_their_length_and_the_date(void **state)
{
    (void)state;
    struct gv_buf r = rig_ask(&rig, "GET /ok HTTP/1.1\r\n" CLOSE);
    assert_status(&r, 200);
    assert_non_null(strstr(r.p, "\r\nContent-Length: 2\r\n"));
    assert_non_null(strstr(r.p, " GMT\r\n"));
    assert_non_null(strstr(r.p, "\r\nConnection: close\r\n"));
    assert_string_equal(body_of(&r), "ok");
    gv_buf_fini(&r);
}

static void late_replies_arrive(void **state)
{
    (void)state;
    struct gv_buf r = rig_ask(&rig, "GET /late HTTP/1.1\r\n" KEEP "GET /late HTTP/1.1\r\n" CLOSE);
    assert_int_equal(rig_count(r.p, "\r\n\r\nlate"), 2);
    gv_buf_fini(&r);
    rig_wait(&rig.ended, 2);
    assert_int_equal(rig.completed, 2);
}

static void head_sends_the_same_head_and_no_body(void **state)
{
    (void)state;
    struct gv_buf get = rig_ask(&rig, "GET /whole/3000 HTTP/1.1\r\n" CLOSE);
    struct gv_buf head = rig_ask(&rig, "HEAD /whole/3000 HTTP/1.1\r\n" CLOSE);
    assert_non_null(strstr(head.p, "\r\nContent-Length: 3000\r\n"));
    assert_string_equal(body_of(&head), "");
    assert_int_equal(strlen(body_of(&get)), 3000);
    assert_int_equal(body_of(&get) - get.p, body_of(&head) - head.p);
    gv_buf_fini(&get);
    gv_buf_fini(&head);
    struct gv_buf both = rig_ask(&rig, "HEAD /stream/3000 HTTP/1.1\r\n" KEEP "GET /ok HTTP/1.1\r\n" CLOSE);
    assert_non_null(strstr(both.p, "\r\nTransfer-Encoding: chunked\r\n"));
    assert_int_equal(strncmp(body_of(&both), "HTTP/1.1 200 OK\r\n", 17), 0);
    gv_buf_fini(&both);
}

static void fields_cannot_be_forged(void **state)
{
    (void)state;
    struct gv_buf r = rig_ask(&rig, "GET /whole/1 HTTP/1.1\r\n" CLOSE);
    assert_null(strstr(r.p, "\r\nForged"));
    assert_non_null(strstr(r.p, "\r\nContent-Type: text/plain  Forged: 1\r\n"));
    gv_buf_fini(&r);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    struct gv_buf text = GV_BUF_INIT;
    static const char *const paths[] = {"/late", "/ok", "/stream/10", "/whole/1"};
    static const char *const bodies[] = {"late", "ok", "a\r\nxxxxxxxxxx\r\n0\r\n\r\n", "x"};
    for (int i = 0; i < 200; i++)
        gv_buf_printf(&text, "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", paths[i % 4],
                      i == 199 ? "Connection: close\r\n" : "");
    struct gv_buf r = rig_ask(&rig, gv_buf_cstr(&text));
    const char *at = r.p;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(strncmp(at, "HTTP/1.1 200 OK\r\n", 17), 0);
        at = strstr(at, "\r\n\r\n") + 4;
        assert_int_equal(strncmp(at, bodies[i % 4], strlen(bodies[i % 4])), 0);
        at += strlen(bodies[i % 4]);
    }
    assert_string_equal(at, "");
    gv_buf_fini(&text);
    gv_buf_fini(&r);
    assert_int_equal(rig.requests, 200);
}

static void bodies_come_by_length_or_in_chunks(void **state)
{
    (void)state;
    struct gv_buf r = rig_ask(&rig, "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n" KEEP "hello"
                                    "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" CLOSE
                                    "3\r\nabc\r\n0A;x=\"y\"\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n");
    assert_non_null(strstr(r.p, "\r\n\r\nhelloHTTP/1.1 200"));
    assert_non_null(strstr(r.p, "\r\n\r\nabc0123456789"));
    gv_buf_fini(&r);
}

static void large_bodies_come_whole(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    struct gv_buf text = GV_BUF_INIT, r = GV_BUF_INIT;
    gv_buf_printf(&text, "POST /echo HTTP/1.1\r\nContent-Length: %d\r\n" CLOSE, SIZE);
    for (int i = 0; i < SIZE; i++)
        gv_buf_addc(&text, (char)('a' + i % 26));
    int fd = rig_connect(&rig);
    rig_send(fd, gv_buf_slice(&text));
    rig_read_to_end(fd, &r);
    close(fd);
    gv_buf_cstr(&r);
    assert_status(&r, 200);
    assert_int_equal(strlen(body_of(&r)), SIZE);
    assert_memory_equal(body_of(&r), text.p + text.n - SIZE, SIZE);
    gv_buf_fini(&text);
    gv_buf_fini(&r);
}

static void too_large_bodies_are_refused(void **state)
{
    (void)state;
    struct gv_buf r = rig_ask(&rig, "POST /echo HTTP/1.1\r\nContent-Length: 1048577\r\n" KEEP);
    assert_status(&r, 413);
    gv_buf_fini(&r);
    r = rig_ask(&rig, "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" KEEP "FFFFFFFFFF\r\n");
    assert_status(&r, 413);
    gv_buf_fini(&r);
    assert_int_equal(rig.requests, 0);
    rig_wait(&rig.ended, 2); /* on_header knew of them */
    assert_int_equal(rig.completed, 0);
}

/* A client that sends first and reads then must get the reply, and no reset. */
static void a_refused_body_may_come_whole(void **state)
{
    (void)state;
    enum { SIZE = 40 << 20 };
    struct gv_buf text = GV_BUF_INIT, r = GV_BUF_INIT;
    gv_buf_printf(&text, "POST /echo HTTP/1.1\r\nContent-Length: %d\r\n" KEEP, SIZE);
    memset(gv_buf_reserve(&text, SIZE), 'a', SIZE);
    text.n += SIZE;
    int fd = rig_connect(&rig);
    assert_true(rig_send(fd, gv_buf_slice(&text)));
    rig_read_to_end(fd, &r);
    close(fd);
    assert_status(&r, 413);
    gv_buf_fini(&text);
    gv_buf_fini(&r);
}

static void expectations(void **state)
{
    (void)state;
    struct gv_buf r = GV_BUF_INIT;
    int fd = rig_connect(&rig);
    rig_sends(fd, "POST /echo HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n" CLOSE);
    rig_read_until(fd, &r, "HTTP/1.1 100 Continue\r\n\r\n");
    rig_sends(fd, "hi");
    rig_read_to_end(fd, &r);
    close(fd);
    assert_non_null(strstr(gv_buf_cstr(&r), "HTTP/1.1 200 OK\r\n"));
    gv_buf_fini(&r);
    r = rig_ask(&rig, "POST /echo HTTP/1.1\r\nExpect: 200-ok\r\nContent-Length: 2\r\n" KEEP);
    assert_status(&r, 417);
    gv_buf_fini(&r);
    /* whoever was told no before the body may send it or not: the connection cannot go on */
    r = rig_ask(&rig, "POST /deny HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n" KEEP);
    assert_status(&r, 403);
    assert_null(strstr(r.p, "100 Continue"));
    gv_buf_fini(&r);
}

static void a_reply_to_the_header_skips_a_small_body(void **state)
{
    (void)state;
    struct gv_buf r = rig_ask(&rig, "POST /deny HTTP/1.1\r\nContent-Length: 44\r\n" KEEP
                                    "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n.........."
                                    "GET /ok HTTP/1.1\r\n" CLOSE);
    assert_status(&r, 403);
    assert_non_null(strstr(r.p, "HTTP/1.1 200 OK"));
    gv_buf_fini(&r);
    assert_int_equal(rig.smuggled, 0);
    assert_int_equal(rig.requests, 1);
    r = rig_ask(&rig, "POST /deny HTTP/1.1\r\nContent-Length: 1000000\r\n" KEEP "GET /smuggled HTTP/1.1\r\n" KEEP);
    assert_int_equal(rig_count(r.p, "HTTP/1.1 "), 1);
    gv_buf_fini(&r);
    assert_int_equal(rig.smuggled, 0);
}

static void http_1_0_closes_unless_asked(void **state)
{
    (void)state;
    struct gv_buf r = rig_ask(&rig, "GET /ok HTTP/1.0\r\n\r\n");
    assert_status(&r, 200);
    gv_buf_fini(&r);
    r = rig_ask(&rig, "GET /ok HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /stream/5 HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(r.p, "\r\nConnection: keep-alive\r\n"));
    assert_null(strstr(r.p, "chunked"));
    assert_non_null(strstr(r.p, "\r\n\r\nxxxxx"));
    gv_buf_fini(&r);
}

static void a_broken_stream_does_not_look_whole(void **state)
{
    (void)state;
    struct gv_buf r = rig_ask(&rig, "GET /broken HTTP/1.1\r\n" KEEP);
    assert_null(strstr(r.p ? r.p : "", "0\r\n\r\n"));
    gv_buf_fini(&r);
    rig_wait(&rig.ended, 1);
    assert_int_equal(rig.completed, 0);
    assert_int_equal(rig.canceled, 0); /* it was the producer itself that gave up */
}

static struct gv_buf inflated(struct gv_slice packed)
{
    struct gv_buf out = GV_BUF_INIT;
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.p, .avail_in = (uInt)packed.n};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    int status = Z_OK;
    while (status == Z_OK) {
        z.next_out = (Bytef *)gv_buf_reserve(&out, 65536);
        z.avail_out = 65536;
        status = inflate(&z, Z_NO_FLUSH);
        out.n += 65536 - z.avail_out;
    }
    assert_int_equal(status, Z_STREAM_END);
    inflateEnd(&z);
    return out;
}

static struct gv_buf unchunked(const char *p)
{
    struct gv_buf out = GV_BUF_INIT;
    for (;;) {
        char *end;
        size_t n = strtoull(p, &end, 16);
        p = end + 2;
        if (!n)
            return out;
        gv_buf_add(&out, p, n);
        p += n + 2;
    }
}

static void assert_gzip(const char *path, size_t n, bool chunked)
{
    struct gv_buf text = GV_BUF_INIT;
    gv_buf_printf(&text, "GET %s HTTP/1.1\r\nAccept-Encoding: br, gzip;q=0.5\r\n" CLOSE, path);
    struct gv_buf r = rig_ask(&rig, gv_buf_cstr(&text)), packed = GV_BUF_INIT;
    assert_non_null(strstr(r.p, "\r\nContent-Encoding: gzip\r\n"));
    assert_non_null(strstr(r.p, "\r\nVary: Accept-Encoding\r\n"));
    assert_int_equal(chunked, strstr(r.p, "Transfer-Encoding: chunked") != NULL);
    const char *body = body_of(&r);
    if (chunked)
        packed = unchunked(body);
    else
        gv_buf_add(&packed, body, (size_t)(r.p + r.n - body));
    struct gv_buf plain = inflated(gv_buf_slice(&packed));
    assert_int_equal(plain.n, n);
    for (size_t i = 0; i < n; i++)
        if (plain.p[i] != 'x')
            fail_msg("byte %zu is %d", i, plain.p[i]);
    gv_buf_fini(&text);
    gv_buf_fini(&r);
    gv_buf_fini(&packed);
    gv_buf_fini(&plain);
}

static void replies_are_compressed_for_those_who_want_it(void **state)
{
    (void)state;
    assert_gzip("/whole/2000", 2000, false);
    assert_gzip("/whole/1000000", 1000000, true);
    assert_gzip("/stream/1", 1, true);
    assert_gzip("/stream/3000000", 3000000, true);
    static const char *const plain[] = {
        "GET /whole/1000 HTTP/1.1\r\nAccept-Encoding: gzip\r\n" CLOSE,
        "GET /whole/9000 HTTP/1.1\r\n" CLOSE,
        "GET /whole/9000 HTTP/1.1\r\nAccept-Encoding: gzip;q=0, *\r\n" CLOSE,
        "GET /whole/9000 HTTP/1.1\r\nAccept-Encoding: gzip;q=0.5, identity;q=0.6\r\n" CLOSE,
        "GET /whole/9000 HTTP/1.1\r\nAccept-Encoding: gzip;q=nonsense\r\n" CLOSE,
        "GET /whole/9000 HTTP/1.1\r\nAccept-Encoding: deflate, br\r\n" CLOSE,
    };
    for (size_t i = 0; i < GV_COUNT(plain); i++) {
        struct gv_buf r = rig_ask(&rig, plain[i]);
        assert_null(strstr(r.p, "Content-Encoding"));
        gv_buf_fini(&r);
    }
}

static void a_client_that_leaves_cancels_the_handler(void **state)
{
    (void)state;
    int fd = rig_connect(&rig);
    rig_sends(fd, "GET /never HTTP/1.1\r\n" KEEP);
    rig_wait(&rig.requests, 1);
    close(fd); /* FIN */
    rig_wait(&rig.ended, 1);
    assert_int_equal(rig.canceled, 1);

    fd = rig_connect(&rig);
    rig_sends(fd, "GET /never HTTP/1.1\r\n" KEEP);
    rig_wait(&rig.requests, 2);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(fd); /* RST */
    rig_wait(&rig.ended, 2);
    assert_int_equal(rig.canceled, 2);
}

/* Unread bytes in the kernel's buffer must not hide that the client has gone. */
static void a_client_that_pipelines_and_leaves_cancels_the_handler(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        int fd = rig_connect(&rig);
        rig_sends(fd, "GET /never HTTP/1.1\r\n" KEEP);
        rig_wait(&rig.requests, i + 1);
        for (int k = 0; k < 1000; k++)
            rig_sends(fd, "GET /smuggled HTTP/1.1\r\n" KEEP);
        if (i)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        close(fd);
        rig_wait(&rig.ended, i + 1);
        assert_int_equal(rig.canceled, i + 1);
    }
    assert_int_equal(rig.smuggled, 0);
}

static void release_held(struct gv_message *m)
{
    struct rig *r = container_of(m, struct rig, stop);
    gv_http_reply(r->held, 200, NULL, 0, GV_S("nobody reads this")); /* as good as abandoning */
}

static void an_exchange_lives_until_its_handler_lets_go(void **state)
{
    (void)state;
    atomic_store(&rig.hold_abandon, true);
    int fd = rig_connect(&rig);
    rig_sends(fd, "GET /never HTTP/1.1\r\n" KEEP);
    rig_wait(&rig.requests, 1);
    close(fd);
    rig_wait(&rig.canceled, 1);
    struct gv_buf r = rig_ask(&rig, "GET /ok HTTP/1.1\r\n" CLOSE); /* some turns go by */
    gv_buf_fini(&r);
    rig_wait(&rig.ended, 1);
    assert_int_equal(rig.ended, 1); /* that of /ok */
    rig.stop.fn = release_held;
    gv_loop_post(rig.loop, &rig.stop);
    rig_wait(&rig.ended, 2);
    assert_int_equal(rig.completed, 1);
}

static void a_client_that_leaves_stops_the_producer(void **state)
{
    (void)state;
    struct gv_buf r = GV_BUF_INIT;
    int fd = rig_connect(&rig);
    rig_sends(fd, "GET /stream-forever HTTP/1.1\r\n" KEEP);
    while (r.n < 1000000)
        assert_true(rig_read(fd, &r) > 0);
    close(fd);
    rig_wait(&rig.ended, 1);
    assert_int_equal(rig.canceled, 1);
    assert_int_equal(rig.completed, 0);
    gv_buf_fini(&r);
}

static void malformed_requests_close_the_connection(void **state)
{
    (void)state;
    struct gv_buf r = rig_ask(&rig, "GET /ok HTTP/1.1\nHost: h\n\n");
    assert_status(&r, 400);
    assert_non_null(strstr(r.p, "line feed without carriage return"));
    gv_buf_fini(&r);
    r = rig_ask(&rig, "GET /ok HTTP/1.1\r\n" KEEP "BAD\r\n\r\nGET /smuggled HTTP/1.1\r\n" KEEP);
    assert_int_equal(rig_count(r.p, "HTTP/1.1 200"), 1);
    assert_int_equal(rig_count(r.p, "HTTP/1.1 400"), 1);
    gv_buf_fini(&r);
    assert_int_equal(rig.smuggled, 0);
}

static void an_abandoned_exchange_closes_without_a_reply(void **state)
{
    (void)state;
    struct gv_buf r = rig_ask(&rig, "GET /abandon HTTP/1.1\r\n" KEEP "GET /smuggled HTTP/1.1\r\n" KEEP);
    assert_int_equal(r.n, 0);
    gv_buf_fini(&r);
    rig_wait(&rig.ended, 1);
    assert_int_equal(rig.completed + rig.canceled + rig.smuggled, 0);
}

/* What a script with `nc -N` does: the request and its FIN at once. What is answered at once is still sent. */
static void a_half_closed_client_gets_what_is_answered_at_once(void **state)
{
    (void)state;
    struct gv_buf r = GV_BUF_INIT;
    int fd = rig_connect(&rig);
    rig_sends(fd, "GET /ok HTTP/1.1\r\n" KEEP);
    shutdown(fd, SHUT_WR);
    rig_read_to_end(fd, &r);
    close(fd);
    gv_buf_cstr(&r);
    assert_status(&r, 200);
    gv_buf_fini(&r);
}

/* ---- with short deadlines ---- */

static int start_impatient(void **state)
{
    (void)state;
    struct gv_http_limits limits = gv_http_default_limits;
    limits.header_timeout_ms = 300;
    limits.body_timeout_ms = 300;
    limits.idle_timeout_ms = 300;
    limits.write_timeout_ms = 300;
    rig_start(&rig, &limits);
    return 0;
}

/* One byte each few milliseconds: the deadline stands all the same, and the bytes would have made a good request. */
static void trickling_does_not_extend_the_deadline(void **state)
{
    (void)state;
    struct gv_buf r = GV_BUF_INIT;
    int fd = rig_connect(&rig);
    rig_sends(fd, "GET /ok HTTP/1.1\r\nHost: h\r\nX: ");
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t end = rig_now_ms() + DEADLINE_MS;
    while (poll(&p, 1, 5) == 0 && rig_now_ms() < end)
        rig_sends(fd, "x");
    rig_read_to_end(fd, &r);
    gv_buf_cstr(&r);
    assert_status(&r, 408);
    close(fd);
    gv_buf_fini(&r);
}

static void slow_bodies_and_silent_clients_are_closed(void **state)
{
    (void)state;
    struct gv_buf r = rig_ask(&rig, "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n" KEEP "abc");
    assert_status(&r, 408);
    gv_buf_fini(&r);
    r = rig_ask(&rig, ""); /* nothing sent: closed without a word */
    assert_int_equal(r.n, 0);
    gv_buf_fini(&r);
    r = rig_ask(&rig, "GET /ok HTTP/1.1\r\n" KEEP); /* then idle */
    assert_int_equal(rig_count(r.p, "HTTP/1.1 "), 1);
    gv_buf_fini(&r);
}

/* A byte now and then is not reading. */
static void a_client_that_reads_byte_by_byte_is_closed(void **state)
{
    (void)state;
    int fd = rig_connect(&rig);
    rig_sends(fd, "GET /stream/1000000000 HTTP/1.1\r\n" KEEP);
    int64_t end = rig_now_ms() + DEADLINE_MS;
    char byte;
    while (atomic_load(&rig.ended) == 0 && rig_now_ms() < end && recv(fd, &byte, 1, 0) == 1)
        poll(NULL, 0, 5);
    rig_wait(&rig.ended, 1);
    assert_int_equal(rig.canceled, 1);
    close(fd);
}

static void a_client_that_stops_reading_is_closed(void **state)
{
    (void)state;
    int fd = rig_connect(&rig);
    rig_sends(fd, "GET /stream/1000000000 HTTP/1.1\r\n" KEEP);
    rig_wait(&rig.ended, 1);
    assert_int_equal(rig.completed, 0);
    assert_int_equal(rig.canceled, 1);
    close(fd);
}

/* ---- limits ---- */

static void a_reader_that_stops_holds_up_production(void **state)
{
    (void)state;
    int fd = rig_connect(&rig);
    int small = 65536;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    rig_sends(fd, "GET /stream/1000000000 HTTP/1.1\r\n" KEEP);
    unsigned before = 0, quiet = 0;
    while (quiet < 50) { /* production comes to rest */
        unsigned now = atomic_load(&rig.produced);
        quiet = now == before && now > 0 ? quiet + 1 : 0;
        before = now;
        poll(NULL, 0, 2);
    }
    /* 64 KiB each; the kernel's own buffers take some megabytes */
    assert_true(before < 16 * 12);
    struct gv_buf r = GV_BUF_INIT;
    while (atomic_load(&rig.produced) == before) /* and goes on once the client reads */
        assert_true(rig_read(fd, &r) > 0);
    close(fd);
    rig_wait(&rig.ended, 1);
    gv_buf_fini(&r);
}

static int start_small(void **state)
{
    (void)state;
    struct gv_http_limits limits = gv_http_default_limits;
    limits.max_connections = 3;
    rig_start(&rig, &limits);
    return 0;
}

static void connections_beyond_the_limit_are_told(void **state)
{
    (void)state;
    int fds[3];
    struct gv_buf r = GV_BUF_INIT;
    for (int i = 0; i < 3; i++) {
        fds[i] = rig_connect(&rig);
        rig_sends(fds[i], "GET /ok HTTP/1.1\r\n" KEEP);
        gv_buf_clear(&r);
        rig_read_until(fds[i], &r, "ok");
    }
    gv_buf_fini(&r);
    r = rig_ask(&rig, "GET /ok HTTP/1.1\r\n" KEEP);
    assert_status(&r, 503);
    gv_buf_fini(&r);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    int64_t end = rig_now_ms() + DEADLINE_MS;
    do { /* as soon as the server has seen them go */
        r = rig_ask(&rig, "GET /ok HTTP/1.1\r\n" CLOSE);
        bool served = strstr(r.p, " 200 OK");
        gv_buf_fini(&r);
        if (served)
            return;
    } while (rig_now_ms() < end);
    fail_msg("the places are not given back");
}

/* ---- draining, listening ---- */

static void draining_finishes_what_runs(void **state)
{
    (void)state;
    rig_start(&rig, NULL);
    struct gv_buf r = GV_BUF_INIT;
    int idle = rig_connect(&rig), busy = rig_connect(&rig);
    rig_sends(idle, "GET /ok HTTP/1.1\r\n" KEEP);
    rig_read_until(idle, &r, "ok");
    gv_buf_clear(&r);
    rig_sends(busy, "GET /stream/100000000 HTTP/1.1\r\n" KEEP);
    rig_read_until(busy, &r, "xxxx");
    rig.stop.fn = rig_on_drain;
    gv_loop_post(rig.loop, &rig.stop);
    struct gv_buf nothing = GV_BUF_INIT;
    rig_read_to_end(idle, &nothing);
    assert_int_equal(nothing.n, 0);
    gv_buf_fini(&nothing);
    assert_false(atomic_load(&rig.drained));
    size_t n = r.n;
    while (true) {
        gv_buf_clear(&r);
        size_t got = rig_read(busy, &r);
        if (!got)
            break;
        n += got;
    }
    assert_true(n > 100000000);
    close(idle);
    close(busy);
    gv_buf_fini(&r);
    rig_free(&rig);
    assert_int_equal(rig.completed, 2);
}

static void aborting_cancels_what_runs(void **state)
{
    (void)state;
    rig_start(&rig, NULL);
    int fd = rig_connect(&rig);
    rig_sends(fd, "GET /never HTTP/1.1\r\n" KEEP);
    rig_wait(&rig.requests, 1);
    rig_stop(&rig);
    assert_int_equal(rig.canceled, 1);
    assert_int_equal(rig.ended, 1);
    close(fd);
}

static struct gv_http_server *new_server(struct gv_loop *l)
{
    struct gv_err err = {0};
    struct gv_http_handlers h = {.on_request = rig_on_request};
    struct gv_http_server *s = gv_http_server_new(l, &gv_http_default_limits, &h, &err);
    assert_non_null(s);
    return s;
}

static void loops_share_an_address_and_strangers_do_not(void **state)
{
    (void)state;
    struct gv_err err = {0};
    struct gv_loop *l = gv_loop_new(0, &err);
    struct gv_http_server *first = new_server(l), *second = new_server(l);
    assert_true(gv_http_server_listen(first, "127.0.0.1:0", &err));
    char address[64];
    int port = gv_http_server_port(first, 0);
    assert_true(port > 0);
    snprintf(address, sizeof address, "127.0.0.1:%d", port);
    assert_true(gv_http_server_listen(second, address, &err));
    /* what another process would do, with SO_REUSEPORT even */
    gv_http_server_free(first);
    gv_http_server_free(second);
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 1), 0);
    struct gv_http_server *third = new_server(l);
    assert_false(gv_http_server_listen(third, address, &err));
    assert_non_null(strstr(err.msg, address));
    assert_non_null(strstr(err.msg, "Address already in use"));
    close(fd);
    gv_http_server_free(third);
    gv_loop_free(l);
}

static void connections_spread_over_the_loops(void **state)
{
    (void)state;
    static struct rig other;
    char address[64];
    rig_start(&rig, NULL);
    snprintf(address, sizeof address, "127.0.0.1:%d", rig.port);
    rig_start_at(&other, NULL, address);
    for (int i = 0; i < 64; i++) {
        struct gv_buf r = rig_ask(&rig, "GET /ok HTTP/1.1\r\n" CLOSE);
        assert_status(&r, 200);
        gv_buf_fini(&r);
    }
    assert_int_equal(rig.requests + other.requests, 64);
    assert_true(rig.requests > 0 && other.requests > 0); /* else by chance once in 2^63 */
    rig_stop(&rig);
    rig_stop(&other);
}

static atomic_uint lines;

static void count_line(void *arg, enum gv_log_level level, struct gv_slice line)
{
    (void)arg;
    (void)level;
    assert_non_null(memmem(line.p, line.n, "Too many open files", 19));
    atomic_fetch_add(&lines, 1);
}

/* Without descriptors left the server says so once, waits, and goes on when there are some again. */
static void a_shortage_of_descriptors_is_survived(void **state)
{
    (void)state;
    struct rlimit files;
    atomic_store(&lines, 0);
    gv_log_set_sink(count_line, NULL);
    rig_start(&rig, NULL);
    int fd = rig_connect(&rig), next = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)rig.port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct gv_buf r = GV_BUF_INIT;
    rig_sends(fd, "GET /ok HTTP/1.1\r\n" CLOSE);
    rig_read_until(fd, &r, "ok"); /* the first one is accepted */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, files.rlim_max}), 0);
    assert_int_equal(connect(next, (struct sockaddr *)&a, sizeof a), 0);
    rig_sends(next, "GET /ok HTTP/1.1\r\n" CLOSE);
    rig_wait(&lines, 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    gv_buf_clear(&r);
    rig_read_until(next, &r, "ok");
    close(fd);
    close(next);
    gv_buf_fini(&r);
    rig_stop(&rig);
    gv_log_set_sink(NULL, NULL);
    assert_int_equal(lines, 1);
}

static void bad_addresses_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "localhost", "127.0.0.1:", "::1:9090", "127.0.0.1:port", "1.2.3.4.5:80"};
    struct gv_err err = {0};
    struct gv_loop *l = gv_loop_new(0, &err);
    struct gv_http_server *s = new_server(l);
    for (size_t i = 0; i < GV_COUNT(bad); i++) {
        err = (struct gv_err){0};
        assert_false(gv_http_server_listen(s, bad[i], &err));
        assert_int_equal(err.code, GV_BAD_DATA);
    }
    err = (struct gv_err){0};
    assert_true(gv_http_server_listen(s, ":0", &err));
    gv_http_server_free(s);
    gv_loop_free(l);
}

#define WITH(test)      cmocka_unit_test_setup_teardown(test, start, stop)
#define IMPATIENT(test) cmocka_unit_test_setup_teardown(test, start_impatient, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(replies_carry_their_length_and_the_date),
        WITH(late_replies_arrive),
        WITH(head_sends_the_same_head_and_no_body),
        WITH(fields_cannot_be_forged),
        WITH(pipelined_requests_are_answered_in_order),
        WITH(bodies_come_by_length_or_in_chunks),
        WITH(large_bodies_come_whole),
        WITH(too_large_bodies_are_refused),
        WITH(a_refused_body_may_come_whole),
        WITH(expectations),
        WITH(a_reply_to_the_header_skips_a_small_body),
        WITH(http_1_0_closes_unless_asked),
        WITH(a_broken_stream_does_not_look_whole),
        WITH(replies_are_compressed_for_those_who_want_it),
        WITH(a_client_that_leaves_cancels_the_handler),
        WITH(a_client_that_pipelines_and_leaves_cancels_the_handler),
        WITH(an_exchange_lives_until_its_handler_lets_go),
        WITH(a_client_that_leaves_stops_the_producer),
        WITH(malformed_requests_close_the_connection),
        WITH(an_abandoned_exchange_closes_without_a_reply),
        WITH(a_half_closed_client_gets_what_is_answered_at_once),
        IMPATIENT(trickling_does_not_extend_the_deadline),
        IMPATIENT(slow_bodies_and_silent_clients_are_closed),
        IMPATIENT(a_client_that_stops_reading_is_closed),
        IMPATIENT(a_client_that_reads_byte_by_byte_is_closed),
        WITH(a_reader_that_stops_holds_up_production),
        cmocka_unit_test_setup_teardown(connections_beyond_the_limit_are_told, start_small, stop),
        cmocka_unit_test(draining_finishes_what_runs),
        cmocka_unit_test(aborting_cancels_what_runs),
        cmocka_unit_test(loops_share_an_address_and_strangers_do_not),
        cmocka_unit_test(connections_spread_over_the_loops),
        cmocka_unit_test(a_shortage_of_descriptors_is_survived),
        cmocka_unit_test(bad_addresses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
