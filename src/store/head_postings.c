/* One hash table holds all lists: those of pairs under (name, value), the values of a name under (name, VALUES), the
 * names under (VALUES, VALUES). */
#include "store/head_postings.h"
#include "base/err.h"
#include <stdlib.h>

enum { FIRST_PLACES = 1024, FIRST_NUMBERS = 4 };

struct postings_numbers {
    uint64_t base; /* narrow */
    union {
        uint32_t narrow[1];
        uint64_t wide[1];
    };
};

static struct postings_list *new_places(size_t n)
{
    struct postings_list *l = calloc(n, sizeof *l);
    if (!l)
        gv_die("out of memory");
    return l;
}

void postings_init(struct postings *p)
{
    *p = (struct postings){.places = new_places(FIRST_PLACES), .mask = FIRST_PLACES - 1};
}

static void free_numbers(struct postings_list *l)
{
    if (l->cap)
        free(l->many);
}

void postings_fini(struct postings *p)
{
    for (uint32_t i = 0; i <= p->mask; i++)
        free_numbers(&p->places[i]);
    free_numbers(&p->all);
    free(p->places);
}

/* ---- One list ---- */

static size_t numbers_size(size_t cap, bool is_wide)
{
    return offsetof(struct postings_numbers, narrow) + cap * (is_wide ? sizeof(uint64_t) : sizeof(uint32_t));
}

uint64_t postings_at(const struct postings_list *l, uint32_t i)
{
    if (!l->cap)
        return l->one;
    return l->is_wide ? l->many->wide[i] : l->many->base + l->many->narrow[i];
}

void postings_copy(const struct postings_list *l, uint32_t n, uint64_t *to)
{
    if (!l->cap || l->is_wide) {
        memcpy(to, l->cap ? l->many->wide : &l->one, n * sizeof *to);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        to[i] = l->many->base + l->many->narrow[i];
}

static void set_at(struct postings_list *l, uint32_t i, uint64_t v)
{
    if (!l->cap)
        l->one = v;
    else if (l->is_wide)
        l->many->wide[i] = v;
    else
        l->many->narrow[i] = (uint32_t)(v - l->many->base);
}

/* Anew, with room for cap numbers up to `highest`. */
static void resize(struct postings *p, struct postings_list *l, uint32_t cap, uint64_t highest)
{
    struct postings_list bigger = *l;
    uint64_t base = l->value == POSTINGS_VALUES ? 0 : l->n ? postings_at(l, 0) : highest;
    bigger.is_wide = highest - base > UINT32_MAX;
    bigger.cap = cap;
    bigger.many = malloc(numbers_size(cap, bigger.is_wide));
    if (!bigger.many)
        gv_die("out of memory");
    bigger.many->base = base;
    if (l->cap && bigger.is_wide == l->is_wide && base == l->many->base)
        memcpy(bigger.many, l->many, numbers_size(l->n, l->is_wide));
    else
        for (uint32_t i = 0; i < l->n; i++)
            set_at(&bigger, i, postings_at(l, i));
    if (l->cap)
        p->numbers_bytes -= numbers_size(l->cap, l->is_wide);
    p->numbers_bytes += numbers_size(cap, bigger.is_wide);
    free_numbers(l);
    *l = bigger;
}

static void append(struct postings *p, struct postings_list *l, uint64_t v)
{
    if (l->n == 0 && !l->cap) {
        l->one = v;
        l->n = 1;
        return;
    }
    if (l->n >= l->cap)
        resize(p, l, l->cap ? l->cap + l->cap / 2 : FIRST_NUMBERS, v);
    else if (!l->is_wide && v - l->many->base > UINT32_MAX)
        resize(p, l, l->cap, v);
    set_at(l, l->n++, v);
}

static void drop_list(struct postings *p, struct postings_list *l)
{
    if (l->cap)
        p->numbers_bytes -= numbers_size(l->cap, l->is_wide);
    free_numbers(l);
    l->cap = l->n = 0;
    l->is_wide = false;
}

/* Room that is mostly empty. */
static void give_back(struct postings *p, struct postings_list *l)
{
    if (l->cap > FIRST_NUMBERS && l->n < l->cap / 4)
        resize(p, l, l->n + l->n / 2 + FIRST_NUMBERS, l->value == POSTINGS_VALUES ? 0 : postings_at(l, l->n - 1));
}

/* Takes out those of `numbers`; both ascend. */
static void subtract(struct postings *p, struct postings_list *l, const uint64_t *numbers, size_t n)
{
    uint32_t kept = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        uint64_t v = postings_at(l, i);
        while (at < n && numbers[at] < v)
            at++;
        if (at == n || numbers[at] != v)
            set_at(l, kept++, v);
    }
    l->n = kept;
    if (!kept)
        drop_list(p, l);
    else
        give_back(p, l);
}

/* ---- The table ---- */

