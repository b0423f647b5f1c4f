/* Forwarding from the receiver's sink to an endpoint that answers as the test likes: every sample that was acknowledged
 * arrives, in the order of its series, whatever the endpoint, the process or the disk does meanwhile. */
#include "../../support/faulty_io.h"
#include "../../support/log_records.h"
#include "../../support/write_endpoint.h"
#include "ingest/forward_impl.h"
#include <sched.h>
#include <setjmp.h>
#include <sys/wait.h>
#include <time.h>
#include <cmocka.h>

/* ---- What is logged ---- */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static struct gv_buf log_text;

static void hear(void *arg, enum gv_log_level level, struct gv_slice line)
{
    (void)arg, (void)level;
    pthread_mutex_lock(&log_lock);
    gv_buf_add_slice(&log_text, line);
    pthread_mutex_unlock(&log_lock);
}

static bool heard(const char *text)
{
    pthread_mutex_lock(&log_lock);
    bool there = log_text.n && strstr(gv_buf_cstr(&log_text), text);
    pthread_mutex_unlock(&log_lock);
    return there;
}

static void forget_log(void)
{
    pthread_mutex_lock(&log_lock);
    gv_buf_fini(&log_text);
    pthread_mutex_unlock(&log_lock);
}

/* ---- A forwarder to one endpoint ---- */

struct rig {
    struct write_endpoint endpoint;
    struct gv_forward_endpoint config;
    struct gv_forward *forward;
    struct gv_workers *workers;
    struct gv_ingest_sink sink;
    struct gv_io *io;
    struct gv_clock *clock; /* NULL: the real one */
    int64_t tick_ms, max_held_bytes, flush_ms;
    char folder[64], queue[80], url[80];
    struct gv_arena arena;
};

static void rig_configure(struct rig *r)
{
    r->config = gv_forward_endpoint_default;
    r->config.name = "test";
    r->config.url = r->url;
    r->config.queue_path = r->queue;
    r->config.min_backoff_ms = 1;
    r->config.max_backoff_ms = 5;
    r->config.batch_send_deadline_ms = 0;
}

static void rig_init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    gv_arena_init(&r->arena, NULL);
    write_endpoint_start(&r->endpoint);
    rig_configure(r);
    snprintf(r->url, sizeof r->url, "http://127.0.0.1:%d/api/v1/write", r->endpoint.fake.port);
    snprintf(r->queue, sizeof r->queue, "%s/queue", make_folder(r->folder));
}

static void rig_open(struct rig *r)
{
    struct gv_err err = {.code = GV_OK};
    struct gv_forward_options o = {.endpoints = &r->config,
                                   .n = 1,
                                   .sync = GV_LOG_INTERVAL,
                                   .io = r->io,
                                   .clock = r->clock,
                                   .tick_ms = r->tick_ms,
                                   .max_held_bytes = r->max_held_bytes,
                                   .flush_ms = r->flush_ms};
    r->forward = gv_forward_open(&o, &err);
    if (!r->forward)
        fail_msg("%s", err.msg);
    r->sink = gv_forward_sink(r->forward);
}

static void rig_start(struct rig *r)
{
    struct gv_err err = {.code = GV_OK};
    if (!(r->workers = gv_workers_new(2, &err)) || !gv_forward_start(r->forward, r->workers, 7, &err))
        fail_msg("%s", err.msg);
}

static void rig_stop(struct rig *r)
{
    struct gv_err err = {.code = GV_OK};
    gv_forward_stop(r->forward);
    gv_workers_free(r->workers);
    r->workers = NULL;
    if (!gv_forward_close(r->forward, &err))
        fail_msg("%s", err.msg);
    r->forward = NULL;
}

static void rig_fini(struct rig *r)
{
    write_endpoint_stop(&r->endpoint);
    gv_arena_fini(&r->arena);
    remove_tree(r->folder);
}

static struct gv_forward_status status_of(const struct rig *r)
{
    struct gv_forward_status s;
    gv_forward_status(r->forward, 0, &s);
    return s;
}

