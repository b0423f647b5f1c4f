/* Names between a backend and the global view: the way there and back is no way at all, and no two names meet.
 * Input: lines; the first holds the injected names, divided by blanks, each other one a name. */
#include "codec/mapping.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_INJECTED = 8, MAX_NAMES = 32 };

static struct gv_slice cut_at(struct gv_slice *rest, char c)
{
    const char *at = rest->n ? memchr(rest->p, c, rest->n) : NULL;
    size_t n = at ? (size_t)(at - rest->p) : rest->n, skipped = n + (at != NULL);
    struct gv_slice first = {rest->p, n};
    rest->p += skipped;
    rest->n -= skipped;
    return first;
}

static size_t read_injected(struct gv_slice line, struct gv_label *labels)
{
    size_t n = 0;
    while (line.n && n < MAX_INJECTED) {
        struct gv_slice name = cut_at(&line, ' ');
        if (!name.n || (n && gv_slice_cmp(labels[n - 1].name, name) >= 0))
            continue; /* sorted and distinct, as the contract wants them */
        labels[n++] = (struct gv_label){name, GV_S("v")};
    }
    return n;
}

static void check_name(const struct gv_mapping *m, struct gv_arena *a, struct gv_slice name)
{
    struct gv_slice there = gv_mapping_to_global(m, a, name), back = gv_mapping_to_backend(m, there);
    if (!gv_slice_eq(back, name))
        gv_die("%.*s became %.*s and came back as %.*s", GV_ARG(name), GV_ARG(there), GV_ARG(back));
    for (size_t i = 0; i < m->n; i++)
        if (gv_slice_eq(m->inject[i].name, there))
            gv_die("%.*s met an injected name", GV_ARG(there));
    back = gv_mapping_to_backend(m, name);
    if (back.p && !gv_slice_eq(gv_mapping_to_global(m, a, back), name))
        gv_die("%.*s is another name on the way back", GV_ARG(name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gv_slice rest = {(const char *)data, size};
    struct gv_label injected[MAX_INJECTED];
    struct gv_arena a;
    if (size > 4096)
        return 0;
    gv_arena_init(&a, NULL);
    struct gv_mapping m = {injected, read_injected(cut_at(&rest, '\n'), injected)};
    for (int i = 0; rest.n && i < MAX_NAMES; i++)
        check_name(&m, &a, cut_at(&rest, '\n'));
    gv_arena_fini(&a);
    return 0;
}
