/* A plan and its answers ──► the result.
 *
 *   plan that unites     answers ──unite──► result
 *   any other            answers ──per feed: unite, or combine──► feeds ──evaluate the tree over them──► result
 *
 * Clusters are atomic: one that failed an ask is left out of every feed. */
#include "exec/plan_run.h"
#include "exec/combine.h"
#include "exec/notes.h"
#include "exec/raw_source.h"
#include "exec/unite.h"

struct run {
    struct gv_arena *arena;
    const struct gv_plan *plan;
    const struct gv_plan_run_options *options;
    bool *failed; /* by source */
    struct gv_notes notes;
    struct gv_eval_stats *stats;
    struct gv_plan_retry *retry;
    struct gv_err *err;
};

static bool run_tree(struct run *r, const struct gv_plan_tree *t, struct gv_result *out);

static void find_failed(struct run *r)
{
    r->failed = gv_arena_array(r->arena, bool, r->plan->n_sources);
    for (size_t i = 0; i < r->plan->n_asks; i++)
        r->failed[r->plan->asks[i].source] |= !r->options->answers[i].result;
}

static void want_whole(struct run *r, const struct gv_expr *e)
{
    struct gv_plan_retry *t = r->retry;
    t->wanted = true;
    for (size_t i = 0; i < t->n; i++)
        if (t->whole[i].start == e->pos.start && t->whole[i].end == e->pos.end)
            return;
    gv_push(r->arena, t->whole, t->n, t->cap) = e->pos;
}

/* ---- Parts ---- */

static bool fail_type(const struct run *r, const struct gv_plan_ask *ask, const struct gv_result *got)
{
    return gv_fail(r->err, GV_EXECUTION, "cluster \"%.*s\": answered \"%.*s\" with a %s",
                   GV_ARG(r->plan->sources[ask->source].name), GV_ARG(ask->text), gv_result_type_text(got->type));
}

/* In query results histograms have lost their schema, and what the samples between the steps say of resets. */
static void look_for_histograms(struct run *r, const struct gv_result *got)
{
    for (size_t i = 0; i < got->n; i++)
        if (got->series[i].column.kind == GV_COLUMN_STEPS && got->series[i].column.steps.histograms)
            r->retry->wanted = r->retry->samples = true;
}

/* What several replicas gave, as one. */
static bool merge_replicas(struct run *r, const struct gv_plan_ask *ask, const struct gv_plan_answer *answer,
                           struct partial *to)
{
    size_t n = answer->n_others + 1;
    struct gv_raw_part *parts = gv_arena_array(r->arena, struct gv_raw_part, n);
    for (size_t i = 0; i < n; i++) {
        const struct gv_result *got = i ? answer->others[i - 1] : answer->result;
        parts[i] = (struct gv_raw_part){
            .source = r->plan->sources[ask->source].name, .replica = (uint32_t)i, .series = got->series, .n = got->n};
    }
    struct gv_raw_source merged;
    struct gv_series *series;
    if (!gv_raw_source_init(&merged, r->arena, parts, n, r->err) ||
        !gv_raw_source_series(&merged, r->arena, &series, &to->n, r->err))
        return false;
    to->series = series;
    return true;
}

/* One result of an ask, with its notes taken over; *mixed: an aggregation met floats and histograms. */
static bool take_result(struct run *r, const struct gv_plan_ask *ask, const struct gv_result *got, bool *mixed)
{
    if (got->type != GV_RESULT_VECTOR && got->type != GV_RESULT_MATRIX)
        return fail_type(r, ask, got);
    *mixed |= gv_notes_take(&r->notes, &got->notes, ask, r->options->eval->text);
    look_for_histograms(r, got);
    return true;
}

/* What an ask gave. */
static bool take_answer(struct run *r, uint32_t index, struct partials *into, uint32_t part, bool *mixed)
{
    const struct gv_plan_ask *ask = &r->plan->asks[index];
    const struct gv_plan_answer *answer = &r->options->answers[index];
    const struct gv_result *got = answer->result;
    struct partial p = {got->series, got->n, part, got->grid};
    if (!take_result(r, ask, got, mixed))
        return false;
    for (size_t i = 0; i < answer->n_others; i++)
        if (!take_result(r, ask, answer->others[i], mixed))
            return false;
    if (answer->n_others && !merge_replicas(r, ask, answer, &p))
        return false;
    gv_push(r->arena, into->at, into->n, into->cap) = p;
    return true;
}

static bool take_part(struct run *r, const struct gv_plan_part *p, struct partials *into, uint32_t part, bool *mixed)
{
    if (r->failed[p->source])
        return true;
    for (size_t i = 0; i < p->n_asks; i++)
        if (!take_answer(r, p->asks[i], into, part, mixed))
            return false;
    if (!p->tree)
        return true;
    struct gv_result got;
    if (!run_tree(r, p->tree, &got))
        return false;
    *mixed |= gv_notes_take_own(&r->notes, &got.notes);
    gv_push(r->arena, into->at, into->n, into->cap) = (struct partial){got.series, got.n, part, got.grid};
    return true;
}

