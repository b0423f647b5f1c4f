/* Asks every cluster in scope for one document (labels, series, rules...) and makes one of them.
 * Loop thread only, but for the digest: bodies are parsed (jansson) and digested on a worker where they are large. */
#pragma once
#include "query/query.h"
#include <jansson.h>

struct gv_fanout;

/* What "data" must hold in every reply, so that a body of something else is never taken for an empty document. */
struct gv_fanout_shape {
    const char *member; /* that is looked at; NULL: "data" itself */
    json_type kind;
    json_type items; /* of a list, or the members of an object; JSON_NULL: anything */
};

struct gv_fanout_request {
    struct gv_read_scope scope;
    const char *path;     /* "/api/v1/labels" */
    struct gv_slice form; /* parameters, percent-encoded; sent as a POST form where post, else as a query string */
    bool post;
    bool each_replica; /* of merged replicas all are asked, for a union; else one of them speaks for all */
    struct gv_fanout_shape data;
    /* Per cluster: leaves it out (false), or gives it a path and form of its own, in arena a. NULL: all alike. */
    bool (*shape)(void *arg, const struct gv_cluster *c, struct gv_arena *a, const char **path, struct gv_slice *form);
    /* Makes the reply of the answers; pure, on whatever thread. Not called where the fan-out failed. */
    bool (*digest)(void *arg, struct gv_fanout *f, struct gv_err *err);
    void *arg;
};

struct gv_fanout_answer {
    const struct gv_cluster *cluster;
    unsigned replica; /* that answered */
    bool asked;       /* false: left out by shape */
    bool ok;          /* else its message is among the warnings, or the fan-out failed */
    json_t *data;     /* the envelope's "data", borrowed from the fan-out */
};

typedef void gv_fanout_done_fn(void *arg, struct gv_fanout *f);
/* Takes over the reference of settings. done runs once, on a later turn. */
struct gv_fanout *gv_fanout_start(const struct gv_query_env *env, struct gv_settings *settings,
                                  const struct gv_fanout_request *request, gv_fanout_done_fn *done, void *arg);
void gv_fanout_cancel(struct gv_fanout *f); /* done follows, with GV_CANCELED */
const struct gv_err *gv_fanout_err(const struct gv_fanout *f);
/* In configuration order; with each_replica several of one cluster. */
const struct gv_fanout_answer *gv_fanout_answers(const struct gv_fanout *f, size_t *n);
struct gv_annotations *gv_fanout_notes(struct gv_fanout *f); /* failed clusters, backends' warnings; a digest may add */
struct gv_arena *gv_fanout_arena(struct gv_fanout *f);
/* For the reply made of the answers: bytes that the read holds besides, until gv_fanout_free. */
GV_MUST_CHECK bool gv_fanout_charge(struct gv_fanout *f, size_t bytes, struct gv_err *err);
void gv_fanout_free(struct gv_fanout *f);
