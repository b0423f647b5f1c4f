/* A block that is read: meta.json in memory, index and chunks mapped, tombstones in memory under a lock. */
#include "store/block.h"
#include "base/log.h"
#include "codec/chunks.h"
#include "store/block_folder.h"
#include "store/block_meta.h"
#include "store/file.h"
#include "store/index.h"
#include "store/segments.h"
#include "store/tombstones.h"
#include <pthread.h>
#include <stdlib.h>

struct block {
    struct store_reader reader;
    _Atomic unsigned references;
    _Atomic bool forgotten;
    const struct gv_io *io;
    char *folder, *index_path;
    struct block_meta meta;
    struct file_map index_file;
    struct index index;
    struct segments segments;
    uint64_t other_bytes; /* of the small files */
    pthread_mutex_t deleting, lock;
    struct tombstones tombstones; /* under lock; changed by who holds deleting */
};

/* ---- Reading ---- */

static struct block *block_of(struct store_reader *r)
{
    return container_of(r, struct block, reader);
}

static bool select_series(struct store_reader *r, struct gv_arena *a, const struct gv_matcher *matchers, size_t n,
                          int64_t min_time, int64_t max_time, uint64_t **series, size_t *n_series, struct gv_err *err)
{
    *n_series = 0;
    *series = NULL;
    if (min_time > r->max_time || max_time < r->min_time)
        return true;
    return index_select(&block_of(r)->index, a, matchers, n, series, n_series, err);
}

static bool read_labels(struct store_reader *r, struct gv_arena *scratch, uint64_t series,
                        const struct gv_labels **labels, struct gv_err *err)
{
    const struct block *b = block_of(r);
    struct index_series s;
    return index_series(&b->index, series, &s, err) && index_labels(&b->index, &s, scratch, labels, err);
}

static void read_deleted(struct block *b, uint64_t series, struct gv_arena *scratch, int64_t min_time, int64_t max_time,
                         struct store_series *out)
{
    if (!b->meta.tombstones)
        return;
    pthread_mutex_lock(&b->lock);
    size_t n;
    const struct tombstone *t = tombstones_of(&b->tombstones, series, &n);
    struct store_interval *deleted = gv_arena_alloc(scratch, n * sizeof *deleted);
    for (size_t i = 0; i < n; i++)
        if (t[i].gone.min_time <= max_time && t[i].gone.max_time >= min_time)
            deleted[out->n_deleted++] = t[i].gone;
    out->deleted = deleted;
    pthread_mutex_unlock(&b->lock);
}

/* Wholly: such a chunk is not even looked at, so that one which is damaged can be deleted and cleaned away. */
static bool is_deleted(const struct store_series *s, const struct index_chunk *c)
{
    for (size_t i = 0; i < s->n_deleted; i++)
        if (s->deleted[i].min_time <= c->min_time && s->deleted[i].max_time >= c->max_time)
            return true;
    return false;
}

static bool read_chunks(const struct block *b, struct index_series *s, struct gv_arena *scratch, int64_t min_time,
                        int64_t max_time, struct store_series *out, struct gv_err *err)
{
    struct index_chunk c;
    size_t cap = 0;
    int more;
    while ((more = index_next_chunk(&b->index, s, &c, err)) > 0) {
        if (c.max_time < min_time || c.min_time > max_time || is_deleted(out, &c))
            continue;
        struct gv_chunk chunk = {.min_time = c.min_time, .max_time = c.max_time};
        if (!segments_chunk(&b->segments, c.ref, &chunk, err))
            return false;
        gv_push(scratch, out->chunks, out->n_chunks, cap) = chunk;
    }
    return more == 0;
}

static bool has_chunk(struct store_reader *r, struct gv_arena *scratch, uint64_t series, int64_t min_time,
                      int64_t max_time, bool *has, struct gv_err *err)
{
    struct block *b = block_of(r);
    struct store_series found = {.labels = NULL};
    struct index_series s;
    struct index_chunk c;
    int more = 0;
    *has = false;
    if (!index_series(&b->index, series, &s, err))
        return false;
    read_deleted(b, series, scratch, min_time, max_time, &found);
    while (!*has && (more = index_next_chunk(&b->index, &s, &c, err)) > 0)
        *has = c.max_time >= min_time && c.min_time <= max_time && !is_deleted(&found, &c);
    return *has || more == 0;
}

static bool read_series(struct store_reader *r, struct gv_arena *scratch, uint64_t series, int64_t min_time,
                        int64_t max_time, struct store_series *out, struct gv_err *err)
{
    struct block *b = block_of(r);
    struct index_series s;
    *out = (struct store_series){.labels = NULL};
    if (!index_series(&b->index, series, &s, err) || !index_labels(&b->index, &s, scratch, &out->labels, err))
        return false;
    read_deleted(b, series, scratch, min_time, max_time, out);
    return read_chunks(b, &s, scratch, min_time, max_time, out, err);
}

