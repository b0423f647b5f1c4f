/* One partition of a pipe on one thread: cursor ──► leaf ──► stages ──► one row after the other. */
#include "promql/engine.h"

/* ---- Rows ---- */

bool gv_row_is_empty(const struct gv_row *r, uint32_t n)
{
    for (size_t w = 0; w < gv_bits_words(n); w++)
        if (r->column.present[w])
            return false;
    return true;
}

bool gv_row_new(struct gv_env *env, struct gv_row *r, uint32_t n)
{
    struct gv_vector one = {.rows = r, .cap = 1};
    return gv_vector_add(env, &one, n, NULL) != NULL;
}

void gv_row_wipe(struct gv_row *r, uint32_t n)
{
    memset(r->column.present, 0, gv_bits_words(n) * sizeof *r->column.present);
    r->column.histograms = NULL; /* of another arena's life */
}

/* ---- Streams ---- */

static bool open_leaf(struct gv_stream *s, size_t part)
{
    struct gv_pipe *p = s->pipe;
    if (p->cursors && part < p->n_parts) {
        s->cursor = p->cursors[part];
        p->cursors[part] = NULL; /* the stream closes it */
    }
    s->at = p->rows.n * part / (p->n_parts ? p->n_parts : 1);
    s->end = p->rows.n * (part + 1) / (p->n_parts ? p->n_parts : 1);
    if (p->range_node)
        s->windows = gv_arena_try(&s->own, p->grid.n * sizeof *s->windows, s->env.err);
    if (p->range_node && !s->windows)
        return false;
    if (!p->inner)
        return true;
    s->inner = gv_stream_open(p->inner, part, s->worker, &s->scratch);
    return s->inner && gv_row_new(&(struct gv_env){.out = &s->own, .err = s->env.err}, &s->inner_row, p->inner->grid.n);
}

struct gv_stream *gv_stream_open(struct gv_pipe *p, size_t part, struct gv_worker *w, struct gv_arena *out)
{
    struct gv_stream *s = gv_arena_new(&w->arena, struct gv_stream);
    s->pipe = p;
    s->worker = w;
    gv_arena_init(&s->scratch, p->ev->options->budget);
    gv_arena_init(&s->brief, p->ev->options->budget);
    gv_arena_init(&s->own, p->ev->options->budget);
    gv_arena_alloc(&s->scratch, 1); /* before the marks: so the first block stays when they are rewound to */
    gv_arena_alloc(&s->brief, 1);
    s->scratch_start = gv_arena_mark(&s->scratch);
    s->brief_start = gv_arena_mark(&s->brief);
    s->env = (struct gv_env){.options = p->ev->options,
                             .out = out ? out : &s->brief,
                             .scratch = &s->scratch,
                             .notes = &w->notes,
                             .err = &w->err};
    if (open_leaf(s, part))
        return s;
    gv_stream_close(s);
    return NULL;
}

void gv_stream_close(struct gv_stream *s)
{
    if (s->inner)
        gv_stream_close(s->inner);
    if (s->cursor)
        s->cursor->ops->close(s->cursor);
    gv_arena_fini(&s->scratch);
    gv_arena_fini(&s->brief);
    gv_arena_fini(&s->own);
}

void gv_stream_rewind(struct gv_stream *s)
{
    gv_arena_rewind(&s->scratch, s->scratch_start);
    gv_arena_rewind(&s->brief, s->brief_start);
}

static void apply_stages(struct gv_stream *s, struct gv_row *row)
{
    for (const struct gv_stage *stage = s->pipe->stages; stage; stage = stage->next) {
        stage->apply(stage, &s->env, row);
        if (stage->drops_name)
            gv_row_drop_name(&s->env, row);
    }
}

/* Rows that lose all steps after their name, and rows within a subquery, never come to the sink. */
static void note_unseen(struct gv_stream *s, const struct gv_row *row)
{
    struct gv_worker *w = s->worker;
    if (s->pipe->drops_name)
        gv_push(&w->arena, w->unseen, w->n_unseen, w->cap_unseen) = row->labels->hash ^ s->pipe->salt;
}

int gv_stream_next(struct gv_stream *s, struct gv_row *row)
{
    struct gv_row empty = *row;
    for (;;) {
        *row = empty;
        if (s->pipe->inner || s->pipe->node)
            gv_row_wipe(row, s->pipe->grid.n);
        int more = s->pipe->next(s, row);
        if (more != 1)
            return more;
        apply_stages(s, row);
        if (s->env.err->code != GV_OK)
            return -1;
        bool empty_now = s->pipe->stages && gv_row_is_empty(row, s->pipe->grid.n);
        if (empty_now || s->pipe->salt)
            note_unseen(s, row);
        if (!empty_now)
            return 1;
    }
}

bool gv_count_row(struct gv_stream *s, const struct gv_row *row)
{
    struct gv_worker *w = s->worker;
    uint32_t n = s->pipe->grid.n;
    int64_t samples = gv_row_samples(row, n);
    w->samples.samples_read += samples;
    if (s->pipe->counts != GV_COUNT_NOTHING)
        w->samples.total += samples;
    if (s->pipe->counts == GV_COUNT_STEPS && w->samples.per_step)
        for (uint32_t i = 0; i < n; i++) {
            const struct gv_histogram *h = row->column.histograms ? row->column.histograms[i] : NULL;
            if (gv_bit(row->column.present, i))
                w->samples.per_step[i] += h ? gv_histogram_weight(h) : 1;
        }
    return gv_hold(w, samples) && gv_poll(w, n);
}
