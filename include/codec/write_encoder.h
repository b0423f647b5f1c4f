/* Remote write, the sending: series with their items become a prometheus.WriteRequest (1.0) or an
 * io.prometheus.write.v2.Request (2.0), as a snappy block. One owner; used for one request after the other.
 *
 *   gv_write_encoder_begin(&e, version)
 *   gv_write_put(&e, &series)...            gv_write_put_metadata(&e, &metadata)... in 1.0
 *   gv_write_encoder_end(&e, &block)
 *
 * Labels come as label fields as they stand in 1.0, made once per series by gv_write_put_labels. */
#pragma once
#include "codec/write_decoder.h"

void gv_write_put_labels(struct gv_buf *out, const struct gv_labels *labels);

struct gv_write_value {
    int64_t time, start;                  /* ms; start: 2.0, 0: unknown */
    double value;                         /* any bits */
    const struct gv_histogram *histogram; /* not NULL: instead of the value */
};
struct gv_write_row {
    struct gv_slice labels; /* label fields */
    const struct gv_write_value *values;
    size_t n_values;
    const struct gv_write_exemplar *exemplars;
    size_t n_exemplars;
    const struct gv_write_metadata *metadata; /* 2.0; NULL: none */
};

struct gv_write_symbol; /* a place of the table of symbols */
struct gv_write_encoder {
    enum gv_write_version version;
    struct gv_buf message; /* without the symbols */
    struct gv_buf items;   /* of the series in hand */
    struct gv_buf refs;
    /* 2.0: symbols as they are written, and where each text has its number */
    struct gv_buf symbols;
    struct gv_write_symbol *table;
    size_t table_mask;
    uint32_t n_symbols, round;
};

/* A zeroed encoder is a fresh one. */
void gv_write_encoder_fini(struct gv_write_encoder *e);
void gv_write_encoder_begin(struct gv_write_encoder *e, enum gv_write_version version);
void gv_write_put(struct gv_write_encoder *e, const struct gv_write_row *row);
void gv_write_put_metadata(struct gv_write_encoder *e, const struct gv_write_metadata *m); /* 1.0 */
/* Appends the request's block; the encoder is then ready for the next gv_write_encoder_begin. */
void gv_write_encoder_end(struct gv_write_encoder *e, struct gv_buf *block);

/* Whole requests of 2.0 as a single one, their series one behind the other: of 2.0, or of 1.0 for endpoints that take
 * no other; there metadata and start timestamps are left out. (Those of 1.0 join as they are: gv_snappy_join.)
 * max_size: of one of them, decoded. GV_BAD_DATA: a block is no such request. */
GV_MUST_CHECK bool gv_write_join(const struct gv_slice *blocks, size_t n, enum gv_write_version to, size_t max_size,
                                 struct gv_buf *out, struct gv_err *err);
