/* What the two kinds of answer share. */
#pragma once
#include "codec/chunk_cutter.h"
#include "codec/label_message.h"
#include "codec/read_encoder.h"

struct gv_read_encoder {
    struct gv_arena *arena;
    struct gv_arena scratch; /* of the series at hand */
    struct gv_arena_mark empty;
    struct gv_read_encoder_options options;
    size_t query; /* the one whose series come */
    bool open, has_series;
    struct gv_series series;
    struct gv_buf text; /* STREAMED: the series of a frame; SAMPLES: what is not yet compressed */
    struct gv_buf small;
    /* STREAMED */
    struct chunk_cutter cutter;
    uint32_t at; /* next chunk or sample of the series */
    /* SAMPLES: the block after its length, in pieces; the first of a query is its head, made when the rest is known */
    struct gv_slice *pieces;
    size_t n_pieces, cap_pieces, next_piece;
    size_t head;          /* of the query: its place among the pieces */
    uint64_t size, total; /* bytes of text: of the query's result, of all */
    int64_t samples;
};

static inline const struct gv_select *read_encoder_query(const struct gv_read_encoder *e)
{
    return &e->options.request->queries[e->query];
}
/* The next series of the query: 1, 0 at its end, -1. The one before is gone. */
int read_encoder_pull(struct gv_read_encoder *e, struct gv_err *err);
/* A raw column between the query's times. */
struct gv_raw_column read_encoder_cut(const struct gv_read_encoder *e, const struct gv_raw_column *c);

bool read_samples_gather(struct gv_read_encoder *e, struct gv_err *err);
int read_samples_next(struct gv_read_encoder *e, struct gv_buf *out, size_t want);
