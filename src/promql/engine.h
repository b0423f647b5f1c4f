/* The evaluator's inner parts.
 *
 *   tree ──prepare──► nodes ──► pipes ──► sinks ──► vector, scalar, string or samples
 *
 * A node is a tree node with all times resolved. A pipe is one leaf (selector, range function over a selector or a
 * subquery, rows of a node evaluated before) and the element-wise operations above it: it gives one series at a time,
 * over all steps. A sink takes the rows: a vector collects them, an aggregation adds them to its groups and forgets
 * them. What can not be done series by series (binary operators between vectors, whole-vector functions) is evaluated
 * into vectors, whose rows are the leaf of the next pipe. */
#pragma once
#include "promql/fold.h"
#include "promql/impl.h"

/* ---- Nodes (prepare.c) ---- */

struct gv_node {
    const struct gv_expr *expr; /* never a parenthesis */
    enum gv_expr_kind kind;     /* of expr */
    enum gv_value_type type;
    bool invariant;  /* its value is the same at every step */
    bool stats_only; /* selectors: of histograms, only count, sum and resets matter above */
    struct gv_node **child;
    size_t n; /* call: arguments; aggregation: expression, parameter; matrix: its selector is no child */
    /* selector, matrix, subquery, feed */
    const struct gv_selector *selector;
    enum gv_range_kind extended;
    bool fixed;     /* `@`: evaluated at time at, not at the step */
    int64_t at;     /* ms */
    int64_t offset; /* ms */
    int64_t range;  /* ms, 0: an instant selector */
    int64_t step;   /* subquery, ms */
    const struct gv_feed *feed;
    struct gv_slice hint_func;              /* the function or aggregation above */
    const struct gv_expr *hint_aggregation; /* the aggregation right above, or NULL */
    const struct gv_function_impl *impl;    /* call */
};

GV_MUST_CHECK struct gv_node *gv_prepare(struct gv_arena *a, const struct gv_expr *e, const struct gv_eval_options *o,
                                         struct gv_err *err);

static inline int64_t gv_node_time(const struct gv_node *n, int64_t t)
{
    return (n->fixed ? n->at : t) - n->offset;
}
static inline bool gv_node_is_range(const struct gv_node *n) /* gives samples, not steps */
{
    return n->type == GV_TYPE_MATRIX;
}

/* ---- Counting samples as Prometheus does (samples.c) ---- */

/* current is what Prometheus would hold: whole matrices, also where here only accumulators are. */
struct gv_samples {
    int64_t current, peak, total;
    int64_t *per_step; /* or NULL */
    int64_t series_read, samples_read;
};

struct gv_engine;

/* One thread of an evaluation. */
struct gv_worker {
    struct gv_engine *ev;
    struct gv_arena arena; /* of notes and what lives as long as the worker */
    struct gv_annotations notes;
    struct gv_err err;
    struct gv_samples samples; /* since the worker began its part */
    int64_t base;              /* what was held when it began */
    int64_t unpolled;          /* samples since the last look at cancel flag, clock and budget */
    uint64_t *unseen; /* hashes of labels that were dropped out of the sink's sight: they count as duplicates too */
    size_t n_unseen, cap_unseen;
};

/* Where samples read count: nowhere (inside subqueries), in the total (a subtree evaluated once for all steps), or
 * there and at their step. */
enum gv_counts { GV_COUNT_NOTHING, GV_COUNT_TOTAL, GV_COUNT_STEPS };

struct gv_engine {
    const struct gv_eval_options *options;
    struct gv_grid grid;   /* of the query */
    struct gv_worker main; /* the calling thread's; its err is the query's, its samples the query's */
    struct gv_arena arena; /* nodes and what lives as long as the evaluation */
    enum gv_counts counts;
    bool exact;   /* name-dropping operations collect and merge their rows (see restart) */
    bool restart; /* a pipe met two series with the same labels: evaluate again with exact set */
};

void gv_worker_init(struct gv_worker *w, struct gv_engine *ev);
void gv_worker_fini(struct gv_worker *w);
/* False: cancelled, too late, or over the memory budget. */
GV_MUST_CHECK bool gv_poll(struct gv_worker *w, size_t samples);
GV_MUST_CHECK bool gv_hold(struct gv_worker *w, int64_t samples);         /* False: max_samples is exceeded */
GV_MUST_CHECK bool gv_hold_briefly(struct gv_worker *w, int64_t samples); /* on top of what is held, for a moment */
/* After a part: its counts join the query's. */
GV_MUST_CHECK bool gv_samples_join(struct gv_engine *ev, struct gv_worker *part);
int64_t gv_row_samples(const struct gv_row *r, uint32_t n); /* a histogram counts by its size */
int64_t gv_vector_samples(const struct gv_vector *v, uint32_t n);
int64_t gv_histogram_weight(const struct gv_histogram *h); /* samples that a histogram counts as */

