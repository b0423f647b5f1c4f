/* The metric families of the store, for the program's registry. */
#pragma once
#include "base/metric.h"
#include "store/store.h"

extern struct gv_metric_family *const gv_store_metrics[];
/* The store that the families tell of; NULL: none any more. Once at start and end. */
void gv_store_metrics_watch(struct gv_store *s);
/* Before they are rendered: all of them then tell of the same moment. Any thread. */
void gv_store_metrics_refresh(void);
