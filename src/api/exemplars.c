/* /query_exemplars: the selectors of the query, shaped for each cluster; exemplars with the cluster's labels,
 * those of replicas that are merged once each. */
#include "api/documents.h"
#include "plan/selector.h"
#include "promql/parse.h"
#include <stdlib.h>

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

/* --- the exemplars of one series, of one answer or of several replicas --- */

struct series {
    const struct gv_labels *labels;
    struct gv_map seen; /* of replicas that are merged: exemplars, and who had them first */
    const json_t **exemplars;
    size_t n, cap;
};

struct collected {
    struct gv_arena *arena;
    struct gv_map by_labels;
    struct series **at;
    size_t n, cap;
    struct gv_buf text;
};

static struct series *series_of(struct collected *c, const struct gv_labels *l)
{
    void **at = gv_map_at(&c->by_labels, l->hash, gv_labels_bytes(l));
    if (*at)
        return *at;
    struct series *s = *at = gv_push(c->arena, c->at, c->n, c->cap) = gv_arena_new(c->arena, struct series);
    s->labels = l;
    gv_map_init(&s->seen, c->arena);
    return s;
}

/* Whether another replica had it. They scrape the same exemplar at different times: that makes no other one of it. */
static bool is_known(struct collected *c, struct series *s, const struct gv_fanout_answer *from, const json_t *exemplar)
{
    gv_buf_clear(&c->text);
    json_write(&c->text, json_object_get(exemplar, "labels"));
    json_write(&c->text, json_object_get(exemplar, "value"));
    struct gv_slice text = gv_buf_slice(&c->text);
    const struct gv_fanout_answer *first = gv_map_find(&s->seen, text);
    if (!first)
        gv_map_put(&s->seen, gv_arena_dup(c->arena, text), (void *)(uintptr_t)from);
    return first && first != from;
}

static void add_series(struct collected *c, const struct gv_fanout_answer *from, const json_t *entry)
{
    struct series *s = series_of(c, json_labels(from->cluster, c->arena, json_object_get(entry, "seriesLabels")));
    const json_t *list = json_object_get(entry, "exemplars");
    bool merged = gv_cluster_asked_replicas(from->cluster) > 1;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!merged || !is_known(c, s, from, json_array_get(list, i)))
            gv_push(c->arena, s->exemplars, s->n, s->cap) = json_array_get(list, i);
}

static int by_time(const void *a, const void *b)
{
    double x = json_number_value(json_object_get(*(const json_t *const *)a, "timestamp"));
    double y = json_number_value(json_object_get(*(const json_t *const *)b, "timestamp"));
    return (x > y) - (x < y);
}

static void write_series(const struct series *s, struct gv_buf *out)
{
    if (s->seen.n)
        qsort(s->exemplars, s->n, sizeof *s->exemplars, by_time);
    gv_buf_adds(out, "{\"seriesLabels\":");
    gv_labels_print_json(out, s->labels);
    gv_buf_adds(out, ",\"exemplars\":[");
    for (size_t i = 0; i < s->n; i++) {
        gv_buf_adds(out, i ? "," : "");
        json_write(out, s->exemplars[i]);
    }
    gv_buf_adds(out, "]}");
}

static bool merge(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err)
{
    (void)r, (void)err;
    struct collected c = {.arena = gv_fanout_arena(f)};
    size_t n;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    gv_map_init(&c.by_labels, c.arena);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; answers[i].ok && k < json_array_size(answers[i].data); k++)
            add_series(&c, &answers[i], json_array_get(answers[i].data, k));
    gv_buf_addc(out, '[');
    for (size_t i = 0; i < c.n; i++) {
        gv_buf_adds(out, i ? "," : "");
        write_series(c.at[i], out);
    }
    gv_buf_addc(out, ']');
    gv_buf_fini(&c.text);
    return true;
}

const struct document document_exemplars = {
    "/api/v1/query_exemplars", true, {NULL, JSON_ARRAY, JSON_OBJECT}, prepare, shape, merge, true};
