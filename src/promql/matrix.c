/* A range selector or subquery at the root of an instant query: the samples themselves are the result. */
#include "promql/engine.h"

/* ---- Anchored and smoothed selectors ---- */

static double interpolate(const struct gv_float_samples *f, uint32_t i, int64_t t)
{
    double before = f->values[i], after = f->values[i + 1];
    return before + (after - before) * (double)(t - f->times[i]) / (double)(f->times[i + 1] - f->times[i]);
}

/* The first index in [0, n) whose time is after t (or at it), or n. */
static uint32_t first_from(const struct gv_float_samples *f, uint32_t n, int64_t t, bool at_too)
{
    uint32_t i = 0;
    while (i < n && (at_too ? f->times[i] < t : f->times[i] <= t))
        i++;
    return i;
}

/* The samples within (min, max], and one more on either bound: the nearest value, or, smoothed, the one between. */
static void extend_to(struct gv_stream *s, struct gv_series_samples *in, int64_t min, int64_t max, bool smoothed)
{
    const struct gv_float_samples f = in->floats;
    uint32_t last = f.n - 1, first = first_from(&f, last, min, false);
    first -= first > 0;
    if (smoothed)
        last = first_from(&f, last, max, true);
    in->floats = (struct gv_float_samples){0};
    if (f.times[last] <= min)
        return;
    int64_t *times = gv_arena_array(&s->scratch, int64_t, f.n + 2);
    double *values = gv_arena_array(&s->scratch, double, f.n + 2);
    uint32_t n = 0;
    times[n] = min;
    values[n++] = smoothed && f.times[first] < min ? interpolate(&f, first, min) : f.values[first];
    for (uint32_t i = first; i <= last; i++)
        if (f.times[i] > min && f.times[i] < max) {
            times[n] = f.times[i];
            values[n++] = f.values[i];
        }
    times[n] = max;
    values[n++] = smoothed && last > 0 && f.times[last] > max ? interpolate(&f, last - 1, max) : f.values[last];
    in->floats = (struct gv_float_samples){.times = times, .values = values, .n = n};
}

static bool extend(struct gv_stream *s, const struct gv_node *n, struct gv_series_samples *in)
{
    if (in->histograms.n)
        return gv_fail(s->env.err, GV_EXECUTION, "anchored modifier is not supported with histograms");
    int64_t max = gv_node_time(n, s->pipe->grid.start);
    size_t samples = in->floats.n + 2;
    if (!gv_arena_has_room(&s->scratch, samples * (sizeof(int64_t) + sizeof(double)), s->env.err))
        return false;
    if (in->floats.n)
        extend_to(s, in, max - n->range, max, n->extended == GV_RANGE_SMOOTHED);
    return true;
}

/* ---- Copies ---- */

static bool is_histogram_next(const struct gv_series_samples *in, uint32_t f, uint32_t h)
{
    return h < in->histograms.n && (f == in->floats.n || in->histograms.times[h] < in->floats.times[f]);
}

/* The arrays of a raw column, to be filled. */
struct raw_room {
    int64_t *times;
    double *values;
    const struct gv_histogram **histograms; /* all NULL; or none */
};

static bool make_room(struct raw_room *r, struct gv_arena *out, uint32_t n, bool histograms, struct gv_err *err)
{
    size_t size = n * (sizeof *r->times + sizeof *r->values + (histograms ? sizeof *r->histograms : 0));
    char *p = gv_arena_try(out, size, err);
    if (!p)
        return false;
    memset(p, 0, size);
    r->times = (int64_t *)(void *)p;
    r->values = (double *)(void *)(r->times + n);
    r->histograms = histograms ? (const struct gv_histogram **)(void *)(r->values + n) : NULL;
    return true;
}

static struct gv_raw_column raw_of(const struct raw_room *r, uint32_t n)
{
    return (struct gv_raw_column){.times = r->times, .values = r->values, .histograms = r->histograms, .n = n};
}

static bool copy_raw(struct gv_stream *s, const struct gv_series_samples *in, struct gv_raw_column *raw,
                     struct gv_arena *out)
{
    uint32_t n = in->floats.n + in->histograms.n;
    struct raw_room room;
    if (!make_room(&room, out, n, in->histograms.n, s->env.err))
        return false;
    for (uint32_t i = 0, f = 0, h = 0; i < n; i++) {
        if (is_histogram_next(in, f, h)) {
            room.times[i] = in->histograms.times[h];
            room.values[i] = 0;
            room.histograms[i] = gv_histogram_dup(out, in->histograms.values[h++]);
        } else {
            room.times[i] = in->floats.times[f];
            room.values[i] = in->floats.values[f++];
        }
    }
    *raw = raw_of(&room, n);
    return true;
}

