/* A remote-write endpoint of a test: real sockets, and a memory of every sample by series. What it answers is the
 * test's to say. */
#pragma once
#include "../unit/fake_backend.h"
#include "codec/snappy_block.h"
#include "codec/write_decoder.h"

enum { ENDPOINT_SERIES = 1024 };

struct kept_series {
    char labels[256]; /* as printed */
    int64_t *times;
    double *values;
    size_t n, cap;
    size_t histograms, exemplars;
};
struct endpoint_answer {
    int status;                /* 0: none ever comes */
    const char *fields, *body; /* of the header; NULL: none */
    bool forget;               /* the samples are not kept */
    bool hang_up;              /* no answer at all */
    bool endless;              /* the body never ends: 1 MiB of it, or none at all, and then nothing */
};
struct write_endpoint {
    struct fake fake;
    pthread_mutex_t lock;
    struct kept_series series[ENDPOINT_SERIES];
    size_t n, samples, requests, metadata, empty_series;
    enum gv_write_version last_version;
    size_t of_version[2];    /* requests */
    char metric[64];         /* that the last metadata was of */
    size_t largest;          /* samples of a request */
    int64_t lowest, highest; /* times of the samples of the one in hand */
    struct endpoint_answer (*answer)(struct write_endpoint *e, size_t request, enum gv_write_version v);
    void *arg;
};

static inline struct kept_series *kept_at(struct write_endpoint *e, const char *labels)
{
    for (size_t i = 0; i < e->n; i++)
        if (!strcmp(e->series[i].labels, labels))
            return &e->series[i];
    if (e->n == ENDPOINT_SERIES)
        abort();
    struct kept_series *s = &e->series[e->n++];
    memset(s, 0, sizeof *s);
    snprintf(s->labels, sizeof s->labels, "%s", labels);
    return s;
}

static inline void keep_sample(struct write_endpoint *e, struct kept_series *s, const struct gv_write_item *item)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 64;
        s->times = realloc(s->times, s->cap * sizeof *s->times);
        s->values = realloc(s->values, s->cap * sizeof *s->values);
    }
    s->times[s->n] = item->time;
    s->values[s->n++] = item->value;
    e->samples++;
}

static inline void print_series_labels(struct gv_slice fields, struct gv_arena *a, char *out, size_t room)
{
    struct gv_label labels[64];
    struct gv_buf text = GV_BUF_INIT;
    size_t n;
    if (!gv_write_labels(fields, labels, 64, &n, NULL))
        abort();
    gv_labels_print(&text, gv_labels_make(a, labels, n));
    snprintf(out, room, "%s", gv_buf_cstr(&text));
    gv_buf_fini(&text);
}

/* Reads a message; keeps what is in it where it is told to, and else notes the times of its samples. Gives their
 * number. */
static inline size_t endpoint_read(struct write_endpoint *e, enum gv_write_version v, struct gv_slice block, bool keep)
{
    struct gv_arena a;
    struct gv_slice message;
    struct gv_write_decoder d;
    struct gv_write_series s;
    struct gv_write_metadata m;
    struct gv_err err = {.code = GV_OK};
    char labels[256];
    size_t samples = 0;
    e->lowest = keep ? e->lowest : INT64_MAX;
    e->highest = keep ? e->highest : INT64_MIN;
    gv_arena_init(&a, NULL);
    if (!gv_snappy_decode_dup(&a, block, 1 << 24, &message, &err) ||
        !gv_write_decoder_init(&d, v, message, &a, 1 << 20, &err))
        gv_die("the endpoint cannot read a request: %s", err.msg);
    while (gv_write_next(&d, &s, &err)) {
        print_series_labels(s.labels, &a, labels, sizeof labels);
        struct kept_series *to = keep ? kept_at(e, labels) : NULL;
        if (v == GV_WRITE_2 && !s.n_samples && !s.n_histograms)
            e->empty_series++; /* what a receiver of 2.0 must refuse */
        struct gv_write_items items = gv_write_items(&s);
        for (struct gv_write_item item; gv_write_next_item(&items, &item); samples++) {
            if (to && item.kind == GV_WRITE_SAMPLE)
                keep_sample(e, to, &item);
            else if (to)
                *(item.kind == GV_WRITE_HISTOGRAM ? &to->histograms : &to->exemplars) += 1;
            else if (item.kind == GV_WRITE_SAMPLE) {
                e->lowest = item.time < e->lowest ? item.time : e->lowest;
                e->highest = item.time > e->highest ? item.time : e->highest;
            }
        }
        e->metadata += keep && s.has_metadata;
    }
    while (gv_write_next_metadata(&d, &m, &err)) {
        snprintf(e->metric, sizeof e->metric, "%.*s", GV_ARG(m.metric));
        e->metadata += keep;
    }
    if (err.code != GV_OK)
        gv_die("the endpoint cannot read a request: %s", err.msg);
    gv_write_decoder_fini(&d);
    gv_arena_fini(&a);
    return samples;
}

static inline bool endpoint_reply(struct fake_connection *c, const char *request)
{
    struct write_endpoint *e = c->fake->arg;
    const char *body = strstr(request, "\r\n\r\n") + 4, *length = strcasestr(request, "\r\nContent-Length:");
    enum gv_write_version v = strstr(request, GV_WRITE_2_CONTENT_TYPE) ? GV_WRITE_2 : GV_WRITE_1;
    struct gv_slice block = {body, strtoul(length + 17, NULL, 10)};
    struct endpoint_answer a = {.status = 204};
    char head[1024];
    pthread_mutex_lock(&e->lock);
    size_t n = endpoint_read(e, v, block, false);
    if (e->answer)
        a = e->answer(e, e->requests, v);
    e->requests++;
    e->of_version[v]++;
    e->last_version = v;
    if (a.status / 100 == 2 && !a.forget)
        endpoint_read(e, v, block, true);
    e->largest = n > e->largest ? n : e->largest;
    pthread_mutex_unlock(&e->lock);
    if (a.hang_up)
        return false;
    if (!a.status)
        return fake_hang(c);
    const char *text = a.body ? a.body : "";
    bool tells = v == GV_WRITE_2 && a.status == 204 && !a.forget;
    n = (size_t)snprintf(head, sizeof head, "HTTP/1.1 %d X\r\n%s%s", a.status, a.fields ? a.fields : "",
                         tells ? "X-Prometheus-Remote-Write-Samples-Written: 1\r\n" : "");
    if (a.status == 204)
        snprintf(head + n, sizeof head - n, "\r\n");
    else
        snprintf(head + n, sizeof head - n, "Content-Length: %zu\r\n\r\n%s", strlen(text), text);
    if (a.endless) {
        n = (size_t)snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: 9999999999\r\n\r\n%s", a.status,
                             text);
        static const char noise[1 << 20];
        return fake_write(c, head, n) && (*text || fake_write(c, noise, sizeof noise)) && fake_hang(c);
    }
    return fake_puts(c, head); /* in one piece: several would wait for acknowledgements */
}

static inline void write_endpoint_start(struct write_endpoint *e)
{
    memset(e, 0, sizeof *e);
    pthread_mutex_init(&e->lock, NULL);
    fake_start(&e->fake, endpoint_reply, e);
}

static inline void write_endpoint_stop(struct write_endpoint *e)
{
    fake_stop(&e->fake);
    for (size_t i = 0; i < e->n; i++) {
        free(e->series[i].times);
        free(e->series[i].values);
    }
    e->n = 0;
}
