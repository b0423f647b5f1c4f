/* A query in two ways: over one source that holds all series with their injected labels ("whole"), and planned over
 * sources that each answer for their own series. Both must agree. */
#pragma once
#include "base/number.h"
#include "exec/plan_run.h"
#include "promql/memory_source.h"
#include <float.h>
#include <math.h>
#include <stdio.h>

enum { PLANNED_ROUNDS = 8, WORLD_REPLICAS = 4 };

struct world {
    struct gv_arena *arena;
    struct gv_plan_source *sources;
    struct gv_eval_options *evals; /* how each source evaluates */
    struct gv_memory_source *held; /* what each source holds, as it has it */
    /* Of sources with replicas: what each of those holds, with holes. */
    struct gv_memory_source (*replicas)[WORLD_REPLICAS];
    struct gv_memory_source all;
    size_t n;
    struct gv_eval_options eval; /* the query: text, times, features */
    struct gv_plan *plan;        /* of the last round */
    unsigned rounds;
};

/* After sources and eval are set; evals may be changed afterwards. */
static inline void world_open(struct world *w)
{
    w->held = gv_arena_array(w->arena, struct gv_memory_source, w->n);
    w->evals = gv_arena_array(w->arena, struct gv_eval_options, w->n);
    w->replicas = gv_arena_alloc(w->arena, w->n * sizeof *w->replicas);
    gv_memory_source_init(&w->all, w->arena);
    for (size_t i = 0; i < w->n; i++) {
        gv_memory_source_init(&w->held[i], w->arena);
        for (size_t r = 0; r < WORLD_REPLICAS; r++)
            gv_memory_source_init(&w->replicas[i][r], w->arena);
    }
}

/* Which replica misses the sample; n: none does. They fail by turns, for some samples each. */
struct world_holes {
    uint64_t random;
    unsigned left; /* samples until something changes */
    unsigned down;
};

static inline unsigned world_below(struct world_holes *h, unsigned n)
{
    h->random = h->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(h->random >> 33) % n;
}

static inline unsigned world_missing(struct world_holes *h, unsigned n)
{
    if (!h->left--) {
        h->left = world_below(h, 6);
        h->down = h->down < n ? n : world_below(h, n);
    }
    return h->down;
}

static inline void world_deal(struct world *w, size_t source, const struct gv_labels *there,
                              const struct gv_raw_column *c)
{
    unsigned n = w->sources[source].replicas;
    struct gv_raw_column part[WORLD_REPLICAS];
    for (unsigned r = 0; r < n; r++)
        part[r] = (struct gv_raw_column){
            .times = gv_arena_array(w->arena, int64_t, c->n),
            .values = gv_arena_array(w->arena, double, c->n),
            .histograms = c->histograms ? gv_arena_array(w->arena, const struct gv_histogram *, c->n) : NULL};
    struct world_holes h = {.random = there->hash, .down = n};
    for (uint32_t i = 0; i < c->n; i++) {
        unsigned missing = world_missing(&h, n);
        for (unsigned r = 0; r < n; r++) {
            if (r == missing)
                continue;
            uint32_t at = part[r].n++;
            ((int64_t *)(uintptr_t)part[r].times)[at] = c->times[i];
            ((double *)(uintptr_t)part[r].values)[at] = c->values[i];
            if (c->histograms)
                ((const struct gv_histogram **)(uintptr_t)part[r].histograms)[at] = c->histograms[i];
        }
    }
    for (unsigned r = 0; r < n; r++)
        if (part[r].n)
            gv_memory_source_add(&w->replicas[source][r], there,
                                 &(struct gv_column){.kind = GV_COLUMN_RAW, .raw = part[r]});
}

static inline void world_add(struct world *w, size_t source, const struct gv_labels *there, const struct gv_column *c)
{
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, w->arena, NULL);
    const struct gv_labels *labels = gv_mapping_apply(&w->sources[source].mapping, &b, w->arena, there);
    gv_memory_source_add(&w->held[source], there, c);
    gv_memory_source_add(&w->all, labels, c);
    if (w->sources[source].replicas > 1)
        world_deal(w, source, there, &c->raw);
}

