/* A 128-bit hash that depends on a secret (XXH3 with a secret of its own, xxHash specification), so that nobody outside
 * can make texts that collide: for tables whose keys are the hashes alone. Any thread. */
#pragma once
#include "base/slice.h"

struct gv_hash_key {
    unsigned char secret[192];
};
struct gv_hash128 {
    uint64_t low, high;
};

/* The same seed gives the same key; seed holds at least 16 random bytes. */
void gv_hash_key_make(struct gv_hash_key *k, struct gv_slice seed);
struct gv_hash128 gv_hash_keyed(const struct gv_hash_key *k, const void *data, size_t n);
void gv_random(void *to, size_t n); /* from the kernel */
