/* Exemplars: a ring of the newest ones of all series. A series knows the place of its newest one, which is its own only
 * as long as the ring says so. */
#include "store/head_order.h"
#include "store/head_record.h"
#include "store/head_select.h"
#include <stdlib.h>

struct exemplar {
    uint64_t series; /* 0: the place is free */
    int64_t time;
    double value;
    struct gv_labels *labels; /* heap */
};

struct head_exemplars {
    pthread_mutex_t lock;
    struct exemplar *ring;
    size_t n, next; /* n: of the ring */
    uint64_t used;
};

void head_exemplars_init(struct head *h)
{
    struct head_exemplars *e = calloc(1, sizeof *e);
    if (!e)
        gv_die("out of memory");
    pthread_mutex_init(&e->lock, NULL);
    e->n = h->options.max_exemplars > 0 ? (size_t)h->options.max_exemplars : 0;
    h->exemplars = e;
}

void head_exemplars_fini(struct head *h)
{
    struct head_exemplars *e = h->exemplars;
    for (size_t i = 0; e->ring && i < e->n; i++)
        free(e->ring[i].labels);
    pthread_mutex_destroy(&e->lock);
    free(e->ring);
    free(e);
}

uint64_t head_count_exemplars(struct head *h)
{
    pthread_mutex_lock(&h->exemplars->lock);
    uint64_t n = h->exemplars->used;
    pthread_mutex_unlock(&h->exemplars->lock);
    return n;
}

/* ---- Appending ---- */

static struct gv_labels *copy_labels(const struct gv_labels *l)
{
    struct gv_labels *copy = malloc(sizeof *copy + l->size);
    if (!copy)
        gv_die("out of memory");
    memcpy(copy, l, sizeof *copy + l->size);
    return copy;
}

static void put(struct head_exemplars *e, struct head_extra *x, const struct gv_store_exemplar *added)
{
    if (!e->ring && !(e->ring = calloc(e->n, sizeof *e->ring)))
        gv_die("out of memory");
    struct exemplar *place = &e->ring[e->next];
    e->used += !place->series;
    free(place->labels);
    *place = (struct exemplar){added->series, added->time, added->value, copy_labels(added->labels)};
    x->newest_exemplar = (uint32_t)e->next;
    e->next = (e->next + 1) % e->n;
}

static bool is_same(const struct exemplar *e, const struct gv_store_exemplar *other)
{
    return e->time == other->time && memcmp(&e->value, &other->value, sizeof e->value) == 0 &&
           gv_labels_eq(e->labels, other->labels);
}

static enum gv_append_verdict judge(const struct head_exemplars *e, const struct head_extra *x,
                                    const struct gv_store_exemplar *added)
{
    const struct exemplar *newest = e->ring ? &e->ring[x->newest_exemplar] : NULL;
    if (!newest || newest->series != added->series || added->time > newest->time)
        return GV_APPEND_STORED;
    if (is_same(newest, added))
        return GV_APPEND_SAME;
    return added->time == newest->time ? GV_APPEND_DUPLICATE : GV_APPEND_OUT_OF_ORDER;
}

static enum gv_append_verdict append(struct head *h, const struct gv_store_exemplar *added)
{
    struct head_stripe *stripe = head_stripe_of(h, added->series);
    enum gv_append_verdict verdict = GV_APPEND_GONE;
    pthread_mutex_lock(&stripe->lock);
    struct head_series *s = head_find(stripe, added->series);
    if (s && !s->is_gone) {
        struct head_extra *x = head_extra_of(stripe, s);
        pthread_mutex_lock(&h->exemplars->lock);
        verdict = judge(h->exemplars, x, added);
        if (verdict == GV_APPEND_STORED)
            put(h->exemplars, x, added);
        pthread_mutex_unlock(&h->exemplars->lock);
    }
    pthread_mutex_unlock(&stripe->lock);
    return verdict;
}

static void put_record(struct gv_buf *out, struct record_last *last, const struct gv_store_exemplar *e)
{
    uint64_t bits;
    memcpy(&bits, &e->value, sizeof bits);
    record_put_place(out, last, e->series, e->time);
    put_be64(out, bits);
    record_put_text(out, gv_labels_bytes(e->labels));
}

