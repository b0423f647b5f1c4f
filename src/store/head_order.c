/* A radix sort, the first label pair first: the series of a group are counted by their next pair, only the distinct
 * pairs are compared by their texts, and each makes a group of its own for the pair behind it. */
#include "store/head_order.h"
#include <stdlib.h>

enum { FEW = 12, FIRST_KEYS = 64 };
static const uint64_t no_pair = UINT64_MAX; /* a set that ends sorts first */

struct key {
    uint64_t pair; /* name and value */
    uint32_t count;
    uint32_t start; /* of its group */
    struct gv_slice name, value;
};

struct sorter {
    const struct symbols *symbols;
    struct head_series **spare; /* as many as there are series */
    uint32_t *key_of;           /* of each series, while a group is counted */
    struct key *keys;
    uint32_t *places; /* open addressing: index of a key and 1 */
    uint32_t n_keys, cap;
    struct gv_arena *scratch;
    struct gv_err *err; /* set where the budget is spent */
};
enum { KEY_BYTES = sizeof(struct key) + 2 * sizeof(uint32_t) }; /* with its places; charged to scratch's budget */

static uint64_t pair_at(const struct head_series *s, uint32_t depth)
{
    return depth < s->n_labels ? (uint64_t)s->labels[2 * (size_t)depth] << 32 | s->labels[2 * (size_t)depth + 1]
                               : no_pair;
}

static int compare_symbols(const struct symbols *y, uint32_t a, uint32_t b)
{
    return a == b ? 0 : gv_slice_cmp(symbols_text(y, a), symbols_text(y, b));
}

static int compare_from(const struct symbols *y, const struct head_series *a, const struct head_series *b,
                        uint32_t depth)
{
    for (;; depth++) {
        if (depth == a->n_labels || depth == b->n_labels)
            return (depth < a->n_labels) - (depth < b->n_labels);
        const uint32_t *pa = a->labels + 2 * (size_t)depth, *pb = b->labels + 2 * (size_t)depth;
        int c = compare_symbols(y, pa[0], pb[0]);
        if (!c)
            c = compare_symbols(y, pa[1], pb[1]);
        if (c)
            return c;
    }
}

static void insertion_sort(const struct sorter *o, struct head_series **s, size_t n, uint32_t depth)
{
    for (size_t i = 1; i < n; i++) {
        struct head_series *moved = s[i];
        size_t at = i;
        for (; at && compare_from(o->symbols, s[at - 1], moved, depth) > 0; at--)
            s[at] = s[at - 1];
        s[at] = moved;
    }
}

/* ---- The distinct pairs of a group ---- */

