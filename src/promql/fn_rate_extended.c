/* rate, increase and delta over extended range selectors (promql-extended-range-selectors): no extrapolation, but
 * samples from outside the range.
 *
 *   anchored   from the last sample at or before the start of the range to the last one within it
 *   smoothed   from the value at the start of the range to that at its end, interpolated between the samples around
 *
 * Source: Prometheus, proposal 0052 "Extended range selectors semantics", promql/functions.go (extendedRate,
 * extendedHistogramRate). */
#include "promql/fn_rate.h"

/* The samples that count, by index: the first is at or before the start where there is one; smoothed, the last is at
 * or behind the end where there is one. */
struct stretch {
    uint32_t first, last;
};

/* The first sample of [lo, hi) above t, or at it; hi where there is none. */
static uint32_t first_above(const int64_t *times, uint32_t lo, uint32_t hi, int64_t t, bool or_at)
{
    while (lo < hi) {
        uint32_t middle = lo + (hi - lo) / 2;
        if (or_at ? times[middle] >= t : times[middle] > t)
            hi = middle;
        else
            lo = middle + 1;
    }
    return lo;
}

static bool find_stretch(const int64_t *times, uint32_t lo, uint32_t hi, const struct gv_window *w, bool smoothed,
                         struct stretch *s)
{
    s->last = hi - 1;
    uint32_t above = first_above(times, lo, s->last, w->start, false);
    s->first = above > lo ? above - 1 : lo;
    if (smoothed)
        s->last = first_above(times, s->first, s->last, w->end, true);
    return times[s->last] > w->start && !(smoothed && times[s->first] > w->end);
}

/* ---- Floats ---- */

static double value_between(const struct gv_float_samples *f, uint32_t i, int64_t t, bool is_counter)
{
    double from = f->values[i], to = f->values[i + 1];
    if (is_counter && to < from)
        from = 0;
    return from + (to - from) * (double)(t - f->times[i]) / (double)(f->times[i + 1] - f->times[i]);
}

/* What resets between left, the samples from first to last, and right took away. */
static double lost_in_resets(const double *values, uint32_t first, uint32_t end, double left, double right)
{
    double lost = 0, previous = left;
    for (uint32_t i = first; i < end; i++) {
        if (values[i] < previous)
            lost += previous;
        previous = values[i];
    }
    return right < previous ? lost + previous : lost;
}

static bool float_rate(struct gv_range_call *c, const struct gv_window *w, bool is_counter, struct gv_point *out)
{
    const struct gv_float_samples *f = &c->floats;
    bool smoothed = c->extended == GV_RANGE_SMOOTHED;
    struct stretch s;
    if (!find_stretch(f->times, w->f_lo, w->f_hi, w, smoothed, &s))
        return false;
    double left = f->values[s.first], right = f->values[s.last];
    if (smoothed && f->times[s.first] < w->start)
        left = value_between(f, s.first, w->start, is_counter);
    if (smoothed && s.last > w->f_lo && f->times[s.last] > w->end)
        right = value_between(f, s.last - 1, w->end, is_counter);
    out->f = right - left;
    if (is_counter) {
        uint32_t first = s.first + (f->times[s.first] <= w->start);
        uint32_t end = s.last + (f->times[s.last] < w->end);
        out->f += lost_in_resets(f->values, first, end, left, right);
    }
    return true;
}

/* ---- Histograms ---- */

static bool check_kinds(struct gv_range_call *c, const struct stretch *s, bool is_counter)
{
    const struct gv_histogram_samples *h = &c->histograms;
    uint32_t end = gv_other_schema(h, s->first, s->last + 1);
    bool gauge = false;
    for (uint32_t i = s->first; i < end; i++)
        gauge |= h->values[i]->reset_hint == GV_RESET_GAUGE;
    if (is_counter && gauge)
        gv_note_not_counter(c);
    if (end <= s->last)
        gv_note_mixed_schemas(c);
    return end > s->last;
}

static bool resets_at(struct gv_range_call *c, const struct gv_histogram *h, const struct gv_histogram *previous)
{
    return gv_histogram_is_reset(c->env->scratch, h, previous);
}

