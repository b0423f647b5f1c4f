/* For status/tsdb: what there is most of, from the postings. */
#include "store/head_select.h"
#include <stdlib.h>

struct top { /* the largest so far, in no order but that the least is first (a heap) */
    struct gv_store_stat *stats;
    size_t n, limit;
};

static bool is_less(const struct gv_store_stat *a, const struct gv_store_stat *b)
{
    return a->value != b->value ? a->value < b->value : gv_slice_cmp(a->name, b->name) > 0;
}

static void sift(struct top *t, size_t i)
{
    for (size_t child; (child = 2 * i + 1) < t->n; i = child) {
        if (child + 1 < t->n && is_less(&t->stats[child + 1], &t->stats[child]))
            child++;
        if (!is_less(&t->stats[child], &t->stats[i]))
            return;
        struct gv_store_stat s = t->stats[i];
        t->stats[i] = t->stats[child];
        t->stats[child] = s;
    }
}

static void rise(struct top *t, size_t i)
{
    for (; i && is_less(&t->stats[i], &t->stats[(i - 1) / 2]); i = (i - 1) / 2) {
        struct gv_store_stat s = t->stats[i];
        t->stats[i] = t->stats[(i - 1) / 2];
        t->stats[(i - 1) / 2] = s;
    }
}

static void offer(struct top *t, struct gv_slice name, uint64_t value)
{
    struct gv_store_stat s = {name, value};
    if (t->n < t->limit) {
        t->stats[t->n] = s;
        rise(t, t->n++);
    } else if (is_less(&t->stats[0], &s)) {
        t->stats[0] = s;
        sift(t, 0);
    }
}

static int largest_first(const void *pa, const void *pb)
{
    const struct gv_store_stat *a = pa, *b = pb;
    return is_less(a, b) ? 1 : is_less(b, a) ? -1 : 0;
}

/* Sorts, and copies the names. */
static void done(struct top *t, struct gv_arena *a, struct gv_store_stat **out, size_t *n)
{
    if (t->n)
        qsort(t->stats, t->n, sizeof *t->stats, largest_first);
    for (size_t i = 0; i < t->n; i++)
        t->stats[i].name = gv_arena_dup(a, t->stats[i].name);
    *out = t->stats;
    *n = t->n;
}

struct pair {
    uint32_t name, value, n;
};
struct pairs { /* the largest so far, largest first */
    struct pair *pairs;
    size_t n, limit;
};

static void offer_pair(struct pairs *p, struct pair added)
{
    if (p->n == p->limit && p->pairs[p->n - 1].n >= added.n)
        return;
    size_t at = p->n < p->limit ? p->n++ : p->n - 1;
    for (; at && p->pairs[at - 1].n < added.n; at--)
        p->pairs[at] = p->pairs[at - 1];
    p->pairs[at] = added;
}

static void name_pairs(const struct symbols *y, const struct pairs *p, struct gv_arena *a, struct gv_store_stat **out,
                       size_t *n)
{
    *out = gv_arena_array(a, struct gv_store_stat, p->n);
    *n = p->n;
    for (size_t i = 0; i < p->n; i++) {
        struct gv_slice name = symbols_text(y, p->pairs[i].name), value = symbols_text(y, p->pairs[i].value);
        const char *text = gv_arena_printf(a, "%.*s=%.*s", GV_ARG(name), GV_ARG(value));
        (*out)[i] = (struct gv_store_stat){gv_slice_of(text), p->pairs[i].n};
    }
}

struct tops {
    struct top metrics, values, bytes;
    struct pairs pairs;
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
            if (is_metric)
                offer(&t->metrics, symbols_text(&h->symbols, (uint32_t)values[i + j]), counts[j]);
            offer_pair(&t->pairs, (struct pair){name, (uint32_t)values[i + j], counts[j]});
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
        offer(&t->values, symbols_text(&h->symbols, name), n);
        offer(&t->bytes, symbols_text(&h->symbols, name), bytes);
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

bool head_cardinality(struct head *h, struct gv_arena *a, size_t limit, struct gv_store_cardinality *out,
                      struct gv_err *err)
{
    struct tops t = {.pairs.limit = limit ? limit : 1};
    struct top *const each[] = {&t.metrics, &t.values, &t.bytes};
    for (size_t i = 0; i < GV_COUNT(each); i++) {
        each[i]->limit = t.pairs.limit;
        each[i]->stats = gv_arena_try(a, t.pairs.limit * sizeof(struct gv_store_stat), err);
        if (!each[i]->stats)
            return false;
    }
    t.pairs.pairs = gv_arena_array(a, struct pair, t.pairs.limit);
    struct store_reader *r = head_reader_get(h, INT64_MIN); /* texts stay */
    bool ok = look_at_all(h, a, &t, err);
    *out = (struct gv_store_cardinality){.label_pairs = t.label_pairs};
    done(&t.metrics, a, &out->series_by_metric, &out->n_metrics);
    done(&t.values, a, &out->values_by_label, &out->n_values);
    done(&t.bytes, a, &out->bytes_by_label, &out->n_bytes);
    name_pairs(&h->symbols, &t.pairs, a, &out->series_by_pair, &out->n_pairs);
    head_reader_put(r);
    return ok;
}
