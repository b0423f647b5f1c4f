/* Binary operators between two vectors.
 *
 *   left, right ──signature of each row (on / ignoring)──► groups ──► pairs (many row, one row) ──► result rows
 *
 * Arithmetic and comparisons pair each row of the "many" side (the left one, but for group_right) with the rows of the
 * "one" side that have its signature; a pair counts at the steps where both are present. The many side's columns
 * become the result's. Set operators only clear steps. */
#include "promql/match.h"
#include "promql/operators.h"

/* ---- Set operators ---- */

static void clear_steps(struct gv_row *r, const uint64_t *bits, bool keep_these, size_t words)
{
    for (size_t w = 0; w < words; w++)
        r->column.present[w] &= keep_these ? (bits ? bits[w] : 0) : (bits ? ~bits[w] : ~UINT64_C(0));
}

/* Clears from rows the steps that the other side has (unless, or) or lacks (and); drops rows that are empty then. */
static void filter_rows(struct gv_match_groups *g, struct gv_vector *v, bool keep_matching)
{
    size_t kept = 0;
    for (size_t i = 0; i < v->n; i++) {
        const struct gv_match_group *group = gv_match_find(g, v->rows[i].labels);
        clear_steps(&v->rows[i], group ? group->present : NULL, keep_matching, gv_bits_words(g->n_steps));
        if (!gv_row_is_empty(&v->rows[i], g->n_steps))
            v->rows[kept++] = v->rows[i];
    }
    v->n = kept;
}

static bool apply_set(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_vector *l,
                      struct gv_vector *r, struct gv_arena *out)
{
    struct gv_arena temp;
    gv_arena_init(&temp, ev->options->budget);
    struct gv_match_groups g;
    bool is_or = n->expr->binary.op == GV_OP_OR;
    gv_match_init(&g, &temp, &n->expr->binary.matching, grid.n);
    bool ok = gv_match_add_all(&g, is_or ? l : r, &ev->main);
    if (ok)
        filter_rows(&g, is_or ? r : l, n->expr->binary.op == GV_OP_AND);
    gv_match_fini(&g);
    gv_arena_fini(&temp);
    struct gv_env env = gv_main_env(ev, out, &ev->arena);
    for (size_t i = 0; ok && is_or && i < r->n; i++)
        ok = gv_vector_push(&env, l, &r->rows[i]);
    return ok && (!is_or || gv_merge_same_labels(ev, l, grid.n, out));
}

/* ---- Pairs ---- */

struct pairing {
    struct gv_engine *ev;
    const struct gv_expr *expr;
    const struct gv_matching *matching;
    uint32_t n; /* steps */
    size_t words;
    struct gv_arena temp; /* groups and bitmaps */
    struct gv_arena scratch;
    struct gv_env env;             /* out: the result's arena */
    struct gv_match_groups groups; /* of the one side */
    struct gv_vector result;
    struct gv_map by_labels;            /* result rows of this operator, for duplicates within a group */
    bool swapped;                       /* the one side is the left one */
    const double *fill_one, *fill_many; /* values for a missing side, or NULL */
};

static uint64_t *new_bits(struct pairing *p)
{
    return gv_arena_array(&p->temp, uint64_t, p->words);
}

static bool overlap(const uint64_t *a, const uint64_t *b, size_t words)
{
    for (size_t w = 0; w < words; w++)
        if (a[w] & b[w])
            return true;
    return false;
}

static void unite(uint64_t *into, const uint64_t *bits, size_t words)
{
    for (size_t w = 0; w < words; w++)
        into[w] |= bits[w];
}

static void drop_reserved(struct gv_labels_builder *b)
{
    gv_labels_del(b, GV_LABEL_NAME);
    gv_labels_del(b, GV_LABEL_TYPE);
    gv_labels_del(b, GV_LABEL_UNIT);
}

/* One-to-one: the match labels alone (on), or all others (ignoring). names are sorted, as labels are. */
static void keep_matching(struct gv_labels_builder *b, const struct gv_match_groups *g)
{
    size_t kept = 0;
    for (size_t i = 0, at = 0; i < b->n; i++) {
        while (at < g->n_names && gv_slice_cmp(g->names[at], b->labels[i].name) < 0)
            at++;
        bool named = at < g->n_names && gv_slice_eq(g->names[at], b->labels[i].name);
        if (named == g->on)
            b->labels[kept++] = b->labels[i];
    }
    b->n = kept;
}

