/* Segment: magic, version, three bytes of padding; then chunks, `uvarint size | encoding | data | CRC of encoding and
 * data`. A chunk's reference is the number of its segment (from 0) in the high word, the offset in the low one. */
#include "store/segments.h"
#include "base/crc32c.h"
#include "store/block_format.h"
#include "store/bytes.h"
#include <stdio.h>
#include <stdlib.h>

static bool check_header(const struct segments *s, size_t number, const struct file_map *m, struct gv_err *err)
{
    if (m->size < BLOCK_CHUNKS_HEADER || load_be32(m->data) != BLOCK_CHUNKS_MAGIC)
        return gv_fail(err, GV_INTERNAL, "%s/" BLOCK_CHUNKS_FOLDER "/" BLOCK_SEGMENT_NAME ": this is no chunk segment",
                       s->folder, number);
    if (m->data[4] != BLOCK_CHUNKS_VERSION)
        return gv_fail(err, GV_INTERNAL,
                       "%s/" BLOCK_CHUNKS_FOLDER "/" BLOCK_SEGMENT_NAME ": version %u, only %d can be read", s->folder,
                       number, m->data[4], BLOCK_CHUNKS_VERSION);
    return true;
}

bool segments_open(struct segments *s, const struct gv_io *io, const char *folder, struct gv_err *err)
{
    *s = (struct segments){.folder = folder};
    for (;;) {
        char *path;
        struct file_map m;
        bool missing;
        if (asprintf(&path, "%s/" BLOCK_CHUNKS_FOLDER "/" BLOCK_SEGMENT_NAME, folder, s->n + 1) < 0)
            gv_die("out of memory");
        bool ok = file_map(io, path, &m, &missing, err);
        free(path);
        if (!ok || missing)
            return ok;
        s->maps = realloc(s->maps, (s->n + 1) * sizeof *s->maps);
        if (!s->maps)
            gv_die("out of memory");
        s->maps[s->n++] = m;
        if (!check_header(s, s->n, &m, err))
            return false;
    }
}

void segments_fini(struct segments *s)
{
    for (size_t i = 0; i < s->n; i++)
        file_unmap(&s->maps[i]);
    free(s->maps);
    *s = (struct segments){NULL, NULL, 0};
}

uint64_t segments_bytes(const struct segments *s)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->n; i++)
        sum += s->maps[i].size;
    return sum;
}

static bool damaged(const struct segments *s, uint64_t ref, struct gv_err *err, const char *what)
{
    return gv_fail(err, GV_INTERNAL, "%s/" BLOCK_CHUNKS_FOLDER "/" BLOCK_SEGMENT_NAME ": damaged at byte %u: %s",
                   s->folder, (size_t)(ref >> 32) + 1, (uint32_t)ref, what);
}

bool segments_chunk(const struct segments *s, uint64_t ref, struct gv_chunk *c, struct gv_err *err)
{
    uint64_t number = ref >> 32, at = (uint32_t)ref;
    if (number >= s->n || at < BLOCK_CHUNKS_HEADER || at >= s->maps[number].size)
        return damaged(s, ref, err, "there is no chunk here");
    struct byte_reader r = byte_reader(s->maps[number].data + at, s->maps[number].size - at);
    uint64_t n = take_uvarint(&r);
    if (r.bad || n < sizeof(uint16_t) || n > UINT32_MAX || bytes_left(&r) < 1 + n + BLOCK_CRC)
        return damaged(s, ref, err, "a chunk of no possible size");
    if (gv_crc32c(0, r.at, 1 + n) != load_be32(r.at + 1 + n))
        return damaged(s, ref, err, "the chunk's checksum is wrong");
    c->encoding = *r.at;
    c->data = r.at + 1;
    c->size = (uint32_t)n;
    if (c->encoding < GV_CHUNK_XOR || c->encoding > GV_CHUNK_FLOAT_HISTOGRAM)
        return gv_fail(err, GV_INTERNAL,
                       "%s/" BLOCK_CHUNKS_FOLDER "/" BLOCK_SEGMENT_NAME ": a chunk of the unknown encoding %u",
                       s->folder, (size_t)number + 1, c->encoding);
    return true;
}
