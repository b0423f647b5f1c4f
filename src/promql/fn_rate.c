/* rate, increase, delta: the growth from the first sample of a window to its last, resets made good, extrapolated to
 * the window's ends. irate, idelta: the last two samples alone.
 *
 *   series ──► where its counter was reset (once) ──► for each window: growth ──► extrapolation ──► value
 *
 * A counter reset is a value below the one before; with start timestamps also a start behind the sample before.
 * Source: Prometheus, promql/functions.go (extrapolatedRate, histogramRate, instantValue), and for anchored and
 * smoothed selectors fn_rate_extended.c. */
#include "promql/fn_rate.h"

double gv_range_seconds(int64_t ms)
{
    int64_t whole = ms / 1000;
    return (double)whole + (double)(ms % 1000 * 1000000) / 1e9;
}

static double seconds(int64_t ms)
{
    return (double)ms / 1000;
}

/* ---- Counter resets ---- */

/* Whether a counter started anew between two samples, as their start timestamps tell. A start at the sample before is
 * one of a delta series, unless that sample's own start is unknown. */
bool gv_start_is_reset(int64_t previous_start, int64_t previous_time, int64_t start, int64_t time)
{
    if (start == 0 || start >= time || start < previous_time)
        return false;
    if (start > previous_time)
        return true;
    return previous_start <= previous_time && previous_start != 0 && previous_start != previous_time;
}

static bool starts_overlap(int64_t previous_start, int64_t previous_time, int64_t start)
{
    return start != 0 && start < previous_time && start != previous_start;
}

/* Indexes into a series' samples, ascending, of which a window takes those behind its first sample. */
struct marks {
    uint32_t *at, n, next; /* next: the first one behind the start of the current window */
};

static void mark(struct marks *m, uint32_t i)
{
    m->at[m->n++] = i;
}

static void skip_to(struct marks *m, uint32_t lo)
{
    while (m->next < m->n && m->at[m->next] <= lo)
        m->next++;
}

static bool has_within(struct marks *m, uint32_t lo, uint32_t hi)
{
    skip_to(m, lo);
    return m->next < m->n && m->at[m->next] < hi;
}

struct counter {
    struct marks resets, overlaps;
};

static bool told_by_start(const int64_t *starts, const int64_t *times, uint32_t i)
{
    return starts && gv_start_is_reset(starts[i - 1], times[i - 1], starts[i], times[i]);
}

static struct counter counter_new(struct gv_env *env, const int64_t *starts, const int64_t *times, uint32_t n)
{
    struct counter c = {.resets.at = gv_arena_array(env->scratch, uint32_t, n)};
    c.overlaps.at = starts ? gv_arena_array(env->scratch, uint32_t, n) : NULL;
    for (uint32_t i = 1; starts && i < n; i++)
        if (starts_overlap(starts[i - 1], times[i - 1], starts[i]))
            mark(&c.overlaps, i);
    return c;
}

static struct counter float_counter(struct gv_env *env, const struct gv_float_samples *f)
{
    struct counter c = counter_new(env, f->starts, f->times, f->n);
    for (uint32_t i = 1; i < f->n; i++)
        if (f->values[i] < f->values[i - 1] || told_by_start(f->starts, f->times, i))
            mark(&c.resets, i);
    return c;
}

static struct counter histogram_counter(struct gv_env *env, const struct gv_histogram_samples *h)
{
    struct counter c = counter_new(env, h->starts, h->times, h->n);
    for (uint32_t i = 1; i < h->n; i++)
        if (told_by_start(h->starts, h->times, i) ||
            gv_histogram_is_reset(env->scratch, h->values[i], h->values[i - 1]))
            mark(&c.resets, i);
    return c;
}

static void note_overlap(struct gv_range_call *c, struct counter *counter, uint32_t lo, uint32_t hi)
{
    if (has_within(&counter->overlaps, lo, hi))
        gv_note_warning(c->env, gv_range_pos(c), gv_metric_subject(c->labels),
                        "start timestamp overlap detected for metric name %s", gv_range_metric(c));
}

/* ---- Extrapolation ---- */

/* What a window was seen to grow by, and where. */
struct growth {
    int64_t first, last; /* times of the samples, ms */
    int64_t from;        /* of the first sample, or of its start within the window: then no guess is needed there */
    uint32_t n;          /* samples */
    double by;           /* a histogram's count */
    double at_first;     /* the counter's value there */
};

