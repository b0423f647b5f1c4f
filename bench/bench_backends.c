/* Canned backends for bench_plan.py: BACKENDS DELAY_MS TIME. Each has a port of its own and answers a query so many
 * milliseconds after it came, from one thread: a vector named as the selector, one without a name for an aggregation,
 * or a matrix up to TIME (seconds).
 *
 *   stdout   the ports, one line
 *   stdin    any line -> "REQUESTS BACKENDS PEAK": queries since the last line, how many backends they went to, how
 * many were waiting at a time; the end of stdin ends the program */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SERIES = 10, POINTS = 10, POINT_SECONDS = 30, LARGEST_REPLY = 16 << 10 };

struct peer { /* a listener, or a connection to it */
    int fd;
    struct peer *listener;
    unsigned queries; /* of a listener: since the last report */
    size_t n;
    char in[4096];
    int64_t due_ns;
    struct peer *next; /* of those that wait for their answer, by due_ns */
};

static struct {
    int poll;
    int64_t delay_ns;
    long at; /* seconds */
    struct peer *listeners;
    int n_listeners;
    struct peer *first, **end;
    unsigned waiting, peak;
} all;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void watch(int fd, void *what)
{
    struct epoll_event e = {EPOLLIN, {.ptr = what}};
    if (epoll_ctl(all.poll, EPOLL_CTL_ADD, fd, &e) != 0)
        exit(1);
}

/* --- replies --- */

static int put_points(char *to, bool matrix, int series)
{
    int n = 0;
    if (!matrix)
        return sprintf(to, "\"value\":[%ld,\"%d.5\"]", all.at, series);
    for (int i = 0; i < POINTS; i++)
        n += sprintf(to + n, "%s[%ld,\"%d\"]", i ? "," : "\"values\":[", all.at - (POINTS - 1 - i) * POINT_SECONDS,
                     series * 1000 + i * 7);
    return n + sprintf(to + n, "]");
}

/* name: of the series; NULL: they have none. */
static int put_body(char *to, const char *name, bool matrix)
{
    int n = sprintf(to, "{\"status\":\"success\",\"data\":{\"resultType\":\"%s\",\"result\":[",
                    matrix ? "matrix" : "vector");
    for (int i = 0; i < SERIES; i++) {
        n += sprintf(to + n, "%s{\"metric\":{", i ? "," : "");
        if (name)
            n += sprintf(to + n, "\"__name__\":\"%s\",", name);
        n += sprintf(to + n, "\"l\":\"%d\"},", i);
        n += put_points(to + n, matrix, i);
        n += sprintf(to + n, "}");
    }
    return n + sprintf(to + n, "]}}");
}

/* The text of a query as it was sent, percent-encoded: a, a%5B300s%5D, sum%20by... */
static int answer(char *to, const char *request)
{
    const char *text = strstr(request, "query=");
    if (!text)
        return sprintf(to, "{\"status\":\"success\",\"data\":{\"version\":\"3.5.0\"}}");
    text += strlen("query=");
    size_t n = strcspn(text, "& ");
    char name[2] = {*text};
    bool selector = n == 1 || text[1] == '%', matrix = n > 3 && memcmp(text + n - 3, "%5D", 3) == 0;
    return put_body(to, selector ? name : NULL, matrix);
}

static void reply(struct peer *p)
{
    char body[LARGEST_REPLY], out[LARGEST_REPLY + 200];
    bool known = strstr(p->in, "query=") || strstr(p->in, "/buildinfo ");
    int n = answer(body, p->in);
    n = sprintf(out, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                known ? "200 OK" : "404 Not Found", n, body);
    p->n = 0;
    if (send(p->fd, out, (size_t)n, MSG_NOSIGNAL) != n)
        shutdown(p->fd, SHUT_RDWR);
}

/* --- requests --- */

static bool is_whole(const struct peer *p)
{
    const char *end = strstr(p->in, "\r\n\r\n"), *length = strcasestr(p->in, "\r\nContent-Length:");
    size_t body = length ? strtoul(length + 17, NULL, 10) : 0;
    return end && p->n >= (size_t)(end + 4 - p->in) + body;
}

static void take(struct peer *p)
{
    if (!strstr(p->in, "query=")) {
        reply(p);
        return;
    }
    p->listener->queries++;
    p->due_ns = now_ns() + all.delay_ns;
    p->next = NULL;
    *all.end = p;
    all.end = &p->next;
    if (++all.waiting > all.peak)
        all.peak = all.waiting;
}

static void on_peer(struct peer *p)
{
    if (!p->listener) {
        struct peer *c = calloc(1, sizeof *c);
        if (!c || (c->fd = accept(p->fd, NULL, NULL)) < 0)
            exit(1);
        c->listener = p;
        watch(c->fd, c);
        return;
    }
    ssize_t n = recv(p->fd, p->in + p->n, sizeof p->in - 1 - p->n, 0);
    if (n <= 0) {
        close(p->fd); /* never while its query waits: nobody cancels here */
        free(p);
        return;
    }
    p->in[p->n += (size_t)n] = '\0';
    if (is_whole(p))
        take(p);
}

static void report(void)
{
    char line[100];
    if (read(0, line, sizeof line) <= 0)
        exit(0);
    unsigned queries = 0, asked = 0;
    for (int i = 0; i < all.n_listeners; i++) {
        queries += all.listeners[i].queries;
        asked += all.listeners[i].queries > 0;
        all.listeners[i].queries = 0;
    }
    printf("%u %u %u\n", queries, asked, all.peak);
    fflush(stdout);
    all.peak = 0;
}

static void answer_those_due(void)
{
    while (all.first && all.first->due_ns <= now_ns()) {
        struct peer *p = all.first;
        if (!(all.first = p->next))
            all.end = &all.first;
        all.waiting--;
        reply(p);
    }
}

static void run(void)
{
    struct epoll_event events[64];
    for (;;) {
        int64_t left = all.first ? all.first->due_ns - now_ns() : 0;
        struct timespec wait = {.tv_nsec = left > 0 ? left : 0};
        int n = epoll_pwait2(all.poll, events, 64, all.first ? &wait : NULL, NULL);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                on_peer(events[i].data.ptr);
            else
                report();
        }
        answer_those_due();
    }
}

static void listen_on(struct peer *p)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(p->fd, (void *)&a, sizeof a) || listen(p->fd, 100) || getsockname(p->fd, (void *)&a, &n))
        exit(1);
    watch(p->fd, p);
    printf("%d ", ntohs(a.sin_port));
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bench_backends BACKENDS DELAY_MS TIME\n");
        return 2;
    }
    all.n_listeners = atoi(argv[1]);
    all.delay_ns = atoi(argv[2]) * INT64_C(1000000);
    all.at = atol(argv[3]);
    all.poll = epoll_create1(0);
    all.end = &all.first;
    all.listeners = calloc((size_t)all.n_listeners, sizeof *all.listeners);
    if (!all.listeners)
        return 1;
    for (int i = 0; i < all.n_listeners; i++)
        listen_on(&all.listeners[i]);
    printf("\n");
    fflush(stdout);
    watch(0, NULL);
    run();
}
