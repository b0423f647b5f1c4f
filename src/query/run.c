/* One query: parse -> wait for a place -> plan -> ask -> evaluate what is left -> hand over.
 *
 * Of a query for raw series nothing is parsed or evaluated: its answers are united and digested in one go.
 * A plan that only unites keeps the answers' points as text. Any other is evaluated over step vectors; it may find that
 * what came cannot be combined, then the query is planned and asked again, with the answers already here.
 * The reply borrows the decoders' arenas: they live until gv_query_free. */
#include "base/clock.h"
#include "base/log.h"
#include "exec/raw_feed.h"
#include "plan/refused.h"
#include "query/admission.h"
#include "query/answers.h"
#include "query/explain.h"
#include "query/metrics_private.h"
#include "query/planning.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* From here on running a plan is a worker's job: it would block the loop for over a millisecond. */
enum { MANY_SERIES = 2000, MANY_SAMPLES = 20000 };
enum { LONG_TEXT = 4 << 10 };  /* bytes: and so is parsing it */
enum { EVALUATION_MS = 1000 }; /* that evaluation has at least, whatever the clusters left of the time */
enum { MAX_ROUNDS = 4 };       /* plans of one query: each says more exactly what cannot be combined */

struct gv_query {
    struct gv_task task;
    struct gv_query_env env;
    struct gv_settings *settings;
    struct gv_query_request request;
    struct gv_budget budget;
    struct gv_arena arena;
    struct admission read_place, place; /* taken in this order */
    _Atomic bool canceled;

    struct gv_expr *expr;
    struct gv_plan_options planning; /* sources, and what earlier rounds found out */
    struct gv_plan *plan;
    struct round rounds[MAX_ROUNDS];
    size_t n_rounds;
    struct answers answers;
    struct gv_plan_retry retry;
    struct gv_annotations failures; /* clusters that are missing */

    struct gv_result result;
    struct gv_eval_stats stats;
    struct gv_query_outcome outcome;
    int64_t start_ns, admitted_ns, deadline_ms, evaluate_until_ns;
    char id[17];
    gv_query_done_fn *done;
    void *done_arg;
};

/* --- steps --- */

static struct gv_query *query_of(struct gv_task *t)
{
    return container_of(t, struct gv_query, task);
}

static int64_t now_ms(const struct gv_query *q)
{
    return gv_loop_now_ns(q->env.loop) / 1000000;
}

/* Samples that are handed on are not evaluated: memory bounds them. */
static int64_t max_samples(const struct gv_query *q)
{
    return q->request.raw ? 0 : q->settings->limits.max_samples;
}

static bool parse_text(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    q->expr = planning_parse(&q->arena, q->settings, &q->request, &t->err);
    return q->expr != NULL;
}

static bool read_selections(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    return q->request.raw->read(q->request.raw->arg, q, &t->err);
}

/* A long text may hold regular expressions that take as long to compile. */
static enum gv_step parse(struct gv_task *t)
{
    const struct gv_query_request *r = &query_of(t)->request;
    if (r->raw)
        return r->raw->read ? gv_task_offload(t, read_selections) : GV_NEXT;
    if (r->text.n > LONG_TEXT)
        return gv_task_offload(t, parse_text);
    return parse_text(t) ? GV_NEXT : GV_FAIL;
}

/* Behind a wait: it may have timed out in the queue, or been canceled meanwhile. */
static bool has_ended(const struct gv_query *q)
{
    return q->task.err.code != GV_OK || q->canceled;
}

static enum gv_step enter_reads(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    if (has_ended(q))
        return GV_FAIL;
    return q->read_place.gate ? admission_enter(&q->read_place, q->deadline_ms - now_ms(q)) : GV_NEXT;
}

static enum gv_step enter(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    return has_ended(q) ? GV_FAIL : admission_enter(&q->place, q->deadline_ms - now_ms(q));
}

static struct gv_plan *make_plan(struct gv_query *q)
{
    const struct gv_query_raw *raw = q->request.raw;
    return raw ? gv_plan_select(&q->arena, raw->selections, raw->n, raw->wanted, &q->planning, &q->task.err)
               : gv_plan_make(&q->arena, q->expr, &q->planning, &q->task.err);
}

static enum gv_step plan(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    if (has_ended(q))
        return GV_FAIL;
    if (!q->n_rounds) {
        q->admitted_ns = gv_loop_now_ns(q->env.loop);
        q->planning = planning_options(&q->arena, q->settings, &q->request);
        answers_init(&q->answers, &q->arena, q->planning.n_sources, max_samples(q));
        q->answers.raw = q->request.raw != NULL;
        q->answers.floats_only = q->request.raw && q->request.raw->floats_only;
    }
    q->plan = make_plan(q);
    return q->plan ? GV_NEXT : GV_FAIL;
}

