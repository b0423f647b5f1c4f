/* Label names, values and sets over all readers of a view. Without selectors the readers' own lists are joined; with
 * them, the labels of every series that matches. */
#include "base/map.h"
#include "store/parts.h"
#include <stdlib.h>

enum { LOOK_EVERY = 1024 }; /* series: whether anybody still waits */

/* ---- A set of texts ---- */

struct texts {
    struct gv_arena *arena;
    struct gv_map map;
    struct gv_slice *at;
    size_t n, cap;
};

static void texts_init(struct texts *t, struct gv_arena *a)
{
    *t = (struct texts){.arena = a};
    gv_map_init(&t->map, a);
}

static bool texts_add(struct texts *t, struct gv_slice text, struct gv_err *err)
{
    uint64_t hash = gv_hash(text.p, text.n);
    if (gv_map_get(&t->map, hash, text))
        return true;
    if (!gv_arena_has_room(t->arena, text.n + 1, err))
        return false;
    text = gv_arena_dup(t->arena, text);
    *gv_map_at(&t->map, hash, text) = t;
    gv_push(t->arena, t->at, t->n, t->cap) = text;
    return true;
}

static int by_text(const void *a, const void *b)
{
    return gv_slice_cmp(*(const struct gv_slice *)a, *(const struct gv_slice *)b);
}

static void texts_done(struct texts *t, struct gv_slice **out, size_t *n)
{
    if (t->n)
        qsort(t->at, t->n, sizeof *t->at, by_text);
    *out = t->at;
    *n = t->n;
}

/* ---- Series that match ---- */

/* For the labels of each series with samples in the times, once per reader that has it. They last for the call. */
typedef bool labels_fn(void *arg, const struct gv_labels *labels, struct gv_err *err);

struct walk {
    struct gv_store_view *view;
    const struct gv_store_matchers *sets;
    size_t n_sets;
    int64_t min_time, max_time;
    bool whole_readers; /* a series counts where its reader has the times, as Prometheus does it for names and values */
    labels_fn *fn;
    void *arg;
};

/* Where its reader has the times, or where a chunk does. */
static bool counts(const struct walk *w, struct store_reader *r, struct gv_arena *a, uint64_t series, bool *yes,
                   struct gv_err *err)
{
    *yes = true;
    return w->whole_readers || !r->ops->has_chunk ||
           r->ops->has_chunk(r, a, series, w->min_time, w->max_time, yes, err);
}

static bool walk_set(const struct walk *w, struct store_reader *r, struct gv_arena *a,
                     const struct gv_matcher *matchers, size_t n_matchers, struct gv_err *err)
{
    uint64_t *series;
    size_t n;
    int64_t min = w->whole_readers ? INT64_MIN : w->min_time, max = w->whole_readers ? INT64_MAX : w->max_time;
    if (!r->ops->select(r, a, matchers, n_matchers, min, max, &series, &n, err))
        return false;
    struct gv_arena_mark mark = gv_arena_mark(a);
    for (size_t i = 0; i < n; i++) {
        const struct gv_labels *labels;
        bool yes;
        if (i % LOOK_EVERY == 0 && !store_view_goes_on(w->view, err))
            return false;
        if (!counts(w, r, a, series[i], &yes, err) ||
            (yes && (!r->ops->labels(r, a, series[i], &labels, err) || !w->fn(w->arg, labels, err))))
            return false;
        gv_arena_rewind(a, mark);
    }
    return true;
}

static bool walk_reader(const struct walk *w, struct store_reader *r, struct gv_arena *scratch, struct gv_err *err)
{
    if (!w->n_sets)
        return walk_set(w, r, scratch, NULL, 0, err);
    for (size_t i = 0; i < w->n_sets; i++)
        if (!walk_set(w, r, scratch, w->sets[i].matchers, w->sets[i].n, err))
            return false;
    return true;
}

static bool overlaps(const struct store_reader *r, int64_t min_time, int64_t max_time)
{
    return r->min_time <= max_time && r->max_time >= min_time;
}

static bool walk_view(const struct walk *w, struct gv_budget *budget, struct gv_err *err)
{
    size_t n;
    struct store_reader *const *readers = store_view_readers(w->view, &n);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        struct gv_arena scratch;
        gv_arena_init(&scratch, budget);
        ok = !overlaps(readers[i], w->min_time, w->max_time) || walk_reader(w, readers[i], &scratch, err);
        gv_arena_fini(&scratch);
    }
    return ok;
}

/* ---- The readers' own lists ---- */

/* All names that a reader has, or, with a name, all its values. */
static bool add_list(struct texts *t, struct store_reader *r, struct gv_arena *scratch, const struct gv_slice *name,
                     struct gv_err *err)
{
    struct gv_slice *own;
    size_t n;
    if (!(name ? r->ops->label_values(r, scratch, *name, &own, &n, err)
               : r->ops->label_names(r, scratch, &own, &n, err)))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!texts_add(t, own[i], err))
            return false;
    return true;
}

/* Of the readers that have the times. */
static bool add_lists(struct texts *t, struct gv_store_view *v, struct gv_budget *budget, int64_t min_time,
                      int64_t max_time, const struct gv_slice *name, struct gv_err *err)
{
    size_t n;
    struct store_reader *const *readers = store_view_readers(v, &n);
    struct gv_arena scratch;
    bool ok = true;
    gv_arena_init(&scratch, budget);
    for (size_t i = 0; ok && i < n; i++)
        ok = store_view_goes_on(v, err) &&
             (!overlaps(readers[i], min_time, max_time) || add_list(t, readers[i], &scratch, name, err));
    gv_arena_fini(&scratch);
    return ok;
}

