/* Arithmetic and comparison of points and rows. Any thread. */
#pragma once
#include "promql/engine.h"

double gv_scalar_op(enum gv_op op, double l, double r); /* comparisons give 0 or 1 */
bool gv_op_drops_name(enum gv_op op);                   /* arithmetic gives the result another meaning */

/* left op right, step by step, where both are present. */
struct gv_row_op {
    struct gv_env *env; /* histograms go to env->out */
    enum gv_op op;
    bool returns_bool;
    bool right_value_kept; /* comparisons give the right value instead of the left one (scalar op vector) */
    struct gv_pos_range pos;
    uint32_t n;        /* steps */
    uint64_t *matched; /* or NULL: bits are set where both were present and of fitting types, kept or not */
};
/* Into out, which may be l or r. Only steps present in both are computed; the others are cleared. */
void gv_row_apply(const struct gv_row_op *o, const struct gv_row *l, const struct gv_row *r, struct gv_row *out);

/* Stages of a pipe. */
void gv_stage_negate(const struct gv_stage *s, struct gv_env *env, struct gv_row *row);
void gv_stage_scalar(const struct gv_stage *s, struct gv_env *env, struct gv_row *row);
