/* The matcher that leaves fewest series gives the candidates; those that name one value take away from these by
 * walking two lists; all others look at the candidates' own labels, a regular expression once for each value.
 *
 * The index is locked for a moment at a time: whoever makes a series waits for it. Series that come in between, perhaps
 * with names and values that were not there when the matchers were looked up, are left out: they are new. */
#include "store/head_select.h"
#include <stdlib.h>

enum test_kind { TEST_VALUE, TEST_VALUES, TEST_TEXT };

struct test { /* one matcher, in symbols */
    const struct gv_matcher *matcher;
    uint32_t name;      /* SYMBOL_NONE: no series has it */
    bool matches_empty; /* so where the label is absent */
    bool matches_any;   /* that is not empty */
    bool negative;
    enum test_kind kind;
    uint32_t *values; /* TEST_VALUE, TEST_VALUES: those that the expression names and that exist, ascending */
    size_t n_values;
    uint32_t *known; /* TEST_TEXT: open addressing: value symbol, or SYMBOL_NONE */
    bool *answers;
    size_t n_known, mask;
};

struct selection {
    struct head *head;
    struct gv_arena *arena;
    struct test *tests;
    size_t n;
    bool none;                 /* a matcher wants a name that no series has; */
    struct test *named, *text; /* the one that gives the candidates: names values; has fewest values; NULL: all do */
    uint64_t next_id;          /* series from it on came after the matchers were looked up */
    uint64_t *candidates;      /* ascending, or at least in runs of a leaf */
    size_t n_candidates;
    bool failed; /* while testing series */
    struct gv_err *err;
};

/* ---- Matchers in symbols ---- */

static int by_number(const void *a, const void *b)
{
    uint32_t l = *(const uint32_t *)a, r = *(const uint32_t *)b;
    return (l > r) - (l < r);
}

/* A symbol counts only where postings have it: the reader then keeps it from being given to another text. */
static void find_values(const struct head *h, struct gv_arena *a, struct test *t)
{
    const struct gv_matcher *m = t->matcher;
    t->values = gv_arena_array(a, uint32_t, m->n_literals);
    for (size_t i = 0; i < m->n_literals; i++) {
        uint32_t value = symbols_find(&h->symbols, m->literals[i]);
        if (value != SYMBOL_NONE && postings_find(&h->postings, t->name, value))
            t->values[t->n_values++] = value;
    }
    qsort(t->values, t->n_values, sizeof *t->values, by_number);
}

static uint32_t find_name(const struct head *h, struct gv_slice name)
{
    uint32_t symbol = symbols_find(&h->symbols, name);
    return symbol != SYMBOL_NONE && postings_values(&h->postings, symbol) ? symbol : SYMBOL_NONE;
}

static void make_test(const struct head *h, struct gv_arena *a, struct test *t, const struct gv_matcher *m)
{
    *t = (struct test){.matcher = m,
                       .name = find_name(h, m->name),
                       .matches_empty = gv_matcher_matches(m, (struct gv_slice){NULL, 0}),
                       .negative = m->type == GV_MATCH_NE || m->type == GV_MATCH_NRE,
                       .kind = TEST_TEXT};
    if (m->plan == GV_PLAN_LITERAL || m->plan == GV_PLAN_SET) {
        t->kind = m->plan == GV_PLAN_LITERAL ? TEST_VALUE : TEST_VALUES;
        find_values(h, a, t);
    }
    t->matches_any = m->plan == GV_PLAN_NONEMPTY || (t->kind == TEST_VALUE && t->negative && !t->matches_empty);
}

/* ---- Testing a series ---- */

static bool grow_known(struct selection *s, struct test *t)
{
    struct test old = *t;
    size_t places = old.known ? 2 * (old.mask + 1) : 64;
    uint32_t *known = gv_arena_try(s->arena, places * sizeof *known, s->err);
    bool *answers = known ? gv_arena_try(s->arena, places * sizeof *answers, s->err) : NULL;
    if (!answers)
        return false;
    t->mask = places - 1;
    t->known = known;
    t->answers = answers;
    memset(t->known, 0xff, places * sizeof *t->known);
    for (size_t i = 0; old.known && i <= old.mask; i++) {
        if (old.known[i] == SYMBOL_NONE)
            continue;
        size_t at = old.known[i] & t->mask;
        while (t->known[at] != SYMBOL_NONE)
            at = (at + 1) & t->mask;
        t->known[at] = old.known[i];
        t->answers[at] = old.answers[i];
    }
    return true;
}

