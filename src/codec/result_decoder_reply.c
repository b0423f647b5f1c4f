/* The envelope: {"status", "data": {"resultType", "result"}, "errorType", "error", "warnings", "infos"}, members in any
 * order (Prometheus HTTP API, "Format overview"), and the verdict at its end. */
#include "base/number.h"
#include "codec/result_decoder_impl.h"

static struct gv_slice dup_text(struct gv_result_decoder *d)
{
    return gv_arena_dup(d->arena, d->json.text);
}

static bool take_status(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)e;
    d->has_status = true;
    d->is_error = gv_slice_is(d->json.text, "error");
    if (d->is_error || gv_slice_is(d->json.text, "success"))
        return true;
    return gv_fail(err, GV_BAD_DATA, "expected \"success\" or \"error\" as status at byte %llu",
                   (unsigned long long)d->json.token_offset);
}

static bool take_error_type(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)e, (void)err;
    d->backend.type = dup_text(d);
    return true;
}

static bool take_error(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)e, (void)err;
    d->backend.message = dup_text(d);
    return true;
}

static bool take_warning(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    if (e != JSON_STRING)
        return fail_expected(d, e, "a string as warning", err);
    gv_warn(&d->notes, "%.*s", GV_ARG(d->json.text));
    return true;
}

static bool take_info(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    if (e != JSON_STRING)
        return fail_expected(d, e, "a string as info", err);
    gv_info(&d->notes, "%.*s", GV_ARG(d->json.text));
    return true;
}

static const struct place warnings = {.what = "warnings", .value = take_warning};
static const struct place infos = {.what = "infos", .value = take_info};

static bool take_warnings(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)err;
    if (e == JSON_ARRAY)
        enter(d, &warnings);
    return true;
}

static bool take_infos(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)err;
    if (e == JSON_ARRAY)
        enter(d, &infos);
    return true;
}

/* VictoriaMetrics's cluster version says so where some of its nodes did not answer. */
static bool take_is_partial(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)err;
    if (e == JSON_TRUE)
        gv_warn(&d->notes, "the answer is partial, says the backend (isPartial)");
    return true;
}

/* Whether what was declared and what was found agree, as far as both are known. */
static bool settle(struct gv_result_decoder *d, struct gv_err *err)
{
    static const char *const found_texts[] = {[FOUND_POINT] = "a single point",
                                              [FOUND_VECTOR] = "series with one value",
                                              [FOUND_MATRIX] = "series with values"};
    static const enum found found_of[] = {[GV_RESULT_SCALAR] = FOUND_POINT,
                                          [GV_RESULT_STRING] = FOUND_POINT,
                                          [GV_RESULT_VECTOR] = FOUND_VECTOR,
                                          [GV_RESULT_MATRIX] = FOUND_MATRIX};
    if (d->declared == GV_RESULT_NONE || d->found == FOUND_NOTHING || found_of[d->declared] == d->found)
        return true;
    return gv_fail(err, GV_BAD_DATA, "resultType is \"%s\", but the result holds %s, seen at byte %llu",
                   gv_result_type_text(d->declared), found_texts[d->found], (unsigned long long)d->json.token_offset);
}

bool settle_found(struct gv_result_decoder *d, enum found found, struct gv_err *err)
{
    if (d->found != FOUND_NOTHING && d->found != found)
        return gv_fail(err, GV_BAD_DATA, "the result mixes elements of vector, matrix and scalar at byte %llu",
                       (unsigned long long)d->json.token_offset);
    d->found = found;
    return settle(d, err);
}

static bool take_result_type(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)e;
    for (enum gv_result_type t = GV_RESULT_SCALAR; t <= GV_RESULT_MATRIX; t++)
        if (gv_slice_is(d->json.text, gv_result_type_text(t)))
            d->declared = t;
    if (d->declared == GV_RESULT_NONE)
        return gv_fail(err, GV_BAD_DATA, "expected scalar, string, vector or matrix as resultType at byte %llu",
                       (unsigned long long)d->json.token_offset);
    return settle(d, err);
}

static bool take_single(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    uint32_t index = top_frame(d)->index;
    if (index == 0)
        return settle_found(d, FOUND_POINT, err) && read_time(d, &d->time, err);
    if (index > 1 || e != JSON_STRING)
        return fail_expected(d, e, index > 1 ? "']' after time and value" : "a string as the value of a point", err);
    d->text = dup_text(d);
    return true;
}

static bool take_element(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    if (d->found == FOUND_POINT || (e == JSON_NUMBER && top_frame(d)->index == 0))
        return take_single(d, e, err);
    if (e != JSON_OBJECT)
        return fail_expected(d, e, "a series", err);
    enter_series(d);
    return true;
}

