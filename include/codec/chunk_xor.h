/* XOR chunks of float samples (Prometheus: tsdb/docs/format/chunks.md, "XOR chunk data"). The bytes are those of a
 * chunk without its encoding byte: a big-endian uint16 count, then the samples. Synchronous; one owner. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

enum { GV_CHUNK_MAX_SAMPLES = UINT16_MAX /* Prometheus cuts at 120 */ };

/* How many samples a chunk of any encoding says it has. */
uint32_t gv_chunk_samples(const uint8_t *data, size_t size);

struct gv_xor_encoder {
    struct gv_buf bytes; /* a whole chunk after every append */
    unsigned used;       /* bits of the last byte; 0: all */
    uint32_t n;
    int64_t time; /* ms, of the last sample */
    uint64_t delta, value;
    uint8_t leading, trailing;
};

void gv_xor_encoder_init(struct gv_xor_encoder *e);
void gv_xor_encoder_fini(struct gv_xor_encoder *e);
/* Takes up a chunk where another encoder left it. GV_INTERNAL: it is none. */
GV_MUST_CHECK bool gv_xor_encoder_resume(struct gv_xor_encoder *e, const uint8_t *data, size_t size,
                                         struct gv_err *err);
/* false: the chunk is full. Times must rise. */
GV_MUST_CHECK bool gv_xor_encoder_append(struct gv_xor_encoder *e, int64_t time, double v);

/* All samples; times and values have room for gv_chunk_samples. GV_INTERNAL: the chunk is cut or damaged. */
GV_MUST_CHECK bool gv_xor_decode(const uint8_t *data, size_t size, int64_t *times, double *values, struct gv_err *err);