static bool test_text(struct selection *s, struct test *t, uint32_t value)
{
    struct gv_slice text = symbols_text(&s->head->symbols, value);
    if (t->matcher->plan != GV_PLAN_REGEX)
        return gv_matcher_matches(t->matcher, text);
    if ((!t->known || t->n_known > t->mask / 2) && !grow_known(s, t)) {
        s->failed = true;
        return false;
    }
    size_t at = value & t->mask;
    for (; t->known[at] != SYMBOL_NONE; at = (at + 1) & t->mask)
        if (t->known[at] == value)
            return t->answers[at];
    t->known[at] = value;
    t->n_known++;
    return t->answers[at] = gv_matcher_matches(t->matcher, text);
}

static bool test_value(struct selection *s, struct test *t, uint32_t value)
{
    switch (t->kind) {
    case TEST_VALUE:
        return (t->n_values && t->values[0] == value) != t->negative;
    case TEST_VALUES:
        return (bsearch(&value, t->values, t->n_values, sizeof value, by_number) != NULL) != t->negative;
    case TEST_TEXT:
        return test_text(s, t, value);
    }
    gv_die("test %d", (int)t->kind);
}

static bool matches(struct selection *s, const struct head_series *series)
{
    for (size_t i = 0; i < s->n; i++) {
        struct test *t = &s->tests[i];
        uint32_t at = 0;
        while (at < series->n_labels && series->labels[2 * (size_t)at] != t->name)
            at++;
        if (at == series->n_labels ? !t->matches_empty : !test_value(s, t, series->labels[2 * (size_t)at + 1]))
            return false;
    }
    return true;
}

/* ---- Candidates ---- */

static bool names_values(const struct test *t) /* and nothing but series that have them */
{
    return t->kind != TEST_TEXT && !t->negative && !t->matches_empty;
}

static uint64_t count_named(const struct head *h, const struct test *t)
{
    uint64_t n = 0;
    for (size_t i = 0; i < t->n_values; i++) {
        const struct postings_list *l = postings_find(&h->postings, t->name, t->values[i]);
        n += l ? l->n : 0;
    }
    return n;
}

static int by_id(const void *a, const void *b)
{
    uint64_t l = *(const uint64_t *)a, r = *(const uint64_t *)b;
    return (l > r) - (l < r);
}

/* Of a list, those that were there when the matchers were looked up. */
static uint32_t older(const struct selection *s, const struct postings_list *l)
{
    uint32_t n = l ? l->n : 0;
    while (n && postings_at(l, n - 1) >= s->next_id)
        n--;
    return n;
}

static void lock(const struct selection *s)
{
    pthread_rwlock_rdlock(&s->head->index);
}

static void unlock(const struct selection *s)
{
    pthread_rwlock_unlock(&s->head->index);
}

enum { SOME_VALUES = 1024, SOME_CANDIDATES = 1 << 14 }; /* for one time that the index is locked */

/* How many series have one of the values; with `to`, these too. */
static size_t series_of_values(const struct selection *s, uint32_t name, const uint32_t *values, size_t n, uint64_t *to)
{
    size_t total = 0;
    for (size_t i = 0; i < n;) {
        lock(s);
        for (size_t end = n - i < SOME_VALUES ? n : i + SOME_VALUES; i < end; i++) {
            const struct postings_list *l = postings_find(&s->head->postings, name, values[i]);
            uint32_t some = older(s, l);
            if (to && some)
                postings_copy(l, some, to + total);
            total += some;
        }
        unlock(s);
    }
    return total;
}

