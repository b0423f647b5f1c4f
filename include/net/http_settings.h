/* The HTTP client settings of Prometheus's configuration (http_config), and the profile made of them: one value shared
 * by all loops. Any thread. */
#pragma once
#include "base/err.h"
#include "base/slice.h"

struct gv_http_header {
    const char *name, *value;
};
/* Plain data of a configuration; file names are resolved against the configuration's folder already. */
struct gv_http_settings {
    const char *basic_username, *basic_password, *basic_password_file;
    const char *authorization_type, *authorization_credentials, *authorization_credentials_file;
    const char *proxy_url;
    const struct gv_http_header *headers; /* http_headers */
    size_t n_headers;
    bool follow_redirects; /* same host only; credentials never cross hosts */
    bool enable_http2;
    struct {
        const char *ca_file, *cert_file, *key_file, *server_name, *min_version, *max_version; /* "TLS12" */
        bool insecure_skip_verify;
    } tls;
};

struct gv_http_profile;
/* Checks the settings and reads their files: CA bundle (one store shared by all that name the same file), certificate,
 * password or token file. Blocks: off the loops. Errors name the key and the file. The settings are borrowed. */
GV_MUST_CHECK struct gv_http_profile *gv_http_profile_new(const struct gv_http_settings *s, struct gv_err *err);
struct gv_http_profile *gv_http_profile_get(struct gv_http_profile *p);
void gv_http_profile_put(struct gv_http_profile *p);
/* Reads password, token and certificate files again where they changed. Blocks: off the loops. On failure the old
 * secrets stay. */
GV_MUST_CHECK bool gv_http_profile_refresh(struct gv_http_profile *p, struct gv_err *err);
bool gv_http_profile_reads_files(const struct gv_http_profile *p); /* false: there is nothing to refresh */
