/* The store's head: bytes a series, and ns of CPU to make a series, to append a sample, to select and to read; with a
 * folder that is not there yet, to log all that, and to get it back.
 *
 *   bench_head [series [scrapes [folder]]]        default 100,000 and 40; batches of 10,000 samples */
#include "store/head.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 10000, SCRAPE_MS = 15000 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double wall(void) /* ns */
{
    return (double)gv_clock_monotonic(&gv_clock_real);
}

static double resident(void) /* bytes */
{
    unsigned long size = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%lu %lu", &size, &pages) != 2)
        gv_die("no /proc/self/statm");
    fclose(f);
    return (double)pages * 4096;
}

struct load {
    struct head *head;
    struct gv_log *log; /* NULL: none */
    const char *folder;
    size_t series, scrapes;
    uint64_t *ids;
    double *values;
    int64_t start;
};

/* As of an application: ten labels, most of them shared. */
static const struct gv_labels *labels_of(struct gv_arena *a, size_t i)
{
    static const char *const names[] = {"__name__", "cluster", "code",   "container", "instance",
                                        "job",      "le",      "method", "namespace", "pod"};
    char text[10][64];
    struct gv_label labels[10];
    size_t pod = i / 100, metric = i % 10, le = i / 10 % 10;
    snprintf(text[0], 64, "http_request_duration_seconds_bucket_%zu", metric);
    snprintf(text[1], 64, "cluster%zu", pod % 3);
    snprintf(text[2], 64, "%zu", 200 + i % 3);
    snprintf(text[3], 64, "application");
    snprintf(text[4], 64, "10.%zu.%zu.%zu:8080", pod / 65536, pod / 256 % 256, pod % 256);
    snprintf(text[5], 64, "job-%zu", pod % 20);
    snprintf(text[6], 64, "%zu", le);
    snprintf(text[7], 64, "GET");
    snprintf(text[8], 64, "namespace-%zu", pod % 50);
    snprintf(text[9], 64, "application-%zu-7d9c6b8f5d-%05zu", pod % 50, pod);
    for (size_t l = 0; l < 10; l++)
        labels[l] = (struct gv_label){gv_slice_of(names[l]), gv_slice_of(text[l])};
    return gv_labels_make(a, labels, 10);
}

static void make_series(struct load *l)
{
    struct gv_arena a;
    struct gv_err err = {0};
    double total = 0, before = resident();
    gv_arena_init(&a, NULL);
    gv_arena_alloc(&a, 1);
    struct gv_arena_mark mark = gv_arena_mark(&a);
    for (size_t i = 0; i < l->series; i++) {
        const struct gv_labels *labels = labels_of(&a, i);
        double start = now();
        if (!head_series(l->head, labels, &l->ids[i], &err))
            gv_die("%s", err.msg);
        total += now() - start;
        gv_arena_rewind(&a, mark);
    }
    gv_arena_fini(&a);
    printf("make     %8.0f ns a series %8.0f bytes a series\n", total / (double)l->series,
           (resident() - before) / (double)l->series);
}

static void append_batch(struct load *l, size_t from, size_t n, int64_t time)
{
    static struct gv_store_sample samples[BATCH];
    static uint8_t verdicts[BATCH];
    struct gv_err err = {0};
    for (size_t i = 0; i < n; i++) {
        l->values[from + i] += rand() % 100; /* a counter */
        samples[i] = (struct gv_store_sample){
            .series = l->ids[from + i], .time = time + (int64_t)(from + i) % 1000, .value = l->values[from + i]};
    }
    struct gv_store_batch b = {.samples = samples, .n = n, .verdicts = verdicts};
    if (!head_append(l->head, &b, NULL, &err))
        gv_die("%s", err.msg);
    for (size_t i = 0; i < n; i++)
        if (verdicts[i] != GV_APPEND_STORED)
            gv_die("sample %zu of series %zu: verdict %u", i, from + i, verdicts[i]);
}

static void append_all(struct load *l)
{
    double total = 0, n = (double)l->series * (double)l->scrapes;
    for (size_t scrape = 0; scrape < l->scrapes; scrape++)
        for (size_t i = 0; i < l->series; i += BATCH) {
            size_t part = l->series - i < BATCH ? l->series - i : BATCH;
            double start = now();
            append_batch(l, i, part, l->start + (int64_t)scrape * SCRAPE_MS);
            total += now() - start;
        }
    printf("append   %8.1f ns a sample (the load itself included)\n", total / n);
}

static size_t select_once(struct store_reader *r, const char *name, enum gv_match_type type, const char *value,
                          double *select_ns, double *read_ns)
{
    struct gv_arena a, scratch;
    struct gv_err err = {0};
    struct gv_matcher m;
    struct store_series series;
    uint64_t *found;
    size_t n, bytes = 0;
    gv_arena_init(&a, NULL);
    gv_arena_init(&scratch, NULL);
    gv_arena_alloc(&scratch, 1);
    struct gv_arena_mark mark = gv_arena_mark(&scratch);
    if (!gv_matcher_make(&m, &a, type, gv_slice_of(name), gv_slice_of(value), &err))
        gv_die("%s", err.msg);
    double start = now();
    if (!r->ops->select(r, &a, &m, 1, INT64_MIN, INT64_MAX, &found, &n, &err))
        gv_die("%s", err.msg);
    double middle = now();
    for (size_t i = 0; i < n; i++) {
        if (!r->ops->series(r, &scratch, found[i], INT64_MIN, INT64_MAX, &series, &err))
            gv_die("%s", err.msg);
        for (size_t c = 0; c < series.n_chunks; c++)
            bytes += series.chunks[c].size;
        gv_arena_rewind(&scratch, mark);
    }
    *read_ns = now() - middle;
    *select_ns = middle - start;
    gv_arena_fini(&a);
    gv_arena_fini(&scratch);
    return n;
}

