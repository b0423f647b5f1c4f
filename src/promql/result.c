/* The root's value ──► the result that callers see: names dropped, equal series joined, ordered. And the entry. */
#include "promql/eval.h"
#include "promql/engine.h"
#include <stdlib.h>

/* ---- Series with equal labels ---- */

static bool join_row(struct gv_engine *ev, struct gv_row *into, const struct gv_row *from, uint32_t n,
                     struct gv_arena *out)
{
    struct gv_env env = gv_main_env(ev, out, &ev->arena);
    struct gv_point p;
    for (uint32_t i = 0; i < n; i++) {
        if (!gv_row_get(from, i, &p))
            continue;
        if (gv_bit(into->column.present, i))
            return gv_fail(&ev->main.err, GV_EXECUTION, "vector cannot contain metrics with the same labelset");
        gv_row_set(&env, into, n, i, p);
    }
    return true;
}

bool gv_merge_same_labels(struct gv_engine *ev, struct gv_vector *v, uint32_t n, struct gv_arena *out)
{
    if (v->n < 2)
        return true;
    struct gv_arena temp;
    gv_arena_init(&temp, ev->options->budget);
    struct gv_map seen;
    gv_map_init(&seen, &temp);
    size_t kept = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < v->n; i++) {
        struct gv_row *row = &v->rows[i];
        struct gv_row **first = (struct gv_row **)gv_map_at(&seen, row->labels->hash, gv_labels_bytes(row->labels));
        if (*first) {
            ok = join_row(ev, *first, row, n, out);
            continue;
        }
        v->rows[kept] = *row;
        *first = &v->rows[kept++];
        ok = gv_poll(&ev->main, 1);
    }
    v->n = kept;
    gv_arena_fini(&temp);
    return ok;
}

/* ---- The result ---- */

static int by_labels(const void *a, const void *b)
{
    return gv_labels_cmp(((const struct gv_series *)a)->labels, ((const struct gv_series *)b)->labels);
}

/* Most results come in order. */
static void sort_series(struct gv_result *r)
{
    size_t i = 1;
    while (i < r->n && gv_labels_cmp(r->series[i - 1].labels, r->series[i].labels) <= 0)
        i++;
    if (i < r->n)
        qsort(r->series, r->n, sizeof *r->series, by_labels);
}

/* Delayed name removal: now is the time. */
static bool drop_names(struct gv_engine *ev, struct gv_vector *v, uint32_t n, struct gv_arena *out)
{
    if (!(ev->options->features & GV_FEATURE_DELAYED_NAME_REMOVAL))
        return true;
    for (size_t i = 0; i < v->n; i++)
        if (v->rows[i].drop_name)
            v->rows[i].labels = gv_labels_drop_reserved(out, v->rows[i].labels);
    return gv_merge_same_labels(ev, v, n, out);
}

static bool give_vector(struct gv_engine *ev, const struct gv_node *n, struct gv_arena *out, struct gv_result *r)
{
    struct gv_vector v;
    if (!gv_eval_vector(ev, n, ev->grid, out, &v) || !drop_names(ev, &v, ev->grid.n, out))
        return false;
    r->series = gv_arena_array(out, struct gv_series, v.n);
    for (size_t i = 0; i < v.n; i++)
        if (!gv_row_is_empty(&v.rows[i], ev->grid.n))
            r->series[r->n++] =
                (struct gv_series){v.rows[i].labels, {.kind = GV_COLUMN_STEPS, .steps = v.rows[i].column}};
    bool is_range = ev->options->step > 0;
    r->type = is_range ? GV_RESULT_MATRIX : GV_RESULT_VECTOR;
    if (is_range)
        sort_series(r);
    return true;
}

static bool give_scalar(struct gv_engine *ev, const struct gv_node *n, struct gv_arena *out, struct gv_result *r)
{
    struct gv_scalar s;
    if (!gv_eval_scalar(ev, n, ev->grid, out, &s))
        return false;
    r->time = ev->options->start;
    if (ev->options->step <= 0) {
        r->type = GV_RESULT_SCALAR;
        r->scalar = gv_scalar_at(&s, 0);
        return gv_hold(&ev->main, 1);
    }
    struct gv_env env = gv_main_env(ev, out, &ev->arena);
    struct gv_vector v = {0};
    struct gv_row *row = gv_vector_add(&env, &v, ev->grid.n, &gv_labels_empty);
    if (!row)
        return false;
    for (uint32_t i = 0; i < ev->grid.n; i++)
        gv_row_set_float(row, i, gv_scalar_at(&s, i));
    r->type = GV_RESULT_MATRIX;
    r->series = gv_arena_new(out, struct gv_series);
    r->series[0] = (struct gv_series){row->labels, {.kind = GV_COLUMN_STEPS, .steps = row->column}};
    r->n = ev->grid.n ? 1 : 0;
    return gv_hold(&ev->main, ev->grid.n);
}

static bool give_string(struct gv_engine *ev, const struct gv_node *n, struct gv_result *r)
{
    r->type = GV_RESULT_STRING;
    r->time = ev->options->start;
    r->string = n->expr->string.value;
    return true;
}

