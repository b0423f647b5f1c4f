/* The points of a series, [time, "value"] or [time, {histogram}]. Plain points are taken straight from the piece: for
 * spans sixty-four bytes at a time, validated and counted; for steps point by point, parsed into the column. All
 * others, and the last ones of a piece or list, come through the JSON reader, which sees the same text the slow way:
 * what the fast ways take, it would take too. */
#include "base/number.h"
#include "codec/points_scan.h"
#include "codec/result_decoder_impl.h"
#include <math.h>

static bool is_span(const struct gv_result_decoder *d)
{
    return d->options.kind == GV_COLUMN_SPAN;
}

static bool count_points(struct gv_result_decoder *d, uint32_t n, struct gv_err *err)
{
    d->n_points += n;
    d->samples += n;
    return !d->options.max_samples || d->samples <= d->options.max_samples ||
           gv_fail(err, GV_EXECUTION, "query processing would load too many samples into memory in query execution");
}

/* Digits, or digits, a dot and digits: fifteen in all at most, so that every such number is exact in a double. */
enum { PLAIN_DIGITS = 15 };
struct plain_number {
    uint64_t digits;
    size_t decimals;
};

static const char *plain_digits(const char *p, const char *end, uint64_t *digits)
{
    const char *limit = end - p > PLAIN_DIGITS + 1 ? p + PLAIN_DIGITS + 1 : end;
    for (unsigned digit; p < limit && (digit = (unsigned char)*p - (unsigned)'0') < 10; p++)
        *digits = *digits * 10 + digit;
    return p;
}

/* What follows the number at p, or NULL where it is not plain. */
static const char *plain_number(const char *p, const char *end, struct plain_number *number)
{
    *number = (struct plain_number){.digits = 0};
    const char *at = plain_digits(p, end, &number->digits);
    size_t whole = (size_t)(at - p);
    if (at < end && *at == '.') {
        p = at + 1;
        at = plain_digits(p, end, &number->digits);
        number->decimals = (size_t)(at - p);
        if (!number->decimals)
            return NULL;
    }
    return whole && whole + number->decimals <= PLAIN_DIGITS ? at : NULL;
}

static const char *plain_time(const char *p, const char *end, int64_t *ms)
{
    static const int64_t scale[] = {1000, 100, 10, 1};
    struct plain_number t;
    bool leading_zero = end - p > 1 && p[0] == '0' && p[1] != '.' && p[1] != ',';
    p = plain_number(p, end, &t);
    if (!p || t.decimals > 3 || leading_zero)
        return NULL;
    *ms = (int64_t)t.digits * scale[t.decimals];
    return p;
}

