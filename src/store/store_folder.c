/* The store's folder:
 *
 *   lock                   whose process it is
 *   log/00000001 ...       the log's segments
 *   checkpoint.00000042/   the head as it was before segment 42; .tmp while it is written
 *   <ULID>/                a block; <ULID>.damaged (.2, .3 ...) one that was set aside
 *   snapshots/<name>/
 *
 * Anything else is somebody's, and left alone. */
#include "base/number.h"
#include "store/block_meta.h"
#include "store/parts.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECKPOINT "checkpoint."

/* ---- The lock ---- */

static bool fail_locked(const struct gv_store *s, const char *path, struct gv_err *err)
{
    char pid[32] = "";
    ssize_t n = s->io->read(s->io, s->lock_fd, pid, sizeof pid - 1);
    pid[n > 0 ? n : 0] = 0;
    pid[strcspn(pid, "\n")] = 0;
    return gv_fail(err, GV_UNAVAILABLE,
                   "%s: the storage is in use by another process%s%s; end that one, or choose another --storage.path",
                   path, *pid ? ", pid " : "", pid);
}

static bool write_pid(const struct gv_store *s, const char *path, struct gv_err *err)
{
    char pid[32];
    int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    struct iovec v = {pid, (size_t)n};
    return (s->io->ftruncate(s->io, s->lock_fd, 0) == 0 && s->io->writev(s->io, s->lock_fd, &v, 1) == n) ||
           file_fail(err, path, "write the lock");
}

