/* Running a pipe: each partition is a stream on one thread; its rows go, in series order, into a vector or a sink.
 *
 * Alone:   partition 0, 1, ... one row at a time ──► sink (take, add over all steps, done)
 * Workers: waves of partitions, each into rows of its own (by series) ──► barrier ──►
 *          sink: take in order on one thread; add by ranges of steps on all; done in order
 * Either way a step sees the rows in the same order, so sums are the same bit for bit. */
#include "promql/engine.h"
#include "promql/hash_set.h"

enum { PARTS_PER_WORKER = 8 };

size_t gv_pipe_parts(const struct gv_engine *ev)
{
    const struct gv_executor *x = ev->options->executor;
    return x && x->workers > 1 ? (size_t)x->workers * PARTS_PER_WORKER : 1;
}

/* ---- One run ---- */

struct run {
    struct gv_pipe *pipe;
    struct gv_engine *ev;
    struct gv_sink *sink;
    bool must_differ; /* two rows with equal labels: evaluate again, exactly */
    struct gv_hash_set seen;
};

static void run_init(struct run *r, struct gv_pipe *p, struct gv_sink *sink)
{
    *r = (struct run){.pipe = p, .ev = p->ev, .sink = sink};
    r->must_differ = p->drops_name && !(p->ev->options->features & GV_FEATURE_DELAYED_NAME_REMOVAL);
    gv_hash_set_init(&r->seen, p->ev->options->budget);
}

static void run_fini(struct run *r)
{
    gv_hash_set_fini(&r->seen);
}

static bool check_differs(struct run *r, uint64_t hash)
{
    bool is_new;
    if (!r->must_differ)
        return true;
    if (!gv_hash_set_add(&r->seen, hash, &is_new, &r->ev->main.err))
        return false;
    if (is_new)
        return true;
    r->ev->restart = true;
    return gv_fail(&r->ev->main.err, GV_INTERNAL, "series are equal without their name");
}

static bool check_unseen(struct run *r, struct gv_worker *w)
{
    size_t n = w->n_unseen;
    w->n_unseen = 0;
    for (size_t i = 0; i < n; i++)
        if (!check_differs(r, w->unseen[i]))
            return false;
    return true;
}

static void keep_labels(struct gv_stream *s, struct gv_row *row)
{
    if (s->labels && row->labels == s->labels)
        row->labels = gv_labels_dup(s->env.out, row->labels);
}

/* All rows of one partition into a vector; out is the stream's. */
static bool collect_part(struct gv_pipe *p, size_t part, struct gv_worker *w, struct gv_arena *out, struct gv_vector *v)
{
    struct gv_stream *s = gv_stream_open(p, part, w, out);
    if (!s)
        return false;
    struct gv_row spare = {0};
    int more = 1;
    while (more == 1) {
        if (!spare.column.values && !gv_row_new(&s->env, &spare, p->grid.n))
            more = -1;
        struct gv_row row = spare;
        if (more != 1 || (more = gv_stream_next(s, &row)) != 1)
            break;
        keep_labels(s, &row);
        if (row.column.values == spare.column.values)
            spare.column.values = NULL;
        if (!gv_vector_push(&s->env, v, &row))
            more = -1;
    }
    gv_stream_close(s);
    return more == 0;
}

static bool sink_row(struct run *r, struct gv_env *env, const struct gv_row *row)
{
    void *slot = NULL;
    return check_differs(r, row->labels->hash) && r->sink->take(r->sink, row, &slot) &&
           r->sink->add(r->sink, env, slot, row, 0, r->pipe->grid.n) &&
           (!r->sink->done || r->sink->done(r->sink, row, slot));
}

static bool feed_part(struct run *r, size_t part)
{
    struct gv_worker *w = &r->ev->main;
    struct gv_stream *s = gv_stream_open(r->pipe, part, w, NULL);
    if (!s)
        return false;
    struct gv_env env = gv_main_env(r->ev, r->sink->arena, &s->scratch);
    struct gv_row row = {0}, column = {0};
    int more = gv_row_new(&(struct gv_env){.out = &s->own, .err = &w->err}, &column, r->pipe->grid.n) ? 1 : -1;
    while (more == 1) {
        row = column;
        more = gv_stream_next(s, &row);
        if (more == 1 && !sink_row(r, &env, &row))
            more = -1;
    }
    gv_stream_close(s);
    return more == 0 && check_unseen(r, w);
}

/* ---- Waves ---- */

