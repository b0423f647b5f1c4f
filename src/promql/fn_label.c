/* label_replace, label_join: series leave with one label changed. Source: Prometheus, promql/functions.go. */
#include "base/utf8.h"
#include "promql/impl.h"

static bool is_label_name(struct gv_slice name)
{
    return name.n > 0 && gv_utf8_valid(name);
}

static bool fail_length(const struct gv_call *c)
{
    return gv_fail(c->env->err, GV_EXECUTION, "%s(): a label is longer than %d bytes", c->expr->call.function->name,
                   GV_LABEL_MAX_BYTES);
}

/* Sets dst in the row's labels. A name that was to be dropped stays when it is written anew. */
static bool set_label(struct gv_call *c, struct gv_row *row, struct gv_slice dst, struct gv_slice value)
{
    struct gv_env *env = c->env;
    if (!gv_arena_has_room(env->out, row->labels->size + dst.n + value.n, env->err))
        return false;
    struct gv_arena_mark start = gv_arena_mark(env->scratch);
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, env->scratch, row->labels);
    gv_labels_set(&b, dst, value);
    row->labels = gv_labels_build(&b, env->out);
    if (gv_slice_eq(dst, GV_LABEL_NAME))
        row->drop_name = false;
    gv_arena_rewind(env->scratch, start);
    return true;
}

/* ---- label_replace(v, dst, replacement, src, regex) ---- */

static void free_regex(void *re)
{
    gv_regex_free(re);
}

static struct gv_regex *compile(struct gv_env *env, struct gv_slice pattern)
{
    struct gv_regex *re = gv_regex_new(pattern, true, NULL);
    if (re)
        gv_arena_defer(env->scratch, free_regex, re);
    else
        gv_fail(env->err, GV_EXECUTION, "invalid regular expression in label_replace(): %.*s", GV_ARG(pattern));
    return re;
}

static bool replace_in(struct gv_call *c, struct gv_row *row, const struct gv_regex *re, struct gv_buf *value)
{
    const struct gv_value *args = c->args;
    struct gv_slice groups[GV_REGEX_MAX_GROUPS];
    size_t n;
    if (!gv_regex_groups(re, gv_labels_get(row->labels, args[3].string), groups, GV_COUNT(groups), &n))
        return true;
    gv_buf_clear(value);
    if (!gv_regex_expand(value, re, args[2].string, groups, n, GV_LABEL_MAX_BYTES))
        return fail_length(c);
    return set_label(c, row, args[1].string, gv_buf_slice(value));
}

static bool label_replace(struct gv_call *c, struct gv_value *out)
{
    const struct gv_value *args = c->args;
    const struct gv_regex *re = compile(c->env, args[4].string);
    if (!re)
        return false;
    if (!is_label_name(args[1].string))
        return gv_fail(c->env->err, GV_EXECUTION, "invalid destination label name in label_replace(): %.*s",
                       GV_ARG(args[1].string));
    out->vector = args[0].vector;
    struct gv_buf value = GV_BUF_INIT;
    bool ok = true;
    for (size_t i = 0; ok && i < out->vector.n; i++)
        ok = replace_in(c, &out->vector.rows[i], re, &value) && gv_call_poll(c, 1 + value.n / 1024);
    gv_buf_fini(&value);
    return ok;
}

/* ---- label_join(v, dst, separator, src...) ---- */

static bool check_names(struct gv_call *c)
{
    for (size_t i = 3; i < c->n_args; i++)
        if (!is_label_name(c->args[i].string))
            return gv_fail(c->env->err, GV_EXECUTION, "invalid source label name in label_join(): %.*s",
                           GV_ARG(c->args[i].string));
    return is_label_name(c->args[1].string) ||
           gv_fail(c->env->err, GV_EXECUTION, "invalid destination label name in label_join(): %.*s",
                   GV_ARG(c->args[1].string));
}

static bool join_in(struct gv_call *c, struct gv_row *row, struct gv_buf *value)
{
    gv_buf_clear(value);
    for (size_t i = 3; i < c->n_args; i++) {
        if (i > 3)
            gv_buf_add_slice(value, c->args[2].string);
        gv_buf_add_slice(value, gv_labels_get(row->labels, c->args[i].string));
        if (value->n > GV_LABEL_MAX_BYTES)
            return fail_length(c);
    }
    return set_label(c, row, c->args[1].string, gv_buf_slice(value));
}

static bool label_join(struct gv_call *c, struct gv_value *out)
{
    if (!check_names(c))
        return false;
    out->vector = c->args[0].vector;
    struct gv_buf value = GV_BUF_INIT;
    bool ok = true;
    for (size_t i = 0; ok && i < out->vector.n; i++)
        ok = join_in(c, &out->vector.rows[i], &value) && gv_call_poll(c, c->n_args + value.n / 1024);
    gv_buf_fini(&value);
    return ok;
}

const struct gv_function_impl gv_fn_label_join = {.call = label_join};
const struct gv_function_impl gv_fn_label_replace = {.call = label_replace};
