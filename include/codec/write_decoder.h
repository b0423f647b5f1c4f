/* Remote write, the taking: a decompressed prometheus.WriteRequest (1.0) or io.prometheus.write.v2.Request (2.0) is
 * read series by series, each item by item; nothing is built of them. What comes out is borrowed from the message. One
 * owner.
 *
 *   gv_write_decoder_init(&d, version, message, arena, max_labels, &err)
 *   while (gv_write_next(&d, &series, &err))
 *       for (items = gv_write_items(&series); gv_write_next_item(&items, &item);)
 *   while (gv_write_next_metadata(&d, &metadata, &err))         1.0 has it beside the series
 *
 * Errors are GV_BAD_DATA for what is no such message, with the byte and the cause. Whether labels are good ones, or a
 * histogram's counts agree, is no question of the message: such faults are told apart and are the item's alone. */
#pragma once
#include "model/histogram.h"
#include "model/labels.h"

enum gv_write_version { GV_WRITE_1, GV_WRITE_2 };
#define GV_WRITE_CONTENT_TYPE   "application/x-protobuf"
#define GV_WRITE_2_CONTENT_TYPE "application/x-protobuf;proto=io.prometheus.write.v2.Request"

/* The version that a Content-Type asks for: 1.0 where it is missing or names no message. GV_UNSUPPORTED_MEDIA for any
 * other type or message. */
GV_MUST_CHECK bool gv_write_version_of(struct gv_slice content_type, enum gv_write_version *version,
                                       struct gv_err *err);

struct gv_write_cursor { /* into a message */
    const unsigned char *at, *end, *start;
    const char *fault;
};

struct gv_write_decoder {
    enum gv_write_version version;
    struct gv_write_cursor series, metadata;
    bool has_metadata;              /* 1.0: some entry of the request's own was passed */
    const struct gv_slice *symbols; /* 2.0 */
    size_t n_symbols, max_labels;
    size_t spelled,
        max_spelled;      /* 2.0: bytes that symbols were spelled out to so far, and may be in all; 0: no limit */
    struct gv_buf labels; /* 2.0, and 1.0 where labels do not stand together: those of the series in hand */
};
/* max_labels: bytes of all labels of a series. a: for the symbols, by its budget. Set max_spelled afterwards: a symbol
 * is written once and referred to without end, so a small message of 2.0 may stand for any number of bytes. */
GV_MUST_CHECK bool gv_write_decoder_init(struct gv_write_decoder *d, enum gv_write_version version,
                                         struct gv_slice message, struct gv_arena *a, size_t max_labels,
                                         struct gv_err *err);
void gv_write_decoder_fini(struct gv_write_decoder *d);

struct gv_write_metadata {
    struct gv_slice metric; /* 1.0 only: in 2.0 it is that of the series */
    struct gv_slice type, help, unit;
};

struct gv_write_series {
    struct gv_slice message; /* the whole of it: for gv_write_again */
    struct gv_slice labels;  /* its label fields, as they stand in 1.0; until the next series is read */
    const char *fault;       /* why there are no labels: a reference out of range...; or NULL */
    uint32_t n_samples, n_histograms, n_exemplars;
    bool has_metadata;                 /* 2.0 */
    struct gv_write_metadata metadata; /* 2.0 */
    int64_t start;                     /* 2.0: created timestamp, ms; 0: unknown */
    enum gv_write_version version;
    struct gv_slice items; /* the rest of the message */
    bool is_plain;         /* all that it brings is one sample: */
    int64_t time;
    double value;
};
/* False at the end, and with err where the message is faulty; GV_TOO_LARGE beyond max_spelled. */
GV_MUST_CHECK bool gv_write_next(struct gv_write_decoder *d, struct gv_write_series *s, struct gv_err *err);
/* Reads a series' message once more. */
GV_MUST_CHECK bool gv_write_again(struct gv_write_decoder *d, struct gv_slice message, struct gv_write_series *s,
                                  struct gv_err *err);
GV_MUST_CHECK bool gv_write_next_metadata(struct gv_write_decoder *d, struct gv_write_metadata *m, struct gv_err *err);

/* The labels of label fields, in the order they came, good or bad. At most max are written to labels; *n is how many
 * there are. */
GV_MUST_CHECK bool gv_write_labels(struct gv_slice fields, struct gv_label *labels, size_t max, size_t *n,
                                   struct gv_err *err);

enum gv_write_kind { GV_WRITE_SAMPLE, GV_WRITE_HISTOGRAM, GV_WRITE_EXEMPLAR };
struct gv_write_item {
    enum gv_write_kind kind;
    int64_t time, start; /* ms; of a sample */
    double value;        /* of a sample */
    struct gv_slice message;
};
struct gv_write_items {
    struct gv_write_cursor cursor;
    int64_t start;
    enum gv_write_version version;
};
struct gv_write_items gv_write_items(const struct gv_write_series *s);
/* False at the end, and where the message is faulty: then cursor.fault says why. */
bool gv_write_next_item(struct gv_write_items *i, struct gv_write_item *item);

struct gv_write_histogram {
    const struct gv_histogram *h; /* NULL: it is none; fault says why */
    int64_t time, start;          /* ms */
    struct gv_err fault;
};
/* Into a, by its budget. Schemas 9 to 52 are reduced to 8. A fault of h alone: counts that do not fit the spans, spans
 * that overlap or run out of range, an unknown schema, custom bounds that do not increase or are not finite, or have a
 * zero bucket beside them; a negative count; integers whose count is not that of all buckets (with a sum that is NaN:
 * is less). False where the message is faulty. */
GV_MUST_CHECK bool gv_write_read_histogram(struct gv_arena *a, struct gv_slice message, struct gv_write_histogram *out,
                                           struct gv_err *err);

struct gv_write_exemplar {
    struct gv_slice labels; /* as label fields, in a or the message */
    const char *fault;      /* 2.0: why there are none */
    int64_t time;           /* ms */
    double value;
};
GV_MUST_CHECK bool gv_write_read_exemplar(struct gv_write_decoder *d, struct gv_arena *a, struct gv_slice message,
                                          struct gv_write_exemplar *out, struct gv_err *err);
