/* A batch ──► frames of one endpoint's queue: its series are dealt to shards by their labels, and each shard's become
 * requests of at most max_samples_per_send. Nothing waits for a request to fill up: what came is in the queue before it
 * is answered. */
#include "ingest/forward_impl.h"
#include <stdlib.h>

enum { KEPT_BUFFER = 4 << 20 };

/* ---- Joins ---- */

struct join {
    _Atomic unsigned pending;
    struct gv_log_ticket *ticket, next; /* the caller's; that of the next sink */
    pthread_mutex_t lock;               /* guards err */
    struct gv_err err;
};

void join_fail(struct join *j, const struct gv_err *err)
{
    pthread_mutex_lock(&j->lock);
    if (j->err.code == GV_OK)
        j->err = *err;
    pthread_mutex_unlock(&j->lock);
}

void join_end(struct join *j)
{
    if (atomic_fetch_sub(&j->pending, 1) != 1)
        return;
    if (j->ticket)
        j->ticket->done(j->ticket, &j->err);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

void join_drop(struct join *j)
{
    j->ticket = NULL;
    join_end(j);
}

static void join_next_done(struct gv_log_ticket *t, const struct gv_err *err)
{
    struct join *j = container_of(t, struct join, next);
    if (err->code != GV_OK)
        join_fail(j, err);
    join_end(j);
}

struct join *join_new(struct gv_log_ticket *ticket)
{
    struct join *j = calloc(1, sizeof *j);
    if (!j)
        gv_die("out of memory");
    atomic_init(&j->pending, 1);
    j->ticket = ticket;
    j->next.done = join_next_done;
    pthread_mutex_init(&j->lock, NULL);
    return j;
}

struct gv_log_ticket *join_ticket(struct join *j)
{
    atomic_fetch_add(&j->pending, 1);
    return &j->next;
}

/* ---- Scratch, kept from batch to batch ---- */

struct run { /* samples of one series, one behind the other */
    uint32_t from, n;
    uint32_t shard;
};
struct exemplar_of { /* an exemplar to be sent */
    const struct forward_series *series;
    uint32_t at; /* in the batch */
    bool is_put;
};
struct forward_scratch {
    struct forward_scratch *next;
    struct gv_write_encoder encoder;
    struct gv_buf block;
    struct gv_write_value *values;
    size_t cap_values;
    struct run *runs, *sorted;
    size_t cap_runs;
    uint32_t *starts; /* of each shard, in sorted */
    size_t cap_starts;
    struct exemplar_of *by_series;
    struct gv_write_exemplar *exemplars; /* of a row, their labels in exemplar_labels */
    size_t cap_by_series, cap_exemplars;
    struct gv_buf exemplar_labels;
};

static struct forward_scratch *scratch_take(struct gv_forward *f)
{
    pthread_mutex_lock(&f->pool_lock);
    struct forward_scratch *s = f->pool;
    if (s)
        f->pool = s->next;
    pthread_mutex_unlock(&f->pool_lock);
    if (!s && !(s = calloc(1, sizeof *s)))
        gv_die("out of memory");
    return s;
}

static void scratch_give(struct gv_forward *f, struct forward_scratch *s)
{
    if (s->encoder.message.cap > KEPT_BUFFER)
        gv_write_encoder_fini(&s->encoder);
    if (s->block.cap > KEPT_BUFFER)
        gv_buf_fini(&s->block);
    pthread_mutex_lock(&f->pool_lock);
    s->next = f->pool;
    f->pool = s;
    pthread_mutex_unlock(&f->pool_lock);
}

void forward_scratch_fini(struct gv_forward *f)
{
    for (struct forward_scratch *s = f->pool, *next; s; s = next) {
        next = s->next;
        gv_write_encoder_fini(&s->encoder);
        gv_buf_fini(&s->block);
        free(s->values);
        free(s->runs);
        free(s->sorted);
        free(s->starts);
        free(s->by_series);
        free(s->exemplars);
        gv_buf_fini(&s->exemplar_labels);
        free(s);
    }
}

static void *more_room(void *p, size_t *cap, size_t n, size_t size)
{
    if (n <= *cap)
        return p;
    *cap = n < 256 ? 256 : 2 * n;
    free(p);
    if (!(p = calloc(*cap, size)))
        gv_die("out of memory");
    return p;
}

static void scratch_reserve(struct forward_scratch *s, size_t samples, size_t exemplars, size_t shards)
{
    size_t cap = s->cap_runs;
    s->values = more_room(s->values, &s->cap_values, samples, sizeof *s->values);
    s->sorted = more_room(s->sorted, &cap, samples, sizeof *s->sorted);
    s->runs = more_room(s->runs, &s->cap_runs, samples, sizeof *s->runs);
    s->by_series = more_room(s->by_series, &s->cap_by_series, exemplars, sizeof *s->by_series);
    s->exemplars = more_room(s->exemplars, &s->cap_exemplars, exemplars, sizeof *s->exemplars);
    s->starts = more_room(s->starts, &s->cap_starts, shards + 1, sizeof *s->starts);
}

/* ---- Frames ---- */

struct frame_ticket {
    struct gv_log_ticket ticket;
    struct join *join;
    struct endpoint *endpoint;
};

/* What is in the making for one endpoint. */
struct making {
    struct endpoint *e;
    size_t index; /* of the endpoint */
    const struct gv_store_batch *batch;
    struct forward_series *const *series, *const *exemplar_series;
    struct join *join;
    struct forward_scratch *s;
    unsigned shards;
    int64_t now, oldest; /* ms: older samples are left out */
    struct queue_frame head;
    size_t n_exemplars; /* in by_series */
    uint64_t too_old;   /* samples left out */
};

static void on_written(struct gv_log_ticket *t, const struct gv_err *err)
{
    struct frame_ticket *f = container_of(t, struct frame_ticket, ticket);
    if (err->code != GV_OK)
        join_fail(f->join, err);
    else
        endpoint_more(f->endpoint);
    join_end(f->join);
    free(f);
}

static void note_pending(struct endpoint *e, int64_t samples, int64_t bytes)
{
    atomic_fetch_add(&e->pending_samples, samples);
    atomic_fetch_add(&e->pending_bytes, bytes);
}

static void begin_frame(struct making *m, uint32_t shard)
{
    m->head = (struct queue_frame){.version = (uint8_t)atomic_load(&m->e->version),
                                   .shard = (uint16_t)shard,
                                   .shards = (uint16_t)m->shards,
                                   .newest = INT64_MIN,
                                   .queued = m->now};
    gv_write_encoder_begin(&m->s->encoder, m->head.version);
}

static void end_frame(struct making *m)
{
    char head[QUEUE_FRAME_HEAD];
    struct gv_err err = {.code = GV_OK};
    if (!m->head.samples)
        return;
    struct frame_ticket *t = calloc(1, sizeof *t);
    if (!t)
        gv_die("out of memory");
    *t = (struct frame_ticket){{.done = on_written}, m->join, m->e};
    gv_buf_clear(&m->s->block);
    gv_write_encoder_end(&m->s->encoder, &m->s->block);
    queue_put_frame(head, &m->head);
    struct gv_slice pieces[] = {{head, sizeof head}, gv_buf_slice(&m->s->block)};
    note_pending(m->e, m->head.samples, (int64_t)m->s->block.n);
    note_latest(&m->e->newest_queued, m->head.newest);
    atomic_fetch_add(&m->join->pending, 1);
    if (!gv_log_append(m->e->log, pieces, 2, &t->ticket, &err)) {
        note_pending(m->e, -(int64_t)m->head.samples, -(int64_t)m->s->block.n);
        on_written(&t->ticket, &err);
    }
}

static int64_t samples_left(const struct making *m)
{
    return m->e->config->max_samples_per_send - m->head.samples;
}

static void next_frame_if_full(struct making *m)
{
    if (samples_left(m) > 0)
        return;
    uint32_t shard = m->head.shard;
    end_frame(m);
    begin_frame(m, shard);
}

static struct gv_slice labels_of(const struct making *m, const struct forward_series *s)
{
    return (struct gv_slice){s->bytes + s->endpoints[m->index].at, s->endpoints[m->index].n};
}

static bool is_wanted(struct making *m, size_t i)
{
    const struct gv_store_sample *x = &m->batch->samples[i];
    if (m->batch->verdicts[i] > GV_APPEND_SAME || (x->histogram && !m->e->config->send_histograms))
        return false;
    if (x->time >= m->oldest)
        return true;
    m->too_old++;
    return false;
}

/* ---- Exemplars: they go with samples of their series, since 2.0 has no series without ---- */

static int compare_exemplars(const void *x, const void *y)
{
    const struct exemplar_of *a = x, *b = y;
    if (a->series != b->series)
        return (uintptr_t)a->series < (uintptr_t)b->series ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

/* Those that are to be sent, by series. */
static void find_exemplars(struct making *m)
{
    const struct gv_store_batch *b = m->batch;
    for (size_t i = 0; m->e->config->send_exemplars && i < b->n_exemplars; i++) {
        const struct forward_series *s = m->exemplar_series[i];
        if (s && b->exemplar_verdicts[i] <= GV_APPEND_SAME && labels_of(m, s).n)
            m->s->by_series[m->n_exemplars++] = (struct exemplar_of){s, (uint32_t)i, false};
    }
    if (m->n_exemplars)
        qsort(m->s->by_series, m->n_exemplars, sizeof *m->s->by_series, compare_exemplars);
}

/* The first of a series, if there is one. */
static struct exemplar_of *exemplars_of(struct making *m, const struct forward_series *s)
{
    struct exemplar_of *all = m->s->by_series;
    size_t low = 0, high = m->n_exemplars;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((uintptr_t)all[middle].series < (uintptr_t)s)
            low = middle + 1;
        else
            high = middle;
    }
    return all + low;
}

static void set_labels(struct making *m, size_t n)
{
    struct gv_slice left = gv_buf_slice(&m->s->exemplar_labels);
    for (size_t i = 0; i < n; i++) {
        m->s->exemplars[i].labels.p = left.p;
        left.p += m->s->exemplars[i].labels.n;
    }
}

/* Those of the series that no row has yet. */
static void add_exemplars(struct making *m, const struct forward_series *s, struct gv_write_row *row)
{
    const struct exemplar_of *end = m->s->by_series + m->n_exemplars;
    size_t n = 0;
    if (!m->n_exemplars)
        return;
    gv_buf_clear(&m->s->exemplar_labels);
    for (struct exemplar_of *x = exemplars_of(m, s); x < end && x->series == s && !x->is_put; x++) {
        const struct gv_store_exemplar *one = &m->batch->exemplars[x->at];
        size_t before = m->s->exemplar_labels.n;
        gv_write_put_labels(&m->s->exemplar_labels, one->labels);
        m->s->exemplars[n++] = (struct gv_write_exemplar){
            .labels = {NULL, m->s->exemplar_labels.n - before}, .time = one->time, .value = one->value};
        m->head.newest = one->time > m->head.newest ? one->time : m->head.newest;
        x->is_put = true;
    }
    set_labels(m, n);
    row->exemplars = m->s->exemplars;
    row->n_exemplars = n;
}

/* ---- Rows ---- */

static void put_row(struct making *m, const struct forward_series *s, size_t n)
{
    struct gv_write_row row = {.labels = labels_of(m, s), .values = m->s->values, .n_values = n};
    if (!n)
        return;
    add_exemplars(m, s, &row);
    if (m->head.version == GV_WRITE_2 && m->e->config->send_metadata)
        row.metadata = metadata_table_get(&m->e->forward->metadata, s->name);
    gv_write_put(&m->s->encoder, &row);
    m->head.samples += (uint32_t)(n + row.n_exemplars);
}

static void put_run(struct making *m, const struct run *r)
{
    const struct forward_series *s = m->series[r->from];
    size_t n = 0;
    for (size_t i = r->from; i < r->from + r->n; i++) {
        const struct gv_store_sample *x = &m->batch->samples[i];
        if (!is_wanted(m, i))
            continue;
        m->s->values[n++] = (struct gv_write_value){x->time, x->start, x->value, x->histogram};
        m->head.newest = x->time > m->head.newest ? x->time : m->head.newest;
        if ((int64_t)n < samples_left(m))
            continue;
        put_row(m, s, n);
        n = 0;
        next_frame_if_full(m);
    }
    put_row(m, s, n);
}

static uint32_t shard_of(const struct making *m, const struct forward_series *s)
{
    return s->endpoints[m->index].hash % m->shards;
}

/* Whose series has no sample in the batch, or none that is sent: 1.0 takes them. */
static void put_lone_exemplars(struct making *m, uint32_t shard)
{
    for (size_t i = 0; i < m->n_exemplars; i++) {
        const struct exemplar_of *x = &m->s->by_series[i];
        if (x->is_put || shard_of(m, x->series) != shard)
            continue;
        if (m->head.version == GV_WRITE_2) {
            endpoint_count_dropped(m->e, DROP_NO_SAMPLE, 1);
            continue;
        }
        struct gv_write_row row = {.labels = labels_of(m, x->series)};
        add_exemplars(m, x->series, &row);
        gv_write_put(&m->s->encoder, &row);
        m->head.samples += (uint32_t)row.n_exemplars;
        next_frame_if_full(m);
    }
}

/* ---- Dealing series to shards ---- */

static size_t find_runs(struct making *m)
{
    size_t n = 0;
    for (size_t i = 0, end; i < m->batch->n; i = end) {
        struct forward_series *s = m->series[i];
        for (end = i + 1; end < m->batch->n && m->series[end] == s; end++)
            ;
        if (s && labels_of(m, s).n)
            m->s->runs[n++] = (struct run){(uint32_t)i, (uint32_t)(end - i), shard_of(m, s)};
    }
    return n;
}

/* By shard, and in each in the order in which they came. */
static void sort_runs(struct making *m, size_t n)
{
    uint32_t *starts = m->s->starts;
    memset(starts, 0, (m->shards + 1) * sizeof *starts);
    for (size_t i = 0; i < n; i++)
        starts[m->s->runs[i].shard + 1]++;
    for (unsigned k = 0; k < m->shards; k++)
        starts[k + 1] += starts[k];
    for (size_t i = 0; i < n; i++) {
        struct run r = m->s->runs[i];
        m->s->sorted[starts[r.shard]++] = r;
    }
}

void endpoint_append(struct endpoint *e, const struct gv_store_batch *b, struct forward_series *const *samples,
                     struct forward_series *const *exemplars, struct join *j)
{
    struct gv_forward *f = e->forward;
    struct making m = {.e = e,
                       .index = (size_t)(e - f->endpoints),
                       .batch = b,
                       .series = samples,
                       .exemplar_series = exemplars,
                       .join = j,
                       .s = scratch_take(f),
                       .shards = atomic_load(&e->shards),
                       .now = forward_now(f)};
    m.oldest = e->config->sample_age_limit_ms ? m.now - e->config->sample_age_limit_ms : INT64_MIN;
    scratch_reserve(m.s, b->n + 1, b->n_exemplars + 1, m.shards);
    find_exemplars(&m);
    size_t n = find_runs(&m);
    sort_runs(&m, n);
    for (size_t shard = 0, at = 0; shard < m.shards; shard++) {
        begin_frame(&m, (uint32_t)shard);
        for (; at < n && m.s->sorted[at].shard == shard; at++)
            put_run(&m, &m.s->sorted[at]);
        put_lone_exemplars(&m, (uint32_t)shard);
        end_frame(&m);
    }
    if (m.too_old)
        endpoint_drop_too_old(e, m.too_old);
    scratch_give(f, m.s);
}
