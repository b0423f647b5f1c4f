/* Checks across keys. Each takes the configuration or one cluster and says no with the place and the way out. */
#include "app/config_check.h"
#include "app/config_rows.h"
#include "base/map.h"
#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <strings.h>

typedef struct gv_cluster_entry entry;
typedef struct gv_config_reader reader;

/* The value at "key" or "key.below", or the nearest thing above it that is there. */
static struct gv_yaml_pos place_of(const struct gv_yaml_node *node, const char *key)
{
    char name[64];
    while (*key) {
        size_t n = strcspn(key, ".");
        snprintf(name, sizeof name, "%.*s", (int)n, key);
        const struct gv_yaml_node *below = gv_yaml_get(node, name);
        if (!below)
            break;
        node = below;
        key += n + (key[n] == '.');
    }
    return node->pos;
}

static bool refuse(reader *r, const entry *e, const char *key, const char *fmt, ...) GV_PRINTF(4, 5);

/* key: "name", "tls_config.key_file", or "" for the cluster as a whole. */
static bool refuse(reader *r, const entry *e, const char *key, const char *fmt, ...)
{
    char said[GV_ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(said, sizeof said, fmt, args);
    va_end(args);
    struct gv_config_path list = {.key = "clusters"}, item = {&list, NULL, e->index}, below = {&item, key, 0};
    return gv_config_fail(r, *key ? &below : &item, place_of(e->node, key), "%s", said);
}

static const char *shown(reader *r, const char *text)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_add_quoted(&b, gv_slice_of(text));
    const char *copy = gv_arena_dup(r->arena, gv_buf_slice(&b)).p;
    gv_buf_fini(&b);
    return copy;
}

static const char *shown_url(reader *r, const char *url)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_config_row_print_url(&b, url);
    const char *copy = shown(r, gv_buf_cstr(&b));
    gv_buf_fini(&b);
    return copy;
}

static bool has_text(const char *s)
{
    return s && *s;
}

/* --- URLs --- */

