/* The evaluator over the benches' series (dataset.h), held as XOR chunks in memory: range queries over all of it, a
 * step of 60 s, each with its reply as JSON. bench_eval [-e END] [-o FOLDER] [SERIES [WORKERS [QUERY...]]]: END in ms;
 * into FOLDER go the replies, 0.json and on, and figures.json. */
#include "dataset.h"
#include "codec/result_encoder.h"
#include "promql/eval.h"
#include "promql/memory_source.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const char *const all_queries[] = {
    "sum by (l) (rate(m[5m]))", "histogram_quantile(0.9, sum by (le) (rate(b[5m])))",
    "quantile by (l) (0.9, m)", "a / on (i) group_left b_one",
    "max_over_time(m[1h])",     "topk(10, m)",
    "sum by (l) (m)",           "m",
};

struct bench {
    struct dataset data;
    struct gv_memory_source source;
    struct gv_executor executor;
    const char *folder; /* or NULL */
    FILE *figures;
};

/* ---- Data ---- */

static void load(struct bench *b, struct gv_arena *a)
{
    enum { PER_CHUNK = 120 /* as in Prometheus */ };
    static int64_t times[DATASET_SAMPLES];
    static double values[DATASET_SAMPLES];
    gv_memory_source_init(&b->source, a);
    for (size_t i = 0; i < dataset_size(&b->data); i++) {
        struct dataset_series s = dataset_series(&b->data, i);
        for (unsigned k = 0; k < DATASET_SAMPLES; k++) {
            times[k] = dataset_time(&b->data, k);
            values[k] = dataset_next(&s);
        }
        struct gv_raw_column raw = {.times = times, .values = values, .n = DATASET_SAMPLES};
        gv_memory_source_add_encoded(&b->source, dataset_labels(&b->data, i, a), &raw, PER_CHUNK);
    }
    gv_memory_source_seal(&b->source);
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

/* ---- One round ---- */

struct round {
    double eval, reply, wall; /* seconds; the first two of CPU */
    size_t series;
    struct gv_eval_stats stats;
};

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Piece by piece, as the server sends it; into the file where there is one. */
static void write_reply(struct gv_arena *a, const struct gv_result *r, FILE *file)
{
    struct gv_result_encoder *e = gv_result_encoder_new(a, r, NULL);
    struct gv_buf piece = GV_BUF_INIT;
    for (bool more = true; more;) {
        gv_buf_clear(&piece);
        more = gv_result_encoder_next(e, &piece, 64 << 10);
        if (file && fwrite(piece.p, 1, piece.n, file) != piece.n)
            gv_die("a reply can not be written");
    }
    gv_buf_fini(&piece);
}

static struct round run_once(struct bench *b, const char *query, struct gv_budget *budget, FILE *file)
{
    struct round round = {0};
    struct gv_arena a;
    gv_arena_init(&a, budget);
    struct gv_err err = {0};
    struct gv_result r;
    struct gv_eval_options o = {.text = gv_slice_of(query),
                                .start = dataset_start(&b->data),
                                .end = b->data.end,
                                .step = DATASET_STEP,
                                .lookback = 300000,
                                .source = &b->source.source,
                                .executor = b->executor.workers > 1 ? &b->executor : NULL,
                                .budget = budget};
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
    struct gv_expr *e = gv_promql_parse(&a, o.text, 0, &err);
    if (!e || !gv_promql_eval(&a, e, &o, &r, &round.stats, &err))
        gv_die("%s: %s", query, err.msg);
    double evaluated = seconds(CLOCK_PROCESS_CPUTIME_ID);
    write_reply(&a, &r, file);
    round.eval = evaluated - cpu;
    round.reply = seconds(CLOCK_PROCESS_CPUTIME_ID) - evaluated;
    round.wall = seconds(CLOCK_MONOTONIC) - wall;
    round.series = r.n;
    gv_arena_fini(&a);
    return round;
}

/* ---- Measuring ---- */

static int by_cpu(const void *a, const void *b)
{
    const struct round *l = a, *r = b;
    double x = l->eval + l->reply, y = r->eval + r->reply;
    return (x > y) - (x < y);
}

static void keep_reply(struct bench *b, const char *query, size_t i, struct gv_budget *budget)
{
    struct gv_buf path = GV_BUF_INIT;
    gv_buf_printf(&path, "%s/%zu.json", b->folder, i);
    FILE *file = fopen(gv_buf_cstr(&path), "w");
    if (!file)
        gv_die("%s can not be written", gv_buf_cstr(&path));
    run_once(b, query, budget, file);
    if (fclose(file) != 0)
        gv_die("%s can not be written", gv_buf_cstr(&path));
    gv_buf_fini(&path);
}

/* The round in the middle. */
static void measure(struct bench *b, const char *query, size_t i)
{
    enum { ROUNDS = 7 };
    struct round rounds[ROUNDS];
    struct gv_budget budget;
    gv_budget_init(&budget, "max_query_memory", 0, GV_EXECUTION, NULL);
    for (int k = 0; k < ROUNDS; k++)
        rounds[k] = run_once(b, query, &budget, NULL);
    qsort(rounds, ROUNDS, sizeof rounds[0], by_cpu);
    struct round *m = &rounds[ROUNDS / 2];
    double read = (double)m->stats.series_read * DATASET_SAMPLES, mib = (double)budget.peak / (1 << 20);
    printf("%-50s eval %6.1f ms  reply %6.1f ms  wall %6.1f ms  %5.1f ns/sample  %5.1f MiB  %6zu series\n", query,
           m->eval * 1e3, m->reply * 1e3, m->wall * 1e3, m->eval * 1e9 / read, mib, m->series);
    fflush(stdout);
    if (!b->folder)
        return;
    struct gv_buf figures = GV_BUF_INIT;
    gv_buf_adds(&figures, i ? ",\n{\"query\": " : "{\"query\": ");
    gv_buf_add_json(&figures, gv_slice_of(query));
    gv_buf_printf(&figures, ", \"eval\": %g, \"reply\": %g, \"read\": %.0f}", m->eval, m->reply, read);
    fputs(gv_buf_cstr(&figures), b->figures);
    gv_buf_fini(&figures);
    keep_reply(b, query, i, &budget);
}

static void measure_all(struct bench *b, const char *const *queries, size_t n)
{
    if (b->folder) {
        struct gv_buf path = GV_BUF_INIT;
        gv_buf_printf(&path, "%s/figures.json", b->folder);
        if (!(b->figures = fopen(gv_buf_cstr(&path), "w")))
            gv_die("%s can not be written", gv_buf_cstr(&path));
        gv_buf_fini(&path);
        fprintf(b->figures, "{\"queries\": [");
    }
    for (size_t i = 0; i < n; i++)
        measure(b, queries[i], i);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("peak RSS %.1f MiB\n", (double)usage.ru_maxrss / 1024);
    if (b->figures) {
        fprintf(b->figures, "], \"peak_rss\": %ld}\n", usage.ru_maxrss * 1024);
        fclose(b->figures);
    }
}

int main(int argc, char **argv)
{
    const char *end = "1795420800000";
    struct bench b = {.executor = {.workers = 1, .run = run_threads}};
    for (int option; (option = getopt(argc, argv, "e:o:")) != -1;)
        if (option == 'e')
            end = optarg;
        else if (option == 'o')
            b.folder = optarg;
        else
            return 2;
    b.data = dataset_of(argc > optind ? argv[optind] : "10000", end);
    if (argc > optind + 1)
        b.executor.workers = (unsigned)atoi(argv[optind + 1]);
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    load(&b, &a);
    if (argc > optind + 2)
        measure_all(&b, (const char *const *)argv + optind + 2, (size_t)(argc - optind - 2));
    else
        measure_all(&b, all_queries, GV_COUNT(all_queries));
    gv_arena_fini(&a);
    return 0;
}
