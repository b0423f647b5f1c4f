/* Blocks from the command line, for tests beside Prometheus's own tools.
 *
 *   blocktool write FOLDER MIN MAX [SEGMENT_SIZE] < description      a block of [MIN, MAX); prints its ULID
 *   blocktool read BLOCK START END SELECTOR           its series and samples as /api/v1/query answers, one a line
 *   blocktool compact FOLDER MIN MAX BLOCK...         one block of several; prints its ULID
 *   blocktool delete BLOCK START END SELECTOR
 *
 * Times are ms. A description: a line with a metric, name{label="value"}, then a line for each of its samples: TIME
 * VALUE, or TIME and a native histogram as test scripts write it, schema:0 count:4 sum:5 buckets:[2 2], the buckets
 * from index 0 on. At most 120 samples go into a chunk. */
#include "codec/chunks.h"
#include "promql/parse.h"
#include "store/block.h"
#include <stdio.h>
#include <stdlib.h>

static struct gv_arena arena;

static int fail(const struct gv_err *err)
{
    fprintf(stderr, "%s\n", err->msg);
    return 1;
}

/* ---- Reading a description ---- */

struct described {
    const struct gv_labels *labels;
    int64_t *times;
    double *values;
    const struct gv_histogram **histograms;
    size_t n, cap_times, cap_values, cap_histograms;
    bool any_histogram;
};

static const struct gv_histogram *parse_histogram(const char *text)
{
    static const char format[] = "schema:%d count:%lf sum:%lf zero:%lf threshold:%lf buckets:[%n";
    struct gv_histogram *h = gv_arena_new(&arena, struct gv_histogram);
    int used = 0;
    if (sscanf(text, format, &h->schema, &h->count, &h->sum, &h->zero_count, &h->zero_threshold, &used) != 5 || !used)
        return NULL;
    double *counts = NULL;
    size_t n = 0, cap = 0;
    char *end;
    for (const char *at = text + used; *at && *at != ']'; at = end) {
        double v = strtod(at, &end);
        if (end == at)
            return NULL;
        gv_push(&arena, counts, n, cap) = v;
        end += *end == ' ';
    }
    struct gv_span *span = gv_arena_new(&arena, struct gv_span);
    span->length = (uint32_t)n;
    h->positive = (struct gv_buckets){span, counts, n > 0, (uint32_t)n};
    return h;
}

static bool parse_sample(struct described *d, const char *line)
{
    char *end;
    size_t n = d->n, same = d->n;
    gv_push(&arena, d->times, n, d->cap_times) = strtoll(line, &end, 10);
    n = same;
    const struct gv_histogram *h = *end == ' ' && end[1] == 's' ? parse_histogram(end + 1) : NULL;
    gv_push(&arena, d->values, n, d->cap_values) = h ? 0 : strtod(end, &end);
    gv_push(&arena, d->histograms, d->n, d->cap_histograms) = h;
    d->any_histogram |= h != NULL;
    return h || *end == '\n';
}

static int by_labels(const void *a, const void *b)
{
    return gv_labels_cmp(((const struct described *)a)->labels, ((const struct described *)b)->labels);
}

static bool read_description(FILE *f, struct described **all, size_t *n, struct gv_err *err)
{
    char *line = NULL;
    size_t size = 0, cap = 0, used;
    bool ok = true;
    *n = 0;
    while (ok && getline(&line, &size, f) > 0) {
        if (strchr("-0123456789", *line)) {
            ok = (*n && parse_sample(&(*all)[*n - 1], line)) || gv_fail(err, GV_BAD_DATA, "no sample: %s", line);
            continue;
        }
        line[strcspn(line, "\n")] = 0;
        const struct gv_labels *l = gv_promql_parse_metric(&arena, gv_arena_dup(&arena, gv_slice_of(line)), &used, err);
        ok = l;
        gv_push(&arena, *all, *n, cap) = (struct described){.labels = l};
    }
    free(line);
    if (ok && *n)
        qsort(*all, *n, sizeof **all, by_labels);
    return ok;
}

/* ---- Commands ---- */

static bool add_described(struct block_writer *w, const struct described *d, struct gv_err *err)
{
    struct gv_raw_column raw = {d->times, d->values, d->any_histogram ? d->histograms : NULL, NULL, (uint32_t)d->n};
    struct gv_arena scratch;
    struct gv_chunks_column chunks;
    gv_arena_init(&scratch, NULL);
    bool ok = gv_chunks_of_raw(&arena, &scratch, &raw, &chunks, err) &&
              block_writer_add(w, d->labels, chunks.chunks, chunks.n, err);
    gv_arena_fini(&scratch);
    return ok;
}

static struct block_writer_options options_of(char **args)
{
    return (struct block_writer_options){.io = &gv_io_system,
                                         .parent = args[0],
                                         .min_time = atoll(args[1]),
                                         .max_time = atoll(args[2]),
                                         .level = 1,
                                         .now = gv_clock_wall(&gv_clock_real)};
}

static bool write_block(char **args, int n_args, struct gv_err *err)
{
    struct block_writer_options o = options_of(args);
    struct described *all = NULL;
    char ulid[BLOCK_ULID_MAX];
    size_t n;
    if (n_args > 3)
        o.segment_size = (uint64_t)atoll(args[3]);
    if (!read_description(stdin, &all, &n, err))
        return false;
    struct block_writer *w = block_writer_new(&o, err);
    bool ok = w;
    for (size_t i = 0; ok && i < n; i++)
        ok = add_described(w, &all[i], err);
    ok = ok && block_writer_done(w, ulid, err);
    if (ok)
        puts(ulid);
    if (w)
        block_writer_free(w);
    return ok;
}

