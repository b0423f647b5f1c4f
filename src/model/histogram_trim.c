/* The trim operators: `h </ x` keeps what lies below x, `h >/ x` what lies above.
 *
 *   each bucket ──► (kept count, middle of what is kept) ──► new counts; count and sum estimated from them
 *
 * A bucket that holds x is split by interpolation: exponential, linear for custom bounds and the zero bucket. Nothing
 * is known about the distribution within a bucket that reaches to infinity, so it mostly goes whole.
 * Source: Prometheus, FloatHistogram.TrimBuckets. */
#include "model/histogram_stats.h"
#include <math.h>

struct cut {
    double at;
    bool below; /* keep what lies below */
    bool custom;
};

struct kept {
    double count, middle;
};

static double middle(double lower, double upper, const struct cut *c)
{
    if (isinf(lower))
        return isinf(upper) ? 0 : upper > 0 ? upper / 2 : upper;
    if (isinf(upper))
        return lower;
    if (c->custom)
        return (lower + upper) / 2;
    double mean = sqrt(fabs(lower * upper));
    return upper > 0 ? mean : -mean;
}

static double finite_or_zero(double v)
{
    return isinf(v) ? 0 : v;
}

/* A first bucket (-Inf, upper] that holds the cut: taken to start at zero where that makes sense. */
static struct kept split_first(const struct gv_bucket *b, const struct cut *c)
{
    bool bounded = !isinf(b->upper);
    if (c->below) {
        if (c->at > 0 && b->upper > 0 && bounded)
            return (struct kept){b->count * c->at / b->upper, c->at / 2};
        if (b->upper <= 0)
            return (struct kept){b->count, c->at};
    } else if (c->at >= 0 && b->upper > c->at && bounded) {
        return (struct kept){b->count * (1 - c->at / b->upper), (c->at + b->upper) / 2};
    }
    return (struct kept){0, finite_or_zero(b->upper)};
}

/* A last bucket (lower, +Inf] that holds the cut. */
static struct kept split_last(const struct gv_bucket *b, const struct cut *c)
{
    if (!c->below && c->at >= b->lower)
        return (struct kept){b->count, c->at};
    return (struct kept){0, finite_or_zero(b->lower)};
}

static double share_below(const struct gv_bucket *b, const struct cut *c)
{
    if (c->custom)
        return (c->at - b->lower) / (b->upper - b->lower);
    double low = log2(fabs(b->lower)), high = log2(fabs(b->upper)), at = log2(fabs(c->at));
    return b->upper > 0 ? (at - low) / (high - low) : 1 - (at - high) / (low - high);
}

static struct kept split(const struct gv_bucket *b, const struct cut *c)
{
    if (isinf(b->lower))
        return split_first(b, c);
    if (isinf(b->upper))
        return split_last(b, c);
    double under = b->count * share_below(b, c);
    if (c->below)
        return (struct kept){under, middle(b->lower, c->at, c)};
    return (struct kept){b->count - under, middle(c->at, b->upper, c)};
}

static struct kept keep(const struct gv_bucket *b, const struct cut *c)
{
    if (c->below ? b->upper <= c->at : b->lower >= c->at)
        return (struct kept){b->count, middle(b->lower, b->upper, c)};
    if (c->below ? b->lower < c->at : b->upper > c->at)
        return split(b, c);
    return (struct kept){0, 0};
}

/* Linear; the zero bucket of a histogram with observations on one side only ends at zero. */
static struct kept keep_zero(const struct gv_histogram *h, const struct cut *c, const bool populated[2])
{
    double lower = populated[0] && !populated[1] ? 0 : -h->zero_threshold;
    double upper = populated[1] && !populated[0] ? 0 : h->zero_threshold;
    if (c->below ? c->at <= lower : c->at >= upper && c->at > lower)
        return (struct kept){0, 0};
    if (c->below ? c->at >= upper : c->at <= lower)
        return (struct kept){h->zero_count, (lower + upper) / 2};
    double from = c->below ? lower : c->at, to = c->below ? c->at : upper;
    return (struct kept){h->zero_count * ((to - from) / (upper - lower)), (from + to) / 2};
}

struct totals {
    double count, sum;
    bool changed;
};

static void add(struct totals *t, struct kept k, double before)
{
    t->count += k.count;
    t->sum += k.middle * k.count;
    t->changed |= k.count != before;
}

static double *keep_side(struct gv_arena *a, const struct gv_histogram *h, bool negative, const struct cut *c,
                         struct totals *t, bool *populated)
{
    const struct gv_buckets *side = negative ? &h->negative : &h->positive;
    double *counts = gv_arena_array(a, double, side->n_counts), count;
    int32_t index;
    struct gv_side_iter it = gv_side_first(side);
    for (uint32_t i = 0; gv_side_next(&it, &index, &count); i++) {
        if (count == 0)
            continue;
        *populated = true;
        struct gv_bucket b = gv_bucket_of(h, negative, index, count);
        struct kept k = keep(&b, c);
        counts[i] = k.count;
        add(t, k, count);
    }
    return counts;
}

const struct gv_histogram *gv_histogram_trim(struct gv_arena *a, const struct gv_histogram *h, double cutoff,
                                             bool keep_below)
{
    struct cut c = {cutoff, keep_below, gv_histogram_is_custom(h)};
    struct totals t = {0};
    bool populated[2] = {false, false};
    struct gv_histogram *d = gv_arena_new(a, struct gv_histogram);
    *d = *h;
    d->positive.counts = keep_side(a, h, false, &c, &t, &populated[0]);
    d->negative.counts = keep_side(a, h, true, &c, &t, &populated[1]);
    if (h->zero_count > 0) {
        struct kept k = keep_zero(h, &c, populated);
        d->zero_count = k.count;
        add(&t, k, h->zero_count);
    }
    if (!t.changed)
        return h;
    d->count = t.count;
    d->sum = t.sum;
    return gv_histogram_compact(a, d);
}
