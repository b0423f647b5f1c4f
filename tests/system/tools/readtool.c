/* Remote read from the command line, without the network: what is sent and received goes over stdout and stdin.
 *
 *   readtool request streamed|samples START END SELECTOR...                       > body of the request
 *   readtool answer CONTENT_TYPE START END EXTERNAL QUERY SELECTOR...             < body of the reply
 *
 * Times are ms. EXTERNAL: the backend's external labels, a=b,c=d. An answer is decoded, its series become a source, and
 * QUERY is evaluated on it at END; the result is written as /api/v1/query would. */
#include "codec/read_decoder.h"
#include "codec/result_encoder.h"
#include "exec/raw_source.h"
#include "promql/eval.h"
#include "promql/parse.h"
#include <stdio.h>
#include <stdlib.h>

enum { PIECE = 1000, MOST_QUERIES = 16, MOST_LABELS = 16 };

static struct gv_arena arena;

static int fail(const struct gv_err *err)
{
    fprintf(stderr, "%s\n", err->msg);
    return 1;
}

static bool parse_selectors(char **args, size_t n, int64_t start, int64_t end, struct gv_select *queries,
                            struct gv_err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct gv_selector *s = gv_promql_parse_selector(&arena, gv_slice_of(args[i]), err);
        if (!s)
            return false;
        queries[i] = (struct gv_select){
            .matchers = s->matchers, .n_matchers = s->n_matchers, .min_time = start, .max_time = end};
    }
    return true;
}

static int write_request(bool streamed, const struct gv_select *queries, size_t n)
{
    struct gv_buf out = GV_BUF_INIT;
    gv_read_request_encode(&out, queries, n, streamed);
    bool ok = fwrite(out.p, 1, out.n, stdout) == out.n;
    gv_buf_fini(&out);
    return ok ? 0 : 1;
}

static size_t parse_external(char *text, struct gv_label *labels)
{
    size_t n = 0;
    for (char *rest = text, *one; n < MOST_LABELS && (one = strsep(&rest, ",")) && *one;) {
        char *name = strsep(&one, "=");
        labels[n++] = (struct gv_label){gv_slice_of(name), gv_slice_of(one)};
    }
    return n;
}

static bool decode(const struct gv_read_decoder_options *o, struct gv_read_result **results, struct gv_err *err)
{
    struct gv_read_decoder *d = gv_read_decoder_new(&arena, o);
    char piece[PIECE];
    for (size_t n; (n = fread(piece, 1, sizeof piece, stdin));)
        if (!gv_read_decoder_feed(d, piece, n, err))
            return false;
    return gv_read_decoder_finish(d, results, err);
}

static bool evaluate(const char *query, int64_t at, struct gv_source *source, struct gv_result *out, struct gv_err *err)
{
    struct gv_expr *e = gv_promql_parse(&arena, gv_slice_of(query), 0, err);
    const struct gv_eval_options o = {
        .text = gv_slice_of(query), .start = at, .end = at, .lookback = 300000, .source = source};
    struct gv_eval_stats stats = {0};
    return e && gv_promql_eval(&arena, e, &o, out, &stats, err);
}

static int read_answer(const struct gv_read_decoder_options *o, const char *query, struct gv_err *err)
{
    struct gv_read_result *results;
    struct gv_raw_part parts[MOST_QUERIES];
    struct gv_raw_source source;
    struct gv_result result;
    if (!decode(o, &results, err))
        return fail(err);
    for (size_t i = 0; i < o->n_queries; i++)
        parts[i] = (struct gv_raw_part){GV_S("backend"), 0, results[i].series, results[i].n};
    if (!gv_raw_source_init(&source, &arena, parts, o->n_queries, err) ||
        !evaluate(query, o->queries[0].max_time, &source.source, &result, err))
        return fail(err);
    struct gv_buf out = GV_BUF_INIT;
    struct gv_result_encoder *e = gv_result_encoder_new(&arena, &result, &(struct gv_result_encoder_tail){0});
    while (gv_result_encoder_next(e, &out, 1 << 20))
        ;
    bool ok = fwrite(out.p, 1, out.n, stdout) == out.n;
    gv_buf_fini(&out);
    return ok ? 0 : 1;
}

static int run(int argc, char **argv)
{
    struct gv_err err = {0};
    struct gv_select queries[MOST_QUERIES];
    bool is_request = argc > 1 && strcmp(argv[1], "request") == 0;
    int first = is_request ? 5 : 7;
    if (argc <= first || argc - first > MOST_QUERIES) {
        fputs("usage: readtool request streamed|samples START END SELECTOR...\n"
              "       readtool answer CONTENT_TYPE START END EXTERNAL QUERY SELECTOR...\n",
              stderr);
        return 2;
    }
    size_t n = (size_t)(argc - first);
    if (!parse_selectors(argv + first, n, strtoll(argv[3], NULL, 10), strtoll(argv[4], NULL, 10), queries, &err))
        return fail(&err);
    if (is_request)
        return write_request(strcmp(argv[2], "streamed") == 0, queries, n);
    struct gv_label external[MOST_LABELS];
    struct gv_read_decoder_options o = {.queries = queries, .n_queries = n, .external = external};
    o.n_external = parse_external(argv[5], external);
    return gv_read_type_of(gv_slice_of(argv[2]), &o.type, &err) ? read_answer(&o, argv[6], &err) : fail(&err);
}

int main(int argc, char **argv)
{
    gv_arena_init(&arena, NULL);
    int status = run(argc, argv);
    gv_arena_fini(&arena);
    return status;
}
