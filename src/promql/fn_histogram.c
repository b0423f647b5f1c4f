/* histogram_count, _sum, _avg, _stddev, _stdvar of native histograms; histogram_quantile, histogram_quantiles and
 * histogram_fraction of native and classic ones.
 *
 *   rows ──► groups: the labels without `le`; classic buckets by bound, the native row of the same labels
 *        ──► at each step: one kind, or both (which is told, and gives nothing) ──► a value
 *
 * Source: Prometheus, promql/functions.go (resetHistograms and the functions themselves). */
#include "base/map.h"
#include "base/number.h"
#include "model/histogram_stats.h"
#include "promql/classic.h"
#include "promql/notes.h"
#include <math.h>
#include <stdlib.h>
#include <time.h>

/* ---- One number of a native histogram ---- */

static void map_histograms(struct gv_call *c, struct gv_row *r, double (*of)(const struct gv_histogram *h))
{
    struct gv_point p;
    for (uint32_t i = 0; i < c->grid.n; i++) {
        if (!gv_row_get(r, i, &p))
            continue;
        if (p.h)
            gv_row_set_float(r, i, of(p.h));
        else
            gv_row_clear(r, i);
    }
}

static double count_of(const struct gv_histogram *h)
{
    return h->count;
}

static double sum_of(const struct gv_histogram *h)
{
    return h->sum;
}

static double average_of(const struct gv_histogram *h)
{
    return h->sum / h->count;
}

static double deviation_of(const struct gv_histogram *h)
{
    return sqrt(gv_histogram_variance(h));
}

static void histogram_count(struct gv_call *c, struct gv_row *r)
{
    map_histograms(c, r, count_of);
}

static void histogram_sum(struct gv_call *c, struct gv_row *r)
{
    map_histograms(c, r, sum_of);
}

static void histogram_avg(struct gv_call *c, struct gv_row *r)
{
    map_histograms(c, r, average_of);
}

static void histogram_stddev(struct gv_call *c, struct gv_row *r)
{
    map_histograms(c, r, deviation_of);
}

static void histogram_stdvar(struct gv_call *c, struct gv_row *r)
{
    map_histograms(c, r, gv_histogram_variance);
}

/* ---- Groups ---- */

struct bucket {
    double bound;
    const struct gv_row *row;
};

struct group {
    const struct gv_labels *labels; /* without le */
    bool drop_name;
    struct bucket *buckets; /* by bound */
    size_t n, cap;
    const struct gv_row *native;
};

/* What was mended in the classic histograms of one metric, over all steps. */
struct mended {
    struct gv_slice metric;
    int64_t first, last; /* ms */
    struct gv_monotonicity m;
    size_t samples;
};

struct reader {
    struct gv_call *c;
    struct gv_pos_range pos; /* of the vector argument */
    struct group *groups;
    size_t n, cap;
    struct gv_map by_labels; /* labels without le ──► index into groups, plus 1 */
    struct gv_labels_builder without_le;
    struct gv_classic classic; /* room for the largest group */
    struct mended *mended;
    size_t n_mended, cap_mended;
};

#define LE GV_S("le")

static struct group *group_of(struct reader *r, const struct gv_labels *labels, const struct gv_row *row)
{
    void **place = gv_map_at(&r->by_labels, labels->hash, gv_labels_bytes(labels));
    if (!*place) {
        gv_push(r->c->env->scratch, r->groups, r->n, r->cap) =
            (struct group){.labels = gv_labels_dup(r->c->env->out, labels)};
        *place = (void *)r->n;
    }
    struct group *g = &r->groups[(uintptr_t)*place - 1];
    g->drop_name |= row->drop_name;
    return g;
}

static void add_bucket(struct reader *r, const struct gv_row *row)
{
    struct gv_env *env = r->c->env;
    struct gv_slice le = gv_labels_get(row->labels, LE);
    double bound;
    if (!gv_double_parse(le, &bound)) {
        gv_note_warning(env, r->pos, gv_metric_subject(row->labels) ^ gv_hash(le.p, le.n),
                        "bucket label \"le\" is missing or has a malformed value of %s%s", gv_quoted(env, le),
                        gv_for_metric(env, gv_metric_name(row->labels)));
        return;
    }
    gv_labels_builder_reset(&r->without_le, row->labels);
    gv_labels_del(&r->without_le, LE);
    struct group *g = group_of(r, gv_labels_build(&r->without_le, env->scratch), row);
    gv_push(env->scratch, g->buckets, g->n, g->cap) = (struct bucket){bound, row};
}

