/* Loaded series, kept as a time series database keeps them: by label set, in order of time, and with the counter reset
 * hints that a reader gets back. Every eval sees all loads since the last clear. */
#include "storage.h"
#include "base/map.h"
#include "model/column.h"

struct stored_series {
    const struct gv_labels *labels;
    int64_t *times, *starts;
    double *values;
    const struct gv_histogram **histograms; /* NULL entries: floats */
    size_t n, cap;
    bool has_starts, has_histograms;
};

void storage_init(struct storage *s, uint32_t per_chunk)
{
    s->per_chunk = per_chunk;
    gv_arena_init(&s->arena, NULL);
    gv_map_init(&s->map, &s->arena);
    s->sealed = false;
}

void storage_fini(struct storage *s)
{
    gv_arena_fini(&s->arena);
}

static struct stored_series *series_of(struct storage *s, const struct gv_labels *labels)
{
    struct stored_series **place = (struct stored_series **)gv_map_at(&s->map, labels->hash, gv_labels_bytes(labels));
    if (!*place) {
        *place = gv_arena_new(&s->arena, struct stored_series);
        (*place)->labels = labels;
    }
    return *place;
}

static void grow(struct storage *s, struct stored_series *d)
{
    size_t cap = d->cap;
    size_t all[4] = {cap, cap, cap, cap};
    d->times = gv_arena_grow(&s->arena, d->times, d->n, &all[0], sizeof *d->times);
    d->starts = gv_arena_grow(&s->arena, d->starts, d->n, &all[1], sizeof *d->starts);
    d->values = gv_arena_grow(&s->arena, d->values, d->n, &all[2], sizeof *d->values);
    d->histograms = gv_arena_grow(&s->arena, d->histograms, d->n, &all[3], sizeof *d->histograms);
    d->cap = all[0];
}

static void append(struct storage *s, struct stored_series *d, int64_t time, int64_t start, const struct point *p)
{
    if (d->n == d->cap)
        grow(s, d);
    d->times[d->n] = time;
    d->starts[d->n] = start;
    d->values[d->n] = p->h ? 0 : p->f;
    d->histograms[d->n] = p->h;
    d->has_starts |= start != 0;
    d->has_histograms |= p->h != NULL;
    d->n++;
}

static void add_histogram(struct storage *s, const struct gv_labels *labels, int64_t time, const struct gv_histogram *h)
{
    append(s, series_of(s, labels), time, 0, &(struct point){.h = h});
}

bool storage_load(struct storage *s, const struct load *l, struct gv_err *err)
{
    s->sealed = false;
    for (size_t i = 0; i < l->n; i++) {
        struct stored_series *d = series_of(s, l->series[i].labels);
        const struct points *points = &l->series[i].points, *starts = &l->series[i].starts;
        for (size_t k = 0; k < points->n; k++) {
            int64_t time = (int64_t)k * l->gap;
            bool has_start = starts->n && !starts->items[k].omitted;
            if (!points->items[k].omitted)
                append(s, d, time, has_start ? time + (int64_t)starts->items[k].f : 0, &points->items[k]);
        }
    }
    return !l->with_nhcb || convert_classic(s, l, add_histogram, err);
}

/* ---- Reset hints ----
 *
 * A database keeps counter histograms in runs: one layout, and nothing that goes down. It knows of every sample in a
 * run that it is no reset, and nothing of the one that a run starts with: to a reader the hint of that one is unknown,
 * even where the script wrote a reset. Floats and gauges stand in no run. */

static bool same_layout(const struct gv_histogram *a, const struct gv_histogram *b)
{
    return a->schema == b->schema && a->zero_threshold == b->zero_threshold && gv_histogram_bounds_eq(a, b);
}

static bool extends_run(struct gv_arena *a, const struct gv_histogram *last, const struct gv_histogram *h)
{
    if (!last || h->reset_hint == GV_RESET_YES || !same_layout(last, h))
        return false;
    return !gv_histogram_is_reset(a, gv_histogram_with_hint(a, h, GV_RESET_UNKNOWN), last);
}

/* What a reader gets; what was loaded stays as it is, for the next load. */
static const struct gv_histogram *const *read_histograms(struct storage *s, const struct stored_series *d)
{
    if (!d->has_histograms)
        return NULL;
    struct gv_arena *a = &s->arena;
    const struct gv_histogram **read = gv_arena_array(a, const struct gv_histogram *, d->n);
    const struct gv_histogram *last = NULL; /* of the run so far */
    for (size_t i = 0; i < d->n; i++) {
        const struct gv_histogram *h = d->histograms[i];
        bool is_gauge = h && h->reset_hint == GV_RESET_GAUGE;
        if (is_gauge)
            read[i] = h;
        else if (h)
            read[i] = gv_histogram_with_hint(a, h, extends_run(a, last, h) ? GV_RESET_NO : GV_RESET_UNKNOWN);
        last = is_gauge ? NULL : h;
    }
    return read;
}

/* Scripts may load a sample twice; the later one stays. No chunk holds both. */
static bool fits_chunks(const struct stored_series *d)
{
    for (size_t i = 1; i < d->n; i++)
        if (d->times[i] <= d->times[i - 1])
            return false;
    return !d->has_histograms && !d->has_starts;
}

static void add(struct storage *s, const struct stored_series *d)
{
    struct gv_raw_column raw = {d->times, d->values, read_histograms(s, d), d->has_starts ? d->starts : NULL,
                                (uint32_t)d->n};
    struct gv_column column = {.kind = GV_COLUMN_RAW, .raw = raw};
    if (s->per_chunk && fits_chunks(d))
        gv_memory_source_add_encoded(&s->source, d->labels, &raw, s->per_chunk);
    else
        gv_memory_source_add(&s->source, d->labels, &column);
}

struct gv_source *storage_source(struct storage *s)
{
    if (s->sealed)
        return &s->source.source;
    gv_memory_source_init(&s->source, &s->arena);
    for (struct gv_map_entry *e = NULL; (e = gv_map_next(&s->map, e));)
        add(s, e->value);
    gv_memory_source_seal(&s->source);
    s->sealed = true;
    return &s->source.source;
}
