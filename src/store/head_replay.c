/* Records back into the head, a share of them by a second thread (head_helper.c). What is there already is left alone,
 * so that a checkpoint and the log's first segment behind it may overlap; samples that are in blocks (before the time
 * of truncation, or of epochs that are done) and those of series that are no more are passed over. Nothing read here is
 * trusted but for its checksum. */
#include "store/head_record.h"
#include <stdlib.h>

static bool fault(struct gv_err *err, const char *what)
{
    return gv_fail(err, GV_INTERNAL, "a record of the head: %s", what);
}

/* Neighbours in a record are of one stripe, by whole leaves. */
static bool is_of(const struct replay_share *share, uint64_t series)
{
    if (share->of == SHARE_ALL)
        return true;
    bool is_helpers = head_leaf_of(series) % 2;
    return share->of == SHARE_HELPER ? is_helpers && series < share->next_id : !is_helpers;
}

/* ---- Series ---- */

static bool take_label_text(struct byte_reader *r, struct gv_slice *text)
{
    enum { LONG_MARK = 255 };
    struct gv_slice head = take_bytes(r, 1);
    size_t n = head.n ? (unsigned char)head.p[0] : 0;
    if (n == LONG_MARK) {
        head = take_bytes(r, 3);
        n = head.n ? (size_t)(unsigned char)head.p[0] | (size_t)(unsigned char)head.p[1] << 8 |
                         (size_t)(unsigned char)head.p[2] << 16
                   : 0;
        r->bad |= n < LONG_MARK;
    }
    *text = take_bytes(r, n);
    return !r->bad && n > 0;
}

bool record_is_label_set(struct gv_slice blob)
{
    struct byte_reader r = byte_reader((const uint8_t *)blob.p, blob.n);
    struct gv_slice last = {NULL, 0}, name, value;
    while (bytes_left(&r)) {
        if (!take_label_text(&r, &name) || !take_label_text(&r, &value) || gv_slice_cmp(last, name) >= 0)
            return false;
        last = name;
    }
    return !r.bad;
}

/* A series that was dropped and came again has two numbers in the log: the later one has the labels from here on. */
static void forget_labels(struct head *h, struct head_shard *shard, struct head_series *s)
{
    struct head_stripe *stripe = head_stripe_of(h, s->id);
    head_shard_remove(shard, s);
    pthread_mutex_lock(&stripe->lock);
    s->is_renewed = true;
    pthread_mutex_unlock(&stripe->lock);
}

static const uint64_t most_series = UINT64_C(1) << 61; /* that records can tell apart */

/* Some of a record: their places by labels are on the way into the cache before the first of them is looked up. */
enum { SOME_SERIES = 32 };
struct some_series {
    size_t n;
    uint64_t ids[SOME_SERIES];
    const struct gv_labels *labels[SOME_SERIES];
    struct gv_arena arena; /* of labels */
    struct gv_arena_mark start;
};

static void note_series(struct head *h, struct some_series *some, uint64_t id, struct gv_slice blob)
{
    const struct gv_labels *labels = gv_labels_of_bytes(&some->arena, blob);
    head_shard_fetch(head_shard_of(h, labels->hash), labels->hash);
    some->ids[some->n] = id;
    some->labels[some->n++] = labels;
}

static bool add_series(struct head *h, uint64_t id, const struct gv_labels *labels, struct gv_err *err)
{
    if (id < h->next_id) /* known, or dropped since */
        return true;
    struct head_shard *shard = head_shard_of(h, labels->hash);
    pthread_mutex_lock(&shard->lock);
    struct head_series *s = head_shard_place(h, shard, labels)->series;
    if (s)
        forget_labels(h, shard, s);
    bool ok = head_make_series(h, shard, labels, id, err) != NULL;
    pthread_mutex_unlock(&shard->lock);
    return ok;
}

static bool add_noted_series(struct head *h, struct some_series *some, struct gv_err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < some->n; i++)
        ok = add_series(h, some->ids[i], some->labels[i], err);
    gv_arena_rewind(&some->arena, some->start);
    some->n = 0;
    return ok;
}

/* One item; blob becomes its labels from those of the one before. */
static bool take_series(struct byte_reader *r, uint64_t *id, struct gv_buf *blob)
{
    *id += take_uvarint(r);
    uint64_t shared = take_uvarint(r);
    struct gv_slice rest = take_bytes(r, take_uvarint(r));
    if (r->bad || !*id || *id >= most_series || shared > blob->n)
        return false;
    blob->n = shared;
    gv_buf_add_slice(blob, rest);
    return record_is_label_set(gv_buf_slice(blob));
}

