/* A table by descriptor. Only what is pooled keeps its event: the loop must never watch a descriptor that was closed
 * behind its back, since another socket gets the same number. */
#include "net/http_sockets.h"
#include "base/metric.h"
#include <event2/event.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct watched {
    struct event *ev;
    short wanted, added; /* EV_READ, EV_WRITE: what curl wants; what the loop watches */
    bool pooled;
    ino_t id; /* of a socket that was opened here; 0: another, such as those of curl's resolver */
    struct gv_metric *connections;
};

struct gv_http_sockets {
    struct gv_loop *loop;
    gv_http_ready_fn *ready;
    void *arg;
    struct watched *at; /* by descriptor */
    size_t n;
};

struct gv_http_sockets *gv_http_sockets_new(struct gv_loop *l, gv_http_ready_fn *ready, void *arg)
{
    struct gv_http_sockets *s = calloc(1, sizeof *s);
    if (!s)
        gv_die("out of memory");
    *s = (struct gv_http_sockets){.loop = l, .ready = ready, .arg = arg};
    return s;
}

void gv_http_sockets_free(struct gv_http_sockets *s)
{
    free(s->at);
    free(s);
}

static struct watched *find(struct gv_http_sockets *s, curl_socket_t fd)
{
    size_t i = (size_t)fd;
    if (i >= s->n) {
        size_t n = i + i / 2 + 64;
        if (!(s->at = realloc(s->at, n * sizeof *s->at)))
            gv_die("out of memory");
        memset(s->at + s->n, 0, (n - s->n) * sizeof *s->at);
        s->n = n;
    }
    return &s->at[i];
}

static void unwatch(struct watched *w)
{
    if (w->ev)
        event_free(w->ev);
    w->ev = NULL;
    w->wanted = w->added = 0;
}

static void forget(struct watched *w)
{
    unwatch(w);
    if (w->connections) {
        gv_gauge_add(w->connections, -1);
        gv_metric_put(w->connections);
    }
    *w = (struct watched){0};
}

/* --- connections --- */

static ino_t id_of(curl_socket_t fd)
{
    struct stat s;
    return fstat(fd, &s) == 0 ? s.st_ino : 0;
}

struct gv_http_socket gv_http_sockets_open(struct gv_http_sockets *s, const struct curl_sockaddr *to,
                                           struct gv_metric *connections)
{
    curl_socket_t fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
    if (fd == CURL_SOCKET_BAD)
        return (struct gv_http_socket){.fd = fd};
    struct watched *w = find(s, fd);
    forget(w); /* one that was given up a moment ago */
    w->id = id_of(fd);
    if ((w->connections = connections)) {
        gv_metric_hold(connections);
        gv_gauge_add(connections, 1);
    }
    return (struct gv_http_socket){.fd = fd, .id = w->id};
}

bool gv_http_sockets_settle(struct gv_http_sockets *s, struct gv_http_socket opened, bool over)
{
    struct watched *w = find(s, opened.fd);
    if (w->id != opened.id)
        return false;
    if (id_of(opened.fd) != w->id) {
        forget(w);
        return false;
    }
    w->pooled = over;
    return true;
}

int gv_http_sockets_close(struct gv_http_sockets *s, curl_socket_t fd)
{
    forget(find(s, fd));
    return close(fd);
}

/* --- watching --- */

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct gv_http_sockets *s = arg;
    struct watched *w = find(s, fd);
    what &= w->wanted;
    if (what) {
        s->ready(s->arg, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
    } else {
        event_del(w->ev);
        w->added = 0;
    }
}

static bool add(struct gv_http_sockets *s, struct watched *w, curl_socket_t fd)
{
    struct event_base *base = gv_loop_base(s->loop);
    short kind = w->wanted | EV_PERSIST;
    if (!w->ev)
        w->ev = event_new(base, fd, kind, on_event, s);
    else if (event_del(w->ev) != 0 || event_assign(w->ev, base, fd, kind, on_event, s) != 0)
        return false;
    w->added = w->wanted;
    return w->ev && event_add(w->ev, NULL) == 0;
}

int gv_http_sockets_watch(struct gv_http_sockets *s, curl_socket_t fd, int what)
{
    struct watched *w = find(s, fd);
    w->wanted = 0;
    if (what != CURL_POLL_REMOVE)
        w->wanted = (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
    if (what == CURL_POLL_REMOVE && !w->pooled)
        unwatch(w);
    return w->wanted && w->wanted != w->added && !add(s, w, fd) ? -1 : 0;
}