static inline void world_seal(struct world *w)
{
    gv_memory_source_seal(&w->all);
    for (size_t i = 0; i < w->n; i++)
        gv_memory_source_seal(&w->held[i]);
    for (size_t i = 0; i < w->n * WORLD_REPLICAS; i++)
        gv_memory_source_seal(&w->replicas[i / WORLD_REPLICAS][i % WORLD_REPLICAS]);
}

/* Sources evaluate with the query's options but for what the descriptor says. */
static inline void world_tune(struct world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct gv_plan_source *s = &w->sources[i];
        w->evals[i] = w->eval;
        if (s->features_known)
            w->evals[i].features = s->features | GV_FEATURE_DURATION_EXPR;
        if (s->lookback && !s->honours_lookback)
            w->evals[i].lookback = s->lookback;
    }
}

/* ---- The two ways ---- */

static inline bool world_whole(struct world *w, struct gv_result *out, struct gv_err *err)
{
    struct gv_eval_options o = w->eval;
    o.source = &w->all.source;
    struct gv_expr *e = gv_promql_parse(w->arena, o.text, o.features, err);
    return e && gv_promql_eval(w->arena, e, &o, out, NULL, err);
}

static inline const struct gv_result *world_answer_one(struct world *w, const struct gv_plan *p,
                                                       const struct gv_plan_ask *ask, struct gv_memory_source *from,
                                                       struct gv_err *err)
{
    struct gv_result *r = gv_arena_new(w->arena, struct gv_result);
    return gv_plan_answer_here(w->arena, p, ask, &from->source, &w->evals[ask->source], r, err) ? r : NULL;
}

static inline bool world_answer_replicas(struct world *w, const struct gv_plan *p, const struct gv_plan_ask *ask,
                                         struct gv_plan_answer *answer, struct gv_err *err)
{
    unsigned n = w->sources[ask->source].replicas;
    const struct gv_result **results = gv_arena_array(w->arena, const struct gv_result *, n);
    for (unsigned r = 0; r < n; r++)
        if (!(results[r] = world_answer_one(w, p, ask, &w->replicas[ask->source][r], err)))
            return false;
    *answer = (struct gv_plan_answer){results[0], results + 1, n - 1};
    return true;
}

static inline bool world_answer(struct world *w, const struct gv_plan *p, struct gv_plan_answer *answers,
                                struct gv_err *err)
{
    for (size_t i = 0; i < p->n_asks; i++) {
        const struct gv_plan_ask *ask = &p->asks[i];
        if (w->sources[ask->source].replicas > 1) {
            if (!world_answer_replicas(w, p, ask, &answers[i], err))
                return false;
        } else if (!(answers[i].result = world_answer_one(w, p, ask, &w->held[ask->source], err))) {
            return false;
        }
    }
    return true;
}

static inline struct gv_plan_options world_options(const struct world *w)
{
    return (struct gv_plan_options){.start = w->eval.start,
                                    .end = w->eval.end,
                                    .step = w->eval.step,
                                    .lookback = w->eval.lookback,
                                    .default_step = w->eval.default_step,
                                    .features = w->eval.features,
                                    .label = GV_S("cluster"),
                                    .sources = w->sources,
                                    .n_sources = w->n};
}

static inline bool world_planned(struct world *w, struct gv_result *out, struct gv_err *err)
{
    struct gv_plan_options o = world_options(w);
    struct gv_pos_range whole[64];
    struct gv_expr *e = gv_promql_parse(w->arena, w->eval.text, w->eval.features, err);
    o.whole = whole;
    for (w->rounds = 1; e && w->rounds <= PLANNED_ROUNDS; w->rounds++) {
        w->plan = gv_plan_make(w->arena, e, &o, err);
        struct gv_plan_answer *answers =
            w->plan ? gv_arena_array(w->arena, struct gv_plan_answer, w->plan->n_asks) : NULL;
        if (!w->plan || !world_answer(w, w->plan, answers, err))
            return false;
        struct gv_plan_run_options run = {&w->eval, answers};
        struct gv_plan_retry retry;
        if (!gv_plan_run(w->arena, w->plan, &run, out, NULL, &retry, err))
            return false;
        if (!retry.wanted)
            return true;
        o.samples |= retry.samples;
        for (size_t i = 0; i < retry.n && o.n_whole < GV_COUNT(whole); i++)
            whole[o.n_whole++] = retry.whole[i];
    }
    return e && gv_fail(err, GV_INTERNAL, "no end of rounds");
}

