/* Rows by their match signature: the labels named by on(), or all but those named by ignoring() and the name. */
#pragma once
#include "promql/engine.h"

struct gv_match_row {
    const struct gv_row *row;
    struct gv_match_row *next; /* in the order added */
};

struct gv_match_group {
    struct gv_match_row *rows, **last;
    size_t n_rows;
    uint64_t *present; /* steps at which any of the rows is */
    uint64_t *matched; /* the user's; zeroed */
    struct gv_match_group *next;
};

struct gv_match_groups {
    struct gv_arena *arena;
    uint32_t n_steps;
    bool on;
    struct gv_slice *names; /* sorted */
    size_t n_names;
    struct gv_map map;
    struct gv_buf key;
    struct gv_match_group *first, **last;
};

void gv_match_init(struct gv_match_groups *g, struct gv_arena *a, const struct gv_matching *m, uint32_t n_steps);
void gv_match_fini(struct gv_match_groups *g);
GV_MUST_CHECK bool gv_match_add_all(struct gv_match_groups *g, const struct gv_vector *v, struct gv_worker *w);
struct gv_match_group *gv_match_find(struct gv_match_groups *g, const struct gv_labels *l); /* NULL: none */
struct gv_match_group *gv_match_at(struct gv_match_groups *g, const struct gv_labels *l);   /* made where absent */
const struct gv_labels *gv_match_labels(struct gv_match_groups *g, struct gv_arena *a, const struct gv_labels *l);
struct gv_slice *gv_sorted_names(struct gv_arena *a, const struct gv_slice *names, size_t n);
