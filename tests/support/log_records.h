/* What the tests of the log, and of what stands on it, share: a folder of their own, tickets to wait for, and records
 * that tell where they come from. */
#pragma once
#include "store/log.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A fresh folder, in memory where there is such a place: what survives a machine's death is faulty_io's to tell. */
static inline const char *make_folder(char out[64])
{
    snprintf(out, 64, "%s/gv-test.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(out))
        abort();
    return out;
}

struct awaited {
    struct gv_log_ticket ticket;
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool done;
    struct gv_err err;
};

static inline void awaited_done(struct gv_log_ticket *t, const struct gv_err *err)
{
    struct awaited *w = container_of(t, struct awaited, ticket);
    pthread_mutex_lock(&w->lock);
    w->done = true;
    w->err = *err;
    pthread_cond_signal(&w->told);
    pthread_mutex_unlock(&w->lock);
}

static inline void awaited_init(struct awaited *w)
{
    *w = (struct awaited){
        .ticket.done = awaited_done, .lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER};
}

static inline bool awaited_wait(struct awaited *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->done)
        pthread_cond_wait(&w->told, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return w->err.code == GV_OK;
}

/* Record i: its number, then bytes that follow from it, `size` in all (at least 8). */
static inline void make_record(struct gv_buf *out, uint64_t i, size_t size)
{
    gv_buf_clear(out);
    gv_buf_add(out, &i, sizeof i);
    for (size_t at = sizeof i; at < size; at++)
        gv_buf_addc(out, (char)(i * 31 + at * 7));
}

static inline bool append_record(struct gv_log *l, uint64_t i, size_t size, struct gv_log_ticket *t, struct gv_err *err)
{
    struct gv_buf b = GV_BUF_INIT;
    make_record(&b, i, size);
    struct gv_slice pieces[] = {{b.p, 5}, {b.p + 5, b.n - 5}};
    bool ok = gv_log_append(l, pieces, GV_COUNT(pieces), t, err);
    gv_buf_fini(&b);
    return ok;
}

/* Appends and waits for the ticket. */
static inline bool commit_record(struct gv_log *l, uint64_t i, size_t size)
{
    struct awaited w;
    struct gv_err err = {.code = GV_OK};
    awaited_init(&w);
    return append_record(l, i, size, &w.ticket, &err) && awaited_wait(&w);
}

/* What replay told: the records' own numbers, in order. Aborts where a record is not as it was made. */
struct told {
    uint64_t *ids;
    struct gv_log_place *places;
    size_t n, cap;
    struct gv_log_replayed replayed;
};

static inline bool note_record(void *arg, struct gv_slice record, struct gv_log_place at, struct gv_err *err)
{
    struct told *t = arg;
    struct gv_buf same = GV_BUF_INIT;
    uint64_t id;
    if (record.n < sizeof id)
        return gv_fail(err, GV_INTERNAL, "a record of %zu bytes", record.n);
    memcpy(&id, record.p, sizeof id);
    make_record(&same, id, record.n);
    if (!gv_slice_eq(record, gv_buf_slice(&same)))
        gv_die("record %llu came back as another", (unsigned long long)id);
    gv_buf_fini(&same);
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->ids = reallocarray(t->ids, t->cap, sizeof *t->ids);
        t->places = reallocarray(t->places, t->cap, sizeof *t->places);
    }
    t->ids[t->n] = id;
    t->places[t->n++] = at;
    return true;
}

static inline bool read_log(const char *path, struct told *t, struct gv_err *err)
{
    *t = (struct told){.n = 0};
    struct gv_log *l = gv_log_open(&(struct gv_log_options){.path = path, .name = "read"}, err);
    return l && gv_log_replay(l, 0, note_record, t, &t->replayed, err) && gv_log_close(l, err);
}

static inline void told_fini(struct told *t)
{
    free(t->ids);
    free(t->places);
}
