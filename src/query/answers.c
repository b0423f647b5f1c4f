#include "query/answer.h"

int64_t answers_samples(const struct round_entry *e, int64_t *series)
{
    int64_t samples = 0;
    for (size_t i = 0; e->sinks && i < e->n_parts; i++) {
        const struct answer_sink *s = e->sinks[i];
        samples += s->samples;
        *series += (int64_t)s->result.n;
    }
    return samples;
}

void answers_init(struct answers *as, struct gv_arena *a, size_t n_sources, int64_t max_samples)
{
    *as = (struct answers){.arena = a, .max_samples = max_samples, .failed = gv_arena_array(a, bool, n_sources)};
    gv_map_init(&as->by_key, a);
}

/* Registers what is to be asked; NULL for what was answered before. */
static struct answer *new_answer(struct answers *as, const struct gv_plan *p, const struct gv_plan_ask *ask,
                                 const struct gv_cluster *cluster)
{
    void **at = gv_map_at(&as->by_key, gv_hash(ask->key.p, ask->key.n), ask->key);
    if (*at && ((const struct answer *)*at)->result)
        return NULL;
    struct answer *an = *at = gv_arena_new(as->arena, struct answer);
    *an = (struct answer){as, ask, &p->sources[ask->source], cluster, NULL};
    return an;
}

/* Where a backend is known to have the same lookback, it need not be told. */
static struct gv_ask_part part_of(struct answer *an, int64_t lookback_ms, int64_t left_ms)
{
    if (an->source->lookback == lookback_ms)
        lookback_ms = 0;
    if (an->ask->kind == GV_PLAN_SAMPLES && an->source->raw)
        return answer_read_part(an);
    return answer_json_part(an, lookback_ms, left_ms);
}

bool answers_ask(struct answers *as, const struct gv_plan *p, struct round *r, int64_t lookback_ms, int64_t left_ms)
{
    struct gv_ask_part *parts = gv_arena_array(as->arena, struct gv_ask_part, p->n_asks), *next = parts;
    struct answer **added = gv_arena_array(as->arena, struct answer *, p->n_asks);
    bool any = false;
    for (size_t i = 0; i < p->n_asks; i++) {
        uint32_t source = p->asks[i].source;
        added[i] = as->failed[source] ? NULL : new_answer(as, p, &p->asks[i], r->entries[source].cluster);
        r->entries[source].n_parts += added[i] != NULL;
        any |= added[i] != NULL;
    }
    for (size_t s = 0; s < r->n; next += r->entries[s++].n_parts) { /* the parts of one source stand together */
        r->entries[s].parts = next;
        r->entries[s].filled = next;
    }
    for (size_t i = 0; i < p->n_asks; i++)
        if (added[i])
            *r->entries[p->asks[i].source].filled++ = part_of(added[i], lookback_ms, left_ms);
    return any;
}

void answers_take(struct answers *as, const struct round *r)
{
    for (size_t s = 0; s < r->n; s++) {
        const struct round_entry *e = &r->entries[s];
        as->failed[s] |= e->n_parts && e->outcome != GV_ASK_OK && !e->again;
        for (size_t i = 0; e->sinks && i < e->n_parts; i++) {
            struct answer_sink *sink = e->sinks[i];
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
