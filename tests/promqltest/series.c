/* Series descriptions: a metric, then points:
 *
 *   1  -2.5  NaN  stale      one value            _  _x3          nothing, three times nothing
 *   1x3                      four times 1         1+2x3  1-2x3    1 3 5 7 and 1 -1 -3 -5
 *   {{...}}  {{...}}x3  {{...}}+{{...}}x3  {{...}}-{{...}}x3      the same with histograms
 */
#include "base/duration.h"
#include "base/number.h"
#include "model/column.h"
#include "promql/parse.h"
#include "promql/scan.h"
#include "script.h"

struct reader {
    struct gv_arena *arena;
    struct gv_slice text;
    size_t at;
    struct gv_err *err;
};

static int peek(const struct reader *r)
{
    return gv_scan_peek(r->text, r->at);
}

static bool fail(struct reader *r, const char *what)
{
    return gv_fail(r->err, GV_BAD_DATA, "column %zu: %s", r->at + 1, what);
}

static bool at_blank(const struct reader *r)
{
    return peek(r) < 0 || gv_scan_is_blank(peek(r));
}

static void skip_blanks(struct reader *r)
{
    while (gv_scan_is_blank(peek(r)))
        r->at++;
}

static bool take(struct reader *r, const char *word)
{
    size_t n = strlen(word);
    if (r->text.n - r->at < n || memcmp(r->text.p + r->at, word, n) != 0)
        return false;
    r->at += n;
    return true;
}

/* Where an unsigned number at r ends: digits, point, exponent; or a word (inf, NaN). */
static size_t end_of_number(const struct reader *r)
{
    size_t at = r->at;
    if (gv_scan_is_alpha(peek(r))) {
        while (gv_scan_is_alpha(gv_scan_peek(r->text, at)))
            at++;
        return at;
    }
    for (int c; (c = gv_scan_peek(r->text, at)) >= 0; at++) {
        bool exponent = c == 'e' || c == 'E';
        if (!gv_scan_is_digit(c) && c != '.' && !exponent)
            break;
        int sign = gv_scan_peek(r->text, at + 1);
        at += exponent && (sign == '+' || sign == '-');
    }
    return at;
}

static bool take_number(struct reader *r, double *value)
{
    bool negative = peek(r) == '-';
    if (negative || peek(r) == '+')
        r->at++;
    size_t end = end_of_number(r);
    if (!gv_double_parse((struct gv_slice){r->text.p + r->at, end - r->at}, value))
        return fail(r, "no number");
    if (negative)
        *value = -*value;
    r->at = end;
    return true;
}

static bool take_count(struct reader *r, uint64_t *count)
{
    size_t start = r->at;
    *count = 0;
    while (gv_scan_is_digit(peek(r)) && *count < 10000000)
        *count = *count * 10 + (uint64_t)(r->text.p[r->at++] - '0');
    return (r->at > start && at_blank(r)) || fail(r, "no repetition count");
}

static void add(struct reader *r, struct points *out, struct point p)
{
    gv_push(r->arena, out->items, out->n, out->cap) = p;
}

static bool take_omitted(struct reader *r, struct points *out)
{
    uint64_t times = 1;
    r->at++;
    if (take(r, "x") && !take_count(r, &times))
        return false;
    for (uint64_t i = 0; i < times; i++)
        add(r, out, (struct point){.omitted = true});
    return at_blank(r) || fail(r, "unexpected text behind _");
}

static bool take_histograms(struct reader *r, struct points *out)
{
    struct point p, step = {0};
    uint64_t times = 0;
    if (!parse_histogram(r->arena, r->text, &r->at, &p, r->err))
        return false;
    int sign = peek(r);
    if (sign == '+' || sign == '-') {
        r->at++;
        if (!parse_histogram(r->arena, r->text, &r->at, &step, r->err))
            return false;
        p.hint_written = step.hint_written;
    }
    if (take(r, "x") && !take_count(r, &times))
        return false;
    add(r, out, p);
    for (uint64_t i = 0; i < times; i++) {
        if (step.h && p.h->schema > step.h->schema)
            return fail(r, "a finer histogram cannot be stepped by a coarser one");
        if (step.h)
            p.h = sign == '+' ? gv_histogram_add(r->arena, p.h, step.h, NULL)
                              : gv_histogram_sub(r->arena, p.h, step.h, NULL);
        add(r, out, p);
    }
    return at_blank(r) || fail(r, "unexpected text behind a histogram");
}

