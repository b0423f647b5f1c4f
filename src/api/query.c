/* /query and /query_range: parameters as Prometheus takes them (web/api/v1/api.go), then one gv_query, then its reply.
 *
 * The reply is rendered while it is sent: the encoder is asked for more whenever the client has read. */
#include "api/query_request.h"
#include "base/clock.h"
#include "codec/result_encoder.h"
#include "promql/parse.h"
#include "promql/print.h"

enum { MAX_POINTS = 11000 };

struct query_state {
    struct gv_query_request request;
    struct gv_result_encoder *encoder;
};

static enum gv_stats stats_of(const struct gv_url_params *p)
{
    struct gv_slice stats = gv_url_params_get(p, "stats");
    return gv_slice_is(stats, "all") ? GV_STATS_ALL : stats.n ? GV_STATS_BASIC : GV_STATS_NONE;
}

static bool read_lookback(struct request *r, struct gv_query_request *q, struct gv_err *err)
{
    struct gv_slice text = gv_url_params_get(&r->params, "lookback_delta");
    struct gv_err why = {0};
    if (text.n && !parse_duration(text, &q->lookback_ms, &why))
        return gv_fail(err, GV_BAD_DATA, "error parsing lookback delta duration: %s", why.msg);
    if (q->lookback_ms < 0)
        q->lookback_ms = 0; /* the default, as in Prometheus */
    return true;
}

static bool read_common(struct request *r, struct gv_query_request *q, struct gv_err *err)
{
    if (!request_scope(r, err))
        return false;
    q->scope = r->scope;
    q->text = gv_url_params_get(&r->params, "query");
    q->stats = stats_of(&r->params);
    return params_limit(&r->params, "limit", &q->limit, err) && read_lookback(r, q, err);
}

bool query_request_instant(struct request *r, struct gv_query_request *q, struct gv_err *err)
{
    int64_t now = gv_clock_wall(&gv_clock_real);
    if (!read_common(r, q, err) || !params_time(&r->params, "time", now, &q->start, err))
        return false;
    q->end = q->start;
    return true;
}

/* Neither end of a range has a default, and the words are others than where there is one. */
static bool read_end(const struct gv_url_params *p, const char *name, int64_t *ms, struct gv_err *err)
{
    struct gv_slice text = gv_url_params_get(p, name);
    return gv_time_parse(text, ms) ||
           gv_fail(err, GV_BAD_DATA, "invalid parameter \"%s\": cannot parse \"%.*s\" to a valid timestamp", name,
                   GV_ARG(text));
}

static bool read_step(const struct gv_url_params *p, int64_t *ms, struct gv_err *err)
{
    if (!params_has(p, "step"))
        return gv_fail(err, GV_BAD_DATA, "invalid parameter \"step\": cannot parse \"\" to a valid duration");
    if (!params_duration(p, "step", 0, ms, err))
        return false;
    return *ms > 0 || gv_fail(err, GV_BAD_DATA,
                              "invalid parameter \"step\": zero or negative query resolution step widths are "
                              "not accepted. Try a positive integer");
}

bool query_request_range(struct request *r, struct gv_query_request *q, struct gv_err *err)
{
    const struct gv_url_params *p = &r->params;
    q->range = true;
    if (!read_common(r, q, err) || !read_end(p, "start", &q->start, err) || !read_end(p, "end", &q->end, err))
        return false;
    if (q->end < q->start)
        return gv_fail(err, GV_BAD_DATA, "invalid parameter \"end\": end timestamp must not be before start time");
    if (!read_step(p, &q->step, err))
        return false;
    uint64_t range = (uint64_t)q->end - (uint64_t)q->start; /* may be more than an int64_t holds */
    if (range / (uint64_t)q->step > MAX_POINTS)
        return gv_fail(err, GV_BAD_DATA,
                       "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing "
                       "the query resolution (?step=XX)");
    return true;
}

void stats_add_clusters(struct gv_buf *b, const struct gv_query_outcome *o)
{
    gv_buf_adds(b, ",\"clusters\":[");
    for (size_t i = 0; i < o->n_parts; i++) {
        const struct gv_query_part *p = &o->parts[i];
        gv_buf_adds(b, i ? ",{\"name\":" : "{\"name\":");
        gv_buf_add_json(b, p->cluster);
        gv_buf_printf(b,
                      ",\"replica\":%u,\"seconds\":%.6f,\"bytes\":%lld,\"series\":%lld,\"samples\":%lld,\"failed\":%s}",
                      p->replica, p->seconds, (long long)p->bytes, (long long)p->series, (long long)p->samples,
                      p->failed ? "true" : "false");
    }
    gv_buf_addc(b, ']');
}

