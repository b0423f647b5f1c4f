/* What goes away: chunks that are in blocks, series left with nothing, symbols without series.
 *
 *   truncate ──► readers from before are gone ──► sweep: chunks are freed, empty series unlinked
 *                                                     └──► readers from before are gone ──► series and symbols are
 * freed
 *
 * Truncating takes no time; head_collect does the work, as far as readers let it, whenever it is called. */
#include "store/head_record.h"
#include "base/log.h"
#include <stdlib.h>

enum { MOST_DYING = 1 << 16 }; /* series unlinked at a time: bounds what is kept beside them */

/* ---- Truncating ---- */

/* Under the lock of collecting: before it is in the log nothing is swept. Series that were dropped and made again would
 * be there twice after a replay. Where the log does not take it, the next collection tries again. */
static bool log_state(struct head *h)
{
    struct gv_err err = {0};
    pthread_rwlock_rdlock(&h->index);
    uint64_t next_id = h->next_id;
    pthread_rwlock_unlock(&h->index);
    struct head_buffer *b = head_buffer_get(h);
    record_put_state(head_buffer_buf(b), h, next_id);
    h->collect.state_is_due = !head_log(h, head_buffer_buf(b), NULL, &err);
    if (h->collect.state_is_due)
        gv_log(GV_LOG_DEBUG, "the head's truncation is not in the log yet", GV_F("error", err.msg));
    head_buffer_put(h, b);
    return !h->collect.state_is_due;
}

void head_truncate(struct head *h, int64_t min_time)
{
    pthread_mutex_lock(&h->collect.lock);
    pthread_mutex_lock(&h->readers.lock);
    bool later = min_time > h->truncated;
    if (later)
        h->truncated = min_time;
    pthread_mutex_unlock(&h->readers.lock);
    if (later)
        log_state(h);
    pthread_mutex_unlock(&h->collect.lock);
}

/* ---- Freezing what is out of order ---- */

typedef void leaf_fn(void *arg, struct head_stripe *stripe, struct head_leaf *leaf); /* under the stripe's lock */

static uint64_t *leaf_numbers(struct head_stripe *stripe, size_t *n)
{
    pthread_mutex_lock(&stripe->lock);
    uint64_t *numbers = malloc((stripe->in_use + 1) * sizeof *numbers);
    if (!numbers)
        gv_die("out of memory");
    *n = 0;
    for (uint32_t i = 0; i <= stripe->mask; i++)
        if (stripe->leaves[i])
            numbers[(*n)++] = stripe->leaves[i]->number;
    pthread_mutex_unlock(&stripe->lock);
    return numbers;
}

/* The lock is held for a leaf at a time: appends go on meanwhile. */
static void for_leaves(struct head *h, leaf_fn *fn, void *arg)
{
    for (size_t i = 0; i < HEAD_STRIPES; i++) {
        struct head_stripe *stripe = &h->stripes[i];
        size_t n;
        uint64_t *numbers = leaf_numbers(stripe, &n);
        for (size_t j = 0; j < n; j++) {
            pthread_mutex_lock(&stripe->lock);
            struct head_leaf *leaf = head_leaf_find(stripe, numbers[j]);
            if (leaf)
                fn(arg, stripe, leaf);
            pthread_mutex_unlock(&stripe->lock);
        }
        free(numbers);
    }
}

struct late_walk {
    uint32_t after, last;
    int64_t min, max;
};

static void note_late(void *arg, struct head_stripe *stripe, struct head_leaf *leaf)
{
    struct late_walk *w = arg;
    int64_t min, max;
    (void)stripe;
    for (size_t i = 0; i < HEAD_LEAF; i++)
        if (leaf->series[i] && head_late_range(leaf->series[i], w->after, w->last, &min, &max)) {
            w->min = min < w->min ? min : w->min;
            w->max = max > w->max ? max : w->max;
        }
}

struct store_reader *head_out_of_order_freeze(struct head *h)
{
    struct late_walk w = {.after = h->late_done, .last = h->epoch, .min = INT64_MAX, .max = INT64_MIN};
    if (h->late_max == INT64_MIN)
        return NULL;
    h->epoch++;
    for_leaves(h, note_late, &w); /* takes every lock: nobody is left who puts samples of the old epoch */
    if (w.min > w.max)
        return NULL;
    h->late_frozen = w.last;
    return head_late_reader(h, w.after, w.last, w.min, w.max);
}

void head_out_of_order_done(struct head *h, bool written)
{
    if (!written || h->late_frozen <= h->late_done)
        return;
    pthread_mutex_lock(&h->collect.lock);
    pthread_mutex_lock(&h->readers.lock);
    h->late_done = h->late_frozen;
    pthread_mutex_unlock(&h->readers.lock);
    log_state(h);
    pthread_mutex_unlock(&h->collect.lock);
}

/* ---- Sweeping ---- */

