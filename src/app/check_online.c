/* Every endpoint of every cluster at once, over the same client as the server's:
 *
 *   buildinfo -> (no such page: query 1) -> runtimeinfo, remote read -> a line of the report
 *
 * Two endpoints of different clusters with the same start time are one Prometheus: its series would count twice. */
#include "app/check_online.h"
#include "app/command.h"
#include "cluster/ask.h"
#include <jansson.h>

enum { TIMEOUT_MS = 10000, MAX_PAGE = 4 << 20 };

struct online;
struct endpoint {
    struct online *online;
    const struct gv_cluster *cluster;
    unsigned replica;
    bool reached, reads;
    struct gv_err err;
    struct gv_slice version, started; /* in the arena of online; empty: unknown */
};

struct online {
    struct gv_arena arena;
    struct gv_loop *loop;
    struct gv_cluster_client *client;
    struct endpoint *endpoints;
    size_t n, pending; /* asks that are not answered */
    bool failed;
};

/* --- a sink that keeps the body --- */

static void fini_page(void *page)
{
    gv_buf_fini(page);
}

static void *begin_page(void *arg, const struct gv_cluster *c, unsigned replica, struct gv_arena *a)
{
    (void)arg, (void)c, (void)replica;
    struct gv_buf *page = gv_arena_new(a, struct gv_buf);
    gv_arena_defer(a, fini_page, page);
    return page;
}

static bool accept_any(void *sink, int status, struct gv_slice content_type, struct gv_err *err)
{
    (void)sink;
    (void)status;
    (void)content_type;
    (void)err;
    return true;
}

static bool feed_page(void *sink, const char *data, size_t n, struct gv_err *err)
{
    struct gv_buf *page = sink;
    if (page->n + n > MAX_PAGE)
        return gv_fail(err, GV_BAD_DATA, "the page is too large");
    gv_buf_add(page, data, n);
    return true;
}

static bool finish_page(void *sink, struct gv_err *err)
{
    (void)sink;
    (void)err;
    return true;
}

static const struct gv_sink_ops json_page = {begin_page, NULL, feed_page, finish_page};
static const struct gv_sink_ops any_page = {begin_page, accept_any, feed_page, finish_page};

/* --- asking --- */

static void ask(struct endpoint *e, const struct gv_ask_part *part, gv_ask_fn *on_answer)
{
    struct gv_ask_spec spec = {.cluster = e->cluster,
                               .parts = part,
                               .n_parts = 1,
                               .deadline_ms = gv_loop_now_ns(e->online->loop) / 1000000 + TIMEOUT_MS,
                               .replica = (int)e->replica,
                               .only_that_replica = true};
    e->online->pending++;
    gv_cluster_ask(e->online->client, &spec, on_answer, e);
}

static void answered(struct endpoint *e, const struct gv_ask_answer *answer)
{
    gv_ask_arena_free(answer->arena);
    if (--e->online->pending == 0)
        gv_loop_stop(e->online->loop);
}

/* data.<key> of a page as text in the arena; empty where it is not there. */
static struct gv_slice text_of(struct endpoint *e, const struct gv_ask_answer *answer, const char *key)
{
    const struct gv_buf *page = answer->outcome == GV_ASK_OK ? answer->sinks[0] : NULL;
    json_t *reply = page ? json_loadb(page->p ? page->p : "", page->n, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(json_object_get(reply, "data"), key));
    struct gv_slice copy = text ? gv_arena_dup(&e->online->arena, gv_slice_of(text)) : (struct gv_slice){NULL, 0};
    json_decref(reply);
    return copy;
}

static void on_runtimeinfo(void *arg, const struct gv_ask_answer *answer)
{
    struct endpoint *e = arg;
    e->started = text_of(e, answer, "startTime");
    answered(e, answer);
}

static void on_read(void *arg, const struct gv_ask_answer *answer)
{
    struct endpoint *e = arg;
    e->reads = answer->outcome == GV_ASK_OK;
    answered(e, answer);
}

static void ask_further(struct endpoint *e)
{
    static const struct gv_ask_part runtimeinfo = {
        .method = "GET", .path = "/api/v1/status/runtimeinfo", .sink = &json_page};
    /* an empty ReadRequest: snappy of nothing is the length 0 */
    static const struct gv_ask_part read = {.method = "POST",
                                            .path = "/api/v1/read",
                                            .body = {"", 1},
                                            .content_type = "application/x-protobuf",
                                            .sink = &any_page};
    e->reached = true;
    ask(e, &runtimeinfo, on_runtimeinfo);
    ask(e, &read, on_read);
}

static void on_plain_query(void *arg, const struct gv_ask_answer *answer)
{
    struct endpoint *e = arg;
    if (answer->outcome == GV_ASK_OK)
        ask_further(e);
    else
        e->err = answer->err;
    answered(e, answer);
}

