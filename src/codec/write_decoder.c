/* A request ──► its series ──► the labels and the rest of each. All writers put a series' labels first and together:
 * then they are one run of bytes, found by hopping from length to length. */
#include "codec/sample_message.h"
#include "codec/write_decoder_impl.h"
#include <strings.h>

enum { REQUEST_SERIES_1 = 1, REQUEST_METADATA_1 = 3, REQUEST_SERIES_2 = 5 };
enum { METADATA_TYPE = 1, METADATA_FAMILY = 2, METADATA_HELP = 4, METADATA_UNIT = 5 };
enum { SHORT = 0x80 }; /* lengths below it are one byte */
static const char too_large[] = WRITE_LABELS_TOO_LARGE;

bool gv_write_decoder_init(struct gv_write_decoder *d, enum gv_write_version version, struct gv_slice message,
                           struct gv_arena *a, size_t max_labels, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    *d = (struct gv_write_decoder){
        .version = version, .series = cursor_of(&r), .metadata = cursor_of(&r), .max_labels = max_labels};
    return version == GV_WRITE_1 || write_symbols_read(d, message, a, err);
}

void gv_write_decoder_fini(struct gv_write_decoder *d)
{
    gv_buf_fini(&d->labels);
}

/* ---- A series of 1.0 ---- */

/* The end of the label fields that p begins with. */
static const unsigned char *skip_labels(const unsigned char *p, const unsigned char *end)
{
    enum { KEY = SERIES_LABELS_1 << 3 | PB_BYTES };
    while (end - p >= 2 && p[0] == KEY && p[1] < SHORT && p[1] <= end - p - 2)
        p += 2 + p[1];
    struct pb_reader r = {.at = p, .end = end, .start = p};
    for (struct pb_field f; r.at < end && *r.at == KEY && pb_next(&r, &f);)
        p = r.at;
    return p;
}

static bool is_one_sample(struct gv_write_series *s)
{
    enum { KEY = SERIES_SAMPLES_1 << 3 | PB_BYTES };
    const unsigned char *p = (const unsigned char *)s->items.p;
    return s->items.n >= 2 && p[0] == KEY && p[1] < SHORT && p[1] == s->items.n - 2 &&
           pb_plain_sample((struct gv_slice){s->items.p + 2, p[1]}, &s->time, &s->value);
}

/* Labels that do not stand together are put together, as long as they are not too large. */
static bool gather_labels(struct gv_write_decoder *d, struct gv_slice message, struct gv_write_series *s,
                          struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    gv_buf_clear(&d->labels);
    for (struct pb_field f; pb_next(&r, &f);)
        if (f.number == SERIES_LABELS_1 && !write_put_label(&d->labels, f.bytes, d->max_labels))
            s->fault = too_large;
    s->labels = gv_buf_slice(&d->labels);
    s->items = message;
    return pb_done(&r, "TimeSeries", err);
}

static bool count_items_1(struct gv_write_decoder *d, struct gv_write_series *s, struct gv_err *err)
{
    struct pb_reader r = pb_read(s->items);
    bool scattered = false;
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number > SERIES_HISTOGRAMS_1)
            continue;
        pb_is(&r, &f, PB_BYTES);
        scattered |= f.number == SERIES_LABELS_1;
        s->n_samples += f.number == SERIES_SAMPLES_1;
        s->n_exemplars += f.number == SERIES_EXEMPLARS_1;
        s->n_histograms += f.number == SERIES_HISTOGRAMS_1;
    }
    return pb_done(&r, "TimeSeries", err) && (!scattered || gather_labels(d, s->message, s, err));
}

static bool read_series_1(struct gv_write_decoder *d, struct gv_write_series *s, struct gv_err *err)
{
    const unsigned char *p = (const unsigned char *)s->message.p, *end = p + s->message.n, *at = skip_labels(p, end);
    s->labels = (struct gv_slice){s->message.p, (size_t)(at - p)};
    s->items = (struct gv_slice){s->message.p + (at - p), (size_t)(end - at)};
    if (s->labels.n > d->max_labels)
        s->fault = too_large;
    if (!is_one_sample(s))
        return count_items_1(d, s, err);
    s->is_plain = true;
    s->n_samples = 1;
    return true;
}

