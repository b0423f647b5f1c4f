/* Matchers. A regular expression that amounts to comparing literals gets a plan that needs no engine: what goes in is
 * the pattern, what comes out is a plan and its literals. Everything that this small reader does not know is the
 * engine's, errors included. */
#include "model/matcher.h"
#include <stdlib.h>

/* One alternative: [^] [.*] literal [.*] [$], or .+ alone. Anchors change nothing where the whole text must match. */
struct branch {
    bool any_before, any_after, nonempty;
    struct gv_slice literal;
};

struct reader {
    const char *at, *end;
    char *out; /* where unescaped literals go */
};

static bool is_meta(char c)
{
    return c && strchr("\\.+*?()|[]{}^$", c);
}

static bool take(struct reader *r, const char *token)
{
    size_t n = strlen(token);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, token, n) != 0)
        return false;
    r->at += n;
    return true;
}

static bool is_repeated(const struct reader *r)
{
    return r->at < r->end && memchr("*+?{", *r->at, 4);
}

static bool take_char(struct reader *r, char *c)
{
    if (r->at < r->end && !is_meta(*r->at)) {
        *c = *r->at++;
        return true;
    }
    if (r->end - r->at < 2 || r->at[0] != '\\' || !(is_meta(r->at[1]) || r->at[1] == '-'))
        return false;
    *c = r->at[1];
    r->at += 2;
    return true;
}

static bool read_branch(struct reader *r, struct branch *b)
{
    *b = (struct branch){.literal = {r->out, 0}};
    take(r, "^");
    b->any_before = take(r, ".*");
    if (b->any_before && is_repeated(r))
        return false;
    for (char c; take_char(r, &c);) {
        if (is_repeated(r))
            return false;
        *r->out++ = c;
        b->literal.n++;
    }
    b->any_after = take(r, ".*");
    if (!b->any_before && !b->any_after && !b->literal.n)
        b->nonempty = take(r, ".+");
    if (is_repeated(r))
        return false;
    take(r, "$");
    return r->at == r->end || *r->at == '|';
}

static void set_plan(struct gv_matcher *m, struct gv_arena *a, enum gv_match_plan plan, struct gv_slice literal)
{
    struct gv_slice *one = gv_arena_new(a, struct gv_slice);
    *one = literal;
    m->plan = plan;
    m->literals = one;
    m->n_literals = 1;
}

static void plan_branch(struct gv_matcher *m, struct gv_arena *a, const struct branch *b)
{
    if (b->nonempty)
        m->plan = GV_PLAN_NONEMPTY;
    else if (!b->literal.n && (b->any_before || b->any_after))
        m->plan = GV_PLAN_ANY;
    else if (b->any_before)
        set_plan(m, a, b->any_after ? GV_PLAN_CONTAINS : GV_PLAN_SUFFIX, b->literal);
    else
        set_plan(m, a, b->any_after ? GV_PLAN_PREFIX : GV_PLAN_LITERAL, b->literal);
}

static int compare_slices(const void *a, const void *b)
{
    return gv_slice_cmp(*(const struct gv_slice *)a, *(const struct gv_slice *)b);
}

static void plan_set(struct gv_matcher *m, struct gv_slice *literals, size_t n)
{
    size_t kept = 0;
    qsort(literals, n, sizeof *literals, compare_slices);
    for (size_t i = 0; i < n; i++)
        if (!kept || !gv_slice_eq(literals[i], literals[kept - 1]))
            literals[kept++] = literals[i];
    m->plan = kept > 1 ? GV_PLAN_SET : GV_PLAN_LITERAL;
    m->literals = literals;
    m->n_literals = kept;
}

static bool plan_alternatives(struct gv_matcher *m, struct gv_arena *a, struct reader *r, struct branch first)
{
    struct gv_slice *literals = NULL;
    size_t n = 0, cap = 0;
    for (struct branch b = first;;) {
        if (b.any_before || b.any_after || b.nonempty)
            return false;
        gv_push(a, literals, n, cap) = b.literal;
        if (!take(r, "|"))
            break;
        if (!read_branch(r, &b))
            return false;
    }
    plan_set(m, literals, n);
    return true;
}