/* The lock is held for some places of the ring at a time: appends, which hold a stripe meanwhile, do not wait for all.
 */
enum { SOME_PLACES = 1024 };
typedef void place_fn(void *arg, const struct exemplar *x); /* under the lock */

/* From the oldest on, where fewer are added meanwhile than are passed. */
static void for_exemplars(struct head_exemplars *e, place_fn *fn, void *arg)
{
    pthread_mutex_lock(&e->lock);
    size_t start = e->next, n = e->ring ? e->n : 0;
    for (size_t i = 0; i < n; i++) {
        const struct exemplar *x = &e->ring[(start + i) % n];
        if (x->series)
            fn(arg, x);
        if (i % SOME_PLACES == SOME_PLACES - 1) {
            pthread_mutex_unlock(&e->lock);
            pthread_mutex_lock(&e->lock);
        }
    }
    pthread_mutex_unlock(&e->lock);
}

void head_append_exemplars(struct head *h, const struct gv_store_batch *b, struct gv_buf *record)
{
    struct record_last last = {0};
    size_t begun = record_begin(record, RECORD_EXEMPLARS);
    for (size_t i = 0; i < b->n_exemplars; i++) {
        enum gv_append_verdict verdict = h->exemplars->n ? append(h, &b->exemplars[i]) : GV_APPEND_SAME;
        b->exemplar_verdicts[i] = verdict;
        if (h->exemplars->n && (verdict == GV_APPEND_STORED || verdict == GV_APPEND_SAME))
            put_record(record, &last, &b->exemplars[i]);
    }
    record_end_or_drop(record, begun);
}

struct putting {
    struct gv_buf *record;
    struct record_last last;
};

static void put_one(void *arg, const struct exemplar *x)
{
    struct putting *p = arg;
    put_record(p->record, &p->last, &(struct gv_store_exemplar){x->series, x->time, x->value, x->labels});
}

void head_put_exemplars(struct head *h, struct gv_buf *record)
{
    struct putting p = {.record = record};
    size_t begun = record_begin(record, RECORD_EXEMPLARS);
    for_exemplars(h->exemplars, put_one, &p);
    record_end_or_drop(record, begun);
}

bool head_replay_exemplars(struct head *h, struct byte_reader *r)
{
    struct gv_store_exemplar e = {0};
    while (bytes_left(r)) {
        e.series += (uint64_t)take_varint(r);
        e.time = (int64_t)((uint64_t)e.time + (uint64_t)take_varint(r));
        uint64_t bits = take_be64(r);
        memcpy(&e.value, &bits, sizeof bits);
        struct gv_slice blob = take_bytes(r, take_uvarint(r));
        if (r->bad || !record_is_label_set(blob))
            return false;
        struct gv_arena a;
        gv_arena_init(&a, NULL);
        e.labels = gv_labels_of_bytes(&a, blob);
        if (h->exemplars->n)
            append(h, &e);
        gv_arena_fini(&a);
    }
    return !r->bad;
}

/* ---- Reading ---- */

static int by_address(const void *a, const void *b)
{
    uintptr_t l = (uintptr_t) * (struct head_series *const *)a, r = (uintptr_t) * (struct head_series *const *)b;
    return (l > r) - (l < r);
}

/* The series that any of the sets matches, in label order. */
static bool select_any(struct head_reader *r, struct gv_arena *a, const struct gv_store_matchers *sets, size_t n_sets,
                       struct head_series ***out, size_t *n, struct gv_err *err)
{
    const struct gv_store_matchers everything = {NULL, 0};
    struct head_series **all = NULL, **some;
    size_t cap = 0, n_some, kept = 0;
    *n = 0;
    for (size_t i = 0; i < (n_sets ? n_sets : 1); i++) {
        const struct gv_store_matchers *set = n_sets ? &sets[i] : &everything;
        if (!head_select(r, a, set->matchers, set->n, INT64_MIN, INT64_MAX, &some, &n_some, err))
            return false;
        for (size_t j = 0; j < n_some; j++)
            gv_push(a, all, *n, cap) = some[j];
    }
    if (*n)
        qsort(all, *n, sizeof(struct head_series *), by_address);
    for (size_t i = 0; i < *n; i++)
        if (!kept || all[kept - 1] != all[i])
            all[kept++] = all[i];
    *n = kept;
    *out = all;
    return head_order(r->head, all, kept, a, err);
}

