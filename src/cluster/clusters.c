/* The set of one configuration: each cluster gets its injected labels, its HTTP profile and its record.
 *
 *   configs -> check names -> mapping (cluster label + labels, sorted)
 *                          -> profile (files are read here)
 *                          -> record (found where name, endpoints and proxy were known before) */
#include "base/map.h"
#include "cluster/record.h"
#include <stdlib.h>

enum { MOST_REPLICAS = 64 };

struct set {
    struct gv_clusters face; /* first: what users see */
    _Atomic unsigned refs;
    struct gv_arena arena;
    struct gv_cluster *clusters;
    struct gv_map by_name;
};

const struct gv_cluster_config gv_cluster_config_default = {
    .timeout_ms = 30000,
    .hedge_after_ms = GV_HEDGE_AUTO,
    .max_response_size = (int64_t)1 << 30,
    .http = {.follow_redirects = true},
};

static int by_name(const void *a, const void *b)
{
    return gv_slice_cmp(((const struct gv_label *)a)->name, ((const struct gv_label *)b)->name);
}

static bool make_mapping(struct gv_cluster *c, const char *label, struct gv_arena *a, struct gv_err *err)
{
    const struct gv_cluster_config *config = c->config;
    if (config->label_from == GV_CLUSTER_LABEL_BACKEND)
        return config->n_labels == 0 ||
               gv_fail(err, GV_BAD_DATA, "labels cannot be injected with cluster_label_from: backend");
    struct gv_label *inject = gv_arena_array(a, struct gv_label, config->n_labels + 1);
    inject[0] = (struct gv_label){gv_slice_of(label), c->name};
    if (config->n_labels)
        memcpy(inject + 1, config->labels, config->n_labels * sizeof *inject);
    qsort(inject, config->n_labels + 1, sizeof *inject, by_name);
    for (size_t i = 1; i <= config->n_labels; i++) {
        if (gv_slice_eq(inject[i - 1].name, inject[i].name))
            return gv_fail(err, GV_BAD_DATA, "label \"%.*s\" would be injected twice", GV_ARG(inject[i].name));
    }
    c->mapping = (struct gv_mapping){.inject = inject, .n = config->n_labels + 1};
    return true;
}

static bool make_cluster(struct set *s, struct gv_cluster_registry *r, struct gv_cluster *c, struct gv_err *err)
{
    if (gv_map_find(&s->by_name, c->name))
        return gv_fail(err, GV_BAD_DATA, "this name is there twice");
    gv_map_put(&s->by_name, c->name, c);
    if (c->config->n_endpoints > MOST_REPLICAS)
        return gv_fail(err, GV_BAD_DATA, "%zu endpoints, at most %d are possible", c->config->n_endpoints,
                       MOST_REPLICAS);
    if (!make_mapping(c, s->face.label, &s->arena, err))
        return false;
    if (c->config->n_endpoints == 0)
        return true;
    c->profile = gv_http_profile_new(&c->config->http, err);
    c->record = c->profile ? gv_record_get(r, c->config, err) : NULL;
    return c->record != NULL;
}

struct gv_clusters *gv_clusters_new(struct gv_cluster_registry *r, const char *cluster_label,
                                    const struct gv_cluster_config *configs, size_t n, struct gv_err *err)
{
    struct set *s = calloc(1, sizeof *s);
    if (!s)
        gv_die("out of memory");
    s->refs = 1;
    gv_arena_init(&s->arena, NULL);
    gv_map_init(&s->by_name, &s->arena);
    s->clusters = gv_arena_array(&s->arena, struct gv_cluster, n);
    s->face = (struct gv_clusters){s->clusters, n, gv_arena_dup(&s->arena, gv_slice_of(cluster_label)).p};
    for (size_t i = 0; i < n; i++) {
        struct gv_cluster *c = &s->clusters[i];
        *c = (struct gv_cluster){.config = &configs[i], .name = gv_slice_of(configs[i].name), .index = i};
        if (!make_cluster(s, r, c, err)) {
            gv_err_prefix(err, "cluster \"%s\": ", configs[i].name);
            gv_clusters_put(&s->face);
            return NULL;
        }
    }
    return &s->face;
}

struct gv_clusters *gv_clusters_get(struct gv_clusters *cs)
{
    atomic_fetch_add(&container_of(cs, struct set, face)->refs, 1);
    return cs;
}

void gv_clusters_put(struct gv_clusters *cs)
{
    if (!cs)
        return;
    struct set *s = container_of(cs, struct set, face);
    if (atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    for (size_t i = 0; i < cs->n; i++) {
        gv_http_profile_put(s->clusters[i].profile);
        gv_record_put(s->clusters[i].record);
    }
    gv_arena_fini(&s->arena);
    free(s);
}

const struct gv_cluster *gv_clusters_find(const struct gv_clusters *cs, struct gv_slice name)
{
    return gv_map_find(&((const struct set *)(const void *)cs)->by_name, name);
}
