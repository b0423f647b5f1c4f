/* Parts, each a list of series ──► entries by labels ──► rows: entries with the same labels. A row is decoded when it
 * is pulled: each replica's columns to one, then the replicas' to one. */
#include "exec/raw_source.h"
#include "codec/chunks.h"
#include "exec/replica.h"
#include "model/raw.h"
#include <stdlib.h>

static const struct gv_select everything = {.min_time = INT64_MIN, .max_time = INT64_MAX};

struct entry {
    const struct gv_series *series;
    uint32_t part;
};

struct gv_raw_row {
    struct gv_made_column made;      /* first */
    const struct gv_raw_part *parts; /* of the source */
    const struct entry *entries;     /* of one label set, by part */
    uint32_t n;
    size_t weight; /* bytes: partitions are cut by it */
};

/* ---- Rows ---- */

static int compare(const struct entry *a, const struct entry *b)
{
    int c = gv_labels_cmp(a->series->labels, b->series->labels);
    return c ? c : (a->part > b->part) - (a->part < b->part);
}

static int compare_any(const void *a, const void *b)
{
    return compare(a, b);
}

static void sort_part(struct entry *entries, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (compare(&entries[i - 1], &entries[i]) > 0) {
            qsort(entries, n, sizeof *entries, compare_any);
            return;
        }
}

static void merge_two(const struct entry *a, size_t n_a, const struct entry *b, size_t n_b, struct entry *to)
{
    while (n_a && n_b) {
        if (compare(a, b) <= 0)
            *to++ = *a++, n_a--;
        else
            *to++ = *b++, n_b--;
    }
    memcpy(to, n_a ? a : b, (n_a + n_b) * sizeof *to);
}

/* Sorted runs, the i-th ending at ends[i], two by two, until one is left. */
static struct entry *merge_runs(struct entry *entries, struct entry *spare, size_t *ends, size_t n_runs)
{
    while (n_runs > 1) {
        size_t runs = 0;
        for (size_t i = 0, from = 0; i < n_runs; i += 2, runs++) {
            size_t mid = ends[i], end = i + 1 < n_runs ? ends[i + 1] : mid;
            merge_two(entries + from, mid - from, entries + mid, end - mid, spare + from);
            ends[runs] = from = end;
        }
        struct entry *merged = spare;
        spare = entries;
        entries = merged;
        n_runs = runs;
    }
    return entries;
}

static struct entry *collect(const struct gv_raw_source *r, struct gv_arena *a, size_t n_parts, size_t *n,
                             struct gv_err *err)
{
    size_t *ends = gv_arena_array(a, size_t, n_parts ? n_parts : 1);
    *n = 0;
    for (size_t p = 0; p < n_parts; p++)
        *n += r->parts[p].n;
    struct entry *entries = gv_arena_try(a, *n * sizeof *entries, err);
    struct entry *spare = entries ? gv_arena_try(a, *n * sizeof *entries, err) : NULL;
    if (!spare)
        return NULL;
    size_t at = 0;
    for (size_t p = 0; p < n_parts; p++) {
        for (size_t i = 0; i < r->parts[p].n; i++)
            entries[at + i] = (struct entry){&r->parts[p].series[i], (uint32_t)p};
        sort_part(entries + at, r->parts[p].n);
        ends[p] = at += r->parts[p].n;
    }
    return merge_runs(entries, spare, ends, n_parts);
}

static bool fail_twice(const struct gv_raw_source *r, const struct entry *a, const struct entry *b, struct gv_err *err)
{
    struct gv_buf text = GV_BUF_INIT;
    gv_labels_print(&text, a->series->labels);
    gv_fail(err, GV_EXECUTION, "clusters \"%.*s\" and \"%.*s\" both answered with the series %s",
            GV_ARG(r->parts[a->part].source), GV_ARG(r->parts[b->part].source), gv_buf_cstr(&text));
    gv_buf_fini(&text);
    return false;
}

static size_t weight_of(const struct gv_column *c)
{
    enum { SERIES = 64, SAMPLE = 16 };
    if (c->kind == GV_COLUMN_RAW)
        return SERIES + (size_t)c->raw.n * SAMPLE;
    size_t bytes = SERIES;
    for (uint32_t i = 0; c->kind == GV_COLUMN_CHUNKS && i < c->chunks.n; i++)
        bytes += c->chunks.chunks[i].size;
    return bytes;
}

/* ---- Decoding ---- */

static void cut(const struct gv_raw_column *c, int64_t min, int64_t max, struct gv_raw_column *out)
{
    uint32_t from = min == INT64_MIN ? 0 : gv_raw_after(c, min - 1), to = gv_raw_after(c, max);
    *out = (struct gv_raw_column){.times = c->times + from,
                                  .values = c->values + from,
                                  .histograms = c->histograms ? c->histograms + from : NULL,
                                  .starts = c->starts ? c->starts + from : NULL,
                                  .n = to > from ? to - from : 0};
}

