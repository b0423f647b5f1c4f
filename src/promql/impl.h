/* How PromQL functions are written: the values they see, what they are called with, and the row that names them.
 * A callback runs on one thread, that of its env; several threads may run the same function at once on different
 * series, so a callback keeps no state of its own between calls.
 *
 *   range function      selector or subquery ── samples of ONE series ──► window() or series() ──► one row
 *   element-wise        one row ──► each() or map(), in place ──► the same row
 *   whole vector        arguments, evaluated ──► call() ──► vector or scalar
 *
 * A function f() is a row of the table in functions.c and, in the fn_*.c file of its group, a gv_fn_f that the row
 * carries.
 *
 * What the evaluator does around them: matching types and argument counts (the parser did), evaluating arguments,
 * dropping metric names (unless GV_FN_KEEPS_NAME) for the first two kinds, duplicate label sets in what comes out,
 * sample counts, deadlines, partitioning. */
#pragma once
#include "model/column.h"
#include "promql/eval.h"
#include "promql/functions.h"

/* One thread's share of an evaluation. */
struct gv_env {
    const struct gv_eval_options *options;
    struct gv_arena *out;         /* for what the callback hands on: labels, histograms, columns */
    struct gv_arena *scratch;     /* for temporaries: rewound when the callback has returned */
    struct gv_annotations *notes; /* through gv_note_warning and gv_note_info */
    struct gv_err *err;           /* gv_fail(env->err, GV_EXECUTION, ...) ends the query after this series */
    const char *last_format;      /* of gv_note_*: the same format and subject again is not even printed */
    uint64_t last_subject;
};

static inline bool gv_env_has(const struct gv_env *env, enum gv_promql_feature feature)
{
    return env->options->features & feature;
}

/* ---- Values ---- */

struct gv_point {
    double f;
    const struct gv_histogram *h; /* not NULL: the point is this histogram */
};

/* One series of a vector, over all steps of a grid. */
struct gv_row {
    const struct gv_labels *labels;
    bool drop_name; /* delayed name removal: the reserved labels go at the end of the query */
    struct gv_steps_column column;
};

struct gv_vector {
    struct gv_row *rows;
    size_t n, cap;
};

/* A scalar over all steps; stride 0 where it is the same at each. */
struct gv_scalar {
    const double *values;
    uint32_t stride;
};
static inline double gv_scalar_at(const struct gv_scalar *s, uint32_t step)
{
    return s->values[(size_t)s->stride * step];
}

struct gv_value {
    enum gv_value_type type; /* GV_TYPE_MATRIX: the range argument, which is given as samples instead */
    union {
        struct gv_vector vector;
        struct gv_scalar scalar;
        struct gv_slice string;
    };
};

static inline bool gv_row_get(const struct gv_row *r, uint32_t step, struct gv_point *p)
{
    if (!gv_bit(r->column.present, step))
        return false;
    p->f = r->column.values[step];
    p->h = r->column.histograms ? r->column.histograms[step] : NULL;
    return true;
}
static inline void gv_row_set_float(struct gv_row *r, uint32_t step, double f)
{
    r->column.values[step] = f;
    gv_bit_set(r->column.present, step);
    if (r->column.histograms)
        r->column.histograms[step] = NULL;
}
static inline void gv_row_clear(struct gv_row *r, uint32_t step)
{
    gv_bit_clear(r->column.present, step);
}
/* h must live in env->out, or longer. n: the steps of the grid. Out of memory, env->err says so and nothing is set. */
void gv_row_set_histogram(struct gv_env *env, struct gv_row *r, uint32_t n, uint32_t step,
                          const struct gv_histogram *h);
void gv_row_set(struct gv_env *env, struct gv_row *r, uint32_t n, uint32_t step, struct gv_point p);

/* Adds a row with an empty column of n steps, in env->out. NULL: the memory budget is spent (env->err says so). */
struct gv_row *gv_vector_add(struct gv_env *env, struct gv_vector *v, uint32_t n, const struct gv_labels *labels);

GV_MUST_CHECK bool gv_vector_push(struct gv_env *env, struct gv_vector *v, const struct gv_row *row);

/* Drops __name__, __type__ and __unit__: at once, or, under delayed name removal, by marking the row. */
void gv_row_drop_name(struct gv_env *env, struct gv_row *r);
/* The labels without those three, whatever the mode. */
const struct gv_labels *gv_labels_drop_reserved(struct gv_arena *a, const struct gv_labels *l);

/* ---- Annotations: "PromQL warning: " + text + " (line:col)" of pos in the query ----
 * Texts are those of Prometheus (util/annotations). subject tells apart what the arguments tell apart (a hash of the
 * metric name; 0 where there are none): a repeated pair of format and subject costs nothing. */
void gv_note_warning(struct gv_env *env, struct gv_pos_range pos, uint64_t subject, const char *fmt, ...)
    GV_PRINTF(4, 5);
