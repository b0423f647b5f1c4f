/* Asks for samples as they are stored: a remote-read request goes out, frames of encoded chunks (or one block of
 * samples) come in. What a backend adds to series of its own (external_labels) is taken off again. */
#include "codec/read_decoder.h"
#include "query/answer.h"

struct sink {
    struct answer_sink base; /* first */
    struct gv_arena *arena;
    unsigned replica;
    struct gv_select select;
    struct gv_read_decoder *decoder;
};

static struct gv_select select_of(const struct gv_plan_ask *ask)
{
    const struct gv_selector *s = &ask->tree->matrix.selector->selector;
    return (struct gv_select){
        .matchers = s->matchers, .n_matchers = s->n_matchers, .min_time = ask->start, .max_time = ask->end};
}

static void *sink_begin(void *arg, const struct gv_cluster *c, unsigned replica, struct gv_arena *a)
{
    (void)c;
    struct sink *s = gv_arena_new(a, struct sink);
    s->base.answer = arg;
    s->base.result.type = GV_RESULT_MATRIX;
    gv_annotations_init(&s->base.result.notes, a);
    s->arena = a;
    s->replica = replica;
    s->select = select_of(s->base.answer->ask);
    return s;
}

static bool sink_header(void *sink, int status, struct gv_slice content_type, struct gv_err *err)
{
    (void)status;
    struct sink *s = sink;
    const struct answer *an = s->base.answer;
    struct gv_cluster_abilities can = gv_replica_abilities(an->cluster, s->replica, s->arena);
    if (!(can.known & GV_KNOWN_EXTERNAL_LABELS))
        return gv_fail(err, GV_BAD_DATA, "what labels it adds to samples (external_labels) is not known yet");
    struct gv_read_decoder_options options = {
        .queries = &s->select,
        .n_queries = 1,
        .external = can.external_labels,
        .n_external = can.n_external_labels,
        .mapping = &an->source->mapping,
    };
    struct gv_err why = {0};
    if (!gv_read_type_of(content_type, &options.type, &why))
        return gv_fail(err, GV_BAD_DATA, "%s", why.msg);
    s->decoder = gv_read_decoder_new(s->arena, &options);
    return true;
}

static bool too_many(struct sink *s, struct gv_err *err)
{
    int64_t max = s->base.answer->all->max_samples;
    s->base.samples = gv_read_decoder_samples(s->decoder);
    return max > 0 && s->base.samples > max &&
           !gv_fail(err, GV_EXECUTION,
                    "query processing would load too many samples into memory in query execution (max_samples is %lld)",
                    (long long)max);
}

static bool sink_feed(void *sink, const char *data, size_t n, struct gv_err *err)
{
    struct sink *s = sink;
    return gv_read_decoder_feed(s->decoder, data, n, err) && !too_many(s, err);
}

static bool sink_finish(void *sink, struct gv_err *err)
{
    struct sink *s = sink;
    struct gv_read_result *results;
    if (!gv_read_decoder_finish(s->decoder, &results, err) || too_many(s, err))
        return false;
    s->base.result.series = results[0].series;
    s->base.result.n = results[0].n;
    return true;
}

static const struct gv_sink_ops sink_ops = {sink_begin, sink_header, sink_feed, sink_finish};

static const struct gv_slice headers[] = {
    {"Content-Encoding: snappy", sizeof "Content-Encoding: snappy" - 1},
    {GV_READ_VERSION_HEADER ": " GV_READ_VERSION, sizeof GV_READ_VERSION_HEADER ": " GV_READ_VERSION - 1},
};

bool answer_can_read(const struct gv_cluster *c, unsigned replica, struct gv_arena *scratch)
{
    struct gv_cluster_abilities can = gv_replica_abilities(c, replica, scratch);
    return can.known & GV_KNOWN_EXTERNAL_LABELS && can.remote_read;
}

struct gv_ask_part answer_read_part(struct answer *an)
{
    struct gv_buf body = GV_BUF_INIT;
    struct gv_select select = select_of(an->ask);
    gv_read_request_encode(&body, &select, 1, true);
    struct gv_slice kept = gv_arena_dup(an->all->arena, gv_buf_slice(&body));
    gv_buf_fini(&body);
    return (struct gv_ask_part){
        .method = "POST",
        .path = "/api/v1/read",
        .body = kept,
        .content_type = GV_READ_CONTENT_TYPE,
        .headers = headers,
        .n_headers = GV_COUNT(headers),
        .never_compressed = true, /* a stream has no mark at its end */
        .sink = &sink_ops,
        .sink_arg = an,
    };
}
