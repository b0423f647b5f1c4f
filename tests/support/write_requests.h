/* Remote-write requests as text, read by our decoder and by protobuf-c, the oracle: the same bytes, the same text. */
#pragma once
#include "codec/write_decoder.h"
#include "remote.pb-c.h"
#include "write_v2.pb-c.h"
#include <stdlib.h>

/* protobuf-c's texts end at the first NUL. */
static inline void print_text(struct gv_buf *out, struct gv_slice s)
{
    const char *nul = s.n ? memchr(s.p, 0, s.n) : NULL;
    gv_buf_add_quoted(out, (struct gv_slice){s.p, nul ? (size_t)(nul - s.p) : s.n});
}

static inline void print_sample_bits(struct gv_buf *out, int64_t time, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    gv_buf_printf(out, " %lld=%016llx", (long long)time, (unsigned long long)bits);
}

/* ---- Ours ---- */

static inline bool print_fields(struct gv_buf *out, struct gv_slice fields, struct gv_err *err)
{
    enum { MAX = 1000 };
    static struct gv_label labels[MAX];
    size_t n;
    if (!gv_write_labels(fields, labels, MAX, &n, err))
        return false;
    gv_buf_printf(out, "%zu{", n);
    for (size_t i = 0; i < n && i < MAX; i++) {
        print_text(out, labels[i].name);
        gv_buf_addc(out, '=');
        print_text(out, labels[i].value);
        gv_buf_addc(out, ',');
    }
    gv_buf_addc(out, '}');
    return true;
}

static inline bool print_item(struct gv_buf *out, struct gv_write_decoder *d, struct gv_arena *a,
                              const struct gv_write_item *item, struct gv_err *err)
{
    struct gv_write_histogram h;
    struct gv_write_exemplar e;
    switch (item->kind) {
    case GV_WRITE_SAMPLE:
        print_sample_bits(out, item->time, item->value);
        return true;
    case GV_WRITE_HISTOGRAM:
        if (!gv_write_read_histogram(a, item->message, &h, err))
            return false;
        gv_buf_printf(out, " h%lld", (long long)h.time);
        return true;
    case GV_WRITE_EXEMPLAR:
        if (!gv_write_read_exemplar(d, a, item->message, &e, err))
            return false;
        print_sample_bits(out, e.time, e.value);
        if (e.fault)
            gv_buf_adds(out, "?");
        return e.fault || print_fields(out, e.labels, err);
    }
    return false;
}

/* Items of one kind; protobuf-c has them apart. */
static inline bool print_items(struct gv_buf *out, struct gv_write_decoder *d, struct gv_arena *a,
                               const struct gv_write_series *s, enum gv_write_kind kind, struct gv_err *err)
{
    struct gv_write_items items = gv_write_items(s);
    for (struct gv_write_item item; gv_write_next_item(&items, &item);)
        if (item.kind == kind && !print_item(out, d, a, &item, err))
            return false;
    return !items.cursor.fault || gv_fail(err, GV_BAD_DATA, "%s", items.cursor.fault);
}

static inline bool print_decoded(struct gv_buf *out, struct gv_arena *a, enum gv_write_version version,
                                 struct gv_slice message, struct gv_err *err)
{
    struct gv_write_decoder d;
    struct gv_write_series s;
    struct gv_write_metadata m;
    if (!gv_write_decoder_init(&d, version, message, a, 64 << 20, err))
        return false;
    bool ok = true;
    while (ok && gv_write_next(&d, &s, err)) {
        if (s.fault)
            gv_buf_adds(out, "?");
        else
            ok = print_fields(out, s.labels, err);
        for (enum gv_write_kind kind = GV_WRITE_SAMPLE; ok && kind <= GV_WRITE_EXEMPLAR; kind++)
            ok = print_items(out, &d, a, &s, kind, err);
        gv_buf_addc(out, '\n');
    }
    while (ok && err->code == GV_OK && gv_write_next_metadata(&d, &m, err)) {
        print_text(out, m.metric);
        print_text(out, m.type);
        print_text(out, m.help);
        print_text(out, m.unit);
    }
    gv_write_decoder_fini(&d);
    return ok && err->code == GV_OK;
}

/* ---- The oracle's ---- */

static inline void print_labels_1(struct gv_buf *out, Prometheus__Label **labels, size_t n)
{
    gv_buf_printf(out, "%zu{", n);
    for (size_t i = 0; i < n; i++) {
        gv_buf_add_quoted(out, gv_slice_of(labels[i]->name));
        gv_buf_addc(out, '=');
        gv_buf_add_quoted(out, gv_slice_of(labels[i]->value));
        gv_buf_addc(out, ',');
    }
    gv_buf_addc(out, '}');
}

