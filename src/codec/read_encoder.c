/* The feed's series ──► frames:
 *
 *   uvarint length | CRC-32C | ChunkedReadResponse { chunked_series { labels, chunks ... }, query_index }
 *
 * One series a frame, as Prometheus writes and its clients expect; a series that fills more than one has its labels in
 * each. The other kind of answer is in read_encoder_samples.c. */
#include "base/crc32c.h"
#include "codec/chunks.h"
#include "codec/read_encoder_impl.h"
#include "model/raw.h"

enum { SERIES_CHUNKS = 2 };
enum { CHUNK_MIN_TIME = 1, CHUNK_MAX_TIME = 2, CHUNK_TYPE = 3, CHUNK_DATA = 4 };
enum { RESPONSE_SERIES = 1, RESPONSE_QUERY = 2 };
enum { FRAME_SIZE = 1 << 20 };

static void free_encoder(void *arg)
{
    struct gv_read_encoder *e = arg;
    chunk_cutter_fini(&e->cutter);
    gv_buf_fini(&e->text);
    gv_buf_fini(&e->small);
    gv_arena_fini(&e->scratch);
}

struct gv_read_encoder *gv_read_encoder_new(struct gv_arena *a, const struct gv_read_encoder_options *o)
{
    struct gv_read_encoder *e = gv_arena_new(a, struct gv_read_encoder);
    e->arena = a;
    e->options = *o;
    if (!e->options.frame_size)
        e->options.frame_size = FRAME_SIZE;
    gv_arena_init(&e->scratch, a->budget);
    e->empty = gv_arena_mark(&e->scratch);
    chunk_cutter_init(&e->cutter, &e->scratch);
    gv_arena_defer(a, free_encoder, e);
    return e;
}

int read_encoder_pull(struct gv_read_encoder *e, struct gv_err *err)
{
    gv_arena_rewind(&e->scratch, e->empty);
    if (!e->open && !e->options.feed->open(e->options.feed, e->query, err))
        return -1;
    e->open = true;
    e->at = 0;
    return e->options.feed->next(e->options.feed, &e->scratch, &e->series, err);
}

struct gv_raw_column read_encoder_cut(const struct gv_read_encoder *e, const struct gv_raw_column *c)
{
    const struct gv_select *q = read_encoder_query(e);
    uint32_t from = q->min_time == INT64_MIN ? 0 : gv_raw_after(c, q->min_time - 1), to = gv_raw_after(c, q->max_time);
    return (struct gv_raw_column){.times = c->times + from,
                                  .values = c->values + from,
                                  .histograms = c->histograms ? c->histograms + from : NULL,
                                  .n = to > from ? to - from : 0};
}

/* ---- Frames ---- */

static void put_chunk(struct gv_read_encoder *e, const struct gv_chunk *c)
{
    struct gv_buf *head = &e->small;
    gv_buf_clear(head);
    pb_put_int(head, CHUNK_MIN_TIME, c->min_time);
    pb_put_int(head, CHUNK_MAX_TIME, c->max_time);
    pb_put_uint(head, CHUNK_TYPE, c->encoding);
    pb_put_key(&e->text, SERIES_CHUNKS, PB_BYTES);
    pb_put_varint(&e->text, head->n + pb_bytes_size(c->size));
    gv_buf_add_slice(&e->text, gv_buf_slice(head));
    pb_put_bytes(&e->text, CHUNK_DATA, (struct gv_slice){(const char *)c->data, c->size});
}

/* The next chunk between the query's times; false where the series has no more. */
static bool next_chunk(struct gv_read_encoder *e, struct gv_chunk *c)
{
    const struct gv_select *q = read_encoder_query(e);
    const struct gv_column *column = &e->series.column;
    if (column->kind == GV_COLUMN_RAW) {
        struct gv_raw_column raw = read_encoder_cut(e, &column->raw);
        if (e->at >= raw.n)
            return false;
        *c = chunk_cutter_next(&e->cutter, &raw, &e->at);
        return true;
    }
    while (e->at < column->chunks.n) {
        *c = column->chunks.chunks[e->at++];
        if (c->min_time <= q->max_time && c->max_time >= q->min_time)
            return true;
    }
    return false;
}

