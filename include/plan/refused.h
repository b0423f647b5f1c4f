/* What a backend did not understand of a text that was checked here: it is older, or a feature of it is off. A
 * construct is a number: of a function that the backend's message names, else of how the whole text is built (names of
 * metrics and labels do not count, nor do numbers and times). Pure. */
#pragma once
#include "promql/ast.h"

/* Of an ask's tree, for struct gv_plan_source's `refused`. 0: a selector alone, which is all that can be sent. */
uint64_t gv_plan_construct(const struct gv_expr *sent, const char *message);
