/* Histogram literals: {{schema:0 sum:5 count:4 z_bucket:1 z_bucket_w:0.001 buckets:[1 2] offset:0 n_buckets:[1]
 * n_offset:0 custom_values:[5 10] counter_reset_hint:gauge}}, each part at most once, all of them optional. */
#include "base/number.h"
#include "promql/scan.h"
#include "script.h"

struct literal {
    struct gv_arena *arena;
    struct gv_slice text;
    size_t at;
    struct gv_err *err;
};

struct list {
    double *items;
    size_t n, cap;
};

enum part {
    SCHEMA,
    SUM,
    COUNT,
    Z_BUCKET,
    Z_BUCKET_W,
    BUCKETS,
    OFFSET,
    N_BUCKETS,
    N_OFFSET,
    CUSTOM_VALUES,
    HINT,
    PARTS
};
static const char *const part_names[PARTS] = {
    "schema", "sum",       "count",    "z_bucket",      "z_bucket_w",        "buckets",
    "offset", "n_buckets", "n_offset", "custom_values", "counter_reset_hint"};

struct parts {
    bool seen[PARTS];
    double numbers[PARTS];
    struct list lists[PARTS];
    enum gv_reset_hint hint;
};

static int peek(const struct literal *l)
{
    return gv_scan_peek(l->text, l->at);
}

static bool fail(struct literal *l, const char *what)
{
    return gv_fail(l->err, GV_BAD_DATA, "column %zu: %s", l->at + 1, what);
}

static void skip_blanks(struct literal *l)
{
    while (gv_scan_is_blank(peek(l)))
        l->at++;
}

static struct gv_slice take_word(struct literal *l)
{
    size_t start = l->at;
    while (gv_scan_is_alpha(peek(l)))
        l->at++;
    return (struct gv_slice){l->text.p + start, l->at - start};
}

static bool take_number(struct literal *l, double *value)
{
    size_t start = l->at;
    for (int c; (c = peek(l)) >= 0 && !gv_scan_is_blank(c) && c != ']' && c != '}';)
        l->at++;
    return gv_double_parse((struct gv_slice){l->text.p + start, l->at - start}, value) || fail(l, "no number");
}

static bool take_list(struct literal *l, struct list *out)
{
    if (peek(l) != '[')
        return fail(l, "no list of buckets");
    l->at++;
    for (skip_blanks(l); peek(l) != ']'; skip_blanks(l)) {
        double value;
        if (!take_number(l, &value))
            return false;
        gv_push(l->arena, out->items, out->n, out->cap) = value;
    }
    l->at++;
    return true;
}

static bool take_hint(struct literal *l, enum gv_reset_hint *hint)
{
    static const struct {
        const char *name;
        enum gv_reset_hint hint;
    } hints[] = {
        {"unknown", GV_RESET_UNKNOWN}, {"reset", GV_RESET_YES}, {"not_reset", GV_RESET_NO}, {"gauge", GV_RESET_GAUGE}};
    struct gv_slice word = take_word(l);
    for (size_t i = 0; i < GV_COUNT(hints); i++) {
        if (gv_slice_is(word, hints[i].name)) {
            *hint = hints[i].hint;
            return true;
        }
    }
    return fail(l, "no counter reset hint");
}

static bool take_part(struct literal *l, struct parts *parts)
{
    struct gv_slice name = take_word(l);
    size_t i = 0;
    while (i < PARTS && !gv_slice_is(name, part_names[i]))
        i++;
    if (i == PARTS || peek(l) != ':')
        return fail(l, "no part of a histogram");
    if (parts->seen[i])
        return fail(l, "a part of a histogram is given twice");
    parts->seen[i] = true;
    l->at++;
    if (i == HINT)
        return take_hint(l, &parts->hint);
    bool is_list = i == BUCKETS || i == N_BUCKETS || i == CUSTOM_VALUES;
    return is_list ? take_list(l, &parts->lists[i]) : take_number(l, &parts->numbers[i]);
}

static struct gv_buckets buckets_of(struct gv_arena *a, const struct list *counts, double offset)
{
    if (counts->n == 0)
        return (struct gv_buckets){0};
    struct gv_span *span = gv_arena_new(a, struct gv_span);
    *span = (struct gv_span){(int32_t)offset, (uint32_t)counts->n};
    return (struct gv_buckets){span, counts->items, 1, (uint32_t)counts->n};
}

static const struct gv_histogram *make(struct gv_arena *a, const struct parts *p)
{
    struct gv_histogram *h = gv_arena_new(a, struct gv_histogram);
    h->schema = (int32_t)p->numbers[SCHEMA];
    h->sum = p->numbers[SUM];
    h->count = p->numbers[COUNT];
    h->zero_count = p->numbers[Z_BUCKET];
    h->zero_threshold = p->numbers[Z_BUCKET_W];
    h->reset_hint = p->hint;
    h->positive = buckets_of(a, &p->lists[BUCKETS], p->numbers[OFFSET]);
    h->negative = buckets_of(a, &p->lists[N_BUCKETS], p->numbers[N_OFFSET]);
    h->bounds = p->lists[CUSTOM_VALUES].items;
    h->n_bounds = (uint32_t)p->lists[CUSTOM_VALUES].n;
    return h;
}

bool parse_histogram(struct gv_arena *a, struct gv_slice text, size_t *at, struct point *out, struct gv_err *err)
{
    struct literal l = {a, text, *at, err};
    struct parts parts = {.hint = GV_RESET_UNKNOWN};
    if (peek(&l) != '{' || gv_scan_peek(text, l.at + 1) != '{')
        return fail(&l, "no histogram");
    l.at += 2;
    for (skip_blanks(&l); peek(&l) != '}'; skip_blanks(&l)) {
        if (!take_part(&l, &parts))
            return false;
    }
    l.at++;
    if (peek(&l) != '}')
        return fail(&l, "the histogram is not closed by }}");
    *at = l.at + 1;
    *out = (struct point){.h = make(a, &parts), .hint_written = parts.seen[HINT]};
    return true;
}
