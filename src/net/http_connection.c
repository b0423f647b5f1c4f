/* The phases of a connection. Bytes come in through receive(), the parser cuts them into a head and a body, the
 * handlers answer, http_reply.c sends. One persistent edge-triggered event tells of bytes, room and hang-ups, so that a
 * request costs one read and one write. While a handler or a reply is at work nothing is read: the kernel's buffer
 * bounds what a client may pipeline, and a hang-up is still reported. */
#include "net/http_connection.h"
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    STEPS_PER_TURN = 32,   /* of one connection, before others get their turn */
    LINGER_MAX = 64 << 20, /* bytes: above the usual limits of bodies; then the client may get a reset */
    LINGER_MS = 2000,
    DIRECT_READ = 256 << 10, /* bytes of a body at a time */
    DIRECT_ROOM = 1 << 20,
    MIN_PROGRESS = 64 << 10, /* bytes that a client must take within the write deadline */
};
static const int64_t NS_PER_MS = 1000000;

/* ---- deadlines: moving one further away costs nothing, the timer finds out when it rings ---- */

static void arm(struct gv_http_connection *c, int64_t now)
{
    c->armed = c->deadline;
    gv_timer_set(&c->timer, (c->deadline - now) / NS_PER_MS + 1);
}

static void set_deadline(struct gv_http_connection *c, int64_t ms)
{
    int64_t now = gv_loop_now_ns(c->server->loop);
    c->deadline = now + ms * NS_PER_MS;
    if (!c->armed || c->deadline < c->armed)
        arm(c, now);
}

static void clear_deadline(struct gv_http_connection *c)
{
    c->deadline = 0;
}

/* ---- the end of a connection ---- */

static size_t unread(const struct gv_http_connection *c)
{
    return c->in.n - c->in_used;
}

/* Between two requests. */
static bool is_idle(const struct gv_http_connection *c)
{
    return c->phase == GV_HTTP_PHASE_HEAD && !c->head.arena && !unread(c);
}

static void tell_end(struct gv_http_connection *c, bool complete)
{
    const struct gv_http_handlers *h = &c->server->handlers;
    if (c->told && h->on_end)
        h->on_end(h->ctx, &c->exchange, complete);
    c->told = false;
}

static void forget_exchange(struct gv_http_connection *c)
{
    gv_http_sending_reset(c);
    gv_buf_fini(&c->body_bytes);
    gv_arena_fini(&c->arena);
    c->exchange.handler = NULL;
    memset(&c->exchange.request, 0, offsetof(struct gv_http_request, peer)); /* the peer stays the same */
    c->refused = false;
}

static void free_connection(struct gv_http_connection *c)
{
    struct gv_http_server *s = c->server;
    tell_end(c, false);
    forget_exchange(c);
    gv_http_output_fini(&c->out);
    gv_buf_fini(&c->in);
    gv_timer_fini(&c->timer);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    free(c);
    gv_http_server_connection_gone(s);
}

/* Closes the socket. What a handler still has in hands stays until it lets go. */
static void die(struct gv_http_connection *c, enum gv_http_closed cause)
{
    const struct gv_http_handlers *h = &c->server->handlers;
    c->phase = GV_HTTP_PHASE_DEAD;
    event_del(&c->io);
    close(c->fd);
    gv_http_count_closed(cause);
    gv_timer_cancel(&c->timer);
    if (!c->owing)
        gv_http_connection_schedule(c);
    else if (h->on_cancel)
        h->on_cancel(h->ctx, &c->exchange);
}

void gv_http_connection_schedule(struct gv_http_connection *c)
{
    if (c->scheduled)
        return;
    c->scheduled = true;
    gv_loop_post(c->server->loop, &c->turn);
}

void gv_http_connection_break(struct gv_http_connection *c, enum gv_http_closed cause)
{
    if (!c->broken)
        c->cause = cause;
    c->broken = true;
    gv_http_connection_schedule(c);
}

static void on_turn(struct gv_message *m)
{
    struct gv_http_connection *c = container_of(m, struct gv_http_connection, turn);
    c->scheduled = false;
    if (c->phase != GV_HTTP_PHASE_DEAD)
        gv_http_connection_drive(c);
    else if (!c->owing)
        free_connection(c);
}

void gv_http_abandon(struct gv_http_exchange *x)
{
    struct gv_http_connection *c = container_of(x, struct gv_http_connection, exchange);
    c->owing = false;
    gv_http_connection_break(c, GV_HTTP_CLOSED_BROKEN);
}

