/* remote_write: what rows cannot say of it, and what the ingest layer takes of it. */
#include "app/config_read.h"
#include <ctype.h>
#include <strings.h>

typedef struct gv_config_reader reader;
typedef struct gv_remote_write_entry entry;

static struct gv_config_item item_at(const struct gv_config *c, size_t i)
{
    return (struct gv_config_item){"remote_write", i, gv_yaml_get(c->root, "remote_write")->items[i]};
}

/* Headers that are the protocol's or have keys of their own (Prometheus: remote_write, headers). */
bool gv_config_is_free_header(struct gv_slice text, struct gv_err *err)
{
    static const char *const taken[] = {
        "Authorization", "Host",       "Content-Encoding", "Content-Length",    "Content-Type",
        "User-Agent",    "Connection", "Keep-Alive",       "Transfer-Encoding", "X-Prometheus-Remote-Write-Version"};
    for (size_t i = 0; i < GV_COUNT(taken); i++)
        if (text.n == strlen(taken[i]) && !strncasecmp(text.p, taken[i], text.n))
            return gv_fail(err, GV_BAD_DATA, "%s is set by remote write itself, or has a key of its own", taken[i]);
    return gv_config_is_header_name(text, err);
}

/* --- checks --- */

static bool is_file_name(struct gv_slice s)
{
    bool only_dots = true;
    for (size_t i = 0; i < s.n; i++) {
        if (!isalnum((unsigned char)s.p[i]) && !strchr("_-.", s.p[i]))
            return false;
        only_dots &= s.p[i] == '.';
    }
    return !only_dots;
}

static bool check_name(const struct gv_config *c, reader *r, const entry *e, size_t i)
{
    const entry *entries = c->remote_write.items;
    struct gv_config_item at = item_at(c, i);
    if (e->name.n && !is_file_name(e->name))
        return gv_config_refuse(r, &at, "name", "%s names a folder, too: letters, digits, `_`, `-` and `.` only",
                                gv_config_quoted(r, e->name));
    for (size_t k = 0; k < i; k++)
        if (gv_slice_eq(entries[k].name, e->name) && (e->name.n || gv_slice_eq(entries[k].url, e->url)))
            return gv_config_refuse(r, &at, e->name.n ? "name" : "url",
                                    "remote_write[%zu] has the same %s: give each a `name` of its own", k,
                                    e->name.n ? "name" : "URL");
    return true;
}

static bool check_queue(const struct gv_config *c, reader *r, const entry *e, size_t i)
{
    const entry *entries = c->remote_write.items;
    struct gv_config_item at = item_at(c, i);
    if (e->queue && e->queue->min_shards > e->queue->max_shards)
        return gv_config_refuse(r, &at, "queue_config.min_shards", "%lld is more than max_shards, which is %lld",
                                (long long)e->queue->min_shards, (long long)e->queue->max_shards);
    if (e->queue && e->queue->min_backoff > e->queue->max_backoff)
        return gv_config_refuse(r, &at, "queue_config.min_backoff", "is longer than max_backoff");
    if (!e->queue_path.n && !c->storage)
        return gv_config_refuse(r, &at, "",
                                "needs `queue_path`, a folder for its queue (with `storage` it would be there)");
    for (size_t k = 0; e->queue_path.n && k < i; k++)
        if (gv_slice_eq(entries[k].queue_path, e->queue_path))
            return gv_config_refuse(r, &at, "queue_path", "is that of remote_write[%zu], too: each needs its own", k);
    return true;
}

bool gv_config_check_forward(const struct gv_config *c, reader *r)
{
    const entry *entries = c->remote_write.items;
    struct gv_config_path path = {.key = "remote_write"};
    if (c->remote_write.n && !c->ingest)
        return gv_config_fail(r, &path, gv_config_place(c->root, "remote_write"),
                              "needs `ingest`: what is pushed here is what is forwarded");
    for (size_t i = 0; i < c->remote_write.n; i++) {
        struct gv_config_item at = item_at(c, i);
        if (!check_name(c, r, &entries[i], i) || !check_queue(c, r, &entries[i], i) ||
            !gv_config_check_http(r, &at, &entries[i].http))
            return false;
    }
    return true;
}

/* --- completion --- */

