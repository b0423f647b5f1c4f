/* MB/s of the query JSON codec on a matrix of 1,000 series x 241 points (5.6 MB), in pieces as a socket brings them. */
#include "base/number.h"
#include "codec/result_decoder.h"
#include "codec/result_encoder.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SERIES = 1000, POINTS = 241, ROUNDS = 200 };
static const char *only = ""; /* part of the names of what is to run */
static const struct gv_grid grid = {.start = 1435781430000, .step = 15000, .n = POINTS};
static const struct gv_label injected[] = {{GV_S("cluster"), GV_S("c1")}};
static const struct gv_mapping mapping = {injected, 1};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double value_of(const char *kind, int series, int point)
{
    if (*kind == 'i')
        return series * 1000 + point * 7;
    return *kind == 's' ? point / 4.0 : (series + 1) / (point + 3.0);
}

static struct gv_buf make_matrix(const char *kind, bool milliseconds)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_adds(&b, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[");
    for (int s = 0; s < SERIES; s++) {
        gv_buf_printf(&b,
                      "%s{\"metric\":{\"__name__\":\"http_requests_total\",\"instance\":\"10.0.%d.%d:9090\","
                      "\"job\":\"api-server\",\"method\":\"GET\"},\"values\":[",
                      s ? "," : "", s / 250, s % 250);
        for (int p = 0; p < POINTS; p++) {
            gv_buf_printf(&b, milliseconds ? "%s[%lld.781,\"" : "%s[%lld,\"", p ? "," : "",
                          (long long)gv_grid_time(&grid, (uint32_t)p) / 1000);
            gv_buf_add_double(&b, value_of(kind, s, p));
            gv_buf_adds(&b, "\"]");
        }
        gv_buf_adds(&b, "]}");
    }
    gv_buf_adds(&b, "]}}");
    return b;
}

static struct gv_buf make_vector(void)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_adds(&b, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[");
    for (int s = 0; s < SERIES * 20; s++)
        gv_buf_printf(
            &b,
            "%s{\"metric\":{\"__name__\":\"http_requests_total\",\"code\":\"200\",\"handler\":\"/api/v1/query\","
            "\"instance\":\"10.0.%d.%d:9090\",\"job\":\"api-server\",\"method\":\"GET\"},"
            "\"value\":[1435781430.781,\"%d\"]}",
            s ? "," : "", s / 250, s % 250, s);
    gv_buf_adds(&b, "]}}");
    return b;
}

static void decode(struct gv_arena *a, const struct gv_buf *text, const struct gv_result_decoder_options *o,
                   size_t piece, struct gv_result *result)
{
    struct gv_err err = {0};
    struct gv_backend_error backend;
    struct gv_result_decoder *d = gv_result_decoder_new(a, o);
    for (size_t at = 0; at < text->n; at += piece)
        if (!gv_result_decoder_feed(d, text->p + at, piece < text->n - at ? piece : text->n - at, &err))
            gv_die("%s", err.msg);
    if (!gv_result_decoder_finish(d, result, &backend, &err))
        gv_die("%s", err.msg);
}

static void report(const char *what, size_t bytes, double best)
{
    printf("%-48s %8.2f MB %8.2f ms %8.0f MB/s\n", what, (double)bytes / 1e6, best * 1e3, (double)bytes / best / 1e6);
}

static void bench_decoder(const char *what, const struct gv_buf *text, enum gv_column_kind kind, size_t piece)
{
    if (!strstr(what, only))
        return;
    struct gv_result_decoder_options o = {.kind = kind, .mapping = &mapping, .grid = grid};
    double best = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        struct gv_arena a;
        gv_arena_init(&a, NULL);
        struct gv_result r;
        double start = now();
        decode(&a, text, &o, piece, &r);
        double took = now() - start;
        best = took < best ? took : best;
        gv_arena_fini(&a);
    }
    report(what, text->n, best);
}

static void bench_encoder(const char *what, const struct gv_buf *text, enum gv_column_kind kind)
{
    if (!strstr(what, only))
        return;
    struct gv_result_decoder_options o = {.kind = kind, .mapping = &mapping, .grid = grid};
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_result r;
    decode(&a, text, &o, text->n, &r);
    struct gv_buf out = GV_BUF_INIT;
    double best = 1e9;
    size_t bytes = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double start = now();
        struct gv_result_encoder *e = gv_result_encoder_new(&a, &r, NULL);
        bytes = 0;
        for (bool more = true; more; bytes += out.n) {
            gv_buf_clear(&out);
            more = gv_result_encoder_next(e, &out, 64 << 10);
        }
        double took = now() - start;
        best = took < best ? took : best;
    }
    report(what, bytes, best);
    gv_buf_fini(&out);
    gv_arena_fini(&a);
}

static void bench_json(void)
{
    struct gv_buf integers = make_matrix("integers", false), fractions = make_matrix("fractions", false);
    struct gv_buf millis = make_matrix("short", true), vector = make_vector();
    bench_decoder("decode spans, integers, 16 KiB pieces", &integers, GV_COLUMN_SPAN, 16 << 10);
    bench_decoder("decode spans, integers, 512 KiB pieces", &integers, GV_COLUMN_SPAN, 512 << 10);
    bench_decoder("decode spans, 17 digits, 16 KiB pieces", &fractions, GV_COLUMN_SPAN, 16 << 10);
    bench_decoder("decode spans, ms and decimals, 16 KiB pieces", &millis, GV_COLUMN_SPAN, 16 << 10);
    bench_decoder("decode spans, vector of 20,000, 16 KiB pieces", &vector, GV_COLUMN_SPAN, 16 << 10);
    bench_decoder("decode steps, integers, 16 KiB pieces", &integers, GV_COLUMN_STEPS, 16 << 10);
    bench_decoder("decode steps, 17 digits, 16 KiB pieces", &fractions, GV_COLUMN_STEPS, 16 << 10);
    bench_encoder("encode spans", &integers, GV_COLUMN_SPAN);
    bench_encoder("encode spans, vector of 20,000", &vector, GV_COLUMN_SPAN);
    bench_encoder("encode steps, integers", &integers, GV_COLUMN_STEPS);
    bench_encoder("encode steps, 17 digits", &fractions, GV_COLUMN_STEPS);
    gv_buf_fini(&integers);
    gv_buf_fini(&fractions);
    gv_buf_fini(&millis);
    gv_buf_fini(&vector);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        only = argv[1];
    bench_json();
    return 0;
}
