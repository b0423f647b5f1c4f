/* Metadata towards endpoints of 1.0: all that is known, every metadata_interval, in requests of their own. Nothing
 * depends on it, so it is not kept, and what an endpoint does not take is sent again in its next turn only. */
#include "base/option.h"
#include "ingest/forward_impl.h"
#include <stdlib.h>

struct gv_metadata_call {
    struct endpoint *endpoint;
    struct gv_work make;
    struct gv_buf *blocks; /* requests */
    size_t n, next;
    bool making;
    struct gv_http_call *call;
    struct gv_slice headers[2];
};

static void clear_blocks(struct gv_metadata_call *m)
{
    for (size_t i = 0; i < m->n; i++)
        gv_buf_fini(&m->blocks[i]);
    free(m->blocks);
    m->blocks = NULL;
    m->n = m->next = 0;
}

static void end_block(struct gv_metadata_call *m, struct gv_write_encoder *w)
{
    m->blocks = reallocarray(m->blocks, m->n + 1, sizeof *m->blocks);
    if (!m->blocks)
        gv_die("out of memory");
    m->blocks[m->n] = (struct gv_buf)GV_BUF_INIT;
    gv_write_encoder_end(w, &m->blocks[m->n++]);
}

/* On a worker. */
static void make_blocks(struct gv_work *work)
{
    struct gv_metadata_call *m = container_of(work, struct gv_metadata_call, make);
    struct metadata_table *t = &m->endpoint->forward->metadata;
    struct gv_write_encoder w = {.table = NULL};
    int64_t n = 0;
    gv_write_encoder_begin(&w, GV_WRITE_1);
    pthread_mutex_lock(&t->lock);
    for (struct gv_map_entry *e = NULL; (e = gv_map_next(&t->map, e));) {
        gv_write_put_metadata(&w, e->value);
        if (++n % m->endpoint->config->max_metadata_per_send == 0) {
            end_block(m, &w);
            gv_write_encoder_begin(&w, GV_WRITE_1);
        }
    }
    pthread_mutex_unlock(&t->lock);
    if (w.message.n)
        end_block(m, &w);
    gv_write_encoder_fini(&w);
}

static bool on_header(void *arg, int status, struct gv_slice content_type, struct gv_err *err)
{
    (void)arg, (void)status, (void)content_type, (void)err;
    return true;
}

static bool on_data(void *arg, const char *data, size_t n, struct gv_err *err)
{
    (void)arg, (void)data, (void)n, (void)err;
    return true;
}

static void send_next(struct gv_metadata_call *m);

static void say_failure(struct endpoint *e, const struct gv_http_outcome *o)
{
    struct gv_buf why = GV_BUF_INIT;
    if (o->failure == GV_HTTP_OK) {
        gv_option_print_url(&why, gv_slice_of(e->config->url));
        gv_buf_printf(&why, " answered %d", o->status);
    } else {
        gv_buf_adds(&why, o->err.msg);
    }
    gv_log_limited(&e->says_metadata, GV_LOG_WARN,
                   "a remote_write endpoint does not take metadata; it is sent again after send_interval",
                   GV_CTX("endpoint", e->config->name), GV_F("error", gv_buf_slice(&why)));
    gv_buf_fini(&why);
}

static void on_end(void *arg, const struct gv_http_outcome *o)
{
    struct gv_metadata_call *m = arg;
    bool taken = o->failure == GV_HTTP_OK && o->status / 100 == 2;
    bool goes_on = o->failure == GV_HTTP_OK && o->status / 100 != 5 && o->status != 429; /* a refusal is of this one */
    m->call = NULL;
    if (!m->endpoint->stopping) {
        endpoint_count_request(m->endpoint, taken ? "metadata" : "metadata_failed");
        if (!taken)
            say_failure(m->endpoint, o);
    }
    if (goes_on && m->next < m->n && !m->endpoint->stopping)
        send_next(m);
    else
        clear_blocks(m);
}

static void send_next(struct gv_metadata_call *m)
{
    static const struct gv_http_call_ops ops = {on_header, on_data, on_end};
    const struct gv_forward_endpoint *c = m->endpoint->config;
    m->headers[0] = GV_S("Content-Encoding: snappy");
    m->headers[1] = GV_S("X-Prometheus-Remote-Write-Version: 0.1.0");
    struct gv_http_call_spec spec = {.url = c->url,
                                     .method = "POST",
                                     .body = gv_buf_slice(&m->blocks[m->next++]),
                                     .content_type = GV_WRITE_CONTENT_TYPE,
                                     .headers = m->headers,
                                     .n_headers = GV_COUNT(m->headers),
                                     .profile = m->endpoint->profile,
                                     .timeout_ms = c->timeout_ms,
                                     .any_address = c->round_robin_dns};
    m->call = gv_http_call_start(m->endpoint->forward->http, &spec, &ops, m);
}

static void on_made(struct gv_message *message)
{
    struct gv_work *work = container_of(message, struct gv_work, done);
    struct gv_metadata_call *m = container_of(work, struct gv_metadata_call, make);
    m->making = false;
    if (m->n && !m->endpoint->stopping)
        send_next(m);
    else
        clear_blocks(m);
}

static void on_interval(struct gv_timer *t)
{
    struct endpoint *e = container_of(t, struct endpoint, metadata_timer);
    struct gv_metadata_call *m = e->metadata;
    if (!endpoint_sends_metadata(e) && !e->stopping && atomic_load(&e->version) == GV_WRITE_1) {
        clear_blocks(m);
        m->making = true;
        gv_workers_submit(e->forward->workers, e->forward->loop, &m->make);
    }
    gv_timer_set(t, e->config->metadata_interval_ms);
}

void endpoint_start_metadata(struct endpoint *e)
{
    gv_timer_init(&e->metadata_timer, e->forward->loop, on_interval);
    e->metadata = calloc(1, sizeof *e->metadata);
    if (!e->metadata)
        gv_die("out of memory");
    e->metadata->endpoint = e;
    e->metadata->make.fn = make_blocks;
    e->metadata->make.done.fn = on_made;
    if (e->config->send_metadata)
        gv_timer_set(&e->metadata_timer, e->config->metadata_interval_ms);
}

void endpoint_stop_metadata(struct endpoint *e)
{
    gv_timer_cancel(&e->metadata_timer);
    if (e->metadata && e->metadata->call)
        gv_http_call_cancel(e->metadata->call);
}

bool endpoint_sends_metadata(const struct endpoint *e)
{
    return e->metadata && (e->metadata->making || e->metadata->call);
}

void endpoint_free_metadata(struct endpoint *e)
{
    if (!e->metadata)
        return;
    gv_timer_fini(&e->metadata_timer);
    clear_blocks(e->metadata);
    free(e->metadata);
    e->metadata = NULL;
}
