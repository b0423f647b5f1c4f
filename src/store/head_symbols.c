/* Numbers lead to texts by a table in segments that never move; texts lead to numbers by open addressing, with the
 * places behind a removed one moved up. */
#include "store/head_symbols.h"
#include "base/err.h"
#include <stdlib.h>

enum { FIRST_PLACES = 1024 };

static struct symbol_place *new_places(size_t n)
{
    struct symbol_place *p = malloc(n * sizeof *p);
    if (!p)
        gv_die("out of memory");
    memset(p, 0xff, n * sizeof *p);
    return p;
}

void symbols_init(struct symbols *s)
{
    *s = (struct symbols){.free = SYMBOL_NONE, .places = new_places(FIRST_PLACES), .mask = FIRST_PLACES - 1};
}

void symbols_fini(struct symbols *s)
{
    for (uint32_t id = 0; id < s->made; id++)
        if (symbols_at(s, id)->refs)
            free(symbols_at(s, id)->p);
    for (size_t i = 0; i < SYMBOLS_SEGMENTS; i++)
        free(s->segments[i]);
    free(s->places);
}

static uint32_t hash_of(struct gv_slice text)
{
    return (uint32_t)gv_hash(text.p, text.n);
}

static struct symbol_place *place_of(const struct symbols *s, uint32_t hash, struct gv_slice text)
{
    for (uint32_t i = hash & s->mask;; i = (i + 1) & s->mask) {
        struct symbol_place *p = &s->places[i];
        if (p->id == SYMBOL_NONE || (p->hash == hash && gv_slice_eq(symbols_text(s, p->id), text)))
            return p;
    }
}

uint32_t symbols_find(const struct symbols *s, struct gv_slice text)
{
    return place_of(s, hash_of(text), text)->id;
}

static void grow(struct symbols *s)
{
    struct symbol_place *old = s->places;
    uint32_t n = s->mask + 1;
    s->mask = 2 * n - 1;
    s->places = new_places(2 * (size_t)n);
    for (uint32_t i = 0; i < n; i++) {
        if (old[i].id == SYMBOL_NONE)
            continue;
        uint32_t at = old[i].hash & s->mask;
        while (s->places[at].id != SYMBOL_NONE)
            at = (at + 1) & s->mask;
        s->places[at] = old[i];
    }
    free(old);
}

static uint32_t new_number(struct symbols *s)
{
    if (s->free != SYMBOL_NONE) {
        uint32_t id = s->free;
        s->free = symbols_at(s, id)->n;
        return id;
    }
    uint32_t id = s->made++, at = id + SYMBOLS_FIRST;
    if (!(at & (at - 1))) { /* the first of a segment */
        unsigned segment = 21U - (unsigned)__builtin_clz(at);
        s->segments[segment] = malloc(((size_t)SYMBOLS_FIRST << segment) * sizeof(struct symbol));
        if (!s->segments[segment])
            gv_die("out of memory");
    }
    return id;
}

static uint32_t add(struct symbols *s, uint32_t hash, struct symbol_place *place, struct gv_slice text)
{
    uint32_t id = new_number(s);
    char *p = malloc(text.n + !text.n);
    if (!p)
        gv_die("out of memory");
    if (text.n)
        memcpy(p, text.p, text.n);
    *symbols_at(s, id) = (struct symbol){p, (uint32_t)text.n, 1};
    *place = (struct symbol_place){hash, id};
    s->in_use++;
    s->bytes += text.n;
    if (s->in_use >= s->mask / 4 * 3)
        grow(s);
    return id;
}

uint32_t symbols_take(struct symbols *s, struct gv_slice text)
{
    uint32_t hash = hash_of(text);
    struct symbol_place *place = place_of(s, hash, text);
    if (place->id == SYMBOL_NONE)
        return add(s, hash, place, text);
    symbols_at(s, place->id)->refs++;
    return place->id;
}

uint32_t symbols_take_guessed(struct symbols *s, struct gv_slice text, uint32_t guess)
{
    if (guess >= s->made || !symbols_at(s, guess)->refs || !gv_slice_eq(symbols_text(s, guess), text))
        return symbols_take(s, text);
    symbols_at(s, guess)->refs++;
    return guess;
}

/* Moves up what would no longer be found behind the free place i. */
static void close_gap(struct symbols *s, uint32_t i)
{
    for (uint32_t j = (i + 1) & s->mask; s->places[j].id != SYMBOL_NONE; j = (j + 1) & s->mask) {
        uint32_t home = s->places[j].hash & s->mask;
        if (((j - home) & s->mask) < ((j - i) & s->mask))
            continue;
        s->places[i] = s->places[j];
        i = j;
    }
    s->places[i].id = SYMBOL_NONE;
}

void symbols_give(struct symbols *s, uint32_t id)
{
    struct symbol *y = symbols_at(s, id);
    if (--y->refs)
        return;
    struct gv_slice text = {y->p, y->n};
    close_gap(s, (uint32_t)(place_of(s, hash_of(text), text) - s->places));
    s->in_use--;
    s->bytes -= y->n;
    free(y->p);
    y->n = s->free;
    s->free = id;
}

size_t symbols_memory(const struct symbols *s)
{
    enum { MALLOC = 16 }; /* what a small block costs beyond its bytes, about */
    return s->bytes + s->in_use * (size_t)MALLOC + (s->mask + 1) * sizeof *s->places + s->made * sizeof(struct symbol);
}
