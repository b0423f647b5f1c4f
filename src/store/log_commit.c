/* The committer: takes all that waits, writes it with one writev, syncs by policy, tells the tickets.
 *
 *   synced ──────── written ──────── end        the stream; before `synced` it is forgotten
 *
 * Where a call fails, the segment in use is given up: its records up to `synced` are on disk, what else it has may be
 * or not. A fresh segment then takes everything from `synced` on, is synced, and only then do tickets end well again.
 */
#include "store/log_private.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };
static const int64_t first_backoff = INT64_C(100) * NS_PER_MS, last_backoff = INT64_C(5) * NS_PER_S;

struct round {
    struct log_mark target;
    struct gv_log_ticket *tickets;
    uint64_t cuts; /* up to this one; 0: none is waited for */
    bool closing;
};

int64_t log_now_ns(void)
{
    return gv_clock_monotonic(&gv_clock_real);
}

/* ---- Segments ---- */

static bool fail_call(struct gv_log *l, const char *verb, struct gv_err *err)
{
    return gv_fail(err, GV_UNAVAILABLE, "%s %s/%08" PRIu64 ": %s", verb, l->o.path, l->next_segment - 1,
                   strerror(errno));
}

static bool write_all(struct gv_log *l, struct iovec *v, int n, struct gv_err *err)
{
    while (n) {
        ssize_t done = l->o.io->writev(l->o.io, l->fd, v, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            errno = done < 0 ? errno : EIO;
            return fail_call(l, "write", err);
        }
        l->size += (uint64_t)done;
        for (; n && (size_t)done >= v->iov_len; v++, n--)
            done -= (ssize_t)v->iov_len;
        if (n)
            *v = (struct iovec){(char *)v->iov_base + done, v->iov_len - (size_t)done};
    }
    return true;
}

static void close_segment(struct gv_log *l)
{
    if (l->fd >= 0)
        l->o.io->close(l->o.io, l->fd); /* what it says matters no more: it is synced, or given up */
    l->fd = -1;
}

/* Of the segment in use, which has nothing that is not kept elsewhere. Where it cannot be removed replay sees by the
 * numbers that its records come twice. */
static void remove_segment(struct gv_log *l)
{
    struct gv_buf path = GV_BUF_INIT;
    close_segment(l);
    log_segment_path(&path, l->o.path, l->next_segment - 1);
    l->o.io->unlink(l->o.io, path.p);
    gv_buf_fini(&path);
}

static void add_segment(struct gv_log *l)
{
    pthread_mutex_lock(&l->lock);
    if (l->n_segments == l->cap_segments) {
        l->cap_segments = l->cap_segments ? 2 * l->cap_segments : 16;
        l->segments = reallocarray(l->segments, l->cap_segments, sizeof *l->segments);
        if (!l->segments)
            gv_die("out of memory");
    }
    l->segments[l->n_segments++] = (struct log_segment){l->next_segment - 1, l->size};
    pthread_mutex_unlock(&l->lock);
}

static bool make_segment(struct gv_log *l, uint64_t first, struct gv_err *err)
{
    const struct gv_io *io = l->o.io;
    struct gv_buf path = GV_BUF_INIT;
    char head[LOG_HEAD_SIZE];
    log_segment_path(&path, l->o.path, l->next_segment++);
    l->size = 0;
    l->fd = io->open(io, path.p, O_WRONLY | O_CREAT | O_EXCL, 0666);
    gv_buf_fini(&path);
    if (l->fd < 0)
        return fail_call(l, "make", err);
    log_put_head(head, first);
    if (write_all(l, &(struct iovec){head, sizeof head}, 1, err)) {
        if (io->fsync(io, l->folder) == 0)
            return true;
        fail_call(l, "sync the folder of", err);
    }
    remove_segment(l);
    return false;
}

bool log_begin_segment(struct gv_log *l, uint64_t first, struct gv_err *err)
{
    if (!make_segment(l, first, err))
        return false;
    add_segment(l);
    return true;
}

