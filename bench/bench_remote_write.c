/* Sends the benches' series to a Prometheus about as its own scrapes would come: all series of one minute, then of the
 * next, in small remote-write 1.0 requests (Prometheus: Remote-Write 1.0 specification).
 * bench_remote_write URL END SERIES: END in ms */
#include "dataset.h"
#include "codec/write_encoder.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum { SERIES_PER_REQUEST = 1000, SCRAPES_PER_REQUEST = 4 };

struct sender {
    CURL *curl;
    struct curl_slist *headers;
    struct dataset data;
    struct gv_slice *labels; /* of each series, as TimeSeries.labels */
    struct dataset_series *series;
    struct gv_write_encoder encoder;
    struct gv_buf body;
};

/* ---- Series ---- */

static struct gv_slice labels_message(struct gv_arena *a, const struct gv_labels *l)
{
    struct gv_buf fields = GV_BUF_INIT;
    gv_write_put_labels(&fields, l);
    struct gv_slice kept = gv_arena_dup(a, gv_buf_slice(&fields));
    gv_buf_fini(&fields);
    return kept;
}

/* Of scrapes [from, to). */
static void put_series(struct sender *s, size_t i, unsigned from, unsigned to)
{
    struct gv_write_value values[SCRAPES_PER_REQUEST];
    for (unsigned scrape = from; scrape < to; scrape++)
        values[scrape - from] =
            (struct gv_write_value){.time = dataset_time(&s->data, scrape), .value = dataset_next(&s->series[i])};
    gv_write_put(&s->encoder, &(struct gv_write_row){.labels = s->labels[i], .values = values, .n_values = to - from});
}

/* ---- Sending ---- */

static size_t show(char *data, size_t size, size_t n, void *unused)
{
    (void)unused;
    return fwrite(data, size, n, stderr);
}

static void connect_to(struct sender *s, const char *url)
{
    static const char *const lines[] = {"Content-Type: application/x-protobuf", "Content-Encoding: snappy",
                                        "X-Prometheus-Remote-Write-Version: 0.1.0", "Expect:"};
    curl_global_init(CURL_GLOBAL_DEFAULT);
    s->curl = curl_easy_init();
    for (size_t i = 0; i < GV_COUNT(lines); i++)
        s->headers = curl_slist_append(s->headers, lines[i]);
    if (!s->headers || !s->curl)
        gv_die("libcurl does not start");
    curl_easy_setopt(s->curl, CURLOPT_URL, url);
    curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, s->headers);
    curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, show);
}

static void disconnect(struct sender *s)
{
    curl_easy_cleanup(s->curl);
    curl_slist_free_all(s->headers);
    curl_global_cleanup();
}

static void post(struct sender *s)
{
    gv_buf_clear(&s->body);
    gv_write_encoder_end(&s->encoder, &s->body);
    curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, s->body.p);
    curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->body.n);
    long status = 0;
    CURLcode code = curl_easy_perform(s->curl);
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status / 100 != 2)
        gv_die("remote write: %s, HTTP status %ld", curl_easy_strerror(code), status);
    gv_write_encoder_begin(&s->encoder, GV_WRITE_1);
}

static void send_scrapes(struct sender *s, unsigned from, unsigned to)
{
    size_t n = dataset_size(&s->data);
    for (size_t i = 0; i < n; i++) {
        put_series(s, i, from, to);
        if ((i + 1) % SERIES_PER_REQUEST == 0 || i + 1 == n)
            post(s);
    }
}

static void send_all(struct sender *s)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    size_t n = dataset_size(&s->data);
    s->labels = gv_arena_array(&a, struct gv_slice, n);
    s->series = gv_arena_array(&a, struct dataset_series, n);
    for (size_t i = 0; i < n; i++) {
        s->labels[i] = labels_message(&a, dataset_labels(&s->data, i, &a));
        s->series[i] = dataset_series(&s->data, i);
    }
    for (unsigned from = 0, to; from < DATASET_SAMPLES; from = to) {
        to = from + SCRAPES_PER_REQUEST < DATASET_SAMPLES ? from + SCRAPES_PER_REQUEST : DATASET_SAMPLES;
        send_scrapes(s, from, to);
    }
    gv_arena_fini(&a);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        gv_die("usage: %s URL END SERIES", argv[0]);
    struct sender s = {.data = dataset_of(argv[3], argv[2])};
    gv_write_encoder_begin(&s.encoder, GV_WRITE_1);
    connect_to(&s, argv[1]);
    send_all(&s);
    disconnect(&s);
    gv_write_encoder_fini(&s.encoder);
    gv_buf_fini(&s.body);
    return 0;
}
