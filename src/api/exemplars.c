/* /query_exemplars: the selectors of the query, shaped for each cluster; exemplars with the cluster's labels. */
#include "api/documents.h"
#include "plan/selector.h"
#include "promql/parse.h"

struct exemplars_state {
    struct gv_expr *query;
    struct gv_slice passed;
};

static bool prepare(struct request *r, struct gv_buf *form, struct gv_err *err)
{
    struct exemplars_state *s = r->state = gv_arena_new(r->x->arena, struct exemplars_state);
    int64_t start, end;
    if (!params_time(&r->params, "start", INT64_MIN, &start, err) ||
        !params_time(&r->params, "end", INT64_MAX, &end, err))
        return false;
    if (end < start)
        return gv_fail(err, GV_BAD_DATA, "end timestamp must not be before start timestamp");
    s->query = gv_promql_parse(r->x->arena, gv_url_params_get(&r->params, "query"), r->settings->limits.features, err);
    if (!s->query)
        return false;
    form_pass(form, &r->params, "start");
    form_pass(form, &r->params, "end");
    s->passed = gv_arena_dup(r->x->arena, gv_buf_slice(form));
    return true;
}

struct shaping {
    const struct gv_cluster *cluster;
    struct gv_arena *arena;
    struct gv_buf text;
};

/* Backends read nothing but the selectors of the query: they are sent joined by `or`. */
static enum gv_walk add_selector(struct gv_expr *e, void *arg)
{
    struct shaping *s = arg;
    if (e->kind != GV_EXPR_SELECTOR)
        return GV_WALK_ON;
    size_t before = s->text.n;
    if (before)
        gv_buf_adds(&s->text, " or ");
    if (!gv_selector_print_for_source(&s->cluster->mapping, s->arena, &e->selector, &s->text))
        s->text.n = before;
    return GV_WALK_ON;
}

static bool shape(struct request *r, const struct gv_cluster *c, struct gv_arena *a, const char **path,
                  struct gv_slice *form)
{
    (void)path;
    struct exemplars_state *state = r->state;
    struct shaping s = {c, a, GV_BUF_INIT};
    gv_expr_walk(state->query, add_selector, &s);
    bool any = s.text.n > 0;
    struct gv_buf text = GV_BUF_INIT;
    gv_buf_add_slice(&text, state->passed);
    gv_url_add_param(&text, "query", gv_buf_slice(&s.text));
    *form = gv_arena_dup(a, gv_buf_slice(&text));
    gv_buf_fini(&text);
    gv_buf_fini(&s.text);
    return any;
}

static bool merge(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err)
{
    (void)r, (void)err;
    size_t n;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    gv_buf_addc(out, '[');
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; answers[i].ok && k < json_array_size(answers[i].data); k++) {
            json_t *series = json_array_get(answers[i].data, k);
            gv_buf_adds(out, out->p[out->n - 1] == '[' ? "{\"seriesLabels\":" : ",{\"seriesLabels\":");
            json_write_labels(out, answers[i].cluster, gv_fanout_arena(f), json_object_get(series, "seriesLabels"));
            gv_buf_adds(out, ",\"exemplars\":");
            json_write(out, json_object_get(series, "exemplars"));
            gv_buf_addc(out, '}');
        }
    gv_buf_addc(out, ']');
    return true;
}

const struct document document_exemplars = {
    "/api/v1/query_exemplars", true, {NULL, JSON_ARRAY, JSON_OBJECT}, prepare, shape, merge};
