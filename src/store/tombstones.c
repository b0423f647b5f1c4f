#include "store/tombstones.h"
#include "base/crc32c.h"
#include "store/block_format.h"
#include "store/bytes.h"
#include <stdlib.h>

void tombstones_fini(struct tombstones *t)
{
    free(t->all);
    *t = (struct tombstones){NULL, 0, 0};
}

void tombstones_add(struct tombstones *t, uint64_t series, struct store_interval gone)
{
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 16;
        t->all = realloc(t->all, t->cap * sizeof *t->all);
        if (!t->all)
            gv_die("out of memory");
    }
    t->all[t->n++] = (struct tombstone){series, gone};
}

static int compare_tombstones(const void *pa, const void *pb)
{
    const struct tombstone *a = pa, *b = pb;
    if (a->series != b->series)
        return a->series < b->series ? -1 : 1;
    return (a->gone.min_time > b->gone.min_time) - (a->gone.min_time < b->gone.min_time);
}

/* b begins where a is not over yet, or in the next millisecond. */
static bool is_continued(const struct tombstone *a, const struct tombstone *b)
{
    return a->series == b->series && (a->gone.max_time == INT64_MAX || b->gone.min_time <= a->gone.max_time + 1);
}

void tombstones_settle(struct tombstones *t)
{
    size_t kept = 0;
    if (t->n)
        qsort(t->all, t->n, sizeof *t->all, compare_tombstones);
    for (size_t i = 0; i < t->n; i++) {
        struct tombstone *last = kept ? &t->all[kept - 1] : NULL;
        if (!last || !is_continued(last, &t->all[i]))
            t->all[kept++] = t->all[i];
        else if (t->all[i].gone.max_time > last->gone.max_time)
            last->gone.max_time = t->all[i].gone.max_time;
    }
    t->n = kept;
}

const struct tombstone *tombstones_of(const struct tombstones *t, uint64_t series, size_t *n)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (t->all[mid].series < series)
            low = mid + 1;
        else
            high = mid;
    }
    for (*n = 0; low + *n < t->n && t->all[low + *n].series == series;)
        ++*n;
    return *n ? &t->all[low] : NULL;
}

bool tombstones_decode(struct tombstones *t, const uint8_t *data, size_t size, const char *path, struct gv_err *err)
{
    if (size < BLOCK_TOMBSTONES_HEADER + BLOCK_CRC || load_be32(data) != BLOCK_TOMBSTONES_MAGIC)
        return gv_fail(err, GV_INTERNAL, "%s: these are no tombstones", path);
    if (data[4] != BLOCK_TOMBSTONES_VERSION)
        return gv_fail(err, GV_INTERNAL, "%s: version %u, only %d can be read", path, data[4],
                       BLOCK_TOMBSTONES_VERSION);
    struct byte_reader r = byte_reader(data + BLOCK_TOMBSTONES_HEADER, size - BLOCK_TOMBSTONES_HEADER - BLOCK_CRC);
    if (gv_crc32c(0, r.at, bytes_left(&r)) != load_be32(r.end))
        return gv_fail(err, GV_INTERNAL, "%s: damaged: the checksum is wrong", path);
    while (r.at < r.end) {
        uint64_t series = take_uvarint(&r);
        int64_t min_time = take_varint(&r), max_time = take_varint(&r);
        if (r.bad)
            return gv_fail(err, GV_INTERNAL, "%s: damaged: an entry ends early", path);
        if (min_time <= max_time)
            tombstones_add(t, series, (struct store_interval){min_time, max_time});
    }
    tombstones_settle(t);
    return true;
}

bool tombstones_read(struct tombstones *t, const struct gv_io *io, const char *folder, struct gv_err *err)
{
    char *path = file_join(folder, TOMBSTONES_FILE);
    struct file_map m;
    bool missing, ok = file_map(io, path, &m, &missing, err);
    ok = ok && (missing || tombstones_decode(t, m.data, m.size, path, err));
    file_unmap(&m);
    free(path);
    return ok;
}

bool tombstones_write(const struct tombstones *t, const struct gv_io *io, const char *folder, struct gv_err *err)
{
    struct gv_buf out = GV_BUF_INIT;
    put_be32(&out, BLOCK_TOMBSTONES_MAGIC);
    gv_buf_addc(&out, BLOCK_TOMBSTONES_VERSION);
    for (size_t i = 0; i < t->n; i++) {
        put_uvarint(&out, t->all[i].series);
        put_varint(&out, t->all[i].gone.min_time);
        put_varint(&out, t->all[i].gone.max_time);
    }
    put_be32(&out, gv_crc32c(0, out.p + BLOCK_TOMBSTONES_HEADER, out.n - BLOCK_TOMBSTONES_HEADER));
    bool ok = file_replace(io, folder, TOMBSTONES_FILE, gv_buf_slice(&out), err);
    gv_buf_fini(&out);
    return ok;
}
