/* The functions and aggregations of Prometheus 3.14, by name. */
#include "promql/functions.h"
#include "promql/aggregate.h"
#include <strings.h>

#define V GV_TYPE_VECTOR
#define M GV_TYPE_MATRIX
#define S GV_TYPE_SCALAR
#define T GV_TYPE_STRING

#define EACH   GV_FN_ELEMENT_WISE
#define NAMED  GV_FN_KEEPS_NAME
#define ALL    GV_FN_NEEDS_ALL
#define LABELS GV_FN_WRITES_LABELS
#define ORDER  GV_FN_ORDERS
#define UNSAFE GV_FN_AT_UNSAFE
#define EXPER  GV_FN_EXPERIMENTAL
#define SAMPLE GV_FN_SAMPLE_TIME
#define CONST  GV_FN_CONSTANT

#define ARGS(...) {__VA_ARGS__}, sizeof((enum gv_value_type[]){__VA_ARGS__}) / sizeof(enum gv_value_type)
#define NONE      {GV_TYPE_NONE}, 0

/* name, types of the arguments, variadic, returns, flags; by name in byte order. The implementation of f() is gv_fn_f,
 * in the fn_*.c file of its group. */
#define FUNCTIONS(X)                                                                                                   \
    X(abs, ARGS(V), 0, V, EACH)                                                                                        \
    X(absent, ARGS(V), 0, V, ALL)                                                                                      \
    X(absent_over_time, ARGS(M), 0, V, NAMED | ALL)                                                                    \
    X(acos, ARGS(V), 0, V, EACH)                                                                                       \
    X(acosh, ARGS(V), 0, V, EACH)                                                                                      \
    X(asin, ARGS(V), 0, V, EACH)                                                                                       \
    X(asinh, ARGS(V), 0, V, EACH)                                                                                      \
    X(atan, ARGS(V), 0, V, EACH)                                                                                       \
    X(atanh, ARGS(V), 0, V, EACH)                                                                                      \
    X(avg_over_time, ARGS(M), 0, V, EACH)                                                                              \
    X(ceil, ARGS(V), 0, V, EACH)                                                                                       \
    X(changes, ARGS(M), 0, V, EACH)                                                                                    \
    X(clamp, ARGS(V, S, S), 0, V, EACH)                                                                                \
    X(clamp_max, ARGS(V, S), 0, V, EACH)                                                                               \
    X(clamp_min, ARGS(V, S), 0, V, EACH)                                                                               \
    X(cos, ARGS(V), 0, V, EACH)                                                                                        \
    X(cosh, ARGS(V), 0, V, EACH)                                                                                       \
    X(count_over_time, ARGS(M), 0, V, EACH)                                                                            \
    X(day_of_month, ARGS(V), 1, V, EACH | UNSAFE)                                                                      \
    X(day_of_week, ARGS(V), 1, V, EACH | UNSAFE)                                                                       \
    X(day_of_year, ARGS(V), 1, V, EACH | UNSAFE)                                                                       \
    X(days_in_month, ARGS(V), 1, V, EACH | UNSAFE)                                                                     \
    X(deg, ARGS(V), 0, V, EACH)                                                                                        \
    X(delta, ARGS(M), 0, V, EACH)                                                                                      \
    X(deriv, ARGS(M), 0, V, EACH)                                                                                      \
    X(double_exponential_smoothing, ARGS(M, S, S), 0, V, EACH | EXPER)                                                 \
    X(end, NONE, 0, S, CONST | UNSAFE | EXPER)                                                                         \
    X(exp, ARGS(V), 0, V, EACH)                                                                                        \
    X(first_over_time, ARGS(M), 0, V, EACH | NAMED)                                                                    \
    X(floor, ARGS(V), 0, V, EACH)                                                                                      \
    X(histogram_avg, ARGS(V), 0, V, EACH)                                                                              \
    X(histogram_count, ARGS(V), 0, V, EACH)                                                                            \
    X(histogram_fraction, ARGS(S, S, V), 0, V, EACH)                                                                   \
    X(histogram_quantile, ARGS(S, V), 0, V, EACH)                                                                      \
    X(histogram_quantiles, ARGS(V, T, S, S), 9, V, EACH | LABELS | EXPER)                                              \
    X(histogram_stddev, ARGS(V), 0, V, EACH)                                                                           \
    X(histogram_stdvar, ARGS(V), 0, V, EACH)                                                                           \
    X(histogram_sum, ARGS(V), 0, V, EACH)                                                                              \
    X(hour, ARGS(V), 1, V, EACH | UNSAFE)                                                                              \
    X(idelta, ARGS(M), 0, V, EACH)                                                                                     \
    X(increase, ARGS(M), 0, V, EACH)                                                                                   \
    X(info, ARGS(V, V), 1, V, NAMED | ALL | EXPER)                                                                     \
    X(irate, ARGS(M), 0, V, EACH)                                                                                      \
    X(label_join, ARGS(V, T, T, T), -1, V, EACH | NAMED | LABELS)                                                      \
    X(label_replace, ARGS(V, T, T, T, T), 0, V, EACH | NAMED | LABELS)                                                 \
    X(last_over_time, ARGS(M), 0, V, EACH | NAMED)                                                                     \
    X(ln, ARGS(V), 0, V, EACH)                                                                                         \
    X(log10, ARGS(V), 0, V, EACH)                                                                                      \
    X(log2, ARGS(V), 0, V, EACH)                                                                                       \
    X(mad_over_time, ARGS(M), 0, V, EACH | EXPER)                                                                      \
    X(max_of, ARGS(S, S), 0, S, CONST | EXPER)                                                                         \
    X(max_over_time, ARGS(M), 0, V, EACH)                                                                              \
    X(min_of, ARGS(S, S), 0, S, CONST | EXPER)                                                                         \
    X(min_over_time, ARGS(M), 0, V, EACH)                                                                              \
    X(minute, ARGS(V), 1, V, EACH | UNSAFE)                                                                            \
    X(month, ARGS(V), 1, V, EACH | UNSAFE)                                                                             \
    X(pi, NONE, 0, S, CONST)                                                                                           \
    X(predict_linear, ARGS(M, S), 0, V, EACH | UNSAFE)                                                                 \
    X(present_over_time, ARGS(M), 0, V, EACH)                                                                          \
    X(quantile_over_time, ARGS(S, M), 0, V, EACH)                                                                      \
    X(rad, ARGS(V), 0, V, EACH)                                                                                        \
    X(range, NONE, 0, S, CONST | UNSAFE | EXPER)                                                                       \
    X(rate, ARGS(M), 0, V, EACH)                                                                                       \
    X(resets, ARGS(M), 0, V, EACH)                                                                                     \
    X(round, ARGS(V, S), 1, V, EACH)                                                                                   \
    X(scalar, ARGS(V), 0, S, ALL)                                                                                      \
    X(sgn, ARGS(V), 0, V, EACH)                                                                                        \
    X(sin, ARGS(V), 0, V, EACH)                                                                                        \
    X(sinh, ARGS(V), 0, V, EACH)                                                                                       \
    X(sort, ARGS(V), 0, V, NAMED | ORDER)                                                                              \
    X(sort_by_label, ARGS(V, T), -1, V, NAMED | ORDER | EXPER)                                                         \
    X(sort_by_label_desc, ARGS(V, T), -1, V, NAMED | ORDER | EXPER)                                                    \
    X(sort_desc, ARGS(V), 0, V, NAMED | ORDER)                                                                         \
    X(sqrt, ARGS(V), 0, V, EACH)                                                                                       \
    X(start, NONE, 0, S, CONST | UNSAFE | EXPER)                                                                       \
    X(start_timestamp, ARGS(V), 0, V, EACH | SAMPLE | EXPER)                                                           \
    X(stddev_over_time, ARGS(M), 0, V, EACH)                                                                           \
    X(stdvar_over_time, ARGS(M), 0, V, EACH)                                                                           \
    X(step, NONE, 0, S, CONST | UNSAFE | EXPER)                                                                        \
    X(sum_over_time, ARGS(M), 0, V, EACH)                                                                              \
    X(tan, ARGS(V), 0, V, EACH)                                                                                        \
    X(tanh, ARGS(V), 0, V, EACH)                                                                                       \
    X(time, NONE, 0, S, CONST | UNSAFE)                                                                                \
    X(timestamp, ARGS(V), 0, V, EACH | SAMPLE | UNSAFE)                                                                \
    X(ts_of_first_over_time, ARGS(M), 0, V, EACH | EXPER)                                                              \
    X(ts_of_last_over_time, ARGS(M), 0, V, EACH | EXPER)                                                               \
    X(ts_of_max_over_time, ARGS(M), 0, V, EACH | EXPER)                                                                \
    X(ts_of_min_over_time, ARGS(M), 0, V, EACH | EXPER)                                                                \
    X(vector, ARGS(S), 0, V, CONST)                                                                                    \
    X(year, ARGS(V), 1, V, EACH | UNSAFE)

