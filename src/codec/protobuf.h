/* Protocol Buffers, the wire format (protobuf.dev, "Encoding"): a message in memory is read field by field, in place
 * and never beyond its end; what is written is appended to a buffer. For messages whose fields become something of our
 * own at once, so that no tree of the message stands between. */
#pragma once
#include "base/buf.h"

enum pb_wire { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

struct pb_reader {
    const uint8_t *at, *end, *start;
    const char *fault; /* what is wrong; the reader has then ended */
};

struct pb_field {
    uint32_t number;
    enum pb_wire wire;
    uint64_t value;        /* PB_VARINT, PB_FIXED64, PB_FIXED32 */
    struct gv_slice bytes; /* PB_BYTES: borrowed from the message */
};

struct pb_reader pb_read(struct gv_slice message);
/* False at the end and where the message is faulty. */
bool pb_next(struct pb_reader *r, struct pb_field *f);
/* Of a field that is known: another wire type than its own is a fault. */
bool pb_is(struct pb_reader *r, const struct pb_field *f, enum pb_wire wire);
bool pb_long_varint(struct pb_reader *r, uint64_t *value);
static inline bool pb_varint(struct pb_reader *r, uint64_t *value)
{
    if (r->at == r->end || *r->at >= 0x80)
        return pb_long_varint(r, value);
    *value = *r->at++;
    return true;
}
bool pb_fault(struct pb_reader *r, const char *what); /* ends the reader; false */
/* After the last field: true, or what is wrong, with the message's name and the byte. */
GV_MUST_CHECK bool pb_done(const struct pb_reader *r, const char *message, struct gv_err *err);

/* How many values a repeated numeric field brings: many when packed, else one; a fault where they are no whole ones. */
size_t pb_count(struct pb_reader *r, const struct pb_field *f, enum pb_wire wire);
/* Those values, in their order, into so many places. */
void pb_doubles(const struct pb_field *f, double *values);

static inline int64_t pb_zigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}
static inline double pb_double(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

size_t pb_varint_size(uint64_t v);
static inline size_t pb_bytes_size(size_t n) /* of a whole field with n bytes and a number below 16 */
{
    return 1 + pb_varint_size(n) + n;
}
void pb_put_key(struct gv_buf *out, uint32_t number, enum pb_wire wire);
uint8_t *pb_store_varint(uint8_t *at, uint64_t v); /* room for pb_varint_size(v) bytes; gives the place behind */
void pb_put_varint(struct gv_buf *out, uint64_t v);
/* Whole fields. Zero and nothing are left out by the first two, as the format has it. */
void pb_put_uint(struct gv_buf *out, uint32_t number, uint64_t v);
void pb_put_text(struct gv_buf *out, uint32_t number, struct gv_slice s);
void pb_put_bytes(struct gv_buf *out, uint32_t number, struct gv_slice s); /* written also where empty */
void pb_put_double(struct gv_buf *out, uint32_t number, double d);         /* written also where 0 or -0 */
static inline void pb_put_int(struct gv_buf *out, uint32_t number, int64_t v)
{
    pb_put_uint(out, number, (uint64_t)v);
}
static inline void pb_put_sint(struct gv_buf *out, uint32_t number, int64_t v)
{
    pb_put_uint(out, number, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}
