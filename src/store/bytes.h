/* Numbers as the store's files hold them: big-endian words, and varints (groups of seven bits, the low ones first;
 * signed ones zigzag: 0, -1, 1, -2 ...). A reader never goes beyond its end: from there on it is bad and gives zeros.
 * Pure. */
#pragma once
#include "base/buf.h"

enum { VARINT_MAX = 10 /* bytes */ };

static inline uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t load_be64(const uint8_t *p)
{
    return (uint64_t)load_be32(p) << 32 | load_be32(p + 4);
}
static inline void store_be32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}
static inline void store_be64(uint8_t *p, uint64_t v)
{
    store_be32(p, (uint32_t)(v >> 32));
    store_be32(p + 4, (uint32_t)v);
}

/* ---- reading ---- */

struct byte_reader {
    const uint8_t *at, *end;
    bool bad;
};

static inline struct byte_reader byte_reader(const uint8_t *p, size_t n)
{
    return (struct byte_reader){p, n ? p + n : p, false};
}
static inline size_t bytes_left(const struct byte_reader *r)
{
    return (size_t)(r->end - r->at);
}
static inline struct gv_slice take_bytes(struct byte_reader *r, uint64_t n)
{
    if (n > bytes_left(r)) {
        r->bad = true;
        r->at = r->end;
        return (struct gv_slice){NULL, 0};
    }
    struct gv_slice s = {(const char *)r->at, (size_t)n};
    r->at += n;
    return s;
}
static inline uint64_t take_long_uvarint(struct byte_reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; r->at < r->end && shift < 64; shift += 7) {
        uint8_t byte = *r->at++;
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    r->bad = true;
    r->at = r->end;
    return 0;
}
static inline uint64_t take_uvarint(struct byte_reader *r)
{
    if (r->at < r->end && *r->at < 0x80)
        return *r->at++;
    return take_long_uvarint(r);
}
static inline int64_t take_varint(struct byte_reader *r)
{
    uint64_t v = take_uvarint(r);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}
static inline uint32_t take_be32(struct byte_reader *r)
{
    struct gv_slice s = take_bytes(r, 4);
    return s.p ? load_be32((const uint8_t *)s.p) : 0;
}
static inline uint64_t take_be64(struct byte_reader *r)
{
    struct gv_slice s = take_bytes(r, 8);
    return s.p ? load_be64((const uint8_t *)s.p) : 0;
}

/* ---- writing ---- */

static inline size_t uvarint_size(uint64_t v)
{
    return v ? (size_t)(70 - __builtin_clzll(v)) / 7 : 1;
}
static inline uint8_t *store_uvarint(uint8_t *at, uint64_t v) /* gives the place behind */
{
    for (; v >= 0x80; v >>= 7)
        *at++ = (uint8_t)(v | 0x80);
    *at++ = (uint8_t)v;
    return at;
}
static inline void put_uvarint(struct gv_buf *out, uint64_t v)
{
    uint8_t *at = (uint8_t *)gv_buf_reserve(out, VARINT_MAX);
    out->n += (size_t)(store_uvarint(at, v) - at);
}
static inline void put_varint(struct gv_buf *out, int64_t v)
{
    put_uvarint(out, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}
static inline void put_be32(struct gv_buf *out, uint32_t v)
{
    store_be32((uint8_t *)gv_buf_reserve(out, 4), v);
    out->n += 4;
}
static inline void put_be64(struct gv_buf *out, uint64_t v)
{
    store_be64((uint8_t *)gv_buf_reserve(out, 8), v);
    out->n += 8;
}
