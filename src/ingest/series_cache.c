#include "ingest/series_cache.h"
#include "base/err.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SHARD_BITS = 6, SHARDS = 1 << SHARD_BITS, WAYS = 4, AHEAD = 8 };
enum { GENERATION_MS = 15 * 60 * 1000, GENERATIONS = 8, OLDEST = 2 }; /* generations wrap around */
enum { FEWEST_BUCKETS = 4 };
#define VALUE_BITS (SERIES_BITS + METADATA_BITS + CLUSTER_BITS)
#define VALUE_MASK (((uint64_t)1 << VALUE_BITS) - 1)

struct entry {
    uint64_t tag;
    uint64_t word; /* generation and value; 0: free */
};
struct bucket {
    _Alignas(64) struct entry at[WAYS];
};
struct shard {
    _Alignas(64) pthread_mutex_t lock;
    struct bucket *buckets;
    size_t n_buckets, n;
    unsigned generation; /* of the last sweep */
};
struct series_cache {
    struct shard shards[SHARDS];
    _Atomic size_t max_buckets; /* of a shard */
};

static unsigned generation_at(int64_t now)
{
    return (unsigned)((uint64_t)now / GENERATION_MS % GENERATIONS);
}

static unsigned age(const struct entry *e, unsigned generation)
{
    return (generation - (unsigned)(e->word >> VALUE_BITS)) % GENERATIONS;
}

static uint64_t word_of(uint64_t value, unsigned generation)
{
    return (uint64_t)generation << VALUE_BITS | value;
}

/* ---- Buckets ---- */

static struct bucket *new_buckets(size_t n)
{
    struct bucket *b = aligned_alloc(sizeof *b, n * sizeof *b);
    if (!b)
        gv_die("out of memory: the series cache");
    memset(b, 0, n * sizeof *b);
    return b;
}

static size_t scale(uint64_t hash, size_t n)
{
    return (size_t)((unsigned __int128)hash * n >> 64);
}

static struct bucket *first_bucket(const struct shard *s, uint64_t tag)
{
    return &s->buckets[scale(tag, s->n_buckets)];
}

static struct bucket *second_bucket(const struct shard *s, uint64_t tag)
{
    return &s->buckets[scale(tag * 0x9e3779b97f4a7c15, s->n_buckets)];
}

static struct entry *find_in(struct bucket *b, uint64_t tag)
{
    for (int i = 0; i < WAYS; i++)
        if (b->at[i].tag == tag && b->at[i].word)
            return &b->at[i];
    return NULL;
}

static struct entry *find(const struct shard *s, uint64_t tag)
{
    struct entry *e = find_in(first_bucket(s, tag), tag);
    return e ? e : find_in(second_bucket(s, tag), tag);
}

static struct entry *free_in(struct bucket *b)
{
    for (int i = 0; i < WAYS; i++)
        if (!b->at[i].word)
            return &b->at[i];
    return NULL;
}

/* A place of a full bucket whose entry can go to its other bucket. */
static struct entry *make_free(const struct shard *s, struct bucket *b)
{
    for (int i = 0; i < WAYS; i++) {
        struct entry *e = &b->at[i];
        struct bucket *first = first_bucket(s, e->tag);
        struct entry *other = free_in(first == b ? second_bucket(s, e->tag) : first);
        if (!other)
            continue;
        *other = *e;
        e->word = 0;
        return e;
    }
    return NULL;
}

static struct entry *oldest_of(struct bucket *b, struct entry *otherwise, unsigned generation)
{
    for (int i = 0; i < WAYS; i++)
        if (!otherwise || age(&b->at[i], generation) > age(otherwise, generation))
            otherwise = &b->at[i];
    return otherwise;
}

/* A free place of the first bucket, so that most are found at once; else of the second; else one made free; else the
 * place of the entry not seen for longest. */
static struct entry *place_for(struct shard *s, uint64_t tag, unsigned generation)
{
    struct bucket *a = first_bucket(s, tag), *b = second_bucket(s, tag);
    struct entry *e = free_in(a);
    if (e || (e = free_in(b)) || (e = make_free(s, a)) || (e = make_free(s, b)))
        return e;
    return oldest_of(b, oldest_of(a, NULL, generation), generation);
}

static void insert(struct shard *s, uint64_t tag, uint64_t word, unsigned generation)
{
    struct entry *e = place_for(s, tag, generation);
    s->n += !e->word;
    *e = (struct entry){tag, word};
}

/* ---- Size ---- */

static void resize(struct shard *s, size_t n_buckets, unsigned generation)
{
    struct bucket *old = s->buckets;
    size_t n_old = s->n_buckets;
    s->buckets = new_buckets(n_buckets);
    s->n_buckets = n_buckets;
    s->n = 0;
    for (size_t i = 0; i < n_old * WAYS; i++) {
        const struct entry *e = &old[i / WAYS].at[i % WAYS];
        if (e->word)
            insert(s, e->tag, e->word, generation);
    }
    free(old);
}

static void make_room(struct series_cache *c, struct shard *s, unsigned generation)
{
    size_t max = atomic_load_explicit(&c->max_buckets, memory_order_relaxed), more = s->n_buckets * 4 / 3 + 1;
    if (s->n * 4 < s->n_buckets * WAYS * 3 || s->n_buckets >= max)
        return;
    resize(s, more < max ? more : max, generation);
}

