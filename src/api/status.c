/* /status/{clusters,buildinfo,flags,walreplay}, /features, /notifications: what this program knows without asking
 * anybody. */
#include "api/handlers.h"
#include "base/number.h"
#include "promql/functions.h"

static void add_text(struct gv_buf *b, const char *key, struct gv_slice value)
{
    gv_buf_printf(b, "\"%s\":", key);
    gv_buf_add_json(b, value);
}

static void add_labels(struct gv_buf *b, const char *key, const struct gv_label *labels, size_t n)
{
    gv_buf_printf(b, ",\"%s\":{", key);
    for (size_t i = 0; i < n; i++) {
        if (i)
            gv_buf_addc(b, ',');
        gv_buf_add_json(b, labels[i].name);
        gv_buf_addc(b, ':');
        gv_buf_add_json(b, labels[i].value);
    }
    gv_buf_addc(b, '}');
}

static void add_replica(struct gv_buf *b, const struct gv_replica_status *s)
{
    gv_buf_addc(b, '{');
    add_text(b, "url", gv_slice_of(s->url));
    gv_buf_addc(b, ',');
    add_text(b, "version", s->version_text);
    gv_buf_printf(b, ",\"health\":\"%s\",\"breaker\":\"%s\",\"asks\":%lld,\"failures\":%lld",
                  !s->probed   ? "unknown"
                  : s->healthy ? "up"
                               : "down",
                  gv_breaker_state_text(s->breaker), (long long)s->asks, (long long)s->failures);
    gv_buf_adds(b, ",\"latencyP50\":");
    gv_buf_add_double(b, s->latency_p50);
    gv_buf_adds(b, ",\"latencyP95\":");
    gv_buf_add_double(b, s->latency_p95);
    gv_buf_addc(b, ',');
    add_text(b, "lastError", s->last_error);
    if (s->last_error.n)
        gv_buf_printf(b, ",\"lastErrorTime\":%.3f", (double)s->last_error_unix_ms / 1000);
}

/* What it adds to samples, which is taken off again. */
static void add_external_labels(struct gv_buf *b, const struct gv_cluster *c, unsigned replica, struct gv_arena *a)
{
    struct gv_cluster_abilities can = gv_replica_abilities(c, replica, a);
    if (can.known & GV_KNOWN_EXTERNAL_LABELS)
        add_labels(b, "externalLabels", can.external_labels, can.n_external_labels);
}

static void add_abilities(struct gv_buf *b, const struct gv_cluster *c, struct gv_arena *a)
{
    struct gv_cluster_abilities can = gv_cluster_abilities(c, a);
    gv_buf_adds(b, ",\"abilities\":{");
    size_t open = b->n;
    if (can.known & GV_KNOWN_REMOTE_READ)
        gv_buf_printf(b, "\"remoteRead\":%s,", can.remote_read ? "true" : "false");
    if (can.known & GV_KNOWN_LOOKBACK)
        gv_buf_printf(b, "\"lookbackDelta\":%.3f,", (double)can.lookback_ms / 1000);
    if (can.known & GV_KNOWN_SCRAPE_INTERVAL)
        gv_buf_printf(b, "\"scrapeInterval\":%.3f,", (double)can.scrape_interval_ms / 1000);
    if (can.known & GV_KNOWN_FEATURES) {
        add_text(b, "features", can.features);
        gv_buf_addc(b, ',');
    }
    b->n -= b->n > open;
    gv_buf_addc(b, '}');
}

/* Range selectors were closed on the left before 3.0: such a backend's semantics are named 2.x. */
static const char *semantics_of(const struct gv_cluster *c)
{
    if (!c->config->n_endpoints) /* it pushes: its series are evaluated here */
        return "3.x";
    struct gv_cluster_version v = gv_cluster_version(c);
    switch (v.kind) {
    case GV_KIND_PROMETHEUS:
        return v.major >= 3 ? "3.x" : "2.x";
    case GV_KIND_VICTORIAMETRICS:
        return "MetricsQL";
    case GV_KIND_UNKNOWN:
    case GV_KIND_OTHER:
        break;
    }
    return "unknown";
}

int64_t last_write(const struct request *r, struct gv_slice cluster)
{
    return r->l->env.receiver ? gv_receiver_last_write(r->l->env.receiver, cluster) : 0;
}

/* Of a cluster that pushes; null: not since the start. */
static void add_last_write(const struct request *r, struct gv_buf *b, struct gv_slice cluster)
{
    int64_t ms = last_write(r, cluster);
    if (ms)
        gv_buf_printf(b, "\"lastWrite\":%.3f,", (double)ms / 1000);
    else
        gv_buf_adds(b, "\"lastWrite\":null,");
}

