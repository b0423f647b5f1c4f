/* For tests of the evaluator: series in memory, queries as text, results as text. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include "base/number.h"
#include "promql/eval.h"
#include "promql/memory_source.h"

struct bed {
    struct gv_arena arena;
    struct gv_memory_source source;
    struct gv_eval_options options;
    struct gv_eval_stats stats;
    struct gv_result result;
    struct gv_err err;
};

static inline void bed_init(struct bed *b)
{
    *b = (struct bed){.options = {.lookback = 300000, .default_step = 60000, .source = &b->source.source}};
    gv_arena_init(&b->arena, NULL);
    gv_memory_source_init(&b->source, &b->arena);
}

static inline void bed_fini(struct bed *b)
{
    gv_arena_fini(&b->arena);
}

static inline const struct gv_labels *bed_labels(struct bed *b, const char *metric)
{
    size_t used;
    struct gv_err err = {0};
    const struct gv_labels *l = gv_promql_parse_metric(&b->arena, gv_slice_of(metric), &used, &err);
    if (!l)
        fail_msg("%s: %s", metric, err.msg);
    return l;
}

/* n samples, the first at time 0, a step of ms apart: value(i). */
static inline void bed_add(struct bed *b, const char *metric, uint32_t n, int64_t step,
                           double (*value)(uint32_t i, double seed), double seed)
{
    int64_t *times = gv_arena_array(&b->arena, int64_t, n);
    double *values = gv_arena_array(&b->arena, double, n);
    for (uint32_t i = 0; i < n; i++) {
        times[i] = step * i;
        values[i] = value(i, seed);
    }
    struct gv_column c = {.kind = GV_COLUMN_RAW, .raw = {.times = times, .values = values, .n = n}};
    gv_memory_source_add(&b->source, bed_labels(b, metric), &c);
}

static inline double counting(uint32_t i, double seed)
{
    return seed * i;
}

static inline bool bed_run(struct bed *b, const char *query)
{
    b->err = (struct gv_err){0};
    b->options.text = gv_slice_of(query);
    struct gv_expr *e = gv_promql_parse(&b->arena, b->options.text, b->options.features, &b->err);
    return e && gv_promql_eval(&b->arena, e, &b->options, &b->result, &b->stats, &b->err);
}

static inline void bed_at(struct bed *b, int64_t ms)
{
    b->options.start = b->options.end = ms;
    b->options.step = 0;
}

static inline void bed_over(struct bed *b, int64_t start, int64_t end, int64_t step)
{
    b->options.start = start;
    b->options.end = end;
    b->options.step = step;
}

static inline void print_point(struct gv_buf *out, double v, const struct gv_histogram *h)
{
    char text[GV_DOUBLE_MAX];
    if (h)
        gv_histogram_print(out, h);
    else
        gv_buf_add(out, text, gv_double_format(text, v));
}

/* "x{a="b"} 1 _ 2\n" for each series; scalars and strings alone. */
static inline const char *bed_text(struct bed *b)
{
    struct gv_buf out = GV_BUF_INIT;
    struct gv_result *r = &b->result;
    if (r->type == GV_RESULT_SCALAR)
        print_point(&out, r->scalar, NULL);
    if (r->type == GV_RESULT_STRING)
        gv_buf_add_slice(&out, r->string);
    for (size_t i = 0; i < r->n; i++) {
        const struct gv_column *c = &r->series[i].column;
        gv_labels_print(&out, r->series[i].labels);
        for (uint32_t j = 0; c->kind == GV_COLUMN_STEPS && j < r->grid.n; j++) {
            gv_buf_addc(&out, ' ');
            if (gv_bit(c->steps.present, j))
                print_point(&out, c->steps.values[j], c->steps.histograms ? c->steps.histograms[j] : NULL);
            else
                gv_buf_addc(&out, '_');
        }
        for (uint32_t j = 0; c->kind == GV_COLUMN_RAW && j < c->raw.n; j++) {
            gv_buf_addc(&out, ' ');
            print_point(&out, c->raw.values[j], c->raw.histograms ? c->raw.histograms[j] : NULL);
            gv_buf_printf(&out, "@%lld", (long long)c->raw.times[j]);
        }
        gv_buf_addc(&out, '\n');
    }
    const char *text = gv_arena_dup(&b->arena, gv_buf_slice(&out)).p;
    gv_buf_fini(&out);
    return text;
}

#define assert_query(b, query, expected)                                                                               \
    do {                                                                                                               \
        if (!bed_run((b), (query)))                                                                                    \
            fail_msg("%s: %s", (query), (b)->err.msg);                                                                 \
        assert_string_equal(bed_text(b), (expected));                                                                  \
    } while (0)
#define assert_fails(b, query, expected_code, message)                                                                 \
    do {                                                                                                               \
        assert_false(bed_run((b), (query)));                                                                           \
        assert_int_equal((b)->err.code, (expected_code));                                                              \
        assert_string_equal((b)->err.msg, (message));                                                                  \
    } while (0)

/* An executor of threads that live for one run. */
struct threads {
    struct gv_executor executor;
};
struct threads_run {
    void (*fn)(void *arg, size_t i);
    void *arg;
    size_t n;
    _Atomic size_t next;
};

static inline void *threads_work(void *arg)
{
    struct threads_run *r = arg;
    for (size_t i; (i = atomic_fetch_add(&r->next, 1)) < r->n;)
        r->fn(r->arg, i);
    return NULL;
}

static inline void threads_run(struct gv_executor *x, void (*fn)(void *arg, size_t i), void *arg, size_t n)
{
    struct threads_run r = {.fn = fn, .arg = arg, .n = n};
    pthread_t threads[16];
    unsigned workers = x->workers < 16 ? x->workers : 16;
    for (unsigned i = 0; i < workers; i++)
        pthread_create(&threads[i], NULL, threads_work, &r);
    for (unsigned i = 0; i < workers; i++)
        pthread_join(threads[i], NULL);
}
