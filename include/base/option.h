/* Option rows: one table tells, of each key of a struct, its type, place, default, bounds and help. The same rows read
 * command line flags and the configuration file, print the running configuration, and generate the docs page and the
 * sample file. A filled struct belongs to one owner, and is immutable once it is part of a snapshot.
 *
 *   struct storage { struct gv_slice path; int64_t retention; };
 *   static const struct gv_option storage_rows[] = {
 *       {.key = "path", .flag = "storage.path", .type = GV_OPTION_STRING, .offset = offsetof(struct storage, path),
 *        .fallback = "data", .help = "Folder of the store."},
 *       {.key = "retention_time", .flag = "storage.retention.time", .type = GV_OPTION_DURATION,
 *        .offset = offsetof(struct storage, retention), .fallback = "15d", .min = 60000, .max = INFINITY, ...},
 *   };
 *   const struct gv_option_table storage_table = GV_OPTION_TABLE(storage_rows, struct storage); */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

enum gv_option_type {
    GV_OPTION_STRING,   /* struct gv_slice, a NUL behind it */
    GV_OPTION_SECRET,   /* the same; printed as <secret> */
    GV_OPTION_BOOL,     /* bool: true, false */
    GV_OPTION_INT,      /* int64_t */
    GV_OPTION_DOUBLE,   /* double */
    GV_OPTION_DURATION, /* int64_t, ms */
    GV_OPTION_BYTES,    /* int64_t */
    GV_OPTION_ENUM,     /* int: index into words */
    GV_OPTION_LIST,     /* struct gv_option_list: setting appends */
    GV_OPTION_MAP,      /* struct gv_option_map: setting appends or replaces */
    GV_OPTION_GROUP,    /* pointer to a struct of table; NULL where the key is absent */
    GV_OPTION_GROUPS,   /* struct gv_option_groups: a list of such structs */
    GV_OPTION_NAMED,    /* struct gv_option_groups: a map from names to such structs, each beginning with its name */
};

struct gv_option_list {
    struct gv_slice *items;
    size_t n, cap;
};
struct gv_option_pair {
    struct gv_slice key, value;
};
struct gv_option_map {
    struct gv_option_pair *items; /* in the order in which they came */
    size_t n, cap;
};
struct gv_option_groups {
    void *items; /* n structs of table->size bytes each; moves when one is added */
    size_t n, cap;
};

struct gv_option {
    const char *key;  /* in the file */
    const char *flag; /* on the command line, without --; NULL: none */
    enum gv_option_type type;
    size_t offset;
    const char *fallback; /* the default, as text; of a list: comma-separated; NULL: empty, zero, absent */
    double min, max;      /* of numbers, in the field's unit, inclusive; none where both are 0 */
    const char *unit;     /* for the docs: "samples" */
    const char *help;     /* a sentence or two */
    /* Of an enum its texts; of an int, duration or bytes: words that stand for -1, -2, ... (auto, off). NULL behind
     * the last. */
    const char *const *words;
    /* Further conditions on a text (a URL, a label name), also on each item of a list; may be NULL. */
    bool (*check)(struct gv_slice text, struct gv_err *err);
    const struct gv_option_table *table; /* of a group or groups */
    bool reloadable;                     /* a reload applies a new value without a restart */
    bool required;
    bool secret; /* of a list or map: its values are printed as <secret> */
    bool url;    /* of a string or list: a password in it is printed as <secret> */
    bool path;   /* of a string or list: a file name; whoever reads a file resolves it against that file's folder */
};

struct gv_option_table {
    const struct gv_option *rows;
    size_t n;
    size_t size; /* of the struct */
};
#define GV_OPTION_TABLE(rows, type)                                                                                    \
    {                                                                                                                  \
        (rows), GV_COUNT(rows), sizeof(type)                                                                           \
    }

/* Sets every row with a default; groups stay absent. The struct is zeroed first. */
void gv_options_init(const struct gv_option_table *t, struct gv_arena *a, void *base);
const struct gv_option *gv_options_find(const struct gv_option_table *t, struct gv_slice key);       /* or NULL */
const struct gv_option *gv_options_find_flag(const struct gv_option_table *t, struct gv_slice flag); /* or NULL */

/* Reads text into the row's field; strings are copied into a. Fails with GV_BAD_DATA, saying what is wrong with the
 * text and what would be right; whoever calls puts the file, line and key in front. Of a map: text is key=value. */
GV_MUST_CHECK bool gv_option_set(const struct gv_option *row, struct gv_arena *a, void *base, struct gv_slice text,
                                 struct gv_err *err);
GV_MUST_CHECK bool gv_option_set_pair(const struct gv_option *row, struct gv_arena *a, void *base, struct gv_slice key,
                                      struct gv_slice value, struct gv_err *err);
void gv_option_clear(const struct gv_option *row, void *base); /* empties a list, map or groups: drops its default */
void *gv_option_group(const struct gv_option *row, struct gv_arena *a, void *base);     /* made where it is absent */
void *gv_option_add_group(const struct gv_option *row, struct gv_arena *a, void *base); /* of GROUPS: one more */
/* Of NAMED: one more, or NULL where the row's check refuses the name. Whoever calls sees to it that names differ. */
GV_MUST_CHECK void *gv_option_add_named(const struct gv_option *row, struct gv_arena *a, void *base,
                                        struct gv_slice name, struct gv_err *err);

/* The value as text, as gv_option_set would read it (lists with commas); a secret as <secret>. */
void gv_option_print(struct gv_buf *out, const struct gv_option *row, const void *base);
/* A URL without its password: http://user:<secret>@host. */
void gv_option_print_url(struct gv_buf *out, struct gv_slice url);
/* The whole struct as YAML, secrets redacted; absent groups and empty lists are left out. */
void gv_options_print(struct gv_buf *out, const struct gv_option_table *t, const void *base);
/* Every key with its help and default, commented out: a line counts once its first `#` is gone. */
void gv_options_print_sample(struct gv_buf *out, const struct gv_option_table *t);
/* Markdown rows `| key | type | default | reload | help |`, groups as `group.key`, one table. */
void gv_options_print_docs(struct gv_buf *out, const struct gv_option_table *t);
void gv_option_print_type(struct gv_buf *out, const struct gv_option *row); /* "duration, or auto, off; 1s to 1h" */
const char *gv_option_type_text(enum gv_option_type type);                  /* "duration" */

/* The word of the list (NULL behind the last) that is nearest to text, or NULL where none is near. */
const char *gv_suggest(struct gv_slice text, const char *const *words);
const char *gv_options_suggest(const struct gv_option_table *t, struct gv_slice key);       /* among keys */
const char *gv_options_suggest_flag(const struct gv_option_table *t, struct gv_slice flag); /* among flags */