static void print_sample(struct gv_buf *out, const struct gv_raw_column *raw, uint32_t i)
{
    gv_buf_printf(out, "%s[%lld,", i ? "," : "", (long long)raw->times[i]);
    if (raw->histograms && raw->histograms[i])
        gv_histogram_print_json(out, raw->histograms[i]);
    else
        gv_buf_printf(out, gv_is_stale(raw->values[i]) ? "\"stale\"" : "\"%.17g\"", raw->values[i]);
    gv_buf_addc(out, ']');
}

static void print_series(const struct gv_labels *labels, const struct gv_raw_column *raw)
{
    struct gv_buf out = GV_BUF_INIT;
    struct gv_labels_iter it = gv_labels_iter(labels);
    gv_buf_adds(&out, "{\"metric\":{");
    bool first = true;
    for (struct gv_label label; gv_labels_next(&it, &label); first = false) {
        gv_buf_adds(&out, first ? "" : ",");
        gv_buf_add_json(&out, label.name);
        gv_buf_addc(&out, ':');
        gv_buf_add_json(&out, label.value);
    }
    gv_buf_adds(&out, "},\"values\":[");
    for (uint32_t i = 0; i < raw->n; i++)
        print_sample(&out, raw, i);
    gv_buf_adds(&out, "]}");
    puts(gv_buf_cstr(&out));
    gv_buf_fini(&out);
}

static bool print_all(struct store_reader *r, const struct gv_selector *s, int64_t start, int64_t end,
                      struct gv_err *err)
{
    struct gv_source *source = store_merged_source(&arena, &r, 1);
    struct gv_select what = {.matchers = s->matchers, .n_matchers = s->n_matchers, .min_time = start, .max_time = end};
    struct gv_cursor *cursor;
    struct gv_series series;
    size_t n;
    int more;
    if (!source->ops->select(source, &arena, &what, &cursor, 1, &n, err))
        return false;
    while ((more = cursor->ops->next(cursor, &arena, &series, err)) > 0) {
        struct gv_raw_column raw = series.column.raw;
        if (series.column.kind == GV_COLUMN_CHUNKS &&
            !gv_chunks_to_raw(&arena, &series.column.chunks, start, end, &raw, err)) {
            more = -1;
            break;
        }
        if (raw.n)
            print_series(series.labels, &raw);
    }
    cursor->ops->close(cursor);
    return more == 0;
}

static bool with_block(char **args, bool deletes, struct gv_err *err)
{
    const struct gv_selector *s = gv_promql_parse_selector(&arena, gv_slice_of(args[3]), err);
    struct block *b = s ? block_open(&gv_io_system, args[0], err) : NULL;
    if (!b)
        return false;
    int64_t start = atoll(args[1]), end = atoll(args[2]);
    bool ok = deletes ? block_delete(b, s->matchers, s->n_matchers, start, end, err)
                      : print_all(block_reader(b), s, start, end, err);
    block_put(b);
    return ok;
}

static bool read_block(char **args, int n_args, struct gv_err *err)
{
    (void)n_args;
    return with_block(args, false, err);
}

static bool delete_from_block(char **args, int n_args, struct gv_err *err)
{
    (void)n_args;
    return with_block(args, true, err);
}

static bool compact_blocks(char **args, int n_args, struct gv_err *err)
{
    struct block_writer_options o = options_of(args);
    size_t n = 0, most = (size_t)n_args - 3;
    struct block **blocks = gv_arena_array(&arena, struct block *, most);
    struct store_reader **readers = gv_arena_array(&arena, struct store_reader *, most);
    const struct block_meta **metas = gv_arena_array(&arena, const struct block_meta *, most);
    char ulid[BLOCK_ULID_MAX];
    bool ok = true;
    for (; ok && n < most; n += ok) {
        blocks[n] = block_open(&gv_io_system, args[3 + n], err);
        ok = blocks[n];
        if (ok) {
            readers[n] = block_reader(blocks[n]);
            metas[n] = block_meta(blocks[n]);
        }
    }
    o.level = 2;
    o.parents = metas;
    o.n_parents = n;
    ok = ok && block_compact(readers, n, &o, ulid, err);
    if (ok)
        puts(ulid);
    while (n)
        block_put(blocks[--n]);
    return ok;
}

static const struct command {
    const char *name;
    int least;
    bool (*run)(char **args, int n_args, struct gv_err *err);
} commands[] = {{"write", 3, write_block},
                {"read", 4, read_block},
                {"delete", 4, delete_from_block},
                {"compact", 4, compact_blocks}};

int main(int argc, char **argv)
{
    struct gv_err err = {0};
    gv_arena_init(&arena, NULL);
    for (size_t i = 0; argc > 1 && i < GV_COUNT(commands); i++) {
        if (strcmp(argv[1], commands[i].name) != 0 || argc - 2 < commands[i].least)
            continue;
        bool ok = commands[i].run(argv + 2, argc - 2, &err);
        gv_arena_fini(&arena);
        return ok ? 0 : fail(&err);
    }
    fputs("usage: blocktool write|read|delete|compact ... (see the source)\n", stderr);
    return 2;
}
