/* Tree to one line of text, as Prometheus's String() prints it. Where that text would mean another tree (a negative
 * number under `^`, operands whose parentheses a planner took away), parentheses are put in. */
#include "promql/print.h"
#include "base/duration.h"
#include "base/number.h"
#include "promql/functions.h"
#include "promql/print_map.h"
#include <math.h>
#include <stdlib.h>
#include <strings.h>

struct printer {
    struct gv_buf *out;
    struct gv_print_map *map;              /* or NULL */
    struct gv_sent_spots *spots;           /* or NULL */
    bool as_sent;                          /* matchers in the order written, empty groupings kept */
    bool as_base;                          /* left of ^: the sign of +Inf would take the whole power */
    const struct gv_expr *before_operator; /* the node that an arithmetic operator follows, or NULL */
};

static void print(struct printer *p, const struct gv_expr *e);

/* ---- Numbers and times ---- */

static void add_plain_number(struct gv_buf *out, double v)
{
    char text[GV_DOUBLE_F_MAX];
    gv_buf_add(out, text, gv_double_format_f(text, v));
}

static void add_number(struct gv_buf *out, const struct gv_expr *e)
{
    if (!e->number.is_duration) {
        add_plain_number(out, e->number.value);
        return;
    }
    gv_buf_adds(out, signbit(e->number.value) ? "-" : "");
    gv_duration_print(out, llround(fabs(e->number.value) * 1000));
}

static void add_duration_expr(struct gv_buf *out, const struct gv_expr *e);

static void add_operand(struct gv_buf *out, const struct gv_expr *e, bool negative_base)
{
    gv_buf_adds(out, negative_base ? "(" : "");
    add_duration_expr(out, e);
    gv_buf_adds(out, negative_base ? ")" : "");
}

static void add_duration_node(struct gv_buf *out, const struct gv_expr *e)
{
    enum gv_op op = e->duration.op;
    const struct gv_expr *lhs = e->duration.lhs, *rhs = e->duration.rhs;
    bool call = op == GV_OP_STEP || op == GV_OP_RANGE || op == GV_OP_MIN || op == GV_OP_MAX;
    if (call)
        gv_buf_printf(out, "%s(", gv_op_text(op));
    if (lhs)
        add_operand(out, lhs, op == GV_OP_POW && lhs->kind == GV_EXPR_NUMBER && signbit(lhs->number.value));
    if (!call)
        gv_buf_printf(out, lhs ? " %s " : "%s", gv_op_text(op));
    else if (lhs)
        gv_buf_adds(out, ", ");
    if (rhs)
        add_duration_expr(out, rhs);
    if (call)
        gv_buf_addc(out, ')');
}

static void add_duration_expr(struct gv_buf *out, const struct gv_expr *e)
{
    if (e->kind == GV_EXPR_NUMBER) {
        add_number(out, e);
        return;
    }
    gv_buf_adds(out, e->duration.wrapped ? "(" : "");
    add_duration_node(out, e);
    gv_buf_adds(out, e->duration.wrapped ? ")" : "");
}

static void add_range(struct gv_buf *out, int64_t ms, const struct gv_expr *e)
{
    if (e)
        add_duration_expr(out, e);
    else
        gv_duration_print(out, ms);
}

static void add_at(struct gv_buf *out, const struct gv_time_shift *shift)
{
    if (shift->at == GV_AT_TIME)
        gv_buf_printf(out, " @ %.3f", (double)shift->at_ms / 1000);
    else if (shift->at != GV_AT_NONE)
        gv_buf_adds(out, shift->at == GV_AT_START ? " @ start()" : " @ end()");
}

/* Behind `offset (...)` an arithmetic operator would be read as part of the duration; behind `offset +(...)` not. */
static void add_offset(struct gv_buf *out, const struct gv_time_shift *shift, bool operator_follows)
{
    if (!shift->offset_expr && shift->offset_ms == 0)
        return;
    gv_buf_adds(out, " offset ");
    if (shift->offset_expr && shift->offset_expr->duration.wrapped && operator_follows)
        gv_buf_addc(out, '+');
    if (shift->offset_expr)
        add_duration_expr(out, shift->offset_expr);
    else
        gv_duration_print(out, shift->offset_ms);
}

