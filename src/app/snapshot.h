/* One loaded configuration with everything built from it: what loops and queries hold on to. Immutable, counted (by
 * its struct gv_settings). Any thread. */
#pragma once
#include "app/config.h"
#include "app/flags.h"
#include "query/settings.h"

struct gv_snapshot {
    struct gv_settings settings;      /* gv_settings_get, gv_settings_put */
    struct gv_ingest_settings ingest; /* settings.ingest, where writes are taken */
    struct gv_config *config;
    struct gv_clusters *clusters;
};

/* Loads flags->config_file and builds the clusters it names; blocks. features: enum gv_promql_feature. */
GV_MUST_CHECK struct gv_snapshot *gv_snapshot_load(const struct gv_flags *flags, unsigned features,
                                                   struct gv_cluster_registry *registry, struct gv_err *err);
static inline struct gv_snapshot *gv_snapshot_of(struct gv_settings *s)
{
    return container_of(s, struct gv_snapshot, settings);
}
