/* Files that fail where a test likes, and a machine that dies: a gv_io which counts its calls, fails some of them, and
 * knows what of its files is on disk.
 *
 *   struct faulty_io f;
 *   faulty_io_init(&f);
 *   f.fail_from = 7, f.fail_to = 9, f.error = ENOSPC;    calls 7 and 8 fail
 *   ... work with &f.io ...
 *   faulty_io_crash(&f);                                  only what was synced is left
 *
 * A machine's death leaves of each file what its last good sync covered, of a folder the entries of its last good sync:
 * files and folders made since are gone, renames undone (a file that was renamed over is back). After a failed sync of
 * a file nothing later counts as synced, whatever later syncs say: Linux forgets what it could not write. */
#pragma once
#include "store/io.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FAULTY_ENTRIES = 4096, FAULTY_FDS = 1024 };

struct faulty_entry {
    enum { FAULTY_NONE, FAULTY_FILE, FAULTY_MADE, FAULTY_RENAMED } kind; /* a file's content | an entry | a rename */
    char path[PATH_MAX], from[PATH_MAX], kept[PATH_MAX]; /* kept: the file that was renamed over; "": none */
    off_t synced;
    bool poisoned;
};

struct faulty_io {
    struct gv_io io;
    pthread_mutex_t lock;
    uint64_t calls;              /* so far */
    uint64_t fail_from, fail_to; /* calls that fail, counted from 1; [from, to) */
    int error;                   /* with this errno; 0: EIO */
    const char *keep;            /* a folder on the same file system for what is renamed over; NULL: /tmp */
    bool short_writes;           /* a write that is to fail takes half of its bytes first, and says so */
    uint64_t n_kept;
    size_t n;
    struct faulty_entry *entries[FAULTY_ENTRIES];
    struct faulty_entry *open[FAULTY_FDS];
    char folders[FAULTY_FDS][256];
};

static inline struct faulty_io *faulty_of(const struct gv_io *io)
{
    return (struct faulty_io *)(uintptr_t)io; /* the first member */
}

/* Counts a call; true: it fails, with errno set. */
static inline bool faulty_fails(struct faulty_io *f)
{
    f->calls++;
    if (f->calls < f->fail_from || f->calls >= f->fail_to)
        return false;
    errno = f->error ? f->error : EIO;
    return true;
}

static inline struct faulty_entry *faulty_add(struct faulty_io *f, int kind, const char *path)
{
    if (f->n == FAULTY_ENTRIES)
        abort();
    struct faulty_entry *e = f->entries[f->n++] = calloc(1, sizeof *e);
    if (!e)
        abort();
    e->kind = kind;
    snprintf(e->path, sizeof e->path, "%s", path);
    return e;
}

static inline struct faulty_entry *faulty_file(struct faulty_io *f, const char *path)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->entries[i]->kind == FAULTY_FILE && !strcmp(f->entries[i]->path, path))
            return f->entries[i];
    return NULL;
}

static inline bool faulty_is_in(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/')
        n--;
    return !strncmp(path, folder, n) && path[n] == '/' && !strchr(path + n + 1, '/');
}

static inline int faulty_open(const struct gv_io *io, const char *path, int flags, mode_t mode)
{
    struct faulty_io *f = faulty_of(io);
    pthread_mutex_lock(&f->lock);
    int fd = -1;
    if (!faulty_fails(f)) {
        bool was_there = access(path, F_OK) == 0;
        fd = open(path, flags | O_CLOEXEC, mode);
        if (fd >= FAULTY_FDS)
            abort();
        if (fd >= 0) {
            struct faulty_entry *e = faulty_file(f, path);
            struct stat st;
            fstat(fd, &st);
            if (!was_there)
                faulty_add(f, FAULTY_MADE, path);
            if (!e && (flags & O_ACCMODE) != O_RDONLY)
                (e = faulty_add(f, FAULTY_FILE, path))->synced = flags & O_TRUNC ? 0 : st.st_size;
            f->open[fd] = e;
            snprintf(f->folders[fd], sizeof f->folders[fd], "%s", path);
        }
    }
    pthread_mutex_unlock(&f->lock);
    return fd;
}

static inline int faulty_close(const struct gv_io *io, int fd)
{
    struct faulty_io *f = faulty_of(io);
    pthread_mutex_lock(&f->lock);
    bool fails = faulty_fails(f); /* closed all the same, as Linux does it */
    f->open[fd] = NULL;
    int saved = errno;
    close(fd);
    errno = saved;
    pthread_mutex_unlock(&f->lock);
    return fails ? -1 : 0;
}

