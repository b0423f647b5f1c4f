/* From an HTTP exchange to a handler: strip the route prefix and /cluster/<name>, find the route, check access, read
 * parameters, call. And back: when the exchange ends, whatever it held is freed here. */
#include "api/handlers.h"
#include "api/measure.h"
#include "api/request.h"
#include "base/regex.h"
#include "net/url.h"
#include <stdlib.h>

struct gv_api *gv_api_new(const struct gv_api_options *options, const struct gv_api_ops *ops, struct gv_err *err)
{
    struct gv_regex *cors = gv_regex_new(gv_slice_of(options->cors_origin), false, err);
    if (!cors) {
        gv_err_prefix(err, "--web.cors.origin: ");
        return NULL;
    }
    struct gv_api *api = calloc(1, sizeof *api);
    if (!api)
        gv_die("out of memory");
    *api = (struct gv_api){*options, *ops, cors, gv_slice_of(options->route_prefix ? options->route_prefix : "")};
    return api;
}

void gv_api_free(struct gv_api *api)
{
    if (!api)
        return;
    gv_regex_free(api->cors);
    free(api);
}

struct gv_api_loop *gv_api_loop_new(struct gv_api *api, const struct gv_query_env *env)
{
    struct gv_api_loop *l = calloc(1, sizeof *l);
    if (!l)
        gv_die("out of memory");
    *l = (struct gv_api_loop){api, *env};
    return l;
}

void gv_api_loop_free(struct gv_api_loop *l)
{
    free(l);
}

/* --- routing --- */

static struct gv_slice take_segment(struct gv_slice *path)
{
    const char *slash = memchr(path->p, '/', path->n);
    size_t n = slash ? (size_t)(slash - path->p) : path->n;
    struct gv_slice segment = {path->p, n};
    *path = (struct gv_slice){path->p + n, path->n - n};
    return segment;
}

/* `/a/{name}/b` against a raw path; the segment stays encoded. */
static bool path_matches(const char *pattern, struct gv_slice path, struct gv_slice *argument)
{
    const char *open = strchr(pattern, '{');
    if (!open)
        return gv_slice_is(path, pattern);
    struct gv_slice before = {pattern, (size_t)(open - pattern)};
    if (!gv_slice_has_prefix(path, before))
        return false;
    path = (struct gv_slice){path.p + before.n, path.n - before.n};
    *argument = take_segment(&path);
    return argument->n && gv_slice_is(path, strchr(open, '}') + 1);
}

/* Takes the prefix off; false where the path does not stand under it. */
static bool strip(struct gv_slice *path, struct gv_slice prefix)
{
    if (!gv_slice_has_prefix(*path, prefix))
        return false;
    *path = (struct gv_slice){path->p + prefix.n, path->n - prefix.n};
    return true;
}

static unsigned method_bit(enum gv_http_method m)
{
    return m == GV_HTTP_GET || m == GV_HTTP_HEAD ? M_GET : m == GV_HTTP_POST ? M_POST : m == GV_HTTP_PUT ? M_PUT : 0;
}

/* Sets r->route, r->argument and r->cluster; false with an error that says which of path and method is wrong. */
static bool find_route(struct request *r, struct gv_err *err)
{
    struct gv_slice path = r->x->request.path, argument = {NULL, 0}, cluster = {NULL, 0};
    unsigned method = method_bit(r->x->request.method);
    size_t n;
    const struct route *routes = routes_table(&n);
    if (!strip(&path, r->l->api->prefix))
        n = 0;
    bool scoped = strip(&path, GV_S("/cluster/"));
    if (scoped && !(cluster = take_segment(&path)).n)
        n = 0;
    for (size_t i = 0; i < n; i++) {
        if ((scoped && !routes[i].scoped) || !path_matches(routes[i].path, path, &argument))
            continue;
        r->methods |= routes[i].methods;
        if (!(routes[i].methods & method))
            continue;
        r->route = &routes[i];
        return gv_url_decode_segment(r->x->arena, argument, &r->argument, err) &&
               gv_url_decode_segment(r->x->arena, cluster, &r->cluster, err);
    }
    if (cluster.n && (!path.n || gv_slice_is(path, "/")))
        return gv_fail(
            err, GV_NOT_FOUND,
            "%.*s is a base URL for clients of the API, such as a data source of one cluster, and no page: try "
            "%.*s%sapi/v1/query?query=up",
            GV_ARG(r->x->request.path), GV_ARG(r->x->request.path), path.n ? "" : "/");
    return r->methods ? gv_fail(err, GV_METHOD_NOT_ALLOWED, "method %.*s is not allowed for %.*s",
                                GV_ARG(r->x->request.method_text), GV_ARG(r->x->request.path))
                      : gv_fail(err, GV_NOT_FOUND, "no route for %.*s", GV_ARG(r->x->request.path));
}

static bool may_use(const struct request *r, struct gv_err *err)
{
    const struct gv_api_options *o = &r->l->api->options;
    if (r->route->access == ACCESS_LIFECYCLE && !o->enable_lifecycle)
        return gv_fail(err, GV_FORBIDDEN, "Lifecycle API is not enabled: start with --web.enable-lifecycle");
    if (r->route->access == ACCESS_ADMIN && !o->enable_admin_api)
        return gv_fail(err, GV_FORBIDDEN, "Admin APIs disabled: start with --web.enable-admin-api");
    return true;
}

/* --- handlers of the HTTP server --- */

static struct request *request_new(struct gv_api_loop *l, struct gv_http_exchange *x)
{
    struct request *r = gv_arena_new(x->arena, struct request);
    r->x = x;
    r->l = l;
    r->start_ns = gv_loop_now_ns(l->env.loop);
    x->handler = r;
    return r;
}

