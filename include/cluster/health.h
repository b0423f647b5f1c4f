/* The health job: one per process, on one loop. It probes every replica of a configuration once an interval (spread
 * evenly; one at a time and often where a breaker is open), learns versions and abilities, resolves host names and
 * reads changed password files on threads of its own, so that 1,000 clusters cost neither threads nor bursts. */
#pragma once
#include "cluster/ask.h"

struct gv_health;
/* interval_ms: between two probes of a healthy replica (default 15,000). */
GV_MUST_CHECK struct gv_health *gv_health_new(struct gv_cluster_client *cl, int64_t interval_ms, struct gv_err *err);
void gv_health_set_clusters(struct gv_health *h, struct gv_clusters *cs); /* takes a reference; probes new ones soon */
/* Stops probing; stopped(arg) runs on a later turn, when nothing of it is left and h is freed. */
void gv_health_stop(struct gv_health *h, void (*stopped)(void *arg), void *arg);
