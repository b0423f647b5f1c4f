/* Results against expectations. Each returns false with what was expected and what came in why. */
#pragma once
#include "model/column.h"
#include "script.h"

bool compare_result(const struct eval *e, const struct gv_result *r, struct gv_buf *why);
/* The step at `time` of a range query, as if it were the result of an instant query. scalar: of a scalar one. */
bool compare_step(const struct eval *e, const struct gv_result *r, int64_t time, bool scalar, struct gv_buf *why);
bool compare_notes(const struct eval *e, const struct gv_annotations *notes, struct gv_buf *why);
bool compare_failure(const struct eval *e, const char *message, struct gv_buf *why);
