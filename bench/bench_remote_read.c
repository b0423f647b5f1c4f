/* Remote read on one thread: 20,000 series of 240 samples as frames of chunks and as a snappy block, there and back, in
 * pieces as a socket brings them. MB/s of the body; ns a sample. */
#include "codec/chunk_xor.h"
#include "codec/read_decoder.h"
#include "codec/read_encoder.h"
#include "exec/raw_source.h"
#include <stdio.h>
#include <time.h>

enum { SERIES = 20000, SAMPLES = 240, PER_CHUNK = 120, ROUNDS = 30, PIECE = 16 << 10 };
static const struct gv_label injected[] = {{GV_S("cluster"), GV_S("c1")}};
static const struct gv_mapping mapping = {injected, 1};
static struct gv_select query = {.min_time = INT64_MIN, .max_time = INT64_MAX};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void report(const char *what, size_t bytes, double best)
{
    printf("%-48s %8.2f MB %8.2f ms %8.0f MB/s %8.1f ns/sample\n", what, (double)bytes / 1e6, best * 1e3,
           (double)bytes / best / 1e6, best * 1e9 / SERIES / SAMPLES);
}

static struct gv_chunk make_chunk(struct gv_arena *a, int series, int from)
{
    struct gv_xor_encoder e;
    gv_xor_encoder_init(&e);
    int64_t first = INT64_C(1435781430000) + from * 15000 + series % 15000, t = first;
    for (int i = 0; i < PER_CHUNK; i++, t += 15000)
        if (!gv_xor_encoder_append(&e, t, (double)series * 1000 + (from + i) * 7))
            gv_die("a chunk is full");
    struct gv_slice data = gv_arena_dup(a, gv_buf_slice(&e.bytes));
    gv_xor_encoder_fini(&e);
    return (struct gv_chunk){first, t - 15000, (const uint8_t *)data.p, (uint32_t)data.n, GV_CHUNK_XOR};
}

static struct gv_series make_series(struct gv_arena *a, int i)
{
    const struct gv_label labels[] = {
        {GV_LABEL_NAME, GV_S("http_requests_total")},
        {GV_S("code"), GV_S("200")},
        {GV_S("handler"), GV_S("/api/v1/query")},
        {GV_S("instance"), gv_slice_of(gv_arena_printf(a, "10.0.%03d.%03d:9090", i / 250, i % 250))},
        {GV_S("job"), GV_S("api-server")}};
    struct gv_chunk *chunks = gv_arena_array(a, struct gv_chunk, SAMPLES / PER_CHUNK);
    for (int c = 0; c < SAMPLES / PER_CHUNK; c++)
        chunks[c] = make_chunk(a, i, c * PER_CHUNK);
    return (struct gv_series){gv_labels_make(a, labels, GV_COUNT(labels)),
                              {.kind = GV_COLUMN_CHUNKS, .chunks = {chunks, SAMPLES / PER_CHUNK}}};
}

struct list_feed {
    struct gv_read_feed feed;
    const struct gv_series *series;
    size_t at;
};

static bool open_list(struct gv_read_feed *f, size_t q, struct gv_err *err)
{
    (void)q, (void)err;
    container_of(f, struct list_feed, feed)->at = 0;
    return true;
}

static int next_of_list(struct gv_read_feed *f, struct gv_arena *scratch, struct gv_series *series, struct gv_err *err)
{
    (void)scratch, (void)err;
    struct list_feed *l = container_of(f, struct list_feed, feed);
    if (l->at == SERIES)
        return 0;
    *series = l->series[l->at++];
    return 1;
}

static struct gv_buf bench_encoder(const char *what, enum gv_read_type type, const struct gv_series *series)
{
    struct gv_buf out = GV_BUF_INIT;
    double best = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        struct list_feed feed = {{open_list, next_of_list}, series, 0};
        struct gv_read_request r = {&query, 1, type};
        struct gv_arena a;
        struct gv_err err = {0};
        gv_arena_init(&a, NULL);
        gv_buf_clear(&out);
        double start = now();
        struct gv_read_encoder *e =
            gv_read_encoder_new(&a, &(struct gv_read_encoder_options){.request = &r, .feed = &feed.feed});
        int more = gv_read_encoder_begin(e, &err) ? 1 : -1;
        while (more == 1)
            more = gv_read_encoder_next(e, &out, 64 << 10, &err);
        double took = now() - start;
        best = took < best ? took : best;
        gv_arena_fini(&a);
        if (more < 0)
            gv_die("%s", err.msg);
    }
    report(what, out.n, best);
    return out;
}

static struct gv_read_result *decode(struct gv_arena *a, const struct gv_buf *body, enum gv_read_type type)
{
    const struct gv_read_decoder_options o = {.type = type, .queries = &query, .n_queries = 1, .mapping = &mapping};
    struct gv_read_decoder *d = gv_read_decoder_new(a, &o);
    struct gv_read_result *results;
    struct gv_err err = {0};
    for (size_t at = 0; at < body->n; at += PIECE)
        if (!gv_read_decoder_feed(d, body->p + at, PIECE < body->n - at ? PIECE : body->n - at, &err))
            gv_die("%s", err.msg);
    if (!gv_read_decoder_finish(d, &results, &err))
        gv_die("%s", err.msg);
    return results;
}

static size_t pull_all(struct gv_arena *a, const struct gv_read_result *result)
{
    const struct gv_raw_part part = {GV_S("c1"), 0, result->series, result->n};
    struct gv_raw_source source;
    struct gv_cursor *cursor;
    struct gv_arena scratch;
    struct gv_err err = {0};
    size_t n, samples = 0;
    gv_arena_init(&scratch, NULL);
    if (!gv_raw_source_init(&source, a, &part, 1, &err) ||
        !source.source.ops->select(&source.source, a, &query, &cursor, 1, &n, &err))
        gv_die("%s", err.msg);
    struct gv_arena_mark mark = gv_arena_mark(&scratch);
    for (struct gv_series s; cursor->ops->next(cursor, &scratch, &s, &err) == 1; gv_arena_rewind(&scratch, mark))
        samples += s.column.raw.n;
    gv_arena_fini(&scratch);
    return samples;
}

static void bench_decoder(const char *what, const struct gv_buf *body, enum gv_read_type type, bool pull)
{
    double best = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        struct gv_arena a;
        gv_arena_init(&a, NULL);
        double start = now();
        struct gv_read_result *results = decode(&a, body, type);
        if (pull)
            start = now();
        if (pull && pull_all(&a, results) != (size_t)SERIES * SAMPLES)
            gv_die("samples are missing");
        double took = now() - start;
        best = took < best ? took : best;
        gv_arena_fini(&a);
    }
    report(what, body->n, best);
}

int main(void)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_series *series = gv_arena_array(&a, struct gv_series, SERIES);
    for (int i = 0; i < SERIES; i++)
        series[i] = make_series(&a, i);
    struct gv_buf frames = bench_encoder("write frames of chunks", GV_READ_STREAMED, series);
    struct gv_buf block = bench_encoder("write samples", GV_READ_SAMPLES, series);
    bench_decoder("read frames of chunks, 16 KiB pieces", &frames, GV_READ_STREAMED, false);
    bench_decoder("decode those chunks, series by series", &frames, GV_READ_STREAMED, true);
    bench_decoder("read samples, 16 KiB pieces", &block, GV_READ_SAMPLES, false);
    gv_buf_fini(&frames);
    gv_buf_fini(&block);
    gv_arena_fini(&a);
    return 0;
}
