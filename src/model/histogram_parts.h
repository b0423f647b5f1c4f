/* A native histogram taken apart, for whatever changes its layout: sums, reduction, reset detection. One owner. */
#pragma once
#include "model/histogram_sum.h"

/* Fills p from h, dividing every count by divisor; reuses the arrays that p has. */
void gv_parts_load(struct gv_histogram_parts *p, struct gv_arena *a, const struct gv_histogram *h, double divisor);
void gv_parts_reduce(struct gv_histogram_parts *p, int32_t schema); /* schema <= p->schema */
/* Makes the zero bucket reach to threshold (>= its own), or to the end of the populated bucket that threshold lies in;
 * what it covers then is taken out of the sides. */
void gv_parts_widen_zero(struct gv_histogram_parts *p, double threshold);
void gv_ladder_reserve(struct gv_ladder *l, struct gv_arena *a, uint32_t cap);
/* The buckets, divided, and with their compensation, divided too, where asked for; spans and counts in a. */
struct gv_buckets gv_ladder_pack(const struct gv_ladder *l, struct gv_arena *a, double divisor, bool compensated);

static inline bool gv_bounds_same(const double *a, uint32_t n_a, const double *b, uint32_t n_b)
{
    bool same = n_a == n_b;
    for (uint32_t i = 0; same && i < n_a; i++)
        same = a[i] == b[i];
    return same;
}