static inline ssize_t faulty_read(const struct gv_io *io, int fd, void *p, size_t n)
{
    struct faulty_io *f = faulty_of(io);
    pthread_mutex_lock(&f->lock);
    ssize_t got = faulty_fails(f) ? -1 : read(fd, p, n);
    pthread_mutex_unlock(&f->lock);
    return got;
}

static inline ssize_t faulty_writev(const struct gv_io *io, int fd, const struct iovec *v, int n)
{
    struct faulty_io *f = faulty_of(io);
    pthread_mutex_lock(&f->lock);
    bool fails = faulty_fails(f);
    ssize_t done = fails ? -1 : writev(fd, v, n);
    if (fails && f->short_writes) {
        size_t half = v[0].iov_len / 2;
        done = half ? write(fd, v[0].iov_base, half) : -1;
    }
    pthread_mutex_unlock(&f->lock);
    return done;
}

static inline void faulty_note_sync(struct faulty_entry *e, int fd, bool ok)
{
    struct stat st;
    if (!e)
        return;
    if (!ok)
        e->poisoned = true;
    else if (!e->poisoned && fstat(fd, &st) == 0)
        e->synced = st.st_size;
}

static inline int faulty_fdatasync(const struct gv_io *io, int fd)
{
    struct faulty_io *f = faulty_of(io);
    pthread_mutex_lock(&f->lock);
    int result = faulty_fails(f) ? -1 : 0;
    faulty_note_sync(f->open[fd], fd, result == 0);
    pthread_mutex_unlock(&f->lock);
    return result;
}

static inline void faulty_note_folder(struct faulty_io *f, const char *folder)
{
    for (size_t i = 0; i < f->n; i++) {
        struct faulty_entry *e = f->entries[i];
        if (e->kind < FAULTY_MADE || !faulty_is_in(e->path, folder))
            continue;
        if (e->kept[0])
            unlink(e->kept);
        e->kind = FAULTY_NONE; /* on disk */
    }
}

static inline int faulty_fsync(const struct gv_io *io, int fd)
{
    struct faulty_io *f = faulty_of(io);
    pthread_mutex_lock(&f->lock);
    int result = faulty_fails(f) ? -1 : 0;
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        if (result == 0)
            faulty_note_folder(f, f->folders[fd]);
    } else {
        faulty_note_sync(f->open[fd], fd, result == 0);
    }
    pthread_mutex_unlock(&f->lock);
    return result;
}

static inline int faulty_ftruncate(const struct gv_io *io, int fd, off_t size)
{
    struct faulty_io *f = faulty_of(io);
    pthread_mutex_lock(&f->lock);
    int result = faulty_fails(f) ? -1 : ftruncate(fd, size);
    if (result == 0 && f->open[fd] && f->open[fd]->synced > size)
        f->open[fd]->synced = size;
    pthread_mutex_unlock(&f->lock);
    return result;
}

/* What was known under `from`, and in it, is known under `to`. */
static inline void faulty_move(struct faulty_io *f, const char *from, const char *to)
{
    size_t n = strlen(from);
    for (size_t i = 0; i < f->n; i++) {
        char *path = f->entries[i]->path, moved[2 * PATH_MAX];
        if (strncmp(path, from, n) || (path[n] && path[n] != '/'))
            continue;
        snprintf(moved, sizeof moved, "%s%s", to, path + n);
        snprintf(path, PATH_MAX, "%.*s", PATH_MAX - 1, moved);
    }
}

static inline int faulty_rename(const struct gv_io *io, const char *from, const char *to)
{
    struct faulty_io *f = faulty_of(io);
    pthread_mutex_lock(&f->lock);
    int result = -1;
    if (!faulty_fails(f)) {
        char kept[PATH_MAX] = "";
        struct stat st;
        if (stat(to, &st) == 0 && S_ISREG(st.st_mode)) {
            snprintf(kept, sizeof kept, "%s/faulty-kept.%d.%llu", f->keep ? f->keep : "/tmp", (int)getpid(),
                     (unsigned long long)f->n_kept++);
            if (link(to, kept) < 0)
                abort();
        }
        result = rename(from, to);
        if (result == 0) {
            struct faulty_entry *over = faulty_file(f, to);
            if (over)
                over->kind = FAULTY_NONE;
            faulty_move(f, from, to);
            struct faulty_entry *e = faulty_add(f, FAULTY_RENAMED, to);
            snprintf(e->from, sizeof e->from, "%s", from);
            memcpy(e->kept, kept, sizeof kept);
        }
    }
    pthread_mutex_unlock(&f->lock);
    return result;
}

