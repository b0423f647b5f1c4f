/* Blocks on one thread: 100,000 series of 120 samples, ten labels each, written, opened, selected from, read and
 * compacted. CPU time, the kernel's for files included; ns a series; MB/s of the block's files.
 *
 *   bench_block [FOLDER]      where the block goes, /tmp unless said otherwise */
#include "codec/chunk_xor.h"
#include "codec/chunks.h"
#include "promql/parse.h"
#include "store/block.h"
#include "store/file.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { SERIES = 100000, SAMPLES = 120, STEP = 15000, RANGE = 7200000, ROUNDS = 5, KINDS = 100 };

static struct gv_arena arena;
static struct gv_chunk kinds[KINDS];
static const struct gv_labels *labels[SERIES];
static char folder[4096];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void report(const char *what, double seconds, size_t n, uint64_t bytes)
{
    printf("%-52s %8.2f ms %8.0f ns/series", what, seconds * 1e3, seconds * 1e9 / (double)n);
    if (bytes)
        printf(" %8.0f MB/s", (double)bytes / seconds / 1e6);
    putchar('\n');
}

static void must(bool ok, const struct gv_err *err)
{
    if (!ok)
        gv_die("%s", err->msg);
}

/* ---- Data ---- */

static void make_chunk(int kind)
{
    struct gv_xor_encoder e;
    gv_xor_encoder_init(&e);
    for (int i = 0; i < SAMPLES; i++)
        if (!gv_xor_encoder_append(&e, (int64_t)i * STEP + kind, (double)(kind * 1000 + i * (kind % 7))))
            gv_die("a chunk is full");
    struct gv_slice data = gv_arena_dup(&arena, gv_buf_slice(&e.bytes));
    gv_xor_encoder_fini(&e);
    kinds[kind] =
        (struct gv_chunk){kind, (SAMPLES - 1) * STEP + kind, (const uint8_t *)data.p, (uint32_t)data.n, GV_CHUNK_XOR};
}

/* 200 metrics of 500 pods each. */
static const struct gv_labels *make_labels(int metric, int pod)
{
    const struct gv_label all[] = {
        {GV_LABEL_NAME, gv_slice_of(gv_arena_printf(&arena, "metric_%03d_total", metric))},
        {GV_S("cluster"), gv_slice_of(gv_arena_printf(&arena, "cluster-%d", pod % 4))},
        {GV_S("code"), gv_slice_of(gv_arena_printf(&arena, "%d", 200 + pod % 5))},
        {GV_S("endpoint"), GV_S("http-metrics")},
        {GV_S("instance"), gv_slice_of(gv_arena_printf(&arena, "10.0.%d.%d:8080", pod / 250, pod % 250))},
        {GV_S("job"), gv_slice_of(gv_arena_printf(&arena, "job-%d", pod % 10))},
        {GV_S("namespace"), gv_slice_of(gv_arena_printf(&arena, "namespace-%d", pod % 20))},
        {GV_S("node"), gv_slice_of(gv_arena_printf(&arena, "node-%d", pod % 50))},
        {GV_S("pod"), gv_slice_of(gv_arena_printf(&arena, "service-%d-7d9c6b8f4-%04x", pod % 10, pod))},
        {GV_S("service"), gv_slice_of(gv_arena_printf(&arena, "service-%d", pod % 10))}};
    return gv_labels_make(&arena, all, GV_COUNT(all));
}

static int by_labels(const void *a, const void *b)
{
    return gv_labels_cmp(*(const struct gv_labels *const *)a, *(const struct gv_labels *const *)b);
}

static void make_data(void)
{
    for (int i = 0; i < KINDS; i++)
        make_chunk(i);
    for (int i = 0; i < SERIES; i++)
        labels[i] = make_labels(i / 500, i % 500);
    qsort(labels, SERIES, sizeof *labels, by_labels);
}

/* ---- Measures ---- */

static struct block_writer_options options(void)
{
    return (struct block_writer_options){
        .io = &gv_io_system, .parent = folder, .max_time = RANGE, .level = 1, .now = gv_clock_wall(&gv_clock_real)};
}

static struct block *open_block(const char *ulid)
{
    struct gv_err err = {0};
    char *path = file_join(folder, ulid);
    double start = now();
    struct block *b = block_open(&gv_io_system, path, &err);
    must(b, &err);
    report("open", now() - start, SERIES, block_bytes(b));
    free(path);
    return b;
}