static void add_extended(struct gv_buf *out, enum gv_range_kind kind)
{
    if (kind != GV_RANGE_PLAIN)
        gv_buf_adds(out, kind == GV_RANGE_ANCHORED ? " anchored" : " smoothed");
}

/* ---- Selectors ---- */

static bool is_the_name(const struct gv_selector *s, const struct gv_matcher *m)
{
    return s->name.n && m->type == GV_MATCH_EQ && gv_slice_eq(m->name, GV_LABEL_NAME) && gv_slice_eq(m->value, s->name);
}

static int by_text(const void *a, const void *b)
{
    return gv_slice_cmp(*(const struct gv_slice *)a, *(const struct gv_slice *)b);
}

static void add_matchers(struct printer *p, const struct gv_selector *s)
{
    struct gv_buf texts = GV_BUF_INIT;
    size_t *ends = calloc(s->n_matchers + 1, sizeof *ends);
    struct gv_slice *items = calloc(s->n_matchers + 1, sizeof *items);
    size_t n = 0;
    if (!ends || !items)
        gv_die("out of memory: %zu matchers", s->n_matchers);
    for (size_t i = 0; i < s->n_matchers; i++) {
        if (is_the_name(s, &s->matchers[i]))
            continue;
        gv_matcher_print(&texts, &s->matchers[i]);
        ends[n++] = texts.n;
    }
    for (size_t i = 0; i < n; i++) {
        size_t start = i ? ends[i - 1] : 0;
        items[i] = (struct gv_slice){texts.p + start, ends[i] - start};
    }
    if (!p->as_sent)
        qsort(items, n, sizeof *items, by_text);
    for (size_t i = 0; i < n; i++) {
        gv_buf_addc(p->out, i ? ',' : '{');
        gv_buf_add_slice(p->out, items[i]);
    }
    if (n || !s->name.n)
        gv_buf_adds(p->out, n ? "}" : "{}");
    free(ends);
    free(items);
    gv_buf_fini(&texts);
}

static void print_selector(struct printer *p, const struct gv_selector *s)
{
    gv_buf_add_slice(p->out, s->name);
    add_matchers(p, s);
}

static void print_instant(struct printer *p, const struct gv_expr *e)
{
    const struct gv_selector *s = &e->selector;
    print_selector(p, s);
    add_at(p->out, &s->shift);
    add_extended(p->out, s->extended);
    add_offset(p->out, &s->shift, e == p->before_operator);
}

static void print_matrix(struct printer *p, const struct gv_expr *e)
{
    const struct gv_selector *s = &e->matrix.selector->selector;
    print_selector(p, s);
    gv_buf_addc(p->out, '[');
    add_range(p->out, e->matrix.range_ms, e->matrix.range_expr);
    gv_buf_addc(p->out, ']');
    add_extended(p->out, s->extended);
    add_at(p->out, &s->shift);
    add_offset(p->out, &s->shift, e == p->before_operator);
}

static void add_subquery_tail(struct gv_buf *out, const struct gv_expr *e, bool operator_follows)
{
    gv_buf_addc(out, '[');
    add_range(out, e->subquery.range_ms, e->subquery.range_expr);
    gv_buf_addc(out, ':');
    if (e->subquery.step_ms || e->subquery.step_expr)
        add_range(out, e->subquery.step_ms, e->subquery.step_expr);
    gv_buf_addc(out, ']');
    add_at(out, &e->subquery.shift);
    add_offset(out, &e->subquery.shift, operator_follows);
}

void gv_print_subquery_tail(struct gv_buf *out, const struct gv_expr *e)
{
    add_subquery_tail(out, e, true);
}

/* ---- Lists of labels, heads ---- */

/* Words that a label list takes only in quotes. */
static bool needs_quotes(struct gv_slice label)
{
    static const char *const words[] = {"inf", "nan", "without"};
    for (size_t i = 0; i < GV_COUNT(words); i++) {
        if (strlen(words[i]) == label.n && strncasecmp(words[i], label.p, label.n) == 0)
            return true;
    }
    return false;
}

