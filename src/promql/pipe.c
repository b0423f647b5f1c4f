/* Node ──► pipe: a leaf, and the element-wise operations up to the node. Whatever a pipe can not do series by series
 * is evaluated first, and its rows become the leaf. */
#include "promql/engine.h"
#include "promql/operators.h"

static bool fill(struct gv_pipe *p, const struct gv_node *n, struct gv_arena *a);

/* ---- Rows as a leaf ---- */

static int next_of_rows(struct gv_stream *s, struct gv_row *row)
{
    gv_stream_rewind(s);
    if (s->at == s->end)
        return 0;
    *row = s->pipe->rows.rows[s->at++];
    return 1;
}

static void become_rows(struct gv_pipe *p, struct gv_vector rows)
{
    size_t parts = gv_pipe_parts(p->ev);
    *p = (struct gv_pipe){.ev = p->ev, .grid = p->grid, .counts = p->counts, .next = next_of_rows, .rows = rows};
    p->last_stage = &p->stages;
    p->n_parts = rows.n < parts ? rows.n : parts;
}

bool gv_pipe_is_rows(const struct gv_pipe *p)
{
    return p->next == next_of_rows && !p->stages;
}

static bool repeat_row(struct gv_env *env, const struct gv_row *from, uint32_t n, struct gv_vector *to)
{
    struct gv_row *row = gv_vector_add(env, to, n, from->labels);
    if (!row)
        return false;
    row->drop_name = from->drop_name;
    struct gv_point p;
    if (gv_row_get(from, 0, &p))
        for (uint32_t i = 0; i < n; i++)
            gv_row_set(env, row, n, i, p);
    return true;
}

/* What is the same at every step is evaluated at one, and repeated. */
static bool fill_invariant(struct gv_pipe *p, const struct gv_node *n, struct gv_arena *a)
{
    struct gv_engine *ev = p->ev;
    struct gv_vector once, rows = {0};
    if (!gv_eval_once(ev, n, p->grid, a, &once))
        return false;
    struct gv_env env = gv_main_env(ev, a, &ev->arena);
    for (size_t i = 0; i < once.n; i++)
        if (!repeat_row(&env, &once.rows[i], p->grid.n, &rows) || !gv_poll(&ev->main, p->grid.n))
            return false;
    become_rows(p, rows);
    return gv_hold(&ev->main, gv_vector_samples(&rows, p->grid.n) - gv_vector_samples(&once, 1));
}

/* A stage that drops names may make series equal: in exact mode they are collected and joined here. */
static bool settle(struct gv_pipe *p, struct gv_arena *a)
{
    if (!p->ev->exact || !p->drops_name)
        return true;
    struct gv_pipe *whole = gv_arena_new(a, struct gv_pipe);
    *whole = *p;
    whole->drops_name = false;
    struct gv_vector rows;
    if (!gv_pipe_collect(whole, a, &rows) || !gv_merge_same_labels(p->ev, &rows, p->grid.n, a))
        return false;
    become_rows(p, rows);
    return true;
}

/* ---- Stages ---- */

static struct gv_stage *add_stage(struct gv_pipe *p, const struct gv_node *n, struct gv_arena *a)
{
    struct gv_stage *s = gv_arena_new(a, struct gv_stage);
    s->node = n;
    *p->last_stage = s;
    p->last_stage = &s->next;
    return s;
}

static void apply_each(const struct gv_stage *s, struct gv_env *env, struct gv_row *row)
{
    (void)env;
    gv_float_fn *each = s->node->impl->each;
    uint32_t n = s->call.grid.n;
    for (uint32_t i = 0; i < n; i++) {
        if (row->column.histograms && row->column.histograms[i])
            gv_row_clear(row, i);
        else if (gv_bit(row->column.present, i))
            row->column.values[i] = each(row->column.values[i]);
    }
}

static void apply_map(const struct gv_stage *s, struct gv_env *env, struct gv_row *row)
{
    struct gv_call call = s->call;
    call.env = env;
    s->node->impl->map(&call, row);
}

static void apply_nothing(const struct gv_stage *s, struct gv_env *env, struct gv_row *row)
{
    (void)s, (void)env, (void)row;
}

