/* An endpoint on the loop: frames that were read go to their shards; a shard sends a request of its first ones until
 * that is taken, refused or too old, and then the next.
 *
 *   fill (worker) ──► waiting ──► shard ──► request ──► call ──► verdict ──► delivered, given up, or again after a
 * pause
 *
 * Frames that were spread over another count of shards wait until none of the others is under way: a series may be in
 * another shard there, and keeps its order. */
#include "ingest/forward_impl.h"
#include <stdlib.h>

enum {
    SAID_MS = 60000,
    TICK_MS = 5000,
    TICKS_A_SWEEP = 12,
    TICKS_BEHIND = 2,
    TICKS_IDLE = 60,
    BEHIND_MS = 10000,
    WORTH_A_REQUEST = 64
};
enum { CONNECT_MS = 5000, MOST_REPLY = 16 << 10 };

static struct gv_loop *loop_of(const struct endpoint *e)
{
    return e->forward->loop;
}

static void send_next(struct shard *s);
static void dispatch(struct endpoint *e);

/* ---- Reading ahead ---- */

static uint64_t oldest_segment(const struct endpoint *e)
{
    uint64_t oldest = e->waiting.first ? e->waiting.first->place.segment : UINT64_MAX;
    for (unsigned i = 0; i < e->n_shards; i++) {
        const struct frame *f = e->shard[i] ? e->shard[i]->frames.first : NULL;
        if (f && f->place.segment < oldest)
            oldest = f->place.segment;
    }
    return oldest;
}

/* Samples, of each shard: enough for a request while another is under way. */
static int64_t read_ahead(const struct endpoint *e)
{
    const struct gv_forward_endpoint *c = e->config;
    return c->capacity > 2 * c->max_samples_per_send ? c->capacity : 2 * c->max_samples_per_send;
}

static void want_fill(struct endpoint *e)
{
    if (e->stopping)
        return;
    if (e->filling) {
        e->fill_again = true;
        return;
    }
    unsigned shards = e->current_shards ? e->current_shards : 1;
    e->filling = true;
    e->fill_again = false;
    e->room = read_ahead(e) * shards - e->held_samples;
    e->room_bytes = e->forward->o.max_held_bytes - e->held_bytes;
    e->keep_from = oldest_segment(e);
    gv_workers_submit(e->forward->workers, loop_of(e), &e->fill);
}

/* A frame that has left its list, for good. */
static void let_go(struct endpoint *e, struct frame *f)
{
    atomic_fetch_sub(&e->pending_samples, f->head.samples);
    atomic_fetch_sub(&e->pending_bytes, (int64_t)f->block.n);
    e->held_samples -= f->head.samples;
    e->held_bytes -= (int64_t)f->block.n;
    frame_free(f);
}

/* Drops frames whose segments are gone, but for the first n. Gives the samples dropped. */
static int64_t drop_gone(struct endpoint *e, struct frames *l, size_t n)
{
    struct frames kept;
    int64_t dropped = 0;
    frames_init(&kept);
    for (struct frame *f; (f = frames_take(l)); n -= n > 0) {
        if (n || f->place.segment >= e->gone_below) {
            frames_add(&kept, f);
            continue;
        }
        dropped += f->head.samples;
        endpoint_count_dropped(e, DROP_QUEUE_FULL, f->head.samples);
        endpoint_delivered(e, f);
        let_go(e, f);
    }
    *l = kept;
    if (!kept.n)
        l->last = &l->first;
    e->dropped_full += (uint64_t)dropped;
    return dropped;
}

/* But for the request that is under way. */
static void drop_gone_of(struct shard *s)
{
    struct endpoint *e = s->endpoint;
    size_t before = s->frames.n;
    s->samples -= drop_gone(e, &s->frames, s->sending ? s->in_request : 0);
    e->busy -= (unsigned)(before - s->frames.n);
}

