/* What queries need of the configuration: one immutable, counted snapshot. A request takes a reference when it is
 * admitted and keeps it to its end, so a reload never changes a running query. Any thread. */
#pragma once
#include "ingest/receiver.h"
#include "query/local.h"
#include <stdatomic.h>

struct gv_query_limits {
    int64_t timeout_ms;                 /* query_timeout: the longest a query may run, waiting included */
    int64_t lookback_ms;                /* lookback_delta */
    int64_t default_step_ms;            /* evaluation_interval: of subqueries without a step */
    int64_t max_samples;                /* max_samples: per query */
    int64_t max_query_memory;           /* bytes per query */
    int64_t log_slower_than_ms;         /* --query.log-slower-than; 0: never */
    unsigned features;                  /* enum gv_promql_feature */
    bool partial_response;              /* the default of the parameter of that name */
    const char *const *forward_headers; /* names of request headers handed on to backends */
    size_t n_forward_headers;
};

struct gv_settings {
    _Atomic unsigned references;
    void (*free)(struct gv_settings *s); /* the owner's: called when the last reference goes, on any thread */
    struct gv_query_limits limits;
    const struct gv_clusters *clusters;
    const struct gv_local *local;            /* the embedded store among the sources; NULL: none */
    const struct gv_ingest_settings *ingest; /* NULL: no writes are taken */
};
struct gv_settings *gv_settings_get(struct gv_settings *s);
void gv_settings_put(struct gv_settings *s);
