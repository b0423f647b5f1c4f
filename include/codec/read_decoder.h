/* Remote read, the answer: bytes go in as they arrive, series come out. Synchronous; one owner.
 *
 * STREAMED: frames of `uvarint length | big-endian CRC-32C | prometheus.ChunkedReadResponse`, each turned into series
 * as soon as it is whole. Chunks stay encoded, in the memory that their frame arrived in; what one holds is looked at
 * when it is decoded.
 *
 * SAMPLES: a snappy block with a prometheus.ReadResponse, which must be whole before it can be read. So the work is
 * done by gv_read_decoder_finish, some 60 ns a sample: on a worker where there are many. Histograms of integers become
 * histograms of floats. Prometheus 2.42 leaves native histograms out of SAMPLES and does not say so: ask for STREAMED.
 *
 * All memory that the answer decides is asked of the arena's budget. */
#pragma once
#include "codec/mapping.h"
#include "codec/remote_read.h"
#include "model/column.h"

struct gv_read_decoder;

struct gv_read_decoder_options {
    enum gv_read_type type;          /* gv_read_type_of() the answer */
    const struct gv_select *queries; /* what was asked; series that do not match (without `external`) are left out */
    size_t n_queries;
    const struct gv_label *external; /* a backend adds its external_labels to series: equal ones are taken away again */
    size_t n_external;
    const struct gv_mapping *mapping; /* labels to inject; NULL: none */
};

struct gv_read_decoder *gv_read_decoder_new(struct gv_arena *a, const struct gv_read_decoder_options *o);

/* False, and the decoder is dead: GV_BAD_DATA for what is no such answer (with the frame, the byte and the cause; what
 * a backend wrote as text into its stream is quoted), GV_UNSUPPORTED_MEDIA for chunks of an encoding not known here
 * (ask again for SAMPLES), the budget's code where it is spent. */
GV_MUST_CHECK bool gv_read_decoder_feed(struct gv_read_decoder *d, const char *data, size_t n, struct gv_err *err);

/* The series of one query, in the order they came: columns are CHUNKS (STREAMED) or RAW (SAMPLES). */
struct gv_read_result {
    struct gv_series *series;
    size_t n;
};
/* The body ended, and HTTP says that it was whole: a stream cut between two frames looks like an end. false where it is
 * cut, else *results are options.n_queries of them, in the arena. Errors as of feed. */
GV_MUST_CHECK bool gv_read_decoder_finish(struct gv_read_decoder *d, struct gv_read_result **results,
                                          struct gv_err *err);
int64_t gv_read_decoder_samples(const struct gv_read_decoder *d); /* so far; a histogram counts as one */