static bool take_floats(struct reader *r, struct points *out)
{
    double value, step = 0;
    uint64_t times = 0;
    if (take(r, "stale")) {
        uint64_t bits = GV_STALE_BITS;
        memcpy(&value, &bits, sizeof value);
    } else if (!take_number(r, &value)) {
        return false;
    }
    bool steps = peek(r) == '+' || peek(r) == '-';
    if (steps && !take_number(r, &step))
        return false;
    if (take(r, "x") && !take_count(r, &times))
        return false;
    for (uint64_t i = 0; i <= times; i++) {
        add(r, out, (struct point){.f = value});
        if (steps)
            value += step;
    }
    return at_blank(r) || fail(r, "unexpected text behind a value");
}

static bool take_points(struct reader *r, struct points *out)
{
    *out = (struct points){0};
    for (skip_blanks(r); peek(r) >= 0; skip_blanks(r)) {
        bool good = peek(r) == '_'   ? take_omitted(r, out)
                    : peek(r) == '{' ? take_histograms(r, out)
                                     : take_floats(r, out);
        if (!good)
            return false;
    }
    return true;
}

bool parse_series(struct gv_arena *a, struct gv_slice line, struct series_line *out, struct gv_err *err)
{
    struct reader r = {a, line, 0, err};
    out->labels = gv_promql_parse_metric(a, line, &r.at, err);
    if (!out->labels)
        return false;
    return (at_blank(&r) || fail(&r, "a blank is missing behind the metric")) && take_points(&r, &out->points);
}

/* ---- Start timestamps ---- */

bool is_start_line(struct gv_slice line)
{
    size_t n = 0;
    while (n < line.n && line.p[n] != ' ' && line.p[n] != '\t')
        n++;
    return n < line.n && gv_slice_has_suffix((struct gv_slice){line.p, n}, GV_S("@st"));
}

static bool take_duration(struct reader *r, int64_t *ms)
{
    bool negative = peek(r) == '-';
    if (negative || peek(r) == '+')
        r->at++;
    size_t start = r->at;
    while (gv_scan_is_digit(peek(r)))
        r->at++;
    while (gv_scan_is_alpha(peek(r)) && peek(r) != 'x')
        r->at++;
    if (!gv_duration_parse((struct gv_slice){r->text.p + start, r->at - start}, ms, r->err))
        return false;
    if (negative)
        *ms = -*ms;
    return true;
}

static bool take_starts(struct reader *r, struct points *out)
{
    int64_t offset, step = 0;
    uint64_t times = 0;
    if (!take_duration(r, &offset))
        return false;
    if ((peek(r) == '+' || peek(r) == '-') && !take_duration(r, &step))
        return false;
    if (take(r, "x") && !take_count(r, &times))
        return false;
    for (uint64_t i = 0; i <= times; i++)
        add(r, out, (struct point){.f = (double)(offset + (int64_t)i * step)});
    return at_blank(r) || fail(r, "unexpected text behind a start timestamp");
}

bool parse_start_line(struct gv_arena *a, struct gv_slice line, struct series_line *out, struct gv_err *err)
{
    struct reader r = {a, line, 0, err};
    *out = (struct series_line){0};
    out->labels = gv_promql_parse_metric(a, line, &r.at, err);
    if (!out->labels)
        return false;
    if (!take(&r, "@st"))
        return fail(&r, "no @st behind the metric");
    for (skip_blanks(&r); peek(&r) >= 0; skip_blanks(&r)) {
        if (peek(&r) == '_' ? !take_omitted(&r, &out->points) : !take_starts(&r, &out->points))
            return false;
    }
    return true;
}