static bool read_label_names(struct store_reader *r, struct gv_arena *a, struct gv_slice **names, size_t *n,
                             struct gv_err *err)
{
    const struct index *x = &block_of(r)->index;
    *n = 0;
    *names = gv_arena_try(a, x->n_names * sizeof **names, err);
    for (size_t i = 0; *names && i < x->n_names; i++)
        if (x->names[i].name.n)
            (*names)[(*n)++] = gv_arena_dup(a, x->names[i].name);
    return *names != NULL;
}

static bool read_label_values(struct store_reader *r, struct gv_arena *a, struct gv_slice name,
                              struct gv_slice **values, size_t *n, struct gv_err *err)
{
    const struct index *x = &block_of(r)->index;
    const struct index_name *found = name.n ? index_find_name(x, name) : NULL;
    size_t bytes = 0;
    *n = 0;
    *values = NULL;
    if (!found)
        return true;
    for (struct index_values v = index_values(x, found); index_values_next(&v);)
        bytes += v.value.n;
    *values = gv_arena_try(a, found->n_values * sizeof **values, err);
    char *text = *values ? gv_arena_try(a, bytes, err) : NULL;
    if (!text)
        return false;
    for (struct index_values v = index_values(x, found); index_values_next(&v); text += v.value.n) {
        memcpy(text, v.value.p, v.value.n);
        (*values)[(*n)++] = (struct gv_slice){text, v.value.n};
    }
    return true;
}

static const struct store_reader_ops ops = {.select = select_series,
                                            .has_chunk = has_chunk,
                                            .labels = read_labels,
                                            .series = read_series,
                                            .label_names = read_label_names,
                                            .label_values = read_label_values};

static bool check_series(struct block *b, struct gv_arena *scratch, uint64_t series, struct gv_err *err)
{
    struct store_series s;
    struct gv_raw_column raw;
    if (!read_series(&b->reader, scratch, series, INT64_MIN, INT64_MAX, &s, err))
        return false;
    struct gv_chunks_column chunks = {s.chunks, (uint32_t)s.n_chunks};
    return gv_chunks_to_raw(scratch, &chunks, INT64_MIN, INT64_MAX, &raw, err) ||
           gv_err_prefix(err, "%s: series %llu: ", b->folder, (unsigned long long)series);
}

bool block_check(struct block *b, struct gv_err *err)
{
    struct gv_arena a, scratch;
    uint64_t *series;
    size_t n;
    gv_arena_init(&a, NULL);
    bool ok = index_select(&b->index, &a, NULL, 0, &series, &n, err);
    for (size_t i = 0; ok && i < n; i++) {
        gv_arena_init(&scratch, NULL);
        ok = check_series(b, &scratch, series[i], err);
        gv_arena_fini(&scratch);
    }
    gv_arena_fini(&a);
    if (!ok)
        b->meta.damaged = true;
    return ok;
}

/* ---- Opening and going away ---- */

static bool map_whole(const struct gv_io *io, const char *path, struct file_map *m, struct gv_err *err)
{
    bool missing;
    return file_map(io, path, m, &missing, err) &&
           (!missing || gv_fail(err, GV_INTERNAL, "%s: damaged: there is no such file", path));
}

static bool open_meta(struct block *b, struct gv_err *err)
{
    char *path = file_join(b->folder, BLOCK_META_FILE);
    struct file_map m;
    bool ok = map_whole(b->io, path, &m, err) &&
              block_meta_parse(&b->meta, (struct gv_slice){(const char *)m.data, m.size}, path, err);
    b->other_bytes += m.size;
    file_unmap(&m);
    free(path);
    return ok;
}

static bool open_files(struct block *b, struct gv_err *err)
{
    if (!open_meta(b, err) || !map_whole(b->io, b->index_path, &b->index_file, err) ||
        !index_open(&b->index, b->index_path, b->index_file.data, b->index_file.size, err) ||
        !segments_open(&b->segments, b->io, b->folder, err) || !tombstones_read(&b->tombstones, b->io, b->folder, err))
        return false;
    b->meta.tombstones = b->tombstones.n;
    b->reader = (struct store_reader){&ops, b->meta.min_time, b->meta.max_time - 1};
    return true;
}

static void free_block(struct block *b)
{
    tombstones_fini(&b->tombstones);
    segments_fini(&b->segments);
    index_fini(&b->index);
    file_unmap(&b->index_file);
    block_meta_fini(&b->meta);
    pthread_mutex_destroy(&b->lock);
    pthread_mutex_destroy(&b->deleting);
    free(b->index_path);
    free(b->folder);
    free(b);
}

