/* Raw samples to chunks of at most 120, as Prometheus cuts them. One owner. */
#pragma once
#include "codec/chunk_histogram.h"
#include "codec/chunk_xor.h"

struct chunk_cutter {
    struct gv_arena *scratch; /* rewound */
    struct gv_xor_encoder floats;
    struct gv_histogram_encoder *histograms;
    enum gv_chunk_reset reset; /* of the next chunk's first histogram */
};

void chunk_cutter_init(struct chunk_cutter *c, struct gv_arena *scratch);
void chunk_cutter_fini(struct chunk_cutter *c);
/* One chunk of the samples from *at on; *at moves behind them. Its bytes are good until the next call. A chunk ends
 * after 120 samples, between floats and histograms, and where a histogram does not fit those before. */
struct gv_chunk chunk_cutter_next(struct chunk_cutter *c, const struct gv_raw_column *samples, uint32_t *at);
