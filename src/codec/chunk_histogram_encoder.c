/* Histograms in, one chunk out. The layout is that of the first histogram; a later one is aligned to it, bucket by
 * bucket, compared with the one before, and written as what changed. */
#include "codec/chunk_histogram.h"
#include "codec/chunk_xor.h"
#include "codec/histogram_samples.h"
#include <math.h>
#include <stdlib.h>

enum { FIRST_BLOCK = 512 }; /* of the arena */

struct gv_histogram_encoder {
    enum gv_chunk_encoding encoding;
    struct gv_arena arena; /* of the layout */
    void *arrays;          /* those below, in one block: a head has an encoder for every series */
    struct gv_buf bytes;
    unsigned used; /* bits of the last byte; 0: all */
    uint32_t n;
    uint8_t header;
    bool stale; /* the last sample was a stale marker */
    struct layout layout;
    struct counter time, count, zero_count, *buckets;              /* integers */
    struct xor_value sum, float_count, float_zero, *float_buckets; /* floats */
    double last_count, last_zero, *last, *aligned;                 /* absolute counts, of the last and the new one */
};

static bool is_integral(double v)
{
    return v == trunc(v) && fabs(v) < 0x1p53;
}

static bool are_integral(const struct gv_buckets *b)
{
    for (uint32_t i = 0; i < b->n_counts; i++)
        if (!is_integral(b->counts[i]))
            return false;
    return true;
}

bool gv_histogram_is_integral(const struct gv_histogram *h)
{
    return h->count >= 0 && is_integral(h->count) && h->zero_count >= 0 && is_integral(h->zero_count) &&
           are_integral(&h->positive) && are_integral(&h->negative);
}

struct gv_histogram_encoder *gv_histogram_encoder_new(enum gv_chunk_encoding encoding, enum gv_chunk_reset reset)
{
    static const uint8_t headers[] = {[GV_CHUNK_RESET_NO] = HEADER_RESET_NO,
                                      [GV_CHUNK_RESET_YES] = HEADER_RESET_YES,
                                      [GV_CHUNK_GAUGE] = HEADER_GAUGE};
    struct gv_histogram_encoder *e = calloc(1, sizeof *e);
    if (!e)
        gv_die("out of memory");
    e->encoding = encoding;
    e->header = headers[reset];
    gv_arena_init(&e->arena, NULL);
    e->arena.block_size = FIRST_BLOCK;
    gv_buf_add(&e->bytes, (char[HISTOGRAM_HEADER]){0, 0, (char)e->header}, HISTOGRAM_HEADER);
    return e;
}

void gv_histogram_encoder_free(struct gv_histogram_encoder *e)
{
    if (!e)
        return;
    gv_arena_fini(&e->arena);
    gv_buf_fini(&e->bytes);
    free(e->arrays);
    free(e);
}

struct gv_slice gv_histogram_encoder_bytes(const struct gv_histogram_encoder *e)
{
    return gv_buf_slice(&e->bytes);
}

static bool is_gauge(const struct gv_histogram *h)
{
    return h->reset_hint == GV_RESET_GAUGE;
}

static bool can_hold(const struct gv_histogram_encoder *e, const struct gv_histogram *h)
{
    return e->encoding == GV_CHUNK_FLOAT_HISTOGRAM || gv_histogram_is_integral(h);
}

static bool went_down(const struct gv_histogram_encoder *e, const struct gv_histogram *h)
{
    if (h->zero_count < e->last_zero)
        return true;
    for (size_t i = 0; i < layout_buckets(&e->layout); i++)
        if (e->aligned[i] < e->last[i])
            return true;
    return false;
}

/* Aligns h where it fits. */
static enum gv_chunk_append fit(struct gv_histogram_encoder *e, const struct gv_histogram *h)
{
    bool gauge = e->header == HEADER_GAUGE;
    if (e->stale || is_gauge(h) != gauge || !can_hold(e, h))
        return GV_CHUNK_DIFFERS;
    if (!gauge && (h->reset_hint == GV_RESET_YES || h->count < e->last_count))
        return GV_CHUNK_WAS_RESET;
    if (!layout_align(&e->layout, h, e->aligned))
        return GV_CHUNK_DIFFERS;
    return !gauge && went_down(e, h) ? GV_CHUNK_WAS_RESET : GV_CHUNK_APPENDED;
}

