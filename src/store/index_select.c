/* Matchers to series: each becomes lists of postings that series must be in, or must not be in. The cheap ones come
 * first: literals that must be there, the rarest of them at the head, then literals that must not; then matchers for
 * which a label's values must be looked through, or, where few series are left, those series' labels instead. */
#include "store/index.h"
#include <stdlib.h>

enum { FEW_LISTS = 8, SEARCH_WORTH = 16, SORT_WORTH = 256, LABELS_WORTH = 4 };

struct refs {
    uint32_t *p;
    size_t n;
};

struct lists {
    struct postings *p;
    size_t n, cap;
    uint64_t total;
};

struct term {
    const struct gv_matcher *m;
    bool keep;   /* series must be in one of the lists; else in none */
    bool listed; /* the values whose lists these are match the expression itself, not its opposite */
    bool scans;  /* values must be looked through */
    struct lists lists;
};

struct selection {
    const struct index *x;
    struct gv_arena *a; /* for what is needed meanwhile */
    struct refs refs;
    bool begun; /* refs are set; else: all series */
};

static bool grab(struct gv_arena *a, size_t n, struct refs *out, struct gv_err *err)
{
    *out = (struct refs){gv_arena_try(a, n * sizeof *out->p, err), 0};
    return out->p != NULL;
}

/* ---- Lists ---- */

static void add_list(struct selection *s, struct lists *l, struct postings p)
{
    gv_push(s->a, l->p, l->n, l->cap) = p;
    l->total += p.n;
}

static bool gather_literals(struct selection *s, struct term *t, struct gv_err *err)
{
    for (size_t i = 0; i < t->m->n_literals; i++) {
        struct postings p;
        if (!t->m->literals[i].n)
            continue;
        if (!index_find(s->x, t->m->name, t->m->literals[i], &p, err))
            return false;
        if (p.n)
            add_list(s, &t->lists, p);
    }
    return true;
}

static bool is_negative(const struct gv_matcher *m)
{
    return m->type == GV_MATCH_NE || m->type == GV_MATCH_NRE;
}

static bool gather_scanned(struct selection *s, struct term *t, const struct index_name *name, struct gv_err *err)
{
    bool wanted = t->listed != is_negative(t->m); /* what the matcher says of the values whose lists are wanted */
    bool prefix = t->m->plan == GV_PLAN_PREFIX && t->listed;
    struct index_values v = prefix ? index_values_from(s->x, name, t->m->literals[0]) : index_values(s->x, name);
    while (index_values_next(&v)) {
        struct postings p;
        bool matches = gv_matcher_matches(t->m, v.value);
        if (prefix && !gv_slice_has_prefix(v.value, t->m->literals[0]))
            break;
        if (matches != wanted)
            continue;
        if (!index_postings(s->x, v.postings, &p, err))
            return false;
        add_list(s, &t->lists, p);
    }
    return true;
}

/* ---- Sets of series ---- */

static int compare_refs(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void copy_list(struct refs *out, const struct postings *p)
{
    for (size_t i = 0; i < p->n; i++)
        out->p[out->n++] = postings_at(p, i);
}

static void drop_repeated(struct refs *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++)
        if (!kept || r->p[i] != r->p[kept - 1])
            r->p[kept++] = r->p[i];
    r->n = kept;
}

static bool unite_sorting(struct selection *s, const struct lists *l, struct refs *out, struct gv_err *err)
{
    if (!grab(s->a, l->total, out, err))
        return false;
    for (size_t i = 0; i < l->n; i++)
        copy_list(out, &l->p[i]);
    if (l->n > 1) {
        qsort(out->p, out->n, sizeof *out->p, compare_refs);
        drop_repeated(out);
    }
    return true;
}

/* Many: a bit for every number that a series may have. */
static bool unite_marking(struct selection *s, const struct lists *l, size_t places, struct refs *out,
                          struct gv_err *err)
{
    size_t words = places / 64 + 1;
    uint64_t *bits = gv_arena_try(s->a, words * sizeof *bits, err);
    if (!bits || !grab(s->a, l->total, out, err))
        return false;
    memset(bits, 0, words * sizeof *bits);
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; k < l->p[i].n; k++) {
            uint32_t ref = postings_at(&l->p[i], k);
            if (ref <= places)
                bits[ref / 64] |= UINT64_C(1) << ref % 64;
        }
    for (size_t w = 0; w < words; w++)
        for (uint64_t left = bits[w]; left; left &= left - 1)
            out->p[out->n++] = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(left));
    return true;
}

static bool unite(struct selection *s, const struct lists *l, struct refs *out, struct gv_err *err)
{
    enum { ALIGN = 16 };
    size_t places = s->x->size / ALIGN;
    return l->n <= 1 || l->total < places / SORT_WORTH ? unite_sorting(s, l, out, err)
                                                       : unite_marking(s, l, places, out, err);
}

static bool list_has(const struct postings *p, uint32_t ref)
{
    size_t low = 0, high = p->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (postings_at(p, mid) < ref)
            low = mid + 1;
        else
            high = mid;
    }
    return low < p->n && postings_at(p, low) == ref;
}

static void keep_searching(struct refs *r, const struct lists *l, bool keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++) {
        bool in = false;
        for (size_t k = 0; k < l->n && !in; k++)
            in = list_has(&l->p[k], r->p[i]);
        if (in == keep)
            r->p[kept++] = r->p[i];
    }
    r->n = kept;
}

