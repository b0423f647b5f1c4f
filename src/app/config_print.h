/* Structs back to YAML, by rows. */
#pragma once
#include "app/option.h"

/* Writes the rows of base, indented by `indent` spaces. Values that are empty and have no default are left out. */
void gv_config_print_rows(struct gv_buf *out, const struct gv_option *rows, size_t n, const void *base,
                          unsigned indent);
/* text as a YAML scalar that reads back as the same text. */
void gv_yaml_print_text(struct gv_buf *out, const char *text);
