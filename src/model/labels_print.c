/* Label sets and names as text. */
#include "model/labels.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_legacy(struct gv_slice name, bool colons)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!is_letter(c) && !(colons && c == ':') && !(i && c >= '0' && c <= '9'))
            return false;
    }
    return name.n > 0;
}

bool gv_label_name_is_legacy(struct gv_slice name)
{
    return is_legacy(name, false);
}

bool gv_metric_name_is_legacy(struct gv_slice name)
{
    return is_legacy(name, true);
}

void gv_label_name_print(struct gv_buf *out, struct gv_slice name)
{
    if (gv_label_name_is_legacy(name))
        gv_buf_add_slice(out, name);
    else
        gv_buf_add_quoted(out, name);
}

static void print_label(struct gv_buf *out, const struct gv_label *label)
{
    gv_label_name_print(out, label->name);
    gv_buf_addc(out, '=');
    gv_buf_add_quoted(out, label->value);
}

/* The labels that come after what is printed already, __name__ among them or not. */
static void print_rest(struct gv_buf *out, const struct gv_labels *l, const char *separator, bool with_name)
{
    struct gv_labels_iter it = gv_labels_iter(l);
    for (struct gv_label label; gv_labels_next(&it, &label);) {
        if (!with_name && gv_slice_eq(label.name, GV_LABEL_NAME))
            continue;
        gv_buf_adds(out, separator);
        print_label(out, &label);
        separator = ", ";
    }
}

void gv_labels_print(struct gv_buf *out, const struct gv_labels *l)
{
    struct gv_slice metric = gv_labels_get(l, GV_LABEL_NAME);
    bool inside = metric.n && !gv_metric_name_is_legacy(metric);
    if (metric.n && !inside)
        gv_buf_add_slice(out, metric);
    if (metric.n && !inside && l->count == 1)
        return;
    gv_buf_addc(out, '{');
    if (inside)
        gv_buf_add_quoted(out, metric);
    print_rest(out, l, inside ? ", " : "", false);
    gv_buf_addc(out, '}');
}

void gv_labels_print_set(struct gv_buf *out, const struct gv_labels *l)
{
    gv_buf_addc(out, '{');
    print_rest(out, l, "", true);
    gv_buf_addc(out, '}');
}

void gv_labels_print_json(struct gv_buf *out, const struct gv_labels *l)
{
    struct gv_labels_iter it = gv_labels_iter(l);
    struct gv_label label;
    gv_buf_addc(out, '{');
    for (bool first = true; gv_labels_next(&it, &label); first = false) {
        if (!first)
            gv_buf_addc(out, ',');
        gv_buf_add_json(out, label.name);
        gv_buf_addc(out, ':');
        gv_buf_add_json(out, label.value);
    }
    gv_buf_addc(out, '}');
}
