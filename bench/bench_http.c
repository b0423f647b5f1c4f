/* The HTTP server alone: CPU of the loop's thread for a request, by kind of reply, over loopback and keep-alive; the
 * time of the parser; the memory of 10,000 idle connections; and how a good client fares beside 1,000 that trickle
 * their headers (both held by a child process). */
#include "net/http_parser.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REQUESTS = 30000, IDLE = 10000, SLOW = 1000 };

static struct gv_loop *loop;
static struct gv_http_server *server;
static int port;

static const char request_text[] =
    "GET %s HTTP/1.1\r\nHost: 127.0.0.1:9490\r\nUser-Agent: Grafana/10.4.1\r\nAccept: application/json\r\n%s"
    "X-Grafana-Org-Id: 1\r\nX-Forwarded-For: 10.0.0.7\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n";

struct late {
    struct gv_message message;
    struct gv_http_exchange *x;
};
static void on_late(struct gv_message *m)
{
    gv_http_reply(container_of(m, struct late, message)->x, 200, NULL, 0, GV_S("late"));
}

static void on_request(void *ctx, struct gv_http_exchange *x)
{
    static char text[13 << 10];
    (void)ctx;
    if (!text[0])
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = "[1435781430.781,\"1234.5\"],"[i * 7 % 26];
    struct late *late = gv_arena_new(x->arena, struct late);
    *late = (struct late){.message.fn = on_late, .x = x};
    if (gv_slice_is(x->request.path, "/late"))
        gv_loop_post(x->loop, &late->message);
    else
        gv_http_reply(x, 200, NULL, 0,
                      gv_slice_is(x->request.path, "/ok") ? GV_S("ok") : (struct gv_slice){text, sizeof text});
}

/* ---- what the loop's thread says of itself ---- */

struct probe {
    struct gv_message message;
    double cpu;
    int answer[2];
};
static void on_probe(struct gv_message *m)
{
    struct probe *p = container_of(m, struct probe, message);
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    p->cpu = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    if (write(p->answer[1], "", 1) != 1)
        abort();
}
static double loop_cpu(void)
{
    struct probe p = {.message.fn = on_probe};
    char c;
    if (pipe(p.answer) < 0)
        abort();
    gv_loop_post(loop, &p.message);
    if (read(p.answer[0], &c, 1) != 1)
        abort();
    close(p.answer[0]);
    close(p.answer[1]);
    return p.cpu;
}

static long resident_kb(void)
{
    long total, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &total, &resident) != 2)
        abort();
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* ---- the client ---- */

