/* Every key of the configuration file, with its default, its bounds and the words that document it. */
#include "app/config_rows.h"

#define AT(type, member)                .offset = offsetof(struct type, member)
#define LIST_AT(type, member, n_member) AT(type, member), .count = offsetof(struct type, n_member)
#define BELOW(table)                    .rows = (table), .n_rows = GV_COUNT(table)
#define MINUTES(n)                      ((n)*60000LL)
#define DAYS(n)                         ((n)*86400000LL)

static const char *const tls_versions[] = {"TLS10", "TLS11", "TLS12", "TLS13", NULL};
static const char *const label_sources[] = {"config", "backend", NULL};
static const char *const replica_modes[] = {"failover", "merge", NULL};
static const char *const pushdown_modes[] = {"auto", "never", NULL};
static const char *const hedge_words[] = {"auto", "off", NULL};
static const int64_t hedge_values[] = {GV_HEDGE_AUTO, GV_HEDGE_OFF};
static const char *const wal_syncs[] = {"interval", "always", NULL};
static const char *const relabel_actions[] = {"replace",  "keep",      "drop",      "keepequal", "dropequal", "hashmod",
                                              "labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase", NULL};
static const char *const write_messages[] = {"prometheus.WriteRequest", "io.prometheus.write.v2.Request", NULL};

static const struct gv_option basic_auth_rows[] = {
    {"username", GV_OPT_TEXT, AT(gv_http_settings, basic_username), .help = "user name"},
    {"password", GV_OPT_TEXT, AT(gv_http_settings, basic_password), .secret = true, .help = "password"},
    {"password_file", GV_OPT_PATH, AT(gv_http_settings, basic_password_file),
     .help = "file that holds the password; read again when it changes"},
};

static const struct gv_option authorization_rows[] = {
    {"type", GV_OPT_TEXT, AT(gv_http_settings, authorization_type),
     .help = "authentication scheme; Bearer where credentials are given without it"},
    {"credentials", GV_OPT_TEXT, AT(gv_http_settings, authorization_credentials), .secret = true,
     .help = "credentials, as sent after the scheme"},
    {"credentials_file", GV_OPT_PATH, AT(gv_http_settings, authorization_credentials_file),
     .help = "file that holds the credentials; read again when it changes"},
};

static const struct gv_option tls_rows[] = {
    {"ca_file", GV_OPT_PATH, AT(gv_http_settings, tls.ca_file),
     .help = "certificates to trust instead of the system's (PEM)"},
    {"cert_file", GV_OPT_PATH, AT(gv_http_settings, tls.cert_file), .help = "client certificate (PEM)"},
    {"key_file", GV_OPT_PATH, AT(gv_http_settings, tls.key_file), .help = "key of the client certificate (PEM)"},
    {"server_name", GV_OPT_TEXT, AT(gv_http_settings, tls.server_name),
     .help = "name to expect in the server's certificate instead of the URL's host"},
    {"insecure_skip_verify", GV_OPT_BOOL, AT(gv_http_settings, tls.insecure_skip_verify), .def = "false",
     .help = "accept any certificate"},
    {"min_version", GV_OPT_WORD, AT(gv_http_settings, tls.min_version), .choices = tls_versions,
     .help = "oldest TLS version to speak"},
    {"max_version", GV_OPT_WORD, AT(gv_http_settings, tls.max_version), .choices = tls_versions,
     .help = "newest TLS version to speak"},
};

/* Relative to struct gv_http_settings. */
static const struct gv_option http_rows[] = {
    {"basic_auth", GV_OPT_SECTION, BELOW(basic_auth_rows), .help = "HTTP basic authentication"},
    {"authorization", GV_OPT_SECTION, BELOW(authorization_rows),
     .help = "the Authorization header; not together with basic_auth"},
    {"tls_config", GV_OPT_SECTION, BELOW(tls_rows), .help = "TLS towards the backend"},
    {"proxy_url", GV_OPT_URL, AT(gv_http_settings, proxy_url), .help = "HTTP proxy to go through"},
    {"follow_redirects", GV_OPT_BOOL, AT(gv_http_settings, follow_redirects), .def = "true",
     .help = "follow redirects to the same host"},
    {"enable_http2", GV_OPT_BOOL, AT(gv_http_settings, enable_http2), .def = "true",
     .help = "speak HTTP/2 where the backend offers it over TLS"},
};

