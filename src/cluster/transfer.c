/* One part of an attempt: its URL, its HTTP call, and what the end of the call means.
 *
 *   2xx      -> the part's sink: header, feed..., finish
 *   others   -> the error envelope is read and judged (verdict.c)
 *   no reply -> the HTTP client's own words */
#include "cluster/ask_private.h"
#include "net/url.h"
#include <jansson.h>

enum { ERROR_BODY_MAX = 64 << 10, QUOTED_MAX = 200, CONNECT_MS = 5000, CONNECT_BEFORE_FAILOVER_MS = 2000 };

/* --- what is sent --- */

static const char *make_url(const struct transfer *t)
{
    const struct gv_cluster_config *config = t->attempt->ask->spec.cluster->config;
    struct gv_buf parameters = GV_BUF_INIT;
    for (size_t i = 0; i < config->n_params; i++)
        gv_url_add_param(&parameters, config->params[i].name, gv_slice_of(config->params[i].value));
    if (parameters.n && t->part->query.n)
        gv_buf_addc(&parameters, '&');
    gv_buf_add_slice(&parameters, t->part->query);
    const char *url = gv_arena_printf(t->attempt->arena, "%s%s%s%s", t->attempt->replica->url, t->part->path,
                                      parameters.n ? "?" : "", gv_buf_cstr(&parameters));
    gv_buf_fini(&parameters);
    return url;
}

void transfer_prepare(struct transfer *t)
{
    const struct gv_ask_spec *spec = &t->attempt->ask->spec;
    t->url = make_url(t);
    t->sink = t->part->sink->begin(t->part->sink_arg, spec->cluster, t->attempt->replica->index, t->attempt->arena);
}

/* --- what comes back --- */

static bool is_success(const struct transfer *t)
{
    return t->status / 100 == 2;
}

static bool on_header(void *arg, int status, struct gv_slice content_type, struct gv_err *err)
{
    struct transfer *t = arg;
    t->status = status;
    if (!is_success(t))
        return true;
    return t->part->sink->header ? t->part->sink->header(t->sink, status, content_type, err)
                                 : gv_sink_wants_json(t->sink, status, content_type, err);
}

static bool on_data(void *arg, const char *data, size_t n, struct gv_err *err)
{
    struct transfer *t = arg;
    if (is_success(t))
        return t->part->sink->feed(t->sink, data, n, err);
    if (t->error_body.n + n > ERROR_BODY_MAX)
        return gv_fail(err, GV_BAD_DATA, "too long");
    gv_buf_add(&t->error_body, data, n);
    return true;
}

static void add_address(struct gv_buf *b, const struct gv_replica *r)
{
    gv_buf_printf(b, strchr(r->host, ':') ? "[%s]:%s" : "%s:%s", r->host, r->port);
}

/* {"status":"error","errorType":...,"error":...}: the root holds the texts. */
static json_t *read_envelope(const struct gv_buf *body, struct gv_slice *type, struct gv_slice *message)
{
    json_t *root = json_loadb(body->n ? body->p : "", body->n, 0, NULL);
    const char *t = json_string_value(json_object_get(root, "errorType"));
    const char *m = json_string_value(json_object_get(root, "error"));
    *type = gv_slice_of(t ? t : "");
    *message = gv_slice_of(m ? m : "");
    if (m)
        return root;
    json_decref(root);
    return NULL;
}

/* The reply's text where it says something short, as one quoted line. */
static void add_text(struct gv_buf *out, const struct gv_buf *body)
{
    size_t n = body->n < QUOTED_MAX ? body->n : QUOTED_MAX;
    const char *line = n ? memchr(body->p, '\n', n) : NULL;
    if (line)
        n = (size_t)(line - body->p);
    if (n == 0 || body->p[0] == '<')
        return; /* nothing, or a page for browsers */
    gv_buf_adds(out, ": ");
    gv_buf_add_quoted(out, (struct gv_slice){body->p, n});
}

/* Outside text on one line: control bytes become spaces. */
static void add_message(struct gv_buf *out, struct gv_slice message)
{
    size_t from = out->n;
    gv_buf_add_slice(out, message);
    for (size_t i = from; i < out->n; i++)
        if ((unsigned char)out->p[i] < ' ' || out->p[i] == 0x7f)
            out->p[i] = ' ';
}

struct judgement {
    enum gv_ask_outcome outcome;
    bool trips;
    struct gv_err err;
};

static void judge_error_reply(struct transfer *t, struct judgement *j)
{
    struct gv_buf text = GV_BUF_INIT;
    struct gv_slice type, message;
    json_t *envelope = read_envelope(&t->error_body, &type, &message);
    j->outcome = gv_backend_verdict(t->status, type, message);
    j->trips = t->status >= 500 && !envelope;
    if (j->outcome != GV_ASK_QUERY) {
        add_address(&text, t->attempt->replica);
        gv_buf_printf(&text, " answered %d", t->status);
    }
    if (envelope && j->outcome != GV_ASK_QUERY)
        gv_buf_adds(&text, ": ");
    if (envelope)
        add_message(&text, message);
    else
        add_text(&text, &t->error_body);
    gv_fail(&j->err, j->outcome == GV_ASK_QUERY ? GV_EXECUTION : GV_UNAVAILABLE, "%s", gv_buf_cstr(&text));
    json_decref(envelope);
    gv_buf_fini(&text);
}