static int open_connection(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
        perror("connect");
        exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

/* Sends the request and reads as many bytes as the first reply had. */
static size_t exchange(int fd, struct gv_slice text, size_t expected)
{
    static char buf[1 << 20];
    if (send(fd, text.p, text.n, 0) != (ssize_t)text.n)
        abort();
    size_t got = 0;
    do {
        ssize_t n = recv(fd, buf + got, sizeof buf - got, 0);
        if (n <= 0)
            abort();
        got += (size_t)n;
        buf[got] = '\0';
        if (!expected) {
            const char *length = strstr(buf, "Content-Length: "), *end = strstr(buf, "\r\n\r\n");
            expected = (size_t)(end - buf) + 4 + strtoull(length + 16, NULL, 10);
        }
    } while (got < expected);
    return expected;
}

static void bench_requests(const char *name, const char *path, const char *field)
{
    char text[1024];
    struct gv_slice request = {text, (size_t)snprintf(text, sizeof text, request_text, path, field)};
    int fd = open_connection();
    size_t expected = exchange(fd, request, 0);
    double before = loop_cpu();
    for (int i = 0; i < REQUESTS; i++)
        exchange(fd, request, expected);
    printf("%-28s %6.1f us CPU a request (%zu bytes)\n", name, (loop_cpu() - before) * 1e6 / REQUESTS, expected);
    close(fd);
}

static void bench_parser(void)
{
    char text[1024];
    size_t n = (size_t)snprintf(text, sizeof text, request_text, "/api/v1/query?query=up&time=1435781430.781", "");
    struct timespec from, to;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (int i = 0; i < REQUESTS * 10; i++) {
        struct gv_arena a;
        gv_arena_init(&a, NULL);
        struct gv_http_head h;
        struct gv_http_request r;
        struct gv_http_framing f;
        struct gv_http_fault fault;
        gv_http_head_init(&h, &a, &gv_http_default_limits);
        if (gv_http_head_feed(&h, text, n) != GV_HTTP_DONE)
            abort();
        gv_http_head_request(&h, text, &r);
        if (!gv_http_framing_read(&h, &r, text, &f, &fault))
            abort();
        gv_arena_fini(&a);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    double seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    printf("%-28s %6.2f us (%zu bytes)\n", "parser", seconds * 1e6 / (REQUESTS * 10), n);
}

/* Each idle connection has served a request before. */
static void hold_connections(int ready, int leave)
{
    static const char text[] = "GET /ok HTTP/1.1\r\nHost: h\r\n\r\n";
    char c = 0;
    for (int i = 0; i < IDLE; i++)
        exchange(open_connection(), GV_S(text), 0);
    if (write(ready, &c, 1) != 1 || read(leave, &c, 1) < 0)
        abort();
    _exit(0);
}

/* Every slow connection sends a byte each 100 ms, in a header that never ends. */
static void trickle(int ready)
{
    static int fds[SLOW];
    for (int i = 0; i < SLOW; i++) {
        fds[i] = open_connection();
        send(fds[i], "GET /ok HTTP/1.1\r\nX: ", 21, MSG_NOSIGNAL);
    }
    if (write(ready, "", 1) != 1)
        abort();
    for (;;)
        for (int i = 0; i < SLOW; i++) {
            send(fds[i], "x", 1, MSG_NOSIGNAL);
            usleep(100000 / SLOW);
        }
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void bench_latency(const char *name)
{
    static double us[REQUESTS];
    static const char text[] = "GET /ok HTTP/1.1\r\nHost: h\r\n\r\n";
    int fd = open_connection();
    size_t expected = exchange(fd, GV_S(text), 0);
    for (int i = 0; i < REQUESTS; i++) {
        int64_t from = gv_loop_now_ns(loop);
        exchange(fd, GV_S(text), expected);
        us[i] = (double)(gv_loop_now_ns(loop) - from) / 1000;
    }
    close(fd);
    qsort(us, REQUESTS, sizeof us[0], by_value);
    printf("%-28s %6.1f us median, %.1f us p99\n", name, us[REQUESTS / 2], us[REQUESTS / 100 * 99]);
}

/* A process that waits to play the client; forked before the loop's thread, so that it has a copy of nothing that
 * runs. */
struct child {
    pid_t pid;
    int ready, go; /* pipes: it is ready; it may begin */
};

static struct child fork_child(bool slow)
{
    int ready[2], go[2];
    char c;
    if (pipe(ready) < 0 || pipe(go) < 0)
        abort();
    struct child child = {.pid = fork(), .ready = ready[0], .go = go[1]};
    if (child.pid < 0)
        abort();
    if (child.pid)
        return child;
    if (read(go[0], &c, 1) != 1)
        _exit(0);
    if (slow)
        trickle(ready[1]);
    hold_connections(ready[1], go[0]);
    _exit(0);
}

static void let_go(struct child child)
{
    char c;
    if (write(child.go, "", 1) != 1 || read(child.ready, &c, 1) != 1)
        abort();
}

static void end_child(struct child child)
{
    kill(child.pid, SIGKILL);
    waitpid(child.pid, NULL, 0);
}

static void bench_idle(struct child child)
{
    long before = resident_kb();
    let_go(child);
    printf("%-28s %6.2f KB a connection (%d of them)\n", "idle", (double)(resident_kb() - before) / IDLE, IDLE);
    end_child(child);
}

static void bench_slow(struct child child)
{
    bench_latency("good client, alone");
    let_go(child);
    bench_latency("beside 1,000 slow headers");
    end_child(child);
}

int main(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct gv_err err = {0};
    struct gv_http_handlers handlers = {.on_request = on_request};
    loop = gv_loop_new(0, &err);
    server = loop ? gv_http_server_new(loop, &gv_http_default_limits, &handlers, &err) : NULL;
    if (!server || !gv_http_server_listen(server, "127.0.0.1:0", &err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    port = gv_http_server_port(server, 0);
    struct child idle = fork_child(false), slow = fork_child(true);
    if (!gv_loop_start(loop, &err))
        abort();
    bench_idle(idle);
    bench_slow(slow);
    bench_parser();
    bench_requests("small reply", "/ok", "");
    bench_requests("small reply, later turn", "/late", "");
    bench_requests("13 KiB", "/text", "");
    bench_requests("13 KiB, gzip", "/text", "Accept-Encoding: gzip\r\n");
    return 0;
}
