/* What to compact and what to drop; blocks come by min_time. Nothing here touches a file. */
#include "store/block.h"

static void pick_range(size_t from, size_t end, size_t *picked, size_t *n_picked)
{
    for (size_t i = from; i < end; i++)
        picked[(*n_picked)++] = i;
}

/* The first blocks that overlap, each one any of those before. */
static void pick_overlapping(const struct block_meta *const *blocks, size_t n, size_t *picked, size_t *n_picked)
{
    for (size_t from = 0, end; from < n; from = end) {
        int64_t last = blocks[from]->max_time;
        for (end = from + 1; end < n && blocks[end]->min_time < last; end++)
            last = blocks[end]->max_time > last ? blocks[end]->max_time : last;
        if (end - from > 1) {
            pick_range(from, end, picked, n_picked);
            return;
        }
    }
}

static int64_t floor_to(int64_t t, int64_t range)
{
    int64_t into = t % range;
    return t - (into < 0 ? into + range : into);
}

/* Two or more blocks within one aligned range, which they fill, or which no newer block can be added to. */
static void pick_neighbours(const struct block_meta *const *blocks, size_t n, int64_t range, size_t *picked,
                            size_t *n_picked)
{
    for (size_t from = 0, end; from < n && !*n_picked; from = end) {
        int64_t start = floor_to(blocks[from]->min_time, range);
        end = from + 1;
        if (blocks[from]->max_time > start + range)
            continue; /* larger already, or not aligned */
        while (end < n && blocks[end]->max_time <= start + range)
            end++;
        int64_t last = blocks[end - 1]->max_time;
        bool full = last - blocks[from]->min_time == range, past = last <= blocks[n - 1]->min_time;
        if (end - from > 1 && (full || past))
            pick_range(from, end, picked, n_picked);
    }
}

static bool has_many_deletions(const struct block_meta *m)
{
    enum { PERCENT = 5 };
    return m->tombstones * 100 > (m->series + 1) * PERCENT;
}

static void pick_deleted(const struct block_meta *const *blocks, size_t n, int64_t range, size_t *picked,
                         size_t *n_picked)
{
    for (size_t i = n; i-- && !*n_picked;)
        if (blocks[i]->max_time - blocks[i]->min_time >= range && has_many_deletions(blocks[i]))
            pick_range(i, i + 1, picked, n_picked);
}

void compact_plan(const struct block_meta *const *blocks, size_t n, const int64_t *ranges, size_t n_ranges,
                  size_t *picked, size_t *n_picked)
{
    *n_picked = 0;
    pick_overlapping(blocks, n, picked, n_picked);
    if (*n_picked || n < 2 || !n_ranges)
        return;
    n--; /* the newest one is left alone */
    for (size_t i = 1; i < n_ranges && !*n_picked; i++)
        pick_neighbours(blocks, n, ranges[i], picked, n_picked);
    if (!*n_picked)
        pick_deleted(blocks, n, ranges[n_ranges / 2], picked, n_picked);
}

void retention_plan(struct block *const *blocks, size_t n, int64_t retention_time, int64_t retention_size,
                    uint64_t other_bytes, bool *drop)
{
    int64_t newest = INT64_MIN;
    uint64_t bytes = other_bytes;
    for (size_t i = 0; i < n; i++)
        newest = block_meta(blocks[i])->max_time > newest ? block_meta(blocks[i])->max_time : newest;
    for (size_t i = n; i--;) {
        bool old = retention_time && newest - block_meta(blocks[i])->max_time >= retention_time;
        bytes += old ? 0 : block_bytes(blocks[i]);
        drop[i] = old || (retention_size && bytes > (uint64_t)retention_size);
    }
}