struct sweep {
    struct head *head;
    int64_t before;     /* in-order chunks that end before it go */
    uint32_t late_done; /* out-of-order ones of epochs up to it */
    uint64_t younger;   /* series of this number and above are too young to be dropped */
    int64_t min, late;  /* the first times of what stays */
    struct head_series **empty;
    size_t n, cap;
};

static void drop_chunks(struct head_stripe *stripe, struct head_series *s, int64_t before)
{
    struct head_chunk **at = &s->chunks;
    while (*at && (*at)->max_time >= before)
        at = &(*at)->older;
    for (struct head_chunk *c = *at, *older; c; c = older) {
        older = c->older;
        head_chunk_free(stripe, c);
    }
    *at = NULL;
    if (s->open.n && s->open.time < before)
        head_open_drop(stripe, s);
}

static void drop_deleted(struct head_series *s, int64_t before)
{
    size_t kept = 0;
    if (!s->extra || s->extra->late)
        return;
    for (size_t i = 0; i < s->extra->n_deleted; i++)
        if (s->extra->deleted[i].max_time >= before)
            s->extra->deleted[kept++] = s->extra->deleted[i];
    s->extra->n_deleted = kept;
}

static bool is_empty(const struct head_series *s)
{
    return !s->open.n && !s->chunks && !(s->extra && s->extra->late);
}

static int64_t first_time(const struct head_series *s)
{
    int64_t first = s->open.n ? s->open_time : INT64_MAX;
    for (const struct head_chunk *c = s->chunks; c; c = c->older)
        first = c->min_time;
    return first;
}

static void sweep_series(struct sweep *w, struct head_stripe *stripe, struct head_series *s)
{
    drop_chunks(stripe, s, w->before);
    head_late_drop(stripe, s, w->late_done);
    drop_deleted(s, w->before);
    int64_t first = first_time(s), late, last;
    w->min = first < w->min ? first : w->min;
    if (head_late_range(s, w->late_done, UINT32_MAX, &late, &last))
        w->late = late < w->late ? late : w->late;
    if (!is_empty(s) || s->is_gone || s->id >= w->younger)
        return;
    if (w->n == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 256;
        w->empty = realloc(w->empty, w->cap * sizeof(struct head_series *));
        if (!w->empty)
            gv_die("out of memory");
    }
    w->empty[w->n++] = s;
}

static void sweep_leaf(void *arg, struct head_stripe *stripe, struct head_leaf *leaf)
{
    for (size_t i = 0; i < HEAD_LEAF; i++)
        if (leaf->series[i])
            sweep_series(arg, stripe, leaf->series[i]);
}

/* ---- Unlinking series ---- */

/* False: it has got a sample meanwhile. */
static bool unlink_series(struct head *h, struct head_series *s)
{
    struct head_shard *shard = head_shard_of(h, s->hash);
    struct head_stripe *stripe = head_stripe_of(h, s->id);
    pthread_mutex_lock(&shard->lock);
    pthread_mutex_lock(&stripe->lock);
    bool gone = is_empty(s);
    s->is_gone = gone;
    bool found = gone && !s->is_renewed;
    pthread_mutex_unlock(&stripe->lock);
    if (found)
        head_shard_remove(shard, s);
    pthread_mutex_unlock(&shard->lock);
    return gone;
}

struct posting {
    uint32_t name, value;
    uint64_t series;
};

static int compare_postings(const void *pa, const void *pb)
{
    const struct posting *a = pa, *b = pb;
    if (a->name != b->name)
        return a->name < b->name ? -1 : 1;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return (a->series > b->series) - (a->series < b->series);
}

static int by_id(const void *a, const void *b)
{
    uint64_t l = *(const uint64_t *)a, r = *(const uint64_t *)b;
    return (l > r) - (l < r);
}

/* A list at a time, so that nobody waits for all. */
static void remove_postings(struct head *h, const struct posting *p, size_t n, uint64_t *ids)
{
    for (size_t i = 0; i < n;) {
        size_t of_list = 0;
        const struct posting *first = &p[i];
        for (; i < n && p[i].name == first->name && p[i].value == first->value; i++)
            ids[of_list++] = p[i].series;
        pthread_rwlock_wrlock(&h->index);
        postings_remove(&h->postings, first->name, first->value, ids, of_list);
        pthread_rwlock_unlock(&h->index);
    }
}

static void unlink_postings(struct head *h, struct head_series **series, size_t n)
{
    size_t pairs = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        pairs += series[i]->n_labels;
    struct posting *p = malloc((pairs + 1) * sizeof *p);
    uint64_t *ids = malloc((n + 1) * sizeof *ids);
    if (!p || !ids)
        gv_die("out of memory");
    for (size_t i = 0; i < n; i++)
        for (uint32_t l = 0; l < series[i]->n_labels; l++)
            p[at++] =
                (struct posting){series[i]->labels[2 * (size_t)l], series[i]->labels[2 * (size_t)l + 1], series[i]->id};
    qsort(p, pairs, sizeof *p, compare_postings);
    remove_postings(h, p, pairs, ids);
    for (size_t i = 0; i < n; i++)
        ids[i] = series[i]->id;
    qsort(ids, n, sizeof *ids, by_id);
    pthread_rwlock_wrlock(&h->index);
    postings_remove_all(&h->postings, ids, n);
    h->dropped += n;
    pthread_rwlock_unlock(&h->index);
    h->n_series -= n;
    free(ids);
    free(p);
}

