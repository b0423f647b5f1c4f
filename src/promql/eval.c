/* The way through: prepare the tree, evaluate its root, drop names where that was put off, order, hand over.
 * Also what evaluates nodes one by one: scalars, strings, whole-vector functions, vectors held in memory. */
#include "promql/eval.h"
#include "promql/engine.h"
#include "promql/operators.h"

struct gv_env gv_main_env(struct gv_engine *ev, struct gv_arena *out, struct gv_arena *scratch)
{
    return (struct gv_env){
        .options = ev->options, .out = out, .scratch = scratch, .notes = &ev->main.notes, .err = &ev->main.err};
}

/* ---- What is the same at every step: evaluated at one, but samples read there count for every step ---- */

struct once {
    enum gv_counts counts;
    int64_t total;
};

static struct once once_begin(struct gv_engine *ev)
{
    struct once o = {ev->counts, ev->main.samples.total};
    if (ev->counts == GV_COUNT_STEPS)
        ev->counts = GV_COUNT_TOTAL;
    return o;
}

static void once_end(struct gv_engine *ev, struct once o, uint32_t steps)
{
    int64_t read = ev->main.samples.total - o.total;
    ev->counts = o.counts;
    ev->main.samples.total = o.total + read * steps;
    for (uint32_t i = 0; o.counts == GV_COUNT_STEPS && ev->main.samples.per_step && i < steps; i++)
        ev->main.samples.per_step[i] += read;
}

/* ---- Scalars ---- */

static bool new_scalar(struct gv_engine *ev, struct gv_arena *out, uint32_t n, double **values)
{
    *values = gv_arena_try(out, n * sizeof **values, &ev->main.err);
    return *values != NULL;
}

static bool constant(struct gv_arena *out, double v, struct gv_scalar *s)
{
    double *value = gv_arena_new(out, double);
    *value = v;
    *s = (struct gv_scalar){value, 0};
    return true;
}

static bool scalar_binary(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *out,
                          struct gv_scalar *s)
{
    struct gv_scalar l, r;
    if (!gv_eval_scalar(ev, n->child[0], grid, out, &l) || !gv_eval_scalar(ev, n->child[1], grid, out, &r))
        return false;
    uint32_t stride = l.stride | r.stride, count = stride ? grid.n : 1;
    double *values;
    if (!new_scalar(ev, out, count, &values))
        return false;
    for (uint32_t i = 0; i < count; i++)
        values[i] = gv_scalar_op(n->expr->binary.op, gv_scalar_at(&l, i), gv_scalar_at(&r, i));
    *s = (struct gv_scalar){values, stride};
    return true;
}

static bool scalar_unary(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *out,
                         struct gv_scalar *s)
{
    struct gv_scalar operand;
    if (!gv_eval_scalar(ev, n->child[0], grid, out, &operand))
        return false;
    *s = operand;
    if (n->expr->unary.op != GV_OP_SUB)
        return true;
    uint32_t count = operand.stride ? grid.n : 1;
    double *values;
    if (!new_scalar(ev, out, count, &values))
        return false;
    for (uint32_t i = 0; i < count; i++)
        values[i] = -gv_scalar_at(&operand, i);
    s->values = values;
    return true;
}

static bool scalar_call(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *out,
                        struct gv_scalar *s)
{
    struct gv_value v;
    if (!gv_eval_call(ev, n, grid, out, &v))
        return false;
    *s = v.scalar;
    return true;
}

/* The first series of a feed, NaN where it is absent. */
static bool scalar_feed(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *out,
                        struct gv_scalar *s)
{
    struct gv_env env = gv_main_env(ev, out, &ev->arena);
    struct gv_row row = {0};
    if (!gv_row_new(&env, &row, grid.n))
        return false;
    if (n->feed->n)
        gv_copy_steps(&env, &n->feed->series[0].column.steps, &n->feed->grid, &row, &grid);
    for (uint32_t i = 0; i < grid.n; i++)
        if (!gv_bit(row.column.present, i))
            row.column.values[i] = __builtin_nan("");
    *s = (struct gv_scalar){row.column.values, 1};
    return true;
}