static void select_all(struct load *l)
{
    static const struct {
        const char *name;
        enum gv_match_type type;
        const char *value;
    } cases[] = {{"job", GV_MATCH_RE, "job-.*"},
                 {"__name__", GV_MATCH_EQ, "http_request_duration_seconds_bucket_3"},
                 {"pod", GV_MATCH_RE, "application-.-.*[05]"},
                 {"namespace", GV_MATCH_NE, "namespace-1"}};
    struct store_reader *r = head_reader_get(l->head, INT64_MIN);
    for (size_t i = 0; i < GV_COUNT(cases); i++) {
        double select_ns, read_ns;
        size_t n = select_once(r, cases[i].name, cases[i].type, cases[i].value, &select_ns, &read_ns);
        printf("select   %8.1f ms, %7.1f ms to read %zu series of {%s%s\"%s\"}\n", select_ns / 1e6, read_ns / 1e6, n,
               cases[i].name, gv_match_type_text(cases[i].type), cases[i].value);
    }
    head_reader_put(r);
}

/* ---- The log ---- */

static struct gv_log *open_log(const char *folder, const char *name)
{
    struct gv_err err = {0};
    struct gv_log *log = gv_log_open(&(struct gv_log_options){.path = folder, .name = name}, &err);
    if (!log)
        gv_die("%s", err.msg);
    return log;
}

static void close_log(struct gv_log *log)
{
    struct gv_err err = {0};
    if (!gv_log_close(log, &err))
        gv_die("%s", err.msg);
}

static void replay(struct load *l, const char *folder, const char *name, bool helper)
{
    struct gv_err err = {0};
    struct gv_log_replayed done = {0};
    struct gv_log *log = open_log(folder, name);
    struct head *h = head_new(&(struct head_options){.clock = &gv_clock_real, .replay_helper = helper});
    double n = (double)l->series * (double)l->scrapes, start = now(), began = wall();
    if (!gv_log_replay(log, 0, head_replay_record, h, &done, &err))
        gv_die("%s", err.msg);
    if (!head_replay_done(h, &err))
        gv_die("%s", err.msg);
    printf("replay   %8.1f ns a sample, %.2f s of CPU, %.2f s, of %.1f MB (%s, %s)\n", (now() - start) / n,
           (now() - start) / 1e9, (wall() - began) / 1e9, (double)done.bytes / 1e6, name,
           helper ? "two threads" : "one thread");
    close_log(log);
    head_free(h);
}

static void write_checkpoint(struct load *l)
{
    char folder[256];
    struct gv_err err = {0};
    snprintf(folder, sizeof folder, "%s/checkpoint", l->folder);
    double start = now();
    if (!head_checkpoint(l->head, NULL, folder, &err))
        gv_die("%s", err.msg);
    printf("checkpoint %6.2f s\n", (now() - start) / 1e9);
    replay(l, folder, "checkpoint", false);
    replay(l, folder, "checkpoint", true);
}

static void start_log(struct load *l)
{
    struct gv_err err = {0};
    l->log = l->folder ? open_log(l->folder, "log") : NULL;
    if (l->log && !gv_log_start(l->log, &err))
        gv_die("%s", err.msg);
}

int main(int argc, char **argv)
{
    struct load l = {.series = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000,
                     .scrapes = argc > 2 ? strtoul(argv[2], NULL, 10) : 40,
                     .folder = argc > 3 ? argv[3] : NULL,
                     .start = gv_clock_wall(&gv_clock_real) - 3600 * 1000};
    struct gv_store_status status = {0};
    struct gv_err err = {0};
    l.ids = calloc(l.series, sizeof *l.ids);
    l.values = calloc(l.series, sizeof *l.values);
    memset(l.ids, 1, l.series * sizeof *l.ids); /* in memory before it is measured */
    for (size_t i = 0; i < l.series; i++)
        l.values[i] = (double)i;
    start_log(&l);
    l.head = head_new(&(struct head_options){.clock = &gv_clock_real, .log = l.log});
    if (!head_replay_done(l.head, &err))
        gv_die("%s", err.msg);
    double before = resident();
    make_series(&l);
    append_all(&l);
    head_status(l.head, &status);
    printf("memory   %8.0f bytes a series by RSS, %.0f by its own count\n", (resident() - before) / (double)l.series,
           (double)status.head_bytes / (double)l.series);
    select_all(&l);
    if (l.log) {
        close_log(l.log);
        write_checkpoint(&l);
        replay(&l, l.folder, "log", false);
        replay(&l, l.folder, "log", true);
    }
    double start = now();
    head_free(l.head);
    printf("free     %8.1f ns a series\n", (now() - start) / (double)l.series);
    free(l.ids);
    free(l.values);
    return 0;
}
