/* A body into the scratch: what each series is called, hashed, and its items, one behind the other. All of the message
 * is read before anything is done with it, so that one that is cut short leaves nothing behind. */
#include "codec/snappy_block.h"
#include "ingest/receiver_impl.h"
#include <stdlib.h>

/* ---- Decompressing ---- */

bool gv_incoming_is_small(const struct gv_incoming_request *request)
{
    enum { SMALL = 16 << 10 };
    size_t n;
    return gv_snappy_length(request->body, SMALL, &n, NULL);
}

static bool refuse_size(const struct gv_err *fault, struct gv_err *err)
{
    return fault->code == GV_TOO_LARGE ? gv_fail(err, GV_BAD_DATA, "%s (ingest.max_decoded_size)", fault->msg)
                                       : gv_fail(err, GV_BAD_DATA, "%s", fault->msg);
}

static bool decompress(struct gv_incoming *in, struct gv_slice *text, struct gv_err *err)
{
    size_t max = in->request.settings->max_decoded_size, n;
    struct gv_err fault = {0};
    if (!gv_snappy_length(in->request.body, max, &n, &fault))
        return refuse_size(&fault, err);
    if (!scratch_text(in->scratch, n, err))
        return false;
    *text = (struct gv_slice){in->scratch->text, n};
    return gv_snappy_decode(in->request.body, in->scratch->text, n, err);
}

/* ---- Items ---- */

static bool take_sample(struct scratch *s, int64_t time, double value, const struct gv_histogram *h, int64_t start,
                        struct gv_err *err)
{
    if (s->n_samples == s->cap_samples && !scratch_more_samples(s, err))
        return false;
    s->samples[s->n_samples] = (struct gv_store_sample){.time = time, .value = value, .histogram = h, .start = start};
    s->owners[s->n_samples++] = (uint32_t)(s->n_series - 1);
    return true;
}

static bool take_histogram(struct gv_incoming *in, const struct gv_write_item *item, struct gv_err *err)
{
    struct gv_write_histogram h;
    if (!gv_write_read_histogram(&in->scratch->arena, item->message, &h, err))
        return false;
    if (h.h)
        return take_sample(in->scratch, h.time, 0, h.h, h.start ? h.start : item->start, err);
    incoming_refuse(in, REFUSED_HISTOGRAM, 1, in->scratch->n_series - 1, h.fault.msg, "histogram", h.time);
    return true;
}

static size_t characters(struct gv_slice utf8)
{
    size_t n = 0;
    for (size_t i = 0; i < utf8.n; i++)
        n += ((unsigned char)utf8.p[i] & 0xc0) != 0x80;
    return n;
}

/* Of an exemplar; Prometheus takes at most 128 characters in all (OpenMetrics, "Exemplars"). */
static const struct gv_labels *exemplar_labels(struct gv_arena *a, struct gv_slice fields, const char **fault,
                                               struct gv_err *err)
{
    enum { MOST = 64, LONGEST = 128 };
    struct gv_label labels[MOST];
    size_t n, length = 0;
    if (!gv_write_labels(fields, labels, MOST, &n, err))
        return NULL;
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, a, NULL);
    for (size_t i = 0; i < n && i < MOST; i++) {
        length += characters(labels[i].name) + characters(labels[i].value);
        if (!labels[i].name.n || !gv_utf8_valid(labels[i].name) || !gv_utf8_valid(labels[i].value))
            *fault = "its labels are not UTF-8, or have no name";
        gv_labels_set(&b, labels[i].name, labels[i].value);
    }
    if (n > MOST || length > LONGEST)
        *fault = "its labels have more than 128 characters";
    return gv_labels_build(&b, a);
}

static bool take_exemplar(struct gv_incoming *in, const struct gv_write_item *item, struct gv_err *err)
{
    struct scratch *s = in->scratch;
    struct gv_write_exemplar e;
    if (!gv_arena_has_room(&s->arena, item->message.n * 4, err) ||
        !gv_write_read_exemplar(&in->decoder, &s->arena, item->message, &e, err))
        return false;
    const struct gv_labels *labels = e.fault ? NULL : exemplar_labels(&s->arena, e.labels, &e.fault, err);
    if (!labels && !e.fault)
        return false;
    if (e.fault) {
        incoming_refuse(in, REFUSED_EXEMPLAR, 1, s->n_series - 1, e.fault, "exemplar", e.time);
        return true;
    }
    if (s->n_exemplars == s->cap_exemplars && !scratch_more_exemplars(s, err))
        return false;
    s->exemplars[s->n_exemplars] = (struct gv_store_exemplar){.time = e.time, .value = e.value, .labels = labels};
    s->exemplar_owners[s->n_exemplars++] = (uint32_t)(s->n_series - 1);
    return true;
}

/* ---- Series ---- */