/* A sink's own limit is the query's failure; anything else it dislikes is the reply's. */
static void judge_sink(struct transfer *t, struct judgement *j, const struct gv_err *said)
{
    j->err.code = GV_OK;
    j->outcome = said->code == GV_BAD_DATA ? GV_ASK_BAD_BODY : GV_ASK_LIMIT;
    if (j->outcome == GV_ASK_LIMIT) {
        gv_fail(&j->err, said->code, "%s", said->msg);
        return;
    }
    struct gv_buf address = GV_BUF_INIT;
    add_address(&address, t->attempt->replica);
    gv_fail(&j->err, GV_UNAVAILABLE, "bad response from %s: %s", gv_buf_cstr(&address), said->msg);
    gv_buf_fini(&address);
}

static void judge_whole_body(struct transfer *t, struct judgement *j)
{
    struct gv_err said = {0};
    if (!t->part->sink->finish(t->sink, &said))
        judge_sink(t, j, &said);
}

static void judge_failure(struct transfer *t, struct judgement *j, const struct gv_http_outcome *o)
{
    static const enum gv_ask_outcome outcomes[] = {
        [GV_HTTP_RESOLVE] = GV_ASK_RESOLVE, [GV_HTTP_CONNECT] = GV_ASK_CONNECT,   [GV_HTTP_TLS] = GV_ASK_TLS,
        [GV_HTTP_BROKEN] = GV_ASK_BROKEN,   [GV_HTTP_OVERSIZE] = GV_ASK_OVERSIZE, [GV_HTTP_DEADLINE] = GV_ASK_DEADLINE,
        [GV_HTTP_REFUSED] = GV_ASK_BROKEN,  [GV_HTTP_CANCELED] = GV_ASK_CANCELED,
    };
    const struct gv_ask *ask = t->attempt->ask;
    j->outcome = outcomes[o->failure];
    j->err = o->err;
    j->trips = o->failure == GV_HTTP_DEADLINE ? !o->connected || ask_has_its_time(ask) : o->failure != GV_HTTP_OVERSIZE;
    if (o->failure == GV_HTTP_OVERSIZE)
        gv_err_prefix(&j->err, "max_response_size: ");
    else if (o->failure == GV_HTTP_DEADLINE)
        ask_name_limit(ask, &j->err);
}

static void judge(struct transfer *t, struct judgement *j, const struct gv_http_outcome *o)
{
    bool ended = o->failure == GV_HTTP_OK || o->failure == GV_HTTP_REFUSED;
    if (ended && !is_success(t) && t->status)
        judge_error_reply(t, j);
    else if (o->failure == GV_HTTP_REFUSED && t->status)
        judge_sink(t, j, &o->err);
    else if (o->failure == GV_HTTP_OK)
        judge_whole_body(t, j);
    else
        judge_failure(t, j, o);
}

static void on_end(void *arg, const struct gv_http_outcome *o)
{
    struct transfer *t = arg;
    struct attempt *at = t->attempt;
    struct judgement j = {.outcome = GV_ASK_OK};
    t->call = NULL;
    at->wire_bytes += o->wire_bytes;
    at->body_bytes += o->body_bytes;
    if (!at->dead) {
        at->status = o->status;
        at->failed_part = (size_t)(t - at->transfers);
        judge(t, &j, o);
    }
    gv_buf_fini(&t->error_body);
    lane_leave(at->ask->client, t);
    attempt_part_ended(at, j.outcome, j.trips, &j.err);
}

static const struct gv_http_call_ops call_ops = {on_header, on_data, on_end};

/* Those of the ask, which all parts have, and the part's own. */
static const struct gv_slice *all_headers(const struct transfer *t, size_t *n)
{
    const struct gv_ask_spec *spec = &t->attempt->ask->spec;
    *n = spec->n_headers + t->part->n_headers;
    if (!t->part->n_headers)
        return spec->headers;
    struct gv_slice *all = gv_arena_array(t->attempt->arena, struct gv_slice, *n);
    if (spec->n_headers)
        memcpy(all, spec->headers, spec->n_headers * sizeof *all);
    memcpy(all + spec->n_headers, t->part->headers, t->part->n_headers * sizeof *all);
    return all;
}

void transfer_start(struct transfer *t, struct gv_http_client *http)
{
    struct attempt *at = t->attempt;
    const struct gv_ask *ask = at->ask;
    const struct gv_cluster *c = ask->spec.cluster;
    int64_t left_ns = ask->deadline_ns - gv_loop_now_ns(client_loop(ask->client));
    struct gv_http_call_spec spec = {
        .url = t->url,
        .method = t->part->method,
        .body = t->part->body,
        .content_type = t->part->content_type,
        .profile = c->profile,
        .connections = at->replica->connections,
        .timeout_ms = left_ns > 0 ? (left_ns + 999999) / 1000000 : 0,
        .connect_timeout_ms = c->record->n_replicas > 1 ? CONNECT_BEFORE_FAILOVER_MS : CONNECT_MS,
        .max_body = c->config->max_response_size,
        .compression = c->config->compression && !t->part->never_compressed,
    };
    spec.headers = all_headers(t, &spec.n_headers);
    if (at->replica->is_name)
        spec.resolved = gv_record_dup_text(c->record, &at->replica->resolved, at->arena);
    t->call = gv_http_call_start(http, &spec, &call_ops, t);
}

void transfer_cancel(struct transfer *t)
{
    if (t->state == TRANSFER_RUNNING) {
        gv_http_call_cancel(t->call);
    } else if (t->state == TRANSFER_WAITING) {
        lane_leave(t->attempt->ask->client, t);
        t->attempt->open--;
    }
}
