/* One ChunkedReadResponse ──► series of encoded chunks, which stay where they lie in the message. A series whose chunks
 * fill more than one frame is carried on by the next. */
#include "codec/chunk_xor.h"
#include "codec/read_decoder_impl.h"

enum { RESPONSE_SERIES = 1, RESPONSE_QUERY = 2 };
enum { SERIES_CHUNKS = 2 };
enum { CHUNK_MIN_TIME = 1, CHUNK_MAX_TIME = 2, CHUNK_TYPE = 3, CHUNK_DATA = 4 };

static bool read_chunk(struct gv_slice message, struct gv_chunk *c, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    uint64_t type = 0;
    struct gv_slice data = {NULL, 0};
    *c = (struct gv_chunk){0};
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number == CHUNK_MIN_TIME && pb_is(&r, &f, PB_VARINT))
            c->min_time = (int64_t)f.value;
        else if (f.number == CHUNK_MAX_TIME && pb_is(&r, &f, PB_VARINT))
            c->max_time = (int64_t)f.value;
        else if (f.number == CHUNK_TYPE && pb_is(&r, &f, PB_VARINT))
            type = f.value;
        else if (f.number == CHUNK_DATA && pb_is(&r, &f, PB_BYTES))
            data = f.bytes;
    }
    if (!pb_done(&r, "Chunk", err))
        return false;
    if (type < GV_CHUNK_XOR || type > GV_CHUNK_FLOAT_HISTOGRAM)
        return gv_fail(err, GV_UNSUPPORTED_MEDIA, "a chunk of encoding %llu, which is not known here",
                       (unsigned long long)type);
    if (!gv_chunk_samples((const uint8_t *)data.p, data.n) || c->min_time > c->max_time)
        return gv_fail(err, GV_BAD_DATA, "a chunk of %zu bytes from %lld to %lld", data.n, (long long)c->min_time,
                       (long long)c->max_time);
    c->encoding = (uint8_t)type;
    c->data = (const uint8_t *)data.p;
    c->size = (uint32_t)data.n; /* below that of a frame */
    return true;
}

/* Room for n more chunks at the end of the last series; NULL: the budget is spent. */
static struct gv_chunk *make_room(struct gv_read_decoder *d, struct read_rows *rows, size_t n, struct gv_err *err)
{
    struct gv_chunks_column *c = &rows->series[rows->n - 1].column.chunks;
    if (c->n + n > rows->cap_chunks) {
        size_t cap = c->n ? (c->n + n) * 2 : n;
        struct gv_chunk *bigger = gv_arena_try(d->arena, cap * sizeof *bigger, err);
        if (!bigger)
            return NULL;
        if (c->n)
            memcpy(bigger, rows->chunks, c->n * sizeof *bigger);
        c->chunks = rows->chunks = bigger;
        rows->cap_chunks = cap;
    }
    return rows->chunks + c->n;
}

static bool read_chunks(struct gv_read_decoder *d, struct gv_slice message, struct gv_chunk *to, size_t *n,
                        struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    *n = 0;
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number != SERIES_CHUNKS)
            continue;
        if (!read_chunk(f.bytes, to, err))
            return false;
        d->samples += gv_chunk_samples(to->data, to->size);
        to++, ++*n;
    }
    return true;
}

static struct gv_series *series_of(struct gv_read_decoder *d, size_t query, const struct gv_labels *labels,
                                   struct gv_err *err)
{
    struct read_rows *rows = &d->rows[query];
    struct gv_series *last = rows->n ? &rows->series[rows->n - 1] : NULL;
    if (last && gv_labels_eq(last->labels, labels))
        return last;
    struct gv_series *s = read_add_series(d, query, labels, err);
    if (s)
        s->column.kind = GV_COLUMN_CHUNKS;
    return s;
}

static bool read_series(struct gv_read_decoder *d, struct gv_slice message, size_t query, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    size_t n = 0;
    const struct gv_labels *labels;
    read_labels_begin(d);
    for (struct pb_field f; pb_next(&r, &f);) {
        bool known = f.number == SERIES_LABELS || f.number == SERIES_CHUNKS;
        if (known && !pb_is(&r, &f, PB_BYTES))
            break;
        n += f.number == SERIES_CHUNKS;
        if (f.number == SERIES_LABELS && !read_label(d, f.bytes, err))
            return false;
    }
    if (!pb_done(&r, "ChunkedSeries", err) || !read_labels_end(d, query, &labels, err))
        return false;
    if (!labels || !n)
        return true;
    struct gv_series *s = series_of(d, query, labels, err);
    struct gv_chunk *to = s ? make_room(d, &d->rows[query], n, err) : NULL;
    if (!to || !read_chunks(d, message, to, &n, err))
        return false;
    s->column.chunks.n += (uint32_t)n;
    return true;
}

static bool read_query_index(struct gv_read_decoder *d, struct gv_slice message, size_t *query, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    uint64_t index = 0;
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number == RESPONSE_QUERY && pb_is(&r, &f, PB_VARINT))
            index = f.value;
        else if (f.number == RESPONSE_SERIES)
            pb_is(&r, &f, PB_BYTES);
    }
    *query = (size_t)index;
    if (!pb_done(&r, "ChunkedReadResponse", err))
        return false;
    return index < d->options.n_queries || gv_fail(err, GV_BAD_DATA, "it answers query %llu, of %zu that were asked",
                                                   (unsigned long long)index, d->options.n_queries);
}

bool read_chunked_response(struct gv_read_decoder *d, struct gv_slice message, struct gv_err *err)
{
    size_t query;
    if (!read_query_index(d, message, &query, err)) /* the index stands behind the series */
        return false;
    struct pb_reader r = pb_read(message);
    for (struct pb_field f; pb_next(&r, &f);)
        if (f.number == RESPONSE_SERIES && !read_series(d, f.bytes, query, err))
            return false;
    return true;
}
