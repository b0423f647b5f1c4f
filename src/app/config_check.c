/* Checks across keys. Each takes the configuration or one cluster and says no with the place and the way out. */
#include "app/config_read.h"
#include "base/map.h"

typedef struct gv_cluster_entry entry;
typedef struct gv_config_reader reader;

#define ITEM(e)                (&(const struct gv_config_item){"clusters", (e)->index, (e)->node})
#define refuse(r, e, key, ...) gv_config_refuse((r), ITEM(e), (key), __VA_ARGS__)

const char *gv_config_quoted(reader *r, struct gv_slice text)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_add_quoted(&b, text);
    const char *copy = gv_arena_dup(r->arena, gv_buf_slice(&b)).p;
    gv_buf_fini(&b);
    return copy;
}

/* --- endpoints and labels --- */

static bool check_endpoints(reader *r, const entry *e, const struct gv_config *c)
{
    const struct gv_option_list *urls = &e->endpoints;
    for (size_t i = 0; i < urls->n; i++)
        for (size_t k = 0; k < i; k++)
            if (gv_slice_eq(urls->items[i], urls->items[k]))
                return refuse(r, e, "endpoints", "endpoints %zu and %zu are the same", k, i);
    return urls->n || c->ingest ||
           refuse(r, e, "",
                  "cluster %s has no endpoints: name its Prometheus in `endpoints` (a cluster without endpoints pushes "
                  "its series, which needs `ingest`)",
                  gv_config_quoted(r, e->name));
}

/* Is `global` exported_...exported_`name`? Then a backend's own label `name` is renamed onto `global`. */
static bool is_renamed(struct gv_slice global, struct gv_slice name)
{
    struct gv_slice prefix = GV_S("exported_");
    while (gv_slice_has_prefix(global, prefix)) {
        global = (struct gv_slice){global.p + prefix.n, global.n - prefix.n};
        if (gv_slice_eq(global, name))
            return true;
    }
    return false;
}

static bool check_label_pair(reader *r, const entry *e, struct gv_slice a, struct gv_slice b)
{
    if (!is_renamed(a, b) && !is_renamed(b, a))
        return true;
    struct gv_slice shorter = a.n < b.n ? a : b, longer = a.n < b.n ? b : a;
    return refuse(r, e, "labels", "labels %.*s and %.*s collide: a backend's own %.*s is renamed to %.*s",
                  GV_ARG(shorter), GV_ARG(longer), GV_ARG(shorter), GV_ARG(longer));
}

static bool check_label(reader *r, const entry *e, const struct gv_config *c, size_t i)
{
    struct gv_slice name = e->labels.items[i].key;
    if (!e->labels.items[i].value.n)
        return refuse(r, e, "labels", "label %.*s is empty: a label without a value does not exist", GV_ARG(name));
    if (gv_slice_eq(name, c->global->cluster_label))
        return refuse(r, e, "labels", "label %.*s is injected already: it is the cluster label", GV_ARG(name));
    if (!check_label_pair(r, e, name, c->global->cluster_label))
        return false;
    for (size_t k = 0; k < i; k++)
        if (!check_label_pair(r, e, name, e->labels.items[k].key))
            return false;
    return true;
}

static bool check_labels(reader *r, const entry *e, const struct gv_config *c)
{
    if (e->label_from == GV_CLUSTER_LABEL_BACKEND && e->labels.n)
        return refuse(r, e, "labels", "nothing is injected with cluster_label_from: backend: remove one of the two");
    for (size_t i = 0; i < e->labels.n; i++)
        if (!check_label(r, e, c, i))
            return false;
    return true;
}

/* --- the whole --- */

static bool check_name(reader *r, const entry *e, struct gv_map *seen)
{
    if (!e->name.n)
        return refuse(r, e, "name", "a cluster needs a name");
    void **place = gv_map_at(seen, gv_hash(e->name.p, e->name.n), e->name);
    const entry *first = *place;
    *place = (void *)(uintptr_t)e;
    if (!first)
        return true;
    struct gv_yaml_pos pos = gv_config_place(first->node, "name");
    return refuse(r, e, "name", "cluster %s is there twice (first at %s:%u:%u)", gv_config_quoted(r, e->name), pos.file,
                  pos.line, pos.col);
}

static bool check_cluster(reader *r, const entry *e, const struct gv_config *c)
{
    return check_endpoints(r, e, c) && check_labels(r, e, c) && gv_config_check_http(r, ITEM(e), &e->http);
}

bool gv_config_check(struct gv_config *c, reader *r)
{
    bool unread = r->env && r->env->sealed && c->clusters_files.n;
    if (!c->entries.n && !c->storage && !c->remote_write.n && !unread)
        return gv_config_fail(r, NULL, c->root->pos,
                              "no clusters: name at least one under `clusters` (or switch `storage` on)");
    struct gv_config_path ingest = {.key = "ingest"};
    if (c->ingest && !c->storage && !c->remote_write.n)
        return gv_config_fail(r, &ingest, gv_config_place(c->root, "ingest"),
                              "needs `storage` or `remote_write`: what comes in must go somewhere");
    struct gv_map seen;
    gv_map_init(&seen, r->arena);
    const entry *entries = gv_config_entries(c);
    for (size_t i = 0; i < c->entries.n; i++)
        if (!check_name(r, &entries[i], &seen) || !check_cluster(r, &entries[i], c))
            return false;
    return gv_config_check_forward(c, r);
}
