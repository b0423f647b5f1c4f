/* One eval in all its forms, which must all give what the script expects:
 *
 *   range eval     as written
 *   instant eval   as written, at T
 *                  pinned: the same with `@ T` on all that selects, which frees it from the time of evaluation: asked
 *                  at several other times
 *                  each of these once more as the middle step of a range query of three steps
 *
 * The tree is changed, not the text, so positions in messages stay. With clusters all forms are those of a query that
 * is planned and not, and what is expected of one is what the other gives. */
#include "cases.h"
#include "clusters.h"
#include "compare.h"
#include "promql/functions.h"
#include "promql/print.h"

enum { MINUTE = 60000 };

struct form {
    const char *name;
    bool is_pinned;
    int64_t time; /* of evaluation, ms */
    bool is_middle_step;
};

/* ---- What forms an expression allows ---- */

struct traits {
    enum gv_value_type type;
    bool is_free;       /* pinned, it gives the same at any time */
    bool is_one_moment; /* it does not ask for start, end, step or range of its query: a step is like an instant */
};

static bool is_of_query(struct gv_slice function)
{
    static const char *const names[] = {"start", "end", "step", "range"};
    for (size_t i = 0; i < GV_COUNT(names); i++) {
        if (gv_slice_is(function, names[i]))
            return true;
    }
    return false;
}

/* Whether step() or range() stands in a duration expression; e may be NULL. */
static bool duration_is_of_query(const struct gv_expr *e)
{
    if (!e || e->kind != GV_EXPR_DURATION)
        return false;
    return e->duration.op == GV_OP_STEP || e->duration.op == GV_OP_RANGE || duration_is_of_query(e->duration.lhs) ||
           duration_is_of_query(e->duration.rhs);
}

static enum gv_walk note_traits(struct gv_expr *e, void *arg)
{
    struct traits *t = arg;
    bool of_query = false;
    switch (e->kind) {
    case GV_EXPR_CALL:
        if (e->call.function->flags & GV_FN_AT_UNSAFE)
            t->is_free = false;
        of_query = is_of_query(gv_slice_of(e->call.function->name));
        break;
    case GV_EXPR_SELECTOR:
        of_query = duration_is_of_query(e->selector.shift.offset_expr);
        break;
    case GV_EXPR_MATRIX:
        of_query = duration_is_of_query(e->matrix.range_expr);
        break;
    case GV_EXPR_SUBQUERY:
        of_query = duration_is_of_query(e->subquery.range_expr) || duration_is_of_query(e->subquery.step_expr) ||
                   duration_is_of_query(e->subquery.shift.offset_expr);
        break;
    default:
        break;
    }
    if (of_query)
        t->is_one_moment = false;
    return GV_WALK_ON;
}

static bool find_traits(struct gv_slice text, struct traits *t)
{
    struct gv_arena a;
    struct gv_err err = {0};
    gv_arena_init(&a, NULL);
    struct gv_expr *e = engine_parse(&a, text, &err);
    if (e) {
        *t = (struct traits){e->type, true, true};
        gv_expr_walk(e, note_traits, t);
    }
    gv_arena_fini(&a);
    return e != NULL;
}

/* ---- Pins ---- */

static struct gv_time_shift *shift_of(struct gv_expr *e)
{
    return e->kind == GV_EXPR_SELECTOR ? &e->selector.shift : e->kind == GV_EXPR_SUBQUERY ? &e->subquery.shift : NULL;
}

static void set_at(struct gv_time_shift *shift, int64_t time)
{
    shift->at = GV_AT_TIME;
    shift->at_ms = time;
}

/* `@ start()` and `@ end()` of an instant query at T are `@ T`, wherever they stand. */
static enum gv_walk pin_query_times(struct gv_expr *e, void *time)
{
    struct gv_time_shift *shift = shift_of(e);
    if (shift && (shift->at == GV_AT_START || shift->at == GV_AT_END))
        set_at(shift, *(int64_t *)time);
    return GV_WALK_ON;
}

/* What a subquery holds is evaluated at its steps, which its own `@` decides. */
static enum gv_walk pin_free_times(struct gv_expr *e, void *time)
{
    struct gv_time_shift *shift = shift_of(e);
    if (shift && shift->at == GV_AT_NONE)
        set_at(shift, *(int64_t *)time);
    return e->kind == GV_EXPR_SUBQUERY ? GV_WALK_PRUNE : GV_WALK_ON;
}

/* ---- Runs ---- */

struct trial {
    struct engine *engine;
    struct storage *storage;
    const struct eval *eval;
    struct traits traits;
    struct gv_buf *why;
};