static const char *plain_value(const char *p, const char *end, double *v)
{
    static const double scale[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    struct plain_number n;
    bool negative = p < end && *p == '-';
    p = plain_number(p + negative, end, &n);
    if (!p)
        return NULL;
    double size = (double)n.digits / scale[n.decimals];
    *v = negative ? -size : size;
    return p;
}

bool read_time(struct gv_result_decoder *d, int64_t *ms, struct gv_err *err)
{
    static const double limit = 9e15; /* seconds: what fits in 64 bits of milliseconds */
    struct gv_slice text = d->json.text;
    if (plain_time(text.p, text.p + text.n, ms) == text.p + text.n)
        return true;
    double seconds;
    if (!gv_double_parse(text, &seconds) || fabs(seconds) > limit)
        return gv_fail(err, GV_BAD_DATA, "a time out of range at byte %llu", (unsigned long long)d->json.token_offset);
    *ms = llround(seconds * 1000);
    return true;
}

bool read_value(struct gv_result_decoder *d, double *v, struct gv_err *err)
{
    return gv_double_parse(d->json.text, v) ||
           gv_fail(err, GV_BAD_DATA, "expected a number in quotes, got other text at byte %llu",
                   (unsigned long long)d->json.token_offset);
}

static bool find_step(struct gv_result_decoder *d, int64_t ms, uint32_t *step, struct gv_err *err)
{
    const struct gv_grid *g = &d->options.grid;
    *step = d->next_step;
    if (*step < g->n && gv_grid_time(g, *step) == ms)
        return true;
    int64_t from_start;
    if (!__builtin_sub_overflow(ms, g->start, &from_start) && from_start >= 0) {
        int64_t i = g->step > 0 ? from_start / g->step : from_start;
        if (i < g->n && gv_grid_time(g, (uint32_t)i) == ms) {
            *step = (uint32_t)i;
            return true;
        }
    }
    return gv_fail(err, GV_BAD_DATA,
                   "a point at %lld ms is not on the asked grid (from %lld ms, %u steps of %lld ms), at byte %llu",
                   (long long)ms, (long long)g->start, g->n, (long long)g->step, (unsigned long long)d->point_offset);
}

static bool put_step(struct gv_result_decoder *d, int64_t ms, double value, struct gv_err *err)
{
    struct gv_steps_column *c = &d->current.column.steps;
    uint32_t step;
    if (d->options.skip_earlier && ms < d->options.grid.start)
        return true;
    if (!find_step(d, ms, &step, err))
        return false;
    if (gv_bit(c->present, step))
        return gv_fail(err, GV_BAD_DATA, "two points of a series at %lld ms, again at byte %llu", (long long)ms,
                       (unsigned long long)d->point_offset);
    c->values[step] = value;
    gv_bit_set(c->present, step);
    d->next_step = step + 1;
    return count_points(d, 1, err);
}

/* Room for one more raw point: both arrays double. */
static bool grow_raw(struct gv_result_decoder *d, struct gv_err *err)
{
    enum { FIRST_POINTS = 32 };
    size_t cap = d->raw_cap ? d->raw_cap * 2 : FIRST_POINTS, n = d->current.column.raw.n;
    int64_t *times = gv_arena_try(d->arena, cap * sizeof *times, err);
    double *values = gv_arena_try(d->arena, cap * sizeof *values, err);
    if (!times || !values)
        return false;
    if (n) {
        memcpy(times, d->raw_times, n * sizeof *times);
        memcpy(values, d->raw_values, n * sizeof *values);
    }
    d->raw_times = times;
    d->raw_values = values;
    d->raw_cap = cap;
    return true;
}

static bool put_raw(struct gv_result_decoder *d, int64_t ms, double value, struct gv_err *err)
{
    struct gv_raw_column *c = &d->current.column.raw;
    if (c->n && ms <= d->raw_times[c->n - 1])
        return gv_fail(err, GV_BAD_DATA, "a point at %lld ms behind one at %lld ms, at byte %llu", (long long)ms,
                       (long long)d->raw_times[c->n - 1], (unsigned long long)d->point_offset);
    if (c->n == d->raw_cap && !grow_raw(d, err))
        return false;
    d->raw_times[c->n] = ms;
    d->raw_values[c->n] = value;
    *c = (struct gv_raw_column){.times = d->raw_times, .values = d->raw_values, .n = c->n + 1};
    return count_points(d, 1, err);
}

static bool put_point(struct gv_result_decoder *d, int64_t ms, double value, struct gv_err *err)
{
    return d->options.kind == GV_COLUMN_RAW ? put_raw(d, ms, value, err) : put_step(d, ms, value, err);
}

static bool read_ahead_spans(struct gv_result_decoder *d, struct gv_err *err)
{
    struct json_reader *r = &d->json;
    const char *at = r->at;
    uint32_t n, total = 0;
    for (size_t length; r->end - at >= POINTS_WINDOW && (length = points_in_window(at, &n)); at += length)
        total += n;
    if (!total)
        return true;
    json_skip_elements(r, (size_t)(at - r->at));
    return count_points(d, total, err);
}

/* What follows the value in quotes at p, or NULL. */
static const char *quoted_value(const char *p, const char *end, double *v)
{
    const char *close = plain_value(p, end, v);
    if (close && close < end && *close == '"')
        return close + 1;
    close = memchr(p, '"', (size_t)(end - p));
    return close && gv_double_parse((struct gv_slice){p, (size_t)(close - p)}, v) ? close + 1 : NULL;
}

/* What follows [time,"value"], and its comma at p; NULL where it is not whole or not plain. */
static const char *plain_point(const char *p, const char *end, int64_t *ms, double *value)
{
    enum { LOOKED_AT = 128 };
    if (end - p > LOOKED_AT)
        end = p + LOOKED_AT;
    if (p == end || *p != '[' || !(p = plain_time(p + 1, end, ms)) || end - p < 2 || p[0] != ',' || p[1] != '"')
        return NULL;
    p = quoted_value(p + 2, end, value);
    return p && end - p >= 2 && p[0] == ']' && p[1] == ',' ? p + 2 : NULL;
}

static bool read_ahead_steps(struct gv_result_decoder *d, struct gv_err *err)
{
    struct json_reader *r = &d->json;
    int64_t ms;
    double value;
    for (const char *next; (next = plain_point(r->at, r->end, &ms, &value));) {
        d->point_offset = json_offset(r);
        json_skip_elements(r, (size_t)(next - r->at));
        if (!put_point(d, ms, value, err))
            return false;
    }
    return true;
}

static bool read_ahead_points(struct gv_result_decoder *d, struct gv_err *err)
{
    if (!json_at_element(&d->json))
        return true;
    return is_span(d) ? read_ahead_spans(d, err) : read_ahead_steps(d, err);
}

static bool end_pair(struct gv_result_decoder *d, struct gv_err *err)
{
    return top_frame(d)->index == 2 || fail_expected(d, JSON_ARRAY_END, "a time and a value", err);
}

static bool take_time(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    if (e != JSON_NUMBER)
        return fail_expected(d, e, "a number as time of a point", err);
    return read_time(d, &d->point_time, err);
}

static bool take_float(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    double value;
    if (top_frame(d)->index == 0)
        return take_time(d, e, err);
    if (e != JSON_STRING || top_frame(d)->index > 1)
        return fail_expected(d, e, e == JSON_STRING ? "']' after time and value" : "a string as value of a point", err);
    if (!read_value(d, &value, err))
        return false;
    return is_span(d) ? count_points(d, 1, err) : put_point(d, d->point_time, value, err);
}

static bool take_histogram_value(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    if (top_frame(d)->index == 0)
        return take_time(d, e, err);
    if (e != JSON_OBJECT || top_frame(d)->index > 1)
        return fail_expected(d, e, e == JSON_OBJECT ? "']' after time and histogram" : "an object as histogram", err);
    enter_histogram(d);
    return count_points(d, 1, err);
}

static bool end_float(struct gv_result_decoder *d, struct gv_err *err)
{
    struct gv_span_column *c = &d->current.column.span;
    if (!end_pair(d, err))
        return false;
    if (!is_span(d))
        return true;
    c->n_floats = d->n_points;
    return keep_until(d, d->json.at, &c->floats, err);
}

static bool end_histogram(struct gv_result_decoder *d, struct gv_err *err)
{
    struct gv_span_column *c = &d->current.column.span;
    c->n_histograms = d->n_points;
    return end_pair(d, err) && keep_until(d, d->json.at, &c->histograms, err);
}

static const struct place listed_float = {.what = "a point", .value = take_float, .end = end_pair};
static const struct place listed_histogram = {.what = "a point", .value = take_histogram_value, .end = end_pair};
static const struct place single_float = {.what = "value", .value = take_float, .end = end_float};
static const struct place single_histogram = {.what = "histogram", .value = take_histogram_value, .end = end_histogram};

static bool take_listed_float(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    if (e != JSON_ARRAY)
        return fail_expected(d, e, "an array as point", err);
    d->point_offset = d->json.token_offset;
    enter(d, &listed_float);
    return true;
}

static bool take_listed_histogram(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    if (e != JSON_ARRAY)
        return fail_expected(d, e, "an array as point", err);
    enter(d, &listed_histogram);
    return true;
}

static bool keep_list(struct gv_result_decoder *d, const struct gv_text **text, uint32_t *n, struct gv_err *err)
{
    if (!keep_until(d, d->json.at - 1, text, err))
        return false;
    *n = d->n_points;
    if (!*n)
        *text = NULL; /* blanks at most */
    return true;
}

static bool end_floats(struct gv_result_decoder *d, struct gv_err *err)
{
    struct gv_span_column *c = &d->current.column.span;
    return !is_span(d) || keep_list(d, &c->floats, &c->n_floats, err);
}

static bool end_histograms(struct gv_result_decoder *d, struct gv_err *err)
{
    struct gv_span_column *c = &d->current.column.span;
    return keep_list(d, &c->histograms, &c->n_histograms, err);
}

static const struct place floats = {
    .what = "values", .value = take_listed_float, .end = end_floats, .ahead = read_ahead_points};
static const struct place histograms = {.what = "histograms", .value = take_listed_histogram, .end = end_histograms};

static bool make_steps(struct gv_result_decoder *d, struct gv_err *err)
{
    size_t values = d->options.grid.n * sizeof(double), words = gv_bits_words(d->options.grid.n) * sizeof(uint64_t);
    char *p = gv_arena_try(d->arena, values + words, err);
    if (!p)
        return false;
    memset(p, 0, values + words);
    d->current.column.steps =
        (struct gv_steps_column){.values = (double *)(void *)p, .present = (uint64_t *)(void *)(p + values)};
    return true;
}

static bool make_column(struct gv_result_decoder *d, struct gv_err *err)
{
    if (d->options.kind == GV_COLUMN_STEPS)
        return make_steps(d, err);
    d->raw_cap = 0;
    d->current.column.raw = (struct gv_raw_column){0};
    return true;
}

static bool begin_points(struct gv_result_decoder *d, enum found found, const struct place *place, const char *from,
                         struct gv_err *err)
{
    if (!settle_found(d, found, err))
        return false;
    d->n_points = 0;
    d->point_offset = d->json.token_offset;
    if (is_span(d))
        keep_from(d, from);
    else if (!make_column(d, err))
        return false;
    enter(d, place);
    return true;
}

bool take_point(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)e;
    return begin_points(d, FOUND_VECTOR, &single_float, d->json.at - 1, err);
}

