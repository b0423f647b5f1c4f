/* The phi-quantile of a set of numbers, by selection. Pure; any thread. */
#pragma once
#include <stddef.h>

/* Reorders values. Linear between the two neighbours of phi * (n - 1); NaN counts as smallest. NaN for no values or a
 * NaN phi; -Inf, +Inf for phi outside 0..1 (Prometheus: promql/quantile.go, quantile). */
double gv_quantile(double phi, double *values, size_t n);
