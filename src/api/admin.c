/* /admin/tsdb/{delete_series,clean_tombstones,snapshot}: on the embedded store alone, on a thread that it has for that.
 * Nothing of it is handed on to the clusters: their servers are not ours to change. */
#include "api/handlers.h"
#include "promql/parse.h"
#include "query/local.h"

struct admin {
    struct gv_work work;
    struct request *r;
    struct gv_store *store;
    bool (*act)(struct admin *a, struct gv_err *err); /* on that thread */
    struct gv_err err;
    struct gv_store_matchers *sets;
    size_t n_sets;
    int64_t min_time, max_time; /* ms */
    bool skip_head;
    char name[64]; /* of the snapshot; empty: nothing to say */
};

static void run(struct gv_work *w)
{
    struct admin *a = container_of(w, struct admin, work);
    a->act(a, &a->err);
}

static void done(struct gv_message *m)
{
    struct admin *a = container_of(m, struct admin, work.done);
    struct request *r = a->r;
    r->busy = false;
    if (r->canceled) {
        gv_http_abandon(r->x);
    } else if (a->err.code != GV_OK) {
        reply_error(r, &a->err);
    } else if (*a->name) {
        gv_buf_printf(&r->body, "{\"name\":\"%s\"}", a->name);
        reply_data(r, NULL);
    } else {
        reply_text(r, 204, NULL, (struct gv_slice){NULL, 0});
    }
}

static struct admin *begin(struct request *r, bool (*act)(struct admin *a, struct gv_err *err))
{
    if (!r->settings->local) {
        reply_fail(r, GV_UNAVAILABLE,
                   "there is no embedded store to act on: switch `storage` on, or ask the cluster's own server");
        return NULL;
    }
    struct admin *a = gv_arena_new(r->x->arena, struct admin);
    *a = (struct admin){.work = {.fn = run, .done.fn = done}, .r = r, .store = r->settings->local->store, .act = act};
    return a;
}

static void submit(struct admin *a)
{
    a->r->busy = true;
    gv_workers_submit(a->r->settings->local->admin, a->r->l->env.loop, &a->work);
}

/* ---- delete_series ---- */

static bool read_set(struct admin *a, struct gv_slice text, struct gv_store_matchers *set, struct gv_err *err)
{
    struct request *r = a->r;
    struct gv_err why = {0};
    const struct gv_selector *s = gv_promql_parse_selector(r->x->arena, text, &why);
    if (!s)
        return gv_fail(err, why.code, "invalid parameter \"match[]\": %s", why.msg);
    struct gv_matcher *m = gv_arena_array(r->x->arena, struct gv_matcher, s->n_matchers + 1);
    memcpy(m, s->matchers, s->n_matchers * sizeof *m);
    *set = (struct gv_store_matchers){m, s->n_matchers};
    return !r->cluster.n || gv_matcher_make(&m[set->n++], r->x->arena, GV_MATCH_EQ,
                                            gv_slice_of(r->settings->clusters->label), r->cluster, err);
}

/* The cluster that alone can match, where it is asked at its endpoints and the store holds nothing of it from
 * before: what it holds itself, nobody here can delete. */
static const struct gv_cluster *asked_cluster(const struct request *r, const struct gv_store_matchers *set)
{
    const struct gv_clusters *cs = r->settings->clusters;
    for (size_t i = 0; i < set->n; i++) {
        const struct gv_matcher *m = &set->matchers[i];
        const struct gv_cluster *c =
            m->type == GV_MATCH_EQ && gv_slice_is(m->name, cs->label) ? gv_clusters_find(cs, m->value) : NULL;
        if (c && c->config->n_endpoints && !gv_local_has(r->settings->local, gv_slice_of(cs->label), c->name))
            return c;
    }
    return NULL;
}

static bool check_deletion(const struct admin *a, struct gv_err *err)
{
    const struct gv_cluster *c = NULL;
    for (size_t i = 0; i < a->n_sets; i++)
        if (!(c = asked_cluster(a->r, &a->sets[i])))
            return true;
    return gv_fail(err, GV_BAD_DATA,
                   "cluster \"%.*s\" is asked at its endpoints: only the embedded store's series can be deleted here; "
                   "delete them there",
                   GV_ARG(c->name));
}

static bool read_deletion(struct admin *a, struct gv_err *err)
{
    struct request *r = a->r;
    const struct gv_slice *texts = params_all(&r->params, "match[]", r->x->arena, &a->n_sets);
    if (!a->n_sets)
        return gv_fail(err, GV_BAD_DATA, "no match[] parameter provided");
    a->sets = gv_arena_array(r->x->arena, struct gv_store_matchers, a->n_sets);
    for (size_t i = 0; i < a->n_sets; i++)
        if (!read_set(a, texts[i], &a->sets[i], err))
            return false;
    return check_deletion(a, err) && params_time(&r->params, "start", INT64_MIN, &a->min_time, err) &&
           params_time(&r->params, "end", INT64_MAX, &a->max_time, err);
}

static bool delete_series(struct admin *a, struct gv_err *err)
{
    return gv_store_delete(a->store, a->sets, a->n_sets, a->min_time, a->max_time, err);
}

void serve_delete_series(struct request *r)
{
    struct gv_err err = {0};
    struct admin *a = begin(r, delete_series);
    if (!a)
        return;
    if (read_deletion(a, &err))
        submit(a);
    else
        reply_error(r, &err);
}

/* ---- The others ---- */

static bool clean(struct admin *a, struct gv_err *err)
{
    return gv_store_clean_tombstones(a->store, err);
}

void serve_clean_tombstones(struct request *r)
{
    struct admin *a = begin(r, clean);
    if (a)
        submit(a);
}

static bool snapshot(struct admin *a, struct gv_err *err)
{
    return gv_store_snapshot(a->store, a->skip_head, a->name, err);
}

void serve_snapshot(struct request *r)
{
    struct gv_slice skip = gv_url_params_get(&r->params, "skip_head");
    struct admin *a = begin(r, snapshot);
    if (!a)
        return;
    a->skip_head = gv_slice_is(skip, "true") || gv_slice_is(skip, "1");
    if (!skip.n || a->skip_head || gv_slice_is(skip, "false") || gv_slice_is(skip, "0"))
        submit(a);
    else
        reply_fail(r, GV_BAD_DATA, "invalid parameter \"skip_head\": unable to parse boolean \"%.*s\"", GV_ARG(skip));
}