static void pause_a_moment(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* Until nothing is pending; the test's own time limit is the deadline. */
static void wait_until_sent(const struct rig *r)
{
    while (status_of(r).pending_samples)
        pause_a_moment();
}

/* ---- Batches ---- */

static const struct gv_labels *series_labels(struct gv_arena *a, size_t i)
{
    struct gv_label labels[] = {{GV_S("__name__"), GV_S("up")},
                                {GV_S("cluster"), GV_S("c1")},
                                {GV_S("pod"), gv_slice_of(gv_arena_printf(a, "p%zu", i))}};
    return gv_labels_make(a, labels, GV_COUNT(labels));
}

static uint64_t series_id(struct rig *r, size_t i)
{
    struct gv_arena a;
    uint64_t id = 0;
    struct gv_err err = {.code = GV_OK};
    gv_arena_init(&a, NULL);
    if (!r->sink.series(r->sink.ctx, series_labels(&a, i), &id, &err))
        gv_die("%s", err.msg);
    gv_arena_fini(&a);
    return id;
}

enum { MOST = 4000 };

/* One sample of each series [0, n) at a time; true when the ticket ended well. */
static bool append_at(struct rig *r, size_t n, int64_t time)
{
    static _Thread_local struct gv_store_sample samples[MOST];
    static _Thread_local uint8_t verdicts[MOST];
    struct awaited w;
    struct gv_err err = {.code = GV_OK};
    awaited_init(&w);
    for (size_t i = 0; i < n; i++)
        samples[i] = (struct gv_store_sample){.series = series_id(r, i), .time = time, .value = (double)(time % 1000)};
    struct gv_store_batch b = {.samples = samples, .n = n, .verdicts = verdicts};
    return r->sink.append(r->sink.ctx, &b, &w.ticket, &err) && awaited_wait(&w);
}

/* Each series has every time of [from, to), in order. Unless each comes once: repetitions go on where they began, and
 * one more may be there, of a batch that was not answered. */
static void assert_series(struct rig *r, size_t n, int64_t from, int64_t to, bool once)
{
    struct write_endpoint *e = &r->endpoint;
    pthread_mutex_lock(&e->lock);
    assert_int_equal(e->n, n);
    for (size_t i = 0; i < n; i++) {
        const struct kept_series *s = &e->series[i];
        int64_t next = from;
        for (size_t k = 0; k < s->n; k++) {
            if (s->times[k] > next || (once && s->times[k] != next))
                fail_msg("%s: %lld where %lld was due", s->labels, (long long)s->times[k], (long long)next);
            next += s->times[k] == next;
            assert_float_equal(s->values[k], (double)(s->times[k] % 1000), 0);
        }
        if (next < to || next > to + !once)
            fail_msg("%s ends at %lld, not %lld", s->labels, (long long)next, (long long)to);
    }
    pthread_mutex_unlock(&e->lock);
}

/* ---- What arrives ---- */

struct appender {
    struct rig *r;
    size_t first, n;
    pthread_t thread;
};

static void *append_many(void *arg)
{
    struct appender *a = arg;
    struct gv_store_sample samples[64];
    uint8_t verdicts[64];
    for (int64_t t = 1; t <= 60; t++) {
        struct awaited w;
        struct gv_err err = {.code = GV_OK};
        awaited_init(&w);
        for (size_t i = 0; i < a->n; i++)
            samples[i] = (struct gv_store_sample){
                .series = series_id(a->r, a->first + i), .time = t, .value = (double)(t % 1000)};
        struct gv_store_batch b = {.samples = samples, .n = a->n, .verdicts = verdicts};
        if (!a->r->sink.append(a->r->sink.ctx, &b, &w.ticket, &err) || !awaited_wait(&w))
            gv_die("not appended: %s", err.msg);
        for (size_t i = 0; i < a->n; i++)
            if (verdicts[i] != GV_APPEND_STORED)
                gv_die("verdict %u", verdicts[i]);
    }
    return NULL;
}

static void samples_of_many_threads_arrive_in_order(void **state)
{
    enum { THREADS = 3, EACH = 20 };
    for (unsigned shards = 1; shards <= 5; shards += 4) {
        struct rig r;
        struct appender appenders[THREADS];
        rig_init(&r);
        r.config.version = *(enum gv_write_version *)*state;
        r.config.min_shards = r.config.max_shards = shards;
        r.config.max_samples_per_send = 7;
        rig_open(&r);
        rig_start(&r);
        for (size_t i = 0; i < THREADS; i++) {
            appenders[i] = (struct appender){.r = &r, .first = i * EACH, .n = EACH};
            pthread_create(&appenders[i].thread, NULL, append_many, &appenders[i]);
        }
        for (size_t i = 0; i < THREADS; i++)
            pthread_join(appenders[i].thread, NULL);
        wait_until_sent(&r);
        assert_series(&r, THREADS * EACH, 1, 61, true);
        assert_in_range(r.endpoint.largest, 1, 7);
        assert_int_equal(r.endpoint.of_version[r.config.version], r.endpoint.requests);
        assert_int_equal(status_of(&r).sent_samples, THREADS * EACH * 60);
        assert_int_equal(status_of(&r).dropped_samples, 0);
        rig_stop(&r);
        rig_fini(&r);
    }
}

static void rules_change_and_drop_series(void **state)
{
    (void)state;
    struct rig r;
    struct gv_err err = {.code = GV_OK};
    rig_init(&r);
    struct gv_relabel_rule *rules = gv_arena_array(&r.arena, struct gv_relabel_rule, 2);
    struct gv_slice pod[] = {GV_S("pod")};
    for (size_t i = 0; i < 2; i++) {
        gv_options_init(&gv_relabel_table, &r.arena, &rules[i]);
        rules[i].source_labels = (struct gv_option_list){pod, 1, 1};
    }
    rules[0].regex = GV_S("p[12]");
    rules[0].action = GV_RELABEL_DROP;
    rules[1].regex = GV_S("p(.*)");
    rules[1].target_label = GV_S("n");
    for (size_t i = 0; i < 2; i++)
        if (!gv_relabel_compile(&rules[i], &r.arena, &err))
            fail_msg("%s", err.msg);
    r.config.rules = rules;
    r.config.n_rules = 2;
    rig_open(&r);
    rig_start(&r);
    assert_true(append_at(&r, 4, 5));
    wait_until_sent(&r);
    assert_int_equal(r.endpoint.n, 2);
    assert_string_equal(r.endpoint.series[0].labels, "up{cluster=\"c1\", n=\"0\", pod=\"p0\"}");
    assert_string_equal(r.endpoint.series[1].labels, "up{cluster=\"c1\", n=\"3\", pod=\"p3\"}");
    rig_stop(&r);
    rig_fini(&r);
}

static const struct gv_span spans[] = {{0, 1}};
static const double counts[] = {5};
static const struct gv_histogram histogram = {.count = 5, .sum = 7, .positive = {spans, counts, 1, 1}};

static void histograms_exemplars_and_metadata_go_where_they_are_wanted(void **state)
{
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++)
        for (enum gv_write_version v = GV_WRITE_1; v <= GV_WRITE_2; v++) {
            struct rig r;
            struct awaited w;
            struct gv_err err = {.code = GV_OK};
            rig_init(&r);
            awaited_init(&w);
            r.config.version = v;
            r.config.send_exemplars = r.config.send_histograms = r.config.send_metadata = wanted;
            r.config.metadata_interval_ms = 20;
            rig_open(&r);
            rig_start(&r);
            uint64_t id = series_id(&r, 0);
            struct gv_store_sample samples[] = {{.series = id, .time = 1, .value = 1},
                                                {.series = id, .time = 2, .histogram = &histogram}};
            struct gv_store_exemplar x = {id, 1, 0.5, &gv_labels_empty};
            struct gv_store_metadata m = {GV_S("c1"), GV_S("up"), GV_S("gauge"), GV_S("Is it up?"), GV_S("")};
            uint8_t verdicts[2], verdict;
            struct gv_store_batch b = {samples, 2, verdicts, &x, 1, &verdict, &m, 1};
            assert_true(r.sink.append(r.sink.ctx, &b, &w.ticket, &err) && awaited_wait(&w));
            assert_int_equal(verdicts[1], GV_APPEND_STORED);
            assert_int_equal(verdict, GV_APPEND_STORED);
            wait_until_sent(&r);
            for (bool there = !wanted; !there; pause_a_moment()) {
                pthread_mutex_lock(&r.endpoint.lock);
                there = r.endpoint.metadata > 0;
                pthread_mutex_unlock(&r.endpoint.lock);
            }
            rig_stop(&r);
            assert_int_equal(r.endpoint.n, 1);
            assert_int_equal(r.endpoint.series[0].n, 1);
            assert_int_equal(r.endpoint.series[0].histograms, wanted);
            assert_int_equal(r.endpoint.series[0].exemplars, wanted);
            assert_int_equal(r.endpoint.metadata != 0, wanted);
            assert_int_equal(r.endpoint.empty_series, 0);
            rig_fini(&r);
        }
}

/* Several of a series, of more series than fit into a request, and one without a sample beside it: what 2.0 cannot say.
 */
