/* Rows as families, each `uvarint length | MetricFamily { name, type, metric ... }`. The length stands first, so
 * families are measured beforehand, and a family of any size is written metric by metric. */
#include "codec/exposition_impl.h"
#include "codec/protobuf.h"
#include <math.h>

enum { FAMILY_NAME = 1, FAMILY_TYPE = 3, FAMILY_METRIC = 4 };
enum { TYPE_UNTYPED = 3, TYPE_HISTOGRAM = 4, TYPE_GAUGE_HISTOGRAM = 5 };
enum { METRIC_LABEL = 1, METRIC_UNTYPED = 5, METRIC_TIME = 6, METRIC_HISTOGRAM = 7 };
enum { LABEL_NAME = 1, LABEL_VALUE = 2 };
enum { UNTYPED_VALUE = 1 };
enum {
    HISTOGRAM_SUM = 2,
    HISTOGRAM_BUCKET = 3,
    HISTOGRAM_COUNT_FLOAT = 4,
    HISTOGRAM_SCHEMA = 5,
    HISTOGRAM_ZERO_THRESHOLD = 6,
    HISTOGRAM_ZERO_COUNT_FLOAT = 8,
    HISTOGRAM_NEGATIVE_SPAN = 9,
    HISTOGRAM_NEGATIVE_COUNT = 11,
    HISTOGRAM_POSITIVE_SPAN = 12,
    HISTOGRAM_POSITIVE_COUNT = 14
};
enum { BUCKET_BOUND = 2, BUCKET_COUNT_FLOAT = 4 };
enum { SPAN_OFFSET = 1, SPAN_LENGTH = 2 };

/* ---- Fields that are written even where they are zero: proto2 tells zero from nothing ---- */

static void put_number(struct gv_buf *out, uint32_t field, uint64_t v)
{
    pb_put_key(out, field, PB_VARINT);
    pb_put_varint(out, v);
}

