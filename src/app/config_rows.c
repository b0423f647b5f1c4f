/* Every key of the configuration file, with its default, its bounds and the words that document it. */
#include "app/config.h"
#include "app/config_read.h"
#include <math.h>

#define AT(type, member) .offset = offsetof(struct type, member)
#define FILE_NAME        .type = GV_OPTION_STRING, .path = true
#define MS_PER_DAY       86400000.0
#define UP_TO_A_DAY      .min = 1, .max = MS_PER_DAY
#define UP_TO_A_YEAR     .min = 1, .max = 365 * MS_PER_DAY
#define AT_LEAST(least)  .min = (least), .max = INFINITY

static const char *const label_sources[] = {"config", "backend", NULL};
static const char *const replica_modes[] = {"failover", "merge", NULL};
static const char *const pushdown_modes[] = {"auto", "never", NULL};
static const char *const hedge_words[] = {"auto", "off", NULL};
static const char *const wal_syncs[] = {"interval", "always", NULL};

/* --- HTTP client --- */

static const struct gv_option basic_auth_rows[] = {
    {"username", .type = GV_OPTION_STRING, AT(gv_basic_auth, username), .help = "User name."},
    {"password", .type = GV_OPTION_SECRET, AT(gv_basic_auth, password), .help = "Password."},
    {"password_file", FILE_NAME, AT(gv_basic_auth, password_file),
     .help = "File that holds the password; read again when it changes."},
};
static const struct gv_option_table basic_auth_table = GV_OPTION_TABLE(basic_auth_rows, struct gv_basic_auth);

static const struct gv_option authorization_rows[] = {
    {"type", .type = GV_OPTION_STRING, AT(gv_authorization, type), .fallback = "Bearer",
     .help = "Authentication scheme."},
    {"credentials", .type = GV_OPTION_SECRET, AT(gv_authorization, credentials),
     .help = "Credentials, as sent after the scheme."},
    {"credentials_file", FILE_NAME, AT(gv_authorization, credentials_file),
     .help = "File that holds the credentials; read again when it changes."},
};
static const struct gv_option_table authorization_table = GV_OPTION_TABLE(authorization_rows, struct gv_authorization);

static const struct gv_option tls_rows[] = {
    {"ca_file", FILE_NAME, AT(gv_tls_config, ca_file), .help = "Certificates to trust instead of the system's (PEM)."},
    {"cert_file", FILE_NAME, AT(gv_tls_config, cert_file), .help = "Client certificate (PEM)."},
    {"key_file", FILE_NAME, AT(gv_tls_config, key_file), .help = "Key of the client certificate (PEM)."},
    {"server_name", .type = GV_OPTION_STRING, AT(gv_tls_config, server_name),
     .help = "Name to expect in the server's certificate instead of the URL's host."},
    {"insecure_skip_verify", .type = GV_OPTION_BOOL, AT(gv_tls_config, insecure_skip_verify), .fallback = "false",
     .help = "Accept any certificate."},
    {"min_version", .type = GV_OPTION_STRING, AT(gv_tls_config, min_version), .check = gv_config_is_tls_version,
     .help = "Oldest TLS version to speak: TLS10, TLS11, TLS12 or TLS13."},
    {"max_version", .type = GV_OPTION_STRING, AT(gv_tls_config, max_version), .check = gv_config_is_tls_version,
     .help = "Newest TLS version to speak."},
};
static const struct gv_option_table tls_table = GV_OPTION_TABLE(tls_rows, struct gv_tls_config);

static const struct gv_option header_rows[] = {
    {"values", .type = GV_OPTION_LIST, AT(gv_header_config, values), .check = gv_config_is_header_value,
     .help = "Values."},
    {"secrets", .type = GV_OPTION_LIST, AT(gv_header_config, secrets), .check = gv_config_is_header_value,
     .secret = true, .help = "Values that are not shown."},
    {"files", .type = GV_OPTION_LIST, .path = true, AT(gv_header_config, files), .help = "Files that hold a value."},
};
static const struct gv_option_table header_table = GV_OPTION_TABLE(header_rows, struct gv_header_config);

