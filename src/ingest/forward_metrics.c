#include "ingest/forward_impl.h"
#include "ingest/metrics.h"

static struct gv_metric_family sent =
    GV_COUNTER("globalview_forward_sent_samples_total",
               "Samples, histograms and exemplars that a remote_write endpoint has taken.", "endpoint");
static struct gv_metric_family dropped = GV_COUNTER(
    "globalview_forward_dropped_samples_total",
    "Samples, histograms and exemplars that were not forwarded: refused by the endpoint (rejected), older than "
    "sample_age_limit (too_old), pushed out of the queue (queue_full); records of the queue that were lost "
    "(damaged); exemplars without a sample of their series beside them, which 2.0 cannot say (no_sample).",
    "endpoint", "reason");
static struct gv_metric_family requests =
    GV_COUNTER("globalview_forward_requests_total",
               "Requests to a remote_write endpoint, by what became of them; delivered_before: an earlier one had been "
               "taken, its answer lost; taken_apart: refused, its parts are sent one by one; metadata, "
               "metadata_failed: requests of metadata alone.",
               "endpoint", "outcome");
static struct gv_metric_family pending_samples =
    GV_GAUGE("globalview_forward_pending_samples", "Samples in the queue that are not delivered yet.", "endpoint");
static struct gv_metric_family pending_bytes =
    GV_GAUGE("globalview_forward_pending_bytes", "Bytes of encoded requests in the queue that are not delivered yet.",
             "endpoint");
static struct gv_metric_family held_bytes = GV_GAUGE(
    "globalview_forward_held_bytes",
    "Bytes of encoded requests that are read ahead into memory; at most 256 MiB for each endpoint.", "endpoint");
static struct gv_metric_family queue_bytes =
    GV_GAUGE("globalview_forward_queue_bytes", "Bytes of the queue on disk (max_queue_size).", "endpoint");
static struct gv_metric_family queue_limit =
    GV_GAUGE("globalview_forward_max_queue_bytes", "max_queue_size of the endpoint.", "endpoint");
static struct gv_metric_family newest_queued = GV_GAUGE(
    "globalview_forward_queued_timestamp_seconds", "Time of the newest sample that came into the queue.", "endpoint");
static struct gv_metric_family newest_sent = GV_GAUGE(
    "globalview_forward_sent_timestamp_seconds", "Time of the newest sample that the endpoint has taken.", "endpoint");
static struct gv_metric_family lag = GV_GAUGE(
    "globalview_forward_lag_seconds", "For how long the oldest sample that is to be sent next has waited.", "endpoint");
static struct gv_metric_family shards =
    GV_GAUGE("globalview_forward_shards", "Requests that may be under way to the endpoint at a time.", "endpoint");
static struct gv_metric_family failing = GV_GAUGE(
    "globalview_forward_failing", "Whether samples wait because the last request to the endpoint failed.", "endpoint");

struct gv_metric_family *const gv_forward_metrics[] = {
    &sent,          &dropped,     &requests, &pending_samples, &pending_bytes, &held_bytes, &queue_bytes, &queue_limit,
    &newest_queued, &newest_sent, &lag,      &shards,          &failing,       NULL};

static double read_sent(void *e)
{
    return (double)atomic_load(&((struct endpoint *)e)->sent_samples);
}

static double read_pending_samples(void *e)
{
    return (double)atomic_load(&((struct endpoint *)e)->pending_samples);
}

static double read_pending_bytes(void *e)
{
    return (double)atomic_load(&((struct endpoint *)e)->pending_bytes);
}

static double read_held_bytes(void *e)
{
    return (double)atomic_load(&((struct endpoint *)e)->held_bytes);
}

static double read_queue_bytes(void *e)
{
    return (double)atomic_load(&((struct endpoint *)e)->queue_bytes);
}

static double read_queue_limit(void *e)
{
    return (double)((struct endpoint *)e)->config->max_queue_bytes;
}

static double read_newest_queued(void *e)
{
    return (double)atomic_load(&((struct endpoint *)e)->newest_queued) / 1000;
}

static double read_newest_sent(void *e)
{
    return (double)atomic_load(&((struct endpoint *)e)->newest_sent) / 1000;
}

static double read_lag(void *arg)
{
    struct endpoint *e = arg;
    int64_t oldest = atomic_load(&e->oldest_pending), now = forward_now(e->forward);
    return oldest && now > oldest ? (double)(now - oldest) / 1000 : 0;
}

static double read_shards(void *e)
{
    return atomic_load(&((struct endpoint *)e)->shards);
}

static double read_failing(void *e)
{
    return endpoint_is_failing(e);
}

static const char *const reasons[DROP_REASONS] = {"rejected", "queue_full", "too_old", "damaged", "no_sample"};

static struct gv_metric *dropped_for(const struct endpoint *e, enum drop_reason why)
{
    return gv_metric_get(&dropped, gv_slice_of(e->config->name), gv_slice_of(reasons[why]));
}

void endpoint_show_metrics(struct endpoint *e)
{
    static const struct {
        struct gv_metric_family *family;
        gv_metric_read_fn *read;
    } shown[] = {{&sent, read_sent},
                 {&pending_samples, read_pending_samples},
                 {&pending_bytes, read_pending_bytes},
                 {&held_bytes, read_held_bytes},
                 {&queue_bytes, read_queue_bytes},
                 {&queue_limit, read_queue_limit},
                 {&newest_queued, read_newest_queued},
                 {&newest_sent, read_newest_sent},
                 {&lag, read_lag},
                 {&shards, read_shards},
                 {&failing, read_failing}};
    for (size_t i = 0; i < GV_COUNT(shown); i++) {
        struct gv_metric *m = gv_metric_get(shown[i].family, gv_slice_of(e->config->name));
        gv_metric_set_callback(m, shown[i].read, e);
        e->metrics[e->n_metrics++] = m;
    }
    for (int why = 0; why < DROP_REASONS; why++)
        e->metrics[e->n_metrics++] = dropped_for(e, why);
}

void endpoint_hide_metrics(struct endpoint *e)
{
    while (e->n_metrics)
        gv_metric_put(e->metrics[--e->n_metrics]);
}

void endpoint_count_dropped(struct endpoint *e, enum drop_reason why, uint64_t samples)
{
    struct gv_metric *m = dropped_for(e, why);
    gv_counter_add(m, samples);
    gv_metric_put(m);
    atomic_fetch_add(&e->dropped[why], samples);
}

void endpoint_drop_too_old(struct endpoint *e, uint64_t samples)
{
    endpoint_count_dropped(e, DROP_TOO_OLD, samples);
    gv_log_limited(&e->says_too_old, GV_LOG_WARN,
                   "samples for a remote_write endpoint are older than sample_age_limit; they are dropped",
                   GV_CTX("endpoint", e->config->name), GV_F("samples", samples),
                   GV_F("sample_age_limit_seconds", e->config->sample_age_limit_ms / 1000));
}

/* References stay: there are few instances, and counters must not go back. */
void endpoint_count_request(struct endpoint *e, const char *outcome)
{
    gv_counter_add(gv_metric_get(&requests, gv_slice_of(e->config->name), gv_slice_of(outcome)), 1);
}
