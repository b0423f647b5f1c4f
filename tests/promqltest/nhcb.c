/* Classic histograms to native ones with custom buckets: the series x_bucket{le}, x_count and x_sum of one load become
 * samples of x, one per time at which any of them has a value (Prometheus: util/convertnhcb). */
#include "base/map.h"
#include "base/number.h"
#include "storage.h"
#include <math.h>
#include <stdlib.h>

struct bucket {
    double le, count;
};
struct classic {
    int64_t time;
    struct bucket *buckets; /* by le */
    size_t n, cap;
    double count, sum;
    bool has_count;
};
struct family {
    const struct gv_labels *labels;
    struct classic *items;
    size_t n, cap;
};

enum suffix { NO_SUFFIX, BUCKET, COUNT, SUM };

static enum suffix suffix_of(struct gv_slice name, struct gv_slice *base)
{
    static const struct {
        struct gv_slice text;
        enum suffix suffix;
    } suffixes[] = {{{"_bucket", 7}, BUCKET}, {{"_count", 6}, COUNT}, {{"_sum", 4}, SUM}};
    for (size_t i = 0; i < GV_COUNT(suffixes); i++) {
        if (gv_slice_has_suffix(name, suffixes[i].text)) {
            *base = (struct gv_slice){name.p, name.n - suffixes[i].text.n};
            return suffixes[i].suffix;
        }
    }
    return NO_SUFFIX;
}

static struct family *family_of(struct gv_map *families, struct gv_arena *a, const struct gv_labels *l,
                                struct gv_slice base)
{
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, a, l);
    gv_labels_set(&b, GV_LABEL_NAME, base);
    gv_labels_del(&b, GV_S("le"));
    const struct gv_labels *labels = gv_labels_build(&b, a);
    struct family **place = (struct family **)gv_map_at(families, labels->hash, gv_labels_bytes(labels));
    if (!*place) {
        *place = gv_arena_new(a, struct family);
        (*place)->labels = labels;
    }
    return *place;
}

static struct classic *at_time(struct gv_arena *a, struct family *f, int64_t time)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->items[i].time == time)
            return &f->items[i];
    }
    gv_push(a, f->items, f->n, f->cap) = (struct classic){.time = time};
    return &f->items[f->n - 1];
}

/* The first bucket of a bound counts, later ones are duplicates. */
static void set_bucket(struct gv_arena *a, struct classic *c, double le, double count)
{
    size_t at = 0;
    while (at < c->n && c->buckets[at].le < le)
        at++;
    if (at < c->n && c->buckets[at].le == le)
        return;
    gv_push(a, c->buckets, c->n, c->cap) = (struct bucket){0};
    memmove(c->buckets + at + 1, c->buckets + at, (c->n - 1 - at) * sizeof *c->buckets);
    c->buckets[at] = (struct bucket){le, count};
}

static void collect(struct gv_arena *a, struct gv_map *families, const struct loaded_series *s, int64_t gap)
{
    struct gv_slice base;
    double le = 0;
    enum suffix suffix = suffix_of(gv_labels_get(s->labels, GV_LABEL_NAME), &base);
    if (suffix == NO_SUFFIX)
        return;
    if (suffix == BUCKET && (!gv_double_parse(gv_labels_get(s->labels, GV_S("le")), &le) || isnan(le)))
        return;
    struct family *f = family_of(families, a, s->labels, base);
    for (size_t i = 0; i < s->points.n; i++) {
        const struct point *p = &s->points.items[i];
        if (p->omitted || p->h)
            continue;
        struct classic *c = at_time(a, f, (int64_t)i * gap);
        if (suffix == BUCKET) {
            set_bucket(a, c, le, p->f);
        } else if (suffix == SUM) {
            c->sum = p->f;
        } else {
            c->count = p->f;
            c->has_count = true;
        }
    }
}

static bool check(const struct family *f, const struct classic *c, struct gv_err *err)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->buckets[i].count < (i ? c->buckets[i - 1].count : 0)) {
            struct gv_buf name = GV_BUF_INIT;
            gv_labels_print(&name, f->labels);
            gv_fail(err, GV_BAD_DATA, "%s at %lld ms: the bucket of le=%g has a lower count than the one before",
                    gv_buf_cstr(&name), (long long)c->time, c->buckets[i].le);
            gv_buf_fini(&name);
            return false;
        }
    }
    return true;
}

static const struct gv_histogram *convert(struct gv_arena *a, struct classic *c)
{
    if (!c->has_count && c->n)
        c->count = c->buckets[c->n - 1].count;
    if (!c->n || c->buckets[c->n - 1].le != INFINITY)
        set_bucket(a, c, INFINITY, c->count);
    double *counts = gv_arena_array(a, double, c->n), *bounds = gv_arena_array(a, double, c->n);
    for (size_t i = 0; i < c->n; i++) {
        counts[i] = c->buckets[i].count - (i ? c->buckets[i - 1].count : 0);
        bounds[i] = c->buckets[i].le;
    }
    struct gv_span *span = gv_arena_new(a, struct gv_span);
    span->length = (uint32_t)c->n;
    struct gv_histogram *h = gv_arena_new(a, struct gv_histogram);
    h->schema = GV_HISTOGRAM_CUSTOM_SCHEMA;
    h->count = c->count;
    h->sum = c->sum;
    h->positive = (struct gv_buckets){span, counts, 1, (uint32_t)c->n};
    h->bounds = bounds;
    h->n_bounds = (uint32_t)c->n - 1; /* +Inf is implied */
    return gv_histogram_compact(a, h);
}

static int by_time(const void *a, const void *b)
{
    int64_t x = ((const struct classic *)a)->time, y = ((const struct classic *)b)->time;
    return (x > y) - (x < y);
}

bool convert_classic(struct storage *s, const struct load *l, add_histogram_fn *add, struct gv_err *err)
{
    struct gv_map families;
    gv_map_init(&families, &s->arena);
    for (size_t i = 0; i < l->n; i++)
        collect(&s->arena, &families, &l->series[i], l->gap);
    for (struct gv_map_entry *e = NULL; (e = gv_map_next(&families, e));) {
        struct family *f = e->value;
        if (f->n)
            qsort(f->items, f->n, sizeof *f->items, by_time);
        for (size_t i = 0; i < f->n; i++) {
            if (!check(f, &f->items[i], err))
                return false;
            add(s, f->labels, f->items[i].time, convert(&s->arena, &f->items[i]));
        }
    }
    return true;
}
