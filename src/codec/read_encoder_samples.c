/* The feed's series ──► the text of a ReadResponse ──► pieces of one snappy block:
 *
 *   length of all text | head of result 0 | its series ... | head of result 1 | its series ...
 *
 * Text is compressed whenever enough of it is there; the head of a result says how long it is, so it is put in its
 * place afterwards, as a literal of the block. */
#include "codec/chunks.h"
#include "codec/histogram_message.h"
#include "codec/read_encoder_impl.h"
#include "codec/snappy_block.h"

enum { RESPONSE_RESULTS = 1 };
enum { RESULT_SERIES = 1 };
enum { SERIES_SAMPLES = 2, SERIES_HISTOGRAMS = 4 };
enum { SAMPLE_VALUE = 1, SAMPLE_TIME = 2 };
enum { ENOUGH_TEXT = 256 << 10 };

/* ---- Pieces ---- */

static bool add_piece(struct gv_read_encoder *e, struct gv_slice bytes, size_t *place, struct gv_err *err)
{
    char *copy = gv_arena_try(e->arena, bytes.n, err);
    if (!copy)
        return false;
    memcpy(copy, bytes.p, bytes.n);
    struct gv_slice piece = {copy, bytes.n};
    if (place)
        e->pieces[*place] = piece;
    else
        gv_push(e->arena, e->pieces, e->n_pieces, e->cap_pieces) = piece;
    return true;
}

static bool flush(struct gv_read_encoder *e, struct gv_err *err)
{
    if (!e->text.n)
        return true;
    e->size += e->text.n;
    gv_buf_clear(&e->small);
    gv_snappy_put_piece(&e->small, gv_buf_slice(&e->text));
    gv_buf_clear(&e->text);
    return add_piece(e, gv_buf_slice(&e->small), NULL, err);
}

static bool flush_much(struct gv_read_encoder *e, struct gv_err *err)
{
    return e->text.n < ENOUGH_TEXT || flush(e, err);
}

/* ---- Samples ---- */

static size_t sample_size(int64_t time)
{
    return 1 + sizeof(double) + 1 + pb_varint_size((uint64_t)time);
}

static void put_sample(struct gv_buf *out, int64_t time, double value)
{
    uint8_t *at = (uint8_t *)gv_buf_reserve(out, 32), *start = at;
    *at++ = SERIES_SAMPLES << 3 | PB_BYTES;
    *at++ = (uint8_t)sample_size(time);
    *at++ = SAMPLE_VALUE << 3 | PB_FIXED64;
    memcpy(at, &value, sizeof value);
    at += sizeof value;
    *at++ = SAMPLE_TIME << 3 | PB_VARINT;
    at = pb_store_varint(at, (uint64_t)time);
    out->n += (size_t)(at - start);
}

static const struct gv_histogram *histogram_at(const struct gv_raw_column *c, uint32_t i)
{
    return c->histograms ? c->histograms[i] : NULL;
}

static size_t series_size(struct gv_read_encoder *e, const struct gv_raw_column *c)
{
    size_t n = pb_labels_size(e->series.labels);
    for (uint32_t i = 0; i < c->n; i++) {
        const struct gv_histogram *h = histogram_at(c, i);
        gv_buf_clear(&e->small);
        if (h)
            pb_put_histogram(&e->small, SERIES_HISTOGRAMS, c->times[i], h);
        n += h ? e->small.n : pb_bytes_size(sample_size(c->times[i]));
    }
    return n;
}

static bool put_samples(struct gv_read_encoder *e, const struct gv_raw_column *c, struct gv_err *err)
{
    for (uint32_t i = 0; i < c->n; i++) {
        const struct gv_histogram *h = histogram_at(c, i);
        if (h)
            pb_put_histogram(&e->text, SERIES_HISTOGRAMS, c->times[i], h);
        else
            put_sample(&e->text, c->times[i], c->values[i]);
        if (!flush_much(e, err))
            return false;
    }
    return true;
}

static bool column_of(struct gv_read_encoder *e, struct gv_raw_column *out, struct gv_err *err)
{
    const struct gv_select *q = read_encoder_query(e);
    const struct gv_column *c = &e->series.column;
    if (c->kind == GV_COLUMN_CHUNKS)
        return gv_chunks_to_raw(&e->scratch, &c->chunks, q->min_time, q->max_time, out, err);
    *out = read_encoder_cut(e, &c->raw);
    return true;
}

static bool take_series(struct gv_read_encoder *e, struct gv_err *err)
{
    struct gv_raw_column c;
    if (!column_of(e, &c, err))
        return false;
    if (!c.n)
        return true;
    e->samples += c.n;
    if (e->options.max_samples && e->samples > e->options.max_samples)
        return gv_fail(err, GV_BAD_DATA, "exceeded sample limit (%lld)", (long long)e->options.max_samples);
    pb_put_key(&e->text, RESULT_SERIES, PB_BYTES);
    pb_put_varint(&e->text, series_size(e, &c));
    pb_put_labels(&e->text, e->series.labels);
    return put_samples(e, &c, err) && flush_much(e, err);
}

/* ---- Results ---- */

/* A literal of the block: its length less one in the upper six bits of a byte, and its bytes. */
static bool put_head(struct gv_read_encoder *e, struct gv_err *err)
{
    struct gv_buf *b = &e->small;
    gv_buf_clear(b);
    gv_buf_addc(b, 0);
    pb_put_key(b, RESPONSE_RESULTS, PB_BYTES);
    pb_put_varint(b, e->size);
    b->p[0] = (char)((b->n - 2) << 2);
    e->total += b->n - 1 + e->size;
    return add_piece(e, gv_buf_slice(b), &e->head, err);
}

static bool take_query(struct gv_read_encoder *e, struct gv_err *err)
{
    e->open = false;
    e->size = 0;
    e->head = e->n_pieces;
    gv_push(e->arena, e->pieces, e->n_pieces, e->cap_pieces) = (struct gv_slice){NULL, 0};
    for (;;) {
        int more = read_encoder_pull(e, err);
        if (more < 0)
            return false;
        if (!more)
            return flush(e, err) && put_head(e, err);
        if (!take_series(e, err))
            return false;
    }
}

bool read_samples_gather(struct gv_read_encoder *e, struct gv_err *err)
{
    for (e->query = 0; e->query < e->options.request->n; e->query++)
        if (!take_query(e, err))
            return false;
    gv_buf_clear(&e->text);
    gv_arena_rewind(&e->scratch, e->empty);
    if (e->total > UINT32_MAX)
        return gv_fail(err, GV_TOO_LARGE,
                       "the answer has %llu bytes, a snappy block at most %u: ask for "
                       "STREAMED_XOR_CHUNKS",
                       (unsigned long long)e->total, UINT32_MAX);
    gv_snappy_put_length(&e->text, e->total);
    return true;
}

int read_samples_next(struct gv_read_encoder *e, struct gv_buf *out, size_t want)
{
    size_t goal = out->n + want;
    gv_buf_add_slice(out, gv_buf_slice(&e->text)); /* the length, once */
    gv_buf_clear(&e->text);
    while (e->next_piece < e->n_pieces && out->n < goal)
        gv_buf_add_slice(out, e->pieces[e->next_piece++]);
    return e->next_piece < e->n_pieces;
}