#define HTTP_CLIENT_ROWS(owner)                                                                                        \
    {"basic_auth", .type = GV_OPTION_GROUP, AT(owner, http.basic_auth), .table = &basic_auth_table,                    \
     .help = "HTTP basic authentication."},                                                                            \
        {"authorization", .type = GV_OPTION_GROUP, AT(owner, http.authorization), .table = &authorization_table,       \
         .help = "The Authorization header; not together with basic_auth."},                                           \
        {"tls_config", .type = GV_OPTION_GROUP, AT(owner, http.tls), .table = &tls_table,                              \
         .help = "TLS towards the backend."},                                                                          \
        {"proxy_url", .type = GV_OPTION_STRING, .url = true, AT(owner, http.proxy_url),                                \
         .help = "HTTP proxy to go through."},                                                                         \
        {"http_headers",                                                                                               \
         .type = GV_OPTION_NAMED,                                                                                      \
         AT(owner, http.headers),                                                                                      \
         .table = &header_table,                                                                                       \
         .check = gv_config_is_header_name,                                                                            \
         .help = "Headers to add to every request, by name."},                                                         \
        {"follow_redirects", .type = GV_OPTION_BOOL, AT(owner, http.follow_redirects), .fallback = "true",             \
         .help = "Follow redirects to the same host."},                                                                \
    {                                                                                                                  \
        "enable_http2", .type = GV_OPTION_BOOL, AT(owner, http.enable_http2), .fallback = "false",                     \
                        .help = "Speak HTTP/2 where the backend offers it over TLS; HTTP/1.1 pools better."            \
    }

/* --- clusters --- */

static const struct gv_option cluster_rows[] = {
    {"name", .type = GV_OPTION_STRING, AT(gv_cluster_entry, name), .required = true,
     .help = "Value of the cluster label; unique."},
    {"endpoints", .type = GV_OPTION_LIST, .url = true, AT(gv_cluster_entry, endpoints), .check = gv_config_is_endpoint,
     .help = "Replicas of one Prometheus that hold the same data, each a URL with an optional path prefix. Without it "
             "the cluster pushes its series by remote write."},
    {"labels", .type = GV_OPTION_MAP, AT(gv_cluster_entry, labels), .check = gv_config_is_label_name,
     .help = "Further labels to inject into every series of this cluster."},
    {"cluster_label_from", .type = GV_OPTION_ENUM, AT(gv_cluster_entry, label_from), .fallback = "config",
     .words = label_sources,
     .help = "config: the cluster label is injected; backend: this source holds many clusters, and its series carry "
             "the label themselves."},
    {"replicas", .type = GV_OPTION_ENUM, AT(gv_cluster_entry, replicas), .fallback = "failover", .words = replica_modes,
     .help = "failover: one endpoint answers, the next one where it fails; merge: every endpoint is asked for raw "
             "samples, gaps of one are filled from the others, and the query is evaluated here."},
    {"pushdown", .type = GV_OPTION_ENUM, AT(gv_cluster_entry, pushdown), .fallback = "auto", .words = pushdown_modes,
     .help = "auto: the cluster evaluates what it can; never: raw samples are fetched and evaluated here (for backends "
             "whose PromQL differs)."},
    {"required", .type = GV_OPTION_BOOL, AT(gv_cluster_entry, required), .fallback = "false",
     .help = "Its failure fails the query, also where partial responses are allowed."},
    {"timeout", .type = GV_OPTION_DURATION, AT(gv_cluster_entry, timeout), .fallback = "30s", UP_TO_A_DAY,
     .help = "Of one ask to this cluster."},
    {"hedge_after", .type = GV_OPTION_DURATION, AT(gv_cluster_entry, hedge_after), .fallback = "auto", UP_TO_A_DAY,
     .words = hedge_words,
     .help = "A second endpoint is asked when the first is this late; auto: its 95th percentile; off: never."},
    {"max_response_size", .type = GV_OPTION_BYTES, AT(gv_cluster_entry, max_response_size), .fallback = "1GiB",
     .help = "Of one reply, after decompression; 0: no limit but max_query_memory."},
    {"compression", .type = GV_OPTION_BOOL, AT(gv_cluster_entry, compression), .fallback = "false",
     .help = "Ask the backend for gzip: saves network, costs CPU."},
    {"params", .type = GV_OPTION_MAP, AT(gv_cluster_entry, params), .help = "URL parameters to add to every request."},
    HTTP_CLIENT_ROWS(gv_cluster_entry),
};
static const struct gv_option_table cluster_table = GV_OPTION_TABLE(cluster_rows, struct gv_cluster_entry);