static void add_cluster(struct request *r, const struct gv_cluster *c)
{
    struct gv_buf *b = &r->body;
    struct gv_arena *a = r->x->arena;
    struct gv_cluster_status s = gv_cluster_status(c, a);
    gv_buf_addc(b, '{');
    add_text(b, "name", c->name);
    add_labels(b, "labels", c->mapping.inject, c->mapping.n);
    gv_buf_printf(b, ",\"health\":\"%s\",\"required\":%s,\"pushed\":%s,\"semantics\":\"%s\",",
                  s.healthy ? "up" : "down", c->config->required ? "true" : "false",
                  c->config->n_endpoints ? "false" : "true", semantics_of(c));
    if (!c->config->n_endpoints)
        add_last_write(r, b, c->name);
    add_text(b, "version", s.version_text);
    add_abilities(b, c, a);
    gv_buf_printf(b, ",\"replicaMode\":\"%s\",\"replicas\":[", gv_cluster_asked_replicas(c) > 1 ? "merge" : "failover");
    for (size_t i = 0; i < s.n_replicas; i++) {
        if (i)
            gv_buf_addc(b, ',');
        add_replica(b, &s.replicas[i]);
        add_external_labels(b, c, (unsigned)i, a);
        gv_buf_addc(b, '}');
    }
    gv_buf_adds(b, "]}");
}

static bool is_wanted(const struct request *r, struct gv_slice cluster)
{
    return !r->cluster.n || gv_slice_eq(r->cluster, cluster);
}

static void separate(struct gv_buf *b)
{
    if (b->p[b->n - 1] != '[')
        gv_buf_addc(b, ',');
}

/* Clusters that no configuration names: known because they push. */
static void add_pushed(struct request *r)
{
    const struct gv_clusters *cs = r->settings->clusters;
    struct gv_slice label = gv_slice_of(cs->label);
    size_t n = 0;
    const struct gv_slice *names =
        r->settings->local ? gv_local_clusters(r->settings->local, r->x->arena, label, &n) : NULL;
    for (size_t i = 0; i < n; i++) {
        if (!is_wanted(r, names[i]) || gv_clusters_find(cs, names[i]))
            continue;
        separate(&r->body);
        gv_buf_addc(&r->body, '{');
        add_text(&r->body, "name", names[i]);
        gv_buf_adds(&r->body, ",\"labels\":{");
        gv_buf_add_json(&r->body, label);
        gv_buf_addc(&r->body, ':');
        gv_buf_add_json(&r->body, names[i]);
        gv_buf_adds(&r->body, "},\"health\":\"up\",\"required\":false,\"pushed\":true,\"semantics\":\"3.x\",");
        add_last_write(r, &r->body, names[i]);
        gv_buf_adds(&r->body, "\"version\":\"\",\"abilities\":{},\"replicas\":[]}");
    }
}

void serve_clusters(struct request *r)
{
    const struct gv_clusters *cs = r->settings->clusters;
    gv_buf_adds(&r->body, "{\"clusters\":[");
    for (size_t i = 0; i < cs->n; i++) {
        if (!is_wanted(r, cs->at[i].name))
            continue;
        separate(&r->body);
        add_cluster(r, &cs->at[i]);
    }
    add_pushed(r);
    gv_buf_adds(&r->body, "]}");
    reply_data(r, NULL);
}

/* Prometheus's shape, without `features`: a dashboard would take us for another product. */
void serve_buildinfo(struct request *r)
{
    gv_buf_adds(&r->body, "{\"version\":\"" GV_VERSION "\",\"revision\":\"\",\"branch\":\"\",\"buildUser\":\"\","
                          "\"buildDate\":\"\",\"goVersion\":\"\"}");
    reply_data(r, NULL);
}

static void add_flag(void *arg, const char *name, const char *value)
{
    struct gv_buf *b = arg;
    if (b->p[b->n - 1] != '{')
        gv_buf_addc(b, ',');
    gv_buf_add_json(b, gv_slice_of(name));
    gv_buf_addc(b, ':');
    gv_buf_add_json(b, gv_slice_of(value));
}

void serve_flags(struct request *r)
{
    gv_buf_addc(&r->body, '{');
    r->l->api->ops.flags(r->l->api->ops.ctx, add_flag, &r->body);
    gv_buf_addc(&r->body, '}');
    reply_data(r, NULL);
}

/* When /-/ready says so, nothing is left to be replayed. */
void serve_walreplay(struct request *r)
{
    gv_buf_adds(&r->body, "{\"min\":0,\"max\":0,\"current\":0}");
    reply_data(r, NULL);
}

/* Of Prometheus's categories the one that clients look into before they write a query. */
void serve_features(struct request *r)
{
    size_t n;
    const struct gv_function *functions = gv_functions(&n);
    bool experimental = r->settings->limits.features & GV_FEATURE_EXPERIMENTAL_FUNCTIONS;
    gv_buf_adds(&r->body, "{\"promql_functions\":{");
    for (size_t i = 0; i < n; i++)
        gv_buf_printf(&r->body, "%s\"%s\":%s", i ? "," : "", functions[i].name,
                      functions[i].flags & GV_FN_EXPERIMENTAL && !experimental ? "false" : "true");
    gv_buf_adds(&r->body, "}}");
    reply_data(r, NULL);
}

/* To the users of a web interface, which is not there yet. */
void serve_notifications(struct request *r)
{
    gv_buf_adds(&r->body, "[]");
    reply_data(r, NULL);
}
