#include "cluster/metrics.h"
#include "cluster/record.h"

struct gv_metric_family cluster_asks =
    GV_COUNTER("globalview_cluster_asks_total", "Asks to clusters, by what became of them.", "cluster", "outcome");
struct gv_metric_family cluster_seconds =
    GV_HISTOGRAM("globalview_cluster_ask_duration_seconds", "Time from an ask to its answer, whatever it was.",
                 gv_latency_buckets, "cluster");
struct gv_metric_family cluster_bytes = GV_COUNTER("globalview_cluster_received_bytes_total",
                                                   "Bytes of responses as they came over the network.", "cluster");
struct gv_metric_family cluster_hedges = GV_COUNTER(
    "globalview_cluster_hedges_total", "Asks repeated at a second replica because the first was late.", "cluster");
struct gv_metric_family replica_requests = GV_COUNTER(
    "globalview_replica_attempts_total", "Asks sent to a replica, repetitions included.", "cluster", "replica");
struct gv_metric_family replica_failures =
    GV_COUNTER("globalview_replica_failures_total", "Asks that a replica failed.", "cluster", "replica");
struct gv_metric_family replica_breaker = GV_GAUGE(
    "globalview_replica_breaker_state", "Circuit breaker: 0 closed, 1 open, 2 half-open.", "cluster", "replica");
struct gv_metric_family replica_up =
    GV_GAUGE("globalview_replica_up", "Whether the last probe or ask of the replica went well.", "cluster", "replica");
struct gv_metric_family replica_connections = GV_GAUGE(
    "globalview_replica_connections", "Open connections to the replica, pooled ones too.", "cluster", "replica");

struct gv_metric_family *const gv_cluster_metrics[] = {
    &cluster_asks,     &cluster_seconds, &cluster_bytes, &cluster_hedges,      &replica_requests,
    &replica_failures, &replica_breaker, &replica_up,    &replica_connections, NULL};