void gv_http_connection_drain(struct gv_http_connection *c)
{
    if (is_idle(c))
        gv_http_connection_drive(c); /* a request may have come already */
    if (is_idle(c))
        gv_http_connection_break(c, GV_HTTP_CLOSED_SHUTDOWN);
}

/* ---- reading ---- */

static void forget_used(struct gv_http_connection *c)
{
    if (c->in_used)
        memmove(c->in.p, c->in.p + c->in_used, unread(c));
    c->in.n -= c->in_used;
    c->in_used = 0;
}

/* Bytes that have come, into `to`. 0: none have, or the client is gone (and the connection dead). */
static size_t receive_into(struct gv_http_connection *c, char *to, size_t room)
{
    ssize_t n = -1;
    errno = EAGAIN;
    while (c->readable && (n = recv(c->fd, to, room, 0)) < 0 && errno == EINTR)
        ;
    if (n < (ssize_t)room && !c->hung_up)
        c->readable = false; /* an edge will come with the next byte */
    if (n == 0 || (n < 0 && errno != EAGAIN))
        die(c, c->phase == GV_HTTP_PHASE_LINGER ? GV_HTTP_CLOSED_SERVER : GV_HTTP_CLOSED_CLIENT);
    return n > 0 ? (size_t)n : 0;
}

/* Adds what has come to c->in. */
static bool receive(struct gv_http_connection *c)
{
    size_t n = receive_into(c, c->server->received, GV_HTTP_READ_SIZE);
    if (!n)
        return false;
    forget_used(c);
    gv_buf_add(&c->in, c->server->received, n);
    return true;
}

static void consume(struct gv_http_connection *c, size_t n)
{
    c->in_used += n;
    if (c->in_used == c->in.n) {
        gv_buf_fini(&c->in);
        c->in_used = 0;
    }
}

/* While the client owes us nothing: has it gone? Pipelined bytes hide a reset from the edge-triggered event. */
static bool is_gone(const struct gv_http_connection *c)
{
    if (c->hung_up || !c->readable)
        return c->hung_up;
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0;
}

/* ---- the phases; each returns whether there is more to do now ---- */

static bool call_handler(struct gv_http_connection *c)
{
    const struct gv_http_handlers *h = &c->server->handlers;
    c->phase = GV_HTTP_PHASE_HANDLER;
    c->told = c->owing = true;
    clear_deadline(c);
    h->on_request(h->ctx, &c->exchange);
    return true;
}

static bool refuse(struct gv_http_connection *c, int status, const char *reason)
{
    gv_http_refuse(c, (struct gv_http_fault){status, reason});
    return true;
}

/* How much of a body the handlers will take. They may answer at once. */
static int64_t ask_about_body(struct gv_http_connection *c)
{
    const struct gv_http_handlers *h = &c->server->handlers;
    if (!h->on_header)
        return 0;
    c->told = true;
    size_t max = h->on_header(h->ctx, &c->exchange);
    return max > INT64_MAX ? INT64_MAX : (int64_t)max;
}

static bool has_body(const struct gv_http_connection *c)
{
    return c->framing.chunked || c->framing.length > 0;
}

static bool begin_body(struct gv_http_connection *c, int64_t max)
{
    if (c->framing.length > max)
        return refuse(c, 413, "body too large");
    gv_http_body_init(&c->body, &c->framing, max);
    set_deadline(c, c->server->limits.body_timeout_ms);
    c->phase = GV_HTTP_PHASE_BODY;
    size_t sent;
    if (c->framing.expect_continue && !unread(c) &&
        !gv_http_output_send(&c->out, c->fd, &GV_S("HTTP/1.1 100 Continue\r\n\r\n"), 1, &sent))
        die(c, GV_HTTP_CLOSED_CLIENT);
    return true;
}

static bool begin_exchange(struct gv_http_connection *c)
{
    struct gv_slice head = gv_arena_dup(&c->arena, (struct gv_slice){c->in.p + c->in_used, c->head.pos});
    struct gv_http_request *r = &c->exchange.request;
    gv_http_head_request(&c->head, head.p, r);
    consume(c, head.n);
    struct gv_http_fault fault;
    if (!gv_http_framing_read(&c->head, r, head.p, &c->framing, &fault))
        return refuse(c, fault.status, fault.reason);
    int64_t max = ask_about_body(c);
    if (c->phase != GV_HTTP_PHASE_HEAD || c->broken)
        return true; /* answered already, or given up */
    return has_body(c) ? begin_body(c, max) : call_handler(c);
}

static void begin_head(struct gv_http_connection *c)
{
    gv_http_head_init(&c->head, &c->arena, &c->server->limits);
    c->framing = (struct gv_http_framing){0};
}

