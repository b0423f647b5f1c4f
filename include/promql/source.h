/* Where the evaluator's series come from: a vtable that the embedded store, test storage and the answers of remote
 * reads implement. Selecting and pulling never block on a socket. */
#pragma once
#include "model/column.h"
#include "model/matcher.h"

/* What is selected, and what it is for (the hints of remote read). Times are ms, both ends inclusive. */
struct gv_select {
    const struct gv_matcher *matchers;
    size_t n_matchers;
    int64_t min_time, max_time;
    int64_t step, range;             /* hints: 0 where not known */
    struct gv_slice func;            /* hint: the function or aggregation above, or empty */
    const struct gv_slice *grouping; /* hint */
    size_t n_grouping;
    bool by; /* hint: grouping is `by` */
};

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
