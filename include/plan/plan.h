/* What is sent where: a query and the sources that hold the series make a plan. Pure; any thread; a plan lives in its
 * arena and is immutable.
 *
 *   query ──► asks: per source, PromQL that it can answer alone (identical ones once)
 *         └─► what is left: a tree over FEED leaves, each the union (or combination) of some asks' answers
 *
 * Where every source can answer the whole query, the tree is one FEED and nothing is evaluated: `unite` is set, and the
 * answers' values need not even be read. Specification: a subtree is sent where its value over the union of clusters is
 * the union of its values per cluster, each with the injected labels that survive in it. */
#pragma once
#include "codec/mapping.h"
#include "model/column.h"
#include "promql/ast.h"

/* ---- Sources ---- */

enum gv_plan_push {
    GV_PUSH_AUTO,     /* as much as is sound */
    GV_PUSH_SELECTORS /* selectors alone, as step vectors or matrices: its PromQL is not ours */
};

struct gv_plan_source {
    struct gv_slice name;      /* in messages and explain */
    struct gv_mapping mapping; /* injected labels, the cluster label among them; at most 64 */
    /* mapping.n == 0: the series carry the cluster label themselves (the embedded store, another global view). Its
     * known values decide what a matcher rules out; NULL: not known. */
    const struct gv_slice *clusters;
    size_t n_clusters;
    enum gv_plan_push push;
    unsigned replicas;     /* > 1: it is sent nothing, the samples of so many replicas are fetched and merged here */
    bool raw;              /* samples as stored can be had (remote read, the store): where an instant selector may not
                              be sent as one, and everywhere under GV_PUSH_SELECTORS */
    bool metricsql;        /* VictoriaMetrics: only selectors and plain aggregations of them mean the same */
    unsigned major, minor; /* of a Prometheus, for the rules of older ones; 0.0: as ours */
    bool features_known;   /* false: taken to have those of the query */
    unsigned features;     /* enum gv_promql_feature */
    int64_t lookback;      /* ms; 0: not known, taken to be the query's */
    bool honours_lookback; /* takes the query's from the parameter lookback_delta */
    /* Constructs that it did not understand before, and is not sent (plan/refused.h). */
    const uint64_t *refused;
    size_t n_refused;
};

struct gv_plan_options {
    int64_t start, end, step; /* ms; step 0: an instant query at start */
    int64_t lookback;         /* ms */
    int64_t default_step;     /* ms, of subqueries without one */
    int64_t now;              /* ms: of selections without an end */
    unsigned features;        /* enum gv_promql_feature, of the query */
    struct gv_slice label;    /* the cluster label's name */
    const struct gv_plan_source *sources;
    size_t n_sources;
    bool samples; /* every source as under GV_PUSH_SELECTORS with raw: native histograms came, whose schema is lost in
                     query results */
    /* Aggregations that must not be split, by their position: an earlier round met what can not be combined. */
    const struct gv_pos_range *whole;
    size_t n_whole;
};

/* ---- Asks ---- */

enum gv_plan_ask_kind {
    GV_PLAN_INSTANT, /* /api/v1/query at start */
    GV_PLAN_RANGE,   /* /api/v1/query_range */
    GV_PLAN_SAMPLES  /* samples with start <= t <= end of the selector: remote read, or text as an instant query at end
                      */
};

/* A piece of the sent text, and where it stands in the query: for positions in a backend's annotations. */
struct gv_plan_position {
    uint32_t sent, own; /* byte offsets */
};

struct gv_plan_ask {
    uint32_t source;
    enum gv_plan_ask_kind kind;
    struct gv_slice text;
    int64_t start, end, step; /* ms */
    /* What to make of the answer: GV_COLUMN_SPAN (a plan that unites), GV_COLUMN_STEPS on grid, GV_COLUMN_RAW. */
    enum gv_column_kind column;
    enum gv_value_type type; /* GV_TYPE_VECTOR; GV_TYPE_MATRIX: an instant query that gives one */
    struct gv_grid grid;
    uint64_t hidden;                          /* injected labels that do not survive (gv_mapping_hides) */
    struct gv_expr *tree;                     /* of text: for sources in this process. GV_PLAN_SAMPLES: the selector */
    const struct gv_plan_position *positions; /* by sent, ascending */
    size_t n_positions;
    struct gv_slice key; /* asks with equal keys have equal answers, in whatever plan of the same query */
};

