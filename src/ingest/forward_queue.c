/* An endpoint's queue: records in a log, and reading them behind the committer.
 *
 *   frame      kind 1 │ version │ shard │ shards │ samples │ newest │ queued │ an encoded request
 *   delivered  kind 2 │         │ shard │ number of the frame up to which all of the shard is delivered
 *
 * That a frame was delivered (or given up) stands behind it in the same log, so that both survive alike; a segment goes
 * when the reader is through with it and no frame of it is left in memory. */
#include "base/little_endian.h"
#include "ingest/forward_impl.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>

enum { READ_AHEAD_BYTES = 16 << 20, MOST_SEGMENT = 32 << 20, LEAST_SEGMENT = 64 << 10, SEGMENTS = 16 };
enum { REFRESH_MS = 60000 };

/* ---- Records ---- */

void queue_put_frame(char out[QUEUE_FRAME_HEAD], const struct queue_frame *f)
{
    memset(out, 0, QUEUE_FRAME_HEAD);
    out[0] = QUEUE_FRAME;
    out[1] = (char)f->version;
    gv_put_little(out + 2, f->shard, 2);
    gv_put_little(out + 4, f->shards, 2);
    gv_put_little(out + 8, f->samples, 4);
    gv_put_little(out + 16, (uint64_t)f->newest, 8);
    gv_put_little(out + 24, (uint64_t)f->queued, 8);
}

void queue_put_delivered(char out[QUEUE_DELIVERED_SIZE], uint16_t shard, uint64_t number)
{
    memset(out, 0, QUEUE_DELIVERED_SIZE);
    out[0] = QUEUE_DELIVERED;
    gv_put_little(out + 2, shard, 2);
    gv_put_little(out + 4, number, 8);
}

bool queue_read_record(struct gv_slice r, struct queue_record *out, struct gv_err *err)
{
    if (r.n == QUEUE_DELIVERED_SIZE && r.p[0] == QUEUE_DELIVERED) {
        *out = (struct queue_record){.kind = QUEUE_DELIVERED,
                                     .shard = (uint16_t)gv_get_little(r.p + 2, 2),
                                     .delivered_number = gv_get_little(r.p + 4, 8)};
        return true;
    }
    if (r.n < QUEUE_FRAME_HEAD || r.p[0] != QUEUE_FRAME)
        return gv_fail(err, GV_INTERNAL, "a record of the queue is of no known kind");
    *out = (struct queue_record){.kind = QUEUE_FRAME,
                                 .frame = {.version = (uint8_t)r.p[1],
                                           .shard = (uint16_t)gv_get_little(r.p + 2, 2),
                                           .shards = (uint16_t)gv_get_little(r.p + 4, 2),
                                           .samples = (uint32_t)gv_get_little(r.p + 8, 4),
                                           .newest = (int64_t)gv_get_little(r.p + 16, 8),
                                           .queued = (int64_t)gv_get_little(r.p + 24, 8)},
                                 .block = {r.p + QUEUE_FRAME_HEAD, r.n - QUEUE_FRAME_HEAD}};
    const struct queue_frame *f = &out->frame;
    return (f->version <= GV_WRITE_2 && f->shard < f->shards) ||
           gv_fail(err, GV_INTERNAL, "a frame of the queue is of version %u, shard %u of %u", f->version, f->shard,
                   f->shards);
}

/* ---- Frames in memory ---- */

struct frame *frame_new(const struct queue_record *r, struct gv_log_place at)
{
    struct frame *f = calloc(1, sizeof *f);
    if (!f)
        gv_die("out of memory");
    f->head = r->frame;
    f->place = at;
    gv_buf_add_slice(&f->block, r->block);
    return f;
}

void frame_free(struct frame *f)
{
    gv_buf_fini(&f->block);
    free(f);
}

void frames_init(struct frames *l)
{
    *l = (struct frames){.first = NULL};
    l->last = &l->first;
}

void frames_add(struct frames *l, struct frame *f)
{
    f->next = NULL;
    *l->last = f;
    l->last = &f->next;
    l->n++;
}

struct frame *frames_take(struct frames *l)
{
    struct frame *f = l->first;
    if (!f)
        return NULL;
    l->first = f->next;
    if (!l->first)
        l->last = &l->first;
    l->n--;
    return f;
}

void frames_free(struct frames *l)
{
    for (struct frame *f; (f = frames_take(l));)
        frame_free(f);
}

/* ---- Opening ---- */

struct recovery {
    struct endpoint *e;
    int64_t samples, bytes; /* of frames */
};

static void note_delivered(struct endpoint *e, uint16_t shard, uint64_t number)
{
    if (shard >= e->n_delivered) {
        size_t n = (size_t)shard + 1;
        e->delivered = reallocarray(e->delivered, n, sizeof *e->delivered);
        if (!e->delivered)
            gv_die("out of memory");
        for (size_t i = e->n_delivered; i < n; i++)
            e->delivered[i] = UINT64_MAX; /* nothing */
        e->n_delivered = n;
    }
    e->delivered[shard] = number;
}

