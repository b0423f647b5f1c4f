/* Partial aggregates, one per cluster and group ──► one per group, at each step.
 *
 *   sum, count, count_values   compensated sums, clusters in configuration order
 *   avg                        means weighted by counts: a sum may overflow where the mean does not
 *   stddev, stdvar             variances within and between (Chan, Golub, LeVeque: parallel variance), weighted
 * likewise
 *
 * A partial that is a histogram, or a count without the average that belongs to it, means that histograms are about:
 * then only the argument itself will do. */
#include "exec/combine.h"
#include "base/map.h"
#include "model/kahan.h"
#include "promql/ast.h"
#include <math.h>
#include <stdlib.h>

struct group {
    const struct gv_labels *labels;
    struct gv_steps_column column; /* of what comes out */
    double *comp, *size;           /* what additions lost; sum of absolute values */
    double *count;                 /* of the group, where means are weighted */
    double *mean, *mean_comp;      /* of the group, for variances */
    bool *strange;                 /* a partial was not finite */
};

struct combine {
    struct gv_arena *arena;
    const struct gv_plan_feed *feed;
    const struct partials *inputs;
    struct gv_map groups;
    struct group **list;
    size_t n, cap;
    struct gv_slice *names;
    size_t n_names;
    bool keep;
    struct gv_buf key;
    bool again;
    struct gv_err *err;
};

/* ---- Groups ---- */

static int by_name(const void *a, const void *b)
{
    return gv_slice_cmp(*(const struct gv_slice *)a, *(const struct gv_slice *)b);
}

/* The labels that count_values writes are in the partials under a name of their own until here. */
static void find_names(struct combine *c)
{
    const struct gv_expr *e = c->feed->origin;
    bool any = c->feed->combine == GV_COMBINE_ANY;
    size_t n = any ? 0 : e->aggregate.n_grouping;
    c->names = gv_arena_array(c->arena, struct gv_slice, n + 4);
    c->keep = any || !e->aggregate.without;
    if (n)
        memcpy(c->names, e->aggregate.grouping, n * sizeof *c->names);
    c->n_names = n;
    if (c->feed->combine == GV_COMBINE_COUNT_VALUES && c->keep)
        c->names[c->n_names++] = GV_PLAN_VALUE_LABEL;
    static const struct gv_slice reserved[] = {{"__name__", 8}, {"__type__", 8}, {"__unit__", 8}};
    for (size_t i = 0; !c->keep && i < GV_COUNT(reserved); i++)
        c->names[c->n_names++] = reserved[i];
    qsort(c->names, c->n_names, sizeof *c->names, by_name);
}

static const struct gv_labels *group_labels(struct combine *c, struct gv_slice key)
{
    const struct gv_labels *labels = gv_labels_of_bytes(c->arena, key);
    if (c->feed->combine != GV_COMBINE_COUNT_VALUES)
        return labels;
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, c->arena, labels);
    struct gv_slice value = gv_labels_get(labels, GV_PLAN_VALUE_LABEL);
    gv_labels_del(&b, GV_PLAN_VALUE_LABEL);
    gv_labels_set(&b, gv_expr_unparen(c->feed->origin->aggregate.param)->string.value, value);
    return gv_labels_build(&b, c->arena);
}

static bool new_column(struct combine *c, struct gv_steps_column *column)
{
    uint32_t n = c->feed->grid.n;
    *column = (struct gv_steps_column){.values = gv_arena_try(c->arena, n * sizeof(double), c->err)};
    column->present = gv_arena_array(c->arena, uint64_t, gv_bits_words(n));
    if (column->values)
        memset(column->values, 0, n * sizeof(double));
    return column->values != NULL;
}

static struct group *new_group(struct combine *c, struct gv_slice key)
{
    uint32_t n = c->feed->grid.n;
    struct group *g = gv_arena_new(c->arena, struct group);
    double *sums = gv_arena_try(c->arena, 5 * n * sizeof *sums, c->err);
    g->strange = sums ? gv_arena_try(c->arena, n * sizeof *g->strange, c->err) : NULL;
    if (!g->strange || !new_column(c, &g->column))
        return NULL;
    memset(sums, 0, 5 * n * sizeof *sums);
    memset(g->strange, 0, n * sizeof *g->strange);
    g->comp = sums;
    g->size = sums + n;
    g->count = sums + 2 * n;
    g->mean = sums + 3 * n;
    g->mean_comp = sums + 4 * n;
    g->labels = group_labels(c, key);
    gv_push(c->arena, c->list, c->n, c->cap) = g;
    return g;
}

