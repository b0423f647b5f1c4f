/* What a series' bytes were found to be, remembered: from a keyed hash of scope and label bytes to the number of the
 * series in the store, so that labels are read, checked and relabelled once and not with every sample. Any thread.
 *
 *   hash ──► shard (6 bits, one lock each) ──► two buckets of four entries, one cache line each ──► value
 *
 * An entry is 16 bytes: 64 bits of the hash and a value. A table grows by a third above three quarters, so an entry
 * takes 21 to 29 bytes. What was not seen for one to two GENERATION_MS is forgotten; above the limit the entry not seen
 * for longest makes room. Forgetting costs time, never an answer: what is not found is found out anew. */
#pragma once
#include "base/keyed_hash.h"

struct series_cache;

/* A series' number, bits of its last metadata and the number of its cluster (ingest/last_writes.h), in one word. 0:
 * nothing is known. */
enum { SERIES_BITS = 40, METADATA_BITS = 11, CLUSTER_BITS = 10 };
#define SERIES_DROPPED (((uint64_t)1 << SERIES_BITS) - 1) /* relabelling drops it */
static inline uint64_t series_value(uint64_t series, unsigned metadata, unsigned cluster)
{
    return (uint64_t)cluster << (SERIES_BITS + METADATA_BITS) |
           (uint64_t)(metadata & ((1u << METADATA_BITS) - 1)) << SERIES_BITS | series;
}
static inline uint64_t series_of(uint64_t value)
{
    return value & SERIES_DROPPED;
}
static inline unsigned metadata_of(uint64_t value)
{
    return value >> SERIES_BITS & ((1u << METADATA_BITS) - 1);
}
static inline unsigned cluster_of(uint64_t value)
{
    return (unsigned)(value >> (SERIES_BITS + METADATA_BITS));
}

struct series_cache *series_cache_new(size_t max_entries);
void series_cache_free(struct series_cache *c);
void series_cache_set_max(struct series_cache *c, size_t max_entries);

/* values[i]: what is known of keys[i], or 0. order: room for n, scratch. now: monotonic ms. Each lock is taken once. */
void series_cache_find(struct series_cache *c, int64_t now, const struct gv_hash128 *keys, size_t n, uint64_t *values,
                       uint32_t *order);
/* Remembers; a series beyond SERIES_BITS is not. */
void series_cache_put(struct series_cache *c, int64_t now, struct gv_hash128 key, uint64_t value);
void series_cache_forget(struct series_cache *c, struct gv_hash128 key);

struct series_cache_status {
    size_t entries, bytes;
};
struct series_cache_status series_cache_status(struct series_cache *c);