static void exemplars_go_with_samples(void **state)
{
    enum { N = 9 };
    enum gv_write_version v = *(enum gv_write_version *)*state;
    struct rig r;
    struct awaited w;
    struct gv_err err = {.code = GV_OK};
    struct gv_store_sample samples[N];
    struct gv_store_exemplar exemplars[2 * N + 1];
    uint8_t verdicts[N], exemplar_verdicts[2 * N + 1];
    rig_init(&r);
    awaited_init(&w);
    r.config.version = v;
    r.config.send_exemplars = true;
    r.config.max_samples_per_send = 4;
    r.config.min_shards = r.config.max_shards = 2;
    rig_open(&r);
    rig_start(&r);
    for (size_t i = 0; i < N; i++)
        samples[i] = (struct gv_store_sample){.series = series_id(&r, i), .time = 1, .value = 1};
    for (size_t i = 0; i < 2 * N + 1; i++)
        exemplars[i] = (struct gv_store_exemplar){series_id(&r, i / 2), 1 + (int64_t)(i % 2), 0.5, &gv_labels_empty};
    struct gv_store_batch b = {.samples = samples,
                               .n = N,
                               .verdicts = verdicts,
                               .exemplars = exemplars,
                               .n_exemplars = 2 * N + 1,
                               .exemplar_verdicts = exemplar_verdicts};
    assert_true(r.sink.append(r.sink.ctx, &b, &w.ticket, &err) && awaited_wait(&w));
    wait_until_sent(&r);
    assert_int_equal(r.endpoint.empty_series, 0);
    assert_int_equal(r.endpoint.n, v == GV_WRITE_1 ? N + 1 : N);
    for (size_t i = 0; i < r.endpoint.n; i++)
        assert_int_equal(r.endpoint.series[i].exemplars, r.endpoint.series[i].n ? 2 : 1);
    assert_int_equal(status_of(&r).dropped_samples, v == GV_WRITE_2);
    rig_stop(&r);
    rig_fini(&r);
}

static void a_series_that_is_not_known_is_asked_for_again(void **state)
{
    (void)state;
    struct rig r;
    struct awaited w;
    struct gv_err err = {.code = GV_OK};
    rig_init(&r);
    awaited_init(&w);
    rig_open(&r);
    struct gv_store_sample samples[] = {{.series = series_id(&r, 0), .time = 1}, {.series = 4711, .time = 1}};
    uint8_t verdicts[2];
    struct gv_store_batch b = {.samples = samples, .n = 2, .verdicts = verdicts};
    assert_true(r.sink.append(r.sink.ctx, &b, &w.ticket, &err) && awaited_wait(&w));
    assert_int_equal(verdicts[0], GV_APPEND_GONE);
    assert_int_equal(verdicts[1], GV_APPEND_GONE);
    assert_int_equal(status_of(&r).pending_samples, 0);
    assert_int_equal(series_id(&r, 0), samples[0].series); /* one number for the same labels */
    rig_start(&r);
    rig_stop(&r);
    rig_fini(&r);
}

/* ---- Small writes share requests ---- */

enum { NEVER_MS = 3600000 };

static void wait_until_kept(struct rig *r, size_t samples)
{
    for (bool there = false; !there; pause_a_moment()) {
        pthread_mutex_lock(&r->endpoint.lock);
        there = r->endpoint.samples >= samples;
        pthread_mutex_unlock(&r->endpoint.lock);
    }
}

/* 4 series, 10 samples a request: two writes fit. */
static void many_small_writes_are_few_requests(void **state)
{
    struct rig r;
    int64_t t = 1;
    rig_init(&r);
    r.config.version = *(enum gv_write_version *)*state;
    r.config.batch_send_deadline_ms = NEVER_MS;
    r.config.max_samples_per_send = 10;
    r.config.capacity = 1;
    rig_open(&r);
    rig_start(&r);
    while (t <= 101)
        assert_true(append_at(&r, 4, t++));
    wait_until_kept(&r, 400);
    assert_int_equal(r.endpoint.requests, 50);
    assert_int_equal(r.endpoint.largest, 8);
    assert_int_equal(status_of(&r).pending_samples, 4); /* the last one waits */
    rig_stop(&r);                                       /* but not at the end */
    assert_int_equal(r.endpoint.requests, 51);
    assert_series(&r, 4, 1, t, true);
    rig_open(&r);
    assert_int_equal(status_of(&r).pending_samples, 0);
    rig_start(&r);
    rig_stop(&r);
    assert_int_equal(r.endpoint.requests, 51);
    rig_fini(&r);
}

static void a_small_write_goes_at_its_deadline(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    r.config.batch_send_deadline_ms = 20;
    rig_open(&r);
    rig_start(&r);
    for (int64_t t = 1; t <= 3; t++) {
        assert_true(append_at(&r, 4, t)); /* far less than max_samples_per_send */
        wait_until_sent(&r);
    }
    assert_int_equal(r.endpoint.requests, 3);
    assert_series(&r, 4, 1, 4, true);
    rig_stop(&r);
    rig_fini(&r);
}

/* A wall clock that was an hour ahead when the samples came, and is right again, delays none of them. */
static void clocks_that_jump_delay_nothing(void **state)
{
    (void)state;
    struct rig r;
    struct gv_manual_clock clock;
    rig_init(&r);
    gv_manual_clock_init(&clock, 1700000000000);
    r.clock = &clock.clock;
    r.config.batch_send_deadline_ms = 20;
    rig_open(&r);
    assert_true(append_at(&r, 4, 1));
    gv_manual_clock_advance(&clock, -INT64_C(3600000000000));
    rig_start(&r);
    wait_until_sent(&r);
    assert_series(&r, 4, 1, 2, true);
    rig_stop(&r);
    rig_fini(&r);
}

/* Takes samples at 3 for out of order, and stores nothing of a request that has one (as Prometheus). */
static struct endpoint_answer not_the_third(struct write_endpoint *e, size_t request, enum gv_write_version v)
{
    (void)request, (void)v;
    return e->lowest <= 3 && e->highest >= 3 ? (struct endpoint_answer){.status = 400, .body = "out of order sample"}
                                             : (struct endpoint_answer){.status = 204};
}

static void what_is_refused_costs_only_its_own_write(void **state)
{
    static const int64_t taken[] = {1, 2, 4, 5};
    struct rig r;
    rig_init(&r);
    r.config.version = *(enum gv_write_version *)*state;
    r.endpoint.answer = not_the_third;
    rig_open(&r);
    for (int64_t t = 1; t <= 5; t++)
        assert_true(append_at(&r, 4, t));
    rig_start(&r);
    wait_until_sent(&r);
    assert_int_equal(r.endpoint.requests, 1 + 5);
    assert_int_equal(status_of(&r).dropped_samples, 4);
    assert_int_equal(status_of(&r).sent_samples, 16);
    for (size_t i = 0; i < r.endpoint.n; i++) {
        assert_int_equal(r.endpoint.series[i].n, 4);
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(r.endpoint.series[i].times[k], taken[k]);
    }
    rig_stop(&r);
    rig_fini(&r);
}

