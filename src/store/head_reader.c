/* What a query sees of the head: a store_reader whose numbers are the series themselves, kept from going away by the
 * reader's place in the list of all readers. Finished chunks are lent, open ones copied. */
#include "codec/chunks.h"
#include "store/head_order.h"
#include "store/head_select.h"
#include <stdlib.h>

static struct head_reader *reader_of(struct store_reader *r)
{
    return container_of(r, struct head_reader, reader);
}

static struct head_series *series_of(uint64_t number)
{
    return (struct head_series *)(uintptr_t)number;
}

/* ---- Selecting ---- */

static bool select_series(struct store_reader *reader, struct gv_arena *a, const struct gv_matcher *matchers,
                          size_t n_matchers, int64_t min_time, int64_t max_time, uint64_t **series, size_t *n,
                          struct gv_err *err)
{
    struct head_reader *r = reader_of(reader);
    struct head_series **found;
    struct gv_arena scratch;
    gv_arena_init(&scratch, a->budget);
    bool ok = head_select(r, &scratch, matchers, n_matchers, min_time, max_time, &found, n, err) &&
              head_order(r->head, found, *n, &scratch, err);
    uint64_t *out = ok ? gv_arena_try(a, (*n + 1) * sizeof *out, err) : NULL;
    for (size_t i = 0; out && i < *n; i++)
        out[i] = (uintptr_t)found[i];
    *series = out;
    gv_arena_fini(&scratch);
    return out != NULL;
}

static bool labels_of(struct store_reader *reader, struct gv_arena *scratch, uint64_t series,
                      const struct gv_labels **labels, struct gv_err *err)
{
    (void)err;
    *labels = head_labels_of(reader_of(reader)->head, series_of(series), scratch);
    return true;
}

/* ---- The chunks of a series ---- */

struct found { /* newest first */
    struct gv_arena *arena;
    struct gv_chunk *chunks;
    size_t n, cap;
};

static struct gv_chunk lend(const struct head_chunk *c)
{
    return (struct gv_chunk){c->min_time, c->max_time, c->data, c->size, c->encoding};
}

static void add_open(struct found *f, const struct head_series *s)
{
    uint32_t size = head_open_size(s);
    uint8_t *copy = gv_arena_alloc(f->arena, size);
    head_open_copy(s, copy);
    gv_push(f->arena, f->chunks, f->n, f->cap) = (struct gv_chunk){s->open_time, s->open.time, copy, size, s->encoding};
}

static void add_in_order(struct found *f, const struct head_series *s, int64_t min_time, int64_t max_time)
{
    if (s->open.n && s->open_time <= max_time && s->open.time >= min_time)
        add_open(f, s);
    for (const struct head_chunk *c = s->chunks; c && c->max_time >= min_time; c = c->older)
        if (c->min_time <= max_time)
            gv_push(f->arena, f->chunks, f->n, f->cap) = lend(c);
}

static void reverse(struct gv_chunk *chunks, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct gv_chunk c = chunks[i];
        chunks[i] = chunks[n - 1 - i];
        chunks[n - 1 - i] = c;
    }
}

/* A chunk that goes back beyond what the reader may see of it is written anew. Borders of blocks end chunks, so this
 * takes a range of blocks that was changed between two starts. */
static bool trim(struct gv_arena *a, struct gv_chunk *c, int64_t start, struct gv_err *err)
{
    struct gv_arena scratch;
    struct gv_raw_column raw;
    struct gv_chunks_column whole = {c, 1}, rest;
    gv_arena_init(&scratch, a->budget);
    bool ok = gv_chunks_to_raw(&scratch, &whole, start, INT64_MAX, &raw, err) &&
              gv_chunks_of_raw(a, &scratch, &raw, &rest, err);
    if (ok && rest.n)
        *c = rest.chunks[0];
    gv_arena_fini(&scratch);
    return ok;
}

static int by_min_time(const void *a, const void *b)
{
    const struct gv_chunk *l = a, *r = b;
    return (l->min_time > r->min_time) - (l->min_time < r->min_time);
}

static bool collect(const struct head_reader *r, const struct head_series *s, struct found *f, int64_t min_time,
                    int64_t max_time, struct gv_err *err)
{
    struct head_late_wish late = {.min_time = min_time, .max_time = max_time, .after = r->epoch, .last = r->last_epoch};
    if (!r->late_only)
        add_in_order(f, s, min_time > r->start ? min_time : r->start, max_time);
    reverse(f->chunks, f->n);
    if (f->n && f->chunks[0].min_time < r->start && !trim(f->arena, &f->chunks[0], r->start, err))
        return false;
    size_t in_order = f->n;
    if (!head_late_chunks(s, f->arena, &late, &f->chunks, &f->n, &f->cap, err))
        return false;
    if (f->n > in_order)
        qsort(f->chunks, f->n, sizeof *f->chunks, by_min_time);
    return true;
}

static void copy_deleted(const struct head_series *s, struct gv_arena *a, struct store_series *out)
{
    if (!s->extra || !s->extra->n_deleted)
        return;
    struct store_interval *copy = gv_arena_array(a, struct store_interval, s->extra->n_deleted);
    memcpy(copy, s->extra->deleted, s->extra->n_deleted * sizeof *copy);
    out->deleted = copy;
    out->n_deleted = s->extra->n_deleted;
}

