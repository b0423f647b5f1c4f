/* What a thread counts while it works: samples as Prometheus holds them, against max_samples, and how long it went
 * without looking at the cancel flag, the clock and the memory budget. */
#include "promql/engine.h"
#include <time.h>

enum { POLL_EVERY = 1024 /* samples */ };

void gv_worker_init(struct gv_worker *w, struct gv_engine *ev)
{
    *w = (struct gv_worker){.ev = ev};
    gv_arena_init(&w->arena, ev->options->budget);
    gv_annotations_init(&w->notes, &w->arena);
}

void gv_worker_fini(struct gv_worker *w)
{
    gv_arena_fini(&w->arena);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool is_over(const struct gv_budget *b, struct gv_err *err)
{
    for (; b; b = b->parent) {
        int64_t used = atomic_load_explicit(&b->used, memory_order_relaxed);
        if (b->limit > 0 && used > b->limit)
            return !gv_fail(err, b->code, "out of memory budget: %s is %lld bytes, %lld are in use", b->name,
                            (long long)b->limit, (long long)used);
    }
    return false;
}

bool gv_poll(struct gv_worker *w, size_t samples)
{
    w->unpolled += (int64_t)samples;
    if (w->unpolled < POLL_EVERY)
        return true;
    w->unpolled = 0;
    const struct gv_eval_options *o = w->ev->options;
    if (o->cancel && atomic_load_explicit(o->cancel, memory_order_relaxed))
        return gv_fail(&w->err, GV_CANCELED, "query was canceled in expression evaluation");
    if (o->deadline_ns && now_ns() > o->deadline_ns)
        return gv_fail(&w->err, GV_TIMEOUT, "query timed out in expression evaluation");
    return !is_over(o->budget, &w->err);
}

static void note_peak(struct gv_worker *w, int64_t above)
{
    if (w->samples.current + above > w->samples.peak)
        w->samples.peak = w->samples.current + above;
}

static bool check_max(struct gv_worker *w, int64_t held)
{
    int64_t max = w->ev->options->max_samples;
    return max <= 0 || held <= max ||
           gv_fail(&w->err, GV_EXECUTION,
                   "query processing would load too many samples into memory in query execution");
}

bool gv_hold(struct gv_worker *w, int64_t samples)
{
    w->samples.current += samples;
    note_peak(w, 0);
    return check_max(w, w->base + w->samples.current);
}

bool gv_hold_briefly(struct gv_worker *w, int64_t samples)
{
    note_peak(w, samples);
    return check_max(w, w->base + w->samples.current + samples);
}

bool gv_samples_join(struct gv_engine *ev, struct gv_worker *part)
{
    struct gv_samples *all = &ev->main.samples, *s = &part->samples;
    if (all->current + s->peak > all->peak)
        all->peak = all->current + s->peak;
    all->current += s->current;
    all->total += s->total;
    all->series_read += s->series_read;
    all->samples_read += s->samples_read;
    for (uint32_t i = 0; s->per_step && i < ev->grid.n; i++)
        all->per_step[i] += s->per_step[i];
    bool ok = check_max(&ev->main, all->peak);
    *s = (struct gv_samples){.per_step = s->per_step};
    return ok;
}

/* Prometheus: HPoint.size(), a histogram's bytes over those of a float point, with its timestamp. */
int64_t gv_histogram_weight(const struct gv_histogram *h)
{
    enum { FIXED = 168, POINT = 16 };
    size_t words =
        h->positive.n_spans + h->negative.n_spans + h->positive.n_counts + h->negative.n_counts + h->n_bounds;
    return (int64_t)((FIXED + 8 * words + 8) / POINT);
}

int64_t gv_row_samples(const struct gv_row *r, uint32_t n)
{
    int64_t samples = 0;
    for (size_t w = 0; w < gv_bits_words(n); w++)
        samples += __builtin_popcountll(r->column.present[w]);
    if (!r->column.histograms)
        return samples;
    for (uint32_t i = 0; i < n; i++)
        if (gv_bit(r->column.present, i) && r->column.histograms[i])
            samples += gv_histogram_weight(r->column.histograms[i]) - 1;
    return samples;
}

int64_t gv_vector_samples(const struct gv_vector *v, uint32_t n)
{
    int64_t samples = 0;
    for (size_t i = 0; i < v->n; i++)
        samples += gv_row_samples(&v->rows[i], n);
    return samples;
}
