/* {"name": "value", ...} to a label set. Plain members are taken straight from the piece. */
#include "codec/json_scan.h"
#include "codec/result_decoder_impl.h"

static bool label_name(struct gv_result_decoder *d, struct gv_err *err)
{
    if (!d->json.text.n)
        return gv_fail(err, GV_BAD_DATA, "a label without a name at byte %llu",
                       (unsigned long long)d->json.token_offset);
    label_reader_name(&d->reader, d->json.text);
    return true;
}

static bool add_value(struct gv_result_decoder *d, struct gv_slice value, struct gv_err *err)
{
    label_reader_value(&d->reader, value);
    return d->reader.value_text.n <= JSON_MAX_TOKEN ||
           gv_fail(err, GV_BAD_DATA, "the labels of a series have more than %d bytes at byte %llu", JSON_MAX_TOKEN,
                   (unsigned long long)d->metric_offset);
}

static bool label_value(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    if (e != JSON_STRING)
        return fail_expected(d, e, "a string as label value", err);
    return add_value(d, d->json.text, err);
}

/* "text" at *p, without escapes and of ASCII; *p moves behind it. */
static bool plain_string(const char **p, const char *end, struct gv_slice *text)
{
    unsigned char high = 0;
    if (*p == end || **p != '"')
        return false;
    const char *start = *p + 1, *close = json_plain_end(start, end, &high);
    if (close == end || *close != '"' || high & 0x80 || close - start > JSON_MAX_TOKEN)
        return false;
    *text = (struct gv_slice){start, (size_t)(close - start)};
    *p = close + 1;
    return true;
}

static bool read_ahead_labels(struct gv_result_decoder *d, struct gv_err *err)
{
    struct json_reader *r = &d->json;
    while (json_at_member(r)) {
        const char *p = r->at;
        struct gv_slice name, value;
        if (!plain_string(&p, r->end, &name) || !name.n || p == r->end || *p++ != ':' ||
            !plain_string(&p, r->end, &value))
            break;
        label_reader_name(&d->reader, name);
        if (!add_value(d, value, err))
            return false;
        json_skip_member(r, (size_t)(p - r->at));
    }
    return true;
}

static bool end_metric(struct gv_result_decoder *d, struct gv_err *err)
{
    d->current.labels = label_reader_end(&d->reader);
    return d->current.labels || gv_fail(err, GV_BAD_DATA, "a label comes twice in a series, up to byte %llu",
                                        (unsigned long long)d->json.token_offset);
}

static const struct place metric = {
    .what = "metric", .key = label_name, .value = label_value, .end = end_metric, .ahead = read_ahead_labels};

bool take_metric(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)e, (void)err;
    label_reader_begin(&d->reader);
    d->metric_offset = d->json.token_offset;
    enter(d, &metric);
    return true;
}
