/* changes, resets: how often a window's samples change, or a counter starts anew.
 *
 *   floats and histograms in one order of time ──► events up to each sample, counted once ──► difference per window
 *
 * Source: Prometheus, promql/functions.go (funcChanges, funcResets). */
#include "promql/fn_rate.h"
#include <math.h>

struct sample {
    int64_t time, start;
    double f;
    const struct gv_histogram *h;
};

typedef bool is_event_fn(struct gv_env *env, const struct sample *previous, const struct sample *s);

static bool is_change(struct gv_env *env, const struct sample *previous, const struct sample *s)
{
    (void)env;
    if (!previous->h != !s->h)
        return true;
    if (s->h)
        return !gv_histogram_eq(s->h, previous->h);
    return s->f != previous->f && !(isnan(s->f) && isnan(previous->f));
}

static bool is_reset(struct gv_env *env, const struct sample *previous, const struct sample *s)
{
    if (!previous->h != !s->h || gv_start_is_reset(previous->start, previous->time, s->start, s->time))
        return true;
    return s->h ? gv_histogram_is_reset(env->scratch, s->h, previous->h) : s->f < previous->f;
}

/* All samples of the series by time: sample i is the one behind i others. */
struct timeline {
    int64_t *times;
    uint32_t *events; /* up to and including sample i, since the first one */
    uint32_t n;       /* 0: out of memory */
};

static struct sample next_sample(const struct gv_range_call *c, uint32_t *f_at, uint32_t *h_at)
{
    const struct gv_float_samples *f = &c->floats;
    const struct gv_histogram_samples *h = &c->histograms;
    if (*h_at == h->n || (*f_at < f->n && f->times[*f_at] < h->times[*h_at])) {
        uint32_t i = (*f_at)++;
        return (struct sample){f->times[i], f->starts ? f->starts[i] : 0, f->values[i], NULL};
    }
    uint32_t i = (*h_at)++;
    return (struct sample){h->times[i], h->starts ? h->starts[i] : 0, 0, h->values[i]};
}

static struct timeline make_timeline(struct gv_range_call *c, is_event_fn *is_event)
{
    struct timeline t = {.n = c->floats.n + c->histograms.n};
    t.times = gv_arena_try(c->env->scratch, t.n * sizeof *t.times, c->env->err);
    t.events = t.times ? gv_arena_try(c->env->scratch, t.n * sizeof *t.events, c->env->err) : NULL;
    if (!t.events)
        return (struct timeline){0};
    struct sample previous = {0};
    uint32_t events = 0;
    for (uint32_t i = 0, f_at = 0, h_at = 0; i < t.n; i++) {
        struct sample s = next_sample(c, &f_at, &h_at);
        events += i > 0 && is_event(c->env, &previous, &s);
        t.times[i] = s.time;
        t.events[i] = events;
        previous = s;
    }
    return t;
}

/* The last sample at or before start, from which counting begins in an anchored range; lo where there is none. */
static uint32_t anchor(const struct timeline *t, uint32_t lo, uint32_t hi, int64_t start)
{
    uint32_t i = lo;
    while (i < hi && t->times[i] <= start)
        i++;
    return i > lo ? i - 1 : lo;
}

static void count_events(struct gv_range_call *c, is_event_fn *is_event)
{
    struct timeline t = make_timeline(c, is_event);
    for (uint32_t i = 0; t.n && i < c->grid.n; i++) {
        const struct gv_window *w = &c->windows[i];
        uint32_t lo = w->f_lo + w->h_lo, hi = w->f_hi + w->h_hi;
        if (lo == hi || t.times[hi - 1] <= w->start)
            continue;
        lo = anchor(&t, lo, hi, w->start);
        gv_row_set_float(c->row, i, t.events[hi - 1] - t.events[lo]);
    }
}

static void changes(struct gv_range_call *c)
{
    count_events(c, is_change);
}

static void resets(struct gv_range_call *c)
{
    count_events(c, is_reset);
}

const struct gv_function_impl gv_fn_changes = {.series = changes, .flags = GV_IMPL_ANCHORED};
const struct gv_function_impl gv_fn_resets = {.series = resets, .flags = GV_IMPL_ANCHORED};
