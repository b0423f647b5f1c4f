/* The names of --enable-feature that concern PromQL. */
#include "promql/parse.h"

static const struct {
    const char *name;
    enum gv_promql_feature feature;
} features[] = {
    {"promql-experimental-functions", GV_FEATURE_EXPERIMENTAL_FUNCTIONS},
    {"promql-extended-range-selectors", GV_FEATURE_EXTENDED_RANGE_SELECTORS},
    {"promql-binop-fill-modifiers", GV_FEATURE_BINOP_FILL_MODIFIERS},
    {"promql-delayed-name-removal", GV_FEATURE_DELAYED_NAME_REMOVAL},
    {"use-start-timestamps", GV_FEATURE_USE_START_TIMESTAMPS},
    {"type-and-unit-labels", GV_FEATURE_TYPE_AND_UNIT_LABELS},
    {"promql-duration-expr", GV_FEATURE_DURATION_EXPR},
};

unsigned gv_promql_feature_named(struct gv_slice name)
{
    for (size_t i = 0; i < GV_COUNT(features); i++) {
        if (gv_slice_is(name, features[i].name))
            return features[i].feature;
    }
    return 0;
}

const char *gv_promql_feature_at(size_t i)
{
    return i < GV_COUNT(features) ? features[i].name : NULL;
}
