/* Expressions and grids ──► asks; equal ones once. */
#include "plan/planner.h"
#include "promql/print.h"

enum { MAX_POINTS = 11000 }; /* of a range query (Prometheus: web/api/v1) */
enum { LEAST_MARGIN_MS = 5 * 60 * 1000 };

/* ---- Text ---- */

static int by_sent(const struct gv_plan_position *a, const struct gv_plan_position *b)
{
    return a->sent < b->sent ? -1 : a->sent > b->sent;
}

/* Where several nodes begin at one place the innermost counts. Nodes are printed in order, but for operators, whose
 * own node begins with their left side. */
static void set_text(struct planner *p, struct gv_plan_ask *ask)
{
    struct gv_buf text = GV_BUF_INIT;
    struct gv_sent_spots spots = {.arena = p->arena};
    gv_promql_print_sent_spots(&text, ask->tree, &spots);
    ask->text = gv_arena_dup(p->arena, gv_buf_slice(&text));
    gv_buf_fini(&text);
    struct gv_plan_position *positions = gv_arena_array(p->arena, struct gv_plan_position, spots.n);
    size_t n = 0;
    for (size_t i = 0; i < spots.n; i++) {
        struct gv_plan_position at = {spots.at[i].sent, spots.at[i].node->pos.start};
        if (n && by_sent(&positions[n - 1], &at) == 0)
            n--;
        positions[n++] = at;
    }
    ask->positions = positions;
    ask->n_positions = n;
}

bool gv_plan_own_position(const struct gv_plan_ask *ask, uint32_t sent, uint32_t *own)
{
    size_t low = 0, high = ask->n_positions;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (ask->positions[mid].sent < sent)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == ask->n_positions || ask->positions[low].sent != sent)
        return false;
    *own = ask->positions[low].own;
    return true;
}

/* ---- One ask ---- */

/* Bytes, not text: nobody reads it. The text comes last, as all before it have a length of their own. */
static struct gv_slice key_of(struct planner *p, const struct gv_plan_ask *ask)
{
    struct gv_slice name = p->sources[ask->source].is->name;
    struct {
        int64_t start, end, step;
        uint64_t hidden, kind, column, name;
    } head = {ask->start, ask->end, ask->step, ask->hidden, ask->kind, ask->column, name.n};
    size_t n = sizeof head + name.n + ask->text.n;
    char *key = gv_arena_alloc(p->arena, n);
    memcpy(key, &head, sizeof head);
    if (name.n)
        memcpy(key + sizeof head, name.p, name.n);
    memcpy(key + sizeof head + name.n, ask->text.p, ask->text.n);
    return (struct gv_slice){key, n};
}

static uint32_t add_printed(struct planner *p, struct gv_plan_ask ask)
{
    ask.key = key_of(p, &ask);
    void **known = gv_map_at(&p->ask_keys, gv_hash(ask.key.p, ask.key.n), ask.key);
    if (!*known) {
        gv_push(p->arena, p->asks, p->n_asks, p->cap_asks) = ask;
        *known = (void *)(uintptr_t)p->n_asks; /* its number, from 1 */
    }
    return (uint32_t)(uintptr_t)*known - 1;
}

static uint32_t add_ask(struct planner *p, struct gv_plan_ask ask)
{
    set_text(p, &ask);
    return add_printed(p, ask);
}

static struct gv_plan_part part_of(struct planner *p, size_t source, size_t n)
{
    return (struct gv_plan_part){
        .source = (uint32_t)source, .asks = gv_arena_array(p->arena, uint32_t, n), .n_asks = n};
}

static struct gv_plan_part one_ask(struct planner *p, struct gv_plan_ask ask)
{
    struct gv_plan_part part = part_of(p, ask.source, 1);
    *(uint32_t *)(uintptr_t)part.asks = add_ask(p, ask);
    return part;
}

struct gv_plan_part plan_ask_alike(struct planner *p, size_t source, const struct gv_plan_part *like)
{
    struct gv_plan_part part = part_of(p, source, like->n_asks);
    for (size_t i = 0; i < like->n_asks; i++) {
        struct gv_plan_ask ask = p->asks[like->asks[i]];
        ask.source = (uint32_t)source;
        ((uint32_t *)(uintptr_t)part.asks)[i] = add_printed(p, ask);
    }
    return part;
}

static uint64_t hidden_of(const struct planner *p, size_t source, uint64_t survivors)
{
    const struct plan_source *s = &p->sources[source];
    return s->carries ? 0 : s->all & ~survivors;
}

static struct gv_plan_ask ask_of(struct planner *p, size_t source, struct gv_expr *e, uint64_t survivors)
{
    return (struct gv_plan_ask){.source = (uint32_t)source,
                                .tree = e,
                                .type = e->type,
                                .column = GV_COLUMN_STEPS,
                                .hidden = hidden_of(p, source, survivors)};
}

/* ---- Vectors on a grid ---- */

