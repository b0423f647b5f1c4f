#include "query/answer.h"

const struct gv_plan_ask *answers_asked(const struct gv_ask_part *part)
{
    return ((const struct answer *)part->sink_arg)->ask;
}

int64_t answers_samples(const struct round_entry *e, const struct round_ask *k, int64_t *series)
{
    int64_t samples = 0;
    for (size_t i = 0; k->sinks && i < e->n_parts; i++) {
        const struct answer_sink *s = k->sinks[i];
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
                                 const struct round_entry *e)
{
    void **at = gv_map_at(&as->by_key, gv_hash(ask->key.p, ask->key.n), ask->key);
    if (*at && ((const struct answer *)*at)->n_results)
        return NULL;
    struct answer *an = *at = gv_arena_new(as->arena, struct answer);
    *an = (struct answer){.all = as, .ask = ask, .plan = p, .source = &p->sources[ask->source], .cluster = e->cluster};
    an->results = gv_arena_array(as->arena, const struct gv_result *, e->n_asks);
    return an;
}

/* ---- Parts: of one ask the parts stand together ---- */

struct making {
    int64_t lookback_ms, left_ms;
    struct gv_ask_part **next; /* per source, where its next part goes */
};

/* Of replicas that are merged each says for itself whether its samples can be read. */
static bool is_read(const struct answer *an, const struct round_entry *e, unsigned replica)
{
    return an->ask->kind == GV_PLAN_SAMPLES &&
           (e->n_asks > 1 ? answer_can_read(e->cluster, replica, an->all->arena) : an->source->raw);
}

static void add_parts(struct answer *an, struct round_entry *e, const struct making *m)
{
    size_t at = (size_t)(m->next[an->ask->source]++ - e->asks[0].parts);
    /* Where a backend is known to have the same lookback, it need not be told. */
    int64_t lookback_ms = an->source->lookback == m->lookback_ms ? 0 : m->lookback_ms;
    struct gv_ask_part json = {0}, read = {0};
    for (size_t i = 0; i < e->n_asks; i++) {
        struct gv_ask_part *to = (struct gv_ask_part *)(uintptr_t)e->asks[i].parts + at;
        if (entry_is_local(e)) /* asked as it is */
            to->sink_arg = an;
        else if (is_read(an, e, (unsigned)i))
            *to = read = read.path ? read : answer_read_part(an);
        else
            *to = json = json.path ? json : answer_json_part(an, lookback_ms, m->left_ms);
    }
}

static void make_room(struct answers *as, const struct round *r, struct making *m)
{
    m->next = gv_arena_array(as->arena, struct gv_ask_part *, r->n);
    for (size_t s = 0; s < r->n; s++) {
        struct round_entry *e = &r->entries[s];
        struct gv_ask_part *parts = gv_arena_array(as->arena, struct gv_ask_part, e->n_parts * e->n_asks);
        for (size_t i = 0; i < e->n_asks; i++)
            e->asks[i].parts = parts + i * e->n_parts;
        m->next[s] = parts;
    }
}

bool answers_ask(struct answers *as, const struct gv_plan *p, struct round *r, int64_t lookback_ms, int64_t left_ms)
{
    struct making m = {.lookback_ms = lookback_ms, .left_ms = left_ms};
    struct answer **added = gv_arena_array(as->arena, struct answer *, p->n_asks);
    bool any = false;
    as->lookback_ms = lookback_ms;
    r->answer_here = answer_here;
    for (size_t i = 0; i < p->n_asks; i++) {
        struct round_entry *e = &r->entries[p->asks[i].source];
        added[i] = as->failed[p->asks[i].source] ? NULL : new_answer(as, p, &p->asks[i], e);
        e->n_parts += added[i] != NULL;
        any |= added[i] != NULL;
    }
    make_room(as, r, &m);
    for (size_t i = 0; i < p->n_asks; i++)
        if (added[i])
            add_parts(added[i], &r->entries[p->asks[i].source], &m);
    return any;
}

/* ---- After the round ---- */

static void take_ask(const struct round_entry *e, const struct round_ask *k)
{
    for (size_t i = 0; k->sinks && i < e->n_parts; i++) {
        struct answer_sink *sink = k->sinks[i];
        sink->answer->results[sink->answer->n_results++] = &sink->result;
    }
}

void answers_take(struct answers *as, const struct round *r)
{
    for (size_t s = 0; s < r->n; s++) {
        const struct round_entry *e = &r->entries[s];
        as->failed[s] |= e->n_parts && round_outcome(e) != GV_ASK_OK && !e->again;
        for (size_t i = 0; i < e->n_asks; i++)
            take_ask(e, &e->asks[i]);
    }
}

const struct gv_plan_answer *answers_of(const struct answers *as, const struct gv_plan *p)
{
    struct gv_plan_answer *answers = gv_arena_array(as->arena, struct gv_plan_answer, p->n_asks);
    for (size_t i = 0; i < p->n_asks; i++) {
        const struct gv_plan_ask *ask = &p->asks[i];
        const struct answer *an = gv_map_get(&as->by_key, gv_hash(ask->key.p, ask->key.n), ask->key);
        if (!an || as->failed[ask->source] || !an->n_results)
            continue;
        answers[i] = (struct gv_plan_answer){an->results[0], an->results + 1, an->n_results - 1};
    }
    return answers;
}
