/* Sums of native histograms.
 *
 *   histogram ──► taken apart ──► same zero bucket, same schema (or the custom bounds in common) ──► merged in
 *
 * Every component carries a compensation beside it; a plain addition is the same with the compensation dropped.
 * Source: Prometheus, FloatHistogram.Add, Sub and KahanAdd. */
#include "model/histogram_parts.h"
#include "model/kahan.h"
#include <float.h>

/* ---- Merging ladders ---- */

static uint32_t count_missing(const struct gv_ladder *in, const struct gv_ladder *of)
{
    uint32_t missing = 0, i = 0;
    for (uint32_t j = 0; j < of->n; j++) {
        while (i < in->n && in->index[i] < of->index[j])
            i++;
        missing += i == in->n || in->index[i] != of->index[j];
    }
    return missing;
}

static void move(struct gv_ladder *l, uint32_t to, uint32_t from)
{
    l->index[to] = l->index[from];
    l->count[to] = l->count[from];
    l->comp[to] = l->comp[from];
}

/* From the back, so that no entry is overwritten before it has moved. */
static void merge(struct gv_ladder *into, struct gv_arena *a, const struct gv_ladder *from, double sign)
{
    uint32_t i = into->n, j = from->n, k = i + count_missing(into, from);
    gv_ladder_reserve(into, a, k);
    into->n = k;
    while (j > 0) {
        if (i > 0 && into->index[i - 1] > from->index[j - 1]) {
            move(into, --k, --i);
            continue;
        }
        bool known = i > 0 && into->index[i - 1] == from->index[j - 1];
        j--;
        k--;
        if (known) {
            move(into, k, --i);
            gv_kahan_add(sign * from->count[j], &into->count[k], &into->comp[k]);
            if (from->comp[j] != 0)
                gv_kahan_add(sign * from->comp[j], &into->count[k], &into->comp[k]);
        } else {
            into->index[k] = from->index[j];
            into->count[k] = sign * from->count[j];
            into->comp[k] = sign * from->comp[j];
        }
    }
}

/* ---- The two kinds of buckets ---- */

static void add_exponential(struct gv_histogram_sum *s, double sign)
{
    struct gv_histogram_parts *x = &s->parts, *y = &s->summand;
    while (x->zero_threshold < y->zero_threshold || y->zero_threshold < x->zero_threshold) {
        bool narrow = x->zero_threshold < y->zero_threshold;
        gv_parts_widen_zero(narrow ? x : y, narrow ? y->zero_threshold : x->zero_threshold);
    }
    gv_kahan_add(sign * y->zero_count, &x->zero_count, &x->zero_comp);
    gv_kahan_add(sign * y->zero_comp, &x->zero_count, &x->zero_comp);
    gv_parts_reduce(x, y->schema);
    gv_parts_reduce(y, x->schema);
    for (int i = 0; i < 2; i++)
        merge(&x->side[i], s->arena, &y->side[i], sign);
}

static const double *common_bounds(struct gv_histogram_sum *s, const struct gv_histogram *h, uint32_t *n)
{
    double *common = gv_arena_array(s->arena, double, s->n_bounds);
    *n = 0;
    for (uint32_t i = 0, j = 0; i < s->n_bounds && j < h->n_bounds;) {
        if (s->bounds[i] == h->bounds[j]) {
            common[(*n)++] = s->bounds[i++];
            j++;
        } else if (s->bounds[i] < h->bounds[j]) {
            i++;
        } else {
            j++;
        }
    }
    return common;
}

/* Adds each bucket to the one of `into` that its upper bound lies in; into has one entry per bound and one beyond. */
static void pour(struct gv_ladder *into, const double *into_bounds, const struct gv_ladder *from,
                 const double *from_bounds, uint32_t n_from_bounds, double sign)
{
    uint32_t to = 0;
    for (uint32_t i = 0; i < from->n; i++) {
        uint32_t index = (uint32_t)from->index[i];
        while (to < into->n - 1 && (index >= n_from_bounds || into_bounds[to] < from_bounds[index]))
            to++;
        gv_kahan_add(sign * from->count[i], &into->count[to], &into->comp[to]);
        if (from->comp[i] != 0)
            gv_kahan_add(sign * from->comp[i], &into->count[to], &into->comp[to]);
    }
}

static void drop_empty(struct gv_ladder *l)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++)
        if (l->count[i] != 0 || l->comp[i] != 0)
            move(l, n++, i);
    l->n = n;
}