static bool take_input(struct run *r, const struct gv_plan_input *in, struct partials *into, bool *mixed)
{
    for (size_t i = 0; i < in->n; i++)
        if (!take_part(r, &in->parts[i], into, (uint32_t)i, mixed))
            return false;
    return true;
}

/* ---- Feeds ---- */

static void copy_window(const struct gv_grid *to, const struct gv_grid *from, const struct gv_steps_column *c,
                        struct gv_steps_column *into, struct gv_arena *a)
{
    for (uint32_t i = 0; i < from->n; i++) {
        int64_t offset = gv_grid_time(from, i) - to->start;
        if (!gv_bit(c->present, i) || offset < 0 || offset / to->step >= to->n)
            continue;
        size_t at = (size_t)(offset / to->step);
        gv_bit_set(into->present, at);
        into->values[at] = c->values[i];
        if (!c->histograms || !c->histograms[i])
            continue;
        if (!into->histograms)
            into->histograms = gv_arena_array(a, const struct gv_histogram *, to->n);
        into->histograms[at] = c->histograms[i];
    }
}

static bool new_window(struct run *r, const struct gv_plan_feed *f, const struct gv_labels *labels, struct gv_series *s)
{
    *s = (struct gv_series){labels, {.kind = GV_COLUMN_STEPS}};
    s->column.steps.values = gv_arena_try(r->arena, f->grid.n * sizeof(double), r->err);
    s->column.steps.present = gv_arena_array(r->arena, uint64_t, gv_bits_words(f->grid.n));
    return s->column.steps.values != NULL;
}

/* Answers of one source that follow one another in time become one. */
static bool join_windows(struct run *r, const struct gv_plan_feed *f, const struct partials *from, size_t at, size_t n,
                         struct partial *out)
{
    struct gv_map seen;
    struct gv_series *series = NULL;
    size_t count = 0, cap = 0;
    gv_map_init(&seen, r->arena);
    for (size_t k = at; k < at + n; k++)
        for (size_t i = 0; i < from->at[k].n; i++) {
            const struct gv_series *s = &from->at[k].series[i];
            void **index = gv_map_at(&seen, s->labels->hash, gv_labels_bytes(s->labels));
            if (!*index) {
                struct gv_series joined;
                if (!new_window(r, f, s->labels, &joined))
                    return false;
                gv_push(r->arena, series, count, cap) = joined;
                *index = (void *)(uintptr_t)count;
            }
            copy_window(&f->grid, &from->at[k].grid, &s->column.steps, &series[(uintptr_t)*index - 1].column.steps,
                        r->arena);
        }
    *out = (struct partial){series, count, from->at[at].part, f->grid};
    return true;
}

static bool join_parts(struct run *r, const struct gv_plan_feed *f, struct partials *p)
{
    size_t kept = 0;
    for (size_t i = 0, n; i < p->n; i += n) {
        for (n = 1; i + n < p->n && p->at[i + n].part == p->at[i].part; n++)
            ;
        struct partial joined = p->at[i];
        if (n > 1 && !join_windows(r, f, p, i, n, &joined))
            return false;
        p->at[kept++] = joined;
    }
    p->n = kept;
    return true;
}

static bool unite_parts(struct run *r, const struct gv_plan_feed *f, const struct gv_plan_input *in,
                        const struct partials *p, struct gv_feed *feed)
{
    struct gv_part *parts = gv_arena_array(r->arena, struct gv_part, p->n);
    struct gv_result *results = gv_arena_array(r->arena, struct gv_result, p->n), all;
    for (size_t i = 0; i < p->n; i++) {
        results[i] = (struct gv_result){.type = f->raw ? GV_RESULT_MATRIX : GV_RESULT_VECTOR,
                                        .grid = p->at[i].grid,
                                        .series = (struct gv_series *)(uintptr_t)p->at[i].series,
                                        .n = p->at[i].n};
        gv_annotations_init(&results[i].notes, r->arena);
        parts[i] = (struct gv_part){&results[i], r->plan->sources[in->parts[p->at[i].part].source].name};
    }
    if (!gv_unite(r->arena, parts, p->n, GV_ORDER_KEPT, &all, r->err))
        return false;
    *feed = (struct gv_feed){.grid = f->grid, .series = all.series, .n = all.n};
    return true;
}

static bool combine_parts(struct run *r, const struct gv_plan_feed *f, const struct partials *inputs, bool mixed,
                          struct gv_feed *feed)
{
    struct gv_series *series;
    bool again;
    if (!gv_combine(r->arena, f, inputs, &series, &feed->n, &again, r->err))
        return false;
    if ((again || mixed) && f->combine != GV_COMBINE_ANY)
        want_whole(r, f->origin);
    feed->series = series;
    feed->grid = f->grid;
    return true;
}