static struct endpoint_answer never(struct write_endpoint *e, size_t request, enum gv_write_version v)
{
    (void)e, (void)request, (void)v;
    return (struct endpoint_answer){.status = 0};
}

/* One that takes connections and says nothing has its time at the end; what it did not take stays. */
static void an_endpoint_that_never_answers_stops_nothing(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    r.endpoint.answer = never;
    r.flush_ms = 100;
    r.config.batch_send_deadline_ms = NEVER_MS;
    rig_open(&r);
    rig_start(&r);
    assert_true(append_at(&r, 4, 1));
    rig_stop(&r);
    pthread_mutex_lock(&r.endpoint.lock);
    r.endpoint.answer = NULL;
    pthread_mutex_unlock(&r.endpoint.lock);
    r.flush_ms = NEVER_MS;
    rig_open(&r);
    assert_int_equal(status_of(&r).pending_samples, 4);
    rig_start(&r);
    rig_stop(&r);
    assert_series(&r, 4, 1, 2, true);
    rig_fini(&r);
}

/* An endpoint that is away keeps nobody waiting at the end. */
static void what_cannot_be_sent_at_the_end_stays(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    fake_stop(&r.endpoint.fake);
    r.config.batch_send_deadline_ms = NEVER_MS;
    rig_open(&r);
    rig_start(&r);
    for (int64_t t = 1; t <= 3; t++)
        assert_true(append_at(&r, 4, t));
    rig_stop(&r);
    fake_listen(&r.endpoint.fake);
    r.config.batch_send_deadline_ms = 0;
    rig_open(&r);
    assert_int_equal(status_of(&r).pending_samples, 12);
    rig_start(&r);
    wait_until_sent(&r);
    assert_series(&r, 4, 1, 4, true);
    rig_stop(&r);
    rig_fini(&r);
}

/* ---- What the endpoint answers ---- */

/* Every request is answered ill first: a status, or no answer. */
static struct endpoint_answer ill_then_well(struct write_endpoint *e, size_t request, enum gv_write_version v)
{
    static const struct endpoint_answer ill[] = {{.status = 500},
                                                 {.status = 503, .fields = "Retry-After: 0\r\n"},
                                                 {.status = 429, .body = "slow down"},
                                                 {.status = 204, .hang_up = true, .forget = true}};
    (void)e, (void)v;
    return request % 2 ? (struct endpoint_answer){.status = 204} : ill[request / 2 % GV_COUNT(ill)];
}

static void what_may_be_mended_is_sent_again(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    r.endpoint.answer = ill_then_well;
    r.config.retry_on_429 = true;
    r.config.max_samples_per_send = 3;
    rig_open(&r);
    rig_start(&r);
    for (int64_t t = 1; t <= 12; t++)
        assert_true(append_at(&r, 3, t));
    wait_until_sent(&r);
    assert_series(&r, 3, 1, 13, true);
    /* the HTTP client itself repeats what was sent on a pooled connection that closed */
    assert_in_range(status_of(&r).retried_requests, 9, 12);
    assert_int_equal(status_of(&r).dropped_samples, 0);
    assert_false(status_of(&r).failing);
    rig_stop(&r);
    rig_fini(&r);
}

static struct endpoint_answer refuse_some(struct write_endpoint *e, size_t request, enum gv_write_version v)
{
    (void)e, (void)v;
    if (request == 1)
        return (struct endpoint_answer){.status = 400, .body = "out of order sample"};
    return request == 2 ? (struct endpoint_answer){.status = 429} : (struct endpoint_answer){.status = 204};
}

static void what_cannot_be_mended_is_dropped_and_counted(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    r.endpoint.answer = refuse_some;
    rig_open(&r);
    rig_start(&r);
    for (int64_t t = 1; t <= 5; t++) {
        assert_true(append_at(&r, 3, t));
        wait_until_sent(&r);
    }
    assert_int_equal(r.endpoint.requests, 5);
    assert_int_equal(r.endpoint.samples, 9);
    assert_int_equal(status_of(&r).dropped_samples, 6);
    assert_int_equal(status_of(&r).sent_samples, 9);
    rig_stop(&r);
    rig_fini(&r);
}

/* Bodies that stop short, then bodies that do not stop; none of it is an answer that is waited for again. */
static struct endpoint_answer endless(struct write_endpoint *e, size_t request, enum gv_write_version v)
{
    static const struct endpoint_answer all[] = {{.status = 200, .body = "go"},
                                                 {.status = 400, .body = "bad"},
                                                 {.status = 500, .body = "later"},
                                                 {.status = 200},
                                                 {.status = 400},
                                                 {.status = 500}};
    (void)e, (void)v;
    struct endpoint_answer a = request < GV_COUNT(all) ? all[request] : (struct endpoint_answer){.status = 204};
    a.endless = request < GV_COUNT(all);
    return a;
}

static void a_status_counts_whatever_becomes_of_the_body(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    r.endpoint.answer = endless;
    r.config.timeout_ms = 100;
    r.config.max_samples_per_send = 3;
    rig_open(&r);
    rig_start(&r);
    for (int64_t t = 1; t <= 6; t++)
        assert_true(append_at(&r, 3, t));
    wait_until_sent(&r);
    assert_int_equal(r.endpoint.requests, 8);
    assert_int_equal(r.endpoint.samples, 12);
    assert_int_equal(status_of(&r).sent_samples, 12);
    assert_int_equal(status_of(&r).dropped_samples, 6);
    assert_int_equal(status_of(&r).retried_requests, 2);
    rig_stop(&r);
    rig_fini(&r);
}

/* Of what is refused in 2.0 the rest is stored, and the reply says how much. */
static struct endpoint_answer take_two(struct write_endpoint *e, size_t request, enum gv_write_version v)
{
    (void)e, (void)v;
    return request ? (struct endpoint_answer){.status = 204}
                   : (struct endpoint_answer){
                         .status = 400, .body = "no", .fields = "X-Prometheus-Remote-Write-Samples-Written: 2\r\n"};
}

static void what_is_written_of_a_refused_request_is_sent(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    r.endpoint.answer = take_two;
    r.config.version = GV_WRITE_2;
    rig_open(&r);
    rig_start(&r);
    for (int64_t t = 1; t <= 2; t++) {
        assert_true(append_at(&r, 3, t));
        wait_until_sent(&r);
    }
    assert_int_equal(status_of(&r).sent_samples, 2 + 3);
    assert_int_equal(status_of(&r).dropped_samples, 1);
    rig_stop(&r);
    rig_fini(&r);
}