/* Groups that are not in the file have their defaults. */
static void fill_groups(struct gv_arena *a, entry *e)
{
    const struct gv_option *list = gv_options_find(&gv_config_table, GV_S("remote_write"));
    if (!e->queue)
        (void)gv_option_group(gv_options_find(list->table, GV_S("queue_config")), a, e);
    if (!e->metadata)
        (void)gv_option_group(gv_options_find(list->table, GV_S("metadata_config")), a, e);
}

static bool compile_rules(struct gv_config *c, reader *r, const entry *e, size_t i)
{
    struct gv_relabel_rule *rules = e->relabel.items;
    for (size_t k = 0; k < e->relabel.n; k++) {
        struct gv_err err = {.code = GV_OK};
        if (gv_relabel_compile(&rules[k], &c->arena, &err))
            continue;
        struct gv_config_path list = {.key = "remote_write"}, item = {&list, NULL, i},
                              below = {&item, "write_relabel_configs", 0}, rule = {&below, NULL, k};
        const struct gv_yaml_node *node = gv_yaml_get(item_at(c, i).node, "write_relabel_configs");
        return gv_config_fail(r, &rule, node->items[k]->pos, "%s", err.msg);
    }
    return true;
}

/* Those of `headers` behind those of http_headers. */
static void add_headers(struct gv_arena *a, const struct gv_option_map *map, struct gv_http_settings *h)
{
    struct gv_http_header *all = gv_arena_array(a, struct gv_http_header, h->n_headers + map->n);
    if (h->n_headers)
        memcpy(all, h->headers, h->n_headers * sizeof *all);
    for (size_t i = 0; i < map->n; i++)
        all[h->n_headers++] = (struct gv_http_header){map->items[i].key.p, map->items[i].value.p};
    h->headers = all;
}

static struct gv_forward_endpoint endpoint_of(struct gv_config *c, const entry *e)
{
    struct gv_arena *a = &c->arena;
    const char *name =
        e->name.n ? e->name.p : gv_arena_printf(a, "%06llx", (unsigned long long)(gv_hash(e->url.p, e->url.n) >> 40));
    return (struct gv_forward_endpoint){
        .name = name,
        .url = e->url.p,
        .timeout_ms = e->remote_timeout,
        .version = (enum gv_write_version)e->protobuf_message,
        .send_exemplars = e->send_exemplars,
        .send_histograms = e->send_native_histograms,
        .round_robin_dns = e->round_robin_dns,
        .rules = e->relabel.items,
        .n_rules = e->relabel.n,
        .queue_path = e->queue_path.n ? e->queue_path.p : gv_arena_printf(a, "%s/forward/%s", c->storage->path.p, name),
        .max_queue_bytes = e->max_queue_size,
        .min_shards = (unsigned)e->queue->min_shards,
        .max_shards = (unsigned)e->queue->max_shards,
        .max_samples_per_send = e->queue->max_samples_per_send,
        .batch_send_deadline_ms = e->queue->batch_send_deadline,
        .capacity = e->queue->capacity,
        .min_backoff_ms = e->queue->min_backoff,
        .max_backoff_ms = e->queue->max_backoff,
        .retry_on_429 = e->queue->retry_on_http_429,
        .sample_age_limit_ms = e->queue->sample_age_limit,
        .send_metadata = e->metadata->send,
        .metadata_interval_ms = e->metadata->send_interval,
        .max_metadata_per_send = e->metadata->max_samples_per_send,
    };
}

bool gv_config_complete_forward(struct gv_config *c, reader *r)
{
    entry *entries = c->remote_write.items;
    c->forward = gv_arena_array(&c->arena, struct gv_forward_endpoint, c->remote_write.n);
    for (size_t i = 0; i < c->remote_write.n; i++) {
        struct gv_config_item at = item_at(c, i);
        fill_groups(&c->arena, &entries[i]);
        if (!compile_rules(c, r, &entries[i], i))
            return false;
        c->forward[i] = endpoint_of(c, &entries[i]);
        if (!gv_config_complete_http(r, &at, &entries[i].http, &c->forward[i].http))
            return false;
        add_headers(&c->arena, &entries[i].headers, &c->forward[i].http);
    }
    return true;
}