static const struct gv_option global_rows[] = {
    {"cluster_label", .type = GV_OPTION_STRING, AT(gv_global_config, cluster_label), .fallback = "cluster",
     .reloadable = true, .check = gv_config_is_label_name,
     .help = "Name of the label that is injected into every series and tells its cluster."},
    {"query_timeout", "query.timeout", GV_OPTION_DURATION, AT(gv_global_config, query_timeout), .fallback = "2m",
     UP_TO_A_DAY, .reloadable = true, .help = "The longest a query may run, waiting included."},
    {"lookback_delta", "query.lookback-delta", GV_OPTION_DURATION, AT(gv_global_config, lookback), .fallback = "5m",
     UP_TO_A_YEAR, .reloadable = true, .help = "How far back an instant selector looks for a sample."},
    {"evaluation_interval", .type = GV_OPTION_DURATION, AT(gv_global_config, evaluation_interval), .fallback = "1m",
     UP_TO_A_YEAR, .reloadable = true, .help = "Step of subqueries that name none."},
    {"partial_response", .type = GV_OPTION_BOOL, AT(gv_global_config, partial_response), .fallback = "true",
     .reloadable = true,
     .help = "Answer with warnings when a cluster fails, instead of failing; a request may say otherwise."},
    {"max_samples", "query.max-samples", GV_OPTION_INT, AT(gv_global_config, max_samples), .fallback = "50000000",
     AT_LEAST(1), .unit = "samples", .reloadable = true,
     .help = "Samples that one query may hold at a time, as Prometheus counts them."},
    {"max_query_memory", "query.max-memory", GV_OPTION_BYTES, AT(gv_global_config, max_query_memory),
     .fallback = "512MiB", AT_LEAST(1 << 20), .reloadable = true,
     .help = "Memory of one query, replies of the clusters included."},
    {"max_total_query_memory", "query.max-total-memory", GV_OPTION_BYTES, AT(gv_global_config, max_total_query_memory),
     .fallback = "0", .help = "Memory of all queries together; 0: 60 % of what the process may use."},
    {"max_concurrent_queries", "query.max-concurrency", GV_OPTION_INT, AT(gv_global_config, max_concurrent_queries),
     .fallback = "64", .min = 1, .max = 100000, .unit = "queries", .reloadable = true,
     .help = "Queries that run at a time; more wait, and beyond a bound are refused (503)."},
    {"forward_headers", .type = GV_OPTION_LIST, AT(gv_global_config, forward_headers),
     .check = gv_config_is_header_name, .reloadable = true,
     .help = "Headers of a request that are handed on to the backends, such as X-Scope-OrgID or traceparent."},
};
const struct gv_option_table gv_config_global_table = GV_OPTION_TABLE(global_rows, struct gv_global_config);

/* --- storage and ingestion --- */

static const struct gv_option storage_rows[] = {
    {"path", "storage.path", FILE_NAME, AT(gv_storage_config, path), .fallback = "data",
     .help = "Folder of the embedded store."},
    {"retention_time", "storage.retention.time", GV_OPTION_DURATION, AT(gv_storage_config, retention_time),
     .fallback = "15d", .reloadable = true, .help = "How long samples are kept; 0: without end."},
    {"retention_size", "storage.retention.size", GV_OPTION_BYTES, AT(gv_storage_config, retention_size),
     .fallback = "0", .reloadable = true, .help = "Bytes that the store may take; 0: no limit."},
    {"wal_sync", "storage.wal-sync", GV_OPTION_ENUM, AT(gv_storage_config, wal_sync), .fallback = "interval",
     .words = wal_syncs, .help = "When writes are answered: before they are synced to disk (interval) or after."},
};
const struct gv_option_table gv_config_storage_table = GV_OPTION_TABLE(storage_rows, struct gv_storage_config);