/* Never takes that of the metric which came first. */
static struct endpoint_answer not_that_metric(struct write_endpoint *e, size_t request, enum gv_write_version v)
{
    char *never = e->arg;
    (void)v;
    if (request == 0)
        memcpy(never, e->metric, sizeof e->metric);
    return strcmp(never, e->metric) ? (struct endpoint_answer){.status = 204} : (struct endpoint_answer){.status = 400};
}

static void metadata_that_is_refused_stops_no_other(void **state)
{
    (void)state;
    struct rig r;
    struct awaited w;
    struct gv_err err = {.code = GV_OK};
    char never[sizeof r.endpoint.metric];
    struct gv_store_metadata metadata[] = {{GV_S("c1"), GV_S("a"), GV_S("gauge"), GV_S("A."), GV_S("")},
                                           {GV_S("c1"), GV_S("b"), GV_S("gauge"), GV_S("B."), GV_S("")}};
    struct gv_store_batch b = {.metadata = metadata, .n_metadata = 2};
    forget_log();
    rig_init(&r);
    awaited_init(&w);
    r.endpoint.answer = not_that_metric;
    r.endpoint.arg = never;
    r.config.metadata_interval_ms = 10;
    r.config.max_metadata_per_send = 1;
    rig_open(&r);
    assert_true(r.sink.append(r.sink.ctx, &b, &w.ticket, &err) && awaited_wait(&w));
    rig_start(&r);
    for (bool there = false; !there; pause_a_moment()) {
        pthread_mutex_lock(&r.endpoint.lock);
        there = r.endpoint.metadata > 0;
        pthread_mutex_unlock(&r.endpoint.lock);
    }
    assert_true(heard("a remote_write endpoint does not take metadata"));
    rig_stop(&r);
    rig_fini(&r);
}

/* One waits while it fails, and is then refused: that is no failure to wait for. */
static struct endpoint_answer fail_and_refuse(struct write_endpoint *e, size_t request, enum gv_write_version v)
{
    (void)e, (void)v;
    return request ? (struct endpoint_answer){.status = 403, .body = "who are you?"}
                   : (struct endpoint_answer){.status = 503};
}

static void what_is_refused_is_said_of_each_endpoint(void **state)
{
    static const char *const names[] = {"first", "second"};
    (void)state;
    for (size_t i = 0; i < GV_COUNT(names); i++) {
        struct rig r;
        char said[80];
        forget_log();
        rig_init(&r);
        r.endpoint.answer = fail_and_refuse;
        r.config.name = names[i];
        snprintf(r.url, sizeof r.url, "http://user:Secret@127.0.0.1:%d/write", r.endpoint.fake.port);
        rig_open(&r);
        rig_start(&r);
        assert_true(append_at(&r, 2, 1));
        wait_until_sent(&r);
        assert_false(status_of(&r).failing);
        rig_stop(&r);
        snprintf(said, sizeof said, "endpoint=%s msg=\"a remote_write endpoint refused samples", names[i]);
        assert_true(heard(said));
        assert_true(heard("answered 403: \\\"who are you?\\\""));
        assert_true(heard("127.0.0.1"));
        assert_false(heard("Secret"));
        rig_fini(&r);
    }
    forget_log();
}

static struct endpoint_answer after_a_second(struct write_endpoint *e, size_t request, enum gv_write_version v)
{
    struct timespec *first = e->arg, now;
    (void)v;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (request == 0) {
        *first = now;
        return (struct endpoint_answer){.status = 503, .fields = "Retry-After: 1\r\n"};
    }
    if (now.tv_sec - first->tv_sec < 1)
        return (struct endpoint_answer){.status = 400, .body = "too early"};
    return (struct endpoint_answer){.status = 204};
}

static void retry_after_is_honoured(void **state)
{
    (void)state;
    struct rig r;
    struct timespec first;
    rig_init(&r);
    r.endpoint.answer = after_a_second;
    r.endpoint.arg = &first;
    rig_open(&r);
    rig_start(&r);
    assert_true(append_at(&r, 1, 1));
    wait_until_sent(&r);
    assert_series(&r, 1, 1, 2, true);
    rig_stop(&r);
    rig_fini(&r);
}

static struct endpoint_answer only_1(struct write_endpoint *e, size_t request, enum gv_write_version v)
{
    bool silent = e->arg != NULL; /* as Prometheus 2.42: 204, and nothing is stored */
    (void)request;
    if (v == GV_WRITE_1)
        return (struct endpoint_answer){.status = 204};
    return silent ? (struct endpoint_answer){.status = 204, .forget = true} : (struct endpoint_answer){.status = 415};
}

static void an_endpoint_that_knows_1_alone_gets_1(void **state)
{
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        struct rig r;
        rig_init(&r);
        r.endpoint.answer = only_1;
        r.endpoint.arg = silent ? &r : NULL;
        r.config.version = GV_WRITE_2;
        r.config.min_shards = r.config.max_shards = 2;
        rig_open(&r); /* some are in the queue as 2.0 before the first answer */
        for (int64_t t = 1; t <= 10; t++)
            assert_true(append_at(&r, 20, t));
        rig_start(&r);
        for (int64_t t = 11; t <= 20; t++)
            assert_true(append_at(&r, 20, t));
        wait_until_sent(&r);
        assert_series(&r, 20, 1, 21, true);
        assert_in_range(r.endpoint.of_version[GV_WRITE_2], 1, 2); /* the first one of each shard */
        assert_int_equal(status_of(&r).dropped_samples, 0);
        rig_stop(&r);
        rig_fini(&r);
    }
}

static bool pass_over(void *arg, struct gv_slice record, struct gv_log_place at, struct gv_err *err)
{
    (void)arg, (void)record, (void)at, (void)err;
    return true;
}

static const char too_old[] = "samples for a remote_write endpoint are older than sample_age_limit";

static void old_samples_are_left_out(void **state)
{
    (void)state;
    struct rig r;
    struct gv_manual_clock clock;
    int64_t now = 1700000000000, hour = 3600000;
    rig_init(&r);
    gv_manual_clock_init(&clock, now);
    r.clock = &clock.clock;
    r.config.sample_age_limit_ms = hour;
    rig_open(&r);
    forget_log();
    assert_true(append_at(&r, 2, now - 2 * hour));
    assert_true(heard(too_old));
    assert_int_equal(status_of(&r).dropped_samples, 2);
    assert_true(append_at(&r, 3, now));
    gv_manual_clock_advance(&clock, 2 * hour * 1000000); /* it waits for longer than that */
    assert_true(append_at(&r, 2, now + 2 * hour));
    rig_start(&r);
    wait_until_sent(&r);
    assert_int_equal(r.endpoint.samples, 2);
    assert_int_equal(status_of(&r).dropped_samples, 5);
    rig_stop(&r);
    rig_fini(&r);
}

