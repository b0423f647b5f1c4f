/* Keeping house, a step at a time:
 *
 *   head ──cut──► block of 2 h ──► checkpoint, and the log's old segments go
 *   blocks ──compact──► larger blocks        blocks too old, or too many bytes ──► gone
 *
 * A step either happens whole or leaves everything as it was; what a fault or a crash leaves behind is removed at the
 * next start, and samples that are then both in a block and in the log do no harm. */
#include "store/parts.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { RANGE_FACTOR = 3, MAX_RANGES = 8 };
static const int64_t largest_range = INT64_C(31) * 24 * 3600 * 1000; /* ms */

/* What is whole on disk and cannot be read back (too many open files) is made again later, so this one goes. */
static struct block *open_made(const struct gv_io *io, const char *folder, struct gv_err *err)
{
    struct block *b = block_open(io, folder, err);
    struct gv_err ignored = {0};
    if (!b && !file_discard_folder(io, folder, &ignored))
        gv_log(GV_LOG_WARN, "a block that could not be opened stays", GV_F("error", ignored.msg));
    return b;
}

bool store_make_block(struct gv_store *s, struct store_reader **readers, size_t n, struct block_writer_options *o,
                      struct block **made, struct gv_err *err)
{
    char ulid[BLOCK_ULID_MAX];
    *made = NULL;
    o->io = s->io;
    o->stopped = &s->stopped;
    if (!o->parent)
        o->parent = s->path;
    o->now = gv_clock_wall(s->clock);
    if (!block_compact(readers, n, o, ulid, err))
        return false;
    if (!*ulid)
        return true;
    char *folder = file_join(o->parent, ulid);
    *made = open_made(s->io, folder, err);
    free(folder);
    return *made != NULL;
}

static int64_t floor_to(int64_t t, int64_t range)
{
    int64_t into = t % range;
    return t - (into < 0 ? into + range : into);
}

/* ---- The log: what the head holds goes to a checkpoint, and what came before may go ---- */

static bool write_checkpoint(struct gv_store *s, uint64_t segment, struct gv_err *err)
{
    char *folder = folder_new_checkpoint(s, segment), *unfinished;
    if (asprintf(&unfinished, "%s.tmp", folder) < 0)
        gv_die("out of memory");
    bool ok = head_checkpoint(s->head, s->io, unfinished, err);
    if (ok && s->io->rename(s->io, unfinished, folder) < 0)
        ok = file_fail(err, folder, "put the checkpoint in its place");
    struct gv_err ignored = {0}; /* it is removed at the next start then */
    if (!ok && !file_remove_folder(s->io, unfinished, &ignored))
        gv_log(GV_LOG_DEBUG, "an unfinished checkpoint stays", GV_F("error", ignored.msg));
    ok = ok && file_sync_folder(s->io, s->path, err);
    free(unfinished);
    free(folder);
    return ok;
}

static bool checkpoint(struct gv_store *s, struct gv_err *err)
{
    uint64_t segment;
    return gv_log_cut(s->log, &segment, err) && write_checkpoint(s, segment, err) &&
           gv_log_drop(s->log, segment, err) && folder_drop_checkpoints(s, segment, err);
}

/* ---- Cutting the head ---- */

static bool is_cut_due(const struct gv_store *s, int64_t *start)
{
    int64_t min = head_min_time(s->head), max = head_max_time(s->head), range = s->options.block_range;
    *start = floor_to(min, range);
    return min <= max && max - min > range + range / 2;
}

/* The block and the shorter head are seen together or not at all. */
static bool cut_in_order(struct gv_store *s, int64_t start, struct gv_err *err)
{
    struct block_writer_options o = {.min_time = start, .max_time = start + s->options.block_range, .level = 1};
    struct store_reader *r = head_reader_get(s->head, INT64_MIN);
    struct block *made;
    bool ok = store_make_block(s, &r, 1, &o, &made, err);
    head_reader_put(r);
    if (!ok)
        return false;
    pthread_mutex_lock(&s->lock);
    if (made)
        store_add_block(s, made);
    head_truncate(s->head, o.max_time);
    pthread_mutex_unlock(&s->lock);
    return true;
}

struct made {
    struct block **blocks;
    size_t n, cap;
};

