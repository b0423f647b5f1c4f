/* One query: wait for a place -> send the text to every cluster in scope -> unite what they answered -> hand over.
 *
 * Until a planner exists every query is forwarded whole (the plan "union"), so `sum(x)` gives one sum per cluster.
 * The reply borrows the decoders' arenas: they live until gv_query_free. */
#include "base/log.h"
#include "codec/result_decoder.h"
#include "exec/unite.h"
#include "net/url.h"
#include "promql/functions.h"
#include "query/metrics_private.h"
#include "query/round.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
    MANY_SERIES = 2000
}; /* from here on uniting is a worker's job: it would block the loop for over a millisecond */

struct gv_query {
    struct gv_task task;
    struct gv_query_env env;
    struct gv_settings *settings;
    struct gv_query_request request;
    struct gv_arena arena;
    struct gv_arena result_arena; /* under the query's budget */
    struct gv_gate_ticket ticket;
    struct gv_timer queue_timer;
    bool in_gate, canceled;
    struct round round;
    struct gv_expr *expr;
    struct gv_result result;
    struct gv_query_outcome outcome;
    int64_t start_ns, admitted_ns, deadline_ms;
    char id[17];
    gv_query_done_fn *done;
    void *done_arg;
};

/* --- sink: the body of one cluster, decoded as it arrives --- */

struct sink {
    struct gv_result_decoder *decoder;
    struct gv_result result;
};

static void *sink_begin(void *arg, const struct gv_cluster *c, struct gv_arena *a)
{
    struct gv_query *q = arg;
    struct gv_result_decoder_options options = {
        .kind = GV_COLUMN_SPAN,
        .mapping = &c->mapping,
        .max_samples = q->settings->limits.max_samples,
    };
    struct sink *s = gv_arena_new(a, struct sink);
    s->decoder = gv_result_decoder_new(a, &options);
    return s;
}

static bool sink_feed(void *sink, const char *data, size_t n, struct gv_err *err)
{
    return gv_result_decoder_feed(((struct sink *)sink)->decoder, data, n, err);
}

static bool sink_finish(void *sink, struct gv_err *err)
{
    struct sink *s = sink;
    struct gv_backend_error said = {0};
    if (!gv_result_decoder_finish(s->decoder, &s->result, &said, err))
        return false;
    return !said.present || gv_sink_backend_error(said.type, said.message, err);
}

static const struct gv_sink_ops sink_ops = {.begin = sink_begin, .feed = sink_feed, .finish = sink_finish};

/* --- steps --- */

static struct gv_query *query_of(struct gv_task *t)
{
    return container_of(t, struct gv_query, task);
}

static enum gv_step parse(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    struct gv_err why = {0};
    q->expr = gv_promql_parse(&q->arena, q->request.text, q->settings->limits.features, &why);
    bool single = q->expr && (q->expr->type == GV_TYPE_MATRIX || q->expr->type == GV_TYPE_STRING);
    if (single && q->request.range)
        gv_fail(&why, GV_BAD_DATA, "invalid expression type \"%s\" for range query, must be Scalar or instant Vector",
                gv_value_type_text(q->expr->type));
    if (why.code == GV_OK)
        return GV_NEXT;
    gv_fail(&t->err, why.code, "invalid parameter \"query\": %s", why.msg);
    return GV_FAIL;
}

static void on_admitted(struct gv_gate_ticket *ticket)
{
    struct gv_query *q = container_of(ticket, struct gv_query, ticket);
    q->in_gate = true;
    gv_timer_cancel(&q->queue_timer);
    gv_task_release(&q->task);
}

/* Ends the wait of a query that has no place yet. Where a place is already on its way, on_admitted releases. */
static void stop_waiting(struct gv_query *q)
{
    if (gv_gate_forget(q->env.gate, &q->ticket))
        gv_task_release(&q->task);
}

