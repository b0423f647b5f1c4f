/* Blocks in Prometheus's TSDB format (docs/store-format.md; Prometheus: tsdb/docs/format): written whole into a
 * temporary folder and renamed when all is on disk, read by mmap, immutable but for their tombstones. Counted: a block
 * that is dropped stays readable for who holds it, and its folder goes with the last reference. Any thread. */
#pragma once
#include "store/reader.h"

enum { BLOCK_ULID_MAX = 27 };

struct block_meta {
    char ulid[BLOCK_ULID_MAX];
    int64_t min_time, max_time; /* ms: [min_time, max_time) */
    uint64_t samples, series, chunks;
    _Atomic uint64_t tombstones;
    _Atomic bool damaged; /* block_check said so: it is read where it can be, and left alone otherwise */
    unsigned level;
    char (*sources)[BLOCK_ULID_MAX];
    size_t n_sources;
};

struct block; /* a store_reader inside */

/* Checks meta.json, magic numbers, versions, the TOC and section checksums. GV_INTERNAL: damaged, with the file and
 * what is wrong; GV_UNAVAILABLE: cannot be read. */
GV_MUST_CHECK struct block *block_open(const struct gv_io *io, const char *folder, struct gv_err *err);
struct block *block_get(struct block *b);
void block_put(struct block *b);
void block_forget(struct block *b); /* the last block_put removes the folder */
struct store_reader *block_reader(struct block *b);
const struct block_meta *block_meta(const struct block *b);
uint64_t block_bytes(const struct block *b); /* on disk */
const char *block_folder(const struct block *b);

/* Reads every chunk once. GV_INTERNAL: one is damaged, and meta.damaged says so from then on. */
GV_MUST_CHECK bool block_check(struct block *b, struct gv_err *err);

/* Adds deletions and writes the tombstones file anew (temporary file, sync, rename). Readers see them from then on;
 * meta.tombstones counts them. */
GV_MUST_CHECK bool block_delete(struct block *b, const struct gv_matcher *matchers, size_t n, int64_t min_time,
                                int64_t max_time, struct gv_err *err);

/* Hard links of its files in a folder, made for it: whole, or not at all. */
GV_MUST_CHECK bool block_link(struct block *b, const char *folder, struct gv_err *err);

/* ---- Writing: series in label order, each with its chunks by time ---- */

struct block_writer;
struct block_writer_options {
    const struct gv_io *io;
    const char *parent;         /* the folder that the block's own is made in */
    int64_t min_time, max_time; /* ms: [min_time, max_time) */
    unsigned level;
    const struct block_meta *const *parents; /* whose sources become this one's; none: its own ULID */
    size_t n_parents;
    int64_t now;                 /* ms, for the ULID */
    const _Atomic bool *stopped; /* block_compact looks at it series by series; NULL: it goes on to the end */
    uint64_t segment_size;       /* bytes of chunks in one file at most; 0: 512 MiB */
};
GV_MUST_CHECK struct block_writer *block_writer_new(const struct block_writer_options *o, struct gv_err *err);
/* Chunks do not overlap and lie within the block's times. A series without chunks is left out. */
GV_MUST_CHECK bool block_writer_add(struct block_writer *w, const struct gv_labels *labels,
                                    const struct gv_chunk *chunks, size_t n, struct gv_err *err);
/* Index, meta.json, syncs, rename. A block of nothing is none: true, and ulid is "". */
GV_MUST_CHECK bool block_writer_done(struct block_writer *w, char ulid[BLOCK_ULID_MAX], struct gv_err *err);
void block_writer_free(struct block_writer *w); /* removes what was not done */

/* compact.c: several readers (blocks that may overlap, or the head) within [min_time, max_time) into one block; deleted
 * samples are left out, chunks that overlap or are cut by the times are written anew, others copied as they are.
 * GV_CANCELED: it was stopped. */
GV_MUST_CHECK bool block_compact(struct store_reader **readers, size_t n, const struct block_writer_options *o,
                                 char ulid[BLOCK_ULID_MAX], struct gv_err *err);

/* compact_plan.c: which blocks to make one of, by Prometheus's leveled rule: overlapping ones first; then two or more
 * in one range of the next size that fill it or lie before the newest; then one with deletions for 5 % of its series.
 * But for the first rule the newest block is left alone. Blocks by min_time; ranges: ms, ascending. None: n_picked 0.
 */
void compact_plan(const struct block_meta *const *blocks, size_t n, const int64_t *ranges, size_t n_ranges,
                  size_t *picked, size_t *n_picked);

/* The blocks to drop: those wholly older than retention_time before the newest, then the oldest until bytes fit. Blocks
 * by min_time. */
void retention_plan(struct block *const *blocks, size_t n, int64_t retention_time, int64_t retention_size,
                    uint64_t other_bytes, bool *drop);
