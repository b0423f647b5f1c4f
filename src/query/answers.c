#include "query/answers.h"
#include "codec/result_decoder.h"
#include "net/url.h"
#include <stdlib.h>

struct answer {
    struct answers *all;
    const struct gv_plan_ask *ask;
    const struct gv_mapping *mapping;
    const struct gv_result *result; /* of the attempt that won; NULL before */
};

/* --- sink: the body of one ask, decoded as it arrives --- */

struct sink {
    struct answer *answer;
    struct gv_result_decoder *decoder;
    struct gv_result result;
};

static void *sink_begin(void *arg, const struct gv_cluster *c, struct gv_arena *a)
{
    (void)c;
    struct answer *an = arg;
    struct gv_result_decoder_options options = {
        .kind = an->ask->column,
        .mapping = an->mapping,
        .hidden = an->ask->hidden,
        .grid = an->ask->grid,
        .skip_earlier = an->ask->type == GV_TYPE_MATRIX,
        .max_samples = an->all->max_samples,
    };
    struct sink *s = gv_arena_new(a, struct sink);
    s->answer = an;
    s->decoder = gv_result_decoder_new(a, &options);
    return s;
}

static bool sink_feed(void *sink, const char *data, size_t n, struct gv_err *err)
{
    struct sink *s = sink;
    if (gv_result_decoder_feed(s->decoder, data, n, err))
        return true;
    s->answer->all->met_histograms |= gv_result_decoder_has_histograms(s->decoder);
    return false;
}

static bool sink_finish(void *sink, struct gv_err *err)
{
    struct sink *s = sink;
    struct gv_backend_error said = {0};
    if (!gv_result_decoder_finish(s->decoder, &s->result, &said, err))
        return false;
    return !said.present || gv_sink_backend_error(said.type, said.message, err);
}

static const struct gv_sink_ops sink_ops = {.begin = sink_begin, .feed = sink_feed, .finish = sink_finish};

int64_t answers_samples(const struct round_entry *e, int64_t *series)
{
    int64_t samples = 0;
    for (size_t i = 0; e->sinks && i < e->n_parts; i++) {
        const struct sink *s = e->sinks[i];
        samples += gv_result_decoder_samples(s->decoder);
        *series += (int64_t)s->result.n;
    }
    return samples;
}

/* --- asks as requests --- */

static void add_time(struct gv_buf *b, const char *name, int64_t ms)
{
    gv_buf_printf(b, "&%s=%s%lld.%03lld", name, ms < 0 ? "-" : "", (long long)llabs(ms / 1000),
                  (long long)llabs(ms % 1000));
}

static struct gv_slice form_of(const struct gv_plan_ask *ask, struct gv_arena *a, int64_t lookback_ms, int64_t left_ms)
{
    struct gv_buf form = GV_BUF_INIT;
    gv_url_add_param(&form, "query", ask->text);
    if (ask->kind == GV_PLAN_RANGE) {
        add_time(&form, "start", ask->start);
        add_time(&form, "end", ask->end);
        add_time(&form, "step", ask->step);
    } else {
        add_time(&form, "time", ask->kind == GV_PLAN_SAMPLES ? ask->end : ask->start);
    }
    if (lookback_ms)
        add_time(&form, "lookback_delta", lookback_ms);
    add_time(&form, "timeout", left_ms > 1 ? left_ms : 1);
    struct gv_slice kept = gv_arena_dup(a, gv_buf_slice(&form));
    gv_buf_fini(&form);
    return kept;
}

void answers_init(struct answers *as, struct gv_arena *a, size_t n_sources, int64_t max_samples)
{
    *as = (struct answers){.arena = a, .max_samples = max_samples, .failed = gv_arena_array(a, bool, n_sources)};
    gv_map_init(&as->by_key, a);
}

/* Registers what is asked for the first time; NULL for what was asked before. */
static struct answer *new_answer(struct answers *as, const struct gv_plan *p, const struct gv_plan_ask *ask)
{
    void **at = gv_map_at(&as->by_key, gv_hash(ask->key.p, ask->key.n), ask->key);
    if (*at)
        return NULL;
    struct answer *an = *at = gv_arena_new(as->arena, struct answer);
    *an = (struct answer){as, ask, &p->sources[ask->source].mapping, NULL};
    return an;
}

bool answers_ask(struct answers *as, const struct gv_plan *p, struct round *r, int64_t lookback_ms, int64_t left_ms)
{
    struct gv_ask_part *parts = gv_arena_array(as->arena, struct gv_ask_part, p->n_asks), *next = parts;
    struct answer **added = gv_arena_array(as->arena, struct answer *, p->n_asks);
    bool any = false;
    for (size_t i = 0; i < p->n_asks; i++) {
        uint32_t source = p->asks[i].source;
        added[i] = as->failed[source] ? NULL : new_answer(as, p, &p->asks[i]);
        r->entries[source].n_parts += added[i] != NULL;
        any |= added[i] != NULL;
    }
    for (size_t s = 0; s < r->n; next += r->entries[s++].n_parts) { /* the parts of one source stand together */
        r->entries[s].parts = next;
        r->entries[s].filled = next;
    }
    for (size_t i = 0; i < p->n_asks; i++)
        if (added[i])
            *r->entries[p->asks[i].source].filled++ = (struct gv_ask_part){
                .method = "POST",
                .path = p->asks[i].kind == GV_PLAN_RANGE ? "/api/v1/query_range" : "/api/v1/query",
                .body = form_of(&p->asks[i], as->arena, lookback_ms, left_ms),
                .sink = &sink_ops,
                .sink_arg = added[i],
            };
    return any;
}

void answers_take(struct answers *as, const struct round *r)
{
    for (size_t s = 0; s < r->n; s++) {
        const struct round_entry *e = &r->entries[s];
        as->failed[s] |= e->n_parts && e->outcome != GV_ASK_OK;
        for (size_t i = 0; e->sinks && i < e->n_parts; i++) {
            struct sink *sink = e->sinks[i];
            sink->answer->result = &sink->result;
        }
    }
}

const struct gv_plan_answer *answers_of(const struct answers *as, const struct gv_plan *p)
{
    struct gv_plan_answer *answers = gv_arena_array(as->arena, struct gv_plan_answer, p->n_asks);
    for (size_t i = 0; i < p->n_asks; i++) {
        const struct gv_plan_ask *ask = &p->asks[i];
        const struct answer *an = gv_map_get(&as->by_key, gv_hash(ask->key.p, ask->key.n), ask->key);
        answers[i].result = an && !as->failed[ask->source] ? an->result : NULL;
    }
    return answers;
}
