/* Where the evaluator's series come from: a vtable that the embedded store, test storage and the answers of remote
 * reads implement. Selecting and pulling never block on a socket. */
#pragma once
#include "model/column.h"
#include "model/select.h"

/* A pull cursor over one partition, confined to one thread, in label order (gv_labels_cmp). */
struct gv_cursor;
struct gv_cursor_ops {
    /* 1: *series filled, valid until the next call (its column RAW or CHUNKS); 0: at the end; -1: failed with err.
     * scratch: an arena of the calling thread for what is decoded; the caller rewinds it between series. */
    int (*next)(struct gv_cursor *c, struct gv_arena *scratch, struct gv_series *series, struct gv_err *err);
    void (*close)(struct gv_cursor *c);
};
struct gv_cursor {
    const struct gv_cursor_ops *ops;
};

struct gv_source;
struct gv_source_ops {
    /* Makes 1..max cursors: partition i holds only series that sort before those of partition i+1. */
    bool (*select)(struct gv_source *s, struct gv_arena *a, const struct gv_select *what, struct gv_cursor **cursors,
                   size_t max, size_t *n, struct gv_err *err);
};
struct gv_source {
    const struct gv_source_ops *ops;
};
