/* One series as it comes from a cursor, a feed or a subquery ──► floats and histograms apart, within a time range. */
#include "codec/chunk_xor.h"
#include "codec/chunks.h"
#include "promql/engine.h"

bool gv_is_stale_histogram(const struct gv_histogram *h)
{
    return gv_is_stale(h->sum);
}

/* ---- Buffers that are used again for every series ---- */

static bool grow_floats(struct gv_stream *s, size_t n)
{
    struct gv_sample_buffer *b = &s->floats;
    if (n <= b->cap)
        return true;
    size_t cap = n < 256 ? 256 : n + n / 4;
    b->times = gv_arena_try(&s->own, cap * sizeof *b->times, s->env.err);
    b->values = b->times ? gv_arena_try(&s->own, cap * sizeof *b->values, s->env.err) : NULL;
    b->starts = b->values ? gv_arena_try(&s->own, cap * sizeof *b->starts, s->env.err) : NULL;
    b->cap = b->starts ? cap : 0;
    return b->starts != NULL;
}

static bool grow_histograms(struct gv_stream *s, size_t n)
{
    if (n <= s->cap_histograms)
        return true;
    size_t cap = n + n / 4;
    s->histogram_times = gv_arena_try(&s->own, cap * sizeof *s->histogram_times, s->env.err);
    s->histogram_starts = s->histogram_times ? gv_arena_try(&s->own, cap * sizeof(int64_t), s->env.err) : NULL;
    s->histograms = s->histogram_starts ? gv_arena_try(&s->own, cap * sizeof *s->histograms, s->env.err) : NULL;
    s->cap_histograms = s->histograms ? cap : 0;
    return s->histograms != NULL;
}

/* ---- Histograms without their buckets ---- */

static enum gv_reset_hint hint_after(struct gv_stream *s, const struct gv_histogram *previous,
                                     const struct gv_histogram *h)
{
    if (h->reset_hint != GV_RESET_UNKNOWN || !previous)
        return h->reset_hint;
    return gv_histogram_is_reset(&s->scratch, h, previous) ? GV_RESET_YES : GV_RESET_NO;
}

/* Schema, count, sum and a hint that says what the buckets would have said of a reset. */
static bool keep_stats(struct gv_stream *s)
{
    const struct gv_histogram *previous = NULL;
    struct gv_histogram *stats = gv_arena_try(&s->brief, s->n_histograms * sizeof *stats, s->env.err);
    if (!stats)
        return false;
    for (size_t i = 0; i < s->n_histograms; i++) {
        const struct gv_histogram *h = s->histograms[i];
        stats[i] = (struct gv_histogram){.schema = h->schema, .count = h->count, .sum = h->sum};
        s->histograms[i] = &stats[i];
        if (gv_is_stale_histogram(h))
            continue;
        stats[i].reset_hint = hint_after(s, previous, h);
        previous = h;
    }
    return true;
}

/* ---- RAW ---- */

static uint32_t first_after(const int64_t *times, uint32_t n, int64_t t)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (times[mid] <= t)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool has_stale(const double *values, uint32_t n)
{
    bool found = false;
    for (uint32_t i = 0; i < n; i++)
        found |= gv_is_stale(values[i]);
    return found;
}

static void split_sample(struct gv_stream *s, const struct gv_raw_column *raw, uint32_t i, bool keep_stale)
{
    const struct gv_histogram *h = raw->histograms ? raw->histograms[i] : NULL;
    int64_t start = raw->starts ? raw->starts[i] : 0;
    if (h && (keep_stale || !gv_is_stale_histogram(h))) {
        s->histograms[s->n_histograms] = h;
        s->histogram_times[s->n_histograms] = raw->times[i];
        s->histogram_starts[s->n_histograms++] = start;
    } else if (!h && (keep_stale || !gv_is_stale(raw->values[i]))) {
        struct gv_sample_buffer *b = &s->floats;
        b->times[b->n] = raw->times[i];
        b->values[b->n] = raw->values[i];
        b->starts[b->n++] = start;
    }
}

