/* Arenas under an exact byte budget. An arena has one owner thread at a time; a budget is shared by many arenas.
 *
 * Every block of an arena is charged to its budget with its full size, and a budget charges its parent: a query's
 * arenas share the query's budget (max_query_memory), whose parent is the process's (max_total_query_memory).
 * Small requests never fail and may overdraw; large ones go through gv_arena_try and may fail the query.
 * Real out-of-memory aborts. */
#pragma once
#include "base/err.h"
#include "base/slice.h"
#include <stdatomic.h>

struct gv_budget {
    _Atomic int64_t used;     /* bytes */
    _Atomic int64_t peak;     /* bytes */
    _Atomic int64_t limit;    /* bytes; 0: none; may be set while in use: what is charged stays charged */
    const char *name;         /* the limit's name in messages: "max_query_memory" */
    enum gv_err_code code;    /* what exceeding it is: GV_EXECUTION for a query, GV_UNAVAILABLE for the process */
    struct gv_budget *parent; /* charged too; may be NULL */
};

void gv_budget_init(struct gv_budget *b, const char *name, int64_t limit, enum gv_err_code code,
                    struct gv_budget *parent);
/* Charges n bytes, or fails with the limit's name and charges nothing. */
GV_MUST_CHECK bool gv_budget_take(struct gv_budget *b, size_t n, struct gv_err *err);
void gv_budget_force(struct gv_budget *b, size_t n); /* charges without asking: the overdraft of small requests */
void gv_budget_give(struct gv_budget *b, size_t n);

struct gv_arena_block;
struct gv_arena_cleanup;
struct gv_arena {
    struct gv_arena_block *blocks;     /* newest first */
    char *next, *end;                  /* free space of the block in use */
    size_t block_size;                 /* of the next block; grows to a cap */
    uint64_t serial;                   /* of the block made last */
    struct gv_budget *budget;          /* may be NULL: unlimited (tests, start-up) */
    struct gv_arena_cleanup *cleanups; /* newest first */
};

void gv_arena_init(struct gv_arena *a, struct gv_budget *budget);
void gv_arena_fini(struct gv_arena *a); /* runs the cleanups, newest first, and frees all; a is then empty and usable */

/* Makes what lives in from live in into; from is then empty. Both must have the same budget. */
void gv_arena_join(struct gv_arena *into, struct gv_arena *from);

/* 16-byte aligned, never NULL; contents undefined. gv_arena_zalloc: zeroed. n = 0 gives a valid pointer. */
void *gv_arena_alloc(struct gv_arena *a, size_t n) __attribute__((malloc, alloc_size(2)));
void *gv_arena_zalloc(struct gv_arena *a, size_t n) __attribute__((malloc, alloc_size(2)));
/* For columns, bodies and anything whose size the data decides: NULL and err when the budget is spent. */
GV_MUST_CHECK void *gv_arena_try(struct gv_arena *a, size_t n, struct gv_err *err);

/* Whether n more bytes fit the budget: before small requests that together are large, or whose size the data decides.
 */
GV_MUST_CHECK bool gv_arena_has_room(const struct gv_arena *a, size_t n, struct gv_err *err);

#define gv_arena_new(a, type)      ((type *)gv_arena_zalloc((a), sizeof(type)))
#define gv_arena_array(a, type, n) ((type *)gv_arena_zalloc((a), sizeof(type) * (size_t)(n)))

/* Copies; a NUL follows the copy, beyond .n. */
struct gv_slice gv_arena_dup(struct gv_arena *a, struct gv_slice s);
char *gv_arena_printf(struct gv_arena *a, const char *fmt, ...) GV_PRINTF(2, 3);

/* Runs fn(arg) when the arena ends: for the few things that live elsewhere (a compiled regular expression). */
void gv_arena_defer(struct gv_arena *a, void (*fn)(void *), void *arg);

/* Gives back everything allocated since the mark; cleanups registered since then run. */
struct gv_arena_mark {
    uint64_t serial;
    char *next, *end;
    size_t block_size;
    struct gv_arena_cleanup *cleanups;
};
struct gv_arena_mark gv_arena_mark(const struct gv_arena *a);
void gv_arena_rewind(struct gv_arena *a, struct gv_arena_mark m);

/* Growable array in an arena: makes room for one more element, doubling; the old array stays in the arena.
 * gv_push(arena, items, n, cap) = value; */
void *gv_arena_grow(struct gv_arena *a, void *items, size_t n, size_t *cap, size_t size);
#define gv_push(a, items, n, cap)                                                                                      \
    (*((n) < (cap) ? &(items)[(n)++]                                                                                   \
                   : ((items) = gv_arena_grow((a), (items), (n), &(cap), sizeof *(items)), &(items)[(n)++])))