/* Once in a generation: what was not seen for long goes. */
static void sweep(struct series_cache *c, struct shard *s, unsigned generation)
{
    s->generation = generation;
    for (size_t i = 0; i < s->n_buckets * WAYS; i++) {
        struct entry *e = &s->buckets[i / WAYS].at[i % WAYS];
        if (e->word && age(e, generation) >= OLDEST) {
            e->word = 0;
            s->n--;
        }
    }
    size_t enough = s->n * 3 / 2 / WAYS + FEWEST_BUCKETS, max = atomic_load(&c->max_buckets);
    if (enough > max)
        enough = max;
    if (enough < s->n_buckets / 2 || s->n_buckets > max)
        resize(s, enough, generation);
}

/* A request that began just before the others is a generation behind: it must not take theirs for old. */
static bool is_due(const struct shard *s, unsigned generation)
{
    unsigned ahead = (generation - s->generation) % GENERATIONS;
    return ahead && ahead < GENERATIONS - 1;
}

/* ---- What others call ---- */

static size_t shard_of(struct gv_hash128 key)
{
    return key.low >> (64 - SHARD_BITS);
}

void series_cache_set_max(struct series_cache *c, size_t max_entries)
{
    size_t n = max_entries / (SHARDS * WAYS);
    atomic_store(&c->max_buckets, n > FEWEST_BUCKETS ? n : FEWEST_BUCKETS);
}

struct series_cache *series_cache_new(size_t max_entries)
{
    struct series_cache *c = aligned_alloc(64, sizeof *c);
    if (!c)
        gv_die("out of memory: the series cache");
    memset(c, 0, sizeof *c);
    series_cache_set_max(c, max_entries);
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&c->shards[i].lock, NULL);
        c->shards[i].buckets = new_buckets(FEWEST_BUCKETS);
        c->shards[i].n_buckets = FEWEST_BUCKETS;
    }
    return c;
}

void series_cache_free(struct series_cache *c)
{
    for (int i = 0; c && i < SHARDS; i++) {
        pthread_mutex_destroy(&c->shards[i].lock);
        free(c->shards[i].buckets);
    }
    free(c);
}

/* Counting sort of 0..n-1 by shard; ends[i] is where shard i ends. */
static void sort_by_shard(const struct gv_hash128 *keys, size_t n, uint32_t *order, uint32_t ends[SHARDS])
{
    uint32_t counts[SHARDS] = {0}, sum = 0;
    for (size_t i = 0; i < n; i++)
        counts[shard_of(keys[i])]++;
    for (int i = 0; i < SHARDS; i++) {
        ends[i] = sum;
        sum += counts[i];
    }
    for (size_t i = 0; i < n; i++)
        order[ends[shard_of(keys[i])]++] = (uint32_t)i;
}

static void find_some(struct shard *s, unsigned generation, const struct gv_hash128 *keys, const uint32_t *some,
                      size_t n, uint64_t *values)
{
    for (size_t i = 0; i < n && i < AHEAD; i++)
        __builtin_prefetch(first_bucket(s, keys[some[i]].high), 1);
    for (size_t i = 0; i < n; i++) {
        if (i + AHEAD < n)
            __builtin_prefetch(first_bucket(s, keys[some[i + AHEAD]].high), 1);
        struct entry *e = find(s, keys[some[i]].high);
        values[some[i]] = e ? e->word & VALUE_MASK : 0;
        if (e && age(e, generation))
            e->word = word_of(e->word & VALUE_MASK, generation);
    }
}

void series_cache_find(struct series_cache *c, int64_t now, const struct gv_hash128 *keys, size_t n, uint64_t *values,
                       uint32_t *order)
{
    uint32_t ends[SHARDS], at = 0;
    unsigned generation = generation_at(now);
    sort_by_shard(keys, n, order, ends);
    for (int i = 0; i < SHARDS; at = ends[i++]) {
        struct shard *s = &c->shards[i];
        if (ends[i] == at)
            continue;
        pthread_mutex_lock(&s->lock);
        if (is_due(s, generation))
            sweep(c, s, generation);
        find_some(s, generation, keys, order + at, ends[i] - at, values);
        pthread_mutex_unlock(&s->lock);
    }
}

void series_cache_put(struct series_cache *c, int64_t now, struct gv_hash128 key, uint64_t value)
{
    struct shard *s = &c->shards[shard_of(key)];
    unsigned generation = generation_at(now);
    pthread_mutex_lock(&s->lock);
    struct entry *e = find(s, key.high);
    if (e) {
        e->word = word_of(value, generation);
    } else {
        make_room(c, s, generation);
        insert(s, key.high, word_of(value, generation), generation);
    }
    pthread_mutex_unlock(&s->lock);
}

void series_cache_forget(struct series_cache *c, struct gv_hash128 key)
{
    struct shard *s = &c->shards[shard_of(key)];
    pthread_mutex_lock(&s->lock);
    struct entry *e = find(s, key.high);
    if (e) {
        e->word = 0;
        s->n--;
    }
    pthread_mutex_unlock(&s->lock);
}

struct series_cache_status series_cache_status(struct series_cache *c)
{
    struct series_cache_status status = {0, sizeof *c};
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&c->shards[i].lock);
        status.entries += c->shards[i].n;
        status.bytes += c->shards[i].n_buckets * sizeof(struct bucket);
        pthread_mutex_unlock(&c->shards[i].lock);
    }
    return status;
}
