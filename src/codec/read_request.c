/* Selections ──► ReadRequest ──► snappy block, and back. Field numbers are those of proto/remote.proto and types.proto,
 * named in one enum a message. */
#include "codec/remote_read.h"
#include "codec/protobuf.h"
#include "codec/snappy_block.h"

enum { MAX_QUERIES = 1000, MAX_MATCHERS = 1000, MAX_GROUPING = 1000 };

enum { REQUEST_QUERIES = 1, REQUEST_ACCEPTED_TYPES = 2 };
enum { QUERY_START = 1, QUERY_END = 2, QUERY_MATCHERS = 3, QUERY_HINTS = 4 };
enum { MATCHER_TYPE = 1, MATCHER_NAME = 2, MATCHER_VALUE = 3 };
enum { HINT_STEP = 1, HINT_FUNC = 2, HINT_START = 3, HINT_END = 4, HINT_GROUPING = 5, HINT_BY = 6, HINT_RANGE = 7 };

/* ---- Encoding ---- */

static void put_matcher(struct gv_buf *out, const struct gv_matcher *m)
{
    struct gv_buf b = GV_BUF_INIT;
    pb_put_uint(&b, MATCHER_TYPE, m->type);
    pb_put_text(&b, MATCHER_NAME, m->name);
    pb_put_text(&b, MATCHER_VALUE, m->value);
    pb_put_bytes(out, QUERY_MATCHERS, gv_buf_slice(&b));
    gv_buf_fini(&b);
}

static void put_hints(struct gv_buf *out, const struct gv_select *q)
{
    struct gv_buf b = GV_BUF_INIT;
    pb_put_int(&b, HINT_STEP, q->step);
    pb_put_text(&b, HINT_FUNC, q->func);
    pb_put_int(&b, HINT_START, q->min_time);
    pb_put_int(&b, HINT_END, q->max_time);
    for (size_t i = 0; i < q->n_grouping; i++)
        pb_put_bytes(&b, HINT_GROUPING, q->grouping[i]);
    pb_put_uint(&b, HINT_BY, q->by);
    pb_put_int(&b, HINT_RANGE, q->range);
    pb_put_bytes(out, QUERY_HINTS, gv_buf_slice(&b));
    gv_buf_fini(&b);
}

static void put_query(struct gv_buf *out, const struct gv_select *q)
{
    struct gv_buf b = GV_BUF_INIT;
    pb_put_int(&b, QUERY_START, q->min_time);
    pb_put_int(&b, QUERY_END, q->max_time);
    for (size_t i = 0; i < q->n_matchers; i++)
        put_matcher(&b, &q->matchers[i]);
    put_hints(&b, q);
    pb_put_bytes(out, REQUEST_QUERIES, gv_buf_slice(&b));
    gv_buf_fini(&b);
}

void gv_read_request_encode(struct gv_buf *out, const struct gv_select *queries, size_t n, bool streamed)
{
    struct gv_buf b = GV_BUF_INIT;
    for (size_t i = 0; i < n; i++)
        put_query(&b, &queries[i]);
    static const char accepted[] = {GV_READ_STREAMED, GV_READ_SAMPLES};
    if (streamed)
        pb_put_bytes(&b, REQUEST_ACCEPTED_TYPES, (struct gv_slice){accepted, sizeof accepted});
    else
        pb_put_bytes(&b, REQUEST_ACCEPTED_TYPES, (struct gv_slice){accepted + 1, 1});
    gv_snappy_encode(out, gv_buf_slice(&b));
    gv_buf_fini(&b);
}

/* ---- Decoding ---- */

struct request_reader {
    struct gv_arena *arena;
    struct gv_read_request *out;
    size_t n_matchers; /* of all queries */
    /* Of the query being read. */
    struct gv_select q;
    struct gv_matcher *matchers;
    struct gv_slice *grouping;
    size_t cap_matchers, cap_grouping;
};

static bool take_text(struct pb_reader *r, const struct pb_field *f, struct gv_slice *text)
{
    if (!pb_is(r, f, PB_BYTES))
        return false;
    if (!gv_utf8_valid(f->bytes))
        return pb_fault(r, "a text is not UTF-8");
    *text = f->bytes;
    return true;
}

static bool take_int(struct pb_reader *r, const struct pb_field *f, int64_t *v)
{
    *v = (int64_t)f->value;
    return pb_is(r, f, PB_VARINT);
}

static bool read_matcher(struct gv_arena *a, struct gv_slice message, struct gv_matcher *m, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    struct gv_slice name = {NULL, 0}, value = {NULL, 0};
    int64_t type = GV_MATCH_EQ;
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number == MATCHER_TYPE)
            take_int(&r, &f, &type);
        else if (f.number == MATCHER_NAME)
            take_text(&r, &f, &name);
        else if (f.number == MATCHER_VALUE)
            take_text(&r, &f, &value);
    }
    if (!pb_done(&r, "LabelMatcher", err))
        return false;
    if (type < GV_MATCH_EQ || type > GV_MATCH_NRE)
        return gv_fail(err, GV_BAD_DATA, "LabelMatcher: no known type: %lld", (long long)type);
    return gv_matcher_make(m, a, (enum gv_match_type)type, name, value, err);
}

static bool take_matcher(struct request_reader *rr, struct gv_slice message, struct gv_err *err)
{
    if (++rr->n_matchers > MAX_MATCHERS)
        return gv_fail(err, GV_BAD_DATA, "a remote read request of over %d matchers", MAX_MATCHERS);
    struct gv_matcher m;
    if (!read_matcher(rr->arena, message, &m, err))
        return false;
    gv_push(rr->arena, rr->matchers, rr->q.n_matchers, rr->cap_matchers) = m;
    return true;
}

