/* /status/{config,runtimeinfo,tsdb}: facts about the clusters' servers, in the shape of one Prometheus.
 *
 * Topology tools read two of them to choose steps and time ranges: `global.scrape_interval` of the configuration and
 * `storageRetention`; the smallest of all clusters is true for every one of them. */
#include "api/documents.h"
#include "base/clock.h"
#include "base/duration.h"
#include <stdlib.h>
#include <unistd.h>

/* The value of `key:` in the block `global:` of a YAML that a Prometheus printed; ms, or 0. */
static int64_t global_duration(const char *yaml, const char *key)
{
    const char *at = strstr(yaml, "global:\n");
    int64_t ms = 0;
    if (!at || (at != yaml && at[-1] != '\n'))
        return 0;
    for (at += strlen("global:\n"); *at == ' '; at = strchr(at, '\n') + 1) {
        const char *line = at + strspn(at, " "), *end = strchr(line, '\n');
        if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':' && end) {
            line += strlen(key) + 1;
            line += strspn(line, " ");
            return gv_duration_parse((struct gv_slice){line, (size_t)(end - line)}, &ms, NULL) ? ms : 0;
        }
        if (!end)
            break;
    }
    return 0;
}

static void keep_smallest(int64_t *smallest, int64_t ms)
{
    if (ms > 0 && (!*smallest || ms < *smallest))
        *smallest = ms;
}

static void add_duration(struct gv_buf *b, const char *key, int64_t ms)
{
    gv_buf_printf(b, "  %s: ", key);
    gv_duration_print(b, ms);
    gv_buf_addc(b, '\n');
}

/* data.yaml is what a Prometheus would say of its global block; data.globalview is our own configuration. */
static bool merge_config(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err)
{
    (void)err;
    int64_t scrape = 0, evaluation = 0;
    size_t n;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    for (size_t i = 0; i < n; i++) {
        const char *yaml = answers[i].ok ? json_string_value(json_object_get(answers[i].data, "yaml")) : NULL;
        if (!yaml)
            continue;
        keep_smallest(&scrape, global_duration(yaml, "scrape_interval"));
        keep_smallest(&evaluation, global_duration(yaml, "evaluation_interval"));
    }
    struct gv_buf text = GV_BUF_INIT;
    gv_buf_adds(&text, "global:\n");
    add_duration(&text, "scrape_interval", scrape ? scrape : 60000);
    add_duration(&text, "evaluation_interval", evaluation ? evaluation : 60000);
    gv_buf_adds(out, "{\"yaml\":");
    gv_buf_add_json(out, gv_buf_slice(&text));
    gv_buf_clear(&text);
    r->l->api->ops.config_yaml(r->l->api->ops.ctx, &text);
    gv_buf_adds(out, ",\"globalview\":");
    gv_buf_add_json(out, gv_buf_slice(&text));
    gv_buf_addc(out, '}');
    gv_buf_fini(&text);
    return true;
}

const struct document document_config = {
    "/api/v1/status/config", false, {"yaml", JSON_STRING, JSON_NULL}, NULL, NULL, merge_config, false};

/* --- runtimeinfo --- */

#define DEFAULT_RETENTION_MS (INT64_C(15) * 86400 * 1000) /* of Prometheus */

struct retention { /* the smallest of all; 0: none says */
    int64_t ms, bytes;
};

/* "10GiB", "1GiB512MiB"; 0 where it is none. */
static int64_t size_of(struct gv_slice text)
{
    int64_t sum = 0, part;
    while (text.n) {
        size_t n = 0;
        while (n < text.n && text.p[n] <= '9')
            n++;
        while (n < text.n && text.p[n] > '9')
            n++;
        if (!gv_bytes_parse((struct gv_slice){text.p, n}, &part, NULL) || __builtin_add_overflow(sum, part, &sum))
            return 0;
        text = (struct gv_slice){text.p + n, text.n - n};
    }
    return sum;
}

/* "15d", "15d or 10GiB", "10GiB". */
static void keep_retention(struct retention *r, const char *text)
{
    while (text && *text) {
        const char *next = strstr(text, " or ");
        struct gv_slice part = {text, next ? (size_t)(next - text) : strlen(text)};
        int64_t ms;
        if (gv_duration_parse(part, &ms, NULL))
            keep_smallest(&r->ms, ms);
        else
            keep_smallest(&r->bytes, size_of(part));
        text = next ? next + strlen(" or ") : NULL;
    }
}

/* As Prometheus prints a size: "1GiB512MiB". */
static void add_size(struct gv_buf *b, int64_t bytes)
{
    for (int shift = 60; shift >= 0; shift -= 10)
        if (bytes >> shift & 1023)
            gv_bytes_print(b, (bytes >> shift & 1023) << shift);
}

static void add_retention(struct gv_buf *b, const struct retention *r)
{
    if (r->ms || !r->bytes)
        gv_duration_print(b, r->ms ? r->ms : DEFAULT_RETENTION_MS);
    gv_buf_adds(b, r->ms && r->bytes ? " or " : "");
    if (r->bytes)
        add_size(b, r->bytes);
}

static void add_rfc3339(struct gv_buf *b, const char *key, int64_t ms)
{
    char text[GV_TIME_TEXT_MAX];
    gv_time_format(text, ms);
    gv_buf_printf(b, ",\"%s\":\"%s\"", key, text);
}