/* ---- Pipes (pipe.c, leaf_*.c) ---- */

struct gv_pipe;
struct gv_stream;

/* An element-wise operation, in place. */
struct gv_stage {
    void (*apply)(const struct gv_stage *s, struct gv_env *env, struct gv_row *row);
    bool drops_name;
    const struct gv_node *node;
    struct gv_call call;  /* functions; env is the stream's */
    struct gv_row scalar; /* binary operator with a scalar: its value at every step */
    bool scalar_left;
    struct gv_stage *next;
};

/* 1: row filled (the column it came with, or, from a rows leaf, its own); 0: at the end; -1: failed. */
typedef int gv_next_fn(struct gv_stream *s, struct gv_row *row);

struct gv_pipe {
    struct gv_engine *ev;
    struct gv_grid grid;
    const struct gv_node *node; /* of the leaf */
    gv_next_fn *next;
    enum gv_counts counts;
    bool drops_name; /* leaf or a stage does: duplicates are possible */
    uint64_t salt;   /* of the hashes of labels: not 0 within a subquery */
    struct gv_stage *stages, **last_stage;
    size_t n_parts;
    struct gv_cursor **cursors;       /* selectors: n_parts of them */
    struct gv_vector rows;            /* rows leaf */
    bool sample_times;                /* instant selector: values are the times of the samples, in s */
    bool keeps_histograms;            /* ... but histograms stay what they are */
    bool start_times;                 /* ... their start timestamps, in s */
    const struct gv_node *range_node; /* range function: its range argument */
    int64_t min_time, max_time;       /* ... what to read of a series */
    struct gv_pipe *inner;            /* ... a subquery: what is inside, on its own grid */
    struct gv_value *args;            /* ... all arguments */
};

/* Reused buffers of decoded samples. */
struct gv_sample_buffer {
    int64_t *times, *starts;
    double *values;
    size_t n, cap;
};

/* What is read of one series. */
struct gv_series_samples {
    struct gv_float_samples floats;
    struct gv_histogram_samples histograms;
};

/* One partition of a pipe on one thread. */
struct gv_stream {
    struct gv_pipe *pipe;
    struct gv_worker *worker;
    struct gv_env env;       /* scratch is below */
    struct gv_arena scratch; /* rewound for each series, to: */
    struct gv_arena_mark scratch_start, brief_start;
    struct gv_arena brief; /* env.out where rows need not outlive the next one; rewound with scratch */
    struct gv_arena own;   /* buffers that stay */
    struct gv_cursor *cursor;
    size_t at, end;                 /* rows leaf */
    struct gv_stream *inner;        /* subquery */
    struct gv_row inner_row;        /* its column */
    const struct gv_labels *labels; /* of the series, as they came: not in env.out */
    struct gv_sample_buffer floats;
    const struct gv_histogram **histograms;
    int64_t *histogram_times, *histogram_starts;
    size_t n_histograms, cap_histograms;
    struct gv_window *windows;
};

/* Builds the pipe of an instant-vector node; what it needs first is evaluated into a. */
GV_MUST_CHECK struct gv_pipe *gv_pipe_new(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid,
                                          struct gv_arena *a);
/* The same of a function's window() or series() alone, where it has a call() too. */
GV_MUST_CHECK struct gv_pipe *gv_pipe_of_windows(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid,
                                                 struct gv_arena *a);
/* Leaves. */
GV_MUST_CHECK bool gv_leaf_selector(struct gv_pipe *p, struct gv_arena *a);
GV_MUST_CHECK bool gv_leaf_range(struct gv_pipe *p, struct gv_arena *a);
GV_MUST_CHECK bool gv_leaf_select(struct gv_pipe *p, struct gv_arena *a, int64_t min, int64_t max);
/* The samples of a range argument alone, without a function. */
GV_MUST_CHECK struct gv_pipe *gv_leaf_raw(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid,
                                          struct gv_arena *a);
bool gv_pipe_is_rows(const struct gv_pipe *p);    /* rows in memory, and nothing to be done to them */
size_t gv_pipe_parts(const struct gv_engine *ev); /* how many partitions are worth making */

/* Streams: out NULL means that rows need not outlive the next one. */
GV_MUST_CHECK struct gv_stream *gv_stream_open(struct gv_pipe *p, size_t part, struct gv_worker *w,
                                               struct gv_arena *out);
void gv_stream_close(struct gv_stream *s);
int gv_stream_next(struct gv_stream *s, struct gv_row *row);       /* leaf and stages */
void gv_stream_rewind(struct gv_stream *s);                        /* before the next series */
int gv_stream_pull(struct gv_stream *s, struct gv_series *series); /* of the cursor; rewinds scratch */

