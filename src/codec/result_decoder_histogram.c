/* A native histogram as query results write it: {"count": "4", "sum": "5", "buckets": [[0, "1", "2", "4"]]}. It is
 * checked, not read: its source text is what is kept. */
#include "codec/result_decoder_impl.h"

static bool take_number(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)e;
    double v;
    return read_value(d, &v, err);
}

static bool is_boundary_rule(struct gv_slice text)
{
    return text.n == 1 && *text.p >= '0' && *text.p <= '3';
}

static bool bucket_value(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    static const char expected[] = "[0 to 3, \"lower\", \"upper\", \"count\"] as bucket";
    double v;
    uint32_t index = top_frame(d)->index;
    if (index == 0)
        return (e == JSON_NUMBER && is_boundary_rule(d->json.text)) || fail_expected(d, e, expected, err);
    return index < 4 && e == JSON_STRING ? read_value(d, &v, err) : fail_expected(d, e, expected, err);
}

static bool end_bucket(struct gv_result_decoder *d, struct gv_err *err)
{
    return top_frame(d)->index == 4 || fail_expected(d, JSON_ARRAY_END, "four values as bucket", err);
}

static const struct place bucket = {.what = "a bucket", .value = bucket_value, .end = end_bucket};

static bool take_bucket(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    if (e != JSON_ARRAY)
        return fail_expected(d, e, "an array as bucket", err);
    enter(d, &bucket);
    return true;
}

static const struct place buckets = {.what = "buckets", .value = take_bucket};

static bool take_buckets(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)e, (void)err;
    enter(d, &buckets);
    return true;
}

static const struct member histogram_members[] = {
    {NAME("count"), TAKES(JSON_STRING), take_number},
    {NAME("sum"), TAKES(JSON_STRING), take_number},
    {NAME("buckets"), TAKES(JSON_ARRAY), take_buckets},
};

static bool end_histogram(struct gv_result_decoder *d, struct gv_err *err)
{
    enum { COUNT_AND_SUM = 3 };
    return (top_frame(d)->seen & COUNT_AND_SUM) == COUNT_AND_SUM ||
           gv_fail(err, GV_BAD_DATA, "a histogram without count or sum, up to byte %llu",
                   (unsigned long long)d->json.token_offset);
}

static const struct place histogram = {.what = "a histogram",
                                       .members = histogram_members,
                                       .n_members = GV_COUNT(histogram_members),
                                       .key = key_of_members,
                                       .value = value_of_members,
                                       .end = end_histogram};

void enter_histogram(struct gv_result_decoder *d)
{
    enter(d, &histogram);
}
