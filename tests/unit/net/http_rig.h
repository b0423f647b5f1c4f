/* A real server on a loop thread, and a blunt client, for the tests of the HTTP server. What the server answers is told
 * by the path:
 *
 *   /ok            200 "ok"                /echo          the body
 *   /count         200, how many requests have come in all
 *   /late          200 "late", from a later turn
 *   /never         no reply until canceled
 *   /stream/N      N bytes from a producer    /whole/N     N bytes at once
 *   /broken        a stream that breaks off   /deny         403 from on_header
 *   /stream-forever  a producer that never ends      /abandon      no reply at all */
#pragma once
#include "net/http_server.h"
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { DEADLINE_MS = 20000 }; /* after which a test gives up */

struct rig {
    struct gv_loop *loop;
    struct gv_http_server *server;
    int port;
    atomic_uint requests, smuggled, canceled, ended, completed, produced;
    struct gv_message stop;
    atomic_bool drained;
    atomic_bool hold_abandon; /* /never keeps its exchange after the cancellation */
    struct gv_http_exchange *held;
};

struct rig_request {
    struct rig *rig;
    struct gv_http_exchange *x;
    struct gv_message later;
    size_t left;
    bool broken;
};

static inline enum gv_produce rig_produce(void *arg, struct gv_buf *out, size_t want)
{
    struct rig_request *q = arg;
    size_t n = q->left < want ? q->left : want;
    memset(gv_buf_reserve(out, n), 'x', n);
    out->n += n;
    q->left -= n;
    atomic_fetch_add(&q->rig->produced, 1);
    return q->left ? GV_PRODUCE_MORE : q->broken ? GV_PRODUCE_BROKEN : GV_PRODUCE_DONE;
}

static inline void rig_reply_late(struct gv_message *m)
{
    struct rig_request *q = container_of(m, struct rig_request, later);
    gv_http_reply(q->x, 200, NULL, 0, GV_S("late"));
}

static inline size_t rig_on_header(void *ctx, struct gv_http_exchange *x)
{
    (void)ctx;
    if (gv_slice_is(x->request.path, "/deny"))
        gv_http_reply(x, 403, NULL, 0, GV_S("no"));
    return 1 << 20;
}

static inline size_t rig_number(struct gv_slice path, const char *prefix)
{
    return gv_slice_has_prefix(path, gv_slice_of(prefix)) ? strtoull(path.p + strlen(prefix), NULL, 10) : 0;
}

static inline void rig_whole(struct gv_http_exchange *x, size_t n)
{
    struct gv_buf body = GV_BUF_INIT;
    memset(gv_buf_reserve(&body, n), 'x', n);
    body.n = n;
    struct gv_http_field type = {GV_S("Content-Type"), GV_S("text/plain\r\nForged: 1")};
    gv_http_reply(x, 200, &type, 1, gv_buf_slice(&body));
    gv_buf_fini(&body);
}

static inline void rig_on_request(void *ctx, struct gv_http_exchange *x)
{
    struct rig *rig = ctx;
    struct gv_slice path = x->request.path;
    unsigned n = atomic_fetch_add(&rig->requests, 1) + 1;
    struct rig_request *q = gv_arena_new(x->arena, struct rig_request);
    *q = (struct rig_request){.rig = rig, .x = x, .later.fn = rig_reply_late};
    x->handler = q;
    if (gv_slice_is(path, "/smuggled"))
        atomic_fetch_add(&rig->smuggled, 1);
    if (gv_slice_is(path, "/late"))
        gv_loop_post(rig->loop, &q->later);
    else if (gv_slice_is(path, "/echo"))
        gv_http_reply(x, 200, NULL, 0, x->request.body);
    else if (gv_slice_is(path, "/count"))
        gv_http_reply(x, 200, NULL, 0, gv_slice_of(gv_arena_printf(x->arena, "%u", n)));
    else if (gv_slice_has_prefix(path, GV_S("/whole/")))
        rig_whole(x, rig_number(path, "/whole/"));
    else if (gv_slice_has_prefix(path, GV_S("/stream")) || gv_slice_is(path, "/broken")) {
        q->broken = gv_slice_is(path, "/broken");
        q->left = q->broken ? 100 : gv_slice_is(path, "/stream-forever") ? SIZE_MAX : rig_number(path, "/stream/");
        gv_http_reply_stream(x, 200, NULL, 0, rig_produce, q);
    } else if (gv_slice_is(path, "/abandon"))
        gv_http_abandon(x);
    else if (!gv_slice_is(path, "/never"))
        gv_http_reply(x, 200, NULL, 0, GV_S("ok"));
}

static inline void rig_on_cancel(void *ctx, struct gv_http_exchange *x)
{
    struct rig *rig = ctx;
    if (atomic_load(&rig->hold_abandon))
        rig->held = x;
    else
        gv_http_abandon(x);
    atomic_fetch_add(&rig->canceled, 1);
}