static const struct gv_labels *result_labels(struct pairing *p, const struct gv_labels *many,
                                             const struct gv_labels *one)
{
    const struct gv_matching *m = p->matching;
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, &p->scratch, many);
    if (gv_op_drops_name(p->expr->binary.op))
        drop_reserved(&b);
    if (m->card == GV_ONE_TO_ONE)
        keep_matching(&b, &p->groups);
    for (size_t i = 0; i < m->n_include; i++)
        gv_labels_set(&b, m->include[i], gv_labels_get(one, m->include[i]));
    if (p->expr->binary.returns_bool && !gv_env_has(&p->env, GV_FEATURE_DELAYED_NAME_REMOVAL))
        drop_reserved(&b);
    return gv_labels_build(&b, p->env.out);
}

static bool check_one_to_one(struct pairing *p, struct gv_match_group *g, const uint64_t *matched)
{
    if (overlap(g->matched, matched, p->words))
        return gv_fail(p->env.err, GV_EXECUTION,
                       "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)");
    return true;
}

struct result_seen { /* by labels */
    const struct gv_match_group *group;
    uint64_t *matched;
    struct result_seen *next;
};

static bool check_grouped(struct pairing *p, const struct gv_match_group *g, const struct gv_labels *labels,
                          const uint64_t *matched)
{
    struct result_seen **first = (struct result_seen **)gv_map_at(&p->by_labels, labels->hash, gv_labels_bytes(labels));
    for (struct result_seen *s = *first; s; s = s->next)
        if (s->group == g && overlap(s->matched, matched, p->words))
            return gv_fail(p->env.err, GV_EXECUTION,
                           "multiple matches for labels: grouping labels must ensure unique matches");
    struct result_seen *s = gv_arena_new(&p->temp, struct result_seen);
    s->group = g;
    s->matched = new_bits(p);
    unite(s->matched, matched, p->words);
    s->next = *first;
    *first = s;
    return true;
}

static bool check_matched(struct pairing *p, struct gv_match_group *g, const struct gv_labels *labels,
                          const uint64_t *matched)
{
    bool ok =
        p->matching->card == GV_ONE_TO_ONE ? check_one_to_one(p, g, matched) : check_grouped(p, g, labels, matched);
    unite(g->matched, matched, p->words);
    return ok;
}

/* Applies the operator to a pair; into is a row whose column is the result's (it may be many). */
static bool apply_pair(struct pairing *p, struct gv_match_group *g, const struct gv_row *many, const struct gv_row *one,
                       struct gv_row into)
{
    if (!gv_arena_has_room(&p->temp, p->words * 2 * sizeof(uint64_t), p->env.err))
        return false;
    struct gv_arena_mark start = gv_arena_mark(&p->scratch);
    struct gv_row_op o = {.env = &p->env,
                          .op = p->expr->binary.op,
                          .returns_bool = p->expr->binary.returns_bool,
                          .pos = p->expr->pos,
                          .n = p->n,
                          .matched = gv_arena_zalloc(&p->scratch, p->words * sizeof(uint64_t))};
    const struct gv_labels *labels = result_labels(p, many->labels, one->labels);
    gv_row_apply(&o, p->swapped ? one : many, p->swapped ? many : one, &into);
    bool ok = check_matched(p, g, labels, o.matched);
    into.labels = labels;
    into.drop_name = p->expr->binary.returns_bool;
    if (ok && !gv_row_is_empty(&into, p->n))
        ok = gv_vector_push(&p->env, &p->result, &into);
    gv_arena_rewind(&p->scratch, start);
    return ok && gv_poll(&p->ev->main, p->n);
}

static bool apply_to_copy(struct pairing *p, struct gv_match_group *g, const struct gv_row *many,
                          const struct gv_row *one)
{
    if (!overlap(many->column.present, one->column.present, p->words))
        return true;
    struct gv_row into = {0};
    return gv_row_new(&p->env, &into, p->n) && apply_pair(p, g, many, one, into);
}

