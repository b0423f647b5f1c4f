/* From what was written to what the cluster layer takes: label arrays, parameters, header lines. */
#include "app/config_check.h"
#include <errno.h>
#include <stdio.h>

typedef struct gv_cluster_entry entry;

static const struct gv_label *labels_of(struct gv_arena *a, const entry *e)
{
    struct gv_label *labels = gv_arena_array(a, struct gv_label, e->n_labels);
    for (size_t i = 0; i < e->n_labels; i++)
        labels[i] = (struct gv_label){gv_slice_of(e->labels[i].name), gv_slice_of(e->labels[i].value)};
    return labels;
}

static const struct gv_cluster_param *params_of(struct gv_arena *a, const entry *e)
{
    struct gv_cluster_param *params = gv_arena_array(a, struct gv_cluster_param, e->n_params);
    for (size_t i = 0; i < e->n_params; i++)
        params[i] = (struct gv_cluster_param){e->params[i].name, e->params[i].value};
    return params;
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
    while (n && strchr(" \t\r\n", text[n - 1]))
        n--;
    size_t skip = 0;
    while (skip < n && strchr(" \t\r\n", text[skip]))
        skip++;
    *value = gv_arena_dup(a, (struct gv_slice){text + skip, n - skip}).p;
    if (strlen(*value) != n - skip || strpbrk(*value, "\r\n"))
        return gv_fail(err, GV_BAD_DATA, "%s: holds what a header cannot", file);
    return true;
}

static bool add_header(struct gv_config_reader *r, const entry *e, const struct gv_option_header *h,
                       struct gv_http_header *out, size_t *n)
{
    for (size_t i = 0; i < h->n_values; i++)
        out[(*n)++] = (struct gv_http_header){h->name, h->values[i]};
    for (size_t i = 0; i < h->n_secrets; i++)
        out[(*n)++] = (struct gv_http_header){h->name, h->secrets[i]};
    for (size_t i = 0; i < h->n_files && !(r->env && r->env->sealed); i++) {
        struct gv_err err = {0};
        out[*n].name = h->name;
        if (!read_header_file(r->arena, h->files[i], &out[(*n)++].value, &err)) {
            struct gv_config_path list = {.key = "clusters"}, item = {&list, NULL, e->index},
                                  key = {&item, "http_headers", 0};
            return gv_config_fail(r, &key, e->node->pos, "%s", err.msg);
        }
    }
    return true;
}

static bool complete_headers(struct gv_config_reader *r, const entry *e, struct gv_http_settings *http)
{
    size_t n = 0;
    for (size_t i = 0; i < e->n_headers; i++)
        n += e->headers[i].n_values + e->headers[i].n_secrets + e->headers[i].n_files;
    struct gv_http_header *headers = gv_arena_array(r->arena, struct gv_http_header, n);
    http->headers = headers;
    for (size_t i = 0; i < e->n_headers; i++)
        if (!add_header(r, e, &e->headers[i], headers, &http->n_headers))
            return false;
    return true;
}

bool gv_config_complete(struct gv_config *c, struct gv_config_reader *r)
{
    c->clusters = gv_arena_array(&c->arena, struct gv_cluster_config, c->n_entries);
    c->n_clusters = c->n_entries;
    for (size_t i = 0; i < c->n_entries; i++) {
        const entry *e = &c->entries[i];
        struct gv_cluster_config *out = &c->clusters[i];
        *out = e->cluster;
        out->labels = labels_of(r->arena, e);
        out->n_labels = e->n_labels;
        out->params = params_of(r->arena, e);
        out->n_params = e->n_params;
        if (!complete_headers(r, e, &out->http))
            return false;
    }
    return true;
}
