/* The head as a whole: made, asked for a series, freed. The others: head_table.c (series), head_append.c (batches),
 * head_samples.c and head_chunks.c (one series), head_reader.c and head_select.c (queries), head_record.c,
 * head_replay.c and head_helper.c (the log), head_collect.c (what goes away). */
#include "base/thread.h"
#include "store/head_record.h"
#include <stdlib.h>

enum { DEFAULT_BLOCK_RANGE = 2 * 3600 * 1000 /* ms */ };

struct head *head_new(const struct head_options *o)
{
    struct head *h = aligned_alloc(64, (sizeof *h + 63) / 64 * 64);
    if (!h)
        gv_die("out of memory");
    memset(h, 0, sizeof *h);
    h->options = *o;
    if (o->block_range <= 0)
        h->options.block_range = DEFAULT_BLOCK_RANGE;
    if (!o->clock)
        h->options.clock = &gv_clock_real;
    h->window = o->out_of_order_window;
    h->min_time = h->swept_min = h->late_min = h->swept_late_min = INT64_MAX;
    h->max_time = h->late_max = h->truncated = INT64_MIN;
    h->epoch = 1;
    h->next_id = 1;
    h->replaying = true;
    head_tables_init(h);
    gv_rwlock_init(&h->index); /* whoever makes a series does not wait for one query after the other */
    symbols_init(&h->symbols);
    postings_init(&h->postings);
    pthread_mutex_init(&h->readers.lock, NULL);
    pthread_mutex_init(&h->collect.lock, NULL);
    pthread_mutex_init(&h->buffers.lock, NULL);
    h->collect.done = INT64_MIN;
    head_pending_init(h);
    head_exemplars_init(h);
    head_metadata_init(h);
    return h;
}

void head_free(struct head *h)
{
    if (!h)
        return;
    struct gv_err ignored;
    head_helper_end(h, &ignored);
    head_collect_fini(h);
    head_pending_fini(h);
    head_exemplars_fini(h);
    head_metadata_fini(h);
    head_tables_fini(h);
    head_buffers_fini(h);
    symbols_fini(&h->symbols);
    postings_fini(&h->postings);
    pthread_rwlock_destroy(&h->index);
    pthread_mutex_destroy(&h->readers.lock);
    pthread_mutex_destroy(&h->buffers.lock);
    free(h);
}

void head_set_out_of_order_window(struct head *h, int64_t ms)
{
    h->window = ms;
}

bool head_series(struct head *h, const struct gv_labels *labels, uint64_t *id, struct gv_err *err)
{
    struct head_shard *shard = head_shard_of(h, labels->hash);
    pthread_mutex_lock(&shard->lock);
    struct head_series *s = head_shard_place(h, shard, labels)->series;
    if (!s)
        s = head_make_series(h, shard, labels, 0, err);
    if (s)
        *id = s->id;
    pthread_mutex_unlock(&shard->lock);
    return s != NULL;
}

int64_t head_min_time(const struct head *h)
{
    int64_t min = h->min_time, truncated = h->truncated;
    if (h->max_time < truncated)
        return INT64_MAX;
    return min < truncated ? truncated : min;
}

int64_t head_max_time(const struct head *h)
{
    return h->max_time;
}

void head_status(struct head *h, struct gv_store_status *out)
{
    out->series = h->n_series;
    out->exemplars = head_count_exemplars(h);
    head_metadata_status(h, out);
    for (size_t i = 0; i < HEAD_STRIPES; i++) {
        struct head_stripe *s = &h->stripes[i];
        pthread_mutex_lock(&s->lock);
        out->chunks += s->chunks;
        out->head_bytes += s->bytes;
        out->out_of_order_samples += s->late;
        pthread_mutex_unlock(&s->lock);
    }
    pthread_rwlock_rdlock(&h->index);
    out->symbols = h->symbols.in_use;
    out->head_bytes += symbols_memory(&h->symbols) + postings_memory(&h->postings);
    out->series_made = h->made;
    out->series_dropped = h->dropped;
    pthread_rwlock_unlock(&h->index);
}
