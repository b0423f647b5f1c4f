/* Runs the evaluator in this process, with everything on that Prometheus's own engine under test has on. */
#include "engine.h"
#include <pthread.h>
#include <stdlib.h>

enum {
    FEATURES = GV_FEATURE_EXPERIMENTAL_FUNCTIONS | GV_FEATURE_EXTENDED_RANGE_SELECTORS |
               GV_FEATURE_BINOP_FILL_MODIFIERS | GV_FEATURE_DELAYED_NAME_REMOVAL | GV_FEATURE_USE_START_TIMESTAMPS |
               GV_FEATURE_DURATION_EXPR,
    MINUTE = 60000,
    MAX_SAMPLES = 10000
};

struct gv_expr *engine_parse(struct gv_arena *a, struct gv_slice text, struct gv_err *err)
{
    return gv_promql_parse(a, text, FEATURES, err);
}

bool engine_run(struct engine *en, struct gv_arena *a, struct storage *s, struct gv_slice text, struct gv_expr *e,
                int64_t start, int64_t end, int64_t step, struct gv_result *out, struct gv_err *err)
{
    *out = (struct gv_result){0};
    struct gv_eval_options options = {.text = text,
                                      .start = start,
                                      .end = end,
                                      .step = step,
                                      .lookback = 5 * MINUTE,
                                      .default_step = MINUTE,
                                      .max_samples = MAX_SAMPLES,
                                      .features = FEATURES,
                                      .source = storage_source(s),
                                      .executor = en->executor};
    struct gv_eval_stats stats = {0};
    return gv_promql_eval(a, e, &options, out, &stats, err);
}

/* ---- Workers ---- */

struct job {
    void (*fn)(void *arg, size_t i);
    void *arg;
    size_t n;
    _Atomic size_t next;
};

static void *work(void *arg)
{
    struct job *job = arg;
    for (size_t i; (i = atomic_fetch_add(&job->next, 1)) < job->n;)
        job->fn(job->arg, i);
    return NULL;
}

/* Threads are started anew for each run: here it is the answers that count, not the time. */
static void run(struct gv_executor *x, void (*fn)(void *arg, size_t i), void *arg, size_t n)
{
    struct job job = {.fn = fn, .arg = arg, .n = n};
    pthread_t *threads = calloc(x->workers, sizeof *threads);
    if (!threads)
        gv_die("out of memory: %u threads", x->workers);
    unsigned started = 0;
    while (started + 1 < x->workers && started + 1 < n && pthread_create(&threads[started], NULL, work, &job) == 0)
        started++;
    work(&job);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

struct gv_executor *engine_workers(unsigned n)
{
    if (n == 0)
        return NULL;
    struct gv_executor *x = malloc(sizeof *x);
    if (!x)
        gv_die("out of memory: %zu bytes", sizeof *x);
    *x = (struct gv_executor){n, run};
    return x;
}

void engine_workers_free(struct gv_executor *x)
{
    free(x);
}
