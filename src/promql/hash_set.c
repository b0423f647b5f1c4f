/* Open addressing, half full at most. */
#include "promql/hash_set.h"

void gv_hash_set_init(struct gv_hash_set *s, struct gv_budget *budget)
{
    *s = (struct gv_hash_set){.hashes = NULL};
    gv_arena_init(&s->arena, budget);
}

void gv_hash_set_fini(struct gv_hash_set *s)
{
    gv_arena_fini(&s->arena);
}

static void put(struct gv_hash_set *s, uint64_t hash)
{
    size_t i = hash & s->mask;
    while (s->hashes[i])
        i = (i + 1) & s->mask;
    s->hashes[i] = hash;
    s->n++;
}

static bool grow(struct gv_hash_set *s, struct gv_err *err)
{
    struct gv_hash_set old = *s;
    size_t places = old.hashes ? (old.mask + 1) * 2 : 64;
    struct gv_arena bigger;
    gv_arena_init(&bigger, old.arena.budget);
    s->hashes = gv_arena_try(&bigger, places * sizeof *s->hashes, err);
    if (!s->hashes) {
        gv_arena_fini(&bigger);
        *s = old;
        return false;
    }
    memset(s->hashes, 0, places * sizeof *s->hashes);
    s->mask = places - 1;
    s->n = 0;
    for (size_t i = 0; old.hashes && i <= old.mask; i++)
        if (old.hashes[i])
            put(s, old.hashes[i]);
    gv_arena_fini(&s->arena);
    s->arena = bigger;
    return true;
}

bool gv_hash_set_add(struct gv_hash_set *s, uint64_t hash, bool *is_new, struct gv_err *err)
{
    hash += !hash;
    if ((!s->hashes || 2 * s->n >= s->mask) && !grow(s, err))
        return false;
    *is_new = false;
    for (size_t i = hash & s->mask; s->hashes[i]; i = (i + 1) & s->mask)
        if (s->hashes[i] == hash)
            return true;
    put(s, hash);
    *is_new = true;
    return true;
}
