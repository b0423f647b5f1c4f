/* Native histograms: copies, scaling, compaction, equality, counter resets. What changes a layout goes through
 * histogram_parts.c; what adds goes through histogram_sum.c. */
#include "model/histogram_parts.h"
#include "model/histogram_stats.h"
#include <math.h>

static void *copy(struct gv_arena *a, const void *p, size_t n)
{
    return n ? memcpy(gv_arena_alloc(a, n), p, n) : NULL;
}

static struct gv_buckets copy_side(struct gv_arena *a, struct gv_buckets b)
{
    b.spans = copy(a, b.spans, b.n_spans * sizeof *b.spans);
    b.counts = copy(a, b.counts, b.n_counts * sizeof *b.counts);
    return b;
}

static struct gv_histogram *shallow(struct gv_arena *a, const struct gv_histogram *h)
{
    return copy(a, h, sizeof *h);
}

const struct gv_histogram *gv_histogram_dup(struct gv_arena *a, const struct gv_histogram *h)
{
    struct gv_histogram *d = shallow(a, h);
    d->positive = copy_side(a, h->positive);
    d->negative = copy_side(a, h->negative);
    d->bounds = copy(a, h->bounds, h->n_bounds * sizeof *h->bounds);
    return d;
}

const struct gv_histogram *gv_histogram_with_hint(struct gv_arena *a, const struct gv_histogram *h,
                                                  enum gv_reset_hint hint)
{
    if (h->reset_hint == hint)
        return h;
    struct gv_histogram *d = shallow(a, h);
    d->reset_hint = hint;
    return d;
}

const struct gv_histogram *gv_histogram_without_reset(struct gv_arena *a, const struct gv_histogram *h)
{
    return h->reset_hint == GV_RESET_GAUGE ? h : gv_histogram_with_hint(a, h, GV_RESET_UNKNOWN);
}

/* ---- Scaling ---- */

static struct gv_buckets scale_side(struct gv_arena *a, struct gv_buckets b, double factor, double divisor)
{
    double *counts = copy(a, b.counts, b.n_counts * sizeof *counts);
    for (uint32_t i = 0; i < b.n_counts; i++)
        counts[i] = counts[i] * factor / divisor;
    b.counts = counts;
    return b;
}

static const struct gv_histogram *scale(struct gv_arena *a, const struct gv_histogram *h, double factor, double divisor)
{
    struct gv_histogram *d = shallow(a, h);
    d->zero_count = h->zero_count * factor / divisor;
    d->count = h->count * factor / divisor;
    d->sum = h->sum * factor / divisor;
    d->positive = divisor == 0 ? (struct gv_buckets){0} : scale_side(a, h->positive, factor, divisor);
    d->negative = divisor == 0 ? (struct gv_buckets){0} : scale_side(a, h->negative, factor, divisor);
    if (factor < 0 || divisor < 0)
        d->reset_hint = GV_RESET_GAUGE;
    return d;
}

const struct gv_histogram *gv_histogram_multiply(struct gv_arena *a, const struct gv_histogram *h, double factor)
{
    return scale(a, h, factor, 1);
}

const struct gv_histogram *gv_histogram_divide(struct gv_arena *a, const struct gv_histogram *h, double divisor)
{
    return scale(a, h, 1, divisor);
}

/* ---- Layout ---- */

static bool has_empty(const struct gv_buckets *b)
{
    for (uint32_t i = 0; i < b->n_counts; i++)
        if (b->counts[i] == 0)
            return true;
    return false;
}

static void drop_empty(struct gv_ladder *l)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->count[i] == 0)
            continue;
        l->index[n] = l->index[i];
        l->count[n++] = l->count[i];
    }
    l->n = n;
}

const struct gv_histogram *gv_histogram_compact(struct gv_arena *a, const struct gv_histogram *h)
{
    if (!has_empty(&h->positive) && !has_empty(&h->negative))
        return h;
    struct gv_histogram_parts parts = {0};
    gv_parts_load(&parts, a, h, 1);
    struct gv_histogram *d = shallow(a, h);
    drop_empty(&parts.side[0]);
    drop_empty(&parts.side[1]);
    d->positive = gv_ladder_pack(&parts.side[0], a, 1, false);
    d->negative = gv_ladder_pack(&parts.side[1], a, 1, false);
    return d;
}

const struct gv_histogram *gv_histogram_reduce(struct gv_arena *a, const struct gv_histogram *h, int32_t schema)
{
    if (schema >= h->schema || gv_histogram_is_custom(h))
        return h;
    struct gv_histogram_parts parts = {0};
    gv_parts_load(&parts, a, h, 1);
    gv_parts_reduce(&parts, schema);
    struct gv_histogram *d = shallow(a, h);
    d->schema = schema;
    d->positive = gv_ladder_pack(&parts.side[0], a, 1, false);
    d->negative = gv_ladder_pack(&parts.side[1], a, 1, false);
    return d;
}

/* ---- Equality ---- */

static bool same_bits(double x, double y)
{
    return memcmp(&x, &y, sizeof x) == 0;
}

static bool same_layout(const struct gv_buckets *x, const struct gv_buckets *y)
{
    return x->n_counts == y->n_counts && x->n_spans == y->n_spans &&
           (x->n_spans == 0 || memcmp(x->spans, y->spans, x->n_spans * sizeof *x->spans) == 0);
}

/* The same bucket indexes, however they are cut into spans. */
static bool same_indexes(const struct gv_buckets *x, const struct gv_buckets *y)
{
    if (x->n_counts != y->n_counts)
        return false;
    struct gv_side_iter i = gv_side_first(x), j = gv_side_first(y);
    int32_t at_x, at_y;
    double count;
    while (gv_side_next(&i, &at_x, &count) && gv_side_next(&j, &at_y, &count))
        if (at_x != at_y)
            return false;
    return true;
}

