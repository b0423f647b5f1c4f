/* /query_explain: the plan of a query, as JSON or, where text/plain is accepted, for reading. With analyze=true the
 * query runs, and how each cluster took part is added. Takes the parameters of /query, or of /query_range where `step`
 * is given. */
#include "api/query_request.h"
#include "plan/explain.h"
#include "query/explain.h"

static bool wants_text(const struct request *r)
{
    struct gv_slice accept = gv_http_request_field(&r->x->request, "Accept");
    return accept.n && memmem(accept.p, accept.n, "text/plain", strlen("text/plain")) &&
           !memmem(accept.p, accept.n, "application/json", strlen("application/json"));
}

static void add_analysis(struct gv_buf *b, const struct gv_query_outcome *o)
{
    gv_buf_printf(b, "\nran in %.1f ms, %lld samples\n", o->total_seconds * 1000, (long long)o->samples);
    for (size_t i = 0; i < o->n_parts; i++) {
        const struct gv_query_part *p = &o->parts[i];
        gv_buf_printf(b, "  %.*s: %.1f ms, %lld bytes, %lld series, %lld samples%s\n", GV_ARG(p->cluster),
                      p->seconds * 1000, (long long)p->bytes, (long long)p->series, (long long)p->samples,
                      p->failed ? ", failed" : "");
    }
}

static void reply_plan(struct request *r, const struct gv_plan *plan, const struct gv_query_outcome *o)
{
    if (wants_text(r)) {
        gv_plan_explain_text(&r->body, plan);
        if (o)
            add_analysis(&r->body, o);
        reply_text(r, 200, type_text, gv_buf_slice(&r->body));
        return;
    }
    gv_buf_adds(&r->body, "{\"plan\":");
    gv_plan_explain_json(&r->body, plan);
    if (o) {
        gv_buf_printf(&r->body, ",\"analysis\":{\"seconds\":%.6f,\"samples\":%lld", o->total_seconds,
                      (long long)o->samples);
        stats_add_clusters(&r->body, o);
        gv_buf_addc(&r->body, '}');
    }
    gv_buf_addc(&r->body, '}');
    reply_data(r, o ? &o->result->notes : NULL);
}

static void analyzed(void *arg, struct gv_query *q)
{
    struct request *r = arg;
    const struct gv_query_outcome *o = gv_query_outcome(q);
    if (r->canceled)
        gv_http_abandon(r->x);
    else if (o->err.code != GV_OK)
        reply_error(r, &o->err);
    else
        reply_plan(r, gv_query_plan(q), o);
}

void serve_explain(struct request *r)
{
    struct gv_query_request *request = gv_arena_new(r->x->arena, struct gv_query_request);
    struct gv_err err = {0};
    const struct gv_url_params *p = &r->params;
    bool range = params_has(p, "step") || params_has(p, "start") || params_has(p, "end");
    if (!(range ? query_request_range(r, request, &err) : query_request_instant(r, request, &err))) {
        reply_error(r, &err);
        return;
    }
    if (gv_slice_is(gv_url_params_get(&r->params, "analyze"), "true")) {
        r->query = gv_query_start(&r->l->env, request_take_settings(r), request, analyzed, r);
        return;
    }
    const struct gv_plan *plan = gv_query_explain(r->x->arena, r->settings, request, &err);
    if (plan)
        reply_plan(r, plan, NULL);
    else
        reply_error(r, &err);
}
