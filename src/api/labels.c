/* /labels, /label/{name}/values and /series: names and values of every cluster, in their global form.
 *
 * An injected label exists where its cluster has a matching series in the time asked for: where its answer is not
 * empty. */
#include "api/documents.h"
#include "base/utf8.h"
#include <stdlib.h>

struct labels_state {
    struct selectors match;
    uint64_t limit;
    struct gv_slice passed; /* start, end */
    struct gv_slice name;   /* of the label whose values are asked for, global form */
};

static struct labels_state *state_of(const struct request *r)
{
    return r->state;
}

static bool read_times(struct request *r, struct gv_buf *form, struct gv_err *err)
{
    int64_t start, end;
    if (!params_time(&r->params, "start", INT64_MIN, &start, err) ||
        !params_time(&r->params, "end", INT64_MAX, &end, err))
        return false;
    if (end < start)
        return gv_fail(err, GV_BAD_DATA, "invalid parameter \"end\": end timestamp must not be before start time");
    form_pass(form, &r->params, "start");
    form_pass(form, &r->params, "end");
    return true;
}

static bool prepare_labels(struct request *r, struct gv_buf *form, struct gv_err *err)
{
    struct labels_state *s = r->state = gv_arena_new(r->x->arena, struct labels_state);
    if (!selectors_read(&s->match, r, "match[]", err) || !params_limit(&r->params, "limit", &s->limit, err) ||
        !read_times(r, form, err))
        return false;
    s->passed = gv_arena_dup(r->x->arena, gv_buf_slice(form));
    return true;
}

/* Also says where nothing can match, so that the cluster is not asked. */
static bool shape_labels(struct request *r, const struct gv_cluster *c, struct gv_arena *a, const char **path,
                         struct gv_slice *form)
{
    (void)path;
    return selectors_shape(&state_of(r)->match, "match[]", state_of(r)->passed, c, a, form);
}

static void finish_set(struct request *r, struct gv_fanout *f, struct text_set *set, struct gv_buf *out)
{
    bool cut;
    text_set_write(set, state_of(r)->limit, out, &cut);
    if (cut)
        gv_warn(gv_fanout_notes(f), "results truncated due to limit");
}

static bool merge_labels(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err)
{
    (void)err;
    struct gv_arena *a = gv_fanout_arena(f);
    struct text_set set;
    size_t n;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    text_set_init(&set, a);
    for (size_t i = 0; i < n; i++) {
        const struct gv_mapping *m = &answers[i].cluster->mapping;
        size_t names = answers[i].ok ? json_array_size(answers[i].data) : 0;
        for (size_t k = 0; k < names; k++)
            text_set_add(&set, gv_mapping_to_global(m, a, json_slice(json_array_get(answers[i].data, k))));
        for (size_t k = 0; names && k < m->n; k++)
            text_set_add(&set, m->inject[k].name);
    }
    finish_set(r, f, &set, out);
    return true;
}

const struct document document_labels = {
    "/api/v1/labels", true, {NULL, JSON_ARRAY, JSON_STRING}, prepare_labels, shape_labels, merge_labels, true};

/* --- values --- */

static struct gv_slice injected_value(const struct gv_cluster *c, struct gv_slice name)
{
    for (size_t i = 0; i < c->mapping.n; i++)
        if (gv_slice_eq(c->mapping.inject[i].name, name))
            return c->mapping.inject[i].value;
    return (struct gv_slice){NULL, 0};
}

static bool prepare_values(struct request *r, struct gv_buf *form, struct gv_err *err)
{
    struct gv_slice name = r->argument;
    if (!gv_label_name_unescape(r->x->arena, r->argument, &name))
        name = r->argument;
    if (!name.n || !gv_utf8_valid(name))
        return gv_fail(err, GV_BAD_DATA, "invalid label name: \"%.*s\"", GV_ARG(r->argument));
    if (!prepare_labels(r, form, err))
        return false;
    state_of(r)->name = name;
    return true;
}

/* For an injected label the question is only whether the cluster has a matching series: any label name shows that. */
static bool shape_values(struct request *r, const struct gv_cluster *c, struct gv_arena *a, const char **path,
                         struct gv_slice *form)
{
    const struct labels_state *s = state_of(r);
    if (injected_value(c, s->name).p) {
        *path = "/api/v1/labels";
        return shape_labels(r, c, a, path, form);
    }
    struct gv_buf text = GV_BUF_INIT;
    gv_buf_adds(&text, "/api/v1/label/");
    gv_label_name_escape(&text, gv_mapping_to_backend(&c->mapping, s->name));
    gv_buf_adds(&text, "/values");
    *path = gv_arena_dup(a, gv_buf_slice(&text)).p;
    gv_buf_fini(&text);
    return shape_labels(r, c, a, path, form);
}

static bool merge_values(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err)
{
    (void)err;
    const struct labels_state *s = state_of(r);
    struct text_set set;
    size_t n;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    text_set_init(&set, gv_fanout_arena(f));
    for (size_t i = 0; i < n; i++) {
        struct gv_slice value = injected_value(answers[i].cluster, s->name);
        size_t found = answers[i].ok ? json_array_size(answers[i].data) : 0;
        if (value.p && found)
            text_set_add(&set, value);
        for (size_t k = 0; !value.p && k < found; k++)
            text_set_add(&set, json_slice(json_array_get(answers[i].data, k)));
    }
    finish_set(r, f, &set, out);
    return true;
}

const struct document document_values = {
    "/api/v1/label/", false, {NULL, JSON_ARRAY, JSON_STRING}, prepare_values, shape_values, merge_values, true};

/* --- series --- */

/* Unlike /labels, this route names the parameter in front of the parser's words. */
static bool prepare_series(struct request *r, struct gv_buf *form, struct gv_err *err)
{
    struct gv_err why = {0};
    struct selectors match;
    if (!selectors_read(&match, r, "match[]", &why))
        return gv_fail(err, why.code, "invalid parameter \"match[]\": %s", why.msg);
    if (!match.n)
        return gv_fail(err, GV_BAD_DATA, "no match[] parameter provided");
    return prepare_labels(r, form, err);
}

static int compare_labels(const void *a, const void *b)
{
    return gv_labels_cmp(*(const struct gv_labels *const *)a, *(const struct gv_labels *const *)b);
}

static bool merge_series(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err)
{
    (void)err;
    struct gv_arena *a = gv_fanout_arena(f);
    const struct gv_labels **all = NULL;
    size_t n, n_all = 0, cap = 0, written = 0;
    uint64_t limit = state_of(r)->limit;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; answers[i].ok && k < json_array_size(answers[i].data); k++)
            gv_push(a, all, n_all, cap) = json_labels(answers[i].cluster, a, json_array_get(answers[i].data, k));
    if (n_all)
        qsort(all, n_all, sizeof(const struct gv_labels *), compare_labels);
    gv_buf_addc(out, '[');
    for (size_t i = 0; i < n_all; i++) {
        if (i && gv_labels_eq(all[i - 1], all[i]))
            continue;
        if (limit && written == limit) {
            gv_warn(gv_fanout_notes(f), "results truncated due to limit");
            break;
        }
        if (written++)
            gv_buf_addc(out, ',');
        gv_labels_print_json(out, all[i]);
    }
    gv_buf_addc(out, ']');
    return true;
}

const struct document document_series = {
    "/api/v1/series", true, {NULL, JSON_ARRAY, JSON_OBJECT}, prepare_series, shape_labels, merge_series, true};
