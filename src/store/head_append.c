/* Batches: for each run of samples whose series lie in one leaf of the table, the stripe is locked once, and what is
 * needed soon is fetched ahead. Then one record for all. */
#include "store/head_record.h"

enum { MOST_RUN = 512 };
static const int64_t ahead_of_clock = 10 * 60 * 1000; /* ms */

struct reach { /* times of samples that were stored: [0] in order, [1] out of it */
    struct {
        int64_t min, max;
    } of[2];
};

static const struct reach nowhere = {{{INT64_MAX, INT64_MIN}, {INT64_MAX, INT64_MIN}}};

void head_lower(_Atomic int64_t *at, int64_t v)
{
    int64_t was = atomic_load_explicit(at, memory_order_relaxed);
    while (v < was && !atomic_compare_exchange_weak(at, &was, v))
        ;
}

static void raise(_Atomic int64_t *at, int64_t v)
{
    int64_t was = atomic_load_explicit(at, memory_order_relaxed);
    while (v > was && !atomic_compare_exchange_weak(at, &was, v))
        ;
}

void head_note_times(struct head *h, int64_t min, int64_t max)
{
    if (min > max)
        return;
    head_lower(&h->swept_min, min); /* first: see head_collect.c */
    head_lower(&h->min_time, min);
    raise(&h->max_time, max);
}

void head_note_late(struct head *h, int64_t min, int64_t max)
{
    if (min > max)
        return;
    head_lower(&h->late_min, min);
    raise(&h->late_max, max);
}

static int64_t minus(int64_t t, int64_t d)
{
    int64_t r;
    return __builtin_sub_overflow(t, d, &r) ? INT64_MIN : r;
}

/* Read under the stripe's lock: so whoever cuts a block, and has read the newest time before, finds in the series all
 * samples that are still let in below it. */
static void set_limits(const struct head *h, int64_t now, struct head_limits *l)
{
    int64_t max = h->max_time, truncated = h->truncated, oldest = minus(max, h->options.block_range / 2);
    *l = (struct head_limits){.oldest = oldest > truncated ? oldest : truncated,
                              .newest = now + ahead_of_clock,
                              .window = h->window,
                              .late_oldest = minus(max, h->window),
                              .epoch = h->epoch};
}

/* What the samples behind the first one will touch. */
static void fetch_ahead(const struct head_leaf *leaf, const struct gv_store_sample *samples, size_t n)
{
    enum { SERIES = 8, BYTES = 4 };
    if (n > SERIES)
        head_fetch(leaf->series[samples[SERIES].series % HEAD_LEAF]);
    const struct head_series *next = n > BYTES ? leaf->series[samples[BYTES].series % HEAD_LEAF] : NULL;
    if (next)
        __builtin_prefetch(next->last, 1);
}

static size_t run_length(const struct gv_store_sample *samples, size_t n)
{
    size_t end = 1;
    uint64_t leaf = head_leaf_of(samples->series);
    while (end < n && end < MOST_RUN && head_leaf_of(samples[end].series) == leaf)
        end++;
    return end;
}

static void note_reach(struct head *h, const struct reach *reach)
{
    head_note_times(h, reach->of[0].min, reach->of[0].max);
    head_note_late(h, reach->of[1].min, reach->of[1].max);
}

static void put_one(struct head *h, struct head_stripe *stripe, struct head_series *s,
                    const struct gv_store_sample *sample, uint8_t *verdict, const struct head_limits *limits,
                    struct reach *reach)
{
    *verdict = s ? (uint8_t)head_put_sample(h, stripe, s, sample, limits) : GV_APPEND_GONE;
    if ((*verdict & ~HEAD_LATE) != GV_APPEND_STORED)
        return;
    bool late = *verdict & HEAD_LATE;
    if (sample->time < reach->of[late].min)
        reach->of[late].min = sample->time;
    if (sample->time > reach->of[late].max)
        reach->of[late].max = sample->time;
}

