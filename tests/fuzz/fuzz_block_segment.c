/* Any bytes as a segment of chunks, checksums made right first: chunk after chunk, and at any place, one is given or
 * refused; what is given lies in the file and decodes or is refused. */
#include "base/crc32c.h"
#include "codec/chunks.h"
#include "store/block_format.h"
#include "store/bytes.h"
#include "store/segments.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *data, size_t size)
{
    struct byte_reader r = byte_reader(data, size);
    take_bytes(&r, BLOCK_CHUNKS_HEADER);
    while (r.at < r.end) {
        uint64_t n = take_uvarint(&r);
        if (r.bad || bytes_left(&r) < BLOCK_CRC || n >= bytes_left(&r) - BLOCK_CRC)
            return;
        store_be32(data + (r.at - data) + n + 1, gv_crc32c(0, r.at, n + 1));
        take_bytes(&r, n + 1 + BLOCK_CRC);
    }
}

static void check_chunk(const struct segments *s, uint64_t ref)
{
    struct gv_chunk c = {.min_time = INT64_MIN, .max_time = INT64_MAX};
    struct gv_chunks_column column = {&c, 1};
    struct gv_raw_column raw;
    struct gv_arena a;
    struct gv_err err = {0};
    if (!segments_chunk(s, ref, &c, &err)) {
        if (err.code != GV_INTERNAL || !strstr(err.msg, "block/chunks/"))
            gv_die("refused so: %s", err.msg);
        return;
    }
    if (c.data < s->maps->data || c.data + c.size > s->maps->data + s->maps->size)
        gv_die("a chunk outside of the file");
    gv_arena_init(&a, NULL);
    (void)!gv_chunks_to_raw(&a, &column, INT64_MIN, INT64_MAX, &raw, &err);
    gv_arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MOST = 1 << 12 };
    if (!size || size > MOST)
        return 0;
    uint8_t *copy = malloc(size);
    memcpy(copy, data, size);
    mend(copy, size);
    struct file_map map = {copy, size};
    struct segments s = {"block", &map, 1};
    for (size_t at = 0; at <= size; at++)
        check_chunk(&s, at);
    check_chunk(&s, UINT64_C(1) << 32 | BLOCK_CHUNKS_HEADER);
    check_chunk(&s, UINT64_MAX);
    free(copy);
    return 0;
}