/* A cluster that this round does not ask has answered before. */
static bool others_answered(const struct gv_query *q, const struct round *r)
{
    for (size_t k = 0; k < q->n_rounds; k++)
        for (size_t i = 0; i < r->n; i++) {
            const struct round_entry *before = &q->rounds[k].entries[i];
            bool answered = before->n_parts && round_outcome(before) == GV_ASK_OK;
            if (answered && !q->answers.failed[i] && !r->entries[i].n_parts)
                return true;
        }
    return false;
}

/* Where native histograms come and their values are needed, all is asked once more, as samples. */
static bool may_want_samples(const struct gv_query *q)
{
    return !q->request.raw && !q->planning.samples && q->n_rounds < MAX_ROUNDS;
}

static enum gv_step ask(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    struct round *r = &q->rounds[q->n_rounds];
    round_init(r, t, q->settings, &q->request.scope, false, &q->budget, &q->arena);
    bool any = answers_ask(&q->answers, q->plan, r, q->planning.lookback, q->deadline_ms - now_ms(q));
    r->others_answered = others_answered(q, r);
    for (size_t i = 0; i < r->n; i++)
        r->failed_before += q->answers.failed[i];
    q->n_rounds++;
    r->enough = may_want_samples(q) ? &q->answers.met_histograms : NULL;
    if (any)
        round_send(r, &q->env, &q->request.scope, q->deadline_ms);
    return GV_WAIT;
}

/* Later queries do not send it again. */
static void remember(const struct gv_query *q, const struct round_entry *e)
{
    const struct round_ask *k = &e->asks[0];
    uint64_t construct = gv_plan_construct(answers_asked(&k->parts[k->part])->tree, k->err.msg);
    if (construct)
        gv_cluster_refused(e->cluster, construct, gv_loop_now_ns(q->env.loop));
}

/* A backend did not understand its text: from now on this query sends it selectors alone. */
static bool lower_sources(struct gv_query *q, struct round *r)
{
    bool any = false;
    if (q->request.raw) /* there is nothing lower */
        return false;
    struct gv_plan_source *sources = (struct gv_plan_source *)(uintptr_t)q->planning.sources; /* this query's own */
    for (size_t i = 0; i < r->n && q->n_rounds < MAX_ROUNDS; i++) {
        struct round_entry *e = &r->entries[i];
        bool lowest = sources[i].push == GV_PUSH_SELECTORS || sources[i].replicas > 1;
        if (!e->n_parts || round_outcome(e) != GV_ASK_UNSUPPORTED || lowest)
            continue;
        remember(q, e);
        sources[i].push = GV_PUSH_SELECTORS;
        e->again = any = true;
    }
    return any;
}

static enum gv_step judge(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    struct round *r = &q->rounds[q->n_rounds - 1];
    if (may_want_samples(q) && q->answers.met_histograms) {
        q->planning.samples = true;
        q->retry.wanted = true;
        return GV_NEXT;
    }
    q->retry.wanted = lower_sources(q, r);
    if (!round_verdict(r, q->request.scope.partial, &q->failures, &t->err))
        return GV_FAIL;
    answers_take(&q->answers, r);
    return GV_NEXT;
}

/* Where a cluster was waited for until the deadline, the answer without it is still owed. */
static int64_t eval_deadline_ns(const struct gv_query *q)
{
    int64_t least = gv_loop_now_ns(q->env.loop) + EVALUATION_MS * INT64_C(1000000), deadline = q->deadline_ms * 1000000;
    return deadline > least ? deadline : least;
}

static struct gv_eval_options eval_options(struct gv_query *q)
{
    const struct gv_query_limits *limits = &q->settings->limits;
    return (struct gv_eval_options){
        .text = q->request.text,
        .start = q->planning.start,
        .end = q->planning.end,
        .step = q->planning.step,
        .lookback = q->planning.lookback,
        .default_step = limits->default_step_ms,
        .max_samples = limits->max_samples,
        .features = limits->features,
        .deadline_ns = q->evaluate_until_ns,
        .cancel = &q->canceled,
        .budget = &q->budget,
    };
}

static void apply_limit(struct gv_query *q)
{
    if (!q->request.limit || q->result.n <= q->request.limit)
        return;
    q->result.n = q->request.limit;
    gv_warn(&q->result.notes, "results truncated due to limit");
}

static bool run_plan(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    struct gv_eval_options eval = eval_options(q);
    struct gv_plan_run_options o = {.eval = &eval, .answers = answers_of(&q->answers, q->plan)};
    if (!gv_plan_run(&q->arena, q->plan, &o, &q->result, &q->stats, &q->retry, &t->err))
        return false;
    if (q->retry.wanted)
        return true;
    struct gv_annotations notes = q->failures;
    gv_annotations_merge(&notes, &q->result.notes);
    q->result.notes = notes;
    apply_limit(q);
    q->outcome.result = &q->result;
    return true;
}