/* A row of the fill value at the steps of `where` that are not in `but`, with the match labels of beside. */
static bool fill_row(struct pairing *p, double value, const struct gv_labels *beside, const uint64_t *where,
                     const uint64_t *but, struct gv_row *r)
{
    if (!gv_row_new(&(struct gv_env){.out = &p->scratch, .err = p->env.err}, r, p->n))
        return false;
    r->labels = gv_match_labels(&p->groups, &p->scratch, beside);
    for (uint32_t i = 0; i < p->n; i++)
        r->column.values[i] = value;
    for (size_t w = 0; w < p->words; w++)
        r->column.present[w] = where[w] & ~but[w];
    return true;
}

static bool pair_filled(struct pairing *p, struct gv_match_group *g, const struct gv_row *many)
{
    if (!p->fill_one)
        return true;
    struct gv_arena_mark start = gv_arena_mark(&p->scratch);
    struct gv_row one = {0};
    bool ok = fill_row(p, *p->fill_one, many->labels, many->column.present, g->present, &one) &&
              apply_to_copy(p, g, many, &one);
    gv_arena_rewind(&p->scratch, start);
    return ok;
}

/* All pairs of one row of the many side. The only pair takes over the row's column. */
static bool pair_row(struct pairing *p, struct gv_row *many)
{
    struct gv_match_group *g =
        p->fill_one ? gv_match_at(&p->groups, many->labels) : gv_match_find(&p->groups, many->labels);
    if (!g)
        return true;
    if (g->n_rows == 1 && !p->fill_one)
        return apply_pair(p, g, many, g->rows->row, *many);
    for (const struct gv_match_row *r = g->rows; r; r = r->next)
        if (!apply_to_copy(p, g, many, r->row))
            return false;
    return pair_filled(p, g, many);
}

static bool fill_missing_many(struct pairing *p)
{
    for (struct gv_match_group *g = p->groups.first; p->fill_many && g; g = g->next)
        for (const struct gv_match_row *r = g->rows; r; r = r->next) {
            struct gv_arena_mark start = gv_arena_mark(&p->scratch);
            struct gv_row many = {0};
            bool ok = fill_row(p, *p->fill_many, r->row->labels, r->row->column.present, g->matched, &many) &&
                      apply_to_copy(p, g, &many, r->row);
            gv_arena_rewind(&p->scratch, start);
            if (!ok)
                return false;
        }
    return true;
}

/* ---- Duplicates on the one side ---- */

static bool duplicate_error(struct pairing *p, const struct gv_labels *a, const struct gv_labels *b)
{
    struct gv_buf group = GV_BUF_INIT, first = GV_BUF_INIT, second = GV_BUF_INIT;
    bool in_order = gv_labels_cmp(a, b) <= 0;
    gv_labels_print_set(&group, gv_match_labels(&p->groups, &p->scratch, a));
    gv_labels_print_set(&first, in_order ? a : b);
    gv_labels_print_set(&second, in_order ? b : a);
    gv_fail(p->env.err, GV_EXECUTION,
            "found duplicate series for the match group %s on the %s hand-side of the operation: [%s, %s]"
            ";many-to-many matching not allowed: matching labels must be unique on one side",
            gv_buf_cstr(&group), p->swapped ? "left" : "right", gv_buf_cstr(&first), gv_buf_cstr(&second));
    gv_buf_fini(&group);
    gv_buf_fini(&first);
    gv_buf_fini(&second);
    return false;
}

static bool share_a_step(const uint64_t *a, const uint64_t *b, const uint64_t *among, size_t words)
{
    for (size_t w = 0; w < words; w++)
        if (a[w] & b[w] & among[w])
            return true;
    return false;
}

/* The first row of the group that shares a step with r. */
static const struct gv_row *rival_of(struct pairing *p, const struct gv_match_group *g, const struct gv_row *r,
                                     const uint64_t *among)
{
    const struct gv_match_row *q = g->rows;
    while (!share_a_step(q->row->column.present, r->column.present, among, p->words))
        q = q->next;
    return q->row;
}

static bool check_group(struct pairing *p, const struct gv_match_group *g, const uint64_t *among)
{
    struct gv_arena_mark start = gv_arena_mark(&p->scratch);
    uint64_t *taken = gv_arena_zalloc(&p->scratch, p->words * sizeof *taken);
    for (const struct gv_match_row *r = g->rows; r; r = r->next) {
        if (share_a_step(taken, r->row->column.present, among, p->words))
            return duplicate_error(p, rival_of(p, g, r->row, among)->labels, r->row->labels);
        unite(taken, r->row->column.present, p->words);
    }
    gv_arena_rewind(&p->scratch, start);
    return true;
}