/* What of a series a bare range selector shows: anchored and smoothed ones reach over their bounds first. */
static bool next_raw(struct gv_stream *s, const struct gv_node *n, struct gv_series_samples *in,
                     const struct gv_labels **labels, int *more)
{
    *in = (struct gv_series_samples){0};
    if (s->pipe->inner) {
        *more = gv_stream_next(s->inner, &s->inner_row);
        *labels = s->inner_row.labels;
        return *more == 0 || (*more == 1 && gv_read_row(s, &s->inner_row, &s->pipe->inner->grid, in));
    }
    struct gv_series series;
    *more = gv_stream_pull(s, &series);
    if (*more != 1)
        return *more == 0;
    *labels = series.labels;
    if (!gv_read_column(s, &series.column, s->pipe->min_time, s->pipe->max_time, false, in))
        return false;
    return n->extended == GV_RANGE_PLAIN || extend(s, n, in);
}

/* cap: of r->series, over all partitions. */
static bool collect_raw(struct gv_stream *s, const struct gv_node *n, struct gv_arena *out, struct gv_result *r,
                        size_t *cap)
{
    struct gv_series_samples in;
    const struct gv_labels *labels = NULL;
    for (int more = 1;;) {
        if (!next_raw(s, n, &in, &labels, &more))
            return false;
        if (more == 0)
            return true;
        if (!in.floats.n && !in.histograms.n)
            continue;
        int64_t samples = in.floats.n;
        for (uint32_t i = 0; i < in.histograms.n; i++)
            samples += gv_histogram_weight(in.histograms.values[i]);
        s->worker->samples.total += samples;
        struct gv_series series = {.labels = labels, .column.kind = GV_COLUMN_RAW};
        if (s->inner && s->inner_row.drop_name)
            series.labels = gv_labels_drop_reserved(&s->scratch, labels);
        series.labels = gv_labels_dup(out, series.labels);
        if (!gv_hold(s->worker, samples) || !gv_poll(s->worker, (size_t)samples) ||
            !copy_raw(s, &in, &series.column.raw, out))
            return false;
        gv_push(out, r->series, r->n, *cap) = series;
    }
}

/* ---- Series that are equal once their names are dropped ---- */

static const struct gv_histogram *histogram_at(const struct gv_raw_column *raw, uint32_t i)
{
    return raw->histograms ? raw->histograms[i] : NULL;
}

static bool merge_raw(struct gv_raw_column *into, const struct gv_raw_column *from, struct gv_arena *out,
                      struct gv_err *err)
{
    uint32_t n = into->n + from->n;
    struct raw_room room;
    if (!make_room(&room, out, n, into->histograms || from->histograms, err))
        return false;
    for (uint32_t k = 0, i = 0, j = 0; k < n; k++) {
        if (i < into->n && j < from->n && into->times[i] == from->times[j])
            return gv_fail(err, GV_EXECUTION, "vector cannot contain metrics with the same labelset");
        bool first = j == from->n || (i < into->n && into->times[i] < from->times[j]);
        const struct gv_raw_column *c = first ? into : from;
        uint32_t at = first ? i++ : j++;
        room.times[k] = c->times[at];
        room.values[k] = c->values[at];
        if (room.histograms)
            room.histograms[k] = histogram_at(c, at);
    }
    *into = raw_of(&room, n);
    return true;
}

bool gv_merge_same_series(struct gv_engine *ev, struct gv_result *r, struct gv_arena *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++) {
        struct gv_series *last = kept ? &r->series[kept - 1] : NULL;
        if (!last || !gv_labels_eq(last->labels, r->series[i].labels))
            r->series[kept++] = r->series[i];
        else if (!merge_raw(&last->column.raw, &r->series[i].column.raw, out, &ev->main.err))
            return false;
    }
    r->n = kept;
    return true;
}

/* ---- The node ---- */

bool gv_eval_matrix(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *out,
                    struct gv_result *r)
{
    struct gv_pipe *p = grid.n ? gv_leaf_raw(ev, n, grid, &ev->arena) : NULL;
    bool ok = p != NULL;
    size_t cap = 0;
    for (size_t part = 0; ok && part < p->n_parts; part++) {
        struct gv_stream *s = gv_stream_open(p, part, &ev->main, NULL);
        ok = s && collect_raw(s, n, out, r, &cap);
        if (s)
            gv_stream_close(s);
    }
    r->type = GV_RESULT_MATRIX;
    return ok;
}