static inline void rig_on_end(void *ctx, struct gv_http_exchange *x, bool complete)
{
    (void)x;
    struct rig *rig = ctx;
    atomic_fetch_add(&rig->completed, complete);
    atomic_fetch_add(&rig->ended, 1);
}

static inline void rig_start_at(struct rig *rig, const struct gv_http_limits *limits, const char *address)
{
    struct gv_err err = {0};
    memset(rig, 0, sizeof *rig);
    struct gv_http_handlers h = {rig_on_header, rig_on_request, rig_on_cancel, rig_on_end, rig};
    rig->loop = gv_loop_new(0, &err);
    assert_non_null(rig->loop);
    rig->server = gv_http_server_new(rig->loop, limits ? limits : &gv_http_default_limits, &h, &err);
    assert_non_null(rig->server);
    if (!gv_http_server_listen(rig->server, address, &err))
        fail_msg("%s", err.msg);
    rig->port = gv_http_server_port(rig->server, 0);
    assert_true(gv_loop_start(rig->loop, &err));
}

static inline void rig_start(struct rig *rig, const struct gv_http_limits *limits)
{
    rig_start_at(rig, limits, "127.0.0.1:0");
}

static inline void rig_drained(void *arg)
{
    struct rig *rig = arg;
    atomic_store(&rig->drained, true);
    gv_loop_stop(rig->loop);
}

static inline void rig_on_drain(struct gv_message *m)
{
    struct rig *rig = container_of(m, struct rig, stop);
    gv_http_server_drain(rig->server, rig_drained, rig);
}

static inline void rig_on_abort(struct gv_message *m)
{
    struct rig *rig = container_of(m, struct rig, stop);
    gv_http_server_drain(rig->server, rig_drained, rig);
    gv_http_server_abort(rig->server);
}

static inline void rig_free(struct rig *rig)
{
    gv_loop_join(rig->loop);
    assert_true(atomic_load(&rig->drained));
    gv_http_server_free(rig->server);
    gv_loop_free(rig->loop);
}

static inline void rig_stop(struct rig *rig)
{
    rig->stop.fn = rig_on_abort;
    gv_loop_post(rig->loop, &rig->stop);
    rig_free(rig);
}

/* ---- the client ---- */

static inline int64_t rig_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline int rig_connect(const struct rig *rig)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)rig->port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* What cannot be sent any more is not: the server may have refused the rest. Returns whether all was sent. */
static inline bool rig_send(int fd, struct gv_slice text)
{
    while (text.n) {
        ssize_t n = send(fd, text.p, text.n, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        text.p += n;
        text.n -= (size_t)n;
    }
    return true;
}

static inline void rig_sends(int fd, const char *text)
{
    rig_send(fd, gv_slice_of(text));
}

/* Reads once; 0 at the end of the connection (also by a reset). Fails the test when nothing comes. */
static inline size_t rig_read(int fd, struct gv_buf *out)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, DEADLINE_MS) <= 0)
        fail_msg("the server sends nothing, having sent \"%s\"", gv_buf_cstr(out));
    ssize_t n = recv(fd, gv_buf_reserve(out, 65536), 65536, 0);
    out->n += n > 0 ? (size_t)n : 0;
    return n > 0 ? (size_t)n : 0;
}

static inline void rig_read_to_end(int fd, struct gv_buf *out)
{
    while (rig_read(fd, out))
        ;
}

static inline void rig_read_until(int fd, struct gv_buf *out, const char *text)
{
    while (!strstr(gv_buf_cstr(out), text))
        if (!rig_read(fd, out))
            fail_msg("the connection ended without \"%s\" after \"%s\"", text, gv_buf_cstr(out));
}

/* Sends text on a connection of its own, reads to the end; the caller frees what comes. */
static inline struct gv_buf rig_ask(const struct rig *rig, const char *text)
{
    struct gv_buf out = GV_BUF_INIT;
    int fd = rig_connect(rig);
    rig_sends(fd, text);
    rig_read_to_end(fd, &out);
    close(fd);
    gv_buf_cstr(&out);
    return out;
}

static inline size_t rig_count(const char *text, const char *needle)
{
    size_t n = 0;
    for (; (text = strstr(text, needle)); text += strlen(needle))
        n++;
    return n;
}

/* Waits until the counter has reached n. */
static inline void rig_wait(atomic_uint *counter, unsigned n)
{
    int64_t end = rig_now_ms() + DEADLINE_MS;
    while (atomic_load(counter) < n) {
        if (rig_now_ms() > end)
            fail_msg("a counter stands at %u, not at %u", atomic_load(counter), n);
        poll(NULL, 0, 1);
    }
}
