/* Tree to structs: one walker driven by option rows. */
#pragma once
#include "app/config.h"

/* Where the walker stands: for messages. Frames live on the stack. */
struct gv_config_path {
    const struct gv_config_path *above;
    const char *key; /* NULL: item `index` of the list above */
    size_t index;
};

struct gv_config_reader {
    struct gv_arena *arena;
    const struct gv_config_env *env;
    struct gv_err *err;
};

/* Reads a map (or nothing) by rows into base, which is zeroed but for its defaults. Strict: unknown keys, wrong types.
 */
GV_MUST_CHECK bool gv_config_read_rows(struct gv_config_reader *r, const struct gv_config_path *path,
                                       const struct gv_yaml_node *node, const struct gv_option *rows, size_t n,
                                       void *base);
/* Reads the value of one row. */
GV_MUST_CHECK bool gv_config_read_row(struct gv_config_reader *r, const struct gv_config_path *path,
                                      const struct gv_yaml_node *node, const struct gv_option *o, void *base);

/* "FILE:LINE:COL: clusters[0].timeout: " and what fmt says. Returns false. */
bool gv_config_fail(struct gv_config_reader *r, const struct gv_config_path *path, struct gv_yaml_pos pos,
                    const char *fmt, ...) GV_PRINTF(4, 5);
