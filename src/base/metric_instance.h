/* What an instance of a metric is made of: shared by what counts and what renders. */
#pragma once
#include "base/metric.h"
#include <stdatomic.h>

struct gv_metric {
    struct gv_metric_family *family;
    struct gv_metric *next; /* under the family's lock, as all up to arg */
    uint64_t refs;
    gv_metric_read_fn *read;
    void *arg;
    struct gv_slice values[GV_METRIC_MAX_LABELS]; /* fixed, as the text they point to */
    _Atomic uint64_t value;                       /* counter: the number; else the bits of a double; histogram: sum */
    _Atomic uint64_t cells[]; /* histogram: observations per bucket, the last one above all bounds */
};

double gv_metric_current(const struct gv_metric *m); /* with the family locked */
