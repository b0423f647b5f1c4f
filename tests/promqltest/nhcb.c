/* Classic histograms to native ones with custom buckets: the series x_bucket, x_count and x_sum of one load become
 * samples of x, one for each time at which any of them has a value.
 *
 * All values of such series become rows of one list. In its order (labels of x, time, the sum, then the buckets by
 * bound) the rows of one native sample stand together, and its buckets are the differences from row to row. x_count
 * counts what x_bucket{le="+Inf"} counts, so it is a row like that. */
#include "base/number.h"
#include "storage.h"
#include "model/column.h"
#include <math.h>
#include <stdlib.h>

enum part { SUM, BUCKET }; /* in the order of the list */

struct row {
    const struct gv_labels *labels; /* of the native histogram */
    int64_t time;
    enum part part;
    double bound, value; /* of a bucket: observations up to bound */
};
struct rows {
    struct gv_arena *arena;
    struct row *items;
    size_t n, cap;
};

/* ---- Series to rows ---- */

/* What a series is to its native histogram, by its name; false for one that is nothing to any. */
static bool find_part(const struct gv_labels *labels, struct row *row, struct gv_slice *suffix)
{
    struct gv_slice name = gv_labels_get(labels, GV_LABEL_NAME);
    row->part = BUCKET;
    row->bound = INFINITY;
    if (gv_slice_has_suffix(name, *suffix = GV_S("_bucket")))
        return gv_double_parse(gv_labels_get(labels, GV_S("le")), &row->bound) && !isnan(row->bound);
    if (gv_slice_has_suffix(name, *suffix = GV_S("_count")))
        return true;
    row->part = SUM;
    return gv_slice_has_suffix(name, *suffix = GV_S("_sum"));
}

static const struct gv_labels *native_labels(struct gv_arena *a, const struct gv_labels *labels, struct gv_slice suffix)
{
    struct gv_labels_builder b;
    struct gv_slice name = gv_labels_get(labels, GV_LABEL_NAME);
    name.n -= suffix.n;
    gv_labels_builder_init(&b, a, labels);
    gv_labels_set(&b, GV_LABEL_NAME, name);
    gv_labels_del(&b, GV_S("le"));
    return gv_labels_build(&b, a);
}

static void add_series(struct rows *rows, const struct loaded_series *series, int64_t gap)
{
    struct row row;
    struct gv_slice suffix;
    if (!find_part(series->labels, &row, &suffix))
        return;
    row.labels = native_labels(rows->arena, series->labels, suffix);
    for (size_t i = 0; i < series->points.n; i++) {
        const struct point *p = &series->points.items[i];
        if (p->omitted || p->h)
            continue;
        row.time = (int64_t)i * gap;
        row.value = p->f;
        gv_push(rows->arena, rows->items, rows->n, rows->cap) = row;
    }
}

/* ---- Rows to histograms ---- */

static bool same_sample(const struct row *a, const struct row *b)
{
    return a->time == b->time && gv_labels_eq(a->labels, b->labels);
}

static int order(const void *x, const void *y)
{
    const struct row *a = x, *b = y;
    int labels = gv_labels_cmp(a->labels, b->labels);
    if (labels != 0)
        return labels;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    if (a->part != b->part)
        return a->part < b->part ? -1 : 1;
    return (a->bound > b->bound) - (a->bound < b->bound);
}

/* A native sample under work: of its buckets, those up to the row read last. */
struct draft {
    struct gv_histogram h;
    double *bounds, *counts;
};

/* Counts of bounds that are equal as numbers ("1" and "1.0") are of the same observations: the larger one is right. */
static bool add_bucket(struct draft *d, const struct row *row, bool bound_is_new)
{
    double more = row->value - d->h.count;
    if (bound_is_new) {
        if (more < 0)
            return false;
        if (row->bound < INFINITY)
            d->bounds[d->h.n_bounds++] = row->bound;
        d->counts[d->h.positive.n_counts++] = 0;
    }
    if (more < 0)
        return true;
    d->counts[d->h.positive.n_counts - 1] += more;
    d->h.count = row->value;
    return true;
}

static const struct gv_histogram *finish(struct gv_arena *a, struct draft *d)
{
    struct gv_span *span = gv_arena_new(a, struct gv_span);
    span->length = d->h.positive.n_counts;
    d->h.positive.spans = span;
    d->h.positive.n_spans = span->length > 0;
    d->h.positive.counts = d->counts;
    d->h.bounds = d->bounds;
    return gv_histogram_compact(a, &d->h);
}

static const struct gv_histogram *convert(struct gv_arena *a, const struct row *rows, size_t n, struct gv_err *err)
{
    struct draft *d = gv_arena_new(a, struct draft);
    d->h.schema = GV_HISTOGRAM_CUSTOM_SCHEMA;
    d->bounds = gv_arena_array(a, double, n);
    d->counts = gv_arena_array(a, double, n);
    for (const struct row *row = rows; row < rows + n; row++) {
        bool bound_is_new = row == rows || row[-1].part == SUM || row[-1].bound != row->bound;
        if (row->part == SUM) {
            d->h.sum = row->value;
        } else if (!add_bucket(d, row, bound_is_new)) {
            struct gv_slice name = gv_labels_get(row->labels, GV_LABEL_NAME);
            (void)gv_fail(err, GV_BAD_DATA, "%.*s at %lld ms: fewer observations up to %g than below", GV_ARG(name),
                          (long long)row->time, row->bound);
            return NULL;
        }
    }
    return finish(a, d);
}

/* A series that ends takes the native one along. */
static const struct gv_histogram *stale_marker(struct gv_arena *a, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!gv_is_stale(rows[i].value))
            continue;
        struct gv_histogram *h = gv_arena_new(a, struct gv_histogram);
        h->schema = GV_HISTOGRAM_CUSTOM_SCHEMA;
        h->sum = rows[i].value;
        return h;
    }
    return NULL;
}

bool convert_classic(struct storage *s, const struct load *l, add_histogram_fn *add, struct gv_err *err)
{
    struct rows rows = {.arena = &s->arena};
    for (size_t i = 0; i < l->n; i++)
        add_series(&rows, &l->series[i], l->gap);
    if (rows.n)
        qsort(rows.items, rows.n, sizeof *rows.items, order);
    for (size_t first = 0, end; first < rows.n; first = end) {
        const struct row *group = &rows.items[first];
        for (end = first + 1; end < rows.n && same_sample(group, &rows.items[end]); end++)
            ;
        const struct gv_histogram *h = stale_marker(&s->arena, group, end - first);
        if (!h && !(h = convert(&s->arena, group, end - first, err)))
            return false;
        add(s, group->labels, group->time, h);
    }
    return true;
}
