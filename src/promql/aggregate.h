/* What the aggregations share: groups by label, parameters, and the files that implement them. */
#pragma once
#include "promql/engine.h"

/* The rows of one output group. Kinds of aggregation put this first in a struct of their own. */
struct gv_group {
    const struct gv_labels *labels;
    bool drop_name;
    struct gv_group *next;
};

/* Groups of one aggregation, in the order in which they were first met. */
struct gv_grouping {
    struct gv_arena *arena;
    bool keep;              /* by: the names kept; without: the names left out */
    struct gv_slice *names; /* sorted */
    size_t n_names;
    struct gv_map map;
    struct gv_buf key;
    struct gv_group *first, **last;
};

/* extra: one more name to group by (count_values), or empty. Memory, the groups' labels too, comes from a. */
void gv_grouping_init(struct gv_grouping *g, struct gv_arena *a, const struct gv_expr *e, struct gv_slice extra);
void gv_grouping_fini(struct gv_grouping *g);
/* The group of these labels; made with size bytes, zeroed, where new (*is_new). */
struct gv_group *gv_grouping_at(struct gv_grouping *g, const struct gv_labels *l, size_t size, bool *is_new);

struct gv_aggregation_call {
    struct gv_engine *ev;
    const struct gv_node *node;
    const struct gv_expr *expr;
    enum gv_aggregation_kind kind;
    struct gv_grid grid;
    struct gv_arena *out;  /* of the result */
    struct gv_arena *temp; /* ends with the aggregation */
    struct gv_env env;     /* out; scratch is temp */
    struct gv_scalar param;
    struct gv_slice text; /* count_values: the label */
    struct gv_vector *result;
};

/* What the row of an aggregation (functions.c) carries. */
struct gv_aggregation_impl {
    /* Looks at the scalar parameter, of all steps, before the argument is read; may be NULL. *none: the result is empty
     * whatever the argument. False: failed. */
    bool (*check)(struct gv_aggregation_call *c, bool *none);
    bool (*run)(struct gv_aggregation_call *c); /* fills c->result */
};
extern const struct gv_aggregation_impl gv_agg_sums; /* accumulate.c: sum avg min max count group stddev stdvar */
extern const struct gv_aggregation_impl gv_agg_top;  /* aggregate_k.c: topk bottomk */
extern const struct gv_aggregation_impl gv_agg_limitk, gv_agg_limit_ratio;    /* aggregate_limit.c */
extern const struct gv_aggregation_impl gv_agg_quantile, gv_agg_count_values; /* aggregate_values.c */

/* The least and the greatest parameter of all steps that is a number. */
struct gv_extent {
    double min, max;
    bool has_nan;
};
struct gv_extent gv_aggregate_extent(const struct gv_aggregation_call *c);
const char *gv_aggregate_number(struct gv_aggregation_call *c, double v);           /* as messages show it */
GV_MUST_CHECK bool gv_aggregate_check_k(struct gv_aggregation_call *c, bool *none); /* of topk, bottomk, limitk */

/* Zeroed, in temp, for what grows with the steps; NULL: the memory budget is spent. */
GV_MUST_CHECK void *gv_aggregate_memory(struct gv_aggregation_call *c, size_t size);
/* Pulls the argument through a sink. */
GV_MUST_CHECK bool gv_aggregate_feed(struct gv_aggregation_call *c, struct gv_sink *sink);
void gv_note_histogram_ignored(const struct gv_aggregation_call *c, struct gv_env *env, struct gv_pos_range pos);
/* For each run of set bits in [lo, hi): step and length. */
struct gv_run {
    uint32_t at, n;
};
bool gv_next_run(const uint64_t *bits, uint32_t hi, struct gv_run *run); /* run->at + run->n: where to look on */
