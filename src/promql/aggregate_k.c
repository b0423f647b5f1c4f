/* topk, bottomk: a heap of at most k values per group and step, the worst on top. Of the series only those stay that
 * are in a heap; their other steps are never held. */
#include "promql/aggregate.h"
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

struct candidate {
    const struct gv_labels *labels; /* its own once it entered a heap */
    bool drop_name;
    _Atomic bool entered;
    struct gv_row row; /* result; without values until it is needed */
    struct gv_group *group;
};

struct entry {
    double value;
    struct candidate *from;
    uint32_t at; /* place in the heap, for sorting */
};

struct heap {
    struct entry *entries;
    uint32_t n, cap;
};

struct group {
    struct gv_group g;
    struct heap *heaps; /* per step */
};

struct top {
    struct gv_sink sink;
    struct gv_aggregation_call *c;
    struct gv_grouping groups;
    double sign; /* 1: topk, -1: bottomk */
};

/* ---- Heaps ---- */

/* The heap is Prometheus's, that is Go's container/heap with this order: of equal values the same series stay. */
static bool is_below(const struct top *t, const struct entry *a, const struct entry *b)
{
    return isnan(a->value) || t->sign * a->value < t->sign * b->value;
}

static void swap(struct heap *h, uint32_t i, uint32_t j)
{
    struct entry e = h->entries[i];
    h->entries[i] = h->entries[j];
    h->entries[j] = e;
}

static void sift_up(const struct top *t, struct heap *h, uint32_t i)
{
    for (uint32_t parent; i && is_below(t, &h->entries[i], &h->entries[parent = (i - 1) / 2]); i = parent)
        swap(h, i, parent);
}

static void sift_down(const struct top *t, struct heap *h)
{
    for (uint32_t i = 0, child; (child = 2 * i + 1) < h->n; i = child) {
        if (child + 1 < h->n && is_below(t, &h->entries[child + 1], &h->entries[child]))
            child++;
        if (!is_below(t, &h->entries[child], &h->entries[i]))
            return;
        swap(h, i, child);
    }
}

static bool make_room(struct gv_env *env, struct heap *h, int64_t k)
{
    if (h->n < h->cap)
        return true;
    int64_t cap = h->cap ? 2 * (int64_t)h->cap : 4;
    cap = cap < k ? cap : k;
    struct entry *bigger = gv_arena_try(env->out, (size_t)cap * sizeof *bigger, env->err);
    if (!bigger)
        return false;
    if (h->n)
        memcpy(bigger, h->entries, h->n * sizeof *bigger);
    h->entries = bigger;
    h->cap = (uint32_t)cap;
    return true;
}

static bool offer(const struct top *t, struct gv_env *env, struct heap *h, int64_t k, struct entry e)
{
    if (h->n < k) {
        if (!make_room(env, h, k))
            return false;
        h->entries[h->n++] = e;
        sift_up(t, h, h->n - 1);
    } else if (!isnan(e.value) && is_below(t, &h->entries[0], &e)) {
        h->entries[0] = e;
        sift_down(t, h);
    } else {
        return true;
    }
    atomic_store_explicit(&e.from->entered, true, memory_order_relaxed);
    return true;
}

/* ---- The sink ---- */

static bool take(struct gv_sink *sink, const struct gv_row *row, void **slot)
{
    struct top *t = container_of(sink, struct top, sink);
    bool is_new;
    struct group *g = container_of(gv_grouping_at(&t->groups, row->labels, sizeof *g, &is_new), struct group, g);
    if (is_new && !(g->heaps = gv_aggregate_memory(t->c, t->c->grid.n * sizeof *g->heaps)))
        return false;
    struct candidate *from = gv_arena_new(t->c->temp, struct candidate);
    from->labels = row->labels;
    from->drop_name = row->drop_name;
    from->group = &g->g;
    *slot = from;
    return true;
}

static bool add(struct gv_sink *sink, struct gv_env *env, void *slot, const struct gv_row *row, uint32_t lo,
                uint32_t hi)
{
    struct top *t = container_of(sink, struct top, sink);
    struct candidate *from = slot;
    struct group *g = container_of(from->group, struct group, g);
    struct gv_point p;
    for (uint32_t i = lo; i < hi; i++) {
        double k = gv_scalar_at(&t->c->param, i);
        if (k < 1 || !gv_row_get(row, i, &p))
            continue;
        if (p.h)
            gv_note_histogram_ignored(t->c, env, t->c->expr->pos);
        else if (!offer(t, env, &g->heaps[i], k < UINT32_MAX ? (int64_t)k : UINT32_MAX, (struct entry){p.f, from, 0}))
            return false;
    }
    return true;
}

static bool done(struct gv_sink *sink, const struct gv_row *row, void *slot)
{
    struct top *t = container_of(sink, struct top, sink);
    struct candidate *from = slot;
    from->labels = from->entered ? gv_labels_dup(t->c->out, row->labels) : NULL;
    return true;
}

/* ---- Results ---- */

/* NaN goes last. Equal values stay in the order of the heap, but NaNs turn round: Prometheus's order again, as far as
 * Go sorts by insertion (12 values). */
static int best_first(const void *a, const void *b, void *arg)
{
    const struct entry *x = a, *y = b;
    double sign = ((const struct top *)arg)->sign;
    if (isnan(x->value) && isnan(y->value))
        return x->at < y->at ? 1 : -1;
    if (isnan(x->value) || isnan(y->value) || x->value != y->value)
        return isnan(x->value) || sign * x->value < sign * y->value ? 1 : -1;
    return x->at < y->at ? -1 : 1;
}

static bool place(struct top *t, const struct entry *e, uint32_t step)
{
    struct candidate *from = e->from;
    if (!from->row.column.values) {
        if (!gv_row_new(&t->c->env, &from->row, t->c->grid.n))
            return false;
        from->row.labels = from->labels;
        from->row.drop_name = from->drop_name;
        if (!gv_vector_push(&t->c->env, t->c->result, &from->row)) /* shares the column */
            return false;
    }
    gv_row_set_float(&from->row, step, e->value);
    return true;
}

static bool finish_group(struct top *t, struct group *g)
{
    for (uint32_t i = 0; i < t->c->grid.n; i++) {
        struct heap *h = &g->heaps[i];
        for (uint32_t j = 0; j < h->n; j++)
            h->entries[j].at = j;
        if (h->n > 1)
            qsort_r(h->entries, h->n, sizeof *h->entries, best_first, t);
        for (uint32_t j = 0; j < h->n; j++)
            if (!place(t, &h->entries[j], i))
                return false;
        if (!gv_poll(&t->c->ev->main, h->n))
            return false;
    }
    return true;
}

static bool run(struct gv_aggregation_call *c)
{
    struct top t = {.sink = {.arena = c->temp, .take = take, .add = add, .done = done}, .c = c};
    t.sign = c->kind == GV_AGG_TOPK ? 1 : -1;
    gv_grouping_init(&t.groups, c->temp, c->expr, (struct gv_slice){NULL, 0});
    bool ok = gv_aggregate_feed(c, &t.sink);
    for (struct gv_group *g = t.groups.first; ok && g; g = g->next)
        ok = finish_group(&t, container_of(g, struct group, g));
    gv_grouping_fini(&t.groups);
    return ok;
}

const struct gv_aggregation_impl gv_agg_top = {.check = gv_aggregate_check_k, .run = run};