static bool cut_windows(struct gv_store *s, struct store_reader *r, struct gv_arena *a, struct made *made,
                        struct gv_err *err)
{
    int64_t range = s->options.block_range;
    for (int64_t t = floor_to(r->min_time, range); t <= r->max_time; t += range) {
        struct block_writer_options o = {.min_time = t, .max_time = t + range, .level = 1};
        struct block *b;
        if (!store_make_block(s, &r, 1, &o, &b, err))
            return false;
        if (b)
            gv_push(a, made->blocks, made->n, made->cap) = b;
    }
    return true;
}

/* Samples that came late go into blocks of their own, which overlap others until they are compacted. */
static bool cut_out_of_order(struct gv_store *s, struct gv_err *err)
{
    struct store_reader *r = head_out_of_order_freeze(s->head);
    if (!r)
        return true;
    struct gv_arena a;
    struct made made = {0};
    gv_arena_init(&a, NULL);
    bool ok = cut_windows(s, r, &a, &made, err);
    head_reader_put(r);
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < made.n; i++)
        store_add_block(s, made.blocks[i]);
    head_out_of_order_done(s->head, ok);
    pthread_mutex_unlock(&s->lock);
    gv_arena_fini(&a);
    return ok;
}

/* Once the head is truncated the rest is tried again, though no cut is due: till then the log keeps what blocks have.
 */
static bool finish_cut(struct gv_store *s, struct gv_err *err)
{
    static const int64_t pause = INT64_C(60) * 1000000000; /* ns */
    bool ok = cut_out_of_order(s, err) && checkpoint(s, err);
    s->finish_from_ns = ok ? 0 : gv_clock_monotonic(s->clock) + pause;
    return ok;
}

static bool cut_head(struct gv_store *s, bool *did, struct gv_err *err)
{
    int64_t start;
    bool due = is_cut_due(s, &start);
    if (!due && (!s->finish_from_ns || gv_clock_monotonic(s->clock) < s->finish_from_ns))
        return true;
    *did = true;
    return (!due || cut_in_order(s, start, err)) && finish_cut(s, err);
}

/* ---- Compaction ---- */

static size_t block_ranges(const struct gv_store *s, int64_t ranges[MAX_RANGES])
{
    int64_t most = largest_range, kept = s->retention_time;
    size_t n = 0;
    if (kept && kept / 10 < most)
        most = kept / 10;
    for (int64_t r = s->options.block_range; n < MAX_RANGES && (!n || r <= most); r *= RANGE_FACTOR)
        ranges[n++] = r;
    return n;
}

struct pick { /* blocks to make one of */
    struct block **blocks;
    struct store_reader **readers;
    const struct block_meta **metas;
    size_t n;
};

static void pick_blocks(struct gv_store *s, struct block **all, size_t n, struct gv_arena *a, struct pick *p)
{
    int64_t ranges[MAX_RANGES];
    size_t n_ranges = block_ranges(s, ranges), *picked = gv_arena_array(a, size_t, n + 1);
    const struct block_meta **metas = gv_arena_array(a, const struct block_meta *, n + 1);
    struct block **sound = gv_arena_array(a, struct block *, n + 1);
    size_t n_sound = 0;
    for (size_t i = 0; i < n; i++)
        if (!block_meta(all[i])->damaged) {
            metas[n_sound] = block_meta(all[i]);
            sound[n_sound++] = all[i];
        }
    compact_plan(metas, n_sound, ranges, n_ranges, picked, &p->n);
    p->blocks = gv_arena_array(a, struct block *, p->n + 1);
    p->readers = gv_arena_array(a, struct store_reader *, p->n + 1);
    p->metas = gv_arena_array(a, const struct block_meta *, p->n + 1);
    for (size_t i = 0; i < p->n; i++) {
        p->blocks[i] = sound[picked[i]];
        p->readers[i] = block_reader(p->blocks[i]);
        p->metas[i] = metas[picked[i]];
    }
}

static struct block_writer_options joined(const struct pick *p)
{
    struct block_writer_options o = {
        .min_time = INT64_MAX, .max_time = INT64_MIN, .parents = p->metas, .n_parents = p->n};
    for (size_t i = 0; i < p->n; i++) {
        const struct block_meta *m = p->metas[i];
        o.min_time = m->min_time < o.min_time ? m->min_time : o.min_time;
        o.max_time = m->max_time > o.max_time ? m->max_time : o.max_time;
        o.level = m->level >= o.level ? m->level + 1 : o.level;
    }
    return o;
}

