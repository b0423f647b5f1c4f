/* A YAML document as a light tree with positions. Strict where libyaml is lenient: one document, valid UTF-8, no key
 * twice, no merge keys, no foreign tags, bounded depth and size (aliases counted as often as they are used).
 * Any thread; the tree lives in the arena it was parsed into and is not changed afterwards. */
#pragma once
#include "base/arena.h"

enum {
    GV_YAML_MAX_BYTES = 16 << 20,
    GV_YAML_MAX_DEPTH = 32,
    GV_YAML_MAX_NODES = 500000 /* with aliases expanded */
};

enum gv_yaml_kind { GV_YAML_SCALAR, GV_YAML_LIST, GV_YAML_MAP };

struct gv_yaml_pos {
    const char *file;
    unsigned line, col; /* 1-based; columns count code points */
};

struct gv_yaml_node;
struct gv_yaml_pair {
    struct gv_slice key;
    struct gv_yaml_pos key_pos;
    const struct gv_yaml_node *value;
};

struct gv_yaml_node {
    enum gv_yaml_kind kind;
    struct gv_yaml_pos pos;
    size_t weight; /* nodes below and with this one, aliases expanded */
    bool quoted;   /* a scalar in quotes or in a block: never null */
    struct gv_slice text;
    const struct gv_yaml_node **items;
    struct gv_yaml_pair *pairs;
    size_t n; /* items or pairs */
};

/* NULL and GV_BAD_DATA "file:line:col: ..." on failure. An empty document is a null scalar. file is borrowed. */
GV_MUST_CHECK const struct gv_yaml_node *gv_yaml_parse(struct gv_arena *a, const char *file, struct gv_slice text,
                                                       struct gv_err *err);

bool gv_yaml_is_null(const struct gv_yaml_node *n);          /* nothing, `~` or `null`, unquoted */
const char *gv_yaml_kind_text(const struct gv_yaml_node *n); /* "a text", "a list", "a map", "nothing" */

/* "file:line:col: " in front of what fmt says. Returns false. */
bool gv_yaml_fail(struct gv_err *err, struct gv_yaml_pos pos, const char *fmt, ...) GV_PRINTF(3, 4);