/* ---- The stream ---- */

/* The stream between two places as iovecs, as many as fit: their number; *from: where they end. */
static int gather(struct gv_log *l, uint64_t *from, uint64_t to)
{
    int n = 0;
    pthread_mutex_lock(&l->lock);
    for (struct log_block *b = l->first; b && n < IOV_MAX && *from < to; b = b->next) {
        uint64_t end = b->start + b->n < to ? b->start + b->n : to;
        if (end <= *from)
            continue;
        l->iov[n++] = (struct iovec){b->p + (*from - b->start), end - *from};
        *from = end;
    }
    pthread_mutex_unlock(&l->lock);
    return n;
}

static bool write_stream(struct gv_log *l, uint64_t from, uint64_t to, struct gv_err *err)
{
    while (from < to) {
        int n = gather(l, &from, to);
        if (!write_all(l, l->iov, n, err))
            return false;
    }
    return true;
}

static void note_written(struct gv_log *l, struct log_mark target)
{
    pthread_mutex_lock(&l->lock);
    if (l->written.bytes == l->synced.bytes && target.bytes > l->written.bytes)
        l->sync_at = log_now_ns() + l->o.sync_interval_ms * NS_PER_MS;
    l->written = target;
    l->segments[l->n_segments - 1].bytes = l->size;
    pthread_mutex_unlock(&l->lock);
}

static void note_synced(struct gv_log *l)
{
    pthread_mutex_lock(&l->lock);
    l->synced = l->written;
    l->syncs++;
    log_release_synced(l);
    pthread_mutex_unlock(&l->lock);
}

static bool sync_written(struct gv_log *l, struct gv_err *err)
{
    if (l->synced.bytes == l->written.bytes)
        return true;
    if (l->o.io->fdatasync(l->o.io, l->fd) < 0)
        return fail_call(l, "sync", err);
    note_synced(l);
    return true;
}

static bool next_segment(struct gv_log *l, struct gv_err *err)
{
    if (!sync_written(l, err))
        return false;
    close_segment(l);
    return log_begin_segment(l, l->base_record + l->written.records, err);
}

static bool write_on(struct gv_log *l, const struct round *r, struct gv_err *err)
{
    if (r->target.bytes == l->written.bytes)
        return true;
    if (l->size >= l->o.segment_size && !next_segment(l, err))
        return false;
    if (!write_stream(l, l->written.bytes, r->target.bytes, err))
        return false;
    note_written(l, r->target);
    return true;
}

static bool must_sync(struct gv_log *l, const struct round *r)
{
    return l->o.sync == GV_LOG_ALWAYS || r->cuts || r->closing || log_now_ns() >= l->sync_at ||
           l->written.bytes - l->synced.bytes > l->o.max_queued / 2;
}

/* ---- Failing, and getting over it ---- */

static void note_failure(struct gv_log *l, const struct gv_err *err)
{
    bool first = !l->failing;
    close_segment(l);
    pthread_mutex_lock(&l->lock);
    l->failing = true;
    l->failures++;
    l->backoff = first ? first_backoff : 2 * l->backoff < last_backoff ? 2 * l->backoff : last_backoff;
    l->retry_at = log_now_ns() + l->backoff;
    snprintf(l->why, sizeof l->why, "%.*s", (int)sizeof l->why - 1, err->msg);
    uint64_t kept = l->end.bytes - l->synced.bytes;
    pthread_mutex_unlock(&l->lock);
    if (first)
        gv_log(GV_LOG_ERROR, "the log cannot be written; writes are refused until a fresh segment is on disk",
               GV_CTX("log", l->o.name), GV_F("error", err->msg), GV_F("kept_bytes", kept));
}

static void note_recovery(struct gv_log *l, struct log_mark target)
{
    note_written(l, target);
    note_synced(l);
    pthread_mutex_lock(&l->lock);
    l->failing = false;
    l->why[0] = '\0';
    pthread_mutex_unlock(&l->lock);
    gv_log(GV_LOG_INFO, "the log is written again", GV_CTX("log", l->o.name), GV_F("segment", l->next_segment - 1));
}

