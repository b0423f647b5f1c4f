/* sort, sort_desc, sort_by_label, sort_by_label_desc: the order of an instant query's series. A range query's are
 * ordered by labels whatever is asked, which is told.
 * Source: Prometheus, promql/functions.go; natural order: github.com/facette/natsort. */
#include "base/number.h"
#include "promql/impl.h"
#include <math.h>
#include <stdlib.h>

static void note_range_query(struct gv_call *c)
{
    if (c->grid.n > 1)
        gv_note_warning(c->env, c->expr->pos, 0,
                        "sort is ineffective for range queries since results are always ordered by labels");
}

/* ---- By value ---- */

struct keyed {
    double value;
    size_t at; /* where it stood: what keeps the sort stable */
    struct gv_row row;
};

static int by_place(const struct keyed *x, const struct keyed *y)
{
    return (x->at > y->at) - (x->at < y->at);
}

/* NaN goes last whichever way. */
static int by_value(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (isnan(x->value) || isnan(y->value))
        return isnan(x->value) != isnan(y->value) ? (isnan(x->value) ? 1 : -1) : by_place(x, y);
    return x->value != y->value ? (x->value < y->value ? -1 : 1) : by_place(x, y);
}

static int by_value_desc(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    bool numbers = !isnan(x->value) && !isnan(y->value) && x->value != y->value;
    return numbers ? -by_value(a, b) : by_value(a, b);
}

static void drop_histograms(struct gv_row *r, uint32_t n)
{
    struct gv_point p;
    for (uint32_t i = 0; r->column.histograms && i < n; i++)
        if (gv_row_get(r, i, &p) && p.h)
            gv_row_clear(r, i);
}

static bool sort_values(struct gv_call *c, struct gv_value *out, int (*compare)(const void *, const void *))
{
    note_range_query(c);
    out->vector = c->args[0].vector;
    size_t n = 0;
    struct keyed *keyed = gv_arena_try(c->env->scratch, out->vector.n * sizeof *keyed, c->env->err);
    if (!keyed)
        return false;
    for (size_t i = 0; i < out->vector.n; i++) {
        struct gv_row *r = &out->vector.rows[i];
        drop_histograms(r, c->grid.n);
        struct gv_point p;
        if (c->grid.n > 1 || gv_row_get(r, 0, &p))
            keyed[n] = (struct keyed){c->grid.n == 1 ? p.f : 0, n, *r}, n++;
        if (!gv_call_poll(c, 1))
            return false;
    }
    qsort(keyed, n, sizeof *keyed, compare);
    for (size_t i = 0; i < n; i++)
        out->vector.rows[i] = keyed[i].row;
    out->vector.n = n;
    return true;
}

static bool sort(struct gv_call *c, struct gv_value *out)
{
    return sort_values(c, out, by_value);
}

static bool sort_desc(struct gv_call *c, struct gv_value *out)
{
    return sort_values(c, out, by_value_desc);
}

/* ---- By label, in natural order ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes the digits, or what is none, off the front. */
static struct gv_slice take_chunk(struct gv_slice *s)
{
    size_t n = 1;
    while (n < s->n && is_digit(s->p[n]) == is_digit(s->p[0]))
        n++;
    struct gv_slice chunk = {s->p, n};
    *s = (struct gv_slice){s->p + n, s->n - n};
    return chunk;
}

static int compare_chunks(struct gv_slice a, struct gv_slice b)
{
    int64_t x, y;
    if (is_digit(a.p[0]) && is_digit(b.p[0]) && gv_int64_parse(a, &x) && gv_int64_parse(b, &y))
        return (x > y) - (x < y);
    return gv_slice_cmp(a, b);
}

/* Runs of digits compare as numbers: "4m5" < "4m600" < "4m1000". */
static int compare_naturally(struct gv_slice a, struct gv_slice b)
{
    while (a.n && b.n) {
        int c = compare_chunks(take_chunk(&a), take_chunk(&b));
        if (c)
            return c;
    }
    return (a.n > 0) - (b.n > 0);
}

struct order {
    const struct gv_value *labels;
    size_t n;
    int sign;
};

static int by_labels(const void *a, const void *b, void *arg)
{
    const struct gv_row *x = a, *y = b;
    const struct order *o = arg;
    for (size_t i = 0; i < o->n; i++) {
        struct gv_slice name = o->labels[i].string;
        int c = compare_naturally(gv_labels_get(x->labels, name), gv_labels_get(y->labels, name));
        if (c)
            return o->sign * c;
    }
    return o->sign * gv_labels_cmp(x->labels, y->labels);
}

static bool sort_labels(struct gv_call *c, struct gv_value *out, int sign)
{
    note_range_query(c);
    out->vector = c->args[0].vector;
    struct order o = {c->args + 1, c->n_args - 1, sign};
    if (out->vector.n)
        qsort_r(out->vector.rows, out->vector.n, sizeof *out->vector.rows, by_labels, &o);
    return true;
}

static bool sort_by_label(struct gv_call *c, struct gv_value *out)
{
    return sort_labels(c, out, 1);
}

static bool sort_by_label_desc(struct gv_call *c, struct gv_value *out)
{
    return sort_labels(c, out, -1);
}

const struct gv_function_impl gv_fn_sort = {.call = sort, .flags = GV_IMPL_KEEPS_LABELS};
const struct gv_function_impl gv_fn_sort_by_label = {.call = sort_by_label, .flags = GV_IMPL_KEEPS_LABELS};
const struct gv_function_impl gv_fn_sort_by_label_desc = {.call = sort_by_label_desc, .flags = GV_IMPL_KEEPS_LABELS};
const struct gv_function_impl gv_fn_sort_desc = {.call = sort_desc, .flags = GV_IMPL_KEEPS_LABELS};
