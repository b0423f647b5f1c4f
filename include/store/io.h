/* The calls by which the store touches files, as a table: the system's, or one of a test that fails where it likes.
 * Any thread. Each gives what the system call of its name gives: -1 and errno on failure; a short write is the
 * caller's to go on with. */
#pragma once
#include "base/err.h"
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct gv_io {
    int (*open)(const struct gv_io *io, const char *path, int flags, mode_t mode);
    int (*close)(const struct gv_io *io, int fd);
    ssize_t (*read)(const struct gv_io *io, int fd, void *p, size_t n);
    ssize_t (*writev)(const struct gv_io *io, int fd, const struct iovec *v, int n);
    int (*fdatasync)(const struct gv_io *io, int fd);
    int (*fsync)(const struct gv_io *io, int fd); /* of a folder too: its entries are then on disk */
    int (*ftruncate)(const struct gv_io *io, int fd, off_t size);
    int (*rename)(const struct gv_io *io, const char *from, const char *to);
    int (*link)(const struct gv_io *io, const char *from, const char *to); /* a hard link: `to` is the same file */
    int (*unlink)(const struct gv_io *io, const char *path);
    int (*mkdir)(const struct gv_io *io, const char *path, mode_t mode);
    int (*rmdir)(const struct gv_io *io, const char *path);
    void *(*mmap)(const struct gv_io *io, int fd, size_t n); /* read-only, shared; MAP_FAILED */
};

extern const struct gv_io gv_io_system;

/* Syncs the folder that path is in, so that what was made there lasts. GV_UNAVAILABLE, with that folder and the cause.
 */
GV_MUST_CHECK bool gv_io_sync_around(const struct gv_io *io, const char *path, struct gv_err *err);
/* Makes the folder where there is none, and syncs the one that it is in also where there was: an earlier start may have
 * failed in between. Where it was there and the one around may not be read, that is left to whoever made it. */
GV_MUST_CHECK bool gv_io_make_folder(const struct gv_io *io, const char *path, struct gv_err *err);
