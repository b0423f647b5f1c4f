/* The HTTP client settings of Prometheus's configuration (http_config), as one immutable value shared by all loops.
 * Built when a configuration is loaded; password and token files are read again when they change, off the loops. */
#pragma once
#include "base/err.h"
#include "base/slice.h"

struct gv_http_header {
    const char *name, *value;
};
struct gv_http_settings {
    const char *basic_username, *basic_password, *basic_password_file;
    const char *authorization_type, *authorization_credentials, *authorization_credentials_file;
    const char *proxy_url;
    const struct gv_http_header *headers; /* http_headers */
    size_t n_headers;
    bool follow_redirects; /* same host only; credentials never cross hosts */
    bool enable_http2;
    struct {
        const char *ca_file, *cert_file, *key_file, *server_name, *min_version, *max_version;
        bool insecure_skip_verify;
    } tls;
};