static void add_custom(struct gv_histogram_sum *s, const struct gv_histogram *h, double sign)
{
    struct gv_ladder *x = &s->parts.side[0], *y = &s->summand.side[0];
    if (gv_bounds_same(s->bounds, s->n_bounds, h->bounds, h->n_bounds)) {
        merge(x, s->arena, y, sign);
        return;
    }
    s->notes.bounds_reconciled = true;
    uint32_t n;
    const double *common = common_bounds(s, h, &n);
    struct gv_ladder into = {.n = 0};
    gv_ladder_reserve(&into, s->arena, n + 1);
    for (; into.n <= n; into.n++) {
        into.index[into.n] = (int32_t)into.n;
        into.count[into.n] = into.comp[into.n] = 0;
    }
    pour(&into, common, x, s->bounds, s->n_bounds, 1);
    pour(&into, common, y, h->bounds, h->n_bounds, sign);
    drop_empty(&into);
    *x = into;
    s->bounds = common;
    s->n_bounds = n;
}

/* ---- Sums ---- */

/* What two hints make of a sum: a gauge beats all, unknown beats the two that know. */
static void merge_hints(struct gv_histogram_sum *s, enum gv_reset_hint hint)
{
    if (s->hint == hint)
        return;
    if (s->hint == GV_RESET_GAUGE || hint == GV_RESET_GAUGE) {
        s->hint = GV_RESET_GAUGE;
        return;
    }
    if (s->hint != GV_RESET_UNKNOWN && hint != GV_RESET_UNKNOWN)
        s->notes.reset_collision = true;
    s->hint = GV_RESET_UNKNOWN;
}

/* s + sign * h / divisor */
static bool add(struct gv_histogram_sum *s, const struct gv_histogram *h, double sign, double divisor)
{
    bool custom = s->parts.schema == GV_HISTOGRAM_CUSTOM_SCHEMA;
    if (custom != gv_histogram_is_custom(h))
        return false;
    merge_hints(s, h->reset_hint);
    gv_parts_load(&s->summand, s->arena, h, divisor);
    gv_kahan_add(sign * (h->count / divisor), &s->count, &s->count_comp);
    gv_kahan_add(sign * (h->sum / divisor), &s->sum, &s->sum_comp);
    if (custom)
        add_custom(s, h, sign);
    else
        add_exponential(s, sign);
    return true;
}

static const double *copy_bounds(struct gv_arena *a, const double *bounds, uint32_t n)
{
    return n ? memcpy(gv_arena_alloc(a, n * sizeof *bounds), bounds, n * sizeof *bounds) : NULL;
}

void gv_histogram_sum_init(struct gv_histogram_sum *s, struct gv_arena *a, const struct gv_histogram *h)
{
    *s = (struct gv_histogram_sum){.arena = a, .hint = h->reset_hint, .count = h->count, .sum = h->sum};
    gv_parts_load(&s->parts, a, h, 1);
    s->bounds = copy_bounds(a, h->bounds, h->n_bounds);
    s->n_bounds = h->n_bounds;
}

bool gv_histogram_sum_add(struct gv_histogram_sum *s, const struct gv_histogram *h)
{
    return add(s, h, 1, 1);
}

bool gv_histogram_sum_sub(struct gv_histogram_sum *s, const struct gv_histogram *h)
{
    return add(s, h, -1, 1);
}

/* (sum + compensation) / divisor, as Prometheus rounds it: each divided first. */
static const struct gv_histogram *result(const struct gv_histogram_sum *s, struct gv_arena *a, double divisor,
                                         bool compensated)
{
    struct gv_histogram *h = gv_arena_new(a, struct gv_histogram);
    double comp = compensated ? 1 : 0;
    h->schema = s->parts.schema;
    h->reset_hint = s->hint;
    h->zero_threshold = s->parts.zero_threshold;
    h->zero_count = s->parts.zero_count / divisor + comp * s->parts.zero_comp / divisor;
    h->count = s->count / divisor + comp * s->count_comp / divisor;
    h->sum = s->sum / divisor + comp * s->sum_comp / divisor;
    h->positive = gv_ladder_pack(&s->parts.side[0], a, divisor, compensated);
    h->negative = gv_ladder_pack(&s->parts.side[1], a, divisor, compensated);
    h->bounds = copy_bounds(a, s->bounds, s->n_bounds);
    h->n_bounds = s->n_bounds;
    return h;
}

const struct gv_histogram *gv_histogram_sum_result(const struct gv_histogram_sum *s, struct gv_arena *a)
{
    return result(s, a, 1, true);
}

