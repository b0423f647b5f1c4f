/* Asking the store, as a round asks clusters: parts in, what a sink would have become out. Private to query. */
#pragma once
#include "query/local.h"
#include "query/round.h"

/* What answers a part has to work with; on a worker. */
struct local_view {
    const struct gv_settings *settings;
    struct gv_store *store;
    struct gv_store_view *view;
    struct gv_source *source;             /* of the view, restricted to the scope's cluster */
    const struct gv_matcher *restrict_to; /* that restriction; NULL: none */
    struct gv_arena *arena;               /* of the answers */
    struct gv_executor *executor;
    _Atomic bool *cancel;
    int64_t deadline_ns;
};

/* Submits the ask of a local entry to a worker; the round's task is held until the answer. */
void local_ask(struct round_ask *k, const struct gv_query_env *env, const struct gv_read_scope *scope,
               int64_t deadline_ms);

/* local_documents.c: answers /api/v1/labels and its like as a backend would; appends an envelope to body. */
GV_MUST_CHECK bool local_document(const struct gv_ask_part *part, const struct local_view *v, struct gv_buf *body,
                                  struct gv_err *err);
bool local_has_document(const char *path); /* what it does not have is not asked of it */
