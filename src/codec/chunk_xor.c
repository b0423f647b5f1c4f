/* Times are whole for the first sample, a difference for the second, and from the third on the difference of the
 * differences in one of five sizes:
 *
 *   0 | 10 14 bits | 110 17 bits | 1110 20 bits | 1111 64 bits
 *
 * Values are in xor_value.h. A steady series costs two bits a sample. */
#include "codec/chunk_xor.h"
#include "codec/xor_value.h"

enum { HEADER = GV_XOR_HEADER };
static const unsigned sizes[] = {0, 14, 17, 20, 64}; /* by the number of ones in front */

uint32_t gv_chunk_samples(const uint8_t *data, size_t size)
{
    return size < HEADER ? 0 : (uint32_t)(data[0] << 8 | data[1]);
}

void gv_xor_state_init(struct gv_xor_state *s)
{
    *s = (struct gv_xor_state){.leading = XOR_NO_WINDOW};
}

void gv_xor_encoder_init(struct gv_xor_encoder *e)
{
    *e = (struct gv_xor_encoder){0};
    gv_xor_state_init(&e->state);
    gv_buf_add(&e->bytes, "\0", HEADER);
}

void gv_xor_encoder_fini(struct gv_xor_encoder *e)
{
    gv_buf_fini(&e->bytes);
}

static void put_uvarint(struct bit_writer *w, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        bits_put(w, (v & 0x7f) | 0x80, 8);
    bits_put(w, v, 8);
}

static uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1 ^ -(v & 1));
}

static void put_change(struct bit_writer *w, int64_t change)
{
    if (!change) {
        bits_put(w, 0, 1);
        return;
    }
    unsigned ones = 1;
    while (ones < 4 && !bits_fit_signed(change, sizes[ones]))
        ones++;
    if (ones < 4)
        bits_put(w, (UINT64_C(1) << (ones + 1)) - 2, ones + 1);
    else
        bits_put(w, 15, 4);
    bits_put(w, (uint64_t)change, sizes[ones]);
}

static void put_time(struct bit_writer *w, struct gv_xor_state *s, int64_t time)
{
    uint64_t delta = (uint64_t)time - (uint64_t)s->time;
    if (s->n == 0)
        put_uvarint(w, zigzag(time));
    else if (s->n == 1)
        put_uvarint(w, delta);
    else
        put_change(w, (int64_t)(delta - s->delta));
    s->delta = s->n ? delta : 0;
    s->time = time;
}

static void put_value(struct bit_writer *w, struct gv_xor_state *s, double v)
{
    struct xor_value x = {s->value, s->leading, s->trailing};
    if (s->n) {
        xor_put(w, &x, v);
    } else {
        x.bits = xor_bits_of(v);
        bits_put(w, x.bits, 64);
    }
    s->value = x.bits;
    s->leading = x.leading;
    s->trailing = x.trailing;
}

size_t gv_xor_put(struct gv_xor_state *s, int64_t time, double v, uint8_t out[GV_XOR_ROOM])
{
    struct gv_buf bytes = {(char *)out, s->used != 0, GV_XOR_ROOM}; /* more than any sample needs: it never grows */
    out[0] = s->begun;
    struct bit_writer w = {&bytes, s->used};
    put_time(&w, s, time);
    put_value(&w, s, v);
    s->used = (uint8_t)w.used;
    s->begun = w.used ? out[bytes.n - 1] : 0;
    s->n++;
    return bytes.n - (w.used != 0);
}

bool gv_xor_encoder_append(struct gv_xor_encoder *e, int64_t time, double v)
{
    if (e->state.n == GV_CHUNK_MAX_SAMPLES)
        return false;
    uint8_t *to = (uint8_t *)gv_buf_reserve(&e->bytes, GV_XOR_ROOM);
    if (e->state.used)
        e->bytes.n--, to--;
    e->bytes.n += gv_xor_put(&e->state, time, v, to);
    if (e->state.used)
        e->bytes.n++;
    e->bytes.p[0] = (char)(e->state.n >> 8);
    e->bytes.p[1] = (char)e->state.n;
    return true;
}

/* ---- reading ---- */

struct state {
    struct bit_reader r;
    uint32_t n; /* samples read */
    int64_t time;
    uint64_t delta;
    struct xor_value value;
};

static bool take_uvarint(struct bit_reader *r, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = bits_take(r, 8);
        *v |= (byte & 0x7f) << shift;
        if (byte < 0x80)
            return shift < 63 || byte < 2;
    }
    return false;
}

