#include "codec/label_reader.h"
#include <stdlib.h>

static const struct gv_mapping no_mapping;

void label_reader_init(struct label_reader *l, struct gv_arena *a, const struct gv_mapping *mapping)
{
    *l = (struct label_reader){.arena = a, .mapping = mapping ? mapping : &no_mapping};
    gv_map_init(&l->names, a);
}

void label_reader_begin(struct label_reader *l)
{
    l->n = 0;
    l->value_text.n = 0;
    l->same_names = l->has_shape;
}

static const struct mapped_name *find_name(struct label_reader *l, struct gv_slice backend)
{
    uint64_t hash = gv_hash(backend.p, backend.n);
    struct mapped_name *name = gv_map_get(&l->names, hash, backend);
    if (name)
        return name;
    name = gv_arena_new(l->arena, struct mapped_name);
    name->backend = gv_arena_dup(l->arena, backend);
    name->global = gv_mapping_to_global(l->mapping, l->arena, name->backend);
    *gv_map_at(&l->names, hash, name->backend) = name;
    return name;
}

void label_reader_name(struct label_reader *l, struct gv_slice backend)
{
    /* l->labels still holds, from n on, the names of the series before. */
    if (l->same_names && l->n < l->n_shaped && gv_slice_eq(l->labels[l->n].name->backend, backend)) {
        l->n++;
        return;
    }
    l->same_names = false;
    struct label_text label = {.name = find_name(l, backend)};
    gv_push(l->arena, l->labels, l->n, l->cap) = label;
}

void label_reader_value(struct label_reader *l, struct gv_slice value)
{
    struct label_text *label = &l->labels[l->n - 1];
    label->at = l->value_text.n;
    label->n = value.n;
    json_text_add(l->arena, &l->value_text, value);
}

static int compare_slots(const void *a, const void *b)
{
    return gv_slice_cmp(((const struct label_slot *)a)->name, ((const struct label_slot *)b)->name);
}

static void make_room(struct label_reader *l, size_t n)
{
    l->n_slots = n;
    if (n <= l->cap_slots)
        return;
    l->cap_slots = n * 2;
    l->slots = gv_arena_array(l->arena, struct label_slot, l->cap_slots);
    l->sorted = gv_arena_array(l->arena, struct gv_label, l->cap_slots);
}

static bool make_shape(struct label_reader *l)
{
    make_room(l, l->n + l->mapping->n);
    for (size_t i = 0; i < l->n; i++)
        l->slots[i] = (struct label_slot){l->labels[i].name->global, i};
    for (size_t i = 0; i < l->mapping->n; i++)
        l->slots[l->n + i] = (struct label_slot){l->mapping->inject[i].name, l->n + i};
    if (l->n_slots)
        qsort(l->slots, l->n_slots, sizeof *l->slots, compare_slots);
    for (size_t i = 1; i < l->n_slots; i++)
        if (gv_slice_eq(l->slots[i].name, l->slots[i - 1].name))
            return false;
    l->n_shaped = l->n;
    l->has_shape = true;
    return true;
}

static struct gv_slice value_of(const struct label_reader *l, size_t source)
{
    if (source >= l->n && gv_mapping_hides(l->hidden, source - l->n))
        return (struct gv_slice){NULL, 0};
    if (source >= l->n)
        return l->mapping->inject[source - l->n].value;
    return (struct gv_slice){l->value_text.p + l->labels[source].at, l->labels[source].n};
}

const struct gv_labels *label_reader_end(struct label_reader *l)
{
    if ((!l->same_names || l->n != l->n_shaped) && !make_shape(l))
        return NULL;
    for (size_t i = 0; i < l->n_slots; i++)
        l->sorted[i] = (struct gv_label){l->slots[i].name, value_of(l, l->slots[i].source)};
    return gv_labels_make(l->arena, l->sorted, l->n_slots);
}