/* The deadline stands from the first byte on, whatever trickles in later. */
static bool wait_for_head(struct gv_http_connection *c)
{
    if (!c->head_timed)
        set_deadline(c, c->server->limits.header_timeout_ms);
    c->head_timed = true;
    return receive(c);
}

static bool take_head(struct gv_http_connection *c)
{
    if (!unread(c) && !receive(c))
        return false;
    if (!c->head.arena)
        begin_head(c);
    switch (gv_http_head_feed(&c->head, c->in.p + c->in_used, unread(c))) {
    case GV_HTTP_DONE:
        return begin_exchange(c);
    case GV_HTTP_BAD:
        return refuse(c, c->head.fault.status, c->head.fault.reason);
    default:
        return wait_for_head(c);
    }
}

static bool end_body(struct gv_http_connection *c)
{
    c->exchange.request.body = gv_buf_slice(&c->body_bytes);
    return call_handler(c);
}

/* Straight to where the body is kept. A body of no great length gets its room at once. */
static bool receive_body(struct gv_http_connection *c, size_t left)
{
    size_t room = left < DIRECT_READ ? left : DIRECT_READ;
    char *to = gv_buf_reserve(&c->body_bytes, left < DIRECT_ROOM ? left : room);
    size_t n = receive_into(c, to, room);
    c->body_bytes.n += n;
    if (!n)
        return false;
    return gv_http_body_took(&c->body, n) == GV_HTTP_MORE || end_body(c);
}

static bool take_body(struct gv_http_connection *c)
{
    size_t used, wants = gv_http_body_wants(&c->body);
    if (!unread(c) && wants)
        return receive_body(c, wants);
    if (!unread(c) && !receive(c))
        return false;
    struct gv_slice piece;
    enum gv_http_verdict v = gv_http_body_feed(&c->body, c->in.p + c->in_used, unread(c), &used, &piece);
    gv_buf_add_slice(&c->body_bytes, piece);
    consume(c, used);
    if (v == GV_HTTP_BAD)
        return refuse(c, c->body.fault.status, c->body.fault.reason);
    return v == GV_HTTP_MORE || end_body(c);
}

static bool wait_for_handler(struct gv_http_connection *c)
{
    if (is_gone(c))
        die(c, GV_HTTP_CLOSED_CLIENT);
    return false;
}

static bool begin_next(struct gv_http_connection *c)
{
    c->phase = GV_HTTP_PHASE_HEAD;
    c->head.arena = NULL;
    c->head_timed = false;
    set_deadline(c, c->server->limits.idle_timeout_ms);
    return true;
}

/* A socket closed with bytes unread is reset, which may cost the client the reply (RFC 9112 section 9.6). */
static bool begin_linger(struct gv_http_connection *c)
{
    if (c->hung_up || shutdown(c->fd, SHUT_WR) < 0) {
        die(c, GV_HTTP_CLOSED_SERVER);
        return false;
    }
    c->phase = GV_HTTP_PHASE_LINGER;
    set_deadline(c, LINGER_MS);
    return true;
}

static bool begin_skip(struct gv_http_connection *c)
{
    gv_http_body_init(&c->body, &c->framing, GV_HTTP_SKIP_MAX);
    c->phase = GV_HTTP_PHASE_SKIP;
    set_deadline(c, LINGER_MS);
    return true;
}

static bool finish_exchange(struct gv_http_connection *c)
{
    bool ends = c->sending.close || c->server->draining, body_unread = c->sending.body_unread;
    tell_end(c, !c->refused);
    forget_exchange(c);
    return ends ? begin_linger(c) : body_unread ? begin_skip(c) : begin_next(c);
}

/* A byte now and then must not hold a large reply in memory for ever. */
static void watch_progress(struct gv_http_connection *c)
{
    if (c->deadline && c->sending.moved < MIN_PROGRESS)
        return;
    set_deadline(c, c->server->limits.write_timeout_ms);
    c->sending.moved = 0;
}

static bool go_on_replying(struct gv_http_connection *c)
{
    enum gv_http_progress progress = GV_HTTP_BROKEN_OFF;
    if (!c->owing || !is_gone(c))
        progress = gv_http_sending_progress(c);
    switch (progress) {
    case GV_HTTP_SENT:
        return finish_exchange(c);
    case GV_HTTP_AGAIN:
        watch_progress(c);
        gv_http_connection_schedule(c);
        break;
    case GV_HTTP_BLOCKED:
        watch_progress(c);
        break;
    case GV_HTTP_BROKEN_OFF:
        die(c, GV_HTTP_CLOSED_CLIENT);
    }
    return false;
}