static inline bool print_oracle_1(struct gv_buf *out, struct gv_slice message)
{
    static const char *const types[] = {"unknown",        "counter", "gauge", "histogram",
                                        "gaugehistogram", "summary", "info",  "stateset"};
    Prometheus__WriteRequest *w = prometheus__write_request__unpack(NULL, message.n, (const uint8_t *)message.p);
    for (size_t i = 0; w && i < w->n_timeseries; i++) {
        const Prometheus__TimeSeries *s = w->timeseries[i];
        print_labels_1(out, s->labels, s->n_labels);
        for (size_t k = 0; k < s->n_samples; k++)
            print_sample_bits(out, s->samples[k]->timestamp, s->samples[k]->value);
        for (size_t k = 0; k < s->n_histograms; k++)
            gv_buf_printf(out, " h%lld", (long long)s->histograms[k]->timestamp);
        for (size_t k = 0; k < s->n_exemplars; k++) {
            print_sample_bits(out, s->exemplars[k]->timestamp, s->exemplars[k]->value);
            print_labels_1(out, s->exemplars[k]->labels, s->exemplars[k]->n_labels);
        }
        gv_buf_addc(out, '\n');
    }
    for (size_t i = 0; w && i < w->n_metadata; i++) {
        const Prometheus__MetricMetadata *m = w->metadata[i];
        gv_buf_add_quoted(out, gv_slice_of(m->metric_family_name));
        gv_buf_add_quoted(out, gv_slice_of(types[m->type >= 0 && m->type < 8 ? m->type : 0]));
        gv_buf_add_quoted(out, gv_slice_of(m->help));
        gv_buf_add_quoted(out, gv_slice_of(m->unit));
    }
    if (w)
        prometheus__write_request__free_unpacked(w, NULL);
    return w != NULL;
}

typedef Io__Prometheus__Write__V2__Request request_2;

static inline bool refs_are_good(const request_2 *w, const uint32_t *refs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (refs[i] >= w->n_symbols)
            return false;
    return n % 2 == 0;
}

static inline void print_refs(struct gv_buf *out, const request_2 *w, const uint32_t *refs, size_t n)
{
    gv_buf_printf(out, "%zu{", n / 2);
    for (size_t i = 0; i < n; i++) {
        gv_buf_add_quoted(out, gv_slice_of(w->symbols[refs[i]]));
        gv_buf_addc(out, i % 2 ? ',' : '=');
    }
    gv_buf_addc(out, '}');
}

static inline void print_series_2(struct gv_buf *out, const request_2 *w,
                                  const Io__Prometheus__Write__V2__TimeSeries *s)
{
    const Io__Prometheus__Write__V2__Metadata *m = s->metadata;
    bool metadata_is_good =
        !m || ((!m->help_ref || m->help_ref < w->n_symbols) && (!m->unit_ref || m->unit_ref < w->n_symbols));
    if (!metadata_is_good || !refs_are_good(w, s->labels_refs, s->n_labels_refs))
        gv_buf_adds(out, "?");
    else
        print_refs(out, w, s->labels_refs, s->n_labels_refs);
    for (size_t k = 0; k < s->n_samples; k++)
        print_sample_bits(out, s->samples[k]->timestamp, s->samples[k]->value);
    for (size_t k = 0; k < s->n_histograms; k++)
        gv_buf_printf(out, " h%lld", (long long)s->histograms[k]->timestamp);
    for (size_t k = 0; k < s->n_exemplars; k++) {
        const Io__Prometheus__Write__V2__Exemplar *e = s->exemplars[k];
        print_sample_bits(out, e->timestamp, e->value);
        if (refs_are_good(w, e->labels_refs, e->n_labels_refs))
            print_refs(out, w, e->labels_refs, e->n_labels_refs);
        else
            gv_buf_adds(out, "?");
    }
    gv_buf_addc(out, '\n');
}

/* False also where the first symbol is not empty, which the specification forbids. */
static inline bool print_oracle_2(struct gv_buf *out, struct gv_slice message)
{
    request_2 *w = io__prometheus__write__v2__request__unpack(NULL, message.n, (const uint8_t *)message.p);
    bool ok = w && (!w->n_symbols || !*w->symbols[0]);
    for (size_t i = 0; ok && i < w->n_timeseries; i++)
        print_series_2(out, w, w->timeseries[i]);
    if (w)
        io__prometheus__write__v2__request__free_unpacked(w, NULL);
    return ok;
}
