/* Opening, appending, cutting and dropping: what other threads do with the log while the committer (log_commit.c)
 * writes. A record is framed before the lock is taken, and copied once, under it. */
#include "store/log_private.h"
#include "base/thread.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { BLOCK_SIZE = 256 * 1024 - 64 };
static const size_t default_segment_size = (size_t)128 << 20, default_max_queued = (size_t)256 << 20;

/* ---- Opening and closing ---- */

static void keep_text(struct gv_buf *copy, const char **text)
{
    gv_buf_adds(copy, *text);
    *text = gv_buf_cstr(copy);
}

static void init_waiting(struct gv_log *l)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->wake, &monotonic);
    pthread_cond_init(&l->cut, NULL);
    pthread_condattr_destroy(&monotonic);
}

static struct gv_log *new_log(const struct gv_log_options *o)
{
    struct gv_log *l = calloc(1, sizeof *l);
    if (!l)
        gv_die("out of memory");
    l->o = *o;
    keep_text(&l->path, &l->o.path);
    keep_text(&l->name, &l->o.name);
    l->o.io = o->io ? o->io : &gv_io_system;
    l->o.sync_interval_ms = o->sync_interval_ms ? o->sync_interval_ms : 1000;
    l->o.segment_size = o->segment_size ? o->segment_size : default_segment_size;
    l->o.max_queued = o->max_queued ? o->max_queued : default_max_queued;
    l->folder = l->fd = -1;
    l->last_ticket = &l->tickets;
    init_waiting(l);
    return l;
}

static void free_blocks(struct log_block *b)
{
    while (b) {
        struct log_block *next = b->next;
        free(b);
        b = next;
    }
}

static void free_log(struct gv_log *l)
{
    if (l->fd >= 0)
        l->o.io->close(l->o.io, l->fd);
    if (l->folder >= 0)
        l->o.io->close(l->o.io, l->folder);
    free_blocks(l->first);
    free_blocks(l->spare);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->wake);
    pthread_cond_destroy(&l->cut);
    gv_buf_fini(&l->path);
    gv_buf_fini(&l->name);
    free(l->segments);
    free(l->iov);
    free(l);
}

static bool open_folder(struct gv_log *l, struct gv_err *err)
{
    const struct gv_io *io = l->o.io;
    if (!gv_io_make_folder(io, l->o.path, err))
        return false;
    l->folder = io->open(io, l->o.path, O_RDONLY | O_DIRECTORY, 0);
    if (l->folder < 0)
        return gv_fail(err, GV_UNAVAILABLE, "open folder %s: %s", l->o.path, strerror(errno));
    return log_list(l->o.path, &l->segments, &l->n_segments, err);
}

struct gv_log *gv_log_open(const struct gv_log_options *o, struct gv_err *err)
{
    struct gv_log *l = new_log(o);
    if (open_folder(l, err)) {
        l->cap_segments = l->n_segments;
        return l;
    }
    gv_err_prefix(err, "%s: ", o->name);
    free_log(l);
    return NULL;
}

bool gv_log_start(struct gv_log *l, struct gv_err *err)
{
    struct gv_log_replayed replayed;
    if (!l->replayed && !gv_log_replay(l, 0, NULL, NULL, &replayed, err))
        return gv_err_prefix(err, "%s: ", l->o.name);
    l->iov = calloc(IOV_MAX, sizeof *l->iov);
    if (!l->iov)
        gv_die("out of memory");
    l->next_segment = log_last_segment(l) + 1;
    if (!log_begin_segment(l, l->base_record, err) || !gv_thread_start(&l->thread, l->o.name, 0, log_commit, l, err))
        return gv_err_prefix(err, "%s: ", l->o.name);
    l->started = true;
    return true;
}

bool gv_log_close(struct gv_log *l, struct gv_err *err)
{
    bool ok = true;
    if (!l)
        return true;
    if (l->started) {
        pthread_mutex_lock(&l->lock);
        l->closing = true;
        pthread_cond_signal(&l->wake);
        pthread_mutex_unlock(&l->lock);
        pthread_join(l->thread, NULL);
        ok = l->synced.bytes == l->end.bytes;
        if (!ok)
            gv_fail(err, GV_UNAVAILABLE, "%s: %" PRIu64 " records are not on disk: %s", l->o.name,
                    l->end.records - l->synced.records, l->why);
    }
    free_log(l);
    return ok;
}

/* ---- Appending; under the lock ---- */

static struct log_block *take_block(struct gv_log *l, size_t size)
{
    struct log_block *b = l->spare;
    if (b && size <= BLOCK_SIZE) {
        l->spare = b->next;
        l->n_spare -= b->cap;
        return b;
    }
    size_t cap = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    b = malloc(sizeof *b + cap);
    if (!b)
        gv_die("out of memory: %zu bytes", cap);
    b->cap = cap;
    return b;
}

/* Where the next `size` bytes of the stream go. */
static char *reserve(struct gv_log *l, size_t size)
{
    struct log_block *b = l->last;
    if (!b || b->cap - b->n < size) {
        b = take_block(l, size);
        b->next = NULL;
        b->start = l->end.bytes;
        b->n = 0;
        *(l->last ? &l->last->next : &l->first) = b;
        l->last = b;
    }
    char *p = b->p + b->n;
    b->n += size;
    return p;
}

static void add_frame(struct gv_log *l, const char frame[LOG_FRAME_SIZE], const struct gv_slice *pieces, size_t n,
                      size_t size)
{
    char *p = reserve(l, LOG_FRAME_SIZE + size);
    memcpy(p, frame, LOG_FRAME_SIZE);
    p += LOG_FRAME_SIZE;
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].n)
            memcpy(p, pieces[i].p, pieces[i].n);
        p += pieces[i].n;
    }
    l->end.bytes += LOG_FRAME_SIZE + size;
    l->end.records++;
}

