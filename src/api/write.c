/* POST /api/v1/write, and under /cluster/<name>/: header -> checked, its memory reserved -> body -> receiver, here
 * where it is small, else on a worker -> told by the log -> reply.
 *
 * A client that goes away does not stop its write: what was begun is finished, and sending it again is harmless. */
#include "api/handlers.h"
#include "base/number.h"
#include "base/utf8.h"
#include "loop/task.h"
#include <strings.h>

static const char retry_after[] = "5";

struct write {
    struct gv_task task;
    struct request *r;
    struct gv_incoming *in;
    struct gv_message told; /* from any thread: all of it is answered for */
    bool small;
};

/* ---- The header ---- */

static bool check_open(const struct request *r, struct gv_err *err)
{
    if (!r->settings->ingest)
        return gv_fail(err, GV_NOT_FOUND, "no writes are taken here: set `ingest` in the configuration");
    return r->l->env.receiver ||
           gv_fail(err, GV_UNAVAILABLE, "no writes are taken before the next start: it opens the storage");
}

/* It becomes a label's value. */
static bool check_cluster(const struct request *r, struct gv_err *err)
{
    return gv_utf8_valid(r->cluster) ||
           gv_fail(err, GV_BAD_DATA, "no cluster: its name in the path, /cluster/<name>/api/v1/write, is not UTF-8");
}

/* Both before anything is read of the body. Without Content-Encoding it is snappy as well, as senders of old mean it.
 */
static bool check_types(const struct request *r, struct gv_err *err)
{
    struct gv_slice encoding = gv_http_request_field(&r->x->request, "Content-Encoding");
    enum gv_write_version version;
    if (!gv_write_version_of(gv_http_request_field(&r->x->request, "Content-Type"), &version, err))
        return false;
    if (!encoding.n || (encoding.n == 6 && strncasecmp(encoding.p, "snappy", 6) == 0))
        return true;
    struct gv_buf text = GV_BUF_INIT;
    gv_buf_add_quoted(&text, encoding);
    gv_fail(err, GV_UNSUPPORTED_MEDIA, "Content-Encoding %s: writes are taken as snappy alone", gv_buf_cstr(&text));
    gv_buf_fini(&text);
    return false;
}

/* Of a body: what max_inflight_bytes could never hold is no matter of trying again. */
static size_t largest_of(const struct request *r)
{
    int64_t limit = gv_receiver_budget(r->l->env.receiver)->limit;
    size_t max = r->settings->ingest->max_body_size;
    return limit && (size_t)limit < max ? (size_t)limit : max;
}

static bool refuse_size(const struct request *r, struct gv_slice length, size_t largest, struct gv_err *err)
{
    const char *name = largest < r->settings->ingest->max_body_size ? "max_inflight_bytes" : "max_body_size";
    return gv_fail(err, GV_TOO_LARGE,
                   "a body of %.*s bytes: ingest.%s is %zu; let the sender make smaller batches (max_samples_per_send)",
                   GV_ARG(length), name, largest);
}

/* The body, before it comes: as long as it says, or, in chunks, as long as it may be. */
static bool reserve(struct request *r, size_t largest, struct gv_err *err)
{
    struct gv_slice text = gv_http_request_field(&r->x->request, "Content-Length");
    size_t n = text.n ? 0 : largest;
    for (size_t i = 0; i < text.n && n <= largest; i++)
        n = n * 10 + (size_t)(text.p[i] - '0');
    if (n > largest)
        return refuse_size(r, text, largest, err);
    if (!gv_budget_take(gv_receiver_budget(r->l->env.receiver), n, err))
        return false;
    r->reserved = n;
    return true;
}

/* When the body is here: what came in chunks is shorter than it might have been. */
static void keep_reserved(struct request *r, size_t n)
{
    if (r->reserved <= n)
        return;
    gv_budget_give(gv_receiver_budget(r->l->env.receiver), r->reserved - n);
    r->reserved = n;
}

static void add_extra(struct request *r, const char *name, struct gv_slice value)
{
    r->extra[r->n_extra++] = (struct gv_http_field){gv_slice_of(name), value};
}

