#include "app/snapshot.h"
#include <stdlib.h>

static void free_snapshot(struct gv_settings *s)
{
    struct gv_snapshot *snapshot = gv_snapshot_of(s);
    gv_clusters_put(snapshot->clusters);
    gv_config_free(snapshot->config);
    free(snapshot);
}

static struct gv_query_limits limits_of(struct gv_config *c, const struct gv_flags *flags, unsigned features)
{
    const struct gv_global_config *g = c->global;
    const char **headers = gv_arena_array(&c->arena, const char *, g->forward_headers.n);
    for (size_t i = 0; i < g->forward_headers.n; i++)
        headers[i] = g->forward_headers.items[i].p;
    return (struct gv_query_limits){
        .timeout_ms = g->query_timeout,
        .lookback_ms = g->lookback,
        .default_step_ms = g->evaluation_interval,
        .max_samples = g->max_samples,
        .max_query_memory = g->max_query_memory,
        .log_slower_than_ms = flags->log_slower_than,
        .features = features,
        .partial_response = g->partial_response,
        .forward_headers = headers,
        .n_forward_headers = g->forward_headers.n,
    };
}

static void set_ingest(struct gv_snapshot *s)
{
    static _Atomic uint64_t generations;
    const struct gv_config *c = s->config;
    const struct gv_ingest_config *i = c->ingest;
    if (!i)
        return;
    s->ingest = (struct gv_ingest_settings){
        .generation = ++generations,
        .cluster_label = c->global->cluster_label,
        .default_cluster = i->default_cluster,
        .clusters = s->clusters,
        .rules = i->relabel.items,
        .n_rules = i->relabel.n,
        .max_body_size = (size_t)i->max_body_size,
        .max_decoded_size = (size_t)i->max_decoded_size,
        .max_labels_size = (size_t)i->max_labels_size,
        .max_labels = (size_t)i->max_labels,
    };
    s->settings.ingest = &s->ingest;
}

static bool build(struct gv_snapshot *s, const struct gv_flags *flags, unsigned features,
                  struct gv_cluster_registry *registry, struct gv_err *err)
{
    struct gv_config_env env = {.overrides = flags->overrides, .n_overrides = flags->n_overrides};
    if (!(s->config = gv_config_load(flags->config_file.p, &env, err)))
        return false;
    struct gv_config *c = s->config;
    s->settings.limits = limits_of(c, flags, features);
    s->clusters = gv_clusters_new(registry, c->global->cluster_label.p, c->clusters, c->n_clusters, err);
    s->settings.clusters = s->clusters;
    if (s->clusters)
        set_ingest(s);
    return s->clusters || gv_err_prefix(err, "%s: ", flags->config_file.p);
}

struct gv_snapshot *gv_snapshot_load(const struct gv_flags *flags, unsigned features,
                                     struct gv_cluster_registry *registry, struct gv_err *err)
{
    struct gv_snapshot *s = calloc(1, sizeof *s);
    if (!s)
        gv_die("out of memory");
    s->settings.references = 1;
    s->settings.free = free_snapshot;
    if (build(s, flags, features, registry, err))
        return s;
    if (s->clusters)
        gv_clusters_put(s->clusters);
    gv_config_free(s->config);
    free(s);
    return NULL;
}
