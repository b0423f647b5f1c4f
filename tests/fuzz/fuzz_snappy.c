/* Snappy blocks from outside: what is taken is what libsnappy takes, no memory above the cap is asked for, and a text
 * comes back as it went in, whole or in pieces. */
#include "codec/snappy_block.h"
#include <snappy-c.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CAP = 1 << 20 };

static void decode(struct gv_slice block)
{
    struct gv_budget budget;
    struct gv_arena a;
    struct gv_err err = {0};
    struct gv_slice text;
    size_t declared = 0;
    gv_budget_init(&budget, "test", 0, GV_EXECUTION, NULL);
    gv_arena_init(&a, &budget);
    bool good = snappy_validate_compressed_buffer(block.p, block.n) == SNAPPY_OK &&
                snappy_uncompressed_length(block.p, block.n, &declared) == SNAPPY_OK && declared <= CAP;
    bool ok = gv_snappy_decode_dup(&a, block, CAP, &text, &err);
    if (ok != good)
        gv_die("taken: %d, and by libsnappy: %d (%zu bytes declared by %zu): %s", ok, good, declared, block.n, err.msg);
    if (ok && text.n != declared)
        gv_die("%zu bytes of %zu", text.n, declared);
    if (atomic_load(&budget.peak) > CAP + (64 << 10))
        gv_die("%lld bytes were asked for", (long long)atomic_load(&budget.peak));
    gv_arena_fini(&a);
}

static void encode(struct gv_slice text)
{
    struct gv_buf whole = GV_BUF_INIT, pieces = GV_BUF_INIT;
    struct gv_arena a;
    struct gv_err err = {0};
    struct gv_slice back;
    gv_arena_init(&a, NULL);
    gv_snappy_encode(&whole, text);
    gv_snappy_put_length(&pieces, text.n);
    gv_snappy_put_piece(&pieces, (struct gv_slice){text.p, text.n / 3});
    gv_snappy_put_piece(&pieces, (struct gv_slice){text.p + text.n / 3, text.n - text.n / 3});
    if (!gv_snappy_decode_dup(&a, gv_buf_slice(&whole), CAP, &back, &err) || !gv_slice_eq(back, text) ||
        !gv_snappy_decode_dup(&a, gv_buf_slice(&pieces), CAP, &back, &err) || !gv_slice_eq(back, text))
        gv_die("%zu bytes do not come back: %s", text.n, err.msg);
    gv_arena_fini(&a);
    gv_buf_fini(&whole);
    gv_buf_fini(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536)
        return 0;
    struct gv_slice bytes = {size ? (const char *)data : "", size};
    decode(bytes);
    encode(bytes);
    return 0;
}