/* Where the many side is empty at a step, duplicates of the other side do not count there. */
static bool check_one_side(struct pairing *p, const struct gv_vector *many)
{
    uint64_t *among = NULL;
    for (const struct gv_match_group *g = p->groups.first; g; g = g->next) {
        if (g->n_rows < 2)
            continue;
        if (!among) {
            among = new_bits(p);
            for (size_t i = 0; i < many->n; i++)
                unite(among, many->rows[i].column.present, p->words);
            if (p->fill_one || p->fill_many)
                memset(among, 0xff, p->words * sizeof *among);
        }
        if (!check_group(p, g, among))
            return false;
    }
    return true;
}

/* ---- The operator ---- */

static void pairing_init(struct pairing *p, struct gv_engine *ev, const struct gv_expr *e, uint32_t n,
                         struct gv_arena *out)
{
    const struct gv_matching *m = &e->binary.matching;
    *p = (struct pairing){.ev = ev, .expr = e, .matching = m, .n = n, .words = gv_bits_words(n)};
    p->swapped = m->card == GV_ONE_TO_MANY;
    /* Prometheus swaps the sides of group_right, but not these two. */
    p->fill_one = m->has_fill_right ? &m->fill_right : NULL;
    p->fill_many = m->has_fill_left ? &m->fill_left : NULL;
    gv_arena_init(&p->temp, ev->options->budget);
    gv_arena_init(&p->scratch, ev->options->budget);
    gv_map_init(&p->by_labels, &p->temp);
    p->env = gv_main_env(ev, out, &p->scratch);
    gv_match_init(&p->groups, &p->temp, m, n);
}

static void pairing_fini(struct pairing *p)
{
    gv_match_fini(&p->groups);
    gv_arena_fini(&p->temp);
    gv_arena_fini(&p->scratch);
}

static bool apply_pairs(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_vector *many,
                        struct gv_vector *one, struct gv_arena *out, struct gv_vector *result)
{
    struct pairing p;
    pairing_init(&p, ev, n->expr, grid.n, out);
    bool ok = gv_match_add_all(&p.groups, one, &ev->main) && check_one_side(&p, many);
    for (size_t i = 0; ok && i < many->n; i++)
        ok = pair_row(&p, &many->rows[i]);
    ok = ok && fill_missing_many(&p);
    *result = p.result;
    pairing_fini(&p);
    return ok && gv_merge_same_labels(ev, result, grid.n, out);
}

/* Both sides; the one whose columns become the result's goes to out, the other to temp. */
static bool eval_sides(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *left,
                       struct gv_arena *right, struct gv_vector *l, struct gv_vector *r)
{
    return gv_eval_vector(ev, n->child[0], grid, left, l) && gv_eval_vector(ev, n->child[1], grid, right, r);
}

bool gv_eval_vector_binary(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid, struct gv_arena *out,
                           struct gv_vector *v)
{
    struct gv_arena temp;
    gv_arena_init(&temp, ev->options->budget);
    int64_t held = ev->main.samples.current;
    struct gv_vector l, r;
    bool right_is_many = n->expr->binary.matching.card == GV_ONE_TO_MANY;
    bool is_or = n->expr->binary.op == GV_OP_OR;
    bool ok = eval_sides(ev, n, grid, right_is_many ? &temp : out, right_is_many || is_or ? out : &temp, &l, &r) &&
              gv_hold_briefly(&ev->main, (int64_t)(l.n + r.n));
    if (ok && gv_op_is_set(n->expr->binary.op)) {
        ok = apply_set(ev, n, grid, &l, &r, out);
        *v = l;
    } else if (ok) {
        ok = apply_pairs(ev, n, grid, right_is_many ? &r : &l, right_is_many ? &l : &r, out, v);
    }
    gv_arena_fini(&temp);
    if (!ok)
        return false;
    int64_t samples = gv_vector_samples(v, grid.n);
    ok = gv_hold_briefly(&ev->main, samples);
    ev->main.samples.current = held;
    return ok && gv_hold(&ev->main, samples);
}