/* The tree that a form evaluates. */
static struct gv_expr *tree_of(const struct trial *t, const struct form *f, struct gv_arena *a, struct gv_err *err)
{
    int64_t time = t->eval->time;
    struct gv_expr *tree = engine_parse(a, t->eval->text, err);
    if (tree && (f->is_pinned || f->is_middle_step))
        gv_expr_walk(tree, pin_query_times, &time);
    if (tree && f->is_pinned)
        gv_expr_walk(tree, pin_free_times, &time);
    return tree;
}

/* start, end and step of a form's query. */
static struct form_of_query query_of(const struct trial *t, const struct form *f)
{
    const struct eval *e = t->eval;
    int64_t beside = f->is_middle_step ? MINUTE : 0;
    if (e->is_range)
        return (struct form_of_query){.text = e->text, .start = e->start, .end = e->end, .step = e->step};
    return (struct form_of_query){.text = e->text, .start = f->time - beside, .end = f->time + beside, .step = beside};
}

static bool run(const struct trial *t, const struct form *f, struct gv_arena *a, struct gv_result *out,
                struct gv_err *err)
{
    struct form_of_query q = query_of(t, f);
    struct gv_expr *tree = tree_of(t, f, a, err);
    return tree && engine_run(t->engine, a, t->storage, q.text, tree, q.start, q.end, q.step, out, err);
}

static bool check_failure(const struct trial *t, const char *message)
{
    if (expects(t->eval, EXPECT_FAIL))
        return compare_failure(t->eval, message, t->why);
    gv_buf_printf(t->why, "failed: %s", message);
    return false;
}

static bool check_result(const struct trial *t, const struct form *f, const struct gv_result *r)
{
    if (expects(t->eval, EXPECT_FAIL)) {
        gv_buf_adds(t->why, "expected an error, got none");
        return false;
    }
    if (!f->is_middle_step)
        return compare_notes(t->eval, &r->notes, t->why) && compare_result(t->eval, r, t->why);
    /* Steps beside the middle one have notes of their own, and range results have one order only. */
    return expects(t->eval, EXPECT_ORDERED) ||
           compare_step(t->eval, r, f->time, t->traits.type == GV_TYPE_SCALAR, t->why);
}

static bool check(const struct trial *t, const struct form *f)
{
    struct gv_arena a;
    struct gv_result r;
    struct gv_err err = {0};
    gv_arena_init(&a, NULL);
    bool good = run(t, f, &a, &r, &err) ? check_result(t, f, &r) : check_failure(t, err.msg);
    gv_arena_fini(&a);
    return good;
}

/* Planned and in one: as they take a text, a pinned tree is printed for them. */
static bool agree(const struct trial *t, const struct form *f)
{
    struct gv_arena a;
    struct gv_err err = {0};
    struct gv_buf text = GV_BUF_INIT;
    gv_arena_init(&a, NULL);
    struct form_of_query q = query_of(t, f);
    struct gv_expr *tree = f->is_pinned ? tree_of(t, f, &a, &err) : NULL;
    if (tree) {
        gv_promql_print(&text, tree);
        q.text = gv_buf_slice(&text);
    }
    q.ordered = q.step == 0 && expects(t->eval, EXPECT_ORDERED);
    bool good = clusters_agree(t->storage, t->engine->clusters, t->engine->executor, &q, t->why);
    gv_buf_fini(&text);
    gv_arena_fini(&a);
    return good;
}

static bool run_form(const struct trial *t, const struct form *f)
{
    gv_buf_clear(t->why);
    if (!t->eval->is_range)
        gv_buf_printf(t->why, "%s, %s %lld ms: ", f->name, f->is_middle_step ? "as a step at" : "instant at",
                      (long long)f->time);
    return t->engine->clusters ? agree(t, f) : check(t, f);
}

/* At a time, and as a step too where it can be one: an error belongs to no step. */
static bool run_at(const struct trial *t, const char *name, bool is_pinned, int64_t time)
{
    struct form form = {name, is_pinned, time, false};
    if (!run_form(t, &form))
        return false;
    form.is_middle_step = true;
    bool has_steps = t->traits.type == GV_TYPE_SCALAR || t->traits.type == GV_TYPE_VECTOR;
    bool can_be_step = has_steps && t->traits.is_one_moment && !expects(t->eval, EXPECT_FAIL);
    return (!can_be_step && !t->engine->clusters) || run_form(t, &form);
}

bool run_eval(struct engine *en, struct storage *s, const struct eval *e, struct gv_buf *why)
{
    const int64_t others[] = {-10 * e->time, 0, e->time / 2, e->time + 67 * MINUTE, 10 * e->time + 1};
    struct trial t = {en, s, e, {0}, why};
    bool parses = find_traits(e->text, &t.traits);
    if (e->is_range || !parses)
        return run_form(&t, &(struct form){.name = "as written", .time = e->time});
    bool good = run_at(&t, "as written", false, e->time);
    for (size_t i = 0; good && t.traits.is_free && i < GV_COUNT(others); i++)
        good = run_at(&t, "with @", true, others[i]);
    return good;
}
