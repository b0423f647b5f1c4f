#include "net/http_listener.h"
#include "net/http_server.h"
#include "base/log.h"
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096, ACCEPTS_PER_TURN = 64, PAUSE_MS = 100 };

struct gv_listener {
    struct gv_loop *loop;
    int fd;
    struct event *event;
    struct gv_timer pause;
    gv_accept_fn *fn;
    void *arg;
    struct sockaddr_storage address;
    socklen_t address_size;
    struct gv_listener *next; /* of all in this process */
};

/* ---- addresses ---- */

static bool is_port(const char *text)
{
    int port = 0;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || p - text == 5)
            return false;
        port = port * 10 + (*p - '0');
    }
    return *text && port <= 65535;
}

static bool split_address(const char *address, char *host, size_t room, const char **port, struct gv_err *err)
{
    const char *colon = strrchr(address, ':');
    size_t n = colon ? (size_t)(colon - address) : 0;
    if (!colon || n >= room)
        return gv_fail(err, GV_BAD_DATA, "listen address \"%s\" is not host:port", address);
    if (!is_port(colon + 1))
        return gv_fail(err, GV_BAD_DATA, "listen address \"%s\": the port is no number from 0 to 65535", address);
    bool brackets = n >= 2 && address[0] == '[' && address[n - 1] == ']';
    if (!brackets && memchr(address, ':', n))
        return gv_fail(err, GV_BAD_DATA, "listen address \"%s\": write an IPv6 address in brackets", address);
    snprintf(host, room, "%.*s", (int)(brackets ? n - 2 : n), address + brackets);
    *port = colon + 1;
    return true;
}

bool gv_http_address_check(const char *address, struct gv_err *err)
{
    char host[256];
    const char *port;
    return split_address(address, host, sizeof host, &port, err);
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof any) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

/* Without a host: every address, IPv6 and IPv4 by one socket; or IPv4 alone where the machine has no IPv6. */
static bool resolve(const char *address, struct addrinfo **found, struct gv_err *err)
{
    char host[256];
    const char *port = NULL;
    if (!split_address(address, host, sizeof host, &port, err))
        return false;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    if (!host[0])
        hints.ai_family = has_ipv6() ? AF_INET6 : AF_INET;
    int failed = getaddrinfo(host[0] ? host : NULL, port, &hints, found);
    if (failed)
        return gv_fail(err, GV_BAD_DATA, "cannot listen on %s: %s", address, gai_strerror(failed));
    return true;
}

static void print_peer(const struct sockaddr_storage *a, char *out, size_t room)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)a;
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
        snprintf(out, room, "%s:%u", text, ntohs(v4->sin_port));
        return;
    }
    const struct sockaddr_in6 *v6 = (const void *)a;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, sizeof text);
        snprintf(out, room, "%s:%u", text, ntohs(v6->sin6_port));
    } else {
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
        snprintf(out, room, "[%s]:%u", text, ntohs(v6->sin6_port));
    }
}

/* ---- binding ---- */

static pthread_mutex_t listeners_lock = PTHREAD_MUTEX_INITIALIZER;
static struct gv_listener *listeners; /* of this process; under the lock */

static bool is_ours(const struct addrinfo *a)
{
    for (const struct gv_listener *l = listeners; l; l = l->next)
        if (l->address_size == a->ai_addrlen && !memcmp(&l->address, a->ai_addr, a->ai_addrlen))
            return true;
    return false;
}

static void set_option(int fd, int level, int option, int value)
{
    setsockopt(fd, level, option, &value, sizeof value); /* all of them are improvements only */
}

/* The first socket of an address is bound without SO_REUSEPORT, so that another process's is noticed, and then gets it
 * for the sockets of the other loops. Accepted sockets inherit TCP_NODELAY. */
static bool bind_and_listen(int fd, const struct addrinfo *a)
{
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (a->ai_family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (is_ours(a))
        set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (bind(fd, a->ai_addr, a->ai_addrlen) < 0)
        return false;
    set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    return listen(fd, BACKLOG) == 0;
}

static int open_socket(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && !bind_and_listen(fd, a)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static void enlist(struct gv_listener *l)
{
    l->address_size = sizeof l->address;
    getsockname(l->fd, (struct sockaddr *)&l->address, &l->address_size);
    l->next = listeners;
    listeners = l;
}

static void delist(struct gv_listener *l)
{
    pthread_mutex_lock(&listeners_lock);
    struct gv_listener **at = &listeners;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    pthread_mutex_unlock(&listeners_lock);
}

static bool open_listener(struct gv_listener *l, const char *address, struct gv_err *err)
{
    struct addrinfo *found;
    if (!resolve(address, &found, err))
        return false;
    pthread_mutex_lock(&listeners_lock);
    l->fd = open_socket(found);
    int failed = errno;
    if (l->fd >= 0)
        enlist(l);
    pthread_mutex_unlock(&listeners_lock);
    freeaddrinfo(found);
    return l->fd >= 0 || gv_fail(err, GV_UNAVAILABLE, "cannot listen on %s: %s", address, strerror(failed));
}

/* ---- accepting ---- */

/* Out of descriptors or memory: the queue stays full, so the event would come at once again, and again. */
static void pause_accepting(struct gv_listener *l, int error)
{
    static struct gv_log_limit limit = GV_LOG_LIMIT(10000);
    gv_log_limited(&limit, GV_LOG_ERROR, "cannot accept connections; trying again", GV_F("err", strerror(error)));
    event_del(l->event);
    gv_timer_set(&l->pause, PAUSE_MS);
}

static void on_pause_over(struct gv_timer *t)
{
    struct gv_listener *l = container_of(t, struct gv_listener, pause);
    event_add(l->event, NULL);
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static bool accept_one(struct gv_listener *l)
{
    struct sockaddr_storage a;
    socklen_t size = sizeof a;
    int fd = accept4(l->fd, (struct sockaddr *)&a, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int error = errno;
        if (is_shortage(error))
            pause_accepting(l, error);
        return error == ECONNABORTED || error == EINTR;
    }
    char peer[64];
    print_peer(&a, peer, sizeof peer);
    l->fn(l->arg, fd, peer);
    return true;
}

void gv_listener_accept(struct gv_listener *l)
{
    for (int i = 0; i < ACCEPTS_PER_TURN && accept_one(l); i++)
        ;
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    gv_listener_accept(arg);
}

struct gv_listener *gv_listener_open(struct gv_loop *loop, const char *address, gv_accept_fn *fn, void *arg,
                                     struct gv_err *err)
{
    struct gv_listener *l = calloc(1, sizeof *l);
    if (!l)
        gv_die("out of memory");
    *l = (struct gv_listener){.loop = loop, .fn = fn, .arg = arg};
    if (!open_listener(l, address, err)) {
        free(l);
        return NULL;
    }
    gv_timer_init(&l->pause, loop, on_pause_over);
    l->event = event_new(gv_loop_base(loop), l->fd, EV_READ | EV_PERSIST, on_connection, l);
    if (!l->event || event_add(l->event, NULL) < 0)
        gv_die("cannot watch a listening socket");
    return l;
}

int gv_listener_port(const struct gv_listener *l)
{
    if (l->address.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&l->address)->sin_port);
    return ntohs(((const struct sockaddr_in6 *)&l->address)->sin6_port);
}

void gv_listener_close(struct gv_listener *l)
{
    delist(l);
    event_free(l->event);
    gv_timer_fini(&l->pause);
    close(l->fd);
    free(l);
}
