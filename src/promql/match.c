/* Rows ──► groups of those with the same match signature, in the order in which the groups were first met. */
#include "promql/match.h"
#include <stdlib.h>

static int compare_names(const void *a, const void *b)
{
    return gv_slice_cmp(*(const struct gv_slice *)a, *(const struct gv_slice *)b);
}

struct gv_slice *gv_sorted_names(struct gv_arena *a, const struct gv_slice *names, size_t n)
{
    struct gv_slice *sorted = gv_arena_array(a, struct gv_slice, n);
    if (!n)
        return sorted;
    memcpy(sorted, names, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_names);
    return sorted;
}

void gv_match_init(struct gv_match_groups *g, struct gv_arena *a, const struct gv_matching *m, uint32_t n_steps)
{
    *g = (struct gv_match_groups){.arena = a, .n_steps = n_steps, .on = m->on, .n_names = m->n_labels};
    g->names = gv_sorted_names(a, m->labels, m->n_labels);
    g->last = &g->first;
    gv_map_init(&g->map, a);
}

void gv_match_fini(struct gv_match_groups *g)
{
    gv_buf_fini(&g->key);
}

static struct gv_slice project(struct gv_match_groups *g, const struct gv_labels *l)
{
    gv_buf_clear(&g->key);
    gv_labels_project(&g->key, l, g->names, g->n_names, g->on);
    return gv_buf_slice(&g->key);
}

struct gv_match_group *gv_match_find(struct gv_match_groups *g, const struct gv_labels *l)
{
    return gv_map_find(&g->map, project(g, l));
}

static struct gv_match_group *add_group(struct gv_match_groups *g)
{
    struct gv_match_group *group = gv_arena_new(g->arena, struct gv_match_group);
    size_t words = gv_bits_words(g->n_steps);
    group->present = gv_arena_array(g->arena, uint64_t, words * 2);
    group->matched = group->present + words;
    group->last = &group->rows;
    *g->last = group;
    g->last = &group->next;
    return group;
}

struct gv_match_group *gv_match_at(struct gv_match_groups *g, const struct gv_labels *l)
{
    struct gv_slice key = project(g, l);
    uint64_t hash = gv_hash(key.p, key.n);
    struct gv_match_group *group = gv_map_get(&g->map, hash, key);
    if (group)
        return group;
    group = add_group(g);
    *gv_map_at(&g->map, hash, gv_arena_dup(g->arena, key)) = group;
    return group;
}

static void add_row(struct gv_match_groups *g, const struct gv_row *row)
{
    struct gv_match_group *group = gv_match_at(g, row->labels);
    struct gv_match_row *r = gv_arena_new(g->arena, struct gv_match_row);
    r->row = row;
    *group->last = r;
    group->last = &r->next;
    group->n_rows++;
    for (size_t w = 0; w < gv_bits_words(g->n_steps); w++)
        group->present[w] |= row->column.present[w];
}

bool gv_match_add_all(struct gv_match_groups *g, const struct gv_vector *v, struct gv_worker *w)
{
    for (size_t i = 0; i < v->n; i++) {
        if (!gv_arena_has_room(g->arena, gv_bits_words(g->n_steps) * 2 * sizeof(uint64_t), &w->err))
            return false;
        add_row(g, &v->rows[i]);
        if (!gv_poll(w, g->n_steps))
            return false;
    }
    return true;
}

const struct gv_labels *gv_match_labels(struct gv_match_groups *g, struct gv_arena *a, const struct gv_labels *l)
{
    return gv_labels_of_bytes(a, project(g, l));
}
