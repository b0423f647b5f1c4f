/* Everything that the head holds, as records in a folder of segments. Series are gone through by number, a leaf of the
 * table at a time, so appends go on meanwhile: what they add is in the log behind the checkpoint, and may be here too.
 */
#include "store/head_record.h"
#include <stdlib.h>

enum { RECORD_BYTES = 1 << 20, MOST_WAITING = 16 << 20, MOST_RUN = 32 /* series under one lock */ };

struct writer {
    struct head *head;
    struct gv_log *log;
    struct gv_buf record;
    struct record_series series;
    pthread_mutex_t lock;
    pthread_cond_t written;
    size_t waiting; /* bytes of records that are not on disk */
    struct gv_err err;
};

struct ticket {
    struct gv_log_ticket ticket;
    struct writer *writer;
    size_t bytes;
};

static void on_written(struct gv_log_ticket *t, const struct gv_err *err)
{
    struct ticket *ticket = container_of(t, struct ticket, ticket);
    struct writer *w = ticket->writer;
    pthread_mutex_lock(&w->lock);
    w->waiting -= ticket->bytes;
    if (err->code)
        gv_fail(&w->err, err->code, "%s", err->msg);
    pthread_cond_signal(&w->written);
    pthread_mutex_unlock(&w->lock);
    free(ticket);
}

/* Waits until at most so many bytes are not on disk. */
static bool wait_for(struct writer *w, size_t most, struct gv_err *err)
{
    pthread_mutex_lock(&w->lock);
    while (w->waiting > most)
        pthread_cond_wait(&w->written, &w->lock);
    bool ok = !w->err.code || gv_fail(err, w->err.code, "%s", w->err.msg);
    pthread_mutex_unlock(&w->lock);
    return ok;
}

static bool flush(struct writer *w, struct gv_err *err)
{
    if (!w->record.n)
        return true;
    struct ticket *t = malloc(sizeof *t);
    if (!t)
        gv_die("out of memory");
    *t = (struct ticket){.ticket.done = on_written, .writer = w, .bytes = w->record.n};
    pthread_mutex_lock(&w->lock);
    w->waiting += t->bytes;
    pthread_mutex_unlock(&w->lock);
    if (!gv_log_append(w->log, &(struct gv_slice){w->record.p, w->record.n}, 1, &t->ticket, err)) {
        pthread_mutex_lock(&w->lock); /* the ticket is nobody else's, the count the committer's too */
        w->waiting -= t->bytes;
        pthread_mutex_unlock(&w->lock);
        free(t);
        return false;
    }
    gv_buf_clear(&w->record);
    return wait_for(w, MOST_WAITING, err);
}

/* ---- Series ---- */

static void put_open(struct gv_buf *out, const struct head_series *s, struct gv_arena *a)
{
    uint32_t size = head_open_size(s);
    uint8_t *copy = gv_arena_alloc(a, size);
    head_open_copy(s, copy);
    struct record_chunk c = {.chunk = {s->open_time, s->open.time, copy, size, s->encoding}, .is_open = true};
    record_put_chunk(out, &c);
}

/* The finished ones, oldest first. */
static void put_finished(struct gv_buf *out, const struct head_series *s, int64_t from, struct gv_arena *a)
{
    const struct head_chunk **chunks = NULL;
    size_t n = 0, cap = 0;
    for (const struct head_chunk *c = s->chunks; c && c->max_time >= from; c = c->older)
        gv_push(a, chunks, n, cap) = c;
    while (n-- > 0) {
        const struct head_chunk *c = chunks[n];
        struct record_chunk chunk = {.chunk = {c->min_time, c->max_time, c->data, c->size, c->encoding}};
        record_put_chunk(out, &chunk);
    }
}

static void put_late(const struct head *h, struct gv_buf *out, const struct head_series *s, struct gv_arena *a)
{
    struct gv_chunk *chunks = NULL;
    size_t n = 0, cap = 0;
    struct gv_err err = {0}; /* there is no budget */
    struct head_late_wish all = {INT64_MIN, INT64_MAX, h->late_done, UINT32_MAX};
    if (!head_late_chunks(s, a, &all, &chunks, &n, &cap, &err))
        gv_die("samples out of order that make no chunk: %s", err.msg);
    for (size_t i = 0; i < n; i++) /* which epochs they are of is not said: the newest is right for all */
        record_put_chunk(out, &(struct record_chunk){.chunk = chunks[i], .epoch = h->epoch});
}

