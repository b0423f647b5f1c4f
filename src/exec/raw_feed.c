#include "exec/raw_feed.h"
#include "base/map.h"

struct feed {
    struct gv_arena *arena;
    const struct gv_plan *plan;
    const struct gv_plan_answer *answers;
    struct gv_err *err;
};

static bool check_type(const struct feed *f, const struct gv_plan_ask *ask, const struct gv_result *got)
{
    return got->type == GV_RESULT_MATRIX || got->type == GV_RESULT_VECTOR ||
           gv_fail(f->err, GV_EXECUTION, "cluster \"%.*s\": answered \"%.*s\" with a %s",
                   GV_ARG(f->plan->sources[ask->source].name), GV_ARG(ask->text), gv_result_type_text(got->type));
}

/* The answer to the i-th ask of a part, all replicas'; its result is NULL where its source failed. */
static bool take(const struct feed *f, const struct gv_plan_part *p, size_t i, const struct gv_plan_answer **got)
{
    const struct gv_plan_ask *ask = &f->plan->asks[p->asks[i]];
    *got = &f->answers[p->asks[i]];
    bool ok = !(*got)->result || check_type(f, ask, (*got)->result);
    for (size_t k = 0; ok && k < (*got)->n_others; k++)
        ok = check_type(f, ask, (*got)->others[k]);
    return ok;
}

static void add_present(struct gv_map *present, const struct gv_result *there)
{
    for (size_t i = 0; i < there->n; i++) {
        const struct gv_labels *l = there->series[i].labels;
        const struct gv_column *c = &there->series[i].column;
        if (c->kind != GV_COLUMN_STEPS || gv_bit(c->steps.present, 0)) /* else it has a histogram, which was left out */
            *gv_map_at(present, l->hash, gv_labels_bytes(l)) = present;
    }
}

static bool keep_present(const struct feed *f, const struct gv_plan_answer *there, struct gv_raw_part *part)
{
    struct gv_map present;
    struct gv_series *kept = gv_arena_try(f->arena, part->n * sizeof *kept, f->err);
    size_t n = 0;
    gv_map_init(&present, f->arena);
    if (there->result)
        add_present(&present, there->result);
    for (size_t k = 0; k < there->n_others; k++)
        add_present(&present, there->others[k]);
    for (size_t i = 0; kept && i < part->n; i++) {
        const struct gv_labels *l = part->series[i].labels;
        if (gv_map_get(&present, l->hash, gv_labels_bytes(l)))
            kept[n++] = part->series[i];
    }
    part->series = kept;
    part->n = n;
    return kept != NULL;
}

static bool take_part(const struct feed *f, const struct gv_plan_part *p, struct gv_raw_part *parts, size_t *n)
{
    const struct gv_plan_answer *samples, *there = NULL;
    if (!take(f, p, 0, &samples) || (p->n_asks > 1 && !take(f, p, 1, &there)))
        return false;
    for (size_t k = 0; samples->result && k < samples->n_others + 1; k++) {
        const struct gv_result *got = k ? samples->others[k - 1] : samples->result;
        struct gv_raw_part *to = &parts[(*n)++];
        *to = (struct gv_raw_part){f->plan->sources[p->source].name, (uint32_t)k, got->series, got->n};
        if (there && to->n && !keep_present(f, there, to))
            return false;
    }
    return true;
}

static size_t count_parts(const struct gv_plan_input *in, const struct gv_plan_answer *answers)
{
    size_t n = in->n;
    for (size_t i = 0; i < in->n; i++)
        n += answers[in->parts[i].asks[0]].n_others;
    return n;
}

bool gv_raw_feed(struct gv_arena *a, const struct gv_plan *p, const struct gv_plan_feed *f,
                 const struct gv_plan_answer *answers, struct gv_raw_source *out, struct gv_err *err)
{
    struct feed feed = {a, p, answers, err};
    const struct gv_plan_input *in = &f->inputs[0];
    struct gv_raw_part *parts = gv_arena_array(a, struct gv_raw_part, count_parts(in, answers));
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++)
        if (!take_part(&feed, &in->parts[i], parts, &n))
            return false;
    if (!gv_raw_source_init(out, a, parts, n, err))
        return false;
    out->min_time = f->min_time;
    out->max_time = f->max_time;
    return true;
}
