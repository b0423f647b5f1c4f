#include "plan/selector.h"

static const struct gv_label *injected(const struct gv_mapping *m, struct gv_slice name)
{
    for (size_t i = 0; i < m->n; i++)
        if (gv_slice_eq(m->inject[i].name, name))
            return &m->inject[i];
    return NULL;
}

bool gv_selector_for_source(const struct gv_mapping *m, const struct gv_matcher *matchers, size_t n_matchers,
                            struct gv_matcher *out, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < n_matchers; i++) {
        const struct gv_label *label = injected(m, matchers[i].name);
        if (label && !gv_matcher_matches(&matchers[i], label->value))
            return false;
        if (label)
            continue;
        out[*n] = matchers[i];
        out[(*n)++].name = gv_mapping_to_backend(m, matchers[i].name);
    }
    return true;
}

bool gv_selector_needs_name(const struct gv_matcher *matchers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!gv_matcher_matches(&matchers[i], GV_S("")))
            return false;
    return true;
}

bool gv_selector_print_for_source(const struct gv_mapping *m, struct gv_arena *a, const struct gv_selector *s,
                                  struct gv_buf *out)
{
    struct gv_matcher *left = gv_arena_array(a, struct gv_matcher, s->n_matchers);
    size_t n;
    if (!gv_selector_for_source(m, s->matchers, s->n_matchers, left, &n))
        return false;
    gv_buf_addc(out, '{');
    for (size_t i = 0; i < n; i++) {
        gv_matcher_print(out, &left[i]);
        gv_buf_addc(out, ',');
    }
    if (gv_selector_needs_name(left, n))
        gv_buf_adds(out, "__name__!=\"\",");
    out->p[out->n - 1] = '}'; /* the last comma */
    return true;
}
