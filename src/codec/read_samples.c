/* A ReadResponse ──► columns of raw samples. Floats and histograms of a series stand apart in the message, each by
 * time; two readers go over it and the earlier sample is taken. */
#include "codec/histogram_message.h"
#include "codec/read_decoder_impl.h"
#include "codec/sample_message.h"
#include "model/raw.h"

enum { RESPONSE_RESULTS = 1 };
enum { RESULT_SERIES = 1 };
enum { SERIES_SAMPLES = 2, SERIES_HISTOGRAMS = 4 };
enum { SAMPLE_VALUE = 1, SAMPLE_TIME = 2 };

/* One kind of samples of a series, in the order of the message. */
struct track {
    struct pb_reader reader;
    uint32_t field;
    bool more;
    int64_t time;
    double value;
    const struct gv_histogram *h;
};

static bool read_sample(struct gv_slice message, struct track *t, struct gv_err *err)
{
    if (pb_plain_sample(message, &t->time, &t->value))
        return true;
    struct pb_reader r = pb_read(message);
    t->time = 0;
    t->value = 0;
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number == SAMPLE_VALUE && pb_is(&r, &f, PB_FIXED64))
            t->value = pb_double(f.value);
        else if (f.number == SAMPLE_TIME && pb_is(&r, &f, PB_VARINT))
            t->time = (int64_t)f.value;
    }
    return pb_done(&r, "Sample", err);
}

static bool advance(struct track *t, struct gv_arena *a, struct gv_err *err)
{
    struct pb_field f;
    do
        t->more = pb_next(&t->reader, &f);
    while (t->more && f.number != t->field);
    if (!t->more)
        return true;
    if (t->field == SERIES_SAMPLES)
        return read_sample(f.bytes, t, err);
    t->h = pb_read_histogram(a, f.bytes, &t->time, err);
    return t->h != NULL;
}

static bool merge_tracks(struct track *floats, struct track *histograms, struct gv_arena *a, struct gv_raw_builder *to,
                         struct gv_err *err)
{
    if (!advance(floats, a, err) || !advance(histograms, a, err))
        return false;
    while (floats->more || histograms->more) {
        bool is_float = floats->more && (!histograms->more || floats->time <= histograms->time);
        struct track *t = is_float ? floats : histograms;
        gv_raw_add(to, t->time, t->value, t->h);
        if (!advance(t, a, err))
            return false;
    }
    return true;
}

static bool fill_column(struct gv_read_decoder *d, struct gv_slice message, size_t n_floats, size_t n_histograms,
                        struct gv_series *s, struct gv_err *err)
{
    struct track floats = {.reader = pb_read(message), .field = SERIES_SAMPLES};
    struct track histograms = {.reader = pb_read(message), .field = SERIES_HISTOGRAMS};
    struct gv_raw_builder b;
    s->column.kind = GV_COLUMN_RAW;
    d->samples += (int64_t)(n_floats + n_histograms);
    return gv_raw_builder_init(&b, d->arena, n_floats + n_histograms, n_histograms, err) &&
           merge_tracks(&floats, &histograms, d->arena, &b, err) && gv_raw_builder_done(&b, &s->column.raw, err);
}

static bool read_series(struct gv_read_decoder *d, struct gv_slice message, size_t query, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    size_t n_floats = 0, n_histograms = 0;
    const struct gv_labels *labels;
    read_labels_begin(d);
    for (struct pb_field f; pb_next(&r, &f);) {
        bool known = f.number == SERIES_LABELS || f.number == SERIES_SAMPLES || f.number == SERIES_HISTOGRAMS;
        if (known && !pb_is(&r, &f, PB_BYTES))
            break;
        n_floats += f.number == SERIES_SAMPLES;
        n_histograms += f.number == SERIES_HISTOGRAMS;
        if (f.number == SERIES_LABELS && !read_label(d, f.bytes, err))
            return false;
    }
    if (!pb_done(&r, "TimeSeries", err) || !read_labels_end(d, query, &labels, err))
        return false;
    if (!labels || n_floats + n_histograms == 0)
        return true;
    struct gv_series *s = read_add_series(d, query, labels, err);
    return s && fill_column(d, message, n_floats, n_histograms, s, err);
}

static bool read_result(struct gv_read_decoder *d, struct gv_slice message, size_t query, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    for (size_t i = 0; true; i++) {
        struct pb_field f;
        if (!pb_next(&r, &f))
            return pb_done(&r, "QueryResult", err);
        if (f.number == RESULT_SERIES && pb_is(&r, &f, PB_BYTES) && !read_series(d, f.bytes, query, err))
            return gv_err_prefix(err, "series %zu of query %zu: ", i, query);
    }
}

bool read_response(struct gv_read_decoder *d, struct gv_slice message, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    size_t n = 0, asked = d->options.n_queries;
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number != RESPONSE_RESULTS || !pb_is(&r, &f, PB_BYTES))
            continue;
        if (n < asked && !read_result(d, f.bytes, n, err))
            return false;
        n++;
    }
    if (!pb_done(&r, "ReadResponse", err))
        return false;
    return n == asked || gv_fail(err, GV_BAD_DATA, "%zu queries were asked and %zu answered", asked, n);
}