const struct gv_histogram *gv_histogram_sum_plain(const struct gv_histogram_sum *s, struct gv_arena *a)
{
    return result(s, a, 1, false);
}

static const struct gv_histogram *combine(struct gv_arena *a, const struct gv_histogram *x,
                                          const struct gv_histogram *y, double sign, struct gv_histogram_notes *notes)
{
    struct gv_histogram_sum s;
    gv_histogram_sum_init(&s, a, x);
    if (!add(&s, y, sign, 1))
        gv_die("exponential and custom histograms were combined");
    if (notes) {
        notes->reset_collision |= s.notes.reset_collision;
        notes->bounds_reconciled |= s.notes.bounds_reconciled;
    }
    return gv_histogram_sum_plain(&s, a);
}

const struct gv_histogram *gv_histogram_add(struct gv_arena *a, const struct gv_histogram *x,
                                            const struct gv_histogram *y, struct gv_histogram_notes *notes)
{
    return combine(a, x, y, 1, notes);
}

const struct gv_histogram *gv_histogram_sub(struct gv_arena *a, const struct gv_histogram *x,
                                            const struct gv_histogram *y, struct gv_histogram_notes *notes)
{
    return combine(a, x, y, -1, notes);
}

/* ---- Means ---- */

static double magnitude(double v)
{
    return isnan(v) ? 0 : fabs(v);
}

/* All parts together: no merging of buckets makes one of them larger. */
static double norm(const struct gv_histogram *h)
{
    double sum = magnitude(h->count) + magnitude(h->sum) + magnitude(h->zero_count);
    for (uint32_t i = 0; i < h->positive.n_counts; i++)
        sum += magnitude(h->positive.counts[i]);
    for (uint32_t i = 0; i < h->negative.n_counts; i++)
        sum += magnitude(h->negative.counts[i]);
    return sum;
}

static bool overflows(const struct gv_histogram_sum *s)
{
    bool inf = isinf(s->count) || isinf(s->sum) || isinf(s->parts.zero_count);
    for (int i = 0; i < 2; i++)
        for (uint32_t j = 0; j < s->parts.side[i].n; j++)
            inf |= isinf(s->parts.side[i].count[j]) != 0;
    return inf;
}

static void scale(struct gv_histogram_sum *s, double factor, double divisor)
{
    double *numbers[] = {&s->count, &s->sum, &s->parts.zero_count, &s->count_comp, &s->sum_comp, &s->parts.zero_comp};
    for (size_t i = 0; i < GV_COUNT(numbers); i++)
        *numbers[i] = *numbers[i] * factor / divisor;
    for (int i = 0; i < 2; i++) {
        struct gv_ladder *l = &s->parts.side[i];
        for (uint32_t j = 0; j < l->n; j++) {
            l->count[j] = l->count[j] * factor / divisor;
            l->comp[j] = l->comp[j] * factor / divisor;
        }
    }
}

/* A sum with arrays of its own, to try an addition on. */
static struct gv_histogram_sum copy_of(const struct gv_histogram_sum *s)
{
    struct gv_histogram_sum copy = *s;
    for (int i = 0; i < 2; i++) {
        struct gv_ladder *l = &copy.parts.side[i];
        l->cap = 0;
        gv_ladder_reserve(l, s->arena, l->n);
    }
    return copy;
}

void gv_histogram_mean_init(struct gv_histogram_mean *m, struct gv_arena *a, const struct gv_histogram *h)
{
    *m = (struct gv_histogram_mean){.n = 1, .bound = norm(h)};
    gv_histogram_sum_init(&m->sum, a, h);
}

bool gv_histogram_mean_add(struct gv_histogram_mean *m, const struct gv_histogram *h)
{
    m->n++;
    if (!m->incremental) {
        m->bound += norm(h);
        if (m->bound < DBL_MAX / 2)
            return add(&m->sum, h, 1, 1);
        struct gv_histogram_sum trial = copy_of(&m->sum);
        if (!add(&trial, h, 1, 1))
            return false;
        if (!overflows(&trial)) {
            m->sum = trial;
            return true;
        }
        m->incremental = true;
        scale(&m->sum, 1, m->n - 1);
    }
    scale(&m->sum, (m->n - 1) / m->n, 1);
    return add(&m->sum, h, 1, m->n);
}

const struct gv_histogram *gv_histogram_mean_result(const struct gv_histogram_mean *m, struct gv_arena *a)
{
    return result(&m->sum, a, m->incremental ? 1 : m->n, true);
}
