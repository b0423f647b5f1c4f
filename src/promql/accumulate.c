/* sum avg min max count group stddev stdvar: a group holds a few numbers per step. Rows are added in series order, as
 * Prometheus adds the samples of each step: compensated sums (Kahan, Neumaier) that forget the compensation when the
 * sum becomes infinite, and a mean that turns incremental where the sum would overflow. */
#include "promql/aggregate.h"
#include "model/histogram_sum.h"
#include "promql/notes.h"
#include <math.h>

enum { MIXED_SCHEMAS = 1, RESET_SEEN = 2, NO_RESET_SEEN = 4 };

struct group {
    struct gv_group g;
    struct gv_row row;                     /* values: the result in the making; present: steps that have a value */
    double *extra, *count;                 /* compensation or sum of squares; number of values */
    uint64_t *incremental;                 /* avg: steps whose mean is incremental */
    uint64_t *floats;                      /* steps that saw floats; with histograms only */
    struct gv_histogram_mean **histograms; /* per step, once one came; of a sum, its sum alone counts */
    uint8_t *flags;                        /* with histograms */
};

struct sums {
    struct gv_sink sink;
    struct gv_aggregation_call *c;
    struct gv_grouping groups;
    void (*add)(struct group *g, const double *v, uint32_t at, uint32_t n); /* values of consecutive steps */
    bool takes_histograms; /* sum, avg: adds them up; count, group: sees that they are there */
    uint32_t n;
};

/* ---- Floats ---- */

/* One step of a compensated sum. The error of t = sum + v is exact (Knuth's two-sum). */
static inline void kahan(double v, double *sum, double *c)
{
    double t = *sum + v, z = t - *sum;
    double lost = (*sum - (t - z)) + (v - z);
    *c = fabs(t) <= 0x1.fffffffffffffp1023 || isnan(t) ? *c + lost : 0;
    *sum = t;
}

static void add_sum(struct group *g, const double *v, uint32_t at, uint32_t n)
{
    double *sum = g->row.column.values + at, *c = g->extra + at;
    for (uint32_t i = 0; i < n; i++)
        kahan(v[i], &sum[i], &c[i]);
}

static void add_to_mean(struct group *g, double v, uint32_t i)
{
    double *sum = &g->row.column.values[i], *c = &g->extra[i], count = ++g->count[i];
    if (count == 1) {
        *sum = v;
        return;
    }
    if (!gv_bit(g->incremental, i)) {
        double s = *sum, e = *c;
        kahan(v, &s, &e);
        if (!isinf(s)) {
            *sum = s;
            *c = e;
            return;
        }
        gv_bit_set(g->incremental, i);
        *sum /= count - 1;
        *c /= count - 1;
    }
    double q = (count - 1) / count;
    *sum *= q;
    *c *= q;
    kahan(v / count, sum, c);
}

static void add_avg(struct group *g, const double *v, uint32_t at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        add_to_mean(g, v[i], at + i);
}

static void add_min(struct group *g, const double *v, uint32_t at, uint32_t n)
{
    double *min = g->row.column.values + at;
    for (uint32_t i = 0; i < n; i++)
        min[i] = min[i] > v[i] || isnan(min[i]) ? v[i] : min[i];
}

static void add_max(struct group *g, const double *v, uint32_t at, uint32_t n)
{
    double *max = g->row.column.values + at;
    for (uint32_t i = 0; i < n; i++)
        max[i] = max[i] < v[i] || isnan(max[i]) ? v[i] : max[i];
}

static void add_count(struct group *g, const double *v, uint32_t at, uint32_t n)
{
    (void)v;
    double *count = g->row.column.values + at;
    for (uint32_t i = 0; i < n; i++)
        count[i] += 1;
}

static void add_group(struct group *g, const double *v, uint32_t at, uint32_t n)
{
    (void)v;
    for (uint32_t i = 0; i < n; i++)
        g->row.column.values[at + i] = 1;
}

/* Welford: values hold the mean, extra the sum of squared differences from it. */
static void add_deviation(struct group *g, const double *v, uint32_t at, uint32_t n)
{
    double *mean = g->row.column.values + at, *squares = g->extra + at, *count = g->count + at;
    for (uint32_t i = 0; i < n; i++) {
        if (++count[i] == 1) {
            mean[i] = v[i];
            squares[i] = isfinite(v[i]) ? 0 : NAN;
            continue;
        }
        double delta = v[i] - mean[i];
        mean[i] += delta / count[i];
        squares[i] += delta * (v[i] - mean[i]);
    }
}

/* ---- Histograms ---- */

struct adding {
    struct sums *s;
    struct gv_env *env;
    struct group *g;
    const struct gv_row *row;
    struct gv_pos_range pos;
};

