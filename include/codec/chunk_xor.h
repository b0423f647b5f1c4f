/* XOR chunks of float samples (Prometheus: tsdb/docs/format/chunks.md, "XOR chunk data"). The bytes are those of a
 * chunk without its encoding byte: a big-endian uint16 count, then the samples. Synchronous; one owner. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

enum { GV_CHUNK_MAX_SAMPLES = UINT16_MAX /* Prometheus cuts at 120 */ };

/* How many samples a chunk of any encoding says it has. */
uint32_t gv_chunk_samples(const uint8_t *data, size_t size);

/* What an encoder knows between two samples, for who keeps the bytes himself. */
struct gv_xor_state {
    int64_t time; /* ms, of the last sample */
    uint64_t delta, value;
    uint16_t n;
    uint8_t leading, trailing;
    uint8_t used;  /* bits of the byte begun; 0: none is */
    uint8_t begun; /* that byte; it goes behind the whole ones where a chunk is made of them */
};
void gv_xor_state_init(struct gv_xor_state *s);
/* Writes a sample behind those before it: gives how many whole bytes are now at `out`; the byte begun stays in s. */
enum { GV_XOR_ROOM = 48, GV_XOR_HEADER = 2 };
size_t gv_xor_put(struct gv_xor_state *s, int64_t time, double v, uint8_t out[GV_XOR_ROOM]);

struct gv_xor_encoder {
    struct gv_buf bytes; /* a whole chunk after every append */
    struct gv_xor_state state;
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
