/* Comparison as in Prometheus's promqltest: numbers within a relative 1e-6, any NaN like any other but the stale
 * marker, histograms without their empty buckets, reset hints only where the script wrote them. */
#include "compare.h"
#include "base/number.h"
#include <float.h>
#include <math.h>

static bool almost_equal(double a, double b)
{
    if (gv_is_stale(a) || gv_is_stale(b))
        return gv_is_stale(a) && gv_is_stale(b);
    if ((isnan(a) && isnan(b)) || a == b)
        return true;
    double sum = fabs(a) + fabs(b), difference = fabs(a - b);
    if (a == 0 || b == 0 || sum < DBL_MIN)
        return difference < 1e-6 * DBL_MIN;
    return difference / fmin(sum, DBL_MAX) < 1e-6;
}

/* ---- Histograms ---- */

/* Compact ones: no empty buckets, so equal spans mean equal buckets. */
static bool same_buckets(const struct gv_buckets *a, const struct gv_buckets *b)
{
    if (a->n_counts != b->n_counts || a->n_spans != b->n_spans)
        return false;
    for (uint32_t i = 0; i < a->n_spans; i++) {
        if (a->spans[i].offset != b->spans[i].offset || a->spans[i].length != b->spans[i].length)
            return false;
    }
    for (uint32_t i = 0; i < a->n_counts; i++) {
        if (!almost_equal(a->counts[i], b->counts[i]))
            return false;
    }
    return true;
}

static bool same_histogram(const struct point *expected, const struct gv_histogram *got)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    const struct gv_histogram *x = gv_histogram_compact(&a, expected->h), *y = gv_histogram_compact(&a, got);
    bool same = x->schema == y->schema && almost_equal(x->count, y->count) && almost_equal(x->sum, y->sum) &&
                (!gv_histogram_is_custom(x) || gv_histogram_bounds_eq(x, y)) &&
                x->zero_threshold == y->zero_threshold && almost_equal(x->zero_count, y->zero_count) &&
                same_buckets(&x->negative, &y->negative) && same_buckets(&x->positive, &y->positive) &&
                (!expected->hint_written || expected->h->reset_hint == got->reset_hint);
    gv_arena_fini(&a);
    return same;
}

/* ---- Points ---- */

struct sample {
    int64_t time;
    double f;
    const struct gv_histogram *h;
};

static bool step_sample(const struct gv_result *r, const struct gv_steps_column *c, uint32_t i, struct sample *out)
{
    if (!gv_bit(c->present, i))
        return false;
    *out = (struct sample){gv_grid_time(&r->grid, i), c->values[i], c->histograms ? c->histograms[i] : NULL};
    return true;
}

/* The samples of a series, in order: call with *at = 0 until false. */
static bool next_sample(const struct gv_result *r, const struct gv_series *s, uint32_t *at, struct sample *out)
{
    const struct gv_column *c = &s->column;
    if (c->kind == GV_COLUMN_RAW) {
        if (*at >= c->raw.n)
            return false;
        uint32_t i = (*at)++;
        *out = (struct sample){c->raw.times[i], c->raw.values[i], c->raw.histograms ? c->raw.histograms[i] : NULL};
        return true;
    }
    if (c->kind != GV_COLUMN_STEPS)
        gv_die("a result column of kind %d", (int)c->kind);
    while (*at < r->grid.n) {
        if (step_sample(r, &c->steps, (*at)++, out))
            return true;
    }
    return false;
}

static bool same_point(const struct point *expected, const struct sample *got)
{
    if (!expected->h != !got->h)
        return false;
    return expected->h ? same_histogram(expected, got->h) : almost_equal(expected->f, got->f);
}

static void say_value(struct gv_buf *out, double f, const struct gv_histogram *h)
{
    if (h)
        gv_histogram_print_literal(out, h);
    else
        gv_buf_add_double(out, f);
}

static void say_sample(struct gv_buf *out, const struct sample *s)
{
    gv_buf_addc(out, ' ');
    say_value(out, s->f, s->h);
    gv_buf_printf(out, "@%lld", (long long)s->time);
}

static void say_series(struct gv_buf *out, const struct gv_result *r, const struct gv_series *s)
{
    struct sample sample;
    gv_labels_print(out, s->labels);
    for (uint32_t at = 0; next_sample(r, s, &at, &sample);)
        say_sample(out, &sample);
}