/* ---- What is evaluated here ---- */

enum gv_plan_combine {
    GV_COMBINE_UNITE, /* all series of all parts, as they are */
    /* One series per group of the aggregation that `origin` is; inputs as listed: */
    GV_COMBINE_SUM,
    GV_COMBINE_MIN,
    GV_COMBINE_MAX,
    GV_COMBINE_GROUP,
    GV_COMBINE_COUNT, /* counts */
    GV_COMBINE_AVG,   /* averages, counts */
    GV_COMBINE_STDDEV,
    GV_COMBINE_STDVAR,       /* variances, counts, averages */
    GV_COMBINE_COUNT_VALUES, /* counts, the value in the label GV_PLAN_VALUE_LABEL */
    GV_COMBINE_ANY           /* one series {} with 1 where any part has a value: below absent() */
};
const char *gv_plan_combine_text(enum gv_plan_combine c);
#define GV_PLAN_VALUE_LABEL GV_S("globalview_value")
enum { GV_PLAN_MAX_INPUTS = 3 };

struct gv_plan_tree;

/* What one source gives to an input: asks whose points follow one another in time, or a tree over asks to it alone
 * (where its PromQL would not do). */
struct gv_plan_part {
    uint32_t source;
    const uint32_t *asks;
    size_t n_asks;
    const struct gv_plan_tree *tree; /* or NULL */
};
struct gv_plan_input {
    const struct gv_plan_part *parts; /* in the order of the sources; a source that can have nothing is left out */
    size_t n;
};
struct gv_plan_feed {
    enum gv_plan_combine combine;
    const struct gv_expr *origin; /* of the query: what the feed stands for */
    struct gv_grid grid;
    bool raw; /* series as stored */
    int64_t min_time,
        max_time; /* ms, inclusive; of a selection (plan/selections.h): what it wants, asks may bring more */
    struct gv_plan_input inputs[GV_PLAN_MAX_INPUTS];
    size_t n_inputs;
};

struct gv_plan_tree {
    struct gv_expr *expr;             /* times folded (promql/fold.h): evaluate it on grid */
    struct gv_grid grid;              /* an instant query: n 1, step 0 */
    const struct gv_plan_feed *feeds; /* by slot */
    size_t n_feeds;
    struct gv_plan_input selected; /* series that a function selects by itself (info), raw; they are the source */
};

/* Why a node of the query is not sent. */
struct gv_plan_reason {
    const struct gv_expr *node;
    const char *why;
};

struct gv_plan {
    bool unite;       /* root.expr is FEED 0, of parts with one ask each: the answers are the result */
    bool keeps_order; /* unite: one part alone, whose order is the result's */
    struct gv_plan_tree root;
    const struct gv_plan_ask *asks;
    size_t n_asks;
    const struct gv_plan_source *sources; /* as given */
    size_t n_sources;
    const struct gv_plan_reason *reasons;
    size_t n_reasons;
};

/* e: typed, as the parser gives it; it is not changed and must outlive the plan. Fails with GV_BAD_DATA: a range query
 * for a range vector, a duration expression that is none; GV_EXECUTION: a cluster that two sources claim. */
GV_MUST_CHECK struct gv_plan *gv_plan_make(struct gv_arena *a, const struct gv_expr *e, const struct gv_plan_options *o,
                                           struct gv_err *err);

/* The offset in the query of what stands at `sent` in the ask's text; false where nothing does. */
bool gv_plan_own_position(const struct gv_plan_ask *ask, uint32_t sent, uint32_t *own);
