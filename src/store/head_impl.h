/* What the files of the head share. Private to head*.c.
 *
 *   labels ──shard (by hash)──► series ◄──stripe (by number)── samples
 *                                 │
 *                      index: symbols, postings, the next number
 *
 * Locks, in the order in which they are taken:
 *   shard.lock    which series has these labels
 *   index         symbols and postings; a series is pending for the log before it can be found
 *   stripe.lock   the table of series by number, and what a series holds but for its labels, which never change
 *   pending       series that are not in the log yet, and the order of records in it
 *   readers.lock  who reads since when
 *
 * A series that lost its last sample is unlinked (no longer found by labels or postings) and freed once every reader is
 * gone that may have found it. A reader so needs no lock for labels. */
#pragma once
#include "codec/chunk_histogram.h"
#include "codec/chunk_xor.h"
#include "store/head.h"
#include "store/head_postings.h"
#include <pthread.h>

enum {
    HEAD_SHARDS = 64,
    HEAD_STRIPES = 64,
    HEAD_LEAF = 256,          /* series of one leaf of the table */
    HEAD_CHUNK_SAMPLES = 120, /* of a chunk, as Prometheus cuts */
    HEAD_BLOCK_BYTES = 56,
    HEAD_GUESSES = 64
};

/* ---- A series ---- */

/* The bytes of an open chunk, in pieces that all series share, so that growing costs neither copies nor holes. */
struct head_block {
    struct head_block *next;
    uint8_t bytes[HEAD_BLOCK_BYTES];
};

/* A chunk that is finished: as blocks have them. */
struct head_chunk {
    struct head_chunk *older;
    int64_t min_time, max_time;
    uint32_t size;
    uint32_t epoch; /* out of order: of freezing */
    uint8_t encoding;
    uint8_t data[];
};

struct head_late; /* samples out of order */

/* What few series have. */
struct head_extra {
    struct gv_histogram_encoder *histograms; /* of the open chunk */
    enum gv_chunk_reset reset;               /* of the next chunk's first histogram */
    struct head_late *late;
    struct store_interval *deleted; /* by time, apart */
    size_t n_deleted;
    uint32_t newest_exemplar; /* its place in the ring, if that is this series' */
};

struct head_series {
    struct gv_xor_state open; /* of the open chunk; n and time of histograms too; n 0: there is none */
    struct head_block *last;  /* where its next bytes go; XOR */
    int64_t cut_time;         /* the open chunk takes samples below it */
    uint8_t fill;             /* bytes used in last */
    uint8_t encoding;         /* of the open chunk */
    uint8_t n_blocks;         /* from first to last */
    bool is_gone : 1;         /* unlinked */
    bool is_renewed : 1;      /* another series has its labels now */
    uint32_t n_labels;
    /* ---- a cache line ---- */
    struct head_block *first;
    int64_t open_time; /* of the open chunk's first sample */
    struct head_chunk *chunks;
    struct head_extra *extra;
    uint64_t id, hash;
    uint32_t labels[]; /* pairs of symbols, by name */
};

static inline bool series_is_histogram(const struct head_series *s)
{
    return s->encoding != GV_CHUNK_XOR;
}

static inline void head_fetch(const struct head_series *s) /* into the cache: both its lines */
{
    if (!s)
        return;
    __builtin_prefetch(s, 1);
    __builtin_prefetch((const char *)s + 64, 1);
}

/* ---- Tables ---- */

struct head_leaf {
    uint64_t number; /* series number / HEAD_LEAF */
    uint32_t live;
    struct head_series *series[HEAD_LEAF];
};

struct head_slab;
struct head_stripe {
    _Alignas(64) pthread_mutex_t lock;
    struct head_leaf **leaves; /* open addressing by number */
    uint32_t mask, in_use;
    struct head_block *free;
    struct head_slab *slabs;
    uint64_t bytes;  /* of chunks, blocks and series */
    uint64_t chunks; /* finished and open */
    uint64_t late;   /* samples out of order */
};