#define HTTP_CLIENT_ROWS(type, settings)                                                                               \
    {"", GV_OPT_INLINE, AT(type, settings), BELOW(http_rows), .help = "HTTP client"},                                  \
    {                                                                                                                  \
        "http_headers", GV_OPT_HEADERS, LIST_AT(type, headers, n_headers),                                             \
            .help = "headers to add to every request; each name has `values`, `secrets` (not shown) and `files`"       \
    }

static const struct gv_option cluster_rows[] = {
    {"name", GV_OPT_TEXT, AT(gv_cluster_entry, cluster.name), .sample = "cluster1",
     .help = "value of the cluster label; unique"},
    {"endpoints", GV_OPT_URLS, LIST_AT(gv_cluster_entry, cluster.endpoints, cluster.n_endpoints),
     .sample = "[http://127.0.0.1:9091]",
     .help = "replicas of one Prometheus that hold the same data, each a URL with an optional path prefix; without it "
             "the cluster pushes its series by remote write"},
    {"labels", GV_OPT_PAIRS, LIST_AT(gv_cluster_entry, labels, n_labels), .sample = "{region: cn-hangzhou}",
     .help = "further labels to inject into every series of this cluster"},
    {"cluster_label_from", GV_OPT_CHOICE, AT(gv_cluster_entry, cluster.label_from), .def = "config",
     .choices = label_sources,
     .help = "config: inject the cluster label; backend: this source holds many clusters and its series carry the "
             "label themselves"},
    {"replicas", GV_OPT_CHOICE, AT(gv_cluster_entry, cluster.replicas), .def = "failover", .choices = replica_modes,
     .help = "failover: one endpoint answers, the next one where it fails; merge: raw samples of all, gaps filled"},
    {"pushdown", GV_OPT_CHOICE, AT(gv_cluster_entry, cluster.pushdown), .def = "auto", .choices = pushdown_modes,
     .help = "auto: the cluster evaluates what it can; never: fetch raw samples and evaluate here (for backends whose "
             "PromQL differs)"},
    {"required", GV_OPT_BOOL, AT(gv_cluster_entry, cluster.required), .def = "false",
     .help = "its failure fails the query, also where partial responses are allowed"},
    {"timeout", GV_OPT_DURATION, AT(gv_cluster_entry, cluster.timeout_ms), .def = "30s", .min = 1, .max = DAYS(1),
     .help = "of one ask to this cluster"},
    {"hedge_after", GV_OPT_DURATION, AT(gv_cluster_entry, cluster.hedge_after_ms), .def = "auto", .min = 1,
     .max = DAYS(1), .choices = hedge_words, .specials = hedge_values,
     .help = "ask a second endpoint when the first is this late; auto: its 95th percentile; off: never"},
    {"max_response_size", GV_OPT_BYTES, AT(gv_cluster_entry, cluster.max_response_size), .def = "1GiB",
     .help = "of one reply, after decompression; 0: no limit but max_query_memory"},
    {"compression", GV_OPT_BOOL, AT(gv_cluster_entry, cluster.compression), .def = "false",
     .help = "ask the backend for gzip: saves network, costs CPU"},
    {"params", GV_OPT_PAIRS, LIST_AT(gv_cluster_entry, params, n_params),
     .help = "URL parameters to add to every request"},
    HTTP_CLIENT_ROWS(gv_cluster_entry, cluster.http),
};

static const struct gv_option global_rows[] = {
    {"cluster_label", GV_OPT_TEXT, AT(gv_global_config, cluster_label), .def = "cluster",
     .help = "name of the label that is injected into every series and tells its cluster"},
    {"query_timeout", GV_OPT_DURATION, AT(gv_global_config, query_timeout_ms), .def = "2m", .min = 1, .max = DAYS(1),
     .help = "the longest a query may run, waiting included"},
    {"lookback_delta", GV_OPT_DURATION, AT(gv_global_config, lookback_ms), .def = "5m", .min = 1, .max = DAYS(365),
     .help = "how far back an instant selector looks for a sample"},
    {"evaluation_interval", GV_OPT_DURATION, AT(gv_global_config, evaluation_interval_ms), .def = "1m", .min = 1,
     .max = DAYS(365), .help = "step of subqueries that name none"},
    {"partial_response", GV_OPT_BOOL, AT(gv_global_config, partial_response), .def = "true",
     .help = "answer with warnings when a cluster fails, instead of failing; requests may say otherwise"},
    {"max_samples", GV_OPT_COUNT, AT(gv_global_config, max_samples), .def = "50000000", .min = 1,
     .help = "samples that one query may hold at a time, as Prometheus counts them"},
    {"max_query_memory", GV_OPT_BYTES, AT(gv_global_config, max_query_memory), .def = "512MiB", .min = 1 << 20,
     .help = "memory of one query, replies of the clusters included"},
    {"max_total_query_memory", GV_OPT_BYTES, AT(gv_global_config, max_total_query_memory), .def = "0",
     .help = "memory of all queries together; 0: 60 % of what the process may use"},
    {"max_concurrent_queries", GV_OPT_COUNT, AT(gv_global_config, max_concurrent_queries), .def = "64", .min = 1,
     .max = 100000, .help = "queries that run at a time; more wait, and beyond a bound are refused (503)"},
    {"forward_headers", GV_OPT_TEXTS, LIST_AT(gv_global_config, forward_headers, n_forward_headers),
     .help = "headers of a request that are handed on to the backends, such as X-Scope-OrgID or traceparent"},
};

