/* quantile: needs all values of a step at once, so the argument is collected. count_values: every value is a group. */
#include "promql/aggregate.h"
#include "base/number.h"
#include "promql/notes.h"
#include "promql/quantile.h"
#include <math.h>

/* ---- Quantiles ---- */

struct group {
    struct gv_group g;
    const struct gv_row **rows;
    size_t n, cap;
};

struct quantile {
    struct gv_aggregation_call *c;
    struct gv_grouping groups;
    size_t largest; /* group */
};

static bool group_rows(struct quantile *q, const struct gv_vector *v)
{
    for (size_t i = 0; i < v->n; i++) {
        bool is_new;
        struct gv_group *base = gv_grouping_at(&q->groups, v->rows[i].labels, sizeof(struct group), &is_new);
        struct group *g = container_of(base, struct group, g);
        base->drop_name |= v->rows[i].drop_name;
        gv_push(q->c->temp, g->rows, g->n, g->cap) = &v->rows[i];
        q->largest = g->n > q->largest ? g->n : q->largest;
        if (!gv_poll(&q->c->ev->main, 1))
            return false;
    }
    return true;
}

/* A few steps of all rows at once: what lies side by side in a column is read together. */
enum { TILE = 8 };

struct tile {
    double *values[TILE];
    size_t n[TILE];
};

static void gather(struct quantile *q, struct gv_env *env, const struct group *g, uint32_t lo, uint32_t hi,
                   struct tile *t)
{
    memset(t->n, 0, sizeof t->n);
    for (size_t r = 0; r < g->n; r++)
        for (uint32_t i = lo; i < hi; i++) {
            struct gv_point p;
            if (!gv_row_get(g->rows[r], i, &p))
                continue;
            if (p.h)
                gv_note_histogram_ignored(q->c, env, q->c->node->child[0]->expr->pos);
            else
                t->values[i - lo][t->n[i - lo]++] = p.f;
        }
}

static bool finish_group(struct quantile *q, struct group *g, struct tile *t)
{
    struct gv_aggregation_call *c = q->c;
    struct gv_row *row = gv_vector_add(&c->env, c->result, c->grid.n, gv_labels_dup(c->out, g->g.labels));
    if (!row)
        return false;
    row->drop_name = g->g.drop_name;
    for (uint32_t lo = 0; lo < c->grid.n; lo += TILE) {
        uint32_t hi = lo + TILE < c->grid.n ? lo + TILE : c->grid.n;
        gather(q, &c->env, g, lo, hi, t);
        for (uint32_t i = lo; i < hi; i++)
            if (t->n[i - lo])
                gv_row_set_float(row, i, gv_quantile(gv_scalar_at(&c->param, i), t->values[i - lo], t->n[i - lo]));
        if (!gv_poll(&c->ev->main, g->n * TILE))
            return false;
    }
    c->result->n -= gv_row_is_empty(row, c->grid.n);
    return true;
}

static bool init_tile(struct quantile *q, struct tile *t)
{
    double *all = gv_arena_try(q->c->temp, TILE * q->largest * sizeof *all, q->c->env.err);
    for (size_t i = 0; all && i < TILE; i++)
        t->values[i] = all + i * q->largest;
    return all != NULL;
}

static bool check_quantile(struct gv_aggregation_call *c, bool *none)
{
    struct gv_extent x = gv_aggregate_extent(c);
    struct gv_pos_range pos = c->node->child[1]->expr->pos;
    if (x.has_nan)
        gv_note_quantile(&c->env, pos, NAN);
    if (x.max > 1)
        gv_note_quantile(&c->env, pos, x.max);
    if (x.min < 0)
        gv_note_quantile(&c->env, pos, x.min);
    *none = false;
    return true;
}

