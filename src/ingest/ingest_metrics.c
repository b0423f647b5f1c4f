#include "ingest/ingest_metrics.h"
#include "ingest/receiver_impl.h"

static struct gv_metric_family written =
    GV_COUNTER("globalview_ingest_samples_total", "Samples taken by remote write, by type.", "type");
static struct gv_metric_family exemplars =
    GV_COUNTER("globalview_ingest_exemplars_total", "Exemplars taken by remote write.");
static struct gv_metric_family refused =
    GV_COUNTER("globalview_ingest_refused_total",
               "Samples, histograms and exemplars that remote write did not take, by reason.", "reason");
static struct gv_metric_family lookups =
    GV_COUNTER("globalview_ingest_series_lookups_total", "Series of write requests that were looked up in the cache.");
static struct gv_metric_family misses =
    GV_COUNTER("globalview_ingest_series_misses_total", "Series of write requests that the cache did not know.");
static struct gv_metric_family cached =
    GV_GAUGE("globalview_ingest_cached_series", "Series that the cache knows (max_cached_series).");
static struct gv_metric_family cache_bytes =
    GV_GAUGE("globalview_ingest_series_cache_bytes", "Memory of the cache of series.");
static struct gv_metric_family inflight =
    GV_GAUGE("globalview_ingest_inflight_bytes", "Memory of the write requests under way (max_inflight_bytes).");
static struct gv_metric_family last_write = GV_GAUGE(
    "globalview_ingest_last_write_timestamp_seconds",
    "When a write request with samples of the cluster was last taken; absent: not since the start.", "cluster");

struct gv_metric_family *const gv_ingest_metrics[] = {&written, &exemplars,   &refused,  &lookups,    &misses,
                                                      &cached,  &cache_bytes, &inflight, &last_write, NULL};

struct gv_metric *ingest_last_write_metric(struct gv_slice cluster)
{
    return gv_metric_get(&last_write, cluster);
}

/* References stay: there are few instances, and counters must not go back. */
void ingest_count_refused(const char *reason, uint64_t n)
{
    gv_counter_add(gv_metric_get(&refused, gv_slice_of(reason)), n);
}

void ingest_count_written(uint64_t samples, uint64_t histograms, uint64_t n_exemplars)
{
    if (samples)
        gv_counter_add(gv_metric_get(&written, GV_S("float")), samples);
    if (histograms)
        gv_counter_add(gv_metric_get(&written, GV_S("histogram")), histograms);
    if (n_exemplars)
        gv_counter_add(gv_metric_self(&exemplars), n_exemplars);
}

void ingest_count_series(uint64_t looked_up, uint64_t missed)
{
    gv_counter_add(gv_metric_self(&lookups), looked_up);
    gv_counter_add(gv_metric_self(&misses), missed);
}

static double read_cached(void *arg)
{
    const struct gv_receiver *r = arg;
    return (double)series_cache_status(r->cache).entries;
}

static double read_cache_bytes(void *arg)
{
    const struct gv_receiver *r = arg;
    return (double)series_cache_status(r->cache).bytes;
}

static double read_inflight(void *arg)
{
    struct gv_receiver *r = arg;
    return (double)atomic_load(&r->budget.used);
}

void gv_ingest_metrics_watch(struct gv_receiver *r)
{
    gv_metric_set_callback(gv_metric_self(&cached), r ? read_cached : NULL, r);
    gv_metric_set_callback(gv_metric_self(&cache_bytes), r ? read_cache_bytes : NULL, r);
    gv_metric_set_callback(gv_metric_self(&inflight), r ? read_inflight : NULL, r);
}
