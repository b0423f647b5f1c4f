/* The time at which info() looks up info series. Pure. */
#pragma once
#include "promql/ast.h"

/* The `@` and offset that every selector below v has in common, as the shift of the info selector. Where they differ,
 * or a part of v comes from no selector: no shift, info series are those of the evaluation time. */
struct gv_time_shift gv_info_shift(const struct gv_expr *v);
