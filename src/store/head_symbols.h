/* The names and values of the head's labels, each kept once and counted, known by a number of 32 bits. A number that
 * nobody counts any more is used again.
 *
 * Changes are made under a lock of the owner's. A text may be read without it by whoever knows that its number is
 * counted: texts do not move. */
#pragma once
#include "base/slice.h"

enum { SYMBOL_NONE = UINT32_MAX, SYMBOLS_SEGMENTS = 22, SYMBOLS_FIRST = 1024 };

struct symbol {
    char *p;
    uint32_t n;
    uint32_t refs; /* 0: free, and n is the next free number */
};

struct symbols {
    struct symbol *segments[SYMBOLS_SEGMENTS]; /* each twice as long as the one before */
    uint32_t made, in_use;
    uint32_t free; /* SYMBOL_NONE: none */
    struct symbol_place {
        uint32_t hash, id; /* SYMBOL_NONE: empty */
    } * places;
    uint32_t mask;
    size_t bytes; /* of texts */
};

void symbols_init(struct symbols *s);
void symbols_fini(struct symbols *s);
uint32_t symbols_take(struct symbols *s, struct gv_slice text); /* made where it is not there; counted */
/* The same, faster where it is the text of `guess`, which may be any number. */
uint32_t symbols_take_guessed(struct symbols *s, struct gv_slice text, uint32_t guess);
void symbols_give(struct symbols *s, uint32_t id);
uint32_t symbols_find(const struct symbols *s, struct gv_slice text); /* not counted; SYMBOL_NONE: not there */
size_t symbols_memory(const struct symbols *s);                       /* bytes in all */

static inline struct symbol *symbols_at(const struct symbols *s, uint32_t id)
{
    uint32_t at = id + SYMBOLS_FIRST;
    unsigned segment = 21U - (unsigned)__builtin_clz(at);
    return &s->segments[segment][at - ((uint32_t)SYMBOLS_FIRST << segment)];
}
static inline struct gv_slice symbols_text(const struct symbols *s, uint32_t id)
{
    const struct symbol *y = symbols_at(s, id);
    return (struct gv_slice){y->p, y->n};
}
