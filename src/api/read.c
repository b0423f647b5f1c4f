/* /api/v1/read: remote read, the answering side, over all clusters (Prometheus remote read protocol 0.1.0).
 *
 *   body ──► selections ──► one query for their raw series ──► encoder ──► reply, as fast as the client reads
 *
 * Neither form of answer has a place for a warning: a cluster that failed makes it 503, unless the URL says
 * partial_response=true. What can fail does so before the first byte: SAMPLES are encoded whole beforehand, and of
 * STREAMED everything is chunks by then, which are handed on as they are. */
#include "api/handlers.h"
#include "api/samples.h"
#include "base/log.h"
#include "codec/read_encoder.h"
#include "codec/remote_read.h"

/* A frame is written on the loop, and what a client that does not read leaves behind is one frame above the watermark.
 */
enum { FRAME_SIZE = 128 << 10 };

struct read_state {
    struct gv_read_request request;
    struct gv_query_raw raw;
    struct gv_read_feed feed;
    struct gv_query *query;
    const struct gv_raw_source *source; /* of the selection at hand */
    size_t at;
    struct gv_read_encoder *encoder;
    bool is_digested;
};

/* --- feed: the series of each selection --- */

static bool open_selection(struct gv_read_feed *f, size_t i, struct gv_err *err)
{
    (void)err;
    struct read_state *s = container_of(f, struct read_state, feed);
    s->source = &gv_query_outcome(s->query)->raw[i];
    s->at = 0;
    return true;
}

static int next_series(struct gv_read_feed *f, struct gv_arena *scratch, struct gv_series *series, struct gv_err *err)
{
    struct read_state *s = container_of(f, struct read_state, feed);
    if (s->at == s->source->n)
        return 0;
    bool in_time = s->is_digested || gv_query_goes_on(s->query, err); /* a client may take longer */
    return in_time && gv_raw_source_at(s->source, s->at++, scratch, series, err) ? 1 : -1;
}

static bool encode_all(struct read_state *s, struct gv_err *err)
{
    struct gv_raw_source *raw = gv_query_outcome(s->query)->raw;
    for (size_t i = 0; i < s->request.n; i++)
        if (!gv_raw_source_encode(&raw[i], gv_query_arena(s->query), gv_query_canceled(s->query), err))
            return false;
    return true;
}

static bool digest(void *arg, struct gv_query *q, struct gv_err *err)
{
    struct request *r = arg;
    struct read_state *s = r->state;
    struct gv_read_encoder_options options = {
        .request = &s->request,
        .feed = &s->feed,
        .max_samples = r->l->api->options.max_read_samples,
        .frame_size = FRAME_SIZE,
    };
    s->query = q;
    s->encoder = gv_read_encoder_new(gv_query_arena(q), &options);
    s->is_digested =
        (s->request.type == GV_READ_SAMPLES || encode_all(s, err)) && gv_read_encoder_begin(s->encoder, err);
    return s->is_digested;
}

/* --- the way of a request --- */

static enum gv_produce produce(void *arg, struct gv_buf *out, size_t want)
{
    struct read_state *s = arg;
    struct gv_err err = {0};
    int more = gv_read_encoder_next(s->encoder, out, want, &err);
    if (more < 0)
        gv_log(GV_LOG_WARN, "remote read broken off", GV_CTX("query_id", gv_query_id(s->query)),
               GV_F("error", err.msg));
    return more > 0 ? GV_PRODUCE_MORE : more < 0 ? GV_PRODUCE_BROKEN : GV_PRODUCE_DONE;
}

static void done(void *arg, struct gv_query *q)
{
    struct request *r = arg;
    struct read_state *s = r->state;
    if (samples_failed(r, q))
        return;
    if (s->request.type == GV_READ_STREAMED)
        reply_stream(r, 200, GV_READ_STREAMED_CONTENT_TYPE, produce, s);
    else
        reply_encoded(r, GV_READ_CONTENT_TYPE, "snappy", produce, s);
}

static bool read_selections(void *arg, struct gv_query *q, struct gv_err *err)
{
    struct request *r = arg;
    struct read_state *s = r->state;
    size_t max = r->l->api->options.max_read_bytes;
    bool ok = gv_read_request_decode(gv_query_arena(q), r->x->request.body, max, &s->request, err);
    s->raw.selections = s->request.queries;
    s->raw.n = s->request.n;
    return ok;
}

void serve_read(struct request *r)
{
    struct read_state *s = r->state = gv_arena_new(r->x->arena, struct read_state);
    struct gv_err err = {0};
    if (!request_scope(r, &err)) {
        reply_error_text(r, &err);
        return;
    }
    s->feed = (struct gv_read_feed){open_selection, next_series};
    s->raw = (struct gv_query_raw){.is_read = true, .read = read_selections, .digest = digest, .arg = r};
    samples_start(r, &s->raw, done);
}
