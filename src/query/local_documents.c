/* The store as a backend: the documents of the API that it has something for, answered from the request that would be
 * sent to a cluster. What comes out is what a Prometheus would have replied. */
#include "base/clock.h"
#include "base/duration.h"
#include "base/number.h"
#include "net/url.h"
#include "promql/parse.h"
#include "query/local_ask.h"
#include <inttypes.h>

struct document {
    const struct local_view *view;
    struct gv_arena *arena;
    struct gv_slice argument; /* the label's name in /api/v1/label/NAME/values */
    struct gv_url_params params;
    struct gv_store_matchers *sets; /* of match[], or of the query's selectors */
    size_t n_sets;
    int64_t min_time, max_time; /* ms */
    struct gv_buf *out;
};

/* ---- Parameters ---- */

/* What the API handed on has been checked by it: seconds or RFC 3339. */
static bool read_time(const struct document *d, const char *key, int64_t *ms, struct gv_err *err)
{
    struct gv_slice text = gv_url_params_get(&d->params, key);
    return !text.n || gv_time_parse(text, ms) ||
           gv_fail(err, GV_BAD_DATA, "cannot parse \"%.*s\" to a valid timestamp", GV_ARG(text));
}

static void add_set(struct document *d, const struct gv_matcher *matchers, size_t n)
{
    struct gv_store_matchers *set = &d->sets[d->n_sets++];
    struct gv_matcher *all = gv_arena_array(d->arena, struct gv_matcher, n + 1);
    if (n)
        memcpy(all, matchers, n * sizeof *all);
    if (d->view->restrict_to)
        all[n++] = *d->view->restrict_to;
    *set = (struct gv_store_matchers){all, n};
}

static bool read_matches(struct document *d, struct gv_err *err)
{
    d->sets = gv_arena_array(d->arena, struct gv_store_matchers, d->params.n + 1);
    for (size_t i = 0; i < d->params.n; i++) {
        if (!gv_slice_is(d->params.items[i].key, "match[]"))
            continue;
        const struct gv_selector *s = gv_promql_parse_selector(d->arena, d->params.items[i].value, err);
        if (!s)
            return false;
        add_set(d, s->matchers, s->n_matchers);
    }
    if (!d->n_sets && d->view->restrict_to)
        add_set(d, NULL, 0);
    return true;
}

/* ---- Writing ---- */

/* Looked at after every so many items: the text will be a copy in the arena once it is whole. */
static bool has_room(const struct document *d, size_t item, struct gv_err *err)
{
    enum { EVERY = 256 };
    return item % EVERY || gv_arena_has_room(d->arena, d->out->n, err);
}

/* In front of each item of a list. */
static bool next_item(const struct document *d, size_t item, struct gv_err *err)
{
    if (!has_room(d, item, err))
        return false;
    if (item)
        gv_buf_addc(d->out, ',');
    return true;
}

static bool write_texts(struct document *d, const struct gv_slice *texts, size_t n, struct gv_err *err)
{
    gv_buf_addc(d->out, '[');
    for (size_t i = 0; i < n; i++) {
        if (!next_item(d, i, err))
            return false;
        gv_buf_add_json(d->out, texts[i]);
    }
    gv_buf_addc(d->out, ']');
    return true;
}

/* ---- Labels and series ---- */

static bool write_names(struct document *d, struct gv_err *err)
{
    struct gv_slice *names;
    size_t n;
    if (!read_matches(d, err) ||
        !gv_store_label_names(d->view->view, d->arena, d->sets, d->n_sets, d->min_time, d->max_time, &names, &n, err))
        return false;
    return write_texts(d, names, n, err);
}

static bool write_values(struct document *d, struct gv_err *err)
{
    struct gv_slice *values, name;
    size_t n;
    if (!gv_label_name_unescape(d->arena, d->argument, &name))
        name = d->argument;
    if (!read_matches(d, err) || !gv_store_label_values(d->view->view, d->arena, name, d->sets, d->n_sets, d->min_time,
                                                        d->max_time, &values, &n, err))
        return false;
    return write_texts(d, values, n, err);
}

static bool write_series(struct document *d, struct gv_err *err)
{
    const struct gv_labels **labels;
    size_t n;
    if (!read_matches(d, err) ||
        !gv_store_label_sets(d->view->view, d->arena, d->sets, d->n_sets, d->min_time, d->max_time, &labels, &n, err))
        return false;
    gv_buf_addc(d->out, '[');
    for (size_t i = 0; i < n; i++) {
        if (!next_item(d, i, err))
            return false;
        gv_labels_print_json(d->out, labels[i]);
    }
    gv_buf_addc(d->out, ']');
    return true;
}