/* How much of the window before the first sample the series is taken to cover: all, if a sample more would be missed
 * there, else half an interval; but not more than takes a counter back to zero. */
static double before_first(const struct growth *g, const struct gv_window *w, double sampled, double interval,
                           bool is_counter)
{
    double length = seconds(g->first - w->start);
    if (length >= interval * 1.1)
        length = interval / 2;
    if (!is_counter || !(g->by > 0) || !(g->at_first >= 0))
        return length;
    if (g->at_first >= g->by && sampled >= length) /* saves a division: the quotient is 1 at least */
        return length;
    double to_zero = sampled * (g->at_first / g->by);
    return to_zero < length ? to_zero : length;
}

static double extrapolation(const struct growth *g, const struct gv_window *w, bool is_counter)
{
    double sampled = seconds(g->last - g->first), interval = g->n > 1 ? sampled / (g->n - 1) : 0;
    double covered = g->from == g->first ? sampled : seconds(g->last - g->from);
    double before = g->from != g->first ? 0 : before_first(g, w, sampled, interval, is_counter);
    double after = seconds(w->end - g->last);
    if (after >= interval * 1.1)
        after = interval / 2;
    return covered != 0 ? (covered + before + after) / covered : 1;
}

/* The start of the first sample, where it lies within the window: the counter was zero then. */
static int64_t from_start(const int64_t *starts, uint32_t lo, int64_t first, const struct gv_window *w)
{
    bool within = starts && starts[lo] != 0 && starts[lo] > w->start && starts[lo] < first;
    return within ? starts[lo] : first;
}

/* ---- Floats ---- */

static bool float_growth(struct gv_range_call *c, const struct gv_window *w, struct counter *counter, struct growth *g)
{
    const struct gv_float_samples *f = &c->floats;
    uint32_t lo = w->f_lo, hi = w->f_hi;
    *g = (struct growth){f->times[lo], f->times[hi - 1], f->times[lo], hi - lo, f->values[hi - 1] - f->values[lo],
                         f->values[lo]};
    if (counter) {
        note_overlap(c, counter, lo, hi);
        struct marks *resets = &counter->resets;
        skip_to(resets, lo);
        for (uint32_t i = resets->next; i < resets->n && resets->at[i] < hi; i++)
            g->by += f->values[resets->at[i] - 1];
        g->from = from_start(f->starts, lo, g->first, w);
        if (g->from != g->first)
            g->by += f->values[lo];
    }
    return g->n > 1 || g->from != g->first;
}

/* ---- Histograms ---- */

/* What the checks of Prometheus's histogramRate come to. */
static bool check_kinds(struct gv_range_call *c, uint32_t base, uint32_t lo, uint32_t hi, bool is_counter)
{
    const struct gv_histogram *const *h = c->histograms.values;
    bool gauge = h[lo]->reset_hint == GV_RESET_GAUGE || h[hi - 1]->reset_hint == GV_RESET_GAUGE;
    if (!gv_histogram_compatible(h[base], h[hi - 1])) {
        if (is_counter && gauge)
            gv_note_not_counter(c);
        gv_note_mixed_schemas(c);
        return false;
    }
    if (!is_counter)
        return true;
    if (gv_other_schema(&c->histograms, base, hi) != hi) {
        gv_note_mixed_schemas(c);
        return false;
    }
    for (uint32_t i = lo; i < hi && !gauge; i++)
        gauge = h[i]->reset_hint == GV_RESET_GAUGE;
    if (gauge)
        gv_note_not_counter(c);
    return true;
}

static int32_t coarsest_schema(const struct gv_range_call *c, uint32_t base, uint32_t lo, uint32_t hi, bool is_counter)
{
    const struct gv_histogram *const *h = c->histograms.values;
    int32_t schema = h[hi - 1]->schema < h[base]->schema ? h[hi - 1]->schema : h[base]->schema;
    for (uint32_t i = lo + 1; is_counter && i + 1 < hi; i++)
        schema = h[i]->schema < schema ? h[i]->schema : schema;
    return schema;
}

/* What each reset in the window threw away: the sample before it. The first sample is taken off already. */
static bool add_lost(struct gv_histogram_sum *sum, const struct gv_histogram *const *h, const struct marks *resets,
                     uint32_t lo, uint32_t hi)
{
    bool fits = true;
    for (uint32_t i = resets->next; fits && i < resets->n && resets->at[i] < hi; i++)
        if (resets->at[i] - 1 != lo)
            fits = gv_histogram_sum_add(sum, h[resets->at[i] - 1]);
    return fits;
}

