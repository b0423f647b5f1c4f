/* What the head writes to the log. */
#include "store/head_record.h"
#include <stdlib.h>

void record_put_series_labels(struct gv_buf *out, uint64_t id, const struct gv_labels *labels)
{
    size_t begun = record_begin(out, RECORD_SERIES);
    put_uvarint(out, id);
    gv_buf_add_slice(out, gv_labels_bytes(labels));
    record_end(out, begun);
}

void record_put_chunk(struct gv_buf *out, const struct record_chunk *c)
{
    gv_buf_addc(out, (char)(c->chunk.encoding | (c->is_open ? RECORD_CHUNK_OPEN : 0)));
    put_uvarint(out, c->epoch);
    put_varint(out, c->chunk.min_time);
    put_uvarint(out, (uint64_t)c->chunk.max_time - (uint64_t)c->chunk.min_time);
    record_put_text(out, (struct gv_slice){(const char *)c->chunk.data, c->chunk.size});
}

/* What of the head is in blocks, and the number that no series has had yet. */
void record_put_state(struct gv_buf *out, const struct head *h, uint64_t next_id)
{
    size_t begun = record_begin(out, RECORD_STATE);
    put_varint(out, h->truncated);
    put_uvarint(out, h->epoch);
    put_uvarint(out, h->late_done);
    put_uvarint(out, next_id);
    record_end(out, begun);
}

void record_put_deleted(struct gv_buf *out, uint64_t series, const struct store_interval *intervals, size_t n)
{
    size_t begun = record_begin(out, RECORD_DELETED);
    put_uvarint(out, series);
    for (size_t i = 0; i < n; i++) {
        put_varint(out, intervals[i].min_time);
        put_varint(out, intervals[i].max_time);
    }
    record_end(out, begun);
}

/* ---- A batch: a section for every run of samples of one kind, so that replay finds them in their order ---- */

enum { NOT_LOGGED };

/* A sample that was there already is logged again: whoever sent it may be told that it is safe only when a record of it
 * is, and the one from before may never have come as far as the log. */
static unsigned kind_of(const struct gv_store_sample *s, uint8_t verdict)
{
    if (verdict == GV_APPEND_STORED || verdict == GV_APPEND_SAME)
        return s->histogram ? RECORD_HISTOGRAMS : RECORD_SAMPLES;
    if (verdict == (GV_APPEND_STORED | HEAD_LATE))
        return s->histogram ? RECORD_LATE_HISTOGRAMS : RECORD_LATE_SAMPLES;
    return NOT_LOGGED;
}

static void put_histogram(struct gv_buf *out, struct record_last *last, const struct gv_store_sample *s)
{
    struct gv_buf packed = GV_BUF_INIT;
    head_pack_histogram(&packed, s->histogram);
    record_put_place(out, last, s->series, s->time);
    record_put_text(out, gv_buf_slice(&packed));
    gv_buf_fini(&packed);
}

void record_put_batch(struct gv_buf *out, const struct gv_store_batch *b, const uint8_t *verdicts, uint32_t epoch)
{
    struct record_last last = {0};
    unsigned open = NOT_LOGGED;
    size_t begun = 0;
    for (size_t i = 0; i < b->n; i++) {
        unsigned kind = kind_of(&b->samples[i], verdicts[i]);
        if (kind == NOT_LOGGED)
            continue;
        if (kind != open) {
            if (open != NOT_LOGGED)
                record_end(out, begun);
            begun = record_begin(out, kind);
            last = (struct record_last){0};
            open = kind;
            if (kind == RECORD_LATE_SAMPLES || kind == RECORD_LATE_HISTOGRAMS)
                put_uvarint(out, epoch);
        }
        const struct gv_store_sample *s = &b->samples[i];
        if (s->histogram)
            put_histogram(out, &last, s);
        else
            record_put_float(out, &last, s->series, s->time, s->value);
    }
    if (open != NOT_LOGGED)
        record_end(out, begun);
}

/* ---- Buffers, kept for the next record ---- */

struct head_buffer {
    struct gv_buf buf;
    struct head_buffer *next;
};

enum { KEPT_BYTES = 1 << 20 };

struct head_buffer *head_buffer_get(struct head *h)
{
    pthread_mutex_lock(&h->buffers.lock);
    struct head_buffer *b = h->buffers.free;
    if (b)
        h->buffers.free = b->next;
    pthread_mutex_unlock(&h->buffers.lock);
    if (!b && !(b = calloc(1, sizeof *b)))
        gv_die("out of memory");
    return b;
}

struct gv_buf *head_buffer_buf(struct head_buffer *b)
{
    return &b->buf;
}

void head_buffer_put(struct head *h, struct head_buffer *b)
{
    if (b->buf.cap > KEPT_BYTES)
        gv_buf_fini(&b->buf);
    gv_buf_clear(&b->buf);
    pthread_mutex_lock(&h->buffers.lock);
    b->next = h->buffers.free;
    h->buffers.free = b;
    pthread_mutex_unlock(&h->buffers.lock);
}

void head_buffers_fini(struct head *h)
{
    for (struct head_buffer *b = h->buffers.free, *next; b; b = next) {
        next = b->next;
        gv_buf_fini(&b->buf);
        free(b);
    }
}

/* ---- To the log ---- */

bool head_log(struct head *h, const struct gv_buf *record, struct gv_log_ticket *ticket, struct gv_err *err)
{
    if (h->options.log && !h->replaying && record->n)
        return gv_log_append(h->options.log, &(struct gv_slice){record->p, record->n}, 1, ticket, err);
    if (ticket)
        ticket->done(ticket, &(struct gv_err){0});
    return true;
}

bool head_log_series(struct head *h, uint64_t id, const struct gv_labels *labels, struct gv_err *err)
{
    if (!h->options.log || h->replaying)
        return true;
    struct head_buffer *b = head_buffer_get(h);
    record_put_series_labels(&b->buf, id, labels);
    bool ok = head_log(h, &b->buf, NULL, err);
    head_buffer_put(h, b);
    return ok;
}