/* ---- Exemplars: of the selectors in the query ---- */

static enum gv_walk add_selector(struct gv_expr *e, void *arg)
{
    struct document *d = arg;
    if (e->kind == GV_EXPR_SELECTOR)
        add_set(d, e->selector.matchers, e->selector.n_matchers);
    return GV_WALK_ON;
}

static enum gv_walk count_selector(struct gv_expr *e, void *arg)
{
    *(size_t *)arg += e->kind == GV_EXPR_SELECTOR;
    return GV_WALK_ON;
}

static bool read_query(struct document *d, struct gv_err *err)
{
    struct gv_slice text = gv_url_params_get(&d->params, "query");
    struct gv_expr *e = gv_promql_parse(d->arena, text, d->view->settings->limits.features, err);
    size_t n = 0;
    if (!e)
        return false;
    gv_expr_walk(e, count_selector, &n);
    d->sets = gv_arena_array(d->arena, struct gv_store_matchers, n + 1);
    gv_expr_walk(e, add_selector, d);
    return true;
}

static void write_exemplar(struct gv_buf *out, const struct gv_store_exemplar *x)
{
    gv_buf_adds(out, "{\"labels\":");
    gv_labels_print_json(out, x->labels);
    gv_buf_adds(out, ",\"value\":\"");
    gv_buf_add_double(out, x->value);
    gv_buf_printf(out, "\",\"timestamp\":%.3f}", (double)x->time / 1000);
}

static bool write_exemplars(struct document *d, struct gv_err *err)
{
    struct gv_store_exemplars *all;
    size_t n;
    if (!read_query(d, err) ||
        !gv_store_exemplars(d->view->store, d->arena, d->sets, d->n_sets, d->min_time, d->max_time, &all, &n, err))
        return false;
    gv_buf_addc(d->out, '[');
    for (size_t i = 0; i < n; i++) {
        if (!next_item(d, i, err))
            return false;
        gv_buf_adds(d->out, "{\"seriesLabels\":");
        gv_labels_print_json(d->out, all[i].series);
        gv_buf_adds(d->out, ",\"exemplars\":[");
        for (size_t k = 0; k < all[i].n; k++) {
            if (k)
                gv_buf_addc(d->out, ',');
            write_exemplar(d->out, &all[i].exemplars[k]);
        }
        gv_buf_adds(d->out, "]}");
    }
    gv_buf_addc(d->out, ']');
    return true;
}

/* ---- Metadata ---- */

static bool in_scope(const struct document *d, const struct gv_store_metadata *m)
{
    return !d->view->restrict_to || gv_slice_eq(d->view->restrict_to->value, m->cluster);
}

static void write_entry(struct gv_buf *out, const struct gv_store_metadata *m)
{
    gv_buf_adds(out, "{\"type\":");
    gv_buf_add_json(out, m->type);
    gv_buf_adds(out, ",\"help\":");
    gv_buf_add_json(out, m->help);
    gv_buf_adds(out, ",\"unit\":");
    gv_buf_add_json(out, m->unit);
    gv_buf_addc(out, '}');
}

/* Entries come by metric. */
static bool write_metadata(struct document *d, struct gv_err *err)
{
    struct gv_store_metadata *all;
    struct gv_slice last = {NULL, 0};
    size_t n;
    if (!gv_store_metadata_get(d->view->store, d->arena, gv_url_params_get(&d->params, "metric"), &all, &n, err))
        return false;
    gv_buf_addc(d->out, '{');
    for (size_t i = 0; i < n; i++) {
        if (!has_room(d, i, err))
            return false;
        if (!in_scope(d, &all[i]))
            continue;
        bool same = last.p && gv_slice_eq(last, all[i].metric);
        if (!same) {
            gv_buf_adds(d->out, last.p ? "]," : "");
            gv_buf_add_json(d->out, all[i].metric);
        }
        gv_buf_adds(d->out, same ? "," : ":[");
        write_entry(d->out, &all[i]);
        last = all[i].metric;
    }
    gv_buf_adds(d->out, last.p ? "]}" : "}");
    return true;
}

/* ---- status/tsdb ---- */

static void write_stats(struct gv_buf *out, const char *list, const struct gv_store_stat *stats, size_t n)
{
    gv_buf_printf(out, ",\"%s\":[", list);
    for (size_t i = 0; i < n; i++) {
        gv_buf_adds(out, i ? ",{\"name\":" : "{\"name\":");
        gv_buf_add_json(out, stats[i].name);
        gv_buf_printf(out, ",\"value\":%" PRIu64 "}", stats[i].value);
    }
    gv_buf_addc(out, ']');
}

