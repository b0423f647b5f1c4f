#include "codec/chunk_cutter.h"

enum { MOST_SAMPLES = 120 };

void chunk_cutter_init(struct chunk_cutter *c, struct gv_arena *scratch)
{
    *c = (struct chunk_cutter){.scratch = scratch};
    gv_xor_encoder_init(&c->floats);
}

static void free_histograms(struct chunk_cutter *c)
{
    if (c->histograms)
        gv_histogram_encoder_free(c->histograms);
    c->histograms = NULL;
}

void chunk_cutter_fini(struct chunk_cutter *c)
{
    gv_xor_encoder_fini(&c->floats);
    free_histograms(c);
}

static const struct gv_histogram *histogram_at(const struct gv_raw_column *samples, uint32_t i)
{
    return samples->histograms ? samples->histograms[i] : NULL;
}

static struct gv_chunk chunk_of(const struct gv_raw_column *samples, uint32_t from, uint32_t end, struct gv_slice bytes,
                                enum gv_chunk_encoding encoding)
{
    return (struct gv_chunk){samples->times[from], samples->times[end - 1], (const uint8_t *)bytes.p, (uint32_t)bytes.n,
                             (uint8_t)encoding};
}

/* ---- Floats ---- */

static struct gv_chunk cut_floats(struct chunk_cutter *c, const struct gv_raw_column *samples, uint32_t *at)
{
    uint32_t from = *at, i = from;
    gv_xor_encoder_fini(&c->floats);
    gv_xor_encoder_init(&c->floats);
    while (i < samples->n && i - from < MOST_SAMPLES && !histogram_at(samples, i) &&
           gv_xor_encoder_append(&c->floats, samples->times[i], samples->values[i]))
        i++;
    c->reset = GV_CHUNK_RESET_UNKNOWN;
    *at = i;
    return chunk_of(samples, from, i, gv_buf_slice(&c->floats.bytes), GV_CHUNK_XOR);
}

/* ---- Histograms ---- */

static bool fits_encoding(const struct gv_histogram *h, enum gv_chunk_encoding encoding)
{
    return gv_is_stale(h->sum) || gv_histogram_is_integral(h) == (encoding == GV_CHUNK_HISTOGRAM);
}

/* Of a chunk that ends because it has samples enough: whether the next one is a counter that was reset. */
static enum gv_chunk_reset reset_between(struct chunk_cutter *c, const struct gv_histogram *h,
                                         const struct gv_histogram *before)
{
    if (gv_is_stale(h->sum) || gv_is_stale(before->sum))
        return GV_CHUNK_RESET_UNKNOWN;
    return gv_histogram_is_reset(c->scratch, h, before) ? GV_CHUNK_RESET_YES : GV_CHUNK_RESET_NO;
}

static enum gv_chunk_reset reset_after(enum gv_chunk_append why)
{
    return why == GV_CHUNK_FULL        ? GV_CHUNK_RESET_NO
           : why == GV_CHUNK_WAS_RESET ? GV_CHUNK_RESET_YES
                                       : GV_CHUNK_RESET_UNKNOWN;
}

static struct gv_chunk cut_histograms(struct chunk_cutter *c, const struct gv_raw_column *samples, uint32_t *at)
{
    uint32_t from = *at, i = from;
    const struct gv_histogram *h = histogram_at(samples, from);
    enum gv_chunk_encoding encoding = gv_histogram_is_integral(h) ? GV_CHUNK_HISTOGRAM : GV_CHUNK_FLOAT_HISTOGRAM;
    free_histograms(c);
    c->histograms = gv_histogram_encoder_new(encoding, c->reset);
    c->reset = GV_CHUNK_RESET_UNKNOWN;
    for (; i < samples->n && (h = histogram_at(samples, i)) && fits_encoding(h, encoding); i++) {
        if (i - from == MOST_SAMPLES) {
            c->reset = reset_between(c, h, histogram_at(samples, i - 1));
            break;
        }
        enum gv_chunk_append done = gv_histogram_encoder_append(c->histograms, samples->times[i], h);
        if (done != GV_CHUNK_APPENDED) {
            c->reset = reset_after(done);
            break;
        }
    }
    if (i == from)
        gv_die("an empty chunk refuses a histogram of schema %d", histogram_at(samples, from)->schema);
    *at = i;
    return chunk_of(samples, from, i, gv_histogram_encoder_bytes(c->histograms), encoding);
}

struct gv_chunk chunk_cutter_next(struct chunk_cutter *c, const struct gv_raw_column *samples, uint32_t *at)
{
    if (*at == 0)
        c->reset = GV_CHUNK_RESET_UNKNOWN; /* another series */
    return histogram_at(samples, *at) ? cut_histograms(c, samples, at) : cut_floats(c, samples, at);
}