static const struct gv_option storage_rows[] = {
    {"path", GV_OPT_PATH, AT(gv_storage_config, path), .def = "data", .help = "folder of the embedded store"},
    {"retention_time", GV_OPT_DURATION, AT(gv_storage_config, retention_time_ms), .def = "15d", .max = DAYS(36500),
     .help = "how long samples are kept; 0: without end"},
    {"retention_size", GV_OPT_BYTES, AT(gv_storage_config, retention_size), .def = "0",
     .help = "bytes that the store may take; 0: no limit"},
    {"wal_sync", GV_OPT_CHOICE, AT(gv_storage_config, wal_sync), .def = "interval", .choices = wal_syncs,
     .help = "interval: writes are answered before they are synced to disk; always: after"},
};

static const struct gv_option ingest_rows[] = {
    {"default_cluster", GV_OPT_TEXT, AT(gv_ingest_config, default_cluster), .def = "",
     .help = "cluster of series that bring no cluster label; empty: refuse them"},
    {"out_of_order_window", GV_OPT_DURATION, AT(gv_ingest_config, out_of_order_window_ms), .def = "0s",
     .max = DAYS(365), .help = "how much older than the newest sample of its series a sample may be"},
    {"max_body_size", GV_OPT_BYTES, AT(gv_ingest_config, max_body_size), .def = "32MiB", .min = 1024, .max = 1 << 30,
     .help = "of one write request, compressed"},
};

static const struct gv_option relabel_rows[] = {
    {"source_labels", GV_OPT_TEXTS, LIST_AT(gv_relabel_entry, source_labels, n_source_labels),
     .help = "labels whose values are joined and matched"},
    {"separator", GV_OPT_TEXT, AT(gv_relabel_entry, separator), .def = ";", .help = "what joins them"},
    {"target_label", GV_OPT_TEXT, AT(gv_relabel_entry, target_label), .help = "label to write"},
    {"regex", GV_OPT_TEXT, AT(gv_relabel_entry, regex), .def = "(.*)", .help = "expression to match as a whole"},
    {"modulus", GV_OPT_COUNT, AT(gv_relabel_entry, modulus), .def = "0", .help = "of the hash (hashmod)"},
    {"replacement", GV_OPT_TEXT, AT(gv_relabel_entry, replacement), .def = "$1", .help = "value to write"},
    {"action", GV_OPT_WORD, AT(gv_relabel_entry, action), .def = "replace", .choices = relabel_actions,
     .help = "what to do"},
};

static const struct gv_option queue_rows[] = {
    {"capacity", GV_OPT_COUNT, AT(gv_remote_write_entry, queue.capacity), .def = "10000", .min = 1,
     .help = "samples a shard holds"},
    {"max_shards", GV_OPT_COUNT, AT(gv_remote_write_entry, queue.max_shards), .def = "50", .min = 1,
     .help = "the most requests under way"},
    {"min_shards", GV_OPT_COUNT, AT(gv_remote_write_entry, queue.min_shards), .def = "1", .min = 1,
     .help = "the fewest"},
    {"max_samples_per_send", GV_OPT_COUNT, AT(gv_remote_write_entry, queue.max_samples_per_send), .def = "2000",
     .min = 1, .help = "samples in one request"},
    {"batch_send_deadline", GV_OPT_DURATION, AT(gv_remote_write_entry, queue.batch_send_deadline_ms), .def = "5s",
     .min = 1, .help = "how long a sample waits for a full request"},
    {"min_backoff", GV_OPT_DURATION, AT(gv_remote_write_entry, queue.min_backoff_ms), .def = "30ms", .min = 1,
     .help = "first pause before a retry"},
    {"max_backoff", GV_OPT_DURATION, AT(gv_remote_write_entry, queue.max_backoff_ms), .def = "5s", .min = 1,
     .help = "longest pause before a retry"},
    {"retry_on_http_429", GV_OPT_BOOL, AT(gv_remote_write_entry, queue.retry_on_http_429), .def = "false",
     .help = "retry where the endpoint says that it has too many requests"},
    {"sample_age_limit", GV_OPT_DURATION, AT(gv_remote_write_entry, queue.sample_age_limit_ms), .def = "0s",
     .help = "drop samples older than this; 0: none"},
};