/* The last sample, less the first, plus each one before a reset. A first sample right before a reset takes no part,
 * whatever its buckets: an empty one like the second stands for it. */
static const struct gv_histogram *difference(struct gv_range_call *c, uint32_t lo, uint32_t hi, struct counter *counter)
{
    struct gv_arena *scratch = c->env->scratch;
    const struct gv_histogram *const *h = c->histograms.values;
    bool drop_first = counter && has_within(&counter->resets, lo, lo + 2);
    uint32_t base = lo + drop_first;
    if (!check_kinds(c, base, lo, hi, counter != NULL))
        return NULL;
    const struct gv_histogram empty = {
        .schema = h[base]->schema, .bounds = h[base]->bounds, .n_bounds = h[base]->n_bounds};
    struct gv_histogram_sum sum;
    gv_histogram_sum_init(&sum, scratch,
                          gv_histogram_reduce(scratch, h[hi - 1], coarsest_schema(c, base, lo, hi, counter != NULL)));
    bool fits = gv_histogram_sum_sub(&sum, drop_first ? &empty : h[lo]);
    if (sum.notes.bounds_reconciled)
        gv_note_reconciled(c->env, gv_range_pos(c), GV_HISTOGRAM_SUBTRACTION);
    sum.notes.bounds_reconciled = false;
    fits = fits && (!counter || add_lost(&sum, h, &counter->resets, lo, hi));
    if (sum.notes.bounds_reconciled)
        gv_note_reconciled(c->env, gv_range_pos(c), GV_HISTOGRAM_ADDITION);
    if (!counter && (h[lo]->reset_hint != GV_RESET_GAUGE || h[hi - 1]->reset_hint != GV_RESET_GAUGE))
        gv_note_not_gauge(c);
    sum.hint = GV_RESET_GAUGE;
    return fits ? gv_histogram_compact(scratch, gv_histogram_sum_plain(&sum, scratch)) : NULL;
}

static const struct gv_histogram *combine(struct gv_range_call *c, const struct gv_histogram *x,
                                          const struct gv_histogram *y, enum gv_histogram_op op)
{
    if (!gv_histogram_compatible(x, y)) {
        gv_note_mixed_schemas(c);
        return NULL;
    }
    struct gv_histogram_notes notes = {0};
    struct gv_arena *scratch = c->env->scratch;
    x = op == GV_HISTOGRAM_ADDITION ? gv_histogram_add(scratch, x, y, &notes) : gv_histogram_sub(scratch, x, y, &notes);
    if (notes.bounds_reconciled)
        gv_note_reconciled(c->env, gv_range_pos(c), op);
    return x;
}

const struct gv_histogram *gv_range_add(struct gv_range_call *c, const struct gv_histogram *x,
                                        const struct gv_histogram *y)
{
    return combine(c, x, y, GV_HISTOGRAM_ADDITION);
}

const struct gv_histogram *gv_range_sub(struct gv_range_call *c, const struct gv_histogram *x,
                                        const struct gv_histogram *y)
{
    return combine(c, x, y, GV_HISTOGRAM_SUBTRACTION);
}

static const struct gv_histogram *histogram_growth(struct gv_range_call *c, const struct gv_window *w,
                                                   struct counter *counter, struct growth *g)
{
    const struct gv_histogram_samples *s = &c->histograms;
    uint32_t lo = w->h_lo, hi = w->h_hi;
    *g = (struct growth){s->times[lo], s->times[hi - 1], s->times[lo], hi - lo, 0, s->values[lo]->count};
    const struct gv_histogram *h = NULL;
    if (g->n > 1) {
        if (counter)
            note_overlap(c, counter, lo, hi);
        h = difference(c, lo, hi, counter);
        if (!h)
            return NULL;
        g->by = h->count;
    }
    if (counter)
        g->from = from_start(s->starts, lo, g->first, w);
    if (g->from == g->first)
        return h;
    return h ? gv_range_add(c, h, s->values[lo]) : s->values[lo]; /* it grew from zero since its start */
}

/* ---- The functions ---- */

struct rate {
    bool is_counter, per_second;
    double range; /* seconds */
    struct counter floats, histograms;
};