/* ---- Agreement ---- */

static inline bool near(double a, double b)
{
    if ((isnan(a) && isnan(b)) || a == b)
        return true;
    double sum = fabs(a) + fabs(b), difference = fabs(a - b);
    if (a == 0 || b == 0 || sum < DBL_MIN)
        return difference < 1e-6 * DBL_MIN;
    return difference / fmin(sum, DBL_MAX) < 1e-6;
}

static inline bool near_all(const double *a, const double *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!near(a[i], b[i]))
            return false;
    return true;
}

static inline bool same_side(const struct gv_buckets *a, const struct gv_buckets *b)
{
    if (a->n_counts != b->n_counts || a->n_spans != b->n_spans || !near_all(a->counts, b->counts, a->n_counts))
        return false;
    for (uint32_t i = 0; i < a->n_spans; i++)
        if (a->spans[i].offset != b->spans[i].offset || a->spans[i].length != b->spans[i].length)
            return false;
    return true;
}

static inline bool same_native(const struct gv_histogram *a, const struct gv_histogram *b)
{
    struct gv_arena t;
    gv_arena_init(&t, NULL);
    a = gv_histogram_compact(&t, a);
    b = gv_histogram_compact(&t, b);
    bool same = a->schema == b->schema && near(a->count, b->count) && near(a->sum, b->sum) &&
                a->zero_threshold == b->zero_threshold && near(a->zero_count, b->zero_count) &&
                same_side(&a->positive, &b->positive) && same_side(&a->negative, &b->negative) &&
                (!gv_histogram_is_custom(a) || gv_histogram_bounds_eq(a, b));
    gv_arena_fini(&t);
    return same;
}

struct world_point {
    int64_t time;
    double f;
    const struct gv_histogram *h;
};

/* Call with *at = 0 until false. */
static inline bool next_point(const struct gv_result *r, const struct gv_series *s, uint32_t *at, struct world_point *p)
{
    const struct gv_column *c = &s->column;
    if (c->kind == GV_COLUMN_RAW) {
        uint32_t i = (*at)++;
        if (i >= c->raw.n)
            return false;
        *p = (struct world_point){c->raw.times[i], c->raw.values[i], c->raw.histograms ? c->raw.histograms[i] : NULL};
        return true;
    }
    while (*at < r->grid.n && !gv_bit(c->steps.present, *at))
        ++*at;
    uint32_t i = (*at)++;
    if (i >= r->grid.n)
        return false;
    *p = (struct world_point){gv_grid_time(&r->grid, i), c->steps.values[i],
                              c->steps.histograms ? c->steps.histograms[i] : NULL};
    return true;
}

static inline bool same_points(const struct gv_result *a, const struct gv_series *x, const struct gv_result *b,
                               const struct gv_series *y)
{
    struct world_point p, q;
    uint32_t i = 0, k = 0;
    while (next_point(a, x, &i, &p)) {
        if (!next_point(b, y, &k, &q) || p.time != q.time || !p.h != !q.h)
            return false;
        if (p.h ? !same_native(p.h, q.h) : !near(p.f, q.f))
            return false;
    }
    return !next_point(b, y, &k, &q);
}

static inline void print_result(struct gv_buf *out, const struct gv_result *r)
{
    if (r->type == GV_RESULT_SCALAR)
        gv_buf_add_double(out, r->scalar);
    if (r->type == GV_RESULT_STRING)
        gv_buf_add_slice(out, r->string);
    for (size_t i = 0; i < r->n; i++) {
        struct world_point p;
        gv_buf_adds(out, "\n      ");
        gv_labels_print(out, r->series[i].labels);
        for (uint32_t at = 0; next_point(r, &r->series[i], &at, &p);) {
            gv_buf_addc(out, ' ');
            if (p.h)
                gv_histogram_print_literal(out, p.h);
            else
                gv_buf_add_double(out, p.f);
            gv_buf_printf(out, "@%lld", (long long)p.time);
        }
    }
    if (r->n == 0 && r->type > GV_RESULT_STRING)
        gv_buf_adds(out, " nothing");
}

