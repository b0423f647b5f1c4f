/* Segment: head | frame | frame | ...; head: magic, version, number of its first record, checksum; frame: length,
 * checksum over length and bytes, bytes. Integers are little-endian. */
#include "store/log_format.h"
#include "base/crc32c.h"
#include "base/little_endian.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { VERSION = 1, READ_SIZE = 256 * 1024 };
enum { VERSION_AT = 8, FIRST_RECORD_AT = 12, CHECKSUM_AT = 20 }; /* in the head */
static const char magic[8] = "gvlog\r\n\x1a";

void log_put_head(char out[LOG_HEAD_SIZE], uint64_t first_record)
{
    memcpy(out, magic, sizeof magic);
    gv_put_little(out + VERSION_AT, VERSION, 4);
    gv_put_little(out + FIRST_RECORD_AT, first_record, 8);
    gv_put_little(out + CHECKSUM_AT, gv_crc32c(0, out, CHECKSUM_AT), 4);
}

void log_put_frame(char out[LOG_FRAME_SIZE], uint32_t size, const struct gv_slice *pieces, size_t n)
{
    gv_put_little(out, size, 4);
    uint32_t crc = gv_crc32c(0, out, 4);
    for (size_t i = 0; i < n; i++)
        crc = gv_crc32c(crc, pieces[i].p, pieces[i].n);
    gv_put_little(out + 4, crc, 4);
}

void log_segment_path(struct gv_buf *out, const char *folder, uint64_t segment)
{
    gv_buf_clear(out);
    gv_buf_printf(out, "%s/%08" PRIu64, folder, segment);
    gv_buf_cstr(out);
}

/* ---- The folder ---- */

static bool is_segment(const char *name, uint64_t *number)
{
    char *end;
    if (strlen(name) < 8 || name[0] < '0' || name[0] > '9')
        return false;
    errno = 0;
    *number = strtoull(name, &end, 10);
    return !*end && !errno;
}

