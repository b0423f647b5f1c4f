/* Native histograms read: buckets in order, then what is estimated from them.
 * Source: Prometheus, promql/quantile.go (HistogramQuantile, HistogramFraction), functions.go (histogramVariance). */
#include "model/histogram_stats.h"
#include "model/kahan.h"

/* ---- Buckets ---- */

struct gv_side_iter gv_side_first(const struct gv_buckets *side)
{
    return (struct gv_side_iter){.side = side, .index = side->n_spans ? side->spans[0].offset : 0};
}

struct gv_side_iter gv_side_last(const struct gv_buckets *side)
{
    struct gv_side_iter it = {.side = side, .span = side->n_spans, .at = side->n_counts};
    for (uint32_t i = 0; i < side->n_spans; i++)
        it.index += side->spans[i].offset + (int32_t)side->spans[i].length;
    return it;
}

bool gv_side_next(struct gv_side_iter *it, int32_t *index, double *count)
{
    const struct gv_buckets *side = it->side;
    if (it->at == side->n_counts)
        return false;
    while (it->in_span == side->spans[it->span].length) {
        it->in_span = 0;
        it->index += side->spans[++it->span].offset;
    }
    it->in_span++;
    *index = it->index++;
    *count = side->counts[it->at++];
    return true;
}

bool gv_side_prev(struct gv_side_iter *it, int32_t *index, double *count)
{
    const struct gv_buckets *side = it->side;
    if (it->at == 0)
        return false;
    while (it->in_span == 0) {
        if (it->span < side->n_spans)
            it->index -= side->spans[it->span].offset;
        it->in_span = side->spans[--it->span].length;
    }
    it->in_span--;
    *index = --it->index;
    *count = side->counts[--it->at];
    return true;
}

static double custom_bound(const struct gv_histogram *h, int64_t index)
{
    return index < 0 ? -INFINITY : index < (int64_t)h->n_bounds ? h->bounds[index] : INFINITY;
}

struct gv_bucket gv_bucket_of(const struct gv_histogram *h, bool negative, int32_t index, double count)
{
    if (gv_histogram_is_custom(h))
        return (struct gv_bucket){custom_bound(h, (int64_t)index - 1), custom_bound(h, index),  count,
                                  .lower_inclusive = index == 0,       .upper_inclusive = true, .index = index};
    double near = gv_histogram_bound(index - 1, h->schema), far = gv_histogram_bound(index, h->schema);
    if (negative)
        return (struct gv_bucket){-far, -near, count, .lower_inclusive = true, .index = index};
    return (struct gv_bucket){near, far, count, .upper_inclusive = true, .index = index};
}

struct gv_bucket_iter gv_buckets_up(const struct gv_histogram *h)
{
    return (struct gv_bucket_iter){h, {gv_side_first(&h->positive), gv_side_last(&h->negative)}, true, 0};
}

struct gv_bucket_iter gv_buckets_down(const struct gv_histogram *h)
{
    return (struct gv_bucket_iter){h, {gv_side_last(&h->positive), gv_side_first(&h->negative)}, false, 0};
}

static bool next_of_side(struct gv_bucket_iter *it, bool negative, struct gv_bucket *b)
{
    int32_t index;
    double count;
    struct gv_side_iter *side = &it->side[negative];
    if (!(it->up == negative ? gv_side_prev(side, &index, &count) : gv_side_next(side, &index, &count)))
        return false;
    *b = gv_bucket_of(it->h, negative, index, count);
    double edge = it->h->zero_threshold;
    if (b->upper < 0 && b->upper > -edge)
        b->upper = -edge;
    else if (b->lower > 0 && b->lower < edge)
        b->lower = edge;
    return true;
}

/* Phases: the side of the direction's start, the zero bucket, the other side, the end. */
bool gv_buckets_next(struct gv_bucket_iter *it, struct gv_bucket *b)
{
    if (it->phase == 0) {
        if (next_of_side(it, it->up, b))
            return true;
        it->phase = 1;
    }
    if (it->phase == 1) {
        it->phase = 2;
        if (it->h->zero_count > 0) {
            double edge = it->h->zero_threshold;
            *b = (struct gv_bucket){-edge, edge, it->h->zero_count, true, true, 0};
            return true;
        }
    }
    return it->phase == 2 && next_of_side(it, !it->up, b);
}

/* ---- Quantiles ---- */

/* The zero bucket of a histogram with observations on one side only ends at zero. */
static void halve_zero_bucket(const struct gv_histogram *h, struct gv_bucket *b)
{
    if (h->negative.n_counts == 0 && h->positive.n_counts > 0)
        b->lower = 0;
    else if (h->positive.n_counts == 0 && h->negative.n_counts > 0)
        b->upper = 0;
}

static double between(const struct gv_histogram *h, const struct gv_bucket *b, double fraction)
{
    if (gv_histogram_is_custom(h) || (b->lower <= 0 && b->upper >= 0))
        return b->lower + (b->upper - b->lower) * fraction;
    double low = log2(fabs(b->lower)), high = log2(fabs(b->upper));
    return b->lower > 0 ? exp2(low + (high - low) * fraction) : -exp2(high + (low - high) * (1 - fraction));
}