static inline bool differ_because(struct gv_buf *why, const char *what, const struct gv_result *whole,
                                  const struct gv_result *planned)
{
    gv_buf_printf(why, "%s: in one", what);
    print_result(why, whole);
    gv_buf_adds(why, "\n      planned");
    print_result(why, planned);
    return false;
}

static inline const struct gv_series *find_series(const struct gv_result *r, const struct gv_labels *l)
{
    for (size_t i = 0; i < r->n; i++)
        if (gv_labels_eq(r->series[i].labels, l))
            return &r->series[i];
    return NULL;
}

static inline bool in_label_order(const struct gv_result *r)
{
    for (size_t i = 1; i < r->n; i++)
        if (gv_labels_cmp(r->series[i - 1].labels, r->series[i].labels) > 0)
            return false;
    return true;
}

/* The order of a vector's series counts where ordered. */
static inline bool results_agree(const struct gv_result *whole, const struct gv_result *planned, bool ordered,
                                 struct gv_buf *why)
{
    if (whole->type != planned->type || whole->n != planned->n)
        return differ_because(why, "another type, or more or fewer series", whole, planned);
    if (whole->type == GV_RESULT_SCALAR && !near(whole->scalar, planned->scalar))
        return differ_because(why, "another scalar", whole, planned);
    if (whole->type == GV_RESULT_STRING && !gv_slice_eq(whole->string, planned->string))
        return differ_because(why, "another string", whole, planned);
    for (size_t i = 0; i < whole->n; i++) {
        const struct gv_series *x = &whole->series[i];
        const struct gv_series *y = ordered ? &planned->series[i] : find_series(planned, x->labels);
        if (!y || !gv_labels_eq(x->labels, y->labels) || !same_points(whole, x, planned, y))
            return differ_because(why, "other series, points or order", whole, planned);
    }
    if (planned->type == GV_RESULT_MATRIX && !in_label_order(planned))
        return differ_because(why, "not ordered by labels", whole, planned);
    return true;
}

static inline bool all_among(const struct gv_slice *texts, size_t n, const struct gv_slice *others, size_t n_others)
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

static inline void print_notes(struct gv_buf *out, const struct gv_annotations *a)
{
    for (size_t i = 0; i < a->n_warnings; i++)
        gv_buf_printf(out, "\n      %.*s", GV_ARG(a->warnings[i]));
    for (size_t i = 0; i < a->n_infos; i++)
        gv_buf_printf(out, "\n      %.*s", GV_ARG(a->infos[i]));
}

/* The same texts, in any order. */
static inline bool notes_agree(const struct gv_annotations *a, const struct gv_annotations *b, struct gv_buf *why)
{
    if (a->n_warnings == b->n_warnings && a->n_infos == b->n_infos &&
        all_among(a->warnings, a->n_warnings, b->warnings, b->n_warnings) &&
        all_among(a->infos, a->n_infos, b->infos, b->n_infos))
        return true;
    gv_buf_adds(why, "annotations: in one");
    print_notes(why, a);
    gv_buf_adds(why, "\n      planned");
    print_notes(why, b);
    return false;
}

/* What a cluster says of a query's error has the cluster's name in front, and label sets in it are the cluster's. */
static inline bool failures_agree(const struct gv_err *whole, const struct gv_err *planned, struct gv_buf *why)
{
    char start[64];
    snprintf(start, sizeof start, "%.*s", (int)strcspn(whole->msg, "{\""), whole->msg);
    bool both = whole->code != GV_OK && planned->code != GV_OK;
    if (whole->code == GV_OK && planned->code == GV_OK)
        return true;
    if (both && strstr(planned->msg, start))
        return true;
    gv_buf_printf(why, "in one: %s; planned: %s", whole->code ? whole->msg : "works",
                  planned->code ? planned->msg : "works");
    return false;
}