struct head_place {
    uint64_t hash;
    struct head_series *series;
};
struct head_shard {
    _Alignas(64) pthread_mutex_t lock;
    struct head_place *places;
    uint32_t mask, in_use;
};

struct head_reader {
    struct store_reader reader;
    struct head *head;
    uint64_t serial;            /* later readers have higher ones */
    int64_t start;              /* in-order samples before it are not seen */
    uint32_t epoch, last_epoch; /* of out-of-order chunks that are seen */
    bool late_only;
    struct head_reader *next, *before;
};

struct byte_reader;

/* What waits for readers to go. */
struct head_dying {
    struct head_series **series; /* unlinked */
    size_t n;
    uint64_t serial; /* readers up to it may see them */
    struct head_dying *next;
};

struct head_helper;  /* of replaying */
struct head_pending; /* series that the next record takes to the log */
struct head_exemplars;
struct head_metadata;
struct head_buffer; /* for a record */

struct head {
    struct head_options options;
    _Atomic int64_t window;             /* out of order, ms */
    _Atomic int64_t min_time, max_time; /* of in-order samples */
    _Atomic int64_t swept_min;          /* of those there since a sweep began */
    _Atomic int64_t truncated;          /* in-order samples before it are in blocks; INT64_MIN: none are */
    _Atomic uint32_t epoch;             /* of out-of-order samples that come now */
    _Atomic uint32_t late_done;         /* epochs up to it are in blocks */
    uint32_t late_frozen;               /* epochs up to it are being written to blocks */
    _Atomic int64_t late_min, late_max; /* of out-of-order samples, at least */
    _Atomic int64_t swept_late_min;     /* of those there since a sweep began */
    bool replaying;

    struct head_shard shards[HEAD_SHARDS];
    struct head_stripe stripes[HEAD_STRIPES];

    pthread_rwlock_t index;
    struct symbols symbols;
    uint32_t guesses[HEAD_GUESSES]; /* the symbols of the series made last: the next one's are mostly the same */
    struct postings postings;
    uint64_t next_id;
    uint64_t made, dropped;
    _Atomic uint64_t n_series;

    struct {
        pthread_mutex_t lock;
        struct head_reader *newest, *oldest;
        uint64_t serial;
    } readers;

    struct { /* one thread at a time: head_collect.c */
        pthread_mutex_t lock;
        uint64_t younger;   /* series from this number on were made since */
        int64_t done;       /* collected up to this time */
        uint32_t late_done; /* and these epochs */
        int64_t wanted;     /* being waited for */
        uint32_t late_wanted;
        uint64_t serial; /* readers up to it see what is to go */
        bool waiting;
        bool state_is_due; /* to the log, before anything is swept */
        struct head_dying *dying;
    } collect;

    struct {
        pthread_mutex_t lock;
        struct head_buffer *free;
    } buffers;

    struct head_helper *helper;
    struct head_pending *pending;
    struct head_exemplars *exemplars;
    struct head_metadata *metadata;
};

/* ---- head_table.c: series by number and by labels ---- */

static inline uint64_t head_leaf_of(uint64_t id)
{
    return id / HEAD_LEAF;
}
static inline struct head_stripe *head_stripe_of(struct head *h, uint64_t id)
{
    return &h->stripes[head_leaf_of(id) % HEAD_STRIPES];
}
void head_tables_init(struct head *h);
void head_tables_fini(struct head *h);
struct head_leaf *head_leaf_find(const struct head_stripe *s, uint64_t number); /* NULL: none; under its lock */
struct head_series *head_find(const struct head_stripe *s, uint64_t id);        /* NULL: none; under its lock */
void head_table_put(struct head_stripe *stripe, struct head_series *s);         /* under its lock */
void head_table_remove(struct head_stripe *stripe, const struct head_series *s);
/* The place of the labels in the shard, or an empty one. Under the shard's lock. */
struct head_place *head_shard_place(const struct head *h, const struct head_shard *shard,
                                    const struct gv_labels *labels);