static void say_result(struct gv_buf *out, const struct gv_result *r)
{
    if (r->type == GV_RESULT_SCALAR) {
        gv_buf_adds(out, " scalar ");
        gv_buf_add_double(out, r->scalar);
    } else if (r->type == GV_RESULT_STRING) {
        gv_buf_adds(out, " string ");
        gv_buf_add_quoted(out, r->string);
    } else if (r->n == 0) {
        gv_buf_adds(out, " nothing");
    }
    for (size_t i = 0; i < r->n; i++) {
        gv_buf_adds(out, "\n      ");
        say_series(out, r, &r->series[i]);
    }
}

static bool differ(struct gv_buf *why, const struct gv_result *r, const struct gv_labels *labels,
                   const struct point *expected)
{
    gv_buf_adds(why, "expected ");
    if (labels)
        gv_labels_print(why, labels);
    if (expected) {
        gv_buf_addc(why, ' ');
        say_value(why, expected->f, expected->h);
    }
    gv_buf_adds(why, ", got");
    say_result(why, r);
    return false;
}

static bool say(struct gv_buf *why, const char *what, const struct gv_result *r)
{
    gv_buf_adds(why, what);
    gv_buf_adds(why, ", got");
    say_result(why, r);
    return false;
}

/* ---- Results ---- */

static const struct series_line *expected_for(const struct eval *e, const struct gv_labels *l, size_t *position)
{
    for (size_t i = e->n_expected; i-- > 0;) { /* of equal lines the last one counts */
        if (gv_labels_eq(e->expected[i].labels, l)) {
            *position = i;
            return &e->expected[i];
        }
    }
    return NULL;
}

static bool is_among(const struct gv_result *r, const struct gv_labels *l)
{
    for (size_t i = 0; i < r->n; i++) {
        if (gv_labels_eq(r->series[i].labels, l))
            return true;
    }
    return false;
}

static bool none_is_missing(const struct eval *e, const struct gv_result *r, struct gv_buf *why)
{
    for (size_t i = 0; i < e->n_expected; i++) {
        if (!is_among(r, e->expected[i].labels))
            return differ(why, r, e->expected[i].labels, e->expected[i].points.items);
    }
    return true;
}

static bool compare_vector(const struct eval *e, const struct gv_result *r, bool ordered, struct gv_buf *why)
{
    if (e->expects_scalar)
        return say(why, "expected a scalar", r);
    for (size_t i = 0; i < r->n; i++) {
        size_t position;
        struct sample got;
        uint32_t at = 0;
        const struct series_line *line = expected_for(e, r->series[i].labels, &position);
        if (!next_sample(r, &r->series[i], &at, &got))
            return say(why, "expected a value in every series", r);
        if (!line || !line->points.n)
            return say(why, "expected other series", r);
        if (ordered && position != i)
            return say(why, "expected another order", r);
        if (!same_point(&line->points.items[0], &got))
            return differ(why, r, line->labels, &line->points.items[0]);
    }
    return none_is_missing(e, r, why);
}

static bool is_sorted(const struct gv_result *r, struct gv_buf *why)
{
    for (size_t i = 1; i < r->n; i++) {
        if (gv_labels_cmp(r->series[i - 1].labels, r->series[i].labels) > 0)
            return say(why, "expected series sorted by labels", r);
    }
    return true;
}

static bool compare_points(const struct eval *e, const struct series_line *line, const struct gv_result *r,
                           const struct gv_series *s, struct gv_buf *why)
{
    struct sample got;
    uint32_t at = 0;
    for (size_t i = 0; i < line->points.n; i++) {
        const struct point *p = &line->points.items[i];
        int64_t time = e->start + (int64_t)i * e->step;
        if (time > e->end)
            return say(why, "expected more points than the range has steps", r);
        if (p->omitted)
            continue;
        if (!next_sample(r, s, &at, &got) || got.time != time || !same_point(p, &got)) {
            gv_buf_printf(why, "at %lld ms ", (long long)time);
            return differ(why, r, line->labels, p);
        }
    }
    return !next_sample(r, s, &at, &got) || say(why, "expected fewer points", r);
}

static bool compare_matrix(const struct eval *e, const struct gv_result *r, struct gv_buf *why)
{
    if (expects(e, EXPECT_ORDERED))
        return say(why, "expected an ordered result", r);
    if (e->expects_scalar)
        return say(why, "expected a scalar", r);
    if (!is_sorted(r, why))
        return false;
    for (size_t i = 0; i < r->n; i++) {
        size_t position;
        const struct series_line *line = expected_for(e, r->series[i].labels, &position);
        if (!line)
            return say(why, "expected other series", r);
        if (!compare_points(e, line, r, &r->series[i], why))
            return false;
    }
    return none_is_missing(e, r, why);
}

