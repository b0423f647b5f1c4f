/* Shapes behind configuration rows that no layer takes over yet. */
#pragma once
#include "app/config.h"

/* Prometheus's remote_write, for type checks. */
struct gv_relabel_entry {
    const char *const *source_labels;
    size_t n_source_labels;
    const char *separator, *target_label, *regex, *replacement, *action;
    int64_t modulus;
};

struct gv_remote_write_entry {
    const char *url, *name, *protobuf_message;
    int64_t remote_timeout_ms;
    bool send_exemplars, send_native_histograms, round_robin_dns;
    struct gv_option_pair *write_headers;
    size_t n_write_headers;
    struct gv_relabel_entry *relabel;
    size_t n_relabel;
    const char *queue_path;
    struct {
        int64_t capacity, max_shards, min_shards, max_samples_per_send;
        int64_t batch_send_deadline_ms, min_backoff_ms, max_backoff_ms, sample_age_limit_ms;
        bool retry_on_http_429;
    } queue;
    struct {
        bool send;
        int64_t send_interval_ms, max_samples_per_send;
    } metadata;
    struct gv_http_settings http;
    struct gv_option_header *headers;
    size_t n_headers;
    const struct gv_yaml_node *node;
};

/* Looks a key up in a node that is a map; NULL: not there. */
const struct gv_yaml_node *gv_yaml_get(const struct gv_yaml_node *map, const char *key);