static void on_queue_timeout(struct gv_timer *timer)
{
    struct gv_query *q = container_of(timer, struct gv_query, queue_timer);
    unsigned places, running, waiting;
    gv_gate_counts(q->env.gate, &places, &running, &waiting);
    gv_fail(&q->task.err, GV_TIMEOUT,
            "query timed out in the queue: max_concurrent_queries is %u, %u are running and %u waiting", places,
            running, waiting);
    stop_waiting(q);
}

static enum gv_step enter(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    unsigned places, running, waiting;
    switch (gv_gate_enter(q->env.gate, &q->ticket, q->env.loop)) {
    case GV_GATE_IN:
        q->in_gate = true;
        return GV_NEXT;
    case GV_GATE_WAIT:
        gv_task_hold(t);
        gv_timer_set(&q->queue_timer, q->deadline_ms - gv_loop_now_ns(q->env.loop) / 1000000);
        return GV_WAIT;
    case GV_GATE_FULL:
        break;
    }
    gv_gate_counts(q->env.gate, &places, &running, &waiting);
    gv_fail(&t->err, GV_UNAVAILABLE,
            "too many queries: max_concurrent_queries is %u and %u wait already; try again later", places, waiting);
    return GV_FAIL;
}

static void add_time(struct gv_buf *b, const char *name, int64_t ms)
{
    gv_buf_printf(b, "&%s=%s%lld.%03lld", name, ms < 0 ? "-" : "", (long long)llabs(ms / 1000),
                  (long long)llabs(ms % 1000));
}

static struct gv_slice query_form(struct gv_query *q)
{
    const struct gv_query_request *r = &q->request;
    struct gv_buf form = GV_BUF_INIT;
    gv_buf_adds(&form, "query=");
    gv_url_add_query_escaped(&form, r->text);
    add_time(&form, r->range ? "start" : "time", r->start);
    if (r->range) {
        add_time(&form, "end", r->end);
        add_time(&form, "step", r->step);
    }
    if (r->lookback_ms)
        add_time(&form, "lookback_delta", r->lookback_ms);
    int64_t left = q->deadline_ms - gv_loop_now_ns(q->env.loop) / 1000000;
    add_time(&form, "timeout", left > 1 ? left : 1);
    struct gv_slice kept = gv_arena_dup(&q->arena, gv_buf_slice(&form));
    gv_buf_fini(&form);
    return kept;
}

static enum gv_step ask(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    q->admitted_ns = gv_loop_now_ns(q->env.loop);
    if (t->err.code != GV_OK || q->canceled)
        return GV_FAIL;
    struct gv_ask_part part = {
        .method = "POST",
        .path = q->request.range ? "/api/v1/query_range" : "/api/v1/query",
        .body = query_form(q),
        .sink = &sink_ops,
        .sink_arg = q,
    };
    for (size_t i = 0; i < q->round.n; i++)
        q->round.entries[i].part = part;
    round_send(&q->round, &q->env, &q->request.scope, q->deadline_ms);
    return GV_WAIT;
}

static const struct gv_expr *root_of(const struct gv_query *q)
{
    return gv_expr_unparen(q->expr);
}

/* sort() and topk() order an instant vector; each cluster ordered its own, here they are merged in that order. */
static enum gv_order order_of(const struct gv_query *q)
{
    const struct gv_expr *e = root_of(q);
    if (e->kind == GV_EXPR_CALL && (e->call.function->flags & GV_FN_ORDERS)) {
        struct gv_slice name = gv_slice_of(e->call.function->name);
        return gv_slice_is(name, "sort")        ? GV_ORDER_ASCENDING
               : gv_slice_is(name, "sort_desc") ? GV_ORDER_DESCENDING
                                                : GV_ORDER_KEPT;
    }
    if (e->kind == GV_EXPR_AGGREGATE && e->aggregate.op->kind == GV_AGG_TOPK)
        return GV_ORDER_DESCENDING;
    if (e->kind == GV_EXPR_AGGREGATE && e->aggregate.op->kind == GV_AGG_BOTTOMK)
        return GV_ORDER_ASCENDING;
    return GV_ORDER_LABELS;
}