static void keep_bound(struct endpoint *e)
{
    drop_gone(e, &e->waiting, 0);
    for (unsigned i = 0; i < e->n_shards; i++)
        if (e->shard[i])
            drop_gone_of(e->shard[i]);
    if (e->dropped_full)
        gv_log_limited(&e->says_full, GV_LOG_WARN,
                       "the queue of a remote_write endpoint is full: its oldest samples are dropped",
                       GV_CTX("endpoint", e->config->name), GV_F("samples", e->dropped_full),
                       GV_F("max_queue_size", e->config->max_queue_bytes));
    e->gone_below = e->dropped_full = 0;
}

static void on_filled(struct gv_message *m)
{
    struct gv_work *w = container_of(m, struct gv_work, done);
    struct endpoint *e = container_of(w, struct endpoint, fill);
    e->filling = false;
    e->caught_up = e->at_end;
    for (struct frame *f; (f = frames_take(&e->filled));) {
        e->held_samples += f->head.samples;
        e->held_bytes += (int64_t)f->block.n;
        frame_set_due(e, f);
        frames_add(&e->waiting, f);
    }
    if (e->gone_below)
        keep_bound(e);
    dispatch(e);
    if (e->fill_again)
        want_fill(e);
}

static void on_more(struct gv_message *m)
{
    struct endpoint *e = container_of(m, struct endpoint, more);
    atomic_store(&e->more_posted, false);
    want_fill(e);
}

void endpoint_more(struct endpoint *e)
{
    if (loop_of(e) && !atomic_exchange(&e->more_posted, true))
        gv_loop_post(loop_of(e), &e->more);
}

/* When the oldest frame that is not delivered came, for the lag; 0: there is none. */
static void note_oldest(struct endpoint *e)
{
    int64_t oldest = e->waiting.first ? e->waiting.first->head.queued : 0;
    for (unsigned i = 0; i < e->n_shards; i++) {
        const struct frame *f = e->shard[i] ? e->shard[i]->frames.first : NULL;
        if (f && (!oldest || f->head.queued < oldest))
            oldest = f->head.queued;
    }
    atomic_store(&e->oldest_pending, oldest);
}

/* ---- A request's end ---- */

/* The first n frames are done with. */
static void leave_first(struct shard *s, size_t n)
{
    struct endpoint *e = s->endpoint;
    while (n--) {
        struct frame *f = frames_take(&s->frames);
        s->samples -= f->head.samples;
        e->busy--;
        if (!n)
            endpoint_delivered(e, f);
        let_go(e, f);
    }
    s->backoff_ms = 0;
    if (!e->caught_up && !e->flushing && e->held_samples * 2 < read_ahead(e) * (int64_t)e->current_shards)
        want_fill(e);
    if (!e->busy)
        dispatch(e);
    note_oldest(e);
}

static void delivered(struct shard *s)
{
    struct endpoint *e = s->endpoint;
    struct queue_frame sum = request_sum(s, s->in_request);
    atomic_fetch_add(&e->sent_samples, sum.samples);
    e->sent_requests++;
    note_latest(&e->newest_sent, sum.newest);
    if (atomic_exchange(&e->failing, false))
        gv_log_limited(&e->says_better, GV_LOG_INFO, "a remote_write endpoint takes samples again",
                       GV_CTX("endpoint", e->config->name));
    leave_first(s, s->in_request);
}

static void refused(struct shard *s, const struct gv_err *why)
{
    struct endpoint *e = s->endpoint;
    int64_t all = request_sum(s, s->in_request).samples, taken = s->written < all ? s->written : all;
    taken = taken > 0 ? taken : 0;
    atomic_store(&e->failing, false);
    atomic_fetch_add(&e->sent_samples, taken);
    endpoint_count_dropped(e, DROP_REJECTED, (uint64_t)(all - taken));
    gv_log_limited(&e->says_refused, GV_LOG_ERROR, "a remote_write endpoint refused samples; they are dropped",
                   GV_CTX("endpoint", e->config->name), GV_F("samples", all - taken),
                   GV_F("error", (const char *)why->msg));
    leave_first(s, s->in_request);
}

