/* Series are dealt out to clusters by the hash of their labels. Injected labels differ from cluster to cluster. */
#include "clusters.h"
#include "compare.h"
#include "exec/plan_run.h"
#include <stdio.h>

enum { MINUTE = 60000, MAX_ROUNDS = 8 };
enum {
    FEATURES = GV_FEATURE_EXPERIMENTAL_FUNCTIONS | GV_FEATURE_EXTENDED_RANGE_SELECTORS |
               GV_FEATURE_BINOP_FILL_MODIFIERS | GV_FEATURE_USE_START_TIMESTAMPS | GV_FEATURE_DURATION_EXPR
};

struct world {
    struct gv_arena *arena;
    unsigned n;
    struct gv_plan_source *sources;
    struct gv_memory_source *clusters, all;
    struct gv_eval_options eval;
    const struct form_of_query *form;
};

static struct gv_slice printed(struct gv_arena *a, const char *prefix, unsigned i)
{
    return gv_slice_of(gv_arena_printf(a, "%s%u", prefix, i));
}

/* cluster="c0", cluster="c1" region="r1", ... */
static struct gv_mapping mapping_of(struct gv_arena *a, unsigned i)
{
    struct gv_label *labels = gv_arena_array(a, struct gv_label, 2);
    labels[0] = (struct gv_label){GV_S("cluster"), printed(a, "c", i)};
    labels[1] = (struct gv_label){GV_S("region"), printed(a, "r", i % 2)};
    return (struct gv_mapping){labels, i % 3 ? 2 : 1};
}

static void deal(struct world *w, struct gv_source *from)
{
    struct gv_memory_source *all = container_of(from, struct gv_memory_source, source);
    struct gv_select everything = {.min_time = INT64_MIN, .max_time = INT64_MAX};
    struct gv_cursor *cursor;
    struct gv_err err = {0};
    struct gv_series s;
    struct gv_labels_builder b;
    size_t n;
    gv_labels_builder_init(&b, w->arena, NULL);
    if (!all->source.ops->select(from, w->arena, &everything, &cursor, 1, &n, &err))
        gv_die("selecting everything: %s", err.msg);
    while (cursor->ops->next(cursor, w->arena, &s, &err) == 1) {
        unsigned i = (unsigned)(s.labels->hash % w->n);
        const struct gv_labels *labels = gv_mapping_apply(&w->sources[i].mapping, &b, w->arena, s.labels);
        gv_memory_source_add(&w->clusters[i], s.labels, &s.column);
        gv_memory_source_add(&w->all, labels, &s.column);
    }
}

static void make_world(struct world *w, struct storage *s)
{
    w->sources = gv_arena_array(w->arena, struct gv_plan_source, w->n);
    w->clusters = gv_arena_array(w->arena, struct gv_memory_source, w->n);
    gv_memory_source_init(&w->all, w->arena);
    for (unsigned i = 0; i < w->n; i++) {
        gv_memory_source_init(&w->clusters[i], w->arena);
        w->sources[i] = (struct gv_plan_source){.mapping = mapping_of(w->arena, i), .raw = true};
        w->sources[i].name = w->sources[i].mapping.inject[0].value;
    }
    deal(w, storage_source(s));
    gv_memory_source_seal(&w->all);
    for (unsigned i = 0; i < w->n; i++)
        gv_memory_source_seal(&w->clusters[i]);
}

/* ---- The two ways ---- */

static bool run_whole(struct world *w, struct gv_result *out, struct gv_err *err)
{
    struct gv_eval_options o = w->eval;
    o.source = &w->all.source;
    struct gv_expr *e = gv_promql_parse(w->arena, o.text, o.features, err);
    return e && gv_promql_eval(w->arena, e, &o, out, NULL, err);
}

