/* The program's own metrics, and the registry that joins every layer's. */
#include "api/metrics.h"
#include "app/program.h"
#include "cluster/metrics.h"
#include "ingest/metrics.h"
#include "query/metrics.h"
#include "store/metrics.h"
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static struct gv_metric_family build_info =
    GV_GAUGE("globalview_build_info", "1, with the version as label.", "version");
static struct gv_metric_family reload_successful =
    GV_GAUGE("globalview_config_last_reload_successful", "Whether the configuration was loaded at the last attempt.");
static struct gv_metric_family reload_time =
    GV_GAUGE("globalview_config_last_reload_success_timestamp_seconds", "When the configuration in force was loaded.");
static struct gv_metric_family clusters = GV_GAUGE("globalview_clusters", "Clusters in the configuration in force.");
static struct gv_metric_family queued =
    GV_GAUGE("globalview_worker_queue_length", "Pieces of work that wait for a worker thread.");
static struct gv_metric_family cpu = GV_COUNTER("process_cpu_seconds_total", "User and system CPU time spent.");
static struct gv_metric_family resident = GV_GAUGE("process_resident_memory_bytes", "Resident memory.");
static struct gv_metric_family virtual_memory = GV_GAUGE("process_virtual_memory_bytes", "Virtual memory.");
static struct gv_metric_family open_fds = GV_GAUGE("process_open_fds", "Open file descriptors.");
static struct gv_metric_family max_fds = GV_GAUGE("process_max_fds", "File descriptors that may be open.");
static struct gv_metric_family start_time = GV_GAUGE("process_start_time_seconds", "When the process started.");

struct gv_metric_family *const gv_program_metrics[] = {
    &build_info, &reload_successful, &reload_time, &clusters, &queued,     &cpu,
    &resident,   &virtual_memory,    &open_fds,    &max_fds,  &start_time, NULL};

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double read_cpu(void *arg)
{
    (void)arg;
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) == 0 ? seconds(u.ru_utime) + seconds(u.ru_stime) : 0;
}

/* Pages of virtual (0) or resident (1) memory, in bytes. */
static double read_statm(void *arg)
{
    unsigned long pages[2] = {0, 0};
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    if (fscanf(f, "%lu %lu", &pages[0], &pages[1]) != 2)
        pages[0] = pages[1] = 0;
    fclose(f);
    return (double)pages[arg != NULL] * (double)sysconf(_SC_PAGESIZE);
}

static double read_open_fds(void *arg)
{
    (void)arg;
    DIR *d = opendir("/proc/self/fd");
    if (!d)
        return 0;
    double n = -3; /* ".", ".." and d itself */
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static double read_max_fds(void *arg)
{
    (void)arg;
    struct rlimit l;
    return getrlimit(RLIMIT_NOFILE, &l) == 0 ? (double)l.rlim_cur : 0;
}

static double read_queued(void *arg)
{
    return (double)gv_workers_queued(arg);
}

static double read_clusters(void *arg)
{
    struct program *p = arg;
    pthread_mutex_lock(&p->lock);
    size_t n = p->current ? p->current->clusters->n : 0;
    pthread_mutex_unlock(&p->lock);
    return (double)n;
}

struct gv_registry *gv_metrics_registry(void)
{
    struct gv_registry *r = gv_registry_new();
    gv_registry_add(r, gv_program_metrics);
    gv_registry_add(r, gv_store_metrics);
    gv_registry_add(r, gv_query_metrics);
    gv_registry_add(r, gv_api_metrics);
    gv_registry_add(r, gv_cluster_metrics);
    gv_registry_add(r, gv_ingest_metrics);
    gv_registry_add(r, gv_forward_metrics);
    gv_registry_add(r, gv_http_server_metrics);
    return r;
}

void program_metrics_init(struct program *p)
{
    static char yes;
    p->metrics = gv_metrics_registry();
    gv_gauge_set(gv_metric_get(&build_info, GV_S(GV_VERSION)), 1);
    gv_gauge_set(gv_metric_self(&start_time), (double)p->start_time_ms / 1000);
    gv_metric_set_callback(gv_metric_self(&clusters), read_clusters, p);
    gv_metric_set_callback(gv_metric_self(&queued), read_queued, p->workers);
    gv_metric_set_callback(gv_metric_self(&cpu), read_cpu, NULL);
    gv_metric_set_callback(gv_metric_self(&virtual_memory), read_statm, NULL);
    gv_metric_set_callback(gv_metric_self(&resident), read_statm, &yes);
    gv_metric_set_callback(gv_metric_self(&open_fds), read_open_fds, NULL);
    gv_metric_set_callback(gv_metric_self(&max_fds), read_max_fds, NULL);
    gv_query_metrics_watch(p->gate, p->reads, &p->memory);
}

void program_metrics_reloaded(bool ok, int64_t now_ms)
{
    gv_gauge_set(gv_metric_self(&reload_successful), ok);
    if (ok)
        gv_gauge_set(gv_metric_self(&reload_time), (double)now_ms / 1000);
}
