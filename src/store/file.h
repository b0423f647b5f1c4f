/* Files and folders by way of gv_io: mapped whole, written through a buffer, replaced, removed. A failed call
 * is GV_UNAVAILABLE, "PATH: cannot WHAT: no space left on device". Any thread; a writer has one owner. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "store/io.h"

char *file_join(const char *folder, const char *name); /* heap */
bool file_fail(struct gv_err *err, const char *path, const char *what);

struct file_map {
    const uint8_t *data; /* NULL: an empty file */
    size_t size;
};
/* *missing is set where there is no such file, and no error then; NULL: that is one too. */
GV_MUST_CHECK bool file_map(const struct gv_io *io, const char *path, struct file_map *m, bool *missing,
                            struct gv_err *err);
void file_unmap(struct file_map *m);

/* Puts a file in the place of the old one: a temporary file, synced, renamed, the folder synced. */
GV_MUST_CHECK bool file_replace(const struct gv_io *io, const char *folder, const char *name, struct gv_slice text,
                                struct gv_err *err);
GV_MUST_CHECK bool file_make_folder(const struct gv_io *io, const char *path, struct gv_err *err);
GV_MUST_CHECK bool file_sync_folder(const struct gv_io *io, const char *path, struct gv_err *err);
/* With all that is in it, or as much of that as can be; what is not there is removed already. */
GV_MUST_CHECK bool file_remove_folder(const struct gv_io *io, const char *path, struct gv_err *err);
/* The same, so that nobody ever sees a part of it: renamed to PATH.tmp-for-deletion first, and that on disk. */
GV_MUST_CHECK bool file_discard_folder(const struct gv_io *io, const char *path, struct gv_err *err);

/* Names of a folder's entries but . and .., in byte order, in a. */
GV_MUST_CHECK bool file_list(const struct gv_io *io, const char *folder, struct gv_arena *a, char ***names, size_t *n,
                             struct gv_err *err);
/* Of the files in a folder and below. */
GV_MUST_CHECK bool file_folder_bytes(const struct gv_io *io, const char *path, uint64_t *bytes, struct gv_err *err);

struct file_writer {
    const struct gv_io *io;
    char *path;
    int fd;
    uint64_t size; /* of the file, with what waits in the buffer */
    uint32_t crc;  /* CRC-32C since it was last set to 0 */
    struct gv_buf waiting;
};
GV_MUST_CHECK bool file_writer_init(struct file_writer *w, const struct gv_io *io, const char *folder, const char *name,
                                    struct gv_err *err);
GV_MUST_CHECK bool file_writer_add(struct file_writer *w, const void *data, size_t n, struct gv_err *err);
GV_MUST_CHECK bool file_writer_add_crc(struct file_writer *w, struct gv_err *err); /* big-endian; then 0 again */
GV_MUST_CHECK bool file_writer_flush(struct file_writer *w, struct gv_err *err);
GV_MUST_CHECK bool file_writer_sync(struct file_writer *w, struct gv_err *err); /* flushed and on disk */
void file_writer_fini(struct file_writer *w);                                   /* closes; what waits is lost */
