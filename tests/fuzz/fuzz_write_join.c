/* A request of remote write 2.0, twice, as one of 1.0 or 2.0: what comes out is a request, with no more items than went
 * in. Joined as blocks the text is there twice. Input: the message, not compressed. */
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

static void join_requests(const struct gv_slice blocks[2], struct gv_slice message, enum gv_write_version to)
{
    struct gv_slice joined;
    struct gv_buf out = GV_BUF_INIT;
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    gv_arena_init(&a, NULL);
    if (gv_write_join(blocks, 2, to, MAX_SIZE, &out, &err)) {
        if (!gv_snappy_decode_dup(&a, gv_buf_slice(&out), 128 * MAX_SIZE, &joined, &err))
            gv_die("no block: %s", err.msg);
        if (count_items(joined, to, &a) > 2 * count_items(message, GV_WRITE_2, &a))
            gv_die("items came from nowhere");
    }
    gv_buf_fini(&out);
    gv_arena_fini(&a);
}

static void join_texts(const struct gv_slice blocks[2], struct gv_slice text)
{
    struct gv_slice twice;
    struct gv_buf out = GV_BUF_INIT;
    struct gv_arena a;
    struct gv_err err = {.code = GV_OK};
    gv_arena_init(&a, NULL);
    if (!gv_snappy_join(&out, blocks, 2, 2 * text.n, &err) ||
        !gv_snappy_decode_dup(&a, gv_buf_slice(&out), 2 * text.n, &twice, &err))
        gv_die("no block: %s", err.msg);
    if (twice.n != 2 * text.n ||
        (text.n && (memcmp(twice.p, text.p, text.n) || memcmp(twice.p + text.n, text.p, text.n))))
        gv_die("another text");
    gv_buf_fini(&out);
    gv_arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gv_slice message = {(const char *)data, size};
    struct gv_buf block = GV_BUF_INIT;
    gv_snappy_encode(&block, message);
    struct gv_slice blocks[] = {gv_buf_slice(&block), gv_buf_slice(&block)};
    join_requests(blocks, message, GV_WRITE_1);
    join_requests(blocks, message, GV_WRITE_2);
    join_texts(blocks, message);
    gv_buf_fini(&block);
    return 0;
}