void gv_note_info(struct gv_env *env, struct gv_pos_range pos, uint64_t subject, const char *fmt, ...) GV_PRINTF(4, 5);
const char *gv_quoted(struct gv_env *env, struct gv_slice s);        /* Go's %q, in scratch */
const char *gv_for_metric(struct gv_env *env, struct gv_slice name); /* ` for metric name "x"`, or "" without a name */
struct gv_slice gv_metric_name(const struct gv_labels *l);
uint64_t gv_metric_subject(const struct gv_labels *l); /* hash of the metric name */

/* ---- Range functions ---- */

/* Samples of one series, stale markers left out, by time. Floats and histograms apart, as in Prometheus. */
struct gv_float_samples {
    const int64_t *times; /* ms */
    const double *values;
    const int64_t *starts; /* start timestamps, ms, 0 unknown; NULL without use-start-timestamps */
    uint32_t n;
};
struct gv_histogram_samples {
    const int64_t *times;
    const struct gv_histogram *const *values; /* live in scratch: dup into env->out what is handed on */
    const int64_t *starts;
    uint32_t n;
};

/* The samples of one step: floats [f_lo, f_hi) and histograms [h_lo, h_hi) with start < time <= end. Windows only move
 * forward. anchored: also those of the lookback before start; smoothed: of the lookback before start and after end. */
struct gv_window {
    int64_t start, end;
    uint32_t f_lo, f_hi, h_lo, h_hi;
};
static inline bool gv_window_empty(const struct gv_window *w)
{
    return w->f_lo == w->f_hi && w->h_lo == w->h_hi;
}

struct gv_range_call {
    struct gv_env *env;
    const struct gv_expr *expr;      /* the call; expr->call.args[i]->pos are the positions of the arguments */
    const struct gv_expr *range_arg; /* the argument that is the range vector */
    struct gv_grid grid;
    const struct gv_value *args; /* all arguments as written; scalars by gv_scalar_at(&args[i].scalar, step) */
    size_t n_args;
    int64_t range; /* ms */
    enum gv_range_kind extended;
    const struct gv_labels *labels; /* of the input series, with its name */
    struct gv_float_samples floats;
    struct gv_histogram_samples histograms;
    const struct gv_window *windows; /* grid.n of them */
    struct gv_row *row;              /* series(): the column to fill, empty at first */
};

/* One step, called for windows that are not empty: sets *out and returns true, or returns false for no value. */
typedef bool gv_window_fn(struct gv_range_call *c, uint32_t step, const struct gv_window *w, struct gv_point *out);
/* All steps at once, with sliding state; must itself pass over empty windows. */
typedef void gv_series_fn(struct gv_range_call *c);

/* ---- Element-wise and whole-vector functions ---- */

struct gv_call {
    struct gv_env *env;
    const struct gv_expr *expr;
    struct gv_grid grid;
    const struct gv_value *args; /* map(): the vector argument is given as the row instead */
    size_t n_args;
    struct gv_engine *ev; /* the evaluator's own */
};

typedef double gv_float_fn(double v);
/* Changes values, clears steps. Histograms are not changed in place but replaced. */
typedef void gv_map_fn(struct gv_call *c, struct gv_row *r);
/* Fills *out (its type is set to what the table says): rows through gv_vector_add, scalars as an array of grid.n in
 * env->out. The argument's rows may be taken over and changed. False: failed with env->err. */
typedef bool gv_call_fn(struct gv_call *c, struct gv_value *out);

/* After each piece of work of a call(): false where the query was cancelled, is late, or out of memory. */
GV_MUST_CHECK bool gv_call_poll(struct gv_call *c, size_t samples);

/* An instant selector evaluated on the grid of c (info). sample_times: the value of a float is its own time in s. */
GV_MUST_CHECK bool gv_eval_selector(struct gv_call *c, const struct gv_selector *s, bool sample_times,
                                    struct gv_vector *out);

/* ---- The implementation that the row of a function (functions.c) carries ---- */

enum gv_impl_flag {
    GV_IMPL_ANCHORED = 1 << 0, /* may be used with anchored selectors */
    GV_IMPL_SMOOTHED = 1 << 1,
    GV_IMPL_KEEPS_LABELS = 1 << 2, /* call(): rows leave as they came, so duplicates need no look */
    GV_IMPL_START_TIMES = 1 << 3,  /* of a bare selector it takes start timestamps, not the times of the samples */
    GV_IMPL_WANTS_STATS = 1 << 4,  /* of histograms below, count and sum alone matter, */
    GV_IMPL_WANTS_BUCKETS = 1 << 5 /* unless something wants their buckets too */
};

/* One of each, map, window, series or call. Exceptions: window or series together with call: call() then gets the
 * resulting vector in place of the range argument (absent_over_time); each and map of functions whose vector argument
 * may be left out are given vector(time()). */
struct gv_function_impl {
    gv_float_fn *each; /* floats only: histograms are left out */
    gv_map_fn *map;
    gv_window_fn *window;
    gv_series_fn *series;
    gv_call_fn *call;
    unsigned flags; /* enum gv_impl_flag */
};
