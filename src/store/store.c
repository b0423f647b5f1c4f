/* The store as a whole: opening and closing, the list of blocks, views, and what it says of itself. */
#include "store/parts.h"
#include <stdlib.h>
#include <unistd.h>

enum { DEFAULT_BLOCK_RANGE = 2 * 3600 * 1000, DEFAULT_EXEMPLARS = 100000 };

/* ---- Opening ---- */

static struct gv_store *new_store(const struct gv_store_options *o)
{
    struct gv_store *s = calloc(1, sizeof *s);
    if (!s)
        gv_die("out of memory");
    s->options = *o;
    s->options.block_range = o->block_range ? o->block_range : DEFAULT_BLOCK_RANGE;
    s->path = strdup(o->path);
    if (!s->path)
        gv_die("out of memory");
    s->log_path = file_join(o->path, "log");
    s->io = o->io ? o->io : &gv_io_system;
    s->clock = o->clock ? o->clock : &gv_clock_real;
    s->retention_time = o->retention_time;
    s->retention_size = o->retention_size;
    s->lock_fd = -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->known_lock, NULL);
    pthread_mutex_init(&s->keeping, NULL);
    gv_arena_init(&s->known.arena, NULL);
    s->generation = 1;
    return s;
}

static void free_store(struct gv_store *s)
{
    head_free(s->head);
    for (size_t i = 0; i < s->n_blocks; i++)
        block_put(s->blocks[i]);
    if (s->lock_fd >= 0)
        s->io->close(s->io, s->lock_fd);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->known_lock);
    pthread_mutex_destroy(&s->keeping);
    gv_arena_fini(&s->known.arena);
    free(s->blocks);
    free(s->log_path);
    free(s->path);
    free(s);
}

static bool open_log(struct gv_store *s, struct gv_err *err)
{
    struct gv_log_options o = {.path = s->log_path,
                               .sync = s->options.sync,
                               .sync_interval_ms = s->options.sync_interval_ms,
                               .io = s->io,
                               .name = "wal"};
    s->log = gv_log_open(&o, err);
    if (!s->log)
        return false;
    struct head_options head = {.log = s->log,
                                .block_range = s->options.block_range,
                                .out_of_order_window = s->options.out_of_order_window,
                                .max_exemplars =
                                    s->options.max_exemplars ? s->options.max_exemplars : DEFAULT_EXEMPLARS,
                                .clock = s->clock,
                                .replay_helper = s->options.replay_helper};
    s->head = head_new(&head);
    return true;
}

/* What was cut short was not acknowledged under `always`; under `interval` it is the machine's last second. */
static void report(const char *what, const struct gv_log_replayed *r)
{
    if (r->damaged)
        gv_log(GV_LOG_WARN, "the log is damaged: what was read before the fault is kept", GV_F("log", what),
               GV_F("segment", r->cut.segment), GV_F("offset", r->cut.offset), GV_F("fault", r->what),
               GV_F("segments_cut", r->damaged), GV_F("records_lost", r->lost));
}

static bool replay_checkpoint(struct gv_store *s, uint64_t *segment, struct gv_err *err)
{
    char *folder;
    if (!folder_checkpoint(s, &folder, segment, err) || !folder)
        return !folder;
    struct gv_log_options o = {.path = folder, .io = s->io, .name = "checkpoint"};
    struct gv_log_replayed done = {0};
    struct gv_log *l = gv_log_open(&o, err);
    bool ok = l && gv_log_replay(l, 0, head_replay_record, s->head, &done, err);
    ok = (!l || gv_log_close(l, err)) && ok;
    report(folder, &done);
    free(folder);
    return ok;
}

static bool replay(struct gv_store *s, struct gv_err *err)
{
    int64_t start = gv_clock_monotonic(s->clock);
    uint64_t segment = 0;
    struct gv_log_replayed done = {0};
    if (!replay_checkpoint(s, &segment, err) ||
        !gv_log_replay(s->log, segment, head_replay_record, s->head, &done, err))
        return false;
    if (!head_replay_done(s->head, err))
        return false;
    report(s->log_path, &done);
    s->replay_seconds = (double)(gv_clock_monotonic(s->clock) - start) / 1e9;
    return gv_log_start(s->log, err);
}