static bool fill_unary(struct gv_pipe *p, const struct gv_node *n, struct gv_arena *a)
{
    if (!fill(p, n->child[0], a))
        return false;
    if (n->expr->unary.op != GV_OP_SUB)
        return true;
    struct gv_stage *s = add_stage(p, n, a);
    s->call.grid = p->grid;
    s->apply = gv_stage_negate;
    s->drops_name = p->drops_name = true;
    return settle(p, a);
}

static bool row_of_scalar(struct gv_pipe *p, const struct gv_scalar *s, struct gv_arena *a, struct gv_row *row)
{
    struct gv_env env = gv_main_env(p->ev, a, &p->ev->arena);
    if (!gv_row_new(&env, row, p->grid.n))
        return false;
    for (uint32_t i = 0; i < p->grid.n; i++)
        gv_row_set_float(row, i, gv_scalar_at(s, i));
    return true;
}

static bool fill_with_scalar(struct gv_pipe *p, const struct gv_node *n, struct gv_arena *a)
{
    bool scalar_left = n->child[0]->type == GV_TYPE_SCALAR;
    struct gv_scalar scalar = {0};
    if (scalar_left && !gv_eval_scalar(p->ev, n->child[0], p->grid, a, &scalar))
        return false;
    if (!fill(p, n->child[!scalar_left ? 0 : 1], a))
        return false;
    if (!scalar_left && !gv_eval_scalar(p->ev, n->child[1], p->grid, a, &scalar))
        return false;
    struct gv_stage *s = add_stage(p, n, a);
    s->apply = gv_stage_scalar;
    s->call.grid = p->grid;
    s->scalar_left = scalar_left;
    s->drops_name = gv_op_drops_name(n->expr->binary.op) || n->expr->binary.returns_bool;
    p->drops_name |= s->drops_name;
    return row_of_scalar(p, &scalar, a, &s->scalar) && settle(p, a);
}

/* ---- Functions ---- */

static const struct gv_node *vector_argument(const struct gv_node *n)
{
    for (size_t i = 0; i < n->n; i++)
        if (n->child[i]->type == GV_TYPE_VECTOR)
            return n->child[i];
    return NULL;
}

/* vector(time()): what hour() and its like are given when they are given nothing. */
static bool fill_times(struct gv_pipe *p, struct gv_arena *a)
{
    struct gv_env env = gv_main_env(p->ev, a, &p->ev->arena);
    struct gv_vector rows = {0};
    struct gv_row *row = gv_vector_add(&env, &rows, p->grid.n, &gv_labels_empty);
    if (!row)
        return false;
    for (uint32_t i = 0; i < p->grid.n; i++)
        gv_row_set_float(row, i, (double)gv_grid_time(&p->grid, i) / 1000);
    become_rows(p, rows);
    return true;
}

/* timestamp(x) of a bare selector is the time of the sample; of anything else, that of the step. */
static bool fill_sample_time(struct gv_pipe *p, const struct gv_node *n, struct gv_arena *a)
{
    p->node = n->child[0];
    p->start_times = n->impl->flags & GV_IMPL_START_TIMES;
    p->sample_times = !p->start_times;
    if (!gv_leaf_selector(p, a))
        return false;
    struct gv_stage *s = add_stage(p, n, a);
    s->apply = apply_nothing;
    s->drops_name = p->drops_name = true;
    return settle(p, a);
}

static bool stage_arguments(struct gv_pipe *p, struct gv_stage *s, struct gv_arena *a)
{
    const struct gv_node *n = s->node;
    struct gv_value *args = gv_arena_array(a, struct gv_value, n->n);
    s->call = (struct gv_call){.expr = n->expr, .grid = p->grid, .args = args, .n_args = n->n};
    for (size_t i = 0; i < n->n; i++) {
        args[i].type = n->child[i]->type;
        if (args[i].type != GV_TYPE_VECTOR && !gv_eval_node(p->ev, n->child[i], p->grid, a, &args[i]))
            return false;
    }
    return true;
}

/* Start timestamps are read only where the feature is on; else start_timestamp() gives nothing. */
static bool knows_sample_time(const struct gv_engine *ev, const struct gv_node *n)
{
    if (!(n->expr->call.function->flags & GV_FN_SAMPLE_TIME))
        return false;
    return !(n->impl->flags & GV_IMPL_START_TIMES) || ev->options->features & GV_FEATURE_USE_START_TIMESTAMPS;
}