/* NULL: failed. */
static struct group *group_of(struct combine *c, const struct gv_labels *l)
{
    gv_buf_clear(&c->key);
    gv_labels_project(&c->key, l, c->names, c->n_names, c->keep);
    struct gv_slice key = gv_buf_slice(&c->key);
    struct group *g = gv_map_get(&c->groups, gv_hash(key.p, key.n), key);
    if (g)
        return g;
    g = new_group(c, key);
    if (!g)
        return NULL;
    struct gv_slice kept = gv_arena_dup(c->arena, key);
    *gv_map_at(&c->groups, gv_hash(kept.p, kept.n), kept) = g;
    return g;
}

/* ---- One partial ---- */

/* The value of a series at a time of the feed's grid. */
static bool value_at(struct combine *c, const struct gv_grid *grid, const struct gv_series *s, uint32_t i, double *v)
{
    const struct gv_steps_column *column = &s->column.steps;
    int64_t into = gv_grid_time(&c->feed->grid, i) - grid->start;
    int64_t at = grid->step > 0 ? into / grid->step : into ? -1 : 0;
    if (at < 0 || at >= grid->n || (grid->step > 0 && at * grid->step != into) || !gv_bit(column->present, (size_t)at))
        return false;
    if (column->histograms && column->histograms[at])
        c->again = true;
    *v = column->values[at];
    return true;
}

static bool is_worse(double v, double than, bool is_min)
{
    return isnan(v) || (!isnan(than) && (is_min ? v >= than : v <= than));
}

static void add(struct combine *c, struct group *g, uint32_t i, double v)
{
    double *value = &g->column.values[i];
    bool first = !gv_bit(g->column.present, i);
    gv_bit_set(g->column.present, i);
    switch (c->feed->combine) {
    case GV_COMBINE_GROUP:
    case GV_COMBINE_ANY:
        *value = 1;
        break;
    case GV_COMBINE_MIN:
    case GV_COMBINE_MAX:
        if (first || !is_worse(v, *value, c->feed->combine == GV_COMBINE_MIN))
            *value = v;
        break;
    default:
        gv_kahan_add(v, value, &g->comp[i]);
        g->size[i] += fabs(v);
        g->strange[i] |= !isfinite(v);
    }
}

static bool add_series(struct combine *c, const struct partial *p, const struct gv_series *s)
{
    struct group *g = group_of(c, s->labels);
    double v;
    for (uint32_t i = 0; g && i < c->feed->grid.n; i++)
        if (value_at(c, &p->grid, s, i, &v))
            add(c, g, i, v);
    return g != NULL;
}

/* ---- Weighted ones: each count with what else its cluster says of the group ---- */

struct row {
    const struct gv_series *series[GV_PLAN_MAX_INPUTS]; /* by input */
    const struct gv_grid *grid[GV_PLAN_MAX_INPUTS];
    struct group *group;
};
struct rows {
    struct row *at;
    size_t n, cap;
    struct gv_map map; /* part and labels to index + 1 */
};

static size_t row_of(struct combine *c, struct rows *rows, uint32_t part, const struct gv_labels *l)
{
    gv_buf_clear(&c->key);
    gv_buf_add(&c->key, &part, sizeof part);
    gv_buf_add_slice(&c->key, gv_labels_bytes(l));
    struct gv_slice key = gv_buf_slice(&c->key);
    size_t index = (size_t)(uintptr_t)gv_map_find(&rows->map, key);
    if (index)
        return index - 1;
    gv_push(c->arena, rows->at, rows->n, rows->cap) = (struct row){0};
    gv_map_put(&rows->map, gv_arena_dup(c->arena, key), (void *)(uintptr_t)rows->n);
    return rows->n - 1;
}

static bool pair_up(struct combine *c, struct rows *rows)
{
    gv_map_init(&rows->map, c->arena);
    for (size_t input = 0; input < c->feed->n_inputs; input++)
        for (size_t k = 0; k < c->inputs[input].n; k++) {
            const struct partial *p = &c->inputs[input].at[k];
            for (size_t i = 0; i < p->n; i++) {
                size_t at = row_of(c, rows, p->part, p->series[i].labels);
                struct row *r = &rows->at[at];
                r->series[input] = &p->series[i];
                r->grid[input] = &p->grid;
                r->group = group_of(c, p->series[i].labels);
                if (!r->group)
                    return false;
            }
        }
    return true;
}

/* All inputs of a row at a step; one without the others is a sign of histograms. */
static bool read_row(struct combine *c, const struct row *r, uint32_t i, double v[GV_PLAN_MAX_INPUTS])
{
    size_t found = 0;
    for (size_t k = 0; k < c->feed->n_inputs; k++)
        found += r->series[k] && value_at(c, r->grid[k], r->series[k], i, &v[k]);
    c->again |= found && found < c->feed->n_inputs;
    return found == c->feed->n_inputs;
}

enum { VALUE, COUNT, MEAN };

static void count_row(struct combine *c, const struct row *r)
{
    double v[GV_PLAN_MAX_INPUTS];
    for (uint32_t i = 0; i < c->feed->grid.n; i++)
        if (read_row(c, r, i, v))
            r->group->count[i] += v[COUNT];
}

