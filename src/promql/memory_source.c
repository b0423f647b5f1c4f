/* Series in an array, sorted once; a selection is the array of those that match, cut into partitions. */
#include "promql/memory_source.h"
#include "codec/chunk_xor.h"
#include <stdlib.h>

struct gv_memory_series {
    struct gv_series series;
    size_t order; /* of adding: of two samples at one time the later one stays */
};

/* ---- Selecting ---- */

struct cursor {
    struct gv_cursor cursor;
    const struct gv_memory_series **at, **end;
};

static int next(struct gv_cursor *c, struct gv_arena *scratch, struct gv_series *series, struct gv_err *err)
{
    (void)scratch, (void)err;
    struct cursor *m = container_of(c, struct cursor, cursor);
    if (m->at == m->end)
        return 0;
    *series = (*m->at++)->series;
    return 1;
}

static void close(struct gv_cursor *c)
{
    (void)c;
}

static const struct gv_cursor_ops cursor_ops = {next, close};

static size_t matching(const struct gv_memory_source *m, const struct gv_select *what,
                       const struct gv_memory_series **found)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (gv_matchers_match(what->matchers, what->n_matchers, m->series[i].series.labels))
            found[n++] = &m->series[i];
    return n;
}

static bool select_series(struct gv_source *s, struct gv_arena *a, const struct gv_select *what,
                          struct gv_cursor **cursors, size_t max, size_t *n, struct gv_err *err)
{
    struct gv_memory_source *m = container_of(s, struct gv_memory_source, source);
    const struct gv_memory_series **found = gv_arena_try(a, m->n * sizeof *found, err);
    if (!found)
        return false;
    size_t count = matching(m, what, found);
    *n = count < max ? (count ? count : 1) : max;
    for (size_t i = 0; i < *n; i++) {
        struct cursor *c = gv_arena_new(a, struct cursor);
        c->cursor.ops = &cursor_ops;
        c->at = found + count * i / *n;
        c->end = found + count * (i + 1) / *n;
        cursors[i] = &c->cursor;
    }
    return true;
}

static const struct gv_source_ops source_ops = {select_series};

/* ---- Filling ---- */

void gv_memory_source_init(struct gv_memory_source *m, struct gv_arena *arena)
{
    *m = (struct gv_memory_source){.source.ops = &source_ops, .arena = arena};
}

void gv_memory_source_add(struct gv_memory_source *m, const struct gv_labels *labels, const struct gv_column *column)
{
    struct gv_memory_series added = {{labels, *column}, m->n};
    gv_push(m->arena, m->series, m->n, m->cap) = added;
}

/* Samples [from, to) of raw. */
static struct gv_chunk encode(struct gv_arena *a, const struct gv_raw_column *raw, uint32_t from, uint32_t to)
{
    struct gv_xor_encoder e;
    gv_xor_encoder_init(&e);
    for (uint32_t i = from; i < to; i++)
        if (!gv_xor_encoder_append(&e, raw->times[i], raw->values[i]))
            gv_die("a chunk of %u samples", to - from);
    struct gv_slice kept = gv_arena_dup(a, gv_buf_slice(&e.bytes));
    gv_xor_encoder_fini(&e);
    return (struct gv_chunk){.min_time = raw->times[from],
                             .max_time = raw->times[to - 1],
                             .data = (const uint8_t *)kept.p,
                             .size = (uint32_t)kept.n,
                             .encoding = GV_CHUNK_XOR};
}

void gv_memory_source_add_encoded(struct gv_memory_source *m, const struct gv_labels *labels,
                                  const struct gv_raw_column *raw, uint32_t per_chunk)
{
    uint32_t n = (raw->n + per_chunk - 1) / per_chunk;
    struct gv_chunk *chunks = gv_arena_array(m->arena, struct gv_chunk, n);
    for (uint32_t i = 0; i < n; i++)
        chunks[i] = encode(m->arena, raw, i * per_chunk, i + 1 < n ? (i + 1) * per_chunk : raw->n);
    struct gv_column c = {.kind = GV_COLUMN_CHUNKS, .chunks = {chunks, n}};
    gv_memory_source_add(m, labels, &c);
}

static int by_labels(const void *a, const void *b)
{
    const struct gv_memory_series *l = a, *r = b;
    int c = gv_labels_cmp(l->series.labels, r->series.labels);
    return c ? c : l->order < r->order ? -1 : 1;
}

struct merged {
    int64_t *times, *starts;
    double *values;
    const struct gv_histogram **histograms;
    uint32_t n;
};

static void push_sample(struct merged *m, const struct gv_raw_column *from, uint32_t i)
{
    m->times[m->n] = from->times[i];
    m->values[m->n] = from->values[i];
    m->histograms[m->n] = from->histograms ? from->histograms[i] : NULL;
    m->starts[m->n++] = from->starts ? from->starts[i] : 0;
}

static struct gv_raw_column merge_raw(struct gv_arena *a, const struct gv_raw_column *old,
                                      const struct gv_raw_column *new)
{
    size_t n = (size_t)old->n + new->n;
    struct merged m = {gv_arena_array(a, int64_t, n), gv_arena_array(a, int64_t, n), gv_arena_array(a, double, n),
                       gv_arena_array(a, const struct gv_histogram *, n), 0};
    for (uint32_t i = 0, j = 0; i < old->n || j < new->n;) {
        if (j == new->n || (i < old->n && old->times[i] < new->times[j])) {
            push_sample(&m, old, i++);
        } else {
            i += i < old->n && old->times[i] == new->times[j];
            push_sample(&m, new, j++);
        }
    }
    return (struct gv_raw_column){.times = m.times,
                                  .values = m.values,
                                  .histograms = old->histograms || new->histograms ? m.histograms : NULL,
                                  .starts = old->starts || new->starts ? m.starts : NULL,
                                  .n = m.n};
}

/* Chunks are appended: who adds chunks of one series twice adds them by time. */
static struct gv_chunks_column join_chunks(struct gv_arena *a, const struct gv_chunks_column *old,
                                           const struct gv_chunks_column *new)
{
    struct gv_chunk *chunks = gv_arena_array(a, struct gv_chunk, old->n + new->n);
    memcpy(chunks, old->chunks, old->n * sizeof *chunks);
    memcpy(chunks + old->n, new->chunks, new->n * sizeof *chunks);
    return (struct gv_chunks_column){chunks, old->n + new->n};
}

static void merge_into(struct gv_arena *a, struct gv_column *into, const struct gv_column *column)
{
    if (into->kind != column->kind)
        gv_die("a series of raw samples and chunks");
    if (into->kind == GV_COLUMN_RAW)
        into->raw = merge_raw(a, &into->raw, &column->raw);
    else
        into->chunks = join_chunks(a, &into->chunks, &column->chunks);
}

void gv_memory_source_seal(struct gv_memory_source *m)
{
    if (m->n > 1)
        qsort(m->series, m->n, sizeof *m->series, by_labels);
    size_t kept = 0;
    for (size_t i = 0; i < m->n; i++) {
        struct gv_series *last = kept ? &m->series[kept - 1].series : NULL;
        if (last && gv_labels_eq(last->labels, m->series[i].series.labels))
            merge_into(m->arena, &last->column, &m->series[i].series.column);
        else
            m->series[kept++] = m->series[i];
    }
    m->n = kept;
}
