/* A log of records in numbered segment files with checksums, written by one committer thread: the store's WAL, and the
 * queue of a forwarder. Any thread may append; opening, replaying and closing belong to the owner.
 *
 *   append ──► queue ──► committer: one writev for all that waits ──► fdatasync, by policy ──► done of each ticket
 *
 * What an acknowledged record survives: with GV_LOG_ALWAYS the machine's death, with an interval the process's (the
 * machine's too, but for the last interval). A failed write or fdatasync is never tried again as if nothing had been
 * lost: records since the last good sync are kept in memory and go to a fresh segment; until that is on disk every
 * ticket ends with GV_UNAVAILABLE. So no ticket ends well whose record is not where the policy says.
 *
 * Segment: the name is its number in 8 decimal digits. Format: docs/store-format.md. */
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "store/io.h"

struct gv_log;

enum gv_log_sync { GV_LOG_INTERVAL, GV_LOG_ALWAYS };

struct gv_log_options {
    const char *path; /* the folder, made where absent */
    enum gv_log_sync sync;
    int64_t sync_interval_ms; /* 0: 1,000; GV_LOG_INTERVAL */
    size_t segment_size;      /* bytes after which a fresh segment begins; 0: 128 MiB */
    size_t max_queued;        /* bytes kept in memory: waiting, or not synced; above it appends fail; 0: 256 MiB */
    const struct gv_io *io;   /* NULL: the system's */
    const char *name;         /* in messages and the thread's name: "wal" */
};

/* One record as replay finds it. */
struct gv_log_place {
    uint64_t segment;
    uint64_t offset; /* of the record's frame in its file */
    uint64_t number; /* of the record, counted from the log's first: the same wherever a fault moves it */
};
typedef bool gv_log_record_fn(void *arg, struct gv_slice record, struct gv_log_place at, struct gv_err *err);

struct gv_log_replayed {
    uint64_t records, bytes, segments;
    /* Where records end before their files do: a torn tail (the last segment), or damage in the middle, behind which
     * nothing of that segment can be trusted. Later segments are still read. A segment that a failed write left torn is
     * no damage where the next one goes on with what is missing: then nothing is, and nothing is told twice. */
    uint64_t damaged;        /* segments cut short, or gone */
    uint64_t lost;           /* records known to be missing between segments */
    struct gv_log_place cut; /* the first such place */
    char what[256];          /* and what is wrong there; "" where nothing is */
};

/* Opens without writing; then replay, then start. GV_UNAVAILABLE: the folder cannot be made or read. */
GV_MUST_CHECK struct gv_log *gv_log_open(const struct gv_log_options *o, struct gv_err *err);
/* Calls fn for each record of the segments from `first` on, in order. Fails where fn fails or a file cannot be read. */
GV_MUST_CHECK bool gv_log_replay(struct gv_log *l, uint64_t first, gv_log_record_fn *fn, void *arg,
                                 struct gv_log_replayed *out, struct gv_err *err);
/* Begins a fresh segment (never appends to an old one) and starts the committer. */
GV_MUST_CHECK bool gv_log_start(struct gv_log *l, struct gv_err *err);
/* Commits what waits, syncs, ends the committer, frees. False where the last records could not be made durable. */
bool gv_log_close(struct gv_log *l, struct gv_err *err);

/* Told once when the record is written (GV_LOG_INTERVAL) or synced (GV_LOG_ALWAYS), or failed. Runs on the committer:
 * post to a mailbox and return. err is GV_OK or GV_UNAVAILABLE with the cause ("no space left on device"). */
struct gv_log_ticket {
    void (*done)(struct gv_log_ticket *t, const struct gv_err *err);
    struct gv_log_ticket *next; /* the log's, until done */
};

/* Copies the record into the queue; records are written in the order in which appends return. ticket may be NULL.
 * False with GV_UNAVAILABLE at once (the ticket is then never called): what waits and what is not synced yet would
 * exceed max_queued. A record whose ticket failed is still the log's, and is written when writing works again. */
GV_MUST_CHECK bool gv_log_append(struct gv_log *l, const struct gv_slice *pieces, size_t n,
                                 struct gv_log_ticket *ticket, struct gv_err *err);

/* Ends the segment in use at the records appended so far (or a little later: those of other threads) and begins
 * another; gives the new one's number once all before it is written and synced. Blocks: not on a loop. */
GV_MUST_CHECK bool gv_log_cut(struct gv_log *l, uint64_t *segment, struct gv_err *err);
/* Removes segments below `first`. */
GV_MUST_CHECK bool gv_log_drop(struct gv_log *l, uint64_t first, struct gv_err *err);

/* Follows the log while it is written: the queue's other end. One thread at a time; a log may have several readers, and
 * outlives them. Its owner drops no segment that a reader has still to read. */
struct gv_log_reader;
struct gv_log_reader *gv_log_reader_new(struct gv_log *l); /* from the first segment there is; after gv_log_start */
void gv_log_reader_free(struct gv_log_reader *r);
/* The next record that is written; record->p is NULL where there is none yet. Valid until the next call. False
 * (GV_UNAVAILABLE): a file cannot be read; the next call tries again. */
GV_MUST_CHECK bool gv_log_reader_next(struct gv_log_reader *r, struct gv_slice *record, struct gv_log_place *at,
                                      struct gv_err *err);
uint64_t gv_log_reader_segment(const struct gv_log_reader *r); /* what is below it has been read */
uint64_t gv_log_reader_lost(const struct gv_log_reader *r);    /* records missing, as in struct gv_log_replayed */

struct gv_log_status {
    uint64_t first, current; /* segments */
    uint64_t bytes;          /* on disk */
    uint64_t queued;         /* bytes kept in memory: waiting, or not synced */
    uint64_t records, syncs, failures;
    bool failing; /* writes get 503 now */
    char why[256];
};
void gv_log_status(struct gv_log *l, struct gv_log_status *out);
