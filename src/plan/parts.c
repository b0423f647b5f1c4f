/* What each source gives to a feed: an ask where it is able to answer, else a tree over its samples. Sources that are
 * sent the same text share it: with a thousand clusters there are a handful of texts. */
#include "plan/build.h"

static bool concerns(const struct build *b, const struct plan_node *n, size_t source)
{
    return (b->only == ALL_SOURCES || b->only == (int)source) && n->grid.n && !n->at[source].empty &&
           plan_source_can_match(b->p, n, source);
}

size_t build_count(const struct build *b, const struct plan_node *n)
{
    size_t count = 0;
    for (size_t i = 0; i < b->p->n_sources; i++)
        count += concerns(b, n, i);
    return count;
}

size_t build_count_able(const struct build *b, const struct plan_node *n)
{
    size_t count = 0;
    for (size_t i = 0; i < b->p->n_sources; i++)
        count += concerns(b, n, i) && n->at[i].able;
    return count;
}

/* ---- One part after the other ---- */

typedef struct gv_plan_part part_fn(struct planner *p, struct plan_node *n, size_t source, const void *arg);

/* Nothing tells the two sources apart as far as n goes but the values of their injected labels. */
static bool is_alike(const struct planner *p, const struct plan_node *n, size_t a, size_t b)
{
    return p->sources[a].kind == p->sources[b].kind && p->sources[a].is->raw == p->sources[b].is->raw &&
           n->at[a].shape == n->at[b].shape && n->at[a].able == n->at[b].able;
}

static struct gv_plan_input collect(struct build *b, struct plan_node *n, part_fn *make, const void *arg)
{
    struct gv_plan_part *parts = gv_arena_array(b->p->arena, struct gv_plan_part, b->p->n_sources);
    struct gv_plan_input in = {parts, 0};
    for (size_t i = 0; i < b->p->n_sources; i++) {
        if (!concerns(b, n, i))
            continue;
        const struct gv_plan_part *last = in.n ? &parts[in.n - 1] : NULL;
        bool alike = last && !last->tree && is_alike(b->p, n, last->source, i);
        parts[in.n++] = alike ? plan_ask_alike(b->p, i, last) : make(b->p, n, i, arg);
    }
    return in;
}

/* ---- Trees of one source ---- */

typedef struct gv_expr *make_fn(struct build *b, struct plan_node *n, const void *arg);

void build_finish(struct build *b, struct gv_expr *e, struct gv_grid grid, struct gv_plan_tree *t)
{
    *t = (struct gv_plan_tree){
        .expr = e, .grid = grid, .feeds = b->feeds, .n_feeds = b->n_feeds, .selected = {b->selected, b->n_selected}};
}

static struct gv_plan_part tree_part(struct planner *p, struct plan_node *n, size_t source, make_fn *make,
                                     const void *arg)
{
    struct build own = {.p = p, .only = (int)source};
    struct gv_plan_tree *t = gv_arena_new(p->arena, struct gv_plan_tree);
    build_finish(&own, make(&own, n, arg), n->grid, t);
    return (struct gv_plan_part){.source = (uint32_t)source, .tree = t};
}

/* ---- Local nodes ---- */

static struct gv_expr *make_plain(struct build *b, struct plan_node *n, const void *arg)
{
    (void)arg;
    return build_place(b, n);
}

static struct gv_plan_part local_part(struct planner *p, struct plan_node *n, size_t source, const void *arg)
{
    if (n->at[source].able)
        return plan_ask_vector(p, source, plan_rewrite(p, n, source), n->grid, n->at[source].survivors);
    return tree_part(p, n, source, make_plain, arg);
}

struct gv_plan_input build_local(struct build *b, struct plan_node *n)
{
    return collect(b, n, local_part, NULL);
}

static struct gv_plan_part root_part(struct planner *p, struct plan_node *n, size_t source, const void *arg)
{
    (void)arg;
    return plan_ask_root(p, source, plan_rewrite(p, n, source), n->at[source].survivors);
}

struct gv_plan_input build_root(struct build *b, struct plan_node *n)
{
    return collect(b, n, root_part, NULL);
}

/* ---- Samples ---- */

struct times {
    int64_t min, max; /* ms, inclusive */
};

/* What the engine reads of a selector that is evaluated on the grid. */
static struct times times_of(const struct planner *p, const struct gv_expr *e, struct gv_grid grid)
{
    const struct gv_selector *s = plan_selector_of(e);
    int64_t lookback = p->options->lookback, range = e->kind == GV_EXPR_MATRIX ? e->matrix.range_ms : lookback;
    bool fixed = s->shift.at == GV_AT_TIME;
    struct times t = {(fixed ? s->shift.at_ms : grid.start) - s->shift.offset_ms - range + 1,
                      (fixed ? s->shift.at_ms : gv_grid_time(&grid, grid.n - 1)) - s->shift.offset_ms};
    if (s->extended != GV_RANGE_PLAIN)
        t.min -= lookback;
    if (s->extended == GV_RANGE_SMOOTHED)
        t.max += lookback;
    return t;
}