static bool is_delivered(const struct endpoint *e, const struct queue_frame *f, uint64_t number)
{
    return number < e->resumed && f->shard < e->n_delivered && e->delivered[f->shard] != UINT64_MAX &&
           number <= e->delivered[f->shard];
}

static bool find_delivered(void *arg, struct gv_slice record, struct gv_log_place at, struct gv_err *err)
{
    struct endpoint *e = arg;
    struct queue_record r;
    if (!queue_read_record(record, &r, err))
        return false;
    if (r.kind == QUEUE_DELIVERED)
        note_delivered(e, r.shard, r.delivered_number);
    e->resumed = at.number + 1;
    return true;
}

static bool count_pending(void *arg, struct gv_slice record, struct gv_log_place at, struct gv_err *err)
{
    struct endpoint *e = arg;
    struct queue_record r;
    if (!queue_read_record(record, &r, err))
        return false;
    if (r.kind != QUEUE_FRAME)
        return true;
    bool delivered = is_delivered(e, &r.frame, at.number);
    note_latest(&e->newest_queued, r.frame.newest);
    if (delivered) {
        note_latest(&e->newest_sent, r.frame.newest);
        return true;
    }
    atomic_fetch_add(&e->pending_samples, r.frame.samples);
    atomic_fetch_add(&e->pending_bytes, (int64_t)r.block.n);
    return true;
}

static void tell_damage(const struct endpoint *e, const struct gv_log_replayed *r)
{
    if (r->damaged)
        gv_log(GV_LOG_WARN, "the queue of a remote_write endpoint is damaged; what is behind the damage is lost",
               GV_CTX("endpoint", e->config->name), GV_F("where", (const char *)r->what), GV_F("records", r->lost));
}

/* Made where absent, and then its entry synced in the folder above. */
static bool make_folder(const struct gv_io *io, const char *path, struct gv_err *err)
{
    if (io->mkdir(io, path, 0777) < 0)
        return errno == EEXIST || gv_fail(err, GV_UNAVAILABLE, "make folder %s: %s", path, strerror(errno));
    return gv_io_sync_around(io, path, err);
}

/* The folders above the queue's own. */
static bool make_parents(const struct endpoint *e, struct gv_err *err)
{
    const struct gv_io *io = e->forward->o.io;
    struct gv_buf path = GV_BUF_INIT;
    bool ok = true;
    gv_buf_adds(&path, e->config->queue_path);
    gv_buf_cstr(&path);
    for (char *slash = path.p; ok && (slash = strchr(slash + 1, '/')); *slash = '/') {
        *slash = '\0';
        ok = make_folder(io, path.p, err);
    }
    gv_buf_fini(&path);
    return ok;
}

/* One process at a time: two would write the same segments. */
static bool lock_queue(struct endpoint *e, struct gv_err *err)
{
    const struct gv_io *io = e->forward->o.io;
    struct gv_buf path = GV_BUF_INIT;
    gv_buf_printf(&path, "%s/lock", e->config->queue_path);
    e->lock_fd = io->open(io, gv_buf_cstr(&path), O_RDWR | O_CREAT, 0666);
    bool ok = e->lock_fd >= 0 && flock(e->lock_fd, LOCK_EX | LOCK_NB) == 0;
    if (!ok && e->lock_fd >= 0 && errno == EWOULDBLOCK)
        gv_fail(err, GV_UNAVAILABLE,
                "%s: the queue is in use by another process; end that one, or choose another "
                "queue_path",
                e->config->queue_path);
    else if (!ok)
        gv_fail(err, GV_UNAVAILABLE, "lock %s: %s", path.p, strerror(errno));
    gv_buf_fini(&path);
    return ok;
}

static struct gv_log *open_log(const struct endpoint *e, struct gv_err *err)
{
    const struct gv_forward_endpoint *c = e->config;
    int64_t segment = c->max_queue_bytes / SEGMENTS;
    segment = segment < LEAST_SEGMENT ? LEAST_SEGMENT : segment > MOST_SEGMENT ? MOST_SEGMENT : segment;
    struct gv_log_options o = {.path = c->queue_path,
                               .sync = e->forward->o.sync,
                               .segment_size = (size_t)segment,
                               .io = e->forward->o.io,
                               .name = "queue"};
    return make_parents(e, err) ? gv_log_open(&o, err) : NULL;
}

bool endpoint_open(struct endpoint *e, struct gv_err *err)
{
    struct gv_log_replayed replayed;
    if (!(e->log = open_log(e, err)) || !lock_queue(e, err) ||
        !gv_log_replay(e->log, 0, find_delivered, e, &replayed, err))
        return false;
    tell_damage(e, &replayed);
    if (!gv_log_replay(e->log, 0, count_pending, e, &replayed, err) || !gv_log_start(e->log, err))
        return false;
    e->reader = gv_log_reader_new(e->log);
    return true;
}

/* ---- Reading, on a worker ---- */

