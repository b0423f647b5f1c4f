#include "app/keeper.h"
#include "app/process.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/metrics.h"
#include <stdlib.h>
#include <time.h>

enum { PAUSE_S = 10 }; /* between looks at what is due */

struct keeper {
    struct gv_local local;
    char *path;
    int wal_sync;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending; /* under lock */
};

/* ---- The thread ---- */

static bool pause_or_end(struct keeper *k)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PAUSE_S;
    pthread_mutex_lock(&k->lock);
    while (!k->ending && pthread_cond_timedwait(&k->wake, &k->lock, &until) == 0)
        ;
    bool ending = k->ending;
    pthread_mutex_unlock(&k->lock);
    return ending;
}

static bool is_ending(struct keeper *k)
{
    pthread_mutex_lock(&k->lock);
    bool ending = k->ending;
    pthread_mutex_unlock(&k->lock);
    return ending;
}

static void *keep(void *arg)
{
    static struct gv_log_limit limit = GV_LOG_LIMIT(60000);
    struct keeper *k = arg;
    do {
        struct gv_err err = {0};
        bool did = true, ok = true;
        while (ok && did && !is_ending(k))
            ok = gv_store_maintain(k->local.store, &did, &err);
        if (!ok && err.code != GV_CANCELED)
            gv_log_limited(&limit, GV_LOG_ERROR, "keeping the store in order failed: it is tried again",
                           GV_F("error", err.msg));
    } while (!pause_or_end(k));
    return NULL;
}

/* ---- Face ---- */

static int64_t window_of(const struct gv_config *c)
{
    return c->ingest ? c->ingest->out_of_order_window : 0;
}

static bool open_store(struct keeper *k, const struct gv_config *c, struct gv_err *err)
{
    struct gv_store_options o = {.path = c->storage->path.p,
                                 .retention_time = c->storage->retention_time,
                                 .retention_size = c->storage->retention_size,
                                 .sync = c->storage->wal_sync ? GV_LOG_ALWAYS : GV_LOG_INTERVAL,
                                 .out_of_order_window = window_of(c),
                                 .replay_helper = gv_process_cores() > 1,
                                 .clock = &gv_clock_real};
    struct gv_store_status s;
    struct gv_store *store = gv_store_open(&o, err);
    if (!store)
        return gv_err_prefix(err, "storage: ");
    gv_local_init(&k->local, store);
    gv_store_metrics_watch(store);
    gv_store_status(store, &s);
    gv_log(GV_LOG_INFO, "storage opened", GV_F("path", o.path), GV_F("series", s.series), GV_F("blocks", s.blocks),
           GV_F("replay_seconds", s.replay_seconds));
    return true;
}

struct keeper *keeper_new(const struct gv_config *c, struct gv_err *err)
{
    struct keeper *k = calloc(1, sizeof *k);
    pthread_condattr_t monotonic;
    if (!k || !(k->path = strdup(c->storage->path.p)))
        gv_die("out of memory");
    k->wal_sync = c->storage->wal_sync;
    pthread_mutex_init(&k->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&k->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (open_store(k, c, err) && (k->local.admin = gv_workers_new(1, err)) &&
        gv_thread_start(&k->thread, "keeper", 0, keep, k, err))
        return k;
    k->thread = 0; /* whatever pthreads left there */
    keeper_free(k);
    return NULL;
}

const struct gv_local *keeper_local(const struct keeper *k)
{
    return &k->local;
}

void keeper_apply(struct keeper *k, const struct gv_config *c)
{
    const struct gv_storage_config *s = c->storage;
    if (!s) {
        gv_log(GV_LOG_WARN, "storage is switched off at the next start only");
        return;
    }
    if (strcmp(s->path.p, k->path) != 0 || s->wal_sync != k->wal_sync)
        gv_log(GV_LOG_WARN, "storage.path and storage.wal_sync change at the next start only");
    gv_store_set_retention(k->local.store, s->retention_time, s->retention_size);
    gv_store_set_out_of_order_window(k->local.store, window_of(c));
}

void keeper_stop(struct keeper *k)
{
    if (k && k->local.store)
        gv_store_stop(k->local.store);
}

static void end_thread(struct keeper *k)
{
    pthread_mutex_lock(&k->lock);
    k->ending = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    keeper_stop(k);
    if (k->thread)
        pthread_join(k->thread, NULL);
}

void keeper_free(struct keeper *k)
{
    struct gv_err err = {0};
    if (!k)
        return;
    end_thread(k);
    gv_workers_free(k->local.admin);
    if (k->local.store) {
        gv_store_metrics_watch(NULL);
        if (!gv_store_close(k->local.store, &err))
            gv_log(GV_LOG_ERROR, "the last samples may not be on disk", GV_F("error", err.msg));
    }
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
    free(k->path);
    free(k);
}