static bool read_series(struct store_reader *reader, struct gv_arena *scratch, uint64_t series, int64_t min_time,
                        int64_t max_time, struct store_series *out, struct gv_err *err)
{
    struct head_reader *r = reader_of(reader);
    const struct head_series *s = series_of(series);
    struct head_stripe *stripe = head_stripe_of(r->head, s->id);
    struct found f = {.arena = scratch};
    *out = (struct store_series){.labels = head_labels_of(r->head, s, scratch)};
    pthread_mutex_lock(&stripe->lock);
    bool ok = collect(r, s, &f, min_time, max_time, err);
    copy_deleted(s, scratch, out);
    pthread_mutex_unlock(&stripe->lock);
    out->chunks = f.chunks;
    out->n_chunks = f.n;
    return ok;
}

/* ---- Names and values ---- */

static int by_text(const void *a, const void *b)
{
    return gv_slice_cmp(*(const struct gv_slice *)a, *(const struct gv_slice *)b);
}

/* The texts of a list of symbols, ascending, in a. The reader keeps them while they are read without the lock. */
static bool texts_of(struct head *h, struct gv_arena *a, uint32_t name, struct gv_slice **out, size_t *n,
                     struct gv_err *err)
{
    uint64_t *symbols;
    if (!head_copy_values(h, a, name, &symbols, n, err))
        return false;
    struct gv_slice *texts = gv_arena_try(a, (*n + 1) * sizeof *texts, err);
    size_t bytes = 0;
    for (size_t i = 0; texts && i < *n; i++) {
        texts[i] = symbols_text(&h->symbols, (uint32_t)symbols[i]);
        bytes += texts[i].n;
    }
    char *to = texts ? gv_arena_try(a, bytes + 1, err) : NULL;
    *out = texts;
    if (!to)
        return false;
    for (size_t i = 0; i < *n; to += texts[i++].n)
        texts[i].p = memcpy(to, texts[i].p, texts[i].n);
    qsort(texts, *n, sizeof *texts, by_text);
    return true;
}

static bool label_names(struct store_reader *reader, struct gv_arena *a, struct gv_slice **names, size_t *n,
                        struct gv_err *err)
{
    return texts_of(reader_of(reader)->head, a, POSTINGS_VALUES, names, n, err);
}

static bool label_values(struct store_reader *reader, struct gv_arena *a, struct gv_slice name,
                         struct gv_slice **values, size_t *n, struct gv_err *err)
{
    struct head *h = reader_of(reader)->head;
    pthread_rwlock_rdlock(&h->index);
    uint32_t symbol = symbols_find(&h->symbols, name);
    if (symbol != SYMBOL_NONE && !postings_values(&h->postings, symbol))
        symbol = SYMBOL_NONE;
    pthread_rwlock_unlock(&h->index);
    *values = NULL;
    *n = 0;
    return symbol == SYMBOL_NONE || texts_of(h, a, symbol, values, n, err);
}

static const struct store_reader_ops reader_ops = {.select = select_series,
                                                   .labels = labels_of,
                                                   .series = read_series,
                                                   .label_names = label_names,
                                                   .label_values = label_values};

/* ---- Readers come and go ---- */

static struct head_reader *new_reader(struct head *h)
{
    struct head_reader *r = calloc(1, sizeof *r);
    if (!r)
        gv_die("out of memory");
    r->head = h;
    r->reader.ops = &reader_ops;
    r->start = INT64_MIN;
    r->last_epoch = UINT32_MAX;
    return r;
}

static void link_reader(struct head *h, struct head_reader *r)
{
    r->serial = ++h->readers.serial;
    r->before = h->readers.newest;
    *(h->readers.newest ? &h->readers.newest->next : &h->readers.oldest) = r;
    h->readers.newest = r;
}

struct store_reader *head_reader_get(struct head *h, int64_t min_time)
{
    struct head_reader *r = new_reader(h);
    pthread_mutex_lock(&h->readers.lock);
    int64_t truncated = h->truncated;
    r->start = min_time > truncated ? min_time : truncated;
    r->epoch = h->late_done;
    link_reader(h, r);
    pthread_mutex_unlock(&h->readers.lock);
    int64_t in_order = head_min_time(h), late = h->late_min;
    in_order = in_order < r->start ? r->start : in_order;
    r->reader.min_time = in_order < late ? in_order : late;
    r->reader.max_time = head_max_time(h);
    if (h->late_max > r->reader.max_time)
        r->reader.max_time = h->late_max;
    return &r->reader;
}

struct store_reader *head_late_reader(struct head *h, uint32_t after, uint32_t last, int64_t min_time, int64_t max_time)
{
    struct head_reader *r = new_reader(h);
    r->late_only = true;
    r->epoch = after;
    r->last_epoch = last;
    r->reader.min_time = min_time;
    r->reader.max_time = max_time;
    pthread_mutex_lock(&h->readers.lock);
    link_reader(h, r);
    pthread_mutex_unlock(&h->readers.lock);
    return &r->reader;
}

void head_reader_put(struct store_reader *reader)
{
    struct head_reader *r = reader_of(reader);
    struct head *h = r->head;
    pthread_mutex_lock(&h->readers.lock);
    *(r->before ? &r->before->next : &h->readers.oldest) = r->next;
    *(r->next ? &r->next->before : &h->readers.newest) = r->before;
    pthread_mutex_unlock(&h->readers.lock);
    free(r);
}

uint64_t head_reader_now(struct head *h)
{
    pthread_mutex_lock(&h->readers.lock);
    uint64_t serial = h->readers.serial;
    pthread_mutex_unlock(&h->readers.lock);
    return serial;
}

bool head_readers_left(struct head *h, uint64_t serial)
{
    pthread_mutex_lock(&h->readers.lock);
    bool left = h->readers.oldest && h->readers.oldest->serial <= serial;
    pthread_mutex_unlock(&h->readers.lock);
    return left;
}
