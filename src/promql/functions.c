/* The functions and aggregations of Prometheus 3.14, by name. */
#include "promql/functions.h"
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

/* name, types of the arguments, variadic, returns, flags; by name in byte order */
static const struct gv_function functions[] = {
    {"abs", ARGS(V), 0, V, EACH, NULL},
    {"absent", ARGS(V), 0, V, ALL, NULL},
    {"absent_over_time", ARGS(M), 0, V, NAMED | ALL, NULL}, /* series without names may be equal: here that is no error */
    {"acos", ARGS(V), 0, V, EACH, NULL},
    {"acosh", ARGS(V), 0, V, EACH, NULL},
    {"asin", ARGS(V), 0, V, EACH, NULL},
    {"asinh", ARGS(V), 0, V, EACH, NULL},
    {"atan", ARGS(V), 0, V, EACH, NULL},
    {"atanh", ARGS(V), 0, V, EACH, NULL},
    {"avg_over_time", ARGS(M), 0, V, EACH, NULL},
    {"ceil", ARGS(V), 0, V, EACH, NULL},
    {"changes", ARGS(M), 0, V, EACH, NULL},
    {"clamp", ARGS(V, S, S), 0, V, EACH, NULL},
    {"clamp_max", ARGS(V, S), 0, V, EACH, NULL},
    {"clamp_min", ARGS(V, S), 0, V, EACH, NULL},
    {"cos", ARGS(V), 0, V, EACH, NULL},
    {"cosh", ARGS(V), 0, V, EACH, NULL},
    {"count_over_time", ARGS(M), 0, V, EACH, NULL},
    {"day_of_month", ARGS(V), 1, V, EACH | UNSAFE, NULL},
    {"day_of_week", ARGS(V), 1, V, EACH | UNSAFE, NULL},
    {"day_of_year", ARGS(V), 1, V, EACH | UNSAFE, NULL},
    {"days_in_month", ARGS(V), 1, V, EACH | UNSAFE, NULL},
    {"deg", ARGS(V), 0, V, EACH, NULL},
    {"delta", ARGS(M), 0, V, EACH, NULL},
    {"deriv", ARGS(M), 0, V, EACH, NULL},
    {"double_exponential_smoothing", ARGS(M, S, S), 0, V, EACH | EXPER, NULL},
    {"end", NONE, 0, S, CONST | UNSAFE | EXPER, NULL},
    {"exp", ARGS(V), 0, V, EACH, NULL},
    {"first_over_time", ARGS(M), 0, V, EACH | NAMED, NULL},
    {"floor", ARGS(V), 0, V, EACH, NULL},
    {"histogram_avg", ARGS(V), 0, V, EACH, NULL},
    {"histogram_count", ARGS(V), 0, V, EACH, NULL},
    {"histogram_fraction", ARGS(S, S, V), 0, V, EACH, NULL},
    {"histogram_quantile", ARGS(S, V), 0, V, EACH, NULL},
    {"histogram_quantiles", ARGS(V, T, S, S), 9, V, EACH | LABELS | EXPER, NULL},
    {"histogram_stddev", ARGS(V), 0, V, EACH, NULL},
    {"histogram_stdvar", ARGS(V), 0, V, EACH, NULL},
    {"histogram_sum", ARGS(V), 0, V, EACH, NULL},
    {"hour", ARGS(V), 1, V, EACH | UNSAFE, NULL},
    {"idelta", ARGS(M), 0, V, EACH, NULL},
    {"increase", ARGS(M), 0, V, EACH, NULL},
    {"info", ARGS(V, V), 1, V, NAMED | ALL | EXPER, NULL},
    {"irate", ARGS(M), 0, V, EACH, NULL},
    {"label_join", ARGS(V, T, T, T), -1, V, EACH | NAMED | LABELS, NULL},
    {"label_replace", ARGS(V, T, T, T, T), 0, V, EACH | NAMED | LABELS, NULL},
    {"last_over_time", ARGS(M), 0, V, EACH | NAMED, NULL},
    {"ln", ARGS(V), 0, V, EACH, NULL},
    {"log10", ARGS(V), 0, V, EACH, NULL},
    {"log2", ARGS(V), 0, V, EACH, NULL},
    {"mad_over_time", ARGS(M), 0, V, EACH | EXPER, NULL},
    {"max_of", ARGS(S, S), 0, S, CONST | EXPER, NULL},
    {"max_over_time", ARGS(M), 0, V, EACH, NULL},
    {"min_of", ARGS(S, S), 0, S, CONST | EXPER, NULL},
    {"min_over_time", ARGS(M), 0, V, EACH, NULL},
    {"minute", ARGS(V), 1, V, EACH | UNSAFE, NULL},
    {"month", ARGS(V), 1, V, EACH | UNSAFE, NULL},
    {"pi", NONE, 0, S, CONST, NULL},
    {"predict_linear", ARGS(M, S), 0, V, EACH | UNSAFE, NULL},
    {"present_over_time", ARGS(M), 0, V, EACH, NULL},
    {"quantile_over_time", ARGS(S, M), 0, V, EACH, NULL},
    {"rad", ARGS(V), 0, V, EACH, NULL},
    {"range", NONE, 0, S, CONST | UNSAFE | EXPER, NULL},
    {"rate", ARGS(M), 0, V, EACH, NULL},
    {"resets", ARGS(M), 0, V, EACH, NULL},
    {"round", ARGS(V, S), 1, V, EACH, NULL},
    {"scalar", ARGS(V), 0, S, ALL, NULL},
    {"sgn", ARGS(V), 0, V, EACH, NULL},
    {"sin", ARGS(V), 0, V, EACH, NULL},
    {"sinh", ARGS(V), 0, V, EACH, NULL},
    {"sort", ARGS(V), 0, V, NAMED | ORDER, NULL},
    {"sort_by_label", ARGS(V, T), -1, V, NAMED | ORDER | EXPER, NULL},
    {"sort_by_label_desc", ARGS(V, T), -1, V, NAMED | ORDER | EXPER, NULL},
    {"sort_desc", ARGS(V), 0, V, NAMED | ORDER, NULL},
    {"sqrt", ARGS(V), 0, V, EACH, NULL},
    {"start", NONE, 0, S, CONST | UNSAFE | EXPER, NULL},
    {"start_timestamp", ARGS(V), 0, V, EACH | SAMPLE | EXPER, NULL},
    {"stddev_over_time", ARGS(M), 0, V, EACH, NULL},
    {"stdvar_over_time", ARGS(M), 0, V, EACH, NULL},
    {"step", NONE, 0, S, CONST | UNSAFE | EXPER, NULL},
    {"sum_over_time", ARGS(M), 0, V, EACH, NULL},
    {"tan", ARGS(V), 0, V, EACH, NULL},
    {"tanh", ARGS(V), 0, V, EACH, NULL},
    {"time", NONE, 0, S, CONST | UNSAFE, NULL},
    {"timestamp", ARGS(V), 0, V, EACH | SAMPLE | UNSAFE, NULL},
    {"ts_of_first_over_time", ARGS(M), 0, V, EACH | EXPER, NULL},
    {"ts_of_last_over_time", ARGS(M), 0, V, EACH | EXPER, NULL},
    {"ts_of_max_over_time", ARGS(M), 0, V, EACH | EXPER, NULL},
    {"ts_of_min_over_time", ARGS(M), 0, V, EACH | EXPER, NULL},
    {"vector", ARGS(S), 0, V, CONST, NULL},
    {"year", ARGS(V), 1, V, EACH | UNSAFE, NULL},
};

