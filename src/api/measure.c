#include "api/measure.h"
#include "api/metrics.h"
#include <stdatomic.h>
#include <stdio.h>

static struct gv_metric_family requests =
    GV_COUNTER("globalview_http_requests_total", "Requests answered, by route and status.", "route", "code");
static struct gv_metric_family seconds =
    GV_HISTOGRAM("globalview_http_request_duration_seconds",
                 "Time from the end of a request's header to the last byte of its reply.", gv_latency_buckets, "route");
static struct gv_metric_family in_flight =
    GV_GAUGE("globalview_http_requests_in_flight", "Requests whose reply has not ended.", "route");

struct gv_metric_family *const gv_api_metrics[] = {&requests, &seconds, &in_flight, NULL};

/* The instances of a route, looked up once: the first threads to come race, and all find the same instance. */
struct route_metrics {
    struct gv_metric *_Atomic seconds, *_Atomic in_flight, *_Atomic ok;
};
enum { MAX_ROUTES = 64 };
static struct route_metrics cache[MAX_ROUTES];

static struct route_metrics *metrics_of(const struct request *r)
{
    size_t n;
    size_t index = (size_t)(r->route - routes_table(&n));
    if (n > MAX_ROUTES)
        gv_die("more than %d routes", MAX_ROUTES);
    struct route_metrics *m = &cache[index];
    struct gv_slice path = gv_slice_of(r->route->path);
    if (!atomic_load_explicit(&m->ok, memory_order_acquire)) {
        atomic_store(&m->seconds, gv_metric_get(&seconds, path));
        atomic_store(&m->in_flight, gv_metric_get(&in_flight, path));
        atomic_store_explicit(&m->ok, gv_metric_get(&requests, path, GV_S("200")), memory_order_release);
    }
    return m;
}

void measure_start(struct request *r)
{
    if (r->route)
        gv_gauge_add(metrics_of(r)->in_flight, 1);
}

static void count_status(struct request *r, const char *status)
{
    const char *route = r->route ? r->route->path : "none"; /* 404, 405, OPTIONS */
    struct gv_metric *m = gv_metric_get(&requests, gv_slice_of(route), gv_slice_of(status));
    gv_counter_add(m, 1); /* the reference stays: there are few statuses, and a counter must not go back */
}

static void measure_route(const struct request *r)
{
    struct route_metrics *m = metrics_of(r);
    gv_gauge_add(m->in_flight, -1);
    gv_histogram_observe(m->seconds, (double)(gv_loop_now_ns(r->l->env.loop) - r->start_ns) / 1e9);
}

void measure_end(struct request *r, bool complete)
{
    char status[16];
    snprintf(status, sizeof status, "%d", r->status);
    if (r->route)
        measure_route(r);
    if (!complete)
        count_status(r, "canceled");
    else if (r->route && r->status == 200)
        gv_counter_add(metrics_of(r)->ok, 1);
    else
        count_status(r, status);
}
