/* Tree to text. gv_promql_parse(print(e)) equals e. Synchronous, any thread. */
#pragma once
#include "promql/ast.h"

void gv_promql_print(struct gv_buf *out, const struct gv_expr *e);  /* one line, as Prometheus's String() */
void gv_promql_pretty(struct gv_buf *out, const struct gv_expr *e); /* as Prometheus's Prettify(): /format_query */
void gv_promql_json(struct gv_buf *out, const struct gv_expr *e);   /* the AST as /parse_query gives it */
bool gv_expr_equal(const struct gv_expr *a, const struct gv_expr *b); /* but for positions */
