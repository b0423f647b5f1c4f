/* Samples out of order: per series a buffer by time, cut into chunks of their own when it is full or the head's epoch
 * has moved on. An epoch ends when late samples are frozen for a block; so what a block has got is known by its epochs.
 */
#include "codec/chunks.h"
#include "store/head_impl.h"
#include <stdlib.h>

enum { MOST_LATE = 32 };

struct late_sample {
    int64_t time;
    double value;
    struct gv_slice packed; /* of a histogram; else empty */
};

struct head_late {
    struct head_chunk *chunks; /* newest first */
    uint32_t epoch;            /* of the samples */
    uint32_t n;
    struct late_sample samples[MOST_LATE]; /* by time */
};

static struct head_late *late_of(struct head_stripe *stripe, struct head_series *s)
{
    struct head_extra *extra = head_extra_of(stripe, s);
    if (!extra->late) {
        extra->late = calloc(1, sizeof *extra->late);
        if (!extra->late)
            gv_die("out of memory");
        stripe->bytes += sizeof *extra->late;
    }
    return extra->late;
}

static bool raw_of(const struct head_late *late, struct gv_arena *a, struct gv_raw_column *out, struct gv_err *err)
{
    int64_t *times = gv_arena_array(a, int64_t, MOST_LATE);
    double *values = gv_arena_array(a, double, MOST_LATE);
    const struct gv_histogram **histograms = NULL;
    for (uint32_t i = 0; i < late->n; i++) {
        const struct late_sample *sample = &late->samples[i];
        times[i] = sample->time;
        values[i] = sample->value;
        if (!sample->packed.n)
            continue;
        if (!histograms)
            histograms = gv_arena_array(a, const struct gv_histogram *, MOST_LATE);
        histograms[i] = head_unpack_histogram(a, sample->packed, err);
        if (!histograms[i])
            return false;
    }
    *out = (struct gv_raw_column){.times = times, .values = values, .histograms = histograms, .n = late->n};
    return true;
}

/* The buffer as chunks. */
static bool chunks_of(const struct head_late *late, struct gv_arena *a, struct gv_chunks_column *out,
                      struct gv_err *err)
{
    struct gv_raw_column raw;
    struct gv_arena scratch;
    gv_arena_init(&scratch, NULL);
    bool ok = raw_of(late, a, &raw, err) && gv_chunks_of_raw(a, &scratch, &raw, out, err);
    gv_arena_fini(&scratch);
    return ok;
}

void head_late_add_chunk(struct head_stripe *stripe, struct head_series *s, const struct gv_chunk *chunk,
                         uint32_t epoch)
{
    struct head_late *late = late_of(stripe, s);
    struct head_chunk *c = head_chunk_new(stripe, chunk);
    c->epoch = epoch;
    c->older = late->chunks;
    late->chunks = c;
}

static void clear(struct head_stripe *stripe, struct head_late *late)
{
    for (uint32_t i = 0; i < late->n; i++) {
        stripe->bytes -= late->samples[i].packed.n;
        free((void *)(uintptr_t)late->samples[i].packed.p);
    }
    late->n = 0;
}

static void cut(struct head_stripe *stripe, struct head_series *s)
{
    struct head_late *late = s->extra->late;
    struct gv_arena a;
    struct gv_chunks_column chunks;
    struct gv_err err = {0};
    gv_arena_init(&a, NULL);
    if (!chunks_of(late, &a, &chunks, &err))
        gv_die("samples out of order that make no chunk: %s", err.msg);
    for (uint32_t i = 0; i < chunks.n; i++)
        head_late_add_chunk(stripe, s, &chunks.chunks[i], late->epoch);
    clear(stripe, late);
    gv_arena_fini(&a);
}

static struct gv_slice pack(struct head_stripe *stripe, const struct gv_histogram *h)
{
    struct gv_buf b = GV_BUF_INIT;
    if (h)
        head_pack_histogram(&b, h);
    stripe->bytes += b.n;
    return gv_buf_slice(&b);
}

void head_late_put(struct head_stripe *stripe, struct head_series *s, const struct gv_store_sample *sample,
                   uint32_t epoch)
{
    struct head_late *late = late_of(stripe, s);
    if (late->n == MOST_LATE || (late->n && late->epoch != epoch))
        cut(stripe, s);
    uint32_t at = late->n;
    while (at && late->samples[at - 1].time > sample->time)
        at--;
    memmove(&late->samples[at + 1], &late->samples[at], (late->n - at) * sizeof *late->samples);
    late->samples[at] = (struct late_sample){sample->time, sample->value, pack(stripe, sample->histogram)};
    late->n++;
    late->epoch = epoch;
    stripe->late++;
}

static bool is_wanted(uint32_t epoch, uint32_t after, uint32_t last)
{
    return epoch > after && epoch <= last;
}

bool head_late_chunks(const struct head_series *s, struct gv_arena *a, const struct head_late_wish *w,
                      struct gv_chunk **chunks, size_t *n, size_t *cap, struct gv_err *err)
{
    const struct head_late *late = s->extra ? s->extra->late : NULL;
    if (!late)
        return true;
    for (const struct head_chunk *c = late->chunks; c; c = c->older)
        if (is_wanted(c->epoch, w->after, w->last) && c->min_time <= w->max_time && c->max_time >= w->min_time)
            gv_push(a, *chunks, *n, *cap) = (struct gv_chunk){c->min_time, c->max_time, c->data, c->size, c->encoding};
    if (!late->n || !is_wanted(late->epoch, w->after, w->last) || late->samples[0].time > w->max_time ||
        late->samples[late->n - 1].time < w->min_time)
        return true;
    struct gv_chunks_column buffered;
    if (!chunks_of(late, a, &buffered, err))
        return false;
    for (uint32_t i = 0; i < buffered.n; i++)
        gv_push(a, *chunks, *n, *cap) = buffered.chunks[i];
    return true;
}

bool head_late_range(const struct head_series *s, uint32_t after, uint32_t last, int64_t *min, int64_t *max)
{
    const struct head_late *late = s->extra ? s->extra->late : NULL;
    *min = INT64_MAX;
    *max = INT64_MIN;
    if (!late)
        return false;
    for (const struct head_chunk *c = late->chunks; c; c = c->older)
        if (is_wanted(c->epoch, after, last)) {
            *min = c->min_time < *min ? c->min_time : *min;
            *max = c->max_time > *max ? c->max_time : *max;
        }
    if (late->n && is_wanted(late->epoch, after, last)) {
        int64_t first = late->samples[0].time, latest = late->samples[late->n - 1].time;
        *min = first < *min ? first : *min;
        *max = latest > *max ? latest : *max;
    }
    return *min <= *max;
}

void head_late_drop(struct head_stripe *stripe, struct head_series *s, uint32_t last)
{
    struct head_late *late = s->extra ? s->extra->late : NULL;
    if (!late)
        return;
    for (struct head_chunk **at = &late->chunks, *c; (c = *at);) {
        if (c->epoch > last) {
            at = &c->older;
            continue;
        }
        *at = c->older;
        head_chunk_free(stripe, c);
    }
    if (late->n && late->epoch <= last)
        clear(stripe, late);
    if (late->n || late->chunks)
        return;
    stripe->bytes -= sizeof *late;
    free(late);
    s->extra->late = NULL;
}

void head_late_free(struct head_stripe *stripe, struct head_series *s)
{
    head_late_drop(stripe, s, UINT32_MAX);
}
