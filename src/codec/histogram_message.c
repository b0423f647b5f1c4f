/* A Histogram message is read twice: once for its numbers and the sizes of its arrays, once to fill them. One block
 * holds the histogram, its spans, counts and bounds. */
#include "codec/histogram_message.h"
#include <math.h>

enum {
    COUNT_INT = 1,
    COUNT_FLOAT = 2,
    SUM = 3,
    SCHEMA = 4,
    ZERO_THRESHOLD = 5,
    ZERO_COUNT_INT = 6,
    ZERO_COUNT_FLOAT = 7,
    NEGATIVE_SPANS = 8,
    NEGATIVE_DELTAS = 9,
    NEGATIVE_COUNTS = 10,
    POSITIVE_SPANS = 11,
    POSITIVE_DELTAS = 12,
    POSITIVE_COUNTS = 13,
    RESET_HINT = 14,
    TIMESTAMP = 15,
    CUSTOM_VALUES = 16,
    START_TIMESTAMP = 17 /* remote write 2.0 */
};
enum { SPAN_OFFSET = 1, SPAN_LENGTH = 2 };
enum { FINEST_SCHEMA = 52 }; /* that the protocol knows; those above 8 are reduced */

struct side {
    struct gv_span *spans;
    double *counts;
    size_t n_spans, n_counts;
    size_t n_deltas, n_floats; /* as the message has them: one of the two is the counts */
    int64_t running;           /* sum of the deltas so far: the count in hand */
    uint64_t total;            /* of the counts, where they are integers */
};

struct message {
    struct gv_histogram *h;
    struct side side[2]; /* positive, negative */
    double *bounds;
    size_t n_bounds;
    bool is_float, has_negative;
    uint64_t count, zero_count; /* where they are integers */
    int64_t time, start;
};

/* ---- First reading ---- */

static void measure_number(struct pb_reader *r, const struct pb_field *f, struct message *m, struct gv_histogram *h)
{
    bool is_fixed =
        f->number == COUNT_FLOAT || f->number == SUM || f->number == ZERO_THRESHOLD || f->number == ZERO_COUNT_FLOAT;
    if (!pb_is(r, f, is_fixed ? PB_FIXED64 : PB_VARINT))
        return;
    if (f->number == COUNT_INT || f->number == COUNT_FLOAT) {
        m->is_float = is_fixed;
        m->count = f->value;
        h->count = is_fixed ? pb_double(f->value) : (double)f->value;
    } else if (f->number == ZERO_COUNT_INT || f->number == ZERO_COUNT_FLOAT) {
        m->zero_count = is_fixed ? 0 : f->value;
        h->zero_count = is_fixed ? pb_double(f->value) : (double)f->value;
    } else if (f->number == SUM) {
        h->sum = pb_double(f->value);
    } else if (f->number == ZERO_THRESHOLD) {
        h->zero_threshold = pb_double(f->value);
    } else if (f->number == SCHEMA) {
        h->schema = (int32_t)pb_zigzag(f->value);
    } else if (f->number == RESET_HINT) {
        h->reset_hint = f->value <= GV_RESET_GAUGE ? (enum gv_reset_hint)f->value : GV_RESET_UNKNOWN;
    } else {
        m->time = (int64_t)f->value;
    }
}

