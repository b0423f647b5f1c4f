#include "store/io.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int system_open(const struct gv_io *io, const char *path, int flags, mode_t mode)
{
    (void)io;
    return open(path, flags | O_CLOEXEC, mode);
}

static int system_close(const struct gv_io *io, int fd)
{
    (void)io;
    return close(fd);
}

static ssize_t system_read(const struct gv_io *io, int fd, void *p, size_t n)
{
    (void)io;
    return read(fd, p, n);
}

static ssize_t system_writev(const struct gv_io *io, int fd, const struct iovec *v, int n)
{
    (void)io;
    return writev(fd, v, n);
}

static int system_fdatasync(const struct gv_io *io, int fd)
{
    (void)io;
    return fdatasync(fd);
}

static int system_fsync(const struct gv_io *io, int fd)
{
    (void)io;
    return fsync(fd);
}

static int system_ftruncate(const struct gv_io *io, int fd, off_t size)
{
    (void)io;
    return ftruncate(fd, size);
}

static int system_rename(const struct gv_io *io, const char *from, const char *to)
{
    (void)io;
    return rename(from, to);
}

static int system_link(const struct gv_io *io, const char *from, const char *to)
{
    (void)io;
    return link(from, to);
}

static int system_unlink(const struct gv_io *io, const char *path)
{
    (void)io;
    return unlink(path);
}

static int system_mkdir(const struct gv_io *io, const char *path, mode_t mode)
{
    (void)io;
    return mkdir(path, mode);
}

static int system_rmdir(const struct gv_io *io, const char *path)
{
    (void)io;
    return rmdir(path);
}

static void *system_mmap(const struct gv_io *io, int fd, size_t n)
{
    (void)io;
    return mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
}

const struct gv_io gv_io_system = {
    .open = system_open,
    .close = system_close,
    .read = system_read,
    .writev = system_writev,
    .fdatasync = system_fdatasync,
    .fsync = system_fsync,
    .ftruncate = system_ftruncate,
    .rename = system_rename,
    .link = system_link,
    .unlink = system_unlink,
    .mkdir = system_mkdir,
    .rmdir = system_rmdir,
    .mmap = system_mmap,
};