#define DECLARE(name, ...) extern const struct gv_function_impl gv_fn_##name;
FUNCTIONS(DECLARE)
#undef DECLARE

static const struct gv_function functions[] = {
#define ROW(name, args, variadic, returns, flags) {#name, args, variadic, returns, flags, &gv_fn_##name},
    FUNCTIONS(ROW)
#undef ROW
};

/* name, kind, type of the parameter, keeps labels, experimental */
static const struct gv_aggregation aggregations[] = {
    {"sum", GV_AGG_SUM, GV_TYPE_NONE, false, false, &gv_agg_sums},
    {"avg", GV_AGG_AVG, GV_TYPE_NONE, false, false, &gv_agg_sums},
    {"min", GV_AGG_MIN, GV_TYPE_NONE, false, false, &gv_agg_sums},
    {"max", GV_AGG_MAX, GV_TYPE_NONE, false, false, &gv_agg_sums},
    {"group", GV_AGG_GROUP, GV_TYPE_NONE, false, false, &gv_agg_sums},
    {"count", GV_AGG_COUNT, GV_TYPE_NONE, false, false, &gv_agg_sums},
    {"count_values", GV_AGG_COUNT_VALUES, GV_TYPE_STRING, false, false, &gv_agg_count_values},
    {"stddev", GV_AGG_STDDEV, GV_TYPE_NONE, false, false, &gv_agg_sums},
    {"stdvar", GV_AGG_STDVAR, GV_TYPE_NONE, false, false, &gv_agg_sums},
    {"quantile", GV_AGG_QUANTILE, GV_TYPE_SCALAR, false, false, &gv_agg_quantile},
    {"topk", GV_AGG_TOPK, GV_TYPE_SCALAR, true, false, &gv_agg_top},
    {"bottomk", GV_AGG_BOTTOMK, GV_TYPE_SCALAR, true, false, &gv_agg_top},
    {"limitk", GV_AGG_LIMITK, GV_TYPE_SCALAR, true, true, &gv_agg_limitk},
    {"limit_ratio", GV_AGG_LIMIT_RATIO, GV_TYPE_SCALAR, true, true, &gv_agg_limit_ratio},
};

const struct gv_function *gv_functions(size_t *n)
{
    *n = GV_COUNT(functions);
    return functions;
}

const struct gv_function *gv_function_named(struct gv_slice name)
{
    size_t low = 0, high = GV_COUNT(functions);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = gv_slice_cmp(name, gv_slice_of(functions[middle].name));
        if (order == 0)
            return &functions[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct gv_aggregation *gv_aggregation_named(struct gv_slice name)
{
    for (size_t i = 0; i < GV_COUNT(aggregations); i++) {
        if (strlen(aggregations[i].name) == name.n && strncasecmp(aggregations[i].name, name.p, name.n) == 0)
            return &aggregations[i];
    }
    return NULL;
}
