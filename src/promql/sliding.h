/* Folds over windows that slide along a series, without looking at a sample again for each window it is in.
 *
 *   samples  ... a b c d | e f g ...        window [lo, hi), lo <= mid <= hi
 *            suffixes ◄──┴──► running       fold of it: suffix of lo (b c d) with the running one (e f g)
 *
 * When lo passes mid, the suffixes are made anew for what the window holds then: each sample is folded twice in all.
 * Nothing is ever subtracted, so a window does not inherit the rounding, the NaN or the infinity of samples that left
 * it. Any associative operation will do. One owner. */
#pragma once
#include "base/arena.h"

struct gv_fold {
    double x[3];
};
typedef struct gv_fold gv_fold_of_fn(double value, int64_t time);
typedef struct gv_fold gv_fold_join_fn(struct gv_fold left, struct gv_fold right);

struct gv_sliding {
    const double *values;
    const int64_t *times;
    gv_fold_of_fn *of;
    gv_fold_join_fn *join;
    struct gv_fold *suffix; /* of samples [lo, mid), by index */
    struct gv_fold running; /* of samples [mid, hi) */
    uint32_t mid, hi;
};

static inline struct gv_sliding gv_sliding_new(struct gv_arena *a, const double *values, const int64_t *times,
                                               uint32_t n, gv_fold_of_fn *of, gv_fold_join_fn *join)
{
    return (struct gv_sliding){values, times, of, join, gv_arena_alloc(a, n * sizeof(struct gv_fold)), {{0}}, 0, 0};
}

static inline void gv_sliding_turn(struct gv_sliding *s, uint32_t lo, uint32_t hi)
{
    for (uint32_t i = hi; i-- > lo;) {
        struct gv_fold one = s->of(s->values[i], s->times[i]);
        s->suffix[i] = i + 1 == hi ? one : s->join(one, s->suffix[i + 1]);
    }
    s->mid = s->hi = hi;
}

/* The fold of [lo, hi), which is not empty; neither end ever moves back. */
static inline struct gv_fold gv_sliding_at(struct gv_sliding *s, uint32_t lo, uint32_t hi)
{
    if (lo >= s->mid)
        gv_sliding_turn(s, lo, hi);
    for (; s->hi < hi; s->hi++) {
        struct gv_fold one = s->of(s->values[s->hi], s->times[s->hi]);
        s->running = s->hi == s->mid ? one : s->join(s->running, one);
    }
    return s->mid == hi ? s->suffix[lo] : s->join(s->suffix[lo], s->running);
}
