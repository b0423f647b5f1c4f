/* Hash map from bytes to a pointer: open addressing, all memory in an arena, no removal. One owner. */
#pragma once
#include "base/arena.h"

struct gv_map_entry {
    uint64_t hash;
    struct gv_slice key; /* borrowed: must live as long as the map */
    void *value;         /* NULL marks a free place; store a pointer that is not NULL */
};

struct gv_map {
    struct gv_arena *arena;
    struct gv_map_entry *entries;
    size_t n, mask; /* mask + 1 places, a power of two; 0 entries before the first put */
};

void gv_map_init(struct gv_map *m, struct gv_arena *arena);
void *gv_map_get(const struct gv_map *m, uint64_t hash, struct gv_slice key); /* NULL when absent */
/* The place of key, made where absent (its value is then NULL and the caller must set it at once). */
void **gv_map_at(struct gv_map *m, uint64_t hash, struct gv_slice key);

static inline void *gv_map_find(const struct gv_map *m, struct gv_slice key)
{
    return gv_map_get(m, gv_hash(key.p, key.n), key);
}
static inline void gv_map_put(struct gv_map *m, struct gv_slice key, void *value)
{
    *gv_map_at(m, gv_hash(key.p, key.n), key) = value;
}
/* for (struct gv_map_entry *e = NULL; (e = gv_map_next(&m, e));) -- in table order, not in insertion order */
struct gv_map_entry *gv_map_next(const struct gv_map *m, struct gv_map_entry *e);
