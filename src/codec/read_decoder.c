/* Bytes of a remote-read answer in, in pieces of any size; whole frames, or the whole block, out to read_chunks.c and
 * read_samples.c. */
#include "base/crc32c.h"
#include "codec/read_decoder_impl.h"
#include "codec/snappy_block.h"
#include <stdlib.h>

enum { MAX_FRAME = 50 * 1000 * 1000 }; /* as Prometheus's own client */
enum { MAX_LENGTH_BYTES = 10, CRC_BYTES = 4 };
enum { MAX_QUOTED = 200 };
enum { FIRST_BODY = 64 << 10 };

static void free_body(void *arg)
{
    struct gv_read_decoder *d = arg;
    gv_budget_give(d->budget, d->body.cap);
    free(d->body.p);
    d->body = (struct read_body){0};
}

struct gv_read_decoder *gv_read_decoder_new(struct gv_arena *a, const struct gv_read_decoder_options *o)
{
    struct gv_read_decoder *d = gv_arena_new(a, struct gv_read_decoder);
    d->arena = a;
    d->budget = a->budget;
    d->options = *o;
    d->rows = gv_arena_array(a, struct read_rows, o->n_queries);
    label_reader_init(&d->labels, a, o->mapping);
    gv_arena_defer(a, free_body, d);
    return d;
}

int64_t gv_read_decoder_samples(const struct gv_read_decoder *d)
{
    return d->samples;
}

/* ---- STREAMED ---- */

static bool is_text(struct gv_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] < ' ' && s.p[i] != '\n' && s.p[i] != '\t') || s.p[i] == 0x7f)
            return false;
    return gv_utf8_valid(s);
}

/* A backend that fails in the middle writes its error, as text, where a frame should be. */
static void quote_text(const struct read_frame *f, struct gv_buf *out)
{
    struct gv_buf text = GV_BUF_INIT;
    gv_buf_add(&text, f->head, f->n_head);
    gv_buf_add(&text, f->message, f->got < MAX_QUOTED ? f->got : MAX_QUOTED);
    if (is_text(gv_buf_slice(&text))) {
        gv_buf_adds(out, "; it holds the text ");
        gv_buf_add_quoted(out, gv_buf_slice(&text));
    }
    gv_buf_fini(&text);
}

static bool fail_frame(const struct read_frame *f, struct gv_err *err, const char *what)
{
    struct gv_buf text = GV_BUF_INIT;
    quote_text(f, &text);
    gv_fail(err, GV_BAD_DATA, "remote read: frame %llu at byte %llu %s%s", (unsigned long long)f->number,
            (unsigned long long)f->offset, what, gv_buf_cstr(&text));
    gv_buf_fini(&text);
    return false;
}

static bool end_length(struct read_frame *f, struct gv_err *err)
{
    uint64_t size;
    struct pb_reader r = pb_read((struct gv_slice){(const char *)f->head, f->n_head});
    if (!pb_varint(&r, &size) || size > MAX_FRAME)
        return fail_frame(f, err, "is larger than 50 MB");
    f->n_length = f->n_head;
    f->size = (size_t)size;
    return true;
}

static bool take_head(struct gv_read_decoder *d, uint8_t byte, struct gv_err *err)
{
    struct read_frame *f = &d->frame;
    f->head[f->n_head++] = byte;
    if (!f->n_length)
        return (byte >= 0x80 && f->n_head < MAX_LENGTH_BYTES) || end_length(f, err);
    if (f->n_head == f->n_length + CRC_BYTES)
        f->message = gv_arena_try(d->arena, f->size, err);
    return f->n_head < f->n_length + CRC_BYTES || f->message;
}