static bool give_matrix(struct gv_engine *ev, const struct gv_node *n, struct gv_arena *out, struct gv_result *r)
{
    if (!gv_eval_matrix(ev, n, ev->grid, out, r))
        return false;
    sort_series(r);
    return gv_merge_same_series(ev, r, out);
}

static bool give(struct gv_engine *ev, const struct gv_node *n, struct gv_arena *out, struct gv_result *r)
{
    r->grid = ev->grid;
    bool has_steps = n->type == GV_TYPE_SCALAR || n->type == GV_TYPE_VECTOR;
    if (!has_steps && ev->options->step > 0)
        return gv_fail(&ev->main.err, GV_BAD_DATA,
                       "invalid expression type \"%s\" for range query, must be Scalar or instant Vector",
                       gv_value_type_text(n->type));
    switch (n->type) {
    case GV_TYPE_SCALAR:
        return give_scalar(ev, n, out, r);
    case GV_TYPE_STRING:
        return give_string(ev, n, r);
    case GV_TYPE_MATRIX:
        return give_matrix(ev, n, out, r);
    default:
        return give_vector(ev, n, out, r);
    }
}

/* ---- The entry ---- */

static bool make_grid(struct gv_engine *ev)
{
    const struct gv_eval_options *o = ev->options;
    if (o->start < -GV_TIME_MAX || o->end > GV_TIME_MAX || o->start > GV_TIME_MAX || o->end < -GV_TIME_MAX)
        return gv_fail(&ev->main.err, GV_BAD_DATA, "the time of the query is out of range");
    int64_t steps = o->step > 0 ? (o->end < o->start ? 0 : (o->end - o->start) / o->step + 1) : 1;
    if (steps > GV_STEPS_MAX)
        return gv_fail(&ev->main.err, GV_EXECUTION, "the query asks for %lld steps", (long long)steps);
    ev->grid = (struct gv_grid){o->start, o->step > 0 ? o->step : 0, (uint32_t)steps};
    return true;
}

static void engine_init(struct gv_engine *ev, const struct gv_eval_options *o, bool exact)
{
    *ev = (struct gv_engine){.options = o, .counts = GV_COUNT_STEPS, .exact = exact};
    gv_arena_init(&ev->arena, o->budget);
    gv_worker_init(&ev->main, ev);
}

static void copy_stats(struct gv_engine *ev, struct gv_arena *a, struct gv_eval_stats *stats)
{
    const struct gv_samples *s = &ev->main.samples;
    *stats = (struct gv_eval_stats){.per_step = stats->per_step,
                                    .total_samples = s->total,
                                    .peak_samples = s->peak,
                                    .series_read = s->series_read,
                                    .samples_read = s->samples_read};
    if (!s->per_step)
        return;
    stats->samples_per_step = gv_arena_array(a, int64_t, ev->grid.n);
    if (ev->grid.n)
        memcpy(stats->samples_per_step, s->per_step, ev->grid.n * sizeof *s->per_step);
}

static bool evaluate(struct gv_engine *ev, struct gv_arena *a, const struct gv_expr *e, struct gv_result *out,
                     struct gv_eval_stats *stats)
{
    *out = (struct gv_result){.type = GV_RESULT_NONE};
    gv_annotations_init(&out->notes, a);
    if (!make_grid(ev))
        return false;
    if (stats && stats->per_step)
        ev->main.samples.per_step = gv_arena_array(&ev->arena, int64_t, ev->grid.n);
    struct gv_node *n = gv_prepare(&ev->arena, e, ev->options, &ev->main.err);
    ev->main.unpolled = INT32_MAX; /* look before anything is done */
    return n && gv_poll(&ev->main, 0) && give(ev, n, a, out);
}

static bool attempt(struct gv_arena *a, const struct gv_expr *e, const struct gv_eval_options *o, bool exact,
                    struct gv_result *out, struct gv_eval_stats *stats, bool *restart, struct gv_err *err)
{
    struct gv_engine ev;
    engine_init(&ev, o, exact);
    bool ok = evaluate(&ev, a, e, out, stats);
    gv_annotations_sort(&ev.main.notes);
    gv_annotations_merge(&out->notes, &ev.main.notes);
    if (stats)
        copy_stats(&ev, a, stats);
    *restart = !ok && ev.restart && !exact;
    if (!ok && !*restart)
        gv_fail(err, ev.main.err.code, "%s", ev.main.err.msg);
    gv_worker_fini(&ev.main);
    gv_arena_fini(&ev.arena);
    return ok;
}

bool gv_promql_eval(struct gv_arena *a, struct gv_expr *e, const struct gv_eval_options *o, struct gv_result *out,
                    struct gv_eval_stats *stats, struct gv_err *err)
{
    struct gv_arena_mark start = gv_arena_mark(a);
    bool restart;
    if (attempt(a, e, o, false, out, stats, &restart, err))
        return true;
    if (!restart)
        return false;
    gv_arena_rewind(a, start);
    return attempt(a, e, o, true, out, stats, &restart, err);
}