static const struct gv_option ingest_rows[] = {
    {"default_cluster", .type = GV_OPTION_STRING, AT(gv_ingest_config, default_cluster), .reloadable = true,
     .help = "Cluster of series that bring no cluster label; empty: they are refused."},
    {"out_of_order_window", .type = GV_OPTION_DURATION, AT(gv_ingest_config, out_of_order_window), .fallback = "0s",
     .max = 365 * MS_PER_DAY, .reloadable = true,
     .help = "How much older than the newest sample of its series a sample may be."},
    {"max_body_size", .type = GV_OPTION_BYTES, AT(gv_ingest_config, max_body_size), .fallback = "32MiB", .min = 1024,
     .max = 1 << 30, .reloadable = true, .help = "Of one write request, compressed (413 beyond)."},
    {"max_decoded_size", .type = GV_OPTION_BYTES, AT(gv_ingest_config, max_decoded_size), .fallback = "128MiB",
     .min = 1024, .max = 1 << 30, .reloadable = true,
     .help =
         "Of one write request, decompressed, and of the texts that 2.0 refers to, spelled out (400 beyond); looked "
         "at before any memory is taken."},
    {"max_inflight_bytes", .type = GV_OPTION_BYTES, AT(gv_ingest_config, max_inflight_bytes), .fallback = "512MiB",
     AT_LEAST(1 << 20), .reloadable = true,
     .help = "Memory of all write requests under way together (503 beyond: senders try again)."},
    {"max_labels", .type = GV_OPTION_INT, AT(gv_ingest_config, max_labels), .fallback = "256", .min = 1,
     .max = GV_INGEST_MOST_LABELS, .unit = "labels", .reloadable = true, .help = "Of one series as it comes."},
    {"max_labels_size", .type = GV_OPTION_BYTES, AT(gv_ingest_config, max_labels_size), .fallback = "64KiB", .min = 256,
     .max = 8 << 20, .reloadable = true, .help = "Of all labels of one series together."},
    {"max_cached_series", .type = GV_OPTION_INT, AT(gv_ingest_config, max_cached_series), .fallback = "10000000",
     .min = 1000, .max = 1e9, .unit = "series", .reloadable = true,
     .help = "Series whose identity is remembered between requests, at up to 29 bytes each; others are worked out "
             "with every sample."},
    {"write_relabel_configs", .type = GV_OPTION_GROUPS, AT(gv_ingest_config, relabel), .table = &gv_relabel_table,
     .reloadable = true, .help = "Relabelling of what comes in, after its cluster is settled."},
};
const struct gv_option_table gv_config_ingest_table = GV_OPTION_TABLE(ingest_rows, struct gv_ingest_config);

/* --- remote_write, with Prometheus's keys --- */

static const char *const write_messages[] = {"prometheus.WriteRequest", "io.prometheus.write.v2.Request", NULL};

static const struct gv_option queue_rows[] = {
    {"capacity", .type = GV_OPTION_INT, AT(gv_queue_config, capacity), .fallback = "10000", .min = 1, .max = 1e9,
     .unit = "samples", .help = "What a shard reads ahead of its queue; at least twice max_samples_per_send."},
    {"max_shards", .type = GV_OPTION_INT, AT(gv_queue_config, max_shards), .fallback = "50", .min = 1, .max = 1000,
     .help = "The most requests under way at a time; there are more while the endpoint is behind."},
    {"min_shards", .type = GV_OPTION_INT, AT(gv_queue_config, min_shards), .fallback = "1", .min = 1, .max = 1000,
     .help = "The fewest."},
    {"max_samples_per_send", .type = GV_OPTION_INT, AT(gv_queue_config, max_samples_per_send), .fallback = "2000",
     .min = 1, .max = 1e9, .unit = "samples", .help = "Of one request."},
    {"batch_send_deadline", .type = GV_OPTION_DURATION, AT(gv_queue_config, batch_send_deadline), .fallback = "5s",
     AT_LEAST(1), .help = "For how long samples may wait for others to share their request."},
    {"min_backoff", .type = GV_OPTION_DURATION, AT(gv_queue_config, min_backoff), .fallback = "30ms", AT_LEAST(1),
     .help = "First pause before a retry."},
    {"max_backoff", .type = GV_OPTION_DURATION, AT(gv_queue_config, max_backoff), .fallback = "5s", AT_LEAST(1),
     .help = "Longest pause before a retry."},
    {"retry_on_http_429", .type = GV_OPTION_BOOL, AT(gv_queue_config, retry_on_http_429), .fallback = "false",
     .help = "Retry where the endpoint has too many requests."},
    {"sample_age_limit", .type = GV_OPTION_DURATION, AT(gv_queue_config, sample_age_limit), .fallback = "0s",
     .help = "Older samples are not sent; 0: all are."},
};
static const struct gv_option_table queue_table = GV_OPTION_TABLE(queue_rows, struct gv_queue_config);

static const struct gv_option metadata_rows[] = {
    {"send", .type = GV_OPTION_BOOL, AT(gv_metadata_config, send), .fallback = "true", .help = "Send metric metadata."},
    {"send_interval", .type = GV_OPTION_DURATION, AT(gv_metadata_config, send_interval), .fallback = "1m", AT_LEAST(1),
     .help = "How often."},
    {"max_samples_per_send", .type = GV_OPTION_INT, AT(gv_metadata_config, max_samples_per_send), .fallback = "2000",
     AT_LEAST(1), .help = "Entries in one request."},
};
static const struct gv_option_table metadata_table = GV_OPTION_TABLE(metadata_rows, struct gv_metadata_config);