struct gv_store *gv_store_open(const struct gv_store_options *o, struct gv_err *err)
{
    struct gv_store *s = new_store(o);
    if (gv_io_make_folder(s->io, s->path, err) && folder_lock(s, err) && folder_open_blocks(s, err) &&
        open_log(s, err) && replay(s, err))
        return s;
    struct gv_err ignored = {0};
    if (s->log && !gv_log_close(s->log, &ignored))
        gv_log(GV_LOG_WARN, "closing the log failed", GV_F("error", ignored.msg));
    free_store(s);
    return NULL;
}

bool gv_store_close(struct gv_store *s, struct gv_err *err)
{
    if (!s)
        return true;
    bool ok = gv_log_close(s->log, err);
    free_store(s);
    return ok;
}

void gv_store_set_out_of_order_window(struct gv_store *s, int64_t ms)
{
    head_set_out_of_order_window(s->head, ms);
}

void gv_store_set_retention(struct gv_store *s, int64_t time_ms, int64_t size_bytes)
{
    s->retention_time = time_ms;
    s->retention_size = size_bytes;
}

void gv_store_retention(const struct gv_store *s, int64_t *time_ms, int64_t *size_bytes)
{
    *time_ms = s->retention_time;
    *size_bytes = s->retention_size;
}

/* ---- Appending: the head's ---- */

bool gv_store_series(struct gv_store *s, const struct gv_labels *labels, uint64_t *id, struct gv_err *err)
{
    return head_series(s->head, labels, id, err);
}

bool gv_store_append(struct gv_store *s, const struct gv_store_batch *b, struct gv_log_ticket *ticket,
                     struct gv_err *err)
{
    return head_append(s->head, b, ticket, err);
}

/* ---- The list of blocks ---- */

static int by_time(const void *pa, const void *pb)
{
    const struct block_meta *a = block_meta(*(struct block *const *)pa), *b = block_meta(*(struct block *const *)pb);
    if (a->min_time != b->min_time)
        return a->min_time < b->min_time ? -1 : 1;
    return (a->max_time > b->max_time) - (a->max_time < b->max_time);
}

void store_add_block(struct gv_store *s, struct block *b)
{
    if (s->n_blocks == s->cap_blocks) {
        s->cap_blocks = s->cap_blocks ? 2 * s->cap_blocks : 16;
        s->blocks = realloc(s->blocks, s->cap_blocks * sizeof(struct block *));
        if (!s->blocks)
            gv_die("out of memory");
    }
    s->blocks[s->n_blocks++] = b;
    s->generation++;
    qsort(s->blocks, s->n_blocks, sizeof(struct block *), by_time);
}

void store_remove_blocks(struct gv_store *s, struct block *const *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        while (s->blocks[at] != b[i])
            at++;
        memmove(s->blocks + at, s->blocks + at + 1, (--s->n_blocks - at) * sizeof(struct block *));
        block_forget(b[i]);
        block_put(b[i]);
        s->generation++;
    }
}

void store_swap_blocks(struct gv_store *s, struct block *made, struct block *const *old, size_t n)
{
    pthread_mutex_lock(&s->lock);
    if (made)
        store_add_block(s, made);
    store_remove_blocks(s, old, n);
    pthread_mutex_unlock(&s->lock);
}

struct block **store_blocks(struct gv_store *s, struct gv_arena *a, size_t *n)
{
    pthread_mutex_lock(&s->lock);
    *n = s->n_blocks;
    struct block **blocks = gv_arena_array(a, struct block *, *n + 1);
    for (size_t i = 0; i < *n; i++)
        blocks[i] = block_get(s->blocks[i]);
    pthread_mutex_unlock(&s->lock);
    return blocks;
}

void store_put_blocks(struct block **b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        block_put(b[i]);
}

/* ---- Views ---- */

struct gv_store_view {
    struct gv_arena arena;
    struct block **blocks;
    size_t n_blocks;
    uint64_t generation;
    struct store_reader **readers; /* of the blocks, then the head's */
    struct gv_source *source;
    const struct gv_clock *clock;
    const _Atomic bool *cancel; /* NULL: nobody does */
    int64_t deadline_ns;
};

