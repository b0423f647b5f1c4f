/* What the two formats share. */
#pragma once
#include "codec/exposition.h"

struct exposition_row {
    struct gv_slice name;
    const struct gv_exposition_sample *sample;
    size_t order;  /* among all of them: of equal ones the first */
    size_t family; /* PROTOBUF, of a family's first row: bytes of its metrics; 0: of the others */
};

struct gv_exposition_writer {
    enum gv_exposition_format format;
    enum gv_exposition_escaping escaping;
    struct exposition_row *rows;
    size_t n, next;
    struct gv_buf metric, part; /* PROTOBUF: the one at hand */
};

/* Every code point that a legacy name cannot have becomes `_`. */
void exposition_add_underscored(struct gv_buf *out, struct gv_slice name, bool is_legacy(struct gv_slice));

void exposition_text_row(const struct gv_exposition_writer *w, struct gv_buf *out, const struct exposition_row *r);

void exposition_protobuf_measure(struct gv_exposition_writer *w); /* families */
void exposition_protobuf_row(struct gv_exposition_writer *w, struct gv_buf *out, const struct exposition_row *r);
