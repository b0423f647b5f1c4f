#include "net/http_metrics.h"
#include "base/metric.h"
#include "net/http_server.h"
#include <stdio.h>

static struct gv_metric_family open_family =
    GV_GAUGE("globalview_http_connections", "Connections of HTTP clients that are open.");
static struct gv_metric_family opened_family =
    GV_COUNTER("globalview_http_connections_opened_total", "Connections accepted from HTTP clients.");
static struct gv_metric_family closed_family =
    GV_COUNTER("globalview_http_connections_closed_total", "Connections of HTTP clients that ended.", "cause");
static struct gv_metric_family refused_family =
    GV_COUNTER("globalview_http_requests_refused_total",
               "Requests that the HTTP server refused by itself: malformed, too large, too slow.", "code");

struct gv_metric_family *const gv_http_server_metrics[] = {&open_family, &opened_family, &closed_family,
                                                           &refused_family, NULL};

static atomic_uint open_connections;
static struct gv_metric *opened;

#define TEXT(name, text) text,
static const char *const causes[] = {GV_HTTP_CLOSED_CAUSES(TEXT)};
#undef TEXT
static struct gv_metric *closed[GV_COUNT(causes)];

static const int statuses[] = {400, 408, 413, 417, 431, 501, 503, 505};
static struct gv_metric *refused[GV_COUNT(statuses)];

static double read_open(void *arg)
{
    (void)arg;
    return atomic_load(&open_connections);
}

/* They are held for good, so that all are there from the start and none ever starts anew. */
static void get_metrics(void)
{
    gv_metric_set_callback(gv_metric_self(&open_family), read_open, NULL);
    opened = gv_metric_self(&opened_family);
    for (size_t i = 0; i < GV_COUNT(causes); i++)
        closed[i] = gv_metric_get(&closed_family, gv_slice_of(causes[i]));
    for (size_t i = 0; i < GV_COUNT(statuses); i++) {
        char code[16];
        snprintf(code, sizeof code, "%d", statuses[i]);
        refused[i] = gv_metric_get(&refused_family, gv_slice_of(code));
    }
}

void gv_http_metrics_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, get_metrics);
}

void gv_http_count_opened(void)
{
    atomic_fetch_add(&open_connections, 1);
    gv_counter_add(opened, 1);
}

void gv_http_count_closed(enum gv_http_closed cause)
{
    atomic_fetch_sub(&open_connections, 1);
    gv_counter_add(closed[cause], 1);
}

void gv_http_count_refused(int status)
{
    for (size_t i = 0; i < GV_COUNT(statuses); i++)
        if (statuses[i] == status)
            gv_counter_add(refused[i], 1);
}

unsigned gv_http_connections_open(void)
{
    return atomic_load(&open_connections);
}
