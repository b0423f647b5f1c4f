/* Deletions: intervals beside the samples, which readers take away; they go with the samples. */
#include "store/head_record.h"
#include "store/head_select.h"
#include <stdlib.h>

static int64_t plus_one(int64_t t)
{
    return t == INT64_MAX ? t : t + 1;
}

/* Kept by time, and apart by more than a millisecond. */
void head_add_deleted(struct head_stripe *stripe, struct head_series *s, struct store_interval added)
{
    struct head_extra *x = head_extra_of(stripe, s);
    size_t from = 0, to;
    while (from < x->n_deleted && plus_one(x->deleted[from].max_time) < added.min_time)
        from++;
    for (to = from; to < x->n_deleted && x->deleted[to].min_time <= plus_one(added.max_time); to++) {
        const struct store_interval *other = &x->deleted[to];
        added.min_time = other->min_time < added.min_time ? other->min_time : added.min_time;
        added.max_time = other->max_time > added.max_time ? other->max_time : added.max_time;
    }
    x->deleted = realloc(x->deleted, (x->n_deleted + 1) * sizeof *x->deleted);
    if (!x->deleted)
        gv_die("out of memory");
    memmove(&x->deleted[from + 1], &x->deleted[to], (x->n_deleted - to) * sizeof *x->deleted);
    x->deleted[from] = added;
    x->n_deleted = x->n_deleted - (to - from) + 1;
}

/* What of the times the series has: samples that are still to come are not deleted. */
static bool clamp(const struct head_series *s, struct store_interval *i)
{
    int64_t min, max, first = s->open.n ? s->open_time : INT64_MAX, last = head_last_time(s);
    for (const struct head_chunk *c = s->chunks; c; c = c->older)
        first = c->min_time;
    if (head_late_range(s, 0, UINT32_MAX, &min, &max)) {
        first = min < first ? min : first;
        last = max > last ? max : last;
    }
    i->min_time = first > i->min_time ? first : i->min_time;
    i->max_time = last < i->max_time ? last : i->max_time;
    return i->min_time <= i->max_time;
}

static void delete_from(struct head *h, struct head_series *s, struct store_interval i, struct gv_buf *record)
{
    struct head_stripe *stripe = head_stripe_of(h, s->id);
    pthread_mutex_lock(&stripe->lock);
    if (clamp(s, &i)) {
        head_add_deleted(stripe, s, i);
        record_put_deleted(record, s->id, &i, 1);
    }
    pthread_mutex_unlock(&stripe->lock);
}

/* ---- The record is waited for: else what was deleted may be back after a crash ---- */

struct waiting {
    struct gv_log_ticket ticket;
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool done;
    struct gv_err err;
};

static void on_logged(struct gv_log_ticket *t, const struct gv_err *err)
{
    struct waiting *w = container_of(t, struct waiting, ticket);
    pthread_mutex_lock(&w->lock);
    w->err = *err;
    w->done = true;
    pthread_cond_signal(&w->told);
    pthread_mutex_unlock(&w->lock);
}

static bool log_and_wait(struct head *h, const struct gv_buf *record, struct gv_err *err)
{
    struct waiting w = {.ticket.done = on_logged, .lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER};
    if (!head_log(h, record, &w.ticket, err))
        return false;
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.told, &w.lock);
    pthread_mutex_unlock(&w.lock);
    pthread_cond_destroy(&w.told);
    pthread_mutex_destroy(&w.lock);
    return w.err.code == GV_OK || gv_fail(err, w.err.code, "%s", w.err.msg);
}

bool head_delete(struct head *h, const struct gv_matcher *matchers, size_t n, int64_t min_time, int64_t max_time,
                 struct gv_err *err)
{
    struct gv_arena a;
    struct head_series **series;
    size_t n_series;
    struct store_reader *r = head_reader_get(h, INT64_MIN);
    struct head_buffer *b = head_buffer_get(h);
    gv_arena_init(&a, NULL);
    bool ok = head_select(container_of(r, struct head_reader, reader), &a, matchers, n, min_time, max_time, &series,
                          &n_series, err);
    for (size_t i = 0; ok && i < n_series; i++)
        delete_from(h, series[i], (struct store_interval){min_time, max_time}, head_buffer_buf(b));
    ok = ok && log_and_wait(h, head_buffer_buf(b), err);
    gv_arena_fini(&a);
    head_buffer_put(h, b);
    head_reader_put(r);
    return ok;
}
