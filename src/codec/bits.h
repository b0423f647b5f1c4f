/* Bit streams, the most significant bit first, as Prometheus's chunks are made of them. Pure; one owner.
 * A reader may run over the end: it then reads zeros, and bits_overrun tells. */
#pragma once
#include "base/buf.h"

static inline uint64_t bits_swap(uint64_t big_endian)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return __builtin_bswap64(big_endian);
#else
    return big_endian;
#endif
}

/* ---- writing ---- */

struct bit_writer {
    struct gv_buf *out;
    unsigned used; /* bits of the last byte; 0: all of them */
};

static inline void bits_store(char *to, uint64_t v)
{
    v = bits_swap(v);
    memcpy(to, &v, sizeof v);
}

/* The n low bits of v, 1 <= n <= 64. */
static inline void bits_put(struct bit_writer *w, uint64_t v, unsigned n)
{
    gv_buf_reserve(w->out, 2 * sizeof v);
    uint64_t top = v << (64 - n); /* the first bit first */
    unsigned total = w->used + n;
    char *last = w->out->p + w->out->n - (w->used != 0);
    uint64_t begun = w->used ? (uint64_t)(unsigned char)*last << 56 : 0;
    bits_store(last, begun | top >> w->used);
    if (total > 64)
        last[8] = (char)(top << (64 - w->used) >> 56);
    w->out->n = (size_t)(last - w->out->p) + (total + 7) / 8;
    w->used = total % 8;
}

/* ---- reading ---- */

struct bit_reader {
    const uint8_t *data;
    size_t size; /* bytes */
    uint64_t at; /* bits */
};

static inline uint64_t bits_load_end(const struct bit_reader *r, size_t byte)
{
    uint64_t v = 0;
    for (size_t i = 0; i < 8; i++)
        v = v << 8 | (byte + i < r->size ? r->data[byte + i] : 0);
    return v;
}

enum { BITS_PEEKED = 57 };
/* The next bits at the top, at least BITS_PEEKED of them. */
static inline uint64_t bits_peek(const struct bit_reader *r)
{
    uint64_t v;
    size_t byte = r->at / 8;
    if (__builtin_expect(byte + sizeof v <= r->size, 1)) {
        memcpy(&v, r->data + byte, sizeof v);
        v = bits_swap(v);
    } else {
        v = bits_load_end(r, byte);
    }
    return v << r->at % 8;
}

/* 1 <= n <= BITS_PEEKED */
static inline uint64_t bits_take(struct bit_reader *r, unsigned n)
{
    uint64_t v = bits_peek(r) >> (64 - n);
    r->at += n;
    return v;
}

/* 1 <= n <= 64 */
static inline uint64_t bits_take_long(struct bit_reader *r, unsigned n)
{
    if (n <= BITS_PEEKED)
        return bits_take(r, n);
    uint64_t high = bits_take(r, 32);
    return high << (n - 32) | bits_take(r, n - 32);
}

static inline uint64_t bits_left(const struct bit_reader *r)
{
    return r->at < (uint64_t)r->size * 8 ? (uint64_t)r->size * 8 - r->at : 0;
}

static inline bool bits_overrun(const struct bit_reader *r)
{
    return r->at > (uint64_t)r->size * 8;
}

/* n bits that mean -(2^(n-1)-1) .. 2^(n-1), so that 2^(n-1) is the one with only its first bit set. */
static inline int64_t bits_signed(uint64_t v, unsigned n)
{
    return (int64_t)(n < 64 && v > UINT64_C(1) << (n - 1) ? v - (UINT64_C(1) << n) : v);
}
static inline bool bits_fit_signed(int64_t v, unsigned n)
{
    int64_t most = INT64_C(1) << (n - 1);
    return -(most - 1) <= v && v <= most;
}