static uint32_t declared_crc(const struct read_frame *f)
{
    const uint8_t *p = f->head + f->n_length;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool end_frame(struct gv_read_decoder *d, struct gv_err *err)
{
    struct read_frame *f = &d->frame;
    if (f->crc != declared_crc(f))
        return fail_frame(f, err, "has another checksum than its bytes");
    if (!read_chunked_response(d, (struct gv_slice){f->message, f->size}, err))
        return gv_err_prefix(err, "remote read: frame %llu at byte %llu: ", (unsigned long long)f->number,
                             (unsigned long long)f->offset);
    *f = (struct read_frame){.number = f->number + 1, .offset = f->offset + f->n_head + f->size};
    return true;
}

static bool feed_frames(struct gv_read_decoder *d, const char *data, size_t n, struct gv_err *err)
{
    struct read_frame *f = &d->frame;
    while (n || (f->message && f->got == f->size)) {
        if (!f->message) {
            if (!take_head(d, (uint8_t)*data++, err))
                return false;
            n--;
            continue;
        }
        size_t take = n < f->size - f->got ? n : f->size - f->got;
        memcpy(f->message + f->got, data, take);
        f->crc = gv_crc32c(f->crc, data, take);
        f->got += take;
        data += take;
        n -= take;
        if (f->got == f->size && !end_frame(d, err))
            return false;
    }
    return true;
}

static bool end_frames(struct gv_read_decoder *d, struct gv_err *err)
{
    return !d->frame.n_head || fail_frame(&d->frame, err, "is cut short");
}

/* ---- SAMPLES ---- */

static bool grow_body(struct gv_read_decoder *d, size_t n, struct gv_err *err)
{
    size_t cap = d->body.cap ? d->body.cap : FIRST_BODY;
    while (cap - d->body.n < n)
        cap *= 2;
    if (!gv_budget_take(d->budget, cap - d->body.cap, err))
        return false;
    d->body.p = realloc(d->body.p, cap);
    if (!d->body.p)
        gv_die("out of memory: %zu bytes", cap);
    d->body.cap = cap;
    return true;
}

static bool feed_body(struct gv_read_decoder *d, const char *data, size_t n, struct gv_err *err)
{
    if (d->body.cap - d->body.n < n && !grow_body(d, n, err))
        return false;
    memcpy(d->body.p + d->body.n, data, n);
    d->body.n += n;
    return true;
}

/* The block is given up for its text, in the same place. */
static bool decompress(struct gv_read_decoder *d, struct gv_err *err)
{
    struct gv_slice block = {d->body.p, d->body.n};
    struct read_body text = {0};
    if (!gv_snappy_length(block, SIZE_MAX, &text.n, err) || !gv_budget_take(d->budget, text.n, err))
        return false;
    text.cap = text.n;
    text.p = malloc(text.n ? text.n : 1);
    if (!text.p)
        gv_die("out of memory: %zu bytes", text.n);
    bool ok = gv_snappy_decode(block, text.p, text.n, err);
    free_body(d);
    d->body = text;
    return ok;
}

static bool end_body(struct gv_read_decoder *d, struct gv_err *err)
{
    bool ok = decompress(d, err) && read_response(d, (struct gv_slice){d->body.p, d->body.n}, err);
    free_body(d);
    return ok || gv_err_prefix(err, "remote read: ");
}

/* ---- Both ---- */

bool gv_read_decoder_feed(struct gv_read_decoder *d, const char *data, size_t n, struct gv_err *err)
{
    if (d->dead)
        return gv_fail(err, GV_INTERNAL, "the answer was given up already");
    if (!n)
        return true;
    d->dead = !(d->options.type == GV_READ_STREAMED ? feed_frames(d, data, n, err) : feed_body(d, data, n, err));
    return !d->dead;
}

bool gv_read_decoder_finish(struct gv_read_decoder *d, struct gv_read_result **results, struct gv_err *err)
{
    if (d->dead)
        return gv_fail(err, GV_INTERNAL, "the answer was given up already");
    d->dead = true;
    if (!(d->options.type == GV_READ_STREAMED ? end_frames(d, err) : end_body(d, err)))
        return false;
    *results = gv_arena_array(d->arena, struct gv_read_result, d->options.n_queries);
    for (size_t i = 0; i < d->options.n_queries; i++)
        (*results)[i] = (struct gv_read_result){d->rows[i].series, d->rows[i].n};
    return true;
}