static struct gv_plan_part samples_part(struct planner *p, struct plan_node *n, size_t source, const void *arg)
{
    const struct times *t = arg;
    const struct gv_expr *selector = n->expr->kind == GV_EXPR_MATRIX ? n->expr->matrix.selector : n->expr;
    return plan_ask_samples(p, source, plan_selector_there(p, selector, source), t->min, t->max);
}

struct gv_plan_input build_samples(struct build *b, struct plan_node *n)
{
    if (!n->grid.n)
        return (struct gv_plan_input){NULL, 0};
    struct times t = times_of(b->p, n->expr, n->grid);
    return t.min > t.max ? (struct gv_plan_input){NULL, 0} : collect(b, n, samples_part, &t);
}

/* Where a series ended is a sample of its own, which only raw samples show. */
static struct gv_plan_part latest_part(struct planner *p, struct plan_node *n, size_t source, const void *arg)
{
    const struct times *t = arg;
    struct gv_plan_part samples = samples_part(p, n, source, arg);
    if (p->sources[source].is->raw)
        return samples;
    struct gv_plan_part there = plan_ask_vector(p, source, plan_selector_there(p, n->expr, source),
                                                (struct gv_grid){t->max, 0, 1}, p->sources[source].all);
    uint32_t *both = gv_arena_array(p->arena, uint32_t, 2);
    both[0] = samples.asks[0];
    both[1] = there.asks[0];
    return (struct gv_plan_part){.source = (uint32_t)source, .asks = both, .n_asks = 2};
}

struct gv_plan_input build_selection(struct build *b, struct plan_node *n, int64_t min, int64_t max, bool latest)
{
    struct times t = {min, max};
    return collect(b, n, latest ? latest_part : samples_part, &t);
}

/* ---- Split aggregations ---- */

static uint64_t split_survivors(const struct planner *p, const struct split *s, size_t source, uint64_t survivors)
{
    uint64_t listed = plan_bits(&p->sources[source], s->grouping, s->n_grouping);
    if (gv_aggregation_named(gv_slice_of(s->op))->keeps_labels)
        return survivors;
    return s->without ? survivors & ~listed : survivors & listed;
}

static struct gv_expr *make_split(struct build *b, struct plan_node *arg, const void *split)
{
    const struct split *s = split;
    return plan_aggregate(b->p, s->op, s->without, s->grouping, s->n_grouping, build_place(b, arg), s->param,
                          arg->expr);
}

static struct gv_plan_part split_part(struct planner *p, struct plan_node *n, size_t source, const void *split)
{
    const struct split *s = split;
    struct plan_node *arg = n->child[n->n - 1];
    if (!n->at[source].able)
        return tree_part(p, arg, source, make_split, s);
    size_t n_names;
    const struct gv_slice *names = plan_names_there(p, source, s->grouping, s->n_grouping, &n_names);
    struct gv_expr *sent =
        plan_aggregate(p, s->op, s->without, names, n_names, plan_rewrite(p, arg, source), s->param, n->expr);
    return plan_ask_vector(p, source, sent, arg->grid, split_survivors(p, s, source, arg->at[source].survivors));
}

struct gv_plan_input build_split(struct build *b, struct plan_node *aggregation, const struct split *s)
{
    return collect(b, aggregation, split_part, s);
}

/* ---- Presence ---- */

static struct gv_expr *make_presence(struct build *b, struct plan_node *n, const void *arg)
{
    (void)arg;
    return plan_aggregate(b->p, "group", false, NULL, 0, build_place(b, n), NULL, n->expr);
}

static bool takes_aggregation(const struct gv_plan_source *s, const struct plan_node *n)
{
    return s->push == GV_PUSH_AUTO && (!s->metricsql || n->expr->kind == GV_EXPR_SELECTOR);
}

static struct gv_plan_part presence_part(struct planner *p, struct plan_node *n, size_t source, const void *arg)
{
    if (!n->at[source].able)
        return tree_part(p, n, source, make_presence, arg);
    struct gv_expr *sent = plan_rewrite(p, n, source);
    if (!takes_aggregation(p->sources[source].is, n))
        return plan_ask_vector(p, source, sent, n->grid, n->at[source].survivors);
    sent = plan_aggregate(p, "group", false, NULL, 0, sent, NULL, n->expr);
    return plan_ask_vector(p, source, sent, n->grid, 0);
}

struct gv_plan_input build_presence(struct build *b, struct plan_node *n)
{
    return collect(b, n, presence_part, NULL);
}