bool take_points(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)e;
    return begin_points(d, FOUND_MATRIX, &floats, d->json.at, err);
}

static bool leave_histograms_out(struct gv_result_decoder *d, enum found found, struct gv_err *err)
{
    bool is_made = d->options.kind == GV_COLUMN_RAW || d->current.column.steps.present;
    skip(d);
    return settle_found(d, found, err) && (is_made || make_column(d, err));
}

static bool begin_histograms(struct gv_result_decoder *d, enum found found, const struct place *place, const char *from,
                             struct gv_err *err)
{
    d->has_histograms = true;
    if (!is_span(d) && d->options.floats_only)
        return leave_histograms_out(d, found, err);
    if (!is_span(d))
        return gv_fail(
            err, GV_EXECUTION,
            "native histograms cannot be computed with as query JSON, which leaves out their schema, at byte %llu",
            (unsigned long long)d->json.token_offset);
    return begin_points(d, found, place, from, err);
}

bool take_histogram(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)e;
    return begin_histograms(d, FOUND_VECTOR, &single_histogram, d->json.at - 1, err);
}

bool take_histograms(struct gv_result_decoder *d, enum json_event e, struct gv_err *err)
{
    (void)e;
    return begin_histograms(d, FOUND_MATRIX, &histograms, d->json.at, err);
}