static bool write_tsdb(struct document *d, struct gv_err *err)
{
    enum { STATS = 10 };
    struct gv_store_status s;
    struct gv_store_cardinality c;
    uint64_t limit = 0;
    struct gv_slice text = gv_url_params_get(&d->params, "limit");
    for (size_t i = 0; i < text.n && text.p[i] >= '0' && text.p[i] <= '9' && limit < 1000000; i++)
        limit = limit * 10 + (uint64_t)(text.p[i] - '0');
    gv_store_status(d->view->store, &s);
    if (!gv_store_cardinality(d->view->store, d->arena, limit ? limit : STATS, &c, err))
        return false;
    gv_buf_printf(d->out,
                  "{\"headStats\":{\"numSeries\":%" PRIu64 ",\"numLabelPairs\":%" PRIu64 ",\"chunkCount\":%" PRIu64
                  ",\"minTime\":%" PRId64 ",\"maxTime\":%" PRId64 "}",
                  s.series, c.label_pairs, s.chunks, s.head_min_time, s.head_max_time);
    write_stats(d->out, "seriesCountByMetricName", c.series_by_metric, c.n_metrics);
    write_stats(d->out, "labelValueCountByLabelName", c.values_by_label, c.n_values);
    write_stats(d->out, "memoryInBytesByLabelName", c.bytes_by_label, c.n_bytes);
    write_stats(d->out, "seriesCountByLabelValuePair", c.series_by_pair, c.n_pairs);
    gv_buf_addc(d->out, '}');
    return true;
}

/* ---- status/runtimeinfo: as much of it as is the store's ---- */

/* "15d", "15d or 10GiB", "10GiB". Prometheus has no word for what is kept for ever; a hundred years are its way to say
 * so.
 */
static bool write_runtimeinfo(struct document *d, struct gv_err *err)
{
    int64_t time_ms, size;
    (void)err;
    gv_store_retention(d->view->store, &time_ms, &size);
    gv_buf_adds(d->out, "{\"storageRetention\":\"");
    if (time_ms)
        gv_duration_print(d->out, time_ms);
    else if (!size)
        gv_buf_adds(d->out, "100y");
    gv_buf_adds(d->out, time_ms && size ? " or " : "");
    if (size)
        gv_bytes_print(d->out, size);
    gv_buf_adds(d->out, "\"}");
    return true;
}

/* ---- Paths ---- */

static const struct {
    const char *path; /* a `*` is the argument */
    bool (*write)(struct document *d, struct gv_err *err);
} documents[] = {
    {"/api/v1/labels", write_names},
    {"/api/v1/label/*/values", write_values},
    {"/api/v1/series", write_series},
    {"/api/v1/query_exemplars", write_exemplars},
    {"/api/v1/metadata", write_metadata},
    {"/api/v1/status/tsdb", write_tsdb},
    {"/api/v1/status/runtimeinfo", write_runtimeinfo},
};

static bool matches(const char *pattern, struct gv_slice path, struct gv_slice *argument)
{
    const char *star = strchr(pattern, '*');
    if (!star)
        return gv_slice_is(path, pattern);
    struct gv_slice before = {pattern, (size_t)(star - pattern)}, after = gv_slice_of(star + 1);
    if (path.n <= before.n + after.n || !gv_slice_has_prefix(path, before) ||
        memcmp(path.p + path.n - after.n, after.p, after.n) != 0)
        return false;
    *argument = (struct gv_slice){path.p + before.n, path.n - before.n - after.n};
    return true;
}

static size_t find(struct gv_slice path, struct gv_slice *argument)
{
    size_t i = 0;
    while (i < GV_COUNT(documents) && !matches(documents[i].path, path, argument))
        i++;
    return i;
}

bool local_has_document(const char *path)
{
    struct gv_slice argument;
    return find(gv_slice_of(path), &argument) < GV_COUNT(documents);
}

bool local_document(const struct gv_ask_part *part, const struct local_view *v, struct gv_buf *body, struct gv_err *err)
{
    struct document d = {.view = v, .arena = v->arena, .min_time = INT64_MIN, .max_time = INT64_MAX, .out = body};
    size_t i = find(gv_slice_of(part->path), &d.argument);
    if (!gv_url_parse_query(v->arena, part->body.n ? part->body : part->query, &d.params, err) ||
        !read_time(&d, "start", &d.min_time, err) || !read_time(&d, "end", &d.max_time, err))
        return false;
    gv_buf_adds(body, "{\"status\":\"success\",\"data\":");
    if (!documents[i].write(&d, err))
        return false;
    gv_buf_addc(body, '}');
    return true;
}
