/* Tree to JSON, in the shape of Prometheus's /api/v1/parse_query: one object per node with a "type", keys in byte
 * order. */
#include "base/number.h"
#include "promql/functions.h"
#include "promql/print.h"
#include <math.h>

/* Opens an object with the first key, or goes on to another one. */
static void key(struct gv_buf *out, const char *name)
{
    char last = out->n ? out->p[out->n - 1] : '\0';
    gv_buf_printf(out, "%s\"%s\":", last == '{' ? "" : ",", name);
}

static void text(struct gv_buf *out, const char *name, struct gv_slice value)
{
    key(out, name);
    gv_buf_add_json(out, value);
}

static void flag(struct gv_buf *out, const char *name, bool value)
{
    key(out, name);
    gv_buf_adds(out, value ? "true" : "false");
}

static void integer(struct gv_buf *out, const char *name, int64_t value)
{
    key(out, name);
    gv_buf_add_int(out, value);
}

static void node(struct gv_buf *out, const char *name, const struct gv_expr *e)
{
    key(out, name);
    if (e)
        gv_promql_json(out, e);
    else
        gv_buf_adds(out, "null");
}

static void list(struct gv_buf *out, const char *name, const struct gv_slice *items, size_t n)
{
    key(out, name);
    gv_buf_addc(out, '[');
    for (size_t i = 0; i < n; i++) {
        gv_buf_adds(out, i ? "," : "");
        gv_buf_add_json(out, items[i]);
    }
    gv_buf_addc(out, ']');
}

static void plain_number(struct gv_buf *out, const char *name, double value)
{
    char digits[GV_DOUBLE_F_MAX];
    gv_double_format_f(digits, value);
    text(out, name, gv_slice_of(digits));
}

static void type(struct gv_buf *out, const char *name)
{
    text(out, "type", gv_slice_of(name));
}

/* ---- Durations ---- */

static void put_duration(struct gv_buf *out, const struct gv_expr *e);

static void duration(struct gv_buf *out, const char *name, const struct gv_expr *e)
{
    key(out, name);
    if (e)
        put_duration(out, e);
    else
        gv_buf_adds(out, "null");
}

/* Numbers in here say whether they were written as durations; elsewhere they do not. */
static void put_duration(struct gv_buf *out, const struct gv_expr *e)
{
    gv_buf_addc(out, '{');
    if (e->kind == GV_EXPR_NUMBER) {
        flag(out, "duration", e->number.is_duration);
        type(out, "numberLiteral");
        plain_number(out, "val", e->number.value);
    } else {
        duration(out, "lhs", e->duration.lhs);
        text(out, "op", gv_slice_of(gv_op_text(e->duration.op)));
        duration(out, "rhs", e->duration.rhs);
        type(out, "durationExpr");
        flag(out, "wrapped", e->duration.wrapped);
    }
    gv_buf_addc(out, '}');
}

/* ---- Selectors and times ---- */

static void matchers(struct gv_buf *out, const struct gv_selector *s)
{
    key(out, "matchers");
    gv_buf_addc(out, '[');
    for (size_t i = 0; i < s->n_matchers; i++) {
        gv_buf_adds(out, i ? ",{" : "{");
        text(out, "name", s->matchers[i].name);
        text(out, "type", gv_slice_of(gv_match_type_text(s->matchers[i].type)));
        text(out, "value", s->matchers[i].value);
        gv_buf_addc(out, '}');
    }
    gv_buf_addc(out, ']');
}

static void start_or_end(struct gv_buf *out, const struct gv_time_shift *shift)
{
    key(out, "startOrEnd");
    gv_buf_adds(out, shift->at == GV_AT_START ? "\"start\"" : shift->at == GV_AT_END ? "\"end\"" : "null");
}

static void timestamp(struct gv_buf *out, const struct gv_time_shift *shift)
{
    key(out, "timestamp");
    if (shift->at == GV_AT_TIME)
        gv_buf_add_int(out, shift->at_ms);
    else
        gv_buf_adds(out, "null");
}

static void offset(struct gv_buf *out, const struct gv_time_shift *shift)
{
    integer(out, "offset", shift->offset_ms);
    duration(out, "offsetExpr", shift->offset_expr);
}

static void selector(struct gv_buf *out, const struct gv_selector *s, const struct gv_expr *matrix)
{
    flag(out, "anchored", s->extended == GV_RANGE_ANCHORED);
    matchers(out, s);
    text(out, "name", s->name);
    offset(out, &s->shift);
    if (matrix) {
        integer(out, "range", matrix->matrix.range_ms);
        duration(out, "rangeExpr", matrix->matrix.range_expr);
    }
    flag(out, "smoothed", s->extended == GV_RANGE_SMOOTHED);
    start_or_end(out, &s->shift);
    timestamp(out, &s->shift);
    type(out, matrix ? "matrixSelector" : "vectorSelector");
}