static enum gv_result_type type_of(const struct gv_query *q)
{
    enum gv_value_type t = q->expr->type;
    return q->request.range || t == GV_TYPE_MATRIX ? GV_RESULT_MATRIX
           : t == GV_TYPE_VECTOR                   ? GV_RESULT_VECTOR
           : t == GV_TYPE_SCALAR                   ? GV_RESULT_SCALAR
                                                   : GV_RESULT_STRING;
}

static void apply_limit(struct gv_query *q)
{
    if (!q->request.limit || q->result.n <= q->request.limit)
        return;
    q->result.n = q->request.limit;
    gv_warn(&q->result.notes, "results truncated due to limit");
}

static bool count_parts(struct gv_query *q, struct gv_err *err)
{
    int64_t samples = 0, max = q->settings->limits.max_samples;
    for (size_t i = 0; i < q->outcome.n_parts; i++)
        samples += q->outcome.parts[i].samples;
    q->outcome.samples = q->outcome.peak_samples = samples;
    if (max > 0 && samples > max)
        return gv_fail(err, GV_EXECUTION,
                       "query processing would load too many samples into memory in query execution (max_samples is "
                       "%lld, the clusters answered with %lld)",
                       (long long)max, (long long)samples);
    return true;
}

static bool unite_work(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    struct gv_part *parts = gv_arena_array(&q->arena, struct gv_part, q->round.n);
    size_t n = 0;
    for (size_t i = 0; i < q->round.n; i++) {
        const struct round_entry *e = &q->round.entries[i];
        if (e->sink)
            parts[n++] = (struct gv_part){&((struct sink *)e->sink)->result, e->cluster->name};
    }
    struct gv_annotations notes = q->result.notes;
    if (!count_parts(q, &t->err) || !gv_unite(&q->result_arena, parts, n, order_of(q), &q->result, &t->err))
        return false;
    if (!n)
        q->result.type = type_of(q);
    gv_annotations_merge(&notes, &q->result.notes);
    q->result.notes = notes;
    apply_limit(q);
    q->outcome.result = &q->result;
    return true;
}

static void note_parts(struct gv_query *q, size_t *n_series)
{
    struct gv_query_part *parts = gv_arena_array(&q->arena, struct gv_query_part, q->round.n);
    for (size_t i = 0; i < q->round.n; i++) {
        const struct round_entry *e = &q->round.entries[i];
        const struct sink *s = e->sink;
        parts[i] = (struct gv_query_part){
            .cluster = e->cluster->name,
            .replica = e->replica,
            .seconds = e->seconds,
            .bytes = e->bytes,
            .series = s ? (int64_t)s->result.n : 0,
            .samples = s ? gv_result_decoder_samples(s->decoder) : 0,
            .failed = e->outcome != GV_ASK_OK,
        };
        *n_series += s ? s->result.n : 0;
    }
    q->outcome.parts = parts;
    q->outcome.n_parts = q->round.n;
}

static enum gv_step unite(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    size_t n_series = 0;
    note_parts(q, &n_series);
    if (!round_verdict(&q->round, q->request.scope.partial, &q->result.notes, &t->err))
        return GV_FAIL;
    if (n_series > MANY_SERIES)
        return gv_task_offload(t, unite_work);
    return unite_work(t) ? GV_NEXT : GV_FAIL;
}

static void measure(const struct gv_query *q, int64_t now)
{
    static const char *const results[] = {"ok", "error"};
    static struct gv_metric *_Atomic seconds[GV_COUNT(results)];
    int failed = q->task.err.code != GV_OK;
    if (!seconds[failed]) /* loops that race here find the same instance */
        seconds[failed] = gv_metric_get(&query_seconds, gv_slice_of(results[failed]));
    gv_histogram_observe(seconds[failed], (double)(now - q->start_ns) / 1e9);
    gv_counter_add(gv_metric_self(&query_samples), (uint64_t)q->outcome.samples);
}