static double factor_of(const struct growth *g, const struct gv_window *w, const struct rate *r)
{
    double factor = extrapolation(g, w, r->is_counter);
    return r->per_second ? factor / r->range : factor;
}

static bool rate_of(struct gv_range_call *c, const struct gv_window *w, struct rate *r, struct gv_point *out)
{
    bool has_floats = w->f_hi > w->f_lo, has_histograms = w->h_hi > w->h_lo;
    if (has_floats && has_histograms) {
        gv_note_mixed_samples(c);
        return false;
    }
    struct growth g = {0};
    if (has_floats && !float_growth(c, w, r->is_counter ? &r->floats : NULL, &g))
        return false;
    if (has_histograms)
        out->h = histogram_growth(c, w, r->is_counter ? &r->histograms : NULL, &g);
    if (has_histograms && !out->h)
        return false;
    double factor = factor_of(&g, w, r);
    if (!out->h) {
        out->f = g.by * factor;
        return true;
    }
    out->h = gv_histogram_dup(c->env->out, gv_histogram_multiply(c->env->scratch, out->h, factor));
    return true;
}

static bool has_counter_suffix(struct gv_slice name)
{
    return gv_slice_has_suffix(name, GV_S("_total")) || gv_slice_has_suffix(name, GV_S("_sum")) ||
           gv_slice_has_suffix(name, GV_S("_count")) || gv_slice_has_suffix(name, GV_S("_bucket"));
}

/* A series of floats under rate or increase that does not look like a counter. */
static void note_counter_name(struct gv_range_call *c)
{
    struct gv_slice name = gv_metric_name(c->labels), type = gv_labels_get(c->labels, GV_LABEL_TYPE);
    if (!name.n)
        return;
    if (gv_env_has(c->env, GV_FEATURE_TYPE_AND_UNIT_LABELS)) {
        if (!gv_slice_is(type, "counter") && !gv_slice_is(type, "histogram"))
            gv_note_info(c->env, gv_range_pos(c), gv_metric_subject(c->labels) ^ gv_hash(type.p, type.n),
                         "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", "
                         "got %s: %s",
                         gv_quoted(c->env, type), gv_range_metric(c));
    } else if (!has_counter_suffix(name)) {
        gv_note_info(c->env, gv_range_pos(c), gv_metric_subject(c->labels),
                     "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: %s",
                     gv_range_metric(c));
    }
}

/* What most series are: floats alone. */
static bool run_floats(struct gv_range_call *c, struct rate *r)
{
    struct counter *counter = r->is_counter ? &r->floats : NULL;
    bool any = false;
    for (uint32_t i = 0; i < c->grid.n; i++) {
        const struct gv_window *w = &c->windows[i];
        struct growth g;
        if (w->f_hi == w->f_lo || !float_growth(c, w, counter, &g))
            continue;
        gv_row_set_float(c->row, i, g.by * factor_of(&g, w, r));
        any = true;
    }
    return any;
}

/* Returns whether any value is a float. */
static bool run_both(struct gv_range_call *c, struct rate *r)
{
    bool extended = c->extended != GV_RANGE_PLAIN, some_float = false;
    for (uint32_t i = 0; i < c->grid.n; i++) {
        const struct gv_window *w = &c->windows[i];
        struct gv_point out = {0, NULL};
        struct gv_arena_mark start = gv_arena_mark(c->env->scratch);
        bool any = !gv_window_empty(w) &&
                   (extended ? gv_rate_extended(c, w, r->is_counter, r->per_second, &out) : rate_of(c, w, r, &out));
        gv_arena_rewind(c->env->scratch, start);
        if (!any)
            continue;
        gv_row_set(c->env, c->row, c->grid.n, i, out);
        some_float |= !out.h;
    }
    return some_float;
}

static void run(struct gv_range_call *c, bool is_counter, bool per_second)
{
    struct rate r = {.is_counter = is_counter, .per_second = per_second, .range = gv_range_seconds(c->range)};
    bool extended = c->extended != GV_RANGE_PLAIN;
    size_t samples = c->floats.n + c->histograms.n;
    if (!gv_arena_has_room(c->env->scratch, 2 * samples * sizeof(uint32_t), c->env->err))
        return;
    if (is_counter && !extended) {
        r.floats = float_counter(c->env, &c->floats);
        r.histograms = histogram_counter(c->env, &c->histograms);
    }
    bool some_float = extended || c->histograms.n ? run_both(c, &r) : run_floats(c, &r);
    if (is_counter && some_float)
        note_counter_name(c);
}

