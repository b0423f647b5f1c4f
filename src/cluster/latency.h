/* Quantiles of recent latencies: a histogram of exponential buckets, halved whenever it is full, so that old values
 * fade. Made of relaxed atomics: any thread, no value is exact and none is far off. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

enum { GV_LATENCY_BUCKETS = 88 }; /* 4 a doubling, from 50 us to 200 s */

struct gv_latency {
    _Atomic uint32_t buckets[GV_LATENCY_BUCKETS];
    _Atomic uint32_t n;
};
void gv_latency_note(struct gv_latency *l, double seconds);
/* The upper bound of the quantile's bucket, in seconds; 0 below `least` observations. */
double gv_latency_quantile(const struct gv_latency *l, double q, uint32_t least);
