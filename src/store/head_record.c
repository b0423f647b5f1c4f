/* What the head writes to the log. */
#include "store/head_record.h"
#include <stdlib.h>

static size_t shared_prefix(struct gv_slice a, struct gv_slice b)
{
    size_t most = a.n < b.n ? a.n : b.n, n = 0;
    while (n < most && a.p[n] == b.p[n])
        n++;
    return n;
}

void record_put_series_labels(struct gv_buf *out, struct record_series *r, uint64_t id, const struct gv_labels *labels)
{
    struct gv_slice blob = gv_labels_bytes(labels);
    if (!r->begun) {
        r->begun = record_begin(out, RECORD_SERIES);
        r->id = 0;
        gv_buf_clear(&r->last);
    }
    size_t shared = shared_prefix(gv_buf_slice(&r->last), blob);
    put_uvarint(out, id - r->id);
    put_uvarint(out, shared);
    record_put_text(out, (struct gv_slice){blob.p + shared, blob.n - shared});
    r->id = id;
    r->last.n = shared;
    gv_buf_add(&r->last, blob.p + shared, blob.n - shared);
}

void record_end_series(struct gv_buf *out, struct record_series *r)
{
    if (r->begun)
        record_end(out, r->begun);
    r->begun = 0;
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
    if (verdict == (GV_APPEND_STORED | HEAD_LATE) || verdict == (GV_APPEND_SAME | HEAD_LATE))
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

enum { MOST_PENDING = 1 << 20 };

/* A series goes to the log in front of the next record, which may be of its first sample: a record for each would cost
 * more than making it. */
struct head_pending {
    pthread_mutex_t lock;
    struct gv_buf sections;
    struct record_series series;
};

/* Under h->pending->lock. What is refused stays for the next one. */
static bool append(struct head *h, struct gv_slice record, struct gv_log_ticket *ticket, struct gv_err *err)
{
    struct gv_buf *pending = &h->pending->sections;
    record_end_series(pending, &h->pending->series);
    struct gv_slice pieces[] = {gv_buf_slice(pending), record};
    if (!gv_log_append(h->options.log, pieces, GV_COUNT(pieces), ticket, err))
        return false;
    gv_buf_clear(pending);
    return true;
}

bool head_log(struct head *h, const struct gv_buf *record, struct gv_log_ticket *ticket, struct gv_err *err)
{
    if (!h->options.log || h->replaying || !record->n) {
        if (ticket)
            ticket->done(ticket, &(struct gv_err){0});
        return true;
    }
    pthread_mutex_lock(&h->pending->lock);
    bool ok = append(h, gv_buf_slice(record), ticket, err);
    pthread_mutex_unlock(&h->pending->lock);
    return ok;
}

bool head_log_series(struct head *h, uint64_t id, const struct gv_labels *labels, struct gv_err *err)
{
    if (!h->options.log || h->replaying)
        return true;
    pthread_mutex_lock(&h->pending->lock);
    bool ok = h->pending->sections.n < MOST_PENDING || append(h, (struct gv_slice){NULL, 0}, NULL, err);
    if (ok)
        record_put_series_labels(&h->pending->sections, &h->pending->series, id, labels);
    pthread_mutex_unlock(&h->pending->lock);
    return ok;
}

void head_pending_init(struct head *h)
{
    h->pending = calloc(1, sizeof *h->pending);
    if (!h->pending)
        gv_die("out of memory");
    pthread_mutex_init(&h->pending->lock, NULL);
}

void head_pending_fini(struct head *h)
{
    gv_buf_fini(&h->pending->sections);
    gv_buf_fini(&h->pending->series.last);
    pthread_mutex_destroy(&h->pending->lock);
    free(h->pending);
}