static void give_buffers(struct gv_stream *s, bool starts, struct gv_series_samples *out)
{
    out->floats = (struct gv_float_samples){s->floats.times, s->floats.values, starts ? s->floats.starts : NULL,
                                            (uint32_t)s->floats.n};
    out->histograms = (struct gv_histogram_samples){s->histogram_times, s->histograms,
                                                    starts ? s->histogram_starts : NULL, (uint32_t)s->n_histograms};
}

/* Start timestamps, where they are to be used. */
static const int64_t *starts_of(const struct gv_stream *s, const struct gv_raw_column *raw)
{
    return gv_env_has(&s->env, GV_FEATURE_USE_START_TIMESTAMPS) ? raw->starts : NULL;
}

static bool read_raw(struct gv_stream *s, const struct gv_raw_column *raw, int64_t min, int64_t max, bool keep_stale,
                     struct gv_series_samples *out)
{
    const int64_t *starts = starts_of(s, raw);
    const struct gv_pipe *p = s->pipe;
    bool stats_only = (p->range_node ? p->range_node : p->node)->stats_only;
    uint32_t from = first_after(raw->times, raw->n, min - 1);
    uint32_t n = first_after(raw->times, raw->n, max) - from;
    if (!raw->histograms && (keep_stale || !has_stale(raw->values + from, n))) {
        *out = (struct gv_series_samples){
            .floats = {raw->times + from, raw->values + from, starts ? starts + from : NULL, n}};
        return true;
    }
    if (!grow_floats(s, n) || (raw->histograms && !grow_histograms(s, n)))
        return false;
    s->floats.n = s->n_histograms = 0;
    for (uint32_t i = from; i < from + n; i++)
        split_sample(s, raw, i, keep_stale);
    give_buffers(s, starts != NULL, out);
    return !stats_only || keep_stats(s);
}

/* ---- CHUNKS ---- */

static bool rises(const int64_t *times, uint32_t n)
{
    bool falls = false;
    for (uint32_t i = 1; i < n; i++)
        falls |= times[i] <= times[i - 1];
    return !falls;
}

/* Of the n samples decoded behind the buffer's last, keeps those in the range and not before the last: a chunk may hold
 * others than it says. Of two at one time the later one stays. */
static void keep_wanted(struct gv_sample_buffer *b, uint32_t n, int64_t min, int64_t max, bool keep_stale)
{
    size_t from = b->n;
    int64_t last = from ? b->times[from - 1] : INT64_MIN;
    if (n && b->times[from] > last && b->times[from] >= min && b->times[from + n - 1] <= max &&
        rises(b->times + from, n) && (keep_stale || !has_stale(b->values + from, n))) {
        b->n += n;
        return;
    }
    for (size_t i = from; i < from + n; i++) {
        int64_t t = b->times[i];
        if (t < min || t > max || t < last || (!keep_stale && gv_is_stale(b->values[i])))
            continue;
        b->n -= t == last;
        b->times[b->n] = last = t;
        b->values[b->n++] = b->values[i];
    }
}

static bool read_xor(struct gv_stream *s, const struct gv_chunk *c, int64_t min, int64_t max, bool keep_stale)
{
    struct gv_sample_buffer *b = &s->floats;
    if (!gv_xor_decode(c->data, c->size, b->times + b->n, b->values + b->n, s->env.err))
        return false;
    keep_wanted(b, gv_chunk_samples(c->data, c->size), min, max, keep_stale);
    return true;
}

static bool is_outside(const struct gv_chunk *c, int64_t min, int64_t max)
{
    return c->max_time < min || c->min_time > max;
}

static size_t samples_of_chunks(const struct gv_chunks_column *c, int64_t min, int64_t max)
{
    size_t n = 0;
    for (uint32_t i = 0; i < c->n; i++)
        if (!is_outside(&c->chunks[i], min, max))
            n += gv_chunk_samples(c->chunks[i].data, c->chunks[i].size);
    return n;
}

