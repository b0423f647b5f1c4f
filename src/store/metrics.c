/* Each family shows one field of the store's status, as it was at the last refresh. */
#include "store/metrics.h"
#include <pthread.h>
#include <stddef.h>

#define STORE "globalview_store_"

static struct gv_metric_family series = GV_GAUGE(STORE "series", "Series in memory.");
static struct gv_metric_family symbols = GV_GAUGE(STORE "symbols", "Label names and values in memory.");
static struct gv_metric_family chunks = GV_GAUGE(STORE "chunks", "Chunks in memory.");
static struct gv_metric_family exemplars = GV_GAUGE(STORE "exemplars", "Exemplars in memory.");
static struct gv_metric_family metadata =
    GV_GAUGE(STORE "metadata", "Metric families of clusters whose metadata is kept, at most 1,000,000.");
static struct gv_metric_family metadata_refused =
    GV_COUNTER(STORE "metadata_refused_total", "Metadata of further families, which was left out.");
static struct gv_metric_family head_bytes = GV_GAUGE(STORE "head_bytes", "Memory of series, index and chunks.");
static struct gv_metric_family blocks = GV_GAUGE(STORE "blocks", "Blocks on disk.");
static struct gv_metric_family block_bytes = GV_GAUGE(STORE "block_bytes", "Bytes of all blocks on disk.");
static struct gv_metric_family damaged =
    GV_COUNTER(STORE "damaged_blocks_total", "Blocks that were set aside since the start because they are damaged.");
static struct gv_metric_family series_made = GV_COUNTER(STORE "series_created_total", "Series created.");
static struct gv_metric_family series_dropped =
    GV_COUNTER(STORE "series_removed_total", "Series dropped from memory because they ended.");
static struct gv_metric_family late =
    GV_COUNTER(STORE "out_of_order_samples_total", "Samples stored within the out-of-order window.");
static struct gv_metric_family compactions = GV_COUNTER(STORE "compactions_total", "Blocks made of other blocks.");
static struct gv_metric_family failed_compactions =
    GV_COUNTER(STORE "failed_compactions_total", "Compactions that failed and are tried again.");
static struct gv_metric_family deleted =
    GV_COUNTER(STORE "deleted_blocks_total", "Blocks dropped by retention_time or retention_size.");
static struct gv_metric_family wal_bytes = GV_GAUGE(STORE "wal_bytes", "Bytes of the write-ahead log on disk.");
static struct gv_metric_family wal_queued =
    GV_GAUGE(STORE "wal_queued_bytes", "Bytes that wait for the write-ahead log.");
static struct gv_metric_family wal_records =
    GV_COUNTER(STORE "wal_records_total", "Records written to the write-ahead log.");
static struct gv_metric_family wal_syncs =
    GV_COUNTER(STORE "wal_syncs_total", "Times that the log was synced to disk.");
static struct gv_metric_family wal_failures =
    GV_COUNTER(STORE "wal_failures_total", "Writes and syncs of the log that failed; samples were not lost.");
static struct gv_metric_family wal_failing =
    GV_GAUGE(STORE "wal_failing", "1 while the log cannot be written and write requests get 503.");
static struct gv_metric_family replay = GV_GAUGE(STORE "replay_seconds", "How long the log took to replay at start.");

struct gv_metric_family *const gv_store_metrics[] = {
    &series,           &symbols,        &chunks,     &exemplars,   &metadata,
    &metadata_refused, &head_bytes,     &blocks,     &block_bytes, &damaged,
    &series_made,      &series_dropped, &late,       &compactions, &failed_compactions,
    &deleted,          &wal_bytes,      &wal_queued, &wal_records, &wal_syncs,
    &wal_failures,     &wal_failing,    &replay,     NULL};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gv_store *watched; /* under lock, as the next */
static struct gv_store_status latest;

enum kind { COUNT, YES_NO, SECONDS };
static const struct shown {
    struct gv_metric_family *family;
    size_t offset;
    enum kind kind;
} shown[] = {
    {&series, offsetof(struct gv_store_status, series), COUNT},
    {&symbols, offsetof(struct gv_store_status, symbols), COUNT},
    {&chunks, offsetof(struct gv_store_status, chunks), COUNT},
    {&exemplars, offsetof(struct gv_store_status, exemplars), COUNT},
    {&metadata, offsetof(struct gv_store_status, metadata), COUNT},
    {&metadata_refused, offsetof(struct gv_store_status, metadata_refused), COUNT},
    {&head_bytes, offsetof(struct gv_store_status, head_bytes), COUNT},
    {&blocks, offsetof(struct gv_store_status, blocks), COUNT},
    {&block_bytes, offsetof(struct gv_store_status, block_bytes), COUNT},
    {&damaged, offsetof(struct gv_store_status, damaged_blocks), COUNT},
    {&series_made, offsetof(struct gv_store_status, series_made), COUNT},
    {&series_dropped, offsetof(struct gv_store_status, series_dropped), COUNT},
    {&late, offsetof(struct gv_store_status, out_of_order_samples), COUNT},
    {&compactions, offsetof(struct gv_store_status, compactions), COUNT},
    {&failed_compactions, offsetof(struct gv_store_status, failed_compactions), COUNT},
    {&deleted, offsetof(struct gv_store_status, deleted_blocks), COUNT},
    {&wal_bytes, offsetof(struct gv_store_status, log.bytes), COUNT},
    {&wal_queued, offsetof(struct gv_store_status, log.queued), COUNT},
    {&wal_records, offsetof(struct gv_store_status, log.records), COUNT},
    {&wal_syncs, offsetof(struct gv_store_status, log.syncs), COUNT},
    {&wal_failures, offsetof(struct gv_store_status, log.failures), COUNT},
    {&wal_failing, offsetof(struct gv_store_status, log.failing), YES_NO},
    {&replay, offsetof(struct gv_store_status, replay_seconds), SECONDS},
};

static double read_field(void *arg)
{
    const struct shown *s = arg;
    pthread_mutex_lock(&lock);
    const char *field = (const char *)&latest + s->offset;
    double v = s->kind == COUNT    ? (double)*(const uint64_t *)(const void *)field
               : s->kind == YES_NO ? (double)*(const bool *)(const void *)field
                                   : *(const double *)(const void *)field;
    pthread_mutex_unlock(&lock);
    return v;
}

void gv_store_metrics_watch(struct gv_store *s)
{
    pthread_mutex_lock(&lock);
    bool first = s && !watched;
    watched = s;
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; first && i < sizeof shown / sizeof shown[0]; i++)
        gv_metric_set_callback(gv_metric_self(shown[i].family), read_field, (void *)(uintptr_t)&shown[i]);
}

void gv_store_metrics_refresh(void)
{
    pthread_mutex_lock(&lock);
    if (watched)
        gv_store_status(watched, &latest);
    pthread_mutex_unlock(&lock);
}