static bool quantile(struct gv_aggregation_call *c)
{
    struct gv_vector rows;
    if (!gv_eval_vector(c->ev, c->node->child[0], c->grid, c->temp, &rows))
        return false;
    struct quantile q = {.c = c};
    gv_grouping_init(&q.groups, c->temp, c->expr, (struct gv_slice){NULL, 0});
    struct tile t;
    bool ok = group_rows(&q, &rows) && init_tile(&q, &t);
    for (struct gv_group *g = q.groups.first; ok && g; g = g->next)
        ok = finish_group(&q, container_of(g, struct group, g), &t);
    gv_grouping_fini(&q.groups);
    return ok;
}

const struct gv_aggregation_impl gv_agg_quantile = {.check = check_quantile, .run = quantile};

/* ---- Counted values ---- */

struct counted {
    struct gv_group g;
    struct gv_row row;
};

struct values {
    struct gv_sink sink;
    struct gv_aggregation_call *c;
    struct gv_grouping groups;
    struct gv_arena scratch;
    struct gv_buf text;
    struct counted *last; /* of a value that comes again at the next step */
    struct gv_point last_point;
};

static void print_value(struct gv_buf *out, const struct gv_point *p)
{
    gv_buf_clear(out);
    if (p->h) {
        gv_histogram_print(out, p->h);
        return;
    }
    char text[GV_DOUBLE_F_MAX];
    gv_buf_add(out, text, gv_double_format_f(text, p->f));
}

static struct counted *group_of(struct values *v, const struct gv_row *row, const struct gv_point *p)
{
    bool same = v->last && p->h == v->last_point.h && memcmp(&p->f, &v->last_point.f, sizeof p->f) == 0;
    if (same)
        return v->last;
    struct gv_arena_mark start = gv_arena_mark(&v->scratch);
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, &v->scratch, row->labels);
    print_value(&v->text, p);
    gv_labels_set(&b, v->c->text, gv_buf_slice(&v->text));
    bool is_new;
    struct gv_group *g = gv_grouping_at(&v->groups, gv_labels_build(&b, &v->scratch), sizeof(struct counted), &is_new);
    gv_arena_rewind(&v->scratch, start);
    struct counted *counted = container_of(g, struct counted, g);
    if (is_new && !gv_row_new(&v->c->env, &counted->row, v->c->grid.n))
        return NULL;
    v->last = counted;
    v->last_point = *p;
    return counted;
}

static bool take(struct gv_sink *sink, const struct gv_row *row, void **slot)
{
    struct values *v = container_of(sink, struct values, sink);
    (void)slot;
    v->last = NULL;
    struct gv_point p;
    for (uint32_t i = 0; i < v->c->grid.n; i++) {
        if (!gv_row_get(row, i, &p))
            continue;
        struct counted *counted = group_of(v, row, &p);
        if (!counted)
            return false;
        bool first = !gv_bit(counted->row.column.present, i);
        gv_row_set_float(&counted->row, i, first ? 1 : counted->row.column.values[i] + 1);
    }
    return true;
}

static bool add_nothing(struct gv_sink *sink, struct gv_env *env, void *slot, const struct gv_row *row, uint32_t lo,
                        uint32_t hi)
{
    (void)sink, (void)env, (void)slot, (void)row, (void)lo, (void)hi; /* counting makes groups: one thread */
    return true;
}

static bool count_values(struct gv_aggregation_call *c)
{
    struct values v = {.sink = {.arena = c->temp, .take = take, .add = add_nothing}, .c = c};
    gv_arena_init(&v.scratch, c->ev->options->budget);
    gv_grouping_init(&v.groups, c->temp, c->expr, c->text);
    bool ok = gv_aggregate_feed(c, &v.sink);
    for (struct gv_group *g = v.groups.first; ok && g; g = g->next) {
        struct counted *counted = container_of(g, struct counted, g);
        counted->row.labels = gv_labels_dup(c->out, g->labels);
        ok = gv_vector_push(&c->env, c->result, &counted->row) && gv_poll(&c->ev->main, 1);
    }
    gv_grouping_fini(&v.groups);
    gv_buf_fini(&v.text);
    gv_arena_fini(&v.scratch);
    return ok;
}

const struct gv_aggregation_impl gv_agg_count_values = {.run = count_values};
