#include "query/local_ask.h"
#include "query/metrics_private.h"
#include "query/round.h"
#include <stdio.h>

enum { LARGE_FREE = 32 << 20 }; /* bytes: freeing more would block the loop for over a millisecond */

int64_t round_deadline_ms(const struct gv_query_env *env, const struct gv_settings *s,
                          const struct gv_read_scope *scope)
{
    int64_t timeout = s->limits.timeout_ms;
    if (scope->timeout_ms > 0 && scope->timeout_ms < timeout)
        timeout = scope->timeout_ms;
    return gv_loop_now_ns(env->loop) / 1000000 + timeout;
}

bool cluster_in_scope(const struct gv_cluster *c, const struct gv_read_scope *scope)
{
    return c->config->n_endpoints && (!scope->cluster.n || gv_slice_eq(scope->cluster, c->name));
}

/* A cluster that is pulled is not in the store. */
bool local_in_scope(const struct gv_settings *s, const struct gv_read_scope *scope)
{
    const struct gv_cluster *c = scope->cluster.n ? gv_clusters_find(s->clusters, scope->cluster) : NULL;
    return s->local && !(c && c->config->n_endpoints);
}

static void list_cluster(struct round *r, const struct gv_cluster *c, bool one_each, struct gv_arena *a)
{
    struct round_entry *e = &r->entries[r->n++];
    *e = (struct round_entry){.cluster = c, .round = r, .n_asks = one_each ? 1 : gv_cluster_asked_replicas(c)};
    e->asks = gv_arena_array(a, struct round_ask, e->n_asks);
    for (size_t i = 0; i < e->n_asks; i++)
        e->asks[i] = (struct round_ask){.entry = e, .replica = (unsigned)i};
}

void round_init(struct round *r, struct gv_task *task, const struct gv_settings *s, const struct gv_read_scope *scope,
                bool one_each, struct gv_budget *budget, struct gv_arena *a)
{
    *r = (struct round){.task = task, .settings = s, .budget = budget};
    r->entries = gv_arena_array(a, struct round_entry, s->clusters->n + 1);
    for (size_t i = 0; i < s->clusters->n; i++)
        if (cluster_in_scope(&s->clusters->at[i], scope))
            list_cluster(r, &s->clusters->at[i], one_each, a);
    if (local_in_scope(s, scope))
        list_cluster(r, &s->local->cluster, true, a);
}

/* Their answers still come. */
static void cancel_asks(struct round *r)
{
    r->given_up = true;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->entries[i].n_asks; k++) {
            struct gv_ask *ask = r->entries[i].asks[k].ask;
            r->entries[i].asks[k].ask = NULL;
            if (ask)
                gv_cluster_ask_cancel(ask);
        }
}

static void on_answer(void *arg, const struct gv_ask_answer *answer)
{
    struct round_ask *k = arg;
    struct round *r = k->entry->round;
    k->ask = NULL;
    k->outcome = answer->outcome;
    k->err = answer->err;
    k->replica = answer->replica;
    k->part = answer->part;
    k->seconds = answer->seconds;
    k->bytes = answer->body_bytes;
    k->sinks = answer->sinks;
    k->arena = answer->arena;
    if (r->enough && *r->enough)
        cancel_asks(r);
    gv_task_release(r->task);
}

static void send_entry(struct round_entry *e, const struct gv_query_env *env, const struct gv_read_scope *scope,
                       int64_t deadline_ms)
{
    bool merged = e->n_asks > 1;
    if (entry_is_local(e)) {
        local_ask(&e->asks[0], env, scope, deadline_ms);
        return;
    }
    for (size_t i = 0; i < e->n_asks; i++) {
        struct gv_ask_spec spec = {
            .cluster = e->cluster,
            .parts = e->asks[i].parts,
            .n_parts = e->n_parts,
            .headers = scope->headers,
            .n_headers = scope->n_headers,
            .deadline_ms = deadline_ms,
            .budget = e->round->budget,
            .replica = merged ? (int)i : -1,
            .only_that_replica = merged,
        };
        gv_task_hold(e->round->task);
        e->asks[i].ask = gv_cluster_ask(env->clusters, &spec, on_answer, &e->asks[i]);
    }
}

void round_send(struct round *r, const struct gv_query_env *env, const struct gv_read_scope *scope, int64_t deadline_ms)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->entries[i].n_parts)
            send_entry(&r->entries[i], env, scope, deadline_ms);
}

void round_cancel(struct round *r)
{
    r->canceled = true;
    cancel_asks(r);
}

/* --- verdicts --- */

static bool fails_the_query(enum gv_ask_outcome o)
{
    return o == GV_ASK_QUERY || o == GV_ASK_LIMIT || o == GV_ASK_CANCELED;
}