static bool replay_series(struct head *h, struct byte_reader *r, struct gv_err *err)
{
    struct gv_buf blob = GV_BUF_INIT;
    struct some_series some = {.n = 0};
    uint64_t id = 0;
    bool ok = true;
    gv_arena_init(&some.arena, NULL);
    gv_arena_alloc(&some.arena, 1);
    some.start = gv_arena_mark(&some.arena);
    while (ok && bytes_left(r)) {
        ok = take_series(r, &id, &blob) || fault(err, "no series");
        if (ok)
            note_series(h, &some, id, gv_buf_slice(&blob));
        if (ok && some.n == SOME_SERIES)
            ok = add_noted_series(h, &some, err);
    }
    ok = ok && add_noted_series(h, &some, err);
    gv_arena_fini(&some.arena);
    gv_buf_fini(&blob);
    return ok;
}

/* ---- Samples ---- */

enum { MOST_SAMPLES = 1024 };

static bool take_place(struct byte_reader *r, struct record_last *last)
{
    last->series += (uint64_t)take_varint(r);
    last->time = (int64_t)((uint64_t)last->time + (uint64_t)take_varint(r));
    return !r->bad;
}

static bool take_float(struct byte_reader *r, struct record_last *last, struct gv_store_sample *s)
{
    double value = record_take_float(r, last);
    *s = (struct gv_store_sample){.series = last->series, .time = last->time, .value = value};
    return !r->bad;
}

static bool take_histogram(struct byte_reader *r, struct record_last *last, const struct replay_share *share,
                           struct gv_arena *a, struct gv_store_sample *s, struct gv_err *err)
{
    bool ok = take_place(r, last);
    struct gv_slice packed = take_bytes(r, take_uvarint(r));
    *s = (struct gv_store_sample){.series = last->series, .time = last->time};
    if (!ok || r->bad)
        return fault(err, "no histogram sample");
    if (!is_of(share, last->series))
        return true;
    s->histogram = head_unpack_histogram(a, packed, err);
    return s->histogram != NULL;
}

/* Some of a section: those of the share. */
static bool take_some(struct byte_reader *r, bool histograms, const struct replay_share *share,
                      struct record_last *last, struct gv_arena *a, struct gv_store_sample *samples, size_t *n,
                      struct gv_err *err)
{
    for (*n = 0; *n < MOST_SAMPLES && bytes_left(r); *n += is_of(share, last->series)) {
        if (histograms ? !take_histogram(r, last, share, a, &samples[*n], err) : !take_float(r, last, &samples[*n]))
            return fault(err, "no sample");
    }
    return true;
}

static bool replay_samples(struct head *h, struct byte_reader *r, enum record_kind kind,
                           const struct replay_share *share, struct gv_err *err)
{
    bool histograms = kind == RECORD_HISTOGRAMS || kind == RECORD_LATE_HISTOGRAMS;
    bool late = kind == RECORD_LATE_SAMPLES || kind == RECORD_LATE_HISTOGRAMS;
    uint64_t epoch = late ? take_uvarint(r) : 0;
    if (r->bad || epoch >= UINT32_MAX || (late && !epoch))
        return fault(err, "no epoch");
    if (share->of != SHARE_HELPER)
        head_saw_epoch(h, (uint32_t)epoch);
    struct record_last last = {0};
    struct gv_store_sample samples[MOST_SAMPLES];
    struct gv_arena a;
    bool ok = true;
    gv_arena_init(&a, NULL);
    while (ok && bytes_left(r)) {
        size_t n;
        struct gv_arena_mark mark = gv_arena_mark(&a);
        ok = take_some(r, histograms, share, &last, &a, samples, &n, err);
        head_append_replayed(h, samples, ok ? n : 0, (uint32_t)epoch, share->epoch);
        gv_arena_rewind(&a, mark);
    }
    gv_arena_fini(&a);
    return ok;
}

/* ---- Chunks ---- */

