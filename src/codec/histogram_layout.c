#include "codec/histogram_layout.h"
#include <math.h>

static bool is_custom(const struct layout *l)
{
    return l->schema == GV_HISTOGRAM_CUSTOM_SCHEMA;
}

void *layout_try_array(struct gv_arena *a, size_t n, size_t size, struct gv_err *err)
{
    void *p = gv_arena_try(a, n * size, err);
    if (p)
        memset(p, 0, n * size);
    return p;
}

/* Numbers the buckets; false where an index is out of all range. */
static bool make_indexes(struct layout_side *s, struct gv_arena *a, struct gv_err *err)
{
    int64_t index = 0;
    uint32_t n = 0;
    s->indexes = layout_try_array(a, s->n_buckets, sizeof *s->indexes, err);
    if (!s->indexes)
        return false;
    for (uint32_t i = 0; i < s->n_spans; i++) {
        index += s->spans[i].offset;
        if ((i && s->spans[i].offset < 0) || index < INT32_MIN || index + s->spans[i].length > INT32_MAX)
            return false;
        for (uint32_t k = 0; k < s->spans[i].length; k++)
            s->indexes[n++] = (int32_t)index++;
    }
    return true;
}

static void *copy_of(struct gv_arena *a, const void *from, size_t size)
{
    void *p = gv_arena_alloc(a, size);
    if (size)
        memcpy(p, from, size);
    return p;
}

static struct layout_side side_of(struct gv_arena *a, const struct gv_buckets *b)
{
    struct layout_side s = {
        .spans = copy_of(a, b->spans, b->n_spans * sizeof *b->spans), .n_spans = b->n_spans, .n_buckets = b->n_counts};
    struct gv_err err = {0};
    if (!make_indexes(&s, a, &err))
        gv_die("a histogram with impossible spans");
    return s;
}

void layout_of(struct layout *l, struct gv_arena *a, const struct gv_histogram *h)
{
    *l = (struct layout){.schema = h->schema,
                         .zero_threshold = h->zero_threshold,
                         .positive = side_of(a, &h->positive),
                         .negative = side_of(a, &h->negative)};
    if (is_custom(l)) {
        l->bounds = copy_of(a, h->bounds, h->n_bounds * sizeof *h->bounds);
        l->n_bounds = h->n_bounds;
    }
}

static bool align_side(const struct layout_side *s, const struct gv_buckets *b, double *counts)
{
    int64_t index = 0;
    uint32_t place = 0, n = 0;
    for (uint32_t i = 0; i < s->n_buckets; i++)
        counts[i] = 0;
    for (uint32_t i = 0; i < b->n_spans; i++) {
        index += b->spans[i].offset;
        for (uint32_t k = 0; k < b->spans[i].length; k++, index++) {
            while (place < s->n_buckets && s->indexes[place] < index)
                place++;
            if (place == s->n_buckets || s->indexes[place] != index)
                return false;
            counts[place] = b->counts[n++];
        }
    }
    return true;
}

static bool same_doubles(const double *a, const double *b, size_t n)
{
    return n == 0 || memcmp(a, b, n * sizeof *a) == 0;
}

bool layout_align(const struct layout *l, const struct gv_histogram *h, double *counts)
{
    return l->schema == h->schema && same_doubles(&l->zero_threshold, &h->zero_threshold, 1) &&
           (!is_custom(l) || (l->n_bounds == h->n_bounds && same_doubles(l->bounds, h->bounds, l->n_bounds))) &&
           align_side(&l->positive, &h->positive, counts) &&
           align_side(&l->negative, &h->negative, counts + l->positive.n_buckets);
}

