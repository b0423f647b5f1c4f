/* The way to backends alone: CPU of the loop's thread for one transfer (HTTP client) and one ask (cluster layer), in
 * fan-outs of 4 with small and large replies, over loopback and pooled connections. Backends are a child process. */
#include "cluster/ask.h"
#include "net/http_client.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WIDTH = 4, FAN_OUTS = 10000, LARGE_FAN_OUTS = 40, SMALL = 3250, LARGE = 16 << 20 };

/* --- the backends: whoever writes gets the canned reply; /large gets a large one --- */

static char *make_reply(size_t body, size_t *n)
{
    char *text = malloc(body + 200);
    size_t head = (size_t)sprintf(text,
                                  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Mon, 01 Jan 2024 "
                                  "00:00:00 GMT\r\nContent-Length: %zu\r\n\r\n",
                                  body);
    memset(text + head, '1', body);
    *n = head + body;
    return text;
}

static void write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t w = send(fd, p, n, MSG_NOSIGNAL);
        if (w <= 0)
            return;
        p += w;
        n -= (size_t)w;
    }
}

_Noreturn static void serve(int listener)
{
    size_t small_n, large_n;
    char *small = make_reply(SMALL, &small_n), *large = make_reply(LARGE, &large_n), request[8192];
    int poll = epoll_create1(0);
    struct epoll_event e = {EPOLLIN, {.fd = listener}};
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        if (epoll_wait(poll, &e, 1, -1) != 1)
            continue;
        if (e.data.fd == listener) {
            e.data.fd = accept(listener, NULL, NULL);
            e.events = EPOLLIN;
            epoll_ctl(poll, EPOLL_CTL_ADD, e.data.fd, &e);
            continue;
        }
        ssize_t n = recv(e.data.fd, request, sizeof request - 1, 0);
        if (n <= 0) {
            close(e.data.fd);
            continue;
        }
        request[n] = '\0';
        bool is_large = strstr(request, "/large");
        write_all(e.data.fd, is_large ? large : small, is_large ? large_n : small_n);
    }
}

static int start_backend(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (void *)&a, sizeof a) || listen(listener, 100) || getsockname(listener, (void *)&a, &n))
        exit(1);
    *port = ntohs(a.sin_port);
    int child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(listener);
    }
    close(listener);
    return child;
}

/* --- what is measured --- */

static struct gv_loop *loop;
static int left, owed;
static bool (*next)(void);

