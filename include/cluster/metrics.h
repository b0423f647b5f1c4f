/* The metric families of the cluster layer, for the program's registry. */
#pragma once
#include "base/metric.h"

extern struct gv_metric_family *const gv_cluster_metrics[];
