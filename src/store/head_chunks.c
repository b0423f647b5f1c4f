/* A series' chunks: one open, whose bytes lie in blocks of 56 that the stripe hands out, and finished ones in memory of
 * just their size, newest first.
 *
 * A chunk ends after 120 samples, between floats and histograms, where a histogram does not fit those before, and at
 * every multiple of the block range: so blocks are cut between chunks, not through them. */
#include "store/head_impl.h"
#include <stdlib.h>

enum { SLAB_BLOCKS = 255 };

struct head_slab {
    struct head_slab *next;
    struct head_block blocks[SLAB_BLOCKS];
};

/* ---- Blocks ---- */

static void add_slab(struct head_stripe *stripe)
{
    struct head_slab *slab = aligned_alloc(64, (sizeof *slab + 63) / 64 * 64);
    if (!slab)
        gv_die("out of memory");
    slab->next = stripe->slabs;
    stripe->slabs = slab;
    stripe->bytes += sizeof *slab;
    for (size_t i = SLAB_BLOCKS; i-- > 0;) {
        slab->blocks[i].next = stripe->free;
        stripe->free = &slab->blocks[i];
    }
}

static struct head_block *new_block(struct head_stripe *stripe)
{
    if (!stripe->free)
        add_slab(stripe);
    struct head_block *b = stripe->free;
    stripe->free = b->next;
    b->next = NULL;
    return b;
}

