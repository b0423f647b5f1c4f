/* Series by number: in every stripe a hash table of leaves, each of which has the series of 256 numbers in a row; what
 * a batch brings is mostly in a row too. Series by labels: a hash table in every shard. */
#include "store/head_record.h"
#include <stdlib.h>

enum { FIRST_LEAVES = 8, FIRST_PLACES = 16 };

static void *zeroed(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (!p)
        gv_die("out of memory");
    return p;
}

void head_tables_init(struct head *h)
{
    for (size_t i = 0; i < HEAD_STRIPES; i++) {
        pthread_mutex_init(&h->stripes[i].lock, NULL);
        h->stripes[i].leaves = zeroed(FIRST_LEAVES, sizeof(struct head_leaf *));
        h->stripes[i].mask = FIRST_LEAVES - 1;
    }
    for (size_t i = 0; i < HEAD_SHARDS; i++) {
        pthread_mutex_init(&h->shards[i].lock, NULL);
        h->shards[i].places = zeroed(FIRST_PLACES, sizeof(struct head_place));
        h->shards[i].mask = FIRST_PLACES - 1;
    }
}

static void free_leaf(struct head_stripe *stripe, struct head_leaf *leaf)
{
    for (size_t i = 0; i < HEAD_LEAF; i++)
        if (leaf->series[i])
            head_free_series(stripe, leaf->series[i]);
    free(leaf);
}

void head_tables_fini(struct head *h)
{
    for (size_t i = 0; i < HEAD_STRIPES; i++) {
        struct head_stripe *s = &h->stripes[i];
        for (uint32_t j = 0; j <= s->mask; j++)
            if (s->leaves[j])
                free_leaf(s, s->leaves[j]);
        head_blocks_fini(s);
        free(s->leaves);
        pthread_mutex_destroy(&s->lock);
    }
    for (size_t i = 0; i < HEAD_SHARDS; i++) {
        free(h->shards[i].places);
        pthread_mutex_destroy(&h->shards[i].lock);
    }
}

/* ---- By number ---- */

static uint32_t leaf_home(const struct head_stripe *s, uint64_t number)
{
    return (uint32_t)(number / HEAD_STRIPES) & s->mask;
}

static struct head_leaf **leaf_place(const struct head_stripe *s, uint64_t number)
{
    uint32_t i = leaf_home(s, number);
    while (s->leaves[i] && s->leaves[i]->number != number)
        i = (i + 1) & s->mask;
    return &s->leaves[i];
}

struct head_leaf *head_leaf_find(const struct head_stripe *s, uint64_t number)
{
    return *leaf_place(s, number);
}

struct head_series *head_find(const struct head_stripe *s, uint64_t id)
{
    const struct head_leaf *leaf = head_leaf_find(s, head_leaf_of(id));
    return leaf ? leaf->series[id % HEAD_LEAF] : NULL;
}

static void grow_leaves(struct head_stripe *s)
{
    struct head_leaf **old = s->leaves;
    uint32_t n = s->mask + 1;
    s->mask = 2 * n - 1;
    s->leaves = zeroed(2 * (size_t)n, sizeof *s->leaves);
    for (uint32_t i = 0; i < n; i++)
        if (old[i])
            *leaf_place(s, old[i]->number) = old[i];
    free(old);
}

void head_table_put(struct head_stripe *stripe, struct head_series *s)
{
    uint64_t number = head_leaf_of(s->id);
    struct head_leaf **place = leaf_place(stripe, number);
    if (!*place) {
        if (++stripe->in_use > stripe->mask / 2) {
            grow_leaves(stripe);
            place = leaf_place(stripe, number);
        }
        *place = zeroed(1, sizeof **place);
        (*place)->number = number;
        stripe->bytes += sizeof **place;
    }
    (*place)->live++;
    (*place)->series[s->id % HEAD_LEAF] = s;
}

static void remove_leaf(struct head_stripe *s, struct head_leaf **place)
{
    uint32_t i = (uint32_t)(place - s->leaves);
    free(*place);
    s->bytes -= sizeof **place;
    s->in_use--;
    for (uint32_t j = (i + 1) & s->mask; s->leaves[j]; j = (j + 1) & s->mask) {
        if (((j - leaf_home(s, s->leaves[j]->number)) & s->mask) < ((j - i) & s->mask))
            continue;
        s->leaves[i] = s->leaves[j];
        i = j;
    }
    s->leaves[i] = NULL;
}

void head_table_remove(struct head_stripe *stripe, const struct head_series *s)
{
    struct head_leaf **place = leaf_place(stripe, head_leaf_of(s->id));
    (*place)->series[s->id % HEAD_LEAF] = NULL;
    if (!--(*place)->live)
        remove_leaf(stripe, place);
}

/* ---- By labels ---- */

static bool has_labels(const struct head *h, const struct head_series *s, const struct gv_labels *labels)
{
    struct gv_labels_iter it = gv_labels_iter(labels);
    uint32_t i = 0;
    if (labels->count != s->n_labels)
        return false;
    for (struct gv_label l; gv_labels_next(&it, &l); i += 2)
        if (!gv_slice_eq(l.name, symbols_text(&h->symbols, s->labels[i])) ||
            !gv_slice_eq(l.value, symbols_text(&h->symbols, s->labels[i + 1])))
            return false;
    return true;
}