struct block *block_open(const struct gv_io *io, const char *folder, struct gv_err *err)
{
    struct block *b = calloc(1, sizeof *b);
    if (!b || !(b->folder = strdup(folder)))
        gv_die("out of memory");
    b->index_path = file_join(folder, "index");
    b->io = io;
    b->references = 1;
    pthread_mutex_init(&b->lock, NULL);
    pthread_mutex_init(&b->deleting, NULL);
    if (open_files(b, err))
        return b;
    free_block(b);
    return NULL;
}

struct block *block_get(struct block *b)
{
    b->references++;
    return b;
}

static void remove_files(const struct block *b)
{
    struct gv_err err = {0};
    if (!file_discard_folder(b->io, b->folder, &err))
        gv_log(GV_LOG_WARN, "a block that is no longer needed is not wholly removed", GV_F("fault", err.msg));
}

void block_put(struct block *b)
{
    if (--b->references)
        return;
    if (b->forgotten)
        remove_files(b);
    free_block(b);
}

void block_forget(struct block *b)
{
    b->forgotten = true;
}

struct store_reader *block_reader(struct block *b)
{
    return &b->reader;
}

const struct block_meta *block_meta(const struct block *b)
{
    return &b->meta;
}

uint64_t block_bytes(const struct block *b)
{
    return b->index_file.size + segments_bytes(&b->segments) + b->other_bytes;
}

const char *block_folder(const struct block *b)
{
    return b->folder;
}

/* ---- Deleting ---- */

/* The part of the times in which the series has chunks; false where it has none there. */
static bool clamp_to_chunks(const struct block *b, uint64_t series, struct store_interval *gone, bool *any,
                            struct gv_err *err)
{
    struct index_series s;
    struct index_chunk c;
    int64_t first = INT64_MAX, last = INT64_MIN;
    int more;
    *any = false;
    if (!index_series(&b->index, series, &s, err))
        return false;
    while ((more = index_next_chunk(&b->index, &s, &c, err)) > 0) {
        *any |= c.min_time <= gone->max_time && c.max_time >= gone->min_time;
        first = c.min_time < first ? c.min_time : first;
        last = c.max_time > last ? c.max_time : last;
    }
    gone->min_time = gone->min_time < first ? first : gone->min_time;
    gone->max_time = gone->max_time > last ? last : gone->max_time;
    return more == 0;
}

static bool collect(struct block *b, const struct gv_matcher *matchers, size_t n, struct store_interval gone,
                    struct tombstones *out, struct gv_err *err)
{
    struct gv_arena a;
    uint64_t *series;
    size_t n_series;
    gv_arena_init(&a, NULL);
    bool ok = index_select(&b->index, &a, matchers, n, &series, &n_series, err);
    for (size_t i = 0; ok && i < n_series; i++) {
        struct store_interval clamped = gone;
        bool any;
        ok = clamp_to_chunks(b, series[i], &clamped, &any, err);
        if (ok && any)
            tombstones_add(out, series[i], clamped);
    }
    gv_arena_fini(&a);
    return ok;
}

static void put_in_force(struct block *b, struct tombstones *t)
{
    pthread_mutex_lock(&b->lock);
    struct tombstones old = b->tombstones;
    b->tombstones = *t;
    b->meta.tombstones = t->n;
    pthread_mutex_unlock(&b->lock);
    *t = old;
}

bool block_delete(struct block *b, const struct gv_matcher *matchers, size_t n, int64_t min_time, int64_t max_time,
                  struct gv_err *err)
{
    struct tombstones t = {NULL, 0, 0};
    if (min_time > max_time || min_time > b->reader.max_time || max_time < b->reader.min_time)
        return true;
    pthread_mutex_lock(&b->deleting);
    for (size_t i = 0; i < b->tombstones.n; i++)
        tombstones_add(&t, b->tombstones.all[i].series, b->tombstones.all[i].gone);
    size_t before = t.n;
    bool ok = collect(b, matchers, n, (struct store_interval){min_time, max_time}, &t, err);
    if (ok && t.n > before) {
        tombstones_settle(&t);
        ok = tombstones_write(&t, b->io, b->folder, err);
        if (ok)
            put_in_force(b, &t);
    }
    pthread_mutex_unlock(&b->deleting);
    tombstones_fini(&t);
    return ok;
}

bool block_link(struct block *b, const char *folder, struct gv_err *err)
{
    pthread_mutex_lock(&b->deleting); /* its tombstones stay as they are meanwhile */
    bool ok = block_folder_link(b->io, b->folder, folder, err);
    pthread_mutex_unlock(&b->deleting);
    return ok;
}