static inline int faulty_link(const struct gv_io *io, const char *from, const char *to)
{
    struct faulty_io *f = faulty_of(io);
    pthread_mutex_lock(&f->lock);
    int result = faulty_fails(f) ? -1 : link(from, to);
    if (result == 0)
        faulty_add(f, FAULTY_MADE, to);
    pthread_mutex_unlock(&f->lock);
    return result;
}

static inline void faulty_forget(struct faulty_io *f, const char *path)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->entries[i]->path, path))
            f->entries[i]->kind = FAULTY_NONE;
}

static inline int faulty_remove(const struct gv_io *io, const char *path, int (*remove_it)(const char *))
{
    struct faulty_io *f = faulty_of(io);
    pthread_mutex_lock(&f->lock);
    int result = faulty_fails(f) ? -1 : remove_it(path);
    if (result == 0)
        faulty_forget(f, path);
    pthread_mutex_unlock(&f->lock);
    return result;
}

static inline int faulty_unlink(const struct gv_io *io, const char *path)
{
    return faulty_remove(io, path, unlink);
}

static inline int faulty_rmdir(const struct gv_io *io, const char *path)
{
    return faulty_remove(io, path, rmdir);
}

static inline int faulty_mkdir(const struct gv_io *io, const char *path, mode_t mode)
{
    struct faulty_io *f = faulty_of(io);
    pthread_mutex_lock(&f->lock);
    int result = faulty_fails(f) ? -1 : mkdir(path, mode);
    if (result == 0)
        faulty_add(f, FAULTY_MADE, path);
    pthread_mutex_unlock(&f->lock);
    return result;
}

static inline void *faulty_mmap(const struct gv_io *io, int fd, size_t n)
{
    struct faulty_io *f = faulty_of(io);
    pthread_mutex_lock(&f->lock);
    void *p = faulty_fails(f) ? MAP_FAILED : mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
    pthread_mutex_unlock(&f->lock);
    return p;
}

static inline void faulty_io_init(struct faulty_io *f)
{
    memset(f, 0, sizeof *f);
    f->io = (struct gv_io){faulty_open,  faulty_close,     faulty_read,   faulty_writev, faulty_fdatasync,
                           faulty_fsync, faulty_ftruncate, faulty_rename, faulty_link,   faulty_unlink,
                           faulty_mkdir, faulty_rmdir,     faulty_mmap};
    pthread_mutex_init(&f->lock, NULL);
}

static inline void faulty_forget_all(struct faulty_io *f)
{
    memset(f->open, 0, sizeof f->open);
    while (f->n)
        free(f->entries[--f->n]);
}

/* Forgets its files: as it was after faulty_io_init. */
static inline void faulty_io_reset(struct faulty_io *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->entries[i]->kind == FAULTY_RENAMED && f->entries[i]->kept[0])
            unlink(f->entries[i]->kept);
    f->calls = f->fail_from = f->fail_to = 0;
    f->error = 0;
    f->short_writes = false;
    faulty_forget_all(f);
}

static inline void faulty_io_fini(struct faulty_io *f)
{
    faulty_io_reset(f);
    pthread_mutex_destroy(&f->lock);
}

static inline int faulty_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

/* The folder with all in it, for tests' own cleaning up, too. */
static inline void remove_tree(const char *path)
{
    nftw(path, faulty_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The machine dies: call it when whoever used the files is gone. */
static inline void faulty_io_crash(struct faulty_io *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct faulty_entry *e = f->entries[i];
        if (e->kind == FAULTY_FILE && access(e->path, F_OK) == 0 && truncate(e->path, e->synced) < 0)
            abort();
    }
    for (size_t i = f->n; i-- > 0;) {
        struct faulty_entry *e = f->entries[i];
        if (e->kind == FAULTY_MADE)
            remove_tree(e->path);
        if (e->kind == FAULTY_RENAMED && rename(e->path, e->from) == 0) {
            faulty_move(f, e->path, e->from);
            if (e->kept[0] && rename(e->kept, e->path) < 0)
                abort();
        }
    }
    faulty_forget_all(f);
}