static bool fail_entry(const struct gv_raw_part *parts, const struct entry *e, struct gv_err *err)
{
    struct gv_buf text = GV_BUF_INIT;
    gv_labels_print(&text, e->series->labels);
    gv_err_prefix(err, "cluster \"%.*s\": series %s: ", GV_ARG(parts[e->part].source), gv_buf_cstr(&text));
    gv_buf_fini(&text);
    return false;
}

static bool decode_entry(const struct gv_raw_part *parts, const struct entry *e, const struct gv_select *what,
                         struct gv_arena *a, struct gv_raw_column *out, struct gv_err *err)
{
    const struct gv_column *c = &e->series->column;
    if (c->kind == GV_COLUMN_RAW) {
        cut(&c->raw, what->min_time, what->max_time, out);
        return true;
    }
    if (c->kind == GV_COLUMN_MADE) {
        struct gv_raw_column whole;
        if (!c->made->make(c->made, a, &whole, err))
            return false;
        cut(&whole, what->min_time, what->max_time, out);
        return true;
    }
    return gv_chunks_to_raw(a, &c->chunks, what->min_time, what->max_time, out, err) || fail_entry(parts, e, err);
}

/* What one replica gave more than once. */
static bool join(struct gv_arena *a, const struct gv_raw_column *columns, uint32_t n, struct gv_raw_column *out,
                 struct gv_err *err)
{
    size_t total = 0;
    bool histograms = false;
    for (uint32_t i = 0; i < n; i++) {
        total += columns[i].n;
        histograms |= columns[i].histograms != NULL;
    }
    struct gv_raw_builder b;
    if (!gv_raw_builder_init(&b, a, total, histograms, err))
        return false;
    for (uint32_t c = 0; c < n; c++)
        for (uint32_t i = 0; i < columns[c].n; i++)
            gv_raw_add(&b, columns[c].times[i], columns[c].values[i],
                       columns[c].histograms ? columns[c].histograms[i] : NULL);
    return gv_raw_builder_done(&b, out, err);
}

static uint32_t replica_of(const struct gv_raw_part *parts, const struct entry *e)
{
    return parts[e->part].replica;
}

/* Merged whole: what stands outside tells a hole at the end from the end itself. */
static bool decode_row(const struct gv_raw_part *parts, const struct gv_raw_row *row, const struct gv_select *what,
                       struct gv_arena *a, struct gv_raw_column *out, struct gv_err *err)
{
    if (row->n == 1)
        return decode_entry(parts, row->entries, what, a, out, err);
    struct gv_raw_column *columns = gv_arena_array(a, struct gv_raw_column, row->n);
    struct gv_raw_column *replicas = gv_arena_array(a, struct gv_raw_column, row->n);
    bool *taken = gv_arena_array(a, bool, row->n);
    size_t n_replicas = 0;
    for (uint32_t i = 0; i < row->n; i++) {
        uint32_t n = 0;
        for (uint32_t j = i; j < row->n && !taken[i]; j++)
            if (replica_of(parts, &row->entries[j]) == replica_of(parts, &row->entries[i])) {
                if (!decode_entry(parts, &row->entries[j], &everything, a, &columns[n++], err))
                    return false;
                taken[j] = j > i;
            }
        if (n == 1)
            replicas[n_replicas++] = columns[0];
        else if (n && !join(a, columns, n, &replicas[n_replicas++], err))
            return false;
    }
    struct gv_raw_column merged;
    if (!gv_replica_merge(a, replicas, n_replicas, &merged, err))
        return false;
    cut(&merged, what->min_time, what->max_time, out);
    return true;
}

static bool make_row(const struct gv_made_column *made, struct gv_arena *a, struct gv_raw_column *out,
                     struct gv_err *err)
{
    const struct gv_raw_row *row = (const void *)made; /* its first member */
    return decode_row(row->parts, row, &everything, a, out, err);
}

static bool make_rows(struct gv_raw_source *r, const struct entry *entries, size_t n, struct gv_err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct entry *last = i ? &entries[i - 1] : NULL;
        if (!last || !gv_labels_eq(last->series->labels, entries[i].series->labels))
            r->rows[r->n++] = (struct gv_raw_row){.made.make = make_row, .parts = r->parts, .entries = &entries[i]};
        else if (!gv_slice_eq(r->parts[last->part].source, r->parts[entries[i].part].source))
            return fail_twice(r, last, &entries[i], err);
        r->rows[r->n - 1].n++;
        r->rows[r->n - 1].weight += weight_of(&entries[i].series->column);
    }
    return true;
}

/* ---- Selecting ---- */

struct cursor {
    struct gv_cursor cursor;
    struct gv_select what;
    const struct gv_raw_row **at, **end;
};

static int next(struct gv_cursor *c, struct gv_arena *scratch, struct gv_series *series, struct gv_err *err)
{
    struct cursor *r = container_of(c, struct cursor, cursor);
    if (r->at == r->end)
        return 0;
    const struct gv_raw_row *row = *r->at++;
    *series = (struct gv_series){.labels = row->entries->series->labels, .column.kind = GV_COLUMN_RAW};
    return decode_row(row->parts, row, &r->what, scratch, &series->column.raw, err) ? 1 : -1;
}

