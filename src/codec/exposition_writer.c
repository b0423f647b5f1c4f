/* The union of expositions: samples are sorted once, equal ones dropped, and what is left written line by line. */
#include "base/number.h"
#include "base/utf8.h"
#include "codec/exposition.h"
#include <stdlib.h>

struct row {
    struct gv_slice name;
    const struct gv_exposition_sample *sample;
    size_t order; /* among all of them: of equal ones the first */
};

struct gv_exposition_writer {
    enum gv_exposition_escaping escaping;
    struct row *rows;
    size_t n, next;
};

static int compare_rows(const void *pa, const void *pb)
{
    const struct row *a = pa, *b = pb;
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

struct gv_exposition_writer *gv_exposition_writer_new(struct gv_arena *a, const struct gv_exposition *const *parts,
                                                      size_t n_parts, enum gv_exposition_escaping escaping,
                                                      struct gv_err *err)
{
    struct gv_exposition_writer *w = gv_arena_new(a, struct gv_exposition_writer);
    size_t total = 0;
    for (size_t i = 0; i < n_parts; i++)
        total += parts[i]->n;
    w->escaping = escaping;
    w->rows = gv_arena_try(a, total * sizeof *w->rows, err);
    if (!w->rows)
        return NULL;
    for (size_t i = 0; i < n_parts; i++)
        for (size_t k = 0; k < parts[i]->n; k++, w->n++) {
            const struct gv_exposition_sample *s = &parts[i]->samples[k];
            w->rows[w->n] = (struct row){gv_labels_get(s->labels, GV_LABEL_NAME), s, w->n};
        }
    qsort(w->rows, w->n, sizeof *w->rows, compare_rows);
    drop_equal_rows(w);
    return w;
}

static void add_escaped(struct gv_buf *out, struct gv_slice s)
{
    const char *from = s.p, *end = s.p + s.n;
    for (const char *p = from; p < end; p++) {
        if (*p != '\\' && *p != '"' && *p != '\n')
            continue;
        gv_buf_add(out, from, (size_t)(p - from));
        gv_buf_add(out, (char[2]){'\\', *p == '\n' ? 'n' : *p}, 2);
        from = p + 1;
    }
    gv_buf_add(out, from, (size_t)(end - from));
}

static void add_quoted(struct gv_buf *out, struct gv_slice s)
{
    gv_buf_addc(out, '"');
    add_escaped(out, s);
    gv_buf_addc(out, '"');
}

/* Every code point that a legacy name cannot have becomes `_`. */
static void add_underscored(struct gv_buf *out, struct gv_slice name, bool is_legacy(struct gv_slice))
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

static void add_label_name(const struct gv_exposition_writer *w, struct gv_buf *out, struct gv_slice name)
{
    if (gv_label_name_is_legacy(name))
        gv_buf_add_slice(out, name);
    else if (w->escaping == GV_ESCAPE_ALLOW_UTF8)
        add_quoted(out, name);
    else
        add_underscored(out, name, gv_label_name_is_legacy);
}

static bool is_name_inside(const struct gv_exposition_writer *w, struct gv_slice name)
{
    return w->escaping == GV_ESCAPE_ALLOW_UTF8 && !gv_metric_name_is_legacy(name);
}

static void add_metric_name(const struct gv_exposition_writer *w, struct gv_buf *out, struct gv_slice name)
{
    if (is_name_inside(w, name))
        add_quoted(out, name);
    else if (gv_metric_name_is_legacy(name))
        gv_buf_add_slice(out, name);
    else
        add_underscored(out, name, gv_metric_name_is_legacy);
}

static void add_labels(const struct gv_exposition_writer *w, struct gv_buf *out, const struct row *r)
{
    struct gv_labels_iter it = gv_labels_iter(r->sample->labels);
    bool inside = is_name_inside(w, r->name), has_instance = false;
    if (!inside)
        add_metric_name(w, out, r->name);
    gv_buf_addc(out, '{');
    if (inside)
        add_metric_name(w, out, r->name);
    const char *comma = inside ? "," : "";
    for (struct gv_label l; gv_labels_next(&it, &l);) {
        if (gv_slice_eq(l.name, GV_LABEL_NAME))
            continue;
        gv_buf_adds(out, comma);
        add_label_name(w, out, l.name);
        gv_buf_addc(out, '=');
        add_quoted(out, l.value);
        has_instance |= gv_slice_is(l.name, "instance");
        comma = ",";
    }
    if (!has_instance)
        gv_buf_adds(out, *comma ? ",instance=\"\"" : "instance=\"\"");
    gv_buf_addc(out, '}');
}

static void add_row(const struct gv_exposition_writer *w, struct gv_buf *out, const struct row *r)
{
    if (r == w->rows || !gv_slice_eq(r[-1].name, r->name)) {
        gv_buf_adds(out, "# TYPE ");
        add_metric_name(w, out, r->name);
        gv_buf_adds(out, " untyped\n");
    }
    add_labels(w, out, r);
    gv_buf_addc(out, ' ');
    gv_buf_add_slice(out, r->sample->value);
    if (r->sample->has_time) {
        gv_buf_addc(out, ' ');
        gv_buf_add_int(out, r->sample->time);
    }
    gv_buf_addc(out, '\n');
}

bool gv_exposition_writer_next(struct gv_exposition_writer *w, struct gv_buf *out, size_t want)
{
    for (size_t goal = out->n + (want ? want : 1); w->next < w->n && out->n < goal; w->next++)
        add_row(w, out, &w->rows[w->next]);
    return w->next < w->n;
}