static void start_histogram(struct adding *a, uint32_t i, const struct gv_histogram *h)
{
    struct gv_histogram_mean *m = gv_arena_new(a->env->out, struct gv_histogram_mean);
    if (a->s->c->kind == GV_AGG_AVG)
        gv_histogram_mean_init(m, a->env->out, h);
    else
        gv_histogram_sum_init(&m->sum, a->env->out, h);
    a->g->histograms[i] = m;
}

static void add_histogram(struct adding *a, uint32_t i, const struct gv_histogram *h)
{
    struct group *g = a->g;
    struct gv_histogram_mean *m = g->histograms[i];
    g->flags[i] |= h->reset_hint == GV_RESET_YES ? RESET_SEEN : h->reset_hint == GV_RESET_NO ? NO_RESET_SEEN : 0;
    if (!m) {
        start_histogram(a, i, h);
    } else if (!(a->s->c->kind == GV_AGG_AVG ? gv_histogram_mean_add(m, h) : gv_histogram_sum_add(&m->sum, h))) {
        g->flags[i] |= MIXED_SCHEMAS;
        gv_note_schemas(a->env, a->pos, a->row->labels);
    } else if (m->sum.notes.bounds_reconciled) {
        gv_note_reconciled(a->env, a->pos, GV_HISTOGRAM_AGGREGATION);
    }
}

/* A histogram among the values of this step. */
static void meet_histogram(struct adding *a, uint32_t i, const struct gv_histogram *h)
{
    double one = 1;
    switch (a->s->c->kind) {
    case GV_AGG_SUM:
    case GV_AGG_AVG:
        add_histogram(a, i, h);
        break;
    case GV_AGG_COUNT:
    case GV_AGG_GROUP:
        a->s->add(a->g, &one, i, 1);
        break;
    default:
        gv_note_histogram_ignored(a->s->c, a->env, a->pos);
        return;
    }
    gv_bit_set(a->g->row.column.present, i);
}

/* ---- The sink ---- */

static double *new_numbers(struct sums *s, double initial)
{
    double *v = gv_arena_try(s->c->temp, s->n * sizeof *v, s->c->env.err);
    for (uint32_t i = 0; v && i < s->n; i++)
        v[i] = initial;
    return v;
}

static uint64_t *new_bits(struct sums *s)
{
    return gv_aggregate_memory(s->c, gv_bits_words(s->n) * sizeof(uint64_t));
}

static bool init_group(struct sums *s, struct group *g)
{
    enum gv_aggregation_kind kind = s->c->kind;
    if (!gv_row_new(&s->c->env, &g->row, s->n))
        return false;
    double initial = kind == GV_AGG_MIN || kind == GV_AGG_MAX ? NAN : 0;
    for (uint32_t i = 0; i < s->n; i++)
        g->row.column.values[i] = initial;
    bool deviates = kind == GV_AGG_STDDEV || kind == GV_AGG_STDVAR;
    if ((deviates || kind == GV_AGG_SUM || kind == GV_AGG_AVG) && !(g->extra = new_numbers(s, 0)))
        return false;
    if ((deviates || kind == GV_AGG_AVG) && !(g->count = new_numbers(s, 0)))
        return false;
    return kind != GV_AGG_AVG || (g->incremental = new_bits(s));
}

static bool init_histograms(struct sums *s, struct group *g)
{
    g->flags = gv_aggregate_memory(s->c, s->n);
    g->floats = new_bits(s);
    g->histograms = gv_aggregate_memory(s->c, s->n * sizeof *g->histograms);
    if (!g->flags || !g->floats || !g->histograms)
        return false;
    memcpy(g->floats, g->row.column.present, gv_bits_words(s->n) * sizeof *g->floats);
    return true;
}

static bool take(struct gv_sink *sink, const struct gv_row *row, void **slot)
{
    struct sums *s = container_of(sink, struct sums, sink);
    bool is_new;
    struct group *g = container_of(gv_grouping_at(&s->groups, row->labels, sizeof *g, &is_new), struct group, g);
    *slot = g;
    g->g.drop_name |= row->drop_name;
    if (is_new && !init_group(s, g))
        return false;
    return !row->column.histograms || g->histograms || !s->takes_histograms || init_histograms(s, g);
}

static void add_floats(struct sums *s, struct group *g, const struct gv_row *row, uint32_t lo, uint32_t hi)
{
    for (struct gv_run run = {lo, 0}; gv_next_run(row->column.present, hi, &run);)
        s->add(g, row->column.values + run.at, run.at, run.n);
    for (uint32_t w = lo / 64; w < gv_bits_words(hi); w++) {
        g->row.column.present[w] |= row->column.present[w];
        if (g->floats)
            g->floats[w] |= row->column.present[w];
    }
}

static bool is_dead(const struct group *g, uint32_t i)
{
    return g->flags && g->flags[i] & MIXED_SCHEMAS;
}