static void add_labels(struct gv_buf *out, const char *before, const struct gv_slice *labels, size_t n)
{
    gv_buf_printf(out, " %s (", before);
    for (size_t i = 0; i < n; i++) {
        gv_buf_adds(out, i ? ", " : "");
        if (needs_quotes(labels[i]))
            gv_buf_add_quoted(out, labels[i]);
        else
            gv_label_name_print(out, labels[i]);
    }
    gv_buf_addc(out, ')');
}

static void add_aggregate_head(struct gv_buf *out, const struct gv_expr *e, bool as_sent)
{
    gv_buf_adds(out, e->aggregate.op->name);
    if (!e->aggregate.without && !e->aggregate.n_grouping && !(as_sent && e->aggregate.grouping_written))
        return;
    add_labels(out, e->aggregate.without ? "without" : "by", e->aggregate.grouping, e->aggregate.n_grouping);
    gv_buf_addc(out, ' ');
}

void gv_print_aggregate_head(struct gv_buf *out, const struct gv_expr *e)
{
    add_aggregate_head(out, e, false);
}

static void add_fill(struct gv_buf *out, const char *name, double value)
{
    char text[GV_DOUBLE_MAX];
    gv_double_format_g(text, value);
    gv_buf_printf(out, " %s (%s)", name, text);
}

static void add_fills(struct gv_buf *out, const struct gv_matching *m)
{
    bool same = m->fill_left == m->fill_right && !signbit(m->fill_left) == !signbit(m->fill_right);
    if (m->has_fill_left && m->has_fill_right && same) {
        add_fill(out, "fill", m->fill_left);
        return;
    }
    if (m->has_fill_left)
        add_fill(out, "fill_left", m->fill_left);
    if (m->has_fill_right)
        add_fill(out, "fill_right", m->fill_right);
}

void gv_print_operator(struct gv_buf *out, const struct gv_expr *e)
{
    const struct gv_matching *m = &e->binary.matching;
    bool groups = m->card == GV_MANY_TO_ONE || m->card == GV_ONE_TO_MANY;
    gv_buf_adds(out, gv_op_text(e->binary.op));
    gv_buf_adds(out, e->binary.returns_bool ? " bool" : "");
    if (m->n_labels || m->on || groups)
        add_labels(out, m->on ? "on" : "ignoring", m->labels, m->n_labels);
    if (groups)
        add_labels(out, m->card == GV_MANY_TO_ONE ? "group_left" : "group_right", m->include, m->n_include);
    add_fills(out, m);
}

/* ---- Nodes ---- */

static void print_aggregate(struct printer *p, const struct gv_expr *e)
{
    add_aggregate_head(p->out, e, p->as_sent);
    gv_buf_addc(p->out, '(');
    if (e->aggregate.param) {
        print(p, e->aggregate.param);
        gv_buf_adds(p->out, ", ");
    }
    print(p, e->aggregate.expr);
    gv_buf_addc(p->out, ')');
}

static void print_call(struct printer *p, const struct gv_expr *e)
{
    gv_buf_printf(p->out, "%s(", e->call.function->name);
    for (size_t i = 0; i < e->call.n_args; i++) {
        gv_buf_adds(p->out, i ? ", " : "");
        print(p, e->call.args[i]);
    }
    gv_buf_addc(p->out, ')');
}

/* An operand that would not come back as one: only in trees that were not parsed. floor: the weakest operator that
 * may stand there bare. */
static bool falls_apart(const struct gv_expr *e, unsigned floor)
{
    if (e->kind == GV_EXPR_BINARY)
        return gv_op_precedence(e->binary.op) < floor;
    bool signed_operand = e->kind == GV_EXPR_UNARY || (e->kind == GV_EXPR_NUMBER && signbit(e->number.value));
    return signed_operand && floor > GV_PREC_MUL;
}

static void print_operand(struct printer *p, const struct gv_expr *e, bool in_parens)
{
    gv_buf_adds(p->out, in_parens ? "(" : "");
    print(p, e);
    gv_buf_adds(p->out, in_parens ? ")" : "");
}

static const struct gv_expr *last_operand(const struct gv_expr *e)
{
    while (e->kind == GV_EXPR_BINARY || e->kind == GV_EXPR_UNARY)
        e = e->kind == GV_EXPR_BINARY ? e->binary.rhs : e->unary.expr;
    return e;
}