static void rate(struct gv_range_call *c)
{
    run(c, true, true);
}

static void increase(struct gv_range_call *c)
{
    run(c, true, false);
}

static void delta(struct gv_range_call *c)
{
    run(c, false, false);
}

/* ---- irate, idelta ---- */

struct sample {
    int64_t time, start;
    struct gv_point p;
};

/* Takes the latest sample off a window; false where none is left. */
static bool take_last(const struct gv_range_call *c, struct gv_window *w, struct sample *s)
{
    const struct gv_float_samples *f = &c->floats;
    const struct gv_histogram_samples *h = &c->histograms;
    bool has_float = w->f_hi > w->f_lo, has_histogram = w->h_hi > w->h_lo;
    if (has_float && (!has_histogram || f->times[w->f_hi - 1] >= h->times[w->h_hi - 1])) {
        uint32_t i = --w->f_hi;
        *s = (struct sample){f->times[i], f->starts ? f->starts[i] : 0, {f->values[i], NULL}};
    } else if (has_histogram) {
        uint32_t i = --w->h_hi;
        *s = (struct sample){h->times[i], h->starts ? h->starts[i] : 0, {0, h->values[i]}};
    }
    return has_float || has_histogram;
}

static const struct gv_histogram *last_difference(struct gv_range_call *c, const struct sample *last,
                                                  const struct sample *before, bool per_second, bool restarted)
{
    const struct gv_histogram *x = last->p.h, *y = before->p.h;
    bool gauges = x->reset_hint == GV_RESET_GAUGE && y->reset_hint == GV_RESET_GAUGE;
    bool some_gauge = x->reset_hint == GV_RESET_GAUGE || y->reset_hint == GV_RESET_GAUGE;
    if (per_second && some_gauge)
        gv_note_not_counter(c);
    if (!per_second && !gauges)
        gv_note_not_gauge(c);
    if (!per_second || (!restarted && !gv_histogram_is_reset(c->env->scratch, x, y))) {
        x = gv_range_sub(c, x, y);
    }
    return x ? gv_histogram_compact(c->env->scratch, x) : NULL;
}

static bool last_two(struct gv_range_call *c, const struct gv_window *w, bool per_second, struct gv_point *out)
{
    struct gv_window left = *w;
    struct sample last, before;
    if (!take_last(c, &left, &last) || !take_last(c, &left, &before) || last.time == before.time)
        return false;
    if (!last.p.h != !before.p.h) {
        gv_note_mixed_samples(c);
        return false;
    }
    bool restarted = gv_start_is_reset(before.start, before.time, last.start, last.time);
    double per = per_second ? seconds(last.time - before.time) : 1;
    if (!last.p.h) {
        bool reset = per_second && (last.p.f < before.p.f || restarted);
        out->f = (reset ? last.p.f : last.p.f - before.p.f) / per;
        return true;
    }
    const struct gv_histogram *h = last_difference(c, &last, &before, per_second, restarted);
    if (!h)
        return false;
    h = gv_histogram_with_hint(c->env->scratch, gv_histogram_divide(c->env->scratch, h, per), GV_RESET_GAUGE);
    out->h = gv_histogram_dup(c->env->out, h);
    return true;
}

static bool irate(struct gv_range_call *c, uint32_t step, const struct gv_window *w, struct gv_point *out)
{
    (void)step;
    return last_two(c, w, true, out);
}

static bool idelta(struct gv_range_call *c, uint32_t step, const struct gv_window *w, struct gv_point *out)
{
    (void)step;
    return last_two(c, w, false, out);
}

const struct gv_function_impl gv_fn_delta = {.series = delta, .flags = GV_IMPL_ANCHORED | GV_IMPL_SMOOTHED};
const struct gv_function_impl gv_fn_idelta = {.window = idelta};
const struct gv_function_impl gv_fn_increase = {.series = increase, .flags = GV_IMPL_ANCHORED | GV_IMPL_SMOOTHED};
const struct gv_function_impl gv_fn_irate = {.window = irate};
const struct gv_function_impl gv_fn_rate = {.series = rate, .flags = GV_IMPL_ANCHORED | GV_IMPL_SMOOTHED};
