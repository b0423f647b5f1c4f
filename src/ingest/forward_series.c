/* The series that requests are about, with their labels as each endpoint is to see them: relabelled and encoded once,
 * when a series is met, and copied from then on. */
#include "base/log.h"
#include "base/thread.h"
#include "ingest/forward_impl.h"
#include <stdlib.h>

enum { FIRST_BUCKETS = 1024, SWEEP_PARTS = 64 };

void series_table_init(struct series_table *t)
{
    *t = (struct series_table){.mask = FIRST_BUCKETS - 1, .next_id = 1, .round = 1};
    gv_rwlock_init(&t->lock); /* a new series must not wait for a moment in which nobody appends */
    t->by_id = calloc(FIRST_BUCKETS, sizeof *t->by_id);
    t->by_label = calloc(FIRST_BUCKETS, sizeof *t->by_label);
    if (!t->by_id || !t->by_label)
        gv_die("out of memory");
}

void series_table_fini(struct series_table *t)
{
    for (size_t i = 0; i <= t->mask; i++)
        for (struct forward_series *s = t->by_id[i], *next; s; s = next) {
            next = s->next;
            free(s);
        }
    free(t->by_id);
    free(t->by_label);
    pthread_rwlock_destroy(&t->lock);
}

static size_t bucket_of(uint64_t id)
{
    return (id * 0x9e3779b97f4a7c15u) >> 16;
}

struct forward_series *series_table_find(const struct series_table *t, uint64_t id)
{
    struct forward_series *s = t->by_id[bucket_of(id) & t->mask];
    while (s && s->id != id)
        s = s->next;
    return s;
}

/* ---- Making one ---- */

static const struct gv_labels *relabelled(const struct gv_forward_endpoint *e, const struct gv_labels *labels,
                                          struct gv_arena *a)
{
    struct gv_labels_builder b;
    gv_labels_builder_init(&b, a, labels);
    return gv_relabel(e->rules, e->n_rules, &b, a) ? gv_labels_build(&b, a) : &gv_labels_empty;
}

/* The labels as an endpoint sees them; those that it does not change are there once. */
static void add_labels(struct gv_buf *bytes, const struct gv_forward_endpoint *e, const struct gv_labels *labels,
                       uint32_t n_own, struct endpoint_labels *out, struct gv_arena *a)
{
    const struct gv_labels *theirs = e->n_rules ? relabelled(e, labels, a) : labels;
    *out = (struct endpoint_labels){.at = 0, .n = n_own, .hash = (uint32_t)(theirs->hash >> 32)};
    if (gv_labels_eq(theirs, labels))
        return;
    out->at = (uint32_t)bytes->n;
    gv_write_put_labels(bytes, theirs);
    out->n = (uint32_t)bytes->n - out->at;
}

/* Where the name stands among the label fields, so that metadata is found by it. */
static struct gv_slice name_in(const struct gv_labels *labels, struct gv_slice fields)
{
    struct gv_slice name = gv_labels_get(labels, GV_LABEL_NAME);
    const char *at = name.n ? memmem(fields.p, fields.n, name.p, name.n) : NULL;
    return at ? (struct gv_slice){at, name.n} : (struct gv_slice){NULL, 0};
}

static struct forward_series *make_series(const struct gv_forward_endpoint *endpoints, size_t n,
                                          const struct gv_labels *labels, struct gv_arena *a)
{
    struct gv_buf bytes = GV_BUF_INIT;
    struct endpoint_labels *theirs = gv_arena_array(a, struct endpoint_labels, n);
    gv_write_put_labels(&bytes, labels);
    uint32_t n_own = (uint32_t)bytes.n;
    for (size_t i = 0; i < n; i++)
        add_labels(&bytes, &endpoints[i], labels, n_own, &theirs[i], a);
    struct forward_series *s = malloc(sizeof *s + n * sizeof *theirs + bytes.n);
    if (!s)
        gv_die("out of memory");
    *s = (struct forward_series){.label_hash = labels->hash, .n_bytes = (uint32_t)bytes.n, .n_own = n_own};
    if (n)
        memcpy(s->endpoints, theirs, n * sizeof *theirs);
    s->bytes = (char *)(s->endpoints + n);
    if (bytes.n)
        memcpy(s->bytes, bytes.p, bytes.n);
    s->name = name_in(labels, (struct gv_slice){s->bytes, n_own});
    gv_buf_fini(&bytes);
    return s;
}

/* ---- The table; under the lock ---- */

static void link_series(struct series_table *t, struct forward_series *s)
{
    struct forward_series **id = &t->by_id[bucket_of(s->id) & t->mask];
    struct forward_series **label = &t->by_label[s->label_hash & t->mask];
    s->next = *id;
    *id = s;
    s->next_by_label = *label;
    *label = s;
}