static void take_grouping(struct request_reader *rr, struct pb_reader *r, const struct pb_field *f)
{
    struct gv_slice label;
    if (take_text(r, f, &label) && rr->q.n_grouping < MAX_GROUPING)
        gv_push(rr->arena, rr->grouping, rr->q.n_grouping, rr->cap_grouping) = gv_arena_dup(rr->arena, label);
}

static bool read_hints(struct request_reader *rr, struct gv_slice message, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    struct gv_slice func = {NULL, 0};
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number == HINT_STEP)
            take_int(&r, &f, &rr->q.step);
        else if (f.number == HINT_RANGE)
            take_int(&r, &f, &rr->q.range);
        else if (f.number == HINT_FUNC)
            take_text(&r, &f, &func);
        else if (f.number == HINT_GROUPING)
            take_grouping(rr, &r, &f);
        else if (f.number == HINT_BY && pb_is(&r, &f, PB_VARINT))
            rr->q.by = f.value;
    }
    rr->q.func = gv_arena_dup(rr->arena, func);
    return pb_done(&r, "ReadHints", err);
}

static bool read_query(struct request_reader *rr, struct gv_slice message, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    for (struct pb_field f; pb_next(&r, &f);) {
        bool ok = true;
        if (f.number == QUERY_START)
            take_int(&r, &f, &rr->q.min_time);
        else if (f.number == QUERY_END)
            take_int(&r, &f, &rr->q.max_time);
        else if (f.number == QUERY_MATCHERS && pb_is(&r, &f, PB_BYTES))
            ok = take_matcher(rr, f.bytes, err);
        else if (f.number == QUERY_HINTS && pb_is(&r, &f, PB_BYTES))
            ok = read_hints(rr, f.bytes, err);
        if (!ok)
            return false;
    }
    return pb_done(&r, "Query", err);
}

static bool take_query(struct request_reader *rr, struct gv_slice message, size_t *cap, struct gv_err *err)
{
    struct gv_read_request *out = rr->out;
    if (out->n == MAX_QUERIES)
        return gv_fail(err, GV_BAD_DATA, "a remote read request of over %d queries", MAX_QUERIES);
    rr->q = (struct gv_select){0};
    rr->matchers = NULL, rr->grouping = NULL;
    rr->cap_matchers = rr->cap_grouping = 0;
    if (!read_query(rr, message, err))
        return gv_err_prefix(err, "query %zu: ", out->n);
    rr->q.matchers = rr->matchers;
    rr->q.grouping = rr->grouping;
    gv_push(rr->arena, out->queries, out->n, *cap) = rr->q;
    return true;
}

/* The first type that exists settles it. */
struct accepted {
    bool any, settled;
    enum gv_read_type type;
};

static void accept(struct accepted *a, uint64_t type)
{
    a->any = true;
    if (a->settled || type > GV_READ_STREAMED)
        return;
    a->settled = true;
    a->type = (enum gv_read_type)type;
}

static void take_types(struct pb_reader *r, const struct pb_field *f, struct accepted *a)
{
    if (f->wire != PB_BYTES) {
        if (pb_is(r, f, PB_VARINT))
            accept(a, f->value);
        return;
    }
    struct pb_reader packed = pb_read(f->bytes);
    for (uint64_t type; packed.at < packed.end && pb_varint(&packed, &type);)
        accept(a, type);
    if (packed.fault)
        pb_fault(r, packed.fault);
}

static bool read_request(struct request_reader *rr, struct gv_slice message, struct gv_err *err)
{
    struct pb_reader r = pb_read(message);
    struct accepted accepted = {.type = GV_READ_SAMPLES};
    size_t cap = 0;
    for (struct pb_field f; pb_next(&r, &f);) {
        if (f.number == REQUEST_QUERIES && pb_is(&r, &f, PB_BYTES)) {
            if (!take_query(rr, f.bytes, &cap, err))
                return false;
        } else if (f.number == REQUEST_ACCEPTED_TYPES) {
            take_types(&r, &f, &accepted);
        }
    }
    if (!pb_done(&r, "ReadRequest", err))
        return false;
    if (accepted.any && !accepted.settled)
        return gv_fail(err, GV_BAD_DATA,
                       "none of the requested response types is known; SAMPLES and "
                       "STREAMED_XOR_CHUNKS are");
    rr->out->type = accepted.type;
    return true;
}

bool gv_read_request_decode(struct gv_arena *a, struct gv_slice block, size_t max, struct gv_read_request *out,
                            struct gv_err *err)
{
    *out = (struct gv_read_request){0};
    struct request_reader rr = {.arena = a, .out = out};
    struct gv_slice message;
    return gv_snappy_decode_dup(a, block, max, &message, err) && read_request(&rr, message, err);
}

bool gv_read_type_of(struct gv_slice content_type, enum gv_read_type *type, struct gv_err *err)
{
    const char *semicolon = content_type.n ? memchr(content_type.p, ';', content_type.n) : NULL;
    struct gv_slice media = {content_type.p, semicolon ? (size_t)(semicolon - content_type.p) : content_type.n};
    while (media.n && media.p[media.n - 1] == ' ')
        media.n--;
    *type = gv_slice_is(media, "application/x-streamed-protobuf") ? GV_READ_STREAMED : GV_READ_SAMPLES;
    if (*type == GV_READ_STREAMED || gv_slice_is(media, GV_READ_CONTENT_TYPE))
        return true;
    struct gv_buf text = GV_BUF_INIT;
    gv_buf_add_quoted(&text, content_type);
    gv_fail(err, GV_UNSUPPORTED_MEDIA, "no answer to a remote read: Content-Type %s", gv_buf_cstr(&text));
    gv_buf_fini(&text);
    return false;
}