static void print_binary(struct printer *p, const struct gv_expr *e)
{
    const struct gv_expr *lhs = e->binary.lhs, *rhs = e->binary.rhs;
    enum gv_op op = e->binary.op;
    unsigned precedence = gv_op_precedence(op);
    const struct gv_expr *before = p->before_operator;
    p->as_base = op == GV_OP_POW;
    p->before_operator = op >= GV_OP_ADD && op <= GV_OP_POW ? last_operand(lhs) : NULL;
    print_operand(p, lhs, falls_apart(lhs, op == GV_OP_POW ? precedence + 1 : precedence));
    p->as_base = false;
    p->before_operator = before;
    gv_buf_addc(p->out, ' ');
    gv_print_operator(p->out, e);
    gv_buf_addc(p->out, ' ');
    print_operand(p, rhs,
                  rhs->kind == GV_EXPR_BINARY && falls_apart(rhs, op == GV_OP_POW ? precedence : precedence + 1));
}

static void print_node(struct printer *p, const struct gv_expr *e)
{
    switch (e->kind) {
    case GV_EXPR_NUMBER:
        if (p->as_base && e->number.value == INFINITY)
            gv_buf_adds(p->out, "Inf");
        else
            add_number(p->out, e);
        break;
    case GV_EXPR_STRING:
        gv_buf_add_quoted(p->out, e->string.value);
        break;
    case GV_EXPR_SELECTOR:
        print_instant(p, e);
        break;
    case GV_EXPR_MATRIX:
        print_matrix(p, e);
        break;
    case GV_EXPR_SUBQUERY:
        print_operand(p, e->subquery.expr, falls_apart(e->subquery.expr, GV_PREC_POW + 1));
        add_subquery_tail(p->out, e, e == p->before_operator);
        break;
    case GV_EXPR_CALL:
        print_call(p, e);
        break;
    case GV_EXPR_AGGREGATE:
        print_aggregate(p, e);
        break;
    case GV_EXPR_BINARY:
        print_binary(p, e);
        break;
    case GV_EXPR_UNARY:
        gv_buf_adds(p->out, gv_op_text(e->unary.op));
        print_operand(p, e->unary.expr,
                      e->unary.expr->kind == GV_EXPR_BINARY && falls_apart(e->unary.expr, GV_PREC_POW));
        break;
    case GV_EXPR_PAREN:
        gv_buf_addc(p->out, '(');
        print(p, e->paren.expr);
        gv_buf_addc(p->out, ')');
        break;
    case GV_EXPR_DURATION:
        add_duration_expr(p->out, e);
        break;
    case GV_EXPR_FEED:
        print(p, e->feed.origin);
        break;
    }
}

static void print(struct printer *p, const struct gv_expr *e)
{
    struct gv_print_map *map = p->map;
    size_t index = map ? map->n : 0;
    if (map)
        gv_push(map->arena, map->pieces, map->n, map->cap) = (struct gv_print_piece){.start = p->out->n};
    if (p->spots)
        gv_push(p->spots->arena, p->spots->at, p->spots->n, p->spots->cap) =
            (struct gv_sent_spot){(uint32_t)p->out->n, e};
    if (e->kind != GV_EXPR_NUMBER)
        p->as_base = false;
    print_node(p, e);
    if (map) {
        map->pieces[index].end = p->out->n;
        map->pieces[index].next = map->n;
    }
}

void gv_promql_print(struct gv_buf *out, const struct gv_expr *e)
{
    print(&(struct printer){.out = out}, e);
}

void gv_promql_print_sent(struct gv_buf *out, const struct gv_expr *e)
{
    print(&(struct printer){.out = out, .as_sent = true}, e);
}

void gv_promql_print_sent_spots(struct gv_buf *out, const struct gv_expr *e, struct gv_sent_spots *spots)
{
    print(&(struct printer){.out = out, .as_sent = true, .spots = spots}, e);
}

void gv_print_mapped(struct gv_buf *out, const struct gv_expr *e, struct gv_print_map *map)
{
    print(&(struct printer){.out = out, .map = map}, e);
}