static void again_later(struct shard *s, const struct gv_err *why)
{
    struct endpoint *e = s->endpoint;
    const struct gv_forward_endpoint *c = e->config;
    s->backoff_ms = s->backoff_ms ? 2 * s->backoff_ms : c->min_backoff_ms;
    s->backoff_ms = s->backoff_ms < c->max_backoff_ms ? s->backoff_ms : c->max_backoff_ms;
    atomic_fetch_add(&e->retried, 1);
    if (!atomic_exchange(&e->failing, true))
        gv_log_limited(&e->says_failing, GV_LOG_WARN,
                       "a remote_write endpoint does not take samples; they wait in its queue",
                       GV_CTX("endpoint", c->name), GV_F("error", (const char *)why->msg));
    gv_timer_set(&s->timer, s->retry_after_ms > s->backoff_ms ? s->retry_after_ms : s->backoff_ms);
}

static void speak_older_version(struct endpoint *e, const struct gv_err *why)
{
    if (atomic_exchange(&e->version, GV_WRITE_1) == GV_WRITE_1)
        return;
    gv_log(GV_LOG_WARN, "a remote_write endpoint does not know remote write 2.0; it is sent 1.0 from now on",
           GV_CTX("endpoint", e->config->name), GV_F("error", (const char *)why->msg));
}

/* ---- A call ---- */

static bool on_header(void *arg, int status, struct gv_slice content_type, struct gv_err *err)
{
    struct shard *s = arg;
    (void)content_type, (void)err;
    s->status = status;
    s->written = forward_written(s->call);
    s->retry_after_ms =
        forward_retry_after(gv_http_call_field(s->call, "Retry-After"), forward_now(s->endpoint->forward));
    return true;
}

static bool on_data(void *arg, const char *data, size_t n, struct gv_err *err)
{
    struct shard *s = arg;
    size_t room = MOST_REPLY - s->reply.n;
    gv_buf_add(&s->reply, data, n < room ? n : room);
    return n <= room || gv_fail(err, GV_UNAVAILABLE, "a reply of more than %d bytes", MOST_REPLY);
}

static void judge(struct shard *s, const struct gv_http_outcome *o)
{
    struct gv_err why = {.code = GV_OK};
    if (o->sent > 1)
        request_note_sent(s);
    switch (forward_judge(s, o, &why)) {
    case VERDICT_DELIVERED:
        s->sure |= o->status / 100 == 2;
        endpoint_count_request(s->endpoint, o->status / 100 == 2 ? "delivered" : "delivered_before");
        delivered(s);
        break;
    case VERDICT_RETRY:
        if (o->sent)
            request_note_sent(s);
        endpoint_count_request(s->endpoint, "retried");
        again_later(s, &why);
        return;
    case VERDICT_REJECTED:
        endpoint_count_request(s->endpoint, "rejected");
        refused(s, &why);
        break;
    case VERDICT_TAKE_APART:
        endpoint_count_request(s->endpoint, "taken_apart");
        if (s->written > 0)
            request_note_sent(s);
        request_take_apart(s);
        break;
    case VERDICT_OLDER_VERSION:
        endpoint_count_request(s->endpoint, "older_version");
        speak_older_version(s->endpoint, &why);
        break;
    }
    send_next(s);
}

static void on_end(void *arg, const struct gv_http_outcome *o)
{
    struct shard *s = arg;
    s->call = NULL;
    gv_buf_fini(&s->joined);
    if (!s->endpoint->stopping)
        judge(s, o);
}

static void start_call(struct shard *s)
{
    static const struct gv_http_call_ops ops = {on_header, on_data, on_end};
    const struct gv_forward_endpoint *c = s->endpoint->config;
    bool is_2 = s->version == GV_WRITE_2;
    s->headers[0] = GV_S("Content-Encoding: snappy");
    s->headers[1] =
        is_2 ? GV_S("X-Prometheus-Remote-Write-Version: 2.0.0") : GV_S("X-Prometheus-Remote-Write-Version: 0.1.0");
    struct gv_http_call_spec spec = {.url = c->url,
                                     .method = "POST",
                                     .body = gv_buf_slice(request_is_a_frame(s) ? &s->frames.first->block : &s->joined),
                                     .content_type = is_2 ? GV_WRITE_2_CONTENT_TYPE : GV_WRITE_CONTENT_TYPE,
                                     .headers = s->headers,
                                     .n_headers = GV_COUNT(s->headers),
                                     .profile = s->endpoint->profile,
                                     .timeout_ms = c->timeout_ms,
                                     .connect_timeout_ms = CONNECT_MS,
                                     .any_address = c->round_robin_dns};
    gv_buf_clear(&s->reply);
    s->written = -1;
    s->retry_after_ms = -1;
    s->status = 0;
    if (s->frames.first->place.number < s->endpoint->resumed && !s->sure)
        request_note_sent(s);
    s->call = gv_http_call_start(s->endpoint->forward->http, &spec, &ops, s);
}