struct head_place *head_shard_place(const struct head *h, const struct head_shard *shard,
                                    const struct gv_labels *labels)
{
    for (uint32_t i = (uint32_t)labels->hash & shard->mask;; i = (i + 1) & shard->mask) {
        struct head_place *p = &shard->places[i];
        if (!p->series || (p->hash == labels->hash && has_labels(h, p->series, labels)))
            return p;
    }
}

static void grow_shard(struct head_shard *shard)
{
    if (++shard->in_use <= shard->mask / 4 * 3)
        return;
    struct head_place *old = shard->places;
    uint32_t n = shard->mask + 1;
    shard->mask = 2 * n - 1;
    shard->places = zeroed(2 * (size_t)n, sizeof *old);
    for (uint32_t i = 0; i < n; i++) {
        if (!old[i].series)
            continue;
        uint32_t at = (uint32_t)old[i].hash & shard->mask;
        while (shard->places[at].series)
            at = (at + 1) & shard->mask;
        shard->places[at] = old[i];
    }
    free(old);
}

void head_shard_remove(struct head_shard *shard, const struct head_series *s)
{
    uint32_t i = (uint32_t)s->hash & shard->mask;
    while (shard->places[i].series != s)
        i = (i + 1) & shard->mask;
    for (uint32_t j = (i + 1) & shard->mask; shard->places[j].series; j = (j + 1) & shard->mask) {
        if (((j - (uint32_t)shard->places[j].hash) & shard->mask) < ((j - i) & shard->mask))
            continue;
        shard->places[i] = shard->places[j];
        i = j;
    }
    shard->places[i].series = NULL;
    shard->in_use--;
}

/* ---- Making and freeing ---- */

static struct head_series *new_series(struct head *h, const struct gv_labels *labels)
{
    struct head_series *s = zeroed(1, sizeof *s + 2 * labels->count * sizeof *s->labels);
    struct gv_labels_iter it = gv_labels_iter(labels);
    uint32_t *to = s->labels;
    for (struct gv_label l; gv_labels_next(&it, &l); to += 2) {
        uint32_t *guess = &h->guesses[(to - s->labels) % HEAD_GUESSES];
        to[0] = guess[0] = symbols_take_guessed(&h->symbols, l.name, guess[0]);
        to[1] = guess[1] = symbols_take_guessed(&h->symbols, l.value, guess[1]);
    }
    s->n_labels = labels->count;
    s->hash = labels->hash;
    s->encoding = GV_CHUNK_XOR;
    return s;
}

void head_give_symbols(struct head *h, const struct head_series *s)
{
    for (uint32_t i = 0; i < 2 * s->n_labels; i++)
        symbols_give(&h->symbols, s->labels[i]);
}

static void link_series(struct head *h, struct head_series *s)
{
    struct head_stripe *stripe = head_stripe_of(h, s->id);
    pthread_mutex_lock(&stripe->lock);
    head_table_put(stripe, s);
    stripe->bytes += sizeof *s + 2 * s->n_labels * sizeof *s->labels;
    pthread_mutex_unlock(&stripe->lock);
    if (!head_helper_give_postings(h, s))
        postings_add(&h->postings, s->id, s->labels, s->n_labels);
    h->made++;
    h->n_series++;
}

struct head_series *head_make_series(struct head *h, struct head_shard *shard, const struct gv_labels *labels,
                                     uint64_t id, struct gv_err *err)
{
    pthread_rwlock_wrlock(&h->index);
    struct head_series *s = new_series(h, labels);
    s->id = id ? id : h->next_id;
    h->next_id = s->id + 1;
    bool ok = head_log_series(h, s->id, labels, err);
    if (ok)
        link_series(h, s);
    else
        head_give_symbols(h, s);
    pthread_rwlock_unlock(&h->index);
    if (!ok) {
        free(s);
        return NULL;
    }
    grow_shard(shard);
    *head_shard_place(h, shard, labels) = (struct head_place){labels->hash, s};
    return s;
}

struct head_extra *head_extra_of(struct head_stripe *stripe, struct head_series *s)
{
    if (!s->extra) {
        s->extra = zeroed(1, sizeof *s->extra);
        stripe->bytes += sizeof *s->extra;
    }
    return s->extra;
}

static void free_extra(struct head_stripe *stripe, struct head_series *s)
{
    if (!s->extra)
        return;
    head_late_free(stripe, s);
    stripe->bytes -= sizeof *s->extra;
    free(s->extra->deleted);
    free(s->extra);
}

void head_free_series(struct head_stripe *stripe, struct head_series *s)
{
    head_open_drop(stripe, s);
    for (struct head_chunk *c = s->chunks, *older; c; c = older) {
        older = c->older;
        head_chunk_free(stripe, c);
    }
    free_extra(stripe, s);
    stripe->bytes -= sizeof *s + 2 * s->n_labels * sizeof *s->labels;
    free(s);
}

const struct gv_labels *head_labels_of(const struct head *h, const struct head_series *s, struct gv_arena *a)
{
    enum { FEW = 32 };
    struct gv_label few[FEW], *labels = s->n_labels <= FEW ? few : gv_arena_array(a, struct gv_label, s->n_labels);
    for (uint32_t i = 0; i < s->n_labels; i++)
        labels[i] = (struct gv_label){symbols_text(&h->symbols, s->labels[2 * (size_t)i]),
                                      symbols_text(&h->symbols, s->labels[2 * (size_t)i + 1])};
    return gv_labels_make(a, labels, s->n_labels);
}
