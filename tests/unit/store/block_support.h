/* What tests of blocks share: series as given, a folder for a test, blocks written and read back. */
#pragma once
#include "codec/chunks.h"
#include "promql/parse.h"
#include "../../support/faulty_io.h"
#include "base/log.h"
#include "store/block.h"
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct given {
    const struct gv_labels *labels;
    struct gv_raw_column raw;
};

static struct gv_arena arena;
static char folder[64];
static const struct gv_io *sound_io = &gv_io_system; /* by which blocks are made that a test begins with */

/* Memory where there is such a file system: nothing here is about how long a disk takes. */
static inline const char *where(void)
{
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

static inline void run_command(const char *fmt, const char *path)
{
    char command[512];
    snprintf(command, sizeof command, fmt, path);
    assert_int_equal(system(command), 0);
}

static inline int set_up(void **state)
{
    (void)state;
    gv_arena_init(&arena, NULL);
    snprintf(folder, sizeof folder, "%s/globalview-blocks-XXXXXX", where());
    return mkdtemp(folder) ? 0 : -1;
}

static inline int tear_down(void **state)
{
    (void)state;
    remove_tree(folder);
    gv_arena_fini(&arena);
    return 0;
}

static inline const struct gv_labels *labels_of(const char *text)
{
    struct gv_err err = {0};
    size_t used;
    const struct gv_labels *l = gv_promql_parse_metric(&arena, gv_slice_of(text), &used, &err);
    if (!l)
        fail_msg("%s: %s", text, err.msg);
    return l;
}

static inline struct gv_selector *selector_of(const char *text)
{
    struct gv_err err = {0};
    struct gv_selector *s = gv_promql_parse_selector(&arena, gv_slice_of(text), &err);
    if (!s)
        fail_msg("%s: %s", text, err.msg);
    return s;
}

/* ---- Samples ---- */

static inline struct gv_raw_column empty_raw(uint32_t n, bool histograms, int64_t **times, double **values,
                                             const struct gv_histogram ***all)
{
    *times = gv_arena_array(&arena, int64_t, n);
    *values = gv_arena_array(&arena, double, n);
    *all = histograms ? gv_arena_array(&arena, const struct gv_histogram *, n) : NULL;
    return (struct gv_raw_column){.times = *times, .values = *values, .histograms = *all, .n = n};
}

/* n floats from `from` on, every `step` ms: they wander, and some are infinite, NaN or stale. */
static inline struct gv_raw_column floats(int64_t from, int64_t step, uint32_t n)
{
    int64_t *times;
    double *values;
    const struct gv_histogram **none;
    struct gv_raw_column raw = empty_raw(n, false, &times, &values, &none);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t stale = GV_STALE_BITS;
        times[i] = from + step * i;
        values[i] = (double)((from / step + i) * 7919 % 1000) / 8;
        if (i % 11 == 5)
            values[i] = i % 2 ? (double)INFINITY : (double)NAN;
        if (i % 13 == 7)
            memcpy(&values[i], &stale, sizeof stale);
    }
    return raw;
}

/* Counters that grow; whole: in integers. */
static inline struct gv_raw_column histograms(int64_t from, int64_t step, uint32_t n, bool whole)
{
    static const struct gv_span spans[] = {{0, 2}, {3, 1}};
    int64_t *times;
    double *values;
    const struct gv_histogram **all;
    struct gv_raw_column raw = empty_raw(n, true, &times, &values, &all);
    for (uint32_t i = 0; i < n; i++) {
        struct gv_histogram *h = gv_arena_new(&arena, struct gv_histogram);
        double *counts = gv_arena_array(&arena, double, 3), unit = whole ? 1 : 0.25;
        for (int k = 0; k < 3; k++)
            counts[k] = unit * (double)(i + 1) * (k + 1);
        *h = (struct gv_histogram){.schema = 1,
                                   .zero_threshold = 0.001,
                                   .zero_count = unit * i,
                                   .count = unit * (double)(7 * i + 6),
                                   .sum = 18.5 * i,
                                   .positive = {spans, counts, 2, 3}};
        times[i] = from + step * i;
        all[i] = h;
    }
    return raw;
}

/* ---- Blocks ---- */

/* Of at most per_chunk samples each. */
static inline struct gv_chunk *chunks_of(const struct gv_raw_column *raw, uint32_t per_chunk, size_t *n)
{
    struct gv_chunk *chunks = NULL;
    struct gv_arena scratch;
    struct gv_err err = {0};
    size_t cap = 0;
    *n = 0;
    gv_arena_init(&scratch, NULL);
    for (uint32_t from = 0; from < raw->n; from += per_chunk) {
        struct gv_raw_column part = {.times = raw->times + from,
                                     .values = raw->values + from,
                                     .histograms = raw->histograms ? raw->histograms + from : NULL,
                                     .n = raw->n - from < per_chunk ? raw->n - from : per_chunk};
        struct gv_chunks_column cut;
        assert_true(gv_chunks_of_raw(&arena, &scratch, &part, &cut, &err));
        for (uint32_t i = 0; i < cut.n; i++)
            gv_push(&arena, chunks, *n, cap) = cut.chunks[i];
    }
    gv_arena_fini(&scratch);
    return chunks;
}

