/* What a query reply means, by jansson and a plain walk over its tree: the judge of the streaming decoder.
 * A meaning is written as text, so that two of them are equal when their texts are. */
#pragma once
#include "base/number.h"
#include "codec/result_decoder.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>

enum verdict {
    REFUSED,
    ACCEPTED,
    UNDECIDED /* numbers too large for jansson, duplicates in parts that nobody reads: both verdicts are right */
};

static void write_labels(struct gv_buf *out, const struct gv_labels *l)
{
    gv_labels_print_set(out, l);
    gv_buf_addc(out, ' ');
}

static void write_notes(struct gv_buf *out, const struct gv_annotations *notes)
{
    for (size_t i = 0; i < notes->n_warnings; i++)
        gv_buf_printf(out, "warning %.*s\n", GV_ARG(notes->warnings[i]));
    for (size_t i = 0; i < notes->n_infos; i++)
        gv_buf_printf(out, "info %.*s\n", GV_ARG(notes->infos[i]));
}

static void write_error(struct gv_buf *out, struct gv_slice type, struct gv_slice message)
{
    gv_buf_adds(out, "error ");
    gv_buf_add_json(out, type);
    gv_buf_add_json(out, message);
}

static void write_single(struct gv_buf *out, enum gv_result_type type, int64_t time, double scalar,
                         struct gv_slice text)
{
    gv_buf_printf(out, "%s %lld ", gv_result_type_text(type), (long long)time);
    if (type == GV_RESULT_SCALAR)
        gv_buf_add_double(out, scalar);
    else
        gv_buf_add_json(out, text);
    gv_buf_addc(out, '\n');
}