static void drop_frame(struct endpoint *e, const struct queue_record *r, enum drop_reason why)
{
    endpoint_count_dropped(e, why, r->frame.samples);
    atomic_fetch_sub(&e->pending_samples, r->frame.samples);
    atomic_fetch_sub(&e->pending_bytes, (int64_t)r->block.n);
}

/* The next frame that is not delivered; false at the end of what is written, and where the queue cannot be read. */
static bool next_frame(struct endpoint *e, struct queue_record *r, struct gv_log_place *at)
{
    static struct gv_log_limit limit = GV_LOG_LIMIT(60000);
    struct gv_err err = {.code = GV_OK};
    struct gv_slice record;
    while (gv_log_reader_next(e->reader, &record, at, &err)) {
        if (!record.p)
            return false;
        if (queue_read_record(record, r, &err) && r->kind == QUEUE_FRAME && !is_delivered(e, &r->frame, at->number))
            return true;
        err.code = GV_OK;
    }
    gv_log_limited(&limit, GV_LOG_ERROR, "the queue of a remote_write endpoint cannot be read; it is tried again",
                   GV_CTX("endpoint", e->config->name), GV_F("error", (const char *)err.msg));
    return false;
}

static bool drop_segments(struct endpoint *e, uint64_t first)
{
    struct gv_err err = {.code = GV_OK};
    if (gv_log_drop(e->log, first, &err))
        return true;
    gv_log_limited(&e->says_kept, GV_LOG_ERROR,
                   "files of the queue of a remote_write endpoint cannot be removed: it grows beyond max_queue_size",
                   GV_CTX("endpoint", e->config->name), GV_F("error", (const char *)err.msg));
    return false;
}

/* Makes room on disk: the oldest samples go; what of them is in memory already, the loop drops. */
static void keep_bound(struct endpoint *e, struct gv_log_status *s)
{
    struct queue_record r;
    struct gv_log_place at;
    while (s->bytes > (uint64_t)e->config->max_queue_bytes && s->first < s->current) {
        while (gv_log_reader_segment(e->reader) <= s->first && next_frame(e, &r, &at)) {
            if (at.segment > s->first) { /* it is to be sent, after what is in memory already */
                frames_add(&e->filled, frame_new(&r, at));
                break;
            }
            drop_frame(e, &r, DROP_QUEUE_FULL);
            e->dropped_full += r.frame.samples;
        }
        if (gv_log_reader_segment(e->reader) <= s->first || !drop_segments(e, s->first + 1))
            break;
        e->gone_below = s->first + 1;
        gv_log_status(e->log, s);
    }
}

static void read_ahead(struct endpoint *e)
{
    struct queue_record r;
    struct gv_log_place at;
    int64_t left = e->room_bytes < READ_AHEAD_BYTES ? e->room_bytes : READ_AHEAD_BYTES;
    e->at_end = false;
    while (e->room > 0 && left > 0) {
        if (!next_frame(e, &r, &at)) {
            e->at_end = true;
            return;
        }
        frames_add(&e->filled, frame_new(&r, at));
        e->room -= r.frame.samples;
        left -= (int64_t)r.block.n;
    }
}

static void count_lost(struct endpoint *e)
{
    uint64_t lost = gv_log_reader_lost(e->reader);
    if (lost > e->lost)
        endpoint_count_dropped(e, DROP_DAMAGED, lost - e->lost); /* records, of samples unknown */
    e->lost = lost;
}

static void refresh_secrets(struct endpoint *e)
{
    int64_t now = gv_clock_monotonic(e->forward->o.clock) / 1000000;
    struct gv_err err = {.code = GV_OK};
    if (now < e->refresh_at)
        return;
    e->refresh_at = now + REFRESH_MS;
    if (gv_http_profile_reads_files(e->profile) && !gv_http_profile_refresh(e->profile, &err))
        gv_log(GV_LOG_WARN, "credentials of a remote_write endpoint cannot be read; the old ones stay",
               GV_CTX("endpoint", e->config->name), GV_F("error", (const char *)err.msg));
}

void endpoint_fill(struct gv_work *fill)
{
    struct endpoint *e = container_of(fill, struct endpoint, fill);
    struct gv_log_status s;
    gv_log_status(e->log, &s);
    keep_bound(e, &s);
    read_ahead(e);
    uint64_t read = gv_log_reader_segment(e->reader), keep = e->keep_from < read ? e->keep_from : read;
    if (e->filled.first && e->filled.first->place.segment < keep)
        keep = e->filled.first->place.segment;
    if (keep > s.first && !drop_segments(e, keep))
        keep = s.first; /* the next turn tries again */
    gv_log_status(e->log, &s);
    atomic_store(&e->queue_bytes, s.bytes);
    count_lost(e);
    refresh_secrets(e);
}

/* On the loop. Where the record cannot be kept the frame is sent again after a restart, and that is all. */
void endpoint_delivered(struct endpoint *e, const struct frame *last)
{
    char record[QUEUE_DELIVERED_SIZE];
    queue_put_delivered(record, last->head.shard, last->place.number);
    struct gv_slice piece = {record, sizeof record};
    if (!gv_log_append(e->log, &piece, 1, NULL, NULL))
        return;
}
