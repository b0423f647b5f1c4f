/* Native histograms in the head: appended to chunks as the codec cuts them, and single ones as bytes, for records and
 * for the buffer of what comes out of order: the reset hint, the encoding, and a chunk of one sample. */
#include "store/head_impl.h"
#include <stdlib.h>

static bool is_stale(const struct gv_histogram *h)
{
    return gv_is_stale(h->sum);
}

static uint8_t encoding_of(const struct gv_histogram *h)
{
    return gv_histogram_is_integral(h) ? GV_CHUNK_HISTOGRAM : GV_CHUNK_FLOAT_HISTOGRAM;
}

/* ---- Single ones ---- */

enum { PACK_HEAD = 2 };

void head_pack_histogram(struct gv_buf *out, const struct gv_histogram *h)
{
    uint8_t encoding = is_stale(h) ? GV_CHUNK_HISTOGRAM : encoding_of(h);
    struct gv_histogram_encoder *e = gv_histogram_encoder_new((enum gv_chunk_encoding)encoding, GV_CHUNK_RESET_UNKNOWN);
    if (gv_histogram_encoder_append(e, 0, h) != GV_CHUNK_APPENDED)
        gv_die("an empty chunk refuses a histogram of schema %d", h->schema);
    gv_buf_addc(out, (char)h->reset_hint);
    gv_buf_addc(out, (char)encoding);
    gv_buf_add_slice(out, gv_histogram_encoder_bytes(e));
    gv_histogram_encoder_free(e);
}

static bool is_histogram_encoding(uint8_t encoding)
{
    return encoding == GV_CHUNK_HISTOGRAM || encoding == GV_CHUNK_FLOAT_HISTOGRAM;
}

const struct gv_histogram *head_unpack_histogram(struct gv_arena *a, struct gv_slice packed, struct gv_err *err)
{
    const struct gv_histogram *h = NULL;
    int64_t time;
    const uint8_t *p = (const uint8_t *)packed.p;
    if (packed.n < PACK_HEAD || p[0] > GV_RESET_GAUGE || !is_histogram_encoding(p[1]) ||
        gv_chunk_samples(p + PACK_HEAD, packed.n - PACK_HEAD) != 1) {
        gv_fail(err, GV_INTERNAL, "no histogram in %zu bytes", packed.n);
        return NULL;
    }
    if (!gv_histogram_chunk_decode(a, (enum gv_chunk_encoding)p[1], p + PACK_HEAD, packed.n - PACK_HEAD, &time, &h,
                                   err))
        return NULL;
    return h->reset_hint == (enum gv_reset_hint)p[0] ? h : gv_histogram_with_hint(a, h, (enum gv_reset_hint)p[0]);
}

/* ---- Appending ---- */

/* The last one of the open chunk, in a. */
static const struct gv_histogram *last_of(const struct head_series *s, struct gv_arena *a)
{
    struct gv_slice bytes = gv_histogram_encoder_bytes(s->extra->histograms);
    uint32_t n = s->open.n;
    int64_t *times = gv_arena_array(a, int64_t, n);
    const struct gv_histogram **all = gv_arena_array(a, const struct gv_histogram *, n);
    struct gv_err err = {0};
    if (!gv_histogram_chunk_decode(a, (enum gv_chunk_encoding)s->encoding, (const uint8_t *)bytes.p, bytes.n, times,
                                   all, &err))
        gv_die("an open chunk of histograms: %s", err.msg);
    return all[n - 1];
}

/* Of a chunk that ends for its size or the time: whether the next one is a counter that was reset. */
static enum gv_chunk_reset reset_between(const struct head_series *s, const struct gv_histogram *h)
{
    struct gv_arena a;
    enum gv_chunk_reset reset = GV_CHUNK_RESET_UNKNOWN;
    gv_arena_init(&a, NULL);
    const struct gv_histogram *before = last_of(s, &a);
    if (!is_stale(h) && !is_stale(before))
        reset = gv_histogram_is_reset(&a, h, before) ? GV_CHUNK_RESET_YES : GV_CHUNK_RESET_NO;
    gv_arena_fini(&a);
    return reset;
}

static void begin(const struct head *h, struct head_stripe *stripe, struct head_series *s, int64_t time,
                  uint8_t encoding, enum gv_chunk_reset reset)
{
    head_open_finish(stripe, s);
    head_extra_of(stripe, s)->histograms = gv_histogram_encoder_new((enum gv_chunk_encoding)encoding, reset);
    head_open_begin(h, stripe, s, time, encoding);
}

static enum gv_chunk_append append(struct head_series *s, int64_t time, const struct gv_histogram *histogram)
{
    enum gv_chunk_append done = gv_histogram_encoder_append(s->extra->histograms, time, histogram);
    if (done == GV_CHUNK_APPENDED) {
        s->open.n++;
        s->open.time = time;
    }
    return done;
}

static enum gv_chunk_reset reset_after(enum gv_chunk_append why)
{
    return why == GV_CHUNK_FULL        ? GV_CHUNK_RESET_NO
           : why == GV_CHUNK_WAS_RESET ? GV_CHUNK_RESET_YES
                                       : GV_CHUNK_RESET_UNKNOWN;
}

static enum gv_chunk_reset reset_of_hint(const struct gv_histogram *h)
{
    return h->reset_hint == GV_RESET_YES ? GV_CHUNK_RESET_YES : GV_CHUNK_RESET_UNKNOWN;
}

void head_put_histogram(const struct head *h, struct head_stripe *stripe, struct head_series *s, int64_t time,
                        const struct gv_histogram *histogram)
{
    bool open = s->open.n && series_is_histogram(s);
    uint8_t encoding = open && is_stale(histogram) ? s->encoding : encoding_of(histogram);
    enum gv_chunk_reset reset = reset_of_hint(histogram);
    if (open && encoding == s->encoding) {
        if (s->open.n < HEAD_CHUNK_SAMPLES && time < s->cut_time) {
            enum gv_chunk_append done = append(s, time, histogram);
            if (done == GV_CHUNK_APPENDED)
                return;
            reset = reset_after(done);
        } else {
            reset = reset_between(s, histogram);
        }
    }
    begin(h, stripe, s, time, encoding, reset);
    if (append(s, time, histogram) != GV_CHUNK_APPENDED)
        gv_die("an empty chunk refuses a histogram of schema %d", histogram->schema);
}