static void make_arrays(struct gv_histogram_encoder *e, size_t n)
{
    bool floats = e->encoding == GV_CHUNK_FLOAT_HISTOGRAM;
    e->arrays = calloc(n + !n, (floats ? sizeof *e->float_buckets : sizeof *e->buckets) + 2 * sizeof(double));
    if (!e->arrays)
        gv_die("out of memory");
    if (floats)
        e->float_buckets = e->arrays;
    else
        e->buckets = e->arrays;
    for (size_t i = 0; floats && i < n; i++)
        e->float_buckets[i].leading = XOR_NO_WINDOW;
    e->last = floats ? (double *)(e->float_buckets + n) : (double *)(e->buckets + n);
    e->aligned = e->last + n;
}

static void begin(struct gv_histogram_encoder *e, const struct gv_histogram *h)
{
    layout_of(&e->layout, &e->arena, h);
    make_arrays(e, layout_buckets(&e->layout));
    e->sum.leading = e->float_count.leading = e->float_zero.leading = XOR_NO_WINDOW;
    if (!layout_align(&e->layout, h, e->aligned))
        gv_die("a histogram does not fit its own layout");
    if (is_gauge(h))
        e->header = HEADER_GAUGE;
    e->bytes.p[2] = (char)e->header;
}

static void put_change(struct bit_writer *w, struct counter *c, uint64_t value)
{
    uint64_t delta = value - c->value;
    varbit_put_int(w, (int64_t)(delta - c->delta));
    *c = (struct counter){value, delta};
}

static void put_whole(struct bit_writer *w, struct xor_value *x, double v)
{
    x->bits = xor_bits_of(v);
    bits_put(w, x->bits, 64);
}

/* Of bucket i: what it has more than the one before it on its side. */
static uint64_t rise(const struct gv_histogram_encoder *e, size_t i)
{
    bool first = i == 0 || i == e->layout.positive.n_buckets;
    return (uint64_t)(int64_t)e->aligned[i] - (first ? 0 : (uint64_t)(int64_t)e->aligned[i - 1]);
}

static void put_first_integers(struct gv_histogram_encoder *e, struct bit_writer *w, const struct gv_histogram *h)
{
    e->count.value = (uint64_t)h->count;
    e->zero_count.value = (uint64_t)h->zero_count;
    varbit_put_uint(w, e->count.value);
    varbit_put_uint(w, e->zero_count.value);
    put_whole(w, &e->sum, h->sum);
    for (size_t i = 0; i < layout_buckets(&e->layout); i++) {
        e->buckets[i].value = rise(e, i);
        varbit_put_int(w, (int64_t)e->buckets[i].value);
    }
}

static void put_next_integers(struct gv_histogram_encoder *e, struct bit_writer *w, const struct gv_histogram *h,
                              bool stale)
{
    if (stale) {
        bits_put(w, 0, 2); /* no change of either count's change */
        xor_put(w, &e->sum, h->sum);
        return;
    }
    put_change(w, &e->count, (uint64_t)h->count);
    put_change(w, &e->zero_count, (uint64_t)h->zero_count);
    xor_put(w, &e->sum, h->sum);
    for (size_t i = 0; i < layout_buckets(&e->layout); i++)
        put_change(w, &e->buckets[i], rise(e, i));
}

static void put_floats(struct gv_histogram_encoder *e, struct bit_writer *w, const struct gv_histogram *h, bool stale)
{
    void (*put)(struct bit_writer *, struct xor_value *, double) = e->n ? xor_put : put_whole;
    put(w, &e->float_count, h->count);
    put(w, &e->float_zero, h->zero_count);
    put(w, &e->sum, h->sum);
    for (size_t i = 0; !stale && i < layout_buckets(&e->layout); i++)
        put(w, &e->float_buckets[i], e->aligned[i]);
}

