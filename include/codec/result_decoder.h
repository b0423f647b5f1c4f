/* Streaming decoder of the replies of /api/v1/query and /api/v1/query_range (Prometheus HTTP API, "Expression
 * queries"). Bytes go in as they arrive, series come out; the whole text is never kept. Synchronous; one owner.
 *
 * Three modes: GV_COLUMN_SPAN keeps the source text of the points (for plans that only unite), GV_COLUMN_STEPS turns
 * them into columns on the query's grid, GV_COLUMN_RAW into times and values. All memory is in the arena of the
 * attempt. */
#pragma once
#include "codec/mapping.h"
#include "model/column.h"

struct gv_result_decoder;

struct gv_result_decoder_options {
    enum gv_column_kind kind;         /* GV_COLUMN_SPAN, GV_COLUMN_STEPS or GV_COLUMN_RAW */
    const struct gv_mapping *mapping; /* labels to inject; NULL: none */
    uint64_t hidden;                  /* those of them that are not (gv_mapping_hides) */
    struct gv_grid grid;              /* GV_COLUMN_STEPS: points outside it are an error */
    bool skip_earlier;   /* points before the grid are left out: a subquery of a Prometheus before 3.0, whose
                            ranges are closed on the left */
    bool floats_only;    /* not SPAN: histograms are left out; a series may then have no point */
    int64_t max_samples; /* 0: none; beyond: GV_EXECUTION in Prometheus's words */
};

struct gv_result_decoder *gv_result_decoder_new(struct gv_arena *a, const struct gv_result_decoder_options *o);

/* false: the text is no such reply (GV_BAD_DATA, with what was expected and the byte offset), a budget is spent, or too
 * many samples. The decoder is then dead. */
GV_MUST_CHECK bool gv_result_decoder_feed(struct gv_result_decoder *d, const char *data, size_t n, struct gv_err *err);

/* What a backend's error envelope said. */
struct gv_backend_error {
    bool present;
    struct gv_slice type, message; /* errorType, error */
};
/* The body ended. false where it was cut short. An error envelope gives true with backend->present. Otherwise *out is
 * filled: series in the order they came, warnings and infos of the backend in out->notes. */
GV_MUST_CHECK bool gv_result_decoder_finish(struct gv_result_decoder *d, struct gv_result *out,
                                            struct gv_backend_error *backend, struct gv_err *err);
/* Points decoded so far; a histogram counts as one. */
int64_t gv_result_decoder_samples(const struct gv_result_decoder *d);
/* Whether native histograms came. In query JSON they have buckets but no schema: GV_COLUMN_SPAN hands them on,
 * the other modes fail with GV_EXECUTION, and the caller may ask again for raw samples by remote read. */
bool gv_result_decoder_has_histograms(const struct gv_result_decoder *d);