/* "Failing" is an alert that somebody acts on: with nothing to be sent again it is none. */
static void nothing_fails_once_what_waited_is_dropped(void **state)
{
    (void)state;
    struct rig r;
    struct gv_manual_clock clock;
    int64_t now = 1700000000000, hour = 3600000;
    rig_init(&r);
    fake_stop(&r.endpoint.fake);
    gv_manual_clock_init(&clock, now);
    r.clock = &clock.clock;
    r.config.sample_age_limit_ms = hour;
    rig_open(&r);
    rig_start(&r);
    assert_true(append_at(&r, 2, now));
    while (!status_of(&r).failing)
        pause_a_moment();
    gv_manual_clock_advance(&clock, 2 * hour * 1000000);
    while (status_of(&r).pending_samples)
        pause_a_moment();
    assert_false(status_of(&r).failing);
    assert_int_equal(status_of(&r).dropped_samples, 2);
    rig_stop(&r);
    fake_listen(&r.endpoint.fake);
    rig_fini(&r);
}

/* A frame that is none, though its checksum is right, behind one that the endpoint takes in 1.0 alone. */
static void a_frame_that_cannot_be_read_is_dropped_aloud(void **state)
{
    (void)state;
    struct rig r;
    struct gv_err err = {.code = GV_OK};
    struct gv_log_options o = {.path = r.queue, .name = "queue"};
    char head[QUEUE_FRAME_HEAD];
    rig_init(&r);
    r.endpoint.answer = only_1;
    r.config.version = GV_WRITE_2;
    rig_open(&r);
    assert_true(append_at(&r, 3, 1));
    assert_true(gv_forward_close(r.forward, &err));
    struct gv_log *log = gv_log_open(&o, &err);
    struct gv_log_replayed replayed;
    queue_put_frame(head, &(struct queue_frame){.version = GV_WRITE_2, .shards = 1, .samples = 5, .queued = 1});
    struct gv_slice pieces[] = {{head, sizeof head}, GV_S("no request")};
    if (!log || !gv_log_replay(log, 0, pass_over, NULL, &replayed, &err) || !gv_log_start(log, &err) ||
        !gv_log_append(log, pieces, 2, NULL, &err) || !gv_log_close(log, &err))
        fail_msg("%s", err.msg);
    forget_log();
    rig_open(&r);
    assert_true(append_at(&r, 3, 2));
    assert_int_equal(status_of(&r).pending_samples, 3 + 5 + 3);
    rig_start(&r);
    wait_until_sent(&r);
    assert_series(&r, 3, 1, 3, true);
    assert_int_equal(status_of(&r).dropped_samples, 5);
    assert_true(heard("cannot be read; they are dropped"));
    rig_stop(&r);
    rig_fini(&r);
}

static struct endpoint_answer take_a_second(struct write_endpoint *e, size_t request, enum gv_write_version v)
{
    (void)request, (void)v;
    gv_manual_clock_advance(e->arg, 1000000000);
    return (struct endpoint_answer){.status = 204};
}

/* More while the endpoint is behind, fewer when it has nothing to do; and no series out of order by that. */
static void shards_follow_what_there_is_to_do(void **state)
{
    (void)state;
    enum { SERIES = 100, BEFORE = 800, AFTER = 40 };
    struct rig r;
    struct gv_manual_clock clock;
    int64_t t = 1;
    rig_init(&r);
    gv_manual_clock_init(&clock, 1700000000000);
    r.clock = &clock.clock;
    r.tick_ms = 2;
    r.endpoint.answer = take_a_second;
    r.endpoint.arg = &clock;
    r.config.max_shards = 4;
    r.config.max_samples_per_send = SERIES;
    rig_open(&r);
    while (t <= BEFORE)
        assert_true(append_at(&r, SERIES, t++));
    rig_start(&r);
    while (status_of(&r).shards < 4)
        pause_a_moment();
    while (t <= BEFORE + AFTER)
        assert_true(append_at(&r, SERIES, t++));
    wait_until_sent(&r);
    assert_series(&r, SERIES, 1, t, true);
    while (status_of(&r).shards > 1)
        pause_a_moment();
    assert_true(append_at(&r, SERIES, t++));
    wait_until_sent(&r);
    assert_series(&r, SERIES, 1, t, true);
    rig_stop(&r);
    rig_fini(&r);
}

/* ---- Restarts ---- */

static void the_queue_outlives_the_process(void **state)
{
    struct rig r;
    rig_init(&r);
    r.config.version = *(enum gv_write_version *)*state;
    r.config.min_shards = r.config.max_shards = 3;
    fake_stop(&r.endpoint.fake);
    int64_t t = 1;
    for (int round = 0; round < 3; round++) { /* nobody listens */
        rig_open(&r);
        rig_start(&r);
        for (int i = 0; i < 10; i++)
            assert_true(append_at(&r, 12, t++));
        assert_int_equal(status_of(&r).pending_samples, 12 * (t - 1));
        rig_stop(&r);
    }
    fake_listen(&r.endpoint.fake);
    rig_open(&r);
    assert_int_equal(status_of(&r).pending_samples, 12 * (t - 1));
    rig_start(&r);
    wait_until_sent(&r);
    assert_series(&r, 12, 1, t, true);
    rig_stop(&r);

    rig_open(&r); /* all is delivered: nothing comes twice */
    assert_int_equal(status_of(&r).pending_samples, 0);
    rig_start(&r);
    assert_true(append_at(&r, 12, t++));
    wait_until_sent(&r);
    assert_series(&r, 12, 1, t, true);
    rig_stop(&r);
    rig_fini(&r);
}

/* Another count of shards after a restart: series move, and keep their order. */
static void shards_may_change_between_restarts(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    fake_stop(&r.endpoint.fake);
    int64_t t = 1;
    for (unsigned shards = 1; shards <= 7; shards += 2) {
        r.config.min_shards = r.config.max_shards = shards;
        rig_open(&r);
        rig_start(&r);
        for (int i = 0; i < 8; i++)
            assert_true(append_at(&r, 30, t++));
        rig_stop(&r);
    }
    fake_listen(&r.endpoint.fake);
    r.config.batch_send_deadline_ms = NEVER_MS; /* nobody waits for company that cannot come */
    rig_open(&r);
    rig_start(&r);
    while (status_of(&r).pending_samples > 8 * 30)
        pause_a_moment();
    rig_stop(&r);
    assert_series(&r, 30, 1, t, true);
    rig_fini(&r);
}

