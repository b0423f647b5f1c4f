/* Parts come in, each a list of series in its backend's order; one list goes out, ordered anew: injected labels change
 * the order (`w{}` and `w{a="1"}` swap once `cluster` stands between them), so a backend's own order proves nothing.
 * It is nearly always right though, which a natural merge sort turns into a few comparisons a series. */
#include "exec/unite.h"
#include "base/map.h"
#include <math.h>

struct item {
    const struct gv_series *series;
    uint32_t part;
};

static bool in_order(const struct item *a, const struct item *b)
{
    return gv_labels_cmp(a->series->labels, b->series->labels) <= 0;
}

static size_t run_end(const struct item *items, size_t from, size_t n)
{
    size_t i = from + 1;
    while (i < n && in_order(&items[i - 1], &items[i]))
        i++;
    return i;
}

static void merge_runs(const struct item *a, size_t na, const struct item *b, size_t nb, struct item *to)
{
    while (na && nb) {
        if (in_order(a, b))
            *to++ = *a++, na--;
        else
            *to++ = *b++, nb--;
    }
    memcpy(to, na ? a : b, (na + nb) * sizeof *to);
}

/* Natural merge sort, stable: passes over the sorted runs, pairs merged from one array into the other. */
static struct item *sort_items(struct item *items, struct item *spare, size_t n)
{
    for (;;) {
        size_t runs = 0;
        for (size_t at = 0; at < n; runs++) {
            size_t mid = run_end(items, at, n);
            size_t end = mid < n ? run_end(items, mid, n) : n;
            merge_runs(items + at, mid - at, items + mid, end - mid, spare + at);
            at = end;
        }
        struct item *sorted = spare;
        spare = items;
        items = sorted;
        if (runs <= 1)
            return items;
    }
}

static bool fail_twice(const struct gv_part *parts, const struct item *a, const struct item *b, struct gv_err *err)
{
    struct gv_buf text = GV_BUF_INIT;
    gv_labels_print(&text, a->series->labels);
    struct gv_slice one = parts[a->part].source, other = parts[b->part].source;
    if (a->part == b->part)
        gv_fail(err, GV_EXECUTION, "cluster \"%.*s\": answered with the series %s twice", GV_ARG(one),
                gv_buf_cstr(&text));
    else
        gv_fail(err, GV_EXECUTION, "clusters \"%.*s\" and \"%.*s\" both answered with the series %s", GV_ARG(one),
                GV_ARG(other), gv_buf_cstr(&text));
    gv_buf_fini(&text);
    return false;
}

static bool check_neighbours(const struct gv_part *parts, const struct item *items, size_t n, struct gv_err *err)
{
    for (size_t i = 1; i < n; i++)
        if (gv_labels_eq(items[i - 1].series->labels, items[i].series->labels))
            return fail_twice(parts, &items[i - 1], &items[i], err);
    return true;
}

static bool check_all(struct gv_arena *a, const struct gv_part *parts, struct item *items, size_t n, struct gv_err *err)
{
    struct gv_map seen;
    gv_map_init(&seen, a);
    for (size_t i = 0; i < n; i++) {
        const struct gv_labels *labels = items[i].series->labels;
        void **at = gv_map_at(&seen, labels->hash, gv_labels_bytes(labels));
        if (*at)
            return fail_twice(parts, *at, &items[i], err);
        *at = &items[i];
    }
    return true;
}

static bool unite_series(struct gv_arena *a, const struct gv_part *parts, size_t n_parts, enum gv_order order,
                         struct gv_result *out, struct gv_err *err)
{
    size_t n = 0;
    for (size_t p = 0; p < n_parts; p++)
        n += parts[p].result->n;
    struct item *items = gv_arena_try(a, n * sizeof *items, err);
    struct item *spare = gv_arena_try(a, n * sizeof *items, err);
    struct gv_series *series = gv_arena_try(a, n * sizeof *series, err);
    if (!items || !spare || !series)
        return false;
    size_t at = 0;
    for (size_t p = 0; p < n_parts; p++)
        for (size_t i = 0; i < parts[p].result->n; i++)
            items[at++] = (struct item){&parts[p].result->series[i], (uint32_t)p};
    if (order == GV_ORDER_LABELS)
        items = sort_items(items, spare, n);
    if (!(order == GV_ORDER_LABELS ? check_neighbours(parts, items, n, err) : check_all(a, parts, items, n, err)))
        return false;
    for (size_t i = 0; i < n; i++)
        series[i] = *items[i].series;
    out->series = series;
    out->n = n;
    return true;
}

static bool same_double(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* Before a planner evaluates constants here, every cluster answers `1+1` and they had better agree. */
static bool unite_single(const struct gv_part *parts, size_t n, struct gv_err *err)
{
    const struct gv_result *first = parts[0].result;
    for (size_t p = 1; p < n; p++) {
        const struct gv_result *r = parts[p].result;
        bool same = first->type == GV_RESULT_SCALAR ? same_double(first->scalar, r->scalar)
                                                    : gv_slice_eq(first->string, r->string);
        if (!same)
            return gv_fail(err, GV_EXECUTION, "clusters \"%.*s\" and \"%.*s\" answered with different %ss",
                           GV_ARG(parts[0].source), GV_ARG(parts[p].source), gv_result_type_text(first->type));
    }
    return true;
}

bool gv_unite(struct gv_arena *a, const struct gv_part *parts, size_t n, enum gv_order order, struct gv_result *out,
              struct gv_err *err)
{
    *out = n ? *parts[0].result : (struct gv_result){.type = GV_RESULT_NONE};
    gv_annotations_init(&out->notes, a);
    for (size_t p = 0; p < n; p++) {
        if (parts[p].result->type != out->type)
            return gv_fail(err, GV_EXECUTION, "cluster \"%.*s\" answered with a %s, cluster \"%.*s\" with a %s",
                           GV_ARG(parts[0].source), gv_result_type_text(out->type), GV_ARG(parts[p].source),
                           gv_result_type_text(parts[p].result->type));
        gv_annotations_merge(&out->notes, &parts[p].result->notes);
    }
    if (out->type == GV_RESULT_SCALAR || out->type == GV_RESULT_STRING)
        return unite_single(parts, n, err);
    return unite_series(a, parts, n, out->type == GV_RESULT_MATRIX ? GV_ORDER_LABELS : order, out, err);
}