static bool take_chunk(struct byte_reader *r, struct record_chunk *c)
{
    struct gv_slice head = take_bytes(r, 1);
    uint64_t epoch = take_uvarint(r);
    int64_t min = take_varint(r);
    uint64_t span = take_uvarint(r);
    struct gv_slice data = take_bytes(r, take_uvarint(r));
    if (r->bad || epoch >= UINT32_MAX || data.n > UINT32_MAX)
        return false;
    *c = (struct record_chunk){.chunk = {min, (int64_t)((uint64_t)min + span), (const uint8_t *)data.p,
                                         (uint32_t)data.n, (uint8_t)(head.p[0] & ~RECORD_CHUNK_OPEN)},
                               .epoch = (uint32_t)epoch,
                               .is_open = head.p[0] & RECORD_CHUNK_OPEN};
    return c->chunk.max_time >= min;
}

static bool decode(struct gv_arena *a, const struct gv_chunk *c, int64_t *times, uint32_t n, struct gv_err *err)
{
    if (c->encoding == GV_CHUNK_XOR)
        return gv_xor_decode(c->data, c->size, times, gv_arena_array(a, double, n), err);
    if (c->encoding != GV_CHUNK_HISTOGRAM && c->encoding != GV_CHUNK_FLOAT_HISTOGRAM)
        return fault(err, "a chunk of an unknown encoding");
    return gv_histogram_chunk_decode(a, (enum gv_chunk_encoding)c->encoding, c->data, c->size, times,
                                     gv_arena_array(a, const struct gv_histogram *, n), err);
}

/* What is put into the head must be what the head would have made: it is decoded there without any doubt. */
static bool check_chunk(const struct gv_chunk *c, struct gv_err *err)
{
    enum { SAMPLES_PER_BYTE = 4 };
    uint32_t n = gv_chunk_samples(c->data, c->size);
    if (!n || n > (uint64_t)c->size * SAMPLES_PER_BYTE)
        return fault(err, "no chunk");
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    int64_t *times = gv_arena_array(&a, int64_t, n);
    bool ok = decode(&a, c, times, n, err);
    for (uint32_t i = 1; ok && i < n; i++)
        ok = times[i - 1] < times[i] || fault(err, "a chunk that goes back in time");
    if (ok && (times[0] != c->min_time || times[n - 1] != c->max_time))
        ok = fault(err, "a chunk of other times than it says");
    gv_arena_fini(&a);
    return ok;
}

static void restore_chunk(struct head *h, struct head_stripe *stripe, struct head_series *s,
                          const struct record_chunk *c)
{
    struct gv_err ignored = {0};
    if (c->epoch) {
        if (c->epoch > h->late_done)
            head_late_add_chunk(stripe, s, &c->chunk, c->epoch);
        head_note_late(h, c->chunk.min_time, c->chunk.max_time);
        return;
    }
    if (c->chunk.max_time < h->truncated || c->chunk.min_time <= head_last_time(s))
        return;
    head_open_finish(stripe, s);
    bool more = c->is_open && gv_chunk_samples(c->chunk.data, c->chunk.size) <= HEAD_CHUNK_SAMPLES;
    if (!more || !head_open_resume(h, stripe, s, &c->chunk, &ignored)) {
        struct head_chunk *chunk = head_chunk_new(stripe, &c->chunk);
        chunk->older = s->chunks;
        s->chunks = chunk;
    }
    head_note_times(h, c->chunk.min_time, c->chunk.max_time);
}

static bool replay_chunks(struct head *h, struct byte_reader *r, const struct replay_share *share, struct gv_err *err)
{
    uint64_t id = take_uvarint(r);
    struct head_stripe *stripe = head_stripe_of(h, id);
    while (bytes_left(r)) {
        struct record_chunk c;
        if (!take_chunk(r, &c))
            return fault(err, "no chunk");
        if (share->of != SHARE_HELPER)
            head_saw_epoch(h, c.epoch);
        if (!is_of(share, id))
            continue;
        if (!check_chunk(&c.chunk, err))
            return false;
        pthread_mutex_lock(&stripe->lock);
        struct head_series *s = head_find(stripe, id);
        if (s)
            restore_chunk(h, stripe, s, &c);
        pthread_mutex_unlock(&stripe->lock);
    }
    return !r->bad || fault(err, "no chunks");
}

/* ---- Others ---- */

static bool replay_state(struct head *h, struct byte_reader *r, struct gv_err *err)
{
    int64_t truncated = take_varint(r);
    uint64_t epoch = take_uvarint(r), late_done = take_uvarint(r), next_id = take_uvarint(r);
    if (r->bad || epoch >= UINT32_MAX || late_done >= epoch || !next_id || next_id > most_series)
        return fault(err, "no state");
    if (truncated > h->truncated)
        h->truncated = truncated;
    head_saw_epoch(h, (uint32_t)epoch);
    if (late_done > h->late_done)
        h->late_done = (uint32_t)late_done;
    if (next_id > h->next_id)
        h->next_id = next_id;
    return true;
}

