/* A backend for tests: a real socket, a thread per connection, and a function that writes what the test wants. */
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fake;
struct fake_connection {
    struct fake *fake;
    int fd;
    SSL *tls; /* NULL: plain */
    pthread_t thread;
};

/* Writes the reply to one request; false closes the connection. */
typedef bool fake_reply_fn(struct fake_connection *c, const char *request);

enum { FAKE_CONNECTIONS = 4096 };
struct fake {
    int fd, port;
    fake_reply_fn *reply;
    void *arg;
    SSL_CTX *tls;
    pthread_t thread;
    pthread_mutex_t lock;
    struct fake_connection *connections[FAKE_CONNECTIONS];
    int n;
    bool stopping;
    atomic_int accepted, requests, closed; /* closed: by the client, seen while reading or waiting */
};

static inline bool fake_write(struct fake_connection *c, const char *data, size_t n)
{
    if (c->tls)
        return n == 0 || SSL_write(c->tls, data, (int)n) == (int)n;
    while (n) {
        ssize_t w = send(c->fd, data, n, MSG_NOSIGNAL);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        data += w;
        n -= (size_t)w;
    }
    return true;
}

static inline bool fake_puts(struct fake_connection *c, const char *text)
{
    return fake_write(c, text, strlen(text));
}

static inline bool fake_body(struct fake_connection *c, int status, const char *fields, const char *body)
{
    char head[1024];
    snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
             status, strlen(body), fields);
    return fake_puts(c, head) && fake_puts(c, body);
}

/* Until the client closes (or sends more): for replies that never come. */
static inline bool fake_hang(struct fake_connection *c)
{
    char byte;
    if (recv(c->fd, &byte, 1, 0) <= 0)
        atomic_fetch_add(&c->fake->closed, 1);
    return false;
}

static inline bool fake_reset(struct fake_connection *c)
{
    struct linger now = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    return false;
}

static inline ssize_t fake_read(struct fake_connection *c, char *p, size_t n)
{
    return c->tls ? SSL_read(c->tls, p, (int)n) : recv(c->fd, p, n, 0);
}

/* One request with its body, NUL-terminated; false at the end. */
static inline bool fake_request(struct fake_connection *c, char *text, size_t room)
{
    size_t n = 0;
    for (;;) {
        ssize_t r = fake_read(c, text + n, room - 1 - n);
        if (r <= 0)
            return false;
        text[n += (size_t)r] = '\0';
        const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length:");
        if (end && (!length || length > end || n >= (size_t)(end + 4 - text) + strtoul(length + 17, NULL, 10)))
            return true;
    }
}

static inline void *fake_serve(void *arg)
{
    struct fake_connection *c = arg;
    char *text = malloc(1 << 16);
    bool open = !c->tls || SSL_accept(c->tls) == 1;
    while (open && fake_request(c, text, 1 << 16)) {
        atomic_fetch_add(&c->fake->requests, 1);
        open = c->fake->reply(c, text);
    }
    free(text);
    pthread_mutex_lock(&c->fake->lock);
    if (c->tls)
        SSL_free(c->tls);
    close(c->fd);
    c->fd = -1;
    pthread_mutex_unlock(&c->fake->lock);
    return NULL;
}

static inline void *fake_accept(void *arg)
{
    struct fake *f = arg;
    for (int fd; (fd = accept(f->fd, NULL, NULL)) >= 0;) {
        pthread_mutex_lock(&f->lock);
        if (f->stopping || f->n == FAKE_CONNECTIONS) {
            close(fd);
        } else {
            struct fake_connection *c = calloc(1, sizeof *c);
            *c = (struct fake_connection){.fake = f, .fd = fd};
            if (f->tls) {
                c->tls = SSL_new(f->tls);
                SSL_set_fd(c->tls, fd);
            }
            f->connections[f->n++] = c;
            atomic_fetch_add(&f->accepted, 1);
            pthread_create(&c->thread, NULL, fake_serve, c);
        }
        pthread_mutex_unlock(&f->lock);
    }
    return NULL;
}

static inline void fake_listen(struct fake *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)f->port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t n = sizeof a;
    int on = 1;
    f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(f->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(f->fd, (void *)&a, sizeof a) != 0 || listen(f->fd, 1024) != 0 || getsockname(f->fd, (void *)&a, &n) != 0)
        abort();
    f->port = ntohs(a.sin_port);
    f->stopping = false;
    pthread_create(&f->thread, NULL, fake_accept, f);
}

static inline void fake_start_tls(struct fake *f, fake_reply_fn *reply, void *arg, SSL_CTX *tls)
{
    signal(SIGPIPE, SIG_IGN);
    memset(f, 0, sizeof *f);
    f->reply = reply;
    f->arg = arg;
    f->tls = tls;
    pthread_mutex_init(&f->lock, NULL);
    fake_listen(f);
}

static inline void fake_start(struct fake *f, fake_reply_fn *reply, void *arg)
{
    fake_start_tls(f, reply, arg, NULL);
}

/* Closes all; fake_listen opens the same port again. */
static inline void fake_stop(struct fake *f)
{
    pthread_mutex_lock(&f->lock);
    f->stopping = true;
    for (int i = 0; i < f->n; i++) {
        if (f->connections[i]->fd >= 0)
            shutdown(f->connections[i]->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&f->lock);
    shutdown(f->fd, SHUT_RDWR);
    pthread_join(f->thread, NULL);
    close(f->fd);
    for (int i = 0; i < f->n; i++) {
        pthread_join(f->connections[i]->thread, NULL);
        free(f->connections[i]);
    }
    f->n = 0;
}
