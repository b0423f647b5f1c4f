/* For status/tsdb: what there is most of, from the postings. */
#include "store/head_select.h"

enum { NO_VALUE = SYMBOL_NONE };
struct entry { /* a name, or a pair */
    uint32_t name, value;
    uint64_t n;
};

struct top { /* the largest so far, in no order but that the least is first (a heap) */
    const struct symbols *symbols;
    struct entry *entries;
    size_t n, limit;
};

static struct gv_slice text_of(const struct top *t, uint32_t symbol)
{
    return symbol == NO_VALUE ? (struct gv_slice){NULL, 0} : symbols_text(t->symbols, symbol);
}

/* Of equal ones those whose texts come first are the larger ones. */
static bool is_less(const struct top *t, const struct entry *a, const struct entry *b)
{
    if (a->n != b->n)
        return a->n < b->n;
    int c = a->name == b->name ? 0 : gv_slice_cmp(text_of(t, a->name), text_of(t, b->name));
    return (c ? c : gv_slice_cmp(text_of(t, a->value), text_of(t, b->value))) > 0;
}

static void swap(struct entry *a, struct entry *b)
{
    struct entry was = *a;
    *a = *b;
    *b = was;
}

static void sift(struct top *t, size_t i)
{
    for (size_t child; (child = 2 * i + 1) < t->n; i = child) {
        if (child + 1 < t->n && is_less(t, &t->entries[child + 1], &t->entries[child]))
            child++;
        if (!is_less(t, &t->entries[child], &t->entries[i]))
            return;
        swap(&t->entries[i], &t->entries[child]);
    }
}

static void rise(struct top *t, size_t i)
{
    for (; i && is_less(t, &t->entries[i], &t->entries[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&t->entries[i], &t->entries[(i - 1) / 2]);
}

static void offer(struct top *t, uint32_t name, uint32_t value, uint64_t n)
{
    struct entry e = {name, value, n};
    if (t->n < t->limit) {
        t->entries[t->n] = e;
        rise(t, t->n++);
    } else if (t->n && is_less(t, &t->entries[0], &e)) {
        t->entries[0] = e;
        sift(t, 0);
    }
}

/* The largest first: the least is taken off again and again. */
static void sort(struct top *t)
{
    size_t n = t->n;
    while (t->n > 1) {
        swap(&t->entries[0], &t->entries[--t->n]);
        sift(t, 0);
    }
    t->n = n;
}

/* name, or name=value; either may hold any byte. */
static struct gv_slice full_text(const struct top *t, const struct entry *e, struct gv_arena *a)
{
    struct gv_slice name = text_of(t, e->name), value = text_of(t, e->value);
    if (e->value == NO_VALUE)
        return gv_arena_dup(a, name);
    char *text = gv_arena_alloc(a, name.n + 1 + value.n);
    memcpy(text, name.p, name.n);
    text[name.n] = '=';
    memcpy(text + name.n + 1, value.p, value.n);
    return (struct gv_slice){text, name.n + 1 + value.n};
}

static bool done(struct top *t, struct gv_arena *a, struct gv_store_stat **out, size_t *n, struct gv_err *err)
{
    *out = gv_arena_try(a, (t->n + 1) * sizeof **out, err);
    if (!*out)
        return false;
    sort(t);
    for (size_t i = 0; i < t->n; i++)
        (*out)[i] = (struct gv_store_stat){full_text(t, &t->entries[i], a), t->entries[i].n};
    *n = t->n;
    return true;
}

struct tops {
    struct top metrics, values, bytes, pairs;
    uint64_t label_pairs;
};

/* How many series each of some values has. */
static void count_series(struct head *h, uint32_t name, const uint64_t *values, size_t n, uint32_t *counts)
{
    pthread_rwlock_rdlock(&h->index);
    for (size_t i = 0; i < n; i++) {
        const struct postings_list *l = postings_find(&h->postings, name, (uint32_t)values[i]);
        counts[i] = l ? l->n : 0;
    }
    pthread_rwlock_unlock(&h->index);
}

/* Some values at a time: nobody waits for long for the lock. */
static void look_at_values(struct head *h, uint32_t name, const uint64_t *values, size_t n, struct tops *t)
{
    enum { SOME = 1024 };
    uint32_t counts[SOME];
    bool is_metric = gv_slice_eq(symbols_text(&h->symbols, name), GV_LABEL_NAME);
    for (size_t i = 0, some; i < n; i += some) {
        some = n - i < SOME ? n - i : SOME;
        count_series(h, name, values + i, some, counts);
        for (size_t j = 0; j < some; j++) {
            uint32_t value = (uint32_t)values[i + j];
            if (!counts[j]) /* gone meanwhile */
                continue;
            if (is_metric)
                offer(&t->metrics, value, NO_VALUE, counts[j]);
            offer(&t->pairs, name, value, counts[j]);
        }
    }
}

static bool look_at_name(struct head *h, uint32_t name, struct tops *t, struct gv_err *err)
{
    struct gv_arena scratch;
    uint64_t *values, bytes = 0;
    size_t n;
    gv_arena_init(&scratch, NULL);
    bool ok = head_copy_values(h, &scratch, name, &values, &n, err);
    if (ok) {
        look_at_values(h, name, values, n, t);
        for (size_t i = 0; i < n; i++)
            bytes += symbols_text(&h->symbols, (uint32_t)values[i]).n;
        if (n) {
            offer(&t->values, name, NO_VALUE, n);
            offer(&t->bytes, name, NO_VALUE, bytes);
        }
        t->label_pairs += n;
    }
    gv_arena_fini(&scratch);
    return ok;
}

static bool look_at_all(struct head *h, struct gv_arena *a, struct tops *t, struct gv_err *err)
{
    uint64_t *names;
    size_t n;
    if (!head_copy_values(h, a, POSTINGS_VALUES, &names, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!look_at_name(h, (uint32_t)names[i], t, err))
            return false;
    return true;
}

static uint64_t count_pairs(struct head *h)
{
    pthread_rwlock_rdlock(&h->index);
    uint64_t n = h->postings.pairs;
    pthread_rwlock_unlock(&h->index);
    return n;
}

bool head_cardinality(struct head *h, struct gv_arena *a, size_t limit, struct gv_store_cardinality *out,
                      struct gv_err *err)
{
    struct tops t = {.label_pairs = 0};
    struct top *const each[] = {&t.metrics, &t.values, &t.bytes, &t.pairs};
    uint64_t pairs = count_pairs(h); /* as many as there are of the others at most */
    for (size_t i = 0; i < GV_COUNT(each); i++) {
        each[i]->symbols = &h->symbols;
        each[i]->limit = limit < pairs ? limit : pairs;
        each[i]->entries = gv_arena_try(a, (each[i]->limit + 1) * sizeof(struct entry), err);
        if (!each[i]->entries)
            return false;
    }
    struct store_reader *r = head_reader_get(h, INT64_MIN); /* texts stay */
    bool ok = look_at_all(h, a, &t, err);
    *out = (struct gv_store_cardinality){.label_pairs = t.label_pairs};
    ok = ok && done(&t.metrics, a, &out->series_by_metric, &out->n_metrics, err) &&
         done(&t.values, a, &out->values_by_label, &out->n_values, err) &&
         done(&t.bytes, a, &out->bytes_by_label, &out->n_bytes, err) &&
         done(&t.pairs, a, &out->series_by_pair, &out->n_pairs, err);
    head_reader_put(r);
    return ok;
}
