#include "cluster/latency.h"
#include <math.h>

static const double lowest = 50e-6; /* seconds: upper bound of the first bucket */
enum { A_DOUBLING = 4, FULL = 1024 };

static unsigned bucket_of(double seconds)
{
    if (!(seconds > lowest))
        return 0;
    double at = ceil(log2(seconds / lowest) * A_DOUBLING);
    return at < GV_LATENCY_BUCKETS ? (unsigned)at : GV_LATENCY_BUCKETS - 1;
}

static void halve(struct gv_latency *l)
{
    uint32_t left = 0;
    for (int i = 0; i < GV_LATENCY_BUCKETS; i++) {
        uint32_t half = atomic_load_explicit(&l->buckets[i], memory_order_relaxed) / 2;
        atomic_store_explicit(&l->buckets[i], half, memory_order_relaxed);
        left += half;
    }
    atomic_store_explicit(&l->n, left, memory_order_relaxed);
}

void gv_latency_note(struct gv_latency *l, double seconds)
{
    atomic_fetch_add_explicit(&l->buckets[bucket_of(seconds)], 1, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&l->n, 1, memory_order_relaxed) + 1 == FULL)
        halve(l);
}

double gv_latency_quantile(const struct gv_latency *l, double q, uint32_t least)
{
    uint64_t total = 0, below = 0;
    if (atomic_load_explicit(&l->n, memory_order_relaxed) < least)
        return 0;
    for (int i = 0; i < GV_LATENCY_BUCKETS; i++)
        total += atomic_load_explicit(&l->buckets[i], memory_order_relaxed);
    for (int i = 0; i < GV_LATENCY_BUCKETS && total; i++) {
        below += atomic_load_explicit(&l->buckets[i], memory_order_relaxed);
        if ((double)below >= q * (double)total)
            return lowest * exp2((double)i / A_DOUBLING);
    }
    return 0;
}
