/* query: asks /api/v1/query of a running server and prints what comes back as a table.
 *
 *   vector: one column per label name, one for the value     matrix: the same, a line per sample with its time
 *   scalar, string: the value alone                          warnings and infos: on stderr */
#include "app/command.h"
#include "app/fetch.h"
#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 180000 };

struct table {
    struct gv_arena *arena;
    const char **columns; /* label names, sorted */
    size_t n_columns, columns_cap;
    const char ***rows; /* a cell per column, then time and value */
    size_t n_rows, rows_cap;
    bool times;
};

/* --- arguments --- */

struct ask {
    const char *url, *query, *time;
};

static bool take(const char *arg, const char *next, const char *flag, const char **value, int *used)
{
    size_t n = strlen(flag);
    if (strncmp(arg, flag, n) != 0 || (arg[n] != '=' && arg[n]))
        return false;
    *value = arg[n] ? arg + n + 1 : next;
    *used = arg[n] ? 0 : 1;
    return true;
}

static bool parse(struct ask *ask, int argc, char **argv, struct gv_err *err)
{
    for (int i = 0; i < argc; i++) {
        int used = 0;
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (take(argv[i], next, "--url", &ask->url, &used) || take(argv[i], next, "--time", &ask->time, &used))
            i += used;
        else if (strncmp(argv[i], "--", 2) == 0)
            return gv_fail(err, GV_BAD_DATA, "query: unknown flag %s (there are --url and --time)", argv[i]);
        else if (ask->query)
            return gv_fail(err, GV_BAD_DATA, "query: one query at a time: put it in quotes");
        else
            ask->query = argv[i];
    }
    return (ask->url && ask->query) ||
           gv_fail(err, GV_BAD_DATA, "usage: globalview query [--url=URL] [--time=TIME] 'QUERY'");
}

/* --- the reply as a table --- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void collect_columns(struct table *t, json_t *result)
{
    size_t i;
    json_t *series, *value;
    const char *name;
    json_t *seen = json_object();
    json_array_foreach(result, i, series)
        json_object_foreach(json_object_get(series, "metric"), name, value) if (!json_object_get(seen, name))
    {
        json_object_set_new(seen, name, json_true());
        gv_push(t->arena, t->columns, t->n_columns, t->columns_cap) = gv_arena_dup(t->arena, gv_slice_of(name)).p;
    }
    json_decref(seen);
    if (t->n_columns)
        qsort(t->columns, t->n_columns, sizeof *t->columns, by_text);
}

/* A label's value as one cell: line breaks and terminal escapes would draw another table. */
static const char *cell_of(struct gv_arena *a, const char *value)
{
    bool plain = true;
    for (const char *p = value; *p; p++)
        plain &= (unsigned char)*p >= ' ' && *p != 0x7f;
    if (plain)
        return gv_arena_dup(a, gv_slice_of(value)).p;
    struct gv_buf quoted = GV_BUF_INIT;
    gv_buf_add_quoted(&quoted, gv_slice_of(value));
    const char *cell = gv_arena_dup(a, gv_buf_slice(&quoted)).p;
    gv_buf_fini(&quoted);
    return cell;
}

static const char *text_of(struct gv_arena *a, const json_t *v)
{
    if (json_is_string(v))
        return gv_arena_dup(a, gv_slice_of(json_string_value(v))).p;
    char *dumped = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    const char *copy = gv_arena_dup(a, gv_slice_of(dumped ? dumped : "")).p;
    free(dumped);
    return copy;
}

static void add_row(struct table *t, json_t *series, json_t *point)
{
    const char **cells = gv_arena_array(t->arena, const char *, t->n_columns + 2);
    json_t *metric = json_object_get(series, "metric");
    for (size_t i = 0; i < t->n_columns; i++) {
        const char *value = json_string_value(json_object_get(metric, t->columns[i]));
        cells[i] = value ? cell_of(t->arena, value) : "";
    }
    cells[t->n_columns] = text_of(t->arena, json_array_get(point, 0));
    cells[t->n_columns + 1] = text_of(t->arena, json_array_get(point, 1));
    gv_push(t->arena, t->rows, t->n_rows, t->rows_cap) = cells;
}

static void add_series(struct table *t, json_t *series)
{
    static const char *const single[] = {"value", "histogram"}, *const many[] = {"values", "histograms"};
    for (size_t k = 0; k < 2; k++) {
        json_t *point = json_object_get(series, single[k]);
        if (point)
            add_row(t, series, point);
        size_t i;
        json_array_foreach(json_object_get(series, many[k]), i, point) add_row(t, series, point);
    }
}

