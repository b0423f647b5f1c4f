/* The metric families of the ingest layer, for the program's registry. */
#pragma once
#include "base/metric.h"

extern struct gv_metric_family *const gv_ingest_metrics[], *const gv_forward_metrics[];
struct gv_receiver;
void gv_ingest_metrics_watch(struct gv_receiver *r); /* the gauges, read when they are rendered; NULL: no more */