static bool same_side(const struct gv_buckets *x, const struct gv_buckets *y)
{
    return (same_layout(x, y) || same_indexes(x, y)) &&
           (x->n_counts == 0 || memcmp(x->counts, y->counts, x->n_counts * sizeof *x->counts) == 0);
}

bool gv_histogram_bounds_eq(const struct gv_histogram *a, const struct gv_histogram *b)
{
    return gv_bounds_same(a->bounds, a->n_bounds, b->bounds, b->n_bounds);
}

bool gv_histogram_eq(const struct gv_histogram *a, const struct gv_histogram *b)
{
    if (a->schema != b->schema || !same_bits(a->count, b->count) || !same_bits(a->sum, b->sum))
        return false;
    if (gv_histogram_is_custom(a) && !gv_histogram_bounds_eq(a, b))
        return false;
    return a->zero_threshold == b->zero_threshold && same_bits(a->zero_count, b->zero_count) &&
           same_side(&a->positive, &b->positive) && same_side(&a->negative, &b->negative);
}

/* ---- Counter resets ---- */

/* Some bucket of `was` is larger than that of `is`; a bucket that is not there is empty. */
static bool went_down(const struct gv_ladder *is, const struct gv_ladder *was)
{
    uint32_t i = 0;
    for (uint32_t j = 0; j < was->n; j++) {
        while (i < is->n && is->index[i] < was->index[j])
            i++;
        bool there = i < is->n && is->index[i] == was->index[j];
        if (there ? is->count[i] < was->count[j] : was->count[j] != 0)
            return true;
    }
    return false;
}

static void drop_below(struct gv_ladder *l, int32_t schema, double threshold)
{
    uint32_t skip = 0;
    while (skip < l->n && gv_histogram_bound(l->index[skip], schema) <= threshold)
        skip++;
    if (!skip)
        return;
    l->n -= skip;
    l->index += skip;
    l->count += skip;
    l->comp += skip;
}

static bool exponential_reset(struct gv_arena *scratch, const struct gv_histogram *h,
                              const struct gv_histogram *previous)
{
    struct gv_histogram_parts is = {0}, was = {0};
    gv_parts_load(&was, scratch, previous, 1);
    if (was.zero_threshold < h->zero_threshold)
        gv_parts_widen_zero(&was, h->zero_threshold);
    if (was.zero_threshold != h->zero_threshold || h->zero_count < was.zero_count)
        return true;
    gv_parts_reduce(&was, h->schema);
    gv_parts_load(&is, scratch, h, 1);
    for (int i = 0; i < 2; i++) {
        drop_below(&is.side[i], h->schema, h->zero_threshold);
        drop_below(&was.side[i], h->schema, h->zero_threshold);
        if (went_down(&is.side[i], &was.side[i]))
            return true;
    }
    return false;
}

/* The total up to and including what lies below bound, from *at on. */
static double rolled_up(const struct gv_ladder *l, const struct gv_histogram *h, double bound, uint32_t *at)
{
    double sum = 0;
    for (; *at < l->n; ++*at) {
        uint32_t index = (uint32_t)l->index[*at];
        if ((index < h->n_bounds ? h->bounds[index] : INFINITY) > bound)
            break;
        sum += l->count[*at];
    }
    return sum;
}

/* Bucket by bucket over the bounds in common; with the same bounds that is each bucket. */
static bool custom_reset(struct gv_arena *scratch, const struct gv_histogram *h, const struct gv_histogram *previous)
{
    struct gv_histogram_parts is = {0}, was = {0};
    gv_parts_load(&is, scratch, h, 1);
    gv_parts_load(&was, scratch, previous, 1);
    uint32_t at_is = 0, at_was = 0;
    for (uint32_t i = 0, j = 0; i <= h->n_bounds; i++) {
        double bound = i < h->n_bounds ? h->bounds[i] : INFINITY;
        while (j < previous->n_bounds && previous->bounds[j] < bound)
            j++;
        if (i < h->n_bounds && (j == previous->n_bounds || previous->bounds[j] != bound))
            continue;
        double now = rolled_up(&is.side[0], h, bound, &at_is);
        if (now < rolled_up(&was.side[0], previous, bound, &at_was))
            return true;
    }
    return false;
}

static bool counts_went_down(const struct gv_buckets *is, const struct gv_buckets *was)
{
    for (uint32_t i = 0; i < is->n_counts; i++)
        if (is->counts[i] < was->counts[i])
            return true;
    return false;
}

bool gv_histogram_is_reset(struct gv_arena *scratch, const struct gv_histogram *h, const struct gv_histogram *previous)
{
    if (h->reset_hint == GV_RESET_YES || h->reset_hint == GV_RESET_NO)
        return h->reset_hint == GV_RESET_YES;
    if (h->count < previous->count || h->schema > previous->schema)
        return true;
    bool custom = gv_histogram_is_custom(h);
    if (custom != gv_histogram_is_custom(previous) || h->zero_threshold < previous->zero_threshold)
        return true;
    if (h->schema == previous->schema && h->zero_threshold == previous->zero_threshold &&
        same_layout(&h->positive, &previous->positive) && same_layout(&h->negative, &previous->negative) &&
        (!custom || gv_histogram_bounds_eq(h, previous)))
        return h->zero_count < previous->zero_count || counts_went_down(&h->positive, &previous->positive) ||
               counts_went_down(&h->negative, &previous->negative);
    struct gv_arena_mark mark = gv_arena_mark(scratch);
    bool reset = custom ? custom_reset(scratch, h, previous) : exponential_reset(scratch, h, previous);
    gv_arena_rewind(scratch, mark);
    return reset;
}