static void write_tree(struct gv_buf *out, const char *name, json_t *tree)
{
    char *text = json_dumps(tree, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
    gv_buf_printf(out, "%s %zu %s ", name, json_array_size(tree), text ? text : "?");
    free(text);
}

/* ---- the meaning by jansson ---- */

static size_t depth_of_tree(json_t *t)
{
    size_t deepest = 0, i;
    const char *key;
    json_t *child;
    if (json_is_object(t)) {
        json_object_foreach(t, key, child)
        {
            size_t depth = depth_of_tree(child);
            deepest = depth > deepest ? depth : deepest;
        }
    } else if (json_is_array(t)) {
        json_array_foreach(t, i, child)
        {
            size_t depth = depth_of_tree(child);
            deepest = depth > deepest ? depth : deepest;
        }
    } else {
        return 0;
    }
    return deepest + 1;
}

static struct gv_slice string_of(json_t *t)
{
    return (struct gv_slice){json_string_value(t), json_string_length(t)};
}

static bool oracle_time(json_t *t, int64_t *ms)
{
    double seconds = json_number_value(t);
    if (!json_is_number(t) || fabs(seconds) > 9e15)
        return false;
    *ms = llround(seconds * 1000);
    return true;
}

static bool oracle_number(json_t *t)
{
    double v;
    return json_is_string(t) && gv_double_parse(string_of(t), &v);
}

static bool oracle_histogram(json_t *h)
{
    json_t *buckets = json_object_get(h, "buckets"), *b;
    size_t i;
    if (!json_is_object(h) || !oracle_number(json_object_get(h, "count")) ||
        !oracle_number(json_object_get(h, "sum")) || (buckets && !json_is_array(buckets)))
        return false;
    json_array_foreach(buckets, i, b)
    {
        json_int_t rule = json_integer_value(json_array_get(b, 0));
        if (json_array_size(b) != 4 || !json_is_integer(json_array_get(b, 0)) || rule < 0 || rule > 3)
            return false;
        for (size_t k = 1; k < 4; k++)
            if (!oracle_number(json_array_get(b, k)))
                return false;
    }
    return true;
}

static bool oracle_point(json_t *p, bool histogram)
{
    int64_t ms;
    json_t *value = json_array_get(p, 1);
    return json_is_array(p) && json_array_size(p) == 2 && oracle_time(json_array_get(p, 0), &ms) &&
           (histogram ? oracle_histogram(value) : oracle_number(value));
}

static bool oracle_points(json_t *points, bool histogram)
{
    size_t i;
    json_t *p;
    if (!json_is_array(points))
        return false;
    json_array_foreach(points, i, p) if (!oracle_point(p, histogram)) return false;
    return true;
}

static const struct gv_labels *oracle_labels(json_t *metric, const struct gv_mapping *m, struct gv_arena *a)
{
    struct gv_labels_builder b, final;
    gv_labels_builder_init(&b, a, NULL);
    gv_labels_builder_init(&final, a, NULL);
    const char *name;
    json_t *value;
    json_object_foreach(metric, name, value)
    {
        if (!json_is_string(value) || !*name)
            return NULL;
        gv_labels_set(&b, gv_slice_of(name), string_of(value));
    }
    return gv_mapping_apply(m, &final, a, gv_labels_build(&b, a));
}

static bool oracle_series(json_t *s, bool matrix, const struct gv_mapping *m, struct gv_arena *a, struct gv_buf *out)
{
    json_t *floats = json_object_get(s, matrix ? "values" : "value");
    json_t *histograms = json_object_get(s, matrix ? "histograms" : "histogram");
    if (!json_is_object(s) || !json_is_object(json_object_get(s, "metric")) || (!floats && !histograms) ||
        json_object_get(s, matrix ? "value" : "values") || json_object_get(s, matrix ? "histogram" : "histograms") ||
        (!matrix && floats && histograms))
        return false;
    bool (*check)(json_t *, bool) = matrix ? oracle_points : oracle_point;
    if ((floats && !check(floats, false)) || (histograms && !check(histograms, true)))
        return false;
    const struct gv_labels *labels = oracle_labels(json_object_get(s, "metric"), m, a);
    if (!labels)
        return false;
    write_labels(out, labels);
    if (floats && (!matrix || json_array_size(floats)))
        write_tree(out, "floats", floats);
    if (histograms && (!matrix || json_array_size(histograms)))
        write_tree(out, "histograms", histograms);
    gv_buf_addc(out, '\n');
    return true;
}

static bool oracle_result(json_t *data, const struct gv_mapping *m, struct gv_arena *a, struct gv_buf *out)
{
    const char *type = json_string_value(json_object_get(data, "resultType"));
    json_t *result = json_object_get(data, "result"), *s;
    size_t i;
    if (!type || !result || !(json_is_array(result) || json_is_null(result)))
        return false;
    if (!strcmp(type, "scalar") || !strcmp(type, "string")) {
        int64_t ms;
        double v = 0;
        json_t *value = json_array_get(result, 1);
        if (json_array_size(result) != 2 || !oracle_time(json_array_get(result, 0), &ms) || !json_is_string(value))
            return false;
        bool scalar = *type == 's' && type[1] == 'c';
        if (scalar && !gv_double_parse(string_of(value), &v))
            return false;
        write_single(out, scalar ? GV_RESULT_SCALAR : GV_RESULT_STRING, ms, v, string_of(value));
        return true;
    }
    if (strcmp(type, "vector") && strcmp(type, "matrix"))
        return false;
    gv_buf_printf(out, "%s\n", type);
    json_array_foreach(result, i, s) if (!oracle_series(s, *type == 'm', m, a, out)) return false;
    return true;
}

static bool oracle_notes(json_t *reply, const char *name, struct gv_annotations *notes)
{
    json_t *list = json_object_get(reply, name), *text;
    size_t i;
    if (list && !json_is_array(list) && !json_is_null(list))
        return false;
    json_array_foreach(list, i, text)
    {
        if (!json_is_string(text))
            return false;
        if (*name == 'w')
            gv_warn(notes, "%.*s", GV_ARG(string_of(text)));
        else
            gv_info(notes, "%.*s", GV_ARG(string_of(text)));
    }
    return true;
}

/* Members that are there although the status says that they do not count must be well-formed too. */
static bool oracle_data_is_sound(json_t *data, const struct gv_mapping *m, struct gv_arena *a)
{
    struct gv_buf ignored = GV_BUF_INIT;
    bool sound = !data || json_is_null(data) || (json_is_object(data) && oracle_result(data, m, a, &ignored));
    gv_buf_fini(&ignored);
    return sound;
}

static enum verdict oracle_reply(json_t *reply, const struct gv_mapping *m, struct gv_arena *a, struct gv_buf *out)
{
    json_t *status = json_object_get(reply, "status"), *data = json_object_get(reply, "data");
    json_t *type = json_object_get(reply, "errorType"), *message = json_object_get(reply, "error");
    json_t *partial = json_object_get(reply, "isPartial");
    if (!json_is_object(reply) || !json_is_string(status) || (type && !json_is_string(type)) ||
        (message && !json_is_string(message)) || (partial && !json_is_boolean(partial)) || depth_of_tree(reply) > 64)
        return REFUSED;
    struct gv_annotations notes;
    gv_annotations_init(&notes, a);
    if (!oracle_notes(reply, "warnings", &notes) || !oracle_notes(reply, "infos", &notes))
        return REFUSED;
    if (!strcmp(json_string_value(status), "error")) {
        write_error(out, string_of(type), string_of(message));
        return oracle_data_is_sound(data, m, a) ? ACCEPTED : UNDECIDED;
    }
    if (strcmp(json_string_value(status), "success") || !json_is_object(data) || !oracle_result(data, m, a, out))
        return REFUSED;
    if (json_is_true(partial))
        return UNDECIDED; /* its warning stands where the member stood, which the tree has forgotten */
    write_notes(out, &notes);
    return ACCEPTED;
}

static bool is_only_about_duplicates(const char *text, size_t n)
{
    json_t *t = json_loadb(text, n, JSON_ALLOW_NUL, NULL);
    json_decref(t);
    return t != NULL;
}

static enum verdict oracle_decode(const char *text, size_t n, const struct gv_mapping *m, struct gv_buf *out)
{
    json_error_t why;
    if (n && memchr(text, '\0', n))
        return REFUSED; /* jansson overlooks it behind a number */
    json_t *reply = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (!reply) {
        enum json_error_code code = json_error_code(&why);
        return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
                       is_only_about_duplicates(text, n)
                   ? UNDECIDED
                   : REFUSED;
    }
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    enum verdict v = oracle_reply(reply, m, &a, out);
    gv_arena_fini(&a);
    json_decref(reply);
    return v;
}

/* ---- the meaning by the decoder ---- */

static void write_span(struct gv_buf *out, const char *name, const struct gv_text *text, uint32_t n, bool list)
{
    if (!text)
        return;
    struct gv_buf json = GV_BUF_INIT;
    if (list)
        gv_buf_addc(&json, '[');
    for (; text; text = text->next)
        gv_buf_add(&json, text->p, text->n);
    if (list)
        gv_buf_addc(&json, ']');
    json_t *tree = json_loadb(json.p, json.n, JSON_ALLOW_NUL, NULL);
    if (!tree || (list && json_array_size(tree) != n))
        gv_die("a span of %u points is not what it says: %.*s", n, GV_ARG(gv_buf_slice(&json)));
    write_tree(out, name, tree);
    json_decref(tree);
    gv_buf_fini(&json);
}

static void write_steps(struct gv_buf *out, const struct gv_steps_column *c, const struct gv_grid *grid)
{
    for (uint32_t i = 0; i < grid->n; i++) {
        if (!gv_bit(c->present, i))
            continue;
        gv_buf_printf(out, "%u=", i);
        gv_buf_add_double(out, c->values[i]);
        gv_buf_addc(out, ' ');
    }
}

static void write_series(struct gv_buf *out, const struct gv_result *r, const struct gv_series *s)
{
    const struct gv_span_column *c = &s->column.span;
    bool list = r->type == GV_RESULT_MATRIX;
    write_labels(out, s->labels);
    if (s->column.kind == GV_COLUMN_STEPS) {
        write_steps(out, &s->column.steps, &r->grid);
    } else {
        write_span(out, "floats", c->floats, c->n_floats, list);
        write_span(out, "histograms", c->histograms, c->n_histograms, list);
    }
    gv_buf_addc(out, '\n');
}

static void write_result(struct gv_buf *out, const struct gv_result *r)
{
    if (r->type == GV_RESULT_SCALAR || r->type == GV_RESULT_STRING) {
        write_single(out, r->type, r->time, r->scalar, r->string);
    } else {
        gv_buf_printf(out, "%s\n", gv_result_type_text(r->type));
        for (size_t i = 0; i < r->n; i++)
            write_series(out, r, &r->series[i]);
    }
    write_notes(out, &r->notes);
}

/* Feeds the text in pieces of the sizes given (again and again; each piece at an address of its own, freed after use,
 * so that nothing can be borrowed from it), and writes what it means. */
static bool stream_decode(const char *text, size_t n, const struct gv_result_decoder_options *o, const size_t *pieces,
                          size_t n_pieces, struct gv_buf *out, struct gv_err *err)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_result_decoder *d = gv_result_decoder_new(&a, o);
    bool ok = true;
    for (size_t at = 0, i = 0; ok && at < n; i++) {
        size_t size = n_pieces && pieces[i % n_pieces] ? pieces[i % n_pieces] : n;
        if (size > n - at)
            size = n - at;
        char *piece = malloc(size);
        memcpy(piece, text + at, size);
        ok = gv_result_decoder_feed(d, piece, size, err);
        free(piece);
        at += size;
    }
    struct gv_result result;
    struct gv_backend_error backend;
    ok = ok && gv_result_decoder_finish(d, &result, &backend, err);
    if (ok && backend.present)
        write_error(out, backend.type, backend.message);
    else if (ok)
        write_result(out, &result);
    gv_arena_fini(&a);
    return ok;
}
