/* A document: one reply of the API made of every cluster's (labels, series, rules, targets...). */
#pragma once
#include "api/request.h"

struct document {
    const char *path; /* at the backends */
    bool post;        /* sent as a POST form */
    struct gv_fanout_shape data;
    /* Checks the parameters and builds the form sent on; r->state may keep what merge needs. NULL: nothing to check,
     * no parameters. */
    bool (*prepare)(struct request *r, struct gv_buf *form, struct gv_err *err);
    /* Per cluster: leave it out (false), or another path and form. NULL: all alike. */
    bool (*shape)(struct request *r, const struct gv_cluster *c, struct gv_arena *a, const char **path,
                  struct gv_slice *form);
    /* Appends the JSON of "data" to out. Pure: may run on a worker; may add to r->state's arena only. */
    bool (*merge)(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err);
    bool each_replica; /* where replicas are merged it is made of all of them, as one without gaps would have said it */
};
void document_serve(struct request *r);

/* Hands a parameter on as it came, where it came. */
void form_pass(struct gv_buf *form, const struct gv_url_params *p, const char *name);

/* --- match[]: selectors that are shaped for each cluster --- */
struct selectors {
    struct gv_selector **at;
    size_t n;
};
/* Reads every parameter of that name. What is no selector fails with the parser's words. */
bool selectors_read(struct selectors *s, struct request *r, const char *name, struct gv_err *err);
/* The same by another parser of one. */
typedef struct gv_selector *parse_selector_fn(struct gv_arena *a, struct gv_slice text, struct gv_err *err);
bool selectors_read_by(parse_selector_fn *parse, struct selectors *s, struct request *r, const char *name,
                       struct gv_err *err);
/* The shape of a read whose form is what was passed on and the selectors that can match at c; false: nothing can. */
bool selectors_shape(const struct selectors *s, const char *name, struct gv_slice passed, const struct gv_cluster *c,
                     struct gv_arena *a, struct gv_slice *form);

/* --- JSON of merged replies --- */
void json_write(struct gv_buf *out, const json_t *value);
/* A label object with the cluster's names and injected labels, as JSON. */
void json_write_labels(struct gv_buf *out, const struct gv_cluster *c, struct gv_arena *a, const json_t *labels);
const struct gv_labels *json_labels(const struct gv_cluster *c, struct gv_arena *a, const json_t *labels);
struct gv_slice json_slice(const json_t *string); /* {NULL, 0} where it is none */
/* Writes an object again with one member written by the caller: all other members as they are, a `,` left open. */
void json_write_members(struct gv_buf *out, const json_t *object, const char *but);

/* A set of texts, kept for a sorted JSON array. */
struct text_set {
    struct gv_map map;
    struct gv_slice *at;
    size_t n, cap;
};
void text_set_init(struct text_set *s, struct gv_arena *a);
void text_set_add(struct text_set *s, struct gv_slice text); /* borrowed */
/* Writes them sorted; at most limit (0: all), and says in *cut whether some were left out. */
void text_set_write(struct text_set *s, uint64_t limit, struct gv_buf *out, bool *cut);