static void put_sample(struct gv_histogram_encoder *e, int64_t time, const struct gv_histogram *h, bool stale)
{
    struct bit_writer w = {&e->bytes, e->used};
    if (e->n) {
        put_change(&w, &e->time, (uint64_t)time);
    } else {
        layout_put(&w, &e->layout);
        varbit_put_int(&w, time);
        e->time.value = (uint64_t)time;
    }
    if (e->encoding == GV_CHUNK_FLOAT_HISTOGRAM)
        put_floats(e, &w, h, stale);
    else if (e->n)
        put_next_integers(e, &w, h, stale);
    else
        put_first_integers(e, &w, h);
    e->used = w.used;
}

static void note_sample(struct gv_histogram_encoder *e, const struct gv_histogram *h, bool stale)
{
    double *counts = e->last;
    e->last = e->aligned;
    e->aligned = counts;
    e->last_count = h->count;
    e->last_zero = h->zero_count;
    e->stale = stale;
    e->n++;
    e->bytes.p[0] = (char)(e->n >> 8);
    e->bytes.p[1] = (char)e->n;
}

enum gv_chunk_append gv_histogram_encoder_append(struct gv_histogram_encoder *e, int64_t time,
                                                 const struct gv_histogram *h)
{
    bool stale = gv_is_stale(h->sum);
    const struct gv_histogram marker = {.sum = h->sum};
    if (stale)
        h = &marker;
    if (e->n == GV_CHUNK_MAX_SAMPLES)
        return GV_CHUNK_FULL;
    if (!e->n && !can_hold(e, h))
        return GV_CHUNK_DIFFERS;
    if (!e->n)
        begin(e, h);
    enum gv_chunk_append verdict = e->n && !stale ? fit(e, h) : GV_CHUNK_APPENDED;
    if (verdict != GV_CHUNK_APPENDED)
        return verdict;
    put_sample(e, time, h, stale);
    note_sample(e, h, stale);
    return GV_CHUNK_APPENDED;
}

static enum gv_chunk_reset reset_of(uint8_t header)
{
    switch (header & HEADER_MASK) {
    case HEADER_GAUGE:
        return GV_CHUNK_GAUGE;
    case HEADER_RESET_YES:
        return GV_CHUNK_RESET_YES;
    case HEADER_RESET_NO:
        return GV_CHUNK_RESET_NO;
    default:
        return GV_CHUNK_RESET_UNKNOWN;
    }
}

static bool append_all(struct gv_histogram_encoder *e, struct gv_arena *a, const uint8_t *data, size_t size,
                       struct gv_err *err)
{
    uint32_t n = gv_chunk_samples(data, size);
    int64_t *times = gv_arena_array(a, int64_t, n);
    const struct gv_histogram **histograms = gv_arena_array(a, const struct gv_histogram *, n);
    if (!gv_histogram_chunk_decode(a, e->encoding, data, size, times, histograms, err))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (gv_histogram_encoder_append(e, times[i], histograms[i]) != GV_CHUNK_APPENDED)
            return gv_fail(err, GV_INTERNAL,
                           "a damaged histogram chunk: sample %u of %u does not follow the one before", i + 1, n);
    return true;
}

struct gv_histogram_encoder *gv_histogram_encoder_resume(enum gv_chunk_encoding encoding, const uint8_t *data,
                                                         size_t size, struct gv_err *err)
{
    struct gv_arena scratch;
    gv_arena_init(&scratch, NULL);
    uint8_t header = size < HISTOGRAM_HEADER ? 0 : data[2];
    struct gv_histogram_encoder *e = gv_histogram_encoder_new(encoding, reset_of(header));
    bool ok = append_all(e, &scratch, data, size, err);
    gv_arena_fini(&scratch);
    if (ok)
        return e;
    gv_histogram_encoder_free(e);
    return NULL;
}
