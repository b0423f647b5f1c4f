/* The text exposition format 0.0.4 as /federate speaks it (Prometheus documentation, "Exposition formats"): answers of
 * many backends are parsed as they arrive, united, and written again. Synchronous; one owner each. */
#pragma once
#include "codec/mapping.h"
#include "base/buf.h"

struct gv_exposition_sample {
    const struct gv_labels *labels; /* final, __name__ among them */
    struct gv_slice value;          /* as text */
    int64_t time;                   /* ms */
    bool has_time;
};

/* The samples of one source, in the arena of its attempt. */
struct gv_exposition {
    struct gv_arena *arena;
    struct gv_exposition_sample *samples;
    size_t n, cap;
};

void gv_exposition_init(struct gv_exposition *x, struct gv_arena *a);
/* For samples that are evaluated here. false: the budget is spent. */
GV_MUST_CHECK bool gv_exposition_add(struct gv_exposition *x, const struct gv_labels *labels, double v, int64_t time,
                                     struct gv_err *err);

/* A backend's text: labels are mapped and injected, comments (# TYPE, # HELP) dropped. */
struct gv_exposition_parser;
struct gv_exposition_parser *gv_exposition_parser_new(struct gv_exposition *into, const struct gv_mapping *m);
/* GV_BAD_DATA with line and column, or a spent budget. The parser is then dead. */
GV_MUST_CHECK bool gv_exposition_parser_feed(struct gv_exposition_parser *p, const char *data, size_t n,
                                             struct gv_err *err);
/* The body ended. false where its last line has no end: it was cut. */
GV_MUST_CHECK bool gv_exposition_parser_finish(struct gv_exposition_parser *p, struct gv_err *err);

/* Names beyond [a-zA-Z0-9_:]: as `_`, for clients that ask for nothing else, or in quotes (escaping=allow-utf-8). */
enum gv_exposition_escaping { GV_ESCAPE_UNDERSCORES, GV_ESCAPE_ALLOW_UTF8 };

/* The union, by name and then by labels; of samples with the same labels the latest one. One `# TYPE name untyped` per
 * name; instance="" is added where it is missing, as Prometheus does. Sorts: many samples belong on a worker.
 * Borrows the expositions. NULL: the budget is spent. */
struct gv_exposition_writer;
GV_MUST_CHECK struct gv_exposition_writer *
gv_exposition_writer_new(struct gv_arena *a, const struct gv_exposition *const *parts, size_t n_parts,
                         enum gv_exposition_escaping escaping, struct gv_err *err);
/* Appends about `want` bytes; true while there is more. An empty union writes nothing. */
bool gv_exposition_writer_next(struct gv_exposition_writer *w, struct gv_buf *out, size_t want);
