#include "dataset.h"
#include "base/number.h"

enum metric { M, A, B, B_ONE };
enum { GROUPS = 100, BUCKETS = 10 };

static const char *const bounds[BUCKETS] = {"0.005", "0.01", "0.025", "0.05", "0.1", "0.5", "1", "5", "10", "+Inf"};

struct dataset dataset_of(const char *series, const char *end)
{
    int64_t n, ms;
    if (!gv_int64_parse(gv_slice_of(series), &n) || n < GROUPS || n > DATASET_SERIES_MAX)
        gv_die("%s series: it takes %d to %d", series, GROUPS, DATASET_SERIES_MAX);
    if (!gv_int64_parse(gv_slice_of(end), &ms) || ms % DATASET_STEP)
        gv_die("%s is no multiple of %d ms", end, DATASET_STEP);
    return (struct dataset){(unsigned)n, ms};
}

size_t dataset_size(const struct dataset *d)
{
    return B_ONE * (size_t)d->series + GROUPS;
}

static struct gv_slice number(struct gv_arena *a, size_t v)
{
    return gv_slice_of(gv_arena_printf(a, "%zu", v));
}

const struct gv_labels *dataset_labels(const struct dataset *d, size_t i, struct gv_arena *a)
{
    static const struct gv_slice job = {"node", 4}, cluster = {"c1", 2};
    size_t metric = i / d->series, of = i % d->series, histogram = of / BUCKETS;
    struct gv_slice group = number(a, (metric == B ? histogram : of) % GROUPS), itself = number(a, of);
    struct gv_label labels[][5] = {[M] = {{GV_S("__name__"), GV_S("m")},
                                          {GV_S("cluster"), cluster},
                                          {GV_S("i"), itself},
                                          {GV_S("job"), job},
                                          {GV_S("l"), group}},
                                   [A] = {{GV_S("__name__"), GV_S("a")},
                                          {GV_S("cluster"), cluster},
                                          {GV_S("i"), group},
                                          {GV_S("j"), itself},
                                          {GV_S("job"), job}},
                                   [B] = {{GV_S("__name__"), GV_S("b")},
                                          {GV_S("i"), number(a, histogram)},
                                          {GV_S("job"), job},
                                          {GV_S("l"), group},
                                          {GV_S("le"), gv_slice_of(bounds[of % BUCKETS])}},
                                   [B_ONE] = {{GV_S("__name__"), GV_S("b_one")}, {GV_S("i"), itself}}};
    return gv_labels_make(a, labels[metric], metric == B_ONE ? 2 : 5);
}

static uint64_t random_of(uint64_t seed, uint64_t n)
{
    return gv_hash(&(uint64_t[]){seed, n}, 2 * sizeof n);
}

/* What a bucket counts is what the ones below it count, and more. */
static uint64_t bucket_growth(size_t seed, uint64_t scrape, uint64_t most)
{
    uint64_t growth = 0;
    for (size_t of = seed - seed % BUCKETS; of <= seed; of++)
        growth += random_of(of, scrape) % most;
    return growth;
}

struct dataset_series dataset_series(const struct dataset *d, size_t i)
{
    enum { FIRST = 1000000 };
    size_t metric = i / d->series, of = i % d->series;
    struct dataset_series s = {.seed = of, .metric = (unsigned)metric};
    s.count = FIRST + (metric == B ? bucket_growth(of, UINT64_MAX, FIRST) : random_of(of, UINT64_MAX) % FIRST);
    return s;
}

double dataset_next(struct dataset_series *s)
{
    enum { MOST = 100, RARE = 2000 };
    uint64_t scrape = s->scrape++;
    if (s->metric == B)
        return (double)(s->count += bucket_growth(s->seed, scrape, MOST / BUCKETS));
    uint64_t x = random_of(s->seed, scrape);
    s->count = x % RARE ? s->count + x % MOST : s->count / 2;
    return (double)(s->count * DATASET_SERIES_MAX + s->seed);
}
