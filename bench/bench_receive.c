/* What it costs to take a write request, but for the store: snappy, decoding, finding the series. On one thread.
 * bench_receive [SERIES [SCRAPES]] */
#include "ingest/receiver.h"
#include "ingest_data.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool give_number(void *ctx, const struct gv_labels *labels, uint64_t *id, struct gv_err *err)
{
    (void)labels, (void)err;
    *id = ++*(uint64_t *)ctx;
    return true;
}

static bool drop(void *ctx, const struct gv_store_batch *b, struct gv_log_ticket *ticket, struct gv_err *err)
{
    (void)ctx, (void)err;
    static const struct gv_err ok;
    memset(b->verdicts, GV_APPEND_STORED, b->n);
    ticket->done(ticket, &ok);
    return true;
}

static void on_done(void *arg, struct gv_incoming *in)
{
    *(uint64_t *)arg += gv_incoming_outcome(in).samples;
}

int main(int argc, char **argv)
{
    unsigned series = argc > 1 ? (unsigned)atoi(argv[1]) : 100000, scrapes = argc > 2 ? (unsigned)atoi(argv[2]) : 10;
    struct gv_err err = {0};
    struct gv_cluster_registry *registry = gv_cluster_registry_new();
    struct gv_clusters *clusters = gv_clusters_new(registry, "cluster", NULL, 0, &err);
    struct gv_ingest_settings settings = {.cluster_label = GV_S("cluster"),
                                          .clusters = clusters,
                                          .max_decoded_size = 64 << 20,
                                          .max_labels_size = 65536,
                                          .max_labels = 256};
    uint64_t ids = 0, samples = 0;
    struct gv_receiver_options o = {
        .sink = {&ids, give_number, drop}, .max_inflight_bytes = 1 << 30, .max_cached_series = 10000000};
    struct gv_receiver *r = gv_receiver_new(&o);
    struct ingest_data d;
    ingest_data_init(&d, series, scrapes, 10000, 1700000000000, 15000);
    for (unsigned s = 0; s < scrapes; s++) {
        double spent = 0;
        uint64_t before = samples;
        for (unsigned b = 0; b < ingest_data_bodies(&d); b++) {
            struct gv_buf body = GV_BUF_INIT;
            ingest_data_body(&d, s, b, &body);
            struct gv_incoming_request q = {.settings = &settings, .body = gv_buf_slice(&body)};
            double start = cpu();
            struct gv_incoming *in = gv_incoming_new(r, &q);
            gv_incoming_run(in, on_done, &samples);
            gv_incoming_free(in);
            spent += cpu() - start;
            gv_buf_fini(&body);
        }
        if (s < 2 || s == scrapes - 1)
            printf("scrape %u: %.0f ns a sample (%llu samples)\n", s, spent * 1e9 / (double)(samples - before),
                   (unsigned long long)(samples - before));
    }
    gv_receiver_free(r);
    gv_clusters_put(clusters);
    gv_cluster_registry_free(registry);
    return 0;
}
