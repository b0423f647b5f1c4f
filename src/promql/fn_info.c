/* info(v, {matchers}): series of v get the data labels of the info series that share their identity.
 *
 *   series of v ──► their identities: (instance, job) ──► info series of those, by name (target_info)
 *   each series, each step ──► the newest info sample of each name ──► the series with its labels added
 *
 * Source: Prometheus, promql/info.go. */
#include "base/map.h"
#include "promql/impl.h"
#include "promql/info_time.h"
#include <math.h>

static const struct gv_slice identifying[] = {{"instance", 8}, {"job", 3}};

/* Info series of one name and one identity; a step takes the one with the newest sample. */
struct metric {
    struct gv_slice name;
    const struct gv_row **rows; /* values: times of the samples, s */
    size_t n, cap;
};

struct identity {
    struct metric *metrics;
    size_t n, cap;
};

struct info {
    struct gv_call *c;
    const struct gv_selector *given; /* the second argument, or NULL */
    struct gv_map identities;
    bool none_will_do; /* all data matchers match the empty value: a series without info series stays */
};

static bool is_name(struct gv_slice label)
{
    return gv_slice_eq(label, GV_LABEL_NAME);
}

/* ---- What is asked for ---- */

/* Series of v that are info series themselves are left alone. */
static bool is_info_series(const struct info *in, const struct gv_labels *l)
{
    struct gv_slice name = gv_labels_get(l, GV_LABEL_NAME);
    if (!in->given)
        return gv_slice_is(name, "target_info");
    bool named = false;
    for (size_t i = 0; i < in->given->n_matchers; i++) {
        if (!is_name(in->given->matchers[i].name))
            continue;
        if (!gv_matcher_matches(&in->given->matchers[i], name))
            return false;
        named = true;
    }
    return named;
}

/* Whether the labels called so are wanted: all are where no data matcher says otherwise. */
static bool is_wanted(const struct info *in, struct gv_slice label)
{
    bool any = false;
    for (size_t i = 0; in->given && i < in->given->n_matchers; i++) {
        struct gv_slice name = in->given->matchers[i].name;
        if (gv_slice_eq(name, label))
            return true;
        any |= !is_name(name);
    }
    return !any;
}

static bool none_will_do(const struct gv_selector *given)
{
    for (size_t i = 0; given && i < given->n_matchers; i++)
        if (!is_name(given->matchers[i].name) && !gv_matcher_matches(&given->matchers[i], (struct gv_slice){0}))
            return false;
    return true;
}

/* ---- Finding the info series ---- */

static void add_escaped(struct gv_buf *out, struct gv_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (strchr("\\.+*?()|[]{}^$", s.p[i]) && s.p[i])
            gv_buf_addc(out, '\\');
        gv_buf_addc(out, s.p[i]);
    }
}

/* label=~"every|value|there|is"; false where no series has the label, or the query is to end. */
static bool values_of(const struct info *in, struct gv_slice label, struct gv_buf *pattern)
{
    const struct gv_vector *v = &in->c->args[0].vector;
    struct gv_map seen;
    gv_map_init(&seen, in->c->env->scratch);
    gv_buf_clear(pattern);
    for (size_t i = 0; i < v->n; i++) {
        struct gv_slice value = gv_labels_get(v->rows[i].labels, label);
        if (!gv_call_poll(in->c, 1))
            return false;
        if (!value.n || is_info_series(in, v->rows[i].labels) || gv_map_find(&seen, value))
            continue;
        gv_map_put(&seen, value, (void *)1);
        if (seen.n > 1)
            gv_buf_addc(pattern, '|');
        add_escaped(pattern, value);
    }
    return seen.n > 0;
}

static bool add_matcher(struct info *in, struct gv_selector *s, enum gv_match_type type, struct gv_slice name,
                        struct gv_slice value)
{
    struct gv_env *env = in->c->env;
    size_t size = 4 * value.n; /* the text, and what is taken apart of it */
    return gv_arena_has_room(env->scratch, size, env->err) &&
           gv_matcher_make(&s->matchers[s->n_matchers++], env->scratch, type, name, value, env->err);
}