static struct block *write_block(void)
{
    struct block_writer_options o = options();
    struct gv_err err = {0};
    char ulid[BLOCK_ULID_MAX];
    double start = now();
    struct block_writer *w = block_writer_new(&o, &err);
    must(w, &err);
    for (int i = 0; i < SERIES; i++)
        must(block_writer_add(w, labels[i], &kinds[i % KINDS], 1, &err), &err);
    double added = now();
    must(block_writer_done(w, ulid, &err), &err);
    block_writer_free(w);
    double end = now();
    report("write: series and chunks", added - start, SERIES, 0);
    report("write: index, and all on disk", end - added, SERIES, 0);
    struct block *b = open_block(ulid);
    report("write", end - start, SERIES, block_bytes(b));
    printf("%-52s %8.2f MB\n", "its files", (double)block_bytes(b) / 1e6);
    return b;
}

static void select_from(struct block *b, const char *text)
{
    struct store_reader *r = block_reader(b);
    struct gv_err err = {0};
    struct gv_arena a;
    uint64_t *series;
    size_t n = 0;
    double best = 1e9;
    struct gv_selector *s = gv_promql_parse_selector(&arena, gv_slice_of(text), &err);
    must(s, &err);
    for (int round = 0; round < ROUNDS; round++) {
        gv_arena_init(&a, NULL);
        double start = now();
        must(r->ops->select(r, &a, s->matchers, s->n_matchers, 0, RANGE, &series, &n, &err), &err);
        double seconds = now() - start;
        best = seconds < best ? seconds : best;
        gv_arena_fini(&a);
    }
    printf("select %-45s %8.3f ms %8zu series\n", text, best * 1e3, n);
}

static void read_all(struct block *b, const char *what, bool decode)
{
    struct store_reader *r = block_reader(b);
    struct gv_err err = {0};
    struct gv_arena a, scratch;
    uint64_t *series;
    size_t n;
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        gv_arena_init(&a, NULL);
        gv_arena_init(&scratch, NULL);
        gv_arena_alloc(&scratch, 1);
        struct gv_arena_mark mark = gv_arena_mark(&scratch);
        double start = now();
        must(r->ops->select(r, &a, NULL, 0, 0, RANGE, &series, &n, &err), &err);
        for (size_t i = 0; i < n; i++) {
            struct store_series s;
            struct gv_raw_column raw;
            must(r->ops->series(r, &scratch, series[i], 0, RANGE, &s, &err), &err);
            struct gv_chunks_column chunks = {s.chunks, (uint32_t)s.n_chunks};
            if (decode)
                must(gv_chunks_to_raw(&scratch, &chunks, 0, RANGE, &raw, &err), &err);
            gv_arena_rewind(&scratch, mark);
        }
        double seconds = now() - start;
        best = seconds < best ? seconds : best;
        gv_arena_fini(&scratch);
        gv_arena_fini(&a);
    }
    report(what, best, n, block_bytes(b));
}

static void compact(struct block *b)
{
    struct block_writer_options o = options();
    struct store_reader *readers[] = {block_reader(b), block_reader(b)};
    struct gv_err err = {0};
    char ulid[BLOCK_ULID_MAX];
    for (size_t n = 1; n <= 2; n++) {
        double start = now();
        must(block_compact(readers, n, &o, ulid, &err), &err);
        report(n == 1 ? "compact: copy" : "compact: two alike", now() - start, SERIES, n * block_bytes(b));
    }
}

int main(int argc, char **argv)
{
    struct gv_err err = {0};
    snprintf(folder, sizeof folder, "%s/globalview-bench-XXXXXX", argc > 1 ? argv[1] : "/tmp");
    if (!mkdtemp(folder))
        gv_die("cannot make %s", folder);
    gv_arena_init(&arena, NULL);
    make_data();
    struct block *b = write_block();
    select_from(b, "metric_100_total");
    select_from(b, "metric_100_total{pod=\"service-0-7d9c6b8f4-0000\"}");
    select_from(b, "{job=\"job-3\",cluster=~\"cluster-[12]\"}");
    select_from(b, "{__name__=~\"metric_0.*_total\",code!=\"200\"}");
    select_from(b, "{pod=~\"service-[0-4]-.*\"}");
    select_from(b, "metric_100_total{pod=~\"service-[0-4]-.*\"}");
    select_from(b, "{cluster!=\"\",pod!=\"service-0-7d9c6b8f4-0000\"}");
    read_all(b, "read: labels and chunks", false);
    read_all(b, "read: labels and samples", true);
    compact(b);
    block_put(b);
    must(file_remove_folder(&gv_io_system, folder, &err), &err);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%-52s %8.2f MB\n", "most memory, the data's included", (double)usage.ru_maxrss / 1e3);
    gv_arena_fini(&arena);
    return 0;
}
