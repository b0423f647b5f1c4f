/* A result and the lines of a script are both read into plain lists of samples. Lists of the same labels must agree
 * sample by sample, and there must be no others on either side.
 *
 * Values agree where |a-b| is below a millionth of |a|+|b|; NaN agrees with NaN, the stale marker only with itself.
 * Empty buckets of histograms do not count, and reset hints only where the script wrote them. */
#include "compare.h"
#include "base/number.h"
#include <math.h>

struct sample {
    int64_t time;
    double f;
    const struct gv_histogram *h; /* or NULL: the sample is f */
    bool hint_counts;             /* of an expected histogram: its reset hint stands in the script */
};
struct list {
    const struct gv_labels *labels;
    struct sample *samples; /* by time */
    size_t n;
};
struct lists {
    struct list *items; /* in the order that they came in */
    size_t n;
};

/* ---- Values ---- */

static bool same_number(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b) && gv_is_stale(a) == gv_is_stale(b);
    if (isinf(a) || isinf(b))
        return a == b;
    return a == b || fabs(a / 2 - b / 2) < 1e-6 * (fabs(a) / 2 + fabs(b) / 2); /* halves: sums may overflow */
}

static bool same_numbers(const double *a, const double *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!same_number(a[i], b[i]))
            return false;
    }
    return true;
}

/* Of compact histograms, which have one way to say where their buckets are. */
static bool same_buckets(const struct gv_buckets *a, const struct gv_buckets *b)
{
    for (uint32_t i = 0; a->n_spans == b->n_spans && i < a->n_spans; i++) {
        if (a->spans[i].offset != b->spans[i].offset || a->spans[i].length != b->spans[i].length)
            return false;
    }
    return a->n_spans == b->n_spans && a->n_counts == b->n_counts && same_numbers(a->counts, b->counts, a->n_counts);
}

static bool same_histogram(struct gv_arena *a, const struct gv_histogram *x, const struct gv_histogram *y)
{
    x = gv_histogram_compact(a, x);
    y = gv_histogram_compact(a, y);
    const double numbers_x[] = {x->count, x->sum, x->zero_count}, numbers_y[] = {y->count, y->sum, y->zero_count};
    return x->schema == y->schema && x->zero_threshold == y->zero_threshold && gv_histogram_bounds_eq(x, y) &&
           same_numbers(numbers_x, numbers_y, GV_COUNT(numbers_x)) && same_buckets(&x->positive, &y->positive) &&
           same_buckets(&x->negative, &y->negative);
}

static bool same_value(struct gv_arena *a, const struct sample *expected, const struct sample *got)
{
    if (!expected->h || !got->h)
        return !expected->h && !got->h && same_number(expected->f, got->f);
    if (expected->hint_counts && expected->h->reset_hint != got->h->reset_hint)
        return false;
    return same_histogram(a, expected->h, got->h);
}

/* ---- Lists ---- */

static void read_raw(struct gv_arena *a, const struct gv_raw_column *c, struct list *out)
{
    out->samples = gv_arena_array(a, struct sample, c->n);
    for (uint32_t i = 0; i < c->n; i++)
        out->samples[out->n++] =
            (struct sample){c->times[i], c->values[i], c->histograms ? c->histograms[i] : NULL, false};
}

static void read_steps(struct gv_arena *a, const struct gv_steps_column *c, const struct gv_grid *grid,
                       struct list *out)
{
    out->samples = gv_arena_array(a, struct sample, grid->n);
    for (uint32_t i = 0; i < grid->n; i++) {
        if (gv_bit(c->present, i))
            out->samples[out->n++] =
                (struct sample){gv_grid_time(grid, i), c->values[i], c->histograms ? c->histograms[i] : NULL, false};
    }
}

static struct lists read_result(struct gv_arena *a, const struct gv_result *r)
{
    struct lists all = {gv_arena_array(a, struct list, r->n), r->n};
    for (size_t i = 0; i < r->n; i++) {
        const struct gv_column *c = &r->series[i].column;
        all.items[i].labels = r->series[i].labels;
        if (c->kind == GV_COLUMN_RAW)
            read_raw(a, &c->raw, &all.items[i]);
        else if (c->kind == GV_COLUMN_STEPS)
            read_steps(a, &c->steps, &r->grid, &all.items[i]);
        else
            gv_die("a result column of kind %d", (int)c->kind);
    }
    return all;
}

/* What an instant query at that time would have given. */
static struct lists cut(struct gv_arena *a, const struct lists *all, int64_t time)
{
    struct lists at = {gv_arena_array(a, struct list, all->n), 0};
    for (size_t i = 0; i < all->n; i++) {
        const struct list *l = &all->items[i];
        for (size_t k = 0; k < l->n; k++) {
            if (l->samples[k].time == time)
                at.items[at.n++] = (struct list){l->labels, &l->samples[k], 1};
        }
    }
    return at;
}

