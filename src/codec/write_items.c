/* What a series brings: samples, histograms, exemplars, one after the other. Numbers of fields are those of
 * proto/types.proto and proto/write_v2.proto. */
#include "codec/histogram_message.h"
#include "codec/sample_message.h"
#include "codec/write_decoder_impl.h"

enum { SAMPLE_VALUE = 1, SAMPLE_TIME = 2, SAMPLE_START = 3 };
enum { EXEMPLAR_LABELS = 1, EXEMPLAR_VALUE = 2, EXEMPLAR_TIME = 3 };
enum { LABEL_NAME = 1, LABEL_VALUE = 2 };

struct gv_write_items gv_write_items(const struct gv_write_series *s)
{
    struct pb_reader r = pb_read(s->items);
    return (struct gv_write_items){cursor_of(&r), s->start, s->version};
}

/* ---- Samples ---- */

static bool read_sample(struct gv_slice message, enum gv_write_version version, struct gv_write_item *item,
                        const char **fault)
{
    if (pb_plain_sample(message, &item->time, &item->value))
        return true;
    struct pb_reader r = pb_read(message);
    item->time = 0;
    item->value = 0;
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number == SAMPLE_VALUE && pb_is(&r, &f, PB_FIXED64))
            item->value = pb_double(f.value);
        else if (f.number == SAMPLE_TIME && pb_is(&r, &f, PB_VARINT))
            item->time = (int64_t)f.value;
        else if (f.number == SAMPLE_START && version == GV_WRITE_2 && pb_is(&r, &f, PB_VARINT) && f.value)
            item->start = (int64_t)f.value;
    }
    *fault = r.fault;
    return !r.fault;
}

/* ---- One after the other ---- */

/* False: it is no item. */
static bool kind_of(uint32_t number, enum gv_write_version version, enum gv_write_kind *kind)
{
    bool one = version == GV_WRITE_1;
    if (number == SERIES_SAMPLES_1) /* in both */
        *kind = GV_WRITE_SAMPLE;
    else if (number == (one ? SERIES_HISTOGRAMS_1 : SERIES_HISTOGRAMS_2))
        *kind = GV_WRITE_HISTOGRAM;
    else if (number == (one ? SERIES_EXEMPLARS_1 : SERIES_EXEMPLARS_2))
        *kind = GV_WRITE_EXEMPLAR;
    else
        return false;
    return true;
}

bool gv_write_next_item(struct gv_write_items *i, struct gv_write_item *item)
{
    struct pb_reader r = reader_at(&i->cursor);
    bool found = false;
    struct pb_field f;
    while (!found && pb_next(&r, &f))
        found = kind_of(f.number, i->version, &item->kind);
    if (found) {
        const char *fault = NULL;
        item->message = f.bytes;
        item->start = i->start;
        if (item->kind == GV_WRITE_SAMPLE && !read_sample(f.bytes, i->version, item, &fault))
            found = pb_fault(&r, fault);
    }
    i->cursor = cursor_of(&r);
    return found;
}

/* ---- Histograms and exemplars ---- */

bool gv_write_read_histogram(struct gv_arena *a, struct gv_slice message, struct gv_write_histogram *out,
                             struct gv_err *err)
{
    struct pb_histogram parsed;
    if (!pb_parse_histogram(a, message, &parsed, err))
        return false;
    *out = (struct gv_write_histogram){parsed.fault.code == GV_OK ? parsed.h : NULL, parsed.time, parsed.start,
                                       parsed.fault};
    return true;
}

bool gv_write_read_exemplar(struct gv_write_decoder *d, struct gv_arena *a, struct gv_slice message,
                            struct gv_write_exemplar *out, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    struct gv_buf labels = GV_BUF_INIT;
    struct write_refs refs = {.d = d, .out = &labels};
    bool fit = true;
    *out = (struct gv_write_exemplar){.labels = {NULL, 0}};
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number == EXEMPLAR_LABELS && d->version == GV_WRITE_2)
            write_refs_take(&refs, &r, &f);
        else if (f.number == EXEMPLAR_LABELS && pb_is(&r, &f, PB_BYTES))
            fit &= write_put_label(&labels, f.bytes, d->max_labels);
        else if (f.number == EXEMPLAR_VALUE && pb_is(&r, &f, PB_FIXED64))
            out->value = pb_double(f.value);
        else if (f.number == EXEMPLAR_TIME && pb_is(&r, &f, PB_VARINT))
            out->time = (int64_t)f.value;
    }
    bool ok = pb_done(&r, "Exemplar", err);
    out->fault = fit ? write_refs_end(&refs) : WRITE_LABELS_TOO_LARGE;
    if (ok)
        out->labels = gv_arena_dup(a, gv_buf_slice(&labels));
    gv_buf_fini(&labels);
    return ok;
}

/* ---- Labels ---- */

static bool read_label(struct gv_slice message, struct gv_label *label, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    *label = (struct gv_label){{NULL, 0}, {NULL, 0}};
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number == LABEL_NAME && pb_is(&r, &f, PB_BYTES))
            label->name = f.bytes;
        else if (f.number == LABEL_VALUE && pb_is(&r, &f, PB_BYTES))
            label->value = f.bytes;
    }
    return pb_done(&r, "Label", err);
}

bool gv_write_labels(struct gv_slice fields, struct gv_label *labels, size_t max, size_t *n, struct gv_err *err)
{
    struct pb_reader r = pb_read(fields);
    *n = 0;
    for (struct pb_field f; pb_next(&r, &f); ++*n) {
        struct gv_label label;
        if (!pb_is(&r, &f, PB_BYTES))
            break;
        if (!read_label(f.bytes, &label, err))
            return false;
        if (*n < max)
            labels[*n] = label;
    }
    return pb_done(&r, "TimeSeries", err);
}
