/* A list of blocks, newest first. A request that does not fit the newest block opens another; a request of half a
 * block or more gets a block of its own behind the newest, so that the room left there is not lost. */
#include "base/arena.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALIGN = 16, FIRST_BLOCK = 4096, LARGEST_BLOCK = 256 << 10 };

struct gv_arena_block {
    struct gv_arena_block *older;
    size_t size;     /* of the whole block, as charged */
    uint64_t serial; /* blocks made after a mark have a higher one than the mark */
    _Alignas(ALIGN) char data[];
};

struct gv_arena_cleanup {
    struct gv_arena_cleanup *older;
    void (*fn)(void *);
    void *arg;
};

void gv_budget_init(struct gv_budget *b, const char *name, int64_t limit, enum gv_err_code code,
                    struct gv_budget *parent)
{
    *b = (struct gv_budget){.limit = limit, .name = name, .code = code, .parent = parent};
}

static void note_peak(struct gv_budget *b, int64_t used)
{
    int64_t peak = atomic_load_explicit(&b->peak, memory_order_relaxed);
    while (used > peak &&
           !atomic_compare_exchange_weak_explicit(&b->peak, &peak, used, memory_order_relaxed, memory_order_relaxed))
        ;
}

void gv_budget_force(struct gv_budget *b, size_t n)
{
    for (; b; b = b->parent)
        note_peak(b, atomic_fetch_add_explicit(&b->used, (int64_t)n, memory_order_relaxed) + (int64_t)n);
}

void gv_budget_give(struct gv_budget *b, size_t n)
{
    for (; b; b = b->parent)
        atomic_fetch_sub_explicit(&b->used, (int64_t)n, memory_order_relaxed);
}

/* n = 0: the overdraft of small requests was found only afterwards. */
static bool fail_spent(const struct gv_budget *b, int64_t used, size_t n, struct gv_err *err)
{
    return n ? gv_fail(err, b->code, "out of memory budget: %s is %lld bytes, %lld are in use and %zu more are needed",
                       b->name, (long long)b->limit, (long long)used, n)
             : gv_fail(err, b->code, "out of memory budget: %s is %lld bytes, %lld are in use", b->name,
                       (long long)b->limit, (long long)used);
}

bool gv_budget_take(struct gv_budget *b, size_t n, struct gv_err *err)
{
    for (struct gv_budget *at = b; at; at = at->parent) {
        int64_t used = atomic_fetch_add_explicit(&at->used, (int64_t)n, memory_order_relaxed) + (int64_t)n;
        int64_t limit = atomic_load_explicit(&at->limit, memory_order_relaxed);
        if (limit > 0 && used > limit) {
            atomic_fetch_sub_explicit(&at->used, (int64_t)n, memory_order_relaxed);
            for (; b != at; b = b->parent)
                atomic_fetch_sub_explicit(&b->used, (int64_t)n, memory_order_relaxed);
            return fail_spent(at, used - (int64_t)n, n, err);
        }
        note_peak(at, used);
    }
    return true;
}

void gv_arena_init(struct gv_arena *a, struct gv_budget *budget)
{
    *a = (struct gv_arena){.block_size = FIRST_BLOCK, .budget = budget};
}