static void keep_merging(struct refs *r, const struct refs *other, bool keep)
{
    size_t kept = 0, at = 0;
    for (size_t i = 0; i < r->n; i++) {
        while (at < other->n && other->p[at] < r->p[i])
            at++;
        bool in = at < other->n && other->p[at] == r->p[i];
        if (in == keep)
            r->p[kept++] = r->p[i];
    }
    r->n = kept;
}

static bool begin_with_all(struct selection *s, struct gv_err *err)
{
    struct lists all = {0};
    struct postings p;
    if (!index_find(s->x, GV_S(""), GV_S(""), &p, err))
        return false;
    add_list(s, &all, p);
    s->begun = true;
    return unite(s, &all, &s->refs, err);
}

static bool apply(struct selection *s, const struct lists *l, bool keep, struct gv_err *err)
{
    struct refs other;
    if (keep && !s->begun) {
        s->begun = true;
        return unite(s, l, &s->refs, err);
    }
    if (!s->begun && !begin_with_all(s, err))
        return false;
    if (l->n <= FEW_LISTS && s->refs.n * SEARCH_WORTH * l->n < l->total) {
        keep_searching(&s->refs, l, keep);
        return true;
    }
    if (!unite(s, l, &other, err))
        return false;
    keep_merging(&s->refs, &other, keep);
    return true;
}

/* ---- Matchers ---- */

static struct term term_of(const struct gv_matcher *m)
{
    bool matches_empty = gv_matcher_matches(m, GV_S("")), negative = is_negative(m);
    bool literal = m->plan == GV_PLAN_LITERAL || m->plan == GV_PLAN_SET;
    bool listed = negative == matches_empty; /* the expression itself does not take what is empty */
    return (struct term){.m = m, .keep = !matches_empty, .listed = listed, .scans = !literal || !listed};
}

static bool is_no_condition(const struct gv_matcher *m)
{
    return m->plan == GV_PLAN_ANY && !is_negative(m);
}

/* Looks at the labels of the series that are left. */
static bool apply_to_labels(struct selection *s, const struct gv_matcher *m, struct gv_err *err)
{
    uint64_t name;
    size_t kept = 0;
    bool known = index_find_symbol(s->x, m->name, &name);
    for (size_t i = 0; i < s->refs.n; i++) {
        struct gv_slice value = {NULL, 0};
        if (known && !index_label_value(s->x, s->refs.p[i], name, &value, err))
            return false;
        if (gv_matcher_matches(m, value))
            s->refs.p[kept++] = s->refs.p[i];
    }
    s->refs.n = kept;
    return true;
}

static bool apply_scanning(struct selection *s, struct term *t, struct gv_err *err)
{
    const struct index_name *name = t->m->name.n ? index_find_name(s->x, t->m->name) : NULL;
    if (name && s->begun && s->refs.n * LABELS_WORTH < name->n_values)
        return apply_to_labels(s, t->m, err);
    if (name && !gather_scanned(s, t, name, err))
        return false;
    return apply(s, &t->lists, t->keep, err);
}

/* Literals that keep, by how many series they have; literals that do not; the others. */
static int compare_terms(const void *pa, const void *pb)
{
    const struct term *a = pa, *b = pb;
    if (a->scans != b->scans)
        return a->scans - b->scans;
    if (a->keep != b->keep)
        return b->keep - a->keep;
    return (a->lists.total > b->lists.total) - (a->lists.total < b->lists.total);
}

static bool make_terms(struct selection *s, const struct gv_matcher *matchers, size_t n, struct term *terms,
                       size_t *n_terms, struct gv_err *err)
{
    *n_terms = 0;
    for (size_t i = 0; i < n; i++) {
        struct term t = term_of(&matchers[i]);
        if (is_no_condition(t.m))
            continue;
        if (!t.scans && t.m->name.n && !gather_literals(s, &t, err))
            return false;
        terms[(*n_terms)++] = t;
    }
    qsort(terms, *n_terms, sizeof *terms, compare_terms);
    return true;
}

static bool select_refs(struct selection *s, const struct gv_matcher *matchers, size_t n, struct gv_err *err)
{
    struct term *terms = gv_arena_array(s->a, struct term, n + 1);
    size_t n_terms;
    if (!make_terms(s, matchers, n, terms, &n_terms, err))
        return false;
    for (size_t i = 0; i < n_terms && !(s->begun && !s->refs.n); i++) {
        bool ok = terms[i].scans ? apply_scanning(s, &terms[i], err) : apply(s, &terms[i].lists, terms[i].keep, err);
        if (!ok)
            return false;
    }
    return s->begun || begin_with_all(s, err);
}

bool index_select(const struct index *x, struct gv_arena *a, const struct gv_matcher *matchers, size_t n,
                  uint64_t **series, size_t *n_series, struct gv_err *err)
{
    struct gv_arena own;
    gv_arena_init(&own, a->budget);
    struct selection s = {.x = x, .a = &own};
    bool ok = select_refs(&s, matchers, n, err);
    *n_series = ok ? s.refs.n : 0;
    *series = ok ? gv_arena_try(a, *n_series * sizeof **series, err) : NULL;
    for (size_t i = 0; *series && i < *n_series; i++)
        (*series)[i] = s.refs.p[i];
    gv_arena_fini(&own);
    return *series != NULL;
}
