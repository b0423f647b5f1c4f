/* A source over raw series that are here: answers of remote read, of several clusters and of several replicas of one.
 * Chunks are decoded series by series, as the evaluator pulls. Filled once, then any number of threads may select. */
#pragma once
#include "promql/source.h"

/* What one replica of one cluster answered to one request. Borrowed: it must live as long as the source. */
struct gv_raw_part {
    struct gv_slice source;         /* the cluster's name, for messages */
    uint32_t replica;               /* a series of several replicas is merged (exec/replica.h) */
    const struct gv_series *series; /* RAW, CHUNKS or MADE, labels as they are to be seen; best in label order */
    size_t n;
};

struct gv_raw_row;
struct gv_raw_source {
    struct gv_source source; /* first: a struct gv_raw_source is a struct gv_source */
    const struct gv_raw_part *parts;
    struct gv_raw_row *rows; /* by labels */
    size_t n;
    int64_t min_time, max_time; /* ms; of merged series what is outside is left out. All, until somebody sets them */
};

/* A series that a replica gave twice (to two requests) becomes one with the samples of both. Errors: GV_EXECUTION for
 * one that two clusters gave, with both names; the budget's. Selecting fails with GV_INTERNAL, the cluster's name and
 * the series for a chunk that is damaged. */
GV_MUST_CHECK bool gv_raw_source_init(struct gv_raw_source *r, struct gv_arena *a, const struct gv_raw_part *parts,
                                      size_t n_parts, struct gv_err *err);

/* The i-th of r->n series: its column as it came where it came once, else decoded and merged, in scratch. */
GV_MUST_CHECK bool gv_raw_source_at(const struct gv_raw_source *r, size_t i, struct gv_arena *scratch,
                                    struct gv_series *out, struct gv_err *err);

/* Makes chunks, in a, of what came in any other form or more than once: then taking the series out one by one is a
 * matter of copying. Polls cancel (may be NULL): GV_CANCELED. For whoever fills the source. */
GV_MUST_CHECK bool gv_raw_source_encode(struct gv_raw_source *r, struct gv_arena *a, _Atomic bool *cancel,
                                        struct gv_err *err);

/* All series by labels, for a FEED: those that came once keep their column, others are merged whenever they are read.
 * The parts must live as long. Errors: the budget's. */
GV_MUST_CHECK bool gv_raw_source_series(const struct gv_raw_source *r, struct gv_arena *a, struct gv_series **series,
                                        size_t *n, struct gv_err *err);