static void put_signed(struct gv_buf *out, uint32_t field, int64_t v)
{
    put_number(out, field, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

/* ---- Labels ---- */

static void put_label(struct gv_exposition_writer *w, struct gv_slice name, struct gv_slice value)
{
    gv_buf_clear(&w->part);
    if (w->escaping == GV_ESCAPE_ALLOW_UTF8 || gv_label_name_is_legacy(name)) {
        pb_put_bytes(&w->part, LABEL_NAME, name);
    } else {
        struct gv_buf escaped = GV_BUF_INIT;
        exposition_add_underscored(&escaped, name, gv_label_name_is_legacy);
        pb_put_bytes(&w->part, LABEL_NAME, gv_buf_slice(&escaped));
        gv_buf_fini(&escaped);
    }
    pb_put_bytes(&w->part, LABEL_VALUE, value);
    pb_put_bytes(&w->metric, METRIC_LABEL, gv_buf_slice(&w->part));
}

static void put_labels(struct gv_exposition_writer *w, const struct gv_labels *l)
{
    struct gv_labels_iter it = gv_labels_iter(l);
    bool has_instance = false;
    for (struct gv_label label; gv_labels_next(&it, &label);) {
        if (gv_slice_eq(label.name, GV_LABEL_NAME))
            continue;
        put_label(w, label.name, label.value);
        has_instance |= gv_slice_is(label.name, "instance");
    }
    if (!has_instance)
        put_label(w, GV_S("instance"), GV_S(""));
}

/* ---- Histograms ---- */

static void put_side(struct gv_buf *out, const struct gv_buckets *b, uint32_t span_field, uint32_t count_field)
{
    for (uint32_t i = 0; i < b->n_spans; i++) {
        struct gv_buf span = GV_BUF_INIT;
        put_signed(&span, SPAN_OFFSET, b->spans[i].offset);
        put_number(&span, SPAN_LENGTH, b->spans[i].length);
        pb_put_bytes(out, span_field, gv_buf_slice(&span));
        gv_buf_fini(&span);
    }
    for (uint32_t i = 0; i < b->n_counts; i++)
        pb_put_double(out, count_field, b->counts[i]);
}

/* A native histogram is told from a classic one by a bucket of any kind; where it has none, by an empty span. */
static bool looks_classic(const struct gv_histogram *h)
{
    return !h->positive.n_spans && !h->negative.n_spans && !(h->zero_threshold > 0) && !(h->zero_count > 0);
}

static void put_native(struct gv_buf *out, const struct gv_histogram *h)
{
    static const struct gv_span none = {0, 0};
    struct gv_buckets positive = h->positive;
    if (looks_classic(h))
        positive = (struct gv_buckets){.spans = &none, .n_spans = 1};
    put_signed(out, HISTOGRAM_SCHEMA, h->schema);
    pb_put_double(out, HISTOGRAM_ZERO_THRESHOLD, h->zero_threshold);
    pb_put_double(out, HISTOGRAM_ZERO_COUNT_FLOAT, h->zero_count);
    put_side(out, &h->negative, HISTOGRAM_NEGATIVE_SPAN, HISTOGRAM_NEGATIVE_COUNT);
    put_side(out, &positive, HISTOGRAM_POSITIVE_SPAN, HISTOGRAM_POSITIVE_COUNT);
}

static void put_bucket(struct gv_buf *out, double bound, double count)
{
    struct gv_buf b = GV_BUF_INIT;
    pb_put_double(&b, BUCKET_BOUND, bound);
    pb_put_double(&b, BUCKET_COUNT_FLOAT, count);
    pb_put_bytes(out, HISTOGRAM_BUCKET, gv_buf_slice(&b));
    gv_buf_fini(&b);
}

/* Every bound with the count of all that is not above it; the bucket of index i ends at bound i. */
static void put_classic(struct gv_buf *out, const struct gv_histogram *h)
{
    const struct gv_buckets *b = &h->positive;
    double so_far = 0;
    uint32_t at = 0, next = 0; /* bound that is to be written */
    int64_t index = 0;
    for (uint32_t s = 0; s < b->n_spans; s++) {
        index += b->spans[s].offset;
        for (uint32_t i = 0; i < b->spans[s].length; i++, index++) {
            for (; next < index && next < h->n_bounds; next++)
                put_bucket(out, h->bounds[next], so_far);
            so_far += b->counts[at++];
        }
    }
    for (; next < h->n_bounds; next++)
        put_bucket(out, h->bounds[next], so_far);
    put_bucket(out, INFINITY, h->count);
}

static void put_histogram(struct gv_exposition_writer *w, const struct gv_histogram *h)
{
    gv_buf_clear(&w->part);
    pb_put_double(&w->part, HISTOGRAM_SUM, h->sum);
    if (gv_histogram_is_custom(h))
        put_classic(&w->part, h);
    pb_put_double(&w->part, HISTOGRAM_COUNT_FLOAT, h->count);
    if (!gv_histogram_is_custom(h))
        put_native(&w->part, h);
    pb_put_bytes(&w->metric, METRIC_HISTOGRAM, gv_buf_slice(&w->part));
}

/* ---- Metrics and families ---- */

static void make_metric(struct gv_exposition_writer *w, const struct gv_exposition_sample *s)
{
    gv_buf_clear(&w->metric);
    put_labels(w, s->labels);
    if (!s->histogram) {
        gv_buf_clear(&w->part);
        pb_put_double(&w->part, UNTYPED_VALUE, s->value);
        pb_put_bytes(&w->metric, METRIC_UNTYPED, gv_buf_slice(&w->part));
    }
    put_number(&w->metric, METRIC_TIME, (uint64_t)s->time);
    if (s->histogram)
        put_histogram(w, s->histogram);
}

static unsigned type_of(const struct exposition_row *r)
{
    const struct gv_histogram *h = r->sample->histogram;
    return !h ? TYPE_UNTYPED : h->reset_hint == GV_RESET_GAUGE ? TYPE_GAUGE_HISTOGRAM : TYPE_HISTOGRAM;
}

void exposition_protobuf_measure(struct gv_exposition_writer *w)
{
    struct exposition_row *first = NULL;
    for (size_t i = 0; i < w->n; i++) {
        struct exposition_row *r = &w->rows[i];
        if (!first || !gv_slice_eq(first->name, r->name) || type_of(first) != type_of(r))
            first = r;
        make_metric(w, r->sample);
        first->family += pb_bytes_size(w->metric.n);
    }
}

static void begin_family(struct gv_exposition_writer *w, struct gv_buf *out, const struct exposition_row *r)
{
    struct gv_buf *head = &w->part;
    gv_buf_clear(head);
    if (w->escaping == GV_ESCAPE_ALLOW_UTF8 || gv_metric_name_is_legacy(r->name)) {
        pb_put_bytes(head, FAMILY_NAME, r->name);
    } else {
        gv_buf_clear(&w->metric);
        exposition_add_underscored(&w->metric, r->name, gv_metric_name_is_legacy);
        pb_put_bytes(head, FAMILY_NAME, gv_buf_slice(&w->metric));
    }
    put_number(head, FAMILY_TYPE, type_of(r));
    pb_put_varint(out, head->n + r->family);
    gv_buf_add_slice(out, gv_buf_slice(head));
}

void exposition_protobuf_row(struct gv_exposition_writer *w, struct gv_buf *out, const struct exposition_row *r)
{
    if (r->family)
        begin_family(w, out, r);
    make_metric(w, r->sample);
    pb_put_bytes(out, FAMILY_METRIC, gv_buf_slice(&w->metric));
}
