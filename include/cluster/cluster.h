/* Clusters: the set that one configuration names (immutable), and behind each of them one process-wide record of what
 * was learned about it (atomics; it outlives a reload as long as name, endpoints and proxy stay the same). Any thread.
 *
 *   gv_cluster_registry  one per process: all records in use
 *     gv_cluster_record  breaker and latency per replica, version, abilities, last error; shared by all loops
 *   gv_clusters          one per configuration snapshot: the list
 *     gv_cluster         configuration, injected labels, HTTP profile -> record */
#pragma once
#include "base/arena.h"
#include "cluster/config.h"
#include "codec/mapping.h"

struct gv_cluster_registry;
struct gv_cluster_registry *gv_cluster_registry_new(void);
void gv_cluster_registry_free(struct gv_cluster_registry *r); /* when no set is left */

struct gv_cluster_record; /* opaque; functions below */

struct gv_cluster {
    const struct gv_cluster_config *config;
    struct gv_slice name;
    struct gv_mapping mapping; /* what to inject: sorted; none with cluster_label_from: backend */
    size_t index;              /* in its set, in configuration order */
    struct gv_http_profile *profile;
    struct gv_cluster_record *record; /* NULL for a cluster that pushes (no endpoints) */
};

/* How many of its replicas a read asks: all of them where their samples are merged (`replicas: merge`), else one. */
static inline unsigned gv_cluster_asked_replicas(const struct gv_cluster *c)
{
    return c->config->replicas == GV_REPLICAS_MERGE && c->config->n_endpoints > 1 ? (unsigned)c->config->n_endpoints
                                                                                  : 1;
}

struct gv_clusters {
    const struct gv_cluster *at; /* in configuration order */
    size_t n;
    const char *label; /* the cluster label's name */
};

/* Builds the set: injected labels, HTTP profiles (reads CA bundles, certificates, password files: it blocks, call it
 * off the loops), records found or made. The configurations are borrowed until the last put. Errors name the cluster:
 * a bad endpoint URL, an unreadable file, two clusters of one name, a label injected twice. */
GV_MUST_CHECK struct gv_clusters *gv_clusters_new(struct gv_cluster_registry *r, const char *cluster_label,
                                                  const struct gv_cluster_config *configs, size_t n,
                                                  struct gv_err *err);
struct gv_clusters *gv_clusters_get(struct gv_clusters *cs);
void gv_clusters_put(struct gv_clusters *cs);
const struct gv_cluster *gv_clusters_find(const struct gv_clusters *cs, struct gv_slice name); /* NULL: none */

/* --- what was learned --- */

enum gv_cluster_kind { GV_KIND_UNKNOWN, GV_KIND_PROMETHEUS, GV_KIND_VICTORIAMETRICS, GV_KIND_OTHER };
struct gv_cluster_version {
    enum gv_cluster_kind kind;    /* GV_KIND_UNKNOWN before the first good probe */
    unsigned major, minor, patch; /* 0.0.0 where the backend does not say */
};
/* Of the oldest replica: what is sent must be right whichever answers. */
struct gv_cluster_version gv_cluster_version(const struct gv_cluster *c);
/* Known and of Prometheus before major.minor: for the rules of older backends. */
bool gv_cluster_is_before(const struct gv_cluster *c, unsigned major, unsigned minor);

/* Learned from the backend's status pages; fields are set where the bit of `known` is. Immutable. */
enum {
    GV_KNOWN_LOOKBACK = 1 << 0,
    GV_KNOWN_FEATURES = 1 << 1,
    GV_KNOWN_EXTERNAL_LABELS = 1 << 2,
    GV_KNOWN_SCRAPE_INTERVAL = 1 << 3,
    GV_KNOWN_RETENTION = 1 << 4,
    GV_KNOWN_REMOTE_READ = 1 << 5
};
struct gv_cluster_abilities {
    unsigned known; /* GV_KNOWN_* */
    int64_t lookback_ms;
    struct gv_slice features;               /* comma-separated, as --enable-feature takes them */
    const struct gv_label *external_labels; /* sorted by name */
    size_t n_external_labels;
    int64_t scrape_interval_ms;
    struct gv_slice retention; /* as runtimeinfo's storageRetention says it */
    bool remote_read;
};
/* Copies what is known now of one replica into a; all zero while nothing is. Replicas differ in their external labels,
 * which is how others tell them apart. */
struct gv_cluster_abilities gv_replica_abilities(const struct gv_cluster *c, unsigned replica, struct gv_arena *a);
/* Those of the replica that asks go to first; while nothing is known of it, of the first one that something is known
 * of. */
struct gv_cluster_abilities gv_cluster_abilities(const struct gv_cluster *c, struct gv_arena *a);
void gv_replica_set_abilities(const struct gv_cluster *c, unsigned replica,
                              const struct gv_cluster_abilities *learned); /* copies */

/* Constructs of PromQL (plan/refused.h) that a backend of the cluster did not understand: for ten minutes, or until
 * another version answers. */
void gv_cluster_refused(const struct gv_cluster *c, uint64_t construct, int64_t now_ns);
const uint64_t *gv_cluster_refusals(const struct gv_cluster *c, int64_t now_ns, struct gv_arena *a, size_t *n);

enum gv_breaker_state { GV_BREAKER_CLOSED, GV_BREAKER_OPEN, GV_BREAKER_HALF_OPEN };
const char *gv_breaker_state_text(enum gv_breaker_state s); /* "closed", "open", "half-open" */

/* For /api/v1/status/clusters, `/` and check-config. */
struct gv_replica_status {
    const char *url;              /* without credentials */
    struct gv_slice version_text; /* as its buildinfo says it, empty while unknown */
    enum gv_breaker_state breaker;
    bool probed, healthy;            /* healthy: its last probe or ask went well */
    double latency_p50, latency_p95; /* seconds, of recent asks; 0 while none is known */
    int64_t asks, failures;
    struct gv_slice last_error; /* empty: none yet */
    int64_t last_error_unix_ms;
};
struct gv_cluster_status {
    bool healthy; /* a replica is; always for a cluster that pushes */
    struct gv_cluster_version version;
    struct gv_slice version_text; /* that version's, empty while unknown */
    struct gv_replica_status *replicas;
    size_t n_replicas;
};
struct gv_cluster_status gv_cluster_status(const struct gv_cluster *c, struct gv_arena *a);

/* The replica that an ask would be sent to first: closed breakers before open ones, then the fastest. */
unsigned gv_cluster_best_replica(const struct gv_cluster *c);
