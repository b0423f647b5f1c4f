/* What forwarding costs before anything is sent: the log alone, then relabelled series into frames of an endpoint's
 * queue, in both versions. CPU time of the whole process, the committer's too; files in memory where there is such a
 * place.
 *
 *   bench_forward [SERIES [SCRAPES]] */
#include "dataset.h"
#include "ingest/forward.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 10000, RECORD = 100000, RECORDS = 5000 };

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die_of(const struct gv_err *err)
{
    gv_die("%s", err->msg);
}

static void measure_log(const char *folder)
{
    static char record[RECORD];
    struct gv_err err = {0};
    char path[256];
    uint64_t segment;
    snprintf(path, sizeof path, "%s/log", folder);
    struct gv_log *l = gv_log_open(&(struct gv_log_options){.path = path, .name = "bench"}, &err);
    if (!l || !gv_log_start(l, &err))
        die_of(&err);
    struct gv_slice piece = {record, sizeof record};
    double start = cpu();
    for (int i = 0; i < RECORDS; i++) {
        while (!gv_log_append(l, &piece, 1, NULL, NULL))
            usleep(1000);
        if (i % 500 == 499 && (!gv_log_cut(l, &segment, &err) || !gv_log_drop(l, segment, &err)))
            die_of(&err);
    }
    double spent = cpu() - start;
    printf("log: %.1f us a record of %d bytes, %.0f MB per CPU second\n", spent * 1e6 / RECORDS, RECORD,
           RECORDS * (double)RECORD / spent / 1e6);
    if (!gv_log_close(l, &err))
        die_of(&err);
}

struct load {
    struct dataset data;
    size_t series, scrapes;
    uint64_t *ids;
    struct gv_store_sample samples[BATCH];
    uint8_t verdicts[BATCH];
};

static void make_series(struct load *load, const struct gv_ingest_sink *sink)
{
    struct gv_arena a;
    struct gv_err err = {0};
    gv_arena_init(&a, NULL);
    double start = cpu();
    for (size_t i = 0; i < load->series; i++)
        if (!sink->series(sink->ctx, dataset_labels(&load->data, i, &a), &load->ids[i], &err))
            die_of(&err);
    printf("  %.0f ns to make a series\n", (cpu() - start) * 1e9 / (double)load->series);
    gv_arena_fini(&a);
}

static void append_scrape(struct load *load, const struct gv_ingest_sink *sink, size_t scrape)
{
    struct gv_err err = {0};
    for (size_t from = 0, n; from < load->series; from += n) {
        n = load->series - from < BATCH ? load->series - from : BATCH;
        for (size_t i = 0; i < n; i++)
            load->samples[i] = (struct gv_store_sample){.series = load->ids[from + i],
                                                        .time = 1700000000000 + (int64_t)scrape * 15000,
                                                        .value = (double)(scrape * i)};
        struct gv_store_batch b = {.samples = load->samples, .n = n, .verdicts = load->verdicts};
        while (!sink->append(sink->ctx, &b, NULL, &err))
            usleep(1000);
    }
}

static void measure_forward(struct load *load, const char *folder, enum gv_write_version v)
{
    struct gv_forward_endpoint e = gv_forward_endpoint_default;
    struct gv_err err = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/%d", folder, v);
    e.name = "bench";
    e.url = "http://127.0.0.1:1/";
    e.queue_path = path;
    e.version = v;
    struct gv_forward *f = gv_forward_open(&(struct gv_forward_options){.endpoints = &e, .n = 1}, &err);
    if (!f)
        die_of(&err);
    struct gv_ingest_sink sink = gv_forward_sink(f);
    printf("remote write %s:\n", v == GV_WRITE_1 ? "1.0" : "2.0");
    make_series(load, &sink);
    double start = cpu();
    for (size_t i = 0; i < load->scrapes; i++)
        append_scrape(load, &sink, i);
    double spent = cpu() - start, samples = (double)(load->series * load->scrapes);
    struct gv_forward_status s;
    gv_forward_status(f, 0, &s);
    printf("  %.0f ns a sample into the queue, %.1f bytes a sample\n", spent * 1e9 / samples,
           (double)s.pending_bytes / samples);
    if (!gv_forward_close(f, &err))
        die_of(&err);
}

int main(int argc, char **argv)
{
    static struct load load;
    char folder[64], command[128];
    load.data = dataset_of(argc > 1 ? argv[1] : "4000", "1700000040000");
    load.series = dataset_size(&load.data);
    load.scrapes = argc > 2 ? (size_t)atoi(argv[2]) : 40;
    load.ids = calloc(load.series, sizeof *load.ids);
    snprintf(folder, sizeof folder, "%s/gv-bench.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!load.ids || !mkdtemp(folder))
        gv_die("no folder for the bench");
    measure_log(folder);
    measure_forward(&load, folder, GV_WRITE_1);
    measure_forward(&load, folder, GV_WRITE_2);
    snprintf(command, sizeof command, "rm -r %s", folder);
    free(load.ids);
    return system(command) != 0;
}