/* Prometheus's shape (util/stats: QueryStats), and `clusters` where all was asked for. */
static struct gv_slice stats_json(struct gv_query *q, const struct gv_query_request *request)
{
    const struct gv_query_outcome *o = gv_query_outcome(q);
    double run = o->total_seconds - o->queue_seconds;
    struct gv_buf b = GV_BUF_INIT;
    if (request->stats == GV_STATS_NONE)
        return (struct gv_slice){NULL, 0};
    gv_buf_printf(&b,
                  "{\"timings\":{\"evalTotalTime\":%.6f,\"resultSortTime\":0,\"queryPreparationTime\":0,"
                  "\"innerEvalTime\":%.6f,\"execQueueTime\":%.6f,\"execTotalTime\":%.6f},"
                  "\"samples\":{\"totalQueryableSamples\":%lld,\"peakSamples\":%lld}",
                  run, run, o->queue_seconds, o->total_seconds, (long long)o->samples, (long long)o->peak_samples);
    if (request->stats == GV_STATS_ALL)
        stats_add_clusters(&b, o);
    gv_buf_addc(&b, '}');
    struct gv_slice kept = gv_arena_dup(gv_query_arena(q), gv_buf_slice(&b));
    gv_buf_fini(&b);
    return kept;
}

static enum gv_produce produce(void *arg, struct gv_buf *out, size_t want)
{
    struct request *r = arg;
    struct query_state *s = r->state;
    if (r->body.n) { /* the start, rendered to see whether it would be all */
        gv_buf_add_slice(out, gv_buf_slice(&r->body));
        gv_buf_fini(&r->body);
        return GV_PRODUCE_MORE;
    }
    return gv_result_encoder_next(s->encoder, out, want) ? GV_PRODUCE_MORE : GV_PRODUCE_DONE;
}

enum { SMALL_REPLY = 32 << 10 }; /* bytes; what fits is sent whole, with its length */

static void reply_result(struct request *r, struct gv_query *q)
{
    struct query_state *s = r->state;
    const struct gv_result *result = gv_query_outcome(q)->result;
    struct gv_result_encoder_tail tail = {
        .stats_json = stats_json(q, &s->request),
        .warnings = result->notes.warnings,
        .infos = result->notes.infos,
        .n_warnings = result->notes.n_warnings,
        .n_infos = result->notes.n_infos,
    };
    s->encoder = gv_result_encoder_new(gv_query_arena(q), result, &tail);
    if (gv_result_encoder_next(s->encoder, &r->body, SMALL_REPLY))
        reply_stream(r, 200, type_json, produce, r);
    else
        reply_text(r, 200, type_json, gv_buf_slice(&r->body));
}

static void done(void *arg, struct gv_query *q)
{
    struct request *r = arg;
    const struct gv_query_outcome *o = gv_query_outcome(q);
    if (r->canceled)
        gv_http_abandon(r->x);
    else if (o->err.code != GV_OK)
        reply_error(r, &o->err);
    else
        reply_result(r, q);
}

static void serve(struct request *r, bool (*read)(struct request *, struct gv_query_request *, struct gv_err *))
{
    struct query_state *s = gv_arena_new(r->x->arena, struct query_state);
    struct gv_err err = {0};
    r->state = s;
    if (!read(r, &s->request, &err))
        reply_error(r, &err);
    else
        r->query = gv_query_start(&r->l->env, request_take_settings(r), &s->request, done, r);
}

void serve_query(struct request *r)
{
    serve(r, query_request_instant);
}

void serve_query_range(struct request *r)
{
    serve(r, query_request_range);
}

/* --- what needs no cluster --- */

static struct gv_expr *parse_parameter(struct request *r)
{
    struct gv_err err = {0}, why = {0};
    struct gv_expr *e =
        gv_promql_parse(r->x->arena, gv_url_params_get(&r->params, "query"), r->settings->limits.features, &why);
    if (e)
        return e;
    gv_fail(&err, why.code, "invalid parameter \"query\": %s", why.msg);
    reply_error(r, &err);
    return NULL;
}

void serve_format_query(struct request *r)
{
    struct gv_expr *e = parse_parameter(r);
    if (!e)
        return;
    struct gv_buf text = GV_BUF_INIT;
    gv_promql_pretty(&text, e);
    gv_buf_add_json(&r->body, gv_buf_slice(&text));
    gv_buf_fini(&text);
    reply_data(r, NULL);
}

void serve_parse_query(struct request *r)
{
    struct gv_expr *e = parse_parameter(r);
    if (!e)
        return;
    gv_promql_json(&r->body, e);
    reply_data(r, NULL);
}
