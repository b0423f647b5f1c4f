/* /federate: every cluster's /federate, labels injected into the text, united and written as one.
 *
 * The format has no place for a warning: a cluster that failed makes the answer 503, unless the request says
 * partial_response=true. Without match[] nobody is asked and the answer is empty, as Prometheus gives it. */
#include "api/handlers.h"
#include "codec/exposition.h"

struct federate_state {
    struct selectors match;
    struct gv_exposition_writer *writer;
};

/* --- sink: the text of one cluster, parsed as it arrives --- */

struct sink {
    struct gv_exposition text;
    struct gv_exposition_parser *parser;
};

static void *sink_begin(void *arg, const struct gv_cluster *c, unsigned replica, struct gv_arena *a)
{
    (void)arg, (void)replica;
    struct sink *s = gv_arena_new(a, struct sink);
    gv_exposition_init(&s->text, a);
    s->parser = gv_exposition_parser_new(&s->text, &c->mapping);
    return s;
}

static bool sink_header(void *sink, int status, struct gv_slice content_type, struct gv_err *err)
{
    (void)sink, (void)status;
    return gv_slice_has_prefix(content_type, GV_S("text/plain")) ||
           gv_fail(err, GV_BAD_DATA, "expected text/plain from /federate, got the content type \"%.*s\"",
                   GV_ARG(content_type));
}

static bool sink_feed(void *sink, const char *data, size_t n, struct gv_err *err)
{
    return gv_exposition_parser_feed(((struct sink *)sink)->parser, data, n, err);
}

static bool sink_finish(void *sink, struct gv_err *err)
{
    return gv_exposition_parser_finish(((struct sink *)sink)->parser, err);
}

static const struct gv_sink_ops sink_ops = {sink_begin, sink_header, sink_feed, sink_finish};

/* --- the way of a request --- */

static bool shape(void *arg, const struct gv_cluster *c, struct gv_arena *a, const char **path, struct gv_slice *form)
{
    (void)path;
    const struct federate_state *s = ((struct request *)arg)->state;
    return selectors_shape(&s->match, "match[]", (struct gv_slice){NULL, 0}, c, a, form);
}

static bool wants_utf8(const struct request *r)
{
    struct gv_slice accept = gv_http_request_field(&r->x->request, "Accept");
    return accept.n && memmem(accept.p, accept.n, "escaping=allow-utf-8", strlen("escaping=allow-utf-8"));
}

static bool digest(void *arg, struct gv_fanout *f, struct gv_err *err)
{
    struct request *r = arg;
    struct federate_state *s = r->state;
    size_t n, n_parts = 0;
    const struct gv_fanout_answer *answers = gv_fanout_answers(f, &n);
    const struct gv_exposition **parts = gv_arena_array(gv_fanout_arena(f), const struct gv_exposition *, n);
    for (size_t i = 0; i < n; i++)
        if (answers[i].ok)
            parts[n_parts++] = &((struct sink *)answers[i].sink)->text;
    s->writer = gv_exposition_writer_new(gv_fanout_arena(f), parts, n_parts,
                                         wants_utf8(r) ? GV_ESCAPE_ALLOW_UTF8 : GV_ESCAPE_UNDERSCORES, err);
    return s->writer != NULL;
}

static enum gv_produce produce(void *arg, struct gv_buf *out, size_t want)
{
    struct federate_state *s = arg;
    return gv_exposition_writer_next(s->writer, out, want) ? GV_PRODUCE_MORE : GV_PRODUCE_DONE;
}

static const char type_exposition[] = "text/plain; version=0.0.4; charset=utf-8";

static void done(void *arg, struct gv_fanout *f)
{
    struct request *r = arg;
    if (r->canceled)
        gv_http_abandon(r->x);
    else if (gv_fanout_err(f)->code != GV_OK)
        reply_error_text(r, gv_fanout_err(f));
    else
        reply_stream(r, 200, type_exposition, produce, r->state);
}

/* Backends of 3.x write names beyond the legacy ones in full only where they are asked to. */
static void ask_for_full_names(struct request *r)
{
    struct gv_slice *lines = gv_arena_array(r->x->arena, struct gv_slice, r->scope.n_headers + 1);
    if (r->scope.n_headers)
        memcpy(lines, r->scope.headers, r->scope.n_headers * sizeof *lines);
    lines[r->scope.n_headers++] =
        GV_S("Accept: text/plain;version=0.0.4;escaping=allow-utf-8,text/plain;version=0.0.4");
    r->scope.headers = lines;
}

void serve_federate(struct request *r)
{
    struct federate_state *s = r->state = gv_arena_new(r->x->arena, struct federate_state);
    struct gv_err err = {0};
    if (!request_scope(r, &err) || !selectors_read(&s->match, r, "match[]", &err)) {
        reply_error_text(r, &err);
        return;
    }
    if (!s->match.n) {
        reply_text(r, 200, type_exposition, (struct gv_slice){NULL, 0});
        return;
    }
    if (r->scope.partial == GV_PARTIAL_DEFAULT)
        r->scope.partial = GV_PARTIAL_NO;
    ask_for_full_names(r);
    struct gv_fanout_request request = {
        .scope = r->scope,
        .path = "/federate",
        .sink = &sink_ops,
        .shape = shape,
        .digest = digest,
        .arg = r,
    };
    r->fanout = gv_fanout_start(&r->l->env, request_take_settings(r), &request, done, r);
}
