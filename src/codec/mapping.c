/* Names between a backend and the global view. A name is some "exported_" prefixes and a base; names of one base form a
 * family, counted by their prefixes. The injected names occupy places of their family, and the backend's own names
 * take the places that are left, in order. With one injected name n of a family: (exported_)^k n of the backend is
 * (exported_)^(k+1) n here. No two names ever meet, also where `cluster` and `exported_cluster` are both injected. */
#include "codec/mapping.h"

#define PREFIX GV_S("exported_")

static struct gv_slice strip(struct gv_slice name)
{
    return (struct gv_slice){name.p + PREFIX.n, name.n - PREFIX.n};
}

static size_t depth_of(struct gv_slice *name)
{
    size_t depth = 0;
    for (; gv_slice_has_prefix(*name, PREFIX); depth++)
        *name = strip(*name);
    return depth;
}

/* How many injected names of this family have at most `depth` prefixes. */
static size_t occupied(const struct gv_mapping *m, struct gv_slice base, size_t depth)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++) {
        struct gv_slice name = m->inject[i].name;
        if (!gv_slice_has_suffix(name, base))
            continue;
        size_t its_depth = depth_of(&name);
        n += its_depth <= depth && gv_slice_eq(name, base);
    }
    return n;
}

static struct gv_slice prefixed(struct gv_arena *a, struct gv_slice name, size_t times)
{
    char *p = gv_arena_alloc(a, times * PREFIX.n + name.n + 1), *at = p;
    for (; times; times--, at += PREFIX.n)
        memcpy(at, PREFIX.p, PREFIX.n);
    if (name.n)
        memcpy(at, name.p, name.n);
    at[name.n] = '\0';
    return (struct gv_slice){p, (size_t)(at - p) + name.n};
}

struct gv_slice gv_mapping_to_global(const struct gv_mapping *m, struct gv_arena *a, struct gv_slice name)
{
    struct gv_slice base = name;
    size_t depth = depth_of(&base), place = depth;
    for (size_t wanted; (wanted = depth + occupied(m, base, place)) != place;)
        place = wanted;
    return place == depth ? name : prefixed(a, name, place - depth);
}

static bool is_injected(const struct gv_mapping *m, struct gv_slice name)
{
    for (size_t i = 0; i < m->n; i++)
        if (gv_slice_eq(m->inject[i].name, name))
            return true;
    return false;
}

struct gv_slice gv_mapping_to_backend(const struct gv_mapping *m, struct gv_slice name)
{
    if (is_injected(m, name))
        return (struct gv_slice){NULL, 0};
    struct gv_slice base = name;
    size_t depth = depth_of(&base);
    for (size_t n = occupied(m, base, depth); n; n--)
        name = strip(name);
    return name;
}

const struct gv_labels *gv_mapping_apply(const struct gv_mapping *m, struct gv_labels_builder *b, struct gv_arena *a,
                                         const struct gv_labels *backend)
{
    return gv_mapping_apply_some(m, 0, b, a, backend);
}

const struct gv_labels *gv_mapping_apply_some(const struct gv_mapping *m, uint64_t hidden, struct gv_labels_builder *b,
                                              struct gv_arena *a, const struct gv_labels *backend)
{
    gv_labels_builder_reset(b, NULL);
    struct gv_labels_iter it = gv_labels_iter(backend);
    for (struct gv_label label; gv_labels_next(&it, &label);)
        gv_labels_set(b, gv_mapping_to_global(m, b->arena, label.name), label.value);
    for (size_t i = 0; i < m->n; i++)
        if (!gv_mapping_hides(hidden, i))
            gv_labels_set(b, m->inject[i].name, m->inject[i].value);
    return gv_labels_build(b, a);
}
