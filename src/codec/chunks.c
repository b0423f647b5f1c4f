/* Chunks are decoded one behind the other into arrays that hold them all; only where they overlap is there anything
 * to sort. */
#include "codec/chunks.h"
#include "codec/chunk_cutter.h"
#include <stdlib.h>

struct samples {
    struct gv_arena *arena;
    int64_t *times;
    double *values;
    const struct gv_histogram **histograms; /* NULL: floats only */
    size_t n;
};

static bool is_histogram(const struct gv_chunk *c)
{
    return c->encoding == GV_CHUNK_HISTOGRAM || c->encoding == GV_CHUNK_FLOAT_HISTOGRAM;
}

static bool is_wanted(const struct gv_chunk *c, int64_t min_time, int64_t max_time)
{
    return c->min_time <= max_time && c->max_time >= min_time;
}

/* A sample takes two bits at least: a chunk that says it has more than its bytes can hold is damaged. */
static bool check_chunk(const struct gv_chunk *c, struct gv_err *err)
{
    enum { SAMPLES_PER_BYTE = 4 };
    if (c->encoding != GV_CHUNK_XOR && !is_histogram(c))
        return gv_fail(err, GV_INTERNAL, "a chunk of the unknown encoding %u", c->encoding);
    uint32_t n = gv_chunk_samples(c->data, c->size);
    return n <= (uint64_t)c->size * SAMPLES_PER_BYTE ||
           gv_fail(err, GV_INTERNAL, "a damaged chunk: %u samples in %u bytes", n, c->size);
}

static bool make_room(struct samples *s, size_t n, bool histograms, struct gv_err *err)
{
    s->times = gv_arena_try(s->arena, n * sizeof *s->times, err);
    s->values = s->times ? gv_arena_try(s->arena, n * sizeof *s->values, err) : NULL;
    if (!s->values)
        return false;
    if (histograms) {
        s->histograms = gv_arena_try(s->arena, n * sizeof *s->histograms, err);
        if (!s->histograms)
            return false;
        memset(s->histograms, 0, n * sizeof *s->histograms);
    }
    return true;
}

static bool decode_chunk(struct samples *s, const struct gv_chunk *c, struct gv_err *err)
{
    size_t n = gv_chunk_samples(c->data, c->size);
    bool ok;
    if (is_histogram(c)) {
        memset(s->values + s->n, 0, n * sizeof *s->values);
        ok = gv_histogram_chunk_decode(s->arena, (enum gv_chunk_encoding)c->encoding, c->data, c->size, s->times + s->n,
                                       s->histograms + s->n, err);
    } else {
        ok = gv_xor_decode(c->data, c->size, s->times + s->n, s->values + s->n, err);
    }
    s->n += n;
    return ok;
}

static bool is_sorted(const struct samples *s)
{
    for (size_t i = 1; i < s->n; i++)
        if (s->times[i] <= s->times[i - 1])
            return false;
    return true;
}

struct place {
    int64_t time;
    size_t index;
};

static int compare_places(const void *pa, const void *pb)
{
    const struct place *a = pa, *b = pb;
    int c = (a->time > b->time) - (a->time < b->time);
    return c ? c : (a->index > b->index) - (a->index < b->index);
}

/* A chunk's histograms know of resets between each other alone. */
static const struct gv_histogram *histogram_behind(const struct samples *s, size_t index, size_t *before)
{
    const struct gv_histogram *h = s->histograms[index];
    if (h && *before + 1 != index)
        h = gv_histogram_without_reset(s->arena, h);
    if (h)
        *before = index;
    return h;
}

static bool merge(struct samples *s, struct gv_err *err)
{
    size_t histogram = SIZE_MAX - 1; /* the index of the last one kept */
    struct place *places = gv_arena_try(s->arena, s->n * sizeof *places, err);
    struct samples merged = {.arena = s->arena};
    if (!places || !make_room(&merged, s->n, s->histograms != NULL, err))
        return false;
    for (size_t i = 0; i < s->n; i++)
        places[i] = (struct place){s->times[i], i};
    qsort(places, s->n, sizeof *places, compare_places);
    for (size_t i = 0; i < s->n; i++) {
        size_t from = places[i].index;
        if (merged.n && merged.times[merged.n - 1] == s->times[from])
            continue;
        merged.times[merged.n] = s->times[from];
        merged.values[merged.n] = s->values[from];
        if (s->histograms)
            merged.histograms[merged.n] = histogram_behind(s, from, &histogram);
        merged.n++;
    }
    *s = merged;
    return true;
}

/* The first sample at or after time. */
static size_t first_from(const struct samples *s, int64_t time)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (s->times[mid] < time)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void cut(const struct samples *s, int64_t min_time, int64_t max_time, struct gv_raw_column *out)
{
    size_t from = first_from(s, min_time), to = max_time == INT64_MAX ? s->n : first_from(s, max_time + 1);
    *out = (struct gv_raw_column){.times = s->times + from,
                                  .values = s->values + from,
                                  .histograms = s->histograms ? s->histograms + from : NULL,
                                  .n = to > from ? (uint32_t)(to - from) : 0};
}

bool gv_chunks_to_raw(struct gv_arena *a, const struct gv_chunks_column *chunks, int64_t min_time, int64_t max_time,
                      struct gv_raw_column *out, struct gv_err *err)
{
    struct samples s = {.arena = a};
    size_t total = 0;
    bool histograms = false;
    for (uint32_t i = 0; i < chunks->n; i++) {
        const struct gv_chunk *c = &chunks->chunks[i];
        if (!is_wanted(c, min_time, max_time))
            continue;
        if (!check_chunk(c, err))
            return false;
        total += gv_chunk_samples(c->data, c->size);
        histograms |= is_histogram(c);
    }
    if (!make_room(&s, total, histograms, err))
        return false;
    for (uint32_t i = 0; i < chunks->n; i++)
        if (is_wanted(&chunks->chunks[i], min_time, max_time) && !decode_chunk(&s, &chunks->chunks[i], err))
            return false;
    if (!is_sorted(&s) && !merge(&s, err))
        return false;
    cut(&s, min_time, max_time, out);
    return true;
}

/* ---- The other way ---- */

static bool keep_chunk(struct gv_arena *a, struct gv_chunk *c, struct gv_err *err)
{
    uint8_t *copy = gv_arena_try(a, c->size, err);
    if (copy)
        memcpy(copy, c->data, c->size);
    c->data = copy;
    return copy != NULL;
}

bool gv_chunks_of_raw(struct gv_arena *a, struct gv_arena *scratch, const struct gv_raw_column *raw,
                      struct gv_chunks_column *out, struct gv_err *err)
{
    struct chunk_cutter cutter;
    struct gv_chunk *chunks = NULL;
    size_t n = 0, cap = 0;
    bool ok = true;
    chunk_cutter_init(&cutter, scratch);
    for (uint32_t at = 0; ok && at < raw->n;) {
        struct gv_chunk c = chunk_cutter_next(&cutter, raw, &at);
        ok = keep_chunk(a, &c, err);
        gv_push(a, chunks, n, cap) = c;
    }
    chunk_cutter_fini(&cutter);
    *out = (struct gv_chunks_column){chunks, (uint32_t)n};
    return ok;
}
