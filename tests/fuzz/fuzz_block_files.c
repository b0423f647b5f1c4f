/* The small files of a block. The first byte says which: meta.json, which is read, written and read again to the same;
 * tombstones, their checksum made right first, which come out sorted and apart. */
#include "base/crc32c.h"
#include "store/block_format.h"
#include "store/block_meta.h"
#include "store/bytes.h"
#include "store/tombstones.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_meta(const uint8_t *data, size_t size)
{
    struct block_meta m, again;
    struct gv_buf text = GV_BUF_INIT;
    struct gv_err err = {0};
    if (!block_meta_parse(&m, (struct gv_slice){(const char *)data, size}, "meta.json", &err)) {
        if (err.code != GV_INTERNAL || !strstr(err.msg, "meta.json: "))
            gv_die("refused so: %s", err.msg);
        return;
    }
    block_meta_print(&m, NULL, 0, &text);
    if (!block_meta_parse(&again, gv_buf_slice(&text), "meta.json", &err))
        gv_die("what was written is refused: %s", err.msg);
    if (strcmp(m.ulid, again.ulid) != 0 || m.min_time != again.min_time || m.max_time != again.max_time ||
        m.samples != again.samples || m.n_sources != again.n_sources || m.level != again.level ||
        (m.n_sources && memcmp(m.sources, again.sources, m.n_sources * sizeof *m.sources) != 0))
        gv_die("what was written is read as something else");
    block_meta_fini(&m);
    block_meta_fini(&again);
    gv_buf_fini(&text);
}

static void check_tombstones(uint8_t *data, size_t size)
{
    struct tombstones t = {NULL, 0, 0};
    struct gv_err err = {0};
    if (size >= BLOCK_TOMBSTONES_HEADER + BLOCK_CRC)
        store_be32(data + size - BLOCK_CRC,
                   gv_crc32c(0, data + BLOCK_TOMBSTONES_HEADER, size - BLOCK_TOMBSTONES_HEADER - BLOCK_CRC));
    if (tombstones_decode(&t, data, size, "tombstones", &err)) {
        for (size_t i = 1; i < t.n; i++)
            if (t.all[i].series < t.all[i - 1].series ||
                (t.all[i].series == t.all[i - 1].series && t.all[i].gone.min_time <= t.all[i - 1].gone.max_time))
                gv_die("tombstones that overlap or are out of order");
        for (size_t i = 0, n; i < t.n; i += n)
            if (tombstones_of(&t, t.all[i].series, &n) != &t.all[i])
                gv_die("tombstones are not found");
    } else if (err.code != GV_INTERNAL) {
        gv_die("refused so: %s", err.msg);
    }
    tombstones_fini(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    uint8_t *copy = malloc(size);
    memcpy(copy, data, size);
    if (*copy % 2)
        check_meta(copy + 1, size - 1);
    else
        check_tombstones(copy + 1, size - 1);
    free(copy);
    return 0;
}
