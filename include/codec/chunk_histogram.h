/* Chunks of native histograms, encodings 2 (integers) and 3 (floats) (Prometheus: tsdb/docs/format/chunks.md,
 * "Histogram chunk data" and "Float histogram chunk data"). The bytes are those of a chunk without its encoding byte.
 * Synchronous; one owner. */
#pragma once
#include "model/column.h"

/* Whether encoding 2 can hold it: all counts whole and below 2^53. */
bool gv_histogram_is_integral(const struct gv_histogram *h);

/* What a chunk says of its first sample: whether a counter was reset before it. */
enum gv_chunk_reset { GV_CHUNK_RESET_UNKNOWN, GV_CHUNK_RESET_NO, GV_CHUNK_RESET_YES, GV_CHUNK_GAUGE };

enum gv_chunk_append {
    GV_CHUNK_APPENDED,
    GV_CHUNK_FULL,    /* the next chunk's first sample: GV_CHUNK_RESET_NO */
    GV_CHUNK_DIFFERS, /* buckets that the chunk has not, gauge or counter, stale before: begin a chunk, reset unknown */
    GV_CHUNK_WAS_RESET /* a counter was reset: begin a chunk with GV_CHUNK_RESET_YES */
};

struct gv_histogram_encoder;
/* encoding: GV_CHUNK_HISTOGRAM or GV_CHUNK_FLOAT_HISTOGRAM. reset: of the first sample; a gauge decides for itself. */
struct gv_histogram_encoder *gv_histogram_encoder_new(enum gv_chunk_encoding encoding, enum gv_chunk_reset reset);
void gv_histogram_encoder_free(struct gv_histogram_encoder *e);
/* Times must rise. A stale marker (its sum is one) always fits. Buckets that the chunk has and h has not are written as
 * empty ones; h is not kept. */
enum gv_chunk_append gv_histogram_encoder_append(struct gv_histogram_encoder *e, int64_t time,
                                                 const struct gv_histogram *h);
struct gv_slice gv_histogram_encoder_bytes(const struct gv_histogram_encoder *e); /* a whole chunk after every append */
/* Takes up a chunk where another encoder left it. NULL: it is none (GV_INTERNAL). */
GV_MUST_CHECK struct gv_histogram_encoder *
gv_histogram_encoder_resume(enum gv_chunk_encoding encoding, const uint8_t *data, size_t size, struct gv_err *err);

/* All samples, in a; times and histograms have room for gv_chunk_samples. Reset hints: a gauge's, "no" behind the first
 * sample of a counter, unknown for the first (the chunk before may be gone). A stale marker has nothing but its sum.
 * Schemas finer than 8 are reduced to it. GV_INTERNAL: cut or damaged; or the budget is spent. */
GV_MUST_CHECK bool gv_histogram_chunk_decode(struct gv_arena *a, enum gv_chunk_encoding encoding, const uint8_t *data,
                                             size_t size, int64_t *times, const struct gv_histogram **histograms,
                                             struct gv_err *err);
