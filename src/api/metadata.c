/* /metadata: per metric the union of what the clusters say, one entry for each different one; and /targets/metadata,
 * the same per target. */
#include "api/documents.h"
#include "base/number.h"
#include <stdlib.h>

struct metadata_state {
    int64_t limit, limit_per_metric; /* below 0: none */
};

/* These two routes have words of their own for what is no number. */
static bool read_limit(struct request *r, const char *name, int64_t *limit, struct gv_err *err)
{
    struct gv_slice text = gv_url_params_get(&r->params, name);
    *limit = -1;
    return !text.n || gv_int64_parse(text, limit) || gv_fail(err, GV_BAD_DATA, "%s must be a number", name);
}

static bool is_within(int64_t limit, uint64_t n)
{
    return limit < 0 || n < (uint64_t)limit;
}

static bool prepare(struct request *r, struct gv_buf *form, struct gv_err *err)
{
    struct metadata_state *s = r->state = gv_arena_new(r->x->arena, struct metadata_state);
    form_pass(form, &r->params, "metric");
    bool ok = read_limit(r, "limit", &s->limit, err) && read_limit(r, "limit_per_metric", &s->limit_per_metric, err);
    if (!s->limit_per_metric) /* unlike the other */
        s->limit_per_metric = -1;
    return ok;
}

struct entries { /* of one metric */
    struct gv_slice name;
    const json_t **at;
    size_t n, cap;
};

static void add_entries(struct gv_arena *a, struct entries *to, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        bool known = false;
        for (size_t k = 0; !known && k < to->n; k++)
            known = json_equal(to->at[k], entry);
        if (!known)
            gv_push(a, to->at, to->n, to->cap) = entry;
    }
}

static struct entries **collect(struct gv_fanout *f, size_t *n_metrics)
{
    struct gv_arena *a = gv_fanout_arena(f);
    struct gv_map by_name;
    struct entries **all = NULL;
    size_t n, cap = 0;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    gv_map_init(&by_name, a);
    *n_metrics = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name;
        json_t *list;
        if (!answers[i].ok)
            continue;
        json_object_foreach(answers[i].data, name, list)
        {
            struct gv_slice key = gv_slice_of(name);
            void **at = gv_map_at(&by_name, gv_hash(key.p, key.n), key);
            if (!*at) {
                struct entries *e = gv_arena_new(a, struct entries);
                e->name = key;
                *at = gv_push(a, all, *n_metrics, cap) = e;
            }
            add_entries(a, *at, list);
        }
    }
    return all;
}

static int by_name(const void *a, const void *b)
{
    return gv_slice_cmp((*(struct entries *const *)a)->name, (*(struct entries *const *)b)->name);
}

static bool merge(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err)
{
    (void)err;
    const struct metadata_state *s = r->state;
    size_t n;
    struct entries **all = collect(f, &n);
    if (n)
        qsort(all, n, sizeof *all, by_name);
    gv_buf_addc(out, '{');
    for (size_t i = 0; i < n && is_within(s->limit, i); i++) {
        if (i)
            gv_buf_addc(out, ',');
        gv_buf_add_json(out, all[i]->name);
        gv_buf_adds(out, ":[");
        for (size_t k = 0; k < all[i]->n && is_within(s->limit_per_metric, k); k++) {
            if (k)
                gv_buf_addc(out, ',');
            json_write(out, all[i]->at[k]);
        }
        gv_buf_addc(out, ']');
    }
    gv_buf_addc(out, '}');
    return true;
}

const struct document document_metadata = {
    "/api/v1/metadata", false, {NULL, JSON_OBJECT, JSON_ARRAY}, prepare, NULL, merge, true};

/* --- per target --- */

struct target_state {
    struct selectors match;
    int64_t limit;
    struct gv_slice passed;
};

static bool prepare_targets(struct request *r, struct gv_buf *form, struct gv_err *err)
{
    struct target_state *s = r->state = gv_arena_new(r->x->arena, struct target_state);
    form_pass(form, &r->params, "metric");
    s->passed = gv_arena_dup(r->x->arena, gv_buf_slice(form));
    struct gv_err why = {0};
    if (params_has(&r->params, "match_target") && !selectors_read(&s->match, r, "match_target", &why))
        return gv_fail(err, why.code, "invalid parameter \"match_target\": %s", why.msg);
    return read_limit(r, "limit", &s->limit, err);
}

static bool shape_targets(struct request *r, const struct gv_cluster *c, struct gv_arena *a, const char **path,
                          struct gv_slice *form)
{
    (void)path;
    const struct target_state *s = r->state;
    return selectors_shape(&s->match, "match_target", s->passed, c, a, form);
}

static bool merge_targets(struct request *r, struct gv_fanout *f, struct gv_buf *out, struct gv_err *err)
{
    (void)err;
    const struct target_state *s = r->state;
    uint64_t written = 0;
    size_t n;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    gv_buf_addc(out, '[');
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; answers[i].ok && k < json_array_size(answers[i].data); k++) {
            const json_t *entry = json_array_get(answers[i].data, k);
            if (!is_within(s->limit, written))
                break;
            gv_buf_adds(out, written++ ? ",{" : "{");
            json_write_members(out, entry, "target");
            gv_buf_adds(out, "\"target\":");
            json_write_labels(out, answers[i].cluster, gv_fanout_arena(f), json_object_get(entry, "target"));
            gv_buf_addc(out, '}');
        }
    gv_buf_addc(out, ']');
    return true;
}

const struct document document_target_metadata = {"/api/v1/targets/metadata",
                                                  false,
                                                  {NULL, JSON_ARRAY, JSON_OBJECT},
                                                  prepare_targets,
                                                  shape_targets,
                                                  merge_targets,
                                                  false};