/* The inside of a group that is the whole pattern. */
static struct gv_slice without_group(struct gv_slice pattern)
{
    if (pattern.n < 2 || pattern.p[0] != '(' || pattern.p[pattern.n - 1] != ')')
        return pattern;
    size_t skip = gv_slice_has_prefix(pattern, GV_S("(?:")) ? 3 : 1;
    return pattern.n > skip ? (struct gv_slice){pattern.p + skip, pattern.n - skip - 1} : pattern;
}

static bool plan_without_engine(struct gv_matcher *m, struct gv_arena *a)
{
    struct gv_slice inner = without_group(m->value);
    if (!gv_utf8_valid(inner))
        return false;
    struct reader r = {inner.p, inner.p + inner.n, gv_arena_alloc(a, inner.n)};
    struct branch first;
    if (!read_branch(&r, &first))
        return false;
    if (r.at < r.end)
        return plan_alternatives(m, a, &r, first);
    plan_branch(m, a, &first);
    return true;
}

static void free_regex(void *re)
{
    gv_regex_free(re);
}

static bool plan_engine(struct gv_matcher *m, struct gv_arena *a, struct gv_err *err)
{
    m->plan = GV_PLAN_REGEX;
    m->re = gv_regex_new(m->value, false, err);
    if (!m->re)
        return false;
    gv_arena_defer(a, free_regex, m->re);
    return true;
}

bool gv_matcher_make(struct gv_matcher *m, struct gv_arena *a, enum gv_match_type type, struct gv_slice name,
                     struct gv_slice value, struct gv_err *err)
{
    *m = (struct gv_matcher){.type = type, .name = gv_arena_dup(a, name), .value = gv_arena_dup(a, value)};
    if (type == GV_MATCH_EQ || type == GV_MATCH_NE) {
        set_plan(m, a, GV_PLAN_LITERAL, m->value);
        return true;
    }
    return plan_without_engine(m, a) || plan_engine(m, a, err);
}

static bool in_set(const struct gv_slice *literals, size_t n, struct gv_slice value)
{
    return bsearch(&value, literals, n, sizeof *literals, compare_slices) != NULL;
}

static bool contains(struct gv_slice value, struct gv_slice part)
{
    return value.n >= part.n && memmem(value.p, value.n, part.p, part.n) != NULL;
}

static bool follows_plan(const struct gv_matcher *m, struct gv_slice value)
{
    switch (m->plan) {
    case GV_PLAN_LITERAL:
        return gv_slice_eq(value, m->literals[0]);
    case GV_PLAN_SET:
        return in_set(m->literals, m->n_literals, value);
    case GV_PLAN_PREFIX:
        return gv_slice_has_prefix(value, m->literals[0]);
    case GV_PLAN_SUFFIX:
        return gv_slice_has_suffix(value, m->literals[0]);
    case GV_PLAN_CONTAINS:
        return contains(value, m->literals[0]);
    case GV_PLAN_ANY:
        return true;
    case GV_PLAN_NONEMPTY:
        return value.n > 0;
    case GV_PLAN_REGEX:
        return gv_regex_match(m->re, value);
    }
    gv_die("match plan %d", (int)m->plan);
}

bool gv_matcher_matches(const struct gv_matcher *m, struct gv_slice value)
{
    bool negative = m->type == GV_MATCH_NE || m->type == GV_MATCH_NRE;
    return follows_plan(m, value) != negative;
}

bool gv_matchers_match(const struct gv_matcher *m, size_t n, const struct gv_labels *l)
{
    for (size_t i = 0; i < n; i++)
        if (!gv_matcher_matches(&m[i], gv_labels_get(l, m[i].name)))
            return false;
    return true;
}

const char *gv_match_type_text(enum gv_match_type type)
{
    static const char *const texts[] = {
        [GV_MATCH_EQ] = "=", [GV_MATCH_NE] = "!=", [GV_MATCH_RE] = "=~", [GV_MATCH_NRE] = "!~"};
    return texts[type];
}

void gv_matcher_print(struct gv_buf *out, const struct gv_matcher *m)
{
    gv_label_name_print(out, m->name);
    gv_buf_adds(out, gv_match_type_text(m->type));
    gv_buf_add_quoted(out, m->value);
}
