/* Text to tree: lexer, precedence climbing, type check. Synchronous, any thread. */
#pragma once
#include "promql/ast.h"

/* Language features that are off by default, by Prometheus's --enable-feature names. */
enum gv_promql_feature {
    GV_FEATURE_EXPERIMENTAL_FUNCTIONS = 1 << 0,   /* promql-experimental-functions */
    GV_FEATURE_EXTENDED_RANGE_SELECTORS = 1 << 1, /* promql-extended-range-selectors */
    GV_FEATURE_BINOP_FILL_MODIFIERS = 1 << 2,     /* promql-binop-fill-modifiers */
    GV_FEATURE_DELAYED_NAME_REMOVAL = 1 << 3,     /* promql-delayed-name-removal */
    GV_FEATURE_USE_START_TIMESTAMPS = 1 << 4,     /* use-start-timestamps */
    GV_FEATURE_TYPE_AND_UNIT_LABELS = 1 << 5,     /* type-and-unit-labels */
    GV_FEATURE_DURATION_EXPR = 1 << 6             /* promql-duration-expr: on by default in 3.14, accepted as a name */
};
unsigned gv_promql_feature_named(struct gv_slice name); /* 0: unknown */
const char *gv_promql_feature_at(size_t i);             /* the i-th name; NULL behind the last */

enum {
    GV_QUERY_MAX_BYTES = 512 << 10, /* longer texts are refused unread */
    GV_QUERY_MAX_DEPTH = 1000       /* nesting of brackets and operators */
};

/* Fails with GV_BAD_DATA and "line:col: parse error: ..." in Prometheus's words. */
GV_MUST_CHECK struct gv_expr *gv_promql_parse(struct gv_arena *a, struct gv_slice text, unsigned features,
                                              struct gv_err *err);
/* The list of matchers of a match[] parameter: a lone instant selector without modifiers. Refuses one whose matchers
 * all match the empty value. */
GV_MUST_CHECK struct gv_selector *gv_promql_parse_selector(struct gv_arena *a, struct gv_slice text,
                                                           struct gv_err *err);
/* One that may match everything, too: then it gets a matcher for any name, without which no series is. */
GV_MUST_CHECK struct gv_selector *gv_promql_parse_any_selector(struct gv_arena *a, struct gv_slice text,
                                                               struct gv_err *err);
/* One metric with its labels, `name{a="b"}` (test scripts). */
GV_MUST_CHECK const struct gv_labels *gv_promql_parse_metric(struct gv_arena *a, struct gv_slice text, size_t *used,
                                                             struct gv_err *err);

/* The position of an annotation, "line:col" with 1-based line and byte column, of an offset in text. */
void gv_promql_line_col(struct gv_slice text, uint32_t offset, unsigned *line, unsigned *col);
