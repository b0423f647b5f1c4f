#include "ingest/last_writes.h"
#include "base/log.h"
#include "base/map.h"
#include "ingest/ingest_metrics.h"
#include <stdatomic.h>
#include <stdlib.h>

struct written {
    _Atomic int64_t ms;
    struct gv_metric *metric; /* from the first write on */
};
struct last_writes {
    pthread_mutex_t lock; /* guards names, n, arena and every metric */
    struct gv_arena arena;
    struct gv_map names; /* to the entries of `at` */
    unsigned n;
    bool said_full;
    struct written at[LAST_WRITES_MOST + 1]; /* 0 is nobody's */
    struct gv_slice name[LAST_WRITES_MOST + 1];
};

struct last_writes *last_writes_new(void)
{
    struct last_writes *w = calloc(1, sizeof *w);
    if (!w)
        gv_die("out of memory: the times of last writes");
    pthread_mutex_init(&w->lock, NULL);
    gv_arena_init(&w->arena, NULL);
    gv_map_init(&w->names, &w->arena);
    return w;
}

void last_writes_free(struct last_writes *w)
{
    if (!w)
        return;
    for (unsigned i = 1; i <= w->n; i++)
        gv_metric_put(w->at[i].metric);
    gv_arena_fini(&w->arena);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static unsigned add(struct last_writes *w, struct gv_slice cluster)
{
    if (w->n == LAST_WRITES_MOST) {
        if (!w->said_full)
            gv_log(GV_LOG_WARN, "more clusters push than have a time of their last write; the others have none",
                   GV_F("clusters", LAST_WRITES_MOST));
        w->said_full = true;
        return 0;
    }
    unsigned number = ++w->n;
    w->name[number] = gv_arena_dup(&w->arena, cluster);
    gv_map_put(&w->names, w->name[number], &w->at[number]);
    return number;
}

unsigned last_writes_number(struct last_writes *w, struct gv_slice cluster)
{
    pthread_mutex_lock(&w->lock);
    struct written *known = gv_map_find(&w->names, cluster);
    unsigned number = known ? (unsigned)(known - w->at) : add(w, cluster);
    pthread_mutex_unlock(&w->lock);
    return number;
}

static double read_seconds(void *written)
{
    return (double)atomic_load(&((struct written *)written)->ms) / 1000;
}

static void show(struct last_writes *w, unsigned number)
{
    pthread_mutex_lock(&w->lock);
    struct written *x = &w->at[number];
    if (!x->metric) {
        x->metric = ingest_last_write_metric(w->name[number]);
        gv_metric_set_callback(x->metric, read_seconds, x);
    }
    pthread_mutex_unlock(&w->lock);
}

void last_writes_note(struct last_writes *w, unsigned number, int64_t now)
{
    if (!number)
        return;
    _Atomic int64_t *ms = &w->at[number].ms;
    int64_t before = atomic_load_explicit(ms, memory_order_relaxed);
    bool first = before == 0;
    while (before < now && !atomic_compare_exchange_weak(ms, &before, now))
        ;
    if (first)
        show(w, number);
}

void last_writes_note_all(struct last_writes *w, const struct written_clusters *c, int64_t now)
{
    for (unsigned i = 0; i < sizeof c->bits / sizeof *c->bits; i++)
        for (uint64_t rest = c->bits[i]; rest; rest &= rest - 1)
            last_writes_note(w, i * 64 + (unsigned)__builtin_ctzll(rest), now);
}

int64_t last_writes_of(struct last_writes *w, struct gv_slice cluster)
{
    pthread_mutex_lock(&w->lock);
    struct written *known = gv_map_find(&w->names, cluster);
    int64_t ms = known ? atomic_load(&known->ms) : 0;
    pthread_mutex_unlock(&w->lock);
    return ms;
}