static void on_buildinfo(void *arg, const struct gv_ask_answer *answer)
{
    static const struct gv_ask_part plain = {
        .method = "GET", .path = "/api/v1/query", .query = {"query=1", 7}, .sink = &json_page};
    struct endpoint *e = arg;
    e->version = text_of(e, answer, "version");
    if (answer->outcome == GV_ASK_OK)
        ask_further(e);
    else if (answer->status >= 400 && answer->status < 500 && answer->status != 401 && answer->status != 403)
        ask(e, &plain, on_plain_query); /* a backend without that page */
    else
        e->err = answer->err;
    answered(e, answer);
}

static void ask_all(struct online *o, const struct gv_clusters *cs)
{
    static const struct gv_ask_part buildinfo = {
        .method = "GET", .path = "/api/v1/status/buildinfo", .sink = &json_page};
    for (size_t i = 0; i < cs->n; i++)
        o->n += cs->at[i].config->n_endpoints;
    o->endpoints = gv_arena_array(&o->arena, struct endpoint, o->n);
    struct endpoint *e = o->endpoints;
    for (size_t i = 0; i < cs->n; i++)
        for (unsigned k = 0; k < cs->at[i].config->n_endpoints; k++, e++) {
            *e = (struct endpoint){.online = o, .cluster = &cs->at[i], .replica = k};
            ask(e, &buildinfo, on_buildinfo);
        }
}

/* --- the report --- */

static const char *url_of(const struct endpoint *e)
{
    return e->cluster->config->endpoints[e->replica];
}

/* The line begins with the cluster's name already. */
static const char *cause_of(const struct endpoint *e)
{
    struct gv_buf prefix = GV_BUF_INIT;
    gv_buf_printf(&prefix, "cluster \"%.*s\": ", GV_ARG(e->cluster->name));
    bool named = gv_slice_has_prefix(gv_slice_of(e->err.msg), gv_buf_slice(&prefix));
    const char *cause = e->err.msg + (named ? prefix.n : 0);
    gv_buf_fini(&prefix);
    return cause;
}

static void report_endpoint(struct online *o, const struct endpoint *e, struct gv_buf *out)
{
    gv_buf_add_quoted(out, e->cluster->name);
    gv_buf_printf(out, " %s: ", url_of(e));
    o->failed |= !e->reached;
    if (!e->reached) {
        gv_buf_printf(out, "FAILED: %s\n", cause_of(e));
        return;
    }
    gv_buf_adds(out, "ok, version ");
    if (e->version.n)
        gv_buf_add_quoted(out, e->version);
    else
        gv_buf_adds(out, "unknown");
    gv_buf_printf(out, ", %s\n", e->reads ? "takes remote reads" : "no remote read");
}

static void report_same(struct online *o, const struct endpoint *a, const struct endpoint *b, struct gv_buf *out)
{
    if (!a->started.n || !gv_slice_eq(a->started, b->started))
        return;
    bool twice = a->cluster != b->cluster;
    o->failed |= twice;
    gv_buf_printf(out, "%s and %s are the same Prometheus: ", url_of(a), url_of(b));
    if (!twice) {
        gv_buf_adds(out, "replicas that fail together\n");
        return;
    }
    gv_buf_adds(out, "clusters ");
    gv_buf_add_quoted(out, a->cluster->name);
    gv_buf_adds(out, " and ");
    gv_buf_add_quoted(out, b->cluster->name);
    gv_buf_adds(out, " would show every series twice\n");
}

static int report(struct online *o)
{
    struct gv_buf out = GV_BUF_INIT;
    for (size_t i = 0; i < o->n; i++)
        report_endpoint(o, &o->endpoints[i], &out);
    for (size_t i = 0; i < o->n; i++)
        for (size_t k = 0; k < i; k++)
            report_same(o, &o->endpoints[k], &o->endpoints[i], &out);
    int status = gv_print_out(&out);
    return o->failed ? GV_EXIT_FAILED : status;
}

static bool run(struct online *o, const struct gv_clusters *cs, struct gv_err *err)
{
    if (!(o->loop = gv_loop_new(0, err)) || !(o->client = gv_cluster_client_new(o->loop, err)))
        return false;
    gv_cluster_client_set_clusters(o->client, cs);
    ask_all(o, cs);
    if (o->pending)
        gv_loop_run(o->loop);
    return true;
}

int gv_check_online(const struct gv_clusters *cs)
{
    struct online o = {0};
    struct gv_err err = {0};
    gv_arena_init(&o.arena, NULL);
    int status = run(&o, cs, &err) ? report(&o) : gv_complain(GV_EXIT_FAILED, "%s", err.msg);
    if (o.client)
        gv_cluster_client_free(o.client);
    gv_loop_free(o.loop);
    gv_arena_fini(&o.arena);
    return status;
}
