/* The server of one loop: its listeners, the connections it accepted, and their orderly end. */
#include "net/http_connection.h"
#include "net/http_listener.h"
#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OVERLOAD_MAX = 64 }; /* connections beyond the limit that are told so; further ones are just closed */

struct gv_http_listener {
    struct gv_http_listener *next;
    struct gv_listener *listener;
};

const struct gv_http_limits gv_http_default_limits = {
    .header_bytes = 32 << 10,
    .header_fields = 100,
    .header_timeout_ms = 10 * 1000,
    .body_timeout_ms = 60 * 1000,
    .idle_timeout_ms = 5 * 60 * 1000,
    .write_timeout_ms = 60 * 1000,
    .output_watermark = 256 << 10,
    .max_connections = 0,
};

struct gv_http_server *gv_http_server_new(struct gv_loop *l, const struct gv_http_limits *limits,
                                          const struct gv_http_handlers *handlers, struct gv_err *err)
{
    if (!handlers->on_request) {
        gv_fail(err, GV_INTERNAL, "an HTTP server without a handler");
        return NULL;
    }
    gv_http_metrics_init();
    struct gv_http_server *s = calloc(1, sizeof *s);
    if (!s || !(s->received = malloc(GV_HTTP_READ_SIZE)))
        gv_die("out of memory");
    s->loop = l;
    s->limits = *limits;
    s->handlers = *handlers;
    return s;
}

/* ---- accepting ---- */

static void on_accept(void *arg, int fd, const char *peer)
{
    struct gv_http_server *s = arg;
    gv_http_count_opened();
    unsigned max = s->limits.max_connections, open = gv_http_connections_open();
    if (max && open > max + OVERLOAD_MAX) {
        gv_http_count_closed(GV_HTTP_CLOSED_OVERLOAD);
        close(fd);
        return;
    }
    struct gv_http_connection *c = gv_http_connection_start(s, fd, peer);
    if (max && open > max) {
        gv_http_refuse(c, (struct gv_http_fault){503, "too many connections"});
        gv_http_connection_drive(c);
    }
}

bool gv_http_server_listen(struct gv_http_server *s, const char *address, struct gv_err *err)
{
    struct gv_listener *opened = gv_listener_open(s->loop, address, on_accept, s, err);
    if (!opened)
        return false;
    struct gv_http_listener *l = calloc(1, sizeof *l), **at = &s->listeners;
    if (!l)
        gv_die("out of memory");
    l->listener = opened;
    while (*at)
        at = &(*at)->next;
    *at = l;
    return true;
}

int gv_http_server_port(const struct gv_http_server *s, size_t listener)
{
    const struct gv_http_listener *l = s->listeners;
    while (l && listener--)
        l = l->next;
    return l ? gv_listener_port(l->listener) : 0;
}

static void close_listeners(struct gv_http_server *s)
{
    for (struct gv_http_listener *l = s->listeners, *next; l; l = next) {
        next = l->next;
        gv_listener_close(l->listener);
        free(l);
    }
    s->listeners = NULL;
}

/* ---- the end ---- */

static void on_empty(struct gv_message *m)
{
    struct gv_http_server *s = container_of(m, struct gv_http_server, on_empty);
    s->drained(s->drained_arg); /* may free the server */
}

static void check_empty(struct gv_http_server *s)
{
    if (!s->draining || s->connections || s->empty_posted)
        return;
    s->empty_posted = true;
    s->on_empty.fn = on_empty;
    gv_loop_post(s->loop, &s->on_empty);
}

void gv_http_server_connection_gone(struct gv_http_server *s)
{
    check_empty(s);
}

/* Connections that the kernel has accepted already get their answer too. */
void gv_http_server_drain(struct gv_http_server *s, void (*drained)(void *arg), void *arg)
{
    s->drained = drained;
    s->drained_arg = arg;
    for (struct gv_http_listener *l = s->listeners; l; l = l->next)
        gv_listener_accept(l->listener);
    close_listeners(s);
    s->draining = true;
    for (struct gv_http_connection *c = s->connections; c; c = c->next)
        gv_http_connection_drain(c);
    check_empty(s);
}

void gv_http_server_abort(struct gv_http_server *s)
{
    for (struct gv_http_connection *c = s->connections; c; c = c->next)
        gv_http_connection_break(c, GV_HTTP_CLOSED_SHUTDOWN);
}

void gv_http_server_free(struct gv_http_server *s)
{
    if (!s)
        return;
    assert(!s->connections);
    close_listeners(s);
    gv_buf_fini(&s->text);
    gv_buf_fini(&s->piece);
    gv_buf_fini(&s->packed);
    gv_gzip_free(s->spare_gzip);
    free(s->received);
    free(s);
}
