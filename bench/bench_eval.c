/* The evaluator over 10,000 series of six hours at 15 s in XOR chunks, a step of 60 s: CPU time and memory per query.
 * bench_eval [SERIES [WORKERS [QUERY]]] */
#include "codec/chunk_xor.h"
#include "promql/eval.h"
#include "promql/memory_source.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SCRAPE = 15000, STEP = 60000, HOURS = 6, SAMPLES = HOURS * 3600000 / SCRAPE + 1 };

static const char *const queries[] = {
    "sum by (l) (rate(m[5m]))", "histogram_quantile(0.9, sum by (le) (rate(b[5m])))",
    "quantile by (l) (0.9, m)", "a / on (i) group_left b_one",
    "max_over_time(m[1h])",     "topk(10, m)",
    "sum by (l) (m)",           "m",
};

static const char *const bounds[] = {"0.005", "0.01", "0.025", "0.05", "0.1", "0.5", "1", "5", "10", "+Inf"};

/* ---- Data ---- */

/* A counter in chunks of 120 samples, as Prometheus cuts them. */
static struct gv_column counter(struct gv_arena *a, uint64_t seed)
{
    enum { PER_CHUNK = 120, CHUNKS = (SAMPLES + PER_CHUNK - 1) / PER_CHUNK };
    struct gv_chunk *chunks = gv_arena_array(a, struct gv_chunk, CHUNKS);
    double value = 0;
    for (uint32_t c = 0, i = 0; c < CHUNKS; c++) {
        struct gv_xor_encoder e;
        gv_xor_encoder_init(&e);
        chunks[c].min_time = (int64_t)i * SCRAPE;
        for (uint32_t end = i + PER_CHUNK; i < end && i < SAMPLES; i++) {
            uint64_t x = gv_hash(&(uint64_t[]){seed, i}, 16);
            value = x % 2000 == 0 ? 0 : value + (double)(x % 100);
            if (!gv_xor_encoder_append(&e, (int64_t)i * SCRAPE, value))
                gv_die("a chunk is full");
        }
        chunks[c].max_time = (int64_t)(i - 1) * SCRAPE;
        chunks[c].encoding = GV_CHUNK_XOR;
        chunks[c].data = (const uint8_t *)gv_arena_dup(a, gv_buf_slice(&e.bytes)).p;
        chunks[c].size = (uint32_t)e.bytes.n;
        gv_xor_encoder_fini(&e);
    }
    return (struct gv_column){.kind = GV_COLUMN_CHUNKS, .chunks = {chunks, CHUNKS}};
}

static void add(struct gv_memory_source *m, struct gv_arena *a, char *metric, uint64_t seed)
{
    size_t used;
    struct gv_err err = {0};
    const struct gv_labels *l = gv_promql_parse_metric(a, gv_slice_of(metric), &used, &err);
    if (!l)
        gv_die("%s: %s", metric, err.msg);
    struct gv_column c = counter(a, seed);
    gv_memory_source_add(m, l, &c);
}

static void load(struct gv_memory_source *m, struct gv_arena *a, unsigned series)
{
    gv_memory_source_init(m, a);
    for (unsigned i = 0; i < series; i++) {
        unsigned group = i / GV_COUNT(bounds);
        add(m, a, gv_arena_printf(a, "m{l=\"%u\",i=\"%u\",job=\"node\",cluster=\"c1\"}", i % 100, i), i);
        add(m, a, gv_arena_printf(a, "a{i=\"%u\",j=\"%u\",job=\"node\",cluster=\"c1\"}", i % 100, i), i);
        add(m, a,
            gv_arena_printf(a, "b{l=\"%u\",i=\"%u\",le=\"%s\",job=\"node\"}", group % 100, group,
                            bounds[i % GV_COUNT(bounds)]),
            i);
    }
    for (unsigned i = 0; i < 100; i++)
        add(m, a, gv_arena_printf(a, "b_one{i=\"%u\"}", i), i);
    gv_memory_source_seal(m);
}

/* ---- Threads ---- */

struct work {
    void (*fn)(void *arg, size_t i);
    void *arg;
    size_t n;
    _Atomic size_t next;
};

static void *work(void *arg)
{
    struct work *w = arg;
    for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < w->n;)
        w->fn(w->arg, i);
    return NULL;
}

static void run_threads(struct gv_executor *x, void (*fn)(void *arg, size_t i), void *arg, size_t n)
{
    struct work w = {.fn = fn, .arg = arg, .n = n};
    pthread_t threads[64];
    unsigned started = 0;
    for (; started + 1 < x->workers && started < GV_COUNT(threads); started++)
        if (pthread_create(&threads[started], NULL, work, &w) != 0)
            break;
    work(&w);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}

/* ---- Measuring ---- */

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void measure(struct gv_memory_source *m, struct gv_executor *x, const char *query)
{
    enum { ROUNDS = 5 };
    double cpu = 1e9, wall = 1e9;
    struct gv_budget budget;
    gv_budget_init(&budget, "max_query_memory", 0, GV_EXECUTION, NULL);
    struct gv_result r;
    struct gv_eval_stats stats = {0};
    for (int i = 0; i < ROUNDS; i++) {
        struct gv_arena a;
        gv_arena_init(&a, &budget);
        struct gv_err err = {0};
        struct gv_eval_options o = {.text = gv_slice_of(query),
                                    .end = HOURS * 3600000LL,
                                    .step = STEP,
                                    .lookback = 300000,
                                    .source = &m->source,
                                    .executor = x->workers > 1 ? x : NULL,
                                    .budget = &budget};
        double cpu_start = seconds(CLOCK_PROCESS_CPUTIME_ID), wall_start = seconds(CLOCK_MONOTONIC);
        struct gv_expr *e = gv_promql_parse(&a, o.text, 0, &err);
        if (!e || !gv_promql_eval(&a, e, &o, &r, &stats, &err))
            gv_die("%s: %s", query, err.msg);
        double c = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_start, w = seconds(CLOCK_MONOTONIC) - wall_start;
        cpu = c < cpu ? c : cpu;
        wall = w < wall ? w : wall;
        gv_arena_fini(&a);
    }
    printf("%-56s cpu %7.1f ms  wall %7.1f ms  memory %6.1f MiB  series %6zu  samples %lld\n", query, cpu * 1e3,
           wall * 1e3, (double)budget.peak / (1 << 20), r.n, (long long)stats.total_samples);
}

int main(int argc, char **argv)
{
    unsigned series = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;
    struct gv_executor x = {.workers = argc > 2 ? (unsigned)atoi(argv[2]) : 1, .run = run_threads};
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_memory_source m;
    load(&m, &a, series);
    if (argc > 3)
        measure(&m, &x, argv[3]);
    for (size_t i = 0; argc <= 3 && i < GV_COUNT(queries); i++)
        measure(&m, &x, queries[i]);
    gv_arena_fini(&a);
    return 0;
}