bool gv_eval_scalar(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *out,
                    struct gv_scalar *s)
{
    if (n->invariant && grid.n > 1) {
        struct once o = once_begin(ev);
        bool ok = gv_eval_scalar(ev, n, (struct gv_grid){grid.start, 0, 1}, out, s);
        once_end(ev, o, grid.n);
        s->stride = 0;
        return ok;
    }
    switch (n->kind) {
    case GV_EXPR_NUMBER:
        return constant(out, n->expr->number.value, s);
    case GV_EXPR_BINARY:
        return scalar_binary(ev, n, grid, out, s);
    case GV_EXPR_UNARY:
        return scalar_unary(ev, n, grid, out, s);
    case GV_EXPR_CALL:
        return scalar_call(ev, n, grid, out, s);
    case GV_EXPR_FEED:
        return scalar_feed(ev, n, grid, out, s);
    default:
        return gv_fail(&ev->main.err, GV_INTERNAL, "a node of kind %d is no scalar", (int)n->kind);
    }
}

/* ---- Vectors ---- */

bool gv_eval_vector(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *out,
                    struct gv_vector *v)
{
    *v = (struct gv_vector){0};
    int64_t held = ev->main.samples.current;
    struct gv_pipe *p = gv_pipe_new(ev, n, grid, out);
    if (!p)
        return false;
    if (gv_pipe_is_rows(p)) {
        *v = p->rows;
        return true;
    }
    if (!gv_pipe_collect(p, out, v))
        return false;
    int64_t samples = gv_vector_samples(v, grid.n);
    if (p->stages && !gv_hold_briefly(&ev->main, samples + (int64_t)v->n))
        return false;
    ev->main.samples.current = held;
    return gv_hold(&ev->main, samples);
}

bool gv_eval_once(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *out,
                  struct gv_vector *v)
{
    struct once o = once_begin(ev);
    bool ok = gv_eval_vector(ev, n, (struct gv_grid){grid.start, 0, 1}, out, v);
    once_end(ev, o, grid.n);
    return ok;
}

void gv_copy_steps(struct gv_env *env, const struct gv_steps_column *from, const struct gv_grid *from_grid,
                   struct gv_row *to, const struct gv_grid *grid)
{
    for (uint32_t i = 0; i < grid->n; i++) {
        int64_t into = gv_grid_time(grid, i) - from_grid->start;
        int64_t at = from_grid->step > 0 ? into / from_grid->step : into ? -1 : 0;
        if (at < 0 || at >= from_grid->n || at * from_grid->step != into || !gv_bit(from->present, (size_t)at))
            continue;
        const struct gv_histogram *h = from->histograms ? from->histograms[at] : NULL;
        gv_row_set(env, to, grid->n, i, (struct gv_point){h ? 0 : from->values[at], h});
    }
}

/* ---- Functions of whole vectors ---- */

/* A range function whose vector call() goes on with (absent_over_time). */
static bool eval_range_part(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *temp,
                            struct gv_value *args)
{
    struct gv_pipe *p = gv_pipe_of_windows(ev, n, grid, temp);
    struct gv_vector v;
    if (!p || !gv_pipe_collect(p, temp, &v))
        return false;
    for (size_t i = 0; i < n->n; i++)
        if (gv_node_is_range(n->child[i]))
            args[i] = (struct gv_value){.type = GV_TYPE_VECTOR, .vector = v};
    return true;
}

static bool eval_arguments(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *a,
                           struct gv_value *args)
{
    for (size_t i = 0; i < n->n; i++)
        if (!gv_node_is_range(n->child[i]) && !gv_eval_node(ev, n->child[i], grid, a, &args[i]))
            return false;
    return true;
}

static bool call(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *out,
                 struct gv_value *v)
{
    bool of_range = n->impl->window || n->impl->series;
    struct gv_arena scratch;
    gv_arena_init(&scratch, ev->options->budget);
    struct gv_value *args = gv_arena_array(&scratch, struct gv_value, n->n);
    struct gv_env env = gv_main_env(ev, out, &scratch);
    struct gv_call c = {.env = &env, .expr = n->expr, .grid = grid, .args = args, .n_args = n->n, .ev = ev};
    *v = (struct gv_value){.type = n->type};
    bool ok = eval_arguments(ev, n, grid, out, args) && (!of_range || eval_range_part(ev, n, grid, out, args)) &&
              n->impl->call(&c, v) && ev->main.err.code == GV_OK;
    gv_arena_fini(&scratch);
    return ok;
}

