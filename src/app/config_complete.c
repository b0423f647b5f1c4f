/* From what was written to what the cluster layer takes: C strings, label arrays, parameters, header lines. */
#include "app/config_read.h"
#include <errno.h>
#include <stdio.h>

typedef struct gv_cluster_entry entry;

static const char *text_of(struct gv_slice s)
{
    return s.n ? s.p : NULL;
}

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

/* --- headers --- */

static struct gv_slice trim(struct gv_slice s)
{
    static const char space[] = " \t\r\n";
    while (s.n && memchr(space, s.p[s.n - 1], 4))
        s.n--;
    while (s.n && memchr(space, *s.p, 4))
        s = (struct gv_slice){s.p + 1, s.n - 1};
    return s;
}

/* A header's value is the file's text without white space at its ends (Prometheus: http_headers.files). */
static bool read_header_file(struct gv_arena *a, const char *file, const char **value, struct gv_err *err)
{
    char text[8192];
    FILE *f = fopen(file, "re");
    if (!f)
        return gv_fail(err, GV_BAD_DATA, "%s: %s", file, strerror(errno));
    size_t n = fread(text, 1, sizeof text, f);
    bool failed = ferror(f);
    fclose(f);
    if (failed || n == sizeof text)
        return gv_fail(err, GV_BAD_DATA, "%s: %s", file, failed ? strerror(errno) : "too large for a header");
    struct gv_slice trimmed = trim((struct gv_slice){text, n});
    *value = gv_arena_dup(a, trimmed).p;
    return gv_config_is_header_value(trimmed, err) || gv_err_prefix(err, "%s: ", file);
}

static void add_values(struct gv_http_settings *h, struct gv_http_header *out, struct gv_slice name,
                       const struct gv_option_list *values)
{
    for (size_t i = 0; i < values->n; i++)
        out[h->n_headers++] = (struct gv_http_header){name.p, values->items[i].p};
}

static bool add_files(struct gv_config_reader *r, const entry *e, struct gv_http_settings *h,
                      struct gv_http_header *out, const struct gv_header_config *header)
{
    for (size_t i = 0; i < header->files.n && !(r->env && r->env->sealed); i++) {
        struct gv_err err = {0};
        struct gv_http_header *line = &out[h->n_headers++];
        line->name = header->name.p;
        if (read_header_file(r->arena, header->files.items[i].p, &line->value, &err))
            continue;
        struct gv_config_path list = {.key = "clusters"}, item = {&list, NULL, e->index},
                              key = {&item, "http_headers", 0};
        return gv_config_fail(r, &key, gv_yaml_get(e->node, "http_headers")->pos, "%s", err.msg);
    }
    return true;
}

static bool complete_headers(struct gv_config_reader *r, const entry *e, struct gv_http_settings *h)
{
    const struct gv_header_config *headers = e->http.headers.items;
    size_t n = 0;
    for (size_t i = 0; i < e->http.headers.n; i++)
        n += headers[i].values.n + headers[i].secrets.n + headers[i].files.n;
    struct gv_http_header *out = gv_arena_array(r->arena, struct gv_http_header, n);
    h->headers = out;
    for (size_t i = 0; i < e->http.headers.n; i++) {
        add_values(h, out, headers[i].name, &headers[i].values);
        add_values(h, out, headers[i].name, &headers[i].secrets);
        if (!add_files(r, e, h, out, &headers[i]))
            return false;
    }
    return true;
}

static struct gv_http_settings http_of(const struct gv_http_client_config *c)
{
    struct gv_http_settings h = {
        .proxy_url = text_of(c->proxy_url), .follow_redirects = c->follow_redirects, .enable_http2 = c->enable_http2};
    if (c->basic_auth) {
        h.basic_username = text_of(c->basic_auth->username);
        h.basic_password = text_of(c->basic_auth->password);
        h.basic_password_file = text_of(c->basic_auth->password_file);
    }
    if (c->authorization) {
        h.authorization_type = text_of(c->authorization->type);
        h.authorization_credentials = text_of(c->authorization->credentials);
        h.authorization_credentials_file = text_of(c->authorization->credentials_file);
    }
    if (c->tls) {
        h.tls.ca_file = text_of(c->tls->ca_file);
        h.tls.cert_file = text_of(c->tls->cert_file);
        h.tls.key_file = text_of(c->tls->key_file);
        h.tls.server_name = text_of(c->tls->server_name);
        h.tls.min_version = text_of(c->tls->min_version);
        h.tls.max_version = text_of(c->tls->max_version);
        h.tls.insecure_skip_verify = c->tls->insecure_skip_verify;
    }
    return h;
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
        .http = http_of(&e->http),
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
        if (!complete_headers(r, &entries[i], &c->clusters[i].http))
            return false;
    }
    return complete_ingest(c, r);
}
