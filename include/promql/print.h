/* Tree to text. gv_promql_parse(print(e)) equals e. Synchronous, any thread. */
#pragma once
#include "promql/ast.h"

void gv_promql_print(struct gv_buf *out, const struct gv_expr *e); /* one line, as Prometheus's String() */
/* As gv_promql_print, but for text that is sent on: matchers in the order written (absent() walks them in order) and
 * `by ()` kept. */
void gv_promql_print_sent(struct gv_buf *out, const struct gv_expr *e);
/* The same, and where in the text each node begins, by that place: for positions in what a backend says of it. */
struct gv_sent_spot {
    uint32_t sent; /* byte offset in out */
    const struct gv_expr *node;
};
struct gv_sent_spots {
    struct gv_arena *arena;
    struct gv_sent_spot *at;
    size_t n, cap;
};
void gv_promql_print_sent_spots(struct gv_buf *out, const struct gv_expr *e, struct gv_sent_spots *spots);
void gv_promql_pretty(struct gv_buf *out, const struct gv_expr *e); /* as Prometheus's Prettify(): /format_query */
void gv_promql_json(struct gv_buf *out, const struct gv_expr *e);   /* the AST as /parse_query gives it */
/* But for positions, the order of matchers, and whether an empty `by ()` or `ignoring ()` is written. */
bool gv_expr_equal(const struct gv_expr *a, const struct gv_expr *b);
