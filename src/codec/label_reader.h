/* Label sets of many series in a row, from names and values as a backend writes them: names are mapped, the injected
 * labels join, and the whole is sorted and made one blob. Series after series has the same names in the same order, so
 * the result of sorting them is kept as a shape: as long as the names agree with it, only the values are put in. */
#pragma once
#include "base/map.h"
#include "codec/json_reader.h"
#include "codec/mapping.h"

/* A name as the backend has it and as it is here. */
struct mapped_name {
    struct gv_slice backend, global;
};

struct label_text { /* a label that was read; value: where it lies in value_text */
    const struct mapped_name *name;
    size_t at, n;
};

struct label_slot {
    struct gv_slice name;
    size_t source; /* which of the labels read gives the value, or, beyond them, which of the injected ones */
};

struct label_reader {
    struct gv_arena *arena;
    const struct gv_mapping *mapping;
    uint64_t hidden;     /* injected labels that are left out (gv_mapping_hides); set by the owner */
    struct gv_map names; /* all so far, by the backend's name */
    struct label_text *labels;
    size_t n, cap;
    struct json_text value_text;
    bool same_names; /* so far the names are those that the shape was made for */
    bool has_shape;
    size_t n_shaped;          /* names of the shape */
    struct label_slot *slots; /* the shape: all labels by name */
    struct gv_label *sorted;  /* the same with the values of one series */
    size_t n_slots, cap_slots;
};

void label_reader_init(struct label_reader *l, struct gv_arena *a, const struct gv_mapping *mapping); /* may be NULL */
void label_reader_begin(struct label_reader *l);
void label_reader_name(struct label_reader *l, struct gv_slice backend);
void label_reader_value(struct label_reader *l, struct gv_slice value); /* of the name before; copied */
const struct gv_labels *label_reader_end(struct label_reader *l);       /* NULL: a name came twice */