static const struct gv_histogram *histogram_between(struct gv_range_call *c, uint32_t i, int64_t t, bool is_counter)
{
    const struct gv_histogram_samples *s = &c->histograms;
    const struct gv_histogram *from = s->values[i], *to = s->values[i + 1];
    if (t == s->times[i] || t == s->times[i + 1])
        return t == s->times[i] ? from : to;
    double fraction = (double)(t - s->times[i]) / (double)(s->times[i + 1] - s->times[i]);
    if (is_counter && resets_at(c, to, from))
        return gv_histogram_multiply(c->env->scratch, to, fraction);
    const struct gv_histogram *change = gv_range_sub(c, to, from);
    return change ? gv_range_add(c, gv_histogram_multiply(c->env->scratch, change, fraction), from) : NULL;
}

/* Adds to *lost what a reset took away. */
static bool lose(struct gv_range_call *c, const struct gv_histogram **lost, const struct gv_histogram *h)
{
    *lost = *lost ? gv_range_add(c, *lost, h) : h;
    return *lost != NULL;
}

/* As lost_in_resets. The first sample is left; the last one is right, which inherits its hint, so that it is looked at
 * once. A reset that left was interpolated across is in left already. */
static bool lost_histograms(struct gv_range_call *c, const struct gv_window *w, const struct stretch *s,
                            const struct gv_histogram *left, const struct gv_histogram *right,
                            const struct gv_histogram **lost)
{
    const struct gv_histogram *const *h = c->histograms.values, *previous = left;
    uint32_t first = s->first + 1;
    if (c->extended == GV_RANGE_SMOOTHED && c->histograms.times[s->first] < w->start &&
        resets_at(c, h[first], h[s->first]))
        previous = h[first++];
    if (first > s->last)
        return true;
    for (uint32_t i = first; i < s->last; i++) {
        if (resets_at(c, h[i], previous) && !lose(c, lost, previous))
            return false;
        previous = h[i];
    }
    return !resets_at(c, right, previous) || lose(c, lost, previous);
}

static bool histogram_rate(struct gv_range_call *c, const struct gv_window *w, bool is_counter, struct gv_point *out)
{
    const struct gv_histogram_samples *s = &c->histograms;
    bool smoothed = c->extended == GV_RANGE_SMOOTHED;
    struct stretch at;
    if (!find_stretch(s->times, w->h_lo, w->h_hi, w, smoothed, &at) || !check_kinds(c, &at, is_counter))
        return false;
    const struct gv_histogram *left = s->values[at.first], *right = s->values[at.last], *lost = NULL;
    if (smoothed && s->times[at.first] < w->start)
        left = histogram_between(c, at.first, w->start, is_counter);
    if (smoothed && at.last > w->h_lo && s->times[at.last] > w->end)
        right = histogram_between(c, at.last - 1, w->end, is_counter);
    if (!left || !right)
        return false;
    if (!is_counter && (left->reset_hint != GV_RESET_GAUGE || right->reset_hint != GV_RESET_GAUGE))
        gv_note_not_gauge(c);
    const struct gv_histogram *growth = gv_range_sub(c, right, left);
    if (!growth || (is_counter && !lost_histograms(c, w, &at, left, right, &lost)))
        return false;
    out->h = lost ? gv_range_add(c, growth, lost) : growth;
    return out->h != NULL;
}

bool gv_rate_extended(struct gv_range_call *c, const struct gv_window *w, bool is_counter, bool per_second,
                      struct gv_point *out)
{
    bool has_floats = w->f_hi > w->f_lo, has_histograms = w->h_hi > w->h_lo;
    if (has_floats && has_histograms) {
        gv_note_mixed_samples(c);
        return false;
    }
    if (!(has_floats ? float_rate(c, w, is_counter, out) : histogram_rate(c, w, is_counter, out)))
        return false;
    double per = per_second ? gv_range_seconds(c->range) : 1;
    if (!out->h) {
        out->f /= per;
        return true;
    }
    struct gv_arena *scratch = c->env->scratch;
    const struct gv_histogram *h = gv_histogram_compact(scratch, gv_histogram_divide(scratch, out->h, per));
    out->h = gv_histogram_dup(c->env->out, gv_histogram_with_hint(scratch, h, GV_RESET_GAUGE));
    return true;
}
