/* The configuration: file(s) -> tree -> structs by option rows -> checks -> what other layers take. Immutable once
 * loaded. Loading blocks (reads files): off the loops. Any thread may read.
 *
 * The structs here hold what was written, with defaults filled in; rows over them read, print and document them. */
#pragma once
#include "app/yaml.h"
#include "base/option.h"
#include "cluster/config.h"
#include "ingest/forward.h"
#include "ingest/receiver.h"

struct gv_basic_auth {
    struct gv_slice username, password, password_file;
};
struct gv_authorization {
    struct gv_slice type, credentials, credentials_file;
};
struct gv_tls_config {
    struct gv_slice ca_file, cert_file, key_file, server_name, min_version, max_version;
    bool insecure_skip_verify;
};
struct gv_header_config { /* each value is shown, hidden, or read from a file */
    struct gv_slice name;
    struct gv_option_list values, secrets, files;
};
struct gv_http_client_config { /* Prometheus's HTTP client keys */
    struct gv_basic_auth *basic_auth;
    struct gv_authorization *authorization;
    struct gv_tls_config *tls;
    struct gv_slice proxy_url;
    bool follow_redirects, enable_http2;
    struct gv_option_groups headers; /* struct gv_header_config */
};

struct gv_global_config {
    struct gv_slice cluster_label;
    int64_t query_timeout, lookback, evaluation_interval; /* ms */
    bool partial_response;
    int64_t max_samples;
    int64_t max_query_memory, max_total_query_memory; /* bytes; 0 for the total: 60 % of what the process may use */
    int64_t max_concurrent_queries;
    struct gv_option_list forward_headers;
};

struct gv_cluster_entry {
    struct gv_slice name;
    struct gv_option_list endpoints;
    struct gv_option_map labels, params;
    int label_from, replicas, pushdown; /* enums of cluster/config.h */
    bool required, compression;
    int64_t timeout, hedge_after; /* ms; hedge_after -1: auto, -2: off */
    int64_t max_response_size;    /* bytes */
    struct gv_http_client_config http;
    /* for messages */
    const struct gv_yaml_node *node;
    size_t index; /* in the list of its file */
};

struct gv_storage_config {
    struct gv_slice path;
    int64_t retention_time, retention_size; /* ms, bytes; 0: none */
    int wal_sync;                           /* 0: interval, 1: always */
};

struct gv_ingest_config {
    struct gv_slice default_cluster;
    int64_t out_of_order_window;                                                  /* ms */
    int64_t max_body_size, max_decoded_size, max_inflight_bytes, max_labels_size; /* bytes */
    int64_t max_labels, max_cached_series;
    struct gv_option_groups relabel; /* struct gv_relabel_rule; compiled */
};

struct gv_queue_config {
    int64_t capacity, max_shards, min_shards, max_samples_per_send;          /* samples, requests */
    int64_t batch_send_deadline, min_backoff, max_backoff, sample_age_limit; /* ms */
    bool retry_on_http_429;
};
struct gv_metadata_config {
    bool send;
    int64_t send_interval, max_samples_per_send; /* ms, entries */
};
struct gv_remote_write_entry {
    struct gv_slice url, name, queue_path;
    int protobuf_message;                   /* enum gv_write_version */
    int64_t remote_timeout, max_queue_size; /* ms, bytes */
    struct gv_option_map headers;
    bool send_exemplars, send_native_histograms, round_robin_dns;
    struct gv_option_groups relabel; /* struct gv_relabel_rule; compiled */
    struct gv_queue_config *queue;
    struct gv_metadata_config *metadata;
    struct gv_http_client_config http;
};

struct gv_config {
    struct gv_arena arena;
    const char *file;
    struct gv_global_config *global; /* never NULL */
    struct gv_option_groups entries; /* struct gv_cluster_entry: of all files */
    struct gv_option_list clusters_files;
    struct gv_storage_config *storage; /* NULL: off, as the next */
    struct gv_ingest_config *ingest;
    struct gv_option_groups remote_write; /* struct gv_remote_write_entry */
    const struct gv_yaml_node *root;
    struct gv_cluster_config *clusters; /* entries as the cluster layer takes them */
    size_t n_clusters;
    struct gv_forward_endpoint *forward; /* remote_write as the ingest layer takes it */
};

extern const struct gv_option_table gv_config_table, gv_config_global_table, gv_config_storage_table,
    gv_config_ingest_table;

/* A value from the command line that beats the file's: of a row of gv_config_global_table or gv_config_storage_table.
 */
struct gv_config_override {
    const struct gv_option *row;
    struct gv_slice text;
};

/* Where loading gets things from; NULL members: the process's own. */
struct gv_config_env {
    const char *(*getenv)(const char *name);
    bool sealed; /* read no other files: clusters_files and header files (fuzzing) */
    const struct gv_config_override *overrides;
    size_t n_overrides;
};

/* Errors (GV_BAD_DATA): "FILE:LINE:COL: clusters[0].timout: unknown key (did you mean timeout?)"; the first one. */
GV_MUST_CHECK struct gv_config *gv_config_load(const char *file, const struct gv_config_env *env, struct gv_err *err);
GV_MUST_CHECK struct gv_config *gv_config_parse(const char *file, struct gv_slice text, const struct gv_config_env *env,
                                                struct gv_err *err);
void gv_config_free(struct gv_config *c);

/* The configuration in force as YAML: defaults filled in, secrets as <secret>. Overrides of the command line show. */
void gv_config_print(const struct gv_config *c, struct gv_buf *out);