/* ---- Names ---- */

static bool add_names(void *arg, const struct gv_labels *labels, struct gv_err *err)
{
    struct gv_labels_iter it = gv_labels_iter(labels);
    for (struct gv_label l; gv_labels_next(&it, &l);)
        if (!texts_add(arg, l.name, err))
            return false;
    return true;
}

bool gv_store_label_names(struct gv_store_view *v, struct gv_arena *a, const struct gv_store_matchers *sets,
                          size_t n_sets, int64_t min_time, int64_t max_time, struct gv_slice **names, size_t *n,
                          struct gv_err *err)
{
    struct texts t;
    struct walk w = {v, sets, n_sets, min_time, max_time, true, add_names, &t};
    texts_init(&t, a);
    if (!(n_sets ? walk_view(&w, a->budget, err) : add_lists(&t, v, a->budget, min_time, max_time, NULL, err)))
        return false;
    texts_done(&t, names, n);
    return true;
}

/* ---- Values ---- */

struct value_walk {
    struct texts texts;
    struct gv_slice name;
};

static bool add_value(void *arg, const struct gv_labels *labels, struct gv_err *err)
{
    struct value_walk *w = arg;
    struct gv_slice value = gv_labels_get(labels, w->name);
    return !value.n || texts_add(&w->texts, value, err);
}

bool gv_store_label_values(struct gv_store_view *v, struct gv_arena *a, struct gv_slice name,
                           const struct gv_store_matchers *sets, size_t n_sets, int64_t min_time, int64_t max_time,
                           struct gv_slice **values, size_t *n, struct gv_err *err)
{
    struct value_walk vw = {.name = name};
    struct walk w = {v, sets, n_sets, min_time, max_time, true, add_value, &vw};
    texts_init(&vw.texts, a);
    if (!(n_sets ? walk_view(&w, a->budget, err) : add_lists(&vw.texts, v, a->budget, min_time, max_time, &name, err)))
        return false;
    texts_done(&vw.texts, values, n);
    return true;
}

/* ---- Values that are known ---- */

/* Under known_lock: makes s->known tell of the view's blocks. */
static bool learn(struct gv_store *s, struct store_reader *const *blocks, size_t n, uint64_t generation,
                  struct gv_slice name, struct gv_err *err)
{
    struct known *k = &s->known;
    struct gv_arena scratch;
    struct texts t;
    bool ok = true;
    if (k->generation == generation && gv_slice_eq(k->name, name))
        return true;
    gv_arena_fini(&k->arena);
    k->generation = 0;
    k->name = gv_arena_dup(&k->arena, name);
    texts_init(&t, &k->arena);
    gv_arena_init(&scratch, NULL);
    for (size_t i = 0; ok && i < n; i++)
        ok = add_list(&t, blocks[i], &scratch, &name, err);
    gv_arena_fini(&scratch);
    texts_done(&t, &k->values, &k->n);
    k->generation = ok ? generation : 0;
    return ok;
}

bool gv_store_known_values(struct gv_store *s, struct gv_arena *a, struct gv_slice name, struct gv_slice **values,
                           size_t *n, struct gv_err *err)
{
    struct texts t;
    size_t n_readers;
    struct gv_store_view *v = gv_store_view_get(s);
    struct store_reader *const *readers = store_view_readers(v, &n_readers);
    texts_init(&t, a);
    pthread_mutex_lock(&s->known_lock);
    bool ok = learn(s, readers, n_readers - 1, store_view_generation(v), name, err);
    for (size_t i = 0; ok && i < s->known.n; i++)
        ok = texts_add(&t, s->known.values[i], err);
    pthread_mutex_unlock(&s->known_lock);
    ok = ok && add_list(&t, readers[n_readers - 1], a, &name, err);
    gv_store_view_put(v);
    texts_done(&t, values, n);
    return ok;
}

/* ---- Label sets ---- */

struct set_walk {
    struct gv_arena *arena;
    struct gv_map map;
    const struct gv_labels **at;
    size_t n, cap;
};

static bool add_set(void *arg, const struct gv_labels *labels, struct gv_err *err)
{
    struct set_walk *w = arg;
    struct gv_slice key = gv_labels_bytes(labels);
    if (gv_map_get(&w->map, labels->hash, key))
        return true;
    if (!gv_arena_has_room(w->arena, sizeof *labels + labels->size, err))
        return false;
    labels = gv_labels_dup(w->arena, labels);
    *gv_map_at(&w->map, labels->hash, gv_labels_bytes(labels)) = w;
    gv_push(w->arena, w->at, w->n, w->cap) = labels;
    return true;
}

static int by_labels(const void *a, const void *b)
{
    return gv_labels_cmp(*(const struct gv_labels *const *)a, *(const struct gv_labels *const *)b);
}

bool gv_store_label_sets(struct gv_store_view *v, struct gv_arena *a, const struct gv_store_matchers *sets,
                         size_t n_sets, int64_t min_time, int64_t max_time, const struct gv_labels ***labels, size_t *n,
                         struct gv_err *err)
{
    struct set_walk sw = {.arena = a};
    struct walk w = {v, sets, n_sets, min_time, max_time, false, add_set, &sw};
    gv_map_init(&sw.map, a);
    if (!walk_view(&w, a->budget, err))
        return false;
    if (sw.n)
        qsort(sw.at, sw.n, sizeof *sw.at, by_labels);
    *labels = sw.at;
    *n = sw.n;
    return true;
}
