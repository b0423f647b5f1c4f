/* Tree to text of several lines, as Prometheus's Prettify(): a node that does not fit into 100 columns is broken up,
 * its operands indented by two. The one-line text is made once; what fits is cut out of it. */
#include "promql/functions.h"
#include "promql/print_map.h"

enum { MAX_COLUMNS = 100, INDENT = 2 };

struct pretty {
    struct gv_buf *out;
    struct gv_slice line; /* the whole expression on one line */
    const struct gv_print_map *map;
    size_t at;  /* the piece that comes next */
    bool glued; /* the next indentation falls away: a sign stands there */
};

static void put(struct pretty *p, const struct gv_expr *e, unsigned level);

static void indent(struct pretty *p, unsigned level)
{
    for (unsigned i = 0; i < level && !p->glued; i++)
        gv_buf_add(p->out, "    ", INDENT);
    p->glued = false;
}

static const struct gv_print_piece *here(const struct pretty *p)
{
    return &p->map->pieces[p->at];
}

static bool fits(const struct pretty *p)
{
    return here(p)->end - here(p)->start <= MAX_COLUMNS;
}

static void put_whole(struct pretty *p)
{
    const struct gv_print_piece *piece = here(p);
    gv_buf_add(p->out, p->line.p + piece->start, piece->end - piece->start);
    p->at = piece->next;
}

static void break_line(struct pretty *p, const char *before)
{
    gv_buf_adds(p->out, before);
    gv_buf_addc(p->out, '\n');
}

static void close_paren(struct pretty *p, unsigned level)
{
    gv_buf_addc(p->out, '\n');
    indent(p, level);
    gv_buf_addc(p->out, ')');
}

static void put_aggregate(struct pretty *p, const struct gv_expr *e, unsigned level)
{
    indent(p, level);
    gv_print_aggregate_head(p->out, e);
    break_line(p, "(");
    if (e->aggregate.param) {
        put(p, e->aggregate.param, level + 1);
        break_line(p, ",");
    }
    put(p, e->aggregate.expr, level + 1);
    close_paren(p, level);
}

static void put_call(struct pretty *p, const struct gv_expr *e, unsigned level)
{
    indent(p, level);
    gv_buf_adds(p->out, e->call.function->name);
    break_line(p, "(");
    for (size_t i = 0; i < e->call.n_args; i++) {
        if (i)
            break_line(p, ",");
        put(p, e->call.args[i], level + 1);
    }
    close_paren(p, level);
}

static void put_binary(struct pretty *p, const struct gv_expr *e, unsigned level)
{
    put(p, e->binary.lhs, level + 1);
    gv_buf_addc(p->out, '\n');
    indent(p, level);
    gv_print_operator(p->out, e);
    gv_buf_addc(p->out, '\n');
    put(p, e->binary.rhs, level + 1);
}

static void put_broken(struct pretty *p, const struct gv_expr *e, unsigned level)
{
    p->at++;
    switch (e->kind) {
    case GV_EXPR_AGGREGATE:
        put_aggregate(p, e, level);
        break;
    case GV_EXPR_CALL:
        put_call(p, e, level);
        break;
    case GV_EXPR_BINARY:
        put_binary(p, e, level);
        break;
    case GV_EXPR_SUBQUERY:
        put(p, e->subquery.expr, level);
        gv_print_subquery_tail(p->out, e);
        break;
    case GV_EXPR_UNARY:
        indent(p, level);
        gv_buf_adds(p->out, gv_op_text(e->unary.op));
        p->glued = true;
        put(p, e->unary.expr, level);
        break;
    default:
        indent(p, level);
        break_line(p, "(");
        put(p, e->paren.expr, level + 1);
        close_paren(p, level);
    }
}

static bool can_break(enum gv_expr_kind kind)
{
    return kind == GV_EXPR_AGGREGATE || kind == GV_EXPR_CALL || kind == GV_EXPR_BINARY || kind == GV_EXPR_SUBQUERY ||
           kind == GV_EXPR_UNARY || kind == GV_EXPR_PAREN;
}

static void put(struct pretty *p, const struct gv_expr *e, unsigned level)
{
    if (can_break(e->kind) && !fits(p)) {
        put_broken(p, e, level);
        return;
    }
    if (e->kind != GV_EXPR_SUBQUERY || p->glued) /* Prometheus does not indent a subquery that fits */
        indent(p, level);
    put_whole(p);
}

void gv_promql_pretty(struct gv_buf *out, const struct gv_expr *e)
{
    struct gv_arena arena;
    struct gv_buf line = GV_BUF_INIT;
    gv_arena_init(&arena, NULL);
    struct gv_print_map map = {.arena = &arena};
    gv_print_mapped(&line, e, &map);
    put(&(struct pretty){.out = out, .line = gv_buf_slice(&line), .map = &map}, e, 0);
    gv_buf_fini(&line);
    gv_arena_fini(&arena);
}