static int by_time(const void *a, const void *b)
{
    int64_t x = ((const struct gv_store_sample *)a)->time, y = ((const struct gv_store_sample *)b)->time;
    return (x > y) - (x < y);
}

/* The store takes samples of a series by time. */
static void sort_samples(struct gv_store_sample *samples, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (samples[i - 1].time > samples[i].time) {
            qsort(samples, n, sizeof *samples, by_time);
            return;
        }
    }
}

static bool take_items(struct gv_incoming *in, const struct gv_write_series *series, struct gv_err *err)
{
    struct scratch *s = in->scratch;
    struct gv_write_items items = gv_write_items(series);
    size_t first = s->n_samples;
    for (struct gv_write_item item; gv_write_next_item(&items, &item);) {
        bool ok = item.kind == GV_WRITE_SAMPLE      ? take_sample(s, item.time, item.value, NULL, item.start, err)
                  : item.kind == GV_WRITE_HISTOGRAM ? take_histogram(in, &item, err)
                                                    : take_exemplar(in, &item, err);
        if (!ok)
            return false;
    }
    if (s->n_samples > first)
        sort_samples(s->samples + first, s->n_samples - first);
    return !items.cursor.fault || gv_fail(err, GV_BAD_DATA, "remote write: TimeSeries: %s", items.cursor.fault);
}

/* Some bits that differ where the metadata do; never 0. */
static uint16_t metadata_bits(const struct gv_incoming *in, const struct gv_write_metadata *m)
{
    uint64_t h = gv_hash_keyed(&in->key, m->help.p, m->help.n).low * 31;
    h = (h + gv_hash_keyed(&in->key, m->unit.p, m->unit.n).low) * 31;
    h += gv_hash_keyed(&in->key, m->type.p, m->type.n).low;
    return (uint16_t)(1 + h % ((1u << METADATA_BITS) - 1));
}

static bool take_series(struct gv_incoming *in, const struct gv_write_series *series, struct gv_err *err)
{
    struct scratch *s = in->scratch;
    if (s->n_series == s->cap_series && !scratch_more_series(s, err))
        return false;
    size_t i = s->n_series++;
    s->messages[i] = series->message;
    s->keys[i] =
        series->fault ? (struct gv_hash128){0, 0} : gv_hash_keyed(&in->key, series->labels.p, series->labels.n);
    s->metadata[i] = series->has_metadata ? metadata_bits(in, &series->metadata) : 0;
    if (in->request.version == GV_WRITE_2 && !series->n_samples && !series->n_histograms) {
        incoming_refuse(in, REFUSED_NOTHING, 1, i, "neither a sample nor a histogram", NULL, 0);
        return true;
    }
    return series->is_plain ? take_sample(s, series->time, series->value, NULL, series->start, err)
                            : take_items(in, series, err);
}

static bool add_metadata(struct scratch *s, struct gv_slice cluster, const struct gv_write_metadata *m,
                         struct gv_err *err)
{
    if (!m->metric.n || !gv_utf8_valid(m->metric) || !gv_utf8_valid(m->help) || !gv_utf8_valid(m->unit))
        return true;
    if (s->n_metadata == s->cap_metadata && !scratch_more_metadata(s, err))
        return false;
    s->entries[s->n_metadata++] = (struct gv_store_metadata){cluster, m->metric, m->type, m->help, m->unit};
    return true;
}

/* Of 1.0, which has them apart from the series and says no cluster: that of the path, or the default one. */
static bool take_metadata(struct gv_incoming *in, struct gv_err *err)
{
    const struct gv_incoming_request *q = &in->request;
    struct gv_slice cluster = q->cluster.n ? q->cluster : q->settings->default_cluster;
    char why[LONGEST_REASON];
    bool pushed = identity_is_pushed(q->settings, cluster, why, sizeof why);
    if (!pushed)
        refusals_add(&in->refusals, REFUSED_CLUSTER, 1, true, "metadata: %s", why);
    for (struct gv_write_metadata m; gv_write_next_metadata(&in->decoder, &m, err);)
        if (pushed && !add_metadata(in->scratch, cluster, &m, err))
            return false;
    return err->code == GV_OK;
}

static bool take_all_series(struct gv_incoming *in, struct gv_err *err)
{
    struct gv_err fault = {0};
    in->decoder.max_spelled = in->request.settings->max_decoded_size;
    for (struct gv_write_series series; gv_write_next(&in->decoder, &series, &fault);)
        if (!take_series(in, &series, err))
            return false;
    return fault.code == GV_OK || refuse_size(&fault, err);
}

bool incoming_parse(struct gv_incoming *in, struct gv_err *err)
{
    struct gv_slice text;
    return decompress(in, &text, err) &&
           gv_write_decoder_init(&in->decoder, in->request.version, text, &in->scratch->arena,
                                 in->request.settings->max_labels_size, err) &&
           take_all_series(in, err) && (!in->decoder.has_metadata || take_metadata(in, err));
}
