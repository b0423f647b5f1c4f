/* An ask of a plan that goes to the store: the text that a backend would be sent is evaluated over it, on a worker. */
#include "codec/chunk_xor.h"
#include "query/answer.h"
#include "query/local_ask.h"

static struct gv_eval_options options_of(const struct answer *an, const struct local_view *v)
{
    const struct gv_query_limits *limits = &v->settings->limits;
    return (struct gv_eval_options){
        .lookback = an->all->lookback_ms,
        .default_step = limits->default_step_ms,
        .max_samples = limits->max_samples,
        .features = limits->features,
        .deadline_ns = v->deadline_ns,
        .cancel = v->cancel,
        .executor = v->executor,
        .budget = v->arena->budget,
    };
}

static int64_t samples_of(const struct gv_result *r, const struct gv_series *s)
{
    int64_t n = 0;
    switch (s->column.kind) {
    case GV_COLUMN_RAW:
        return s->column.raw.n;
    case GV_COLUMN_STEPS:
        for (size_t i = 0; i < gv_bits_words(r->grid.n); i++)
            n += __builtin_popcountll(s->column.steps.present[i]);
        return n;
    case GV_COLUMN_CHUNKS:
        for (uint32_t i = 0; i < s->column.chunks.n; i++)
            n += gv_chunk_samples(s->column.chunks.chunks[i].data, s->column.chunks.chunks[i].size);
        return n;
    case GV_COLUMN_SPAN:
    case GV_COLUMN_MADE:
        break;
    }
    return n;
}

bool answer_here(const struct gv_ask_part *part, const struct local_view *v, void **sink, struct gv_err *err)
{
    struct answer *an = part->sink_arg;
    struct answer_sink *s = *sink = gv_arena_new(v->arena, struct answer_sink);
    struct gv_eval_options o = options_of(an, v);
    s->answer = an;
    if (!gv_plan_answer_here(v->arena, an->plan, an->ask, v->source, &o, &s->result, err))
        return false;
    for (size_t i = 0; i < s->result.n; i++)
        s->samples += samples_of(&s->result, &s->result.series[i]);
    return true;
}
