/* An ask: replica after replica until one has answered whole, or none is left.
 *
 *   launch --> attempt runs --> whole: it wins, the others are canceled
 *     ^            |        --> failed: next replica (launch), or wait for the hedge, or the ask has failed
 *     |            +-- late: the hedge timer launches a second one beside it
 *     +------------+
 *   settled and nothing runs --> posted --> on_answer, on the loop's next turn */
#include "cluster/ask_private.h"
#include "base/duration.h"
#include <stdio.h>
#include <stdlib.h>

enum { SHORTEST_HEDGE_MS = 5, KNOWN_ASKS = 20 };

static int64_t now_of(const struct gv_ask *a)
{
    return gv_loop_now_ns(client_loop(a->client));
}

/* --- the end --- */

static void name_the_cluster(struct gv_ask *a)
{
    gv_err_prefix(&a->answer.err, "cluster \"%.*s\": ", GV_ARG(a->spec.cluster->name));
}

static void fill_success(struct gv_ask *a)
{
    struct attempt *w = a->winner;
    a->answer.outcome = GV_ASK_OK;
    a->answer.err.code = GV_OK; /* of an attempt before */
    a->answer.err.msg[0] = '\0';
    a->answer.replica = w->replica->index;
    a->answer.status = w->status;
    a->answer.body_bytes = w->body_bytes;
    a->answer.sinks = gv_arena_array(w->arena, void *, w->n);
    for (size_t i = 0; i < w->n; i++)
        a->answer.sinks[i] = w->transfers[i].sink;
    a->answer.arena = w->arena;
    w->arena = NULL;
}

static void fill_canceled(struct gv_ask *a)
{
    a->answer.outcome = GV_ASK_CANCELED;
    a->answer.err.code = GV_OK;
    gv_fail(&a->answer.err, GV_CANCELED, "canceled");
    name_the_cluster(a);
}

static void deliver(struct gv_message *m)
{
    struct gv_ask *a = container_of(m, struct gv_ask, deliver);
    if (a->canceled)
        fill_canceled(a);
    else if (a->winner)
        fill_success(a);
    a->answer.attempts = a->n_attempts;
    a->answer.seconds = (double)(now_of(a) - a->started_ns) / 1e9;
    gv_record_count(a->spec.cluster->record, &a->answer);
    attempt_free(a->winner);
    gv_timer_fini(&a->timer);
    gv_buf_fini(&a->failures);
    client_count(a->client, -1);
    a->on_answer(a->arg, &a->answer);
    free(a);
}

static void post_if_done(struct gv_ask *a)
{
    if (!a->settled || a->running || a->posted)
        return;
    a->posted = true;
    gv_timer_cancel(&a->timer);
    a->deliver.fn = deliver;
    gv_loop_post(client_loop(a->client), &a->deliver);
}

static void settle(struct gv_ask *a)
{
    a->settled = true;
    for (struct attempt *at = a->running, *next; at; at = next) {
        next = at->next;
        attempt_cancel(at);
    }
    post_if_done(a);
}

/* --- starting --- */

/* Wanted first: the one that the caller names; then whichever does best. */
static int choose(struct gv_ask *a, bool *probe)
{
    struct gv_cluster_record *r = a->spec.cluster->record;
    int64_t now = now_of(a);
    if (a->spec.replica >= 0 && !(a->tried >> a->spec.replica & 1)) {
        uint64_t others = ~((uint64_t)1 << a->spec.replica);
        int named = gv_record_choose(r, now, others, probe);
        if (named >= 0 || a->spec.only_that_replica)
            return named;
    }
    return a->spec.only_that_replica ? -1 : gv_record_choose(r, now, a->tried, probe);
}

static bool launch(struct gv_ask *a)
{
    bool probe = false;
    int i = choose(a, &probe);
    if (i < 0)
        return false;
    a->tried |= (uint64_t)1 << i;
    a->n_attempts++;
    struct attempt *at = attempt_start(a, &a->spec.cluster->record->replicas[i], probe);
    at->next = a->running;
    a->running = at;
    return true;
}

