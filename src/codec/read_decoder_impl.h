/* What the files of the remote-read decoder share. */
#pragma once
#include "codec/label_message.h"
#include "codec/label_reader.h"
#include "codec/read_decoder.h"

struct read_frame {
    uint8_t head[14]; /* uvarint length, CRC-32C */
    uint8_t n_head, n_length;
    char *message; /* NULL: the head is not whole */
    size_t size, got;
    uint32_t crc;            /* of what has come of the message */
    uint64_t number, offset; /* from 0; of its first byte in the body */
};

struct read_rows { /* the series of one query */
    struct gv_series *series;
    size_t n, cap;
    struct gv_chunk *chunks; /* of the last series */
    size_t cap_chunks;
};

struct read_body { /* on the heap, so that it can grow in place, and charged to the budget */
    char *p;
    size_t n, cap;
};

struct gv_read_decoder {
    struct gv_arena *arena;
    struct gv_budget *budget; /* the arena may be joined to another before its cleanups run */
    struct gv_read_decoder_options options;
    struct read_rows *rows; /* one for each query */
    struct gv_label *pairs; /* of the series being read, as the backend has them */
    size_t n_pairs, cap_pairs;
    struct label_reader labels;
    struct read_frame frame;
    struct read_body body; /* SAMPLES */
    int64_t samples;
    bool dead;
};

/* Labels of one series: begin, a message each, and end: *labels is NULL where the series does not match. */
void read_labels_begin(struct gv_read_decoder *d);
bool read_label(struct gv_read_decoder *d, struct gv_slice message, struct gv_err *err);
bool read_labels_end(struct gv_read_decoder *d, size_t query, const struct gv_labels **labels, struct gv_err *err);
/* A new last series of a query; NULL: the budget is spent. */
struct gv_series *read_add_series(struct gv_read_decoder *d, size_t query, const struct gv_labels *labels,
                                  struct gv_err *err);

bool read_chunked_response(struct gv_read_decoder *d, struct gv_slice message, struct gv_err *err);
bool read_response(struct gv_read_decoder *d, struct gv_slice message, struct gv_err *err);
