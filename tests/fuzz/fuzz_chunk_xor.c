/* Any bytes as an XOR chunk: decoded or refused; what was decoded is encoded and comes back bit for bit, in one go and
 * with an encoder that resumes in the middle. */
#include "codec/chunk_xor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t times[GV_CHUNK_MAX_SAMPLES], again_times[GV_CHUNK_MAX_SAMPLES];
static double values[GV_CHUNK_MAX_SAMPLES], again_values[GV_CHUNK_MAX_SAMPLES];

static const uint8_t *bytes_of(const struct gv_xor_encoder *e)
{
    return (const uint8_t *)e->bytes.p;
}

static void append(struct gv_xor_encoder *e, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (!gv_xor_encoder_append(e, times[i], values[i]))
            gv_die("a chunk of %zu samples is full", i);
}

static void check(const struct gv_xor_encoder *e, size_t n)
{
    struct gv_err err = {0};
    if (gv_chunk_samples(bytes_of(e), e->bytes.n) != n ||
        !gv_xor_decode(bytes_of(e), e->bytes.n, again_times, again_values, &err))
        gv_die("what was encoded does not decode: %s", err.msg);
    if (memcmp(times, again_times, n * sizeof *times) != 0 || memcmp(values, again_values, n * sizeof *values) != 0)
        gv_die("what was encoded decodes to something else");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gv_err err = {0};
    if (!gv_xor_decode(data, size, times, values, &err))
        return 0;
    size_t n = gv_chunk_samples(data, size);
    struct gv_xor_encoder whole, half, resumed;
    gv_xor_encoder_init(&whole);
    append(&whole, 0, n);
    check(&whole, n);
    gv_xor_encoder_init(&half);
    append(&half, 0, n / 2);
    if (!gv_xor_encoder_resume(&resumed, bytes_of(&half), half.bytes.n, &err))
        gv_die("no resumption: %s", err.msg);
    append(&resumed, n / 2, n);
    check(&resumed, n);
    gv_xor_encoder_fini(&whole);
    gv_xor_encoder_fini(&half);
    gv_xor_encoder_fini(&resumed);
    return 0;
}