/* Otherwise nothing would be compacted any more: the same blocks would be picked again. False: all of them are sound.
 */
static bool leave_damaged(const struct pick *p)
{
    bool any = false;
    for (size_t i = 0; i < p->n; i++) {
        struct gv_err why = {.code = GV_OK};
        if (block_check(p->blocks[i], &why))
            continue;
        any = true;
        gv_log(GV_LOG_ERROR, "a block lost bytes: it is read where it can be, and not compacted",
               GV_F("block", block_folder(p->blocks[i])), GV_F("fault", why.msg));
    }
    return any;
}

/* A disk without room for it is filled at each try, and the log finds it full meanwhile. */
static void pause_compaction(struct gv_store *s)
{
    static const int64_t first = INT64_C(60) * 1000000000, longest = INT64_C(3600) * 1000000000; /* ns */
    s->pause_ns = !s->pause_ns ? first : s->pause_ns < longest / 2 ? 2 * s->pause_ns : longest;
    s->compact_from_ns = gv_clock_monotonic(s->clock) + s->pause_ns;
}

static bool compact_picked(struct gv_store *s, const struct pick *p, struct gv_err *err)
{
    struct block_writer_options o = joined(p);
    struct gv_err why = {.code = GV_OK};
    struct block *made;
    if (!store_make_block(s, p->readers, p->n, &o, &made, &why)) {
        bool ends = why.code == GV_CANCELED;
        s->failed_compactions += !ends;
        if (!ends && !(why.code == GV_INTERNAL && leave_damaged(p)))
            pause_compaction(s);
        return gv_fail(err, why.code, "%s", why.msg);
    }
    store_swap_blocks(s, made, p->blocks, p->n);
    s->pause_ns = 0;
    s->compactions++;
    return true;
}

static bool compact(struct gv_store *s, bool *did, struct gv_err *err)
{
    struct gv_arena a;
    struct pick p = {0};
    size_t n;
    if (gv_clock_monotonic(s->clock) < s->compact_from_ns)
        return true;
    gv_arena_init(&a, NULL);
    struct block **all = store_blocks(s, &a, &n);
    pick_blocks(s, all, n, &a, &p);
    bool ok = !p.n || compact_picked(s, &p, err);
    *did |= ok && p.n;
    store_put_blocks(all, n);
    gv_arena_fini(&a);
    return ok;
}

/* ---- Retention ---- */

/* Beside the blocks. What cannot be told is none: dropping makes room where files fail too. */
static uint64_t other_bytes(struct gv_store *s)
{
    struct gv_log_status log;
    struct gv_err ignored = {0};
    uint64_t checkpoint;
    gv_log_status(s->log, &log);
    return log.bytes + (folder_checkpoint_bytes(s, &checkpoint, &ignored) ? checkpoint : 0);
}

static void drop_old(struct gv_store *s)
{
    struct gv_arena a;
    size_t n, dropped = 0;
    int64_t size = s->retention_size;
    gv_arena_init(&a, NULL);
    struct block **all = store_blocks(s, &a, &n);
    bool *drop = gv_arena_array(&a, bool, n + 1);
    struct block **gone = gv_arena_array(&a, struct block *, n + 1);
    retention_plan(all, n, s->retention_time, size, size ? other_bytes(s) : 0, drop);
    for (size_t i = 0; i < n; i++)
        if (drop[i])
            gone[dropped++] = all[i];
    store_swap_blocks(s, NULL, gone, dropped);
    s->deleted_blocks += dropped;
    store_put_blocks(all, n);
    gv_arena_fini(&a);
}

void gv_store_stop(struct gv_store *s)
{
    s->stopped = true;
}

bool gv_store_maintain(struct gv_store *s, bool *did, struct gv_err *err)
{
    *did = false;
    pthread_mutex_lock(&s->keeping);
    bool ok = cut_head(s, did, err);
    if (ok && !*did)
        ok = compact(s, did, err);
    drop_old(s); /* also where files fail: it makes room */
    head_collect(s->head);
    pthread_mutex_unlock(&s->keeping);
    return ok;
}