static bool is_query_grid(const struct planner *p, struct gv_grid g)
{
    return g.start == p->grid.start && g.step == p->grid.step && g.n == p->grid.n;
}

/* (e)[range:step] at the last time: no backend limits its points. */
static struct gv_plan_part ask_subquery(struct planner *p, struct gv_plan_ask ask, struct gv_grid g)
{
    struct gv_expr *sub = gv_arena_new(p->arena, struct gv_expr);
    *sub = (struct gv_expr){.kind = GV_EXPR_SUBQUERY, .type = GV_TYPE_MATRIX, .pos = ask.tree->pos};
    sub->subquery.expr = ask.tree;
    sub->subquery.range_ms = g.step * (int64_t)g.n;
    sub->subquery.step_ms = g.step;
    ask.tree = sub;
    ask.type = GV_TYPE_MATRIX;
    ask.kind = GV_PLAN_INSTANT;
    ask.start = ask.end = gv_grid_time(&g, g.n - 1);
    ask.grid = g;
    return one_ask(p, ask);
}

static struct gv_plan_part ask_windows(struct planner *p, struct gv_plan_ask ask, struct gv_grid g)
{
    size_t n = (g.n + MAX_POINTS - 1) / MAX_POINTS;
    struct gv_plan_part part = part_of(p, ask.source, n);
    ask.kind = GV_PLAN_RANGE;
    ask.step = g.step;
    for (size_t i = 0; i < n; i++) {
        uint32_t first = (uint32_t)i * MAX_POINTS, count = g.n - first < MAX_POINTS ? g.n - first : MAX_POINTS;
        ask.grid = (struct gv_grid){gv_grid_time(&g, first), g.step, count};
        ask.start = ask.grid.start;
        ask.end = gv_grid_time(&ask.grid, count - 1);
        ((uint32_t *)(uintptr_t)part.asks)[i] = add_ask(p, ask);
    }
    return part;
}

struct gv_plan_part plan_ask_vector(struct planner *p, size_t source, struct gv_expr *e, struct gv_grid g,
                                    uint64_t survivors)
{
    const struct gv_plan_source *s = p->sources[source].is;
    struct gv_plan_ask ask = ask_of(p, source, e, survivors);
    ask.grid = g;
    if (is_query_grid(p, g)) {
        ask.kind = p->options->step ? GV_PLAN_RANGE : GV_PLAN_INSTANT;
        ask.start = p->options->start;
        ask.end = p->options->step ? p->options->end : p->options->start;
        ask.step = p->options->step;
        return one_ask(p, ask);
    }
    if (g.n == 1) {
        ask.kind = GV_PLAN_INSTANT;
        ask.start = ask.end = g.start;
        return one_ask(p, ask);
    }
    return plan_is_before(s, 3, 0) || s->metricsql || s->push == GV_PUSH_SELECTORS ? ask_windows(p, ask, g)
                                                                                   : ask_subquery(p, ask, g);
}

struct gv_plan_part plan_ask_root(struct planner *p, size_t source, struct gv_expr *e, uint64_t survivors)
{
    struct gv_plan_ask ask = ask_of(p, source, e, survivors);
    ask.column = GV_COLUMN_SPAN;
    ask.kind = p->options->step ? GV_PLAN_RANGE : GV_PLAN_INSTANT;
    ask.start = p->options->start;
    ask.end = p->options->step ? p->options->end : p->options->start;
    ask.step = p->options->step;
    if (e->kind == GV_EXPR_MATRIX && plan_is_before(p->sources[source].is, 3, 0))
        e->matrix.range_ms--;
    return one_ask(p, ask);
}

/* ---- Samples ---- */

/* Where replicas are merged, what stands beside the samples tells a hole at their end from the end itself. */
static void widen(const struct planner *p, int64_t *min, int64_t *max)
{
    int64_t margin = p->options->lookback > LEAST_MARGIN_MS ? p->options->lookback : LEAST_MARGIN_MS;
    *min -= margin;
    *max += margin;
}

struct gv_plan_part plan_ask_samples(struct planner *p, size_t source, const struct gv_expr *selector, int64_t min,
                                     int64_t max)
{
    struct gv_expr *plain = gv_arena_new(p->arena, struct gv_expr), *matrix = gv_arena_new(p->arena, struct gv_expr);
    *plain = *selector;
    plain->selector.shift = (struct gv_time_shift){0};
    plain->selector.extended = GV_RANGE_PLAIN;
    *matrix = (struct gv_expr){.kind = GV_EXPR_MATRIX, .type = GV_TYPE_MATRIX, .pos = selector->pos};
    if (p->sources[source].is->replicas > 1)
        widen(p, &min, &max);
    matrix->matrix.selector = plain;
    matrix->matrix.range_ms = max - min + 1;
    struct gv_plan_ask ask = ask_of(p, source, matrix, p->sources[source].all);
    ask.kind = GV_PLAN_SAMPLES;
    ask.column = GV_COLUMN_RAW;
    ask.start = min;
    ask.end = max;
    return one_ask(p, ask);
}