void head_shard_remove(struct head_shard *shard, const struct head_series *s);
static inline struct head_shard *head_shard_of(struct head *h, uint64_t hash)
{
    return &h->shards[hash >> 58];
}
static inline void head_shard_fetch(const struct head_shard *shard, uint64_t hash) /* its place into the cache */
{
    __builtin_prefetch(&shard->places[(uint32_t)hash & shard->mask], 1);
}
/* A series of this number (0: the next one), linked everywhere. NULL: the log takes nothing. Under the shard's lock. */
GV_MUST_CHECK struct head_series *head_make_series(struct head *h, struct head_shard *shard,
                                                   const struct gv_labels *labels, uint64_t id, struct gv_err *err);
void head_give_symbols(struct head *h, const struct head_series *s);                 /* under the index's lock */
void head_free_series(struct head_stripe *stripe, struct head_series *s);            /* under the stripe's lock */
struct head_extra *head_extra_of(struct head_stripe *stripe, struct head_series *s); /* made where there is none */
/* From its symbols; in a. */
const struct gv_labels *head_labels_of(const struct head *h, const struct head_series *s, struct gv_arena *a);

/* ---- head_chunks.c: chunks of a series, under its stripe's lock ---- */

void head_blocks_fini(struct head_stripe *stripe);
void head_open_put(struct head_stripe *stripe, struct head_series *s, int64_t time, double value);
/* Begins an open chunk where there is none. */
void head_open_begin(const struct head *h, struct head_stripe *stripe, struct head_series *s, int64_t time,
                     uint8_t encoding);
/* The open chunk, if any, becomes a finished one. */
void head_open_finish(struct head_stripe *stripe, struct head_series *s);
void head_open_drop(struct head_stripe *stripe, struct head_series *s);
uint32_t head_open_size(const struct head_series *s); /* bytes as a chunk */
/* Its bytes as a chunk. */
void head_open_copy(const struct head_series *s, uint8_t *to);
/* Puts a chunk of another encoder in the place of the open one, of which there is none. */
GV_MUST_CHECK bool head_open_resume(const struct head *h, struct head_stripe *stripe, struct head_series *s,
                                    const struct gv_chunk *chunk, struct gv_err *err);
struct head_chunk *head_chunk_new(struct head_stripe *stripe, const struct gv_chunk *chunk);
void head_chunk_free(struct head_stripe *stripe, struct head_chunk *c);
static inline int64_t head_last_time(const struct head_series *s) /* INT64_MIN: no in-order sample */
{
    return s->open.n ? s->open.time : s->chunks ? s->chunks->max_time : INT64_MIN;
}

/* ---- head_samples.c: one sample into its series, under its stripe's lock ---- */

struct head_limits {
    int64_t oldest, newest; /* of in-order samples; of all */
    int64_t truncated;      /* in-order samples below it are in blocks */
    int64_t window;         /* out of order; INT64_MAX: any */
    int64_t late_oldest;
    uint32_t epoch;
};
enum { HEAD_LATE = 0x80 }; /* beside GV_APPEND_STORED, _SAME: out of order, and so logged */
/* A verdict (enum gv_append_verdict), perhaps with HEAD_LATE. */
unsigned head_put_sample(const struct head *h, struct head_stripe *stripe, struct head_series *s,
                         const struct gv_store_sample *sample, const struct head_limits *limits);

/* One of the log that was out of order then. */
void head_put_late_again(const struct head *h, struct head_stripe *stripe, struct head_series *s,
                         const struct gv_store_sample *sample, uint32_t epoch);

/* ---- head_histograms.c ---- */

/* In order: later than all that the series has. */
void head_put_histogram(const struct head *h, struct head_stripe *stripe, struct head_series *s, int64_t time,
                        const struct gv_histogram *histogram);
/* A histogram as bytes, and back, in a. NULL: it is none. */
void head_pack_histogram(struct gv_buf *out, const struct gv_histogram *histogram);
GV_MUST_CHECK const struct gv_histogram *head_unpack_histogram(struct gv_arena *a, struct gv_slice packed,
                                                               struct gv_err *err);

/* ---- head_late.c: samples out of order ---- */

