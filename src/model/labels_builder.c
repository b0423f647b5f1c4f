/* A builder is an array of labels sorted by name; labels that come in order are appended without a search. */
#include "model/labels.h"

void gv_labels_builder_init(struct gv_labels_builder *b, struct gv_arena *a, const struct gv_labels *base)
{
    *b = (struct gv_labels_builder){.arena = a};
    gv_labels_builder_reset(b, base);
}

void gv_labels_builder_reset(struct gv_labels_builder *b, const struct gv_labels *base)
{
    b->n = 0;
    if (!base)
        return;
    struct gv_labels_iter it = gv_labels_iter(base);
    for (struct gv_label label; gv_labels_next(&it, &label);)
        gv_push(b->arena, b->labels, b->n, b->cap) = label;
}

/* The first place whose name is not below name. */
static size_t place_of(const struct gv_labels_builder *b, struct gv_slice name)
{
    if (!b->n || gv_slice_cmp(b->labels[b->n - 1].name, name) < 0)
        return b->n;
    size_t low = 0, high = b->n - 1;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (gv_slice_cmp(b->labels[mid].name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool holds(const struct gv_labels_builder *b, size_t i, struct gv_slice name)
{
    return i < b->n && gv_slice_eq(b->labels[i].name, name);
}

void gv_labels_set(struct gv_labels_builder *b, struct gv_slice name, struct gv_slice value)
{
    if (!value.n) {
        gv_labels_del(b, name);
        return;
    }
    size_t i = place_of(b, name);
    if (!holds(b, i, name)) {
        size_t above = b->n - i;
        gv_push(b->arena, b->labels, b->n, b->cap) = (struct gv_label){name, value};
        memmove(&b->labels[i + 1], &b->labels[i], above * sizeof *b->labels);
    }
    b->labels[i] = (struct gv_label){name, value};
}

void gv_labels_del(struct gv_labels_builder *b, struct gv_slice name)
{
    size_t i = place_of(b, name);
    if (!holds(b, i, name))
        return;
    b->n--;
    memmove(&b->labels[i], &b->labels[i + 1], (b->n - i) * sizeof *b->labels);
}

struct gv_slice gv_labels_builder_get(const struct gv_labels_builder *b, struct gv_slice name)
{
    size_t i = place_of(b, name);
    return holds(b, i, name) ? b->labels[i].value : (struct gv_slice){NULL, 0};
}

const struct gv_labels *gv_labels_build(struct gv_labels_builder *b, struct gv_arena *a)
{
    return gv_labels_make(a, b->labels, b->n);
}
