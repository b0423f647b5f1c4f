/* Integers of one to 72 bits, the small ones short (Prometheus: tsdb/docs/format/chunks.md, "varbit"): n ones, a zero
 * (none after eight), then as many bits as sizes[n]. Pure. */
#pragma once
#include "codec/bits.h"

enum { VARBIT_MOST = 8 };
static const unsigned char varbit_sizes[VARBIT_MOST + 1] = {0, 3, 6, 9, 12, 18, 25, 56, 64};

static inline void varbit_put(struct bit_writer *w, uint64_t v, unsigned ones)
{
    if (ones < VARBIT_MOST)
        bits_put(w, (UINT64_C(1) << (ones + 1)) - 2, ones + 1);
    else
        bits_put(w, 0xff, VARBIT_MOST);
    if (ones)
        bits_put(w, v, varbit_sizes[ones]);
}

static inline void varbit_put_int(struct bit_writer *w, int64_t v)
{
    unsigned ones = v != 0;
    while (ones && ones < VARBIT_MOST && !bits_fit_signed(v, varbit_sizes[ones]))
        ones++;
    varbit_put(w, (uint64_t)v, ones);
}

static inline void varbit_put_uint(struct bit_writer *w, uint64_t v)
{
    unsigned ones = v != 0;
    while (ones && ones < VARBIT_MOST && v >> varbit_sizes[ones])
        ones++;
    varbit_put(w, v, ones);
}

static inline unsigned varbit_take_ones(struct bit_reader *r)
{
    unsigned ones = (unsigned)__builtin_clzll(~bits_peek(r) | UINT64_C(1) << (63 - VARBIT_MOST));
    r->at += ones < VARBIT_MOST ? ones + 1 : VARBIT_MOST;
    return ones;
}

static inline int64_t varbit_take_int(struct bit_reader *r)
{
    unsigned ones = varbit_take_ones(r);
    return ones ? bits_signed(bits_take_long(r, varbit_sizes[ones]), varbit_sizes[ones]) : 0;
}

static inline uint64_t varbit_take_uint(struct bit_reader *r)
{
    unsigned ones = varbit_take_ones(r);
    return ones ? bits_take_long(r, varbit_sizes[ones]) : 0;
}
