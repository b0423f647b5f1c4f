/* The HTTP client of an entry, of a cluster or of remote_write: what rows cannot say of its keys, and what the net
 * layer takes of them. */
#include "app/config_read.h"
#include <errno.h>
#include <stdio.h>
#include <strings.h>

typedef struct gv_config_reader reader;

/* --- messages --- */

/* The value at "key" or "key.below", or the nearest thing above it that is there. */
struct gv_yaml_pos gv_config_place(const struct gv_yaml_node *node, const char *key)
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

bool gv_config_refuse(reader *r, const struct gv_config_item *at, const char *key, const char *fmt, ...)
{
    char said[GV_ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(said, sizeof said, fmt, args);
    va_end(args);
    struct gv_config_path list = {.key = at->list}, item = {&list, NULL, at->index}, below = {&item, key, 0};
    return gv_config_fail(r, *key ? &below : &item, gv_config_place(at->node, key), "%s", said);
}

/* --- checks --- */

static bool check_auth(reader *r, const struct gv_config_item *at, const struct gv_http_client_config *http)
{
    const struct gv_basic_auth *b = http->basic_auth;
    const struct gv_authorization *a = http->authorization;
    if (a && b)
        return gv_config_refuse(r, at, "authorization", "at most one of basic_auth and authorization");
    if (b && !b->username.n)
        return gv_config_refuse(r, at, "basic_auth", "username is missing");
    if (b && b->password.n && b->password_file.n)
        return gv_config_refuse(r, at, "basic_auth", "at most one of password and password_file");
    if (a && a->credentials.n && a->credentials_file.n)
        return gv_config_refuse(r, at, "authorization", "at most one of credentials and credentials_file");
    if (a && a->type.n == 5 && strncasecmp(a->type.p, "basic", 5) == 0)
        return gv_config_refuse(r, at, "authorization.type", "for basic authentication use basic_auth");
    return true;
}

static bool check_tls(reader *r, const struct gv_config_item *at, const struct gv_http_client_config *http)
{
    const struct gv_tls_config *t = http->tls;
    if (!t)
        return true;
    if (!t->cert_file.n != !t->key_file.n)
        return gv_config_refuse(r, at, "tls_config", "cert_file and key_file go together: %s is missing",
                                t->cert_file.n ? "key_file" : "cert_file");
    if (t->min_version.n && t->max_version.n && gv_slice_cmp(t->min_version, t->max_version) > 0)
        return gv_config_refuse(r, at, "tls_config.min_version", "%s is newer than max_version %s", t->min_version.p,
                                t->max_version.p);
    return true;
}

static bool check_proxy(reader *r, const struct gv_config_item *at, const struct gv_http_client_config *http)
{
    struct gv_err err = {0};
    struct gv_slice url = http->proxy_url;
    return !url.n || gv_config_is_url(url, &err) || gv_config_refuse(r, at, "proxy_url", "%s", err.msg);
}

bool gv_config_check_http(reader *r, const struct gv_config_item *at, const struct gv_http_client_config *http)
{
    return check_auth(r, at, http) && check_tls(r, at, http) && check_proxy(r, at, http);
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

static bool add_files(reader *r, const struct gv_config_item *at, struct gv_http_settings *h,
                      struct gv_http_header *out, const struct gv_header_config *header)
{
    for (size_t i = 0; i < header->files.n && !(r->env && r->env->sealed); i++) {
        struct gv_err err = {0};
        struct gv_http_header *line = &out[h->n_headers++];
        line->name = header->name.p;
        if (read_header_file(r->arena, header->files.items[i].p, &line->value, &err))
            continue;
        return gv_config_refuse(r, at, "http_headers", "%s", err.msg);
    }
    return true;
}

static bool complete_headers(reader *r, const struct gv_config_item *at, const struct gv_http_client_config *c,
                             struct gv_http_settings *h)
{
    const struct gv_header_config *headers = c->headers.items;
    size_t n = 0;
    for (size_t i = 0; i < c->headers.n; i++)
        n += headers[i].values.n + headers[i].secrets.n + headers[i].files.n;
    struct gv_http_header *out = gv_arena_array(r->arena, struct gv_http_header, n);
    h->headers = out;
    for (size_t i = 0; i < c->headers.n; i++) {
        add_values(h, out, headers[i].name, &headers[i].values);
        add_values(h, out, headers[i].name, &headers[i].secrets);
        if (!add_files(r, at, h, out, &headers[i]))
            return false;
    }
    return true;
}

static const char *text_of(struct gv_slice s)
{
    return s.n ? s.p : NULL;
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

bool gv_config_complete_http(reader *r, const struct gv_config_item *at, const struct gv_http_client_config *c,
                             struct gv_http_settings *out)
{
    *out = http_of(c);
    return complete_headers(r, at, c, out);
}
