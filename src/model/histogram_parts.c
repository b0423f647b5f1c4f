/* Native histograms taken apart and put together.
 *
 *   spans + counts ──► ladder: (index, count, compensation) by index ──► changed ──► spans + counts
 *
 * On a ladder every change of layout is a loop over sorted entries: reducing the schema merges neighbours, widening
 * the zero bucket swallows the first entries. The negative side is the positive one mirrored, so both are treated
 * alike, in absolute values. */
#include "model/histogram_parts.h"
#include "model/kahan.h"

void gv_ladder_reserve(struct gv_ladder *l, struct gv_arena *a, uint32_t cap)
{
    if (cap <= l->cap)
        return;
    if (cap < 2 * l->cap)
        cap = 2 * l->cap;
    struct gv_ladder old = *l;
    l->index = gv_arena_alloc(a, cap * sizeof *l->index);
    l->count = gv_arena_alloc(a, cap * sizeof *l->count);
    l->comp = gv_arena_alloc(a, cap * sizeof *l->comp);
    l->cap = cap;
    if (old.n) {
        memcpy(l->index, old.index, old.n * sizeof *l->index);
        memcpy(l->count, old.count, old.n * sizeof *l->count);
        memcpy(l->comp, old.comp, old.n * sizeof *l->comp);
    }
}

static void load_side(struct gv_ladder *l, struct gv_arena *a, const struct gv_buckets *b, double divisor)
{
    l->n = 0;
    gv_ladder_reserve(l, a, b->n_counts);
    int32_t index = 0;
    for (uint32_t s = 0; s < b->n_spans; s++) {
        index += b->spans[s].offset;
        for (uint32_t i = 0; i < b->spans[s].length && l->n < b->n_counts; i++) {
            l->index[l->n] = index++;
            l->count[l->n] = b->counts[l->n] / divisor;
            l->comp[l->n++] = 0;
        }
    }
}

void gv_parts_load(struct gv_histogram_parts *p, struct gv_arena *a, const struct gv_histogram *h, double divisor)
{
    p->schema = h->schema;
    p->zero_threshold = h->zero_threshold;
    p->zero_count = h->zero_count / divisor;
    p->zero_comp = 0;
    load_side(&p->side[0], a, &h->positive, divisor);
    load_side(&p->side[1], a, &h->negative, divisor);
}

static void reduce_side(struct gv_ladder *l, int shift)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        int32_t index = ((l->index[i] - 1) >> shift) + 1;
        if (n && l->index[n - 1] == index) {
            gv_kahan_add(l->count[i], &l->count[n - 1], &l->comp[n - 1]);
            gv_kahan_add(l->comp[i], &l->count[n - 1], &l->comp[n - 1]);
            continue;
        }
        l->index[n] = index;
        l->count[n] = l->count[i];
        l->comp[n++] = l->comp[i];
    }
    l->n = n;
}

void gv_parts_reduce(struct gv_histogram_parts *p, int32_t schema)
{
    enum { WHOLE = 31 }; /* bits of an index: of more of them C does not say what a shift gives */
    if (schema >= p->schema)
        return;
    int shift = p->schema - schema < WHOLE ? p->schema - schema : WHOLE;
    reduce_side(&p->side[0], shift);
    reduce_side(&p->side[1], shift);
    p->schema = schema;
}

/* Adds the buckets below *threshold to the zero bucket. One that *threshold splits goes whole: where it is populated
 * *threshold moves to its end, and true is returned. */
static bool swallow(const struct gv_ladder *l, int32_t schema, double *threshold, double *zero, double *comp)
{
    for (uint32_t i = 0; i < l->n && gv_histogram_bound(l->index[i] - 1, schema) < *threshold; i++) {
        gv_kahan_add(l->count[i], zero, comp);
        gv_kahan_add(l->comp[i], zero, comp);
        double upper = gv_histogram_bound(l->index[i], schema);
        if (upper <= *threshold)
            continue;
        if (l->count[i] == 0)
            return false;
        *threshold = upper;
        return true;
    }
    return false;
}

/* Takes out what lies within the zero bucket, and empty buckets. */
static void cut_side(struct gv_ladder *l, int32_t schema, double threshold)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        bool within = gv_histogram_bound(l->index[i] - 1, schema) < threshold;
        if (within || (l->count[i] == 0 && l->comp[i] == 0))
            continue;
        l->index[n] = l->index[i];
        l->count[n] = l->count[i];
        l->comp[n++] = l->comp[i];
    }
    l->n = n;
}

void gv_parts_widen_zero(struct gv_histogram_parts *p, double threshold)
{
    double zero, comp;
    do {
        zero = p->zero_count;
        comp = p->zero_comp;
        swallow(&p->side[0], p->schema, &threshold, &zero, &comp);
    } while (swallow(&p->side[1], p->schema, &threshold, &zero, &comp)); /* moved: the first side reaches further too */
    p->zero_count = zero;
    p->zero_comp = comp;
    p->zero_threshold = threshold;
    cut_side(&p->side[0], p->schema, threshold);
    cut_side(&p->side[1], p->schema, threshold);
}

struct gv_buckets gv_ladder_pack(const struct gv_ladder *l, struct gv_arena *a, double divisor, bool compensated)
{
    struct gv_buckets b = {NULL, NULL, 0, l->n};
    if (l->n == 0)
        return b;
    double *counts = gv_arena_alloc(a, l->n * sizeof *counts);
    for (uint32_t i = 0; i < l->n; i++) {
        counts[i] = l->count[i] / divisor + (compensated ? l->comp[i] / divisor : 0);
        b.n_spans += i == 0 || l->index[i] != l->index[i - 1] + 1;
    }
    struct gv_span *spans = gv_arena_alloc(a, b.n_spans * sizeof *spans);
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        if (i == 0 || l->index[i] != l->index[i - 1] + 1)
            spans[n++] = (struct gv_span){i ? l->index[i] - l->index[i - 1] - 1 : l->index[i], 0};
        spans[n - 1].length++;
    }
    b.spans = spans;
    b.counts = counts;
    return b;
}