static void measure(struct pb_reader *r, struct message *m, struct gv_histogram *h)
{
    for (struct pb_field f; pb_next(r, &f);) {
        struct side *s =
            &m->side[f.number == NEGATIVE_SPANS || f.number == NEGATIVE_DELTAS || f.number == NEGATIVE_COUNTS];
        switch (f.number) {
        case NEGATIVE_SPANS:
        case POSITIVE_SPANS:
            s->n_spans += pb_is(r, &f, PB_BYTES);
            break;
        case NEGATIVE_DELTAS:
        case POSITIVE_DELTAS:
            s->n_deltas += pb_count(r, &f, PB_VARINT);
            break;
        case NEGATIVE_COUNTS:
        case POSITIVE_COUNTS:
            s->n_floats += pb_count(r, &f, PB_FIXED64);
            break;
        case CUSTOM_VALUES:
            m->n_bounds += pb_count(r, &f, PB_FIXED64);
            break;
        case START_TIMESTAMP: /* unknown to 1.0, where it may be anything */
            m->start = f.wire == PB_VARINT ? (int64_t)f.value : 0;
            break;
        default:
            if (f.number <= CUSTOM_VALUES)
                measure_number(r, &f, m, h);
        }
    }
}

static bool place(struct message *m, struct gv_arena *a, const struct gv_histogram *h, struct gv_err *err)
{
    size_t spans = 0, doubles = m->n_bounds;
    for (int i = 0; i < 2; i++) {
        struct side *s = &m->side[i];
        s->n_counts = m->is_float ? s->n_floats : s->n_deltas;
        spans += s->n_spans;
        doubles += s->n_counts;
    }
    char *block = gv_arena_try(a, sizeof *m->h + doubles * sizeof(double) + spans * sizeof(struct gv_span), err);
    if (!block)
        return false;
    m->h = (struct gv_histogram *)block;
    *m->h = *h;
    m->side[0].counts = (double *)(m->h + 1);
    m->side[1].counts = m->side[0].counts + m->side[0].n_counts;
    m->bounds = m->side[1].counts + m->side[1].n_counts;
    m->side[0].spans = (struct gv_span *)(m->bounds + m->n_bounds);
    m->side[1].spans = m->side[0].spans + m->side[0].n_spans;
    return true;
}

/* ---- Second reading: sizes start at 0 again and count what is filled ---- */

static bool fill_span(struct side *s, struct gv_slice message, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    struct gv_span span = {0, 0};
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number == SPAN_OFFSET && pb_is(&r, &f, PB_VARINT))
            span.offset = (int32_t)pb_zigzag(f.value);
        else if (f.number == SPAN_LENGTH && pb_is(&r, &f, PB_VARINT))
            span.length = (uint32_t)f.value;
    }
    s->spans[s->n_spans++] = span;
    return pb_done(&r, "BucketSpan", err);
}

static void add_delta(struct side *s, uint64_t delta)
{
    s->running = (int64_t)((uint64_t)s->running + (uint64_t)pb_zigzag(delta));
    s->counts[s->n_counts++] = (double)s->running;
    s->total += (uint64_t)s->running;
}

static void fill_deltas(struct side *s, const struct pb_field *f)
{
    if (f->wire == PB_VARINT) {
        add_delta(s, f->value);
        return;
    }
    struct pb_reader packed = pb_read(f->bytes);
    for (uint64_t delta; packed.at < packed.end && pb_varint(&packed, &delta);)
        add_delta(s, delta);
}

static size_t fill_doubles(const struct pb_field *f, double *to)
{
    pb_doubles(f, to);
    return f->wire == PB_BYTES ? f->bytes.n / sizeof *to : 1;
}

static bool fill(struct gv_slice text, struct message *m, struct gv_err *err)
{
    struct pb_reader r = pb_read(text);
    for (int i = 0; i < 2; i++)
        m->side[i].n_spans = m->side[i].n_counts = 0;
    m->n_bounds = 0;
    for (struct pb_field f; pb_next(&r, &f);) {
        struct side *s = &m->side[f.number <= NEGATIVE_COUNTS];
        if (f.number == POSITIVE_SPANS || f.number == NEGATIVE_SPANS) {
            if (!fill_span(s, f.bytes, err))
                return false;
        } else if (f.number == POSITIVE_DELTAS || f.number == NEGATIVE_DELTAS) {
            if (!m->is_float)
                fill_deltas(s, &f);
        } else if (f.number == POSITIVE_COUNTS || f.number == NEGATIVE_COUNTS) {
            if (m->is_float)
                s->n_counts += fill_doubles(&f, s->counts + s->n_counts);
        } else if (f.number == CUSTOM_VALUES) {
            m->n_bounds += fill_doubles(&f, m->bounds + m->n_bounds);
        }
    }
    return true;
}