static enum gv_step finish(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    int64_t now = gv_loop_now_ns(q->env.loop);
    if (q->canceled)
        gv_fail(&t->err, GV_CANCELED, "query was canceled");
    q->outcome.err = t->err;
    measure(q, now);
    q->outcome.total_seconds = (double)(now - q->start_ns) / 1e9;
    q->outcome.queue_seconds = q->admitted_ns ? (double)(q->admitted_ns - q->start_ns) / 1e9 : 0;
    q->done(q->done_arg, q);
    return GV_NEXT;
}

static gv_step_fn *const query_steps[] = {parse, enter, ask, unite, finish, NULL};

/* --- face --- */

static void make_id(char id[17])
{
    static _Atomic uint64_t next;
    uint64_t n = atomic_fetch_add(&next, 1);
    if (!n) { /* a start that differs from run to run */
        while (getrandom(&n, sizeof n, 0) != (ssize_t)sizeof n)
            ;
        atomic_fetch_add(&next, n);
    }
    snprintf(id, 17, "%016llx", (unsigned long long)gv_hash(&n, sizeof n));
}

struct gv_query *gv_query_start(const struct gv_query_env *env, struct gv_settings *settings,
                                const struct gv_query_request *request, gv_query_done_fn *done, void *arg)
{
    struct gv_query *q = calloc(1, sizeof *q);
    if (!q)
        gv_die("out of memory");
    q->env = *env;
    q->settings = settings;
    q->request = *request;
    q->done = done;
    q->done_arg = arg;
    q->start_ns = gv_loop_now_ns(env->loop);
    q->ticket.admitted = on_admitted;
    make_id(q->id);
    gv_timer_init(&q->queue_timer, env->loop, on_queue_timeout);
    q->deadline_ms = round_deadline_ms(env, settings, &request->scope);
    gv_arena_init(&q->arena, &q->round.budget);
    round_init(&q->round, &q->task, env, settings, &request->scope, &q->arena);
    gv_arena_init(&q->result_arena, &q->round.budget);
    gv_annotations_init(&q->result.notes, &q->arena);
    gv_task_start(&q->task, env->loop, env->workers, query_steps);
    return q;
}

void gv_query_cancel(struct gv_query *q)
{
    q->canceled = true; /* the task's error may be a worker's now: finish() says that it was canceled */
    round_cancel(&q->round);
    if (!q->in_gate)
        stop_waiting(q);
}

const struct gv_query_outcome *gv_query_outcome(const struct gv_query *q)
{
    return &q->outcome;
}

struct gv_arena *gv_query_arena(struct gv_query *q)
{
    return &q->arena;
}

const char *gv_query_id(const struct gv_query *q)
{
    return q->id;
}

static void log_if_slow(const struct gv_query *q)
{
    int64_t ms = (gv_loop_now_ns(q->env.loop) - q->start_ns) / 1000000;
    int64_t threshold = q->settings->limits.log_slower_than_ms;
    if (threshold <= 0 || ms < threshold)
        return;
    gv_log(GV_LOG_WARN, "slow query", GV_CTX("query_id", q->id), GV_F("query", q->request.text),
           GV_F("seconds", (double)ms / 1000), GV_F("series", q->result.n), GV_F("samples", q->outcome.samples),
           GV_F("error", q->outcome.err.msg));
}

static void release_memory(struct gv_work *w)
{
    struct gv_query *q = container_of(w, struct gv_query, task.job);
    round_fini(&q->round);
    gv_arena_fini(&q->result_arena);
    gv_arena_fini(&q->arena);
}

static void released(struct gv_message *m)
{
    struct gv_query *q = container_of(m, struct gv_query, task.job.done);
    gv_timer_fini(&q->queue_timer);
    gv_settings_put(q->settings);
    free(q);
}

void gv_query_free(struct gv_query *q)
{
    log_if_slow(q);
    if (q->in_gate)
        gv_gate_leave(q->env.gate);
    q->task.job = (struct gv_work){.fn = release_memory, .done.fn = released};
    round_release(&q->round, &q->env, &q->task.job);
}
