/* The parts of the documentation that are made from tables: keys, flags, metrics. Any thread. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

/* Copies page (a whole file) to out, with the lines between a line that says "generated: NAME" and the next that says
 * "end of generated" made anew. Names: keys, sample, flags, metrics, man-commands, man-flags. Fails where a name is
 * unknown or an end is missing. */
GV_MUST_CHECK bool gv_docs_fill(struct gv_slice page, struct gv_buf *out, struct gv_err *err);
