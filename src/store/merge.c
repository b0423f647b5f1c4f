/* Several readers as one source: each gives its matching series in label order; cursors walk all of them side by side,
 * and where several have a series, its chunks become one list. Samples that tombstones take away are taken out here. */
#include "codec/chunks.h"
#include "store/walk.h"
#include <stdlib.h>

struct merged {
    struct gv_source source;
    struct store_reader **readers;
    size_t n;
};

struct cursor {
    struct gv_cursor cursor;
    struct walk walk;
};

/* ---- One series ---- */

struct pieces { /* what the readers have of one series */
    struct store_series *of;
    size_t n;
};

static int by_min_time(const void *a, const void *b)
{
    const struct gv_chunk *l = a, *r = b;
    return (l->min_time > r->min_time) - (l->min_time < r->min_time);
}

static bool in_order(const struct gv_chunk *chunks, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (chunks[i].min_time < chunks[i - 1].min_time)
            return false;
    return true;
}

static void join_chunks(const struct pieces *p, size_t total, struct gv_arena *scratch, struct gv_chunks_column *out)
{
    if (p->n == 1) {
        *out = (struct gv_chunks_column){p->of[0].chunks, (uint32_t)total};
        return;
    }
    struct gv_chunk *all = gv_arena_array(scratch, struct gv_chunk, total), *to = all;
    for (size_t i = 0; i < p->n; to += p->of[i++].n_chunks)
        if (p->of[i].n_chunks)
            memcpy(to, p->of[i].chunks, p->of[i].n_chunks * sizeof *to);
    if (!in_order(all, total))
        qsort(all, total, sizeof *all, by_min_time);
    *out = (struct gv_chunks_column){all, (uint32_t)total};
}

/* Deletions are each reader's own: they hold for its samples alone. */
static bool decode_kept(const struct cursor *c, const struct pieces *p, struct gv_arena *scratch,
                        struct gv_raw_column *out, struct gv_err *err)
{
    struct gv_raw_column *raw = gv_arena_array(scratch, struct gv_raw_column, p->n);
    size_t total = 0;
    bool histograms = false;
    for (size_t i = 0; i < p->n; i++) {
        struct gv_chunks_column chunks = {p->of[i].chunks, (uint32_t)p->of[i].n_chunks};
        if (!gv_chunks_to_raw(scratch, &chunks, c->walk.min_time, c->walk.max_time, &raw[i], err))
            return false;
        total += raw[i].n;
        histograms |= raw[i].histograms != NULL;
    }
    struct gv_raw_builder b;
    if (!gv_raw_builder_init(&b, scratch, total, histograms, err))
        return false;
    for (size_t i = 0; i < p->n; i++)
        walk_keep_samples(&b, &p->of[i], &raw[i]);
    return gv_raw_builder_done(&b, out, err);
}

/* 1: there is something; 0: nothing within the times; -1: failed. */
static int make_column(const struct cursor *c, const struct pieces *p, struct gv_arena *scratch,
                       struct gv_series *series, struct gv_err *err)
{
    size_t chunks = 0, deleted = 0;
    for (size_t i = 0; i < p->n; i++) {
        chunks += p->of[i].n_chunks;
        deleted += p->of[i].n_deleted;
    }
    if (!chunks)
        return 0;
    if (!deleted) {
        series->column.kind = GV_COLUMN_CHUNKS;
        join_chunks(p, chunks, scratch, &series->column.chunks);
        return 1;
    }
    series->column.kind = GV_COLUMN_RAW;
    if (!decode_kept(c, p, scratch, &series->column.raw, err))
        return -1;
    return series->column.raw.n > 0;
}

/* ---- Walking ---- */

static int next(struct gv_cursor *cursor, struct gv_arena *scratch, struct gv_series *series, struct gv_err *err)
{
    struct cursor *c = container_of(cursor, struct cursor, cursor);
    struct gv_arena_mark mark = gv_arena_mark(scratch);
    for (;;) {
        struct pieces p = {.of = gv_arena_array(scratch, struct store_series, c->walk.n)};
        int found = walk_next(&c->walk, scratch, p.of, &p.n, err);
        if (found != 1)
            return found;
        series->labels = p.of[0].labels;
        int made = make_column(c, &p, scratch, series, err);
        if (made)
            return made;
        gv_arena_rewind(scratch, mark);
    }
}

static void close(struct gv_cursor *cursor)
{
    walk_fini(&container_of(cursor, struct cursor, cursor)->walk);
}