static double double_of(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void put_double(struct bit_writer *w, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits_put(w, bits, 64);
}

/* One byte: 0 is zero; 1 to 254 are powers of two from 2^-243 to 2^10; 255 stands before the eight bytes of any other.
 */
enum { THRESHOLD_ZERO = 0, THRESHOLD_OTHER = 255, THRESHOLD_BIAS = 243 };

static void put_threshold(struct bit_writer *w, double v)
{
    int exponent;
    double fraction = frexp(v, &exponent);
    if (v == 0) {
        bits_put(w, THRESHOLD_ZERO, 8);
    } else if (fraction == 0.5 && exponent >= -242 && exponent <= 11) {
        bits_put(w, (uint8_t)(exponent + THRESHOLD_BIAS), 8);
    } else {
        bits_put(w, THRESHOLD_OTHER, 8);
        put_double(w, v);
    }
}

static double take_threshold(struct bit_reader *r)
{
    unsigned byte = (unsigned)bits_take(r, 8);
    if (byte == THRESHOLD_OTHER)
        return double_of(bits_take_long(r, 64));
    return byte == THRESHOLD_ZERO ? 0 : ldexp(0.5, (int)byte - THRESHOLD_BIAS);
}

static void put_side(struct bit_writer *w, const struct layout_side *s)
{
    varbit_put_uint(w, s->n_spans);
    for (uint32_t i = 0; i < s->n_spans; i++) {
        varbit_put_uint(w, s->spans[i].length);
        varbit_put_int(w, s->spans[i].offset);
    }
}

/* Whether so many things, of at least one bit each, can still come. */
static bool can_come(const struct bit_reader *r, uint64_t n)
{
    return n <= bits_left(r);
}

static bool take_side(struct layout_side *s, struct gv_arena *a, struct bit_reader *r, struct gv_err *err)
{
    uint64_t n = varbit_take_uint(r), buckets = 0;
    if (!can_come(r, n))
        return false;
    s->n_spans = (uint32_t)n;
    s->spans = layout_try_array(a, n, sizeof *s->spans, err);
    if (!s->spans)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t length = varbit_take_uint(r);
        int64_t offset = varbit_take_int(r);
        buckets += length;
        if (!can_come(r, length) || !can_come(r, buckets) || offset < INT32_MIN || offset > INT32_MAX)
            return false;
        s->spans[i] = (struct gv_span){(int32_t)offset, (uint32_t)length};
    }
    s->n_buckets = (uint32_t)buckets;
    return make_indexes(s, a, err);
}

/* Multiples of 0.001 up to 33554.430 are written as integers, plus one; 0 stands before the eight bytes of any other.
 */
static void put_bound(struct bit_writer *w, double v)
{
    double scaled = v * 1000, whole = round(scaled);
    if (scaled >= 0 && scaled <= 33554430 && whole / 1000 == v) {
        varbit_put_uint(w, (uint64_t)whole + 1);
    } else {
        varbit_put_uint(w, 0);
        put_double(w, v);
    }
}

static double take_bound(struct bit_reader *r)
{
    uint64_t v = varbit_take_uint(r);
    return v ? (double)(v - 1) / 1000 : double_of(bits_take_long(r, 64));
}

static bool take_bounds(struct layout *l, struct gv_arena *a, struct bit_reader *r, struct gv_err *err)
{
    uint64_t n = varbit_take_uint(r);
    if (!can_come(r, n))
        return false;
    l->n_bounds = (uint32_t)n;
    l->bounds = layout_try_array(a, n, sizeof *l->bounds, err);
    if (!l->bounds)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        l->bounds[i] = take_bound(r);
        if (isnan(l->bounds[i]) || (i && !(l->bounds[i] > l->bounds[i - 1])))
            return false;
    }
    const struct layout_side *p = &l->positive;
    return !l->negative.n_buckets &&
           (!p->n_buckets || (p->indexes[0] >= 0 && (uint32_t)p->indexes[p->n_buckets - 1] <= l->n_bounds));
}

void layout_put(struct bit_writer *w, const struct layout *l)
{
    put_threshold(w, l->zero_threshold);
    varbit_put_int(w, l->schema);
    put_side(w, &l->positive);
    put_side(w, &l->negative);
    if (!is_custom(l))
        return;
    varbit_put_uint(w, l->n_bounds);
    for (uint32_t i = 0; i < l->n_bounds; i++)
        put_bound(w, l->bounds[i]);
}

bool layout_take(struct layout *l, struct gv_arena *a, struct bit_reader *r, struct gv_err *err)
{
    enum { SCHEMA_RESERVED = 52 }; /* finer ones than those in use today */
    *l = (struct layout){.zero_threshold = take_threshold(r)};
    int64_t schema = varbit_take_int(r);
    l->schema = (int32_t)schema;
    bool exponential = schema >= GV_HISTOGRAM_SCHEMA_MIN && schema <= SCHEMA_RESERVED;
    if (!(l->zero_threshold >= 0 && isfinite(l->zero_threshold)) ||
        (!exponential && schema != GV_HISTOGRAM_CUSTOM_SCHEMA) || !take_side(&l->positive, a, r, err) ||
        !take_side(&l->negative, a, r, err))
        return false;
    return (exponential || take_bounds(l, a, r, err)) && !bits_overrun(r);
}