static size_t round_up(size_t n)
{
    if (n > SIZE_MAX / 2)
        gv_die("an allocation of %zu bytes", n);
    return n ? (n + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
}

/* Blocks of the largest size that arenas gave back, kept for the next ones: bodies of tens of megabytes come and go
 * with every query, and fresh pages cost more than filling them. Under a sanitizer nothing is kept, so that it sees
 * every use after the end of an arena. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const size_t most_kept = 0;
#else
static const size_t most_kept = (32 << 20) / LARGEST_BLOCK;
#endif
static struct {
    pthread_mutex_t lock; /* held for a few instructions */
    struct gv_arena_block *first;
    size_t n;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct gv_arena_block *take_kept(void)
{
    pthread_mutex_lock(&kept.lock);
    struct gv_arena_block *b = kept.first;
    if (b) {
        kept.first = b->older;
        kept.n--;
    }
    pthread_mutex_unlock(&kept.lock);
    return b;
}

static bool keep(struct gv_arena_block *b)
{
    pthread_mutex_lock(&kept.lock);
    bool room = most_kept > kept.n;
    if (room) {
        b->older = kept.first;
        kept.first = b;
        kept.n++;
    }
    pthread_mutex_unlock(&kept.lock);
    return room;
}

static struct gv_arena_block *new_block(struct gv_arena *a, size_t size)
{
    struct gv_arena_block *b = size == LARGEST_BLOCK ? take_kept() : NULL;
    if (!b && !(b = malloc(size)))
        gv_die("out of memory: %zu bytes", size);
    b->size = size;
    b->serial = ++a->serial;
    return b;
}

static void *place_alone(struct gv_arena *a, size_t n)
{
    struct gv_arena_block *b = new_block(a, sizeof *b + n);
    struct gv_arena_block **at = a->blocks ? &a->blocks->older : &a->blocks;
    b->older = *at;
    *at = b;
    return b->data;
}

static void *place_in_new_block(struct gv_arena *a, size_t n)
{
    struct gv_arena_block *b = new_block(a, a->block_size);
    b->older = a->blocks;
    a->blocks = b;
    a->next = b->data + n;
    a->end = (char *)b + b->size;
    if (a->block_size < LARGEST_BLOCK)
        a->block_size *= 2;
    return b->data;
}

static bool goes_alone(const struct gv_arena *a, size_t n)
{
    return n >= a->block_size / 2;
}

static void *place(struct gv_arena *a, size_t n)
{
    return goes_alone(a, n) ? place_alone(a, n) : place_in_new_block(a, n);
}

void *gv_arena_alloc(struct gv_arena *a, size_t n)
{
    n = round_up(n);
    if ((size_t)(a->end - a->next) >= n) {
        void *p = a->next;
        a->next += n;
        return p;
    }
    gv_budget_force(a->budget, goes_alone(a, n) ? sizeof(struct gv_arena_block) + n : a->block_size);
    return place(a, n);
}

void *gv_arena_zalloc(struct gv_arena *a, size_t n)
{
    void *p = gv_arena_alloc(a, n);
    memset(p, 0, n);
    return p;
}

bool gv_arena_has_room(const struct gv_arena *a, size_t n, struct gv_err *err)
{
    if (!gv_budget_take(a->budget, n, err))
        return false;
    gv_budget_give(a->budget, n);
    return true;
}

void *gv_arena_try(struct gv_arena *a, size_t n, struct gv_err *err)
{
    n = round_up(n);
    if ((size_t)(a->end - a->next) >= n)
        return gv_arena_alloc(a, n);
    if (a->budget &&
        !gv_budget_take(a->budget, goes_alone(a, n) ? sizeof(struct gv_arena_block) + n : a->block_size, err))
        return NULL;
    return place(a, n);
}

static void free_block(struct gv_arena *a, struct gv_arena_block *b)
{
    gv_budget_give(a->budget, b->size);
    if (b->size != LARGEST_BLOCK || !keep(b))
        free(b);
}

static void run_cleanups(struct gv_arena *a, const struct gv_arena_cleanup *until)
{
    while (a->cleanups != until) {
        struct gv_arena_cleanup *c = a->cleanups;
        a->cleanups = c->older;
        c->fn(c->arg);
    }
}

void gv_arena_fini(struct gv_arena *a)
{
    run_cleanups(a, NULL);
    for (struct gv_arena_block *b = a->blocks, *older; b; b = older) {
        older = b->older;
        free_block(a, b);
    }
    gv_arena_init(a, a->budget);
}

static void join_cleanups(struct gv_arena *into, struct gv_arena *from)
{
    struct gv_arena_cleanup **oldest = &from->cleanups;
    while (*oldest)
        oldest = &(*oldest)->older;
    *oldest = into->cleanups;
    into->cleanups = from->cleanups;
}

/* The blocks go behind the newest one, whose room stays in use. */
void gv_arena_join(struct gv_arena *into, struct gv_arena *from)
{
    if (into->budget != from->budget)
        gv_die("arenas of different budgets cannot be joined");
    struct gv_arena_block **at = into->blocks ? &into->blocks->older : &into->blocks;
    for (struct gv_arena_block *b = from->blocks, *older; b; b = older) {
        older = b->older;
        b->serial = ++into->serial;
        b->older = *at;
        *at = b;
    }
    join_cleanups(into, from);
    gv_arena_init(from, from->budget);
}

struct gv_slice gv_arena_dup(struct gv_arena *a, struct gv_slice s)
{
    char *p = gv_arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct gv_slice){p, s.n};
}

char *gv_arena_printf(struct gv_arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0)
        gv_die("bad format: %s", fmt);
    char *p = gv_arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}

void gv_arena_defer(struct gv_arena *a, void (*fn)(void *), void *arg)
{
    struct gv_arena_cleanup *c = gv_arena_alloc(a, sizeof *c);
    *c = (struct gv_arena_cleanup){a->cleanups, fn, arg};
    a->cleanups = c;
}

struct gv_arena_mark gv_arena_mark(const struct gv_arena *a)
{
    return (struct gv_arena_mark){a->serial, a->next, a->end, a->block_size, a->cleanups};
}

void gv_arena_rewind(struct gv_arena *a, struct gv_arena_mark m)
{
    run_cleanups(a, m.cleanups);
    if (a->serial == m.serial) { /* no block was made since */
        a->next = m.next;
        return;
    }
    for (struct gv_arena_block **at = &a->blocks; *at;) {
        struct gv_arena_block *b = *at;
        if (b->serial > m.serial) {
            *at = b->older;
            free_block(a, b);
        } else if (b != a->blocks) {
            break; /* newer ones stand only before, or right behind, the newest block of the time of the mark */
        } else {
            at = &b->older;
        }
    }
    a->next = m.next;
    a->end = m.end;
    a->block_size = m.block_size;
}

void *gv_arena_grow(struct gv_arena *a, void *items, size_t n, size_t *cap, size_t size)
{
    size_t wanted = *cap ? *cap * 2 : 8;
    void *bigger = gv_arena_alloc(a, wanted * size);
    if (n)
        memcpy(bigger, items, n * size);
    *cap = wanted;
    return bigger;
}
