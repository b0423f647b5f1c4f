#include "query/metrics.h"
#include "query/metrics_private.h"
#include "base/arena.h"

static struct gv_metric_family running = GV_GAUGE("globalview_queries_running", "Queries that hold a place.");
static struct gv_metric_family waiting = GV_GAUGE("globalview_queries_waiting", "Queries that wait for a place.");
static struct gv_metric_family places =
    GV_GAUGE("globalview_queries_max_concurrent", "Places for queries: max_concurrent_queries.");
static struct gv_metric_family reads_running =
    GV_GAUGE("globalview_remote_reads_running", "Remote reads that hold a place.");
static struct gv_metric_family reads_waiting =
    GV_GAUGE("globalview_remote_reads_waiting", "Remote reads that wait for a place.");
static struct gv_metric_family reads_places = GV_GAUGE(
    "globalview_remote_reads_max_concurrent", "Places for remote reads: --storage.remote.read-concurrent-limit.");
static struct gv_metric_family memory =
    GV_GAUGE("globalview_query_memory_bytes", "Memory that reads hold now, under max_total_query_memory.");
static struct gv_metric_family memory_limit =
    GV_GAUGE("globalview_query_memory_limit_bytes", "max_total_query_memory as it works out here.");
struct gv_metric_family query_seconds =
    GV_HISTOGRAM("globalview_query_duration_seconds", "Time of a query from its arrival to its result.",
                 gv_latency_buckets, "result");
struct gv_metric_family query_samples =
    GV_COUNTER("globalview_query_samples_total", "Samples that clusters answered with.");
struct gv_metric_family query_partial =
    GV_COUNTER("globalview_query_partial_total", "Reads answered without some of the clusters asked, with warnings.");

struct gv_metric_family *const gv_query_metrics[] = {&running,       &waiting,       &places,        &reads_running,
                                                     &reads_waiting, &reads_places,  &memory,        &memory_limit,
                                                     &query_seconds, &query_samples, &query_partial, NULL};

enum { PLACES, RUNNING, WAITING };
static unsigned count(struct gv_gate *g, int which)
{
    unsigned n[3];
    gv_gate_counts(g, &n[PLACES], &n[RUNNING], &n[WAITING]);
    return n[which];
}

static double read_running(void *gate)
{
    return count(gate, RUNNING);
}

static double read_waiting(void *gate)
{
    return count(gate, WAITING);
}

static double read_places(void *gate)
{
    return count(gate, PLACES);
}

static double read_memory(void *budget)
{
    return (double)((struct gv_budget *)budget)->used;
}

static double read_memory_limit(void *budget)
{
    return (double)((struct gv_budget *)budget)->limit;
}

void gv_query_metrics_watch(struct gv_gate *gate, struct gv_gate *reads, struct gv_budget *budget)
{
    gv_metric_set_callback(gv_metric_self(&running), read_running, gate);
    gv_metric_set_callback(gv_metric_self(&waiting), read_waiting, gate);
    gv_metric_set_callback(gv_metric_self(&places), read_places, gate);
    gv_metric_set_callback(gv_metric_self(&reads_running), read_running, reads);
    gv_metric_set_callback(gv_metric_self(&reads_waiting), read_waiting, reads);
    gv_metric_set_callback(gv_metric_self(&reads_places), read_places, reads);
    gv_metric_set_callback(gv_metric_self(&memory), read_memory, budget);
    gv_metric_set_callback(gv_metric_self(&memory_limit), read_memory_limit, budget);
}
