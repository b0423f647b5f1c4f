/* What the API needs of the program around it, and how the program gets the API's HTTP handlers. */
#pragma once
#include "net/http_server.h"
#include "query/query.h"

struct gv_api_options {       /* fixed at start, from flags */
    const char *route_prefix; /* "" or "/prefix", without a slash at the end */
    const char *cors_origin;  /* regular expression, whole match; ".*" by default */
    bool enable_lifecycle;    /* POST /-/reload */
    bool enable_admin_api;
    size_t max_form_bytes;    /* of a POST form; default 2 MiB */
    size_t max_read_bytes;    /* of a remote read request, decompressed */
    int64_t max_read_samples; /* of an answer to one in SAMPLES form; 0: none */
};

struct gv_runtime_info {
    int64_t start_time_ms, last_config_time_ms; /* wall clock */
    bool reload_successful;
    unsigned threads;
};

typedef void gv_api_flag_fn(void *arg, const char *name, const char *value);
typedef void gv_api_reloaded_fn(void *arg, bool ok, const char *message);

/* Called on the loop that serves the request; config_yaml and runtime on a worker too. */
struct gv_api_ops {
    void *ctx;
    struct gv_settings *(*settings)(void *ctx, struct gv_loop *l); /* the configuration in force, with a reference */
    bool (*ready)(void *ctx, const char **why_not);
    /* Reloads off the loop; then done runs once on loop l. */
    void (*reload)(void *ctx, struct gv_loop *l, gv_api_reloaded_fn *done, void *arg);
    void (*quit)(void *ctx);                            /* ends the program as SIGTERM does: what runs is finished */
    void (*config_yaml)(void *ctx, struct gv_buf *out); /* as in force, secrets redacted */
    void (*flags)(void *ctx, gv_api_flag_fn *each, void *arg);
    void (*runtime)(void *ctx, struct gv_runtime_info *out);
    void (*metrics)(void *ctx, struct gv_buf *out); /* the program's own, text exposition 0.0.4 */
};

struct gv_api;      /* one per process: options, routes, metrics */
struct gv_api_loop; /* one per loop */
GV_MUST_CHECK struct gv_api *gv_api_new(const struct gv_api_options *options, const struct gv_api_ops *ops,
                                        struct gv_err *err);
void gv_api_free(struct gv_api *api);
struct gv_api_loop *gv_api_loop_new(struct gv_api *api, const struct gv_query_env *env);
void gv_api_loop_free(struct gv_api_loop *l);
struct gv_http_handlers gv_api_handlers(struct gv_api_loop *l); /* for gv_http_server_new */