static void print_cells(struct gv_buf *out, const struct table *t, const char *const *cells, const size_t *widths)
{
    for (size_t i = 0; i < t->n_columns + 2; i++) {
        bool last = i == t->n_columns + 1;
        if (i == t->n_columns && !t->times)
            continue;
        gv_buf_adds(out, cells[i]);
        if (!last)
            gv_buf_printf(out, "%*s", (int)(widths[i] - strlen(cells[i])) + 2, "");
    }
    gv_buf_addc(out, '\n');
}

static void print_table(struct gv_buf *out, struct table *t)
{
    const char **head = gv_arena_array(t->arena, const char *, t->n_columns + 2);
    size_t *widths = gv_arena_array(t->arena, size_t, t->n_columns + 2);
    for (size_t i = 0; i < t->n_columns; i++)
        head[i] = strcmp(t->columns[i], "__name__") == 0 ? "NAME" : t->columns[i];
    head[t->n_columns] = "TIME";
    head[t->n_columns + 1] = "VALUE";
    for (size_t i = 0; i < t->n_columns + 2; i++)
        for (size_t k = 0; k <= t->n_rows; k++) {
            size_t n = strlen(k ? t->rows[k - 1][i] : head[i]);
            widths[i] = n > widths[i] ? n : widths[i];
        }
    print_cells(out, t, head, widths);
    for (size_t k = 0; k < t->n_rows; k++)
        print_cells(out, t, t->rows[k], widths);
}

static void print_result(struct gv_buf *out, json_t *data)
{
    const char *type = json_string_value(json_object_get(data, "resultType"));
    json_t *result = json_object_get(data, "result");
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    if (type && (strcmp(type, "scalar") == 0 || strcmp(type, "string") == 0)) {
        gv_buf_printf(out, "%s\n", text_of(&a, json_array_get(result, 1)));
    } else {
        struct table t = {.arena = &a, .times = type && strcmp(type, "matrix") == 0};
        size_t i;
        json_t *series;
        collect_columns(&t, result);
        json_array_foreach(result, i, series) add_series(&t, series);
        if (t.n_rows)
            print_table(out, &t);
        else
            fputs("no series\n", stderr);
    }
    gv_arena_fini(&a);
}

static void print_notes(json_t *reply, const char *key, const char *word)
{
    size_t i;
    json_t *note;
    json_array_foreach(json_object_get(reply, key), i, note)
        fprintf(stderr, "%s: %s\n", word, json_string_value(note) ? json_string_value(note) : "");
}

static int show(const struct gv_fetched *got)
{
    json_t *reply = json_loadb(got->body.p ? got->body.p : "", got->body.n, 0, NULL);
    const char *status = json_string_value(json_object_get(reply, "status"));
    if (!status) {
        json_decref(reply);
        return gv_complain(GV_EXIT_FAILED, "HTTP status %ld and no JSON reply: is that the URL of a query API?",
                           got->status);
    }
    print_notes(reply, "warnings", "warning");
    print_notes(reply, "infos", "info");
    int exit_status;
    if (strcmp(status, "success") == 0) {
        struct gv_buf out = GV_BUF_INIT;
        print_result(&out, json_object_get(reply, "data"));
        exit_status = gv_print_out(&out);
    } else {
        const char *error = json_string_value(json_object_get(reply, "error"));
        exit_status = gv_complain(GV_EXIT_FAILED, "%s", error ? error : "the query failed");
    }
    json_decref(reply);
    return exit_status;
}

static void add_param(struct gv_buf *form, const char *name, const char *value)
{
    char *encoded = curl_easy_escape(NULL, value, (int)strlen(value));
    gv_buf_printf(form, "%s%s=%s", form->n ? "&" : "", name, encoded ? encoded : "");
    curl_free(encoded);
}

int gv_query_main(int argc, char **argv)
{
    struct ask ask = {.url = GV_DEFAULT_URL};
    struct gv_err err = {0};
    if (!parse(&ask, argc, argv, &err))
        return gv_complain(GV_EXIT_USAGE, "%s", err.msg);
    struct gv_buf url = GV_BUF_INIT, form = GV_BUF_INIT;
    gv_buf_adds(&url, ask.url);
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    gv_buf_adds(&url, "/api/v1/query");
    add_param(&form, "query", ask.query);
    if (ask.time)
        add_param(&form, "time", ask.time);
    struct gv_fetched got = {0};
    bool ok = gv_fetch(gv_buf_cstr(&url), gv_buf_cstr(&form), TIMEOUT_MS, &got, &err);
    int status = ok ? show(&got) : gv_complain(GV_EXIT_FAILED, "%s", err.msg);
    gv_buf_fini(&got.body);
    gv_buf_fini(&url);
    gv_buf_fini(&form);
    return status;
}