/* What a person types who knows of no prefix, or leaves out its last slash. */
static bool means_the_page(const struct request *r)
{
    struct gv_slice path = r->x->request.path, prefix = r->l->api->prefix;
    return prefix.n && (gv_slice_is(path, "/") || gv_slice_eq(path, prefix)) &&
           method_bit(r->x->request.method) == M_GET;
}

static size_t largest_body(struct request *r)
{
    if (r->route->access == ACCESS_WRITE)
        return write_accept(r);
    const struct gv_api_options *o = &r->l->api->options;
    if (r->x->request.method != GV_HTTP_POST)
        return 0;
    return r->route->handle == serve_read ? o->max_read_bytes : o->max_form_bytes;
}

static size_t on_header(void *ctx, struct gv_http_exchange *x)
{
    struct request *r = request_new(ctx, x);
    struct gv_err err = {0};
    if (x->request.method == GV_HTTP_OPTIONS) {
        reply_text(r, 204, NULL, (struct gv_slice){NULL, 0});
        return 0;
    }
    if (means_the_page(r)) {
        reply_redirect(r, gv_arena_printf(x->arena, "%.*s/", GV_ARG(r->l->api->prefix)));
        return 0;
    }
    bool found = find_route(r, &err);
    measure_start(r);
    if (!found || !may_use(r, &err)) {
        reply_error(r, &err);
        return 0;
    }
    return largest_body(r);
}

/* Configured, or known to the store because it pushed. */
static bool is_known(const struct gv_settings *s, struct gv_slice cluster)
{
    return gv_clusters_find(s->clusters, cluster) ||
           (s->local && gv_local_has(s->local, gv_slice_of(s->clusters->label), cluster));
}

static void on_request(void *ctx, struct gv_http_exchange *x)
{
    (void)ctx;
    struct request *r = x->handler;
    struct gv_err err = {0};
    if (!r->settings) /* else since the header */
        r->settings = r->l->api->ops.settings(r->l->api->ops.ctx, r->l->env.loop);
    if (r->cluster.n && r->route->access != ACCESS_WRITE && !is_known(r->settings, r->cluster))
        reply_fail(r, GV_NOT_FOUND, "unknown cluster \"%.*s\": /api/v1/status/clusters lists the configured ones",
                   GV_ARG(r->cluster));
    else if (!params_read(&r->params, x, &err))
        reply_error(r, &err);
    else
        r->route->handle(r);
}

static void on_cancel(void *ctx, struct gv_http_exchange *x)
{
    (void)ctx;
    struct request *r = x->handler;
    bool replied = r->status != 0;
    r->canceled = true;
    if (replied)
        gv_http_abandon(x);
    else if (r->query)
        gv_query_cancel(r->query);
    else if (r->fanout)
        gv_fanout_cancel(r->fanout);
    else if (!r->busy)
        gv_http_abandon(x);
}

static void on_end(void *ctx, struct gv_http_exchange *x, bool complete)
{
    (void)ctx;
    struct request *r = x->handler;
    if (!r)
        return;
    measure_end(r, complete);
    if (r->query)
        gv_query_free(r->query);
    if (r->fanout)
        gv_fanout_free(r->fanout);
    if (r->reserved)
        gv_budget_give(gv_receiver_budget(r->l->env.receiver), r->reserved);
    gv_settings_put(r->settings);
    gv_buf_fini(&r->body);
}

struct gv_http_handlers gv_api_handlers(struct gv_api_loop *l)
{
    return (struct gv_http_handlers){on_header, on_request, on_cancel, on_end, l};
}

/* --- what reads have in common --- */

static bool read_partial(struct request *r, struct gv_err *err)
{
    struct gv_slice text = gv_url_params_get(&r->params, "partial_response");
    if (!text.n)
        return true;
    bool yes = gv_slice_is(text, "true") || gv_slice_is(text, "1");
    if (!yes && !gv_slice_is(text, "false") && !gv_slice_is(text, "0"))
        return gv_fail(err, GV_BAD_DATA, "invalid parameter \"partial_response\": \"%.*s\" is neither true nor false",
                       GV_ARG(text));
    r->scope.partial = yes ? GV_PARTIAL_YES : GV_PARTIAL_NO;
    return true;
}

static void read_forwarded(struct request *r)
{
    const struct gv_query_limits *limits = &r->settings->limits;
    struct gv_slice *lines = gv_arena_array(r->x->arena, struct gv_slice, limits->n_forward_headers);
    for (size_t i = 0; i < limits->n_forward_headers; i++) {
        const char *name = limits->forward_headers[i];
        struct gv_slice value = gv_http_request_field(&r->x->request, name);
        if (value.p)
            lines[r->scope.n_headers++] = gv_slice_of(gv_arena_printf(r->x->arena, "%s: %.*s", name, GV_ARG(value)));
    }
    r->scope.headers = lines;
}

/* A timeout of nothing is over before the read begins, as in Prometheus. */
static bool read_timeout(struct request *r, struct gv_err *err)
{
    if (!params_duration(&r->params, "timeout", 0, &r->scope.timeout_ms, err))
        return false;
    bool over = r->scope.timeout_ms <= 0 && params_has(&r->params, "timeout");
    return !over || gv_fail(err, GV_TIMEOUT, "query timed out: the parameter \"timeout\" leaves it no time");
}

bool request_scope(struct request *r, struct gv_err *err)
{
    r->scope = (struct gv_read_scope){.cluster = r->cluster};
    read_forwarded(r);
    return read_partial(r, err) && read_timeout(r, err);
}

struct gv_settings *request_take_settings(struct request *r)
{
    struct gv_settings *s = r->settings;
    r->settings = NULL;
    return s;
}