/* The process to kill: this program with other arguments, since threads of this one do not survive a fork. */
static int append_until_killed(char **argv)
{
    static struct rig r; /* no endpoint of its own */
    int out = atoi(argv[4]);
    gv_arena_init(&r.arena, NULL);
    snprintf(r.queue, sizeof r.queue, "%s", argv[1]);
    snprintf(r.url, sizeof r.url, "%s", argv[2]);
    rig_configure(&r);
    r.config.min_shards = r.config.max_shards = 3;
    rig_open(&r);
    rig_start(&r);
    for (int64_t t = atoll(argv[3]);; t++)
        if (!append_at(&r, 10, t) || write(out, &t, sizeof t) != sizeof t)
            return 1;
}

static pid_t start_appending(const struct rig *r, int64_t from, int out)
{
    char start[32], fd[16];
    snprintf(start, sizeof start, "%lld", (long long)from);
    snprintf(fd, sizeof fd, "%d", out);
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "append", r->queue, r->url, start, fd, (char *)NULL);
        _exit(1);
    }
    return child;
}

static void a_killed_process_loses_nothing(void **state)
{
    (void)state;
    struct rig r;
    int64_t acknowledged = 0;
    rig_init(&r);
    r.config.min_shards = r.config.max_shards = 3;
    for (int round = 0; round < 6; round++) {
        int ends[2];
        if (round % 3 == 0)
            fake_stop(&r.endpoint.fake);
        assert_int_equal(pipe(ends), 0);
        fcntl(ends[0], F_SETFD, FD_CLOEXEC);
        pid_t child = start_appending(&r, acknowledged + 1, ends[1]);
        close(ends[1]);
        for (int i = 0; i < 30 + 7 * round; i++)
            assert_int_equal(read(ends[0], &acknowledged, sizeof acknowledged), sizeof acknowledged);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged)
            ;
        close(ends[0]);
        if (round % 3 == 0)
            fake_listen(&r.endpoint.fake);
    }
    rig_open(&r);
    rig_start(&r);
    wait_until_sent(&r);
    assert_series(&r, 10, 1, acknowledged + 1, false);
    rig_stop(&r);
    rig_fini(&r);
}

/* As a receiver of a strict order, whose process took the first requests and died before it answered. */
struct strictness {
    size_t unanswered, refused; /* requests; then */
    const char *words;
};

static struct endpoint_answer strict(struct write_endpoint *e, size_t request, enum gv_write_version v)
{
    const struct strictness *s = e->arg;
    (void)v;
    if (request < s->unanswered)
        return (struct endpoint_answer){.status = 204, .hang_up = true};
    return request < s->unanswered + s->refused ? (struct endpoint_answer){.status = 400, .body = s->words}
                                                : (struct endpoint_answer){.status = 204};
}

/* The second request is taken, and its connection closed: the HTTP client asks again by itself. */
static struct endpoint_answer close_the_second(struct write_endpoint *e, size_t request, enum gv_write_version v)
{
    (void)e, (void)v;
    return request == 1   ? (struct endpoint_answer){.status = 204, .hang_up = true}
           : request == 2 ? (struct endpoint_answer){.status = 400, .body = "out of order sample\n"}
                          : (struct endpoint_answer){.status = 204};
}

static void what_the_client_repeats_is_delivered_once(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    r.endpoint.answer = close_the_second;
    rig_open(&r);
    rig_start(&r);
    for (int64_t t = 1; t <= 3; t++) {
        assert_true(append_at(&r, 2, t));
        wait_until_sent(&r);
    }
    assert_series(&r, 2, 1, 4, true);
    assert_int_equal(r.endpoint.requests, 4);
    assert_int_equal(status_of(&r).retried_requests, 0);
    assert_int_equal(status_of(&r).dropped_samples, 0);
    rig_stop(&r);
    rig_fini(&r);
}

static void out_of_order_after_a_restart_is_delivered(void **state)
{
    struct rig r;
    struct strictness how = {.unanswered = SIZE_MAX, .words = *state};
    rig_init(&r);
    r.endpoint.answer = strict;
    r.endpoint.arg = &how;
    r.config.max_samples_per_send = 2;
    rig_open(&r);
    for (int64_t t = 1; t <= 4; t++)
        assert_true(append_at(&r, 2, t));
    rig_start(&r);
    while (!status_of(&r).failing)
        pause_a_moment();
    rig_stop(&r);
    rig_open(&r);
    assert_int_equal(status_of(&r).pending_samples, 8);
    pthread_mutex_lock(&r.endpoint.lock);
    r.endpoint.requests = 0;
    how = (struct strictness){.refused = 2, .words = *state};
    pthread_mutex_unlock(&r.endpoint.lock);
    rig_start(&r);
    wait_until_sent(&r);
    assert_int_equal(status_of(&r).dropped_samples, 0);
    pthread_mutex_lock(&r.endpoint.lock);
    how.refused = r.endpoint.requests + 1;
    pthread_mutex_unlock(&r.endpoint.lock);
    assert_true(append_at(&r, 2, 5)); /* this one was never sent before */
    wait_until_sent(&r);
    assert_int_equal(status_of(&r).dropped_samples, 2);
    rig_stop(&r);
    rig_fini(&r);
}

/* ---- Bounds and faults ---- */

static void a_full_queue_drops_the_oldest(void **state)
{
    (void)state;
    enum { SERIES = 1000, TIMES = 500 };
    struct rig r;
    rig_init(&r);
    fake_stop(&r.endpoint.fake);
    r.config.max_queue_bytes = 1 << 20; /* segments of 64 KiB */
    r.config.capacity = 5000;
    rig_open(&r);
    rig_start(&r);
    for (int64_t t = 1; t <= TIMES; t++)
        assert_true(append_at(&r, SERIES, t));
    struct gv_forward_status s;
    while (s = status_of(&r), !s.dropped_samples || s.queue_bytes > 1 << 20)
        pause_a_moment();
    assert_int_equal(s.pending_samples + (int64_t)s.dropped_samples, SERIES * TIMES);
    fake_listen(&r.endpoint.fake);
    wait_until_sent(&r);
    s = status_of(&r);
    assert_int_equal(s.sent_samples + s.dropped_samples, SERIES * TIMES);
    for (size_t i = 0; i < r.endpoint.n; i++) {
        const struct kept_series *kept = &r.endpoint.series[i];
        for (size_t k = 1; k < kept->n; k++)
            assert_true(kept->times[k] > kept->times[k - 1]);
        assert_int_equal(kept->times[kept->n - 1], TIMES);
    }
    rig_stop(&r);
    rig_fini(&r);
}

