/* Pieces of printed expressions that the one-line and the broken-up form share. */
#pragma once
#include "base/arena.h"
#include "promql/print.h"

/* Where each node lies in the one-line text, in the order in which nodes are printed: a node before its children. */
struct gv_print_piece {
    size_t start, end; /* of the text */
    size_t next;       /* index of the first piece behind this node and all below it */
};
struct gv_print_map {
    struct gv_arena *arena;
    struct gv_print_piece *pieces;
    size_t n, cap;
};
void gv_print_mapped(struct gv_buf *out, const struct gv_expr *e, struct gv_print_map *map);

void gv_print_aggregate_head(struct gv_buf *out, const struct gv_expr *e); /* `sum by (a) ` */
void gv_print_operator(struct gv_buf *out, const struct gv_expr *e);       /* `== bool on (a) group_left (b)` */
void gv_print_subquery_tail(struct gv_buf *out, const struct gv_expr *e);  /* `[5m:1m] @ 1.000 offset 1m` */
