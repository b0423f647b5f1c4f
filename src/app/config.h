/* The configuration: file(s) -> tree -> structs by option rows -> checks. Immutable once loaded. Loading blocks (reads
 * files): off the loops. Any thread may read. */
#pragma once
#include "app/option.h"
#include "app/yaml.h"
#include "cluster/config.h"

struct gv_global_config {
    const char *cluster_label;
    int64_t query_timeout_ms, lookback_ms, evaluation_interval_ms;
    bool partial_response;
    int64_t max_samples;
    int64_t max_query_memory, max_total_query_memory; /* bytes; 0 for the total: 60 % of what the process may use */
    int64_t max_concurrent_queries;
    const char *const *forward_headers;
    size_t n_forward_headers;
};

struct gv_storage_config {
    bool present;
    const char *path;
    int64_t retention_time_ms, retention_size; /* 0: none */
    int wal_sync;                              /* 0 interval, 1 always */
};

struct gv_ingest_config {
    bool present;
    const char *default_cluster;
    int64_t out_of_order_window_ms, max_body_size;
};

/* A cluster as written: what the cluster layer takes, and what only the printing and the checks need. */
struct gv_cluster_entry {
    struct gv_cluster_config cluster;
    struct gv_option_pair *labels, *params;
    struct gv_option_header *headers;
    size_t n_labels, n_params, n_headers;
    const struct gv_yaml_node *node; /* for positions; NULL in structs made by hand */
    size_t index;                    /* in the list of its file */
};

struct gv_remote_write_entry; /* app/config_rows.c: shape only, until ingestion is built */

struct gv_config {
    struct gv_arena arena;
    const char *file;
    struct gv_global_config global;
    struct gv_cluster_entry *entries;
    size_t n_entries;
    struct gv_cluster_config *clusters; /* the same, in one array, complete */
    size_t n_clusters;
    const char *const *clusters_files;
    size_t n_clusters_files;
    struct gv_storage_config storage;
    struct gv_ingest_config ingest;
    struct gv_remote_write_entry *remote_write;
    size_t n_remote_write;
    const struct gv_yaml_node *root; /* for positions */
};

/* A value from the command line that beats the file's. */
struct gv_config_override {
    const char *flag;          /* for messages: "--query.timeout" */
    const char *section, *key; /* "global", "query_timeout" */
    const char *text;
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

/* The rows of the top level; the rest hangs below them. */
extern const struct gv_option gv_config_rows[];
extern const size_t gv_config_n_rows;

/* What a file asks for and this build does not have: fails with the key and its position. check-config and serve call
 * it after loading. */
GV_MUST_CHECK bool gv_config_check_built(const struct gv_config *c, struct gv_err *err);
