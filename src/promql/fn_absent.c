/* absent, absent_over_time: 1 at the steps where nothing is, with the labels that the selector says it would have.
 * Source: Prometheus, promql/functions.go (createLabelsForAbsentFunction). */
#include "base/map.h"
#include "promql/impl.h"
#include <stdlib.h>

static const struct gv_selector *selector_of(const struct gv_expr *e)
{
    e = gv_expr_unparen(e);
    if (e->kind == GV_EXPR_FEED && e->feed.origin)
        e = gv_expr_unparen(e->feed.origin);
    if (e->kind == GV_EXPR_MATRIX)
        e = e->matrix.selector;
    return e->kind == GV_EXPR_SELECTOR ? &e->selector : NULL;
}

/* What the matchers read so far say of one label. */
struct said {
    struct gv_label label;
    bool was_set, stands;
};

static int by_name(const void *a, const void *b)
{
    return gv_slice_cmp((*(const struct said *const *)a)->label.name, (*(const struct said *const *)b)->label.name);
}

/* The first `=` on a label sets it; any further matcher on that label deletes it for good. */
static void hear(struct said *s, const struct gv_matcher *m)
{
    s->label.name = m->name;
    s->stands = m->type == GV_MATCH_EQ && !s->was_set;
    s->was_set |= s->stands;
    if (s->stands)
        s->label.value = m->value;
}

/* Selectors may be as long as a query: labels are found by hash, and sorted once. */
static const struct gv_labels *labels_said(struct gv_env *env, const struct gv_expr *e)
{
    const struct gv_selector *s = selector_of(e);
    if (!s)
        return &gv_labels_empty;
    struct said **all = gv_arena_array(env->scratch, struct said *, s->n_matchers);
    struct gv_label *labels = gv_arena_array(env->scratch, struct gv_label, s->n_matchers);
    struct gv_map map;
    gv_map_init(&map, env->scratch);
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < s->n_matchers; i++) {
        struct gv_slice name = s->matchers[i].name;
        if (gv_slice_eq(name, GV_LABEL_NAME))
            continue;
        void **place = gv_map_at(&map, gv_hash(name.p, name.n), name);
        if (!*place)
            *place = all[n++] = gv_arena_new(env->scratch, struct said);
        hear(*place, &s->matchers[i]);
    }
    qsort(all, n, sizeof(struct said *), by_name);
    for (size_t i = 0; i < n; i++)
        if (all[i]->stands)
            labels[kept++] = all[i]->label;
    return gv_labels_make(env->out, labels, kept);
}

/* The steps at which some row is; NULL where the query is to end. */
static uint64_t *steps_of(struct gv_call *c, const struct gv_vector *v)
{
    size_t words = gv_bits_words(c->grid.n);
    uint64_t *present = gv_arena_array(c->env->scratch, uint64_t, words);
    for (size_t r = 0; r < v->n; r++) {
        for (size_t i = 0; i < words; i++)
            present[i] |= v->rows[r].column.present[i];
        if (!gv_call_poll(c, words))
            return NULL;
    }
    return present;
}

/* Both functions: the argument, or what absent_over_time's windows gave, is a vector. */
static bool absent(struct gv_call *c, struct gv_value *out)
{
    const uint64_t *present = steps_of(c, &c->args[0].vector);
    if (!present)
        return false;
    struct gv_row *row = NULL;
    for (uint32_t i = 0; i < c->grid.n; i++) {
        if (gv_bit(present, i))
            continue;
        if (!row)
            row = gv_vector_add(c->env, &out->vector, c->grid.n, labels_said(c->env, c->expr->call.args[0]));
        if (!row)
            return false;
        gv_row_set_float(row, i, 1);
    }
    return true;
}

static bool some_sample(struct gv_range_call *c, uint32_t step, const struct gv_window *w, struct gv_point *out)
{
    (void)c, (void)step, (void)w;
    out->f = 1;
    return true;
}

const struct gv_function_impl gv_fn_absent = {.call = absent};
const struct gv_function_impl gv_fn_absent_over_time = {.window = some_sample, .call = absent};