struct ranked { /* a series' number, and its place in label order */
    uint64_t id;
    size_t rank;
};

static int by_id(const void *a, const void *b)
{
    uint64_t l = ((const struct ranked *)a)->id, r = ((const struct ranked *)b)->id;
    return (l > r) - (l < r);
}

struct hit {
    size_t rank;
    struct gv_store_exemplar exemplar;
};

static int by_rank_and_time(const void *pa, const void *pb)
{
    const struct hit *a = pa, *b = pb;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return (a->exemplar.time > b->exemplar.time) - (a->exemplar.time < b->exemplar.time);
}

struct search {
    struct gv_arena *arena;
    const struct ranked *ids;
    size_t n_ids;
    int64_t min_time, max_time;
    struct hit *hits;
    size_t n, cap;
};

static void find_one(void *arg, const struct exemplar *x)
{
    struct search *s = arg;
    if (x->time < s->min_time || x->time > s->max_time)
        return;
    const struct ranked wanted = {.id = x->series};
    const struct ranked *found = s->n_ids ? bsearch(&wanted, s->ids, s->n_ids, sizeof *s->ids, by_id) : NULL;
    if (found)
        gv_push(s->arena, s->hits, s->n, s->cap) =
            (struct hit){found->rank, {x->series, x->time, x->value, gv_labels_dup(s->arena, x->labels)}};
}

static struct hit *find_hits(struct head_exemplars *e, struct gv_arena *a, const struct ranked *ids, size_t n_ids,
                             int64_t min_time, int64_t max_time, size_t *n)
{
    struct search s = {.arena = a, .ids = ids, .n_ids = n_ids, .min_time = min_time, .max_time = max_time};
    for_exemplars(e, find_one, &s);
    if (s.n)
        qsort(s.hits, s.n, sizeof *s.hits, by_rank_and_time);
    *n = s.n;
    return s.hits;
}

static void group(const struct head *h, struct gv_arena *a, struct head_series **series, const struct hit *hits,
                  size_t n_hits, struct gv_store_exemplars **out, size_t *n)
{
    struct gv_store_exemplars *groups = NULL;
    size_t cap = 0;
    struct gv_store_exemplar *all = gv_arena_array(a, struct gv_store_exemplar, n_hits);
    *n = 0;
    for (size_t i = 0; i < n_hits; i++) {
        all[i] = hits[i].exemplar;
        if (!i || hits[i].rank != hits[i - 1].rank)
            gv_push(a, groups, *n, cap) =
                (struct gv_store_exemplars){head_labels_of(h, series[hits[i].rank], a), &all[i], 0};
        groups[*n - 1].n++;
    }
    *out = groups;
}

bool head_exemplars(struct head *h, struct gv_arena *a, const struct gv_store_matchers *sets, size_t n_sets,
                    int64_t min_time, int64_t max_time, struct gv_store_exemplars **out, size_t *n, struct gv_err *err)
{
    struct head_series **series;
    size_t n_series, n_hits;
    struct store_reader *reader = head_reader_get(h, INT64_MIN);
    struct head_reader *r = container_of(reader, struct head_reader, reader);
    bool ok = select_any(r, a, sets, n_sets, &series, &n_series, err);
    if (ok) {
        struct ranked *ids = gv_arena_array(a, struct ranked, n_series);
        for (size_t i = 0; i < n_series; i++)
            ids[i] = (struct ranked){series[i]->id, i};
        qsort(ids, n_series, sizeof *ids, by_id);
        struct hit *hits = find_hits(h->exemplars, a, ids, n_series, min_time, max_time, &n_hits);
        group(h, a, series, hits, n_hits, out, n);
    }
    head_reader_put(reader);
    return ok;
}