/* The matchers of the second argument, the name, and the identities there are; no identity, no selector. */
static bool make_selector(struct info *in, struct gv_selector *s, bool *some)
{
    size_t n = in->given ? in->given->n_matchers : 0;
    *s = (struct gv_selector){.matchers = gv_arena_array(in->c->env->scratch, struct gv_matcher, n + 3)};
    bool named = false;
    for (; s->n_matchers < n; s->n_matchers++) {
        s->matchers[s->n_matchers] = in->given->matchers[s->n_matchers];
        named |= is_name(in->given->matchers[s->n_matchers].name);
    }
    if (!named && !add_matcher(in, s, GV_MATCH_EQ, GV_LABEL_NAME, GV_S("target_info")))
        return false;
    struct gv_buf pattern = GV_BUF_INIT;
    bool ok = true;
    *some = false;
    for (size_t i = 0; ok && i < GV_COUNT(identifying); i++) {
        bool found = values_of(in, identifying[i], &pattern);
        *some |= found;
        ok = in->c->env->err->code == GV_OK &&
             (!found || add_matcher(in, s, GV_MATCH_RE, identifying[i], gv_buf_slice(&pattern)));
    }
    gv_buf_fini(&pattern);
    return ok;
}

static struct gv_slice identity_of(const struct info *in, const struct gv_labels *l)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_labels_project(&b, l, identifying, GV_COUNT(identifying), true);
    struct gv_slice key = gv_arena_dup(in->c->env->scratch, gv_buf_slice(&b));
    gv_buf_fini(&b);
    return key;
}

static struct metric *metric_named(struct info *in, struct identity *id, struct gv_slice name)
{
    for (size_t i = 0; i < id->n; i++)
        if (gv_slice_eq(id->metrics[i].name, name))
            return &id->metrics[i];
    gv_push(in->c->env->scratch, id->metrics, id->n, id->cap) = (struct metric){.name = name};
    return &id->metrics[id->n - 1];
}

static bool index_row(struct info *in, const struct gv_row *row)
{
    struct gv_point p;
    for (uint32_t step = 0; row->column.histograms && step < in->c->grid.n; step++)
        if (gv_row_get(row, step, &p) && p.h)
            return gv_fail(in->c->env->err, GV_EXECUTION, "info sample should be float");
    struct gv_arena *scratch = in->c->env->scratch;
    struct gv_slice key = identity_of(in, row->labels);
    void **place = gv_map_at(&in->identities, gv_hash(key.p, key.n), key);
    if (!*place)
        *place = gv_arena_new(scratch, struct identity);
    struct metric *m = metric_named(in, *place, gv_labels_get(row->labels, GV_LABEL_NAME));
    gv_push(scratch, m->rows, m->n, m->cap) = row;
    return true;
}

/* ---- The info series of a step ---- */

static int64_t to_ms(double seconds)
{
    return llround(seconds * 1000);
}

static const char *print_labels(struct info *in, const struct gv_labels *l)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_labels_print(&b, l);
    const char *text = gv_arena_dup(in->c->env->scratch, gv_buf_slice(&b)).p;
    gv_buf_fini(&b);
    return text;
}

static const struct gv_row *newest(const struct metric *m, uint32_t step, const struct gv_row **equal)
{
    const struct gv_row *best = NULL;
    struct gv_point p, q = {0};
    *equal = NULL;
    for (size_t i = 0; i < m->n; i++) {
        if (!gv_row_get(m->rows[i], step, &p))
            continue;
        if (best && p.f == q.f)
            *equal = m->rows[i];
        if (best && p.f <= q.f)
            continue;
        best = m->rows[i];
        q = p;
        *equal = NULL;
    }
    return best;
}

static bool check_metric(struct info *in, const struct metric *m)
{
    const struct gv_row *equal, *row;
    for (uint32_t step = 0; m->n > 1 && step < in->c->grid.n; step++) {
        if (!(row = newest(m, step, &equal)) || !equal)
            continue;
        long long time = (long long)to_ms(row->column.values[step]);
        return gv_fail(in->c->env->err, GV_EXECUTION,
                       "found duplicate series for info metric: existing %s @ %lld, new %s @ %lld",
                       print_labels(in, row->labels), time, print_labels(in, equal->labels), time);
    }
    return true;
}

static bool check_duplicates(struct info *in)
{
    for (struct gv_map_entry *e = NULL; (e = gv_map_next(&in->identities, e));) {
        const struct identity *id = e->value;
        for (size_t i = 0; i < id->n; i++)
            if (!check_metric(in, &id->metrics[i]))
                return false;
    }
    return true;
}

/* ---- Adding labels ---- */

/* What a series of v became, for one choice of info series. */
struct enriched {
    const struct gv_row **chosen; /* one per name, NULL where none is */
    size_t at;                    /* in the result; SIZE_MAX: left out */
};