/* ---- A series of 2.0 ---- */

static bool read_series_2(struct gv_write_decoder *d, struct gv_write_series *s, struct gv_err *err)
{
    struct pb_reader r = pb_read(s->message);
    struct write_refs refs = {.d = d, .out = &d->labels};
    gv_buf_clear(&d->labels);
    s->items = s->message;
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number == REFS_2)
            write_refs_take(&refs, &r, &f);
        else if (f.number == CREATED_2 && pb_is(&r, &f, PB_VARINT))
            s->start = (int64_t)f.value;
        else if (f.number >= SERIES_SAMPLES_2 && f.number <= METADATA_2)
            pb_is(&r, &f, PB_BYTES);
        s->n_samples += f.number == SERIES_SAMPLES_2;
        s->n_histograms += f.number == SERIES_HISTOGRAMS_2;
        s->n_exemplars += f.number == SERIES_EXEMPLARS_2;
        if (f.number == METADATA_2 && !r.fault && !write_metadata_2(d, f.bytes, s, err))
            return false;
    }
    const char *fault = write_refs_end(&refs);
    s->fault = fault ? fault : s->fault;
    s->labels = gv_buf_slice(&d->labels);
    return pb_done(&r, "TimeSeries", err);
}

bool gv_write_again(struct gv_write_decoder *d, struct gv_slice message, struct gv_write_series *s, struct gv_err *err)
{
    *s = (struct gv_write_series){.message = message, .version = d->version};
    return d->version == GV_WRITE_1 ? read_series_1(d, s, err) : read_series_2(d, s, err);
}

/* ---- The request ---- */

static const char *name_of(const struct gv_write_decoder *d)
{
    return d->version == GV_WRITE_1 ? "WriteRequest" : "Request";
}

static bool end(const struct gv_write_decoder *d, const struct pb_reader *r, struct gv_err *err)
{
    if (!pb_done(r, name_of(d), err))
        gv_err_prefix(err, "remote write: ");
    return false;
}

/* The texts of a series of 2.0, before anything is done with them. */
static bool count_spelled(struct gv_write_decoder *d, const struct gv_write_series *s, struct gv_err *err)
{
    d->spelled += s->labels.n + s->metadata.help.n + s->metadata.unit.n;
    return !d->max_spelled || d->spelled <= d->max_spelled ||
           gv_fail(err, GV_TOO_LARGE,
                   "remote write: Request: labels and metadata of all series are larger than %zu bytes, spelled out",
                   d->max_spelled);
}

/* The next field of 1.0 where it is a series, as nearly all are. */
static bool take_series_1(struct gv_write_decoder *d, struct gv_slice *message)
{
    enum { KEY = REQUEST_SERIES_1 << 3 | PB_BYTES };
    const unsigned char *p = d->series.at, *end = d->series.end;
    if (end - p < 3 || p[0] != KEY || p[2] >= SHORT)
        return false;
    size_t n = p[1], head = 2;
    if (n >= SHORT) { /* of 128 bytes and more */
        n = (n & (SHORT - 1)) | (size_t)p[2] << 7;
        head = 3;
    }
    if (n > (size_t)(end - p) - head)
        return false;
    *message = (struct gv_slice){(const char *)p + head, n};
    d->series.at = p + head + n;
    return true;
}

bool gv_write_next(struct gv_write_decoder *d, struct gv_write_series *s, struct gv_err *err)
{
    struct gv_slice message;
    if (d->version == GV_WRITE_1 && take_series_1(d, &message))
        return gv_write_again(d, message, s, err);
    struct pb_reader r = reader_at(&d->series);
    uint32_t number = d->version == GV_WRITE_1 ? REQUEST_SERIES_1 : REQUEST_SERIES_2;
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number == number && pb_is(&r, &f, PB_BYTES)) {
            d->series = cursor_of(&r);
            return gv_write_again(d, f.bytes, s, err) && count_spelled(d, s, err);
        }
        d->has_metadata |= f.number == REQUEST_METADATA_1 && d->version == GV_WRITE_1;
    }
    d->series = cursor_of(&r);
    return end(d, &r, err);
}

