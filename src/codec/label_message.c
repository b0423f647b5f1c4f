#include "codec/label_message.h"

enum { LABEL_NAME = 1, LABEL_VALUE = 2 };

static bool take_text(struct pb_reader *r, const struct pb_field *f, struct gv_slice *text)
{
    if (!pb_is(r, f, PB_BYTES))
        return false;
    if (f->bytes.n > GV_LABEL_MAX_BYTES)
        return pb_fault(r, "a label of over 16 MiB");
    if (!gv_utf8_valid(f->bytes))
        return pb_fault(r, "a label is not UTF-8");
    *text = f->bytes;
    return true;
}

bool pb_read_label(struct gv_slice message, struct gv_label *label, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    *label = (struct gv_label){{NULL, 0}, {NULL, 0}};
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number == LABEL_NAME)
            take_text(&r, &f, &label->name);
        else if (f.number == LABEL_VALUE)
            take_text(&r, &f, &label->value);
    }
    if (!label->name.n)
        pb_fault(&r, "no name");
    return pb_done(&r, "Label", err);
}

static size_t label_size(const struct gv_label *l)
{
    return pb_bytes_size(l->name.n) + pb_bytes_size(l->value.n);
}

size_t pb_labels_size(const struct gv_labels *l)
{
    size_t n = 0;
    struct gv_labels_iter it = gv_labels_iter(l);
    for (struct gv_label label; gv_labels_next(&it, &label);)
        n += pb_bytes_size(label_size(&label));
    return n;
}

void pb_put_labels(struct gv_buf *out, const struct gv_labels *l)
{
    struct gv_labels_iter it = gv_labels_iter(l);
    for (struct gv_label label; gv_labels_next(&it, &label);) {
        pb_put_key(out, SERIES_LABELS, PB_BYTES);
        pb_put_varint(out, label_size(&label));
        pb_put_bytes(out, LABEL_NAME, label.name);
        pb_put_bytes(out, LABEL_VALUE, label.value);
    }
}