void head_blocks_fini(struct head_stripe *stripe)
{
    for (struct head_slab *s = stripe->slabs, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    stripe->slabs = NULL;
    stripe->free = NULL;
}

static void free_blocks(struct head_stripe *stripe, struct head_series *s)
{
    if (!s->first)
        return;
    s->last->next = stripe->free;
    stripe->free = s->first;
    s->first = s->last = NULL;
}

static void put_bytes(struct head_stripe *stripe, struct head_series *s, const uint8_t *p, size_t n)
{
    while (n) {
        if (s->fill == HEAD_BLOCK_BYTES) {
            s->last = s->last->next = new_block(stripe);
            s->n_blocks++;
            s->fill = 0;
        }
        size_t room = HEAD_BLOCK_BYTES - s->fill, part = n < room ? n : room;
        memcpy(s->last->bytes + s->fill, p, part);
        s->fill = (uint8_t)(s->fill + part);
        p += part;
        n -= part;
    }
}

/* ---- The open chunk ---- */

static int64_t next_border(const struct head *h, int64_t time)
{
    int64_t range = h->options.block_range, into = time % range;
    int64_t border;
    return __builtin_add_overflow(time - (into < 0 ? into + range : into), range, &border) ? INT64_MAX : border;
}

void head_open_begin(const struct head *h, struct head_stripe *stripe, struct head_series *s, int64_t time,
                     uint8_t encoding)
{
    gv_xor_state_init(&s->open);
    s->open_time = time;
    s->cut_time = next_border(h, time);
    s->encoding = encoding;
    if (encoding == GV_CHUNK_XOR) {
        s->first = s->last = new_block(stripe);
        s->n_blocks = 1;
        s->fill = 0;
    }
    stripe->chunks++;
}

void head_open_put(struct head_stripe *stripe, struct head_series *s, int64_t time, double value)
{
    uint8_t bytes[GV_XOR_ROOM];
    size_t n = gv_xor_put(&s->open, time, value, bytes);
    put_bytes(stripe, s, bytes, n);
}

uint32_t head_open_size(const struct head_series *s)
{
    if (series_is_histogram(s))
        return (uint32_t)gv_histogram_encoder_bytes(s->extra->histograms).n;
    return GV_XOR_HEADER + (s->n_blocks - 1U) * HEAD_BLOCK_BYTES + s->fill + (s->open.used != 0);
}

void head_open_copy(const struct head_series *s, uint8_t *to)
{
    if (series_is_histogram(s)) {
        struct gv_slice bytes = gv_histogram_encoder_bytes(s->extra->histograms);
        memcpy(to, bytes.p, bytes.n);
        return;
    }
    *to++ = (uint8_t)(s->open.n >> 8);
    *to++ = (uint8_t)s->open.n;
    for (const struct head_block *b = s->first; b != s->last; b = b->next, to += HEAD_BLOCK_BYTES)
        memcpy(to, b->bytes, HEAD_BLOCK_BYTES);
    memcpy(to, s->last->bytes, s->fill);
    if (s->open.used)
        to[s->fill] = s->open.begun;
}

void head_open_drop(struct head_stripe *stripe, struct head_series *s)
{
    if (!s->open.n)
        return;
    free_blocks(stripe, s);
    if (series_is_histogram(s)) {
        gv_histogram_encoder_free(s->extra->histograms);
        s->extra->histograms = NULL;
    }
    s->open.n = 0;
    s->encoding = GV_CHUNK_XOR;
    stripe->chunks--;
}

/* ---- Finished chunks ---- */

static struct head_chunk *new_chunk(struct head_stripe *stripe, uint32_t size)
{
    struct head_chunk *c = malloc(sizeof *c + size);
    if (!c)
        gv_die("out of memory");
    *c = (struct head_chunk){.size = size};
    stripe->bytes += sizeof *c + size;
    stripe->chunks++;
    return c;
}

struct head_chunk *head_chunk_new(struct head_stripe *stripe, const struct gv_chunk *chunk)
{
    struct head_chunk *c = new_chunk(stripe, chunk->size);
    c->min_time = chunk->min_time;
    c->max_time = chunk->max_time;
    c->encoding = chunk->encoding;
    memcpy(c->data, chunk->data, chunk->size);
    return c;
}

void head_chunk_free(struct head_stripe *stripe, struct head_chunk *c)
{
    stripe->bytes -= sizeof *c + c->size;
    stripe->chunks--;
    free(c);
}

void head_open_finish(struct head_stripe *stripe, struct head_series *s)
{
    if (!s->open.n)
        return;
    struct head_chunk *c = new_chunk(stripe, head_open_size(s));
    head_open_copy(s, c->data);
    c->min_time = s->open_time;
    c->max_time = s->open.time;
    c->encoding = s->encoding;
    c->older = s->chunks;
    s->chunks = c;
    head_open_drop(stripe, s);
}

/* ---- Taking up a chunk ---- */

static bool resume_floats(const struct head *h, struct head_stripe *stripe, struct head_series *s,
                          const struct gv_chunk *chunk, struct gv_err *err)
{
    struct gv_xor_encoder e;
    if (!gv_xor_encoder_resume(&e, chunk->data, chunk->size, err))
        return false;
    if (e.state.n) {
        head_open_begin(h, stripe, s, chunk->min_time, GV_CHUNK_XOR);
        s->open = e.state;
        put_bytes(stripe, s, (const uint8_t *)e.bytes.p + GV_XOR_HEADER,
                  e.bytes.n - GV_XOR_HEADER - (e.state.used != 0));
    }
    gv_xor_encoder_fini(&e);
    return true;
}

static bool resume_histograms(const struct head *h, struct head_stripe *stripe, struct head_series *s,
                              const struct gv_chunk *chunk, struct gv_err *err)
{
    struct gv_histogram_encoder *e =
        gv_histogram_encoder_resume((enum gv_chunk_encoding)chunk->encoding, chunk->data, chunk->size, err);
    if (!e)
        return false;
    head_open_begin(h, stripe, s, chunk->min_time, chunk->encoding);
    head_extra_of(stripe, s)->histograms = e;
    s->open.n = (uint16_t)gv_chunk_samples(chunk->data, chunk->size);
    s->open.time = chunk->max_time;
    return true;
}

bool head_open_resume(const struct head *h, struct head_stripe *stripe, struct head_series *s,
                      const struct gv_chunk *chunk, struct gv_err *err)
{
    return chunk->encoding == GV_CHUNK_XOR ? resume_floats(h, stripe, s, chunk, err)
                                           : resume_histograms(h, stripe, s, chunk, err);
}
