/* absent, absent_over_time: 1 at the steps where nothing is, with the labels that the selector says it would have.
 * Source: Prometheus, promql/functions.go (createLabelsForAbsentFunction). */
#include "promql/impl.h"

static const struct gv_selector *selector_of(const struct gv_expr *e)
{
    e = gv_expr_unparen(e);
    if (e->kind == GV_EXPR_FEED && e->feed.origin)
        e = gv_expr_unparen(e->feed.origin);
    if (e->kind == GV_EXPR_MATRIX)
        e = e->matrix.selector;
    return e->kind == GV_EXPR_SELECTOR ? &e->selector : NULL;
}

static bool was_set(const struct gv_slice *names, size_t n, struct gv_slice name)
{
    for (size_t i = 0; i < n; i++)
        if (gv_slice_eq(names[i], name))
            return true;
    return false;
}

/* The first `=` on a label sets it; any further matcher on that label deletes it for good. */
static const struct gv_labels *labels_said(struct gv_env *env, const struct gv_expr *e)
{
    const struct gv_selector *s = selector_of(e);
    if (!s)
        return &gv_labels_empty;
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, env->scratch, &gv_labels_empty);
    struct gv_slice *set = gv_arena_array(env->scratch, struct gv_slice, s->n_matchers);
    size_t n = 0;
    for (size_t i = 0; i < s->n_matchers; i++) {
        const struct gv_matcher *m = &s->matchers[i];
        if (gv_slice_eq(m->name, GV_LABEL_NAME))
            continue;
        if (m->type == GV_MATCH_EQ && !was_set(set, n, m->name)) {
            gv_labels_set(&b, m->name, m->value);
            set[n++] = m->name;
        } else {
            gv_labels_del(&b, m->name);
        }
    }
    return gv_labels_build(&b, env->out);
}

/* Both functions: the argument, or what absent_over_time's windows gave, is a vector. */
static bool absent(struct gv_call *c, struct gv_value *out)
{
    const struct gv_vector *v = &c->args[0].vector;
    uint64_t *present = gv_arena_array(c->env->scratch, uint64_t, gv_bits_words(c->grid.n));
    for (size_t r = 0; r < v->n; r++)
        for (size_t i = 0; i < gv_bits_words(c->grid.n); i++)
            present[i] |= v->rows[r].column.present[i];
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