static void add_row(struct reader *r, const struct gv_row *row)
{
    bool floats = !row->column.histograms, histograms = false;
    struct gv_point p;
    for (uint32_t i = 0; row->column.histograms && i < r->c->grid.n; i++) {
        if (!gv_row_get(row, i, &p))
            continue;
        floats |= !p.h;
        histograms |= p.h != NULL;
    }
    if (floats)
        add_bucket(r, row);
    if (histograms)
        group_of(r, row->labels, row)->native = row;
}

/* NaN bounds go first, where they do no harm: only a last bucket for +Inf makes a histogram. */
static int by_bound(const void *a, const void *b)
{
    const struct bucket *x = a, *y = b;
    if (isnan(x->bound) || isnan(y->bound))
        return !!isnan(y->bound) - !!isnan(x->bound);
    return (x->bound > y->bound) - (x->bound < y->bound);
}

static bool reader_init(struct reader *r, struct gv_call *c, size_t arg)
{
    *r = (struct reader){.c = c, .pos = gv_expr_unparen(c->expr->call.args[arg])->pos};
    gv_map_init(&r->by_labels, c->env->scratch);
    gv_labels_builder_init(&r->without_le, c->env->scratch, NULL);
    const struct gv_vector *v = &c->args[arg].vector;
    for (size_t i = 0; i < v->n; i++) {
        add_row(r, &v->rows[i]);
        if (!gv_call_poll(c, gv_bits_words(c->grid.n)))
            return false;
    }
    size_t largest = 0;
    for (size_t i = 0; i < r->n; i++) {
        struct group *g = &r->groups[i];
        if (g->n)
            qsort(g->buckets, g->n, sizeof *g->buckets, by_bound);
        largest = g->n > largest ? g->n : largest;
    }
    r->classic.bounds = gv_arena_array(c->env->scratch, double, largest);
    r->classic.counts = gv_arena_array(c->env->scratch, double, largest);
    return true;
}

/* ---- A step of a group ---- */

enum kind { NOTHING, NATIVE, CLASSIC };

static void note_mixed(struct reader *r, const struct group *g)
{
    struct gv_arena_mark mark = gv_arena_mark(r->c->env->scratch);
    gv_note_warning(r->c->env, r->pos, gv_metric_subject(g->labels),
                    "vector contains a mix of classic and native histograms%s",
                    gv_for_metric(r->c->env, gv_metric_name(g->labels)));
    gv_arena_rewind(r->c->env->scratch, mark);
}

/* The native histogram, or the classic one in r->classic. */
static enum kind read_step(struct reader *r, const struct group *g, uint32_t step, const struct gv_histogram **native)
{
    struct gv_point p;
    r->classic.n = 0;
    for (size_t i = 0; i < g->n; i++) {
        if (!gv_row_get(g->buckets[i].row, step, &p) || p.h)
            continue;
        r->classic.bounds[r->classic.n] = g->buckets[i].bound;
        r->classic.counts[r->classic.n++] = p.f;
    }
    bool has_native = g->native && gv_row_get(g->native, step, &p) && p.h;
    if (has_native && r->classic.n) {
        note_mixed(r, g);
        return NOTHING;
    }
    *native = has_native ? p.h : NULL;
    return has_native ? NATIVE : r->classic.n ? CLASSIC : NOTHING;
}

/* The metric name, which is gone already unless its removal is delayed. */
static struct gv_slice name_left(const struct reader *r, const struct group *g)
{
    bool left = gv_env_has(r->c->env, GV_FEATURE_DELAYED_NAME_REMOVAL);
    return left ? gv_metric_name(g->labels) : (struct gv_slice){NULL, 0};
}

static void note_native(struct reader *r, const struct group *g, const char *what)
{
    struct gv_slice name = name_left(r, g);
    struct gv_arena_mark mark = gv_arena_mark(r->c->env->scratch);
    gv_note_info(r->c->env, r->pos, gv_hash(name.p, name.n) ^ (uintptr_t)what, "%s%s", what,
                 gv_for_metric(r->c->env, name));
    gv_arena_rewind(r->c->env->scratch, mark);
}

/* ---- Mended buckets: one annotation per metric, which sums up ---- */

static struct mended *mended_of(struct reader *r, struct gv_slice metric, int64_t time)
{
    for (size_t i = r->n_mended; i-- > 0;) /* mostly the last one: groups come by metric */
        if (gv_slice_eq(r->mended[i].metric, metric))
            return &r->mended[i];
    gv_push(r->c->env->scratch, r->mended, r->n_mended, r->cap_mended) =
        (struct mended){metric, time, time, {true, INFINITY, -INFINITY, 0}, 0};
    return &r->mended[r->n_mended - 1];
}