static bool read_metadata(struct gv_slice message, struct gv_write_metadata *m, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    uint64_t type = 0;
    *m = (struct gv_write_metadata){.metric = {NULL, 0}};
    for (struct pb_field f; pb_next(&r, &f);) {
        struct gv_slice *to = f.number == METADATA_FAMILY ? &m->metric
                              : f.number == METADATA_HELP ? &m->help
                              : f.number == METADATA_UNIT ? &m->unit
                                                          : NULL;
        if (to && pb_is(&r, &f, PB_BYTES))
            *to = f.bytes;
        else if (f.number == METADATA_TYPE && pb_is(&r, &f, PB_VARINT))
            type = f.value;
    }
    m->type = gv_slice_of(write_types[type < GV_COUNT(write_types) ? type : 0]);
    return pb_done(&r, "MetricMetadata", err);
}

bool gv_write_next_metadata(struct gv_write_decoder *d, struct gv_write_metadata *m, struct gv_err *err)
{
    struct pb_reader r = reader_at(&d->metadata);
    for (struct pb_field f; d->version == GV_WRITE_1 && pb_next(&r, &f);) {
        if (f.number == REQUEST_METADATA_1 && pb_is(&r, &f, PB_BYTES)) {
            d->metadata = cursor_of(&r);
            return read_metadata(f.bytes, m, err);
        }
    }
    d->metadata = cursor_of(&r);
    return end(d, &r, err);
}

/* ---- Content-Type ---- */

static struct gv_slice trim(struct gv_slice s)
{
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    while (s.n && (*s.p == ' ' || *s.p == '\t'))
        s = (struct gv_slice){s.p + 1, s.n - 1};
    return s;
}

/* Up to the next semicolon; *rest is what follows it. */
static struct gv_slice take_part(struct gv_slice *rest)
{
    const char *semicolon = rest->n ? memchr(rest->p, ';', rest->n) : NULL;
    size_t n = semicolon ? (size_t)(semicolon - rest->p) : rest->n;
    struct gv_slice part = trim((struct gv_slice){rest->p, n});
    n += semicolon != NULL;
    *rest = (struct gv_slice){rest->p + n, rest->n - n};
    return part;
}

static bool is_word(struct gv_slice s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static bool refuse_type(struct gv_slice content_type, struct gv_err *err)
{
    struct gv_buf text = GV_BUF_INIT;
    gv_buf_add_quoted(&text, content_type);
    gv_fail(err, GV_UNSUPPORTED_MEDIA,
            "no remote write: Content-Type %s; " GV_WRITE_CONTENT_TYPE
            " is taken, with proto=prometheus.WriteRequest or proto=io.prometheus.write.v2.Request",
            gv_buf_cstr(&text));
    gv_buf_fini(&text);
    return false;
}

bool gv_write_version_of(struct gv_slice content_type, enum gv_write_version *version, struct gv_err *err)
{
    struct gv_slice rest = content_type, media = take_part(&rest), proto = GV_S("proto=");
    *version = GV_WRITE_1;
    if (media.n && !is_word(media, GV_WRITE_CONTENT_TYPE))
        return refuse_type(content_type, err);
    while (rest.n) {
        struct gv_slice part = take_part(&rest);
        if (part.n < proto.n || strncasecmp(part.p, proto.p, proto.n) != 0)
            continue;
        struct gv_slice message = {part.p + proto.n, part.n - proto.n};
        if (gv_slice_is(message, "io.prometheus.write.v2.Request"))
            *version = GV_WRITE_2;
        else if (!gv_slice_is(message, "prometheus.WriteRequest"))
            return refuse_type(content_type, err);
    }
    return true;
}