static void add_ticket(struct gv_log *l, struct gv_log_ticket *t)
{
    if (!t)
        return;
    t->next = NULL;
    *l->last_ticket = t;
    l->last_ticket = &t->next;
}

static bool has_room(const struct gv_log *l, size_t size, struct gv_err *err)
{
    uint64_t kept = l->end.bytes - l->synced.bytes;
    if (kept + size <= l->o.max_queued)
        return true;
    if (l->failing)
        return gv_fail(err, GV_UNAVAILABLE, "%s: %s", l->o.name, l->why);
    return gv_fail(err, GV_UNAVAILABLE,
                   "%s: %" PRIu64 " bytes wait for the disk already, and at most %zu may; the disk is too slow for "
                   "what comes in",
                   l->o.name, kept, l->o.max_queued);
}

/* A record that nobody waits for is written with the next that somebody does, or a little later: thousands of series
 * that are made in a row do not wake the committer each. Is this the first such? */
static bool begin_lazy(struct gv_log *l)
{
    if (l->lazy_until)
        return false;
    l->lazy_until = log_now_ns() + LOG_LAZY_NS;
    return true;
}

bool gv_log_append(struct gv_log *l, const struct gv_slice *pieces, size_t n, struct gv_log_ticket *ticket,
                   struct gv_err *err)
{
    char frame[LOG_FRAME_SIZE];
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += pieces[i].n;
    if (size > UINT32_MAX - LOG_FRAME_SIZE)
        return gv_fail(err, GV_UNAVAILABLE, "%s: a record of %zu bytes is too long", l->o.name, size);
    log_put_frame(frame, (uint32_t)size, pieces, n);

    pthread_mutex_lock(&l->lock);
    bool ok = has_room(l, LOG_FRAME_SIZE + size, err);
    if (ok) {
        add_frame(l, frame, pieces, n, size);
        add_ticket(l, ticket);
    }
    bool wake = ok && l->idle && (ticket || begin_lazy(l));
    if (wake)
        l->idle = false;
    pthread_mutex_unlock(&l->lock);
    if (wake)
        pthread_cond_signal(&l->wake);
    return ok;
}

/* A block wholly before `synced` is no more needed; the last one stays while it has room. */
void log_release_synced(struct gv_log *l)
{
    enum { SPARE = 16 << 20 };
    while (l->first && l->first->start + l->first->n <= l->synced.bytes) {
        struct log_block *b = l->first;
        l->first = b->next;
        if (!l->first)
            l->last = NULL;
        if (b->cap == BLOCK_SIZE && l->n_spare < SPARE) {
            b->next = l->spare;
            l->spare = b;
            l->n_spare += b->cap;
        } else {
            free(b);
        }
    }
}

/* ---- Segments ---- */

uint64_t log_last_segment(const struct gv_log *l)
{
    return l->n_segments ? l->segments[l->n_segments - 1].number : 0;
}

bool gv_log_cut(struct gv_log *l, uint64_t *segment, struct gv_err *err)
{
    pthread_mutex_lock(&l->lock);
    uint64_t wanted = ++l->cuts_wanted;
    pthread_cond_signal(&l->wake);
    while (l->cuts_done < wanted)
        pthread_cond_wait(&l->cut, &l->lock);
    *segment = l->cut_segment;
    bool ok = l->cut_err.code == GV_OK || gv_fail(err, l->cut_err.code, "%s", l->cut_err.msg);
    pthread_mutex_unlock(&l->lock);
    return ok;
}

/* The number of the first segment where it may go: it is below `first`, and not in use. Under the lock. */
static bool take_first(struct gv_log *l, uint64_t first, uint64_t *number)
{
    if (l->n_segments < 1 + (size_t)l->started || l->segments[0].number >= first)
        return false;
    *number = l->segments[0].number;
    return true;
}

static void forget_segment(struct gv_log *l, uint64_t number)
{
    if (!l->n_segments || l->segments[0].number != number)
        return; /* another thread dropped it, too */
    memmove(l->segments, l->segments + 1, --l->n_segments * sizeof *l->segments);
}

bool gv_log_drop(struct gv_log *l, uint64_t first, struct gv_err *err)
{
    struct gv_buf path = GV_BUF_INIT;
    uint64_t number;
    bool ok = true;
    pthread_mutex_lock(&l->lock);
    while (ok && take_first(l, first, &number)) {
        pthread_mutex_unlock(&l->lock);
        log_segment_path(&path, l->o.path, number);
        if (l->o.io->unlink(l->o.io, path.p) < 0 && errno != ENOENT)
            ok = gv_fail(err, GV_UNAVAILABLE, "%s: remove %s: %s", l->o.name, path.p, strerror(errno));
        pthread_mutex_lock(&l->lock);
        if (ok)
            forget_segment(l, number);
    }
    pthread_mutex_unlock(&l->lock);
    gv_buf_fini(&path);
    return ok;
}

void gv_log_status(struct gv_log *l, struct gv_log_status *out)
{
    pthread_mutex_lock(&l->lock);
    *out = (struct gv_log_status){
        .first = l->n_segments ? l->segments[0].number : 0,
        .current = log_last_segment(l),
        .queued = l->end.bytes - l->synced.bytes,
        .records = l->end.records,
        .syncs = l->syncs,
        .failures = l->failures,
        .failing = l->failing,
    };
    for (size_t i = 0; i < l->n_segments; i++)
        out->bytes += l->segments[i].bytes;
    memcpy(out->why, l->why, sizeof out->why);
    pthread_mutex_unlock(&l->lock);
}