static bool compare_scalar(const struct eval *e, double got, const struct gv_result *r, struct gv_buf *why)
{
    if (!e->expects_scalar)
        return say(why, "expected series", r);
    return almost_equal(e->scalar, got) || differ(why, r, NULL, &(struct point){.f = e->scalar});
}

bool compare_result(const struct eval *e, const struct gv_result *r, struct gv_buf *why)
{
    switch (r->type) {
    case GV_RESULT_MATRIX:
        return compare_matrix(e, r, why);
    case GV_RESULT_VECTOR:
        return compare_vector(e, r, expects(e, EXPECT_ORDERED), why);
    case GV_RESULT_SCALAR:
        return compare_scalar(e, r->scalar, r, why);
    case GV_RESULT_STRING:
        return (e->expects_string && gv_slice_eq(e->string, r->string)) || say(why, "expected another string", r);
    default:
        return say(why, "expected a result", r);
    }
}

/* The series that have a value at that time, each with that value alone. */
static struct gv_result cut_step(struct gv_arena *a, const struct gv_result *r, int64_t time)
{
    struct gv_result step = {.type = GV_RESULT_VECTOR, .grid = {time, 0, 1}};
    step.series = gv_arena_array(a, struct gv_series, r->n);
    for (size_t i = 0; i < r->n; i++) {
        struct sample s = {.time = time - 1};
        for (uint32_t at = 0; next_sample(r, &r->series[i], &at, &s) && s.time != time;)
            ;
        if (s.time != time)
            continue;
        struct sample *kept = gv_arena_new(a, struct sample);
        *kept = s;
        struct gv_raw_column raw = {&kept->time, &kept->f, kept->h ? &kept->h : NULL, NULL, 1};
        step.series[step.n++] = (struct gv_series){r->series[i].labels, {.kind = GV_COLUMN_RAW, .raw = raw}};
    }
    return step;
}

bool compare_step(const struct eval *e, const struct gv_result *r, int64_t time, bool scalar, struct gv_buf *why)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_result step = cut_step(&a, r, time);
    bool good;
    if (!is_sorted(r, why))
        good = false;
    else if (scalar)
        good = step.n == 1 ? compare_scalar(e, step.series[0].column.raw.values[0], &step, why)
                           : say(why, "expected one series", r);
    else
        good = compare_vector(e, &step, false, why);
    gv_arena_fini(&a);
    return good;
}

/* ---- Annotations and failures ---- */

static bool fits(const struct expected_note *n, struct gv_slice text)
{
    return n->any || (n->regex ? gv_regex_match(n->regex, text) : gv_slice_eq(n->message, text));
}

static void say_texts(struct gv_buf *why, const struct gv_slice *texts, size_t n)
{
    gv_buf_adds(why, n ? ", got" : ", got none");
    for (size_t i = 0; i < n; i++)
        gv_buf_printf(why, "\n      %.*s", GV_ARG(texts[i]));
}

static void say_note(struct gv_buf *why, const char *what, struct gv_slice text)
{
    gv_buf_printf(why, "%s %.*s", what, GV_ARG(text));
}

static bool every_expected_is_there(const struct eval *e, enum expectation kind, const struct gv_slice *texts, size_t n,
                                    struct gv_buf *why)
{
    for (size_t i = 0; i < e->n_notes; i++) {
        const struct expected_note *note = &e->notes[i];
        bool found = note->kind != kind;
        for (size_t k = 0; k < n && !found; k++)
            found = fits(note, texts[k]);
        if (found)
            continue;
        say_note(why, kind == EXPECT_WARN ? "expected the warning" : "expected the info",
                 note->regex ? GV_S("(a pattern)") : note->message);
        say_texts(why, texts, n);
        return false;
    }
    return true;
}

static bool every_text_is_expected(const struct eval *e, enum expectation kind, const struct gv_slice *texts, size_t n,
                                   struct gv_buf *why)
{
    for (size_t k = 0; expects(e, kind) && k < n; k++) {
        bool found = false;
        for (size_t i = 0; i < e->n_notes && !found; i++)
            found = e->notes[i].kind == kind && fits(&e->notes[i], texts[k]);
        if (found)
            continue;
        say_note(why, "expected no annotation", texts[k]);
        return false;
    }
    return true;
}

