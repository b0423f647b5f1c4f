/* Doubles one after the other, each as its difference in bits from the one before (Prometheus: tsdb/chunkenc, the
 * "Gorilla" paper, section 4.1.3):
 *
 *   0                                      the same
 *   10 significant bits                    in the window of the difference before
 *   11 leading:5 length:6 significant bits in a window of its own; a length of 64 is written as 0 */
#pragma once
#include "codec/bits.h"

enum { XOR_NO_WINDOW = 0xff };

struct xor_value {
    uint64_t bits;
    uint8_t leading, trailing; /* zeros outside the window */
};

static inline uint64_t xor_bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}
static inline double xor_double(const struct xor_value *x)
{
    double v;
    memcpy(&v, &x->bits, sizeof v);
    return v;
}

static inline void xor_put(struct bit_writer *w, struct xor_value *x, double v)
{
    uint64_t difference = x->bits ^ xor_bits_of(v);
    x->bits ^= difference;
    if (!difference) {
        bits_put(w, 0, 1);
        return;
    }
    unsigned leading = (unsigned)__builtin_clzll(difference), trailing = (unsigned)__builtin_ctzll(difference);
    if (leading > 31)
        leading = 31;
    if (x->leading != XOR_NO_WINDOW && leading >= x->leading && trailing >= x->trailing) {
        bits_put(w, 2, 2);
        bits_put(w, difference >> x->trailing, 64u - x->leading - x->trailing);
        return;
    }
    unsigned length = 64 - leading - trailing;
    x->leading = (uint8_t)leading;
    x->trailing = (uint8_t)trailing;
    bits_put(w, UINT64_C(3) << 11 | (uint64_t)leading << 6 | (length & 63), 13);
    bits_put(w, difference >> trailing, length);
}

/* The value that begins at the top of `next`, of which `valid` bits are peeked at r->at. False where the window is
 * none. */
static inline bool xor_take_peeked(struct bit_reader *r, struct xor_value *x, uint64_t next, unsigned valid)
{
    if (!(next >> 63)) {
        r->at++;
        return true;
    }
    unsigned control = 2;
    if (next >> 62 & 1) {
        unsigned leading = next >> 57 & 31, length = next >> 51 & 63;
        length = length ? length : 64;
        if (leading + length > 64)
            return false;
        x->leading = (uint8_t)leading;
        x->trailing = (uint8_t)(64 - leading - length);
        control = 13;
    }
    unsigned length = 64u - x->leading - x->trailing;
    uint64_t significant;
    if (__builtin_expect(control + length <= valid, 1)) {
        significant = next << control >> (64 - length);
        r->at += control + length;
    } else {
        r->at += control;
        significant = bits_take_long(r, length);
    }
    x->bits ^= significant << x->trailing;
    return true;
}

static inline bool xor_take(struct bit_reader *r, struct xor_value *x)
{
    return xor_take_peeked(r, x, bits_peek(r), BITS_PEEKED);
}
