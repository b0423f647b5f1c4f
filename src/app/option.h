/* Rows of options: key, type, place in a struct, default as text, bounds, help. One table reads the file, fills in
 * defaults, prints the running configuration, and writes the documentation. Read-only tables; any thread.
 *
 * Single values know their text here; lists, maps and sections are walked by app/config_read.c and
 * app/config_print.c. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

/* type, what lies at the offset, what the documentation calls it */
#define GV_OPTION_TYPES(X)                                                                                             \
    X(GV_OPT_BOOL, "true or false")        /* bool */                                                                  \
    X(GV_OPT_COUNT, "number")              /* int64_t */                                                               \
    X(GV_OPT_DURATION, "duration")         /* int64_t ms; choices: words for its special values, see specials */       \
    X(GV_OPT_BYTES, "size")                /* int64_t bytes */                                                         \
    X(GV_OPT_TEXT, "text")                 /* const char * */                                                          \
    X(GV_OPT_PATH, "path")                 /* const char *, resolved against the file's folder */                      \
    X(GV_OPT_URL, "URL")                   /* const char *; a password in it is not shown */                           \
    X(GV_OPT_WORD, "word")                 /* const char *, one of choices */                                          \
    X(GV_OPT_CHOICE, "word")               /* int: index into choices */                                               \
    X(GV_OPT_TEXTS, "list of texts")       /* const char *const * and size_t */                                        \
    X(GV_OPT_URLS, "list of URLs")         /* the same */                                                              \
    X(GV_OPT_PATHS, "list of paths")       /* the same; glob patterns allowed where the help says so */                \
    X(GV_OPT_PAIRS, "map of texts")        /* struct gv_option_pair * and size_t, as written */                        \
    X(GV_OPT_HEADERS, "map of headers")    /* struct gv_option_header * and size_t */                                  \
    X(GV_OPT_SECTION, "section")           /* rows relative to the offset; bool at count (unless 0): it is there */    \
    X(GV_OPT_SECTIONS, "list of sections") /* array of structs of `size` bytes and size_t; rows relative to each */    \
    X(GV_OPT_INLINE, "section")            /* rows that stand in the same map, relative to the offset */
#define GV_OPTION_ENUM(type, text) type,
enum gv_option_type { GV_OPTION_TYPES(GV_OPTION_ENUM) };
#undef GV_OPTION_ENUM

struct gv_option {
    const char *key;
    enum gv_option_type type;
    size_t offset;
    size_t count;     /* of lists and maps: offset of the size_t; of a section: of the bool that tells it is there */
    const char *def;  /* as text; NULL: empty */
    int64_t min, max; /* both inclusive; max 0: none */
    const char *const *choices;
    const int64_t *specials; /* GV_OPT_DURATION: the value of each of choices */
    bool secret;
    const struct gv_option *rows; /* of sections */
    size_t n_rows, size;
    const char *help;
    const char *sample; /* for the sample file: what to show instead of the default */
};

struct gv_option_pair {
    const char *name, *value;
};
struct gv_option_header { /* Prometheus's http_headers: each value is shown, hidden, or read from a file */
    const char *name;
    const char *const *values, *const *secrets, *const *files;
    size_t n_values, n_secrets, n_files;
};

const char *gv_config_row_type_text(enum gv_option_type t);
bool gv_config_row_is_single(
    const struct gv_option *o); /* one scalar: gv_config_row_set and gv_config_row_print apply */

/* Sets a single value at base + offset from its text. Errors (GV_BAD_DATA) quote the text and name what is wanted,
 * without a place: "\"5x\" is no duration: write it like 30s, 5m or 1h30m". */
GV_MUST_CHECK bool gv_config_row_set(const struct gv_option *o, void *base, struct gv_arena *a, struct gv_slice text,
                                     struct gv_err *err);
/* The value as text that gv_config_row_set takes; secrets as <secret>, URLs without their password. */
void gv_config_row_print(const struct gv_option *o, const void *base, struct gv_buf *out);

/* Gives every value below the rows its default; base must be zeroed. */
void gv_rows_default(const struct gv_option *rows, size_t n, void *base, struct gv_arena *a);
/* The row of that key, also inside inline sections (then *base moves along); NULL: none. */
const struct gv_option *gv_rows_find(const struct gv_option *rows, size_t n, struct gv_slice key, void **base);

void gv_config_row_print_url(struct gv_buf *out, const char *url);