/* They wait in h->collect.dying for readers that may have found them. */
static void unlink_some(struct head *h, struct head_series **series, size_t n)
{
    struct head_dying *d = calloc(1, sizeof *d);
    if (!d || !(d->series = malloc((n + 1) * sizeof(struct head_series *))))
        gv_die("out of memory");
    for (size_t i = 0; i < n; i++)
        if (unlink_series(h, series[i]))
            d->series[d->n++] = series[i];
    unlink_postings(h, d->series, d->n);
    d->serial = head_reader_now(h);
    d->next = h->collect.dying;
    h->collect.dying = d;
}

/* Appends lower `swept` first, then `min`: whichever was too late for the one reading is in the other. */
static void set_min(_Atomic int64_t *min, _Atomic int64_t *swept, int64_t of_what_stays)
{
    int64_t seen = *swept;
    *min = seen < of_what_stays ? seen : of_what_stays;
    seen = *swept;
    head_lower(min, seen);
}

static void sweep(struct head *h)
{
    struct sweep w = {.head = h,
                      .before = h->collect.wanted,
                      .late_done = h->collect.late_wanted,
                      .younger = h->collect.younger,
                      .min = INT64_MAX,
                      .late = INT64_MAX};
    h->swept_min = h->swept_late_min = INT64_MAX;
    for_leaves(h, sweep_leaf, &w);
    for (size_t i = 0; i < w.n; i += MOST_DYING)
        unlink_some(h, w.empty + i, w.n - i < MOST_DYING ? w.n - i : MOST_DYING);
    free(w.empty);
    set_min(&h->min_time, &h->swept_min, w.min);
    set_min(&h->late_min, &h->swept_late_min, w.late);
}

/* ---- Freeing ---- */

static void free_series(struct head *h, struct head_series *const *series, size_t n)
{
    pthread_rwlock_wrlock(&h->index);
    for (size_t i = 0; i < n; i++)
        head_give_symbols(h, series[i]);
    pthread_rwlock_unlock(&h->index);
    for (size_t i = 0; i < n; i++) {
        struct head_stripe *stripe = head_stripe_of(h, series[i]->id);
        pthread_mutex_lock(&stripe->lock);
        head_table_remove(stripe, series[i]);
        head_free_series(stripe, series[i]);
        pthread_mutex_unlock(&stripe->lock);
    }
}

static void free_dying(struct head *h, struct head_dying *d)
{
    enum { SOME = 128 }; /* the lock is not held for long */
    for (size_t i = 0; i < d->n; i += SOME)
        free_series(h, d->series + i, d->n - i < SOME ? d->n - i : SOME);
    free(d->series);
    free(d);
}

static void free_unread(struct head *h)
{
    for (struct head_dying **at = &h->collect.dying, *d; (d = *at);) {
        if (head_readers_left(h, d->serial)) {
            at = &d->next;
            continue;
        }
        *at = d->next;
        free_dying(h, d);
    }
}

/* What is to go from here on; readers from now on see nothing of it. */
static void note_wanted(struct head *h)
{
    pthread_mutex_lock(&h->readers.lock);
    h->collect.wanted = h->truncated;
    h->collect.late_wanted = h->late_done;
    h->collect.serial = h->readers.serial;
    pthread_mutex_unlock(&h->readers.lock);
    pthread_rwlock_rdlock(&h->index);
    h->collect.younger = h->next_id;
    pthread_rwlock_unlock(&h->index);
    h->collect.waiting = true;
}

/* Sweeps what is to go, where no reader is left that sees it. */
static bool sweep_unread(struct head *h)
{
    if (!h->collect.waiting && (h->truncated > h->collect.done || h->late_done > h->collect.late_done))
        note_wanted(h);
    if (!h->collect.waiting || head_readers_left(h, h->collect.serial))
        return false;
    sweep(h);
    h->collect.done = h->collect.wanted;
    h->collect.late_done = h->collect.late_wanted;
    h->collect.waiting = false;
    return true;
}

void head_collect(struct head *h)
{
    pthread_mutex_lock(&h->collect.lock);
    while ((!h->collect.state_is_due || log_state(h)) && sweep_unread(h))
        ;
    free_unread(h);
    pthread_mutex_unlock(&h->collect.lock);
}

void head_collect_fini(struct head *h)
{
    for (struct head_dying *d = h->collect.dying, *next; d; d = next) {
        next = d->next;
        free(d->series); /* the series are in their tables still */
        free(d);
    }
    pthread_mutex_destroy(&h->collect.lock);
}
