/* Batches: samples are taken stripe by stripe, so that each lock is taken once, and some at a time, so that the series
 * of all of these are on their way into the cache before the first is written to. Then one record for all. */
#include "store/head_record.h"

enum { SOME = 64 /* samples: their series fit the first cache */ };
static const int64_t ahead_of_clock = 10 * 60 * 1000; /* ms */
static const int64_t first_time = INT64_MIN / 2; /* ms: before it nothing is taken, so that no difference overflows */

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
    head_lower(&h->swept_late_min, min); /* first: see head_collect.c */
    head_lower(&h->late_min, min);
    raise(&h->late_max, max);
}

static int64_t minus(int64_t t, int64_t d)
{
    int64_t r;
    return __builtin_sub_overflow(t, d, &r) || r < first_time ? first_time : r;
}

/* Read under the stripe's lock: so whoever cuts a block, and has read the newest time before, finds in the series all
 * samples that are still let in below it. */
static void set_limits(const struct head *h, int64_t now, struct head_limits *l)
{
    int64_t max = h->max_time, truncated = h->truncated, oldest = minus(max, h->options.block_range / 2);
    *l = (struct head_limits){.oldest = oldest > truncated ? oldest : truncated,
                              .newest = now + ahead_of_clock,
                              .truncated = truncated,
                              .window = h->window,
                              .late_oldest = minus(max, h->window),
                              .epoch = h->epoch};
}

/* ---- Samples by stripe ---- */

struct some {              /* of one stripe, which is locked */
    const uint32_t *index; /* in the batch, ascending */
    size_t n;
    struct head_series *series[SOME]; /* NULL: not there */
};
typedef void some_fn(void *arg, struct head_stripe *stripe, const struct some *some);

static unsigned stripe_number(const struct gv_store_sample *s)
{
    return head_leaf_of(s->series) % HEAD_STRIPES;
}

/* The samples' indexes by stripe, those of one in their order. ends: of each stripe's part. */
static void order_by_stripe(const struct gv_store_sample *samples, size_t n, uint32_t *order,
                            uint32_t ends[HEAD_STRIPES])
{
    uint32_t at = 0, counts[HEAD_STRIPES] = {0};
    for (size_t i = 0; i < n; i++)
        counts[stripe_number(&samples[i])]++;
    for (size_t i = 0; i < HEAD_STRIPES; i++) {
        ends[i] = at;
        at += counts[i];
    }
    for (size_t i = 0; i < n; i++)
        order[ends[stripe_number(&samples[i])]++] = (uint32_t)i;
}

/* Each pass asks for what the next one needs. */
static void find_some(const struct head_stripe *stripe, const struct gv_store_sample *samples, struct some *some)
{
    struct head_series *const *places[SOME];
    const struct head_leaf *leaf = NULL;
    for (size_t i = 0; i < some->n; i++) {
        uint64_t id = samples[some->index[i]].series, number = head_leaf_of(id);
        if (!leaf || leaf->number != number)
            leaf = head_leaf_find(stripe, number);
        places[i] = leaf ? &leaf->series[id % HEAD_LEAF] : NULL;
        __builtin_prefetch(places[i]);
    }
    for (size_t i = 0; i < some->n; i++) {
        some->series[i] = places[i] ? *places[i] : NULL;
        head_fetch(some->series[i]);
    }
    for (size_t i = 0; i < some->n; i++)
        if (some->series[i])
            __builtin_prefetch(some->series[i]->last, 1);
}

static void by_stripe(struct head *h, const struct gv_store_sample *samples, size_t n, some_fn *fn, void *arg)
{
    if (!n)
        return;
    struct head_buffer *buffer = head_buffer_get(h);
    uint32_t *order = (uint32_t *)(void *)gv_buf_reserve(head_buffer_buf(buffer), n * sizeof *order);
    uint32_t ends[HEAD_STRIPES], at = 0;
    order_by_stripe(samples, n, order, ends);
    for (size_t i = 0; i < HEAD_STRIPES; i++) {
        struct head_stripe *stripe = &h->stripes[i];
        while (at < ends[i]) {
            struct some some = {.index = order + at, .n = ends[i] - at < SOME ? ends[i] - at : SOME};
            pthread_mutex_lock(&stripe->lock);
            find_some(stripe, samples, &some);
            fn(arg, stripe, &some);
            pthread_mutex_unlock(&stripe->lock);
            at += (uint32_t)some.n;
        }
    }
    head_buffer_put(h, buffer);
}

/* ---- One sample ---- */

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

struct appending {
    struct head *head;
    const struct gv_store_batch *batch;
    int64_t now;
};

static void append_some(void *arg, struct head_stripe *stripe, const struct some *some)
{
    struct appending *p = arg;
    const struct gv_store_batch *b = p->batch;
    struct head_limits limits;
    struct reach reach = nowhere;
    set_limits(p->head, p->now, &limits);
    for (size_t i = 0; i < some->n; i++)
        put_one(p->head, stripe, some->series[i], &b->samples[some->index[i]], &b->verdicts[some->index[i]], &limits,
                &reach);
    note_reach(p->head, &reach); /* under the lock: who reads the newest time finds its sample */
}

/* ---- From the log ---- */

void head_saw_epoch(struct head *h, uint32_t epoch)
{
    if (epoch > h->epoch)
        h->epoch = epoch;
}

struct replaying {
    struct head *head;
    const struct gv_store_sample *samples;
    uint32_t epoch; /* 0: in order */
    uint32_t now;   /* the head's when they were logged */
    struct reach reach;
};

static void replay_one(struct replaying *p, struct head_stripe *stripe, struct head_series *s,
                       const struct gv_store_sample *sample)
{
    struct head *h = p->head;
    struct head_limits any = {.oldest = h->truncated > first_time ? h->truncated : first_time,
                              .newest = INT64_MAX,
                              .truncated = h->truncated,
                              .window = INT64_MAX,
                              .late_oldest = first_time,
                              .epoch = p->now};
    uint8_t verdict;
    if (!p->epoch && sample->time >= h->truncated)
        put_one(h, stripe, s, sample, &verdict, &any, &p->reach);
    if (p->epoch > h->late_done) {
        head_put_late_again(h, stripe, s, sample, p->epoch);
        head_note_late(h, sample->time, sample->time);
    }
}

static void replay_some(void *arg, struct head_stripe *stripe, const struct some *some)
{
    struct replaying *p = arg;
    for (size_t i = 0; i < some->n; i++)
        if (some->series[i])
            replay_one(p, stripe, some->series[i], &p->samples[some->index[i]]);
}

void head_append_replayed(struct head *h, const struct gv_store_sample *samples, size_t n, uint32_t epoch, uint32_t now)
{
    struct replaying p = {h, samples, epoch, now, nowhere};
    by_stripe(h, samples, n, replay_some, &p);
    note_reach(h, &p.reach);
}

/* ---- Batches ---- */

static void strip(const struct gv_store_batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        b->verdicts[i] &= (uint8_t)~HEAD_LATE;
}

bool head_append(struct head *h, const struct gv_store_batch *b, struct gv_log_ticket *ticket, struct gv_err *err)
{
    struct appending p = {h, b, gv_clock_wall(h->options.clock)};
    by_stripe(h, b->samples, b->n, append_some, &p);
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
