/* Writes to a remote-write receiver as fast as it takes it: all bodies are made first, then sent over so many
 * connections, each of which has its own part of the series and goes through the scrapes in order.
 * bench_ingest_send PORT PATH SERIES SCRAPES PER_BODY CONNECTIONS START: START in ms
 * Prints `samples seconds refused`, the seconds from the first byte to the last answer. */
#include "ingest_data.h"
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { INTERVAL = 15000, MOST_CONNECTIONS = 64 };

struct connection {
    pthread_t thread;
    int port;
    const char *path;
    struct gv_buf *bodies;
    size_t n, refused;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int dial(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        gv_die("connect to port %d: %s", port, strerror(errno));
    return fd;
}

static void send_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent <= 0)
            gv_die("send: %s", strerror(errno));
        p += sent;
        n -= (size_t)sent;
    }
}

/* The status of a reply that comes in whole; what it says beside is shown. */
static bool is_taken(int fd)
{
    char text[64 << 10];
    size_t n = 0;
    do {
        ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);
        if (got <= 0)
            gv_die("recv: %s", got ? strerror(errno) : "closed");
        n += (size_t)got;
        text[n] = 0;
    } while (!strstr(text, "\r\n\r\n"));
    bool ok = n > 12 && text[9] == '2';
    if (!ok)
        fprintf(stderr, "%s\n", text);
    return ok;
}

static void *send_bodies(void *arg)
{
    struct connection *c = arg;
    int fd = dial(c->port);
    char head[512];
    for (size_t i = 0; i < c->n; i++) {
        int n = snprintf(head, sizeof head,
                         "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
                         "Content-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: 0.1.0\r\n"
                         "Content-Length: %zu\r\n\r\n",
                         c->path, c->bodies[i].n);
        send_all(fd, head, (size_t)n);
        send_all(fd, c->bodies[i].p, c->bodies[i].n);
        c->refused += !is_taken(fd);
    }
    close(fd);
    return NULL;
}

static void make_bodies(struct connection *all, size_t n_connections, struct ingest_data *d)
{
    unsigned per_scrape = ingest_data_bodies(d);
    for (size_t i = 0; i < n_connections; i++)
        if (!(all[i].bodies = calloc((size_t)per_scrape * d->scrapes, sizeof(struct gv_buf))))
            gv_die("out of memory");
    for (unsigned s = 0; s < d->scrapes; s++) {
        for (unsigned b = 0; b < per_scrape; b++) {
            struct connection *c = &all[b % n_connections];
            ingest_data_body(d, s, b, &c->bodies[c->n++]);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 8)
        gv_die("bench_ingest_send PORT PATH SERIES SCRAPES PER_BODY CONNECTIONS START");
    static struct connection all[MOST_CONNECTIONS];
    size_t n = strtoul(argv[6], NULL, 10), refused = 0;
    struct ingest_data d;
    ingest_data_init(&d, (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]),
                     strtoll(argv[7], NULL, 10), INTERVAL);
    if (!n || n > MOST_CONNECTIONS)
        gv_die("1 to %d connections", MOST_CONNECTIONS);
    make_bodies(all, n, &d);
    double start = now();
    for (size_t i = 0; i < n; i++) {
        all[i].port = atoi(argv[1]);
        all[i].path = argv[2];
        if (pthread_create(&all[i].thread, NULL, send_bodies, &all[i]) != 0)
            gv_die("no thread");
    }
    for (size_t i = 0; i < n; i++) {
        pthread_join(all[i].thread, NULL);
        refused += all[i].refused;
    }
    printf("%llu %.6f %zu\n", (unsigned long long)d.series * d.scrapes, now() - start, refused);
    return 0;
}
