/* What the process knows of one cluster: shared by all loops and by all configurations that name the same cluster with
 * the same endpoints. Counters and states are atomics; texts stand behind a lock that is held for a copy only. */
#pragma once
#include "base/metric.h"
#include "cluster/ask.h"
#include "cluster/breaker.h"
#include "cluster/latency.h"
#include <pthread.h>

enum { GV_ASK_OUTCOME_COUNT = GV_ASK_CANCELED + 1 };

struct gv_text { /* under the record's lock */
    char *p;     /* heap; NULL: none */
};

enum gv_replica_health { GV_HEALTH_UNKNOWN, GV_HEALTH_UP, GV_HEALTH_DOWN };

struct gv_replica {
    struct gv_cluster_record *record;
    unsigned index, id;      /* in its record; in the process, dense: a place in each loop's table of lanes */
    const char *url;         /* without the slash at the end */
    const char *host, *port; /* of url; IPv6 addresses without brackets */
    bool is_name;            /* host must be resolved here */
    struct gv_breaker breaker;
    struct gv_latency latency; /* of asks */
    _Atomic int64_t probe_us;  /* smoothed latency of health probes; 0: none yet */
    _Atomic int health;        /* enum gv_replica_health */
    _Atomic bool told_down;    /* the log says that it does not answer */
    _Atomic int64_t asks, failures;
    _Atomic int64_t last_error_ms;         /* wall clock */
    struct gv_text last_error, resolved;   /* resolved: "host:port:address,..." as curl takes it */
    struct gv_text version_text;           /* as buildinfo says it */
    _Atomic uint64_t version;              /* kind, major, minor, patch: 16 bits each; 0: not known yet */
    struct gv_arena *abilities_arena;      /* NULL: nothing was learned; under the record's lock, as the abilities */
    struct gv_cluster_abilities abilities; /* in abilities_arena */
    struct gv_metric *attempts, *seconds, *connections, *state, *up;
    struct gv_metric *_Atomic failed[GV_ASK_OUTCOME_COUNT]; /* made when they first happen */
};

struct gv_refusal {
    uint64_t construct;                /* 0: none */
    struct gv_cluster_version version; /* that it is of */
    int64_t until_ns;
};

struct gv_cluster_record {
    unsigned refs; /* under the registry's lock */
    struct gv_cluster_registry *registry;
    struct gv_cluster_record *next; /* in the registry */
    struct gv_arena arena;
    struct gv_slice key; /* name, endpoints and proxy */
    const char *name;
    struct gv_replica *replicas;
    unsigned n_replicas;
    _Atomic unsigned favourite; /* the replica that asks go to while it does well */
    struct gv_latency latency;  /* of asks, over all replicas */
    _Atomic int hedge_tokens;   /* tenths of a hedge that may still be sent */
    _Atomic bool watched;       /* a health job probes it */
    _Atomic bool has_refused;   /* some construct, once */
    pthread_mutex_t lock;
    struct gv_refusal refusals[32];
    struct gv_metric *_Atomic outcomes[GV_ASK_OUTCOME_COUNT]; /* made when they first happen */
    struct gv_metric *seconds, *bytes, *hedges;
};

/* The record of that name and these endpoints, found or made, with a reference. Errors: an endpoint that is no URL. */
GV_MUST_CHECK struct gv_cluster_record *gv_record_get(struct gv_cluster_registry *r,
                                                      const struct gv_cluster_config *config, struct gv_err *err);
void gv_record_put(struct gv_cluster_record *r);

void gv_record_set_text(struct gv_cluster_record *r, struct gv_text *to, const char *text);            /* NULL: none */
char *gv_record_dup_text(struct gv_cluster_record *r, const struct gv_text *from, struct gv_arena *a); /* or NULL */
char *gv_record_copy_text(struct gv_cluster_record *r, const struct gv_text *from); /* heap, or NULL */

/* Every attempt ends in one of the first two, every health probe in the third (err NULL: it was answered). */
void gv_replica_went_well(struct gv_replica *r, double seconds);
void gv_replica_went_wrong(struct gv_replica *r, enum gv_ask_outcome outcome, const struct gv_err *err, double seconds,
                           int64_t now_ns, bool trips, bool probe);
void gv_replica_probed(struct gv_replica *r, const struct gv_err *err, double seconds, int64_t now_ns, bool probe);
/* The best of those not in `tried` (a bit per replica) that its breaker lets through; -1: none. */
int gv_record_choose(struct gv_cluster_record *r, int64_t now_ns, uint64_t tried, bool *probe);
int64_t gv_record_grace_ms(const struct gv_cluster_record *r); /* that asks leave probes to the health job */
void gv_record_earn_hedge(struct gv_cluster_record *r);        /* by an ask */
bool gv_record_take_hedge(struct gv_cluster_record *r);        /* false: too many of late */
void gv_record_count(struct gv_cluster_record *r, const struct gv_ask_answer *answer);

/* record_metrics.c: the instances of a record, and what is counted in them. */
void record_metrics_make(struct gv_cluster_record *r);
void record_metrics_show(struct gv_cluster_record *r); /* gauges that it shares with another one show this one */
void record_metrics_drop(struct gv_cluster_record *r);
void record_metrics_attempt(struct gv_replica *r, enum gv_ask_outcome outcome, double seconds);