static uint32_t home_of(const struct sorter *o, uint64_t pair)
{
    return (uint32_t)(pair * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (2 * o->cap - 1);
}

static void place_keys(struct sorter *o)
{
    memset(o->places, 0, 2 * (size_t)o->cap * sizeof *o->places);
    for (uint32_t k = 0; k < o->n_keys; k++) {
        uint32_t i = home_of(o, o->keys[k].pair);
        while (o->places[i])
            i = (i + 1) & (2 * o->cap - 1);
        o->places[i] = k + 1;
    }
}

static bool reserve_keys(struct sorter *o, uint32_t cap)
{
    if (!gv_budget_take(o->scratch->budget, cap * (size_t)KEY_BYTES, o->err))
        return false;
    gv_budget_give(o->scratch->budget, o->cap * (size_t)KEY_BYTES);
    o->cap = cap;
    o->keys = realloc(o->keys, cap * sizeof *o->keys);
    o->places = realloc(o->places, 2 * (size_t)cap * sizeof *o->places);
    if (!o->keys || !o->places)
        gv_die("out of memory");
    place_keys(o);
    return true;
}

static const uint32_t no_key = UINT32_MAX; /* the budget is spent */

static uint32_t key_of(struct sorter *o, uint64_t pair)
{
    uint32_t i = home_of(o, pair);
    for (; o->places[i]; i = (i + 1) & (2 * o->cap - 1))
        if (o->keys[o->places[i] - 1].pair == pair)
            return o->places[i] - 1;
    if (o->n_keys == o->cap)
        return reserve_keys(o, 2 * o->cap) ? key_of(o, pair) : no_key;
    o->places[i] = ++o->n_keys;
    o->keys[o->n_keys - 1] = (struct key){.pair = pair};
    return o->n_keys - 1;
}

static int compare_keys(const void *pa, const void *pb)
{
    const struct key *a = pa, *b = pb;
    int c = a->pair >> 32 == b->pair >> 32 ? 0 : gv_slice_cmp(a->name, b->name);
    return c ? c : gv_slice_cmp(a->value, b->value);
}

static void set_texts(struct sorter *o)
{
    for (uint32_t k = 0; k < o->n_keys; k++) {
        struct key *key = &o->keys[k];
        key->start = k; /* for now: where it was before sorting */
        if (key->pair == no_pair)
            continue; /* empty texts sort first */
        key->name = symbols_text(o->symbols, (uint32_t)(key->pair >> 32));
        key->value = symbols_text(o->symbols, (uint32_t)key->pair);
    }
}

/* Distributes a group to the groups of its distinct pairs. Gives the size of each, in order, in scratch; NULL: the
 * budget is spent. */
static uint32_t *distribute(struct sorter *o, struct head_series **s, size_t n, uint32_t *n_groups)
{
    uint32_t *sizes = gv_arena_try(o->scratch, 2 * o->n_keys * sizeof *sizes, o->err), *starts, at = 0;
    if (!sizes)
        return NULL;
    starts = sizes + o->n_keys;
    set_texts(o);
    qsort(o->keys, o->n_keys, sizeof *o->keys, compare_keys);
    for (uint32_t k = 0; k < o->n_keys; k++) {
        sizes[k] = o->keys[k].count;
        starts[o->keys[k].start] = at;
        at += sizes[k];
    }
    for (size_t i = 0; i < n; i++)
        o->spare[starts[o->key_of[i]]++] = s[i];
    memcpy(s, o->spare, n * sizeof *s);
    *n_groups = o->n_keys;
    return sizes;
}

static bool count_keys(struct sorter *o, struct head_series **s, size_t n, uint32_t depth)
{
    enum { AHEAD = 8 };
    o->n_keys = 0;
    if (o->cap <= FIRST_KEYS * 64)
        place_keys(o);
    else if (!reserve_keys(o, FIRST_KEYS))
        return false;
    uint64_t last = 0;
    uint32_t key = 0;
    for (size_t i = 0; i < n; i++) {
        if (i + AHEAD < n)
            __builtin_prefetch(s[i + AHEAD]->labels + 2 * (size_t)depth);
        uint64_t pair = pair_at(s[i], depth);
        if (!i || pair != last)
            key = key_of(o, pair);
        if (key == no_key)
            return false;
        last = pair;
        o->key_of[i] = key;
        o->keys[key].count++;
    }
    return true;
}

static bool sort(struct sorter *o, struct head_series **s, size_t n, uint32_t depth)
{
    for (;; depth++) {
        if (n <= FEW) {
            insertion_sort(o, s, n, depth);
            return true;
        }
        if (!count_keys(o, s, n, depth))
            return false;
        if (o->n_keys > 1)
            break;
        if (o->keys[0].pair == no_pair)
            return true; /* label sets are distinct, but for those of a log that lost a record */
    }
    struct gv_arena_mark mark = gv_arena_mark(o->scratch);
    uint32_t n_groups = 0, *sizes = distribute(o, s, n, &n_groups);
    bool ok = sizes != NULL;
    for (uint32_t i = 0; ok && i < n_groups; s += sizes[i++])
        if (sizes[i] > 1)
            ok = sort(o, s, sizes[i], depth + 1);
    gv_arena_rewind(o->scratch, mark);
    return ok;
}

bool head_order(const struct head *h, struct head_series **series, size_t n, struct gv_arena *scratch,
                struct gv_err *err)
{
    struct gv_arena_mark mark = gv_arena_mark(scratch);
    struct sorter o = {.symbols = &h->symbols, .scratch = scratch, .err = err};
    o.spare = gv_arena_try(scratch, n * sizeof *o.spare, err);
    o.key_of = o.spare ? gv_arena_try(scratch, n * sizeof *o.key_of, err) : NULL;
    bool ok = o.key_of && reserve_keys(&o, FIRST_KEYS) && sort(&o, series, n, 0);
    gv_budget_give(scratch->budget, o.cap * (size_t)KEY_BYTES);
    free(o.keys);
    free(o.places);
    gv_arena_rewind(scratch, mark);
    return ok;
}