/* Less than a request's worth of samples at a time: what is held goes at its deadline. */
static void memory_is_bounded_in_bytes(void **state)
{
    (void)state;
    enum { SERIES = 100, TIMES = 200, MOST_HELD = 10000 };
    struct rig r;
    int64_t most = 0;
    rig_init(&r);
    r.max_held_bytes = MOST_HELD;
    r.config.batch_send_deadline_ms = 5;
    r.config.max_samples_per_send = 100000;
    rig_open(&r);
    for (int64_t t = 1; t <= TIMES; t++)
        assert_true(append_at(&r, SERIES, t));
    int64_t frame = status_of(&r).pending_bytes / TIMES;
    rig_start(&r);
    while (status_of(&r).pending_samples) {
        int64_t held = status_of(&r).held_bytes;
        most = held > most ? held : most;
    }
    assert_in_range(most, 1, MOST_HELD + 2 * frame);
    assert_in_range(r.endpoint.largest, 1, SERIES * (1 + MOST_HELD / (frame / 2)));
    assert_series(&r, SERIES, 1, TIMES + 1, true);
    assert_int_equal(status_of(&r).held_bytes, 0);
    rig_stop(&r);
    rig_fini(&r);
}

static int keep_file(const struct gv_io *io, const char *path)
{
    (void)io, (void)path;
    errno = EACCES;
    return -1;
}

static void files_that_cannot_be_removed_are_told_of(void **state)
{
    (void)state;
    enum { SERIES = 1000, TIMES = 300 };
    struct rig r;
    struct gv_io io = gv_io_system;
    io.unlink = keep_file;
    rig_init(&r);
    fake_stop(&r.endpoint.fake);
    r.io = &io;
    r.config.max_queue_bytes = 1 << 20;
    forget_log();
    rig_open(&r);
    rig_start(&r);
    for (int64_t t = 1; t <= TIMES; t++)
        assert_true(append_at(&r, SERIES, t));
    while (!heard("cannot be removed: it grows beyond max_queue_size"))
        pause_a_moment();
    fake_listen(&r.endpoint.fake);
    wait_until_sent(&r);
    struct gv_forward_status s = status_of(&r);
    assert_int_equal(s.sent_samples + s.dropped_samples, SERIES * TIMES);
    rig_stop(&r);
    rig_fini(&r);
}

static void a_disk_that_fails_refuses_the_batch(void **state)
{
    (void)state;
    struct rig r;
    struct faulty_io f;
    rig_init(&r);
    faulty_io_init(&f);
    r.io = &f.io;
    rig_open(&r);
    rig_start(&r);
    assert_true(append_at(&r, 3, 1));
    wait_until_sent(&r);
    pthread_mutex_lock(&f.lock);
    f.fail_from = 1;
    f.fail_to = UINT64_MAX;
    f.error = ENOSPC;
    pthread_mutex_unlock(&f.lock);
    assert_false(append_at(&r, 3, 2));
    pthread_mutex_lock(&f.lock);
    f.fail_to = 0;
    pthread_mutex_unlock(&f.lock);
    while (!append_at(&r, 3, 2)) /* the sender tries again; what comes twice is the same */
        pause_a_moment();
    wait_until_sent(&r);
    assert_series(&r, 3, 1, 3, false);
    rig_stop(&r);
    faulty_io_fini(&f);
    rig_fini(&r);
}

int main(int argc, char **argv)
{
    static enum gv_write_version v1 = GV_WRITE_1, v2 = GV_WRITE_2;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(samples_of_many_threads_arrive_in_order, &v1),
        cmocka_unit_test_prestate(samples_of_many_threads_arrive_in_order, &v2),
        cmocka_unit_test_prestate(many_small_writes_are_few_requests, &v1),
        cmocka_unit_test_prestate(many_small_writes_are_few_requests, &v2),
        cmocka_unit_test(a_small_write_goes_at_its_deadline),
        cmocka_unit_test(clocks_that_jump_delay_nothing),
        cmocka_unit_test_prestate(what_is_refused_costs_only_its_own_write, &v1),
        cmocka_unit_test_prestate(what_is_refused_costs_only_its_own_write, &v2),
        cmocka_unit_test(what_cannot_be_sent_at_the_end_stays),
        cmocka_unit_test(an_endpoint_that_never_answers_stops_nothing),
        cmocka_unit_test(rules_change_and_drop_series),
        cmocka_unit_test(histograms_exemplars_and_metadata_go_where_they_are_wanted),
        cmocka_unit_test_prestate(exemplars_go_with_samples, &v1),
        cmocka_unit_test_prestate(exemplars_go_with_samples, &v2),
        cmocka_unit_test(a_series_that_is_not_known_is_asked_for_again),
        cmocka_unit_test(what_may_be_mended_is_sent_again),
        cmocka_unit_test(what_cannot_be_mended_is_dropped_and_counted),
        cmocka_unit_test(a_status_counts_whatever_becomes_of_the_body),
        cmocka_unit_test(what_is_written_of_a_refused_request_is_sent),
        cmocka_unit_test(metadata_that_is_refused_stops_no_other),
        cmocka_unit_test(what_is_refused_is_said_of_each_endpoint),
        cmocka_unit_test(retry_after_is_honoured),
        cmocka_unit_test(an_endpoint_that_knows_1_alone_gets_1),
        cmocka_unit_test(old_samples_are_left_out),
        cmocka_unit_test(nothing_fails_once_what_waited_is_dropped),
        cmocka_unit_test(a_frame_that_cannot_be_read_is_dropped_aloud),
        cmocka_unit_test(shards_follow_what_there_is_to_do),
        cmocka_unit_test_prestate(the_queue_outlives_the_process, &v1),
        cmocka_unit_test_prestate(the_queue_outlives_the_process, &v2),
        cmocka_unit_test(shards_may_change_between_restarts),
        cmocka_unit_test(a_killed_process_loses_nothing),
        cmocka_unit_test_prestate(out_of_order_after_a_restart_is_delivered, (char[]){"out of order sample\n"}),
        cmocka_unit_test_prestate(out_of_order_after_a_restart_is_delivered, (char[]){"out of bounds\n"}),
        cmocka_unit_test(what_the_client_repeats_is_delivered_once),
        cmocka_unit_test(a_full_queue_drops_the_oldest),
        cmocka_unit_test(memory_is_bounded_in_bytes),
        cmocka_unit_test(files_that_cannot_be_removed_are_told_of),
        cmocka_unit_test(a_disk_that_fails_refuses_the_batch),
    };
    gv_log_set_sink(hear, NULL);
    if (argc == 5)
        return append_until_killed(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
