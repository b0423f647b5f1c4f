/* Binary operators on points: float and float, float and histogram, two histograms; and on whole rows of them.
 * What the operator cannot do with the two types leaves no point, and an annotation. */
#include "promql/operators.h"
#include "promql/notes.h"
#include <math.h>

bool gv_op_drops_name(enum gv_op op)
{
    return op >= GV_OP_ADD && op <= GV_OP_ATAN2;
}

double gv_scalar_op(enum gv_op op, double l, double r)
{
    switch (op) {
    case GV_OP_ADD:
        return l + r;
    case GV_OP_SUB:
        return l - r;
    case GV_OP_MUL:
        return l * r;
    case GV_OP_DIV:
        return l / r;
    case GV_OP_MOD:
        return fmod(l, r);
    case GV_OP_POW:
        return pow(l, r);
    case GV_OP_ATAN2:
        return atan2(l, r);
    case GV_OP_EQ:
        return l == r;
    case GV_OP_NE:
        return l != r;
    case GV_OP_LT:
        return l < r;
    case GV_OP_GT:
        return l > r;
    case GV_OP_LE:
        return l <= r;
    case GV_OP_GE:
        return l >= r;
    default:
        return 0;
    }
}

/* ---- Points with a histogram among them ---- */

enum verdict { KEPT, DROPPED, UNFIT }; /* UNFIT: the types do not go together */

static enum verdict unfit(const struct gv_row_op *o, const struct gv_point *l, const struct gv_point *r)
{
    const char *op = gv_op_text(o->op);
    gv_note_info(o->env, o->pos, (uint64_t)(l->h != NULL) * 2 + (r->h != NULL),
                 "incompatible sample types encountered for binary operator %s: %s %s %s",
                 gv_quoted(o->env, gv_slice_of(op)), l->h ? "histogram" : "float", op, r->h ? "histogram" : "float");
    return UNFIT;
}

static enum verdict give(struct gv_point *out, const struct gv_histogram *h)
{
    *out = (struct gv_point){0, h};
    return KEPT;
}

static enum verdict scale(const struct gv_row_op *o, const struct gv_point *l, const struct gv_point *r,
                          struct gv_point *out)
{
    struct gv_arena *a = o->env->scratch;
    const struct gv_histogram *h = l->h ? l->h : r->h;
    double f = l->h ? r->f : l->f;
    switch (o->op) {
    case GV_OP_MUL:
        return give(out, gv_histogram_compact(a, gv_histogram_multiply(a, h, f)));
    case GV_OP_DIV:
        return l->h ? give(out, gv_histogram_compact(a, gv_histogram_divide(a, h, f))) : unfit(o, l, r);
    case GV_OP_TRIM_UPPER:
    case GV_OP_TRIM_LOWER:
        return l->h ? give(out, gv_histogram_trim(a, h, f, o->op == GV_OP_TRIM_UPPER)) : unfit(o, l, r);
    default:
        return unfit(o, l, r);
    }
}

static void note_sum(const struct gv_row_op *o, const struct gv_histogram_notes *notes)
{
    enum gv_histogram_op op = o->op == GV_OP_ADD ? GV_HISTOGRAM_ADDITION : GV_HISTOGRAM_SUBTRACTION;
    if (notes->reset_collision)
        gv_note_collision(o->env, o->pos, op);
    if (notes->bounds_reconciled)
        gv_note_reconciled(o->env, o->pos, op);
}

static enum verdict combine(const struct gv_row_op *o, const struct gv_point *l, const struct gv_point *r,
                            struct gv_point *out)
{
    if (!gv_histogram_compatible(l->h, r->h)) {
        gv_note_warning(o->env, o->pos, 0, "incompatible bucket layout encountered for binary operator %s",
                        gv_op_text(o->op));
        return UNFIT;
    }
    struct gv_arena *a = o->env->scratch;
    struct gv_histogram_notes notes = {false, false};
    const struct gv_histogram *sum = (o->op == GV_OP_ADD ? gv_histogram_add : gv_histogram_sub)(a, l->h, r->h, &notes);
    note_sum(o, &notes);
    if (notes.reset_collision)
        return UNFIT;
    sum = gv_histogram_compact(a, sum);
    return give(out, o->op == GV_OP_ADD ? sum : gv_histogram_with_hint(a, sum, GV_RESET_GAUGE));
}

static enum verdict of_two_histograms(const struct gv_row_op *o, const struct gv_point *l, const struct gv_point *r,
                                      struct gv_point *out)
{
    switch (o->op) {
    case GV_OP_ADD:
    case GV_OP_SUB:
        return combine(o, l, r, out);
    case GV_OP_EQ:
    case GV_OP_NE:
        *out = *l;
        return gv_histogram_eq(l->h, r->h) == (o->op == GV_OP_EQ) ? KEPT : DROPPED;
    default:
        return unfit(o, l, r);
    }
}

static enum verdict of_floats(const struct gv_row_op *o, const struct gv_point *l, const struct gv_point *r,
                              struct gv_point *out)
{
    if (o->op == GV_OP_TRIM_UPPER || o->op == GV_OP_TRIM_LOWER)
        return unfit(o, l, r);
    double f = gv_scalar_op(o->op, l->f, r->f);
    bool compares = gv_op_is_comparison(o->op);
    *out = (struct gv_point){compares ? l->f : f, NULL};
    return compares && f == 0 ? DROPPED : KEPT;
}

