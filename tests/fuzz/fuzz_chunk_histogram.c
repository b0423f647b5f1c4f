/* Any bytes as a histogram chunk: decoded or refused; what was decoded is encoded, in as many chunks as it takes, and
 * comes back with the same counts. Input: the encoding as a digit, then the chunk. */
#include "codec/chunk_histogram.h"
#include "codec/chunk_xor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t times[GV_CHUNK_MAX_SAMPLES], again_times[GV_CHUNK_MAX_SAMPLES];
static const struct gv_histogram *histograms[GV_CHUNK_MAX_SAMPLES], *again[GV_CHUNK_MAX_SAMPLES];

static bool same_double(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static bool is_same(struct gv_arena *a, const struct gv_histogram *x, const struct gv_histogram *y)
{
    if (!same_double(x->sum, y->sum))
        return false;
    return gv_is_stale(x->sum) || (same_double(x->count, y->count) && same_double(x->zero_count, y->zero_count) &&
                                   gv_histogram_eq(gv_histogram_compact(a, x), gv_histogram_compact(a, y)));
}

/* The chunk that e holds has samples from..to. */
static void check_chunk(struct gv_arena *a, struct gv_histogram_encoder *e, enum gv_chunk_encoding encoding,
                        size_t from, size_t to)
{
    struct gv_err err = {0};
    struct gv_slice bytes = gv_histogram_encoder_bytes(e);
    if (!gv_histogram_chunk_decode(a, encoding, (const uint8_t *)bytes.p, bytes.n, again_times, again, &err))
        gv_die("what was encoded does not decode: %s", err.msg);
    for (size_t i = from; i < to; i++)
        if (times[i] != again_times[i - from] || !is_same(a, histograms[i], again[i - from]))
            gv_die("sample %zu came back as something else", i);
    gv_histogram_encoder_free(e);
}

static void check(struct gv_arena *a, enum gv_chunk_encoding encoding, size_t n)
{
    struct gv_histogram_encoder *e = gv_histogram_encoder_new(encoding, GV_CHUNK_RESET_UNKNOWN);
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        if (gv_histogram_encoder_append(e, times[i], histograms[i]) == GV_CHUNK_APPENDED)
            continue;
        check_chunk(a, e, encoding, from, i);
        from = i;
        e = gv_histogram_encoder_new(encoding, GV_CHUNK_RESET_UNKNOWN);
        if (gv_histogram_encoder_append(e, times[i], histograms[i]) != GV_CHUNK_APPENDED) {
            gv_histogram_encoder_free(e); /* whole numbers beyond 2^53 */
            return;
        }
    }
    check_chunk(a, e, encoding, from, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 1 << 14)
        return 0;
    enum gv_chunk_encoding encoding = data[0] & 1 ? GV_CHUNK_FLOAT_HISTOGRAM : GV_CHUNK_HISTOGRAM;
    struct gv_arena a;
    struct gv_err err = {0};
    gv_arena_init(&a, NULL);
    if (gv_histogram_chunk_decode(&a, encoding, data + 1, size - 1, times, histograms, &err))
        check(&a, encoding, gv_chunk_samples(data + 1, size - 1));
    gv_arena_fini(&a);
    return 0;
}
