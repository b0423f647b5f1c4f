/* One chunk in, its histograms out, all of them sharing the spans and bounds of the chunk's layout. */
#include "codec/chunk_histogram.h"
#include "codec/chunk_xor.h"
#include "codec/histogram_samples.h"

struct state {
    struct gv_arena *arena;
    enum gv_chunk_encoding encoding;
    struct bit_reader r;
    struct layout layout;
    bool gauge;
    uint32_t n; /* samples read */
    struct counter time, count, zero_count, *buckets;
    struct xor_value sum, float_count, float_zero, *float_buckets;
};

static bool begin(struct state *s, struct gv_err *err)
{
    if (!layout_take(&s->layout, s->arena, &s->r, err))
        return false;
    size_t n = layout_buckets(&s->layout);
    if (s->encoding == GV_CHUNK_FLOAT_HISTOGRAM)
        s->float_buckets = layout_try_array(s->arena, n, sizeof *s->float_buckets, err);
    else
        s->buckets = layout_try_array(s->arena, n, sizeof *s->buckets, err);
    return s->float_buckets || s->buckets;
}

static uint64_t take_change(struct bit_reader *r, struct counter *c)
{
    c->delta += (uint64_t)varbit_take_int(r);
    c->value += c->delta;
    return c->value;
}

/* A counter's first value has no change yet: the second one's is written whole. */
static uint64_t take_integer(struct state *s, struct counter *c, bool is_signed)
{
    if (s->n)
        return take_change(&s->r, c);
    c->value = is_signed ? (uint64_t)varbit_take_int(&s->r) : varbit_take_uint(&s->r);
    return c->value;
}

static bool take_double(struct state *s, struct xor_value *x)
{
    if (s->n)
        return xor_take(&s->r, x);
    x->bits = bits_take_long(&s->r, 64);
    return true;
}

static bool take_integers(struct state *s, struct gv_histogram *h, double *counts)
{
    h->count = (double)take_integer(s, &s->count, false);
    h->zero_count = (double)take_integer(s, &s->zero_count, false);
    if (!take_double(s, &s->sum))
        return false;
    h->sum = xor_double(&s->sum);
    int64_t total = 0;
    for (size_t i = 0; i < layout_buckets(&s->layout) && !gv_is_stale(h->sum); i++) {
        if (i == s->layout.positive.n_buckets)
            total = 0;
        total = (int64_t)((uint64_t)total + take_integer(s, &s->buckets[i], true));
        counts[i] = (double)total;
    }
    return true;
}

static bool take_floats(struct state *s, struct gv_histogram *h, double *counts)
{
    if (!take_double(s, &s->float_count) || !take_double(s, &s->float_zero) || !take_double(s, &s->sum))
        return false;
    h->count = xor_double(&s->float_count);
    h->zero_count = xor_double(&s->float_zero);
    h->sum = xor_double(&s->sum);
    for (size_t i = 0; i < layout_buckets(&s->layout) && !gv_is_stale(h->sum); i++) {
        if (!take_double(s, &s->float_buckets[i]))
            return false;
        counts[i] = xor_double(&s->float_buckets[i]);
    }
    return true;
}

static struct gv_buckets buckets_of(const struct layout_side *s, const double *counts)
{
    return (struct gv_buckets){s->spans, counts, s->n_spans, s->n_buckets};
}

static enum gv_reset_hint hint_of(const struct state *s)
{
    return s->gauge ? GV_RESET_GAUGE : s->n ? GV_RESET_NO : GV_RESET_UNKNOWN;
}

static const struct gv_histogram *finish(const struct state *s, struct gv_histogram *h, const double *counts)
{
    if (gv_is_stale(h->sum)) {
        *h = (struct gv_histogram){.sum = h->sum};
        return h;
    }
    h->schema = s->layout.schema;
    h->reset_hint = hint_of(s);
    h->zero_threshold = s->layout.zero_threshold;
    h->positive = buckets_of(&s->layout.positive, counts);
    h->negative = buckets_of(&s->layout.negative, counts + s->layout.positive.n_buckets);
    h->bounds = s->layout.bounds;
    h->n_bounds = s->layout.n_bounds;
    return h->schema > GV_HISTOGRAM_SCHEMA_MAX ? gv_histogram_reduce(s->arena, h, GV_HISTOGRAM_SCHEMA_MAX) : h;
}

static bool damaged(const struct state *s, uint32_t total, struct gv_err *err)
{
    return gv_fail(err, GV_INTERNAL, "a damaged histogram chunk: sample %u of %u in %zu bytes", s->n + 1, total,
                   s->r.size + HISTOGRAM_HEADER);
}

static bool take_sample(struct state *s, uint32_t total, int64_t *time, const struct gv_histogram **histogram,
                        struct gv_err *err)
{
    struct gv_histogram *h = gv_arena_try(s->arena, sizeof *h + layout_buckets(&s->layout) * sizeof(double), err);
    if (!h)
        return false;
    *h = (struct gv_histogram){.schema = 0};
    double *counts = (double *)(void *)(h + 1);
    *time = (int64_t)take_integer(s, &s->time, true);
    bool ok = s->encoding == GV_CHUNK_FLOAT_HISTOGRAM ? take_floats(s, h, counts) : take_integers(s, h, counts);
    if (!ok || bits_overrun(&s->r))
        return damaged(s, total, err);
    *histogram = finish(s, h, counts);
    return true;
}

bool gv_histogram_chunk_decode(struct gv_arena *a, enum gv_chunk_encoding encoding, const uint8_t *data, size_t size,
                               int64_t *times, const struct gv_histogram **histograms, struct gv_err *err)
{
    if (size < HISTOGRAM_HEADER)
        return gv_fail(err, GV_INTERNAL, "a histogram chunk of %zu bytes", size);
    uint32_t total = gv_chunk_samples(data, size);
    struct state s = {.arena = a,
                      .encoding = encoding,
                      .r = {.data = data + HISTOGRAM_HEADER, .size = size - HISTOGRAM_HEADER},
                      .gauge = (data[2] & HEADER_MASK) == HEADER_GAUGE};
    if (total && !begin(&s, err))
        return damaged(&s, total, err);
    for (; s.n < total; s.n++)
        if (!take_sample(&s, total, &times[s.n], &histograms[s.n], err))
            return false;
    return true;
}