static bool compare_kind(const struct eval *e, enum expectation some, enum expectation none,
                         const struct gv_slice *texts, size_t n, struct gv_buf *why)
{
    if (expects(e, none) && n) {
        gv_buf_adds(why, none == EXPECT_NO_WARN ? "expected no warning" : "expected no info");
        say_texts(why, texts, n);
        return false;
    }
    return every_expected_is_there(e, some, texts, n, why) && every_text_is_expected(e, some, texts, n, why);
}

bool compare_notes(const struct eval *e, const struct gv_annotations *notes, struct gv_buf *why)
{
    return compare_kind(e, EXPECT_WARN, EXPECT_NO_WARN, notes->warnings, notes->n_warnings, why) &&
           compare_kind(e, EXPECT_INFO, EXPECT_NO_INFO, notes->infos, notes->n_infos, why);
}

bool compare_failure(const struct eval *e, const char *message, struct gv_buf *why)
{
    for (size_t i = 0; i < e->n_notes; i++) {
        if (e->notes[i].kind != EXPECT_FAIL || fits(&e->notes[i], gv_slice_of(message)))
            continue;
        say_note(why, "expected the error", e->notes[i].regex ? GV_S("(a pattern)") : e->notes[i].message);
        gv_buf_printf(why, ", got %s", message);
        return false;
    }
    return true;
}

/* ---- Two results ---- */

static bool say_both(struct gv_buf *why, const char *what, const struct gv_result *expected,
                     const struct gv_result *got)
{
    gv_buf_printf(why, "%s: in one", what);
    say_result(why, expected);
    gv_buf_adds(why, "\n      planned");
    say_result(why, got);
    return false;
}

static bool same_points(const struct gv_result *a, const struct gv_series *x, const struct gv_result *b,
                        const struct gv_series *y)
{
    struct sample s, t;
    uint32_t i = 0, k = 0;
    while (next_sample(a, x, &i, &s)) {
        struct point expected = {.f = s.f, .h = s.h};
        if (!next_sample(b, y, &k, &t) || s.time != t.time || !same_point(&expected, &t))
            return false;
    }
    return !next_sample(b, y, &k, &t);
}

static const struct gv_series *series_like(const struct gv_result *r, const struct gv_labels *l)
{
    for (size_t i = 0; i < r->n; i++)
        if (gv_labels_eq(r->series[i].labels, l))
            return &r->series[i];
    return NULL;
}

bool compare_results(const struct gv_result *expected, const struct gv_result *got, bool ordered, struct gv_buf *why)
{
    if (expected->type != got->type || expected->n != got->n)
        return say_both(why, "another type, or more or fewer series", expected, got);
    if (expected->type == GV_RESULT_SCALAR && !almost_equal(expected->scalar, got->scalar))
        return say_both(why, "another scalar", expected, got);
    if (expected->type == GV_RESULT_STRING && !gv_slice_eq(expected->string, got->string))
        return say_both(why, "another string", expected, got);
    for (size_t i = 0; i < expected->n; i++) {
        const struct gv_series *x = &expected->series[i];
        const struct gv_series *y = ordered ? &got->series[i] : series_like(got, x->labels);
        if (!y || !gv_labels_eq(x->labels, y->labels) || !same_points(expected, x, got, y))
            return say_both(why, "other series, points or order", expected, got);
    }
    return got->type != GV_RESULT_MATRIX || is_sorted(got, why);
}

static bool all_among(const struct gv_slice *texts, size_t n, const struct gv_slice *others, size_t n_others)
{
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        for (size_t k = 0; k < n_others && !found; k++)
            found = gv_slice_eq(texts[i], others[k]);
        if (!found)
            return false;
    }
    return true;
}

bool compare_all_notes(const struct gv_annotations *a, const struct gv_annotations *b, struct gv_buf *why)
{
    if (all_among(a->warnings, a->n_warnings, b->warnings, b->n_warnings) &&
        all_among(b->warnings, b->n_warnings, a->warnings, a->n_warnings) &&
        all_among(a->infos, a->n_infos, b->infos, b->n_infos) && all_among(b->infos, b->n_infos, a->infos, a->n_infos))
        return true;
    gv_buf_adds(why, "annotations: in one");
    say_texts(why, a->warnings, a->n_warnings);
    say_texts(why, a->infos, a->n_infos);
    gv_buf_adds(why, "\n      planned");
    say_texts(why, b->warnings, b->n_warnings);
    say_texts(why, b->infos, b->n_infos);
    return false;
}
