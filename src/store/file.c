#include "store/file.h"
#include "base/crc32c.h"
#include "store/bytes.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLUSH_ABOVE = 1 << 18, FILE_MODE = 0666, FOLDER_MODE = 0777 };

char *file_join(const char *folder, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        gv_die("out of memory");
    return path;
}

bool file_fail(struct gv_err *err, const char *path, const char *what)
{
    return gv_fail(err, GV_UNAVAILABLE, "%s: cannot %s: %s", path, what, strerror(errno));
}

/* ---- Reading ---- */

static bool map_open_file(const struct gv_io *io, const char *path, int fd, struct file_map *m, struct gv_err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return file_fail(err, path, "read the size");
    *m = (struct file_map){NULL, (size_t)st.st_size};
    if (!m->size)
        return true;
    void *p = io->mmap(io, fd, m->size);
    if (p == MAP_FAILED)
        return file_fail(err, path, "map");
    m->data = p;
    return true;
}

bool file_map(const struct gv_io *io, const char *path, struct file_map *m, bool *missing, struct gv_err *err)
{
    *m = (struct file_map){NULL, 0};
    int fd = io->open(io, path, O_RDONLY, 0);
    if (missing)
        *missing = fd < 0 && errno == ENOENT;
    if (fd < 0)
        return (missing && *missing) || file_fail(err, path, "open");
    bool ok = map_open_file(io, path, fd, m, err);
    io->close(io, fd);
    return ok;
}

void file_unmap(struct file_map *m)
{
    if (m->data)
        munmap((void *)(uintptr_t)m->data, m->size);
    *m = (struct file_map){NULL, 0};
}

/* ---- Folders ---- */

bool file_make_folder(const struct gv_io *io, const char *path, struct gv_err *err)
{
    return io->mkdir(io, path, FOLDER_MODE) == 0 || file_fail(err, path, "make the folder");
}

/* may_be_closed: one that may not be read is passed over. */
static bool sync_folder(const struct gv_io *io, const char *path, bool may_be_closed, struct gv_err *err)
{
    int fd = io->open(io, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return (may_be_closed && errno == EACCES) || file_fail(err, path, "open the folder");
    bool ok = io->fsync(io, fd) == 0 || file_fail(err, path, "sync the folder");
    io->close(io, fd);
    return ok;
}

bool file_sync_folder(const struct gv_io *io, const char *path, struct gv_err *err)
{
    return sync_folder(io, path, false, err);
}

static bool sync_around(const struct gv_io *io, const char *path, bool may_be_closed, struct gv_err *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!folder)
        gv_die("out of memory");
    bool ok = sync_folder(io, folder, may_be_closed, err);
    free(folder);
    return ok;
}

bool gv_io_sync_around(const struct gv_io *io, const char *path, struct gv_err *err)
{
    return sync_around(io, path, false, err);
}