bool folder_lock(struct gv_store *s, struct gv_err *err)
{
    char *path = file_join(s->path, "lock");
    s->lock_fd = s->io->open(s->io, path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    bool ok = s->lock_fd >= 0 || file_fail(err, path, "open the lock");
    if (ok && flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
        ok = errno == EWOULDBLOCK ? fail_locked(s, path, err) : file_fail(err, path, "take the lock");
    ok = ok && write_pid(s, path, err);
    free(path);
    return ok;
}

/* ---- Looking around ---- */

typedef bool entry_fn(void *arg, const char *folder, const char *name, struct gv_err *err);

/* Calls fn for each entry by name; the folder may change meanwhile. */
static bool each_entry(const struct gv_io *io, const char *folder, entry_fn *fn, void *arg, struct gv_err *err)
{
    struct gv_arena a;
    char **names;
    size_t n;
    gv_arena_init(&a, NULL);
    bool ok = file_list(io, folder, &a, &names, &n, err);
    for (size_t i = 0; ok && i < n; i++)
        ok = fn(arg, folder, names[i], err);
    gv_arena_fini(&a);
    return ok;
}

/* ---- Blocks ---- */

static bool is_leftover(const char *name)
{
    const char *dot = strrchr(name, '.');
    char ulid[BLOCK_ULID_MAX] = "";
    if (!dot || strncmp(dot, ".tmp", 4) != 0)
        return false;
    if (strncmp(name, CHECKPOINT, strlen(CHECKPOINT)) == 0)
        return true;
    strncpy(ulid, name, sizeof ulid - 1);
    return ulid_is(ulid);
}

/* PATH.damaged, or PATH.damaged.2 and so on where such a one was set aside before. Heap. */
static char *name_aside(const char *path)
{
    char *aside;
    struct stat st;
    if (asprintf(&aside, "%s.damaged", path) < 0)
        gv_die("out of memory");
    for (unsigned n = 2; lstat(aside, &st) == 0; n++) {
        free(aside);
        if (asprintf(&aside, "%s.damaged.%u", path, n) < 0)
            gv_die("out of memory");
    }
    return aside;
}

static bool set_aside(struct gv_store *s, const char *path, const struct gv_err *why, struct gv_err *err)
{
    char *aside = name_aside(path);
    bool ok = s->io->rename(s->io, path, aside) == 0 || file_fail(err, path, "set the damaged block aside");
    if (ok) {
        s->damaged_blocks++;
        gv_log(GV_LOG_ERROR, "a block is damaged and was set aside: its samples are missing from answers",
               GV_F("block", path), GV_F("fault", why->msg), GV_F("moved_to", aside));
    }
    free(aside);
    return ok;
}

static bool open_entry(void *arg, const char *folder, const char *name, struct gv_err *err)
{
    struct gv_store *s = arg;
    char *path = file_join(folder, name);
    bool ok = true;
    if (is_leftover(name)) {
        ok = file_remove_folder(s->io, path, err);
    } else if (ulid_is(name)) {
        struct gv_err why = {0};
        struct block *b = block_open(s->io, path, &why);
        if (b)
            store_add_block(s, b);
        else
            ok = why.code == GV_INTERNAL ? set_aside(s, path, &why, err) : gv_fail(err, why.code, "%s", why.msg);
    }
    free(path);
    return ok;
}

static bool has_source(const struct block_meta *m, const char *ulid)
{
    for (size_t i = 0; i < m->n_sources; i++)
        if (!strcmp(m->sources[i], ulid))
            return true;
    return false;
}

/* All that went into a went into b too, which was made later: a is what a crash kept from being removed. */
static bool is_superseded(const struct block_meta *a, const struct block_meta *b)
{
    for (size_t i = 0; i < a->n_sources; i++)
        if (!has_source(b, a->sources[i]))
            return false;
    return a->n_sources && b->level > a->level && a->min_time >= b->min_time && a->max_time <= b->max_time;
}

static void drop_superseded(struct gv_store *s)
{
    for (size_t i = 0; i < s->n_blocks;) {
        struct block *b = s->blocks[i];
        bool gone = false;
        for (size_t j = 0; j < s->n_blocks && !gone; j++)
            gone = j != i && is_superseded(block_meta(b), block_meta(s->blocks[j]));
        if (gone)
            store_remove_blocks(s, &b, 1);
        else
            i++;
    }
}

bool folder_open_blocks(struct gv_store *s, struct gv_err *err)
{
    if (!each_entry(s->io, s->path, open_entry, s, err))
        return false;
    drop_superseded(s);
    return true;
}

/* ---- Checkpoints ---- */

/* Its segment; 0 for any other name. */
static uint64_t checkpoint_segment(const char *name)
{
    char *end;
    if (strncmp(name, CHECKPOINT, strlen(CHECKPOINT)) != 0)
        return 0;
    unsigned long long segment = strtoull(name + strlen(CHECKPOINT), &end, 10);
    return *end ? 0 : segment;
}

struct newest {
    uint64_t segment;
    char *folder;
};

static bool note_checkpoint(void *arg, const char *folder, const char *name, struct gv_err *err)
{
    struct newest *n = arg;
    uint64_t segment = checkpoint_segment(name);
    (void)err;
    if (segment > n->segment) {
        free(n->folder);
        *n = (struct newest){segment, file_join(folder, name)};
    }
    return true;
}

bool folder_checkpoint(struct gv_store *s, char **folder, uint64_t *segment, struct gv_err *err)
{
    struct newest n = {0};
    bool ok = each_entry(s->io, s->path, note_checkpoint, &n, err);
    *folder = n.folder;
    *segment = n.segment;
    return ok;
}

bool folder_checkpoint_bytes(struct gv_store *s, uint64_t *bytes, struct gv_err *err)
{
    char *folder;
    uint64_t segment;
    *bytes = 0;
    bool ok = folder_checkpoint(s, &folder, &segment, err) && (!folder || file_folder_bytes(s->io, folder, bytes, err));
    free(folder);
    return ok;
}

char *folder_new_checkpoint(const struct gv_store *s, uint64_t segment)
{
    char *path;
    if (asprintf(&path, "%s/" CHECKPOINT "%08llu", s->path, (unsigned long long)segment) < 0)
        gv_die("out of memory");
    return path;
}

struct below {
    const struct gv_io *io;
    uint64_t segment;
};

static bool drop_checkpoint(void *arg, const char *folder, const char *name, struct gv_err *err)
{
    const struct below *below = arg;
    uint64_t segment = checkpoint_segment(name);
    if (!segment || segment >= below->segment)
        return true;
    char *path = file_join(folder, name);
    bool ok = file_remove_folder(below->io, path, err);
    free(path);
    return ok;
}

bool folder_drop_checkpoints(struct gv_store *s, uint64_t below, struct gv_err *err)
{
    struct below b = {s->io, below};
    return each_entry(s->io, s->path, drop_checkpoint, &b, err);
}
