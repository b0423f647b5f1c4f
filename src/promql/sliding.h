/* Folds over windows that slide along a series, without looking at a sample again for each window it is in.
 *
 *   samples  ... a b c d | e f g ...        window [lo, hi), lo <= mid <= hi
 *            suffixes ◄──┴──► running       fold of it: suffix of lo (b c d) with the running one (e f g)
 *
 * When lo passes mid, the suffixes are made anew for what the window holds then: each sample is folded twice in all.
 * Nothing is ever subtracted, so a window does not inherit the rounding, the NaN or the infinity of samples that left
 * it. Any associative operation will do: it is given to each call, and the calls are inlined, so that none of it costs
 * a call for each sample. One owner. */
#pragma once
#include "base/arena.h"

struct gv_fold {
    double x[3];
};
typedef struct gv_fold gv_fold_of_fn(double value, int64_t time);
typedef struct gv_fold gv_fold_join_fn(struct gv_fold left, struct gv_fold right);
struct gv_folding {
    gv_fold_of_fn *of;
    gv_fold_join_fn *join;
};

struct gv_sliding {
    const double *values;
    const int64_t *times;
    struct gv_fold *suffix; /* of samples [lo, mid), by index */
    struct gv_fold running; /* of samples [mid, hi) */
    uint32_t mid, hi;
};

#define GV_INLINED static inline __attribute__((always_inline))

static inline struct gv_sliding gv_sliding_new(struct gv_arena *a, const double *values, const int64_t *times,
                                               uint32_t n)
{
    return (struct gv_sliding){values, times, gv_arena_alloc(a, n * sizeof(struct gv_fold)), {{0}}, 0, 0};
}

GV_INLINED void gv_sliding_turn(struct gv_sliding *s, struct gv_folding f, uint32_t lo, uint32_t hi)
{
    struct gv_fold all = f.of(s->values[hi - 1], s->times[hi - 1]);
    s->suffix[hi - 1] = all;
    for (uint32_t i = hi - 1; i-- > lo;)
        s->suffix[i] = all = f.join(f.of(s->values[i], s->times[i]), all);
    s->mid = s->hi = hi;
}

/* The fold of [lo, hi), which is not empty; neither end ever moves back. */
GV_INLINED struct gv_fold gv_sliding_at(struct gv_sliding *s, struct gv_folding f, uint32_t lo, uint32_t hi)
{
    if (lo >= s->mid)
        gv_sliding_turn(s, f, lo, hi);
    struct gv_fold running = s->running;
    for (uint32_t i = s->hi; i < hi; i++) {
        struct gv_fold one = f.of(s->values[i], s->times[i]);
        running = i == s->mid ? one : f.join(running, one);
    }
    s->running = running;
    s->hi = hi;
    return s->mid == hi ? s->suffix[lo] : f.join(s->suffix[lo], running);
}
