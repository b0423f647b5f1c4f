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

void round_init(struct round *r, struct gv_task *task, const struct gv_settings *s, const struct gv_read_scope *scope,
                struct gv_budget *budget, struct gv_arena *a)
{
    *r = (struct round){.task = task, .settings = s, .budget = budget};
    r->entries = gv_arena_array(a, struct round_entry, s->clusters->n);
    for (size_t i = 0; i < s->clusters->n; i++) {
        const struct gv_cluster *c = &s->clusters->at[i];
        if (!cluster_in_scope(c, scope))
            continue;
        r->entries[r->n++] = (struct round_entry){.cluster = c, .round = r};
    }
}

static void on_answer(void *arg, const struct gv_ask_answer *answer)
{
    struct round_entry *e = arg;
    e->ask = NULL;
    e->outcome = answer->outcome;
    e->err = answer->err;
    e->replica = answer->replica;
    e->seconds = answer->seconds;
    e->bytes = answer->body_bytes;
    e->sinks = answer->sinks;
    e->arena = answer->arena;
    gv_task_release(e->round->task);
}

void round_send(struct round *r, const struct gv_query_env *env, const struct gv_read_scope *scope, int64_t deadline_ms)
{
    for (size_t i = 0; i < r->n; i++) {
        struct round_entry *e = &r->entries[i];
        if (!e->n_parts)
            continue;
        struct gv_ask_spec spec = {
            .cluster = e->cluster,
            .parts = e->parts,
            .n_parts = e->n_parts,
            .headers = scope->headers,
            .n_headers = scope->n_headers,
            .deadline_ms = deadline_ms,
            .budget = r->budget,
            .replica = -1,
        };
        gv_task_hold(r->task);
        e->ask = gv_cluster_ask(env->clusters, &spec, on_answer, e);
    }
}

void round_cancel(struct round *r)
{
    r->canceled = true;
    for (size_t i = 0; i < r->n; i++)
        if (r->entries[i].ask)
            gv_cluster_ask_cancel(r->entries[i].ask);
}

static bool fails_the_query(enum gv_ask_outcome o)
{
    return o == GV_ASK_QUERY || o == GV_ASK_LIMIT || o == GV_ASK_CANCELED;
}

static bool fail_all(const struct round *r, size_t failed, struct gv_err *err)
{
    char all[GV_ERR_MSG_MAX];
    size_t at = 0;
    for (size_t i = 0; i < r->n && at < sizeof all - 1; i++)
        if (r->entries[i].n_parts)
            at += (size_t)snprintf(all + at, sizeof all - at, "%s%s", at ? "; " : "", r->entries[i].err.msg);
    return failed == 1 ? gv_fail(err, GV_UNAVAILABLE, "%s", all)
                       : gv_fail(err, GV_UNAVAILABLE, "all %zu clusters failed: %s", failed, all);
}

bool round_verdict(const struct round *r, enum gv_partial partial, struct gv_annotations *notes, struct gv_err *err)
{
    bool may_miss = partial == GV_PARTIAL_DEFAULT ? r->settings->limits.partial_response : partial == GV_PARTIAL_YES;
    size_t asked = 0, failed = 0;
    if (r->canceled)
        return gv_fail(err, GV_CANCELED, "the client went away");
    for (size_t i = 0; i < r->n; i++) {
        const struct round_entry *e = &r->entries[i];
        if (fails_the_query(e->outcome))
            return gv_fail(err, e->err.code, "%s", e->err.msg);
        asked += e->n_parts > 0 && !e->again;
        failed += e->n_parts && e->outcome != GV_ASK_OK && !e->again;
    }
    if (failed && failed == asked && !r->others_answered)
        return fail_all(r, failed, err);
    for (size_t i = 0; i < r->n; i++) {
        const struct round_entry *e = &r->entries[i];
        if (!e->n_parts || e->outcome == GV_ASK_OK || e->again)
            continue;
        if (!may_miss || e->cluster->config->required)
            return gv_fail(err, GV_UNAVAILABLE, "%s", e->err.msg);
        gv_warn(notes, "%s", e->err.msg);
    }
    gv_counter_add(gv_metric_self(&query_partial), failed > 0);
    return true;
}

void round_fini(struct round *r)
{
    for (size_t i = 0; i < r->n; i++) {
        gv_ask_arena_free(r->entries[i].arena);
        r->entries[i].arena = NULL;
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
