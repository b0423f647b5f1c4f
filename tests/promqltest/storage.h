/* What a script has loaded, as a source for the evaluator. */
#pragma once
#include "base/map.h"
#include "promql/memory_source.h"
#include "script.h"

struct storage {
    struct gv_arena arena;
    struct gv_map map; /* label set to struct stored_series */
    struct gv_memory_source source;
    bool sealed;        /* source holds all that is stored */
    uint32_t per_chunk; /* series of floats are kept as chunks of so many samples; 0: as they came */
};

void storage_init(struct storage *s, uint32_t per_chunk);
void storage_fini(struct storage *s);
GV_MUST_CHECK bool storage_load(struct storage *s, const struct load *l, struct gv_err *err);
struct gv_source *storage_source(struct storage *s);

/* nhcb.c: the native histograms with custom buckets that the classic ones of l amount to, handed to add one by one
 * in order of time. */
typedef void add_histogram_fn(struct storage *s, const struct gv_labels *labels, int64_t time,
                              const struct gv_histogram *h);
GV_MUST_CHECK bool convert_classic(struct storage *s, const struct load *l, add_histogram_fn *add, struct gv_err *err);