static bool replay_deleted(struct head *h, struct byte_reader *r, const struct replay_share *share, struct gv_err *err)
{
    uint64_t id = take_uvarint(r);
    while (is_of(share, id) && bytes_left(r)) {
        int64_t min = take_varint(r), max = take_varint(r);
        if (r->bad || min > max)
            return fault(err, "no deletion");
        struct head_stripe *stripe = head_stripe_of(h, id);
        pthread_mutex_lock(&stripe->lock);
        struct head_series *s = head_find(stripe, id);
        if (s)
            head_add_deleted(stripe, s, (struct store_interval){min, max});
        pthread_mutex_unlock(&stripe->lock);
    }
    return !r->bad || fault(err, "no deletion");
}

/* ---- Records ---- */

/* What belongs to a series, and so to a share. */
static bool is_shared(enum record_kind kind)
{
    return kind == RECORD_SAMPLES || kind == RECORD_HISTOGRAMS || kind == RECORD_LATE_SAMPLES ||
           kind == RECORD_LATE_HISTOGRAMS || kind == RECORD_CHUNKS || kind == RECORD_DELETED;
}

static bool replay_shared(struct head *h, enum record_kind kind, struct byte_reader *r,
                          const struct replay_share *share, struct gv_err *err)
{
    if (kind == RECORD_CHUNKS)
        return replay_chunks(h, r, share, err);
    if (kind == RECORD_DELETED)
        return replay_deleted(h, r, share, err);
    return replay_samples(h, r, kind, share, err);
}

static bool failed_at(struct gv_log_place at, struct gv_err *err)
{
    return gv_err_prefix(err, "segment %08llu, byte %llu: ", (unsigned long long)at.segment,
                         (unsigned long long)at.offset);
}

bool head_replay_share(struct head *h, enum record_kind kind, struct gv_slice body, struct gv_log_place at,
                       const struct replay_share *share, struct gv_err *err)
{
    struct byte_reader r = byte_reader((const uint8_t *)body.p, body.n);
    return replay_shared(h, kind, &r, share, err) || failed_at(at, err);
}

/* Where there is no helper all is done here. A state waits for it: what becomes of samples depends on the state. */
static bool replay_section(struct head *h, enum record_kind kind, struct gv_slice body, struct gv_log_place at,
                           struct gv_err *err)
{
    struct byte_reader section = byte_reader((const uint8_t *)body.p, body.n), *r = &section;
    if (is_shared(kind)) {
        struct replay_share share = {.of = SHARE_HELPER, .epoch = h->epoch, .next_id = h->next_id};
        share.of = head_helper_give(h, kind, body, at, &share) ? SHARE_READER : SHARE_ALL;
        return replay_shared(h, kind, r, &share, err);
    }
    switch (kind) {
    case RECORD_SERIES:
        return replay_series(h, r, err);
    case RECORD_STATE:
        head_helper_wait(h);
        return replay_state(h, r, err);
    case RECORD_EXEMPLARS:
        return head_replay_exemplars(h, r) || fault(err, "no exemplar");
    case RECORD_METADATA:
        return head_replay_metadata(h, r) || fault(err, "no metadata");
    default:
        return fault(err, "an unknown kind of section; was it written by a later version?");
    }
}

/* A fault that the helper finds is of an earlier record, or of this one. */
bool head_replay_record(void *head, struct gv_slice record, struct gv_log_place at, struct gv_err *err)
{
    struct byte_reader r = byte_reader((const uint8_t *)record.p, record.n);
    bool ok = true;
    while (ok && bytes_left(&r)) {
        struct gv_slice kind = take_bytes(&r, 1);
        uint32_t size = take_be32(&r);
        struct gv_slice body = take_bytes(&r, size);
        ok = r.bad ? fault(err, "a section that is cut")
                   : replay_section(head, (enum record_kind)(uint8_t)kind.p[0], body, at, err);
    }
    if (ok)
        return head_helper_is_well(head, err);
    failed_at(at, err);
    head_helper_end(head, err); /* its own error takes the place of this one */
    return false;
}

bool head_replay_done(struct head *h, struct gv_err *err)
{
    if (!head_helper_end(h, err))
        return false;
    h->replaying = false;
    head_collect(h);
    return true;
}
