/* Asks as queries: a POST form goes out, query JSON comes in, decoded as it arrives. */
#include "codec/result_decoder.h"
#include "net/url.h"
#include "query/answer.h"
#include <stdlib.h>

struct sink {
    struct answer_sink base; /* first */
    struct gv_result_decoder *decoder;
};

static void *sink_begin(void *arg, const struct gv_cluster *c, unsigned replica, struct gv_arena *a)
{
    (void)c, (void)replica;
    struct answer *an = arg;
    struct gv_result_decoder_options options = {
        .kind = an->ask->column,
        .mapping = &an->source->mapping,
        .hidden = an->ask->hidden,
        .grid = an->ask->grid,
        .skip_earlier = an->ask->type == GV_TYPE_MATRIX,
        .floats_only = an->all->floats_only,
        .max_samples = an->all->max_samples,
    };
    struct sink *s = gv_arena_new(a, struct sink);
    s->base.answer = an;
    s->decoder = gv_result_decoder_new(a, &options);
    return s;
}

static bool sink_feed(void *sink, const char *data, size_t n, struct gv_err *err)
{
    struct sink *s = sink;
    if (gv_result_decoder_feed(s->decoder, data, n, err))
        return true;
    bool met = gv_result_decoder_has_histograms(s->decoder);
    s->base.answer->all->met_histograms |= met;
    if (!met || !s->base.answer->all->raw)
        return false;
    *err = (struct gv_err){0}; /* not the query's fault, but of a cluster that can give no samples of them */
    return gv_fail(err, GV_BAD_DATA,
                   "native histograms can be had by remote read alone, which is not known to work there: it needs "
                   "/api/v1/status/config, to learn of external_labels, and no series that has one of these itself");
}

static bool sink_finish(void *sink, struct gv_err *err)
{
    struct sink *s = sink;
    struct gv_backend_error said = {0};
    if (!gv_result_decoder_finish(s->decoder, &s->base.result, &said, err))
        return false;
    s->base.samples = gv_result_decoder_samples(s->decoder);
    return !said.present || gv_sink_backend_error(said.type, said.message, err);
}

static const struct gv_sink_ops sink_ops = {.begin = sink_begin, .feed = sink_feed, .finish = sink_finish};

static void add_time(struct gv_buf *b, const char *name, int64_t ms)
{
    gv_buf_printf(b, "&%s=%s%lld.%03lld", name, ms < 0 ? "-" : "", (long long)llabs(ms / 1000),
                  (long long)llabs(ms % 1000));
}

/* With a unit: as a number of seconds Prometheus would cut 33.3 to 33.299. */
static void add_duration(struct gv_buf *b, const char *name, int64_t ms)
{
    gv_buf_printf(b, "&%s=%lldms", name, (long long)ms);
}

static struct gv_slice form_of(const struct gv_plan_ask *ask, struct gv_arena *a, int64_t lookback_ms, int64_t left_ms)
{
    struct gv_buf form = GV_BUF_INIT;
    gv_url_add_param(&form, "query", ask->text);
    if (ask->kind == GV_PLAN_RANGE) {
        add_time(&form, "start", ask->start);
        add_time(&form, "end", ask->end);
        add_duration(&form, "step", ask->step);
    } else {
        add_time(&form, "time", ask->kind == GV_PLAN_SAMPLES ? ask->end : ask->start);
    }
    if (lookback_ms)
        add_duration(&form, "lookback_delta", lookback_ms);
    add_duration(&form, "timeout", left_ms > 1 ? left_ms : 1);
    struct gv_slice kept = gv_arena_dup(a, gv_buf_slice(&form));
    gv_buf_fini(&form);
    return kept;
}

struct gv_ask_part answer_json_part(struct answer *an, int64_t lookback_ms, int64_t left_ms)
{
    return (struct gv_ask_part){
        .method = "POST",
        .path = an->ask->kind == GV_PLAN_RANGE ? "/api/v1/query_range" : "/api/v1/query",
        .body = form_of(an->ask, an->all->arena, lookback_ms, left_ms),
        .sink = &sink_ops,
        .sink_arg = an,
    };
}