/* The series of several values of one name: no series is in two of them. What lists lose meanwhile has no samples. */
static bool gather(struct selection *s, uint32_t name, const uint32_t *values, size_t n)
{
    size_t most = series_of_values(s, name, values, n, NULL);
    s->candidates = gv_arena_try(s->arena, (most + 1) * sizeof *s->candidates, s->err);
    if (!s->candidates)
        return false;
    s->n_candidates = series_of_values(s, name, values, n, s->candidates);
    if (n > 1)
        qsort(s->candidates, s->n_candidates, sizeof *s->candidates, by_id);
    return true;
}

/* Keeps those of n candidates that the list has. Gives how many. */
static size_t intersect(uint64_t *candidates, size_t n, const struct postings_list *l)
{
    size_t kept = 0;
    uint32_t at = 0;
    for (size_t i = 0; l && i < n; i++) {
        uint32_t step = 1, low = at, high;
        while (low + step < l->n && postings_at(l, low + step) < candidates[i])
            low += step, step *= 2;
        high = low + step < l->n ? low + step : l->n;
        while (low < high) {
            uint32_t mid = low + (high - low) / 2;
            if (postings_at(l, mid) < candidates[i])
                low = mid + 1;
            else
                high = mid;
        }
        at = low;
        if (at < l->n && postings_at(l, at) == candidates[i])
            candidates[kept++] = candidates[i];
    }
    return kept;
}

static void keep_those_with(struct selection *s, uint32_t name, uint32_t value)
{
    size_t kept = 0;
    for (size_t i = 0, some; i < s->n_candidates; i += some) {
        some = s->n_candidates - i < SOME_CANDIDATES ? s->n_candidates - i : SOME_CANDIDATES;
        lock(s);
        size_t n = intersect(s->candidates + i, some, postings_find(&s->head->postings, name, value));
        unlock(s);
        memmove(s->candidates + kept, s->candidates + i, n * sizeof *s->candidates);
        kept += n;
    }
    s->n_candidates = kept;
}

static bool by_named(struct selection *s, struct test *fewest)
{
    if (!gather(s, fewest->name, fewest->values, fewest->n_values))
        return false;
    for (size_t i = 0; i < s->n; i++) {
        struct test *t = &s->tests[i];
        if (t != fewest && names_values(t) && t->n_values == 1)
            keep_those_with(s, t->name, t->values[0]);
    }
    return true;
}

bool head_copy_values(struct head *h, struct gv_arena *a, uint32_t name, uint64_t **values, size_t *n,
                      struct gv_err *err)
{
    pthread_rwlock_rdlock(&h->index);
    const struct postings_list *l = postings_values(&h->postings, name);
    *n = l ? l->n : 0;
    *values = gv_arena_try(a, (*n + 1) * sizeof **values, err);
    if (l && *values)
        postings_copy(l, l->n, *values);
    pthread_rwlock_unlock(&h->index);
    return *values != NULL;
}

/* The values of a name that match. */
static bool by_text(struct selection *s, struct test *t)
{
    struct head *h = s->head;
    uint64_t *all;
    size_t n, kept = 0;
    if (!head_copy_values(h, s->arena, t->name, &all, &n, s->err))
        return false;
    uint32_t *values = gv_arena_try(s->arena, (n + 1) * sizeof *values, s->err);
    for (size_t i = 0; values && i < n; i++)
        if (gv_matcher_matches(t->matcher, symbols_text(&h->symbols, (uint32_t)all[i])))
            values[kept++] = (uint32_t)all[i];
    return values && gather(s, t->name, values, kept);
}

static bool all_series(struct selection *s)
{
    const struct postings_list *l = &s->head->postings.all;
    lock(s);
    s->n_candidates = older(s, l);
    s->candidates = gv_arena_try(s->arena, (s->n_candidates + 1) * sizeof *s->candidates, s->err);
    if (s->candidates)
        postings_copy(l, (uint32_t)s->n_candidates, s->candidates);
    unlock(s);
    return s->candidates != NULL;
}

static uint32_t count_values(const struct head *h, const struct test *t)
{
    const struct postings_list *l = postings_values(&h->postings, t->name);
    return l ? l->n : 0;
}

