#include "model/raw.h"
#include <stdlib.h>

bool gv_raw_builder_init(struct gv_raw_builder *b, struct gv_arena *a, size_t cap, bool histograms, struct gv_err *err)
{
    *b = (struct gv_raw_builder){.arena = a};
    if (cap > UINT32_MAX)
        return gv_fail(err, GV_EXECUTION, "a series of %zu samples", cap);
    b->cap = (uint32_t)cap;
    b->times = gv_arena_try(a, cap * sizeof *b->times, err);
    b->values = b->times ? gv_arena_try(a, cap * sizeof *b->values, err) : NULL;
    if (b->values && histograms)
        b->histograms = gv_arena_try(a, cap * sizeof(const struct gv_histogram *), err);
    return b->values && (!histograms || b->histograms);
}

/* ---- Order ---- */

static bool in_order(const struct gv_raw_builder *b)
{
    for (uint32_t i = 1; i < b->n; i++)
        if (b->times[i] <= b->times[i - 1])
            return false;
    return true;
}

struct sample {
    int64_t time;
    double value;
    const struct gv_histogram *h;
    uint32_t added;
};

static int by_time(const void *a, const void *b)
{
    const struct sample *l = a, *r = b;
    if (l->time != r->time)
        return l->time < r->time ? -1 : 1;
    return l->added < r->added ? -1 : 1;
}

static bool sort(struct gv_raw_builder *b, struct gv_err *err)
{
    struct gv_arena scratch;
    gv_arena_init(&scratch, b->arena->budget);
    struct sample *samples = gv_arena_try(&scratch, b->n * sizeof *samples, err);
    if (!samples)
        return false;
    for (uint32_t i = 0; i < b->n; i++)
        samples[i] = (struct sample){b->times[i], b->values[i], b->histograms ? b->histograms[i] : NULL, i};
    uint32_t n = b->n, histogram = UINT32_MAX - 1; /* the place of the last one kept */
    qsort(samples, n, sizeof *samples, by_time);
    b->n = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct sample *s = &samples[i];
        if (b->n && s->time == b->times[b->n - 1])
            continue;
        bool apart = s->h && s->added != histogram + 1;
        gv_raw_add(b, s->time, s->value, apart ? gv_histogram_without_reset(b->arena, s->h) : s->h);
        histogram = s->h ? s->added : histogram;
    }
    gv_arena_fini(&scratch);
    return true;
}

bool gv_raw_builder_done(struct gv_raw_builder *b, struct gv_raw_column *out, struct gv_err *err)
{
    if (!in_order(b) && !sort(b, err))
        return false;
    *out = (struct gv_raw_column){.times = b->times, .values = b->values, .histograms = b->histograms, .n = b->n};
    return true;
}

uint32_t gv_raw_after(const struct gv_raw_column *c, int64_t t)
{
    uint32_t low = 0, high = c->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (c->times[mid] <= t)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}