static void grow(struct series_table *t)
{
    struct forward_series **old = t->by_id;
    size_t n = t->mask + 1;
    free(t->by_label);
    t->by_id = calloc(2 * n, sizeof *t->by_id);
    t->by_label = calloc(2 * n, sizeof *t->by_label);
    if (!t->by_id || !t->by_label)
        gv_die("out of memory");
    t->mask = 2 * n - 1;
    for (size_t i = 0; i < n; i++)
        for (struct forward_series *s = old[i], *next; s; s = next) {
            next = s->next;
            link_series(t, s);
        }
    free(old);
}

static struct forward_series *find_same(const struct series_table *t, const struct forward_series *like)
{
    struct forward_series *s = t->by_label[like->label_hash & t->mask];
    while (s && !(s->label_hash == like->label_hash && s->n_own == like->n_own &&
                  !memcmp(s->bytes, like->bytes, like->n_own)))
        s = s->next_by_label;
    return s;
}

void series_table_add(struct series_table *t, const struct gv_forward_endpoint *endpoints, size_t n_endpoints,
                      const struct gv_labels *labels, uint64_t *id)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct forward_series *made = make_series(endpoints, n_endpoints, labels, &a), *there;
    pthread_rwlock_wrlock(&t->lock);
    there = *id ? series_table_find(t, *id) : find_same(t, made);
    if (!there) {
        made->id = *id ? *id : t->next_id++;
        if (t->n++ > t->mask)
            grow(t);
        link_series(t, made);
    }
    struct forward_series *s = there ? there : made;
    atomic_store_explicit(&s->used, t->round, memory_order_relaxed);
    *id = s->id;
    pthread_rwlock_unlock(&t->lock);
    if (there)
        free(made);
    gv_arena_fini(&a);
}

static void unlink_by_label(struct series_table *t, struct forward_series *s)
{
    struct forward_series **at = &t->by_label[s->label_hash & t->mask];
    while (*at != s)
        at = &(*at)->next_by_label;
    *at = s->next_by_label;
}

void series_table_sweep(struct series_table *t)
{
    pthread_rwlock_wrlock(&t->lock);
    size_t end = t->sweep_at + (t->mask + 1) / SWEEP_PARTS;
    for (; t->sweep_at < end && t->sweep_at <= t->mask; t->sweep_at++) {
        struct forward_series **at = &t->by_id[t->sweep_at];
        while (*at) {
            struct forward_series *s = *at;
            if (t->round - atomic_load_explicit(&s->used, memory_order_relaxed) < 2) {
                at = &s->next;
                continue;
            }
            *at = s->next;
            unlink_by_label(t, s);
            free(s);
            t->n--;
        }
    }
    if (t->sweep_at > t->mask) {
        t->sweep_at = 0;
        t->round++;
    }
    pthread_rwlock_unlock(&t->lock);
}

/* ---- Metadata ---- */

void metadata_table_init(struct metadata_table *t)
{
    *t = (struct metadata_table){.n = 0};
    pthread_mutex_init(&t->lock, NULL);
    gv_arena_init(&t->arena, NULL);
    gv_map_init(&t->map, &t->arena);
}

void metadata_table_fini(struct metadata_table *t)
{
    gv_arena_fini(&t->arena);
    pthread_mutex_destroy(&t->lock);
}

static bool is_same(const struct gv_write_metadata *known, const struct gv_store_metadata *m)
{
    return known && gv_slice_eq(known->type, m->type) && gv_slice_eq(known->help, m->help) &&
           gv_slice_eq(known->unit, m->unit);
}

static bool is_full(struct metadata_table *t)
{
    if (t->n < MOST_METADATA)
        return false;
    if (!t->full)
        gv_log(GV_LOG_WARN, "metadata of too many metrics has come: what is new is not forwarded until the next start",
               GV_F("most", (int)MOST_METADATA));
    return t->full = true;
}

static void put_metadata(struct metadata_table *t, const struct gv_store_metadata *m)
{
    const struct gv_write_metadata *known = gv_map_find(&t->map, m->metric);
    if (is_same(known, m) || is_full(t))
        return;
    struct gv_write_metadata *made = gv_arena_new(&t->arena, struct gv_write_metadata);
    *made = (struct gv_write_metadata){gv_arena_dup(&t->arena, m->metric), gv_arena_dup(&t->arena, m->type),
                                       gv_arena_dup(&t->arena, m->help), gv_arena_dup(&t->arena, m->unit)};
    gv_map_put(&t->map, made->metric, made);
    t->n++; /* every version of it: memory is bounded, too, where help texts change without end */
}

void metadata_table_put(struct metadata_table *t, const struct gv_store_metadata *m, size_t n)
{
    if (!n)
        return;
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < n; i++)
        put_metadata(t, &m[i]);
    pthread_mutex_unlock(&t->lock);
}

const struct gv_write_metadata *metadata_table_get(struct metadata_table *t, struct gv_slice metric)
{
    pthread_mutex_lock(&t->lock);
    const struct gv_write_metadata *m = metric.n && t->n ? gv_map_find(&t->map, metric) : NULL;
    pthread_mutex_unlock(&t->lock);
    return m;
}
