/* limitk: at each step the first k series of a group. limit_ratio: the series whose hash falls into the ratio.
 * Kept points are copied into result rows; a series that keeps none leaves its row to the next. */
#include "promql/aggregate.h"

struct group {
    struct gv_group g;
    uint32_t *counts; /* per step, limitk */
};

struct limit {
    struct gv_sink sink;
    struct gv_aggregation_call *c;
    struct gv_grouping groups;
    struct gv_row spare; /* an empty row that nobody took */
};

struct kept {
    struct group *group;
    struct gv_row row;
    double place; /* of the labels' hash, in [0, 1] */
};

static bool new_row(struct limit *l, struct gv_row *row)
{
    *row = l->spare;
    l->spare.column.values = NULL;
    return row->column.values || gv_row_new(&l->c->env, row, l->c->grid.n);
}

static bool take(struct gv_sink *sink, const struct gv_row *row, void **slot)
{
    struct limit *l = container_of(sink, struct limit, sink);
    bool is_new;
    struct group *g = container_of(gv_grouping_at(&l->groups, row->labels, sizeof *g, &is_new), struct group, g);
    if (is_new && !(g->counts = gv_aggregate_memory(l->c, l->c->grid.n * sizeof *g->counts)))
        return false;
    struct kept *k = gv_arena_new(l->c->temp, struct kept);
    k->group = g;
    k->place = (double)row->labels->hash / 0x1p64;
    *slot = k;
    if (!new_row(l, &k->row))
        return false;
    if (row->column.histograms) {
        size_t size = l->c->grid.n * sizeof *k->row.column.histograms;
        const struct gv_histogram **histograms = gv_arena_try(l->c->out, size, l->c->env.err);
        if (!histograms)
            return false;
        k->row.column.histograms = memset(histograms, 0, size);
    }
    k->row.labels = row->labels;
    k->row.drop_name = row->drop_name;
    return true;
}

static bool is_in_ratio(double place, double ratio)
{
    if (ratio == 0)
        return false;
    ratio = ratio > 1 ? 1 : ratio < -1 ? -1 : ratio;
    return ratio > 0 ? place < ratio : place >= 1 + ratio;
}

static bool wants(const struct limit *l, struct kept *k, uint32_t step)
{
    double param = gv_scalar_at(&l->c->param, step);
    if (l->c->kind == GV_AGG_LIMIT_RATIO)
        return is_in_ratio(k->place, param);
    if (k->group->counts[step] + 1.0 > param)
        return false;
    k->group->counts[step]++;
    return true;
}

static bool add(struct gv_sink *sink, struct gv_env *env, void *slot, const struct gv_row *row, uint32_t lo,
                uint32_t hi)
{
    struct limit *l = container_of(sink, struct limit, sink);
    struct kept *k = slot;
    struct gv_point p;
    for (uint32_t i = lo; i < hi; i++) {
        if (!gv_row_get(row, i, &p) || !wants(l, k, i))
            continue;
        if (p.h)
            p.h = gv_histogram_dup(env->out, p.h);
        gv_row_set(env, &k->row, l->c->grid.n, i, p);
    }
    return true;
}

static bool done(struct gv_sink *sink, const struct gv_row *row, void *slot)
{
    struct limit *l = container_of(sink, struct limit, sink);
    struct kept *k = slot;
    (void)row;
    if (gv_row_is_empty(&k->row, l->c->grid.n)) {
        l->spare = k->row;
        l->spare.column.histograms = NULL;
        return true;
    }
    k->row.labels = gv_labels_dup(l->c->out, k->row.labels);
    return gv_vector_push(&l->c->env, l->c->result, &k->row);
}

static void warn_ratio(struct gv_aggregation_call *c, double ratio, int cap)
{
    gv_note_warning(&c->env, c->node->child[1]->expr->pos, (uint64_t)cap,
                    "ratio value should be between -1 and 1, got %s, capping to %d", gv_aggregate_number(c, ratio),
                    cap);
}

static bool check_ratio(struct gv_aggregation_call *c, bool *none)
{
    struct gv_extent x = gv_aggregate_extent(c);
    if (x.has_nan)
        return gv_fail(c->env.err, GV_EXECUTION, "Ratio value is NaN");
    *none = x.max == 0 && x.min == 0;
    if (x.max > 1)
        warn_ratio(c, x.max, 1);
    if (x.min < -1)
        warn_ratio(c, x.min, -1);
    return true;
}

static bool run(struct gv_aggregation_call *c)
{
    struct limit l = {.sink = {.arena = c->out, .take = take, .add = add, .done = done}, .c = c};
    gv_grouping_init(&l.groups, c->temp, c->expr, (struct gv_slice){NULL, 0});
    bool ok = gv_aggregate_feed(c, &l.sink);
    gv_grouping_fini(&l.groups);
    return ok;
}

const struct gv_aggregation_impl gv_agg_limitk = {.check = gv_aggregate_check_k, .run = run};
const struct gv_aggregation_impl gv_agg_limit_ratio = {.check = check_ratio, .run = run};
