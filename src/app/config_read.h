/* Tree to structs: one walker driven by option rows; and the checks that rows name. */
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

/* Reads a map (or nothing) by rows into base, which gv_options_init has set up. Strict: unknown keys, wrong types. */
GV_MUST_CHECK bool gv_config_read_table(struct gv_config_reader *r, const struct gv_config_path *path,
                                        const struct gv_yaml_node *node, const struct gv_option_table *t, void *base);

/* "FILE:LINE:COL: clusters[0].timeout: " and what fmt says. Returns false. */
bool gv_config_fail(struct gv_config_reader *r, const struct gv_config_path *path, struct gv_yaml_pos pos,
                    const char *fmt, ...) GV_PRINTF(4, 5);

/* An entry of a list of the file, for messages about it. */
struct gv_config_item {
    const char *list; /* "clusters" */
    size_t index;
    const struct gv_yaml_node *node;
};
/* key: "name", "tls_config.key_file", or "" for the entry as a whole. Returns false. */
bool gv_config_refuse(struct gv_config_reader *r, const struct gv_config_item *at, const char *key, const char *fmt,
                      ...) GV_PRINTF(4, 5);
struct gv_yaml_pos gv_config_place(const struct gv_yaml_node *node, const char *key);
const char *gv_config_quoted(struct gv_config_reader *r, struct gv_slice text);

/* app/config_http.c: the HTTP client of an entry. */
GV_MUST_CHECK bool gv_config_check_http(struct gv_config_reader *r, const struct gv_config_item *at,
                                        const struct gv_http_client_config *http);
GV_MUST_CHECK bool gv_config_complete_http(struct gv_config_reader *r, const struct gv_config_item *at,
                                           const struct gv_http_client_config *c, struct gv_http_settings *out);

/* app/config_forward.c: remote_write. */
GV_MUST_CHECK bool gv_config_check_forward(const struct gv_config *c, struct gv_config_reader *r);
GV_MUST_CHECK bool gv_config_complete_forward(struct gv_config *c, struct gv_config_reader *r);

/* app/config_words.c: checks of single texts, named in rows. */
bool gv_config_is_label_name(struct gv_slice text, struct gv_err *err);
bool gv_config_is_url(struct gv_slice text, struct gv_err *err);
bool gv_config_is_endpoint(struct gv_slice text, struct gv_err *err);
bool gv_config_is_header_name(struct gv_slice text, struct gv_err *err);
bool gv_config_is_free_header(struct gv_slice text, struct gv_err *err);
bool gv_config_is_header_value(struct gv_slice text, struct gv_err *err);
bool gv_config_is_tls_version(struct gv_slice text, struct gv_err *err);

/* app/config_check.c: what rows cannot say. app/config_complete.c: fills c->clusters. */
GV_MUST_CHECK bool gv_config_check(struct gv_config *c, struct gv_config_reader *r);
GV_MUST_CHECK bool gv_config_complete(struct gv_config *c, struct gv_config_reader *r);

const struct gv_yaml_node *gv_yaml_get(const struct gv_yaml_node *map, const char *key); /* NULL: not there */
static inline struct gv_cluster_entry *gv_config_entries(const struct gv_config *c)
{
    return c->entries.items;
}