static double cpu_of_thread(void)
{
    struct rusage u;
    getrusage(RUSAGE_THREAD, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void one_ended(void)
{
    if (--owed)
        return;
    if (--left <= 0 || !next())
        gv_loop_stop(loop);
}

static void measure(const char *what, bool (*fan_out)(void), int times, double bytes)
{
    next = fan_out;
    left = times / 10 + 1; /* warm */
    fan_out();
    gv_loop_run(loop);
    double cpu = cpu_of_thread();
    int64_t began = gv_loop_now_ns(loop);
    left = times;
    fan_out();
    gv_loop_run(loop);
    cpu = cpu_of_thread() - cpu;
    double wall = (double)(gv_loop_now_ns(loop) - began) / 1e9;
    printf("%-28s %8.1f us CPU each, %8.1f us a fan-out of %d", what, cpu / times / WIDTH * 1e6, wall / times * 1e6,
           WIDTH);
    if (bytes > 1e6)
        printf(", %.2f GB/s", bytes * WIDTH * times / wall / 1e9);
    printf("\n");
}

/* --- the HTTP client --- */

static struct gv_http_client *http;
static struct gv_http_call_spec call_spec;
static char urls[WIDTH][64];

static bool on_header(void *arg, int status, struct gv_slice content_type, struct gv_err *err)
{
    (void)arg;
    (void)content_type;
    return status == 200 || gv_fail(err, GV_BAD_DATA, "status");
}
static bool on_data(void *arg, const char *data, size_t n, struct gv_err *err)
{
    (void)arg;
    (void)data;
    (void)n;
    (void)err;
    return true;
}
static void on_end(void *arg, const struct gv_http_outcome *o)
{
    (void)arg;
    if (o->failure) {
        fprintf(stderr, "%s\n", o->err.msg);
        exit(1);
    }
    one_ended();
}
static const struct gv_http_call_ops call_ops = {on_header, on_data, on_end};

static bool fan_out_calls(void)
{
    owed = WIDTH;
    for (int i = 0; i < WIDTH; i++) {
        call_spec.url = urls[i];
        gv_http_call_start(http, &call_spec, &call_ops, NULL);
    }
    return true;
}

/* --- the cluster layer --- */

static struct gv_cluster_client *client;
static struct gv_clusters *set;
static struct gv_ask_part part;
static struct gv_budget budget;

static void *sink_begin(void *arg, const struct gv_cluster *c, unsigned replica, struct gv_arena *a)
{
    (void)arg, (void)c, (void)replica;
    return gv_arena_alloc(a, 64);
}
static bool sink_finish(void *sink, struct gv_err *err)
{
    (void)sink;
    (void)err;
    return true;
}
static const struct gv_sink_ops sink_ops = {sink_begin, NULL, on_data, sink_finish};

static void on_answer(void *arg, const struct gv_ask_answer *answer)
{
    (void)arg;
    if (answer->outcome != GV_ASK_OK) {
        fprintf(stderr, "%s\n", answer->err.msg);
        exit(1);
    }
    gv_ask_arena_free(answer->arena);
    one_ended();
}

static bool fan_out_asks(void)
{
    owed = WIDTH;
    for (int i = 0; i < WIDTH; i++) {
        struct gv_ask_spec spec = {.cluster = &set->at[i],
                                   .parts = &part,
                                   .n_parts = 1,
                                   .deadline_ms = gv_loop_now_ns(loop) / 1000000 + 20000,
                                   .budget = &budget,
                                   .replica = -1};
        gv_cluster_ask(client, &spec, on_answer, NULL);
    }
    return true;
}

static void set_urls(const int ports[WIDTH], const char *path)
{
    for (int i = 0; i < WIDTH; i++)
        snprintf(urls[i], sizeof urls[i], "http://127.0.0.1:%d%s", ports[i], path);
}

int main(void)
{
    struct gv_err err = {0};
    struct gv_cluster_config configs[WIDTH];
    static char endpoints[WIDTH][64], names[WIDTH][16];
    static const char *endpoint_of[WIDTH];
    int ports[WIDTH], children[WIDTH];
    for (int i = 0; i < WIDTH; i++)
        children[i] = start_backend(&ports[i]);
    struct gv_http_settings settings = {0};
    struct gv_http_profile *profile = gv_http_profile_new(&settings, &err);
    struct gv_cluster_registry *registry = gv_cluster_registry_new();
    gv_budget_init(&budget, "max_query_memory", 0, GV_EXECUTION, NULL);
    for (int i = 0; i < WIDTH; i++) {
        snprintf(endpoints[i], sizeof endpoints[i], "http://127.0.0.1:%d", ports[i]);
        snprintf(names[i], sizeof names[i], "c%d", i);
        endpoint_of[i] = endpoints[i];
        configs[i] = gv_cluster_config_default;
        configs[i].name = names[i];
        configs[i].endpoints = &endpoint_of[i];
        configs[i].n_endpoints = 1;
    }
    if (!(loop = gv_loop_new(0, &err)) || !(http = gv_http_client_new(loop, 100, &err)) ||
        !(client = gv_cluster_client_new(loop, &err)) ||
        !(set = gv_clusters_new(registry, "cluster", configs, WIDTH, &err))) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    call_spec = (struct gv_http_call_spec){
        .method = "POST", .body = GV_S("query=up&time=1435781430.781"), .profile = profile, .timeout_ms = 20000};
    set_urls(ports, "/api/v1/query");
    measure("call, 3 KB", fan_out_calls, FAN_OUTS, SMALL);
    set_urls(ports, "/large");
    measure("call, 16 MB", fan_out_calls, LARGE_FAN_OUTS, LARGE);
    part = (struct gv_ask_part){.method = "POST", .path = "/api/v1/query", .body = call_spec.body, .sink = &sink_ops};
    measure("ask, 3 KB", fan_out_asks, FAN_OUTS, SMALL);
    part.path = "/large";
    measure("ask, 16 MB", fan_out_asks, LARGE_FAN_OUTS, LARGE);
    gv_clusters_put(set);
    gv_cluster_client_free(client);
    gv_http_client_free(http);
    gv_http_profile_put(profile);
    gv_cluster_registry_free(registry);
    gv_loop_free(loop);
    for (int i = 0; i < WIDTH; i++)
        kill(children[i], SIGKILL);
}