static const struct gv_cursor_ops cursor_ops = {next, close};

/* ---- Selecting ---- */

struct found { /* what one reader has */
    struct store_reader *reader;
    uint64_t *series;
    size_t n;
};

/* The first of its series that does not sort before `labels`. */
static bool lower_bound(const struct found *f, const struct gv_labels *labels, struct gv_arena *scratch, size_t *at,
                        struct gv_err *err)
{
    size_t low = 0, high = f->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct gv_labels *l;
        struct gv_arena_mark mark = gv_arena_mark(scratch);
        if (!f->reader->ops->labels(f->reader, scratch, f->series[mid], &l, err))
            return false;
        bool before = gv_labels_cmp(l, labels) < 0;
        gv_arena_rewind(scratch, mark);
        if (before)
            low = mid + 1;
        else
            high = mid;
    }
    *at = low;
    return true;
}

/* Where each reader's series of partition `part` begin: cut at the labels of one series of the largest reader. */
static bool cut_at(const struct found *found, size_t n, size_t largest, size_t part, size_t parts, struct gv_arena *a,
                   size_t *cuts, struct gv_err *err)
{
    const struct found *f = &found[largest];
    const struct gv_labels *pivot;
    cuts[largest] = f->n * part / parts;
    if (!f->reader->ops->labels(f->reader, a, f->series[cuts[largest]], &pivot, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (i != largest && !lower_bound(&found[i], pivot, a, &cuts[i], err))
            return false;
    return true;
}

static struct cursor *new_cursor(struct gv_arena *a, const struct gv_select *what, const struct found *found, size_t n,
                                 const size_t *from, const size_t *to, struct gv_err *err)
{
    struct cursor *c = gv_arena_new(a, struct cursor);
    c->cursor.ops = &cursor_ops;
    walk_init(&c->walk, a, n, what->min_time, what->max_time);
    for (size_t i = 0; i < n; i++)
        if (from[i] != to[i])
            walk_add(&c->walk, a, found[i].reader, found[i].series + from[i], to[i] - from[i]);
    if (walk_begin(&c->walk, err))
        return c;
    close(&c->cursor);
    return NULL;
}

static bool make_cursors(struct gv_arena *a, const struct gv_select *what, const struct found *found, size_t n,
                         size_t largest, struct gv_cursor **cursors, size_t parts, struct gv_err *err)
{
    size_t *from = gv_arena_array(a, size_t, n + 1), *to = gv_arena_array(a, size_t, n + 1);
    for (size_t part = 0; part < parts; part++) {
        bool ok = true;
        for (size_t i = 0; i < n; i++)
            to[i] = found[i].n;
        if (part + 1 < parts)
            ok = cut_at(found, n, largest, part + 1, parts, a, to, err);
        struct cursor *c = ok ? new_cursor(a, what, found, n, from, to, err) : NULL;
        if (!c) {
            while (part)
                close(cursors[--part]);
            return false;
        }
        cursors[part] = &c->cursor;
        memcpy(from, to, n * sizeof *from);
    }
    return true;
}

static bool select_series(struct gv_source *s, struct gv_arena *a, const struct gv_select *what,
                          struct gv_cursor **cursors, size_t max, size_t *n, struct gv_err *err)
{
    const struct merged *m = container_of(s, struct merged, source);
    struct found *found = gv_arena_array(a, struct found, m->n + 1);
    size_t n_found = 0, largest = 0;
    for (size_t i = 0; i < m->n; i++) {
        struct store_reader *r = m->readers[i];
        struct found *f = &found[n_found];
        if (r->min_time > what->max_time || r->max_time < what->min_time)
            continue;
        if (!r->ops->select(r, a, what->matchers, what->n_matchers, what->min_time, what->max_time, &f->series, &f->n,
                            err))
            return false;
        f->reader = r;
        if (f->n > found[largest].n)
            largest = n_found;
        n_found += f->n > 0;
    }
    size_t most = found[largest].n;
    *n = most < max ? (most ? most : 1) : max;
    return make_cursors(a, what, found, n_found, largest, cursors, *n, err);
}

static const struct gv_source_ops source_ops = {select_series};

struct gv_source *store_merged_source(struct gv_arena *a, struct store_reader **readers, size_t n)
{
    struct merged *m = gv_arena_new(a, struct merged);
    *m = (struct merged){{&source_ops}, readers, n};
    return &m->source;
}
