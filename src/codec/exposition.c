/* Samples are sorted once, equal ones dropped, and what is left written one by one. */
#include "codec/exposition_impl.h"
#include "base/utf8.h"
#include <stdlib.h>

const char *const gv_exposition_content_types[] = {
    [GV_EXPOSITION_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
    [GV_EXPOSITION_PROTOBUF] =
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
};

/* ---- Samples ---- */

void gv_exposition_init(struct gv_exposition *x, struct gv_arena *a)
{
    *x = (struct gv_exposition){.arena = a};
}

static bool grow(struct gv_exposition *x, struct gv_err *err)
{
    enum { FIRST = 64 };
    size_t cap = x->cap ? x->cap * 2 : FIRST;
    struct gv_exposition_sample *samples = gv_arena_try(x->arena, cap * sizeof *samples, err);
    if (!samples)
        return false;
    if (x->n)
        memcpy(samples, x->samples, x->n * sizeof *samples);
    x->samples = samples;
    x->cap = cap;
    return true;
}

bool gv_exposition_add(struct gv_exposition *x, const struct gv_exposition_sample *s, struct gv_err *err)
{
    if (x->n == x->cap && !grow(x, err))
        return false;
    x->samples[x->n++] = *s;
    return true;
}

/* ---- Rows ---- */

static int compare_rows(const void *pa, const void *pb)
{
    const struct exposition_row *a = pa, *b = pb;
    int c = gv_slice_cmp(a->name, b->name);
    if (!c)
        c = gv_labels_cmp(a->sample->labels, b->sample->labels);
    if (!c) /* the latest first */
        c = (a->sample->time < b->sample->time) - (a->sample->time > b->sample->time);
    return c ? c : (a->order > b->order) - (a->order < b->order);
}

static void drop_equal_rows(struct gv_exposition_writer *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->n; i++)
        if (!kept || !gv_labels_eq(w->rows[kept - 1].sample->labels, w->rows[i].sample->labels))
            w->rows[kept++] = w->rows[i];
    w->n = kept;
}

/* Afterwards: a series whose latest sample is a histogram must not go back to a float before it. */
static void drop_histograms(struct gv_exposition_writer *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->n; i++)
        if (!w->rows[i].sample->histogram)
            w->rows[kept++] = w->rows[i];
    w->n = kept;
}

static void free_writer(void *arg)
{
    struct gv_exposition_writer *w = arg;
    gv_buf_fini(&w->metric);
    gv_buf_fini(&w->part);
}

struct gv_exposition_writer *gv_exposition_writer_new(struct gv_arena *a, const struct gv_exposition *x,
                                                      enum gv_exposition_format format,
                                                      enum gv_exposition_escaping escaping, struct gv_err *err)
{
    struct gv_exposition_writer *w = gv_arena_new(a, struct gv_exposition_writer);
    w->format = format;
    w->escaping = escaping;
    w->rows = gv_arena_try(a, x->n * sizeof *w->rows, err);
    if (!w->rows)
        return NULL;
    for (size_t i = 0; i < x->n; i++) {
        const struct gv_exposition_sample *s = &x->samples[i];
        w->rows[i] = (struct exposition_row){.name = gv_labels_get(s->labels, GV_LABEL_NAME), .sample = s, .order = i};
    }
    w->n = x->n;
    if (w->n)
        qsort(w->rows, w->n, sizeof *w->rows, compare_rows);
    drop_equal_rows(w);
    gv_arena_defer(a, free_writer, w);
    if (format == GV_EXPOSITION_TEXT)
        drop_histograms(w);
    else
        exposition_protobuf_measure(w);
    return w;
}

bool gv_exposition_writer_next(struct gv_exposition_writer *w, struct gv_buf *out, size_t want)
{
    for (size_t goal = out->n + (want ? want : 1); w->next < w->n && out->n < goal; w->next++)
        if (w->format == GV_EXPOSITION_TEXT)
            exposition_text_row(w, out, &w->rows[w->next]);
        else
            exposition_protobuf_row(w, out, &w->rows[w->next]);
    return w->next < w->n;
}

/* ---- Names ---- */

void exposition_add_underscored(struct gv_buf *out, struct gv_slice name, bool is_legacy(struct gv_slice))
{
    for (size_t i = 0, length; i < name.n; i += length) {
        uint32_t point;
        length = gv_utf8_decode(name.p + i, name.n - i, &point);
        length = length ? length : 1;
        char so_far[2] = {'a', name.p[i]}; /* digits are fine behind the first character */
        bool fits = length == 1 && is_legacy((struct gv_slice){so_far + (i == 0), 1 + (i != 0)});
        gv_buf_addc(out, fits ? name.p[i] : '_');
    }
}