/* A sample that is nowhere in the series. */
void head_late_put(struct head_stripe *stripe, struct head_series *s, const struct gv_store_sample *sample,
                   uint32_t epoch);
void head_late_add_chunk(struct head_stripe *stripe, struct head_series *s, const struct gv_chunk *chunk,
                         uint32_t epoch);
struct head_late_wish { /* samples within the times, of epochs above `after` up to `last` */
    int64_t min_time, max_time;
    uint32_t after, last;
};
/* Adds the chunks to an array in a. Errors: the budget's. */
GV_MUST_CHECK bool head_late_chunks(const struct head_series *s, struct gv_arena *a, const struct head_late_wish *w,
                                    struct gv_chunk **chunks, size_t *n, size_t *cap, struct gv_err *err);
/* From the first to the last of them; false: there are none. */
bool head_late_range(const struct head_series *s, uint32_t after, uint32_t last, int64_t *min, int64_t *max);
void head_late_drop(struct head_stripe *stripe, struct head_series *s, uint32_t last); /* epochs up to it */
void head_late_free(struct head_stripe *stripe, struct head_series *s);

/* ---- head_append.c ---- */

void head_lower(_Atomic int64_t *at, int64_t v);                /* where v is less */
void head_note_times(struct head *h, int64_t min, int64_t max); /* of in-order samples; none where min > max */
void head_saw_epoch(struct head *h, uint32_t epoch);            /* of the log */
void head_note_late(struct head *h, int64_t min, int64_t max);  /* of others */

/* Samples of the log: in order, or, with an epoch, out of it. now: the head's epoch there in the log. */
void head_append_replayed(struct head *h, const struct gv_store_sample *samples, size_t n, uint32_t epoch,
                          uint32_t now);

/* ---- head_reader.c ---- */

/* Of out-of-order samples alone, of epochs above `after` up to `last`. */
struct store_reader *head_late_reader(struct head *h, uint32_t after, uint32_t last, int64_t min_time,
                                      int64_t max_time);
uint64_t head_reader_now(struct head *h);                /* the serial of the newest reader */
bool head_readers_left(struct head *h, uint64_t serial); /* whether one up to it is there */

/* ---- head_collect.c ---- */

void head_collect_fini(struct head *h);

/* ---- head_delete.c ---- */

void head_add_deleted(struct head_stripe *stripe, struct head_series *s, struct store_interval i);

/* ---- head_exemplars.c, head_metadata.c ---- */

void head_exemplars_init(struct head *h);
void head_exemplars_fini(struct head *h);
/* Fills the batch's verdicts, and adds to the record what was stored. */
void head_append_exemplars(struct head *h, const struct gv_store_batch *b, struct gv_buf *record);
void head_put_exemplars(struct head *h, struct gv_buf *record); /* all of them */
uint64_t head_count_exemplars(struct head *h);
void head_metadata_init(struct head *h);
void head_metadata_fini(struct head *h);
void head_metadata_status(struct head *h, struct gv_store_status *out); /* its own fields */
void head_append_metadata(struct head *h, const struct gv_store_batch *b, struct gv_buf *record);
void head_put_metadata(struct head *h, struct gv_buf *record);
GV_MUST_CHECK bool head_replay_exemplars(struct head *h, struct byte_reader *r);
GV_MUST_CHECK bool head_replay_metadata(struct head *h, struct byte_reader *r);

/* ---- head_record.c ---- */

struct head_buffer *head_buffer_get(struct head *h);
struct gv_buf *head_buffer_buf(struct head_buffer *b);
void head_buffer_put(struct head *h, struct head_buffer *b);
void head_buffers_fini(struct head *h);
/* Tells the ticket at once where there is nothing to be logged. */
GV_MUST_CHECK bool head_log(struct head *h, const struct gv_buf *record, struct gv_log_ticket *ticket,
                            struct gv_err *err);
void head_pending_init(struct head *h);
void head_pending_fini(struct head *h);
/* With the next record, in front of it. */
GV_MUST_CHECK bool head_log_series(struct head *h, uint64_t id, const struct gv_labels *labels, struct gv_err *err);