static bool end_result(struct gv_result_decoder *d, struct gv_err *err)
{
    if (d->found == FOUND_POINT && top_frame(d)->index != 2)
        return fail_expected(d, JSON_ARRAY_END, "a value after the time", err);
    return true;
}

static const struct place result = {.what = "result", .value = take_element, .end = end_result};

static bool take_result(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)err;
    d->has_result = true;
    if (e == JSON_ARRAY)
        enter(d, &result);
    return true;
}

static const struct member data_members[] = {
    {NAME("resultType"), TAKES(JSON_STRING), take_result_type},
    {NAME("result"), TAKES(JSON_ARRAY) | TAKES(JSON_NULL), take_result},
};
static const struct place data = {.what = "data",
                                  .members = data_members,
                                  .n_members = GV_COUNT(data_members),
                                  .key = key_of_members,
                                  .value = value_of_members};

static bool take_data(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)err;
    d->has_data = e == JSON_OBJECT;
    if (d->has_data)
        enter(d, &data);
    return true;
}

static const struct member reply_members[] = {
    {NAME("status"), TAKES(JSON_STRING), take_status},
    {NAME("data"), TAKES(JSON_OBJECT) | TAKES(JSON_NULL), take_data},
    {NAME("errorType"), TAKES(JSON_STRING), take_error_type},
    {NAME("error"), TAKES(JSON_STRING), take_error},
    {NAME("warnings"), TAKES(JSON_ARRAY) | TAKES(JSON_NULL), take_warnings},
    {NAME("infos"), TAKES(JSON_ARRAY) | TAKES(JSON_NULL), take_infos},
    {NAME("isPartial"), TAKES(JSON_TRUE) | TAKES(JSON_FALSE), take_is_partial},
};
const struct place place_reply = {.what = "the reply",
                                  .members = reply_members,
                                  .n_members = GV_COUNT(reply_members),
                                  .key = key_of_members,
                                  .value = value_of_members};

static bool is_whole(struct gv_result_decoder *d, struct gv_err *err)
{
    if (d->dead)
        return gv_fail(err, GV_INTERNAL, "the reply was given up already");
    unsigned long long read = json_offset(&d->json);
    if (!read)
        return gv_fail(err, GV_BAD_DATA, "the reply is empty");
    if (!json_is_done(&d->json))
        return gv_fail(err, GV_BAD_DATA, "the reply is cut short after %llu bytes, where %s was expected", read,
                       json_expected(&d->json));
    if (!d->has_status)
        return gv_fail(err, GV_BAD_DATA, "the reply has no status");
    return true;
}

static bool is_result(const struct gv_result_decoder *d, struct gv_err *err)
{
    if (!d->has_data)
        return gv_fail(err, GV_BAD_DATA, "the reply has no data");
    if (d->declared == GV_RESULT_NONE)
        return gv_fail(err, GV_BAD_DATA, "the reply has no resultType");
    if (!d->has_result)
        return gv_fail(err, GV_BAD_DATA, "the reply has no result");
    bool single = d->declared == GV_RESULT_SCALAR || d->declared == GV_RESULT_STRING;
    return !single || d->found == FOUND_POINT ||
           gv_fail(err, GV_BAD_DATA, "the result of type %s is empty", gv_result_type_text(d->declared));
}

bool gv_result_decoder_finish(struct gv_result_decoder *d, struct gv_result *out, struct gv_backend_error *backend,
                              struct gv_err *err)
{
    *backend = (struct gv_backend_error){.present = false};
    if (!is_whole(d, err))
        return false;
    if (d->is_error) {
        *backend = d->backend;
        backend->present = true;
        return true;
    }
    if (!is_result(d, err))
        return false;
    *out = (struct gv_result){.type = d->declared,
                              .grid = d->options.grid,
                              .series = d->series,
                              .n = d->n_series,
                              .time = d->time,
                              .string = d->text,
                              .notes = d->notes};
    if (d->declared == GV_RESULT_SCALAR && !gv_double_parse(d->text, &out->scalar))
        return gv_fail(err, GV_BAD_DATA, "the scalar is no number: %.*s", d->text.n < 40 ? (int)d->text.n : 40,
                       d->text.p);
    return true;
}

int64_t gv_result_decoder_samples(const struct gv_result_decoder *d)
{
    return d->samples;
}

bool gv_result_decoder_has_histograms(const struct gv_result_decoder *d)
{
    return d->has_histograms;
}