/* The series of every selection, and what is made of them. */
static bool gather(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    const struct gv_plan_answer *answers = answers_of(&q->answers, q->plan);
    const struct gv_plan_tree *root = &q->plan->root;
    struct gv_raw_source *raw = gv_arena_array(&q->arena, struct gv_raw_source, root->n_feeds);
    for (size_t i = 0; i < root->n_feeds; i++)
        if (!gv_query_goes_on(q, &t->err) ||
            !gv_raw_feed(&q->arena, q->plan, &root->feeds[i], answers, &raw[i], &t->err))
            return false;
    q->outcome.raw = raw;
    return q->request.raw->digest(q->request.raw->arg, q, &t->err);
}

/* How one ask of a cluster's took part, over all rounds; false where it did not. */
static bool note_ask(const struct gv_query *q, size_t source, size_t ask, struct gv_query_part *p)
{
    bool asked = false;
    for (size_t k = 0; k < q->n_rounds; k++) {
        const struct round_entry *e = &q->rounds[k].entries[source];
        const struct round_ask *r = &e->asks[ask];
        if (!e->n_parts)
            continue;
        asked = true;
        p->replica = r->replica;
        p->seconds += r->seconds;
        p->bytes += r->bytes;
        p->samples += answers_samples(e, r, &p->series);
        p->failed = r->outcome != GV_ASK_OK; /* an ask that failed is not repeated but in another form */
    }
    return asked;
}

/* How each cluster took part, and each replica where they are merged; and what came in all. Of replicas the one with
 * most samples counts: one Prometheus would have held them once. */
static void note_parts(struct gv_query *q, int64_t *series)
{
    const struct round *first = &q->rounds[0];
    struct gv_query_part *parts = NULL;
    size_t cap = 0;
    q->outcome.n_parts = 0;
    q->outcome.samples = 0;
    for (size_t i = 0; i < first->n; i++) {
        const struct round_entry *e = &first->entries[i];
        int64_t most = 0;
        for (size_t k = 0; k < e->n_asks; k++) {
            struct gv_query_part p = {.cluster = e->cluster->name};
            if (!note_ask(q, i, k, &p))
                continue;
            most = p.samples > most ? p.samples : most;
            *series += p.series;
            gv_push(&q->arena, parts, q->outcome.n_parts, cap) = p;
        }
        q->outcome.samples += most;
    }
    q->outcome.parts = parts;
}

static bool within_max_samples(const struct gv_query *q, struct gv_err *err)
{
    int64_t max = max_samples(q);
    return max <= 0 || q->outcome.samples <= max ||
           gv_fail(err, GV_EXECUTION,
                   "query processing would load too many samples into memory in query execution (max_samples is %lld, "
                   "the clusters answered with %lld)",
                   (long long)max, (long long)q->outcome.samples);
}

static enum gv_step evaluate(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    int64_t series = 0;
    if (q->retry.wanted)
        return GV_NEXT;
    q->evaluate_until_ns = eval_deadline_ns(q);
    note_parts(q, &series);
    if (!within_max_samples(q, &t->err))
        return GV_FAIL;
    gv_work_fn *run = q->request.raw ? gather : run_plan;
    if (series > MANY_SERIES || (!q->plan->unite && q->outcome.samples > MANY_SAMPLES))
        return gv_task_offload(t, run);
    return run(t) ? GV_NEXT : GV_FAIL;
}

static gv_step_fn *const query_steps[];
enum { STEP_PLAN = 3 }; /* of query_steps */

/* What earlier rounds found out stays. */
static void keep_whole(struct gv_query *q)
{
    size_t before = q->planning.n_whole, n = before + q->retry.n;
    struct gv_pos_range *whole = gv_arena_array(&q->arena, struct gv_pos_range, n);
    if (before)
        memcpy(whole, q->planning.whole, before * sizeof *whole);
    if (q->retry.n)
        memcpy(whole + before, q->retry.whole, q->retry.n * sizeof *whole);
    q->retry.n = 0;
    q->planning.whole = whole;
    q->planning.n_whole = n;
}