static bool add_labels(struct info *in, struct gv_labels_builder *b, const struct gv_labels *base,
                       const struct gv_labels *added)
{
    struct gv_labels_iter it = gv_labels_iter(added);
    struct gv_label l;
    while (gv_labels_next(&it, &l)) {
        if (is_name(l.name) || !is_wanted(in, l.name) || gv_labels_get(base, l.name).p)
            continue;
        struct gv_slice before = gv_labels_builder_get(b, l.name);
        if (before.n && !gv_slice_eq(before, l.value))
            return gv_fail(in->c->env->err, GV_EXECUTION, "conflicting label: %.*s", GV_ARG(l.name));
        gv_labels_set(b, l.name, l.value);
    }
    return true;
}

static bool start_result(struct info *in, const struct gv_row *base, const struct gv_row *const *chosen, size_t n,
                         struct gv_value *out, size_t *at)
{
    struct gv_env *env = in->c->env;
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, env->scratch, base->labels);
    bool matched = false;
    for (size_t i = 0; i < n; i++) {
        if (!chosen[i])
            continue;
        matched = true;
        if (!add_labels(in, &b, base->labels, chosen[i]->labels))
            return false;
    }
    *at = SIZE_MAX;
    if (!matched && !in->none_will_do)
        return true;
    struct gv_row *row = gv_vector_add(env, &out->vector, in->c->grid.n, gv_labels_build(&b, env->out));
    if (!row)
        return false;
    row->drop_name = base->drop_name;
    *at = out->vector.n - 1;
    return true;
}

struct choices {
    struct enriched *list;
    size_t n, cap;
};

static bool choose(struct info *in, const struct gv_row *base, const struct identity *id, uint32_t step,
                   struct choices *choices, struct gv_value *out, size_t *at)
{
    size_t n = id ? id->n : 0, size = n * sizeof(struct gv_row *);
    const struct gv_row **chosen = gv_arena_alloc(in->c->env->scratch, size), *equal;
    for (size_t i = 0; i < n; i++)
        chosen[i] = newest(&id->metrics[i], step, &equal);
    for (size_t i = choices->n; i-- > 0;)
        if (n == 0 || memcmp(choices->list[i].chosen, chosen, size) == 0) {
            *at = choices->list[i].at;
            return true;
        }
    if (!start_result(in, base, chosen, n, out, at))
        return false;
    gv_push(in->c->env->scratch, choices->list, choices->n, choices->cap) = (struct enriched){chosen, *at};
    return true;
}

static bool enrich(struct info *in, const struct gv_row *base, struct gv_value *out)
{
    struct gv_env *env = in->c->env;
    const struct identity *id = gv_map_find(&in->identities, identity_of(in, base->labels));
    if (is_info_series(in, base->labels)) {
        gv_push(env->out, out->vector.rows, out->vector.n, out->vector.cap) = *base;
        return true;
    }
    struct choices choices = {0};
    struct gv_point p;
    for (uint32_t step = 0; step < in->c->grid.n; step++) {
        size_t at;
        if (!gv_row_get(base, step, &p))
            continue;
        struct gv_arena_mark mark = gv_arena_mark(env->scratch);
        size_t known = choices.n;
        if (!choose(in, base, id, step, &choices, out, &at))
            return false;
        if (choices.n == known)
            gv_arena_rewind(env->scratch, mark);
        if (at != SIZE_MAX)
            gv_row_set(env, &out->vector.rows[at], in->c->grid.n, step, p);
    }
    return true;
}

static bool info(struct gv_call *c, struct gv_value *out)
{
    struct info in = {.c = c};
    if (c->expr->call.n_args > 1)
        in.given = &gv_expr_unparen(c->expr->call.args[1])->selector;
    in.none_will_do = none_will_do(in.given);
    gv_map_init(&in.identities, c->env->scratch);
    struct gv_selector selector;
    struct gv_vector found = {0};
    bool some;
    if (!make_selector(&in, &selector, &some))
        return false;
    selector.shift = gv_info_shift(c->expr->call.args[0]);
    if (some && !gv_eval_selector(c, &selector, true, &found))
        return false;
    for (size_t i = 0; i < found.n; i++)
        if (!index_row(&in, &found.rows[i]))
            return false;
    if (!check_duplicates(&in))
        return false;
    const struct gv_vector *v = &c->args[0].vector;
    for (size_t i = 0; i < v->n; i++)
        if (!enrich(&in, &v->rows[i], out) || !gv_call_poll(c, c->grid.n))
            return false;
    return true;
}

const struct gv_function_impl gv_fn_info = {.call = info};
