/* For status/tsdb: what there is most of, from the postings. */
#include "store/head_impl.h"
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
    } else if (t->limit && is_less(&t->stats[0], &s)) {
        t->stats[0] = s;
        sift(t, 0);
    }
}

static int largest_first(const void *pa, const void *pb)
{
    const struct gv_store_stat *a = pa, *b = pb;
    return is_less(a, b) ? 1 : is_less(b, a) ? -1 : 0;
}

/* Sorts, and copies the names; under the index's lock. */
static void done(struct top *t, struct gv_arena *a, struct gv_store_stat **out, size_t *n)
{
    if (t->n)
        qsort(t->stats, t->n, sizeof *t->stats, largest_first);
    for (size_t i = 0; i < t->n; i++)
        t->stats[i].name = gv_arena_dup(a, t->stats[i].name);
    *out = t->stats;
    *n = t->n;
}

struct pairs { /* the largest so far, largest first */
    const struct postings_list **lists;
    size_t n, limit;
};

static void offer_pair(struct pairs *p, const struct postings_list *l)
{
    if (p->n == p->limit && p->lists[p->n - 1]->n >= l->n)
        return;
    size_t at = p->n < p->limit ? p->n++ : p->n - 1;
    while (at && p->lists[at - 1]->n < l->n) {
        p->lists[at] = p->lists[at - 1];
        at--;
    }
    p->lists[at] = l;
}

static void name_pairs(const struct symbols *y, const struct pairs *p, struct gv_arena *a, struct gv_store_stat **out,
                       size_t *n)
{
    *out = gv_arena_array(a, struct gv_store_stat, p->n);
    *n = p->n;
    for (size_t i = 0; i < p->n; i++) {
        struct gv_slice name = symbols_text(y, p->lists[i]->name), value = symbols_text(y, p->lists[i]->value);
        const char *text = gv_arena_printf(a, "%.*s=%.*s", GV_ARG(name), GV_ARG(value));
        (*out)[i] = (struct gv_store_stat){gv_slice_of(text), p->lists[i]->n};
    }
}

struct tops {
    struct top metrics, values, bytes;
    struct pairs pairs;
};

static void look_at_name(const struct head *h, uint32_t name, struct tops *t)
{
    const struct postings_list *values = postings_values(&h->postings, name);
    struct gv_slice text = symbols_text(&h->symbols, name);
    bool is_metric = gv_slice_eq(text, GV_LABEL_NAME);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < values->n; i++) {
        uint32_t value = (uint32_t)postings_at(values, i);
        const struct postings_list *l = postings_find(&h->postings, name, value);
        bytes += symbols_text(&h->symbols, value).n;
        if (is_metric)
            offer(&t->metrics, symbols_text(&h->symbols, value), l->n);
        offer_pair(&t->pairs, l);
    }
    offer(&t->values, text, values->n);
    offer(&t->bytes, text, bytes);
}

bool head_cardinality(struct head *h, struct gv_arena *a, size_t limit, struct gv_store_cardinality *out,
                      struct gv_err *err)
{
    struct tops t = {.pairs.limit = limit};
    struct top *const each[] = {&t.metrics, &t.values, &t.bytes};
    *out = (struct gv_store_cardinality){0};
    for (size_t i = 0; i < GV_COUNT(each); i++) {
        each[i]->limit = limit;
        each[i]->stats = gv_arena_try(a, (limit + 1) * sizeof(struct gv_store_stat), err);
        if (!each[i]->stats)
            return false;
    }
    t.pairs.lists = gv_arena_array(a, const struct postings_list *, limit + 1);
    pthread_rwlock_rdlock(&h->index);
    const struct postings_list *names = postings_names(&h->postings);
    for (uint32_t i = 0; limit && names && i < names->n; i++)
        look_at_name(h, (uint32_t)postings_at(names, i), &t);
    out->label_pairs = h->postings.pairs;
    done(&t.metrics, a, &out->series_by_metric, &out->n_metrics);
    done(&t.values, a, &out->values_by_label, &out->n_values);
    done(&t.bytes, a, &out->bytes_by_label, &out->n_bytes);
    name_pairs(&h->symbols, &t.pairs, a, &out->series_by_pair, &out->n_pairs);
    pthread_rwlock_unlock(&h->index);
    return true;
}