static bool skip_body(struct gv_http_connection *c)
{
    if (!unread(c) && !receive(c))
        return false;
    size_t used;
    struct gv_slice piece;
    enum gv_http_verdict v = gv_http_body_feed(&c->body, c->in.p + c->in_used, unread(c), &used, &piece);
    consume(c, used);
    if (v == GV_HTTP_BAD)
        die(c, GV_HTTP_CLOSED_CLIENT);
    return v == GV_HTTP_DONE ? begin_next(c) : v == GV_HTTP_MORE;
}

static bool linger(struct gv_http_connection *c)
{
    c->lingered += unread(c);
    consume(c, unread(c));
    if (c->lingered > LINGER_MAX) {
        die(c, GV_HTTP_CLOSED_SERVER);
        return false;
    }
    return receive(c);
}

static bool step(struct gv_http_connection *c)
{
    switch (c->phase) {
    case GV_HTTP_PHASE_HEAD:
        return take_head(c);
    case GV_HTTP_PHASE_BODY:
        return take_body(c);
    case GV_HTTP_PHASE_HANDLER:
        return wait_for_handler(c);
    case GV_HTTP_PHASE_REPLY:
        return go_on_replying(c);
    case GV_HTTP_PHASE_SKIP:
        return skip_body(c);
    case GV_HTTP_PHASE_LINGER:
        return linger(c);
    default:
        return false;
    }
}

void gv_http_connection_drive(struct gv_http_connection *c)
{
    int steps = STEPS_PER_TURN;
    c->driving = true;
    while (!c->broken && steps && step(c))
        steps--;
    c->driving = false;
    if (c->broken && c->phase != GV_HTTP_PHASE_DEAD)
        die(c, c->cause);
    else if (!steps)
        gv_http_connection_schedule(c);
}

void gv_http_connection_replying(struct gv_http_connection *c)
{
    c->sending.begun = true;
    c->sending.body_unread = c->phase == GV_HTTP_PHASE_BODY || (c->phase == GV_HTTP_PHASE_HEAD && has_body(c));
    c->owing = c->sending.produce != NULL;
    c->phase = GV_HTTP_PHASE_REPLY;
    clear_deadline(c);
    if (!c->driving)
        gv_http_connection_schedule(c);
}

/* ---- events ---- */

static void on_io(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct gv_http_connection *c = arg;
    c->hung_up |= (what & EV_CLOSED) != 0;
    c->readable |= (what & (EV_READ | EV_CLOSED)) != 0;
    c->out.writable |= (what & EV_WRITE) != 0;
    gv_http_connection_drive(c);
}

static void expire(struct gv_http_connection *c)
{
    clear_deadline(c);
    if (is_idle(c))
        die(c, GV_HTTP_CLOSED_IDLE);
    else if (c->phase == GV_HTTP_PHASE_LINGER)
        die(c, GV_HTTP_CLOSED_SERVER);
    else if (c->phase == GV_HTTP_PHASE_HEAD || c->phase == GV_HTTP_PHASE_BODY)
        refuse(c, 408, "the request took too long");
    else
        die(c, GV_HTTP_CLOSED_TIMEOUT);
    gv_http_connection_drive(c);
}

static void on_time(struct gv_timer *t)
{
    struct gv_http_connection *c = container_of(t, struct gv_http_connection, timer);
    int64_t now = gv_loop_now_ns(c->server->loop);
    c->armed = 0;
    if (c->deadline && now < c->deadline)
        arm(c, now);
    else if (c->deadline)
        expire(c);
}

struct gv_http_connection *gv_http_connection_start(struct gv_http_server *s, int fd, const char *peer)
{
    struct gv_http_connection *c = calloc(1, sizeof *c);
    if (!c)
        gv_die("out of memory: a connection");
    c->server = s;
    c->fd = fd;
    c->out.writable = true;
    c->turn.fn = on_turn;
    gv_arena_init(&c->arena, NULL);
    c->exchange = (struct gv_http_exchange){.loop = s->loop, .arena = &c->arena};
    snprintf(c->exchange.request.peer, sizeof c->exchange.request.peer, "%s", peer);
    c->next = s->connections;
    c->link = &s->connections;
    if (c->next)
        c->next->link = &c->next;
    s->connections = c;
    gv_timer_init(&c->timer, s->loop, on_time);
    c->head_timed = true;
    set_deadline(c, s->limits.header_timeout_ms);
    event_assign(&c->io, gv_loop_base(s->loop), fd, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST, on_io, c);
    event_add(&c->io, NULL);
    return c;
}