/* Of a vector each line says one value, of a matrix the values at start, start + step, ... */
static struct list read_line(struct gv_arena *a, const struct eval *e, const struct series_line *line, bool is_matrix)
{
    struct list l = {line->labels, gv_arena_array(a, struct sample, line->points.n), 0};
    for (size_t i = 0; i < line->points.n && (i == 0 || is_matrix); i++) {
        const struct point *p = &line->points.items[i];
        if (!p->omitted)
            l.samples[l.n++] = (struct sample){e->start + (int64_t)i * e->step, p->f, p->h, p->hint_written};
    }
    return l;
}

/* Index of the list with these labels, or lists->n. */
static size_t find(const struct lists *lists, const struct gv_labels *labels)
{
    size_t i = 0;
    while (i < lists->n && !gv_labels_eq(lists->items[i].labels, labels))
        i++;
    return i;
}

/* A line replaces an earlier one of the same labels; one without values expects nothing. */
static struct lists read_lines(struct gv_arena *a, const struct eval *e, bool is_matrix)
{
    struct lists all = {gv_arena_array(a, struct list, e->n_expected), 0};
    for (size_t i = 0; i < e->n_expected; i++) {
        struct list l = read_line(a, e, &e->expected[i], is_matrix);
        size_t place = find(&all, l.labels);
        if (l.n == 0)
            continue;
        all.items[place] = l;
        all.n += place == all.n;
    }
    return all;
}

/* ---- What is said of differences ---- */

static void say_sample(struct gv_buf *why, const struct sample *s)
{
    gv_buf_addc(why, ' ');
    if (s->h)
        gv_histogram_print_literal(why, s->h);
    else
        gv_buf_add_double(why, s->f);
}

static void say_lists(struct gv_buf *why, const char *what, const struct lists *all, bool with_times)
{
    gv_buf_printf(why, "%s%s", what, all->n ? "" : " nothing");
    for (size_t i = 0; i < all->n; i++) {
        const struct list *l = &all->items[i];
        gv_buf_adds(why, "\n      ");
        gv_labels_print(why, l->labels);
        for (size_t k = 0; k < l->n; k++) {
            say_sample(why, &l->samples[k]);
            if (with_times)
                gv_buf_printf(why, "@%lld", (long long)l->samples[k].time);
        }
    }
}

/* ---- Series ---- */

static bool same_samples(struct gv_arena *a, const struct list *expected, const struct list *got, bool at_same_times)
{
    if (expected->n != got->n)
        return false;
    for (size_t i = 0; i < got->n; i++) {
        if ((at_same_times && expected->samples[i].time != got->samples[i].time) ||
            !same_value(a, &expected->samples[i], &got->samples[i]))
            return false;
    }
    return true;
}

static bool same_lists(struct gv_arena *a, const struct lists *expected, const struct lists *got, bool is_matrix,
                       bool in_order)
{
    if (expected->n != got->n)
        return false;
    for (size_t i = 0; i < expected->n; i++) {
        size_t at = find(got, expected->items[i].labels);
        if (at == got->n || (in_order && at != i) || !same_samples(a, &expected->items[i], &got->items[at], is_matrix))
            return false;
    }
    return true;
}

static bool compare_lists(struct gv_arena *a, const struct eval *e, const struct lists *got, bool is_matrix,
                          struct gv_buf *why)
{
    bool in_order = expects(e, EXPECT_ORDERED);
    struct lists expected = read_lines(a, e, is_matrix);
    if (e->expects_scalar || e->expects_string)
        gv_buf_adds(why, e->expects_scalar ? "expected a scalar" : "expected a string");
    else if (is_matrix && in_order)
        gv_buf_adds(why, "expected an order, which a range result has not");
    else if (same_lists(a, &expected, got, is_matrix, in_order))
        return true;
    else
        say_lists(why, in_order ? "expected in this order" : "expected", &expected, is_matrix);
    say_lists(why, "\n    got", got, is_matrix);
    return false;
}

static bool is_sorted(const struct gv_result *r, struct gv_buf *why)
{
    for (size_t i = 1; i < r->n; i++) {
        if (gv_labels_cmp(r->series[i - 1].labels, r->series[i].labels) <= 0)
            continue;
        gv_buf_adds(why, "expected series sorted by labels, got ");
        gv_labels_print(why, r->series[i - 1].labels);
        gv_buf_adds(why, " before ");
        gv_labels_print(why, r->series[i].labels);
        return false;
    }
    return true;
}

/* ---- Results ---- */

static bool compare_scalar(const struct eval *e, double got, struct gv_buf *why)
{
    if (e->expects_scalar && same_number(e->scalar, got))
        return true;
    gv_buf_adds(why, "expected ");
    if (e->expects_scalar)
        gv_buf_add_double(why, e->scalar);
    else
        gv_buf_adds(why, "another type");
    gv_buf_adds(why, ", got the scalar ");
    gv_buf_add_double(why, got);
    return false;
}