struct gv_store_view *gv_store_view_get(struct gv_store *s)
{
    struct gv_store_view *v = calloc(1, sizeof *v);
    if (!v)
        gv_die("out of memory");
    gv_arena_init(&v->arena, NULL);
    v->clock = s->clock;
    pthread_mutex_lock(&s->lock);
    v->n_blocks = s->n_blocks;
    v->generation = s->generation;
    v->blocks = gv_arena_array(&v->arena, struct block *, v->n_blocks + 1);
    v->readers = gv_arena_array(&v->arena, struct store_reader *, v->n_blocks + 1);
    for (size_t i = 0; i < v->n_blocks; i++) {
        v->blocks[i] = block_get(s->blocks[i]);
        v->readers[i] = block_reader(v->blocks[i]);
    }
    v->readers[v->n_blocks] = head_reader_get(s->head, INT64_MIN);
    pthread_mutex_unlock(&s->lock);
    v->source = store_merged_source(&v->arena, v->readers, v->n_blocks + 1);
    return v;
}

void gv_store_view_put(struct gv_store_view *v)
{
    if (!v)
        return;
    head_reader_put(v->readers[v->n_blocks]);
    store_put_blocks(v->blocks, v->n_blocks);
    gv_arena_fini(&v->arena);
    free(v);
}

struct gv_source *gv_store_view_source(struct gv_store_view *v)
{
    return v->source;
}

struct store_reader *const *store_view_readers(const struct gv_store_view *v, size_t *n)
{
    *n = v->n_blocks + 1;
    return v->readers;
}

uint64_t store_view_generation(const struct gv_store_view *v)
{
    return v->generation;
}

void gv_store_view_watch(struct gv_store_view *v, const _Atomic bool *cancel, int64_t deadline_ns)
{
    v->cancel = cancel;
    v->deadline_ns = deadline_ns;
}

bool store_view_goes_on(const struct gv_store_view *v, struct gv_err *err)
{
    if (v->cancel && *v->cancel)
        return gv_fail(err, GV_CANCELED, "canceled");
    return !v->deadline_ns || gv_clock_monotonic(v->clock) <= v->deadline_ns || gv_fail(err, GV_TIMEOUT, "timed out");
}

/* ---- What the head alone has ---- */

bool gv_store_exemplars(struct gv_store *s, struct gv_arena *a, const struct gv_store_matchers *sets, size_t n_sets,
                        int64_t min_time, int64_t max_time, struct gv_store_exemplars **out, size_t *n,
                        struct gv_err *err)
{
    return head_exemplars(s->head, a, sets, n_sets, min_time, max_time, out, n, err);
}

bool gv_store_metadata_get(struct gv_store *s, struct gv_arena *a, struct gv_slice metric,
                           struct gv_store_metadata **out, size_t *n, struct gv_err *err)
{
    return head_metadata(s->head, a, metric, out, n, err);
}

bool gv_store_cardinality(struct gv_store *s, struct gv_arena *a, size_t limit, struct gv_store_cardinality *out,
                          struct gv_err *err)
{
    return head_cardinality(s->head, a, limit, out, err);
}

void gv_store_status(struct gv_store *s, struct gv_store_status *out)
{
    *out = (struct gv_store_status){0};
    head_status(s->head, out);
    out->head_min_time = head_min_time(s->head);
    out->head_max_time = head_max_time(s->head);
    out->min_time = out->head_min_time;
    pthread_mutex_lock(&s->lock);
    out->blocks = s->n_blocks;
    for (size_t i = 0; i < s->n_blocks; i++)
        out->block_bytes += block_bytes(s->blocks[i]);
    if (s->n_blocks && block_meta(s->blocks[0])->min_time < out->min_time)
        out->min_time = block_meta(s->blocks[0])->min_time;
    pthread_mutex_unlock(&s->lock);
    out->damaged_blocks = s->damaged_blocks;
    out->compactions = s->compactions;
    out->failed_compactions = s->failed_compactions;
    out->deleted_blocks = s->deleted_blocks;
    out->replay_seconds = s->replay_seconds;
    gv_log_status(s->log, &out->log);
}
