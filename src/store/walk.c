#include "store/walk.h"

void walk_init(struct walk *w, struct gv_arena *a, size_t n, int64_t min_time, int64_t max_time)
{
    *w = (struct walk){.min_time = min_time, .max_time = max_time, .inputs = gv_arena_array(a, struct walk_input, n)};
}

void walk_add(struct walk *w, struct gv_arena *a, struct store_reader *reader, const uint64_t *series, size_t n)
{
    struct walk_input *in = &w->inputs[w->n++];
    *in = (struct walk_input){.reader = reader, .at = series, .end = series + n};
    gv_arena_init(&in->arena, a->budget);
    gv_arena_alloc(&in->arena, 1); /* a block that every rewind keeps */
    in->empty = gv_arena_mark(&in->arena);
}

void walk_fini(struct walk *w)
{
    for (size_t i = 0; i < w->n; i++)
        gv_arena_fini(&w->inputs[i].arena);
}

static bool look(struct walk *w, struct walk_input *in, struct gv_err *err)
{
    gv_arena_rewind(&in->arena, in->empty);
    in->labels = NULL;
    return w->n == 1 || in->at == in->end || in->reader->ops->labels(in->reader, &in->arena, *in->at, &in->labels, err);
}

bool walk_begin(struct walk *w, struct gv_err *err)
{
    for (size_t i = 0; i < w->n; i++)
        if (!look(w, &w->inputs[i], err))
            return false;
    return true;
}

/* The least labels that any input has next; NULL at the end. */
static const struct gv_labels *least(const struct walk *w)
{
    const struct gv_labels *found = NULL;
    for (size_t i = 0; i < w->n; i++) {
        const struct gv_labels *l = w->inputs[i].labels;
        if (l && (!found || gv_labels_cmp(l, found) < 0))
            found = l;
    }
    return found;
}

static bool take(struct walk *w, struct walk_input *in, struct gv_arena *scratch, struct store_series *pieces,
                 size_t *n, struct gv_err *err)
{
    struct store_series *s = &pieces[(*n)++];
    *s = (struct store_series){0};
    return in->reader->ops->series(in->reader, scratch, *in->at++, w->min_time, w->max_time, s, err) &&
           look(w, in, err);
}

int walk_next(struct walk *w, struct gv_arena *scratch, struct store_series *pieces, size_t *n, struct gv_err *err)
{
    *n = 0;
    if (w->n == 1)
        return w->inputs->at == w->inputs->end ? 0 : take(w, w->inputs, scratch, pieces, n, err) ? 1 : -1;
    const struct gv_labels *labels = least(w);
    if (!labels)
        return 0;
    labels = gv_labels_dup(scratch, labels);
    for (size_t i = 0; i < w->n; i++) {
        struct walk_input *in = &w->inputs[i];
        if (in->labels && gv_labels_eq(in->labels, labels) && !take(w, in, scratch, pieces, n, err))
            return -1;
    }
    return 1;
}

static bool is_deleted(const struct store_series *s, int64_t time, size_t *at)
{
    while (*at < s->n_deleted && s->deleted[*at].max_time < time)
        ++*at;
    return *at < s->n_deleted && s->deleted[*at].min_time <= time;
}

void walk_keep_samples(struct gv_raw_builder *b, const struct store_series *s, const struct gv_raw_column *raw)
{
    size_t at = 0;
    bool apart = true; /* what a histogram says of resets is of a sample that is left out, or not there */
    for (uint32_t i = 0; i < raw->n; i++) {
        if (is_deleted(s, raw->times[i], &at)) {
            apart = true;
            continue;
        }
        const struct gv_histogram *h = raw->histograms ? raw->histograms[i] : NULL;
        gv_raw_add(b, raw->times[i], raw->values[i], h && apart ? gv_histogram_without_reset(b->arena, h) : h);
        apart &= !h;
    }
}