static void put_frame(struct gv_read_encoder *e, struct gv_buf *out)
{
    struct gv_buf *head = &e->small;
    gv_buf_clear(head);
    pb_put_key(head, RESPONSE_SERIES, PB_BYTES);
    pb_put_varint(head, e->text.n);
    size_t n_before = head->n;
    pb_put_uint(head, RESPONSE_QUERY, e->query);
    struct gv_slice before = {head->p, n_before}, behind = {head->p + n_before, head->n - n_before};
    uint32_t crc = gv_crc32c(0, before.p, before.n);
    crc = gv_crc32c(crc, e->text.p, e->text.n);
    crc = gv_crc32c(crc, behind.p, behind.n);
    pb_put_varint(out, head->n + e->text.n);
    gv_buf_add(out, (uint8_t[]){(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc},
               sizeof crc);
    gv_buf_add_slice(out, before);
    gv_buf_add_slice(out, gv_buf_slice(&e->text));
    gv_buf_add_slice(out, behind);
}

/* A frame of the series at hand; nothing, and the series is done, where it has no chunk left. */
static void frame_of_series(struct gv_read_encoder *e, struct gv_buf *out)
{
    struct gv_chunk c;
    gv_buf_clear(&e->text);
    e->has_series = next_chunk(e, &c);
    if (!e->has_series)
        return;
    pb_put_labels(&e->text, e->series.labels);
    put_chunk(e, &c);
    while (e->text.n < e->options.frame_size && (e->has_series = next_chunk(e, &c)))
        put_chunk(e, &c);
    put_frame(e, out);
}

/* Chunks that overlap (what came late, blocks of one time) are one run of samples: clients read one chunk behind the
 * other. */
static bool set_apart(struct gv_read_encoder *e, struct gv_err *err)
{
    const struct gv_select *q = read_encoder_query(e);
    struct gv_column *c = &e->series.column;
    struct gv_raw_column raw;
    uint32_t i = 1;
    while (c->kind == GV_COLUMN_CHUNKS && i < c->chunks.n &&
           c->chunks.chunks[i].min_time > c->chunks.chunks[i - 1].max_time)
        i++;
    if (c->kind != GV_COLUMN_CHUNKS || i >= c->chunks.n)
        return true;
    if (!gv_chunks_to_raw(&e->scratch, &c->chunks, q->min_time, q->max_time, &raw, err))
        return false;
    *c = (struct gv_column){.kind = GV_COLUMN_RAW, .raw = raw};
    return true;
}

/* Makes a series be at hand: 1, or 0 after the last one of the last query. */
static int advance(struct gv_read_encoder *e, struct gv_err *err)
{
    while (!e->has_series && e->query < e->options.request->n) {
        int more = read_encoder_pull(e, err);
        if (more < 0 || (more && !set_apart(e, err)))
            return -1;
        e->has_series = more;
        if (!more) {
            e->query++;
            e->open = false;
        }
    }
    return e->has_series;
}

static int next_frames(struct gv_read_encoder *e, struct gv_buf *out, size_t want, struct gv_err *err)
{
    for (size_t goal = out->n + want; out->n < goal;) {
        int more = advance(e, err);
        if (more != 1)
            return more;
        frame_of_series(e, out);
    }
    return 1;
}

/* ---- Both ---- */

bool gv_read_encoder_begin(struct gv_read_encoder *e, struct gv_err *err)
{
    return e->options.request->type == GV_READ_SAMPLES ? read_samples_gather(e, err) : advance(e, err) >= 0;
}

int gv_read_encoder_next(struct gv_read_encoder *e, struct gv_buf *out, size_t want, struct gv_err *err)
{
    return e->options.request->type == GV_READ_SAMPLES ? read_samples_next(e, out, want)
                                                       : next_frames(e, out, want, err);
}