static inline int by_labels(const void *a, const void *b)
{
    return gv_labels_cmp(((const struct given *)a)->labels, ((const struct given *)b)->labels);
}

/* The folder of a block of these, in any order; NULL with err, or where there is nothing. */
static inline const char *write_block(const struct block_writer_options *o, struct given *series, size_t n,
                                      uint32_t per_chunk, struct gv_err *err)
{
    char ulid[BLOCK_ULID_MAX];
    qsort(series, n, sizeof *series, by_labels);
    struct block_writer *w = block_writer_new(o, err);
    bool ok = w;
    for (size_t i = 0; ok && i < n; i++) {
        size_t n_chunks;
        struct gv_chunk *chunks = chunks_of(&series[i].raw, per_chunk, &n_chunks);
        ok = block_writer_add(w, series[i].labels, chunks, n_chunks, err);
    }
    ok = ok && block_writer_done(w, ulid, err);
    if (w)
        block_writer_free(w);
    return ok && *ulid ? gv_arena_printf(&arena, "%s/%s", o->parent, ulid) : NULL;
}

static inline struct block *open_block(const char *path)
{
    struct gv_err err = {0};
    struct block *b = block_open(&gv_io_system, path, &err);
    if (!b)
        fail_msg("%s", err.msg);
    return b;
}

/* A block of these, opened, written without faults. */
static inline struct block *make_block(struct given *series, size_t n, uint32_t per_chunk, int64_t min_time,
                                       int64_t max_time)
{
    struct block_writer_options o = {
        .io = sound_io, .parent = folder, .min_time = min_time, .max_time = max_time, .level = 1, .now = 1};
    struct gv_err err = {0};
    const char *path = write_block(&o, series, n, per_chunk, &err);
    if (!path)
        fail_msg("%s", err.msg);
    return open_block(path);
}

/* What a query sees: series with samples within the times. */
static inline bool read_all(struct store_reader **readers, size_t n_readers, const struct gv_matcher *matchers,
                            size_t n_matchers, int64_t min_time, int64_t max_time, struct given **out, size_t *n,
                            struct gv_err *err)
{
    struct gv_source *source = store_merged_source(&arena, readers, n_readers);
    struct gv_select what = {
        .matchers = matchers, .n_matchers = n_matchers, .min_time = min_time, .max_time = max_time};
    struct gv_cursor *cursor;
    struct gv_series s;
    size_t n_cursors, cap = 0;
    int more = -1;
    *out = NULL;
    *n = 0;
    if (!source->ops->select(source, &arena, &what, &cursor, 1, &n_cursors, err))
        return false;
    while ((more = cursor->ops->next(cursor, &arena, &s, err)) > 0) {
        struct given g = {.labels = s.labels, .raw = s.column.raw};
        if (s.column.kind == GV_COLUMN_CHUNKS &&
            !gv_chunks_to_raw(&arena, &s.column.chunks, min_time, max_time, &g.raw, err)) {
            more = -1;
            break;
        }
        if (g.raw.n)
            gv_push(&arena, *out, *n, cap) = g;
    }
    cursor->ops->close(cursor);
    return more == 0;
}

static inline bool same_sample(const struct gv_raw_column *a, uint32_t i, const struct gv_raw_column *b, uint32_t k)
{
    const struct gv_histogram *x = a->histograms ? a->histograms[i] : NULL;
    const struct gv_histogram *y = b->histograms ? b->histograms[k] : NULL;
    if (a->times[i] != b->times[k] || !x != !y)
        return false;
    return x ? gv_histogram_eq(x, y) : memcmp(&a->values[i], &b->values[k], sizeof(double)) == 0;
}

static inline bool same_raw(const struct gv_raw_column *a, const struct gv_raw_column *b)
{
    if (a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (!same_sample(a, i, b, i))
            return false;
    return true;
}

static inline bool same_series(const struct given *a, size_t n, const struct given *b, size_t m)
{
    if (n != m)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!gv_labels_eq(a[i].labels, b[i].labels) || !same_raw(&a[i].raw, &b[i].raw))
            return false;
    return true;
}

/* A small block with something of everything. */
static inline size_t small_series(struct given *out)
{
    const struct given all[] = {
        {labels_of("up{job=\"a\",instance=\"1\"}"), floats(1000, 1000, 9)},
        {labels_of("up{job=\"b\",instance=\"1\"}"), floats(1500, 1000, 3)},
        {labels_of("latency{job=\"a\"}"), histograms(1000, 2000, 5, true)},
        {labels_of("latency{job=\"b\"}"), histograms(1000, 2000, 5, false)},
        {labels_of("{\"größe\"=\"世界\",Z=\"\"}"), floats(-5000, 1000, 2)},
    };
    memcpy(out, all, sizeof all);
    qsort(out, GV_COUNT(all), sizeof *out, by_labels);
    return GV_COUNT(all);
}
enum { SMALL_MIN = -10000, SMALL_MAX = 20000, SMALL_SERIES = 5, SMALL_CHUNK = 4 };