/* Floats whose chunks follow each other in time are decoded in place. Others are not: histograms, and chunks that
 * overlap, whose samples may stand between each other. */
static bool is_plain(const struct gv_chunks_column *c, int64_t min, int64_t max)
{
    const struct gv_chunk *last = NULL;
    for (uint32_t i = 0; i < c->n; i++) {
        const struct gv_chunk *chunk = &c->chunks[i];
        if (is_outside(chunk, min, max))
            continue;
        if (chunk->encoding != GV_CHUNK_XOR || (last && chunk->min_time <= last->max_time))
            return false;
        last = chunk;
    }
    return true;
}

static bool read_merged(struct gv_stream *s, const struct gv_chunks_column *c, int64_t min, int64_t max,
                        bool keep_stale, struct gv_series_samples *out)
{
    struct gv_raw_column raw;
    return gv_chunks_to_raw(&s->scratch, c, min, max, &raw, s->env.err) && gv_poll(s->worker, raw.n) &&
           read_raw(s, &raw, min, max, keep_stale, out);
}

static bool read_chunks(struct gv_stream *s, const struct gv_chunks_column *c, int64_t min, int64_t max,
                        bool keep_stale, struct gv_series_samples *out)
{
    if (!is_plain(c, min, max))
        return read_merged(s, c, min, max, keep_stale, out);
    if (!grow_floats(s, samples_of_chunks(c, min, max)))
        return false;
    s->floats.n = s->n_histograms = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        const struct gv_chunk *chunk = &c->chunks[i];
        if (is_outside(chunk, min, max))
            continue;
        if (!read_xor(s, chunk, min, max, keep_stale) ||
            !gv_poll(s->worker, gv_chunk_samples(chunk->data, chunk->size)))
            return false;
    }
    give_buffers(s, false, out);
    return true;
}

/* ---- MADE ---- */

static bool read_made(struct gv_stream *s, const struct gv_made_column *c, int64_t min, int64_t max, bool keep_stale,
                      struct gv_series_samples *out)
{
    struct gv_raw_column raw;
    return c->make(c, &s->scratch, &raw, s->env.err) && gv_poll(s->worker, raw.n) &&
           read_raw(s, &raw, min, max, keep_stale, out);
}

bool gv_read_column(struct gv_stream *s, const struct gv_column *c, int64_t min, int64_t max, bool keep_stale,
                    struct gv_series_samples *out)
{
    switch (c->kind) {
    case GV_COLUMN_RAW:
        return read_raw(s, &c->raw, min, max, keep_stale, out);
    case GV_COLUMN_CHUNKS:
        return read_chunks(s, &c->chunks, min, max, keep_stale, out);
    case GV_COLUMN_MADE:
        return read_made(s, c->made, min, max, keep_stale, out);
    default:
        return gv_fail(s->env.err, GV_INTERNAL, "a source gave a column of kind %d", (int)c->kind);
    }
}

/* ---- Rows of a subquery ---- */

bool gv_read_row(struct gv_stream *s, const struct gv_row *row, const struct gv_grid *g, struct gv_series_samples *out)
{
    if (!grow_floats(s, g->n) || (row->column.histograms && !grow_histograms(s, g->n)))
        return false;
    s->floats.n = s->n_histograms = 0;
    struct gv_point p;
    for (uint32_t i = 0; i < g->n; i++) {
        if (!gv_row_get(row, i, &p))
            continue;
        if (p.h) {
            s->histograms[s->n_histograms] = gv_histogram_without_reset(&s->scratch, p.h);
            s->histogram_times[s->n_histograms++] = gv_grid_time(g, i);
        } else {
            s->floats.times[s->floats.n] = gv_grid_time(g, i);
            s->floats.values[s->floats.n++] = p.f;
        }
    }
    give_buffers(s, false, out);
    return true;
}
