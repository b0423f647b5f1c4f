/* Families that the files of this layer count in. */
#pragma once
#include "base/metric.h"

extern struct gv_metric_family query_seconds, query_samples, query_partial;