static const struct gv_option metadata_rows[] = {
    {"send", GV_OPT_BOOL, AT(gv_remote_write_entry, metadata.send), .def = "true", .help = "send metric metadata"},
    {"send_interval", GV_OPT_DURATION, AT(gv_remote_write_entry, metadata.send_interval_ms), .def = "1m", .min = 1,
     .help = "how often"},
    {"max_samples_per_send", GV_OPT_COUNT, AT(gv_remote_write_entry, metadata.max_samples_per_send), .def = "2000",
     .min = 1, .help = "entries in one request"},
};

static const struct gv_option remote_write_rows[] = {
    {"url", GV_OPT_URL, AT(gv_remote_write_entry, url), .sample = "http://mimir:9009/api/v1/push",
     .help = "where to send what was ingested"},
    {"name", GV_OPT_TEXT, AT(gv_remote_write_entry, name), .help = "name in metrics and logs"},
    {"protobuf_message", GV_OPT_WORD, AT(gv_remote_write_entry, protobuf_message), .def = "prometheus.WriteRequest",
     .choices = write_messages, .help = "message to send: remote write 1.0 or 2.0"},
    {"remote_timeout", GV_OPT_DURATION, AT(gv_remote_write_entry, remote_timeout_ms), .def = "30s", .min = 1,
     .help = "of one request"},
    {"headers", GV_OPT_PAIRS, LIST_AT(gv_remote_write_entry, write_headers, n_write_headers),
     .help = "headers to add to every request"},
    {"send_exemplars", GV_OPT_BOOL, AT(gv_remote_write_entry, send_exemplars), .def = "false",
     .help = "send exemplars too"},
    {"send_native_histograms", GV_OPT_BOOL, AT(gv_remote_write_entry, send_native_histograms), .def = "false",
     .help = "send native histograms too"},
    {"round_robin_dns", GV_OPT_BOOL, AT(gv_remote_write_entry, round_robin_dns), .def = "false",
     .help = "spread connections over all addresses of the host"},
    {"queue_path", GV_OPT_PATH, AT(gv_remote_write_entry, queue_path),
     .help = "folder of the durable queue where there is no store"},
    {"write_relabel_configs", GV_OPT_SECTIONS, LIST_AT(gv_remote_write_entry, relabel, n_relabel), BELOW(relabel_rows),
     .size = sizeof(struct gv_relabel_entry), .help = "relabelling before sending"},
    {"queue_config", GV_OPT_SECTION, BELOW(queue_rows), .help = "the queue"},
    {"metadata_config", GV_OPT_SECTION, BELOW(metadata_rows), .help = "metric metadata"},
    HTTP_CLIENT_ROWS(gv_remote_write_entry, http),
};

const struct gv_option gv_config_rows[] = {
    {"global", GV_OPT_SECTION, AT(gv_config, global), BELOW(global_rows), .help = "what holds for all clusters"},
    {"clusters", GV_OPT_SECTIONS, LIST_AT(gv_config, entries, n_entries), BELOW(cluster_rows),
     .size = sizeof(struct gv_cluster_entry), .help = "the clusters, one entry each"},
    {"clusters_files", GV_OPT_PATHS, LIST_AT(gv_config, clusters_files, n_clusters_files), .sample = "[conf.d/*.yml]",
     .help =
         "more clusters: files, or glob patterns of files, that each hold a `clusters:` list; read again on reload"},
    {"storage", GV_OPT_SECTION, AT(gv_config, storage), .count = offsetof(struct gv_config, storage.present),
     BELOW(storage_rows), .help = "the embedded store; it is on where this section is there, even empty"},
    {"ingest", GV_OPT_SECTION, AT(gv_config, ingest), .count = offsetof(struct gv_config, ingest.present),
     BELOW(ingest_rows),
     .help = "the remote-write receiver; open where this section is there; needs storage or remote_write"},
    {"remote_write", GV_OPT_SECTIONS, LIST_AT(gv_config, remote_write, n_remote_write), BELOW(remote_write_rows),
     .size = sizeof(struct gv_remote_write_entry), .help = "endpoints to forward to what was ingested"},
};
const size_t gv_config_n_rows = GV_COUNT(gv_config_rows);