static int64_t take_change(struct bit_reader *r)
{
    unsigned ones = (unsigned)__builtin_clzll(~bits_peek(r) | UINT64_C(1) << 59); /* 4 at most */
    r->at += ones < 4 ? ones + 1 : 4;
    return ones ? bits_signed(bits_take_long(r, sizes[ones]), sizes[ones]) : 0;
}

/* The first two samples. */
static bool take_head(struct state *s)
{
    uint64_t time;
    if (s->n == 0) {
        if (!take_uvarint(&s->r, &time))
            return false;
        s->time = unzigzag(time);
        s->value.bits = bits_take_long(&s->r, 64);
        return true;
    }
    if (!take_uvarint(&s->r, &s->delta))
        return false;
    s->time = (int64_t)((uint64_t)s->time + s->delta);
    return xor_take(&s->r, &s->value);
}

/* The two common forms are branches on their own, so that the machine may guess where the value begins. */
static inline bool take_sample(struct state *s)
{
    enum { SHORT = 16 /* 10 and 14 bits */ };
    if (__builtin_expect(s->n < 2, 0))
        return take_head(s);
    uint64_t next = bits_peek(&s->r);
    unsigned valid = BITS_PEEKED;
    if (__builtin_expect(!(next >> 63), 1)) {
        s->r.at++;
        next <<= 1;
        valid--;
    } else if (__builtin_expect(!(next >> 62 & 1), 1)) {
        s->delta += (uint64_t)bits_signed(next << 2 >> (64 - sizes[1]), sizes[1]);
        s->r.at += SHORT;
        next <<= SHORT;
        valid -= SHORT;
    } else {
        s->delta += (uint64_t)take_change(&s->r);
        next = bits_peek(&s->r);
    }
    s->time = (int64_t)((uint64_t)s->time + s->delta);
    return xor_take_peeked(&s->r, &s->value, next, valid);
}

static bool damaged(const struct state *s, uint32_t total, struct gv_err *err)
{
    return gv_fail(err, GV_INTERNAL, "a damaged XOR chunk: sample %u of %u in %zu bytes", s->n + 1, total,
                   s->r.size + HEADER);
}

static bool has_header(size_t size, struct gv_err *err)
{
    return size >= HEADER || gv_fail(err, GV_INTERNAL, "an XOR chunk of %zu bytes", size);
}

static struct state start_of(const uint8_t *data, size_t size)
{
    return (struct state){.r = {.data = data + HEADER, .size = size - HEADER}};
}

bool gv_xor_decode(const uint8_t *data, size_t size, int64_t *times, double *values, struct gv_err *err)
{
    if (!has_header(size, err))
        return false;
    uint32_t total = gv_chunk_samples(data, size);
    struct state s = start_of(data, size);
    for (; s.n < total; s.n++) {
        if (!take_sample(&s))
            return damaged(&s, total, err);
        times[s.n] = s.time;
        values[s.n] = xor_double(&s.value);
    }
    return !bits_overrun(&s.r) ||
           gv_fail(err, GV_INTERNAL, "an XOR chunk of %u samples ends after %zu bytes", total, size);
}

bool gv_xor_encoder_resume(struct gv_xor_encoder *e, const uint8_t *data, size_t size, struct gv_err *err)
{
    if (!has_header(size, err))
        return false;
    uint32_t total = gv_chunk_samples(data, size);
    struct state s = start_of(data, size);
    for (; s.n < total; s.n++)
        if (!take_sample(&s) || bits_overrun(&s.r))
            return damaged(&s, total, err);
    gv_xor_encoder_init(e);
    if (!total)
        return true;
    gv_buf_clear(&e->bytes);
    gv_buf_add(&e->bytes, data, HEADER + (size_t)((s.r.at + 7) / 8));
    e->state = (struct gv_xor_state){.time = s.time,
                                     .delta = s.delta,
                                     .value = s.value.bits,
                                     .n = (uint16_t)total,
                                     .leading = s.value.leading,
                                     .trailing = s.value.trailing,
                                     .used = (uint8_t)(s.r.at % 8)};
    if (e->state.used) { /* what is behind the last bit may be anything */
        e->bytes.p[e->bytes.n - 1] &= (char)(0xff << (8 - e->state.used));
        e->state.begun = (uint8_t)e->bytes.p[e->bytes.n - 1];
    }
    return true;
}
