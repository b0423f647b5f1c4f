/* Aggregations: parameter ──► checks ──► the argument's rows, one at a time, into the groups of a sink ──► result rows.
 * The argument is never held whole, but where every value counts (quantile). */
#include "promql/aggregate.h"
#include "promql/match.h"
#include "base/number.h"
#include "base/utf8.h"
#include <math.h>

/* ---- Groups ---- */

static const struct gv_slice reserved[] = {{"__name__", 8}, {"__type__", 8}, {"__unit__", 8}};

void gv_grouping_init(struct gv_grouping *g, struct gv_arena *a, const struct gv_expr *e, struct gv_slice extra)
{
    *g = (struct gv_grouping){.arena = a, .keep = !e->aggregate.without};
    g->last = &g->first;
    gv_map_init(&g->map, a);
    size_t n = e->aggregate.n_grouping, cap = n + GV_COUNT(reserved) + 1;
    struct gv_slice *names = gv_arena_array(a, struct gv_slice, cap);
    if (n)
        memcpy(names, e->aggregate.grouping, n * sizeof *names);
    if (extra.n && g->keep)
        names[n++] = extra;
    for (size_t i = 0; !g->keep && i < GV_COUNT(reserved); i++)
        names[n++] = reserved[i];
    g->names = gv_sorted_names(a, names, n);
    g->n_names = n;
}

void gv_grouping_fini(struct gv_grouping *g)
{
    gv_buf_fini(&g->key);
}

struct gv_group *gv_grouping_at(struct gv_grouping *g, const struct gv_labels *l, size_t size, bool *is_new)
{
    gv_buf_clear(&g->key);
    gv_labels_project(&g->key, l, g->names, g->n_names, g->keep);
    struct gv_slice key = gv_buf_slice(&g->key);
    uint64_t hash = gv_hash(key.p, key.n);
    struct gv_group *group = gv_map_get(&g->map, hash, key);
    *is_new = !group;
    if (group)
        return group;
    group = gv_arena_zalloc(g->arena, size);
    group->labels = gv_labels_of_bytes(g->arena, key);
    *gv_map_at(&g->map, hash, gv_labels_bytes(group->labels)) = group;
    *g->last = group;
    g->last = &group->next;
    return group;
}

/* ---- Runs of bits ---- */

bool gv_next_run(const uint64_t *bits, uint32_t hi, struct gv_run *run)
{
    uint32_t at = run->at + run->n;
    while (at < hi) {
        uint64_t word = bits[at / 64] >> (at % 64);
        if (word) {
            at += (uint32_t)__builtin_ctzll(word);
            break;
        }
        at = (at / 64 + 1) * 64;
    }
    if (at >= hi)
        return false;
    uint64_t zeros = ~(bits[at / 64] >> (at % 64));
    uint32_t n = zeros ? (uint32_t)__builtin_ctzll(zeros) : 64;
    uint32_t room = 64 - at % 64;
    n = n < room ? n : room;
    *run = (struct gv_run){at, n < hi - at ? n : hi - at};
    return true;
}

/* ---- Parameters ---- */

struct gv_extent gv_aggregate_extent(const struct gv_aggregation_call *c)
{
    struct gv_extent x = {INFINITY, -INFINITY, false};
    for (uint32_t i = 0; i < c->grid.n; i++) {
        double v = gv_scalar_at(&c->param, i);
        x.has_nan |= isnan(v);
        x.min = v < x.min ? v : x.min;
        x.max = v > x.max ? v : x.max;
    }
    return x;
}

const char *gv_aggregate_number(struct gv_aggregation_call *c, double v)
{
    char text[GV_DOUBLE_MAX];
    gv_double_format_g(text, v);
    return gv_arena_printf(c->temp, "%s", text);
}

