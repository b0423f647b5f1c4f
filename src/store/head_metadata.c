/* Type, help and unit of metric families, by cluster and metric; the latest wins. */
#include "base/map.h"
#include "store/head_record.h"
#include <stdlib.h>

enum { MOST_FAMILIES = 1000000, TEXTS = 5 };

struct head_metadata {
    pthread_mutex_t lock;
    struct gv_arena arena; /* of the map and its keys */
    struct gv_map map;     /* cluster, NUL, metric: struct gv_store_metadata, one block of the heap with its texts */
    uint64_t refused;      /* beyond MOST_FAMILIES */
};

void head_metadata_init(struct head *h)
{
    struct head_metadata *m = calloc(1, sizeof *m);
    if (!m)
        gv_die("out of memory");
    pthread_mutex_init(&m->lock, NULL);
    gv_arena_init(&m->arena, NULL);
    gv_map_init(&m->map, &m->arena);
    h->metadata = m;
}

void head_metadata_fini(struct head *h)
{
    struct head_metadata *m = h->metadata;
    for (struct gv_map_entry *e = NULL; (e = gv_map_next(&m->map, e));)
        free(e->value);
    gv_arena_fini(&m->arena);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static void texts_of(const struct gv_store_metadata *m, struct gv_slice texts[TEXTS])
{
    const struct gv_slice all[TEXTS] = {m->cluster, m->metric, m->type, m->help, m->unit};
    memcpy(texts, all, sizeof all);
}

static struct gv_store_metadata of_texts(const struct gv_slice texts[TEXTS])
{
    return (struct gv_store_metadata){texts[0], texts[1], texts[2], texts[3], texts[4]};
}

static struct gv_store_metadata *new_family(const struct gv_store_metadata *m)
{
    struct gv_slice texts[TEXTS];
    size_t size = sizeof *m;
    texts_of(m, texts);
    for (size_t i = 0; i < TEXTS; i++)
        size += texts[i].n;
    struct gv_store_metadata *f = malloc(size);
    if (!f)
        gv_die("out of memory");
    char *to = (char *)(f + 1);
    for (size_t i = 0; i < TEXTS; to += texts[i++].n) {
        if (texts[i].n)
            memcpy(to, texts[i].p, texts[i].n);
        texts[i].p = to;
    }
    *f = of_texts(texts);
    return f;
}

static bool is_same(const struct gv_store_metadata *a, const struct gv_store_metadata *b)
{
    return gv_slice_eq(a->type, b->type) && gv_slice_eq(a->help, b->help) && gv_slice_eq(a->unit, b->unit);
}

/* Whether it is news. */
static bool put(struct head_metadata *m, const struct gv_store_metadata *added)
{
    struct gv_buf key = GV_BUF_INIT;
    gv_buf_add_slice(&key, added->cluster);
    gv_buf_addc(&key, 0);
    gv_buf_add_slice(&key, added->metric);
    uint64_t hash = gv_hash(key.p, key.n);
    struct gv_store_metadata *known = gv_map_get(&m->map, hash, gv_buf_slice(&key));
    bool news = known ? !is_same(known, added) : m->map.n < MOST_FAMILIES;
    m->refused += !known && !news;
    if (news) {
        struct gv_slice kept = known ? gv_buf_slice(&key) : gv_arena_dup(&m->arena, gv_buf_slice(&key));
        *gv_map_at(&m->map, hash, kept) = new_family(added);
        free(known);
    }
    gv_buf_fini(&key);
    return news;
}

void head_metadata_status(struct head *h, struct gv_store_status *out)
{
    struct head_metadata *m = h->metadata;
    pthread_mutex_lock(&m->lock);
    out->metadata = m->map.n;
    out->metadata_refused = m->refused;
    pthread_mutex_unlock(&m->lock);
}

static void put_record(struct gv_buf *out, const struct gv_store_metadata *m)
{
    struct gv_slice texts[TEXTS];
    texts_of(m, texts);
    for (size_t i = 0; i < TEXTS; i++)
        record_put_text(out, texts[i]);
}

void head_append_metadata(struct head *h, const struct gv_store_batch *b, struct gv_buf *record)
{
    size_t begun = record_begin(record, RECORD_METADATA);
    pthread_mutex_lock(&h->metadata->lock);
    for (size_t i = 0; i < b->n_metadata; i++)
        if (put(h->metadata, &b->metadata[i]))
            put_record(record, &b->metadata[i]);
    pthread_mutex_unlock(&h->metadata->lock);
    record_end_or_drop(record, begun);
}

void head_put_metadata(struct head *h, struct gv_buf *record)
{
    struct head_metadata *m = h->metadata;
    size_t begun = record_begin(record, RECORD_METADATA);
    pthread_mutex_lock(&m->lock);
    for (struct gv_map_entry *e = NULL; (e = gv_map_next(&m->map, e));)
        put_record(record, e->value);
    pthread_mutex_unlock(&m->lock);
    record_end_or_drop(record, begun);
}

bool head_replay_metadata(struct head *h, struct byte_reader *r)
{
    while (bytes_left(r)) {
        struct gv_slice texts[TEXTS];
        for (size_t i = 0; i < TEXTS; i++)
            texts[i] = take_bytes(r, take_uvarint(r));
        if (r->bad)
            return false;
        struct gv_store_metadata added = of_texts(texts);
        put(h->metadata, &added);
    }
    return !r->bad;
}

static int by_metric_and_cluster(const void *pa, const void *pb)
{
    const struct gv_store_metadata *a = pa, *b = pb;
    int c = gv_slice_cmp(a->metric, b->metric);
    return c ? c : gv_slice_cmp(a->cluster, b->cluster);
}

bool head_metadata(struct head *h, struct gv_arena *a, struct gv_slice metric, struct gv_store_metadata **out,
                   size_t *n, struct gv_err *err)
{
    struct head_metadata *m = h->metadata;
    *n = 0;
    pthread_mutex_lock(&m->lock);
    struct gv_store_metadata *all = gv_arena_try(a, (m->map.n + 1) * sizeof *all, err);
    for (struct gv_map_entry *e = NULL; all && (e = gv_map_next(&m->map, e));) {
        const struct gv_store_metadata *found = e->value;
        struct gv_slice texts[TEXTS];
        if (metric.n && !gv_slice_eq(metric, found->metric))
            continue;
        texts_of(found, texts);
        for (size_t i = 0; i < TEXTS; i++)
            texts[i] = gv_arena_dup(a, texts[i]);
        all[(*n)++] = of_texts(texts);
    }
    pthread_mutex_unlock(&m->lock);
    if (*n)
        qsort(all, *n, sizeof *all, by_metric_and_cluster);
    *out = all;
    return all != NULL;
}
