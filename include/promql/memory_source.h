/* A source over series held in memory: test scripts, benches, and remote answers that are here already.
 * Filled by one owner; once filled, any number of threads may select from it. */
#pragma once
#include "promql/source.h"

struct gv_memory_source {
    struct gv_source source; /* first: a struct gv_memory_source is a struct gv_source */
    struct gv_arena *arena;
    struct gv_memory_series *series;
    size_t n, cap;
};

void gv_memory_source_init(struct gv_memory_source *m, struct gv_arena *arena);

/* Adds a series; labels and the samples of its column (RAW or CHUNKS, by time) are borrowed, not copied. A label set
 * that is there already gets the samples merged by time, the later call winning where times are equal. */
void gv_memory_source_add(struct gv_memory_source *m, const struct gv_labels *labels, const struct gv_column *column);

/* The same for floats, of which it keeps a copy: as XOR chunks of so many samples, as a database would. */
void gv_memory_source_add_encoded(struct gv_memory_source *m, const struct gv_labels *labels,
                                  const struct gv_raw_column *raw, uint32_t per_chunk);

/* Call once after the last add and before the first select: orders the series and merges those added twice. */
void gv_memory_source_seal(struct gv_memory_source *m);