static bool start_over(struct gv_log *l, const struct round *r, struct gv_err *err)
{
    if (!make_segment(l, l->base_record + l->synced.records, err))
        return false;
    if (!write_stream(l, l->synced.bytes, r->target.bytes, err) ||
        (l->o.io->fdatasync(l->o.io, l->fd) < 0 && !fail_call(l, "sync", err))) {
        remove_segment(l);
        return false;
    }
    add_segment(l);
    note_recovery(l, r->target);
    return true;
}

/* ---- Rounds ---- */

static void tell(struct gv_log_ticket **tickets, const struct gv_err *err)
{
    struct gv_log_ticket *t = *tickets;
    *tickets = NULL;
    while (t) {
        struct gv_log_ticket *next = t->next;
        t->done(t, err);
        t = next;
    }
}

static bool advance(struct gv_log *l, struct round *r, struct gv_err *err)
{
    if (!(l->failing ? start_over(l, r, err) : write_on(l, r, err)))
        return false;
    if (l->o.sync == GV_LOG_INTERVAL)
        tell(&r->tickets, err);
    if (must_sync(l, r) && !sync_written(l, err))
        return false;
    return !r->cuts || next_segment(l, err);
}

static void end_cuts(struct gv_log *l, const struct round *r, const struct gv_err *err)
{
    pthread_mutex_lock(&l->lock);
    l->cuts_done = r->cuts;
    l->cut_segment = l->next_segment - 1;
    l->cut_err = *err;
    pthread_cond_broadcast(&l->cut);
    pthread_mutex_unlock(&l->lock);
}

static void run_round(struct gv_log *l, struct round *r)
{
    struct gv_err err = {.code = GV_OK};
    if (l->failing && !r->closing && log_now_ns() < l->retry_at)
        gv_fail(&err, GV_UNAVAILABLE, "%s", l->why);
    else if (!advance(l, r, &err))
        note_failure(l, &err);
    if (err.code != GV_OK)
        gv_err_prefix(&err, "%s: ", l->o.name);
    if (r->cuts)
        end_cuts(l, r, &err);
    tell(&r->tickets, &err);
}

/* Under the lock. Until when there is nothing to do unless something comes: 0: there is. */
static int64_t idle_until(const struct gv_log *l)
{
    int64_t at = INT64_MAX;
    if (l->closing || l->tickets || l->cuts_done < l->cuts_wanted)
        return 0;
    if (l->failing)
        at = l->retry_at;
    else if (l->end.bytes > l->written.bytes)
        at = l->lazy_until;
    else if (l->written.bytes > l->synced.bytes)
        at = l->sync_at;
    return log_now_ns() >= at ? 0 : at;
}

static void wait_for_work(struct gv_log *l)
{
    for (int64_t at; (at = idle_until(l));) {
        struct timespec until = {at / NS_PER_S, at % NS_PER_S};
        l->idle = true;
        if (at == INT64_MAX)
            pthread_cond_wait(&l->wake, &l->lock);
        else
            pthread_cond_timedwait(&l->wake, &l->lock, &until);
        l->idle = false;
    }
}

static void take_round(struct gv_log *l, struct round *r)
{
    *r = (struct round){l->end, l->tickets, l->cuts_done < l->cuts_wanted ? l->cuts_wanted : 0, l->closing};
    l->tickets = NULL;
    l->last_ticket = &l->tickets;
    l->lazy_until = 0;
}

void *log_commit(void *log)
{
    struct gv_log *l = log;
    struct round r = {.closing = false};
    while (!r.closing) {
        pthread_mutex_lock(&l->lock);
        wait_for_work(l);
        take_round(l, &r);
        pthread_mutex_unlock(&l->lock);
        run_round(l, &r);
    }
    return NULL;
}
