/* A log's folder from outside: replay never reads over an end, tells only what has a right checksum, and what it told
 * comes back from a log that is written anew.
 * Input: a byte of modes, then the bytes of segments, divided at 0xfe 0xff where bit 0 is set. Bit 1: each segment gets
 * a good head for the number in its first byte, and its frames good checksums, so that what lies behind is reached. */
#include "../support/faulty_io.h"
#include "../support/log_records.h"
#include "base/crc32c.h"
#include "store/log_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DIVIDED = 1, SEALED = 2, MAX_SIZE = 16384 };

struct kept {
    struct gv_buf bytes;
    size_t n;
    uint64_t last;
};

static bool keep(void *arg, struct gv_slice record, struct gv_log_place at, struct gv_err *err)
{
    struct kept *k = arg;
    (void)err;
    if (k->n && at.number <= k->last)
        gv_die("record %llu after %llu", (unsigned long long)at.number, (unsigned long long)k->last);
    k->last = at.number;
    k->n++;
    gv_buf_add(&k->bytes, &record.n, sizeof record.n);
    gv_buf_add_slice(&k->bytes, record);
    return true;
}

static bool copy(void *log, struct gv_slice record, struct gv_log_place at, struct gv_err *err)
{
    (void)at;
    return gv_log_append(log, &record, 1, NULL, err);
}

static void save(const char *folder, unsigned segment, const char *p, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%08u", folder, segment);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(p, 1, n, f) != n || fclose(f))
        gv_die("cannot write %s", path);
}

/* A head, then the input as frames: a byte of length, the record. */
static void seal(struct gv_buf *out, const uint8_t *p, size_t n)
{
    char head[LOG_HEAD_SIZE], frame[LOG_FRAME_SIZE];
    log_put_head(head, n ? *p : 0);
    gv_buf_clear(out);
    gv_buf_add(out, head, sizeof head);
    for (size_t at = 1; at < n;) {
        size_t length = p[at] < n - at - 1 ? p[at] : n - at - 1;
        struct gv_slice record = {(const char *)p + at + 1, length};
        log_put_frame(frame, (uint32_t)length, &record, 1);
        gv_buf_add(out, frame, sizeof frame);
        gv_buf_add_slice(out, record);
        at += 1 + length;
    }
    if (n && p[n - 1] == 'x') /* and one that is torn */
        out->n -= out->n > LOG_HEAD_SIZE ? 1 : 0;
}

static void write_segments(const char *folder, const uint8_t *p, size_t n, unsigned modes)
{
    static const char divider[] = {(char)0xfe, (char)0xff};
    struct gv_buf sealed = GV_BUF_INIT;
    unsigned segment = 1;
    for (bool more = true; more; segment++) {
        const uint8_t *end = modes & DIVIDED && n ? memmem(p, n, divider, sizeof divider) : NULL;
        size_t length = end ? (size_t)(end - p) : n;
        more = end != NULL;
        if (modes & SEALED)
            seal(&sealed, p, length);
        save(folder, segment, modes & SEALED ? sealed.p : (const char *)p, modes & SEALED ? sealed.n : length);
        p += length + (more ? sizeof divider : 0);
        n -= length + (more ? sizeof divider : 0);
    }
    gv_buf_fini(&sealed);
}

static bool replay(const char *folder, gv_log_record_fn *fn, void *arg)
{
    struct gv_log_replayed out;
    struct gv_err err = {.code = GV_OK};
    struct gv_log *l = gv_log_open(&(struct gv_log_options){.path = folder, .name = "fuzz"}, &err);
    if (!l)
        gv_die("%s", err.msg);
    bool ok = gv_log_replay(l, 0, fn, arg, &out, &err);
    if (ok && out.damaged && !out.what[0])
        gv_die("damage without a word");
    gv_log_close(l, NULL);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char folder[64], again[80];
    struct kept first = {.n = 0}, second = {.n = 0};
    struct gv_err err = {.code = GV_OK};
    if (!size || size > MAX_SIZE)
        return 0;
    make_folder(folder);
    write_segments(folder, data + 1, size - 1, data[0]);
    if (replay(folder, keep, &first)) {
        snprintf(again, sizeof again, "%s/again", folder);
        struct gv_log *l = gv_log_open(&(struct gv_log_options){.path = again, .name = "fuzz"}, &err);
        if (!l || !gv_log_start(l, &err) || !replay(folder, copy, l) || !gv_log_close(l, &err))
            gv_die("%s", err.msg);
        if (!replay(again, keep, &second) || second.n != first.n ||
            !gv_slice_eq(gv_buf_slice(&first.bytes), gv_buf_slice(&second.bytes)))
            gv_die("%zu records became %zu, or others", first.n, second.n);
    }
    gv_buf_fini(&first.bytes);
    gv_buf_fini(&second.bytes);
    remove_tree(folder);
    return 0;
}