static void record_mended(struct reader *r, const struct group *g, uint32_t step, const struct gv_monotonicity *m)
{
    int64_t time = gv_grid_time(&r->c->grid, step);
    struct mended *all = mended_of(r, name_left(r, g), time);
    all->first = time < all->first ? time : all->first;
    all->last = time > all->last ? time : all->last;
    all->m.min_bound = fmin(all->m.min_bound, m->min_bound);
    all->m.max_bound = fmax(all->m.max_bound, m->max_bound);
    all->m.max_diff = fmax(all->m.max_diff, m->max_diff);
    all->samples++;
}

static void format_time(char out[32], int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void note_mended(struct reader *r)
{
    for (size_t i = 0; i < r->n_mended; i++) {
        const struct mended *m = &r->mended[i];
        char min[GV_DOUBLE_MAX], max[GV_DOUBLE_MAX], first[32], last[32];
        gv_double_format_g(min, m->m.min_bound);
        gv_double_format_g(max, m->m.max_bound);
        format_time(first, m->first);
        format_time(last, m->last);
        gv_note_info(r->c->env, r->pos, gv_hash(m->metric.p, m->metric.n),
                     "input to histogram_quantile needed to be fixed for monotonicity (see "
                     "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)%s, "
                     "from buckets %s to %s, with a max diff of %.2g, over %zu samples from %s to %s",
                     gv_for_metric(r->c->env, m->metric), min, max, m->m.max_diff, m->samples, first, last);
    }
}

/* ---- Values ---- */

static double native_quantile(struct reader *r, const struct group *g, const struct gv_histogram *h, double phi)
{
    enum gv_nan_effect effect;
    double v = gv_histogram_quantile(h, phi, &effect);
    if (effect == GV_NAN_RESULT)
        note_native(r, g, "input to histogram_quantile has NaN observations, result is NaN");
    if (effect == GV_NAN_SKEW)
        note_native(r, g, "input to histogram_quantile has NaN observations, result is skewed higher");
    return v;
}

static double classic_quantile(struct reader *r, const struct group *g, uint32_t step, double phi)
{
    struct gv_monotonicity m;
    double v = gv_classic_quantile(phi, &r->classic, &m);
    if (m.forced)
        record_mended(r, g, step, &m);
    return v;
}

static bool quantile_at(struct reader *r, const struct group *g, uint32_t step, double phi, double *v)
{
    const struct gv_histogram *h;
    enum kind kind = read_step(r, g, step, &h);
    if (kind != NOTHING)
        *v = kind == NATIVE ? native_quantile(r, g, h, phi) : classic_quantile(r, g, step, phi);
    return kind != NOTHING;
}

static bool fraction_at(struct reader *r, const struct group *g, uint32_t step, double lower, double upper, double *v)
{
    const struct gv_histogram *h;
    enum kind kind = read_step(r, g, step, &h);
    bool skipped = false;
    if (kind == NATIVE)
        *v = gv_histogram_fraction(h, lower, upper, &skipped);
    else if (kind == CLASSIC)
        *v = gv_classic_fraction(lower, upper, &r->classic);
    if (skipped)
        note_native(r, g, "input to histogram_fraction has NaN observations, which are excluded from all fractions");
    return kind != NOTHING;
}

/* ---- Rows of results ---- */

static struct gv_row *add_result(struct gv_call *c, struct gv_value *out, const struct group *g,
                                 const struct gv_labels *labels)
{
    struct gv_row *row = gv_vector_add(c->env, &out->vector, c->grid.n, labels);
    if (row) {
        row->drop_name = g->drop_name;
        gv_row_drop_name(c->env, row);
    }
    return row;
}

static double argument(const struct gv_call *c, size_t i, uint32_t step)
{
    return gv_scalar_at(&c->args[i].scalar, step);
}

static void check_quantiles(struct gv_call *c, size_t arg)
{
    struct gv_pos_range pos = gv_expr_unparen(c->expr->call.args[arg])->pos;
    uint32_t n = c->args[arg].scalar.stride ? c->grid.n : c->grid.n > 0;
    for (uint32_t i = 0; i < n; i++)
        gv_note_quantile(c->env, pos, argument(c, arg, i));
}

typedef bool of_step_fn(struct reader *r, const struct group *g, uint32_t step, double *v);

/* One row per group. */
static bool each_group(struct reader *r, struct gv_value *out, of_step_fn *of)
{
    struct gv_call *c = r->c;
    for (size_t i = 0; i < r->n; i++) {
        const struct group *g = &r->groups[i];
        struct gv_row *row = add_result(c, out, g, g->labels);
        if (!row)
            return false;
        double v = 0;
        for (uint32_t step = 0; step < c->grid.n; step++) {
            if (of(r, g, step, &v))
                gv_row_set_float(row, step, v);
            if (!gv_call_poll(c, g->n + 1))
                return false;
        }
    }
    return true;
}

static bool asked_quantile(struct reader *r, const struct group *g, uint32_t step, double *v)
{
    return quantile_at(r, g, step, argument(r->c, 0, step), v);
}

static bool histogram_quantile(struct gv_call *c, struct gv_value *out)
{
    struct reader r;
    check_quantiles(c, 0);
    if (!reader_init(&r, c, 1) || !each_group(&r, out, asked_quantile))
        return false;
    note_mended(&r);
    return true;
}

static bool asked_fraction(struct reader *r, const struct group *g, uint32_t step, double *v)
{
    return fraction_at(r, g, step, argument(r->c, 0, step), argument(r->c, 1, step), v);
}

static bool histogram_fraction(struct gv_call *c, struct gv_value *out)
{
    struct reader r;
    return reader_init(&r, c, 2) && each_group(&r, out, asked_fraction);
}

/* ---- histogram_quantiles(v, label, phi...) ---- */

/* As OpenMetrics writes floats: "1.0", never "1". */
static struct gv_slice format_quantile(struct gv_env *env, double phi)
{
    char text[GV_DOUBLE_MAX + 2];
    size_t n = gv_double_format_g(text, phi);
    if (!memchr(text, '.', n) && !memchr(text, 'e', n) && isfinite(phi)) {
        memcpy(text + n, ".0", 2);
        n += 2;
    }
    return gv_arena_dup(env->scratch, (struct gv_slice){text, n});
}

/* The row of a group for a quantile, which may differ from step to step; the one in use is kept. */
struct quantile_row {
    double phi;
    size_t at; /* in the result */
};

struct quantile_rows {
    struct quantile_row *rows;
    size_t n, cap;
};

static bool same_phi(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static struct gv_row *row_for(struct gv_call *c, struct gv_value *out, const struct group *g,
                              struct quantile_rows *rows, double phi)
{
    for (size_t i = rows->n; i-- > 0;)
        if (same_phi(rows->rows[i].phi, phi))
            return &out->vector.rows[rows->rows[i].at];
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, c->env->scratch, g->labels);
    gv_labels_set(&b, c->args[1].string, format_quantile(c->env, phi));
    struct gv_row *row = add_result(c, out, g, gv_labels_build(&b, c->env->out));
    if (row)
        gv_push(c->env->scratch, rows->rows, rows->n, rows->cap) = (struct quantile_row){phi, out->vector.n - 1};
    return row;
}

static bool quantiles_of(struct reader *r, const struct group *g, size_t arg, struct gv_value *out)
{
    struct gv_call *c = r->c;
    struct quantile_rows rows = {0};
    for (uint32_t step = 0; step < c->grid.n; step++) {
        double phi = argument(c, arg, step), v = 0;
        if (!gv_call_poll(c, g->n + 1))
            return false;
        if (!quantile_at(r, g, step, phi, &v))
            continue;
        struct gv_row *row = row_for(c, out, g, &rows, phi);
        if (!row)
            return false;
        gv_row_set_float(row, step, v);
    }
    return true;
}

static bool histogram_quantiles(struct gv_call *c, struct gv_value *out)
{
    for (size_t i = 2; i < c->n_args; i++)
        check_quantiles(c, i);
    struct reader r;
    if (!reader_init(&r, c, 0))
        return false;
    for (size_t arg = 2; arg < c->n_args; arg++)
        for (size_t i = 0; i < r.n; i++)
            if (!quantiles_of(&r, &r.groups[i], arg, out))
                return false;
    note_mended(&r);
    return true;
}

const struct gv_function_impl gv_fn_histogram_avg = {.map = histogram_avg, .flags = GV_IMPL_WANTS_STATS};
const struct gv_function_impl gv_fn_histogram_count = {.map = histogram_count, .flags = GV_IMPL_WANTS_STATS};
const struct gv_function_impl gv_fn_histogram_fraction = {.call = histogram_fraction, .flags = GV_IMPL_WANTS_BUCKETS};
const struct gv_function_impl gv_fn_histogram_quantile = {.call = histogram_quantile, .flags = GV_IMPL_WANTS_BUCKETS};
const struct gv_function_impl gv_fn_histogram_quantiles = {.call = histogram_quantiles, .flags = GV_IMPL_WANTS_BUCKETS};
const struct gv_function_impl gv_fn_histogram_stddev = {.map = histogram_stddev};
const struct gv_function_impl gv_fn_histogram_stdvar = {.map = histogram_stdvar};
const struct gv_function_impl gv_fn_histogram_sum = {.map = histogram_sum, .flags = GV_IMPL_WANTS_STATS};