struct part {
    struct gv_worker worker;
    struct gv_arena arena;
    struct gv_vector rows;
    void **slots;
    bool ok;
};

struct lane { /* a range of steps */
    struct gv_worker worker;
    struct gv_arena arena, scratch;
    uint32_t lo, hi;
    bool ok;
};

struct wave {
    struct run *run;
    struct part *parts;
    struct lane *lanes;
    size_t first, n, n_lanes;
};

static void collect_one(void *arg, size_t i)
{
    struct wave *w = arg;
    struct part *part = &w->parts[i];
    part->ok = collect_part(w->run->pipe, w->first + i, &part->worker, &part->arena, &part->rows);
}

static void part_init(struct part *part, struct gv_engine *ev)
{
    *part = (struct part){.ok = false};
    gv_worker_init(&part->worker, ev);
    part->worker.base = ev->main.samples.current;
    if (ev->main.samples.per_step)
        part->worker.samples.per_step = gv_arena_array(&part->worker.arena, int64_t, ev->grid.n);
    gv_arena_init(&part->arena, ev->options->budget);
}

static bool join_worker(struct gv_engine *ev, struct gv_worker *w, bool ok)
{
    gv_annotations_merge(&ev->main.notes, &w->notes);
    if (!ok && ev->main.err.code == GV_OK)
        ev->main.err = w->err;
    ok &= gv_samples_join(ev, w);
    gv_worker_fini(w);
    return ok;
}

/* Collects partitions first.. of the pipe side by side; false where one failed. Arenas are the caller's to end. */
static bool run_parts(struct wave *w)
{
    struct gv_executor *x = w->run->ev->options->executor;
    for (size_t i = 0; i < w->n; i++)
        part_init(&w->parts[i], w->run->ev);
    x->run(x, collect_one, w, w->n);
    bool ok = true;
    for (size_t i = 0; i < w->n; i++) {
        ok = ok && check_unseen(w->run, &w->parts[i].worker);
        ok &= join_worker(w->run->ev, &w->parts[i].worker, w->parts[i].ok);
    }
    return ok;
}

static bool take_rows(struct wave *w)
{
    struct run *r = w->run;
    for (size_t i = 0; i < w->n; i++) {
        struct part *part = &w->parts[i];
        part->slots = gv_arena_array(&part->arena, void *, part->rows.n);
        for (size_t j = 0; j < part->rows.n; j++)
            if (!check_differs(r, part->rows.rows[j].labels->hash) ||
                !r->sink->take(r->sink, &part->rows.rows[j], &part->slots[j]) ||
                !gv_poll(&r->ev->main, r->pipe->grid.n))
                return false;
    }
    return true;
}

static void add_lane(void *arg, size_t i)
{
    struct wave *w = arg;
    struct lane *lane = &w->lanes[i];
    struct gv_env env = {.options = w->run->ev->options,
                         .out = &lane->arena,
                         .scratch = &lane->scratch,
                         .notes = &lane->worker.notes,
                         .err = &lane->worker.err};
    struct gv_arena_mark start = gv_arena_mark(&lane->scratch);
    for (size_t p = 0; p < w->n; p++)
        for (size_t j = 0; j < w->parts[p].rows.n && lane->ok; j++) {
            lane->ok = w->run->sink->add(w->run->sink, &env, w->parts[p].slots[j], &w->parts[p].rows.rows[j], lane->lo,
                                         lane->hi) &&
                       gv_poll(&lane->worker, lane->hi - lane->lo);
            gv_arena_rewind(&lane->scratch, start);
        }
}

static bool finish_rows(struct wave *w)
{
    struct gv_sink *sink = w->run->sink;
    for (size_t i = 0; sink->done && i < w->n; i++)
        for (size_t j = 0; j < w->parts[i].rows.n; j++)
            if (!sink->done(sink, &w->parts[i].rows.rows[j], w->parts[i].slots[j]))
                return false;
    return true;
}

static bool lanes_ok(const struct wave *w)
{
    for (size_t i = 0; i < w->n_lanes; i++)
        if (!w->lanes[i].ok)
            return false;
    return true;
}

static bool feed_wave(struct wave *w)
{
    struct gv_executor *x = w->run->ev->options->executor;
    bool ok = run_parts(w) && take_rows(w);
    if (ok) {
        x->run(x, add_lane, w, w->n_lanes);
        ok = lanes_ok(w) && finish_rows(w);
    }
    for (size_t i = 0; i < w->n; i++)
        gv_arena_fini(&w->parts[i].arena);
    return ok;
}