/* Reading (read.c): samples with min <= time <= max. */
GV_MUST_CHECK bool gv_read_column(struct gv_stream *s, const struct gv_column *c, int64_t min, int64_t max,
                                  bool keep_stale, struct gv_series_samples *out);
GV_MUST_CHECK bool gv_read_row(struct gv_stream *s, const struct gv_row *row, const struct gv_grid *g,
                               struct gv_series_samples *out);
void gv_smooth(struct gv_stream *s, const struct gv_series_samples *in, struct gv_row *row); /* leaf_smoothed.c */
bool gv_is_stale_histogram(const struct gv_histogram *h);
GV_MUST_CHECK bool gv_count_row(struct gv_stream *s, const struct gv_row *row); /* an instant selector's row */

/* How many of n rising times are not after t, asked for rising t. Steps mostly pass over as many as the step before. */
struct gv_passed {
    const int64_t *times;
    uint32_t n, at, stride;
};
static inline uint32_t gv_pass_to(struct gv_passed *p, int64_t t)
{
    uint32_t guess = p->at + p->stride;
    if (guess && guess < p->n && p->times[guess - 1] <= t && p->times[guess] > t)
        return p->at = guess;
    uint32_t from = p->at;
    while (p->at < p->n && p->times[p->at] <= t)
        p->at++;
    p->stride = p->at - from;
    return p->at;
}

bool gv_row_is_empty(const struct gv_row *r, uint32_t n);
GV_MUST_CHECK bool gv_row_new(struct gv_env *env, struct gv_row *r, uint32_t n); /* an empty column in env->out */
void gv_row_wipe(struct gv_row *r, uint32_t n);

/* What becomes of the rows. take is called on one thread, in series order; add on several at once, each for steps
 * [lo, hi) of its own, in series order. slot is take's, per row. */
struct gv_sink {
    struct gv_arena *arena; /* env->out of add; what it holds may come from several threads */
    bool (*take)(struct gv_sink *s, const struct gv_row *row, void **slot);
    bool (*add)(struct gv_sink *s, struct gv_env *env, void *slot, const struct gv_row *row, uint32_t lo, uint32_t hi);
    bool (*done)(struct gv_sink *s, const struct gv_row *row, void *slot); /* after all adds of the row; may be NULL */
};
GV_MUST_CHECK bool gv_pipe_feed(struct gv_pipe *p, struct gv_sink *sink);
GV_MUST_CHECK bool gv_pipe_collect(struct gv_pipe *p, struct gv_arena *out, struct gv_vector *v);

/* ---- Nodes to values (eval.c and others). Results live in out. ---- */

GV_MUST_CHECK bool gv_eval_node(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid,
                                struct gv_arena *out, struct gv_value *v);
GV_MUST_CHECK bool gv_eval_vector(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid,
                                  struct gv_arena *out, struct gv_vector *v);
/* An invariant vector node at one step: rows of one step each. */
GV_MUST_CHECK bool gv_eval_once(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid,
                                struct gv_arena *out, struct gv_vector *v);
GV_MUST_CHECK bool gv_eval_call(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid,
                                struct gv_arena *out, struct gv_value *v);
GV_MUST_CHECK bool gv_eval_scalar(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid,
                                  struct gv_arena *out, struct gv_scalar *s);
GV_MUST_CHECK bool gv_eval_aggregate(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid,
                                     struct gv_arena *out, struct gv_vector *v);
GV_MUST_CHECK bool gv_eval_vector_binary(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid,
                                         struct gv_arena *out, struct gv_vector *v);
/* Raw samples of a range selector or subquery at the one step of grid: the result of an instant query. */
GV_MUST_CHECK bool gv_eval_matrix(struct gv_engine *ev, const struct gv_node *n, struct gv_grid grid,
                                  struct gv_arena *out, struct gv_result *r);

/* Joins sorted series of raw samples with equal labels; fails where they share a time. */
GV_MUST_CHECK bool gv_merge_same_series(struct gv_engine *ev, struct gv_result *r, struct gv_arena *out);
/* Joins rows with equal labels where they share no step; fails where they do. Rows keep their order. */
GV_MUST_CHECK bool gv_merge_same_labels(struct gv_engine *ev, struct gv_vector *v, uint32_t n, struct gv_arena *out);
/* `anchored` and `smoothed` go with a few functions only. */
GV_MUST_CHECK bool gv_check_extended(struct gv_engine *ev, const struct gv_node *call);
/* The steps of a feed on the grid that is asked for; histograms stay where they are. */
void gv_copy_steps(struct gv_env *env, const struct gv_steps_column *from, const struct gv_grid *from_grid,
                   struct gv_row *to, const struct gv_grid *grid);
struct gv_env gv_main_env(struct gv_engine *ev, struct gv_arena *out, struct gv_arena *scratch);
