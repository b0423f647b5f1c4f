#include "query/sources.h"
#include "promql/parse.h"

/* What of a backend's --enable-feature concerns PromQL. */
static unsigned features_of(struct gv_slice list)
{
    unsigned features = 0;
    while (list.n) {
        const char *comma = memchr(list.p, ',', list.n);
        size_t n = comma ? (size_t)(comma - list.p) : list.n;
        features |= gv_promql_feature_named((struct gv_slice){list.p, n});
        n += comma != NULL;
        list = (struct gv_slice){list.p + n, list.n - n};
    }
    return features;
}

static struct gv_plan_source source_of(const struct gv_cluster *c, struct gv_arena *a)
{
    struct gv_cluster_version version = gv_cluster_version(c);
    struct gv_cluster_abilities can = gv_cluster_abilities(c, a);
    bool prometheus = version.kind == GV_KIND_PROMETHEUS;
    return (struct gv_plan_source){
        .name = c->name,
        .mapping = c->mapping,
        .push = c->config->pushdown == GV_PUSHDOWN_NEVER ? GV_PUSH_SELECTORS : GV_PUSH_AUTO,
        .raw = can.known & GV_KNOWN_REMOTE_READ && can.remote_read && can.known & GV_KNOWN_EXTERNAL_LABELS,
        .metricsql = version.kind == GV_KIND_VICTORIAMETRICS,
        .major = prometheus ? version.major : 0,
        .minor = prometheus ? version.minor : 0,
        .features_known = can.known & GV_KNOWN_FEATURES,
        .features = can.known & GV_KNOWN_FEATURES ? features_of(can.features) : 0,
        .lookback = can.known & GV_KNOWN_LOOKBACK ? can.lookback_ms : 0,
        .honours_lookback = prometheus && version.major >= 3,
    };
}

struct gv_plan_source *sources_of(const struct gv_clusters *cs, const struct gv_read_scope *scope, struct gv_arena *a,
                                  const struct gv_cluster ***clusters, size_t *n)
{
    struct gv_plan_source *sources = gv_arena_array(a, struct gv_plan_source, cs->n);
    *clusters = gv_arena_array(a, const struct gv_cluster *, cs->n);
    *n = 0;
    for (size_t i = 0; i < cs->n; i++) {
        const struct gv_cluster *c = &cs->at[i];
        if (!c->config->n_endpoints || (scope->cluster.n && !gv_slice_eq(scope->cluster, c->name)))
            continue;
        (*clusters)[*n] = c;
        sources[(*n)++] = source_of(c, a);
    }
    return sources;
}