bool gv_aggregate_check_k(struct gv_aggregation_call *c, bool *none)
{
    struct gv_extent x = gv_aggregate_extent(c);
    struct gv_err *err = c->env.err;
    if (x.has_nan)
        return gv_fail(err, GV_EXECUTION, "Parameter value is NaN");
    *none = x.max < 1;
    if (!*none && x.min <= -0x1p63)
        return gv_fail(err, GV_EXECUTION, "Scalar value %s underflows int64", gv_aggregate_number(c, x.min));
    if (x.max >= 0x1p63)
        return gv_fail(err, GV_EXECUTION, "Scalar value %s overflows int64", gv_aggregate_number(c, x.max));
    return true;
}

static bool check_label(struct gv_aggregation_call *c)
{
    if (c->text.n && gv_utf8_valid(c->text))
        return true;
    struct gv_buf quoted = GV_BUF_INIT;
    gv_buf_add_quoted(&quoted, c->text);
    gv_fail(c->env.err, GV_EXECUTION, "invalid label name %s", gv_buf_cstr(&quoted));
    gv_buf_fini(&quoted);
    return false;
}

/* ---- The call ---- */

void gv_note_histogram_ignored(const struct gv_aggregation_call *c, struct gv_env *env, struct gv_pos_range pos)
{
    gv_note_info(env, pos, 0, "ignored histogram in %s aggregation", c->expr->aggregate.op->name);
}

void *gv_aggregate_memory(struct gv_aggregation_call *c, size_t size)
{
    void *p = gv_arena_try(c->temp, size, c->env.err);
    return p ? memset(p, 0, size) : NULL;
}

bool gv_aggregate_feed(struct gv_aggregation_call *c, struct gv_sink *sink)
{
    struct gv_pipe *p = gv_pipe_new(c->ev, c->node->child[0], c->grid, c->temp);
    return p && gv_pipe_feed(p, sink);
}

static bool take_nothing(struct gv_sink *s, const struct gv_row *row, void **slot)
{
    (void)s, (void)row, (void)slot;
    return true;
}

static bool add_nothing(struct gv_sink *s, struct gv_env *env, void *slot, const struct gv_row *row, uint32_t lo,
                        uint32_t hi)
{
    (void)s, (void)env, (void)slot, (void)row, (void)lo, (void)hi;
    return true;
}

/* topk(0, ...) is empty, but the argument may still be an error. */
static bool run_for_errors(struct gv_aggregation_call *c)
{
    struct gv_sink sink = {.arena = c->temp, .take = take_nothing, .add = add_nothing};
    return gv_aggregate_feed(c, &sink);
}

static bool evaluate_param(struct gv_aggregation_call *c)
{
    if (c->node->n < 2)
        return true;
    const struct gv_node *param = c->node->child[1];
    if (param->type == GV_TYPE_STRING) {
        c->text = param->expr->string.value;
        return check_label(c);
    }
    return gv_eval_scalar(c->ev, param, c->grid, c->temp, &c->param);
}

static bool aggregate(struct gv_aggregation_call *c)
{
    const struct gv_aggregation_impl *impl = c->expr->aggregate.op->impl;
    bool none = false;
    if (!evaluate_param(c) || (impl->check && !impl->check(c, &none)))
        return false;
    return none ? run_for_errors(c) : impl->run(c);
}

bool gv_eval_aggregate(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *out,
                       struct gv_vector *v)
{
    *v = (struct gv_vector){0};
    struct gv_arena temp;
    gv_arena_init(&temp, ev->options->budget);
    struct gv_aggregation_call c = {.ev = ev,
                                    .node = n,
                                    .expr = n->expr,
                                    .kind = n->expr->aggregate.op->kind,
                                    .grid = grid,
                                    .out = out,
                                    .temp = &temp,
                                    .env = gv_main_env(ev, out, &temp),
                                    .result = v};
    int64_t held = ev->main.samples.current;
    bool ok = aggregate(&c);
    gv_arena_fini(&temp);
    ev->main.samples.current = held;
    return ok && gv_hold(&ev->main, gv_vector_samples(v, grid.n));
}