/* The mean of the group: input `which` of the rows is theirs. */
static void average_row(struct combine *c, const struct row *r, size_t which)
{
    struct group *g = r->group;
    double v[GV_PLAN_MAX_INPUTS];
    for (uint32_t i = 0; i < c->feed->grid.n; i++) {
        if (!read_row(c, r, i, v))
            continue;
        double part = v[which] * (v[COUNT] / g->count[i]);
        gv_kahan_add(part, &g->mean[i], &g->mean_comp[i]);
        g->size[i] += fabs(part);
        g->strange[i] |= !isfinite(v[which]);
        gv_bit_set(g->column.present, i);
    }
}

static void vary_row(struct combine *c, const struct row *r)
{
    struct group *g = r->group;
    double v[GV_PLAN_MAX_INPUTS];
    for (uint32_t i = 0; i < c->feed->grid.n; i++) {
        if (!read_row(c, r, i, v))
            continue;
        double apart = v[MEAN] - (g->mean[i] + g->mean_comp[i]);
        gv_kahan_add((v[VALUE] + apart * apart) * (v[COUNT] / g->count[i]), &g->column.values[i], &g->comp[i]);
        g->strange[i] |= !isfinite(v[VALUE]);
    }
}

static bool combine_weighted(struct combine *c)
{
    struct rows rows = {0};
    bool varies = c->feed->combine != GV_COMBINE_AVG;
    if (!pair_up(c, &rows))
        return false;
    for (size_t i = 0; i < rows.n; i++)
        count_row(c, &rows.at[i]);
    for (size_t i = 0; i < rows.n; i++)
        average_row(c, &rows.at[i], varies ? MEAN : VALUE);
    for (size_t i = 0; varies && i < rows.n; i++)
        vary_row(c, &rows.at[i]);
    return true;
}

/* ---- What comes out ---- */

/* Sums that nearly cancel out have lost most of their digits on the way, as has a deviation that is small beside the
 * mean; a sum that overflowed might not have, in another order. */
static double check_sum(struct combine *c, const struct group *g, uint32_t i, double sum)
{
    c->again |= !isfinite(sum) && !g->strange[i];
    c->again |= isfinite(sum) && fabs(sum) < 1e-9 * g->size[i];
    return sum;
}

static double finish_variance(struct combine *c, const struct group *g, uint32_t i)
{
    double variance = g->column.values[i] + g->comp[i], deviation = sqrt(variance);
    if (g->strange[i])
        return NAN;
    c->again |= !isfinite(variance) || (variance > 0 && deviation < 1e-9 * g->size[i]);
    return c->feed->combine == GV_COMBINE_STDDEV ? deviation : variance;
}

static double finish_step(struct combine *c, const struct group *g, uint32_t i)
{
    switch (c->feed->combine) {
    case GV_COMBINE_SUM:
        return check_sum(c, g, i, g->column.values[i] + g->comp[i]);
    case GV_COMBINE_AVG:
        return check_sum(c, g, i, g->mean[i] + g->mean_comp[i]);
    case GV_COMBINE_STDDEV:
    case GV_COMBINE_STDVAR:
        return finish_variance(c, g, i);
    default:
        return g->column.values[i] + g->comp[i];
    }
}

static void finish(struct combine *c, struct gv_series **out, size_t *n)
{
    *out = gv_arena_array(c->arena, struct gv_series, c->n);
    *n = c->n;
    for (size_t k = 0; k < c->n; k++) {
        struct group *g = c->list[k];
        for (uint32_t i = 0; i < c->feed->grid.n; i++)
            if (gv_bit(g->column.present, i))
                g->column.values[i] = finish_step(c, g, i);
        (*out)[k] = (struct gv_series){g->labels, {.kind = GV_COLUMN_STEPS, .steps = g->column}};
    }
}

static bool combine_plain(struct combine *c)
{
    for (size_t k = 0; k < c->inputs[0].n; k++)
        for (size_t i = 0; i < c->inputs[0].at[k].n; i++)
            if (!add_series(c, &c->inputs[0].at[k], &c->inputs[0].at[k].series[i]))
                return false;
    return true;
}

bool gv_combine(struct gv_arena *a, const struct gv_plan_feed *feed, const struct partials *inputs,
                struct gv_series **out, size_t *n, bool *again, struct gv_err *err)
{
    struct combine c = {.arena = a, .feed = feed, .inputs = inputs, .err = err};
    gv_map_init(&c.groups, a);
    find_names(&c);
    bool ok = feed->n_inputs > 1 ? combine_weighted(&c) : combine_plain(&c);
    if (ok)
        finish(&c, out, n);
    *again = c.again;
    gv_buf_fini(&c.key);
    return ok;
}
