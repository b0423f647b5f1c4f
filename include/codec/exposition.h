/* Samples as /federate gives them: the text exposition format 0.0.4 (Prometheus documentation, "Exposition formats"),
 * or delimited protobuf, which alone has native histograms (io.prometheus.client.MetricFamily, proto/metrics.proto).
 * Synchronous; one owner each. */
#pragma once
#include "base/buf.h"
#include "model/histogram.h"
#include "model/labels.h"

struct gv_exposition_sample {
    const struct gv_labels *labels; /* __name__ among them */
    double value;
    const struct gv_histogram *histogram; /* the sample, where it is not NULL */
    int64_t time;                         /* ms */
};

struct gv_exposition {
    struct gv_arena *arena;
    struct gv_exposition_sample *samples;
    size_t n, cap;
};

void gv_exposition_init(struct gv_exposition *x, struct gv_arena *a);
/* Labels and histogram are borrowed. false: the budget is spent. */
GV_MUST_CHECK bool gv_exposition_add(struct gv_exposition *x, const struct gv_exposition_sample *s, struct gv_err *err);

enum gv_exposition_format { GV_EXPOSITION_TEXT, GV_EXPOSITION_PROTOBUF };
extern const char *const gv_exposition_content_types[]; /* by format */

/* Names beyond [a-zA-Z0-9_:]: as `_`, for clients that ask for nothing else, or in full (escaping=allow-utf-8). */
enum gv_exposition_escaping { GV_ESCAPE_UNDERSCORES, GV_ESCAPE_ALLOW_UTF8 };

/* All samples, by name and then by labels; of samples with the same labels the latest one. As Prometheus federates:
 * floats are untyped; instance="" is added where it is missing; a family ends where floats, histograms and gauge
 * histograms follow one another under one name, so that such a name has several. Histograms with custom bounds are
 * written as classic ones: the format has no others. TEXT leaves histograms out.
 * Sorts, and measures families: many samples belong on a worker. Borrows the exposition. NULL: the budget is spent. */
struct gv_exposition_writer;
GV_MUST_CHECK struct gv_exposition_writer *gv_exposition_writer_new(struct gv_arena *a, const struct gv_exposition *x,
                                                                    enum gv_exposition_format format,
                                                                    enum gv_exposition_escaping escaping,
                                                                    struct gv_err *err);
/* Appends about `want` bytes; true while there is more. No samples, no bytes. */
bool gv_exposition_writer_next(struct gv_exposition_writer *w, struct gv_buf *out, size_t want);