static void subquery(struct gv_buf *out, const struct gv_expr *e)
{
    node(out, "expr", e->subquery.expr);
    offset(out, &e->subquery.shift);
    integer(out, "range", e->subquery.range_ms);
    duration(out, "rangeExpr", e->subquery.range_expr);
    start_or_end(out, &e->subquery.shift);
    integer(out, "step", e->subquery.step_ms);
    duration(out, "stepExpr", e->subquery.step_expr);
    timestamp(out, &e->subquery.shift);
    type(out, "subquery");
}

/* ---- Operands ---- */

static void call(struct gv_buf *out, const struct gv_expr *e)
{
    const struct gv_function *f = e->call.function;
    key(out, "args");
    gv_buf_addc(out, '[');
    for (size_t i = 0; i < e->call.n_args; i++) {
        gv_buf_adds(out, i ? "," : "");
        gv_promql_json(out, e->call.args[i]);
    }
    gv_buf_addc(out, ']');
    struct gv_slice args[GV_FN_MAX_TYPED_ARGS];
    for (unsigned i = 0; i < f->n_args; i++)
        args[i] = gv_slice_of(gv_value_type_short(f->args[i]));
    key(out, "func");
    gv_buf_addc(out, '{');
    list(out, "argTypes", args, f->n_args);
    text(out, "name", gv_slice_of(f->name));
    text(out, "returnType", gv_slice_of(gv_value_type_short(f->returns)));
    integer(out, "variadic", f->variadic);
    gv_buf_addc(out, '}');
    type(out, "call");
}

static void aggregate(struct gv_buf *out, const struct gv_expr *e)
{
    node(out, "expr", e->aggregate.expr);
    list(out, "grouping", e->aggregate.grouping, e->aggregate.n_grouping);
    text(out, "op", gv_slice_of(e->aggregate.op->name));
    node(out, "param", e->aggregate.param);
    type(out, "aggregation");
    flag(out, "without", e->aggregate.without);
}

/* JSON has no text for values that are not finite: those are null. */
static void fill(struct gv_buf *out, const char *name, bool given, double value)
{
    key(out, name);
    if (given && isfinite(value))
        gv_buf_add_double(out, value);
    else
        gv_buf_adds(out, "null");
}

static void matching(struct gv_buf *out, const struct gv_matching *m)
{
    static const char *const cards[] = {[GV_ONE_TO_ONE] = "one-to-one",
                                        [GV_MANY_TO_ONE] = "many-to-one",
                                        [GV_ONE_TO_MANY] = "one-to-many",
                                        [GV_MANY_TO_MANY] = "many-to-many"};
    gv_buf_addc(out, '{');
    text(out, "card", gv_slice_of(cards[m->card]));
    key(out, "fillValues");
    gv_buf_addc(out, '{');
    fill(out, "lhs", m->has_fill_left, m->fill_left);
    fill(out, "rhs", m->has_fill_right, m->fill_right);
    gv_buf_addc(out, '}');
    list(out, "include", m->include, m->n_include);
    list(out, "labels", m->labels, m->n_labels);
    flag(out, "on", m->on);
    gv_buf_addc(out, '}');
}

static void binary(struct gv_buf *out, const struct gv_expr *e)
{
    bool vectors = e->binary.lhs->type == GV_TYPE_VECTOR && e->binary.rhs->type == GV_TYPE_VECTOR;
    flag(out, "bool", e->binary.returns_bool);
    node(out, "lhs", e->binary.lhs);
    key(out, "matching");
    if (vectors)
        matching(out, &e->binary.matching);
    else
        gv_buf_adds(out, "null");
    text(out, "op", gv_slice_of(gv_op_text(e->binary.op)));
    node(out, "rhs", e->binary.rhs);
    type(out, "binaryExpr");
}

static void put(struct gv_buf *out, const struct gv_expr *e)
{
    switch (e->kind) {
    case GV_EXPR_NUMBER:
        type(out, "numberLiteral");
        plain_number(out, "val", e->number.value);
        break;
    case GV_EXPR_STRING:
        type(out, "stringLiteral");
        text(out, "val", e->string.value);
        break;
    case GV_EXPR_SELECTOR:
        selector(out, &e->selector, NULL);
        break;
    case GV_EXPR_MATRIX:
        selector(out, &e->matrix.selector->selector, e);
        break;
    case GV_EXPR_SUBQUERY:
        subquery(out, e);
        break;
    case GV_EXPR_CALL:
        call(out, e);
        break;
    case GV_EXPR_AGGREGATE:
        aggregate(out, e);
        break;
    case GV_EXPR_BINARY:
        binary(out, e);
        break;
    case GV_EXPR_UNARY:
        node(out, "expr", e->unary.expr);
        text(out, "op", gv_slice_of(gv_op_text(e->unary.op)));
        type(out, "unaryExpr");
        break;
    case GV_EXPR_PAREN:
        node(out, "expr", e->paren.expr);
        type(out, "parenExpr");
        break;
    case GV_EXPR_DURATION:
    case GV_EXPR_FEED:
        gv_die("an expression of kind %d stands for itself", (int)e->kind); /* never parsed there */
    }
}

void gv_promql_json(struct gv_buf *out, const struct gv_expr *e)
{
    gv_buf_addc(out, '{');
    put(out, e);
    gv_buf_addc(out, '}');
}
