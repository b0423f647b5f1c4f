/* A request of remote write 2.0 as one of 1.0: what comes out is a request, with no more series than went in.
 * Input: the message, not compressed. */
#include "codec/snappy_block.h"
#include "codec/write_encoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_SIZE = 1 << 20 };

/* Items of all series. */
static size_t count_items(struct gv_slice message, enum gv_write_version v, struct gv_arena *a)
{
    struct gv_write_decoder d;
    struct gv_write_series s;
    struct gv_err err = {.code = GV_OK};
    size_t n = 0;
    if (!gv_write_decoder_init(&d, v, message, a, MAX_SIZE, &err))
        gv_die("no request: %s", err.msg);
    while (gv_write_next(&d, &s, &err))
        n += (size_t)s.n_samples + s.n_histograms + s.n_exemplars;
    if (err.code != GV_OK)
        gv_die("no request: %s", err.msg);
    gv_write_decoder_fini(&d);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gv_slice message = {(const char *)data, size}, older;
    struct gv_buf block = GV_BUF_INIT, out = GV_BUF_INIT;
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    gv_arena_init(&a, NULL);
    gv_snappy_encode(&block, message);
    if (gv_write_downgrade(gv_buf_slice(&block), MAX_SIZE, &out, &err)) {
        if (!gv_snappy_decode_dup(&a, gv_buf_slice(&out), 64 * MAX_SIZE, &older, &err))
            gv_die("no block: %s", err.msg);
        if (count_items(older, GV_WRITE_1, &a) > count_items(message, GV_WRITE_2, &a))
            gv_die("items came from nowhere");
    }
    gv_buf_fini(&block);
    gv_buf_fini(&out);
    gv_arena_fini(&a);
    return 0;
}
