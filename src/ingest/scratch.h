/* The working memory of one request: arrays that grow, charged to the budget of all requests, and kept for the next one
 * when they are of no unusual size. Fresh pages for every body would cost more than what is done with it. One owner. */
#pragma once
#include "base/keyed_hash.h"
#include "store/store.h"
#include <pthread.h>

struct scratch {
    struct scratch *next; /* in the pool */
    struct gv_budget *budget;
    size_t charged, outside; /* outside: of the same request, charged by others */
    struct gv_arena arena;   /* labels, histograms */

    char *text; /* decompressed */
    size_t text_cap;

    /* Of each series. */
    size_t n_series, cap_series;
    struct gv_slice *messages;
    struct gv_hash128 *keys;
    uint64_t *values; /* as in the cache */
    uint16_t *metadata;
    uint32_t *order;

    size_t n_samples, cap_samples;
    struct gv_store_sample *samples;
    uint32_t *owners; /* their series */
    uint8_t *verdicts;

    size_t n_exemplars, cap_exemplars;
    struct gv_store_exemplar *exemplars;
    uint32_t *exemplar_owners;
    uint8_t *exemplar_verdicts;

    size_t n_metadata, cap_metadata;
    struct gv_store_metadata *entries;
};

struct scratch_pool {
    pthread_mutex_t lock;
    struct scratch *first;
    size_t n;
};
void scratch_pool_init(struct scratch_pool *p);
void scratch_pool_fini(struct scratch_pool *p);
/* NULL where not even what is kept fits the budget. outside: bytes of the request that are charged already. */
GV_MUST_CHECK struct scratch *scratch_get(struct scratch_pool *p, struct gv_budget *budget, size_t outside,
                                          struct gv_err *err);
void scratch_put(struct scratch_pool *p, struct scratch *s);

/* Room for so many; false where the budget is spent, with GV_TOO_LARGE where this request alone would spend it. */
GV_MUST_CHECK bool scratch_text(struct scratch *s, size_t n, struct gv_err *err);
GV_MUST_CHECK bool scratch_more_series(struct scratch *s, struct gv_err *err);
GV_MUST_CHECK bool scratch_more_samples(struct scratch *s, struct gv_err *err);
GV_MUST_CHECK bool scratch_more_exemplars(struct scratch *s, struct gv_err *err);
GV_MUST_CHECK bool scratch_more_metadata(struct scratch *s, struct gv_err *err);
