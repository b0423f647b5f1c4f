#include "query/planning.h"
#include "base/clock.h"
#include "promql/parse.h"
#include "query/explain.h"
#include "query/round.h"

struct gv_expr *planning_parse(struct gv_arena *a, const struct gv_settings *s, const struct gv_query_request *r,
                               struct gv_err *err)
{
    struct gv_err why = {0};
    struct gv_expr *e = gv_promql_parse(a, r->text, s->limits.features, &why);
    bool single = e && (e->type == GV_TYPE_MATRIX || e->type == GV_TYPE_STRING);
    if (single && r->range)
        gv_fail(&why, GV_BAD_DATA, "invalid expression type \"%s\" for range query, must be Scalar or instant Vector",
                gv_value_type_text(e->type));
    if (why.code == GV_OK)
        return e;
    gv_fail(err, why.code, "invalid parameter \"query\": %s", why.msg);
    return NULL;
}

/* --- the clusters as the planner sees them: what each is called, injects, and can be trusted with --- */

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

/* Remote read, and what it adds to series is known. Of replicas that are merged each is asked in its own way. */
static bool has_samples(const struct gv_cluster_abilities *can)
{
    return can->known & GV_KNOWN_REMOTE_READ && can->remote_read && can->known & GV_KNOWN_EXTERNAL_LABELS;
}

static struct gv_plan_source source_of(const struct gv_cluster *c, struct gv_arena *a)
{
    size_t n_refused;
    const uint64_t *refused = gv_cluster_refusals(c, gv_clock_monotonic(&gv_clock_real), a, &n_refused);
    struct gv_cluster_version version = gv_cluster_version(c);
    struct gv_cluster_abilities can = gv_cluster_abilities(c, a);
    bool prometheus = version.kind == GV_KIND_PROMETHEUS;
    return (struct gv_plan_source){
        .name = c->name,
        .mapping = c->mapping,
        .push = c->config->pushdown == GV_PUSHDOWN_NEVER ? GV_PUSH_SELECTORS : GV_PUSH_AUTO,
        .replicas = gv_cluster_asked_replicas(c),
        .raw = has_samples(&can),
        .metricsql = version.kind == GV_KIND_VICTORIAMETRICS,
        .major = prometheus ? version.major : 0,
        .minor = prometheus ? version.minor : 0,
        .features_known = can.known & GV_KNOWN_FEATURES,
        .features = can.known & GV_KNOWN_FEATURES ? features_of(can.features) : 0,
        .lookback = can.known & GV_KNOWN_LOOKBACK ? can.lookback_ms : 0,
        .honours_lookback = prometheus && version.major >= 3,
        .refused = refused,
        .n_refused = n_refused,
    };
}

/* The store has our semantics, and knows which clusters it holds. */
static struct gv_plan_source local_source(const struct gv_settings *s, const struct gv_read_scope *scope,
                                          struct gv_arena *a)
{
    struct gv_plan_source source = {.name = s->local->cluster.name, .raw = true};
    if (scope->cluster.n) {
        struct gv_slice *only = gv_arena_new(a, struct gv_slice);
        *only = scope->cluster;
        source.clusters = only;
        source.n_clusters = 1;
    } else {
        source.clusters = gv_local_clusters(s->local, a, gv_slice_of(s->clusters->label), &source.n_clusters);
    }
    return source;
}

static const struct gv_plan_source *sources_of(struct gv_arena *a, const struct gv_settings *s,
                                               const struct gv_read_scope *scope, size_t *n)
{
    const struct gv_clusters *cs = s->clusters;
    struct gv_plan_source *sources = gv_arena_array(a, struct gv_plan_source, cs->n + 1);
    *n = 0;
    for (size_t i = 0; i < cs->n; i++)
        if (cluster_in_scope(&cs->at[i], scope))
            sources[(*n)++] = source_of(&cs->at[i], a);
    if (local_in_scope(s, scope))
        sources[(*n)++] = local_source(s, scope, a);
    return sources;
}

struct gv_plan_options planning_options(struct gv_arena *a, const struct gv_settings *s,
                                        const struct gv_query_request *r)
{
    struct gv_plan_options o = {
        .start = r->start,
        .end = r->end,
        .step = r->range ? r->step : 0,
        .lookback = r->lookback_ms ? r->lookback_ms : s->limits.lookback_ms,
        .default_step = s->limits.default_step_ms,
        .now = gv_clock_wall(&gv_clock_real),
        .features = s->limits.features,
        .label = gv_slice_of(s->clusters->label),
    };
    o.sources = sources_of(a, s, &r->scope, &o.n_sources);
    return o;
}

struct gv_plan *gv_query_explain(struct gv_arena *a, const struct gv_settings *s, const struct gv_query_request *r,
                                 struct gv_err *err)
{
    const struct gv_expr *e = planning_parse(a, s, r, err);
    if (!e)
        return NULL;
    struct gv_plan_options o = planning_options(a, s, r);
    return gv_plan_make(a, e, &o, err);
}
