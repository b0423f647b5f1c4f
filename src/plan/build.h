/* A tree under construction, and what its feeds are made of. */
#pragma once
#include "plan/planner.h"

enum { ALL_SOURCES = -1, NO_SOURCE = -2 };

struct build {
    struct planner *p;
    int only;     /* the source that this tree is about, or ALL_SOURCES; NO_SOURCE: every selector is empty */
    bool telling; /* reasons are noted */
    struct gv_plan_feed *feeds;
    size_t n_feeds, cap_feeds;
    struct gv_plan_part *selected;
    size_t n_selected, cap_selected;
};

/* An aggregation as it is sent: its groups are those of one cluster. */
struct split {
    const char *op;
    bool without;
    struct gv_slice *grouping; /* with the cluster label kept */
    size_t n_grouping;
    struct gv_expr *param;
};

/* build.c */
struct gv_expr *build_place(struct build *b, struct plan_node *n);

/* parts.c: inputs of feeds. A source that is not able to answer evaluates here what it has, in a tree of its own. */
size_t build_count(const struct build *b, const struct plan_node *n); /* sources that may have something in n */
size_t build_count_able(const struct build *b, const struct plan_node *n);
struct gv_plan_input build_local(struct build *b, struct plan_node *n);
struct gv_plan_input build_samples(struct build *b, struct plan_node *n); /* of a selector or matrix */
/* From min to max (ms, inclusive); latest: with what shows ended series (plan/selections.h). */
struct gv_plan_input build_selection(struct build *b, struct plan_node *n, int64_t min, int64_t max, bool latest);
struct gv_plan_input build_split(struct build *b, struct plan_node *aggregation, const struct split *s);
struct gv_plan_input build_presence(struct build *b, struct plan_node *n); /* whether there is anything, no more */
struct gv_plan_input build_root(struct build *b, struct plan_node *n);     /* of a plan that unites */
void build_finish(struct build *b, struct gv_expr *e, struct gv_grid grid, struct gv_plan_tree *t);