/* No replica may be asked: says what was wrong when it last was. */
static void refuse(struct gv_ask *a)
{
    struct gv_cluster_record *r = a->spec.cluster->record;
    struct gv_arena scratch;
    gv_arena_init(&scratch, NULL);
    int i = a->spec.replica >= 0 ? a->spec.replica : (int)atomic_load(&r->favourite);
    const char *last = gv_record_dup_text(r, &r->replicas[i].last_error, &scratch);
    a->answer.outcome = GV_ASK_BREAKER;
    a->answer.replica = (unsigned)i;
    gv_fail(&a->answer.err, GV_UNAVAILABLE, "%s (circuit open, not asked)", last ? last : "it keeps failing");
    gv_arena_fini(&scratch);
    name_the_cluster(a);
    settle(a);
}

/* --- hedge and deadline --- */

bool ask_has_its_time(const struct gv_ask *a)
{
    return a->deadline_ns - a->started_ns >= a->spec.cluster->config->timeout_ms * 1000000;
}

void ask_name_limit(const struct gv_ask *a, struct gv_err *err)
{
    const struct gv_err late = *err;
    struct gv_buf time = GV_BUF_INIT;
    gv_duration_print(&time, (a->deadline_ns - a->started_ns) / 1000000);
    *err = (struct gv_err){.code = GV_OK};
    gv_fail(err, late.code, ask_has_its_time(a) ? "%s (the cluster's timeout is %s)" : "%s (the query left it %s)",
            late.msg, gv_buf_cstr(&time));
    gv_buf_fini(&time);
}

static bool may_hedge(const struct gv_ask *a)
{
    return a->spec.cluster->record->n_replicas > 1 && !a->spec.only_that_replica &&
           a->spec.cluster->config->hedge_after_ms != GV_HEDGE_OFF;
}

/* ms; 0: not known yet when an ask is late. */
static int64_t hedge_delay(const struct gv_ask *a)
{
    int64_t configured = a->spec.cluster->config->hedge_after_ms;
    if (configured > 0)
        return configured;
    double p95 = gv_latency_quantile(&a->spec.cluster->record->latency, 0.95, KNOWN_ASKS);
    int64_t ms = (int64_t)(p95 * 1000) + 1;
    return p95 <= 0 ? 0 : ms > SHORTEST_HEDGE_MS ? ms : SHORTEST_HEDGE_MS;
}

static void hedge(struct gv_ask *a)
{
    struct gv_cluster_record *r = a->spec.cluster->record;
    bool automatic = a->spec.cluster->config->hedge_after_ms == GV_HEDGE_AUTO;
    if ((!automatic || gv_record_take_hedge(r)) && launch(a))
        gv_counter_add(r->hedges, 1);
}

static bool waits_in_lane(const struct attempt *at)
{
    for (size_t i = 0; i < at->n; i++)
        if (at->transfers[i].state == TRANSFER_WAITING)
            return true;
    return false;
}

/* Running transfers have deadlines of their own; those in the queue end here. */
static void expire(struct gv_ask *a)
{
    struct gv_err err = {0};
    gv_fail(&err, GV_TIMEOUT, "deadline exceeded while waiting for a free connection");
    ask_name_limit(a, &err);
    for (struct attempt *at = a->running, *next; at; at = next) {
        next = at->next;
        if (!at->dead && waits_in_lane(at))
            attempt_fail(at, GV_ASK_DEADLINE, false, &err);
    }
}

static void set_deadline_timer(struct gv_ask *a)
{
    int64_t left = (a->deadline_ns - now_of(a)) / 1000000 + 1;
    gv_timer_set(&a->timer, left > 0 ? left : 0);
}

static void on_timer(struct gv_timer *t)
{
    struct gv_ask *a = container_of(t, struct gv_ask, timer);
    if (a->settled)
        return;
    if (!a->hedge_is_next) {
        expire(a);
        return;
    }
    a->hedge_is_next = false;
    set_deadline_timer(a);
    hedge(a);
}

