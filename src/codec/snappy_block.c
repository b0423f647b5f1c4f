/* Over libsnappy: what it does not do is to look at the declared length before memory is asked for. */
#include "codec/snappy_block.h"
#include "codec/protobuf.h"
#include <snappy-c.h>

/* The densest element is a copy of 64 bytes written in three. */
enum { DENSEST_TEXT = 64, DENSEST_BYTES = 3 };

bool gv_snappy_length(struct gv_slice block, size_t max, size_t *n, struct gv_err *err)
{
    if (!block.n || snappy_uncompressed_length(block.p, block.n, n) != SNAPPY_OK)
        return gv_fail(err, GV_BAD_DATA, "snappy: no block: its length is not readable");
    if (*n > max)
        return gv_fail(err, GV_TOO_LARGE, "snappy: %zu bytes are declared, %zu are the limit", *n, max);
    if (*n / DENSEST_TEXT * DENSEST_BYTES > block.n)
        return gv_fail(err, GV_BAD_DATA, "snappy: %zu bytes are declared by a block of %zu", *n, block.n);
    return true;
}

bool gv_snappy_decode(struct gv_slice block, char *to, size_t n, struct gv_err *err)
{
    if (snappy_uncompress(block.p, block.n, to, &n) != SNAPPY_OK)
        return gv_fail(err, GV_BAD_DATA, "snappy: the block of %zu bytes is corrupt", block.n);
    return true;
}

bool gv_snappy_decode_dup(struct gv_arena *a, struct gv_slice block, size_t max, struct gv_slice *text,
                          struct gv_err *err)
{
    size_t n;
    if (!gv_snappy_length(block, max, &n, err))
        return false;
    char *p = gv_arena_try(a, n, err);
    *text = (struct gv_slice){p, n};
    return p && gv_snappy_decode(block, p, n, err);
}

/* Appends a block; gives the place behind its length. */
static size_t put_block(struct gv_buf *out, struct gv_slice text)
{
    size_t n = snappy_max_compressed_length(text.n), start = out->n;
    char *to = gv_buf_reserve(out, n);
    if (snappy_compress(text.n ? text.p : "", text.n, to, &n) != SNAPPY_OK)
        gv_die("snappy refuses to compress %zu bytes", text.n);
    out->n += n;
    return start + pb_varint_size(text.n);
}

void gv_snappy_encode(struct gv_buf *out, struct gv_slice text)
{
    put_block(out, text);
}

void gv_snappy_put_length(struct gv_buf *out, size_t n)
{
    pb_put_varint(out, n);
}

void gv_snappy_put_piece(struct gv_buf *out, struct gv_slice text)
{
    size_t start = out->n, from = put_block(out, text);
    memmove(out->p + start, out->p + from, out->n - from);
    out->n -= from - start;
}

bool gv_snappy_join(struct gv_buf *out, const struct gv_slice *blocks, size_t n, size_t max, struct gv_err *err)
{
    size_t all = 0, one = 0, bytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (!gv_snappy_length(blocks[i], max - all, &one, err))
            return false;
        all += one;
        bytes += blocks[i].n;
    }
    gv_buf_reserve(out, bytes + pb_varint_size(all));
    gv_snappy_put_length(out, all);
    for (size_t i = 0; i < n; i++) {
        struct pb_reader pieces = pb_read(blocks[i]);
        uint64_t length;
        if (pb_varint(&pieces, &length))
            gv_buf_add(out, (const char *)pieces.at, (size_t)(pieces.end - pieces.at));
    }
    return true;
}