static bool fill_feed(struct run *r, const struct gv_plan_feed *f, struct gv_feed *feed)
{
    struct partials inputs[GV_PLAN_MAX_INPUTS] = {{0}};
    bool mixed = false;
    for (size_t i = 0; i < f->n_inputs; i++)
        if (!take_input(r, &f->inputs[i], &inputs[i], &mixed) || (!f->raw && !join_parts(r, f, &inputs[i])))
            return false;
    if (f->combine == GV_COMBINE_UNITE)
        return unite_parts(r, f, &f->inputs[0], &inputs[0], feed);
    return combine_parts(r, f, inputs, mixed, feed);
}

/* ---- Trees ---- */

/* What info() selects by itself. Two of them may have asked for the same series, at different times. */
static bool fill_source(struct run *r, const struct gv_plan_tree *t, struct gv_raw_source *selected)
{
    struct partials all = {0};
    bool mixed = false;
    if (!take_input(r, &t->selected, &all, &mixed))
        return false;
    struct gv_raw_part *parts = gv_arena_array(r->arena, struct gv_raw_part, all.n);
    for (size_t i = 0; i < all.n; i++) {
        uint32_t source = t->selected.parts[all.at[i].part].source;
        parts[i] =
            (struct gv_raw_part){.source = r->plan->sources[source].name, .series = all.at[i].series, .n = all.at[i].n};
    }
    return gv_raw_source_init(selected, r->arena, parts, all.n, r->err);
}

static void add_stats(struct gv_eval_stats *to, const struct gv_eval_stats *s)
{
    if (!to)
        return;
    to->total_samples += s->total_samples;
    to->peak_samples = s->peak_samples > to->peak_samples ? s->peak_samples : to->peak_samples;
    to->series_read += s->series_read;
    to->samples_read += s->samples_read;
}

static bool run_tree(struct run *r, const struct gv_plan_tree *t, struct gv_result *out)
{
    struct gv_feed *feeds = gv_arena_array(r->arena, struct gv_feed, t->n_feeds);
    struct gv_raw_source selected;
    for (size_t i = 0; i < t->n_feeds; i++)
        if (!fill_feed(r, &t->feeds[i], &feeds[i]))
            return false;
    if (!fill_source(r, t, &selected))
        return false;
    *out = (struct gv_result){0};
    if (r->retry->wanted)
        return true;
    struct gv_eval_options o = *r->options->eval;
    struct gv_eval_stats stats = {0};
    o.start = t->grid.start;
    o.step = t->grid.step;
    o.end = t->grid.n ? gv_grid_time(&t->grid, t->grid.n - 1) : t->grid.start - 1;
    o.source = selected.n ? &selected.source : NULL;
    o.feeds = feeds;
    o.n_feeds = t->n_feeds;
    if (!gv_promql_eval(r->arena, t->expr, &o, out, &stats, r->err))
        return false;
    add_stats(r->stats, &stats);
    return true;
}

/* ---- Plans that unite ---- */

static bool unite(struct run *r, struct gv_result *out)
{
    const struct gv_plan_input *in = &r->plan->root.feeds[0].inputs[0];
    struct gv_part *parts = gv_arena_array(r->arena, struct gv_part, in->n);
    struct gv_result *bare = gv_arena_array(r->arena, struct gv_result, in->n);
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++) {
        const struct gv_plan_ask *ask = &r->plan->asks[in->parts[i].asks[0]];
        const struct gv_result *got = r->options->answers[in->parts[i].asks[0]].result;
        if (!got)
            continue;
        gv_notes_take(&r->notes, &got->notes, ask, r->options->eval->text);
        bare[n] = *got; /* its notes have been taken */
        gv_annotations_init(&bare[n].notes, r->arena);
        parts[n] = (struct gv_part){&bare[n], r->plan->sources[ask->source].name};
        n++;
    }
    if (!gv_unite(r->arena, parts, n, r->plan->keeps_order ? GV_ORDER_KEPT : GV_ORDER_LABELS, out, r->err))
        return false;
    bool is_matrix = r->plan->root.grid.step > 0 || r->plan->root.expr->type == GV_TYPE_MATRIX;
    if (!n)
        out->type = is_matrix ? GV_RESULT_MATRIX : GV_RESULT_VECTOR;
    out->grid = r->plan->root.grid;
    return true;
}

bool gv_plan_run(struct gv_arena *a, const struct gv_plan *p, const struct gv_plan_run_options *o,
                 struct gv_result *out, struct gv_eval_stats *stats, struct gv_plan_retry *retry, struct gv_err *err)
{
    struct run r = {.arena = a, .plan = p, .options = o, .stats = stats, .retry = retry, .err = err};
    *retry = (struct gv_plan_retry){0};
    r.notes.arena = a;
    find_failed(&r);
    if (!(p->unite ? unite(&r, out) : run_tree(&r, &p->root, out)))
        return false;
    if (retry->wanted)
        return true;
    gv_notes_take_own(&r.notes, &out->notes);
    gv_notes_give(&r.notes, &out->notes);
    return true;
}