/* Lanes end at whole words of the bitmaps, so that no two write the same one. */
static void cut_lanes(struct wave *w, struct gv_arena *a)
{
    size_t words = gv_bits_words(w->run->pipe->grid.n), workers = w->run->ev->options->executor->workers;
    w->n_lanes = words < workers ? words : workers;
    w->lanes = gv_arena_array(a, struct lane, w->n_lanes);
    for (size_t i = 0; i < w->n_lanes; i++) {
        struct lane *lane = &w->lanes[i];
        gv_worker_init(&lane->worker, w->run->ev);
        gv_arena_init(&lane->arena, w->run->ev->options->budget);
        gv_arena_init(&lane->scratch, w->run->ev->options->budget);
        lane->lo = (uint32_t)(words * i / w->n_lanes) * 64;
        lane->hi = i + 1 < w->n_lanes ? (uint32_t)(words * (i + 1) / w->n_lanes) * 64 : w->run->pipe->grid.n;
        lane->ok = true;
    }
}

static bool feed_waves(struct run *r)
{
    struct gv_arena a;
    gv_arena_init(&a, r->ev->options->budget);
    size_t workers = r->ev->options->executor->workers;
    struct wave w = {.run = r, .parts = gv_arena_array(&a, struct part, workers)};
    cut_lanes(&w, &a);
    bool ok = true;
    for (w.first = 0; ok && w.first < r->pipe->n_parts; w.first += w.n) {
        w.n = r->pipe->n_parts - w.first < workers ? r->pipe->n_parts - w.first : workers;
        ok = feed_wave(&w);
    }
    for (size_t i = 0; i < w.n_lanes; i++) {
        ok &= join_worker(r->ev, &w.lanes[i].worker, w.lanes[i].ok);
        gv_arena_join(r->sink->arena, &w.lanes[i].arena);
        gv_arena_fini(&w.lanes[i].scratch);
    }
    gv_arena_fini(&a);
    return ok;
}

static bool is_parallel(const struct gv_pipe *p)
{
    const struct gv_executor *x = p->ev->options->executor;
    return x && x->workers > 1 && p->n_parts > 1;
}

bool gv_pipe_feed(struct gv_pipe *p, struct gv_sink *sink)
{
    struct run r;
    run_init(&r, p, sink);
    bool ok = true;
    if (is_parallel(p))
        ok = feed_waves(&r);
    for (size_t part = 0; !is_parallel(p) && ok && part < p->n_parts; part++)
        ok = feed_part(&r, part);
    run_fini(&r);
    return ok;
}

/* ---- Collecting ---- */

static bool append_rows(struct run *r, struct part *part, struct gv_arena *out, struct gv_vector *v)
{
    struct gv_env env = gv_main_env(r->ev, out, &r->ev->arena);
    for (size_t i = 0; i < part->rows.n; i++) {
        if (!check_differs(r, part->rows.rows[i].labels->hash))
            return false;
        if (!gv_vector_push(&env, v, &part->rows.rows[i]))
            return false;
    }
    return true;
}

static bool collect_parallel(struct run *r, struct gv_arena *out, struct gv_vector *v)
{
    struct gv_arena a;
    gv_arena_init(&a, r->ev->options->budget);
    struct wave w = {.run = r, .n = r->pipe->n_parts, .parts = gv_arena_array(&a, struct part, r->pipe->n_parts)};
    bool ok = run_parts(&w);
    for (size_t i = 0; i < w.n; i++) {
        ok = ok && append_rows(r, &w.parts[i], out, v);
        gv_arena_join(out, &w.parts[i].arena);
    }
    gv_arena_fini(&a);
    return ok;
}

static bool collect_alone(struct run *r, struct gv_arena *out, struct gv_vector *v)
{
    for (size_t part = 0; part < r->pipe->n_parts; part++) {
        size_t from = v->n;
        if (!collect_part(r->pipe, part, &r->ev->main, out, v))
            return false;
        for (; from < v->n; from++)
            if (!check_differs(r, v->rows[from].labels->hash))
                return false;
        if (!check_unseen(r, &r->ev->main))
            return false;
    }
    return true;
}

bool gv_pipe_collect(struct gv_pipe *p, struct gv_arena *out, struct gv_vector *v)
{
    *v = (struct gv_vector){0};
    struct run r;
    run_init(&r, p, NULL);
    bool ok = is_parallel(p) ? collect_parallel(&r, out, v) : collect_alone(&r, out, v);
    run_fini(&r);
    return ok;
}