static bool is_http(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

static bool has_part(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(u, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

/* NULL where url is fine, else what is wrong with it. */
static const char *fault_of_url(const char *url)
{
    CURLU *u = curl_url();
    if (!u)
        gv_die("out of memory");
    CURLUcode code = curl_url_set(u, CURLUPART_URL, url, 0);
    const char *fault = code ? curl_url_strerror(code) : NULL;
    if (!fault && has_part(u, CURLUPART_FRAGMENT))
        fault = "a fragment (#...) has no meaning here";
    if (!fault && has_part(u, CURLUPART_QUERY))
        fault = "parameters go into `params`";
    curl_url_cleanup(u);
    return fault;
}

static bool check_endpoint(reader *r, const entry *e, size_t i)
{
    const char *url = e->cluster.endpoints[i];
    if (!*url)
        return refuse(r, e, "endpoints", "endpoint %zu is empty", i);
    if (!strstr(url, "://"))
        return refuse(r, e, "endpoints", "%s has no scheme (did you mean http://%s?)", shown_url(r, url),
                      strcspn(url, "@\"\\ ") == strlen(url) ? url : "...");
    if (!is_http(url))
        return refuse(r, e, "endpoints", "%s: the scheme must be http or https", shown_url(r, url));
    const char *fault = fault_of_url(url);
    if (fault)
        return refuse(r, e, "endpoints", "%s: %s", shown_url(r, url), fault);
    for (size_t k = 0; k < i; k++)
        if (strcmp(e->cluster.endpoints[k], url) == 0)
            return refuse(r, e, "endpoints", "%s is named twice", shown_url(r, url));
    return true;
}

static bool check_endpoints(reader *r, const entry *e, const struct gv_config *c)
{
    for (size_t i = 0; i < e->cluster.n_endpoints; i++)
        if (!check_endpoint(r, e, i))
            return false;
    if (!e->cluster.n_endpoints && !c->ingest.present)
        return refuse(r, e, "",
                      "cluster %s has no endpoints: name its Prometheus in `endpoints` (a cluster without "
                      "endpoints pushes its series, which needs `ingest`)",
                      shown(r, e->cluster.name));
    return true;
}

/* --- labels --- */

/* Injecting these would change what series mean. */
static bool is_reserved(struct gv_slice name)
{
    return gv_slice_has_prefix(name, GV_S("__")) || gv_slice_is(name, "le");
}

/* Is global (exported_)+ name? The renaming of `name` would then collide with the label `global`. */
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

static bool check_label_pair(reader *r, const entry *e, const char *name, const char *other)
{
    if (strcmp(name, other) == 0)
        return refuse(r, e, "labels", "label %s is injected already: it is the cluster label", name);
    if (is_renamed(gv_slice_of(name), gv_slice_of(other)) || is_renamed(gv_slice_of(other), gv_slice_of(name)))
        return refuse(r, e, "labels", "labels %s and %s collide: a backend's own %s is renamed to %s", name, other,
                      strlen(name) < strlen(other) ? name : other, strlen(name) < strlen(other) ? other : name);
    return true;
}

static bool check_labels(reader *r, const entry *e, const struct gv_config *c)
{
    if (e->cluster.label_from == GV_CLUSTER_LABEL_BACKEND && e->n_labels)
        return refuse(r, e, "labels", "nothing is injected with cluster_label_from: backend, so `labels` must go");
    for (size_t i = 0; i < e->n_labels; i++) {
        const char *name = e->labels[i].name;
        if (!gv_label_name_is_legacy(gv_slice_of(name)))
            return refuse(r, e, "labels", "%s is no label name: letters, digits and _, no digit first", shown(r, name));
        if (is_reserved(gv_slice_of(name)))
            return refuse(r, e, "labels", "label %s is reserved", name);
        if (!*e->labels[i].value)
            return refuse(r, e, "labels", "label %s is empty: a label without a value does not exist", name);
        if (!check_label_pair(r, e, name, c->global.cluster_label))
            return false;
        for (size_t k = 0; k < i; k++)
            if (!check_label_pair(r, e, name, e->labels[k].name))
                return false;
    }
    return true;
}

/* --- HTTP client --- */

static bool check_auth(reader *r, const entry *e, const struct gv_http_settings *h)
{
    bool basic = h->basic_username || h->basic_password || h->basic_password_file;
    if (h->basic_password && h->basic_password_file)
        return refuse(r, e, "basic_auth", "at most one of password and password_file");
    if (basic && !has_text(h->basic_username))
        return refuse(r, e, "basic_auth", "username is missing");
    if (h->authorization_credentials && h->authorization_credentials_file)
        return refuse(r, e, "authorization", "at most one of credentials and credentials_file");
    if (h->authorization_type && strcasecmp(h->authorization_type, "basic") == 0)
        return refuse(r, e, "authorization.type", "for basic authentication use basic_auth");
    if (basic && (h->authorization_type || h->authorization_credentials || h->authorization_credentials_file))
        return refuse(r, e, "", "at most one of basic_auth and authorization");
    return true;
}

static bool check_tls(reader *r, const entry *e, const struct gv_http_settings *h)
{
    if (has_text(h->tls.cert_file) != has_text(h->tls.key_file))
        return refuse(r, e, "tls_config", "cert_file and key_file go together: %s is missing",
                      has_text(h->tls.cert_file) ? "key_file" : "cert_file");
    if (h->tls.min_version && h->tls.max_version && strcmp(h->tls.min_version, h->tls.max_version) > 0)
        return refuse(r, e, "tls_config.min_version", "%s is newer than max_version %s", h->tls.min_version,
                      h->tls.max_version);
    return true;
}

static bool check_proxy(reader *r, const entry *e, const struct gv_http_settings *h)
{
    if (!has_text(h->proxy_url))
        return true;
    const char *fault = is_http(h->proxy_url) ? fault_of_url(h->proxy_url) : "must start with http:// or https://";
    return !fault || refuse(r, e, "proxy_url", "%s: %s", shown_url(r, h->proxy_url), fault);
}

static bool is_token(const char *s)
{
    const char *at = s;
    while (*at && (isalnum((unsigned char)*at) || strchr("!#$%&'*+-.^_`|~", *at)))
        at++;
    return at > s && !*at;
}

/* What the HTTP client writes itself (Prometheus: reservedHeaders). */
static bool is_reserved_header(const char *name)
{
    static const char *const names[] = {"Authorization",
                                        "Host",
                                        "Content-Encoding",
                                        "Content-Length",
                                        "Content-Type",
                                        "User-Agent",
                                        "Connection",
                                        "Keep-Alive",
                                        "Proxy-Authenticate",
                                        "Proxy-Authorization",
                                        "Www-Authenticate",
                                        "Accept-Encoding",
                                        "Transfer-Encoding",
                                        "Te",
                                        "Trailer",
                                        "Upgrade",
                                        "Expect"};
    for (size_t i = 0; i < GV_COUNT(names); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool check_texts(reader *r, const entry *e, const char *name, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (texts[i][strcspn(texts[i], "\r\n")])
            return refuse(r, e, "http_headers", "a value of %s holds a line break", name);
    return true;
}

static bool check_headers(reader *r, const entry *e)
{
    for (size_t i = 0; i < e->n_headers; i++) {
        const struct gv_option_header *h = &e->headers[i];
        if (!is_token(h->name))
            return refuse(r, e, "http_headers", "%s is no header name", shown(r, h->name));
        if (is_reserved_header(h->name))
            return refuse(r, e, "http_headers", "header %s may not be set here", h->name);
        if (!check_texts(r, e, h->name, h->values, h->n_values) ||
            !check_texts(r, e, h->name, h->secrets, h->n_secrets))
            return false;
    }
    return true;
}

/* --- the whole --- */

static bool check_name(reader *r, const entry *e, struct gv_map *seen)
{
    if (!has_text(e->cluster.name))
        return refuse(r, e, "name", "a cluster needs a name");
    struct gv_slice name = gv_slice_of(e->cluster.name);
    void **place = gv_map_at(seen, gv_hash(name.p, name.n), name);
    const entry *first = *place;
    if (first) {
        struct gv_yaml_pos pos = place_of(first->node, "name");
        return refuse(r, e, "name", "cluster %s is there twice (first at %s:%u:%u)", shown(r, e->cluster.name),
                      pos.file, pos.line, pos.col);
    }
    *place = (void *)(uintptr_t)e;
    return true;
}

static bool check_cluster(reader *r, const entry *e, const struct gv_config *c)
{
    const struct gv_http_settings *h = &e->cluster.http;
    return check_endpoints(r, e, c) && check_labels(r, e, c) && check_auth(r, e, h) && check_tls(r, e, h) &&
           check_proxy(r, e, h) && check_headers(r, e);
}

static bool check_global(const struct gv_config *c, reader *r)
{
    struct gv_config_path top = {.key = "global"}, label = {&top, "cluster_label", 0};
    struct gv_slice name = gv_slice_of(c->global.cluster_label);
    if (!gv_label_name_is_legacy(name) || is_reserved(name))
        return gv_config_fail(r, &label, place_of(c->root, "global.cluster_label"),
                              "%s cannot be a label name here: letters, digits and _, no digit first, not le, not __*",
                              shown(r, c->global.cluster_label));
    struct gv_config_path headers = {&top, "forward_headers", 0};
    for (size_t i = 0; i < c->global.n_forward_headers; i++)
        if (!is_token(c->global.forward_headers[i]))
            return gv_config_fail(r, &headers, place_of(c->root, "global.forward_headers"), "%s is no header name",
                                  shown(r, c->global.forward_headers[i]));
    return true;
}

bool gv_config_check(struct gv_config *c, struct gv_config_reader *r)
{
    if (!check_global(c, r))
        return false;
    if (!c->n_entries && !c->storage.present && !(r->env && r->env->sealed && c->n_clusters_files))
        return gv_config_fail(r, NULL, c->root->pos,
                              "no clusters: name at least one under `clusters` (or switch `storage` on)");
    if (c->ingest.present && !c->storage.present && !c->n_remote_write)
        return gv_config_fail(r, NULL, place_of(c->root, "ingest"),
                              "ingest: needs `storage` or `remote_write`: what comes in must go somewhere");
    struct gv_map seen;
    gv_map_init(&seen, r->arena);
    for (size_t i = 0; i < c->n_entries; i++)
        if (!check_name(r, &c->entries[i], &seen) || !check_cluster(r, &c->entries[i], c))
            return false;
    return true;
}

bool gv_config_check_built(const struct gv_config *c, struct gv_err *err)
{
    static const struct {
        const char *key, *what;
    } missing[] = {{"storage", "the embedded store"},
                   {"ingest", "the remote-write receiver"},
                   {"remote_write", "forwarding by remote write"}};
    for (size_t i = 0; i < GV_COUNT(missing); i++)
        if (gv_yaml_get(c->root, missing[i].key))
            return gv_yaml_fail(err, place_of(c->root, missing[i].key),
                                "%s: this build has no storage yet (%s is not built): remove the key", missing[i].key,
                                missing[i].what);
    return true;
}