static const struct gv_option remote_write_rows[] = {
    {"url", .type = GV_OPTION_STRING, .url = true, AT(gv_remote_write_entry, url), .required = true,
     .check = gv_config_is_url, .help = "Where to send what was ingested."},
    {"name", .type = GV_OPTION_STRING, AT(gv_remote_write_entry, name),
     .help = "Name in metrics and logs, and of the queue's folder; unique. Without it one is made of the URL."},
    {"protobuf_message", .type = GV_OPTION_ENUM, AT(gv_remote_write_entry, protobuf_message),
     .fallback = "prometheus.WriteRequest", .words = write_messages, .help = "Remote write 1.0 or 2.0."},
    {"remote_timeout", .type = GV_OPTION_DURATION, AT(gv_remote_write_entry, remote_timeout), .fallback = "30s",
     UP_TO_A_DAY, .help = "Of one request."},
    {"headers", .type = GV_OPTION_MAP, AT(gv_remote_write_entry, headers), .check = gv_config_is_free_header,
     .help = "Headers to add to every request; none that remote write itself sets."},
    {"send_exemplars", .type = GV_OPTION_BOOL, AT(gv_remote_write_entry, send_exemplars), .fallback = "false",
     .help = "Send exemplars too."},
    {"send_native_histograms", .type = GV_OPTION_BOOL, AT(gv_remote_write_entry, send_native_histograms),
     .fallback = "false", .help = "Send native histograms too."},
    {"round_robin_dns", .type = GV_OPTION_BOOL, AT(gv_remote_write_entry, round_robin_dns), .fallback = "false",
     .help = "Spread connections over all addresses of the host."},
    {"queue_path", FILE_NAME, AT(gv_remote_write_entry, queue_path),
     .help = "Folder of the durable queue; without it forward/NAME in storage.path."},
    {"max_queue_size", .type = GV_OPTION_BYTES, AT(gv_remote_write_entry, max_queue_size), .fallback = "2GiB",
     AT_LEAST(1 << 20), .help = "What the queue may take on disk; the oldest samples are dropped beyond."},
    {"write_relabel_configs", .type = GV_OPTION_GROUPS, AT(gv_remote_write_entry, relabel), .table = &gv_relabel_table,
     .help = "Relabelling before sending."},
    {"queue_config", .type = GV_OPTION_GROUP, AT(gv_remote_write_entry, queue), .table = &queue_table,
     .help = "The queue."},
    {"metadata_config", .type = GV_OPTION_GROUP, AT(gv_remote_write_entry, metadata), .table = &metadata_table,
     .help = "Metric metadata."},
    HTTP_CLIENT_ROWS(gv_remote_write_entry),
};
static const struct gv_option_table remote_write_table =
    GV_OPTION_TABLE(remote_write_rows, struct gv_remote_write_entry);

/* --- the whole --- */

static const struct gv_option rows[] = {
    {"global", .type = GV_OPTION_GROUP, AT(gv_config, global), .table = &gv_config_global_table,
     .help = "What holds for all clusters."},
    {"clusters", .type = GV_OPTION_GROUPS, AT(gv_config, entries), .table = &cluster_table, .reloadable = true,
     .help = "The clusters, one entry each."},
    {"clusters_files", .type = GV_OPTION_LIST, .path = true, AT(gv_config, clusters_files), .reloadable = true,
     .help = "More clusters: files, or glob patterns of files, that each hold a `clusters:` list."},
    {"storage", .type = GV_OPTION_GROUP, AT(gv_config, storage), .table = &gv_config_storage_table,
     .help = "The embedded store; it is on where this is there, even empty."},
    {"ingest", .type = GV_OPTION_GROUP, AT(gv_config, ingest), .table = &gv_config_ingest_table, .reloadable = true,
     .help = "The remote-write receiver; open where this is there; needs storage or remote_write."},
    {"remote_write", .type = GV_OPTION_GROUPS, AT(gv_config, remote_write), .table = &remote_write_table,
     .help = "Endpoints that what was ingested is forwarded to, each through a durable queue of its own."},
};
const struct gv_option_table gv_config_table = GV_OPTION_TABLE(rows, struct gv_config);