/* The ask that speaks for the entry. */
static const struct round_ask *decisive(const struct round_entry *e)
{
    const struct round_ask *best = &e->asks[0];
    for (size_t i = 0; i < e->n_asks; i++) {
        const struct round_ask *k = &e->asks[i];
        if (fails_the_query(k->outcome))
            return k;
        if (k->outcome == GV_ASK_OK && best->outcome != GV_ASK_OK)
            best = k;
    }
    return best;
}

enum gv_ask_outcome round_outcome(const struct round_entry *e)
{
    return decisive(e)->outcome;
}

static bool is_failed(const struct round_entry *e)
{
    return e->n_parts && !e->again && round_outcome(e) != GV_ASK_OK;
}

/* The message of the entry's failure: that of its ask, or of all of them behind one another. */
static const char *failure_of(const struct round_entry *e, struct gv_err *all)
{
    if (e->n_asks == 1)
        return e->asks[0].err.msg;
    size_t at = 0;
    for (size_t i = 0; i < e->n_asks && at < sizeof all->msg - 1; i++)
        at += (size_t)snprintf(all->msg + at, sizeof all->msg - at, "%s%s", at ? "; " : "", e->asks[i].err.msg);
    return all->msg;
}

/* before: what was missing in earlier rounds already. */
static bool fail_all(const struct round *r, const struct gv_annotations *before, size_t failed, struct gv_err *err)
{
    struct gv_buf all = GV_BUF_INIT;
    struct gv_err one;
    for (size_t i = 0; i < before->n_warnings; i++)
        gv_buf_printf(&all, "%s%.*s", i ? "; " : "", GV_ARG(before->warnings[i]));
    for (size_t i = 0; i < r->n; i++)
        if (r->entries[i].n_parts)
            gv_buf_printf(&all, "%s%s", all.n ? "; " : "", failure_of(&r->entries[i], &one));
    if (failed == 1)
        gv_fail(err, GV_UNAVAILABLE, "%s", gv_buf_cstr(&all));
    else
        gv_fail(err, GV_UNAVAILABLE, "all %zu clusters failed: %s", failed, gv_buf_cstr(&all));
    gv_buf_fini(&all);
    return false;
}

/* A cluster without some of its replicas answers: with gaps, where these alone had samples. */
static void warn_of_replicas(const struct round_entry *e, struct gv_annotations *notes)
{
    for (size_t i = 0; i < e->n_asks; i++) {
        const struct round_ask *k = &e->asks[i];
        if (k->outcome != GV_ASK_OK)
            gv_warn(notes, "%s (merged without the replica %s: there may be gaps)", k->err.msg,
                    e->cluster->config->endpoints[k->replica]);
    }
}

static bool judge_entry(const struct round_entry *e, bool may_miss, struct gv_annotations *notes, struct gv_err *err)
{
    struct gv_err all;
    if (!e->n_parts || e->again)
        return true;
    if (!is_failed(e)) {
        warn_of_replicas(e, notes);
        return true;
    }
    if (!may_miss || e->cluster->config->required)
        return gv_fail(err, GV_UNAVAILABLE, "%s", failure_of(e, &all));
    gv_warn(notes, "%s", failure_of(e, &all));
    return true;
}

bool round_verdict(const struct round *r, enum gv_partial partial, struct gv_annotations *notes, struct gv_err *err)
{
    bool may_miss = partial == GV_PARTIAL_DEFAULT ? r->settings->limits.partial_response : partial == GV_PARTIAL_YES;
    size_t asked = 0, failed = 0;
    if (r->canceled)
        return gv_fail(err, GV_CANCELED, "the client went away");
    for (size_t i = 0; i < r->n; i++) {
        const struct round_entry *e = &r->entries[i];
        const struct gv_err *why = &decisive(e)->err;
        if (fails_the_query(round_outcome(e)))
            return gv_fail(err, why->code, "%s", why->msg);
        asked += e->n_parts > 0 && !e->again;
        failed += is_failed(e);
    }
    if (failed && failed == asked && !r->others_answered)
        return fail_all(r, notes, failed + r->failed_before, err);
    for (size_t i = 0; i < r->n; i++)
        if (!judge_entry(&r->entries[i], may_miss, notes, err))
            return false;
    gv_counter_add(gv_metric_self(&query_partial), failed > 0);
    return true;
}

void round_fini(struct round *r)
{
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->entries[i].n_asks; k++) {
            gv_ask_arena_free(r->entries[i].asks[k].arena);
            r->entries[i].asks[k].arena = NULL;
        }
}

void read_release(const struct gv_budget *budget, const struct gv_query_env *env, struct gv_work *job)
{
    if (atomic_load(&budget->used) > LARGE_FREE) {
        gv_workers_submit(env->workers, env->loop, job);
        return;
    }
    job->fn(job);
    job->done.fn(&job->done);
}