static void refuse(struct request *r, const struct gv_err *err)
{
    if (err->code == GV_UNAVAILABLE)
        add_extra(r, "Retry-After", gv_slice_of(retry_after));
    reply_error_text(r, err);
}

size_t write_accept(struct request *r)
{
    struct gv_err err = {0};
    r->settings = r->l->api->ops.settings(r->l->api->ops.ctx, r->l->env.loop);
    size_t largest = 0;
    if (check_open(r, &err) && check_cluster(r, &err) && check_types(r, &err) &&
        reserve(r, largest = largest_of(r), &err))
        return largest;
    refuse(r, &err);
    return 0;
}

/* ---- The way of a request ---- */

static void on_told(struct gv_message *m)
{
    struct write *w = container_of(m, struct write, told);
    gv_task_release(&w->task);
}

static void tell(void *arg, struct gv_incoming *in)
{
    (void)in;
    struct write *w = arg;
    gv_loop_post(w->task.loop, &w->told);
}

static bool run(struct gv_task *t)
{
    struct write *w = container_of(t, struct write, task);
    gv_incoming_run(w->in, tell, w);
    return true;
}

static enum gv_step take(struct gv_task *t)
{
    struct write *w = container_of(t, struct write, task);
    gv_task_hold(t); /* until it is told */
    if (!w->small)
        return gv_task_offload(t, run);
    run(t);
    return GV_WAIT;
}

static struct gv_slice number(struct request *r, uint64_t n)
{
    return gv_slice_of(gv_arena_printf(r->x->arena, "%llu", (unsigned long long)n));
}

static void reply_outcome(struct request *r, const struct gv_incoming_outcome *o, enum gv_write_version version)
{
    if (version == GV_WRITE_2) {
        add_extra(r, "X-Prometheus-Remote-Write-Samples-Written", number(r, o->samples));
        add_extra(r, "X-Prometheus-Remote-Write-Histograms-Written", number(r, o->histograms));
        add_extra(r, "X-Prometheus-Remote-Write-Exemplars-Written", number(r, o->exemplars));
    }
    if (o->code == GV_UNAVAILABLE)
        add_extra(r, "Retry-After", gv_slice_of(retry_after));
    if (o->code == GV_OK) {
        reply_text(r, 204, NULL, (struct gv_slice){NULL, 0});
        return;
    }
    gv_buf_add_slice(&r->body, o->text);
    if (!gv_slice_has_suffix(o->text, GV_S("\n")))
        gv_buf_addc(&r->body, '\n');
    reply_text(r, gv_err_status(o->code), type_text, gv_buf_slice(&r->body));
}

static enum gv_step reply(struct gv_task *t)
{
    struct write *w = container_of(t, struct write, task);
    struct request *r = w->r;
    struct gv_incoming_outcome o = gv_incoming_outcome(w->in);
    r->busy = false;
    if (r->canceled) {
        gv_incoming_free(w->in);
        gv_http_abandon(r->x);
        return GV_NEXT;
    }
    reply_outcome(r, &o, gv_incoming_version(w->in));
    gv_incoming_free(w->in);
    return GV_NEXT;
}

static gv_step_fn *const steps[] = {take, reply, NULL};

void serve_write(struct request *r)
{
    struct write *w = gv_arena_new(r->x->arena, struct write);
    struct gv_incoming_request q = {.settings = r->settings->ingest, .cluster = r->cluster, .body = r->x->request.body};
    struct gv_err err = {0};
    if (!gv_write_version_of(gv_http_request_field(&r->x->request, "Content-Type"), &q.version, &err)) {
        refuse(r, &err); /* not after the header was accepted */
        return;
    }
    keep_reserved(r, q.body.n);
    w->r = r;
    w->told.fn = on_told;
    w->small = gv_incoming_is_small(&q);
    w->in = gv_incoming_new(r->l->env.receiver, &q);
    r->busy = true;
    gv_task_start(&w->task, r->l->env.loop, r->l->env.workers, steps);
}
