/* All routes, in one table. */
#include "api/documents.h"
#include "api/handlers.h"

#define READ(path, methods, handler)                                                                                   \
    {                                                                                                                  \
        path, methods, ACCESS_READ, true, handler, NULL                                                                \
    }
#define DOCUMENT(path, methods, document)                                                                              \
    {                                                                                                                  \
        path, methods, ACCESS_READ, true, document_serve, &document                                                    \
    }

static const struct route routes[] = {
    READ("/api/v1/query", M_GET | M_POST, serve_query),
    READ("/api/v1/query_range", M_GET | M_POST, serve_query_range),
    READ("/api/v1/query_explain", M_GET | M_POST, serve_explain),
    READ("/api/v1/format_query", M_GET | M_POST, serve_format_query),
    READ("/api/v1/parse_query", M_GET | M_POST, serve_parse_query),
    DOCUMENT("/api/v1/query_exemplars", M_GET | M_POST, document_exemplars),
    DOCUMENT("/api/v1/labels", M_GET | M_POST, document_labels),
    DOCUMENT("/api/v1/label/{name}/values", M_GET, document_values),
    DOCUMENT("/api/v1/series", M_GET | M_POST, document_series),
    DOCUMENT("/api/v1/metadata", M_GET, document_metadata),
    DOCUMENT("/api/v1/targets", M_GET, document_targets),
    DOCUMENT("/api/v1/targets/metadata", M_GET, document_target_metadata),
    DOCUMENT("/api/v1/scrape_pools", M_GET, document_scrape_pools),
    DOCUMENT("/api/v1/rules", M_GET, document_rules),
    DOCUMENT("/api/v1/alerts", M_GET, document_alerts),
    DOCUMENT("/api/v1/alertmanagers", M_GET, document_alertmanagers),
    DOCUMENT("/api/v1/status/config", M_GET, document_config),
    DOCUMENT("/api/v1/status/runtimeinfo", M_GET, document_runtimeinfo),
    DOCUMENT("/api/v1/status/tsdb", M_GET, document_tsdb),
    READ("/api/v1/status/clusters", M_GET, serve_clusters),
    READ("/api/v1/status/buildinfo", M_GET, serve_buildinfo),
    READ("/api/v1/status/flags", M_GET, serve_flags),
    READ("/api/v1/status/walreplay", M_GET, serve_walreplay),
    READ("/api/v1/features", M_GET, serve_features),
    READ("/api/v1/notifications", M_GET, serve_notifications),
    READ("/api/v1/read", M_POST, serve_read),
    READ("/federate", M_GET, serve_federate),
    {"/api/v1/write", M_POST, ACCESS_WRITE, true, serve_write, NULL},
    {"/api/v1/admin/tsdb/delete_series", M_POST | M_PUT, ACCESS_ADMIN, true, serve_delete_series, NULL},
    {"/api/v1/admin/tsdb/clean_tombstones", M_POST | M_PUT, ACCESS_ADMIN, false, serve_clean_tombstones, NULL},
    {"/api/v1/admin/tsdb/snapshot", M_POST | M_PUT, ACCESS_ADMIN, false, serve_snapshot, NULL},
    {"/", M_GET, ACCESS_READ, false, serve_page, NULL},
    {"/-/healthy", M_GET, ACCESS_OPEN, true, serve_healthy, NULL},
    {"/-/ready", M_GET, ACCESS_OPEN, true, serve_ready, NULL},
    {"/-/reload", M_POST | M_PUT, ACCESS_LIFECYCLE, false, serve_reload, NULL},
    {"/-/quit", M_POST | M_PUT, ACCESS_LIFECYCLE, false, serve_quit, NULL},
    {"/metrics", M_GET, ACCESS_READ, false, serve_metrics, NULL},
};

const struct route *routes_table(size_t *n)
{
    *n = GV_COUNT(routes);
    return routes;
}
