/* The tables of functions and aggregations: one row each, read by the parser (types, features), the evaluator
 * (implementation) and the planner (flags). Read-only. */
#pragma once
#include "promql/ast.h"
#include "promql/parse.h"

enum gv_function_flag {
    GV_FN_ELEMENT_WISE = 1 << 0,  /* each output series depends on one input series alone */
    GV_FN_KEEPS_NAME = 1 << 1,    /* the metric name stays (absent_over_time: of the series its windows look at) */
    GV_FN_NEEDS_ALL = 1 << 2,     /* absent, scalar, info, ...: must see every cluster's series */
    GV_FN_WRITES_LABELS = 1 << 3, /* label_replace, label_join, histogram_quantiles: string arguments name labels */
    GV_FN_ORDERS = 1 << 4,        /* sort...: the order is to be applied again after a merge */
    GV_FN_AT_UNSAFE = 1 << 5,     /* depends on evaluation time beyond its samples: time(), timestamp(), ... */
    GV_FN_EXPERIMENTAL = 1 << 6,  /* needs promql-experimental-functions */
    GV_FN_SAMPLE_TIME = 1 << 7,   /* timestamp, start_timestamp: a unit with a bare selector */
    GV_FN_CONSTANT = 1 << 8       /* touches no series: time(), pi(), vector(1), ... */
};

enum { GV_FN_MAX_TYPED_ARGS = 5 };

struct gv_function_impl; /* promql/ private: how it is evaluated */
struct gv_function {
    const char *name;
    enum gv_value_type args[GV_FN_MAX_TYPED_ARGS]; /* the last one repeats where variadic */
    unsigned n_args;                               /* as written in args */
    int variadic; /* 0: exactly n_args; else the last of args may be left out, and k > 0: comes at most k times; -1: any
                   */
    enum gv_value_type returns;
    unsigned flags; /* enum gv_function_flag */
    const struct gv_function_impl *impl;
};

/* clang-format off */
enum gv_aggregation_kind {
    GV_AGG_SUM, GV_AGG_AVG, GV_AGG_MIN, GV_AGG_MAX, GV_AGG_GROUP, GV_AGG_COUNT, GV_AGG_COUNT_VALUES, GV_AGG_STDDEV,
    GV_AGG_STDVAR, GV_AGG_QUANTILE, GV_AGG_TOPK, GV_AGG_BOTTOMK, GV_AGG_LIMITK, GV_AGG_LIMIT_RATIO
};
/* clang-format on */
struct gv_aggregation_impl; /* promql/ private: how it is evaluated */
struct gv_aggregation {
    const char *name;
    enum gv_aggregation_kind kind;
    enum gv_value_type param; /* GV_TYPE_NONE, GV_TYPE_SCALAR, GV_TYPE_STRING */
    bool keeps_labels;        /* topk, bottomk, limitk, limit_ratio: output series are input series */
    bool experimental;
    const struct gv_aggregation_impl *impl; /* checks of the parameter, and the aggregation itself */
};

const struct gv_function *gv_function_named(struct gv_slice name);       /* NULL: unknown */
const struct gv_aggregation *gv_aggregation_named(struct gv_slice name); /* NULL: unknown; case-insensitive */
const struct gv_function *gv_functions(size_t *n);