/* ---- What the rest of the program relies on ---- */

/* Spans go upwards, within 32 bits, and name as many buckets as there are counts. */
static bool check_side(const struct side *s, struct gv_err *err)
{
    int64_t index = 0;
    uint64_t buckets = 0;
    for (size_t i = 0; i < s->n_spans; i++) {
        if (i && s->spans[i].offset < 0)
            return gv_fail(err, GV_BAD_DATA, "Histogram: spans overlap");
        index += s->spans[i].offset;
        buckets += s->spans[i].length;
        if (index <= INT32_MIN || index + s->spans[i].length >= INT32_MAX)
            return gv_fail(err, GV_BAD_DATA, "Histogram: a span out of range");
        index += s->spans[i].length;
    }
    return buckets == s->n_counts || gv_fail(err, GV_BAD_DATA, "Histogram: spans of %llu buckets, but %zu counts",
                                             (unsigned long long)buckets, s->n_counts);
}

static bool check_custom(const struct message *m, struct gv_err *err)
{
    const struct side *s = &m->side[0];
    int64_t end = 0;
    for (size_t i = 0; i < s->n_spans; i++)
        end += s->spans[i].offset + (int64_t)s->spans[i].length;
    if (m->side[1].n_spans || (s->n_spans && s->spans[0].offset < 0) || end > (int64_t)m->n_bounds + 1)
        return gv_fail(err, GV_BAD_DATA, "Histogram: buckets beyond its custom bounds");
    for (size_t i = 1; i < m->n_bounds; i++)
        if (!(m->bounds[i - 1] < m->bounds[i]))
            return gv_fail(err, GV_BAD_DATA, "Histogram: custom bounds that do not increase");
    return true;
}

static bool check(const struct message *m, struct gv_err *err)
{
    int32_t schema = m->h->schema;
    bool custom = schema == GV_HISTOGRAM_CUSTOM_SCHEMA;
    if (!custom && (schema < GV_HISTOGRAM_SCHEMA_MIN || schema > FINEST_SCHEMA))
        return gv_fail(err, GV_BAD_DATA, "Histogram: schema %d, which is not known here", schema);
    return check_side(&m->side[0], err) && check_side(&m->side[1], err) && (!custom || check_custom(m, err));
}

static bool any_negative(const struct message *m)
{
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < m->side[i].n_counts; k++)
            if (m->side[i].counts[k] < 0)
                return true;
    return m->h->count < 0 || m->h->zero_count < 0;
}

/* The last bucket goes to infinity by itself, and the ones below all bounds are the first's. */
static bool check_custom_numbers(const struct message *m, struct gv_err *err)
{
    if (m->h->zero_count != 0 || m->h->zero_threshold != 0)
        return gv_fail(err, GV_BAD_DATA, "Histogram: a zero bucket beside custom bounds");
    return !m->n_bounds || (m->bounds[0] > -INFINITY && m->bounds[m->n_bounds - 1] < INFINITY) ||
           gv_fail(err, GV_BAD_DATA, "Histogram: custom bounds that are not finite");
}

/* What a sender must keep. Sums of floats are no proof: they are not compared. */
static bool check_counts(const struct message *m, struct gv_err *err)
{
    if (any_negative(m))
        return gv_fail(err, GV_BAD_DATA, "Histogram: a negative count");
    if (gv_histogram_is_custom(m->h) && !check_custom_numbers(m, err))
        return false;
    if (m->is_float)
        return true;
    uint64_t total = m->zero_count + m->side[0].total + m->side[1].total;
    bool fits = isnan(m->h->sum) ? total <= m->count : total == m->count;
    return fits || gv_fail(err, GV_BAD_DATA, "Histogram: a count of %llu, but %llu observations in its buckets",
                           (unsigned long long)m->count, (unsigned long long)total);
}