static void add_points(struct adding *a, uint32_t lo, uint32_t hi)
{
    struct gv_point p;
    for (uint32_t i = lo; i < hi; i++) {
        if (!gv_row_get(a->row, i, &p) || is_dead(a->g, i))
            continue;
        if (p.h) {
            meet_histogram(a, i, p.h);
            continue;
        }
        a->s->add(a->g, &p.f, i, 1);
        gv_bit_set(a->g->row.column.present, i);
        if (a->g->floats)
            gv_bit_set(a->g->floats, i);
    }
}

static bool add(struct gv_sink *sink, struct gv_env *env, void *slot, const struct gv_row *row, uint32_t lo,
                uint32_t hi)
{
    struct sums *s = container_of(sink, struct sums, sink);
    struct adding a = {s, env, slot, row, s->c->node->child[0]->expr->pos};
    if (row->column.histograms || a.g->flags)
        add_points(&a, lo, hi);
    else
        add_floats(s, slot, row, lo, hi);
    return true;
}

/* ---- Results ---- */

static double mean_of(const struct group *g, uint32_t i)
{
    double sum = g->row.column.values[i], c = g->extra[i];
    return gv_bit(g->incremental, i) ? sum + c : sum / g->count[i] + c / g->count[i];
}

static void finish_floats(const struct sums *s, struct group *g)
{
    double *v = g->row.column.values;
    for (struct gv_run run = {0, 0}; gv_next_run(g->row.column.present, s->n, &run);)
        for (uint32_t i = run.at; i < run.at + run.n; i++)
            switch (s->c->kind) {
            case GV_AGG_SUM:
                v[i] += g->extra[i];
                break;
            case GV_AGG_AVG:
                v[i] = mean_of(g, i);
                break;
            case GV_AGG_STDDEV:
                v[i] = sqrt(g->extra[i] / g->count[i]);
                break;
            case GV_AGG_STDVAR:
                v[i] = g->extra[i] / g->count[i];
                break;
            default:
                break;
            }
}

static const struct gv_histogram *histogram_of(struct sums *s, const struct gv_histogram_mean *m)
{
    struct gv_arena *temp = s->c->temp;
    const struct gv_histogram *h =
        s->c->kind == GV_AGG_AVG ? gv_histogram_mean_result(m, temp) : gv_histogram_sum_result(&m->sum, temp);
    return gv_histogram_dup(s->c->out, gv_histogram_compact(temp, h));
}

static void finish_histogram(struct sums *s, struct group *g, uint32_t i)
{
    struct gv_env *env = &s->c->env;
    struct gv_pos_range pos = s->c->node->child[0]->expr->pos;
    if (!g->histograms[i])
        return;
    if (gv_bit(g->floats, i))
        gv_note_warning(env, pos, 0, "encountered a mix of histograms and floats for aggregation");
    if (gv_bit(g->floats, i) || g->flags[i] & MIXED_SCHEMAS) {
        gv_row_clear(&g->row, i);
        return;
    }
    if ((g->flags[i] & (RESET_SEEN | NO_RESET_SEEN)) == (RESET_SEEN | NO_RESET_SEEN))
        gv_note_collision(env, pos, GV_HISTOGRAM_AGGREGATION);
    gv_row_set_histogram(env, &g->row, s->n, i, histogram_of(s, g->histograms[i]));
}

static bool finish(struct sums *s)
{
    for (struct gv_group *base = s->groups.first; base; base = base->next) {
        struct group *g = container_of(base, struct group, g);
        finish_floats(s, g);
        for (uint32_t i = 0; g->histograms && i < s->n; i++)
            finish_histogram(s, g, i);
        if (gv_row_is_empty(&g->row, s->n))
            continue;
        g->row.labels = gv_labels_dup(s->c->out, base->labels);
        g->row.drop_name = base->drop_name;
        if (!gv_vector_push(&s->c->env, s->c->result, &g->row) || !gv_poll(&s->c->ev->main, s->n))
            return false;
    }
    return true;
}

static bool run(struct gv_aggregation_call *c)
{
    static void (*const adds[])(struct group *, const double *, uint32_t, uint32_t) = {
        [GV_AGG_SUM] = add_sum,          [GV_AGG_AVG] = add_avg,         [GV_AGG_MIN] = add_min,
        [GV_AGG_MAX] = add_max,          [GV_AGG_GROUP] = add_group,     [GV_AGG_COUNT] = add_count,
        [GV_AGG_STDDEV] = add_deviation, [GV_AGG_STDVAR] = add_deviation};
    struct sums s = {
        .sink = {.arena = c->temp, .take = take, .add = add}, .c = c, .add = adds[c->kind], .n = c->grid.n};
    s.takes_histograms = c->kind == GV_AGG_SUM || c->kind == GV_AGG_AVG;
    gv_grouping_init(&s.groups, c->temp, c->expr, (struct gv_slice){NULL, 0});
    bool ok = gv_aggregate_feed(c, &s.sink) && finish(&s);
    gv_grouping_fini(&s.groups);
    return ok;
}

const struct gv_aggregation_impl gv_agg_sums = {.run = run};
