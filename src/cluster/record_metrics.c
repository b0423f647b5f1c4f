/* What is counted of a cluster and its replicas. Instances are looked up when a record is made, those of outcomes when
 * they first happen: most never do. */
#include "base/clock.h"
#include "cluster/metrics.h"
#include "cluster/record.h"

static struct gv_metric_family cluster_asks =
    GV_COUNTER("globalview_cluster_asks_total", "Asks to clusters, by what became of them.", "cluster", "outcome");
static struct gv_metric_family cluster_seconds =
    GV_HISTOGRAM("globalview_cluster_ask_duration_seconds", "Time from an ask to its answer, whatever it was.",
                 gv_latency_buckets, "cluster");
static struct gv_metric_family cluster_bytes = GV_COUNTER(
    "globalview_cluster_received_bytes_total", "Bytes of responses as they came over the network.", "cluster");
static struct gv_metric_family cluster_hedges = GV_COUNTER(
    "globalview_cluster_hedges_total", "Asks repeated at a second replica because the first was late.", "cluster");
static struct gv_metric_family replica_attempts = GV_COUNTER(
    "globalview_replica_attempts_total", "Asks sent to a replica, repetitions included.", "cluster", "replica");
static struct gv_metric_family replica_failures = GV_COUNTER(
    "globalview_replica_failures_total", "Asks that a replica failed, by how.", "cluster", "replica", "outcome");
static struct gv_metric_family replica_seconds =
    GV_HISTOGRAM("globalview_replica_attempt_duration_seconds", "Time that a replica took, failures included.",
                 gv_latency_buckets, "cluster", "replica");
static struct gv_metric_family replica_connections =
    GV_GAUGE("globalview_replica_connections", "Open connections to a replica, idle ones in the pool included.",
             "cluster", "replica");
static struct gv_metric_family replica_breaker = GV_GAUGE(
    "globalview_replica_breaker_state", "Circuit breaker: 0 closed, 1 open, 2 half-open.", "cluster", "replica");
static struct gv_metric_family replica_up =
    GV_GAUGE("globalview_replica_up", "Whether the last probe or ask of the replica went well.", "cluster", "replica");

struct gv_metric_family *const gv_cluster_metrics[] = {&cluster_asks,
                                                       &cluster_seconds,
                                                       &cluster_bytes,
                                                       &cluster_hedges,
                                                       &replica_attempts,
                                                       &replica_failures,
                                                       &replica_seconds,
                                                       &replica_connections,
                                                       &replica_breaker,
                                                       &replica_up,
                                                       NULL};

static double read_breaker(void *replica)
{
    return gv_breaker_state(&((struct gv_replica *)replica)->breaker, gv_clock_monotonic(&gv_clock_real));
}

static double read_up(void *replica)
{
    return atomic_load(&((struct gv_replica *)replica)->health) == GV_HEALTH_UP;
}

/* Records of one name that share an endpoint share its instances. */
void record_metrics_show(struct gv_cluster_record *r)
{
    for (unsigned i = 0; i < r->n_replicas; i++) {
        gv_metric_set_callback(r->replicas[i].state, read_breaker, &r->replicas[i]);
        gv_metric_set_callback(r->replicas[i].up, read_up, &r->replicas[i]);
    }
}

void record_metrics_make(struct gv_cluster_record *r)
{
    struct gv_slice name = gv_slice_of(r->name);
    r->seconds = gv_metric_get(&cluster_seconds, name);
    r->bytes = gv_metric_get(&cluster_bytes, name);
    r->hedges = gv_metric_get(&cluster_hedges, name);
    for (unsigned i = 0; i < r->n_replicas; i++) {
        struct gv_replica *p = &r->replicas[i];
        struct gv_slice url = gv_slice_of(p->url);
        p->attempts = gv_metric_get(&replica_attempts, name, url);
        p->seconds = gv_metric_get(&replica_seconds, name, url);
        p->connections = gv_metric_get(&replica_connections, name, url);
        p->state = gv_metric_get(&replica_breaker, name, url);
        p->up = gv_metric_get(&replica_up, name, url);
    }
    record_metrics_show(r);
}

static void drop_replica(struct gv_replica *p)
{
    struct gv_metric *const all[] = {p->attempts, p->seconds, p->connections, p->state, p->up};
    for (size_t i = 0; i < GV_COUNT(all); i++)
        gv_metric_put(all[i]);
    for (int i = 0; i < GV_ASK_OUTCOME_COUNT; i++)
        gv_metric_put(atomic_load(&p->failed[i]));
}

void record_metrics_drop(struct gv_cluster_record *r)
{
    gv_metric_put(r->seconds);
    gv_metric_put(r->bytes);
    gv_metric_put(r->hedges);
    for (int i = 0; i < GV_ASK_OUTCOME_COUNT; i++)
        gv_metric_put(atomic_load(&r->outcomes[i]));
    for (unsigned i = 0; i < r->n_replicas; i++)
        drop_replica(&r->replicas[i]);
}

/* Keeps a fresh instance in *at; where another loop was first, its own. */
static void count_in(struct gv_metric *_Atomic *at, struct gv_metric *fresh)
{
    struct gv_metric *m = NULL;
    if (!atomic_compare_exchange_strong(at, &m, fresh))
        gv_metric_put(fresh);
    gv_counter_add(m ? m : fresh, 1);
}

void record_metrics_attempt(struct gv_replica *r, enum gv_ask_outcome outcome, double seconds)
{
    gv_counter_add(r->attempts, 1);
    gv_histogram_observe(r->seconds, seconds);
    if (outcome == GV_ASK_OK)
        return;
    struct gv_metric *known = atomic_load(&r->failed[outcome]);
    if (known)
        gv_counter_add(known, 1);
    else
        count_in(&r->failed[outcome], gv_metric_get(&replica_failures, gv_slice_of(r->record->name),
                                                    gv_slice_of(r->url), gv_slice_of(gv_ask_outcome_text(outcome))));
}

void gv_record_count(struct gv_cluster_record *r, const struct gv_ask_answer *answer)
{
    struct gv_metric *known = atomic_load(&r->outcomes[answer->outcome]);
    if (known)
        gv_counter_add(known, 1);
    else
        count_in(&r->outcomes[answer->outcome],
                 gv_metric_get(&cluster_asks, gv_slice_of(r->name), gv_slice_of(gv_ask_outcome_text(answer->outcome))));
    gv_counter_add(r->bytes, (uint64_t)answer->wire_bytes);
    gv_histogram_observe(r->seconds, answer->seconds);
    if (answer->outcome == GV_ASK_OK)
        gv_latency_note(&r->latency, answer->seconds);
}
