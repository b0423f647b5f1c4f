/* The evaluator: a tree over a source gives a result. Synchronous; runs on the calling thread and, for large queries,
 * on the workers of an executor, with the same result bit for bit. */
#pragma once
#include "model/column.h"
#include "promql/ast.h"
#include "promql/parse.h"
#include "promql/source.h"
#include <stdatomic.h>

/* Runs fn(arg, i) for i in 0..n-1, on up to `workers` threads, and returns when all are done. */
struct gv_executor {
    unsigned workers;
    void (*run)(struct gv_executor *x, void (*fn)(void *arg, size_t i), void *arg, size_t n);
};

/* Data for a GV_EXPR_FEED leaf: step vectors on the grid that the leaf is evaluated on (no lookback is applied),
 * or raw series by label order. Labels are final: nothing is injected or dropped. */
struct gv_feed {
    struct gv_grid grid; /* of STEPS columns: the leaf's grid must be contained in it */
    const struct gv_series *series;
    size_t n;
};

struct gv_eval_options {
    struct gv_slice text; /* the query, for positions in annotations */
    int64_t start, end;   /* ms, both inclusive */
    int64_t step;         /* ms; 0: an instant query at start */
    int64_t lookback;     /* ms; default 5 min */
    int64_t default_step; /* ms, of subqueries without one; default 1 min */
    int64_t max_samples;  /* at any one time, as Prometheus counts; 0: none */
    unsigned features;    /* enum gv_promql_feature */
    int64_t deadline_ns;  /* CLOCK_MONOTONIC; 0: none; exceeded: GV_TIMEOUT */
    _Atomic bool *cancel; /* polled; GV_CANCELED; may be NULL */
    struct gv_source *source;
    const struct gv_feed *feeds;
    size_t n_feeds;
    struct gv_executor *executor; /* NULL: the calling thread alone */
    struct gv_budget *budget;     /* for the arenas of workers and scratch; may be NULL */
};

/* As Prometheus counts them: samples loaded per step, and the largest number held at once. */
struct gv_eval_stats {
    bool per_step; /* asked for by the caller (stats=all) */
    int64_t total_samples, peak_samples;
    int64_t *samples_per_step; /* grid.n, in the result's arena; NULL unless asked for */
    int64_t series_read, samples_read;
};

/* Errors: GV_EXECUTION (422) in Prometheus's words, GV_TIMEOUT, GV_CANCELED. The result lives in a. */
GV_MUST_CHECK bool gv_promql_eval(struct gv_arena *a, struct gv_expr *e, const struct gv_eval_options *o,
                                  struct gv_result *out, struct gv_eval_stats *stats, struct gv_err *err);
