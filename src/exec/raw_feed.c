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

/* The answer to the i-th ask of a part; NULL where its source failed. */
static bool take(const struct feed *f, const struct gv_plan_part *p, size_t i, const struct gv_result **got)
{
    *got = f->answers[p->asks[i]].result;
    return !*got || check_type(f, &f->plan->asks[p->asks[i]], *got);
}

static bool keep_present(const struct feed *f, const struct gv_result *there, struct gv_raw_part *part)
{
    struct gv_map present;
    struct gv_series *kept = gv_arena_try(f->arena, part->n * sizeof *kept, f->err);
    size_t n = 0;
    gv_map_init(&present, f->arena);
    for (size_t i = 0; i < there->n; i++)
        *gv_map_at(&present, there->series[i].labels->hash, gv_labels_bytes(there->series[i].labels)) = kept;
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
    const struct gv_result *samples, *there = NULL;
    if (!take(f, p, 0, &samples) || (p->n_asks > 1 && !take(f, p, 1, &there)))
        return false;
    if (!samples)
        return true;
    struct gv_raw_part *to = &parts[(*n)++];
    *to = (struct gv_raw_part){f->plan->sources[p->source].name, 0, samples->series, samples->n};
    return !there || !to->n || keep_present(f, there, to);
}

bool gv_raw_feed(struct gv_arena *a, const struct gv_plan *p, const struct gv_plan_feed *f,
                 const struct gv_plan_answer *answers, struct gv_raw_source *out, struct gv_err *err)
{
    struct feed feed = {a, p, answers, err};
    const struct gv_plan_input *in = &f->inputs[0];
    struct gv_raw_part *parts = gv_arena_array(a, struct gv_raw_part, in->n);
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++)
        if (!take_part(&feed, &in->parts[i], parts, &n))
            return false;
    return gv_raw_source_init(out, a, parts, n, err);
}