bool gv_eval_call(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *out,
                  struct gv_value *v)
{
    if (!n->impl->call)
        return gv_fail(&ev->main.err, GV_INTERNAL, "function %s() gives no %s", n->expr->call.function->name,
                       gv_value_type_text(n->type));
    int64_t held = ev->main.samples.current;
    if (!call(ev, n, grid, out, v))
        return false;
    if (v->type != GV_TYPE_VECTOR) {
        ev->main.samples.current = held;
        return true;
    }
    if (!(n->impl->flags & GV_IMPL_KEEPS_LABELS) && !gv_merge_same_labels(ev, &v->vector, grid.n, out))
        return false;
    int64_t samples = gv_vector_samples(&v->vector, grid.n);
    bool ok = gv_hold_briefly(&ev->main, samples);
    ev->main.samples.current = held;
    return ok && gv_hold(&ev->main, samples);
}

bool gv_call_poll(struct gv_call *c, size_t samples)
{
    return gv_poll(&c->ev->main, samples);
}

/* The selector of info(): its node is made on the spot. */
bool gv_eval_selector(struct gv_call *c, const struct gv_selector *s, bool sample_times, struct gv_vector *out)
{
    struct gv_node n = {.expr = c->expr, .kind = GV_EXPR_SELECTOR, .type = GV_TYPE_VECTOR, .selector = s};
    const struct gv_eval_options *o = c->env->options;
    n.fixed = s->shift.at != GV_AT_NONE;
    n.at = s->shift.at == GV_AT_START ? o->start : s->shift.at == GV_AT_END ? o->end : s->shift.at_ms;
    n.offset = s->shift.offset_ms;
    *out = (struct gv_vector){0};
    if (!c->grid.n)
        return true;
    struct gv_pipe *p = gv_arena_new(c->env->out, struct gv_pipe);
    *p = (struct gv_pipe){.ev = c->ev,
                          .grid = c->grid,
                          .counts = c->ev->counts,
                          .node = &n,
                          .sample_times = sample_times,
                          .keeps_histograms = true};
    return gv_leaf_selector(p, c->env->out) && gv_pipe_collect(p, c->env->out, out);
}

static void list_extended(struct gv_buf *out, unsigned flag)
{
    size_t n;
    const struct gv_function *f = gv_functions(&n);
    const char *separator = "";
    for (size_t i = 0; i < n; i++) {
        if (!(f[i].impl->flags & flag))
            continue;
        gv_buf_printf(out, "%s%s", separator, f[i].name);
        separator = ", ";
    }
}

bool gv_check_extended(struct gv_engine *ev, const struct gv_node *call_node)
{
    for (size_t i = 0; i < call_node->n; i++) {
        enum gv_range_kind kind = call_node->child[i]->extended;
        unsigned flag = kind == GV_RANGE_ANCHORED ? GV_IMPL_ANCHORED : GV_IMPL_SMOOTHED;
        if (!gv_node_is_range(call_node->child[i]) || kind == GV_RANGE_PLAIN || call_node->impl->flags & flag)
            continue;
        struct gv_buf names = GV_BUF_INIT;
        list_extended(&names, flag);
        gv_fail(&ev->main.err, GV_EXECUTION, "%s modifier can only be used with: %s - not with %s",
                kind == GV_RANGE_ANCHORED ? "anchored" : "smoothed", gv_buf_cstr(&names),
                call_node->expr->call.function->name);
        gv_buf_fini(&names);
        return false;
    }
    return true;
}

/* ---- Any node ---- */

bool gv_eval_node(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *out,
                  struct gv_value *v)
{
    *v = (struct gv_value){.type = n->type};
    switch (n->type) {
    case GV_TYPE_SCALAR:
        return gv_eval_scalar(ev, n, grid, out, &v->scalar);
    case GV_TYPE_STRING:
        v->string = n->expr->string.value;
        return true;
    case GV_TYPE_VECTOR:
        return gv_eval_vector(ev, n, grid, out, &v->vector);
    default:
        return gv_fail(&ev->main.err, GV_INTERNAL, "a node of type %s stands where none may",
                       gv_value_type_text(n->type));
    }
}