static int by_number(const void *a, const void *b)
{
    const struct log_segment *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static uint64_t size_of(const char *folder, uint64_t segment)
{
    struct gv_buf path = GV_BUF_INIT;
    struct stat st;
    log_segment_path(&path, folder, segment);
    bool there = stat(path.p, &st) == 0;
    gv_buf_fini(&path);
    return there ? (uint64_t)st.st_size : 0;
}

bool log_list(const char *folder, struct log_segment **out, size_t *n, struct gv_err *err)
{
    DIR *d = opendir(folder);
    if (!d)
        return gv_fail(err, GV_UNAVAILABLE, "open folder %s: %s", folder, strerror(errno));
    size_t cap = 0;
    *out = NULL;
    *n = 0;
    for (struct dirent *e; (errno = 0, e = readdir(d));) {
        uint64_t number;
        if (!is_segment(e->d_name, &number))
            continue;
        if (*n == cap && !(*out = reallocarray(*out, cap = cap ? 2 * cap : 16, sizeof **out)))
            gv_die("out of memory");
        (*out)[(*n)++] = (struct log_segment){number, size_of(folder, number)};
    }
    bool ok = !errno || gv_fail(err, GV_UNAVAILABLE, "list folder %s: %s", folder, strerror(errno));
    closedir(d);
    if (*n)
        qsort(*out, *n, sizeof **out, by_number);
    return ok;
}

/* ---- Reading ---- */

static enum log_found failed(struct log_scan *s, const char *verb, struct gv_err *err)
{
    gv_fail(err, GV_UNAVAILABLE, "%s %s: %s", verb, s->path.p, strerror(errno));
    return LOG_FAILED;
}

static enum log_found damaged(struct log_scan *s, const char *what)
{
    s->what = what;
    return LOG_DAMAGED;
}

/* Sees to it that n bytes are there at s->at; the caller has compared n with the limit. LOG_DAMAGED: the file has
 * become shorter. */
static enum log_found fill(struct log_scan *s, size_t n, struct gv_err *err)
{
    if (s->buf.n - s->at >= n)
        return LOG_RECORD;
    if (s->at)
        memmove(s->buf.p, s->buf.p + s->at, s->buf.n - s->at);
    s->buf.n -= s->at;
    s->at = 0;
    while (s->buf.n < n) {
        uint64_t left = s->limit - s->offset - s->buf.n; /* never behind the limit: that may be in writing */
        size_t room = n - s->buf.n > READ_SIZE ? n - s->buf.n : READ_SIZE;
        room = room < left ? room : left;
        ssize_t got = s->io->read(s->io, s->fd, gv_buf_reserve(&s->buf, room), room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed(s, "read", err);
        if (got == 0)
            return damaged(s, "the file has become shorter");
        s->buf.n += (size_t)got;
    }
    return LOG_RECORD;
}

static void take(struct log_scan *s, size_t n)
{
    s->at += n;
    s->offset += n;
}

static enum log_found read_head(struct log_scan *s, struct gv_err *err)
{
    if (!s->limit)
        return LOG_END;
    if (s->limit < LOG_HEAD_SIZE)
        return damaged(s, "the segment's head is cut short");
    enum log_found found = fill(s, LOG_HEAD_SIZE, err);
    if (found != LOG_RECORD)
        return found;
    const char *p = s->buf.p + s->at;
    if (memcmp(p, magic, sizeof magic) != 0 || gv_get_little(p + CHECKSUM_AT, 4) != gv_crc32c(0, p, CHECKSUM_AT))
        return damaged(s, "the segment's head is damaged, or the file is no segment");
    uint64_t version = gv_get_little(p + VERSION_AT, 4);
    if (version != VERSION) {
        gv_fail(err, GV_UNAVAILABLE, "%s has version %" PRIu64 " of the log's format; this program knows version %d",
                s->path.p, version, VERSION);
        return LOG_FAILED;
    }
    s->number = gv_get_little(p + FIRST_RECORD_AT, 8);
    take(s, LOG_HEAD_SIZE);
    return LOG_RECORD;
}

enum log_found log_scan_open(struct log_scan *s, const struct gv_io *io, const char *folder, uint64_t segment,
                             struct gv_err *err)
{
    *s = (struct log_scan){.io = io, .fd = -1};
    log_segment_path(&s->path, folder, segment);
    s->fd = io->open(io, s->path.p, O_RDONLY, 0);
    if (s->fd < 0)
        return failed(s, "open", err);
    struct stat st;
    if (fstat(s->fd, &st) < 0)
        return failed(s, "stat", err);
    s->limit = (uint64_t)st.st_size;
    return read_head(s, err);
}

enum log_found log_scan_next(struct log_scan *s, struct gv_slice *record, struct gv_err *err)
{
    uint64_t left = s->limit > s->offset ? s->limit - s->offset : 0;
    if (!left)
        return LOG_END;
    if (left < LOG_FRAME_SIZE)
        return damaged(s, "a record's frame is cut short");
    enum log_found found = fill(s, LOG_FRAME_SIZE, err);
    if (found != LOG_RECORD)
        return found;
    size_t size = gv_get_little(s->buf.p + s->at, 4);
    if (size > left - LOG_FRAME_SIZE)
        return damaged(s, "a record is cut short, or its length is damaged");
    found = fill(s, LOG_FRAME_SIZE + size, err);
    if (found != LOG_RECORD)
        return found;
    const char *frame = s->buf.p + s->at;
    if (gv_get_little(frame + 4, 4) != gv_crc32c(gv_crc32c(0, frame, 4), frame + LOG_FRAME_SIZE, size))
        return damaged(s, "a record's checksum is wrong");
    *record = (struct gv_slice){frame + LOG_FRAME_SIZE, size};
    take(s, LOG_FRAME_SIZE + size);
    s->number++;
    return LOG_RECORD;
}

void log_scan_close(struct log_scan *s)
{
    if (s->io && s->fd >= 0)
        s->io->close(s->io, s->fd);
    gv_buf_fini(&s->path);
    gv_buf_fini(&s->buf);
    *s = (struct log_scan){.fd = -1};
}
