/* Shared by the files of the write decoder. */
#pragma once
#include "codec/protobuf.h"
#include "codec/write_decoder.h"

enum { SERIES_LABELS_1 = 1, SERIES_SAMPLES_1 = 2, SERIES_EXEMPLARS_1 = 3, SERIES_HISTOGRAMS_1 = 4 };
enum {
    REFS_2 = 1,
    SERIES_SAMPLES_2 = 2,
    SERIES_HISTOGRAMS_2 = 3,
    SERIES_EXEMPLARS_2 = 4,
    METADATA_2 = 5,
    CREATED_2 = 6
};

#define WRITE_LABELS_TOO_LARGE "labels larger than max_labels_size"

/* A label field of 1.0 behind those in out; false, and nothing, where they would take more than max bytes. */
static inline bool write_put_label(struct gv_buf *out, struct gv_slice label, size_t max)
{
    if (out->n + pb_bytes_size(label.n) > max)
        return false;
    pb_put_bytes(out, SERIES_LABELS_1, label);
    return true;
}

static inline struct pb_reader reader_at(const struct gv_write_cursor *c)
{
    return (struct pb_reader){.at = c->at, .end = c->end, .start = c->start, .fault = c->fault};
}
static inline struct gv_write_cursor cursor_of(const struct pb_reader *r)
{
    return (struct gv_write_cursor){r->at, r->end, r->start, r->fault};
}

/* write_symbols.c: 2.0 */
bool write_symbols_read(struct gv_write_decoder *d, struct gv_slice message, struct gv_arena *a, struct gv_err *err);
/* References become label fields, appended to out; packed or not, in one field or several. */
struct write_refs {
    const struct gv_write_decoder *d;
    struct gv_buf *out;
    bool has_name;
    struct gv_slice name;
    const char *fault;
};
void write_refs_take(struct write_refs *x, struct pb_reader *r, const struct pb_field *f);
const char *write_refs_end(const struct write_refs *x); /* NULL, or what is wrong with them */
bool write_metadata_2(const struct gv_write_decoder *d, struct gv_slice message, struct gv_write_series *s,
                      struct gv_err *err);
extern const char *const write_types[8]; /* texts of MetricType */
