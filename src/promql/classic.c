/* Classic histograms: buckets with equal bounds are joined, falling counts are mended, then a rank is looked up. */
#include "promql/classic.h"
#include <float.h>
#include <math.h>

static const double small_delta = 1e-12; /* relative; below it a difference is rounding */

static void join_equal_bounds(struct gv_classic *h)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n; i++) {
        if (n && h->bounds[n - 1] == h->bounds[i]) {
            h->counts[n - 1] += h->counts[i];
            continue;
        }
        h->bounds[n] = h->bounds[i];
        h->counts[n++] = h->counts[i];
    }
    h->n = n;
}

static bool almost_equal(double a, double b)
{
    if (isnan(a) && isnan(b))
        return true;
    double sum = fabs(a) + fabs(b), diff = fabs(a - b);
    if (a == 0 || b == 0 || sum < DBL_MIN)
        return diff < small_delta * DBL_MIN;
    return diff / fmin(sum, DBL_MAX) < small_delta;
}

/* Each count is measured against the last one that was accepted. */
static void make_monotonic(struct gv_classic *h, struct gv_monotonicity *m)
{
    *m = (struct gv_monotonicity){false, INFINITY, -INFINITY, 0};
    double accepted = h->counts[0];
    for (size_t i = 1; i < h->n; i++) {
        double count = h->counts[i];
        if (count == accepted)
            continue;
        bool rounding = almost_equal(accepted, count);
        if (!rounding && !(count < accepted)) {
            accepted = count;
            continue;
        }
        h->counts[i] = accepted;
        if (rounding)
            continue;
        m->forced = true;
        m->min_bound = fmin(m->min_bound, h->bounds[i]);
        m->max_bound = fmax(m->max_bound, h->bounds[i]);
        m->max_diff = fmax(m->max_diff, accepted - count);
    }
}

static bool has_infinite_bucket(const struct gv_classic *h)
{
    return h->n > 0 && h->bounds[h->n - 1] == INFINITY;
}

/* The first bucket but the last that holds rank; the last where none does. */
static size_t bucket_of(const struct gv_classic *h, double rank)
{
    size_t lo = 0, hi = h->n - 1;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (h->counts[middle] >= rank)
            hi = middle;
        else
            lo = middle + 1;
    }
    return lo;
}

double gv_classic_quantile(double phi, struct gv_classic *h, struct gv_monotonicity *m)
{
    m->forced = false;
    if (isnan(phi) || phi < 0 || phi > 1)
        return isnan(phi) ? NAN : phi < 0 ? -INFINITY : INFINITY;
    if (!has_infinite_bucket(h))
        return NAN;
    join_equal_bounds(h);
    make_monotonic(h, m);
    double all = h->counts[h->n - 1], rank = phi * all;
    if (h->n < 2 || all == 0)
        return NAN;
    size_t b = bucket_of(h, rank);
    if (b == h->n - 1)
        return h->bounds[h->n - 2];
    if (b == 0 && h->bounds[0] <= 0)
        return h->bounds[0];
    double start = b ? h->bounds[b - 1] : 0, below = b ? h->counts[b - 1] : 0;
    return start + (h->bounds[b] - start) * ((rank - below) / (h->counts[b] - below));
}

/* ---- Fractions ---- */

struct rank {
    double v, rank;
    bool set;
};

/* Sets the rank of v once a bucket (lower, upper] reaches it; an infinite bucket is not split. */
static void rank_in(struct rank *r, double lower, double upper, double below, double upto)
{
    if (r->set || (lower < r->v && upper <= r->v))
        return;
    if (lower >= r->v)
        r->rank = below;
    else
        r->rank = isinf(lower) ? upto : below + (upto - below) * (r->v - lower) / (upper - lower);
    r->set = true;
}

double gv_classic_fraction(double lower, double upper, struct gv_classic *h)
{
    if (!has_infinite_bucket(h))
        return NAN;
    join_equal_bounds(h);
    double all = h->counts[h->n - 1], below = 0;
    if (all == 0 || isnan(lower) || isnan(upper))
        return NAN;
    if (lower >= upper)
        return 0;
    struct rank from = {.v = lower}, to = {.v = upper};
    double bound = h->bounds[0] <= 0 ? -INFINITY : 0;
    for (size_t i = 0; i < h->n; i++) {
        rank_in(&from, bound, h->bounds[i], below, h->counts[i]);
        rank_in(&to, bound, h->bounds[i], below, h->counts[i]);
        bound = h->bounds[i];
        below = h->counts[i];
    }
    double low = from.set && from.rank <= all ? from.rank : all;
    double high = to.set && to.rank <= all ? to.rank : all;
    return (high - low) / all;
}