static uint32_t home_of(const struct postings *p, uint32_t name, uint32_t value)
{
    uint64_t key = ((uint64_t)name << 32 | value) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(key >> 32) & p->mask;
}

static struct postings_list *place_of(const struct postings *p, uint32_t name, uint32_t value)
{
    for (uint32_t i = home_of(p, name, value);; i = (i + 1) & p->mask) {
        struct postings_list *l = &p->places[i];
        if (!l->n || (l->name == name && l->value == value))
            return l;
    }
}

const struct postings_list *postings_find(const struct postings *p, uint32_t name, uint32_t value)
{
    const struct postings_list *l = place_of(p, name, value);
    return l->n ? l : NULL;
}

/* A table of n places, a power of 2. */
static void replace_table(struct postings *p, uint32_t n)
{
    struct postings_list *old = p->places;
    uint32_t was = p->mask + 1;
    p->mask = n - 1;
    p->places = new_places(n);
    for (uint32_t i = 0; i < was; i++)
        if (old[i].n)
            *place_of(p, old[i].name, old[i].value) = old[i];
    free(old);
}

static void close_gap(struct postings *p, uint32_t i)
{
    for (uint32_t j = (i + 1) & p->mask; p->places[j].n; j = (j + 1) & p->mask) {
        uint32_t home = home_of(p, p->places[j].name, p->places[j].value);
        if (((j - home) & p->mask) < ((j - i) & p->mask))
            continue;
        p->places[i] = p->places[j];
        i = j;
    }
    p->places[i] = (struct postings_list){0};
}

/* Adds a number to the list of (name, value); what it was before. */
static uint32_t add(struct postings *p, uint32_t name, uint32_t value, uint64_t number)
{
    struct postings_list *l = place_of(p, name, value);
    uint32_t before = l->n;
    if (!before) {
        *l = (struct postings_list){.name = name, .value = value};
        p->in_use++;
    }
    append(p, l, number);
    if (!before && p->in_use >= p->mask / 4 * 3)
        replace_table(p, 2 * (p->mask + 1));
    return before;
}

static void add_pair(struct postings *p, uint64_t series, uint32_t name, uint32_t value)
{
    if (add(p, name, value, series))
        return;
    uint32_t position = add(p, name, POSTINGS_VALUES, value);
    place_of(p, name, value)->position = position;
    p->pairs++;
    if (!position) {
        position = add(p, POSTINGS_VALUES, POSTINGS_VALUES, name);
        place_of(p, name, POSTINGS_VALUES)->position = position;
    }
}

void postings_add(struct postings *p, uint64_t series, const uint32_t *labels, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        add_pair(p, series, labels[2 * (size_t)i], labels[2 * (size_t)i + 1]);
    append(p, &p->all, series);
}

static void remove_list(struct postings *p, struct postings_list *l)
{
    drop_list(p, l);
    close_gap(p, (uint32_t)(l - p->places));
    p->in_use--;
    if (p->mask >= FIRST_PLACES && p->in_use < p->mask / 8)
        replace_table(p, (p->mask + 1) / 2);
}

/* Out of a list in no order: its last number takes the place. Gives that number; SYMBOL_NONE: the list is gone. */
static uint32_t replace_by_last(struct postings *p, struct postings_list *l, uint32_t position)
{
    uint32_t last = (uint32_t)postings_at(l, l->n - 1);
    set_at(l, position, last);
    if (!--l->n) {
        remove_list(p, l);
        return SYMBOL_NONE;
    }
    give_back(p, l);
    return last;
}

static void remove_name(struct postings *p, uint32_t name, uint32_t position)
{
    uint32_t moved = replace_by_last(p, place_of(p, POSTINGS_VALUES, POSTINGS_VALUES), position);
    if (moved != SYMBOL_NONE && moved != name)
        place_of(p, moved, POSTINGS_VALUES)->position = position;
}

static void remove_value(struct postings *p, uint32_t name, uint32_t value, uint32_t position)
{
    struct postings_list *values = place_of(p, name, POSTINGS_VALUES);
    uint32_t place = values->position, moved = replace_by_last(p, values, position);
    p->pairs--;
    if (moved == SYMBOL_NONE)
        remove_name(p, name, place);
    else if (moved != value)
        place_of(p, name, moved)->position = position;
}

void postings_remove(struct postings *p, uint32_t name, uint32_t value, const uint64_t *series, size_t n)
{
    struct postings_list *l = place_of(p, name, value);
    if (!l->n)
        return;
    uint32_t position = l->position;
    subtract(p, l, series, n);
    if (l->n)
        return;
    remove_list(p, l);
    remove_value(p, name, value, position);
}

void postings_remove_all(struct postings *p, const uint64_t *series, size_t n)
{
    subtract(p, &p->all, series, n);
}

size_t postings_memory(const struct postings *p)
{
    return p->numbers_bytes + (p->mask + 1) * sizeof *p->places;
}