void ask_waits_in_lane(struct gv_ask *a)
{
    if (!a->hedge_is_next)
        set_deadline_timer(a);
}

/* --- attempts come back --- */

/* Would another replica, which holds the same data, say the same? */
static bool is_final(const struct attempt *at)
{
    switch (at->outcome) {
    case GV_ASK_QUERY:
    case GV_ASK_LIMIT:
    case GV_ASK_UNSUPPORTED:
    case GV_ASK_OVERSIZE:
        return true;
    case GV_ASK_STATUS:
        return at->status == 400 || at->status == 422;
    default:
        return false;
    }
}

static void note_failure(struct gv_ask *a, const struct attempt *at)
{
    if (a->failures.n)
        gv_buf_adds(&a->failures, "; ");
    gv_buf_adds(&a->failures, at->err.msg);
    a->answer.outcome = at->outcome;
    a->answer.replica = at->replica->index;
    a->answer.status = at->status;
    a->answer.part = at->failed_part;
    a->answer.err.code = GV_OK;
    gv_fail(&a->answer.err, at->err.code, "%s", is_final(at) ? at->err.msg : gv_buf_cstr(&a->failures));
    name_the_cluster(a);
}

static void fail_over(struct gv_ask *a, const struct attempt *at)
{
    note_failure(a, at);
    if (is_final(at))
        settle(a);
    else if (now_of(a) < a->deadline_ns && launch(a))
        return;
    else if (!a->running)
        settle(a);
}

/* What the replica's record learns; a canceled attempt teaches nothing. */
static void learn(const struct attempt *at)
{
    int64_t now = now_of(at->ask);
    if (at->outcome == GV_ASK_CANCELED)
        return;
    bool healthy = at->outcome == GV_ASK_OK || at->outcome == GV_ASK_QUERY || at->outcome == GV_ASK_LIMIT ||
                   at->outcome == GV_ASK_UNSUPPORTED;
    double seconds = (double)(now - at->started_ns) / 1e9;
    if (healthy)
        gv_replica_went_well(at->replica, seconds);
    else
        gv_replica_went_wrong(at->replica, at->outcome, &at->err, seconds, now, at->trips, at->probe);
}

static void unlink_attempt(struct gv_ask *a, struct attempt *at)
{
    struct attempt **link = &a->running;
    while (*link != at)
        link = &(*link)->next;
    *link = at->next;
}

void ask_attempt_over(struct attempt *at)
{
    struct gv_ask *a = at->ask;
    unlink_attempt(a, at);
    learn(at);
    a->answer.wire_bytes += at->wire_bytes;
    if (a->settled) {
        attempt_free(at);
        post_if_done(a);
    } else if (at->outcome == GV_ASK_OK) {
        a->winner = at;
        settle(a);
    } else {
        fail_over(a, at);
        attempt_free(at);
    }
}

/* --- the face --- */

struct gv_ask *gv_cluster_ask(struct gv_cluster_client *cl, const struct gv_ask_spec *spec, gv_ask_fn *on_answer,
                              void *arg)
{
    struct gv_ask *a = calloc(1, sizeof *a);
    if (!a)
        gv_die("out of memory");
    a->client = cl;
    a->spec = *spec;
    a->on_answer = on_answer;
    a->arg = arg;
    a->answer.cluster = spec->cluster;
    a->started_ns = now_of(a);
    a->deadline_ns = a->started_ns + spec->cluster->config->timeout_ms * 1000000;
    if (spec->deadline_ms * 1000000 < a->deadline_ns)
        a->deadline_ns = spec->deadline_ms * 1000000;
    gv_timer_init(&a->timer, client_loop(cl), on_timer);
    client_count(cl, 1);
    int64_t delay = may_hedge(a) ? hedge_delay(a) : 0;
    if ((a->hedge_is_next = delay > 0))
        gv_timer_set(&a->timer, delay);
    gv_record_earn_hedge(spec->cluster->record);
    if (!launch(a))
        refuse(a);
    return a;
}

void gv_cluster_ask_cancel(struct gv_ask *a)
{
    a->canceled = true;
    settle(a);
}
