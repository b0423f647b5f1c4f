/* Annotations that are raised in more than one place. */
#include "promql/notes.h"
#include "base/number.h"
#include <math.h>

struct gv_pos_range gv_range_pos(const struct gv_range_call *c)
{
    const struct gv_expr *e = c->range_arg;
    if (e->kind == GV_EXPR_FEED && e->feed.origin)
        e = e->feed.origin;
    return e->kind == GV_EXPR_SUBQUERY ? (struct gv_pos_range){0, 0} : e->pos;
}

const char *gv_range_metric(const struct gv_range_call *c)
{
    return gv_quoted(c->env, gv_metric_name(c->labels));
}

void gv_note_mixed_samples(const struct gv_range_call *c)
{
    gv_note_warning(c->env, gv_range_pos(c), gv_metric_subject(c->labels),
                    "encountered a mix of histograms and floats for metric name %s", gv_range_metric(c));
}

void gv_note_ignored_histograms(const struct gv_range_call *c, struct gv_pos_range pos)
{
    gv_note_info(c->env, pos, gv_metric_subject(c->labels),
                 "ignored histograms in a range containing both floats and histograms for metric name %s",
                 gv_range_metric(c));
}

void gv_note_not_counter(const struct gv_range_call *c)
{
    gv_note_warning(c->env, gv_range_pos(c), gv_metric_subject(c->labels),
                    "this native histogram metric is not a counter: %s", gv_range_metric(c));
}

void gv_note_not_gauge(const struct gv_range_call *c)
{
    gv_note_warning(c->env, gv_range_pos(c), gv_metric_subject(c->labels),
                    "this native histogram metric is not a gauge: %s", gv_range_metric(c));
}

void gv_note_mixed_schemas(const struct gv_range_call *c)
{
    gv_note_schemas(c->env, gv_range_pos(c), c->labels);
}

void gv_note_schemas(struct gv_env *env, struct gv_pos_range pos, const struct gv_labels *labels)
{
    gv_note_warning(
        env, pos, gv_metric_subject(labels),
        "vector contains a mix of histograms with exponential and custom buckets schemas for metric name %s",
        gv_quoted(env, gv_metric_name(labels)));
}

static const char *op_text(enum gv_histogram_op op)
{
    static const char *const texts[] = {"addition", "subtraction", "aggregation"};
    return texts[op];
}

void gv_note_collision(struct gv_env *env, struct gv_pos_range pos, enum gv_histogram_op op)
{
    gv_note_warning(env, pos, op, "conflicting counter resets during histogram %s", op_text(op));
}

void gv_note_reconciled(struct gv_env *env, struct gv_pos_range pos, enum gv_histogram_op op)
{
    gv_note_info(env, pos, op, "mismatched custom buckets were reconciled during %s", op_text(op));
}

void gv_note_quantile(struct gv_env *env, struct gv_pos_range pos, double phi)
{
    if (phi >= 0 && phi <= 1)
        return;
    char text[GV_DOUBLE_MAX];
    gv_double_format_g(text, phi);
    gv_note_warning(env, pos, gv_hash(&phi, sizeof phi), "quantile value should be between 0 and 1, got %s", text);
}

uint32_t gv_other_schema(const struct gv_histogram_samples *h, uint32_t lo, uint32_t hi)
{
    uint32_t i = lo;
    while (i < hi && gv_histogram_compatible(h->values[i], h->values[lo]))
        i++;
    return i;
}
