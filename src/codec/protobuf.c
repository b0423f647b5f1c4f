/* A message in memory ──► its fields; fields ──► bytes. Bounds are checked where bytes are taken, in three places:
 * varints, fixed numbers, and runs of bytes. */
#include "codec/protobuf.h"

enum { MAX_VARINT = 10 };

struct pb_reader pb_read(struct gv_slice message)
{
    const uint8_t *p = (const uint8_t *)(message.n ? message.p : "");
    return (struct pb_reader){.at = p, .end = p + message.n, .start = p};
}

bool pb_fault(struct pb_reader *r, const char *what)
{
    if (!r->fault)
        r->fault = what;
    return false;
}

bool pb_done(const struct pb_reader *r, const char *message, struct gv_err *err)
{
    if (!r->fault)
        return true;
    return gv_fail(err, GV_BAD_DATA, "%s: %s at byte %td of %td", message, r->fault, r->at - r->start,
                   r->end - r->start);
}

bool pb_long_varint(struct pb_reader *r, uint64_t *value)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < MAX_VARINT; i++) {
        if (r->at + i == r->end)
            return pb_fault(r, "a number is cut short");
        uint8_t byte = r->at[i];
        if (i == MAX_VARINT - 1 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            r->at += i + 1;
            *value = v;
            return true;
        }
    }
    return pb_fault(r, "a number has more than 64 bits");
}

static bool take_fixed(struct pb_reader *r, size_t size, uint64_t *value)
{
    if ((size_t)(r->end - r->at) < size)
        return pb_fault(r, "a number is cut short");
    *value = 0;
    memcpy(value, r->at, size); /* both ends little-endian */
    r->at += size;
    return true;
}

static bool take_bytes(struct pb_reader *r, struct gv_slice *bytes)
{
    uint64_t n;
    if (!pb_varint(r, &n))
        return false;
    if (n > (uint64_t)(r->end - r->at))
        return pb_fault(r, "a field reaches beyond the message");
    *bytes = (struct gv_slice){(const char *)r->at, (size_t)n};
    r->at += n;
    return true;
}

bool pb_next(struct pb_reader *r, struct pb_field *f)
{
    uint64_t key;
    if (r->fault || r->at == r->end || !pb_varint(r, &key))
        return false;
    if (key >> 3 == 0 || key >> 3 > (1u << 29) - 1)
        return pb_fault(r, "a field has a number out of range");
    f->number = (uint32_t)(key >> 3);
    f->wire = (enum pb_wire)(key & 7);
    switch (f->wire) {
    case PB_VARINT:
        return pb_varint(r, &f->value);
    case PB_FIXED64:
        return take_fixed(r, sizeof(uint64_t), &f->value);
    case PB_BYTES:
        return take_bytes(r, &f->bytes);
    case PB_FIXED32:
        return take_fixed(r, sizeof(uint32_t), &f->value);
    }
    return pb_fault(r, "a field is of no known wire type");
}

bool pb_is(struct pb_reader *r, const struct pb_field *f, enum pb_wire wire)
{
    return f->wire == wire || pb_fault(r, "a field has another wire type than its own");
}

/* ---- Repeated numbers ---- */

size_t pb_count(struct pb_reader *r, const struct pb_field *f, enum pb_wire wire)
{
    if (f->wire != PB_BYTES)
        return pb_is(r, f, wire);
    if (wire == PB_FIXED64) {
        if (f->bytes.n % sizeof(uint64_t))
            pb_fault(r, "packed numbers are no whole ones");
        return f->bytes.n / sizeof(uint64_t);
    }
    size_t n = 0;
    struct pb_reader packed = pb_read(f->bytes);
    for (uint64_t v; packed.at < packed.end && pb_varint(&packed, &v);)
        n++;
    if (packed.fault)
        pb_fault(r, packed.fault);
    return n;
}

void pb_doubles(const struct pb_field *f, double *values)
{
    if (f->wire == PB_BYTES)
        memcpy(values, f->bytes.p, f->bytes.n);
    else
        *values = pb_double(f->value);
}

/* ---- Writing ---- */

size_t pb_varint_size(uint64_t v)
{
    return v ? (size_t)(63 - __builtin_clzll(v)) / 7 + 1 : 1;
}

uint8_t *pb_store_varint(uint8_t *at, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *at++ = (uint8_t)(v | 0x80);
    *at++ = (uint8_t)v;
    return at;
}

void pb_put_varint(struct gv_buf *out, uint64_t v)
{
    uint8_t *at = (uint8_t *)gv_buf_reserve(out, MAX_VARINT);
    out->n += (size_t)(pb_store_varint(at, v) - at);
}

void pb_put_key(struct gv_buf *out, uint32_t number, enum pb_wire wire)
{
    pb_put_varint(out, (uint64_t)number << 3 | wire);
}

void pb_put_uint(struct gv_buf *out, uint32_t number, uint64_t v)
{
    if (!v)
        return;
    pb_put_key(out, number, PB_VARINT);
    pb_put_varint(out, v);
}

void pb_put_bytes(struct gv_buf *out, uint32_t number, struct gv_slice s)
{
    pb_put_key(out, number, PB_BYTES);
    pb_put_varint(out, s.n);
    gv_buf_add_slice(out, s);
}

void pb_put_text(struct gv_buf *out, uint32_t number, struct gv_slice s)
{
    if (s.n)
        pb_put_bytes(out, number, s);
}

void pb_put_double(struct gv_buf *out, uint32_t number, double d)
{
    pb_put_key(out, number, PB_FIXED64);
    gv_buf_add(out, &d, sizeof d);
}
