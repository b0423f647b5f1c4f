/* The metric families of the query layer, for the program's registry. */
#pragma once
#include "base/metric.h"
#include "query/gate.h"

extern struct gv_metric_family *const gv_query_metrics[];
/* Lets the gauges of admission and memory read their values; once, at start. All outlive the registry. */
struct gv_budget;
void gv_query_metrics_watch(struct gv_gate *gate, struct gv_gate *reads, struct gv_budget *memory);