static bool answer_all(struct world *w, const struct gv_plan *p, struct gv_plan_answer *answers, struct gv_err *err)
{
    for (size_t i = 0; i < p->n_asks; i++) {
        const struct gv_plan_ask *ask = &p->asks[i];
        struct gv_result *r = gv_arena_new(w->arena, struct gv_result);
        if (!gv_plan_answer_here(w->arena, p, ask, &w->clusters[ask->source].source, &w->eval, r, err))
            return false;
        answers[i].result = r;
    }
    return true;
}

static bool run_planned(struct world *w, struct gv_result *out, struct gv_err *err)
{
    struct gv_plan_options o = {.start = w->eval.start,
                                .end = w->eval.end,
                                .step = w->eval.step,
                                .lookback = w->eval.lookback,
                                .default_step = w->eval.default_step,
                                .features = w->eval.features,
                                .label = GV_S("cluster"),
                                .sources = w->sources,
                                .n_sources = w->n};
    struct gv_pos_range whole[64];
    struct gv_expr *e = gv_promql_parse(w->arena, w->eval.text, w->eval.features, err);
    if (!e)
        return false;
    o.whole = whole;
    for (int round = 0; round < MAX_ROUNDS; round++) {
        struct gv_plan *p = gv_plan_make(w->arena, e, &o, err);
        struct gv_plan_answer *answers = p ? gv_arena_array(w->arena, struct gv_plan_answer, p->n_asks) : NULL;
        if (!p || !answer_all(w, p, answers, err))
            return false;
        struct gv_plan_run_options run = {&w->eval, answers};
        struct gv_plan_retry retry;
        if (!gv_plan_run(w->arena, p, &run, out, NULL, &retry, err))
            return false;
        if (!retry.wanted)
            return true;
        o.samples |= retry.samples;
        for (size_t i = 0; i < retry.n && o.n_whole < GV_COUNT(whole); i++)
            whole[o.n_whole++] = retry.whole[i];
    }
    return gv_fail(err, GV_INTERNAL, "no end of rounds");
}

/* ---- Agreement ---- */

/* What a cluster says of a query's error has the cluster's name in front, and label sets in it are the cluster's. */
static bool same_failure(bool ran, const struct gv_err *whole, bool planned_ran, const struct gv_err *planned,
                         struct gv_buf *why)
{
    char start[64];
    snprintf(start, sizeof start, "%.*s", (int)strcspn(whole->msg, "{\""), whole->msg);
    if (ran == planned_ran && (ran || strstr(planned->msg, start)))
        return true;
    gv_buf_printf(why, "in one: %s; planned: %s", ran ? "works" : whole->msg, planned_ran ? "works" : planned->msg);
    return false;
}

static bool agree(struct world *w, struct gv_buf *why)
{
    struct gv_result whole, planned;
    struct gv_err err = {0}, planned_err = {0};
    bool ran = run_whole(w, &whole, &err), planned_ran = run_planned(w, &planned, &planned_err);
    if (!same_failure(ran, &err, planned_ran, &planned_err, why))
        return false;
    if (!ran)
        return true;
    return compare_results(&whole, &planned, w->form->ordered, why) &&
           (!w->form->same_notes || compare_all_notes(&whole.notes, &planned.notes, why));
}

bool clusters_agree(struct storage *s, unsigned n, struct gv_executor *x, const struct form_of_query *f,
                    struct gv_buf *why)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct world w = {.arena = &a, .n = n, .form = f};
    make_world(&w, s);
    w.eval = (struct gv_eval_options){.text = f->text,
                                      .start = f->start,
                                      .end = f->end,
                                      .step = f->step,
                                      .lookback = 5 * MINUTE,
                                      .default_step = MINUTE,
                                      .executor = x};
    bool good = true;
    for (unsigned delayed = 0; good && delayed <= GV_FEATURE_DELAYED_NAME_REMOVAL;
         delayed += GV_FEATURE_DELAYED_NAME_REMOVAL) {
        w.eval.features = FEATURES | delayed;
        good = agree(&w, why);
        if (!good)
            gv_buf_adds(why, delayed ? "\n      (names removed late)" : "\n      (names removed at once)");
    }
    gv_arena_fini(&a);
    return good;
}
