/* What the tests of the head share: label sets from words, samples one by one, and everything that a reader sees. */
#pragma once
#include "codec/chunk_xor.h"
#include "codec/chunks.h"
#include "store/head.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* "name=value,other=value", names ascending. */
static inline const struct gv_labels *labels_of(struct gv_arena *a, const char *text)
{
    struct gv_label *labels = NULL;
    size_t n = 0, cap = 0;
    for (const char *at = text; *at;) {
        const char *equals = strchr(at, '='), *end = strchrnul(at, ',');
        gv_push(a, labels, n, cap) =
            (struct gv_label){{at, (size_t)(equals - at)}, {equals + 1, (size_t)(end - equals - 1)}};
        at = *end ? end + 1 : end;
    }
    return gv_labels_make(a, labels, n);
}

static inline uint64_t series_of(struct head *h, const char *text)
{
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    uint64_t id = 0;
    gv_arena_init(&a, NULL);
    if (!head_series(h, labels_of(&a, text), &id, &err))
        fail_msg("%s", err.msg);
    gv_arena_fini(&a);
    return id;
}

static inline uint8_t append_sample(struct head *h, struct gv_store_sample sample)
{
    uint8_t verdict = 0xff;
    struct gv_err err = {.code = GV_OK};
    struct gv_store_batch b = {.samples = &sample, .n = 1, .verdicts = &verdict};
    if (!head_append(h, &b, NULL, &err))
        fail_msg("%s", err.msg);
    return verdict;
}

static inline uint8_t append_float(struct head *h, uint64_t series, int64_t time, double value)
{
    return append_sample(h, (struct gv_store_sample){.series = series, .time = time, .value = value});
}

static inline uint8_t append_histogram(struct head *h, uint64_t series, int64_t time, const struct gv_histogram *value)
{
    return append_sample(h, (struct gv_store_sample){.series = series, .time = time, .histogram = value});
}

/* One matcher, as `name="value"` and so on: {__name__=~".+"} for all. */
static inline void select_series(struct store_reader *r, struct gv_arena *a, const struct gv_matcher *matchers,
                                 size_t n, int64_t min_time, int64_t max_time, uint64_t **series, size_t *n_series)
{
    struct gv_err err = {.code = GV_OK};
    if (!r->ops->select(r, a, matchers, n, min_time, max_time, series, n_series, &err))
        fail_msg("%s", err.msg);
}

/* The samples of a series that a reader sees, but for those that are deleted. */
static inline struct gv_raw_column read_samples(struct store_reader *r, struct gv_arena *a, uint64_t series,
                                                const struct gv_labels **labels)
{
    struct store_series s;
    struct gv_raw_column raw;
    struct gv_err err = {.code = GV_OK};
    if (!r->ops->series(r, a, series, INT64_MIN, INT64_MAX, &s, &err))
        fail_msg("%s", err.msg);
    for (size_t i = 1; i < s.n_chunks; i++)
        assert_true(s.chunks[i - 1].min_time <= s.chunks[i].min_time);
    struct gv_chunks_column chunks = {s.chunks, (uint32_t)s.n_chunks};
    if (!gv_chunks_to_raw(a, &chunks, INT64_MIN, INT64_MAX, &raw, &err))
        fail_msg("%s", err.msg);
    int64_t *times = gv_arena_array(a, int64_t, raw.n);
    double *values = gv_arena_array(a, double, raw.n);
    const struct gv_histogram **histograms = gv_arena_array(a, const struct gv_histogram *, raw.n);
    struct gv_raw_column kept = {.times = times, .values = values, .histograms = histograms};
    for (uint32_t i = 0; i < raw.n; i++) {
        bool deleted = false;
        for (size_t d = 0; d < s.n_deleted; d++)
            deleted |= s.deleted[d].min_time <= raw.times[i] && raw.times[i] <= s.deleted[d].max_time;
        if (deleted)
            continue;
        times[kept.n] = raw.times[i];
        values[kept.n] = raw.values[i];
        histograms[kept.n++] = raw.histograms ? raw.histograms[i] : NULL;
    }
    *labels = s.labels;
    return kept;
}

static inline bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* What a user tells histograms apart by. */
static inline bool same_histogram(struct gv_arena *a, const struct gv_histogram *x, const struct gv_histogram *y)
{
    if (gv_is_stale(x->sum) || gv_is_stale(y->sum))
        return gv_is_stale(x->sum) && gv_is_stale(y->sum);
    return gv_histogram_eq(gv_histogram_compact(a, x), gv_histogram_compact(a, y));
}