static bool compare_string(const struct eval *e, struct gv_slice got, struct gv_buf *why)
{
    if (e->expects_string && gv_slice_eq(e->string, got))
        return true;
    gv_buf_adds(why, "expected ");
    if (e->expects_string)
        gv_buf_add_quoted(why, e->string);
    else
        gv_buf_adds(why, "another type");
    gv_buf_adds(why, ", got the string ");
    gv_buf_add_quoted(why, got);
    return false;
}

static bool compare_series(const struct eval *e, const struct gv_result *r, struct gv_buf *why)
{
    struct gv_arena a;
    bool is_matrix = r->type == GV_RESULT_MATRIX;
    gv_arena_init(&a, NULL);
    struct lists got = read_result(&a, r);
    bool good = (!is_matrix || is_sorted(r, why)) && compare_lists(&a, e, &got, is_matrix, why);
    gv_arena_fini(&a);
    return good;
}

bool compare_result(const struct eval *e, const struct gv_result *r, struct gv_buf *why)
{
    switch (r->type) {
    case GV_RESULT_SCALAR:
        return compare_scalar(e, r->scalar, why);
    case GV_RESULT_STRING:
        return compare_string(e, r->string, why);
    case GV_RESULT_VECTOR:
    case GV_RESULT_MATRIX:
        return compare_series(e, r, why);
    case GV_RESULT_NONE:
        break;
    }
    gv_buf_adds(why, "expected a result, got none");
    return false;
}

static bool compare_scalar_step(const struct eval *e, const struct lists *step, struct gv_buf *why)
{
    if (step->n == 1 && !step->items[0].samples->h)
        return compare_scalar(e, step->items[0].samples->f, why);
    say_lists(why, "expected a scalar, got", step, false);
    return false;
}

bool compare_step(const struct eval *e, const struct gv_result *r, int64_t time, bool scalar, struct gv_buf *why)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct lists all = read_result(&a, r), step = cut(&a, &all, time);
    bool good =
        is_sorted(r, why) && (scalar ? compare_scalar_step(e, &step, why) : compare_lists(&a, e, &step, false, why));
    gv_arena_fini(&a);
    return good;
}

/* ---- Annotations and failures ---- */

static bool fits(const struct expected_note *n, struct gv_slice text)
{
    return n->any || (n->regex ? gv_regex_match(n->regex, text) : gv_slice_eq(n->message, text));
}

/* Whether some note of that kind fits the text. */
static bool is_expected(const struct eval *e, enum expectation kind, struct gv_slice text)
{
    for (size_t i = 0; i < e->n_notes; i++) {
        if (e->notes[i].kind == kind && fits(&e->notes[i], text))
            return true;
    }
    return false;
}

static bool is_there(const struct expected_note *note, const struct gv_slice *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fits(note, texts[i]))
            return true;
    }
    return false;
}

static void say_note(struct gv_buf *why, const char *what, const struct expected_note *note)
{
    gv_buf_adds(why, what);
    if (note->any)
        gv_buf_adds(why, " (any)");
    else if (note->regex)
        gv_buf_adds(why, " (a pattern)");
    else
        gv_buf_printf(why, " %.*s", GV_ARG(note->message));
}

/* Once a kind is spoken of, every text must be expected and every expected one there. A kind that is never spoken of is
 * free; to expect none means that none can be expected. */
static bool compare_kind(const struct eval *e, enum expectation some, enum expectation none, const char *what,
                         const struct gv_slice *texts, size_t n, struct gv_buf *why)
{
    bool is_free = !expects(e, some) && !expects(e, none);
    for (size_t i = 0; i < n; i++) {
        if (is_free || (!expects(e, none) && is_expected(e, some, texts[i])))
            continue;
        gv_buf_printf(why, "got the %s %.*s, which is not expected", what, GV_ARG(texts[i]));
        return false;
    }
    for (size_t i = 0; i < e->n_notes; i++) {
        if (e->notes[i].kind != some || is_there(&e->notes[i], texts, n))
            continue;
        gv_buf_adds(why, "expected the ");
        say_note(why, what, &e->notes[i]);
        gv_buf_adds(why, n ? ", got others" : ", got none");
        return false;
    }
    return true;
}

bool compare_notes(const struct eval *e, const struct gv_annotations *notes, struct gv_buf *why)
{
    return compare_kind(e, EXPECT_WARN, EXPECT_NO_WARN, "warning", notes->warnings, notes->n_warnings, why) &&
           compare_kind(e, EXPECT_INFO, EXPECT_NO_INFO, "info", notes->infos, notes->n_infos, why);
}

/* One error stands against all that is expected of it. */
bool compare_failure(const struct eval *e, const char *message, struct gv_buf *why)
{
    for (size_t i = 0; i < e->n_notes; i++) {
        if (e->notes[i].kind != EXPECT_FAIL || fits(&e->notes[i], gv_slice_of(message)))
            continue;
        say_note(why, "expected the error", &e->notes[i]);
        gv_buf_printf(why, ", got %s", message);
        return false;
    }
    return true;
}
