/* A set of 64-bit hashes, for telling whether labels came before. One owner. */
#pragma once
#include "base/arena.h"

struct gv_hash_set {
    uint64_t *hashes; /* 0: free */
    size_t n, mask;
    struct gv_arena arena;
};

void gv_hash_set_init(struct gv_hash_set *s, struct gv_budget *budget);
void gv_hash_set_fini(struct gv_hash_set *s);
/* False: the memory budget is spent. */
GV_MUST_CHECK bool gv_hash_set_add(struct gv_hash_set *s, uint64_t hash, bool *is_new, struct gv_err *err);
