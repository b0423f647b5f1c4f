/* prometheus.Sample (proto/types.proto), the quick way. */
#pragma once
#include "codec/protobuf.h"

/* A sample that is a value and then a time, as all writers put them: no field needs to be looked for. */
static inline bool pb_plain_sample(struct gv_slice message, int64_t *time, double *value)
{
    enum { VALUE_KEY = 1 << 3 | PB_FIXED64, TIME_KEY = 2 << 3 | PB_VARINT, TIME_AT = 9 };
    const uint8_t *p = (const uint8_t *)message.p, *end = p + message.n;
    if (message.n <= TIME_AT || p[0] != VALUE_KEY || p[TIME_AT] != TIME_KEY)
        return false;
    memcpy(value, p + 1, sizeof *value);
    uint64_t v = 0;
    unsigned shift = 0;
    for (p += TIME_AT + 1; p < end - 1 && *p >= 0x80 && shift < 49; shift += 7)
        v |= (uint64_t)(*p++ & 0x7f) << shift;
    *time = (int64_t)(v | (uint64_t)*p << shift);
    return p == end - 1 && *p < 0x80;
}