/* Observations of NaN are counted but are in no bucket. */
static bool misses_observations(const struct gv_histogram *h, struct gv_bucket_iter *rest, double count)
{
    struct gv_bucket b;
    while (gv_buckets_next(rest, &b))
        count += b.count;
    return count < h->count;
}

/* The walk goes the shorter way, but up where there may be NaN, which ranks above all. */
double gv_histogram_quantile(const struct gv_histogram *h, double phi, enum gv_nan_effect *effect)
{
    *effect = GV_NAN_NONE;
    if (phi < 0 || phi > 1)
        return phi < 0 ? -INFINITY : INFINITY;
    if (h->count == 0 || isnan(phi))
        return NAN;
    bool up = isnan(h->sum) || phi < 0.5;
    struct gv_bucket_iter it = up ? gv_buckets_up(h) : gv_buckets_down(h);
    double rank = (up ? phi : 1 - phi) * h->count, count = 0;
    struct gv_bucket b = {0};
    while (gv_buckets_next(&it, &b)) {
        count += b.count;
        if (b.count != 0 && count >= rank)
            break;
    }
    if (gv_histogram_is_custom(h)) {
        if (isinf(b.lower) && b.upper <= 0)
            return b.upper;
        if (!isinf(b.lower) && isinf(b.upper))
            return b.lower;
        if (isinf(b.lower))
            b.lower = 0;
    } else if (b.lower < 0 && b.upper > 0) {
        halve_zero_bucket(h, &b);
    }
    count = fmin(count, h->count);
    if (count < rank) {
        *effect = isnan(h->sum) ? GV_NAN_RESULT : GV_NAN_NONE;
        return isnan(h->sum) ? NAN : b.upper;
    }
    rank = up ? rank - (count - b.count) : count - rank;
    if (isnan(h->sum) && misses_observations(h, &it, count))
        *effect = GV_NAN_SKEW;
    return between(h, &b, rank / b.count);
}

/* ---- Fractions ---- */

/* How many observations lie below v, as found while walking up; set once v has been passed. */
struct rank {
    double v, rank;
    bool set;
};

static double rank_within(const struct gv_histogram *h, const struct gv_bucket *b, double below, double v)
{
    if (gv_histogram_is_custom(h) || (b->lower <= 0 && b->upper >= 0))
        return isinf(b->lower) ? b->count : below + b->count * (v - b->lower) / (b->upper - b->lower);
    double low = log2(fabs(b->lower)), high = log2(fabs(b->upper)), at = log2(fabs(v));
    double fraction = v > 0 ? (at - low) / (high - low) : 1 - (at - high) / (low - high);
    return below + b->count * fraction;
}

static void rank_in(struct rank *r, const struct gv_histogram *h, const struct gv_bucket *b, double below)
{
    if (r->set || (b->lower < r->v && b->upper <= r->v))
        return;
    r->rank = b->lower >= r->v ? below : rank_within(h, b, below, r->v);
    r->set = true;
}

double gv_histogram_fraction(const struct gv_histogram *h, double lower, double upper, bool *skipped)
{
    if (skipped)
        *skipped = false;
    if (h->count == 0 || isnan(lower) || isnan(upper))
        return NAN;
    if (lower >= upper)
        return 0;
    struct rank from = {.v = lower}, to = {.v = upper};
    struct gv_bucket_iter it = gv_buckets_up(h);
    double below = 0, count = 0;
    for (struct gv_bucket b; !(from.set && to.set) && gv_buckets_next(&it, &b); below += b.count) {
        count += b.count;
        if (b.lower <= 0 && b.upper >= 0)
            halve_zero_bucket(h, &b);
        rank_in(&from, h, &b, below);
        rank_in(&to, h, &b, below);
    }
    if (isnan(h->sum)) {
        for (struct gv_bucket b; gv_buckets_next(&it, &b);)
            count += b.count;
        if (skipped)
            *skipped = count < h->count;
    } else {
        count = h->count;
    }
    double low = from.set && from.rank <= count ? from.rank : count;
    double high = to.set && to.rank <= count ? to.rank : count;
    return (high - low) / h->count;
}

/* ---- Variance ---- */

static double middle(const struct gv_histogram *h, const struct gv_bucket *b)
{
    if (gv_histogram_is_custom(h))
        return (b->upper + b->lower) / 2;
    if (b->lower <= 0 && b->upper >= 0)
        return 0;
    double mean = sqrt(b->upper * b->lower);
    return b->upper < 0 ? -mean : mean;
}

double gv_histogram_variance(const struct gv_histogram *h)
{
    double mean = h->sum / h->count, sum = 0, comp = 0;
    struct gv_bucket_iter it = gv_buckets_up(h);
    for (struct gv_bucket b; gv_buckets_next(&it, &b);) {
        if (b.count == 0)
            continue;
        double delta = middle(h, &b) - mean;
        gv_kahan_add(b.count * delta * delta, &sum, &comp);
    }
    return (sum + comp) / h->count;
}