static struct gv_buckets buckets_of(const struct side *s)
{
    return (struct gv_buckets){s->spans, s->counts, (uint32_t)s->n_spans, (uint32_t)s->n_counts};
}

bool pb_parse_histogram(struct gv_arena *a, struct gv_slice text, struct pb_histogram *out, struct gv_err *err)
{
    struct pb_reader r = pb_read(text);
    struct message m = {0};
    struct gv_histogram numbers = {0};
    *out = (struct pb_histogram){.h = NULL};
    measure(&r, &m, &numbers);
    if (!pb_done(&r, "Histogram", err) || !place(&m, a, &numbers, err) || !fill(text, &m, err))
        return false;
    out->time = m.time;
    out->start = m.start;
    if (!check(&m, &out->fault))
        return true;
    m.h->positive = buckets_of(&m.side[0]);
    m.h->negative = buckets_of(&m.side[1]);
    if (gv_histogram_is_custom(m.h)) {
        m.h->bounds = m.bounds;
        m.h->n_bounds = (uint32_t)m.n_bounds;
    }
    (void)check_counts(&m, &out->fault);
    out->h = m.h->schema > GV_HISTOGRAM_SCHEMA_MAX ? gv_histogram_reduce(a, m.h, GV_HISTOGRAM_SCHEMA_MAX) : m.h;
    return true;
}

const struct gv_histogram *pb_read_histogram(struct gv_arena *a, struct gv_slice text, int64_t *time,
                                             struct gv_err *err)
{
    struct pb_histogram parsed;
    if (!pb_parse_histogram(a, text, &parsed, err))
        return NULL;
    if (!parsed.h)
        gv_fail(err, parsed.fault.code, "%s", parsed.fault.msg);
    *time = parsed.time;
    return parsed.h;
}

/* ---- Writing ---- */

static void put_side(struct gv_buf *out, const struct gv_buckets *b, uint32_t spans_field, uint32_t counts_field)
{
    for (uint32_t i = 0; i < b->n_spans; i++) {
        struct gv_buf span = GV_BUF_INIT;
        pb_put_sint(&span, SPAN_OFFSET, b->spans[i].offset);
        pb_put_uint(&span, SPAN_LENGTH, b->spans[i].length);
        pb_put_bytes(out, spans_field, gv_buf_slice(&span));
        gv_buf_fini(&span);
    }
    pb_put_text(out, counts_field, (struct gv_slice){(const char *)b->counts, b->n_counts * sizeof *b->counts});
}

void pb_put_histogram(struct gv_buf *out, uint32_t field, int64_t time, const struct gv_histogram *h)
{
    struct gv_buf b = GV_BUF_INIT;
    pb_put_double(&b, COUNT_FLOAT, h->count);
    pb_put_double(&b, SUM, h->sum);
    pb_put_sint(&b, SCHEMA, h->schema);
    pb_put_double(&b, ZERO_THRESHOLD, h->zero_threshold);
    pb_put_double(&b, ZERO_COUNT_FLOAT, h->zero_count);
    put_side(&b, &h->negative, NEGATIVE_SPANS, NEGATIVE_COUNTS);
    put_side(&b, &h->positive, POSITIVE_SPANS, POSITIVE_COUNTS);
    pb_put_uint(&b, RESET_HINT, h->reset_hint);
    pb_put_int(&b, TIMESTAMP, time);
    pb_put_text(&b, CUSTOM_VALUES, (struct gv_slice){(const char *)h->bounds, h->n_bounds * sizeof *h->bounds});
    pb_put_bytes(out, field, gv_buf_slice(&b));
    gv_buf_fini(&b);
}
