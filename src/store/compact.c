/* Readers side by side, a series at a time: its chunks in time become runs. A run is one chunk that stays as it is and
 * is copied, or several that overlap, or small neighbours, or one that loses samples: these are decoded and cut anew.
 *
 *   chunks of all readers ──by time──► runs ──► copy │ decode, leave out what is deleted, cut ──► block_writer */
#include "codec/chunk_xor.h"
#include "codec/chunks.h"
#include "store/block.h"
#include "store/walk.h"
#include <stdlib.h>

enum { WHOLE_CHUNK = 120 /* samples */ };

struct part { /* of a series: a chunk and whose it is */
    const struct gv_chunk *chunk;
    const struct store_series *of;
    bool whole; /* all of its samples are wanted */
};

struct chunk_list {
    struct gv_chunk *all;
    size_t n, cap;
};

struct compaction {
    struct block_writer *writer;
    struct walk walk;
    struct gv_arena scratch, cutting;
    struct store_series *pieces;
    const _Atomic bool *stopped;
};

/* ---- Runs ---- */

static bool loses_samples(const struct compaction *c, const struct store_series *s, const struct gv_chunk *chunk)
{
    if (chunk->min_time < c->walk.min_time || chunk->max_time > c->walk.max_time)
        return true;
    for (size_t i = 0; i < s->n_deleted; i++)
        if (s->deleted[i].min_time <= chunk->max_time && s->deleted[i].max_time >= chunk->min_time)
            return true;
    return false;
}

/* By time; of equal ones the earlier reader's first. */
static int compare_parts(const void *pa, const void *pb)
{
    const struct part *a = pa, *b = pb;
    if (a->chunk->min_time != b->chunk->min_time)
        return a->chunk->min_time < b->chunk->min_time ? -1 : 1;
    if (a->of != b->of)
        return a->of < b->of ? -1 : 1;
    return (a->chunk > b->chunk) - (a->chunk < b->chunk);
}

static struct part *make_parts(struct compaction *c, size_t n_pieces, size_t *n)
{
    size_t all = 0;
    *n = 0;
    for (size_t i = 0; i < n_pieces; i++)
        all += c->pieces[i].n_chunks;
    struct part *parts = gv_arena_array(&c->scratch, struct part, all + 1);
    for (size_t i = 0; i < n_pieces; i++)
        for (size_t k = 0; k < c->pieces[i].n_chunks; k++) {
            const struct gv_chunk *chunk = &c->pieces[i].chunks[k];
            parts[(*n)++] = (struct part){chunk, &c->pieces[i], !loses_samples(c, &c->pieces[i], chunk)};
        }
    if (*n)
        qsort(parts, *n, sizeof *parts, compare_parts);
    return parts;
}

static bool is_same(const struct part *a, const struct part *b)
{
    const struct gv_chunk *x = a->chunk, *y = b->chunk;
    return a->whole && b->whole && x->encoding == y->encoding && x->min_time == y->min_time &&
           x->max_time == y->max_time && x->size == y->size && memcmp(x->data, y->data, x->size) == 0;
}

/* What several readers have alike. */
static size_t drop_same(struct part *parts, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!kept || !is_same(&parts[i], &parts[kept - 1]))
            parts[kept++] = parts[i];
    return kept;
}

/* Chunks of floats that together are no more than one. Histograms stay as they are: what their chunks say of resets
 * would be lost. */
static bool may_join(const struct part *p, uint64_t *samples)
{
    *samples += gv_chunk_samples(p->chunk->data, p->chunk->size);
    return p->chunk->encoding == GV_CHUNK_XOR && *samples <= WHOLE_CHUNK;
}

static size_t run_length(const struct part *parts, size_t n)
{
    int64_t last = parts->chunk->max_time;
    uint64_t samples = 0;
    bool small = may_join(parts, &samples);
    size_t i = 1;
    for (; i < n; i++) {
        bool overlaps = parts[i].chunk->min_time <= last, joins = may_join(&parts[i], &samples) && small;
        if (!overlaps && !joins)
            break;
        small = joins;
        last = parts[i].chunk->max_time > last ? parts[i].chunk->max_time : last;
    }
    return i;
}

/* ---- Cutting anew ---- */

static bool is_histogram(const struct part *p)
{
    return p->chunk->encoding != GV_CHUNK_XOR;
}