static bool merge_runtimeinfo(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err)
{
    (void)err;
    struct retention retention = {0};
    char host[256] = "", folder[4096] = "";
    struct gv_runtime_info info = {0};
    size_t n;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    for (size_t i = 0; i < n; i++)
        if (answers[i].ok)
            keep_retention(&retention, json_string_value(json_object_get(answers[i].data, "storageRetention")));
    r->l->api->ops.runtime(r->l->api->ops.ctx, &info);
    gethostname(host, sizeof host - 1);
    if (!getcwd(folder, sizeof folder))
        folder[0] = '\0';
    gv_buf_adds(out, "{\"CWD\":");
    gv_buf_add_json(out, gv_slice_of(folder));
    gv_buf_adds(out, ",\"hostname\":");
    gv_buf_add_json(out, gv_slice_of(host));
    add_rfc3339(out, "startTime", info.start_time_ms);
    add_rfc3339(out, "serverTime", gv_clock_wall(&gv_clock_real));
    add_rfc3339(out, "lastConfigTime", info.last_config_time_ms);
    gv_buf_printf(out,
                  ",\"reloadConfigSuccess\":%s,\"corruptionCount\":0,\"goroutineCount\":%u,\"GOMAXPROCS\":%u,"
                  "\"GOMEMLIMIT\":0,\"GOGC\":\"\",\"GODEBUG\":\"\",\"storageRetention\":\"",
                  info.reload_successful ? "true" : "false", info.threads, info.threads);
    add_retention(out, &retention);
    gv_buf_adds(out, "\"}");
    return true;
}

const struct document document_runtimeinfo = {
    "/api/v1/status/runtimeinfo", false, {NULL, JSON_OBJECT, JSON_NULL}, NULL, NULL, merge_runtimeinfo, false};

/* --- tsdb --- */

struct tsdb_state {
    uint64_t limit;
};

static bool prepare_tsdb(struct request *r, struct gv_buf *form, struct gv_err *err)
{
    struct tsdb_state *s = r->state = gv_arena_new(r->x->arena, struct tsdb_state);
    form_pass(form, &r->params, "limit");
    if (!params_limit(&r->params, "limit", &s->limit, err))
        return false;
    s->limit = s->limit ? s->limit : 10; /* Prometheus's default */
    return true;
}

static const char *const summed[] = {"numSeries", "numLabelPairs", "chunkCount"};

static void write_head(const struct gv_fanout_answer *answers, size_t n, struct gv_buf *out)
{
    int64_t sums[GV_COUNT(summed)] = {0}, min_time = INT64_MAX, max_time = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        const json_t *head = answers[i].ok ? json_object_get(answers[i].data, "headStats") : NULL;
        if (!head)
            continue;
        for (size_t k = 0; k < GV_COUNT(summed); k++)
            sums[k] += json_integer_value(json_object_get(head, summed[k]));
        int64_t from = json_integer_value(json_object_get(head, "minTime"));
        int64_t to = json_integer_value(json_object_get(head, "maxTime"));
        min_time = from < min_time ? from : min_time;
        max_time = to > max_time ? to : max_time;
    }
    gv_buf_adds(out, "\"headStats\":{");
    for (size_t k = 0; k < GV_COUNT(summed); k++)
        gv_buf_printf(out, "\"%s\":%lld,", summed[k], (long long)sums[k]);
    gv_buf_printf(out, "\"minTime\":%lld,\"maxTime\":%lld}", (long long)min_time, (long long)max_time);
}

struct stat {
    struct gv_slice name;
    int64_t value;
};

static int by_value(const void *a, const void *b)
{
    const struct stat *x = *(struct stat *const *)a, *y = *(struct stat *const *)b;
    return x->value != y->value ? (x->value < y->value ? 1 : -1) : gv_slice_cmp(x->name, y->name);
}

static void write_stats(struct gv_fanout *f, const char *list, uint64_t limit, struct gv_buf *out)
{
    struct gv_arena *a = gv_fanout_arena(f);
    struct gv_map seen;
    struct stat **all = NULL;
    size_t n, n_all = 0, cap = 0;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    gv_map_init(&seen, a);
    for (size_t i = 0; i < n; i++) {
        const json_t *stats = answers[i].ok ? json_object_get(answers[i].data, list) : NULL;
        for (size_t k = 0; k < json_array_size(stats); k++) {
            struct gv_slice name = json_slice(json_object_get(json_array_get(stats, k), "name"));
            void **at = gv_map_at(&seen, gv_hash(name.p, name.n), name);
            if (!*at)
                *at = gv_push(a, all, n_all, cap) = gv_arena_new(a, struct stat);
            struct stat *s = *at;
            s->name = name;
            s->value += json_integer_value(json_object_get(json_array_get(stats, k), "value"));
        }
    }
    if (n_all)
        qsort(all, n_all, sizeof *all, by_value);
    gv_buf_printf(out, ",\"%s\":[", list);
    for (size_t i = 0; i < n_all && i < limit; i++) {
        gv_buf_adds(out, i ? ",{\"name\":" : "{\"name\":");
        gv_buf_add_json(out, all[i]->name);
        gv_buf_printf(out, ",\"value\":%lld}", (long long)all[i]->value);
    }
    gv_buf_addc(out, ']');
}

static const char *const stat_lists[] = {"seriesCountByMetricName", "labelValueCountByLabelName",
                                         "memoryInBytesByLabelName", "seriesCountByLabelValuePair"};

static bool merge_tsdb(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err)
{
    (void)err;
    size_t n;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    gv_buf_addc(out, '{');
    write_head(answers, n, out);
    for (size_t k = 0; k < GV_COUNT(stat_lists); k++)
        write_stats(f, stat_lists[k], ((struct tsdb_state *)r->state)->limit, out);
    gv_buf_addc(out, '}');
    return true;
}

const struct document document_tsdb = {
    "/api/v1/status/tsdb", false, {NULL, JSON_OBJECT, JSON_NULL}, prepare_tsdb, NULL, merge_tsdb, false};
