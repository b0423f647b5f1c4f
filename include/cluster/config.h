/* What a configuration says about one cluster: plain data, filled by the configuration walker of `app`, immutable from
 * then on. All strings belong to the configuration snapshot and live as long as it does. Any thread may read. */
#pragma once
#include "model/labels.h"
#include "net/http_settings.h"

enum gv_cluster_label_from {
    GV_CLUSTER_LABEL_CONFIG, /* the cluster label and `labels` are injected into every series */
    GV_CLUSTER_LABEL_BACKEND /* the source holds many clusters and carries the label itself: nothing is injected */
};
enum gv_cluster_replicas { GV_REPLICAS_FAILOVER, GV_REPLICAS_MERGE };
enum gv_cluster_pushdown { GV_PUSHDOWN_AUTO, GV_PUSHDOWN_NEVER };

/* hedge_after_ms: a duration in ms, or one of these. */
enum { GV_HEDGE_AUTO = -1, /* the cluster's 95th percentile */ GV_HEDGE_OFF = 0 };

struct gv_cluster_param {
    const char *name, *value; /* as written; encoded when sent */
};

struct gv_cluster_config {
    const char *name; /* value of the cluster label; unique in its configuration */
    const char *const
        *endpoints; /* replicas of one Prometheus, "http://host:port/prefix"; none: a cluster that pushes */
    size_t n_endpoints;
    const struct gv_label *labels; /* further labels to inject, in any order */
    size_t n_labels;
    enum gv_cluster_label_from label_from;
    enum gv_cluster_replicas replicas;
    enum gv_cluster_pushdown pushdown;
    bool required;                         /* its failure fails the query, also with partial_response */
    int64_t timeout_ms;                    /* of one ask; the query's deadline may be earlier. Default 30 s */
    int64_t hedge_after_ms;                /* default GV_HEDGE_AUTO */
    int64_t max_response_size;             /* bytes of one body after decompression; 0: none. Default 1 GiB */
    bool compression;                      /* ask the backend for gzip */
    const struct gv_cluster_param *params; /* URL parameters added to every request */
    size_t n_params;
    struct gv_http_settings http;
};
extern const struct gv_cluster_config gv_cluster_config_default;