/* Under the lock. */
static void choose(struct selection *s)
{
    uint64_t fewest = UINT64_MAX, fewest_values = UINT64_MAX;
    for (size_t i = 0; i < s->n; i++) {
        struct test *t = &s->tests[i];
        if (t->matches_empty)
            continue;
        s->none |= t->name == SYMBOL_NONE;
        uint64_t n = names_values(t) ? count_named(s->head, t) : UINT64_MAX;
        uint64_t values = count_values(s->head, t);
        if (names_values(t) && n < fewest) {
            s->named = t;
            fewest = n;
        } else if (!t->matches_any && values < fewest_values) {
            s->text = t;
            fewest_values = values;
        }
    }
}

static bool find_candidates(struct selection *s)
{
    return s->none || (s->named ? by_named(s, s->named) : s->text ? by_text(s, s->text) : all_series(s));
}

/* ---- From numbers to series ---- */

static bool overlaps(int64_t min, int64_t max, int64_t min_time, int64_t max_time)
{
    return min <= max_time && max >= min_time;
}

/* Whether a chunk that the reader sees overlaps the times; under the stripe's lock. */
static bool has_samples(const struct head_reader *r, const struct head_series *s, int64_t min_time, int64_t max_time)
{
    int64_t from = min_time > r->start ? min_time : r->start, min, max;
    if (!r->late_only) {
        if (s->open.n && overlaps(s->open_time, s->open.time, from, max_time))
            return true;
        for (const struct head_chunk *c = s->chunks; c && c->max_time >= from; c = c->older)
            if (c->min_time <= max_time)
                return true;
    }
    return s->extra && s->extra->late && head_late_range(s, r->epoch, r->last_epoch, &min, &max) &&
           overlaps(min, max, min_time, max_time);
}

static size_t take_run(struct selection *s, const struct head_reader *r, const uint64_t *ids, size_t n,
                       int64_t min_time, int64_t max_time, struct head_series **out)
{
    enum { AHEAD = 8 };
    size_t kept = 0;
    struct head_stripe *stripe = head_stripe_of(s->head, ids[0]);
    pthread_mutex_lock(&stripe->lock);
    const struct head_leaf *leaf = head_leaf_find(stripe, head_leaf_of(ids[0]));
    for (size_t i = 0; leaf && i < n; i++) {
        if (i + AHEAD < n)
            head_fetch(leaf->series[ids[i + AHEAD] % HEAD_LEAF]);
        struct head_series *series = leaf->series[ids[i] % HEAD_LEAF];
        if (series && has_samples(r, series, min_time, max_time))
            out[kept++] = series;
    }
    pthread_mutex_unlock(&stripe->lock);
    return kept;
}

static bool resolve(struct selection *s, const struct head_reader *r, int64_t min_time, int64_t max_time,
                    struct head_series ***series, size_t *n_series)
{
    struct head_series **out = gv_arena_try(s->arena, (s->n_candidates + 1) * sizeof(struct head_series *), s->err);
    size_t n = 0;
    if (!out)
        return false;
    for (size_t i = 0, end; i < s->n_candidates; i = end) {
        uint64_t leaf = head_leaf_of(s->candidates[i]);
        for (end = i + 1; end < s->n_candidates && head_leaf_of(s->candidates[end]) == leaf;)
            end++;
        size_t kept = take_run(s, r, s->candidates + i, end - i, min_time, max_time, out + n), found = n;
        for (size_t j = 0; j < kept; j++)
            if (matches(s, out[found + j]))
                out[n++] = out[found + j];
        if (s->failed)
            return false;
    }
    *series = out;
    *n_series = n;
    return true;
}

bool head_select(struct head_reader *r, struct gv_arena *a, const struct gv_matcher *matchers, size_t n,
                 int64_t min_time, int64_t max_time, struct head_series ***series, size_t *n_series, struct gv_err *err)
{
    struct head *h = r->head;
    struct selection s = {.head = h, .arena = a, .n = n, .err = err};
    *n_series = 0;
    *series = NULL;
    s.tests = gv_arena_array(a, struct test, n);
    lock(&s);
    s.next_id = h->next_id;
    for (size_t i = 0; i < n; i++)
        make_test(h, a, &s.tests[i], &matchers[i]);
    choose(&s);
    unlock(&s);
    return find_candidates(&s) && resolve(&s, r, min_time, max_time, series, n_series);
}