static bool fill_element_wise(struct gv_pipe *p, const struct gv_node *n, struct gv_arena *a)
{
    const struct gv_node *arg = vector_argument(n);
    if (arg && arg->kind == GV_EXPR_SELECTOR && knows_sample_time(p->ev, n))
        return fill_sample_time(p, n, a);
    if (!(arg ? fill(p, arg, a) : fill_times(p, a)))
        return false;
    struct gv_stage *s = add_stage(p, n, a);
    s->apply = n->impl->each ? apply_each : apply_map;
    s->drops_name = !(n->expr->call.function->flags & GV_FN_KEEPS_NAME);
    p->drops_name |= s->drops_name;
    return stage_arguments(p, s, a) && settle(p, a);
}

static bool fill_range_function(struct gv_pipe *p, const struct gv_node *n, struct gv_arena *a)
{
    p->node = n;
    return gv_check_extended(p->ev, n) && gv_leaf_range(p, a) && settle(p, a);
}

static bool fill_call(struct gv_pipe *p, const struct gv_node *n, struct gv_arena *a)
{
    if (n->impl->each || n->impl->map)
        return fill_element_wise(p, n, a);
    if (!n->impl->call)
        return fill_range_function(p, n, a);
    struct gv_value v;
    if (!gv_eval_call(p->ev, n, p->grid, a, &v))
        return false;
    become_rows(p, v.vector);
    return true;
}

/* ---- The rest ---- */

static bool fill_rows(struct gv_pipe *p, const struct gv_node *n, struct gv_arena *a,
                      bool (*eval)(struct gv_engine *, const struct gv_node *, struct gv_grid, struct gv_arena *,
                                   struct gv_vector *))
{
    struct gv_vector rows = {0};
    if (!eval(p->ev, n, p->grid, a, &rows))
        return false;
    become_rows(p, rows);
    return true;
}

static bool fill_feed(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *a,
                      struct gv_vector *out)
{
    struct gv_env env = gv_main_env(ev, a, &ev->arena);
    const struct gv_feed *f = n->feed;
    for (size_t i = 0; i < f->n; i++) {
        struct gv_row *row = gv_vector_add(&env, out, grid.n, f->series[i].labels);
        if (!row)
            return false;
        gv_copy_steps(&env, &f->series[i].column.steps, &f->grid, row, &grid);
        if (gv_row_is_empty(row, grid.n))
            out->n--;
    }
    return gv_hold(&ev->main, gv_vector_samples(out, grid.n));
}

static bool fill(struct gv_pipe *p, const struct gv_node *n, struct gv_arena *a)
{
    if (!p->grid.n) {
        become_rows(p, (struct gv_vector){0});
        return true;
    }
    if (n->invariant && p->grid.n > 1)
        return fill_invariant(p, n, a);
    switch (n->kind) {
    case GV_EXPR_SELECTOR:
        p->node = n;
        return gv_leaf_selector(p, a);
    case GV_EXPR_FEED:
        return fill_rows(p, n, a, fill_feed);
    case GV_EXPR_UNARY:
        return fill_unary(p, n, a);
    case GV_EXPR_CALL:
        return fill_call(p, n, a);
    case GV_EXPR_AGGREGATE:
        return fill_rows(p, n, a, gv_eval_aggregate);
    case GV_EXPR_BINARY:
        if (n->child[0]->type == GV_TYPE_SCALAR || n->child[1]->type == GV_TYPE_SCALAR)
            return fill_with_scalar(p, n, a);
        return fill_rows(p, n, a, gv_eval_vector_binary);
    default:
        return gv_fail(&p->ev->main.err, GV_INTERNAL, "a node of kind %d is no vector", (int)n->kind);
    }
}

static struct gv_pipe *new_pipe(struct gv_engine *ev, struct gv_grid grid, struct gv_arena *a)
{
    struct gv_pipe *p = gv_arena_new(a, struct gv_pipe);
    *p = (struct gv_pipe){.ev = ev, .grid = grid, .counts = ev->counts};
    p->last_stage = &p->stages;
    return p;
}

struct gv_pipe *gv_pipe_new(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *a)
{
    struct gv_pipe *p = new_pipe(ev, grid, a);
    return fill(p, n, a) ? p : NULL;
}

struct gv_pipe *gv_pipe_of_windows(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid,
                                   struct gv_arena *a)
{
    struct gv_pipe *p = new_pipe(ev, grid, a);
    return fill_range_function(p, n, a) ? p : NULL;
}
