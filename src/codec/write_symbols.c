/* The symbols of remote write 2.0 and what refers to them: label references become label fields as they stand in 1.0,
 * so that all that follows knows one form of labels, and one series has one form in both versions. */
#include "codec/write_decoder_impl.h"

enum { REQUEST_SYMBOLS = 4 };
enum { LABEL_NAME = 1, LABEL_VALUE = 2 };
enum { METADATA_TYPE = 1, METADATA_HELP = 3, METADATA_UNIT = 4 };

const char *const write_types[8] = {"unknown",        "counter", "gauge", "histogram",
                                    "gaugehistogram", "summary", "info",  "stateset"};

static size_t count_symbols(struct pb_reader *r)
{
    size_t n = 0;
    for (struct pb_field f; pb_next(r, &f);)
        n += f.number == REQUEST_SYMBOLS && pb_is(r, &f, PB_BYTES);
    return n;
}

bool write_symbols_read(struct gv_write_decoder *d, struct gv_slice message, struct gv_arena *a, struct gv_err *err)
{
    struct pb_reader r = pb_read(message), again = r;
    size_t n = count_symbols(&r);
    if (!pb_done(&r, "Request", err))
        return false;
    struct gv_slice *symbols = gv_arena_try(a, n * sizeof *symbols, err);
    if (!symbols)
        return false;
    for (struct pb_field f; d->n_symbols < n && pb_next(&again, &f);)
        if (f.number == REQUEST_SYMBOLS)
            symbols[d->n_symbols++] = f.bytes;
    d->symbols = symbols;
    return !n || !symbols[0].n || gv_fail(err, GV_BAD_DATA, "Request: the first symbol is not the empty text");
}

/* ---- Labels ---- */

static size_t text_size(struct gv_slice s)
{
    return s.n ? pb_bytes_size(s.n) : 0;
}

static void put_label(struct gv_buf *out, struct gv_slice name, struct gv_slice value)
{
    size_t inner = text_size(name) + text_size(value);
    pb_put_key(out, SERIES_LABELS_1, PB_BYTES);
    pb_put_varint(out, inner);
    pb_put_text(out, LABEL_NAME, name);
    pb_put_text(out, LABEL_VALUE, value);
}

static void take_ref(struct write_refs *x, uint64_t ref)
{
    if (x->fault)
        return;
    if (ref >= x->d->n_symbols) {
        x->fault = "a label refers to a symbol that is not there";
        return;
    }
    struct gv_slice text = x->d->symbols[ref];
    x->has_name = !x->has_name;
    if (x->has_name)
        x->name = text;
    else if (x->out->n + x->name.n + text.n > x->d->max_labels)
        x->fault = WRITE_LABELS_TOO_LARGE;
    else
        put_label(x->out, x->name, text);
}

void write_refs_take(struct write_refs *x, struct pb_reader *r, const struct pb_field *f)
{
    if (f->wire != PB_BYTES) {
        if (pb_is(r, f, PB_VARINT))
            take_ref(x, (uint32_t)f->value);
        return;
    }
    struct pb_reader packed = pb_read(f->bytes);
    for (uint64_t ref; packed.at < packed.end && pb_varint(&packed, &ref);)
        take_ref(x, (uint32_t)ref);
    if (packed.fault)
        pb_fault(r, packed.fault);
}

const char *write_refs_end(const struct write_refs *x)
{
    return !x->fault && x->has_name ? "a label without a value: an odd number of references" : x->fault;
}

/* ---- Metadata of a series ---- */

static bool take_symbol(const struct gv_write_decoder *d, uint64_t ref, struct gv_slice *text)
{
    if (ref < d->n_symbols)
        *text = d->symbols[ref];
    return ref < d->n_symbols || !ref;
}

bool write_metadata_2(const struct gv_write_decoder *d, struct gv_slice message, struct gv_write_series *s,
                      struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    uint64_t type = 0, help = 0, unit = 0;
    for (struct pb_field f; pb_next(&r, &f);) {
        uint64_t *to = f.number == METADATA_TYPE   ? &type
                       : f.number == METADATA_HELP ? &help
                       : f.number == METADATA_UNIT ? &unit
                                                   : NULL;
        if (to && pb_is(&r, &f, PB_VARINT))
            *to = f.value;
    }
    struct gv_write_metadata *m = &s->metadata;
    *m = (struct gv_write_metadata){.type = gv_slice_of(write_types[type < GV_COUNT(write_types) ? type : 0])};
    bool good = take_symbol(d, help, &m->help) && take_symbol(d, unit, &m->unit);
    s->fault = good ? NULL : "its metadata refers to a symbol that is not there"; /* that of labels comes later */
    s->has_metadata = type || help || unit;
    return pb_done(&r, "Metadata", err);
}