static bool decode_run(struct compaction *c, const struct part *parts, size_t n, struct gv_raw_column *out,
                       struct gv_err *err)
{
    struct gv_raw_column *raw = gv_arena_array(&c->scratch, struct gv_raw_column, n);
    size_t total = 0;
    bool histograms = false;
    for (size_t i = 0; i < n; i++) {
        struct gv_chunks_column one = {parts[i].chunk, 1};
        if (!gv_chunks_to_raw(&c->scratch, &one, c->walk.min_time, c->walk.max_time, &raw[i], err))
            return false;
        total += raw[i].n;
        histograms |= is_histogram(&parts[i]);
    }
    struct gv_raw_builder b;
    if (!gv_raw_builder_init(&b, &c->scratch, total, histograms, err))
        return false;
    for (size_t i = 0; i < n; i++)
        walk_keep_samples(&b, parts[i].of, &raw[i]);
    return gv_raw_builder_done(&b, out, err);
}

static bool rewrite_run(struct compaction *c, const struct part *parts, size_t n, struct chunk_list *out,
                        struct gv_err *err)
{
    struct gv_raw_column samples;
    struct gv_chunks_column cut;
    if (!decode_run(c, parts, n, &samples, err) || !gv_chunks_of_raw(&c->scratch, &c->cutting, &samples, &cut, err))
        return false;
    for (uint32_t i = 0; i < cut.n; i++)
        gv_push(&c->scratch, out->all, out->n, out->cap) = cut.chunks[i];
    return true;
}

static bool write_series(struct compaction *c, size_t n_pieces, struct gv_err *err)
{
    size_t n;
    struct chunk_list out = {0};
    struct part *parts = make_parts(c, n_pieces, &n);
    n = drop_same(parts, n);
    for (size_t i = 0, length; i < n; i += length) {
        length = run_length(parts + i, n - i);
        if (length == 1 && parts[i].whole)
            gv_push(&c->scratch, out.all, out.n, out.cap) = *parts[i].chunk;
        else if (!rewrite_run(c, parts + i, length, &out, err))
            return false;
    }
    return block_writer_add(c->writer, c->pieces->labels, out.all, out.n, err);
}

/* ---- All of it ---- */

static bool goes_on(const struct compaction *c, struct gv_err *err)
{
    return !c->stopped || !*c->stopped || gv_fail(err, GV_CANCELED, "the block is given up: the program ends");
}

static bool write_all(struct compaction *c, struct gv_err *err)
{
    gv_arena_alloc(&c->scratch, 1); /* a block that every rewind keeps */
    struct gv_arena_mark mark = gv_arena_mark(&c->scratch);
    size_t n;
    int more;
    while ((more = walk_next(&c->walk, &c->scratch, c->pieces, &n, err)) > 0) {
        if (!goes_on(c, err) || !write_series(c, n, err))
            return false;
        gv_arena_rewind(&c->scratch, mark);
    }
    return more == 0;
}

static bool begin(struct compaction *c, struct gv_arena *a, struct store_reader **readers, size_t n,
                  const struct block_writer_options *o, struct gv_err *err)
{
    walk_init(&c->walk, a, n, o->min_time, o->max_time - 1);
    for (size_t i = 0; i < n; i++) {
        uint64_t *series;
        size_t n_series;
        if (!readers[i]->ops->select(readers[i], a, NULL, 0, c->walk.min_time, c->walk.max_time, &series, &n_series,
                                     err))
            return false;
        walk_add(&c->walk, a, readers[i], series, n_series);
    }
    c->pieces = gv_arena_array(a, struct store_series, n + 1);
    return walk_begin(&c->walk, err);
}

bool block_compact(struct store_reader **readers, size_t n, const struct block_writer_options *o,
                   char ulid[BLOCK_ULID_MAX], struct gv_err *err)
{
    struct compaction c = {.writer = block_writer_new(o, err), .stopped = o->stopped};
    struct gv_arena a;
    *ulid = 0;
    if (!c.writer)
        return false;
    gv_arena_init(&a, NULL);
    gv_arena_init(&c.scratch, NULL);
    gv_arena_init(&c.cutting, NULL);
    bool ok = begin(&c, &a, readers, n, o, err) && write_all(&c, err) && block_writer_done(c.writer, ulid, err);
    walk_fini(&c.walk);
    gv_arena_fini(&c.cutting);
    gv_arena_fini(&c.scratch);
    gv_arena_fini(&a);
    block_writer_free(c.writer);
    return ok;
}