/* Back to the planner where the plan found that what came cannot be combined. */
static enum gv_step settle(struct gv_task *t)
{
    struct gv_query *q = query_of(t);
    if (!q->retry.wanted)
        return GV_NEXT;
    if (q->n_rounds == MAX_ROUNDS) {
        gv_fail(&t->err, GV_INTERNAL, "the query was planned %d times and still cannot be combined", MAX_ROUNDS);
        return GV_FAIL;
    }
    keep_whole(q);
    q->planning.samples |= q->retry.samples;
    q->retry.wanted = false;
    t->next = &query_steps[STEP_PLAN];
    return GV_NEXT;
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

static gv_step_fn *const query_steps[] = {parse, enter_reads, enter, plan, ask, judge, evaluate, settle, finish, NULL};

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

static void open_places(struct gv_query *q)
{
    bool is_read = q->request.raw && q->request.raw->is_read;
    admission_init(&q->read_place, is_read ? q->env.reads : NULL, "too many remote reads",
                   "--storage.remote.read-concurrent-limit", &q->task, q->env.loop);
    admission_init(&q->place, q->env.gate, "too many queries", "max_concurrent_queries", &q->task, q->env.loop);
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
    make_id(q->id);
    open_places(q);
    q->deadline_ms = round_deadline_ms(env, settings, &request->scope);
    gv_budget_init(&q->budget, "max_query_memory", settings->limits.max_query_memory, GV_EXECUTION, env->memory);
    gv_arena_init(&q->arena, &q->budget);
    gv_annotations_init(&q->failures, &q->arena);
    gv_task_start(&q->task, env->loop, env->workers, query_steps);
    return q;
}

void gv_query_cancel(struct gv_query *q)
{
    q->canceled = true; /* the task's error may be a worker's now: finish() says that it was canceled */
    for (size_t i = 0; i < q->n_rounds; i++)
        round_cancel(&q->rounds[i]);
    admission_cancel(&q->read_place);
    admission_cancel(&q->place);
}

bool gv_query_goes_on(const struct gv_query *q, struct gv_err *err)
{
    if (q->canceled)
        return gv_fail(err, GV_CANCELED, "query was canceled");
    return gv_clock_monotonic(&gv_clock_real) < q->evaluate_until_ns ||
           gv_fail(err, GV_TIMEOUT, "query timed out in expression evaluation");
}

_Atomic bool *gv_query_canceled(struct gv_query *q)
{
    return &q->canceled;
}

const struct gv_query_outcome *gv_query_outcome(const struct gv_query *q)
{
    return &q->outcome;
}

const struct gv_plan *gv_query_plan(const struct gv_query *q)
{
    return q->plan;
}

struct gv_arena *gv_query_arena(struct gv_query *q)
{
    return &q->arena;
}

const char *gv_query_id(const struct gv_query *q)
{
    return q->id;
}

enum { LOGGED_TEXT = 4 << 10 }; /* bytes of a query's text */

static void print_selections(struct gv_buf *out, const struct gv_query_raw *raw)
{
    gv_buf_adds(out, "samples of");
    for (size_t i = 0; i < raw->n; i++) {
        const struct gv_select *s = &raw->selections[i];
        gv_buf_adds(out, i ? ", {" : " {");
        for (size_t k = 0; k < s->n_matchers && out->n < LOGGED_TEXT; k++) {
            gv_buf_adds(out, k ? "," : "");
            gv_matcher_print(out, &s->matchers[k]);
        }
        gv_buf_addc(out, '}');
    }
}

static void log_if_slow(const struct gv_query *q)
{
    int64_t ms = (gv_loop_now_ns(q->env.loop) - q->start_ns) / 1000000;
    int64_t threshold = q->settings->limits.log_slower_than_ms;
    if (threshold <= 0 || ms < threshold)
        return;
    struct gv_buf selections = GV_BUF_INIT;
    struct gv_slice text = q->request.text;
    if (q->request.raw) {
        print_selections(&selections, q->request.raw);
        text = gv_buf_slice(&selections);
    }
    text.n = text.n < LOGGED_TEXT ? text.n : LOGGED_TEXT;
    gv_log(GV_LOG_WARN, "slow query", GV_CTX("query_id", q->id), GV_F("query", text),
           GV_F("seconds", (double)ms / 1000), GV_F("series", q->result.n), GV_F("samples", q->outcome.samples),
           GV_F("error", q->outcome.err.msg));
    gv_buf_fini(&selections);
}

static void release_memory(struct gv_work *w)
{
    struct gv_query *q = container_of(w, struct gv_query, task.job);
    for (size_t i = 0; i < q->n_rounds; i++)
        round_fini(&q->rounds[i]);
    gv_arena_fini(&q->arena);
}

static void released(struct gv_message *m)
{
    struct gv_query *q = container_of(m, struct gv_query, task.job.done);
    admission_fini(&q->read_place);
    admission_fini(&q->place);
    gv_settings_put(q->settings);
    free(q);
}

void gv_query_free(struct gv_query *q)
{
    log_if_slow(q);
    admission_leave(&q->place);
    admission_leave(&q->read_place);
    q->task.job = (struct gv_work){.fn = release_memory, .done.fn = released};
    read_release(&q->budget, &q->env, &q->task.job);
}
