/* From what was written to what the cluster layer takes: C strings, label arrays, parameters. */
#include "app/config_read.h"

typedef struct gv_cluster_entry entry;

static const char *const *texts_of(struct gv_arena *a, const struct gv_option_list *list)
{
    const char **texts = gv_arena_array(a, const char *, list->n);
    for (size_t i = 0; i < list->n; i++)
        texts[i] = list->items[i].p;
    return texts;
}

static const struct gv_label *labels_of(struct gv_arena *a, const struct gv_option_map *map)
{
    struct gv_label *labels = gv_arena_array(a, struct gv_label, map->n);
    for (size_t i = 0; i < map->n; i++)
        labels[i] = (struct gv_label){map->items[i].key, map->items[i].value};
    return labels;
}

static const struct gv_cluster_param *params_of(struct gv_arena *a, const struct gv_option_map *map)
{
    struct gv_cluster_param *params = gv_arena_array(a, struct gv_cluster_param, map->n);
    for (size_t i = 0; i < map->n; i++)
        params[i] = (struct gv_cluster_param){map->items[i].key.p, map->items[i].value.p};
    return params;
}

static struct gv_cluster_config cluster_of(struct gv_arena *a, const entry *e)
{
    return (struct gv_cluster_config){
        .name = e->name.p,
        .endpoints = texts_of(a, &e->endpoints),
        .n_endpoints = e->endpoints.n,
        .labels = labels_of(a, &e->labels),
        .n_labels = e->labels.n,
        .label_from = (enum gv_cluster_label_from)e->label_from,
        .replicas = (enum gv_cluster_replicas)e->replicas,
        .pushdown = (enum gv_cluster_pushdown)e->pushdown,
        .required = e->required,
        .timeout_ms = e->timeout,
        .hedge_after_ms = e->hedge_after == -2   ? GV_HEDGE_OFF
                          : e->hedge_after == -1 ? GV_HEDGE_AUTO
                                                 : e->hedge_after,
        .max_response_size = e->max_response_size,
        .compression = e->compression,
        .params = params_of(a, &e->params),
        .n_params = e->params.n,
    };
}

/* --- ingestion --- */

static bool complete_ingest(struct gv_config *c, struct gv_config_reader *r)
{
    struct gv_relabel_rule *rules = c->ingest ? c->ingest->relabel.items : NULL;
    for (size_t i = 0; rules && i < c->ingest->relabel.n; i++) {
        struct gv_err err = {0};
        if (gv_relabel_compile(&rules[i], &c->arena, &err))
            continue;
        struct gv_config_path ingest = {.key = "ingest"}, list = {&ingest, "write_relabel_configs", 0},
                              item = {&list, NULL, i};
        const struct gv_yaml_node *node = gv_yaml_get(gv_yaml_get(c->root, "ingest"), "write_relabel_configs");
        return gv_config_fail(r, &item, node->items[i]->pos, "%s", err.msg);
    }
    return true;
}

bool gv_config_complete(struct gv_config *c, struct gv_config_reader *r)
{
    const entry *entries = gv_config_entries(c);
    c->clusters = gv_arena_array(&c->arena, struct gv_cluster_config, c->entries.n);
    c->n_clusters = c->entries.n;
    for (size_t i = 0; i < c->entries.n; i++) {
        c->clusters[i] = cluster_of(&c->arena, &entries[i]);
        const struct gv_config_item at = {"clusters", entries[i].index, entries[i].node};
        if (!gv_config_complete_http(r, &at, &entries[i].http, &c->clusters[i].http))
            return false;
    }
    return complete_ingest(c, r) && gv_config_complete_forward(c, r);
}