bool gv_io_make_folder(const struct gv_io *io, const char *path, struct gv_err *err)
{
    bool made = io->mkdir(io, path, FOLDER_MODE) == 0;
    if (!made && errno != EEXIST)
        return gv_fail(err, GV_UNAVAILABLE, "make folder %s: %s", path, strerror(errno));
    if (sync_around(io, path, !made, err))
        return true;
    if (made)
        io->rmdir(io, path); /* the next start makes it anew */
    return false;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* fd is its own to close. */
static bool list_open_folder(int fd, const char *folder, struct gv_arena *a, char ***names, size_t *n,
                             struct gv_err *err)
{
    DIR *d = fdopendir(fd);
    if (!d) {
        file_fail(err, folder, "list the folder");
        close(fd);
        return false;
    }
    size_t cap = 0;
    *names = NULL;
    *n = 0;
    errno = 0;
    for (const struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            gv_push(a, *names, *n, cap) = gv_arena_printf(a, "%s", e->d_name);
    bool ok = !errno || file_fail(err, folder, "list the folder");
    closedir(d);
    if (*n)
        qsort(*names, *n, sizeof **names, compare_names);
    return ok;
}

bool file_list(const struct gv_io *io, const char *folder, struct gv_arena *a, char ***names, size_t *n,
               struct gv_err *err)
{
    int fd = io->open(io, folder, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return file_fail(err, folder, "open the folder");
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    bool ok = own < 0 ? file_fail(err, folder, "list the folder") : list_open_folder(own, folder, a, names, n, err);
    io->close(io, fd);
    return ok;
}

static bool remove_entry(const struct gv_io *io, const char *path, struct gv_err *err)
{
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return file_remove_folder(io, path, err);
    return io->unlink(io, path) == 0 || errno == ENOENT || file_fail(err, path, "remove");
}

bool file_remove_folder(const struct gv_io *io, const char *path, struct gv_err *err)
{
    struct gv_arena a;
    struct stat st;
    char **names;
    size_t n;
    if (lstat(path, &st) < 0 && errno == ENOENT)
        return true;
    gv_arena_init(&a, NULL);
    bool ok = file_list(io, path, &a, &names, &n, err);
    for (size_t i = 0; ok && i < n; i++) {
        struct gv_err first = {0};
        if (!remove_entry(io, gv_arena_printf(&a, "%s/%s", path, names[i]), &first))
            gv_fail(err, first.code, "%s", first.msg);
    }
    gv_arena_fini(&a);
    return ok && (io->rmdir(io, path) == 0 || errno == ENOENT || file_fail(err, path, "remove the folder"));
}

bool file_discard_folder(const struct gv_io *io, const char *path, struct gv_err *err)
{
    char *aside;
    if (asprintf(&aside, "%s.tmp-for-deletion", path) < 0)
        gv_die("out of memory");
    bool ok = io->rename(io, path, aside) == 0 || file_fail(err, path, "rename for deletion");
    ok = ok && gv_io_sync_around(io, path, err) && file_remove_folder(io, aside, err);
    free(aside);
    return ok;
}

bool file_folder_bytes(const struct gv_io *io, const char *path, uint64_t *bytes, struct gv_err *err)
{
    struct gv_arena a;
    char **names;
    size_t n;
    *bytes = 0;
    gv_arena_init(&a, NULL);
    bool ok = file_list(io, path, &a, &names, &n, err);
    for (size_t i = 0; ok && i < n; i++) {
        const char *entry = gv_arena_printf(&a, "%s/%s", path, names[i]);
        struct stat st;
        uint64_t more = 0;
        if (lstat(entry, &st) < 0)
            ok = errno == ENOENT || file_fail(err, entry, "read the size");
        else if (S_ISDIR(st.st_mode))
            ok = file_folder_bytes(io, entry, &more, err);
        else
            more = (uint64_t)st.st_size;
        *bytes += more;
    }
    gv_arena_fini(&a);
    return ok;
}

/* ---- Writing ---- */

bool file_writer_init(struct file_writer *w, const struct gv_io *io, const char *folder, const char *name,
                      struct gv_err *err)
{
    *w = (struct file_writer){.io = io, .path = file_join(folder, name), .fd = -1};
    w->fd = io->open(io, w->path, O_WRONLY | O_CREAT | O_TRUNC, FILE_MODE);
    if (w->fd >= 0)
        return true;
    file_fail(err, w->path, "make");
    file_writer_fini(w);
    return false;
}

bool file_writer_flush(struct file_writer *w, struct gv_err *err)
{
    for (size_t at = 0; at < w->waiting.n;) {
        struct iovec v = {w->waiting.p + at, w->waiting.n - at};
        ssize_t n = w->io->writev(w->io, w->fd, &v, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? file_fail(err, w->path, "write") : gv_fail(err, GV_UNAVAILABLE, "%s: cannot write", w->path);
        at += (size_t)n;
    }
    gv_buf_clear(&w->waiting);
    return true;
}

bool file_writer_add(struct file_writer *w, const void *data, size_t n, struct gv_err *err)
{
    if (w->waiting.n + n > FLUSH_ABOVE && !file_writer_flush(w, err))
        return false;
    gv_buf_add(&w->waiting, data, n);
    w->crc = gv_crc32c(w->crc, data, n);
    w->size += n;
    return true;
}

bool file_writer_add_crc(struct file_writer *w, struct gv_err *err)
{
    uint8_t crc[4];
    store_be32(crc, w->crc);
    bool ok = file_writer_add(w, crc, sizeof crc, err);
    w->crc = 0;
    return ok;
}

bool file_writer_sync(struct file_writer *w, struct gv_err *err)
{
    return file_writer_flush(w, err) && (w->io->fsync(w->io, w->fd) == 0 || file_fail(err, w->path, "sync"));
}

void file_writer_fini(struct file_writer *w)
{
    if (w->path && w->fd >= 0)
        w->io->close(w->io, w->fd);
    free(w->path);
    gv_buf_fini(&w->waiting);
    *w = (struct file_writer){.fd = -1};
}

bool file_replace(const struct gv_io *io, const char *folder, const char *name, struct gv_slice text,
                  struct gv_err *err)
{
    struct file_writer w;
    char *path = file_join(folder, name), *temporary;
    if (asprintf(&temporary, "%s.tmp", name) < 0)
        gv_die("out of memory");
    bool ok = file_writer_init(&w, io, folder, temporary, err);
    if (ok) {
        ok = file_writer_add(&w, text.p, text.n, err) && file_writer_sync(&w, err) &&
             (io->rename(io, w.path, path) == 0 || file_fail(err, path, "put in place"));
        if (!ok)
            io->unlink(io, w.path);
        file_writer_fini(&w);
    }
    free(temporary);
    free(path);
    return ok && file_sync_folder(io, folder, err);
}