/* Samples of one leaf. */
static void put_run(struct head *h, const struct gv_store_sample *samples, size_t n, uint8_t *verdicts, int64_t now,
                    struct reach *reach)
{
    struct head_limits limits;
    struct head_stripe *stripe = head_stripe_of(h, samples->series);
    pthread_mutex_lock(&stripe->lock);
    const struct head_leaf *leaf = head_leaf_find(stripe, head_leaf_of(samples->series));
    set_limits(h, now, &limits);
    for (size_t i = 0; i < n; i++) {
        struct head_series *s = NULL;
        if (leaf) {
            fetch_ahead(leaf, samples + i, n - i);
            s = leaf->series[samples[i].series % HEAD_LEAF];
        }
        put_one(h, stripe, s, &samples[i], &verdicts[i], &limits, reach);
    }
    note_reach(h, reach); /* under the lock: who reads the newest time finds its sample */
    pthread_mutex_unlock(&stripe->lock);
}

static void put_all(struct head *h, const struct gv_store_batch *b)
{
    struct reach reach = nowhere;
    int64_t now = gv_clock_wall(h->options.clock);
    for (size_t i = 0, end; i < b->n; i = end) {
        end = i + run_length(b->samples + i, b->n - i);
        put_run(h, b->samples + i, end - i, b->verdicts + i, now, &reach);
    }
}

/* ---- From the log ---- */

void head_saw_epoch(struct head *h, uint32_t epoch)
{
    if (epoch > h->epoch)
        h->epoch = epoch;
}

static void put_replayed(struct head *h, struct head_stripe *stripe, struct head_series *s,
                         const struct gv_store_sample *sample, uint32_t epoch, struct reach *reach)
{
    struct head_limits any = {
        .oldest = h->truncated, .newest = INT64_MAX, .window = INT64_MAX, .late_oldest = INT64_MIN, .epoch = h->epoch};
    uint8_t verdict;
    if (!epoch && sample->time >= h->truncated)
        put_one(h, stripe, s, sample, &verdict, &any, reach);
    if (epoch > h->late_done) {
        head_put_late_again(stripe, s, sample, epoch);
        head_note_late(h, sample->time, sample->time);
    }
}

void head_append_replayed(struct head *h, const struct gv_store_sample *samples, size_t n, uint32_t epoch)
{
    struct reach reach = nowhere;
    head_saw_epoch(h, epoch);
    for (size_t i = 0, end; i < n; i = end) {
        end = i + run_length(samples + i, n - i);
        struct head_stripe *stripe = head_stripe_of(h, samples[i].series);
        pthread_mutex_lock(&stripe->lock);
        const struct head_leaf *leaf = head_leaf_find(stripe, head_leaf_of(samples[i].series));
        for (size_t j = i; leaf && j < end; j++) {
            fetch_ahead(leaf, samples + j, end - j);
            struct head_series *s = leaf->series[samples[j].series % HEAD_LEAF];
            if (s)
                put_replayed(h, stripe, s, &samples[j], epoch, &reach);
        }
        pthread_mutex_unlock(&stripe->lock);
    }
    note_reach(h, &reach);
}

/* ---- Batches ---- */

static void strip(const struct gv_store_batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        b->verdicts[i] &= (uint8_t)~HEAD_LATE;
}

bool head_append(struct head *h, const struct gv_store_batch *b, struct gv_log_ticket *ticket, struct gv_err *err)
{
    put_all(h, b);
    struct head_buffer *buffer = head_buffer_get(h);
    struct gv_buf *record = head_buffer_buf(buffer);
    record_put_batch(record, b, b->verdicts, h->epoch);
    strip(b);
    if (b->n_exemplars)
        head_append_exemplars(h, b, record);
    if (b->n_metadata)
        head_append_metadata(h, b, record);
    bool ok = head_log(h, record, ticket, err);
    head_buffer_put(h, buffer);
    return ok;
}
