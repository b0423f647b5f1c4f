/* The planner's inner parts.
 *
 *   query ──fold──► tree ──nodes.c──► plan nodes: per source, what is left of the node and which labels survive
 *         ──locality.c──► which nodes are local          ──able.c──► which sources may be sent them
 *         ──build.c──► the tree evaluated here, its feeds ──rewrite.c──► what is sent ──asks.c──► asks
 *
 *   selections ──selections.c──► one raw feed each ──asks.c──► asks */
#pragma once
#include "plan/plan.h"
#include "promql/fold.h"
#include "promql/functions.h"
#include "promql/parse.h"

enum { PLAN_MAX_LABELS = 64 };

/* A node for one source. */
struct plan_at {
    bool empty;         /* no series of the source can be in it: simplified away */
    bool able;          /* the source may be sent it */
    uint64_t shape;     /* equal for sources of one kind whose rewritten nodes are equal */
    uint64_t survivors; /* injected labels in its result, by index; of a source that carries the cluster label itself,
                           bit 0 is that label */
};

struct plan_node {
    const struct gv_expr *expr; /* folded; never a parenthesis */
    struct plan_node **child;   /* operands, parameters first; of a matrix none; of info its first argument */
    size_t n;
    struct gv_grid grid; /* the times at which it is evaluated */
    struct plan_at *at;  /* per source */
    uint64_t *clusters;  /* set of cluster numbers that can be in it */
    bool constant;       /* touches no series */
    bool invariant;      /* the same at every step: grid is the first one alone */
    bool void_safe;      /* without any series it is empty */
    bool single;         /* one cluster at most can match its selectors */
    bool alone;          /* one source alone can, and that one injects nothing: it is one Prometheus */
    bool named;          /* its series may have names */
    bool unnames;        /* ... which are to be dropped: under delayed name removal they are still there */
    bool reads_dropped;  /* somewhere in it a name that was dropped below is looked at */
    const char *why;     /* not local: why; NULL: local */
};

struct plan_source {
    const struct gv_plan_source *is;
    const struct gv_label *labels; /* that may survive: injected ones, or the cluster label */
    size_t n_labels;
    size_t first_cluster, n_clusters; /* numbers; at least one */
    uint64_t all, p;                  /* bits of labels, of the cluster label */
    bool carries;                     /* the cluster label is stored, not injected */
    size_t kind;                      /* equal where labels have equal names and asks equal forms */
};

struct planner {
    struct gv_arena *arena;
    const struct gv_plan_options *options;
    struct gv_grid grid; /* of the query */
    struct plan_source *sources;
    size_t n_sources, n_clusters;
    struct gv_err *err;
    bool failed; /* err says why */
    struct gv_plan_ask *asks;
    size_t n_asks, cap_asks;
    struct gv_map ask_keys; /* key to struct gv_plan_ask's index + 1 */
    struct gv_plan_reason *reasons;
    size_t n_reasons, cap_reasons;
};

/* plan.c */
bool planner_init(struct planner *p, struct gv_arena *a, const struct gv_plan_options *o, struct gv_err *err);
void planner_finish(const struct planner *p, struct gv_plan *plan); /* hands over what was gathered */

/* nodes.c */
struct plan_node *plan_node_new(struct planner *p, const struct gv_expr *e, struct gv_grid grid);
/* What info() selects by itself: the given matchers, and a name. */
const struct gv_selector *plan_info_selector(struct planner *p, const struct gv_expr *call);
const struct gv_selector *plan_selector_of(const struct gv_expr *e); /* of a selector or matrix, else NULL */
struct plan_node *plan_vector_argument(const struct plan_node *n);   /* or matrix; NULL: none */
bool plan_says_absence(const struct gv_expr *e); /* absent() and its like have a value where there is nothing */
bool plan_is_call(const struct gv_expr *e, const char *name);
bool plan_source_can_match(const struct planner *p, const struct plan_node *n, size_t source);
bool plan_lists(const struct gv_slice *names, size_t n, struct gv_slice name);
uint64_t plan_bits(const struct plan_source *s, const struct gv_slice *names, size_t n); /* of labels listed */

/* locality.c: why n is not local, NULL where it is. Sets survivors. Children are done. */
const char *plan_why_not_local(struct planner *p, struct plan_node *n);
/* Why what touches no series cannot be part of a text that is sent: its labels would be renamed there. */
const char *plan_why_not_constant(const struct planner *p, const struct plan_node *n);
uint64_t plan_survivors(const struct planner *p, const struct plan_node *n, size_t source);
/* The combination that split makes of it; GV_COMBINE_UNITE where an aggregation can not be split. */
enum gv_plan_combine plan_split_of(const struct plan_node *n);

/* able.c */
bool plan_is_able(const struct planner *p, const struct plan_node *n, size_t source);
bool plan_is_refused(const struct gv_plan_source *s, const struct gv_expr *e); /* refused.c; folded, no parenthesis */
bool plan_is_before(const struct gv_plan_source *s, unsigned major, unsigned minor);

/* rewrite.c: n as it is sent to a source that is able; not for empty ones */
struct gv_expr *plan_rewrite(struct planner *p, const struct plan_node *n, size_t source);
struct gv_expr *plan_selector_there(struct planner *p, const struct gv_expr *selector, size_t source);
struct gv_expr *plan_aggregate(struct planner *p, const char *op, bool without, const struct gv_slice *grouping,
                               size_t n_grouping, struct gv_expr *e, struct gv_expr *param, const struct gv_expr *at);
struct gv_expr *plan_call(struct planner *p, const char *function, struct gv_expr *arg, const struct gv_expr *at);
/* names without those of injected labels, the others as the source calls them */
struct gv_slice *plan_names_there(struct planner *p, size_t source, const struct gv_slice *names, size_t n,
                                  size_t *n_there);

/* asks.c */
struct gv_plan_part plan_ask_vector(struct planner *p, size_t source, struct gv_expr *e, struct gv_grid grid,
                                    uint64_t survivors);
struct gv_plan_part plan_ask_root(struct planner *p, size_t source, struct gv_expr *e, uint64_t survivors);
struct gv_plan_part plan_ask_samples(struct planner *p, size_t source, const struct gv_expr *selector, int64_t min,
                                     int64_t max);

/* What part asks of another source, asked of this one, which is of the same kind. */
struct gv_plan_part plan_ask_alike(struct planner *p, size_t source, const struct gv_plan_part *part);

/* build.c */
void plan_build(struct planner *p, struct plan_node *root, struct gv_plan *plan);