static enum verdict apply_point(const struct gv_row_op *o, const struct gv_point *l, const struct gv_point *r,
                                struct gv_point *out)
{
    if (!l->h && !r->h)
        return of_floats(o, l, r, out);
    return l->h && r->h ? of_two_histograms(o, l, r, out) : scale(o, l, r, out);
}

/* ---- Rows ---- */

static void apply_points(const struct gv_row_op *o, const struct gv_row *l, const struct gv_row *r, struct gv_row *out)
{
    struct gv_arena_mark start = gv_arena_mark(o->env->scratch);
    for (uint32_t i = 0; i < o->n; i++) {
        struct gv_point left, right, point;
        bool both = gv_row_get(l, i, &left) && gv_row_get(r, i, &right);
        gv_row_clear(out, i);
        if (!both)
            continue;
        enum verdict verdict = apply_point(o, &left, &right, &point);
        if (verdict != UNFIT && o->matched)
            gv_bit_set(o->matched, i);
        if (o->right_value_kept && gv_op_is_comparison(o->op))
            point = right;
        if (o->returns_bool && verdict != UNFIT)
            gv_row_set_float(out, i, verdict == KEPT);
        else if (verdict == KEPT)
            gv_row_set(o->env, out, o->n, i,
                       point.h ? (struct gv_point){0, gv_histogram_dup(o->env->out, point.h)} : point);
        gv_arena_rewind(o->env->scratch, start);
    }
}

/* Absent places are computed too: it is cheaper than to look. */
static void arithmetic(enum gv_op op, const double *l, const double *r, double *out, uint32_t n)
{
    switch (op) {
    case GV_OP_ADD:
        for (uint32_t i = 0; i < n; i++)
            out[i] = l[i] + r[i];
        break;
    case GV_OP_SUB:
        for (uint32_t i = 0; i < n; i++)
            out[i] = l[i] - r[i];
        break;
    case GV_OP_MUL:
        for (uint32_t i = 0; i < n; i++)
            out[i] = l[i] * r[i];
        break;
    case GV_OP_DIV:
        for (uint32_t i = 0; i < n; i++)
            out[i] = l[i] / r[i];
        break;
    default:
        for (uint32_t i = 0; i < n; i++)
            out[i] = gv_scalar_op(op, l[i], r[i]);
    }
}

static void mark_matched(const struct gv_row_op *o, const struct gv_row *l, const struct gv_row *r)
{
    for (size_t w = 0; o->matched && w < gv_bits_words(o->n); w++)
        o->matched[w] |= l->column.present[w] & r->column.present[w];
}

static void compare_floats(const struct gv_row_op *o, const struct gv_row *l, const struct gv_row *r,
                           struct gv_row *out)
{
    const double *kept = o->right_value_kept ? r->column.values : l->column.values;
    for (uint32_t i = 0; i < o->n; i++) {
        if (!gv_bit(out->column.present, i))
            continue;
        bool holds = gv_scalar_op(o->op, l->column.values[i], r->column.values[i]) != 0;
        if (o->returns_bool)
            out->column.values[i] = holds;
        else if (holds)
            out->column.values[i] = kept[i];
        else
            gv_row_clear(out, i);
    }
}

void gv_row_apply(const struct gv_row_op *o, const struct gv_row *l, const struct gv_row *r, struct gv_row *out)
{
    bool trims = o->op == GV_OP_TRIM_UPPER || o->op == GV_OP_TRIM_LOWER;
    if (l->column.histograms || r->column.histograms || trims) {
        apply_points(o, l, r, out);
        return;
    }
    mark_matched(o, l, r);
    for (size_t w = 0; w < gv_bits_words(o->n); w++)
        out->column.present[w] = l->column.present[w] & r->column.present[w];
    if (gv_op_is_comparison(o->op))
        compare_floats(o, l, r, out);
    else
        arithmetic(o->op, l->column.values, r->column.values, out->column.values, o->n);
}

/* ---- Stages ---- */

void gv_stage_negate(const struct gv_stage *s, struct gv_env *env, struct gv_row *row)
{
    for (uint32_t i = 0; i < s->call.grid.n; i++)
        row->column.values[i] = -row->column.values[i];
    for (uint32_t i = 0; row->column.histograms && i < s->call.grid.n; i++)
        if (gv_bit(row->column.present, i) && row->column.histograms[i])
            row->column.histograms[i] =
                gv_histogram_dup(env->out, gv_histogram_multiply(env->scratch, row->column.histograms[i], -1));
}

void gv_stage_scalar(const struct gv_stage *s, struct gv_env *env, struct gv_row *row)
{
    const struct gv_expr *e = s->node->expr;
    struct gv_row_op o = {.env = env,
                          .op = e->binary.op,
                          .returns_bool = e->binary.returns_bool,
                          .right_value_kept = s->scalar_left,
                          .pos = e->pos,
                          .n = s->call.grid.n};
    if (s->scalar_left)
        gv_row_apply(&o, &s->scalar, row, row);
    else
        gv_row_apply(&o, row, &s->scalar, row);
}