static void put_samples(const struct head *h, struct gv_buf *out, const struct head_series *s, struct gv_arena *a)
{
    size_t begun = record_begin(out, RECORD_CHUNKS);
    put_uvarint(out, s->id);
    size_t items = out->n;
    put_finished(out, s, h->truncated, a);
    if (s->open.n && s->open.time >= h->truncated)
        put_open(out, s, a);
    put_late(h, out, s, a);
    if (out->n > items)
        record_end(out, begun);
    else
        out->n = begun - RECORD_SECTION_HEAD;
    if (s->extra && s->extra->n_deleted)
        record_put_deleted(out, s->id, s->extra->deleted, s->extra->n_deleted);
}

/* Labels of all, then samples of each. */
static void put_found(struct writer *w, const struct head_series *const *series, size_t n, struct gv_arena *a)
{
    struct gv_arena_mark mark = gv_arena_mark(a);
    for (size_t i = 0; i < n; i++) {
        record_put_series_labels(&w->record, &w->series, series[i]->id, head_labels_of(w->head, series[i], a));
        gv_arena_rewind(a, mark);
    }
    record_end_series(&w->record, &w->series);
    for (size_t i = 0; i < n; i++) {
        put_samples(w->head, &w->record, series[i], a);
        gv_arena_rewind(a, mark);
    }
}

static bool put_run(struct writer *w, const uint64_t *ids, size_t n, struct gv_arena *a, struct gv_err *err)
{
    struct head_stripe *stripe = head_stripe_of(w->head, ids[0]);
    const struct head_series *found[MOST_RUN];
    size_t n_found = 0;
    pthread_mutex_lock(&stripe->lock);
    for (size_t i = 0; i < n; i++) {
        const struct head_series *s = head_find(stripe, ids[i]);
        if (s && !s->is_gone)
            found[n_found++] = s;
    }
    put_found(w, found, n_found, a);
    pthread_mutex_unlock(&stripe->lock);
    return w->record.n < RECORD_BYTES || flush(w, err);
}

static bool put_all(struct writer *w, const uint64_t *ids, size_t n, struct gv_err *err)
{
    struct gv_arena a;
    bool ok = true;
    gv_arena_init(&a, NULL);
    gv_arena_alloc(&a, 1);
    for (size_t i = 0, end; ok && i < n; i = end) {
        for (end = i + 1; end < n && end - i < MOST_RUN && head_leaf_of(ids[end]) == head_leaf_of(ids[i]);)
            end++;
        ok = put_run(w, ids + i, end - i, &a, err);
    }
    gv_arena_fini(&a);
    return ok;
}

/* ---- All of it ---- */

/* The numbers of all series, ascending, on the heap. Series that are being made are waited for: their records may be in
 * the log before the checkpoint. */
static uint64_t *series_now(struct head *h, size_t *n, uint64_t *next_id)
{
    pthread_rwlock_wrlock(&h->index);
    *n = h->postings.all.n;
    *next_id = h->next_id;
    uint64_t *ids = malloc((*n + 1) * sizeof *ids);
    if (!ids)
        gv_die("out of memory");
    postings_copy(&h->postings.all, h->postings.all.n, ids);
    pthread_rwlock_unlock(&h->index);
    return ids;
}

static bool write_all(struct writer *w, struct gv_err *err)
{
    size_t n;
    uint64_t next_id, *ids = series_now(w->head, &n, &next_id);
    record_put_state(&w->record, w->head, 1);
    bool ok = put_all(w, ids, n, err);
    free(ids);
    if (!ok)
        return false;
    head_put_exemplars(w->head, &w->record);
    head_put_metadata(w->head, &w->record);
    record_put_state(&w->record, w->head, next_id);
    return flush(w, err);
}

bool head_checkpoint(struct head *h, const struct gv_io *io, const char *folder, struct gv_err *err)
{
    struct gv_log_options o = {.path = folder, .sync = GV_LOG_ALWAYS, .io = io, .name = "checkpoint"};
    struct writer w = {.head = h};
    w.log = gv_log_open(&o, err);
    if (!w.log)
        return false;
    struct store_reader *r = head_reader_get(h, INT64_MIN); /* series stay while their labels are written */
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.written, NULL);
    bool ok = gv_log_start(w.log, err) && write_all(&w, err);
    struct gv_err ignored = {0};
    ok = wait_for(&w, 0, ok ? err : &ignored) && ok;
    ok = gv_log_close(w.log, ok ? err : &ignored) && ok;
    head_reader_put(r);
    pthread_cond_destroy(&w.written);
    pthread_mutex_destroy(&w.lock);
    gv_buf_fini(&w.series.last);
    gv_buf_fini(&w.record);
    return ok;
}
