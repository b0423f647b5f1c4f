/* Remote read, the answering: series in, the body of a reply out, by pulling. Synchronous; one owner.
 *
 * STREAMED: frames of about 1 MiB, each with chunks of one series, written as they are pulled: chunks are handed on as
 * they are where they do not overlap, samples are encoded in chunks of 120. SAMPLES: one snappy block, whose length
 * stands at its start; so all series are read and compressed before the first byte, and what is kept is the compressed
 * text. */
#pragma once
#include "codec/remote_read.h"
#include "model/column.h"

/* Where the series come from; embed it. */
struct gv_read_feed {
    /* From now on the series of that query, from the first. Queries come in their order, each once. */
    bool (*open)(struct gv_read_feed *f, size_t query, struct gv_err *err);
    /* 1: *series filled (RAW or CHUNKS), valid until the next call; 0: at the end; -1: failed with err. By labels.
     * scratch: for what is decoded; rewound between series. */
    int (*next)(struct gv_read_feed *f, struct gv_arena *scratch, struct gv_series *series, struct gv_err *err);
};

struct gv_read_encoder_options {
    const struct gv_read_request *request; /* its type is that of the answer; samples outside its times are left out */
    struct gv_read_feed *feed;
    int64_t max_samples; /* SAMPLES; 0: none. Prometheus: 50,000,000 */
    size_t frame_size;   /* STREAMED: bytes after which a frame ends; 0: 1 MiB */
};

struct gv_read_encoder;
/* Lives in a, with all that it keeps; scratch is charged to the same budget. */
struct gv_read_encoder *gv_read_encoder_new(struct gv_arena *a, const struct gv_read_encoder_options *o);

/* Before the reply's first byte: its status depends on it. SAMPLES: reads everything, work in proportion to the answer,
 * on a worker where that may be much. STREAMED: gets the first series. Errors: the feed's; GV_BAD_DATA in Prometheus's
 * words above max_samples; GV_TOO_LARGE where a block cannot hold the answer (4 GiB); the budget's. */
GV_MUST_CHECK bool gv_read_encoder_begin(struct gv_read_encoder *e, struct gv_err *err);

/* Appends about `want` bytes, at most a frame more. 1: there is more; 0: that was all; -1: failed with err, after
 * bytes have gone out: the connection must be cut, so that nobody takes the answer for whole. */
int gv_read_encoder_next(struct gv_read_encoder *e, struct gv_buf *out, size_t want, struct gv_err *err);
