/* What the readers and the printers of option rows share. */
#pragma once
#include "base/option.h"

/* v in the row's notation: 90000 of a duration is 1m30s; the words of a row for -1, -2, ... */
void gv_option_print_number(struct gv_buf *out, const struct gv_option *row, double v);