/* ---- Shards ---- */

static bool is_too_old(const struct endpoint *e, const struct frame *f)
{
    int64_t limit = e->config->sample_age_limit_ms;
    return limit && f->head.newest < forward_now(e->forward) - limit;
}

/* What is in the queue is our own, and its checksum is right: a fault of ours, or of the memory. */
static void damaged(struct shard *s)
{
    struct endpoint *e = s->endpoint;
    uint32_t samples = s->frames.first->head.samples;
    gv_log_limited(&e->says_damaged, GV_LOG_ERROR,
                   "samples in the queue of a remote_write endpoint cannot be read; they are dropped",
                   GV_CTX("endpoint", e->config->name), GV_F("samples", samples),
                   GV_F("error", (const char *)s->join_err.msg));
    endpoint_count_dropped(e, DROP_DAMAGED, samples);
    leave_first(s, 1);
}

static void on_joined(struct gv_message *m)
{
    struct shard *s = container_of(container_of(m, struct gv_work, done), struct shard, join);
    s->joining = false;
    if (s->endpoint->stopping)
        return;
    if (s->join_err.code == GV_OK) {
        start_call(s);
        return;
    }
    if (s->in_request > 1)
        request_take_apart(s);
    else
        damaged(s);
    send_next(s);
}

/* Of a shard that has no request under way. */
static void send_next(struct shard *s)
{
    struct endpoint *e = s->endpoint;
    s->sending = true; /* giving up may bring new frames, and must not come back here */
    s->in_request = 0;
    while (s->frames.first && is_too_old(e, s->frames.first)) {
        endpoint_drop_too_old(e, s->frames.first->head.samples);
        leave_first(s, 1);
    }
    int64_t wait = s->frames.first ? request_wait(s) : 0;
    s->sending = s->frames.first && !wait && !e->stopping;
    if (wait)
        gv_timer_set(&s->timer, wait);
    if (!s->sending)
        return;
    gv_timer_cancel(&s->timer);
    request_gather(s);
    if (request_is_a_frame(s))
        start_call(s);
    else
        request_join(s, on_joined);
}

static void on_timer(struct gv_timer *t)
{
    send_next(container_of(t, struct shard, timer));
}

static struct shard *shard_at(struct endpoint *e, unsigned i)
{
    if (i >= e->n_shards) {
        e->shard = reallocarray(e->shard, i + 1, sizeof(struct shard *));
        if (!e->shard)
            gv_die("out of memory");
        while (e->n_shards <= i)
            e->shard[e->n_shards++] = NULL;
    }
    if (e->shard[i])
        return e->shard[i];
    struct shard *s = e->shard[i] = calloc(1, sizeof *s);
    if (!s)
        gv_die("out of memory");
    s->endpoint = e;
    s->index = (uint16_t)i;
    frames_init(&s->frames);
    gv_timer_init(&s->timer, loop_of(e), on_timer);
    return s;
}

static void dispatch(struct endpoint *e)
{
    while (e->waiting.first && !e->stopping) {
        const struct queue_frame *head = &e->waiting.first->head;
        if (head->shards != e->current_shards && e->busy)
            break;
        e->current_shards = head->shards;
        struct shard *s = shard_at(e, head->shard);
        s->samples += head->samples;
        frames_add(&s->frames, frames_take(&e->waiting));
        e->busy++;
    }
    for (unsigned i = 0; i < e->n_shards; i++)
        if (e->shard[i] && e->shard[i]->frames.first && !e->shard[i]->sending)
            send_next(e->shard[i]);
    note_oldest(e);
}

/* ---- How many shards: more where the endpoint is behind and takes what it gets, fewer where there is little to do
 * ---- */

