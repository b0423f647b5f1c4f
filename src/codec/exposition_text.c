/* Rows as lines: a comment for each name, then `name{labels} value time`. */
#include "base/number.h"
#include "codec/exposition_impl.h"

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

static void add_label_name(const struct gv_exposition_writer *w, struct gv_buf *out, struct gv_slice name)
{
    if (gv_label_name_is_legacy(name))
        gv_buf_add_slice(out, name);
    else if (w->escaping == GV_ESCAPE_ALLOW_UTF8)
        add_quoted(out, name);
    else
        exposition_add_underscored(out, name, gv_label_name_is_legacy);
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
        exposition_add_underscored(out, name, gv_metric_name_is_legacy);
}

static void add_labels(const struct gv_exposition_writer *w, struct gv_buf *out, const struct exposition_row *r)
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

static void add_value(struct gv_buf *out, double v)
{
    char text[GV_DOUBLE_MAX];
    gv_buf_add(out, text, gv_double_format_g(text, v));
}

void exposition_text_row(const struct gv_exposition_writer *w, struct gv_buf *out, const struct exposition_row *r)
{
    if (r == w->rows || !gv_slice_eq(r[-1].name, r->name)) {
        gv_buf_adds(out, "# TYPE ");
        add_metric_name(w, out, r->name);
        gv_buf_adds(out, " untyped\n");
    }
    add_labels(w, out, r);
    gv_buf_addc(out, ' ');
    add_value(out, r->sample->value);
    gv_buf_addc(out, ' ');
    gv_buf_add_int(out, r->sample->time);
    gv_buf_addc(out, '\n');
}
