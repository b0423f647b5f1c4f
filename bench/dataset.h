/* The series of the PromQL benches: six hours at 15 s of
 *
 *   m{l,i}      counters, `series` of them in 100 groups, now and then halved; no two ever have the same value
 *   a{i,j}      the same, with as many labels
 *   b_one{i}    100 counters, one for each i of a
 *   b{l,i,le}   classic histograms of ten cumulative buckets, `series` buckets in all
 *
 * Samples lie 8 s before the steps of a query (7 s after the scrape before), so that none is on the edge of a range:
 * there Prometheus 2 and 3 differ. Counters begin so high that none is extrapolated to zero. Any thread may read. */
#pragma once
#include "model/labels.h"

enum {
    DATASET_SCRAPE = 15000, /* ms */
    DATASET_STEP = 60000,
    DATASET_LENGTH = 6 * 3600000,
    DATASET_SAMPLES = DATASET_LENGTH / DATASET_SCRAPE + 1,
    DATASET_SERIES_MAX = 1 << 14
};

struct dataset {
    unsigned series;
    int64_t end; /* ms, of the queries: a multiple of their step */
};

/* From a command line; stops the program where it is none. */
struct dataset dataset_of(const char *series, const char *end);
static inline int64_t dataset_start(const struct dataset *d)
{
    return d->end - DATASET_LENGTH;
}
static inline int64_t dataset_time(const struct dataset *d, unsigned scrape) /* ms */
{
    enum { BEFORE_STEP = 8000 };
    return dataset_start(d) + (int64_t)scrape * DATASET_SCRAPE - BEFORE_STEP;
}

size_t dataset_size(const struct dataset *d); /* series in all */
const struct gv_labels *dataset_labels(const struct dataset *d, size_t i, struct gv_arena *a);

/* The samples of series i, one scrape after the other. */
struct dataset_series {
    size_t seed;
    unsigned metric, scrape;
    uint64_t count;
};
struct dataset_series dataset_series(const struct dataset *d, size_t i);
double dataset_next(struct dataset_series *s);
