#include "base/map.h"

enum { FIRST_PLACES = 16 };

void gv_map_init(struct gv_map *m, struct gv_arena *arena)
{
    *m = (struct gv_map){.arena = arena};
}

static struct gv_map_entry *place_of(const struct gv_map *m, uint64_t hash, struct gv_slice key)
{
    for (size_t i = hash & m->mask;; i = (i + 1) & m->mask) {
        struct gv_map_entry *e = &m->entries[i];
        if (!e->value || (e->hash == hash && gv_slice_eq(e->key, key)))
            return e;
    }
}

static void grow(struct gv_map *m)
{
    struct gv_map bigger = *m;
    size_t places = m->entries ? (m->mask + 1) * 2 : FIRST_PLACES;
    bigger.entries = gv_arena_array(m->arena, struct gv_map_entry, places);
    bigger.mask = places - 1;
    for (struct gv_map_entry *e = NULL; (e = gv_map_next(m, e));)
        *place_of(&bigger, e->hash, e->key) = *e;
    *m = bigger;
}

void *gv_map_get(const struct gv_map *m, uint64_t hash, struct gv_slice key)
{
    return m->entries ? place_of(m, hash, key)->value : NULL;
}

void **gv_map_at(struct gv_map *m, uint64_t hash, struct gv_slice key)
{
    if (!m->entries || m->n * 4 >= (m->mask + 1) * 3)
        grow(m);
    struct gv_map_entry *e = place_of(m, hash, key);
    if (!e->value) {
        *e = (struct gv_map_entry){hash, key, NULL};
        m->n++;
    }
    return &e->value;
}

struct gv_map_entry *gv_map_next(const struct gv_map *m, struct gv_map_entry *e)
{
    if (!m->entries)
        return NULL;
    for (e = e ? e + 1 : m->entries; e <= m->entries + m->mask; e++)
        if (e->value)
            return e;
    return NULL;
}
