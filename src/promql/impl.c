/* What the callbacks of functions are given to work with: rows, name dropping, annotations. */
#include "promql/impl.h"
#include <stdarg.h>
#include <stdio.h>

/* ---- Rows ---- */

void gv_row_set_histogram(struct gv_env *env, struct gv_row *r, uint32_t n, uint32_t step, const struct gv_histogram *h)
{
    if (!r->column.histograms) {
        const struct gv_histogram **column = gv_arena_try(env->out, n * sizeof *column, env->err);
        if (!column)
            return;
        r->column.histograms = memset(column, 0, n * sizeof *column);
    }
    r->column.histograms[step] = h;
    r->column.values[step] = 0;
    gv_bit_set(r->column.present, step);
}

void gv_row_set(struct gv_env *env, struct gv_row *r, uint32_t n, uint32_t step, struct gv_point p)
{
    if (p.h)
        gv_row_set_histogram(env, r, n, step, p.h);
    else
        gv_row_set_float(r, step, p.f);
}

bool gv_vector_push(struct gv_env *env, struct gv_vector *v, const struct gv_row *row)
{
    if (v->n == v->cap) {
        size_t cap = v->cap ? v->cap * 2 : 8;
        struct gv_row *bigger = gv_arena_try(env->out, cap * sizeof *bigger, env->err);
        if (!bigger)
            return false;
        if (v->n)
            memcpy(bigger, v->rows, v->n * sizeof *bigger);
        v->rows = bigger;
        v->cap = cap;
    }
    v->rows[v->n++] = *row;
    return true;
}

struct gv_row *gv_vector_add(struct gv_env *env, struct gv_vector *v, uint32_t n, const struct gv_labels *labels)
{
    size_t bitmap = gv_bits_words(n) * sizeof(uint64_t);
    char *column = gv_arena_try(env->out, n * sizeof(double) + bitmap, env->err);
    if (!column)
        return NULL;
    struct gv_row r = {.labels = labels};
    r.column.values = (double *)(void *)column;
    r.column.present = memset(column + n * sizeof(double), 0, bitmap);
    return gv_vector_push(env, v, &r) ? &v->rows[v->n - 1] : NULL;
}

static bool is_reserved(struct gv_slice name)
{
    return gv_slice_eq(name, GV_LABEL_NAME) || gv_slice_eq(name, GV_LABEL_TYPE) || gv_slice_eq(name, GV_LABEL_UNIT);
}

const struct gv_labels *gv_labels_drop_reserved(struct gv_arena *a, const struct gv_labels *l)
{
    struct gv_label kept[64];
    struct gv_label *labels = l->count <= GV_COUNT(kept) ? kept : gv_arena_array(a, struct gv_label, l->count);
    size_t n = 0;
    struct gv_labels_iter it = gv_labels_iter(l);
    while (gv_labels_next(&it, &labels[n]))
        n += !is_reserved(labels[n].name);
    return n == l->count ? l : gv_labels_make(a, labels, n);
}

void gv_row_drop_name(struct gv_env *env, struct gv_row *r)
{
    r->drop_name = true;
    if (!gv_env_has(env, GV_FEATURE_DELAYED_NAME_REMOVAL))
        r->labels = gv_labels_drop_reserved(env->out, r->labels);
}

/* ---- Annotations ---- */

static char *position(struct gv_env *env, struct gv_pos_range pos)
{
    if (!env->options->text.n)
        return gv_arena_printf(env->scratch, "%s", "");
    unsigned line, col;
    gv_promql_line_col(env->options->text, pos.start, &line, &col);
    return gv_arena_printf(env->scratch, " (%u:%u)", line, col);
}

static bool is_repeated(struct gv_env *env, const char *fmt, uint64_t subject)
{
    bool repeated = env->last_format == fmt && env->last_subject == subject;
    env->last_format = fmt;
    env->last_subject = subject;
    return repeated;
}

static char *vprint(struct gv_env *env, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    char *text = gv_arena_alloc(env->scratch, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

static void note(struct gv_env *env, struct gv_pos_range pos, uint64_t subject, bool warning, const char *fmt,
                 va_list args)
{
    if (is_repeated(env, fmt, subject ^ pos.start))
        return;
    const char *text = vprint(env, fmt, args), *place = position(env, pos);
    if (warning)
        gv_warn(env->notes, "PromQL warning: %s%s", text, place);
    else
        gv_info(env->notes, "PromQL info: %s%s", text, place);
}

void gv_note_warning(struct gv_env *env, struct gv_pos_range pos, uint64_t subject, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    note(env, pos, subject, true, fmt, args);
    va_end(args);
}

void gv_note_info(struct gv_env *env, struct gv_pos_range pos, uint64_t subject, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    note(env, pos, subject, false, fmt, args);
    va_end(args);
}

const char *gv_quoted(struct gv_env *env, struct gv_slice s)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_add_quoted(&b, s);
    const char *text = gv_arena_dup(env->scratch, gv_buf_slice(&b)).p;
    gv_buf_fini(&b);
    return text;
}

const char *gv_for_metric(struct gv_env *env, struct gv_slice name)
{
    return name.n ? gv_arena_printf(env->scratch, " for metric name %s", gv_quoted(env, name)) : "";
}

struct gv_slice gv_metric_name(const struct gv_labels *l)
{
    return gv_labels_get(l, GV_LABEL_NAME);
}

uint64_t gv_metric_subject(const struct gv_labels *l)
{
    struct gv_slice name = gv_metric_name(l);
    return gv_hash(name.p, name.n);
}
