/* The head's records, as docs/store-format.md ("Records of the head") describes them: a record is a run of sections, a
 * section its kind, its length in 4 bytes, and its body. Private to head*.c. */
#pragma once
#include "store/bytes.h"
#include "store/head_impl.h"

enum record_kind {
    RECORD_SERIES = 1,
    RECORD_SAMPLES,
    RECORD_HISTOGRAMS,
    RECORD_LATE_SAMPLES,
    RECORD_LATE_HISTOGRAMS,
    RECORD_CHUNKS,
    RECORD_STATE,
    RECORD_DELETED,
    RECORD_EXEMPLARS,
    RECORD_METADATA
};
enum { RECORD_SECTION_HEAD = 5 };

/* A section is begun, filled, ended; one without a body is taken back. */
static inline size_t record_begin(struct gv_buf *out, enum record_kind kind)
{
    gv_buf_reserve(out, RECORD_SECTION_HEAD);
    out->p[out->n] = (char)kind;
    out->n += RECORD_SECTION_HEAD;
    return out->n;
}
static inline void record_end(struct gv_buf *out, size_t begun)
{
    store_be32((uint8_t *)out->p + begun - 4, (uint32_t)(out->n - begun));
}

static inline void record_end_or_drop(struct gv_buf *out, size_t begun)
{
    if (out->n > begun)
        record_end(out, begun);
    else
        out->n = begun - RECORD_SECTION_HEAD;
}
bool record_is_label_set(struct gv_slice blob); /* names that ascend, nothing empty, no length beyond its end */

/* What the items of a section are written against. */
struct record_last {
    uint64_t series;
    int64_t time;
};
static inline void record_put_series(struct gv_buf *out, struct record_last *last, uint64_t series)
{
    put_varint(out, (int64_t)(series - last->series));
    last->series = series;
}
static inline void record_put_place(struct gv_buf *out, struct record_last *last, uint64_t series, int64_t time)
{
    record_put_series(out, last, series);
    put_varint(out, (int64_t)((uint64_t)time - (uint64_t)last->time));
    last->time = time;
}
/* A float: whole numbers, which counters are, take few bytes. */
enum { RECORD_WHOLE_BITS = 48 };
static inline bool record_is_whole(uint64_t bits, double value)
{
    const double most = (double)(INT64_C(1) << RECORD_WHOLE_BITS);
    if (!(-most < value && value < most))
        return false;
    double whole = (double)(int64_t)value;
    uint64_t again;
    memcpy(&again, &whole, sizeof again);
    return again == bits; /* not so for -0 */
}
static inline void record_put_float(struct gv_buf *out, struct record_last *last, uint64_t series, int64_t time,
                                    double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bool whole = record_is_whole(bits, value);
    int64_t step = (int64_t)(series - last->series);
    put_uvarint(out, ((uint64_t)step << 1 ^ (uint64_t)(step >> 63)) << 1 | whole);
    put_varint(out, (int64_t)((uint64_t)time - (uint64_t)last->time));
    *last = (struct record_last){series, time};
    if (whole)
        put_varint(out, (int64_t)value);
    else
        put_be64(out, bits);
}
static inline double record_take_float(struct byte_reader *r, struct record_last *last)
{
    uint64_t head = take_uvarint(r), step = head >> 1;
    last->series += step >> 1 ^ -(step & 1);
    last->time = (int64_t)((uint64_t)last->time + (uint64_t)take_varint(r));
    if (head & 1)
        return (double)take_varint(r);
    uint64_t bits = take_be64(r);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
static inline void record_put_text(struct gv_buf *out, struct gv_slice text)
{
    put_uvarint(out, text.n);
    gv_buf_add_slice(out, text);
}

/* The first byte of a chunk in a section of chunks: its encoding, and whether more samples may follow in it. */
enum { RECORD_CHUNK_OPEN = 0x80 };
struct record_chunk {
    struct gv_chunk chunk;
    uint32_t epoch; /* 0: in order */
    bool is_open;
};
void record_put_chunk(struct gv_buf *out, const struct record_chunk *c);

/* A section of series, each written against the one before it: begun with the first, ended by record_end_series. */
struct record_series {
    struct gv_buf last; /* labels of the last one */
    uint64_t id;
    size_t begun; /* 0: there is no section */
};
void record_put_series_labels(struct gv_buf *out, struct record_series *r, uint64_t id, const struct gv_labels *labels);
void record_end_series(struct gv_buf *out, struct record_series *r);
/* next_id: 1 where the numbers in use are yet to come. */
void record_put_state(struct gv_buf *out, const struct head *h, uint64_t next_id);
void record_put_batch(struct gv_buf *out, const struct gv_store_batch *b, const uint8_t *verdicts, uint32_t epoch);
void record_put_deleted(struct gv_buf *out, uint64_t series, const struct store_interval *intervals, size_t n);

/* ---- head_helper.c, head_replay.c: replaying by two threads ---- */

/* Of the series: all, or those in leaves of the one or the other kind. */
struct replay_share {
    enum { SHARE_ALL, SHARE_READER, SHARE_HELPER } of;
    uint32_t epoch;   /* the head's, as the reading thread found it; */
    uint64_t next_id; /* to a helper series from it on are not known yet */
};

/* A section of what belongs to series: those of the share. */
GV_MUST_CHECK bool head_replay_share(struct head *h, enum record_kind kind, struct gv_slice body,
                                     struct gv_log_place at, const struct replay_share *share, struct gv_err *err);
/* The helper's share, in a while; starts it. False: there is none, and all is the caller's. */
bool head_helper_give(struct head *h, enum record_kind kind, struct gv_slice body, struct gv_log_place at,
                      const struct replay_share *share);
/* The postings of a series that was made, in a while, likewise. */
bool head_helper_give_postings(struct head *h, const struct head_series *s);
void head_helper_wait(struct head *h); /* until it has done what was given */
GV_MUST_CHECK bool head_helper_is_well(struct head *h, struct gv_err *err);
/* Waits for it, too; without it nothing happens. Errors: its own, which leave err as it is where there are none. */
bool head_helper_end(struct head *h, struct gv_err *err);
