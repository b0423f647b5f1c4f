/* An instant eval is run as written and again with `@ T` on every selector at five other times, where all must agree;
 * each of these also as a range query from a minute before to a minute after, whose middle step must agree. */
#include "cases.h"
#include "clusters.h"
#include "compare.h"
#include "promql/functions.h"
#include "promql/print.h"

enum { MINUTE = 60000 };

struct form {
    struct engine *engine;
    struct storage *storage;
    const struct eval *eval;
    struct gv_slice text;
    int64_t time;
};

static bool name_form(const struct form *f, struct gv_buf *why, const char *mode)
{
    struct gv_buf said = GV_BUF_INIT;
    gv_buf_printf(&said, "%s %s at %lld ms: ", gv_slice_eq(f->text, f->eval->text) ? "as written," : "with @,", mode,
                  (long long)f->time);
    if (!gv_slice_eq(f->text, f->eval->text))
        gv_buf_printf(&said, "%.*s: ", GV_ARG(f->text));
    gv_buf_add_slice(&said, gv_buf_slice(why));
    gv_buf_clear(why);
    gv_buf_add_slice(why, gv_buf_slice(&said));
    gv_buf_fini(&said);
    return false;
}

/* A result, or the failure that was expected (then *done). */
static bool run(const struct form *f, struct gv_arena *a, int64_t start, int64_t end, int64_t step, struct gv_result *r,
                bool *done, struct gv_buf *why)
{
    struct gv_err err = {0};
    bool ran = engine_run(f->engine, a, f->storage, f->text, start, end, step, r, &err);
    *done = !ran;
    if (!ran && expects(f->eval, EXPECT_FAIL))
        return compare_failure(f->eval, err.msg, why);
    if (!ran)
        gv_buf_printf(why, "failed: %s", err.msg);
    else if (expects(f->eval, EXPECT_FAIL))
        gv_buf_adds(why, "expected a failure, got none");
    return ran && !expects(f->eval, EXPECT_FAIL);
}

/* ---- Planned and in one ---- */

static bool agree(const struct form *f, int64_t start, int64_t end, int64_t step, struct gv_buf *why)
{
    struct form_of_query q = {.text = f->text,
                              .start = start,
                              .end = end,
                              .step = step,
                              .ordered = !step && expects(f->eval, EXPECT_ORDERED),
                              .same_notes = true};
    return clusters_agree(f->storage, f->engine->clusters, f->engine->executor, &q, why);
}

static bool agree_instant(const struct form *f, struct gv_buf *why)
{
    if (!agree(f, f->time, f->time, 0, why))
        return name_form(f, why, "instant");
    return agree(f, f->time - MINUTE, f->time + MINUTE, MINUTE, why) || name_form(f, why, "range");
}

/* ---- Against what the script expects ---- */

static bool run_range(const struct form *f, struct gv_arena *a, struct gv_buf *why)
{
    const struct eval *e = f->eval;
    struct gv_result r;
    bool done;
    if (f->engine->clusters)
        return agree(f, e->start, e->end, e->step, why);
    return run(f, a, e->start, e->end, e->step, &r, &done, why) &&
           (done || (compare_notes(e, &r.notes, why) && compare_result(e, &r, why)));
}

/* start(), end(), step() and range() say other things in a range query. */
static bool speaks_of_its_range(struct gv_slice text)
{
    static const char *const words[] = {"start()", "end()", "step()", "range()"};
    for (size_t i = 0; i < GV_COUNT(words); i++) {
        if (memmem(text.p, text.n, words[i], strlen(words[i])))
            return true;
    }
    return false;
}

static bool run_as_range(const struct form *f, struct gv_arena *a, bool scalar, struct gv_buf *why)
{
    struct gv_result r;
    struct gv_err err = {0};
    if (!engine_run(f->engine, a, f->storage, f->text, f->time - MINUTE, f->time + MINUTE, MINUTE, &r, &err)) {
        gv_buf_printf(why, "failed: %s", err.msg);
        return false;
    }
    return expects(f->eval, EXPECT_ORDERED) || compare_step(f->eval, &r, f->time, scalar, why);
}

static bool run_instant(const struct form *f, struct gv_arena *a, struct gv_buf *why)
{
    const struct eval *e = f->eval;
    struct gv_result r;
    bool done;
    if (f->engine->clusters)
        return agree_instant(f, why);
    if (!run(f, a, f->time, f->time, 0, &r, &done, why) ||
        (!done && (!compare_notes(e, &r.notes, why) || !compare_result(e, &r, why))))
        return name_form(f, why, "instant");
    if (done || e->is_matrix || e->expects_string || speaks_of_its_range(f->text))
        return true;
    return run_as_range(f, a, r.type == GV_RESULT_SCALAR, why) || name_form(f, why, "range");
}

/* ---- The forms with @ ---- */

struct pinning {
    int64_t time;
    bool unsafe; /* a function's value depends on the evaluation time, whatever @ says */
};

/* A subquery's own @ holds for all below it. */
static enum gv_walk pin(struct gv_expr *e, void *arg)
{
    struct pinning *p = arg;
    struct gv_time_shift *shift = e->kind == GV_EXPR_SELECTOR   ? &e->selector.shift
                                  : e->kind == GV_EXPR_SUBQUERY ? &e->subquery.shift
                                                                : NULL;
    if (shift && shift->at != GV_AT_TIME) {
        shift->at = GV_AT_TIME;
        shift->at_ms = p->time;
    }
    p->unsafe |= e->kind == GV_EXPR_CALL && e->call.function->flags & GV_FN_AT_UNSAFE;
    return e->kind == GV_EXPR_SUBQUERY ? GV_WALK_PRUNE : GV_WALK_ON;
}

/* The text with @; empty where that form makes no sense. */
static struct gv_slice pinned_text(struct gv_arena *a, const struct eval *e)
{
    struct gv_err err = {0};
    struct pinning p = {.time = e->time};
    struct gv_expr *expr = gv_promql_parse(a, e->text, ~0u, &err);
    if (!expr)
        return (struct gv_slice){0}; /* said already, by the form as written */
    gv_expr_walk(expr, pin, &p);
    if (p.unsafe)
        return (struct gv_slice){0};
    struct gv_buf text = GV_BUF_INIT;
    gv_promql_print(&text, expr);
    struct gv_slice kept = gv_arena_dup(a, gv_buf_slice(&text));
    gv_buf_fini(&text);
    return kept;
}

static size_t other_times(int64_t t, int64_t times[5])
{
    if (t == 0) {
        memcpy(times, (int64_t[]){-1000, 0, 1000}, 3 * sizeof *times);
        return 3;
    }
    memcpy(times, (int64_t[]){-10 * t, 0, t / 5, t, 10 * t}, 5 * sizeof *times);
    return 5;
}

static bool run_pinned(struct form f, struct gv_arena *a, struct gv_buf *why)
{
    int64_t times[5];
    f.text = pinned_text(a, f.eval);
    size_t n = f.text.n ? other_times(f.eval->time, times) : 0;
    for (size_t i = 0; i < n; i++) {
        struct gv_arena_mark mark = gv_arena_mark(a);
        f.time = times[i];
        if (!run_instant(&f, a, why))
            return false;
        gv_arena_rewind(a, mark);
    }
    return true;
}

bool run_eval(struct engine *en, struct storage *s, const struct eval *e, struct gv_buf *why)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct form f = {en, s, e, e->text, e->time};
    bool good = e->is_range ? run_range(&f, &a, why) : run_instant(&f, &a, why) && run_pinned(f, &a, why);
    gv_arena_fini(&a);
    return good;
}
