/* The process's own metrics: families that layers declare as tables, instances that count, and a registry that renders
 * them as Prometheus text exposition 0.0.4. Counting is lock-free; any thread may do anything here.
 *
 *   static struct gv_metric_family asks =
 *       GV_COUNTER("globalview_cluster_asks_total", "Requests sent to clusters.", "cluster", "outcome");
 *   struct gv_metric_family *const gv_cluster_metrics[] = {&asks, NULL};
 *
 *   struct gv_metric *ok = gv_metric_get(&asks, cluster->name, GV_S("ok"));   when the cluster is configured
 *   gv_counter_add(ok, 1);                                                    at each ask
 *   gv_metric_put(ok);                                                        when the cluster goes away */
#pragma once
#include "base/buf.h"
#include <pthread.h>

enum gv_metric_type { GV_METRIC_COUNTER, GV_METRIC_GAUGE, GV_METRIC_HISTOGRAM };
enum { GV_METRIC_MAX_LABELS = 4 };

struct gv_metric;
struct gv_metric_family {
    const char *name, *help;
    const char *labels[GV_METRIC_MAX_LABELS]; /* names; NULL behind the last */
    enum gv_metric_type type;
    size_t n_buckets;
    const double *buckets; /* upper bounds, increasing, without +Inf */
    pthread_mutex_t lock;
    struct gv_metric *instances;    /* under lock, sorted by label values */
    struct gv_metric *_Atomic self; /* of a family without labels */
};

#define GV_COUNTER(name, help, ...) GV_METRIC_FAMILY(GV_METRIC_COUNTER, name, help, NULL, 0, __VA_ARGS__)
#define GV_GAUGE(name, help, ...)   GV_METRIC_FAMILY(GV_METRIC_GAUGE, name, help, NULL, 0, __VA_ARGS__)
#define GV_HISTOGRAM(name, help, buckets, ...)                                                                         \
    GV_METRIC_FAMILY(GV_METRIC_HISTOGRAM, name, help, buckets, GV_COUNT(buckets), __VA_ARGS__)

extern const double gv_latency_buckets[12]; /* seconds, 1 ms to 60 s */
extern const double gv_size_buckets[8];     /* bytes, 1 KiB to 1 GiB */

/* The instance with these label values, in the order of the family's labels; made where there is none. Holds a
 * reference: an instance lives, and is rendered, until the last one is put. Values are copied. */
#define gv_metric_get(family, ...)                                                                                     \
    gv_metric_find((family), (const struct gv_slice[]){__VA_ARGS__},                                                   \
                   sizeof((const struct gv_slice[]){__VA_ARGS__}) / sizeof(struct gv_slice))
struct gv_metric *gv_metric_find(struct gv_metric_family *f, const struct gv_slice *values, size_t n);
void gv_metric_hold(struct gv_metric *m);                     /* one more reference to an instance that is held */
void gv_metric_put(struct gv_metric *m);                      /* may be NULL */
struct gv_metric *gv_metric_self(struct gv_metric_family *f); /* of a family without labels; never put */

void gv_counter_add(struct gv_metric *m, uint64_t n);
void gv_gauge_set(struct gv_metric *m, double v);
void gv_gauge_add(struct gv_metric *m, double v); /* negative: subtracts */
void gv_histogram_observe(struct gv_metric *m, double v);

/* The value as rendered; of a histogram its sum. For tests and status pages. */
double gv_metric_value(const struct gv_metric *m);
uint64_t gv_metric_count(const struct gv_metric *m); /* observations of a histogram */

/* A counter or gauge whose value is read when it is rendered. read runs under the family's lock, so that it never runs
 * once gv_metric_put has returned: it must be short and touch no metric. */
typedef double gv_metric_read_fn(void *arg);
void gv_metric_set_callback(struct gv_metric *m, gv_metric_read_fn *read, void *arg);

struct gv_registry;
struct gv_registry *gv_registry_new(void);
void gv_registry_free(struct gv_registry *r);
/* families: NULL behind the last. A name that is there already is a bug and ends the program. */
void gv_registry_add(struct gv_registry *r, struct gv_metric_family *const *families);
void gv_registry_render(struct gv_registry *r, struct gv_buf *out); /* by name; families without instances left out */
/* All families, by name: for docs/metrics.md. */
size_t gv_registry_families(const struct gv_registry *r, struct gv_metric_family *const **families);
const char *gv_metric_type_text(enum gv_metric_type type);

#define GV_METRIC_FAMILY(kind, text, description, bounds, n_bounds, ...)                                               \
    {                                                                                                                  \
        .name = (text), .help = (description), .labels = {__VA_ARGS__}, .type = (kind), .n_buckets = (n_bounds),       \
        .buckets = (bounds), .lock = PTHREAD_MUTEX_INITIALIZER                                                         \
    }
