/* One element of a vector or matrix: {"metric": {...}, "value" or "values", "histogram" or "histograms"}. */
#include "codec/result_decoder_impl.h"

static const struct member series_members[] = {
    {NAME("metric"), TAKES(JSON_OBJECT), take_metric},        {NAME("value"), TAKES(JSON_ARRAY), take_point},
    {NAME("values"), TAKES(JSON_ARRAY), take_points},         {NAME("histogram"), TAKES(JSON_ARRAY), take_histogram},
    {NAME("histograms"), TAKES(JSON_ARRAY), take_histograms},
};
enum { HAS_METRIC = 1, HAS_VALUE = 2, HAS_VALUES = 4, HAS_HISTOGRAM = 8, HAS_HISTOGRAMS = 16 };

static bool check_members(const struct gv_result_decoder *d, unsigned seen, struct gv_err *err)
{
    unsigned points = seen & ~(unsigned)HAS_METRIC;
    const char *fault = !(seen & HAS_METRIC)                    ? "a series has no metric"
                        : !points                               ? "a series has no values"
                        : points == (HAS_VALUE | HAS_HISTOGRAM) ? "a series has both value and histogram"
                                                                : NULL;
    return !fault || gv_fail(err, GV_BAD_DATA, "%s, up to byte %llu", fault, (unsigned long long)d->json.token_offset);
}

static bool make_room(struct gv_result_decoder *d, struct gv_err *err)
{
    if (d->n_series < d->cap_series)
        return true;
    size_t cap = d->cap_series ? d->cap_series * 2 : 16;
    struct gv_series *bigger = gv_arena_try(d->arena, cap * sizeof *bigger, err);
    if (!bigger)
        return false;
    if (d->n_series)
        memcpy(bigger, d->series, d->n_series * sizeof *bigger);
    d->series = bigger;
    d->cap_series = cap;
    return true;
}

static bool end_series(struct gv_result_decoder *d, struct gv_err *err)
{
    if (!check_members(d, top_frame(d)->seen, err) || !make_room(d, err))
        return false;
    d->series[d->n_series++] = d->current;
    return true;
}

static const struct place series = {.what = "a series",
                                    .members = series_members,
                                    .n_members = GV_COUNT(series_members),
                                    .key = key_of_members,
                                    .value = value_of_members,
                                    .end = end_series};

void enter_series(struct gv_result_decoder *d)
{
    d->current = (struct gv_series){.column.kind = d->options.kind};
    d->next_step = 0;
    enter(d, &series);
}