static const struct gv_aggregation aggregations[] = {
    {"sum", GV_AGG_SUM, GV_TYPE_NONE, false, false},
    {"avg", GV_AGG_AVG, GV_TYPE_NONE, false, false},
    {"min", GV_AGG_MIN, GV_TYPE_NONE, false, false},
    {"max", GV_AGG_MAX, GV_TYPE_NONE, false, false},
    {"group", GV_AGG_GROUP, GV_TYPE_NONE, false, false},
    {"count", GV_AGG_COUNT, GV_TYPE_NONE, false, false},
    {"count_values", GV_AGG_COUNT_VALUES, GV_TYPE_STRING, false, false},
    {"stddev", GV_AGG_STDDEV, GV_TYPE_NONE, false, false},
    {"stdvar", GV_AGG_STDVAR, GV_TYPE_NONE, false, false},
    {"quantile", GV_AGG_QUANTILE, GV_TYPE_SCALAR, false, false},
    {"topk", GV_AGG_TOPK, GV_TYPE_SCALAR, true, false},
    {"bottomk", GV_AGG_BOTTOMK, GV_TYPE_SCALAR, true, false},
    {"limitk", GV_AGG_LIMITK, GV_TYPE_SCALAR, true, true},
    {"limit_ratio", GV_AGG_LIMIT_RATIO, GV_TYPE_SCALAR, true, true},
};

const struct gv_function *gv_functions(size_t *n)
{
    *n = GV_COUNT(functions);
    return functions;
}

const struct gv_aggregation *gv_aggregations(size_t *n)
{
    *n = GV_COUNT(aggregations);
    return aggregations;
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
