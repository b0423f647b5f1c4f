/* Series in label order (gv_labels_cmp), by their symbols: texts are compared only where symbols differ. Private to
 * head*.c. */
#pragma once
#include "store/head_impl.h"

/* False: the budget is spent. scratch is rewound. */
GV_MUST_CHECK bool head_order(const struct head *h, struct head_series **series, size_t n, struct gv_arena *scratch,
                              struct gv_err *err);