static void close(struct gv_cursor *c)
{
    (void)c;
}

static const struct gv_cursor_ops cursor_ops = {next, close};

static size_t matching(const struct gv_raw_source *r, const struct gv_select *what, const struct gv_raw_row **found,
                       size_t *weight)
{
    size_t n = 0;
    *weight = 0;
    for (size_t i = 0; i < r->n; i++)
        if (gv_matchers_match(what->matchers, what->n_matchers, r->rows[i].entries->series->labels)) {
            found[n++] = &r->rows[i];
            *weight += r->rows[i].weight;
        }
    return n;
}

static bool select_series(struct gv_source *s, struct gv_arena *a, const struct gv_select *what,
                          struct gv_cursor **cursors, size_t max, size_t *n, struct gv_err *err)
{
    const struct gv_raw_source *r = container_of(s, struct gv_raw_source, source);
    const struct gv_raw_row **found = gv_arena_try(a, r->n * sizeof *found, err);
    if (!found)
        return false;
    size_t weight, count = matching(r, what, found, &weight), so_far = 0;
    *n = count < max ? (count ? count : 1) : max;
    const struct gv_raw_row **at = found;
    for (size_t i = 0; i < *n; i++) {
        struct cursor *c = gv_arena_new(a, struct cursor);
        *c = (struct cursor){.cursor.ops = &cursor_ops, .what = *what, .at = at};
        /* Its share of the weight, at least one row, and one is left for each of those behind. */
        const struct gv_raw_row **most = found + count - (count ? *n - i - 1 : 0);
        while (at < most && (at == c->at || so_far * *n < weight * (i + 1)))
            so_far += (*at++)->weight;
        c->end = at;
        cursors[i] = &c->cursor;
    }
    return true;
}

static const struct gv_source_ops source_ops = {select_series};

/* ---- All ---- */

bool gv_raw_source_init(struct gv_raw_source *r, struct gv_arena *a, const struct gv_raw_part *parts, size_t n_parts,
                        struct gv_err *err)
{
    *r =
        (struct gv_raw_source){.source.ops = &source_ops, .parts = parts, .min_time = INT64_MIN, .max_time = INT64_MAX};
    size_t n;
    struct entry *entries = collect(r, a, n_parts, &n, err);
    r->rows = entries ? gv_arena_try(a, n * sizeof *r->rows, err) : NULL;
    if (!r->rows)
        return false;
    memset(r->rows, 0, n * sizeof *r->rows);
    return make_rows(r, entries, n, err);
}

bool gv_raw_source_at(const struct gv_raw_source *r, size_t i, struct gv_arena *scratch, struct gv_series *out,
                      struct gv_err *err)
{
    const struct gv_raw_row *row = &r->rows[i];
    *out = *row->entries->series;
    if (row->n == 1)
        return true;
    struct gv_select within = {.min_time = r->min_time, .max_time = r->max_time};
    out->column.kind = GV_COLUMN_RAW;
    return decode_row(r->parts, row, &within, scratch, &out->column.raw, err);
}

static bool encode_row(struct gv_raw_source *r, size_t i, struct gv_arena *a, struct gv_arena *scratch,
                       struct gv_err *err)
{
    struct gv_series s;
    if (!gv_raw_source_at(r, i, scratch, &s, err))
        return false;
    if (s.column.kind == GV_COLUMN_CHUNKS)
        return true;
    struct gv_series *kept = gv_arena_new(a, struct gv_series);
    struct entry *e = gv_arena_new(a, struct entry);
    *kept = (struct gv_series){s.labels, {.kind = GV_COLUMN_CHUNKS}};
    *e = (struct entry){kept, r->rows[i].entries->part};
    r->rows[i].entries = e;
    r->rows[i].n = 1;
    return gv_chunks_of_raw(a, scratch, &s.column.raw, &kept->column.chunks, err);
}

bool gv_raw_source_encode(struct gv_raw_source *r, struct gv_arena *a, _Atomic bool *cancel, struct gv_err *err)
{
    struct gv_arena scratch;
    gv_arena_init(&scratch, a->budget);
    struct gv_arena_mark empty = gv_arena_mark(&scratch);
    bool ok = true;
    for (size_t i = 0; ok && i < r->n; i++) {
        ok = cancel && *cancel ? gv_fail(err, GV_CANCELED, "query was canceled") : encode_row(r, i, a, &scratch, err);
        gv_arena_rewind(&scratch, empty);
    }
    gv_arena_fini(&scratch);
    return ok;
}

bool gv_raw_source_series(const struct gv_raw_source *r, struct gv_arena *a, struct gv_series **series, size_t *n,
                          struct gv_err *err)
{
    struct gv_series *out = *series = gv_arena_try(a, r->n * sizeof *out, err);
    *n = r->n;
    for (size_t i = 0; out && i < r->n; i++) {
        out[i] = *r->rows[i].entries->series;
        if (r->rows[i].n > 1)
            out[i].column = (struct gv_column){.kind = GV_COLUMN_MADE, .made = &r->rows[i].made};
    }
    return out != NULL;
}