static bool is_behind(const struct endpoint *e)
{
    int64_t oldest = atomic_load(&e->oldest_pending);
    return oldest && forward_now(e->forward) - oldest > BEHIND_MS + e->config->batch_send_deadline_ms;
}

static bool is_sending(const struct endpoint *e)
{
    for (unsigned i = 0; i < e->n_shards; i++)
        if (e->shard[i] && e->shard[i]->sending)
            return true;
    return false;
}

static void adapt_shards(struct endpoint *e)
{
    unsigned shards = atomic_load(&e->shards);
    uint64_t samples = atomic_load(&e->sent_samples) - e->ticked_samples;
    uint64_t requests = e->sent_requests - e->ticked_requests;
    e->ticked_samples += samples;
    e->ticked_requests += requests;
    e->behind = is_behind(e) && !atomic_load(&e->failing) ? e->behind + 1 : 0;
    e->idle = is_sending(e) ? 0 : e->idle + 1;
    if (e->behind >= TICKS_BEHIND && requests && samples / requests >= WORTH_A_REQUEST) {
        shards = 2 * shards < e->config->max_shards ? 2 * shards : e->config->max_shards;
        e->behind = 0;
    } else if (e->idle >= TICKS_IDLE) {
        shards = shards / 2 > e->config->min_shards ? shards / 2 : e->config->min_shards;
        e->idle = 0;
    }
    atomic_store(&e->shards, shards);
}

static void on_tick(struct gv_timer *t)
{
    struct endpoint *e = container_of(t, struct endpoint, tick);
    adapt_shards(e);
    want_fill(e);
    if (e == e->forward->endpoints && ++e->ticks % TICKS_A_SWEEP == 0)
        series_table_sweep(&e->forward->series);
    gv_timer_set(t, e->forward->o.tick_ms);
}

/* ---- Start and stop ---- */

void endpoint_init(struct endpoint *e)
{
    e->more.fn = on_more;
    e->fill.fn = endpoint_fill;
    e->fill.done.fn = on_filled;
    e->says_failing.interval = e->says_better.interval = SAID_MS;
    e->says_refused.interval = e->says_full.interval = e->says_metadata.interval = SAID_MS;
    e->says_too_old.interval = e->says_damaged.interval = e->says_kept.interval = SAID_MS;
    frames_init(&e->waiting);
    frames_init(&e->filled);
}

void endpoint_start(struct endpoint *e)
{
    gv_timer_init(&e->tick, loop_of(e), on_tick);
    gv_timer_set(&e->tick, e->forward->o.tick_ms);
    endpoint_start_metadata(e);
    want_fill(e);
}

void endpoint_flush(struct endpoint *e)
{
    e->flushing = !atomic_load(&e->failing); /* else it is sent after the next start */
    if (e->flushing)
        dispatch(e);
    else
        endpoint_stop(e);
}

void endpoint_stop(struct endpoint *e)
{
    e->stopping = true;
    gv_timer_cancel(&e->tick);
    endpoint_stop_metadata(e);
    for (unsigned i = 0; i < e->n_shards; i++) {
        struct shard *s = e->shard[i];
        if (s && s->call)
            gv_http_call_cancel(s->call);
        if (s)
            gv_timer_cancel(&s->timer);
    }
}

bool endpoint_is_idle(const struct endpoint *e)
{
    for (unsigned i = 0; i < e->n_shards; i++)
        if (e->shard[i] && (e->shard[i]->call || e->shard[i]->joining))
            return false;
    return !e->filling && !endpoint_sends_metadata(e);
}

void endpoint_free_loop_side(struct endpoint *e)
{
    gv_timer_fini(&e->tick);
    for (unsigned i = 0; i < e->n_shards; i++) {
        struct shard *s = e->shard[i];
        if (!s)
            continue;
        gv_timer_fini(&s->timer);
        frames_free(&s->frames);
        gv_buf_fini(&s->reply);
        gv_buf_fini(&s->joined);
        free(s->pieces);
        free(s);
    }
    free(e->shard);
    frames_free(&e->waiting);
    frames_free(&e->filled);
    endpoint_free_metadata(e);
}
