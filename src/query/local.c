/* A local entry of a round: one piece of work on a worker, which takes a view of the store, answers all parts from it
 * and gives it back. */
#include "query/local_ask.h"
#include <stdlib.h>

void gv_local_init(struct gv_local *l, struct gv_store *store)
{
    *l = (struct gv_local){.store = store};
    l->config.name = "store";
    l->cluster = (struct gv_cluster){.config = &l->config, .name = GV_S("store")};
}

struct gv_slice *gv_local_clusters(const struct gv_local *l, struct gv_arena *a, struct gv_slice label, size_t *n)
{
    struct gv_slice *values;
    struct gv_err ignored = {0};
    if (gv_store_known_values(l->store, a, label, &values, n, &ignored))
        return values;
    *n = 0;
    return NULL;
}

bool gv_local_has(const struct gv_local *l, struct gv_slice label, struct gv_slice cluster)
{
    struct gv_arena a;
    size_t n;
    bool found = false;
    gv_arena_init(&a, NULL);
    const struct gv_slice *values = gv_local_clusters(l, &a, label, &n);
    for (size_t i = 0; i < n && !found; i++)
        found = gv_slice_eq(values[i], cluster);
    gv_arena_fini(&a);
    return found;
}

/* ---- A source restricted to one cluster ---- */

struct restricted {
    struct gv_source source;
    struct gv_source *of;
    struct gv_matcher matcher;
};

static bool select_restricted(struct gv_source *s, struct gv_arena *a, const struct gv_select *what,
                              struct gv_cursor **cursors, size_t max, size_t *n, struct gv_err *err)
{
    const struct restricted *r = container_of(s, struct restricted, source);
    struct gv_matcher *matchers = gv_arena_array(a, struct gv_matcher, what->n_matchers + 1);
    struct gv_select narrower = *what;
    if (what->n_matchers)
        memcpy(matchers, what->matchers, what->n_matchers * sizeof *matchers);
    matchers[narrower.n_matchers++] = r->matcher;
    narrower.matchers = matchers;
    return r->of->ops->select(r->of, a, &narrower, cursors, max, n, err);
}

static const struct gv_source_ops restricted_ops = {select_restricted};

static bool restrict_view(struct local_view *v, struct gv_slice cluster, struct gv_err *err)
{
    if (!cluster.n)
        return true;
    struct restricted *r = gv_arena_new(v->arena, struct restricted);
    r->source.ops = &restricted_ops;
    r->of = v->source;
    if (!gv_matcher_make(&r->matcher, v->arena, GV_MATCH_EQ, gv_slice_of(v->settings->clusters->label), cluster, err))
        return false;
    v->source = &r->source;
    v->restrict_to = &r->matcher;
    return true;
}

/* ---- The work ---- */

struct local_work {
    struct gv_work work;
    struct round_ask *ask;
    struct local_view view;
    struct gv_slice cluster; /* of the scope */
    int64_t start_ns;
};

/* What the store cannot read, or not in time, is its failure, like a cluster's; anything else is the query's: a limit
 * of ours, too. */
static enum gv_ask_outcome outcome_of(const struct gv_err *err)
{
    switch (err->code) {
    case GV_OK:
        return GV_ASK_OK;
    case GV_CANCELED:
        return GV_ASK_CANCELED;
    case GV_INTERNAL:
        return GV_ASK_BROKEN;
    case GV_TIMEOUT:
        return GV_ASK_DEADLINE;
    default:
        return GV_ASK_QUERY;
    }
}

static bool answer_all(struct local_work *w)
{
    struct round_ask *k = w->ask;
    size_t n = k->entry->n_parts;
    k->sinks = gv_arena_array(w->view.arena, void *, n);
    for (size_t i = 0; i < n; i++)
        if (!k->entry->round->answer_here(&k->parts[i], &w->view, &k->sinks[i], &k->err))
            return false;
    return true;
}

static void answer(struct gv_work *work)
{
    struct local_work *w = container_of(work, struct local_work, work);
    struct round_ask *k = w->ask;
    w->view.view = gv_store_view_get(w->view.store);
    w->view.source = gv_store_view_source(w->view.view);
    gv_store_view_watch(w->view.view, w->view.cancel, w->view.deadline_ns);
    if (!restrict_view(&w->view, w->cluster, &k->err) || !answer_all(w))
        k->sinks = NULL;
    gv_store_view_put(w->view.view);
    k->outcome = outcome_of(&k->err);
}

static void answered(struct gv_message *m)
{
    struct local_work *w = container_of(m, struct local_work, work.done);
    struct round_ask *k = w->ask;
    k->seconds = (double)(gv_clock_monotonic(&gv_clock_real) - w->start_ns) / 1e9;
    free(w);
    gv_task_release(k->entry->round->task);
}

void local_ask(struct round_ask *k, const struct gv_query_env *env, const struct gv_read_scope *scope,
               int64_t deadline_ms)
{
    struct round *r = k->entry->round;
    struct local_work *w = calloc(1, sizeof *w);
    struct gv_arena *arena = calloc(1, sizeof *arena);
    if (!w || !arena)
        gv_die("out of memory");
    gv_arena_init(arena, r->budget);
    *w = (struct local_work){.work = {.fn = answer, .done.fn = answered},
                             .ask = k,
                             .cluster = scope->cluster,
                             .start_ns = gv_clock_monotonic(&gv_clock_real)};
    w->view = (struct local_view){.settings = r->settings,
                                  .store = r->settings->local->store,
                                  .arena = arena,
                                  .executor = gv_workers_executor(env->workers),
                                  .cancel = &r->given_up,
                                  .deadline_ns = deadline_ms * 1000000};
    k->arena = arena;
    gv_task_hold(r->task);
    gv_workers_submit(env->workers, env->loop, &w->work);
}
