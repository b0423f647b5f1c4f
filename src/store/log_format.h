/* The bytes of a segment (docs/store-format.md, "The log"), and reading them one record at a time. */
#pragma once
#include "store/log.h"

enum { LOG_HEAD_SIZE = 24, LOG_FRAME_SIZE = 8 };

void log_put_head(char out[LOG_HEAD_SIZE], uint64_t first_record);
/* The frame's head of a record that is `size` bytes in n pieces. */
void log_put_frame(char out[LOG_FRAME_SIZE], uint32_t size, const struct gv_slice *pieces, size_t n);
void log_segment_path(struct gv_buf *out, const char *folder, uint64_t segment);

struct log_segment {
    uint64_t number, bytes;
};
/* The segments in a folder, ascending, on the heap. */
GV_MUST_CHECK bool log_list(const char *folder, struct log_segment **out, size_t *n, struct gv_err *err);

/* One segment, read from its start to `limit` bytes. */
struct log_scan {
    const struct gv_io *io;
    int fd; /* -1: closed */
    struct gv_buf path, buf;
    size_t at;        /* of the next frame in buf */
    uint64_t offset;  /* of the next frame in the file */
    uint64_t limit;   /* where to end; set by log_scan_open to the file's size */
    uint64_t number;  /* of the next record */
    const char *what; /* LOG_DAMAGED: what is wrong there */
};
enum log_found {
    LOG_RECORD,
    LOG_END,     /* exactly at the limit */
    LOG_DAMAGED, /* no record here, and nothing behind can be trusted */
    LOG_FAILED,  /* err says why */
};

/* LOG_RECORD: its head is good. LOG_END: the file is empty. LOG_FAILED also for a version this program does not know.
 */
enum log_found log_scan_open(struct log_scan *s, const struct gv_io *io, const char *folder, uint64_t segment,
                             struct gv_err *err);
/* record: valid until the next call. */
enum log_found log_scan_next(struct log_scan *s, struct gv_slice *record, struct gv_err *err);
void log_scan_close(struct log_scan *s); /* of a zeroed one nothing, too */
